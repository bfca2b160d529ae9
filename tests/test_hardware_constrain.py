"""Learning under the limits of a chip, against the rule without limits and against whole numbers worked out apart."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import numpy as np
import pytest
from brian2 import ms, mV, second
from numpy.typing import NDArray

from spikehebb import protocols
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection, Protocol
from spikehebb.datasets import load
from spikehebb.devices import CPP, NUMPY, Device
from spikehebb.encoders import spike_source
from spikehebb.equations import variables
from spikehebb.export.from_circuit import rule_text
from spikehebb.hardware import TARGETS, Target, imperfect, problems
from spikehebb.hardware.constrain import Constrained, constrain
from spikehebb.jobs.digit_settings import Settings
from spikehebb.protocols import presentations
from spikehebb.rules import RULES, find, on_spikes, softhebb_annealed, stdp_pair
from spikehebb.rules.references import cite
from spikehebb.simulation import simulate
from tests.conftest import NO_COMPILER

LOIHI, GENERIC = TARGETS["loihi1"], TARGETS["generic"]
Times = NDArray[np.float64]
Trains = list[tuple[list[int], list[int]]]  # of steps of 1 ms, pre and post


def run(chip: Constrained | Circuit, trains: Trains, steps: int = 300, device: Device = NUMPY, seed: int = 0) -> Any:
    circuit = chip.circuit if isinstance(chip, Constrained) else chip
    reward = [np.array([5, 90, 200]) * ms for _ in trains] if "reward" in circuit.populations else None
    plan = protocols.spike_trains(
        [np.array(pre) * ms for pre, _ in trains],
        [np.array(post) * ms for _, post in trains],
        reward=reward,
        duration=steps * ms,
    )
    return simulate(circuit, plan, device=device, dt=1 * ms, seed=seed)


def learned(chip: Constrained, trains: Trains, **options: Any) -> NDArray[np.float64]:
    """The weights afterwards, in whole numbers."""
    return np.asarray(np.diag(run(chip, trains, **options).weights["synapse"]), float)


def apart(seed: int, number: int = 6) -> Trains:
    """Spikes of which none coincide, and that leave the last epochs in peace."""
    rng = np.random.default_rng(seed)
    both = [rng.permutation(np.arange(1, 280))[:24] for _ in range(number)]
    return [(sorted(steps[:12].tolist()), sorted(steps[12:].tolist())) for steps in both]


FITTING = [rule for rule in RULES.values() if not problems(rule) and "u" not in variables(rule.needs_post)]


@pytest.mark.parametrize(
    "rule",
    [on_spikes(find("oja")), FITTING[0], *(pytest.param(rule, marks=pytest.mark.long) for rule in FITTING[1:])],
    ids=lambda rule: rule.name,
)
def test_without_limits_and_with_epochs_of_a_step_it_is_the_rule_itself(rule: PlasticityRule) -> None:
    trains = apart(1)
    circuit = synapse_pair(rule, pairs=len(trains), w=[0.5] * len(trains))
    chip = constrain(circuit, GENERIC, epoch=1 * ms, w_max=None if rule.parameters.get("w_max", np.inf) < np.inf else 9)
    wanted = np.diag(run(circuit, trains).weights["synapse"])
    assert np.ptp(wanted) > 0
    # What acts at every step is exact between steps in the rule and a sum in the chip: 1 ms against 1 s.
    tolerance = 2e-2 if "u" in {product.depends for product in chip.sums["synapse"].dw} else 1e-12
    assert learned(chip, trains) - 0.5 == pytest.approx(wanted - 0.5, rel=tolerance, abs=tolerance * 0.1)


def test_spiking_softhebb_without_limits_is_the_rule_itself() -> None:
    digits = load("digits", "train")[:6]
    weights = 0.3 * np.random.default_rng(0).random((64, 5))
    circuit = soft_wta(weights, rule=softhebb_annealed, lifetime=20, eta=0.05)
    plan = presentations(digits, duration=40 * ms)
    plain = simulate(circuit, plan, seed=3, record=["feedforward.w"])
    chip = constrain(circuit, GENERIC, epoch=1 * ms, w_max=10)
    limited = simulate(chip.circuit, plan, seed=3)
    # The last step's change waits for the next epoch; within a step inputs arrive through the weights of before.
    before_last = plain.traces["feedforward.w"][-2].reshape(64, 5)
    change = np.abs(plain.weights["feedforward"] - weights).max()
    assert change > 0.01
    assert chip.weights(limited, "feedforward") == pytest.approx(before_last, abs=3e-3 * change)
    assert chip.trace(limited, "feedforward", "age") == pytest.approx(plain.state["output"]["age"])


def nearest(value: float) -> int:
    return math.floor(value + 0.5)


def pair_on_a_chip(pre: list[int], post: list[int], w: int, epoch: int, steps: int = 300) -> int:
    """Pair STDP in whole numbers, step by step, rounded to the nearest: 7-bit traces, 8-bit weights, 16-bit sums."""
    decay, step = math.exp(-1 / 20), 1 / 255
    x = y = 0.0
    scales = [5 * 2.0**-7 * 128, -5 * 2.0**-7 * 128]  # 0.005 and 0.00525 of 4/127 in steps of 1/255, as 4-bit mantissas
    assert scales[0] / 128 == pytest.approx(0.005 * 4 / 127 / step, rel=0.07)
    dw_x = dw_y = 0
    for t in range(steps):
        if t % epoch == 0:
            w = min(max(nearest(w + (dw_x + dw_y) / 128), 0), 255)
            dw_x = dw_y = 0
            x, y = nearest(x), nearest(y)
        x, y = x * decay, y * decay
        if t in post:
            dw_y = math.floor(scales[0] * nearest(x))
        if t in pre:
            dw_x = math.floor(scales[1] * nearest(y))
            x = min(nearest(x + 31.75), 127)
        if t in post:
            y = min(nearest(y + 31.75), 127)
    return w


@pytest.mark.parametrize(
    ("device", "epoch"),
    [(NUMPY, 1), (NUMPY, 8), pytest.param(CPP, 8, marks=[NO_COMPILER, pytest.mark.compiler])],
)
def test_pair_stdp_equals_whole_numbers_worked_out_step_by_step(device: Device, epoch: int) -> None:
    trains = [
        *apart(2, 4),
        (list(range(3, 290, 3)), list(range(4, 290, 3))),
        (list(range(4, 290, 3)), list(range(3, 290, 3))),
    ]
    starts = [128, 3, 250, 77, 0, 255]
    chip = constrain(
        synapse_pair(stdp_pair, pairs=len(trains), w=[w / 255 for w in starts]),
        LOIHI,
        epoch=epoch * ms,
        rounding="nearest",
    )
    found = learned(chip, trains, device=device)
    wanted = [pair_on_a_chip(pre, post, w, epoch) for (pre, post), w in zip(trains, starts, strict=True)]
    assert found.tolist() == wanted
    assert len(set(wanted) - set(starts)) >= 4


def test_weights_and_traces_saturate_and_zero_stays_zero() -> None:
    strong = stdp_pair.with_parameters(A_plus=0.5, A_minus=0.5)
    trains: Trains = [
        ([10, 12, 14, 16, 18, 20], [22]),
        ([22], [10, 12, 14, 16, 18, 20]),
        ([], []),
        ([5], []),
        ([], [5]),
    ]
    chip = constrain(synapse_pair(strong, pairs=5, w=[0.5, 0.5, 0.0, 0.0, 1.0]), LOIHI, rounding="nearest")
    recording = run(chip, trains, steps=24)
    assert np.diag(recording.weights["synapse"]).tolist() == [255, 0, 0, 0, 255]
    assert recording.state["pre"]["x1"].max() <= 127
    (full,) = (recording.state[side][name][0] for side, name in (("pre", "x1"),))
    assert full == pytest.approx(127 * math.exp(-3 / 20), abs=1.5)  # six impulses of 31.75, cut at 127, 3 ms later


def test_of_two_spikes_in_an_epoch_the_last_one_counts() -> None:
    strong = stdp_pair.with_parameters(A_plus=0.25)
    one, two = ([11], [18]), ([11], [14, 18])
    chips = constrain(synapse_pair(strong, pairs=2, w=[0.1, 0.1]), GENERIC.with_limits(weight_bits=8), epoch=10 * ms)
    found = learned(chips, [one, two], steps=40)
    assert found[0] == found[1] > 30
    every = constrain(synapse_pair(strong, pairs=2, w=[0.1, 0.1]), GENERIC.with_limits(weight_bits=8), epoch=1 * ms)
    assert learned(every, [one, two], steps=40)[1] > found[1] + 30


def test_rounding_at_random_keeps_the_mean_and_nearest_loses_small_steps() -> None:
    pairs, small = 400, stdp_pair.with_parameters(A_plus=0.002, A_minus=0.0)  # 0.3 of a step of 1/255
    circuit = synapse_pair(small, pairs=pairs, w=[100 / 255] * pairs)
    trains: Trains = [([11], [19])] * pairs
    target = GENERIC.with_limits(weight_bits=8)
    change = 0.002 * math.exp(-8 / 20) * 255
    assert 0.2 < change < 0.4
    lost = learned(constrain(circuit, target, rounding="nearest"), trains, steps=30)
    assert (lost == 100).all()
    kept = learned(constrain(circuit, target, rounding="stochastic"), trains, steps=30)
    assert set(kept.tolist()) == {100.0, 101.0}
    assert kept.mean() - 100 == pytest.approx(change, abs=3 * math.sqrt(change * (1 - change) / pairs))


def test_a_seven_bit_trace_decays_in_the_mean() -> None:
    circuit = synapse_pair(stdp_pair, pairs=300, w=[0.5] * 300)
    chip = constrain(circuit, LOIHI, epoch=5 * ms)
    held = run(chip, [([10], [])] * 300, steps=31).state["pre"]["x1"]
    wanted = 31.75 * math.exp(-20 / 20)
    assert held.mean() == pytest.approx(wanted, abs=0.3)
    assert held.std() > 0.5


def test_fewer_bits_are_the_same_program_with_other_numbers() -> None:
    texts = set()
    for bits in (8, 4, 1):
        chip = constrain(synapse_pair(stdp_pair), LOIHI.with_limits(weight_bits=bits, weight_bit_choices=None))
        rule = chip.integers["synapse"].rule
        texts.add((rule.on_pre, rule.on_post, rule.update, rule.pre, rule.pre_spike, rule.synapse))
        assert rule.parameters["w_high"] == 2**bits - 1
        assert chip.steps["synapse"] == pytest.approx(1 / (2**bits - 1))
    assert len(texts) == 1


def test_the_neuron_gets_the_same_drive_from_whole_numbers() -> None:
    weights = np.array([[0.1, 0.3], [0.2, 0.0]])
    chip = constrain(soft_wta(weights, rule=softhebb_annealed), LOIHI, ranges={"u": 16}, w_max=0.3)
    assert np.asarray(chip.circuit.projections["feedforward"].weights).tolist() == [[85, 255], [170, 0]]
    assert chip.circuit.populations["output"].model.receive == "u_post += w * w_step_post"
    assert chip.circuit.populations["output"].model.parameters["w_step"] == pytest.approx(0.3 / 255)


def squared(w: float) -> Circuit:
    """A spike through a weight of 0.5 moves the potential by 0.25 mV; the neuron does not leak."""
    still = NeuronModel(
        name="still",
        summary="",
        equations="v : volt\nu : volt",
        threshold="v > 1*volt",
        receive="s = w*jump_post; v_post += w**2*jump_post; u_post += s/(1 + w)",
        parameters={"jump": 1 * mV},
    )
    source = Population(model=spike_source, size=1)
    weights = np.array([[w]])
    return Circuit(
        name="squared",
        populations={"pre": source, "post": Population(model=still, size=1)},
        projections={"synapse": Projection(pre="pre", post="post", weights=weights, rule=stdp_pair)},
    )


@pytest.mark.parametrize("device", [NUMPY, pytest.param(CPP, marks=[NO_COMPILER, pytest.mark.compiler])])
def test_what_a_spike_does_is_the_same_however_it_depends_on_the_weight(device: Device) -> None:
    """In whole numbers, too: the weight is 250 steps of 0.002."""
    circuit = squared(0.5)
    chip = constrain(circuit, GENERIC.with_limits(weight_bits=8), w_max=0.51)
    assert chip.circuit.projections["synapse"].weights == [[250]]
    plan = Protocol(stimuli={"pre": np.array([[2e-3], [np.inf]])}, duration=5 * ms)
    for each in (circuit, chip.circuit):
        state = simulate(each, plan, device=device, dt=1 * ms).state["post"]
        assert state["v"][0] == pytest.approx(0.25e-3, rel=1e-12)
        assert state["u"][0] == pytest.approx(0.5e-3 / 1.5, rel=1e-12)


def test_a_spread_of_neurons_is_a_factor_of_the_weight() -> None:
    """A neuron that takes the square of a weight takes the square of its factor, too."""
    plain = Settings(neurons=2).build(np.array([[0.5, 0.5]]))
    neuron = plain.populations["output"]
    model = dataclasses.replace(neuron.model, receive="u_post += w**2")
    populations = {**plain.populations, "output": dataclasses.replace(neuron, model=model)}
    squared = dataclasses.replace(plain, populations=populations)
    made = imperfect(squared, np.random.default_rng(3), dropped=0.0, spread=0.5).frozen()
    assert made.populations["output"].model.receive == "u_post += (w * gain_post) ** 2"
    gains = np.asarray(made.populations["output"].model.parameters["gain"])
    linear = plain.frozen().with_weights(feedforward=(0.5 * gains[None, :]) ** 2)
    shown = Protocol(stimuli={"input": np.ones((1, 1))}, duration=30 * ms, presentation=30 * ms)
    found, wanted = (simulate(each, shown, dt=1 * ms).state["output"]["u"] for each in (made, linear))
    assert found == pytest.approx(wanted, rel=1e-12)
    assert np.ptp(wanted) > 0.1


def test_a_neuron_that_sets_the_weight_is_refused_when_made() -> None:
    with pytest.raises(ValueError, match=r"neuron still: 'w = 0' sets 'w', which cannot change"):
        dataclasses.replace(squared(0.5).populations["post"].model, receive="v_post += w*jump_post; w = 0")


@pytest.mark.parametrize("device", [NUMPY, pytest.param(CPP, marks=[NO_COMPILER, pytest.mark.compiler])])
def test_reading_a_trace_leaves_it_as_it_is(device: Device) -> None:
    """On both sides: only spikes and the ends of epochs round what neurons hold."""
    chip = constrain(synapse_pair(stdp_pair, pairs=3), LOIHI, epoch=50 * ms, rounding="nearest")
    trains: Trains = [([5, 9], [1]), ([], [1]), ([1], [5, 9])]
    state = run(chip, trains, steps=12, device=device).state
    decayed = 32 * math.exp(-10 / 20)  # 31.75 is rounded at the spike at 1 ms
    assert state["post"]["y1"][:2] == pytest.approx([decayed, decayed], rel=1e-12)
    assert state["pre"]["x1"][2] == pytest.approx(decayed, rel=1e-12)


def test_a_printed_tag_is_not_called_a_time_step() -> None:
    chip = constrain(synapse_pair(RULES["stdp_reward"]), LOIHI, ranges={"dopamine": 1})
    assert "\ndtag = -0.15*x0*y1" in str(chip.sums["synapse"])
    assert "\ndtag = " in str(chip.integers["synapse"])
    assert "\ndt = " not in str(chip)


def test_ages_come_along_and_back() -> None:
    weights = 0.3 * np.random.default_rng(0).random((64, 4))
    circuit = soft_wta(weights, rule=softhebb_annealed, lifetime=50).with_state("output", age=[0, 0.25, 0.5, 1])
    chip = constrain(circuit, LOIHI, ranges={"u": 16}, epoch=10 * ms, w_max=0.5)
    assert chip.circuit.populations["output"].state["y1"].tolist() == [0, 32, 64, 127]
    plan = presentations(load("digits", "train")[:5], duration=50 * ms)
    recording = simulate(chip.circuit, plan, seed=1, record=["output", "output.spiked"])
    flags = recording.traces["output.spiked"]  # at the first step of an epoch only those that have just fired
    firing = np.zeros(flags.shape)
    firing[np.round(np.asarray(recording.spikes["output"].t / ms)).astype(int), recording.spikes["output"].i] = 1
    assert (flags[::10] == firing[::10]).all()
    assert flags[9::10].sum() > flags[::10].sum()
    held = recording.weights["feedforward"]
    assert (held == np.round(held)).all()
    assert held.min() >= 0
    assert held.max() <= 255
    age = chip.trace(recording, "feedforward", "age")
    assert age[3] == 1
    assert (age >= np.array([0, 32, 64, 127]) / 127).all()
    with pytest.raises(ValueError, match="keeps no trace 'u'"):
        chip.trace(recording, "feedforward", "u")


def test_what_a_chip_is_told_is_printed() -> None:
    said = str(constrain(soft_wta(np.ones((3, 2)), rule=softhebb_annealed), LOIHI, ranges={"u": 16}, w_max=0.5))
    assert "dw = -0.005*y0*x1*(y1 - 1.008) + 0.005*y0*(y1 - 1.008)*y2*w" in said
    assert "(y1 - 128)*y2*w" in said


def test_what_few_bits_do_to_a_factor_is_told() -> None:
    integers = constrain(synapse_pair(stdp_pair), LOIHI).integers["synapse"]
    wanted = [0.00525 * 4 / 127 * 255, 0.005 * 4 / 127 * 255]
    assert integers.errors == pytest.approx([5 / 128 / factor - 1 for factor in wanted])
    assert "the worst is -7.4 % off" in str(integers)
    assert "off" not in str(constrain(synapse_pair(stdp_pair), GENERIC))


def test_a_constant_without_room_becomes_a_product_of_its_own() -> None:
    rule = RULES["triplet_vc_full"].with_parameters(w_max=1.0)
    assert "(x2 + 30.43)" in str(constrain(synapse_pair(rule), GENERIC).sums["synapse"])
    chip = constrain(synapse_pair(rule), LOIHI)
    assert "(x2" not in str(chip.integers["synapse"])
    assert len(chip.integers["synapse"].dw) == 3


DEAF = GENERIC.with_limits(learns=False)
POOR = GENERIC.with_limits(traces_post=0)
UNSIGNED = GENERIC.with_limits(weight_bits=8, weight_signs="unsigned")


@pytest.mark.parametrize(
    ("circuit", "target", "options", "message"),
    [
        (synapse_pair(stdp_pair).frozen(), LOIHI, {}, "has no learning rule to constrain"),
        (synapse_pair(stdp_pair), DEAF, {}, "does not learn on the chip"),
        (synapse_pair(stdp_pair), POOR, {}, "reads 1 postsynaptic traces \\(y1\\), and generic has 0"),
        (synapse_pair(find("nessler")), LOIHI, {}, "replace exp\\(-w\\) by 1 - w"),
        (synapse_pair(stdp_pair), LOIHI, {"epoch": 0 * ms}, "epoch must be a time above 0"),
        (synapse_pair(stdp_pair), LOIHI, {"epoch": 3}, "epoch must be a time above 0"),
        (synapse_pair(stdp_pair), LOIHI, {"rounding": "up"}, "rounding must be nearest or stochastic, got 'up'"),
        (synapse_pair(stdp_pair), LOIHI, {"spikes": 0}, "spikes must be at least 1"),
        (synapse_pair(stdp_pair), LOIHI, {"w_max": 0}, "the largest weight must be above 0"),
        (synapse_pair(stdp_pair), LOIHI, {"ranges": {"z": 1}}, "has no trace 'z' \\(x1, y1\\)"),
        (synapse_pair(stdp_pair), LOIHI, {"ranges": {"x1": -1}}, "x1 must be a finite number above 0"),
        (soft_wta(np.ones((3, 2)), rule=softhebb_annealed), LOIHI, {}, "give ranges={'u': ...}"),
        (
            soft_wta(-np.ones((3, 2)), rule=softhebb_annealed),
            UNSIGNED,
            {"ranges": {"u": 1}},
            "6 weights are negative, but generic has unsigned ones",
        ),
    ],
)
def test_bad_input_is_one_sentence(circuit: Circuit, target: Target, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        constrain(circuit, target, **options)


def test_an_epoch_off_the_time_grid_is_refused() -> None:
    chip = constrain(synapse_pair(stdp_pair), LOIHI, epoch=1.5 * ms)
    with pytest.raises(ValueError, match=r"an epoch of 1\.5 ms is no whole number of time steps"):
        run(chip, [([1], [2])])


def test_epochs_need_a_parameter_that_is_a_time() -> None:
    good: dict[str, Any] = {"name": "mine", "summary": "", "reference": "", "on_pre": "w += 0", "update": "w = w"}
    assert PlasticityRule(**good, parameters={"T": 1 * second}, epoch="T").epoch == "T"
    with pytest.raises(ValueError, match="its epoch 'T' must be a parameter that is a time"):
        PlasticityRule(**good, parameters={"T": 1}, epoch="T")
    with pytest.raises(ValueError, match=r"T must be finite and above 0, got 0 s"):
        PlasticityRule(**good, parameters={"T": 0 * second}, epoch="T")
    with pytest.raises(ValueError, match="but has no epoch"):
        PlasticityRule(**good, parameters={}, pre="x : 1", pre_epoch="x = 0")


def test_an_exported_rule_keeps_its_epochs() -> None:
    rule = (
        constrain(soft_wta(np.ones((3, 2)), rule=softhebb_annealed), LOIHI, ranges={"u": 16})
        .integers["feedforward"]
        .rule
    )
    said = rule_text(rule)
    assert said["update_if"] == "spiked > 0"
    assert said["epoch"] == "epoch"
    assert "spiked = 0" in said["post_epoch"]


# What of a rule says nothing on a chip: it has its own ties, and its traces decay exactly whatever the method.
SILENT = {"ties", "roles", "method", "trace_method"}
OTHERWISE: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "summary": {"summary": "other"},
    "reference": {"reference": "other"},
    "cites": {"cites": cite("oja1982")},
    "parameters": {"parameters": {**stdp_pair.parameters, "A_plus": 0.01}},
    "pre": {"pre": "dx1/dt = -x1/(2*tau_plus) : 1"},
    "pre_spike": {"pre_spike": "x1 = 1"},
    "post": {"post": "dy1/dt = -y1/(2*tau_minus) : 1"},
    "post_spike": {"post_spike": "y1 = 1"},
    "synapse": {"synapse": "w : 1\nz : 1"},
    "on_pre": {"on_pre": "w = clip(w - 2*A_minus*y1_post, w_min, w_max)"},
    "on_post": {"on_post": "w = clip(w + 2*A_plus*x1_pre, w_min, w_max)"},
    "update": {"update": "w = clip(w, 0.2, w_max)"},
    "needs_post": {"needs_post": "q : 1"},
    "keeps": {"keeps": ("x1",)},
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "update_if": ({"epoch": "tau_plus", "update_if": "y1 > 0"}, "it has learning epochs of its own"),
    "epoch": ({"epoch": "tau_plus"}, "it has learning epochs of its own"),
    "pre_epoch": ({"epoch": "tau_plus", "pre_epoch": "x1 *= 0.5"}, "it has learning epochs of its own"),
    "post_epoch": ({"epoch": "tau_plus", "post_epoch": "y1 *= 0.5"}, "it has learning epochs of its own"),
    "onset": ({"onset": ("w *= 0.5",)}, "needs all weights of a neuron"),
    "needs_pre": ({"needs_pre": "q : 1"}, "it reads 'q' of the presynaptic neuron"),
    "lag": ({"lag": "tau_plus"}, "it learns tau_plus after a spike arrives, and a chip at once; set tau_plus to 0"),
}


def constrained(**changes: Any) -> dict[str, Any]:
    """Return what runs on a chip without limits for a rule that differs from stdp_pair."""
    rule = dataclasses.replace(stdp_pair, **changes)
    neuron = NeuronModel(name="any", summary="s", equations="q : 1", threshold="q > 1")
    side = Population(model=neuron, size=1)
    projection = Projection(pre="pre", post="post", weights=np.full((1, 1), 0.5), rule=rule)
    circuit = Circuit(name="any", populations={"pre": side, "post": side}, projections={"synapse": projection})
    made = constrain(circuit, GENERIC).integers["synapse"]
    assert made.rule.keeps == tuple(changes.get("keeps", ()))
    return {**vars(made.rule), "parameters": dict(made.rule.parameters), "roles": {}, "weights": made.weights}


def test_every_field_of_a_rule_reaches_the_chip_or_is_refused_by_name() -> None:
    fields = {field.name for field in dataclasses.fields(PlasticityRule)}
    assert fields == SILENT | OTHERWISE.keys() | REFUSED.keys(), "say what becomes of a new field on a chip"
    plain = constrained()
    for field, changes in OTHERWISE.items():
        assert constrained(**changes) != plain, field
    for field, (refused, why) in REFUSED.items():
        with pytest.raises(ValueError, match=re.escape(why)):
            constrained(**refused)
        assert field in refused
    assert constrained(lag="D", parameters={**stdp_pair.parameters, "D": 0 * ms}) == plain
