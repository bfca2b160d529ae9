"""Stochastic neurons, and the inhibitory units that make a competition of them."""

from __future__ import annotations

import dataclasses

from brian2 import Hz, inf, ms, second

from spikehebb.core import NeuronModel

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
    summary="Stochastic neuron whose excitability falls with every spike and rises in between: it fires at goal_rate",
    equations=f"{escape_rate.equations}\nb : 1",
    update="b += step*goal_rate*dt",
    threshold="u/temperature + b - I > -37 and rand() < rate*dt*exp(u/temperature + b - I)",
    reset="b -= step",
    parameters={**escape_rate.parameters, "step": 0.01, "goal_rate": 4 * Hz},
    roles={**escape_rate.roles, "step": "factor", "goal_rate": "rate"},
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

floored_log_sum_exp = dataclasses.replace(
    log_sum_exp,
    name="floored_log_sum_exp",
    summary="Inhibitory unit as log_sum_exp, with one competitor more, of constant drive, that never fires",
    # Neurons that are driven much less than the floor stay silent, instead of sharing the rate of the population.
    onset="I = floor_drive",
    update="I += log(Z + exp(floor_drive - I))",
    parameters={"floor_drive": 7.0},
    roles={"floor_drive": "factor"},
    reference=f"{log_sum_exp.reference}, with a null cause",
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
