"""Rules that change the weight at every step, as the recursion that the step order of ``PlasticityRule`` defines.

Step n: neurons advance by dt with what they knew at the end of step n - 1; then the equation of the synapse and the
clipping of w; then a postsynaptic spike of the step acts, then an arriving presynaptic one, and both raise their
traces. So a spike of step m weighs ``exp(-(n - m)*dt/tau)`` in what step n reads, and only n > m reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from brian2 import mV
from brian2 import volt as volts
from numpy.typing import NDArray

from spikehebb.encoders import clamped_source
from tests.oracles.registry import Oracles
from tests.oracles.spikes import Parameters, Times, all_pairs, hertz, limited, nearest, seconds

NOTHING: Times = np.zeros(0)
TAU_DOPAMINE, BURST = 0.2, 0.5  # Izhikevich: each reward raises dopamine by 0.5, which decays with 200 ms
# the neuron that the voltage-based rule meets in synapse_pair: not part of the rule, so its numbers are taken from it
V_REST, V_RESET, V_PEAK, T_CLAMP, V_TAU, V_DELAY = (
    float(clamped_source.parameters[name])
    for name in ("v_rest", "v_reset", "v_peak", "t_clamp", "tau_m", "filter_delay")
)


class ContinuousOracle(Protocol):
    """As ``Oracle``, and how long the run lasts, its step and the times of rewards."""

    def __call__(
        self,
        pre: Times,
        post: Times,
        w: float,
        p: Parameters,
        /,
        *,
        duration: float = 0.6,
        dt: float = 1e-4,
        reward: Times = NOTHING,
    ) -> float: ...


CONTINUOUS_ORACLES: Oracles[ContinuousOracle] = Oracles()
Pairing = Callable[[float, Times, float], float]  # what earlier spikes of the other side leave behind at a spike


def volt(value: Any) -> float:
    return float(value / volts)


def steps(times: Times, dt: float) -> list[int]:
    return [round(t / dt) for t in times]


def positive(value: float) -> float:
    return max(value, 0.0)


def decayed(spikes: list[int], count: int, dt: float, tau: float) -> NDArray[np.float64]:
    """For each of so many steps, what all spikes of earlier steps have left behind, 1 each at first."""
    n = np.arange(count)
    return sum((np.where(n > m, np.exp(-(n - m).clip(0) * dt / tau), 0.0) for m in spikes), np.zeros(count))


@CONTINUOUS_ORACLES.of(
    *("calcium_dp", "calcium_dpd", "calcium_dpd_prime", "calcium_p", "calcium_d", "calcium_d_prime"),
    *("calcium_hippocampal_slices", "calcium_hippocampal_cultures", "calcium_cortical_slices"),
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
    """Graupner and Brunel without noise, by Euler; the lag D counts in whole steps, half a step upwards."""
    tau, tau_ca, lag = seconds(p["tau"]), seconds(p["tau_Ca"]), int(seconds(p["D"]) / dt + 0.5 + 1e-6)
    rises = {n + lag for n in steps(pre, dt)}, set(steps(post, dt))
    c = 0.0
    for n in range(round(duration / dt)):
        slope = -w * (1 - w) * (p["w_star"] - w)
        if c > p["theta_p"]:
            slope += p["gamma_p"] * (1 - w)
        if c > p["theta_d"]:
            slope -= p["gamma_d"] * w
        w += dt / tau * slope
        c -= dt / tau_ca * c
        c += p["C_y"] * (n in rises[1]) + p["C_x"] * (n in rises[0])
    return w


def since(spikes: list[int], count: int) -> NDArray[np.float64]:
    """For each of so many steps, how many steps before it the last spike was; infinity before the first."""
    n = np.arange(count)[:, None]
    ages = np.where(n > np.array(spikes, int), n - np.array(spikes, int), np.inf)
    return np.asarray(ages.min(axis=1, initial=np.inf))


def clamped_potential(spikes: list[int], count: int, dt: float, *, advanced: bool) -> NDArray[np.float64]:
    """The potential in each step: for T_CLAMP after a spike at the peak, then from V_RESET back to rest.

    ``advanced``: after the neuron has been integrated, else before.
    """
    age, clamp = since(spikes, count), round(T_CLAMP / dt)
    decaying = np.maximum(age - clamp - (not advanced), 0)
    return np.where(age <= clamp, V_PEAK, V_REST + (V_RESET - V_REST) * np.exp(-decaying * dt / V_TAU))


def exponential_mean(values: NDArray[np.float64], dt: float, tau: float) -> NDArray[np.float64]:
    """The running mean in each step, of the values up to that step, each older one counting exp(-dt/tau) times less."""
    n = np.arange(len(values))
    weights = -np.expm1(-dt / tau) * np.exp(-n * dt / tau)
    return np.convolve(values, weights)[: len(values)]


@CONTINUOUS_ORACLES.of("clopath", "clopath_homeostatic")
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
    """Exponential Euler for the filtered potentials, which count from theta_minus; Euler for the weight.

    With homeostasis depression is in proportion to the running mean of the square of the depolarization.
    """
    came, fired, count = set(steps(pre, dt)), steps(post, dt), round(duration / dt)
    late = [n + round(V_DELAY / dt) for n in fired]
    fast, slow, keep = (float(np.exp(-dt / seconds(p[name]))) for name in ("tau_plus", "tau_minus", "tau_x"))
    a_ltd, a_ltp = float(p["A_LTD"] * mV) * 1e3, float(p["A_LTP"] * mV**2) * 1e6
    drive = clamped_potential(late, count, dt, advanced=False) - volt(p["theta_minus"])
    above = np.maximum(clamped_potential(fired, count, dt, advanced=True) - volt(p["theta_plus"]), 0)
    share = np.ones(count)
    if "tau_square" in p:
        depolarized = np.maximum(clamped_potential(fired, count, dt, advanced=False) - volt(p["u_rest"]), 0)
        share = exponential_mean(depolarized**2, dt, seconds(p["tau_square"])) / float(p["u_ref_square"] / volts**2)
    x = u_minus = u_plus = 0.0
    for n in range(count):
        u_minus = drive[n] + (u_minus - drive[n]) * slow
        u_plus = drive[n] + (u_plus - drive[n]) * fast
        x *= keep
        w = limited(w + dt * a_ltp * x * above[n] * positive(u_plus), p)
        if n in came:
            w = limited(w - a_ltd * share[n] * positive(u_minus), p)
            x += 1 / seconds(p["tau_x"])
    return float(w)


def rewarded(pairing: Pairing) -> ContinuousOracle:
    """dw/dt = gain*(dopamine - baseline)*elig by Euler, where elig is fed by the pairs that count.

    The baseline is -dopamine_0, or, centred, the running mean of what dopamine was in the step before. With epochs the
    weight moves at the end of each, after the spikes of its last step.
    """

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
        count, gain = round(duration / dt), hertz(p["gain"])
        at_pre, at_post = set(steps(pre, dt)), set(steps(post, dt))
        keep = float(np.exp(-dt / seconds(p["tau_elig"])))
        follow = float(np.exp(-dt / seconds(p["tau_mean"]))) if centred else 1.0
        epoch = round(seconds(p["t_epoch"]) / dt) if "t_epoch" in p else 0
        raised = BURST * decayed(steps(reward, dt), count, dt, TAU_DOPAMINE)
        elig = dopamine = mean = 0.0
        for n in range(count):
            mean = dopamine + (mean - dopamine) * follow
            dopamine = float(raised[n])
            success = dopamine - mean if centred else dopamine + p["dopamine_0"]
            if not epoch:
                w = limited(w + dt * gain * success * elig, p)
                elig *= keep
            if n in at_post:
                elig += p["A_plus"] * pairing(n * dt, pre, seconds(p["tau_plus"]))
            if n in at_pre:
                elig -= p["A_minus"] * pairing(n * dt, post, seconds(p["tau_minus"]))
            if epoch and (n + 1) % epoch == 0:
                w = limited(w + epoch * dt * gain * success * elig, p)
                elig *= keep**epoch
        return w

    return oracle


nearest_rewarded = CONTINUOUS_ORACLES.of("stdp_reward")(rewarded(nearest))
all_rewarded = CONTINUOUS_ORACLES.of("stdp_reward_all_to_all", "stdp_reward_centred")(rewarded(all_pairs))
epochs_rewarded = CONTINUOUS_ORACLES.of("stdp_reward_epochs")(rewarded(nearest))


@CONTINUOUS_ORACLES.of("synaptic_scaling")
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
    """d(ln w)/dt = beta*(goal - rate); the rate is that of each step, and the rule is exact for it."""
    tau = seconds(p["tau_rate"])
    rate = decayed(steps(post, dt), round(duration / dt), dt, tau) / tau
    total = float(np.sum(hertz(p["goal"]) - rate)) * dt
    return w * float(np.exp(p["beta"] * total))


@CONTINUOUS_ORACLES.of("tsodyks_markram")
def tsodyks_markram(
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
    """The recursion from spike to spike: what a spike just before the end of the last step would transmit."""
    U, tau_rec, tau_facil = p["U"], seconds(p["tau_rec"]), seconds(p["tau_facil"])
    u, x, last = 0.0, 1.0, 0
    end = round(duration / dt)
    for n in [*(m for m in steps(pre, dt) if m < end - 1), end - 1]:
        elapsed = (n - last) * dt
        u, x = u * np.exp(-elapsed / tau_facil), 1 - (1 - x) * np.exp(-elapsed / tau_rec)
        last = n
        if n < end - 1:
            u += U * (1 - u)
            x -= u * x
    return float(w * (u + U * (1 - u)) * x)
