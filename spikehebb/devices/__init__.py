"""Where a simulation runs. The only folder that touches Brian2's device, preferences and random state."""

from __future__ import annotations

from typing import Any

from spikehebb.devices import cpp, cuda, nvcc
from spikehebb.devices.cpp import cpp_project, take_delays, write_cpp
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
    on_gpu,
)
from spikehebb.devices.epoch_clock import EpochClock
from spikehebb.devices.host import INSTALL, cache_folder, compiler, own_cache
from spikehebb.devices.interrupts import interruptible
from spikehebb.devices.numpy_runtime import numpy_runtime
from spikehebb.devices.own_templates import all_to_all, takes_all_to_all
from spikehebb.devices.program_key import build_environment, machine
from spikehebb.devices.scratch import scratch, unused

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
    "EpochClock",
    "all_to_all",
    "arrival",
    "build_environment",
    "cache_folder",
    "compiler",
    "cpp_project",
    "cuda_project",
    "find",
    "interruptible",
    "machine",
    "numpy_runtime",
    "nvcc",
    "on_gpu",
    "own_cache",
    "scratch",
    "take_delays",
    "takes_all_to_all",
    "unused",
    "write_cpp",
    "write_cuda",
]


def arrival(device: Device, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Return the objects that add the weights of arriving spikes in a compiled program: ``cpp.arrival``."""
    return (cuda.cuda_arrival if on_gpu(device) else cpp.arrival)(*arguments, **options)
