"""Each limit of a chip means one thing: for what is checked, for what is quantized and for what learns there."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from brian2 import ms, mV
from numpy.typing import ArrayLike

from spikehebb.circuits import lif_wta, linear_rates, soft_wta, synapse_pair
from spikehebb.core import Circuit, PlasticityRule
from spikehebb.devices import CPP, NUMPY, Device
from spikehebb.hardware import TARGETS, Target, check, constrain, is_memristive, levels, quantize
from spikehebb.hardware.rounding import steps
from spikehebb.neurons import lif
from spikehebb.protocols import spike_trains
from spikehebb.rules import hebb, softhebb_annealed
from spikehebb.simulation import simulate
from tests.conftest import NO_COMPILER

LOIHI, GENERIC = TARGETS["loihi1"], TARGETS["generic"]
CHIPS = [target for target in TARGETS.values() if not is_memristive(target)]
POSITIVE, NEGATIVE, MIXED = [[0.3, 0.1], [0.2, 0.0]], [[-0.3, -0.1], [-0.2, 0.0]], [[0.3, -0.1], [-0.2, 0.1]]
ROWS = [[0.3, 0.1], [-0.2, -0.1]]
OUTSIDE = {"weight_bits": 4, "sign_in_weight_bits": False}


def own(**limits: Any) -> Target:
    return GENERIC.with_limits(**limits)


def frozen(weights: ArrayLike) -> Circuit:
    return soft_wta(np.array(weights), rule=None)


def learning(weights: ArrayLike) -> Circuit:
    """With a rule without bounds of its own."""
    return soft_wta(np.array(weights), rule=softhebb_annealed)


def on_chip(circuit: Circuit, target: Target) -> Any:
    return constrain(circuit, target, ranges={"u": 16})


def limits_broken(circuit: Circuit, target: Target) -> set[str]:
    return {problem.limit for problem in check(circuit, target)} & {"weight_bits", "weight_signs"}


@pytest.mark.parametrize(
    ("target", "weights", "expected"),
    [
        (LOIHI, POSITIVE, (0, 255)),
        (LOIHI, NEGATIVE, (-255, 0)),
        (LOIHI, MIXED, (-128, 127)),  # lava-nc/lava: weightutils.py
        (LOIHI.with_limits(weight_bits=4), MIXED, (-8, 7)),
        (TARGETS["spinnaker"], MIXED, (-32768, 32767)),
        (TARGETS["dynapse2"], MIXED, (-15, 15)),
        (TARGETS["brainscales2"], POSITIVE, (0, 63)),
        (TARGETS["brainscales2"], ROWS, (-63, 63)),
        (own(**OUTSIDE), MIXED, (-15, 15)),
        (own(weight_bits=2), MIXED, (-2, 1)),
        (own(weight_bits=1), POSITIVE, (0, 1)),
        (own(weight_bits=1, sign_in_weight_bits=False), MIXED, (-1, 1)),
    ],
)
def test_quantized_weights_have_these_levels_and_pass_the_check(
    target: Target, weights: ArrayLike, expected: tuple[int, int]
) -> None:
    found = quantize(frozen(weights), target)
    line = next(line for line in found.report if line.what == "feedforward.w")
    assert (line.low, line.high) == expected
    assert found.integers["feedforward"].min() >= expected[0]
    assert found.integers["feedforward"].max() <= expected[1]
    assert not limits_broken(found.circuit, target)
    finer = frozen(np.array(weights) * (1 + 0.01 * np.arange(4).reshape(2, 2) / np.pi))
    assert "weight_bits" in limits_broken(finer, target.with_limits(weight_bits=1, weight_bit_choices=None))


@pytest.mark.parametrize("target", [*CHIPS, own(weight_bits=3), own(**OUTSIDE), own(weight_bits=1)])
@pytest.mark.parametrize("weights", [POSITIVE, MIXED, ROWS], ids=["positive", "mixed", "rows"])
def test_what_learns_on_a_chip_has_the_levels_of_what_is_quantized(target: Target, weights: ArrayLike) -> None:
    """The same range, or refused by all three."""
    circuit = learning(weights)
    one_bit = target.value("weight_bits") == 1 and weights is not POSITIVE
    if one_bit or "weight_signs" in limits_broken(circuit, target):
        with pytest.raises(ValueError, match="both signs") as refused:
            quantize(circuit, target)
        with pytest.raises(ValueError, match=re.escape(str(refused.value))):
            on_chip(circuit, target)
        assert any(str(refused.value).removesuffix(".") in str(problem) for problem in check(circuit, target))
        return
    found = quantize(circuit, target)
    limits = on_chip(circuit, target).integers["feedforward"].weights
    line = next((line for line in found.report if line.what == "feedforward.w"), None)
    if line is None:
        assert (limits.whole, target.value("weight_bits")) == (False, None)
    else:
        assert (limits.low, limits.high, limits.whole) == (line.low, line.high, True)
        assert limits.step == pytest.approx(line.scale)
    assert not limits_broken(found.circuit, target)
    assert not limits_broken(on_chip(circuit, target).circuit, target)


@pytest.mark.parametrize("target", [own(weight_bits=1), LOIHI.with_limits(weight_bits=1)])
def test_one_bit_holds_no_two_signs(target: Target) -> None:
    said = "projection feedforward: weights of both signs need 2 bits or more, and .* has 1"
    with pytest.raises(ValueError, match=said):
        quantize(frozen(MIXED), target)
    with pytest.raises(ValueError, match=said):
        on_chip(learning(MIXED), target)
    assert limits_broken(frozen(MIXED), target) == {"weight_bits"}


def test_a_rule_that_can_change_signs_is_refused_where_rows_have_one() -> None:
    signed = fading(w_min=-1.0)
    with pytest.raises(ValueError, match="1 of 1 presynaptic neurons have weights of both signs"):
        constrain(synapse_pair(signed), TARGETS["brainscales2"])
    assert "weight_signs" in limits_broken(synapse_pair(signed), TARGETS["brainscales2"])
    assert not limits_broken(synapse_pair(fading(w_min=0.0)), TARGETS["brainscales2"].with_limits(weight_bits=None))


def fading(w_min: float, w_max: float = 1.0) -> PlasticityRule:
    return PlasticityRule(
        name="fading",
        summary="Every pair lowers the weight",
        reference="",
        parameters={"tau": 20 * ms, "A": 0.3, "w_min": w_min, "w_max": w_max},
        pre="dx1/dt = -x1/tau : 1",
        pre_spike="x1 = 1",
        on_post="w = clip(w - A*x1_pre, w_min, w_max)",
    )


@pytest.mark.long
@pytest.mark.parametrize("device", [NUMPY, pytest.param(CPP, marks=[NO_COMPILER, pytest.mark.compiler])])
def test_learning_saturates_at_the_lowest_level_and_at_the_rules_own_bound(device: Device) -> None:
    plan = spike_trains([np.arange(1, 60, 4) * ms], [np.arange(2, 60, 4) * ms], duration=70 * ms)
    for rule, lowest in ((fading(-9.0), -128), (fading(-0.2), round(-0.2 * 127)), (fading(0.0), 0)):
        chip = constrain(synapse_pair(rule, w=0.5), LOIHI, epoch=5 * ms, w_max=1.0)
        run = simulate(chip.circuit, plan, device=device, dt=1 * ms)
        assert run.weights["synapse"].tolist() == [[lowest]]
    free = constrain(synapse_pair(fading(-0.2), w=0.5), GENERIC, epoch=5 * ms)
    assert simulate(free.circuit, plan, device=device, dt=1 * ms).weights["synapse"].tolist() == [[-0.2]]


def test_the_highest_level_is_not_above_the_rules_bound() -> None:
    limits = constrain(synapse_pair(fading(0.0)), LOIHI, w_max=2.0).integers["synapse"].weights
    assert (limits.low, limits.high, limits.step) == (0, 128, 2 / 255)  # 127.5 steps are 1


def test_numbers_with_a_sign_are_in_twos_complement_everywhere() -> None:
    rule = (
        constrain(
            synapse_pair(dataclasses.replace(fading(0.0), synapse="w : 1\ntag : 1", on_pre="tag += A*x1_pre")), LOIHI
        )
        .integers["synapse"]
        .rule
    )
    for name, bits in (("acc", 16), ("tag", 9)):
        found = rule.parameters[f"{name}_low"], rule.parameters[f"{name}_high"]
        assert found == levels(bits, negative=True, positive=True) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def test_a_trace_that_no_weight_reads_takes_none_of_the_chips() -> None:
    """check and constrain count the same."""
    rule = dataclasses.replace(
        fading(0.0), pre="dx1/dt = -x1/tau : 1\nn : 1\nm : 1", pre_spike="x1 = 1; n += 1; m += 1", name="counts"
    )
    for traces, fits in ((1, True), (0, False)):
        target = own(traces_pre=traces)
        assert ("traces_pre" in {p.limit for p in check(synapse_pair(rule), target)}) is not fits
        if fits:
            constrain(synapse_pair(rule), target)
        else:
            with pytest.raises(ValueError, match=r"reads 1 presynaptic traces \(x1\), and generic has 0"):
                constrain(synapse_pair(rule), target)


def test_weights_of_continuous_projections_are_checked_as_they_are_quantized(rng: np.random.Generator) -> None:
    circuit, target = linear_rates(rng.random((4, 3)), rule=hebb), own(weight_bits=3)
    assert limits_broken(circuit, target) == {"weight_bits"}
    assert not limits_broken(quantize(circuit, target).circuit, target)


@pytest.mark.parametrize("rest", [0.0, 3.3, 63.4, 63.6, 64.4, 64.6, 200.0])
def test_refractory_times_are_rounded_alike(rest: float) -> None:
    neuron = lif.with_parameters(t_ref=rest * ms)
    circuit = lif_wta(np.eye(2))
    populations = {**circuit.populations, "output": dataclasses.replace(circuit.populations["output"], model=neuron)}
    circuit = dataclasses.replace(circuit, populations=populations)
    too_long = "refractory_steps" in {problem.limit for problem in check(circuit, LOIHI)}
    assert too_long is bool(steps(rest * ms, 1e-3) > 64)
    found = quantize(circuit, LOIHI)
    assert float(found.circuit.populations["output"].model.parameters["t_ref"] / ms) == pytest.approx(
        min(round(rest), 64)
    )
    assert "refractory_steps" not in {problem.limit for problem in check(found.circuit, LOIHI)}


@pytest.mark.parametrize("target", [*TARGETS.values(), own(weight_bits=5), own(**OUTSIDE)], ids=lambda t: t.name)
@pytest.mark.parametrize("inhibition", ["lateral", "spiking"])
def test_a_quantized_network_has_nothing_left_to_quantize(
    target: Target, inhibition: Any, rng: np.random.Generator
) -> None:
    circuit = lif_wta(rng.random((6, 3)), inhibition=inhibition, drive=0.3)
    numbers = {"weight_bits", "refractory_steps"}
    if "weight_signs" in limits_broken(circuit, target):
        with pytest.raises(ValueError, match="both signs"):
            quantize(circuit, target)
        return
    found = quantize(circuit, target)
    assert not numbers & {problem.limit for problem in check(found.circuit, target)}
    again = quantize(found.circuit, target)
    for name, weights in found.integers.items():
        once, twice = (np.asarray(each.circuit.projections[name].weights) for each in (found, again))
        assert np.array_equal(once, twice), name
        assert weights.dtype == np.int64
    assert float(found.circuit.populations["output"].model.parameters["v_threshold"] / mV) > 0
