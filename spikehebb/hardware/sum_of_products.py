"""Learning rules as chips have them: sums of products of spikes, traces, constants and the weight.

A Loihi rule is ``dw = sum of S*D*F*F*...`` with ``D`` one of ``x0`` (a presynaptic spike), ``y0`` (a postsynaptic one)
and ``u`` (every epoch), and factors ``F`` that are a trace, the weight or the tag, plus a constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.equations import symbolic

_SPIKES = {"on_pre": "x0", "on_post": "y0"}
_FEW = 1e-9  # relative to the largest: smaller coefficients are rounding errors


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A trace that a rule reads.

    Parameters
    ----------
    name, variable, side : str
        As the chip calls it (``x1``), as the rule does, and ``pre`` or ``post``.
    tau : float
        Time constant of its decay in seconds; infinite for one that only counts.
    impulse : float
        What a spike adds, in the rule's own unit; 0 for a variable of the neuron that is exposed as a trace.
    sets : bool
        The spike sets the trace to the impulse instead.
    top : float
        Its largest value; infinite where the rule sets none.
    """

    name: str
    variable: str
    side: str
    tau: float = np.inf
    impulse: float = 0.0
    sets: bool = False
    top: float = np.inf

    @property
    def exposed(self) -> bool:
        """Whether it is a variable of the neuron and no trace of spikes."""
        return self.impulse == 0


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A trace, the weight or the tag, plus a constant."""

    name: str
    offset: float = 0.0

    def __str__(self) -> str:
        return self.name if not self.offset else f"({self.name} {_signed(self.offset)})"


@dataclass(frozen=True, kw_only=True)
class Product:
    """One product of a sum: ``coefficient*depends*factors``; with ``u``, ``coefficient`` is per second."""

    coefficient: float
    depends: str
    factors: tuple[Factor, ...]

    def __str__(self) -> str:
        return "*".join([f"{self.coefficient:.4g}", self.depends, *map(str, self.factors)])


@dataclass(frozen=True, kw_only=True, eq=False)
class SumOfProducts:
    """A rule in Loihi's form.

    Parameters
    ----------
    rule : str
    dw, dtag : tuple of Product
        Changes of the weight and of the tag, the rule's eligibility.
    traces : tuple of Trace
    tag : str
        The rule's name for the tag; empty without one.
    w_min, w_max : float
        Bounds of the weight; infinite where the rule sets none.

    Examples
    --------
    >>> from spikehebb.rules import stdp_pair
    >>> print(sum_of_products(stdp_pair))
    dw = -0.00525*x0*y1 + 0.005*y0*x1
    """

    rule: str
    dw: tuple[Product, ...]
    dtag: tuple[Product, ...]
    traces: tuple[Trace, ...]
    tag: str
    w_min: float
    w_max: float

    def __str__(self) -> str:
        changes = {"dw": self.dw, "dtag": self.dtag}
        return "\n".join(f"{name} = {added(map(str, products))}" for name, products in changes.items() if products)


def sum_of_products(rule: PlasticityRule) -> SumOfProducts:
    """Return a rule as a sum of products.

    Raises
    ------
    ValueError
        If it is none, with every term that does not fit and its usual replacement.

    References
    ----------
    Davies et al., IEEE Micro 38(1):82, 2018; lava-nc/lava, tutorial 09.
    """
    found, wrong = _read(rule)
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def problems(rule: PlasticityRule) -> tuple[str, ...]:
    """Return why a rule is no sum of products, a sentence for each term; nothing where it is one.

    Examples
    --------
    >>> from spikehebb.rules import nessler, softhebb_annealed
    >>> problems(softhebb_annealed)
    ()
    >>> problems(nessler)[-1].split(" has ")[1]
    'exp(-w), which no product makes; replace exp(-w) by 1 - w'
    """
    return _read(rule)[1]


@lru_cache(maxsize=64)
def _read(rule: PlasticityRule) -> tuple[SumOfProducts, tuple[str, ...]]:
    """Return what could be read of a rule, and what could not."""
    wrong: list[str] = []
    traces = _traces(rule, wrong)
    tag, continuous = _synapse(rule, wrong)
    names = (
        {f"{trace.variable}_{trace.side}": trace.name for trace in traces} | {"w": "w"} | ({tag: "t"} if tag else {})
    )
    reader = _Reader(rule=rule, names=names, wrong=wrong)
    changes: dict[str, list[Product]] = {"w": [], tag or "t": []}
    bounds = [-np.inf, np.inf]
    for part, depends in _SPIKES.items():
        for target, expression, limits in reader.assignments(getattr(rule, part)):
            bounds = [max(bounds[0], limits[0]), min(bounds[1], limits[1])]
            if target in changes:
                changes[target] += reader.products(expression, depends)
            else:
                wrong.append(
                    f"{_owner(rule)}: it keeps {target!r} in the synapse, where a chip has the weight and a tag"
                )
    for target, expression in continuous.items():
        changes[target] += reader.products(expression, "u")
    for target, expression, limits in reader.assignments(rule.update):
        bounds = [max(bounds[0], limits[0]), min(bounds[1], limits[1])]
        if expression != 0 or target != "w":
            _ = reader.products(expression, "u")  # for what it has to say of its terms
            wrong.append(f"{_owner(rule)}: it changes {target!r} at every step, where a chip knows spikes and epochs")
    for statement in rule.onset:
        wrong.append(
            f"{_owner(rule)}: '{'; '.join(map(str, text.statements(statement)))}' needs all weights of a neuron, and a "
            "synapse knows its own; replace it by a decay with the neuron's activity, as in softhebb_annealed"
        )
    if rule.lag and float(rule.parameters[rule.lag]):
        wrong.append(
            f"{_owner(rule)}: it learns {rule.lag} after a spike arrives, and a chip at once; set {rule.lag} to 0"
        )
    if rule.epoch:
        wrong.append(f"{_owner(rule)}: it has learning epochs of its own; take the rule without, a chip has its own")
    found = SumOfProducts(
        rule=rule.name,
        dw=_gathered(changes["w"]),
        dtag=_gathered(changes[tag or "t"]),
        traces=tuple(traces),
        tag=tag,
        w_min=bounds[0],
        w_max=bounds[1],
    )
    if not (found.dw or wrong):
        wrong.append(f"{_owner(rule)}: it never changes the weight")
    return found, tuple(dict.fromkeys(wrong))


def _traces(rule: PlasticityRule, wrong: list[str]) -> list[Trace]:
    """Return the traces of both sides, and the variables of the neurons that must be exposed as traces."""
    found = list[Trace]()
    for side, letter, needs in (("pre", "x", rule.needs_pre), ("post", "y", rule.needs_post)):
        impulses = _impulses(rule, rule.statements(side)[0])
        for each in text.statements(getattr(rule, side)):
            variable = each.variable
            tau = _decay(rule, variable, each.expression) if each.operator else np.inf
            name, impulse = f"{letter}{1 + sum(t.side == side for t in found)}", impulses.pop(variable, None)
            if tau is None or impulse is None:
                wrong.append(
                    f"{_owner(rule)}: {variable!r} is no trace of {side}synaptic spikes that decays or counts; "
                    "keep to traces of spikes"
                )
                continue
            amount, sets, top = impulse
            found.append(Trace(name=name, variable=variable, side=side, tau=tau, impulse=amount, sets=sets, top=top))
        for variable in text.variables(needs):
            if side == "pre" or variable == "y":
                wrong.append(
                    f"{_owner(rule)}: it reads {variable!r} of the {side}synaptic neuron, and a chip knows spikes "
                    "and their traces; rules.on_spikes gives a rule of the rates x and y on traces"
                )
                continue
            name = f"{letter}{1 + sum(t.side == side for t in found)}"
            found.append(Trace(name=name, variable=variable, side=side))
    return found


def _impulses(rule: PlasticityRule, statements: str) -> dict[str, tuple[float, bool, float] | None]:
    """Return what a spike does to each trace: amount, whether it sets, and the largest value."""
    found: dict[str, tuple[float, bool, float] | None] = {}
    values = _numbers(rule)
    for each in text.statements(statements):
        read, operator, top = symbolic(each.expression).subs(values), each.operator, np.inf
        if operator == "=" and str(read.func) == "clip" and read.args[1] == 0 and read.args[2].is_number:
            read, top, operator = sympy.expand(read.args[0] - symbolic(each.variable)), float(read.args[2]), "+="
        plain = operator in ("=", "+=") and read.is_number and float(read) > 0 and each.variable not in found
        found[each.variable] = (float(read), operator == "=", top) if plain else None
    return found


def _decay(rule: PlasticityRule, variable: str, expression: str) -> float | None:
    """Return the time constant of ``-x/tau``; ``None`` for any other equation."""
    rate = sympy.simplify(symbolic(expression).subs(_numbers(rule)) / symbolic(variable))
    return 1 / -float(rate) if rate.is_number and float(rate) < 0 else None


def _synapse(rule: PlasticityRule, wrong: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the name of the tag, and what changes at every step."""
    tag, continuous = "", {}
    for each in text.statements(rule.synapse):
        variable = each.variable
        if "summed" in each.flags:
            wrong.append(
                f"{_owner(rule)}: {variable!r} is a sum over synapses, and a synapse knows its own; replace the sum "
                "by a variable of the neuron, such as its potential"
            )
        elif each.operator and not each.derivative:
            wrong.append(f"{_owner(rule)}: {variable!r} is computed in the synapse, where a chip has products alone")
        elif variable == "w" or not tag:
            tag = tag if variable == "w" else variable
            if each.derivative:
                continuous[variable] = symbolic(each.expression)
        else:
            wrong.append(
                f"{_owner(rule)}: it keeps {variable!r} in the synapse besides {tag!r}, and a chip has one tag"
            )
    return tag, continuous


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads the expressions of one rule."""

    rule: PlasticityRule
    names: Mapping[str, str]  # of traces, w and tag, as the chip calls them
    wrong: list[str]

    def assignments(self, statements: str) -> list[tuple[str, Any, tuple[float, float]]]:
        """Return the variable, its change and its bounds for each statement; names given on the way are put in."""
        found: list[tuple[str, Any, tuple[float, float]]] = []
        own, values = text.variables(self.rule.synapse), dict[Any, Any]()  # what names stand for so far
        for each in text.statements(statements):
            name = symbolic(each.variable)
            before, value = values.get(name, name), symbolic(each.expression).subs(values, simultaneous=True)
            bounds = (-np.inf, np.inf)
            if each.variable in own and each.operator == "=" and str(value.func) == "clip":
                low, high = (arg.subs(_numbers(self.rule)) for arg in value.args[1:])
                value, bounds = value.args[0], (_float(low, -np.inf), _float(high, np.inf))
            after = {"+=": before + value, "-=": before - value, "*=": before * value, "/=": before / value}
            values[name] = after.get(each.operator, value)
            if each.variable in own:
                found.append((each.variable, values[name] - before, bounds))
            elif each.variable.endswith(("_pre", "_post")):
                self.wrong.append(
                    f"{_owner(self.rule)}: '{each}' changes a neuron from its synapses, where a chip changes weight "
                    "and tag; let the neuron's own spikes do it"
                )
        return found

    def products(self, change: Any, depends: str) -> list[Product]:
        """Return a change as products; what is none is told, with its usual replacement."""
        read = change.subs(_numbers(self.rule))
        known = {symbolic(name) for name in self.names}
        if read.free_symbols <= known and read.is_polynomial(*known):
            return [
                Product(coefficient=coefficient, depends=depends, factors=factors)
                for coefficient, factors in self._products(sympy.nsimplify(read, rational=False))
            ]
        why = _why(read, known)
        unknown = {str(symbol).removesuffix("_pre").removesuffix("_post") for symbol in read.free_symbols - known}
        told = why.startswith("reads ") and all(any(f"'{name}" in said for said in self.wrong) for name in unknown)
        if not told:
            self.wrong.append(f"{_owner(self.rule)}: '{change}' {why}")
        return []

    def _products(self, read: Any) -> list[tuple[float, tuple[Factor, ...]]]:
        """Return the products of a polynomial; a factor in one variable stays whole."""
        if read.is_number:
            return [(float(read), ())]
        if len(read.free_symbols) == 1:
            (symbol,) = read.free_symbols
            if sympy.degree(read, symbol) == 1:
                slope, offset = (float(c) for c in sympy.Poly(read, symbol).all_coeffs())
                return [(slope, (Factor(name=self.names[str(symbol)], offset=offset / slope),))]
        if read.is_Add:
            return [product for part in read.args for product in self._products(part)]
        parts = read.args if read.is_Mul else [read.base] * int(read.exp)
        found: list[tuple[float, tuple[Factor, ...]]] = [(1.0, ())]
        for part in parts:
            found = [(a * b, f + g) for a, f in found for b, g in self._products(part)]
        return found


def _why(read: Any, known: set[Any]) -> str:
    """Return why an expression is no sum of products, and what is usually taken instead."""
    weight = symbolic("w")
    for part in sympy.preorder_traversal(read):
        name = str(part.func)
        if part.is_Pow and part.base.free_symbols and part.exp.is_number and part.exp.is_negative:
            return (
                f"divides by {part.base}, and a chip does not divide; let a trace that counts lower the rate, as "
                "softhebb_annealed does"
            )
        if part.is_Pow and part.base.free_symbols and not (part.exp.is_integer and part.exp.is_positive):
            return f"has the power {part}; take an exponent of 0 or 1 (stdp_pair, stdp_mixed, stdp_multiplicative)"
        if name == "exp" and part.free_symbols:
            linear = " by 1 - w" if part.args[0] == -weight else " by its linear part"
            return f"has {part}, which no product makes; replace {part}{linear}"
        if name in ("randn", "rand"):
            return "adds noise of its own; set it to 0, since a chip rounds at random anyway"
        if name in ("int", "clip", "Abs", "sign") or part.is_Relational:
            return f"has {part}, and a chip compares nothing; take a rule without it, such as stdp_pair"
    unknown = ", ".join(sorted(map(str, read.free_symbols - known)))
    return f"reads {unknown}, which is neither a trace nor the weight"


def _gathered(products: Iterable[Product]) -> tuple[Product, ...]:
    """Return products with equal factors as one, those that vanish left out."""
    sums: dict[tuple[str, tuple[Factor, ...]], float] = {}
    for product in products:
        key = (product.depends, tuple(sorted(product.factors, key=lambda f: "xytw".index(f.name[0]))))
        sums[key] = sums.get(key, 0.0) + product.coefficient
    largest = max(map(abs, sums.values()), default=0.0)
    return tuple(
        Product(coefficient=value, depends=depends, factors=factors)
        for (depends, factors), value in sums.items()
        if abs(value) > _FEW * largest
    )


def added(terms: Iterable[str]) -> str:
    """Return terms as one sum, those with a minus subtracted.

    Examples
    --------
    >>> added(["-2*x0", "x1", "-3*y1"])
    '-2*x0 + x1 - 3*y1'
    """
    first, *others = terms
    return "".join([first, *(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in others)])


def _numbers(rule: PlasticityRule) -> dict[Any, float]:
    """Return the parameters in base units, by symbol."""
    return {symbolic(name): float(value) for name, value in rule.parameters.items() if np.ndim(value) == 0}


def _float(value: Any, otherwise: float) -> float:
    return float(value) if value.is_number else otherwise


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):.4g}"


def _owner(rule: PlasticityRule) -> str:
    return f"rule {rule.name}"
