"""What works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import brian2

from spikehebb import datasets, devices, programs


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at Python, Brian2, compiler, nvcc, GPU, data folder and cache.

    Examples
    --------
    >>> [finding.what for finding in examine()][:2]
    ['Python', 'Brian2']
    """
    return [_python(), _brian2(), _compiler(), _nvcc(), _gpu(), _data(), _cache()]


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
    found = devices.compiler()
    return Finding(
        what="C++ compiler",
        ok=found is not None,
        found=found or "none, or no make",
        remedy="" if found else "apt install g++ make, or xcode-select --install; until then --device numpy",
    )


def _nvcc() -> Finding:
    found = devices.first_line("nvcc", "--version") and shutil.which("nvcc")
    return Finding(
        what="nvcc",
        ok=bool(found),
        found=str(found) if found else "none",
        remedy="" if found else "only for --device cuda, which comes in a later version",
    )


def _gpu() -> Finding:
    found = devices.first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    try:
        brian2cuda = importlib.metadata.version("brian2cuda")
    except importlib.metadata.PackageNotFoundError:
        brian2cuda = "not installed"
    return Finding(
        what="NVIDIA GPU",
        ok=found is not None,
        found=f"{found or 'none'}; brian2cuda {brian2cuda}",
        remedy="" if found else "only for --device cuda, which comes in a later version",
    )


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
    folder = devices.cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            what="cache",
            ok=False,
            found=f"cannot write to {folder} ({error.strerror})",
            remedy="set SPIKEHEBB_CACHE to a folder that you can write to",
        )
    return Finding(what="cache", ok=True, found=f"{folder}, {programs.cached_bytes() / 1e6:.0f} MB of programs")
