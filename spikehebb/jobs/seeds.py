"""Where the random numbers of every stage of every job come from: one table."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

STAGES = MappingProxyType(
    {
        # learning digits
        "learning": 0,
        "labelling": 1,
        "testing": 2,
        "order": 3,
        "weights": 4,
        "chip": 5,
        # a first layer of columns
        "columns": 6,
        "looking": 7,
        # learning layers
        "patches": 10,
        "layers": 11,
        "inference": 12,
        # associating patterns
        "associating": 20,
        # learning from a reward
        "rewarded": 21,
        # learning a moving bar
        "directions": 22,
        # what a chip's mismatch does to trained weights
        "mismatch": 17,
    }
)
CONVERSION = MappingProxyType({"calibration": 0, "labels": 1, "votes": 2, "stages": 3, "lif": 4})


def seed_of(seed: int, stage: str, *numbers: int) -> int:
    """Return the seed of a part of a stage, such as a chunk of images.

    Examples
    --------
    >>> seed_of(0, "learning", 0), seed_of(0, "learning", 1)
    (2968811710, 3831201730)
    """
    return int(np.random.SeedSequence((seed, STAGES[stage], *numbers)).generate_state(1)[0])


def generator(seed: int, stage: str, *numbers: int) -> np.random.Generator:
    """Return the generator of what a stage draws in Python: orders, weights at the start, patches."""
    return np.random.default_rng((seed, STAGES[stage], *numbers))
