"""Pictures of associated patterns: errors by pattern, what is forgotten, errors by learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from spikehebb.plot.save import BLUE, GREY, ORANGE, named

_COLOURS = {"hebbian": BLUE, "gradient": ORANGE, "covariance": "#3a8f5c", "hebb": GREY}
_NAMES = {"hebbian": "Hebbian descent", "gradient": "gradient descent", "covariance": "covariance", "hebb": "Hebb"}
_BINS = 25


def association(report: Mapping[str, Any]) -> Figure:
    """Draw the error of each pattern, the error against a pattern's age, and the mean error against the learning rate.

    Parameters
    ----------
    report : mapping
        Of ``jobs.associate``.
    """
    config, curves = report["config"], any(each["forgetting"] for each in report["rules"].values())
    figure = Figure(figsize=(12 if curves else 8.4, 4.2), layout="constrained")
    axes = list(figure.subplots(1, 3 if curves else 2))
    by_pattern, by_eta = axes[0], axes[-1]
    for rule, each in report["rules"].items():
        style = {"color": _COLOURS[rule], "label": f"{_NAMES[rule]} (η = {each['eta']:g})", "lw": 1.4}
        errors = np.asarray(each["errors"])
        parts = np.array_split(np.arange(len(errors)), min(_BINS, len(errors)))
        by_pattern.plot([part.mean() + 1 for part in parts], [errors[part].mean() for part in parts], **style)
        if each["forgetting"]:
            axes[1].plot(*zip(*each["forgetting"], strict=True), ".-", **style)
        found = [(eta, mean) for eta, mean in zip(config["etas"], each["by_eta"], strict=True) if mean is not None]
        by_eta.plot(*zip(*found, strict=True), ".-", **style)
    sets = len(report["sets"]) - report["tests"]
    passes = "one pass" if config["passes"] == 1 else f"{config['passes']} passes"
    by_pattern.set(xlabel="pattern, in the order of learning", ylabel="mean |h - target| after learning")
    by_pattern.set_title(f"{report['sets'][0]['name']}, {config['unit']} units, {passes}", fontsize=10)
    figure.legend(
        *by_pattern.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9
    )
    if curves:
        axes[1].set(xlabel="patterns learnt since", ylabel="mean |h - target| while learning")
        axes[1].set_title("forgetting", fontsize=10)
    by_eta.set(xlabel="learning rate $\\eta$", ylabel="mean error of all patterns", xscale="log")
    by_eta.set_title(f"mean over {sets} sets of patterns" if sets > 1 else "one set of patterns", fontsize=10)
    for axis in axes:
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    return named(figure)
