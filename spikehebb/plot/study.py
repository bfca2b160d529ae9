"""Pictures of a study of bits: what a chip's numbers cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, ScalarFormatter

from spikehebb.plot.save import BLUE, GREY, ORANGE, lettered, named, panels, styled
from spikehebb.reading import printable

_LINES = {
    ("after training", "nearest"): (BLUE, "o", "-", "after training, round to nearest"),
    ("after training", "stochastic"): (BLUE, "s", ":", "after training, stochastic rounding"),
    ("after training", ""): (BLUE, "o", "-", "after training"),
    ("learning", ""): (ORANGE, "s", "-", "learning"),
    ("learning", "stochastic"): (ORANGE, "s", "-", "learning, stochastic rounding"),
    ("learning", "nearest"): (ORANGE, "o", ":", "learning, round to nearest"),
}
_LEAST = 0.01  # per cent: a logarithmic scale has no 0
_PANELS = {
    "weight bits": "bits of a weight",
    "trace bits": "bits of a trace",
    "neuron spread": "spread of the neurons' gains (%)",
    "synapse spread": "spread of the synapses (%)",
    "dropped synapses": "synapses that are broken (%)",
}


@styled
def study(report: Mapping[str, Any], *, ax: Axes | None = None) -> Figure:
    """Draw the errors against each limit, on a logarithmic scale, on which 9.0 and 9.6 % are apart.

    Parameters
    ----------
    report : mapping
        As ``study_bits`` returns it.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    names = [name for name in _PANELS if any(point["curve"] == name for point in report["points"])]
    figure, drawn = panels(ax, (1,) * len(names), size=(max(2.4 * len(names), 5.2), 3.4), sharey=True)
    for axes, name in zip(drawn, names, strict=True):
        _panel(axes, name, report)
    drawn[0].set_ylabel("test images missed (%)")
    lettered(drawn)
    lines = {label: line for axes in drawn for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if ax is None:
        figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3)
    else:
        drawn[0].legend(lines.values(), lines.keys())
    train, test = report["data"]["train"], report["data"]["test"]
    title = (
        f"{report['config']['neurons']} neurons, {train['count']:,} training and {test['count']:,} test images of "
        f"{printable(test['name'].split('/')[0])}; chip: {report['target']}"
    )
    if ax is None:
        figure.suptitle(title)
    else:
        ax.set_title(title)
    return named(figure)


def _panel(axes: Axes, name: str, report: Mapping[str, Any]) -> None:
    bits = name.endswith("bits")
    points = [point for point in report["points"] if point["curve"] == name]
    for (when, rounding), (color, marker, line, label) in _LINES.items():
        curve = [point for point in points if (point["when"], point["rounding"]) == (when, rounding)]
        if curve:
            across = [point["value"] * (1 if bits else 100) for point in curve]
            heights = [_missed(point["accuracy_vote"]) for point in curve]
            axes.plot(across, heights, color=color, marker=marker, linestyle=line, label=label, markersize=4)
    axes.axhline(_missed(report["baseline"]["accuracy_vote"]), color=GREY, linestyle="--", label="without limits")
    axes.set_xlabel(_PANELS[name])
    axes.set_yscale("log")
    for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        ticks(ScalarFormatter())
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.grid(axis="y", which="both", color="0.92")
    if bits:
        values = sorted({int(point["value"]) for point in points})
        axes.set_xticks(values)
        axes.invert_xaxis()


def _missed(accuracy: float) -> float:
    return max(100 * (1 - accuracy), _LEAST)
