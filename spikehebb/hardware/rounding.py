"""Fixed-point arithmetic: whole numbers of a given width, how numbers are rounded to them, and what saturates."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Int

Rounding = Literal["nearest", "stochastic"]
_NEAR = 1e-9  # a number closer than this to a whole one, or to a half, is that: 3*0.1/0.1 is a little more than 3


def whole(numbers: Any, rounding: Rounding = "nearest", rng: np.random.Generator | None = None) -> NDArray[np.float64]:
    """Return whole numbers for numbers.

    Parameters
    ----------
    numbers : array_like
    rounding : str
        ``nearest``: halves go to the even neighbour, so that many of them do not drift. ``stochastic``: up with a
        probability equal to the distance from the number below, so that the mean is kept.
    rng : Generator, optional
        Of stochastic rounding; it must be given there.

    Raises
    ------
    ValueError
        If the rounding is unknown or its random numbers are missing.

    Examples
    --------
    >>> whole([0.5, 1.5, -0.5, -2.6]).tolist()
    [0.0, 2.0, 0.0, -3.0]
    """
    array = np.asarray(numbers, np.float64)
    if rounding not in get_args(Rounding):
        raise ValueError(f"rounding must be {' or '.join(get_args(Rounding))}, got {rounding!r}.")
    halves = np.rint(2 * array) / 2
    array = np.where(np.abs(array - halves) < _NEAR, halves, array)
    if rounding == "nearest":
        return np.rint(array) + 0.0  # no negative zeros
    if rng is None:
        raise ValueError("stochastic rounding needs a generator of random numbers.")
    below = np.floor(array)
    chosen: NDArray[np.float64] = below + (rng.random(array.shape) < array - below)
    return chosen


def saturate(numbers: Any, low: int, high: int) -> tuple[Int, int]:
    """Return whole numbers kept within bounds, and how many were not.

    Examples
    --------
    >>> kept, lost = saturate([-129, -128, 127, 128], -128, 127)
    >>> kept.tolist(), lost
    ([-128, -128, 127, 127], 2)
    """
    array = np.asarray(numbers, np.float64)
    kept = np.clip(array, low, high)
    return kept.astype(np.int64), int(np.sum(kept != array))


def steps(times: Any, step: float) -> NDArray[np.float64]:
    """Return how many time steps, to the nearest, each of some times lasts; both in seconds.

    Examples
    --------
    >>> steps([2e-3, 2.6e-3], 1e-3).tolist()
    [2.0, 3.0]
    """
    return whole(np.asarray(times, np.float64) / step)


def levels(bits: int, *, negative: bool, positive: bool, sign_in_bits: bool = True) -> tuple[int, int]:
    """Return the smallest and the largest whole number of so many bits.

    With the sign in the bits they are in two's complement, as on Loihi: 8 bits of mixed sign are -128 to 127, times 2
    (lava-nc/lava: src/lava/utils/weightutils.py fits mixed weights by 127/max and -128/min and cuts -256 to 255 to
    steps of 2; so does nengo-loihi).

    Parameters
    ----------
    bits : int
    negative, positive : bool
        Whether there are numbers of either sign. Where all have one sign, it takes no bit.
    sign_in_bits : bool
        Whether the sign of mixed numbers takes one of the bits; otherwise it is kept elsewhere.

    Examples
    --------
    >>> levels(8, negative=True, positive=True), levels(8, negative=False, positive=True)
    ((-128, 127), (0, 255))
    >>> levels(6, negative=True, positive=True, sign_in_bits=False)
    (-63, 63)
    """
    most = 2**bits - 1
    if negative and positive:
        return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if sign_in_bits else (-most, most)
    return (-most, 0) if negative else (0, most)


def step_of(numbers: Any, most: int) -> float | None:
    """Return the largest step of which all numbers are whole multiples, at most ``most`` of them; None without one.

    Examples
    --------
    >>> step_of([0.5, -0.75, 0.0], 3)
    0.25
    >>> step_of([0.5, 0.75, 0.8], 3) is None
    True
    """
    sizes = np.unique(np.abs(np.asarray(numbers, np.float64)))
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return 1.0
    if len(sizes) > most:
        return None
    tolerance = 1e-9 * float(sizes[-1])
    step = float(sizes[0])
    for number in sizes[1:]:
        step = _common(float(number), step, tolerance)
    step = float(sizes[-1] / max(np.rint(sizes[-1] / step), 1.0))  # without the errors of all those remainders
    multiples = sizes / step
    fits = multiples[-1] <= most + 1e-6 and bool(np.all(np.abs(multiples - np.rint(multiples)) < 1e-6))
    return step if fits else None


def _common(one: float, other: float, tolerance: float) -> float:
    """Return the greatest common divisor of two numbers that were rounded."""
    while other > tolerance:
        rest = one % other
        one, other = other, 0.0 if min(rest, other - rest) <= tolerance else rest
    return one
