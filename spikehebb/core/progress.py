"""How a long job reports its progress, and says first that it is long."""

from __future__ import annotations

import html
import importlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Fraction = Callable[[float], None]  # takes the completed fraction of one stage
Progress = Callable[[str, float], None]  # takes the name of a stage and its completed fraction
Log = Callable[[int, Mapping[str, float]], None]  # takes how many images were learned from, and numbers by name


def quiet(stage: str, fraction: float) -> None:
    """Report nothing."""


def log_all(log: Log | None, names: Sequence[str], seen: int, each: Sequence[Mapping[str, float]]) -> None:
    """Give a log the numbers of one network, or of several, each under its name."""
    for name, numbers in zip(names, each, strict=True):
        if log is not None:
            log(seen, {f"{name}/{key}" if len(each) > 1 else key: float(value) for key, value in numbers.items()})


_AT_ONCE, _AGAIN = 1.0, 0.2  # seconds: what is shorter shows no bar; how often a bar changes
HOURS = 3600.0  # seconds from which on a job says how long it takes
_UNITS = (("years", 365.25 * 86400), ("days", 86400.0), ("hours", 3600.0))


def announce(sentence: str) -> None:
    """Say a sentence on standard error."""
    print(f"spikehebb: {sentence}", file=sys.stderr, flush=True)


def announce_hours(what: str, seconds: float, instead: str) -> None:
    """Say how long something takes and what would take less, if that is hours; what is said is an estimate."""
    if seconds >= HOURS:
        announce(f"{what} takes about {duration(seconds)}, as far as can be told before; {instead} takes less.")


def duration(seconds: float) -> str:
    """Return a duration of an hour or more as people say it.

    Examples
    --------
    >>> duration(5400), duration(3e12)
    ('1.5 hours', '95,064 years')
    """
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= 2 * length), _UNITS[-1])
    count = seconds / length
    return f"{count:,.0f} {unit}" if count >= 10 else f"{count:.2g} {unit}"


def reporter(progress: Progress | None) -> Progress:
    """Return a reporter as it is; where none is given, bars in a notebook, and nothing elsewhere."""
    return progress or (notebook_bars() if in_notebook() else quiet)


def stage_reporter(progress: Fraction | None, stage: str = "simulating") -> Fraction:
    """Return what ``reporter`` returns, for a job of one stage."""
    return progress or of_stage(reporter(None), stage)


def in_notebook() -> bool:
    """Return whether this is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def notebook_bars() -> Progress:
    """Return a reporter that shows a bar for each stage below the cell, once a job takes more than a second."""
    begun: dict[str, float] = {}
    shown: list[Any] = []
    latest: dict[str, float] = {}
    told = [0.0]

    def tell(stage: str, fraction: float) -> None:
        now = time.monotonic()
        begun.setdefault(stage, now)
        latest[stage] = min(fraction, 1.0)
        if now - min(begun.values()) < _AT_ONCE or (fraction < 1 and now - told[0] < _AGAIN):
            return
        told[0] = now
        content = Markup(html="".join(_bar(name, done, now - begun[name]) for name, done in latest.items()))
        if shown:
            shown[0].update(content)
        else:
            shown.append(importlib.import_module("IPython.display").display(content, display_id=True))

    return tell


@dataclass(frozen=True, kw_only=True)
class Markup:
    """HTML that a notebook shows."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def _bar(stage: str, fraction: float, seconds: float) -> str:
    left = "" if not 0 < fraction < 1 else f", {seconds * (1 / fraction - 1):.0f} s left"
    bar = f'<progress value="{fraction:.4f}" max="1"></progress>'
    return f"<div>{html.escape(stage)} {bar} {100 * fraction:.0f} %, {seconds:.0f} s{left}</div>"


def of_stage(progress: Progress, stage: str, start: float = 0.0, width: float = 1.0) -> Fraction:
    """Return a reporter for one stage, or for a part of it."""
    return lambda fraction: progress(stage, start + width * fraction)


def part_of(progress: Fraction | None, start: float, width: float) -> Fraction:
    """Return a reporter for a part of what another one reports."""
    return (lambda fraction: None) if progress is None else (lambda fraction: progress(start + width * fraction))
