"""From the arrays that a run left to a recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, second
from numpy.typing import NDArray

from spikehebb.core import Circuit, Float, Frozen, Recording, Replicas, Spikes
from spikehebb.simulation.plan import Plan, pairs

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
    return "course_" + trace.replace(".", "_")


def recording_of(
    circuit: Circuit | Replicas,
    plan: Plan,
    found: Mapping[str, NDArray[Any]],
    *,
    seed: int,
    device: str,
    dt: Quantity,
    duration: Quantity,
    seconds: float,
) -> Recording:
    """Return the recording of a run; ``found`` holds what it left, by Brian2's names.

    Raises
    ------
    OSError
        If weights are missing.
    ValueError
        If weights have left the range of numbers.
    """
    copies, seeds = (1, ()) if isinstance(circuit, Circuit) else (circuit.count, circuit.seeds_of(seed))
    single = circuit if isinstance(circuit, Circuit) else circuit.circuit
    courses, times = {}, np.zeros(0)
    for trace in plan.traces:
        monitor, variable = trace_name(trace), trace.split(".")[1]
        times = found[f"{monitor}.t"]
        courses[trace] = np.asarray(found[f"{monitor}.{variable}"], float).reshape(len(times), -1)
    spiking = [name for name, part in plan.populations.items() if part.threshold]
    return Recording(
        spikes=Frozen({n: Spikes(i=found[f"spikes_{n}.i"], t=found[f"spikes_{n}.t"] * second) for n in plan.record}),
        counts=Frozen({n: found[f"spikes_{n}.count"].astype(np.int64) for n in spiking}),
        weights=Frozen(_weights(single, copies, found)),
        state=Frozen(
            {n: Frozen({v: found[f"{n}.{v}"] for v in part.variables}) for n, part in plan.populations.items()}
        ),
        courses=Frozen(courses),
        times=times * second,
        seed=seeds[0] if len(seeds) == 1 else seed,
        device=device,
        dt=dt,
        duration=duration,
        seconds=seconds,
        replicas=copies,
        seeds=seeds,
    )


def _weights(circuit: Circuit, copies: int, found: Mapping[str, NDArray[Any]]) -> dict[str, Float]:
    weights: dict[str, Float] = {}
    for name, projection in circuit.projections.items():
        if projection.weights is None:
            continue
        shape, connected, w = np.shape(projection.weights), pairs(projection), found[f"{name}.w"]
        expected = int(np.prod(shape)) if connected is None else len(connected[0])
        if w.size not in (expected, expected * copies):  # of replicas, one table may serve all
            raise OSError(f"the run left {w.size} of {expected * copies} weights of {name}; is the disk full?")
        if not np.all(np.isfinite(w)):
            raise ValueError(
                f"the weights of {name} left the range of numbers; the rule diverges with these parameters. "
                "Lower its learning rate."
            )
        rows = np.broadcast_to(w.reshape(-1, expected), (copies, expected))
        if connected is None:
            full = (
                rows.reshape(copies, *shape)
                if w.size > expected
                else np.broadcast_to(w.reshape(shape), (copies, *shape))
            )
        else:
            full = np.zeros((copies, *shape))
            full[:, connected[0], connected[1]] = rows
        weights[name] = full[0] if copies == 1 else full
    return weights
