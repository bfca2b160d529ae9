"""What a compiled program depends on besides its circuit and protocol: all of it belongs to the program's key.

System headers and libraries count by the version of the compiler that they came with.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

from spikehebb.devices import nvcc
from spikehebb.devices.device import CPP, Device, on_gpu
from spikehebb.devices.host import compiler_path, flags, printed
from spikehebb.devices.isolated import preferences

PACKAGE = Path(__file__).parents[1]
BUILDERS = (
    "core/*.py",
    "devices/*.py",
    "devices/templates/*",
    "simulation/*.py",
    "equations/*.py",
    *("brian2_import.py", "catalogue.py", "encoders.py", "reading.py"),
)

# What compilers take from the environment, and Brian2 when it tests their flags.
_READ = (
    *("CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED", "LDCXXSHARED"),
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_RUN_PATH", "COMPILER_PATH"),
    *("GCC_EXEC_PREFIX", "DEVELOPER_DIR", "SDKROOT", "MACOSX_DEPLOYMENT_TARGET", "CUDA_PATH"),
)
_PLACES = ("PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")  # what programs need that change nothing


def build_environment() -> dict[str, str]:
    """Return the environment that programs are compiled in: make and compilers get nothing else of the user's."""
    return _environment(*_READ, *_PLACES)


def machine(device: Device = CPP, architectures: str = "") -> dict[str, Any]:
    """Return what a program for this device depends on.

    Parameters
    ----------
    device : Device
    architectures : str
        The GPUs to compile for, as in ``sm_80,sm_90``.
    """
    common = {
        "device": device.name,
        "code": sources(),
        "versions": _versions("brian2", "numpy", "sympy", "jinja2"),
        "preferences": {name: repr(value) for name, value in sorted(preferences().items()) if "cuda" not in name},
        "environment": _environment(*_READ),
    }
    if not on_gpu(device):
        return common | {"compiler": _compiler(compiler_path()), "flags": flags(), "processor": _processor()}
    kit = nvcc.toolkit()
    return common | {
        "brian2cuda": _versions("brian2cuda"),  # whose preferences are set, or are its defaults
        "toolkit": repr(kit),
        "nvcc": _compiler(kit.nvcc),
        "host": _compiler(kit.host),
        "architectures": architectures,
    }


@cache
def sources(package: Path = PACKAGE) -> str:
    """Return a digest of the code that makes programs: whoever edits it gets new ones."""
    state = hashlib.sha256()
    for path in sorted(file for part in BUILDERS for file in package.glob(part)):
        state.update(f"{path.relative_to(package)}:{hashlib.sha256(path.read_bytes()).hexdigest()};".encode())
    return state.hexdigest()


def _environment(*names: str) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


@cache
def _versions(*packages: str) -> dict[str, str]:
    return {"python": sys.version} | {name: importlib.metadata.version(name) for name in packages}


@cache
def _compiler(path: str | None) -> str:
    return "none" if path is None else f"{path}: {printed(path, '--version')}"


@cache
def _processor() -> str:
    """Return what a program is compiled for: this very processor."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = info.read_text(errors="replace").splitlines()
    return " ".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
