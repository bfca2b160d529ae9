"""Neuron models."""

from __future__ import annotations

import dataclasses
from typing import Any

from brian2 import Hz, inf, ms, mV, second

from spikehebb.catalogue import collected
from spikehebb.core import NeuronModel

lif = NeuronModel(
    name="lif",
    summary="Leaky integrate-and-fire; a spike through weight w moves the potential by w*jump at once",
    equations="dv/dt = (v_rest - v)/tau_m : volt (unless refractory)",
    threshold="v > v_threshold",
    reset="v = v_reset",
    refractory="t_ref",
    receive="v_post += w*jump_post",
    onset="v = v_rest",
    parameters={
        "tau_m": 20 * ms,
        "v_rest": -65 * mV,
        "v_reset": -65 * mV,
        "v_threshold": -50 * mV,
        "t_ref": 2 * ms,
        "jump": 1 * mV,
    },
    reference="Gerstner, Kistler, Naud and Paninski, Neuronal Dynamics, Cambridge University Press, 2014, ch. 1.3",
)

# Potentials in thresholds above the reset. An image starts at the reset, not at rest: a drive above the threshold would
# otherwise make every neuron fire at its onset. What arrives waits for the next step, because Brian2 resets after
# synapses: what arrives while a neuron fires would be lost.
lif_unit = dataclasses.replace(
    lif.with_parameters(v_rest=0 * mV, v_reset=0 * mV, v_threshold=1 * mV, t_ref=0 * ms, jump=1 * mV),
    name="lif_unit",
    summary="Leaky integrate-and-fire; a spike through weight w moves the potential by w*jump in the next time step",
    equations=f"{lif.equations}\narriving : 1",
    receive="arriving_post += w",
    update="v += arriving*jump; arriving = 0",
    onset="v = v_reset; arriving = 0",
)

escape_rate = NeuronModel(
    name="escape_rate",
    summary="Stochastic neuron: it fires at rate*exp(u/temperature - I), with u the filtered input and I inhibition",
    equations="""
        du/dt = -u/tau_m : 1
        I : 1
    """,
    # Below exp(-37) the probability is finer than rand() can resolve; compiled code then skips both functions.
    threshold="u/temperature - I > -37 and rand() < rate*dt*exp(u/temperature - I)",
    receive="u_post += w",
    onset="u = 0; I = 0",
    parameters={"tau_m": 20 * ms, "temperature": 1.0, "rate": 400 * Hz},
    roles={"temperature": "scale", "rate": "rate"},
    reference="Gerstner, Kistler, Naud and Paninski, Neuronal Dynamics, Cambridge University Press, 2014, ch. 9",
)

biased_escape_rate = dataclasses.replace(
    escape_rate,
    name="biased_escape_rate",
    summary="Stochastic neuron with a bias of its own: it fires at rate*exp(u/temperature + bias - I)",
    equations=f"{escape_rate.equations}\nbias : 1 (constant)",
    threshold="u/temperature + bias - I > -37 and rand() < rate*dt*exp(u/temperature + bias - I)",
)

homeostatic_escape_rate = dataclasses.replace(
    escape_rate,
    name="homeostatic_escape_rate",
    summary="Stochastic neuron whose excitability falls with every spike and rises in between: it fires at goal",
    equations=f"{escape_rate.equations}\nb : 1",
    update="b += step*goal*dt",
    threshold="u/temperature + b - I > -37 and rand() < rate*dt*exp(u/temperature + b - I)",
    reset="b -= step",
    parameters={**escape_rate.parameters, "step": 0.01, "goal": 4 * Hz},
    roles={**escape_rate.roles, "step": "factor", "goal": "rate"},
    frozen={"step": 0.0},
    reference="Habenschuss, Bill and Nessler, Advances in Neural Information Processing Systems 25, 2012 (homeostasis)",
)

log_sum_exp = NeuronModel(
    name="log_sum_exp",
    summary="Inhibitory unit that holds the logarithm of the summed drive, relative to what it fed back last",
    # Z is summed relative to I, so that exp never overflows: I changes little within one step.
    equations="""
        Z : 1
        I : 1
    """,
    onset="I = 0",
    update="I += log(Z)",
    reference="Nessler, Pfeiffer, Buesing and Maass, PLoS Comput. Biol. 9(4):e1003037, 2013",
)

lif_adaptive = NeuronModel(
    name="lif_adaptive",
    summary="Leaky integrate-and-fire whose threshold rises by theta_step with every spike and slowly decays",
    equations="""
        dv/dt = (v_rest - v)/tau_m : volt (unless refractory)
        dtheta/dt = -theta/tau_theta : volt
    """,
    threshold="v > v_threshold + theta",
    reset="v = v_reset; theta += theta_step",
    refractory="t_ref",
    receive="v_post += w*jump_post",
    onset="v = v_rest",
    parameters={**lif.parameters, "theta_step": 0.05 * mV, "tau_theta": 1e4 * second},
    roles={"tau_theta": "membrane time constant"},  # infinite without a leak
    frozen={"theta_step": 0 * mV, "tau_theta": inf * second},
    reference="Diehl and Cook, Front. Comput. Neurosci. 9:99, 2015 (theta_step, tau_theta)",
)

lif_competing = NeuronModel(
    name="lif_competing",
    summary="LIF that is driven by how far its input exceeds the mean of all; its threshold rises with every spike",
    # u is the filtered input and z what spikes have taken from the potential gain*(u - m) - z: its own and, through
    # negative weights, those of others. A reset that subtracts loses nothing that arrives while a neuron fires.
    equations="""
        du/dt = -u/tau_m : 1
        dz/dt = -z/tau_m : 1
        dtheta/dt = -theta/tau_theta : 1
        m : 1
    """,
    threshold="gain*(u - m) - z > 1 + theta",
    reset="z += 1; theta += theta_step",
    receive="u_post += clip(w, 0, inf); z_post += clip(-w, 0, inf)",
    onset="u = 0; z = 0; m = 0",
    parameters={"tau_m": 20 * ms, "gain": 1.0, "theta_step": 0.0, "tau_theta": 1e4 * second},
    roles={"gain": "factor", "theta_step": "factor", **lif_adaptive.roles},
    frozen={"theta_step": 0.0, "tau_theta": inf * second},
    reference="Gerstner, Kistler, Naud and Paninski, Neuronal Dynamics, Cambridge University Press, 2014, ch. 1.3",
)

conductance_adaptive = NeuronModel(
    name="conductance_adaptive",
    summary="LIF with conductances, whose threshold rises with every spike and slowly decays; negative weights inhibit",
    equations="""
        dv/dt = ((v_rest - v) + g_e*(E_e - v) + g_i*(E_i - v))/tau_m : volt (unless refractory)
        dg_e/dt = -g_e/tau_e : 1
        dg_i/dt = -g_i/tau_i : 1
        dtheta/dt = -theta/tau_theta : volt
    """,
    threshold="v > v_threshold + theta",
    reset="v = v_reset; theta += theta_step",
    refractory="t_ref",
    receive="g_e_post += clip(w, 0, inf); g_i_post += clip(-w, 0, inf)",
    onset="v = v_rest; g_e = 0; g_i = 0",
    method="euler",
    parameters={
        "tau_m": 100 * ms,
        "v_rest": -65 * mV,
        "v_reset": -65 * mV,
        "v_threshold": -72 * mV,  # 20 mV below -52 mV: theta begins at 20 mV
        "t_ref": 5 * ms,
        "E_e": 0 * mV,
        "E_i": -100 * mV,
        "tau_e": 1 * ms,
        "tau_i": 2 * ms,
        "theta_step": 0.05 * mV,
        "tau_theta": 1e4 * second,
    },
    roles=lif_adaptive.roles,
    frozen=lif_adaptive.frozen,
    reference="Diehl and Cook, Front. Comput. Neurosci. 9:99, 2015, constants of the authors' program",
)

conductance_inhibitory = NeuronModel(
    name="conductance_inhibitory",
    summary="LIF with conductances; negative weights inhibit",
    equations="\n".join(conductance_adaptive.equations.strip().splitlines()[:3]),
    threshold="v > v_threshold",
    reset="v = v_reset",
    refractory="t_ref",
    receive=conductance_adaptive.receive,
    onset=conductance_adaptive.onset,
    method="euler",
    parameters={
        "tau_m": 10 * ms,
        "v_rest": -60 * mV,
        "v_reset": -45 * mV,
        "v_threshold": -40 * mV,
        "t_ref": 2 * ms,
        "E_e": 0 * mV,
        "E_i": -85 * mV,
        "tau_e": 1 * ms,
        "tau_i": 2 * ms,
    },
    reference=conductance_adaptive.reference,
)

softmax_inhibition = NeuronModel(
    name="softmax_inhibition",
    summary="Inhibitory unit that holds the logarithm of the summed drive, relative to the largest, in every step anew",
    equations="""
        peak : 1
        Z : 1
        I : 1
    """,
    update="I = peak + log(Z)",
)

linear_unit = NeuronModel(name="linear_unit", summary="Rate unit y = w.x", equations="y : 1")

sigmoid_unit = NeuronModel(
    name="sigmoid_unit",
    summary="Rate unit h = 1/(1 + exp(-z)) with a target, as presented",
    equations="""
        z : 1
        target : 1
        h = 1/(1 + exp(-z)) : 1
    """,
    onset="target = stimulus(t, i)",
)

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

power_integrator = NeuronModel(
    name="power_integrator",
    summary="Integrate-and-fire with a power law: until now it has fired gain*elapsed*drive**exponent spikes",
    # The drive is the mean input since the onset, so that a spike too many, early on, is made up for later. With
    # exponent 1 this is the usual integrate-and-fire neuron that is reset by subtraction.
    equations="""
        u : 1
        sent : 1
        m : 1
        m_rectified : 1
        began : second
        elapsed = t - began - latency : second
        raw = u/(input_rate*clip(elapsed, dt, listen)) + bias : 1
        drive = raw - m - m_rectified : 1
    """,
    threshold="elapsed > wait + dt/2 and drive > 0 and gain*(elapsed - wait)*drive**exponent + phase >= sent + 1",
    reset="sent += 1",
    receive="u_post += w",
    onset="u = 0; sent = 0; m = 0; m_rectified = 0; began = t",
    parameters={
        "input_rate": 1000 * Hz,
        "gain": 1000 * Hz,
        "exponent": 1.0,
        "bias": 0.0,
        "phase": 0.5,
        "latency": 0 * ms,
        "listen": inf * second,
        "wait": 0 * ms,
    },
    roles={"input_rate": "scale", "listen": "limit"},
    reference="Rueckauer, Lungu, Hu, Pfeiffer and Liu, Front. Neurosci. 11:682, 2017 (reset by subtraction)",
)

power_rate = NeuronModel(
    name="power_rate",
    summary="Stochastic neuron with a power law: it fires at gain*drive**exponent; drive is the mean input since onset",
    equations=power_integrator.equations,
    threshold="elapsed > wait + dt/2 and drive > 0 and rand() < gain*dt*drive**exponent",
    reset="sent += 1",
    receive="u_post += w",
    onset=power_integrator.onset,
    parameters={name: value for name, value in power_integrator.parameters.items() if name != "phase"},
    roles=power_integrator.roles,
)

escape_mean = NeuronModel(
    name="escape_mean",
    summary="Stochastic neuron: it fires at rate*exp(drive*sharpness - I), with drive the mean input since onset",
    equations="""
        u : 1
        I : 1
        sent : 1
        began : second
        elapsed = t - began - latency : second
        drive = u/(input_rate*clip(elapsed, dt, inf*second)) + bias : 1
    """,
    threshold="elapsed > settle + dt/2 and drive*sharpness - I > -37 and rand() < rate*dt*exp(drive*sharpness - I)",
    reset="sent += 1",
    receive="u_post += w",
    onset="u = 0; sent = 0; I = 0; began = t",
    parameters={
        "input_rate": 1000 * Hz,
        "rate": 400 * Hz,
        "sharpness": 1.0,
        "bias": 0.0,
        "latency": 0 * ms,
        "settle": 0 * ms,
    },
    roles={"input_rate": "scale", "rate": "rate"},
    reference="Nessler, Pfeiffer, Buesing and Maass, PLoS Comput. Biol. 9(4):e1003037, 2013 (the competition)",
)

mean_inhibition = NeuronModel(
    name="mean_inhibition",
    summary="Inhibitory unit that holds the mean of what it is sent",
    equations="m : 1",
    parameters={"share": 1.0},
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

# NIR's neurons. What arrives in one time step is consumed in the next, so that a reset erases none of it.
_REFERENCE = "Pedersen et al., Nature Communications 15:8122, 2024 (NIR)"
_COMMON: dict[str, Any] = {
    "receive": "S_post += w",
    "update": "S = 0",
    "onset": "v = 0; S = 0",
    "method": "euler",
    "reference": _REFERENCE,
}
_FIRES: dict[str, Any] = {"threshold": "v > v_threshold", "reset": "v = v_reset"}

nir_lif = NeuronModel(
    name="nir_lif",
    summary="NIR's LIF in forward Euler",
    equations="dv/dt = (v_leak - v + r*(S + bias))/tau : 1\nS : 1",
    parameters={"tau": 20 * ms, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, "bias": 0.0},
    **_COMMON,
    **_FIRES,
)
nir_if = NeuronModel(
    name="nir_if",
    summary="NIR's IF in forward Euler",
    equations="dv/dt = r*(S + bias) : 1\nS : 1",
    parameters={"r": 1000 * Hz, "v_threshold": 1.0, "v_reset": 0.0, "bias": 0.0},
    **_COMMON,
    **_FIRES,
)
nir_threshold = NeuronModel(
    name="nir_threshold",
    summary="NIR's I, an integrator, with a Threshold behind it: it fires in every step above the threshold",
    equations=nir_if.equations,
    parameters={"r": 1000 * Hz, "v_threshold": 1.0, "bias": 0.0},
    threshold="v > v_threshold",
    **_COMMON,
)
nir_i = NeuronModel(
    name="nir_i",
    summary="NIR's I, an integrator",
    equations=nir_if.equations,
    parameters={"r": 1000 * Hz, "bias": 0.0},
    **_COMMON,
)
nir_li = NeuronModel(
    name="nir_li",
    summary="NIR's LI, a leaky integrator, in forward Euler",
    equations=nir_lif.equations,
    parameters={"tau": 20 * ms, "r": 1.0, "v_leak": 0.0, "bias": 0.0},
    **_COMMON,
)
# The current of a step moves the potential in that same step, as in the simulators that read CubaLIF.
_CUBA: dict[str, Any] = {
    **_COMMON,
    "equations": "v : 1\nA : 1\nS : 1",
    "update": "A += dt*(w_in*(S + bias) - A)/tau_syn; v += dt*(v_leak - v + r*A)/tau_mem; S = 0",
    "onset": "v = 0; A = 0; S = 0",
}
nir_cuba_li = NeuronModel(
    name="nir_cuba_li",
    summary="NIR's CubaLI, a leaky integrator of a filtered current, in forward Euler",
    parameters={"tau_mem": 20 * ms, "tau_syn": 5 * ms, "r": 1.0, "v_leak": 0.0, "w_in": 1.0, "bias": 0.0},
    **_CUBA,
)
nir_cuba_lif = NeuronModel(
    name="nir_cuba_lif",
    summary="NIR's CubaLIF in forward Euler",
    parameters={**nir_cuba_li.parameters, "v_threshold": 1.0, "v_reset": 0.0},
    **_CUBA,
    **_FIRES,
)
nir_output = NeuronModel(
    name="nir_output",
    summary="What arrives at an output of a NIR graph, added up since the onset",
    equations="u : 1",
    receive="u_post += w",
    update="u += bias",
    onset="u = 0",
    parameters={"bias": 0.0},
    reference=_REFERENCE,
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

NEURONS = collected(NeuronModel, globals())
