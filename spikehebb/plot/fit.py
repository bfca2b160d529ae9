"""Pictures of a fit: measurements, and the window under them."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from brian2 import Hz
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb.core import Float
from spikehebb.datasets.measurements import TRIPLETS, Measurements
from spikehebb.jobs.fit_problem import FitError
from spikehebb.jobs.fitted import Fit
from spikehebb.plot.save import BLUE, GREY, ORANGE, canvas, lettered, named, styled
from spikehebb.reading import printable

_ROW = 0.22  # inches
_LABELS = {
    "lag_ms": "lag $t_{post} - t_{pre}$ (ms)",
    "frequency_hz": "frequency of the pairings (Hz)",
    "pre_post_pre_ms": "intervals pre-post, post-pre (ms)",
    "post_pre_post_ms": "intervals post-pre, pre-post (ms)",
    "quadruplet_ms": "interval between the pairings (ms)",
    "spikes": "pattern",
}
_THROUGH_0 = ("lag_ms", "quadruplet_ms")
_BY_POINT = (*TRIPLETS, "spikes")


@styled
def fitted_window(fit: Fit, *, ax: Axes | None = None) -> Figure:
    """Draw the measurements of each data set, what the fitted rule and that at the start make of them, and a table.

    Parameters
    ----------
    fit : Fit
    ax : Axes, optional
        Where to draw the first data set and its curves, without the table; a figure of its own when left out.

    Returns
    -------
    Figure
        Changes in percent of the weight at the start; one panel for each data set.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.devices import NUMPY
    >>> from spikehebb.jobs.fit import fit
    >>> from spikehebb.rules import stdp_pair
    >>> data = Measurements(name="made up", x=[5, 10, 20], change=[0.011, 0.009, 0.005])
    >>> result = fit(stdp_pair, data, free=["A_plus"], repeats=1, device=NUMPY, dt=1 * ms)
    >>> fitted_window(result).axes[0].get_ylabel()
    'change of weight (% of start)'
    """
    if ax is not None:
        figure, axis = canvas(ax)
        _data_set(axis, fit, 0)
        axis.set_title(printable(f"{fit.rule} fitted to {fit.data[0].name}"))
        axis.legend()
        return named(figure)
    table = [("", "value", f"{100 * fit.confidence:g} % interval")]
    table += [(name, *estimate.rounded()) for name, estimate in fit.parameters.items()]
    summary = _summary(fit)
    rows = 5 + len(table) + summary.count("\n")  # three curves and two gaps
    down = (len(fit.data) + 1) // 2
    height = max(4.4, 3.0 * down, _ROW * rows + 1)
    line = _ROW / (0.77 * height)
    figure = Figure(figsize=(9.4 if len(fit.data) == 1 else 13, height))
    wide = 0.55 if len(fit.data) == 1 else 0.68
    panels = figure.add_gridspec(
        down, min(len(fit.data), 2), left=0.08, right=0.08 + wide, bottom=0.13, top=0.9, hspace=0.55, wspace=0.28
    )
    for place, data in enumerate(fit.data):
        axis = figure.add_subplot(panels[place // 2, place % 2])
        _data_set(axis, fit, place)
        if len(fit.data) > 1:
            axis.set_title(printable(data.name))
    axes = figure.axes
    what = fit.data[0].name if len(fit.data) == 1 else f"{len(fit.data)} data sets"
    lettered(axes)
    figure.suptitle(
        textwrap.fill(f"{printable(fit.rule)} fitted to {printable(what)}", 60),
        x=0.08 + wide / 2,
        fontsize=11,
    )
    side = figure.add_axes((0.11 + wide, 0.13, 0.88 - wide, 0.77))
    side.set_axis_off()
    handles, names = axes[0].get_legend_handles_labels()
    if len(fit.data) > 1:
        names[-1] = "measured" + ("" if fit.data[0].error is None else ", ± standard error")
    side.legend(handles, names, frameon=False, loc="upper left", borderaxespad=0, fontsize=9)
    top = 1 - line * ("\n".join(names).count("\n") + 2)
    for row in table:
        for column, cell in zip((0, 0.3, 0.58), row, strict=True):
            side.text(column, top, cell, va="top", fontsize=9, color="black" if row[0] else GREY)
        top -= line
    side.text(0, top - line / 2, summary, va="top", fontsize=8, color=GREY)
    return named(figure)


def _data_set(axis: Axes, fit: Fit, place: int) -> None:
    data, curve = fit.data[place], fit.curves[place]
    for values, label, style in (
        (curve.start, "start", {"color": GREY, "ls": "--", "lw": 1}),
        (curve.fitted, "fitted", {"color": BLUE, "lw": 1.6}),
    ):
        _curve(axis, data, curve.x, 100 * values, label, style)
    data_under_window(axis, data)


@styled
def failed_fit(error: FitError) -> Figure:
    """Draw the measurements of a failed fit, with the reason."""
    figure = Figure(figsize=(6.4, 1.6 + 3.2 * len(error.data)), layout="constrained")
    for axis, data in zip(np.ravel(figure.subplots(len(error.data))), error.data, strict=True):
        data_under_window(axis, data)
        axis.legend(frameon=False, fontsize=8)
    figure.axes[0].set_title(textwrap.fill(printable(error, 600), 84), fontsize=9, loc="left")
    return named(figure)


@styled
def data_under_window(axis: Axes, data: Measurements, *, colour: str = ORANGE) -> None:
    """Draw measurements with their errors, in percent, and label the axes.

    Parameters
    ----------
    axis : Axes
        What it shows already stays.
    data : Measurements
    colour : str

    Examples
    --------
    >>> from spikehebb.datasets.measurements import PUBLISHED
    >>> axis = Figure().subplots()
    >>> data_under_window(axis, PUBLISHED["sjostrom2001_plus10"])
    >>> axis.get_xlabel()
    'frequency of the pairings (Hz)'
    """
    error = None if data.error is None else 100 * data.error
    count = f"n = {len(data)} points" + ("" if data.error is None else ", ± standard error")
    name = textwrap.fill(f"{printable(data.name)} ({count})", 40)
    axis.axhline(0, color=GREY, lw=0.8, zorder=0)
    places = data.x if data.variable not in _BY_POINT else np.arange(1, len(data) + 1)
    if data.variable in _THROUGH_0:
        axis.axvline(0, color=GREY, lw=0.8, ls=":", zorder=0)
    if data.variable in TRIPLETS:
        axis.set_xticks(places, [f"{one:g}, {two:g}" for one, two in data.x])
    axis.errorbar(
        places, 100 * data.change, error, fmt="o", color=colour, ms=4.5, elinewidth=1, capsize=2, label=name, zorder=3
    )
    axis.set(xlabel=_LABELS[data.variable], ylabel="change of weight (% of start)")


def _curve(axis: Axes, data: Measurements, x: Float, percent: Float, label: str, style: dict[str, Any]) -> None:
    """Draw a curve, in two pieces where it jumps at 0, or the single points."""
    if data.variable in _BY_POINT:
        marker = {"marker": "_", "ms": 16, "mew": style["lw"] + 0.4, "ls": "", "color": style["color"]}
        axis.plot(np.arange(1, len(percent) + 1), percent, label=label, **marker)
        return
    order = np.argsort(x)
    pieces = [order[x[order] < 0], order[x[order] > 0]] if data.variable in _THROUGH_0 else [order]
    for piece in pieces:
        axis.plot(x[piece], percent[piece], label=label, **style)
        label = "_"


def _summary(fit: Fit) -> str:
    weighted = fit.data[0].error is not None
    quality = f"χ² = {fit.chi2:.3g}" if weighted else f"sum of squares = {fit.chi2:.3g}"
    default = any(
        each.repeats is None or (each.frequency is None and each.variable != "frequency_hz") for each in fit.data
    )
    lines = [
        quality,
        f"{fit.points} points, {fit.degrees} degrees of freedom",
        *(
            [f"{fit.repeats} pairings at {fit.frequency / Hz:g} Hz, w0 = {fit.w0:g}"]
            if default
            else [f"w0 = {fit.w0:g}"]
        ),
        *([f"mean of {fit.trials} trials at each point"] if fit.trials > 1 else []),
        *([f"without influence at these lags, kept: {', '.join(fit.unused)}"] if fit.unused else []),
        *fit.warnings,
    ]
    return "\n".join(textwrap.fill(line, 48) for line in lines)
