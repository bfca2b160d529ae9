"""The circuits of the catalogue that learn images."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, mV

from spikehebb.catalogue import collected
from spikehebb.circuits.learner import Learner
from spikehebb.circuits.spiking import soft_wta as soft_wta_of
from spikehebb.core import Circuit, Float, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.core.bounds import weight_bounds
from spikehebb.encoders import poisson, regular
from spikehebb.equations import did_you_mean, variables
from spikehebb.neurons import conductance_adaptive, conductance_inhibitory
from spikehebb.rules import combine, normalization, softhebb
from spikehebb.rules import diehl_cook as diehl_cook_rule


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
) -> Circuit:
    weights = np.clip(of_length(np.abs(rng.standard_normal((inputs, neurons))), start_norm), *weight_bounds(rule))
    own: dict[str, Any] = {"eta": eta, "lifetime": lifetime} if ages(rule) else {}
    return soft_wta_of(weights, rule=rule, encoder=encoder, temperature=temperature, rate=rate, tau_m=tau_m, **own)


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
) -> Circuit:
    weights = 0.3 * (rng.random((inputs, neurons)) + 0.01)
    same = np.eye(neurons, dtype=bool)
    return Circuit(
        name="diehl_cook",
        populations={
            "input": Population(model=encoder, size=inputs),
            "output": Population(model=conductance_adaptive, size=neurons, state={"theta": theta}),
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
    rule=combine(diehl_cook_rule, normalization, name="diehl_cook_normalized"),
    encoder=poisson.with_parameters(max_rate=63.75 * Hz),
    encoding="intensity",
    presentation=350 * ms,
    dt=0.5 * ms,
    least_spikes=5,
    reference=conductance_adaptive.reference,
)

LEARNERS = collected(Learner, globals())


def find(name: str) -> Learner:
    """Return a circuit that learns images by name.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in LEARNERS:
        raise ValueError(f"there is no circuit {name!r} that learns images.{did_you_mean(name, LEARNERS)}")
    return LEARNERS[name]
