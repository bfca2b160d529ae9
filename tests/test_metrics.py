"""Scores, on counts small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms
from scipy import sparse

from spikehebb import metrics
from spikehebb.core import Spikes
from spikehebb.simulation import presentation_counts

COUNTS = sparse.csr_array(np.array([[3, 0, 0], [2, 1, 0], [0, 4, 0], [1, 3, 0]]))
LABELS = np.array([7, 7, 2, 2])


def test_counts_of_presentations() -> None:
    # 30 ms is on the border: it belongs to the third presentation, also where it was rounded down
    spikes = Spikes(i=np.array([0, 1, 1, 0]), t=np.array([0, 14.9, 15, np.nextafter(30, 0)]) * ms)
    counts = presentation_counts(spikes, neurons=2, presentations=3, presentation=15 * ms)
    assert counts.toarray().tolist() == [[1, 1], [0, 1], [1, 0]]


def test_profile_labels_and_votes() -> None:
    profile = metrics.class_profile(COUNTS, LABELS, 10)
    assert profile[:, 7].tolist() == [2.5, 0.5, 0]
    assert profile[:, 2].tolist() == [0.5, 3.5, 0]
    labels = metrics.neuron_labels(profile)
    assert labels.tolist() == [7, 2, metrics.NONE]
    seen = sparse.csr_array(np.array([[1, 0, 0], [1, 5, 0], [0, 0, 9], [0, 0, 0]]))
    assert metrics.vote(seen, labels).tolist() == [7, 2, metrics.NONE, metrics.NONE]
    assert metrics.soft_vote(seen, profile).tolist() == [7, 2, metrics.NONE, metrics.NONE]


def test_labels_follow_rates_not_numbers_of_images() -> None:
    """A neuron that fires once for each of 9 images of class 0 and twice for the only image of class 1 is a 1."""
    counts = sparse.csr_array(np.array([[1]] * 9 + [[2]]))
    profile = metrics.class_profile(counts, np.array([0] * 9 + [1]), 10)
    assert metrics.neuron_labels(profile).tolist() == [1]


def test_a_split_vote_is_decided_by_profiles() -> None:
    """Two neurons of class 0 that each fire less than one neuron of class 1 outweigh it together."""
    profile = np.zeros((3, 10))
    profile[[0, 1], 0] = 1
    profile[2, 1] = 1
    seen = sparse.csr_array(np.array([[2, 2, 3]]))
    assert metrics.vote(seen, metrics.neuron_labels(profile)).tolist() == [1]
    assert metrics.soft_vote(seen, profile).tolist() == [0]


@pytest.mark.parametrize("classes", [[0, 1, 2], [3, 8], [5]])
def test_linear_readout_learns_what_can_be_separated(classes: list[int], rng: np.random.Generator) -> None:
    labels = rng.choice(classes, 120)
    counts = sparse.csr_array(rng.poisson(0.2, (120, 10)) + 5 * np.eye(10, dtype=int)[labels])
    table = metrics.fit_linear(counts, labels, 10)
    assert table.shape == (10, 11)
    assert np.isfinite(table).all()
    assert metrics.accuracy(metrics.predict_linear(counts, table), labels) == 1


def test_confusion_counts_every_image_once() -> None:
    table = metrics.confusion(np.array([1, 2, metrics.NONE, 2]), np.array([1, 2, 2, 0]), classes=3)
    assert table.tolist() == [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 1]]
