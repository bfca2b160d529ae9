"""The scores that spike counts of a network that learned images give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb import metrics
from spikehebb.core import Float, Int, Samples


def scores_of(
    arrays: Mapping[str, NDArray[Any]], counts: Any, images: Samples, seconds: float
) -> tuple[dict[str, Any], Int]:
    """Return the scores that spike counts (images, neurons) give, and the class of each image by single-neuron vote."""
    labels = np.asarray(images.labels)
    votes, predicted = votes_of(np.asarray(arrays["profile"]), counts, labels)
    return {
        **votes,
        "accuracy_linear": metrics.accuracy(metrics.predict_linear(counts, np.asarray(arrays["linear"])), labels),
        "ms_per_image_test": 1000 * seconds / len(images),
    }, predicted


def votes_of(profile: Float, counts: Any, labels: Int) -> tuple[dict[str, float], Int]:
    """Return the accuracies of the votes of neurons, and the class of each image by single-neuron vote.

    Parameters
    ----------
    profile : array, shape (neurons, classes)
        Mean spikes of each neuron for training images of each class.
    counts : array, shape (images, neurons)
    labels : array of int, shape (images,)
    """
    names = metrics.neuron_labels(profile)
    predicted, classwise = metrics.vote(counts, names), metrics.class_vote(counts, names, profile.shape[1])
    return {
        "accuracy_vote": metrics.accuracy(predicted, labels),
        "accuracy_class_vote": metrics.accuracy(classwise, labels),
        "accuracy_soft_vote": metrics.accuracy(metrics.soft_vote(counts, profile), labels),
        "accuracy_likelihood_vote": metrics.accuracy(metrics.likelihood_vote(counts, profile), labels),
    }, predicted


def readouts(counts: Any, labels: Int, classes: int) -> dict[str, NDArray[Any]]:
    """Return the readouts that spike counts for labelled training images give: class profile and linear readout."""
    return {
        "profile": metrics.class_profile(counts, labels, classes),
        "linear": metrics.fit_linear(counts, labels, classes),
    }
