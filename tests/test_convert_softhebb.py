"""The job that converts a network and measures how faithful it is, and its command."""

from __future__ import annotations

import dataclasses
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.container import BarContainer

from spikehebb import conversion, devices, plot
from spikehebb.conversion import Timing
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.jobs import ConvertedNetwork, LifNetwork, convert_softhebb, evaluate, read, train_softhebb, trained_on
from spikehebb.softhebb import Layer, Model, Pool, Preset, Readout, save_model
from tests.test_cli import refused, run

SHORT = Timing(present_ms=25)  # the same everywhere, so that programs are compiled once
DEVICE = devices.find("auto")
LAYERS = (
    Layer(units=12, kernel=3, padding=1, eta=0.05, exponent=0.7, pool=Pool()),
    Layer(units=24, kernel=3, padding=1, inverse_temperature=0.65, eta=0.01),
)
DENSE = (Layer(units=40, batch_norm=False, plasticity="soft", inverse_temperature=8, eta=0.05, power=0.2, norm=2.5),)


def trained(layers: tuple[Layer, ...]) -> Model:
    """Return a small network that has learned the bundled digits a little."""
    preset = Preset(
        name="small", summary="", layers=layers, channels=1, data=("digits",), readout=Readout(epochs=10, dropout=0.0)
    )
    return train_softhebb(load("digits", "train")[:400], load("digits", "test")[:50], preset, method="ridge").model


@pytest.fixture(scope="module")
def conv() -> Model:
    return trained(LAYERS)


@pytest.fixture(scope="module")
def dense() -> Model:
    return trained(DENSE)


@pytest.mark.long
def test_a_conversion_tells_how_faithful_it_is(conv: Model, few: tuple[Images, Images], tmp_path: Path) -> None:
    made = convert_softhebb(conv, *few, SHORT, calibration=40, device=DEVICE, out=tmp_path)
    scores, report = made.report["metrics"], made.report
    assert scores["accuracy_rate"] > 0.5
    assert scores["agreement"] > 0.7
    assert report["curve"][-1]["accuracy"] == scores["accuracy_spiking"]
    assert report["curve"][-1]["ms"] == 25
    assert report["curve"][-1]["operations"] == pytest.approx(scores["operations_per_image"])
    costs = [point["operations"] for point in report["curve"]]
    assert costs == sorted(costs)
    agreement = [point["agreement"] for point in report["curve"]]
    assert agreement[-1] > np.mean(agreement[:4]) + 0.1
    assert [stage["units"] for stage in report["stages"]] == [12, 24]
    assert all(stage["correlation"] > 0.9 for stage in report["stages"])
    first, second = (stage["winners"] for stage in report["stages"])
    assert 0.5 < first["divergence"] / first["sampling"] < 3  # 15 ms of competing, after 10 of listening
    assert first["agreement"] > 0.5
    assert second["divergence"] > 0.5 * second["sampling"]
    written = json.loads((tmp_path / "fidelity.json").read_text())
    assert written["metrics"] == scores
    assert {"versions", "seed", "device", "data", "config", "model"} <= set(
        json.loads((tmp_path / "run.json").read_text())
    )
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "fidelity.json", "checkpoint.npz"}
    model, network = conversion.load_converted(tmp_path)
    again = evaluate(ConvertedNetwork(model=model, network=network), few[1])
    assert again["device"] == DEVICE.name
    assert again["metrics"]["accuracy_test"] == scores["accuracy_spiking"]
    assert again["metrics"]["spikes_per_image"] == scores["spikes_per_image"]


@pytest.mark.long
def test_dense_units_vote(dense: Model, few: tuple[Images, Images]) -> None:
    scores = convert_softhebb(dense, *few, SHORT, calibration=40, device=DEVICE).report["metrics"]
    assert abs(scores["accuracy_vote"] - scores["accuracy_vote_rate"]) < 0.15
    assert scores["agreement_vote"] > 0.7
    assert scores["vote_spikes_per_image"] == pytest.approx(0.9 * 14, rel=0.1)  # after 10 ms of listening


@pytest.mark.long
def test_lif_units_vote(dense: Model, few: tuple[Images, Images]) -> None:
    run = convert_softhebb(dense, *few, SHORT, calibration=40, lif=True, device=DEVICE)
    columns = ConvertedNetwork(model=dense, network=run.network)
    again = evaluate(LifNetwork(columns=columns), few[1])["metrics"]  # from the same seed: the same spikes
    assert all(again[name] == run.report["lif"][name] for name in ("accuracy_vote", "spikes_per_image"))
    lif = run.report["lif"]
    kept = run.network.header["lif"]
    assert len(kept.pop("labels")) == 40
    assert kept == {name: lif[name] for name in kept}
    assert lif["accuracy_vote"] > 0.3  # chance is 0.1; few images name the units
    assert lif["agreement_vote"] > 0.4  # of 40 units
    assert lif["spikes_per_image"] > 3
    assert lif["calibration"]["images"] == 40


def test_labels_come_from_training_images_alone(dense: Model, few: tuple[Images, Images]) -> None:
    """With the labels of the test images turned round, the answers stay and only the scores change."""
    turned = Images(name="turned", pixels=few[1].pixels, labels=9 - np.asarray(few[1].labels))
    one, two = (
        convert_softhebb(dense, few[0], test, SHORT, calibration=40, device=DEVICE).report["metrics"]
        for test in (few[1], turned)
    )
    assert one["agreement_vote"] == two["agreement_vote"]
    assert two["accuracy_vote"] < 0.4 < one["accuracy_vote"]


@pytest.mark.long
def test_an_interrupted_conversion_goes_on_bit_for_bit(
    conv: Model, few: tuple[Images, Images], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = few[0], load("digits", "test")[:40]
    monkeypatch.setattr(import_module("spikehebb.conversion.present"), "_ROWS", 64 * 16)
    whole = convert_softhebb(conv, train, test, SHORT, calibration=40, device=DEVICE, out=tmp_path / "whole")
    present, calls = conversion.present, []

    def interrupted(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return present(*args, **options)

    monkeypatch.setattr(conversion, "present", interrupted)
    out = tmp_path / "part"
    with pytest.raises(KeyboardInterrupt):
        convert_softhebb(conv, train, test, SHORT, calibration=40, device=DEVICE, out=out)
    assert {path.name for path in out.iterdir()} == {"partial.npz"}
    calls.append(1)
    again = convert_softhebb(conv, train, test, SHORT, calibration=40, device=DEVICE, out=out)
    assert len(calls) == 3 + 2 + 1  # two chunks were left, and the watched images
    assert (out / "checkpoint.npz").read_bytes() == (tmp_path / "whole" / "checkpoint.npz").read_bytes()
    assert again.report["curve"] == whole.report["curve"]
    assert again.report["stages"] == whole.report["stages"]


@pytest.mark.long
def test_another_run_is_not_replaced_unasked(conv: Model, few: tuple[Images, Images], tmp_path: Path) -> None:
    convert_softhebb(conv, *few, SHORT, calibration=40, device=DEVICE, out=tmp_path)
    with pytest.raises(FileExistsError, match="holds another run; give another folder with --out, or replace it"):
        convert_softhebb(conv, *few, SHORT, calibration=41, device=DEVICE, out=tmp_path)
    convert_softhebb(conv, *few, SHORT, calibration=41, device=DEVICE, out=tmp_path, overwrite=True)
    assert json.loads((tmp_path / "run.json").read_text())["config"]["calibration"] == 41


def test_bad_input_is_one_sentence(conv: Model, few: tuple[Images, Images], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed must lie between 0 and 4294967295, got -1"):
        convert_softhebb(conv, *few, SHORT, calibration=40, device=DEVICE, seed=-1)
    with pytest.raises(ValueError, match="calibration must be 1 to 60 training images, got 61"):
        convert_softhebb(conv, *few, calibration=61, device=DEVICE)
    wide = Images(name="wide", pixels=np.zeros((2, 8, 9)), labels=np.zeros(2))
    with pytest.raises(ValueError, match="wide has images of"):
        convert_softhebb(conv, few[0], wide, device=DEVICE, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match=r"LIF neurons stand for one dense layer .* convert it with integrate"):
        convert_softhebb(conv, *few, calibration=40, lif=True, device=DEVICE)
    mute = dataclasses.replace(conv, readout=None)
    network = conversion.to_spiking(mute, few[0], SHORT)
    with pytest.raises(ValueError, match="has no readout to score; convert one that was trained with a readout"):
        evaluate(ConvertedNetwork(model=mute, network=network), few[1], device=DEVICE)
    (tmp_path / "broken.pth").write_bytes(b"no file of PyTorch's")
    with pytest.raises((ValueError, RuntimeError), match=r"broken.pth|torch"):
        read(tmp_path / "broken.pth")


@pytest.mark.long
def test_pictures_show_the_numbers(conv: Model, few: tuple[Images, Images], tmp_path: Path) -> None:
    report = convert_softhebb(conv, *few, SHORT, calibration=40, device=DEVICE).report
    figure = plot.fidelity(report)
    ends = [np.asarray(axes.lines[0].get_xydata())[-1] for axes in figure.axes[:2]]
    assert ends[0][1] == pytest.approx(100 * report["metrics"]["accuracy_spiking"])
    assert ends[1][0] == pytest.approx(report["metrics"]["operations_per_image"] / 1e6)
    bars = plot.conversion_layers(report).axes[1].containers[0]
    assert isinstance(bars, BarContainer)
    assert np.array_equal(np.asarray(bars.datavalues), [stage["spikes_per_image"] / 1000 for stage in report["stages"]])
    assert [path.name for path in plot.conversion_pictures(report, tmp_path)] == ["layers.png", "fidelity.png"]


@pytest.mark.slow
def test_the_commands(conv: Model, tmp_path: Path) -> None:
    header = {"data": {"train": {"name": "digits/train"}}}
    save_model(dataclasses.replace(conv, header=header), tmp_path / "checkpoint.npz")
    assert trained_on(read(tmp_path)) == "digits"
    out = tmp_path / "spiking"
    options = [
        "--present",
        "20",
        "--limit-train",
        "50",
        "--calibration",
        "30",
        "--limit-test",
        "10",
        "--device",
        "numpy",
    ]
    done = run("convert", tmp_path, "--out", out, *options, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {path.name for path in out.iterdir()} == {
        "run.json",
        "fidelity.json",
        "checkpoint.npz",
        "fidelity.png",
        "layers.png",
        "report.html",
        "report-command.txt",
    }
    again = run("evaluate", out, "--data", "digits", "--limit-test", "10", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["metrics"]["accuracy_test"] == report["metrics"]["accuracy_spiking"]
    save_model(dataclasses.replace(conv, header={}), tmp_path / "nameless.npz")
    cases: list[tuple[list[Any], str]] = [
        ([tmp_path / "nameless.npz"], "does not say what it was trained on; name the images with --data"),
        ([tmp_path, "--present", "3"], "shown for 5 to 52 whole time steps, but 3 ms are 3 steps"),
        ([tmp_path, "--neurons", "spiky"], "neurons must be integrate or stochastic"),
        ([tmp_path / "nothing.npz"], "there is no checkpoint"),
        (
            [out, "--data", "digits"],
            "a converted network spikes already; convert the SoftHebb network",
        ),
    ]
    for arguments, sentence in cases:
        assert sentence in refused(run("convert", *arguments, "--out", tmp_path / "new"))
        assert not (tmp_path / "new").exists()


def test_what_learned_in_spikes_takes_no_options_of_rates(tmp_path: Path) -> None:
    model = Path(__file__).parents[1] / "models" / "digits-soft-wta"
    for words in (["--order", "in-turn"], ["--neurons", "stochastic"]):
        said = refused(run("convert", model, *words, "--out", tmp_path / "out"))
        assert "learned in spikes and becomes LIF neurons; leave --neurons and --order out" in said
