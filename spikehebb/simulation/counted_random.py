"""Random numbers that depend only on the replica and neuron or synapse that draws them, and on the time.

Brian2's ``rand()`` on a device is one stream that all draw from in turn, so that what one neuron gets depends on all
others. Replicas draw theirs by counting instead: seed of the replica, place in the text (site), neuron or synapse, and
time step are hashed into 53 bits. A replica among others and a replica alone, on NumPy and in a compiled program, get
the same.

The hash is three rounds of the finalizer of SplitMix64.

References
----------
Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014; Salmon, Moraes, Dror and Shaw,
Parallel random numbers: as easy as 1, 2, 3, SC 2011 (counting instead of a state).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.core.functions import Function
from numpy.typing import NDArray

UNIFORM, NORMAL = "replica_uniform", "replica_normal"  # as Brian2 text calls them
SITES = 2  # that one call may use

_UNIFORM_CODE = """
{static} double replica_uniform(const int32_t seed, const int32_t site, const int32_t index, const int64_t step)
{{
    const uint64_t words[3] = {{
        ((uint64_t) (uint32_t) seed << 32) | (uint32_t) site,
        ((uint64_t) index + 1) * 0x9E3779B97F4A7C15ULL,
        ((uint64_t) step + 1) * 0x9E3779B97F4A7C15ULL}};
    uint64_t z = 0;
    for (int k = 0; k < 3; k++)
    {{
        z ^= words[k];
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        z ^= z >> 31;
    }}
    return (double) (z >> 11) * (1.0 / 9007199254740992.0);
}}
"""
_NORMAL_CODE = """
{static} double replica_normal(const int32_t seed, const int32_t site, const int32_t index, const int64_t step)
{{
    const double radius = sqrt(-2 * log(1 - replica_uniform(seed, site, index, step)));
    return radius * cos(6.283185307179586 * replica_uniform(seed, site + 1, index, step));
}}
"""
_STATIC = {"cpp": "static inline", "cuda": "__host__ __device__ static inline"}
CODE = _UNIFORM_CODE + _NORMAL_CODE  # what a program that draws depends on

_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def uniform(seed: Any, site: Any, index: Any, step: Any) -> NDArray[np.float64]:
    """Return numbers from 0 to below 1; the arguments are whole numbers or arrays of them that broadcast.

    Parameters
    ----------
    seed : array_like of int
        Of the replica, 32 bits, with or without a sign.
    site : array_like of int
        Where in the text the number is drawn, from 1.
    index : array_like of int
        Of the neuron or synapse within its replica.
    step : array_like of int
        The time step.

    Examples
    --------
    >>> uniform(0, 1, [0, 1], 0).round(6).tolist()
    [0.765, 0.403043]
    """
    words = (
        (_bits(seed, np.uint32) << np.uint64(32)) | _bits(site, np.uint32),
        (_bits(index, np.uint64) + np.uint64(1)) * _GOLDEN,
        (_bits(step, np.uint64) + np.uint64(1)) * _GOLDEN,
    )
    z: Any = np.zeros(1, np.uint64)
    for word in words:
        z = z ^ word
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
        z = z ^ (z >> np.uint64(31))
    return np.asarray(z >> np.uint64(11), np.float64) / 2**53


def normal(seed: Any, site: Any, index: Any, step: Any) -> NDArray[np.float64]:
    """Return numbers from the standard normal distribution; arguments as for ``uniform``, two sites are used."""
    radius = np.sqrt(-2 * np.log(1 - uniform(seed, site, index, step)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(seed, np.asarray(site) + 1, index, step)))


def _bits(value: Any, kind: type) -> NDArray[np.uint64]:
    """Return whole numbers as unsigned ones, as arrays: those of NumPy overflow in silence, as the hash needs."""
    return np.atleast_1d(np.asarray(value, np.int64)).astype(kind).astype(np.uint64)


def _function(python: Any, name: str, code: str, **dependencies: Function) -> Function:
    function = Function(
        python, arg_units=[1] * 4, return_unit=1, arg_types=["integer"] * 4, return_type="float", stateless=True
    )
    function.implementations.add_implementation("numpy", python)
    for target, static in _STATIC.items():
        function.implementations.add_implementation(
            target, code.format(static=static), name=name, dependencies=dependencies or None
        )
    return function


_DRAW = _function(uniform, UNIFORM, _UNIFORM_CODE)
FUNCTIONS = {UNIFORM: _DRAW, NORMAL: _function(normal, NORMAL, _NORMAL_CODE, replica_uniform=_DRAW)}
