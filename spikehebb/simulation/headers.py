"""What programs include, compiled once for all of them: reading it takes a third of a compiler's time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from spikehebb import devices

HOME = "headers"
HEADER = "headers.hpp"  # of a program; where it lies in a folder of compiled forms, GCC takes the one that fits
AFTER = 3  # programs: compiling them takes as long as four programs gain
_KEPT = 3  # folders: of other compilers and flags, those that were used last


def take(folder: Path, programs: int) -> None:
    """Let a program that is about to be compiled find the compiled headers, if there are any or there should be.

    Parameters
    ----------
    folder : path
        Of its sources, with ``all.mk``; without ``headers.hpp`` nothing is done.
    programs : int
        How many there are already.
    """
    if not (folder / HEADER).exists() or "clang" in (devices.compiler() or "clang"):
        return
    home = devices.own_cache(HOME)
    place = home / _key(folder)
    if not place.exists() and programs >= AFTER:
        with open(home / ".lock", "w") as lock, suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process compiles, the others wait
            if not place.exists():
                _compile(folder, place)
    if place.exists():
        with suppress(OSError):
            os.utime(place)
            (folder / f"{HEADER}.gch").symlink_to(place)


def leave(folder: Path, *, damaged: bool = False) -> bool:
    """Let a program do without compiled headers again, and delete damaged ones; return whether it had any."""
    link = folder / f"{HEADER}.gch"
    if not link.is_symlink():
        return False
    if damaged:
        shutil.rmtree(link.resolve(), ignore_errors=True)
    link.unlink()
    return True


def _compile(folder: Path, place: Path) -> None:
    """Compile the headers into their place, which stays empty where the compiler cannot."""
    with devices.scratch(".compiling-", place.parent) as room:
        made = room / "made"
        made.mkdir()
        command = ["make", "-f", "all.mk", "headers", f"TO={made}"]
        done = subprocess.run(command, cwd=folder, env=devices.build_environment(), capture_output=True, check=False)
        if done.returncode:
            shutil.rmtree(made)
            made.mkdir()
        made.rename(place)
    others = sorted(place.parent.glob("[!.]*"), key=lambda each: each.stat().st_mtime)
    for old in others[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _key(folder: Path) -> str:
    """Return a digest of all that compiled headers depend on: compiler, flags, environment, machine."""
    machine = devices.machine()
    about = {name: machine[name] for name in ("compiler", "flags", "processor", "environment")}
    about |= {name: (folder / name).read_text() for name in ("all.mk", HEADER)}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
