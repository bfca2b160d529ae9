"""Pictures of what a rule does: windows, frequency dependence, replays, and a sheet of all windows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from brian2 import Hz, Quantity, ms, second
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb.core import PlasticityRule
from spikehebb.datasets.measurements import Measurements
from spikehebb.jobs import FrequencyResponse, Replay, Window
from spikehebb.plot.fit import data_under_window
from spikehebb.plot.save import BLUE, GREY, ORANGE, named
from spikehebb.reading import printable

LAG = "lag $t_{post} - t_{pre}$ (ms)"


def stdp_window(window: Window, rule: PlasticityRule, data: Sequence[Measurements] = ()) -> Figure:
    """Draw the change of the weight against the lag.

    Parameters
    ----------
    window : Window
    rule : PlasticityRule
    data : sequence of Measurements
        Measured changes to draw beside it; the change is then in percent of the weight at the start.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    scale = 100 / window.w0 if data else 1.0
    _window(axis, window, scale)
    pairs = "one pair" if window.repeats == 1 else f"{window.repeats} pairs at {window.frequency / Hz:g} Hz"
    change = f"change of weight $\\Delta w$ ({pairs}, from {window.w0:g})"
    for measured, colour in zip(data, ["black", *(f"C{n}" for n in range(2, 10))], strict=False):
        data_under_window(axis, measured, colour=colour)
    if data:
        axis.legend(frameon=False, fontsize=8, loc="lower right")
    axis.set(xlabel=LAG, ylabel=f"change of weight (% of start; {pairs})" if data else change)
    axis.set_title(textwrap.fill(printable(f"{rule.name}: {rule.summary}", 300), 72), fontsize=10)
    axis.text(0.98, 0.95, "causal: pre before post →", transform=axis.transAxes, ha="right", color=GREY, fontsize=8)
    return named(figure)


def gallery(windows: Sequence[Window]) -> Figure:
    """Draw many windows on one sheet, each in its own units of change."""
    columns = min(5, len(windows))
    rows = -(-len(windows) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.3 * rows + 0.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis, window in zip(axes, windows, strict=False):
        _window(axis, window, 1.0, size=2)
        axis.set_title(printable(window.rule, 40), fontsize=9)
        axis.tick_params(labelsize=7)
        axis.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2), useMathText=True)
        axis.yaxis.get_offset_text().set_fontsize(7)
    for axis in axes[len(windows) :]:
        axis.set_axis_off()
    figure.supxlabel(LAG, fontsize=10)
    figure.supylabel("change of weight $\\Delta w$", fontsize=10)
    return named(figure)


def frequency_response(response: FrequencyResponse, rule: PlasticityRule, data: Sequence[Measurements] = ()) -> Figure:
    """Draw the change of the weight against the frequency of the pairings, one curve for each lag.

    Parameters
    ----------
    response : FrequencyResponse
    rule : PlasticityRule
    data : sequence of Measurements
        Measured changes at the same lags.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.axhline(0, color=GREY, lw=0.8)
    colours = [BLUE, ORANGE, *(f"C{n}" for n in range(2, 10))]
    order = np.argsort(np.asarray(response.frequencies / Hz))
    for lag, dw, colour in zip(np.asarray(response.lags / ms), response.dw, colours, strict=False):
        rates = np.asarray(response.frequencies / Hz)[order]
        axis.plot(rates, 100 * dw[order] / response.w0, ".-", color=colour, lw=1.2, label=f"lag {lag:+g} ms")
        for measured in data:
            if measured.lag is not None and abs(float(measured.lag / ms) - lag) < 1e-6:
                data_under_window(axis, measured, colour=colour)
    axis.set(
        xlabel="frequency of the pairings (Hz)",
        ylabel=f"change of weight (% of start; {response.repeats} pairs)",
    )
    axis.set_title(textwrap.fill(printable(f"{rule.name}: {rule.summary}", 300), 72), fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return named(figure)


def replay(trace: Replay, pre: Quantity, post: Quantity, rule: PlasticityRule) -> Figure:
    """Draw recorded spikes and the weight under them."""
    last = float(np.max(trace.times / second))
    unit, name = (ms, "ms") if last < 10 else (second, "s")
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    spikes, weight = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
    spikes.eventplot(
        [np.atleast_1d(np.asarray(post / unit)), np.atleast_1d(np.asarray(pre / unit))],
        colors=[ORANGE, BLUE],
        lineoffsets=[0, 1],
        linelengths=0.7,
        linewidths=0.9,
    )
    spikes.set(yticks=[0, 1], ylim=(-0.6, 1.6))
    spikes.set_yticklabels(["post", "pre"])
    spikes.spines[["top", "right", "bottom"]].set_visible(False)
    spikes.set_title(textwrap.fill(printable(f"{rule.name}: {rule.summary}", 300), 80), fontsize=10)
    weight.plot(np.asarray(trace.sample_times / unit), trace.samples, color="black", lw=1.1)
    weight.plot(np.asarray(trace.times / unit)[1:-1], trace.w[1:-1], ".", color="black", ms=4)
    weight.set(xlabel=f"time ({name})", ylabel="weight w")
    weight.spines[["top", "right"]].set_visible(False)
    return named(figure)


def _window(axis: Axes, window: Window, scale: float, size: float = 5) -> None:
    lags, dw = np.asarray(window.lags / ms), scale * window.dw
    axis.axhline(0, color=GREY, lw=0.8)
    axis.axvline(0, color=GREY, lw=0.8, ls=":")
    order = np.argsort(lags)
    for side, colour in ((lags > 0, BLUE), (lags < 0, ORANGE), (lags == 0, GREY)):
        chosen = order[side[order]]
        axis.plot(lags[chosen], dw[chosen], ".-", color=colour, ms=size, lw=1)
    axis.spines[["top", "right"]].set_visible(False)
