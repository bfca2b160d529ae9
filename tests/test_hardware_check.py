"""What keeps a circuit from a chip, and how many cores it takes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb.circuits import lif_wta, soft_wta, synapse_pair
from spikehebb.core import Circuit, Population, Projection
from spikehebb.encoders import poisson
from spikehebb.hardware import TARGETS, Limit, check, quantize, split
from spikehebb.hardware.placement import output_axons
from spikehebb.neurons import lif
from spikehebb.rules import RULES

GENERIC, LOIHI = TARGETS["generic"], TARGETS["loihi1"]


def layers(
    *sizes: int, inputs: int = 4, connected: Any = None, delay: float = 0.0, rule: Any = None, weight: float = 1.0
) -> Circuit:
    """Return a chain of populations, fully connected unless told otherwise."""
    populations = {"input": Population(model=poisson, size=inputs)}
    projections = {}
    pre = "input"
    for number, size in enumerate(sizes):
        name = f"layer{number}"
        populations[name] = Population(model=lif, size=size)
        projections[f"to{number}"] = Projection(
            pre=pre,
            post=name,
            weights=np.full((populations[pre].size, size), weight),
            connected=connected,
            delay=delay * ms,
            rule=rule,
        )
        pre = name
    return Circuit(name="layers", populations=populations, projections=projections)


def texts(circuit: Circuit, target: Any, **options: Any) -> list[str]:
    return [problem.text for problem in check(circuit, target, **options)]


def test_a_circuit_that_fits_has_no_problems() -> None:
    assert check(layers(3, 2), GENERIC) == ()
    assert check(quantize(lif_wta(np.random.default_rng(0).random((50, 10))), LOIHI).circuit, LOIHI) == ()


def test_soft_wta_does_not_run_on_loihi_and_every_reason_is_told() -> None:
    found = check(soft_wta(np.random.default_rng(0).random((6, 4))), LOIHI)
    assert all(problem.enforced for problem in found)
    told = "\n".join(map(str, found))
    assert "population output: loihi1 runs lif, lif_unit, but not escape_rate neurons; circuits.lif_wta" in told
    assert "population inhibition: loihi1 runs lif, lif_unit, but not log_sum_exp neurons" in told
    assert "projection excite: it sets Z of inhibition at every time step, but neurons of loihi1" in told
    assert "projection feedforward: its weights are not whole multiples, from 0 to 255, of one number" in told
    assert all(text.endswith(").") for text in told.splitlines())


@pytest.mark.parametrize(
    ("circuit", "limits", "expected"),
    [
        (
            layers(3, inputs=5),
            {"fan_in": 4},
            "population layer0: a neuron has 5 synapses, but generic allows 4 (fan_in).",
        ),
        (
            layers(3, inputs=5),
            {"fan_out": 2},
            "population input: a neuron sends to 3 synapses, but generic allows 2 (fan_out).",
        ),
        (
            layers(3, delay=7.0),
            {"delay_steps": 6},
            "projection to0: its delay is 7 time steps, but generic has at most 6 (delay_steps).",
        ),
        (
            layers(3),
            {"refractory_steps": 1},
            "population layer0: it rests for 2 time steps, but generic has at most 1 (refractory_steps).",
        ),
        (
            layers(3, 2),
            {"neurons_per_core": 2, "cores": 2},
            "the circuit takes 3 cores (2 for layer0 (neurons_per_core), 2 for layer1 (neurons_per_core)), but generic "
            "has 2 (cores).",
        ),
        (
            layers(1, inputs=9),
            {"weight_bits": 8, "synapse_bits_per_core": 64},
            "population layer0: neuron 0 alone needs 72 bits of synapse memory, and a core has 64 "
            "(synapse_bits_per_core).",
        ),
        (
            layers(1, inputs=9),
            {"input_axons": 8},
            "population layer0: neuron 0 alone has 9 presynaptic neurons, and a core at most 8 (input_axons).",
        ),
        (
            layers(2, 4),
            {"neurons_per_core": 2, "output_axons": 3},
            "a core sends to 4 pairs of a neuron and a core, but generic allows 3 (output_axons).",
        ),
        (
            layers(2, 6),
            {"neurons_per_core": 2, "destinations": 2},
            "a neuron sends to 3 cores, but generic allows 2 (destinations).",
        ),
        (
            layers(3, weight=-1.0),
            {"weight_signs": "unsigned"},
            "projection to0: 12 weights are negative, but generic has unsigned ones; move them into a projection from "
            "inhibitory neurons (weight_signs).",
        ),
        (
            layers(3, rule=RULES["stdp_pair"]),
            {"learns": False},
            "projection to0: stdp_pair changes its weights, but generic does not learn; freeze them (learns).",
        ),
        (
            layers(3, rule=RULES["diehl_cook"]),
            {"traces_post": 1},
            "projection to0: rule diehl_cook reads 2 postsynaptic variables (y1, y2), but generic has 1 traces there "
            "(traces_post).",
        ),
        (
            layers(3, rule=RULES["stdp_pair"]),
            {"traces_pre": 0},
            "projection to0: rule stdp_pair reads 1 presynaptic variables (x1), but generic has 0 traces there "
            "(traces_pre).",
        ),
    ],
)
def test_each_limit_has_its_sentence(circuit: Circuit, limits: dict[str, Any], expected: str) -> None:
    assert texts(circuit, GENERIC.with_limits(**limits)) == [expected]


@pytest.mark.parametrize(
    ("circuit", "limits"),
    [
        (layers(3, inputs=5), {"fan_in": 5, "fan_out": 3}),
        (layers(3, delay=6.0), {"delay_steps": 6, "refractory_steps": 2}),
        (layers(3, 2), {"neurons_per_core": 2, "cores": 3, "destinations": 2, "output_axons": 6}),
        (layers(1, inputs=9), {"weight_bits": 8, "synapse_bits_per_core": 72, "input_axons": 9}),
        (layers(3, rule=RULES["stdp_pair"]), {"learns": True, "traces_pre": 1, "traces_post": 1}),
        (layers(3, weight=-1.0), {"weight_signs": "per row", "weight_bits": 1}),
    ],
)
def test_at_the_limit_it_fits(circuit: Circuit, limits: dict[str, Any]) -> None:
    assert texts(circuit, GENERIC.with_limits(**limits)) == []


def test_delays_and_refractory_times_are_in_time_steps() -> None:
    limits = GENERIC.with_limits(delay_steps=6)
    assert texts(layers(3, delay=3.0), limits) == []
    assert texts(layers(3, delay=63.0), TARGETS["loihi2"].with_limits(weight_bits=None)) == []
    assert "64 time steps, but loihi2 has at most 63" in texts(layers(3, delay=64.0), TARGETS["loihi2"])[0]
    assert "its delay is 30 time steps" in texts(layers(3, delay=3.0), limits, dt=0.1 * ms)[0]


def test_unverified_numbers_are_told_but_not_enforced() -> None:
    learning = check(layers(3, rule=RULES["stdp_pair"]), TARGETS["dynapse2"])
    problem = next(p for p in learning if p.limit == "learns")
    assert not problem.enforced
    assert problem.text.endswith("(learns); unverified number.")
    own = GENERIC.with_limits(fan_in=Limit(value=3, source="a rumour", verified=False))
    assert [(p.limit, p.enforced) for p in check(layers(2), own)] == [("fan_in", False)]


def test_a_neuron_of_brainscales_has_256_synapses() -> None:
    target = TARGETS["brainscales2"]
    wide = check(quantize(layers(2, inputs=300), target).circuit, target)
    assert [(p.limit, p.enforced) for p in wide] == [("fan_in", True)]
    assert check(quantize(layers(2, inputs=256), target).circuit, target) == ()


def test_mixed_signs_need_a_sign_per_synapse() -> None:
    circuit = Circuit(
        name="mixed",
        populations={"input": Population(model=poisson, size=2), "output": Population(model=lif, size=2)},
        projections={"to": Projection(pre="input", post="output", weights=np.array([[1.0, -1.0], [1.0, 1.0]]))},
    )
    for signs in ("per row", "per presynaptic neuron"):
        told = texts(circuit, GENERIC.with_limits(weight_signs=signs))
        assert len(told) == 1
        assert f"1 of 2 presynaptic neurons have weights of both signs, but generic has one sign {signs}" in told[0]
    assert texts(circuit, GENERIC.with_limits(weight_signs="per synapse")) == []


def test_weights_on_too_many_levels_do_not_fit() -> None:
    circuit = quantize(lif_wta(np.random.default_rng(0).random((20, 5))), GENERIC.with_limits(weight_bits=6)).circuit
    assert texts(circuit, GENERIC.with_limits(weight_bits=6)) == []
    assert len(texts(circuit, GENERIC.with_limits(weight_bits=5))) == 1


def test_rules_that_are_no_sum_of_products_are_named_on_loihi() -> None:
    told = texts(synapse_pair(RULES["nessler"]), LOIHI)
    assert any(text.startswith("projection") and "nessler" in text and "(sum_of_products)" in text for text in told)
    limits = [p.limit for p in check(layers(3, rule=RULES["stdp_pair"]), LOIHI)]
    assert "sum_of_products" not in limits


def test_a_tag_is_one_variable_of_the_synapse() -> None:
    one = RULES["stdp_nearest_pre_centred"]
    assert texts(layers(3, rule=one), GENERIC.with_limits(tag_bits=9)) == []
    rule = dataclasses.replace(one, synapse=f"{one.synapse}\nelig : 1")
    told = texts(layers(3, rule=rule), GENERIC.with_limits(tag_bits=9))
    assert len(told) == 1
    assert "rule stdp_nearest_pre_centred keeps paired, elig in every synapse" in told[0]
    assert "one variable there besides the weight (tag_bits)." in told[0]


def test_cores_by_hand() -> None:
    # 3 + 2 neurons on cores of 2: layer1 begins on the second core, which layer0 leaves half empty
    found = split(layers(3, 2), GENERIC.with_limits(neurons_per_core=2))
    assert found.cores == 3
    assert found.core_of["layer0"].tolist() == [0, 0, 1]
    assert found.core_of["layer1"].tolist() == [1, 2]
    assert [(s.population, s.neurons, s.cores, s.reason) for s in found.shares] == [
        ("layer0", 3, 2, "neurons_per_core"),
        ("layer1", 2, 2, "neurons_per_core"),
    ]
    assert output_axons(layers(3, 2), found) == (4, 2)  # each neuron of the first core sends to two cores


def test_cores_by_synapse_memory() -> None:
    # 4 inputs of 8 bits are 32 bits a neuron: 3 neurons on 100 bits, one with 8 bits of overhead a synapse
    by_memory = split(layers(7), GENERIC.with_limits(weight_bits=8, synapse_bits_per_core=100))
    assert (by_memory.cores, by_memory.shares[0].reason) == (3, "synapse_bits_per_core")
    with_overhead = GENERIC.with_limits(weight_bits=8, synapse_bits_per_core=100, synapse_overhead_bits=8)
    assert split(layers(7), with_overhead).cores == 7


def test_cores_by_axons_count_shared_inputs_once() -> None:
    # neuron j hears inputs j and j + 1: five axons serve four neurons
    chain = np.zeros((9, 8), bool)
    for neuron in range(8):
        chain[neuron : neuron + 2, neuron] = True
    found = split(layers(8, inputs=9, connected=chain), GENERIC.with_limits(input_axons=5))
    assert found.core_of["layer0"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert found.shares[0].reason == "input_axons"


def test_cores_by_fan_in() -> None:
    # 9 synapses on neurons of 4 take 3 neurons each: two fit on a core of 7
    found = split(layers(5, inputs=9), GENERIC.with_limits(fan_in=4, neurons_per_core=7))
    assert (found.cores, found.shares[0].reason) == (3, "fan_in")
    huge = split(layers(1, inputs=9), GENERIC.with_limits(fan_in=1, neurons_per_core=7))
    assert huge.too_large["fan_in"] == "population layer0: neuron 0 alone would have to be 9 neurons, and a core has 7"


def test_without_limits_everything_is_on_one_core() -> None:
    assert split(layers(3, 2), GENERIC).cores == 1
    alone = Circuit(name="inputs", populations={"input": Population(model=poisson, size=3)}, projections={})
    assert split(alone, LOIHI).cores == 0


def test_a_convolutional_fan_in_does_not_fit_on_dynapse() -> None:
    # 75 synapses are the first layer of the CIFAR-10 network
    told = check(quantize(layers(10, inputs=75), TARGETS["dynapse2"]).circuit, TARGETS["dynapse2"])
    assert [p.limit for p in told] == ["fan_in"]
