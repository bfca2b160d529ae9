"""What a fit minimizes: the difference between measured changes and those that a rule makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity, second
from brian2.units import get_dimensions

from spikehebb import devices
from spikehebb.core import Float, Int, PlasticityRule
from spikehebb.core.roles import ROLES
from spikehebb.core.times import on_grid, time_step
from spikehebb.datasets.measurements import Measurements
from spikehebb.devices import Device
from spikehebb.equations import DIMENSIONLESS, TIME, did_you_mean, used
from spikehebb.jobs.stdp_windows import Window, stdp_window

BOUNDS = ("w_min", "w_max")
_STEP = 1e-6  # of a parameter's scale, for derivatives: weights are rounded to 1e-16 of it, curvature adds 1e-6
_NOTHING = 1e-8  # a change that doubling a parameter makes, and that counts as none
_SINGULAR = 1e-4  # the least singular value of normalized derivatives that still tells parameters apart
_RANDOM = {"rand", "randn", "poisson", "binomial", "xi"}
_CURVE = 30  # lags on each side of a drawn curve


class FitError(RuntimeError):
    """A fit that failed, with the data, and the rule at the start and at the end of the fit."""

    def __init__(self, message: str, *, data: Measurements, start: PlasticityRule, last: PlasticityRule) -> None:
        super().__init__(message)
        self.data, self.start, self.last = data, start, last


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Residuals as functions of ``values``: one number for each candidate parameter, in base units.

    One evaluation is one simulation: all lags together, with the values as they are and with each of them raised
    a little, for the derivatives.

    Parameters
    ----------
    rule : PlasticityRule
        With the starting values.
    names : tuple of str
        The candidates.
    idle : tuple of str
        Those that make no difference, and keep their value.
    data : Measurements, shape (points,)
    lags : array, shape (points,)
        As simulated, in seconds.
    protocol : mapping
        The other arguments of ``stdp_window``: ``repeats``, ``frequency``, ``w0`` and ``dt``.
    device : Device
    cache : dict
        Changes and derivatives that have been evaluated, by values.
    """

    rule: PlasticityRule
    names: tuple[str, ...]
    idle: tuple[str, ...] = ()
    data: Measurements
    lags: Float
    protocol: Mapping[str, Any]
    device: Device
    cache: dict[bytes, tuple[Float, Float]] = field(default_factory=dict)

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
        return np.where(times, float(self.protocol["dt"]), least)

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
    def errors(self) -> Float:
        """What residuals are divided by."""
        return np.ones(len(self.data)) if self.data.error is None else self.data.error

    def with_values(self, values: Float) -> PlasticityRule:
        """Return the rule with one value, or one array of values, for each candidate."""
        given = zip(self.names, values, strict=True)
        return self.rule.with_parameters(**{n: with_unit(v, self.rule.parameters[n]) for n, v in given})

    def evaluate(self, values: Float) -> tuple[Float, Float]:
        """Return the relative changes, shape (points,), and their derivatives, shape (points, candidates)."""
        key = values.tobytes()
        if key not in self.cache:
            step = _STEP * self.scale
            table = np.vstack([values, values + np.diag(step)])
            lags, place = np.unique(self.lags, return_inverse=True)
            changes = self.simulate(np.tile(lags, len(table)), np.repeat(table, len(lags), axis=0))
            changes = changes.reshape(len(table), -1)[:, place]
            self.cache[key] = changes[0], ((changes[1:] - changes[0]) / step[:, None]).T
        return self.cache[key]

    def simulate(self, lags: Float, table: Float) -> Float:
        """Return the relative change at each lag with each row of values, in runs of the size that is compiled."""
        size = len(lags)
        if self.device is not devices.NUMPY:
            size = len(np.unique(self.lags)) * (len(self.names) + 1)
        changes = []
        for first in range(0, len(lags), size):
            chosen = np.arange(first, first + size) % len(lags)
            rule = self.with_values(table[chosen].T)
            window = stdp_window(rule, lags[chosen] * second, device=self.device, **self.protocol)
            changes.append(window.dw / self.protocol["w0"])
        return np.concatenate(changes)[: len(lags)]

    def residuals(self, values: Float) -> Float:
        """Return the differences, each divided by its error where errors are known, shape (points,)."""
        return (self.evaluate(values)[0] - self.data.change) / self.errors

    def jacobian(self, values: Float) -> Float:
        """Return the derivatives of the residuals by the free parameters, shape (points, free)."""
        return self.evaluate(values)[1][:, self.places] / self.errors[:, None]

    def noise(self) -> tuple[str, ...]:
        """Return the candidates that make the rule random; raise ``ValueError`` if it is random as it is."""
        rule = self.rule
        if not used(rule.pre, rule.post, rule.synapse, rule.on_pre, rule.on_post, rule.update) & _RANDOM:
            return ()
        other = dataclasses.replace(self, protocol={**self.protocol, "seed": 1}, cache={})
        (changes, slopes), (others, other_slopes) = self.evaluate(self.start), other.evaluate(self.start)
        if (changes != others).any():
            raise ValueError(f"{rule.name} is random, and so cannot be fitted; set its noise to 0 (with_parameters).")
        differ = (slopes != other_slopes).any(axis=0)
        return tuple(name for name, is_random in zip(self.names, differ, strict=True) if is_random)

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

    def curves(self, values: Float) -> tuple[Window, Window]:
        """Return the windows with these values and with those at the start, on the sides where there are data."""
        dt = float(self.protocol["dt"])
        steps = np.abs(self.lags).max() / dt * np.linspace(0, 1, _CURVE + 1)[1:] ** 2  # denser where it is steep
        side = np.unique(np.maximum(np.round(steps), 1)) * dt
        lags = np.concatenate([-side[::-1]] * bool((self.lags < 0).any()) + [side] * bool((self.lags > 0).any()))
        table = np.repeat([values, self.start], len(lags), axis=0)
        changes = self.simulate(np.tile(lags, 2), table).reshape(2, -1) * self.protocol["w0"]
        pairing = {name: self.protocol[name] for name in ("repeats", "frequency", "w0")}
        fitted, start = (Window(rule=self.rule.name, lags=lags * second, dw=dw, **pairing) for dw in changes)
        return fitted, start

    def give_up(self, message: str, values: Float) -> FitError:
        """Return the error with the reason why there is no fit."""
        message = f"{self.rule.name} cannot be fitted to {self.data.name}: {message}"
        return FitError(message, data=self.data, start=self.rule, last=self.with_values(values))


def with_unit(value: Any, like: Any) -> Any:
    """Return a number or an array with the unit of another."""
    dim = get_dimensions(like)
    if dim == DIMENSIONLESS:
        return value if np.ndim(value) else float(value)
    return Quantity(value, dim=dim)


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def lags_of(data: Measurements, dt: Quantity, round_times: bool) -> Float:
    """Return the lags in seconds, on the grid of time steps."""
    if data.variable != "lag_ms":
        raise ValueError(f"{data.name} varies {data.variable}, but a fit needs changes at several lags (lag_ms).")
    step = time_step(dt)
    coincident = data.x[np.abs(data.x) * 1e-3 < step / 2]
    if coincident.size:
        raise ValueError(
            f"{data.name}: at a lag of {coincident[0]:g} ms both spikes fall into one time step of {dt}, where order "
            "means nothing; take the point out, or a smaller dt."
        )
    return on_grid(f"{data.name}: a lag", data.x * 1e-3 * second, dt, round_times=round_times)


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
    if get_dimensions(value) == TIME and float(value) <= float(dt):
        return f"it starts from {value}, and a fitted time must be longer than dt = {dt}"
    return ""
