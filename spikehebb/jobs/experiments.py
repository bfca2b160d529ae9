"""Measured data sets: the spikes of each point, a pattern that was repeated, and whether sets go together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from brian2 import Hz, Quantity, second

from spikehebb import protocols
from spikehebb.core import Float, Protocol
from spikehebb.core.times import hertz, on_grid, time_step
from spikehebb.core.values import is_finite
from spikehebb.datasets.measurements import Measurements
from spikehebb.encoders import spike_rows
from spikehebb.equations import said

_PERCENT = 5.0  # relative changes above it, beside data sets whose changes are a twentieth, are taken for percent
_CURVE = 30  # points of a drawn curve, on each side of a lag of 0
Trains = tuple[Float, Float]  # the spike times of both sides, in seconds


def trains_of(
    data: Measurements, *, repeats: int, frequency: Quantity, dt: Quantity, round_times: bool = False
) -> list[Trains]:
    """Return the spike trains of both sides for each point, on the grid of time steps, from one step on.

    Parameters
    ----------
    data : Measurements
    repeats, frequency : int, Quantity
        Of the patterns, where the data do not say.
    dt : Quantity
    round_times : bool
        Round times to the grid of ``dt`` instead of refusing those that are off it.

    Raises
    ------
    ValueError
        If a time is off the grid, two spikes of a neuron or of a pairing fall into one step, or a pattern is longer
        than the time between two.

    Examples
    --------
    >>> from brian2 import ms
    >>> data = Measurements(name="cells", x=[5], change=[0.1])
    >>> [times.round(6).tolist() for times in trains_of(data, repeats=2, frequency=10 * Hz, dt=1 * ms)[0]]
    [[0.001, 0.101], [0.006, 0.106]]
    """
    step = time_step(dt)
    rates = data.x * Hz if data.variable == "frequency_hz" else frequency if data.frequency is None else data.frequency
    every = np.broadcast_to(1 / hertz(f"{data.name}: frequency", rates), (len(data),))
    often = np.broadcast_to(repeats if data.repeats is None else data.repeats, (len(data),))
    if data.variable in ("lag_ms", "frequency_hz"):
        lags = np.array([post[0] - pre[0] for pre, post in data.patterns()])
        coincident = lags[np.abs(lags) * 1e-3 < step / 2]
        if coincident.size:
            raise ValueError(
                f"{data.name}: at a lag of {coincident[0]:g} ms both spikes fall into one time step of {said(dt)}, "
                "where order means nothing; take the point out, or a smaller dt."
            )
    trains = []
    for point, (pattern, period, times) in enumerate(zip(data.patterns(), every, often, strict=True)):
        sides = []
        for side, spikes in zip(("pre", "post"), pattern, strict=True):
            what = "a lag" if data.variable in ("lag_ms", "frequency_hz") else f"point {point}, {side}: a spike time"
            seconds = on_grid(f"{data.name}: {what}", spikes * 1e-3 * second, dt, round_times=round_times)
            if (np.diff(np.round(seconds / step)) < 1).any():
                raise ValueError(
                    f"{data.name}, point {point}: two {side}synaptic spikes fall into one time step of {said(dt)}; "
                    "take a smaller dt."
                )
            sides.append(seconds)
        first, last = min(map(np.min, filter(len, sides))), max(map(np.max, filter(len, sides)))
        if times > 1 and period <= last - first + step / 2:
            raise ValueError(
                f"{data.name}, point {point}: at {1 / period:g} Hz a period is {1000 * period:g} ms, too short for "
                f"{1000 * (last - first):g} ms of spikes."
            )
        starts = np.round((np.arange(times) * period - first) / step + 1) * step
        pre, post = (np.round(np.add.outer(starts, side).ravel() / step) * step for side in sides)
        trains.append((pre, post))
    return trains


def protocol_of(trains: Sequence[Trains], dt: Quantity) -> Protocol:
    """Return the plan that replays spike trains, one pair of neurons for each; it ends some time after the last."""
    rows = {side: spike_rows([each[place] * second for each in trains]) for place, side in enumerate(("pre", "post"))}
    last = max(float(np.max(each, where=np.isfinite(each), initial=0.0)) for each in rows.values())
    return Protocol(stimuli=rows, duration=protocols.ending(last * second, protocols.TAIL, dt))


def between(data: Measurements, dt: Quantity) -> Measurements | None:
    """Return many made-up points between the measured ones, to draw a curve through, or nothing where none is one.

    Lags and intervals are denser where windows are steep, and on the sides where something was measured.
    """
    several = [np.ndim(value) for value in (data.lag, data.frequency, data.repeats) if value is not None]
    if any(several):
        return None
    if data.variable in ("lag_ms", "quadruplet_ms"):
        least = 0.0
        if data.variable == "quadruplet_ms":
            least = max(abs(post[0] - pre[0]) for pre, post in data.patterns())
        step = float(dt) * 1e3
        reach = np.abs(data.x).max() - least
        side = np.unique(np.maximum(np.round(reach / step * np.linspace(0, 1, _CURVE + 1)[1:] ** 2), 1)) * step + least
        x = np.concatenate([-side[::-1]] * bool((data.x < 0).any()) + [side] * bool((data.x > 0).any()))
    elif data.variable == "frequency_hz":
        x = np.linspace(data.x.min(), data.x.max(), _CURVE)
    else:
        return None
    return dataclasses.replace(data, x=x, change=np.zeros(len(x)), error=None)


def counts_of(sets: tuple[Measurements, ...], weights: Sequence[float] | None) -> tuple[float, ...]:
    """Return how much the points of each data set count."""
    if not sets:
        raise ValueError("there are no data to fit; give at least one data set.")
    given = (1.0,) * len(sets) if weights is None else tuple(weights)
    if len(given) != len(sets) or not all(is_finite(each) and each > 0 for each in given):
        raise ValueError(
            f"weights must be a number above 0 for each of {len(sets)} data sets, got {list(given)}; a data set that "
            "shall not count is left out."
        )
    return given


def check_together(sets: tuple[Measurements, ...]) -> None:
    """Raise ``ValueError`` unless data sets can be compared with each other."""
    without = [each.name for each in sets if each.error is None]
    if without and len(without) < len(sets):
        raise ValueError(
            f"{listed(without)} has no errors, and other data sets do, so that their differences have different units; "
            "give errors to all or to none."
        )
    largest = {each.name: float(np.abs(each.change).max()) for each in sets}
    high, low = max(largest, key=lambda name: largest[name]), min(largest, key=lambda name: largest[name])
    if largest[high] > max(_PERCENT, 20 * largest[low]):
        raise ValueError(
            f"{high} has changes of up to {largest[high]:g} and {low} of up to {largest[low]:g}, as if one were in "
            "percent; changes are relative to the weight at the start, so 30 % more is 0.3."
        )


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
