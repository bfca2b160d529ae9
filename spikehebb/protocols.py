"""Stimulation plans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brian2 import Hz, Quantity, ms, second

from spikehebb.core import Images, Protocol
from spikehebb.encoders import spike_rows, unit_length


def presentations(images: Images, *, duration: Quantity = 50 * ms, population: str = "input") -> Protocol:
    """Return a plan that presents images one after the other, each scaled to unit length.

    Parameters
    ----------
    images : Images
    duration : Quantity
        Of one presentation.
    population : str
        Who sees them; it has one neuron per pixel.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.protocols import presentations
    >>> presentations(load("digits", "test")).duration
    25. * second
    """
    return Protocol(
        stimuli={population: unit_length(images.pixels)},
        duration=len(images) * duration,
        presentation=duration,
        labels=images.labels,
    )


def pairing(lags: Quantity, *, repeats: int = 1, frequency: Quantity = 1 * Hz) -> Protocol:
    """Return a plan that pairs a presynaptic with a postsynaptic spike, one lag for each pair of neurons.

    Parameters
    ----------
    lags : Quantity, shape (pairs,)
        ``t_post - t_pre``; positive is causal.
    repeats : int
        How many pairings.
    frequency : Quantity
        Of the pairings; one period must be longer than the longest lag.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.protocols import pairing
    >>> pairing([-10, 10] * ms).stimuli["post"][0].tolist()
    [0.01, 0.03]
    """
    lag = np.atleast_1d(np.asarray(lags / second, float))
    longest, period = np.abs(lag).max(), float(1 / (frequency / Hz))
    if not np.all(np.isfinite(lag)):
        raise ValueError("pairing: every lag must be a finite time.")
    if repeats < 1:
        raise ValueError(f"pairing: repeats must be at least 1, got {repeats}.")
    if repeats > 1 and period <= 2 * longest:
        raise ValueError(
            f"pairing: at {frequency} a period is {period * second}, too short for a lag of {longest * second}; "
            "take a lower frequency or shorter lags."
        )
    start = 2 * longest + np.arange(repeats) * period  # the earliest spike then comes one longest lag after 0
    pre = [start * second for _ in lag]
    post = [(start + value) * second for value in lag]
    tail = max(longest, 0.001)
    return Protocol(
        stimuli={"pre": spike_rows(pre), "post": spike_rows(post)},
        duration=(start[-1] + longest + tail) * second,
    )


def spike_trains(pre: Sequence[Quantity], post: Sequence[Quantity], *, duration: Quantity) -> Protocol:
    """Return a plan that replays recorded spikes on both sides of ``synapse_pair``.

    Parameters
    ----------
    pre, post : sequence of Quantity
        For each pair of neurons the spike times of one side.
    duration : Quantity
    """
    return Protocol(stimuli={"pre": spike_rows(pre), "post": spike_rows(post)}, duration=duration)
