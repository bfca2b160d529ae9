"""Presets: the published table, written again, and the images that they are for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from spikehebb.softhebb import Layer, Pool, find, presets
from spikehebb.softhebb.torch_config import block_config, layer_settings

SIZES = {
    "cifar10": (3, 32, 32),
    "mnist": (1, 28, 28),
    "fashion-mnist": (1, 28, 28),
    "stl10": (3, 96, 96),
    "cifar100": (3, 32, 32),
    "folder": (3, 160, 160),
}
MAX4, AVG4 = ("max", 4, 2, 1), ("average", 4, 2, 1)
MAX2, AVG2 = ("max", 2, 2, 0), ("average", 2, 2, 0)

# units, kernel, padding, t, eta, exponent of Triangle, pool: the authors' presets.json and the paper's Table 4
FIRST = (96, 5, 2, 1, 0.08, 0.7)
SECOND = (384, 3, 1, 0.65, 0.005, 1.4)
CIFAR_1: list[Any] = [(*FIRST, AVG4)]
CIFAR_2 = [(*FIRST, AVG4), (*SECOND, MAX4)]
CIFAR_3 = [(*FIRST, MAX4), (*SECOND, MAX4), (1536, 3, 1, 0.25, 0.01, 1, AVG2)]
STL_3 = [(*FIRST, AVG4), (*SECOND, MAX4), (1536, 3, 1, 0.45, 0.01, 1, AVG4)]
STL_4 = [
    (*FIRST, AVG4),
    (384, 3, 1, 0.65, 0.005, 0.7, MAX4),
    (1536, 3, 1, 0.45, 0.01, 1.4, AVG4),
    (6144, 3, 1, 0.25, 0.01, 1, AVG2),
]
IMAGENET = [
    (48, 5, 2, 1.1, 0.08, 0.7, MAX4),
    (192, 3, 1, 0.7, 0.01, 0.7, MAX4),
    (768, 3, 1, 0.5, 0.01, 0.7, MAX4),
    (3072, 3, 1, 0.4, 0.01, 1.4, MAX4),
    (12288, 3, 1, 0.25, 0.01, 1, AVG2),
]
RANDOM = [(96, 5, 2, 1, 0.08, 1, MAX4), (384, 3, 1, 0.65, 0.005, 1, MAX4), (1536, 3, 1, 0.25, 0.01, 1, AVG2)]
HARD = [(96, 5, 1, None, 0.05, 1, MAX4), (384, 3, 1, None, 0.05, 1, MAX4), (1536, 3, 0, None, 0.05, 1, MAX2)]
HARD_1 = [(96, 5, 2, None, 0.08, 0.7, AVG4)]
STL_HARD = [*HARD[:2], (1536, 3, 1, None, 0.05, 1, MAX4), (6144, 3, 0, None, 0.05, 1, MAX2)]
IMAGENET_HARD = [(*row[:3], None, 0.05, 1, row[6]) for row in IMAGENET]


def wide(factor: int) -> list[Any]:
    """The layers of cifar-3 with so many times the units of the layer below."""
    return [(96 * factor**number, *row[1:]) for number, row in enumerate(CIFAR_3)]


NONE, SOFT = "none", "soft-anti-hebbian"

# layers, plasticity, name of the authors, accuracy in %, features, batch, epochs and batch of the readout
TABLE: dict[str, tuple[Any, ...]] = {
    "cifar-1": (CIFAR_1, SOFT, "2SoftHebbCnnCIFAR", 71.1, 96 * 16 * 16, 10, 50, 64),
    "cifar-2": (CIFAR_2, SOFT, "3SoftHebbCnnCIFAR", 77.7, 384 * 8 * 8, 10, 50, 64),
    "cifar-3": (CIFAR_3, SOFT, "4SoftHebbCnnCIFAR", 80.31, 24576, 10, 50, 64),
    "cifar-2-width-1": ([CIFAR_2[0], (96, *CIFAR_2[1][1:])], SOFT, "", 71.69, 96 * 8 * 8, 10, 50, 64),
    "cifar-2-width-2": ([CIFAR_2[0], (192, *CIFAR_2[1][1:])], SOFT, "", 74.85, 192 * 8 * 8, 10, 50, 64),
    "cifar-3-width-1": (wide(1), SOFT, "", 66.44, 96 * 4 * 4, 10, 50, 64),
    "cifar-3-width-2": (wide(2), SOFT, "", 73.87, 384 * 4 * 4, 10, 50, 64),
    "cifar-random-1": (RANDOM[:1], NONE, "", 63.99, 24576, 10, 50, 64),
    "cifar-random-2": (RANDOM[:2], NONE, "", 68.64, 24576, 10, 50, 64),
    "cifar-random-3": (RANDOM, NONE, "", 64.62, 24576, 10, 50, 64),
    "cifar-hard-1": (HARD[:1], "hard", "", None, 96 * 15 * 15, 10, 50, 64),
    "cifar-hard-1-average": (HARD_1, "hard", "2HardCnnCIFAR", None, 24576, 10, 50, 64),
    "cifar-hard-2": (HARD[:2], "hard", "3HardCnnCIFAR", 60.08, 384 * 7 * 7, 10, 50, 64),
    "cifar-hard-3": (HARD, "hard", "4HardCnnCIFAR", 60.29, 1536 * 2 * 2, 10, 50, 64),
    "cifar100-1": (CIFAR_1, SOFT, "", 43.0, 24576, 10, 50, 64),
    "cifar100-2": (CIFAR_2, SOFT, "", 52.31, 24576, 10, 50, 64),
    "cifar100-3": (CIFAR_3, SOFT, "", 56.0, 24576, 10, 50, 64),
    "cifar100-random-1": (RANDOM[:1], NONE, "", 34.59, 24576, 10, 50, 64),
    "cifar100-random-2": (RANDOM[:2], NONE, "", 38.76, 24576, 10, 50, 64),
    "cifar100-random-3": (RANDOM, NONE, "", 38.25, 24576, 10, 50, 64),
    "cifar100-hard-1": (HARD[:1], "hard", "", None, 96 * 15 * 15, 10, 50, 64),
    "cifar100-hard-2": (HARD[:2], "hard", "", 33.49, 384 * 7 * 7, 10, 50, 64),
    "cifar100-hard-3": (HARD, "hard", "", 21.6, 1536 * 2 * 2, 10, 50, 64),
    "mnist-3": (CIFAR_3, SOFT, "", 99.35, 13824, 10, 50, 64),
    "stl-1": (CIFAR_1, SOFT, "", 65.4, 96 * 48 * 48, 32, 100, 64),
    "stl-2": (CIFAR_2, SOFT, "", 70.11, 384 * 24 * 24, 32, 100, 64),
    "stl-3": (STL_3, SOFT, "4SoftHebbCnnSTL", 73.1, 1536 * 12 * 12, 32, 100, 64),
    "stl-4": (STL_4, SOFT, "5SoftHebbCnnSTL", 76.23, 6144 * 6 * 6, 32, 100, 64),
    "stl-random-1": (CIFAR_1, NONE, "", 62.55, 96 * 48 * 48, 32, 100, 64),
    "stl-random-2": (CIFAR_2, NONE, "", 65.69, 384 * 24 * 24, 32, 100, 64),
    "stl-random-3": (STL_3, NONE, "", 68.12, 1536 * 12 * 12, 32, 100, 64),
    "stl-random-4": (STL_4, NONE, "", 68.19, 6144 * 6 * 6, 32, 100, 64),
    **{
        f"stl-hard-{n}": (STL_HARD[:n], "hard", "", None, features, 32, 100, 64)
        for n, features in enumerate((96 * 47 * 47, 384 * 23 * 23, 1536 * 11 * 11, 6144 * 4 * 4), start=1)
    },
    "imagenette-1": (CIFAR_1, SOFT, "", 61.03, 96 * 80 * 80, 10, 200, 32),
    "imagenette-2": (CIFAR_2, SOFT, "", 71.29, 384 * 40 * 40, 10, 200, 32),
    "imagenette-3": (CIFAR_3, SOFT, "", 75.69, 1536 * 20 * 20, 10, 200, 32),
    "imagenette-4": (STL_4, SOFT, "", 78.76, 6144 * 10 * 10, 10, 200, 32),
    "imagenette-5": (IMAGENET, SOFT, "", 80.98, 12288 * 5 * 5, 10, 200, 32),
    "imagenet-5": (IMAGENET, SOFT, "6SoftHebbCnnImNet", 27.3, 12288 * 5 * 5, 10, 200, 32),
    "imagenet-random-5": (IMAGENET, NONE, "", 14.0, 12288 * 5 * 5, 10, 200, 32),
    **{
        f"imagenette-{kind}-{n}": (rows[:n], plasticity, "", accuracy, 48 * 4 ** (n - 1) * (160 >> n) ** 2, 10, 200, 32)
        for kind, rows, plasticity, published in (
            ("random", IMAGENET, NONE, (61.0, 67.31, 68.12, 74.2, 74.1)),
            ("hard", IMAGENET_HARD, "hard", (None,) * 5),
        )
        for n, accuracy in enumerate(published, start=1)
    },
}
PRE_TRIANGLE = {"cifar-2", "cifar-2-width-1", "cifar-2-width-2", "cifar100-2", "stl-2", "stl-random-2", "imagenette-2"}
STEEP = (  # whose learning rate depends on norms with the power 0.75
    *("cifar-hard-1", "cifar-hard-2", "cifar-hard-3", "cifar100-hard", "stl-hard"),
    *("imagenet-", "imagenette-random", "imagenette-hard", "imagenette-5"),
)


@pytest.mark.parametrize("name", TABLE)
def test_convolutions_as_published(name: str) -> None:
    preset = presets()[name]
    rows, plasticity, official, published, features, batch, epochs, readout_batch = TABLE[name]
    assert len(preset.layers) == len(rows)
    for number, (layer, row) in enumerate(zip(preset.layers, rows, strict=True)):
        pool = layer.pool
        assert pool is not None
        temperature = None if plasticity == "hard" else layer.inverse_temperature
        values = (layer.units, layer.kernel, layer.padding, temperature, layer.eta, layer.exponent)
        assert (*values, (pool.kind, pool.size, pool.stride, pool.padding)) == row
        assert layer.plasticity == plasticity
        assert (layer.start, layer.rate, layer.activation) == ("normal", "norm", "triangle")
        assert layer.norm == 25
        assert layer.power == (0.75 if name.startswith(STEEP) and not name.endswith("average") else 0.5)
        assert layer.batch_norm
        assert not layer.bias
        assert layer.pre_triangle == (number == 1 and name in PRE_TRIANGLE)
    assert (preset.official, preset.published) == (official, published)
    assert (preset.training.epochs, preset.training.batch, preset.training.order) == (1, batch, "successive")
    assert (preset.readout.epochs, preset.readout.batch) == (epochs, readout_batch)
    assert (preset.readout.eta, preset.readout.halvings) == (1e-3, None)
    assert preset.readout.dropout == (0.4 if name == "stl-3" else 0.5)
    assert {preset.network(SIZES[data]).features for data in preset.data} == {features}


# published, pool of each layer, share that is pruned in layers 2 and 3, activation
MICONI: dict[str, tuple[Any, ...]] = {
    "miconi-1": (58.56, (14,), 0.99, "triangle"),
    "miconi-2": (64.2, (2, 6), 0.99, "triangle"),
    "miconi-3": (64.55, (2, 2, 2), 0.99, "triangle"),
    "miconi-dense-3": (None, (2, 2, 2), 0.0, "triangle"),
    "miconi-pruned-3": (None, (2, 2, 2), 0.99, "winners"),
    "miconi-neither-3": (None, (2, 2, 2), 0.0, "winners"),
    "miconi-random-3": (None, (2, 2, 2), 0.99, "triangle"),
}


@pytest.mark.parametrize("name", MICONI)
def test_miconis_networks_as_published(name: str) -> None:
    """What their notebook says, but for how long and from how many positions they learn."""
    preset, (published, pools, pruned, activation) = presets()[name], MICONI[name]
    learns = "random" not in name
    rows = [(layer.units, layer.kernel, layer.padding, layer.stride, layer.winners) for layer in preset.layers]
    assert rows == [(100, 5, 0, 1, 1), (196, 3, 0, 1, 1), (400, 3, 0, 1, 1)][: len(pools)]
    for number, (layer, pool) in enumerate(zip(preset.layers, pools, strict=True)):
        assert layer.pool == Pool(kind="average", size=pool, stride=pool)
        assert (layer.pruned, layer.activation) == (pruned if number else 0, activation)
        assert (layer.whitening > 0, layer.sample_norm, layer.batch_norm) == (number == 0, True, False)
        assert (layer.plasticity, layer.bias) == (("instar", True) if learns else ("none", False))
        assert (layer.unit_norm, layer.eta_bias, layer.rate) == (True, 3, "constant")
    assert (preset.published, preset.method, preset.training.batch) == (published, "ridge", 100)
    assert preset.network((3, 32, 32)).shapes[-1] == (preset.layers[-1].units, 2, 2)  # quadrants


def test_dense_as_published() -> None:
    preset = presets()["mnist-dense-35"]
    (layer,) = preset.layers
    assert layer == Layer(
        units=2000,
        batch_norm=False,
        plasticity="soft",
        inverse_temperature=12,
        eta=0.045,
        power=0.2,
        norm=35.0,
        start="uniform",
        activation="softmax",
        exponent=5.0,
    )
    assert (preset.official, preset.published) == ("2SoftMlpMNIST", None)
    assert (preset.training.epochs, preset.training.batch, preset.readout.dropout) == (1, 32, 0)
    ours = presets()["mnist-dense"]
    assert ours.layers == (dataclasses.replace(layer, norm=2.5, activation="triangle", exponent=1.0),)
    assert (ours.official, ours.published, ours.training, ours.readout) == ("", 96.94, preset.training, preset.readout)


def test_krotov_and_hopfield_as_published() -> None:
    preset = presets()["mnist-krotov-hopfield"]
    (layer,) = preset.layers
    assert (layer.units, layer.plasticity, layer.rank, layer.anti) == (100, "krotov-hopfield", 2, 0.4)
    assert (layer.eta, layer.rate, layer.norm, layer.start) == (0.02, "linear", 28, "normal")  # 28 = 1*sqrt(784)
    assert (layer.kernel, layer.batch_norm, layer.bias, layer.pre_triangle) == (0, False, False, False)
    assert (preset.training.epochs, preset.training.batch) == (200, 100)


def test_every_preset_is_in_the_table_and_builds_on_its_data() -> None:
    others = {"mnist-3-small", "mnist-dense", "mnist-dense-35", "mnist-krotov-hopfield"}
    assert set(presets()) == set(TABLE) | others | set(MICONI)
    for name, preset in presets().items():
        assert preset.name == name
        assert preset.summary
        for data in preset.data:
            shape = SIZES[data]
            assert preset.channels == shape[0]
            assert preset.network(shape).image_shape == shape
    assert presets()["mnist-dense"].network((1, 28, 28)).weight_shape(0) == (2000, 784)


def test_names() -> None:
    for preset in presets().values():
        assert find(preset.name) is preset
        if preset.official:
            assert find(preset.official) is preset
    with pytest.raises(ValueError, match=r"^there is no preset 'cifar3'\. Did you mean 'cifar-3'\? \(.*cifar-3"):
        find("cifar3")


def test_an_empty_name() -> None:
    with pytest.raises(ValueError, match="there is no preset ''"):
        find("")


def test_images_of_other_channels() -> None:
    with pytest.raises(
        ValueError, match=r"^preset cifar-3 is for images with 3 channels, but mnist/train has 1; "
    ) as e:
        find("cifar-3").network((1, 28, 28), "mnist/train")
    assert str(e.value).endswith(
        "choose one of mnist-3, mnist-3-small, mnist-dense, mnist-dense-35, mnist-krotov-hopfield."
    )
    with pytest.raises(
        ValueError, match=r"is for images with 1 channel, but these images has 3; choose one of cifar-1,"
    ):
        find("mnist-3").network((3, 32, 32))
    with pytest.raises(ValueError, match=r"but these images has 2; choose other images\.$"):
        find("mnist-3").network((2, 32, 32))


def test_images_that_are_too_small() -> None:
    with pytest.raises(ValueError, match=r"layer 0 has kernel 5 and padding 2, too large for an input of 3 x 2 x 2"):
        find("cifar-3").network((3, 2, 2))
    with pytest.raises(ValueError, match=r"layer 2 pools 2 x 2 positions, but has only 1 x 1; use larger images"):
        find("cifar-hard-3").network((3, 14, 14))


def test_controls() -> None:
    control = find("cifar-2").with_plasticity("none")
    assert [layer.plasticity for layer in control.layers] == ["none", "none"]
    assert (control.name, control.official, control.published) == ("cifar-2 (none)", "", None)
    assert control.layers == presets()["stl-random-2"].layers
    assert presets()["cifar-random-2"].layers == presets()["cifar-random-3"].layers[:2] != control.layers
    assert control.layers[1].pool == Pool(size=4, padding=1)
    assert find("cifar-2").layers[0].plasticity == SOFT


@pytest.mark.parametrize("name", ["mnist-krotov-hopfield", "mnist-dense"])
def test_settings_of_a_layer_survive_the_form_of_the_authors_code(name: str) -> None:
    network = find(name).network((1, 28, 28))
    keywords, wrong = layer_settings(block_config(network, 0, steps=10))
    assert (wrong, keywords.pop("steps")) == ([], 10)
    layer = network.layers[0]
    assert {entry: getattr(layer, entry) for entry in keywords} == keywords
    assert ("rank" in keywords) == (layer.plasticity == "krotov-hopfield")


def test_other_layers_of_a_preset() -> None:
    preset = find("cifar-2")
    other = preset.with_layers(inverse_temperature=2.0, exponent=[0.5, 1.0], width=0.5, pool={"size": 2})
    assert [(layer.units, layer.inverse_temperature, layer.exponent) for layer in other.layers] == [
        (48, 2.0, 0.5),
        (192, 2.0, 1.0),
    ]
    assert all(layer.pool == Pool(size=2) for layer in other.layers)
    assert (other.official, other.published, other.training) == ("", None, preset.training)
    assert other.name.startswith("cifar-2 (inverse_temperature 2.0, exponent [0.5, 1.0], width 0.5")
    assert other.layers[1].pre_triangle
    hot = preset.with_layers(temperature=4.0, radius=3.0).layers
    assert [(layer.inverse_temperature, layer.norm) for layer in hot] == [(0.25, 3.0), (0.25, 3.0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperture": 1.0}, r"^layer: there is no setting 'temperture'\."),
        ({"temperature": 0.0}, r"^temperature must be a number above 0, got 0\.0"),
        ({"radius": "wide"}, "^radius must be a number above 0, got 'wide'"),
        ({"exponent": [1.0]}, "^exponent has 1 values, but there are 2 layers; give one, or one for each\\.$"),
        ({"width": 0}, "^width must be a number above 0, got 0"),
        ({"eta": -1.0}, "^layer: eta must be at least 0, got -1.0"),
    ],
)
def test_changes_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find("cifar-2").with_layers(**changes)
