"""Input populations: neurons that turn what is presented to them into spikes.

``stimulus(t, i)`` is the value presented to neuron ``i`` at time ``t``; ``spike_time(k*second, i)`` is the time of
its ``k``-th recorded spike. Both come from the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brian2 import Hz, Quantity, ms, mV
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter1d

from spikehebb.catalogue import collected
from spikehebb.core import Float, NeuronModel
from spikehebb.core.times import seconds

poisson = NeuronModel(
    name="poisson",
    summary="Poisson spikes at max_rate times the presented value",
    equations="rate : Hz (constant)",
    threshold="rand() < rate*dt",
    frame="rate = max_rate*stimulus(t, i)",
    parameters={"max_rate": 1000 * Hz},
    roles={"max_rate": "rate"},
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
    frame="""
        rate = max_rate*stimulus(t, i)
        next_spike = t + (0.5 + jitter*(rand() - 0.5))/rate
    """,
    parameters={"max_rate": 1000 * Hz, "jitter": 1.0},
    roles={"max_rate": "rate", "jitter": "factor"},
)

spike_source = NeuronModel(
    name="spike_source",
    summary="Replays recorded spikes",
    equations="k : integer",
    # Half a step of tolerance: times on the grid must not depend on how t was rounded.
    threshold="t + dt/2 >= spike_time(k*second, i)",
    reset="k += 1",
)

word_source = NeuronModel(
    name="word_source",
    summary="Replays the recorded spikes of a presentation, step by step the bits of the number presented",
    equations="word : 1",
    threshold="word % 2 >= 1",
    frame="word = 2*stimulus(t, i)",
    update="word = (word - word % 2)/2",  # floor() makes 32-bit numbers on NumPy
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

modulated_source = NeuronModel(
    name="modulated_source",
    summary="Replays recorded spikes and receives dopamine, for rules with a third factor",
    equations="""
        k : integer
        dopamine : 1
    """,
    threshold=spike_source.threshold,
    reset=spike_source.reset,
)

reward_source = NeuronModel(
    name="reward_source",
    summary="Replays recorded rewards; each raises dopamine, which then decays",
    equations="""
        k : integer
        ddopamine/dt = -dopamine/tau_dopamine : 1
    """,
    threshold=spike_source.threshold,
    reset="k += 1; dopamine += burst",
    parameters={"tau_dopamine": 200 * ms, "burst": 0.5},
    reference="Izhikevich, Cerebral Cortex 17:2443-2452, 2007",
)

clamped_source = NeuronModel(
    name="clamped_source",
    summary="Replays recorded spikes, each t_clamp long at v_peak; potential_late is the potential filter_delay ago",
    # An integrate-and-fire neuron has no spike of its own, and voltage-based rules live on it.
    equations="""
        k : integer
        k_late : integer
        clamped_until : second
        clamped_until_late : second
        dv/dt = (v_rest - v)/tau_m*int(t > clamped_until - dt/2) : volt
        dv_late/dt = (v_rest - v_late)/tau_m*int(t > clamped_until_late - dt/2) : volt
        potential = v + (v_peak - v)*int(t < clamped_until - dt/2) : volt
        potential_late = v_late + (v_peak - v_late)*int(t < clamped_until_late - dt/2) : volt
    """,
    threshold=spike_source.threshold,
    reset="k += 1; v = v_reset; clamped_until = t + dt + t_clamp",
    onset="v = v_rest; v_late = v_rest",
    update="""
        late = int(t + dt/2 >= spike_time(k_late*second, i) + filter_delay)
        k_late += late
        v_late += late*(v_reset - v_late)
        clamped_until_late += late*(t + dt + t_clamp - clamped_until_late)
    """,
    method="exponential_euler",
    parameters={
        "v_rest": -70.6 * mV,
        "v_reset": -49.6 * mV,
        "v_peak": 33 * mV,
        "t_clamp": 2 * ms,
        "tau_m": 30 * ms,
        "filter_delay": 4 * ms,
    },
    reference="Clopath, Buesing, Vasilaki and Gerstner, Nature Neuroscience 13:344-352, 2010 (spike of 2 ms at 33 mV); "
    "v_reset and tau_m stand for the after-depolarization of their neuron; delay as in NEST's example",
)

rate_source = NeuronModel(
    name="rate_source",
    summary="A rate x, as presented",
    equations="x : 1",
    frame="x = stimulus(t, i)",
)

centred_source = NeuronModel(
    name="centred_source",
    summary="A rate x, as presented, and its mean mu, which is given",
    equations="""
        x : 1
        mu : 1
    """,
    frame="x = stimulus(t, i)",
)

running_source = NeuronModel(
    name="running_source",
    summary="A rate x, as presented, centred by its running mean, which follows x at the rate follow (0 for a bias)",
    # A layer that sums w*x need not change its bias when the mean moves: the bias input (x = 1) is centred by offset,
    # the sum of mean*(x - mean) over the other inputs, so that w*(x - mu) is learnt as if the sum were centred, too.
    equations="""
        x : 1
        offset : 1
        dmean/dt = follow*(x - mean) : 1
        mu = mean + offset : 1
    """,
    frame="x = stimulus(t, i)",
    method="euler",
    parameters={"follow": 0.1 * Hz},
    roles={"follow": "rate"},
    reference="Melchior, Schiewer and Wiskott, Neural Computation 36:1669-1712, 2024 (moving offsets)",
)

cue_source = NeuronModel(
    name="cue_source",
    summary="A rate x, as presented, for t_cue from the onset of a presentation on, then 0",
    equations="""
        shown : 1
        began : second
        x = shown*int(t - began < t_cue - dt/2) : 1
    """,
    frame="shown = stimulus(t, i); began = t",
    parameters={"t_cue": 1 * ms},
)

ENCODERS = collected(NeuronModel, globals())


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


def oriented_edges(
    pixels: ArrayLike,
    *,
    directions: int = 8,
    scale: float = 0.7,
    spread: float = 1.0,
    pool: int = 2,
    power: float = 1.0,
) -> Float:
    """Return how strongly images brighten in each direction, around every so many pixels.

    Gradients of the smoothed image, half-rectified along each direction, then averaged by cells that pool.

    Parameters
    ----------
    pixels : array_like, shape (n, height, width)
    directions : int
        Evenly spaced, the first to the right, the next ones downwards.
    scale, spread : float
        Standard deviations, in pixels, of the Gaussians that smooth the image and the edges.
    pool : int
        A cell averages so many pixels in height and in width.
    power : float
        To which the averages are raised: 0.5 lifts weak edges.

    Returns
    -------
    array, shape (n, directions, height//pool, width//pool)

    References
    ----------
    Riesenhuber and Poggio, Nature Neuroscience 2, 1999 (simple and complex cells).

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.encoders import oriented_edges
    >>> step = np.repeat([[0, 0, 0, 0, 1, 1, 1, 1]], 8, axis=0)[None]
    >>> oriented_edges(step, directions=4).sum(axis=(2, 3)).round(2).tolist()
    [[1.72, 0.22, 0.42, 0.22]]
    """
    images = np.asarray(pixels, float)
    if images.ndim != 3 or min(images.shape[1:]) < max(pool, 3):
        raise ValueError(f"edges are of grey images (n, height, width) of 3 x 3 pixels or more, got {images.shape}.")

    def smooth(stack: Float, sigma: float) -> Float:
        return np.asarray(
            gaussian_filter1d(gaussian_filter1d(stack, sigma, 1, mode="constant"), sigma, 2, mode="constant")
        )

    down, right = np.gradient(smooth(images, scale), axis=(1, 2))
    height, width = (side // pool for side in images.shape[1:])
    found = np.empty((len(images), directions, height, width))
    for number, angle in enumerate(2 * np.pi * np.arange(directions) / directions):
        along = smooth(np.maximum(right * np.cos(angle) + down * np.sin(angle), 0), spread)
        cells = along[:, : height * pool, : width * pool].reshape(len(images), height, pool, width, pool)
        found[:, number] = cells.mean(axis=(2, 4))
    return found**power


def spike_rows(trains: Sequence[Quantity]) -> Float:
    """Return the stimulus of a ``spike_source``: one column per neuron, padded with infinity.

    Parameters
    ----------
    trains : sequence of Quantity
        For each neuron its spike times, in increasing order.
    """
    columns = [
        np.atleast_1d(seconds(f"spike train {neuron}: a spike time", train, least=0.0))
        for neuron, train in enumerate(trains)
    ]
    for neuron, column in enumerate(columns):
        if column.ndim != 1:
            raise ValueError(f"spike train {neuron}: times must be a row of numbers, got the shape {column.shape}.")
        if np.any(np.diff(column) <= 0):
            raise ValueError(f"spike train {neuron}: times must be increasing, one after the other.")
    rows = np.full((max(map(len, columns)) + 1, len(columns)), np.inf)
    for neuron, column in enumerate(columns):
        rows[: len(column), neuron] = column
    return rows
