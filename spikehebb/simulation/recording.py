"""From the arrays of a run to a recording."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, second
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import Circuit, Float, Frozen, Recording, Replicas, Spikes, check_finite
from spikehebb.simulation.costs import synapses_of
from spikehebb.simulation.plan import Plan, pairs
from spikehebb.simulation.programs import disk_full

_NEAR = 1e-3  # of a step: how far the end may lie off the time grid
COUNT = "spikehebb_count"  # of its spikes, where a neuron counts them itself


def counting(plan: Plan) -> Plan:
    """Let neurons whose spikes are only counted do so in their reset: on a GPU, a monitor waits in every step."""
    populations = {
        name: dataclasses.replace(
            part, model=f"{part.model}\n{COUNT} : integer", reset=f"{part.reset}\n{COUNT} += 1".strip()
        )
        if part.threshold and name not in plan.record
        else part
        for name, part in plan.populations.items()
    }
    return dataclasses.replace(plan, populations=Frozen(populations))


def trace_name(trace: str) -> str:
    """Return the name of the monitor of a recorded variable."""
    return "trace_" + trace.replace(".", "_")


def recording_of(
    circuit: Circuit | Replicas,
    plan: Plan,
    arrays: Mapping[str, NDArray[Any]],
    *,
    end: float,
    seed: int,
    device: str,
    dt: Quantity,
    duration: Quantity,
    seconds: float,
) -> Recording:
    """Return the recording of a run; ``arrays`` are its results, by Brian2's names, and ``end`` is its last second.

    Raises
    ------
    RuntimeError
        If it ended early.
    OSError
        If numbers are missing.
    ValueError
        If weights have left the range of numbers.
    """
    _check_complete(plan, arrays, end, float(duration))
    replicas, seeds = (1, ()) if isinstance(circuit, Circuit) else (circuit.count, circuit.seeds_of(seed))
    single = circuit if isinstance(circuit, Circuit) else circuit.circuit
    traces, times = {}, np.zeros(0)
    for trace in plan.traces:
        monitor, variable = trace_name(trace), trace.split(".")[1]
        times = arrays[f"{monitor}.t"]
        traces[trace] = np.asarray(arrays[f"{monitor}.{variable}"], float).reshape(len(times), -1)
    spiking = [name for name, part in plan.populations.items() if part.threshold]
    return Recording(
        spikes=Frozen({n: Spikes(i=arrays[f"spikes_{n}.i"], t=arrays[f"spikes_{n}.t"] * second) for n in plan.record}),
        counts=Frozen({n: arrays[f"spikes_{n}.count"].astype(np.int64) for n in spiking}),
        weights=Frozen(_weights(single, replicas, arrays)),
        state=Frozen(
            {n: Frozen({v: arrays[f"{n}.{v}"] for v in part.variables}) for n, part in plan.populations.items()}
        ),
        traces=Frozen(traces),
        times=times * second,
        seed=seeds[0] if len(seeds) == 1 else seed,
        device=device,
        dt=dt,
        duration=duration,
        seconds=seconds,
        replicas=replicas,
        seeds=seeds,
    )


def _check_complete(plan: Plan, arrays: Mapping[str, NDArray[Any]], end: float, duration: float) -> None:
    """Check that the results of a run are complete: part of a result is none."""
    if end < duration - _NEAR * plan.dt:
        raise RuntimeError(f"the simulation stopped at {end:g} s of {duration:g} s, so it has no result.")

    def check(name: str, *sizes: int) -> int:
        if arrays[name].size not in sizes:
            raise disk_full(f"the run left {arrays[name].size:,} of {sizes[0]:,} numbers of {name}")
        return sizes[0]

    for name, part in plan.populations.items():
        for variable in part.variables:
            check(f"{name}.{variable}", 1 if text.is_shared(part.model, variable) else part.size)
        if part.threshold:
            check(f"spikes_{name}.count", part.size)
        if name in plan.record:
            for what in ("i", "t"):
                check(f"spikes_{name}.{what}", int(arrays[f"spikes_{name}.count"].sum()))
    sizes = {name: part.size for name, part in plan.populations.items()}
    for name, wiring in plan.projections.items():
        sizes[name] = synapses_of(plan, wiring)
        if f"{name}.w" in arrays:  # of replicas, one table may serve all
            check(f"{name}.w", sizes[name], *([sizes[name] // wiring.copies] if wiring.shared else []))
    samples = math.ceil(round(end / plan.dt) / plan.every)
    for trace in plan.traces:
        owner, variable = trace.split(".")
        check(f"{trace_name(trace)}.t", samples)
        check(f"{trace_name(trace)}.{variable}", samples * sizes[owner])


def _weights(circuit: Circuit, replicas: int, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Float]:
    weights: dict[str, Float] = {}
    for name, projection in circuit.projections.items():
        if projection.weights is None:
            continue
        shape, connected, w = np.shape(projection.weights), pairs(projection), arrays[f"{name}.w"]
        expected = int(np.prod(shape)) if connected is None else len(connected[0])
        check_finite(f"the weights of {name}", w)
        rows = np.broadcast_to(w.reshape(-1, expected), (replicas, expected))
        if connected is None:
            full = (
                rows.reshape(replicas, *shape)
                if w.size > expected
                else np.broadcast_to(w.reshape(shape), (replicas, *shape))
            )
        else:
            full = np.zeros((replicas, *shape))
            full[:, connected[0], connected[1]] = rows
        weights[name] = full[0] if replicas == 1 else full
    return weights
