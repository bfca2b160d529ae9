"""Neuron models."""

from __future__ import annotations

from brian2 import Hz, ms, mV, second

from spikehebb.core import Frozen, NeuronModel

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
    reference="Gerstner, Kistler, Naud and Paninski, Neuronal Dynamics, Cambridge University Press, 2014, ch. 9",
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
    reference="Diehl and Cook, Front. Comput. Neurosci. 9:99, 2015 (theta_step, tau_theta)",
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
    summary="Rate unit h = 1/(1 + exp(-z)) that is told its target",
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
)

rewarded_unit = NeuronModel(
    name="rewarded_unit",
    summary="Noisy rate unit y = z + noise that is told its target and hears of the reward R",
    equations="""
        z : 1
        noise : 1
        target : 1
        R : 1
        y = z + noise : 1
    """,
    onset="target = stimulus(t, i); noise = sigma*randn()",
    parameters={"sigma": 0.05},
)

critic = NeuronModel(name="critic", summary="Unit that holds the reward R", equations="R : 1")

NEURONS = Frozen(
    {
        model.name: model
        for model in (
            lif,
            lif_adaptive,
            escape_rate,
            log_sum_exp,
            softmax_inhibition,
            linear_unit,
            sigmoid_unit,
            competing_unit,
            rewarded_unit,
            critic,
        )
    }
)
