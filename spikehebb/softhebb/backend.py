"""Where the arrays live and how many cores work on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

Each = Callable[[Callable[[Any], Any], list[Any]], list[Any]]


def one_by_one(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """Return the results of a function for each item."""
    return [function(item) for item in items]


@contextmanager
def working(device: str = "cpu", cores: int | None = None) -> Iterator[tuple[Any, Each]]:
    """Give the array module of a device, and a function that maps a function over parts of the work on all cores.

    Results do not depend on the number of cores: the parts are always the same, and each is done by one core.

    Parameters
    ----------
    device : str
        ``cpu`` (NumPy) or ``gpu`` (CuPy).
    cores : int, optional
        All that this process may use when left out.

    Raises
    ------
    ValueError
        If the device is unknown, or ``cores`` is below 1.
    RuntimeError
        If there is no CuPy, or no GPU.
    """
    if device not in ("cpu", "gpu"):
        raise ValueError(f"a SoftHebb network runs on cpu or gpu, not on {device!r}.")
    if cores is not None and cores < 1:
        raise ValueError(f"cores must be at least 1, got {cores}.")
    if device == "gpu":
        yield _cupy(), one_by_one
        return
    count = cores or available()
    with threadpool_limits(1, user_api="blas"):
        if count == 1:
            yield np, one_by_one
            return
        with ThreadPoolExecutor(count) as pool:
            yield np, lambda function, items: list(pool.map(function, items))


def available() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cupy() -> Any:
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # an ImportError, or one of CUDA's own
        raise RuntimeError(
            f"device gpu needs CuPy and a CUDA GPU ({type(error).__name__}); install cupy, or use device cpu."
        ) from error
    return cupy
