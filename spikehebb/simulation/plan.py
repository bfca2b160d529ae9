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
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import Circuit, Frozen, NeuronModel, PlasticityRule, Population, Projection, Protocol
from spikehebb.core.times import check_rows, on_grid, time_step
from spikehebb.encoders import ENCODERS
from spikehebb.equations import Statement

_ROOM, _MOST_ROOM = 1024, 16_384  # rows of stimulus that a program has at least, of one copy and of all together
_FEWEST, _MOST = 1, 9999  # time steps in a presentation; Brian2 takes clocks further apart for simultaneous


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
    epochs: tuple[tuple[float, str], ...]  # what happens at the end of every so many seconds
    events: tuple[tuple[str, str], ...]  # the projections that are updated when a condition holds
    variables: tuple[str, ...]
    stimulus: str  # "", "stimulus" or "spike_time"
    rows: int
    columns: int  # of the stimulus: replicas may share one


@dataclass(frozen=True, kw_only=True)
class ProjectionPlan:
    """The Brian2 text of one projection."""

    pre: str
    post: str
    model: str
    method: str
    transmit: str  # what an arriving spike does to the neuron
    on_pre: str  # and to the weight
    on_post: str
    arrive: str  # and to the presynaptic traces, where that is later than the spike itself
    update: str
    epoch: float  # between updates; 0 is at every step
    update_if: str
    onset: tuple[str, ...]
    delay: float
    lag: float
    order: int  # of the sums, in the order of the projections
    learn_order: int  # of what the rule does at every step, after all sums
    summed: tuple[str, ...]
    learned: tuple[str, ...]  # sums that the rule makes, with their suffix
    variables: tuple[str, ...]
    connected: tuple[NDArray[Any], ...] | None
    copies: int = 1  # of the projection, side by side
    shared: bool = False  # resting weights are one table for all copies
    lifted: tuple[tuple[str, str], ...] = ()  # parameters that differ between copies, and what neurons call them


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a program depends on, and nothing that it takes as a value."""

    dt: float
    presentation: float | None
    populations: Mapping[str, PopulationPlan]
    projections: Mapping[str, ProjectionPlan]
    record: tuple[str, ...]
    traces: tuple[str, ...]
    every: int
    streams: str = ""  # the code of the random numbers of replicas, where they draw any


def assemble(
    circuit: Circuit,
    protocol: Protocol,
    *,
    dt: Quantity,
    record: Iterable[str] = (),
    every: int = 1,
    copies: int = 1,
) -> Plan:
    """Join the texts of a circuit into those of its populations and projections.

    With several ``copies`` that are each presented something else, stimuli have room for fewer rows.
    """
    traces = tuple(sorted({name for name in record if "." in name}))
    record = tuple(sorted({name for name in record if "." not in name}))
    for name in record:
        if name not in circuit.populations or not circuit.populations[name].model.threshold:
            spiking = [n for n, p in circuit.populations.items() if p.model.threshold]
            raise ValueError(f"cannot record spikes of {name!r}.{text.did_you_mean(name, spiking)}")
    step = time_step(dt)
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ValueError(f"every must be a whole number of time steps, at least 1, got {every!r}.")
    on_grid("protocol: a duration", protocol.duration, dt)
    for name, projection in circuit.projections.items():
        on_grid(f"circuit {circuit.name}, projection {name}: a delay", projection.delay, dt)
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
    for projection in circuit.projections.values():
        rule = projection.rule
        if rule and not _whole(_epoch(rule) / step):
            raise ValueError(
                f"rule {rule.name}: an epoch of {rule.parameters[rule.epoch]} is no whole number of time steps of {dt}."
            )
    projections, last = {}, dict.fromkeys(circuit.populations, 0)
    for number, (name, projection) in enumerate(circuit.projections.items()):
        order, learn_order = 2 * number + 1, 2 * len(circuit.projections) + 3
        projections[name] = _projection(circuit, projection, order=order, learn_order=learn_order)
        if projection.summed:
            last[projection.post] = 2 * number + 2
    populations = {
        name: _population(circuit, name, population, protocol, last[name], step, copies)
        for name, population in circuit.populations.items()
    }
    known = {f"{owner}.{v}" for parts in (populations, projections) for owner in parts for v in parts[owner].variables}
    for name in traces:
        if name not in known:
            raise ValueError(f"cannot record {name!r}.{text.did_you_mean(name, sorted(known))}")
    return Plan(
        dt=step,
        presentation=presentation,
        populations=Frozen(populations),
        projections=Frozen(projections),
        record=record,
        traces=traces,
        every=every if traces else 1,
    )


def _population(
    circuit: Circuit, name: str, population: Population, protocol: Protocol, update_order: int, dt: float, copies: int
) -> PopulationPlan:
    model = population.model
    equations, resets, onsets, declarations = [model.equations], [], [model.onset], []
    names = text.used(*_texts(model), *_about(circuit, name))
    declarations.append(text.declare(model.parameters, names))
    late = {p.rule for p in circuit.projections.values() if p.rule and p.pre == name and _lateness(p) > 0}
    epochs = []
    for rule, side in circuit.traces(name):
        traces, (spike, ended) = getattr(rule, side), rule.statements(side)
        equations.append(traces)
        if ended:
            epochs.append((_epoch(rule), text.joined(ended)))
        if not (side == "pre" and rule in late):
            resets.append(spike)
        onsets += [text.zero(traces, trace) for trace in text.differential(traces) if trace not in rule.keeps]
        declarations.append(text.declare(rule.held(side), rule.parameters))
    stimulus = _stimulus(model)
    return PopulationPlan(
        size=population.size,
        model=text.joined(*equations, *declarations),
        threshold=text.joined(model.threshold),
        reset=text.joined(*resets, model.reset),
        refractory=text.joined(model.refractory),
        method=next((r.trace_method for r, _ in circuit.traces(name) if r.trace_method != "exact"), model.method),
        onset=text.joined(*onsets),
        update=text.joined(model.update),
        update_order=update_order,
        epochs=tuple(epochs),
        events=_events(circuit, name, dt),
        variables=tuple(v for e in equations for v in text.settable(e)),
        stimulus=stimulus,
        rows=_rows(name, population, protocol, stimulus, copies) if stimulus else 0,
        columns=population.size if stimulus else 0,
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
                rule = projection.rule
                learning = [rule.synapse, rule.on_pre, rule.on_post, rule.update, *rule.onset] if rule else []
                spoken = text.used(receive, *projection.summed.values(), *learning)
                found += [identifier.removesuffix(suffix) for identifier in spoken if identifier.endswith(suffix)]
    return found


def _rows(name: str, population: Population, protocol: Protocol, stimulus: str, copies: int) -> int:
    """Return how many rows of stimulus the program has room for: a few sizes, so that programs are reused."""
    if name not in protocol.stimuli:
        raise ValueError(f"the protocol has no stimulus for population {name!r} ({population.model.name}).")
    rows, size = np.shape(protocol.stimuli[name])
    if size != population.size:
        raise ValueError(f"stimulus of {name}: {size} columns for {population.size} neurons.")
    if stimulus == "stimulus" and protocol.presentation is None and rows != 1:
        raise ValueError(f"stimulus of {name}: {rows} rows need a protocol that says how long a presentation is.")
    least = max(1, min(_ROOM, _MOST_ROOM // copies)) if stimulus == "stimulus" else 4
    return max(least, 1 << int(rows - 1).bit_length())


def _lateness(projection: Projection) -> float:
    """Return how much later than the spike itself, in seconds, the rule learns of a presynaptic spike."""
    rule = projection.rule
    return float(projection.delay) + (float(rule.parameters[rule.lag]) if rule and rule.lag else 0.0)


def _projection(circuit: Circuit, projection: Projection, *, order: int, learn_order: int) -> ProjectionPlan:
    pre, post = circuit.populations[projection.pre], circuit.populations[projection.post]
    units = text.variables(post.model.equations)
    sums = [
        str(
            Statement(
                variable=f"{variable}_post",
                operator="=",
                expression=text.joined(expression),
                unit=text.unit_text(Quantity(1, dim=units[variable])),
                flags=("summed",),
            )
        )
        for variable, expression in projection.summed.items()
    ]
    rule = projection.rule
    synapse = "" if projection.weights is None else "w : 1"
    arrive = declared = ""
    texts: dict[str, str] = {}
    if rule:
        texts = _synapse_texts(rule)
        synapse = texts.pop("synapse")
        declared = text.declare(rule.parameters, text.used(synapse, *texts.values()))
        if rule.pre_spike and _lateness(projection) > 0:
            own = {*text.variables(rule.pre), *text.variables(rule.needs_pre), *rule.parameters, *_names(pre)}
            arrive = text.renamed(rule.pre_spike, {name: f"{name}_post" for name in own})
    return ProjectionPlan(
        pre=projection.pre,
        post=projection.post,
        model=text.joined(synapse, *sums, declared),
        method=rule.method if rule else "exact",
        transmit="" if projection.summed else text.joined(post.model.receive),
        on_pre=texts.get("on_pre", ""),
        on_post=texts.get("on_post", ""),
        arrive=arrive,
        update=texts.get("update", ""),
        epoch=_epoch(rule) if rule else 0.0,
        update_if=text.joined(rule.update_if) if rule else "",
        onset=tuple(code for name, code in texts.items() if name.startswith("onset")),
        delay=float(projection.delay),
        lag=_lateness(projection) - float(projection.delay),
        order=order,
        learn_order=learn_order,
        summed=tuple(projection.summed),
        learned=tuple(f"{v}_{side}" for side in ("pre", "post") for v in text.summed(synapse, side)),
        variables=text.settable(synapse),
        connected=pairs(projection),
    )


def pairs(projection: Projection) -> tuple[NDArray[Any], ...] | None:
    """Return the numbers of the neurons that are connected, or None if all are."""
    connected = projection.connected
    return None if connected is None or bool(connected.all()) else np.nonzero(connected)


def resting(wiring: ProjectionPlan) -> str:
    """Return the variable that arriving spikes add their weights to, if nothing else happens in these synapses."""
    busy = (wiring.on_pre, wiring.on_post, wiring.arrive, wiring.update, *wiring.onset, *wiring.summed, *wiring.learned)
    if any(busy) or wiring.connected is not None or wiring.delay or wiring.lag or wiring.model != "w : 1":
        return ""
    match text.statements(wiring.transmit):
        case (Statement(variable=variable, operator="+=", expression="w"),):
            return variable.removesuffix("_post")
    return ""


def _epoch(rule: PlasticityRule) -> float:
    return float(rule.parameters[rule.epoch]) if rule.epoch else 0.0


def _events(circuit: Circuit, name: str, dt: float) -> tuple[tuple[str, str], ...]:
    """Return the projections onto a population whose rules say when they are updated, with the condition."""
    found = []
    for projection, wiring in circuit.projections.items():
        if wiring.post == name and wiring.rule and wiring.rule.update_if:
            steps = round(_epoch(wiring.rule) / dt)
            condition = text.joined(wiring.rule.update_if)
            found.append((projection, f"({condition}) and (t_in_timesteps + 1) % {steps} == 0"))
    return tuple(found)


def _synapse_texts(rule: PlasticityRule) -> dict[str, str]:
    """Return what a rule says of its synapses; parameters that neurons hold already are read there."""
    names = ("synapse", "on_pre", "on_post", "update")
    texts = {name: getattr(rule, name) for name in names} | {f"onset{n}": code for n, code in enumerate(rule.onset)}
    for side in ("pre", "post"):
        there = {parameter: f"{parameter}_{side}" for parameter in rule.held(side)}
        texts = {name: text.renamed(code, there) for name, code in texts.items()}
    return texts


def _names(population: Population) -> set[str]:
    return {*text.variables(population.model.equations), *population.model.parameters}


def stimuli(protocol: Protocol, plan: Plan) -> dict[str, NDArray[Any]]:
    """Return what is presented to each population that an encoder makes, shape (rows, size), padded."""
    found = {}
    for name, part in plan.populations.items():
        if part.rows:
            given = np.asarray(protocol.stimuli[name])
            padded = np.full((part.rows, given.shape[1]), 0.0 if part.stimulus == "stimulus" else np.inf)
            padded[: len(given)] = given
            if part.stimulus == "spike_time":
                check_rows(f"stimulus of {name}", given, plan.dt)
            found[name] = padded
    return found


def values(circuit: Circuit, plan: Plan) -> dict[str, NDArray[Any]]:
    """Return the value of everything else that the program declares, in base units, by Brian2's names."""
    found: dict[str, NDArray[Any]] = {}

    def put(owner: str, parameters: Mapping[str, Any], declared: str) -> None:
        for name, value in parameters.items():
            if name in text.variables(declared):
                found[f"{owner}.{name}"] = np.atleast_1d(np.asarray(value, dtype=np.float64))

    for name, population in circuit.populations.items():
        put(name, population.model.parameters, plan.populations[name].model)
        for rule, side in circuit.traces(name):
            put(name, rule.held(side), plan.populations[name].model)
        for variable, value in population.state.items():
            kind = text.number_type(plan.populations[name].model, variable)
            found[f"{name}.{variable}"] = np.broadcast_to(np.asarray(value, kind), (population.size,))
    for name, projection in circuit.projections.items():
        if projection.weights is not None:
            if projection.rule:
                put(name, projection.rule.parameters, plan.projections[name].model)
            weights, connected = np.asarray(projection.weights), pairs(projection)
            found[f"{name}.w"] = weights.ravel() if connected is None else weights[connected]
    return found


def timed(population: str) -> str:
    """Return the name of what is presented to a population, as Brian2 knows it."""
    return f"presented_{population}"


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6
