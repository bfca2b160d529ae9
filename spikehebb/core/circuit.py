"""Populations, projections, and the circuit that they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from numpy.typing import ArrayLike, NDArray

from spikehebb import equations as text
from spikehebb.core.bounds import check_start
from spikehebb.core.models import NeuronModel, PlasticityRule
from spikehebb.core.times import seconds
from spikehebb.core.values import Frozen, dimensions, frozen_array, frozen_parameters


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """A number of neurons of one model, with the state they start from (one value or one per neuron)."""

    model: NeuronModel
    size: int
    state: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.size, (int, np.integer)) or self.size < 1:
            raise ValueError(
                f"population of {self.model.name}: size must be a whole number of at least 1, got {self.size}."
            )
        object.__setattr__(self, "state", frozen_parameters(f"population of {self.model.name}", self.state))
        for name, value in {**self.model.parameters, **self.state}.items():
            if np.shape(value) not in ((), (self.size,)):
                raise ValueError(
                    f"population of {self.model.name}: {name} has shape {np.shape(value)}, "
                    f"but it takes one value or {self.size}."
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Connections from one population to another.

    Parameters
    ----------
    pre, post : str
        Names of the populations.
    weights : array_like, shape (n_pre, n_post), optional
        A projection with weights carries spikes, unless it is continuous.
    rule : PlasticityRule, optional
        How the weights change; without one they are fixed.
    connected : array_like of bool, shape (n_pre, n_post), optional
        Which pairs are connected; all when left out.
    delay : Quantity
        From a presynaptic spike to its arrival. The rule sees arrivals, too: its lags count from there.
    summed : mapping of str to str, optional
        A continuous projection: at every step the postsynaptic variable becomes the sum of this expression over
        all presynaptic neurons, as in ``{"Z": "exp(u_pre)"}`` or, with weights, ``{"y": "w*x_pre"}``.
    """

    pre: str
    post: str
    weights: NDArray[Any] | None = None
    rule: PlasticityRule | None = None
    connected: NDArray[Any] | None = None
    delay: Quantity = field(default_factory=lambda: 0 * ms)
    summed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.weights is None and not self.summed:
            raise ValueError(
                f"projection {self.pre} -> {self.post} needs weights (it carries spikes), summed expressions (it is "
                "continuous), or both (a continuous one with weights)."
            )
        if self.weights is None and self.rule:
            raise ValueError(f"projection {self.pre} -> {self.post} has rule {self.rule.name}, but no weights.")
        if seconds(f"projection {self.pre} -> {self.post}: delay", self.delay, least=0.0).ndim:
            raise ValueError(f"projection {self.pre} -> {self.post}: delay must be one time, got {self.delay}.")
        object.__setattr__(self, "summed", Frozen(self.summed))
        for name, kind in (("weights", float), ("connected", bool)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen_array(getattr(self, name), kind))
        if self.weights is not None and not np.all(np.isfinite(self.weights)):
            raise ValueError(f"projection {self.pre} -> {self.post}: every weight must be a finite number.")
        if self.weights is not None and self.rule is not None:
            check_start(f"projection {self.pre} -> {self.post}", self.rule, self.weights, self.connected)


@dataclass(frozen=True, kw_only=True, eq=False)
class Circuit:
    """Named populations and named projections.

    Continuous projections act in the order in which they are listed, after all neurons have been integrated and
    before thresholds are tested; each is followed by the ``update`` of its target.

    Raises
    ------
    ValueError
        If a projection names no population, weights have another shape than the populations ask for, a rule needs a
        variable that the postsynaptic neuron lacks, or two texts claim one variable of a population.
    """

    name: str
    populations: Mapping[str, Population]
    projections: Mapping[str, Projection]
    reference: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "populations", Frozen(self.populations))
        object.__setattr__(self, "projections", Frozen(self.projections))
        for name in (*self.populations, *self.projections):
            if not name.isidentifier():
                raise ValueError(f"circuit {self.name}: {name!r} cannot be a name; use letters, digits and '_'.")
        if both := set(self.populations) & set(self.projections):
            raise ValueError(f"circuit {self.name}: {sorted(both)} name a population and a projection; rename one.")
        for name, projection in self.projections.items():
            self._check_projection(name, projection)
        for name, population in self.populations.items():
            self._check_variables(name, population)
        for name, projection in self.projections.items():
            self._check_synapse(name, projection)

    def _check_projection(self, name: str, projection: Projection) -> None:
        owner = f"circuit {self.name}, projection {name}"
        for end in (projection.pre, projection.post):
            if end not in self.populations:
                raise ValueError(f"{owner}: there is no population {end!r}.{text.did_you_mean(end, self.populations)}")
        pre, post = self.populations[projection.pre], self.populations[projection.post]
        for what in ("weights", "connected"):
            array = getattr(projection, what)
            if array is not None and array.shape != (pre.size, post.size):
                raise ValueError(f"{owner}: {what} must be {(pre.size, post.size)} (pre, post), got {array.shape}.")
        known = {f"{n}_pre": d for n, d in _names(pre).items()} | {f"{n}_post": d for n, d in _names(post).items()}
        weight = {} if projection.weights is None else {"w": text.DIMENSIONLESS}
        for variable, expression in projection.summed.items():
            dim = known.get(f"{variable}_post")
            if dim is None or variable not in text.plain(post.model.equations):
                raise ValueError(f"{owner}: {projection.post} has no variable {variable!r} to sum into.")
            text.check_text(owner, expressions=[(expression, dim)], known=known | weight, synapse=True)
        if not projection.summed:
            _check_spiking(owner, projection.pre, pre, "carries spikes")
            for variable, dim in text.variables(post.model.needs_pre).items():
                if _names(pre).get(variable) != dim:
                    raise ValueError(
                        f"{owner}: neuron {post.model.name} reads {variable!r} {text.describe(dim)} of the presynaptic "
                        f"neuron, and {pre.model.name} has none."
                    )
        rule = projection.rule
        if rule is None:
            return
        if rule.on_pre or rule.pre_spike:
            _check_spiking(owner, projection.pre, pre, f"has rule {rule.name}, which waits for presynaptic spikes")
        if rule.on_post or rule.post_spike:
            _check_spiking(owner, projection.post, post, f"has rule {rule.name}, which waits for postsynaptic spikes")
        for side, population, needs in (("presynaptic", pre, rule.needs_pre), ("postsynaptic", post, rule.needs_post)):
            for variable, dim in text.variables(needs).items():
                if _names(population).get(variable) != dim:
                    raise ValueError(
                        f"{owner}: rule {rule.name} needs a variable {variable!r} {text.describe(dim)} in the {side} "
                        f"neuron, and {population.model.name} has none."
                    )

    def _check_variables(self, name: str, population: Population) -> None:
        owner: dict[str, str] = dict.fromkeys(_names(population), f"neuron {population.model.name}")
        for rule, side in self.traces(name):
            for variable in sorted(_held(rule, side)):
                if variable in owner:
                    raise ValueError(
                        f"circuit {self.name}: population {name} gets {variable!r} twice, from "
                        f"{owner[variable]} and from rule {rule.name}; rename one of them."
                    )
                owner[variable] = f"rule {rule.name}"
        for variable in population.state:
            if variable not in owner:
                raise ValueError(
                    f"circuit {self.name}: population {name} has no variable {variable!r} to start from."
                    f"{text.did_you_mean(variable, owner)}"
                )

    def _check_synapse(self, name: str, projection: Projection) -> None:
        """Refuse names without suffix that one of the neurons has, too: Brian2 would take its variable."""
        rule, post = projection.rule, self.populations[projection.post]
        texts = [*projection.summed.values()] if projection.summed else [post.model.receive]
        there = {"w"} if projection.weights is not None else set[str]()
        if rule is not None:
            texts += [rule.synapse, rule.on_pre, rule.on_post, rule.update, *rule.onset]
        there |= text.used(*texts)
        if rule is not None:  # parameters that neurons hold are read there, with a suffix
            there -= {*rule.held("pre"), *rule.held("post")}
        for end in (projection.pre, projection.post):
            held = set(_names(self.populations[end])).union(*(_held(other, side) for other, side in self.traces(end)))
            if clash := sorted(there & held):
                raise ValueError(
                    f"circuit {self.name}, projection {name}: its synapses and the neurons {end} both have "
                    f"{', '.join(map(repr, clash))}, and Brian2 would take one for the other; rename one of them."
                )

    def traces(self, population: str) -> list[tuple[PlasticityRule, str]]:
        """Return the rules that keep traces in a population, each with its side, ``pre`` or ``post``."""
        found = []
        for projection in self.projections.values():
            for side in ("pre", "post"):
                if projection.rule and getattr(projection, side) == population:
                    found.append((projection.rule, side))
        return found

    def frozen(self) -> Circuit:
        """Return the circuit without its rules, without the state that only they had, and with neurons that stay."""
        projections = {n: dataclasses.replace(p, rule=None) for n, p in self.projections.items()}
        populations = {
            n: dataclasses.replace(
                p,
                model=p.model.with_parameters(**p.model.frozen),
                state={k: v for k, v in p.state.items() if k in _names(p)},
            )
            for n, p in self.populations.items()
        }
        return dataclasses.replace(self, populations=populations, projections=projections)

    def with_weights(self, /, **weights: ArrayLike) -> Circuit:
        """Return the circuit with other weights in the named projections."""
        projections = dict(self.projections)
        for name, array in weights.items():
            if name not in projections:
                raise ValueError(
                    f"circuit {self.name} has no projection {name!r}.{text.did_you_mean(name, projections)}"
                )
            projections[name] = dataclasses.replace(projections[name], weights=np.asarray(array))
        return dataclasses.replace(self, projections=projections)

    def with_state(self, population: str, /, **state: Any) -> Circuit:
        """Return the circuit with a population that starts from other values."""
        if population not in self.populations:
            raise ValueError(
                f"circuit {self.name} has no population {population!r}."
                f"{text.did_you_mean(population, self.populations)}"
            )
        old = self.populations[population]
        changed = dataclasses.replace(old, state={**old.state, **state})
        return dataclasses.replace(self, populations={**self.populations, population: changed})


def _held(rule: PlasticityRule, side: str) -> set[str]:
    """Return the traces and parameters of a rule that live in the neurons of one side."""
    return {*text.variables(getattr(rule, side)), *rule.held(side)}


def _names(population: Population) -> dict[str, Any]:
    """Return the variables and parameters of a population's neurons, with their units."""
    return text.variables(population.model.equations) | dimensions(population.model.parameters)


def _check_spiking(owner: str, name: str, population: Population, reason: str) -> None:
    if not population.model.threshold:
        raise ValueError(f"{owner} {reason}, but {name} ({population.model.name}) never spikes.")
