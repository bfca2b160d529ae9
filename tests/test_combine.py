"""Two rules as one: every field of both is carried over, or the pair is refused by name."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.rules import RULES, combine, hebb, normalization, oja, stdp_pair, stdp_reward
from spikehebb.rules.references import cite


def rule(letter: str, **changes: Any) -> PlasticityRule:
    """A rule all of whose fields say something, and whose variables and parameters end in a letter."""
    given: dict[str, Any] = {
        "name": f"rule_{letter}",
        "summary": f"summary {letter}",
        "reference": f"reference {letter}",
        "ties": f"ties {letter}",
        "parameters": {f"tau_{letter}": 20 * ms, f"a_{letter}": 0.5, "late": 2 * ms, "span": 5 * ms},
        "pre": f"dx_{letter}/dt = -x_{letter}/tau_{letter} : 1",
        "pre_spike": f"x_{letter} += 1",
        "pre_epoch": f"x_{letter} *= 0.5",
        "post": f"dy_{letter}/dt = -y_{letter}/tau_{letter} : 1",
        "post_spike": f"y_{letter} += 1",
        "post_epoch": f"y_{letter} *= 0.25",
        "synapse": f"w : 1\ndz_{letter}/dt = -z_{letter}/tau_{letter} : 1 (clock-driven)",
        "on_pre": f"w += a_{letter}*y_{letter}_post*p_{letter}_pre",
        "on_post": f"w += a_{letter}*x_{letter}_pre*q_{letter}_post",
        "update": f"w += a_{letter}",
        "update_if": "spiked > 0",
        "epoch": "span",
        "onset": (f"w *= a_{letter}",),
        "needs_pre": f"p_{letter} : 1",
        "needs_post": f"q_{letter} : 1\nspiked : 1",
        "keeps": (f"x_{letter}",),
        "lag": "late",
        "roles": {f"a_{letter}": "factor"},
        "method": "exponential_euler",
        "trace_method": "exponential_euler",
        "cites": cite({"a": "oja1982", "b": "song2000"}[letter]),
    }
    return PlasticityRule(**{**given, **changes})


FIELDS = [field.name for field in dataclasses.fields(PlasticityRule)]
ONE = ("epoch", "lag", "method", "trace_method", "update_if")  # that both have or neither
PLAIN: dict[str, Any] = {"name": "plain", "summary": "s", "reference": "r", "parameters": {}, "synapse": "w : 1"}


def parts(value: Any, field: str) -> list[Any]:
    """Return what a field says, piece by piece."""
    if isinstance(value, str):
        prose = field in ("name", "summary", "reference", "ties", *ONE)
        return [value] if prose else text.joined(value).splitlines()
    return list(value.items() if hasattr(value, "items") else value)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_both_rules_is_in_the_one(field: str) -> None:
    both = getattr(combine(rule("a"), rule("b")), field)
    for letter in "ab":
        for part in parts(getattr(rule(letter), field), field):
            assert part, f"{field} is empty, and proves nothing"
            assert part in (both if isinstance(both, str) else parts(both, field)), part
    if field in ONE:
        assert both == getattr(rule("a"), field)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_one_rule_is_in_the_one_whichever_comes_first(field: str) -> None:
    """Beside a rule that only names itself."""
    full, plain = rule("a"), PlasticityRule(**PLAIN)
    for both in (combine(full, plain), combine(plain, full)):
        value = getattr(both, field)
        for part in parts(getattr(full, field), field):
            assert part in (value if isinstance(value, str) else parts(value, field)), part


def test_what_both_need_of_their_neurons_is_needed_once() -> None:
    one = PlasticityRule(**{**PLAIN, "name": "one", "needs_post": "dopamine : 1", "on_post": "w += dopamine_post"})
    both = combine(stdp_reward, one)
    assert both.needs_post.count("dopamine") == 1
    assert "w += dopamine_post" in both.on_post
    other = dataclasses.replace(one, needs_post="dopamine : volt", on_post="")
    with pytest.raises(ValueError, match="both need 'dopamine' of their neurons, in different units"):
        combine(stdp_reward, other)


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (stdp_pair, stdp_pair, "cannot combine stdp_pair and stdp_pair: both have ['x1'] (pre)."),
        (normalization, normalization, "both have ['w_sum'] (post)."),
        (hebb, oja.with_parameters(eta=1 * Hz), "cannot combine hebb and oja: eta is "),
        (hebb, oja, "cannot combine hebb and oja: both drive w by an equation."),
        (hebb, stdp_reward, "cannot combine hebb and stdp_reward: both drive w by an equation."),
        (
            rule("a"),
            rule("b", lag="later", parameters={**rule("b").parameters, "later": 2 * ms}),
            "cannot combine rule_a and rule_b: each has a lag of its own.",
        ),
        (
            RULES["calcium_dp"],
            stdp_pair,
            "calcium_dp sees presynaptic spikes later by D, and stdp_pair does not.",
        ),
        (
            rule("a"),
            rule("b", epoch="longer", parameters={**rule("b").parameters, "longer": 9 * ms}),
            "each has an epoch of its own.",
        ),
        (
            rule("a"),
            PlasticityRule(**{**PLAIN, "update": "w *= 0.9"}),
            "rule_a updates at the end of an epoch, and plain at every step.",
        ),
        (
            PlasticityRule(**{**PLAIN, "update": "w *= 0.9"}),
            rule("a"),
            "rule_a updates at the end of an epoch, and plain at every step.",
        ),
        (rule("a"), rule("b", update_if="spiked > 1"), "they update different synapses (update_if)."),
        (rule("a"), rule("b", update_if=""), "they update different synapses (update_if)."),
        (
            rule("a"),
            rule("b", method="euler"),
            "their synapses are integrated by different methods (exponential_euler, euler).",
        ),
        (
            rule("a"),
            rule("b", trace_method="euler"),
            "their traces are integrated by different methods (exponential_euler, euler).",
        ),
        (
            rule("a"),
            PlasticityRule(**{**PLAIN, "post": "x_a : 1"}),
            "['x_a'] outlives a presentation in rule_a, and starts from 0 in plain.",
        ),
        (
            rule("a"),
            PlasticityRule(**{**PLAIN, "parameters": {"a_a": 0.5}, "roles": {"a_a": "scale"}}),
            "cannot combine rule_a and plain: a_a is factor in one and scale in the other.",
        ),
    ],
)
def test_combine_refuses(first: PlasticityRule, then: PlasticityRule, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        combine(first, then)


def test_a_finite_bound_holds_for_both() -> None:
    """Hebb's rules have no bounds unless they are given some, and their statements meet those of the other rule."""
    assert hebb.parameters["w_max"] == np.inf
    for both in (combine(hebb, stdp_pair), combine(stdp_pair, hebb)):
        assert (both.parameters["w_min"], both.parameters["w_max"]) == (0.0, 1.0)


def test_traces_that_decay_are_exact_beside_others() -> None:
    both = combine(RULES["covariance"], stdp_pair)
    assert both.trace_method == "exponential_euler"
