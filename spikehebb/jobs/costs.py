"""What a trained network costs, on a chip and in bare arithmetic: its size, and its work and energy for an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brian2 import Quantity

from spikehebb import metrics
from spikehebb.core import Circuit
from spikehebb.hardware import Target, check, split
from spikehebb.metrics import Workload

Circuits = tuple[Mapping[str, Circuit], Quantity, tuple[str, ...]]  # by name, "" for all of it; time step; remarks

_STATE_BITS = 32  # of a neuron's variables, and of a weight where the chip's limits do not give it
_ARITHMETIC = ("int8_45nm", "int32_45nm", "float32_45nm")


def work_of(circuit: Circuit, counts: Sequence[Mapping[str, Any]], *, images: int, steps: int, dt: float) -> Workload:
    """Return the work of a circuit for an image, on average.

    Parameters
    ----------
    circuit : Circuit
    counts : sequence of mapping of str to array
        Spikes of every neuron of the populations, in every chunk of images.
    images : int
    steps, dt : int, float
        Time steps in a presentation; the time step in seconds.
    """
    spikes = {name: sum(chunk[name] for chunk in counts) for name in counts[0]}
    work = metrics.count_work(circuit, counts=spikes, steps=images * steps, dt=dt, presentations=images)
    return work.per_presentation()


def weight_bits(target: Target) -> int:
    """Return the bits of a weight on a chip."""
    return int(target.value("weight_bits") or _STATE_BITS)


def circuit_costs(circuit: Circuit, work: Workload, target: Target, *, dt: Quantity) -> dict[str, Any]:
    """Return what a circuit costs: its size, whether it fits, its work and energy for an image."""
    size = metrics.footprint(circuit, weight_bits=weight_bits(target), state_bits=_STATE_BITS)
    degrees, problems = metrics.degrees(circuit), check(circuit, target, dt=dt)
    return {
        "target": target.name,
        "footprint": metrics.static.as_json(size),
        "connection_sparsity": metrics.connection_sparsity(circuit),
        "fan_in": {name: int(degree["in"].max()) for name, degree in degrees.items()},
        "fan_out": {name: int(degree["out"].max()) for name, degree in degrees.items()},
        "cores": split(circuit, target).cores,
        "problems": len(problems),
        "enforced_problems": sum(problem.enforced for problem in problems),
        **work_costs(work, target),
    }


def work_costs(work: Workload, target: Target) -> dict[str, Any]:
    """Return the work for an image, and the energy that it takes."""
    return {"per_image": work.as_json(), "energy_per_image": energy(work, target)}


def energy(work: Workload, target: Target) -> dict[str, Any]:
    """Return the energy of some work on a chip, where its costs are published, and in bare arithmetic."""
    names = [name for name in (target.name, *_ARITHMETIC) if name in metrics.TABLES]
    return {name: metrics.estimate_energy(work, metrics.find_costs(name)).as_json() for name in names}
