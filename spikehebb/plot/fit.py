"""Pictures of a fit: measurements, and the window under them."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, mV, volt
from brian2.units import get_dimensions
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb.datasets.measurements import Measurements
from spikehebb.equations import DIMENSIONLESS, TIME
from spikehebb.jobs.fit import Estimate, Fit, FitError
from spikehebb.jobs.stdp_windows import Window
from spikehebb.plot.save import BLUE, GREY, ORANGE, named
from spikehebb.reading import printable

_ROW = 0.22  # inches
_UNITS = {TIME: (ms, " ms"), volt.dim: (mV, " mV"), Hz.dim: (Hz, " Hz"), DIMENSIONLESS: (1, "")}
_LABELS = {"lag_ms": "lag $t_{post} - t_{pre}$ (ms)", "frequency_hz": "frequency of the pairings (Hz)"}


def fitted_window(fit: Fit) -> Figure:
    """Draw the measurements, the fitted window, the window at the start, and a table of the parameters.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    Figure
        Changes in percent of the weight at the start.

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
    table = [("", "value", f"{100 * fit.confidence:g} % interval")]
    table += [(name, *_cells(estimate)) for name, estimate in fit.parameters.items()]
    summary = _summary(fit)
    rows = 5 + len(table) + summary.count("\n")  # three curves and two gaps
    height = max(4.4, _ROW * rows + 1)
    line = _ROW / (0.77 * height)
    figure = Figure(figsize=(9.4, height))
    axis, side = figure.add_axes((0.08, 0.13, 0.55, 0.77)), figure.add_axes((0.66, 0.13, 0.33, 0.77))
    _curve(axis, fit.start_curve, color=GREY, ls="--", lw=1, label="start")
    _curve(axis, fit.curve, color=BLUE, lw=1.6, label="fitted")
    data_under_window(axis, fit.data)
    axis.set_title(textwrap.fill(f"{printable(fit.rule)} fitted to {printable(fit.data.name)}", 60), fontsize=11)
    side.set_axis_off()
    handles, names = axis.get_legend_handles_labels()
    side.legend(handles, names, frameon=False, loc="upper left", borderaxespad=0, fontsize=9)
    place = 1 - line * ("\n".join(names).count("\n") + 2)
    for row in table:
        for column, cell in zip((0, 0.3, 0.58), row, strict=True):
            side.text(column, place, cell, va="top", fontsize=9, color="black" if row[0] else GREY)
        place -= line
    side.text(0, place - line / 2, summary, va="top", fontsize=8, color=GREY)
    return named(figure)


def failed_fit(error: FitError) -> Figure:
    """Draw the measurements of a failed fit, with the reason."""
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axis = figure.subplots()
    data_under_window(axis, error.data)
    axis.legend(frameon=False, fontsize=8)
    axis.set_title(textwrap.fill(printable(error, 600), 84), fontsize=9, loc="left")
    return named(figure)


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
    name = textwrap.fill(printable(data.name) + ("" if data.error is None else ", ± standard error"), 40)
    axis.axhline(0, color=GREY, lw=0.8, zorder=0)
    if data.variable == "lag_ms":
        axis.axvline(0, color=GREY, lw=0.8, ls=":", zorder=0)
    axis.errorbar(
        data.x, 100 * data.change, error, fmt="o", color=colour, ms=4.5, elinewidth=1, capsize=2, label=name, zorder=3
    )
    axis.set(xlabel=_LABELS[data.variable], ylabel="change of weight (% of start)")
    axis.spines[["top", "right"]].set_visible(False)


def _curve(axis: Axes, window: Window, *, label: str, **style: Any) -> None:
    """Draw a window in two pieces, because it jumps at a lag of 0."""
    lags, percent = np.asarray(window.lags / ms), 100 * window.dw / window.w0
    for piece, name in ((lags < 0, label), (lags > 0, None)):
        axis.plot(lags[piece], percent[piece], label=name, **style)


def _cells(estimate: Estimate) -> tuple[str, str]:
    """Return the value and the interval, with as many digits as the interval deserves."""
    dim = get_dimensions(estimate.value)
    unit, name = _UNITS.get(dim, (Quantity(1, dim=dim), " SI"))
    value, low, high = (float(number / unit) for number in (estimate.value, estimate.low, estimate.high))
    width, size = (high - low) / 2, max(abs(low), abs(high))
    if not 1e-3 <= size < 1e5 or width < 1e-6:
        return f"{value:.3g}{name}", f"{low:.3g} to {high:.3g}"
    digits = int(max(1 - np.floor(np.log10(width)), 0))
    return f"{value:.{digits}f}{name}", f"{low:.{digits}f} to {high:.{digits}f}"


def _summary(fit: Fit) -> str:
    curve = fit.curve
    quality = f"χ² = {fit.chi2:.3g}" if fit.data.error is not None else f"sum of squares = {fit.chi2:.3g}"
    lines = [
        quality,
        f"{fit.points} points, {fit.degrees} degrees of freedom",
        f"{curve.repeats} pairings at {curve.frequency / Hz:g} Hz, w0 = {curve.w0:g}",
        *([f"without influence at these lags, kept: {', '.join(fit.unused)}"] if fit.unused else []),
        *fit.warnings,
    ]
    return "\n".join(textwrap.fill(line, 48) for line in lines)
