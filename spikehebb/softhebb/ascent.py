"""Images that the units of a trained network would like best, made by gradient ascent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spikehebb.core import Int
from spikehebb.softhebb import training
from spikehebb.softhebb.gradient import pullback
from spikehebb.softhebb.model import Array, Model
from spikehebb.softhebb.statistics import check_layer, check_units, extent


def ascended(
    model: Model,
    layer: int,
    units: Sequence[int] | Int,
    *,
    steps: int = 100,
    rate: float = 0.1,
    radius: float = 4.0,
    seed: int = 0,
) -> Array:
    """Return images that drive units most, found by projected gradient ascent.

    The weighted sum of a unit in the middle of the layer, above the mean of all its units, grows along its gradient,
    from weak noise around grey; after each step the image is brought back to at most ``radius`` from grey, and to 0 to
    1.

    Parameters
    ----------
    model : Model
    layer : int
        From 0.
    units : sequence of int
    steps : int
    rate : float
        Length of a step, as a share of ``radius``.
    radius : float
        Euclidean distance from grey, at most.
    seed : int
        Of the noise.

    Returns
    -------
    array of float32, shape (units, channels, rows, columns)
        The part of the images that the unit sees, intensities from 0 to 1.

    Raises
    ------
    ValueError
        If there is no such layer or unit, or a number is not above 0.

    Examples
    --------
    >>> from spikehebb.softhebb import Layer, Network
    >>> network = Network(image_shape=(1, 8, 8), layers=(Layer(units=4, kernel=3, batch_norm=False),))
    >>> model = Model(network=network, layers=training.start(network, 0))
    >>> ascended(model, 0, [0, 2], steps=5).shape
    (2, 1, 3, 3)
    """
    network = model.network
    check_layer(network, layer)
    wanted = check_units(network, layer, units)
    for name, value in (("steps", steps), ("rate", rate), ("radius", radius)):
        if not value > 0:
            raise ValueError(f"ascended: {name} must be above 0, got {value}.")
    channels, height, width = network.image_shape
    placed = [
        training.place(*pair, np) for pair in zip(network.layers[: layer + 1], model.layers[: layer + 1], strict=True)
    ]
    grid = network.layers[layer].grid(*network.shapes[layer][1:])
    middle = grid[0] // 2, grid[1] // 2
    noise = np.random.default_rng(seed).standard_normal((len(wanted), height, width, channels)).astype(np.float32)
    x = 0.5 + 0.01 * radius * noise / np.sqrt((noise**2).sum(axis=(1, 2, 3), keepdims=True))
    for _ in range(steps):
        u, pull = pullback(placed, x, sums=True)
        up = np.zeros_like(u)
        up[:, *middle] = -1 / u.shape[-1]
        up[np.arange(len(wanted)), *middle, wanted] += 1
        x = x + rate * radius * _unit(pull(up))
        away = x - 0.5
        length = np.sqrt((away**2).sum(axis=(1, 2, 3), keepdims=True))
        x = np.clip(0.5 + away * np.minimum(1, radius / np.maximum(length, 1e-30)), 0, 1).astype(np.float32)
    shape, first, step = extent(network, layer)
    top, left = middle[0] * step + first, middle[1] * step + first
    rows, columns = (slice(max(at, 0), at + side) for at, side in zip((top, left), shape, strict=True))
    return np.ascontiguousarray(x[:, rows, columns].transpose(0, 3, 1, 2))


def _unit(gradient: Any) -> Any:
    """Return gradients of length 1."""
    return gradient / np.maximum(np.sqrt((gradient**2).sum(axis=(1, 2, 3), keepdims=True)), 1e-30)
