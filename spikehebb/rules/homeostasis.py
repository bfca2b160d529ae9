"""Homeostasis: rules that keep weights or rates in range, alone or combined with a rule that learns."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
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

unit_norm = PlasticityRule(
    name="unit_norm",
    summary="Unit norm: at each onset the weights of every postsynaptic neuron are scaled to the Euclidean norm 1",
    post="w_squares : 1",
    onset=("w_squares_post = 0", "w_squares_post += w**2", "w *= norm/sqrt(w_squares_post + int(w_squares_post == 0))"),
    parameters={"norm": 1.0},
    roles={"norm": "scale"},
    ties="Spikes have no effect. Weights that are all 0 stay so; a rule's bound is met again at its next change.",
    reference="Miconi 2021, after every update of the weights; presentations then last a single step",
    cites=cite("miconi2021"),
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
        At most one of them may change ``w`` by a differential equation, and they share no other variable but those
        that both need of their neurons; a parameter that both have must have the same value and meaning, but that a
        finite bound holds for both. Where the statements of both act at the same moment, those of the first come first.
    name : str
        Of the new rule; both names when left out.

    Raises
    ------
    ValueError
        If the two cannot be told apart, or if one would change when the other acts.

    Examples
    --------
    >>> from spikehebb.rules import combine, diehl_cook, normalization
    >>> combine(diehl_cook, normalization).onset[-1]
    'w *= total/(w_sum_post + int(w_sum_post == 0))'
    """
    both = (first, second_rule)
    if problem := _clash(first, second_rule):
        raise ValueError(f"cannot combine {first.name} and {second_rule.name}: {problem}.")
    plain = [rule for rule in both if "w" not in text.differential(rule.synapse)]
    dropped, kept = plain[0], second_rule if plain[0] is first else first
    texts = ("pre", "pre_spike", "pre_epoch", "post", "post_spike", "post_epoch", "on_pre", "on_post", "update")
    needed = {
        needs: text.joined(getattr(first, needs), text.without(getattr(second_rule, needs), _needed(first, needs)))
        for needs in ("needs_pre", "needs_post")
    }
    return dataclasses.replace(
        first,
        name=name or f"{first.name}_{second_rule.name}",
        summary=f"{first.summary}; {second_rule.summary}",
        reference=f"{first.reference}; {second_rule.reference}",
        ties=f"{first.ties} {second_rule.ties}",
        parameters={**first.parameters, **second_rule.parameters, **_finite(first, second_rule)},
        roles={**first.roles, **second_rule.roles},
        synapse=text.joined(kept.synapse, text.without(dropped.synapse, ["w"])),
        update_if=next((rule.update_if for rule in both if rule.update), ""),
        onset=(*first.onset, *second_rule.onset),
        keeps=(*first.keeps, *second_rule.keeps),
        cites=tuple(dict.fromkeys((*first.cites, *second_rule.cites))),
        lag=first.lag or second_rule.lag,
        epoch=first.epoch or second_rule.epoch,
        method=_methods(both)[0],
        trace_method=_trace_methods(both)[0],
        **needed,
        **{what: text.joined(getattr(first, what), getattr(second_rule, what)) for what in texts},
    )


def _clash(first: PlasticityRule, second_rule: PlasticityRule) -> str:
    """Return why two rules cannot become one; empty where they can."""
    both = (first, second_rule)
    for side in ("pre", "post", "synapse"):
        shared = set(text.variables(getattr(first, side))) & set(text.variables(getattr(second_rule, side))) - {"w"}
        if shared:
            return f"both have {sorted(shared)} ({side})"
    for needs in ("needs_pre", "needs_post"):
        units = _needed(first, needs)
        for variable, unit in _needed(second_rule, needs).items():
            if units.get(variable, unit) != unit:
                return f"both need {variable!r} of their neurons, in different units"
    for parameter in set(first.parameters) & set(second_rule.parameters) - _finite(first, second_rule).keys():
        values, roles = ([getattr(rule, of)[parameter] for rule in both] for of in ("parameters", "meaning"))
        for one, other in (values, roles):
            if one != other:
                return f"{parameter} is {one} in one and {other} in the other"
    if all("w" in text.differential(rule.synapse) for rule in both):
        return "both drive w by an equation"
    for one, other in (both, both[::-1]):
        if one.lag and (other.lag or other.on_pre or other.pre_spike) and one.lag != other.lag:
            if other.lag:
                return "each has a lag of its own"
            return f"{one.name} sees presynaptic spikes later by {one.lag}, and {other.name} does not"
        if one.epoch and one.epoch != other.epoch:
            if other.epoch:
                return "each has an epoch of its own"
            if other.update:
                return f"{one.name} updates at the end of an epoch, and {other.name} at every step"
        if outlives := sorted(set(one.keeps) & {*text.variables(other.pre), *text.variables(other.post)}):
            return f"{outlives} outlives a presentation in {one.name}, and starts from 0 in {other.name}"
    if len({rule.update_if for rule in both if rule.update}) > 1:
        return "they update different synapses (update_if)"
    if len(methods := _methods(both)) > 1:
        return f"their synapses are integrated by different methods ({', '.join(methods)})"
    if len(methods := _trace_methods(both)) > 1:
        return f"their traces are integrated by different methods ({', '.join(methods)})"
    return ""


def _finite(first: PlasticityRule, second_rule: PlasticityRule) -> dict[str, Any]:
    """Return the bounds that one of two rules leaves open, as the other has them."""
    found = {}
    for name in set(first.parameters) & set(second_rule.parameters):
        values = [rule.parameters[name] for rule in (first, second_rule) if np.all(np.isfinite(rule.parameters[name]))]
        if len(values) == 1 and first.meaning[name] == second_rule.meaning[name]:
            found[name] = values[0]
    return found


def _needed(rule: PlasticityRule, needs: str) -> dict[str, Any]:
    """Return the variables, with their units, that a rule needs of one of its neurons."""
    return text.variables(getattr(rule, needs))


def _methods(rules: tuple[PlasticityRule, ...]) -> list[str]:
    """Return the methods that integrate equations of synapses; that of the first rule where there are none."""
    found = dict.fromkeys(rule.method for rule in rules if text.differential(rule.synapse))
    return list(found) or [rules[0].method]


def _trace_methods(rules: tuple[PlasticityRule, ...]) -> list[str]:
    """Return the same for traces; ``exponential_euler`` is exact, too, where a trace only decays."""
    found = dict.fromkeys(rule.trace_method for rule in rules if text.differential(f"{rule.pre}\n{rule.post}"))
    if found.keys() == {"exact", "exponential_euler"}:
        return ["exponential_euler"]
    return list(found) or [rules[0].trace_method]
