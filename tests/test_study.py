"""The study of bits: what it measures, that it can be interrupted, and that rounding is what it says."""

from __future__ import annotations

import csv
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import jobs, plot
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.devices import NUMPY
from spikehebb.hardware import TARGETS
from spikehebb.jobs import Settings, study
from spikehebb.jobs.study import Point, study_bits, study_table
from tests.test_cli import refused, run

FEW = Settings(neurons=6, presentation_ms=10)
FEWER: dict[str, Any] = {"spreads": (0.2,), "dropped": (0.5,)}


@pytest.fixture(scope="module")
def tiny() -> tuple[Images, Images]:
    return load("digits", "train")[:16], load("digits", "test")[:8]


@pytest.fixture(scope="module")
def whole(tiny: tuple[Images, Images], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("study")
    return folder, study_bits(*tiny, FEW, bits=(4,), trace_bits=(3,), **FEWER, device=NUMPY, out=folder)


@pytest.mark.long
def test_what_was_changed_of_a_chip_counts(tiny: tuple[Images, Images], tmp_path: Path) -> None:
    none: dict[str, Any] = {"bits": (), "spreads": (), "dropped": ()}
    chip = TARGETS["loihi1"].with_limits(tag_bits=4, weight_bits=3)
    report = study_bits(*tiny, FEW, target=chip, trace_bits=(3,), **none, device=NUMPY, out=tmp_path)
    assert report["target"] == "loihi1 with tag_bits=4, weight_bits=3"
    learned = jobs.read(tmp_path / "trace-bits-3-stochastic").header["config"]
    assert (learned["weight_bits"], learned["trace_bits"], learned["parameters"]) == (3, 3, {"target.tag_bits": 4})
    with pytest.raises(FileExistsError, match="holds another"):
        study_bits(*tiny, FEW, trace_bits=(3,), **none, device=NUMPY, out=tmp_path)


@pytest.mark.long
def test_every_limit_has_a_point_and_a_row(whole: Any) -> None:
    folder, report = whole
    seen = [(p["curve"], p["when"], p["value"], p["rounding"]) for p in report["points"]]
    assert seen == [
        ("weight bits", "after training", 4, "nearest"),
        ("weight bits", "after training", 4, "stochastic"),
        ("neuron spread", "after training", 0.2, ""),
        ("synapse spread", "after training", 0.2, ""),
        ("dropped synapses", "after training", 0.5, ""),
        ("weight bits", "learning", 4, "stochastic"),
        ("weight bits", "learning", 4, "nearest"),
        ("trace bits", "learning", 3, "stochastic"),
        ("neuron spread", "learning", 0.2, ""),
        ("dropped synapses", "learning", 0.5, ""),
    ]
    assert len(study_table(report)) == 1 + 2 + 10
    assert json.loads((folder / "study.json").read_text())["points"] == report["points"]
    trained = jobs.read(folder / "weight-bits-4-stochastic")
    steps = np.asarray(trained.arrays["weights"]) / (0.3 / 15)
    assert steps == pytest.approx(np.round(steps), abs=1e-6)
    assert 3 < len(np.unique(np.round(steps))) <= 16
    assert plot.study(report).axes[0].get_xlabel() == "bits of a weight"


@pytest.mark.long
def test_it_goes_on_where_it_stopped(
    whole: Any, tiny: tuple[Images, Images], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"bits": (4,), **FEWER, "learning": False, "device": NUMPY, "out": tmp_path}

    def stop(stage: str, part: float) -> None:
        if stage == "points" and part > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study_bits(*tiny, FEW, **options, progress=stop)
    monkeypatch.setattr(import_module("spikehebb.jobs.study"), "learn_digits", None)  # the network is there already
    told: list[tuple[str, float]] = []
    again = study_bits(*tiny, FEW, **options, progress=lambda *given: told.append(given))
    assert again["points"] == whole[1]["points"][:5]
    parts = [part for stage, part in told if stage == "points"]
    assert parts == [0.4, 0.6, 0.8, 1.0]
    fewer = study_bits(*tiny, FEW, **{**options, "spreads": ()})
    assert [point["curve"] for point in fewer["points"]] == ["weight bits", "weight bits", "dropped synapses"]
    with pytest.raises(FileExistsError, match="holds another run"):
        study_bits(*tiny, FEW, **options, target="generic")


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_weights_are_rounded_to_their_bits(rounding: str) -> None:
    weights = np.random.default_rng(0).random((200, 30))
    rounded = study._changed(
        weights, Point(curve="weight bits", when="after training", value=2, rounding=rounding), FEW
    )
    assert np.unique(rounded).round(9).tolist() == (np.arange(4) / 3 * weights.max()).round(9).tolist()
    error = rounded - weights
    if rounding == "nearest":
        assert np.abs(error).max() <= weights.max() / 6 + 1e-12
    assert np.abs(error.mean()) < 4 * error.std() / np.sqrt(error.size) + 1e-3


def test_spreads_keep_the_mean_and_have_their_width() -> None:
    ones = np.ones((400, 300))
    by_neuron = study._changed(ones, Point(curve="neuron spread", when="after training", value=0.2), FEW)
    assert np.ptp(by_neuron, axis=0).max() == 0
    by_synapse = study._changed(ones, Point(curve="synapse spread", when="after training", value=0.4), FEW)
    assert by_synapse.mean() == pytest.approx(1, abs=0.01)
    assert by_synapse.std() == pytest.approx(0.4, abs=0.01)
    assert by_synapse.min() > 0
    kept = study._changed(ones, Point(curve="dropped synapses", when="after training", value=0.6), FEW)
    assert kept.mean() == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": (0,)}, "bits must be whole numbers from 1 to 16, got 0"),
        ({"trace_bits": (2.5,)}, "trace_bits must be whole numbers from 1 to 16, got 2.5"),
        ({"spreads": (-0.1,)}, "spreads must be numbers from 0 to 10, got -0.1"),
        ({"dropped": (1.5,)}, "dropped must be numbers from 0 to 1, got 1.5"),
        ({"target": "loihi"}, "Did you mean 'loihi1'"),
        ({"settings": Settings(rule="softhebb_annealed", target="loihi1")}, "name the target loihi1"),
    ],
)
def test_bad_input_is_one_sentence(
    tiny: tuple[Images, Images], tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        study_bits(*tiny, **options, device=NUMPY, out=tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight_bits": 4}, "name one, such as generic"),
        ({"target": "loihi9"}, "there is no target 'loihi9'"),
        (
            {"target": "loihi1", "weight_bits": 65, "rule": "softhebb_annealed"},
            "weight_bits must be a whole number from 1 to 64",
        ),
        ({"trace_bits": -1, "target": "loihi1"}, "trace_bits must be at least 0"),
    ],
)
def test_settings_of_chips_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**settings)


def test_a_chip_has_neurons_and_synapses_of_its_own() -> None:
    settings = Settings(neurons=300, seed=4, neuron_spread=0.3, dropped=0.2)
    circuit = settings.build(np.ones((50, 300)))
    gains = circuit.populations["output"].model.parameters["gain"]
    assert gains.std() == pytest.approx(0.3, abs=0.06)
    assert circuit.projections["feedforward"].connected is not None
    assert circuit.projections["feedforward"].connected.mean() == pytest.approx(0.8, abs=0.02)
    assert (settings.build(np.ones((50, 300))).populations["output"].model.parameters["gain"] == gains).all()
    with pytest.raises(ValueError, match="dropped must be below 1"):
        Settings(dropped=1.0)


def test_bits_that_a_chip_does_not_offer_can_be_tried_out() -> None:
    assert Settings(target="loihi1", weight_bits=7, rule="softhebb_annealed").chip().value("weight_bits") == 7


def test_a_rule_that_no_chip_has_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a chip does not divide; .* as softhebb_annealed does"):
        Settings(neurons=4, target="loihi1")


@pytest.mark.slow
def test_the_command_line_writes_table_and_picture(tmp_path: Path) -> None:
    options = ["--data", "digits", "--neurons", "5", "--limit-train", "10", "--limit-test", "5", "--device", "numpy"]
    options += ["--spreads", "0.2", "--dropped", "0.5", "--no-learning", "--out", str(tmp_path)]
    done = run("study", "bits", *options, "--weight-bits", "2")
    assert "dropped synapses" in done.stdout, done.stderr
    rows = list(csv.reader((tmp_path / "study.csv").read_text().splitlines()))
    assert rows[0][0] == "curve"
    assert len(rows) == 2 + 2 + 2 + 1
    assert (tmp_path / "study.png").stat().st_size > 10_000
    message = refused(run("study", "bits", *options, "--weight-bits", "two"))
    assert "--weight-bits must be whole numbers with commas between them, got 'two'" in message


def test_every_option_of_the_command_reaches_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def seen(*given: Any, **options: Any) -> None:
        asked.append((*given, options))
        raise ValueError("it was called.")

    monkeypatch.setattr("spikehebb.jobs.study_bits", seen)
    words = ["--data", "digits", "--limit-train", "10", "--limit-test", "5", "--neurons", "5", "--circuit", "lif_first"]
    words += ["--target", "generic", "--set", "weight_bits=5", "--weight-bits", "4,2", "--trace-bits", "3"]
    words += ["--spreads", "0.3", "--dropped", "0.1,0.2", "--no-learning", "--device", "numpy", "--seed", "7"]
    assert "it was called" in refused(run("study", "bits", *words, "--overwrite", "--out", tmp_path / "out"))
    train, test, settings, options = asked[0]
    assert (len(train), len(test), settings) == (10, 5, Settings(neurons=5, circuit="lif_first", seed=7))
    assert (options["target"].value("weight_bits"), options["device"]) == (5, NUMPY)
    assert (options["bits"], options["trace_bits"]) == ((4, 2), (3,))
    assert (options["spreads"], options["dropped"]) == ((0.3,), (0.1, 0.2))
    assert (options["learning"], options["overwrite"], options["out"]) == (False, True, tmp_path / "out")


@pytest.mark.long
def test_learn_takes_a_target(tmp_path: Path) -> None:
    options = ["--data", "digits", "--neurons", "5", "--limit-train", "10", "--limit-test", "5", "--device", "numpy"]
    run("learn", *options, "--target", "loihi1", "--rounding", "nearest", "--out", str(tmp_path))
    config = json.loads((tmp_path / "run.json").read_text())["config"]
    assert (config["target"], config["rule"], config["rounding"]) == ("loihi1", "softhebb_annealed", "nearest")


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": ...}, "lacks 'points'"),
        ({"points": 3}, "points must be a list, got 3"),
        ({"points": [{}]}, r"points\[0\] lacks 'curve', 'when'"),
        ({"baseline": None}, "baseline must be a table of names and values, got None"),
        ({"chip_rule_accuracy": {"accuracy_vote": True}}, "chip_rule_accuracy lacks 'accuracy_soft_vote'"),
    ],
)
def test_a_damaged_report_is_one_sentence(
    change: dict[str, Any], message: str, whole: Any, tiny: tuple[Images, Images], tmp_path: Path
) -> None:
    content = json.loads((whole[0] / "study.json").read_text()) | change
    kept = {name: value for name, value in content.items() if value is not ...}
    (tmp_path / "study.json").write_text(json.dumps(kept))
    with pytest.raises(ValueError, match=rf"study.json.* {message}.*, so it is damaged; begin anew with --overwrite"):
        study_bits(*tiny, FEW, bits=(4,), trace_bits=(3,), **FEWER, device=NUMPY, out=tmp_path)
