"""Digit networks while they learn: their state, the next images, and the state after them."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb import metrics
from spikehebb.circuits import ages as rule_ages
from spikehebb.circuits import lasting, plastic
from spikehebb.core import (
    Circuit,
    Float,
    Int,
    PlasticityRule,
    Projection,
    Recording,
    Replicas,
    Samples,
    check_finite,
    replicas_of,
)
from spikehebb.core.bounds import weight_bounds
from spikehebb.core.progress import Fraction, Progress, announce, of_stage
from spikehebb.devices import Device
from spikehebb.hardware import Constrained
from spikehebb.jobs import shown
from spikehebb.jobs.constrained import constrained
from spikehebb.jobs.digit_settings import Settings, learned
from spikehebb.jobs.learned import spike_counts
from spikehebb.jobs.learned_file import packed, state_of, weights_of
from spikehebb.jobs.seeds import generator, seed_of
from spikehebb.jobs.start import Start
from spikehebb.metrics.health import QUIET
from spikehebb.simulation import present

LABELLED = 20_000  # training images, at most, that give the neurons their labels
BLOCK, FORGET = 250, 0.975  # the learning curve has a point per block, and remembers about 10,000 images


_NO_DIGITS = str.maketrans("", "", "0123456789")
_PACKED = ("age", "spikes", "seconds", "tally", "shown", "curve")


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """A network so far: what its next chunk of images needs."""

    chunks: int
    circuit: Circuit  # with weights that are not yet those of a network it goes on from
    first: Mapping[str, Float]  # the weights that learning began with
    weights: Mapping[str, Float]  # of every projection that learns
    age: Float  # spikes of its own that a neuron has learned from, divided by the lifetime
    lasting: Mapping[str, Float]  # what else outlives an image, by population.variable
    bias: Float | None  # that a network came with; it does not learn
    spikes: Float  # (input, output)
    seconds: float
    tally: Float  # (neurons, classes): spikes for images of each class, recent ones counting most
    shown: Float  # (classes,): images behind them, weighted likewise
    curve: Float  # (points, 2): images seen, accuracy

    def measured(self, seen: int) -> dict[str, float]:
        """Return numbers to log after so many images; who fires is counted over recent ones."""
        fired = self.tally.sum(axis=1)
        found = {
            "input_spikes_per_image": float(self.spikes[0]) / seen,
            "output_spikes_per_image": float(self.spikes[1]) / seen,
            "busiest": float(fired.max() / max(fired.sum(), 1e-9)),
            "silent": float(np.mean(fired <= QUIET * fired.mean())),
            "longest_weights": max(float(np.linalg.norm(each, axis=0).max()) for each in self.weights.values()),
        }
        return found | ({"accuracy": float(self.curve[-1, 1])} if len(self.curve) else {})

    def packed(self) -> dict[str, Float]:
        """Return it as arrays, without the number of chunks."""
        others = {name: np.asarray(getattr(self, name), float) for name in _PACKED}
        bias = {} if self.bias is None else {"bias": self.bias}
        return packed(self.weights, self.lasting) | others | bias

    def unpacked(self, arrays: Mapping[str, Any]) -> State:
        """Return this state with what the arrays of another hold."""
        others = {name: arrays[name] for name in _PACKED}
        return dataclasses.replace(
            self,
            weights=weights_of(arrays),
            lasting=state_of(arrays),
            bias=arrays.get("bias"),
            **{**others, "seconds": float(others["seconds"])},
        )


def begin(settings: Settings, inputs: int, classes: int, start: Start | None) -> State:
    """Return the state that learning begins with: random weights, or those of another network."""
    circuit = settings.started(inputs)
    weights = {name: _started(circuit.projections[name], settings) for name in plastic(circuit)}
    if start is not None:
        weights = {"feedforward": start.weights}
    return State(
        chunks=0,
        circuit=circuit,
        first=weights,
        weights=weights,
        age=np.zeros(settings.neurons) if start is None else start.age,
        lasting=started_with(circuit),
        bias=start.bias if start is not None and start.bias.any() else None,
        spikes=np.zeros(2),
        seconds=0.0,
        tally=np.zeros((settings.neurons, classes)),
        shown=np.zeros(classes),
        curve=np.zeros((0, 2)),
    )


def _started(projection: Projection, settings: Settings) -> Float:
    low, high = _bounds(projection.rule, settings)
    return np.asarray(np.clip(np.asarray(projection.weights, float), low, high))


def started_with(circuit: Circuit) -> dict[str, Float]:
    """Return what outlives an image and is no age, as a circuit starts with it, by population.variable."""
    found = {}
    for name, variables in lasting(circuit).items():
        population = circuit.populations[name]
        for variable in variables:
            if f"{name}.{variable}" != "output.age":
                value = np.asarray(population.state.get(variable, 0.0), float)
                found[f"{name}.{variable}"] = np.broadcast_to(value, population.size)
    return found


def seen_after(chunks: int, images: int) -> int:
    """Return how many presentations so many chunks are; every epoch begins a new chunk."""
    per_epoch = -(-images // present.CHUNK)
    return chunks // per_epoch * images + min(chunks % per_epoch * present.CHUNK, images)


def next_images(state: State, train: Samples, settings: Settings) -> Samples:
    """Return the images of the next chunk; every epoch has an order of its own."""
    epoch, number = divmod(state.chunks, -(-len(train) // present.CHUNK))
    order = generator(settings.seed, "order", epoch).permutation(len(train))
    return train[order[number * present.CHUNK : (number + 1) * present.CHUNK]]


def circuit_of(state: State) -> Circuit:
    """Return the circuit of a state, as it learns."""
    circuit = learned(state.circuit, state.weights, state.bias, state.lasting)
    return circuit.with_state("output", age=state.age) if ages(circuit) else circuit


def ages(circuit: Circuit) -> bool:
    """Return whether output neurons learn less the more often they have fired, as in SoftHebb."""
    return "age" in lasting(circuit).get("output", ())


def next_circuit(state: State, settings: Settings) -> tuple[Circuit, Constrained | None, int]:
    """Return the circuit that learns the next chunk, its limits where it has a target, and the seed."""
    circuit = circuit_of(state)
    seed = seed_of(settings.seed, "learning", state.chunks, *settings.place)
    chip = constrained(settings, circuit, seed) if settings.on_chip else None
    return chip.circuit if chip else circuit, chip, seed


def followed(state: State, counts: Any, images: Samples, seen: int) -> State:
    """Return the state with the learning curve after a chunk of images; ``seen`` is how many there were before it."""
    tally, shown, curve = _follow(state, counts, np.asarray(images.labels), seen)
    return dataclasses.replace(state, chunks=state.chunks + 1, tally=tally, shown=shown, curve=curve)


def changed(state: State, recording: Recording, chip: Constrained | None, settings: Settings) -> State:
    """Return the state with what a run has changed: weights, what outlives an image, spikes and seconds."""
    check_range(recording)
    weights = {name: recording.weights[name] for name in state.weights}
    aged = state.age + recording.counts["output"] / settings.lifetime
    age = recording.state["output"].get("age", aged)
    if chip:
        weights = {name: chip.weights(recording, name) for name in weights}
        age = chip.trace(recording, "feedforward", "age") if rule_ages(settings.plasticity()) else aged
    lasts = {name: recording.state[name.split(".")[0]][name.split(".")[1]] for name in state.lasting}
    return dataclasses.replace(
        state,
        weights=weights,
        age=age,
        lasting=lasts,
        spikes=state.spikes + np.array([recording.counts[name].sum() for name in ("input", "output")]),
        seconds=state.seconds + recording.seconds,
    )


def check_range(recording: Recording) -> None:
    """Raise ``ValueError`` if weights have become so large that neurons leave the range of numbers."""
    for population, variables in recording.state.items():
        for variable, values in variables.items():
            if population != "input":  # of which neurons without a spike to come wait for ever
                check_finite(f"{variable} of {population}", values)


def _follow(state: State, counts: Any, labels: Int, seen: int) -> tuple[Float, Float, Float]:
    """Go on with the learning curve: score every block of images with labels from the images before it."""
    tally, shown, points = state.tally, state.shown, list(state.curve)
    for start in range(0, len(labels), BLOCK):
        block = slice(start, start + BLOCK)
        if shown.any() and len(labels[block]) == BLOCK:  # a shorter rest would only be noise
            names = metrics.neuron_labels(tally / np.maximum(shown, 1e-9))
            score = metrics.accuracy(metrics.vote(counts[block], names), labels[block])
            points.append(np.array([seen + start + len(labels[block]), score]))
        now = np.bincount(labels[block], minlength=len(shown))
        tally = FORGET * tally + metrics.class_profile(counts[block], labels[block], len(shown)) * now
        shown = FORGET * shown + now
    return tally, shown, np.array(points).reshape(-1, 2)


def layers_of(circuit: Circuit, state: State, fired: Float, settings: Settings) -> list[metrics.Learned]:
    """Return what ``metrics.health`` takes: the weights of every projection that learns, and who fires.

    Parameters
    ----------
    circuit : Circuit
        As it learns.
    state : State
    fired : array, shape (neurons,)
        Spikes of the output.
    """
    return [
        metrics.Learned(
            name=name if len(state.weights) > 1 else "",
            weights=weights.T,
            start=state.first[name].T,
            fired=fired if circuit.projections[name].post == "output" else None,
            bounds=_bounds(circuit.projections[name].rule, settings),
        )
        for name, weights in state.weights.items()
    ]


def _bounds(rule: PlasticityRule | None, settings: Settings) -> tuple[float, float]:
    """Return the bounds of a weight that learns by a rule, infinite where it has none."""
    if settings.on_chip:
        return -settings.w_max, settings.w_max
    low, high = weight_bounds(rule) if rule else (-np.inf, np.inf)
    return float(np.min(low)), float(np.max(high))


def warn(
    layers: Sequence[metrics.Learned], state: State, images: Samples, seen: int, warned: Container[str]
) -> dict[str, str]:
    """Say what goes wrong while a network learns, each kind of trouble once; return the sentences by kind."""
    if len(images) < BLOCK:
        return {}
    recent = state.curve[-(present.CHUNK // BLOCK) :, 1]
    judged = metrics.health(layers, accuracy=recent.mean() if len(recent) else 1.0, labels=np.asarray(images.labels))
    said = {sentence.translate(_NO_DIGITS): sentence for sentence in judged["warnings"]}
    for kind, sentence in said.items():
        if kind not in warned:
            announce(f"after {seen:,} images: {sentence}")
    return said


def labelled_images(train: Samples, settings: Settings) -> Samples:
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
    learns : tuple of str
        The projections that learn.
    room : int
        How many presentations the programs of replicas have room for; 0 for one circuit alone.
    """

    settings: tuple[Settings, ...]
    device: Device
    learns: tuple[str, ...]
    room: int

    def prepare(self, states: Sequence[State], train: Samples) -> None:
        """Build the programs of learning and of inference."""
        learning = [
            constrained(settings, circuit, settings.seed).circuit if settings.on_chip else circuit
            for settings, circuit in zip(self.settings, self._circuits(states), strict=True)
        ]
        frames = shown.frames(self.settings[0])
        frozen_replicas = None if self.room else present.replicas_on(self.device, None)
        for circuits, replicas in ((learning, None), (self._circuits(states, frozen=True), frozen_replicas)):
            present.prepare_show(
                self._joined(circuits),
                self._rows([train[:1]] * len(states)),
                presentation=self.settings[0].presentation,
                dt=self.settings[0].dt,
                device=self.device,
                replicas=replicas,
                room=self.room * frames,
                frames=frames,
            )

    def show(
        self,
        circuits: Sequence[Circuit],
        seeds: Sequence[int],
        images: Sequence[Samples],
        bar: Fraction | None = None,
        gain: float = 1.0,
    ) -> list[Recording]:
        """Show every network its images, in one run, and return what each of them did."""
        frames = shown.frames(self.settings[0])
        recording = present.show(
            self._joined(circuits, seeds),
            self._rows(images, gain),
            presentation=self.settings[0].presentation,
            dt=self.settings[0].dt,
            device=self.device,
            seed=0 if self.room else seeds[0],
            room=self.room * frames,
            frames=frames,
            progress=bar,
        )
        if not self.room:
            return [recording]
        count = len(circuits)
        return [dataclasses.replace(recording.replica(k), seconds=recording.seconds / count) for k in range(count)]

    def counts(
        self, states: Sequence[State], images: Sequence[Samples], stage: str, tell: Progress
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
            seeds = [seed_of(settings.seed, stage, number, *settings.place) for settings in self.settings]
            for table, recording in zip(tables, self.show(circuits, seeds, parts, bar), strict=True):
                check_range(recording)
                table.append(present.counts_of(recording, "output", len(parts[0]), self.settings[0].presentation))
                seconds += recording.seconds
        return [(present.joined(table), seconds / len(states)) for table in tables]

    def _circuits(self, states: Sequence[State], *, frozen: bool = False) -> list[Circuit]:
        circuits = [circuit_of(state) for state in states]
        return [circuit.frozen() for circuit in circuits] if frozen else circuits

    def _joined(self, circuits: Sequence[Circuit], seeds: Sequence[int] | None = None) -> Circuit | Replicas:
        """Return one circuit, or replicas with weights of their own, also where these are still the same."""
        if not self.room:
            return circuits[0]
        weights = {name: np.stack([np.asarray(c.projections[name].weights) for c in circuits]) for name in self.learns}
        return dataclasses.replace(replicas_of(circuits, seeds=seeds), weights=weights)

    def _rows(self, images: Sequence[Samples], gain: float = 1.0) -> Any:
        rows = [shown.rows(one, each, gain) for one, each in zip(self.settings, images, strict=True)]
        return rows if self.room else rows[0]
