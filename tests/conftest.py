"""Fixtures: a device for each test, images, and a cache of compiled programs of the test run's own."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spikehebb import devices
from spikehebb.core import Images
from spikehebb.devices import Device
from tests import cuda_on_cpu

NO_COMPILER = pytest.mark.skipif(devices.compiler() is None, reason="no C++ compiler here")
NO_BRIAN2CUDA = pytest.mark.skipif(devices.cuda.brian2cuda_version() is None, reason="no brian2cuda here")
DEVICES = [
    pytest.param(devices.NUMPY, id="numpy"),
    pytest.param(devices.CPP, id="cpp", marks=[NO_COMPILER, pytest.mark.compiler]),
    pytest.param(devices.CUDA, id="cuda", marks=[NO_COMPILER, NO_BRIAN2CUDA, pytest.mark.compiler]),
]


ONE_IN = 12


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to ``make validate`` what takes long on CUDA: most of a catalogue, where every rule is a program."""
    seen: Counter[str] = Counter()
    for item in items:
        parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if parameters.get("device") is not devices.CUDA:
            continue
        if item.get_closest_marker("slow_on_cuda"):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("catalogue"):
            name = item.nodeid.split("[")[0]
            if seen[name] % ONE_IN:
                item.add_marker(pytest.mark.slow)
            seen[name] += 1


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled programs apart from the user's, shared by all workers of one run, and compile them quickly."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIKEHEBB_CACHE", str(shared / "cache"))
        # Tests compile hundreds of programs and run each for a moment: less optimization takes half of the time.
        patch.setenv("SPIKEHEBB_CXXFLAGS", os.environ.get("SPIKEHEBB_CXXFLAGS", "-O1"))
        yield


@pytest.fixture(scope="session")
def emulated_toolkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An emulated CUDA toolkit and GPU, shared by all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cuda"
    own = cuda_on_cpu.toolkit(tmp_path_factory.mktemp("toolkit") / "cuda")
    with contextlib.suppress(OSError):  # another worker was faster
        own.rename(shared)
    return shared


@pytest.fixture
def emulated(emulated_toolkit: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Emulate the GPU of this test on the CPU."""
    monkeypatch.setenv("CUDA_PATH", str(emulated_toolkit))
    monkeypatch.setenv("PATH", f"{emulated_toolkit / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return emulated_toolkit


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Device:
    """Each device that runs here; where there is no GPU, the CPU emulates one."""
    chosen: Device = request.param
    if devices.on_gpu(chosen) and not devices.nvcc.gpus():
        request.getfixturevalue("emulated")
    return chosen


@pytest.fixture
def data_dir() -> Path:
    """The folder of the official image files."""
    folder = os.environ.get("SPIKEHEBB_DATA")
    if not folder:
        pytest.skip("SPIKEHEBB_DATA names no folder of official image files")
    return Path(folder)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)


@pytest.fixture
def few() -> tuple[Images, Images]:
    """Enough images for a network that is only exercised, not trained."""
    from spikehebb.datasets import load

    return load("digits", "train")[:60], load("digits", "test")[:30]
