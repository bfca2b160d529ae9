"""Spike-timing rules against what the papers say, where a short run is enough (tests/validation has the long ones)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, Quantity, ms, second

from spikehebb import protocols
from spikehebb.circuits import synapse_pair
from spikehebb.core import Circuit, Float, PlasticityRule
from spikehebb.encoders import reward_source
from spikehebb.jobs import stdp_window, weight_changes
from spikehebb.rules import (
    clopath,
    clopath_homeostatic,
    stdp_guetig,
    stdp_mixed,
    stdp_multiplicative,
    stdp_pair,
    stdp_reward,
    stdp_reward_centred,
    synaptic_scaling,
    triplet_vc_minimal,
)
from spikehebb.simulation import simulate

# exp(-|lag|/tau) for the time constants of Bi and Poo 2001
LAGS = np.array([5.0, 10.0, 20.0, 40.0])
PLUS = [0.742584, 0.551431, 0.304076, 0.092462]  # 16.8 ms
MINUS = [0.862114, 0.743240, 0.552406, 0.305153]  # 33.7 ms
BI_POO = {"tau_plus": 16.8 * ms, "tau_minus": 33.7 * ms}


def test_the_window_of_a_pair_is_exponential() -> None:
    rule = stdp_pair.with_parameters(A_plus=0.3, A_minus=0.2, **BI_POO)
    window = stdp_window(rule, np.concatenate([LAGS, -LAGS]) * ms)
    assert window.dw == pytest.approx([*(0.3 * np.array(PLUS)), *(-0.2 * np.array(MINUS))], abs=1e-6)


def with_frequency(rule: PlasticityRule, rates: Sequence[float], *, repeats: int = 15) -> Float:
    """Return the change of a weight of 1 after pairings at +10 ms, one rate beside the other."""
    pre = [np.round(1000 * (0.02 + np.arange(repeats) / rate)) * ms for rate in rates]
    return weight_changes(rule, protocols.spike_trains(pre, [times + 10 * ms for times in pre]), w0=1.0, dt=1 * ms)


@pytest.mark.long
def test_potentiation_of_the_additive_pair_rule_does_not_grow_with_frequency() -> None:
    """The pair rule fails the data of Sjoestroem et al. 2001; the triplet rule was made for them."""
    rates = [10.0, 20.0, 40.0, 50.0]
    pair = with_frequency(stdp_pair.with_parameters(w_max=2.0, **BI_POO), rates)
    assert pair[0] > 0
    assert np.all(np.diff(pair) <= 0), pair
    triplet = with_frequency(triplet_vc_minimal, rates)
    assert np.all(np.diff(triplet) > 0), triplet


@pytest.mark.long
def test_weight_dependence_is_one_family() -> None:
    """mu = 0 is the additive rule, mu = 1 the multiplicative one, and mu = 0 against 1 van Rossum's."""
    family = stdp_guetig.with_parameters(eta=0.01, alpha=1.05)
    trains = protocols.poisson_trains(60 * Hz, 60 * Hz, duration=0.5 * second, pairs=4, seed=3, dt=1 * ms)

    def changes(rule: PlasticityRule, **parameters: Any) -> Float:
        return weight_changes(rule.with_parameters(**parameters), trains, dt=1 * ms)

    additive = changes(stdp_pair, A_plus=0.01, A_minus=0.0105)
    multiplicative = changes(stdp_multiplicative, A_plus=0.01, A_minus=0.0105)
    mixed = changes(stdp_mixed, A_plus=0.01, A_minus=0.0105)
    assert changes(family, mu_plus=0.0, mu_minus=0.0) == pytest.approx(additive, abs=1e-12)
    assert changes(family, mu_plus=1.0, mu_minus=1.0) == pytest.approx(multiplicative, abs=1e-12)
    assert changes(family, mu_plus=0.0, mu_minus=1.0) == pytest.approx(mixed, abs=1e-12)
    for one, other in ((additive, multiplicative), (additive, mixed), (mixed, multiplicative)):
        assert np.abs(one - other).min() > 1e-4


def rewarded(rule: PlasticityRule, lags: Sequence[float], delays: Sequence[float], *, w0: float = 0.5) -> Float:
    """Return the changes after one pairing (ms) and one reward, seconds after its second spike (infinity: never)."""
    paired = 0.1
    pre = [np.array([paired - max(lag, 0) / 1000]) * second for lag in lags]
    post = [np.array([paired + min(lag, 0) / 1000]) * second for lag in lags]
    rewards = [np.array([paired + delay] if np.isfinite(delay) else []) * second for delay in delays]
    plan = protocols.spike_trains(pre, post, reward=rewards, duration=8 * second)
    return weight_changes(rule, plan, w0=w0, dt=1 * ms)


@pytest.mark.long
def test_reward_seconds_later_decides_about_a_pairing() -> None:
    """Izhikevich 2007: dopamine 1 to 3 s after a pairing potentiates it, or depresses the reverse order."""
    rule = stdp_reward.with_parameters(dopamine_0=0.0)
    p = rule.parameters
    lags, delays = [10, 10, 10, -10, -10, 10, -10], [1, 2, 3, 1, 3, np.inf, np.inf]
    changes = rewarded(rule, lags, delays)
    assert np.all(changes[:3] > 0.01)
    assert np.all(changes[3:5] < -0.01)
    assert changes[5:].tolist() == [0, 0]
    fade = np.exp(-2 * second / p["tau_elig"])
    assert changes[2] / changes[0] == pytest.approx(fade, rel=1e-9)
    assert changes[4] / changes[3] == pytest.approx(fade, rel=1e-9)
    assert changes[3] / changes[0] == pytest.approx(-p["A_minus"] / p["A_plus"], rel=1e-9)
    together = 1 / (1 / p["tau_elig"] + 1 / reward_source.parameters["tau_dopamine"])
    area = float(p["gain"] * reward_source.parameters["burst"] * together)
    assert changes[0] == pytest.approx(p["A_plus"] * np.exp(-0.5) * np.exp(-1) * area, rel=5e-3)


@pytest.mark.long
def test_baseline_dopamine_alone_keeps_pairs_slowly() -> None:
    changes = rewarded(stdp_reward, [10, -10], [np.inf, np.inf])
    p = stdp_reward.parameters
    area = float(p["gain"] * p["tau_elig"]) * p["dopamine_0"] * np.exp(-0.5)
    assert changes == pytest.approx([p["A_plus"] * area, -p["A_minus"] * area], rel=2e-3)


def constant_dopamine(circuit: Circuit) -> Circuit:
    """Return the circuit with dopamine that stays where the first reward puts it."""
    source = circuit.populations["reward"]
    lasting = dataclasses.replace(source, model=source.model.with_parameters(tau_dopamine=1e12 * second))
    return dataclasses.replace(circuit, populations={**circuit.populations, "reward": lasting})


def test_a_constant_reward_comes_to_nothing_where_it_is_expected() -> None:
    """Only reward above its mean counts: the same pairing, soon and long after dopamine rose for good."""
    rule = stdp_reward_centred.with_parameters(tau_mean=0.2 * second, tau_elig=0.3 * second)
    spikes = np.array([0.1, 3.0])
    plan = protocols.spike_trains(
        [np.array([time]) * second for time in spikes],
        [np.array([time + 0.01]) * second for time in spikes],
        reward=[np.array([0.001]) * second] * 2,
        duration=5 * second,
    )
    circuit = constant_dopamine(synapse_pair(rule, pairs=2))
    early, late = np.diag(simulate(circuit, plan, dt=1 * ms).weights["synapse"]) - 0.5
    assert early > 1e-3
    assert abs(late) < 1e-5 * early


def regular(rate: float, duration: float) -> Quantity:
    return np.round(np.arange(0.5 / rate, duration, 1 / rate) * 1000) * ms


def test_scaling_moves_all_weights_together_towards_the_goal() -> None:
    """Below the goal of 5 Hz weights grow, above it they shrink, at it they stay; by the same factor for all."""
    rates, weights = [2.0, 5.0, 10.0, 2.0, 10.0], [0.5, 0.5, 0.5, 1.5, 0.1]
    rule = synaptic_scaling.with_parameters(tau_rate=1 * second, beta=0.1)
    duration = 10.0
    trains = [regular(rate, duration) for rate in rates]
    circuit = synapse_pair(rule, pairs=len(rates), w=weights).with_state("post", rate_mean=np.array(rates) * Hz)
    plan = protocols.spike_trains([np.zeros(0) * second] * len(rates), trains, duration=duration * second)
    factors = np.diag(simulate(circuit, plan, dt=1 * ms).weights["synapse"]) / weights
    expected = np.exp(0.1 * duration * (5 - np.array(rates)))
    assert factors == pytest.approx(expected, rel=0.12)
    assert factors[1] == pytest.approx(1, abs=0.1)
    assert factors[3] == pytest.approx(factors[0], rel=1e-12)
    assert factors[4] == pytest.approx(factors[2], rel=1e-12)


def test_homeostasis_scales_the_depression_of_clopath_by_the_mean_square_of_the_depolarization() -> None:
    """At u_ref_square it is the rule without, at twice as much it depresses twice as much, and at 0 not at all."""
    square = clopath_homeostatic.parameters["u_ref_square"]
    held = clopath_homeostatic.with_parameters(tau_square=1e9 * second)

    def changes(rule: PlasticityRule, *squares: float) -> Float:
        pairs = len(squares) or 1
        circuit = synapse_pair(rule, pairs=pairs)
        if squares:
            circuit = circuit.with_state("post", u_square=np.array(squares) * square)
        plan = protocols.spike_trains([[20, 40] * ms] * pairs, [[15, 45] * ms] * pairs, duration=60 * ms)
        return np.asarray(np.diag(simulate(circuit, plan, dt=0.1 * ms).weights["synapse"]) - 0.5, float)

    (alone,) = changes(clopath)
    never, once, twice = changes(held, 0, 1, 2)
    assert once == pytest.approx(alone, rel=1e-6)
    assert never > once > twice
    assert twice - never == pytest.approx(2 * (once - never), rel=1e-6)
    assert once - never < -1e-4
