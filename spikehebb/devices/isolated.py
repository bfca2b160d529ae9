"""Brian2's global state, set for one build or run and given back afterwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import brian2
from brian2 import defaultclock, ms, prefs
from brian2.devices.device import reset_device, set_device

# By logger, what its warning contains where it can be ignored: random numbers may come in any order, and the synapses
# that a program will have are given by its plan.
_EXPECTED = {
    "brian2.codegen.generators.base": "rand()",
    "brian2.monitors.statemonitor.cannot_check_statemonitor_indices": "",
    "brian2.input.timedarray": "time grids not aligned",  # a step so short that its ratio to a presentation is rounded
}


def preferences() -> dict[str, Any]:
    """Return the preferences of Brian2 that a result may depend on, at their defaults.

    Those about logging are the user's. Nothing catches Ctrl-C: Brian2 would end a run early, as if it were done.
    """
    defaults = {
        f"{category}.{name}": preference.default
        for category, (registered, _) in prefs.pref_register.items()
        for name, preference in registered.items()
        if category != "logging"
    }
    return defaults | {"core.stop_on_keyboard_interrupt": False}


@contextmanager
def isolated(device: Any, changes: Mapping[str, Any] | None = None, **options: Any) -> Iterator[None]:
    """Let Brian2 use a device, with the same preferences whatever files and scripts have set.

    Parameters
    ----------
    device : brian2.devices.Device
    changes : mapping of str to object, optional
        Preferences that differ from Brian2's defaults.
    **options
        Of ``brian2.set_device``.
    """
    values = preferences() | dict(changes or {})
    before, dt = {name: prefs[name] for name in values}, defaultclock.dt
    set_device(device, **options)
    try:
        defaultclock.dt = 0.1 * ms  # every object has a clock of its own, but programs mention this one
        prefs.update(values)
        with _without_expected_warnings(), _statements_made_anew():
            yield
    finally:
        brian2.Network._globally_running = False  # after an exception it stays, and the next Ctrl-C would be lost
        prefs.update(before)
        reset_device()
        defaultclock.dt = dt


@contextmanager
def _statements_made_anew() -> Iterator[None]:
    """Let Brian2 translate every text when it is asked to.

    It keeps its translations, for ever, by all that the variables hold; to compare these takes several times as long
    as the translation, up to a third of a short run.
    """
    modules = (brian2.codegen.translation, brian2.codegen.generators.base)
    kept = modules[0].make_statements
    for module in modules:
        module.make_statements = kept.__wrapped__
    try:
        yield
    finally:
        for module in modules:
            module.make_statements = kept


@contextmanager
def _without_expected_warnings() -> Iterator[None]:
    filters = []
    for name, text in _EXPECTED.items():
        logger = logging.getLogger(name)

        def unexpected(record: logging.LogRecord, text: str = text) -> bool:
            return text not in record.getMessage()

        logger.addFilter(unexpected)
        filters.append((logger, unexpected))
    try:
        yield
    finally:
        for logger, unexpected in filters:
            logger.removeFilter(unexpected)
