"""The catalogue of learning rules, by name."""

from __future__ import annotations

from spikehebb.core import Frozen, PlasticityRule
from spikehebb.equations import did_you_mean
from spikehebb.rules.hebbian import softhebb
from spikehebb.rules.stdp import stdp_pair

RULES: Frozen[PlasticityRule] = Frozen({rule.name: rule for rule in (stdp_pair, softhebb)})


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


__all__ = ["RULES", "find", "softhebb", "stdp_pair"]
