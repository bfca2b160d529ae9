"""Rules that change the weight at every step, in continuous time: what a simulation approaches as dt goes to 0.

Between spikes every trace is a sum of exponentials, and the weight follows in closed form (or, for calcium, between
the exact moments at which it crosses a threshold, by a Runge-Kutta step of high accuracy). Weights meet no bound here.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from brian2 import mV

from tests.oracles.continuous import (
    BURST,
    NOTHING,
    T_CLAMP,
    TAU_DOPAMINE,
    V_DELAY,
    V_PEAK,
    V_RESET,
    V_REST,
    V_TAU,
    ContinuousOracle,
    volt,
)
from tests.oracles.spikes import NEAR, Parameters, Times, all_pairs, hertz, nearest, seconds

Terms = list[tuple[float, float]]  # the sum of size*exp(-rate*t)


def integral(first: Terms, second: Terms, span: float) -> float:
    """Of the product of two sums of exponentials, from 0 to ``span``."""
    total = 0.0
    for a, alpha in first:
        for b, beta in second:
            rate = alpha + beta
            total += a * b * (span if rate == 0 else -np.expm1(-rate * span) / rate)
    return float(total)


def at(terms: Terms, t: float) -> float:
    return float(sum(size * np.exp(-rate * t) for size, rate in terms))


def low_pass(u: float, drive: Terms, tau: float) -> Terms:
    """The solution of ``tau*du/dt = drive - u`` from ``u``."""
    forced = [(size / (1 - rate * tau), rate) for size, rate in drive]
    return [*forced, (u - at(forced, 0), 1 / tau)]


def instants(end: float, *trains: Times) -> list[float]:
    """0, all times before the end, and the end."""
    inside = {round(float(t), 9) for train in trains for t in train if 0 < t < end}
    return sorted({0.0, end} | inside)


def hits(times: Times, t: float) -> bool:
    return bool(np.any(np.abs(times - t) < NEAR))


def calcium(
    pre: Times,
    post: Times,
    w: float,
    p: Parameters,
    /,
    *,
    duration: float = 0.6,
    dt: float = 1e-4,
    reward: Times = NOTHING,
) -> float:
    tau, tau_ca = seconds(p["tau"]), seconds(p["tau_Ca"])
    late = pre + seconds(p["D"])

    def level(t: float) -> float:
        rises = p["C_x"] * np.exp(-(t - late[late <= t + NEAR]) / tau_ca).sum()
        return float(rises + p["C_y"] * np.exp(-(t - post[post <= t + NEAR]) / tau_ca).sum())

    moments = instants(duration, late, post)
    for start, end in pairwise(moments[:]):
        c = level(start)
        for theta in (p["theta_p"], p["theta_d"]):
            crossing = start + tau_ca * np.log(c / theta) if c > theta else end
            if start < crossing < end:
                moments.append(float(crossing))
    for start, end in pairwise(sorted(moments)):
        c = level((start + end) / 2)
        gamma_p, gamma_d = p["gamma_p"] * (c > p["theta_p"]), p["gamma_d"] * (c > p["theta_d"])

        def slope(rho: float, up: float = gamma_p, down: float = gamma_d) -> float:
            return float((-rho * (1 - rho) * (p["w_star"] - rho) + up * (1 - rho) - down * rho) / tau)

        parts = max(1, int(np.ceil((end - start) / 1e-3)))
        h = (end - start) / parts
        for _ in range(parts):
            k1 = slope(w)
            k2 = slope(w + h / 2 * k1)
            k3 = slope(w + h / 2 * k2)
            w += h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(w + h * k3))
    return w


def clopath(
    pre: Times,
    post: Times,
    w: float,
    p: Parameters,
    /,
    *,
    duration: float = 0.6,
    dt: float = 1e-4,
    reward: Times = NOTHING,
) -> float:
    theta_minus, theta_plus = volt(p["theta_minus"]), volt(p["theta_plus"])
    taus = [seconds(p[name]) for name in ("tau_minus", "tau_plus", "tau_x")]
    a_ltd, a_ltp = float(p["A_LTD"] * mV) * 1e3, float(p["A_LTP"] * mV**2) * 1e6
    late = post + V_DELAY
    u_minus = u_plus = x = 0.0
    moments = instants(duration, pre, post, post + T_CLAMP, late, late + T_CLAMP)
    for start, end in pairwise(moments):
        if hits(pre, start):
            w -= a_ltd * max(u_minus, 0)
            x += 1 / taus[2]
        fired = late[late <= start + NEAR]
        free = start - fired.max() - T_CLAMP if fired.size else np.inf
        drive: Terms = [(V_PEAK - theta_minus, 0.0)]
        if free > -NEAR:
            drive = [(V_REST - theta_minus, 0.0), ((V_RESET - V_REST) * np.exp(-max(free, 0) / V_TAU), 1 / V_TAU)]
        minus, plus = low_pass(u_minus, drive, taus[0]), low_pass(u_plus, drive, taus[1])
        spikes = post[post <= start + NEAR]
        if spikes.size and start < spikes.max() + T_CLAMP - NEAR:
            w += a_ltp * (V_PEAK - theta_plus) * integral([(x, 1 / taus[2])], plus, end - start)
        u_minus, u_plus = at(minus, end - start), at(plus, end - start)
        x *= np.exp(-(end - start) / taus[2])
    return float(w)


def stdp_reward(
    pre: Times,
    post: Times,
    w: float,
    p: Parameters,
    /,
    *,
    duration: float = 0.6,
    dt: float = 1e-4,
    reward: Times = NOTHING,
) -> float:
    centred = "tau_mean" in p
    pairs = all_pairs if centred else nearest
    elig = dopamine = mean = 0.0
    for start, end in pairwise(instants(duration, pre, post, reward)):
        if hits(post, start):
            elig += p["A_plus"] * pairs(start, pre, seconds(p["tau_plus"]))
        if hits(pre, start):
            elig -= p["A_minus"] * pairs(start, post, seconds(p["tau_minus"]))
        dopamine += BURST * hits(reward, start)
        present: Terms = [(dopamine, 1 / TAU_DOPAMINE)]
        baseline: Terms = [(-p["dopamine_0"], 0.0)] if not centred else low_pass(mean, present, seconds(p["tau_mean"]))
        success = [*present, *((-size, rate) for size, rate in baseline)]
        w += hertz(p["gain"]) * integral(success, [(elig, 1 / seconds(p["tau_elig"]))], end - start)
        mean = at(baseline, end - start)
        dopamine = at(present, end - start)
        elig *= float(np.exp(-(end - start) / seconds(p["tau_elig"])))
    return w


def synaptic_scaling(
    pre: Times,
    post: Times,
    w: float,
    p: Parameters,
    /,
    *,
    duration: float = 0.6,
    dt: float = 1e-4,
    reward: Times = NOTHING,
) -> float:
    """Each spike at s adds ``1 - exp(-(duration - s)/tau)`` to the integral of the rate."""
    counted = -np.expm1(-(duration - post) / seconds(p["tau_rate"])).sum()
    return w * float(np.exp(p["beta"] * (hertz(p["goal"]) * duration - counted)))


def of(name: str) -> ContinuousOracle:
    """Return the reference of a rule in continuous time."""
    named: dict[str, ContinuousOracle] = {
        "clopath": clopath,
        "stdp_reward": stdp_reward,
        "stdp_reward_centred": stdp_reward,
        "synaptic_scaling": synaptic_scaling,
    }
    return named.get(name, calcium)
