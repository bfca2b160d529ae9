"""Sweeps: what a plan is, cells as resumable runs, tables and pictures, and what is refused before anything starts."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from spikehebb import plot
from spikehebb.circuits import soft_wta
from spikehebb.datasets import load, sample
from spikehebb.hardware import TARGETS
from spikehebb.jobs import convert, train_softhebb
from spikehebb.jobs.runs import FILE, find_runs
from spikehebb.rules import stdp_pair
from spikehebb.softhebb import find
from spikehebb.sweeps import Plan, read_plan, sweep
from spikehebb.sweeps.cell import maker
from spikehebb.sweeps.kinds import JOBS, portable, prepare
from tests.test_cli import refused, run

LAGS: dict[str, Any] = {"lags_ms": [-10, 10], "device": "numpy"}
GRID: dict[str, Any] = {"rule": ["stdp_pair", "oja"], "w0": [0.25, 0.5]}
MODELS = Path(__file__).parents[1] / "models"
RATES, SPIKES = str(MODELS / "mnist-dense"), str(MODELS / "digits-soft-wta")
FEW: dict[str, Any] = {"data": "digits", "limit_train": 12, "limit_test": 10, "device": "numpy"}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("run.json")}


def test_a_plan_is_every_combination_for_each_variant() -> None:
    plan = Plan(
        job="learn",
        grid={"neurons": [5, 10], "seeds": 2},
        variants=[{"circuit": "soft_wta", "rule.eta": 0.1}, {"circuit": "lif_wta"}],
        settings=FEW,
    )
    assert len(plan.cells) == 8
    assert plan.axes == ("circuit", "rule.eta", "neurons", "seed")
    assert plan.cells[1].folder == "circuit-soft_wta_rule.eta-0.1_neurons-5_seed-1"
    assert dict(plan.cells[-1].at) == {"circuit": "lif_wta", "rule.eta": "", "neurons": 10, "seed": 1}
    assert plan.cells[-1].settings["data"] == "digits"
    assert {cell.folder for cell in Plan(job="window", grid={"rule": [stdp_pair]}).cells} == {"rule-stdp_pair"}
    long = Plan(job="window", grid={"rule": [f"{'x' * 90}{k}" for k in range(2)]}).cells
    assert all(len(cell.folder) <= 80 for cell in long)
    assert long[0].folder != long[1].folder


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"job": "lern"}, "there is no job 'lern'. Did you mean 'learn'"),
        ({"grid": {"neurns": [1]}}, "learn has no setting 'neurns'. Did you mean 'neurons'.*circuit.NAME"),
        ({"settings": {"tau": 1}}, "learn has no setting 'tau'"),
        ({"variants": [{"tau": 1}]}, "learn has no setting 'tau'"),
        ({"grid": {"neurons": [5, 5]}}, "cells 1 and 2 of the sweep are of the same folder, neurons-5"),
        ({"grid": {"neurons": 5}}, "grid: neurons must be a list of at least one value, got 5"),
        ({"grid": {"rule": "oja"}}, "grid: rule must be a list"),
        ({"grid": {"neurons": []}}, "grid: neurons must be a list of at least one value"),
        ({"grid": {"seeds": 0}}, "seeds must be a number of seeds, at least 1"),
        ({"grid": {"seeds": [-1]}}, "seed must lie between 0 and"),
        ({"grid": {"eta": [0.1]}, "settings": {"eta": 0.2}}, "eta: given twice, by settings and grid"),
        ({"grid": {"eta": [0.1]}, "variants": [{"eta": 0.2}]}, "eta: given twice, by a variant and the grid"),
        (
            {"grid": {"seeds": 1000, "eta": list(range(1000))}},
            "at most 100,000 cells, and this one would have 1,000,000",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**{"job": "learn", **given})


@pytest.mark.parametrize(
    ("job", "settings", "message"),
    [
        ("learn", {"data": "digits", "neurons": -1}, "cell eta-1: neurons must be at least 1"),
        ("learn", {"neurons": 5}, "cell eta-1: no data"),
        ("learn", {"data": "digits", "limit_train": 0}, "limit_train must be a whole number of at least 1, got 0"),
        ("learn", {"data": 3}, "data and data_dir must be texts"),
        ("learn", {"data": "digits", "rule": "odja"}, "oja"),
        ("learn", {"data": "digits", "circuit.temprature": 1}, "temprature"),
        ("learn", {"data": "digits", "device": "gpu"}, "gpu"),
        ("learn", {"preset": "mnist-4000"}, "there is no preset 'mnist-4000'"),
        ("train", {"preset": "mnist-dense", "epochs": 0, "data": "digits"}, "epochs must be at least 1"),
        ("train", {"data": "digits"}, "train needs preset"),
        ("train", {"preset": "mnist-dense", "data": "digits", "examples": 0.5}, "examples must be a whole number"),
        (
            "train",
            {"preset": "mnist-dense", "temperature": 0, "data": "digits"},
            "temperature must be a number above 0",
        ),
        ("train", {"preset": "mnist-dense", "activation": "sine", "data": "digits"}, "activation must be one of"),
        (
            "learn",
            {"data": "digits", "target": "memristive", "target.curve_up": 0},
            "curve_up must be a number above 0",
        ),
        ("convert", {}, "convert needs checkpoint"),
        ("convert", {"checkpoint": RATES, "present_ms": -1}, "present_ms must be"),
        ("convert", {"checkpoint": RATES, "calibration": 0}, "calibration must be a whole number of at least 1, got 0"),
        (
            "convert",
            {"checkpoint": RATES, "inhibition": "spiking"},
            "of a network that learned in spikes; leave it out",
        ),
        ("convert", {"checkpoint": SPIKES, "order": "in turn"}, "order"),
        ("convert", {"checkpoint": SPIKES, "neurons": "integrate"}, "becomes neurons 'lif', got 'integrate'"),
        ("convert", {"checkpoint": SPIKES, "inhibition": "both"}, "inhibition must be lateral or spiking, got 'both'"),
        ("convert", {"checkpoint": SPIKES, "present_ms": 0}, "presentation_ms must be a number above 0"),
        ("evaluate", {"checkpoint": SPIKES, "data": "digits", "target.fan_i": 4}, "there is no limit 'fan_i'"),
        ("evaluate", {"checkpoint": "nowhere.npz"}, "there is no checkpoint nowhere.npz"),
        ("window", {}, "window needs rule"),
        ("window", {"rule": "oja", "rule.etta": 1}, "etta"),
        ("window", {"rule": "oja", "w0": "much"}, "w0 must be a number, got 'much'"),
        ("window", {"rule": "oja", "dt_ms": -1}, "dt_ms must be a number above 0, got -1"),
        ("window", {"rule": "oja", "frequency_hz": True}, "frequency_hz must be a number above 0, got True"),
        ("window", {"rule": "oja", "lags_ms": [1, "x"]}, "lags_ms must be a list of numbers, got"),
        ("fit", {"rule": "oja", "data": "bi1998", "trials": 0}, "trials must be a whole number from 1 on, got 0"),
        ("fit", {"rule": "oja"}, "fit needs data"),
    ],
)
def test_a_cell_that_cannot_be_is_named_before_anything_starts(
    job: str, settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    axis = {"learn": "eta", "train": "seed", "convert": "seed", "evaluate": "target"}.get(job, "repeats")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        sweep(job, {axis: ["loihi1"] if axis == "target" else [1]}, settings=settings, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_layers_learn_with_the_setting_of_their_cell_from_examples(tmp_path: Path) -> None:
    """The readout is fitted to all images; both are those of a network that was trained alone."""
    grid = {"temperature": [0.5, 2.0], "examples": [20, 60], "seeds": [0, 1]}
    settings = {"preset": "mnist-dense", "width": 0.005, "epochs": 1, "readout": "ridge", "data": "digits"}
    runs = sweep("train", grid, settings=settings | {"limit_train": 60, "limit_test": 40}, out=tmp_path)
    train, test = sample(load("digits", "train"), 60), sample(load("digits", "test"), 40)
    preset = find("mnist-dense").with_layers(width=0.005, temperature=2.0)
    preset = dataclasses.replace(preset, training=dataclasses.replace(preset.training, epochs=1))
    alone = train_softhebb(train, test, preset, unlabelled=sample(train, 20), method="ridge", seed=1).report
    kept = json.loads((tmp_path / "temperature-2_examples-20_seed-1" / "run.json").read_text())
    for part in ("network", "layers", "metrics"):
        assert kept[part] == alone[part]
    assert kept["network"]["layers"][0]["inverse_temperature"] == 0.5
    assert (kept["data"]["unlabelled"]["count"], kept["data"]["train"]["count"]) == (20, 60)
    assert (
        "unlabelled" not in json.loads((tmp_path / "temperature-2_examples-60_seed-1" / "run.json").read_text())["data"]
    )
    scores = [group.scores for group in runs.groups()]
    assert len({score["accuracy_test"].mean for score in scores}) > 1
    assert all(0 <= score["share_of_norm_1"].mean <= 1 for score in scores)


def test_images_that_are_not_there_are_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        sweep("learn", {"seeds": 2}, settings={"data": f"{tmp_path}/nowhere"}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("job = ", "the sweep .* cannot be read"),
        ("[grid]\nseeds = 2", "lacks 'job'"),
        ('job = "learn"\ngrid = 3', "grid must be a table"),
        ('job = "learn"\n[grid]\neta = 3', "grid, eta must be a list"),
        ('job = "learn"\nvariants = 3', "variants must be a list"),
        ('job = "learn"\nworkers = 3', "has no 'workers'; it has job, and the tables settings, grid and variants"),
        ('job = "learn"\n[grid]\nseeds = 0', "seeds must be a number of seeds"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_file_that_is_no_sweep_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_plan(path)


@pytest.mark.long
def test_a_sweep_does_what_is_missing_and_no_more(tmp_path: Path) -> None:
    out = tmp_path / "out"
    seen: list[tuple[str, float]] = []
    runs = sweep("window", GRID, settings=LAGS, out=out, progress=lambda stage, part: seen.append((stage, part)))
    assert [dict(run.at) for run in runs.runs] == [
        {"rule": rule, "w0": w0} for rule in ("oja", "stdp_pair") for w0 in (0.25, 0.5)
    ]
    assert [part for stage, part in seen if stage == "cells"][-1] == 1
    parts = [part for stage, part in seen if stage == "cells"]
    assert parts == sorted(parts)
    assert {path.name for path in out.iterdir() if path.is_file()} == {
        *("sweep.json", "runs.csv", "along_rule.png", "along_w0.png", "report.html")
    }
    report = json.loads((out / "rule-stdp_pair_w0-0.5" / "run.json").read_text())
    assert report["dw"] == pytest.approx([-0.003184, 0.003033], abs=1e-6)
    before, stamps = files(out), {path: path.stat().st_mtime_ns for path in out.rglob("run.json")}
    (out / "rule-oja_w0-0.5" / "run.json").unlink()
    more = sweep("window", {**GRID, "w0": [0.25, 0.5, 0.75]}, settings=LAGS, out=out)
    assert len(more.runs) == 6
    assert before.items() <= files(out).items()
    kept = [path for path, stamp in stamps.items() if path.stat().st_mtime_ns == stamp]
    assert len(kept) == 3


def test_another_sweep_in_the_folder_is_refused(tmp_path: Path) -> None:
    sweep("window", {"rule": ["oja"]}, settings=LAGS, out=tmp_path)
    other = {**LAGS, "repeats": 2}
    with pytest.raises(FileExistsError, match="holds another sweep"):
        sweep("window", {"rule": ["oja"]}, settings=other, out=tmp_path)
    assert sweep("window", {"rule": ["oja"]}, settings=other, out=tmp_path, overwrite=True).runs
    (tmp_path / FILE).unlink()
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(FileExistsError, match="holds another run"):
        sweep("window", {"rule": ["oja"]}, settings=other, out=tmp_path)


def test_a_cell_that_fails_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"1 of 2 cells failed, the others are done.*w0-7: .*7"):
        sweep("window", {"w0": [0.5, 7.0]}, settings={**LAGS, "rule": "stdp_pair"}, out=tmp_path)
    runs = find_runs(tmp_path)
    assert [run.at["w0"] for run in runs.runs] == [0.5]
    assert runs.skipped == ("w0-7",)
    assert "Missing" in (tmp_path / "report.html").read_text()


@pytest.mark.long
def test_cells_learn_as_the_command_does(tmp_path: Path) -> None:
    """The same folder, the same run: the command finds it finished, and the numbers are the same."""
    runs = sweep("learn", {"neurons": [3]}, settings=FEW, out=tmp_path)
    assert runs.metrics[0] == "accuracy_vote"
    words = ["--data", "digits", "--device", "numpy", "--limit-train", "12", "--limit-test", "10", "--neurons", "3"]
    done = run("learn", *words, "--out", tmp_path / "neurons-3")
    assert done.returncode == 0
    assert "finished before" in done.stderr
    page = (tmp_path / "neurons-3" / "report.html").read_text()
    assert "spikehebb learn --data digits" in page
    assert page.count("data:image/png;base64,") == 4


@pytest.mark.long
def test_a_network_that_learned_in_spikes_is_converted_as_by_a_call(tmp_path: Path) -> None:
    own = {"checkpoint": SPIKES, "present_ms": 40.0, "calibration": 10}
    given = {"device": "numpy", "data": "digits", "limit_train": 40, "limit_test": 20}
    runs = sweep("convert", {"seeds": [1]}, settings=own | given, out=tmp_path)
    train, test = sample(load("digits", "train"), 40), sample(load("digits", "test"), 20)
    alone = convert(SPIKES, train, test, present_ms=40.0, calibration=10, device="numpy", seed=1).report["metrics"]
    kept = json.loads((tmp_path / "seed-1" / "run.json").read_text())
    assert kept["kind"] == "lif conversion"
    for name in ("accuracy_vote", "agreement_vote", "spikes_per_image"):
        assert kept["metrics"][name] == alone[name]
        assert runs.groups()[0].scores[name].mean == alone[name]


def test_an_evaluation_counts_on_a_target_with_other_limits(tmp_path: Path) -> None:
    settings = {"checkpoint": SPIKES, "data": "digits", "limit_test": 10, "device": "numpy", "target": "generic"}
    sweep("evaluate", {"target.weight_bits": [4, "8"]}, settings=settings, out=tmp_path)
    sizes = [json.loads(path.read_text())["hardware"]["footprint"] for path in sorted(tmp_path.rglob("run.json"))]
    assert [size["weight_bits"] for size in sizes] == [4, 8]
    assert sizes[1]["weights"] == 2 * sizes[0]["weights"]
    with pytest.raises(ValueError, match=r"target.weight_bits: there is no target; name one"):
        prepare("evaluate", {"checkpoint": SPIKES, "data": "digits", "target.weight_bits": 4})
    with pytest.raises(ValueError, match="evaluate takes the name of a target"):
        prepare("evaluate", {"checkpoint": SPIKES, "data": "digits", "target": TARGETS["generic"]})


def test_jobs_know_their_settings() -> None:
    """A setting that a job lists is one that it takes, as far as that can be asked without images."""
    for job, (names, _, _) in JOBS.items():
        assert len(set(names)) == len(names), job
    window = Path(__file__).parents[1] / "examples" / "data" / "window.csv"
    assert prepare("fit", {"rule": "stdp_pair", "data": str(window), "free": ["A_plus"], "dt_ms": 1.0}).data is None
    assert portable("window", {"rule": "oja"}) == {"rule": "oja", "device": portable("window", {})["device"]}


def test_settings_mean_the_same_on_every_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPIKEHEBB_DATA", "official")
    (tmp_path / "mine").mkdir()
    assert portable("learn", {"data": "mine"})["data"] == str(tmp_path / "mine")
    assert portable("learn", {"data": "mnist"})["data_dir"] == str(tmp_path / "official")
    assert portable("evaluate", {"checkpoint": "x.npz"})["checkpoint"] == str(tmp_path / "x.npz")
    assert portable("learn", {})["device"] in ("cpp", "numpy")
    assert maker()["spikehebb"]


def table(folder: Path, seeds: int = 4) -> list[float]:
    """Write runs of two sizes and of some seeds, by hand; return the accuracies of the first size."""
    rng = np.random.default_rng(1)
    first = []
    for neurons in (10, 20):
        for seed in range(seeds):
            accuracy = float(rng.random())
            place = folder / f"a{neurons}" / str(seed)
            place.mkdir(parents=True)
            content = {
                "kind": "digits",
                "config": {"neurons": neurons, "double": 2 * neurons, "seed": seed, "rule": "oja"},
                "metrics": {"ms": 1.0, "accuracy_vote": accuracy},
            }
            (place / "run.json").write_text(json.dumps(content))
            first += [accuracy] if neurons == 10 else []
    return first


def test_the_table_of_any_folder_is_mean_deviation_number_and_confidence(tmp_path: Path) -> None:
    first = table(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("[")
    (tmp_path / "a10" / "0" / "front").mkdir()  # a part of a run
    (tmp_path / "a10" / "0" / "front" / "run.json").write_text('{"metrics": {"other": 1.0}}')
    runs = find_runs(tmp_path)
    assert runs.axes == ("neurons", "seed")  # what always doubles it tells nothing more
    assert runs.skipped == ("broken",)
    assert runs.metrics == ("accuracy_vote", "ms")
    score = runs.groups()[0].scores["accuracy_vote"]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(first), scale=stats.sem(first))
    assert (score.mean, score.deviation, score.n) == pytest.approx((np.mean(first), np.std(first, ddof=1), 4))
    assert (score.low, score.high) == pytest.approx((low, high))
    head, one, two = csv.reader(io.StringIO(runs.csv()))
    assert head[:4] == ["neurons", "n", "accuracy_vote", "accuracy_vote_sd"]
    assert [float(cell) for cell in one[:4]] == pytest.approx([10, 4, score.mean, score.deviation])
    assert two[0] == "20"
    with pytest.raises(ValueError, match=r"no run has the metric 'acuracy_vote'. Did you mean 'accuracy_vote'"):
        runs.table(["acuracy_vote"])
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        runs.groups(confidence=95)
    frame = runs.to_frame() if "pandas" in sys.modules or _there("pandas") else None
    if frame is not None:
        assert list(frame.columns) == ["folder", "neurons", "seed", "accuracy_vote", "ms"]
        assert frame.groupby("neurons").accuracy_vote.mean()[10] == pytest.approx(np.mean(first))


def _there(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def test_one_run_has_no_confidence(tmp_path: Path) -> None:
    table(tmp_path, seeds=1)
    runs = find_runs(tmp_path)
    assert runs.groups()[0].scores["ms"].deviation is None
    assert "±" not in runs.words()[1][2]


def test_frames_without_pandas_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(RuntimeError, match=r"pip install 'spikehebb\[frames\]'"):
        find_runs(tmp_path).to_frame()


def test_a_picture_shows_what_was_measured(tmp_path: Path) -> None:
    first = table(tmp_path)
    runs = find_runs(tmp_path)
    figure = plot.runs_along(runs, "neurons")
    (axes,) = figure.axes
    line = axes.lines[0]
    assert np.asarray(line.get_xdata()).tolist() == [10, 20]
    assert np.asarray(line.get_ydata())[0] == pytest.approx(100 * np.mean(first))
    assert axes.get_title().startswith("Mean over seeds, n = 4, 95 % interval")
    with pytest.raises(ValueError, match=r"the runs do not differ in 'double'.* They differ in neurons"):
        plot.runs_along(runs, "double")


def test_a_table_of_a_stranger_is_checked(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"job": "learn", "axes": [], "cells": [{"folder": "../x", "at": {}}]}))
    with pytest.raises(ValueError, match=r"has a cell outside of its folder: \.\./x"):
        find_runs(tmp_path)
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(ValueError, match=r"sweep.json lacks 'job'"):
        find_runs(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        find_runs(tmp_path / "nowhere")


def test_the_commands(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text("from spikehebb.rules import stdp_pair\nmine = stdp_pair.with_parameters(A_plus=0.02)\n")
    (tmp_path / "w.toml").write_text(
        f'job = "window"\n[settings]\nlags_ms = [10]\ndevice = "numpy"\n[grid]\nrule = ["oja", "{own}:mine"]\n'
    )
    out = tmp_path / "out"
    done = run("sweep", tmp_path / "w.toml", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "dw_max" in done.stdout
    largest = max(run.metrics["dw_max"] for run in find_runs(out).runs)
    assert largest == pytest.approx(4 * 0.003033, rel=1e-3)
    done = run("runs", out, "--metric", "dw_min", "--along", "rule", "--plot", tmp_path / "p.png", "--json")
    assert [row["n"] for row in json.loads(done.stdout)] == [1, 1]
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    wrong: list[tuple[list[str | Path], str]] = [
        (["runs", out, "--along", "rule"], "--along AXIS and --plot FILE go together"),
        (["runs", tmp_path / "nowhere"], "there is no folder"),
        (["runs", out, "--metric", "dw"], "no run has the metric 'dw'"),
        (["report", tmp_path], "holds no finished run and no sweep"),
        (
            ["sweep", tmp_path / "w.toml", "--out", out, "--workers", "0"],
            "workers must be a whole number of at least 1",
        ),
        (["sweep", tmp_path / "nowhere.toml", "--out", out], "there is no file of a sweep"),
    ]
    for words, message in wrong:
        assert message in refused(run(*words))


def test_a_circuit_is_no_setting_of_a_window() -> None:
    with pytest.raises(ValueError, match="window has no setting 'circuit'"):
        Plan(job="window", settings={"circuit": soft_wta})
