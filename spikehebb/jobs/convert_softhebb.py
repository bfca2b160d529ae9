"""Converting a SoftHebb network, and measuring how faithful the spiking one is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import checkpoint, convert, devices, metrics
from spikehebb.convert import SpikingNetwork, Timing
from spikehebb.convert.present import build_programs, together_of
from spikehebb.core import Images, Int, digest
from spikehebb.core.progress import Progress, quiet
from spikehebb.devices import Device
from spikehebb.jobs import votes
from spikehebb.jobs.conversion_state import Seen, joined, partial, resume
from spikehebb.jobs.run import describe, versions
from spikehebb.softhebb import Model, training
from spikehebb.softhebb.backend import working

CALIBRATION = 300  # training images that set the rates
WATCHED = 64  # test images, at most, whose activations are compared layer by layer


@dataclass(frozen=True, kw_only=True, eq=False)
class ConversionRun:
    """What ``convert_softhebb`` returns.

    Parameters
    ----------
    report : mapping
        What ``run.json`` and ``fidelity.json`` hold.
    network : SpikingNetwork
    predicted : array of int, shape (test images, steps)
        The spiking network's answer after so many steps.
    """

    report: Mapping[str, Any]
    network: SpikingNetwork
    predicted: Int


def convert_softhebb(
    model: Model,
    train: Images,
    test: Images,
    timing: Timing | None = None,
    *,
    calibration: int = CALIBRATION,
    lif: bool = False,
    source: str = "",
    device: Device | None = None,
    seed: int = 0,
    cores: int | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionRun:
    """Convert a SoftHebb network to spikes and compare both on the same test images.

    Parameters
    ----------
    model : Model
        With a readout, or with one dense layer, whose units then vote.
    train, test : Images
        Rates are calibrated, and units are labelled, by training images only.
    timing : Timing, optional
        ``convert.timing_for(model.network)`` when left out.
    calibration : int
        How many training images set the rates.
    lif : bool
        Let LIF neurons vote, too: one dense layer, lateral inhibition, calibrated against the softmax.
    source : str
        Where the model came from, for the report.
    device : Device, optional
        Of the spiking network; the fastest that works here when left out.
    seed : int
    cores : int, optional
        For the rate network.
    out : path, optional
        A folder for ``checkpoint.npz``, ``run.json`` and ``fidelity.json``. An interrupted run with the same settings,
        network and images goes on where it stopped.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    ConversionRun

    Raises
    ------
    ValueError
        If images do not fit, a layer has no spiking form, or is silent or saturated in calibration.
    FileExistsError
        If ``out`` holds another run.

    Examples
    --------
    >>> from spikehebb.convert import Timing
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> from spikehebb.softhebb import Layer, Model, Network, training
    >>> network = Network(image_shape=(1, 8, 8), layers=(Layer(units=12, batch_norm=False, plasticity="soft"),))
    >>> model = Model(network=network, layers=training.start(network, 0))
    >>> digits, short = load("digits", "train"), Timing(present_ms=20)
    >>> run = convert_softhebb(model, digits[:40], digits[40:50], short, calibration=40, device=NUMPY)
    >>> sorted(run.report["metrics"])[:3]
    ['accuracy_vote', 'accuracy_vote_rate', 'agreement_vote']
    """
    timing, device, tell = (
        timing or convert.timing_for(model.network),
        device or devices.find("auto"),
        progress or quiet,
    )
    for images in (train, test):
        training.check_images(model.network, images)
    if not 1 <= calibration <= len(train):
        raise ValueError(f"calibration must be 1 to {len(train)} training images, got {calibration}.")
    if lif and (not _votes(model) or model.network.layers[0].batch_norm):
        raise ValueError(
            "LIF neurons stand for one dense layer without batch normalization that competes softly, and this network "
            "is another; convert it with integrate or stochastic neurons."
        )
    header = {
        "kind": "conversion",
        "config": {**asdict(timing), "calibration": calibration, "lif": lif},
        "source": source,
        "model": digest([model.network, list(model.layers), list(model.readout or ())]),
        "seed": seed,
        "device": device.name,
        "versions": versions(),
        "data": {"train": describe(train), "test": describe(test)},
    }
    seen = resume(out, header, overwrite)
    tell("converting", 0)
    chosen = np.random.default_rng((seed, 0)).permutation(len(train))[:calibration]
    network = replace(
        convert.to_spiking(model, train[chosen], timing), header={"seed": seed, "device": device.name, "source": source}
    )
    build_programs(network, device)
    tell("converting", 1)
    seen = _show(network, test, seen, header, device, seed, out, tell)
    labels = np.asarray(test.labels)
    known = _rate_answers(model, test, cores, tell)
    report: dict[str, Any] = {**header, "size": asdict(convert.size(network)), "remarks": list(network.remarks)}
    report["metrics"] = _metrics(seen, known, labels, network, len(test))
    if model.readout is not None:
        report["curve"] = _curve(seen, known, labels, network, len(test))
    if _votes(model):
        report["metrics"] |= votes.exact(model, network, train, test, device=device, seed=seed, tell=tell)
        if lif:
            found = votes.lif(model, timing, train, test, train[chosen], device=device, seed=seed, tell=tell)
            names = found.pop("labels")
            report["lif"] = found
            network = replace(network, header={**network.header, "lif": convert.lif_settings(found, names)})
    report["stages"] = _stages(
        model, network, test[: min(WATCHED, together_of(network))], seen, device, seed, cores, tell, len(test)
    )
    if out is not None:
        convert.save_converted(model, network, out / "checkpoint.npz")
        checkpoint.write_json(out / "fidelity.json", {n: report[n] for n in _FIDELITY if n in report})
        checkpoint.write_json(out / "run.json", {n: v for n, v in report.items() if n not in ("curve", "stages")})
        (out / "partial.npz").unlink(missing_ok=True)
    return ConversionRun(report=report, network=network, predicted=seen.predicted)


_FIDELITY = ("metrics", "lif", "curve", "stages", "size", "remarks")


def _show(
    network: SpikingNetwork,
    test: Images,
    seen: Seen | None,
    header: Mapping[str, Any],
    device: Device,
    seed: int,
    out: Path | None,
    tell: Progress,
    replicas: int | None = None,
) -> Seen:
    """Show the test images that were not shown yet, chunk by chunk."""
    together, done = together_of(network), 0 if seen is None else len(seen.predicted)
    for start in range(done, len(test), together):
        part = test[start : start + together]
        each = convert.seed_of(seed, start)
        shown = convert.present(network, part, device=device, seed=each, replicas=replicas)
        # float32 counts make no predictions without a readout; rows then only tell how far the run is
        now = Seen(
            predicted=shown.predicted.reshape(len(part), -1),
            spikes=shown.spikes.astype(np.float64),
            operations=shown.operations.astype(np.float64),
            seconds=shown.seconds,
        )
        seen = now if seen is None else joined(seen, now)
        if out is not None:
            checkpoint.save(partial(header, seen), out / "partial.npz")
        tell("showing", len(seen.predicted) / len(test))
    assert seen is not None
    return seen


def _rate_answers(model: Model, test: Images, cores: int | None, tell: Progress) -> Int:
    """Return the rate network's answers."""
    if model.readout is None:
        return np.zeros(0, np.int64)
    weight, bias = model.readout
    answers: list[Any] = []
    with working("cpu", cores) as (xp, each):
        for features in training.outputs(model.network, model.layers, test, xp, each):
            answers.append((features @ weight.T + bias).argmax(axis=1))
            tell("comparing", sum(map(len, answers)) / len(test))
    return np.concatenate(answers).astype(np.int64)


def _metrics(seen: Seen, known: Int, labels: Int, network: SpikingNetwork, images: int) -> dict[str, Any]:
    found = _per_image(seen, images)
    if network.readout is None:
        return found
    answers = seen.predicted[:, -1]
    return {
        "accuracy_rate": metrics.accuracy(known, labels),
        "accuracy_spiking": metrics.accuracy(answers, labels),
        "agreement": metrics.accuracy(answers, known),
        **found,
    }


def _per_image(seen: Seen, images: int) -> dict[str, Any]:
    return {
        "spikes_per_image": float(seen.spikes.sum()) / images,
        "operations_per_image": float(seen.operations.sum()) / images,
        "ms_per_image": 1000 * seen.seconds / images,
    }


def _curve(seen: Seen, known: Int, labels: Int, network: SpikingNetwork, images: int) -> list[dict[str, float]]:
    """Return accuracy and cost for every length of the presentation."""
    spikes, operations = (np.cumsum(table.sum(axis=0)) / images for table in (seen.spikes, seen.operations))
    if network.timing.order == "in turn":  # the layers before have done their part
        spikes = (seen.spikes[:-1].sum() + np.cumsum(seen.spikes[-1])) / images
        operations = np.full(len(spikes), seen.operations.sum() / images)
    return [
        {
            "ms": network.milliseconds(elapsed),
            "accuracy": metrics.accuracy(answers, labels),
            "agreement": metrics.accuracy(answers, known),
            "spikes": float(spikes[network.seen_steps(elapsed) - 1]),
            "operations": float(operations[network.seen_steps(elapsed) - 1]),
        }
        for elapsed, answers in enumerate(seen.predicted.T, start=1)
    ]


def _votes(model: Model) -> bool:
    """Whether the units of a model can vote: one dense layer that competes softly."""
    layer = model.network.layers[0]
    return len(model.layers) == 1 and not layer.kernel and layer.plasticity in ("soft", "soft-anti-hebbian")


def _stages(
    model: Model,
    network: SpikingNetwork,
    watched: Images,
    seen: Seen,
    device: Device,
    seed: int,
    cores: int | None,
    tell: Progress,
    images: int,
) -> list[dict[str, Any]]:
    """Return, for every layer, how its rates go with the activations and its winners with the softmax."""
    found = []
    shown = convert.present(network, watched, device=device, seed=convert.seed_of(seed, 3), rates=True)
    for number, stage in enumerate(network.stages):
        with working("cpu", cores) as (xp, each):
            parts = training.outputs(model.network, model.layers, watched, xp, each, depth=number + 1)
            active = np.concatenate(list(parts)).ravel()
        tell("layers", (number + 0.5) / len(network.stages))
        correlation = float(np.corrcoef(active, shown.rates[number].ravel())[0, 1])
        few = watched[: 1 + 400 // math.prod(stage.positions)]
        compared = convert.winners(model, network, few, number, device=device, seed=seed)
        found.append(
            {
                "units": stage.weights.shape[1],
                "positions": math.prod(stage.positions),
                "gain_hz": stage.gain,
                "correlation": correlation if np.isfinite(correlation) else None,
                "spikes_per_image": float(seen.spikes[number + 1].sum()) / images,
                "operations_per_image": float(seen.operations[number].sum()) / images,
                "winners": None if compared is None else asdict(compared),
            }
        )
        tell("layers", (number + 1) / len(network.stages))
    return found
