"""What a simulation costs: loads counted by hand, costs recovered by a fit, memory, and the advice that follows."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from spikehebb import devices
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.core import Protocol, replicas
from spikehebb.jobs import Settings, advise
from spikehebb.protocols import pairing
from spikehebb.rules import softhebb, stdp_pair
from spikehebb.simulation import costs
from spikehebb.simulation.costs import Cost, Load
from spikehebb.simulation.plan import assemble
from spikehebb.simulation.replicated_plan import plan_of
from tests import cuda_on_cpu
from tests.conftest import NO_BRIAN2CUDA

SHOWN = Protocol(stimuli={"input": np.zeros((1, 784))}, duration=50 * ms, presentation=50 * ms)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))


def test_the_load_of_a_learning_network_by_hand() -> None:
    """784 inputs and 400 outputs: 8 spikes reach 400 neurons, half a spike changes 784 weights, 400 potentials are
    summed, and the sum is handed to 400.
    """
    plan = assemble(soft_wta(np.ones((784, 400)), rule=softhebb), SHOWN, dt=1 * ms)
    load = costs.load_of(plan, {"input": 8, "output": 0.5})
    assert load.events == 8 * 400 + 0.5 * 784 + 400 + 400
    assert load.neurons == 784 + 400 + 1
    many = costs.load_of(plan_of(replicas(soft_wta(np.ones((784, 400)), rule=softhebb), 3), SHOWN, dt=1 * ms), {
        "input": 24, "output": 1.5
    })  # fmt: skip
    assert (many.events, many.neurons) == (3 * load.events, 3 * load.neurons)
    assert (many.kernels, many.waits) == (load.kernels, load.waits)  # what fills a GPU


def test_kernels_are_counted_as_brian2cuda_starts_them(emulated: Path, tmp_path: Path) -> None:
    """Within one: what happens at onsets only is not counted."""
    from spikehebb.simulation.network import build
    from spikehebb.simulation.recording import counting

    kit = devices.nvcc.toolkit()
    plan = assemble(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms)
    with devices.cuda_project(devices.CUDA, kit) as project:
        devices.write_cuda(project, build(counting(plan), device=devices.CUDA)[0], tmp_path / "out", kit, "sm_90")
    main = (tmp_path / "out" / "main.cu").read_text()
    started = [line for line in main.splitlines() if "network.add(&steps" in line]
    thresholds = sum("thresholder" in line for line in started)  # start two kernels each
    nothing = sum("push_spikes" in line or "random_number_buffer" in line for line in started)
    assert costs.load_of(plan, {}).kernels == pytest.approx(len(started) + thresholds - nothing, abs=1)


def test_costs_are_recovered_by_a_fit() -> None:
    truth = Cost(step=1e-5, kernels=0, waits=0, neurons=2e-8, events=1e-9)
    loads = [
        Load(kernels=20, waits=5, neurons=n, events=e)
        for n, e in ((100, 1e4), (1000, 1e3), (5000, 1e5), (20, 10), (3e4, 1e6))
    ]
    fitted = costs.fit(loads, [truth.seconds(load) for load in loads], measured="here")
    assert [fitted.seconds(load) for load in loads] == pytest.approx([truth.seconds(load) for load in loads], rel=1e-6)
    assert (fitted.neurons, fitted.events) == pytest.approx((2e-8, 1e-9), rel=1e-6)
    assert fitted.measured == "here"
    noisy = costs.fit(loads, [1.1 * truth.seconds(loads[0]), *map(truth.seconds, loads[1:])], measured="here")
    assert min(noisy.step, noisy.neurons, noisy.events) >= 0
    with pytest.raises(ValueError, match="a fit of 3 costs needs as many measurements, got 2"):
        costs.fit(loads[:2], [1, 2], measured="here")


def test_measured_costs_are_kept_and_checked() -> None:
    assert costs.known() == (costs.CPU_COST, costs.GPU_COST)
    gpu_cost = dataclasses.replace(costs.GPU_COST, kernels=1e-6, measured="a GPU, today")
    costs.keep(gpu=gpu_cost)
    assert costs.known() == (costs.CPU_COST, gpu_cost)
    for damage in (
        "{",
        json.dumps({"gpu": {"step": -1}}),
        json.dumps({"gpu": dataclasses.asdict(gpu_cost) | {"step": -1}}),
    ):
        costs.kept().write_text(damage)
        with pytest.raises(
            ValueError, match=r"costs.json is damaged \(.*\); delete it, or run benchmarks/gpu.py again"
        ):
            costs.known()


def test_memory_counts_shared_weights_once() -> None:
    learning = soft_wta(np.ones((784, 400)), rule=softhebb)
    plans = [
        plan_of(replicas(circuit, n), SHOWN, dt=1 * ms) for circuit in (learning, learning.frozen()) for n in (1, 64)
    ]
    sizes = [costs.memory(plan, devices.CUDA)["synapses"] for plan in plans]
    assert sizes[1] == 64 * sizes[0]
    assert sizes[0] >= 784 * 400 * (8 + 8)  # a weight and two numbers of neurons, at least
    small = [costs.memory(plan, devices.CUDA)["synapses"] - 784 * 400 * 8 for plan in plans[2:]]
    assert 0 < small[0] < 0.1 * sizes[0]  # the feedforward table is one; inhibition is synapses
    assert small[1] == 64 * small[0]
    plain = assemble(learning.frozen(), SHOWN, dt=1 * ms)
    assert costs.memory(plain, devices.CUDA)["synapses"] == 784 * 400 * 8 + small[0]
    single = costs.memory(plans[1], devices.CUDA_SINGLE)
    assert single["synapses"] < sizes[1]
    assert sum(single.values()) < sum(costs.memory(plans[1], devices.CUDA).values())


def test_advice_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.nvcc, "gpus", list)
    advice = advise(Settings(neurons=1600), replicas=64)  # 3 GB of weights
    assert advice.device is devices.find("auto")
    assert advice.reason.endswith("as there is no NVIDIA GPU here")
    assert advice.cpu > advice.gpu  # and yet


@NO_BRIAN2CUDA
def test_advice_with_a_gpu(emulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, many = advise(Settings(neurons=100)), advise(Settings(neurons=400), replicas=64)
    assert (small.device, many.device) == (devices.find("auto"), devices.CUDA)
    assert "on An emulated GPU" in many.reason
    assert "a GPU's costs are assumed" in many.reason
    costs.keep(gpu=Cost(step=1, kernels=0, waits=0, neurons=0, events=0, measured="a slow GPU"))
    slow = advise(Settings(neurons=400), replicas=64)
    assert slow.device is devices.find("auto")
    assert "measured: a slow GPU" in slow.reason
    little = cuda_on_cpu.toolkit(tmp_path / "little", memory=700)
    monkeypatch.setenv("PATH", f"{little / 'bin'}:/bin:/usr/bin")
    assert (
        "although An emulated GPU is here: device cuda: this needs" in advise(Settings(neurons=400), replicas=64).reason
    )
    monkeypatch.setattr(devices.cuda, "brian2cuda_version", lambda: None)
    assert "needs brian2cuda" in advise(Settings(neurons=400)).reason


def test_brightness_of_the_images_counts() -> None:
    from spikehebb.datasets import load

    train = load("digits", "train")
    dark = dataclasses.replace(train, pixels=np.zeros((1, 8, 8)), labels=np.zeros(1, int))
    assert advise(Settings(), dark).cpu < advise(Settings(), train).cpu


def test_the_costs_that_stand_for_no_measurement_are_times() -> None:
    """From a tenth of a nanosecond to a tenth of a millisecond, or nothing; a core takes nanoseconds for an event."""
    for cost in (costs.CPU_COST, costs.NUMPY_COST, costs.CPP_COST, costs.GPU_COST):
        times = [value for value in dataclasses.asdict(cost).values() if not isinstance(value, str)]
        assert all(value == 0 or 1e-10 <= value <= 1e-4 for value in times)
        assert cost.events <= 1e-7
        assert sum(times) > 0
