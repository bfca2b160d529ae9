"""A rule under sliders in a notebook: its window and frequency dependence follow its parameters, beside data."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, mV, volt
from brian2.units import get_dimensions
from matplotlib.figure import Figure

from spikehebb import devices, rules
from spikehebb.core import PlasticityRule
from spikehebb.datasets.measurements import Measurements, find
from spikehebb.devices import Device
from spikehebb.equations import DIMENSIONLESS, TIME
from spikehebb.jobs import frequency_response, stdp_window
from spikehebb.plot.rules import frequency_response as frequency_picture
from spikehebb.plot.rules import stdp_window as window_picture
from spikehebb.plot.save import lettered, styled

_UNITS = {TIME: (ms, "ms"), volt.dim: (mV, "mV"), Hz.dim: (Hz, "Hz"), DIMENSIONLESS: (1, "")}
_REACH = 3  # a slider goes to so many times the value
_STEPS = 120  # of a slider
_LAGS = np.arange(-80, 81, 4) * ms


def explore(
    rule: PlasticityRule | str,
    *,
    lags: Quantity | None = None,
    frequencies: Quantity | None = None,
    data: Sequence[Measurements | str | Path] = (),
    repeats: int = 60,
    w0: float = 0.5,
    dt: Quantity = 0.5 * ms,
    device: Device | str = "auto",
) -> Any:
    """Return sliders for the parameters of a rule, above its window and its frequency dependence (extra ``notebook``).

    A compiled rule is compiled once: its program takes new values of parameters when it runs.

    Parameters
    ----------
    rule : PlasticityRule or str
    lags : Quantity, optional
        Of the window; every 4 ms from -80 to 80 ms when left out.
    frequencies : Quantity, optional
        1, 5, 10, 15, ... 50 Hz when left out.
    data : sequence of Measurements, str or path
        Measured changes to draw beside it: against the lag or the frequency.
    repeats, w0, dt, device
        As in ``stdp_window`` and ``frequency_response``; the window has as many pairings, one in a second.

    Returns
    -------
    ipywidgets.VBox
        Its first children are the sliders, ``children[-1]`` is the picture.

    Raises
    ------
    RuntimeError
        If ipywidgets is not installed.
    ValueError
        If there is no such rule, or data show something else.
    """
    try:
        import ipywidgets as widgets
    except ImportError as error:
        raise RuntimeError("explore needs ipywidgets; install it with pip install 'spikehebb[notebook]'.") from error
    start, where, measured = rules.find(rule), devices.find(device), [find(each) for each in data]
    for each in measured:
        if each.variable not in ("lag_ms", "frequency_hz"):
            raise ValueError(f"{each.name} has {each.variable}; explore draws data against lag_ms or frequency_hz.")
    about: dict[str, Any] = {"repeats": repeats, "w0": w0, "dt": dt, "device": where}

    def content(changed: PlasticityRule) -> bytes:
        window = stdp_window(changed, _LAGS if lags is None else lags, round_times=True, **about)
        response = frequency_response(changed, frequencies, round_times=True, **about)
        return _png(changed, window, response, measured)

    sliders = {name: _slider(widgets, name, value) for name, value in start.parameters.items() if _moves(value)}
    picture, message = widgets.Image(value=content(start), format="png"), widgets.HTML()

    def follow(change: Any) -> None:
        values = {name: slider.value * _unit(start.parameters[name])[0] for name, slider in sliders.items()}
        try:
            picture.value, message.value = content(start.with_parameters(**values)), ""
        except ValueError as error:  # of values that the rule does not take together
            message.value = str(error)

    for slider in sliders.values():
        slider.observe(follow, names="value")
    return widgets.VBox([*sliders.values(), message, picture])


def _moves(value: Any) -> bool:
    return np.ndim(value) == 0 and bool(np.isfinite(float(value)))


def _unit(value: Any) -> tuple[Any, str]:
    dim = get_dimensions(value)
    return _UNITS.get(dim, (Quantity(1, dim=dim), "SI"))


def _slider(widgets: Any, name: str, value: Any) -> Any:
    unit, word = _unit(value)
    number = float(value / unit)
    high = _REACH * abs(number) or 1.0
    low = -high if number < 0 else 0.0 if get_dimensions(value) != TIME else min(0.5, abs(number))
    label = f"{name} ({word})" if word else name
    return widgets.FloatSlider(
        value=number,
        min=low,
        max=high,
        step=(high - low) / _STEPS,
        description=label,
        continuous_update=False,
        readout_format=".3g",
        style={"description_width": "9em"},
        layout={"width": "32em"},
    )


@styled
def _png(rule: PlasticityRule, window: Any, response: Any, data: Sequence[Measurements]) -> bytes:
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    window_picture(window, rule, [each for each in data if each.variable == "lag_ms"], ax=left)
    frequency_picture(response, rule, [each for each in data if each.variable == "frequency_hz"], ax=right)
    for axis in (left, right):
        axis.set_title("")
    figure.suptitle(rule.name)
    lettered([left, right])
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
