"""From a circuit and a protocol to the texts and the numbers of a Brian2 simulation.

A ``Plan`` holds the texts: what a compiled program depends on. The numbers that it takes anew in every run (weights,
stimuli, parameters) are in ``plan_values``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import Circuit, Frozen, Population, Projection, Protocol
from spikehebb.core.traces import synapse_texts
from spikehebb.equations import EXACT_IN_BLOCKS, Statement
from spikehebb.simulation.fit import check_fit, epoch_of, neuron_texts, stimulus_of

_ROOM, _MOST_ROOM = 1024, 16_384  # rows of stimulus that a program has at least, of one copy and of all together


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
    frame: str  # what happens whenever a row of the stimulus begins, where that is not at onsets alone
    update: str
    update_order: int
    epochs: tuple[tuple[float, str], ...]  # what happens at the end of every so many seconds
    events: tuple[tuple[str, str], ...]  # the projections that are updated when a condition holds
    variables: tuple[str, ...]
    stimulus: str  # "", "stimulus" or "spike_time"
    rows: int
    columns: int  # of the stimulus: replicas may share one
    level: int = 0  # how many populations fire before it in a time step


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
    on_post_late: str  # what a postsynaptic spike does to traces that live in the synapse, after arriving spikes
    arrive: str  # and to the presynaptic traces, where that is later than the spike itself
    update: str
    epoch: float  # between updates; 0 is at every step
    update_if: str
    onset: tuple[str, ...]
    delay: float
    lag: float
    dendritic: float
    back: str  # what happens to the postsynaptic traces, where that is later than the spike itself
    own_delays: tuple[str, ...]  # the sides, pre and post, on which each synapse has a delay of its own, a value
    order: int  # of the sums, in the order of the projections
    learn_order: int  # of what the rule does at every step, after all sums
    summed: tuple[str, ...]
    learned: tuple[str, ...]  # sums that the rule makes, with their suffix
    variables: tuple[str, ...]
    connected: tuple[NDArray[Any], ...] | None
    level: int = 0  # after which level of populations its spikes arrive
    copies: int = 1  # of the projection, side by side
    shared: bool = False  # resting weights are one table for all copies
    lifted: tuple[tuple[str, str], ...] = ()  # parameters that differ between copies, and what neurons call them


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a program depends on, and nothing that it takes as a value."""

    dt: float
    presentation: float | None
    frame: float | None  # how long a row of a stimulus is presented
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
    record = tuple(record)
    step = check_fit(circuit, protocol, dt=dt, record=record, every=every)
    traces = tuple(sorted({name for name in record if "." in name}))
    record = tuple(sorted({name for name in record if "." not in name}))
    presentation = None if protocol.presentation is None else float(protocol.presentation)
    frame = None if presentation is None else presentation / protocol.frames
    projections, last = {}, dict.fromkeys(circuit.populations, 0)
    for number, (name, projection) in enumerate(circuit.projections.items()):
        order, learn_order = 2 * number + 1, 4 * len(circuit.projections) + 3
        projections[name] = _projection(circuit, name, order=order, learn_order=learn_order)
        if projection.summed:
            last[projection.post] = 2 * number + 2
    populations = {
        name: _population(circuit, name, population, protocol, last[name], step, copies)
        for name, population in circuit.populations.items()
    }
    known = {f"{owner}.{v}" for parts in (populations, projections) for owner in parts for v in parts[owner].variables}
    known |= {f"{n}.{v}" for n, each in circuit.populations.items() for v in text.variables(each.model.equations)}
    for name in traces:
        if name not in known:
            raise ValueError(f"cannot record {name!r}.{text.did_you_mean(name, sorted(known))}")
    return Plan(
        dt=step,
        presentation=presentation,
        frame=frame,
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
    moving = protocol.frames > 1
    equations, resets, declarations = [model.equations], [], []
    onsets = [model.onset, "" if moving else model.frame]
    names = text.used(*neuron_texts(model), *_about(circuit, name))
    declarations.append(text.declare(model.parameters, names))
    epochs = []
    for traces in circuit.traces(name):
        equations.append(traces.equations)
        if traces.epoch:
            epochs.append((epoch_of(traces.rule), text.joined(traces.epoch)))
        if not circuit.projections[traces.projection].lateness(traces.side).any():
            resets.append(traces.spike)
        decaying = text.differential(traces.equations)
        onsets += [text.zero(traces.equations, trace) for trace in decaying if trace not in traces.keeps]
        declarations.append(text.declare(traces.parameters, traces.parameters))
    stimulus = stimulus_of(model)
    return PopulationPlan(
        size=population.size,
        model=text.joined(*equations, *declarations),
        threshold=text.joined(model.threshold),
        reset=text.joined(*resets, model.reset),
        refractory=text.joined(model.refractory),
        method=_method(circuit, name),
        onset=text.joined(*onsets),
        frame=text.joined(model.frame) if moving else "",
        update=text.joined(model.update),
        update_order=update_order,
        epochs=tuple(epochs),
        events=_events(circuit, name, dt),
        variables=tuple(v for e in equations for v in text.settable(e)),
        stimulus=stimulus,
        rows=_rows(name, population, protocol, stimulus, copies) if stimulus else 0,
        columns=population.size if stimulus else 0,
        level=circuit.levels()[name],
    )


def _method(circuit: Circuit, name: str) -> str:
    """Return how a population is integrated: its neurons and the traces of all rules in one go."""
    methods = {each.rule.trace_method: each.rule.name for each in circuit.traces(name)}
    methods.pop("exact", None)
    if len(methods) > 1:
        said = " and ".join(f"{rule} by {method!r}" for method, rule in methods.items())
        raise ValueError(
            f"circuit {circuit.name}: the traces of {said} are integrated together in population {name}; give these "
            "rules one trace_method."
        )
    method = next(iter(methods), circuit.populations[name].model.method)
    several = any(own != name for each in circuit.traces(name) for name, own in each.names.items())
    return EXACT_IN_BLOCKS if several and method == "exact" else method


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
    if stimulus == "stimulus" and rows % protocol.frames:
        raise ValueError(
            f"stimulus of {name}: {rows} rows are no whole number of presentations of {protocol.frames} frames."
        )
    least = max(1, min(_ROOM, _MOST_ROOM // copies)) if stimulus == "stimulus" else 4
    return max(least, 1 << int(rows - 1).bit_length())


def _projection(circuit: Circuit, name: str, *, order: int, learn_order: int) -> ProjectionPlan:
    projection = circuit.projections[name]
    post = circuit.populations[projection.post]
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
    declared = ""
    texts: dict[str, str] = {}
    late: dict[str, str] = {}
    if rule:
        sides = [side for side in ("pre", "post") if not projection.in_synapses(side)]
        texts = synapse_texts(rule, {side: circuit.names(name, side) for side in sides})
        synapse = texts.pop("synapse")
        declared = text.declare(rule.parameters, text.used(synapse, *texts.values()))
        late = {side: _late_traces(circuit, name, side) for side in sides}
    times = {"pre": projection.delay, "post": projection.dendritic_delay}
    own_delays = tuple(side for side in times if times[side].ndim)
    delay = 0.0 if "pre" in own_delays else float(projection.delay)
    lag = float(rule.parameters[rule.lag]) if rule and rule.lag else 0.0
    return ProjectionPlan(
        pre=projection.pre,
        post=projection.post,
        model=text.joined(synapse, *sums, declared),
        method=rule.method if rule else "exact",
        transmit="" if projection.summed else text.joined(post.model.receive),
        on_pre=texts.get("on_pre", ""),
        on_post=texts.get("on_post", ""),
        on_post_late=texts.get("on_post_late", ""),
        arrive=late.get("pre", ""),
        update=texts.get("update", ""),
        epoch=epoch_of(rule) if rule else 0.0,
        update_if=_condition(circuit, name) if rule else "",
        onset=tuple(code for name, code in texts.items() if name.startswith("onset")),
        delay=delay,
        lag=(delay + lag) - delay,
        dendritic=0.0 if "post" in own_delays else float(projection.dendritic_delay),
        back=late.get("post", ""),
        own_delays=own_delays,
        order=order,
        learn_order=learn_order,
        summed=tuple(projection.summed),
        learned=tuple(f"{v}_{side}" for side in ("pre", "post") for v in text.summed(synapse, side)),
        variables=text.settable(synapse),
        connected=pairs(projection),
        level=_arrival(circuit, projection),
    )


def _arrival(circuit: Circuit, projection: Projection) -> int:
    """Return the level of populations after which spikes arrive: the presynaptic one, or both, of the next step."""
    levels = circuit.levels()
    return levels[projection.pre] if projection.within_step else max(levels[projection.pre], levels[projection.post])


def _late_traces(circuit: Circuit, name: str, side: str) -> str:
    """Return what a spike does to the traces of one side, if later, as text of synapses of neurons with themselves."""
    projection = circuit.projections[name]
    if projection.rule is None or not projection.rule.statements(side)[0] or not projection.lateness(side).any():
        return ""
    end = getattr(projection, side)
    traces = next(each for each in circuit.traces(end) if (each.projection, each.side) == (name, side))
    needs = text.variables(getattr(projection.rule, f"needs_{side}"))
    own = {*traces.names.values(), *needs, *_names(circuit.populations[end])}
    return text.renamed(traces.spike, {variable: f"{variable}_post" for variable in own})


def _condition(circuit: Circuit, name: str) -> str:
    rule = circuit.projections[name].rule
    return text.joined(text.renamed(rule.update_if, circuit.names(name, "post"))) if rule else ""


AT_POST = ("post", "backpropagated")  # pathways of postsynaptic spikes


def pathways(wiring: ProjectionPlan) -> dict[str, tuple[str, float]]:
    """Return what spikes do in the synapses, and how many seconds after they are fired, by Brian2's pathways.

    Transmission and plasticity share a loop over the arriving spikes unless they happen at different times.
    """
    together = "\n".join(filter(None, [wiring.transmit, wiring.on_pre]))
    found = {"pre": (wiring.transmit if wiring.lag else together, wiring.delay)}
    found |= {"plastic": (wiring.on_pre, wiring.delay + wiring.lag)} if wiring.lag else {}
    found |= {"post": (wiring.on_post, wiring.dendritic), "backpropagated": (wiring.on_post_late, wiring.dendritic)}
    return {pathway: (code, late) for pathway, (code, late) in found.items() if code}


def pairs(projection: Projection) -> tuple[NDArray[Any], ...] | None:
    """Return the numbers of the neurons that are connected, or None if all are."""
    connected = projection.connected
    return None if connected is None or bool(connected.all()) else np.nonzero(connected)


def resting(wiring: ProjectionPlan) -> str:
    """Return the variable that arriving spikes add their weights to, if nothing else happens in these synapses."""
    busy = (wiring.on_pre, wiring.on_post, wiring.arrive, wiring.update, *wiring.onset, *wiring.summed, *wiring.learned)
    busy += wiring.own_delays
    if (
        any(busy)
        or wiring.level
        or wiring.connected is not None
        or wiring.delay
        or wiring.lag
        or wiring.model != "w : 1"
    ):
        return ""
    match text.statements(wiring.transmit):
        case (Statement(variable=variable, operator="+=", expression="w"),):
            return variable.removesuffix("_post")
    return ""


def _events(circuit: Circuit, name: str, dt: float) -> tuple[tuple[str, str], ...]:
    """Return the projections onto a population whose rules say when they are updated, with the condition."""
    found = []
    for projection, wiring in circuit.projections.items():
        if wiring.post == name and wiring.rule and wiring.rule.update_if:
            steps = round(epoch_of(wiring.rule) / dt)
            condition = _condition(circuit, projection)
            found.append((projection, f"({condition}) and (t_in_timesteps + 1) % {steps} == 0"))
    return tuple(found)


def _names(population: Population) -> set[str]:
    return {*text.variables(population.model.equations), *population.model.parameters}
