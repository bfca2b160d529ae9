"""Rules that change the weight at every step, in continuous time: what a simulation approaches as dt goes to 0.

Between spikes every trace is a sum of exponentials, and the weight follows in closed form (or, for calcium, between
the exact moments at which it crosses a threshold, by a Runge-Kutta step of high accuracy). Weights meet no bound here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from brian2 import mV
from brian2 import volt as volts
from numpy.typing import NDArray

from tests.oracles import continuous
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
    Pairing,
    volt,
)
from tests.oracles.spikes import NEAR, Parameters, Times, all_pairs, hertz, nearest, seconds

Terms = list[tuple[float, float]]  # the sum of size*exp(-rate*t)
Error = Callable[[Parameters, int, NDArray[np.float64]], float]


@dataclass(frozen=True)
class Limit:
    """What an oracle of ``continuous`` approaches, and how far it is from it per second of dt.

    The error is a function of the parameters, the number of spikes and the changes of the weights.
    """

    oracle: ContinuousOracle
    error: Error


LIMITS: dict[ContinuousOracle, Limit] = {}


def limit_of(oracle: ContinuousOracle, error: Error) -> Callable[[ContinuousOracle], ContinuousOracle]:
    def keep(limit: ContinuousOracle) -> ContinuousOracle:
        LIMITS[oracle] = Limit(limit, error)
        return limit

    return keep


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


# After each spike calcium is above a threshold for up to one step too long or too short, at random.
@limit_of(
    continuous.calcium,
    lambda p, spikes, _: float(np.sqrt(2 * spikes) * (p["gamma_p"] + p["gamma_d"]) / seconds(p["tau"])),
)
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


def clamped(spikes: Times, t: float, rest: float) -> Terms:
    """The potential above ``rest`` from ``t`` on, as long as no spike begins or ends, after all spikes until then."""
    fired = spikes[spikes <= t + NEAR]
    free = t - fired.max() - T_CLAMP if fired.size else np.inf
    if free <= -NEAR:
        return [(V_PEAK - rest, 0.0)]
    return [(V_REST - rest, 0.0), ((V_RESET - V_REST) * np.exp(-max(free, 0) / V_TAU), 1 / V_TAU)]


def square(terms: Terms) -> Terms:
    return [(a * b, alpha + beta) for a, alpha in terms for b, beta in terms]


def _voltage_error(p: Parameters, _: int, change: NDArray[np.float64]) -> float:
    """Each step takes a product for constant whose factors decay; so does that of a rule with an eligibility.

    With homeostasis the change is what depression leaves of potentiation, which is five times as much.
    """
    potentiation = np.max(np.abs(change)) * (5 if "tau_square" in p else 1)
    return float((1 / seconds(p["tau_x"]) + 1 / seconds(p["tau_plus"])) * potentiation)


@limit_of(continuous.clopath, _voltage_error)
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
    tau_x, tau_minus, tau_plus = (seconds(p[name]) for name in ("tau_x", "tau_minus", "tau_plus"))
    a_ltd, a_ltp = float(p["A_LTD"] * mV) * 1e3, float(p["A_LTP"] * mV**2) * 1e6
    homeostatic, late = "tau_square" in p, post + V_DELAY
    u_minus = u_plus = u_square = x = 0.0
    moments = instants(duration, pre, post, post + T_CLAMP, late, late + T_CLAMP)
    for start, end in pairwise(moments):
        if hits(pre, start):
            share = u_square / float(p["u_ref_square"] / volts**2) if homeostatic else 1.0
            w -= a_ltd * share * max(u_minus, 0)
            x += 1 / tau_x
        drive = clamped(late, start, theta_minus)
        minus, plus = low_pass(u_minus, drive, tau_minus), low_pass(u_plus, drive, tau_plus)
        spikes = post[post <= start + NEAR]
        if spikes.size and start < spikes.max() + T_CLAMP - NEAR:
            w += a_ltp * (V_PEAK - theta_plus) * integral([(x, 1 / tau_x)], plus, end - start)
        u_minus, u_plus = at(minus, end - start), at(plus, end - start)
        if homeostatic:
            squared = square(clamped(post, start, volt(p["u_rest"])))
            u_square = at(low_pass(u_square, squared, seconds(p["tau_square"])), end - start)
        x *= np.exp(-(end - start) / tau_x)
    return float(w)


def rewarded(pairing: Pairing) -> ContinuousOracle:
    def oracle(
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
        elig = dopamine = mean = 0.0
        for start, end in pairwise(instants(duration, pre, post, reward)):
            if hits(post, start):
                elig += p["A_plus"] * pairing(start, pre, seconds(p["tau_plus"]))
            if hits(pre, start):
                elig -= p["A_minus"] * pairing(start, post, seconds(p["tau_minus"]))
            dopamine += BURST * hits(reward, start)
            present: Terms = [(dopamine, 1 / TAU_DOPAMINE)]
            baseline: Terms = [(-p.get("dopamine_0", 0.0), 0.0)]
            if centred:
                baseline = low_pass(mean, present, seconds(p["tau_mean"]))
            success = [*present, *((-size, rate) for size, rate in baseline)]
            w += hertz(p["gain"]) * integral(success, [(elig, 1 / seconds(p["tau_elig"]))], end - start)
            mean = at(baseline, end - start)
            dopamine = at(present, end - start)
            elig *= float(np.exp(-(end - start) / seconds(p["tau_elig"])))
        return w

    return oracle


def _rewarded_error(p: Parameters, _: int, change: NDArray[np.float64]) -> float:
    return float((1 / seconds(p["tau_elig"]) + 1 / TAU_DOPAMINE) * np.max(np.abs(change)))


limit_of(continuous.nearest_rewarded, _rewarded_error)(rewarded(nearest))
limit_of(continuous.all_rewarded, _rewarded_error)(rewarded(all_pairs))


# Each spike counts one step late.
@limit_of(continuous.synaptic_scaling, lambda p, spikes, _: float(1.1 * p["beta"] * spikes / seconds(p["tau_rate"])))
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
