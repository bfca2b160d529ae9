"""What a fit minimizes: the difference between measured changes and those that a rule makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity
from brian2.units import get_dimensions

from spikehebb import devices
from spikehebb.core import Float, Int, PlasticityRule, Protocol
from spikehebb.core.roles import ROLES
from spikehebb.datasets.measurements import Measurements
from spikehebb.devices import Device
from spikehebb.equations import DIMENSIONLESS, TIME, did_you_mean, said, statements, used
from spikehebb.jobs.experiments import Trains, listed, protocol_of
from spikehebb.jobs.stdp_windows import weight_changes

BOUNDS = ("w_min", "w_max")
_STEP = 1e-6  # of a parameter's scale, for derivatives: weights are rounded to 1e-16 of it, curvature adds 1e-6
_COARSE = 0.03  # where conditions depend on parameters: a change of less may lie within one time step
_NOTHING = 1e-8  # a change that doubling a parameter makes, and that counts as none
_SINGULAR = 1e-4  # the least singular value of normalized derivatives that still tells parameters apart
_RANDOM = {"rand", "randn", "poisson", "binomial", "xi"}
_STEPS = {"int", "floor", "ceil", "sign"}  # what makes a weight depend on a parameter in steps


class FitError(RuntimeError):
    """A fit that failed, with the data, and the rule at the start and at the end of the fit."""

    def __init__(
        self, message: str, *, data: tuple[Measurements, ...], start: PlasticityRule, last: PlasticityRule
    ) -> None:
        super().__init__(message)
        self.data, self.start, self.last = data, start, last


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Residuals as functions of ``values``: one number for each candidate parameter, in base units.

    One evaluation is one simulation: all points together, with the values as they are and with each of them changed
    a little, for the derivatives. Of a random rule each set of values is a simulation of its own, with the same
    random numbers.

    Parameters
    ----------
    rule : PlasticityRule
        With the starting values.
    names : tuple of str
        The candidates.
    idle : tuple of str
        Those that make no difference, and keep their value.
    data : tuple of Measurements
    trains : sequence of pairs of arrays
        The spike times of both sides at each point, one data set after the other, in seconds.
    weights : array, shape (points,)
        How much each point counts.
    starts : tuple of float
        The weights at the start: of equal shares of the synapses at each point, whose mean is the prediction.
    strength : callable, optional
        What is measured of synapses, by their weights; the weights themselves when left out.
    dt : Quantity
    device : Device
    trials : int
        How many synapses are simulated at each point: many of a random rule, else one for each start.
    random : bool
        Whether the rule is random; then each set of values is a run of its own, with the same random numbers.
    seed : int
    cache : dict
        Changes and derivatives that have been evaluated, by values.
    """

    rule: PlasticityRule
    names: tuple[str, ...]
    idle: tuple[str, ...] = ()
    data: tuple[Measurements, ...]
    trains: Sequence[Trains]
    weights: Float
    starts: tuple[float, ...]
    strength: Callable[[Float], Float] | None = None
    dt: Quantity
    device: Device
    trials: int = 1
    random: bool = False
    seed: int = 0
    cache: dict[bytes, tuple[Float, Float, Float]] = field(default_factory=dict)

    @property
    def free(self) -> tuple[str, ...]:
        """The parameters that are varied."""
        return tuple(name for name in self.names if name not in self.idle)

    @property
    def places(self) -> Int:
        """Their places among the candidates."""
        return np.array([place for place, name in enumerate(self.names) if name not in self.idle])

    @property
    def start(self) -> Float:
        """The starting values of the candidates."""
        return np.array([float(self.rule.parameters[name]) for name in self.names])

    @property
    def lowest(self) -> Float:
        """The least value of each candidate, as its role says; a time is longer than a time step."""
        times = [get_dimensions(self.rule.parameters[name]) == TIME for name in self.names]
        least = [ROLES[self.rule.meaning[name]].least for name in self.names]
        return np.where(times, float(self.dt), least)

    def starts_at_0(self, name: str) -> bool:
        """Return whether the values of a parameter, which is no time, begin at 0."""
        return ROLES[self.rule.meaning[name]].least == 0 and get_dimensions(self.rule.parameters[name]) != TIME

    @property
    def scale(self) -> Float:
        """How large each candidate typically is; a number that starts from (nearly) 0 is taken for 0.001."""
        numbers = [get_dimensions(self.rule.parameters[name]) == DIMENSIONLESS for name in self.names]
        sizes = np.maximum(np.abs(self.start), np.where(numbers, 1e-3, 0))
        return np.where(sizes > 0, sizes, 1e-3)

    @property
    def w0(self) -> float:
        """What changes are relative to: the mean strength at the start."""
        starts = np.array(self.starts)
        return float(np.mean(starts if self.strength is None else self.strength(starts)))

    @property
    def name(self) -> str:
        """The data sets, as a sentence lists them."""
        return listed([each.name for each in self.data])

    @property
    def change(self) -> Float:
        """The measured changes, shape (points,)."""
        return np.concatenate([each.change for each in self.data])

    @property
    def weighted(self) -> bool:
        """Whether errors are given."""
        return self.data[0].error is not None

    @property
    def errors(self) -> Float:
        """What residuals are divided by: the errors, or 1, and less where a point counts more."""
        errors = [np.ones(len(each)) if each.error is None else each.error for each in self.data]
        return np.asarray(np.concatenate(errors) / np.sqrt(self.weights), float)

    def with_values(self, values: Float) -> PlasticityRule:
        """Return the rule with one value, or one array of values, for each candidate."""
        given = zip(self.names, values, strict=True)
        return self.rule.with_parameters(**{n: with_unit(v, self.rule.parameters[n]) for n, v in given})

    def evaluate(self, values: Float) -> tuple[Float, Float]:
        """Return the relative changes, shape (points,), and their derivatives, shape (points, candidates)."""
        changes, slopes, _ = self._evaluated(values)
        return changes, slopes

    def sampling_error(self, values: Float) -> Float:
        """Return the standard errors of the mean over the trials of a random rule, shape (points,)."""
        return self._evaluated(values)[2]

    def _evaluated(self, values: Float) -> tuple[Float, Float, Float]:
        key = values.tobytes()
        if key not in self.cache:
            step = (_COARSE if self.coarse else _STEP) * self.scale
            table = [values, *(values + np.diag(step))]
            lower = np.maximum(values - np.diag(step), self.lowest) if self.coarse else np.tile(values, (len(step), 1))
            changes, error = self.simulate(self.trains, np.vstack([*table, *(lower if self.coarse else ())]))
            above, below = changes[1 : len(table)], changes[len(table) :] if self.coarse else changes[0]
            widths = values + step - np.diag(lower)
            self.cache[key] = changes[0], ((above - below) / widths[:, None]).T, error
        return self.cache[key]

    @property
    def coarse(self) -> bool:
        """Whether derivatives take wide steps to both sides: the weight may depend on a parameter in small jumps."""
        return self.random or bool(self._used & _STEPS)

    @property
    def _texts(self) -> tuple[str, ...]:
        rule = self.rule
        return (
            rule.pre,
            rule.pre_spike,
            rule.post,
            rule.post_spike,
            rule.synapse,
            rule.on_pre,
            rule.on_post,
            rule.update,
        )

    @property
    def _used(self) -> set[str]:
        return used(*self._texts)

    def simulate(self, trains: Sequence[Trains], table: Float) -> tuple[Float, Float]:
        """Return the relative change of each train with each row of values, and the first row's standard errors.

        Shapes (rows, trains) and (trains,). Equal trains are simulated once.
        """
        unique, column = _distinct(trains)
        plan = protocol_of(unique, self.dt)
        which = np.repeat(np.arange(len(unique)), self.trials)
        if self.random:
            changes = np.stack([self._runs(plan, which, np.tile(row, (len(which), 1))) for row in table])
        else:
            every = np.tile(which, len(table)), np.repeat(table, len(which), axis=0)
            changes = self._runs(plan, *every).reshape(len(table), -1)
        samples = changes.reshape(len(table), len(unique), self.trials)
        error = samples[0].std(axis=1) / np.sqrt(max(self.trials - 1, 1)) * self.random
        return samples.mean(axis=2)[:, column], error[column]

    def _runs(self, plan: Protocol, which: Int, rows: Float) -> Float:
        """Return the relative changes of pairs of neurons, each with its train and its row of values."""
        size = len(which)
        if self.device is not devices.NUMPY:  # always the size that is compiled
            rows_at_once = 1 if self.random else 1 + len(self.names) * (2 if self.coarse else 1)
            size = len(_distinct(self.trains)[0]) * self.trials * rows_at_once
        parts = []
        for first in range(0, len(which), size):
            chosen = np.arange(first, first + size) % len(which)
            stimuli = {side: times[:, which[chosen]] for side, times in plan.stimuli.items()}
            protocol = dataclasses.replace(plan, stimuli=stimuli)
            w0 = np.resize(self.starts, self.trials)[chosen % self.trials]
            given = {"w0": w0, "device": self.device, "dt": self.dt, "seed": self.seed}
            given["progress"] = lambda fraction: None
            after = w0 + weight_changes(self.with_values(rows[chosen].T), protocol, **given)
            parts.append(after if self.strength is None else self.strength(after))
        return np.asarray(np.concatenate(parts)[: len(which)] / self.w0 - 1, float)

    def residuals(self, values: Float) -> Float:
        """Return the differences, each divided by its error where errors are known, shape (points,)."""
        return (self.evaluate(values)[0] - self.change) / self.errors

    def jacobian(self, values: Float) -> Float:
        """Return the derivatives of the residuals by the free parameters, shape (points, free)."""
        return self.evaluate(values)[1][:, self.places] / self.errors[:, None]

    def noise(self) -> tuple[tuple[str, ...], bool]:
        """Return the candidates that are sizes of noise, and whether the rule is random at the start."""
        if not self._used & _RANDOM:
            return (), False
        other = dataclasses.replace(self, seed=self.seed + 1, cache={})
        (changes, slopes), (others, other_slopes) = self.evaluate(self.start), other.evaluate(self.start)
        if (changes != others).any():  # then all slopes differ
            each = [str(statement) for text in self._texts for statement in statements(text)]
            elsewhere = used(*(text for text in each if not used(text) & _RANDOM))
            return tuple(name for name in self.names if name not in elsewhere), True
        differ = (slopes != other_slopes).any(axis=0)
        return tuple(name for name, is_random in zip(self.names, differ, strict=True) if is_random), False

    def without_effect(self) -> tuple[str, ...]:
        """Return the candidates that make no difference at the start."""
        effects = np.abs(self.evaluate(self.start)[1] * self.scale).max(axis=0)
        return tuple(name for name, effect in zip(self.names, effects, strict=True) if effect < _NOTHING)

    def alike(self, values: Float, below: float = _SINGULAR) -> tuple[str, ...]:
        """Return the parameters that could change together and (nearly) leave the prediction as it is."""
        jacobian = self.jacobian(values) * self.scale[self.places]
        norms = np.linalg.norm(jacobian, axis=0)
        unit = jacobian / np.where(norms > _NOTHING, norms, np.inf)
        _, singular, directions = np.linalg.svd(unit, full_matrices=False)
        involved = (np.abs(directions[singular < below]) > 0.1).any(axis=0)
        return tuple(name for name, is_involved in zip(self.free, involved, strict=True) if is_involved)

    def tell_apart(self, values: Float) -> None:
        """Raise ``FitError`` where the data do not determine the parameters."""
        names = self.alike(values)
        if len(names) == 1:
            raise self.give_up(f"the data say nothing of {names[0]} at these values; name the others as free.", values)
        if names:
            raise self.give_up(f"the data cannot tell {listed(names)} apart; name fewer of them as free.", values)

    def give_up(self, message: str, values: Float) -> FitError:
        """Return the error with the reason why there is no fit."""
        message = f"{self.rule.name} cannot be fitted to {self.name}: {message}"
        return FitError(message, data=self.data, start=self.rule, last=self.with_values(values))


def _distinct(trains: Sequence[Trains]) -> tuple[list[Trains], list[int]]:
    """Return the different trains, and where among them each is."""
    keys = [(pre.tobytes(), post.tobytes()) for pre, post in trains]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return [trains[keys.index(key)] for key in places], [places[key] for key in keys]


def with_unit(value: Any, like: Any) -> Any:
    """Return a number or an array with the unit of another."""
    dim = get_dimensions(like)
    if dim == DIMENSIONLESS:
        return value if np.ndim(value) else float(value)
    return Quantity(value, dim=dim)


def candidates(rule: PlasticityRule, free: Sequence[str] | None, dt: Quantity) -> tuple[str, ...]:
    """Return the parameters to vary, in the order of the rule."""
    arrays = [name for name, value in rule.parameters.items() if np.ndim(value)]
    if arrays:
        raise ValueError(f"{rule.name}: {listed(arrays)} is an array; a fit needs one value, set by with_parameters.")
    requested = set([free] if isinstance(free, str) else free or ())
    if free is not None and not requested:
        raise ValueError(
            f"{rule.name}: nothing is free; name at least one parameter.{did_you_mean('', rule.parameters)}"
        )
    for name in sorted(requested):
        if name not in rule.parameters:
            raise ValueError(f"{rule.name} has no parameter {name!r}.{did_you_mean(name, rule.parameters)}")
        if reason := _fixed(rule, name, dt):
            raise ValueError(f"{rule.name}: {name} cannot be fitted: {reason}.")
    if free is not None:
        return tuple(name for name in rule.parameters if name in requested)
    names = tuple(name for name in rule.parameters if name not in BOUNDS and not _fixed(rule, name, dt))
    if not names:
        raise ValueError(f"{rule.name} has no parameter that can be fitted.")
    return names


def _fixed(rule: PlasticityRule, name: str, dt: Quantity) -> str:
    """Return why a parameter cannot be fitted, or nothing."""
    value = rule.parameters[name]
    if not np.isfinite(float(value)):
        return f"it starts from {value}; give it a finite value with with_parameters"
    if name == rule.lag:
        return "it is a delay, which moves in whole time steps"
    if name == rule.epoch:
        return "it is a learning epoch, which lasts whole time steps"
    if get_dimensions(value) == TIME and float(value) <= float(dt):
        return f"it starts from {value}, and a fitted time must be longer than dt = {said(dt)}"
    return ""
