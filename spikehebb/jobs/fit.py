"""Fitting the parameters of a rule to measured changes of a synapse."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms
from brian2.units import get_dimensions
from scipy import special

from spikehebb import devices
from spikehebb.core import Float, Frozen, Parameters, PlasticityRule
from spikehebb.core.progress import Fraction, announce_hours
from spikehebb.core.values import is_finite
from spikehebb.datasets.measurements import Measurements
from spikehebb.devices import Device
from spikehebb.equations import TIME, unit_text
from spikehebb.jobs.fit_problem import BOUNDS, FitError, Problem, candidates, lags_of, listed, with_unit
from spikehebb.jobs.stdp_windows import Window

__all__ = ["Estimate", "Fit", "FitError", "fit"]

_MOST, _USUAL = 100, 10  # evaluations
_NEAR_0 = 0.1  # of a parameter's scale: below it may be on its way to a least value of 0
_NO_WORSE = 1e-10  # of the sum of squares of the data: how much worse 0 may explain them
_VAGUE = 0.02  # a singular value of normalized derivatives: parameters 50 times less certain together than alone
_UNLIKELY = 1e-3  # the chance of so large a chi2


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A fitted parameter and the ends of its confidence interval, in its own unit."""

    value: Any
    low: Any
    high: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A rule fitted to measurements.

    Parameters
    ----------
    fitted : PlasticityRule
        The rule with the fitted values.
    parameters : mapping of str to Estimate
        The free parameters, in the order of the rule.
    start : mapping of str to number or Quantity
        What they started from.
    unused : tuple of str
        Parameters that make no difference at these lags, or only noise, and so kept their value.
    data : Measurements
    prediction : array, shape (points,)
        The relative change that the fitted rule makes at the lag of each point.
    chi2 : float
        The sum of squared differences, each divided by its error where errors are given.
    degrees : int
        Degrees of freedom: points less free parameters.
    confidence : float
        Of the intervals.
    evaluations : int
        How many sets of values were simulated until the fit had converged.
    curve, start_curve : Window
        The window of the fitted rule and of the rule at the start, on a fine grid of lags,
        on the sides (causal or not) where there are data.
    warnings : tuple of str
        What to keep in mind, in sentences.
    """

    fitted: PlasticityRule
    parameters: Mapping[str, Estimate]
    start: Parameters
    unused: tuple[str, ...]
    data: Measurements
    prediction: Float
    chi2: float
    degrees: int
    confidence: float
    evaluations: int
    curve: Window
    start_curve: Window
    warnings: tuple[str, ...]

    @property
    def rule(self) -> str:
        """The name of the rule."""
        return self.fitted.name

    @property
    def points(self) -> int:
        """How many measurements there are."""
        return len(self.data)

    def report(self) -> dict[str, Any]:
        """Return the fit as plain data for JSON; parameters in base units."""
        return {
            "kind": "fit",
            "rule": self.rule,
            "data": self.data.name,
            "points": self.points,
            "free": {
                name: {
                    "value": float(estimate.value),
                    "low": float(estimate.low),
                    "high": float(estimate.high),
                    "start": float(self.start[name]),
                    "unit": unit_text(estimate.value),
                }
                for name, estimate in self.parameters.items()
            },
            "kept": {
                name: {"value": np.asarray(value).tolist(), "unit": unit_text(value)}
                for name, value in self.fitted.parameters.items()
                if name not in self.parameters and np.all(np.isfinite(np.asarray(value)))
            },
            "unused": list(self.unused),
            "weighted": self.data.error is not None,
            "chi2": self.chi2,
            "degrees_of_freedom": self.degrees,
            "confidence": self.confidence,
            "evaluations": self.evaluations,
            "repeats": self.curve.repeats,
            "frequency_hz": float(self.curve.frequency / Hz),
            "w0": self.curve.w0,
            "warnings": list(self.warnings),
        }


def fit(
    rule: PlasticityRule,
    data: Measurements,
    *,
    free: Sequence[str] | None = None,
    repeats: int = 60,
    frequency: Quantity = 1 * Hz,
    w0: float = 0.5,
    device: Device | None = None,
    dt: Quantity = 0.1 * ms,
    confidence: float = 0.95,
    round_times: bool = False,
    progress: Fraction | None = None,
) -> Fit:
    """Fit the parameters of a rule to a measured STDP window, by least squares.

    The prediction is ``(w - w0)/w0`` after the protocol, as ``stdp_window`` simulates it. Each evaluation is one
    simulation, in which all lags run together with the given values and with each of them raised a little.

    Intervals are those of the linear approximation at the solution, with Student's t at ``degrees`` degrees of
    freedom. Given errors are taken as they are (the covariance is not rescaled, so a bad fit shows in ``chi2`` and
    not in wide intervals); without errors, all points weigh the same and the scatter around the fit is the error.

    Parameters
    ----------
    rule : PlasticityRule
        Its values are the starting point.
    data : Measurements, shape (points,)
        Changes against the lag, on the grid of ``dt``.
    free : sequence of str, optional
        Which parameters to fit. All when left out, except ``w_min``, ``w_max``, the rule's delay, infinite values
        and those that make no difference at these lags, or only noise.
    repeats, frequency : int, Quantity
        The pairings of the experiment. Without a compiler few repeats are advisable.
    w0 : float
        The weight at the start, above 0.
    device : Device, optional
        ``auto`` when left out.
    dt : Quantity
        Also the least value of a parameter that is a time. A coarse grid that still holds the lags is much faster.
    confidence : float
    round_times : bool
        Round lags to the grid of ``dt`` instead of refusing those that are off it.
    progress : callable, optional
        Called with the completed fraction of the most evaluations; a fit that converges needs fewer.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If data, parameters and starting values do not fit together.
    FitError
        If the fit does not converge, ends at a limit, or cannot tell parameters apart.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.rules import stdp_pair
    >>> lags = np.array([-20.0, -10, 10, 20])
    >>> data = Measurements(name="made up", x=lags, change=[-0.004, -0.006, 0.009, 0.005])
    >>> result = fit(stdp_pair, data, free=["A_plus", "A_minus"], repeats=1, device=devices.NUMPY, dt=1 * ms)
    >>> {name: round(estimate.value, 4) for name, estimate in result.parameters.items()}
    {'A_plus': 0.0073, 'A_minus': 0.0051}
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")
    if not (is_finite(w0) and w0 > 0):
        raise ValueError(f"w0 must be a finite number above 0, because changes are relative to it, got {w0}.")
    names = candidates(rule, free, dt)
    if free is not None:
        _enough(data, len(names))
    problem = Problem(
        rule=rule,
        names=names,
        data=data,
        lags=lags_of(data, dt, round_times),
        protocol={"repeats": repeats, "frequency": frequency, "w0": w0, "dt": dt},
        device=device or devices.find("auto"),
    )
    began = time.perf_counter()
    problem = _without_unused(problem, named=free is not None)
    each = (time.perf_counter() - began) / len(problem.cache)
    announce_hours(
        f"a fit of {rule.name} with {_USUAL} evaluations (at most {_MOST})",
        _USUAL * each,
        "fewer repeats, a larger dt, fewer free parameters",
    )
    values, evaluations = _solve(problem, progress or (lambda fraction: None))
    return _result(problem, values, evaluations, confidence)


def _enough(data: Measurements, parameters: int) -> None:
    if len(data) <= parameters:
        raise ValueError(
            f"{data.name} has {len(data)} points, too few for {parameters} free parameters; measure at least "
            f"{parameters + 1}, or name fewer as free."
        )


def _without_unused(problem: Problem, *, named: bool) -> Problem:
    """Return the problem without the parameters that make no difference at the start."""
    rule, data = problem.rule, problem.data
    noise = problem.noise()
    if noise and named:
        raise ValueError(f"{rule.name}: {listed(noise)} cannot be fitted: it makes the rule random.")
    silent = problem.without_effect()
    weights = problem.protocol["w0"] * (1 + problem.evaluate(problem.start)[0])
    limits = sorted({_limit(rule, weight) for weight in weights} - {""})
    if silent and limits:
        raise ValueError(
            f"{rule.name} cannot be fitted to {data.name}: with the starting values the weight runs into "
            f"{listed(limits)} and does not depend on {listed(silent)}; start from smaller amplitudes, or name the "
            "others as free."
        )
    if silent and (named or len(noise + silent) == len(problem.names)):
        raise ValueError(
            f"{rule.name} cannot be fitted to {data.name}: at these lags the weight does not depend on "
            f"{listed(silent)}; name others as free."
        )
    problem = dataclasses.replace(problem, idle=noise + silent)
    _enough(data, len(problem.free))
    return problem


def _solve(problem: Problem, progress: Fraction) -> tuple[Float, int]:
    """Return the values at the least sum of squares, and how many evaluations it took."""
    from scipy.optimize import least_squares

    places, names = problem.places, problem.free
    scale, lowest = problem.scale[places], problem.lowest[places]

    def whole(scaled: Float) -> Float:
        values = problem.start
        values[places] = scaled * scale
        return values

    def residuals(scaled: Float) -> Float:
        progress(min(len(problem.cache) / _MOST, 1.0))
        try:
            return problem.residuals(whole(scaled))
        except ValueError:  # weights out of the range of numbers: the step was too long, and will be shortened
            return np.full(len(problem.data), np.nan)

    problem.tell_apart(problem.start)
    solution = least_squares(
        residuals,
        problem.start[places] / scale,
        lambda scaled: problem.jacobian(whole(scaled)) * scale,
        bounds=(lowest / scale, np.inf),
        x_scale="jac",
        max_nfev=_MOST,
    )
    values = _ended_at_0(problem, whole(solution.x))
    progress(1.0)
    if not solution.success:
        rule = problem.with_values(values)
        at = ", ".join(f"{name} = {rule.parameters[name]}" for name in names)
        alike = problem.alike(values, below=_VAGUE)
        hint = f", of which the data hardly determine {listed(alike)}" if alike else ""
        raise problem.give_up(
            f"it did not converge in {solution.nfev} evaluations and stands at {at}{hint}; start nearer to the "
            "data (with_parameters), or name fewer as free.",
            values,
        )
    ended = [name for name, low, value in zip(names, lowest, values[places], strict=True) if value < low * (1 + 1e-3)]
    if ended:
        raise problem.give_up(
            f"{listed(ended)} ended at the least value, dt = {problem.protocol['dt']}: the data show no such time "
            "course; start elsewhere (with_parameters), or name the others as free.",
            values,
        )
    problem.tell_apart(values)
    return values, int(solution.nfev)


def _ended_at_0(problem: Problem, values: Float) -> Float:
    """Return the values with those at 0 that the search, which stays above it, was on its way to."""
    total = float(np.sum((problem.data.change / problem.errors) ** 2))
    for place in problem.places:
        if problem.starts_at_0(problem.names[place]) and values[place] < _NEAR_0 * problem.scale[place]:
            trial = values.copy()
            trial[place] = 0.0
            before, after = (float(np.sum(problem.residuals(each) ** 2)) for each in (values, trial))
            values = trial if after <= before + _NO_WORSE * total else values
    return values


def _result(problem: Problem, values: Float, evaluations: int, confidence: float) -> Fit:
    rule, data, places = problem.rule, problem.data, problem.places
    prediction = problem.evaluate(values)[0]
    squares, degrees = float(np.sum(problem.residuals(values) ** 2)), len(data) - len(places)
    jacobian = problem.jacobian(values) * problem.scale[places]
    covariance = np.linalg.inv(jacobian.T @ jacobian) * (squares / degrees if data.error is None else 1.0)
    half = special.stdtrit(degrees, (1 + confidence) / 2) * np.sqrt(np.diag(covariance)) * problem.scale[places]
    estimates = {}
    for name, value, width in zip(problem.free, values[places], half, strict=True):
        low, middle, high = (with_unit(v, rule.parameters[name]) for v in (value - width, value, value + width))
        estimates[name] = Estimate(value=middle, low=low, high=high)
    fitted = problem.with_values(values)
    curve, start_curve = problem.curves(values)
    return Fit(
        fitted=fitted,
        parameters=Frozen(estimates),
        start=Frozen({name: rule.parameters[name] for name in problem.free}),
        unused=problem.idle,
        data=data,
        prediction=prediction,
        chi2=squares,
        degrees=degrees,
        confidence=confidence,
        evaluations=evaluations,
        curve=curve,
        start_curve=start_curve,
        warnings=_warnings(problem, values, estimates, squares),
    )


def _warnings(problem: Problem, values: Float, estimates: Mapping[str, Estimate], squares: float) -> tuple[str, ...]:
    data, fitted, w0, places = problem.data, problem.with_values(values), problem.protocol["w0"], problem.places
    warnings = []
    if data.error is not None and special.chdtrc(len(data) - len(estimates), squares) < _UNLIKELY:
        warnings.append("The rule does not describe the data within their errors, so the intervals mean little.")
    limits = [limit for weight in w0 * (1 + problem.evaluate(values)[0]) if (limit := _limit(fitted, weight))]
    if limits:
        warnings.append(
            f"At {len(limits)} of {len(data)} points the fitted weight runs into {listed(sorted(set(limits)))} and "
            "says little about the parameters; start from another w0, or widen the bounds."
        )
    highest = float(fitted.parameters.get("w_max", np.inf)) / w0 - 1
    beyond = int(np.sum(data.change > highest))
    if beyond:
        warnings.append(
            f"{beyond} of {len(data)} measured changes are above {100 * highest:+.0f} %, the most that w_max allows "
            f"from w0 = {w0:g}; start from a smaller w0."
        )
    ended = [name for name, value in zip(problem.free, values[places], strict=True) if value == 0]
    if ended:
        warnings.append(
            f"{listed(ended)} ended at 0, the least value: the data show no such change, or one of the opposite sign, "
            "and the interval means nothing; set it to 0 (with_parameters) and name the others as free, or take "
            "another rule."
        )
    vague = [n for n, e in estimates.items() if get_dimensions(e.value) == TIME and float(e.low) <= 0]
    if vague:
        warnings.append(f"The data hardly determine {listed(vague)}: the confidence interval reaches below 0.")
    return tuple(warnings)


def _limit(rule: PlasticityRule, weight: float) -> str:
    """Return the bound that a weight has run into, or nothing."""
    bounds = {"w_min": 0.0, **{name: float(rule.parameters[name]) for name in BOUNDS if name in rule.parameters}}
    return next((f"{n} = {b:g}" for n, b in bounds.items() if np.isfinite(b) and abs(weight - b) < 1e-9), "")
