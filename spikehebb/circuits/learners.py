"""The circuits of the catalogue that learn images."""

from __future__ import annotations

import dataclasses
import inspect
from types import FunctionType
from typing import Any, get_args

import numpy as np
from brian2 import Hz, Quantity, ms, mV, second

from spikehebb.catalogue import collected
from spikehebb.circuits.learner import AnyLearner, Learner
from spikehebb.circuits.lif import Inhibition, inhibiting, inhibitory_neurons
from spikehebb.circuits.spiking import soft_wta as soft_wta_of
from spikehebb.core import Circuit, Float, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.core.bounds import weight_bounds
from spikehebb.core.values import check_name
from spikehebb.encoders import poisson, regular
from spikehebb.equations import did_you_mean, variables
from spikehebb.neurons import (
    conductance_adaptive,
    conductance_inhibitory,
    homeostatic_escape_rate,
    lif_competing,
    lif_unit,
    mean_inhibition,
)
from spikehebb.rules import combine, diehl_cook_power, normalization, softhebb, softhebb_threshold
from spikehebb.rules import nessler as nessler_rule


def of_length(weights: Float, norm: float) -> Float:
    """Return weights whose columns are of this Euclidean length."""
    return weights * norm / np.linalg.norm(weights, axis=0)


def ages(rule: PlasticityRule) -> bool:
    """Return whether neurons learn less the more often they have fired, as in SoftHebb."""
    return "age" in variables(rule.post)


def _soft_wta(
    inputs: int,
    neurons: int,
    *,
    rng: np.random.Generator,
    rule: PlasticityRule,
    encoder: NeuronModel,
    temperature: float = 0.005,
    rate: Quantity = 400 * Hz,
    tau_m: Quantity = 10 * ms,
    start_norm: float = 3.0,
    eta: float = 0.1,
    lifetime: float = 100.0,
    max_rate: Quantity = 0 * Hz,
) -> Circuit:
    weights = np.clip(of_length(np.abs(rng.standard_normal((inputs, neurons))), start_norm), *weight_bounds(rule))
    own: dict[str, Any] = {"eta": eta, "lifetime": lifetime} if ages(rule) else {}
    return soft_wta_of(
        weights,
        rule=rule,
        encoder=encoder,
        temperature=temperature,
        rate=rate,
        tau_m=tau_m,
        max_rate=max_rate or None,
        **own,
    )


def _nessler(
    inputs: int,
    neurons: int,
    *,
    rng: np.random.Generator,
    rule: PlasticityRule,
    encoder: NeuronModel,
    temperature: float = 1.0,
    rate: Quantity = 200 * Hz,
    tau_m: Quantity = 10 * ms,
    step: float = 0.5,
) -> Circuit:
    weights = 1 + 0.1 * rng.standard_normal((inputs, neurons))
    circuit = soft_wta_of(weights, rule=rule, encoder=encoder, temperature=temperature, rate=rate, tau_m=tau_m)
    output = circuit.populations["output"]
    model = homeostatic_escape_rate.with_parameters(**output.model.parameters, step=step, goal_rate=rate / neurons)
    drive = dataclasses.replace(
        circuit.projections["excite"], summed={"Z": "exp(u_pre/temperature_pre + b_pre - I_post)"}
    )
    return dataclasses.replace(
        circuit,
        name="nessler",
        populations={**circuit.populations, "output": dataclasses.replace(output, model=model)},
        projections={**circuit.projections, "excite": drive},
    )


def _lif_wta(
    inputs: int,
    neurons: int,
    *,
    rng: np.random.Generator,
    rule: PlasticityRule,
    encoder: NeuronModel,
    inhibition: str = "spiking",
    gain: float = 8.0,
    centring: float = 1.0,
    strength: float = 3.0,
    tau_m: Quantity = 20 * ms,
    tau_inhibition: Quantity = 2 * ms,
    inhibitory: int = 8,
    theta_step: float = 0.0,
    rate: Quantity = 0 * Hz,
    start_norm: float = 3.0,
    eta: float = 0.1,
    lifetime: float = 100.0,
    max_rate: Quantity = 0 * Hz,
) -> Circuit:
    if inhibition not in get_args(Inhibition):
        raise ValueError(f"lif_wta: inhibition must be {' or '.join(get_args(Inhibition))}, got {inhibition!r}.")
    spikes = float((max_rate or encoder.parameters["max_rate"]) * tau_m)  # what an input of 1 adds up to in u and x1
    own: dict[str, Any] = {"eta": eta / spikes, "lifetime": lifetime} if ages(rule) else {}
    own |= {"tau_x": tau_m} if "tau_x" in rule.parameters and "u" in variables(rule.needs_post) else {}
    rule = rule.with_parameters(**own)
    weights = np.clip(of_length(np.abs(rng.standard_normal((inputs, neurons))), start_norm), *weight_bounds(rule))
    neuron = lif_competing.with_parameters(
        tau_m=tau_m, gain=gain / spikes, centring=centring, theta_step=theta_step, goal_rate=rate / neurons
    )
    return Circuit(
        name="lif_wta",
        populations={
            "input": Population(model=encoder, size=inputs),
            "output": Population(model=neuron, size=neurons),
            "average": Population(model=mean_inhibition.with_parameters(share=1 / neurons), size=1),
            **inhibitory_neurons(inhibition, inhibitory, tau_inhibition),
        },
        projections={
            "feedforward": Projection(pre="input", post="output", weights=weights, rule=rule),
            "pool": Projection(pre="output", post="average", summed={"m": "share_post*u_pre"}),
            "centre": Projection(pre="average", post="output", summed={"m": "m_pre"}),
            **inhibiting(inhibition, neurons, inhibitory, strength),
        },
    )


def _lif_first(
    inputs: int,
    neurons: int,
    *,
    rng: np.random.Generator,
    rule: PlasticityRule,
    encoder: NeuronModel,
    level: float = 60.0,
    strength: float = 5.0,
    start_norm: float = 3.0,
    eta: float = 0.15,
    lifetime: float = 300.0,
) -> Circuit:
    weights = np.clip(of_length(np.abs(rng.standard_normal((inputs, neurons))), start_norm), *weight_bounds(rule))
    own: dict[str, Any] = {"eta": eta / level, "lifetime": lifetime} if ages(rule) else {}
    own |= {"level": level, "tau_x": 10 * second} if "level" in rule.parameters else {}
    neuron = lif_unit.with_parameters(tau_m=np.inf * second, jump=1 / level * mV)  # in whole numbers nothing decays
    return Circuit(
        name="lif_first",
        populations={
            "input": Population(model=encoder, size=inputs),
            "output": Population(model=neuron, size=neurons),
        },
        projections={
            "feedforward": Projection(pre="input", post="output", weights=weights, rule=rule.with_parameters(**own)),
            "lateral": Projection(pre="output", post="output", weights=-strength * level * (1 - np.eye(neurons))),
        },
    )


def _diehl_cook(
    inputs: int,
    neurons: int,
    *,
    rng: np.random.Generator,
    rule: PlasticityRule,
    encoder: NeuronModel,
    excitation: float = 10.4,
    inhibition: float = 17.0,
    theta: Quantity = 20 * mV,
    tau_theta: Quantity = 7e3 * second,
) -> Circuit:
    weights = 0.3 * (rng.random((inputs, neurons)) + 0.01)
    same = np.eye(neurons, dtype=bool)
    neuron = conductance_adaptive.with_parameters(tau_theta=tau_theta)
    return Circuit(
        name="diehl_cook",
        populations={
            "input": Population(model=encoder, size=inputs),
            "output": Population(model=neuron, size=neurons, state={"theta": theta}),
            "inhibition": Population(model=conductance_inhibitory, size=neurons),
        },
        projections={
            "feedforward": Projection(pre="input", post="output", weights=weights, rule=rule),
            "excite": Projection(pre="output", post="inhibition", weights=excitation * same, connected=same),
            "inhibit": Projection(pre="inhibition", post="output", weights=-inhibition * ~same, connected=~same),
        },
        reference=conductance_adaptive.reference,
    )


soft_wta = Learner(
    name="soft_wta",
    summary="Soft winner-take-all whose output spikes are samples of a softmax",
    start=_soft_wta,
    rule=softhebb,
    encoder=regular,
    reference="Journe et al. 2023 (SoftHebb); Nessler et al. 2013 (the circuit)",
)

diehl_cook = Learner(
    name="diehl_cook",
    summary="Conductance-based LIF neurons with moving thresholds and lateral inhibition, as Diehl and Cook 2015",
    start=_diehl_cook,
    rule=combine(diehl_cook_power, normalization),
    encoder=poisson.with_parameters(max_rate=63.75 * Hz),
    encoding="intensity",
    presentation=350 * ms,
    dt=0.5 * ms,
    least_spikes=5,
    reference=conductance_adaptive.reference,
)

nessler = Learner(
    name="nessler",
    summary="Soft winner-take-all that learns logarithms of probabilities by expectation maximization in spikes",
    start=_nessler,
    rule=nessler_rule.with_parameters(eta=0.02, w_min=-2.0, w_max=float(np.log(5))),
    encoder=regular.with_parameters(max_rate=100 * Hz),
    encoding="on and off",
    reference="Nessler, Pfeiffer, Buesing and Maass 2013; homeostasis as Habenschuss, Bill and Nessler 2012",
)

lif_wta = Learner(
    name="lif_wta",
    summary="Winner-take-all of LIF neurons with spiking or lateral inhibition",
    start=_lif_wta,
    rule=softhebb,
    encoder=regular,
    presentation=100 * ms,
)

lif_first = Learner(
    name="lif_first",
    summary="Winner-take-all of integrate-and-fire neurons: the first at its threshold wins; all of it fits on chips",
    start=_lif_first,
    rule=softhebb_threshold,
    encoder=regular.with_parameters(max_rate=2000 * Hz),
    presentation=60 * ms,
    reference="The circuit is this toolkit's: lateral inhibition and a rule that is a sum of products",
)

LEARNERS = collected(Learner, globals())


def find(name: AnyLearner) -> Learner:
    """Return a circuit that learns images by name, or of a function of ``inputs`` and ``neurons``; a learner as it is.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if isinstance(name, Learner):
        return name
    if isinstance(name, FunctionType):
        return Learner(name=name.__name__, summary=inspect.getdoc(name) or "", start=name)
    name = check_name("circuit", name, "a name of circuits.LEARNERS, a Learner or a function that returns a circuit")
    if name not in LEARNERS:
        raise ValueError(f"there is no circuit {name!r} that learns images.{did_you_mean(name, LEARNERS)}")
    return LEARNERS[name]
