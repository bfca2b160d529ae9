"""Plans that present spikes: pairings, trains, their frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brian2 import Hz, Quantity, ms, second
from numpy.typing import ArrayLike

from spikehebb.core import Float, Protocol
from spikehebb.core.memory import check_memory
from spikehebb.core.seeds import check_seed
from spikehebb.core.times import NEAR, hertz, on_grid, time_step
from spikehebb.encoders import spike_rows
from spikehebb.equations import said

_BYTES = 80  # of the times of a spike and of their copies, while a plan is made
TAIL = 100 * ms  # how long a run goes on after the last spike


def pairing(lags: Quantity, *, repeats: int = 1, frequency: Quantity = 1 * Hz, dt: Quantity = 0.1 * ms) -> Protocol:
    """Return a plan that pairs a presynaptic with a postsynaptic spike, one lag or frequency for each pair of neurons.

    Parameters
    ----------
    lags : Quantity, scalar or shape (pairs,)
        ``t_post - t_pre``; positive is causal. Whole numbers of time steps; 0 is a coincidence.
    repeats : int
        How many pairings.
    frequency : Quantity, scalar or shape (pairs,)
        Of the pairings, which begin on the time grid; a period must be longer than the lag.
    dt : Quantity
        The time step of the run.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.protocols import pairing
    >>> pairing([-10, 10] * ms).stimuli["post"][0].tolist()
    [0.01, 0.03]
    """
    lag, rate = np.broadcast_arrays(_lags(lags, dt), np.atleast_1d(hertz("pairing: frequency", frequency)))
    _check_repeats("pairing", repeats, 2 * lag.size)
    period = 1 / rate
    longest = float(np.abs(lag).max())
    if repeats > 1:
        for one, room in zip(lag, period, strict=True):
            if room <= abs(one) + float(dt) / 2:
                raise ValueError(
                    f"pairing: at {1 / room:g} Hz a period is {1000 * room:g} ms, too short for a lag of "
                    f"{1000 * one:g} ms; take a lower frequency or shorter lags."
                )
    # The earliest spike comes one longest lag after 0, and one step.
    first = max(2 * longest, float(dt))
    onsets = [_on_grid(first + np.arange(repeats) * each, dt) for each in period]
    pre = [start * second for start in onsets]
    post = [(start + value) * second for start, value in zip(onsets, lag, strict=True)]
    return spike_trains(pre, post, dt=dt)


def triplets(
    intervals: Quantity,
    *,
    order: str = "post-pre-post",
    repeats: int = 60,
    frequency: Quantity = 1 * Hz,
    dt: Quantity = 0.1 * ms,
) -> Protocol:
    """Return a plan of spike triplets, one kind for each pair of neurons.

    Parameters
    ----------
    intervals : Quantity, shape (pairs, 2)
        Between the first and the second spike, and between the second and the third; both positive.
    order : str
        ``pre-post-pre`` or ``post-pre-post``.
    repeats, frequency : int, Quantity
        How many triplets, and how often.
    dt : Quantity
        The time step of the run.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikehebb.protocols import triplets
    >>> triplets([[5, 10]] * ms, order="pre-post-pre").stimuli["pre"][:2, 0].tolist()
    [0.0001, 0.0151]
    """
    orders = ("pre-post-pre", "post-pre-post")
    if order not in orders:
        raise ValueError(f"triplets: order must be {orders[0]} or {orders[1]}, got {order!r}.")
    rows = np.atleast_2d(_lags(intervals, dt, "an interval"))
    if rows.ndim != 2 or rows.shape[1] != 2 or not np.all(rows > 0):
        raise ValueError(f"triplets: intervals must be (pairs, 2) and positive, got {(1000 * rows).tolist()} ms.")
    outer, inner = [], []
    for one, two in rows:
        starts = _starts("triplets", one + two, repeats, frequency, dt, 3 * len(rows))
        outer.append(np.sort(np.concatenate([starts, starts + one + two])) * second)
        inner.append((starts + one) * second)
    return spike_trains(outer, inner, dt=dt) if order == orders[0] else spike_trains(inner, outer, dt=dt)


def quadruplets(
    intervals: Quantity,
    *,
    lag: Quantity = 5 * ms,
    repeats: int = 60,
    frequency: Quantity = 1 * Hz,
    dt: Quantity = 0.1 * ms,
) -> Protocol:
    """Return a plan of two pairings of opposite order, one interval for each pair of neurons.

    Parameters
    ----------
    intervals : Quantity, shape (pairs,)
        From the centre of the post-before-pre pairing to the centre of the pre-before-post pairing; longer than
        ``lag``, and negative where pre-before-post comes first.
    lag : Quantity
        Within each pairing.
    repeats, frequency : int, Quantity
        How many quadruplets, and how often.
    dt : Quantity
        The time step of the run.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.protocols import quadruplets
    >>> quadruplets([20] * ms, repeats=1).stimuli["post"][:2, 0].round(6).tolist()
    [0.0001, 0.0251]
    """
    gaps = _lags(lag, dt)
    if gaps.size != 1 or not gaps[0] > 0:
        raise ValueError(f"quadruplets: lag must be one time above 0, got {said(lag)}.")
    gap = float(gaps[0])
    pre, post = [], []
    gaps_between = _lags(intervals, dt, "an interval")
    for each in gaps_between:
        if abs(each) <= gap:
            raise ValueError(f"quadruplets: an interval of {1000 * each:g} ms must be longer than the lag of {lag}.")
        starts = _starts("quadruplets", abs(each) + gap, repeats, frequency, dt, 4 * len(gaps_between))
        first, then = (starts, starts + gap), (starts + abs(each) + gap, starts + abs(each))
        outer, inner = np.sort([first[0], then[0]], axis=0), np.sort([first[1], then[1]], axis=0)
        spikes = [np.sort(side.ravel()) * second for side in (outer, inner)]
        pre.append(spikes[1 if each > 0 else 0])
        post.append(spikes[0 if each > 0 else 1])
    return spike_trains(pre, post, dt=dt)


def theta_bursts(
    lags: Quantity,
    *,
    spikes: int = 4,
    within: Quantity = 100 * Hz,
    bursts: int = 10,
    theta: Quantity = 5 * Hz,
    dt: Quantity = 0.1 * ms,
) -> Protocol:
    """Return a plan of theta bursts on both sides, one lag between the bursts for each pair of neurons.

    Parameters
    ----------
    lags : Quantity, shape (pairs,)
        From a presynaptic spike to the postsynaptic spike of the same place in the burst.
    spikes, within : int, Quantity
        Spikes in a burst, and their frequency.
    bursts, theta : int, Quantity
        How many bursts, and how often.
    dt : Quantity
        The time step of the run.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.protocols import theta_bursts
    >>> theta_bursts([10] * ms, bursts=1).stimuli["pre"][:2, 0].round(6).tolist()
    [0.0201, 0.0301]
    """
    lag = _lags(lags, dt)
    longest = float(np.abs(lag).max())
    if not _is_count(spikes):
        raise ValueError(f"theta_bursts: a burst has at least 1 spike, and a whole number of them, got {spikes}.")
    _check_repeats("theta_bursts", bursts, 2 * spikes * lag.size)
    inside = _on_grid(np.arange(spikes) / _one_rate("theta_bursts: within", within), dt)
    starts = _starts("theta_bursts", float(inside[-1]) + 2 * longest, bursts, theta, dt, spikes) + 2 * longest
    pre = (starts[:, None] + inside).ravel()
    return spike_trains([pre * second for _ in lag], [(pre + each) * second for each in lag], dt=dt)


def poisson_trains(
    rate_pre: Quantity,
    rate_post: Quantity,
    *,
    duration: Quantity,
    pairs: int = 1,
    seed: int = 0,
    dt: Quantity = 0.1 * ms,
) -> Protocol:
    """Return a plan of independent Poisson trains on both sides.

    Parameters
    ----------
    rate_pre, rate_post : Quantity
        ``rate*dt`` must stay below 1: a step has one spike or none.
    duration : Quantity
    pairs : int
    seed : int
    dt : Quantity
        The time step of the run.

    Examples
    --------
    >>> from brian2 import Hz, second
    >>> from spikehebb.protocols import poisson_trains
    >>> len(poisson_trains(20 * Hz, 20 * Hz, duration=1 * second, pairs=3).stimuli["pre"][0])
    3
    """
    rng, step = np.random.default_rng(check_seed(seed)), time_step(dt)
    steps = round(float(on_grid("poisson_trains: a duration", duration, dt)) / step)
    if steps < 1 or not _is_count(pairs):
        raise ValueError(
            f"poisson_trains: duration must be above 0 and pairs at least 1, got {said(duration)} and {pairs} pairs."
        )
    trains = []
    for name, rate in (("rate_pre", rate_pre), ("rate_post", rate_post)):
        chance = _one_rate(f"poisson_trains: {name}", rate) * step if np.any(rate) else 0.0
        if not chance < 1:
            raise ValueError(f"poisson_trains: {name} must lie between 0 and 1/dt = {1 / dt}, got {rate}.")
        _check_room("poisson_trains", steps * (chance * pairs + 0.2))  # of which times are drawn, too
        counts = rng.binomial(steps - 1, chance, pairs)
        trains.append([np.sort(rng.choice(steps - 1, n, replace=False) + 1) * step * second for n in counts])
    return spike_trains(*trains, duration=duration, dt=dt)


def spike_trains(
    pre: Sequence[Quantity],
    post: Sequence[Quantity],
    *,
    reward: Sequence[Quantity] | None = None,
    duration: Quantity | None = None,
    dt: Quantity | None = None,
    round_times: bool = False,
) -> Protocol:
    """Return a plan that replays recorded spikes on both sides of ``synapse_pair``.

    Parameters
    ----------
    pre, post : sequence of Quantity
        For each pair of neurons the spike times of one side.
    reward : sequence of Quantity, optional
        For each pair of neurons the times of rewards, for rules with a third factor.
    duration : Quantity, optional
        Until 100 ms after the last spike when left out.
    dt : Quantity, optional
        The time step of the run, whose grid holds all times; left out, ``simulate`` looks at its own.
    round_times : bool
        Round times to the grid instead of refusing those that are off it; needs ``dt``.

    Raises
    ------
    ValueError
        If a time has no unit, is not finite, negative, off the grid or not later than the one before.
    """
    trains: dict[str, Sequence[Quantity]] = {"pre": pre, "post": post}
    trains |= {} if reward is None else {"reward": reward}
    if len(pre) != len(post) or (reward is not None and len(reward) != len(pre)):
        counts = " and ".join(f"{len(side)} of {name}" for name, side in trains.items())
        raise ValueError(f"spike_trains: {counts}; give as many trains on every side.")
    if dt is not None:
        trains = {
            name: [_train(f"{name} {neuron}", train, dt, round_times) for neuron, train in enumerate(side)]
            for name, side in trains.items()
        }
    stimuli = {name: spike_rows(side) for name, side in trains.items()}
    if duration is None:
        last = max(float(np.max(rows, where=np.isfinite(rows), initial=0.0)) for rows in stimuli.values())
        duration = ending(last * second, TAIL, dt)
    elif dt is not None:
        duration = float(on_grid("a duration", duration, dt, least=0.0, round_times=round_times)) * second
    return Protocol(stimuli=stimuli, duration=duration)


def ending(last: Quantity, tail: Quantity, dt: Quantity | None) -> Quantity:
    """Return the first time on the grid that is at least ``tail`` after the last spike."""
    if dt is None:
        return last + tail
    return float(_on_grid(float(last), dt) + np.ceil(float(tail / dt) - NEAR) * float(dt)) * second


def _train(name: str, train: Quantity, dt: Quantity, round_times: bool) -> Quantity:
    times = np.atleast_1d(on_grid(f"{name}: a spike time", train, dt, least=0.0, round_times=round_times))
    given, steps = np.atleast_1d(np.asarray(train, float)), np.round(times / float(dt))
    same = (np.diff(steps) == 0) & (np.diff(given) > 0)
    if same.any():
        first = int(np.argmax(same))
        raise ValueError(
            f"{name}: the spikes {first + 1} and {first + 2} fall into one time step of {float(dt / ms):g} ms, and a "
            "neuron fires once in a step; leave one out or take a smaller dt."
        )
    return times * second


def _lags(lags: Quantity, dt: Quantity, what: str = "a lag") -> Float:
    """Return lags in seconds, after checking that there are some and that they lie on the time grid."""
    values = np.atleast_1d(on_grid(what, lags, dt))
    if not values.size:
        raise ValueError(f"{what} is missing: there must be at least one.")
    return values


def _one_rate(what: str, frequency: Quantity) -> float:
    rate = hertz(what, frequency)
    if rate.size != 1:
        raise ValueError(f"{what} must be one frequency, got {frequency}.")
    return float(rate.flat[0])


def _is_count(number: object) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool) and int(number) >= 1


def _on_grid(times: ArrayLike, dt: Quantity) -> Float:
    return np.asarray(np.round(np.asarray(times, float) / float(dt)) * float(dt), float)


def _starts(what: str, length: float, repeats: int, frequency: Quantity, dt: Quantity, spikes: int) -> Float:
    """Return when each repetition of something that lasts ``length`` seconds begins."""
    _check_repeats(what, repeats, spikes)
    period = 1 / _one_rate(f"{what}: frequency", frequency)
    if repeats > 1 and period <= length:
        raise ValueError(
            f"{what}: at {frequency} a period is {1000 * period:g} ms, too short for {1000 * length:g} ms of spikes; "
            "take a lower frequency or shorter intervals."
        )
    return _on_grid(float(dt) + np.arange(repeats) * period, dt)


def _check_repeats(what: str, repeats: int, spikes: int) -> None:
    """Raise an error unless something can be repeated that has so many spikes on both sides of all pairs."""
    if not _is_count(repeats):
        raise ValueError(f"{what}: repeats must be a whole number of at least 1, got {repeats}.")
    _check_room(what, float(repeats) * spikes)


def _check_room(what: str, spikes: float) -> None:
    check_memory(f"{what} with {spikes:,.0f} spikes", _BYTES * spikes, "take fewer repeats or pairs, or a shorter one")
