"""PyTorch files: the same numbers there and here, both ways; what is damaged, foreign or hostile is refused."""

from __future__ import annotations

import builtins
import dataclasses
import os
import pickle
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb.core import Images
from spikehebb.softhebb import Layer, Model, Network, Pool, Weights, find, presets, training
from spikehebb.softhebb.backend import working
from spikehebb.softhebb.model import array_shapes
from spikehebb.softhebb.torch_files import read_torch, write_torch

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra torch)")
functional = torch.nn.functional

Layers = tuple[Layer, ...]


def layers_of(preset: str, *units: int) -> Layers:
    """Return a preset's layers with fewer units."""
    return tuple(dataclasses.replace(x, units=n) for x, n in zip(find(preset).layers, units, strict=True))


def random_model(layers: Layers, image_shape: tuple[int, int, int] = (3, 32, 32), classes: int = 10) -> Model:
    rng = np.random.default_rng(7)
    network = Network(image_shape=image_shape, layers=layers)
    weights = []
    for number, layer in enumerate(layers):
        shapes = array_shapes(network, number)
        arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        arrays["variance"] = arrays["variance"] ** 2 + 0.1
        if not layer.batch_norm:
            arrays |= {"mean": np.zeros_like(arrays["mean"]), "variance": np.ones_like(arrays["variance"])}
        arrays["bias"] *= layer.bias
        weights.append(Weights(steps=5000 + number, **arrays))
    linear = [rng.standard_normal(shape).astype(np.float32) for shape in ((classes, network.features), (classes,))]
    readout = (linear[0], linear[1]) if classes else None
    return Model(network=network, layers=tuple(weights), readout=readout)


CIFAR = layers_of("cifar-3", 6, 8, 10)
PLAIN = find("cifar-3").layers


def assert_same(one: Model, other: Model) -> None:
    assert other.network == one.network
    for a, b in zip(one.layers, other.layers, strict=True):
        assert a.steps == b.steps
        for name in ("weight", "mean", "variance", "bias"):
            np.testing.assert_array_equal(getattr(b, name), getattr(a, name), err_msg=name)
    assert (one.readout is None) == (other.readout is None)
    for old, new in zip(one.readout or (), other.readout or (), strict=True):
        np.testing.assert_array_equal(new, old)


def content_of(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def official(path: Path, model: Model | None = None) -> Any:
    """Return what an official file of a small network holds."""
    write_torch(model or random_model(CIFAR), path)
    return content_of(path)


# --- round trips ------------------------------------------------------------------------------------------------------


EVERY = list({preset.layers: name for name, preset in presets().items()}.values())
MICONI = [name for name in EVERY if name.startswith("miconi")]


def small(name: str) -> Model:
    preset = find(name)
    layers = layers_of(name, *[5 + number for number in range(len(preset.layers))])
    return random_model(layers, (preset.channels, 48, 48), classes=3)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in MICONI])
def test_every_preset_comes_back_from_an_official_file(tmp_path: Path, name: str) -> None:
    model = small(name)
    write_torch(model, tmp_path / "a.pth.tar")
    assert_same(model, read_torch(tmp_path / "a.pth.tar", model.network.image_shape))


@pytest.mark.parametrize("name", MICONI)
def test_networks_of_miconi_are_no_official_files(tmp_path: Path, name: str) -> None:
    lost = "sample_norm" if name == "miconi-random-3" else "plasticity instar"
    with pytest.raises(ValueError, match=f"layout official cannot hold {lost} of layer 0, .*authors' code does not"):
        write_torch(small(name), tmp_path / "a.pth.tar")
    assert not list(tmp_path.iterdir())


ODD = (
    Layer(
        units=5, kernel=3, padding=1, batch_norm=False, plasticity="soft", bias=True, activation="softmax", exponent=3.0
    ),
    Layer(
        units=6,
        kernel=2,
        rate="constant",
        start="uniform",
        activation="repu",
        exponent=2.0,
        pool=Pool(size=3, stride=1),
    ),
    Layer(units=7, plasticity="krotov-hopfield", rank=3, anti=0.2, rate="linear", activation="relu"),
    Layer(units=4, plasticity="soft", bias=True, eta_bias=1.0, activation="tanh"),
    Layer(units=3, batch_norm=False, plasticity="none"),
)


@pytest.mark.parametrize("classes", [0, 4])
def test_every_kind_of_layer_comes_back(tmp_path: Path, classes: int) -> None:
    model = random_model(ODD, (2, 9, 7), classes)
    write_torch(model, tmp_path / "a.pth")
    assert_same(model, read_torch(tmp_path / "a.pth", (2, 9, 7)))


@pytest.mark.parametrize(("channels", "side", "classes"), [(3, 32, 10), (1, 28, 10), (3, 32, 0)])
def test_the_demo_layout_comes_back(tmp_path: Path, channels: int, side: int, classes: int) -> None:
    model = random_model(CIFAR, (channels, side, side), classes)
    write_torch(model, tmp_path / "a.pth", "demo")
    assert_same(model, read_torch(tmp_path / "a.pth", model.network.image_shape))
    names = {f"bn{n}.{key}" for n in (1, 2, 3) for key in ("running_mean", "running_var", "num_batches_tracked")}
    names |= {f"conv{n}.weight" for n in (1, 2, 3)} | ({"classifier.weight", "classifier.bias"} if classes else set())
    assert set(content_of(tmp_path / "a.pth")) == names


def test_names_and_settings_of_an_official_file(tmp_path: Path) -> None:
    content = official(tmp_path / "a.pth.tar")
    assert set(content) == {"state_dict", "config", "epoch"}
    statistics = ("operations.0.running_mean", "operations.0.running_var", "operations.0.num_batches_tracked")
    names = {f"blocks.{n}.{key}" for n in range(3) for key in (*statistics, "layer.weight")}
    assert set(content["state_dict"]) == names | {"blocks.3.layer.weight", "blocks.3.layer.bias"}
    assert content["state_dict"]["blocks.1.operations.0.num_batches_tracked"] == torch.tensor(5001)
    block = content["config"]["b1"]
    assert block["activation"] == {"function": "triangle", "param": 1.4}
    assert block["pool"] == {"type": "max", "kernel_size": 4, "stride": 2, "padding": 1}
    settings = {key: block["layer"][key] for key in ("softness", "t_invert", "kernel_size", "in_channels", "add_bias")}
    assert settings == {
        "softness": "softkrotov",
        "t_invert": 0.65,
        "kernel_size": 3,
        "in_channels": 6,
        "add_bias": False,
    }
    assert block["layer"]["weight_init_range"] == pytest.approx(25 / 54**0.5)
    assert content["config"]["b3"]["layer"]["hebbian"] is False


# The config of block 0 in the listing of a real file (HUA428571/SoftHebb, test.ipynb), and its readout block.
REAL = {
    "arch": "CNN", "preset": "softkrotov-c96-k5-p2-s1-d1-b0-t1-lr0.08-lp0.5-e0", "operation": "batchnorm2d", "num": 0,
    "batch_norm": False, "pool": {"type": "max", "kernel_size": 4, "stride": 2, "padding": 1},
    "activation": {"function": "triangle", "param": 0.7}, "resume": None,
    "layer": {
        "arch": "CNN", "nb_train": None, "lr": 0.08, "adaptive": True, "lr_sup": 0.001, "speed": 7, "lr_div": 96,
        "lebesgue_p": 2, "padding_mode": "reflect", "pre_triangle": False, "ranking_param": 3, "delta": 2,
        "t_invert": 1.0, "groups": 1, "stride": 1, "dilation": 1, "beta": 1, "power": 4.5, "padding": 2,
        "weight_init": "normal", "weight_init_range": np.float64(2.886751345948129), "weight_init_offset": 0,
        "mask_thsd": 0, "radius": 25, "power_lr": 0.5, "weight_decay": 0, "soft_activation_fn": "exp", "hebbian": True,
        "resume": None, "add_bias": False, "normalize_inp": False, "lr_decay": "linear", "seed": 0,
        "softness": "softkrotov", "out_channels": 96, "kernel_size": 5, "in_channels": 3,
        "lr_scheduler": {"lr": 0.08, "adaptive": True, "nb_epochs": 10, "ratio": 0.0002, "speed": 7, "div": 96,
                         "decay": "linear", "power_lr": 0.5},
    },
}  # fmt: skip


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before-1.6"])
@pytest.mark.parametrize("spelling", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_a_file_like_a_real_one(tmp_path: Path, old: bool, spelling: str) -> None:
    """Its config holds a NumPy scalar, which old files name as old NumPy did."""
    model = random_model(PLAIN[:1], classes=0)
    content = official(tmp_path / "a.pth.tar", model)
    content["config"] = {"b0": REAL}
    path = tmp_path / "b.pth.tar"
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    if old:
        whole = path.read_bytes()
        assert whole.count(b"cnumpy._core.multiarray\n") == 1
        path.write_bytes(whole.replace(b"cnumpy._core.multiarray\n", f"c{spelling}\n".encode()))
    else:
        repack(path, b"cnumpy._core.multiarray\n", f"c{spelling}\n".encode())
    with pytest.raises(Exception, match="numpy"):
        content_of(path)
    read = read_torch(path)
    assert_same(model, read)
    assert read.header["epoch"] == 0


def repack(path: Path, old: bytes, new: bytes) -> None:
    """Replace something in the pickle of a zip file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if name.endswith("data.pkl"):
                assert data.count(old) == 1
                data = data.replace(old, new)
            archive.writestr(name, data)


# --- the same function ------------------------------------------------------------------------------------------------


def forward(content: Any, x: Any) -> Any:
    """Return the logits of a network as PyTorch computes them, from an official file alone."""
    state, config = content["state_dict"], content["config"]
    pools = {"max": torch.nn.MaxPool2d, "avg": torch.nn.AvgPool2d}
    for number, block in enumerate(config.values()):
        tensors = {
            key.removeprefix(f"blocks.{number}."): x for key, x in state.items() if key.startswith(f"blocks.{number}.")
        }
        settings = block["layer"]
        if not settings["hebbian"]:
            linear = torch.nn.Linear(settings["in_channels"], settings["out_channels"])
            linear.load_state_dict({"weight": tensors["layer.weight"], "bias": tensors["layer.bias"]})
            return linear(x.flatten(1))
        norm = torch.nn.BatchNorm2d(settings["in_channels"], affine=False).eval()
        norm.load_state_dict(
            {k.removeprefix("operations.0."): v for k, v in tensors.items() if k.startswith("operations")}
        )
        x = functional.pad(norm(x), [settings["padding"]] * 4, "reflect")
        u = functional.conv2d(x, tensors["layer.weight"])
        if settings["pre_triangle"]:
            u = functional.relu(u - u.mean(dim=1, keepdim=True))
        x = functional.relu(u - u.mean(dim=1, keepdim=True)) ** block["activation"]["param"]
        how = block["pool"]
        x = pools[how["type"]](how["kernel_size"], how["stride"], how["padding"])(x)
    return x


@pytest.mark.parametrize(
    ("layers", "image_shape"),
    [
        pytest.param(CIFAR, (3, 32, 32), id="cifar-3"),
        pytest.param(layers_of("cifar-2", 6, 9), (3, 32, 32), id="pre-triangle"),
        pytest.param(layers_of("cifar-1", 7), (3, 20, 12), id="padded-average-oblong"),
        pytest.param(layers_of("mnist-3", 6, 8, 10), (1, 28, 28), id="grey-odd-sides"),
        pytest.param(layers_of("stl-4", 5, 6, 7, 8), (3, 32, 32), id="stl-4"),
    ],
)
def test_logits_are_those_of_pytorch(
    tmp_path: Path, rng: np.random.Generator, layers: Layers, image_shape: tuple[int, int, int]
) -> None:
    write_torch(random_model(layers, image_shape), tmp_path / "a.pth")
    pixels = rng.random((20, *image_shape), np.float32)
    with torch.no_grad():
        expected = forward(content_of(tmp_path / "a.pth"), torch.tensor(pixels)).numpy()
    model = read_torch(tmp_path / "a.pth", image_shape)
    assert model.readout is not None
    images = Images(name="random", pixels=pixels, labels=np.zeros(20, int))
    with working("cpu", 1) as (xp, each):
        features = np.concatenate(list(training.outputs(model.network, model.layers, images, xp, each)))
    got = features @ model.readout[0].T + model.readout[1]
    assert np.abs(expected).max() > 1
    assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()


# --- architecture: config, preset, shapes -----------------------------------------------------------------------------


def test_what_the_config_does_not_say_comes_from_the_preset(tmp_path: Path) -> None:
    model = random_model(CIFAR)
    content = official(tmp_path / "a.pth", model)
    for block in content["config"].values():
        for silent in ("t_invert", "lr", "adaptive", "radius", "out_channels"):
            block["layer"].pop(silent, None)
        block.pop("pool")
    torch.save(content, tmp_path / "b.pth")
    assert_same(model, read_torch(tmp_path / "b.pth", preset="cifar-3"))
    layers = read_torch(tmp_path / "b.pth", preset="stl-3").network.layers
    assert [layer.inverse_temperature for layer in layers] == [1, 0.65, 0.45]
    assert [layer.exponent for layer in layers] == [0.7, 1.4, 1.0]
    with pytest.raises(
        ValueError,
        match="does not state eta, inverse_temperature, norm, pool, rate, units, and its shapes fit no known preset",
    ):
        read_torch(tmp_path / "b.pth")


def test_what_the_authors_code_needs_to_make_its_blocks(tmp_path: Path) -> None:
    """Flat inputs need the normalization of one dimension; 2.165064 is the authors' range for R = 35."""
    blocks = official(tmp_path / "a.pth", random_model(ODD, (2, 9, 7), 0))["config"].values()
    assert [block["operation"] for block in blocks] == ["", "batchnorm2d", "batchnorm2d_flatten", "batchnorm1d", ""]
    dense = official(tmp_path / "b.pth", random_model(layers_of("mnist-dense-35", 4), (1, 28, 28)))["config"]["b0"]
    assert dense["operation"] == "flatten"
    assert dense["layer"]["weight_init_range"] == pytest.approx(2.165064, abs=1e-6)
    assert (dense["layer"]["weight_init"], dense["layer"]["in_channels"]) == ("positive", 784)


def test_hard_layers_have_no_bias_whatever_their_config_says(tmp_path: Path) -> None:
    model = random_model(layers_of("cifar-hard-1", 5))
    content = official(tmp_path / "a.pth", model)
    content["config"]["b0"]["layer"]["add_bias"] = True
    torch.save(content, tmp_path / "b.pth")
    assert_same(model, read_torch(tmp_path / "b.pth"))


def test_a_config_that_contradicts_the_arrays(tmp_path: Path) -> None:
    content = official(tmp_path / "a.pth")
    content["config"]["b2"]["layer"]["out_channels"] = 11
    for preset in (None, "cifar-3"):
        torch.save(content, tmp_path / "b.pth")
        with pytest.raises(ValueError, match=r"blocks.2.layer.weight has the shape \(10, 8, 3, 3\), not \(11, 8"):
            read_torch(tmp_path / "b.pth", preset=preset)
        content["config"]["b2"].pop("pool", None)


def test_the_config_wins_over_the_preset(tmp_path: Path) -> None:
    model = random_model(CIFAR)
    write_torch(model, tmp_path / "a.pth")
    assert_same(model, read_torch(tmp_path / "a.pth", preset="stl-3"))


def test_without_config_the_shapes_tell_if_only_one_preset_fits(tmp_path: Path) -> None:
    wide = (*PLAIN[:2], dataclasses.replace(PLAIN[2], units=4))
    for name, layers, classes in (("1", find("cifar-1").layers, 0), ("2", find("cifar-2").layers, 4), ("3", wide, 4)):
        content = official(tmp_path / "a.pth", random_model(layers, classes=classes))
        content.pop("config")
        torch.save(content, tmp_path / f"{name}.pth")
    content = official(tmp_path / "a.pth", random_model(PLAIN, classes=2))
    torch.save({"state_dict": content["state_dict"]}, tmp_path / "plain.pth")
    assert read_torch(tmp_path / "plain.pth").network.layers == PLAIN  # not stl-3, which is for larger images
    assert read_torch(tmp_path / "2.pth").network.layers == find("cifar-2").layers
    with pytest.raises(ValueError, match=r"does not state its architecture, and its shapes fit no known preset; name"):
        read_torch(tmp_path / "3.pth")
    assert read_torch(tmp_path / "3.pth", preset="cifar-3").network.layers == wide
    with pytest.raises(
        ValueError, match="its shapes fit the presets cifar-1, cifar-hard-1, cifar-hard-1-average alike"
    ):
        read_torch(tmp_path / "1.pth")
    assert read_torch(tmp_path / "1.pth", preset="2HardCnnCIFAR").network.layers == find("cifar-hard-1-average").layers
    with pytest.raises(ValueError, match="it has 2 layers, but preset cifar-3 has 3"):
        read_torch(tmp_path / "2.pth", preset="cifar-3")
    with pytest.raises(ValueError, match="there is no preset 'cifar-33'"):
        read_torch(tmp_path / "2.pth", preset="cifar-33")


def test_a_demo_file_with_another_preset(tmp_path: Path) -> None:
    model = random_model(CIFAR)
    write_torch(model, tmp_path / "a.pth", "demo")
    layers = read_torch(tmp_path / "a.pth", preset="stl-3").network.layers
    assert layers == layers_of("stl-3", 6, 8, 10)


def test_a_file_of_one_block(tmp_path: Path) -> None:
    cifar = find("cifar-2").layers
    model = random_model((cifar[1],), (96, 8, 8), classes=0)
    state = official(tmp_path / "a.pth", model)["state_dict"]
    block = {key.removeprefix("blocks.0."): array for key, array in state.items()}
    torch.save({"state_dict": block, "epoch": 3}, tmp_path / "b.pth.tar")
    read = read_torch(tmp_path / "b.pth.tar", (96, 8, 8), "cifar-2")
    assert_same(model, read)
    assert read.header["epoch"] == 3
    with pytest.raises(ValueError, match=r"its shapes fit the presets .*cifar-2.*cifar-3.* alike"):
        read_torch(tmp_path / "b.pth.tar", (96, 8, 8))
    with pytest.raises(ValueError, match="its shapes fit no layer of preset cifar-1; name the right one"):
        read_torch(tmp_path / "b.pth.tar", (96, 8, 8), "cifar-1")
    with pytest.raises(
        ValueError, match=r"layer.weight has the shape \(384, 96, 3, 3\), not \(384, 3, 3, 3\).*\(3, 32, 32\)"
    ):
        read_torch(tmp_path / "b.pth.tar", preset="cifar-2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer": {"stride": 2}}, r"stride 2 \(block 1\), which no SoftHebb layer of this toolkit can have"),
        ({"layer": {"padding_mode": "zeros"}}, "padding_mode 'zeros'"),
        ({"layer": {"softness": "supervisedsoftkrotov"}}, "softness 'supervisedsoftkrotov'"),
        ({"layer": {"hebbian": False}}, "hebbian False"),
        ({"layer": {"adaptive": False, "lr_decay": "exp"}}, "lr_decay 'exp'"),
        ({"layer": {"weight_init": "zero_mean"}}, "weight_init 'zero_mean'"),
        ({"layer": {"nb_train": 3}}, "nb_train 3"),
        ({"layer": {"t_invert": "hot"}}, "inverse_temperature must be a number, got 'hot'"),
        ({"layer": {"lr": float("nan")}}, "eta must be a number, got nan"),
        ({"layer": {"kernel_size": [3, 3]}}, r"kernel must be a whole number, got '\(list\)'"),
        ({"layer": {"steps": -1}}, "steps -1"),
        ({"layer": 3}, "no settings of a layer"),
        ({"batch_norm": True}, "a second batch normalization"),
        ({"operation": "flatten_batchnorm1d"}, "operation 'flatten_batchnorm1d'"),
        ({"activation": {"function": "sigmoid", "param": 1}}, "activation 'sigmoid' with 1"),
        ({"activation": {"function": "tanh", "param": 2}}, "activation 'tanh' with 2"),
        ({"activation": None}, "activation None"),
        ({"activation": "triangle"}, "unreadable activation"),
        ({"pool": {"type": "lp", "kernel_size": 2, "stride": 2, "padding": 0}}, "pool 'lp'"),
        ({"pool": {"type": "max"}}, "unreadable pool"),
        ({"pool": {"type": "max", "kernel_size": 0, "stride": 2, "padding": 0}}, "size must be at least 1, got 0"),
    ],
)
def test_a_config_of_what_no_layer_can_be(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = official(tmp_path / "a.pth")
    block = content["config"]["b1"]
    new = (
        block["layer"] | change["layer"]
        if isinstance(change.get("layer"), dict)
        else change.get("layer", block["layer"])
    )
    content["config"]["b1"] = block | change | {"layer": new}
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=message):
        read_torch(tmp_path / "b.pth")


def test_all_problems_of_a_config_are_named(tmp_path: Path) -> None:
    content = official(tmp_path / "a.pth")
    content["config"]["b0"]["layer"] |= {"groups": 3, "dilation": 2}
    content["config"]["b2"]["layer"] |= {"lebesgue_p": 3}
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=r"dilation 2 \(block 0\), groups 3 \(block 0\), lebesgue_p 3 \(block 2\)"):
        read_torch(tmp_path / "b.pth")


@pytest.mark.parametrize("config", [["b0"], {"b0": {}, "b7": {}}, "softkrotov"])
def test_a_config_of_another_kind(tmp_path: Path, config: Any) -> None:
    content = official(tmp_path / "a.pth")
    torch.save({**content, "config": config}, tmp_path / "b.pth")
    with pytest.raises(ValueError, match="its config must have one entry b0, b1"):
        read_torch(tmp_path / "b.pth")


def test_images_that_do_not_fit(tmp_path: Path) -> None:
    write_torch(random_model(CIFAR), tmp_path / "a.pth")
    with pytest.raises(
        ValueError, match=r"blocks.3.layer.weight has the shape \(10, 160\), not \(10, 90\).*\(3, 28, 28\)"
    ):
        read_torch(tmp_path / "a.pth", (3, 28, 28))
    with pytest.raises(ValueError, match=r"blocks.0.layer.weight has the shape \(6, 3, 5, 5\), not \(6, 1, 5, 5\)"):
        read_torch(tmp_path / "a.pth", (1, 32, 32))
    with pytest.raises(ValueError, match=r"a.pth: network: layer 0 .* use larger images"):
        read_torch(tmp_path / "a.pth", (3, 2, 2))


# --- damaged, foreign, hostile ----------------------------------------------------------------------------------------

BAD: list[tuple[str, Callable[[Any], Any], str]] = [
    ("blocks.1.layer.weight", lambda x: x.fill_(float("nan")), "holds numbers that are not finite"),
    ("blocks.1.layer.weight", lambda x: x.double().fill_(1e300), "holds numbers that are not finite"),
    ("blocks.1.layer.weight", lambda x: x.long(), "holds torch.int64, not floating-point numbers"),
    ("blocks.1.layer.weight", lambda x: x.to(torch.complex64), "holds torch.complex64, not floating-point numbers"),
    ("blocks.1.layer.weight", lambda x: x[:, :, :2], r"has the shape \(8, 6, 2, 3\), not \(8, 6, 3, 3\)"),
    ("blocks.1.layer.weight", lambda x: x[:, :, 0, 0].to_sparse(), "is no plain tensor"),
    ("blocks.1.layer.weight", lambda x: x.to("meta"), "is no plain tensor"),
    ("blocks.1.layer.weight", lambda x: x[0, 0, 0, 0].clone().expand(x.shape), "claims more numbers than it holds"),
    ("blocks.1.layer.weight", lambda x: "no weights", "is a str, not a tensor"),
    ("blocks.1.operations.0.running_mean", lambda x: x[:2], r"has the shape \(2,\), not \(6,\)"),
    ("blocks.1.operations.0.running_var", lambda x: -x, "is negative"),
    ("blocks.1.operations.0.num_batches_tracked", lambda x: -x, "is negative"),
    ("blocks.1.operations.0.num_batches_tracked", lambda x: x.float(), "holds torch.float32, not whole numbers"),
    ("blocks.1.operations.0.num_batches_tracked", lambda x: x > 0, "holds torch.bool, not whole numbers"),
    ("blocks.3.layer.bias", lambda x: x[:2], r"has the shape \(2,\), not \(10,\)"),
    ("blocks.3.layer.bias", lambda x: x / 0, "holds numbers that are not finite"),
]


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize(("key", "spoil", "message"), BAD)
def test_one_bad_array(tmp_path: Path, key: str, spoil: Callable[[Any], Any], message: str) -> None:
    content = official(tmp_path / "a.pth")
    content["state_dict"][key] = spoil(content["state_dict"][key])
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=rf"b.pth: {key} {message}; needed are"):
        read_torch(tmp_path / "b.pth")


@pytest.mark.parametrize(
    "key", ["blocks.1.layer.weight", "blocks.0.operations.0.running_mean", "blocks.3.layer.weight"]
)
def test_a_missing_array(tmp_path: Path, key: str) -> None:
    content = official(tmp_path / "a.pth")
    del content["state_dict"][key]
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=f"{key} is missing; needed"):
        read_torch(tmp_path / "b.pth")


@pytest.mark.parametrize(
    "key", ["blocks.0.layer.bias", "blocks.0.operations.0.weight", "blocks.9.layer.weight", "conv1.x"]
)
def test_an_unknown_array(tmp_path: Path, key: str) -> None:
    content = official(tmp_path / "a.pth")
    content["state_dict"][key] = torch.zeros(6)
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=f"{key} is unknown; needed"):
        read_torch(tmp_path / "b.pth")


def test_all_problems_of_the_arrays_are_named(tmp_path: Path) -> None:
    write_torch(random_model(CIFAR), tmp_path / "a.pth", "demo")
    state = content_of(tmp_path / "a.pth")
    del state["bn2.running_var"]
    state["conv4.weight"] = torch.zeros(3)
    state["conv3.weight"][0] = torch.inf
    state["classifier.bias"] = torch.zeros(3)
    torch.save(state, tmp_path / "b.pth")
    parts = ("bn2.running_var is missing", "conv4.weight is unknown", "conv3.weight holds numbers that are not finite")
    with pytest.raises(
        ValueError, match=rf"b.pth: {', '.join(parts)}, classifier.bias has the shape \(3,\), not \(10,\)"
    ):
        read_torch(tmp_path / "b.pth")
    torch.save({"conv1.x": 1} | {f"no{number}": 1 for number in range(30)}, tmp_path / "c.pth")
    with pytest.raises(ValueError, match=r"is missing and \d\d more; needed"):
        read_torch(tmp_path / "c.pth")


def test_other_numbers_and_parameters_are_read(tmp_path: Path) -> None:
    model = random_model(CIFAR)
    content = official(tmp_path / "a.pth", model)
    state = content["state_dict"]
    content["state_dict"] = {key: x.double() if x.is_floating_point() else x.int() for key, x in state.items()}
    content["state_dict"]["blocks.3.layer.bias"] = torch.nn.Parameter(state["blocks.3.layer.bias"])
    torch.save(content, tmp_path / "b.pth")
    assert_same(model, read_torch(tmp_path / "b.pth"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "it holds a list, but a state dictionary is needed"),
        ({"state_dict": 3}, "its state_dict is no state dictionary"),
        ({1: 2}, "its state_dict is no state dictionary"),
        ({}, r"its names \(none\) are neither"),
        ({"fc.weight": 1, "fc.bias": 2}, r"its names \(fc.bias, fc.weight\) are neither those of the authors' code"),
        ({"blocks.123456.layer.weight": 1}, "it has 123457 blocks, but at most 100 are allowed"),
    ],
)
def test_something_else(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=message):
        read_torch(tmp_path / "a.pth")


class Hostile:
    """What pickle would turn into a new file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.trace), "w"))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["whole", "config", "state_dict"])
def test_a_hostile_file_is_refused_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool, place: str
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # not even then
    trace = tmp_path / "it ran"
    content = official(tmp_path / "a.pth")
    if place == "config":
        content["config"]["b1"]["layer"]["t_invert"] = Hostile(trace)
    elif place == "state_dict":
        content["state_dict"]["blocks.0.layer.weight"] = Hostile(trace)
    torch.save(
        Hostile(trace) if place == "whole" else content, tmp_path / "b.pth", _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(ValueError, match=r"b.pth holds (_?io|builtins).open, which could run code; refused"):
        read_torch(tmp_path / "b.pth")
    assert not trace.exists()
    torch.load(tmp_path / "b.pth", weights_only=False)
    assert trace.exists()  # the trap works


def test_numpy_objects_other_than_plain_scalars_are_refused(tmp_path: Path) -> None:
    content = official(tmp_path / "a.pth")
    for hostile in (np.zeros(3), np.array([Hostile(tmp_path / "it ran")], object), np.datetime64("2020"), np.str_("a")):
        content["config"]["b0"]["num"] = hostile
        torch.save(content, tmp_path / "b.pth")
        with pytest.raises(ValueError, match=r"b.pth (holds .*; refused|is no PyTorch file)"):
            read_torch(tmp_path / "b.pth")
    assert not (tmp_path / "it ran").exists()


def test_what_is_allowed_while_reading_is_not_allowed_afterwards(tmp_path: Path) -> None:
    write_torch(random_model(CIFAR), tmp_path / "a.pth")
    before = list(torch.serialization.get_safe_globals())
    read_torch(tmp_path / "a.pth")
    assert list(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_anywhere(tmp_path: Path, zipped: bool) -> None:
    torch.save(official(tmp_path / "a.pth"), tmp_path / "b.pth", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "b.pth").read_bytes()
    for length in (0, 1, 10, 200, len(whole) // 2, len(whole) - 30):
        (tmp_path / "b.pth").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"b.pth is no PyTorch file of .*, or it is damaged or truncated \("):
            read_torch(tmp_path / "b.pth")


def test_flipped_bytes_never_pass_unnoticed(tmp_path: Path, rng: np.random.Generator) -> None:
    model = random_model(layers_of("cifar-3", 2, 2, 2), classes=2)
    path = tmp_path / "a.pth"
    write_torch(model, path)
    whole = path.read_bytes()
    refused = 0
    for place in rng.choice(len(whole), 60, replace=False):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read = read_torch(path)
        except ValueError:
            refused += 1
            continue
        assert_same(model, read)  # a byte that nothing reads
    assert refused > 20


def test_what_is_no_pytorch_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.pth"):
        with pytest.raises(FileNotFoundError, match="there is no PyTorch file"):
            read_torch(path)
    (tmp_path / "text.pth").write_text("hello, this is no network\n" * 9)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez_compressed(tmp_path / "packed.npz", a=np.zeros(3000))
    for name in ("text.pth", "other.npz", "packed.npz"):
        with pytest.raises(
            ValueError, match=f"{name} is no PyTorch file of tensors and plain numbers, or it is damaged"
        ):
            read_torch(tmp_path / name)


def test_a_compressed_file_is_not_unpacked(tmp_path: Path) -> None:
    write_torch(random_model(CIFAR), tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth") as archive, zipfile.ZipFile(tmp_path / "b.pth", "w", 8) as packed:
        for name in archive.namelist():
            packed.writestr(name, archive.read(name))
        packed.writestr("archive/data/99", bytes(1 << 22))
    with pytest.raises(ValueError, match="it is compressed, which PyTorch never does"):
        read_torch(tmp_path / "b.pth")


def test_a_part_that_is_marked_as_a_folder_is_not_skipped(tmp_path: Path) -> None:
    """One flipped bit in the list of the parts: PyTorch would take whatever is in memory for the numbers."""
    write_torch(random_model(CIFAR), tmp_path / "a.pth")
    whole = bytearray((tmp_path / "a.pth").read_bytes())
    whole[whole.rindex(b"PK\x01\x02") + 38] |= 0x10
    (tmp_path / "b.pth").write_bytes(whole)
    with pytest.raises(ValueError, match="a part of it is marked as a folder"):
        read_torch(tmp_path / "b.pth")


def of_pickle(path: Path, content: bytes, *, old: bool = False, **parts: bytes) -> Path:
    """Write a file as PyTorch does, now or before 1.6, around a pickle of anything."""
    if old:
        heads = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}})
        lines = [pickle.dumps(head, 2) for head in heads]
        path.write_bytes(b"".join([*lines, content, pickle.dumps(["0"], 2)]))
        return path
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {"data.pkl": content, "version": b"3", "byteorder": b"little", **parts}.items():
            archive.writestr(f"archive/{name}", data)
    return path


def storage(count: int, view: bytes = b"") -> bytes:
    """Return a pickle of nothing but a storage of so many numbers, of which the file holds none."""
    number = b"\x8a\x05" + count.to_bytes(5, "little")
    place = b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    return b"\x80\x02(" + place + number + view + b"tQ."


BIG = b"\x8a\x05" + (3 << 30).to_bytes(5, "little")
BOMBS: dict[str, tuple[bytes, bool, str]] = {
    "bytes": (
        b"\x80\x02c__builtin__\nbytearray\n" + BIG + b"\x85R.",
        False,
        "holds __builtin__.bytearray, which",
    ),
    "storage": (storage(3 << 30), False, "storage 0 has not the 3,221,225,472 numbers that it promises"),
    "old storage": (storage(3 << 30, b"N"), True, "it promises 3,221,225,472 numbers in"),
    "memory": (b"\x80\x02}r\xff\xff\xff\x7f.", False, "its pickle remembers what PyTorch would not"),
    "place": (b"\x80\x02K\x01Q.", False, "its pickle names a storage as PyTorch would not"),
    "size": (storage(1).replace(b"tQ", b"]tQ"), False, "its pickle names a storage as PyTorch would not"),
    "extension": (b"\x80\x02\x82\x01.", False, "its pickle has EXT1, which PyTorch never writes"),
}


@pytest.mark.parametrize(("content", "old", "message"), BOMBS.values(), ids=BOMBS)
def test_a_small_file_takes_little_memory(content: bytes, old: bool, message: str, tmp_path: Path) -> None:
    path = of_pickle(tmp_path / "a.pth", content, old=old)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=message):
        read_torch(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 200_000  # kB


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_says_that_it_could_run_code(
    protocol: int, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    trace = tmp_path / "it ran"
    (tmp_path / "a.pth").write_bytes(pickle.dumps(Hostile(trace), protocol))
    with pytest.raises(
        ValueError, match=r"a.pth holds (_?io|builtins|__builtin__).open, which could run code; refused"
    ):
        read_torch(tmp_path / "a.pth")
    assert not trace.exists()
    assert not recwarn.list


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_prefixes_of_wrappers_are_taken_away(prefix: str, tmp_path: Path) -> None:
    model = random_model(CIFAR)
    content = official(tmp_path / "a.pth", model)
    content["state_dict"] = {f"{prefix}{key}": tensor for key, tensor in content["state_dict"].items()}
    torch.save(content, tmp_path / "b.pth")
    assert_same(model, read_torch(tmp_path / "b.pth"))


def test_a_config_that_multiplies_itself(tmp_path: Path) -> None:
    content = official(tmp_path / "a.pth")
    table: Any = dict.fromkeys(map(str, range(1000)), 1)
    for _ in range(4):
        table = dict.fromkeys(map(str, range(1000)), table)
    content["config"]["b0"]["layer"]["t_invert"] = table
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=r"inverse_temperature must be a number, got '\(1000 entries\)'"):
        read_torch(tmp_path / "b.pth")


def test_a_config_without_end(tmp_path: Path) -> None:
    content = official(tmp_path / "a.pth")
    content["config"]["b0"]["layer"]["t_invert"] = content["config"]["b0"]
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(ValueError, match="inverse_temperature must be a number"):
        read_torch(tmp_path / "b.pth")


# --- writing ----------------------------------------------------------------------------------------------------------


def test_a_layout_that_cannot_hold_the_network(tmp_path: Path) -> None:
    def refused(layers: Layers, layout: Any, message: str, image_shape: Any = (3, 32, 32)) -> None:
        with pytest.raises(ValueError, match=message):
            write_torch(random_model(layers, image_shape), tmp_path / "a.pth", layout)
        assert list(tmp_path.iterdir()) == []

    refused(
        CIFAR[:2], "demo", "layout demo is for three convolutions, and this network has 2 in 2 layers; use layout off"
    )
    refused((Layer(units=3),), "demo", "this network has 0 in 1 layer; use", (1, 4, 4))
    refused(CIFAR, "keras", "a PyTorch file has the layout official or demo, not 'keras'")
    stl = layers_of("stl-3", 6, 8, 10)
    refused(stl, "demo", "layout demo cannot hold pool of layer 0, .* which is always that of preset cifar-3; save")
    odd = dataclasses.replace(CIFAR[0], rank=5)
    refused(
        (odd,), "official", "layout official cannot hold rank of layer 0, which the authors' code does not know; save"
    )


def test_a_failed_write_damages_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pth"
    write_torch(random_model(CIFAR), path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*: No space left on device. Nothing there was changed"):
        write_torch(random_model(CIFAR, classes=3), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_without_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **named: Any) -> Any:
        if name.split(".")[0] == "torch":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    message = r"PyTorch files need PyTorch, which is not installed; install spikehebb\[torch\]"
    with pytest.raises(RuntimeError, match=message):
        read_torch(tmp_path / "a.pth")
    with pytest.raises(RuntimeError, match=message):
        write_torch(random_model(CIFAR), tmp_path / "a.pth")
    assert list(tmp_path.iterdir()) == []
