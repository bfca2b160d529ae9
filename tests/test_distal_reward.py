"""Izhikevich's network (2007): what is rewarded, when, and what the rewarded synapse then does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikehebb.circuits import distal_reward
from spikehebb.core import Circuit, Population, Projection, Protocol
from spikehebb.encoders import spike_rows, spike_source
from spikehebb.neurons import dopamine_pool, pair_judge
from spikehebb.rules import stdp_reward_epochs
from spikehebb.simulation import simulate
from tests.oracles.continuous import CONTINUOUS_ORACLES


def test_a_pair_within_20_ms_is_rewarded_between_1_and_3_s_later_and_nothing_else_is() -> None:
    """Rewarded are 5, 19 and, while two rewards wait, 1 ms; not 20 ms, the other order, coincidence, one alone."""
    first = [10, 100, 200, 320, 400, 500, 650]
    then = [15, 119, 220, 310, 400, 501, 600]
    judge = pair_judge.with_parameters(least=1 * second, most=3 * second, slots=3.0)
    circuit = Circuit(
        name="judged",
        populations={
            "pair": Population(model=spike_source, size=2),
            "judge": Population(model=judge, size=3),
            "pool": Population(model=dopamine_pool, size=1),
        },
        projections={
            "watch": Projection(pre="pair", post="judge", weights=np.array([[1.0] * 3, [2.0] * 3])),
            "reward": Projection(pre="judge", post="pool", weights=np.full((3, 1), 0.5)),
        },
    )
    plan = Protocol(stimuli={"pair": spike_rows([first * ms, then * ms])}, duration=3.6 * second)
    done = simulate(circuit, plan, dt=1 * ms, seed=3, record=["judge", "pool.dopamine"])
    at = {int(i): float(t / ms) for i, t in zip(done.spikes["judge"].i, done.spikes["judge"].t, strict=True)}
    assert sorted(at) == [0, 1, 2], "each pair has its own slot"
    assert all(1000 <= at[slot] - then[pair] <= 3002 for slot, pair in ((0, 0), (1, 1), (2, 5)))
    assert np.ptp([at[0] - then[0], at[1] - then[1], at[2] - then[5]]) > 50, "the delay is drawn anew"
    steps = np.arange(3600)
    expected = sum(0.5 * np.exp(-(steps - t) / 200) * (steps >= t) for t in at.values())
    np.testing.assert_allclose(done.traces["pool.dopamine"][:, 0], expected, atol=1e-9)


@pytest.mark.long
def test_the_rewarded_synapse_follows_from_the_recorded_spikes() -> None:
    """More noise than published, so that a small network fires enough in a few seconds."""
    rule = stdp_reward_epochs.with_parameters(gain=10 * Hz)
    small = {"excitatory": 30, "inhibitory": 8, "synapses": 5}
    circuit = distal_reward(rng=np.random.default_rng(1), **small, rule=rule, least=50 * ms, most=150 * ms)
    lively = {
        name: dataclasses.replace(each, model=each.model.with_parameters(noise=40.0))
        for name, each in circuit.populations.items()
        if name in ("excitatory", "inhibitory")
    }
    weights = np.array(circuit.projections["recurrent"].weights)
    weights[0, 1] = 2.0  # away from both bounds
    circuit = dataclasses.replace(circuit, populations={**circuit.populations, **lively}).with_weights(
        recurrent=weights
    )
    plan = Protocol(stimuli={}, duration=4 * second)
    done = simulate(circuit, plan, dt=1 * ms, seed=2, record=["excitatory", "judge"])
    spikes = done.spikes["excitatory"]
    pre, post = (np.asarray(spikes.t[spikes.i == neuron] / second) for neuron in (0, 1))
    reward = np.asarray(done.spikes["judge"].t / second)
    pairs = sum(any(0 < t - s < 0.0195 for s in pre) for t in post)
    assert len(reward) > 3
    assert pairs - 6 <= len(reward) <= pairs, "those of the last 150 ms are not due yet"
    oracle = CONTINUOUS_ORACLES["stdp_reward_epochs"]
    w = oracle(pre, post, 2.0, rule.parameters, duration=4, dt=1e-3, reward=reward)
    assert 0.05 < abs(w - 2) < 2
    assert done.weights["recurrent"][0, 1] == pytest.approx(w, rel=1e-9)
    assert np.all(done.weights["inhibit"][circuit.projections["inhibit"].connected] == -1)


def test_every_neuron_has_its_synapses_and_inhibition_reaches_excitatory_neurons_only() -> None:
    circuit = distal_reward(rng=np.random.default_rng(5), excitatory=40, inhibitory=10, synapses=12)
    masks = {name: circuit.projections[name].connected for name in ("recurrent", "excite", "inhibit")}
    counts = {name: each.sum(axis=1) for name, each in masks.items() if each is not None}
    assert np.all(counts["recurrent"] + counts["excite"] == 12)
    assert np.all(counts["inhibit"] == 12)
    weights, connected = circuit.projections["recurrent"].weights, masks["recurrent"]
    assert weights is not None
    assert connected is not None
    assert connected[0, 1]
    assert not connected.diagonal().any()
    assert weights[0, 1] == 0
    assert weights.sum() == connected.sum() - 1


def test_a_network_of_distal_reward_refuses_in_a_sentence() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="30 synapses of each neuron need more than 30 excitatory neurons, got 20"):
        distal_reward(rng=rng, excitatory=20, synapses=30)
    with pytest.raises(ValueError, match="inhibitory must be a whole number from 1 on, got 0"):
        distal_reward(rng=rng, inhibitory=0)
