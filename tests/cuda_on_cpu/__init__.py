"""Emulated CUDA: a toolkit and a GPU on the CPU, so that the whole device runs and is tested where there is none.

``toolkit`` makes a folder in the shape of CUDA 13 whose nvcc translates kernel launches into loops and calls g++.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
STUBS = (
    *("curand.h", "curand_kernel.h", "cuda_profiler_api.h", "cuda_runtime.h", "cuda.h"),
    *(f"thrust/{name}.h" for name in ("copy", "count", "execution_policy", "reduce", "sort", "unique")),
    *(
        f"thrust/{name}.h"
        for name in ("device_vector", "host_vector", "system_error", "device_ptr", "sequence", "pair")
    ),
)
NVCC = f'#!/bin/sh\nPYTHONPATH={HERE.parent.parent} exec {sys.executable} -m tests.cuda_on_cpu "$@"\n'
GPU = "0, GPU-emulated, An emulated GPU, {capability}, {memory}, {memory}"


def toolkit(folder: Path, *, capability: str = "9.0", memory: int = 8000) -> Path:
    """Make the toolkit and an ``nvidia-smi`` in a folder, and return it (what ``CUDA_PATH`` takes)."""
    for stub in STUBS:
        (folder / "include" / stub).parent.mkdir(parents=True, exist_ok=True)
        (folder / "include" / stub).write_text(f'#include "{HERE / "cuda_on_cpu.h"}"\n')
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "libcurand.so").touch()
    (folder / "bin").mkdir()
    smi = f"#!/bin/sh\necho '{GPU.format(capability=capability, memory=memory)}'\n"
    for name, text in (("nvcc", NVCC), ("nvidia-smi", smi)):
        script = folder / "bin" / name
        script.write_text(text)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return folder


def translate(file: Path) -> str:
    """Return a ``.cu`` file as C++: other ``.cu`` files included, kernel launches as calls."""
    text = re.sub(
        r'^\s*#include "(.+\.cu)"$',
        lambda match: translate(file.parent / match[1]),
        file.read_text(),
        flags=re.MULTILINE,
    )
    parts, position = [], 0
    for launch in re.finditer(r"(\w+)<<<(.*?)>>>\(", text, re.DOTALL):
        end = _closing(text, launch.end())
        parts += [text[position : launch.start()], f"cuda_on_cpu::launch({launch[2]}, [&] {{ {launch[1]}("]
        parts += [text[launch.end() : end], "); })"]
        position = end + 1
    return "".join(parts) + text[position:]


def _closing(text: str, start: int) -> int:
    """Return where the bracket closes that was opened before ``start``."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise ValueError("a kernel launch does not end")


def nvcc(arguments: list[str]) -> int:
    """Do what nvcc would be asked to: tell its version, its GPUs, its folders; compile; link."""
    folder = Path(os.environ["CUDA_PATH"])
    if "--version" in arguments:
        print("Cuda compilation tools, release 13.0, V13.0.88")
    elif "--list-gpu-arch" in arguments:
        print("compute_80\ncompute_90")
    elif "--dryrun" in arguments:
        print(f'#$ INCLUDES="-I{folder / "include"}"', file=sys.stderr)
    else:
        output = arguments[arguments.index("-o") + 1]
        compiler = arguments[arguments.index("-ccbin") + 1]
        if "-dc" not in arguments:
            objects = [argument for argument in arguments if argument.endswith(".o")]
            return subprocess.run([compiler, *objects, "-o", output], check=False).returncode
        source = Path(next(argument for argument in arguments if argument.endswith(".cu")))
        translated = source.with_suffix(".cpp")
        translated.write_text(f'#include "{HERE / "cuda_on_cpu.h"}"\n{translate(source)}')
        optimize = "-O0" if source.stem == "unit_main" else "-O1"
        command = [compiler, "-std=c++17", optimize, "-w", "-fpermissive", "-I.", f"-I{folder / 'include'}"]
        return subprocess.run([*command, "-c", str(translated), "-o", output], check=False).returncode
    return 0
