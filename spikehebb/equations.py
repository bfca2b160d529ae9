"""What the toolkit knows about Brian2 text: which names it uses, which units they have, what is wrong with it.

Nothing here touches Brian2's global state; the text is parsed, never run.
"""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.core.variables import Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, Equations
from brian2.equations.unitcheck import check_dimensions, check_units_statements
from brian2.units import DimensionMismatchError, Quantity, get_dimensions, second
from brian2.units.allunits import all_units
from brian2.units.fundamentalunits import Dimension, get_unit
from brian2.utils.stringtools import get_identifiers, word_substitute

DIMENSIONLESS = get_dimensions(1)
TIME = second.dim

_BUILT_IN = {"t": TIME, "dt": TIME, "i": DIMENSIONLESS, "j": DIMENSIONLESS, "N": DIMENSIONLESS}
_NOISE = {"xi": (second**-0.5).dim}
_CONSTANTS = {"pi": DIMENSIONLESS, "e": DIMENSIONLESS, "inf": DIMENSIONLESS}
_UNITS = {str(unit.name): unit.dim for unit in all_units} | {
    str(unit.dispname): unit.dim for unit in all_units if str(unit.dispname).isidentifier()
}
_STIMULI = {
    "stimulus": Function(lambda t, i: t, arg_units=[second, 1], return_unit=1),
    "spike_time": Function(lambda t, i: t, arg_units=[second, 1], return_unit=second),
}
_RESERVED = {*_BUILT_IN, *_NOISE, *_CONSTANTS, "delay", "lastspike", "not_refractory", "t_in_timesteps"}
_WORDS = {
    "and",
    "or",
    "not",
    "True",
    "False",
    "integer",
    "boolean",
    "constant",
    "shared",
    "unless",
    "refractory",
}

_LISTED = 12  # names in a message
_PHRASES = {
    TIME: "a time",
    (1 / second).dim: "a frequency",
    DIMENSIONLESS: "a number without unit",
}
_EXAMPLES = {TIME: "ms", (1 / second).dim: "Hz"}


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Return `` Did you mean 'x'? (x, y, z)``, or just the list when nothing is close; of many names the nearest."""
    allowed = list(allowed)
    close = difflib.get_close_matches(name, allowed, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    if len(allowed) <= _LISTED:
        return f"{guess} ({', '.join(allowed)})"
    near = difflib.get_close_matches(name, allowed, n=_LISTED, cutoff=0)
    return f"{guess} ({', '.join(near)} and {len(allowed) - len(near)} more)"


def unit_text(quantity: object) -> str:
    """Return the base unit of a quantity as Brian2 equations spell it: ``second``, ``volt``, ``1``."""
    dim = get_dimensions(quantity)
    return "1" if dim == DIMENSIONLESS else repr(get_unit(dim))


def describe(dim: Dimension) -> str:
    """Return a unit in words: 'a time', 'a frequency', 'in volt'."""
    return _PHRASES.get(dim, f"in {get_unit(dim)!r}")


@lru_cache(maxsize=1024)
def _parsed(equations: str) -> Equations:
    return Equations(equations)


def variables(equations: str) -> dict[str, Dimension]:
    """Return every variable that the text declares, with its unit."""
    return {name: eq.dim for name, eq in _parsed(equations).items()}


def differential(equations: str) -> tuple[str, ...]:
    """Return the variables that a differential equation drives, in the order of the text."""
    return tuple(n for n, eq in _parsed(equations).items() if eq.type == DIFFERENTIAL_EQUATION)


def summed(equations: str, side: str) -> dict[str, Dimension]:
    """Return the variables of one side, suffix removed, that synapse equations sum into, with their units."""
    return {
        name.removesuffix(f"_{side}"): eq.dim
        for name, eq in _parsed(equations).items()
        if "summed" in eq.flags and name.endswith(f"_{side}")
    }


def suffixed(statements: str, names: Iterable[str], suffix: str) -> str:
    """Return statements in which the given names carry a suffix."""
    return str(word_substitute(statements, {name: f"{name}{suffix}" for name in names}))


def replaced(code: str, words: Mapping[str, str]) -> str:
    """Return text in which the given words are replaced, all at once."""
    anything = "|".join(map(re.escape, words))
    return re.sub(rf"\b({anything})\b", lambda found: words[found.group(1)], code) if words else code


def zero(equations: str, variable: str) -> str:
    """Return the statement that sets a variable to 0."""
    unit = unit_text(Quantity(1.0, dim=_parsed(equations)[variable].dim))
    return f"{variable} = 0" if unit == "1" else f"{variable} = 0*{unit}"


def settable(equations: str) -> tuple[str, ...]:
    """Return the variables that hold a value of their own: no subexpressions."""
    kinds = (DIFFERENTIAL_EQUATION, PARAMETER)
    return tuple(n for n, eq in _parsed(equations).items() if eq.type in kinds)


def is_shared(equations: str, variable: str) -> bool:
    """Return whether all neurons have one value of a variable together."""
    return "shared" in _parsed(equations)[variable].flags


def number_type(equations: str, variable: str) -> type:
    """Return the NumPy type in which Brian2 keeps a variable."""
    return {"integer": np.int32, "boolean": np.bool_}.get(_parsed(equations)[variable].var_type, np.float64)


def used(*texts: str) -> set[str]:
    """Return the identifiers that occur in the texts, comments left out."""
    lines = (line.split("#", 1)[0] for text in texts for line in text.splitlines())
    return set(get_identifiers("\n".join(lines)))


def declare(parameters: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the declarations of those parameters that occur in ``names``.

    A parameter with one value is shared by all neurons; one with an array has a value for each.
    """
    names = set(names)
    return "\n".join(
        f"{name} : {unit_text(value)} ({'constant' if np.ndim(value) else 'shared, constant'})"
        for name, value in parameters.items()
        if name in names
    )


def check_parameters(owner: str, given: Mapping[str, object], declared: Mapping[str, object]) -> None:
    """Raise ``ValueError`` unless every given parameter is declared, has its unit and is finite."""
    for name, value in given.items():
        if name not in declared:
            raise ValueError(f"{owner} has no parameter {name!r}.{did_you_mean(name, declared)}")
        wanted, got = get_dimensions(declared[name]), get_dimensions(value)
        if wanted != got:
            hint = f" Write {value}*{_EXAMPLES[wanted]}." if wanted in _EXAMPLES and got == DIMENSIONLESS else ""
            have = f"{value} (dimensionless)" if got == DIMENSIONLESS else f"{value}"
            raise ValueError(f"{owner}: {name} must be {describe(wanted)}, got {have}.{hint}")
        if np.any(np.isnan(np.asarray(value, dtype=float))):
            raise ValueError(f"{owner}: {name} must be a number, got {value}.")


def check_names(owner: str, names: Iterable[str]) -> None:
    """Raise ``ValueError`` if Brian2 keeps one of the names for itself."""
    for name in names:
        reason = _why_reserved(name)
        if reason:
            raise ValueError(f"{owner} cannot call a variable or parameter {name!r}: {reason}; rename it.")


def _why_reserved(name: str) -> str:
    if name in _RESERVED:
        return "Brian2 uses that name itself"
    if name.endswith(("_pre", "_post")):
        return "names that end in _pre or _post stand for variables of the neurons"
    if keyword.iskeyword(name):
        return "it is a word of the Python language"
    try:
        Equations.check_identifier(name)
    except SyntaxError as error:
        return f"Brian2 says: {_last_line(error).rstrip('.')}"
    return ""


def check_text(
    owner: str,
    *,
    equations: str = "",
    expressions: Iterable[tuple[str, Dimension]] = (),
    statements: Iterable[str] = (),
    known: Mapping[str, Dimension],
) -> None:
    """Raise ``ValueError`` unless the Brian2 text parses, its names are known and its units agree.

    Parameters
    ----------
    owner : str
        Whose text it is; every message begins with it.
    equations : str
        Model equations.
    expressions : iterable of (str, Dimension)
        Expressions, each with the unit it must have.
    statements : iterable of str
        Blocks of assignments.
    known : mapping of str to Dimension
        The names that the text may use besides its own, with their units.
    """
    _check_text(owner, equations, tuple(expressions), tuple(statements), tuple(known.items()))


@lru_cache(maxsize=1024)  # the same text is checked again whenever a value changes a number
def _check_text(
    owner: str,
    equations: str,
    expressions: tuple[tuple[str, Dimension], ...],
    statements: tuple[str, ...],
    given: tuple[tuple[str, Dimension], ...],
) -> None:
    try:
        own = variables(equations)
    except Exception as error:
        raise ValueError(f"{owner}: Brian2 cannot read its equations: {_last_line(error)}") from error
    known = {**_BUILT_IN, **_NOISE, **_CONSTANTS, **dict(given), **own}
    names = used(*(e for e, _ in expressions), *statements)
    for equation in _parsed(equations).values():
        names |= equation.identifiers
    for name in sorted(names - _assigned(statements)):
        if name not in known and name not in _UNITS and name not in _ALLOWED:
            raise ValueError(f"{owner} uses {name!r}, which nothing defines.{did_you_mean(name, sorted(known))}")
    dimensions = {**_UNITS, **known}
    space: dict[str, object] = {n: f for n, f in {**DEFAULT_FUNCTIONS, **_STIMULI}.items() if n in names}
    space |= {n: Variable(n, dimensions=dimensions[n]) for n in names | set(own) if n in dimensions}
    wanted = []
    for name, eq in _parsed(equations).items():
        if eq.type == DIFFERENTIAL_EQUATION:
            wanted.append((f"d{name}/dt", eq.expr.code, own[name] / TIME))
        elif eq.expr is not None:
            wanted.append((name, eq.expr.code, own[name]))
    wanted += [(expression, expression, dim) for expression, dim in expressions]
    for what, code, dim in wanted:
        try:
            check_dimensions(code, dim, space)
        except DimensionMismatchError as error:
            raise ValueError(
                f"{owner}: units clash: '{what}' must be {describe(dim)}, but '{code}' is not: {_last_line(error)}"
            ) from error
        except (SyntaxError, TypeError, ValueError) as error:
            raise ValueError(f"{owner}: Brian2 cannot read '{code}': {_last_line(error)}") from error
    for block in statements:
        try:
            check_units_statements(block, space)
        except DimensionMismatchError as error:
            raise ValueError(f"{owner}: units clash in '{block.strip()}': {_last_line(error)}") from error
        except (SyntaxError, TypeError, ValueError) as error:
            raise ValueError(f"{owner}: Brian2 cannot read '{block.strip()}': {_last_line(error)}") from error


_ALLOWED = set(DEFAULT_FUNCTIONS) | set(_STIMULI) | _WORDS


def _assigned(statements: Iterable[str]) -> set[str]:
    """Return names that a block introduces itself (``old = y1; y1 = 1; w += old``)."""
    lines = (line for block in statements for line in block.replace(";", "\n").splitlines())
    heads = (line.split("=", 1)[0].strip() for line in lines if "=" in line)
    return {head for head in heads if head.isidentifier()}


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1].strip() if str(error).strip() else type(error).__name__
