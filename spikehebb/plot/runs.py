"""Pictures of many runs: a metric along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from spikehebb.equations import did_you_mean
from spikehebb.jobs.runs import CONFIDENCE, Group, Runs, order
from spikehebb.plot.save import named
from spikehebb.reading import printable

_LINES = 12  # in one picture; of more, those are left out that come last
_LETTERS = 40
_MARKERS = "os^Dv<>Phx*d"


def runs_along(runs: Runs, axis: str, metric: str | None = None, *, confidence: float = CONFIDENCE) -> Figure:
    """Draw a metric along an axis: a line for each place on the others, the mean over seeds and its interval.

    Parameters
    ----------
    runs : Runs
    axis : str
        One of ``runs.axes``.
    metric : str, optional
        The first one, an accuracy where there is one, when left out.
    confidence : float

    Raises
    ------
    ValueError
        If runs do not differ in that, or lack the metric.
    """
    axes = [name for name in runs.axes if runs.varies(name)]
    if axis not in axes:
        raise ValueError(
            f"the runs do not differ in {axis!r}.{did_you_mean(axis, axes)} "
            f"They differ in {', '.join(axes) or 'nothing'}."
        )
    metric = runs.metric(metric)
    lines: dict[tuple[Any, ...], list[Group]] = {}
    for group in runs.groups(confidence=confidence):
        if metric in group.scores:
            lines.setdefault(tuple(str(group.at[name]) for name in axes if name != axis), []).append(group)
    values = sorted({group.at[axis] for line in lines.values() for group in line}, key=order)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    place = {str(value): float(value) if numbers else number for number, value in enumerate(values)}
    percent = 100 if metric.startswith("accuracy") else 1
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    drawn = figure.subplots()
    colours = colormaps["viridis"](np.linspace(0, 0.88, max(1, min(len(lines), _LINES))))
    for number, (name, line) in enumerate(list(lines.items())[:_LINES]):
        line = sorted(line, key=lambda group: place[str(group.at[axis])])
        scores = [group.scores[metric] for group in line]
        reach = [0.0 if score.high is None else score.high - score.mean for score in scores]
        drawn.errorbar(
            [place[str(group.at[axis])] for group in line],
            [percent * score.mean for score in scores],
            yerr=[percent * r for r in reach] if any(reach) else None,
            fmt=f"{_MARKERS[number % len(_MARKERS)]}{'-' if numbers else ''}",
            color=colours[number],
            capsize=3,
            lw=1.2,
            ms=5,
            label=printable(", ".join(name), _LETTERS) or None,
        )
    seeds = sorted({group.scores[metric].n for line in lines.values() for group in line})
    _axes(drawn, place, values, numbers=numbers)
    drawn.set(
        xlabel=printable(axis, _LETTERS), ylabel=f"{printable(metric, _LETTERS)}{' (%)' if percent == 100 else ''}"
    )
    if percent == 100:  # an interval of few seeds may reach beyond what an accuracy can be
        low, high = drawn.get_ylim()
        drawn.set_ylim(max(low, -2), min(high, 102))
    counted = f"n = {seeds[0]}" if len(seeds) == 1 else f"n = {seeds[0]} to {seeds[-1]}"
    of = f", {100 * confidence:g} % interval of the mean" if seeds[-1] > 1 else ""
    more = f"; {_LINES} of {len(lines)} lines" if len(lines) > _LINES else ""
    drawn.set_title(f"Mean over seeds, {counted}{of}{more}", fontsize=10)
    if any(lines):
        drawn.legend(frameon=False, fontsize=8, title=printable(", ".join(name for name in axes if name != axis)))
    return named(figure)


def _axes(drawn: Any, place: dict[str, float], values: Sequence[Any], *, numbers: bool) -> None:
    """Label the places of values; numbers that reach over decades are drawn on a logarithmic axis."""
    if numbers:
        if min(values) > 0 and max(values) / min(values) > 30:
            drawn.set_xscale("log")
            drawn.minorticks_off()
        if len(values) <= _LINES:
            drawn.set_xticks([float(value) for value in values], [f"{value:g}" for value in values])
    else:
        long = max(len(str(value)) for value in values) > 10
        drawn.set_xticks(list(place.values()), [printable(value, _LETTERS) for value in values], rotation=20 * long)
        drawn.set_xlim(-0.4, len(values) - 0.6)
    drawn.grid(axis="y", color="0.92")
    drawn.spines[["top", "right"]].set_visible(False)
