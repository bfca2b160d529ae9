"""Recorded spikes: files, replays and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, Synapses, ms, second

from spikehebb.datasets.spike_times import read_times
from spikehebb.devices import Device, numpy_runtime
from spikehebb.jobs import replay
from spikehebb.rules import RULES, calcium_dp, krotov_hopfield, stdp_pair, stdp_reward


def test_the_weight_is_reported_at_the_start_after_every_spike_and_at_the_end(device: Device) -> None:
    trace = replay(stdp_pair, [10, 30] * ms, [15] * ms, device=device)
    up, down = 0.005 * np.exp(-5 / 20), 0.00525 * np.exp(-15 / 20)
    np.testing.assert_allclose(np.asarray(trace.times / ms), [0, 10, 15, 30, 129.9])
    np.testing.assert_allclose(trace.w, [0.5, 0.5, 0.5 + up, 0.5 + up - down, 0.5 + up - down], rtol=1e-12)
    assert trace.w_final == trace.w[-1]


def test_a_weight_that_drifts_is_reported_as_it_drifts() -> None:
    trace = replay(RULES["hebb_forgetting"], [50] * ms, [] * ms, w0=1.0)
    np.testing.assert_allclose(trace.w[:2], [1, (1 - 1e-5) ** 501], rtol=1e-12)


@pytest.mark.slow_on_cuda
def test_a_delay_moves_presynaptic_spikes_to_their_arrival(device: Device) -> None:
    late = replay(stdp_pair, [8, 28] * ms, [15] * ms, delay=2 * ms, device=device)
    plain = replay(stdp_pair, [10, 30] * ms, [15] * ms, device=device)
    np.testing.assert_array_equal(late.times[:4], plain.times[:4])
    np.testing.assert_allclose(late.w, plain.w, rtol=1e-12)


def test_the_lag_of_a_rule_is_seen_in_the_times() -> None:
    trace = replay(calcium_dp.with_parameters(sigma=0.0, D=5 * ms), [10] * ms, [40] * ms)
    np.testing.assert_allclose(np.asarray(trace.times[:3] / ms), [0, 15, 40])


def test_rewards_turn_eligibility_into_change() -> None:
    rule = stdp_reward.with_parameters(dopamine_0=0.0)
    without = replay(rule, [10] * ms, [15] * ms)
    with_reward = replay(rule, [10] * ms, [15] * ms, reward=[50] * ms)
    assert without.w_final == 0.5
    assert with_reward.w_final > 0.5


def test_replays_refuse_what_they_cannot_replay() -> None:
    with pytest.raises(ValueError, match=r"pre 0: a spike time of 20.04 ms is no whole number of steps of dt = 0.1 ms"):
        replay(stdp_pair, [10, 20.04] * ms, [15] * ms)
    with pytest.raises(ValueError, match="spike train 0: times must be increasing"):
        replay(stdp_pair, [20, 10] * ms, [15] * ms)
    with pytest.raises(ValueError, match=r"pre 0: a spike time must be at least 0, got -1 ms"):
        replay(stdp_pair, [-1, 10] * ms, [15] * ms)
    with pytest.raises(ValueError, match="rule krotov_hopfield reads rank, u, x of its neurons"):
        replay(krotov_hopfield, [10] * ms, [15] * ms)
    with pytest.raises(ValueError, match="rule stdp_pair has no third factor"):
        replay(stdp_pair, [10] * ms, [15] * ms, reward=[1] * second)


def test_files_hold_milliseconds_one_per_line(tmp_path: Path) -> None:
    file = tmp_path / "pre.txt"
    file.write_bytes(b"\xef\xbb\xbf# neuron 7\r\n\r\n10\r\n 30.5 # a burst\r\n1e2\r\n")
    np.testing.assert_allclose(np.asarray(read_times(file) / ms), [10, 30.5, 100])
    (tmp_path / "silent.txt").write_text("")
    assert len(read_times(tmp_path / "silent.txt")) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("10\n5\n", "line 2: 5 ms comes after 10 ms; sort the times"),
        ("10\n10\n", "line 2: 10 ms is there twice"),
        ("10\n-5\n", "line 2: a spike time must be finite and not negative, got -5"),
        ("nan\n", "line 1: a spike time must be finite and not negative, got nan"),
        ("10\nten\n", "line 2: 'ten' is not a time; give milliseconds"),
        ("10 20\n", "line 1: '10 20' is not a time"),
    ],
)
def test_files_that_are_no_spike_times_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "pre.txt"
    file.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_times(file)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"there is no file of spike times .*nothing.txt; give"):
        read_times(tmp_path / "nothing.txt")
    (tmp_path / "junk").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="junk is not a text file"):
        read_times(tmp_path / "junk")


@pytest.mark.long
@pytest.mark.parametrize("name", ["triplet_vc_full", "stdp_nearest_reduced", "calcium_dp"])
def test_a_rule_in_an_ordinary_brian2_script_does_the_same(name: str) -> None:
    rule = RULES[name]
    rule = rule.with_parameters(sigma=0.0) if "sigma" in rule.parameters else rule
    pre, post = [5, 20, 22, 50, 80] * ms, [7, 20, 40, 44, 90] * ms
    text = rule.brian2()
    trains = [SpikeGeneratorGroup(1, np.zeros(5, int), times) for times in (pre, post)]
    sides = [
        NeuronGroup(1, f"hit : 1\n{model}", threshold="hit > 0", reset=f"hit = 0\n{reset}", namespace=text.namespace)
        for model, reset in ((text.pre_model, text.pre_reset), (text.post_model, text.post_reset))
    ]
    relays = [Synapses(train, side, on_pre="hit_post = 1") for train, side in zip(trains, sides, strict=True)]
    synapse = Synapses(*sides, **text.synapses)
    for each in (*relays, synapse):
        each.connect()
    synapse.w = 0.5
    synapse.post.order = -2
    if rule.update:
        synapse.run_regularly(rule.update, when="groups", order=1)
    with numpy_runtime(0):
        Network(*trains, *sides, *relays, synapse).run(150 * ms)
    # The relays repeat every spike one step later.
    expected = replay(rule, pre, post, duration=149.9 * ms).w_final
    assert expected != 0.5
    assert synapse.w[0] == pytest.approx(expected, rel=1e-9)
