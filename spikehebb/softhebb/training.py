"""Training without labels: chunks of images, one after the other, each of which a run can go on from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from spikehebb.core import Images
from spikehebb.softhebb import numerics, plasticity
from spikehebb.softhebb.backend import Each, one_by_one
from spikehebb.softhebb.model import Weights, array_shapes
from spikehebb.softhebb.network import Layer, Network, Training

CHUNK = 1000  # images, about: what an interruption can cost
TOGETHER = 16  # images that are evaluated together
WHITENED = 250  # images that are whitened together: the matrix is larger than they are
MOMENTUM = 0.1  # of the running statistics
_START, _ORDER, _POSITIONS = 0, 1, 5  # readout.py has 2 to 4


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of the training: which layers learn, in which epoch, from which images of that epoch's order."""

    layers: tuple[int, ...]
    epoch: int
    start: int
    stop: int


@dataclass
class Placed:
    """A layer's arrays while they are worked with: on the device, weights as (units, inputs)."""

    layer: Layer
    weight: Any
    mean: Any
    variance: Any
    bias: Any
    steps: int
    whitening: Any = None
    exists: Any = None  # 0 and 1 of the weights of a pruned layer


def start(network: Network, seed: int) -> tuple[Weights, ...]:
    """Return random weights, running means of 0, variances of 1, and whitening that changes nothing."""
    weights = []
    for number, layer in enumerate(network.layers):
        rng = np.random.default_rng((seed, _START, number))
        shapes = array_shapes(network, number)
        inputs = math.prod(shapes["weight"][1:])
        if layer.start == "normal":
            weight = rng.standard_normal(shapes["weight"], dtype=np.float32) * np.float32(
                layer.norm / math.sqrt(inputs)
            )
        else:
            weight = rng.random(shapes["weight"], dtype=np.float32) * np.float32(layer.norm * math.sqrt(3 / inputs))
        if layer.pruned:
            exists = rng.random(shapes["weight"], dtype=np.float32) >= layer.pruned
            first = rng.integers(inputs, size=layer.units)
            exists.reshape(layer.units, -1)[np.arange(layer.units), first] = True  # every unit has an input
            weight = weight * exists
        if layer.unit_norm:
            weight = weight / np.sqrt((weight**2).sum(axis=tuple(range(1, weight.ndim)), keepdims=True))
        instar = layer.plasticity == "instar"
        prior = -math.log(layer.units) / layer.inverse_temperature if layer.bias and not instar else 0.0
        weights.append(
            Weights(
                weight=weight,
                mean=np.zeros(shapes["mean"], np.float32),
                variance=np.ones(shapes["variance"], np.float32),
                bias=np.full(shapes["bias"], prior, np.float32),
                whitening=np.eye(*shapes["whitening"], dtype=np.float32) if layer.whitening else None,
            )
        )
    return tuple(weights)


def whitened(network: Network, layers: tuple[Weights, ...], images: Images) -> tuple[Weights, ...]:
    """Return the layers with the ZCA that the images give, if the network whitens: (C + strength)^(-1/2).

    C is the mean of the outer products of the standardized images.
    """
    strength = network.layers[0].whitening
    if not strength:
        return layers
    check_images(network, images)
    x = np.reshape(numerics.standardize_images(on(np, images, np.arange(len(images)))), (len(images), -1))
    values, vectors = np.linalg.eigh((x.T @ x / len(x)).astype(np.float64))
    matrix = (vectors / np.sqrt(values.clip(0) + strength)) @ vectors.T
    return (replace(layers[0], whitening=matrix.astype(np.float32)), *layers[1:])


def plan(network: Network, training: Training, images: int) -> list[Chunk]:
    """Return the pieces of a training on so many images, in order."""
    learning = [number for number, layer in enumerate(network.layers) if layer.learns]
    groups = [(number,) for number in learning] if training.order == "successive" else [tuple(learning)]
    size = max(CHUNK // training.batch, 1) * training.batch
    return [
        Chunk(layers=group, epoch=epoch, start=first, stop=min(first + size, images))
        for group in groups
        if group
        for epoch in range(training.epochs)
        for first in range(0, images, size)
    ]


def learn_chunk(
    network: Network,
    layers: tuple[Weights, ...],
    training: Training,
    chunk: Chunk,
    images: Images,
    seed: int,
    xp: Any,
    each: Each,
) -> tuple[Weights, ...]:
    """Return the weights after one more piece of training.

    Parameters
    ----------
    network, training : Network, Training
    layers : tuple of Weights
        Before it.
    chunk : Chunk
    images : Images
    seed : int
        Of the order of the images.
    xp, each
        From ``cores.working``.
    """
    check_images(network, images)
    total = training.epochs * -(-len(images) // training.batch)
    order = np.random.default_rng((seed, _ORDER, chunk.layers[0], chunk.epoch)).permutation(len(images))
    chosen = order[chunk.start : chunk.stop]
    placed = [place(layer, weights, xp) for layer, weights in zip(network.layers, layers, strict=True)]
    below, learning = placed[: chunk.layers[0]], placed[chunk.layers[0] : chunk.layers[-1] + 1]
    x = forward(below, on(xp, images, chosen), each)
    for first in range(0, len(chosen), training.batch):
        batch = x[first : first + training.batch, ...]
        for number, item in enumerate(learning, start=chunk.layers[0]):
            if item.layer.learns:
                rng = np.random.default_rng((seed, _POSITIONS, number, item.steps)) if item.layer.positions else None
                batch = learn_batch(item, batch, total, each, rng, output=item is not learning[-1])
            else:
                batch = forward([item], batch, each)
    return tuple(
        lift(item, old) if number in chunk.layers else old
        for number, (item, old) in enumerate(zip(placed, layers, strict=True))
    )


def learn_batch(
    placed: Placed, x: Any, total: int, each: Each, rng: np.random.Generator | None = None, *, output: bool = True
) -> Any:
    """Let a layer learn from a batch, in place, and return its output from before the change.

    ``rng`` draws the positions of a layer that does not learn from all.
    """
    layer, xp = placed.layer, array_namespace(x)
    x = _prepared(placed, x)
    if layer.batch_norm:
        mean, variance = numerics.statistics(x)
        count = math.prod(x.shape[:3])
        placed.mean = (1 - MOMENTUM) * placed.mean + MOMENTUM * mean
        placed.variance = (1 - MOMENTUM) * placed.variance + MOMENTUM * (count / max(count - 1, 1)) * variance
        x = numerics.standardize(x, mean, variance)
    patches, shape = numerics.inputs(layer, x)
    eta = layer.eta * (1 - placed.steps / total if layer.rate == "linear" else 1)
    if placed.steps < layer.warm_up:
        eta = 0.0
    seen, u = patches, None
    if rng is not None and layer.positions * shape[0] < patches.shape[0]:
        drawn = rng.choice(patches.shape[0], layer.positions * shape[0], replace=False)
        seen = xp.take(patches, xp.asarray(drawn), axis=0)
        u = plasticity.potentials(layer, placed.weight, placed.bias, patches, each) if output else None
    placed.weight, placed.bias, sums = plasticity.update(
        layer, placed.weight, placed.bias, seen, eta, each, placed.exists
    )
    placed.steps += 1
    if not output:
        return None
    u = xp.reshape(sums if u is None else u, (*shape, layer.units))
    return xp.concat(each(lambda part: numerics.activate(layer, u[part, ...]), _blocks(shape[0], 1)), axis=0)


def forward(layers: list[Placed], x: Any, each: Each) -> Any:
    """Return the output of layers that do not learn, (images, rows, columns, units).

    Batch normalization uses its running statistics.
    """
    if not layers:
        return x
    xp, first = array_namespace(x), layers[0]
    if first.layer.whitening:
        blocks = _blocks(x.shape[0], WHITENED)
        x = xp.concat(each(lambda part: numerics.whiten(x[part, ...], first.whitening), blocks), axis=0)
        layers = [replace(first, layer=replace(first.layer, whitening=0.0)), *layers[1:]]
    white = x
    return xp.concat(each(lambda part: _evaluate(layers, white[part, ...]), _blocks(x.shape[0], TOGETHER)), axis=0)


def outputs(
    network: Network, layers: tuple[Weights, ...], images: Images, xp: Any, each: Each, depth: int | None = None
) -> Iterator[Any]:
    """Give the output of the last layer (or of the first ``depth`` layers), a NumPy array for every chunk of images.

    Yields
    ------
    array of float32, shape (images of the chunk, features)
        Features in the order (channel, row, column).
    """
    check_images(network, images)
    chosen = list(zip(network.layers, layers, strict=True))[:depth]
    placed = [place(layer, weights, xp) for layer, weights in chosen]
    for first in range(0, len(images), CHUNK):
        part = np.arange(first, min(first + CHUNK, len(images)))
        yield host(numerics.flatten(forward(placed, on(xp, images, part), each)))


def place(layer: Layer, weights: Weights, xp: Any) -> Placed:
    """Return a layer's arrays ready to be worked with on a device."""
    weight = np.asarray(weights.weight)
    if layer.kernel:
        weight = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(layer.units, -1)
    weight, mean, variance, bias = (
        xp.asarray(array, copy=True) for array in (weight, weights.mean, weights.variance, weights.bias)
    )
    return Placed(
        layer=layer,
        weight=weight,
        mean=mean,
        variance=variance,
        bias=bias,
        whitening=None if weights.whitening is None else xp.asarray(weights.whitening, copy=True),
        exists=xp.astype(weight != 0, weight.dtype) if layer.pruned else None,
        steps=weights.steps,
    )


def lift(placed: Placed, old: Weights) -> Weights:
    """Return a layer's arrays as a value again."""
    weight = host(placed.weight)
    if placed.layer.kernel:
        units, channels, *kernel = np.shape(old.weight)
        weight = weight.reshape(units, *kernel, channels).transpose(0, 3, 1, 2)
    return replace(
        old,
        weight=np.ascontiguousarray(weight),
        mean=host(placed.mean),
        variance=host(placed.variance),
        bias=host(placed.bias),
        steps=placed.steps,
    )


def check_images(network: Network, images: Images) -> None:
    """Raise ``ValueError`` if images have another shape than the network takes."""
    if images.image_shape != network.image_shape:
        raise ValueError(
            f"{images.name} has images of {images.image_shape} (channels, height, width), but the network takes "
            f"{network.image_shape}; give images like those that it was made for."
        )


def host(array: Any) -> Any:
    """Return an array as NumPy's."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def _evaluate(layers: list[Placed], x: Any) -> Any:
    for item in layers:
        x = numerics.activate(item.layer, sums(item, x))
    return x


def sums(placed: Placed, x: Any, each: Each = one_by_one) -> Any:
    """Return the weighted sums of a layer that does not learn, (images, rows, columns, units)."""
    xp, layer = array_namespace(x), placed.layer
    x = _prepared(placed, x)
    if layer.batch_norm:
        x = numerics.standardize(x, placed.mean, placed.variance)
    patches, shape = numerics.inputs(layer, x)
    u = plasticity.potentials(layer, placed.weight, placed.bias, patches, each)
    return xp.reshape(u, (*shape, layer.units))


def _prepared(placed: Placed, x: Any) -> Any:
    """Return images whitened and standardized, where the layer does that."""
    if placed.layer.whitening:
        x = numerics.whiten(x, placed.whitening)
    return numerics.standardize_images(x) if placed.layer.sample_norm else x


def on(xp: Any, images: Images, chosen: Any = slice(None)) -> Any:
    """Return images on a device, (images, rows, columns, channels) between 0 and 1."""
    pixels = images.intensities(chosen)
    if pixels.ndim == 3:
        return xp.asarray(pixels[..., None])
    return xp.asarray(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)))


def _blocks(size: int, block: int) -> list[slice]:
    return [slice(start, min(start + block, size)) for start in range(0, size, block)]
