"""The CUDA device: what is found and what is missing, what is mended, and what a program gives.

Where there is no GPU, the CPU emulates one (``cuda_on_cpu``): the programs are those that a GPU would run.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb import devices
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.core import Circuit, Float, Images, NeuronModel, Population, Projection, Protocol, replicas
from spikehebb.devices import CPP, CUDA, CUDA_SINGLE, NUMPY, Device, nvcc
from spikehebb.encoders import poisson, regular, spike_source, word_source
from spikehebb.hardware import TARGETS, constrain
from spikehebb.jobs import Settings, evaluate, learn_digits
from spikehebb.protocols import pairing
from spikehebb.rules import find, softhebb, stdp_pair
from spikehebb.simulation import costs, present, programs
from spikehebb.simulation.network import build
from spikehebb.simulation.plan import assemble
from spikehebb.simulation.simulate import program, simulate
from tests import cuda_on_cpu
from tests.conftest import NO_BRIAN2CUDA, NO_COMPILER

pytestmark = [pytest.mark.long, pytest.mark.compiler, NO_COMPILER, NO_BRIAN2CUDA]
RECORD = ("input", "output")  # the same in every test, so that they share a program
NVCC = pytest.mark.skipif(nvcc.nvcc_path() is None, reason="no nvcc here")


@pytest.fixture
def gpu(request: pytest.FixtureRequest) -> None:
    """A GPU, or emulated CUDA."""
    if not nvcc.gpus():
        request.getfixturevalue("emulated")


def shown(rows: Float, population: str = "input") -> Protocol:
    """Return a plan that presents each row for 50 ms."""
    return Protocol(stimuli={population: rows}, duration=len(rows) * 50 * ms, presentation=50 * ms)


def digits(neurons: int = 20, images: int = 30) -> tuple[Circuit, Protocol]:
    """Return the circuit that learns digits, and some images to present."""
    rng = np.random.default_rng(1)
    settings = Settings(neurons=neurons)
    pixels = rng.random((images, 64)) * (rng.random((images, 64)) < 0.4)
    rows = pixels / np.linalg.norm(pixels, axis=1, keepdims=True)
    weights = np.abs(rng.standard_normal((64, neurons)))
    circuit = settings.build(3 * weights / np.linalg.norm(weights, axis=0))
    return circuit, shown(rows)


# What a program gives


def test_learning_is_that_of_cpp_draw_by_draw(gpu: None) -> None:
    """Replicas draw the same numbers on every device, and so even a stochastic circuit can be compared spike by spike.

    What remains are rounding errors: exp() of two libraries, and sums in another order. They are amplified only where
    a draw falls between two probabilities that differ by 1e-15.
    """
    circuit, protocol = digits()
    on_cuda, reference = (
        simulate(replicas(circuit, 2), protocol, device=device, record=RECORD, seed=3) for device in (CUDA, CPP)
    )
    for name in ("input", "output"):
        assert spikes(on_cuda.spikes[name]) == spikes(reference.spikes[name])
        assert len(reference.spikes[name].i) > 100
    assert on_cuda.weights["feedforward"] == pytest.approx(reference.weights["feedforward"], rel=1e-9)
    assert on_cuda.state["output"]["age"] == pytest.approx(reference.state["output"]["age"], rel=1e-12)


def spikes(monitor: object) -> set[tuple[int, int]]:
    """Return who spiked in which time step: within a step a GPU knows no order."""
    steps = np.rint(np.asarray(monitor.t / ms)).astype(int)  # type: ignore[attr-defined]
    return set(zip(monitor.i.tolist(), steps.tolist(), strict=True))  # type: ignore[attr-defined]


def test_learning_in_a_chips_numbers_is_that_of_numpy(gpu: None) -> None:
    """Learning epochs, updates of some neurons' synapses only, stochastic rounding everywhere: whole numbers."""
    rng = np.random.default_rng(4)
    circuit = soft_wta(rng.uniform(0, 0.3, (12, 5)), temperature=0.1, rule=find("softhebb_annealed"), eta=0.1)
    chip = constrain(circuit, TARGETS["loihi1"], epoch=10 * ms, rounding="stochastic", w_max=0.3, ranges={"u": 30.0})
    protocol = shown(rng.random((6, 12)))
    on_cuda, reference = (
        simulate(replicas(chip.circuit, 2), protocol, device=device, seed=3) for device in (CUDA, NUMPY)
    )
    assert np.array_equal(on_cuda.weights["feedforward"], reference.weights["feedforward"])
    assert not np.array_equal(on_cuda.weights["feedforward"][0], on_cuda.weights["feedforward"][1])


def test_noise_in_synapses_is_that_of_numpy(gpu: None) -> None:
    rule = find("calcium_dp").with_parameters(tau=0.2 * find("calcium_dp").parameters["tau"])
    model = poisson.with_parameters(max_rate=100 * Hz)
    weights = np.full((4, 3), 0.5)
    circuit = Circuit(
        name="noisy",
        populations={"input": Population(model=model, size=4), "other": Population(model=model, size=3)},
        projections={"synapse": Projection(pre="input", post="other", weights=weights, rule=rule)},
    )
    stimuli = {"input": np.full((4, 4), 0.7), "other": np.full((4, 3), 0.5)}
    protocol = Protocol(stimuli=stimuli, duration=200 * ms, presentation=50 * ms)
    on_cuda, reference = (
        simulate(replicas(circuit, 2), protocol, device=device).weights["synapse"] for device in (CUDA, NUMPY)
    )
    assert on_cuda == pytest.approx(reference, rel=1e-9)
    assert np.abs(on_cuda - 0.5).min() > 1e-6


def test_single_precision(gpu: None) -> None:
    circuit, protocol = digits()
    single, double = (
        simulate(replicas(circuit, 2), protocol, device=device, record=RECORD, seed=3) for device in (CUDA_SINGLE, CUDA)
    )
    assert single.weights["feedforward"].dtype == np.float64
    # 24 bits: a spike may come a step earlier or later, where a potential or a probability is just at the threshold.
    assert single.counts["input"].sum() == pytest.approx(double.counts["input"].sum(), rel=0.002)
    assert single.counts["output"].sum() == pytest.approx(double.counts["output"].sum(), rel=0.05)
    assert np.corrcoef(single.weights["feedforward"].ravel(), double.weights["feedforward"].ravel())[0, 1] > 0.99
    window = [
        simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms, device=d).weights["synapse"]
        for d in (CUDA_SINGLE, CPP)
    ]
    assert window[0] == pytest.approx(window[1], rel=1e-6)


def test_single_precision_is_refused_where_it_does_not_reach() -> None:
    circuit = Circuit(name="words", populations={"input": Population(model=word_source, size=1)}, projections={})
    protocol = Protocol(stimuli={"input": np.array([[0.5]])}, duration=1 * ms)
    with pytest.raises(ValueError, match=r"device cuda-single: input \(word_source\) packs .* 53 bits.*; use cuda"):
        simulate(circuit, protocol, device=CUDA_SINGLE)


def test_results_do_not_depend_on_the_order_of_threads(emulated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit, protocol = digits()
    first = simulate(replicas(circuit, 2), protocol, device=CUDA, record=RECORD)
    monkeypatch.setenv("SPIKEHEBB_THREADS", "reversed")
    other = simulate(replicas(circuit, 2), protocol, device=CUDA, record=RECORD)
    assert first.state["inhibition"]["Z"] == pytest.approx(other.state["inhibition"]["Z"], rel=1e-12)
    assert spikes(first.spikes["output"]) == spikes(other.spikes["output"])
    assert first.weights["feedforward"] == pytest.approx(other.weights["feedforward"], rel=1e-9)


def test_kernels_are_emulated(emulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel in another file, started over several lines; its threads in both orders."""
    (tmp_path / "kernel.cu").write_text(
        '__global__ void say(int n) { printf("%d:%d ", blockIdx.x, n * threadIdx.x); }\n'
    )
    main = '#include "kernel.cu"\nint main() { say<<<2,\n 2>>>(\n(1 + 2)); return 0; }\n'
    (tmp_path / "main.cu").write_text(main)
    for arguments in (["-dc", "main.cu", "-o", "main.o"], ["main.o", "-o", "main"]):
        command = [str(emulated / "bin" / "nvcc"), "-ccbin", "g++", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True)
    for order, printed in (("", "0:0 0:3 1:0 1:3 "), ("reversed", "1:3 1:0 0:3 0:0 ")):
        monkeypatch.setenv("SPIKEHEBB_THREADS", order)
        assert subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout == printed


def test_spikes_of_a_plain_circuit_agree_in_distribution(gpu: None) -> None:
    """Poisson counts have their mean as variance: 5 standard errors of the difference of two."""
    rates = np.linspace(0.1, 1, 64)
    model = poisson.with_parameters(max_rate=200 * Hz)
    circuit = Circuit(name="noise", populations={"input": Population(model=model, size=64)}, projections={})
    protocol = shown(np.tile(rates, (40, 1)))
    counts = [simulate(circuit, protocol, device=d, seed=5).counts["input"] for d in (CUDA, CPP)]
    expected = 200 * rates * 2
    assert np.all(np.abs(counts[0] - counts[1]) < 5 * np.sqrt(2 * expected))
    assert np.array_equal(simulate(circuit, protocol, device=CUDA, seed=5).counts["input"], counts[0])
    assert not np.array_equal(simulate(circuit, protocol, device=CUDA, seed=6).counts["input"], counts[0])


@pytest.mark.slow
def test_learned_state_goes_out_and_comes_back(gpu: None) -> None:
    """Two runs of half the length, the second from what the first left, are the whole run."""
    circuit, _ = digits()
    rows = np.random.default_rng(2).random((10, 64)) / 8

    def run(start: Circuit, images: Float, seed: int) -> tuple[Circuit, Float]:
        recording = simulate(replicas(start, 1), shown(images), device=CUDA, seed=seed)
        weights, age = recording.replica(0).weights["feedforward"], recording.replica(0).state["output"]["age"]
        return start.with_weights(feedforward=weights).with_state("output", age=age), weights

    half, _ = run(circuit, rows[:5], seed=1)
    _, weights_cuda = run(half, rows[5:], seed=2)
    reference = simulate(replicas(half, 1), shown(rows[5:]), device=CPP, seed=2)
    assert weights_cuda == pytest.approx(reference.replica(0).weights["feedforward"], rel=1e-9)
    assert not np.allclose(weights_cuda, np.asarray(half.projections["feedforward"].weights))


def test_each_delay_is_part_of_the_program(gpu: None) -> None:
    """brian2cuda loses spikes when delays change between runs; here they are none of the values of a run."""
    delays = {"b0": 0, "b2": 2, "b7": 7}
    counting = NeuronModel(
        name="counting",
        summary="Remembers when a spike arrived",
        equations="arrived : second\nu : 1",
        receive="arrived_post = t",
    )
    circuit = Circuit(
        name="late",
        populations={"a": Population(model=spike_source, size=2)}
        | {name: Population(model=counting, size=1) for name in delays},
        projections={
            f"to_{name}": Projection(pre="a", post=name, weights=np.ones((2, 1)), delay=delay * ms)
            for name, delay in delays.items()
        },
    )
    times = np.array([[0.003, 0.001], [np.inf, 0.005]])
    protocol = Protocol(stimuli={"a": times}, duration=20 * ms)
    recording = simulate(circuit, protocol, device=CUDA)
    for name, delay in delays.items():
        assert recording.state[name]["arrived"] == pytest.approx([0.005 + delay / 1000])


def test_random_numbers_of_synapses_are_independent(gpu: None) -> None:
    """As brian2cuda writes it, synapses of neurons that spike together would all draw the same numbers."""
    noisy = dataclasses.replace(stdp_pair, name="noisy", on_pre="w = rand()", on_post="", post_spike="", post="")
    circuit = Circuit(
        name="noise",
        populations={n: Population(model=spike_source, size=20) for n in ("pre", "post")},
        projections={"synapse": Projection(pre="pre", post="post", weights=np.zeros((20, 20)), rule=noisy)},
    )
    stimuli = {"pre": np.full((1, 20), 0.002), "post": np.full((1, 20), np.inf)}
    weights = simulate(circuit, Protocol(stimuli=stimuli, duration=5 * ms), device=CUDA).weights["synapse"]
    assert len(np.unique(weights)) == 400
    assert 0.4 < weights.mean() < 0.6  # 7 standard errors of 400 uniform numbers


def test_onsets_are_in_time_after_a_minute(device: Device) -> None:
    """Rounding errors of times grow: beyond 64 s, Brian2's compiled clocks would miss each other by a step."""
    counter = dataclasses.replace(
        regular, name="counter", equations="n : 1\nlast : 1", threshold="", reset="", onset="n = stimulus(t, i)",
        update="last = last + n", frame="", parameters={}, roles={},
    )  # fmt: skip
    circuit = Circuit(name="long", populations={"a": Population(model=counter, size=1)}, projections={})
    rows = np.arange(1400.0)[:, None]
    recording = simulate(circuit, shown(rows, "a"), dt=25 * ms, device=device)
    assert recording.state["a"]["last"] == pytest.approx([2 * rows.sum()])


def test_digits_are_learned_and_replicas_classify_the_test_images(
    gpu: None, few: tuple[Images, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a run needs is compiled at its beginning: for learning, and for inference by 64 replicas."""
    built: list[str] = []
    obtain = programs.obtain

    def watch(key: str, *given: Any, **named: Any) -> programs.Program:
        built.append(key)
        return obtain(key, *given, **named)

    monkeypatch.setattr(programs, "obtain", watch)
    run = learn_digits(*few, Settings(neurons=10), device=CUDA)
    assert set(built) == set(built[:2])
    assert len(set(built)) == 2
    assert run.report["device"] == "cuda"
    assert run.report["metrics"]["accuracy_vote"] > 0.3  # 10 neurons after 60 images; chance is 0.1
    evaluation = evaluate(run.network, few[1], device=CPP, replicas=64)  # the same draws
    assert evaluation["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    assert present.replicas_on(CPP, None) is None
    assert present.replicas_on(CUDA, 1) == 1


# What is given back as it was


def test_everything_is_restored(emulated: Path) -> None:
    import brian2cuda.cuda_generator
    import brian2cuda.utils.gputools as tools

    def state() -> list[object]:
        prefs = {
            name: brian2.prefs[name] for name in brian2.prefs if name.startswith(("devices.cuda", "core", "codegen"))
        }
        support = brian2cuda.cuda_generator.CUDACodeGenerator.universal_support_code
        return [prefs, dict(tools._cuda_installation), dict(tools._gpu_selection), support, brian2.get_device()]

    before = state()
    simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms, device=CUDA_SINGLE)
    assert state() == before


def test_what_is_mended_is_still_wrong(emulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer brian2cuda may have mended some of it, and then the mend should go."""
    circuit, protocol = digits()
    kit = nvcc.toolkit()
    monkeypatch.setattr(devices.cuda, "mend", lambda folder: None)
    with devices.cuda_project(CUDA, kit) as project:
        network, _ = build(assemble(circuit, protocol, dt=1 * ms, record=("input",)), device=CUDA)
        devices.write_cuda(project, network, tmp_path, kit, "sm_90")
    for pattern, wrong, _ in devices.cuda.MENDS:
        assert any(wrong in file.read_text() for file in tmp_path.glob(pattern)), wrong


# What is missing, or does not fit


def test_no_brian2cuda(monkeypatch: pytest.MonkeyPatch, emulated: Path) -> None:
    monkeypatch.setattr(devices.cuda, "brian2cuda_version", lambda: None)
    with pytest.raises(RuntimeError, match=r"needs brian2cuda; pip install 'spikehebb\[cuda\]'"):
        simulate(synapse_pair(stdp_pair), pairing([11] * ms), dt=0.1 * ms, device=CUDA)


def test_no_nvcc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvcc, "nvcc_path", lambda: None)
    with pytest.raises(RuntimeError, match=r"needs nvcc, and found none; install CUDA 12 or 13 .* or use --device cpp"):
        nvcc.toolkit()


def test_no_gpu(emulated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvcc, "gpus", list)
    with pytest.raises(
        RuntimeError, match=r"found no NVIDIA GPU .*; use --device cpp, or set SPIKEHEBB_CUDA_ARCH=sm_90"
    ):
        simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms, device=CUDA)
    monkeypatch.setenv("SPIKEHEBB_CUDA_ARCH", "sm_80")
    assert nvcc.architecture(nvcc.toolkit()) == "sm_80"


def test_an_architecture_that_nvcc_does_not_know(emulated: Path) -> None:
    with pytest.raises(
        ValueError, match=r"nvcc 13.0 does not compile for 'sm_35'; it compiles for sm_80, sm_90. Choose"
    ):
        nvcc.architecture(nvcc.toolkit(), "sm_35")


def fake(folder: Path, name: str, output: str) -> str:
    """Put a program that only prints into a folder."""
    script = folder / name
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def test_an_nvcc_that_is_too_old(tmp_path: Path) -> None:
    old = fake(tmp_path, "nvcc", "Cuda compilation tools, release 11.8, V11.8.89")
    with pytest.raises(RuntimeError, match=r"nvcc is CUDA 11.8, but device cuda takes 12 or 13; install CUDA 12 or 13"):
        nvcc.nvcc_version(old)
    assert nvcc.nvcc_version(fake(tmp_path, "nvcc", "Cuda compilation tools, release 12.4, V12.4.1")) == (12, 4)
    with pytest.raises(RuntimeError, match="prints no version"):
        nvcc.nvcc_version(fake(tmp_path, "nvcc", "hello"))


def test_a_host_compiler_that_nvcc_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crt").mkdir()
    (tmp_path / "crt" / "host_config.h").write_text("#if __GNUC__ > 13\n#error -- unsupported GNU version!\n#endif\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    fake(tmp_path, "g++", "15")
    fake(tmp_path, "g++-13", "13")
    assert nvcc.host_compiler([tmp_path]) == str(tmp_path / "g++-13")
    fake(tmp_path, "g++", "11")
    assert nvcc.host_compiler([tmp_path]) == str(tmp_path / "g++")
    fake(tmp_path, "g++", "15")
    monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / name) if name == "g++" else None)
    with pytest.raises(
        RuntimeError, match=r"needs g\+\+ 13 or older .*, and found g\+\+ \(version 15\); install g\+\+-13"
    ):
        nvcc.host_compiler([tmp_path])


def test_curand_is_found_in_the_toolkit_or_in_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit, site = tmp_path / "kit" / "include", tmp_path / "site" / "nvidia"
    kit.mkdir(parents=True)
    (site / "cu13" / "include").mkdir(parents=True)
    (site / "cu13" / "lib").mkdir()
    spec = dataclasses.make_dataclass("Spec", ["submodule_search_locations"])([str(site)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(
        RuntimeError, match=r"needs cuRAND, .*; pip install nvidia-curand \(with CUDA 12: nvidia-curand-cu"
    ):
        nvcc.curand([kit], 13)
    (site / "cu13" / "include" / "curand.h").touch()
    (site / "cu13" / "lib" / "libcurand.so.10").touch()
    assert nvcc.curand([kit], 13) == (site / "cu13" / "include", site / "cu13" / "lib" / "libcurand.so.10")
    (kit / "curand.h").touch()
    (kit.parent / "lib64").mkdir()
    (kit.parent / "lib64" / "libcurand.so").touch()
    assert nvcc.curand([kit], 13) == (kit, kit.parent / "lib64" / "libcurand.so")


def test_visible_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "0, GPU-a, NVIDIA A100, 8.0, 40960, 40000\n1, GPU-b, NVIDIA H100, 9.0, 81559, [N/A]"
    fake(tmp_path, "nvidia-smi", lines)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [(g.name, g.architecture, g.free) for g in nvcc.gpus()] == [
        ("NVIDIA A100", "sm_80", 40000),
        ("NVIDIA H100", "sm_90", 0),
    ]
    for visible, names in (("1", ["NVIDIA H100"]), ("GPU-a", ["NVIDIA A100"]), ("", [])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert [g.name for g in nvcc.gpus()] == names


def test_preferences_of_a_script_do_not_reach_a_gpu(emulated: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """OpenMP, of which brian2cuda knows nothing, and its own preferences; they are given back."""
    given = synapse_pair(stdp_pair), pairing([10] * ms)
    expected = simulate(*given, dt=0.1 * ms, device=CUDA).weights["synapse"]
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))
    changes: dict[str, Any] = {"cpp_standalone.openmp_threads": 4, "cuda_standalone.parallel_blocks": 3}
    changes |= {"cuda_standalone.cuda_backend.extra_compile_args_nvcc": ["-no-such-flag"]}
    before = {name: brian2.prefs[f"devices.{name}"] for name in changes}
    try:
        brian2.prefs.update({f"devices.{name}": value for name, value in changes.items()})
        weights = simulate(*given, dt=0.1 * ms, device=CUDA).weights["synapse"]
        assert {name: brian2.prefs[f"devices.{name}"] for name in changes} == changes
    finally:
        brian2.prefs.update({f"devices.{name}": value for name, value in before.items()})
    assert weights.tobytes() == expected.tobytes()


def test_a_gpu_without_memory_for_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = cuda_on_cpu.toolkit(tmp_path / "small", memory=700)
    monkeypatch.setenv("CUDA_PATH", str(small))
    monkeypatch.setenv("PATH", f"{small / 'bin'}:/bin:/usr/bin")
    circuit = soft_wta(np.ones((784, 400)), rule=softhebb)
    protocol = shown(np.ones((2, 784)))
    message = r"needs about 1,\d+ MiB \(CUDA 600, .*synapses \d+.*\), but An emulated GPU has 700 of 700 MiB free"
    with pytest.raises(RuntimeError, match=message):
        simulate(replicas(circuit, 64), protocol, device=CUDA)
    plan = assemble(soft_wta(np.ones((1, 1)), rule=softhebb), shown(np.ones((1, 1))), dt=1 * ms)
    many = dataclasses.replace(plan.projections["feedforward"], connected=(np.broadcast_to(0, 2**31),), copies=1)
    with pytest.raises(RuntimeError, match=r"2,147,483,648 synapses in one projection, but brian2cuda takes"):
        costs.check_gpu_memory(dataclasses.replace(plan, projections={"feedforward": many}), CUDA, nvcc.gpu())


# Real compilation, wherever nvcc is; no GPU is needed


@NVCC
@pytest.mark.nvcc
def test_nvcc_compiles() -> None:
    """A pair of given spikes beside the circuit that learns digits: one program, as most of its files are the same."""
    (circuit, protocol), pair = digits(), synapse_pair(stdp_pair)
    both = Circuit(
        name="both",
        populations={**circuit.populations, **pair.populations},
        projections={**circuit.projections, **pair.projections},
    )
    stimuli = {**protocol.stimuli, **pairing([10] * ms).stimuli}
    built = program(assemble(both, dataclasses.replace(protocol, stimuli=stimuli), dt=1 * ms), CUDA, "sm_90")
    assert (built.folder / "main").stat().st_size > 100_000
    assert not list(built.folder.rglob("*.o"))
