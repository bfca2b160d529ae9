"""Tables of features: whether rows are pixels or features, the code of features, and cutting a table in two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikehebb.core import Int
from spikehebb.core.memory import check_memory

CELLS = 10  # for each feature, where nothing else is said
_BETA = 1.5  # Bohte et al.: best between 1 and 2
_FEWEST = 64  # pixels; tables with 16 or 36 columns of whole numbers are common
_RANGES = (1, 16, 255)  # of pixels that are whole numbers; 16 has scikit-learn's and UCI's digits
_PIXELS = ("pixel", "px")  # what a column's name begins with
_SHARE, _STREAM = 0.2, 31  # of a table that becomes its test part, and the random numbers that choose it


def population_code(
    table: ArrayLike, cells: int = CELLS, *, low: ArrayLike | None = None, high: ArrayLike | None = None
) -> NDArray[np.float32]:
    """Return features coded by populations: each by ``cells`` units that are tuned to different values of it.

    Unit ``i``, from 1, of a feature between ``low`` and ``high`` is a Gaussian of height 1 around
    ``low + (i - 1.5)*step`` with standard deviation ``step/1.5``, where ``step = (high - low)/(cells - 2)``: two units
    have their centres outside of the range (Bohte, La Poutre and Kok, IEEE Transactions on Neural Networks 13:426-435,
    2002).

    Parameters
    ----------
    table : array_like, shape (n, features)
    cells : int
        At least 3.
    low, high : array_like, shape (features,), optional
        Of the training part; those of the table when left out. Values beyond are taken for the nearest of the two. A
        feature that is always the same is taken for the middle of its range.

    Returns
    -------
    array of float32, shape (n, features, cells)

    Raises
    ------
    ValueError
        If there are fewer than 3 cells, or a number is not finite.

    Examples
    --------
    >>> from spikehebb.datasets import population_code
    >>> population_code([[0.0], [2.0]], 4).astype(float).round(3).tolist()
    [[[0.755, 0.755, 0.08, 0.001]], [[0.001, 0.08, 0.755, 0.755]]]
    """
    if isinstance(cells, bool) or not isinstance(cells, int) or cells < 3:
        raise ValueError(f"population code: cells must be a whole number of at least 3, got {cells}.")
    values = np.asarray(table, np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"population code: a table must be (n, features) of finite numbers, got {values.shape}.")
    check_memory("a population code", 16.0 * values.size * cells, "take fewer cells")
    lowest = values.min(axis=0) if low is None else np.asarray(low, np.float64)
    highest = values.max(axis=0) if high is None else np.asarray(high, np.float64)
    constant = lowest == highest
    lowest, highest = lowest - 0.5 * constant, highest + 0.5 * constant
    step = (highest - lowest) / (cells - 2)
    within = (np.clip(values, lowest, highest) - lowest) / step  # in steps, so that every feature has the same cells
    distance = (within[..., None] - (np.arange(cells) - 0.5)) * _BETA
    coded: NDArray[np.float32] = np.exp(-(distance**2) / 2).astype(np.float32)
    coded.flags.writeable = False  # so that Images need not copy it
    return coded


def as_pixels(
    owner: str, rows: NDArray[Any], train: NDArray[Any], names: Sequence[str] = (), cells: int | None = None
) -> NDArray[Any]:
    """Return rows of numbers as what ``Images`` shows: square images, or a population code of features.

    Rows are images if their columns are called pixel..., or are a square number of at least 64 and hold whole numbers
    from 0 to 255; all others are features.

    Parameters
    ----------
    owner : str
    rows, train : array, shape (n, columns)
        Of the part, and of the training part, which decides what they are and which range they have.
    names : sequence of str, optional
        Of the columns.
    cells : int, optional
        For each feature; with it rows are features, whatever they hold.

    Raises
    ------
    ValueError
        If pixels are out of range, or seem to be in colour.
    """
    side = round(np.sqrt(rows.shape[1]))
    square = side * side == rows.shape[1]
    called = bool(names) and all(name.casefold().startswith(_PIXELS) for name in names)
    byte = _are_bytes(train)
    third = round(np.sqrt(rows.shape[1] / 3))
    coloured = byte and third * third >= _FEWEST and 3 * third * third == rows.shape[1]
    if cells is not None or not (called or coloured or are_pixels(train)):
        return population_code(rows, CELLS if cells is None else cells, low=train.min(axis=0), high=train.max(axis=0))
    if not square:
        raise ValueError(
            f"{owner}: {rows.shape[1]} pixels are no square, and which of them are which colour cannot be seen; save "
            "images as an npz file of x_train, y_train, x_test and y_test, or code features with --cells."
        )
    if not byte and not (train.min() >= 0 and train.max() <= 1):
        raise ValueError(
            f"{owner}: pixels must be whole numbers from 0 to 255, or go from 0 to 1; got numbers from "
            f"{train.min():g} to {train.max():g}."
        )
    top = next(top for top in _RANGES if train.max() <= top)
    if rows.min() < 0 or rows.max() > top:
        raise ValueError(
            f"{owner}: its training pixels go from 0 to {top}, but its test pixels from {rows.min():g} to "
            f"{rows.max():g}."
        )
    images = rows.reshape(len(rows), side, side)
    return images.astype(np.uint8) if top == 255 else (images / top).astype(np.float32)


def are_pixels(rows: NDArray[Any]) -> bool:
    """Return whether rows of numbers look like square images: at least 64 whole numbers from 0 to 255.

    Examples
    --------
    >>> are_pixels(np.full((2, 64), 7)), are_pixels(np.full((2, 64), 0.5)), are_pixels(np.full((2, 65), 7))
    (True, False, False)
    """
    side = round(np.sqrt(rows.shape[1]))
    return side * side == rows.shape[1] >= _FEWEST and _are_bytes(rows)


def _are_bytes(rows: NDArray[Any]) -> bool:
    return rows.dtype == np.uint8 or bool((rows >= 0).all() and (rows <= 255).all() and (rows == np.floor(rows)).all())


def cut(labels: Int) -> tuple[Int, Int]:
    """Return which rows of a table are for training and which for the test: always the same fifth of each class.

    Examples
    --------
    >>> train, test = cut(np.repeat([0, 1], [10, 5]))
    >>> len(train), np.repeat([0, 1], [10, 5])[test].tolist()
    (12, [0, 0, 1])
    """
    rng = np.random.default_rng((0, _STREAM))
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        chosen[own[: min(max(1, round(_SHARE * len(own))), len(own) - 1)]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
