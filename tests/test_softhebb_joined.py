"""Features of all layers and of several networks, averaged over cells."""

from __future__ import annotations

import numpy as np
import pytest

from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.softhebb import Layer, Model, Network, Pool, training
from spikehebb.softhebb.joined import joined_features

IMAGES = load("digits", "test")[:7]


def model(*layers: Layer, seed: int = 0) -> Model:
    network = Network(image_shape=IMAGES.image_shape, layers=layers)
    return Model(network=network, layers=training.start(network, seed))


DEEP = model(
    Layer(units=4, kernel=3, padding=1, pool=Pool()), Layer(units=5, kernel=2, exponent=2.0), Layer(units=6, norm=1.0)
)
CELLS = (slice(0, 2), slice(2, 3))
WIDE = model(Layer(units=3, kernel=3), seed=1)


def outputs(of: Model, depth: int) -> np.ndarray:
    (rows,) = training.outputs(of.network, of.layers, IMAGES, np, lambda f, items: list(map(f, items)), depth=depth)
    return np.asarray(rows, float).reshape(len(IMAGES), *of.network.shapes[depth])


def test_every_layer_is_averaged_over_the_cells_of_a_grid() -> None:
    """Sides are 4, 3 and 1 in the deep network, 6 in the other: 3 rows make cells of 2 and 1."""
    one, two, three, wide = outputs(DEEP, 1), outputs(DEEP, 2), outputs(DEEP, 3), outputs(WIDE, 1)
    assert (one.shape[-1], two.shape[-1], three.shape[-1], wide.shape[-1]) == (4, 3, 1, 6)
    halves = [
        one.reshape(7, 4, 2, 2, 2, 2).mean(axis=(3, 5)),
        np.array([[two[:, :, r, c].mean(axis=(2, 3)) for c in CELLS] for r in CELLS]).transpose(2, 3, 0, 1),
        three,
        wide.reshape(7, 3, 2, 3, 2, 3).mean(axis=(3, 5)),
    ]
    expected = np.concatenate([each.reshape(7, -1) for each in halves], axis=1)
    (found,) = joined_features([DEEP, WIDE], IMAGES, grid=2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


def test_last_leaves_the_layers_below_out_and_a_fine_grid_changes_nothing() -> None:
    expected = np.concatenate([outputs(DEEP, 3).reshape(7, -1), outputs(WIDE, 1).reshape(7, -1)], axis=1)
    (found,) = joined_features([DEEP, WIDE], IMAGES, grid=6, last=True)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


def test_joined_features_refuse_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="grid must be a whole number from 1 on, got 0"):
        next(joined_features([DEEP], IMAGES, grid=0))
    with pytest.raises(ValueError, match="joined_features needs at least one network; got none"):
        next(joined_features([], IMAGES))
    with pytest.raises(ValueError, match="but the network takes"):
        next(joined_features([DEEP], Images(name="wider", pixels=np.zeros((2, 8, 9)), labels=np.arange(2))))
