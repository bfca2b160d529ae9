"""Between which weights a rule keeps, and whether weights start there."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikehebb import equations as text
from spikehebb.core.models import PlasticityRule

_ROUNDED = 1e-6  # of a bound, but at least of 1: how far a weight may start outside


def weight_bounds(rule: PlasticityRule) -> tuple[Any, Any]:
    """Return the least and the largest weight that a rule keeps to; infinite where it keeps to none.

    They are the bounds among its parameters and those that ``w = clip(w, low, high)`` names. A rule that scales weights
    at onsets keeps to none, and one that drives them by an equation only to those of its ``update``.

    Examples
    --------
    >>> from spikehebb.rules import RULES
    >>> weight_bounds(RULES["stdp_multiplicative"])
    (0.0, 1.0)
    """
    low, high = -np.inf, np.inf
    if any(each.variable == "w" for code in rule.onset for each in text.statements(code)):
        return low, high
    driven = "w" in text.differential(rule.synapse)
    blocks = [rule.update] if driven else [rule.on_pre, rule.on_post, rule.update]
    pairs = [pair for block in blocks for pair in text.clips(block, "w")]
    for name, role in rule.meaning.items():
        if not driven or name in text.used(rule.update):
            pairs += [(name, "inf")] if role == "lower bound" else [("-inf", name)] if role == "upper bound" else []
    for least, largest in pairs:
        low = np.maximum(low, _number(rule, least, -np.inf))
        high = np.minimum(high, _number(rule, largest, np.inf))
    return (low, high) if np.ndim(low) or np.ndim(high) else (float(low), float(high))


def _number(rule: PlasticityRule, expression: str, otherwise: float) -> Any:
    """Return the value of a parameter or of a number, or something else where it is neither."""
    if expression in rule.parameters:
        return np.asarray(rule.parameters[expression], float)
    try:
        return float(expression)
    except ValueError:
        return otherwise


def check_start(owner: str, rule: PlasticityRule, weights: Any, connected: Any = None) -> None:
    """Raise ``ValueError`` if a weight, where neurons are connected, starts outside the bounds of its rule."""
    starting = np.ravel(weights) if connected is None else np.asarray(weights)[np.asarray(connected, bool)]
    low, high = weight_bounds(rule)
    if not {np.size(low), np.size(high)} <= {1, starting.size}:  # not one for each synapse
        low, high = np.min(low), np.max(high)
    # What learned in single precision may have been rounded across a bound.
    below = starting < low - _ROUNDED * np.maximum(1, np.abs(low))
    outside = below | (starting > high + _ROUNDED * np.maximum(1, np.abs(high)))
    if outside.any():
        raise ValueError(
            f"{owner}: rule {rule.name} keeps weights between {np.min(low):g} and {np.max(high):g}, but "
            f"{outside.sum()} of {starting.size} start outside, the first at {starting[outside][0]:g}; start within "
            "the bounds, or change them (with_parameters)."
        )
