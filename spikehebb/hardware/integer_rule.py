"""A sum of products in a chip's whole numbers, as Brian2 text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, second

from spikehebb import equations as text
from spikehebb.core import Frozen, PlasticityRule
from spikehebb.hardware.rounding import levels
from spikehebb.hardware.sum_of_products import Factor, Product, SumOfProducts, Trace, added
from spikehebb.hardware.target import Target

_TOLD = 0.005  # smaller errors of factors are not worth a line


@dataclass(frozen=True, kw_only=True)
class Range:
    """The numbers that a weight can be, and what 1 stands for."""

    low: float
    high: float
    step: float
    whole: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerRule:
    """A rule in a chip's numbers.

    Parameters
    ----------
    rule : PlasticityRule
        What runs. Its text is the same for all bits and coefficients, so that these need no new program.
    dw, dtag : tuple of str
        The products as a chip would be told them, in steps of the weight and of the tag.
    units : mapping of str to float
        What 1 stands for, for each trace and for the tag ``t``.
    errors : tuple of float
        How far off the factor of each product of ``dw`` and ``dtag`` is, relative to what it should be.
    top : float
        The largest number in a trace.
    weights : Range
    """

    rule: PlasticityRule
    dw: tuple[str, ...]
    dtag: tuple[str, ...]
    units: Mapping[str, float]
    errors: tuple[float, ...]
    top: float
    weights: Range

    def __str__(self) -> str:
        parts = [f"{name} = {added(said)}" for name, said in (("dw", self.dw), ("dtag", self.dtag)) if said]
        worst = max(self.errors, key=abs)
        if abs(worst) > _TOLD:
            parts.append(f"(bits of the factors: the worst is {100 * worst:+.1f} % off)")
        return "\n".join(parts)


def integer_rule(
    rule: PlasticityRule | None,
    sums: SumOfProducts,
    target: Target,
    weights: Range,
    *,
    epoch: Quantity,
    rounding: str,
    ranges: Mapping[str, float],
    spikes: float,
) -> IntegerRule:
    """Return a rule in the numbers of a target; the parameters are those of ``constrain``."""
    assert rule is not None
    bits = target.value("trace_bits")
    top = np.inf if bits is None else float(levels(bits, negative=False, positive=True)[1])
    writer = _Writer(
        sums=sums,
        target=target,
        weights=weights,
        top=top,
        units=_units(sums, top, ranges, spikes, target),
        chance="rand()" if rounding == "stochastic" else "0.5",
        epoch=float(epoch / second),
    )
    return writer.write(rule, epoch)


def _units(
    sums: SumOfProducts, top: float, ranges: Mapping[str, float], spikes: float, target: Target
) -> Mapping[str, float]:
    """Return what 1 stands for in each trace and in the tag."""
    known = {trace.variable for trace in sums.traces} | ({sums.tag} if sums.tag else set())
    for name, value in ranges.items():
        if name not in known:
            raise ValueError(f"ranges: rule {sums.rule} has no trace {name!r} ({', '.join(sorted(known))}).")
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"ranges: {name} must be a finite number above 0, got {value}.")
    found = {}
    for trace in sums.traces:
        largest = ranges.get(trace.variable)
        if largest is None:
            largest = trace.impulse if trace.sets else min(trace.top, spikes * trace.impulse)
            if np.isfinite(trace.top):
                largest = trace.top
        if trace.exposed and trace.variable not in ranges and np.isfinite(top):
            raise ValueError(
                f"rule {sums.rule}: {trace.variable!r} of the neuron becomes the trace {trace.name}, and needs to know "
                f"its largest value; give ranges={{{trace.variable!r}: ...}}."
            )
        found[trace.name] = largest / top if np.isfinite(top) else 1.0
    bits = target.value("tag_bits")
    if sums.tag and bits is not None:
        usual = spikes * max(abs(p.coefficient) for p in sums.dtag if p.depends != "u")
        found["t"] = ranges.get(sums.tag, usual) / _signed(bits)[1]
    return Frozen({"t": 1.0} | found)


@dataclass(frozen=True, kw_only=True)
class _Changes:
    """How a variable of the synapse changes: the sum, what waits in the synapse for it, and the sum as told."""

    total: str
    latched: tuple[str, ...]
    told: tuple[str, ...]
    errors: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class _Side:
    """The texts of the traces of one side."""

    equations: str
    spike: str
    epoch: str


@dataclass(frozen=True, kw_only=True, eq=False)
class _Writer:
    """Writes the text of one rule."""

    sums: SumOfProducts
    target: Target
    weights: Range
    top: float
    units: Mapping[str, float]
    chance: str
    epoch: float

    def write(self, rule: PlasticityRule, epoch: Quantity) -> IntegerRule:
        sums, parameters = self.sums, dict[str, Any](epoch=epoch)
        read = {_read(trace.name): self._reading_of(trace, parameters) for trace in sums.traces}
        spoken = dict[str, list[str]](x0=[], y0=[])
        weight = self._changes("w", sums.dw, parameters, spoken)
        tag = self._changes("tag", sums.dtag, parameters, spoken)
        ended = self._epoch(weight, tag, parameters)
        latched = [*weight.latched, *tag.latched]
        pre, post = self._side("pre", parameters), self._side("post", parameters)
        only_post = {product.depends for product in (*sums.dw, *sums.dtag)} == {"y0"}
        if only_post:  # then nothing changes but in synapses onto neurons that have fired
            post = _Side(
                equations=f"{post.equations}\nspiked : 1",
                spike=f"{post.spike}\nspiked = 1",
                epoch=f"{post.epoch}\nspiked = 0",
            )
        return IntegerRule(
            rule=PlasticityRule(
                name=f"{rule.name}_on_{self.target.name}",
                summary=f"{rule.summary} ({self.target.name})",
                reference=rule.reference,
                cites=rule.cites,
                ties="As in the rule without limits; of several spikes of a neuron in one epoch the last one counts.",
                parameters=parameters,
                pre=pre.equations,
                pre_spike=pre.spike,
                pre_epoch=pre.epoch,
                post=post.equations,
                post_spike=post.spike,
                post_epoch=post.epoch,
                synapse="\n".join(f"{name} : 1" for name in ["w", *(["tag"] if sums.tag else []), *latched]),
                on_pre=self._reading(read, spoken["x0"]),
                on_post=self._reading(read, spoken["y0"]),
                update=self._reading(read, ended),
                update_if="spiked > 0" if only_post else "",
                epoch="epoch",
                needs_post=rule.needs_post,
                keeps=tuple(each.name for each in sums.traces if each.variable in rule.keeps and not each.exposed),
            ),
            dw=weight.told,
            dtag=tag.told,
            units=self.units,
            errors=(*weight.errors, *tag.errors),
            top=self.top,
            weights=self.weights,
        )

    def _changes(
        self, changed: str, products: Iterable[Product], parameters: dict[str, Any], spoken: dict[str, list[str]]
    ) -> _Changes:
        """Return how the weight ``w`` or the ``tag`` changes; what spikes do goes to ``spoken``."""
        told: list[str] = []
        errors: list[float] = []
        groups: dict[str, list[str]] = {}
        for product in products:
            for part in self._told(product):
                groups.setdefault(part.depends, []).append(self._product(part, changed, parameters, told, errors))
        latched = []
        for depends in ("x0", "y0"):
            if depends in groups:
                name, expression = f"d{changed}_{depends[0]}", " + ".join(groups[depends])
                if changed == "w" and self._bits("accumulator_bits"):
                    parameters["acc_low"], parameters["acc_high"] = _signed(self._bits("accumulator_bits"))
                    expression = f"clip(floor({expression}), acc_low, acc_high)"
                spoken[depends].append(f"{name} = {expression}")
                latched.append(name)
        total = " + ".join([*latched, *groups.get("u", [])]) or "0"  # a tag that nothing changes
        return _Changes(total=total, latched=tuple(latched), told=tuple(told), errors=tuple(errors))

    def _epoch(self, weight: _Changes, tag: _Changes, parameters: dict[str, Any]) -> list[str]:
        """Return what happens to weight and tag at the end of an epoch; both read the other's old value."""
        parameters |= {"w_low": self.weights.low, "w_high": self.weights.high}
        lines = [f"change = {weight.total}"]
        if self.sums.tag:
            lines += [f"tagged = tag + {tag.total}"]
        if self.weights.whole:
            parameters["finer"] = self._finer()
            lines += ["after = w + change/finer", f"w = clip({self._round('after', 'change')}, w_low, w_high)"]
        else:
            lines += ["w = clip(w + change, w_low, w_high)"]
        if self.sums.tag and self._bits("tag_bits"):
            parameters["tag_low"], parameters["tag_high"] = _signed(self._bits("tag_bits"))
            lines += [f"tag = clip({self._round('tagged', 'tagged')}, tag_low, tag_high)"]
        elif self.sums.tag:
            lines += ["tag = tagged"]
        return lines + [f"{name} = 0" for name in (*weight.latched, *tag.latched)]

    def _bits(self, name: str) -> int:
        return int(self.target.value(name) or 0)

    def _finer(self) -> float:
        """Return how many units of the accumulator make a step of the weight."""
        accumulator, weight = self._bits("accumulator_bits"), self._bits("weight_bits")
        return 2.0 ** max(accumulator - weight - 1, 0) if accumulator and self.weights.whole else 1.0

    def _round(self, value: str, change: str) -> str:
        """Return the text of a rounded number; what has not changed is left alone, and costs no random number."""
        if self.chance == "0.5":
            return f"floor({value} + 0.5)"
        return f"(floor({value}) + int({change} != 0 and rand() < {value} - floor({value})))"

    def _reading_of(self, trace: Trace, parameters: dict[str, Any]) -> str:
        """Return the statement that reads a trace of this moment as a whole number."""
        held, name = f"{trace.variable if trace.exposed else trace.name}_{trace.side}", trace.name
        value = held
        if np.isfinite(self.top) and trace.exposed:
            parameters |= {f"per_{name}": 1 / self.units[name], f"top_{name}": self.top}
            value = f"clip(floor({held}*per_{name} + {self.chance}), 0, top_{name})"
        elif np.isfinite(self.top) and np.isfinite(trace.tau):
            value = f"floor({held} + {self.chance})"
        return f"{_read(name)} = {value}"

    def _reading(self, read: Mapping[str, str], statements: list[str]) -> str:
        """Return statements after those that read the traces in them; random ones first, for Brian2's warning."""
        words = text.used(*statements)
        needed = [statement for name, statement in read.items() if name in words]
        return "\n".join([*sorted(needed, key=lambda statement: "rand()" not in statement), *statements])

    def _product(
        self, product: Product, changed: str, parameters: dict[str, Any], told: list[str], errors: list[float]
    ) -> str:
        """Return the text of a product; its numbers become parameters."""
        number = sum(name.startswith("scale_") for name in parameters)
        coefficient = product.coefficient * (self.epoch if product.depends == "u" else 1.0)
        coefficient /= self.weights.step if changed == "w" else self.units["t"]
        factors, names = list[str](), list[str]()
        for factor in product.factors:
            unit = self.weights.step if factor.name == "w" else self.units[factor.name]
            coefficient *= unit
            name = {"w": "w", "t": "tag"}.get(factor.name) or _read(factor.name)
            constant = self._constant(factor)
            names.append(str(Factor(name=factor.name, offset=constant)))
            if constant:
                key = f"constant_{number}_{len(factors)}"
                parameters[key] = constant
                name = f"({name} + {key})"
            factors.append(name)
        mantissa, exponent = self._scale(coefficient)
        errors.append(mantissa * 2.0**exponent / coefficient - 1)
        told.append(
            "*".join([f"{mantissa:.6g}*2^{exponent}" if exponent else f"{mantissa:.6g}", product.depends, *names])
        )
        parameters[f"scale_{number}"] = mantissa * 2.0**exponent * (self._finer() if changed == "w" else 1.0)
        return "*".join([f"scale_{number}", *factors])

    def _told(self, product: Product) -> list[Product]:
        """Return a product as one or more whose constants have room in the target's bits."""
        low, high = _signed(self._bits("constant_bits")) if self._bits("constant_bits") else (-np.inf, np.inf)
        for number, factor in enumerate(product.factors):
            if not low <= self._constant(factor) <= high:
                others = product.factors[:number] + product.factors[number + 1 :]
                bare = (*product.factors[:number], Factor(name=factor.name), *product.factors[number + 1 :])
                apart = dataclasses.replace(product, coefficient=product.coefficient * factor.offset, factors=others)
                return self._told(dataclasses.replace(product, factors=bare)) + self._told(apart)
        return [product]

    def _constant(self, factor: Factor) -> float:
        """Return what is added to a factor, in its units; a whole number where constants are."""
        unit = self.weights.step if factor.name == "w" else self.units[factor.name]
        return float(round(factor.offset / unit)) if self._bits("constant_bits") else factor.offset / unit

    def _scale(self, coefficient: float) -> tuple[float, int]:
        """Return mantissa and exponent; with the bits of the target's scale the mantissa is a whole number."""
        bits = self._bits("scale_bits")
        if not bits:
            return coefficient, 0
        exponent = int(np.floor(np.log2(abs(coefficient)))) - (bits - 2)
        mantissa = round(coefficient / 2.0**exponent)
        low, high = _signed(bits)
        return (float(mantissa), exponent) if low <= mantissa <= high else (mantissa / 2.0, exponent + 1)

    def _side(self, side: str, parameters: dict[str, Any]) -> _Side:
        """Return what the traces of one side are and do."""
        equations, spikes, ended, finite = list[str](), list[str](), list[str](), np.isfinite(self.top)
        for trace in self.sums.traces:
            if trace.side != side or trace.exposed:
                continue
            name, decays, top = trace.name, np.isfinite(trace.tau), self.top if finite else trace.top
            equations.append(f"d{name}/dt = -{name}/tau_{name} : 1" if decays else f"{name} : 1")
            if decays:
                parameters[f"tau_{name}"] = trace.tau * second
            parameters[f"impulse_{name}"] = self._impulse(trace)
            value = f"impulse_{name}" if trace.sets else f"{name} + impulse_{name}"
            if finite and not trace.sets:
                value = f"floor({value} + {self.chance})"
            if np.isfinite(top):
                parameters[f"top_{name}"] = top
                value = f"clip({value}, 0, top_{name})"
            spikes.append(f"{name} = {value}")
            if finite and decays:
                ended.append(f"{name} = floor({name} + {self.chance})")
        return _Side(equations="\n".join(equations), spike="\n".join(spikes), epoch="\n".join(ended))

    def _impulse(self, trace: Trace) -> float:
        value, bits = trace.impulse / self.units[trace.name], self.target.value("impulse_fraction_bits")
        return value if bits is None or not np.isfinite(self.top) else round(value * 2**bits) / 2**bits


def _signed(bits: int) -> tuple[float, float]:
    """Return the smallest and the largest number of bits that hold a sign."""
    low, high = levels(bits, negative=True, positive=True)
    return float(low), float(high)


def _read(trace: str) -> str:
    """Return what a synapse calls the number it reads; under the trace's own name Brian2 would set the neuron's."""
    return f"{trace}_read"
