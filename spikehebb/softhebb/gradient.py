"""How the output of a network changes with the image: gradients with respect to inputs, for pictures and attacks.

Learning needs none of this. Arrays are NumPy's, (images, rows, columns, channels).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from spikehebb.softhebb import numerics
from spikehebb.softhebb.network import Layer, Pool
from spikehebb.softhebb.training import Placed

Pull = Callable[[Any], Any]
"""Takes the gradient of a number with respect to an output to that with respect to the input."""


def pullback(layers: Sequence[Placed], x: Any, *, sums: bool = False) -> tuple[Any, Pull]:
    """Return the output of layers that do not learn, and the function that takes gradients back to their input.

    Parameters
    ----------
    layers : sequence of Placed
        From ``training.place``, on NumPy.
    x : array, shape (images, rows, columns, channels)
    sums : bool
        Of the last layer the weighted sums, before activation and pooling.

    Returns
    -------
    output : array, shape (images, rows, columns, units)
    pull : callable
        A winner's output does not change with the image where it is 0 or 1, so activation ``winners`` has gradient 0.
    """
    pulls: list[Pull] = []
    for number, placed in enumerate(layers):
        x, pull = _sums(placed, x)
        pulls.append(pull)
        if sums and number == len(layers) - 1:
            break
        x, pull = _activation(placed.layer, x)
        pulls.append(pull)
        if placed.layer.pool is not None:
            x, pull = _pool(placed.layer.pool, x)
            pulls.append(pull)

    def back(gradient: Any) -> Any:
        for pull in reversed(pulls):
            gradient = pull(gradient)
        return gradient

    return x, back


def _sums(placed: Placed, x: Any) -> tuple[Any, Pull]:
    layer, pulls = placed.layer, list[Pull]()
    if layer.whitening:
        x, pull = _standardized(x)
        x = (x.reshape(len(x), -1) @ placed.whitening).reshape(x.shape)
        pulls += [pull, lambda g: (g.reshape(len(g), -1) @ placed.whitening.T).reshape(g.shape)]
    if layer.sample_norm:
        x, pull = _standardized(x)
        pulls.append(pull)
    if layer.batch_norm:
        x = numerics.standardize(x, placed.mean, placed.variance)
        pulls.append(lambda g: g / np.sqrt(placed.variance + numerics.EPSILON))
    shape = x.shape
    patches, grid = numerics.inputs(layer, x)
    u = patches @ placed.weight.T
    if layer.bias:
        u = u + placed.bias
    heard = np.ones(u.shape, bool)
    if layer.pre_triangle:
        u = numerics.centred(u)
        heard = u > 0

    def weigh(g: Any) -> Any:
        g = g.reshape(u.shape)
        if layer.pre_triangle:
            g = g * heard
            g = g - g.mean(axis=1, keepdims=True)
        g = g @ placed.weight
        if layer.kernel:
            return _unpatched(layer, g, shape, grid[1:])
        images, rows, columns, channels = shape
        return g.reshape(images, channels, rows, columns).transpose(0, 2, 3, 1)

    pulls.append(weigh)

    def back(g: Any) -> Any:
        for pull in reversed(pulls):
            g = pull(g)
        return g

    return u.reshape(*grid, layer.units), back


def _standardized(x: Any) -> tuple[Any, Pull]:
    axes = (1, 2, 3)
    deviation = np.sqrt(((x - x.mean(axis=axes, keepdims=True)) ** 2).mean(axis=axes, keepdims=True)) + 1e-10
    y = numerics.standardize_images(x)

    def back(g: Any) -> Any:
        return (g - g.mean(axis=axes, keepdims=True) - y * (g * y).mean(axis=axes, keepdims=True)) / deviation

    return y, back


def _unpatched(layer: Layer, g: Any, shape: tuple[int, ...], grid: tuple[int, int]) -> Any:
    """Return the gradient of an image from that of its patches: what they share adds up, the padding is folded back."""
    images, rows, columns, channels = shape
    kernel, p, step = layer.kernel, layer.padding, layer.stride
    g = g.reshape(images, *grid, kernel, kernel, channels)
    padded = np.zeros((images, rows + 2 * p, columns + 2 * p, channels), g.dtype)
    for row in range(kernel):
        for column in range(kernel):
            down, across = row + step * grid[0], column + step * grid[1]
            padded[:, row:down:step, column:across:step] += g[:, :, :, row, column]
    for axis in (1, 2):
        padded = np.moveaxis(padded, axis, 0)
        inner = padded[p : len(padded) - p].copy()
        for at in range(p):  # the reflected rows lie in the image 1 to p rows from its edge
            inner[p - at] += padded[at]
            inner[-1 - p + at] += padded[-1 - at]
        padded = np.moveaxis(inner, 0, axis)
    return padded


def _activation(layer: Layer, u: Any) -> tuple[Any, Pull]:
    y = numerics.activate(replace(layer, pool=None), u)
    if layer.activation == "tanh":
        return y, lambda g: g * (1 - y**2)
    if layer.activation == "softmax":
        return y, lambda g: layer.exponent * y * (g - (g * y).sum(axis=-1, keepdims=True))
    if layer.activation == "winners":
        return y, np.zeros_like
    triangle = layer.activation == "triangle"
    v = numerics.centred(u) if triangle else np.maximum(u, 0)
    exponent = 1.0 if layer.activation == "relu" else layer.exponent
    slope = (v > 0) * (exponent * np.maximum(v, np.finfo(v.dtype).tiny ** 0.5) ** (exponent - 1))

    def back(g: Any) -> Any:
        g = g * slope
        return g - g.mean(axis=-1, keepdims=True) if triangle else g

    return y, back


def _pool(how: Pool, x: Any) -> tuple[Any, Pull]:
    maximum, p, size, step = how.kind == "max", how.padding, how.size, how.stride
    edge = ((0, 0), (p, p), (p, p), (0, 0))
    padded = np.pad(x, edge, constant_values=-np.inf if maximum else 0.0)
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::step, ::step]
    flat = windows.reshape(*windows.shape[:4], size * size)
    best = flat.argmax(axis=-1) if maximum else None
    y = numerics.pool(x, how)
    rows, columns = y.shape[1:3]

    def back(g: Any) -> Any:
        total = np.zeros(padded.shape, g.dtype)
        for row in range(size):
            for column in range(size):
                part = g * (best == row * size + column) if maximum else g / size**2
                down, across = row + step * rows, column + step * columns
                total[:, row:down:step, column:across:step] += part
        return total[:, p : total.shape[1] - p, p : total.shape[2] - p]

    return y, back
