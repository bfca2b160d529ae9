"""Runs that version 0.1 left unfinished go on: the files in ``data/v0_1/unfinished`` were written by commit cd2f60c.

What each must come to (``expected.npz``) is what that commit made of it. Only ``versions`` are written anew, because a
run goes on with the same versions only; NumPy computes all of them, and other processors may round otherwise.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from spikehebb import checkpoint
from spikehebb.datasets import load
from spikehebb.devices import NUMPY
from spikehebb.jobs import LayerSettings, learn_layers, versions
from spikehebb.jobs.run import STATE
from tests.test_cli import run

DATA = Path(__file__).parent / "data" / "v0_1"
COMMANDS = {
    "learn-numpy": "learn --neurons 4 --seed 1 --epochs 2 --limit-train 40 --device numpy",
    "learn-biased": "learn --from MODEL --epochs 2 --limit-train 30 --device numpy",
    "replicas-numpy": "learn --replicas 2 --neurons 4 --seed 3 --epochs 2 --limit-train 30 --device numpy",
    "softhebb-readout": "softhebb train --preset mnist-krotov-hopfield --epochs 1 --readout-epochs 3 --limit-train 60",
    "convert": "convert MODEL --present 10 --calibration 20 --limit-train 30 --device numpy",
    "study": "study bits --neurons 4 --weight-bits 4 --trace-bits 3 --spreads 0.2 --dropped 0.5 --limit-train 20 "
    "--device numpy",
}
TESTED = {"softhebb-readout": 15, "study": 10}  # images; 20 elsewhere

LONG = ("study", "replicas-numpy", "learn-biased", "learn-numpy", "convert")


@pytest.fixture(autouse=True)
def the_first_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 0.1 took the first images of a data set where now a sample is taken."""
    for module in ("spikehebb.datasets", "spikehebb.jobs.layer_settings"):
        monkeypatch.setattr(sys.modules[module], "sample", lambda images, n, seed=0: images[:n])


@pytest.fixture
def unfinished(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an unfinished run, with the versions that are installed here."""
    out = tmp_path / "run"
    shutil.copytree(DATA / "unfinished" / request.param, out, ignore=shutil.ignore_patterns("expected.*"))
    if (out / STATE).exists():
        with np.load(out / STATE) as archive:
            arrays = dict(archive)
        header = json.loads(arrays.pop("header").tobytes())
        for part in (header, header.get("run", {}), *header.get("networks", [])):
            if "versions" in part:
                part["versions"] = versions()
        del header["format"]
        checkpoint.save(checkpoint.Checkpoint(header=header, arrays=arrays), out / STATE)
    else:
        study = json.loads((out / "study.json").read_text())
        (out / "study.json").write_text(json.dumps({**study, "versions": versions()}))
    return out


def assert_expected(name: str, out: Path) -> None:
    with np.load(DATA / "unfinished" / name / "expected.npz") as expected:
        for key in expected:
            file, array = key.split(":")
            with np.load(out / file) as archive:
                np.testing.assert_allclose(archive[array], expected[key], rtol=1e-5, atol=1e-7, err_msg=key)


@pytest.mark.parametrize(
    ("unfinished", "name"),
    [pytest.param(name, name, marks=[pytest.mark.long] if name in LONG else []) for name in COMMANDS],
    indirect=["unfinished"],
)
def test_an_unfinished_run_of_version_0_1_goes_on(unfinished: Path, name: str, tmp_path: Path) -> None:
    shutil.copytree(DATA / "softhebb", tmp_path / "softhebb")
    words = COMMANDS[name].replace("MODEL", "softhebb").split()
    words += ["--data", "digits", "--limit-test", str(TESTED.get(name, 20)), "--out", "run"]
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (unfinished / STATE).exists()
    assert_expected(name, unfinished)
    if name == "study":
        study = json.loads((unfinished / "study.json").read_text())
        expected = json.loads((DATA / "unfinished" / name / "expected.json").read_text())
        assert {key: study[key] for key in expected if key != "points"} == {
            key: expected[key] for key in expected if key != "points"
        }
        # Since then the first learning epoch ends when it has passed, so that learning on a chip draws other numbers.
        same = [point for point in expected["points"] if point["when"] == "after training"]
        assert [point for point in study["points"] if point["when"] == "after training"] == same
        assert len(study["points"]) == len(expected["points"])


@pytest.mark.long
def test_the_comparison_can_fail(tmp_path: Path) -> None:
    done = run(*COMMANDS["learn-numpy"].split(), "--data", "digits", "--limit-test", "20", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_expected("learn-numpy", tmp_path / "run")  # without an interruption it is the same
    with np.load(tmp_path / "run" / "checkpoint.npz") as archive:
        arrays = dict(archive)
    np.savez(tmp_path / "run" / "checkpoint.npz", **{**arrays, "weights": arrays["weights"] * (1 + 1e-4)})
    with pytest.raises(AssertionError, match="weights"):
        assert_expected("learn-numpy", tmp_path / "run")


@pytest.mark.long
@pytest.mark.parametrize("unfinished", ["layers-looking"], indirect=True)
def test_unfinished_layers_of_version_0_1_go_on(unfinished: Path) -> None:
    """Both layers have learned, and most features are on disk, but without checksums: they are computed again."""
    first = dataclasses.replace(LayerSettings().layers[0], units=4, kernel=3, padding=1, inverse_temperature=30.0)
    second = dataclasses.replace(first, units=3, kernel=0, padding=0, pool=None)
    settings = LayerSettings(
        layers=(first, second),
        patches=150,
        images=30,
        patch_ms=10.0,
        lifetime=20.0,
        show_ms=8.0,
        calibration=20,
        seed=2,
    )
    stages: list[str] = []
    images = load("digits", "train")[:170], load("digits", "test")[:20]
    learn_layers(*images, settings, device=NUMPY, out=unfinished, progress=lambda stage, fraction: stages.append(stage))
    assert set(stages) == {"images"}, "the layers learned again"
    assert_expected("layers-looking", unfinished)
