"""Pictures of a conversion: agreement of spikes with rates against latency and cost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb.plot.save import BLUE, GREY, ORANGE, named, save
from spikehebb.reading import printable


def conversion_pictures(report: Mapping[str, Any], out: Path) -> list[Path]:
    """Write the pictures of a conversion into a folder.

    Parameters
    ----------
    report : mapping
        As ``convert_softhebb`` returns it.
    out : path

    Returns
    -------
    list of path
    """
    figures = {"layers": conversion_layers(report)}
    if report.get("curve"):
        figures["fidelity"] = fidelity(report)
    return [save(figure, out / f"{name}.png") for name, figure in figures.items()]


def fidelity(report: Mapping[str, Any]) -> Figure:
    """Draw accuracy and agreement against latency, and against synaptic operations."""
    curve, scores = report["curve"], report["metrics"]
    # In turn, all operations are done before the last layer fires, and there is nothing to draw over time.
    panels = 2 if curve[-1]["operations"] > curve[0]["operations"] else 1
    figure = Figure(figsize=(5 * panels + (2 - panels), 4), layout="constrained")
    drawn = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for axes, key, scale in zip(drawn, ("ms", "operations"), (1.0, 1e-6), strict=False):
        across = [scale * point[key] for point in curve]
        axes.plot(across, [100 * point["accuracy"] for point in curve], color=BLUE, label="spiking: accuracy")
        axes.plot(
            across, [100 * point["agreement"] for point in curve], color=ORANGE, label="agreement with the rate network"
        )
        axes.axhline(100 * scores["accuracy_rate"], color=GREY, linestyle="--", label="rate network: accuracy")
        axes.set_ylim(0, 101)
        _tidy(axes)
    latency = drawn[0]
    latency.set_xlabel("time since the onset of an image (ms)")
    latency.set_ylabel("test images (%)")
    if panels == 2:
        drawn[1].set_xlabel("synaptic operations per image (millions)")
        drawn[1].set_xlim(left=0)
    latency.legend(frameon=False, loc="lower right")
    test = report["data"]["test"]
    figure.suptitle(
        f"{test['count']} images of {printable(test['name'])}: {100 * scores['accuracy_spiking']:.2f} % in spikes, "
        f"{100 * scores['accuracy_rate']:.2f} % in rates",
        fontsize=11,
    )
    return named(figure)


def conversion_layers(report: Mapping[str, Any]) -> Figure:
    """Draw, layer by layer, the correlation of rates with activations, the spikes, and the divergence of winners."""
    stages = report["stages"]
    names = [f"layer {number + 1}\n{stage['units']} units" for number, stage in enumerate(stages)]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    likeness, spikes, winners = figure.subplots(1, 3)
    likeness.bar(names, [stage["correlation"] or 0 for stage in stages], 0.5, color=BLUE)
    likeness.set_ylabel("correlation of rates with activations")
    likeness.set_ylim(0, 1)
    spikes.bar(names, [stage["spikes_per_image"] / 1000 for stage in stages], 0.5, color=BLUE)
    spikes.set_ylabel("spikes per image (thousands)")
    compared = [(name, stage["winners"]) for name, stage in zip(names, stages, strict=True) if stage["winners"]]
    if compared:
        places = range(len(compared))
        for shift, key, colour, label in (
            (-0.2, "divergence", ORANGE, "spikes from softmax"),
            (0.2, "sampling", GREY, "as many samples of it"),
        ):
            winners.bar([p + shift for p in places], [row[key] for _, row in compared], 0.4, color=colour, label=label)
        winners.set_xticks(list(places), [name for name, _ in compared])
        winners.set_ylabel("divergence of winners (nats)")
        winners.set_ylim(0, 1.35 * max(max(row["divergence"], row["sampling"]) for _, row in compared))
        winners.legend(frameon=False, fontsize=8, loc="upper left")
    else:
        winners.text(0.5, 0.5, "no soft competition", ha="center", va="center", color=GREY, transform=winners.transAxes)
        winners.set_xticks([])
        winners.set_yticks([])
    for axes in (likeness, spikes, winners):
        axes.set_xlim(-0.7, len(stages) - 0.3)
        _tidy(axes)
    return named(figure)


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
