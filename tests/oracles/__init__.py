"""Independent references: each rule written again as plain NumPy from its equations, never from its Brian2 text.

The oracle of a rule that sees spikes takes the spike times of one synapse (seconds, on the grid), the weight at the
start and the parameters, and returns the weight at the end. ``spikes`` has the rules that act at spikes,
``continuous`` those that act at every step, ``exact`` the latter in continuous time, ``rates`` the rules for rates and
at onsets. The decorator of an oracle says which rules it is of.
"""

from __future__ import annotations

from collections.abc import Collection

from tests.oracles.continuous import CONTINUOUS_ORACLES
from tests.oracles.rates import ONSET_ORACLES, RATE_ORACLES
from tests.oracles.spikes import SPIKE_ORACLES, Oracle, Times, seconds

KINDS = (SPIKE_ORACLES, CONTINUOUS_ORACLES, RATE_ORACLES, ONSET_ORACLES)


def check_oracles(rules: Collection[str]) -> None:
    """Fail with a sentence unless every rule has one oracle and every oracle is of a rule."""
    for rule in rules:
        count = sum(rule in kind for kind in KINDS)
        assert count, f"rule {rule} has no oracle; write one from the paper, as plain NumPy, into tests/oracles/."
        assert count == 1, f"rule {rule} has {count} oracles; leave one."
    for rule in (name for kind in KINDS for name in kind):
        assert rule in rules, f"tests/oracles/ has an oracle of {rule}, and there is no such rule."


__all__ = [
    "CONTINUOUS_ORACLES",
    "ONSET_ORACLES",
    "RATE_ORACLES",
    "SPIKE_ORACLES",
    "Oracle",
    "Times",
    "check_oracles",
    "seconds",
]
