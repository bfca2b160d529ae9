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

Times = NDArray[np.float64]
Parameters = Mapping[str, Any]
Oracle = Callable[[Times, Times, float, Parameters], float]
Change = Callable[[float], float]

NEAR = 1e-9  # seconds: times closer than this are one instant


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
    tau_pre: float,
    tau_post: float,
) -> float:
    """All-to-all pairs; ``at_pre(w)`` and ``at_post(w)`` are what a pair of no distance changes."""
    for t, side in events(pre, post):
        if side == "pre":
            w += at_pre(w) * all_pairs(t, post, tau_pre)
        else:
            w += at_post(w) * all_pairs(t, pre, tau_post)
        w = limited(w, p)
    return w


def _taus(p: Parameters) -> tuple[float, float]:
    """How long a postsynaptic spike counts for later presynaptic ones, and the other way round."""
    return seconds(p["tau_minus"]), seconds(p["tau_plus"])


def stdp_pair(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Song, Miller and Abbott: additive."""
    return pairwise(pre, post, w, p, lambda _: -p["A_minus"], lambda _: p["A_plus"], *_taus(p))


def stdp_multiplicative(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Rubin, Lee and Sompolinsky: each change in proportion to the room that is left."""
    return pairwise(pre, post, w, p, lambda v: -p["A_minus"] * v, lambda v: p["A_plus"] * (p["w_max"] - v), *_taus(p))


def stdp_mixed(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """van Rossum, Bi and Turrigiano: additive potentiation, proportional depression."""
    return pairwise(pre, post, w, p, lambda v: -p["A_minus"] * v, lambda _: p["A_plus"], *_taus(p))


def stdp_guetig(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """In q = w/w_max: lambda*(1 - q)^mu_plus and -alpha*lambda*q^mu_minus."""
    top = p["w_max"]
    return pairwise(
        pre,
        post,
        w,
        p,
        lambda v: -top * p["alpha"] * p["eta"] * (v / top) ** p["mu_minus"],
        lambda v: top * p["eta"] * (1 - v / top) ** p["mu_plus"],
        *_taus(p),
    )


def stdp_power_law(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Morrison, Aertsen and Diesmann: lambda*w^mu and -lambda*alpha*w."""
    return pairwise(pre, post, w, p, lambda v: -p["eta"] * p["alpha"] * v, lambda v: p["eta"] * v ** p["mu"], *_taus(p))


def stdp_symmetric(pre: Times, post: Times, w: float, p: Parameters) -> float:
    tau = seconds(p["tau"])
    return pairwise(pre, post, w, p, lambda _: p["A_plus"], lambda _: p["A_plus"], tau, tau)


def stdp_anti_hebbian(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Post before pre potentiates with tau_plus, pre before post depresses with tau_minus."""
    tau_minus, tau_plus = _taus(p)
    return pairwise(pre, post, w, p, lambda _: p["A_plus"], lambda _: -p["A_minus"], tau_plus, tau_minus)


def vogels(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Near-coincidence of either order +eta; each presynaptic spike -eta*alpha, alpha = 2*rho_0*tau."""
    tau = seconds(p["tau"])
    alpha = 2 * hertz(p["rho"]) * tau
    for t, side in events(pre, post):
        w += p["eta"] * (all_pairs(t, post, tau) - alpha if side == "pre" else all_pairs(t, pre, tau))
        w = limited(w, p)
    return w


def stdp_nearest_symmetric(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Morrison 2008, figure 7A: each spike with the last one of the other side."""
    tau_minus, tau_plus = _taus(p)
    for t, side in events(pre, post):
        if side == "pre":
            w -= p["A_minus"] * nearest(t, post, tau_minus)
        else:
            w += p["A_plus"] * nearest(t, pre, tau_plus)
        w = limited(w, p)
    return w


def stdp_nearest_pre_centred(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Figure 7B: each presynaptic spike with the last postsynaptic one before it and the first one after it."""
    tau_minus, tau_plus = _taus(p)
    for t, side in events(pre, post):
        if side == "pre":
            w -= p["A_minus"] * nearest(t, post, tau_minus)
        else:
            mine = [s for s in before(pre, t) if not between(post, s, t)]  # whose first later one is this one
            w += p["A_plus"] * sum(np.exp(-(t - s) / tau_plus) for s in mine)
        w = limited(w, p)
    return w


def stdp_nearest_reduced(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """Figure 7C: only immediate neighbours, that is pairs with no spike of either side in between."""
    tau_minus, tau_plus = _taus(p)
    for t, side in events(pre, post):
        others, tau, size = (post, tau_minus, -p["A_minus"]) if side == "pre" else (pre, tau_plus, p["A_plus"])
        for s in before(others, t):
            if not between(pre, s, t) and not between(post, s, t):
                w += size * np.exp(-(t - s) / tau)
        w = limited(w, p)
    return w


def triplet(pre: Times, post: Times, w: float, p: Parameters, trace: Callable[..., float] = all_pairs) -> float:
    """Pfister and Gerstner: a pair counts more for each earlier spike of the side that ends it."""
    tau_minus, tau_plus, tau_x, tau_y = (seconds(p[name]) for name in ("tau_minus", "tau_plus", "tau_x", "tau_y"))
    for t, side in events(pre, post):
        if side == "pre":
            w -= trace(t, post, tau_minus) * (p["A2_minus"] + p["A3_minus"] * trace(t, pre, tau_x))
        else:
            w += trace(t, pre, tau_plus) * (p["A2_plus"] + p["A3_plus"] * trace(t, post, tau_y))
        w = limited(w, p)
    return w


def triplet_nearest(pre: Times, post: Times, w: float, p: Parameters) -> float:
    return triplet(pre, post, w, p, nearest)


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


def nessler(pre: Times, post: Times, w: float, p: Parameters) -> float:
    """eta*(c*exp(-w) - 1) if the input fired within the window, else -eta."""
    window = seconds(p["duration"])
    for t in np.sort(post):
        active = any(t - s <= window + NEAR for s in before(pre, t))
        w += p["eta"] * (p["c"] * np.exp(-w) - 1) if active else -p["eta"]
    return w


def softhebb(pre: Times, post: Times, w: float, p: Parameters, tau_m: float = 0.02) -> float:
    """w += eta/(1 + n/lifetime)*(x - u*w) at each postsynaptic spike; inputs of the same instant come later.

    ``u`` remembers the weight that each input spike arrived through.
    """
    return _softhebb(pre, post, w, p, tau_m, lambda fired: 1 / (1 + fired / p["lifetime"]))


def softhebb_annealed(pre: Times, post: Times, w: float, p: Parameters, tau_m: float = 0.02) -> float:
    """As ``softhebb``; the rate falls by 1/lifetime with each spike, from 1 + rest to rest."""
    return _softhebb(pre, post, w, p, tau_m, lambda fired: p["rest"] + max(0.0, 1 - fired / p["lifetime"]))


def _softhebb(pre: Times, post: Times, w: float, p: Parameters, tau_m: float, pace: Change) -> float:
    tau_x, arrived, fired = seconds(p["tau_x"]), list[tuple[float, float]](), 0
    for t, side in events(pre, post):
        if side == "pre":
            arrived.append((t, w))
        else:
            x = sum(np.exp(-(t - s) / tau_x) for s, _ in arrived)
            u = sum(v * np.exp(-(t - s) / tau_m) for s, v in arrived)
            w += p["eta"] * pace(fired) * (x - u * w)
            fired += 1
    return w


SPIKE_ORACLES: dict[str, Oracle] = {
    "stdp_pair": stdp_pair,
    "stdp_multiplicative": stdp_multiplicative,
    "stdp_mixed": stdp_mixed,
    "stdp_guetig": stdp_guetig,
    "stdp_power_law": stdp_power_law,
    "stdp_nearest_symmetric": stdp_nearest_symmetric,
    "stdp_nearest_pre_centred": stdp_nearest_pre_centred,
    "stdp_nearest_reduced": stdp_nearest_reduced,
    "stdp_symmetric": stdp_symmetric,
    "stdp_anti_hebbian": stdp_anti_hebbian,
    "vogels": vogels,
    "diehl_cook": diehl_cook,
    "nessler": nessler,
    "softhebb": softhebb,
    "softhebb_annealed": softhebb_annealed,
    **{f"triplet_{area}_{kind}": triplet for area in ("vc", "hc") for kind in ("full", "minimal")},
    **{f"triplet_{area}_nearest_{kind}": triplet_nearest for area in ("vc", "hc") for kind in ("full", "minimal")},
}
