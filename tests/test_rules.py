"""Every rule of the catalogue against its oracle, and what holds for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms, second

from spikehebb import protocols, rules
from spikehebb.circuits import synapse_pair
from spikehebb.core import PlasticityRule
from spikehebb.devices import Device
from spikehebb.rules import RULES, stdp_pair
from spikehebb.simulate import simulate
from tests.oracles import ORACLES, Times

DT = 0.1 * ms
EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


def train(rng: np.random.Generator, spikes: int) -> Times:
    """Return random spike times on the grid, within half a second."""
    steps: Times = np.sort(rng.choice(np.arange(1.0, 5000.0), spikes, replace=False))
    return steps * 1e-4


def run(rule: PlasticityRule, pre: Times, post: Times, device: Device, w: float = 0.5) -> float:
    plan = protocols.spike_trains([pre * second], [post * second], duration=0.6 * second)
    return float(simulate(synapse_pair(rule, w=w), plan, device=device, dt=DT).weights["synapse"][0, 0])


def test_every_rule_has_an_oracle() -> None:
    assert set(ORACLES) == set(RULES)


@EVERY_RULE
def test_random_trains_equal_the_oracle(rule: PlasticityRule, device: Device, rng: np.random.Generator) -> None:
    for _ in range(2):
        pre, post = train(rng, 50), train(rng, 50)
        expected = ORACLES[rule.name](pre, post, 0.5, rule.parameters)
        assert expected != 0.5
        assert run(rule, pre, post, device) == pytest.approx(expected, rel=1e-9)


@EVERY_RULE
def test_coincident_spikes_equal_the_oracle(rule: PlasticityRule, device: Device) -> None:
    both = np.array([0.010, 0.020, 0.0305])
    alone = run(rule, np.array([0.0305]), np.array([0.0305]), device)
    assert alone == pytest.approx(0.5, abs=1e-12), "one coincidence alone pairs with nothing"
    expected = ORACLES[rule.name](both, both, 0.5, rule.parameters)
    assert run(rule, both, both, device) == pytest.approx(expected, rel=1e-9)


@EVERY_RULE
def test_one_side_alone_changes_nothing(rule: PlasticityRule, device: Device, rng: np.random.Generator) -> None:
    spikes, none = train(rng, 50), np.array([])
    assert run(rule, spikes, none, device) == 0.5
    assert run(rule, none, spikes, device) == 0.5


def test_stdp_pair_stays_within_its_bounds(device: Device, rng: np.random.Generator) -> None:
    strong = stdp_pair.with_parameters(A_plus=0.4, A_minus=0.0)
    weak = stdp_pair.with_parameters(A_plus=0.0, A_minus=0.4)
    assert run(strong, train(rng, 50), train(rng, 50), device) == 1.0
    assert run(weak, train(rng, 50), train(rng, 50), device) == 0.0


@EVERY_RULE
def test_every_rule_says_what_it_is(rule: PlasticityRule) -> None:
    assert rule.summary
    assert rule.reference
    assert rule.ties


def test_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"there is no rule 'stdp_pari'. Did you mean 'stdp_pair'\?"):
        rules.find("stdp_pari")


def test_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"rule stdp_pair has no parameter 'tau_pls'. Did you mean 'tau_plus'\?"):
        stdp_pair.with_parameters(tau_pls=20 * ms)


def test_wrong_unit_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"tau_plus must be a time, got 20 \(dimensionless\). Write 20\*ms."):
        stdp_pair.with_parameters(tau_plus=20)
    with pytest.raises(ValueError, match=r"A_plus must be a number without unit, got 1. ms"):
        stdp_pair.with_parameters(A_plus=1 * ms)
