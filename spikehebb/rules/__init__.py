"""The catalogue of learning rules, by name."""

from __future__ import annotations

from spikehebb.core import Frozen, PlasticityRule
from spikehebb.equations import did_you_mean
from spikehebb.rules import calcium, hebbian, homeostasis, stdp, three_factor, triplet
from spikehebb.rules.calcium import (
    calcium_cortical_slices,
    calcium_d,
    calcium_d_prime,
    calcium_dp,
    calcium_dpd,
    calcium_dpd_prime,
    calcium_hippocampal_cultures,
    calcium_hippocampal_slices,
    calcium_p,
    clopath,
)
from spikehebb.rules.hebbian import (
    bcm,
    covariance,
    hebb,
    hebb_forgetting,
    hebb_post_gated,
    hebb_pre_gated,
    hebbian_descent,
    hebbian_descent_covariance,
    hebbian_descent_gradient,
    hebbian_descent_hebb,
    instar,
    krotov_hopfield,
    oja,
    oja_subspace,
    on_spikes,
    outstar,
    reads_rates,
    softhebb,
    softhebb_annealed,
    softhebb_anti,
    softhebb_rate,
)
from spikehebb.rules.homeostasis import combine, normalization, synaptic_scaling
from spikehebb.rules.stdp import (
    diehl_cook,
    nessler,
    stdp_anti_hebbian,
    stdp_guetig,
    stdp_mixed,
    stdp_multiplicative,
    stdp_nearest_pre_centred,
    stdp_nearest_reduced,
    stdp_nearest_symmetric,
    stdp_pair,
    stdp_power_law,
    stdp_symmetric,
    vogels,
)
from spikehebb.rules.three_factor import hebb_reward, node_perturbation, stdp_reward, stdp_reward_centred
from spikehebb.rules.triplet import (
    triplet_hc_full,
    triplet_hc_minimal,
    triplet_hc_nearest_full,
    triplet_hc_nearest_minimal,
    triplet_vc_full,
    triplet_vc_minimal,
    triplet_vc_nearest_full,
    triplet_vc_nearest_minimal,
)

FAMILIES: Frozen[tuple[PlasticityRule, ...]] = Frozen(
    {
        "pair STDP": stdp.RULES,
        "triplet STDP": triplet.RULES,
        "calcium and voltage": calcium.RULES,
        "rates and SoftHebb": hebbian.RULES,
        "three factors": three_factor.RULES,
        "homeostasis": homeostasis.RULES,
    }
)
RULES: Frozen[PlasticityRule] = Frozen({rule.name: rule for family in FAMILIES.values() for rule in family})


def find(name: str) -> PlasticityRule:
    """Return a rule by its name.

    Raises
    ------
    ValueError
        If there is none, with the nearest name.
    """
    if name not in RULES:
        raise ValueError(f"there is no rule {name!r}.{did_you_mean(name, RULES)}")
    return RULES[name]


__all__ = [
    "FAMILIES",
    "RULES",
    "bcm",
    "calcium_cortical_slices",
    "calcium_d",
    "calcium_d_prime",
    "calcium_dp",
    "calcium_dpd",
    "calcium_dpd_prime",
    "calcium_hippocampal_cultures",
    "calcium_hippocampal_slices",
    "calcium_p",
    "clopath",
    "combine",
    "covariance",
    "diehl_cook",
    "find",
    "hebb",
    "hebb_forgetting",
    "hebb_post_gated",
    "hebb_pre_gated",
    "hebb_reward",
    "hebbian_descent",
    "hebbian_descent_covariance",
    "hebbian_descent_gradient",
    "hebbian_descent_hebb",
    "instar",
    "krotov_hopfield",
    "nessler",
    "node_perturbation",
    "normalization",
    "oja",
    "oja_subspace",
    "on_spikes",
    "outstar",
    "reads_rates",
    "softhebb",
    "softhebb_annealed",
    "softhebb_anti",
    "softhebb_rate",
    "stdp_anti_hebbian",
    "stdp_guetig",
    "stdp_mixed",
    "stdp_multiplicative",
    "stdp_nearest_pre_centred",
    "stdp_nearest_reduced",
    "stdp_nearest_symmetric",
    "stdp_pair",
    "stdp_power_law",
    "stdp_reward",
    "stdp_reward_centred",
    "stdp_symmetric",
    "synaptic_scaling",
    "triplet_hc_full",
    "triplet_hc_minimal",
    "triplet_hc_nearest_full",
    "triplet_hc_nearest_minimal",
    "triplet_vc_full",
    "triplet_vc_minimal",
    "triplet_vc_nearest_full",
    "triplet_vc_nearest_minimal",
    "vogels",
]
