"""Times, lags and frequencies as they are given: with a unit, finite, and on the grid of time steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Hz, Quantity, second
from brian2.units import get_dimensions

from spikehebb import equations as text
from spikehebb.core.values import Float

NEAR = 1e-3  # of a step: how far a time may lie off the grid, as written or computed in floating point
_MOST = 2**52  # steps that a clock can count and a float tell apart to within NEAR
_SHOWN = 60  # characters of a value in a message
_UNITS = {second.dim: ("a time", "ms", 1000.0), Hz.dim: ("a frequency", "Hz", 1.0)}  # and how many of them one is


def seconds(what: str, times: Any, *, least: float = -np.inf, above: float = -np.inf) -> Float:
    """Return times in seconds, as an array of the same shape.

    Parameters
    ----------
    what : str
        What they are; every message begins with it.
    times : Quantity
        Numbers without unit are refused, because nobody knows whether they are seconds.
    least, above : float
        In seconds: no time is below the one, and all are above the other.

    Raises
    ------
    ValueError
        If they have another unit or none, or one is not finite or too small.
    """
    return _in_base_units(what, times, second, least, above)


def hertz(what: str, frequencies: Any) -> Float:
    """Return frequencies in Hz, all above 0; refuse what ``seconds`` refuses."""
    return _in_base_units(what, frequencies, Hz, -np.inf, 0.0)


def _in_base_units(what: str, value: Any, unit: Quantity, least: float, above: float) -> Float:
    wanted, example, many = _UNITS[unit.dim]
    try:
        dim, numbers = get_dimensions(value), np.asarray(value, float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what} must be {wanted}, got {_short(value)}. Write 20*{example}.") from error
    if dim != unit.dim and numbers.size:
        if dim == text.DIMENSIONLESS:
            raise ValueError(
                f"{what} must be {wanted}, got {_short(value)} (dimensionless). Write {_short(value)}*{example}."
            )
        raise ValueError(f"{what} must be {wanted}, got {_short(value)}. Write 20*{example}.")
    for wrong, be in (
        (~np.isfinite(numbers), "finite"),
        (~(numbers > above), "above 0" if above == 0 else f"above {above:g} s"),
        (numbers < least, "at least 0" if least == 0 else f"at least {least:g} s"),
    ):
        if wrong.any():
            raise ValueError(f"{what} must be {be}, got {numbers[wrong].flat[0] * many:g} {example}.")
    return numbers


def _short(value: Any) -> str:
    said = str(value)
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."


def time_step(dt: Any) -> float:
    """Return a time step in seconds, after checking that it is one time above 0."""
    step = seconds("dt", dt, above=0.0)
    if step.ndim:
        raise ValueError(f"dt must be one time, got {_short(dt)}.")
    return float(step)


def on_grid(what: str, times: Any, dt: Any, *, least: float = -np.inf, round_times: bool | None = None) -> Float:
    """Return times in seconds after checking that each is a whole number of time steps, or after rounding them to it.

    Parameters
    ----------
    what : str
        What they are; every message begins with it.
    times : Quantity
    dt : Quantity
        The time step of the run.
    least : float
        In seconds: no time is below it.
    round_times : bool, optional
        True: round to nearest instead of refusing. False: the message names this choice, which the caller has.

    Raises
    ------
    ValueError
        If a time has no unit, is not finite, too small, beyond what a clock counts, or off the grid.

    Examples
    --------
    >>> from brian2 import ms
    >>> on_grid("a lag", 1.26 * ms, 0.1 * ms, round_times=True).round(6).tolist()
    0.0013
    >>> on_grid("a lag", 1.26 * ms, 0.1 * ms)
    Traceback (most recent call last):
    ValueError: a lag of 1.26 ms is no whole number of steps of dt = 0.1 ms; round it or take a smaller dt.
    """
    found, step = seconds(what, times, least=least), time_step(dt)
    with np.errstate(over="ignore"):
        steps = found / step
    far = np.abs(steps) > _MOST
    if far.any():
        raise ValueError(
            f"{what} of {found[far].flat[0] * 1000:g} ms is more steps of dt = {step * 1000:g} ms than a clock can "
            "count; take a shorter time or a larger dt."
        )
    whole = np.round(steps)
    off = np.abs(steps - whole) > NEAR
    if not off.any():
        return found
    if not round_times:
        how = "shorter than" if abs(steps[off].flat[0]) < 1 else "no whole number of steps of"
        choice = " (--round-times, round_times=True)" if round_times is False else ""
        raise ValueError(
            f"{what} of {found[off].flat[0] * 1000:.10g} ms is {how} dt = {step * 1000:g} ms; round it{choice} or take "
            "a smaller dt."
        )
    return np.asarray(np.where(off, whole * step, found), float)


def check_rows(what: str, rows: Float, dt: float) -> None:
    """Raise ``ValueError`` unless spike times can be replayed: on the grid, from 0 on, one in a step.

    Parameters
    ----------
    what : str
        What they are; every message begins with it.
    rows : array, shape (spikes, neurons)
        In seconds; infinite where a neuron has no more spikes.
    dt : float
        The time step, in seconds.
    """
    there = np.isfinite(rows)
    steps = np.where(there, rows, 0) / dt
    again = there[1:] & (np.diff(np.round(steps), axis=0) <= 0)
    for wrong, said in (
        (np.abs(steps) > _MOST, "is later than a clock can count to; give earlier times"),
        (rows < 0, "is negative; begin at 0"),
        (np.abs(steps - np.round(steps)) > NEAR, f"lies off the grid of dt = {1000 * dt:g} ms; round the times to it"),
        (np.vstack([np.zeros_like(there[:1]), again]), "comes no step later than the one before; leave one out"),
    ):
        if wrong.any():
            spike, neuron = np.argwhere(wrong)[0]
            raise ValueError(
                f"{what}: spike {spike + 1} of neuron {neuron}, at {1000 * rows[spike, neuron]:.6g} ms, {said} or take "
                "another dt."
            )
