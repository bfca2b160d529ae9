"""Every rule for rates equals its oracle step by step, in its circuit and, where it has that form, on spikes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from brian2.units import get_dimensions
from numpy.typing import NDArray

from spikehebb import circuits, devices, neurons, protocols
from spikehebb import equations as text
from spikehebb.circuits.rates import layer
from spikehebb.core import Circuit, PlasticityRule, Population, Projection, Protocol, Recording
from spikehebb.devices import Device
from spikehebb.encoders import centred_source, poisson, rate_source
from spikehebb.equations import TIME
from spikehebb.rules import (
    RULES,
    combine,
    hebb,
    hebb_reward,
    normalization,
    on_spikes,
    reads_rates,
    softhebb_rate,
    stdp_pair,
)
from spikehebb.simulation import simulate
from tests.oracles.rates import (
    ONSET_ORACLES,
    RATE_ORACLES,
    Activity,
    Array,
    Values,
    base,
    below,
    competing,
    handed_down,
    linear,
    rewarded,
    supervised,
    told,
    trajectory,
)

DT, STEP = 1 * ms, 1e-3
STEPS, INPUTS, UNITS = 48, 5, 4
TEMPERATURE, SIGMA = 0.5, 0.3
TOLD = dataclasses.replace(
    neurons.rewarded_unit,
    name="told_unit",
    equations="z : 1\nnoise : 1\nsuccess : 1\ny = z + noise : 1",
    onset="success = stimulus(t, i); noise = sigma*randn()",
)
NEURONS = {  # of the circuits of rates, in order of what they have beyond the ones before
    "linear": (rate_source, neurons.linear_unit),
    "competing": (rate_source, neurons.competing_unit),
    "supervised": (centred_source, neurons.sigmoid_unit),
    "deep": (neurons.tanh_hidden, neurons.sigmoid_unit),
    "rewarded": (rate_source, neurons.rewarded_unit),
    "told": (rate_source, TOLD),
}


def group_of(rule: PlasticityRule) -> str:
    """Return the first circuit whose neurons have all that a rule reads."""
    for name, sides in NEURONS.items():
        needed = zip((rule.needs_pre, rule.needs_post), sides, strict=True)
        if all(text.variables(needs).keys() <= text.variables(model.equations).keys() for needs, model in needed):
            return name
    raise AssertionError(f"rule {rule.name} reads what the neurons of no circuit of rates have; add such a circuit.")


ON_LAYERS = [rule for rule in RULES.values() if "x" in text.variables(rule.needs_pre)]
TIED = [rule for rule in ON_LAYERS if "rank" in text.variables(rule.needs_post)]
LAYERS = [(group_of(rule), rule.name) for rule in ON_LAYERS] + [(group_of(rule), f"{rule.name}_tied") for rule in TIED]
EVERY_LAYER = pytest.mark.parametrize(("group", "name"), LAYERS, ids=[name for _, name in LAYERS])
ON_SPIKES = [rule for rule in RULES.values() if reads_rates(rule)]
AT_ONSETS = [rule for rule in RULES.values() if rule.name in ONSET_ORACLES]


def fast(name: str) -> PlasticityRule:
    """Return a rule that learns within 48 steps, so that everything matters."""
    rule = RULES[name.removesuffix("_tied")]
    quick = {TIME: 20 * ms, get_dimensions(Hz): 10 * Hz}
    dimensions = {parameter: get_dimensions(value) for parameter, value in rule.parameters.items()}
    changes = {parameter: quick[dimension] for parameter, dimension in dimensions.items() if dimension in quick}
    if name.endswith("_tied") and "k" in rule.parameters:
        changes["k"] = 3.0
    return rule.with_parameters(**changes)


def joined(parts: Mapping[str, Circuit]) -> Circuit:
    """Return independent circuits as one, so that one program runs them all."""
    populations: dict[str, Population] = {}
    projections: dict[str, Projection] = {}
    for part, circuit in parts.items():
        populations |= {f"{part}_{name}": population for name, population in circuit.populations.items()}
        for name, projection in circuit.projections.items():
            pre, post = f"{part}_{projection.pre}", f"{part}_{projection.post}"
            projections[f"{part}_{name}"] = dataclasses.replace(projection, pre=pre, post=post)
    return Circuit(name="joined", populations=populations, projections=projections)


class Layer:
    """One rule in its circuit: what is presented, and what its neurons hold in each step."""

    def __init__(self, group: str, name: str) -> None:
        rng = np.random.default_rng([ord(letter) for letter in name])
        self.group, self.rule = group, fast(name)
        self.w: Array = rng.uniform(0 if group == "linear" else -1, 0.5, (INPUTS, UNITS))
        self.rows: Array = rng.random((STEPS, INPUTS))
        self.targets: Array = rng.random((STEPS, UNITS))
        self.mu: Array = rng.random(INPUTS)
        self.target_mean: Array = rng.random(UNITS)
        self.first: Array = rng.uniform(-1, 1, (INPUTS, INPUTS))  # the layer below, of a deep network
        self.learns = "layer2" if group == "deep" else "feedforward"
        if name.endswith("_tied"):  # multiples of 1/8: units 0 and 1 have the same u, units 2 and 3, too
            self.w = rng.integers(-8, 9, (INPUTS, 2)).repeat(2, axis=1) / 8
            self.rows[0] = rng.integers(1, 9, INPUTS) / 8
        if group in ("supervised", "deep"):  # the last input is the bias
            self.rows[:, -1], self.mu[-1] = 1, 0

    def circuit(self) -> Circuit:
        if self.group == "linear":
            return circuits.linear_rates(self.w, rule=self.rule)
        if self.group == "competing":
            return circuits.competing_rates(self.w, rule=self.rule, temperature=TEMPERATURE)
        if self.group == "deep":
            return circuits.deep_rates([self.first, self.w], rule=self.rule, mu=self.mu)
        if self.group == "rewarded":
            return circuits.rewarded_rates(self.w, rule=self.rule, sigma=SIGMA)
        if self.group == "told":
            return layer("told", self.w, self.rule, TOLD.with_parameters(sigma=SIGMA), {"z": "w*x_pre"})
        circuit = circuits.supervised_rates(self.w, rule=self.rule, mu=self.mu)
        if "target_mean" in text.variables(self.rule.post):
            circuit = circuit.with_state("output", target_mean=self.target_mean)
        return circuit

    def stimuli(self) -> dict[str, Array]:
        targets = {"output": self.targets} if self.group in ("supervised", "deep", "rewarded", "told") else {}
        return {"input": self.rows, **targets}

    def activity(self, noise: Array | None, steps_each: int) -> Activity:
        """``x`` is there when the means take it in; ``y`` and ``R`` are then still those of the step before."""
        before: dict[str, Array] = {"y": np.zeros(UNITS), "R": np.zeros(1)}
        before |= dict.fromkeys(("product", "perturbed"), np.zeros((INPUTS, UNITS)))
        first, p = self.first.copy(), base(self.rule.parameters)

        def at_step(n: int, w: Array) -> tuple[Values, Values]:
            x, target = self.rows[n // steps_each], self.targets[n // steps_each]
            taken = {**before, "x": x}
            if self.group == "linear":
                now = linear(w, x)
            elif self.group == "competing":
                now = competing(w, x, TEMPERATURE)
            elif self.group == "supervised":
                now = {**supervised(w, x, self.mu, target), "target_mean": self.target_mean}
            elif self.group == "deep":
                now = supervised(w, below(first, x, self.mu), np.zeros(INPUTS), target)
                first[:] += STEP * handed_down(first, w, x - self.mu, now, self.rule.name, p)
            elif self.group == "told":
                assert noise is not None
                now = told(w, x, noise[n], target)
            else:
                assert noise is not None
                now = rewarded(w, x, noise[n], target)
            before.update({name: now[name] for name in before if name in now})
            return now, taken

        return at_step


@lru_cache
def layers(group: str) -> dict[str, Layer]:
    return {name: Layer(group, name) for own, name in LAYERS if own == group}


@lru_cache
def layers_run(group: str, device: Device, steps_each: int) -> Recording:
    """Return one run of all layers of a group; compiled programs record no weights, which halves their making."""
    parts = layers(group)
    record = [f"{name}_{layer.learns}.w" for name, layer in parts.items() if device is devices.NUMPY]
    record += [f"{name}_output.noise" for name in parts if group in ("rewarded", "told")]
    protocol = Protocol(
        stimuli={
            f"{name}_{population}": rows
            for name, layer in parts.items()
            for population, rows in layer.stimuli().items()
        },
        duration=STEPS * DT,
        presentation=steps_each * DT,
    )
    circuit = joined({name: layer.circuit() for name, layer in parts.items()})
    return simulate(circuit, protocol, device=device, dt=DT, seed=3, record=record)


def check_layer(group: str, name: str, device: Device, steps_each: int) -> None:
    layer, recording = layers(group)[name], layers_run(group, device, steps_each)
    noise = recording.traces.get(f"{name}_output.noise")
    activity = layer.activity(noise, steps_each)
    expected = trajectory(layer.rule.name, layer.w, activity, STEPS, layer.rule.parameters, STEP)
    steps = np.abs(np.diff(expected, axis=0, prepend=layer.w[None])).max(axis=(1, 2))
    assert steps[group == "told" :].min() > 1e-6, "nothing is learnt"  # without an eligibility in the first step
    np.testing.assert_allclose(recording.weights[f"{name}_{layer.learns}"], expected[-1], rtol=1e-9, atol=1e-12)
    if device is devices.NUMPY:
        trace = recording.traces[f"{name}_{layer.learns}.w"].reshape(expected.shape)
        np.testing.assert_allclose(trace, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.catalogue
@EVERY_LAYER
def test_each_step_of_a_layer_equals_the_oracle(group: str, name: str, device: Device) -> None:
    """Random input, anew in each step of dt."""
    check_layer(group, name, device, 1)


@EVERY_LAYER
def test_presentations_of_three_steps_equal_the_oracle(group: str, name: str) -> None:
    check_layer(group, name, devices.NUMPY, 3)


def test_a_rule_that_reads_what_no_circuit_has_fails_with_a_sentence() -> None:
    with pytest.raises(AssertionError, match="rule clopath reads what the neurons of no circuit of rates have"):
        group_of(RULES["clopath"])


def test_noise_is_drawn_anew_at_each_presentation_and_only_then(device: Device) -> None:
    for name in layers("rewarded"):
        every_step = layers_run("rewarded", device, 1).traces[f"{name}_output.noise"]
        assert len(np.unique(every_step)) == every_step.size
        assert np.std(every_step) == pytest.approx(SIGMA, rel=0.2)  # 192 numbers: 4 standard errors
    thirds = layers_run("rewarded", devices.NUMPY, 3).traces["node_perturbation_output.noise"]
    assert np.array_equal(thirds, np.repeat(thirds[::3], 3, axis=0))
    assert len(np.unique(thirds)) == thirds.size // 3


PAIRS, LONG, TAU_X, TAU_Y, UNIT_RATE = 3, 600, 0.02, 0.03, 40.0


def filtered(train: Array, steps: int, tau: float) -> Array:
    """Return what a rule reads in each step: a spike of step m has decayed since, and counts from step m + 1 on."""
    ago = np.arange(steps)[:, None] - np.round(train / STEP)
    heights = np.where(ago > 0, np.exp(-np.maximum(ago, 0) * STEP / tau), 0.0)
    return np.asarray(heights.sum(axis=1) / (tau * UNIT_RATE), float)


def on_trains(rule: PlasticityRule) -> PlasticityRule:
    return on_spikes(fast(rule.name), tau_x=TAU_X * second, tau_y=TAU_Y * second, unit_rate=UNIT_RATE * Hz)


@lru_cache
def trains() -> tuple[list[Array], list[Array]]:
    rng = np.random.default_rng(5)
    steps = np.arange(1.0, LONG)

    def side() -> list[Array]:
        return [np.sort(rng.choice(steps, 30, replace=False)) * STEP for _ in range(PAIRS)]

    return side(), side()


def replayed(device: Device) -> list[PlasticityRule]:
    """Return the rules that run on spikes on a device; compiled only those with variables, a minute for all of them."""
    return [rule for rule in ON_SPIKES if device is devices.NUMPY or rule.pre or rule.post]


@lru_cache
def pairs_run(device: Device) -> Recording:
    pre, post = trains()
    plan = protocols.spike_trains([t * second for t in pre], [t * second for t in post], duration=LONG * DT)
    rules = replayed(device)
    circuit = joined({rule.name: circuits.synapse_pair(on_trains(rule), pairs=PAIRS) for rule in rules})
    stimuli = {f"{rule.name}_{side}": rows for rule in rules for side, rows in plan.stimuli.items()}
    record = [f"{rule.name}_synapse.w" for rule in rules if device is devices.NUMPY]
    return simulate(circuit, Protocol(stimuli=stimuli, duration=plan.duration), device=device, dt=DT, record=record)


def pair_trace(rule: PlasticityRule, x: Array, y: Array, w: float, rise: tuple[float, float]) -> Array:
    """Return the trajectory of one weight; the means take in x and y of the step before, ``rise`` times those read."""

    def at_step(n: int, _: Array) -> tuple[Values, Values]:
        now = {"x": x[n : n + 1], "y": y[n : n + 1]}
        return now, {"x": now["x"] * rise[0], "y": now["y"] * rise[1]}

    return trajectory(rule.name, np.full((1, 1), w), at_step, len(x), fast(rule.name).parameters, STEP)[:, 0, 0]


def test_each_step_on_spikes_equals_the_oracle(device: Device) -> None:
    recording = pairs_run(device)
    for rule in replayed(device):
        for pair, (pre, post) in enumerate(zip(*trains(), strict=True)):
            x, y = filtered(pre, LONG, TAU_X), filtered(post, LONG, TAU_Y)
            expected = pair_trace(rule, x, y, 0.5, (np.exp(STEP / TAU_X), np.exp(STEP / TAU_Y)))
            final = recording.weights[f"{rule.name}_synapse"][pair, pair]
            assert np.ptp(expected) > 0.01, rule.name
            assert final == pytest.approx(expected[-1], rel=1e-9), rule.name
            if device is devices.NUMPY:
                trace = recording.traces[f"{rule.name}_synapse.w"][:, pair]
                np.testing.assert_allclose(trace, expected, rtol=1e-9, err_msg=rule.name)


PRESENTATION, TOTAL = 40, 6.0
NORMALIZED = {  # strong, so that every presentation changes the sum
    "diehl_cook": {"A_plus": 0.1, "A_minus": 0.02},
    "stdp_pair": {"A_plus": 0.1, "A_minus": 0.02},
    "triplet_hc_minimal": {"A2_plus": 0.1, "A3_plus": 0.1, "A2_minus": 0.02},
}


@lru_cache
def normalized_run(device: Device) -> tuple[Recording, NDArray[np.bool_]]:
    """20 Poisson inputs on 5 neurons, a quarter of the synapses left out, for some rules of STDP."""
    rng = np.random.default_rng(8)
    connected = rng.random((20, 5)) < 0.75
    weights, rows = rng.uniform(0.2, 0.6, (20, 5)), rng.random((6, 20))
    parts = {}
    for name, strong in NORMALIZED.items():
        both = combine(RULES[name].with_parameters(**strong, w_max=9.0), normalization).with_parameters(total=TOTAL)
        parts[name] = Circuit(
            name="normalized",
            populations={
                "input": Population(model=poisson.with_parameters(max_rate=200 * Hz), size=20),
                "output": Population(model=neurons.lif.with_parameters(jump=8 * mV), size=5),
            },
            projections={
                "feedforward": Projection(pre="input", post="output", weights=weights, rule=both, connected=connected)
            },
        )
    protocol = Protocol(
        stimuli={f"{name}_input": rows for name in parts},
        duration=6 * PRESENTATION * DT,
        presentation=PRESENTATION * DT,
    )
    record = [f"{name}_feedforward.w" for name in parts]
    return simulate(joined(parts), protocol, device=device, dt=DT, seed=4, record=record), connected


@pytest.mark.long
@pytest.mark.slow_on_cuda
@pytest.mark.parametrize("name", NORMALIZED)
def test_normalization_holds_at_every_onset(name: str, device: Device) -> None:
    recording, connected = normalized_run(device)
    assert recording.counts[f"{name}_output"].min() > 5
    weights = np.zeros((6 * PRESENTATION, 20, 5))
    weights[:, connected] = recording.traces[f"{name}_feedforward.w"]
    sums = weights.sum(axis=1)
    # traces are 0 at an onset, so that no spike of that very step changes a weight
    np.testing.assert_allclose(sums[::PRESENTATION], TOTAL, rtol=0, atol=1e-6)
    last = sums[PRESENTATION - 1 :: PRESENTATION]
    assert np.abs(last - TOTAL).min() > 1e-3, "every neuron learns in every presentation"
    for onset in range(PRESENTATION, 6 * PRESENTATION, PRESENTATION):
        before = weights[onset - 1]
        jump = ONSET_ORACLES["normalization"](before, {}, {"total": TOTAL})
        np.testing.assert_allclose(weights[onset], before + jump, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", AT_ONSETS, ids=lambda rule: rule.name)
def test_a_rule_acts_at_onsets_as_its_oracle_says(rule: PlasticityRule) -> None:
    """Before plain Hebb, so that it finds other weights at each of them."""
    both = combine(rule, fast("hebb"))
    rng = np.random.default_rng(10)
    w, rows = rng.random((4, 3)), rng.random((5, 4))
    protocol = Protocol(stimuli={"input": rows}, duration=5 * DT, presentation=DT)
    weights = simulate(circuits.linear_rates(w, rule=both), protocol, dt=DT).weights["feedforward"]
    for x in rows:
        change = ONSET_ORACLES[rule.name](w, {}, base(rule.parameters))
        assert np.abs(change).max() > 1e-6
        w = w + change
        w = w + STEP * RATE_ORACLES["hebb"](w, linear(w, x), {"eta": 10.0})
    np.testing.assert_allclose(weights, w, rtol=1e-9)


def test_combine_joins_a_rule_for_rates_with_normalization() -> None:
    """At each onset first the sum, then the step of the rule on the new weights."""
    both = combine(fast("oja"), normalization).with_parameters(total=2.0)
    rng = np.random.default_rng(9)
    w, rows = rng.random((4, 3)), rng.random((5, 4))
    protocol = Protocol(stimuli={"input": rows}, duration=5 * DT, presentation=DT)
    weights = simulate(circuits.linear_rates(w, rule=both), protocol, dt=DT).weights["feedforward"]
    for x in rows:
        w = w + ONSET_ORACLES["normalization"](w, {}, {"total": 2.0})
        w = w + STEP * RATE_ORACLES["oja"](w, linear(w, x), {"eta": 10.0})
    np.testing.assert_allclose(weights, w, rtol=1e-9)


@pytest.mark.parametrize("rule", [stdp_pair, hebb_reward, softhebb_rate, on_spikes(hebb), normalization])
def test_on_spikes_refuses_what_reads_anything_but_two_rates(rule: PlasticityRule) -> None:
    with pytest.raises(ValueError, match=f"rule {rule.name} does not read the rates x and y alone"):
        on_spikes(rule)


@pytest.mark.parametrize("name", ["softhebb_rate", "hebbian_descent", "node_perturbation"])
def test_a_lone_pair_refuses_rules_that_need_a_layer(name: str) -> None:
    assert not circuits.has_pair_form(RULES[name])
    with pytest.raises(ValueError, match=f"rule {name} reads .* which a lone pair of neurons"):
        circuits.synapse_pair(RULES[name])


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_competing_rates_refuse_a_temperature(temperature: float) -> None:
    with pytest.raises(ValueError, match="competing_rates: temperature must be above 0"):
        circuits.competing_rates(np.ones((2, 2)), rule=None, temperature=temperature)
