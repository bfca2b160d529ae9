"""What a fit gives: a rule with fitted values, their intervals, predictions, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, mV, volt
from brian2.units import get_dimensions

from spikehebb.core import Float, Parameters, PlasticityRule, display
from spikehebb.datasets.measurements import Measurements
from spikehebb.equations import DIMENSIONLESS, TIME, unit_text

_UNITS = {TIME: (ms, " ms"), volt.dim: (mV, " mV"), Hz.dim: (Hz, " Hz"), DIMENSIONLESS: (1, "")}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A fitted parameter and the ends of its confidence interval, in its own unit."""

    value: Any
    low: Any
    high: Any

    def rounded(self) -> tuple[str, str]:
        """Return the value and the interval as text, with as many digits as the interval deserves."""
        dim = get_dimensions(self.value)
        unit, name = _UNITS.get(dim, (Quantity(1, dim=dim), " SI"))
        value, low, high = (float(number / unit) for number in (self.value, self.low, self.high))
        width, size = (high - low) / 2, max(abs(low), abs(high))
        if not 1e-3 <= size < 1e5 or width < 1e-6:
            return f"{value:.3g}{name}", f"{low:.3g} to {high:.3g}"
        digits = int(max(1 - np.floor(np.log10(width)), 0))
        return f"{value:.{digits}f}{name}", f"{low:.{digits}f} to {high:.{digits}f}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """What a rule makes of the protocols of a data set: relative changes with the fitted values and at the start.

    ``x`` is as in ``Measurements``: between the points where these lie on a line (lags, frequencies, intervals of
    quadruplets), else at the points.
    """

    x: Float
    fitted: Float
    start: Float


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
        Parameters that make no difference to these protocols, or only noise, and so kept their value.
    data : tuple of Measurements
    weights : tuple of float
        How much a point of each data set counted.
    predictions : tuple of arrays, shape (points,)
        For each data set the relative change that the fitted rule makes at each point.
    chi2 : float
        The sum of squared differences, each divided by its error where errors are given.
    degrees : int
        Degrees of freedom: points less free parameters.
    confidence : float
        Of the intervals.
    correlation : array, shape (free, free)
        Of the estimates: near 1 or -1 two parameters are known only together.
    evaluations : int
        How many sets of values were simulated until the fit had converged.
    curves : tuple of Curve
        One for each data set.
    repeats, frequency, w0 : int, Quantity, float
        Of the protocols, where the data do not say; the weight at the start.
    trials : int
        How many synapses of a random rule made each prediction, their mean; else 1.
    warnings : tuple of str
        What to keep in mind, in sentences.
    """

    fitted: PlasticityRule
    parameters: Mapping[str, Estimate]
    start: Parameters
    unused: tuple[str, ...]
    data: tuple[Measurements, ...]
    weights: tuple[float, ...]
    predictions: tuple[Float, ...]
    chi2: float
    degrees: int
    confidence: float
    correlation: Float
    evaluations: int
    curves: tuple[Curve, ...]
    repeats: int
    frequency: Quantity
    w0: float
    trials: int
    warnings: tuple[str, ...]

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame
    save = display.save

    @property
    def rule(self) -> str:
        """The name of the rule."""
        return self.fitted.name

    @property
    def points(self) -> int:
        """How many measurements there are."""
        return sum(map(len, self.data))

    def report(self) -> dict[str, Any]:
        """Return the fit as plain data for JSON; parameters in base units."""
        return {
            "kind": "fit",
            "rule": self.rule,
            "data": [
                {"name": data.name, "variable": data.variable, "points": len(data), "weight": weight}
                for data, weight in zip(self.data, self.weights, strict=True)
            ],
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
            "weighted": self.data[0].error is not None,
            "chi2": self.chi2,
            "degrees_of_freedom": self.degrees,
            "confidence": self.confidence,
            "correlation": self.correlation.tolist(),
            "evaluations": self.evaluations,
            "repeats": self.repeats,
            "frequency_hz": float(self.frequency / Hz),
            "w0": self.w0,
            "trials": self.trials,
            "warnings": list(self.warnings),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each point: the data set, what was varied, the change, its error and the prediction."""
        return [
            {
                "data": data.name,
                "variable": data.variable,
                "x": point.tolist(),
                "change": float(data.change[place]),
                "error": None if data.error is None else float(data.error[place]),
                "prediction": float(prediction[place]),
            }
            for data, prediction in zip(self.data, self.predictions, strict=True)
            for place, point in enumerate(data.x)
        ]
