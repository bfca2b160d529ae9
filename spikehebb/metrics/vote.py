"""Task metrics from a recording: class profiles and labels of neurons, predictions and their accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from spikehebb.core import Float, Int

NONE = -1  # the label of a neuron that never fired and the prediction for an image without spikes


def class_profile(counts: Any, labels: Int, classes: int) -> Float:
    """Return how often each neuron fires, on average, for an image of each class.

    Parameters
    ----------
    counts : sparse array, shape (images, neurons)
    labels : array of int, shape (images,)
        Of training images, never of test images.

    Returns
    -------
    array, shape (neurons, classes)
    """
    member = sparse.coo_array((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(classes, len(labels)))
    shown = np.bincount(labels, minlength=classes)
    return np.asarray((member.tocsr() @ counts).toarray().T / np.maximum(shown, 1), dtype=np.float64)


def neuron_labels(profile: Float) -> Int:
    """Return the class that each neuron fires most for; ``NONE`` for one that never fired."""
    return np.where(profile.any(axis=1), profile.argmax(axis=1), NONE).astype(np.int64)


def vote(counts: Any, labels: Int) -> Int:
    """Return for each image the label of the neuron that fires most.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> vote(sparse.csr_array([[0, 3], [2, 1], [0, 0]]), np.array([7, 4])).tolist()
    [4, 7, -1]
    """
    winner = np.asarray(counts.argmax(axis=1)).ravel()
    fired = np.asarray(counts.sum(axis=1)).ravel() > 0
    return np.where(fired, labels[winner], NONE).astype(np.int64)


def class_vote(counts: Any, labels: Int, classes: int) -> Int:
    """Return for each image the class whose neurons fire most on average, as Diehl and Cook (2015) read out.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> class_vote(sparse.csr_array([[0, 3, 2], [2, 1, 0], [0, 0, 0]]), np.array([1, 0, 0]), 2).tolist()
    [0, 1, -1]
    """
    member = (np.asarray(labels)[:, None] == np.arange(classes)).astype(float)
    score = np.asarray(counts @ (member / np.maximum(member.sum(axis=0), 1)))
    return np.where(score.any(axis=1), score.argmax(axis=1), NONE).astype(np.int64)


def soft_vote(counts: Any, profile: Float) -> Int:
    """Return for each image the class with the most spikes, each neuron's spread over classes as in its profile."""
    share = profile / np.maximum(profile.sum(axis=1, keepdims=True), 1e-300)
    score = np.asarray(counts @ share)
    return np.where(score.any(axis=1), score.argmax(axis=1), NONE).astype(np.int64)


def likelihood_vote(counts: Any, profile: Float) -> Int:
    """Return for each image the class under which its spikes are most likely: the largest sum of log P(class | neuron).

    The probabilities are a neuron's shares in its profile, a thousandth of a spike added to each class, so that no
    spike rules a class out. Classes are taken to be equally frequent.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> likelihood_vote(sparse.csr_array([[3, 2], [0, 0]]), np.array([[0.6, 0.4], [0.0, 1.0]])).tolist()
    [1, -1]
    """
    table = profile + 1e-3
    score = np.asarray(counts @ np.log(table / table.sum(axis=1, keepdims=True)))
    return np.where(score.any(axis=1), score.argmax(axis=1), NONE).astype(np.int64)


def fit_linear(counts: Any, labels: Int, classes: int) -> Float:
    """Fit multinomial logistic regression to spike counts.

    Returns
    -------
    array, shape (classes, neurons + 1)
        Coefficients, the intercept last; a class that never occurred can never be predicted.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import, and most commands do without

    present = np.unique(labels)
    table = np.zeros((classes, counts.shape[1] + 1))
    table[:, -1] = -1e9
    table[present, -1] = 0
    if len(present) > 1:
        with threadpool_limits(1):  # products with sparse counts have no threads; short sums would wait for them
            model = LogisticRegression(max_iter=500, tol=1e-3).fit(counts.astype(np.float64), labels)
        fitted = np.column_stack([model.coef_, model.intercept_])
        table[present if len(present) > 2 else present[1:]] = fitted
    return table


def predict_linear(counts: Any, table: Float) -> Int:
    """Return the class that a fitted linear readout gives each image."""
    return np.asarray((counts @ table[:, :-1].T + table[:, -1]).argmax(axis=1), dtype=np.int64)


def accuracy(predicted: Int, labels: Int) -> float:
    """Return the share of right predictions."""
    return float(np.mean(predicted == labels))


def confusion(predicted: Int, labels: Int, classes: int) -> Int:
    """Return how many images of each class (row) were taken for each class (column); the last column is none."""
    table = np.zeros((classes, classes + 1), dtype=np.int64)
    np.add.at(table, (labels, np.where(predicted == NONE, classes, predicted)), 1)
    return table
