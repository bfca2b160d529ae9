"""What this machine has: its C++ compiler and the user's cache."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pooch

INSTALL = "install them (on Debian or Ubuntu: apt install g++ make; on macOS: xcode-select --install)"


def compiler_path() -> str | None:
    """Return where the C++ compiler is, ``CXX`` or g++, or None where it is missing."""
    return shutil.which(os.environ.get("CXX") or "g++")


def compiler() -> str | None:
    """Return the version line of the C++ compiler, or None where it or make is missing."""
    path = compiler_path()
    return None if path is None or shutil.which("make") is None else first_line(path, "--version")


def printed(*command: str) -> str | None:
    """Return what a program prints, or None where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, errors="replace", timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def first_line(*command: str) -> str | None:
    """Return the first line that a program prints, or None where it is missing or fails."""
    text = printed(*command)
    return None if text is None else (text.strip().splitlines() or [""])[0]


def cache_folder() -> Path:
    """Return the folder of compiled programs and downloads: ``SPIKEHEBB_CACHE`` or the user's cache."""
    return Path(os.environ.get("SPIKEHEBB_CACHE") or pooch.os_cache("spikehebb"))


def own_cache(name: str = "") -> Path:
    """Return the cache folder or a folder inside of it, made where it is missing; nobody else may write to it.

    Raises
    ------
    OSError
        If it cannot be made, belongs to another user, or can be written to by others.
    """
    folder = cache_folder()
    for each in (folder, folder / name):
        try:
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
            info = each.stat()
        except OSError as error:
            raise OSError(f"cannot write to the cache {each} ({error.strerror}); set SPIKEHEBB_CACHE.") from error
        # In a folder like /tmp others can write, too, but not replace what is not theirs.
        sticky = bool(info.st_mode & stat.S_ISVTX) and each != folder / name
        if info.st_uid != os.getuid() and not (sticky and info.st_uid == 0):
            raise PermissionError(
                f"the cache {each} belongs to another user, who could have programs run here; set SPIKEHEBB_CACHE to a "
                "folder of your own."
            )
        if info.st_mode & 0o022 and not sticky:
            raise PermissionError(
                f"others can write to the cache {each}, and could have programs run here; take their right away with "
                f"chmod go-w {each}, or set SPIKEHEBB_CACHE to a folder of your own."
            )
    return folder / name


def flags() -> str:
    """Return what the user adds to the C++ compiler's flags, as in ``SPIKEHEBB_CXXFLAGS=-O1``; the last one counts."""
    return os.environ.get("SPIKEHEBB_CXXFLAGS", "")
