"""Slow: what digit learning must reach (make validate). The numbers are the project's promises, see README."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikehebb.datasets import load
from spikehebb.devices import CPP
from spikehebb.jobs import Settings, learn_digits
from tests.conftest import NO_COMPILER

pytestmark = [pytest.mark.slow, pytest.mark.compiler, NO_COMPILER]


def test_bundled_digits_in_five_passes() -> None:
    """The demo: at least 92 % of the 500 held-out digits with 100 neurons, for each of three seeds."""
    train, test = load("digits", "train"), load("digits", "test")
    for seed in range(3):
        run = learn_digits(train, test, Settings(neurons=100, epochs=5, seed=seed), device=CPP)
        assert run.report["metrics"]["accuracy_vote"] >= 0.92


@pytest.mark.data
@pytest.mark.parametrize(("neurons", "least"), [(100, 0.87), (400, 0.925), (1600, 0.945)])
def test_mnist_in_one_pass(neurons: int, least: float, data_dir: Path) -> None:
    """One pass over 60,000 images, the full test set, labels from training images only, mean of three seeds."""
    train, test = (load("mnist", part, data_dir=data_dir) for part in ("train", "test"))
    runs = [learn_digits(train, test, Settings(neurons=neurons, seed=seed), device=CPP) for seed in range(3)]
    scores = [run.report["metrics"]["accuracy_vote"] for run in runs]
    assert np.mean(scores) >= least, scores
    assert all(run.report["metrics"]["dead_neurons"] == 0 for run in runs)
