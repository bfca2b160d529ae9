"""Brian2 text taken apart, asked, changed and put together again.

A text is a block of statements, the equations of a model, or a bare expression. It is parsed, never run.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from brian2.core.namespace import DEFAULT_UNITS
from brian2.equations.equations import DIFFERENTIAL_EQUATION, FLOAT, PARAMETER, Equations
from brian2.parsing.sympytools import str_to_sympy
from brian2.units.fundamentalunits import Dimension, Quantity, get_dimensions, get_unit

DIMENSIONLESS = get_dimensions(1)

_ASSIGNING = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}
_GRAMMAR = (  # of expressions, as Brian2 writes them for every device
    *(ast.Name, ast.Load, ast.Constant, ast.Call, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.And, ast.Or),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Not, ast.UAdd, ast.USub),
    *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
_ARITHMETIC: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(math, name) for name in ("exp", "log", "log10", "sqrt", "sinh", "cosh", "expm1", "log1p")},
    "arcsin": math.asin,
    "arccos": math.acos,
}
_MOST = 2**31  # whole numbers below it are the same in C++


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement, an equation or a bare expression; ``str`` writes it in one line, without comments.

    Parameters
    ----------
    variable : str
        What is set or declared; empty for a bare expression.
    operator : str
        ``=``, ``+=``, ``-=``, ``*=`` or ``/=``; empty where nothing is set.
    expression : str
    derivative : bool
        The expression is the derivative of the variable.
    unit : str
        Of an equation; empty for a statement.
    flags : tuple of str
        Of an equation.
    """

    variable: str = ""
    operator: str = ""
    expression: str = ""
    derivative: bool = False
    unit: str = ""
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        left = f"d{self.variable}/dt" if self.derivative else self.variable
        unit = f": {self.unit}" if self.unit else ""
        flags = f"({', '.join(self.flags)})" if self.flags else ""
        return " ".join(filter(None, [left, self.operator, self.expression, unit, flags]))


@lru_cache(maxsize=4096)
def statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of a block or the equations of a model, one by one, or a bare expression.

    Raises
    ------
    ValueError
        If Brian2 cannot read the text.

    Examples
    --------
    >>> for statement in statements("x += 1; y = int(x <= 3)  # first; then = last"):
    ...     print(statement.variable, statement.operator, statement.expression)
    x += 1
    y = int(x <= 3)
    """
    lines = [line.strip() for line in text.splitlines()]
    try:
        if any(":" in line.partition("#")[0] for line in lines):
            return tuple(_equation(name, equation) for name, equation in _parsed(text).items())
        return tuple(map(_statement, ast.parse("\n".join(lines)).body))
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(last_line(error)) from error


def _statement(part: ast.stmt) -> Statement:
    match part:
        case ast.Expr(value=value):
            return Statement(expression=_written(value))
        case ast.Assign(targets=[ast.Name(id=variable)], value=value):
            return Statement(variable=variable, operator="=", expression=_written(value))
        case ast.AugAssign(target=ast.Name(id=variable), op=op, value=value) if type(op) in _ASSIGNING:
            return Statement(variable=variable, operator=_ASSIGNING[type(op)], expression=_written(value))
    raise ValueError(f"'{ast.unparse(part)}' sets no variable by =, +=, -=, *= or /=")


def _equation(name: str, equation: Any) -> Statement:
    expression = "" if equation.expr is None else _written(_tree(equation.expr.code))
    return Statement(
        variable=name,
        operator="=" if expression else "",
        expression=expression,
        derivative=equation.type == DIFFERENTIAL_EQUATION,
        unit=unit_text(Quantity(1.0, dim=equation.dim)) if equation.var_type == FLOAT else equation.var_type,
        flags=tuple(equation.flags),
    )


def _tree(expression: str) -> ast.expr:
    return ast.parse(expression.strip(), mode="eval").body


def _written(tree: ast.expr) -> str:
    """Return the text of an expression, after checking that it holds nothing that only Python knows."""
    for node in ast.walk(tree):
        if not _is_brian2(node):
            what = {ast.Compare: "a chain of comparisons", ast.Constant: "such a constant"}
            raise ValueError(
                f"'{ast.unparse(tree)}' holds {what.get(type(node), type(node).__name__)}, which Brian2 has not"
            )
    _constant(tree)
    return ast.unparse(tree)


def _constant(node: ast.AST) -> float | None:
    """Return the value of an expression of numbers and units (taken as 1), or None if it holds anything else.

    Raise ``ValueError`` where a part of it has none that is finite: SymPy would compute powers of whole numbers for
    ever, and the devices differ in what they make of the rest.
    """
    inner = [_constant(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return 1.0 if name in DEFAULT_UNITS else None
        case ast.BinOp(op=ast.Mult()) if 0.0 in inner:
            return 0.0
        case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Mod()) if inner[1] == 0:
            raise ValueError(f"'{ast.unparse(node)}' divides by 0")
        case ast.BinOp(op=op) if None not in inner:
            compute = _ARITHMETIC[type(op)]
        case ast.UnaryOp(op=ast.USub()) if None not in inner:
            compute = operator.neg
        case ast.Call(func=ast.Name(id=function), args=[_]) if inner[1] is not None and function in _FUNCTIONS:
            compute, inner = _FUNCTIONS[function], inner[1:]
        case _:
            return None
    try:
        value = compute(*inner)
    except (ArithmeticError, ValueError):
        value = np.nan
    if isinstance(value, complex) or not math.isfinite(value):
        raise ValueError(f"'{ast.unparse(node)}' is no finite number")
    return float(value)


def _is_brian2(node: ast.AST) -> bool:
    match node:
        case ast.Compare(ops=operators):
            return len(operators) == 1
        case ast.Call(func=function, keywords=named):
            return isinstance(function, ast.Name) and not named
        case ast.Constant(value=int(value)):
            return value < _MOST
        case ast.Constant(value=value):
            return isinstance(value, float) and value < np.inf
    return isinstance(node, _GRAMMAR)


@lru_cache(maxsize=4096)
def _names(expression: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(_tree(expression)) if isinstance(node, ast.Name))


def joined(*texts: str) -> str:
    """Return texts as one, a statement or equation per line, comments left out.

    Examples
    --------
    >>> joined("v = v_reset  # and; rest", "", "theta += 1; n += 1").splitlines()
    ['v = v_reset', 'theta += 1', 'n += 1']
    """
    return "\n".join(str(statement) for text in texts for statement in statements(text))


def without(equations: str, names: Iterable[str]) -> str:
    """Return equations without those that declare one of the names."""
    left_out = set(names)
    return "\n".join(str(each) for each in statements(equations) if each.variable not in left_out)


def assigned(*texts: str) -> set[str]:
    """Return the variables that statements set, whatever they were before.

    Examples
    --------
    >>> sorted(assigned("v = 0; theta += 1", "u = v"))
    ['u', 'v']
    """
    return {statement.variable for text in texts for statement in statements(text) if statement.operator == "="}


def used(*texts: str) -> set[str]:
    """Return the names that texts read, set, declare or call."""
    each = [statement for text in texts for statement in statements(text)]
    return {s.variable for s in each if s.variable}.union(*(_names(s.expression) for s in each if s.expression))


def calls(text: str, *functions: str) -> int:
    """Return how often a text calls any of the functions."""
    nodes = (node for each in statements(text) if each.expression for node in ast.walk(_tree(each.expression)))
    return sum(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in functions for n in nodes)


def clips(text: str, variable: str) -> list[tuple[str, str]]:
    """Return the bounds of every ``variable = clip(..., low, high)`` in a text, as it spells them.

    Examples
    --------
    >>> clips("w = clip(w - A*y1_post, 0, w_max); x = clip(x, 0, 1)", "w")
    [('0', 'w_max')]
    """
    found = []
    for each in statements(text):
        match _tree(each.expression) if each.variable == variable and each.operator == "=" else None:
            case ast.Call(func=ast.Name(id="clip"), args=[_, low, high]):
                found.append((ast.unparse(low), ast.unparse(high)))
    return found


def renamed(
    text: str, names: Mapping[str, str] | None = None, calls: Mapping[str, Callable[..., str]] | None = None
) -> str:
    """Return text in which names stand for other names or for expressions, and calls for what a function makes of them.

    An expression is put in as a whole, whatever stands around it. What is set or declared can get another name only.

    Parameters
    ----------
    text : str
    names : mapping of str to str
        All at once: what is put in is not looked at again.
    calls : mapping of str to callable, optional
        By function. It is given the arguments of a call, as text in which the names are replaced already, and returns
        the expression that the call becomes.

    Raises
    ------
    ValueError
        If a statement sets, or an equation declares, a name that stands for an expression.

    Examples
    --------
    >>> renamed("v_post += w**2*jump_post", {"w": "w*gain_post"})
    'v_post += (w * gain_post) ** 2 * jump_post'
    >>> renamed("x1 = 2*rand()", {"x1": "x1_pre"}, {"rand": lambda: "1 - rand()"})
    'x1_pre = 2 * (1 - rand())'
    """
    renaming = _Renaming({name: _tree(expression) for name, expression in (names or {}).items()}, calls or {})
    return "\n".join(str(renaming.statement(each)) for each in statements(text))


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr], calls: Mapping[str, Callable[..., str]]) -> None:
        self.names, self.calls = names, calls

    def statement(self, each: Statement) -> Statement:
        variable = self.names.get(each.variable, ast.Name(id=each.variable))
        if not isinstance(variable, ast.Name):
            raise ValueError(f"'{each}' cannot set {each.variable!r}, which stands for '{ast.unparse(variable)}'.")
        expression = each.expression and ast.unparse(self.visit(_tree(each.expression)))
        return dataclasses.replace(each, variable=variable.id, expression=expression)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.names.get(node.id, node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        node.args = [self.visit(argument) for argument in node.args]
        change = self.calls.get(node.func.id) if isinstance(node.func, ast.Name) else None
        return node if change is None else _tree(change(*map(ast.unparse, node.args)))


def symbolic(expression: str) -> Any:
    """Return an expression as SymPy has it."""
    return str_to_sympy(expression)


def is_linear(equations: str) -> bool:
    """Return whether differential equations are linear in what they drive, with coefficients that do not move."""
    lines = [each for each in statements(equations) if each.operator]
    inner = {symbolic(each.variable): symbolic(each.expression) for each in lines if not each.derivative}
    driven = {symbolic(name) for name in differential(equations)}
    for each in lines:
        read = symbolic(each.expression) if each.derivative else symbolic("0")
        for _ in inner:
            read = read.subs(inner)
        if any(read.diff(name).free_symbols & (driven | {symbolic("t")}) for name in driven):
            return False
    return True


def unit_text(quantity: object) -> str:
    """Return the base unit of a quantity as Brian2 equations spell it: ``second``, ``volt``, ``1``."""
    dim = get_dimensions(quantity)
    name = "1" if dim == DIMENSIONLESS else repr(get_unit(dim))
    return name if name.isalnum() and not name.endswith(("2", "3")) else repr(dim)  # which has no parentheses


@lru_cache(maxsize=1024)
def _parsed(equations: str) -> Equations:
    try:
        return Equations(equations)
    except Exception as error:
        raise ValueError(last_line(error)) from error


def last_line(error: BaseException) -> str:
    """Return what an error of Brian2's says in the end, or what it is called."""
    return str(error).strip().splitlines()[-1].strip() if str(error).strip() else type(error).__name__


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


def zero(equations: str, variable: str) -> str:
    """Return the statement that sets a variable to 0."""
    unit = unit_text(Quantity(1.0, dim=_parsed(equations)[variable].dim))
    return f"{variable} = 0" if unit == "1" else f"{variable} = 0*{unit}"


def settable(equations: str) -> tuple[str, ...]:
    """Return the variables that hold a value of their own: no subexpressions."""
    kinds = (DIFFERENTIAL_EQUATION, PARAMETER)
    return tuple(n for n, eq in _parsed(equations).items() if eq.type in kinds)


def plain(equations: str) -> tuple[str, ...]:
    """Return the variables that are only declared: no equation says what they are."""
    return tuple(each.variable for each in statements(equations) if not each.operator)


def is_shared(equations: str, variable: str) -> bool:
    """Return whether all neurons have one value of a variable together."""
    return "shared" in _parsed(equations)[variable].flags


def number_type(equations: str, variable: str) -> type:
    """Return the NumPy type in which Brian2 keeps a variable."""
    return {"integer": np.int32, "boolean": np.bool_}.get(_parsed(equations)[variable].var_type, np.float64)


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
