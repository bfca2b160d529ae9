"""One cell of a sweep, wherever it runs: what is checked there, what is done, and what comes back."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from spikehebb import report
from spikehebb.core.progress import Progress, quiet
from spikehebb.jobs.run import versions
from spikehebb.reading import printable
from spikehebb.sweeps.kinds import prepare

_PACKAGE = Path(__file__).parents[1]
_OFTEN = 0.5  # seconds between two reports of a cell's progress
_ASIDE = ("building", "drawing")  # stages that say little of how far a cell is


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a worker needs for a cell: a few hundred bytes; images and programs are read where it works.

    Parameters
    ----------
    job : str
    settings : mapping
        As ``kinds.portable`` returns them.
    folder : str
        The cell's, as every machine sees it.
    overwrite : bool
    maker : mapping
        Versions and code of who planned the sweep.
    """

    job: str
    settings: Mapping[str, Any]
    folder: str
    overwrite: bool
    maker: Mapping[str, str]


@cache
def maker() -> Mapping[str, str]:
    """Return what must be the same wherever cells of one sweep run: versions, and the toolkit's code."""
    state = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        state.update(f"{path.relative_to(_PACKAGE)}:{hashlib.sha256(path.read_bytes()).hexdigest()};".encode())
    return {**versions(), "code": state.hexdigest()[:12]}


def difference(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return in which versions two makers differ, or nothing."""
    names = sorted({*one, *other})
    return ", ".join(
        f"{name} {printable(one.get(name, 'none'), 60)} instead of {other.get(name, 'none')}"
        for name in names
        if one.get(name) != other.get(name)
    )


def do(order: Order, tell: Callable[[float], None] | None = None) -> str:
    """Do a cell, in this process; return why it failed, or nothing.

    Parameters
    ----------
    order : Order
    tell : callable, optional
        Called with about which fraction of the cell is done, at most twice a second.
    """
    if other := difference(maker(), order.maker):
        return f"the worker on {platform.node()} has {other}; give it the same versions."
    try:
        with threadpool_limits(1):  # as many cells at once as there are workers, and the same sums everywhere
            prepare(order.job, order.settings).do(Path(order.folder), order.overwrite, _rarely(tell))
        report.write(Path(order.folder))
    except Exception as error:  # whatever it is, the other cells go on
        kind = (
            "" if isinstance(error, (ValueError, OSError, RuntimeError, MemoryError)) else f"{type(error).__name__}: "
        )
        return printable(f"{kind}{error}" or type(error).__name__, 600)
    return ""


def _rarely(tell: Callable[[float], None] | None) -> Progress:
    if tell is None:
        return quiet
    last = [0.0, 0.0]  # when it was told, and what

    def progress(stage: str, fraction: float) -> None:
        now = time.monotonic()
        if stage not in _ASIDE and fraction > last[1] and now - last[0] > _OFTEN:
            last[:] = now, fraction
            tell(min(fraction, 1.0))

    return progress
