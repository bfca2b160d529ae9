"""A table of the runs in a folder: where they differ, what they measured, mean and confidence over seeds."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from spikehebb.core import Frozen
from spikehebb.equations import did_you_mean
from spikehebb.reading import check, checked, printable, read_json

FILE = "sweep.json"
_RUN = {"metrics": {str: float}}
_SWEEP = {"job": str, "axes": [str], "cells": [{"folder": str, "at": {str: object}}]}
_PARTS = ("config", "network", "training", "readout")  # of a report, what was chosen
_SEED = "seed"
_FIRST = ("kind", "preset", "circuit", "rule", "front.kind", "neurons", "target")  # what people tell runs apart by
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run.

    Parameters
    ----------
    folder : str
        Within the one that was searched.
    at : mapping
        Its value on each axis; ``None`` where it has none.
    metrics : mapping of str to float
    """

    folder: str
    at: Mapping[str, Any]
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric over seeds: the mean, the standard deviation, how many, and the ends of the confidence interval."""

    mean: float
    deviation: float | None
    n: int
    low: float | None
    high: float | None

    def text(self, metric: str) -> str:
        """Return it as people write it; an accuracy in percent.

        Examples
        --------
        >>> Score(mean=0.9, deviation=0.01, n=3, low=0.875, high=0.925).text("accuracy_vote")
        '90.00 ± 1.00 % (87.50 to 92.50)'
        """
        percent = metric.startswith("accuracy")
        mean, deviation, low, high = (
            "" if value is None else f"{100 * value:.2f}" if percent else f"{value:.4g}"
            for value in (self.mean, self.deviation, self.low, self.high)
        )
        unit = " %" if percent else ""
        return f"{mean}{unit}" if self.deviation is None else f"{mean} ± {deviation}{unit} ({low} to {high})"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Runs that differ by their seed alone: their place on the other axes, and their scores by metric."""

    at: Mapping[str, Any]
    scores: Mapping[str, Score]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The runs in a folder.

    Parameters
    ----------
    runs : tuple of Run
    axes : tuple of str
        Settings in which they differ, ``seed`` among them.
    skipped : tuple of str
        Folders with a report that is of no run, or damaged, and cells that are not finished.
    """

    runs: tuple[Run, ...]
    axes: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics: accuracies first."""
        names = dict.fromkeys(name for run in self.runs for name in run.metrics)
        return tuple(sorted(names, key=lambda name: not name.startswith("accuracy")))

    def varies(self, axis: str) -> bool:
        """Return whether runs have more than one value on an axis that is not the seed."""
        return axis != _SEED and len({_key(run.at.get(axis)) for run in self.runs}) > 1

    def groups(self, *, confidence: float = CONFIDENCE) -> tuple[Group, ...]:
        """Return runs that differ by their seed alone, together; intervals are those of Student's t.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Examples
        --------
        >>> runs = [Run(folder=str(k), at={"seed": k}, metrics={"accuracy": a}) for k, a in enumerate([0.5, 0.6, 0.7])]
        >>> (group,) = Runs(runs=tuple(runs), axes=("seed",)).groups()
        >>> score = group.scores["accuracy"]
        >>> round(score.mean, 3), score.n, round(score.low, 3), round(score.high, 3)
        (0.6, 3, 0.352, 0.848)
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")
        together: dict[Any, list[Run]] = {}
        for run in self.runs:
            together.setdefault(tuple(_key(run.at.get(axis)) for axis in self.axes if axis != _SEED), []).append(run)
        return tuple(
            Group(
                at=Frozen({axis: members[0].at.get(axis) for axis in self.axes if axis != _SEED}),
                scores=Frozen(
                    {
                        name: _score([run.metrics[name] for run in members if name in run.metrics], confidence)
                        for name in self.metrics
                        if any(name in run.metrics for run in members)
                    }
                ),
            )
            for members in together.values()
        )

    def metric(self, name: str | None = None) -> str:
        """Return the name of a metric that runs have; the first one when left out.

        Raises
        ------
        ValueError
            If no run has it.
        """
        if not self.metrics:
            raise ValueError("there is no finished run here.")
        if name is not None and name not in self.metrics:
            raise ValueError(f"no run has the metric {name!r}.{did_you_mean(name, self.metrics)}")
        return name or self.metrics[0]

    def table(self, metrics: Sequence[str] | None = None, *, confidence: float = CONFIDENCE) -> list[list[Any]]:
        """Return one row for each group, its head first: mean, s.d. and the ends of the interval for each metric."""
        names = self.metrics if metrics is None else [self.metric(name) for name in metrics]
        axes = [axis for axis in self.axes if axis != _SEED]
        head = [*axes, "n", *(f"{name}{end}" for name in names for end in ("", "_sd", "_low", "_high"))]
        rows = []
        for group in self.groups(confidence=confidence):
            row = [group.at[axis] for axis in axes] + [max(score.n for score in group.scores.values())]
            for name in names:
                score = group.scores.get(name)
                row += [None] * 4 if score is None else [score.mean, score.deviation, score.low, score.high]
            rows.append(row)
        return [head, *rows]

    def words(self, metrics: Sequence[str] | None = None, *, confidence: float = CONFIDENCE) -> list[list[str]]:
        """Return the table for people to read: one cell for each metric."""
        names = self.metrics if metrics is None else [self.metric(name) for name in metrics]
        axes = [axis for axis in self.axes if axis != _SEED]
        rows = [
            [
                *(str("" if group.at[axis] is None else group.at[axis]) for axis in axes),
                str(max(score.n for score in group.scores.values())),
                *(group.scores[name].text(name) if name in group.scores else "" for name in names),
            ]
            for group in self.groups(confidence=confidence)
        ]
        return [[*axes, "n", *names], *rows]

    def csv(self, *, confidence: float = CONFIDENCE) -> str:
        """Return the table of all metrics as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for row in self.table(confidence=confidence):
            writer.writerow("" if cell is None else cell for cell in row)
        return text.getvalue()

    def to_frame(self) -> Any:
        """Return one row for each run as a frame of pandas (extra ``frames``).

        Raises
        ------
        RuntimeError
            If pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise RuntimeError("frames need pandas: pip install 'spikehebb[frames]'.") from error
        columns = ["folder", *self.axes, *self.metrics]
        return pd.DataFrame([{"folder": run.folder, **run.at, **run.metrics} for run in self.runs], columns=columns)


def find_runs(folder: str | Path) -> Runs:
    """Return the table of the runs in a folder and its folders, whatever made them.

    Of a sweep the axes are its own. Of any other folder they are the settings, seeds, devices and data in which its
    runs differ. A folder within that of a run is a part of it.

    Parameters
    ----------
    folder : path

    Raises
    ------
    FileNotFoundError
        If it is none.
    ValueError
        If it holds a damaged ``sweep.json``.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}.")
    if (folder / FILE).exists():
        return _of_sweep(folder)
    found, skipped = [], []
    for place in _places(folder):
        report = _report(place)
        name = str(place.relative_to(folder))
        if report is None:
            skipped.append(name)
        else:
            found.append((name, _chosen(report), report["metrics"]))
    axes = _telling([chosen for _, chosen, _ in found])
    runs = tuple(
        Run(folder=name, at=Frozen({axis: chosen.get(axis) for axis in axes}), metrics=Frozen(metrics))
        for name, chosen, metrics in found
    )
    return Runs(runs=_sorted(runs, axes), axes=axes, skipped=tuple(skipped))


def _of_sweep(folder: Path) -> Runs:
    path = folder / FILE
    plan = check(read_json(path, "sweep"), _SWEEP, f"the sweep {path}")
    found, skipped = [], []
    with checked(f"the sweep {path}"):
        for cell in plan["cells"]:
            if Path(cell["folder"]).name != cell["folder"]:
                raise ValueError(f"the sweep {path} has a cell outside of its folder: {printable(cell['folder'])}.")
            report = _report(folder / cell["folder"])
            if report is None:
                skipped.append(cell["folder"])
            else:
                found.append(Run(folder=cell["folder"], at=Frozen(cell["at"]), metrics=Frozen(report["metrics"])))
    axes = tuple(plan["axes"])
    return Runs(runs=_sorted(tuple(found), axes), axes=axes, skipped=tuple(skipped))


def _places(folder: Path) -> Iterator[Path]:
    """Yield the folders with a report, but not those inside of them; links are not followed."""
    if (folder / "run.json").is_file():
        yield folder
        return
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and not inner.is_symlink() and not inner.name.startswith("."):
            yield from _places(inner)


def _report(folder: Path) -> dict[str, Any] | None:
    try:
        return dict(check(read_json(folder / "run.json", "report"), _RUN, "the report"))
    except (OSError, ValueError):
        return None


def _telling(chosen: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the settings that tell runs apart: of those that always differ together, the first one."""
    names = dict.fromkeys([*_FIRST, *(name for settings in chosen for name in settings)])
    axes: list[str] = []
    places: list[tuple[str, ...]] = [()] * len(chosen)
    for name in names:
        finer = [(*place, _key(settings.get(name))) for place, settings in zip(places, chosen, strict=True)]
        if name == _SEED and len({place[-1] for place in finer}) > 1:
            axes.append(name)
        elif name != _SEED and len(set(finer)) > len(set(places)):
            axes.append(name)
            places = finer
    return tuple(axes)


def _chosen(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was chosen of a run, flat: settings without the name of their part, the device, the images."""
    found: dict[str, Any] = {}
    for part in _PARTS:
        found |= _flat(report.get(part), "")
    for name in ("kind", "preset", "device", _SEED):
        if isinstance(report.get(name), (str, int)):
            found.setdefault(name, report[name])
    data = report.get("data")
    for part, images in data.items() if isinstance(data, Mapping) else ():
        for name in ("name", "count"):
            if isinstance(images, Mapping) and isinstance(images.get(name), (str, int)):
                found[f"{part}.{name}"] = images[name]
    return found


def _flat(value: Any, name: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        dot = f"{name}." if name else ""
        return {key: item for inner, part in value.items() for key, item in _flat(part, f"{dot}{inner}").items()}
    return {name: value} if name else {}


def _score(values: Sequence[float], confidence: float) -> Score:
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Score(mean=mean, deviation=None, n=n, low=None, high=None)
    deviation = float(np.std(values, ddof=1))
    reach = float(stdtrit(n - 1, (1 + confidence) / 2)) * deviation / math.sqrt(n)
    return Score(mean=mean, deviation=deviation, n=n, low=mean - reach, high=mean + reach)


def _sorted(runs: tuple[Run, ...], axes: Sequence[str]) -> tuple[Run, ...]:
    return tuple(sorted(runs, key=lambda run: [order(run.at.get(axis)) for axis in axes]))


def order(value: Any) -> tuple[int, float, str]:
    """Return a key that sorts values of an axis: numbers by size, then texts."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, _key(value))


def _key(value: Any) -> str:
    return str(value) if not isinstance(value, str) else repr(value)
