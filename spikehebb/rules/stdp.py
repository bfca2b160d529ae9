"""Pair rules of spike-timing-dependent plasticity. The lag is t_post - t_pre; positive is causal."""

from __future__ import annotations

import dataclasses

import numpy as np
from brian2 import Hz, ms

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite

TIES = "Coincident spikes do not pair with each other: each side reads the other's trace from before."

stdp_pair = PlasticityRule(
    name="stdp_pair",
    summary="Additive pair-based STDP, every spike paired with every other",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau_minus : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w - A_minus*y1_post, w_min, w_max)",
    on_post="w = clip(w + A_plus*x1_pre, w_min, w_max)",
    parameters={
        "A_plus": 0.005,
        "A_minus": 0.00525,
        "tau_plus": 20 * ms,
        "tau_minus": 20 * ms,
        "w_min": 0.0,
        "w_max": 1.0,
    },
    ties=TIES,
    reference="Song, Miller and Abbott 2000 (w in units of g_max; the paper plots t_pre - t_post)",
    cites=cite("song2000"),
)

stdp_multiplicative = PlasticityRule(
    name="stdp_multiplicative",
    summary="Multiplicative pair STDP: potentiation shrinks with w_max - w, depression with w",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau_minus : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w - A_minus*w*y1_post, 0, w_max)",
    on_post="w = clip(w + A_plus*(w_max - w)*x1_pre, 0, w_max)",
    parameters={"A_plus": 0.01, "A_minus": 0.0105, "tau_plus": 20 * ms, "tau_minus": 20 * ms, "w_max": 1.0},
    ties=TIES,
    reference="Rubin, Lee and Sompolinsky 2001; time constants and ratio of the amplitudes as in stdp_pair",
    cites=cite("rubin2001"),
)

stdp_mixed = PlasticityRule(
    name="stdp_mixed",
    summary="Mixed pair STDP: additive potentiation, depression in proportion to w",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau_minus : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w - A_minus*w*y1_post, 0, w_max)",
    on_post="w = clip(w + A_plus*x1_pre, 0, w_max)",
    parameters={"A_plus": 0.005, "A_minus": 0.0105, "tau_plus": 20 * ms, "tau_minus": 20 * ms, "w_max": 1.0},
    ties=TIES,
    reference="van Rossum, Bi and Turrigiano 2000, without the noise; time constants as in stdp_pair",
    cites=cite("vanrossum2000"),
)


def _weight_dependent(additive: PlasticityRule, name: str) -> PlasticityRule:
    """Return an additive rule with amplitudes that depend on the weight, and not below 0, as Guetig et al. have it."""
    # At the bound 1 - w/w_max may come out as -1e-16, of which no power exists.
    amplitudes = {
        "A_plus": "eta*w_max*clip(1 - w/w_max, 0, 1)**mu_plus",
        "A_minus": "eta*alpha*w_max*(w/w_max)**mu_minus",
        "w_min": "0",
    }
    others = {parameter: value for parameter, value in additive.parameters.items() if parameter not in amplitudes}
    return dataclasses.replace(
        additive,
        name=name,
        summary=f"{additive.summary}; between additive (mu = 0) and multiplicative (mu = 1)",
        on_pre=text.renamed(additive.on_pre, amplitudes),
        on_post=text.renamed(additive.on_post, amplitudes),
        parameters={"eta": 0.01, "alpha": 1.05, "mu_plus": 0.1, "mu_minus": 0.1, **others},
        roles={"alpha": "factor", "mu_plus": "factor", "mu_minus": "factor"},
        reference="Guetig, Aharonov, Rotter and Sompolinsky 2003, numbers as in stdp_guetig; pairs as in "
        f"{additive.name}",
        cites=(*cite("gutig2003"), *additive.cites),
    )


stdp_guetig = dataclasses.replace(
    _weight_dependent(stdp_pair, "stdp_guetig"),
    summary="Pair STDP between additive (mu = 0) and multiplicative (mu = 1)",
    reference="Guetig, Aharonov, Rotter and Sompolinsky 2003; eta and tau as in NEST's stdp_synapse (lambda)",
    cites=cite("gutig2003"),
)

stdp_power_law = PlasticityRule(
    name="stdp_power_law",
    summary="Pair STDP with power-law potentiation: eta*w**mu against depression in proportion to w",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau_minus : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w - eta*alpha*w*y1_post, 0, inf)",
    on_post="w += eta*w**mu*x1_pre",
    parameters={"eta": 0.1, "alpha": 1.0, "mu": 0.4, "tau_plus": 20 * ms, "tau_minus": 20 * ms},
    roles={"alpha": "factor", "mu": "factor"},
    ties=TIES,
    reference="Morrison, Aertsen and Diesmann 2007, w in units of their w0 = 1 pA; numbers as in NEST's "
    "stdp_pl_synapse_hom",
    cites=cite("morrison2007"),
)

stdp_nearest_symmetric = PlasticityRule(
    name="stdp_nearest_symmetric",
    summary="Nearest-neighbour pair STDP, symmetric: each spike pairs with the last one of the other side",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 = 1",
    post="dy1/dt = -y1/tau_minus : 1",
    post_spike="y1 = 1",
    on_pre="w = clip(w - A_minus*y1_post, w_min, w_max)",
    on_post="w = clip(w + A_plus*x1_pre, w_min, w_max)",
    parameters=dict(stdp_pair.parameters),
    ties=TIES,
    reference="Morrison, Diesmann and Gerstner 2008, figure 7A; numbers as in stdp_pair",
    cites=cite("morrison2008"),
)

stdp_nearest_pre_centred = PlasticityRule(
    name="stdp_nearest_pre_centred",
    summary="Nearest-neighbour pair STDP, presynaptic-centred: each presynaptic spike pairs with the last and the "
    "next postsynaptic one",
    # Of all presynaptic spikes only those since the last postsynaptic one count: x1 less what was left of it then.
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 += 1",
    post="""
        dy1/dt = -y1/tau_minus : 1
        fired : second
    """,
    post_spike="y1 = 1; fired = t",
    synapse="""
        w : 1
        paired : 1
    """,
    on_pre="w = clip(w - A_minus*y1_post, w_min, w_max)",
    on_post="""
        w = clip(w + A_plus*(x1_pre - paired*exp(-(t - fired_post)/tau_plus)), w_min, w_max)
        paired = x1_pre
    """,
    parameters=dict(stdp_pair.parameters),
    ties=TIES + " The presynaptic spike of a coincidence pairs with the next postsynaptic one.",
    reference="Morrison, Diesmann and Gerstner 2008, figure 7B; numbers as in stdp_pair",
    cites=cite("morrison2008"),
)

stdp_nearest_reduced = PlasticityRule(
    name="stdp_nearest_reduced",
    summary="Nearest-neighbour pair STDP, reduced symmetric: only immediate neighbours pair",
    pre="""
        dx1/dt = -x1/tau_plus : 1
        came : second
    """,
    pre_spike="x1 = 1; came = t",
    post="""
        dy1/dt = -y1/tau_minus : 1
        fired : second
    """,
    post_spike="y1 = 1; fired = t",
    on_pre="w = clip(w - A_minus*y1_post*int(came_pre <= fired_post), w_min, w_max)",
    on_post="w = clip(w + A_plus*x1_pre*int(fired_post <= came_pre), w_min, w_max)",
    parameters=dict(stdp_pair.parameters),
    ties=TIES + " Both spikes of a coincidence pair with the next one of the other side.",
    reference="Morrison, Diesmann and Gerstner 2008, figure 7C; numbers as in stdp_pair",
    cites=cite("morrison2008"),
)

stdp_guetig_nearest_symmetric = _weight_dependent(stdp_nearest_symmetric, "stdp_guetig_nearest_symmetric")
stdp_guetig_nearest_pre_centred = _weight_dependent(stdp_nearest_pre_centred, "stdp_guetig_nearest_pre_centred")
stdp_guetig_nearest_reduced = _weight_dependent(stdp_nearest_reduced, "stdp_guetig_nearest_reduced")

stdp_symmetric = PlasticityRule(
    name="stdp_symmetric",
    summary="Symmetric pair STDP: spikes close in time potentiate, whichever comes first",
    pre="dx1/dt = -x1/tau : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w + A_plus*y1_post, w_min, w_max)",
    on_post="w = clip(w + A_plus*x1_pre, w_min, w_max)",
    parameters={"A_plus": 0.005, "tau": 20 * ms, "w_min": 0.0, "w_max": 1.0},
    ties=TIES,
    reference="Form: Morrison, Diesmann and Gerstner 2008; numbers as the causal side of stdp_pair",
    cites=cite("morrison2008"),
)

stdp_anti_hebbian = PlasticityRule(
    name="stdp_anti_hebbian",
    summary="Anti-Hebbian pair STDP: causal pairs depress, anti-causal pairs potentiate",
    pre="dx1/dt = -x1/tau_minus : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau_plus : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w + A_plus*y1_post, w_min, w_max)",
    on_post="w = clip(w - A_minus*x1_pre, w_min, w_max)",
    parameters=dict(stdp_pair.parameters),
    ties=TIES,
    reference="Form: Bell, Han, Sugawara and Grant 1997; numbers as in stdp_pair",
    cites=cite("bell1997"),
)

vogels = PlasticityRule(
    name="vogels",
    summary="Inhibitory STDP: near-coincident spikes potentiate, each presynaptic spike depresses; the postsynaptic "
    "neuron is driven to the rate rho",
    pre="dx1/dt = -x1/tau : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w + eta*(y1_post - 2*rho*tau), w_min, w_max)",
    on_post="w = clip(w + eta*x1_pre, w_min, w_max)",
    parameters={"eta": 0.001, "rho": 3 * Hz, "tau": 20 * ms, "w_min": 0.0, "w_max": 1.0},
    roles={"rho": "rate"},
    ties=TIES + " The presynaptic spike still depresses.",
    reference="Vogels, Sprekeler, Zenke, Clopath and Gerstner 2011; w is the size of an inhibitory weight; eta as in "
    "NEST's vogels_sprekeler_synapse",
    cites=cite("vogels2011"),
)

diehl_cook = PlasticityRule(
    name="diehl_cook",
    summary="Nearest-spike triplet STDP of Diehl and Cook's digit network",
    pre="dx1/dt = -x1/tau_x : 1",
    pre_spike="x1 = 1",
    post="""
        dy1/dt = -y1/tau_minus : 1
        dy2/dt = -y2/tau_y : 1
    """,
    post_spike="y1 = 1; y2 = 1",
    on_pre="w = clip(w - A_minus*y1_post, w_min, w_max)",
    on_post="w = clip(w + A_plus*x1_pre*y2_post, w_min, w_max)",
    parameters={
        "A_plus": 0.01,
        "A_minus": 0.0001,
        "tau_x": 20 * ms,
        "tau_minus": 20 * ms,
        "tau_y": 40 * ms,
        "w_min": 0.0,
        "w_max": 1.0,
    },
    ties=TIES + " y2, too, is read before its own spike, so a single pair never potentiates.",
    reference="Diehl and Cook 2015, constants of the authors' program; combine with normalization",
    cites=cite("diehl2015"),
)

diehl_cook_power = PlasticityRule(
    name="diehl_cook_power",
    summary="STDP with a target for the presynaptic trace and power-law bounds, of Diehl and Cook's paper",
    pre="dx1/dt = -x1/tau_x : 1",
    pre_spike="x1 += 1",
    on_post="w = clip(w + eta*(x1_pre - x_target)*clip(w_max - w, 0, inf)**mu, w_min, w_max)",
    parameters={"eta": 0.01, "x_target": 0.2, "mu": 0.2, "tau_x": 20 * ms, "w_min": 0.0, "w_max": 1.0},
    roles={"x_target": "scale"},
    ties="A postsynaptic spike reads x1 before a presynaptic one of the same step adds to it.",
    reference="Diehl and Cook 2015; eta, x_target and mu, which it does not give, are this toolkit's; combine with "
    "normalization",
    cites=cite("diehl2015"),
)

nessler = PlasticityRule(
    name="nessler",
    summary="Expectation maximization in spikes: each postsynaptic spike pulls w towards ln(c*P(input was active))",
    pre="active_until : second",
    pre_spike="active_until = t + duration",
    on_post="""
        active = int(active_until_pre > 0*second and t < active_until_pre + dt/2)
        w = clip(w + eta*(active*c*exp(-w) - 1), w_min, w_max)
    """,
    parameters={"eta": 0.002, "c": 5.0, "duration": 10 * ms, "w_min": -np.inf, "w_max": np.inf},
    roles={"c": "scale"},
    ties="An input counts as active from the step after its spike up to and including duration later; a coincident "
    "one does not count.",
    reference="Nessler, Pfeiffer and Maass 2009; Nessler, Pfeiffer, Buesing and Maass 2013; the factor c keeps "
    "weights positive for P > 1/c",
    cites=cite("nessler2009", "nessler2013"),
)
