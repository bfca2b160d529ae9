"""SoftHebb as values: sizes, and every refusal with its sentence."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

from spikehebb.softhebb import Layer, Model, Network, Pool, Readout, Training, Weights
from spikehebb.softhebb.model import array_shapes

CONVOLUTION = Layer(units=2, kernel=3, padding=1, pool=Pool())
NETWORK = Network(image_shape=(3, 6, 6), layers=(CONVOLUTION, Layer(units=4)))
MAX4, AVERAGE2 = Pool(size=4, padding=1), Pool(kind="average")


def weight_arrays(**changes: Any) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "weight": np.ones((2, 3, 3, 3)),
        "mean": np.zeros(3),
        "variance": np.ones(3),
        "bias": np.zeros(2),
    }
    return arrays | changes


def model(readout: Any = None, **changes: Any) -> Model:
    dense = weight_arrays(weight=np.ones((4, 18)), mean=np.zeros(2), variance=np.ones(2), bias=np.zeros(4))
    return Model(
        network=NETWORK, layers=(Weights(**weight_arrays(**changes)), Weights(**dense, steps=7)), readout=readout
    )


REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (Pool, {"kind": "min"}, "pool: kind must be one of max, average, got 'min'."),
    (Pool, {"size": 0}, "pool: size must be at least 1, got 0."),
    (Pool, {"size": 2.0}, "pool: size must be a whole number, got 2.0."),
    (Pool, {"stride": 0}, "pool: stride must be at least 1, got 0."),
    (Pool, {"padding": -1}, "pool: padding must be at least 0, got -1."),
    (Pool, {"size": 3, "padding": 2}, "pool: padding must be at most half of size 3, got 2."),
    (Layer, {"units": 0}, "layer: units must be at least 1, got 0."),
    (Layer, {"units": True}, "layer: units must be a whole number, got True."),
    (Layer, {"units": 4, "kernel": -1}, "layer: kernel must be at least 0, got -1."),
    (Layer, {"units": 4, "kernel": 3, "padding": -1}, "layer: padding must be at least 0, got -1."),
    (Layer, {"units": 4, "kernel": 3, "padding": 3}, "layer: padding must be below kernel 3, got 3."),
    (Layer, {"units": 4, "padding": 1}, "layer: a dense layer (kernel 0) has neither padding nor pooling."),
    (Layer, {"units": 4, "pool": Pool()}, "layer: a dense layer (kernel 0) has neither padding nor pooling."),
    (Layer, {"units": 4, "plasticity": "stdp"}, "layer: plasticity must be one of soft-anti-hebbian, soft, hard, "),
    (
        Layer,
        {"units": 4, "activation": "gelu"},
        "layer: activation must be one of triangle, repu, relu, tanh, softmax,",
    ),
    (Layer, {"units": 4, "rate": "adam"}, "layer: rate must be one of norm, linear, constant, got 'adam'."),
    (Layer, {"units": 4, "start": "zero"}, "layer: start must be one of normal, uniform, got 'zero'."),
    (Layer, {"units": 4, "batch_norm": 1}, "layer: batch_norm must be true or false, got 1."),
    (Layer, {"units": 4, "bias": "yes"}, "layer: bias must be true or false, got 'yes'."),
    (Layer, {"units": 4, "pre_triangle": None}, "layer: pre_triangle must be true or false, got None."),
    (Layer, {"units": 4, "eta": "fast"}, "layer: eta must be a number, got 'fast'."),
    (Layer, {"units": 4, "eta": float("nan")}, "layer: eta must be a number, got nan."),
    (Layer, {"units": 4, "norm": float("inf")}, "layer: norm must be a number, got inf."),
    (Layer, {"units": 4, "eta": -0.1}, "layer: eta must be at least 0, got -0.1."),
    (Layer, {"units": 4, "eta_bias": -1}, "layer: eta_bias must be at least 0, got -1."),
    (Layer, {"units": 4, "power": -1}, "layer: power must be at least 0, got -1."),
    (Layer, {"units": 4, "anti": -0.4}, "layer: anti must be at least 0, got -0.4."),
    (Layer, {"units": 4, "inverse_temperature": 0}, "layer: inverse_temperature must be above 0, got 0."),
    (Layer, {"units": 4, "norm": 0}, "layer: norm must be above 0, got 0."),
    (Layer, {"units": 4, "exponent": 0.0}, "layer: exponent must be above 0, got 0.0."),
    (Layer, {"units": 4, "rank": 1}, "layer: rank must be at least 2, got 1."),
    (
        Layer,
        {"units": 4, "plasticity": "krotov-hopfield", "rank": 5},
        "layer: rank must be at most the number of units 4, got 5.",
    ),
    (
        Network,
        {"image_shape": (28, 28), "layers": [CONVOLUTION]},
        "network: image_shape must be (channels, height, width), got (28, 28).",
    ),
    (
        Network,
        {"image_shape": (0, 28, 28), "layers": [CONVOLUTION]},
        "network: image_shape must be (channels, height, width), got (0, 28, 28).",
    ),
    (Network, {"image_shape": (1, 28, 28), "layers": []}, "network: at least one layer is needed."),
    (
        Network,
        {"image_shape": (1, 9, 2), "layers": [Layer(units=1, kernel=5, padding=2)]},
        "network: layer 0 has kernel 5 and padding 2, too large for an input of 1 x 9 x 2; use larger images",
    ),
    (
        Network,
        {"image_shape": (1, 4, 9), "layers": [Layer(units=1, kernel=5)]},
        "network: layer 0 has kernel 5 and padding 0, too large for an input of 1 x 4 x 9; use larger images",
    ),
    (
        Network,
        {"image_shape": (1, 4, 4), "layers": [CONVOLUTION, Layer(units=1, kernel=1, pool=Pool(size=3))]},
        "network: layer 1 pools 3 x 3 positions, but has only 2 x 2; use larger images or fewer layers.",
    ),
    (Layer, {"units": 4, "stride": 2}, "layer: a dense layer (kernel 0) has one position and no stride, got 2."),
    (Layer, {"units": 4, "kernel": 3, "stride": 0}, "layer: stride must be at least 1, got 0."),
    (Layer, {"units": 4, "winners": 5}, "layer: winners must be at most the number of units 4, got 5."),
    (Layer, {"units": 4, "winners": 0}, "layer: winners must be at least 1, got 0."),
    (Layer, {"units": 4, "pruned": 1.0}, "layer: pruned must be below 1, a share of the weights, got 1.0."),
    (Layer, {"units": 4, "whitening": -1.0}, "layer: whitening must be at least 0, got -1.0."),
    (Layer, {"units": 4, "positions": -1}, "layer: positions must be at least 0, got -1."),
    (Layer, {"units": 4, "sample_norm": 1}, "layer: sample_norm must be true or false, got 1."),
    (
        Layer,
        {"units": 4, "plasticity": "instar"},
        "layer: rate norm, which is 0 at norm 1, does not go with plasticity instar; take constant or linear.",
    ),
    (
        Layer,
        {"units": 4, "unit_norm": True},
        "layer: rate norm, which is 0 at norm 1, does not go with unit_norm; take",
    ),
    (
        Network,
        {"image_shape": (3, 8, 8), "layers": [CONVOLUTION, Layer(units=3, whitening=0.1)]},
        "network: layer 1 whitens, which only the first layer (0) can.",
    ),
    (Training, {"epochs": 0}, "training: epochs must be at least 1, got 0."),
    (Training, {"batch": 0}, "training: batch must be at least 1, got 0."),
    (Training, {"order": "random"}, "training: order must be one of successive, together, got 'random'."),
    (Readout, {"epochs": 0}, "readout: epochs must be at least 1, got 0."),
    (Readout, {"batch": 0}, "readout: batch must be at least 1, got 0."),
    (Readout, {"eta": 0}, "readout: eta must be above 0, got 0."),
    (Readout, {"dropout": -0.5}, "readout: dropout must be at least 0, got -0.5."),
    (Readout, {"dropout": 1.0}, "readout: dropout must be below 1, got 1.0."),
    (Model, {"network": NETWORK, "layers": ()}, "model: 2 layers need as many weights, got 0."),
    (model, {"weight": np.ones((2, 27))}, "model: weight of layer 0 must have the shape (2, 3, 3, 3), got (2, 27)."),
    (model, {"mean": np.zeros(2)}, "model: mean of layer 0 must have the shape (3,), got (2,)."),
    (model, {"variance": np.ones(())}, "model: variance of layer 0 must have the shape (3,), got ()."),
    (model, {"bias": np.ones(3)}, "model: bias of layer 0 must have the shape (2,), got (3,)."),
    (model, {"bias": [0, np.nan]}, "model: bias of layer 0 holds numbers that are not finite."),
    (model, {"mean": [0, np.inf, 0]}, "model: mean of layer 0 holds numbers that are not finite."),
    (model, {"variance": [1, -0.1, 1]}, "model: variance of layer 0 must not be negative."),
    (
        model,
        {"readout": (np.ones((10, 5)), np.ones(10))},
        "model: the readout must have weights (classes, 4) and biases (classes,), got (10, 5) and (10,).",
    ),
    (
        model,
        {"readout": (np.ones((10, 4)), np.ones(9))},
        "model: the readout must have weights (classes, 4) and biases (classes,), got (10, 4) and (9,).",
    ),
    (model, {"readout": (np.full((2, 4), np.nan), np.ones(2))}, "model: the readout holds numbers that are not finite"),
]
UNSEEN: list[tuple[Any, dict[str, Any]]] = [
    (Layer, {"units": 4, "kernel": 3, "pool": "max"}),
    (Network, {"image_shape": (3, 8.9, 8), "layers": [CONVOLUTION]}),
    (Network, {"image_shape": (3, 8, 8), "layers": [{"units": 3}]}),
    (Readout, {"halvings": (float("nan"),)}),
    (Readout, {"halvings": (-1.0,)}),
]


def named(value: Any) -> str:
    """Return an id that is the same in every process: functions have addresses in theirs."""
    return str(getattr(value, "__name__", value))[:60]


@pytest.mark.parametrize(("what", "given", "message"), REFUSED, ids=named)
def test_refusals(what: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        what(**given)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(("what", "given"), UNSEEN, ids=named)
def test_refusals_that_are_missing(what: Any, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        what(**given)


def test_defaults_are_those_of_the_published_networks() -> None:
    layer = Layer(units=3)
    assert (layer.norm, layer.power, layer.plasticity, layer.activation) == (25, 0.5, "soft-anti-hebbian", "triangle")
    assert (Training().epochs, Training().batch, Training().order) == (1, 10, "successive")
    assert (Readout().epochs, Readout().batch, Readout().eta, Readout().dropout) == (50, 64, 1e-3, 0.5)
    assert layer.learns
    assert not Layer(units=3, plasticity="none").learns


CONVOLUTIONS = (
    Layer(units=96, kernel=5, padding=2, pool=MAX4),
    Layer(units=384, kernel=3, padding=1, pool=MAX4),
    Layer(units=1536, kernel=3, padding=1, pool=AVERAGE2),
)


@pytest.mark.parametrize(
    ("image", "sides", "features"),
    [
        ((3, 32, 32), [(16, 16), (8, 8), (4, 4)], 24576),
        ((1, 28, 28), [(14, 14), (7, 7), (3, 3)], 13824),
        ((3, 96, 96), [(48, 48), (24, 24), (12, 12)], 221184),
        ((3, 32, 20), [(16, 10), (8, 5), (4, 2)], 12288),
    ],
)
def test_shapes(image: Any, sides: list[tuple[int, int]], features: int) -> None:
    network = Network(image_shape=image, layers=CONVOLUTIONS)
    assert network.shapes == (image, *((n, *side) for n, side in zip((96, 384, 1536), sides, strict=True)))
    assert network.features == features
    assert network.weight_shape(0) == (96, image[0], 5, 5)
    assert network.weight_shape(2) == (1536, 384, 3, 3)
    assert array_shapes(network, 1) == {"weight": (384, 96, 3, 3), "mean": (96,), "variance": (96,), "bias": (384,)}


def test_shapes_of_dense_layers() -> None:
    assert NETWORK.shapes == ((3, 6, 6), (2, 3, 3), (4, 1, 1))
    assert NETWORK.weight_shape(1) == (4, 18)
    assert array_shapes(NETWORK, 1)["mean"] == (2,)
    assert NETWORK.features == 4


def test_a_model_keeps_its_own_arrays() -> None:
    weight, table = np.ones((2, 3, 3, 3)), np.ones((10, 4))
    built = model(weight=weight, readout=(table, np.zeros(10)))
    weight[:], table[:] = 5, 5
    assert built.layers[0].weight.max() == 1
    assert built.readout is not None
    assert built.readout[0].max() == 1
    with pytest.raises(ValueError, match="read-only"):
        built.layers[0].weight[0] = 2
    assert {array.dtype for array in (built.layers[0].weight, *built.readout)} == {np.dtype(np.float32)}
    again = pickle.loads(pickle.dumps(built))  # noqa: S301
    assert again.network == built.network
    assert again.layers[1].steps == 7


def test_halvings_of_a_readout_are_kept_as_numbers_that_nobody_changes() -> None:
    halvings = [0.5, 1]
    readout = Readout(halvings=halvings)  # type: ignore[arg-type]
    halvings.append(2)
    assert readout.halvings == (0.5, 1.0)
    assert hash(readout) == hash(Readout(halvings=(0.5, 1.0)))
