"""What a SoftHebb network has learned, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Frozen
from spikehebb.core.values import LATER, frozen_array
from spikehebb.softhebb.network import Network

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """What one layer has learned.

    Parameters
    ----------
    weight : array, shape (units, channels, kernel, kernel) or (units, inputs)
    mean, variance : array, shape (channels,)
        Running statistics of the batch normalization, of each input channel. 0 and 1 without it.
    bias : array, shape (units,)
        0 where the layer has none.
    whitening : array, shape (inputs, inputs), optional
        The symmetric matrix that whitens an image (row, column, channel), of a layer that does.
    steps : int
        Updates so far.
    """

    weight: Array
    mean: Array
    variance: Array
    bias: Array
    whitening: Array | None = field(default=None, metadata=LATER)
    steps: int = 0

    def __post_init__(self) -> None:
        for name in ("weight", "mean", "variance", "bias", "whitening"):
            if (array := getattr(self, name)) is not None:
                object.__setattr__(self, name, frozen_array(array, np.float32))


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A network with its weights and, if it has one, its linear readout.

    Parameters
    ----------
    network : Network
    layers : tuple of Weights
    readout : (array, array), optional
        Weights (classes, features), with features in the order (channel, row, column), and biases (classes,).
    header : mapping
        What made it, in JSON types.
    """

    network: Network
    layers: tuple[Weights, ...]
    readout: tuple[Array, Array] | None = None
    header: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "header", Frozen(self.header))
        if len(self.layers) != len(self.network.layers):
            raise ValueError(f"model: {len(self.network.layers)} layers need as many weights, got {len(self.layers)}.")
        for number, weights in enumerate(self.layers):
            for name, shape in array_shapes(self.network, number).items():
                got = np.shape(getattr(weights, name))
                if got != shape:
                    raise ValueError(f"model: {name} of layer {number} must have the shape {shape}, got {got}.")
                if not np.isfinite(getattr(weights, name)).all():
                    raise ValueError(f"model: {name} of layer {number} holds numbers that are not finite.")
            if (weights.variance < 0).any():
                raise ValueError(f"model: variance of layer {number} must not be negative.")
        if self.readout is not None:
            weight, bias = (frozen_array(array, np.float32) for array in self.readout)
            if weight.ndim != 2 or weight.shape[1] != self.network.features or bias.shape != weight.shape[:1]:
                raise ValueError(
                    f"model: the readout must have weights (classes, {self.network.features}) and biases (classes,), "
                    f"got {weight.shape} and {bias.shape}."
                )
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise ValueError("model: the readout holds numbers that are not finite.")
            object.__setattr__(self, "readout", (weight, bias))


def array_shapes(network: Network, number: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what a layer has learned."""
    layer, shape = network.layers[number], network.shapes[number]
    channels, inputs = shape[:1], math.prod(shape)
    whitening = {"whitening": (inputs, inputs)} if layer.whitening else {}
    return {
        "weight": network.weight_shape(number),
        "mean": channels,
        "variance": channels,
        "bias": (layer.units,),
        **whitening,
    }
