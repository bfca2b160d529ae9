"""Training SoftHebb networks and scoring them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np

from spikehebb import metrics
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.core import Float, Images, Int, check_finite, display
from spikehebb.core.progress import Progress, reporter
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import told
from spikehebb.datasets import Given, as_images, moved_and_mirrored, sample
from spikehebb.jobs import features
from spikehebb.jobs.features import Features, Piece
from spikehebb.jobs.health import of_layers
from spikehebb.jobs.run import Arrays, Counts, check_counts, provenance, report_of, run
from spikehebb.reading import check
from spikehebb.softhebb import (
    Model,
    Network,
    Preset,
    Weights,
    find,
    load_model,
    model_file,
    readout,
    statistics,
    training,
)
from spikehebb.softhebb.backend import Each, working
from spikehebb.softhebb.network import described
from spikehebb.softhebb.presets import Method
from spikehebb.softhebb.readout import Fit

WHITENED = 9000  # training images, at most, that whitening is computed from
SHOWN = 1000  # training images from which the winners' probability is measured


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftHebbRun:
    """What ``train_softhebb`` returns: the trained model and what ``run.json`` holds."""

    model: Model
    report: Mapping[str, Any]

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame

    def rows(self) -> list[dict[str, Any]]:
        """Return the learning curve of the readout."""
        return [dict(point) for point in self.report.get("learning_curve", ())]


def train_softhebb(
    train: Given,
    test: Given,
    preset: Preset | str,
    *,
    unlabelled: Images | None = None,
    method: Method | None = None,
    seed: int = 0,
    device: str = "cpu",
    cores: int | None = None,
    out: Path | str | None = None,
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
        Of the readout: ``adam`` (dropout, cross-entropy, the published schedule), ``ridge`` or ``logistic``. The
        preset's when left out.
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
    preset = find(preset)
    method = method or preset.method
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}.")
    check_seed(seed)
    train, test = as_images(train, "train"), as_images(test, "test")
    learned = train if unlabelled is None else unlabelled
    shape = train.image_shape
    for images in (test, learned):
        if images.image_shape != shape:
            raise ValueError(f"{train.name} has images of {shape}, but {images.name} of {images.image_shape}.")
    network = preset.network(shape, train.name)
    classes = features.classes(train, test)
    parts = {"train": train, "test": test} | ({} if unlabelled is None else {"unlabelled": unlabelled})
    header = {
        "kind": model_file.KIND,
        "preset": preset.name,
        "network": described(network),
        "training": told(preset.training),
        "readout": {"method": method, **told(preset.readout)},
        **provenance(device, seed, **parts),
    }
    with working(device, cores) as (xp, each):
        job = _Training(
            network=network,
            preset=preset,
            train=train,
            test=test,
            learned=learned,
            classes=classes,
            method=method,
            seed=seed,
            xp=xp,
            each=each,
            identity=json.loads(json.dumps(header)),
        )
        return run(job, out=out, overwrite=overwrite, tell=reporter(progress))


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Training so far."""

    chunks: int  # of the plan, done
    layers: tuple[Weights, ...]
    sums: tuple[int, ...]  # checksums of the pieces of images, training images first, whose features are on disk
    fit: Fit | None  # the readout so far
    curve: Float  # (epochs, 2): accuracy on training images (while learning, with dropout) and on test images
    seconds: Float  # (learning, features, readout)


_REPORT = {
    "metrics": {str: float},
    "layers": [
        {"units": int, "norm_mean": float, "norm_sd": float, "winner_probability?": float, "largest_shares?": [float]}
    ],
    "learning_curve": [{"epoch": int, "accuracy_train": float, "accuracy_test": float}],
}
_FIT = ("weight", "bias", "moment1", "moment2", "bias_moment1", "bias_moment2")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Training:
    """The layers learn, then all images pass through them, then the readout is fitted to what comes out."""

    network: Network
    preset: Preset
    train: Images
    test: Images
    learned: Images
    classes: int
    method: Method
    seed: int
    xp: Any
    each: Each
    identity: Mapping[str, Any]
    kind: str = model_file.KIND
    scratch: tuple[str, ...] = (features.FILE,)

    @cached_property
    def chunks(self) -> list[training.Chunk]:
        return training.plan(self.network, self.preset.training, len(self.learned))

    @cached_property
    def pieces(self) -> list[Piece]:
        return features.pieces(self.train, self.test, training.CHUNK, self.views)

    @property
    def views(self) -> int:
        return self.preset.readout.views

    @cached_property
    def labels(self) -> Int:
        """Of all rows of training images."""
        return np.tile(np.asarray(self.train.labels), self.views)

    def table(self, folder: Path) -> Features:
        images = self.views * len(self.train) + len(self.test)
        return Features(folder=folder, images=images, width=self.network.features)

    def begin(self, folder: Path) -> State:
        shown = sample(self.learned, WHITENED, self.seed)
        layers = training.whitened(self.network, training.start(self.network, self.seed), shown)
        return State(chunks=0, layers=layers, sums=(), fit=None, curve=np.zeros((0, 2)), seconds=np.zeros(3))

    def pack(self, state: State) -> tuple[Counts, Arrays]:
        whole = model_file.to_checkpoint(Model(network=self.network, layers=state.layers, header=self.identity))
        arrays = {**whole.arrays, "curve": state.curve, "seconds": state.seconds}
        counts = {**whole.header, "chunks": state.chunks, "sums": list(state.sums), "points": len(state.curve)}
        if state.fit is not None:
            arrays |= dict(zip(_FIT_NAMES, (state.fit.weight, state.fit.bias, *state.fit.moments), strict=True))
        return counts | {"epoch": None if state.fit is None else state.fit.epoch}, arrays

    def shapes(self, counts: Counts) -> Shapes:
        check(counts, {"sums?": [int], "epoch": (int, None)}, "its header")
        check_counts(counts, chunks=len(self.chunks), points=self.preset.readout.epochs)
        if counts["epoch"] is not None:
            check_counts(counts, epoch=self.preset.readout.epochs)
        arrays = dict(model_file.shapes({**counts, "kind": model_file.KIND, "classes": 0}))
        arrays |= {"curve": ("f+", (counts["points"], 2)), "seconds": ("f+", (3,))}
        if counts["epoch"] is None:
            return arrays
        table, row = (self.classes, self.network.features), (self.classes,)
        shapes = (table, row, table, table, row, row)
        return arrays | {name: ("f", shape) for name, shape in zip(_FIT_NAMES, shapes, strict=True)}

    def unpack(self, counts: Counts, arrays: Arrays) -> State:
        layers = {name: value for name, value in arrays.items() if name.startswith("layer")}
        model = model_file.from_checkpoint(Checkpoint(header={**counts, "classes": 0}, arrays=layers))
        fit = None
        if counts["epoch"] is not None:
            weight, bias, one, two, three, four = (np.array(arrays[name]) for name in _FIT_NAMES)
            fit = Fit(epoch=counts["epoch"], weight=weight, bias=bias, moments=(one, two, three, four))
        return State(
            chunks=counts["chunks"],
            layers=model.layers,
            sums=tuple(counts.get("sums", ())),  # without checksums the features are computed again
            fit=fit,
            curve=np.array(arrays["curve"]),
            seconds=np.array(arrays["seconds"]),
        )

    def prepare(self, state: State, folder: Path, tell: Progress) -> State:
        intact = self.table(folder).intact(self.pieces, state.sums)
        return state if intact else dataclasses.replace(state, sums=())

    def step(self, state: State, folder: Path, tell: Progress) -> State | None:
        began = time.perf_counter()
        if state.chunks < len(self.chunks):
            return _timed(self._learn(state, tell), 0, began)
        if len(state.sums) < len(self.pieces):
            return _timed(self._write_features(state, folder, tell), 1, began)
        if self.method == "adam" and (state.fit is None or state.fit.epoch < self.preset.readout.epochs):
            return _timed(self._fit(state, folder, tell), 2, began)
        return None

    def finish(self, state: State, folder: Path, tell: Progress) -> SoftHebbRun:
        train, test = self._features(folder)
        labels = self.labels
        began = time.perf_counter()
        tell("readout", 0)
        if self.method == "ridge":
            parts = ((np.asarray(train[at]), labels[at]) for at in features.slices(len(train)))
            fitted = readout.ridge(parts, self.network.features, self.classes)
        elif self.method == "logistic":
            fitted = readout.logistic(train, labels, self.classes)
        else:
            fit = state.fit or self._first_fit()
            fitted = fit.weight, fit.bias
        tell("readout", 1)
        state = _timed(state, 2, began) if self.method != "adam" else state
        model = Model(network=self.network, layers=state.layers, readout=fitted, header=self.identity)
        scores = {
            "accuracy_test": metrics.accuracy(_predict(*fitted, test), np.asarray(self.test.labels)),
            "accuracy_train": metrics.accuracy(_predict(*fitted, train), labels),
        }
        if not self.network.layers[-1].kernel:
            scores["accuracy_vote"] = features.vote(train, labels, test, np.asarray(self.test.labels), self.classes)
        curve = [
            {"epoch": number + 1, "accuracy_train": float(learning), "accuracy_test": float(unseen)}
            for number, (learning, unseen) in enumerate(state.curve)
        ]
        names = ("learning", "features", "readout")
        summary = statistics.summary(model, sample(self.learned, SHOWN, self.seed), self.xp, self.each)
        begun, busiest = (
            training.start(self.network, self.seed),
            [entry["largest_shares"][0] for entry in summary["layers"]],
        )
        health = of_layers(
            self.network, state.layers, begun, accuracy=scores["accuracy_test"], test=self.test, busiest=busiest
        )
        of_norm_1, units = (sum(each[name] for each in summary["layers"]) for name in ("units_of_norm_1", "units"))
        scores["share_of_norm_1"] = of_norm_1 / units
        report = {
            **self.identity,
            "metrics": scores,
            **summary,
            "health": health,
            "learning_curve": curve,
            "seconds": {name: float(value) for name, value in zip(names, state.seconds, strict=True)},
        }
        return SoftHebbRun(model=model, report=report)

    def files(self, result: SoftHebbRun) -> Mapping[str, Any]:
        return {"checkpoint.npz": model_file.to_checkpoint(result.model), "run.json": result.report}

    def finished(self, folder: Path) -> SoftHebbRun | None:
        report = report_of(folder / "run.json", self.identity, _REPORT, network=True)
        return None if report is None else SoftHebbRun(model=load_model(folder), report=report)

    def _learn(self, state: State, tell: Progress) -> State:
        chunk = self.chunks[state.chunks]
        group = [other for other in self.chunks if other.layers == chunk.layers]
        stage = f"layer {chunk.layers[0] + 1}" if len(chunk.layers) == 1 else "layers"
        tell(stage, group.index(chunk) / len(group))
        layers = training.learn_chunk(
            self.network, state.layers, self.preset.training, chunk, self.learned, self.seed, self.xp, self.each
        )
        for number in chunk.layers:
            check_finite(f"the weights of layer {number + 1}", layers[number].weight)
        tell(stage, (group.index(chunk) + 1) / len(group))
        return dataclasses.replace(state, chunks=state.chunks + 1, layers=layers)

    def _write_features(self, state: State, folder: Path, tell: Progress) -> State:
        """Write the features of the next piece of images to disk."""
        number = len(state.sums)
        tell("features", number / len(self.pieces))
        piece = self.pieces[number]
        images = moved_and_mirrored(piece.images, (self.seed, piece.first)) if piece.varied else piece.images
        (part,) = training.outputs(self.network, state.layers, images, self.xp, self.each)
        checksum = self.table(folder).put(piece, part)
        tell("features", (number + 1) / len(self.pieces))
        return dataclasses.replace(state, sums=(*state.sums, checksum))

    def _fit(self, state: State, folder: Path, tell: Progress) -> State:
        """Fit the readout for an epoch."""
        train, test = self._features(folder)
        settings, fit = self.preset.readout, state.fit or self._first_fit()
        tell("readout", fit.epoch / settings.epochs)
        first = fit.epoch % self.views * len(self.train)
        view = slice(first, first + len(self.train))
        fit, learning = readout.fit_epoch(fit, train[view], self.labels[view], settings, self.seed, self.each)
        accuracy = metrics.accuracy(_predict(fit.weight, fit.bias, test), np.asarray(self.test.labels))
        return dataclasses.replace(state, fit=fit, curve=np.vstack([state.curve, [learning, accuracy]]))

    def _first_fit(self) -> Fit:
        return readout.begin(self.network.features, self.classes, self.seed)

    def _features(self, folder: Path) -> tuple[Any, Any]:
        rows = self.table(folder).rows()
        return rows[: len(self.labels)], rows[len(self.labels) :]


_FIT_NAMES = tuple(f"fit.{name}" for name in _FIT)


def _timed(state: State, stage: int, began: float) -> State:
    seconds = state.seconds.copy()
    seconds[stage] += time.perf_counter() - began
    return dataclasses.replace(state, seconds=seconds)


def _predict(weight: Any, bias: Any, rows: Any) -> Int:
    return readout.predict(weight, bias, (rows[at] for at in features.slices(len(rows))))
