"""Pictures of a digit run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from spikehebb import metrics
from spikehebb.circuits import plastic
from spikehebb.core import Float, Images, Int, Recording
from spikehebb.datasets import sample
from spikehebb.jobs import DigitRun, LearnedNetwork, some_presentations
from spikehebb.jobs.fronts import Columns, Edges
from spikehebb.plot.save import BLUE, GREY, ORANGE, canvas, lettered, named, panels, save, styled
from spikehebb.reading import printable

_SHOWN = 8  # presentations in a raster
_FIELDS = 100  # receptive fields on one sheet
_LETTERS = 14  # of the name of a class
# Tol 2021, muted, and black: ten colours that are told apart with any colour vision.
_TEN = ("#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499", "#000000")
_WRITTEN = 30  # classes whose percentages are written into the matrix


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
        Receptive fields (of a first layer, too), confusion matrix, raster and learning curve.
    """
    labels = metrics.neuron_labels(np.asarray(run.network.arrays["profile"]))
    shown, classes = sample(test, _SHOWN), test.classes
    recording = some_presentations(run.network, shown)
    presentation = run.network.settings.presentation
    fields, shape = from_input(run.network)
    front, seen = run.network.settings.front, tuple(run.report["image_shape"])
    before = {}
    if isinstance(front, Columns):
        patch = ((1, *seen)[-3], front.kernel, front.kernel)
        nothing = np.full(front.features, metrics.NONE)
        before = {"first_layer": receptive_fields(np.asarray(run.network.arrays["front"]), patch, nothing)}
    figures = {
        "receptive_fields": receptive_fields(fields, shape, labels, classes),
        **before,
        "confusion": confusion(np.asarray(run.report["confusion"]), classes),
        "raster": raster(recording, shown, presentation, labels),
        "learning_curve": learning_curve(
            run.report["learning_curve"],
            run.report["metrics"]["accuracy_vote"],
            run.report["data"]["train"]["name"],
            tested=run.report["data"]["test"]["count"],
        ),
    }
    return [save(figure, out / f"{name}.png") for name, figure in figures.items()]


def from_input(network: LearnedNetwork) -> tuple[Float, tuple[int, ...]]:
    """Return the weights of the first projection from the input that learned, and the shape of their images.

    Where a pixel has a neuron for light and one for dark, those for light are drawn. Behind columns it is what of an
    image reaches a neuron through their weights; behind edges, the weights of the edges.
    """
    circuit, shape = network.circuit(learning=True), tuple(network.header["image_shape"])
    front = network.settings.front
    weights = next(
        np.asarray(projection.weights)
        for name in plastic(circuit)
        if (projection := circuit.projections[name]).pre == "input"
    )
    if isinstance(front, Edges):
        return weights, front.shape(shape)
    if isinstance(front, Columns):
        columns = front.circuit(np.asarray(network.arrays["front"]), shape).projections
        fields, pool = (np.asarray(columns[name].weights) for name in ("field", "pool"))
        pool = pool[:, front.cells(shape)]
        weights = fields @ (pool @ weights) / pool.sum(axis=0).max()
    return weights[: int(np.prod(shape))], shape


@styled
def receptive_fields(
    weights: Float, shape: Sequence[int], labels: Int, classes: Sequence[str] = (), *, ax: Axes | None = None
) -> Figure:
    """Draw the weights of up to 100 neurons as images, in order of their labels.

    Parameters
    ----------
    weights : array, shape (pixels, neurons)
    shape : (height, width) or (channels, height, width)
        Of several channels the mean is drawn.
    labels : array of int, shape (neurons,)
    classes : sequence of str, optional
        Their names; numbers when left out.
    """
    weights = weights.reshape(-1, shape[-2] * shape[-1], weights.shape[1]).mean(axis=0)
    shape = shape[-2:]
    if len(labels) != weights.shape[1]:  # not the neurons that answer
        labels = np.full(weights.shape[1], metrics.NONE)
    silent = labels == metrics.NONE
    order = np.lexsort((labels, silent))
    chosen = order[np.linspace(0, len(order) - 1, min(_FIELDS, len(order))).round().astype(int)]
    columns = int(np.ceil(np.sqrt(len(chosen))))
    rows = -(-len(chosen) // columns)
    height, width = shape[0] + 1, shape[1] + 1  # one pixel of margin
    sheet = np.full((rows * height - 1, columns * width - 1), np.nan)
    figure, axis = canvas(ax, 7.2, 6.4 * (rows * height) / (columns * width) + 0.5)
    axis.set_axis_off()
    for number, neuron in enumerate(chosen):
        top, left = number // columns * height, number % columns * width
        sheet[top : top + shape[0], left : left + shape[1]] = weights[:, neuron].reshape(shape)
        name = ("" if silent.all() else "–") if silent[neuron] else _class_name(labels[neuron], classes)
        text = axis.text(left, top, name, color="white", fontsize=7, va="top")
        text.set_path_effects([withStroke(linewidth=1.5, foreground="black")])
    # A few outliers must not hide the rest.
    picture = axis.imshow(
        sheet, cmap="gray", vmin=min(0.0, float(weights.min())), vmax=float(np.percentile(weights, 99.8)) or 1.0
    )
    of = f"{len(chosen)} of {weights.shape[1]}" if len(chosen) < weights.shape[1] else f"{len(chosen)}"
    of_each = "" if silent.all() else ", with the label of each"
    axis.set_title(f"Receptive fields of {of} neurons{of_each}")
    figure.colorbar(picture, ax=axis, label="weight w", shrink=0.6, pad=0.02)
    return named(figure)


@styled
def confusion(table: Int, classes: Sequence[str] = (), *, ax: Axes | None = None) -> Figure:
    """Draw a confusion matrix: rows are classes, columns what the images were taken for, in percent of the row.

    Parameters
    ----------
    table : array of int, shape (classes, classes + 1)
        Counts; the last column is none.
    classes : sequence of str, optional
        Their names; numbers when left out. A table of more classes than there are names shows those that have one,
        unless an image belongs to another. Of more than 30 no percentages are written, of more than 100 not every name.
    """
    count = len(classes) if 0 < len(classes) < len(table) and not _beyond(table, len(classes)) else len(table)
    table = np.hstack([table[:count, :count], table[:count, -1:]])
    percent = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    shown = percent if table[:, -1].any() else percent[:, :-1]
    side = min(max(1.8, 1.0 + 0.36 * count), 20)
    figure, axis = canvas(ax, max(side + 0.8, 3.5), max(side, 2.6))
    picture = axis.imshow(shown, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(shown.shape):
        value = shown[row, column]
        if value >= 0.5 and count <= _WRITTEN:
            axis.text(
                column,
                row,
                f"{value:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if value > 55 else "black",
            )
    names = [*(_class_name(label, classes) for label in range(count)), "none"][: shown.shape[1]]
    long = max(map(len, names)) > 4
    every = -(-count // 100)
    axis.set(xlabel="predicted class", ylabel="class")
    axis.set_xticks(range(0, len(names), every), names[::every], rotation=90 if long else 0, parse_math=False)
    axis.set_yticks(range(0, count, every), names[:count:every], parse_math=False)
    right = np.trace(table[:, :count]) / max(table.sum(), 1)
    axis.set_title(textwrap.fill(f"{100 * right:.1f} % of {table.sum()} test images right (single-neuron vote)", 44))
    figure.colorbar(picture, ax=axis, label="% of the class", shrink=0.85)
    return named(figure)


@styled
def raster(
    recording: Recording, images: Images, presentation: Quantity, labels: Int, *, ax: Axes | None = None
) -> Figure:
    """Draw what is shown, the input spikes and the output spikes coloured by the label of the neuron.

    Labels are called as the classes of the images; the first pixel of an image is at the top, as in the image.
    """
    length = float(presentation / ms)
    figure, (shown, inputs, outputs) = panels(ax, (1,), (1, 2.2, 2.6), size=(7.2, 5.6), sharex=True)
    shown.set_xlim(0, len(images) * length)
    shown.set_axis_off()
    for number, pixels in enumerate(images.intensities()):
        inset = shown.inset_axes((number / len(images), 0, 1 / len(images), 1))  # in which an image keeps its shape
        inset.set_axis_off()
        inset.imshow(
            pixels if pixels.ndim == 2 else pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels.mean(axis=0),
            cmap="gray_r",
        )
    shown.set_title(f"{printable(images.name)}: {len(images)} presentations of {length:g} ms, learning off")
    spikes = recording.spikes["input"]
    tick = 4 if len(recording.counts["input"]) < 200 else 1
    inputs.plot(np.asarray(spikes.t / ms), spikes.i, "|", color="black", ms=tick, mew=0.8)
    inputs.set(ylabel="input neuron (pixel)", ylim=(len(recording.counts["input"]), -1))
    spikes = recording.spikes["output"]
    order = np.lexsort((np.arange(len(labels)), labels))
    place = np.empty(len(labels), int)
    place[order] = np.arange(len(labels))
    colours = np.array([_class_colour(label) for label in labels])
    fired = np.asarray(spikes.i)
    outputs.scatter(np.asarray(spikes.t / ms), place[fired], s=9, c=colours[fired], linewidths=0)
    outputs.set(xlabel="time (ms)", ylabel="output neuron, by label", ylim=(-1, len(labels)))
    inputs.tick_params(axis="x", labelbottom=False)
    lettered([shown, inputs, outputs])
    _mark_labels(outputs, labels[order], images.classes)
    for axis in (inputs, outputs):
        for number in range(1, len(images)):
            axis.axvline(number * length, color=GREY, lw=0.6)
    return named(figure)


@styled
def learning_curve(
    curve: Sequence[Mapping[str, Any]], final: float, name: str, *, tested: int | None = None, ax: Axes | None = None
) -> Figure:
    """Draw accuracy against images seen, and the accuracy on the test images at the end.

    Parameters
    ----------
    curve : sequence of mapping
        ``images_seen`` and ``accuracy``.
    final : float
        The accuracy on the test images.
    name : str
        Of the training images.
    tested : int, optional
        How many test images there were.
    ax : Axes, optional
        Where to draw; a figure of its own when left out.
    """
    figure, axis = canvas(ax)
    seen = [point["images_seen"] for point in curve]
    named_data = printable(name)
    score = [100 * point["accuracy"] for point in curve]
    if seen:
        label = f"{named_data}, as they are learned\n(labels from the images before)"
        axis.plot(seen, score, "-" if len(seen) > 1 else "o", color=BLUE, label=label)
    else:
        axis.text(
            0.5,
            0.5,
            f"too few images of {named_data} for a curve:\nneurons are labelled from the images before",
            transform=axis.transAxes,
            ha="center",
            color=GREY,
        )
        axis.set_xticks([])
    count = "" if tested is None else f"n = {tested} "
    axis.axhline(100 * final, color=ORANGE, ls="--", label=f"{count}test images at the end: {100 * final:.1f} %")
    axis.set(xlabel="images seen", ylabel="accuracy (%)", ylim=(min([*score, 100 * final, 80]) - 3, 100.5))
    axis.set_xlim(left=0)
    axis.legend(loc="lower right")
    return named(figure)


def _class_colour(label: int) -> str:
    return GREY if label == metrics.NONE else _TEN[int(label) % len(_TEN)]


def _class_name(label: int, classes: Sequence[str]) -> str:
    """Return the name of a class, short enough to stand in a picture; its number where it has none."""
    return printable(classes[label], _LETTERS) if label < len(classes) else str(label)


def _beyond(table: Int, count: int) -> bool:
    """Return whether an image belongs to a class beyond the first ones, or was taken for one."""
    return bool(table[count:].any() or table[:, count:-1].any())


def _mark_labels(axis: Axes, labels: NDArray[Any], classes: Sequence[str]) -> None:
    """Write each label beside the middle of its neurons."""
    for label in np.unique(labels):
        where = np.flatnonzero(labels == label)
        name = "none" if label == metrics.NONE else _class_name(label, classes)
        axis.annotate(
            name,
            (1.005, float(where.mean())),
            xycoords=("axes fraction", "data"),
            color=_class_colour(label),
            va="center",
            fontsize=9,
            annotation_clip=False,
        )
