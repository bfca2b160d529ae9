"""The forward pass of a converted network in plain NumPy, written from the equations and not from the Brian2 text.

A unit's potential is the mean of its weighted input spikes since the onset, plus its bias. It fires while
``gain*elapsed*drive**exponent + phase`` is at least one ahead of what it has sent. Loops over positions, no shared code
with the toolkit's patches and pooling.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikehebb.softhebb import Layer
from spikehebb.softhebb.model import Weights

EPSILON = 1e-5
GOLDEN = (np.sqrt(5) - 1) / 2


def reflected(at: int, side: int) -> int:
    """Return the row that a padded row shows."""
    if at < 0:
        return -at
    return 2 * (side - 1) - at if at >= side else at


def drives(layer: Layer, weights: Weights, mean_spikes: Any) -> Any:
    """Return the drive of every unit, (height, width, units), from mean inputs (height, width, channels)."""
    normal = (np.asarray(mean_spikes, float) - weights.mean) / np.sqrt(np.asarray(weights.variance, float) + EPSILON)
    if not layer.batch_norm:
        normal = np.asarray(mean_spikes, float)
    height, width, _ = normal.shape
    rows, columns = ((side + 2 * layer.padding - layer.kernel) // layer.stride + 1 for side in (height, width))
    u = np.zeros((rows, columns, layer.units))
    for row in range(rows):
        for column in range(columns):
            for a in range(layer.kernel):
                for b in range(layer.kernel):
                    y = reflected(row * layer.stride + a - layer.padding, height)
                    x = reflected(column * layer.stride + b - layer.padding, width)
                    u[row, column] += np.asarray(weights.weight, float)[:, :, a, b] @ normal[y, x]
    if layer.pre_triangle:
        u = np.maximum(u - u.mean(axis=-1, keepdims=True), 0)
    if layer.activation == "triangle":
        u = u - u.mean(axis=-1, keepdims=True)
    return np.maximum(u, 0)


def fired(layer: Layer, weights: Weights, raster: Any, *, gain: float, gain_in: float, latency: int) -> Any:
    """Return the spikes of a layer, (steps, height, width, units), from those that it sees.

    ``gain`` and ``gain_in`` are spikes per step for an activation of 1.
    """
    heard, sent, out = np.zeros(raster.shape[1:]), None, []
    phase = (np.arange(1, layer.units + 1) * GOLDEN) % 1
    for step, arriving in enumerate(raster):
        elapsed = step - latency
        if elapsed > 0:
            target = gain * elapsed * drives(layer, weights, heard / elapsed / gain_in) ** layer.exponent
            sent = np.zeros_like(target) if sent is None else sent
            now = (target > 0) & (target + phase >= sent + 1)
            sent = sent + now
            out.append(now)
        else:
            out.append(None)
        heard = heard + arriving
    blank = np.zeros_like(out[-1])
    return np.array([blank if now is None else now for now in out])


def largest(raster: Any, size: int, stride: int) -> Any:
    """Return spikes of units that fire, a step later, whenever an input has fired more often than they have."""
    steps, height, width, units = raster.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    counts, sent = np.zeros(raster.shape[1:], int), np.zeros((rows, columns, units), int)
    out = np.zeros((steps, rows, columns, units), bool)
    for step in range(steps):
        for row in range(rows):
            for column in range(columns):
                window = counts[row * stride : row * stride + size, column * stride : column * stride + size]
                out[step, row, column] = window.max(axis=(0, 1)) > sent[row, column]
        sent += out[step]
        counts += raster[step]
    return out
