"""Pictures of a conversion: agreement of spikes with rates against latency and cost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb.plot.save import BLUE, GREY, ORANGE, lettered, named, panels, save, styled
from spikehebb.reading import printable

_AT_ONCE = 0.1  # of a presentation: a first answer before that needs no word


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


@styled
def fidelity(report: Mapping[str, Any], *, ax: Axes | None = None) -> Figure:
    """Draw accuracy and agreement against latency, and against synaptic operations.

    Before the last layer can have fired there is no answer: that time is grey.
    """
    curve, scores = report["curve"], report["metrics"]
    # In turn, all operations are done before the last layer fires, and there is nothing to draw over time.
    count = 2 if curve[-1]["operations"] > curve[0]["operations"] else 1
    figure, drawn = panels(ax, (1,) * count, size=(7.2 if count == 2 else 5.2, 3.5), sharey=True)
    for axes, key, scale in zip(drawn, ("ms", "operations"), (1.0, 1e-6), strict=False):
        across = [scale * point[key] for point in curve]
        axes.plot(across, [100 * point["accuracy"] for point in curve], color=BLUE, label="spiking: accuracy")
        axes.plot(
            across, [100 * point["agreement"] for point in curve], color=ORANGE, label="agreement with the rate network"
        )
        axes.axhline(100 * scores["accuracy_rate"], color=GREY, linestyle="--", label="rate network: accuracy")
        axes.set_ylim(0, 101)
    latency = drawn[0]
    latency.set_xlabel("time since the onset of an image (ms)")
    latency.set_ylabel("test images (%)")
    latency.set_xlim(left=0)
    if curve[0]["ms"] > _AT_ONCE * curve[-1]["ms"]:
        latency.axvspan(0, curve[0]["ms"], color="0.92", lw=0)
        latency.text(curve[0]["ms"] / 2, 50, "no answer yet", ha="center", va="center", rotation=90, color=GREY)
    if count == 2:
        drawn[1].set_xlabel("synaptic operations per image (millions)")
        drawn[1].set_xlim(left=0)
    latency.legend(loc="lower right")
    lettered(drawn)
    test = report["data"]["test"]
    title = (
        f"n = {test['count']} images of {printable(test['name'])}: {100 * scores['accuracy_spiking']:.2f} % in spikes, "
        f"{100 * scores['accuracy_rate']:.2f} % in rates"
    )
    if ax is None:
        figure.suptitle(title)
    else:
        ax.set_title(title)
    return named(figure)


@styled
def conversion_layers(report: Mapping[str, Any], *, ax: Axes | None = None) -> Figure:
    """Draw, layer by layer, the correlation of rates with activations, the spikes, and the divergence of winners."""
    stages = report["stages"]
    names = [f"layer {number + 1}\n{stage['units']} units" for number, stage in enumerate(stages)]
    figure, drawn = panels(ax, (1, 1, 1), size=(7.2, 2.8))
    likeness, spikes, winners = drawn
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
        winners.legend(loc="upper left")
    else:
        winners.text(0.5, 0.5, "no soft competition", ha="center", va="center", color=GREY, transform=winners.transAxes)
        winners.set_xticks([])
        winners.set_yticks([])
    for axes in drawn:
        axes.set_xlim(-0.7, len(stages) - 0.3)
    lettered(drawn)
    return named(figure)
