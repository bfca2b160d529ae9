"""Rules for rates, written from their published equations for a whole layer, weights (inputs, units).

An oracle takes the weights, what the layer's neurons hold in one step (``x``, ``y``, ``u``, running means ...) and the
rule's parameters in base units, and returns dw/dt; ``averages`` says what each running mean averages. The oracle of a
rule that acts at onsets returns the change of the weights there. The layers that compute ``y`` from ``x`` are here,
too, and ``trajectory`` joins it all: one step of Euler per time step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.oracles.registry import Oracles

Array = NDArray[np.float64]
Values = Mapping[str, Array]
RateOracle = Callable[[Array, Values, Mapping[str, float]], Array]
Activity = Callable[[int, Array], tuple[Values, Values]]
Mean = tuple[Callable[[Values], Array], str]  # what it averages, and the name of its time constant

RATE_ORACLES: Oracles[RateOracle] = Oracles()
ONSET_ORACLES: Oracles[RateOracle] = Oracles()
MEANS: dict[RateOracle, Mapping[str, Mean]] = {}


def averages(**means: Mean) -> Callable[[RateOracle], RateOracle]:
    """Say what the running means are that an oracle reads."""

    def keep(oracle: RateOracle) -> RateOracle:
        MEANS[oracle] = means
        return oracle

    return keep


def base(parameters: Mapping[str, Any]) -> dict[str, float]:
    """Parameters as numbers in base units."""
    return {name: float(value) for name, value in parameters.items()}


@RATE_ORACLES.of("hebb")
def hebb(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * np.outer(s["x"], s["y"])


@RATE_ORACLES.of("hebb_forgetting")
def hebb_forgetting(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    """Per step dt the weight keeps the share 1 - dt/tau_forget of itself, the textbook's gamma."""
    return hebb(w, s, p) - w / p["tau_forget"]


@RATE_ORACLES.of("covariance")
@averages(x_mean=(lambda s: s["x"], "tau_mean"), y_mean=(lambda s: s["y"], "tau_mean"))
def covariance(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * np.outer(s["x"] - s["x_mean"], s["y"] - s["y_mean"])


@RATE_ORACLES.of("hebb_pre_gated")
def hebb_pre_gated(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * np.outer(s["x"], s["y"] - p["y_0"])


@RATE_ORACLES.of("hebb_post_gated")
def hebb_post_gated(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * np.outer(s["x"] - p["x_0"], s["y"])


@RATE_ORACLES.of("oja")
def oja(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * (np.outer(s["x"], s["y"]) - w * s["y"] ** 2)


@RATE_ORACLES.of("oja_subspace")
def oja_subspace(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    """The input minus its reconstruction from all outputs, times the output."""
    return p["eta"] * np.outer(s["x"] - w @ s["y"], s["y"])


@RATE_ORACLES.of("instar")
def instar(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * s["y"] * (s["x"][:, None] - w)


@RATE_ORACLES.of("outstar")
def outstar(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * s["x"][:, None] * (s["y"] - w)


@RATE_ORACLES.of("bcm")
@averages(theta=(lambda s: s["y"] ** 2, "tau_theta"))
def bcm(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * np.outer(s["x"], s["y"] * (s["y"] - s["theta"]))


@RATE_ORACLES.of("softhebb_rate")
def softhebb_rate(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * s["y"] * (s["x"][:, None] - s["u"] * w)


@RATE_ORACLES.of("softhebb_anti")
def softhebb_anti(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    """The first of the units with the largest u keeps its sign, all others change theirs."""
    sign = -np.ones(len(s["u"]))
    sign[np.argmax(s["u"])] = 1.0
    return p["eta"] * sign * s["y"] * (s["x"][:, None] - s["u"] * w)


@RATE_ORACLES.of("krotov_hopfield")
def krotov_hopfield(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    order = np.argsort(-s["u"], kind="stable")
    g = np.zeros(len(order))
    g[order[0]] = 1.0
    g[order[int(p["k"]) - 1]] = -p["delta"]
    return p["eta"] * g * (s["x"][:, None] - s["u"] * w)


def descended(rule: str, s: Values) -> Array:
    """What a rule of supervised units multiplies the centred input with: the slope of a loss in z, or minus a target.

    Of the squared error it is h - target times the slope of the logistic function, in its form 1/(2 + 2*cosh(z)).
    """
    if rule.startswith("hebbian_descent_gradient"):
        return np.asarray((s["h"] - s["target"]) / (2 + 2 * np.cosh(s["z"])), float)
    return {
        "hebbian_descent_hebb": lambda: -s["target"],
        "hebbian_descent_covariance": lambda: s["target_mean"] - s["target"],
    }.get(rule, lambda: s["h"] - s["target"])()


def _descent(rule: str) -> RateOracle:
    def oracle(w: Array, s: Values, p: Mapping[str, float]) -> Array:
        return -p["eta"] * np.outer(s["x"] - s["mu"], descended(rule, s)) - p["decay"] * w

    return oracle


for _rule in ("", "_gradient", "_hebb", "_covariance", "_deep", "_gradient_deep"):
    RATE_ORACLES.of(f"hebbian_descent{_rule}")(_descent(f"hebbian_descent{_rule}"))


@RATE_ORACLES.of("hebb_reward")
@averages(R_mean=(lambda s: s["R"], "tau_mean"))
def hebb_reward(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * (s["R"] - p["baseline"] * s["R_mean"]) * np.outer(s["x"], s["y"])


@RATE_ORACLES.of("hebb_reward_delayed")
@averages(elig=(lambda s: s["product"], "tau_elig"))
def hebb_reward_delayed(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    """The eligibility is the running mean of x*y of earlier steps, exp(-dt/tau_elig) times less in each."""
    return p["eta"] * s["success"] * s["elig"]


@RATE_ORACLES.of("node_perturbation_delayed")
@averages(elig=(lambda s: s["perturbed"], "tau_elig"))
def node_perturbation_delayed(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * s["success"] * s["elig"]


@RATE_ORACLES.of("node_perturbation")
@averages(R_mean=(lambda s: s["R"], "tau_mean"))
def node_perturbation(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    return p["eta"] * (s["R"] - s["R_mean"]) * np.outer(s["x"], s["noise"])


@ONSET_ORACLES.of("normalization")
def normalization(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    """At an onset to weights that add up to ``total`` in every column."""
    return w * (p["total"] / w.sum(axis=0) - 1)


@ONSET_ORACLES.of("unit_norm")
def unit_norm(w: Array, s: Values, p: Mapping[str, float]) -> Array:
    """At an onset every column to length 1."""
    return w * (1 / np.linalg.norm(w, axis=0) - 1)


def linear(w: Array, x: Array) -> dict[str, Array]:
    return {"x": x, "y": _drive(w, x)}


def competing(w: Array, x: Array, temperature: float) -> dict[str, Array]:
    u = _drive(w, x)
    share = np.exp((u - u.max()) / temperature)
    return {"x": x, "u": u, "y": share / share.sum()}


def supervised(w: Array, x: Array, mu: Array, target: Array) -> dict[str, Array]:
    z = _drive(w, x - mu)
    return {"x": x, "mu": mu, "z": z, "h": 1 / (1 + np.exp(-z)), "target": target}


def below(first: Array, x: Array, mu: Array) -> Array:
    """Tanh units under a layer of supervised ones; the last is their bias."""
    h = np.tanh(_drive(first, x - mu))
    h[-1] = 1.0
    return np.asarray(h, float)


def handed_down(first: Array, w: Array, x: Array, now: Values, rule: str, p: Mapping[str, float]) -> Array:
    """dw/dt of the layer below, by back-propagation of what the layer above descends; the bias has no input."""
    error = w @ descended(rule, now)
    slope = 1 - now["x"] ** 2
    slope[-1] = 0.0
    return -p["eta"] * np.outer(x, error * slope) - p["decay"] * first


def rewarded(w: Array, x: Array, noise: Array, target: Array) -> dict[str, Array]:
    y = _drive(w, x) + noise
    return {"x": x, "y": y, "noise": noise, "R": -np.sum((y - target) ** 2, keepdims=True)}


def told(w: Array, x: Array, noise: Array, success: Array) -> dict[str, Array]:
    """Noisy units that are told what success they had, and the products that rules remember."""
    y = _drive(w, x) + noise
    return {"x": x, "y": y, "product": np.outer(x, y), "perturbed": np.outer(x, noise), "success": success}


def trajectory(rule: str, w: Array, activity: Activity, steps: int, parameters: Mapping[str, Any], dt: float) -> Array:
    """Return the weights after every step, shape (steps, inputs, units).

    ``activity(n, w)`` returns what the neurons hold when the weights of step ``n`` change, and what the running
    means take in, during that step, before they are read: they are exact low-pass filters that begin at 0.
    """
    oracle = RATE_ORACLES[rule]
    averaged = MEANS.get(oracle, {})
    p, means, traces = base(parameters), {name: np.zeros(1) for name in averaged}, []
    for n in range(steps):
        values, averaged_values = activity(n, w)
        for name, (of, tau) in averaged.items():
            means[name] = means[name] + (1 - np.exp(-dt / p[tau])) * (of(averaged_values) - means[name])
        w = np.clip(w + dt * oracle(w, {**values, **means}, p), p.get("w_min", -np.inf), p.get("w_max", np.inf))
        traces.append(w)
    return np.array(traces)


def _drive(w: Array, x: Array) -> Array:
    """Return w.x, added up in the same order for every unit, so that equal units tie exactly."""
    return np.asarray((w * x[:, None]).sum(axis=0), float)
