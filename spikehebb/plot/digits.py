"""Pictures of a digit run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikehebb import metrics
from spikehebb.core import Float, Images, Int, Recording
from spikehebb.datasets import sample
from spikehebb.jobs import DigitRun, some_presentations
from spikehebb.plot.save import BLUE, GREY, ORANGE, named, save
from spikehebb.reading import printable

_SHOWN = 8  # presentations in a raster
_FIELDS = 100  # receptive fields on one sheet


def digit_pictures(run: DigitRun, test: Images, out: Path) -> list[Path]:
    """Write the pictures of a digit run into a folder.

    Parameters
    ----------
    run : DigitRun
    test : Images
        The test images; the raster shows some of them.
    out : path

    Returns
    -------
    list of path
        Receptive fields, confusion matrix, raster and learning curve.
    """
    labels = metrics.neuron_labels(np.asarray(run.network.arrays["profile"]))
    shown = sample(test, _SHOWN)
    recording = some_presentations(run.network, shown)
    presentation = run.network.settings.presentation
    figures = {
        "receptive_fields": receptive_fields(
            np.asarray(run.network.arrays["weights"]), run.report["image_shape"], labels
        ),
        "confusion": confusion(np.asarray(run.report["confusion"])),
        "raster": raster(recording, shown, presentation, labels),
        "learning_curve": learning_curve(
            run.report["learning_curve"],
            run.report["metrics"]["accuracy_vote"],
            run.report["data"]["train"]["name"],
        ),
    }
    return [save(figure, out / f"{name}.png") for name, figure in figures.items()]


def receptive_fields(weights: Float, shape: Sequence[int], labels: Int) -> Figure:
    """Draw the weights of up to 100 neurons as images, in order of their labels.

    Parameters
    ----------
    weights : array, shape (pixels, neurons)
    shape : (height, width)
    labels : array of int, shape (neurons,)
    """
    silent = labels == metrics.NONE
    order = np.lexsort((labels, silent))
    chosen = order[np.linspace(0, len(order) - 1, min(_FIELDS, len(order))).round().astype(int)]
    columns = int(np.ceil(np.sqrt(len(chosen))))
    rows = -(-len(chosen) // columns)
    height, width = shape[0] + 1, shape[1] + 1  # one pixel of margin
    sheet = np.full((rows * height - 1, columns * width - 1), np.nan)
    figure = Figure(figsize=(8, 7.2 * (rows * height) / (columns * width) + 0.5), layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    for number, neuron in enumerate(chosen):
        top, left = number // columns * height, number % columns * width
        sheet[top : top + shape[0], left : left + shape[1]] = weights[:, neuron].reshape(shape)
        name = "–" if silent[neuron] else str(labels[neuron])
        axis.text(left, top, name, color="white", fontsize=7, va="top")
    # A few outliers must not hide the rest.
    picture = axis.imshow(
        sheet, cmap="magma", vmin=min(0.0, float(weights.min())), vmax=float(np.percentile(weights, 99.8)) or 1.0
    )
    of = f"{len(chosen)} of {weights.shape[1]}" if len(chosen) < weights.shape[1] else f"{len(chosen)}"
    axis.set_title(f"Receptive fields of {of} neurons, with the label of each", fontsize=11)
    figure.colorbar(picture, ax=axis, label="weight w", shrink=0.6, pad=0.02)
    return named(figure)


def confusion(table: Int) -> Figure:
    """Draw a confusion matrix: rows are classes, columns what the images were taken for, in percent of the row."""
    classes = len(table)
    percent = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    shown = percent if table[:, -1].any() else percent[:, :-1]
    figure = Figure(figsize=(6.2, 5.4), layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(shown, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(shown.shape):
        value = shown[row, column]
        if value >= 0.5:
            axis.text(
                column,
                row,
                f"{value:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if value > 55 else "black",
            )
    names = [*map(str, range(classes)), "none"][: shown.shape[1]]
    axis.set(xlabel="predicted class", ylabel="class", xticks=range(len(names)), yticks=range(classes))
    axis.set_xticklabels(names)
    right = np.trace(table[:, :classes]) / max(table.sum(), 1)
    axis.set_title(f"{100 * right:.1f} % of {table.sum()} test images right (single-neuron vote)", fontsize=11)
    figure.colorbar(picture, ax=axis, label="% of the class", shrink=0.85)
    return named(figure)


def raster(recording: Recording, images: Images, presentation: Quantity, labels: Int) -> Figure:
    """Draw what is shown, the input spikes and the output spikes coloured by the label of the neuron."""
    length = float(presentation / ms)
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    shown, inputs, outputs = figure.subplots(3, 1, sharex=True, height_ratios=[1, 2.2, 2.6])
    for number, pixels in enumerate(images.intensities()):
        shown.imshow(
            pixels,
            cmap="gray_r",
            extent=(number * length + 0.2 * length, (number + 0.8) * length, 0, 0.6 * length),
        )
    shown.set(xlim=(0, len(images) * length), ylim=(0, 0.6 * length), aspect="auto")
    shown.set_axis_off()
    shown.set_title(
        f"{printable(images.name)}: {len(images)} presentations of {length:g} ms, learning off", fontsize=11
    )
    spikes = recording.spikes["input"]
    tick = 4 if len(recording.counts["input"]) < 200 else 1
    inputs.plot(np.asarray(spikes.t / ms), spikes.i, "|", color="black", ms=tick, mew=0.8)
    inputs.set(ylabel="input neuron (pixel)", ylim=(-1, len(recording.counts["input"])))
    spikes = recording.spikes["output"]
    order = np.lexsort((np.arange(len(labels)), labels))
    place = np.empty(len(labels), int)
    place[order] = np.arange(len(labels))
    colours = np.array([_class_colour(label) for label in labels])
    fired = np.asarray(spikes.i)
    outputs.scatter(np.asarray(spikes.t / ms), place[fired], s=9, c=colours[fired], linewidths=0)
    outputs.set(xlabel="time (ms)", ylabel="output neuron, by label", ylim=(-1, len(labels)))
    _mark_labels(outputs, labels[order])
    for axis in (inputs, outputs):
        for number in range(1, len(images)):
            axis.axvline(number * length, color=GREY, lw=0.6)
    return named(figure)


def learning_curve(curve: Sequence[Mapping[str, Any]], final: float, name: str) -> Figure:
    """Draw accuracy against images seen, and the accuracy on the test images at the end."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    seen = [point["images_seen"] for point in curve]
    named_data = printable(name)
    score = [100 * point["accuracy"] for point in curve]
    axis.plot(
        seen,
        score,
        "-",
        lw=1.2,
        color=BLUE,
        label=f"{named_data}, as they are learned\n(labels from the images before)",
    )
    axis.axhline(100 * final, color=ORANGE, ls="--", label=f"test images at the end: {100 * final:.1f} %")
    axis.set(xlabel="images seen", ylabel="accuracy (%)", ylim=(min([*score, 100 * final, 80]) - 3, 100.5))
    axis.set_xlim(left=0)
    axis.legend(frameon=False, loc="lower right")
    axis.spines[["top", "right"]].set_visible(False)
    return named(figure)


def _class_colour(label: int) -> str:
    return GREY if label == metrics.NONE else to_hex(colormaps["tab10"](int(label) % 10))


def _mark_labels(axis: Axes, labels: NDArray[Any]) -> None:
    """Write each label beside the middle of its neurons."""
    for label in np.unique(labels):
        where = np.flatnonzero(labels == label)
        name = "none" if label == metrics.NONE else str(label)
        axis.annotate(
            name,
            (1.005, float(where.mean())),
            xycoords=("axes fraction", "data"),
            color=_class_colour(label),
            va="center",
            fontsize=9,
            annotation_clip=False,
        )
