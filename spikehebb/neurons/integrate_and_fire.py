"""Leaky integrate-and-fire neurons."""

from __future__ import annotations

import dataclasses

from brian2 import Hz, inf, ms, mV, second

from spikehebb.core import NeuronModel
from spikehebb.equations import without

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
    summary="LIF, driven by how far its input exceeds the mean of all; a moving threshold keeps it at goal_rate",
    # u is the filtered input; z is what spikes have taken from the potential: its own and, through negative weights,
    # those of others. A reset that subtracts loses nothing that arrives while a neuron fires.
    equations="""
        du/dt = -u/tau_m : 1
        dz/dt = -z/tau_m : 1
        dtheta/dt = -theta/tau_theta : 1
        m : 1
    """,
    threshold="gain*(u - centring*m) - z > 1 + theta",
    reset="z += 1; theta += theta_step",
    update="theta -= theta_step*goal_rate*dt",
    receive="u_post += clip(w, 0, inf); z_post += clip(-w, 0, inf)",
    onset="u = 0; z = 0; m = 0",
    parameters={
        "tau_m": 20 * ms,
        "gain": 1.0,
        "centring": 1.0,
        "theta_step": 0.0,
        "goal_rate": 0 * Hz,
        "tau_theta": 1e4 * second,
    },
    roles={"gain": "factor", "centring": "factor", "theta_step": "factor", "goal_rate": "rate", **lif_adaptive.roles},
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
    method="exponential_euler",
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
    equations=without(conductance_adaptive.equations, ["theta"]),
    threshold="v > v_threshold",
    reset="v = v_reset",
    refractory="t_ref",
    receive=conductance_adaptive.receive,
    onset=conductance_adaptive.onset,
    method="exponential_euler",
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
