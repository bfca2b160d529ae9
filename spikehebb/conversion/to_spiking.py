"""From a SoftHebb model to spikes: weights, gains, circuits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Hz, ms

from spikehebb.circuits import softmax_column, triangle_column
from spikehebb.conversion.network import SpikingNetwork, Stage, Timing
from spikehebb.core import Circuit, Images, NeuronModel
from spikehebb.encoders import regular, word_source
from spikehebb.softhebb import Layer, Model, numerics
from spikehebb.softhebb.backend import one_by_one
from spikehebb.softhebb.network import Network
from spikehebb.softhebb.training import check_images, forward, host, place

_TOGETHER = 10  # calibration images that are evaluated at once
_TOP_SHARE = 0.05  # of a layer's activations that may exceed the highest rate
_POWERS = ("triangle", "repu", "relu")


def to_spiking(model: Model, calibration: Images, timing: Timing | None = None) -> SpikingNetwork:
    """Convert a SoftHebb network into a spiking one.

    Every layer becomes a column of neurons that stands at every position of the image (``Stage``). Batch normalization
    is folded into weights and biases, which is exact because padding is by reflection. The units' rates are the layer's
    forward activation: Triangle by an inhibitory unit that takes the mean over units away, the power by the law
    between drive and rate. Maxima are pooled by counting spikes.

    Parameters
    ----------
    model : Model
    calibration : Images
        Training images, a few hundred, never test images: they determine which activation gets the highest rate.
    timing : Timing, optional
        ``timing_for(model.network)`` when left out.

    Returns
    -------
    SpikingNetwork

    Raises
    ------
    ValueError
        If the images do not fit, a layer has no spiking form, or a layer is silent or saturated on these images.

    References
    ----------
    Journe et al., ICLR 2023 (the rate network); Rueckauer et al., Front. Neurosci. 11:682, 2017 (rates from reset by
    subtraction, largest count as maximum).

    Examples
    --------
    >>> from spikehebb.conversion import to_spiking
    >>> from spikehebb.datasets import load
    >>> from spikehebb.softhebb import Layer, Model, Network, training
    >>> network = Network(image_shape=(1, 8, 8), layers=(Layer(units=12, kernel=3, padding=1),))
    >>> model = Model(network=network, layers=training.start(network, 0))
    >>> to_spiking(model, load("digits", "train")[:50]).stages[0].weights.shape
    (9, 12)
    """
    timing = timing or timing_for(model.network)
    return assemble(model, gains(model, calibration, timing), timing)


def gains(model: Model, calibration: Images, timing: Timing) -> tuple[float, ...]:
    """Return, for every layer, the rate in Hz that stands for an activation of 1.

    Raises
    ------
    ValueError
        If a layer is silent or saturated on the calibration images.
    """
    check_images(model.network, calibration)
    check_forms(model.network)
    pixels = calibration.intensities()
    x = pixels[..., None] if pixels.ndim == 3 else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    rates = []
    for number, (layer, weights) in enumerate(zip(model.network.layers, model.layers, strict=True)):
        placed, unpooled = place(layer, weights, np), dataclasses.replace(layer, pool=None)
        bare = dataclasses.replace(placed, layer=unpooled)
        active = np.concatenate(
            [_sample(host(forward([bare], x[at : at + _TOGETHER], one_by_one))) for at in range(0, len(x), _TOGETHER)]
        )
        if layer.activation == "softmax":
            rates.append(timing.rate_hz)
        else:
            top = float(np.percentile(active, timing.percentile))
            if not top > 0:
                raise ValueError(
                    f"layer {number} is silent: {timing.percentile:g} % of its activations on {calibration.name} "
                    f"({len(calibration)} images) are 0; give other calibration images or a higher percentile."
                )
            over = float(np.mean(active > top * 1000 / timing.dt_ms / timing.top_rate_hz))
            if over > _TOP_SHARE:
                raise ValueError(
                    f"layer {number} is saturated: {100 * over:.0f} % of its activations on {calibration.name} ask for "
                    "more than one spike per time step; take a higher percentile or a lower top_rate_hz."
                )
            rates.append(timing.top_rate_hz / top)
        x = np.concatenate(
            [host(forward([placed], x[at : at + _TOGETHER], one_by_one)) for at in range(0, len(x), _TOGETHER)]
        )
    return tuple(rates)


def assemble(
    model: Model, gains: tuple[float, ...], timing: Timing, header: Mapping[str, Any] | None = None
) -> SpikingNetwork:
    """Return the spiking network with these gains, one for each layer in Hz."""
    check_forms(model.network)
    network, stages = model.network, []
    input_rate, latency, remarks = timing.input_rate_hz, 0, []
    if len(gains) != len(network.layers) or not all(np.isfinite(gain) and gain > 0 for gain in gains):
        raise ValueError(f"{len(network.layers)} layers need as many gains above 0, got {gains}.")
    for number, (layer, gain) in enumerate(zip(network.layers, gains, strict=True)):
        weights, bias = folded(model, number)
        alone = number == 0 and not layer.kernel and timing.order == "together"
        encoder = encoder_of(timing) if alone else word_source
        shape, pooled = network.shapes[number], network.shapes[number + 1]
        stage = Stage(
            layer=layer,
            circuit=_circuit(layer, weights, bias, gain, input_rate, latency, timing, encoder),
            input_shape=shape,
            output_shape=pooled,
            positions=layer.grid(*shape[1:]),
            gain=gain,
            latency=latency,
        )
        stages.append(stage)
        remarks += _remarks(number, layer, last=number == len(network.layers) - 1)
        input_rate = gain
        if timing.order == "together":
            latency += 1 + (layer.pool is not None)
    if stages[-1].latency + 2 >= timing.steps:
        raise ValueError(
            f"an image is shown for {timing.steps} time steps, but the last of {len(stages)} layers has input only "
            f"from step {stages[-1].latency} on; show it longer."
        )
    return SpikingNetwork(
        timing=timing, stages=tuple(stages), readout=model.readout, remarks=tuple(remarks), header=header or {}
    )


def encoder_of(timing: Timing) -> NeuronModel:
    """Return the neurons that turn pixels into spikes."""
    return regular.with_parameters(max_rate=timing.input_rate_hz * Hz, jitter=timing.jitter)


def timing_for(network: Network, **changes: Any) -> Timing:
    """Return how a network is best run: one layer together, several in turn.

    Examples
    --------
    >>> from spikehebb.softhebb import Layer, Network
    >>> timing_for(Network(image_shape=(1, 8, 8), layers=(Layer(units=4), Layer(units=4))), present_ms=30).order
    'in turn'
    """
    several: dict[str, Any] = {"order": "in turn", "jitter": 0.0} if len(network.layers) > 1 else {}
    return Timing(**several | changes)


def competition(model: Model, number: int, network: SpikingNetwork) -> Circuit:
    """Return the second circuit of a layer: its soft competition, whose spikes are samples of ``softmax(t*u)``.

    Parameters
    ----------
    model : Model
    number : int
        Of the layer.
    network : SpikingNetwork
        From ``to_spiking`` and the model; it has the rates of the layer's inputs.

    Returns
    -------
    Circuit
        A column with the weights, temperature and bias of the layer. Units of ``input`` are the stage's.

    Raises
    ------
    ValueError
        If there is no such layer, or it does not compete softly.
    """
    if not 0 <= number < len(model.layers):
        raise ValueError(f"the model has layers 0 to {len(model.layers) - 1}, got {number}.")
    layer, stage = model.network.layers[number], network.stages[number]
    if layer.plasticity not in ("soft", "soft-anti-hebbian") or layer.pre_triangle:
        what = "rectifies before it competes" if layer.pre_triangle else f"has plasticity {layer.plasticity}"
        raise ValueError(f"layer {number} {what}, so that it has no plain softmax to sample.")
    weights, bias = folded(model, number)
    timing = network.timing
    return softmax_column(
        weights,
        bias=bias,
        inverse_temperature=layer.inverse_temperature,
        rate=timing.rate_hz * Hz,
        input_rate=(network.stages[number - 1].gain if number else timing.input_rate_hz) * Hz,
        latency=stage.latency * timing.dt_ms * ms,
        settle=timing.settle_ms * ms,
        encoder=stage.circuit.populations["input"].model,
    )


def check_forms(network: Network) -> None:
    """Raise ``ValueError`` if a layer has no spiking form."""
    for number, layer in enumerate(network.layers):
        if layer.activation == "tanh":
            raise ValueError(
                f"layer {number} has activation tanh, whose negative values no rate can stand for; "
                f"convert networks with {', '.join(_POWERS)} or softmax."
            )
        without = {
            "whitening": layer.whitening > 0,
            "sample_norm": layer.sample_norm,
            "activation winners": layer.activation == "winners",
        }
        if found := [name for name, is_there in without.items() if is_there]:
            raise ValueError(
                f"layer {number} has {', '.join(found)}, for which there are no spiking columns yet; convert networks "
                "without, such as SoftHebb's presets."
            )


def folded(model: Model, number: int) -> tuple[Any, Any]:
    """Return weights (inputs, units) and biases (units,) of a layer, with its batch normalization in them.

    Inputs come in the order (row, column, channel), or (channel, row, column) for a dense layer.
    """
    layer = model.network.layers[number]
    placed = place(layer, model.layers[number], np)
    weight, bias = placed.weight.astype(np.float64), placed.bias.astype(np.float64)
    if layer.batch_norm:
        channels = len(placed.mean)
        axis = -1 if layer.kernel else 1
        parts = weight.reshape(layer.units, -1, channels) if layer.kernel else weight.reshape(layer.units, channels, -1)
        scale = 1 / np.sqrt(placed.variance.astype(np.float64) + numerics.EPSILON)
        shift = placed.mean.astype(np.float64) * scale
        along = (slice(None),) if axis == -1 else (slice(None), None)
        bias = bias - (parts * shift[along]).sum(axis=(1, 2))
        weight = (parts * scale[along]).reshape(layer.units, -1)
    return np.ascontiguousarray(weight.T), bias


def _circuit(
    layer: Layer, weights: Any, bias: Any, gain: float, input_rate: float, latency: int, timing: Timing, encoder: Any
) -> Circuit:
    common = {"bias": bias, "input_rate": input_rate * Hz, "latency": latency * timing.dt_ms * ms, "encoder": encoder}
    if layer.activation == "softmax" and timing.order == "in turn":
        raise ValueError("a layer that hands on a softmax fires while it listens; convert it with order together.")
    if layer.activation == "softmax":
        return softmax_column(weights, inverse_temperature=layer.exponent, rate=gain * Hz, **common)
    return triangle_column(
        weights,
        exponent=1.0 if layer.activation == "relu" else layer.exponent,
        centred=layer.activation == "triangle",
        pre_triangle=layer.pre_triangle,
        gain=gain * Hz,
        listen=timing.present_ms * ms if timing.order == "in turn" else None,
        stochastic=timing.neurons == "stochastic",
        **common,
    )


def _remarks(number: int, layer: Layer, *, last: bool) -> list[str]:
    """Return what is not exactly as in the rate layer."""
    remarks = []
    if layer.pool is not None and layer.pool.kind == "average" and not last:
        remarks.append(f"layer {number}: averages are pooled by integrate-and-fire units, which round to whole spikes")
    if layer.activation == "softmax" and layer.pool is not None:
        remarks.append(f"layer {number}: maxima are those of sampled spikes, not of probabilities")
    return remarks


def _sample(active: Any) -> Any:
    """Return some activations of a few images, enough for a percentile."""
    flat = active.ravel()
    return flat[:: max(len(flat) // 200_000, 1)]
