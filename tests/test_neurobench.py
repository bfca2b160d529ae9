"""The same spikes in NeuroBench's harness: its counts of operations, sparsities and answers are this toolkit's.

NeuroBench needs PyTorch; ``make neurobench`` installs both, runs this and measures a model of the zoo.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb import devices
from spikehebb.circuits import lif_wta
from spikehebb.circuits.lif import with_votes
from spikehebb.core import Circuit
from spikehebb.datasets import load
from spikehebb.export import circuit_graph, write_nir

pytest.importorskip("torch", reason="PyTorch is not installed here; make neurobench")
pytest.importorskip("neurobench", reason="NeuroBench is not installed here; make neurobench")

IMAGES, STEPS, NEURONS = 60, 40, 12  # more images than a batch has


def network() -> Circuit:
    """Return a winner-take-all for digits, its weights whole steps, and half of them pruned away."""
    rng = np.random.default_rng(5)
    circuit = lif_wta(rng.random((64, NEURONS)), gain=20.0, drive=1.0)
    weights = np.asarray(circuit.projections["feedforward"].weights)
    steps = np.round(weights * 1024) / 1024 * (rng.random(weights.shape) < 0.5)
    return with_votes(circuit.with_weights(feedforward=steps), np.arange(NEURONS) % 10, 10)


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    return importlib.import_module("neurobench_harness")


def test_neurobench_counts_the_same(harness: Any, tmp_path: Path) -> None:
    circuit, images = network(), load("digits", "test")[:IMAGES]
    rows = images.intensities().reshape(IMAGES, -1)
    spikes = harness.rasters(circuit, rows, SimpleNamespace(dt_ms=1.0, steps=STEPS), devices.NUMPY, 2)
    assert spikes["output"].sum() > 5 * IMAGES
    own, votes = harness.counts(circuit, spikes, images.labels)
    write_nir(circuit_graph(circuit, dt=1 * ms, dialect="snntorch"), tmp_path / "network.nir")
    theirs, answers = harness.neurobench(tmp_path / "network.nir", spikes["input"], np.asarray(images.labels))
    np.testing.assert_array_equal(answers, votes)
    seen, fired = (spikes[name].astype(np.int64) for name in ("input", "output"))
    weights = np.asarray(circuit.projections["feedforward"].weights)
    fan_out = np.count_nonzero(weights, axis=1)
    acting = (seen[:, :-1].sum(axis=(0, 1)) @ fan_out + fired.sum() * NEURONS) / IMAGES  # lateral and one vote
    assert theirs["Effective_ACs"] == acting
    assert own["Effective_ACs"] - own["Effective_ACs_late"] == pytest.approx(acting, rel=1e-12)
    assert theirs["Dense"] == own["Dense"] == STEPS * NEURONS * (64 + NEURONS + 10)
    assert theirs["Effective_MACs"] == own["Effective_MACs"] == 0
    assert theirs["ActivationSparsity"] == pytest.approx(1 - fired.mean(), abs=1e-12)
    assert own["ActivationSparsity"] == pytest.approx(1 - fired.mean(), abs=1e-12)
    zeros = np.sum(weights == 0) + NEURONS + NEURONS * 9
    assert own["ConnectionSparsity"] == pytest.approx(zeros / (NEURONS * 86), abs=1e-12)
    assert theirs["ConnectionSparsity"] == round(own["ConnectionSparsity"], 4)
    assert theirs["weights_bytes"] == own["weights_bytes"] == 4 * NEURONS * 86
    assert theirs["ClassificationAccuracy"] == pytest.approx(np.mean(votes == images.labels), abs=1e-6)
    assert harness.differences(own, theirs, 3 * STEPS * 2) == []


def test_a_difference_is_named(harness: Any) -> None:
    own = {"Dense": 100.0, "Effective_ACs": 60.0, "Effective_ACs_late": 10.0, "ConnectionSparsity": 0.12345}
    theirs = {"Dense": 100.0, "Effective_ACs": 50.0, "ConnectionSparsity": 0.1234, "Footprint": 7.0}
    assert harness.differences({**own, "ConnectionSparsity": 0.12344}, theirs, 3) == []
    assert harness.differences({**own, "ConnectionSparsity": 0.2}, {**theirs, "Dense": 101.0}, 3) == [
        "Dense 100 101",
        "ConnectionSparsity 0.2 0.1234",
    ]
