"""Learning under the limits of a chip: integer weights, saturating traces, updates at the end of learning epochs.

``constrain`` rewrites the rules of a circuit; what comes out are Brian2 equations again and runs on every device. As
on Loihi, a product is evaluated at the last presynaptic (``x0``) or postsynaptic (``y0``) spike of an epoch, with the
traces of that moment; the sum waits in an accumulator and changes the weight when the epoch ends. Traces decay exactly
between roundings, which happen at spikes, at the end of epochs, and where a product reads them. Coincident spikes do
not pair, as everywhere in this toolkit (on Loihi they do).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from brian2 import Quantity, ms, second
from brian2.units import get_dimensions

from spikehebb import equations as text
from spikehebb.core import Circuit, Float, Frozen, Population, Projection, Recording
from spikehebb.core.seeds import check_seed
from spikehebb.hardware.integer_rule import IntegerRule, Range, integer_rule
from spikehebb.hardware.memristive import is_memristive
from spikehebb.hardware.rounding import Rounding, whole
from spikehebb.hardware.sum_of_products import SumOfProducts, sum_of_products
from spikehebb.hardware.target import Target
from spikehebb.hardware.weights import sign_problem, signs, weight_levels


@dataclass(frozen=True, kw_only=True, eq=False)
class Constrained:
    """A circuit that learns under the limits of a chip.

    Parameters
    ----------
    circuit : Circuit
        Its plastic weights are whole numbers where the target limits their bits.
    target : Target
    rounding : str
    sums : mapping of str to SumOfProducts
        The rule of every plastic projection, in Loihi's form and its own units.
    integers : mapping of str to IntegerRule
        The same with the chip's whole numbers.
    steps : mapping of str to float
        What a weight of 1 stands for, by projection.
    """

    circuit: Circuit
    target: Target
    rounding: str
    sums: Mapping[str, SumOfProducts]
    integers: Mapping[str, IntegerRule]
    steps: Mapping[str, float]

    def weights(self, recording: Recording, projection: str) -> Float:
        """Return the weights after a run in the units of the unconstrained circuit, shape (n_pre, n_post)."""
        return np.asarray(recording.weights[projection] * self.steps.get(projection, 1.0), float)

    def trace(self, recording: Recording, projection: str, variable: str) -> Float:
        """Return a trace after a run, by the unconstrained rule's name and in its units, shape (neurons,)."""
        names = {trace.variable: trace for trace in self.sums[projection].traces if not trace.exposed}
        if variable not in names:
            raise ValueError(
                f"projection {projection} keeps no trace {variable!r}.{text.did_you_mean(variable, names)}"
            )
        trace, wiring = names[variable], self.circuit.projections[projection]
        held = recording.state[wiring.pre if trace.side == "pre" else wiring.post][trace.name]
        return np.asarray(held * self.integers[projection].units[trace.name], float)

    def __str__(self) -> str:
        lines = []
        for name, sums in self.sums.items():
            lines += [f"{name}: rule {sums.rule}, one step of the weight is {self.steps[name]:.4g}", str(sums)]
            lines += ["in whole numbers:", str(self.integers[name])]
        return "\n".join(lines)


def constrain(
    circuit: Circuit,
    target: Target,
    *,
    epoch: Quantity = 1 * ms,
    rounding: Rounding | None = None,
    w_max: float | None = None,
    ranges: Mapping[str, float] | None = None,
    spikes: float = 4.0,
    seed: int = 0,
) -> Constrained:
    """Return a circuit whose plasticity keeps to the limits of a chip.

    Parameters
    ----------
    circuit : Circuit
        With at least one rule.
    target : Target
        Of its verified limits those of weights, traces, tag, constants, scales and accumulator are kept; what is not
        limited stays exact.
    epoch : Quantity
        How long a learning epoch is; a whole number of time steps.
    rounding : str, optional
        ``stochastic`` or ``nearest``; what the target does when left out, and ``nearest`` where it does not say.
    w_max : float, optional
        The largest weight, which the largest whole number stands for. Left out: the rule's own, or else the largest
        weight of the projection.
    ranges : mapping of str to float, optional
        The largest value of traces, by the rule's names. A variable of the neuron that is exposed as a trace, such as
        its potential ``u``, needs one.
    spikes : float
        Of traces without a range: how many spikes at once fill one.
    seed : int
        Of the rounding of the weights to start from.

    Raises
    ------
    ValueError
        If a rule is no sum of products, needs more traces than there are, or a number is out of range.

    References
    ----------
    Davies et al., IEEE Micro 38(1):82, 2018 (Loihi); lava-nc/lava: connection.py, learning_rule_applier.py.

    Examples
    --------
    >>> from spikehebb.circuits import synapse_pair
    >>> from spikehebb.hardware import TARGETS
    >>> from spikehebb.rules import stdp_pair
    >>> chip = constrain(synapse_pair(stdp_pair, w=0.4), TARGETS["loihi1"])
    >>> print(chip.sums["synapse"])
    dw = -0.00525*x0*y1 + 0.005*y0*x1
    >>> float(chip.circuit.projections["synapse"].weights[0, 0])
    102.0
    """
    plastic = {name: projection for name, projection in circuit.projections.items() if projection.rule}
    if not plastic:
        raise ValueError(f"circuit {circuit.name} has no learning rule to constrain; give a projection one.")
    if target.value("learns") is False:
        raise ValueError(f"target {target.name} does not learn on the chip; take another target, or frozen weights.")
    if is_memristive(target):
        raise ValueError(f"weights of target {target.name} are conductances; give its rules with memristive instead.")
    if get_dimensions(epoch) != second.dim or not epoch > 0 * ms:
        raise ValueError(f"epoch must be a time above 0, got {epoch}.")
    if rounding is None:
        rounding = "stochastic" if target.value("stochastic_rounding") else "nearest"
    if rounding not in get_args(Rounding):
        raise ValueError(f"rounding must be {' or '.join(get_args(Rounding))}, got {rounding!r}.")
    if not spikes >= 1:
        raise ValueError(f"spikes must be at least 1, got {spikes}.")
    rng = np.random.default_rng(check_seed(seed))
    sums, integers, steps = dict[str, SumOfProducts](), dict[str, IntegerRule](), dict[str, float]()
    for name, projection in plastic.items():
        owner = f"circuit {circuit.name}, projection {name}"
        sums[name] = _sum(owner, projection, target)
        limits = _weights(owner, circuit, name, sums[name], target, w_max)
        steps[name] = limits.step
        integers[name] = integer_rule(
            projection.rule,
            sums[name],
            target,
            limits,
            epoch=epoch,
            rounding=rounding,
            ranges=ranges or {},
            spikes=spikes,
        )
    steps = _shared(circuit, plastic, steps)
    projections, populations = dict(circuit.projections), dict(circuit.populations)
    for name, projection in plastic.items():
        limits = integers[name].weights
        held = np.asarray(projection.weights, float) / limits.step
        held = whole(held, rounding, rng) if limits.whole else held
        projections[name] = dataclasses.replace(
            projection, rule=integers[name].rule, weights=np.clip(held, limits.low, limits.high)
        )
    for end in {projection.post for projection in plastic.values()}:
        populations[end] = _scaled(populations[end], next(steps[n] for n, p in plastic.items() if p.post == end))
    for name, projection in projections.items():
        others = [steps[n] for n, p in plastic.items() if p.post == projection.post]
        if name not in plastic and others and projection.weights is not None and not projection.summed:
            projections[name] = dataclasses.replace(projection, weights=np.asarray(projection.weights) / others[0])
    start, populations = _start(circuit, populations, sums)
    constrained = dataclasses.replace(
        circuit, name=f"{circuit.name}_on_{target.name}", populations=populations, projections=projections
    )
    for (name, side), values in start.items():
        names, found = constrained.names(name, side), integers[name]
        started = {names[trace]: _whole_trace(value, found.units[trace], found.top) for trace, value in values.items()}
        constrained = constrained.with_state(getattr(plastic[name], side), **started)
    return Constrained(
        circuit=constrained,
        target=target,
        rounding=rounding,
        sums=Frozen(sums),
        integers=Frozen(integers),
        steps=Frozen(steps),
    )


def _sum(owner: str, projection: Projection, target: Target) -> SumOfProducts:
    """Return a projection's rule as a sum of products that the target has traces for."""
    assert projection.rule is not None
    if projection.summed:
        raise ValueError(f"{owner} is continuous, and a chip sends spikes; use a circuit of spiking neurons.")
    found = sum_of_products(projection.rule)
    for side in ("pre", "post"):
        most, needed = target.value(f"traces_{side}"), projection.rule.reads(side)
        if most is not None and len(needed) > most:
            raise ValueError(
                f"{owner}: rule {found.rule} reads {len(needed)} {side}synaptic traces ({', '.join(needed)}), and "
                f"{target.name} has {most}; take a rule with fewer."
            )
    return found


def _weights(
    owner: str, circuit: Circuit, name: str, sums: SumOfProducts, target: Target, w_max: float | None
) -> Range:
    """Return the numbers that a weight can be on the chip and within the rule's bounds, and what 1 stands for."""
    weights = np.asarray(circuit.projections[name].weights, float)
    largest = w_max if w_max is not None else sums.w_max if np.isfinite(sums.w_max) else float(np.abs(weights).max())
    if not (np.isfinite(largest) and largest > 0):
        raise ValueError(f"{owner}: the largest weight must be above 0, got {largest}; give w_max.")
    if problem := sign_problem(circuit, target, name):
        raise ValueError(f"circuit {circuit.name}: {problem}.")
    found = weight_levels(circuit, target, name)
    if found is None:
        low, high, step = -largest if signs(circuit, name)[0].any() else 0.0, largest, 1.0
        bounds = sums.w_min, sums.w_max
    else:
        (low, high), step = found, largest / found[1]
        bounds = float(np.round(sums.w_min / step)), float(np.round(sums.w_max / step))
    return Range(low=max(low, bounds[0]), high=min(high, bounds[1]), step=step, whole=found is not None)


def _shared(circuit: Circuit, plastic: Mapping[str, Projection], steps: dict[str, float]) -> dict[str, float]:
    """Raise ``ValueError`` unless all plastic projections onto a population have the same step."""
    for end in circuit.populations:
        found = {steps[name] for name, projection in plastic.items() if projection.post == end}
        if len(found) > 1:
            raise ValueError(
                f"circuit {circuit.name}: the plastic weights onto {end} have different ranges; give one w_max."
            )
    return steps


def _start(
    circuit: Circuit, populations: Mapping[str, Population], sums: Mapping[str, SumOfProducts]
) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, Population]]:
    """Return what the chip's traces start from, by projection and side, and the populations without what it was."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    left = {name: dict(population.state) for name, population in populations.items()}
    for name, total in sums.items():
        for side in ("pre", "post"):
            names, state = circuit.names(name, side), left[getattr(circuit.projections[name], side)]
            for trace in total.traces:
                own = names.get(trace.variable, trace.variable)
                if trace.side == side and not trace.exposed and own in state:
                    found.setdefault((name, side), {})[trace.name] = state.pop(own)
    return found, {n: dataclasses.replace(p, state=left[n]) for n, p in populations.items()}


def _whole_trace(value: Any, unit: float, top: float) -> Any:
    """Return the value of a trace in units of the chip, a whole number where the chip has no others."""
    scaled = np.asarray(value, float) / unit
    return np.clip(np.round(scaled), 0, top) if np.isfinite(top) else scaled


def _scaled(population: Population, step: float) -> Population:
    """Return neurons that take a weight of 1 for a step."""
    model = population.model
    receive, parameters = text.renamed(model.receive, {"w": "w*w_step_post"}), {**model.parameters, "w_step": step}
    return dataclasses.replace(population, model=dataclasses.replace(model, receive=receive, parameters=parameters))
