"""What this machine has: its C++ compiler, its processor, the user's cache."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import brian2
import pooch

INSTALL = "install them (on Debian or Ubuntu: apt install g++ make; on macOS: xcode-select --install)"


def compiler() -> str | None:
    """Return the version line of the C++ compiler, or None where it or make is missing."""
    if shutil.which("make") is None:
        return None
    return first_line(os.environ.get("CXX", "g++"), "--version")


def printed(*command: str) -> str | None:
    """Return what a program prints, or None where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def first_line(*command: str) -> str | None:
    """Return the first line that a program prints, or None where it is missing or fails."""
    text = printed(*command)
    return None if text is None else (text.strip().splitlines() or [""])[0]


def cache_folder() -> Path:
    """Return the folder of compiled programs and downloads: ``SPIKEHEBB_CACHE`` or the user's cache."""
    return Path(os.environ.get("SPIKEHEBB_CACHE") or pooch.os_cache("spikehebb"))


def flags() -> str:
    """Return what the user adds to the C++ compiler's flags, as in ``SPIKEHEBB_CXXFLAGS=-O1``; the last one counts."""
    return os.environ.get("SPIKEHEBB_CXXFLAGS", "")


def machine() -> dict[str, str]:
    """Return what a compiled program depends on besides its source."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():  # programs are compiled for this very processor
        lines = info.read_text(errors="replace").splitlines()
        cpu = " ".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    return {"brian2": brian2.__version__, "compiler": compiler() or "none", "flags": flags(), "cpu": cpu}
