"""Hebbian rules as the gradients of losses (Miconi 2021), by PyTorch's automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb.circuits import linear_rates
from spikehebb.core import PlasticityRule, Protocol
from spikehebb.rules import hebb, instar, oja
from spikehebb.simulation import simulate

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra torch)")


@pytest.mark.parametrize("rule", [hebb, instar, oja], ids=lambda rule: rule.name)
def test_a_step_of_the_rule_is_a_step_down_its_loss(rule: PlasticityRule) -> None:
    """L = -sum(y_hat**2)/2 with y_hat's value overwritten by y; the three differ in what y_hat is."""
    rng = np.random.default_rng(0)
    x, start = rng.normal(size=7), rng.normal(size=(7, 4))
    w = torch.tensor(start, requires_grad=True)
    z = torch.tensor(x) @ w
    y, squares = z.detach(), (w**2).sum(0)
    surrogate = {"hebb": z, "instar": z - 0.5 * squares, "oja": z - 0.5 * squares * y}[rule.name]
    surrogate.data = y.clone()
    (-0.5 * surrogate**2).sum().backward()
    eta, protocol = 0.01, Protocol(stimuli={"input": x[None]}, duration=1 * ms, presentation=1 * ms)
    circuit = linear_rates(start, rule=rule.with_parameters(eta=eta / 1e-3 * Hz))
    learned = simulate(circuit, protocol, dt=1 * ms, seed=0).weights["feedforward"]
    np.testing.assert_allclose((learned - start) / eta, -w.grad.numpy(), rtol=1e-10, atol=1e-10)
