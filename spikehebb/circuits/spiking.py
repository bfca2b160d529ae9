"""Circuits of spiking neurons."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms
from numpy.typing import ArrayLike

from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.encoders import regular
from spikehebb.equations import variables
from spikehebb.neurons import biased_escape_rate, escape_rate, log_sum_exp
from spikehebb.rules import softhebb


def soft_wta(
    weights: ArrayLike,
    *,
    rule: PlasticityRule | None = softhebb,
    encoder: NeuronModel = regular,
    temperature: float = 0.005,
    rate: Quantity = 400 * Hz,
    tau_m: Quantity = 20 * ms,
    max_rate: Quantity | None = None,
    **parameters: Any,
) -> Circuit:
    """Return a soft winner-take-all circuit whose output spikes are samples of ``softmax(w.x/temperature)``.

    Every output neuron fires at ``rate*exp(u_k/T - I)``, where ``u`` is its filtered, weighted input and one
    inhibitory unit feeds back ``I = log(sum(exp(u_l/T)))`` within the same time step: the shares are exactly the
    softmax of ``u/T`` and all neurons together fire at ``rate``.

    Parameters
    ----------
    weights : array_like, shape (inputs, neurons)
    rule : PlasticityRule or None
        How the feed-forward weights change.
    encoder : NeuronModel
        The input neurons.
    temperature : float
        Of the softmax for input vectors of length 1, SoftHebb's 1/t. ``u`` counts spikes, so the neurons' own
        temperature ``T`` is ``temperature*max_rate*tau_m``.
    rate : Quantity
        Of all output neurons together; ``rate*dt`` must stay below 1.
    tau_m : Quantity
        Time constant of the membrane and, of a rule that reads the potential, of its presynaptic trace ``tau_x``.
    max_rate : Quantity, optional
        The rate of an input neuron for an input of 1; the parameter of the encoder when left out.
    **parameters
        Parameters of the rule; ``eta``, too, is for input vectors of length 1.

    References
    ----------
    Journe et al., ICLR 2023 (SoftHebb); Nessler et al., PLoS Comput. Biol. 9(4):e1003037, 2013 (the circuit).

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import soft_wta
    >>> soft_wta(np.ones((64, 10))).populations["output"].size
    10
    """
    array = np.asarray(weights, float)
    if array.ndim != 2:
        raise ValueError(f"soft_wta: weights must be (inputs, neurons), got shape {array.shape}.")
    if not temperature > 0:
        raise ValueError(f"soft_wta: temperature must be above 0, got {temperature}.")
    max_rate = encoder.parameters["max_rate"] if max_rate is None else max_rate
    spikes = float(max_rate * tau_m)  # what an input of 1 adds up to in u and x1
    neuron = escape_rate.with_parameters(tau_m=tau_m, temperature=temperature * spikes, rate=rate)
    if rule is not None:
        if "eta" in parameters:
            parameters["eta"] = parameters["eta"] / spikes
        if "tau_x" in rule.parameters and "u" in variables(rule.needs_post):
            parameters.setdefault("tau_x", tau_m)
        rule = rule.with_parameters(**parameters)
    return Circuit(
        name="soft_wta",
        populations={
            "input": Population(model=encoder, size=array.shape[0]),
            "output": Population(model=neuron, size=array.shape[1]),
            "inhibition": Population(model=log_sum_exp, size=1),
        },
        projections={
            "feedforward": Projection(pre="input", post="output", weights=array, rule=rule),
            "excite": Projection(pre="output", post="inhibition", summed={"Z": "exp(u_pre/temperature_pre - I_post)"}),
            "inhibit": Projection(pre="inhibition", post="output", summed={"I": "I_pre"}),
        },
    )


def biased(circuit: Circuit, bias: ArrayLike) -> Circuit:
    """Return a soft winner-take-all circuit whose neurons compete with ``u/T + bias``.

    Parameters
    ----------
    circuit : Circuit
        From ``soft_wta``.
    bias : array_like, shape (neurons,)
        The logarithm of each neuron's prior.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import biased, soft_wta
    >>> biased(soft_wta(np.ones((4, 2))), [0.0, 1.0]).populations["output"].state["bias"].tolist()
    [0.0, 1.0]
    """
    output, excite = circuit.populations["output"], circuit.projections["excite"]
    model = biased_escape_rate.with_parameters(**output.model.parameters)
    drive = Projection(pre=excite.pre, post=excite.post, summed={"Z": "exp(u_pre/temperature_pre + bias_pre - I_post)"})
    populations = {**circuit.populations, "output": dataclasses.replace(output, model=model)}
    projections = {**circuit.projections, "excite": drive}
    made = dataclasses.replace(circuit, populations=populations, projections=projections)
    return made.with_state("output", bias=bias)
