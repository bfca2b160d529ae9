"""Brian2 text as LaTeX, in its own order of terms, so that a page or a paper shows what runs."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping

from brian2.core.namespace import DEFAULT_UNITS
from sympy.core.alphabets import greeks

from spikehebb.equations.statements import Statement, statements

_GREEK = {*greeks, "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"}
_MARKS = {"plus": "+", "minus": "-", "star": r"\star", "inf": r"\infty"}
_FUNCTIONS = {name: rf"\{name}" for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")} | {
    "log10": r"\log_{10}"
}
_RANDOM = {"rand": r"\mathcal{U}(0, 1)", "randn": r"\mathcal{N}(0, 1)"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: r"\leq", ast.Gt: ">", ast.GtE: r"\geq", ast.Eq: "=", ast.NotEq: r"\neq"}
_COMPARED, _SUM, _PRODUCT, _POWER, _ATOM = range(5)  # how tightly the parts of an expression hold together


def latex(text: str, names: Mapping[str, str] | None = None) -> tuple[str, ...]:
    r"""Return the statements or equations of a text as LaTeX, one by one; mere declarations are left out.

    ``clip(x, 0, inf)`` becomes the positive part, ``int(condition)`` an indicator, ``rand()`` and ``randn()`` their
    distributions, and ``w += 1`` an arrow.

    Parameters
    ----------
    text : str
    names : mapping of str to str, optional
        LaTeX of names that ``symbol`` would write otherwise.

    Examples
    --------
    >>> for line in latex("dx1/dt = -x1/tau_plus : 1"):
    ...     print(line)
    \frac{\mathrm{d} x_{1}}{\mathrm{d} t} = -\frac{x_{1}}{\tau_{+}}
    >>> print(*latex("w = clip(w + A_plus*x1_pre, 0, w_max)"))
    w \leftarrow \operatorname{clip}\left(w + A_{+}\,x_{1}^{\mathrm{pre}},\ 0,\ w_{\mathrm{max}}\right)
    """
    writer = _Writer(names or {})
    return tuple(writer.line(each) for each in statements(text) if each.expression)


def symbol(name: str) -> str:
    r"""Return a name as it is printed.

    Examples
    --------
    >>> print(symbol("A2_plus"), symbol("tau_Ca"), symbol("x1_pre"), symbol("elig"))
    A_{2}^{+} \tau_{\mathrm{Ca}} x_{1}^{\mathrm{pre}} \mathrm{elig}
    """
    if name == "dt":
        return r"\Delta t"
    base, *rest = name.split("_")
    letters, digits = re.fullmatch(r"(.*?)(\d*)", base).groups()  # type: ignore[union-attr]
    below = [digits] if digits else []
    above = []
    for part in filter(None, rest):
        if part in ("pre", "post") or (part in ("plus", "minus", "star") and below):
            above.append(_MARKS.get(part, rf"\mathrm{{{part}}}"))
        else:
            below.append(_word(part))
    script = "".join(f"{mark}{{{','.join(parts)}}}" for mark, parts in (("_", below), ("^", above)) if parts)
    return _word(letters or base) + script


def _word(word: str) -> str:
    if word in _MARKS:
        return _MARKS[word]
    if word in _GREEK:
        return rf"\{word}"
    return word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"


class _Writer:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def line(self, each: Statement) -> str:
        right = self.write(ast.parse(each.expression, mode="eval").body)
        if not each.variable:
            return right
        left = self.name(each.variable)
        if each.derivative:
            return rf"\frac{{\mathrm{{d}} {left}}}{{\mathrm{{d}} t}} = {right}"
        if each.unit:
            total = r"\sum " if "summed" in each.flags else ""  # over the synapses of a neuron
            return f"{left} = {total}{right}"
        if each.operator != "=":
            whole = ast.parse(f"{each.variable} {each.operator[0]} ({each.expression})", mode="eval").body
            right = self.write(whole)
        return rf"{left} \leftarrow {right}"

    def name(self, name: str) -> str:
        return self.names.get(name) or symbol(name)

    def write(self, node: ast.expr, least: int = _COMPARED) -> str:
        """Return an expression, in parentheses where it holds together less tightly than it must."""
        text, strength = self.expression(node)
        return text if strength >= least else rf"\left({text}\right)"

    def expression(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Name(id=name):
                return (self.name(name), _ATOM)
            case ast.Constant(value=int() | float() as value):
                return _number(value)
            case ast.BinOp(left=left, op=ast.Mult(), right=ast.Name(id=unit)) if unit in DEFAULT_UNITS:
                # 0*volt and inf*volt need no unit
                bare = (isinstance(left, ast.Constant) and left.value == 0) or ast.unparse(left) == "inf"
                return (
                    self.expression(left) if bare else (rf"{self.write(left, _PRODUCT)}\,\mathrm{{{unit}}}", _PRODUCT)
                )
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                sign = "+" if isinstance(op, ast.Add) else "-"
                # a sum that is added needs no parentheses, one that is subtracted does, and so does a sign
                least = _PRODUCT if sign == "-" or isinstance(right, ast.UnaryOp) else _SUM
                return f"{self.write(left, _SUM)} {sign} {self.write(right, least)}", _SUM
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self.product(left, right), _PRODUCT
            case ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=left), op=ast.Div(), right=right):
                return rf"-\frac{{{self.write(left)}}}{{{self.write(right)}}}", _SUM
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return rf"\frac{{{self.write(left)}}}{{{self.write(right)}}}", _PRODUCT
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return f"{self.base(left)}^{{{self.write(right)}}}", _POWER
            case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
                return rf"\left\lfloor \frac{{{self.write(left)}}}{{{self.write(right)}}} \right\rfloor", _ATOM
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return rf"{self.write(left, _PRODUCT)} \,\mathrm{{mod}}\, {self.write(right, _POWER)}", _PRODUCT
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.write(operand, _PRODUCT)}", _SUM
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return rf"\neg {self.write(operand, _ATOM)}", _PRODUCT
            case ast.UnaryOp(operand=operand):
                return self.expression(operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return f"{self.write(left, _SUM)} {_COMPARISONS[type(op)]} {self.write(right, _SUM)}", _COMPARED
            case ast.BoolOp(op=op, values=values):
                word = r" \wedge " if isinstance(op, ast.And) else r" \vee "
                return word.join(self.write(value) for value in values), _COMPARED
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return self.call(function, arguments), _ATOM
        raise ValueError(f"'{ast.unparse(node)}' is no expression of Brian2")  # which statements() has refused before

    def product(self, left: ast.expr, right: ast.expr) -> str:
        sign = ""
        if isinstance(left, ast.UnaryOp) and isinstance(left.op, ast.USub):
            sign, left = "-", left.operand
        one, other = self.write(left, _PRODUCT), self.write(right, _POWER if _signed(right) else _PRODUCT)
        return f"{sign}{one}{r' \cdot ' if other[0].isdigit() else r'\,'}{other}"

    def base(self, node: ast.expr) -> str:
        # a name with an index above has room for no exponent
        text = self.write(node, _ATOM)
        return rf"\left({text}\right)" if isinstance(node, ast.Name) and "^" in text else text

    def call(self, function: str, arguments: list[ast.expr]) -> str:
        written = [self.write(argument) for argument in arguments]
        match function, arguments:
            case "clip", [_, low, high] if ast.unparse(high).split(" ")[0] == "inf" and ast.unparse(low)[0] == "0":
                return rf"\left[{written[0]}\right]_{{+}}"
            case ("int", [ast.Compare() | ast.BoolOp()]):
                return rf"\mathbf{{1}}\!\left[{written[0]}\right]"
            case ("rand" | "randn", []):
                return _RANDOM[function]
            case "sqrt", [_]:
                return rf"\sqrt{{{written[0]}}}"
            case "abs", [_]:
                return rf"\left|{written[0]}\right|"
        name = _FUNCTIONS.get(function, rf"\operatorname{{{function.replace('_', r'\_')}}}")
        return rf"{name}\left({r',\ '.join(written)}\right)"


def _signed(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) or (isinstance(node, ast.BinOp) and isinstance(node.left, ast.UnaryOp))


def _number(value: float) -> tuple[str, int]:
    if not math.isfinite(value):
        return r"\infty", _ATOM
    digits, _, power = f"{value:g}".partition("e")
    return (rf"{digits} \cdot 10^{{{int(power)}}}", _PRODUCT) if power else (digits, _ATOM)
