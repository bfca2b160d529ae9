"""What features are worth: a linear readout with dropout and Adam, ridge and logistic regression, voting units."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve

from spikehebb.core import Int
from spikehebb.softhebb.backend import Each
from spikehebb.softhebb.model import Array
from spikehebb.softhebb.network import Readout

COLUMNS = 4  # blocks of features, each worked on by one core
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # Adam's usual constants


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A linear readout while it is fitted: weights (classes, features), biases (classes,), Adam's moments of both."""

    epoch: int
    weight: Array
    bias: Array
    moments: tuple[Array, Array, Array, Array]


def begin(features: int, classes: int, seed: int) -> Fit:
    """Return weights and biases uniform within 1/sqrt(features), as PyTorch's linear layers start."""
    rng = np.random.default_rng((seed, 2))
    bound = features**-0.5
    weight = rng.uniform(-bound, bound, (classes, features)).astype(np.float32)
    bias = rng.uniform(-bound, bound, classes).astype(np.float32)
    zeros = (np.zeros_like(weight), np.zeros_like(weight), np.zeros_like(bias), np.zeros_like(bias))
    return Fit(epoch=0, weight=weight, bias=bias, moments=zeros)


def fit_epoch(fit: Fit, features: Any, labels: Int, settings: Readout, seed: int, each: Each) -> tuple[Fit, float]:
    """Return a readout after one more epoch.

    Parameters
    ----------
    fit : Fit
    features : array of float32, shape (images, features)
        Of training images; may be mapped from disk.
    labels : array of int, shape (images,)
    settings : Readout
    seed : int
        Of order and dropout.
    each
        From ``cores.working``.

    Returns
    -------
    fit : Fit
    accuracy : float
        On the training images while it learned, with dropout.
    """
    count, width = features.shape
    step = -(-width // min(COLUMNS, width))
    columns = [slice(first, min(first + step, width)) for first in range(0, width, step)]
    order = np.random.default_rng((seed, 3, fit.epoch)).permutation(count)
    random = [np.random.default_rng((seed, 4, fit.epoch, number)) for number in range(len(columns))]
    weights, first, second = (
        [np.ascontiguousarray(table[:, at]) for at in columns] for table in (fit.weight, *fit.moments[:2])
    )
    bias, bias_first, bias_second = (array.copy() for array in (fit.bias, *fit.moments[2:]))
    batches = -(-count // settings.batch)
    done, right, eta = fit.epoch * batches, 0, settings.rates()[fit.epoch]
    levels = min(round(256 * settings.dropout), 255)  # random bytes below it leave a feature out
    scale = np.float32(256 / (256 - levels))

    for number in range(batches):
        rows = order[number * settings.batch : (number + 1) * settings.batch]

        def multiply(block: int, rows: Int = rows) -> tuple[Array, Array]:
            x = features[rows, columns[block]]
            if levels:
                x *= np.frombuffer(random[block].bytes(x.size), np.uint8).reshape(x.shape) >= levels
            return x, x @ weights[block].T

        products = each(multiply, list(range(len(columns))))
        z = bias + scale * sum(part for _, part in products)
        right += int(np.sum(z.argmax(axis=1) == labels[rows]))
        error = np.exp(z - z.max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(rows)), labels[rows]] -= 1
        error /= np.float32(len(rows))
        rate = _rate(eta, done + number + 1)

        def change(
            block: int, error: Array = error, products: Any = products, rate: tuple[float, float] = rate
        ) -> None:
            _adam(weights[block], scale * (error.T @ products[block][0]), first[block], second[block], rate)

        each(change, list(range(len(columns))))
        _adam(bias, error.sum(axis=0), bias_first, bias_second, rate)
    weight, one, two = (np.concatenate(parts, axis=1) for parts in (weights, first, second))
    fit = dataclasses.replace(
        fit, epoch=fit.epoch + 1, weight=weight, bias=bias, moments=(one, two, bias_first, bias_second)
    )
    return fit, right / count


def _rate(eta: float, step: int) -> tuple[float, float]:
    """Return Adam's step size and the term of its denominator, both corrected for the moments' start at 0."""
    correction = (1 - _BETA_2**step) ** 0.5
    return eta * correction / (1 - _BETA_1**step), _EPSILON * correction


def _adam(value: Array, slope: Array, first: Array, second: Array, rate: tuple[float, float]) -> None:
    first *= _BETA_1
    first += (1 - _BETA_1) * slope
    second *= _BETA_2
    slope *= slope
    second += (1 - _BETA_2) * slope
    step = np.sqrt(second)
    step += np.float32(rate[1])
    np.divide(first, step, out=step)
    step *= np.float32(rate[0])
    value -= step


def predict(weight: Array, bias: Array, parts: Iterable[Any]) -> Int:
    """Return the class of every image, from chunks of features (images, features)."""
    return np.concatenate([np.asarray((part @ weight.T + bias).argmax(axis=1), np.int64) for part in parts])


def ridge(parts: Iterable[tuple[Any, Int]], features: int, classes: int, strength: float = 1e-3) -> tuple[Array, Array]:
    """Fit ridge regression to one-hot labels.

    Parameters
    ----------
    parts : iterable of (array (images, features), array of int (images,))
        Training images, in chunks.
    features, classes : int
    strength : float
        Of the penalty, relative to the mean variance of a feature times the number of images.

    Returns
    -------
    weight : array, shape (classes, features)
    bias : array, shape (classes,)
    """
    gram, cross = np.zeros((features, features), np.float32), np.zeros((features, classes), np.float32)
    total, shown, count = np.zeros(features), np.zeros(classes), 0
    for x, labels in parts:
        gram += x.T @ x
        cross += x.T @ np.eye(classes, dtype=np.float32)[labels]
        total += x.sum(axis=0, dtype=np.float64)
        shown += np.bincount(labels, minlength=classes)
        count += len(labels)
    mean = (total / count).astype(np.float32)
    for start in range(0, features, 1024):  # in pieces: the whole outer product would be as large as the matrix
        gram[start : start + 1024] -= count * np.outer(mean[start : start + 1024], mean)
    cross -= np.outer(mean, shown.astype(np.float32))
    diagonal = np.einsum("ii->i", gram)
    diagonal += strength * diagonal.mean() + np.float32(1e-12)
    weight = solve(gram, cross, assume_a="pos", overwrite_a=True, overwrite_b=True).T
    return np.ascontiguousarray(weight, np.float32), (shown / count - weight @ mean).astype(np.float32)


def logistic(features: Any, labels: Int, classes: int, strength: float = 1.0) -> tuple[Array, Array]:
    """Fit multinomial logistic regression (scikit-learn's, L-BFGS); ``strength`` is of its penalty.

    Returns
    -------
    weight : array, shape (classes, features)
        Zero, with a bias of -1e9, for classes that never occur.
    bias : array, shape (classes,)
    """
    from sklearn.linear_model import LogisticRegression

    present = np.unique(labels)
    weight, bias = np.zeros((classes, features.shape[1]), np.float32), np.full(classes, -1e9, np.float32)
    bias[present] = 0
    if len(present) > 1:
        model = LogisticRegression(C=1 / strength, max_iter=200, tol=1e-3).fit(features, labels)
        rows = present if len(present) > 2 else present[1:]
        weight[rows], bias[rows] = model.coef_, model.intercept_
    return weight, bias


def vote_labels(parts: Iterable[tuple[Any, Int]], units: int, classes: int) -> Int:
    """Return a class for every unit: that for which it wins most often.

    A unit that never wins gets the class to which it gives the largest output in all.

    Parameters
    ----------
    parts : iterable of (array (images, units), array of int (images,))
        Outputs and labels of training images, in chunks.
    units, classes : int

    Returns
    -------
    array of int, shape (units,)
    """
    wins, given = np.zeros((classes, units)), np.zeros((classes, units))
    for y, labels in parts:
        np.add.at(wins, (labels, y.argmax(axis=1)), 1)
        given += np.eye(classes)[labels].T @ y
    return np.where(wins.any(axis=0), wins.argmax(axis=0), given.argmax(axis=0)).astype(np.int64)
