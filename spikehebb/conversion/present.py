"""Showing images to a converted network.

A column stands at one position after the other: a presentation is a position, and its input are the spikes that the
stage before fired there. As positions meet only where they are pooled, these are the spikes of the network in which
every position has neurons of its own (``unrolled``), at the memory of one position.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import devices
from spikehebb.circuits.column import phases
from spikehebb.conversion import spike_words
from spikehebb.conversion.network import SpikingNetwork, Stage, Timing
from spikehebb.conversion.to_spiking import encoder_of
from spikehebb.core import Circuit, Images, Int, Population, Recording
from spikehebb.core.seeds import check_seed
from spikehebb.devices import Device
from spikehebb.encoders import word_source
from spikehebb.simulation import present as presenting
from spikehebb.softhebb import Pool, numerics

_ROWS = 16_384  # presentations per run of a program, about
NONE = -1  # the answer before there was any input


@dataclass(frozen=True, kw_only=True, eq=False)
class Presented:
    """The response of a converted network to images.

    Parameters
    ----------
    counts : array of float32, shape (images, features)
        Spikes of the last stage, pooled, in the order (channel, row, column).
    predicted : array of int, shape (images, steps)
        The readout's answer after so many steps of input to the last stage; empty without a readout.
    spikes : array, shape (stages + 1, steps)
        Of all images together, in every step of a presentation: of the input neurons, and of the units of each stage.
    operations : array, shape (stages, steps)
        Likewise: synaptic operations, that is arriving spikes times the synapses that they go through.
    rates : tuple of array, each of shape (images, features of the stage)
        Activations that the pooled spikes of every stage stand for, where they were asked for.
    seconds : float
        Of the compiled programs, or of NumPy.
    """

    counts: Any
    predicted: Int
    spikes: Any
    operations: Any
    rates: tuple[Any, ...]
    seconds: float


def present(
    network: SpikingNetwork,
    images: Images,
    *,
    device: Device | str | None = None,
    seed: int = 0,
    rates: bool = False,
    replicas: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Presented:
    """Show images to a converted network.

    Parameters
    ----------
    network : SpikingNetwork
    images : Images
    device : Device or str, optional
        The fastest available one when left out.
    seed : int
        Of the phases of the input, and of stochastic neurons.
    rates : bool
        Return the ``rates`` of every stage, too.
    replicas : int, optional
        Over how many replicas of a column the positions are distributed; left out, one on a CPU and many on a GPU.
        Replicas draw other random numbers than a single column; what is deterministic stays so, but a spike that falls
        on the border between two steps may come in either, because times are rounded.
    progress : callable, optional
        Called with the completed fraction.

    Returns
    -------
    Presented

    Raises
    ------
    ValueError
        If images have another shape than the network takes.
    """
    if images.image_shape != network.image_shape:
        raise ValueError(
            f"{images.name} has images of {images.image_shape} (channels, height, width), but the network takes "
            f"{network.image_shape}; give images like those that it was made for."
        )
    check_seed(seed)
    device = devices.find(device)
    replicas = presenting.replicas_on(device, replicas)
    parts = []
    for _, part, bar in presenting.chunks(len(images), together_of(network), progress):
        each = seed_of(seed, part.start)
        parts.append(_chunk(network, images[part], device, each, rates=rates, replicas=replicas))
        bar(1)
    return Presented(
        counts=np.concatenate([part.counts for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts]),
        spikes=sum(part.spikes for part in parts),
        operations=sum(part.operations for part in parts),
        rates=tuple(np.concatenate(rows) for rows in zip(*(part.rates for part in parts), strict=True)),
        seconds=sum(part.seconds for part in parts),
    )


def together_of(network: SpikingNetwork) -> int:
    """Return how many images a program is shown in one run."""
    rows, columns = network.stages[0].positions
    return int(np.clip(_ROWS // (rows * columns), 16, 1000))


def build_programs(network: SpikingNetwork, device: Device, replicas: int | None = None) -> None:
    """Compile what ``present`` needs."""
    replicas = presenting.replicas_on(device, replicas)
    timing, rows = network.timing, together_of(network)
    for number, stage in enumerate(network.stages):
        shown = np.zeros((rows * stage.positions[0] * stage.positions[1], stage.circuit.populations["input"].size))
        record = ("input", "units") if number == 0 and _encodes(network) else ("units",)
        presenting.prepare_show(
            stage.circuit,
            shown,
            presentation=timing.window * timing.dt_ms * ms,
            dt=timing.dt_ms * ms,
            device=device,
            record=record,
            replicas=replicas,
        )


def vote_counts(
    circuit: Circuit, images: Images, timing: Timing, *, device: Device | str | None = None, seed: int = 0
) -> tuple[Any, float]:
    """Show images to a competition of dense units and count who fired.

    Returns
    -------
    scipy.sparse.csr_array of int, shape (images, units)
    float
        Seconds of the compiled programs, or of NumPy.
    """
    return presenting.present(
        circuit,
        images,
        presentation=timing.present_ms * ms,
        dt=timing.dt_ms * ms,
        device=devices.find(device),
        seed=lambda number: seed_of(seed, number * presenting.CHUNK),
        encode=presenting.as_they_are,
        output="units",
    )


def run(
    circuit: Circuit,
    rows: Any,
    timing: Timing,
    device: Device,
    seed: int,
    record: tuple[str, ...] = ("units",),
    steps: int | None = None,
    replicas: int | None = None,
) -> Recording:
    """Show rows, one after the other, to the input of a circuit, each for so many steps (or as long as an image)."""
    return presenting.show(
        circuit,
        rows,
        presentation=(timing.steps if steps is None else steps) * timing.dt_ms * ms,
        dt=timing.dt_ms * ms,
        device=device,
        seed=seed,
        record=record,
        replicas=replicas,
    )


def encode(
    network: SpikingNetwork, images: Images, device: Device, seed: int, replicas: int | None = None
) -> tuple[spike_words.Words, float]:
    """Return the spikes of the input neurons, words of shape (images, rows, columns, channels), and the seconds."""
    channels, height, width = network.image_shape
    pixels = images.intensities().reshape(len(images), channels, height, width).transpose(0, 2, 3, 1)
    timing, size = network.timing, channels * height * width
    population = Population(model=encoder_of(timing), size=size)
    circuit = Circuit(name="encoder", populations={"input": population}, projections={})
    # A spike at a step stands for the time until then, so the first step of a window is empty.
    first = 1 if timing.order == "in turn" else 0
    rows = pixels.reshape(len(images), -1)
    recording = run(circuit, rows, timing, device, seed, ("input",), timing.steps + first, replicas)
    words = _words(recording, "input", size, len(images), timing, first)
    return words.reshape(len(images), height, width, channels), recording.seconds


def patches(stage: Stage, x: Any) -> Any:
    """Return what a column sees at every position of (images, rows, columns, channels): (positions, inputs)."""
    return numerics.inputs(stage.layer, x)[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Visit:
    """Input and output of one stage: presentations are positions of images, image by image."""

    number: int
    shown: Any  # (positions, inputs): words, or pixels where the column encodes them itself
    sent: Any  # (steps,): spikes of the neurons that it sees
    arrived: Any  # (steps,): the same, a spike counted once for each position that sees it
    fired: spike_words.Words  # (images, rows, columns, units)
    left: spike_words.Words  # pooled, unless it is the last stage
    recording: Recording


def visits(
    network: SpikingNetwork, images: Images, device: Device, seed: int, replicas: int | None = None
) -> Iterator[Visit]:
    """Show images to one stage after the other."""
    timing, x = network.timing, None
    if not _encodes(network):
        x, _ = encode(network, images, device, seed, replicas)
    for number, stage in enumerate(network.stages):
        shown = images.intensities().reshape(len(images), -1) if x is None else patches(stage, x)
        record = ("input", "units") if x is None else ("units",)
        each = seed_of(seed, number + 1)
        recording = run(stage.circuit, shown, timing, device, each, record, timing.window, replicas)
        units = stage.circuit.populations["units"].size
        sent = (
            by_step(recording, "input", timing) if x is None else spike_words.unpack(x, timing.steps).sum((1, 2, 3, 4))
        )
        arrived = sent if x is None else _arrived(stage, x, timing.steps)
        fired = _words(recording, "units", units, len(shown), timing, timing.first)
        fired = fired.reshape(len(images), *stage.positions, units)
        last = number == len(network.stages) - 1
        delay = 1 if timing.order == "together" else 0
        x = fired if last or stage.layer.pool is None else pool(fired, stage.layer.pool, timing.steps, delay)
        yield Visit(number=number, shown=shown, sent=sent, arrived=arrived, fired=fired, left=x, recording=recording)


def by_step(recording: Recording, name: str, timing: Timing) -> Any:
    """Return how many spikes a column's neurons fired in each step that is handed on."""
    at = np.round(np.asarray(recording.spikes[name].t) / (timing.dt_ms / 1000)).astype(np.int64) % timing.window
    return np.bincount(at, minlength=timing.window)[timing.first :]


def _encodes(network: SpikingNetwork) -> bool:
    """Whether the first column turns pixels into spikes itself."""
    return network.stages[0].circuit.populations["input"].model.name != word_source.name


def _arrived(stage: Stage, x: spike_words.Words, steps: int) -> Any:
    """Return how many spikes reach the positions of a stage in each step; a neuron is seen by several of them."""
    height, width = x.shape[1:3]
    numbers = np.arange(height * width).reshape(1, height, width, 1)
    times = np.bincount(numerics.inputs(stage.layer, numbers)[0].ravel(), minlength=height * width)
    fired = spike_words.unpack(x, steps).sum(axis=(1, 4), dtype=np.int64)
    return fired.reshape(steps, -1) @ times


def _chunk(
    network: SpikingNetwork, images: Images, device: Device, seed: int, *, rates: bool, replicas: int | None
) -> Presented:
    timing, seconds = network.timing, 0.0
    spikes: list[Any] = []
    operations: list[Any] = []
    kept: list[Any] = []
    for visit in visits(network, images, device, seed, replicas):
        stage = network.stages[visit.number]
        seconds += visit.recording.seconds
        if not spikes:
            spikes.append(visit.sent)
        spikes.append(by_step(visit.recording, "units", timing))
        operations.append(visit.arrived * stage.weights.shape[1])
        if rates and visit.number < len(network.stages) - 1:
            elapsed = network.fired_steps(visit.number) * timing.dt_ms / 1000
            kept.append(numerics.flatten(spike_words.counts(visit.left).astype(np.float32)) / (stage.gain * elapsed))
    predicted, counts = _read(network, visit.fired)
    if rates:
        kept.append(network.features(counts))
    return Presented(
        counts=counts,
        predicted=predicted,
        spikes=np.array(spikes),
        operations=np.array(operations),
        rates=tuple(kept),
        seconds=seconds,
    )


def _read(network: SpikingNetwork, x: spike_words.Words) -> tuple[Int, Any]:
    """Return the readout's answer after every step of input to the last stage, and the counts at the end."""
    last, answers = network.stages[-1], []
    heard = range(1, network.last_step + 1) if network.readout is not None else (network.last_step,)
    for elapsed in heard:
        seen = spike_words.counts(x, network.seen_steps(elapsed)).astype(np.float32)
        if last.layer.pool is not None:
            seen = numerics.pool(seen, last.layer.pool)
        counts = numerics.flatten(seen)
        if network.readout is not None:
            weight, bias = network.readout
            scores = network.features(counts, elapsed) @ weight.T + bias
            answers.append(np.where(counts.any(axis=1), scores.argmax(axis=1), NONE))
    if network.readout is None:
        return np.zeros((len(x), 0), np.int64), counts
    return np.stack(answers, axis=1).astype(np.int64), counts


def pool(x: spike_words.Words, how: Pool, steps: int, delay: int = 1) -> spike_words.Words:
    """Return pooled spike trains, which leave a step later: what ``largest_count`` and ``mean_count`` units fire."""
    sent = np.cumsum(spike_words.unpack(x, steps), axis=0, dtype=np.float32)
    pooled = numerics.pool(sent.reshape(-1, *x.shape[1:]), how).reshape(steps, len(x), -1, x.shape[-1])
    if how.kind == "average":
        pooled = np.floor(pooled + phases(x.shape[-1], x.shape[-1] + 1).astype(np.float32))
    raster = np.diff(pooled, axis=0, prepend=0)[: steps - delay] > 0
    late = np.concatenate([np.zeros_like(raster[:delay]), raster])
    rows = (x.shape[1] + 2 * how.padding - how.size) // how.stride + 1
    return spike_words.pack(late).reshape(len(x), rows, -1, x.shape[-1])


def seed_of(seed: int, *number: int) -> int:
    """Return a seed that is different for every part of a run."""
    return zlib.crc32(np.array([seed, *number], np.int64).tobytes())


def _words(
    recording: Recording, name: str, neurons: int, presentations: int, timing: Timing, first: int = 0
) -> spike_words.Words:
    return spike_words.from_spikes(
        recording.spikes[name],
        neurons=neurons,
        presentations=presentations,
        steps=timing.steps + first,
        dt=timing.dt_ms * ms,
        first=first,
    )
