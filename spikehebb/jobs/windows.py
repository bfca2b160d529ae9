"""Networks that see a window of the cells of a front each, and vote together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spikehebb.core import Samples
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.fronts import CORNERS, Windowed
from spikehebb.jobs.scores import votes_of


def networks_of(settings: Settings) -> tuple[Settings, ...]:
    """Return the settings of every network that learns: one for each corner where the front has windows, else one.

    Examples
    --------
    >>> from spikehebb.jobs import Settings
    >>> [one.front.corner for one in networks_of(Settings(front={"kind": "columns", "window": 10}))]
    [1, 2, 3, 4]
    """
    front = settings.front
    if not isinstance(front, Windowed) or not front.window or front.corner:
        return (settings,)
    return tuple(dataclasses.replace(settings, front=dataclasses.replace(front, corner=corner)) for corner in CORNERS)


def together(
    networks: Sequence[Mapping[str, NDArray[Any]]], counts: Sequence[Any], images: Samples
) -> dict[str, float]:
    """Return the votes of the neurons of all networks.

    Parameters
    ----------
    networks : sequence of mapping
        The arrays of each, with its ``profile``.
    counts : sequence of sparse array, each of shape (images, neurons)
        Their spikes for the same images.
    images : Images or Events
        With labels.
    """
    profile = np.concatenate([np.asarray(arrays["profile"]) for arrays in networks])
    return votes_of(profile, sparse.hstack(list(counts)).tocsr(), np.asarray(images.labels))[0]
