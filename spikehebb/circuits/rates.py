"""Circuits of rate units, for the rules that read rates. A step of ``dt`` is one update of the weights."""

from __future__ import annotations

import numpy as np
from brian2 import Quantity, ms
from numpy.typing import ArrayLike

from spikehebb.core import Circuit, Float, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.encoders import cue_source, rate_source
from spikehebb.neurons import (
    competing_unit,
    critic,
    delayed_critic,
    delayed_unit,
    linear_unit,
    rewarded_unit,
    softmax_inhibition,
)


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
    return layer("linear_rates", weights, rule, linear_unit, {"y": "w*x_pre"})


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
    circuit = layer("competing_rates", weights, rule, unit, {"u": "w*x_pre"})
    softmax = competition("u", "u_pre/temperature_pre")
    return Circuit(
        name=circuit.name,
        populations={**circuit.populations, "inhibition": Population(model=softmax_inhibition, size=1)},
        projections={**circuit.projections, **softmax},
    )


def competition(u: str, drive: str) -> dict[str, Projection]:
    """Return the projections that give ``output`` its ``rank``, 0 for the largest ``u``, and ``I = log(sum(exp))``.

    Parameters
    ----------
    u : str
        The variable of ``output`` that competes.
    drive : str
        What is exponentiated, for example ``u_pre/temperature_pre``.
    """
    larger = f"int({u}_pre > {u}_post) + int({u}_pre == {u}_post)*int(i < j)"
    return {
        "compare": Projection(pre="output", post="output", summed={"rank": larger}),
        "peak": Projection(pre="output", post="inhibition", summed={"peak": f"{drive}*int(rank_pre == 0)"}),
        "excite": Projection(pre="output", post="inhibition", summed={"Z": f"exp({drive} - peak_post)"}),
        "inhibit": Projection(pre="inhibition", post="output", summed={"I": "I_pre"}),
    }


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
    circuit = layer("rewarded_rates", weights, rule, unit, {"z": "w*x_pre"})
    return Circuit(
        name=circuit.name,
        populations={**circuit.populations, "critic": Population(model=critic, size=1)},
        projections={
            **circuit.projections,
            "judge": Projection(pre="output", post="critic", summed={"R": "-(y_pre - target_pre)**2"}),
            "reward": Projection(pre="critic", post="output", summed={"R": "R_pre"}),
        },
    )


def delayed_rates(
    weights: ArrayLike,
    *,
    rule: PlasticityRule | None,
    t_reward: Quantity = 6 * ms,
    baseline: float = 1.0,
    sigma: float = 0.2,
) -> Circuit:
    """Return noisy linear units that see their input in the first step of a presentation and are rewarded later.

    The reward is ``-sum((y - target)**2)`` of that first step. ``t_reward`` after the onset all units are told their
    success: the reward less ``baseline`` times its mean over earlier presentations.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None
        For example ``node_perturbation_delayed``.
    t_reward : Quantity
        A whole number of steps, shorter than a presentation.
    baseline : float
        1, or 0 for the bare reward.
    sigma : float
        Standard deviation of the noise, which is drawn anew at every presentation.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import delayed_rates
    >>> from spikehebb.rules import node_perturbation_delayed
    >>> list(delayed_rates(np.ones((3, 2)), rule=node_perturbation_delayed).projections)
    ['feedforward', 'judge', 'reward']
    """
    unit = delayed_unit.with_parameters(sigma=sigma)
    judging = delayed_critic.with_parameters(t_reward=t_reward, baseline=baseline)
    circuit = layer("delayed_rates", weights, rule, unit, {"z": "w*x_pre"}, cue_source)
    return Circuit(
        name=circuit.name,
        populations={**circuit.populations, "critic": Population(model=judging, size=1)},
        projections={
            **circuit.projections,
            "judge": Projection(pre="output", post="critic", summed={"R": "-(y_pre - target_pre)**2"}),
            "reward": Projection(pre="critic", post="output", summed={"success": "success_pre"}),
        },
    )


def layer(
    name: str,
    weights: ArrayLike,
    rule: PlasticityRule | None,
    unit: NeuronModel,
    summed: dict[str, str],
    source: NeuronModel = rate_source,
) -> Circuit:
    """Return a population ``input`` that drives a population ``output`` through ``feedforward``.

    Parameters
    ----------
    name : str
        Of the circuit.
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None
    unit, source : NeuronModel
        Of the outputs and of the inputs.
    summed : dict of str to str
        What the outputs sum, as in ``{"y": "w*x_pre"}``.
    """
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
