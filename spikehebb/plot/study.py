"""Pictures of a study of bits: what a chip's numbers cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb.plot.save import BLUE, GREY, ORANGE, named
from spikehebb.reading import printable

_LINES = {
    ("after training", "nearest"): (BLUE, "o", "-", "after training, round to nearest"),
    ("after training", "stochastic"): (BLUE, "s", ":", "after training, stochastic rounding"),
    ("after training", ""): (BLUE, "o", "-", "after training"),
    ("learning", ""): (ORANGE, "s", "-", "learning"),
    ("learning", "stochastic"): (ORANGE, "s", "-", "learning, stochastic rounding"),
    ("learning", "nearest"): (ORANGE, "o", ":", "learning, round to nearest"),
}
_PANELS = {
    "weight bits": "bits of a weight",
    "trace bits": "bits of a trace",
    "neuron spread": "spread of the neurons' gains (%)",
    "synapse spread": "spread of the synapses (%)",
    "dropped synapses": "synapses that are broken (%)",
}


def study(report: Mapping[str, Any]) -> Figure:
    """Draw accuracy against each limit.

    Parameters
    ----------
    report : mapping
        As ``study_bits`` returns it.
    """
    panels = [name for name in _PANELS if any(point["curve"] == name for point in report["points"])]
    figure = Figure(figsize=(max(3.6 * len(panels), 6.5), 4.0), layout="constrained")
    drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, name in zip(drawn, panels, strict=True):
        _panel(axes, name, report)
    drawn[0].set_ylabel("test images recognized (%)")
    lines = {label: line for axes in drawn for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    train, test = report["data"]["train"], report["data"]["test"]
    figure.suptitle(
        f"{report['config']['neurons']} neurons, {train['count']:,} training and {test['count']:,} test images of "
        f"{printable(test['name'].split('/')[0])}; chip: {report['target']}"
    )
    return named(figure)


def _panel(axes: Axes, name: str, report: Mapping[str, Any]) -> None:
    bits = name.endswith("bits")
    points = [point for point in report["points"] if point["curve"] == name]
    for (when, rounding), (color, marker, line, label) in _LINES.items():
        curve = [point for point in points if (point["when"], point["rounding"]) == (when, rounding)]
        if curve:
            across = [point["value"] * (1 if bits else 100) for point in curve]
            heights = [100 * point["accuracy_vote"] for point in curve]
            axes.plot(across, heights, color=color, marker=marker, linestyle=line, label=label, markersize=4)
    axes.axhline(100 * report["baseline"]["accuracy_vote"], color=GREY, linestyle="--", label="without limits")
    axes.set_xlabel(_PANELS[name])
    axes.set_ylim(0, 100)
    axes.grid(axis="y", color="0.92")
    if bits:
        values = sorted({int(point["value"]) for point in points})
        axes.set_xticks(values)
        axes.invert_xaxis()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
