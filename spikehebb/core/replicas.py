"""Replicas of a circuit that run in one simulation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity
from brian2.units import get_dimensions
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core.bounds import check_start
from spikehebb.core.circuit import Circuit
from spikehebb.core.models import PlasticityRule
from spikehebb.core.seeds import MOST, check_seed
from spikehebb.core.values import Frozen, digest, frozen_array, frozen_parameters

_SHORT = 60  # characters of a value that a message shows


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicas:
    """Independent replicas of a circuit in one simulation; ``replicas(circuit, n)`` makes them.

    Every replica draws random numbers of its own, by its seed, its neurons and the time: nothing depends on how many
    replicas there are. These are other numbers than ``simulate(circuit)`` draws.

    Parameters
    ----------
    circuit : Circuit
    count : int
        How many replicas.
    parameters : mapping of str to array, shape (count,) or, of neurons, (count, size)
        Values that differ, by ``population.parameter`` (of the neuron) or ``projection.parameter`` (of the rule), in
        the parameter's unit.
    seeds : tuple of int, optional
        One for each replica. Left out, replica ``k`` of a run with seed ``s`` has ``s + k``, modulo 2**32.
    weights : mapping of str to array, shape (count, n_pre, n_post)
        By projection; those left out are the circuit's, for every replica.
    state : mapping of str to array, shape (count,) or (count, size)
        What neurons start from, by ``population.variable``.

    Raises
    ------
    ValueError
        If a name is unknown, a unit wrong, or values are not one per replica; if a parameter decides when things happen
        (a rule's epoch or lag), because all replicas run by the same clocks.
    """

    circuit: Circuit
    count: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] | None = None
    weights: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    state: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = self.count
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"{self._owner}: their number must be a whole number of at least 1, got {count!r}.")
        object.__setattr__(self, "count", int(count))
        if self.seeds is not None:
            object.__setattr__(self, "seeds", self._checked_seeds(tuple(self.seeds)))
        parameters = {name: self._checked_parameter(name, value) for name, value in self.parameters.items()}
        object.__setattr__(self, "parameters", frozen_parameters(self._owner, parameters))
        weights = {name: self._checked_weights(name, value) for name, value in self.weights.items()}
        object.__setattr__(self, "weights", Frozen(weights))
        state = {name: self._checked_state(name, value) for name, value in self.state.items()}
        object.__setattr__(self, "state", Frozen(state))
        for number in range(count if parameters or state else 0):
            self.replica(number)  # where a circuit checks what a value may be

    @property
    def _owner(self) -> str:
        return f"replicas of circuit {self.circuit.name}"

    def replica(self, copy: int) -> Circuit:
        """Return the circuit of replica ``copy``, from 0."""
        if not 0 <= copy < self.count:
            raise ValueError(
                f"{self._owner}: there is no replica {copy}; they are numbered from 0 to {self.count - 1}."
            )
        circuit = self.circuit
        if self.parameters or self.weights:
            populations, projections = dict(circuit.populations), dict(circuit.projections)
            new: dict[str, dict[str, Any]] = {name: {"weights": array[copy]} for name, array in self.weights.items()}
            for owner, changes in _by_owner(self.parameters, copy).items():
                if owner in populations:
                    model = populations[owner].model.with_parameters(**changes)
                    populations[owner] = dataclasses.replace(populations[owner], model=model)
                elif rule := projections[owner].rule:
                    new.setdefault(owner, {})["rule"] = rule.with_parameters(**changes)
            for owner, changes in new.items():  # together, because a weight must lie within the bounds of its rule
                projections[owner] = dataclasses.replace(projections[owner], **changes)
            circuit = dataclasses.replace(circuit, populations=populations, projections=projections)
        for owner, values in _by_owner(self.state, copy).items():
            circuit = circuit.with_state(owner, **values)
        return circuit

    def seeds_of(self, seed: int) -> tuple[int, ...]:
        """Return the seed of every replica in a run with this seed."""
        return self.seeds or tuple((seed + number) % MOST for number in range(self.count))

    def _checked_seeds(self, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(seeds) != self.count:
            raise ValueError(f"{self._owner}: {len(seeds)} seeds for {self.count} replicas; give one for each.")
        for seed in seeds:
            check_seed(seed, f"{self._owner}: a seed")
        return tuple(int(seed) for seed in seeds)

    def _checked_parameter(self, name: str, value: Any) -> Any:
        declared: dict[str, Any] = {}
        for owner, population in self.circuit.populations.items():
            declared |= {f"{owner}.{key}": default for key, default in population.model.parameters.items()}
        for owner, projection in self.circuit.projections.items():
            rule = projection.rule
            for key, default in (rule.parameters if rule else {}).items():
                declared[f"{owner}.{key}"] = default
                if rule and f"{owner}.{key}" == name and key in (rule.epoch, rule.lag):
                    raise ValueError(
                        f"{self._owner}: {name} decides when rule {rule.name} acts, and all replicas run by the same "
                        "clocks, so it cannot differ between them; run these circuits one after another."
                    )
        if name not in declared:
            raise ValueError(
                f"{self._owner}: no neuron or rule has a parameter {name!r}; they are named population.parameter or "
                f"projection.parameter.{text.did_you_mean(name, declared)}"
            )
        value = _as_array(value)
        text.check_parameters(self._owner, {name: value}, {name: declared[name]})
        size = self._size(name)
        if np.shape(value) not in ((self.count,), (self.count, size)):
            per_neuron = f", or ({self.count}, {size})" if size else ""
            raise ValueError(
                f"{self._owner}: {name} takes one value for each replica, shape ({self.count},){per_neuron}, got "
                f"{np.shape(value)}."
            )
        return value

    def _size(self, name: str) -> int:
        """Return how many neurons the owner of a name has; 0 if it is a projection."""
        owner = name.split(".")[0]
        return self.circuit.populations[owner].size if owner in self.circuit.populations else 0

    def _checked_weights(self, name: str, value: Any) -> NDArray[Any]:
        shapes = {key: np.shape(p.weights) for key, p in self.circuit.projections.items() if p.weights is not None}
        if name not in shapes:
            raise ValueError(f"{self._owner}: no projection {name!r} has weights.{text.did_you_mean(name, shapes)}")
        array = frozen_array(value, float)
        if array.shape != (self.count, *shapes[name]):
            raise ValueError(
                f"{self._owner}: weights of {name} must be {(self.count, *shapes[name])} (replicas, pre, post), got "
                f"{array.shape}."
            )
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{self._owner}: every weight of {name} must be a finite number.")
        projection = self.circuit.projections[name]
        if projection.rule is not None and not any(key.startswith(f"{name}.") for key in self.parameters):
            for number, weights in enumerate(array):
                owner = f"{self._owner}, replica {number}, projection {name}"
                check_start(owner, projection.rule, weights, projection.connected)
        return array

    def _checked_state(self, name: str, value: Any) -> Any:
        owner = name.split(".")[0]
        if "." not in name or owner not in self.circuit.populations:
            raise ValueError(
                f"{self._owner}: state {name!r} must be named population.variable."
                f"{text.did_you_mean(owner, self.circuit.populations)}"
            )
        array, size = _as_array(value), self._size(name)
        if np.shape(array) not in ((self.count,), (self.count, size)):
            raise ValueError(
                f"{self._owner}: state {name} takes one value for each replica, shape ({self.count},), or "
                f"({self.count}, {size}), got {np.shape(array)}."
            )
        return array


def replicas(
    circuit: Circuit,
    n: int,
    *,
    parameters: Mapping[str, Any] | None = None,
    seeds: Iterable[int] | None = None,
    weights: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
) -> Replicas:
    """Return ``n`` independent replicas of a circuit, which ``simulate`` runs in one simulation.

    Parameters
    ----------
    circuit : Circuit
    n : int
    parameters : mapping of str to array, shape (n,) or, of neurons, (n, size)
        What differs: ``{"output.tau_m": [10, 20]*ms, "feedforward.eta": [0.01, 0.02]}``.
    seeds : iterable of int, optional
        One for each replica; those of a run with seed ``s`` are ``s, s + 1, ...`` when left out.
    weights : mapping of str to array, shape (n, n_pre, n_post), optional
    state : mapping of str to array, shape (n,) or (n, size), optional
        What neurons start from, by ``population.variable``.

    Raises
    ------
    ValueError
        As ``Replicas``.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import soft_wta
    >>> grid = replicas(soft_wta(np.ones((64, 10))), 3, parameters={"feedforward.eta": [0.001, 0.01, 0.1]})
    >>> grid.replica(2).projections["feedforward"].rule.parameters["eta"]
    0.1
    """
    return Replicas(
        circuit=circuit,
        count=n,
        parameters=parameters or {},
        seeds=None if seeds is None else tuple(seeds),
        weights=weights or {},
        state=state or {},
    )


def replicas_of(circuits: Sequence[Circuit], *, seeds: Sequence[int] | None = None) -> Replicas:
    """Return circuits that differ in numbers only as replicas of the first one.

    Parameters
    ----------
    circuits : sequence of Circuit
        They may differ in parameters, weights and the state they start from.
    seeds : sequence of int, optional
        One for each.

    Raises
    ------
    ValueError
        If they differ in anything else: texts, sizes, connections, delays.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import soft_wta
    >>> two = [soft_wta(np.ones((4, 3)), temperature=each) for each in (0.1, 0.2)]
    >>> sorted(replicas_of(two).parameters)
    ['output.temperature']
    """
    if not circuits:
        raise ValueError("replicas are made of at least one circuit, got none.")
    first = circuits[0]
    parameters: dict[str, Any] = {}
    state: dict[str, Any] = {}
    weights = {}
    for other in circuits[1:]:
        for part in ("populations", "projections"):
            if list(getattr(other, part)) != list(getattr(first, part)):
                _refuse(first, f"the {part}", list(getattr(first, part)), list(getattr(other, part)))
    for name in first.populations:
        populations = [circuit.populations[name] for circuit in circuits]
        _same(first, f"the size of {name}", [population.size for population in populations])
        for what in _TEXTS:
            _same(first, f"{what} of {name}", [getattr(population.model, what) for population in populations])
        parameters |= _differing(first, name, [population.model.parameters for population in populations])
        state |= _differing(first, name, [population.state for population in populations])
    for name in first.projections:
        projections = [circuit.projections[name] for circuit in circuits]
        for what in ("pre", "post", "delay", "dendritic_delay", "summed", "connected"):
            _same(first, f"{what} of {name}", [getattr(projection, what) for projection in projections])
        rules = [projection.rule for projection in projections]
        _same(first, f"the rule of {name}", [None if rule is None else _without_numbers(rule) for rule in rules])
        parameters |= _differing(first, name, [rule.parameters if rule else {} for rule in rules])
        tables = [projection.weights for projection in projections]
        _same(first, f"having weights in {name}", [array is not None for array in tables])
        arrays = [np.asarray(array) for array in tables if array is not None]
        if any(not np.array_equal(arrays[0], array) for array in arrays[1:]):
            weights[name] = np.stack(arrays)
    return Replicas(
        circuit=first,
        count=len(circuits),
        parameters=parameters,
        seeds=None if seeds is None else tuple(seeds),
        weights=weights,
        state=state,
    )


_TEXTS = ("equations", "threshold", "reset", "refractory", "receive", "needs_pre", "onset", "frame", "update", "method")


def _without_numbers(rule: PlasticityRule) -> dict[str, Any]:
    """Return all of a rule that decides what it does, its numbers left out."""
    left_out = ("name", "summary", "reference", "ties", "parameters", "roles", "cites")
    return {name: value for name, value in vars(rule).items() if name not in left_out}


def _same(circuit: Circuit, what: str, values: Sequence[Any]) -> None:
    for other in values[1:]:
        if digest(other) != digest(values[0]):
            _refuse(circuit, what, values[0], other)


def _refuse(circuit: Circuit, what: str, one: Any, other: Any) -> None:
    shown = [f" {value!r}" if len(repr(value)) < _SHORT else "" for value in (one, other)]
    values = f":{shown[0]} and{shown[1]}" if all(shown) else ""
    raise ValueError(
        f"circuits like {circuit.name} cannot run in one simulation, because they differ in {what}{values}; only "
        "parameters, weights and state may differ. Run them one after another."
    )


def _differing(circuit: Circuit, owner: str, each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values that are not equal for all, as one array for each name."""
    _same(circuit, f"the names of the values of {owner}", [sorted(values) for values in each])
    differing = {}
    for name, value in each[0].items():
        arrays = [np.asarray(values[name]) for values in each]
        if any(not np.array_equal(arrays[0], array) for array in arrays[1:]):
            size = max((array.size for array in arrays if array.ndim), default=0)
            shape = (size,) if size else ()
            stacked = np.stack([np.broadcast_to(array, shape) for array in arrays])
            differing[f"{owner}.{name}"] = Quantity(stacked, dim=get_dimensions(value))
    return differing


def _as_array(value: Any) -> Any:
    """Return values, which may be a list of quantities, as one array with their unit."""
    if not isinstance(value, Quantity) and np.ndim(value) and any(isinstance(one, Quantity) for one in value):
        dims = {get_dimensions(one) for one in value}
        if len(dims) == 1:
            return Quantity([np.asarray(one, float) for one in value], dim=dims.pop())
    return value if isinstance(value, Quantity) else np.asarray(value)


def _by_owner(named: Mapping[str, Any], number: int) -> dict[str, dict[str, Any]]:
    """Return the values of one replica, by population or projection."""
    by_owner: dict[str, dict[str, Any]] = {}
    for name, values in named.items():
        owner, key = name.split(".", 1)
        value = values[number]
        if not np.ndim(value) and get_dimensions(value) == text.DIMENSIONLESS:
            value = np.asarray(value).item()
        by_owner.setdefault(owner, {})[key] = value
    return by_owner
