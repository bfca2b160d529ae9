"""Populations, projections, and the circuit that they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from brian2.units import get_dimensions
from numpy.typing import ArrayLike, NDArray

from spikehebb import equations as text
from spikehebb.core import display
from spikehebb.core.bounds import check_start
from spikehebb.core.models import NeuronModel, PlasticityRule
from spikehebb.core.times import seconds
from spikehebb.core.traces import Traces, check_places, held, in_synapses
from spikehebb.core.values import LATER, Float, Frozen, dimensions, frozen_array, frozen_parameters


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """A number of neurons of one model, with the state they start from (one value or one per neuron).

    A variable with a unit starts from a quantity, or from a number of its base unit, as ``Recording.state`` has them.
    """

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

    __repr__ = display.one_line
    _repr_html_ = display.html


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
    delay : Quantity, scalar or shape (n_pre, n_post)
        From a presynaptic spike to its arrival. The rule sees arrivals, too: its lags count from there. Where each
        synapse has a delay of its own, traces that presynaptic spikes drive live in the synapses (``x1_arrived``).
    dendritic_delay : Quantity, scalar or shape (n_pre, n_post)
        From a postsynaptic spike to when the rule sees it in the synapse; transmission knows nothing of it. Where each
        synapse has its own, traces that postsynaptic spikes drive live in the synapses (``y1_backpropagated``).
    summed : mapping of str to str, optional
        A continuous projection: at every step the postsynaptic variable becomes the sum of this expression over
        all presynaptic neurons, as in ``{"Z": "exp(u_pre)"}`` or, with weights, ``{"y": "w*x_pre"}``.
    within_step : bool
        Spikes act in the time step in which they are fired (``delay`` later), as simulators that execute layer after
        layer have it; otherwise in the next one. The postsynaptic neurons are then integrated after the presynaptic
        ones have fired, so such projections form no cycle.
    """

    pre: str
    post: str
    weights: NDArray[Any] | None = None
    rule: PlasticityRule | None = None
    connected: NDArray[Any] | None = None
    delay: Quantity = field(default_factory=lambda: 0 * ms)
    dendritic_delay: Quantity = field(default_factory=lambda: 0 * ms)
    summed: Mapping[str, str] = field(default_factory=dict)
    within_step: bool = field(default=False, metadata=LATER)

    def __post_init__(self) -> None:
        if self.within_step and (self.rule or self.summed):
            raise ValueError(
                f"projection {self.pre} -> {self.post}: within_step is for spikes through fixed weights; leave out "
                f"{'its rule' if self.rule else 'its summed expressions'}, or within_step."
            )
        if self.weights is None and not self.summed:
            raise ValueError(
                f"projection {self.pre} -> {self.post} needs weights (it carries spikes), summed expressions (it is "
                "continuous), or both (a continuous one with weights)."
            )
        if self.weights is None and self.rule:
            raise ValueError(f"projection {self.pre} -> {self.post} has rule {self.rule.name}, but no weights.")
        for what in ("delay", "dendritic_delay"):
            times = seconds(f"projection {self.pre} -> {self.post}: {what}", getattr(self, what), least=0.0)
            if times.ndim:
                object.__setattr__(self, what, Quantity(frozen_array(times, float), dim=text.TIME, copy=False))
        object.__setattr__(self, "summed", Frozen(self.summed))
        for name, kind in (("weights", float), ("connected", bool)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen_array(getattr(self, name), kind))
        if self.weights is not None and not np.all(np.isfinite(self.weights)):
            raise ValueError(f"projection {self.pre} -> {self.post}: every weight must be a finite number.")
        if self.weights is not None and self.rule is not None:
            check_start(f"projection {self.pre} -> {self.post}", self.rule, self.weights, self.connected)

    def lateness(self, side: str) -> Float:
        """Return how much later than the spike itself the rule sees one of a side, in seconds: one or (n_pre, n_post).

        Parameters
        ----------
        side : str
            ``pre`` or ``post``.
        """
        if side == "post":
            return np.asarray(self.dendritic_delay, float)
        lag = self.rule.parameters[self.rule.lag] if self.rule and self.rule.lag else 0.0
        return np.asarray(self.delay, float) + float(lag)

    def in_synapses(self, side: str) -> bool:
        """Return whether traces that spikes of one side, ``pre`` or ``post``, drive live in each synapse."""
        return bool(self.rule and self.rule.statements(side)[0] and self.lateness(side).ndim)

    __repr__ = display.one_line
    _repr_html_ = display.html


@dataclass(frozen=True, kw_only=True, eq=False)
class Circuit:
    """Named populations and named projections.

    Any number of projections can learn at a population, by one rule or by several. What a rule keeps in the neurons
    (traces, and parameters that they read) has the rule's names there, ``x1``; where another projection has one of
    these names, too, it is ``x1_of_feedforward`` in each of them, after the projection, and where a projection from a
    population to itself has a name on both sides, ``x1_pre_of_recurrent`` and ``x1_post_of_recurrent``.

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
        self.levels()  # which refuses cycles

    def levels(self) -> dict[str, int]:
        """Return for each population how many populations have to fire before it in a time step.

        Raises
        ------
        ValueError
            If projections within a step form a cycle.

        Examples
        --------
        >>> from spikehebb.circuits import lif_wta
        >>> lif_wta([[1.0]]).levels()
        {'input': 0, 'output': 0}
        """
        levels = dict.fromkeys(self.populations, 0)
        first = [(name, p) for name, p in self.projections.items() if p.within_step]
        for _ in range(len(self.populations) + 1):
            late = [(name, p) for name, p in first if levels[p.post] <= levels[p.pre]]
            if not late:
                return levels
            for _, projection in late:
                levels[projection.post] = levels[projection.pre] + 1
        raise ValueError(
            f"circuit {self.name}: projections within a step ({', '.join(name for name, _ in first)}) form a cycle, in "
            "which nobody fires first; let one of them act in the next step."
        )

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
        for what in ("delay", "dendritic_delay"):
            shape = np.shape(getattr(projection, what))
            if shape not in ((), (pre.size, post.size)):
                raise ValueError(
                    f"{owner}: {what} must be one time or {(pre.size, post.size)} (pre, post), got {shape}."
                )
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
        sizes = {side: p.size for side, p in (("pre", pre), ("post", post)) if not projection.in_synapses(side)}
        synapses = pre.size * post.size if projection.connected is None else np.count_nonzero(projection.connected)
        check_places(owner, rule, sizes, int(synapses))
        for side, population, needs in (("presynaptic", pre, rule.needs_pre), ("postsynaptic", post, rule.needs_post)):
            for variable, dim in text.variables(needs).items():
                if _names(population).get(variable) != dim:
                    raise ValueError(
                        f"{owner}: rule {rule.name} needs a variable {variable!r} {text.describe(dim)} in the {side} "
                        f"neuron, and {population.model.name} has none."
                    )

    def _check_variables(self, name: str, population: Population) -> None:
        owner: dict[str, str] = dict.fromkeys(_names(population), f"neuron {population.model.name}")
        for traces in self.traces(name):
            for variable in sorted(traces.names.values()):
                if variable in owner:
                    raise ValueError(
                        f"circuit {self.name}: population {name} gets {variable!r} twice, from "
                        f"{owner[variable]} and from rule {traces.rule.name}; rename one of them."
                    )
                owner[variable] = f"rule {traces.rule.name}"
        units = _names(population)
        for traces in self.traces(name):
            units |= text.variables(traces.equations)
        for variable, value in population.state.items():
            if variable not in owner:
                raise ValueError(
                    f"circuit {self.name}: population {name} has no variable {variable!r} to start from."
                    f"{text.did_you_mean(variable, owner)}"
                )
            unit = units.get(variable, text.DIMENSIONLESS)
            if get_dimensions(value) not in (text.DIMENSIONLESS, unit):
                raise ValueError(
                    f"circuit {self.name}: population {name} starts from {variable} = {value}, which must be in "
                    f"{text.unit_text(Quantity(1, dim=unit))}, or a number of that."
                )

    def _check_synapse(self, name: str, projection: Projection) -> None:
        """Refuse names without suffix that one of the neurons has, too: Brian2 would take its variable."""
        there = self._unsuffixed(projection)
        for end in (projection.pre, projection.post):
            own = set(_names(self.populations[end])).union(*(each.names.values() for each in self.traces(end)))
            if clash := sorted(there & own):
                raise ValueError(
                    f"circuit {self.name}, projection {name}: its synapses and the neurons {end} both have "
                    f"{', '.join(map(repr, clash))}, and Brian2 would take one for the other; rename one of them."
                )

    def _unsuffixed(self, projection: Projection) -> set[str]:
        """Return the names without suffix that the synapses of a projection read, set or declare."""
        rule, post = projection.rule, self.populations[projection.post]
        texts = [*projection.summed.values()] if projection.summed else [post.model.receive]
        there = {"w"} if projection.weights is not None else set[str]()
        if rule is not None:
            texts += [rule.synapse, rule.on_pre, rule.on_post, rule.update, *rule.onset]
        there |= text.used(*texts)
        if rule is not None:
            inside = [side for side in ("pre", "post") if projection.in_synapses(side)]
            for side in inside:
                there |= {in_synapses(trace, side) for trace in text.variables(getattr(rule, side))} | {
                    *rule.held(side)
                }
            for side in {"pre", "post"}.difference(inside):  # what neurons hold is read there, with a suffix
                there -= rule.held(side).keys()
        return there

    def traces(self, population: str) -> list[Traces]:
        """Return what the rules of its projections keep in the neurons of a population, one for each side of each."""
        return [
            Traces(projection=name, side=side, rule=projection.rule, names=Frozen(self.names(name, side)))
            for name, projection in self.projections.items()
            for side in ("pre", "post")
            if projection.rule and getattr(projection, side) == population and not projection.in_synapses(side)
        ]

    def names(self, projection: str, side: str) -> dict[str, str]:
        """Return what the neurons of one side call the traces and parameters that the rule of a projection keeps there.

        Parameters
        ----------
        projection, side : str
            ``pre`` or ``post``.

        Examples
        --------
        >>> from spikehebb.circuits import synapse_pair
        >>> from spikehebb.rules import stdp_pair
        >>> synapse_pair(stdp_pair).names("synapse", "pre")
        {'tau_plus': 'tau_plus', 'x1': 'x1'}
        """
        wiring = self.projections[projection]
        if wiring.rule is None or wiring.in_synapses(side):
            return {}
        kept, population = held(wiring.rule, side), getattr(wiring, side)
        other_side = {"pre": "post", "post": "pre"}[side]
        both = set[str]()
        if getattr(wiring, other_side) == population and not wiring.in_synapses(other_side):
            both = kept & held(wiring.rule, other_side)
        elsewhere = set[str]()
        for name, other in self.projections.items():
            if name != projection and other.rule and population in (other.pre, other.post):
                elsewhere |= self._unsuffixed(other)
                for end in ("pre", "post"):
                    if getattr(other, end) == population and not other.in_synapses(end):
                        elsewhere |= held(other.rule, end)
        names = {name: name for name in sorted(kept)}
        names |= {name: f"{name}_of_{projection}" for name in names if name in elsewhere}
        return names | {name: f"{name}_{side}_of_{projection}" for name in names if name in both}

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

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    save = display.save


def _names(population: Population) -> dict[str, Any]:
    """Return the variables and parameters of a population's neurons, with their units."""
    return text.variables(population.model.equations) | dimensions(population.model.parameters)


def _check_spiking(owner: str, name: str, population: Population, reason: str) -> None:
    if not population.model.threshold:
        raise ValueError(f"{owner} {reason}, but {name} ({population.model.name}) never spikes.")
