"""One plastic synapse of NEST between two replayed spike trains: the other side of the agreement table.

``final_weight`` takes spike times in seconds on the 0.1 ms grid and NEST's own parameter names and units (ms), and
returns the weight once every spike has acted, as if nothing had a delay. Checked with NEST 3.10.0. NEST's names in
textbook symbols, with x (y) the trace of earlier pre (post) spikes, each decaying with tau_plus (tau_minus):

stdp_synapse, stdp_synapse_hom and stdp_nn_*, with lambda, alpha, mu_plus, mu_minus, Wmax, tau_plus, tau_minus:
    post: w += A_plus*(1 - w/Wmax)**mu_plus*x and pre: w -= A_minus*(w/Wmax)**mu_minus*y, where A_plus = lambda*Wmax
    and A_minus = alpha*lambda*Wmax; then w is at most Wmax (after a post) and at least 0 (after a pre). mu = 0 is
    additive, mu = 1 multiplicative, mu_plus = 0 and mu_minus = 1 van Rossum's, 0 < mu < 1 Guetig's. All-to-all: traces
    grow by 1. nn_symm: traces are set to 1. nn_pre_centered: y is set to 1, x grows by 1 and is 0 after each post.
    nn_restr: both are set to 1; only the first post after a pre, and only the first pre after a post, counts.
stdp_pl_synapse_hom, with lambda, alpha, mu, tau_plus, tau_minus:
    post: w += lambda*w**mu*x and pre: w -= lambda*alpha*w*y, at least 0 and without an upper bound. This is the power
    law lambda*w_0**(1 - mu)*w**mu with w_0 = 1.
stdp_triplet_synapse, with Aplus, Aminus, Aplus_triplet, Aminus_triplet, Wmax, tau_plus, tau_minus, tau_plus_triplet
    (tau_x) and tau_minus_triplet (tau_y): Pfister and Gerstner's A2+, A2-, A3+, A3-, all-to-all, in units of the weight
    (not of Wmax): post: w += x*(A2+ + A3+*y2) and pre: w -= y*(A2- + A3-*x2), slow traces before the spike itself.
vogels_sprekeler_synapse, with eta, alpha, Wmax, tau (here tau_minus is tau unless it is given):
    pre: w += eta*y, at most Wmax, then w -= alpha*eta, at least 0; post: w += eta*x, at most Wmax. alpha = 2*tau*rate.
jonke_synapse, with lambda, alpha, beta, mu_plus, mu_minus, Wmax, tau_plus, tau_minus:
    post: w += lambda*(exp(mu_plus*w)*x - beta), at most Wmax (but perhaps below 0);
    pre: w -= lambda*(alpha*exp(mu_minus*w)*y + beta), at least 0. NEST's text says lambda*Wmax; its code does not.
stdp_dopamine_synapse, with A_plus, A_minus, tau_plus, tau_minus, tau_c, tau_n, b, Wmin, Wmax, and two of ours in
    seconds, ``dopamine`` (spike times) and ``end`` (when the weight is read):
    post: c += A_plus*x; pre: c -= A_minus*y; dc/dt = -c/tau_c; dopamine: n += 1/tau_n; dn/dt = -n/tau_n;
    dw/dt = c*(n - b) with every time in ms (so n and b are per ms), and w between Wmin and Wmax.

Spikes of the same instant: a pre and a post spike of one instant are never a pair, and the post spike acts first. The
nearest-neighbour rules pair each with the nearest spike strictly before. In nn_restr that post spike still allows the
pre spike to depress, by the post spike before it, even where that one is older than the previous pre spike.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

STEP = 0.1  # ms: the resolution, and the smallest delay that NEST allows
MARGIN = 1.0  # ms
MODELS = (
    "stdp_synapse",
    "stdp_synapse_hom",
    "stdp_nn_symm_synapse",
    "stdp_nn_pre_centered_synapse",
    "stdp_nn_restr_synapse",
    "stdp_pl_synapse_hom",
    "stdp_triplet_synapse",
    "vogels_sprekeler_synapse",
    "jonke_synapse",
    "stdp_dopamine_synapse",
)
POSTSYNAPTIC = ("tau_minus", "tau_minus_triplet")  # these belong to the postsynaptic neuron
OURS = ("dopamine", "end")


def fresh_nest() -> Any:
    """NEST without its banner, its messages and whatever was built before."""
    os.environ.setdefault("PYNEST_QUIET", "1")
    nest: Any = import_module("nest")  # not a plain import, for NEST has no types and need not be there
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = STEP
    return nest


def on_grid(seconds: Any, later: float = 0.0) -> Times:
    """Milliseconds in order and on the grid, so much later."""
    return np.rint((np.sort(np.asarray(seconds, dtype=float)) * 1000 + later) / STEP) * STEP


def final_weight(
    model: str, pre: Times, post: Times, w0: float, parameters: Mapping[str, Any], *, dendritic: float = 0.0
) -> float:
    """The weight after the replay, with lags t_post - t_pre as given.

    Delays: all of NEST's delay lies in the dendrite, so a post spike at t is felt at t + STEP and a pre spike at t. The
    postsynaptic parrot therefore fires one step early; a dendritic delay, in ms, comes on top. Every generator spikes
    one step before its target gets it.

    The start: to stdp_nn_symm_synapse and stdp_nn_restr_synapse a new synapse has had a pre spike at time 0. Their
    trains begin 50*tau_plus later, when exp(-50) is left of it.

    The end: NEST applies post spikes only when a pre spike arrives, so one more is sent after all others. Just before,
    tau_minus is made so small that no trace of the post spikes is left: the last pre spike cannot depress, nor, by
    Vogels' rule, potentiate. The same rule's alpha becomes 0. In Jonke's rule beta acts after each post spike too and
    has to stay, so there tau_minus becomes infinite and mu_minus 0, and alpha = -beta/y cancels beta in the last pre
    spike. The dopamine synapse needs no such spike: its volume transmitter updates it, here once, at the end.
    """
    if model not in MODELS:
        raise ValueError(f"{model} is not one of {', '.join(MODELS)}")
    nest = fresh_nest()
    own = {name: value for name, value in parameters.items() if name not in POSTSYNAPTIC + OURS}
    neuron = {name: parameters[name] for name in POSTSYNAPTIC if name in parameters}
    if model == "vogels_sprekeler_synapse" and "tau" in own:
        neuron.setdefault("tau_minus", own["tau"])
    nest.SetDefaults(model, {"weight": w0, **own})
    start = 1.0 + (math.ceil(50 * nest.GetDefaults(model)["tau_plus"]) if "_nn_" in model else 0)  # on the grid

    def spikes(times: Times, target: Any) -> None:
        generator = nest.Create("spike_generator", params={"spike_times": np.round(times - STEP, 1)})
        nest.Connect(generator, target, syn_spec={"delay": STEP})

    source, target = nest.Create("parrot_neuron"), nest.Create("parrot_neuron", params=neuron)
    spikes(on_grid(post, start - STEP), target)
    if model == "stdp_dopamine_synapse":
        end = on_grid([parameters["end"]], start)
        modulator = nest.Create("volume_transmitter", params={"deliver_interval": round(end[0] / STEP)})
        dopaminergic = nest.Create("parrot_neuron")  # a transmitter listens to neurons only
        nest.Connect(dopaminergic, modulator, syn_spec={"delay": STEP})
        spikes(on_grid(parameters["dopamine"], start - STEP), dopaminergic)
        spikes(on_grid(pre, start), source)
        nest.SetDefaults(model, {"volume_transmitter": modulator})
    else:
        end = on_grid([max(np.max(pre, initial=0.0), np.max(post, initial=0.0))], start + MARGIN + dendritic)
        spikes(np.concatenate([on_grid(pre, start), end]), source)
    wiring = {"synapse_model": model, "weight": w0, "delay": STEP + dendritic, "receptor_type": 1}
    nest.Connect(source, target, syn_spec=wiring)
    synapse = nest.GetConnections(source, target)
    if model == "stdp_dopamine_synapse":
        nest.Simulate(end[0])
        return float(synapse.weight)
    nest.Simulate(end[0] - 2 * STEP)
    target.tau_minus = 1e-3
    if model == "vogels_sprekeler_synapse":
        synapse.alpha = 0.0
    if model == "jonke_synapse" and len(post):
        ages = on_grid(post)[-1] - on_grid(post)
        y = np.exp(-ages / neuron.get("tau_minus", 20.0)).sum()
        target.tau_minus = 1e300
        nest.SetDefaults(model, {"mu_minus": 0.0, "alpha": -nest.GetDefaults(model)["beta"] / y})
    nest.Simulate(5 * STEP)
    return float(synapse.weight)
