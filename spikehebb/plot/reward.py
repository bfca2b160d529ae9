"""The picture of what is learnt from a reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from spikehebb.plot.save import BLUE, GREY, ORANGE, named

_STYLES = {
    "node perturbation": (BLUE, "-"),
    "node perturbation, no baseline": (BLUE, "--"),
    "node perturbation, no eligibility": (BLUE, ":"),
    "reward x Hebb": (ORANGE, "-"),
    "reward x Hebb, no baseline": (ORANGE, "--"),
}


def rewards(report: Mapping[str, Any]) -> Figure:
    """Draw the mean reward against the trial under every condition.

    Parameters
    ----------
    report : mapping
        Of ``jobs.learn_reward``.
    """
    figure = Figure(figsize=(7.6, 4.4), layout="constrained")
    axis = figure.subplots()
    axis.axhline(report["bound"], color=GREY, lw=0.8, ls="-.", label="perfect weights")
    for name, curve in report["curves"].items():
        colour, line = _STYLES[name]
        axis.plot(report["trials"], curve, color=colour, ls=line, lw=1.4, label=name)
    config = report["config"]
    axis.set(xlabel="trial", ylabel="mean reward")
    axis.set_title(f"reward {config['delay']} steps after the cue, mean of {config['networks']} networks", fontsize=10)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return named(figure)
