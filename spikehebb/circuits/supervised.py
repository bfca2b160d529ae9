"""Circuits of rate units with targets: one layer, and deep networks. A step of ``dt`` is one update of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from brian2 import Hz, Quantity
from numpy.typing import ArrayLike

from spikehebb.circuits.rates import competition, layer
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.core.times import seconds
from spikehebb.encoders import centred_source, running_source
from spikehebb.neurons import sigmoid_unit, softmax_inhibition, softmax_unit, tanh_hidden
from spikehebb.rules import batched, hebbian_descent_gradient, hebbian_descent_gradient_deep


def supervised_rates(
    weights: ArrayLike,
    *,
    rule: PlasticityRule | None,
    mu: ArrayLike = 0.0,
    unit: NeuronModel = sigmoid_unit,
    tau_mu: Quantity | None = None,
) -> Circuit:
    """Return units that see ``z = w.(x - mu)``; the protocol presents ``target`` to population ``output``.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None
        For example ``hebbian_descent``.
    mu : array_like, scalar or shape (inputs,)
        The mean of the input, where it is centred. A bias is an input that is always 1, with ``mu`` 0.
    unit : NeuronModel
        Of ``neurons.outputs``: ``identity_unit``, ``step_unit``, ``rectifier_unit``, ``tanh_unit``, ``sigmoid_unit``,
        ``softmax_unit``, ``exponential_unit``; or one of your own with ``z``, ``target`` and what the rule reads.
    tau_mu : Quantity, optional
        With this the mean runs after the input, by dt/tau_mu in a step, from ``mu`` on, and the bias, which must be
        the last input, is adapted so that no output changes when the mean moves.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import supervised_rates
    >>> from spikehebb.rules import hebbian_descent
    >>> supervised_rates(np.zeros((3, 2)), rule=hebbian_descent, mu=0.5).populations["input"].state["mu"].tolist()
    [0.5, 0.5, 0.5]
    """
    running = tau_mu is not None
    source, drive = (running_source, "w*x_pre") if running else (centred_source, "w*(x_pre - mu_pre)")
    circuit = layer("supervised_rates", weights, rule, unit, {"z": drive}, source)
    populations, projections = dict(circuit.populations), dict(circuit.projections)
    size = populations["input"].size
    means = np.broadcast_to(np.asarray(mu, float), (size,)).copy()
    if tau_mu is not None:
        bias = np.arange(size) == size - 1
        follow = np.where(bias, 0, 1 / seconds("supervised_rates: tau_mu", tau_mu, above=0.0)) * Hz
        means[bias] = 0
        populations["input"] = Population(model=source.with_parameters(follow=follow), size=size)
        centre = Projection(
            pre="input",
            post="input",
            summed={"offset": "mean_pre*(x_pre - mean_pre)"},
            connected=~bias[:, None] & bias[None, :],
        )
        projections = {"centre": centre, **projections}
    if unit.name == softmax_unit.name:
        populations["inhibition"] = Population(model=softmax_inhibition, size=1)
        projections |= competition("z", "z_pre")
        agreement = {"agreement": "h_pre*(h_pre - target_pre)"}
        projections["agree"] = Projection(pre="output", post="output", summed=agreement)
    built = Circuit(name=circuit.name, populations=populations, projections=projections)
    return built.with_state("input", **{"mean" if running else "mu": means})


def deep_rates(
    weights: Sequence[ArrayLike],
    *,
    rule: PlasticityRule | None,
    mu: ArrayLike = 0.0,
    hidden: NeuronModel = tanh_hidden,
    unit: NeuronModel = sigmoid_unit,
    batch: Quantity | None = None,
) -> Circuit:
    """Return a network of several layers; an error handed down through the weights teaches the hidden ones.

    The last input and the last unit of every hidden layer are biases, always 1; weights to the latter have no effect.

    Parameters
    ----------
    weights : sequence of array_like, shapes (inputs, hidden), ..., (hidden, units)
        From the input to the output, at least two layers.
    rule : PlasticityRule or None
        Of the output layer: ``hebbian_descent_deep``, or ``hebbian_descent_gradient_deep`` for the squared error. The
        layers below learn by gradient descent on what is handed down, at the same rate.
    mu : array_like, scalar or shape (inputs,)
        The mean of the input.
    hidden, unit : NeuronModel
        Of the hidden layers and of the output.
    batch : Quantity, optional
        Of mini-batches, of which all layers learn at the end (see ``rules.batched``).

    Raises
    ------
    ValueError
        If the layers do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import deep_rates
    >>> from spikehebb.rules import hebbian_descent_deep
    >>> list(deep_rates([np.zeros((5, 4)), np.zeros((4, 3)), np.zeros((3, 2))], rule=hebbian_descent_deep).projections)
    ['layer1', 'layer2', 'layer3']
    """
    layers = [np.asarray(each, float) for each in weights]
    shapes = [each.shape for each in layers]
    if len(layers) < 2 or any(each.ndim != 2 for each in layers):
        raise ValueError(f"deep_rates: weights must be two or more layers (inputs, units), got shapes {shapes}.")
    if any(below[1] != above[0] for below, above in pairwise(shapes)):
        raise ValueError(f"deep_rates: the units of a layer must be the inputs of the next one, got shapes {shapes}.")
    if unit.name == softmax_unit.name:
        raise ValueError("deep_rates: a softmax needs inhibition, which deep networks do not have; take sigmoid_unit.")
    populations = {"input": Population(model=centred_source, size=shapes[0][0])}
    names = ["input"]
    for number, (_, size) in enumerate(shapes, start=1):
        names.append("output" if number == len(shapes) else f"hidden{number}")
        bias = (np.arange(size) == size - 1).astype(float)
        model = unit if number == len(shapes) else hidden.with_parameters(bias=bias)
        populations[names[-1]] = Population(model=model, size=size)
    own = {} if rule is None else {name: rule.parameters[name] for name in ("eta", "decay")}
    low, middle = (each.with_parameters(**own) for each in (hebbian_descent_gradient, hebbian_descent_gradient_deep))
    given = [None if rule is None else each for each in (low, *[middle] * (len(shapes) - 2), rule)]
    rules = [each if each is None or batch is None else batched(each, batch) for each in given]
    projections = {
        f"layer{number}": Projection(
            pre=pre, post=post, weights=array, rule=own_rule, summed={"z": "w*(x_pre - mu_pre)"}
        )
        for number, ((pre, post), array, own_rule) in enumerate(zip(pairwise(names), layers, rules, strict=True), 1)
    }
    means = np.broadcast_to(np.asarray(mu, float), (shapes[0][0],))
    return Circuit(name="deep_rates", populations=populations, projections=projections).with_state("input", mu=means)
