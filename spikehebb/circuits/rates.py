"""Circuits of rate units, for the rules that read rates. A step of ``dt`` is one update of the weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spikehebb.core import Circuit, Float, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.encoders import centred_source, rate_source
from spikehebb.neurons import competing_unit, critic, linear_unit, rewarded_unit, sigmoid_unit, softmax_inhibition


def linear_rates(weights: ArrayLike, *, rule: PlasticityRule | None) -> Circuit:
    """Return linear units ``y = w.x`` with a rule that reads ``x`` and ``y``.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import linear_rates
    >>> from spikehebb.rules import oja
    >>> linear_rates(np.ones((2, 1)), rule=oja).populations["output"].model.name
    'linear_unit'
    """
    return _layer("linear_rates", weights, rule, linear_unit, {"y": "w*x_pre"})


def supervised_rates(weights: ArrayLike, *, rule: PlasticityRule | None, mu: ArrayLike = 0.0) -> Circuit:
    """Return sigmoid units ``h = 1/(1 + exp(-w.(x - mu)))``; the protocol presents ``target`` to population output.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None
    mu : array_like, scalar or shape (inputs,)
        The mean of the input, where it is centred. A bias is an input that is always 1, with ``mu`` 0.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import supervised_rates
    >>> from spikehebb.rules import hebbian_descent
    >>> supervised_rates(np.zeros((3, 2)), rule=hebbian_descent, mu=0.5).populations["input"].state["mu"].tolist()
    [0.5, 0.5, 0.5]
    """
    circuit = _layer("supervised_rates", weights, rule, sigmoid_unit, {"z": "w*(x_pre - mu_pre)"}, centred_source)
    size = circuit.populations["input"].size
    return circuit.with_state("input", mu=np.broadcast_to(np.asarray(mu, float), (size,)))


def competing_rates(weights: ArrayLike, *, rule: PlasticityRule | None, temperature: float = 1.0) -> Circuit:
    """Return units with ``u = w.x``, ``y = softmax(u/temperature)`` and their ``rank``, 0 for the largest ``u``.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None
    temperature : float
        SoftHebb's 1/t.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import competing_rates
    >>> from spikehebb.rules import softhebb_rate
    >>> list(competing_rates(np.ones((4, 3)), rule=softhebb_rate).projections)
    ['feedforward', 'compare', 'peak', 'excite', 'inhibit']
    """
    if not temperature > 0:
        raise ValueError(f"competing_rates: temperature must be above 0, got {temperature}.")
    unit = competing_unit.with_parameters(temperature=temperature)
    circuit = _layer("competing_rates", weights, rule, unit, {"u": "w*x_pre"})
    larger = "int(u_pre > u_post) + int(u_pre == u_post)*int(i < j)"
    largest = "u_pre/temperature_pre*int(rank_pre == 0)"
    drive = "exp(u_pre/temperature_pre - peak_post)"
    return Circuit(
        name=circuit.name,
        populations={**circuit.populations, "inhibition": Population(model=softmax_inhibition, size=1)},
        projections={
            **circuit.projections,
            "compare": Projection(pre="output", post="output", summed={"rank": larger}),
            "peak": Projection(pre="output", post="inhibition", summed={"peak": largest}),
            "excite": Projection(pre="output", post="inhibition", summed={"Z": drive}),
            "inhibit": Projection(pre="inhibition", post="output", summed={"I": "I_pre"}),
        },
    )


def rewarded_rates(weights: ArrayLike, *, rule: PlasticityRule | None, sigma: float = 0.05) -> Circuit:
    """Return noisy linear units ``y = w.x + noise`` that share the reward ``R = -sum((y - target)**2)``.

    The noise is drawn anew at every presentation; the protocol presents ``target`` to population ``output``.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None
    sigma : float
        Standard deviation of the noise.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import rewarded_rates
    >>> from spikehebb.rules import node_perturbation
    >>> rewarded_rates(np.ones((3, 2)), rule=node_perturbation).populations["critic"].size
    1
    """
    unit = rewarded_unit.with_parameters(sigma=sigma)
    circuit = _layer("rewarded_rates", weights, rule, unit, {"z": "w*x_pre"})
    return Circuit(
        name=circuit.name,
        populations={**circuit.populations, "critic": Population(model=critic, size=1)},
        projections={
            **circuit.projections,
            "judge": Projection(pre="output", post="critic", summed={"R": "-(y_pre - target_pre)**2"}),
            "reward": Projection(pre="critic", post="output", summed={"R": "R_pre"}),
        },
    )


def _layer(
    name: str,
    weights: ArrayLike,
    rule: PlasticityRule | None,
    unit: NeuronModel,
    summed: dict[str, str],
    source: NeuronModel = rate_source,
) -> Circuit:
    array: Float = np.asarray(weights, float)
    if array.ndim != 2:
        raise ValueError(f"{name}: weights must be (inputs, units), got shape {array.shape}.")
    inputs, units = array.shape
    return Circuit(
        name=name,
        populations={
            "input": Population(model=source, size=inputs),
            "output": Population(model=unit, size=units),
        },
        projections={
            "feedforward": Projection(pre="input", post="output", weights=array, rule=rule, summed=summed),
        },
    )
