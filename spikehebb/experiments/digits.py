"""Learning digits with a spiking soft winner-take-all circuit, and scoring what was learned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import checkpoint, devices, metrics, rules
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Circuit, Float, Images, Int, Recording
from spikehebb.devices import Device
from spikehebb.experiments import presenting
from spikehebb.experiments.presenting import (
    STAGES,
    Progress,
    Watch,
    counts_of,
    present,
    protocol,
    quiet,
    run,
    seed_of,
    within,
)
from spikehebb.experiments.saved import State, describe, partial, resume, versions
from spikehebb.experiments.settings import Settings, ages
from spikehebb.experiments.starts import Start
from spikehebb.simulate import prepare, simulate

LABELLED = 20_000  # training images, at most, that give the neurons their labels
BLOCK, FORGET = 250, 0.975  # the learning curve has a point per block, and remembers about 10,000 images
_ORDER, _WEIGHTS = 3, 4


@dataclass(frozen=True, kw_only=True)
class DigitRun:
    """What ``learn_digits`` returns.

    Parameters
    ----------
    report : mapping
        What ``run.json`` holds.
    checkpoint : Checkpoint
        The trained network.
    predicted, labels : array of int, shape (test images,)
        By single-neuron vote, and as they are.
    """

    report: Mapping[str, Any]
    checkpoint: Checkpoint
    predicted: Int
    labels: Int


def learn_digits(
    train: Images,
    test: Images,
    settings: Settings | None = None,
    *,
    start: Start | None = None,
    device: Device | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> DigitRun:
    """Let a spiking soft winner-take-all circuit teach itself images, then label its neurons and score it.

    Parameters
    ----------
    train, test : Images
        Neurons are labelled from training images only.
    settings : Settings, optional
        Left out with a start, ``start.settings(train)``.
    start : Start, optional
        A trained network that learning goes on from (``load_start``); without one it starts from random weights.
    device : Device, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for ``checkpoint.npz`` and ``run.json``. An interrupted run with the same settings and data goes on
        where it stopped.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    DigitRun

    Raises
    ------
    ValueError
        If training and test images differ in size, are in colour, or lack labels from 0 to 9; if the start takes
        images of another size or has another number of neurons than the settings say.
    FileExistsError
        If ``out`` holds another run.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> digits = load("digits", "train")
    >>> run = learn_digits(digits[:20], digits[20:30], Settings(neurons=5), device=NUMPY)
    >>> sorted(run.report["metrics"])[:3]
    ['accuracy_linear', 'accuracy_soft_vote', 'accuracy_vote']
    """
    device = device or devices.find("auto")
    check_images(train)
    check_images(test)
    shape = np.shape(train.pixels)[1:]
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(f"{train.name} has images of {shape}, but {test.name} of {np.shape(test.pixels)[1:]} pixels.")
    settings = settings or (start.settings(train) if start else Settings())
    if start is not None:
        _check_start(start, settings, train)
    header = {
        "kind": "digits",
        "config": asdict(settings),
        "seed": settings.seed,
        "device": device.name,
        "versions": versions(),
        "image_shape": list(shape),
        "data": {part: describe(images) for part, images in (("train", train), ("test", test))},
        "start": None if start is None else start.describe(train),
        "biased": start is not None and bool(start.bias.any()),
    }
    tell = progress or quiet
    first = _start(settings, shape, start)
    state = resume(out, header, overwrite) or first
    total = settings.epochs * len(train)
    tell("building", 0)
    plastic = settings.circuit(state.weights, state.bias)
    learning = settings.constrained(plastic, settings.seed).circuit if settings.target else plastic
    for circuit in (learning, plastic.frozen()):
        prepare(circuit, protocol(train[:1], settings), device=device, dt=settings.dt_ms * ms, record=("output",))
    tell("building", 1)
    while (done := _seen(state.chunks, len(train))) < total:
        width = _seen(state.chunks + 1, len(train)) - done
        state = _learn_chunk(state, train, settings, device, within(tell, "learning", done / total, width / total))
        if out is not None:
            checkpoint.save(partial(header, state), out / "partial.npz")
    tell("learning", 1)
    frozen = settings.circuit(state.weights, state.bias).frozen()
    chosen = np.random.default_rng((settings.seed, STAGES["labelling"])).permutation(len(train))[:LABELLED]
    labelled = train[chosen]
    counts, _ = present(frozen, labelled, settings, device, "labelling", tell)
    profile = metrics.class_profile(counts, np.asarray(labelled.labels))
    arrays = {
        "weights": state.weights,
        "age": state.age,
        "profile": profile,
        "linear": metrics.fit_linear(counts, np.asarray(labelled.labels)),
    }
    if state.bias is not None:
        arrays["bias"] = state.bias
    trained = Checkpoint(header=header, arrays=arrays)
    scores, predicted = _score(trained, test, device, tell)
    scores |= {
        "ms_per_image_train": 1000 * state.seconds / total,
        "input_spikes_per_image": float(state.spikes[0]) / total,
        "output_spikes_per_image": float(state.spikes[1]) / total,
        "dead_neurons": int(np.sum(state.age == first.age)),
    }
    curve = [{"images_seen": int(seen), "accuracy": float(score)} for seen, score in state.curve]
    report = {**header, "labelled_from": len(labelled), "metrics": scores, "learning_curve": curve}
    if out is not None:
        checkpoint.save(trained, out / "checkpoint.npz")
        checkpoint.write_json(out / "run.json", report)
        (out / "partial.npz").unlink(missing_ok=True)
    return DigitRun(report=report, checkpoint=trained, predicted=predicted, labels=np.asarray(test.labels))


def evaluate(
    trained: Checkpoint,
    test: Images,
    *,
    device: Device | None = None,
    replicas: int = 1,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Score a trained network on images; on the device that it was trained on, the same answer each time.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_digits``.
    test : Images
    device : Device, optional
        The one it was trained on when left out.
    replicas : int
        How many copies of the network look at images side by side. They draw other random numbers than one alone, and
        a GPU is only worth it with many.
    watch : callable, optional
        Called with the recording of every chunk of images.

    Returns
    -------
    dict
        As ``metrics`` in ``run.json``, without what only training tells.
    """
    device = device or devices.find(str(trained.header["device"]))
    tell = progress or quiet
    scores, _ = _score(trained, test, device, tell, watch, replicas)
    return {
        "kind": "evaluation",
        "config": dict(trained.header["config"]),
        "versions": versions(),
        "seed": trained.header["seed"],
        "device": device.name,
        "data": {"test": describe(test)},
        "metrics": scores,
    }


def relabelled(
    trained: Checkpoint,
    labelled: Images,
    test: Images,
    *,
    device: Device | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Score a network whose weights have changed since its neurons got their labels: they get them anew.

    Parameters
    ----------
    trained : Checkpoint
    labelled, test : Images
        Labels come from ``labelled``, training images; the score from ``test``.
    device : Device, optional
        The one it was trained on when left out.

    Returns
    -------
    dict
        ``accuracy_vote`` and ``accuracy_soft_vote``.
    """
    device, tell = device or devices.find(str(trained.header["device"])), progress or quiet
    settings, circuit = trained_circuit(trained)
    counts, _ = present(circuit, labelled, settings, device, "labelling", tell)
    profile = metrics.class_profile(counts, np.asarray(labelled.labels))
    changed = dataclasses.replace(trained, arrays=dict(trained.arrays) | {"profile": profile})
    scores, _ = _score(changed, test, device, tell)
    return {name: scores[name] for name in ("accuracy_vote", "accuracy_soft_vote")}


def some_presentations(trained: Checkpoint, images: Images, *, seed: int = 0) -> Recording:
    """Return the spikes of input and output while a trained network looks at a few images, on NumPy."""
    settings, circuit = trained_circuit(trained)
    return simulate(circuit, protocol(images, settings), dt=settings.dt_ms * ms, seed=seed, record=("input", "output"))


def trained_circuit(trained: Checkpoint) -> tuple[Settings, Circuit]:
    """Return the settings of a trained network, and the circuit that only looks."""
    settings, arrays = Settings(**trained.header["config"]), trained.arrays
    bias = np.asarray(arrays["bias"]) if "bias" in arrays else None
    return settings, settings.circuit(np.asarray(arrays["weights"]), bias).frozen()


def _check_start(start: Start, settings: Settings, train: Images) -> None:
    shape, neurons = np.shape(train.pixels)[1:], start.weights.shape[1]
    if shape != start.image_shape:
        raise ValueError(
            f"the network that learning goes on from takes images of {start.image_shape}, but {train.name} has "
            f"{shape}; give images of that size."
        )
    if settings.neurons != neurons:
        raise ValueError(
            f"the network that learning goes on from has {neurons} neurons, but the settings say {settings.neurons}; "
            "leave the number out."
        )


def check_images(images: Images) -> None:
    """Raise ``ValueError`` unless images are grey and labelled."""
    if images.pixels.ndim != 3:
        raise ValueError(
            f"{images.name} has images of {images.pixels.shape[1:]}, but the spiking network takes grey ones, of "
            "(height, width); choose another data set, such as mnist."
        )
    low, high = int(images.labels.min()), int(images.labels.max())
    if low < 0 or high >= metrics.CLASSES:
        raise ValueError(
            f"{images.name}: labels must lie between 0 and {metrics.CLASSES - 1}, got {low} to {high}"
            f"{' (-1 is unlabelled)' if low < 0 else ''}."
        )


def _start(settings: Settings, shape: tuple[int, ...], start: Start | None) -> State:
    if start is not None:
        bias = start.bias if start.bias.any() else None
        return dataclasses.replace(_start(settings, shape, None), weights=start.weights, age=start.age, bias=bias)
    rng = np.random.default_rng((settings.seed, _WEIGHTS))
    weights = np.abs(rng.standard_normal((int(np.prod(shape)), settings.neurons)))
    return State(
        chunks=0,
        weights=weights * settings.start_norm / np.linalg.norm(weights, axis=0),
        age=np.zeros(settings.neurons),
        bias=None,
        spikes=np.zeros(2),
        seconds=0.0,
        tally=np.zeros((settings.neurons, metrics.CLASSES)),
        shown=np.zeros(metrics.CLASSES),
        curve=np.zeros((0, 2)),
    )


def _seen(chunks: int, images: int) -> int:
    """Return how many presentations so many chunks are; every epoch begins a new chunk."""
    per_epoch = -(-images // presenting.CHUNK)
    return chunks // per_epoch * images + min(chunks % per_epoch * presenting.CHUNK, images)


def _learn_chunk(
    state: State, train: Images, settings: Settings, device: Device, tell: Callable[[float], None]
) -> State:
    epoch, number = divmod(state.chunks, -(-len(train) // presenting.CHUNK))
    order = np.random.default_rng((settings.seed, _ORDER, epoch)).permutation(len(train))
    images = train[order[number * presenting.CHUNK : (number + 1) * presenting.CHUNK]]
    labels = np.asarray(images.labels)
    circuit, aging = settings.circuit(state.weights, state.bias), ages(rules.find(settings.rule))
    if aging:
        circuit = circuit.with_state("output", age=state.age)
    seed = seed_of(settings.seed, STAGES["learning"], state.chunks)
    chip = settings.constrained(circuit, seed) if settings.target else None
    recording = run(chip.circuit if chip else circuit, images, settings, device, seed, tell)
    weights, age = recording.weights["feedforward"], recording.state["output"].get("age", state.age)
    if chip:
        weights = chip.weights(recording, "feedforward")
        age = chip.trace(recording, "feedforward", "age") if aging else age
    counts = counts_of(recording, images, settings)
    tally, shown, curve = _follow(state, counts, labels, _seen(state.chunks, len(train)))
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


def _follow(state: State, counts: Any, labels: Int, seen: int) -> tuple[Float, Float, Float]:
    """Go on with the learning curve: score every block of images with labels from the images before it."""
    tally, shown, points = state.tally, state.shown, list(state.curve)
    for start in range(0, len(labels), BLOCK):
        block = slice(start, start + BLOCK)
        if shown.any() and len(labels[block]) == BLOCK:  # a shorter rest would only be noise
            known = metrics.neuron_labels(tally / np.maximum(shown, 1e-9))
            score = metrics.accuracy(metrics.vote(counts[block], known), labels[block])
            points.append(np.array([seen + start + len(labels[block]), score]))
        now = np.bincount(labels[block], minlength=metrics.CLASSES)
        tally = FORGET * tally + metrics.class_profile(counts[block], labels[block]) * now
        shown = FORGET * shown + now
    return tally, shown, np.array(points).reshape(-1, 2)


def _score(
    trained: Checkpoint,
    test: Images,
    device: Device,
    tell: Progress,
    watch: Watch | None = None,
    replicas: int = 1,
) -> tuple[dict[str, Any], Int]:
    check_images(test)
    settings, frozen = trained_circuit(trained)
    shape = tuple(trained.header["image_shape"])
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(
            f"the network was trained on images of {shape}, but {test.name} has {np.shape(test.pixels)[1:]}."
        )
    arrays = trained.arrays
    counts, seconds = present(frozen, test, settings, device, "testing", tell, watch, replicas=replicas)
    labels, profile = np.asarray(test.labels), np.asarray(arrays["profile"])
    predicted = metrics.vote(counts, metrics.neuron_labels(profile))
    return {
        "accuracy_vote": metrics.accuracy(predicted, labels),
        "accuracy_soft_vote": metrics.accuracy(metrics.soft_vote(counts, profile), labels),
        "accuracy_linear": metrics.accuracy(metrics.predict_linear(counts, np.asarray(arrays["linear"])), labels),
        "ms_per_image_test": 1000 * seconds / len(test),
    }, predicted
