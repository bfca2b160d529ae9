"""One circuit, one protocol, one device: a recording.

``build`` makes Brian2 objects of a plan, and ``simulate`` runs these on NumPy or as a compiled program. Values
(weights, stimuli, parameters, seed, duration) are no part of the program, so that new ones need no compilation.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import brian2
import numpy as np
from brian2 import Quantity, ms, second
from numpy.typing import NDArray

from spikehebb import costs, devices, programs, streams
from spikehebb.assemble import Plan, ProjectionPlan, resting, timed
from spikehebb.core import Circuit, Protocol, Recording, Replicas, digest
from spikehebb.devices import Device
from spikehebb.encoders import word_source
from spikehebb.recordings import COUNT, counting, recording_of, trace_name
from spikehebb.replicate import one_protocol, plan_of, values_of

AT_EPOCH, AFTER_EPOCH = -2, -1  # order at the end of an epoch, before an onset (0)
ARRIVAL = -1  # order of arriving spikes among what synapses do in a step


def simulate(
    circuit: Circuit | Replicas,
    protocol: Protocol | Sequence[Protocol],
    *,
    device: Device = devices.NUMPY,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    record: Iterable[str] = (),
    every: int = 1,
    progress: programs.Progress | None = None,
) -> Recording:
    """Run a circuit through a protocol.

    Parameters
    ----------
    circuit : Circuit or Replicas
        Replicas, ``circuit.replicas(n)``, run side by side.
    protocol : Protocol or sequence of Protocol
        Replicas take one for all, or one for each that all last equally long.
    device : Device
    dt : Quantity
        The time step; a presentation lasts a whole number of them.
    seed : int
        Of everything random in the run. Same seed, device and versions: the same result, bit for bit (on a GPU, up to
        rounding). Copy ``k`` of replicas without seeds of their own has ``seed + k``.
    record : iterable of str
        The populations whose spikes are kept (``"output"``) and the variables whose course is kept
        (``"output.u"``, ``"feedforward.w"``); spike counts are kept of all populations.
    every : int
        Keep the course of variables at every so many steps.
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
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie between 0 and {2**32 - 1}, got {seed}.")
    _check_precision(circuit, device)
    plan = plan_of(circuit, protocol, dt=dt, record=record, every=every)
    given, duration = values_of(circuit, protocol, plan, seed=seed), one_protocol(circuit, protocol).duration
    if device is devices.NUMPY:
        found, seconds = _on_numpy(plan, given, duration, seed, progress)
    else:
        found, seconds = _compiled(plan, given, duration, seed, device, progress)
    return recording_of(circuit, plan, found, seed=seed, device=device.name, dt=dt, duration=duration, seconds=seconds)


def _check_precision(circuit: Circuit | Replicas, device: Device) -> None:
    """Raise ``ValueError`` if a device's numbers are too short for what neurons count with."""
    populations = (circuit.circuit if isinstance(circuit, Replicas) else circuit).populations
    for name, population in populations.items():
        if device.precision == "single" and population.model.name == word_source.name:
            raise ValueError(
                f"device {device.name}: {name} ({word_source.name}) packs the spikes of a presentation into one number "
                "of 53 bits, and single precision has 24; use cuda."
            )


def prepare(
    circuit: Circuit | Replicas,
    protocol: Protocol | Sequence[Protocol],
    *,
    device: Device,
    dt: Quantity = 1 * ms,
    record: Iterable[str] = (),
    every: int = 1,
) -> None:
    """Build what ``simulate`` needs on this device, so that it starts at once; the arguments are the same."""
    if device is not devices.NUMPY:
        program(plan_of(circuit, protocol, dt=dt, record=record, every=every), device)


def build(
    plan: Plan, values: Mapping[str, NDArray[Any]] | None = None, device: Device = devices.CPP
) -> tuple[brian2.Network, dict[str, Any]]:
    """Return the Brian2 network of a plan, and its objects by name.

    Parameters
    ----------
    plan : Plan
    values : mapping of str to array, optional
        Stimuli; a program that gets them later starts from zeros.
    device : Device
        What the program will run on.
    """
    clock = brian2.Clock(dt=plan.dt * second, name="steps")
    onsets = None
    if any(part.onset for parts in (plan.populations, plan.projections) for part in parts.values()):
        once = plan.presentation is None
        onsets = (
            brian2.EventClock([0] * second, "onsets") if once else brian2.Clock(plan.presentation * second, "onsets")
        )
    objects: dict[str, Any] = {}
    network = brian2.Network(name="network")
    for name, part in plan.populations.items():
        namespace: dict[str, Any] = dict(streams.FUNCTIONS)
        if part.stimulus:
            key = timed(name)
            rows = np.zeros((part.rows, part.columns)) if values is None else values[f"{key}.values"]
            period, unit = (plan.presentation or 1, 1) if part.stimulus == "stimulus" else (1, second)
            rows = rows.reshape(part.rows, part.columns)
            namespace[part.stimulus] = brian2.TimedArray(rows * unit, dt=period * second, name=key)
        options: dict[str, Any] = {"refractory": part.refractory} if part.refractory else {}
        if part.events:
            options["events"] = {f"{projection}_ended": condition for projection, condition in part.events}
        if part.threshold:
            options |= {"threshold": part.threshold, "reset": part.reset}
        group = brian2.NeuronGroup(
            part.size, part.model, method=part.method, clock=clock, namespace=namespace, name=name, **options
        )
        if part.onset:
            group.run_regularly(part.onset, clock=onsets, when="start", name=f"{name}_onset")
        if part.update:
            group.run_regularly(part.update, clock=clock, when="groups", order=part.update_order, name=f"{name}_update")
        for projection, _ in part.events:
            group.set_event_schedule(f"{projection}_ended", when="start", order=AT_EPOCH - 1)
        for number, (period, statements) in enumerate(part.epochs):
            _at_epochs(group, statements, period, f"{name}_epoch_{number}", order=AFTER_EPOCH)
        objects[name] = group
        if part.threshold and COUNT not in part.model:
            monitor = f"spikes_{name}"
            objects[monitor] = brian2.SpikeMonitor(group, record=name in plan.record, name=monitor)
    for name, wiring in plan.projections.items():
        if values is None and (variable := resting(wiring)):
            _connect_resting(name, wiring, objects, variable, clock=clock, device=device)
        else:
            _connect(name, wiring, objects, clock=clock, onsets=onsets)
    if plan.traces:
        samples = clock if plan.every == 1 else brian2.Clock(dt=plan.every * plan.dt * second, name="samples")
        for trace in plan.traces:
            owner, variable = trace.split(".")
            monitor = trace_name(trace)
            everything = np.arange(_size(plan, owner))  # a program does not know how many synapses it will have
            objects[monitor] = brian2.StateMonitor(
                objects[owner], variable, record=everything, clock=samples, when="end", name=monitor
            )
    network.add(*objects.values())
    return network, objects


def _size(plan: Plan, owner: str) -> int:
    """Return how many neurons or synapses a population or projection has."""
    if owner in plan.populations:
        return plan.populations[owner].size
    return costs.synapses_of(plan, plan.projections[owner])


def _connect_resting(
    name: str, wiring: ProjectionPlan, objects: dict[str, Any], variable: str, *, clock: Any, device: Device
) -> None:
    """Let a compiled program add rows of weights instead of going through queues and lists of synapses."""
    pre, post = objects[wiring.pre], objects[wiring.post]
    size, copies = len(pre) * len(post) // wiring.copies, wiring.copies
    held = brian2.NeuronGroup(size // copies if wiring.shared else size, wiring.model, clock=clock, name=name)
    objects |= {name: held} | devices.arrival(
        device, name, pre, held, post, variable, clock=clock, order=ARRIVAL, copies=copies
    )


def _at_epochs(owner: Any, statements: str, period: float, name: str, *, order: int) -> None:
    """Let statements be executed at the end of every epoch, which is before anything else in the next one."""
    clock = brian2.Clock(dt=period * second, name=f"{name}_clock")
    owner.run_regularly(statements, clock=clock, when="start", order=order, name=name)


def _connect(name: str, wiring: ProjectionPlan, objects: dict[str, Any], *, clock: Any, onsets: Any) -> None:
    """Make the Brian2 objects of a projection."""
    pre, post = objects[wiring.pre], objects[wiring.post]
    # Transmission and plasticity share a loop over the arriving spikes unless they happen at different times.
    apart = wiring.lag > 0
    on_pre = {"pre": wiring.transmit if apart else "\n".join(filter(None, [wiring.transmit, wiring.on_pre]))}
    on_pre |= {"plastic": wiring.on_pre} if apart else {}
    on_pre = {pathway: code for pathway, code in on_pre.items() if code}
    on_post = {"post": wiring.on_post} if wiring.on_post else {}
    events = {}
    if wiring.update_if:
        on_post["ended"], events = wiring.update, {"on_event": {"ended": f"{name}_ended"}}
    pathways = {k: v for k, v in {"on_pre": on_pre, "on_post": on_post, **events}.items() if v}
    synapses = brian2.Synapses(
        pre,
        post,
        wiring.model,
        clock=clock,
        name=name,
        namespace=dict(streams.FUNCTIONS),
        method=wiring.method,
        **pathways,
    )
    if wiring.connected is None and wiring.copies == 1:
        synapses.connect()
    elif wiring.connected is None:  # each copy with itself, row by row as without copies
        rows, columns = len(pre) // wiring.copies, len(post) // wiring.copies
        synapses.connect(j=f"k for k in range((i//{rows})*{columns}, (i//{rows} + 1)*{columns})")
    else:
        synapses.connect(i=wiring.connected[0], j=wiring.connected[1])
    for pathway, late in (("pre", wiring.delay), ("plastic", wiring.delay + wiring.lag)):
        if pathway in on_pre:
            getattr(synapses, pathway).order = ARRIVAL
            if late:
                getattr(synapses, pathway).delay = late * second
    if wiring.on_post:
        synapses.post.order = ARRIVAL - 1  # a spike is decided before the step's inputs arrive
    for variable in wiring.summed:
        synapses.summed_updaters[f"{variable}_post"].order = wiring.order
    for variable in wiring.learned:
        synapses.summed_updaters[variable].order = wiring.learn_order
    if synapses.state_updater is not None:
        synapses.state_updater.order = wiring.learn_order + 1
    if wiring.update_if:
        synapses.ended.when, synapses.ended.order = "start", AT_EPOCH
    elif wiring.update and wiring.epoch:
        _at_epochs(synapses, wiring.update, wiring.epoch, f"{name}_update", order=AT_EPOCH)
    elif wiring.update:
        synapses.run_regularly(
            wiring.update, clock=clock, when="groups", order=wiring.learn_order + 2, name=f"{name}_update"
        )
    for number, statements in enumerate(wiring.onset):
        synapses.run_regularly(statements, clock=onsets, when="start", order=number + 1, name=f"{name}_onset_{number}")
    objects[name] = synapses
    if wiring.arrive:
        arrival = brian2.Synapses(
            pre, pre, on_pre=wiring.arrive, clock=clock, name=f"{name}_arrival", namespace=dict(streams.FUNCTIONS)
        )
        arrival.connect(j="i")
        arrival.pre.delay = (wiring.delay + wiring.lag) * second
        arrival.pre.order = ARRIVAL + 1  # at coincident spikes each side reads the other's traces from before
        objects[f"{name}_arrival"] = arrival


def _on_numpy(
    plan: Plan,
    values: Mapping[str, NDArray[Any]],
    duration: Quantity,
    seed: int,
    progress: programs.Progress | None,
) -> tuple[dict[str, NDArray[Any]], float]:
    report = None if progress is None else lambda elapsed, fraction, start, total: progress(float(fraction))
    # 1/0 is how an encoder says "never"; log(0) cannot occur
    with devices.numpy_runtime(seed), np.errstate(divide="ignore", invalid="ignore"):
        network, objects = build(plan, values)
        for name, value in values.items():
            owner, variable = name.split(".")
            if owner in objects:
                held = objects[owner].variables[variable]
                if variable == "w" and len(objects[owner]) > value.size:  # copies that share a table
                    value = np.tile(value, len(objects[owner]) // value.size)
                held.set_value(value if value.size > 1 else value[0])
        start = time.perf_counter()
        network.run(duration, report=report, report_period=0.2 * second, namespace={})
        seconds = time.perf_counter() - start
        found = {
            f"{name}.{variable}": np.array(objects[name].variables[variable].get_value())
            for name, variables in _wanted(plan).items()
            for variable in variables
        }
    return found, seconds


def _compiled(
    plan: Plan,
    values: Mapping[str, NDArray[Any]],
    duration: Quantity,
    seed: int,
    device: Device,
    progress: programs.Progress | None,
) -> tuple[dict[str, NDArray[Any]], float]:
    if devices.on_gpu(device):
        costs.check_memory(plan, device, devices.nvcc.gpu(), duration=float(duration))
    built = program(plan, device)
    start = time.perf_counter()
    with programs.run(built, duration=float(duration), seed=seed, values=values, progress=progress) as results:
        names = [f"{name}.{variable}" for name, variables in _wanted(plan).items() for variable in variables]
        found = {name: _widened(results[name]) for name in names}
    return found, time.perf_counter() - start


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of single precision in double precision, which a recording holds."""
    return array.astype(np.float64) if array.dtype == np.float32 else array


def program(plan: Plan, device: Device, architectures: str = "", *, profile: bool = False) -> programs.Program:
    """Return the compiled program of a plan, built first where the cache lacks it.

    Parameters
    ----------
    plan : Plan
    device : Device
        A compiled one.
    architectures : str
        GPUs to compile for, as in ``sm_80,sm_90``; the one here when left out.
    profile : bool
        Of a GPU: let the program measure its kernels one by one (``profiling_info.txt`` in its results).

    Raises
    ------
    RuntimeError
        If there is no compiler, or it fails.
    """
    if not devices.on_gpu(device):

        def write(folder: Any) -> programs.Files:
            if devices.compiler() is None:
                raise RuntimeError(devices.NO_COMPILER)
            with devices.cpp_project() as project:
                return devices.write_cpp(project, build(plan, device=device)[0], folder)

        return programs.obtain(digest([plan, devices.machine()]), write)
    kit = devices.nvcc.toolkit()
    targets = devices.nvcc.architecture(kit, architectures)

    def write_gpu(folder: Any) -> programs.Files:
        with devices.cuda_project(device, kit) as project:
            network, _objects = build(counting(plan), device=device)
            files = devices.write_cuda(project, network, folder, kit, targets, profile=profile)
        return files | {
            f"spikes_{name}.count": files[f"{name}.{COUNT}"] for name in plan.populations if f"{name}.{COUNT}" in files
        }

    return programs.obtain(digest([plan, devices.machine(device, targets), profile]), write_gpu, compiler="nvcc")


def _wanted(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the variables to read after a run."""
    wanted = {name: part.variables for name, part in plan.populations.items()}
    wanted |= {name: part.variables for name, part in plan.projections.items()}
    for name, population in plan.populations.items():
        if population.threshold:
            wanted[f"spikes_{name}"] = ("count", "i", "t") if name in plan.record else ("count",)
    wanted |= {trace_name(trace): (trace.split(".")[1], "t") for trace in plan.traces}
    return wanted
