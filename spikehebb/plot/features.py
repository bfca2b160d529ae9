"""What SoftHebb networks see: patches and images of units, images by their features, how robust they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from spikehebb.plot.save import BLUE, GREY, ORANGE, named
from spikehebb.softhebb.model import Array

_COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#8C564B", "#56B4E9", "#F0E442", "#000000", GREY, "#882255")


def unit_patches(patches: Array, units: Sequence[int], layer: int) -> Figure:
    """Draw the patches that drive units most, a row for each unit, the best on the left.

    Parameters
    ----------
    patches : array, shape (units, patches, channels, rows, columns)
        From ``statistics.best_patches``; or with one patch each, from ``ascent.ascended``.
    units : sequence of int
        Their numbers.
    layer : int
        From 0.
    """
    rows, columns = patches.shape[:2]
    if columns == 1:  # pictures of units: many in a row
        columns = min(8, rows)
        rows = -(-len(units) // columns)
    figure = Figure(figsize=(1.1 * columns + 0.8, 1.1 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    flat = patches.reshape(-1, *patches.shape[2:])
    for number, axis in enumerate(axes.flat):
        axis.set_xticks([])
        axis.set_yticks([])
        if number >= len(flat):
            axis.set_axis_off()
            continue
        picture = np.nan_to_num(flat[number].transpose(1, 2, 0), nan=0.5)
        axis.imshow(picture if picture.shape[2] == 3 else picture.mean(axis=2), cmap="gray", vmin=0, vmax=1)
        if patches.shape[1] == 1:
            axis.set_title(f"{units[number]}", fontsize=8)
        elif number % columns == 0:
            axis.set_ylabel(f"unit {units[number // columns]}", fontsize=8)
    what = "Images that drive units most" if patches.shape[1] == 1 else "Patches that drive units most"
    figure.suptitle(f"{what}, layer {layer + 1}", fontsize=11)
    return named(figure)


def embedding(points: ArrayLike, labels: ArrayLike, classes: Sequence[str] = (), title: str = "") -> Figure:
    """Draw images as points in a plane, coloured by their class.

    Parameters
    ----------
    points : array_like, shape (images, 2)
        From ``softhebb.embedding.embedded``.
    labels : array_like of int, shape (images,)
    classes : sequence of str
        Names of the classes.
    title : str
    """
    points, labels = np.asarray(points), np.asarray(labels)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axis = figure.subplots()
    for number, label in enumerate(np.unique(labels)):
        chosen = points[labels == label]
        name = classes[label] if 0 <= label < len(classes) else str(label)
        axis.scatter(chosen[:, 0], chosen[:, 1], s=8, color=_COLOURS[number % len(_COLOURS)], label=name, linewidths=0)
    axis.set_axis_off()
    axis.set_title(title, fontsize=11)
    if len(np.unique(labels)) <= 20:
        figure.legend(loc="outside right center", frameon=False, fontsize=8, markerscale=2)
    return named(figure)


def robustness(report: Mapping[str, Any]) -> Figure:
    """Draw the accuracy of networks against noise and against the size of an attack.

    Parameters
    ----------
    report : mapping
        From ``jobs.robustness``.
    """
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    names = {"noise": "standard deviation of the noise", "attack": "largest change of a pixel by the attack"}
    for axis, (what, label) in zip(axes, names.items(), strict=True):
        for number, (name, found) in enumerate(report["networks"].items()):
            sizes, scores = ([point[key] for point in found[what]] for key in ("size", "accuracy"))
            axis.plot(sizes, 100 * np.asarray(scores), "o-", color=_COLOURS[number % len(_COLOURS)], label=name, ms=4)
        axis.set(xlabel=label, ylim=(0, 102))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"accuracy on {report['images']} test images (%)")
    axes[0].legend(frameon=False, fontsize=8)
    return named(figure)
