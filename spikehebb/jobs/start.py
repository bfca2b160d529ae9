"""Trained networks that learning goes on from, in spikes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikehebb.core import Float, Frozen, Samples
from spikehebb.core.values import is_finite
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.learned_file import settings_from

_ROWS = 4096  # images whose norms are taken together


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A trained network that learning goes on from.

    Parameters
    ----------
    kind : str
        ``softhebb``, the rate-based original, or ``digits``, which has learned in spikes before.
    image_shape : tuple of int
        Height and width, after channels where there are any.
    weights : array, shape (pixels, neurons)
    age : array, shape (neurons,)
        A neuron learns with ``eta/(1 + age)``, and its age grows by ``1/lifetime`` with each of its spikes.
    bias : array, shape (neurons,)
        Added to ``u/T`` in the competition; 0 where the network has none. It does not learn.
    inverse_temperature : float, optional
        Of a rate-based network, for pixels between 0 and 1.
    config : mapping
        Settings of a network that has learned in spikes.
    origin : mapping
        Where it came from: name and SHA-256 of the file, or of the arrays where there is no file.
    """

    kind: str
    image_shape: tuple[int, ...]
    weights: Float
    age: Float
    bias: Float
    inverse_temperature: float | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("config", "origin"):
            object.__setattr__(self, name, Frozen(getattr(self, name)))

    def with_age(self, age: float) -> Start:
        """Return the same network with neurons that are all of one age."""
        if not (is_finite(age) and age >= 0):
            raise ValueError(f"age must be a number of at least 0, got {age}.")
        return dataclasses.replace(self, age=np.full(len(self.age), float(age)))

    def check(self, settings: Settings, train: Samples) -> None:
        """Raise ``ValueError`` unless learning can go on from here with these settings and images."""
        shape, neurons = train.pixel_shape, self.weights.shape[1]
        if shape != self.image_shape:
            raise ValueError(
                f"the network that learning goes on from takes images of {self.image_shape}, but {train.name} has "
                f"{shape}; give images of that size."
            )
        if settings.neurons != neurons:
            raise ValueError(
                f"the network that learning goes on from has {neurons} neurons, but the settings say "
                f"{settings.neurons}; leave the number out."
            )

    def settings(self, train: Samples, **changes: Any) -> Settings:
        """Return settings that carry over the competition.

        A rate-based layer competes with ``softmax(t*w.x)`` for pixels between 0 and 1, the spiking circuit with
        ``softmax(w.x/T)`` for images of length 1: ``T = 1/(t*mean length of the training images)``.

        Parameters
        ----------
        train : Samples
            What will be learned.
        **changes
            Other fields of ``Settings``; ``parameters`` are added to those that it learned with, but for those of
            another rule or target. One pass over the images where ``epochs`` is left out.
        """
        if self.inverse_temperature is None:
            earlier = settings_from(self.config)
            kept = {name: v for name, v in earlier.parameters.items() if name.partition(".")[0] not in changes}
            changes = {"epochs": 1, **changes, "parameters": {**kept, **changes.get("parameters", {})}}
            return dataclasses.replace(earlier, **changes)
        carried = {"temperature": 1 / (self.inverse_temperature * mean_norm(train))}
        return Settings(**{"neurons": self.weights.shape[1], **carried, **changes})

    def describe(self, train: Samples) -> dict[str, Any]:
        """Return the description of the start in the report of a run."""
        rates = {}
        if self.inverse_temperature is not None:
            rates = {"inverse_temperature": self.inverse_temperature, "mean_image_norm": mean_norm(train)}
        return {"kind": self.kind, **self.origin, "mean_age": float(self.age.mean()), **rates}


def mean_norm(images: Samples) -> float:
    """Return the mean Euclidean length of images, for pixels between 0 and 1.

    Raises
    ------
    ValueError
        If all of them are blank.
    """
    total = 0.0
    for first in range(0, len(images), _ROWS):
        pixels = images.intensities(slice(first, first + _ROWS)).astype(np.float64)
        total += float(np.linalg.norm(pixels.reshape(len(pixels), -1), axis=1).sum())
    if not total:
        raise ValueError(f"{images.name}: all images are blank, so they give no temperature; take other images.")
    return total / len(images)
