"""Statistics of a model: numbers against plain loops, receptive fields against hand-made networks."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.softhebb import Layer, Model, Network, Pool, Readout, Weights, readout, statistics, training
from spikehebb.softhebb.backend import one_by_one, working


def layer_weights(weight: Any, mean: Any, variance: Any) -> Weights:
    w, m, v = (np.asarray(array, np.float32) for array in (weight, mean, variance))
    return Weights(weight=w, mean=m, variance=v, bias=np.zeros(len(w), np.float32))


def random_model(rng: np.random.Generator, *layers: Layer, shape: tuple[int, int, int] = (3, 8, 9)) -> Model:
    """Random weights, and running statistics that are not those of any batch."""
    network = Network(image_shape=shape, layers=layers)
    weights = []
    for number in range(len(layers)):
        channels = network.shapes[number][0]
        weight = rng.normal(size=network.weight_shape(number))
        mean, variance = rng.normal(0.3, 0.1, channels), rng.uniform(0.2, 2, channels)
        weights.append(layer_weights(weight, mean, variance))
    return Model(network=network, layers=tuple(weights))


def pictures(rng: np.random.Generator, *shape: int) -> Images:
    return Images(name="noise/train", pixels=rng.uniform(size=shape), labels=np.arange(shape[0]) % 3)


def sums(layer: Layer, weights: Weights, x: NDArray[Any]) -> NDArray[Any]:
    """Weighted sums (units, rows, columns) of one image (channels, rows, columns), one position after the other."""
    x = (x - weights.mean[:, None, None]) / np.sqrt(weights.variance[:, None, None] + 1e-5)
    p, k = layer.padding, layer.kernel
    x = np.pad(x, ((0, 0), (p, p), (p, p)), mode="reflect")
    u = np.zeros((layer.units, x.shape[1] - k + 1, x.shape[2] - k + 1))
    for unit, row, column in np.ndindex(u.shape):
        u[unit, row, column] = np.sum(weights.weight[unit].astype(float) * x[:, row : row + k, column : column + k])
    return np.maximum(u - u.mean(axis=0), 0) if layer.pre_triangle else u


def test_norms_are_euclidean_and_counted_near_1() -> None:
    layers = (Layer(units=2, kernel=2), Layer(units=1))
    network = Network(image_shape=(1, 2, 2), layers=layers)
    one, two = [[[3, 4], [0, 0]]], [[[0.5, 0.5], [0.5, 0.5]]]
    weights = (layer_weights([one, two], [0], [1]), layer_weights([[5, -12]], [0, 0], [1, 1]))
    convolution, dense = statistics.norms(Model(network=network, layers=weights))
    assert (convolution.tolist(), dense.tolist()) == ([5, 1], [13])
    assert statistics.r1_count(np.array([0.985, 0.995, 1.005, 1.015, 25])) == 2
    assert statistics.r1_count(np.array([0.985, 0.995, 1.005, 1.015, 25]), tolerance=0.02) == 4


def test_the_competition_is_that_of_plain_loops(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHUNK", 18)  # two chunks, of more than one block and of less
    first = Layer(units=6, kernel=3, padding=1, inverse_temperature=0.3, exponent=1.4, pool=Pool(kind="max", size=2))
    second = Layer(units=5, kernel=2, inverse_temperature=0.7, pre_triangle=True)
    model, images = random_model(rng, first, second), pictures(rng, 20, 3, 8, 9)
    shares: tuple[list[Any], list[Any]] = ([], [])
    for x in images.pixels:
        u = sums(first, model.layers[0], x)
        shares[0].append(np.exp(0.3 * u.reshape(6, -1)))
        y = np.maximum(u - u.mean(axis=0), 0) ** 1.4
        y = y[:, :8, :8].reshape(6, 4, 2, 4, 2).max(axis=(2, 4))
        shares[1].append(np.exp(0.7 * sums(second, model.layers[1], y).reshape(5, -1)))
    with working("cpu", 2) as (xp, each):
        competitions = statistics.winner_probability(model, images, xp, each)
    for competition, parts in zip(competitions, shares, strict=True):
        y = np.concatenate(parts, axis=1)
        y /= y.sum(axis=0)
        assert competition.probability == pytest.approx(y.max(axis=0).mean(), rel=1e-5)
        assert competition.mass == pytest.approx(y.mean(axis=1), rel=1e-5)
        assert competition.wins == pytest.approx(np.bincount(y.argmax(axis=0), minlength=len(y)) / y.shape[1])
        assert competition.wins.sum() == pytest.approx(1)


@pytest.mark.parametrize(("norm", "expected"), [(25, 0.929), (4.63, 0.606), (1, 0.079)])
def test_softness_of_random_units_depends_on_their_norm(rng: np.random.Generator, norm: float, expected: float) -> None:
    """Computed for white input of 75 dimensions and unit variance, and 96 random units; here the input is uniform."""
    layer = Layer(units=96, kernel=5)
    network = Network(image_shape=(3, 5, 5), layers=(layer,))
    weight = rng.normal(size=(96, 3, 5, 5))
    weight *= norm / np.linalg.norm(weight.reshape(96, -1), axis=1)[:, None, None, None]
    half, twelfth = np.full(3, 0.5), np.full(3, 1 / 12)  # mean and variance of uniform numbers
    weights = layer_weights(weight, half, twelfth)
    (competition,) = statistics.winner_probability(
        Model(network=network, layers=(weights,)), pictures(rng, 3000, 3, 5, 5)
    )
    assert competition.probability == pytest.approx(expected, abs=0.02)


def test_the_first_layer_shows_its_weights(rng: np.random.Generator) -> None:
    model = random_model(rng, Layer(units=4, kernel=5, padding=2))
    assert np.array_equal(statistics.receptive_fields(model), model.layers[0].weight)
    dense = random_model(rng, Layer(units=4), shape=(3, 2, 5))
    fields = statistics.receptive_fields(dense)
    assert fields.shape == (4, 3, 2, 5)
    assert fields[1, 2, 0, 3] == dense.layers[0].weight[1, 2 * 10 + 3]


def seeing(second: Layer, weight: NDArray[Any]) -> Model:
    """Layers of which the first hands on the largest pixel of every 2 x 2, and the second is examined."""
    first = Layer(units=2, kernel=1, batch_norm=False, activation="repu", pool=Pool(size=2))
    network = Network(image_shape=(1, 8, 8), layers=(first, second))
    layers = (layer_weights(np.array([1, -1]).reshape(2, 1, 1, 1), [0], [1]), layer_weights(weight, [0, 0], [1, 1]))
    return Model(network=network, layers=layers)


def bright(rng: np.random.Generator, **pixels: tuple[int, int, float]) -> Images:
    """Dark noise with one bright pixel (row, column, intensity) in each image."""
    noise = rng.uniform(0, 0.1, (len(pixels), 8, 8))
    for image, (row, column, value) in zip(noise, pixels.values(), strict=True):
        image[row, column] = value
    return Images(name="dots", pixels=noise, labels=np.zeros(len(pixels)))


def test_deeper_layers_show_the_mean_of_the_patches_that_drive_them_most(rng: np.random.Generator) -> None:
    weight = np.zeros((2, 2, 2, 2))
    weight[0, 0, 0, 0] = 1  # sees the upper left of its four 2 x 2
    model = seeing(Layer(units=2, kernel=2, batch_norm=False), weight)
    images = bright(rng, dim=(1, 1, 0.5), strong=(5, 3, 1.0), middle=(2, 0, 0.8))
    strong, middle = images.pixels[1][4:8, 2:6], images.pixels[2][2:6, 0:4]
    fields = statistics.receptive_fields(model, 1, images, best=1)
    assert fields.shape == (2, 1, 4, 4)
    assert np.array_equal(fields[0, 0], strong)
    assert statistics.receptive_fields(model, 1, images, best=2)[0, 0] == pytest.approx((strong + middle) / 2)
    everything = statistics.receptive_fields(model, 1, images, best=99)[0, 0]
    assert everything == pytest.approx((strong + middle + images.pixels[0][0:4, 0:4]) / 3)


def test_a_patch_that_drives_all_units_alike_drives_none(rng: np.random.Generator) -> None:
    weight = np.zeros((2, 2, 2, 2))
    weight[0, 0, 0, 0] = weight[1, 0, 0, 1] = 1
    images = bright(rng, both=(2, 4, 1.0), one=(4, 2, 0.6))
    pixels = np.array(images.pixels)
    pixels[0, 2, 6] = 1  # beside the other, for the second unit
    images = Images(name="dots", pixels=pixels, labels=np.zeros(2))
    model = seeing(Layer(units=2, kernel=2, batch_norm=False), weight)
    assert np.array_equal(statistics.receptive_fields(model, 1, images, best=1)[0, 0], pixels[1, 4:8, 2:6])


def test_what_lies_outside_of_the_images_does_not_count(rng: np.random.Generator) -> None:
    weight = np.zeros((2, 2, 3, 3))
    weight[0, 0, 1, 1] = 1
    model = seeing(Layer(units=2, kernel=3, padding=1, batch_norm=False), weight)
    images = bright(rng, corner=(0, 0, 1.0), middle=(2, 3, 0.8))
    field = statistics.receptive_fields(model, 1, images, best=1)[0, 0]
    assert np.isnan(field[:2]).all()
    assert np.isnan(field[:, :2]).all()
    assert np.array_equal(field[2:, 2:], images.pixels[0][:4, :4])
    both = statistics.receptive_fields(model, 1, images, best=2)[0, 0]
    assert np.array_equal(both[:2], images.pixels[1][0:2, 0:6]), "rows that only one of the patches has"
    assert both[2:, 2:] == pytest.approx((images.pixels[0][:4, :4] + images.pixels[1][2:6, 2:6]) / 2)


def test_dense_layers_see_whole_images(rng: np.random.Generator) -> None:
    weight = np.zeros((2, 32))
    weight[0, 2 * 4 + 1] = 1  # channel 0, third row, second column
    images = bright(rng, dim=(5, 3, 0.5), strong=(4, 2, 0.9))
    fields = statistics.receptive_fields(seeing(Layer(units=2, batch_norm=False), weight), 1, images, best=1)
    assert np.array_equal(fields[0, 0], images.pixels[1])


def test_a_receptive_field_holds_every_pixel_that_matters_and_no_other(rng: np.random.Generator) -> None:
    pool = Pool(kind="average", size=4, stride=2, padding=1)
    layers = [Layer(units=4, kernel=kernel, padding=kernel // 2, activation="tanh", pool=pool) for kernel in (5, 3, 3)]
    model = random_model(rng, *layers, shape=(1, 48, 48))
    size, first, step = statistics._field(model.network, 2)
    assert (size, step) == (26, 4)
    row, column = 5 * step + first, 6 * step + first
    pixels = np.full((5, 48, 48), 0.5)
    edges = ((row - 1, column + 9), (row, column + 9), (row + 9, column + size - 1), (row + 9, column + size))
    for image, edge in zip(pixels[1:], edges, strict=True):
        image[edge] = 1
    images = Images(name="edges", pixels=pixels, labels=np.zeros(5))
    u = np.concatenate(statistics._over(model, 2, images, np.asarray, np, one_by_one))[:, 5, 6]
    assert [bool(np.any(u[number] != u[0])) for number in range(1, 5)] == [False, True, True, False]


def test_accuracy_by_layer_is_that_of_a_readout_on_each_depth(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHUNK", 150)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    train, test = load("digits", "train")[:400], load("digits", "test")[:200]
    pooled = Layer(units=8, kernel=3, padding=1, pool=Pool(size=2))
    model, settings = random_model(rng, pooled, Layer(units=5), shape=(1, 8, 8)), Readout(epochs=8, batch=20)
    scores = statistics.accuracy_by_layer(model, train, test, settings, seed=3)
    expected = {}
    for depth, width in ((1, 128), (2, 5)):
        train_features, test_features = (
            np.concatenate(list(training.outputs(model.network, model.layers, images, np, one_by_one, depth=depth)))
            for images in (train, test)
        )
        fit = readout.begin(width, 10, 3)
        for _ in range(8):
            fit, _ = readout.fit_epoch(fit, train_features, train.labels, settings, 3, one_by_one)
        expected[depth] = float(np.mean((test_features @ fit.weight.T + fit.bias).argmax(axis=1) == test.labels))
    assert scores == expected
    assert scores[1] > 0.7 > scores[2]
    assert not list(tmp_path.iterdir()), "the features are gone"


def test_the_summary_is_what_json_can_say(rng: np.random.Generator) -> None:
    model, images = random_model(rng, Layer(units=6, kernel=3), Layer(units=2)), pictures(rng, 5, 3, 8, 9)
    short, long = statistics.summary(model), statistics.summary(model, images)
    assert json.loads(json.dumps(long)) == long
    weight, lengths = model.layers[0].weight.astype(float), statistics.norms(model)[0]
    assert short["layers"][0] == {
        "layer": 0,
        "units": 6,
        "norm_mean": pytest.approx(lengths.mean()),
        "norm_sd": pytest.approx(lengths.std()),
        "units_of_norm_1": statistics.r1_count(lengths),
        "weight_mean": pytest.approx(weight.mean()),
        "weight_sd": pytest.approx(weight.std()),
    }
    for entry, competition in zip(long["layers"], statistics.winner_probability(model, images), strict=True):
        assert entry["winner_probability"] == competition.probability
        assert entry["largest_shares"] == sorted(competition.mass, reverse=True)[:3]


def test_what_cannot_be_looked_at_is_refused(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    model, images = random_model(rng, Layer(units=4, kernel=3), Layer(units=2)), pictures(rng, 9, 3, 8, 9)
    grey = pictures(rng, 9, 8, 9)

    def refuses(message: str, function: Any, *arguments: Any, **options: Any) -> None:
        with pytest.raises(ValueError, match=re.escape(message)):
            function(*arguments, **options)

    refuses("the model has the layers 0 to 1, not 2.", statistics.receptive_fields, model, 2, images)
    refuses("the model has the layers 0 to 1, not -1.", statistics.receptive_fields, model, -1, images)
    refuses("layer 1 are seen in images only; give some.", statistics.receptive_fields, model, 1)
    refuses("best must be at least 1, got 0.", statistics.receptive_fields, model, 1, images, best=0)
    other = "noise/train has images of (1, 8, 9) (channels, height, width), but the network takes (3, 8, 9); give"
    refuses(other, statistics.receptive_fields, model, 1, grey)
    refuses(other, statistics.winner_probability, model, grey)
    refuses(other, statistics.summary, model, grey)
    refuses(other, statistics.accuracy_by_layer, model, images, grey, Readout(epochs=1))
    unlabelled = Images(name="some/unlabelled", pixels=images.pixels, labels=np.full(9, -1))
    refuses(
        "some/unlabelled has unlabelled images (-1); a readout needs labels, leave them out.",
        statistics.accuracy_by_layer, model, unlabelled, images, Readout(epochs=1),
    )  # fmt: skip
    monkeypatch.setattr(statistics, "CACHE", 5000)  # 168 features of 4 bytes
    refuses(
        "the 9 images of noise/train need 0.0 GB, more than 5e-06; give at most 7 training images.",
        statistics.accuracy_by_layer, model, images, images, Readout(epochs=1),
    )  # fmt: skip
    assert set(statistics.accuracy_by_layer(model, images[:7], images, Readout(epochs=1))) == {1, 2}
