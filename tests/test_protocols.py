"""Spike times of every protocol, and what protocols refuse."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, Quantity, ms, second

from spikehebb import protocols
from spikehebb.core import Protocol


def trains(plan: Protocol, side: str, column: int = 0) -> list[float]:
    """Return the spike times of one neuron in ms, counted from the first spike of either side."""
    first = min(np.nanmin(rows) for rows in plan.stimuli.values())
    rows = np.asarray(plan.stimuli[side])[:, column]
    return [round(float(1000 * (t - first)), 6) for t in rows[np.isfinite(rows)]]


def test_pairings_have_their_lag_and_frequency() -> None:
    plan = protocols.pairing([-10, 5] * ms, repeats=3, frequency=[10, 20] * Hz)
    assert trains(plan, "pre") == [10, 110, 210]
    assert trains(plan, "post") == [0, 100, 200]
    assert trains(plan, "pre", 1) == [10, 60, 110]
    assert trains(plan, "post", 1) == [15, 65, 115]


def test_pairings_begin_on_the_grid() -> None:
    plan = protocols.pairing([10] * ms, repeats=4, frequency=30 * Hz, dt=0.1 * ms)
    assert trains(plan, "pre") == [0, 33.3, 66.7, 100]


def test_triplets() -> None:
    plan = protocols.triplets([[5, 10], [10, 5]] * ms, order="pre-post-pre", repeats=2, frequency=1 * Hz)
    assert trains(plan, "pre") == [0, 15, 1000, 1015]
    assert trains(plan, "post") == [5, 1005]
    assert trains(plan, "post", 1) == [10, 1010]
    plan = protocols.triplets([[5, 10]] * ms, order="post-pre-post", repeats=1)
    assert trains(plan, "post") == [0, 15]
    assert trains(plan, "pre") == [5]


def test_quadruplets_have_two_pairings_of_opposite_order() -> None:
    plan = protocols.quadruplets([20, -20] * ms, lag=5 * ms, repeats=1)
    assert (trains(plan, "post"), trains(plan, "pre")) == ([0, 25], [5, 20])
    assert (trains(plan, "pre", 1), trains(plan, "post", 1)) == ([0, 25], [5, 20])


def test_theta_bursts() -> None:
    plan = protocols.theta_bursts([10, -10] * ms, spikes=3, within=100 * Hz, bursts=2, theta=5 * Hz)
    assert trains(plan, "pre") == [10, 20, 30, 210, 220, 230]
    assert trains(plan, "post") == [20, 30, 40, 220, 230, 240]
    assert trains(plan, "post", 1) == [0, 10, 20, 200, 210, 220]


def test_poisson_trains_have_their_rates_and_are_independent() -> None:
    plan = protocols.poisson_trains(20 * Hz, 5 * Hz, duration=20 * second, pairs=50, seed=3)
    counts = {side: np.isfinite(plan.stimuli[side]).sum(axis=0) for side in ("pre", "post")}
    assert counts["pre"].mean() == pytest.approx(400, abs=4 * 20 / np.sqrt(50))
    assert counts["post"].mean() == pytest.approx(100, abs=4 * 10 / np.sqrt(50))
    assert counts["pre"].var(ddof=1) == pytest.approx(400, rel=0.8)
    before, after = (set(trains(plan, side)) for side in ("pre", "post"))
    assert len(before & after) < 10
    again = protocols.poisson_trains(20 * Hz, 5 * Hz, duration=20 * second, pairs=50, seed=3)
    np.testing.assert_array_equal(plan.stimuli["pre"], again.stimuli["pre"])
    other = protocols.poisson_trains(20 * Hz, 5 * Hz, duration=20 * second, pairs=50, seed=4)
    assert not np.array_equal(plan.stimuli["pre"][:50], other.stimuli["pre"][:50])


def test_a_run_goes_on_after_the_last_spike() -> None:
    plan = protocols.spike_trains([[10, 250] * ms], [[20] * ms])
    assert float(plan.duration / ms) == pytest.approx(350)


@pytest.mark.parametrize(
    ("lags", "message"),
    [
        ([0.05] * ms, "a lag of 0.05 ms is shorter than dt = 0.1 ms"),
        ([10, 10.05] * ms, "a lag of 10.05 ms is no whole number of steps of dt = 0.1 ms"),
        ([10, np.inf] * ms, "a lag must be finite, got inf ms"),
        ([] * ms, "there must be at least one"),
        ([10], r"a lag must be a time, got \[10\] \(dimensionless\). Write \[10\]\*ms."),
    ],
)
def test_lags_off_the_grid_are_refused(lags: Quantity, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        protocols.pairing(lags)


def test_a_coincidence_is_a_lag() -> None:
    assert trains(protocols.pairing([0] * ms), "post") == [0]


def test_protocols_refuse_what_overlaps_or_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at 100 Hz a period is 10 ms, too short for a lag of 10 ms"):
        protocols.pairing([5, 10] * ms, repeats=2, frequency=100 * Hz)
    with pytest.raises(ValueError, match="repeats must be a whole number of at least 1, got 0"):
        protocols.triplets([[5, 5]] * ms, repeats=0)
    with pytest.raises(ValueError, match="frequency must be above 0, got 0 Hz"):
        protocols.pairing([5] * ms, frequency=0 * Hz)
    with pytest.raises(ValueError, match="order must be pre-post-pre or post-pre-post, got 'post-post-pre'"):
        protocols.triplets([[5, 5]] * ms, order="post-post-pre")
    with pytest.raises(ValueError, match=r"intervals must be \(pairs, 2\) and positive, got \[\[5.0, -5.0\]\] ms"):
        protocols.triplets([[5, -5]] * ms)
    with pytest.raises(ValueError, match="too short for 1200 ms of spikes"):
        protocols.triplets([[600, 600]] * ms)
    with pytest.raises(ValueError, match="an interval of 5 ms must be longer than the lag"):
        protocols.quadruplets([5] * ms)
    with pytest.raises(ValueError, match="a burst has at least 1 spike"):
        protocols.theta_bursts([5] * ms, spikes=0)
    with pytest.raises(ValueError, match="rate_post must lie between 0 and 1/dt"):
        protocols.poisson_trains(5 * Hz, 20000 * Hz, duration=1 * second)
    with pytest.raises(ValueError, match="spike_trains: 1 of pre and 2 of post; give as many"):
        protocols.spike_trains([[1] * ms], [[1] * ms, [2] * ms])
