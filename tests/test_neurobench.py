"""The same spikes in NeuroBench: its counts of operations, its sparsities and its footprint are this toolkit's.

NeuroBench needs PyTorch; ``make neurobench`` installs both and runs this.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb import metrics, protocols
from spikehebb.circuits import lif_wta
from spikehebb.core import Circuit, Recording
from spikehebb.datasets import load
from spikehebb.simulation import simulate

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed here; make neurobench")
pytest.importorskip("neurobench", reason="NeuroBench is not installed here; make neurobench")
static, workload, models, layers, neurons = (
    pytest.importorskip(f"neurobench.{part}")
    for part in ("metrics.static", "metrics.workload", "models", "hooks.layer", "hooks.neuron")
)

IMAGES, STEPS = 3, 40


def network() -> tuple[Circuit, Recording]:
    """Return a winner-take-all network for digits, with half of its weights pruned away."""
    images = load("digits", "test")[:IMAGES]
    rng = np.random.default_rng(5)
    pixels = int(np.prod(images.image_shape))
    circuit = lif_wta(rng.random((pixels, 12)), gain=20.0, drive=1.0)
    weights = np.asarray(circuit.projections["feedforward"].weights)
    circuit = circuit.with_weights(feedforward=weights * (rng.random(weights.shape) < 0.5))
    protocol = protocols.presentations(images, duration=STEPS * ms)
    return circuit, simulate(circuit, protocol, record=("input", "output"), seed=2)


def raster(recording: Recording, name: str) -> Any:
    """Return the spikes of a population as zeros and ones, shape (steps, size)."""
    table = np.zeros((IMAGES * STEPS, len(recording.counts[name])), np.float32)
    spikes = recording.spikes[name]
    table[np.rint(np.asarray(spikes.t) / 1e-3).astype(int), np.asarray(spikes.i)] = 1
    return torch.from_numpy(table)


class Replay(torch.nn.Module):  # type: ignore[misc]
    """Two layers of weights that are shown recorded spikes, step by step."""

    def __init__(self, circuit: Circuit) -> None:
        super().__init__()
        for name, projection in circuit.projections.items():
            weights = torch.from_numpy(np.asarray(projection.weights, np.float32).T.copy())
            layer = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
            layer.weight = torch.nn.Parameter(weights)
            self.add_module(name, layer)
        self.spiking = torch.nn.Identity()

    def forward(self, batch: Any) -> Any:
        for seen, fired in zip(*batch, strict=True):
            self.feedforward(seen[None])
            self.lateral(self.spiking(fired[None]))
        return batch[1].sum(0)


def test_neurobench_counts_the_same() -> None:
    circuit, recording = network()
    work = metrics.count_work(circuit, recording, presentations=IMAGES)
    assert work.spikes > 20
    net = Replay(circuit)
    model = models.TorchModel(net)
    model.connection_hooks = [layers.LayerHook(net.feedforward), layers.LayerHook(net.lateral)]
    model.activation_hooks = [neurons.NeuronHook(net.spiking)]
    batch = (raster(recording, "input"), raster(recording, "output"))
    with torch.no_grad():
        answers = model(batch)
        samples = (torch.zeros(IMAGES, 1), None)  # of which it takes the number
    counts = workload.SynapticOperations()(model, answers, samples)
    single = work.per_presentation()
    assert counts["Effective_ACs"] == single.effective_ac
    assert counts["Effective_MACs"] == single.effective_mac == 0
    assert counts["Dense"] == single.dense
    assert workload.ActivationSparsity()(model, answers, samples) == pytest.approx(work.activation_sparsity, abs=1e-12)
    assert static.ConnectionSparsity()(model) == round(metrics.connection_sparsity(circuit), 4)
    assert static.Footprint()(model) == metrics.footprint(circuit, weight_bits=32).weights
