"""Input populations: neurons that turn what is presented to them into spikes.

``stimulus(t, i)`` is the value presented to neuron ``i`` at time ``t``; ``spike_time(k*second, i)`` is the time of
its ``k``-th recorded spike. Both come from the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brian2 import Hz, Quantity, ms, second
from numpy.typing import ArrayLike

from spikehebb.core import Float, Frozen, NeuronModel

poisson = NeuronModel(
    name="poisson",
    summary="Poisson spikes at max_rate times the presented value",
    equations="rate : Hz (constant)",
    threshold="rand() < rate*dt",
    onset="rate = max_rate*stimulus(t, i)",
    parameters={"max_rate": 1000 * Hz},
)

regular = NeuronModel(
    name="regular",
    summary="Evenly spaced spikes at max_rate times the presented value, from a random phase (jitter 1) or none (0)",
    # A value of 0 puts the next spike at infinity.
    equations="""
        rate : Hz (constant)
        next_spike : second
    """,
    threshold="t >= next_spike",
    reset="next_spike += 1/rate",
    onset="""
        rate = max_rate*stimulus(t, i)
        next_spike = t + (0.5 + jitter*(rand() - 0.5))/rate
    """,
    parameters={"max_rate": 1000 * Hz, "jitter": 1.0},
)

spike_source = NeuronModel(
    name="spike_source",
    summary="Replays recorded spikes",
    equations="k : integer",
    # Half a step of tolerance: times on the grid must not depend on how t was rounded.
    threshold="t + dt/2 >= spike_time(k*second, i)",
    reset="k += 1",
)

driven_source = NeuronModel(
    name="driven_source",
    summary="Replays recorded spikes and filters its input into u, for rules that read the potential",
    equations="""
        k : integer
        du/dt = -u/tau_m : 1
    """,
    threshold=spike_source.threshold,
    reset=spike_source.reset,
    receive="u_post += w",
    parameters={"tau_m": 20 * ms},
)

ENCODERS = Frozen({model.name: model for model in (poisson, regular, spike_source, driven_source)})


def unit_length(pixels: ArrayLike) -> Float:
    """Return images as rows of length 1, so that every image carries the same amount of input.

    Parameters
    ----------
    pixels : array_like, shape (n, ...)

    Returns
    -------
    array, shape (n, pixels)
        A blank image stays blank.

    Examples
    --------
    >>> from spikehebb.encoders import unit_length
    >>> unit_length([[[3.0, 4.0]]]).tolist()
    [[0.6, 0.8]]
    """
    rows = np.asarray(pixels, dtype=np.float64)
    rows = rows.reshape(len(rows), -1)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def spike_rows(trains: Sequence[Quantity]) -> Float:
    """Return the stimulus of a ``spike_source``: one column per neuron, padded with infinity.

    Parameters
    ----------
    trains : sequence of Quantity
        For each neuron its spike times, in increasing order.
    """
    columns = [np.atleast_1d(np.asarray(train / second, dtype=np.float64)) for train in trains]
    for neuron, column in enumerate(columns):
        if not np.all(np.isfinite(column)) or np.any(column < 0) or np.any(np.diff(column) <= 0):
            raise ValueError(f"spike train {neuron}: times must be finite, not negative and increasing.")
    rows = np.full((max(map(len, columns)) + 1, len(columns)), np.inf)
    for neuron, column in enumerate(columns):
        rows[: len(column), neuron] = column
    return rows
