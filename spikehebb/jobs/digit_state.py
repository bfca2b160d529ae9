"""Digit networks while they learn: their state, the next images, and the state after them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb import metrics, rules
from spikehebb.core import Circuit, Float, Images, Int, Recording, Replicas, check_finite, replicas_of
from spikehebb.core.progress import Fraction, Progress, of_stage
from spikehebb.devices import Device
from spikehebb.hardware import Constrained
from spikehebb.jobs.digit_settings import Settings, ages
from spikehebb.jobs.learned import spike_counts
from spikehebb.jobs.seeds import generator, seed_of
from spikehebb.jobs.start import Start
from spikehebb.simulation import present

LABELLED = 20_000  # training images, at most, that give the neurons their labels
BLOCK, FORGET = 250, 0.975  # the learning curve has a point per block, and remembers about 10,000 images


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """A network so far: what its next chunk of images needs."""

    chunks: int
    weights: Float
    age: Float  # spikes of its own that a neuron has learned from, divided by the lifetime
    bias: Float | None  # that a network came with; it does not learn
    spikes: Float  # (input, output)
    seconds: float
    tally: Float  # (neurons, classes): spikes for images of each class, recent ones counting most
    shown: Float  # (classes,): images behind them, weighted likewise
    curve: Float  # (points, 2): images seen, accuracy


def begin(settings: Settings, shape: tuple[int, ...], start: Start | None) -> State:
    """Return the state that learning begins with: random weights, or those of another network."""
    if start is not None:
        bias = start.bias if start.bias.any() else None
        return dataclasses.replace(begin(settings, shape, None), weights=start.weights, age=start.age, bias=bias)
    rng = generator(settings.seed, "weights")
    weights = np.abs(rng.standard_normal((int(np.prod(shape)), settings.neurons)))
    weights = np.clip(weights * settings.start_norm / np.linalg.norm(weights, axis=0), *settings.bounds)
    return State(
        chunks=0,
        weights=weights,
        age=np.zeros(settings.neurons),
        bias=None,
        spikes=np.zeros(2),
        seconds=0.0,
        tally=np.zeros((settings.neurons, metrics.CLASSES)),
        shown=np.zeros(metrics.CLASSES),
        curve=np.zeros((0, 2)),
    )


def seen_after(chunks: int, images: int) -> int:
    """Return how many presentations so many chunks are; every epoch begins a new chunk."""
    per_epoch = -(-images // present.CHUNK)
    return chunks // per_epoch * images + min(chunks % per_epoch * present.CHUNK, images)


def next_images(state: State, train: Images, settings: Settings) -> Images:
    """Return the images of the next chunk; every epoch has an order of its own."""
    epoch, number = divmod(state.chunks, -(-len(train) // present.CHUNK))
    order = generator(settings.seed, "order", epoch).permutation(len(train))
    return train[order[number * present.CHUNK : (number + 1) * present.CHUNK]]


def next_circuit(state: State, settings: Settings) -> tuple[Circuit, Constrained | None, int]:
    """Return the circuit that learns the next chunk, its limits where it has a target, and the seed."""
    circuit = settings.circuit(state.weights, state.bias)
    if ages(rules.find(settings.rule)):
        circuit = circuit.with_state("output", age=state.age)
    seed = seed_of(settings.seed, "learning", state.chunks)
    chip = settings.constrained(circuit, seed) if settings.target else None
    return chip.circuit if chip else circuit, chip, seed


def after(
    state: State, recording: Recording, chip: Constrained | None, images: Images, settings: Settings, seen: int
) -> State:
    """Return the state after a chunk of images; ``seen`` is how many there were before it."""
    aging = ages(rules.find(settings.rule))
    weights, age = recording.weights["feedforward"], recording.state["output"].get("age", state.age)
    if chip:
        weights = chip.weights(recording, "feedforward")
        age = chip.trace(recording, "feedforward", "age") if aging else age
    check_range(recording)
    counts = present.counts_of(recording, "output", len(images), settings.presentation)
    tally, shown, curve = _follow(state, counts, np.asarray(images.labels), seen)
    return State(
        chunks=state.chunks + 1,
        weights=weights,
        age=age if aging else state.age + recording.counts["output"] / settings.lifetime,
        bias=state.bias,
        spikes=state.spikes + np.array([recording.counts[name].sum() for name in ("input", "output")]),
        seconds=state.seconds + recording.seconds,
        tally=tally,
        shown=shown,
        curve=curve,
    )


def check_range(recording: Recording) -> None:
    """Raise ``ValueError`` if weights have become so large that the competition overflows: nobody wins then."""
    for population in ("output", "inhibition"):
        for variable in ("age", "u", "I"):
            check_finite(f"{variable} of {population}", recording.state[population].get(variable, np.zeros(0)))


def _follow(state: State, counts: Any, labels: Int, seen: int) -> tuple[Float, Float, Float]:
    """Go on with the learning curve: score every block of images with labels from the images before it."""
    tally, shown, points = state.tally, state.shown, list(state.curve)
    for start in range(0, len(labels), BLOCK):
        block = slice(start, start + BLOCK)
        if shown.any() and len(labels[block]) == BLOCK:  # a shorter rest would only be noise
            names = metrics.neuron_labels(tally / np.maximum(shown, 1e-9))
            score = metrics.accuracy(metrics.vote(counts[block], names), labels[block])
            points.append(np.array([seen + start + len(labels[block]), score]))
        now = np.bincount(labels[block], minlength=metrics.CLASSES)
        tally = FORGET * tally + metrics.class_profile(counts[block], labels[block]) * now
        shown = FORGET * shown + now
    return tally, shown, np.array(points).reshape(-1, 2)


def labelled_images(train: Images, settings: Settings) -> Images:
    """Return the training images that give the neurons their labels."""
    return train[generator(settings.seed, "labelling").permutation(len(train))[:LABELLED]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Networks:
    """Digit networks in one simulation: one circuit alone, or replicas where there is room for presentations.

    Parameters
    ----------
    settings : tuple of Settings
        One for each network.
    device : Device
    room : int
        How many presentations the programs of replicas have room for; 0 for one circuit alone.
    """

    settings: tuple[Settings, ...]
    device: Device
    room: int

    def prepare(self, states: Sequence[State], train: Images) -> None:
        """Build the programs of learning and of inference."""
        learning = [
            settings.constrained(circuit, settings.seed).circuit if settings.target else circuit
            for settings, circuit in zip(self.settings, self._circuits(states), strict=True)
        ]
        frozen_replicas = None if self.room else present.replicas_on(self.device, None)
        for circuits, replicas in ((learning, None), (self._circuits(states, frozen=True), frozen_replicas)):
            present.prepare_show(
                self._joined(circuits),
                self._rows([train[:1]] * len(states)),
                presentation=self.settings[0].presentation,
                dt=self.settings[0].dt,
                device=self.device,
                replicas=replicas,
                room=self.room,
            )

    def show(
        self, circuits: Sequence[Circuit], seeds: Sequence[int], images: Sequence[Images], bar: Fraction
    ) -> list[Recording]:
        """Show every network its images, in one run, and return what each of them did."""
        recording = present.show(
            self._joined(circuits, seeds),
            self._rows(images),
            presentation=self.settings[0].presentation,
            dt=self.settings[0].dt,
            device=self.device,
            seed=0 if self.room else seeds[0],
            room=self.room,
            progress=bar,
        )
        if not self.room:
            return [recording]
        count = len(circuits)
        return [dataclasses.replace(recording.replica(k), seconds=recording.seconds / count) for k in range(count)]

    def counts(
        self, states: Sequence[State], images: Sequence[Images], stage: str, tell: Progress
    ) -> list[tuple[Any, float]]:
        """Return the spike counts (images, neurons) of every frozen network, and the seconds that each took."""
        circuits = self._circuits(states, frozen=True)
        if not self.room:
            given = circuits[0], images[0], self.settings[0], self.device, stage, tell
            return [spike_counts(*given, watch=check_range)]
        tables: list[list[Any]] = [[] for _ in states]
        seconds = 0.0
        for number, part, bar in present.chunks(len(images[0]), self.room, of_stage(tell, stage)):
            parts = [each[part] for each in images]
            seeds = [seed_of(settings.seed, stage, number) for settings in self.settings]
            for table, recording in zip(tables, self.show(circuits, seeds, parts, bar), strict=True):
                check_range(recording)
                table.append(present.counts_of(recording, "output", len(parts[0]), self.settings[0].presentation))
                seconds += recording.seconds
        return [(present.joined(table), seconds / len(states)) for table in tables]

    def _circuits(self, states: Sequence[State], *, frozen: bool = False) -> list[Circuit]:
        circuits = [one.circuit(state.weights, state.bias) for one, state in zip(self.settings, states, strict=True)]
        return [circuit.frozen() for circuit in circuits] if frozen else circuits

    def _joined(self, circuits: Sequence[Circuit], seeds: Sequence[int] | None = None) -> Circuit | Replicas:
        """Return one circuit, or replicas with weights of their own, also where these are still the same."""
        if not self.room:
            return circuits[0]
        weights = np.stack([np.asarray(circuit.projections["feedforward"].weights) for circuit in circuits])
        return dataclasses.replace(replicas_of(circuits, seeds=seeds), weights={"feedforward": weights})

    def _rows(self, images: Sequence[Images]) -> Any:
        rows = [present.of_unit_length(each) for each in images]
        return rows if self.room else rows[0]
