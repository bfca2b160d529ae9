"""Footprint, sparsity, operations and energy: against counts by hand and against a loop over every spike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from brian2 import ms
from scipy import sparse

from spikehebb import metrics
from spikehebb.circuits import lif_wta, linear_rates, soft_wta, synapse_pair
from spikehebb.core import Circuit, Population, Projection, Protocol, Recording
from spikehebb.encoders import poisson, spike_source
from spikehebb.metrics import Cost, Costs, count_work, energy, estimate_energy
from spikehebb.neurons import lif
from spikehebb.protocols import pairing
from spikehebb.rules import RULES
from spikehebb.simulation import simulate


def sparse_circuit(rng: np.random.Generator, rule: Any = None) -> Circuit:
    """Return 6 inputs and 5 neurons with a third of the pairs connected, some weights 0, and lateral inhibition."""
    weights = rng.uniform(5, 30, (6, 5)) * (rng.random((6, 5)) < 0.8)
    others = -2.0 * (1 - np.eye(5))
    return Circuit(
        name="sparse",
        populations={"input": Population(model=poisson, size=6), "output": Population(model=lif, size=5)},
        projections={
            "forward": Projection(
                pre="input", post="output", weights=weights, connected=rng.random((6, 5)) < 0.6, rule=rule
            ),
            "lateral": Projection(pre="output", post="output", weights=others),
        },
    )


def run(circuit: Circuit, rng: np.random.Generator) -> Recording:
    stimuli = {"input": rng.random((4, 6)) * 0.3}
    protocol = Protocol(stimuli=stimuli, duration=80 * ms, presentation=20 * ms)
    return simulate(circuit, protocol, record=("input", "output"), seed=1)


def test_synaptic_operations_are_those_of_a_loop_over_spikes_and_synapses(rng: np.random.Generator) -> None:
    circuit = sparse_circuit(rng)
    recording = run(circuit, rng)
    work = count_work(circuit, recording, presentations=4)
    accumulations = 0
    for projection in circuit.projections.values():
        pre, post = circuit.populations[projection.pre], circuit.populations[projection.post]
        for neuron in recording.spikes[projection.pre].i:
            for target in range(post.size):
                there = projection.connected is None or projection.connected[neuron, target]
                assert projection.weights is not None
                if there and projection.weights[neuron, target] != 0:
                    accumulations += 1
        assert recording.counts[projection.pre].shape == (pre.size,)
    assert accumulations > 200
    assert work.effective_ac == accumulations
    assert work.effective_mac == 0
    assert work.dense == 80 * (6 * 5 + 5 * 5)
    assert work.neuron_updates == 80 * 5
    assert work.spikes == len(recording.spikes["output"])
    assert work.input_spikes == len(recording.spikes["input"])
    assert work.activation_sparsity == pytest.approx(1 - work.spikes / (80 * 5))
    assert sum(work.per_projection.values()) == accumulations
    single = work.per_presentation()
    assert single.effective_ac == accumulations / 4
    assert single.presentations == 1
    assert single.as_json()["plasticity"]["synapses"] == 0


@pytest.mark.long
def test_operations_of_learning_are_those_of_a_loop_over_spikes(rng: np.random.Generator) -> None:
    circuit = sparse_circuit(rng, RULES["stdp_pair"].with_parameters(w_max=30.0))
    recording = run(circuit, rng)
    done = count_work(circuit, recording).plasticity
    connected = circuit.projections["forward"].connected
    assert connected is not None
    on_pre = sum(int(connected[neuron].sum()) for neuron in recording.spikes["input"].i)
    on_post = sum(int(connected[:, neuron].sum()) for neuron in recording.spikes["output"].i)
    assert on_pre > 50
    assert on_post > 5
    assert (done.on_pre, done.on_post) == (on_pre, on_post)
    assert done.synapses == on_pre + on_post
    # a spike raises one trace on its side, and every trace decays at every step
    assert done.traces == len(recording.spikes["input"]) + len(recording.spikes["output"]) + 80 * (6 + 5)
    assert count_work(circuit.frozen(), recording).plasticity.synapses == 0


def test_pair_stdp_by_hand() -> None:
    recording = simulate(synapse_pair(RULES["stdp_pair"]), pairing([10] * ms), record=("pre", "post"))
    spikes = len(recording.spikes["pre"]), len(recording.spikes["post"])
    done = count_work(synapse_pair(RULES["stdp_pair"]), recording).plasticity
    assert (done.on_pre, done.on_post) == spikes


def test_rules_of_every_step_update_every_synapse_at_every_step() -> None:
    circuit = linear_rates(np.ones((3, 2)), rule=RULES["oja"])
    work = count_work(circuit, counts={}, steps=50)
    assert work.plasticity.every_step == 50 * 6
    assert work.plasticity.on_pre == work.plasticity.on_post == 0
    assert work.effective_mac == 50 * 6
    assert work.effective_ac == 0
    assert work.activation_sparsity == 1.0


def test_onset_statements_count_once_per_presentation() -> None:
    rule = RULES["normalization"]
    assert rule.onset
    circuit = soft_wta(np.ones((4, 3)), rule=rule)
    counts = {"input": np.zeros(4), "output": np.zeros(3)}
    assert count_work(circuit, counts=counts, steps=10, presentations=5).plasticity.onset == 5 * 12


def test_continuous_projections_multiply_at_every_step() -> None:
    circuit = soft_wta(np.ones((4, 3)), rule=None)
    work = count_work(circuit, counts={"input": [1, 0, 0, 2], "output": [1, 1, 0]}, steps=10)
    assert work.effective_ac == 3 * 3  # output spikes go nowhere but into the exact inhibition
    assert work.effective_mac == 10 * (3 + 3)
    assert work.neuron_updates == 10 * (3 + 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give a recording, or counts and at least 1 step"),
        ({"counts": {}, "steps": 0}, "at least 1 step"),
        ({"counts": {"input": [0]}, "steps": 1}, "there are no counts of population output"),
        (
            {"counts": {"input": [0], "output": [0, 0, 0]}, "steps": 1},
            r"output needs one count per neuron, shape \(2,\)",
        ),
    ],
)
def test_incomplete_counts_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_work(lif_wta([[1.0, 3.0]]), **given)


def test_footprint_by_hand() -> None:
    # 6 x 4 weights; u and I of 4 neurons and 4 ages, x1 of 6 inputs, Z and I of the inhibitory unit
    circuit = soft_wta(np.ones((6, 4)))
    footprint = metrics.footprint(circuit, weight_bits=8, state_bits=16)
    rule = circuit.projections["feedforward"].rule
    assert rule is not None
    assert footprint.weights == 24
    assert footprint.synapse_state == 0
    assert footprint.neuron_state == 2 * (4 * 2 + 4 + 6 + 2)
    assert footprint.parameters == 2 * (len(rule.parameters) + 3)
    assert footprint.total == footprint.weights + footprint.neuron_state + footprint.parameters
    assert metrics.footprint(circuit, weight_bits=4).weights == 12


def test_footprint_counts_what_else_lives_in_synapses() -> None:
    rule = RULES["stdp_nearest_pre_centred"]
    pair = synapse_pair(rule)
    assert metrics.footprint(pair).synapse_state == 4


@pytest.mark.parametrize("bits", [0, -1, 2.5, True])
def test_impossible_bits_are_refused(bits: Any) -> None:
    with pytest.raises(ValueError, match="footprint: weight_bits must be a whole number of at least 1"):
        metrics.footprint(lif_wta([[1.0, 3.0]]), weight_bits=bits)


def test_sparsity_and_degrees(rng: np.random.Generator) -> None:
    circuit = sparse_circuit(rng)
    forward = circuit.projections["forward"]
    assert forward.weights is not None
    there = (forward.weights != 0) & np.asarray(forward.connected)
    assert metrics.connection_sparsity(circuit) == pytest.approx(1 - (there.sum() + 20) / 55)
    degrees = metrics.degrees(circuit)
    assert degrees["output"]["in"].tolist() == (there.sum(axis=0) + 4).tolist()
    assert degrees["input"]["out"].tolist() == there.sum(axis=1).tolist()
    assert metrics.connection_sparsity(synapse_pair(RULES["stdp_pair"])) == 0
    alone = Circuit(name="alone", populations={"a": Population(model=spike_source, size=2)}, projections={})
    assert metrics.connection_sparsity(alone) == 0.0


def test_energy_by_hand() -> None:
    work = count_work(lif_wta([[1.0, 3.0]]), counts={"input": [5], "output": [2, 1]}, steps=10)
    loihi = estimate_energy(work, metrics.find_costs("loihi1"))
    assert loihi.joule == pytest.approx((13 * 23.6 + 20 * 81 + 3 * 1.7) * 1e-12)
    assert loihi.unpriced == ()
    assert loihi.as_json()["unverified"] == ["plasticity"]
    eight = estimate_energy(work, metrics.find_costs("int8_45nm"))
    assert eight.joule == pytest.approx((13 * 0.03 + 20 * (0.2 + 2 * 0.03)) * 1e-12)
    assert eight.unpriced == ("spike",)


def test_energy_says_what_it_has_no_price_for() -> None:
    circuit = soft_wta(np.ones((4, 3)))
    work = count_work(circuit, counts={"input": [1, 0, 0, 2], "output": [1, 1, 0]}, steps=10)
    estimate = estimate_energy(work, metrics.find_costs("loihi1"))
    assert estimate.unpriced == ("synaptic_mac", "trace")
    learning = next(item for item in estimate.items if item.operation == "plasticity")
    assert learning.number == 2 * 4
    assert learning.joule == pytest.approx(2 * 4 * 120e-12)
    assert not learning.verified


@pytest.mark.parametrize("table", metrics.TABLES.values(), ids=list(metrics.TABLES))
def test_every_cost_has_a_source(table: Costs) -> None:
    assert set(table.costs) <= set(energy.OPERATIONS)
    assert {"synaptic_ac", "neuron_update"} <= set(table.costs)
    assert all(len(cost.source) > 20 for cost in table.costs.values())


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"spikes": Cost(pj=1, source="x")}, "there is no operation 'spikes'. Did you mean 'spike'"),
        ({"spike": Cost(pj=-1, source="x")}, "spike must be a finite number of at least 0, got -1"),
        ({"spike": Cost(pj=math.nan, source="x")}, "got nan"),
        ({"spike": Cost(pj=math.inf, source="x")}, "got inf"),
        ({"spike": Cost(pj=1, source=" ")}, "spike needs a source"),
    ],
)
def test_impossible_costs_are_refused(costs: dict[str, Cost], message: str) -> None:
    with pytest.raises(ValueError, match="costs own: ") as error:
        Costs(name="own", summary="", costs=costs)
    assert message in str(error.value)


def test_unknown_tables_are_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no table of costs 'loihi'\. Did you mean 'loihi1'"):
        metrics.find_costs("loihi")


def test_task_scores_are_where_they_were() -> None:
    assert metrics.vote(sparse.csr_array(np.array([[0, 3]])), np.array([7, 4])).tolist() == [4]
    assert metrics.accuracy(np.array([1, 2]), np.array([1, 3])) == 0.5
