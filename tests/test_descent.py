"""Hebbian descent: every output unit with its loss, running centring, mini-batches, deep networks."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from brian2 import Hz, ms
from scipy.special import log_softmax, softmax

from spikehebb import circuits, devices, neurons
from spikehebb.core import Circuit, PlasticityRule, Protocol, Recording
from spikehebb.devices import Device
from spikehebb.rules import (
    batched,
    hebbian_descent,
    hebbian_descent_deep,
    hebbian_descent_gradient,
    hebbian_descent_gradient_deep,
    oja_subspace,
    stdp_pair,
    synaptic_scaling,
)
from spikehebb.simulation import simulate
from tests.oracles.rates import Array
from tests.test_rate_rules import DT, STEP, joined

ETA, DECAY, BATCH, SHARE, DEEPER = 0.1, 0.01, 4, 0.05, 0.3
PATTERNS, INPUTS, UNITS = 24, 6, 4
Phi = Callable[[Array], Array]
# Activity, its slope (of the softmax a matrix), and the integral of the activity, each as its textbook has it.
OUTPUTS: dict[str, tuple[Phi, Phi, Callable[[Array], float]]] = {
    "identity": (lambda z: z, np.ones_like, lambda z: float((z**2).sum() / 2)),
    "step": (lambda z: np.heaviside(z, 0), np.zeros_like, lambda z: float(np.maximum(z, 0).sum())),
    "rectifier": (
        lambda z: np.maximum(z, 0),
        lambda z: np.heaviside(z, 0),
        lambda z: float((np.maximum(z, 0) ** 2).sum() / 2),
    ),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2, lambda z: float(np.log(np.cosh(z)).sum())),
    "sigmoid": (
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: 1 / (2 + 2 * np.cosh(z)),
        lambda z: float(np.logaddexp(0, z).sum()),
    ),
    "exponential": (np.exp, np.exp, lambda z: float(np.exp(z).sum())),
    "softmax": (
        softmax,
        lambda z: np.diag(softmax(z)) - np.outer(softmax(z), softmax(z)),
        lambda z: float(np.log(np.exp(z).sum())),
    ),
}
RULES = {"hebbian": hebbian_descent, "gradient": hebbian_descent_gradient}


def quick(rule: PlasticityRule, decay: float = 0.0, eta: float = ETA) -> PlasticityRule:
    """The rule with a learning rate and a decay for each step."""
    return rule.with_parameters(eta=eta / STEP * Hz, decay=decay / STEP * Hz)


def delta(unit: str, rule: str, z: Array, target: Array) -> Array:
    phi, slope, _ = OUTPUTS[unit]
    error = phi(z) - target
    return error if rule == "hebbian" else slope(z) @ error if unit == "softmax" else slope(z) * error


@lru_cache
def data() -> tuple[Array, Array, Array, Array]:
    """Inputs with a bias at the end, targets that add up to 1, weights, and means."""
    rng = np.random.default_rng(1)
    x = np.hstack([rng.random((PATTERNS, INPUTS)), np.ones((PATTERNS, 1))])
    target = np.eye(UNITS)[rng.integers(0, UNITS, PATTERNS)]
    return x, target, rng.normal(0, 0.5, (INPUTS + 1, UNITS)), np.append(rng.random(INPUTS), 0.0)


@lru_cache
def layers_run(device: Device) -> Recording:
    """Every unit under both rules with decay, centred by given means, and under Hebbian descent by running ones."""
    x, target, w, mu = data()
    parts: dict[str, Circuit] = {}
    for unit in OUTPUTS:
        model = neurons.NEURONS[f"{unit}_unit"]
        for name, rule in RULES.items():
            parts[f"{unit}_{name}"] = circuits.supervised_rates(w, rule=quick(rule, DECAY), mu=mu, unit=model)
        parts[f"{unit}_running"] = circuits.supervised_rates(
            w, rule=quick(hebbian_descent), mu=mu, unit=model, tau_mu=DT / SHARE
        )
    parts["batches"] = circuits.supervised_rates(w, rule=batched(quick(hebbian_descent, DECAY), BATCH * DT), mu=mu)
    first, second, third = deep_weights()
    for name, rule in {"hebbian": hebbian_descent_deep, "gradient": hebbian_descent_gradient_deep}.items():
        parts[f"deep_{name}"] = circuits.deep_rates(
            [first, second, third], rule=quick(rule, eta=DEEPER), mu=mu, hidden=neurons.tanh_hidden
        )
    stimuli = {f"{part}_{name}": rows for part in parts for name, rows in (("input", x), ("output", target))}
    protocol = Protocol(stimuli=stimuli, duration=PATTERNS * DT, presentation=DT)
    record = [f"{unit}_hebbian_output.{what}" for unit in OUTPUTS for what in ("z", "h", "gradient", "loss")]
    return simulate(joined(parts), protocol, dt=DT, device=device, record=record)


def deep_weights() -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(2)
    return rng.normal(0, 0.5, (INPUTS + 1, 5)), rng.normal(0, 0.5, (5, 4)), rng.normal(0, 0.5, (4, UNITS))


def close(found: Array, expected: Array, start: Array) -> None:
    assert np.abs(expected - start).max() > 0.01, "nothing is learnt"
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("unit", OUTPUTS)
@pytest.mark.parametrize("rule", RULES)
def test_every_unit_learns_as_its_numpy_form(unit: str, rule: str, device: Device) -> None:
    x, target, start, mu = data()
    w = start
    for row, wanted in zip(x - mu, target, strict=True):
        w = w - ETA * np.outer(row, delta(unit, rule, row @ w, wanted)) - DECAY * w
    close(layers_run(device).weights[f"{unit}_{rule}_feedforward"], w, start)


@pytest.mark.parametrize("unit", OUTPUTS)
def test_running_centring_adapts_the_bias_before_the_mean_moves(unit: str, device: Device) -> None:
    """As published: b += share*(x - mu).W, then mu += share*(x - mu), then the step with the new mean."""
    x, target, start, mean = data()
    w, b, mu = start[:-1].copy(), start[-1] + mean[:-1] @ start[:-1], mean[:-1].copy()
    for row, wanted in zip(x[:, :-1], target, strict=True):
        b = b + SHARE * (row - mu) @ w
        mu = mu + SHARE * (row - mu)
        step = delta(unit, "hebbian", (row - mu) @ w + b, wanted)
        w, b = w - ETA * np.outer(row - mu, step), b - ETA * step
    found = layers_run(device).weights[f"{unit}_running_feedforward"]
    close(found[:-1], w, start[:-1])
    np.testing.assert_allclose(found[-1] + mu @ found[:-1], b, rtol=1e-12, atol=1e-12)


def test_mini_batches_descend_the_sum_of_their_patterns(device: Device) -> None:
    x, target, start, mu = data()
    w = start
    for first in range(0, PATTERNS, BATCH):
        rows, wanted = x[first : first + BATCH] - mu, target[first : first + BATCH]
        step = ETA * rows.T @ (1 / (1 + np.exp(-rows @ w)) - wanted)
        w = w - step - BATCH * DECAY * w
    close(layers_run(device).weights["batches_feedforward"], w, start)


@pytest.mark.parametrize("rule", RULES)
def test_an_error_is_handed_down_through_all_layers(rule: str, device: Device) -> None:
    x, target, _, mu = data()
    start = deep_weights()
    w = [each.copy() for each in start]
    for row, wanted in zip(x - mu, target, strict=True):
        seen = [row]
        for each in w[:-1]:
            seen.append(np.append(np.tanh(seen[-1] @ each)[:-1], 1.0))
        down = delta("sigmoid", rule, seen[-1] @ w[-1], wanted)
        for number in (2, 1, 0):
            step = np.outer(seen[number], down)
            down = (w[number] @ down) * (1 - seen[number] ** 2)  # of a bias, always 1, it is 0
            w[number] = w[number] - DEEPER * step
    for number in range(3):
        close(layers_run(device).weights[f"deep_{rule}_layer{number + 1}"], w[number], start[number])


@pytest.mark.parametrize("unit", OUTPUTS)
def test_every_unit_reports_the_loss_whose_slope_is_its_error(unit: str) -> None:
    """The integral of the activity minus target*z, with the constant that the documentation states."""
    _, target, _, _ = data()
    traces = layers_run(devices.NUMPY).traces
    z, h, gradient, loss = (traces[f"{unit}_hebbian_output.{what}"] for what in ("z", "h", "gradient", "loss"))
    phi, _, integral = OUTPUTS[unit]
    constant = (target**2 / 2).sum(axis=1) if unit == "identity" else 0.0
    expected = np.array([integral(row) - wanted @ row for row, wanted in zip(z, target, strict=True)]) + constant
    np.testing.assert_allclose(loss.sum(axis=1), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(h, [phi(row) for row in z], rtol=1e-12)
    slopes = [delta(unit, "gradient", row, wanted) for row, wanted in zip(z, target, strict=True)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-12)
    nudge = 1e-6 * np.eye(UNITS)
    for row, wanted in zip(z, target, strict=True):
        numeric = [(integral(row + each) - integral(row - each)) / 2e-6 for each in nudge] - wanted
        np.testing.assert_allclose(phi(row) - wanted, numeric, atol=1e-5)


def test_the_loss_of_large_inputs_is_finite() -> None:
    """exp(800) is not a number of 64 bits."""
    w = np.array([[800.0, -800.0]])
    for unit in ("tanh", "sigmoid", "softmax"):
        circuit = circuits.supervised_rates(w, rule=None, unit=neurons.NEURONS[f"{unit}_unit"])
        stimuli = {"input": np.ones((1, 1)), "output": np.array([[0.0, 1.0]])}
        plan = Protocol(stimuli=stimuli, duration=DT, presentation=DT)
        loss = simulate(circuit, plan, dt=DT, record=["output.loss"]).traces["output.loss"][0]
        z, target = w[0], np.array([0.0, 1.0])
        expected = {
            "tanh": np.abs(z) - np.log(2) - target * z,
            "sigmoid": np.maximum(z, 0) - target * z,
            "softmax": -target * log_softmax(z),
        }[unit]
        np.testing.assert_allclose(loss, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (stdp_pair, "rule stdp_pair does not drive w by a differential equation, so there is nothing to gather"),
        (synaptic_scaling, None),
        (batched(oja_subspace, 4 * ms), "does not drive w by a differential equation"),
    ],
)
def test_batches_refuse_what_they_cannot_gather(rule: PlasticityRule, message: str | None) -> None:
    if message is None:
        assert batched(rule, 4 * ms).epoch == "batch"
        return
    with pytest.raises(ValueError, match=message):
        batched(rule, 4 * ms)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(4, 3)], "weights must be two or more layers"),
        ([(4, 3), (2, 2)], "the units of a layer must be the inputs of the next one"),
    ],
)
def test_deep_rates_refuse_layers_that_do_not_fit(shapes: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=f"deep_rates: {message}"):
        circuits.deep_rates([np.zeros(shape) for shape in shapes], rule=None)
    with pytest.raises(ValueError, match="a softmax needs inhibition"):
        circuits.deep_rates([np.zeros((3, 3)), np.zeros((3, 2))], rule=None, unit=neurons.softmax_unit)
