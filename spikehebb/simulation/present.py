"""Showing the presentations of one protocol to copies of a circuit that only looks, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from brian2 import Quantity, ms, second

from spikehebb import devices
from spikehebb.core import Circuit, Frozen, Int, Protocol, Recording, Replicas, Spikes
from spikehebb.devices import Device
from spikehebb.simulation import programs
from spikehebb.simulation.simulate import prepare, simulate

TOGETHER = 8192  # presentations in one run of many copies, about: stimuli then take no more room than those of one


FILLING = 64  # copies of a network that only looks, so that a GPU has something to do


def copies_on(device: Device, replicas: int | None) -> int | None:
    """Return how many copies look at images side by side where nobody says: on a GPU many, elsewhere none but one."""
    return FILLING if replicas is None and devices.on_gpu(device) else replicas


def simulate_dealt(
    circuit: Circuit,
    protocol: Protocol,
    *,
    replicas: int | None,
    device: Device = devices.NUMPY,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    record: Iterable[str] = (),
    progress: programs.Progress | None = None,
) -> Recording:
    """Run a circuit through a protocol whose presentations are dealt over copies of it, which share their weights.

    Parameters
    ----------
    circuit : Circuit
        Without rules, and what it keeps beyond a presentation must not matter: each copy sees only some of them.
    protocol : Protocol
        With presentations; number ``k*replicas + r`` goes to copy ``r``.
    replicas : int or None
        How many copies; None is ``simulate``, which draws other random numbers than copies do.
    device, dt, seed, record, progress
        As for ``simulate``; courses of variables cannot be recorded.

    Returns
    -------
    Recording
        As if one circuit had seen one presentation after the other. Spikes count where they are recorded.

    Raises
    ------
    ValueError
        If the circuit learns, or the protocol has no presentations.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikehebb.circuits import soft_wta
    >>> from spikehebb.core import Protocol
    >>> plan = Protocol(stimuli={"input": np.eye(3)}, duration=60 * ms, presentation=20 * ms)
    >>> shown = simulate_dealt(soft_wta(np.ones((3, 2)), rule=None), plan, replicas=2, record=("input",))
    >>> shown.duration, len(shown.counts["input"])
    (60. * msecond, 3)
    """
    record = tuple(record)
    if replicas is None:
        return simulate(circuit, protocol, device=device, dt=dt, seed=seed, record=record, progress=progress)
    learning = [name for name, projection in circuit.projections.items() if projection.rule]
    if learning:
        raise ValueError(
            f"circuit {circuit.name} learns in {', '.join(learning)}, and copies that see a part each would learn "
            "apart; show it everything in turn, or freeze it with circuit.frozen()."
        )
    if courses := [name for name in record if "." in name]:
        raise ValueError(f"the courses of {', '.join(courses)} cannot be recorded of copies; record spikes.")
    copies, dealt = Replicas(circuit=circuit, count=replicas), deal(protocol, replicas)
    recording = simulate(copies, dealt, device=device, dt=dt, seed=seed, record=record, progress=progress)
    return gather(recording, protocol)


def prepare_dealt(
    circuit: Circuit,
    protocol: Protocol,
    *,
    replicas: int | None,
    device: Device,
    dt: Quantity = 1 * ms,
    record: Iterable[str] = (),
) -> None:
    """Build what ``simulate_dealt`` needs on this device; the arguments are the same."""
    if replicas is None:
        prepare(circuit, protocol, device=device, dt=dt, record=record)
    else:
        prepare(
            Replicas(circuit=circuit, count=replicas), deal(protocol, replicas), device=device, dt=dt, record=record
        )


def deal(protocol: Protocol, replicas: int) -> list[Protocol]:
    """Return the presentations of a protocol dealt over copies: number ``k*replicas + r`` goes to copy ``r``.

    The last ones may be blank, so that all copies see as many.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikehebb.core import Protocol
    >>> plan = Protocol(stimuli={"input": [[1], [2], [3]]}, duration=30 * ms, presentation=10 * ms)
    >>> [one.stimuli["input"].ravel().tolist() for one in deal(plan, 2)]
    [[1.0, 3.0], [2.0, 0.0]]
    """
    if protocol.presentation is None:
        raise ValueError("only presentations can be dealt over copies, and the protocol does not say how long one is.")
    rounds = -(-_presentations(protocol) // replicas)
    dealt = []
    for copy in range(replicas):
        stimuli = {name: np.zeros((rounds, np.shape(rows)[1])) for name, rows in protocol.stimuli.items()}
        for name, rows in protocol.stimuli.items():
            mine = np.asarray(rows)[copy::replicas][:rounds]
            stimuli[name][: len(mine)] = mine
        dealt.append(
            Protocol(stimuli=stimuli, duration=rounds * protocol.presentation, presentation=protocol.presentation)
        )
    return dealt


def gather(recording: Recording, protocol: Protocol) -> Recording:
    """Return the recording of copies that were dealt a protocol as that of one circuit that saw all of it.

    State at the end is that of the copy that saw the last presentation.
    """
    copies, total, period = recording.replicas, _presentations(protocol), float(protocol.presentation or 0)
    spikes, counts = dict[str, Spikes](), dict[str, Int]()
    for name, of in recording.counts.items():
        size = len(of) // copies
        counts[name] = of.reshape(copies, size).sum(axis=0)
        if name in recording.spikes:
            every = recording.spikes[name]
            t, (copy, neuron) = np.asarray(every.t / second), np.divmod(every.i, size)
            row = np.floor(t / period + 1e-9).astype(np.int64)  # as metrics.presentation_counts
            number = row * copies + copy
            kept = number < total  # the rest are blank
            later = (t + (number - row) * period)[kept]
            spikes[name] = Spikes(i=neuron[kept], t=later * second)
            counts[name] = np.bincount(neuron[kept], minlength=size)
    last = recording.replica((total - 1) % copies)
    return dataclasses.replace(
        last,
        spikes=Frozen(spikes),
        counts=Frozen(counts),
        seed=recording.seed,
        seeds=(),
        duration=protocol.duration,
    )


def _presentations(protocol: Protocol) -> int:
    return round(float(protocol.duration / protocol.presentation))
