"""Which rules are sums of products, in which form, and what is said of those that are none."""

from __future__ import annotations

import dataclasses

import pytest

from spikehebb.hardware.sum_of_products import problems, sum_of_products
from spikehebb.rules import RULES, calcium_dp, find, on_spikes, reads_rates, stdp_pair

FORMS = {
    "stdp_pair": "dw = -0.00525*x0*y1 + 0.005*y0*x1",
    "stdp_multiplicative": "dw = -0.0105*x0*y1*w - 0.01*y0*x1*(w - 1)",
    "stdp_nearest_symmetric": "dw = -0.00525*x0*y1 + 0.005*y0*x1",
    "vogels": "dw = 0.001*x0*(y1 - 0.12) + 0.001*y0*x1",
    "diehl_cook": "dw = -0.0001*x0*y1 + 0.01*y0*x1*y2",
    "triplet_hc_minimal": "dw = -0.0035*x0*y1 + 0.008*y0*x1*(y2 + 0.6625)",
    "softhebb_annealed": "dw = -0.005*y0*x1*(y1 - 1.008) + 0.005*y0*(y1 - 1.008)*y2*w",
    "softhebb_threshold": "dw = -0.005*y0*x1*(y1 - 1.008) + 0.005*y0*(y1 - 1.008)*w",
    "stdp_reward": "dw = 100*u*(y2 + 0.002)*t\ndtag = -0.15*x0*y1 + 0.1*y0*x1 - 1*u*t",
}
# A piece of what must be said of rules that do not fit
REFUSED = {
    "stdp_guetig": "take an exponent of 0 or 1",
    "stdp_power_law": "has the power w**0.4",
    "stdp_nearest_pre_centred": "which no product makes",
    "stdp_nearest_reduced": "a chip compares nothing",
    "nessler": "replace exp(-w) by 1 - w",
    "clopath": "'u_minus' is no trace of postsynaptic spikes",
    "softhebb": "divides by age_post + 1, and a chip does not divide",
    "softhebb_anti": "a chip compares nothing",
    "krotov_hopfield": "a chip compares nothing",
    "oja_subspace": "'reconstruction_pre' is a sum over synapses",
    "normalization": "needs all weights of a neuron",
    "stdp_reward_centred": "'reward_mean' is no trace",
    "hebb_reward": "'R_mean' is no trace",
    "node_perturbation": "reads 'x' of the presynaptic neuron",
    "softhebb_rate": "rules.on_spikes gives",
    **{rule.name: "computed in the synapse" for rule in RULES.values() if rule.synapse == calcium_dp.synapse},
    **{rule.name: "reads 'x' of the presynaptic neuron" for rule in RULES.values() if "mu" in rule.needs_pre},
    **{n: "rules.on_spikes gives" for n, rule in RULES.items() if reads_rates(rule) and "summed" not in rule.synapse},
}


@pytest.mark.parametrize("name", FORMS)
def test_rules_that_fit_are_shown_in_loihis_form(name: str) -> None:
    assert str(sum_of_products(find(name))) == FORMS[name]
    assert problems(find(name)) == ()


@pytest.mark.parametrize("name", REFUSED)
def test_rules_that_do_not_fit_are_refused_with_the_usual_replacement(name: str) -> None:
    said = problems(find(name))
    assert any(REFUSED[name] in sentence for sentence in said), said


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_shown_or_refused(name: str) -> None:
    """That what is shown is the rule, tests/test_hardware_constrain.py sees from what it learns."""
    rule, said = find(name), problems(find(name))
    assert all(sentence.startswith(f"rule {name}: ") for sentence in said)
    if rule.needs_pre or rule.onset:
        assert said, "a chip learns from spikes alone"
    if said:
        with pytest.raises(ValueError, match=f"rule {name}: "):
            sum_of_products(rule)
    else:
        assert str(sum_of_products(rule)).startswith("dw = ")


def test_traces_bounds_and_tag_are_read() -> None:
    found = sum_of_products(find("stdp_reward"))
    assert (found.tag, found.w_min, found.w_max) == ("elig", 0, 4)
    x1, y1, y2 = found.traces
    assert (x1.name, x1.side, x1.impulse, x1.sets) == ("x1", "pre", 1, True)
    assert x1.tau == pytest.approx(0.02)
    assert (y1.name, y1.side, y1.exposed) == ("y1", "post", False)
    assert (y2.name, y2.variable, y2.exposed) == ("y2", "dopamine", True)
    age = sum_of_products(find("softhebb_annealed")).traces[1]
    assert (age.variable, age.tau, age.top) == ("age", float("inf"), 1)
    assert age.impulse == pytest.approx(1e-3)


def test_rate_rules_fit_on_filtered_spikes() -> None:
    assert str(sum_of_products(on_spikes(find("oja")))) == "dw = 0.1*u*x1*y1 - 0.1*u*y1*y1*w"


def test_a_rule_that_never_changes_its_weight_is_none() -> None:
    idle = dataclasses.replace(stdp_pair, name="idle", on_pre="", on_post="")
    assert problems(idle) == ("rule idle: it never changes the weight",)


def test_a_second_variable_of_the_synapse_has_no_room() -> None:
    both = dataclasses.replace(
        find("stdp_reward"), name="both", synapse="w : 1\nelig : 1\nother : 1", on_pre="other += 1"
    )
    assert any("'other' in the synapse besides 'elig'" in sentence for sentence in problems(both))
