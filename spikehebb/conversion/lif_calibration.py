"""LIF neurons that compete like a softmax: calibrated, and measured against it.

LIF neurons with subtractive inhibition have no exponential anywhere, so their shares of spikes are not a softmax; they
come near one where gain, inhibition and constant current fit. A fit needs hundreds of runs with the same input
spikes. It is therefore done with a twin of the circuit in NumPy, which adds up the input once; what is reported comes
from the circuit itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from numpy.typing import ArrayLike

from spikehebb import devices
from spikehebb.circuits.lif import Inhibition, lif_wta
from spikehebb.conversion.lif_twin import input_drives, twin
from spikehebb.core import Circuit, Float, Frozen, Images, NeuronModel
from spikehebb.core.seeds import MOST, check_seed
from spikehebb.devices import Device
from spikehebb.encoders import regular
from spikehebb.simulation import present as presenting
from spikehebb.softhebb import Model

FEW, REFINED = 32, 2  # images that judge a random setting, and how many settings are refined with all images


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The result of ``calibrate_lif``: the parameters, and measures of the circuit that has them.

    Parameters
    ----------
    parameters : mapping
        For ``lif_wta``: inhibition, gain, strength, drive, tau_m, encoder.
    inverse_temperature : float
    divergence : float
        Mean Kullback-Leibler divergence, in nats, of the circuit's shares of spikes from the softmax.
    spikes : float
        Output spikes per presentation, on average.
    silent : float
        Part of the presentations without an output spike.
    agreement : float
        Part of the presentations in which the most active neuron (of several the first) is that of the largest
        potential.
    images, seed : int
        How many images the fit and these figures come from, and the seed.
    """

    parameters: Mapping[str, Any]
    inverse_temperature: float
    divergence: float
    spikes: float
    silent: float
    agreement: float
    images: int
    seed: int


def calibrate_lif(
    network: Model | ArrayLike,
    images: Images | ArrayLike,
    *,
    inverse_temperature: float | None = None,
    bias: ArrayLike | None = None,
    inhibition: Inhibition = "lateral",
    encoder: NeuronModel = regular,
    tau_m: Quantity = 20 * ms,
    presentation: Quantity = 50 * ms,
    dt: Quantity = 1 * ms,
    spikes: tuple[float, float] = (10, 100),
    evaluations: int = 240,
    seed: int = 0,
    device: Device | str | None = None,
) -> Calibration:
    """Fit gain, inhibition and constant current of ``lif_wta`` so that its shares of spikes come near a softmax.

    What is minimized is the mean over images of the Kullback-Leibler divergence of ``shares`` (one presentation
    each) from ``softmax(inverse_temperature*u)``, ``u = x W + b``, ``x`` the pixels from 0 to 1. A presentation
    without spikes costs the logarithm of the number of neurons on top. Random settings first, the best of them
    refined with the method of Nelder and Mead.

    Parameters
    ----------
    network : Model, or array_like of shape (inputs, neurons)
        A SoftHebb model, of which the first layer is taken, or weights.
    images : Images, or array_like of shape (presentations, inputs)
        Training images, a few hundred; an array is what the input neurons are presented.
    inverse_temperature : float, optional
        That of the layer when left out.
    bias : array_like, shape (neurons,), optional
        For weights; a model has its own.
    inhibition, encoder, tau_m
        As ``lif_wta`` takes them.
    presentation, dt : Quantity
        How long an image is shown, and the time step.
    spikes : (float, float)
        The fewest and the most output spikes per presentation, on average.
    evaluations : int
        How many settings are tried, half of them random.
    seed : int
        Of the input spikes and of the fit.
    device : Device or str, optional
        For the circuit; the fastest available one when left out.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If the layer is none that ``lif_wta`` can be, shapes do not fit, or the calibrated circuit is dead or saturated.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> weights = np.random.default_rng(0).random((64, 5)) / 8
    >>> calibration = calibrate_lif(weights, load("digits", "train")[:20], inverse_temperature=2, device=NUMPY)
    >>> calibration.divergence < 0.5
    True
    """
    check_seed(seed)
    weights, offset, t = _layer(network, bias, inverse_temperature)
    inputs = _pixels(images, weights)
    low, high = spikes
    if evaluations < 20:
        raise ValueError(f"calibrate_lif: evaluations must be at least 20, got {evaluations}.")
    if not 0 < low < high:
        raise ValueError(f"calibrate_lif: spikes must be (fewest, most) with 0 < fewest < most, got {spikes}.")
    potentials = inputs @ weights + offset
    target = softmax(potentials, t)
    fixed = {"inhibition": inhibition, "encoder": encoder, "tau_m": tau_m}
    lif_wta(weights, bias=offset, **fixed)  # complains before any work is done
    drives = input_drives(weights, inputs, encoder, presentation=presentation, dt=dt, seed=seed) / (
        float(encoder.parameters["max_rate"] * tau_m)
    )
    centred = offset - offset.mean()
    above = float(np.mean(potentials.max(axis=1) - potentials.mean(axis=1))) or 1.0
    steps: dict[str, Any] = {"tau_m": float(tau_m), "dt": float(dt), "inhibition": inhibition, "limit": 10 * high}

    def setting(x: Float) -> dict[str, Any]:
        # reach: what the strongest neuron of an image is driven to, on average, above the threshold
        gain, strength, reach = np.exp(np.clip(x, -20, 20))
        return {"gain": gain / above, "strength": strength, "drive": 1 + reach - gain}

    def cost(x: Float, some: slice = slice(None)) -> float:
        values = setting(x)
        counts = twin(drives[:, some], offset=centred, **values, **steps)
        mean = counts.sum(axis=1).mean()
        outside = max(0.0, np.log(max(mean, 1e-3) / high), np.log(low / max(mean, 1e-3)))
        silent = np.mean(counts.sum(axis=1) == 0) * np.log(weights.shape[1])
        return float(divergence(target[some], counts).mean() + silent + 10 * outside)

    rng = np.random.default_rng(seed)
    ranges = np.log([(0.3, 10), (0.01, 5), (0.1, 10)])
    few = slice(0, FEW)
    starts = sorted(
        ranges[:, 0] + np.ptp(ranges, axis=1) * rng.random((evaluations // 2, 3)), key=lambda x: cost(x, few)
    )[:REFINED]
    fits = [_refine(cost, start, evaluations // 4) for start in starts]
    best = setting(min(fits, key=lambda fit: float(fit.fun)).x)
    parameters = {**fixed, **{name: float(value) for name, value in best.items()}}
    circuit = lif_wta(weights, bias=offset, **parameters)
    counts = present(circuit, inputs, presentation=presentation, dt=dt, seed=seed, device=device)[0].toarray()
    check_counts(counts, round(float(presentation / dt)))
    totals = counts.sum(axis=1)
    return Calibration(
        parameters=Frozen(parameters),
        inverse_temperature=t,
        divergence=float(divergence(target, counts).mean()),
        spikes=float(totals.mean()),
        silent=float(np.mean(totals == 0)),
        agreement=float(np.mean(counts.argmax(axis=1) == potentials.argmax(axis=1))),
        images=len(inputs),
        seed=seed,
    )


def softmax(potentials: ArrayLike, inverse_temperature: float) -> Float:
    """Return ``softmax(t*u)`` of every row.

    Examples
    --------
    >>> softmax([[0, 0]], 3).tolist()
    [[0.5, 0.5]]
    """
    u = np.asarray(potentials, float)
    grown = np.exp(inverse_temperature * (u - u.max(axis=-1, keepdims=True)))
    probabilities: Float = grown / grown.sum(axis=-1, keepdims=True)
    return probabilities


def shares(counts: ArrayLike) -> Float:
    """Return the shares of spikes, smoothed so that none is 0.

    With ``n`` spikes of ``d`` of the ``K`` neurons a share is ``(count + d/K)/(n + d)``: the more neurons were seen
    only now, the more is left for those not seen yet (Witten and Bell, IEEE Trans. Inf. Theory 37:1085, 1991).
    Without spikes all shares are ``1/K``.

    Parameters
    ----------
    counts : array_like of int, shape (presentations, neurons)

    Examples
    --------
    >>> shares([[4, 0], [0, 0]]).tolist()
    [[0.9, 0.1], [0.5, 0.5]]
    """
    table = np.asarray(counts, float)
    size = table.shape[1]
    seen = np.count_nonzero(table, axis=1)[:, None]
    whole = table.sum(axis=1, keepdims=True) + seen
    smoothed: Float = np.where(whole > 0, (table + seen / size) / np.maximum(whole, 1), 1 / size)
    return smoothed


def divergence(target: ArrayLike, counts: ArrayLike) -> Float:
    """Return the Kullback-Leibler divergence of the smoothed shares from a distribution, for each row, in nats.

    Parameters
    ----------
    target : array_like, shape (presentations, neurons)
        Rows sum to 1.
    counts : array_like of int, shape (presentations, neurons)

    Examples
    --------
    >>> divergence([[0.5, 0.5]], [[3, 3]]).tolist()
    [0.0]
    """
    p = np.asarray(target, float)
    terms = p * np.log(np.maximum(p, 1e-300) / shares(counts))
    divergences: Float = terms.sum(axis=1)
    return divergences


def present(
    circuit: Circuit,
    images: Images | ArrayLike,
    *,
    presentation: Quantity = 50 * ms,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    device: Device | str | None = None,
    replicas: int | None = None,
    encode: Callable[[Any], Any] = presenting.as_they_are,
    watch: presenting.Watch | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Any, float]:
    """Show images to a circuit of LIF neurons and count who fired.

    Parameters
    ----------
    circuit : Circuit
        With populations ``input`` and ``output``.
    images : Images, or array_like of shape (presentations, inputs)
    seed : int
        Of the first chunk of images; the next ones have the next numbers.
    encode : callable
        What the input neurons are presented of images; pixels from 0 to 1, not scaled to unit length, when left out.

    Returns
    -------
    scipy.sparse.csr_array of int, shape (images, neurons)
    float
        Seconds of the compiled programs, or of NumPy.
    """
    return presenting.present(
        circuit,
        images,
        presentation=presentation,
        dt=dt,
        device=devices.find(device),
        seed=lambda number: (seed + number) % MOST,
        encode=encode,
        replicas=replicas,
        watch=watch,
        progress=progress,
    )


def check_counts(counts: ArrayLike, steps: int) -> None:
    """Raise ``ValueError`` if a circuit is dead (no output spike) or saturated (a spike of all in every step).

    Parameters
    ----------
    counts : array_like of int, shape (presentations, neurons)
    steps : int
        Time steps in a presentation.
    """
    table = np.asarray(counts)
    if not table.any():
        raise ValueError(
            f"the LIF circuit is dead: none of its {table.shape[1]} output neurons fired in {len(table)} "
            "presentations; raise gain or drive, or give brighter images."
        )
    # The first step of a presentation starts from the reset.
    if table.min() >= steps - 1:
        raise ValueError(
            f"the LIF circuit is saturated: all of its {table.shape[1]} output neurons fired in every time step of "
            f"{len(table)} presentations; lower gain or drive, or raise strength."
        )


def _refine(cost: Callable[[Float], float], start: Float, evaluations: int) -> Any:
    from scipy.optimize import minimize

    simplex = np.vstack([start, start + 0.4 * np.eye(len(start))])
    options = {"maxfev": evaluations, "initial_simplex": simplex}
    return minimize(cost, start, method="Nelder-Mead", options=options)


def _layer(network: Model | ArrayLike, bias: ArrayLike | None, t: float | None) -> tuple[Float, Float, float]:
    """Return weights (inputs, neurons), bias and inverse temperature."""
    if isinstance(network, Model):
        layer, learned = network.network.layers[0], network.layers[0]
        if layer.kernel or layer.batch_norm:
            raise ValueError(
                "calibrate_lif: the model's first layer has "
                f"{'a kernel' if layer.kernel else 'batch normalization'}, but lif_wta is one dense layer without; "
                "give its folded weights and bias instead of the model."
            )
        if bias is not None:
            raise ValueError("calibrate_lif: a model has its own bias; leave bias out.")
        network, bias = learned.weight.T, learned.bias
        t = layer.inverse_temperature if t is None else t
    weights = np.asarray(network, float)
    if weights.ndim != 2:
        raise ValueError(f"calibrate_lif: weights must be (inputs, neurons), got shape {weights.shape}.")
    if t is None or not t > 0:
        raise ValueError(f"calibrate_lif: inverse_temperature must be above 0, got {t}.")
    offset = np.zeros(weights.shape[1]) if bias is None else np.asarray(bias, float)
    return weights, offset, float(t)


def _pixels(images: Images | ArrayLike, weights: Float) -> Float:
    inputs = np.asarray(presenting.as_they_are(images), np.float64)
    if inputs.ndim != 2 or inputs.shape[1] != len(weights):
        name = images.name if isinstance(images, Images) else "the array"
        raise ValueError(
            f"calibrate_lif: {name} has {inputs.shape[-1]} pixels per image, but the weights have "
            f"{len(weights)} inputs."
        )
    return inputs
