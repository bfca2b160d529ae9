"""Fitting the parameters of a rule to measured changes of a synapse, after whatever protocols."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms
from brian2.units import get_dimensions
from scipy import special

from spikehebb import devices, rules
from spikehebb.core import Float, Frozen, PlasticityRule
from spikehebb.core.progress import Fraction, announce_hours, stage_reporter
from spikehebb.core.values import is_finite
from spikehebb.datasets.measurements import Measurements, find
from spikehebb.devices import Device
from spikehebb.equations import TIME, said
from spikehebb.jobs.experiments import between, check_together, counts_of, listed, trains_of
from spikehebb.jobs.fit_problem import BOUNDS, FitError, Problem, candidates, with_unit
from spikehebb.jobs.fitted import Curve, Estimate, Fit

__all__ = ["Curve", "Estimate", "Fit", "FitError", "fit"]

_MOST, _USUAL = 100, 10  # evaluations
_NEAR_0 = 0.1  # of a parameter's scale: below it may be on its way to a least value of 0
_NO_WORSE = 1e-10  # of the sum of squares of the data: how much worse 0 may explain them
_VAGUE = 0.02  # a singular value of normalized derivatives: parameters 50 times less certain together than alone
_UNLIKELY = 1e-3  # the chance of so large a chi2
_TOGETHER = 0.98  # a correlation of two estimates from which on they are known only together


def fit(
    rule: PlasticityRule | str,
    data: Measurements | str | Path | Sequence[Measurements | str | Path],
    *,
    weights: Sequence[float] | None = None,
    free: Sequence[str] | None = None,
    repeats: int = 60,
    frequency: Quantity = 1 * Hz,
    w0: float | Sequence[float] = 0.5,
    strength: Callable[[Float], Float] | None = None,
    device: Device | str | None = None,
    dt: Quantity = 0.1 * ms,
    confidence: float = 0.95,
    trials: int = 100,
    seed: int = 0,
    round_times: bool = False,
    progress: Fraction | None = None,
) -> Fit:
    """Fit the parameters of a rule to measured changes, by least squares.

    The prediction is ``(w - w0)/w0`` after each protocol: pairings at some lag or frequency, triplets, quadruplets,
    bursts or any other pattern, of one data set or of several. Each evaluation is one simulation, in which all points
    run together with the given values and with each of them changed a little. Of a random rule the mean over many
    synapses is compared, with the same random numbers in every evaluation.

    Intervals are those of the linear approximation at the solution, with Student's t at ``degrees`` degrees of
    freedom. Given errors are taken as they are (the covariance is not rescaled, so a bad fit shows in ``chi2`` and
    not in wide intervals); without errors, all points weigh the same and the scatter around the fit is the error.

    Parameters
    ----------
    rule : PlasticityRule or str
        Its values are the starting point.
    data : Measurements, str, path, or sequence of them
        Values, names of published data or CSV files; times on the grid of ``dt``.
    weights : sequence of float, optional
        How much a point of each data set counts, 1 when left out.
    free : sequence of str, optional
        Which parameters to fit. All when left out, except ``w_min``, ``w_max``, the rule's delay, infinite values
        and those that make no difference to these protocols, or only noise.
    repeats, frequency : int, Quantity
        Of the pairings or patterns, where the data do not say. Without a compiler few repeats are advisable.
    w0 : float or sequence of float
        The weight at the start. Several: equal shares of the synapses start from each, and their mean is compared.
    strength : callable, optional
        What is measured of synapses with these weights, as of synapses with two states
        ``lambda w: 1 + 4*(w > 0.5)``; the weights themselves when left out. Its mean at the start is above 0.
    device : Device, optional
        ``auto`` when left out.
    dt : Quantity
        Also the least value of a parameter that is a time. A coarse grid that still holds the times is much faster.
    confidence : float
    trials : int
        How many synapses of a random rule are simulated at each point.
    seed : int
        Of a random rule.
    round_times : bool
        Round times to the grid of ``dt`` instead of refusing those that are off it.
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
    starts = tuple(w0) if isinstance(w0, Sequence) else (w0,)
    if not (starts and all(map(is_finite, starts)) and (strength or sum(starts) > 0)):
        raise ValueError(f"w0 must be a finite number above 0, because changes are relative to it, got {w0}.")
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 2:
        raise ValueError(f"trials must be a whole number from 2 on, got {trials!r}.")
    given = [data] if isinstance(data, str) or not isinstance(data, Sequence) else data
    sets = tuple(find(each) for each in given)
    counts = counts_of(sets, weights)
    check_together(sets)
    rule = rules.find(rule)
    names = candidates(rule, free, dt)
    if free is not None:
        _enough(sets, len(names))
    common = {"repeats": repeats, "frequency": frequency, "dt": dt}
    problem = Problem(
        rule=rule,
        names=names,
        data=sets,
        trains=[train for each in sets for train in trains_of(each, round_times=round_times, **common)],
        weights=np.repeat(counts, [len(each) for each in sets]),
        starts=starts,
        strength=strength,
        trials=len(starts),
        dt=dt,
        device=devices.find(device),
        seed=seed,
    )
    began = time.perf_counter()
    problem = _without_unused(problem, trials, named=free is not None)
    each = (time.perf_counter() - began) / len(problem.cache)
    announce_hours(
        f"a fit of {rule.name} with {_USUAL} evaluations (at most {_MOST})",
        _USUAL * each,
        "fewer repeats, a larger dt, fewer free parameters",
    )
    values, evaluations = _solve(problem, stage_reporter(progress, "fitting"))
    return _result(problem, values, evaluations, confidence, counts, common)


def _enough(data: tuple[Measurements, ...], parameters: int) -> None:
    points = sum(map(len, data))
    if points <= parameters:
        raise ValueError(
            f"{listed([each.name for each in data])} has {points} points, too few for {parameters} free parameters; "
            f"measure at least {parameters + 1}, or name fewer as free."
        )


def _without_unused(problem: Problem, trials: int, *, named: bool) -> Problem:
    """Return the problem without the parameters that make no difference at the start, with trials if it is random."""
    rule = problem.rule
    noise, random = problem.noise()
    if noise and named:
        why = "it is the size of the noise, of which the mean says nothing" if random else "it makes the rule random"
        raise ValueError(f"{rule.name}: {listed(noise)} cannot be fitted: {why}.")
    if random:
        problem = dataclasses.replace(problem, trials=trials, random=True, cache={})
    silent = problem.without_effect()
    limits = sorted(set(_limits(problem, problem.start)))
    if silent and limits:
        raise ValueError(
            f"{rule.name} cannot be fitted to {problem.name}: with the starting values the weight runs into "
            f"{listed(limits)} and does not depend on {listed(silent)}; start from smaller amplitudes, or name the "
            "others as free."
        )
    if silent and (named or len(noise + silent) == len(problem.names)):
        raise ValueError(
            f"{rule.name} cannot be fitted to {problem.name}: at these lags the weight does not depend on "
            f"{listed(silent)}; name others as free."
        )
    problem = dataclasses.replace(problem, idle=noise + silent)
    _enough(problem.data, len(problem.free))
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
            return np.full(len(problem.trains), np.nan)

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
            f"{listed(ended)} ended at the least value, dt = {said(problem.dt)}: the data show no such time "
            "course; start elsewhere (with_parameters), or name the others as free.",
            values,
        )
    problem.tell_apart(values)
    return values, int(solution.nfev)


def _ended_at_0(problem: Problem, values: Float) -> Float:
    """Return the values with those at 0 that the search, which stays above it, was on its way to."""
    total = float(np.sum((problem.change / problem.errors) ** 2))
    for place in problem.places:
        if problem.starts_at_0(problem.names[place]) and values[place] < _NEAR_0 * problem.scale[place]:
            trial = values.copy()
            trial[place] = 0.0
            before, after = (float(np.sum(problem.residuals(each) ** 2)) for each in (values, trial))
            values = trial if after <= before + _NO_WORSE * total else values
    return values


def _result(
    problem: Problem,
    values: Float,
    evaluations: int,
    confidence: float,
    counts: tuple[float, ...],
    common: Mapping[str, Any],
) -> Fit:
    rule, places = problem.rule, problem.places
    squares = float(np.sum(problem.residuals(values) ** 2 / problem.weights))
    degrees = len(problem.trains) - len(places)
    jacobian = problem.jacobian(values) * problem.scale[places]
    inverse = np.linalg.inv(jacobian.T @ jacobian)
    # Data sets that count more than their errors say do not make the estimates as much more certain.
    covariance = inverse @ (jacobian.T @ (problem.weights[:, None] * jacobian)) @ inverse
    deviations = np.sqrt(np.diag(covariance))
    half = special.stdtrit(degrees, (1 + confidence) / 2) * deviations * problem.scale[places]
    half *= 1.0 if problem.weighted else np.sqrt(squares / degrees)
    estimates = {}
    for name, value, width in zip(problem.free, values[places], half, strict=True):
        low, middle, high = (with_unit(v, rule.parameters[name]) for v in (value - width, value, value + width))
        estimates[name] = Estimate(value=middle, low=low, high=high)
    correlation = covariance / np.outer(deviations, deviations)
    return Fit(
        fitted=problem.with_values(values),
        parameters=Frozen(estimates),
        start=Frozen({name: rule.parameters[name] for name in problem.free}),
        unused=problem.idle,
        data=problem.data,
        weights=counts,
        predictions=_by_set(problem.data, problem.evaluate(values)[0]),
        chi2=squares,
        degrees=degrees,
        confidence=confidence,
        correlation=correlation,
        evaluations=evaluations,
        curves=_curves(problem, values, common),
        repeats=common["repeats"],
        frequency=common["frequency"],
        w0=problem.w0,
        trials=problem.trials if problem.random else 1,
        warnings=_warnings(problem, values, estimates, squares, correlation),
    )


def _curves(problem: Problem, values: Float, common: Mapping[str, Any]) -> tuple[Curve, ...]:
    """Return what the fitted rule and the rule at the start make, between the points where they lie on a line."""
    drawn = [(None if problem.random else between(each, problem.dt)) or each for each in problem.data]
    trains = [train for each in drawn for train in trains_of(each, round_times=True, **common)]
    changes, _ = problem.simulate(trains, np.vstack([values, problem.start]))
    fitted, start = (_by_set(drawn, row) for row in changes)
    return tuple(Curve(x=d.x, fitted=f, start=s) for d, f, s in zip(drawn, fitted, start, strict=True))


def _by_set(sets: Sequence[Measurements], points: Float) -> tuple[Float, ...]:
    """Return the numbers of each data set, of numbers for all points."""
    ends = np.cumsum([len(each) for each in sets])
    return tuple(points[end - len(each) : end] for each, end in zip(sets, ends, strict=True))


def _warnings(
    problem: Problem, values: Float, estimates: Mapping[str, Estimate], squares: float, correlation: Float
) -> tuple[str, ...]:
    fitted, w0, places, names = problem.with_values(values), problem.w0, problem.places, tuple(estimates)
    points, warnings = len(problem.trains), []
    if problem.weighted and special.chdtrc(points - len(names), squares) < _UNLIKELY:
        warnings.append("The rule does not describe the data within their errors, so the intervals mean little.")
    limits = _limits(problem, values)
    if limits:
        warnings.append(
            f"At {len(limits)} of {points} points the fitted weight runs into {listed(sorted(set(limits)))} and "
            "says little about the parameters; start from another w0, or widen the bounds."
        )
    highest = np.inf if problem.strength else float(fitted.parameters.get("w_max", np.inf)) / w0 - 1
    beyond = int(np.sum(problem.change > highest))
    if beyond:
        warnings.append(
            f"{beyond} of {points} measured changes are above {100 * highest:+.0f} %, the most that w_max allows "
            f"from w0 = {w0:g}; start from a smaller w0."
        )
    ended = [name for name, value in zip(names, values[places], strict=True) if value == 0]
    if ended:
        warnings.append(
            f"{listed(ended)} ended at 0, the least value: the data show no such change, or one of the opposite sign, "
            "and the interval means nothing; set it to 0 (with_parameters) and name the others as free, or take "
            "another rule."
        )
    vague = [n for n, e in estimates.items() if get_dimensions(e.value) == TIME and float(e.low) <= 0]
    if vague:
        warnings.append(f"The data hardly determine {listed(vague)}: the confidence interval reaches below 0.")
    pairs = np.argwhere(np.triu(np.abs(correlation) > _TOGETHER, 1))
    if len(pairs):
        said = [f"{names[one]} with {names[other]} ({correlation[one, other]:+.3f})" for one, other in pairs]
        warnings.append(f"Known only together, by the correlation of their estimates: {listed(said)}.")
    doubt = problem.sampling_error(values)
    scatter = problem.errors * np.sqrt(problem.weights) if problem.weighted else np.sqrt(squares / points)
    if (2 * doubt > scatter).any():
        warnings.append(
            f"The means over {problem.trials} trials are uncertain by up to {doubt.max():.2g}, more than half of a "
            "point's error; take more trials."
        )
    return tuple(warnings)


def _limits(problem: Problem, values: Float) -> list[str]:
    """Return the bounds that weights have run into, one for each point where they have."""
    if problem.trials > 1 or problem.strength:
        return []
    rule, weights = problem.with_values(values), problem.w0 * (1 + problem.evaluate(values)[0])
    return [limit for weight in weights if (limit := _limit(rule, weight))]


def _limit(rule: PlasticityRule, weight: float) -> str:
    """Return the bound that a weight has run into, or nothing."""
    bounds = {"w_min": 0.0, **{name: float(rule.parameters[name]) for name in BOUNDS if name in rule.parameters}}
    return next((f"{n} = {b:g}" for n, b in bounds.items() if np.isfinite(b) and abs(weight - b) < 1e-9), "")
