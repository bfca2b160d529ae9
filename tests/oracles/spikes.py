"""Independent references: each rule written again as plain NumPy event by event, never from its Brian2 text.

An oracle takes the spike times of one synapse (seconds, on the grid) and returns the weight at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from brian2 import second
from numpy.typing import NDArray

Times = NDArray[np.float64]
Oracle = Callable[[Times, Times, float, Mapping[str, Any]], float]


def seconds(value: Any) -> float:
    return float(value / second)


def stdp_pair(pre: Times, post: Times, w: float, p: Mapping[str, Any]) -> float:
    """Sum over all pairs, in order of the later spike; pairs at the same instant do not count."""
    tau_plus, tau_minus = seconds(p["tau_plus"]), seconds(p["tau_minus"])
    events = sorted([(t, 1, "pre") for t in pre] + [(t, 0, "post") for t in post])  # post first at a tie
    for t, _, kind in events:
        if kind == "pre":
            w -= p["A_minus"] * sum(np.exp(-(t - s) / tau_minus) for s in post if s < t - 1e-9)
        else:
            w += p["A_plus"] * sum(np.exp(-(t - s) / tau_plus) for s in pre if s < t - 1e-9)
        w = min(max(w, p["w_min"]), p["w_max"])
    return w


def softhebb(pre: Times, post: Times, w: float, p: Mapping[str, Any], tau_m: float = 0.02) -> float:
    """w += eta/(1 + n/lifetime)*(x - u*w) at each postsynaptic spike; inputs of the same instant come later.

    ``u`` remembers the weight that each input spike arrived through.
    """
    tau_x, arrived, fired = seconds(p["tau_x"]), [], 0
    for t, _, kind in sorted([(t, 1, "pre") for t in pre] + [(t, 0, "post") for t in post]):
        if kind == "pre":
            arrived.append((t, w))
        else:
            x = sum(np.exp(-(t - s) / tau_x) for s, _ in arrived)
            u = sum(v * np.exp(-(t - s) / tau_m) for s, v in arrived)
            w += p["eta"] / (1 + fired / p["lifetime"]) * (x - u * w)
            fired += 1
    return w


ORACLES: dict[str, Oracle] = {"stdp_pair": stdp_pair, "softhebb": softhebb}
