"""What users write in one word: numbers with units, sums of names."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
from brian2 import Quantity, Unit, get_dimensions
from brian2.units.allunits import all_units
from brian2.units.fundamentalunits import DIMENSIONLESS, standard_unit_register

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf)\s*(.*)$")
_UNITS = {name: unit for unit in all_units for name in (str(unit.name), str(unit.dispname)) if name.isidentifier()}
_HIGHEST = 12  # power of a unit
_LONGEST = 100  # characters of a value with its unit
_FEW, _DIGITS = 6, 6  # numbers, and digits of each, in a message


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


def quantity_text(value: Any, digits: int = 15) -> str:
    """Return a value with its unit, in so many digits, whatever units this process has met before.

    Brian2's own text of a quantity has the digits of NumPy's print options, leaves out the middle of long arrays, and
    names units after products that were formed anywhere in the process.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import Hz, mV, ms
    >>> quantity_text(20 * ms), quantity_text([1, 2.5] * Hz), quantity_text(np.inf * ms), quantity_text(8e-5 / mV**2)
    ('20 ms', '[1, 2.5] Hz', 'inf s', '80 m^-4 kg^-2 s^6 A^2')
    """
    dim = get_dimensions(value)
    shown, numbers = "", np.asarray(value, float)
    if dim is not DIMENSIONLESS:
        finite = numbers[np.isfinite(numbers)] if np.isfinite(numbers).any() else np.ones(1)
        unit = Quantity(finite, dim=dim).get_best_unit(standard_unit_register)
        shown = f" {unit if isinstance(unit, Unit) else dim}"
        numbers = numbers / float(unit)
    words = [f"{number:.{digits}g}" for number in numbers.ravel()]
    return (words[0] if numbers.ndim == 0 else f"[{', '.join(words)}]") + shown


def said(value: Any) -> str:
    """Return a number or an array, with its unit, as messages name it.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> said(20 * ms), said([1, 2]), said(np.arange(100) * ms)
    ('20 ms', '[1, 2]', '100 numbers from 0 s to 99 ms')
    """
    if np.size(value) <= _FEW:
        return quantity_text(value, _DIGITS)
    least, most = (quantity_text(each, _DIGITS) for each in (np.min(value), np.max(value)))
    return f"{np.size(value)} numbers from {least} to {most}"


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


def terms(text: str) -> tuple[str, ...]:
    """Return the names in a sum of names.

    Examples
    --------
    >>> terms("stdp_pair + normalization")
    ('stdp_pair', 'normalization')
    """
    return tuple(term.strip() for term in text.split("+"))
