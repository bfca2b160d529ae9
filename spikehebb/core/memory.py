"""How much memory is free, and whether a request fits into it, told before anything is allocated."""

from __future__ import annotations

import os
import re
from pathlib import Path

_PREFIXES = ("B", "kB", "MB", "GB", "TB", "PB")
_AVAILABLE = re.compile(r"MemAvailable: *(\d+) kB")
_SMALL = 1 << 26  # bytes that nobody asks about


def free_memory() -> float:
    """Return the bytes that this process can still take: of the machine, and of its container if that has less."""
    free = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        free = 1024.0 * int(_AVAILABLE.findall(Path("/proc/meminfo").read_text())[0])
        group = Path("/sys/fs/cgroup")
        free = min(free, float((group / "memory.max").read_text()) - float((group / "memory.current").read_text()))
    except (OSError, ValueError, IndexError):  # no Linux, or a container without a limit ("max")
        pass
    return max(free, 0.0)


def check_memory(what: str, needed: float, instead: str) -> None:
    """Raise ``MemoryError`` if there is less free memory than something needs.

    Parameters
    ----------
    what : str
        Which needs it; the message begins with it.
    needed : float
        Bytes.
    instead : str
        What to do.

    Examples
    --------
    >>> check_memory("a petabyte", 1e15, "take less")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    MemoryError: a petabyte needs about 1 PB of memory, and ... free; take less.
    """
    if needed < _SMALL:
        return
    free = free_memory()
    if needed > free:
        raise MemoryError(f"{what} needs about {size(needed)} of memory, and {size(free)} are free; {instead}.")


def size(number: float) -> str:
    """Return bytes as people write them.

    Examples
    --------
    >>> size(1.5e9), size(3e20)
    ('1.5 GB', '3e+05 PB')
    """
    number = float(number)
    for prefix in _PREFIXES[:-1]:
        if number < 1000:
            return f"{number:.3g} {prefix}"
        number /= 1000
    return f"{number:.3g} {_PREFIXES[-1]}"
