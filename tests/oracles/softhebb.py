"""SoftHebb in float64 as its authors write it: images (batch, channels, rows, columns), one position after the other.

Equations of Journe et al. (ICLR 2023) and their code, of Krotov and Hopfield (2019), of Miconi (2021), and of Adam
(Kingma and Ba 2015).
A dense layer is a convolution with a kernel of 1 on images of 1 x 1 positions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate2d

from spikehebb.softhebb import Layer, Pool

Float = NDArray[np.float64]


@dataclass
class State:
    """What a layer knows: weight (units, channels, kernel, kernel)."""

    weight: Float
    mean: Float
    variance: Float
    bias: Float
    steps: int = 0


def state(layer: Layer, shape: tuple[int, int, int], rng: np.random.Generator, size: float = 0.4) -> State:
    """Return any state of a layer whose inputs are (channels, rows, columns), in numbers that float32 can hold."""
    channels, kernel = (shape[0], layer.kernel) if layer.kernel else (math.prod(shape), 1)
    return State(
        weight=single(size * rng.standard_normal((layer.units, channels, kernel, kernel))),
        mean=single(rng.uniform(0.2, 0.8, shape[0])),
        variance=single(rng.uniform(0.5, 2, shape[0])),
        bias=single(rng.uniform(-2, -1, layer.units)) if layer.bias else np.zeros(layer.units),
    )


def single(values: Any) -> Float:
    return np.asarray(np.asarray(values, np.float32), np.float64)


def learn(layer: Layer, state: State, x: Float, total: int = 1) -> Float:
    """Let a layer learn from a batch; return its output from before that."""
    if layer.batch_norm:
        n = x[:, 0].size
        for c in range(x.shape[1]):
            mu, biased = x[:, c].mean(), x[:, c].var()
            state.mean[c] = 0.9 * state.mean[c] + 0.1 * mu
            state.variance[c] = 0.9 * state.variance[c] + 0.1 * biased * n / (n - 1)
        x = np.stack([(x[:, c] - x[:, c].mean()) / np.sqrt(x[:, c].var() + 1e-5) for c in range(x.shape[1])], axis=1)
    x = entering(layer, alone(layer, x))
    u = potentials(layer, state, x)
    update(layer, state, x, u, layer.eta * (1 - state.steps / total) if layer.rate == "linear" else layer.eta)
    state.steps += 1
    return output(layer, u)


def infer(layer: Layer, state: State, x: Float) -> Float:
    """Return the output of a layer that does not learn."""
    if layer.batch_norm:
        mu, variance = state.mean[:, None, None], state.variance[:, None, None]
        x = (x - mu) / np.sqrt(variance + 1e-5)
    return output(layer, potentials(layer, state, entering(layer, alone(layer, x))))


def alone(layer: Layer, x: Float) -> Float:
    """Return every image with mean 0 and variance 1, if the layer does that."""
    return np.stack([(image - image.mean()) / image.std() for image in x]) if layer.sample_norm else x


def entering(layer: Layer, x: Float) -> Float:
    """Return what enters both the weighted sums and the update: the padded image, or all of it as one column."""
    if not layer.kernel:
        return x.reshape(len(x), -1, 1, 1)
    p = layer.padding
    return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), "reflect")


def potentials(layer: Layer, state: State, x: Float) -> Float:
    w, step = state.weight, layer.stride
    u = np.stack(
        [
            np.stack(
                [
                    sum(correlate2d(image[c], w[k, c], "valid") for c in range(x.shape[1]))[::step, ::step]
                    + state.bias[k]
                    for k in range(layer.units)
                ]
            )
            for image in x
        ]
    )
    return np.maximum(u - u.mean(axis=1, keepdims=True), 0) if layer.pre_triangle else u


def update(layer: Layer, state: State, x: Float, u: Float, eta: float) -> None:
    w, kernel, t = state.weight, max(layer.kernel, 1), layer.inverse_temperature
    if layer.plasticity == "instar":
        instar(layer, state, x, u, eta)
        return
    change, shares, count = np.zeros_like(w), np.zeros(layer.units), 0
    for b in range(len(x)):
        for i in range(u.shape[2]):
            for j in range(u.shape[3]):
                row, column = layer.stride * i, layer.stride * j
                patch, potential = x[b, :, row : row + kernel, column : column + kernel], u[b, :, i, j]
                y, signed = competition(layer, potential)
                shares, count = shares + y, count + 1
                for k in range(layer.units):
                    change[k] += signed[k] * (patch - potential[k] * w[k])
    change = change / (np.abs(change).max() + 1e-30)
    for k in range(layer.units):
        r = np.sqrt((w[k] ** 2).sum())
        state.weight[k] = w[k] + eta * ((abs(r - 1) + 1e-10) ** layer.power if layer.rate == "norm" else 1) * change[k]
        if layer.unit_norm:
            state.weight[k] /= np.sqrt((state.weight[k] ** 2).sum())
    if layer.bias:
        prior = np.exp(t * state.bias)
        slope = (shares - count * prior) / prior
        state.bias = state.bias + eta * layer.eta_bias / t * slope / (np.abs(slope).max() + 1e-30)


def instar(layer: Layer, state: State, x: Float, u: Float, eta: float) -> None:
    """Miconi's rule: w += eta*mean of y*(x - w), then norm 1 of what is not pruned; thresholds follow the wins."""
    w, kernel, exists = state.weight, max(layer.kernel, 1), state.weight != 0
    change, wins, count = np.zeros_like(w), np.zeros(layer.units), 0
    for b in range(len(x)):
        for i in range(u.shape[2]):
            for j in range(u.shape[3]):
                row, column, count = layer.stride * i, layer.stride * j, count + 1
                for k in winners(layer, u[b, :, i, j]):
                    change[k] += x[b, :, row : row + kernel, column : column + kernel] - w[k]
                    wins[k] += 1
    for k in range(layer.units):
        w[k] = w[k] + eta * change[k] / count
        if layer.pruned:
            w[k] = w[k] * exists[k]
        if layer.unit_norm:
            w[k] = w[k] / np.sqrt((w[k] ** 2).sum())
    if layer.bias:
        state.bias = state.bias - layer.eta_bias * (wins / count - layer.winners / layer.units)


def winners(layer: Layer, u: Float) -> list[int]:
    """Return the units that win at one position."""
    return [k for k in sorted(range(len(u)), key=lambda k: (-u[k], k))[: layer.winners] if u[k] > 0]


def competition(layer: Layer, u: Float) -> tuple[Float, Float]:
    """Return what every unit gets at one position, and that with the sign with which it learns."""
    ranking = sorted(range(len(u)), key=lambda k: (-u[k], k))
    winner = np.arange(len(u)) == ranking[0]
    if layer.plasticity == "hard":
        return winner * 1.0, winner * 1.0
    if layer.plasticity == "krotov-hopfield":
        return winner * 1.0, winner - layer.anti * (np.arange(len(u)) == ranking[layer.rank - 1])
    y = np.exp(layer.inverse_temperature * (u - u.max()))
    y = y / y.sum()
    return y, y if layer.plasticity == "soft" else np.where(winner, y, -y)


def output(layer: Layer, u: Float) -> Float:
    if layer.activation == "triangle":
        y = np.maximum(u - u.mean(axis=1, keepdims=True), 0) ** layer.exponent
    elif layer.activation == "softmax":
        y = np.exp(layer.exponent * u)
        y = y / y.sum(axis=1, keepdims=True)
    elif layer.activation == "tanh":
        y = np.tanh(u)
    elif layer.activation == "winners":
        y = np.zeros_like(u)
        for b, i, j in np.ndindex(len(u), *u.shape[2:]):
            y[b, winners(layer, u[b, :, i, j]), i, j] = 1
    else:
        y = np.maximum(u, 0) ** (layer.exponent if layer.activation == "repu" else 1)
    return y if layer.pool is None else pooled(layer.pool, y)


def pooled(pool: Pool, y: Float) -> Float:
    size, p = pool.size, pool.padding
    y = np.pad(y, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=-np.inf if pool.kind == "max" else 0)
    rows, columns = range(0, y.shape[2] - size + 1, pool.stride), range(0, y.shape[3] - size + 1, pool.stride)
    z = np.zeros((*y.shape[:2], len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            window = y[:, :, row : row + size, column : column + size]
            z[:, :, i, j] = window.max(axis=(2, 3)) if pool.kind == "max" else window.sum(axis=(2, 3)) / size**2
    return z


def adam(
    weight: Float, bias: Float, features: Float, labels: Any, batches: Sequence[Any], rates: Sequence[float]
) -> tuple[Float, Float]:
    """Return a linear readout after one step of Adam on the mean cross-entropy of each batch (rows of ``features``)."""
    value = np.column_stack([weight, bias])
    m, v = np.zeros_like(value), np.zeros_like(value)
    for step, (rows, rate) in enumerate(zip(batches, rates, strict=True), start=1):
        slope = np.zeros_like(value)
        for row in rows:
            x = np.append(features[row], 1)
            p = np.exp(value @ x)
            p /= p.sum()
            p[labels[row]] -= 1
            slope += np.outer(p, x) / len(rows)
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        value = value - rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return value[:, :-1], value[:, -1]


def last(x: Any) -> Any:
    """Return (batch, channels, rows, columns) as (batch, rows, columns, channels)."""
    return np.ascontiguousarray(np.transpose(x, (0, 2, 3, 1)))


def first(x: Any) -> Any:
    """Return (batch, rows, columns, channels) as (batch, channels, rows, columns)."""
    return np.ascontiguousarray(np.transpose(x, (0, 3, 1, 2)))
