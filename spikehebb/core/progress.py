"""How a long job reports its progress."""

from __future__ import annotations

from collections.abc import Callable

Fraction = Callable[[float], None]  # takes the completed fraction of one stage
Progress = Callable[[str, float], None]  # takes the name of a stage and its completed fraction


def quiet(stage: str, fraction: float) -> None:
    """Report nothing."""


def of_stage(progress: Progress, stage: str, start: float = 0.0, width: float = 1.0) -> Fraction:
    """Return a reporter for one stage, or for a part of it."""
    return lambda fraction: progress(stage, start + width * fraction)


def part_of(progress: Fraction | None, start: float, width: float) -> Fraction:
    """Return a reporter for a part of what another one reports."""
    return (lambda fraction: None) if progress is None else (lambda fraction: progress(start + width * fraction))
