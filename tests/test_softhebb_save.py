"""Files of models: what is written comes back; what is damaged, foreign or hostile is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.softhebb import Layer, Model, Network, Pool, Weights, load_model, model_file, save_model, training

LAYERS = (
    Layer(units=4, kernel=3, padding=1, pool=Pool(kind="average", size=2, stride=2), exponent=0.7),
    Layer(units=5, plasticity="soft", bias=True, activation="softmax", exponent=5.0),
)
NETWORK = Network(image_shape=(2, 6, 6), layers=LAYERS)
NAMES = ("weight", "mean", "variance", "bias")


@pytest.fixture
def model(rng: np.random.Generator) -> Model:
    start = training.start(NETWORK, 0)
    layers = [
        Weights(
            weight=w.weight,
            mean=rng.random(len(w.mean), np.float32),
            variance=w.variance * 0.3,
            bias=w.bias,
            steps=number + 9,
        )
        for number, w in enumerate(start)
    ]
    readout = (rng.random((3, 5), np.float32), rng.random(3, np.float32))
    return Model(network=NETWORK, layers=tuple(layers), readout=readout, header={"seed": 4, "data": {"train": "x"}})


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.npz"
    save_model(model, path)
    return path


def members(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with np.load(path) as archive:
        arrays = dict(archive)
    return json.loads(arrays.pop("header").tobytes()), arrays


def rewrite(path: Path, header: Any, arrays: dict[str, Any]) -> None:
    with open(path, "wb") as file:
        np.savez(file, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)


def refused(path: Path) -> str:
    with pytest.raises(ValueError, match=r"^checkpoint ") as error:
        load_model(path)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("readout", [True, False])
def test_what_is_saved_comes_back(readout: bool, model: Model, tmp_path: Path) -> None:
    model = Model(
        network=NETWORK, layers=model.layers, readout=model.readout if readout else None, header=dict(model.header)
    )
    save_model(model, tmp_path / "checkpoint.npz")
    for path in (tmp_path / "checkpoint.npz", tmp_path):
        loaded = load_model(path)
        assert loaded.network == NETWORK
        assert dict(loaded.header) == {"seed": 4, "data": {"train": "x"}}
        for got, expected in zip(loaded.layers, model.layers, strict=True):
            assert got.steps == expected.steps
            for name in NAMES:
                assert getattr(got, name).dtype == np.float32
                assert getattr(got, name).tobytes() == getattr(expected, name).tobytes()
        if model.readout is None:
            assert loaded.readout is None
        else:
            assert loaded.readout is not None
            assert [a.tolist() for a in loaded.readout] == [a.tolist() for a in model.readout]


def test_a_file_names_what_it_holds(saved: Path) -> None:
    header, arrays = members(saved)
    assert set(arrays) == {f"layer{n}.{name}" for n in (0, 1) for name in NAMES} | {"readout.weight", "readout.bias"}
    assert (header["kind"], header["classes"], header["steps"]) == ("softhebb", 3, [9, 10])
    assert header["network"]["image_shape"] == [2, 6, 6]
    assert header["network"]["layers"][0]["pool"] == {"kind": "average", "size": 2, "stride": 2, "padding": 0}


def test_headers_may_not_shadow_what_the_file_needs(model: Model, tmp_path: Path) -> None:
    odd = Model(network=NETWORK, layers=model.layers, header={"kind": "digits", "classes": 5, "note": "x"})
    save_model(odd, tmp_path / "checkpoint.npz")
    assert dict(load_model(tmp_path).header) == {"note": "x"}


TAMPERED: list[tuple[dict[str, Any], str]] = [
    ({"kind": "digits"}, "it holds 'digits', not a SoftHebb model."),
    ({"kind": None}, "it holds None, not a SoftHebb model."),
    ({"steps": [1]}, "its header must count the steps of 2 layers, got [1]."),
    ({"classes": -1}, "its header must have a whole number of classes below 1,000,000, got -1."),
    ({"classes": 1e9}, "its header, classes must be a whole number, got 1000000000.0."),
    ({"classes": 4}, "readout.weight has shape (3, 5), but (4, 5) is needed."),
    ({"classes": 0}, "but needs "),
    ({"network.image_shape": [3, 6, 6]}, "layer0.weight has shape (4, 2, 3, 3), but (4, 3, 3, 3) is needed."),
    ({"network.image_shape": [2, 1, 1]}, "network: layer 0 has kernel 3 and padding 1, too large"),
    ({"network.image_shape": [2]}, "network: image_shape must be (channels, height, width), got (2,)."),
    ({"network.image_shape": 7}, "its network, image_shape must be a list, got 7."),
    ({"network.layers": []}, "network: at least one layer is needed."),
    ({"network.layers.0.units": 10**12}, "MiB of memory, and a file of its size may take 256 MiB; refused."),
    ({"network.layers.0.units": "4"}, "layer: units must be a whole number, got '4'."),
    ({"network.layers.0.plasticity": "eval"}, "layer: plasticity must be one of"),
    ({"network.layers.0.eta": float("nan")}, "its header cannot be read: NaN is no finite number."),
    (
        {"network.layers.0.colour": "red"},
        "layer 0 of its network has entries that are not known: 'colour'; upgrade",
    ),
    ({"network.layers.0.pool.size": 0}, "pool: size must be at least 1, got 0."),
    (
        {"network.layers.0.pool.sise": 2},
        "the pool of layer 0 of its network has entries that are not known: 'sise'",
    ),
    ({"network.layers.0.pool": [1]}, "its network, layers[0], pool must be empty, got a list."),
    ({"network.layers": [5, 6]}, "its network, layers[0] must be a table of names and values, got 5."),
    ({"network.layers": {"a": 1, "b": 2}}, "its network, layers must be a list, got a dict."),
    ({"network": "x"}, "its header, network must be a table of names and values, got 'x'."),
    ({"steps": 3}, "its header, steps must be a list, got 3."),
]
TAMPERED += [
    ({f"network.layers.0.{name}": True}, f"layer: {name} must be a ") for name in ("units", "kernel", "eta", "rank")
]
TAMPERED += [
    ({"network.image_shape": [True, 8, 8]}, "its network, image_shape[0] must be a whole number, got True."),
    ({"steps": [True, 1]}, "its header, steps[0] must be a whole number, got True."),
    ({"classes": True}, "its header, classes must be a whole number, got True."),
    ({"steps": [-1, 1]}, "its header must count the steps of 2 layers, got [-1, 1]."),
]
ESCAPES: list[dict[str, Any]] = [
    {"network.image_shape": [float("inf"), 6, 6]},
    {"network.layers.0.eta": 10**400},
    {"steps": ["many", 1]},
    {"steps": [None, 1]},
    {"steps": [-3, 1.5]},
]


def tamper(path: Path, changes: dict[str, Any]) -> None:
    header, arrays = members(path)
    for place, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        inside: Any = header
        for part in above:
            inside = inside[part]
        inside[last] = value
    rewrite(path, header, arrays)


@pytest.mark.parametrize(("changes", "message"), TAMPERED, ids=str)
def test_tampered_headers(changes: dict[str, Any], message: str, saved: Path) -> None:
    tamper(saved, {})
    load_model(saved)
    tamper(saved, changes)
    assert message in refused(saved)


@pytest.mark.parametrize("changes", ESCAPES, ids=lambda changes: str(changes)[:60])
def test_tampered_headers_that_get_further(changes: dict[str, Any], saved: Path) -> None:
    tamper(saved, changes)
    refused(saved)


@pytest.mark.parametrize("name", ["kind", "network", "steps", "classes"])
def test_headers_that_lack_something(name: str, saved: Path) -> None:
    header, arrays = members(saved)
    del header[name]
    rewrite(saved, header, arrays)
    assert f"its header lacks '{name}'" in refused(saved)


@pytest.mark.parametrize("place", ["network.layers.0.inverse_temperature", "network.layers.0.pool.kind"])
def test_nothing_that_a_file_leaves_out_is_a_default(place: str, saved: Path) -> None:
    header, arrays = members(saved)
    settings = header["network"]["layers"][0]
    *above, last = place.split(".")[3:]
    del (settings[above[0]] if above else settings)[last]
    rewrite(saved, header, arrays)
    assert f"layer 0 of its network lacks '{last}'" in refused(saved)


ARRAYS: list[tuple[str, Any, str]] = [
    ("layer0.weight", np.ones((4, 18), np.float32), "layer0.weight has shape (4, 18), but (4, 2, 3, 3) is needed."),
    ("layer0.mean", np.array([0, np.nan]), "layer0.mean holds numbers that are not finite."),
    ("layer1.bias", np.full(5, np.inf), "layer1.bias holds numbers that are not finite."),
    ("layer1.bias", np.zeros(5, int), "layer1.bias has the wrong type, int64."),
    ("readout.bias", np.zeros((3, 1)), "readout.bias has shape (3, 1), but (3,) is needed."),
    ("readout.weight", np.full((3, 5), np.nan), "readout.weight holds numbers that are not finite."),
    ("layer2.weight", np.zeros(3), "but needs "),
    ("layer0.weight", np.array([{}]), "holds pickled objects, which could run code; refused."),
]


@pytest.mark.parametrize(("name", "array", "message"), ARRAYS, ids=str)
def test_wrong_arrays(name: str, array: Any, message: str, saved: Path) -> None:
    header, arrays = members(saved)
    rewrite(saved, header, arrays | {name: array})
    assert message in refused(saved)


@pytest.mark.parametrize(
    ("values", "message"), [([-0.5, 1.0], "must not be negative"), ([1e300, 1.0], "holds 1e+300, which nothing learns")]
)
def test_impossible_variances(values: list[float], message: str, saved: Path) -> None:
    header, arrays = members(saved)
    rewrite(saved, header, arrays | {"layer0.variance": np.array(values)})
    assert f"layer0.variance {message}" in refused(saved)


def test_missing_arrays(saved: Path) -> None:
    header, arrays = members(saved)
    del arrays["layer1.bias"]
    rewrite(saved, header, arrays)
    assert "but needs " in refused(saved)


def test_other_checkpoints(tmp_path: Path) -> None:
    other = Checkpoint(header={"kind": "digits", "config": {}}, arrays={"w": np.ones(3)})
    checkpoint.save(other, tmp_path / "checkpoint.npz")
    assert "it holds 'digits', not a SoftHebb model." in refused(tmp_path / "checkpoint.npz")
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_model(tmp_path / "none.npz")


def test_truncated_anywhere(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        assert "is damaged or truncated" in refused(saved)


def test_a_failed_write_leaves_what_was_there(model: Model, saved: Path) -> None:
    before = saved.read_bytes()
    odd = Model(network=NETWORK, layers=model.layers, header={"loss": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        save_model(odd, saved)
    assert saved.read_bytes() == before
    assert [item.name for item in saved.parent.iterdir()] == [saved.name]


def test_networks_as_plain_data(saved: Path) -> None:
    header, _ = members(saved)
    assert model_file.network_from(header["network"]) == NETWORK
