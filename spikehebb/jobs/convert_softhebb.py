"""Converting a SoftHebb network, and measuring how faithful the spiking one is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import conversion, devices, metrics
from spikehebb.checkpoint import Shapes
from spikehebb.conversion import SpikingNetwork, Timing, network_file
from spikehebb.conversion.present import build_programs, together_of
from spikehebb.core import Images, Int, digest, display
from spikehebb.core.progress import Progress, reporter
from spikehebb.core.seeds import check_seed
from spikehebb.datasets import Given, as_images, sample
from spikehebb.devices import Device
from spikehebb.jobs import unit_votes
from spikehebb.jobs.converted import Seen, joined, per_image, show_part
from spikehebb.jobs.run import Arrays, Counts, provenance, report_of, run
from spikehebb.jobs.seeds import CONVERSION
from spikehebb.reading import check, printable, read_json
from spikehebb.softhebb import Model, training
from spikehebb.softhebb.backend import working

KIND = "conversion"
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
    model : Model
        The rate network that it came from.
    """

    report: Mapping[str, Any]
    network: SpikingNetwork
    model: Model

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame

    def rows(self) -> list[dict[str, Any]]:
        """Return accuracy and agreement with the rate network, against latency and operations."""
        return [
            {"latency_ms" if name == "ms" else name: value for name, value in point.items()}
            for point in self.report.get("curve", ())
        ]


def convert_softhebb(
    model: Model,
    train: Given,
    test: Given,
    timing: Timing | None = None,
    *,
    calibration: int = CALIBRATION,
    lif: bool = False,
    source: str = "",
    device: Device | str | None = None,
    seed: int = 0,
    cores: int | None = None,
    out: Path | str | None = None,
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
        ``conversion.timing_for(model.network)`` when left out.
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
    >>> from spikehebb.conversion import Timing
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
        timing or conversion.timing_for(model.network),
        devices.find(device),
        reporter(progress),
    )
    check_seed(seed)
    train, test = as_images(train, "train"), as_images(test, "test")
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
        "kind": KIND,
        "config": {**asdict(timing), "calibration": calibration, "lif": lif},
        "source": source,
        "model": digest([model.network, list(model.layers), list(model.readout or ())]),
        **provenance(device.name, seed, train=train, test=test),
    }
    job = _Conversion(
        model=model,
        train=train,
        test=test,
        timing=timing,
        calibration=calibration,
        lif=lif,
        source=source,
        device=device,
        seed=seed,
        cores=cores,
        header=header,
    )
    return run(job, out=out, overwrite=overwrite, tell=tell)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Conversion:
    """The test images are shown to the spiking network; then both networks are compared."""

    model: Model
    train: Images
    test: Images
    timing: Timing
    calibration: int
    lif: bool
    source: str
    device: Device
    seed: int
    cores: int | None
    header: Mapping[str, Any]
    kind: str = KIND
    scratch: tuple[str, ...] = ()

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"run": self.header}

    @cached_property
    def calibrated(self) -> Images:
        """The training images that set the rates."""
        rng = np.random.default_rng((self.seed, CONVERSION["calibration"]))
        return self.train[rng.permutation(len(self.train))[: self.calibration]]

    @cached_property
    def network(self) -> SpikingNetwork:
        about = {"seed": self.seed, "device": self.device.name, "source": self.source}
        return replace(conversion.to_spiking(self.model, self.calibrated, self.timing), header=about)

    def begin(self, folder: Path) -> Seen | None:
        return None

    def pack(self, seen: Seen | None) -> tuple[Counts, Arrays]:
        assert seen is not None
        arrays = {name: np.asarray(value) for name, value in vars(seen).items()}
        return {"sizes": {name: list(array.shape) for name, array in arrays.items()}}, arrays

    def shapes(self, counts: Counts) -> Shapes:
        kinds = {"predicted": "i", "spikes": "f+", "operations": "f+", "seconds": "f+"}
        sizes = check(counts, {"sizes": {name: [int] for name in kinds}}, "its header")["sizes"]
        if any(side < 0 for shape in sizes.values() for side in shape) or len(sizes["predicted"]) != 2:
            raise ValueError(f"its header has the sizes {printable(sizes)}.")
        return {name: (kind, tuple(sizes[name])) for name, kind in kinds.items()}

    def unpack(self, counts: Counts, arrays: Arrays) -> Seen | None:
        return Seen(
            predicted=arrays["predicted"],
            spikes=arrays["spikes"],
            operations=arrays["operations"],
            seconds=float(arrays["seconds"]),
        )

    def prepare(self, seen: Seen | None, folder: Path, tell: Progress) -> Seen | None:
        tell("converting", 0)
        build_programs(self.network, self.device)
        tell("converting", 1)
        return seen

    def step(self, seen: Seen | None, folder: Path, tell: Progress) -> Seen | None:
        done = 0 if seen is None else len(seen.predicted)
        if done >= len(self.test):
            return None
        part = self.test[done : done + together_of(self.network)]
        seen = joined(seen, show_part(self.network, part, self.device, conversion.seed_of(self.seed, done)))
        tell("showing", len(seen.predicted) / len(self.test))
        return seen

    def finish(self, seen: Seen | None, folder: Path, tell: Progress) -> ConversionRun:
        assert seen is not None
        network, labels = self.network, np.asarray(self.test.labels)
        answers = _rate_answers(self.model, self.test, self.cores, tell)
        report: dict[str, Any] = {**self.header, "size": asdict(conversion.size(network))}
        report["remarks"] = list(network.remarks)
        report["metrics"] = _metrics(seen, answers, labels, network, len(labels))
        if self.model.readout is not None:
            report["curve"] = _curve(seen, answers, labels, network, len(labels))
        common: dict[str, Any] = {"device": self.device, "seed": self.seed, "tell": tell}
        if _votes(self.model):
            report["metrics"] |= unit_votes.exact(self.model, network, self.train, self.test, **common)
            if self.lif:
                scores = unit_votes.lif(self.model, self.timing, self.train, self.test, self.calibrated, **common)
                names = scores.pop("labels")
                report["lif"] = scores
                network = replace(network, header={**network.header, "lif": conversion.lif_settings(scores, names)})
        watched = sample(self.test, min(WATCHED, together_of(network)), self.seed)
        report["stages"] = _stages(
            self.model, network, watched, seen, self.device, self.seed, self.cores, tell, len(labels)
        )
        return ConversionRun(report=report, network=network, model=self.model)

    def files(self, result: ConversionRun) -> Mapping[str, Any]:
        report = result.report
        return {
            "checkpoint.npz": network_file.to_checkpoint(self.model, result.network),
            "fidelity.json": {name: report[name] for name in _FIDELITY if name in report},
            "run.json": {name: value for name, value in report.items() if name not in ("curve", "stages")},
        }

    def finished(self, folder: Path) -> ConversionRun | None:
        report = report_of(folder / "run.json", self.header, {"metrics": {str: float}, "remarks": [str]})
        if report is None:
            return None
        model, network = conversion.load_converted(folder)
        path = folder / "fidelity.json"
        fidelity = check(read_json(path), _CURVES, str(path))
        return ConversionRun(report={**report, **fidelity}, network=network, model=model)


_CURVES = {
    "metrics": {str: float},
    "stages": [
        {
            **dict.fromkeys(("units", "positions"), int),
            **dict.fromkeys(("spikes_per_image", "operations_per_image"), float),
            "correlation": (float, None),
            "winners": (None, {"divergence": float, "sampling": float}),
        }
    ],
    "curve?": [dict.fromkeys(("ms", "operations", "accuracy", "agreement"), float)],
    "lif?": {**dict.fromkeys(("accuracy_vote", "agreement_vote", "spikes_per_image"), float)}
    | {"calibration": {"divergence": float}},
    "remarks": [str],
}
_FIDELITY = ("metrics", "lif", "curve", "stages", "size", "remarks")


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


def _metrics(seen: Seen, rate_answers: Int, labels: Int, network: SpikingNetwork, images: int) -> dict[str, Any]:
    costs = per_image(seen, images)
    if network.readout is None:
        return costs
    answers = seen.predicted[:, -1]
    return {
        "accuracy_rate": metrics.accuracy(rate_answers, labels),
        "accuracy_spiking": metrics.accuracy(answers, labels),
        "agreement": metrics.accuracy(answers, rate_answers),
        **costs,
    }


def _curve(seen: Seen, rate_answers: Int, labels: Int, network: SpikingNetwork, images: int) -> list[dict[str, float]]:
    """Return accuracy and cost for every length of the presentation."""
    spikes, operations = (np.cumsum(table.sum(axis=0)) / images for table in (seen.spikes, seen.operations))
    if network.timing.order == "in turn":  # the layers before have done their part
        spikes = (seen.spikes[:-1].sum() + np.cumsum(seen.spikes[-1])) / images
        operations = np.full(len(spikes), seen.operations.sum() / images)
    return [
        {
            "ms": network.milliseconds(elapsed),
            "accuracy": metrics.accuracy(answers, labels),
            "agreement": metrics.accuracy(answers, rate_answers),
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
    """Return for every layer the correlation of rates with activations, and the divergence of winners from softmax."""
    layers = []
    shown = conversion.present(network, watched, device=device, seed=conversion.seed_of(seed, 3), rates=True)
    for number, stage in enumerate(network.stages):
        with working("cpu", cores) as (xp, each):
            parts = training.outputs(model.network, model.layers, watched, xp, each, depth=number + 1)
            active = np.concatenate(list(parts)).ravel()
        tell("layers", (number + 0.5) / len(network.stages))
        correlation = float(np.corrcoef(active, shown.rates[number].ravel())[0, 1])
        few = sample(watched, 1 + 400 // math.prod(stage.positions), seed)
        compared = conversion.winners(model, network, few, number, device=device, seed=seed)
        layers.append(
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
    return layers
