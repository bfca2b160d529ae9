"""Training SoftHebb networks and scoring them."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from spikehebb import checkpoint, metrics
from spikehebb.core import Images, Int
from spikehebb.core.progress import Progress, quiet
from spikehebb.jobs import softhebb_state
from spikehebb.jobs.run import describe, versions
from spikehebb.jobs.softhebb_state import State
from spikehebb.softhebb import Model, Network, Preset, readout, save_model, statistics, training
from spikehebb.softhebb.backend import Each, working

Method = Literal["adam", "ridge", "logistic"]
SHOWN = 1000  # training images from which the winners' probability is measured


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftHebbRun:
    """What ``train_softhebb`` returns: the trained model and what ``run.json`` holds."""

    model: Model
    report: Mapping[str, Any]


def train_softhebb(
    train: Images,
    test: Images,
    preset: Preset,
    *,
    unlabelled: Images | None = None,
    method: Method = "adam",
    seed: int = 0,
    device: str = "cpu",
    cores: int | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SoftHebbRun:
    """Train the layers of a SoftHebb network without labels, then a linear readout, and score it on test images.

    Parameters
    ----------
    train, test : Images
        The readout is fitted to training images only.
    preset : Preset
        Layers, their training, the readout. One of ``softhebb.presets()``, or your own.
    unlabelled : Images, optional
        What the layers learn from, where that is not ``train`` (STL-10).
    method : str
        Of the readout: ``adam`` (dropout, cross-entropy, the published schedule), ``ridge`` or ``logistic``.
    seed : int
    device, cores
        See ``softhebb.cores.working``.
    out : path, optional
        A folder for ``checkpoint.npz`` and ``run.json``. An interrupted run with the same settings and data goes on
        where it stopped. While it runs, features of all images lie there, too.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    SoftHebbRun

    Raises
    ------
    ValueError
        If the preset does not fit the images, training and test images differ in size, or the method is unknown.
    FileExistsError
        If ``out`` holds another run.
    OSError
        If ``out`` cannot be written, or the disk is too small for the features.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.softhebb import Layer, Preset, Readout
    >>> layers = (Layer(units=20, kernel=3, padding=1, eta=0.05),)
    >>> tiny = Preset(
    ...     name="tiny", summary="", layers=layers, channels=1, data=("digits",), readout=Readout(epochs=2)
    ... )
    >>> digits = load("digits", "train")
    >>> run = train_softhebb(digits[:100], digits[100:150], tiny)
    >>> 0 <= run.report["metrics"]["accuracy_test"] <= 1
    True
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}.")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie between 0 and {2**32 - 1}, got {seed}.")
    learned = train if unlabelled is None else unlabelled
    shape = train.image_shape
    for images in (test, learned):
        if images.image_shape != shape:
            raise ValueError(f"{train.name} has images of {shape}, but {images.name} of {images.image_shape}.")
    network = preset.network(shape, train.name)
    classes = _classes(train, test)
    parts = {"train": train, "test": test} | ({} if unlabelled is None else {"unlabelled": unlabelled})
    about = {
        "kind": "softhebb",
        "preset": preset.name,
        "network": asdict(network),
        "training": asdict(preset.training),
        "readout": {"method": method, **asdict(preset.readout)},
        "seed": seed,
        "device": device,
        "versions": versions(),
        "data": {part: describe(images) for part, images in parts.items()},
    }
    header = json.loads(json.dumps(about))
    with working(device, cores) as (xp, each), _folder(out) as place:
        job = _Job(
            network=network,
            preset=preset,
            images=(train, test, learned),
            classes=classes,
            method=method,
            seed=seed,
            xp=xp,
            each=each,
            place=place,
            header=header,
            tell=progress or quiet,
        )
        state = softhebb_state.resume(place, header, overwrite) or _start(network, seed)
        state = _look(job, _learn(job, state))
        fitted, state = _fit(job, state)
        model = Model(network=network, layers=state.layers, readout=fitted, header=header)
        report = {**header, **_scores(job, model, state)}
        if out is not None:
            save_model(model, place / "checkpoint.npz")
            checkpoint.write_json(place / "run.json", report)
            for name in ("partial.npz", "features.npy"):
                (place / name).unlink(missing_ok=True)
    return SoftHebbRun(model=model, report=report)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
    """What every stage of a training needs."""

    network: Network
    preset: Preset
    images: tuple[Images, Images, Images]  # for the readout, for the test, for the layers
    classes: int
    method: Method
    seed: int
    xp: Any
    each: Each
    place: Path
    header: Mapping[str, Any]
    tell: Progress

    def keep(self, state: State) -> State:
        softhebb_state.save(state, self.network, self.header, self.place / "partial.npz")
        return state


def _start(network: Network, seed: int) -> State:
    layers = training.start(network, seed)
    return State(chunks=0, layers=layers, looked=0, fit=None, curve=np.zeros((0, 2)), seconds=np.zeros(3))


def _learn(job: _Job, state: State) -> State:
    learned = job.images[2]
    chunks = training.plan(job.network, job.preset.training, len(learned))
    for number in range(state.chunks, len(chunks)):
        chunk, began = chunks[number], time.perf_counter()
        group = [other for other in chunks if other.layers == chunk.layers]
        stage = f"layer {chunk.layers[0] + 1}" if len(chunk.layers) == 1 else "layers"
        job.tell(stage, group.index(chunk) / len(group))
        layers = training.learn_chunk(
            job.network, state.layers, job.preset.training, chunk, learned, job.seed, job.xp, job.each
        )
        state = job.keep(dataclasses.replace(state, chunks=number + 1, layers=layers, seconds=_add(state, 0, began)))
        job.tell(stage, (group.index(chunk) + 1) / len(group))
    return state


def _look(job: _Job, state: State) -> State:
    """Write the features of the training images, then of the test images, to disk."""
    train, test, _ = job.images
    step = training.CHUNK
    pieces = [images[first : first + step] for images in (train, test) for first in range(0, len(images), step)]
    table = _features(job, "r+") if state.looked and _intact(job) else None
    if table is None:  # the beginning, or somebody has removed them
        state, table = dataclasses.replace(state, looked=0), _features(job, "w+")
    for number in range(state.looked, len(pieces)):
        began = time.perf_counter()
        job.tell("features", number / len(pieces))
        (part,) = training.outputs(job.network, state.layers, pieces[number], job.xp, job.each)
        first = sum(len(piece) for piece in pieces[:number])
        table[first : first + len(part)] = part
        table.flush()
        state = job.keep(dataclasses.replace(state, looked=number + 1, seconds=_add(state, 1, began)))
    job.tell("features", 1)
    return state


def _fit(job: _Job, state: State) -> tuple[tuple[Any, Any], State]:
    train, test, _ = job.images
    features, labels = _features(job, "r"), np.asarray(train.labels)
    known, unseen = features[: len(train)], features[len(train) :]
    began = time.perf_counter()
    if job.method != "adam":
        job.tell("readout", 0)
        if job.method == "ridge":
            parts = ((np.asarray(known[at]), labels[at]) for at in _slices(len(known)))
            fitted = readout.ridge(parts, job.network.features, job.classes)
        else:
            fitted = readout.logistic(known, labels, job.classes)
        job.tell("readout", 1)
        return fitted, dataclasses.replace(state, seconds=_add(state, 2, began))
    settings = job.preset.readout
    fit = state.fit or readout.begin(job.network.features, job.classes, job.seed)
    while fit.epoch < settings.epochs:
        began = time.perf_counter()
        job.tell("readout", fit.epoch / settings.epochs)
        fit, learning = readout.fit_epoch(fit, known, labels, settings, job.seed, job.each)
        accuracy = metrics.accuracy(_predict(fit.weight, fit.bias, unseen), np.asarray(test.labels))
        curve = np.vstack([state.curve, [learning, accuracy]])
        state = job.keep(dataclasses.replace(state, fit=fit, curve=curve, seconds=_add(state, 2, began)))
    job.tell("readout", 1)
    return (fit.weight, fit.bias), state


def _scores(job: _Job, model: Model, state: State) -> dict[str, Any]:
    assert model.readout is not None
    train, test, learned = job.images
    features = _features(job, "r")
    known, unseen = features[: len(train)], features[len(train) :]
    labels, test_labels = np.asarray(train.labels), np.asarray(test.labels)
    scores = {
        "accuracy_test": metrics.accuracy(_predict(*model.readout, unseen), test_labels),
        "accuracy_train": metrics.accuracy(_predict(*model.readout, known), labels),
    }
    if not model.network.layers[-1].kernel:
        scores["accuracy_vote"] = _vote(known, labels, unseen, test_labels, job.classes)
    curve = [
        {"epoch": number + 1, "accuracy_train": float(learning), "accuracy_test": float(unseen_accuracy)}
        for number, (learning, unseen_accuracy) in enumerate(state.curve)
    ]
    names = ("learning", "features", "readout")
    return {
        "metrics": scores,
        **statistics.summary(model, learned[:SHOWN], job.xp, job.each),
        "learning_curve": curve,
        "seconds": {name: float(value) for name, value in zip(names, state.seconds, strict=True)},
    }


def _vote(known: Any, labels: Int, unseen: Any, test_labels: Int, classes: int) -> float:
    """Return the accuracy when every unit of a dense layer votes for the class that it wins most often."""
    parts = ((known[at], labels[at]) for at in _slices(len(known)))
    votes = readout.vote_labels(parts, known.shape[1], classes)
    return metrics.accuracy(votes[unseen.argmax(axis=1)], test_labels)


def _predict(weight: Any, bias: Any, features: Any) -> Int:
    return readout.predict(weight, bias, (features[at] for at in _slices(len(features))))


def _features(job: _Job, mode: Literal["r", "r+", "w+"]) -> Any:
    """Return the features of training and test images, mapped from disk."""
    train, test, _ = job.images
    shape, path = (len(train) + len(test), job.network.features), job.place / "features.npy"
    if mode == "w+":
        size, free = 4 * shape[0] * shape[1], shutil.disk_usage(job.place).free
        if size > free:
            raise OSError(
                f"the features of {shape[0]} images need {size >> 20} MiB in {job.place}, but only {free >> 20} MiB "
                "are free; give a folder on a larger disk with --out."
            )
    return np.lib.format.open_memmap(path, mode, np.float32, shape if mode == "w+" else None)


def _intact(job: _Job) -> bool:
    try:
        return bool(_features(job, "r").shape == (len(job.images[0]) + len(job.images[1]), job.network.features))
    except (OSError, ValueError):
        return False


def _slices(size: int) -> list[slice]:
    return [slice(first, min(first + training.CHUNK, size)) for first in range(0, size, training.CHUNK)]


def _classes(train: Images, test: Images) -> int:
    for images in (train, test):
        if np.min(images.labels) < 0:
            raise ValueError(f"{images.name} has images without a label; the readout needs labelled ones.")
    classes = int(np.max(train.labels)) + 1
    if np.max(test.labels) >= classes:
        raise ValueError(
            f"{test.name} has labels up to {np.max(test.labels)}, but {train.name} only up to {classes - 1}."
        )
    return classes


def _add(state: State, stage: int, began: float) -> Any:
    seconds = state.seconds.copy()
    seconds[stage] += time.perf_counter() - began
    return seconds


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """Give the folder to work in: the one that was asked for, or one that is gone afterwards."""
    if out is not None:
        yield Path(out)
        return
    with tempfile.TemporaryDirectory(prefix="spikehebb-") as folder:
        yield Path(folder)
