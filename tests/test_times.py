"""Times as they are given: with a unit, finite, on the grid of time steps, at every entry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from spikehebb import protocols
from spikehebb.circuits import synapse_pair
from spikehebb.core import Circuit, Population, Projection, Protocol
from spikehebb.core.seeds import check_seed
from spikehebb.core.times import on_grid, seconds, time_step
from spikehebb.datasets import load
from spikehebb.datasets.measurements import Measurements
from spikehebb.devices import NUMPY
from spikehebb.encoders import spike_rows, spike_source
from spikehebb.jobs import Settings, fit, frequency_response, replay, stdp_window
from spikehebb.rules import RULES, stdp_pair
from spikehebb.simulation import simulate

LAGS, CHANGE = np.array([-20.04, -10, 10, 20]), np.array([-0.004, -0.006, 0.009, 0.005])
PAIR = protocols.pairing([10] * ms)


def delayed(delay: Any) -> Circuit:
    source = Population(model=spike_source, size=1)
    wiring = Projection(pre="a", post="b", weights=[[0.5]], delay=delay)  # type: ignore[arg-type]
    return Circuit(name="late", populations={"a": source, "b": source}, projections={"ab": wiring})


ENTRIES: dict[str, Callable[[Any], Any]] = {
    "pairing": lambda t: protocols.pairing([t]) if np.ndim(t) == 0 else protocols.pairing(t),
    "pairing, dt": lambda t: protocols.pairing([10] * ms, dt=t),
    "triplets": lambda t: protocols.triplets([[t, t]]),
    "quadruplets": lambda t: protocols.quadruplets([t]),
    "quadruplets, lag": lambda t: protocols.quadruplets([40] * ms, lag=t),
    "theta_bursts": lambda t: protocols.theta_bursts([t]),
    "poisson_trains": lambda t: protocols.poisson_trains(20 * Hz, 20 * Hz, duration=t),
    "spike_trains": lambda t: protocols.spike_trains([[t]], [[5] * ms], dt=0.1 * ms),
    "spike_trains, duration": lambda t: protocols.spike_trains([[5] * ms], [[5] * ms], duration=t, dt=0.1 * ms),
    "spike_rows": lambda t: spike_rows([t]),
    "presentations": lambda t: protocols.presentations(load("digits", "test")[:2], duration=t),
    "replay, pre": lambda t: replay(stdp_pair, [t], [12] * ms),
    "replay, post": lambda t: replay(stdp_pair, [12] * ms, [t]),
    "replay, reward": lambda t: replay(RULES["stdp_reward"], [12] * ms, [15] * ms, reward=[t]),
    "replay, delay": lambda t: replay(stdp_pair, [12] * ms, [15] * ms, delay=t),
    "replay, duration": lambda t: replay(stdp_pair, [12] * ms, [15] * ms, duration=t),
    "replay, dt": lambda t: replay(stdp_pair, [12] * ms, [15] * ms, dt=t),
    "stdp_window": lambda t: stdp_window(stdp_pair, [t]),
    "frequency_response": lambda t: frequency_response(stdp_pair, [1] * Hz, lags=[t], repeats=1),
    "simulate, dt": lambda t: simulate(synapse_pair(stdp_pair), PAIR, dt=t),
    "protocol, duration": lambda t: dataclasses.replace(PAIR, duration=t),
    "protocol, presentation": lambda t: dataclasses.replace(PAIR, presentation=t),
    "projection, delay": lambda t: delayed(t),
}
each_entry = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


@each_entry
@pytest.mark.parametrize("time", [10, 10.0, 10 * mV, np.nan * ms, np.inf * ms, "10"], ids=str)
def test_every_entry_refuses_what_is_no_finite_time(entry: Callable[[Any], Any], time: Any) -> None:
    with pytest.raises(ValueError, match=r"must be (a time, got|finite, got|above 0, got)"):
        entry(time)


@pytest.mark.parametrize(
    "name",
    [
        *("pairing", "triplets", "quadruplets", "quadruplets, lag", "theta_bursts", "poisson_trains", "spike_trains"),
        *("spike_trains, duration", "replay, pre", "replay, post", "replay, reward", "replay, delay"),
        *("replay, duration", "stdp_window", "frequency_response"),
    ],
)
def test_every_entry_refuses_times_off_the_grid(name: str) -> None:
    with pytest.raises(ValueError, match=r"of 12.34 ms is no whole number of steps of dt = 0.1 ms; round it"):
        ENTRIES[name](12.34 * ms)


def test_simulate_refuses_what_its_grid_does_not_hold() -> None:
    with pytest.raises(
        ValueError, match=r"circuit late, projection ab: a delay of 0.05 ms is shorter than dt = 0.1 ms"
    ):
        simulate(
            delayed(0.05 * ms),
            Protocol(stimuli={"a": np.zeros((1, 1)), "b": np.zeros((1, 1))}, duration=1 * ms),
            dt=0.1 * ms,
        )
    with pytest.raises(ValueError, match=r"protocol: a duration of 1.05 ms is no whole number of steps"):
        simulate(synapse_pair(stdp_pair), dataclasses.replace(PAIR, duration=1.05 * ms), dt=0.1 * ms)
    rows = np.array([[1e-3], [1.04e-3]])
    for times, message in (
        (np.array([[-1e-3]]), "spike 1 of neuron 0, at -1 ms, is negative"),
        (np.array([[1.04e-3]]), "at 1.04 ms, lies off the grid of dt = 0.1 ms"),
        (np.array([[1e-3], [1e-3]]), "spike 2 of neuron 0, at 1 ms, comes no step later than the one before"),
        (np.array([[1e300]]), "is later than a clock can count to"),
    ):
        wrong = Protocol(stimuli={"pre": times, "post": rows[:1]}, duration=5 * ms)
        with pytest.raises(ValueError, match=message):
            simulate(synapse_pair(stdp_pair), wrong, dt=0.1 * ms)
    for every in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=r"every must be a whole number of time steps, at least 1"):
            simulate(synapse_pair(stdp_pair), PAIR, dt=0.1 * ms, record=["synapse.w"], every=every)  # type: ignore[arg-type]


def test_there_is_at_least_one_lag_and_one_frequency() -> None:
    with pytest.raises(ValueError, match=r"lags must be one number with a unit, or a row of them; got the shape \(0"):
        stdp_window("stdp_pair", [] * ms)
    with pytest.raises(ValueError, match="frequencies must be one number with a unit, or a row of them"):
        frequency_response("stdp_pair", [[10, 20]] * Hz)
    with pytest.raises(ValueError, match=r"spike train 0: times must be a row of numbers, got the shape \(1, 2\)"):
        replay("stdp_pair", [[10, 20]] * ms, [12] * ms)


@pytest.mark.parametrize("frequency", [1, -1 * Hz, np.inf * Hz, np.nan * Hz, 10 * ms], ids=str)
def test_frequencies_are_checked_like_times(frequency: Any) -> None:
    for make in (
        lambda: protocols.pairing([10] * ms, frequency=frequency),
        lambda: protocols.triplets([[5, 5]] * ms, frequency=frequency),
        lambda: protocols.theta_bursts([5] * ms, theta=frequency),
        lambda: protocols.theta_bursts([5] * ms, within=frequency),
        lambda: protocols.poisson_trains(frequency, 1 * Hz, duration=1 * second),
        lambda: frequency_response(stdp_pair, [frequency], repeats=1),
    ):
        with pytest.raises(ValueError, match=r"must be (a frequency, got|finite, got|above 0, got)"):
            make()


@pytest.mark.long
def test_times_are_rounded_where_that_is_asked_for() -> None:
    rounded = replay(stdp_pair, [10.04, 29.96] * ms, [15.01] * ms, delay=0.04 * ms, round_times=True)
    exact = replay(stdp_pair, [10, 30] * ms, [15] * ms)
    np.testing.assert_allclose(np.asarray(rounded.times), np.asarray(exact.times), atol=1e-12)
    np.testing.assert_array_equal(rounded.w, exact.w)
    window = stdp_window(stdp_pair, [9.96, -10.04] * ms, round_times=True)
    np.testing.assert_allclose(np.asarray(window.lags / ms), [10, -10])
    np.testing.assert_array_equal(window.dw, stdp_window(stdp_pair, [10, -10] * ms).dw)
    response = frequency_response(stdp_pair, [10] * Hz, lags=[9.96] * ms, repeats=2, round_times=True)
    assert float(response.lags[0] / ms) == pytest.approx(10)
    with pytest.raises(ValueError, match=r"the spikes 1 and 2 fall into one time step of 0.1 ms"):
        replay(stdp_pair, [10, 10.04] * ms, [15] * ms, round_times=True)


def test_a_fit_refuses_lags_off_the_grid_unless_they_may_be_rounded() -> None:
    data = Measurements(name="cells", x=LAGS, change=CHANGE)
    common: dict[str, Any] = {"free": ["A_plus"], "repeats": 1, "device": NUMPY, "dt": 1 * ms}
    with pytest.raises(ValueError, match=r"cells: a lag of -20.04 ms is no whole .* \(--round-times, round_times=True"):
        fit(stdp_pair, data, **common)
    assert fit(stdp_pair, data, round_times=True, **common).points == 4
    with pytest.raises(ValueError, match=r"dt must be a time, got 1"):
        fit(stdp_pair, data, **{**common, "dt": 1})


def test_recorded_trains_may_lie_off_the_grid_by_the_noise_of_their_numbers() -> None:
    times = np.cumsum(np.full(300, 0.7)) + 1e-5  # ms; a ten-thousandth of a step, and sums that are not exact
    on_grid("a time", times * ms, 0.1 * ms)
    assert replay(stdp_pair, times * ms, [15] * ms).w_final > 0


def test_steps_that_no_clock_can_count_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pre 0: a spike time of 1e.308 ms is more steps of dt = 0.1 ms than a clock"):
        replay(stdp_pair, [1e308] * ms, [15] * ms)
    with pytest.raises(ValueError, match=r"is more steps of dt"):
        stdp_window(stdp_pair, [10] * ms, dt=1e-300 * ms)


@pytest.mark.long
def test_a_run_ends_on_any_grid() -> None:
    """The 100 ms after the last spike and the 200 ms before a reward need not be whole numbers of steps."""
    assert stdp_window(stdp_pair, [9] * ms, dt=0.3 * ms).dw[0] > 0
    assert stdp_window(RULES["stdp_reward"], [9] * ms, dt=0.3 * ms).dw[0] > 0


def test_the_shape_of_times_stays() -> None:
    assert seconds("a time", [[1, 2]] * ms).shape == (1, 2)
    assert seconds("no time", []).size == 0
    with pytest.raises(ValueError, match=r"dt must be one time"):
        time_step([1, 2] * ms)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**64, 1.5, True, "0"])
def test_seeds(seed: Any) -> None:
    with pytest.raises(ValueError, match=f"seed must lie between 0 and 4294967295, got {seed!r}"):
        check_seed(seed)
    assert check_seed(np.uint32(2**32 - 1)) == 2**32 - 1


def test_whole_numbers_beyond_what_numpy_holds_are_numbers() -> None:
    with pytest.raises(ValueError, match=f"seed must lie between 0 and 4294967295, got {2**64}"):
        Settings(seed=2**64)
    with pytest.raises(ValueError, match="eta must be a finite number"):
        Settings(eta=10**400)
    assert Settings(epochs=2**64).epochs == 2**64
