"""Where a simulation runs. The only file that touches Brian2's device, preferences and random state."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brian2
import numpy as np
import pooch
from brian2.core.functions import Function
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices, get_device, reset_device, set_device

from spikehebb.core import Frozen
from spikehebb.equations import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Device:
    """A way to run Brian2's equations."""

    name: str
    summary: str


NUMPY = Device(name="numpy", summary="NumPy, step by step in Python: needs nothing, for tests and tiny runs")
CPP = Device(name="cpp", summary="a compiled C++ program on one core: for work")
CUDA = Device(name="cuda", summary="brian2cuda on an NVIDIA GPU: for scale (not in this version)")
DEVICES = Frozen({device.name: device for device in (NUMPY, CPP, CUDA)})

INSTALL = "install them (on Debian or Ubuntu: apt install g++ make; on macOS: xcode-select --install)"
NO_COMPILER = f"device cpp needs a C++ compiler and make, and found none; {INSTALL} or use --device numpy."
SLOW = f"found no C++ compiler and make, so this runs on NumPy, far slower; {INSTALL} to have it compiled."


def find(name: str) -> Device:
    """Return a device by name; ``auto`` is cpp where a compiler is found and numpy elsewhere.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if name == "auto":
        return CPP if compiler() else NUMPY
    if name not in DEVICES:
        raise ValueError(f"there is no device {name!r}.{did_you_mean(name, ['auto', *DEVICES])}")
    return DEVICES[name]


def compiler() -> str | None:
    """Return the version line of the C++ compiler, or None where it or make is missing."""
    if shutil.which("make") is None:
        return None
    return first_line(os.environ.get("CXX", "g++"), "--version")


def first_line(*command: str) -> str | None:
    """Return the first line that a program prints, or None where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return (done.stdout.strip().splitlines() or [""])[0]


def cache_folder() -> Path:
    """Return the folder of compiled programs and downloads: ``SPIKEHEBB_CACHE`` or the user's cache."""
    return Path(os.environ.get("SPIKEHEBB_CACHE") or pooch.os_cache("spikehebb"))


def machine() -> dict[str, str]:
    """Return what a compiled program depends on besides its source."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():  # programs are compiled for this very processor
        lines = info.read_text(errors="replace").splitlines()
        cpu = " ".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    program = "".join([_ARGUMENTS, _SEED, _RUN, _ARRIVE])
    return {"brian2": brian2.__version__, "compiler": compiler() or "none", "cpu": cpu, "program": program}


def _in_any_order(record: logging.LogRecord) -> bool:
    """Return False for Brian2's warning that random numbers depend on the order of synapses: any order will do."""
    return not ("may not be well-defined" in record.getMessage() and "rand()" in record.getMessage())


logging.getLogger("brian2.codegen.generators.base").addFilter(_in_any_order)


@contextmanager
def numpy_runtime(seed: int) -> Iterator[None]:
    """Run what is inside on NumPy with this seed, and give Brian2 and NumPy back as they were."""
    runtime = all_devices["runtime"]
    random_state, target = runtime.get_random_state(), brian2.prefs.codegen.target
    set_device(runtime)
    try:
        brian2.prefs.codegen.target = "numpy"
        brian2.seed(seed)
        yield
    finally:
        brian2.prefs.codegen.target = target
        runtime.set_random_state(random_state)
        reset_device()


@contextmanager
def cpp_project() -> Iterator[Any]:
    """Collect what is inside in a C++ project of its own, apart from any project of the user's script."""
    project = CPPStandaloneDevice()
    set_device(project, build_on_run=False)
    try:
        yield project
    finally:
        reset_device()


# The compiled main() takes the duration and the seed as its first arguments, so that neither needs a new program.
_ARGUMENTS = """
const double spikehebb_duration = std::stod(args.at(0));
const unsigned long spikehebb_seed = std::stoul(args.at(1));
args.erase(args.begin(), args.begin() + 2);
"""
_SEED = "_random_generators[0].seed(spikehebb_seed);"
_RUN = """
network.run(spikehebb_duration, [](const double, const double completed, const double, const double)
    { std::cout << "progress " << completed << std::endl; }, 0.2);
"""


# Spikes that pass through resting weights, all to all: a row of weights for each spike, in the order in which Brian2's
# queue hands them over, so that every sum has the same bits.
_ARRIVE = """
static inline double {name}(const int32_t)
{{
    const int32_t* const spikes = brian::{spikes};
    for (int32_t k = 0; k < spikes[{pre}]; k++)
    {{
        const double* const row = brian::{weights} + (size_t) spikes[k] * {post};
        for (size_t j = 0; j < {post}; j++)
            brian::{target}[j] += row[j];
    }}
    return 0;
}}
"""


def arriving(name: str, pre: Any, weights: Any, post: Any, variable: str) -> Function:
    """Return a function for compiled programs that adds, when called, the weights of all spikes of this step.

    Parameters
    ----------
    name : str
        Of the function.
    pre, post : NeuronGroup
    weights : NeuronGroup
        Holds ``w``, the weights row by row.
    variable : str
        Of the postsynaptic neurons, to add to.
    """
    device = get_device()
    arrays = {
        "spikes": device.get_array_name(pre.variables["_spikespace"]),
        "weights": device.get_array_name(weights.variables["w"]),
        "target": device.get_array_name(post.variables[variable]),
    }
    function = Function(lambda i: 0.0, arg_units=[1], return_unit=1, stateless=False)
    code = _ARRIVE.format(name=name, pre=len(pre), post=len(post), **arrays)
    function.implementations.add_implementation("cpp", code, name=name)
    return function


def write_cpp(project: Any, network: brian2.Network, folder: Path) -> dict[str, tuple[str, str]]:
    """Write the C++ source of a network named ``network`` into a folder.

    Returns
    -------
    dict
        For every variable (``population.variable``) the file that a run leaves it in, and its dtype.
    """
    project.insert_code("before_start", _ARGUMENTS)
    project.insert_code("main", _SEED)
    network.run(0 * brian2.second, namespace={})
    project.insert_code("main", _RUN)
    project.build(directory=str(folder), compile=False, run=False, with_output=False)
    return {
        f"{variable.owner.name}.{variable.name}": (
            project.get_array_filename(variable),
            np.dtype(variable.dtype).str,
        )
        for variable in project.arrays
        if hasattr(variable.owner, "name")
    }
