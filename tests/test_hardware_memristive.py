"""Learning in memristive devices: the published curve, whole pulses, noise, and a network that learns with them."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb.circuits import synapse_pair
from spikehebb.cli.parse import changes
from spikehebb.core import PlasticityRule, Protocol
from spikehebb.datasets import load
from spikehebb.devices import Device
from spikehebb.encoders import spike_rows
from spikehebb.hardware import TARGETS, Target, constrain, memristive
from spikehebb.jobs import Settings, evaluate, learn_digits, read, weight_changes
from spikehebb.jobs.learned_file import settings_from
from spikehebb.jobs.start import Start
from spikehebb.protocols import pairing
from spikehebb.rules import RULES, stdp_pair
from spikehebb.simulation import simulate
from tests.conftest import FAST
from tests.test_rate_rules import joined

STATES = 64
EXACT = TARGETS["memristive"].with_limits(cycle_noise=None)
LAG = 10 * ms


def asking(pulses: float) -> PlasticityRule:
    """Pair STDP, of which a pair in causal order asks for so many pulses, and one in the other order for as many."""
    amplitude = pulses / STATES * np.exp(LAG / stdp_pair.parameters["tau_plus"])
    return stdp_pair.with_parameters(A_plus=amplitude, A_minus=amplitude)


def conductance(pulses: float, curve: float) -> float:
    """The published curve between 0 and 1, from the bottom."""
    return float((1 - np.exp(-pulses / STATES / curve)) / (1 - np.exp(-1 / curve)))


CURVES = [(0.5, 0.5), (0.2, 1.5)]
NOISES = [0.0, 0.02]
COUNT, ASKED = 4000, 0.3  # synapses whose pulses are rounded, and what a pair asks of each


@cache
def after(device: Device) -> dict[str, Any]:
    """Return the weights of every case, which are one program: pairs 10 ms apart, as far from the next as 12 digits.

    Along a curve two synapses see one pair and two see five, each in both orders; straight lines see three pairs in
    both orders.
    """
    exact = {"curve_up": None, "curve_down": None}
    rules = {
        f"curve {c}": memristive(asking(4), EXACT.with_limits(curve_up=up, curve_down=down), whole_pulses=False)
        for c, (up, down) in enumerate(CURVES)
    }
    rules |= {"even": memristive(asking(0.7), EXACT.with_limits(**exact), whole_pulses=False), "rule": asking(0.7)}
    rules |= {
        f"noise {n}": memristive(asking(ASKED), EXACT.with_limits(cycle_noise=noise) if noise else EXACT)
        for n, noise in enumerate(NOISES)
    }
    circuits, stimuli = {}, {}
    for name, rule in rules.items():
        lags, pairs, w0 = [10, -10], [3, 3], [0.4, 0.4]
        if name.startswith("curve"):
            lags, pairs, w0 = [10, -10, 10, -10], [1, 1, 5, 5], [0.0, 1.0, 0.0, 1.0]
        if name.startswith("noise"):
            lags, pairs, w0 = [10] * COUNT, [1] * COUNT, [0.4] * COUNT
        part = name.replace(" ", "")
        circuits[part] = synapse_pair(rule, pairs=len(lags), w=w0)
        begin = [50 + 600 * np.arange(count) for count in pairs]
        stimuli[f"{part}_pre"] = spike_rows([times * ms for times in begin])
        stimuli[f"{part}_post"] = spike_rows([(times + lag) * ms for times, lag in zip(begin, lags, strict=True)])
    plan = Protocol(stimuli=stimuli, duration=2600 * ms)
    done = simulate(joined(circuits), plan, dt=1 * ms, device=device, seed=3)
    return {name: np.diag(done.weights[f"{name.replace(' ', '')}_synapse"]) for name in rules}


@pytest.mark.parametrize("curve", [0, 1])
def test_pulses_move_along_the_published_curves(curve: int, device: Device) -> None:
    up, down = CURVES[curve]
    expected = [side for pulses in (4, 20) for side in (conductance(pulses, up), 1 - conductance(pulses, down))]
    assert list(after(device)[f"curve {curve}"]) == pytest.approx(expected, rel=1e-12)


def test_straight_lines_without_noise_are_the_rule_itself(device: Device) -> None:
    even, expected = after(device)["even"], after(device)["rule"]
    assert list(even) == pytest.approx(list(expected), rel=1e-12)
    assert expected[1] < 0.4 < expected[0]


@pytest.mark.parametrize("number", [0, 1])
def test_pulses_are_rounded_stochastically_and_vary(number: int, device: Device) -> None:
    noise, change = NOISES[number], after(device)[f"noise {number}"] - 0.4
    top = 1 / (1 - np.exp(-2))
    one = (top - 0.4) * (1 - np.exp(-1 / (STATES / 2)))  # what one pulse does
    mean, variance = ASKED * one, ASKED * (1 - ASKED) * one**2 + ASKED * noise**2
    assert change.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / COUNT))
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


def numbers(rule: PlasticityRule) -> dict[str, Any]:
    return {"text": rule.on_post, **{name: float(value) for name, value in rule.parameters.items()}}


OWN: dict[str, Any] = {"conductance_states": 32, "curve_up": 0.3, "curve_down": 0.8, "cycle_noise": None}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(target="memristive", parameters={f"target.{name}": value for name, value in OWN.items()}),
        Settings(target="memristive", parameters=changes([f"target.{name}={value}" for name, value in OWN.items()])),
        Settings(target=TARGETS["memristive"].with_limits(**OWN, fan_in=5)),  # which learning does not read
    ],
    ids=["names", "command line", "value"],
)
def test_the_limits_of_a_device_are_set_by_name(settings: Settings) -> None:
    own = memristive(RULES["softhebb"], TARGETS["memristive"].with_limits(**OWN), w_max=settings.w_max)
    assert numbers(settings.plasticity()) == numbers(own)
    assert settings.target == "memristive"
    kept = json.loads(json.dumps(settings.config()))
    assert kept["parameters"] == {f"target.{name}": value for name, value in OWN.items()}
    assert settings_from(kept) == settings


def test_a_chips_limits_epochs_and_largest_weight_are_set_by_name() -> None:
    given = {"target.tag_bits": "5", "target.stochastic_rounding": "no", "target.weight_bits": 7, "epoch": "5 ms"}
    settings = Settings(target="loihi1", rule="softhebb_annealed", parameters={**given, "w_max": 0.5})
    chip = settings.chip()
    assert [chip.value(name) for name in ("tag_bits", "stochastic_rounding", "weight_bits")] == [5, False, 7]
    assert (settings.weight_bits, settings.epoch_ms, settings.w_max) == (7, 5.0, 0.5)
    few = dataclasses.replace(settings, weight_bits=3, target=TARGETS["loihi1"].with_limits(weight_bits=4))
    assert few.chip().value("weight_bits") == 3


def test_a_target_with_conductances_of_its_own_is_a_device() -> None:
    settings = Settings(target="generic", rule="stdp_pair", parameters={"target.conductance_states": 12})
    assert not settings.on_chip
    assert numbers(settings_from(settings.config()).plasticity()) == numbers(settings.plasticity())


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        ("memristive", {"target.conductance_state": 3}, "there is no limit 'conductance_state'. Did you mean 'conduct"),
        ("memristive", {"target.conductance_states": 0}, "conductance_states must be a whole number of at least 1"),
        ("memristive", {"target.conductance_states": 2.5}, "conductance_states must be a whole number of at least 1"),
        ("memristive", {"target.curve_up": "steep"}, "curve_up must be a number above 0, got 'steep'"),
        ("memristive", {"target.tag_bits": 4}, "target.tag_bits: learning on memristive does not read that limit; it"),
        ("memristive", {"target.weight_bits": 4}, "target memristive has conductances, and no bits; leave that out"),
        ("loihi1", {"target.fan_in": 4}, "target.fan_in: learning on loihi1 does not read that limit; it reads accum"),
        ("loihi1", {"target.weight_bits": 0}, "weight_bits must be a whole number from 1 to 64, got 0"),
        ("", {"target.curve_up": 1}, "target.curve_up: there is no target; name one, such as memristive or loihi1"),
        ("", {"w_max": 1}, "w_max is of learning on a target; name one, such as memristive or loihi1"),
        ("", {"epoch": "5 ms"}, "epoch is of learning on a target; name one"),
        (dataclasses.replace(EXACT, name="mine"), {}, "a target of the catalogue, or of one with other limits, got 'm"),
    ],
)
def test_limits_that_cannot_be_are_refused(target: str | Target, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(target=target, rule="softhebb_annealed", parameters=given)


def test_bits_are_given_once() -> None:
    with pytest.raises(ValueError, match="weight_bits is given twice, 3 and 5; leave one out"):
        Settings(target="loihi1", rule="softhebb_annealed", weight_bits=3, parameters={"target.weight_bits": 5})


def test_learning_goes_on_in_the_same_devices() -> None:
    train = load("digits", "train")[:5]
    given: dict[str, Any] = {"target.conductance_states": 32, "rule.tau_x": 5 * ms}
    earlier = Settings(neurons=3, target="memristive", parameters=given)
    about: dict[str, Any] = {"kind": "digits", "image_shape": (8, 8), "weights": np.ones((64, 3)), "age": np.ones(3)}
    start = Start(**about, bias=np.zeros(3), config=earlier.config())
    assert start.settings(train) == earlier
    assert start.settings(train, parameters={"target.curve_up": 0.2}).parameters == {**given, "target.curve_up": 0.2}
    assert start.settings(train, target="generic", rule="softhebb_annealed").parameters == {}


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
    run = learn_digits(
        train,
        test,
        Settings(neurons=30, target="memristive", parameters={"target.conductance_states": 32}),
        device=FAST,
        out=tmp_path,
    )
    weights = np.asarray(run.network.arrays["weights"])
    assert weights.min() >= 0
    assert weights.max() <= Settings().w_max
    assert run.report["metrics"]["accuracy_vote"] > 0.6
    again = read(tmp_path)
    assert evaluate(again, test)["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    assert run.report["config"]["target"] == "memristive"
    assert again.header["config"]["parameters"] == {"target.conductance_states": 32}
