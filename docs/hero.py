"""The pictures of the landing page and of the README, from numbers in this repository.

``python -m docs.hero`` writes ``docs/hero.png`` and ``docs/famous.png``, which takes a minute.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from brian2 import ms
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.windows import FREQUENCIES, LAGS, measured
from spikehebb.datasets.measurements import PUBLISHED
from spikehebb.jobs import fit, stdp_window, weight_changes
from spikehebb.protocols import quadruplets
from spikehebb.rules import RULES

HERE = Path(__file__).parent
ROOT = HERE.parent
COLOURS = ("#1f5fa8", "#d1691f", "#3a8f4d", "#777777")


def windows(axis: Axes) -> None:
    """Draw some windows, each in units of its largest change."""
    names = ("stdp_pair", "calcium_dpd", "stdp_symmetric")
    for name, colour in zip(names, COLOURS, strict=False):
        window, _ = measured([RULES[name]])[name]
        for side in (LAGS < 0, LAGS > 0):
            axis.plot(
                LAGS[side], window.dw[side] / np.abs(window.dw).max(), color=colour, label=name if side[0] else None
            )
    axis.set(xlabel="lag $t_{post} - t_{pre}$ (ms)", ylabel="change of weight (of its largest)", title="Learning rules")
    axis.legend(frameon=False, fontsize=7, loc="lower right", handlelength=1, borderaxespad=0)


def frequency(axis: Axes) -> None:
    """Draw the triplet rule beside the data that it was fitted to."""
    _, response = measured([RULES["triplet_vc_full"]])["triplet_vc_full"]
    assert response is not None
    curves = zip(("sjostrom2001_plus10", "sjostrom2001_minus10"), COLOURS, response.dw, "+−", strict=False)
    for name, colour, dw, sign in curves:
        data = PUBLISHED[name]
        axis.errorbar(data.x, 100 * data.change, 100 * data.error, fmt="o", color=colour, ms=4, capsize=2, lw=1)
        axis.plot(FREQUENCIES, 100 * dw / response.w0, color=colour, label=f"lag {sign}10 ms")
    axis.set(xlabel="frequency of the pairings (Hz)", ylabel="change of weight (%)", title="Beside data")
    axis.legend(frameon=False, fontsize=7)


def fields(axis: Axes) -> None:
    """Draw what the demo's neurons have learned."""
    weights = np.load(ROOT / "models" / "digits-soft-wta" / "checkpoint.npz")["weights"]
    sheet = np.full((10 * 9 - 1, 10 * 9 - 1), np.nan)
    for number in range(100):
        top, left = number // 10 * 9, number % 10 * 9
        sheet[top : top + 8, left : left + 8] = weights[:, number].reshape(8, 8)
    axis.imshow(sheet, cmap="magma", vmax=float(np.percentile(weights, 99.8)))
    axis.set(xticks=[], yticks=[], title="Learned without labels")
    axis.spines[:].set_visible(False)


def bits(axis: Axes) -> None:
    """Draw the accuracy of networks that learned with few bits."""
    study = json.loads((ROOT / "benchmarks" / "results" / "study-bits.json").read_text())
    for (when, rounding), colour in zip(
        (("after training", "nearest"), ("learning", "stochastic"), ("learning", "nearest")), COLOURS, strict=False
    ):
        chosen = [
            (point["value"], 100 * point["accuracy_vote"])
            for point in study["points"]
            if (point["curve"], point["when"], point["rounding"]) == ("weight bits", when, rounding)
        ]
        words = {"nearest": "round to nearest", "stochastic": "stochastic rounding"}[rounding]
        axis.plot(*zip(*sorted(chosen), strict=True), "o-", ms=4, color=colour, label=f"{when}, {words}")
    axis.set(xlabel="bits of a weight", ylabel="accuracy on MNIST (%)", title="Under a chip's limits")
    axis.legend(frameon=False, fontsize=7, loc="lower right")


def hero() -> Figure:
    """Return the picture."""
    figure = Figure(figsize=(12, 3.1), layout="constrained")
    for axis, draw, letter in zip(figure.subplots(1, 4), (windows, frequency, fields, bits), "abcd", strict=True):
        draw(axis)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_title(letter, loc="left", fontweight="bold")
    return figure


def window(axis: Axes, name: str) -> None:
    """Draw the window of a rule as published, in % of the weight at the start."""
    curve, _ = measured([RULES[name]])[name]
    for side in (LAGS < 0, LAGS > 0):
        axis.plot(LAGS[side], 100 * curve.dw[side] / curve.w0, color=COLOURS[0])
    pairs = "a pair" if curve.repeats == 1 else f"{curve.repeats} pairs"
    axis.set(xlabel="lag (ms)", ylabel=f"change by {pairs} (%)", title=FAMOUS[name])


def fitted(axis: Axes) -> None:
    """Draw the classical data beside the pair rule that is fitted to them."""
    data = PUBLISHED["bi1998"]
    rule = fit("stdp_pair", data, device="cpp").fitted
    axis.plot(data.x, 100 * data.change, "o", ms=3, color=COLOURS[1])
    for lags in (np.arange(-100, 0, 2), np.arange(2, 101, 2)):
        curve = stdp_window(rule, lags * ms, repeats=data.repeats, frequency=data.frequency, device="cpp")
        axis.plot(lags, 100 * curve.dw / curve.w0, color=COLOURS[0])
    axis.set(xlabel="lag (ms)", ylabel="change by 60 pairs (%)", title="Bi and Poo 1998, pair rule fitted")


def quadruples(axis: Axes) -> None:
    """Draw the triplet rule beside quadruplets, which it was fitted to with other data."""
    data, rule = PUBLISHED["wang2005_quadruplets"], RULES["triplet_hc_full"]
    axis.errorbar(data.x, 100 * data.change, 100 * data.error, fmt="o", ms=4, capsize=2, color=COLOURS[1])
    for intervals in (np.arange(-100, -9, 5), np.arange(10, 101, 5)):
        plan = quadruplets(intervals * ms, lag=data.lag, repeats=data.repeats, frequency=data.frequency)
        axis.plot(intervals, 100 * weight_changes(rule, plan, w0=1.0, device="cpp"), color=COLOURS[0])
    axis.set(xlabel="interval of the pairs (ms)", ylabel="change (%)", title="Wang 2005, triplet rule")


FAMOUS = {
    "stdp_pair": "Song 2000, additive",
    "stdp_guetig": "Gütig 2003, by the weight",
    "vogels": "Vogels 2011, inhibitory",
    "calcium_dpd": "Graupner 2012, calcium",
    "stdp_anti_hebbian": "Anti-Hebbian",
}


def famous() -> Figure:
    """Return eight published curves, three of them beside data."""
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    axes = figure.subplots(2, 4).ravel()
    fitted(axes[0])
    frequency(axes[1])
    axes[1].set_title("Sjöström 2001, triplet rule")
    quadruples(axes[2])
    for axis, name in zip(axes[3:], FAMOUS, strict=True):
        window(axis, name)
    for axis, letter in zip(axes, "abcdefgh", strict=True):
        axis.axhline(0, color=COLOURS[3], lw=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_title(axis.get_title(), fontsize=9)
        axis.set_title(letter, loc="left", fontweight="bold", fontsize=10)
    return figure


if __name__ == "__main__":
    hero().savefig(HERE / "hero.png", dpi=150)
    famous().savefig(HERE / "famous.png", dpi=130)
