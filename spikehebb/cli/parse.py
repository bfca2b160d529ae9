"""From words on the command line to values."""

from __future__ import annotations

import ast
import math
import re
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity
from brian2.units.allunits import all_units

from spikehebb import rules
from spikehebb.core import Float, PlasticityRule
from spikehebb.equations import did_you_mean
from spikehebb.reading import regular

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf)\s*(.*)$")
_UNITS = {name: unit for unit in all_units for name in (str(unit.name), str(unit.dispname)) if name.isidentifier()}
_MOST = 100_000  # points of a range
_HIGHEST = 12  # power of a unit
_LONGEST = 100  # characters of a value with its unit
_SHOWN = 500  # characters of what a user's file raised


def rule(word: str, settings: Sequence[str] = ()) -> PlasticityRule:
    """Return a rule of the catalogue by name, or one of your own as ``FILE.py:NAME``, with parameters changed."""
    file, colon, name = word.rpartition(":")
    plasticity_rule = _own(Path(file), name) if colon and file.endswith(".py") else rules.find(word)
    changes: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes name=value, as in --set tau_plus=20ms, got {setting!r}.")
        changes[key.strip()] = quantity(value)
    return plasticity_rule.with_parameters(**changes)


def _own(file: Path, name: str) -> PlasticityRule:
    regular(file, hint="name a rule of your own as FILE.py:NAME")
    try:
        content = runpy.run_path(str(file))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a file of the user's may raise, SystemExit among it
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{file} cannot be run: {said[:_SHOWN]}") from error
    own = {key: value for key, value in content.items() if isinstance(value, PlasticityRule)}
    if name not in own:
        raise ValueError(f"{file} has no rule {name!r}.{did_you_mean(name, own)}")
    return own[name]


def quantity(word: str) -> Any:
    """Return a number with or without a unit: ``0.5``, ``20ms``, ``20*ms``, ``14e-5/mV``, ``inf``."""
    match = _NUMBER.match(word)
    if match is None or len(word) > _LONGEST:
        raise ValueError(f"{word[:_LONGEST]!r} is not a number with or without a unit; write 0.5 or 20ms.")
    number, unit = float(match[1]), match[2].strip()
    if not unit:
        return number
    try:
        return number * _unit(ast.parse(unit.lstrip("* ") if unit[0] != "/" else f"1{unit}", mode="eval").body)
    except (SyntaxError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"{word!r}: {unit!r} is no unit that Brian2 knows; write 20ms, 3Hz or 14e-5/mV.") from error


def _unit(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            return _UNITS[name]
        case ast.Constant(value=int() as number):
            return float(number)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _unit(left) * _unit(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _unit(left) / _unit(right)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as power)) if power <= _HIGHEST:
            return _unit(left) ** power
    raise TypeError


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


def _points(option: str, first: float, last: float, step: float) -> Float:
    if not all(map(math.isfinite, (first, last, step))) or step <= 0 or last < first:
        raise ValueError(
            f"{option}: FROM must not exceed TO, and STEP must be above 0, got {first:g}:{last:g}:{step:g}."
        )
    steps = (last - first) / step + 1e-9
    if not steps < _MOST:
        raise ValueError(f"{option}: that would be {steps:.0f} numbers; take a larger STEP.")
    return np.asarray(np.round(first + step * np.arange(int(steps) + 1), 9), float)
