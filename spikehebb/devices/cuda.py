"""CUDA: a network as a compiled program on a GPU, by brian2cuda, whose gaps are mended.

brian2cuda 1.0b1 writes the code; installed packages are left as they are. ``MENDS`` names every line of its code that
is changed, and why.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2 import prefs
from brian2.core.functions import Function
from brian2.devices.device import get_device

from spikehebb.devices.alphabet import utf8
from spikehebb.devices.cpp import ARGUMENTS, RUN, Files, files_of
from spikehebb.devices.device import Device
from spikehebb.devices.epoch_clock import epoch_clocks
from spikehebb.devices.isolated import isolated
from spikehebb.devices.nvcc import Toolkit
from spikehebb.devices.translation_units import UNITS, write_units

_BACKEND = "devices.cuda_standalone.cuda_backend"
NO_BRIAN2CUDA = "device cuda needs brian2cuda; pip install 'spikehebb[cuda]' (Linux), or use --device cpp."


def brian2cuda_version() -> str | None:
    """Return the version of brian2cuda, or None where it is missing."""
    try:
        return importlib.metadata.version("brian2cuda")
    except importlib.metadata.PackageNotFoundError:
        return None


@contextmanager
def cuda_project(device: Device, kit: Toolkit) -> Iterator[Any]:
    """Collect what is inside in a CUDA project of its own; Brian2 and brian2cuda are given back as they were.

    Raises
    ------
    RuntimeError
        If brian2cuda is missing.
    """
    if brian2cuda_version() is None:
        raise RuntimeError(NO_BRIAN2CUDA)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its regular expressions, when it is first compiled
        cuda = importlib.import_module("brian2cuda.device")
        tools = importlib.import_module("brian2cuda.utils.gputools")
        generator = importlib.import_module("brian2cuda.cuda_generator").CUDACodeGenerator
    changes: dict[str, Any] = {
        "core.default_float_dtype": np.float32 if device.precision == "single" else np.float64,
        f"{_BACKEND}.detect_gpus": False,  # a program can be compiled where there is none
        f"{_BACKEND}.gpu_id": 0,  # of those that CUDA_VISIBLE_DEVICES leaves
        f"{_BACKEND}.compute_capability": 9.0,  # only for a makefile that is not used
        f"{_BACKEND}.cuda_path": str(Path(kit.nvcc).parent.parent),
        f"{_BACKEND}.cuda_runtime_version": float(kit.version),
        f"{_BACKEND}.extra_compile_args_nvcc": [],
    }
    selections = {name: dict(getattr(tools, name)) for name in ("_cuda_installation", "_gpu_selection")}
    support, log = generator.universal_support_code, logging.getLogger("brian2.brian2cuda")
    level = log.level
    project = cuda.CUDAStandaloneDevice()
    with isolated(project, changes, build_on_run=False):
        try:
            log.setLevel(logging.ERROR)
            tools.reset_cuda_installation()
            tools.reset_gpu_selection()
            generator.universal_support_code = None
            yield project
        finally:
            log.setLevel(level)
            generator.universal_support_code = support
            for name, values in selections.items():
                getattr(tools, name).update(values)


_SEED = "random_number_buffer.set_seed(spikehebb_seed);"
_SYNCHRONIZE = "CUDA_SAFE_CALL(cudaDeviceSynchronize());"

# Spikes that pass through resting weights, all to all: every postsynaptic neuron goes through the presynaptic ones in
# order, and adds the weights of those that spiked. Nothing is added atomically, so that every sum has the same bits.
_ARRIVE = """
__device__ static inline {real} {name}({real} sum, const int32_t i, const int64_t step)
{{
    const size_t replica = i / {columns}, column = i % {columns};
    const int32_t* const last = brian::d{last} + replica * {size};
    const {real}* const weights = brian::d{weights} + replica * {stride} * {columns} + column;
    for (size_t k = 0; k < {size}; k++)
        if (last[k] == (int32_t) step + 1)
            sum += weights[k * {columns}];
    return sum;
}}
"""
_POINT = "CUDA_SAFE_CALL(cudaMemcpyToSymbol(brian::d{array}, &brian::dev{array}, sizeof(brian::dev{array})));"


def cuda_arrival(
    name: str, pre: Any, weights: Any, post: Any, variable: str, *, clock: Any, order: int, copies: int = 1
) -> dict[str, Any]:
    """Return the objects that add, in every step, the weights of the spikes that arrive, without a list of synapses.

    The parameters are those of ``arrival`` in C++. A GPU has no list of spikes that is in order; so every presynaptic
    neuron has a mark of the last step in which it spiked.
    """
    device, function = get_device(), f"{name}_arriving"
    columns, size = len(post) // copies, len(pre) // copies
    marks = brian2.NeuronGroup(len(pre), "last : integer", clock=clock, name=f"{name}_arrival")
    marking = brian2.Synapses(
        pre, marks, on_pre="last_post = t_in_timesteps + 1", clock=clock, name=f"{name}_marking", namespace={}
    )
    marking.connect(j="i")
    marking.pre.order = order - 1
    arrays = {
        "last": device.get_array_name(marks.variables["last"]),
        "weights": device.get_array_name(weights.variables["w"]),
    }
    for array in arrays.values():
        device.insert_code("main", _POINT.format(array=array))
    real = "float" if prefs["core.default_float_dtype"] == np.float32 else "double"
    stride = size if len(weights) == len(pre) * columns and copies > 1 else 0
    code = _ARRIVE.format(name=function, real=real, columns=columns, size=size, stride=stride, **arrays)
    arriving = Function(lambda u, i, step: u, arg_units=[1, 1, 1], return_unit=1, stateless=False)
    arriving.implementations.add_implementation("cuda", code, name=function)
    post.namespace[function] = arriving
    post.run_regularly(
        f"{variable} = {function}({variable}, i, t_in_timesteps)",
        clock=clock,
        when="synapses",
        order=order,
        name=f"{name}_arrival_update",
    )
    return {marks.name: marks, marking.name: marking}


@utf8()
def write_cuda(
    project: Any, network: brian2.Network, folder: Path, kit: Toolkit, architectures: str, *, profile: bool = False
) -> Files:
    """Write the CUDA source of a network named ``network`` into a folder, with a makefile ``all.mk``.

    Parameters
    ----------
    project : CUDAStandaloneDevice
    network : Network
    folder : path
    kit : Toolkit
    architectures : str
        What to compile for, as in ``sm_80,sm_90``.
    profile : bool
        Let the program measure its kernels one by one, which takes longer: ``profiling_info.txt`` in its results.

    Returns
    -------
    dict
        For every variable (``population.variable``) the file that a run leaves it in, and its dtype.
    """
    project.insert_code("before_start", ARGUMENTS)
    project.insert_code("main", _SEED)
    # brian2cuda counts runs, and has random numbers for the first one only: ours is inside of it.
    project.insert_code("after_network_run", epoch_clocks(network) + RUN + _SYNCHRONIZE)
    network.run(0 * brian2.second, namespace={}, profile=profile)
    project.build(directory=str(folder), compile=False, run=False, with_output=False)
    mend(folder)
    write_units(folder, ".cu", follows="after_run_")
    (folder / "all.mk").write_text(makefile(kit, architectures))
    return files_of(project)


# What is wrong in the code as brian2cuda 1.0b1 writes it: (files, text, replacement), and why.
MENDS = (
    # Delays count steps of a default clock, which a network with a clock of its own does not have.
    ("code_objects/*.cu", "defaultclock.timestep", "steps.timestep"),
    # A synapse's random number depends on its place among those of its neuron: all neurons get the same numbers.
    ("code_objects/*.cu", "_vectorisation_idx = j;", "_vectorisation_idx = _idx;"),
    # Loops over synapses count with j, which a rule may use for the number of the postsynaptic neuron.
    *(
        ("code_objects/*.cu", line, re.sub(r"\bj\b", "_member", line))
        for line in (
            "for(int j = tid; j < num_synapses; j+=_threads_per_block)",
            "propagating_synapses[j];",
            "for (int j = syn_in_bundle_idx; j < bundle_size; j+=threads_per_bundle)",
            "synapse_bundle[j];",
        )
    ),
    # Clocks tick together if they differ by less than this; rounding errors of a minute are more than 1e-14 s, and the
    # onset of a presentation could come a step late.
    ("network.cu", "#define Clock_epsilon 1e-14", "#define Clock_epsilon 1e-9"),
    # The queues of different delays are made by several threads, of which one tells the others too early that they are
    # there: one thread makes them all.
    (
        "brianlib/spikequeue.h",
        "        // read queue information from a previous run",
        "        if (tid != 0) return;\n        num_threads = 1;\n        // queues of a previous run",
    ),
    (
        "brianlib/spikequeue.h",
        "__syncthreads();\n\n        // initialize semaphores",
        "\n        // initialize semaphores",
    ),
    # Names of files are put into lower case before they are opened.
    ("objects.cu", "c = std::tolower(static_cast<unsigned char>(c));", "(void) c;"),
)


def mend(folder: Path) -> None:
    """Correct the code of a project."""
    for pattern, wrong, right in MENDS:
        for file in folder.glob(pattern):
            text = file.read_text()
            if wrong in text:
                file.write_text(text.replace(wrong, right))


def makefile(kit: Toolkit, architectures: str) -> str:
    """Return a makefile for the units of a project, by this toolkit, for these GPUs."""
    targets = " ".join(f"-gencode arch=compute_{name[3:]},code={name}" for name in architectures.split(","))
    library = Path(kit.library)
    include = f' -isystem "{kit.include}"' if kit.include else ""
    objects = " ".join(f"{unit}.o" for unit in UNITS)
    return f"""
NVCC = "{kit.nvcc}" -ccbin "{kit.host}" -std={kit.standard} -O3 -w {targets} -I.{include}
main: {objects}
\t$(NVCC) {objects} -o main -L"{library.parent}" -l:{library.name} -Xlinker -rpath,"{library.parent}"
%.o: %.cu
\t$(NVCC) -dc $< -o $@
"""
