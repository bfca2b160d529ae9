"""Gradients with respect to images, against differences; images that units like best."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from spikehebb.softhebb import Layer, Model, Network, Pool, ascent, gradient, training

POOLS = (Pool(size=3, stride=2, padding=1), Pool(kind="average", size=2, stride=1, padding=1))
SAMPLED: dict[str, Any] = {"batch_norm": False, "sample_norm": True}
PLAIN = Layer(units=5, kernel=3, norm=3.0)
CASES = {
    "triangle, max": dataclasses.replace(PLAIN, padding=1, exponent=0.7, pool=POOLS[0]),
    "triangle, average": dataclasses.replace(PLAIN, padding=2, exponent=1.4, pool=POOLS[1]),
    "repu, strided": dataclasses.replace(PLAIN, stride=2, activation="repu", exponent=1.5),
    "relu, bias": dataclasses.replace(PLAIN, bias=True, activation="relu"),
    "tanh, centred": dataclasses.replace(PLAIN, pre_triangle=True, activation="tanh"),
    "softmax": dataclasses.replace(PLAIN, activation="softmax", exponent=2.0),
    "whitened": dataclasses.replace(PLAIN, whitening=0.1, **SAMPLED),
    "dense": Layer(units=6, norm=3.0, batch_norm=False),
}


def placed(layers: tuple[Layer, ...]) -> list[training.Placed]:
    """Layers in double precision, with any statistics and any symmetric whitening."""
    rng, network = np.random.default_rng(0), Network(image_shape=(2, 6, 7), layers=layers)
    result = []
    for number, weights in enumerate(training.start(network, 1)):
        item = training.place(layers[number], weights, np)
        item.weight, item.bias = item.weight.astype(float), item.bias.astype(float) + 0.3
        item.mean, item.variance = rng.random(len(item.mean)), rng.uniform(0.5, 2, len(item.mean))
        if item.whitening is not None:
            item.whitening = item.whitening + 0.1 * rng.standard_normal(item.whitening.shape)
        result.append(item)
    return result


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_differences(name: str) -> None:
    """Of a random sum of the outputs, along a random direction; a second layer takes the gradient through the first."""
    last = Layer(units=3, batch_norm=False) if name == "dense" else dataclasses.replace(PLAIN, kernel=2)
    for layers in ((CASES[name],), (CASES[name], last)):
        items, rng = placed(layers), np.random.default_rng(3)
        x = rng.random((2, 6, 7, 2))
        y, pull = gradient.pullback(items, x)
        np.testing.assert_allclose(y, training.forward(items, x, lambda function, parts: [*map(function, parts)]))
        along, weights, h = rng.standard_normal(x.shape), rng.standard_normal(y.shape), 1e-6

        def total(x: Any, items: Any = items, weights: Any = weights) -> float:
            return float((weights * gradient.pullback(items, x)[0]).sum())

        slope = (total(x + h * along) - total(x - h * along)) / (2 * h)
        assert (pull(weights) * along).sum() == pytest.approx(slope, rel=1e-4)
        assert abs(slope) > 1e-3


def test_winners_hand_nothing_back() -> None:
    items = placed((dataclasses.replace(PLAIN, activation="winners"),))
    y, pull = gradient.pullback(items, np.random.default_rng(0).random((1, 6, 7, 2)))
    assert set(np.unique(y)) == {0.0, 1.0}
    assert (pull(np.ones_like(y)) == 0).all()


def model(layers: tuple[Layer, ...], shape: tuple[int, int, int] = (1, 12, 12)) -> Model:
    network = Network(image_shape=shape, layers=layers)
    return Model(network=network, layers=training.start(network, 0))


def test_the_best_image_of_a_first_layer_is_its_weights() -> None:
    """Their difference from the mean of all units, from grey as far as is allowed."""
    layer = Layer(units=6, kernel=5, padding=2, batch_norm=False)
    net = model((layer,))
    found = ascent.ascended(net, 0, np.arange(6), radius=1.0, steps=60)
    assert found.shape == (6, 1, 5, 5)
    weight = np.asarray(net.layers[0].weight)
    wanted = weight - weight.mean(axis=0)
    for image, ideal in zip(found - 0.5, wanted, strict=True):
        assert np.linalg.norm(image) == pytest.approx(1, abs=0.01)
        assert np.corrcoef(image.ravel(), ideal.ravel())[0, 1] > 0.99


def test_the_best_image_of_a_deeper_unit_drives_it_more_than_any_other_of_its_length() -> None:
    layers = (Layer(units=6, kernel=3, padding=1, batch_norm=False, pool=Pool()), Layer(units=4, kernel=3))
    net = model(layers)
    placed_layers = [training.place(layer, weights, np) for layer, weights in zip(layers, net.layers, strict=True)]
    found = ascent.ascended(net, 1, [1, 3], radius=2.0)
    assert found.shape == (2, 1, 8, 8)  # 3 + (3 - 1)*2 + 1 for the pooling
    assert found.min() >= 0
    assert found.max() <= 1

    def drive(image: Any, unit: int) -> float:
        whole = np.full((1, 12, 12, 1), 0.5, np.float32)
        whole[0, 3:11, 3:11, 0] = image
        u = gradient.pullback(placed_layers, whole, sums=True)[0][0, 2, 2]
        return float(u[unit] - u.mean())

    rng = np.random.default_rng(1)
    for unit, image in zip((1, 3), found[:, 0], strict=True):
        others = rng.standard_normal((200, 8, 8))
        others *= 2.0 / np.linalg.norm(others, axis=(1, 2), keepdims=True)
        assert drive(image, unit) > 1.3 * max(drive(np.clip(0.5 + other, 0, 1), unit) for other in others)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 1}, "^the model has the layers 0 to 0, not 1"),
        ({"units": [6]}, r"^layer 0 has the units 0 to 5, not \[6\]"),
        ({"units": []}, r"^units must be one or more whole numbers, got \[\]"),
        ({"units": [0.5]}, "^units must be one or more whole numbers"),
        ({"steps": 0}, "^ascended: steps must be above 0, got 0"),
        ({"radius": -1.0}, "^ascended: radius must be above 0, got -1"),
    ],
)
def test_what_cannot_be_climbed(changes: dict[str, Any], message: str) -> None:
    net = model((Layer(units=6, kernel=5),))
    with pytest.raises(ValueError, match=message):
        ascent.ascended(net, **{"layer": 0, "units": [0], **changes})
