"""Presenting rows to a circuit, one after the other, and counting the spikes of each presentation.

Presentations to a frozen circuit can be distributed over replicas that share its weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from brian2 import Quantity, ms, second
from scipy import sparse

from spikehebb import devices
from spikehebb.core import Circuit, Frozen, Images, Int, Protocol, Recording, Replicas, Spikes
from spikehebb.core.progress import Fraction, part_of
from spikehebb.devices import Device
from spikehebb.encoders import unit_length
from spikehebb.simulation.simulate import prepare, simulate

CHUNK = 1000  # presentations in one run of a program: what an interruption can cost
TOGETHER = 8192  # presentations in one run of many replicas, about: stimuli then take no more room than those of one
FILLING = 64  # replicas of a frozen network, so that a GPU has something to do

Watch = Callable[[Recording], None]
Encode = Callable[[Any], Any]


def of_unit_length(images: Images) -> Any:
    """Return images as rows of length 1, shape (images, pixels)."""
    return unit_length(images.intensities())


def as_they_are(images: Images | Any) -> Any:
    """Return images, or an array of rows, as rows of their intensities, shape (images, pixels)."""
    pixels = images.intensities() if isinstance(images, Images) else np.asarray(images)
    return pixels.reshape(len(pixels), -1).astype(np.float64)


def chunks(total: int, size: int, progress: Fraction | None = None) -> Iterator[tuple[int, slice, Fraction]]:
    """Return, for every chunk of so many presentations, its number, its presentations, and a reporter for it."""
    for number, start in enumerate(range(0, total, size)):
        stop = min(start + size, total)
        yield number, slice(start, stop), part_of(progress, start / total, (stop - start) / total)


def present(
    circuit: Circuit,
    images: Images | Any,
    *,
    presentation: Quantity,
    dt: Quantity,
    device: Device,
    seed: Callable[[int], int],
    encode: Encode = of_unit_length,
    frames: int = 1,
    output: str = "output",
    replicas: int | None = None,
    watch: Watch | None = None,
    progress: Fraction | None = None,
) -> tuple[Any, float]:
    """Show images to a frozen circuit, and count the spikes of its output in every presentation.

    Parameters
    ----------
    circuit : Circuit
        With a population ``input``; without rules where it has replicas.
    images : Images, or what ``encode`` takes
    presentation, dt : Quantity
        How long an image is shown, and the time step.
    device : Device or str
    seed : callable
        Returns the seed of a chunk of images from its number.
    encode : callable
        Returns the rows of the input, shape (images * frames, inputs).
    frames : int
        How many rows of the input an image becomes, presented one after the other without a reset.
    output : str
        The population whose spikes are counted.
    replicas : int, optional
        How many replicas the images are distributed over; left out, one on a CPU and many on a GPU. Replicas draw other
        random numbers than one circuit alone.
    watch : callable, optional
        Called with the recording of every chunk.
    progress : callable, optional
        Called with the completed fraction.

    Returns
    -------
    scipy.sparse.csr_array of int, shape (images, neurons)
    float
        Seconds of the compiled programs, or of NumPy.
    """
    replicas = replicas_on(device, replicas)
    tables, seconds = [], 0.0
    for number, part, bar in chunks(len(images), chunk_of(replicas), progress):
        rows = encode(images[part])
        recording = show(
            circuit,
            rows,
            presentation=presentation,
            frames=frames,
            dt=dt,
            device=device,
            seed=seed(number),
            record=(output,),
            replicas=replicas,
            progress=bar,
        )
        tables.append(counts_of(recording, output, len(rows) // frames, presentation))
        seconds += recording.seconds
        if watch is not None:
            watch(recording)
    return joined(tables), seconds


def show(
    circuit: Circuit | Replicas,
    rows: Any,
    *,
    presentation: Quantity,
    dt: Quantity,
    device: Device,
    seed: int = 0,
    record: Iterable[str] = ("output",),
    replicas: int | None = None,
    room: int = 0,
    frames: int = 1,
    progress: Fraction | None = None,
) -> Recording:
    """Show rows to the input of a circuit in one run of its program.

    Parameters
    ----------
    circuit : Circuit or Replicas
    rows : array_like, shape (presentations * frames, inputs)
        Replicas, which differ, take a list: an array for each replica.
    replicas : int, optional
        Distribute the rows over so many replicas of a frozen circuit.
    room : int
        Rows that the program has room for, at least.
    frames : int
        How many rows are one presentation.

    Returns
    -------
    Recording
        Of replicas that the rows were distributed over: as if one circuit had seen one row after the other.
    """
    shown = _protocols(circuit, rows, presentation, room, frames)
    common: dict[str, Any] = {"device": device, "dt": dt, "seed": seed, "record": record, "progress": progress}
    if replicas is None or isinstance(circuit, Replicas):
        return simulate(circuit, shown, **common)
    return simulate_distributed(circuit, shown, replicas=replicas, **common)


def prepare_show(
    circuit: Circuit | Replicas,
    rows: Any,
    *,
    presentation: Quantity,
    dt: Quantity,
    device: Device,
    record: Iterable[str] = ("output",),
    replicas: int | None = None,
    room: int = 0,
    frames: int = 1,
) -> None:
    """Build what ``show`` needs on this device; the arguments are the same."""
    shown = _protocols(circuit, rows, presentation, room, frames)
    if replicas is None or isinstance(circuit, Replicas):
        prepare(circuit, shown, device=device, dt=dt, record=record)
    else:
        prepare(
            Replicas(circuit=circuit, count=replicas), distribute(shown, replicas), device=device, dt=dt, record=record
        )


def _protocols(circuit: Circuit | Replicas, rows: Any, presentation: Quantity, room: int, frames: int) -> Any:
    if isinstance(circuit, Replicas):
        return [_protocol(each, presentation, room, frames) for each in rows]
    return _protocol(rows, presentation, room, frames)


def _protocol(rows: Any, presentation: Quantity, room: int, frames: int) -> Protocol:
    if len(rows) % frames:
        raise ValueError(f"{len(rows)} rows are no whole number of presentations of {frames} frames.")
    stimulus = rows
    if room > len(rows):
        stimulus = np.zeros((-(-room // frames) * frames, np.shape(rows)[1]))
        stimulus[: len(rows)] = rows
    duration = len(rows) // frames * presentation
    return Protocol(stimuli={"input": stimulus}, duration=duration, presentation=presentation, frames=frames)


def counts_of(recording: Recording, output: str, presentations: int, presentation: Quantity) -> Any:
    """Return the spike counts (presentations, neurons) of a population."""
    neurons = len(recording.counts[output])
    return presentation_counts(
        recording.spikes[output], neurons=neurons, presentations=presentations, presentation=presentation
    )


def joined(tables: Sequence[Any]) -> Any:
    """Return the spike counts of several chunks as one table."""
    return sparse.vstack(tables, format="csr")


def presentation_counts(spikes: Spikes, *, neurons: int, presentations: int, presentation: Quantity) -> Any:
    """Return how often each neuron fired in each presentation.

    Returns
    -------
    scipy.sparse.csr_array of int, shape (presentations, neurons)

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.core import Spikes
    >>> spikes = Spikes(i=[0, 1, 1], t=[1, 12, 13] * ms)
    >>> presentation_counts(spikes, neurons=2, presentations=2, presentation=10 * ms).toarray().tolist()
    [[1, 0], [0, 2]]
    """
    ones, row = np.ones(len(spikes), dtype=np.int64), _presentation_of(spikes, presentation)
    return sparse.coo_array((ones, (row, np.asarray(spikes.i))), shape=(presentations, neurons)).tocsr()


def _presentation_of(spikes: Spikes, presentation: Quantity) -> Int:
    # A spike on the border belongs to the later presentation, however its time was rounded.
    return np.floor(np.asarray(spikes.t / second) / float(presentation) + 1e-9).astype(np.int64)


def replicas_on(device: Device, replicas: int | None) -> int | None:
    """Return how many replicas a frozen network has by default: on a GPU many, elsewhere none but itself."""
    return FILLING if replicas is None and devices.on_gpu(device) else replicas


def chunk_of(replicas: int | None) -> int:
    """Return how many presentations are shown in one run of the program."""
    if replicas is None:
        return CHUNK
    if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 1:
        raise ValueError(f"replicas must be a whole number of at least 1, got {replicas!r}.")
    return min(CHUNK, max(TOGETHER // replicas, 1)) * replicas


def simulate_distributed(
    circuit: Circuit,
    protocol: Protocol,
    *,
    replicas: int,
    device: Device | str = devices.NUMPY,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    record: Iterable[str] = (),
    progress: Fraction | None = None,
) -> Recording:
    """Run a frozen circuit through a protocol whose presentations are distributed over replicas with shared weights.

    Parameters
    ----------
    circuit : Circuit
        Without rules, and its state must not matter beyond a presentation: each replica is presented only some of them.
    protocol : Protocol
        With presentations; number ``k*replicas + r`` goes to replica ``r``.
    replicas : int
        How many replicas; they draw other random numbers than one circuit alone.
    device, dt, seed, record, progress
        As for ``simulate``; variables cannot be recorded.

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
    >>> shown = simulate_distributed(soft_wta(np.ones((3, 2)), rule=None), plan, replicas=2, record=("input",))
    >>> shown.duration, len(shown.counts["input"])
    (60. * msecond, 3)
    """
    record = tuple(record)
    learning = [name for name, projection in circuit.projections.items() if projection.rule]
    if learning:
        raise ValueError(
            f"circuit {circuit.name} learns in {', '.join(learning)}, and replicas that are each presented a part "
            "would learn different weights; present everything to one circuit, or freeze it with circuit.frozen()."
        )
    if variables := [name for name in record if "." in name]:
        raise ValueError(f"{', '.join(variables)} cannot be recorded of distributed presentations; record spikes.")
    replicated, shown = Replicas(circuit=circuit, count=replicas), distribute(protocol, replicas)
    recording = simulate(replicated, shown, device=device, dt=dt, seed=seed, record=record, progress=progress)
    return gather(recording, protocol)


def distribute(protocol: Protocol, replicas: int) -> list[Protocol]:
    """Return a protocol's presentations distributed over replicas: number ``k*replicas + r`` goes to replica ``r``.

    The last ones may be blank, so that all replicas have as many.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikehebb.core import Protocol
    >>> plan = Protocol(stimuli={"input": [[1], [2], [3]]}, duration=30 * ms, presentation=10 * ms)
    >>> [one.stimuli["input"].ravel().tolist() for one in distribute(plan, 2)]
    [[1.0, 3.0], [2.0, 0.0]]
    """
    if protocol.presentation is None:
        raise ValueError(
            "only presentations can be distributed over replicas, and the protocol does not say how long one is."
        )
    rounds = -(-_presentations(protocol) // replicas)
    parts = []
    for replica in range(replicas):
        stimuli = {}
        for name, rows in protocol.stimuli.items():
            whole = np.reshape(rows, (-1, protocol.frames, np.shape(rows)[1]))
            part = whole[replica::replicas][:rounds]
            shown = np.zeros((rounds, *whole.shape[1:]))
            shown[: len(part)] = part
            stimuli[name] = shown.reshape(-1, whole.shape[2])
        parts.append(
            Protocol(
                stimuli=stimuli,
                duration=rounds * protocol.presentation,
                presentation=protocol.presentation,
                frames=protocol.frames,
            )
        )
    return parts


def gather(recording: Recording, protocol: Protocol) -> Recording:
    """Return the recording of replicas that a protocol was distributed over as that of one circuit with all of it.

    State at the end is that of the replica with the last presentation.
    """
    replicas, total, period = recording.replicas, _presentations(protocol), float(protocol.presentation or 0)
    spikes, counts = dict[str, Spikes](), dict[str, Int]()
    for name, joint_counts in recording.counts.items():
        size = len(joint_counts) // replicas
        counts[name] = joint_counts.reshape(replicas, size).sum(axis=0)
        if name in recording.spikes:
            joint_spikes = recording.spikes[name]
            t, (replica, neuron) = np.asarray(joint_spikes.t / second), np.divmod(joint_spikes.i, size)
            row = _presentation_of(joint_spikes, period * second)
            number = row * replicas + replica
            kept = number < total  # the rest are blank
            later = (t + (number - row) * period)[kept]
            spikes[name] = Spikes(i=neuron[kept], t=later * second)
            counts[name] = np.bincount(neuron[kept], minlength=size)
    last = recording.replica((total - 1) % replicas)
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
