"""What a seed can be."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 2**32  # seeds; replicas count on from theirs modulo this number


def check_seed(seed: Any, what: str = "seed") -> int:
    """Return a seed; raise ``ValueError`` unless it is a whole number from 0 to 2**32 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < MOST:
        raise ValueError(f"{what} must lie between 0 and {MOST - 1}, got {seed!r}.")
    return int(seed)
