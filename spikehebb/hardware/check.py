"""Whether a circuit fits on a chip: every reason why it does not, as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import Quantity, ms

from spikehebb.core import Circuit, PlasticityRule
from spikehebb.hardware.placement import Split, on_chip, output_axons, split
from spikehebb.hardware.quantize import checked_step
from spikehebb.hardware.rounding import step_of, steps
from spikehebb.hardware.sum_of_products import problems as obstacles
from spikehebb.hardware.target import Target
from spikehebb.hardware.weights import present, sign_problem, weight_levels
from spikehebb.metrics import degrees, inputs

_INSTEAD = {
    "escape_rate": "circuits.lif_wta competes without chance",
    "biased_escape_rate": "circuits.lif_wta competes without chance",
    "log_sum_exp": "inhibitory LIF neurons or lateral synapses take its place in circuits.lif_wta",
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a circuit does not fit.

    Parameters
    ----------
    limit : str
        Of the vocabulary.
    text : str
        One sentence.
    enforced : bool
        False where the number behind it is unverified: the sentence then notes it, and nothing is refused for it.
    """

    limit: str
    text: str
    enforced: bool

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """What is checked; its cores are filled once."""

    circuit: Circuit
    target: Target
    step: float

    @property
    def chip(self) -> str:
        return self.target.name

    @cached_property
    def split(self) -> Split:
        return split(self.circuit, self.target)


def check(circuit: Circuit, target: Target, *, dt: Quantity = 1 * ms) -> tuple[Problem, ...]:
    """Return everything that keeps a circuit from a chip.

    Parameters
    ----------
    circuit : Circuit
        Readouts that only add up spikes (``linear_readout``) are the host's and are not checked.
    target : Target
    dt : Quantity
        The time step: the chip's delays and refractory times are in steps.

    Returns
    -------
    tuple of Problem
        Empty where the circuit fits, as far as the target's limits are given.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> from spikehebb.hardware import TARGETS, check
    >>> for problem in check(lif_wta(np.eye(70)), TARGETS["dynapse2"].with_limits(weight_bits=None)):
    ...     print(problem)
    population output: a neuron has 139 synapses, but dynapse2 allows 64 (fan_in).
    """
    case = _Case(circuit=on_chip(circuit), target=target, step=checked_step(dt))
    problems: list[Problem] = []
    for name, limit in target.limits.items():
        if name in _CHECKS:
            for sentence in _CHECKS[name](case, limit.value):
                mark = "." if limit.verified else "; unverified number."
                problems.append(Problem(limit=name, text=f"{sentence} ({name}){mark}", enforced=limit.verified))
    return tuple(problems)


def _own(circuit: Circuit) -> list[str]:
    outside = inputs(circuit)
    return [name for name in circuit.populations if name not in outside]


def _rules(circuit: Circuit) -> Iterator[tuple[str, PlasticityRule]]:
    for name, projection in circuit.projections.items():
        if projection.rule is not None:
            yield name, projection.rule


def _neuron_models(case: _Case, value: Any) -> Iterator[str]:
    for name in _own(case.circuit):
        model = case.circuit.populations[name].model
        if model.name not in value:
            instead = f"; {_INSTEAD[model.name]}" if model.name in _INSTEAD else ""
            yield f"population {name}: {case.chip} runs {', '.join(value)}, but not {model.name} neurons{instead}"


def _continuous(case: _Case, value: Any) -> Iterator[str]:
    for name, projection in case.circuit.projections.items():
        if projection.summed and not value:
            yield (
                f"projection {name}: it sets {', '.join(projection.summed)} of {projection.post} at every time step, "
                f"but neurons of {case.chip} send each other nothing but spikes"
            )


def _weight_bits(case: _Case, value: Any) -> Iterator[str]:
    unverified = case.target.value("weight_bits") is None
    for name, projection in case.circuit.projections.items():
        if projection.weights is None:
            continue
        weights = present(case.circuit, name)
        try:
            found = weight_levels(case.circuit, case.target, name, unverified=unverified)
        except ValueError as error:
            yield str(error).removesuffix(".")
            continue
        assert found is not None
        low, high = found
        each = step_of(weights, max(high, -low))
        if each is None or weights.max(initial=0) / each > high + 1e-6 or weights.min(initial=0) / each < low - 1e-6:
            yield (
                f"projection {name}: its weights are not whole multiples, from {low} to {high}, of one number, but "
                f"{case.chip} has {value} bits for a weight; quantize them"
            )


def _weight_signs(case: _Case, value: Any) -> Iterator[str]:
    for name, projection in case.circuit.projections.items():
        if projection.weights is not None:
            sentence = sign_problem(case.circuit, case.target, name, unverified=True)
            if sentence:
                yield sentence


def _degree(side: str) -> Callable[[_Case, Any], Iterator[str]]:
    def find(case: _Case, value: Any) -> Iterator[str]:
        what = "a neuron has" if side == "in" else "a neuron sends to"
        for name, degree in degrees(case.circuit).items():
            most = int(degree[side].max())
            if most > value:
                yield f"population {name}: {what} {most} synapses, but {case.chip} allows {value}"

    return find


def _cores(case: _Case, value: Any) -> Iterator[str]:
    placement = case.split
    if placement.cores > value:
        shares = ", ".join(
            f"{s.cores} for {s.population}{f' ({s.reason})' if s.reason else ''}" for s in placement.shares
        )
        yield f"the circuit takes {placement.cores} cores ({shares}), but {case.chip} has {value}"


def _alone(limit: str) -> Callable[[_Case, Any], Iterator[str]]:
    def find(case: _Case, value: Any) -> Iterator[str]:
        enforced = case.target.value(limit) is not None
        placement = case.split if enforced else split(case.circuit, case.target.with_limits(**{limit: value}))
        sentence = placement.too_large.get(limit)
        if sentence:
            yield sentence

    return find


def _output_axons(case: _Case, value: Any) -> Iterator[str]:
    most, _ = output_axons(case.circuit, case.split)
    if most > value:
        yield f"a core sends to {most} pairs of a neuron and a core, but {case.chip} allows {value}"


def _destinations(case: _Case, value: Any) -> Iterator[str]:
    _, most = output_axons(case.circuit, case.split)
    if most > value:
        yield f"a neuron sends to {most} cores, but {case.chip} allows {value}"


def _delays(case: _Case, value: Any) -> Iterator[str]:
    for name, projection in case.circuit.projections.items():
        number = int(np.max(steps(projection.delay, case.step)))
        if number > value:
            yield f"projection {name}: its delay is {number} time steps, but {case.chip} has at most {value}"


def _refractory(case: _Case, value: Any) -> Iterator[str]:
    for name in _own(case.circuit):
        model = case.circuit.populations[name].model
        if model.refractory in model.parameters:
            number = int(np.max(steps(model.parameters[model.refractory], case.step)))
            if number > value:
                yield f"population {name}: it rests for {number} time steps, but {case.chip} has at most {value}"


def _learns(case: _Case, value: Any) -> Iterator[str]:
    for name, rule in _rules(case.circuit):
        if not value:
            yield f"projection {name}: {rule.name} changes its weights, but {case.chip} does not learn; freeze them"


def _traces(side: str) -> Callable[[_Case, Any], Iterator[str]]:
    def find(case: _Case, value: Any) -> Iterator[str]:
        for name, rule in _rules(case.circuit):
            needed = rule.reads(side)
            if len(needed) > value:
                yield (
                    f"projection {name}: rule {rule.name} reads {len(needed)} {side}synaptic variables "
                    f"({', '.join(needed)}), but {case.chip} has {value} traces there"
                )

    return find


def _tag_bits(case: _Case, value: Any) -> Iterator[str]:
    for name, rule in _rules(case.circuit):
        if case.target.value("sum_of_products"):
            return  # whose check covers this one
        own = rule.kept()
        if len(own) > 1:
            yield (
                f"projection {name}: rule {rule.name} keeps {', '.join(own)} in every synapse, but {case.chip} has "
                "one variable there besides the weight"
            )


def _sum_of_products(case: _Case, value: Any) -> Iterator[str]:
    for name, rule in _rules(case.circuit):
        if value:
            for problem in obstacles(rule):
                yield f"projection {name}: {problem.rstrip('.')}"


# What is checked of each limit. The others say how numbers are kept, which is for quantize and constrain.
_CHECKS: dict[str, Callable[[_Case, Any], Iterator[str]]] = {
    "neuron_models": _neuron_models,
    "continuous_projections": _continuous,
    "weight_bits": _weight_bits,
    "weight_signs": _weight_signs,
    "fan_in": _degree("in"),
    "fan_out": _degree("out"),
    "cores": _cores,
    "synapse_bits_per_core": _alone("synapse_bits_per_core"),
    "input_axons": _alone("input_axons"),
    "output_axons": _output_axons,
    "destinations": _destinations,
    "delay_steps": _delays,
    "refractory_steps": _refractory,
    "learns": _learns,
    "traces_pre": _traces("pre"),
    "traces_post": _traces("post"),
    "tag_bits": _tag_bits,
    "sum_of_products": _sum_of_products,
}
