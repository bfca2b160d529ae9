"""How accurate networks stay when images are noisy, or changed against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spikehebb.core import Images
from spikehebb.core.progress import Progress, reporter
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import is_finite
from spikehebb.softhebb import Model, numerics, training
from spikehebb.softhebb.gradient import pullback
from spikehebb.softhebb.model import Array

KIND = "robustness"
NOISE = (0.0, 0.1, 0.2, 0.3, 0.5)
ATTACK = (0.0, 0.01, 0.02, 0.05, 0.1)
_TOGETHER = 50  # images


def robustness(
    models: Mapping[str, Model],
    test: Images,
    *,
    noise: Sequence[float] = NOISE,
    attack: Sequence[float] = ATTACK,
    steps: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure the accuracy of networks with linear readouts on noisy images and under a gradient attack.

    The attack is projected gradient descent: each network's own cross-entropy grows along the sign of its gradient, in
    ``steps`` steps of 2.5/steps of the allowed change, from the image itself; pixels stay within 0 and 1. Networks that
    hand on winners alone have no gradient, so that nothing is shown by withstanding it.

    Parameters
    ----------
    models : mapping of str to Model
        By the name in the report.
    test : Images
    noise : sequence of float
        Standard deviations of Gaussian noise on intensities, which are 0 to 1.
    attack : sequence of float
        Largest changes of a pixel.
    steps : int
    seed : int
        Of the noise, which is the same for all networks.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    dict
        ``networks``: for each name ``noise`` and ``attack``, lists of ``size`` and ``accuracy``.

    Raises
    ------
    ValueError
        If a model has no readout or takes images of another shape, or a number is out of range.

    References
    ----------
    Madry et al., Towards deep learning models resistant to adversarial attacks, ICLR 2018.
    """
    check_seed(seed)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps of an attack must be at least 1, got {steps!r}.")
    for what, sizes in (("noise", noise), ("attack", attack)):
        if not all(is_finite(size) and size >= 0 for size in sizes):
            raise ValueError(f"{what} must be numbers of at least 0, got {', '.join(map(str, sizes))}.")
    for name, model in models.items():
        training.check_images(model.network, test)
        if model.readout is None:
            raise ValueError(f"{name} has no readout; train one with spikehebb softhebb train.")
    tell, labels = reporter(progress), np.asarray(test.labels)
    if len(labels) and labels.min() < 0:
        raise ValueError(f"{test.name} has images without a label; give labelled ones.")
    networks: dict[str, Any] = {}
    count = len(models) * (len(noise) + len(attack))
    for name, model in models.items():
        found: dict[str, Any] = {"noise": [], "attack": []}
        for what, sizes in (("noise", noise), ("attack", attack)):
            for size in sizes:
                tell(f"{name}, {what} {size:g}", (sum(map(_points, networks.values())) + _points(found)) / count)
                accuracy = _accuracy(model, test, labels, what, float(size), steps, seed)
                found[what].append({"size": float(size), "accuracy": accuracy})
        networks[name] = found
    tell("measured", 1)
    return {"kind": KIND, "images": len(test), "steps": steps, "seed": seed, "networks": networks}


def _points(found: Mapping[str, Any]) -> int:
    return sum(len(points) for points in found.values())


def _accuracy(model: Model, test: Images, labels: Any, what: str, size: float, steps: int, seed: int) -> float:
    layers = [training.place(*pair, np) for pair in zip(model.network.layers, model.layers, strict=True)]
    right, rng = 0, np.random.default_rng(seed)
    for rows, x in _batches(test):
        if what == "noise":
            x = np.clip(x + size * rng.standard_normal(x.shape, dtype=np.float32), 0, 1)
        elif size:
            x = attacked(layers, model, x, labels[rows], size, steps)
        right += int(np.sum(_scores(layers, model, x).argmax(axis=1) == labels[rows]))
    return right / len(test)


def attacked(layers: Sequence[Any], model: Model, x: Array, labels: Any, size: float, steps: int) -> Array:
    """Return images, each pixel changed by at most ``size``, that the network takes for something else if it can be.

    Parameters
    ----------
    layers : sequence of Placed
        Those of the model.
    model : Model
        With its readout.
    x : array, shape (images, rows, columns, channels)
    labels : array of int, shape (images,)
    size : float
    steps : int
    """
    assert model.readout is not None
    weight, bias = model.readout
    start, shape = x, model.network.shapes[-1]
    for _ in range(steps):
        output, pull = pullback(layers, x)
        scores = numerics.flatten(output) @ weight.T + bias
        error = np.exp(scores - scores.max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(x)), labels] -= 1
        slope = pull((error @ weight).reshape(len(x), *shape).transpose(0, 2, 3, 1))
        x = x + np.float32(2.5 * size / steps) * np.sign(slope)
        x = np.clip(np.clip(x, start - size, start + size), 0, 1)
    return x


def _scores(layers: Sequence[Any], model: Model, x: Any) -> Any:
    assert model.readout is not None
    output, _ = pullback(layers, x)
    return numerics.flatten(output) @ model.readout[0].T + model.readout[1]


def _batches(images: Images) -> Iterator[tuple[Any, Any]]:
    for first in range(0, len(images), _TOGETHER):
        rows = np.arange(first, min(first + _TOGETHER, len(images)))
        pixels = images.intensities(rows)
        x = pixels[..., None] if pixels.ndim == 3 else pixels.transpose(0, 2, 3, 1)
        yield rows, np.ascontiguousarray(x, np.float32)
