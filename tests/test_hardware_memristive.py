"""Learning in memristive devices: the published curve, whole pulses, noise, and a network that learns with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb.circuits import synapse_pair
from spikehebb.core import PlasticityRule
from spikehebb.datasets import load
from spikehebb.devices import Device
from spikehebb.hardware import TARGETS, Target, constrain, memristive
from spikehebb.jobs import Settings, evaluate, learn_digits, read, weight_changes
from spikehebb.protocols import pairing
from spikehebb.rules import RULES, stdp_pair
from tests.conftest import FAST

STATES = 64
EXACT = TARGETS["memristive"].with_limits(cycle_noise=None)
LAG = 10 * ms


def asking(pulses: float) -> PlasticityRule:
    """Pair STDP, of which a pair in causal order asks for so many pulses, and one in the other order for as many."""
    amplitude = pulses / STATES * np.exp(LAG / stdp_pair.parameters["tau_plus"])
    return stdp_pair.with_parameters(A_plus=amplitude, A_minus=amplitude)


def after(rule: PlasticityRule, pairs: int, lag: int, w0: float, device: Device) -> float:
    plan = pairing([lag] * ms, repeats=pairs, frequency=1 * Hz)
    return w0 + float(weight_changes(rule, plan, w0=w0, device=device)[0])


def conductance(pulses: float, curve: float) -> float:
    """The published curve between 0 and 1, from the bottom."""
    return float((1 - np.exp(-pulses / STATES / curve)) / (1 - np.exp(-1 / curve)))


@pytest.mark.parametrize(("up", "down"), [(0.5, 0.5), (0.2, 1.5)])
def test_pulses_move_along_the_published_curves(up: float, down: float, device: Device) -> None:
    rule = memristive(asking(1), EXACT.with_limits(curve_up=up, curve_down=down), whole_pulses=False)
    for pairs in (1, 20):
        assert after(rule, pairs, 10, 0.0, device) == pytest.approx(conductance(pairs, up), rel=1e-12)
        assert after(rule, pairs, -10, 1.0, device) == pytest.approx(1 - conductance(pairs, down), rel=1e-12)


def test_straight_lines_without_noise_are_the_rule_itself(device: Device) -> None:
    even = memristive(asking(0.7), EXACT.with_limits(curve_up=None, curve_down=None), whole_pulses=False)
    for lag in (10, -10):
        assert after(even, 3, lag, 0.4, device) == pytest.approx(after(asking(0.7), 3, lag, 0.4, device), rel=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_pulses_are_rounded_stochastically_and_vary(noise: float, device: Device) -> None:
    count, asked = 4000, 0.3
    target = EXACT.with_limits(cycle_noise=noise) if noise else EXACT
    rule, w0 = memristive(asking(asked), target), 0.4
    plan = pairing(np.full(count, 10) * ms)
    change = np.asarray(weight_changes(rule, plan, w0=w0, device=device, seed=3))
    top = 1 / (1 - np.exp(-2))
    one = (top - w0) * (1 - np.exp(-1 / (STATES / 2)))  # what one pulse does
    mean, variance = asked * one, asked * (1 - asked) * one**2 + asked * noise**2
    assert change.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / count))
    assert change.var() == pytest.approx(variance, rel=0.1)
    if not noise:
        assert np.unique(change.round(12)).tolist() == pytest.approx([0, one], rel=1e-9)


def test_conductances_stay_in_their_range() -> None:
    wild = memristive(asking(40), TARGETS["memristive"].with_limits(cycle_noise=0.5))
    plan = pairing(np.full(200, 10) * ms, repeats=5, frequency=1 * Hz)
    after = 0.5 + np.asarray(weight_changes(wild, plan, w0=0.5, device=FAST))
    assert after.min() >= 0
    assert after.max() <= 1


@pytest.mark.parametrize(
    ("rule", "target", "message"),
    [
        (stdp_pair, TARGETS["loihi1"], "^target loihi1 has no conductance_states"),
        (stdp_pair, EXACT.with_limits(weight_bits=4), "^weight_bits: target memristive has conductances, and no bits"),
        (RULES["softhebb"], EXACT, "^rule softhebb has no upper bound; give w_max above 0"),
        (RULES["calcium_dp"], EXACT, "^rule calcium_dp changes weights between spikes or at onsets"),
        (RULES["normalization"], EXACT, "^rule normalization changes weights between spikes or at onsets"),
    ],
)
def test_what_is_no_conductance_is_refused(rule: PlasticityRule, target: Target, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        memristive(rule, target)


@pytest.mark.parametrize("given", [{"weight_bits": 4}, {"trace_bits": 4}, {"rounding": "nearest"}])
def test_a_chips_settings_are_not_dropped(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"leave (it|that) out"):
        Settings(neurons=5, target="memristive", **given)


def test_conductances_are_no_limits_of_a_chip() -> None:
    with pytest.raises(ValueError, match="weights of target memristive are conductances; give its rules with memris"):
        constrain(synapse_pair(stdp_pair), TARGETS["memristive"])


def test_what_is_set_before_it_is_read_is_not_kept() -> None:
    rule = memristive(stdp_pair, EXACT)
    assert rule.kept() == stdp_pair.kept() == ()
    counted = dataclasses.replace(rule, on_pre=f"g_pulses += 1\n{rule.on_pre}")
    assert counted.kept() == ("g_pulses",)
    shown = dataclasses.replace(rule, synapse=f"{rule.synapse}\nshown = 2*w_ideal : 1")
    assert shown.kept() == ("w_ideal",)


def test_a_network_learns_with_them(tmp_path: Path) -> None:
    train, test = load("digits", "train")[:600], load("digits", "test")[:100]
    run = learn_digits(train, test, Settings(neurons=30, target="memristive"), device=FAST, out=tmp_path)
    weights = np.asarray(run.network.arrays["weights"])
    assert weights.min() >= 0
    assert weights.max() <= Settings().w_max
    assert run.report["metrics"]["accuracy_vote"] > 0.6
    again = read(tmp_path)
    assert evaluate(again, test)["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    assert run.report["config"]["target"] == "memristive"
