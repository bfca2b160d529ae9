"""What works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import brian2

from spikehebb import datasets, devices
from spikehebb.devices import nvcc
from spikehebb.simulation import programs


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check of this machine, and its outcome."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Check Python, Brian2, compiler, what CUDA needs, data folder and cache.

    Examples
    --------
    >>> [finding.what for finding in examine()][:2]
    ['Python', 'Brian2']
    """
    return [_python(), _brian2(), _compiler(), *_cuda(), _data(), _cache()]


def _python() -> Finding:
    ok = sys.version_info >= (3, 12)
    return Finding(
        what="Python",
        ok=ok,
        found=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        remedy="" if ok else "spikehebb needs Python 3.12 or later",
    )


def _brian2() -> Finding:
    version = brian2.__version__
    ok = version.startswith("2.10.")
    return Finding(what="Brian2", ok=ok, found=version, remedy="" if ok else "pip install 'brian2>=2.10.1,<2.11'")


def _compiler() -> Finding:
    compiler = devices.compiler()
    return Finding(
        what="C++ compiler",
        ok=compiler is not None,
        found=compiler or "none, or no make",
        remedy="" if compiler else "apt install g++ make, or xcode-select --install; until then --device numpy",
    )


_ONLY = "only for --device cuda: "


def _cuda() -> list[Finding]:
    """Check each step from a circuit to a program on a GPU."""
    return [_brian2cuda(), _nvcc(), _curand(), _host(), _gpu()]


def _brian2cuda() -> Finding:
    version = devices.cuda.brian2cuda_version()
    remedy = "" if version else f"{_ONLY}pip install 'spikehebb[cuda]'"
    return Finding(what="brian2cuda", ok=version is not None, found=version or "none", remedy=remedy)


def _nvcc() -> Finding:
    path = nvcc.nvcc_path()
    if path is None:
        return Finding(what="nvcc", ok=False, found="none", remedy=f"{_ONLY}{nvcc.INSTALL_NVCC}")
    try:
        major, minor = nvcc.nvcc_version(path)
    except RuntimeError as error:
        return Finding(what="nvcc", ok=False, found=path, remedy=f"{_ONLY}{error}")
    remedy = "" if major <= nvcc.NEWEST else f"newer than CUDA {nvcc.NEWEST}, which was tried"
    return Finding(what="nvcc", ok=True, found=f"CUDA {major}.{minor}, {nvcc.STANDARD}, {path}", remedy=remedy)


def _curand() -> Finding:
    path = nvcc.nvcc_path()
    if path is None:
        return Finding(what="cuRAND", ok=False, found="not looked for", remedy=f"{_ONLY}nvcc first")
    try:
        _, library = nvcc.curand(nvcc.include_folders(path), nvcc.nvcc_version(path)[0])
    except RuntimeError as error:
        return Finding(what="cuRAND", ok=False, found="none", remedy=f"{_ONLY}{error}")
    return Finding(what="cuRAND", ok=True, found=str(library))


def _host() -> Finding:
    path = nvcc.nvcc_path()
    if path is None:
        return Finding(what="g++ for nvcc", ok=False, found="not looked for", remedy=f"{_ONLY}nvcc first")
    try:
        compiler = nvcc.host_compiler(nvcc.include_folders(path), os.environ.get("CXX", ""))
    except RuntimeError as error:
        return Finding(what="g++ for nvcc", ok=False, found="none that it takes", remedy=f"{_ONLY}{error}")
    return Finding(what="g++ for nvcc", ok=True, found=compiler)


def _gpu() -> Finding:
    gpus = nvcc.gpus()
    if not gpus:
        return Finding(
            what="NVIDIA GPU",
            ok=False,
            found="none",
            remedy=f"{_ONLY}a GPU and its driver (nvidia-smi lists it); programs can be compiled without, "
            f"for {nvcc.ARCHITECTURE}=sm_90",
        )
    summary = "; ".join(f"{g.name}, {g.architecture}, {g.free} of {g.memory} MiB free" for g in gpus)
    return Finding(what="NVIDIA GPU", ok=True, found=summary)


def _data() -> Finding:
    folder = os.environ.get("SPIKEHEBB_DATA")
    if not folder:
        return Finding(
            what="data folder",
            ok=True,
            found="SPIKEHEBB_DATA is not set",
            remedy="mnist and fashion-mnist are then downloaded when first used",
        )
    missing = []
    for name, files in datasets.IDX_FILES.items():
        for file in files:
            try:
                datasets.find(Path(folder), name, file)
            except FileNotFoundError:
                missing.append(f"{name}/{file}")
    return Finding(
        what="data folder",
        ok=not missing,
        found=folder,
        remedy=f"missing: {', '.join(missing)}" if missing else "",
    )


def _cache() -> Finding:
    remedy = "set SPIKEHEBB_CACHE to a folder of your own"
    try:
        with tempfile.TemporaryFile(dir=programs.home()):
            size, limit = (bytes / 1e6 for bytes in (programs.cached_bytes(), programs.limit()))
    except (OSError, ValueError) as error:
        return Finding(what="cache", ok=False, found=str(error), remedy=remedy)
    summary = f"{devices.cache_folder()}, {size:.0f} of at most {limit:.0f} MB of programs"
    return Finding(what="cache", ok=True, found=summary)
