"""Features of all layers, and of several networks side by side, for one readout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from spikehebb.core import Images
from spikehebb.core.values import check_setting
from spikehebb.softhebb import numerics, training
from spikehebb.softhebb.backend import Each, one_by_one
from spikehebb.softhebb.model import Model


def joined_features(
    models: Sequence[Model], images: Images, *, grid: int = 4, last: bool = False, xp: Any = np, each: Each = one_by_one
) -> Iterator[Any]:
    """Give the outputs of every layer of every network, averaged over a grid of cells, a NumPy array for each chunk.

    Networks of different kernels side by side are one wider layer; ``readout.ridge`` takes what comes out.

    Parameters
    ----------
    models : sequence of Model
    images : Images
    grid : int
        Cells along each side, as equal as they can be; a layer with fewer rows or columns keeps those that it has.
    last : bool
        Of each network the last layer only.
    xp, each
        From ``cores.working``.

    Yields
    ------
    array of float32, shape (images of the chunk, features)
        One layer after the other, each in the order (channel, row, column).

    Raises
    ------
    ValueError
        If there is no network, ``grid`` is below 1, or images have another shape than a network takes.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.softhebb import Layer, Model, Network
    >>> images = load("digits", "test")[:5]
    >>> network = Network(image_shape=images.image_shape, layers=(Layer(units=6, kernel=3), Layer(units=7)))
    >>> model = Model(network=network, layers=training.start(network, 0))
    >>> [part.shape for part in joined_features([model], images, grid=2)]
    [(5, 31)]
    """
    check_setting("grid", "int", grid)
    if not models:
        raise ValueError("joined_features needs at least one network; got none.")
    placed = []
    for model in models:
        training.check_images(model.network, images)
        pairs = zip(model.network.layers, model.layers, strict=True)
        placed.append([training.place(layer, weights, xp) for layer, weights in pairs])
    for first in range(0, len(images), training.CHUNK):
        part = images[first : first + training.CHUNK]
        columns = []
        for layers in placed:
            x = training.on(xp, part)
            for number, layer in enumerate(layers):
                x = training.forward([layer], x, each)
                if number == len(layers) - 1 or not last:
                    columns.append(training.host(numerics.flatten(_averaged(x, grid, xp))))
        yield np.concatenate(columns, axis=1)


def _averaged(x: Any, grid: int, xp: Any) -> Any:
    """Return the mean over cells of (images, rows, columns, units)."""
    for axis in (1, 2):
        edges = np.linspace(0, x.shape[axis], min(grid, x.shape[axis]) + 1).round().astype(int)
        cells = [
            xp.mean(xp.take(x, xp.arange(int(low), int(high)), axis=axis), axis=axis, keepdims=True)
            for low, high in pairwise(edges)
        ]
        x = xp.concat(cells, axis=axis)
    return x
