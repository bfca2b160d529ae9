"""The whole numbers that a weight can be on a chip: one answer for what is checked, quantized and learned there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Circuit, Float
from spikehebb.hardware.rounding import levels
from spikehebb.hardware.sum_of_products import problems, sum_of_products
from spikehebb.hardware.target import Target
from spikehebb.metrics import synapses


def present(circuit: Circuit, name: str) -> Float:
    """Return the weights of a projection, 0 where there is no synapse."""
    return np.where(synapses(circuit, name), np.asarray(circuit.projections[name].weights, float), 0.0)


def signs(circuit: Circuit, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where weights are negative and where positive, or become so under a rule with that bound.

    A rule without a lower bound makes no weight negative that started above: a chip then holds it at 0.
    """
    weights, rule = present(circuit, name), circuit.projections[name].rule
    negative, positive = weights < 0, weights > 0
    if rule is not None and not problems(rule):
        found, there = sum_of_products(rule), synapses(circuit, name)
        negative |= there & (-np.inf < found.w_min < 0)
        positive |= there & (found.w_max > 0)
    return negative, positive


def sign_problem(circuit: Circuit, target: Target, name: str, *, unverified: bool = False) -> str:
    """Return what is wrong with the signs of a projection's weights; empty where nothing is."""
    kind = target.value("weight_signs", unverified=unverified)
    negative, positive = signs(circuit, name)
    if kind == "unsigned" and negative.any():
        return (
            f"projection {name}: {int(negative.sum())} weights are negative, but {target.name} has unsigned ones; "
            "move them into a projection from inhibitory neurons"
        )
    if kind in ("per row", "per presynaptic neuron"):
        mixed = int((negative.any(axis=1) & positive.any(axis=1)).sum())
        if mixed:
            return (
                f"projection {name}: {mixed} of {len(negative)} presynaptic neurons have weights of both signs, but "
                f"{target.name} has one sign {kind}; split each into an excitatory and an inhibitory one"
            )
    return ""


def weight_levels(circuit: Circuit, target: Target, name: str, *, unverified: bool = False) -> tuple[int, int] | None:
    """Return the smallest and the largest whole number that a projection's weights can be; None without a limit.

    Raises
    ------
    ValueError
        If there is no number for one of their signs.

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> from spikehebb.hardware import TARGETS
    >>> circuit = lif_wta([[1.0, 3.0], [4.0, 1.0]])
    >>> weight_levels(circuit, TARGETS["loihi1"], "feedforward"), weight_levels(circuit, TARGETS["loihi1"], "lateral")
    ((-128, 127), (-255, 0))
    """
    bits = target.value("weight_bits", unverified=unverified)
    if bits is None:
        return None
    inside = target.value("sign_in_weight_bits", unverified=unverified) is not False
    negative, positive = (bool(where.any()) for where in signs(circuit, name))
    if negative and positive and inside and bits < 2:
        raise ValueError(f"projection {name}: weights of both signs need 2 bits or more, and {target.name} has {bits}.")
    return levels(bits, negative=negative, positive=positive, sign_in_bits=inside)
