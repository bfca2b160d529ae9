"""Temporary folders that are always deleted: those of a process that was killed are deleted by the next one."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

_LOCK = ".in-use"  # names the machine; locked by the process that works in the folder for as long as it lives


@contextmanager
def scratch(prefix: str = "spikehebb-", parent: Path | None = None) -> Iterator[Path]:
    """Make a folder that is deleted at the end, or by the next process if this one is killed.

    Parameters
    ----------
    prefix : str
        Of the folder's name.
    parent : path, optional
        Where it lies; in ``TMPDIR`` when left out.
    """
    parent = parent or Path(tempfile.gettempdir())
    _clean(parent, prefix)
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        raise OSError(f"cannot make a folder in {parent} ({error.strerror}).") from error
    try:
        with open(folder / _LOCK, "w") as lock:
            with suppress(OSError):  # a disk without locks: the folder is never taken for an abandoned one
                fcntl.flock(lock, fcntl.LOCK_EX)
                lock.write(platform.node())
                lock.flush()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _clean(parent: Path, prefix: str) -> None:
    """Delete the folders of ended processes of this user on this machine."""
    for folder in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.getuid():
                continue
            with open(folder / _LOCK, "r+") as lock:
                if lock.read() == platform.node() and unused(lock):
                    shutil.rmtree(folder, ignore_errors=True)


def unused(file: IO[str]) -> bool:
    """Return whether no other process has locked an open file; it stays locked until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
