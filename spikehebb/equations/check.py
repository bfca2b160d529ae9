"""What is wrong with Brian2 text: names that nothing defines or that are taken, units that clash, what cannot run."""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.variables import Variable
from brian2.equations.unitcheck import check_dimensions, check_units_statements
from brian2.parsing.bast import brian_ast
from brian2.parsing.expressions import is_boolean_expression
from brian2.units import DimensionMismatchError, get_dimensions, second
from brian2.units.fundamentalunits import Dimension, get_unit

from spikehebb.equations.quantity import said
from spikehebb.equations.reserved import why_reserved
from spikehebb.equations.statements import (
    DIMENSIONLESS,
    Statement,
    differential,
    is_linear,
    is_shared,
    joined,
    last_line,
    number_type,
    settable,
    statements,
    used,
    variables,
)
from spikehebb.reading import did_you_mean

TIME = second.dim

_UNITS = {name: get_dimensions(unit) for name, unit in DEFAULT_UNITS.items()}
_BUILT_IN = {"t": TIME, "dt": TIME, **dict.fromkeys(("i", "N", "pi", "e", "inf"), DIMENSIONLESS)}
_NOISE = {"xi": (second**-0.5).dim}  # of equations only
_STIMULI = {
    "stimulus": Function(lambda t, i: t, arg_units=[second, 1], return_unit=1),
    "spike_time": Function(lambda t, i: t, arg_units=[second, 1], return_unit=second),
}
_METHODS = ("exact", "euler", "exponential_euler", "rk2", "rk4", "heun", "milstein")
_STOCHASTIC = ("euler", "heun", "milstein")
_KINDS = {"boolean": np.bool_, "integer": np.int32, "float": np.float64}
_UNREADABLE = (SyntaxError, TypeError, ValueError, KeyError, AssertionError, NotImplementedError)

_SHOWN = 60  # letters of a value or a name in a message
_PHRASES = {
    TIME: "a time",
    (1 / second).dim: "a frequency",
    DIMENSIONLESS: "a number without unit",
}
_EXAMPLES = {TIME: "ms", (1 / second).dim: "Hz"}


def describe(dim: Dimension) -> str:
    """Return a unit in words: 'a time', 'a frequency', 'in volt'."""
    return _PHRASES.get(dim, f"in {get_unit(dim)!r}")


def check_number(owner: str, name: str, value: Any) -> None:
    """Raise ``ValueError`` unless a value is a number or an array of numbers, with or without unit."""
    try:
        if not isinstance(value, (str, bytes)):
            np.asarray(value, dtype=float)
            get_dimensions(value)
            return
    except (TypeError, ValueError, OverflowError):
        pass
    said = repr(value)
    said = said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."
    raise ValueError(f"{owner}: {name} must be a number, with or without unit, got {said}.")


def check_parameters(owner: str, given: Mapping[str, object], declared: Mapping[str, object]) -> None:
    """Raise ``ValueError`` unless every given parameter is declared, has its unit and is finite."""
    for name, value in given.items():
        if name not in declared:
            raise ValueError(f"{owner} has no parameter {name!r}.{did_you_mean(name, declared)}")
        check_number(owner, name, value)
        wanted, got = get_dimensions(declared[name]), get_dimensions(value)
        if wanted != got:
            hint = f" Write {said(value)}*{_EXAMPLES[wanted]}." if wanted in _EXAMPLES and got == DIMENSIONLESS else ""
            have = f"{said(value)} (dimensionless)" if got == DIMENSIONLESS else said(value)
            raise ValueError(f"{owner}: {name} must be {describe(wanted)}, got {have}.{hint}")
        if np.any(np.isnan(np.asarray(value, dtype=float))):
            raise ValueError(f"{owner}: {name} must be a number, got {said(value)}.")


def check_names(owner: str, names: Iterable[str]) -> None:
    """Raise ``ValueError`` if a variable or parameter with one of the names cannot run on every device."""
    for name in names:
        reason = why_reserved(name)
        if reason:
            raise ValueError(f"{owner} cannot call a variable or parameter {name!r}: {reason}; rename it.")


def check_apart(owner: str, **names: Iterable[str]) -> None:
    """Raise ``ValueError`` if two groups, given by what they are, have a name in common."""
    taken: dict[str, str] = {}
    for what, group in names.items():
        for name in group:
            if name in taken:
                raise ValueError(f"{owner}: {name!r} is one of its {taken[name]} and one of its {what}; rename one.")
            taken[name] = what


def check_method(owner: str, method: str, equations: str) -> None:
    """Raise ``ValueError`` unless there is an integration method of that name for such equations on every device."""
    if method not in _METHODS:
        raise ValueError(f"{owner}: there is no integration method {method!r}.{did_you_mean(method, _METHODS)}")
    if used(equations) & _NOISE.keys() and method not in _STOCHASTIC:
        raise ValueError(f"{owner}: method {method!r} integrates no noise (xi); take {' or '.join(_STOCHASTIC)}.")
    for name in differential(equations) if method == "exact" else ():
        whose = next((each for each in (sympy, builtins) if hasattr(each, name)), None)
        if whose and name != "I":  # which SymPy happens to write as it reads it
            other = f"{'SymPy' if whose is sympy else 'Python'}'s {name}"
            raise ValueError(
                f"{owner}: Brian2's exact method would take {name!r} for {other}; rename it, or take 'euler'."
            )
    if method == "exact" and not is_linear(equations):
        raise ValueError(f"{owner}: its equations are not linear, so that no method is 'exact'; take 'euler' or 'rk4'.")


def check_equations(owner: str, *texts: str) -> None:
    """Raise ``ValueError`` unless Brian2 can read the equations."""
    for equations in texts:
        try:
            if any(not each.unit for each in statements(equations)):
                raise ValueError(f"'{equations.strip()}' has no unit; write ' : 1' after it")
        except ValueError as error:
            raise ValueError(f"{owner}: Brian2 cannot read its equations: {error}") from error


def check_text(
    owner: str,
    *,
    equations: str = "",
    expressions: Iterable[tuple[str, Dimension]] = (),
    conditions: Iterable[str] = (),
    blocks: Iterable[str] = (),
    known: Mapping[str, Dimension],
    settable: Mapping[str, Dimension] | None = None,
    synapse: bool = False,
    stimuli: bool = False,
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
    conditions : iterable of str
        Expressions that are true or false.
    blocks : iterable of str
        Blocks of statements.
    known, settable : mapping of str to Dimension
        The names that the text may read besides its own, and those that it may also set, with their units.
    synapse : bool
        Whether it is the text of a synapse, which has two ends, or else of a neuron.
    stimuli : bool
        Whether it may ask what is presented.
    """
    scope = _Scope(
        owner="",
        equations=equations,
        known=tuple(known.items()),
        settable=tuple((settable or {}).items()),
        synapse=synapse,
        stimuli=stimuli,
    )
    texts = tuple(expressions), tuple(conditions), tuple(blocks)
    with suppress(ValueError):
        _check(scope, *texts)
        return
    _check(dataclasses.replace(scope, owner=owner), *texts)  # and say whose it is


@lru_cache(maxsize=1024)  # the same text is checked again whenever a value changes a number or a name
def _check(
    scope: _Scope,
    expressions: tuple[tuple[str, Dimension], ...],
    conditions: tuple[str, ...],
    blocks: tuple[str, ...],
) -> None:
    scope.check_equations()
    for expression, dim in expressions:
        scope.check_names(scope.read(expression))
        scope.check_unit(expression, expression, dim)
    for condition in conditions:
        scope.check_names(scope.read(condition))
        scope.check_unit(condition, condition, DIMENSIONLESS)
        scope.check_condition(condition)
    for block in blocks:
        scope.check_block(block)


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """What a text can say, and whose text it is."""

    owner: str
    equations: str
    known: tuple[tuple[str, Dimension], ...]
    settable: tuple[tuple[str, Dimension], ...]
    synapse: bool
    stimuli: bool

    @cached_property
    def given(self) -> dict[str, Dimension]:
        """Every name but those of units and functions, with its unit."""
        own = variables(self.equations)
        number = {"j": DIMENSIONLESS} if self.synapse else {}
        return {**_BUILT_IN, **number, **dict(self.known), **dict(self.settable), **own}

    @cached_property
    def functions(self) -> dict[str, Function]:
        return {**DEFAULT_FUNCTIONS, **(_STIMULI if self.stimuli else {})}

    def meaning(self, names: set[str]) -> dict[str, Any]:
        """Return what Brian2 is to know of names."""
        dims, own = {**_UNITS, **_NOISE, **self.given}, variables(self.equations)
        kinds = {name: number_type(self.equations, name) for name in own}
        found: dict[str, Any] = {n: f for n, f in self.functions.items() if n in names}
        return found | {n: Variable(n, dimensions=dims[n], dtype=kinds.get(n)) for n in names if n in dims}

    def read(self, text: str) -> set[str]:
        """Return the names in a text, or refuse it."""
        try:
            return used(text)
        except ValueError as error:
            raise ValueError(f"{self.owner}: Brian2 cannot read '{text.strip()}': {error}") from error

    def check_names(self, names: set[str]) -> None:
        for name in sorted(names - self.given.keys() - _UNITS.keys() - self.functions.keys()):
            raise ValueError(
                f"{self.owner} uses {name!r}, which nothing defines.{did_you_mean(name, sorted(self.given))}"
            )

    def check_equations(self) -> None:
        check_equations(self.owner, self.equations)
        equations, own = statements(self.equations), variables(self.equations)
        self.check_names(used(self.equations) - _NOISE.keys())
        for each in equations:
            self.check_flags(each)
            if each.derivative:
                self.check_unit(f"d{each.variable}/dt", each.expression, own[each.variable] / TIME)
            elif each.operator:
                self.check_unit(each.variable, each.expression, own[each.variable])

    def check_flags(self, each: Statement) -> None:
        if not each.operator:
            allowed = ["constant", "shared"]
        elif each.derivative:
            allowed = ["clock-driven", "event-driven"] if self.synapse else ["unless refractory"]
        else:
            allowed = ["shared", "constant over dt", *(["summed"] if self.synapse else [])]
        for flag in each.flags:
            if flag not in allowed:
                where = "synapse" if self.synapse else "neuron"
                raise ValueError(
                    f"{self.owner}: in a {where}, '{each}' cannot be {flag!r}.{did_you_mean(flag, allowed)}"
                )

    def check_unit(self, what: str, code: str, dim: Dimension) -> None:
        try:
            check_dimensions(code, dim, self.meaning(used(code)))
        except DimensionMismatchError as error:
            raise ValueError(
                f"{self.owner}: units clash: '{what}' must be {describe(dim)}, but '{code}' is not: {last_line(error)}"
            ) from error
        except _UNREADABLE as error:
            raise ValueError(f"{self.owner}: Brian2 cannot read '{code}': {last_line(error)}") from error

    def check_condition(self, code: str) -> None:
        if not is_condition(code, self.equations):
            raise ValueError(f"{self.owner}: '{code}' must be true or false, such as v > 1.")

    def check_block(self, block: str) -> None:
        self.read(block)
        new = self.introduced(block)
        check_names(self.owner, new)
        meaning = self.meaning(used(block))
        try:
            check_units_statements(joined(block), meaning)
        except DimensionMismatchError as error:
            raise ValueError(f"{self.owner}: units clash in '{block.strip()}': {last_line(error)}") from error
        except _UNREADABLE as error:
            raise ValueError(f"{self.owner}: Brian2 cannot read '{block.strip()}': {last_line(error)}") from error
        for each in statements(block):
            kind = brian_ast(each.expression, meaning).dtype
            if each.variable in new:
                meaning[each.variable] = Variable(each.variable, dtype=_KINDS[kind])
            elif each.operator != "=":
                self.check_whole(each, kind, meaning[each.variable])

    def introduced(self, block: str) -> set[str]:
        """Return the names that a block introduces itself, after checking what it sets (``old = y1; y1 = 1``)."""
        own = {name for name in settable(self.equations) if not is_shared(self.equations, name)}
        known, new = self.given.keys() | _UNITS.keys() | self.functions.keys(), set[str]()
        for each in statements(block):
            if each.unit or not each.operator:
                raise ValueError(f"{self.owner}: '{each}' sets nothing; write 'variable = expression'.")
            self.check_names(used(each.expression) - new)
            if each.variable in own or each.variable in dict(self.settable) or each.variable in new:
                continue
            if each.variable in known:
                raise ValueError(f"{self.owner}: '{each}' sets {each.variable!r}, which cannot change.")
            if each.operator != "=":
                self.check_names({each.variable})
            new.add(each.variable)
        return new

    def check_whole(self, each: Statement, kind: str, variable: Any) -> None:
        """Refuse to change a whole number by what may be none: NumPy does not round it."""
        if variable.is_boolean or (variable.is_integer and (kind != "integer" or each.operator == "/=")):
            raise ValueError(f"{self.owner}: '{each}' adds what is no whole number; write '{each.variable} = ...'.")


def is_condition(expression: str, equations: str = "") -> bool:
    """Return whether an expression is true or false, by the equations of its variables."""
    own = {name: Variable(name, dtype=number_type(equations, name)) for name in variables(equations)}
    try:
        return bool(is_boolean_expression(expression, own | DEFAULT_FUNCTIONS | _STIMULI))
    except SyntaxError:
        return False
