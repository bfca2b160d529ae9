"""NumPy: Brian2 step by step in Python."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import brian2
from brian2.devices.device import all_devices

from spikehebb.devices.isolated import isolated


@contextmanager
def numpy_runtime(seed: int) -> Iterator[None]:
    """Run what is inside on NumPy with this seed, and give Brian2 and NumPy back as they were."""
    _settle()
    runtime = all_devices["runtime"]
    random_state = runtime.get_random_state()
    with isolated(runtime, {"codegen.target": "numpy"}):
        try:
            brian2.seed(seed)
            yield
        finally:
            runtime.set_random_state(random_state)


@cache
def _settle() -> None:
    """Take what is there before the first run, modules above all, out of the collection of garbage.

    Brian2 collects garbage before every run; without this, walking through all modules is half of a short run.
    """
    gc.collect()
    gc.freeze()
