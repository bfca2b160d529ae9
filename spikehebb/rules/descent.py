"""Hebbian descent, what it is compared with, and how changes are gathered into mini-batches.

``mu`` is the mean of the input; 0 is the form without centring. A bias is an input that is always 1. ``decay`` is a
weight decay, for which biases are weights like all others.
"""

from __future__ import annotations

import dataclasses

from brian2 import Hz, Quantity

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite

hebbian_descent = PlasticityRule(
    name="hebbian_descent",
    summary="Hebbian descent: dw/dt = -eta*(x - mu)*(h - target), whatever the output's nonlinearity",
    needs_pre="""
        x : 1
        mu : 1
    """,
    needs_post="""
        h : 1
        target : 1
    """,
    synapse="dw/dt = -eta*(x_pre - mu_pre)*(h_post - target_post) - decay*w : 1 (clock-driven)",
    parameters={"eta": 0.2 * Hz, "decay": 0 * Hz},
    roles={"decay": "rate"},
    ties="x, mu, h and target are those of the step; weights follow after them.",
    reference="Melchior, Schiewer and Wiskott 2024",
    cites=cite("melchior2024"),
)

hebbian_descent_gradient = dataclasses.replace(
    hebbian_descent,
    name="hebbian_descent_gradient",
    summary="Gradient descent on the squared error, and in the hidden layers of either: dw/dt = -eta*(x - mu)*gradient",
    needs_post="gradient : 1",
    synapse="dw/dt = -eta*(x_pre - mu_pre)*gradient_post - decay*w : 1 (clock-driven)",
)

hebbian_descent_hebb = dataclasses.replace(
    hebbian_descent,
    name="hebbian_descent_hebb",
    summary="Supervised Hebb: dw/dt = eta*(x - mu)*target",
    needs_post="target : 1",
    synapse="dw/dt = eta*(x_pre - mu_pre)*target_post - decay*w : 1 (clock-driven)",
)

hebbian_descent_covariance = dataclasses.replace(
    hebbian_descent,
    name="hebbian_descent_covariance",
    summary="Supervised covariance rule: dw/dt = eta*(x - mu)*(target - mean target)",
    post="target_mean : 1",
    needs_post="target : 1",
    synapse="dw/dt = eta*(x_pre - mu_pre)*(target_post - target_mean_post) - decay*w : 1 (clock-driven)",
)


def _handing_down(rule: PlasticityRule, name: str, delta: str, summary: str) -> PlasticityRule:
    """Return a rule that also sums what it descends, through its weights, into ``error`` of the layer below."""
    return dataclasses.replace(
        rule,
        name=name,
        summary=summary,
        needs_pre=f"{rule.needs_pre}\nerror : 1",
        synapse=f"error_pre = w*{delta} : 1 (summed)\n{rule.synapse}",
        ties=f"{rule.ties} The error is summed before any weight changes.",
    )


hebbian_descent_deep = _handing_down(
    hebbian_descent,
    "hebbian_descent_deep",
    "(h_post - target_post)",
    "Hebbian descent of the output layer of a deep network: it hands h - target down through its weights",
)

hebbian_descent_gradient_deep = _handing_down(
    hebbian_descent_gradient,
    "hebbian_descent_gradient_deep",
    "gradient_post",
    "Gradient descent that hands its gradient down: hidden layers of either, or the output layer on the squared error",
)


def batched(rule: PlasticityRule, batch: Quantity) -> PlasticityRule:
    """Return a rule that gathers its changes and applies them at the end of every mini-batch.

    With patterns that last one step each and ``batch = 20*dt`` these are mini-batches of 20; ``eta*dt`` is then the
    learning rate for the sum over the batch, a textbook's rate divided by 20.

    Parameters
    ----------
    rule : PlasticityRule
        It drives ``w`` by a differential equation.
    batch : Quantity
        How long a batch lasts; a whole number of steps.

    Raises
    ------
    ValueError
        If the rule does not drive ``w`` by an equation, changes it at spikes, or has learning epochs of its own.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.rules import batched, hebb
    >>> batched(hebb, 20 * ms).update.splitlines()
    ['w += gathered', 'gathered = 0', 'w = clip(w, w_min, w_max)']
    """
    if "w" not in text.differential(rule.synapse):
        raise ValueError(
            f"rule {rule.name} does not drive w by a differential equation, so there is nothing to gather in batches."
        )
    if rule.epoch or rule.on_pre or rule.on_post:
        raise ValueError(
            f"rule {rule.name} {'has learning epochs of its own' if rule.epoch else 'changes w at spikes'}, so its "
            "changes cannot be gathered in batches; take a rule for rates."
        )
    moved = [
        dataclasses.replace(each, variable="gathered") if each.derivative and each.variable == "w" else each
        for each in text.statements(rule.synapse)
    ]
    return dataclasses.replace(
        rule,
        name=f"{rule.name}_batched",
        summary=f"{rule.summary} (in mini-batches)",
        synapse=text.joined("w : 1", *map(str, moved)),
        update=text.joined("w += gathered; gathered = 0", rule.update),
        epoch="batch",
        parameters={**rule.parameters, "batch": batch},
        ties=f"{rule.ties} Weights change at the end of a batch.",
    )
