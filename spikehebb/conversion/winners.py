"""How well the spikes of a competition are samples of the softmax that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb import devices
from spikehebb.conversion import spike_words
from spikehebb.conversion.network import SpikingNetwork
from spikehebb.conversion.present import run, seed_of, visits
from spikehebb.conversion.to_spiking import competition
from spikehebb.core import Float, Images
from spikehebb.devices import Device
from spikehebb.softhebb import Model, numerics
from spikehebb.softhebb.backend import one_by_one
from spikehebb.softhebb.plasticity import potentials
from spikehebb.softhebb.training import forward, place

_DRAWS = 20  # of the multinomial, to know what sampling alone would give


@dataclass(frozen=True, kw_only=True)
class Winners:
    """Winners in spikes against the softmax of the rate layer, means over positions.

    Parameters
    ----------
    positions, spikes : int, float
        How many positions of images were evaluated, and output spikes at each.
    divergence : float
        Kullback-Leibler divergence of the spike shares from the softmax, in nats.
    sampling : float
        What it would be if as many spikes were drawn from the softmax itself.
    agreement : float
        How often the unit with the most spikes is the one with the largest potential.
    """

    positions: int
    spikes: float
    divergence: float
    sampling: float
    agreement: float


def winners(
    model: Model,
    network: SpikingNetwork,
    images: Images,
    number: int,
    *,
    positions: int = 200,
    device: Device | str | None = None,
    seed: int = 0,
) -> Winners | None:
    """Compare the competition of a layer, in spikes and fed by spikes, with that of the rate network.

    Returns
    -------
    Winners or None
        None for a layer without soft competition.
    """
    layer = model.network.layers[number]
    if layer.plasticity not in ("soft", "soft-anti-hebbian") or layer.pre_triangle:
        return None
    device = devices.find(device)
    shown = next(visit.shown for visit in visits(network, images, device, seed) if visit.number == number)
    rng = np.random.default_rng((seed, number))
    chosen = np.sort(rng.permutation(len(shown))[:positions])
    circuit = competition(model, number, network)
    recording = run(circuit, shown[chosen], network.timing, device, seed_of(seed, 100 + number))
    fired = spike_words.from_spikes(
        recording.spikes["units"],
        neurons=layer.units,
        presentations=len(chosen),
        steps=network.timing.steps,
        dt=recording.dt,
    )
    counts = spike_words.counts(fired).astype(np.int64)
    u = _potentials(model, images, number)[chosen]
    softmax = numerics.softmax(u.astype(np.float64), layer.inverse_temperature)
    drawn = [rng.multinomial(counts.sum(axis=1), softmax) for _ in range(_DRAWS)]
    return Winners(
        positions=len(chosen),
        spikes=float(counts.sum(axis=1).mean()),
        divergence=float(divergences(counts, softmax).mean()),
        sampling=float(np.mean([divergences(table, softmax).mean() for table in drawn])),
        agreement=float(np.mean(counts.argmax(axis=1) == u.argmax(axis=1))),
    )


def divergences(counts: Any, expected: Any) -> Float:
    """Return the Kullback-Leibler divergence, in nats, of each row's shares of spikes from the expected ones.

    Examples
    --------
    >>> divergences(np.array([[2, 2], [4, 0]]), np.array([[0.5, 0.5], [0.5, 0.5]])).round(3).tolist()
    [0.0, 0.693]
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ratio = np.where(shares > 0, shares, 1) / np.maximum(np.where(shares > 0, expected, 1), 1e-300)
    return np.asarray((shares * np.log(ratio)).sum(axis=1))


def _potentials(model: Model, images: Images, number: int) -> Any:
    """Return u of a layer at every position of images, (positions, units), from the rate network."""
    placed = [place(*pair, np) for pair in zip(model.network.layers, model.layers, strict=True)]
    pixels = images.intensities()
    x = pixels[..., None] if pixels.ndim == 3 else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    x = forward(placed[:number], x, one_by_one)
    own = placed[number]
    if own.layer.batch_norm:
        x = numerics.standardize(x, own.mean, own.variance)
    rows, _ = numerics.inputs(own.layer, x)
    return potentials(own.layer, own.weight, own.bias, rows)
