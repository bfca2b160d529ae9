"""Rules that change the weight at spikes alone, written from their published equations.

Every spike looks for its partners among all earlier spikes; nothing here keeps a trace. Partners are strictly
earlier, so coincident spikes never pair with each other, and of coincident spikes the postsynaptic one acts first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from brian2 import Hz, second
from numpy.typing import NDArray

from tests.oracles.registry import Oracles

Times = NDArray[np.float64]
Parameters = Mapping[str, Any]
Oracle = Callable[[Times, Times, float, Parameters], float]
Change = Callable[[float], float]

SPIKE_ORACLES: Oracles[Oracle] = Oracles()
NEAR = 1e-9  # seconds: times closer than this are one instant
TAU_M = 0.02  # seconds: of the potential of the neuron that a rule meets in synapse_pair


def seconds(value: Any) -> float:
    return float(value / second)


def hertz(value: Any) -> float:
    return float(value / Hz)


def events(pre: Times, post: Times) -> list[tuple[float, str]]:
    """All spikes in order; of coincident ones the postsynaptic first."""
    return sorted([(round(t, 9), "pre") for t in pre] + [(round(t, 9), "post") for t in post], key=_order)


def _order(event: tuple[float, str]) -> tuple[float, bool]:
    return event[0], event[1] == "pre"


def before(times: Times, t: float) -> Times:
    """The spikes strictly before ``t``."""
    return times[times < t - NEAR]


def all_pairs(t: float, partners: Times, tau: float) -> float:
    """Every earlier partner counts ``exp(-age/tau)``."""
    return float(sum(np.exp(-(t - s) / tau) for s in before(partners, t)))


def nearest(t: float, partners: Times, tau: float) -> float:
    """Of the earlier partners only the last one counts."""
    earlier = before(partners, t)
    return float(np.exp(-(t - earlier.max()) / tau)) if earlier.size else 0.0


def between(times: Times, start: float, end: float) -> bool:
    """Whether a spike lies strictly inside an interval."""
    return bool(np.any((times > start + NEAR) & (times < end - NEAR)))


def limited(w: float, p: Parameters) -> float:
    return float(min(max(w, p.get("w_min", 0.0)), p.get("w_max", np.inf)))


def pairwise(
    pre: Times,
    post: Times,
    w: float,
    p: Parameters,
    at_pre: Change,
    at_post: Change,
    tau_x: float,
    tau_y: float,
) -> float:
    """All-to-all pairs; ``at_pre(w)`` and ``at_post(w)`` are what a pair of no distance changes.

    A presynaptic spike counts for ``tau_x`` at later postsynaptic ones, a postsynaptic spike for ``tau_y`` at later
    presynaptic ones.
    """
    for t, side in events(pre, post):
        if side == "pre":
            w += at_pre(w) * all_pairs(t, post, tau_y)
        else:
            w += at_post(w) * all_pairs(t, pre, tau_x)
        w = limited(w, p)
    return w


def _taus(p: Parameters) -> tuple[float, float]:
    """How long a presynaptic and how long a postsynaptic spike counts, where causal pairs potentiate."""
    return seconds(p["tau_plus"]), seconds(p["tau_minus"])


def _amplitudes(p: Parameters) -> tuple[Change, Change]:
    """What a pair of no distance changes, at a presynaptic and at a postsynaptic spike: additive, or Guetig's.

    His are, in q = w/w_max: -alpha*lambda*q^mu_minus and lambda*(1 - q)^mu_plus.
    """
    if "A_plus" in p:
        return lambda _: -p["A_minus"], lambda _: p["A_plus"]
    top, eta = p["w_max"], p["eta"]
    return (
        lambda v: -top * p["alpha"] * eta * (v / top) ** p["mu_minus"],
        lambda v: top * eta * (1 - v / top) ** p["mu_plus"],
    )


@SPIKE_ORACLES.of("stdp_pair", "stdp_guetig")
def stdp_pair(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Song, Miller and Abbott, and Guetig, Aharonov, Rotter and Sompolinsky."""
    return pairwise(pre, post, w, p, *_amplitudes(p), *_taus(p))


@SPIKE_ORACLES.of("stdp_multiplicative")
def stdp_multiplicative(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Rubin, Lee and Sompolinsky: each change in proportion to the room that is left."""
    return pairwise(pre, post, w, p, lambda v: -p["A_minus"] * v, lambda v: p["A_plus"] * (p["w_max"] - v), *_taus(p))


@SPIKE_ORACLES.of("stdp_mixed")
def stdp_mixed(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """van Rossum, Bi and Turrigiano: additive potentiation, proportional depression."""
    return pairwise(pre, post, w, p, lambda v: -p["A_minus"] * v, lambda _: p["A_plus"], *_taus(p))


@SPIKE_ORACLES.of("stdp_power_law")
def stdp_power_law(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Morrison, Aertsen and Diesmann: lambda*w^mu and -lambda*alpha*w."""
    return pairwise(pre, post, w, p, lambda v: -p["eta"] * p["alpha"] * v, lambda v: p["eta"] * v ** p["mu"], *_taus(p))


@SPIKE_ORACLES.of("stdp_symmetric")
def stdp_symmetric(pre: Times, post: Times, w: float, p: Parameters) -> float:
    tau = seconds(p["tau"])
    return pairwise(pre, post, w, p, lambda _: p["A_plus"], lambda _: p["A_plus"], tau, tau)


@SPIKE_ORACLES.of("stdp_anti_hebbian")
def stdp_anti_hebbian(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Post before pre potentiates with tau_plus, pre before post depresses with tau_minus."""
    tau_plus, tau_minus = _taus(p)
    at_pre, at_post = p["A_plus"], -p["A_minus"]
    return pairwise(pre, post, w, p, lambda _: at_pre, lambda _: at_post, tau_x=tau_minus, tau_y=tau_plus)


@SPIKE_ORACLES.of("vogels")
def vogels(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Near-coincidence of either order +eta; each presynaptic spike -eta*alpha, alpha = 2*rho_0*tau."""
    tau = seconds(p["tau"])
    alpha = 2 * hertz(p["rho"]) * tau
    for t, side in events(pre, post):
        w += p["eta"] * (all_pairs(t, post, tau) - alpha if side == "pre" else all_pairs(t, pre, tau))
        w = limited(w, p)
    return w


@SPIKE_ORACLES.of("stdp_nearest_symmetric", "stdp_guetig_nearest_symmetric")
def stdp_nearest_symmetric(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Morrison 2008, figure 7A: each spike with the last one of the other side."""
    (tau_plus, tau_minus), (at_pre, at_post) = _taus(p), _amplitudes(p)
    for t, side in events(pre, post):
        if side == "pre":
            w += at_pre(w) * nearest(t, post, tau_minus)
        else:
            w += at_post(w) * nearest(t, pre, tau_plus)
        w = limited(w, p)
    return w


@SPIKE_ORACLES.of("stdp_nearest_pre_centred", "stdp_guetig_nearest_pre_centred")
def stdp_nearest_pre_centred(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Figure 7B: each presynaptic spike with the last postsynaptic one before it and the first one after it."""
    (tau_plus, tau_minus), (at_pre, at_post) = _taus(p), _amplitudes(p)
    for t, side in events(pre, post):
        if side == "pre":
            w += at_pre(w) * nearest(t, post, tau_minus)
        else:
            partners = [s for s in before(pre, t) if not between(post, s, t)]  # whose first later one is this one
            w += at_post(w) * sum(np.exp(-(t - s) / tau_plus) for s in partners)
        w = limited(w, p)
    return w


@SPIKE_ORACLES.of("stdp_nearest_reduced", "stdp_guetig_nearest_reduced")
def stdp_nearest_reduced(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Figure 7C: only immediate neighbours, that is pairs with no spike of either side in between."""
    (tau_plus, tau_minus), (at_pre, at_post) = _taus(p), _amplitudes(p)
    for t, side in events(pre, post):
        others, tau, size = (post, tau_minus, at_pre(w)) if side == "pre" else (pre, tau_plus, at_post(w))
        for s in before(others, t):
            if not between(pre, s, t) and not between(post, s, t):
                w += size * np.exp(-(t - s) / tau)
        w = limited(w, p)
    return w


@SPIKE_ORACLES.of("triplet_vc_full", "triplet_vc_minimal", "triplet_hc_full", "triplet_hc_minimal")
def triplet(pre: Times, post: Times, w: float, p: Parameters) -> float:
    return _triplet(pre, post, w, p, all_pairs)


@SPIKE_ORACLES.of(
    *("triplet_vc_nearest_full", "triplet_vc_nearest_minimal", "triplet_hc_nearest_full", "triplet_hc_nearest_minimal")
)
def triplet_nearest(pre: Times, post: Times, w: float, p: Parameters) -> float:
    return _triplet(pre, post, w, p, nearest)


def _triplet(pre: Times, post: Times, w: float, p: Parameters, trace: Callable[[float, Times, float], float]) -> float:
    """Pfister and Gerstner: a pair counts more for each earlier spike of the side that ends it."""
    tau_plus, tau_minus, tau_x, tau_y = (seconds(p[name]) for name in ("tau_plus", "tau_minus", "tau_x", "tau_y"))
    for t, side in events(pre, post):
        if side == "pre":
            w -= trace(t, post, tau_minus) * (p["A2_minus"] + p["A3_minus"] * trace(t, pre, tau_x))
        else:
            w += trace(t, pre, tau_plus) * (p["A2_plus"] + p["A3_plus"] * trace(t, post, tau_y))
        w = limited(w, p)
    return w


@SPIKE_ORACLES.of("diehl_cook")
def diehl_cook(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Nearest spikes; potentiation needs an earlier postsynaptic spike, too."""
    tau_x, tau_minus, tau_y = (seconds(p[name]) for name in ("tau_x", "tau_minus", "tau_y"))
    for t, side in events(pre, post):
        if side == "pre":
            w -= p["A_minus"] * nearest(t, post, tau_minus)
        else:
            w += p["A_plus"] * nearest(t, pre, tau_x) * nearest(t, post, tau_y)
        w = limited(w, p)
    return w


@SPIKE_ORACLES.of("diehl_cook_power")
def diehl_cook_power(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """At each postsynaptic spike eta*(trace - target)*(w_max - w)**mu; presynaptic spikes do nothing themselves."""
    tau = seconds(p["tau_x"])
    for t in np.sort(post):
        room = max(p["w_max"] - w, 0.0)
        w = limited(w + p["eta"] * (all_pairs(t, pre, tau) - p["x_target"]) * room ** p["mu"], p)
    return w


@SPIKE_ORACLES.of("nessler")
def nessler(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """eta*(c*exp(-w) - 1) if the input fired within the window, else -eta; within the bounds of the weight."""
    window = seconds(p["duration"])
    for t in np.sort(post):
        active = any(t - s <= window + NEAR for s in before(pre, t))
        change = p["eta"] * (p["c"] * np.exp(-w) - 1) if active else -p["eta"]
        w = float(np.clip(w + change, p["w_min"], p["w_max"]))
    return w


@SPIKE_ORACLES.of("softhebb")
def softhebb(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """w += eta/(1 + n/lifetime)*(x - u*w) at each postsynaptic spike; inputs of the same instant come later.

    ``u`` remembers the weight that each input spike arrived through.
    """
    return _softhebb(pre, post, w, p, lambda fired: 1 / (1 + fired / p["lifetime"]))


@SPIKE_ORACLES.of("softhebb_annealed")
def softhebb_annealed(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """As ``softhebb``; the rate falls by 1/lifetime with each spike, from 1 + rest to rest."""
    return _softhebb(pre, post, w, p, lambda fired: p["rest"] + max(0.0, 1 - fired / p["lifetime"]))


@SPIKE_ORACLES.of("softhebb_threshold")
def softhebb_threshold(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """As ``softhebb_annealed``, with the threshold in the place of the potential."""
    for fired, t in enumerate(np.sort(post)):
        pace = p["rest"] + max(0.0, 1 - fired / p["lifetime"])
        w += p["eta"] * pace * (all_pairs(t, pre, seconds(p["tau_x"])) - p["level"] * w)
    return w


def _softhebb(pre: Times, post: Times, w: float, p: Parameters, pace: Change) -> float:
    tau_x, arrived, fired = seconds(p["tau_x"]), list[tuple[float, float]](), 0
    for t, side in events(pre, post):
        if side == "pre":
            arrived.append((t, w))
        else:
            x = sum(np.exp(-(t - s) / tau_x) for s, _ in arrived)
            u = sum(v * np.exp(-(t - s) / TAU_M) for s, v in arrived)
            w += p["eta"] * pace(fired) * (x - u * w)
            fired += 1
    return w
