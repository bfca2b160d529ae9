"""Layers of SoftHebb networks as Brian2 equations: the same numbers as their NumPy form."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb.circuits import competing_rates, winner_rates
from spikehebb.core import Float, PlasticityRule, Protocol
from spikehebb.devices import Device
from spikehebb.rules import combine, instar, softhebb_anti, softhebb_rate, unit_norm
from spikehebb.simulation import simulate
from spikehebb.softhebb import Layer, Network, numerics, plasticity, training

DT, STEP = 1 * ms, 1e-3
INPUTS, UNITS, STEPS = 18, 12, 60
LAYER = Layer(
    units=UNITS,
    kernel=3,
    batch_norm=False,
    plasticity="instar",
    rate="constant",
    eta=0.5,
    unit_norm=True,
    pruned=0.4,
    bias=True,
    eta_bias=0.3,
    winners=2,
)


def patches(count: int) -> Float:
    """What a convolution of 3 x 3 on two channels sees at different positions."""
    x = np.random.default_rng(2).standard_normal((1, 12, 12, 2))
    return np.asarray(numerics.patches(x, 3, 0)[:count], float)


def start(layer: Layer, seed: int = 0) -> Float:
    network = Network(image_shape=(2, 12, 12), layers=(layer,))
    return np.asarray(training.place(layer, training.start(network, seed)[0], np).weight.astype(float))


def shown(circuit: Any, rows: Float, device: Device, record: list[str] | None = None) -> Any:
    protocol = Protocol(stimuli={"input": rows}, duration=len(rows) * DT, presentation=DT)
    return simulate(circuit, protocol, dt=DT, seed=1, device=device, record=record or [])


@pytest.mark.slow_on_cuda
def test_a_layer_of_miconis_is_the_same_in_brian2(device: Device) -> None:
    """Winners, thresholds, pruning, norm 1 and what is passed on, patch after patch."""
    rows, weight, bias = patches(STEPS), start(LAYER), np.zeros(UNITS)
    weight /= np.linalg.norm(weight, axis=1, keepdims=True)
    exists = (weight != 0).astype(float)
    rule = combine(unit_norm, instar).with_parameters(eta=LAYER.eta / STEP * Hz)
    circuit = winner_rates(weight.T, rule=rule, winners=LAYER.winners, rise=LAYER.eta_bias, connected=weight.T != 0)
    recording = shown(circuit, rows, device, ["output.thr", "output.out", "output.y"])
    begun, won = weight.copy(), np.zeros(UNITS)
    for step, x in enumerate(rows):
        weight, bias, u = plasticity.update(LAYER, weight, bias, x[None], LAYER.eta, exists=exists)
        won += numerics.winners(u[0], LAYER.winners)
        for name, expected in (("thr", -bias), ("out", numerics.centred(u)[0])):
            got = recording.traces[f"output.{name}"].reshape(STEPS, UNITS)[step]
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    learned = np.where(exists, recording.weights["feedforward"].T, 0)
    learned /= np.linalg.norm(learned, axis=1, keepdims=True)  # the last update is followed by no onset
    np.testing.assert_allclose(learned, weight, rtol=0, atol=1e-12)
    assert np.abs(weight - begun).max() > 0.3
    assert (won > 0).sum() > UNITS // 2


@pytest.mark.first_is_quick
@pytest.mark.slow_on_cuda
@pytest.mark.parametrize("plasticity_name", ["soft", "soft-anti-hebbian"])
def test_a_layer_of_softhebb_is_the_same_in_brian2(plasticity_name: Any, device: Device) -> None:
    """Update by update: the rule leaves out the division by the largest change of the layer, which is done here."""
    layer = dataclasses.replace(
        LAYER, plasticity=plasticity_name, unit_norm=False, pruned=0.0, bias=False, eta=0.1, winners=1, norm=3.0
    )
    rules: dict[str, PlasticityRule] = {"soft": softhebb_rate, "soft-anti-hebbian": softhebb_anti}
    rule = rules[plasticity_name].with_parameters(eta=1 / STEP * Hz)
    weight = begun = start(layer)
    for x in patches(6):
        expected, _, _ = plasticity.update(layer, weight.copy(), np.zeros(UNITS), x[None], layer.eta)
        circuit = competing_rates(weight.T, rule=rule, temperature=1 / layer.inverse_temperature)
        change = shown(circuit, x[None], device).weights["feedforward"].T - weight
        weight = weight + layer.eta * change / np.abs(change).max()
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-12)
        weight = expected
    assert np.abs(weight - begun).max() > 0.1


@pytest.mark.parametrize("winners", [0, UNITS + 1])
def test_winners_that_a_layer_does_not_have(winners: int) -> None:
    with pytest.raises(ValueError, match=f"winner_rates: winners must be 1 to the number of units 12, got {winners}"):
        winner_rates(np.ones((3, UNITS)), rule=None, winners=winners)


def test_weights_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"winner_rates: weights must be \(inputs, units\), got shape \(3,\)"):
        winner_rates(np.ones(3), rule=None)
