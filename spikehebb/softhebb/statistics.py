"""Statistics of a trained network: norms, competition, receptive fields, and the accuracy at each depth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import devices
from spikehebb.core import Float, Images, Int
from spikehebb.softhebb import numerics, readout, training
from spikehebb.softhebb.backend import Each, one_by_one
from spikehebb.softhebb.model import Array, Model
from spikehebb.softhebb.network import Network, Readout

CACHE = 8_000_000_000  # bytes of features on disk, at most
LARGEST = 3  # shares of the softmax that a summary names: in trained first layers two units take almost half


@dataclass(frozen=True, kw_only=True, eq=False)
class Competition:
    """The competition in a layer.

    Parameters
    ----------
    probability : float
        Of the winner: the largest softmax share, averaged over images and positions.
    wins : array of float, shape (units,)
        At how many of all positions a unit wins; sums to 1.
    mass : array of float, shape (units,)
        Mean softmax share of a unit; sums to 1.
    """

    probability: float
    wins: Float
    mass: Float


def norms(model: Model) -> list[Float]:
    """Return the Euclidean norm of the weights of every unit, an array (units,) for each layer."""
    return [
        np.linalg.norm(np.asarray(weights.weight, np.float64).reshape(len(weights.weight), -1), axis=1)
        for weights in model.layers
    ]


def r1_count(norms: Float, tolerance: float = 0.01) -> int:
    """Return how many units have a norm of 1, to which SoftHebb attracts units that win often enough.

    Examples
    --------
    >>> import numpy as np
    >>> r1_count(np.array([0.995, 1.0, 1.02, 4.6]))
    2
    """
    return int(np.sum(np.abs(norms - 1) < tolerance))


def winner_probability(model: Model, images: Images, xp: Any = np, each: Each = one_by_one) -> list[Competition]:
    """Return how soft the competition is in each layer, and how evenly it is won.

    The softmax has the layer's inverse temperature, in layers too that learn without one. Batch normalization uses its
    running statistics.

    Parameters
    ----------
    model : Model
    images : Images
    xp, each
        From ``cores.working``.

    Raises
    ------
    ValueError
        If the images have another shape than those of the model.
    """
    competitions = []
    for number, layer in enumerate(model.network.layers):

        def compete(
            u: Any, t: float = layer.inverse_temperature, units: int = layer.units
        ) -> tuple[Any, Any, Any, int]:
            u = xp.reshape(u, (-1, units))
            won = training.host(xp.argmax(u, axis=1))
            y = training.host(numerics.softmax(u, t))
            largest = y.max(axis=1).sum(dtype=np.float64)
            return largest, np.bincount(won, minlength=units), y.sum(axis=0, dtype=np.float64), len(y)

        parts = _over(model, number, images, compete, xp, each)
        largest, wins, mass, positions = (sum(part) for part in zip(*parts, strict=True))
        competitions.append(
            Competition(probability=float(largest / positions), wins=wins / positions, mass=mass / positions)
        )
    return competitions


def receptive_fields(
    model: Model,
    layer: int = 0,
    images: Images | None = None,
    best: int = 25,
    xp: Any = np,
    each: Each = one_by_one,
) -> Array:
    """Return the receptive fields of the units of a layer.

    In the first layer these are the weights. In deeper ones it is the mean of the patches of ``best_patches``.

    Parameters
    ----------
    model : Model
    layer : int
        From 0.
    images : Images, optional
        Needed for deeper layers.
    best : int
        Patches that are averaged; of fewer images all.
    xp, each
        From ``cores.working``.

    Returns
    -------
    array of float32, shape (units, channels, rows, columns)
        Weights; or intensities from 0 to 1, NaN where no patch lies within its image.

    Raises
    ------
    ValueError
        If there is no such layer, a deeper one gets no images or images of another shape, or ``best`` is below 1.
    """
    check_layer(model.network, layer)
    if not layer:
        weight = np.asarray(model.layers[0].weight)
        return weight if weight.ndim == 4 else weight.reshape(-1, *model.network.image_shape)
    if images is None:
        raise ValueError(f"receptive fields of layer {layer} are seen in images only; give some.")
    patches = best_patches(model, layer, images, best, xp=xp, each=each)
    count = (~np.isnan(patches)).sum(axis=1)
    total = np.nansum(patches, axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def best_patches(
    model: Model,
    layer: int,
    images: Images,
    best: int = 9,
    *,
    units: Int | None = None,
    xp: Any = np,
    each: Each = one_by_one,
) -> Array:
    """Return the patches of images on which the weighted sum of a unit lies furthest above the mean of all units.

    From each image the best place, from all images the ``best`` ones. A patch is as large as the receptive field of the
    unit.

    Parameters
    ----------
    model : Model
    layer : int
        From 0.
    images : Images
    best : int
        Patches of a unit; of fewer images all.
    units : array of int, optional
        Which units; all when left out.
    xp, each
        From ``cores.working``.

    Returns
    -------
    array of float32, shape (units, best, channels, rows, columns)
        Intensities from 0 to 1, NaN where a patch lies outside its image; the best first.

    Raises
    ------
    ValueError
        If there is no such layer or unit, the images have another shape than the network takes, or ``best`` is below 1.
    """
    network = model.network
    check_layer(network, layer)
    if best < 1:
        raise ValueError(f"receptive fields: best must be at least 1, got {best}.")
    wanted = np.arange(network.layers[layer].units) if units is None else check_units(network, layer, units)

    def strongest(u: Any) -> tuple[Any, Any]:
        above = xp.reshape(u - xp.mean(u, axis=-1, keepdims=True), (u.shape[0], -1, u.shape[-1]))
        return training.host(xp.max(above, axis=1)), training.host(xp.argmax(above, axis=1))

    values, places = (
        np.concatenate(part) for part in zip(*_over(model, layer, images, strongest, xp, each), strict=True)
    )
    chosen = np.argsort(-values, axis=0, kind="stable")[:best]
    columns = network.layers[layer].grid(*network.shapes[layer][1:])[1]
    shape, first, step = extent(network, layer)
    fields = []
    for unit in wanted:
        numbers = chosen[:, unit]
        row, column = np.divmod(places[numbers, unit], columns)
        fields.append(_patches(images, numbers, row * step + first, column * step + first, shape))
    return np.stack(fields)


def accuracy_by_layer(
    model: Model,
    train: Images,
    test: Images,
    settings: Readout,
    seed: int = 0,
    xp: Any = np,
    each: Each = one_by_one,
) -> dict[int, float]:
    """Return the accuracy on test images of a linear readout on the first layer, on the first two, and so on.

    Features of the training images wait in a temporary folder (that of ``TMPDIR``), at most 8 GB at a time.

    Parameters
    ----------
    model : Model
    train, test : Images
        Labelled.
    settings : Readout
        How each readout is fitted.
    seed : int
        Of its start, order and dropout.
    xp, each
        From ``cores.working``.

    Returns
    -------
    dict of int to float
        Accuracy, from 0 to 1, for 1, 2, ... layers.

    Raises
    ------
    ValueError
        If images are unlabelled or of another shape than those of the model, or there are too many.
    OSError
        If the features do not fit on the disk.
    """
    network = model.network
    sizes = {depth: math.prod(network.shapes[depth]) for depth in range(1, len(network.layers) + 1)}
    for images in (train, test):
        training.check_images(network, images)
        if images.labels.min() < 0:
            raise ValueError(f"{images.name} has unlabelled images (-1); a readout needs labels, leave them out.")
    largest = 4 * max(sizes.values())
    if len(train) * largest > CACHE:
        raise ValueError(
            f"the features of the {len(train)} images of {train.name} need {len(train) * largest / 1e9:.1f} GB, "
            f"more than {CACHE / 1e9:g}; give at most {CACHE // largest} training images."
        )
    classes = 1 + int(max(train.labels.max(), test.labels.max()))
    scores = {}
    for depth, features in sizes.items():
        fit = readout.begin(features, classes, seed)
        with devices.scratch() as folder:
            cached = _cached(model, train, depth, folder / "features", xp, each)
            for _ in range(settings.epochs):
                fit, _ = readout.fit_epoch(fit, cached, train.labels, settings, seed, each)
            del cached  # some systems cannot remove a file that is mapped
        parts = training.outputs(network, model.layers, test, xp, each, depth=depth)
        scores[depth] = float(np.mean(readout.predict(fit.weight, fit.bias, parts) == test.labels))
    return scores


def summary(
    model: Model, images: Images | None = None, xp: Any = np, each: Each = one_by_one
) -> dict[str, list[dict[str, Any]]]:
    """Return a few numbers for each layer, as ``run.json`` holds them.

    Parameters
    ----------
    model : Model
    images : Images, optional
        With them also the mean probability of the winner, and the largest mean shares of single units in the softmax.
    xp, each
        From ``cores.working``.

    Raises
    ------
    ValueError
        If the images have another shape than those of the model.
    """
    layers: list[dict[str, Any]] = []
    for number, (lengths, weights) in enumerate(zip(norms(model), model.layers, strict=True)):
        weight = np.asarray(weights.weight)
        layers.append(
            {
                "layer": number,
                "units": len(lengths),
                "norm_mean": float(lengths.mean()),
                "norm_sd": float(lengths.std()),
                "units_of_norm_1": r1_count(lengths),
                "weight_mean": float(weight.mean(dtype=np.float64)),
                "weight_sd": float(weight.std(dtype=np.float64)),
            }
        )
    if images is not None:
        for entry, competition in zip(layers, winner_probability(model, images, xp, each), strict=True):
            entry["winner_probability"] = competition.probability
            entry["largest_shares"] = np.sort(competition.mass)[::-1][:LARGEST].tolist()
    return {"layers": layers}


def _over(model: Model, number: int, images: Images, reduce: Callable[[Any], Any], xp: Any, each: Each) -> list[Any]:
    """Return a function of the weighted sums of a layer, (images, rows, columns, units), for every few images."""
    network = model.network
    placed = training.place(network.layers[number], model.layers[number], xp)

    def evaluate(x: Any) -> Any:
        return reduce(training.sums(placed, x))

    results = []
    for below in training.outputs(network, model.layers, images, xp, each, depth=number):
        x = xp.permute_dims(xp.reshape(xp.asarray(below), (-1, *network.shapes[number])), (0, 2, 3, 1))
        parts = [x[first : first + training.TOGETHER, ...] for first in range(0, x.shape[0], training.TOGETHER)]
        results += each(evaluate, parts)
    return results


def check_layer(network: Network, layer: int) -> None:
    """Raise ``ValueError`` if a network has no such layer."""
    if not 0 <= layer < len(network.layers):
        raise ValueError(f"the model has the layers 0 to {len(network.layers) - 1}, not {layer}.")


def check_units(network: Network, layer: int, units: Any) -> Int:
    """Return numbers of units as an array; raise ``ValueError`` if a layer does not have them."""
    count, numbers = network.layers[layer].units, np.asarray(units)
    if numbers.ndim != 1 or not len(numbers) or numbers.dtype.kind not in "iu":
        raise ValueError(f"units must be one or more whole numbers, got {units!r}.")
    if numbers.min() < 0 or numbers.max() >= count:
        raise ValueError(f"layer {layer} has the units 0 to {count - 1}, not {units}.")
    return numbers.astype(np.int64)


def extent(network: Network, layer: int) -> tuple[tuple[int, int], int, int]:
    """Return the shape of a receptive field, and the first pixel and the step of the positions."""
    _, height, width = network.image_shape
    if not all(lower.kernel for lower in network.layers[: layer + 1]):  # a dense layer sees the whole image
        return (height, width), 0, 0
    size, first, step = _field(network, layer)
    return (size, size), first, step


def _field(network: Network, number: int) -> tuple[int, int, int]:
    """Return side, first pixel and step, in pixels, of the receptive fields of a convolution before its pooling."""
    size, first, step = 1, 0, 1
    for at, layer in enumerate(network.layers[: number + 1]):
        size, first, step = size + (layer.kernel - 1) * step, first - layer.padding * step, step * layer.stride
        if layer.pool is not None and at < number:
            size, first = size + (layer.pool.size - 1) * step, first - layer.pool.padding * step
            step *= layer.pool.stride
    return size, first, step


def _patches(images: Images, numbers: Int, tops: Int, lefts: Int, shape: tuple[int, int]) -> Array:
    """Return a patch of each of some images, (patches, channels, rows, columns), NaN outside of the image."""
    pixels = images.intensities(numbers)
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels
    rows, columns = tops[:, None] + np.arange(shape[0]), lefts[:, None] + np.arange(shape[1])
    (inside_rows, rows), (inside_columns, columns) = (
        ((at >= 0) & (at < side), at.clip(0, side - 1))
        for at, side in zip((rows, columns), pixels.shape[-2:], strict=True)
    )
    inside = (inside_rows[:, :, None] & inside_columns[:, None, :])[..., None]
    patches = pixels[np.arange(len(pixels))[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return np.moveaxis(np.where(inside, patches, np.nan), -1, 1).astype(np.float32)


def _cached(model: Model, images: Images, depth: int, path: Path, xp: Any, each: Each) -> Any:
    """Return the features of some layers, (images, features), mapped from a new file."""
    with open(path, "wb") as file:
        for part in training.outputs(model.network, model.layers, images, xp, each, depth=depth):
            file.write(np.ascontiguousarray(part, np.float32).data)
    shape = (len(images), math.prod(model.network.shapes[depth]))
    return np.asarray(np.memmap(path, np.float32, "r", shape=shape))
