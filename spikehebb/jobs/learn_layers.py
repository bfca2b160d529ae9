"""Learning a network layer by layer in spikes: every layer with SoftHebb, from the spikes of the layers below."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import checkpoint, devices, metrics
from spikehebb.convert import SpikingNetwork, present, to_spiking
from spikehebb.core import Float, Images, Protocol
from spikehebb.core.progress import Progress, quiet
from spikehebb.devices import Device
from spikehebb.encoders import unit_length
from spikehebb.jobs import deep_state
from spikehebb.jobs.deep_state import State
from spikehebb.jobs.layer_settings import DeepSettings
from spikehebb.jobs.run import describe, versions
from spikehebb.simulation import simulate
from spikehebb.softhebb import Model, Network, numerics, readout, save_model, statistics, training

CHUNK = 2000  # patches per run of the program: what an interruption can cost
LOOK = 160  # images that are shown between two saves
_PATCHES, _LEARNING, _LOOKING = 10, 11, 12  # random numbers of their own


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepRun:
    """What ``learn_layers`` returns: the trained model and what ``run.json`` holds."""

    model: Model
    report: Mapping[str, Any]


def learn_layers(
    train: Images,
    test: Images,
    settings: DeepSettings | None = None,
    *,
    device: Device | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> DeepRun:
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
    settings : DeepSettings, optional
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
    DeepRun

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
    >>> settings = DeepSettings(layers=(layer,), patches=20, show_ms=8)
    >>> digits = load("digits", "train")
    >>> run = learn_layers(digits[:20], digits[20:25], settings, device=NUMPY)
    >>> sorted(run.report["metrics"]["accuracy_by_layer"])
    ['1']
    """
    settings, device = settings or DeepSettings(), device or devices.find("auto")
    if test.image_shape != train.image_shape:
        raise ValueError(f"{train.name} has images of {train.image_shape}, but {test.name} of {test.image_shape}.")
    for images in (train, test):
        if np.min(images.labels) < 0:
            raise ValueError(f"{images.name} has images without a label; the readouts need labelled ones.")
    network = settings.network(train.image_shape)
    about = {
        "kind": "layers",
        "config": asdict(settings),
        "network": asdict(network),
        "seed": settings.seed,
        "device": device.name,
        "versions": versions(),
        "data": {"train": describe(train), "test": describe(test)},
    }
    header = json.loads(json.dumps(about))
    tell = progress or quiet
    with _folder(out) as place:
        state = deep_state.resume(place, header, overwrite) or deep_state.start(network, settings.seed)
        state = _learn(state, train, settings, device, place, header, tell)
        state = _look(state, train, test, settings, device, place, header, tell)
        model, report = _score(state, train, test, settings, place, header)
        if out is not None:
            save_model(model, place / "checkpoint.npz")
            checkpoint.write_json(place / "run.json", report)
            for name in ("partial.npz", "features.npy"):
                (place / name).unlink(missing_ok=True)
    return DeepRun(model=model, report=report)


def convert(model: Model, train: Images, settings: DeepSettings) -> SpikingNetwork:
    """Return a model as the spiking network in which ``learn_layers`` looks at images."""
    return to_spiking(model, train[: settings.calibration], settings.timing)


def _learn(
    state: State,
    train: Images,
    settings: DeepSettings,
    device: Device,
    place: Path,
    header: Mapping[str, Any],
    tell: Progress,
) -> State:
    for number in range(state.number, len(settings.layers)):
        if settings.layers[number].learns:
            began = time.perf_counter()
            tell(f"layer {number + 1}", 0)
            rows = _patches(state, number, train, settings, device, tell)
            state = dataclasses.replace(state, seconds=_spent(state, learning=time.perf_counter() - began))
            while (first := state.chunks * CHUNK) < settings.patches:
                tell(f"layer {number + 1}", first / settings.patches)
                state = _learn_chunk(state, number, rows[first : first + CHUNK], settings, device)
                deep_state.save(state, header, place)
        tell(f"layer {number + 1}", 1)
        state = dataclasses.replace(state, number=number + 1, chunks=0)
        deep_state.save(state, header, place)
    return state


def _learn_chunk(state: State, number: int, rows: Any, settings: DeepSettings, device: Device) -> State:
    placed = training.place(settings.layers[number], state.layers[number], np)
    duration = settings.patch_ms * ms
    circuit = settings.column(number, placed.weight.T.astype(np.float64))
    recording = simulate(
        circuit.with_state("output", age=state.ages[number]),
        Protocol(stimuli={"input": unit_length(rows)}, duration=len(rows) * duration, presentation=duration),
        device=device,
        dt=settings.dt_ms * ms,
        seed=_seed(settings.seed, _LEARNING, number, state.chunks),
    )
    placed.weight = np.ascontiguousarray(recording.weights["feedforward"].T, np.float32)
    placed.steps += len(rows)
    totals = state.totals.copy()
    totals[number] += [len(rows), recording.counts["input"].sum(), recording.counts["output"].sum()]
    learned = training.lift(placed, state.layers[number])
    return dataclasses.replace(
        state,
        chunks=state.chunks + 1,
        layers=(*state.layers[:number], learned, *state.layers[number + 1 :]),
        ages=(*state.ages[:number], recording.state["output"]["age"], *state.ages[number + 1 :]),
        totals=totals,
        seconds=_spent(state, learning=recording.seconds),
    )


def _patches(state: State, number: int, train: Images, settings: DeepSettings, device: Device, tell: Progress) -> Any:
    """Return the patches that a layer learns from, (patches, inputs), in the order in which it sees them."""
    rng = np.random.default_rng((settings.seed, _PATCHES, number))
    images = train[np.sort(rng.permutation(len(train))[: settings.images])]
    layer, shape = settings.layers[number], settings.network(train.image_shape).shapes[number]
    if number == 0:
        x = images.intensities().reshape(len(images), *shape)
    else:
        below = Model(network=settings.network(train.image_shape, number), layers=state.layers[:number])
        seed = _seed(settings.seed, _PATCHES, number)
        shown = present(
            convert(below, train, settings),
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


def _look(
    state: State,
    train: Images,
    test: Images,
    settings: DeepSettings,
    device: Device,
    place: Path,
    header: Mapping[str, Any],
    tell: Progress,
) -> State:
    """Write what all layers say in spikes of the training images, then of the test images, to disk."""
    network = settings.network(train.image_shape)
    spiking = convert(Model(network=network, layers=state.layers), train, settings)
    total, width = len(train) + len(test), sum(_widths(network))
    path = place / "features.npy"
    mode = "r+" if state.looked else "w+"
    table: Any = np.lib.format.open_memmap(path, mode, np.float32, None if state.looked else (total, width))
    while (first := state.looked) < total:
        tell("images", first / total)
        source, at = (train, first) if first < len(train) else (test, first - len(train))
        part = source[at : at + LOOK]
        shown = present(spiking, part, device=device, seed=_seed(settings.seed, _LOOKING, first), rates=True)
        table[first : first + len(part)] = np.concatenate(shown.rates, axis=1)
        table.flush()
        state = dataclasses.replace(
            state,
            looked=first + len(part),
            spikes=state.spikes + shown.spikes.sum(axis=1),
            seconds=_spent(state, looking=shown.seconds),
        )
        deep_state.save(state, header, place)
    tell("images", 1)
    return state


def _score(
    state: State, train: Images, test: Images, settings: DeepSettings, place: Path, header: Mapping[str, Any]
) -> tuple[Model, dict[str, Any]]:
    network = settings.network(train.image_shape)
    table: Any = np.load(place / "features.npy", mmap_mode="r")
    known, unseen = np.asarray(train.labels), np.asarray(test.labels)
    classes, start = int(known.max()) + 1, 0
    scores, fitted = {}, None
    for number, width in enumerate(_widths(network)):
        features = np.asarray(table[:, start : start + width])
        fitted = readout.ridge([(features[: len(train)], known)], width, classes, settings.strength)
        predicted = readout.predict(*fitted, [features[len(train) :]])
        scores[str(number + 1)] = metrics.accuracy(predicted, unseen)
        start += width
    learning = metrics.accuracy(readout.predict(*fitted, [features[: len(train)]]), known) if fitted else None
    model = Model(network=network, layers=state.layers, readout=fitted, header=header)
    images = len(train) + len(test)
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
    return model, {
        **header,
        "metrics": {
            "accuracy_test": scores[str(len(network.layers))],
            "accuracy_train": learning,
            "accuracy_by_layer": scores,
            "spikes_per_image": [float(value) for value in state.spikes / images],
            "ms_per_image": float(1000 * state.seconds[1] / images),
        },
        "layers": layers,
        "seconds": {"learning": float(state.seconds[0]), "looking": float(state.seconds[1])},
    }


def _widths(network: Network) -> list[int]:
    return [int(np.prod(shape)) for shape in network.shapes[1:]]


def _spent(state: State, learning: float = 0.0, looking: float = 0.0) -> Float:
    spent: Float = state.seconds + np.array([learning, looking])
    return spent


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """Give the folder to work in: the one that was asked for, or one that is gone afterwards."""
    if out is not None:
        yield Path(out)
        return
    with tempfile.TemporaryDirectory(prefix="spikehebb-") as folder:
        yield Path(folder)
