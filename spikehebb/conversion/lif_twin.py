"""A twin of ``lif_wta`` in NumPy that adds up its input once, for hundreds of runs with the same input spikes."""

from __future__ import annotations

import numpy as np
from brian2 import Quantity, second
from numpy.typing import NDArray
from scipy import sparse

from spikehebb import devices
from spikehebb.circuits.lif import Inhibition, excitation
from spikehebb.core import Circuit, Float, NeuronModel, Population, Protocol
from spikehebb.simulation.simulate import simulate


def twin(
    drives: NDArray[np.float32],
    *,
    gain: float,
    strength: float,
    drive: float,
    offset: Float,
    tau_m: float,
    dt: float,
    inhibition: Inhibition,
    limit: float = np.inf,
    inhibitory: int = 8,
    tau_inhibition: float = 0.002,
) -> NDArray[np.int64]:
    """Return the spike counts of ``lif_wta`` from its input added up beforehand: the same steps in the same order.

    Parameters
    ----------
    drives : array of float32, shape (steps, presentations, neurons)
        By how much the input spikes of each step raise the potential, at a gain of 1.
    offset : array, shape (neurons,)
        The bias less its mean.
    limit : float
        Give up at so many spikes per presentation.
    """
    presentations, size = drives.shape[1:]
    decay = np.float32(np.exp(-dt / tau_m))
    forgotten = np.exp(-dt / tau_inhibition)
    rest = ((1 - decay) * (drive + gain * offset)).astype(np.float32)
    v = np.zeros((presentations, size), np.float32)
    w = np.zeros((presentations, inhibitory))
    counts = np.zeros((presentations, size), np.int64)
    total = 0
    fired, waiting = np.zeros_like(v, dtype=bool), np.zeros_like(v)  # what arrives waits for the next step
    driven = np.zeros_like(w)
    for arriving in drives:
        v *= decay
        v += rest
        v += waiting
        np.greater(v, 1, out=fired)
        spikes = np.flatnonzero(fired)
        number = np.bincount(spikes // size, minlength=presentations)[:, None]
        counts.ravel()[spikes] += 1
        lowered = number
        if inhibition == "spiking":
            w = w * forgotten + driven
            inhibiting = w > 1
            lowered = np.count_nonzero(inhibiting, axis=1)[:, None]
            w[inhibiting] = 0
            driven = number * excitation(inhibitory)
        np.multiply(arriving, np.float32(gain), out=waiting)
        waiting -= np.float32(strength) * lowered.astype(np.float32)
        if inhibition == "lateral":
            waiting.ravel()[spikes] += np.float32(strength)
        v.ravel()[spikes] = 0
        total += len(spikes)
        if total > limit * presentations:
            break
    return counts


def input_drives(
    weights: Float, inputs: Float, encoder: NeuronModel, *, presentation: Quantity, dt: Quantity, seed: int
) -> NDArray[np.float32]:
    """Return what input spikes add up to in each step, (steps, presentations, neurons), for centred weights."""
    alone = Circuit(name="encoder", populations={"input": Population(model=encoder, size=len(weights))}, projections={})
    protocol = Protocol(stimuli={"input": inputs}, duration=len(inputs) * presentation, presentation=presentation)
    spikes = simulate(alone, protocol, device=devices.NUMPY, dt=dt, seed=seed, record=("input",)).spikes["input"]
    steps = round(float(presentation / dt))
    row, step = np.divmod(np.round(np.asarray(spikes.t / second) / float(dt)).astype(np.int64), steps)
    ones = np.ones(len(spikes), np.float32)
    table = sparse.coo_array((ones, (step * len(inputs) + row, spikes.i)), shape=(steps * len(inputs), len(weights)))
    centred = (weights - weights.mean(axis=1, keepdims=True)).astype(np.float32)
    return np.asarray(table.tocsr() @ centred, np.float32).reshape(steps, len(inputs), -1)
