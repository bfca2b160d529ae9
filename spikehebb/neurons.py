"""Neuron models."""

from __future__ import annotations

from brian2 import Hz, ms, mV

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

NEURONS = Frozen({model.name: model for model in (lif, escape_rate, log_sum_exp)})
