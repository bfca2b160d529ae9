"""Networks for each value of a setting and each seed."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import plot
from spikehebb.datasets import load
from spikehebb.jobs import sweep_softhebb, train_softhebb
from spikehebb.softhebb import Layer, Preset, Readout
from tests.test_cli import refused, run

TRAIN, TEST = load("digits", "train")[:60], load("digits", "test")[:40]
LAYERS = (Layer(units=6, kernel=3, padding=1, eta=0.05), Layer(units=8, kernel=3))
TINY = Preset(
    name="tiny", summary="", layers=LAYERS, channels=1, data=("digits",), readout=Readout(epochs=1), method="ridge"
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("sweep")
    return out, sweep_softhebb(TRAIN, TEST, TINY, over="temperature", values=[0.5, 2], seeds=(0, 1), out=out)


def test_points_are_means_over_seeds_of_runs_with_that_setting(swept: tuple[Path, dict[str, Any]]) -> None:
    out, report = swept
    assert json.loads((out / "sweep.json").read_text()) == report
    for point in report["points"]:
        preset = TINY.with_layers(inverse_temperature=1 / point["value"])
        scores = []
        for seed in (0, 1):
            alone = train_softhebb(TRAIN, TEST, preset, seed=seed).report
            kept = json.loads((out / f"temperature-{point['value']}-seed-{seed}" / "run.json").read_text())
            assert kept["layers"] == alone["layers"]
            assert kept["network"]["layers"][0]["inverse_temperature"] == 1 / point["value"]
            scores.append(alone["metrics"]["accuracy_test"])
        assert point["accuracies"] == scores
        assert point["accuracy"] == pytest.approx(np.mean(scores))
        assert point["sd"] == pytest.approx(np.std(scores, ddof=1))
    assert report["points"][0] != {**report["points"][1], "value": 0.5}


def test_what_is_finished_is_not_trained_again(
    swept: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, report = swept
    monkeypatch.setattr("spikehebb.softhebb.training.learn_chunk", None)
    assert sweep_softhebb(TRAIN, TEST, TINY, over="temperature", values=[2, 0.5], seeds=(0, 1), out=out) == {
        **report,
        "points": report["points"][::-1],
    }


def test_the_picture_has_a_point_for_each_value_and_a_curve_for_each_layer(swept: tuple[Path, dict[str, Any]]) -> None:
    report = swept[1]
    above, below = plot.sweep(report, published=50.0).axes
    line = above.get_lines()[0]
    assert np.asarray(line.get_xdata()).tolist() == [0.5, 2]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx(
        [100 * point["accuracy"] for point in report["points"]]
    )
    assert [curve.get_label() for curve in below.get_lines()] == ["layer 1", "layer 2"]
    words = {
        **report,
        "points": [{**p, "value": word} for p, word in zip(report["points"], ("relu", "tanh"), strict=True)],
    }
    assert [tick.get_text() for tick in plot.sweep(words).axes[1].get_xticklabels()] == ["relu", "tanh"]


def test_examples_are_what_the_layers_learn_from_not_the_readout(tmp_path: Path) -> None:
    report = sweep_softhebb(TRAIN, TEST, TINY, over="examples", values=[20, 60], out=tmp_path)
    kept = [json.loads((tmp_path / f"examples-{n}-seed-0" / "run.json").read_text()) for n in (20, 60)]
    assert kept[0]["data"]["unlabelled"]["count"] == 20
    assert kept[0]["data"]["train"]["count"] == kept[1]["data"]["train"]["count"] == 60
    assert report["points"][0]["sd"] is None
    assert report["points"][0]["layers"] != report["points"][1]["layers"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": []}, "^a sweep needs values; give one or more"),
        ({"seeds": ()}, "^a sweep needs seeds"),
        ({"values": [1, 1]}, "^a sweep needs different values, got 1, 1"),
        ({"seeds": (0.5,)}, "seed"),
        ({"values": ["hot"]}, "^temperature must be a number above 0, got 'hot'"),
        ({"over": "softness"}, "^layer: there is no setting 'softness'"),
        ({"over": "activation", "values": ["sine"]}, "^layer: activation must be one of triangle"),
        ({"over": "examples", "values": [61]}, "^examples must be 1 to the 60 images of digits/train.*, got 61"),
        ({"over": "examples", "values": [0.5]}, "^examples must be 1 to the 60 images"),
    ],
)
def test_sweeps_that_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    given = {"over": "temperature", "values": [1.0], **changes}
    with pytest.raises(ValueError, match=message):
        sweep_softhebb(TRAIN, TEST, TINY, out=tmp_path, **given)
    assert not any(tmp_path.iterdir())


def test_the_command(tmp_path: Path) -> None:
    few: list[Any] = ["--preset", "mnist-krotov-hopfield", "--epochs", "1", "--data", "digits", "--limit-train", "60"]
    few += ["--limit-test", "30", "--readout", "ridge"]
    words: list[Any] = ["softhebb", "sweep", *few, "--over", "eta", "--out", tmp_path / "sweep"]
    done = run(*words, "--values", "0.02,0.1", "--seeds", "0,1")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "sweep" / "sweep.csv").open() as file:
        assert [row["eta"] for row in csv.DictReader(file)] == ["0.02", "0.1"]
    assert (tmp_path / "sweep" / "sweep.png").stat().st_size > 5000
    assert "± " in done.stdout
    assert "--values takes a list a,b,c, got '1,,2'" in refused(run(*words, "--values", "1,,2"))
    train = [
        "softhebb",
        "train",
        *few,
        "--temperature",
        "0.5",
        "--radius",
        "3",
        "--activation",
        "repu",
        "--width",
        "0.1",
    ]
    done = run(*train, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    (layer,) = json.loads((tmp_path / "run" / "run.json").read_text())["network"]["layers"]
    assert (layer["inverse_temperature"], layer["norm"], layer["activation"], layer["units"]) == (2.0, 3.0, "repu", 10)


def test_a_preset_of_ridge_is_read_out_so() -> None:
    report = train_softhebb(TRAIN, TEST, dataclasses.replace(TINY, layers=LAYERS[:1])).report
    assert report["readout"]["method"] == "ridge"
    assert report["learning_curve"] == []
