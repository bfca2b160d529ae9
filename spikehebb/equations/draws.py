"""Conditions that draw: whether a bound decides them for most neurons."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from spikehebb.equations.statements import calls, statements


def drawn_below_exp(text: str) -> bool:
    """Return whether a condition asks for ``rand()`` below a product with its one ``exp()`` as a factor.

    It then holds nowhere where it does not hold with a bound from above in place of ``exp()``.

    Parameters
    ----------
    text : str
        One statement, which may set a variable to the condition.

    Examples
    --------
    >>> drawn_below_exp("u > -37 and rand() < rate*dt*exp(u)")
    True
    >>> drawn_below_exp("rand() < 1 - exp(u)")
    False
    """
    (condition,) = statements(text)
    if calls(condition.expression, "exp") != 1:
        return False
    return any(map(_below_exp, _all_of(ast.parse(condition.expression, mode="eval").body)))


def _all_of(condition: ast.expr) -> Iterator[ast.expr]:
    match condition:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _all_of(value)
        case _:
            yield condition


def _below_exp(condition: ast.expr) -> bool:
    match condition:
        case ast.Compare(left=ast.Call(func=ast.Name(id="rand")), ops=[ast.Lt()], comparators=[product]):
            return any(isinstance(f, ast.Call) and ast.unparse(f.func) == "exp" for f in _factors(product))
    return False


def _factors(product: ast.expr) -> Iterator[ast.expr]:
    match product:
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            yield from _factors(left)
            yield from _factors(right)
        case _:
            yield product
