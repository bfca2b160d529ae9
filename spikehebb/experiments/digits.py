"""Learning digits with a spiking soft winner-take-all circuit, and scoring what was learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from scipy import sparse

from spikehebb import checkpoint, devices, metrics, protocols
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Circuit, Float, Images, Int, Protocol, Recording
from spikehebb.devices import Device
from spikehebb.experiments.saved import State, describe, partial, resume, versions
from spikehebb.experiments.settings import Settings
from spikehebb.simulate import prepare, simulate

CHUNK = 1000  # presentations per run of the program: what an interruption can cost
LABELLED = 20_000  # training images, at most, that give the neurons their labels
BLOCK, FORGET = 250, 0.975  # the learning curve has a point per block, and remembers about 10,000 images
_STAGES = {"learning": 0, "labelling": 1, "testing": 2}  # each stage has random numbers of its own
_ORDER, _WEIGHTS = 3, 4

Progress = Callable[[str, float], None]


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
        If training and test images differ in size, are in colour, or lack labels from 0 to 9.
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
    settings = settings or Settings()
    device = device or devices.find("auto")
    _check(train)
    _check(test)
    shape = np.shape(train.pixels)[1:]
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(f"{train.name} has images of {shape}, but {test.name} of {np.shape(test.pixels)[1:]} pixels.")
    header = {
        "kind": "digits",
        "config": asdict(settings),
        "seed": settings.seed,
        "device": device.name,
        "versions": versions(),
        "image_shape": list(shape),
        "data": {part: describe(images) for part, images in (("train", train), ("test", test))},
    }
    tell = progress or _quiet
    state = resume(out, header, overwrite) or _start(settings, shape)
    total = settings.epochs * len(train)
    tell("building", 0)
    for circuit in (settings.circuit(state.weights), settings.circuit(state.weights).frozen()):
        prepare(circuit, _protocol(train[:1], settings), device=device, dt=settings.dt_ms * ms, record=("output",))
    tell("building", 1)
    while (done := _seen(state.chunks, len(train))) < total:
        width = _seen(state.chunks + 1, len(train)) - done
        state = _learn_chunk(state, train, settings, device, _within(tell, "learning", done / total, width / total))
        if out is not None:
            checkpoint.save(partial(header, state), out / "partial.npz")
    tell("learning", 1)
    frozen = settings.circuit(state.weights).frozen()
    chosen = np.random.default_rng((settings.seed, _STAGES["labelling"])).permutation(len(train))[:LABELLED]
    labelled = train[chosen]
    counts, _ = _present(frozen, labelled, settings, device, "labelling", tell)
    profile = metrics.class_profile(counts, np.asarray(labelled.labels))
    arrays = {
        "weights": state.weights,
        "age": state.age,
        "profile": profile,
        "linear": metrics.fit_linear(counts, np.asarray(labelled.labels)),
    }
    trained = Checkpoint(header=header, arrays=arrays)
    scores, predicted = _score(trained, test, device, tell)
    scores |= {
        "ms_per_image_train": 1000 * state.seconds / total,
        "input_spikes_per_image": float(state.spikes[0]) / total,
        "output_spikes_per_image": float(state.spikes[1]) / total,
        "dead_neurons": int(np.sum(state.age == 0)),
    }
    curve = [{"images_seen": int(seen), "accuracy": float(score)} for seen, score in state.curve]
    report = {**header, "labelled_from": len(labelled), "metrics": scores, "learning_curve": curve}
    if out is not None:
        checkpoint.save(trained, out / "checkpoint.npz")
        checkpoint.write_json(out / "run.json", report)
        (out / "partial.npz").unlink(missing_ok=True)
    return DigitRun(report=report, checkpoint=trained, predicted=predicted, labels=np.asarray(test.labels))


def evaluate(
    trained: Checkpoint, test: Images, *, device: Device | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Score a trained network on images; on the device that it was trained on, the same answer each time.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_digits``.
    test : Images
    device : Device, optional
        The one it was trained on when left out.

    Returns
    -------
    dict
        As ``metrics`` in ``run.json``, without what only training tells.
    """
    device = device or devices.find(str(trained.header["device"]))
    tell = progress or _quiet
    scores, _ = _score(trained, test, device, tell)
    return {
        "kind": "evaluation",
        "config": dict(trained.header["config"]),
        "versions": versions(),
        "seed": trained.header["seed"],
        "device": device.name,
        "data": {"test": describe(test)},
        "metrics": scores,
    }


def some_presentations(trained: Checkpoint, images: Images, *, seed: int = 0) -> Recording:
    """Return the spikes of input and output while a trained network looks at a few images, on NumPy."""
    settings = Settings(**trained.header["config"])
    circuit = settings.circuit(np.asarray(trained.arrays["weights"])).frozen()
    return simulate(circuit, _protocol(images, settings), dt=settings.dt_ms * ms, seed=seed, record=("input", "output"))


def _check(images: Images) -> None:
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


def _start(settings: Settings, shape: tuple[int, ...]) -> State:
    rng = np.random.default_rng((settings.seed, _WEIGHTS))
    weights = np.abs(rng.standard_normal((int(np.prod(shape)), settings.neurons)))
    return State(
        chunks=0,
        weights=weights * settings.start_norm / np.linalg.norm(weights, axis=0),
        age=np.zeros(settings.neurons),
        spikes=np.zeros(2),
        seconds=0.0,
        tally=np.zeros((settings.neurons, metrics.CLASSES)),
        shown=np.zeros(metrics.CLASSES),
        curve=np.zeros((0, 2)),
    )


def _seen(chunks: int, images: int) -> int:
    """Return how many presentations so many chunks are; every epoch begins a new chunk."""
    per_epoch = -(-images // CHUNK)
    return chunks // per_epoch * images + min(chunks % per_epoch * CHUNK, images)


def _learn_chunk(
    state: State, train: Images, settings: Settings, device: Device, tell: Callable[[float], None]
) -> State:
    epoch, number = divmod(state.chunks, -(-len(train) // CHUNK))
    order = np.random.default_rng((settings.seed, _ORDER, epoch)).permutation(len(train))
    images = train[order[number * CHUNK : (number + 1) * CHUNK]]
    labels = np.asarray(images.labels)
    circuit = settings.circuit(state.weights).with_state("output", age=state.age)
    recording = _run(circuit, images, settings, device, _seed(settings.seed, _STAGES["learning"], state.chunks), tell)
    counts = _counts(recording, images, settings)
    tally, shown, curve = _follow(state, counts, labels, _seen(state.chunks, len(train)))
    return State(
        chunks=state.chunks + 1,
        weights=recording.weights["feedforward"],
        age=recording.state["output"]["age"],
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


def _present(
    circuit: Circuit, images: Images, settings: Settings, device: Device, stage: str, tell: Progress
) -> tuple[Any, float]:
    """Return the spike counts (images, neurons) of a circuit that only looks, and the seconds that it took."""
    tables, seconds = [], 0.0
    for number, start in enumerate(range(0, len(images), CHUNK)):
        part = images[start : start + CHUNK]
        bar = _within(tell, stage, start / len(images), len(part) / len(images))
        recording = _run(circuit, part, settings, device, _seed(settings.seed, _STAGES[stage], number), bar)
        tables.append(_counts(recording, part, settings))
        seconds += recording.seconds
    return sparse.vstack(tables, format="csr"), seconds


def _run(
    circuit: Circuit,
    images: Images,
    settings: Settings,
    device: Device,
    seed: int,
    tell: Callable[[float], None],
) -> Recording:
    return simulate(
        circuit,
        _protocol(images, settings),
        device=device,
        dt=settings.dt_ms * ms,
        seed=seed,
        record=("output",),
        progress=tell,
    )


def _protocol(images: Images, settings: Settings) -> Protocol:
    return protocols.presentations(images, duration=settings.presentation_ms * ms)


def _counts(recording: Recording, images: Images, settings: Settings) -> Any:
    return metrics.presentation_counts(
        recording.spikes["output"],
        neurons=settings.neurons,
        presentations=len(images),
        presentation=settings.presentation_ms * ms,
    )


def _score(trained: Checkpoint, test: Images, device: Device, tell: Progress) -> tuple[dict[str, Any], Int]:
    _check(test)
    settings = Settings(**trained.header["config"])
    shape = tuple(trained.header["image_shape"])
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(
            f"the network was trained on images of {shape}, but {test.name} has {np.shape(test.pixels)[1:]}."
        )
    arrays = trained.arrays
    frozen = settings.circuit(np.asarray(arrays["weights"])).frozen()
    counts, seconds = _present(frozen, test, settings, device, "testing", tell)
    labels, profile = np.asarray(test.labels), np.asarray(arrays["profile"])
    predicted = metrics.vote(counts, metrics.neuron_labels(profile))
    return {
        "accuracy_vote": metrics.accuracy(predicted, labels),
        "accuracy_soft_vote": metrics.accuracy(metrics.soft_vote(counts, profile), labels),
        "accuracy_linear": metrics.accuracy(metrics.predict_linear(counts, np.asarray(arrays["linear"])), labels),
        "ms_per_image_test": 1000 * seconds / len(test),
    }, predicted


def _within(tell: Progress, stage: str, start: float, width: float) -> Callable[[float], None]:
    """Return a reporter for a part of a stage."""
    return lambda fraction: tell(stage, start + width * fraction)


def _quiet(stage: str, fraction: float) -> None:
    """Report nothing."""


def _seed(seed: int, stage: int, number: int) -> int:
    return int(np.random.SeedSequence((seed, stage, number)).generate_state(1)[0])
