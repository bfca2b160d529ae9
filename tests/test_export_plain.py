"""Trained networks of every kind leave as arrays with a description, as tables, and by the command line."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from brian2 import ms
from typer.testing import CliRunner

from spikehebb import conversion
from spikehebb.checkpoint import Checkpoint, save
from spikehebb.circuits import synapse_pair
from spikehebb.cli import commands
from spikehebb.core import Protocol
from spikehebb.datasets import load
from spikehebb.export import plain, read_nir, schema, write_csv, write_npz
from spikehebb.jobs import Settings, export_network, read
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate
from spikehebb.softhebb import Layer, Model, Network, Pool, save_model, training

NETWORK = Network(image_shape=(1, 8, 8), layers=(Layer(units=5, kernel=3, pool=Pool(kind="average")), Layer(units=7)))
DENSE = Network(image_shape=(1, 8, 8), layers=(Layer(units=6, batch_norm=False, plasticity="soft"),))
LIF = {
    "inhibition": "lateral",
    "gain": 0.4,
    "strength": 0.1,
    "drive": 1.1,
    "tau_m_ms": 20.0,
    "labels": [0, 1, 2, 3, 2, 1],
}


def model(network: Network) -> Model:
    rng = np.random.default_rng(1)
    readout = rng.normal(size=(10, network.features)), rng.normal(size=10)
    return Model(network=network, layers=training.start(network, 0), readout=readout)  # type: ignore[arg-type]


def spiking(network: Network, **header: Any) -> tuple[Model, conversion.SpikingNetwork]:
    made = model(network)
    network_in_spikes = conversion.to_spiking(made, load("digits", "train")[:60], conversion.Timing(present_ms=30))
    return made, dataclasses.replace(network_in_spikes, header=header)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of every kind."""
    folder = tmp_path_factory.mktemp("saved")
    files = {kind: folder / f"{kind}.npz" for kind in ("softhebb", "converted", "lif", "digits")}
    save_model(model(NETWORK), files["softhebb"])
    conversion.save_converted(*spiking(NETWORK), files["converted"])
    conversion.save_converted(*spiking(DENSE, lif=LIF), files["lif"])
    rng = np.random.default_rng(2)
    settings = Settings(neurons=4)
    header = {
        "kind": "digits",
        "config": settings.config(),
        "seed": 0,
        "device": "numpy",
        "image_shape": [8, 8],
    }
    shapes = {"weights": (64, 4), "age": (4,), "profile": (4, 10), "linear": (10, 5)}
    save(Checkpoint(header=header, arrays={name: rng.random(shape) for name, shape in shapes.items()}), files["digits"])
    return files


ARRAYS = {
    "softhebb": {"rate.layer0.weight": [5, 1, 3, 3], "rate.layer1.bias": [7], "rate.readout.weight": [10, 7]},
    "converted": {"layer0.feedforward.weights": [9, 5], "layer1.units.phase": [7], "rate.readout.bias": [10]},
    "lif": {"lif.feedforward.weights": [64, 6], "lif.lateral.weights": [6, 6], "lif.to_readout.weights": [6, 4]},
    "digits": {"digits.feedforward.weights": [64, 4], "profile": [4, 10], "linear": [10, 5]},
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_every_kind_is_exported_as_arrays_that_the_schema_describes(
    kind: str, saved: dict[str, Path], tmp_path: Path
) -> None:
    report = export_network(read(saved[kind]), tmp_path / "net.npz", format="npz")
    with np.load(tmp_path / "net.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    inside = json.loads(arrays.pop("description").tobytes())
    beside = json.loads((tmp_path / "net.npz.json").read_text())
    assert inside == beside
    jsonschema.validate(inside, schema())
    assert {name: list(value.shape) for name, value in arrays.items()} == report["arrays"]
    assert {name: entry["shape"] for name, entry in inside["arrays"].items()} == report["arrays"]
    assert ARRAYS[kind].items() <= report["arrays"].items()
    assert inside["kind"] == ("converted" if kind == "lif" else kind)
    named = [key for key in json.dumps(inside["circuits"] + inside["layers"]).split('"') if key in arrays]
    others = {"profile", "linear", "age"} | {name for name in arrays if name.startswith("rate.readout")}
    assert set(named) >= set(arrays) - others


def test_numbers_are_those_of_the_network(saved: dict[str, Path]) -> None:
    content = read(saved["digits"]).plain()
    np.testing.assert_array_equal(content.arrays["digits.feedforward.weights"], read(saved["digits"]).arrays["weights"])
    output = next(part for part in content.description["circuits"][0]["populations"] if part["name"] == "output")
    assert output["neuron"] == "escape_rate"
    assert output["parameters"]["tau_m"] == {"unit": "second", "value": Settings().tau_m_ms / 1000}
    assert content.description["circuits"][0]["projections"][0]["rule"] is None
    rule = read(saved["digits"]).plain(rules=True).description["circuits"][0]["projections"][0]["rule"]
    assert rule["name"] == "softhebb"
    assert "w" in rule["on_post"]


def test_the_schema_refuses_other_things(saved: dict[str, Path]) -> None:
    description = dict(read(saved["lif"]).plain().description)
    jsonschema.validate(description, schema())
    for change in ({"format": "other"}, {"dt_s": 0}, {"more": 1}, {"arrays": {"x": {"shape": [1]}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(description | change, schema())


def test_tables(saved: dict[str, Path], tmp_path: Path) -> None:
    export_network(read(saved["lif"]), tmp_path / "tables", format="csv")
    export_network(read(saved["lif"]), tmp_path / "tables.zip", format="csv")
    with zipfile.ZipFile(tmp_path / "tables.zip") as archive:
        assert set(archive.namelist()) == {path.name for path in (tmp_path / "tables").iterdir()}
    content = read(saved["lif"]).plain()
    for name, value in content.arrays.items():
        table = np.loadtxt(tmp_path / "tables" / f"{name}.csv", delimiter=",", ndmin=2)
        np.testing.assert_array_equal(table.astype(value.dtype).reshape(value.shape), value)
    lines = (tmp_path / "tables" / "parameters.csv").read_text().splitlines()
    assert lines[0] == "circuit,population,neuron,parameter,value,unit"
    assert "lif,output,lif_unit,tau_m,0.02,second" in lines
    assert "lif,output,lif_unit,v_rest,lif.output.v_rest.csv,volt" in lines
    jsonschema.validate(json.loads((tmp_path / "tables" / "description.json").read_text()), schema())


def test_a_circuit_of_ones_own_with_its_rule(tmp_path: Path) -> None:
    content = plain("circuit", circuits={"pair": synapse_pair(stdp_pair)}, rules=True)
    jsonschema.validate(json.loads(json.dumps(content.description)), schema())
    write_npz(content, tmp_path / "pair.npz")
    assert content.description["circuits"][0]["projections"][0]["rule"]["parameters"]["tau_plus"] == "20 ms"


def test_nothing_half_written_and_nothing_overwritten(
    saved: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = read(saved["lif"]).plain()
    (tmp_path / "there").mkdir()
    with pytest.raises(FileExistsError, match=r"there is there already; give another folder, or a file that ends in"):
        write_csv(content, tmp_path / "there")
    for write in (write_csv, write_npz):
        with pytest.raises(OSError, match="cannot write"):
            write(content, tmp_path / "no" / "such")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"No space left on device. Nothing was left there"):
        write_csv(content, tmp_path / "full")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


# ---- NIR of checkpoints


def test_a_lif_network_is_exported_with_its_votes(saved: dict[str, Path], tmp_path: Path) -> None:
    report = export_network(read(saved["lif"]), tmp_path / "net.nir")
    assert report["graph"] == {"Input": 1, "LIF": 1, "Linear": 3, "Output": 1, "weights": 64 * 6 + 36 + 24}
    assert report["metadata"]["steps"] == 30
    made, network = conversion.load_converted(saved["lif"])
    circuit = conversion.lif_network(made, network)
    imported = read_nir(tmp_path / "net.nir", encoder=circuit.populations["input"].model)
    rows = load("digits", "test")[:5].intensities().reshape(5, -1)
    protocol = Protocol(stimuli={"input": rows}, duration=150 * ms, presentation=30 * ms)
    original, read_back = (simulate(each, protocol, record=("output",)) for each in (circuit, imported.circuit))
    assert len(original.spikes["output"]) > 20
    np.testing.assert_array_equal(original.spikes["output"].i, read_back.spikes["output"].i)
    np.testing.assert_array_equal(original.spikes["output"].t, read_back.spikes["output"].t)
    np.testing.assert_array_equal(original.state["readout"]["u"], read_back.state[imported.outputs["readout"]]["u"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gain": "much"}, "its LIF form, gain must be a number, got 'much'"),
        ({"gain": True}, "its LIF form, gain must be a number, got True"),
        ({"inhibition": "none"}, "its LIF form has an inhibition 'none'"),
        ({"labels": [0, 1]}, "its LIF form needs 6 labels from 0, one for each unit"),
        ({"labels": [0, 1, 2, 3, 2, -1]}, "its LIF form needs 6 labels from 0, one for each unit"),
        ({"more": 1}, "its LIF form has other settings than this version writes"),
    ],
)
def test_a_strangers_lif_form(changes: Any, message: str, tmp_path: Path) -> None:
    conversion.save_converted(*spiking(DENSE, lif={**LIF, **changes}), tmp_path / "net.npz")
    with pytest.raises(ValueError, match=message):
        conversion.load_converted(tmp_path / "net.npz")


def test_networks_without_a_lif_form_say_so() -> None:
    with pytest.raises(ValueError, match="the network was not converted to LIF neurons; convert it with --neurons lif"):
        conversion.lif_network(*spiking(DENSE))


def command(*words: str | Path) -> Any:
    return CliRunner().invoke(commands, ["export", *map(str, words)])


def test_the_command_says_what_it_wrote(saved: dict[str, Path], tmp_path: Path) -> None:
    done = command(saved["lif"], "--dialect", "snntorch", "--out", tmp_path / "net.nir")
    assert done.exit_code == 0
    assert "NIR graph, dialect snntorch, dt 0.1 ms: 2 Input, 1 Affine, 1 LIF" in done.stdout
    done = command(saved["converted"], "--out", tmp_path / "net.nir", "--json")
    assert json.loads(done.stdout)["graph"]["Conv2d"] == 1
    done = command(saved["lif"], "--feed-forward", "--out", tmp_path / "net.nir", "--json")
    assert "left out" in json.loads(done.stdout)["metadata"]["feed_forward"]
    done = command(saved["digits"], "--format", "npz", "--rules", "--out", tmp_path / "net.npz")
    assert "arrays of a network of kind digits" in done.stdout
    assert json.loads((tmp_path / "net.npz.json").read_text())["circuits"][0]["projections"][0]["rule"] is not None


@pytest.mark.parametrize(
    ("kind", "words", "message"),
    [
        ("softhebb", (), "a SoftHebb network has rates, and NIR describes spiking networks; convert it first"),
        ("digits", (), "population output: a neuron escape_rate fires by chance"),
        ("digits", ("--rules",), "population output: a neuron escape_rate fires by chance"),
        ("converted", ("--dialect", "norse"), "dialect norse cannot say a converted network"),
        ("converted", ("--feed-forward",), "a converted network has no lateral inhibition to leave out"),
        ("lif", ("--dialect", "spyx"), "dialect spyx is not offered"),
        ("lif", ("--format", "xml"), "there is no format 'xml'"),
        (
            "lif",
            ("--format", "csv", "--dialect", "norse"),
            "a dialect, or leaving lateral inhibition out, is for format",
        ),
    ],
)
def test_what_the_command_refuses(
    kind: str, words: tuple[str, ...], message: str, saved: dict[str, Path], tmp_path: Path
) -> None:
    done = command(saved[kind], "--out", tmp_path / "out", *words)
    assert isinstance(done.exception, ValueError)
    assert message in str(done.exception)
    assert not list(tmp_path.iterdir())
