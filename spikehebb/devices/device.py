"""The devices by name."""

from __future__ import annotations

from dataclasses import dataclass

from spikehebb.core import Frozen
from spikehebb.core.values import check_name
from spikehebb.devices.host import INSTALL, compiler
from spikehebb.equations import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Device:
    """A way to run Brian2's equations."""

    name: str
    summary: str
    precision: str = "double"  # of neurons and synapses; times are always double


NUMPY = Device(name="numpy", summary="NumPy, step by step in Python: needs nothing, for tests and tiny runs")
CPP = Device(name="cpp", summary="a compiled C++ program on one core: for work")
CUDA = Device(name="cuda", summary="brian2cuda on an NVIDIA GPU: for large networks and many replicas")
CUDA_SINGLE = Device(name="cuda-single", summary="cuda in single precision: half the memory", precision="single")
DEVICES = Frozen({device.name: device for device in (NUMPY, CPP, CUDA, CUDA_SINGLE)})


def on_gpu(device: Device) -> bool:
    """Return whether a device is a GPU."""
    return device in (CUDA, CUDA_SINGLE)


NO_COMPILER = f"device cpp needs a C++ compiler and make, and found none; {INSTALL} or use --device numpy."
SLOW = f"found no C++ compiler and make, so this runs on NumPy, far slower; {INSTALL} to have it compiled."


def find(name: str | Device | None) -> Device:
    """Return a device by name, or as it is; ``auto``, or None, is cpp where a compiler is found.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if isinstance(name, Device):
        return name
    if name is None or name == "auto":
        return CPP if compiler() else NUMPY
    name = check_name("device", name, "a Device or one of auto, numpy, cpp, cuda and cuda-single")
    if name not in DEVICES:
        raise ValueError(f"there is no device {name!r}.{did_you_mean(name, ['auto', *DEVICES])}")
    return DEVICES[name]
