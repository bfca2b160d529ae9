"""Homeostasis: rules that keep weights or rates in range, alone or combined with a rule that learns."""

from __future__ import annotations

import dataclasses

from brian2 import Hz, second

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite

normalization = PlasticityRule(
    name="normalization",
    summary="Weight normalization: at each onset the weights of every postsynaptic neuron are scaled to the sum total",
    post="w_sum : 1",
    onset=("w_sum_post = 0", "w_sum_post += w", "w *= total/(w_sum_post + int(w_sum_post == 0))"),
    parameters={"total": 78.0},
    roles={"total": "scale"},
    ties="Spikes have no effect. Weights that are all 0 stay so; a rule's bound is met again at its next change.",
    reference="Diehl and Cook 2015 (sum 78 before every image)",
    cites=cite("diehl2015"),
)

synaptic_scaling = PlasticityRule(
    name="synaptic_scaling",
    summary="Synaptic scaling: all weights of a neuron grow or shrink together until it fires at rate goal",
    post="drate_mean/dt = -rate_mean/tau_rate : Hz",
    post_spike="rate_mean += 1/tau_rate",
    keeps=("rate_mean",),
    synapse="dw/dt = beta*w*(goal - rate_mean_post) : 1 (clock-driven)",
    method="exponential_euler",
    parameters={"beta": 0.01, "goal": 5 * Hz, "tau_rate": 10 * second},
    roles={"beta": "learning rate", "goal": "rate"},
    ties="A spike counts from the next step on.",
    reference="Turrigiano et al. 1998; in this form van Rossum, Bi and Turrigiano 2000, without its integral term",
    cites=cite("turrigiano1998", "vanrossum2000"),
)


def combine(first: PlasticityRule, second_rule: PlasticityRule, *, name: str = "") -> PlasticityRule:
    """Return one rule that does what two do, for example STDP with weight normalization.

    Parameters
    ----------
    first, second_rule : PlasticityRule
        At most one of them may change ``w`` by a differential equation, and they share no other variable; a
        parameter that both have must have the same value.
    name : str
        Of the new rule; both names when left out.

    Raises
    ------
    ValueError
        If the two cannot be told apart.

    Examples
    --------
    >>> from spikehebb.rules import combine, diehl_cook, normalization
    >>> combine(diehl_cook, normalization).onset[-1]
    'w *= total/(w_sum_post + int(w_sum_post == 0))'
    """
    name = name or f"{first.name}_{second_rule.name}"
    for side in ("pre", "post", "synapse"):
        both = set(text.variables(getattr(first, side))) & set(text.variables(getattr(second_rule, side))) - {"w"}
        if both:
            raise ValueError(f"cannot combine {first.name} and {second_rule.name}: both have {sorted(both)} ({side}).")
    for parameter in set(first.parameters) & set(second_rule.parameters):
        if first.parameters[parameter] != second_rule.parameters[parameter]:
            raise ValueError(
                f"cannot combine {first.name} and {second_rule.name}: {parameter} is {first.parameters[parameter]} in "
                f"one and {second_rule.parameters[parameter]} in the other."
            )
    plain = [rule for rule in (first, second_rule) if "w" not in text.differential(rule.synapse)]
    if not plain:
        raise ValueError(f"cannot combine {first.name} and {second_rule.name}: both drive w by an equation.")
    if first.lag and second_rule.lag and first.lag != second_rule.lag:
        raise ValueError(f"cannot combine {first.name} and {second_rule.name}: each has a lag of its own.")
    dropped, kept = plain[0], second_rule if plain[0] is first else first
    texts = ("pre", "pre_spike", "post", "post_spike", "on_pre", "on_post", "update", "needs_pre", "needs_post")
    return dataclasses.replace(
        first,
        name=name,
        summary=f"{first.summary}; {second_rule.summary}",
        reference=f"{first.reference}; {second_rule.reference}",
        ties=f"{first.ties} {second_rule.ties}",
        parameters={**first.parameters, **second_rule.parameters},
        roles={**first.roles, **second_rule.roles},
        synapse=text.joined(kept.synapse, text.without(dropped.synapse, ["w"])),
        onset=(*first.onset, *second_rule.onset),
        keeps=(*first.keeps, *second_rule.keeps),
        cites=tuple(dict.fromkeys((*first.cites, *second_rule.cites))),
        lag=first.lag or second_rule.lag,
        method=kept.method,
        trace_method=next((r.trace_method for r in (first, second_rule) if r.trace_method != "exact"), "exact"),
        **{what: text.joined(getattr(first, what), getattr(second_rule, what)) for what in texts},
    )
