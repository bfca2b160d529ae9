"""The catalogue of learning rules, by name: all that the files of the families define."""

# ruff: noqa: F403 (the names of a family are written in its own file alone)
from __future__ import annotations

from functools import reduce

from spikehebb.catalogue import collected
from spikehebb.core import Frozen, PlasticityRule
from spikehebb.core.values import check_name
from spikehebb.equations import did_you_mean, terms
from spikehebb.rules import calcium, descent, hebbian, homeostasis, short_term, stdp, three_factor, triplet
from spikehebb.rules.calcium import *
from spikehebb.rules.descent import *
from spikehebb.rules.hebbian import *
from spikehebb.rules.homeostasis import *
from spikehebb.rules.short_term import *
from spikehebb.rules.stdp import *
from spikehebb.rules.three_factor import *
from spikehebb.rules.triplet import *

_FAMILIES = {
    "pair STDP": stdp,
    "triplet STDP": triplet,
    "calcium and voltage": calcium,
    "rates and SoftHebb": hebbian,
    "Hebbian descent": descent,
    "three factors": three_factor,
    "homeostasis": homeostasis,
    "short-term": short_term,
}
RULES = collected(PlasticityRule, *map(vars, _FAMILIES.values()))
FAMILIES = Frozen({title: tuple(collected(PlasticityRule, vars(file)).values()) for title, file in _FAMILIES.items()})


def find(name: str | PlasticityRule) -> PlasticityRule:
    """Return a rule by its name, or several that act together: ``stdp_pair+normalization``; a rule as it is.

    Raises
    ------
    ValueError
        If there is none, with the nearest name; or if rules cannot act together (see ``combine``).

    Examples
    --------
    >>> from spikehebb import rules
    >>> rules.find("stdp_pair+normalization").name
    'stdp_pair_normalization'
    """
    if isinstance(name, PlasticityRule):
        return name
    name = check_name("rule", name, "a name that 'spikehebb rules' lists, or a PlasticityRule")
    if len(names := terms(name)) > 1:
        return reduce(homeostasis.combine, map(find, names))
    if name not in RULES:
        raise ValueError(f"there is no rule {name!r}.{did_you_mean(name, RULES)}")
    return RULES[name]
