"""Plans that present images and films."""

from __future__ import annotations

import numpy as np
from brian2 import Quantity, ms
from numpy.typing import ArrayLike

from spikehebb.core import Images, Protocol
from spikehebb.core.times import seconds
from spikehebb.encoders import unit_length


def presentations(images: Images, *, duration: Quantity = 50 * ms, population: str = "input") -> Protocol:
    """Return a plan that presents images one after the other, each scaled to unit length.

    Parameters
    ----------
    images : Images
    duration : Quantity
        Of one presentation.
    population : str
        Where they are presented; it has one neuron per pixel.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.protocols import presentations
    >>> presentations(load("digits", "test")).duration
    25. * second
    """
    seconds("duration", duration, above=0.0)
    return Protocol(
        stimuli={population: unit_length(images.intensities())},
        duration=len(images) * duration,
        presentation=duration,
        labels=images.labels,
    )


def movies(
    films: ArrayLike, *, duration: Quantity, population: str = "input", labels: ArrayLike | None = None
) -> Protocol:
    """Return a plan that presents films: the frames of each follow one another without a reset.

    Parameters
    ----------
    films : array_like, shape (films, frames, ...)
        Presented as they are, from 0 to the encoder's full rate at 1; every frame of a film has one value per neuron.
    duration : Quantity
        Of one film; its frames share it equally.
    population : str
        Where they are presented.
    labels : array_like of int, shape (films,), optional

    Raises
    ------
    ValueError
        If the array has fewer than three axes, or there are not as many labels as films.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikehebb.protocols import movies
    >>> plan = movies(np.zeros((10, 4, 8, 8)), duration=80 * ms)  # ten films of four frames of 8 x 8 pixels
    >>> plan.frames, plan.stimuli["input"].shape, plan.duration
    (4, (40, 64), 0.8 * second)
    """
    array = np.asarray(films, float)
    if array.ndim < 3 or not array.size:
        raise ValueError(f"movies: films must be an array (films, frames, ...), got shape {array.shape}.")
    if labels is not None and np.shape(labels) != array.shape[:1]:
        raise ValueError(f"movies: {len(array)} films need as many labels, got {np.shape(labels)}.")
    seconds("duration", duration, above=0.0)
    return Protocol(
        stimuli={population: array.reshape(array.shape[0] * array.shape[1], -1)},
        duration=len(array) * duration,
        presentation=duration,
        frames=array.shape[1],
        labels=None if labels is None else np.asarray(labels, np.int64),
    )
