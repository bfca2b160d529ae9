"""The softhebb commands as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikehebb.softhebb import presets
from tests.test_cli import refused, run

TINY = ["--preset", "mnist-krotov-hopfield", "--data", "digits", "--epochs", "1", "--readout-epochs", "2"]
FEW = ["--limit-train", "60", "--limit-test", "30"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A tiny finished run, and what ``--json`` printed."""
    out = tmp_path_factory.mktemp("softhebb") / "run"
    done = run("softhebb", "train", *TINY, *FEW, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return out, report


def test_train_writes_all_that_it_promises(trained: tuple[Path, dict[str, Any]]) -> None:
    out, report = trained
    assert json.loads((out / "run.json").read_text()) == report
    assert set(report["metrics"]) == {"accuracy_test", "accuracy_train", "accuracy_vote", "share_of_norm_1"}
    assert report["layers"][0]["norm_mean"] > 0
    written = {path.name for path in out.iterdir()}
    assert {"run.json", "checkpoint.npz", "receptive_fields.png", "norms.png", "learning_curve.png"} <= written
    assert not {"partial.npz", "features.npy"} & written


def test_evaluate_says_the_same(trained: tuple[Path, dict[str, Any]]) -> None:
    out, report = trained
    done = run("softhebb", "evaluate", out, "--data", "digits", "--limit-test", "30", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["accuracy_test"] == report["metrics"]["accuracy_test"]


def test_presets_are_listed() -> None:
    done = run("softhebb", "presets")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(presets())
    assert "71.1 %" in done.stdout


def test_foreseeable_mistakes_are_one_sentence_each(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "new"
    train = ["softhebb", "train", "--data", "digits", "--out", out]
    cases: list[tuple[list[Any], str]] = [
        ([*train, "--preset", "cifar-3"], "preset cifar-3 is for images with 3 channels, but digits/train has 1"),
        ([*train, "--preset", "cifer-3"], "Did you mean 'cifar-3'?"),
        ([*train, "--preset", "mnist-3", "--plasticity", "softhebb"], "plasticity must be one of soft-anti-hebbian"),
        ([*train, "--preset", "mnist-3", "--limit-train", "0"], "--limit-train must be at least 1, got 0"),
        ([*train, "--preset", "mnist-3", "--device", "tpu"], "runs on cpu or gpu, not on 'tpu'"),
        (["softhebb", "train", *TINY, *FEW, "--seed", "1", "--out", trained[0]], "holds another run"),
        (
            ["softhebb", "train", *TINY, *FEW, "--size", "0", "--out", out],
            "size must be a whole number of pixels, at least 1, got 0",
        ),
        (
            ["softhebb", "train", *TINY, *FEW, "--out", "README.md"],
            "cannot write into the folder README.md (it is a file)",
        ),
        (["softhebb", "evaluate", tmp_path / "none", "--data", "digits"], "there is no checkpoint"),
        (["softhebb", "evaluate", "models/digits-soft-wta", "--data", "digits"], "not a SoftHebb model"),
        (
            ["softhebb", "import", tmp_path / "a.pth", "--out", out, "--image-shape", "32"],
            "must be channels,height,width",
        ),
    ]
    for words, message in cases:
        assert message in refused(run(*words)), message
    assert not out.exists()


def test_images_of_mixed_sizes_are_cut_to_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for label, width in (("a", 12), ("b", 15)):
            folder = tmp_path / "pets" / part / label
            folder.mkdir(parents=True)
            for number in range(4):
                Image.fromarray(rng.integers(0, 255, (12, width), np.uint8)).save(folder / f"{number}.png")
    data: list[str | Path] = ["--data", "folder", "--data-dir", tmp_path / "pets"]
    epochs = ["--epochs", "1", "--readout-epochs", "1"]
    train = ["softhebb", "train", *TINY[:2], *data, *epochs, "--out", tmp_path / "run"]
    assert "12 x 12 and" in refused(run(*train))
    done = run(*train, "--size", "10", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["network"]["image_shape"] == [1, 10, 10]
    done = run("softhebb", "evaluate", tmp_path / "run", *data, "--size", "10")
    assert done.returncode == 0, done.stderr
