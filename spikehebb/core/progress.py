"""How a long job reports its progress, and says first that it is long."""

from __future__ import annotations

import sys
from collections.abc import Callable

Fraction = Callable[[float], None]  # takes the completed fraction of one stage
Progress = Callable[[str, float], None]  # takes the name of a stage and its completed fraction


def quiet(stage: str, fraction: float) -> None:
    """Report nothing."""


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


def of_stage(progress: Progress, stage: str, start: float = 0.0, width: float = 1.0) -> Fraction:
    """Return a reporter for one stage, or for a part of it."""
    return lambda fraction: progress(stage, start + width * fraction)


def part_of(progress: Fraction | None, start: float, width: float) -> Fraction:
    """Return a reporter for a part of what another one reports."""
    return (lambda fraction: None) if progress is None else (lambda fraction: progress(start + width * fraction))
