"""The key of a program: it changes with everything that a build reads, and nothing else reaches the build."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import ms, prefs

from spikehebb import devices
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.core import Protocol, Recording
from spikehebb.devices import CPP, NUMPY, Device, program_key
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import programs, simulate
from tests.conftest import NO_COMPILER
from tests.module_graph import closure, module_of

OTHER_PREFERENCES = """
core.default_float_dtype = float32
core.network.default_schedule = ['start', 'synapses', 'groups', 'thresholds', 'resets', 'end']
codegen.loop_invariant_optimisations = False
codegen.cpp.extra_compile_args_gcc = ['-w', '-O0']
codegen.cpp.define_macros = [('double', 'float')]
devices.cpp_standalone.openmp_threads = 2
legacy.refractory_timing = True
"""


def test_every_module_that_a_build_reads_is_in_the_key() -> None:
    inside = {module_of(file) for part in program_key.BUILDERS for file in program_key.PACKAGE.glob(part)}
    read = closure("spikehebb.simulation.simulate")
    assert "spikehebb.simulation.network" in read
    assert "spikehebb.devices.cpp" in read
    assert read - inside - {"spikehebb"} == set(), "name them in BUILDERS"


def test_the_key_changes_with_the_code(tmp_path: Path) -> None:
    """The order of events in a network, say; an edit of any of these files needs new programs."""
    package = tmp_path / "spikehebb"
    shutil.copytree(program_key.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    digest = program_key.sources.__wrapped__
    before = digest(package)
    assert before == program_key.sources() == devices.machine()["code"]
    network = package / "simulation" / "network.py"
    code = network.read_text()
    assert '"post": ARRIVAL - 1' in code
    network.write_text(code.replace('"post": ARRIVAL - 1', '"post": ARRIVAL + 1'))
    assert digest(package) != before
    network.write_text(code)
    for path in [file for part in program_key.BUILDERS for file in package.glob(part)]:
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        assert digest(package) != before, path
        path.write_bytes(content)
    assert digest(package) == before


def test_the_key_changes_with_what_compilers_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [repr(devices.machine())]
    for name in ("CXXFLAGS", "CPATH", "LIBRARY_PATH", "SPIKEHEBB_CXXFLAGS"):
        monkeypatch.setenv(name, f"-g{len(keys)}")
        keys.append(repr(devices.machine()))
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\necho another version\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    keys.append(repr(devices.machine()))
    monkeypatch.setitem(prefs, "codegen.cpp.headers", prefs["codegen.cpp.headers"])
    prefs["codegen.cpp.headers"].append("<cmath>")  # as scripts do, which changes Brian2's default itself
    keys.append(repr(devices.machine()))
    prefs["codegen.cpp.headers"].pop()
    assert len(set(keys)) == len(keys)
    assert repr(devices.machine()) == keys[-2]
    monkeypatch.setenv("OPTIMIZE", "-O0")  # of which a build hears nothing
    assert repr(devices.machine()) == keys[-2]


@pytest.mark.compiler
@NO_COMPILER
def test_nothing_else_of_the_environment_reaches_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))
    given = {"OPTIMIZE": "-O0", "MAKEFLAGS": "-n", "NVCC_APPEND_FLAGS": "-g", "MAKEFILES": "other.mk", "ANY": "thing"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    def write(folder: Path) -> programs.Files:
        (folder / "all.mk").write_text("main:\n\tenv > environment\n\tcp /bin/true main\n")
        return {}

    program = programs.obtain("e" * 64, write)
    seen = dict(line.split("=", 1) for line in (program.folder / "environment").read_text().splitlines())
    assert not given.keys() & seen.keys() - {"MAKEFLAGS"}
    assert "n" not in seen.get("MAKEFLAGS", "").split(" ")[0]
    assert seen["PATH"] == os.environ["PATH"]


def runs(device: Device) -> list[Recording]:
    rng = np.random.default_rng(1)
    protocol = Protocol(stimuli={"input": rng.random((3, 12))}, duration=150 * ms, presentation=50 * ms)
    circuit = soft_wta(rng.random((12, 5)), eta=0.1, temperature=0.1)
    return [
        simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms, device=device),
        simulate(circuit, protocol, seed=3, device=device, record=("output",)),
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    "device", [NUMPY, pytest.param(CPP, marks=[NO_COMPILER, pytest.mark.compiler])], ids=["numpy", "cpp"]
)
def test_preferences_change_no_result(device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the user's script or files, nor the time step of Brian2's clock; they are given back."""
    expected = runs(device)
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))  # everything is built again
    before, dt = dict(prefs), brian2.defaultclock.dt
    try:
        prefs.read_preference_file(io.StringIO(OTHER_PREFERENCES))
        brian2.defaultclock.dt = 0.5 * ms
        set_here = dict(prefs)
        results = runs(device)
        assert dict(prefs) == set_here
        assert brian2.defaultclock.dt == 0.5 * ms
    finally:
        prefs.update(before)
        brian2.defaultclock.dt = dt
    for one, other in zip(expected, results, strict=True):
        assert {k: w.tobytes() for k, w in one.weights.items()} == {k: w.tobytes() for k, w in other.weights.items()}
        for name, state in one.state.items():
            assert {k: v.tobytes() for k, v in state.items()} == {k: v.tobytes() for k, v in other.state[name].items()}


@pytest.mark.long
def test_a_file_in_the_working_folder_changes_no_result(tmp_path: Path) -> None:
    """As Brian2 reads it when it is imported by a script."""
    (tmp_path / "brian_preferences").write_text(OTHER_PREFERENCES)
    code = """
from brian2 import ms, prefs
from spikehebb.circuits import synapse_pair
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate
print(prefs.core.default_float_dtype.__name__)
print(simulate(synapse_pair(stdp_pair), pairing([10]*ms), dt=0.1*ms).weights["synapse"][0, 0].hex())
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    weight = simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms).weights["synapse"][0, 0]
    assert done.stdout.split() == ["float32", float(weight).hex()]


def test_the_toolkit_of_a_gpu_is_in_the_key(emulated: Path) -> None:
    keys = [devices.machine(devices.CUDA, name) for name in ("sm_80", "sm_90")]
    keys += [devices.machine(devices.CUDA_SINGLE, "sm_90"), devices.machine()]
    assert len(set(map(repr, keys))) == 4
    assert "V13.0.88" in repr(keys[0])
