"""Whether the layers of a network have learned well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spikehebb import metrics
from spikehebb.core import Float, Images
from spikehebb.softhebb import Network, Weights


def of_layers(
    network: Network,
    layers: Sequence[Weights],
    begun: Sequence[Weights],
    *,
    accuracy: float,
    test: Images,
    fired: Sequence[Float] | None = None,
    busiest: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Return what ``metrics.health`` says of layers, given their weights and those that they began with.

    Parameters
    ----------
    accuracy : float
        On the test images.
    fired, busiest : sequence, optional
        Of each layer: the spikes of its units, or the largest share that one has in the softmax.
    """
    learned = [
        metrics.Learned(
            name=f"layer {number + 1}",
            weights=np.asarray(layers[number].weight),
            start=np.asarray(begun[number].weight),
            fired=fired[number] if fired and layer.learns else None,
            busiest=busiest[number] if busiest and layer.learns else None,
        )
        for number, layer in enumerate(network.layers)
    ]
    return metrics.health(learned, accuracy=accuracy, labels=np.asarray(test.labels))
