"""Runs of networks that learn images: of one, or of several as replicas in one simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb import metrics
from spikehebb.core import Int, Samples, display
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.digit_state import LABELLED, State
from spikehebb.jobs.fronts import Columns
from spikehebb.jobs.learned import LearnedNetwork

KIND = "digits side by side"
_EQUAL = (
    "neurons",
    "epochs",
    "presentation_ms",
    "dt_ms",
    "circuit",
    "rule",
    "parameters",
    "least_spikes",
    "target",
    "rounding",
    "epoch_ms",
    "dropped",
    "front",
)
_SCORES = ("accuracy_vote", "accuracy_soft_vote", "accuracy_linear")


@dataclass(frozen=True, kw_only=True)
class DigitRun:
    """What ``learn_digits`` returns for one network.

    Parameters
    ----------
    report : mapping
        What ``run.json`` holds.
    network : LearnedNetwork
        The trained network.
    """

    report: Mapping[str, Any]
    network: LearnedNetwork

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame
    save = display.save

    def rows(self) -> list[dict[str, Any]]:
        """Return the learning curve: accuracy on the training images, as they are learned."""
        return [dict(point) for point in self.report["learning_curve"]]


@dataclass(frozen=True, kw_only=True)
class DigitRuns:
    """What ``learn_digits`` returns for several networks.

    Parameters
    ----------
    runs : tuple of DigitRun
        One for each of the settings.
    folders : tuple of str
        Their names below ``out``: ``seed-K`` where only seeds differ, else ``network-K``.
    summary : mapping
        What ``summary.json`` holds: accuracies of each network, their mean and standard deviation over networks; of
        windows also ``together``, the votes of the neurons of all of them.
    """

    runs: tuple[DigitRun, ...]
    folders: tuple[str, ...]
    summary: Mapping[str, Any]

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame

    @property
    def report(self) -> Mapping[str, Any]:
        """The summary, by the name that the report of every run has."""
        return self.summary

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each network: its folder, seed and accuracies."""
        return [
            {"folder": each["folder"], "seed": each["config"]["seed"], **each["metrics"]}
            for each in self.summary["networks"]
        ]


def check_replicas(settings: Sequence[Settings]) -> None:
    """Raise ``ValueError`` unless networks of these settings can learn as replicas."""
    if not settings:
        raise ValueError("no settings: give one for each network that learns.")
    configs = [each.config() for each in settings]
    for config in configs:
        config["front"] = {**config.get("front", {}), "corner": 0}  # what may differ
    for name in _EQUAL:
        values = list(dict.fromkeys(str(config.get(name)) for config in configs))
        if len(values) > 1:
            raise ValueError(
                f"replicas must have the same {name}, got {', '.join(values)}; run these settings one after another."
            )
    if isinstance(settings[0].front, Columns) and len({each.seed for each in settings}) > 1:
        raise ValueError(
            "networks that learn side by side hear the same columns, and every seed would have columns of its own; "
            "run these seeds one after another."
        )
    if settings[0].least_spikes:
        raise ValueError(
            f"circuit {settings[0].learner.name} is shown images again when it fires too little, which replicas cannot "
            "be one by one; run these settings one after another, or set least_spikes to 0."
        )
    if settings[0].dropped and len({each.seed for each in settings}) > 1:
        raise ValueError(
            f"dropped is {settings[0].dropped:g}, and every seed breaks other synapses, but replicas have the same; "
            "run these seeds one after another."
        )


def folders_of(settings: Sequence[Settings]) -> tuple[str, ...]:
    """Return the folder of each replica: ``seed-K`` where only seeds differ, else ``network-K``."""
    seeds = [each.seed for each in settings]
    first = {**settings[0].config(), "seed": 0}
    corners = [each.place for each in settings]
    if all(corners) and len(set(corners)) == len(corners):
        return tuple(f"window-{corner}" for (corner,) in corners)
    alike = all({**each.config(), "seed": 0} == first for each in settings)
    if alike and len(set(seeds)) == len(seeds):
        return tuple(f"seed-{seed}" for seed in seeds)
    return tuple(f"network-{number}" for number in range(len(settings)))


def report_on(
    network: LearnedNetwork,
    state: State,
    layers: Sequence[metrics.Learned],
    train: Samples,
    test: Samples,
    scores: Mapping[str, Any],
    predicted: Int,
) -> dict[str, Any]:
    """Return what ``run.json`` says of a network that has learned, with its scores and the classes it predicted."""
    total = network.settings.epochs * len(train)
    judged = metrics.health(layers, accuracy=scores["accuracy_vote"], labels=np.asarray(test.labels))
    more = {
        "ms_per_image_train": 1000 * state.seconds / total,
        "input_spikes_per_image": float(state.spikes[0]) / total,
        "output_spikes_per_image": float(state.spikes[1]) / total,
        "dead_neurons": next(layer["silent"] for layer in judged["layers"] if "silent" in layer),
    }
    return {
        **network.header,
        "labelled_from": min(LABELLED, len(train)),
        "size": network.size(),
        "metrics": {**scores, **more},
        "confusion": metrics.confusion(predicted, np.asarray(test.labels), len(train.classes)).tolist(),
        "learning_curve": [{"images_seen": int(seen), "accuracy": float(right)} for seen, right in state.curve],
        "health": judged,
    }


def summary(reports: Sequence[Mapping[str, Any]], folders: Sequence[str]) -> dict[str, Any]:
    """Return what ``summary.json`` holds."""
    scores = {name: [float(report["metrics"][name]) for report in reports] for name in _SCORES}
    joined = {"together": reports[0]["together"]} if "together" in reports[0] else {}
    return {
        "kind": KIND,
        **{name: reports[0][name] for name in ("device", "versions", "image_shape", "data")},
        **joined,
        "networks": [
            {
                "folder": folder,
                "config": report["config"],
                "metrics": {name: report["metrics"][name] for name in _SCORES},
                "warnings": list(report.get("health", {}).get("warnings", ())),  # version 0.1 had none
            }
            for folder, report in zip(folders, reports, strict=True)
        ],
        "mean": {name: float(np.mean(values)) for name, values in scores.items()},
        "standard_deviation": {
            name: float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for name, values in scores.items()
        },
        "ms_per_image_train": sum(float(report["metrics"]["ms_per_image_train"]) for report in reports) / len(reports),
    }
