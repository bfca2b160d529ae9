"""Where a simulation runs. The only folder that touches Brian2's device, preferences and random state."""

from __future__ import annotations

from typing import Any

import brian2

from spikehebb.devices import cpp, cuda, host, nvcc
from spikehebb.devices.cpp import cpp_project, write_cpp
from spikehebb.devices.cuda import cuda_project, write_cuda
from spikehebb.devices.device import (
    CPP,
    CUDA,
    CUDA_SINGLE,
    DEVICES,
    NO_COMPILER,
    NUMPY,
    SLOW,
    Device,
    find,
)
from spikehebb.devices.host import INSTALL, cache_folder, compiler, first_line
from spikehebb.devices.numpy_runtime import numpy_runtime

__all__ = [
    "CPP",
    "CUDA",
    "CUDA_SINGLE",
    "DEVICES",
    "INSTALL",
    "NO_COMPILER",
    "NUMPY",
    "SLOW",
    "Device",
    "arrival",
    "cache_folder",
    "compiler",
    "cpp_project",
    "cuda_project",
    "find",
    "first_line",
    "machine",
    "numpy_runtime",
    "nvcc",
    "on_gpu",
    "write_cpp",
    "write_cuda",
]


def on_gpu(device: Device) -> bool:
    """Return whether a device is a GPU."""
    return device in (CUDA, CUDA_SINGLE)


def arrival(device: Device, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Return the objects that add the weights of arriving spikes in a compiled program: ``cpp.arrival``."""
    return (cuda.cuda_arrival if on_gpu(device) else cpp.arrival)(*arguments, **options)


def machine(device: Device = CPP, architectures: str = "") -> dict[str, str]:
    """Return what a compiled program depends on besides its circuit and protocol."""
    if not on_gpu(device):
        return host.machine() | {"program": cpp.sources()}
    return {
        "device": device.name,
        "brian2": brian2.__version__,
        "brian2cuda": str(cuda.brian2cuda_version()),
        "toolkit": repr(nvcc.toolkit()),
        "architectures": architectures,
        "program": cuda.cuda_sources(),
    }
