"""What a simulation costs: memory on a GPU, and time per step on a CPU and on a GPU.

The time is a sum: so much for each kernel, each wait for the GPU, each neuron and each synaptic event. The numbers come
from ``benchmarks/gpu.py``, which fits them; whoever runs it keeps those of the own machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import devices
from spikehebb import equations as text
from spikehebb.core import Protocol
from spikehebb.core.memory import check_memory
from spikehebb.core.progress import announce_hours
from spikehebb.devices import Device
from spikehebb.devices.nvcc import Gpu
from spikehebb.reading import check, printable, read_json
from spikehebb.simulation.plan import Plan, ProjectionPlan, resting

MIB = 1 << 20
_COPIES = 3  # of recorded variables: as they are recorded, read and returned
_CONTEXT = 600 * MIB  # of CUDA itself, and of the heap that brian2cuda asks for
_NUMBERS = 50 * MIB  # of random numbers, at least, for each text that draws them
_DRAWS = ("rand", "randn")
_MOST_SYNAPSES = 2**31 - 1  # brian2cuda numbers them with 32 bits


@dataclass(frozen=True, kw_only=True)
class Load:
    """What happens in one step of a simulation.

    Parameters
    ----------
    kernels : float
        Started on a GPU.
    waits : float
        Times that the program waits for the GPU, to learn how many neurons spiked.
    neurons : float
        Integrated and tested for a spike.
    events : float
        Synapses that a spike goes through, that learn from one, or that are summed.
    """

    kernels: float
    waits: float
    neurons: float
    events: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds for one of each, and where they were measured ("" where they are only assumed)."""

    step: float
    kernels: float
    waits: float
    neurons: float
    events: float
    measured: str = ""

    def seconds(self, load: Load) -> float:
        """Return the time of one step."""
        parts = asdict(load)
        return float(self.step + sum(getattr(self, name) * value for name, value in parts.items()))


# One core of a shared machine: the fit to benchmarks/results/gpu-cpu-only.json, in which synaptic events explain all,
# divided by what benchmarks/results/speed.json says that programs have gained since.
# What a GPU takes is assumed: some microseconds to start a kernel, more to wait for one, and thousands of neurons and
# synapses at once.
CPU_COST = Cost(step=0, kernels=0, waits=0, neurons=0, events=1.4e-9, measured="one core of a shared x86-64 machine")
# Pairs of neurons: benchmarks/results has none; fitted by hand to windows of 1, 80 and 2000 pairs, on the same machine.
NUMPY_COST = Cost(step=5e-5, kernels=2e-5, waits=0, neurons=2e-8, events=5e-8, measured=CPU_COST.measured)
CPP_COST = Cost(step=5e-7, kernels=0, waits=0, neurons=2.5e-9, events=2e-8, measured=CPU_COST.measured)
GPU_COST = Cost(step=1e-5, kernels=4e-6, waits=1.2e-5, neurons=1e-10, events=2e-10)


def foresee(name: str, plan: Plan, protocol: Protocol, device: Device) -> None:
    """Say how long a run takes, where that is hours, and refuse one whose recorded variables do not fit into memory.

    Parameters
    ----------
    name : str
        Of the circuit.
    plan : Plan
    protocol : Protocol
        Spikes that it presents are counted; those that encoders and neurons make are not.
    device : Device

    Raises
    ------
    MemoryError
    """
    steps = float(protocol.duration) / plan.dt
    samples = steps / plan.every
    check_memory(
        f"recording {', '.join(plan.traces)} {samples:,.0f} times",
        _COPIES * 8 * samples * sum(_recorded(plan, trace) for trace in plan.traces),
        "record fewer variables, or at fewer steps (every)",
    )
    spikes = {
        owner: float(np.isfinite(protocol.stimuli[owner]).sum()) / steps
        for owner, part in plan.populations.items()
        if part.stimulus == "spike_time"
    }
    slow = device is devices.NUMPY
    cost = NUMPY_COST if slow else known()[1] if devices.on_gpu(device) else CPP_COST
    announce_hours(
        f"circuit {name}, {steps:,.0f} time steps on {device.name},",
        steps * cost.seconds(load_of(plan, spikes)),
        f"a larger dt, a shorter protocol{' or device cpp' if slow else ''}",
    )


def _recorded(plan: Plan, trace: str) -> int:
    """Return how many numbers one sample of a recorded variable has."""
    owner = trace.split(".")[0]
    return plan.populations[owner].size if owner in plan.populations else synapses_of(plan, plan.projections[owner])


def load_of(plan: Plan, spikes: Mapping[str, float]) -> Load:
    """Return what happens in one step of a simulation.

    Parameters
    ----------
    plan : Plan
    spikes : mapping of str to float
        How many spikes each population fires in a step, on average; none where it is left out.
    """
    kernels = waits = neurons = events = 0.0
    for name, part in plan.populations.items():
        neurons += part.size
        kernels += bool(text.differential(part.model)) + bool(part.update)
        if part.threshold:
            kernels += 3  # forget the last spikes, find new ones, reset
            recorded = name in plan.record
            kernels, waits = kernels + recorded, waits + recorded
    for wiring in plan.projections.values():
        synapses = synapses_of(plan, wiring)
        for end, code in ((wiring.pre, wiring.transmit or wiring.on_pre), (wiring.post, wiring.on_post)):
            if code:
                kernels, waits = kernels + 1, waits + 1
                events += spikes.get(end, 0.0) * synapses / plan.populations[end].size
        for _ in (*wiring.summed, *wiring.learned):
            kernels += 2
            events += synapses
        if wiring.update and not wiring.epoch and not wiring.update_if:
            kernels += 1
            events += synapses
    return Load(kernels=kernels, waits=waits, neurons=neurons, events=events)


def synapses_of(plan: Plan, wiring: ProjectionPlan) -> int:
    """Return how many synapses a projection has, in all copies together."""
    if wiring.connected is not None:
        return len(wiring.connected[0])
    return plan.populations[wiring.pre].size * plan.populations[wiring.post].size // wiring.copies


def fit(loads: Sequence[Load], seconds: Sequence[float], *, measured: str) -> Cost:
    """Return the cost that explains measured times best, in relative terms; no number is below 0.

    Parameters
    ----------
    loads : sequence of Load
    seconds : sequence of float
        Of one step of each.
    measured : str
        Where.

    Raises
    ------
    ValueError
        If there are fewer measurements than numbers to find.
    """
    from scipy.optimize import nnls

    names = [name for name in Load.__dataclass_fields__ if len({getattr(load, name) for load in loads}) > 1]
    if len(loads) <= len(names):
        raise ValueError(f"a fit of {len(names) + 1} costs needs as many measurements, got {len(loads)}.")
    times = np.asarray(seconds, float)
    rows = np.array([[1.0, *(getattr(load, name) for name in names)] for load in loads]) / times[:, None]
    scale = np.maximum(np.abs(rows).max(axis=0), 1e-300)
    found = nnls(rows / scale, np.ones(len(times)))[0] / scale
    values: dict[str, Any] = dict.fromkeys(Load.__dataclass_fields__, 0.0)
    values |= dict(zip(names, map(float, found[1:]), strict=True))
    return Cost(step=float(found[0]), **values, measured=measured)


def memory(plan: Plan, device: Device, *, duration: float = 0.0) -> dict[str, int]:
    """Return how many bytes a simulation needs on a GPU, by what they are for.

    Parameters
    ----------
    plan : Plan
    device : Device
        Of single or double precision.
    duration : float
        In seconds, of which variables are recorded; spikes that are recorded are not counted.
    """
    real = 4 if device.precision == "single" else 8
    found = {"CUDA": _CONTEXT, "neurons": 0, "synapses": 0, "stimuli": 0, "random numbers": 0, "traces": 0}
    for part in plan.populations.values():
        found["neurons"] += part.size * (real * len(text.variables(part.model)) + 12)
        found["stimuli"] += part.rows * part.columns * 8
        draws = sum(
            text.calls(code, *_DRAWS) for code in (part.threshold, part.reset, part.onset, part.frame, part.update)
        )
        found["random numbers"] += draws and max(_NUMBERS, draws * part.size * real)
    for wiring in plan.projections.values():
        synapses = synapses_of(plan, wiring)
        if resting(wiring):  # a table, without numbers of neurons
            found["synapses"] += synapses // (wiring.copies if wiring.shared else 1) * real
            continue
        pathways = sum(bool(code) for code in (wiring.transmit or wiring.on_pre, wiring.on_post, wiring.update_if))
        found["synapses"] += synapses * (8 + 12 * pathways + real * len(text.settable(wiring.model)))
        draws = sum(text.calls(code, *_DRAWS) for code in (wiring.on_pre, wiring.on_post, wiring.update))
        found["random numbers"] += draws and max(_NUMBERS, draws * synapses * real)
    for trace in plan.traces:
        found["traces"] += _recorded(plan, trace) * real * math.ceil(duration / plan.dt / plan.every)
    return found


def check_gpu_memory(plan: Plan, device: Device, gpu: Gpu, *, duration: float = 0.0) -> None:
    """Raise ``RuntimeError`` if a simulation does not fit into a GPU."""
    synapses = max((synapses_of(plan, part) for part in plan.projections.values() if not resting(part)), default=0)
    if synapses > _MOST_SYNAPSES:
        raise RuntimeError(
            f"device {device.name}: {synapses:,} synapses in one projection, but brian2cuda takes {_MOST_SYNAPSES:,}; "
            "use fewer replicas or neurons."
        )
    needed = memory(plan, device, duration=duration)
    if gpu.free and sum(needed.values()) > gpu.free * MIB:
        parts = ", ".join(f"{name} {size // MIB:,}" for name, size in needed.items() if size >= MIB)
        raise RuntimeError(
            f"device {device.name}: this needs about {sum(needed.values()) // MIB:,} MiB ({parts}), but {gpu.name} has "
            f"{gpu.free:,} of {gpu.memory:,} MiB free; use fewer replicas or neurons, cuda-single, or --device cpp."
        )


def kept() -> Path:
    """Return the file of the costs that were measured on this machine."""
    return devices.cache_folder() / "costs.json"


def keep(**costs: Cost) -> None:
    """Keep costs that were measured on this machine, ``cpu`` and ``gpu``, for later advice."""
    devices.own_cache()
    kept().write_text(json.dumps({name: asdict(cost) for name, cost in costs.items()}, indent=1))


def known() -> tuple[Cost, Cost]:
    """Return the costs of CPU and GPU: as measured on this machine, or else as shipped.

    Raises
    ------
    ValueError
        If the file of this machine's costs is damaged.
    """
    if not kept().exists():
        return CPU_COST, GPU_COST
    try:
        given = check(read_json(kept()), {str: _COST}, "the file")
        found = {name: _cost(values) for name, values in given.items()}
    except ValueError as error:
        raise ValueError(
            f"{kept()} is damaged ({printable(error).rstrip('.')}); delete it, or run benchmarks/gpu.py again."
        ) from error
    return found.get("cpu", CPU_COST), found.get("gpu", GPU_COST)


_COST = {name: str if name == "measured" else float for name in Cost.__dataclass_fields__}


def _cost(values: Mapping[str, Any]) -> Cost:
    numbers = {name: float(values[name]) for name in _COST if name != "measured"}
    if min(numbers.values()) < 0:
        raise ValueError("a cost is no number of at least 0")
    return Cost(**numbers, measured=values["measured"])
