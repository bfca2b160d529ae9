"""Fixtures: a device for each test, images, and a cache of compiled programs of the test run's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spikehebb import devices
from spikehebb.core import Images
from spikehebb.devices import Device

NO_COMPILER = pytest.mark.skipif(devices.compiler() is None, reason="no C++ compiler here")
DEVICES = [
    pytest.param(devices.NUMPY, id="numpy"),
    pytest.param(devices.CPP, id="cpp", marks=[NO_COMPILER, pytest.mark.compiler]),
]


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled programs apart from the user's, shared by all workers of one run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIKEHEBB_CACHE", str(shared / "cache"))
        yield


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Device:
    """Each device that runs here."""
    chosen: Device = request.param
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
