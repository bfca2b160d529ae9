"""A monopoly, divergence, silence and chance are told (A13), and numbers that overflow are never a result."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb.core import Frozen, Recording
from spikehebb.datasets import load, sample
from spikehebb.devices import NUMPY
from spikehebb.jobs import LayerSettings, Settings, learn_digits, learn_layers, train_softhebb
from spikehebb.jobs.layer_settings import LAYERS
from spikehebb.metrics import Learned, health
from spikehebb.simulation import present
from spikehebb.softhebb import find
from tests.conftest import FAST
from tests.test_cli import run

LABELS = np.arange(200) % 4
FEW = sample(load("digits", "train"), 60), sample(load("digits", "test"), 60)


def judged(accuracy: float = 0.9, **changes: Any) -> dict[str, Any]:
    """Judge eight neurons of four weights that learned well, but for what is changed."""
    well: dict[str, Any] = {"weights": np.full((8, 4), 0.5), "start": np.full((8, 4), 1.5), "fired": np.full(8, 100)}
    return health([Learned(**well | changes)], accuracy=accuracy, labels=LABELS)


def test_nothing_is_told_where_learning_went_well() -> None:
    report = judged()
    assert report["warnings"] == []
    assert report["layers"] == [
        {
            "longest": 1.0,
            "longest_at_start": 3.0,
            "at_lower_bound": 0.0,
            "at_upper_bound": 0.0,
            "busiest": 0.125,
            "silent": 0,
        }
    ]
    assert (report["accuracy"], report["chance"]) == (0.9, 0.25)
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"weights": np.full((8, 4), 1e200)}, "grow without bound: .* norm 2e\\+200, and 3 before learning"),
        ({"weights": np.eye(8, 4), "bounds": (0.0, 1.0)}, "88 % of the weights lie at the lower and 12 % at the upper"),
        ({"fired": np.array([700, *[100] * 7])}, "one of 8 neurons fires 50 % of all"),
        ({"fired": None, "busiest": 0.6}, "one of 8 neurons wins 60 % of all"),
        ({"fired": np.array([*[200] * 4, 0, 0, 0, 0])}, "4 of 8 neurons hardly fire"),
        ({"fired": np.array([*[200] * 4, 10, 10, 10, 10])}, "4 of 8 neurons hardly fire"),  # a tenth would be 10.5
        ({"fired": np.zeros(8)}, "no neuron fires for any image"),
        ({"name": "layer 2", "fired": np.zeros(8)}, "layer 2: no neuron fires"),
        # chance 0.25 and two standard errors of 200 images: 0.311
        ({"accuracy": 0.3}, "the accuracy, 30.0 %, is no better than chance .* 25.0 % of 200 images"),
    ],
)
def test_each_trouble_is_told_in_one_sentence(changes: dict[str, Any], expected: str) -> None:
    warnings = judged(**changes)["warnings"]
    assert len(warnings) == 1
    assert re.search(expected, warnings[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy": 0.33},
        {"weights": np.full((8, 4), 149.0)},
        {"fired": np.array([60, 60, 60, 60, 60, 60, 60, 400])},  # 0.49
        {"fired": np.array([*[200] * 4, 11, 11, 11, 11])},
        {"fired": np.array([70, *[0] * 7])},  # too few spikes to tell
        {"fired": None},
        {"bounds": (0.0, 1.0)},
    ],
)
def test_what_is_within_bounds_is_not_told(changes: dict[str, Any]) -> None:
    assert judged(**changes)["warnings"] == []


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_weights_that_are_not_finite_are_no_result(value: float) -> None:
    with pytest.raises(ValueError, match="the weights of layer 1 left the range of numbers; the rule diverges"):
        judged(name="layer 1", weights=np.array([[0.0, value]]))


@pytest.mark.long
def test_a_monopoly_is_told_on_the_terminal_and_in_the_report(tmp_path: Path) -> None:
    words = ("learn", "--data", "digits", "--limit-train", "60", "--limit-test", "60", "--device", "numpy")
    done = run(*words, "--neurons", "10", "--rule", "diehl_cook", "--json", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "run.json").read_text())
    assert report == json.loads(done.stdout)
    told = [line for line in done.stderr.splitlines() if line.startswith("spikehebb: ")]
    assert told == [f"spikehebb: {sentence}" for sentence in report["health"]["warnings"]]
    assert len(told) == 3
    assert told[0].startswith("spikehebb: one of 10 neurons fires 9"), "learn.md: nearly all spikes are of one neuron"
    assert "9 of 10 neurons hardly fire" in told[1]
    assert "no better than chance" in told[2]
    again = run(*words, "--neurons", "10", "--rule", "diehl_cook", "--json", "--out", tmp_path)
    assert told == [line for line in again.stderr.splitlines() if "neurons" in line or "chance" in line]


@pytest.mark.long
def test_each_replica_is_judged(tmp_path: Path) -> None:
    words = ("learn", "--data", "digits", "--limit-train", "60", "--limit-test", "60", "--device", "numpy")
    done = run(*words, "--neurons", "10", "--rule", "stdp_pair", "--replicas", "2", "--json", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    for network in json.loads(done.stdout)["networks"]:
        report = json.loads((tmp_path / network["folder"] / "run.json").read_text())
        assert network["warnings"] == report["health"]["warnings"]
        assert any("neurons fires" in sentence for sentence in network["warnings"])
        assert f"spikehebb: {network['folder']}: {network['warnings'][0]}" in done.stderr.splitlines()


def changed(monkeypatch: pytest.MonkeyPatch, **weights: Any) -> None:
    """Let every simulation end with other weights of the first neuron, or another age of all."""
    shown = present.show

    def show(*arguments: Any, **options: Any) -> Recording:
        recording = shown(*arguments, **options)
        w, output = np.array(recording.weights["feedforward"]), dict(recording.state["output"])
        w[:, 0] = weights.get("w", w[:, 0])
        output["age"] = np.full(10, weights.get("age", 1.0))
        state = Frozen({**recording.state, "output": Frozen(output)})
        return dataclasses.replace(recording, weights=Frozen({"feedforward": w}), state=state)

    monkeypatch.setattr(present, "show", show)


@pytest.mark.long
def test_dead_neurons_fire_by_chance_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first input of an image any neuron may fire, so that none of them fires never (A13: "0 are dead")."""
    changed(monkeypatch, w=5.0)
    report = learn_digits(*FEW, Settings(neurons=10), device=NUMPY).report
    dead = report["metrics"]["dead_neurons"]
    assert 7 <= dead == report["health"]["layers"][0]["silent"]  # of 9 that have no chance
    told = " ".join(report["health"]["warnings"])
    assert "one of 10 neurons fires 9" in told
    assert f"{dead} of 10 neurons hardly fire" in told


@pytest.mark.first_is_quick
@pytest.mark.parametrize(("weights", "what"), [({"age": np.inf}, "age of output"), ({"w": 6e13}, "I of output")])
def test_numbers_that_overflow_end_learning_without_a_result(
    weights: dict[str, float], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights of 6e13 the inhibition is not a number, and the first neurons of each image win by chance."""
    changed(monkeypatch, **weights)
    words = ("learn", "--data", "digits", "--limit-train", "30", "--limit-test", "20", "--device", "numpy")
    done = run(*words, "--neurons", "10", "--out", tmp_path)
    assert done.returncode == 2
    assert f"{what} left the range of numbers; the rule diverges" in done.stderr
    assert not (tmp_path / "run.json").exists()


def test_rates_are_judged_too(tmp_path: Path) -> None:
    preset = find("mnist-dense")
    reports = {}
    for eta in (0.045, 1000.0):
        layers = tuple(dataclasses.replace(layer, eta=eta, units=10) for layer in preset.layers)
        small = dataclasses.replace(preset, layers=layers, training=dataclasses.replace(preset.training, epochs=2))
        reports[eta] = train_softhebb(*FEW, small, method="ridge").report["health"]
    assert reports[0.045]["warnings"] == []
    assert any("layer 1: weights grow without bound" in sentence for sentence in reports[1000.0]["warnings"])
    layers = tuple(dataclasses.replace(layer, eta=1e25, units=10) for layer in preset.layers)
    with pytest.raises(ValueError, match="the weights of layer 1 left the range of numbers"):
        train_softhebb(*FEW, dataclasses.replace(preset, layers=layers), method="ridge", out=tmp_path)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.long
def test_layers_are_judged_too() -> None:
    layer = dataclasses.replace(LAYERS[0], units=4, kernel=7, pool=None)
    settings = LayerSettings(layers=(layer,), patches=20, show_ms=8)
    report = learn_layers(FEW[0][:20], FEW[1][:10], settings, device=NUMPY).report["health"]
    (measured,) = report["layers"]
    assert measured["name"] == "layer 1"
    assert measured["longest"] < measured["longest_at_start"]
    assert 0.25 <= measured["busiest"] < 1


@pytest.mark.long
def test_what_goes_wrong_is_told_while_it_is_learned_and_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = load("digits", "train")[:1000], load("digits", "test")[:100]
    monkeypatch.setattr(present, "CHUNK", 250)
    learn_digits(train, test, Settings(neurons=20, rule="diehl_cook"), device=FAST)
    said = [line for line in capsys.readouterr().err.splitlines() if "images: one of 20 neurons fires" in line]
    assert len(said) == 1
    assert said[0].startswith("spikehebb: after 250 images: one of 20 neurons fires ")
