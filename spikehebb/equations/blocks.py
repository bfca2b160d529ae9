"""Exact integration of equations that fall into blocks, such as a neuron and the traces of several rules.

Brian2 solves all linear equations of a population as one system, in a time that grows so fast with their number that
nine traces take half a minute. Equations that know nothing of each other can be solved one after the other.
"""

from __future__ import annotations

from typing import Any

from brian2.equations.codestrings import Expression
from brian2.equations.equations import DIFFERENTIAL_EQUATION, Equations
from brian2.stateupdaters.exact import linear

EXACT_IN_BLOCKS = "exact in blocks"  # the name of the method in a plan


def in_blocks(equations: Equations, variables: Any = None, method_options: Any = None) -> str:
    """Return the code of Brian2's exact method for each block of equations, as a ``method`` of a group."""
    blocks = _blocks(dict(equations.get_substituted_expressions(variables)), equations.diff_eq_names)
    code = []
    for block in blocks:
        apart = [each for each in equations.values() if each.type != DIFFERENTIAL_EQUATION or each.varname in block]
        code.append(linear(Equations(apart), variables, method_options))
    return "\n".join(code)


def _blocks(expressions: dict[str, Expression], driven: set[str]) -> list[set[str]]:
    """Return the variables that are driven, in groups that read each other."""
    blocks: list[set[str]] = []
    for name, expression in expressions.items():
        block = {name} | (expression.identifiers & driven)
        for other in [each for each in blocks if each & block]:
            blocks.remove(other)
            block |= other
        blocks.append(block)
    return blocks
