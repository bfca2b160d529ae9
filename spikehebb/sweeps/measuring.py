"""The jobs of a sweep that measure a rule: its window, and a fit to data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms

from spikehebb import jobs, rules
from spikehebb.core import PlasticityRule, digest
from spikehebb.core.progress import Progress, of_stage
from spikehebb.core.values import check_setting, is_finite
from spikehebb.datasets import measurements
from spikehebb.devices import Device
from spikehebb.equations import quantity, unit_text
from spikehebb.jobs.once import once
from spikehebb.jobs.run import versions
from spikehebb.reading import printable
from spikehebb.sweeps.prepared import Prepared, Settings, device_of


def window(given: Settings) -> Prepared:
    """Return the work of measuring a rule's window."""
    rule, device = _rule(given, "window"), device_of(given)
    numbers = given.pop("lags_ms", None)
    if numbers is not None and (np.ndim(numbers) != 1 or not len(numbers) or not all(map(is_finite, numbers))):
        raise ValueError(f"lags_ms must be a list of numbers, got {printable(repr(numbers), 60)}.")
    lags = None if numbers is None else np.asarray(numbers, float) * ms
    config = _about(rule) | given | {"lags_ms": numbers}
    options = _pairing(given)

    def measure(tell: Progress) -> Mapping[str, Any]:
        curve = jobs.stdp_window(rule, lags, device=device, progress=of_stage(tell, "simulating"), **options)
        extremes = {"dw_max": float(curve.dw.max()), "dw_min": float(curve.dw.min()), "dw_mean": float(curve.dw.mean())}
        return {"metrics": extremes, "lags_ms": (curve.lags / ms).tolist(), "dw": curve.dw.tolist()}

    return _measuring("window", config, device, measure)


def fit(given: Settings) -> Prepared:
    """Return the work of fitting a rule to data."""
    rule, device = _rule(given, "fit"), device_of(given)
    names = given.pop("data", None)
    if not names or not isinstance(names, (str, Path, list, tuple)):
        raise ValueError("fit needs data, a file or a name of 'spikehebb data', or several; give it in the settings.")
    several = names if isinstance(names, (list, tuple)) else [names]
    data = [measurements.PUBLISHED.get(str(name)) or measurements.read(Path(name)) for name in several]
    config = _about(rule) | given | {"data": [digest(each) for each in data]}
    options = _pairing(given)

    def measure(tell: Progress) -> Mapping[str, Any]:
        fitted = jobs.fit(rule, data, device=device, progress=of_stage(tell, "fitting"), **options)
        found = {name: float(estimate.value) for name, estimate in fitted.parameters.items()}
        return {"fit": fitted.report(), "metrics": {"chi2": float(fitted.chi2), **found}}

    return _measuring("fit", config, device, measure)


def _measuring(
    kind: str, config: Mapping[str, Any], device: Device, measure: Callable[[Progress], Mapping[str, Any]]
) -> Prepared:
    def do(out: Path, overwrite: bool, tell: Progress) -> object:
        about = {"kind": f"{kind} in a sweep", "config": config, "device": device.name, "versions": versions()}
        return once(about, measure, out=out, overwrite=overwrite, progress=tell)

    return Prepared(do=do)


def _rule(given: Settings, job: str) -> PlasticityRule:
    """Take a rule and the parameters of its that differ from settings."""
    value = given.pop("rule", None)
    if not isinstance(value, (str, PlasticityRule)):
        raise ValueError(
            f"{job} needs rule, the name of one of the catalogue; give it in the settings, or in the grid."
        )
    rule = value if isinstance(value, PlasticityRule) else rules.find(value)
    changes = {name.removeprefix("rule."): given.pop(name) for name in [*given] if name.startswith("rule.")}
    return rule.with_parameters(
        **{name: quantity(value) if isinstance(value, str) else value for name, value in changes.items()}
    )


def _pairing(given: Settings) -> Settings:
    """Return settings of pairings as functions take them."""
    units: Mapping[str, tuple[str, Quantity]] = {"frequency_hz": ("frequency", Hz), "dt_ms": ("dt", ms)}
    for name, kind in (("frequency_hz", "float"), ("dt_ms", "float"), ("repeats", "int"), ("trials", "int")):
        if given.get(name) is not None:
            check_setting(name, kind, given[name])
    for name in ("w0", "confidence"):
        if name in given and not is_finite(given[name]):
            raise ValueError(f"{name} must be a number, got {given[name]!r}.")
    return {
        units[name][0] if name in units else name: value * units[name][1] if name in units else value
        for name, value in given.items()
    }


def _about(rule: PlasticityRule) -> Settings:
    values = {name: f"{np.asarray(value).tolist()} {unit_text(value)}" for name, value in rule.parameters.items()}
    return {"rule": rule.name, "parameters": values}
