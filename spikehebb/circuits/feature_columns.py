"""Columns of competing neurons at every position of an image, with shared weights, and cells that pool them."""

from __future__ import annotations

import numpy as np
from brian2 import Hz, Quantity, ms
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter1d

from spikehebb.circuits.column import phases
from spikehebb.core import Circuit, Float, Population, Projection
from spikehebb.encoders import regular
from spikehebb.neurons import escape_rate, floored_log_sum_exp, mean_count

_REACH = 1e-3  # of the largest weight: what is less is no synapse


def feature_columns(
    weights: ArrayLike,
    image_shape: tuple[int, int, int],
    *,
    temperature: float = 0.1,
    floor: float = 0.7,
    rate: Quantity = 400 * Hz,
    max_rate: Quantity = 200 * Hz,
    tau_m: Quantity = 10 * ms,
    spread: float = 1.5,
    pool: int = 2,
    quantum: float = 0.3,
) -> Circuit:
    """Return a soft winner-take-all column at every position of an image, each column with the same weights.

    What its neurons see is a field around its position; they fire as in ``soft_wta``, but for a competitor of constant
    drive that never fires, so that a column without input is silent and contrast saturates. Cells of each feature pool
    the spikes of their surroundings (complex cells): integrate-and-fire neurons that are reset by subtraction.

    Parameters
    ----------
    weights : array_like, shape (features, channels, kernel, kernel)
        Of the neurons of a column; each is scaled to length 1. The side of a field is odd.
    image_shape : (channels, height, width)
    temperature : float
        Of the softmax, for pixels from 0 to 1.
    floor : float
        The drive of the constant competitor, likewise.
    rate : Quantity
        Of all neurons of a column that is driven hard.
    max_rate : Quantity
        Of an input neuron whose pixel is 1.
    tau_m : Quantity
    spread : float
        Standard deviation, in pixels, of the Gaussian surroundings from which a cell pools.
    pool : int
        A cell stands for so many positions in height and in width.
    quantum : float
        A cell fires once for so many spikes of its surroundings, in their weighted mean.

    Returns
    -------
    Circuit
        With the populations ``input``; ``columns``, in the order (row, column, feature); ``competition``; and
        ``pooled``, in the order (feature, row, column).

    References
    ----------
    Journe et al., ICLR 2023 (shared weights and soft competition); Riesenhuber and Poggio, Nature Neuroscience 2, 1999
    (complex cells pool); Nessler et al., PLoS Comput. Biol. 9(4):e1003037, 2013 (the competition).

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import feature_columns
    >>> circuit = feature_columns(np.ones((4, 1, 3, 3)), (1, 8, 8))
    >>> {name: population.size for name, population in circuit.populations.items()}
    {'input': 64, 'columns': 256, 'competition': 64, 'pooled': 64}
    """
    table = np.asarray(weights, float)
    channels, height, width = image_shape
    if table.ndim != 4 or table.shape[2] != table.shape[3] or not table.shape[2] % 2:
        raise ValueError(
            f"feature_columns: weights must be (features, channels, kernel, kernel), kernel odd, got {table.shape}."
        )
    if table.shape[1] != channels or min(height, width) < max(pool, table.shape[2]):
        raise ValueError(
            f"feature_columns: fields of {table.shape[1:]} and cells of {pool} x {pool} do not fit images of "
            f"{tuple(image_shape)}."
        )
    lengths = np.sqrt((table**2).sum(axis=(1, 2, 3), keepdims=True))
    fields, seen = _fields(table / np.where(lengths > 0, lengths, 1), height, width)
    features, positions = len(table), height * width
    pooled = _pooling(features, height, width, spread, pool) / quantum
    spikes = float(max_rate * tau_m)  # what an input of 1 adds up to in u
    own = np.repeat(np.arange(positions), features)[:, None] == np.arange(positions)
    return Circuit(
        name="feature_columns",
        populations={
            "input": Population(model=regular.with_parameters(max_rate=max_rate), size=channels * positions),
            "columns": Population(
                model=escape_rate.with_parameters(tau_m=tau_m, temperature=temperature * spikes, rate=rate),
                size=positions * features,
            ),
            "competition": Population(
                model=floored_log_sum_exp.with_parameters(floor_drive=floor / temperature), size=positions
            ),
            "pooled": Population(model=mean_count.with_parameters(phase=phases(pooled.shape[1])), size=pooled.shape[1]),
        },
        projections={
            "field": Projection(pre="input", post="columns", weights=fields, connected=seen),
            "excite": Projection(
                pre="columns",
                post="competition",
                summed={"Z": "exp(u_pre/temperature_pre - I_post)"},
                connected=own,
            ),
            "inhibit": Projection(pre="competition", post="columns", summed={"I": "I_pre"}, connected=own.T),
            "pool": Projection(pre="columns", post="pooled", weights=pooled, connected=pooled > 0),
        },
        reference="Journe et al., ICLR 2023; Nessler et al., PLoS Comput. Biol. 9(4):e1003037, 2013",
    )


def _fields(weights: Float, height: int, width: int) -> tuple[Float, Float]:
    """Return the weights from pixels to the neurons of all columns, and which of them are synapses."""
    features, channels, kernel, _ = weights.shape
    rows, columns = np.indices((height, width))
    numbers = np.arange(channels * height * width).reshape(channels, height, width)
    table = np.zeros((numbers.size, height * width, features))
    seen = np.zeros(table.shape, bool)
    for down in range(kernel):
        for right in range(kernel):
            above, left = rows + down - kernel // 2, columns + right - kernel // 2
            inside = (above >= 0) & (above < height) & (left >= 0) & (left < width)
            at = (rows * width + columns)[inside]
            for channel in range(channels):
                pixel = numbers[channel, above[inside], left[inside]]
                table[pixel, at] = weights[:, channel, down, right]
                seen[pixel, at] = True
    return table.reshape(numbers.size, -1), seen.reshape(numbers.size, -1)


def _pooling(features: int, height: int, width: int, spread: float, pool: int) -> Float:
    """Return the weights from the neurons of all columns to the cells that pool each feature; sums are at most 1."""
    down, right = (_pooled(size, spread, pool) for size in (height, width))
    one = np.einsum("ya,xb->yxab", down, right).reshape(height * width, -1)
    one[one < _REACH * one.max()] = 0
    table = np.zeros((height * width, features, features, one.shape[1]))
    for feature in range(features):
        table[:, feature, feature] = one
    return table.reshape(height * width * features, -1)


def _pooled(size: int, spread: float, pool: int) -> Float:
    """Return the weights of pooling in one direction, shape (size, cells)."""
    blurred = gaussian_filter1d(np.eye(size), spread, axis=0, mode="constant").T if spread else np.eye(size)
    cells = np.zeros((size, size // pool))
    within = np.arange(size // pool * pool)
    cells[within, within // pool] = 1 / pool
    return np.asarray(blurred @ cells)
