"""Spike trains of at most 52 steps as numbers: bit n is the spike of step n."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Quantity
from numpy.typing import NDArray

from spikehebb.core import Spikes

Words = NDArray[np.uint64]


def pack(raster: NDArray[Any]) -> Words:
    """Return the trains of a raster of 0 and 1, shape (steps, ...), as words of the remaining shape."""
    words = np.zeros(raster.shape[1:], np.uint64)
    for step, fired in enumerate(raster):
        words |= fired.astype(np.uint64) << np.uint64(step)
    return words


def unpack(words: Words, steps: int) -> NDArray[np.uint8]:
    """Return the raster of words, shape (steps, ...).

    Examples
    --------
    >>> import numpy as np
    >>> unpack(np.array([5], np.uint64), 4).ravel().tolist()
    [1, 0, 1, 0]
    """
    lanes = np.ascontiguousarray(words).astype("<u8").view(np.uint8).reshape(*words.shape, 8)
    bits = np.unpackbits(lanes, axis=-1, bitorder="little")[..., :steps]
    return np.ascontiguousarray(np.moveaxis(bits, -1, 0))


def counts(words: Words, steps: int | None = None) -> NDArray[np.uint8]:
    """Return how many spikes each train has, or has within its first steps."""
    seen = words if steps is None else words & np.uint64((1 << steps) - 1)
    return np.bitwise_count(seen)


def from_spikes(spikes: Spikes, *, neurons: int, presentations: int, steps: int, dt: Quantity, first: int = 0) -> Words:
    """Return recorded spikes as words, shape (presentations, neurons); bit 0 is the ``first`` of ``steps``."""
    at = np.rint(np.asarray(spikes.t) / float(dt)).astype(np.int32)
    presentation = at // np.int32(steps)
    bits = np.zeros(steps, np.uint64)
    bits[first:] = np.uint64(1) << np.arange(steps - first, dtype=np.uint64)
    words = np.zeros(presentations * neurons, np.uint64)
    np.add.at(words, presentation * np.int64(neurons) + spikes.i, bits[at - presentation * np.int32(steps)])
    return words.reshape(presentations, neurons)
