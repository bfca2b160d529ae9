"""The trained networks that come along: they load, their cards tell the truth, and they still score as they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikehebb as sh
from spikehebb.datasets import load, sample
from spikehebb.jobs import evaluate, find_model, models, read, zoo
from spikehebb.jobs.learned_file import EARLIER
from spikehebb.jobs.zoo import SAMPLE, Model
from tests.conftest import NO_COMPILER
from tests.test_cli import refused, run

ROOT = Path(__file__).parents[1]
EACH = pytest.mark.parametrize("name", sorted(models()))
DEMO = "digits-soft-wta"
TOGETHER = 25_000_000  # bytes of all models
LARGEST = 3_000_000


def report(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def test_every_folder_is_listed_and_small_enough() -> None:
    assert sorted(models()) == sorted(path.parent.name for path in (ROOT / "models").glob("*/checkpoint.npz"))
    sizes = [model.file().stat().st_size for model in models().values()]
    assert max(sizes) <= LARGEST
    assert sum(path.stat().st_size for path in (ROOT / "models").rglob("*") if path.is_file()) <= TOGETHER


@EACH
def test_the_card_tells_what_the_run_measured(name: str) -> None:
    model = find_model(name)
    card = (model.folder / "README.md").read_text()
    for word in ("task", "command", "made with", "licence", "seed"):
        assert word in card
    measured = report(model.folder)["metrics"]
    for metric, value in measured.items():
        if metric.startswith("accuracy"):
            assert f"| `{metric}` | {100 * value:.1f} % |" in card or metric not in card
    assert model.accuracy in measured.values() or f"all 10,000 test images | {100 * model.accuracy:.1f} % |" in card
    assert model.command in card
    if name != DEMO:
        assert f"on a sample of {SAMPLE} of them | {100 * model.sample:.1f} % |" in card


@EACH
def test_a_model_is_loaded_by_its_name(name: str) -> None:
    """What the file holds is what the run was given."""
    trained = sh.load(name)
    own, made = trained.header, report(find_model(name).folder)
    assert own["seed"] == made["seed"]
    if own["kind"] == "digits":
        measured = {"max_rate_hz"}  # behind columns: the network has what was measured
        config, asked = dict(own["config"]), EARLIER | made["config"]
        assert {key: config[key] for key in config if key not in measured} == {
            key: asked[key] for key in config if key not in measured
        }
        weights = np.asarray(trained.arrays["weights"], float)
        assert np.all(np.isfinite(weights))
        assert (trained.arrays["profile"].sum(axis=1) > 0).mean() > 0.95
        if made["config"].get("circuit", "soft_wta") == "soft_wta" and not asked["target"]:
            off = np.abs(np.linalg.norm(weights, axis=0) - 1) >= 0.1
            assert off.sum() <= len(off) // 500  # of many, one that hardly learns


def score(model: Model, images: Any) -> float:
    return float(evaluate(sh.load(model.name), images)["metrics"][model.metric])


@pytest.mark.compiler
@NO_COMPILER
def test_the_network_of_the_demo_scores_as_its_card_says() -> None:
    """The same bits where versions and processor are the same; elsewhere random numbers fall differently."""
    model = find_model(DEMO)
    assert score(model, load(model.data, "test")) == pytest.approx(model.accuracy, abs=0.015)


@pytest.mark.long
@pytest.mark.data
@pytest.mark.compiler
@NO_COMPILER
@EACH
def test_a_model_scores_on_a_sample_as_its_card_says(name: str, data_dir: Path) -> None:
    model = find_model(name)
    folder = None if model.data == "digits" else data_dir
    assert score(model, sample(load(model.data, "test", data_dir=folder), SAMPLE)) == pytest.approx(
        model.sample, abs=0.02
    )


@pytest.mark.slow
@pytest.mark.data
@NO_COMPILER
@EACH
def test_a_model_scores_on_all_images_as_its_run_did(name: str, data_dir: Path) -> None:
    """Weights of half precision cost nothing that can be seen."""
    model = find_model(name)
    folder = None if model.data == "digits" else data_dir
    assert score(model, load(model.data, "test", data_dir=folder)) == pytest.approx(model.accuracy, abs=0.005)


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "models" / DEMO, tmp_path / DEMO)
    monkeypatch.setattr(zoo, "_home", lambda name: tmp_path)
    with (tmp_path / DEMO / "checkpoint.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match=rf"the model {DEMO} has the hash .* was changed; install spikehebb again"):
        find_model(DEMO).file()
    (tmp_path / DEMO / "checkpoint.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no model .*; install spikehebb again"):
        find_model(DEMO).file()


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (("mnist-4000",), {}, "there is no model 'mnist-4000'"),
        (("digits",), {}, r"digits is a data set; say which part, as in load\('digits', 'test'\)"),
        ((DEMO,), {"size": 8}, "a trained network takes no size"),
    ],
)
def test_what_is_no_model_is_refused(words: tuple[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sh.load(*words, **options)


def test_names_stand_for_files_and_a_file_of_that_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(DEMO).header == read(ROOT / "models" / DEMO).header
    (tmp_path / DEMO).mkdir()
    with pytest.raises(FileNotFoundError):
        read(DEMO)


def test_the_commands(tmp_path: Path) -> None:
    listed = run("models").stdout
    assert all(name in listed for name in models())
    assert [entry["name"] for entry in json.loads(run("models", DEMO, "--json").stdout)] == [DEMO]
    assert run("models", DEMO, "--out", tmp_path / "copy").returncode == 0
    assert read(tmp_path / "copy").arrays["age"].tolist() == sh.load(DEMO).arrays["age"].tolist()
    assert "is there already" in refused(run("models", DEMO, "--out", tmp_path / "copy"))
    assert "there is no model" in refused(run("models", "nothing"))
    assert run("examples", "--out", tmp_path / "examples").returncode == 0
    assert (tmp_path / "examples" / "data" / "pre.txt").exists()
    assert "05_learn_digits.py" in run("examples").stdout
