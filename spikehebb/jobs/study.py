"""What a network loses in a chip's numbers: accuracy against bits, rounding, mismatch and broken synapses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from spikehebb import devices, hardware
from spikehebb.checkpoint import Shapes
from spikehebb.core import Float, Images
from spikehebb.core.progress import Progress, reporter
from spikehebb.datasets import Given, as_images, sample
from spikehebb.devices import Device
from spikehebb.jobs import learned
from spikehebb.jobs.digit_parameters import own_limits
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.evaluate import relabelled
from spikehebb.jobs.learn_digits import learn_digits
from spikehebb.jobs.run import Arrays, Counts, provenance, report_of, run
from spikehebb.jobs.seeds import generator
from spikehebb.reading import check

KIND = "study of bits"
FILE = "study.json"
UNLIMITED = "unlimited"  # the folder of the network without limits
BITS = (8, 7, 6, 5, 4, 3, 2, 1)
TRACE_BITS = (7, 6, 5, 4, 3, 2)
SPREADS = (0.05, 0.1, 0.2, 0.4, 0.8)
DROPPED = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
CHIP_RULE = {"rule": "softhebb_annealed", "eta": 0.3, "lifetime": 800.0}  # measured: docs/chip_learning.md
_FIELDS = {  # of the settings, that a curve is about
    "weight bits": "weight_bits",
    "trace bits": "trace_bits",
    "neuron spread": "neuron_spread",
    "dropped synapses": "dropped",
}


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a curve.

    Parameters
    ----------
    curve : str
        ``weight bits``, ``trace bits``, ``neuron spread``, ``synapse spread`` or ``dropped synapses``.
    when : str
        ``after training``: a network that learned without limits; ``learning``: it learns under the limit.
    value : float
        Bits; standard deviation of a factor of mean 1; share of the synapses.
    rounding : str
        Empty where nothing is rounded.
    """

    curve: str
    when: str
    value: float
    rounding: str = ""


def chip_rule(target: str | hardware.Target, circuit: Any = "soft_wta") -> dict[str, Any]:
    """Return the settings with which a network learns on a chip: nothing where its own rule will do."""
    as_it_is = circuit != "soft_wta" or hardware.is_memristive(hardware.find(target))
    return {} if as_it_is else dict(CHIP_RULE)


def study_bits(
    train: Given,
    test: Given,
    settings: Settings | None = None,
    *,
    target: str | hardware.Target = "loihi1",
    bits: Sequence[int] = BITS,
    trace_bits: Sequence[int] = TRACE_BITS,
    spreads: Sequence[float] = SPREADS,
    dropped: Sequence[float] = DROPPED,
    learning: bool = True,
    labelled: int = 5000,
    device: Device | str | None = None,
    out: Path | str,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure what a digit network loses with a chip's numbers, after training and learning under them.

    After training, the weights of one network are rounded, spread or dropped, and its neurons labelled anew from
    training images. Learning, each point is a network of its own that learned under the limits of the target, with the
    bits, the neurons or the synapses of the point. (A spread of synapses is for after training only: there a synapse
    transmits a number that is not the one it learns.)

    Parameters
    ----------
    train, test : Images
    settings : Settings, optional
        Of the network without limits.
    target : str
        A chip that learns, of ``hardware.TARGETS``.
    bits, trace_bits : sequence of int
    spreads : sequence of float
        Standard deviations of the factors, of mean 1, by which neurons' gains and weights differ from what they should
        be. They are log-normal.
    dropped : sequence of float
        Shares of the synapses that are broken.
    learning : bool
        Whether to learn under the limits, which takes longest.
    labelled : int
        From how many training images, at most, a changed network's neurons get their labels.
    device : Device, optional
        The fastest that works here when left out.
    out : path
        A folder for ``study.json``. A study with the same settings and data goes on where another stopped, and measures
        only the points that are not there yet.
    overwrite : bool
        Replace another study in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    dict
        ``baseline`` and ``chip_rule_accuracy``, accuracies without limits of the network and of one that learned with
        the chip's rule; ``points``, each with its accuracies.

    Raises
    ------
    ValueError
        If bits are out of range, or settings name a target of their own.
    FileExistsError
        If ``out`` holds another study.
    """
    train, test = as_images(train, "train"), as_images(test, "test")
    settings, device = settings or Settings(), devices.find(device)
    if settings.target:
        raise ValueError(
            f"settings must be those of the network without limits, but name the target {settings.target}."
        )
    chip = hardware.find(target)
    name, limits = own_limits(chip)
    changed = [f"{limit.partition('.')[2]}={value}" for limit, value in limits.items()]
    points = list(_points(bits, trace_bits, spreads, dropped, learning))
    header = {
        "kind": KIND,
        "config": settings.config(),
        "chip_rule": chip_rule(chip, settings.circuit) if learning else {},
        "target": f"{name} with {', '.join(changed)}" if changed else name,
        "labelled": labelled,
        **provenance(device.name, settings.seed, train=train, test=test),
    }
    job = _Study(
        train=train,
        test=test,
        settings=settings,
        target=chip,
        points=tuple(points),
        learning=learning,
        labelled=labelled,
        device=device,
        out=Path(out),
        anew=overwrite,
        identity=header,
    )
    report = run(job, out=job.out, overwrite=overwrite, tell=reporter(progress))
    measured = {_name(item): item for item in report["points"]}
    return report | {"points": [measured[_name(asdict(point))] for point in points]}


Results = dict[str, Any]  # baseline, chip_rule_accuracy, points
_ACCURACY = {"accuracy_vote": float, "accuracy_soft_vote": float}
_RESULTS = {
    "baseline?": _ACCURACY,
    "chip_rule_accuracy?": _ACCURACY,
    "points": [{"curve": str, "when": str, "value": float, "rounding": str, **_ACCURACY}],
}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Study:
    """The network without limits, one that learned with the chip's rule, and the points of all curves."""

    train: Images
    test: Images
    settings: Settings
    target: hardware.Target
    points: tuple[Point, ...]
    learning: bool
    labelled: int
    device: Device
    out: Path
    anew: bool
    identity: Mapping[str, Any]
    kind: str = KIND
    scratch: tuple[str, ...] = ()

    def begin(self, folder: Path) -> Results:
        """Return what an earlier study of the same settings measured, perhaps of other points."""
        report = None if self.anew else report_of(folder / FILE, self.identity, _RESULTS)
        names = ("baseline", "chip_rule_accuracy", "points")
        return {"points": []} | ({} if report is None else {name: report[name] for name in names if name in report})

    def pack(self, results: Results) -> tuple[Counts, Arrays]:
        return {"results": results}, {}

    def shapes(self, counts: Counts) -> Shapes:
        check(counts, {"results": _RESULTS}, "its header")
        return {}

    def unpack(self, counts: Counts, arrays: Arrays) -> Results:
        return dict(counts["results"])

    def prepare(self, results: Results, folder: Path, tell: Progress) -> Results:
        return results

    def step(self, results: Results, folder: Path, tell: Progress) -> Results | None:
        if "baseline" not in results:
            return results | {"baseline": self._learned(UNLIMITED, tell)}
        if self.learning and "chip_rule_accuracy" not in results:
            rule = chip_rule(self.target, self.settings.circuit)
            if not rule:  # it learns with a rule that chips have already
                return results | {"chip_rule_accuracy": results["baseline"]}
            rule |= {"eta": self.settings.eta}
            return results | {"chip_rule_accuracy": self._learned(f"{UNLIMITED}-chip-rule", tell, **rule)}
        names = [_name(item) for item in results["points"]]
        missing = [point for point in self.points if _name(asdict(point)) not in names]
        tell("points", 1 - len(missing) / max(len(self.points), 1))
        if not missing:
            return None
        item = {**asdict(missing[0]), **self._measured(missing[0], tell)}
        return results | {"points": [*results["points"], item]}

    def finish(self, results: Results, folder: Path, tell: Progress) -> dict[str, Any]:
        return {**self.identity, **results}

    def files(self, result: dict[str, Any]) -> Mapping[str, Any]:
        return {FILE: result}

    def finished(self, folder: Path) -> dict[str, Any] | None:
        report = report_of(folder / FILE, self.identity, _RESULTS)
        return None if report is None or self._lacks(report) else report

    def _lacks(self, report: Mapping[str, Any]) -> bool:
        """Return whether a report lacks something that this study measures."""
        names = [_name(item) for item in report.get("points", ())]
        parts = ["baseline", "chip_rule_accuracy"] if self.learning else ["baseline"]
        return any(part not in report for part in parts) or any(_name(asdict(p)) not in names for p in self.points)

    def _learned(self, name: str, tell: Progress, **changes: Any) -> dict[str, float]:
        """Return the accuracies of a network that learned with other settings, in a folder of its own."""

        def report(stage: str, fraction: float) -> None:
            tell(f"{name}: {stage}", fraction)

        learn = partial(
            learn_digits,
            self.train,
            self.test,
            dataclasses.replace(self.settings, **changes),
            device=self.device,
            out=self.out / name,
            progress=report,
        )
        try:
            result = learn()
        except FileExistsError:  # of a study that this one replaces
            result = learn(overwrite=True)
        return _scores(result.report["metrics"])

    def _measured(self, point: Point, tell: Progress) -> dict[str, float]:
        """Return the accuracies at a point of a curve."""
        if point.when == "learning":
            limit = {_FIELDS[point.curve]: int(point.value) if point.curve.endswith("bits") else point.value}
            name = "-".join(filter(None, [point.curve.replace(" ", "-"), f"{point.value:g}", point.rounding]))
            rule = chip_rule(self.target, self.settings.circuit)
            return self._learned(name, tell, **rule, **limit, target=self.target, rounding=point.rounding)
        network = learned.load(self.out / UNLIMITED, self.settings)
        weights = _changed(np.asarray(network.arrays["weights"]), point, self.settings)
        scores = relabelled(
            dataclasses.replace(network, arrays=dict(network.arrays) | {"weights": weights}),
            sample(self.train, self.labelled, self.settings.seed),
            self.test,
            device=self.device,
            progress=lambda stage, fraction: tell(f"{point.curve}: {stage}", fraction),
        )
        return _scores(scores)


def study_table(report: Mapping[str, Any]) -> list[list[Any]]:
    """Return a study as a table, its head first.

    Parameters
    ----------
    report : mapping
        As ``study_bits`` returns it.
    """
    columns = ["curve", "when", "value", "rounding", "accuracy_vote", "accuracy_soft_vote"]
    rows = [["none", "without limits", "", "", *report["baseline"].values()]]
    if "chip_rule_accuracy" in report:
        rows.append(["chip's rule", "without limits", "", "", *report["chip_rule_accuracy"].values()])
    return [columns, *rows, *([point[column] for column in columns] for point in report["points"])]


def _points(
    bits: Sequence[int], trace_bits: Sequence[int], spreads: Sequence[float], dropped: Sequence[float], learning: bool
) -> Iterator[Point]:
    for name, numbers in (("bits", bits), ("trace_bits", trace_bits)):
        if wrong := [number for number in numbers if not (isinstance(number, int) and 1 <= number <= 16)]:
            raise ValueError(f"{name} must be whole numbers from 1 to 16, got {wrong[0]}.")
    for name, shares, most in (("spreads", spreads, 10.0), ("dropped", dropped, 1.0)):
        if beyond := [share for share in shares if not 0 <= share <= most]:
            raise ValueError(f"{name} must be numbers from 0 to {most:g}, got {beyond[0]}.")
    for rounding in ("nearest", "stochastic"):
        for value in bits:
            yield Point(curve="weight bits", when="after training", value=value, rounding=rounding)
    for curve in ("neuron spread", "synapse spread"):
        for spread in spreads:
            yield Point(curve=curve, when="after training", value=spread)
    for share in dropped:
        yield Point(curve="dropped synapses", when="after training", value=share)
    if learning:
        for rounding in ("stochastic", "nearest"):
            for value in bits:
                yield Point(curve="weight bits", when="learning", value=value, rounding=rounding)
        for value in trace_bits:
            yield Point(curve="trace bits", when="learning", value=value, rounding="stochastic")
        for spread in spreads:
            yield Point(curve="neuron spread", when="learning", value=spread)
        for share in dropped:
            yield Point(curve="dropped synapses", when="learning", value=share)


def _changed(weights: Float, point: Point, settings: Settings) -> Float:
    """Return trained weights as a point of a curve has them, shape (pixels, neurons)."""
    rng = generator(settings.seed, "mismatch")
    match point.curve:
        case "weight bits":
            _, top = hardware.levels(int(point.value), negative=False, positive=True)
            step = float(weights.max()) / top
            return np.clip(hardware.whole(weights / step, cast(hardware.Rounding, point.rounding), rng), 0, top) * step
        case "neuron spread":
            return weights * hardware.log_normal(rng, point.value, (1, weights.shape[1]))
        case "synapse spread":
            return weights * hardware.log_normal(rng, point.value, weights.shape)
    return np.where(rng.random(weights.shape) < point.value, 0.0, weights)


def _name(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what distinguishes a point from the others."""
    return tuple(item[field.name] for field in dataclasses.fields(Point))


def _scores(scores: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(scores[name]) for name in ("accuracy_vote", "accuracy_soft_vote") if name in scores}
