"""A SoftHebb network against one of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from spikehebb.plot.save import BLUE, GREY, ORANGE, named

_COLOURS = (ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def sweep(report: Mapping[str, Any], published: float | None = None) -> Figure:
    """Draw accuracy, with its standard deviation over seeds, and the share of units of norm 1 against a setting.

    Parameters
    ----------
    report : mapping
        From ``jobs.sweep_softhebb``.
    published : float, optional
        Accuracy in % to compare with.
    """
    points = report["points"]
    values = [point["value"] for point in points]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    x = values if numeric else np.arange(len(values))
    order = np.argsort(x)
    x, points = np.asarray(x)[order], [points[at] for at in order]
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    spread = [100 * (point["sd"] or 0.0) for point in points]
    style = "o-" if numeric else "o"
    above.errorbar(x, [100 * point["accuracy"] for point in points], spread, fmt=style, color=BLUE, capsize=3)
    if published is not None:
        above.axhline(published, color=GREY, ls="--", lw=1, label=f"published: {published:g} %")
        above.legend(frameon=False, fontsize=8)
    seeds = len(points[0]["seeds"])
    about = f"{seeds} seeds: mean and standard deviation" if seeds > 1 else "one seed"
    above.set(ylabel="accuracy on test images (%)", title=f"{report['preset']}, {report['images']} images, {about}")
    for number in range(len(points[0]["layers"])):
        r1 = [100 * point["layers"][number]["r1"] for point in points]
        below.plot(x, r1, style, color=_COLOURS[number % len(_COLOURS)], label=f"layer {number + 1}")
    below.set(xlabel=report["over"], ylabel="units of norm 1 (%)")
    if len(points[0]["layers"]) > 1:
        below.legend(frameon=False, fontsize=8)
    if not numeric:
        below.set_xticks(x, [str(point["value"]) for point in points])
    elif min(x) > 0 and max(x) > 10 * min(x):
        below.set_xscale("log")
    for axis in (above, below):
        axis.spines[["top", "right"]].set_visible(False)
    above.title.set_fontsize(10)
    return named(figure)
