"""Units of rate networks, and readouts."""

from __future__ import annotations

import dataclasses

from brian2 import ms

from spikehebb.core import NeuronModel

linear_unit = NeuronModel(name="linear_unit", summary="Rate unit y = w.x", equations="y : 1")

competing_unit = NeuronModel(
    name="competing_unit",
    summary="Rate unit with activity y = exp(u/temperature - I), a softmax where I is the logarithm of the sum",
    equations="""
        u : 1
        I : 1
        rank : 1
        y = exp(u/temperature - I) : 1
    """,
    parameters={"temperature": 1.0},
    roles={"temperature": "scale"},
)

rewarded_unit = NeuronModel(
    name="rewarded_unit",
    summary="Noisy rate unit y = z + noise with a target, as presented, and the reward R",
    equations="""
        z : 1
        noise : 1
        target : 1
        R : 1
        y = z + noise : 1
    """,
    onset="target = stimulus(t, i); noise = sigma*randn()",
    parameters={"sigma": 0.05},
    roles={"sigma": "factor"},
)

critic = NeuronModel(name="critic", summary="Unit that holds the reward R", equations="R : 1")

delayed_unit = NeuronModel(
    name="delayed_unit",
    summary="Noisy rate unit y = z + noise with a target, as presented, that is told its success later",
    equations="""
        z : 1
        noise : 1
        target : 1
        success : 1
        y = z + noise : 1
    """,
    onset="target = stimulus(t, i); noise = sigma*randn()",
    parameters={"sigma": 0.2},
    roles={"sigma": "factor"},
)

delayed_critic = NeuronModel(
    name="delayed_critic",
    summary="Unit that judges the first step of a presentation and tells t_reward later by how much it was better than "
    "expected",
    equations="""
        R : 1
        held : 1
        expected : 1
        success : 1
        began : second
    """,
    onset="began = t",
    update="""
        now = int(abs(t - began - t_reward) < dt/2)
        held += (R - held)*int(t - began < dt/2)
        success = now*(held - baseline*expected)
        expected += now*share*(held - expected)
    """,
    parameters={"t_reward": 6 * ms, "baseline": 1.0, "share": 0.05},
    roles={"baseline": "factor", "share": "factor"},
    reference="Fremaux and Gerstner, Frontiers in Neural Circuits 9:85, 2016 (reward minus expected reward)",
)

largest_count = NeuronModel(
    name="largest_count",
    summary="Maximum over inputs, in spikes: it fires whenever one of them has fired more often than itself",
    equations="""
        best : 1
        sent : 1
    """,
    threshold="best >= sent + 1",
    reset="sent += 1",
    receive="best_post = clip(best_post, w*(sent_pre + 1), inf)",
    needs_pre="sent : 1",
    onset="best = 0; sent = 0",
)

mean_count = NeuronModel(
    name="mean_count",
    summary="Mean over inputs, in spikes: integrate-and-fire, reset by subtraction",
    equations="""
        u : 1
        sent : 1
    """,
    threshold="u + phase >= sent + 1",
    reset="sent += 1",
    receive="u_post += w",
    onset="u = 0; sent = 0",
    parameters={"phase": 0.5},
)

linear_readout = NeuronModel(
    name="linear_readout",
    summary="Readout that never spikes: it adds up its input, and the largest of a population is the answer",
    equations="u : 1",
    receive="u_post += w",
    onset="u = 0",
)

# They need a projection of the population onto itself that sums the rank, as in ``competing_rates``.
k_winners_unit = NeuronModel(
    name="k_winners_unit",
    summary="Rate unit of k-winners-take-all: y = 1 where fewer than k units have a larger u (rank < k), else 0",
    equations="""
        u : 1
        rank : 1
        y : 1
    """,
    update="y = int(rank < k)",
    parameters={"k": 1.0},
    roles={"k": "scale"},
    reference="Majani, Erlanson and Abu-Mostafa, Advances in Neural Information Processing Systems 1, 1988",
)

k_winners_graded_unit = dataclasses.replace(
    k_winners_unit,
    name="k_winners_graded_unit",
    summary="Rate unit of k-winners-take-all that keeps its size: y = u where rank < k, else 0",
    update="y = u*int(rank < k)",
    reference="Makhzani and Frey, k-sparse autoencoders, arXiv:1312.5663, 2013",
)

# It needs ``v_mean``, too, as in ``winner_rates``.
threshold_winners_unit = NeuronModel(
    name="threshold_winners_unit",
    summary="Rate unit with an adaptive threshold: y = 1 for k winners above it, out = max(v - mean, 0) for all",
    equations="""
        u : 1
        thr : 1
        rank : 1
        v_mean : 1
        y : 1
        out : 1
        v = u - thr : 1
    """,
    update="y = int(rank < k)*int(v > 0); out = clip(v - v_mean, 0, inf); thr = thr + rise*(y - goal)",
    parameters={"k": 1.0, "goal": 0.01, "rise": 0.0},
    roles={"k": "scale", "goal": "factor", "rise": "factor"},
    reference="Miconi 2021 (arXiv:2107.01729); out is the Triangle of Coates, Ng and Lee 2011",
)
