"""The arithmetic of a layer, in the array API: NumPy on CPUs, CuPy on GPUs.

Arrays are (images, rows, columns, channels), so that a patch is a few long runs of memory; weights are (units, inputs)
with the inputs of a patch in the order (row, column, channel).
"""

from __future__ import annotations

import math
from typing import Any

from array_api_compat import array_namespace

from spikehebb.softhebb.network import Layer, Pool

EPSILON = 1e-5  # of the batch normalization
TINY = 1e-30


def statistics(x: Any) -> tuple[Any, Any]:
    """Return mean and (biased) variance of each channel."""
    xp = array_namespace(x)
    mean = xp.mean(x, axis=(0, 1, 2))
    return mean, xp.mean((x - mean) ** 2, axis=(0, 1, 2))


def standardize(x: Any, mean: Any, variance: Any) -> Any:
    """Return x with mean 0 and variance 1 in each channel, if these are its statistics."""
    xp = array_namespace(x)
    return (x - mean) / xp.sqrt(variance + EPSILON)


def standardize_images(x: Any) -> Any:
    """Return x with mean 0 and variance 1 in each image, over rows, columns and channels."""
    xp = array_namespace(x)
    x = x - xp.mean(x, axis=(1, 2, 3), keepdims=True)
    return x / (xp.sqrt(xp.mean(x**2, axis=(1, 2, 3), keepdims=True)) + 1e-10)


def whiten(x: Any, matrix: Any) -> Any:
    """Return standardized images times the matrix that whitens them."""
    xp = array_namespace(x)
    return xp.reshape(xp.reshape(standardize_images(x), (x.shape[0], -1)) @ matrix, x.shape)


def patches(x: Any, kernel: int, padding: int, stride: int = 1) -> Any:
    """Return the inputs of every position of a convolution, padded by reflection.

    Returns
    -------
    array, shape (images rows columns, kernel kernel channels)
    """
    xp = array_namespace(x)
    if padding:
        for axis in (1, 2):
            side = x.shape[axis]
            reflected = [*range(padding, 0, -1), *range(side), *range(side - 2, side - 2 - padding, -1)]
            x = xp.take(x, xp.asarray(reflected), axis=axis)
    images, height, width, channels = x.shape
    rows, columns = (height - kernel) // stride + 1, (width - kernel) // stride + 1
    if hasattr(xp, "lib"):  # NumPy and CuPy: a view, copied once; a row of a patch is one run of memory
        flat = xp.reshape(x, (images, height, width * channels))
        shape = (kernel, kernel * channels)
        gathered = xp.lib.stride_tricks.sliding_window_view(flat, shape, axis=(1, 2))
        gathered = gathered[:, ::stride, :: stride * channels]
    else:
        across, down = (columns - 1) * stride + 1, (rows - 1) * stride + 1
        runs = xp.stack([x[:, :, at : at + across : stride, :] for at in range(kernel)], axis=3)
        gathered = xp.stack([runs[:, at : at + down : stride, ...] for at in range(kernel)], axis=3)
    return xp.reshape(gathered, (images * rows * columns, kernel * kernel * channels))


def inputs(layer: Layer, x: Any) -> tuple[Any, tuple[int, int, int]]:
    """Return what the units of a layer see, (positions, inputs), and (images, rows, columns)."""
    images, height, width, _ = x.shape
    if not layer.kernel:
        return flatten(x), (images, 1, 1)
    return patches(x, layer.kernel, layer.padding, layer.stride), (images, *layer.grid(height, width))


def flatten(x: Any) -> Any:
    """Return (images, rows, columns, channels) as (images, features), features in the order (channel, row, column)."""
    xp = array_namespace(x)
    return xp.reshape(xp.permute_dims(x, (0, 3, 1, 2)), (x.shape[0], -1))


def centred(u: Any) -> Any:
    """Return max(u - mean over units, 0)."""
    xp = array_namespace(u)
    v = u - xp.mean(u, axis=-1, keepdims=True)
    return xp.maximum(v, xp.zeros((), dtype=v.dtype))


def softmax(u: Any, inverse_temperature: float) -> Any:
    """Return the shares of the units (last axis) in the soft competition."""
    xp = array_namespace(u)
    y = u - xp.max(u, axis=-1, keepdims=True)
    y *= inverse_temperature
    y = xp.exp(y)
    y /= xp.sum(y, axis=-1, keepdims=True)
    return y


def winners(u: Any, count: int) -> Any:
    """Return 1 for the largest u (last axis), where they are above 0, and 0 for others; of equal ones the first win."""
    xp = array_namespace(u)
    if count == 1:
        won = xp.arange(u.shape[-1]) == xp.argmax(u, axis=-1, keepdims=True)
    else:
        won = xp.argsort(xp.argsort(u, axis=-1, descending=True), axis=-1) < count
    return xp.astype(won & (u > 0), u.dtype)


def raised(v: Any, exponent: float) -> Any:
    """Return v^exponent of numbers that are not negative."""
    xp = array_namespace(v)
    return (
        v
        if exponent == 1
        else xp.exp(exponent * xp.log(xp.maximum(v, xp.asarray(TINY, dtype=v.dtype)))) * xp.astype(v > 0, v.dtype)
    )


def activate(layer: Layer, u: Any) -> Any:
    """Return the output of a layer: forward activation, then pooling."""
    xp = array_namespace(u)
    if layer.activation == "tanh":
        y = xp.tanh(u)
    elif layer.activation == "softmax":
        y = softmax(u, layer.exponent)
    elif layer.activation == "winners":
        y = winners(u, layer.winners)
    else:
        y = centred(u) if layer.activation == "triangle" else xp.maximum(u, xp.zeros((), dtype=u.dtype))
        exponent = 1.0 if layer.activation == "relu" else layer.exponent
        if layer.pool is not None and layer.pool.kind == "max":  # the largest power is the power of the largest
            return raised(pool(y, layer.pool), exponent)
        y = raised(y, exponent)
    return y if layer.pool is None else pool(y, layer.pool)


def pool(x: Any, how: Pool) -> Any:
    """Return x pooled over rows and columns."""
    xp = array_namespace(x)
    maximum = how.kind == "max"
    combine = xp.maximum if maximum else xp.add
    for axis in (1, 2):
        if how.padding:
            shape = list(x.shape)
            shape[axis] = how.padding
            edge = xp.full(tuple(shape), -math.inf if maximum else 0.0, dtype=x.dtype)
            x = xp.concat([edge, x, edge], axis=axis)
        count = (x.shape[axis] - how.size) // how.stride + 1
        pooled = None
        for at in range(how.size):
            chosen = slice(at, at + (count - 1) * how.stride + 1, how.stride)
            part = x[:, chosen, ...] if axis == 1 else x[:, :, chosen, ...]
            pooled = part if pooled is None else combine(pooled, part)
        x = pooled
    return x if maximum else x / float(how.size**2)
