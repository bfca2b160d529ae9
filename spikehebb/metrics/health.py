"""Whether learning went well: weights without bound or all at their bounds, monopolies, silent neurons, chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb.core import Float, Int, check_finite

GROWN = 100.0  # times as long as at the start: a rule that normalizes stays within 10, and a bound holds the others
AT_BOUND = 0.99  # share of the weights
MONOPOLY, OVER_FAIR = 0.5, 4.0  # share of all spikes, and of what a neuron would fire if all fired alike
QUIET = 0.1  # of that: a silent neuron fires by chance before the first input of an image, some 5 %; a healthy one 26 %
SILENT = 0.5  # share of the neurons
ENOUGH = 10  # spikes per neuron, on average, below which nothing is said about who fires


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """The weights that one layer has learned, and who fires with them.

    Parameters
    ----------
    weights, start : array, shape (neurons, ...)
        At the end and before learning.
    fired : array, shape (neurons,), optional
        Spikes of each neuron.
    busiest : float, optional
        Where units have rates: the largest mean share of the softmax.
    bounds : (float, float)
        Of the rule; infinite where it has none.
    name : str
        Of the layer, where there are several.
    """

    weights: Float
    start: Float
    fired: Float | None = None
    busiest: float | None = None
    bounds: tuple[float, float] = (-math.inf, math.inf)
    name: str = ""


def health(layers: Sequence[Learned], *, accuracy: float, labels: Int) -> dict[str, Any]:
    """Judge what was learned.

    Parameters
    ----------
    layers : sequence of Learned
    accuracy : float
        On test images.
    labels : array of int
        Of these images.

    Returns
    -------
    dict
        Plain data: ``layers``, each with ``longest`` and ``longest_at_start`` (Euclidean norms of the weights of a
        neuron), ``at_lower_bound``, ``at_upper_bound`` (shares of the weights), ``busiest`` (share of its spikes) and
        ``silent`` (neurons with at most a tenth of the mean number of spikes); ``accuracy``, ``chance`` (the share of
        the most frequent class); and ``warnings``, sentences with what usually helps.

    Raises
    ------
    ValueError
        If weights are not finite: there is no result then.

    Examples
    --------
    >>> import numpy as np
    >>> learned = Learned(weights=np.full((2, 3), 1e9), start=np.ones((2, 3)), fired=np.array([900, 0]))
    >>> report = health([learned], accuracy=0.5, labels=np.array([0, 1] * 50))
    >>> report["layers"][0]["silent"], len(report["warnings"])
    (1, 3)
    """
    numbers, warnings = [], []
    for layer in layers:
        check_finite(f"the weights{layer.name and f' of {layer.name}'}", layer.weights)
        measured = _measured(layer)
        numbers.append(measured)
        prefix = f"{layer.name}: " if layer.name else ""
        warnings += [prefix + sentence for sentence in _warnings(layer, measured)]
    chance = float(np.bincount(labels[labels >= 0]).max() / len(labels)) if (labels >= 0).any() else 0.0
    noise = 2 * math.sqrt(chance * (1 - chance) / max(len(labels), 1))
    if chance == 1:
        warnings.append(
            f"all {len(labels)} images that it is scored on are of one class, so the accuracy means nothing."
        )
    elif accuracy <= chance + noise:
        warnings.append(
            f"the accuracy, {100 * accuracy:.1f} %, is no better than chance (the most frequent class makes "
            f"{100 * chance:.1f} % of {len(labels)} images): more training images or epochs help, or a rule "
            "with which weights come to resemble images, such as softhebb."
        )
    return {"layers": numbers, "accuracy": accuracy, "chance": chance, "warnings": warnings}


def _measured(layer: Learned) -> dict[str, Any]:
    weights, (low, high) = layer.weights, layer.bounds
    measured: dict[str, Any] = {
        **({"name": layer.name} if layer.name else {}),
        "longest": _longest(weights),
        "longest_at_start": _longest(layer.start),
        "at_lower_bound": float(np.mean(weights <= low)),
        "at_upper_bound": float(np.mean(weights >= high)),
    }
    if layer.fired is not None:
        total = float(np.sum(layer.fired))
        measured["busiest"] = float(np.max(layer.fired)) / total if total else 0.0
        measured["silent"] = int(np.sum(layer.fired <= QUIET * total / len(layer.fired)))
    elif layer.busiest is not None:
        measured["busiest"] = layer.busiest
    return measured


def _longest(weights: Float) -> float:
    """Return the largest norm of the weights of a neuron, also where their squares would overflow."""
    rows = np.abs(np.asarray(weights, np.float64).reshape(len(weights), -1))
    largest = float(rows.max())
    return largest * float(np.linalg.norm(rows / largest, axis=1).max()) if largest else 0.0


def _warnings(layer: Learned, measured: dict[str, Any]) -> list[str]:
    found = []
    longest, first = measured["longest"], measured["longest_at_start"]
    if longest > GROWN * first:
        found.append(
            f"weights grow without bound: the longest weight vector of a neuron has the norm {longest:.3g}, and "
            f"{first:.3g} before learning; a lower learning rate helps, or a rule that normalizes (softhebb) or has "
            "bounds (w_max)."
        )
    lower, upper = measured["at_lower_bound"], measured["at_upper_bound"]
    if lower + upper >= AT_BOUND:
        found.append(
            f"{100 * lower:.0f} % of the weights lie at the lower and {100 * upper:.0f} % at the upper bound; smaller "
            "amplitudes or a lower learning rate help, or a rule whose changes shrink towards the bounds."
        )
    neurons, total = len(layer.weights), math.inf if layer.fired is None else float(np.sum(layer.fired))
    if total == 0:
        return [*found, "no neuron fires for any image; larger weights at the start or a higher rate help."]
    if total < ENOUGH * neurons:
        return found
    if measured.get("busiest", 0.0) >= max(MONOPOLY, OVER_FAIR / neurons):
        what = "wins" if layer.fired is None else "fires"
        found.append(
            f"one of {neurons} neurons {what} {100 * measured['busiest']:.0f} % of all; a rule that keeps weights "
            "at one length (softhebb), a lower learning rate, or an adaptive threshold give the others a chance."
        )
    if measured.get("silent", 0) >= SILENT * neurons:
        found.append(
            f"{measured['silent']} of {neurons} neurons hardly fire; longer weights at the start (start_norm), fewer "
            "neurons, or more images help."
        )
    return found
