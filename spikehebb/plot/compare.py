"""Pictures of several networks side by side on a chip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from spikehebb.plot.save import BLUE, ORANGE, named
from spikehebb.reading import printable

_PANELS = {
    "accuracy": ("test images recognized (%)", 100, False),
    "agreement": ("same answer as the first (%)", 100, False),
    "effective_operations": ("synaptic operations per image", 1, True),
    "joule": ("energy per image (uJ), an order of magnitude", 1e6, True),
    "footprint_bytes": ("footprint (kB)", 1e-3, True),
    "latency_ms": ("latency (ms)", 1, False),
}


def comparison(report: Mapping[str, Any]) -> Figure:
    """Draw what several networks reach and cost on a chip, each as a bar.

    Parameters
    ----------
    report : mapping
        As ``jobs.compare`` returns it.
    """
    rows = report["rows"]
    names = [printable(row["network"], 24) for row in rows]
    figure = Figure(figsize=(11, 2.4 + 0.7 * len(rows)), layout="constrained")
    panels = figure.subplots(2, 3, sharey=True).ravel()
    places = np.arange(len(rows))[::-1]
    for axes, (name, (label, factor, wide)) in zip(panels, _PANELS.items(), strict=True):
        values = [row[name] for row in rows]
        lengths = [0.0 if value is None else factor * value for value in values]
        axes.barh(places, lengths, color=[BLUE, *[ORANGE] * (len(rows) - 1)])
        for place, row, length in zip(places, rows, lengths, strict=True):
            partly = name == "joule" and row["energy_without"]  # of something that its table has no price for
            told = "not counted" if row[name] is None else f"{length:.4g}{', at least' if partly else ''}"
            axes.text(length, place, f" {told}", va="center", fontsize=8)
        axes.set_yticks(places, names)
        axes.set_xlabel(label)
        if wide and min(lengths) > 0 and max(lengths) > 20 * min(lengths):
            axes.set_xscale("log")
        axes.margins(x=0.25)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    test = report["data"]["test"]
    figure.suptitle(
        f"{test['count']:,} test images of {printable(test['name'].split('/')[0])}; chip: {report['target']}"
    )
    return named(figure)
