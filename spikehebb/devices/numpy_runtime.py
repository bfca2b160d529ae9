"""NumPy: Brian2 step by step in Python."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import brian2
from brian2.devices.device import all_devices, reset_device, set_device


def _in_any_order(record: logging.LogRecord) -> bool:
    """Return False for Brian2's warning that random numbers depend on the order of synapses: any order will do."""
    return not ("may not be well-defined" in record.getMessage() and "rand()" in record.getMessage())


logging.getLogger("brian2.codegen.generators.base").addFilter(_in_any_order)


@contextmanager
def numpy_runtime(seed: int) -> Iterator[None]:
    """Run what is inside on NumPy with this seed, and give Brian2 and NumPy back as they were."""
    runtime = all_devices["runtime"]
    random_state, target = runtime.get_random_state(), brian2.prefs.codegen.target
    set_device(runtime)
    try:
        brian2.prefs.codegen.target = "numpy"
        brian2.seed(seed)
        yield
    finally:
        brian2.prefs.codegen.target = target
        runtime.set_random_state(random_state)
        reset_device()
