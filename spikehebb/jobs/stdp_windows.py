"""STDP windows, and how a weight answers to other protocols."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms, second
from numpy.typing import ArrayLike

from spikehebb import devices, protocols, rules
from spikehebb.circuits.pair import check_pairs, synapse_pair
from spikehebb.core import Float, PlasticityRule, Protocol, display
from spikehebb.core.progress import Fraction, stage_reporter
from spikehebb.core.times import hertz, on_grid
from spikehebb.devices import Device
from spikehebb.encoders import spike_rows
from spikehebb.simulation.simulate import simulate

REWARD_AFTER, REWARD_TAIL = 200 * ms, 1 * second  # rules with a third factor are rewarded once, after the last spike


@dataclass(frozen=True, kw_only=True)
class Window:
    """An STDP window: the change of the weight for each lag ``t_post - t_pre``."""

    rule: str
    lags: Quantity
    dw: Float
    repeats: int
    frequency: Quantity
    w0: float

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame
    save = display.save

    def rows(self) -> list[dict[str, float]]:
        """Return one row for each lag."""
        return [{"lag_ms": lag, "dw": dw} for lag, dw in zip(_plain(self.lags / ms), self.dw.tolist(), strict=True)]

    def report(self) -> dict[str, Any]:
        """Return the window as plain data for JSON."""
        return {
            "rule": self.rule,
            "lags_ms": _plain(self.lags / ms),
            "dw": self.dw.tolist(),
            "repeats": self.repeats,
            "frequency_hz": float(self.frequency / Hz),
            "w0": self.w0,
        }


@dataclass(frozen=True, kw_only=True)
class FrequencyResponse:
    """The change of the weight after pairings at each frequency, one row for each lag."""

    rule: str
    frequencies: Quantity
    lags: Quantity
    dw: Float
    repeats: int
    w0: float

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    to_frame = display.to_frame
    save = display.save

    def rows(self) -> list[dict[str, float]]:
        """Return one row for each lag and frequency."""
        return [
            {"lag_ms": lag, "frequency_hz": rate, "dw": float(dw)}
            for lag, changes in zip(_plain(self.lags / ms), self.dw, strict=True)
            for rate, dw in zip(_plain(self.frequencies / Hz), changes, strict=True)
        ]

    def report(self) -> dict[str, Any]:
        """Return the response as plain data for JSON."""
        return {
            "rule": self.rule,
            "frequencies_hz": _plain(self.frequencies / Hz),
            "lags_ms": _plain(self.lags / ms),
            "dw": self.dw.tolist(),
            "repeats": self.repeats,
            "w0": self.w0,
        }


def _plain(numbers: Any) -> list[float]:
    return [float(number) for number in np.atleast_1d(np.asarray(numbers))]


def _row(what: str, values: Float) -> Float:
    row = np.atleast_1d(values)
    if row.ndim != 1 or not row.size:
        raise ValueError(f"{what} must be one number with a unit, or a row of them; got the shape {row.shape}.")
    return row


def weight_changes(
    rule: PlasticityRule | str,
    protocol: Protocol,
    *,
    w0: ArrayLike = 0.5,
    delay: Quantity = 0 * ms,
    device: Device | str = "numpy",
    dt: Quantity = 0.1 * ms,
    seed: int = 0,
    progress: Fraction | None = None,
) -> Float:
    """Return how much each weight of ``synapse_pair`` changes under a protocol.

    A rule with a third factor is rewarded once, 200 ms after the last spike, unless the protocol has rewards.

    Parameters
    ----------
    rule : PlasticityRule or str
        A rule, or its name in the catalogue.
    protocol : Protocol
        Of ``spikehebb.protocols``, one column for each pair of neurons.
    w0 : array_like, scalar or shape (pairs,)
        The weights at the start.
    delay : Quantity
        From a presynaptic spike to its arrival.
    device : Device or str
    dt : Quantity
    seed : int
        Of a rule with noise.
    progress : callable, optional
        Called with the completed fraction.

    Returns
    -------
    array, shape (pairs,)

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.jobs import weight_changes
    >>> from spikehebb.protocols import triplets
    >>> from spikehebb.rules import triplet_vc_full
    >>> weight_changes(triplet_vc_full, triplets([[10, 10]] * ms, repeats=1)).round(6).tolist()
    [-0.002289]
    """
    rule = rules.find(rule)
    pairs = np.shape(protocol.stimuli["pre"])[1]
    circuit = synapse_pair(rule, pairs=pairs, w=w0, delay=delay)
    if "reward" in circuit.populations and "reward" not in protocol.stimuli:
        times = np.concatenate([np.asarray(rows).ravel() for rows in protocol.stimuli.values()])
        last = max(times[np.isfinite(times)], default=0.0) * second
        when = protocols.ending(last, REWARD_AFTER, dt)
        stimuli = {**protocol.stimuli, "reward": spike_rows([np.atleast_1d(when)] * pairs)}
        protocol = dataclasses.replace(protocol, stimuli=stimuli, duration=protocols.ending(when, REWARD_TAIL, dt))
    recording = simulate(
        circuit, protocol, device=devices.find(device), dt=dt, seed=seed, progress=stage_reporter(progress)
    )
    return np.asarray(np.diag(recording.weights["synapse"]) - np.asarray(w0, float), float)


def stdp_window(
    rule: PlasticityRule | str,
    lags: Quantity | None = None,
    *,
    repeats: int = 1,
    frequency: Quantity = 1 * Hz,
    w0: float = 0.5,
    device: Device | str = "numpy",
    dt: Quantity = 0.1 * ms,
    seed: int = 0,
    round_times: bool = False,
    progress: Fraction | None = None,
) -> Window:
    """Measure the window of a rule: pairs of spikes at all lags, simulated together in one network.

    Parameters
    ----------
    rule : PlasticityRule or str
    lags : Quantity, optional
        ``t_post - t_pre``; every 2.5 ms from -100 to 100 ms when left out.
    repeats, frequency : int, Quantity
        How many pairings, and how often.
    w0 : float
        The weight at the start.
    device : Device or str
    dt : Quantity
    seed : int
        Of a rule with noise.
    round_times : bool
        Round lags to the grid of ``dt`` instead of refusing those that are off it.
    progress : callable, optional
        Called with the completed fraction.

    Returns
    -------
    Window
        With the lags as simulated.

    Raises
    ------
    ValueError
        If a lag has no unit, is not finite or off the grid, or the weight starts outside the bounds of the rule.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.rules import stdp_pair
    >>> window = stdp_window(stdp_pair, [-10, 10] * ms)
    >>> window.dw.round(6).tolist()
    [-0.003184, 0.003033]
    """
    rule = rules.find(rule)
    if lags is None:
        lags = np.linspace(-100, 100, 81) * ms
    lags = _row("lags", on_grid("a lag", lags, dt, round_times=round_times)) * second
    check_pairs(lags.size)
    protocol = protocols.pairing(lags, repeats=repeats, frequency=frequency, dt=dt)
    dw = weight_changes(rule, protocol, w0=w0, device=device, dt=dt, seed=seed, progress=progress)
    return Window(rule=rule.name, lags=lags, dw=dw, repeats=repeats, frequency=frequency, w0=w0)


def frequency_response(
    rule: PlasticityRule | str,
    frequencies: Quantity | None = None,
    *,
    lags: Quantity | None = None,
    repeats: int = 60,
    w0: float = 0.5,
    device: Device | str = "numpy",
    dt: Quantity = 0.1 * ms,
    seed: int = 0,
    round_times: bool = False,
    progress: Fraction | None = None,
) -> FrequencyResponse:
    """Measure how the change of the weight depends on the frequency of the pairings.

    Parameters
    ----------
    rule : PlasticityRule or str
    frequencies : Quantity, optional
        1, 5, 10, 15, ... 50 Hz when left out.
    lags : Quantity, optional
        10 and -10 ms when left out.
    repeats : int
        How many pairings.
    w0, device, dt, seed, round_times, progress
        As in ``stdp_window``.

    Returns
    -------
    FrequencyResponse
        ``dw`` has shape (lags, frequencies).

    Examples
    --------
    >>> from brian2 import Hz
    >>> from spikehebb.rules import triplet_vc_minimal
    >>> response = frequency_response(triplet_vc_minimal, [20, 50] * Hz, w0=1.0)
    >>> response.dw.round(4).tolist()
    [[0.2278, 0.7627], [-0.3417, 0.7492]]
    """
    rule = rules.find(rule)
    rates = np.array([1, *range(5, 51, 5)]) * Hz if frequencies is None else np.atleast_1d(frequencies)
    _row("frequencies", hertz("frequencies: each", rates))
    lags = np.array([10, -10]) * ms if lags is None else lags
    chosen = _row("lags", on_grid("a lag", lags, dt, round_times=round_times)) * second
    grid_lags, grid_rates = (grid.ravel() for grid in np.meshgrid(chosen / second, rates / Hz, indexing="ij"))
    check_pairs(grid_lags.size)
    protocol = protocols.pairing(grid_lags * second, repeats=repeats, frequency=grid_rates * Hz, dt=dt)
    dw = weight_changes(rule, protocol, w0=w0, device=device, dt=dt, seed=seed, progress=progress)
    return FrequencyResponse(
        rule=rule.name,
        frequencies=rates,
        lags=chosen,
        dw=dw.reshape(len(chosen), len(rates)),
        repeats=repeats,
        w0=w0,
    )


window, frequency = stdp_window, frequency_response  # what they are called in ``import spikehebb as sh``
