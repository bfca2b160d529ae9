"""Learning a network layer by layer in spikes: every layer with SoftHebb, from the spikes of the layers below."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import devices, metrics
from spikehebb.checkpoint import Shapes
from spikehebb.conversion import SpikingNetwork, present
from spikehebb.core import Float, Images, check_finite, display
from spikehebb.core.progress import Progress, reporter
from spikehebb.datasets import Given, as_images
from spikehebb.devices import Device
from spikehebb.encoders import unit_length
from spikehebb.jobs import features
from spikehebb.jobs.features import Features, Piece
from spikehebb.jobs.health import of_layers
from spikehebb.jobs.layer_settings import LayerSettings
from spikehebb.jobs.run import Arrays, Counts, check_counts, provenance, report_of, run
from spikehebb.jobs.seeds import generator, seed_of
from spikehebb.reading import check, printable
from spikehebb.simulation.present import show
from spikehebb.softhebb import Model, Network, Weights, load_model, model_file, numerics, readout, statistics, training
from spikehebb.softhebb.model import array_shapes
from spikehebb.softhebb.network import described

CHUNK = 2000  # patches per run of the program: what an interruption can cost
LOOK = 160  # images that are shown between two saves


@dataclass(frozen=True, kw_only=True, eq=False)
class LayersRun:
    """What ``learn_layers`` returns: the trained model and what ``run.json`` holds."""

    model: Model
    report: Mapping[str, Any]

    __repr__ = display.one_line
    _repr_html_ = display.html


def learn_layers(
    train: Given,
    test: Given,
    settings: LayerSettings | None = None,
    *,
    device: Device | str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> LayersRun:
    """Let the layers of a network learn in spikes, one after the other, then read their spike counts.

    With shared weights a convolutional layer is one soft winner-take-all circuit that stands at one position after the
    other: it learns from patches. Patches of the first layer come from images, those of every other layer from the
    pooled spike counts of the layers below, which have learned before; each is presented as spikes at rates
    proportional to it. No rate is used to learn. (The gain of a layer's forward neurons, one number, is measured on
    ``settings.calibration`` training images with rates: see ``to_spiking``.)

    Parameters
    ----------
    train, test : Images
        The layers and the readouts learn from training images only; the layers never see a label.
    settings : LayerSettings, optional
    device : Device, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for ``checkpoint.npz``, which ``softhebb.load_model`` reads, and ``run.json``. An interrupted run with
        the same settings and data goes on where it stopped.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    LayersRun

    Raises
    ------
    ValueError
        If training and test images differ in size, lack labels, or are too small for the layers; or if a layer is
        silent.
    FileExistsError
        If ``out`` holds another run.

    References
    ----------
    Journe et al., ICLR 2023 (SoftHebb, layer by layer).

    Examples
    --------
    >>> import dataclasses
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> from spikehebb.jobs.layer_settings import LAYERS
    >>> layer = dataclasses.replace(LAYERS[0], units=4, kernel=7, pool=None)
    >>> settings = LayerSettings(layers=(layer,), patches=20, show_ms=8)
    >>> digits = load("digits", "train")
    >>> run = learn_layers(digits[:20], digits[20:25], settings, device=NUMPY)
    >>> sorted(run.report["metrics"]["accuracy_by_layer"])
    ['1']
    """
    train, test = as_images(train, "train"), as_images(test, "test")
    settings, device = settings or LayerSettings(), devices.find(device)
    if test.image_shape != train.image_shape:
        raise ValueError(f"{train.name} has images of {train.image_shape}, but {test.name} of {test.image_shape}.")
    for images in (train, test):
        if np.min(images.labels) < 0:
            raise ValueError(f"{images.name} has images without a label; the readouts need labelled ones.")
    network = settings.network(train.image_shape)
    header = {
        "kind": "layers",
        "config": {**asdict(settings), "layers": described(network)["layers"]},
        "network": described(network),
        **provenance(device.name, settings.seed, train=train, test=test),
    }
    job = _Learning(
        network=network,
        settings=settings,
        train=train,
        test=test,
        device=device,
        identity=json.loads(json.dumps(header)),
    )
    return run(job, out=out, overwrite=overwrite, tell=reporter(progress))


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Learning so far."""

    number: int  # the layer that learns
    chunks: int  # of patches that it has seen
    layers: tuple[Weights, ...]
    ages: tuple[Float, ...]  # spikes divided by the lifetime, for each layer (units,)
    totals: Float  # (layers, 3): patches, input spikes, output spikes of the learning
    sums: tuple[int, ...]  # checksums of the pieces of images, training images first, whose features are on disk
    spikes: Float  # (layers + 1,): of the inputs and of every layer, for all of these images
    seconds: Float  # (learning, inference)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Learning:
    """Layers learn one after the other; then all images pass through them in spikes."""

    network: Network
    settings: LayerSettings
    train: Images
    test: Images
    device: Device
    identity: Mapping[str, Any]
    kind: str = "layers"
    scratch: tuple[str, ...] = (features.FILE,)

    @cached_property
    def pieces(self) -> list[Piece]:
        return features.pieces(self.train, self.test, LOOK)

    def table(self, folder: Path) -> Features:
        return Features(folder=folder, images=len(self.train) + len(self.test), width=sum(self.widths))

    @property
    def widths(self) -> list[int]:
        return [int(np.prod(shape)) for shape in self.network.shapes[1:]]

    def begin(self, folder: Path) -> State:
        depth = len(self.network.layers)
        return State(
            number=0,
            chunks=0,
            layers=training.start(self.network, self.settings.seed),
            ages=tuple(np.zeros(layer.units) for layer in self.network.layers),
            totals=np.zeros((depth, 3)),
            sums=(),
            spikes=np.zeros(depth + 1),
            seconds=np.zeros(2),
        )

    def pack(self, state: State) -> tuple[Counts, Arrays]:
        arrays: dict[str, Any] = {"totals": state.totals, "spikes": state.spikes, "seconds": state.seconds}
        for number, (weights, age) in enumerate(zip(state.layers, state.ages, strict=True)):
            arrays |= {f"weight{number}": weights.weight, f"age{number}": age}
        counts = {"number": state.number, "chunks": state.chunks, "sums": list(state.sums)}
        return counts | {"steps": [weights.steps for weights in state.layers]}, arrays

    def shapes(self, counts: Counts) -> Shapes:
        depth = len(self.network.layers)
        check(counts, {"steps": [int], "sums?": [int]}, "its header")
        check_counts(counts, number=depth, chunks=self.settings.patches)
        if len(counts["steps"]) != depth or min(counts["steps"]) < 0:
            raise ValueError(f"its header must count steps of {depth} layers, got {printable(counts['steps'])}.")
        arrays: dict[str, tuple[str, tuple[int, ...]]] = {
            "totals": ("f+", (depth, 3)),
            "spikes": ("f+", (depth + 1,)),
            "seconds": ("f+", (2,)),
        }
        for number, layer in enumerate(self.network.layers):
            arrays |= {
                f"weight{number}": ("f", array_shapes(self.network, number)["weight"]),
                f"age{number}": ("f+", (layer.units,)),
            }
        return arrays

    def unpack(self, counts: Counts, arrays: Arrays) -> State:
        layers = tuple(
            dataclasses.replace(weights, weight=arrays[f"weight{number}"], steps=counts["steps"][number])
            for number, weights in enumerate(training.start(self.network, 0))
        )
        return State(
            number=counts["number"],
            chunks=counts["chunks"],
            layers=layers,
            ages=tuple(np.array(arrays[f"age{number}"]) for number in range(len(layers))),
            totals=np.array(arrays["totals"]),
            sums=tuple(counts.get("sums", ())),  # without checksums the features are computed again
            spikes=np.array(arrays["spikes"]),
            seconds=np.array(arrays["seconds"]),
        )

    def prepare(self, state: State, folder: Path, tell: Progress) -> State:
        if state.sums and self.table(folder).intact(self.pieces, state.sums):
            return state
        seconds = np.array([state.seconds[0], 0.0])
        return dataclasses.replace(state, sums=(), spikes=np.zeros_like(state.spikes), seconds=seconds)

    def step(self, state: State, folder: Path, tell: Progress) -> State | None:
        if state.number < len(self.settings.layers):
            return self._learn(state, tell)
        if len(state.sums) < len(self.pieces):
            return self._infer(state, folder, tell)
        return None

    def finish(self, state: State, folder: Path, tell: Progress) -> LayersRun:
        table, start = self.table(folder).rows(), 0
        labels, unseen = np.asarray(self.train.labels), np.asarray(self.test.labels)
        scores, fitted = {}, None
        for number, width in enumerate(self.widths):
            rows = np.asarray(table[:, start : start + width])
            fitted = readout.ridge(
                [(rows[: len(labels)], labels)], width, int(labels.max()) + 1, self.settings.strength
            )
            scores[str(number + 1)] = metrics.accuracy(readout.predict(*fitted, [rows[len(labels) :]]), unseen)
            start += width
        learning = metrics.accuracy(readout.predict(*fitted, [rows[: len(labels)]]), labels) if fitted else None
        model = Model(network=self.network, layers=state.layers, readout=fitted, header=self.identity)
        images = len(labels) + len(unseen)
        layers = [
            {
                "units": len(norms),
                "norm_mean": float(norms.mean()),
                "norm_sd": float(norms.std()),
                "silent_units": int(np.sum(age == 0)),
                "patches": int(totals[0]),
                "input_spikes_per_patch": float(totals[1] / max(totals[0], 1)),
                "output_spikes_per_patch": float(totals[2] / max(totals[0], 1)),
            }
            for norms, age, totals in zip(statistics.norms(model), state.ages, state.totals, strict=True)
        ]
        spikes = [age * self.settings.lifetime for age in state.ages]
        accuracy = scores[str(len(self.widths))]
        begun = self.begin(folder).layers
        report = {
            **self.identity,
            "health": of_layers(self.network, state.layers, begun, accuracy=accuracy, test=self.test, fired=spikes),
            "metrics": {
                "accuracy_test": accuracy,
                "accuracy_train": learning,
                "accuracy_by_layer": scores,
                "spikes_per_image": [float(value) for value in state.spikes / images],
                "ms_per_image": float(1000 * state.seconds[1] / images),
            },
            "layers": layers,
            "seconds": {"learning": float(state.seconds[0]), "inference": float(state.seconds[1])},
        }
        return LayersRun(model=model, report=report)

    def files(self, result: LayersRun) -> Mapping[str, Any]:
        return {"checkpoint.npz": model_file.to_checkpoint(result.model), "run.json": result.report}

    def finished(self, folder: Path) -> LayersRun | None:
        report = report_of(folder / "run.json", self.identity, {"metrics": {str: object}}, network=True)
        return None if report is None else LayersRun(model=load_model(folder), report=report)

    def _learn(self, state: State, tell: Progress) -> State:
        """Show the layer its next chunk of patches, or go on to the next layer."""
        number, done = state.number, state.chunks * CHUNK
        if not self.settings.layers[number].learns or done >= self.settings.patches:
            tell(f"layer {number + 1}", 1)
            return dataclasses.replace(state, number=number + 1, chunks=0)
        tell(f"layer {number + 1}", done / self.settings.patches)
        began = time.perf_counter()
        rows = self._patches(state, tell)[done : done + CHUNK]
        spent = time.perf_counter() - began
        placed = training.place(self.settings.layers[number], state.layers[number], np)
        circuit = self.settings.column(number, placed.weight.T.astype(np.float64))
        recording = show(
            circuit.with_state("output", age=state.ages[number]),
            unit_length(rows),
            presentation=self.settings.patch_ms * ms,
            dt=self.settings.dt_ms * ms,
            device=self.device,
            seed=seed_of(self.settings.seed, "layers", number, state.chunks),
            record=(),
        )
        placed.weight = np.ascontiguousarray(recording.weights["feedforward"].T, np.float32)
        placed.steps += len(rows)
        totals = state.totals.copy()
        totals[number] += [len(rows), recording.counts["input"].sum(), recording.counts["output"].sum()]
        check_finite(f"the ages of layer {number + 1}", recording.state["output"]["age"])
        learned = training.lift(placed, state.layers[number])
        return dataclasses.replace(
            state,
            chunks=state.chunks + 1,
            layers=(*state.layers[:number], learned, *state.layers[number + 1 :]),
            ages=(*state.ages[:number], recording.state["output"]["age"], *state.ages[number + 1 :]),
            totals=totals,
            seconds=state.seconds + np.array([spent + recording.seconds, 0.0]),
        )

    def _patches(self, state: State, tell: Progress) -> Any:
        make = partial(_patches, state, self.network, self.train, self.settings, self.device, tell)
        return self._once(f"patches of layer {state.number}", make)

    def _spiking(self, state: State) -> SpikingNetwork:
        model = Model(network=self.network, layers=state.layers)
        spiking: SpikingNetwork = self._once("spiking", partial(self.settings.spiking, model, self.train))
        return spiking

    def _once(self, what: str, make: Callable[[], Any]) -> Any:
        """Return what several steps use, made by the first of them."""
        if what not in self._made:
            self._made.clear()
            self._made[what] = make()
        return self._made[what]

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    def _infer(self, state: State, folder: Path, tell: Progress) -> State:
        """Show the next piece of images, and write the firing rates of all layers to disk."""
        piece = self.pieces[len(state.sums)]
        tell("images", piece.first / self.table(folder).images)
        seed = seed_of(self.settings.seed, "inference", piece.first)
        shown = present(self._spiking(state), piece.images, device=self.device, seed=seed, rates=True)
        checksum = self.table(folder).put(piece, np.concatenate(shown.rates, axis=1))
        tell("images", (piece.first + len(piece.images)) / self.table(folder).images)
        return dataclasses.replace(
            state,
            sums=(*state.sums, checksum),
            spikes=state.spikes + shown.spikes.sum(axis=1),
            seconds=state.seconds + np.array([0.0, shown.seconds]),
        )


def _patches(
    state: State, network: Network, train: Images, settings: LayerSettings, device: Device, tell: Progress
) -> Any:
    """Return the patches that a layer learns from, (patches, inputs), in the order in which it sees them."""
    number = state.number
    rng = generator(settings.seed, "patches", number)
    images = train[np.sort(rng.permutation(len(train))[: settings.images])]
    layer, shape = settings.layers[number], network.shapes[number]
    if number == 0:
        x = images.intensities().reshape(len(images), *shape)
    else:
        below = Model(network=settings.network(train.image_shape, number), layers=state.layers[:number])
        seed = seed_of(settings.seed, "patches", number)
        shown = present(
            settings.spiking(below, train),
            images,
            device=device,
            seed=seed,
            progress=lambda done: tell(f"spikes for layer {number + 1}", done),
        )
        x = shown.counts.reshape(len(images), *shape)
    rows, _ = numerics.inputs(layer, np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.any():
        raise ValueError(
            f"layer {number} has no input: the {len(images)} images of {train.name} that it learns from leave it "
            "silent; give other images, or more with settings.images."
        )
    seen = np.flatnonzero(lengths >= settings.blank * lengths.max())
    rounds = -(-settings.patches // len(seen))
    order = np.concatenate([rng.permutation(seen) for _ in range(rounds)])[: settings.patches]
    return rows[order]
