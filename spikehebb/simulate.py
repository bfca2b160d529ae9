"""One circuit, one protocol, one device: a recording.

``assemble`` joins the texts of neurons and rules, ``build`` makes Brian2 objects of them, and ``simulate`` runs
these on NumPy or as a compiled program. Values (weights, stimuli, parameters, seed, duration) are no part of the
program, so that new ones need no new compilation.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import brian2
import numpy as np
from brian2 import Quantity, ms, second
from numpy.typing import NDArray

from spikehebb import devices, programs
from spikehebb import equations as text
from spikehebb.core import Circuit, Float, Frozen, Population, Projection, Protocol, Recording, Spikes, digest
from spikehebb.devices import Device

_FEWEST, _MOST = 2, 9999  # time steps in a presentation; Brian2 takes clocks further apart for simultaneous


def simulate(
    circuit: Circuit,
    protocol: Protocol,
    *,
    device: Device = devices.NUMPY,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    record: Iterable[str] = (),
    progress: programs.Progress | None = None,
) -> Recording:
    """Run a circuit through a protocol.

    Parameters
    ----------
    circuit : Circuit
    protocol : Protocol
    device : Device
    dt : Quantity
        The time step; a presentation lasts a whole number of them.
    seed : int
        Of everything random in the run. Same seed, device and versions: the same result, bit for bit.
    record : iterable of str
        The populations whose spikes are kept; spike counts are kept of all.
    progress : callable, optional
        Called with the completed fraction.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        If protocol and circuit do not fit, or weights leave the range of numbers.
    RuntimeError
        If the device cannot run here, or a compiled program fails.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.circuits import synapse_pair
    >>> from spikehebb.protocols import pairing
    >>> from spikehebb.rules import stdp_pair
    >>> recording = simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms)
    >>> float(recording.weights["synapse"][0, 0].round(6))
    0.503033
    """
    plan = assemble(circuit, protocol, dt=dt, record=record)
    given = _values(circuit, protocol, plan)
    if device is devices.NUMPY:
        found, seconds = _on_numpy(plan, given, protocol.duration, seed, progress)
    elif device is devices.CPP:
        found, seconds = _on_cpp(plan, given, protocol.duration, seed, progress)
    else:
        raise RuntimeError(f"device {device.name} cannot run circuits in this version; use cpp or numpy.")
    return _recording(circuit, protocol, plan, found, seed=seed, device=device, dt=dt, seconds=seconds)


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
    connected: tuple[NDArray[Any], NDArray[Any]] | None


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
    if text.get_dimensions(dt) != text.TIME or not step > 0:
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
    spoken = [model.equations, model.threshold, model.reset, model.refractory, model.onset, model.update]
    names = text.used(*spoken, *_about(circuit, name))
    declarations.append(text.declare(model.parameters, names))
    for rule, side in circuit.traces(name):
        traces, spike = getattr(rule, side), getattr(rule, f"{side}_spike")
        equations.append(traces)
        resets.append(spike)
        onsets += [f"{trace} = 0" for trace in text.differential(traces)]
        declarations.append(text.declare(rule.parameters, text.used(traces, spike)))
    stimulus = next((f for f in ("stimulus", "spike_time") if f in text.used(*spoken)), "")
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
    return max(least, 1 << (rows - 1).bit_length())


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
    dense = projection.connected is None or bool(np.all(projection.connected))
    i, j = np.nonzero(projection.connected) if not dense else (None, None)
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
        connected=None if i is None or j is None else (i, j),
    )


def _values(circuit: Circuit, protocol: Protocol, plan: Plan) -> dict[str, NDArray[Any]]:
    """Return the value of everything that the program declares, in base units, by Brian2's names."""
    values: dict[str, NDArray[Any]] = {}

    def put(owner: str, parameters: Mapping[str, Any], declared: str) -> None:
        for name, value in parameters.items():
            if name in text.variables(declared):
                values[f"{owner}.{name}"] = np.atleast_1d(np.asarray(value, dtype=np.float64))

    for name, population in circuit.populations.items():
        put(name, population.model.parameters, plan.populations[name].model)
        for rule, _ in circuit.traces(name):
            put(name, rule.parameters, plan.populations[name].model)
        for variable, value in population.state.items():
            values[f"{name}.{variable}"] = np.broadcast_to(np.asarray(value, np.float64), (population.size,))
        rows = plan.populations[name].rows
        if rows:
            given = np.asarray(protocol.stimuli[name])
            blank = 0.0 if plan.populations[name].stimulus == "stimulus" else np.inf
            padded = np.full((rows, population.size), blank)
            padded[: len(given)] = given
            values[_timed(name) + ".values"] = padded.ravel()
    for name, projection in circuit.projections.items():
        if projection.weights is not None:
            if projection.rule:
                put(name, projection.rule.parameters, plan.projections[name].model)
            weights = np.asarray(projection.weights)
            connected = plan.projections[name].connected
            values[f"{name}.w"] = weights.ravel() if connected is None else weights[connected]
    return values


def build(plan: Plan, values: Mapping[str, NDArray[Any]] | None = None) -> tuple[brian2.Network, dict[str, Any]]:
    """Return the Brian2 network of a plan, and its objects by name.

    Parameters
    ----------
    plan : Plan
    values : mapping of str to array, optional
        Stimuli; a program that gets them later starts from zeros.
    """
    clock = brian2.Clock(dt=plan.dt * second, name="steps")
    if plan.presentation is None:
        onsets = brian2.EventClock(times=[0] * second, name="onsets")
    else:
        onsets = brian2.Clock(dt=plan.presentation * second, name="onsets")
    objects: dict[str, Any] = {}
    network = brian2.Network(name="network")
    for name, part in plan.populations.items():
        namespace = {}
        if part.stimulus:
            key = _timed(name)
            rows = np.zeros((part.rows, part.size)) if values is None else values[f"{key}.values"]
            period, unit = (plan.presentation or 1, 1) if part.stimulus == "stimulus" else (1, second)
            rows = rows.reshape(part.rows, part.size)
            namespace[part.stimulus] = brian2.TimedArray(rows * unit, dt=period * second, name=key)
        options = {"refractory": part.refractory} if part.refractory else {}
        if part.threshold:
            options |= {"threshold": part.threshold, "reset": part.reset}
        group = brian2.NeuronGroup(
            part.size, part.model, method=part.method, clock=clock, namespace=namespace, name=name, **options
        )
        if part.onset:
            group.run_regularly(part.onset, clock=onsets, when="start", name=f"{name}_onset")
        if part.update:
            group.run_regularly(
                part.update, clock=clock, when="groups", order=part.update_order, name=f"{name}_update"
            )
        objects[name] = group
        if part.threshold:
            monitor = f"spikes_{name}"
            objects[monitor] = brian2.SpikeMonitor(group, record=name in plan.record, name=monitor)
    for name, wiring in plan.projections.items():
        pathways = {k: v for k, v in {"on_pre": wiring.on_pre, "on_post": wiring.on_post}.items() if v}
        synapses = brian2.Synapses(
            objects[wiring.pre], objects[wiring.post], wiring.model, clock=clock, name=name, namespace={}, **pathways
        )
        if wiring.connected is None:
            synapses.connect()
        else:
            synapses.connect(i=wiring.connected[0], j=wiring.connected[1])
        if wiring.on_pre and wiring.delay:
            synapses.pre.delay = wiring.delay * second
        if wiring.on_post:
            synapses.post.order = synapses.pre.order - 1  # a spike is decided before the step's inputs arrive
        for variable in wiring.summed:
            synapses.summed_updaters[f"{variable}_post"].order = wiring.order
        objects[name] = synapses
    network.add(*objects.values())
    return network, objects


def _on_numpy(
    plan: Plan, values: Mapping[str, NDArray[Any]], duration: Quantity, seed: int, progress: programs.Progress | None
) -> tuple[dict[str, NDArray[Any]], float]:
    report = None if progress is None else lambda elapsed, fraction, start, total: progress(float(fraction))
    # 1/0 is how an encoder says "never"; log(0) cannot occur
    with devices.numpy_runtime(seed), np.errstate(divide="ignore", invalid="ignore"):
        network, objects = build(plan, values)
        for name, value in values.items():
            owner, variable = name.split(".")
            if owner in objects:
                objects[owner].variables[variable].set_value(value if value.size > 1 else value[0])
        start = time.perf_counter()
        network.run(duration, report=report, report_period=0.2 * second, namespace={})
        seconds = time.perf_counter() - start
        found = {
            f"{name}.{variable}": np.array(objects[name].variables[variable].get_value())
            for name, variables in _wanted(plan).items()
            for variable in variables
        }
    return found, seconds


def _on_cpp(
    plan: Plan, values: Mapping[str, NDArray[Any]], duration: Quantity, seed: int, progress: programs.Progress | None
) -> tuple[dict[str, NDArray[Any]], float]:
    def write(folder: Any) -> programs.Files:
        with devices.cpp_project() as project:
            network, _objects = build(plan)
            return devices.write_cpp(project, network, folder)

    program = programs.obtain(digest([dataclasses.asdict(plan), devices.machine()]), write)
    with programs.run(program, duration=float(duration), seed=seed, values=values, progress=progress) as results:
        wanted = [f"{name}.{variable}" for name, variables in _wanted(plan).items() for variable in variables]
        return {name: results[name] for name in wanted}, results.seconds


def _wanted(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the variables to read after a run."""
    wanted = {name: part.variables for name, part in {**plan.populations, **plan.projections}.items()}
    for name, part in plan.populations.items():
        if part.threshold:
            wanted[f"spikes_{name}"] = ("count", "i", "t") if name in plan.record else ("count",)
    return wanted


def _recording(
    circuit: Circuit,
    protocol: Protocol,
    plan: Plan,
    found: Mapping[str, NDArray[Any]],
    *,
    seed: int,
    device: Device,
    dt: Quantity,
    seconds: float,
) -> Recording:
    weights: dict[str, Float] = {}
    for name, projection in circuit.projections.items():
        if projection.weights is None:
            continue
        shape, connected = np.shape(projection.weights), plan.projections[name].connected
        w = found[f"{name}.w"]
        expected = int(np.prod(shape)) if connected is None else len(connected[0])
        if w.size != expected:
            raise OSError(f"the run left {w.size} of {expected} weights of {name}; is the disk full?")
        if not np.all(np.isfinite(w)):
            raise ValueError(
                f"the weights of {name} left the range of numbers; the rule diverges with these parameters. "
                "Lower its learning rate."
            )
        if connected is None:
            weights[name] = w.reshape(shape)
        else:
            weights[name] = np.zeros(shape)
            weights[name][connected] = w
    spiking = [name for name, part in plan.populations.items() if part.threshold]
    return Recording(
        spikes=Frozen(
            {n: Spikes(i=found[f"spikes_{n}.i"], t=found[f"spikes_{n}.t"] * second) for n in plan.record}
        ),
        counts=Frozen({n: found[f"spikes_{n}.count"].astype(np.int64) for n in spiking}),
        weights=Frozen(weights),
        state=Frozen(
            {n: Frozen({v: found[f"{n}.{v}"] for v in part.variables}) for n, part in plan.populations.items()}
        ),
        seed=seed,
        device=device.name,
        dt=dt,
        duration=protocol.duration,
        seconds=seconds,
    )


def _timed(population: str) -> str:
    return f"presented_{population}"


def _lines(*texts: str) -> str:
    """Return the texts as one, a statement or equation per line, blank lines and indentation removed."""
    lines = (line.strip() for block in texts for line in block.replace(";", "\n").splitlines())
    return "\n".join(line for line in lines if line)


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6
