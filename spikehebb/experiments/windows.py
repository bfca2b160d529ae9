"""STDP windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import Hz, Quantity, ms

from spikehebb import devices, protocols
from spikehebb.circuits import synapse_pair
from spikehebb.core import Float, PlasticityRule
from spikehebb.devices import Device
from spikehebb.simulate import simulate


@dataclass(frozen=True, kw_only=True)
class Window:
    """An STDP window: the change of the weight for each lag ``t_post - t_pre``."""

    rule: str
    lags: Quantity
    dw: Float
    repeats: int
    frequency: Quantity
    w0: float


def stdp_window(
    rule: PlasticityRule,
    lags: Quantity | None = None,
    *,
    repeats: int = 1,
    frequency: Quantity = 1 * Hz,
    w0: float = 0.5,
    device: Device = devices.NUMPY,
    dt: Quantity = 0.1 * ms,
) -> Window:
    """Measure the window of a rule: pairs of spikes at every lag, all side by side in one network.

    Parameters
    ----------
    rule : PlasticityRule
    lags : Quantity, optional
        ``t_post - t_pre``; every 2.5 ms from -100 to 100 ms when left out.
    repeats, frequency : int, Quantity
        How many pairings, and how often.
    w0 : float
        The weight at the start.
    device : Device
    dt : Quantity

    Returns
    -------
    Window

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.rules import stdp_pair
    >>> window = stdp_window(stdp_pair, [-10, 10] * ms)
    >>> window.dw.round(6).tolist()
    [-0.003184, 0.003033]
    """
    if lags is None:
        lags = np.linspace(-100, 100, 81) * ms
    circuit = synapse_pair(rule, pairs=len(lags), w=w0)
    protocol = protocols.pairing(lags, repeats=repeats, frequency=frequency)
    recording = simulate(circuit, protocol, device=device, dt=dt)
    dw = np.diag(recording.weights["synapse"]) - w0
    return Window(rule=rule.name, lags=lags, dw=dw, repeats=repeats, frequency=frequency, w0=w0)
