"""Pictures of what a rule does: windows, frequency dependence, replays, and sheets of windows."""

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
from spikehebb.plot.save import BLUE, GREY, ORANGE, PALETTE, canvas, lettered, named, panels, styled
from spikehebb.reading import printable
from spikehebb.rules import RULES

LAG = "lag $t_{post} - t_{pre}$ (ms)"


@styled
def stdp_window(
    window: Window, rule: PlasticityRule | None = None, data: Sequence[Measurements] = (), *, ax: Axes | None = None
) -> Figure:
    """Draw the change of the weight against the lag.

    Parameters
    ----------
    window : Window
    rule : PlasticityRule, optional
        For its summary; that of the catalogue when left out.
    data : sequence of Measurements
        Measured changes to draw beside it; the change is then in percent of the weight at the start.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    figure, axis = canvas(ax)
    scale = 100 / window.w0 if data else 1.0
    _window(axis, window, scale)
    for measured, colour in zip(data, ["black", *PALETTE[2:]], strict=False):
        data_under_window(axis, measured, colour=colour)
    if data:
        axis.legend(loc="lower right")
    pairs = _pairs(window)
    change = f"change of weight $\\Delta w$\n({pairs}, from {window.w0:g})"
    axis.set(xlabel=LAG, ylabel=f"change of weight (% of start)\n({pairs})" if data else change)
    axis.set_title(_title(window.rule, rule))
    axis.text(0.98, 0.97, "pre before post →", transform=axis.transAxes, ha="right", va="top", color=GREY, fontsize=8)
    return named(figure)


@styled
def gallery(windows: Sequence[Window]) -> Figure:
    """Draw many windows on one sheet, each in its own units of change."""
    columns = min(5, len(windows))
    rows = -(-len(windows) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.3 * rows + 0.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis, window in zip(axes, windows, strict=False):
        _window(axis, window, 1.0)
        axis.set_title(printable(window.rule, 40))
        axis.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2), useMathText=True)
    for axis in axes[len(windows) :]:
        axis.set_axis_off()
    figure.supxlabel(LAG, fontsize=10)
    figure.supylabel("change of weight $\\Delta w$", fontsize=10)
    return named(figure)


@styled
def frequency_response(
    response: FrequencyResponse,
    rule: PlasticityRule | None = None,
    data: Sequence[Measurements] = (),
    *,
    ax: Axes | None = None,
) -> Figure:
    """Draw the change of the weight against the frequency of the pairings, one curve for each lag.

    Parameters
    ----------
    response : FrequencyResponse
    rule : PlasticityRule, optional
        For its summary; that of the catalogue when left out.
    data : sequence of Measurements
        Measured changes at the same lags.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    figure, axis = canvas(ax)
    axis.axhline(0, color=GREY, lw=0.8)
    order = np.argsort(np.asarray(response.frequencies / Hz))
    for lag, dw, colour in zip(np.asarray(response.lags / ms), response.dw, PALETTE, strict=False):
        rates = np.asarray(response.frequencies / Hz)[order]
        axis.plot(rates, 100 * dw[order] / response.w0, ".-", color=colour, label=f"lag {lag:+g} ms")
        for measured in data:
            if measured.lag is not None and abs(float(measured.lag / ms) - lag) < 1e-6:
                data_under_window(axis, measured, colour=colour)
    axis.set(
        xlabel="frequency of the pairings (Hz)",
        ylabel=f"change of weight (% of start)\n({response.repeats} pairs)",
    )
    axis.set_title(_title(response.rule, rule))
    axis.legend()
    return named(figure)


@styled
def replay(
    trace: Replay,
    pre: Quantity | None = None,
    post: Quantity | None = None,
    rule: PlasticityRule | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Draw recorded spikes and the weight under them.

    Parameters
    ----------
    trace : Replay
    pre, post : Quantity, optional
        The spike times; those of the replay when left out.
    rule : PlasticityRule, optional
        For its summary; that of the catalogue when left out.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    pre, post = (trace.pre if pre is None else pre), (trace.post if post is None else post)
    last = float(np.max(trace.times / second))
    unit, name = (ms, "ms") if last < 10 else (second, "s")
    figure, (spikes, weight) = panels(ax, (1,), (1, 3), size=(6.4, 3.8), sharex=True)
    spikes.eventplot(
        [np.atleast_1d(np.asarray(post / unit)), np.atleast_1d(np.asarray(pre / unit))],
        colors=[ORANGE, BLUE],
        lineoffsets=[0, 1],
        linelengths=0.7,
        linewidths=0.9,
    )
    spikes.set(yticks=[0, 1], ylim=(-0.6, 1.6))
    spikes.set_yticklabels(["post", "pre"])
    spikes.spines["bottom"].set_visible(False)
    spikes.tick_params(axis="x", bottom=False, labelbottom=False)
    spikes.set_title(_title(trace.rule, rule))
    weight.plot(np.asarray(trace.sample_times / unit), trace.samples, color="black", lw=1.1)
    weight.plot(np.asarray(trace.times / unit)[1:-1], trace.w[1:-1], ".", color="black", ms=4)
    weight.set(xlabel=f"time ({name})", ylabel="weight w")
    lettered([spikes, weight])
    return named(figure)


def _title(name: str, rule: PlasticityRule | None) -> str:
    known = rule or RULES.get(name)
    summary = f": {known.summary}" if known is not None and known.summary else ""
    return textwrap.fill(printable(f"{name}{summary}", 300), 60)  # matplotlib's own way takes names for formulas


def _pairs(window: Window) -> str:
    return "one pair" if window.repeats == 1 else f"{window.repeats} pairs at {window.frequency / Hz:g} Hz"


def _window(axis: Axes, window: Window, scale: float) -> None:
    """Draw both sides of a window apart, because it jumps at a lag of 0; points where they are few."""
    lags, dw = np.asarray(window.lags / ms), scale * window.dw
    axis.axhline(0, color=GREY, lw=0.8)
    axis.axvline(0, color=GREY, lw=0.8, ls=":")
    order = np.argsort(lags)
    line = ".-" if lags.size <= 90 else "-"
    for side, colour in ((lags > 0, BLUE), (lags < 0, ORANGE), (lags == 0, GREY)):
        chosen = order[side[order]]
        axis.plot(lags[chosen], dw[chosen], line if len(chosen) > 1 else ".", color=colour)
