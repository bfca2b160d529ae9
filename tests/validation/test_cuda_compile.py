"""Every kind of network compiles with nvcc, for two generations of GPUs; no GPU is needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from brian2 import ms

from spikehebb import conversion
from spikehebb.circuits import synapse_pair
from spikehebb.core import Circuit, Protocol, replicas
from spikehebb.datasets import load
from spikehebb.devices import CUDA, CUDA_SINGLE, Device, nvcc
from spikehebb.jobs import Settings
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation.plan import Plan, assemble
from spikehebb.simulation.replicated_plan import plan_of
from spikehebb.simulation.simulate import program
from spikehebb.softhebb import Layer, Model, Network, training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.nvcc,
    pytest.mark.skipif(nvcc.nvcc_path() is None, reason="no nvcc here"),
]


def learner() -> Circuit:
    return Settings(neurons=400).build(np.full((784, 400), 0.1))


def shown(size: int, rows: int = 20) -> Protocol:
    return Protocol(stimuli={"input": np.zeros((rows, size))}, duration=rows * 50 * ms, presentation=50 * ms)


def converted() -> Plan:
    """Return the plan of the second convolution of a converted network: its column, with replicas."""
    layers = tuple(Layer(units=units, kernel=3, padding=1, norm=3.0) for units in (8, 16))
    network = Network(image_shape=(1, 8, 8), layers=layers)
    model = Model(network=network, layers=training.start(network, 0))
    spiking = conversion.to_spiking(model, load("digits", "train")[:50])
    column, size = spiking.stages[1].circuit, spiking.stages[1].circuit.populations["input"].size
    stimulus = Protocol(stimuli={"input": np.zeros((20, size))}, duration=20 * 60 * ms, presentation=60 * ms)
    return plan_of(replicas(column, 16), stimulus, dt=1 * ms, record=("units",))


PLANS: dict[str, Callable[[], Plan]] = {
    "window": lambda: assemble(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms),
    "digits": lambda: assemble(learner(), shown(784), dt=1 * ms, record=("output",)),
    "convolution": converted,
    "replicas": lambda: plan_of(replicas(learner(), 64), [shown(784)] * 64, dt=1 * ms),
    "frozen replicas": lambda: plan_of(replicas(learner().frozen(), 64), [shown(784)] * 64, dt=1 * ms),
}


@pytest.mark.parametrize("device", [CUDA, CUDA_SINGLE], ids=lambda device: device.name)
@pytest.mark.parametrize("name", PLANS)
def test_nvcc_compiles(name: str, device: Device) -> None:
    if name == "convolution" and device is CUDA_SINGLE:
        pytest.skip("its input packs spikes into 53 bits, and single precision is refused")
    built = program(PLANS[name](), device, "sm_80,sm_90")
    assert (built.folder / "main").stat().st_size > 100_000
    binary = (built.folder / "main").read_bytes()
    assert all(f"sm_{number}".encode() in binary or b"sm_%d" % number in binary for number in (80, 90))
