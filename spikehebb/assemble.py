"""From a circuit and a protocol to the texts and the numbers of a Brian2 simulation.

A ``Plan`` holds the texts: what a compiled program depends on. ``values`` holds the numbers: what it takes anew in
every run (weights, stimuli, parameters).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity
from brian2.units import get_dimensions
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import Circuit, Frozen, NeuronModel, Population, Projection, Protocol
from spikehebb.encoders import ENCODERS

_FEWEST, _MOST = 2, 9999  # time steps in a presentation; Brian2 takes clocks further apart for simultaneous


@dataclass(frozen=True, kw_only=True)
class PopulationPlan:
    """The Brian2 text of one population."""

    size: int
    model: str
    threshold: str
    reset: str
    refractory: str
    method: str
    onset: str
    update: str
    update_order: int
    variables: tuple[str, ...]
    stimulus: str  # "", "stimulus" or "spike_time"
    rows: int


@dataclass(frozen=True, kw_only=True)
class ProjectionPlan:
    """The Brian2 text of one projection."""

    pre: str
    post: str
    model: str
    on_pre: str
    on_post: str
    delay: float
    order: int
    summed: tuple[str, ...]
    variables: tuple[str, ...]
    connected: tuple[NDArray[Any], ...] | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a program depends on, and nothing that it takes as a value."""

    dt: float
    presentation: float | None
    populations: Mapping[str, PopulationPlan]
    projections: Mapping[str, ProjectionPlan]
    record: tuple[str, ...]


def assemble(circuit: Circuit, protocol: Protocol, *, dt: Quantity, record: Iterable[str] = ()) -> Plan:
    """Join the texts of a circuit into those of its populations and projections."""
    record = tuple(sorted(set(record)))
    for name in record:
        if name not in circuit.populations or not circuit.populations[name].model.threshold:
            spiking = [n for n, p in circuit.populations.items() if p.model.threshold]
            raise ValueError(f"cannot record spikes of {name!r}.{text.did_you_mean(name, spiking)}")
    step = float(dt)
    if get_dimensions(dt) != text.TIME or not step > 0:
        raise ValueError(f"dt must be a time above 0, got {dt}.")
    presentation = None if protocol.presentation is None else float(protocol.presentation)
    if presentation is not None and not (_whole(presentation / step) and _FEWEST <= presentation / step <= _MOST):
        raise ValueError(
            f"a presentation of {protocol.presentation} is not a whole number, {_FEWEST} to {_MOST}, "
            f"of time steps of {dt}."
        )
    for name in protocol.stimuli:
        if name not in circuit.populations:
            raise ValueError(
                f"the protocol stimulates {name!r}, but circuit {circuit.name} has no such population."
                f"{text.did_you_mean(name, circuit.populations)}"
            )
        model = circuit.populations[name].model
        if not _stimulus(model):
            raise ValueError(
                f"the protocol stimulates {name!r}, but {model.name} neurons take no stimulus; "
                f"an encoder does ({', '.join(ENCODERS)})."
            )
    projections, last = {}, dict.fromkeys(circuit.populations, 0)
    for number, (name, projection) in enumerate(circuit.projections.items()):
        projections[name] = _projection(circuit, projection, order=2 * number + 1)
        if projection.summed:
            last[projection.post] = 2 * number + 2
    populations = {
        name: _population(circuit, name, population, protocol, last[name])
        for name, population in circuit.populations.items()
    }
    return Plan(
        dt=step,
        presentation=presentation,
        populations=Frozen(populations),
        projections=Frozen(projections),
        record=record,
    )


def _population(
    circuit: Circuit, name: str, population: Population, protocol: Protocol, update_order: int
) -> PopulationPlan:
    model = population.model
    equations, resets, onsets, declarations = [model.equations], [], [model.onset], []
    names = text.used(*_texts(model), *_about(circuit, name))
    declarations.append(text.declare(model.parameters, names))
    for rule, side in circuit.traces(name):
        traces, spike = getattr(rule, side), getattr(rule, f"{side}_spike")
        equations.append(traces)
        resets.append(spike)
        onsets += [f"{trace} = 0" for trace in text.differential(traces)]
        declarations.append(text.declare(rule.parameters, text.used(traces, spike)))
    stimulus = _stimulus(model)
    return PopulationPlan(
        size=population.size,
        model=_lines(*equations, *declarations),
        threshold=model.threshold,
        reset=_lines(*resets, model.reset),
        refractory=model.refractory,
        method=model.method,
        onset=_lines(*onsets),
        update=_lines(model.update),
        update_order=update_order,
        variables=tuple(v for e in equations for v in text.settable(e)),
        stimulus=stimulus,
        rows=_rows(name, population, protocol, stimulus) if stimulus else 0,
    )


def _texts(model: NeuronModel) -> list[str]:
    return [model.equations, model.threshold, model.reset, model.refractory, model.onset, model.update]


def _stimulus(model: NeuronModel) -> str:
    """Return what a model calls to learn what is presented to it."""
    used = text.used(*_texts(model))
    return next((function for function in ("stimulus", "spike_time") if function in used), "")


def _about(circuit: Circuit, name: str) -> list[str]:
    """Return what the projections say of this population's parameters, suffixes removed."""
    found = []
    for projection in circuit.projections.values():
        for end, suffix in ((projection.pre, "_pre"), (projection.post, "_post")):
            if end == name:
                receive = circuit.populations[projection.post].model.receive if projection.weights is not None else ""
                spoken = text.used(receive, *projection.summed.values())
                found += [identifier.removesuffix(suffix) for identifier in spoken if identifier.endswith(suffix)]
    return found


def _rows(name: str, population: Population, protocol: Protocol, stimulus: str) -> int:
    """Return how many rows of stimulus the program has room for: a few sizes, so that programs are reused."""
    if name not in protocol.stimuli:
        raise ValueError(f"the protocol has no stimulus for population {name!r} ({population.model.name}).")
    rows, size = np.shape(protocol.stimuli[name])
    if size != population.size:
        raise ValueError(f"stimulus of {name}: {size} columns for {population.size} neurons.")
    if stimulus == "stimulus" and protocol.presentation is None and rows != 1:
        raise ValueError(f"stimulus of {name}: {rows} rows need a protocol that says how long a presentation is.")
    least = 1024 if stimulus == "stimulus" else 4
    return max(least, 1 << int(rows - 1).bit_length())


def _projection(circuit: Circuit, projection: Projection, *, order: int) -> ProjectionPlan:
    if projection.summed:
        post = text.variables(circuit.populations[projection.post].model.equations)
        model = _lines(
            *(
                f"{variable}_post = {expression} : {text.unit_text(Quantity(1, dim=post[variable]))} (summed)"
                for variable, expression in projection.summed.items()
            )
        )
        on_pre = on_post = ""
        variables: tuple[str, ...] = ()
    else:
        rule = projection.rule
        synapse = rule.synapse if rule else "w : 1"
        receive = circuit.populations[projection.post].model.receive
        on_pre = _lines(receive, rule.on_pre if rule else "")
        on_post = _lines(rule.on_post if rule else "")
        declared = text.declare(rule.parameters, text.used(synapse, on_pre, on_post)) if rule else ""
        model = _lines(synapse, declared)
        variables = text.settable(synapse)
    connected = projection.connected
    if connected is not None and bool(connected.all()):
        connected = None
    return ProjectionPlan(
        pre=projection.pre,
        post=projection.post,
        model=model,
        on_pre=on_pre,
        on_post=on_post,
        delay=float(projection.delay),
        order=order,
        summed=tuple(projection.summed),
        variables=variables,
        connected=None if connected is None else np.nonzero(connected),
    )


def values(circuit: Circuit, protocol: Protocol, plan: Plan) -> dict[str, NDArray[Any]]:
    """Return the value of everything that the program declares, in base units, by Brian2's names."""
    found: dict[str, NDArray[Any]] = {}

    def put(owner: str, parameters: Mapping[str, Any], declared: str) -> None:
        for name, value in parameters.items():
            if name in text.variables(declared):
                found[f"{owner}.{name}"] = np.atleast_1d(np.asarray(value, dtype=np.float64))

    for name, population in circuit.populations.items():
        put(name, population.model.parameters, plan.populations[name].model)
        for rule, _ in circuit.traces(name):
            put(name, rule.parameters, plan.populations[name].model)
        for variable, value in population.state.items():
            kind = text.number_type(plan.populations[name].model, variable)
            found[f"{name}.{variable}"] = np.broadcast_to(np.asarray(value, kind), (population.size,))
        rows = plan.populations[name].rows
        if rows:
            given = np.asarray(protocol.stimuli[name])
            blank = 0.0 if plan.populations[name].stimulus == "stimulus" else np.inf
            padded = np.full((rows, population.size), blank)
            padded[: len(given)] = given
            found[timed(name) + ".values"] = padded.ravel()
    for name, projection in circuit.projections.items():
        if projection.weights is not None:
            if projection.rule:
                put(name, projection.rule.parameters, plan.projections[name].model)
            weights = np.asarray(projection.weights)
            connected = plan.projections[name].connected
            found[f"{name}.w"] = weights.ravel() if connected is None else weights[connected]
    return found


def timed(population: str) -> str:
    """Return the name of what is presented to a population, as Brian2 knows it."""
    return f"presented_{population}"


def _lines(*texts: str) -> str:
    """Return the texts as one, a statement or equation per line, blank lines and indentation removed."""
    lines = (line.strip() for block in texts for line in block.replace(";", "\n").splitlines())
    return "\n".join(line for line in lines if line)


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6
