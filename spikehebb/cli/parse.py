"""From words on the command line to values."""

from __future__ import annotations

import math
import runpy
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from brian2 import Quantity

from spikehebb import circuits, rules
from spikehebb.circuits import Learner
from spikehebb.cli.common import pairs
from spikehebb.core import Float, PlasticityRule
from spikehebb.datasets.spike_times import read_times
from spikehebb.equations import did_you_mean, quantity
from spikehebb.reading import regular

_MOST = 100_000  # points of a range
_SHOWN = 500  # characters of what a user's file raised


def rule(word: str, settings: Sequence[str] = ()) -> PlasticityRule:
    """Return a rule of the catalogue by name, or one of your own as ``FILE.py:NAME``, with parameters changed."""
    own = own_value(word, "rule", PlasticityRule)
    return (own or rules.find(word)).with_parameters(**changes(settings))


def own_or_name(word: str) -> str | PlasticityRule:
    """Return a rule of your own, ``FILE.py:NAME``, or a name as it is."""
    own: PlasticityRule | None = own_value(word, "rule", PlasticityRule)
    return own or word


def changes(settings: Sequence[str]) -> dict[str, Any]:
    """Return what ``--set`` gives: values by name; a word where it is no number, or a limit of a target."""
    found: dict[str, Any] = {}
    for key, value in pairs(settings, "name=value, as in --set tau_plus=20ms").items():
        word = key.startswith("target.") or (value.isidentifier() and value != "inf")
        found[key] = value if word else quantity(value)
    return found


def circuit(word: str) -> str | Learner:
    """Return a circuit that learns images by name, or your own: ``FILE.py:NAME``, a ``Learner`` or a function."""
    own = own_value(word, "circuit", (Learner, FunctionType))
    return circuits.find(word).name if own is None else circuits.find(own)


def own_value(word: str, what: str, kind: Any) -> Any:
    """Return a value of a file of the user's, named as ``FILE.py:NAME``, or None for another name; the file is run."""
    path, colon, name = word.rpartition(":")
    if not colon and word.endswith(".py"):
        path, name = word, ""
    if not path.endswith(".py"):
        return None
    file = Path(path)
    regular(file, hint=f"name a {what} of your own as FILE.py:NAME")
    try:
        content = runpy.run_path(str(file))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a file of the user's may raise, SystemExit among it
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{file} cannot be run: {said[:_SHOWN]}") from error
    own = {key: value for key, value in content.items() if isinstance(value, kind)}
    if not name:
        own = {key: each for key, each in own.items() if not (key.startswith("_") or each in _catalogue(what))}
        if len(own) != 1:
            raise ValueError(f"{file} has {len(own)} {what}s; name one as {file}:NAME. ({', '.join(own) or 'none'})")
        name = next(iter(own))
    if name not in own:
        raise ValueError(f"{file} has no {what} {name!r}.{did_you_mean(name, own)}")
    return own[name]


def spikes(word: str, unit: str) -> Quantity:
    """Return the spike times of ``FILE``, or of one neuron of it, ``FILE:ID``."""
    path, colon, neuron = word.rpartition(":")
    if colon and not Path(word).exists() and Path(path).exists():
        return read_times(path, unit=unit, neuron=neuron)
    return read_times(word, unit=unit)


def _catalogue(what: str) -> list[Any]:
    """Return the values that a file may have imported, which are not its own."""
    return list(rules.RULES.values()) if what == "rule" else list(circuits.LEARNERS.values())


def numbers(option: str, word: str, unit: Quantity) -> Quantity:
    """Return ``FROM:TO:STEP`` (both ends included) or a list ``a,b,c`` as numbers with a unit."""
    try:
        if ":" in word:
            first, last, step = (float(part) for part in word.split(":"))
            values = _points(option, first, last, step)
        else:
            values = np.array([float(part) for part in word.split(",")])
    except ValueError as error:
        if str(error).startswith(option):
            raise
        raise ValueError(f"{option} takes FROM:TO:STEP or a list a,b,c of numbers, got {word!r}.") from error
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{option}: every number must be finite, got {word!r}.")
    return values * unit


def list_of(option: str, word: str, kind: type[int] | type[float]) -> tuple[Any, ...]:
    """Return a list ``a,b,c`` of whole numbers or of numbers without a unit."""
    try:
        return tuple(kind(part) for part in words(word))
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{option} must be {what} with commas between them, got {word!r}.") from None


def words(word: str) -> tuple[str, ...]:
    """Return a list ``a,b,c`` of words; empty ones do not count."""
    return tuple(part.strip() for part in word.split(",") if part.strip())


def _points(option: str, first: float, last: float, step: float) -> Float:
    if not all(map(math.isfinite, (first, last, step))) or step <= 0 or last < first:
        raise ValueError(
            f"{option}: FROM must not exceed TO, and STEP must be above 0, got {first:g}:{last:g}:{step:g}."
        )
    steps = (last - first) / step + 1e-9
    if not steps < _MOST:
        raise ValueError(f"{option}: that would be {steps:.0f} numbers; take a larger STEP.")
    return np.asarray(np.round(first + step * np.arange(int(steps) + 1), 9), float)
