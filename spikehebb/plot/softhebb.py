"""Pictures of a SoftHebb network: receptive fields, norms of weights, winners, and accuracy by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb.core import Float, Images
from spikehebb.datasets.sample import sample
from spikehebb.plot.save import BLUE, GREY, ORANGE, canvas, lettered, named, panels, save, styled
from spikehebb.softhebb import Model, Preset, presets, statistics
from spikehebb.softhebb.backend import working
from spikehebb.softhebb.model import Array
from spikehebb.softhebb.network import Readout, since

_FIELDS = 96  # on one sheet: the first layer of most presets
_TRAINING = {"cifar10": 50_000, "mnist": 60_000, "stl10": 5_000}  # images behind the published accuracies
_SEEN = 2000  # images, at most, from which deeper receptive fields are measured


def softhebb_pictures(model: Model, report: Mapping[str, Any], out: Path, images: Images | None = None) -> list[Path]:
    """Write the pictures of a SoftHebb network into a folder: all that model and report have the numbers for.

    Parameters
    ----------
    model : Model
    report : mapping
        As in ``run.json``: ``preset``, ``data``, ``layers``, ``learning_curve``, ``accuracy_by_layer``; each may be
        missing.
    out : path
    images : Images, optional
        With them also the receptive fields of deeper layers, from 2000 of them.

    Returns
    -------
    list of path
        Norms, receptive fields, the winner's probability, learning curve and accuracy by layer.
    """
    preset = as_published(model, report)
    figures = {"norms": norm_histograms(model), "receptive_fields": weight_images(model)}
    if images is not None:
        with working() as (xp, each):
            for number in range(1, len(model.layers)):
                fields = statistics.receptive_fields(model, number, sample(images, _SEEN), xp=xp, each=each)
                figures[f"receptive_fields_layer{number + 1}"] = mean_patches(fields, model, number)
    layers = report.get("layers", [])
    if layers and all("winner_probability" in layer for layer in layers):
        figures["winner_probability"] = winner_probability(layers)
    if report.get("learning_curve"):
        figures["learning_curve"] = readout_curve(report["learning_curve"], preset)
    if report.get("accuracy_by_layer"):
        scores = {int(depth): score for depth, score in report["accuracy_by_layer"].items()}  # JSON's names are texts
        figures["accuracy_by_layer"] = accuracy_by_layer(scores, preset)
    return [save(figure, out / f"{name}.png") for name, figure in figures.items()]


def as_published(model: Model, report: Mapping[str, Any]) -> Preset | None:
    """Return the preset of a network, if it was trained as for the published accuracy: layers, settings, all images."""
    preset = presets().get(report.get("preset", ""))
    if preset is None or preset.published is None or preset.layers != model.network.layers:
        return None
    shown = report.get("data", {}).get("train", {})
    data = shown.get("name", "").split("/")[0]
    given = {**since(Readout), **report.get("readout", {})}
    readout = {"method": preset.method, **asdict(preset.readout)}
    alike = report.get("training") == asdict(preset.training) and given == readout
    return preset if alike and data == preset.data[0] and shown.get("count") == _TRAINING.get(data) else None


@styled
def weight_images(model: Model, *, ax: Axes | None = None) -> Figure:
    """Draw the weights of up to 96 units of the first layer as images, in order of their norms."""
    weights = statistics.receptive_fields(model)
    figure, axis, shown = _sheet(weights, statistics.norms(model)[0], ax)
    axis.set_title(
        f"Weights of {shown} in layer 1, by norm, lowest first\n(each scaled to its largest; grey is 0)",
    )
    return named(figure)


@styled
def mean_patches(fields: Array, model: Model, layer: int, *, ax: Axes | None = None) -> Figure:
    """Draw the receptive fields of up to 96 units of a deeper layer, from ``statistics.receptive_fields``.

    Parameters
    ----------
    fields : array, shape (units, channels, rows, columns)
    model : Model
    layer : int
        From 0.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    centred = fields - np.nanmean(fields, axis=(1, 2, 3), keepdims=True)
    figure, axis, shown = _sheet(centred, statistics.norms(model)[layer], ax)
    axis.set_title(
        f"Mean of the image patches that drive each of {shown} in layer {layer + 1} most,\n"
        "by norm, lowest first (contrast scaled; grey is the mean of a field)",
    )
    return named(figure)


@styled
def norm_histograms(model: Model, *, ax: Axes | None = None) -> Figure:
    """Draw how the norms of the weights are spread in each layer, with marks at 1 and at the norm of the start."""
    norms, layers = statistics.norms(model), model.network.layers
    figure, axes = panels(ax, (1,), (1,) * len(layers), size=(5.2, 1.2 + 1.5 * len(layers)), sharex=True)
    last = max(*(float(lengths.max()) for lengths in norms), *(layer.norm for layer in layers), 1.0)
    width = last / 75
    bins = 1 + width * (np.arange(-int(1 / width) - 1, 76) + 0.5)  # 1 lies in the middle of one
    for number, (axis, lengths, layer) in enumerate(zip(axes, norms, layers, strict=True)):
        axis.hist(lengths, bins.tolist(), color=BLUE)
        axis.axvline(1, color=ORANGE, lw=1, ls="--", label="norm 1")
        axis.axvline(layer.norm, color=GREY, lw=1, ls=":", label="at the start (root mean square)")
        axis.set_title(
            f"layer {number + 1}, {layer.units} units: {lengths.mean():.2f} ± {lengths.std():.2f} (mean ± sd), "
            f"{statistics.r1_count(lengths)} of norm 1",
            loc="left",
        )
        axis.set(ylabel="units")
    axes[-1].set(xlabel="norm of the weights of a unit", xlim=(0, 1.05 * last))
    axes[0].legend()
    lettered(axes)
    return named(figure)


@styled
def winner_probability(layers: Sequence[Mapping[str, Any]], *, ax: Axes | None = None) -> Figure:
    """Draw the mean softmax share of the winner in each layer, and the largest mean shares of single units.

    Parameters
    ----------
    layers : sequence of mapping
        From ``statistics.summary``, with images.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    figure, axis = canvas(ax)
    places = np.arange(len(layers)) + 1
    winner = [layer["winner_probability"] for layer in layers]
    label = "winner at each position, mean"
    if len(layers) == 1:  # a line of one point is none
        axis.bar(places, winner, 0.3, color=BLUE, label=label)
    else:
        axis.plot(places, winner, "o-", color=BLUE, label=label)
    for place, share in zip(places, winner, strict=True):
        axis.annotate(f"{share:.2f}", (place, share), (0, 7), textcoords="offset points", ha="center", fontsize=8)
    points = [(place, share) for place, layer in zip(places, layers, strict=True) for share in layer["largest_shares"]]
    axis.plot(
        *zip(*points, strict=True), "_", color=ORANGE, ms=14, mew=1.6, label="the units with the largest mean shares"
    )
    axis.plot(places, [1 / layer["units"] for layer in layers], ".:", color=GREY, label="all units alike")
    axis.set(xlabel="layer", ylabel="share in the softmax", xticks=places, ylim=(0, 1.02))
    axis.set_xlim(0.5, len(layers) + 0.5)
    axis.legend()
    return named(figure)


@styled
def readout_curve(
    curve: Sequence[Mapping[str, Any]], preset: Preset | None = None, *, ax: Axes | None = None
) -> Figure:
    """Draw the accuracy of the readout after each epoch.

    Parameters
    ----------
    curve : sequence of mapping
        ``epoch``, ``accuracy_train`` (while it learns, with its dropout) and, optionally, ``accuracy_test``.
    preset : Preset, optional
        With a published accuracy to compare with.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    figure, axis = canvas(ax)
    names = {"accuracy_train": "training images, while it learns", "accuracy_test": "test images"}
    for (name, label), colour in zip(names.items(), (GREY, BLUE), strict=True):
        points = [(point["epoch"], 100 * point[name]) for point in curve if name in point]
        if points:
            text = f"{label}: {points[-1][1]:.1f} % at the end"
            axis.plot(*zip(*points, strict=True), ".-", color=colour, lw=1.2, ms=4, label=text)
    if preset is not None and preset.published is not None:
        axis.axhline(preset.published, color=ORANGE, ls="--", lw=1, label=f"published: {preset.published:.1f} %")
    axis.set(xlabel="epoch of the readout", ylabel="accuracy (%)")
    axis.legend(loc="lower right")
    return named(figure)


@styled
def accuracy_by_layer(scores: Mapping[int, float], preset: Preset | None = None, *, ax: Axes | None = None) -> Figure:
    """Draw the test accuracy of a linear readout on one layer, two layers, and so on.

    Parameters
    ----------
    scores : mapping of int to float
        From ``statistics.accuracy_by_layer``.
    preset : Preset, optional
        The network, to draw the published accuracies of its family and of random weights beside it.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    figure, axis = canvas(ax)
    axis.plot(list(scores), [100 * score for score in scores.values()], "o-", color=BLUE, label="this network")
    for depth, score in scores.items():
        axis.annotate(
            f"{100 * score:.1f}", (depth, 100 * score), (0, -14), textcoords="offset points", ha="center", fontsize=9
        )
    if preset is not None:
        family = preset.name.removesuffix(f"-{len(preset.layers)}")
        controls = {
            family: ("D--", ORANGE, "published (a network of its own for each depth)"),
            f"{family}-random": ("s:", GREY, "published, random weights"),
        }
        for name, (style, colour, label) in controls.items():
            if accuracies := _family(name):
                axis.plot(*zip(*accuracies.items(), strict=True), style, color=colour, ms=4, lw=1, label=label)
    axis.set(xlabel="layers below the readout", ylabel="accuracy on test images (%)", xticks=list(scores))
    axis.margins(0.15)
    axis.legend()
    return named(figure)


def _family(name: str) -> dict[int, float]:
    """Return the published accuracies of the presets that a name stands for, by their number of layers."""
    accuracies = {}
    for depth in range(1, 10):
        preset = presets().get(f"{name}-{depth}")
        if preset is not None and preset.published is not None:
            accuracies[depth] = preset.published
    return accuracies


def _sheet(fields: Array, norms: Float, ax: Axes | None) -> tuple[Figure, Axes, str]:
    """Return images of up to 96 units on one sheet, each scaled to its largest value around grey, and how many."""
    order = np.argsort(norms, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(_FIELDS, len(order))).round().astype(int)]
    units, channels, height, width = fields.shape
    columns = int(np.ceil(np.sqrt(1.5 * len(chosen))))
    rows = -(-len(chosen) // columns)
    margin = max(1, round(height / 12))
    sheet = np.ones((rows * (height + margin) - margin, columns * (width + margin) - margin, channels))
    for number, unit in enumerate(chosen):
        top, left = number // columns * (height + margin), number % columns * (width + margin)
        field = np.nan_to_num(fields[unit])
        sheet[top : top + height, left : left + width] = (
            0.5 + 0.5 * field / max(float(np.abs(field).max()), 1e-30)
        ).transpose(1, 2, 0)
    figure, axis = canvas(ax, 7.2, 7.2 * sheet.shape[0] / sheet.shape[1] + 0.6)
    axis.set_axis_off()
    axis.imshow(sheet if channels == 3 else sheet.mean(axis=2), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    return figure, axis, f"{len(chosen)} of {units} units" if len(chosen) < units else f"all {units} units"
