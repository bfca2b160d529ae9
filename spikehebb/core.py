"""The values of the toolkit: neurons, rules, circuits, stimulation plans and what comes back from a run.

Every value is frozen and holds text, numbers with units and read-only arrays, nothing else. What the toolkit does
with them (simulate, export, measure, plot) is written as functions elsewhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from brian2 import Quantity, ms, second
from brian2.units import get_dimensions
from numpy.typing import ArrayLike, NDArray

from spikehebb import equations as text

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Parameters = Mapping[str, Any]
T = TypeVar("T")


class Frozen(Mapping[str, T]):
    """A read-only mapping that, unlike ``MappingProxyType``, can be pickled."""

    def __init__(self, items: Mapping[str, T] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronModel:
    """A neuron as Brian2 text.

    Parameters
    ----------
    name, summary, reference : str
        What it is called, in one line what it is, and where it comes from.
    equations : str
        Brian2 model equations, parameters left out.
    parameters : mapping of str to number or Quantity
        Each with its default; the unit of the default is the unit of the parameter. An array gives every neuron
        a value of its own.
    threshold, reset, refractory : str
        As Brian2 takes them; no threshold means that it does not spike.
    receive : str
        What a spike that arrives through a weight ``w`` does, for example ``v_post += w*mV``.
    onset : str
        What happens at the onset of each presentation. ``stimulus(t, i)`` is the value presented to neuron ``i``.
    update : str
        Statements executed at every step after the continuous projections onto this population.
    method : str
        Brian2's integration method.

    Raises
    ------
    ValueError
        If the text does not parse, uses an unknown name or mixes units.
    """

    name: str
    summary: str
    equations: str = ""
    parameters: Parameters = field(default_factory=dict)
    threshold: str = ""
    reset: str = ""
    refractory: str = ""
    receive: str = ""
    onset: str = ""
    update: str = ""
    method: str = "exact"
    reference: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", _frozen_parameters(self.parameters))
        known = _dimensions(self.parameters)
        flags = {"not_refractory": text.DIMENSIONLESS, "lastspike": text.TIME} if self.refractory else {}
        text.check_text(
            f"neuron {self.name}",
            equations=self.equations,
            expressions=[(self.threshold, text.DIMENSIONLESS)] if self.threshold else [],
            statements=[self.reset, self.onset, self.update],
            known=known | flags,
        )
        own = {f"{n}_post": d for n, d in (known | text.variables(self.equations)).items()}
        text.check_text(
            f"neuron {self.name}", statements=[self.receive], known=own | {"w": text.DIMENSIONLESS}
        )

    def with_parameters(self, **changes: Any) -> NeuronModel:
        """Return the same neuron with other parameter values."""
        return _with_parameters(self, f"neuron {self.name}", changes)

    def brian2(self) -> dict[str, Any]:
        """Return the keyword arguments that ``brian2.NeuronGroup`` takes besides ``N``, for a script of your own.

        Examples
        --------
        >>> from spikehebb.neurons import lif
        >>> sorted(lif.brian2())
        ['method', 'model', 'namespace', 'refractory', 'reset', 'threshold']
        """
        spiking = {"threshold": self.threshold, "reset": self.reset} if self.threshold else {}
        resting = {"refractory": self.refractory} if self.refractory else {}
        return {
            "model": self.equations,
            "method": self.method,
            "namespace": dict(self.parameters),
            **spiking,
            **resting,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class PlasticityRule:
    """A learning rule as Brian2 text that says where each variable lives.

    Within one time step the order is: ``on_post`` in the synapses of the neurons that spiked, then arriving spikes
    with ``on_pre``, then ``pre_spike`` and ``post_spike`` in the neurons. So a postsynaptic spike reads the potential
    that caused it, and at coincident spikes each side reads the other's traces from before the coincidence.

    Parameters
    ----------
    name, summary, reference, ties : str
        What it is called, what it is, where it comes from, and what coincident spikes do.
    pre, post : str
        Equations of the traces that live in the presynaptic and in the postsynaptic neuron.
    pre_spike, post_spike : str
        What a neuron's own spike does to them.
    synapse : str
        Equations of what lives in the synapse; ``w`` is among them.
    on_pre, on_post : str
        How ``w`` changes when a presynaptic spike arrives and when the postsynaptic neuron spikes.
    needs : str
        Variables that the postsynaptic neuron must have, as Brian2 declarations (``u : 1``).
    parameters : mapping of str to number or Quantity
        Defaults with their units.

    Raises
    ------
    ValueError
        If the text does not parse, has no ``w``, uses an unknown name or mixes units.
    """

    name: str
    summary: str
    reference: str
    parameters: Parameters
    ties: str = ""
    pre: str = ""
    pre_spike: str = ""
    post: str = ""
    post_spike: str = ""
    synapse: str = "w : 1"
    on_pre: str = ""
    on_post: str = ""
    needs: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", _frozen_parameters(self.parameters))
        owner, known = f"rule {self.name}", _dimensions(self.parameters)
        text.check_text(owner, equations=self.pre, statements=[self.pre_spike], known=known)
        needs = text.variables(self.needs)
        text.check_text(owner, equations=self.post, statements=[self.post_spike], known=known | needs)
        if "w" not in text.variables(self.synapse):
            raise ValueError(f"{owner} has no weight: its synapse equations must declare 'w', as in 'w : 1'.")
        sides = {f"{n}_pre": d for n, d in text.variables(self.pre).items()}
        sides |= {f"{n}_post": d for n, d in (text.variables(self.post) | needs).items()}
        text.check_text(
            owner, equations=self.synapse, statements=[self.on_pre, self.on_post], known=known | sides
        )

    def with_parameters(self, **changes: Any) -> PlasticityRule:
        """Return the same rule with other parameter values.

        Examples
        --------
        >>> from spikehebb.rules import RULES
        >>> RULES["stdp_pair"].with_parameters(A_plus=0.02).parameters["A_plus"]
        0.02
        """
        return _with_parameters(self, f"rule {self.name}", changes)

    def brian2(self, receive: str = "") -> dict[str, Any]:
        """Return the keyword arguments that ``brian2.Synapses`` takes besides the groups, for a script of your own.

        The equations ``pre`` and ``post`` and the statements ``pre_spike`` and ``post_spike`` go into the neurons.

        Parameters
        ----------
        receive : str
            What an arriving spike does, for example ``v_post += w*mV``; it runs before ``w`` changes.
        """
        on_pre = "\n".join(filter(None, [receive, self.on_pre]))
        pathways = {k: v for k, v in {"on_pre": on_pre, "on_post": self.on_post}.items() if v}
        return {"model": self.synapse, "namespace": dict(self.parameters), **pathways}


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
        object.__setattr__(self, "state", _frozen_parameters(self.state))
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
        A projection with weights carries spikes.
    rule : PlasticityRule, optional
        How the weights change; without one they are fixed.
    connected : array_like of bool, shape (n_pre, n_post), optional
        Which pairs are connected; all when left out.
    delay : Quantity
        From a presynaptic spike to its arrival, and to the rule's ``on_pre``.
    summed : mapping of str to str, optional
        A continuous projection: at every step the postsynaptic variable becomes the sum of this expression over
        all presynaptic neurons, as in ``{"Z": "exp(u_pre)"}``.
    """

    pre: str
    post: str
    weights: ArrayLike | None = None
    rule: PlasticityRule | None = None
    connected: ArrayLike | None = None
    delay: Quantity = field(default_factory=lambda: 0 * ms)
    summed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.weights is None) == (not self.summed):
            raise ValueError(
                f"projection {self.pre} -> {self.post} needs either weights (it carries spikes) or summed "
                "expressions (it is continuous), and not both."
            )
        if get_dimensions(self.delay) != second.dim or float(self.delay) < 0:
            raise ValueError(
                f"projection {self.pre} -> {self.post}: delay must be a time of at least 0, got {self.delay}."
            )
        object.__setattr__(self, "summed", Frozen(self.summed))
        for name, kind in (("weights", float), ("connected", bool)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen_array(getattr(self, name), kind))
        if self.weights is not None and not np.all(np.isfinite(self.weights)):
            raise ValueError(f"projection {self.pre} -> {self.post}: every weight must be a finite number.")


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

    def _check_projection(self, name: str, projection: Projection) -> None:
        owner = f"circuit {self.name}, projection {name}"
        for end in (projection.pre, projection.post):
            if end not in self.populations:
                raise ValueError(
                    f"{owner}: there is no population {end!r}.{text.did_you_mean(end, self.populations)}"
                )
        pre, post = self.populations[projection.pre], self.populations[projection.post]
        for what in ("weights", "connected"):
            array = getattr(projection, what)
            if array is not None and array.shape != (pre.size, post.size):
                raise ValueError(f"{owner}: {what} must be {(pre.size, post.size)} (pre, post), got {array.shape}.")
        if projection.summed:
            known = {f"{n}_pre": d for n, d in _names(pre).items()}
            known |= {f"{n}_post": d for n, d in _names(post).items()}
            for variable, expression in projection.summed.items():
                dim = known.get(f"{variable}_post")
                if dim is None:
                    raise ValueError(f"{owner}: {projection.post} has no variable {variable!r} to sum into.")
                text.check_text(owner, expressions=[(expression, dim)], known=known)
            return
        if not pre.model.threshold:
            raise ValueError(f"{owner} carries spikes, but {projection.pre} ({pre.model.name}) never spikes.")
        if projection.rule:
            has = _names(post)
            for variable, dim in text.variables(projection.rule.needs).items():
                if has.get(variable) != dim:
                    raise ValueError(
                        f"{owner}: rule {projection.rule.name} needs a variable {variable!r} "
                        f"{text.describe(dim)} in the postsynaptic neuron, and {post.model.name} has none."
                    )

    def _check_variables(self, name: str, population: Population) -> None:
        owner: dict[str, str] = dict.fromkeys(_names(population), f"neuron {population.model.name}")
        for rule, side in self.traces(name):
            equations = rule.pre if side == "pre" else rule.post
            claimed = set(text.variables(equations))
            claimed |= set(rule.parameters) & text.used(equations, getattr(rule, f"{side}_spike"))
            for variable in sorted(claimed):
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

    def traces(self, population: str) -> list[tuple[PlasticityRule, str]]:
        """Return the rules that keep traces in a population, each with its side, ``pre`` or ``post``."""
        found = []
        for projection in self.projections.values():
            for side in ("pre", "post"):
                if projection.rule and getattr(projection, side) == population:
                    found.append((projection.rule, side))
        return found

    def frozen(self) -> Circuit:
        """Return the circuit without its rules (and without the state that only they had)."""
        projections = {n: dataclasses.replace(p, rule=None) for n, p in self.projections.items()}
        populations = {
            n: dataclasses.replace(p, state={k: v for k, v in p.state.items() if k in _names(p)})
            for n, p in self.populations.items()
        }
        return dataclasses.replace(self, populations=populations, projections=projections)

    def with_weights(self, **weights: ArrayLike) -> Circuit:
        """Return the circuit with other weights in the named projections."""
        projections = dict(self.projections)
        for name, array in weights.items():
            if name not in projections:
                raise ValueError(
                    f"circuit {self.name} has no projection {name!r}.{text.did_you_mean(name, projections)}"
                )
            projections[name] = dataclasses.replace(projections[name], weights=array)
        return dataclasses.replace(self, projections=projections)

    def with_state(self, population: str, **state: Any) -> Circuit:
        """Return the circuit with a population that starts from other values."""
        if population not in self.populations:
            raise ValueError(
                f"circuit {self.name} has no population {population!r}."
                f"{text.did_you_mean(population, self.populations)}"
            )
        old = self.populations[population]
        changed = dataclasses.replace(old, state={**old.state, **state})
        return dataclasses.replace(self, populations={**self.populations, population: changed})


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Labelled images.

    Parameters
    ----------
    name : str
        Data set and part, as in ``mnist/train``.
    pixels : array_like, shape (n, height, width)
        From 0 (background) to 1.
    labels : array_like of int, shape (n,)
    hashes : mapping of str to str
        SHA-256 of the files that they came from.
    """

    name: str
    pixels: ArrayLike
    labels: ArrayLike
    hashes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pixels, labels = frozen_array(self.pixels, np.float32), frozen_array(self.labels, np.int64)
        if pixels.ndim != 3 or not len(pixels):
            raise ValueError(f"images {self.name}: pixels must be (n, height, width), got {pixels.shape}.")
        if labels.shape != pixels.shape[:1]:
            raise ValueError(f"images {self.name}: {len(pixels)} images but {labels.size} labels.")
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
            raise ValueError(f"images {self.name}: pixels must lie between 0 and 1.")
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "hashes", Frozen(self.hashes))

    def __len__(self) -> int:
        return len(self.labels)  # type: ignore[arg-type]

    def __getitem__(self, chosen: slice | Int) -> Images:
        """Return some of the images, in the order asked for."""
        pixels, labels = np.asarray(self.pixels)[chosen], np.asarray(self.labels)[chosen]
        return dataclasses.replace(self, pixels=pixels, labels=labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Spikes:
    """Spikes of a population: neuron ``i`` at time ``t`` (a Quantity), in order of time.

    Two spikes of one time step are ordered by neuron. (brian2cuda leaves them unordered; sorted here.)
    """

    i: ArrayLike
    t: Quantity

    def __post_init__(self) -> None:
        if get_dimensions(self.t) != second.dim:
            raise ValueError(f"spikes: times must be a time, got {describe_value(self.t)}. Write times*ms.")
        i, t = np.asarray(self.i, np.int64), np.asarray(self.t / second, np.float64)
        if i.shape != t.shape or i.ndim != 1:
            raise ValueError(f"spikes: as many neurons as times are needed, got {i.shape} and {t.shape}.")
        if not np.all(np.isfinite(t)) or np.any(t < 0):
            raise ValueError("spikes: every time must be finite and not negative.")
        order = np.lexsort((i, t))
        object.__setattr__(self, "i", frozen_array(i[order], np.int64))
        object.__setattr__(self, "t", frozen_array(t[order], np.float64) * second)

    def __len__(self) -> int:
        return len(self.i)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, eq=False)
class Protocol:
    """A stimulation plan.

    Parameters
    ----------
    stimuli : mapping of str to array_like, shape (rows, size)
        For each stimulated population what ``stimulus(t, i)`` is: one row per presentation, or, for a population
        that replays spikes, one row per spike of each neuron, in seconds, padded with infinity.
    duration : Quantity
        How long it all lasts.
    presentation : Quantity, optional
        How long one presentation lasts; left out where there is just one.
    labels : array_like of int, shape (rows,), optional
        What each presentation shows.
    """

    stimuli: Mapping[str, ArrayLike]
    duration: Quantity
    presentation: Quantity | None = None
    labels: ArrayLike | None = None

    def __post_init__(self) -> None:
        arrays = {name: frozen_array(value, np.float64) for name, value in self.stimuli.items()}
        for name, array in arrays.items():
            if array.ndim != 2 or np.isnan(array).any():
                raise ValueError(f"stimulus of {name}: must be an array (rows, size) without NaN, got {array.shape}.")
        object.__setattr__(self, "stimuli", Frozen(arrays))
        for what in ("duration", "presentation"):
            value = getattr(self, what)
            if value is not None and (get_dimensions(value) != second.dim or not float(value) > 0):
                raise ValueError(f"protocol: {what} must be a time above 0, got {describe_value(value)}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """What a run left behind.

    Parameters
    ----------
    spikes : mapping of str to Spikes
        Of the populations that were recorded.
    counts : mapping of str to array, shape (size,)
        How often each neuron of each spiking population spiked.
    weights : mapping of str to array, shape (n_pre, n_post)
        At the end; 0 where there is no connection.
    state : mapping of str to mapping of str to array
        Every variable of every population at the end, in base units.
    seed, device, dt, duration : int, str, Quantity, Quantity
        What the run was.
    seconds : float
        How long the simulation itself took, without building it.
    """

    spikes: Mapping[str, Spikes]
    counts: Mapping[str, Int]
    weights: Mapping[str, Float]
    state: Mapping[str, Mapping[str, Float]]
    seed: int
    device: str
    dt: Quantity
    duration: Quantity
    seconds: float


def frozen_array(value: Any, kind: Any) -> NDArray[Any]:
    """Return a read-only copy (or the array itself when it is read-only already)."""
    array = np.asarray(value, dtype=kind)
    if array.flags.writeable or array.base is not None:
        array = array.copy()
        array.flags.writeable = False
    return array


def digest(value: Any) -> str:
    """Return a SHA-256 that is equal for equal values: texts, numbers, units and arrays included."""
    state = hashlib.sha256()
    _feed(state, value)
    return state.hexdigest()


def describe_value(value: Any) -> str:
    """Return a value as a message shows it: a number without unit is called dimensionless."""
    return f"{value} (dimensionless)" if get_dimensions(value) == text.DIMENSIONLESS else f"{value}"


def _feed(state: Any, value: Any) -> None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        state.update(type(value).__name__.encode())
        for item in dataclasses.fields(value):
            state.update(item.name.encode())
            _feed(state, getattr(value, item.name))
    elif isinstance(value, Mapping):
        state.update(b"{")
        for name, item in value.items():
            state.update(str(name).encode() + b":")
            _feed(state, item)
        state.update(b"}")
    elif isinstance(value, (np.ndarray, Quantity)):
        state.update(repr(get_dimensions(value)).encode())
        array = np.ascontiguousarray(np.asarray(value))
        state.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    elif isinstance(value, (tuple, list)):
        state.update(b"[")
        for item in value:
            _feed(state, item)
        state.update(b"]")
    elif value is None or isinstance(value, (str, bool, int, float, np.generic)):
        state.update(f"{type(value).__name__}{value!r};".encode())
    else:
        raise TypeError(f"a {type(value).__name__} cannot be part of a value: {value!r}")


def _names(population: Population) -> dict[str, Any]:
    """Return the variables and parameters of a population's neurons, with their units."""
    return text.variables(population.model.equations) | _dimensions(population.model.parameters)


def _dimensions(parameters: Parameters) -> dict[str, Any]:
    return {name: get_dimensions(value) for name, value in parameters.items()}


def _frozen_parameters(parameters: Parameters) -> Frozen[Any]:
    frozen = {}
    for name, value in parameters.items():
        if np.ndim(value):
            array = np.array(value, copy=True)
            array.flags.writeable = False
            value = Quantity(array, dim=get_dimensions(value), copy=False)
        frozen[name] = value
    return Frozen(frozen)


def _with_parameters(value: Any, owner: str, changes: Parameters) -> Any:
    text.check_parameters(owner, changes, value.parameters)
    return dataclasses.replace(value, parameters={**value.parameters, **changes})
