"""The job train_softhebb: what it reports, what it resumes, what it refuses."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb.core import Images
from spikehebb.datasets import load, moved_and_mirrored
from spikehebb.jobs import RateNetwork, SoftHebbRun, evaluate, train_softhebb
from spikehebb.softhebb import Layer, Model, Pool, Preset, Readout, Training, find, load_model, readout, training
from spikehebb.softhebb.backend import working

TINY = Preset(
    name="tiny",
    summary="two small convolutions",
    layers=(
        Layer(units=12, kernel=3, padding=1, eta=0.05, pool=Pool()),
        Layer(units=20, kernel=3, padding=1, eta=0.02),
    ),
    channels=1,
    data=("digits",),
    training=Training(batch=10),
    readout=Readout(epochs=8),
)
TRAIN, TEST = load("digits", "train")[:400], load("digits", "test")[:100]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHUNK", 100)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[SoftHebbRun, Path]:
    """An uninterrupted run and its folder."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CHUNK", 100)
        return train_softhebb(TRAIN, TEST, TINY, out=out, cores=1), out


def same(one: Model, other: Model) -> bool:
    pairs = zip(one.layers, other.layers, strict=True)
    names = ("weight", "mean", "variance", "bias")
    assert one.readout is not None
    assert other.readout is not None
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for a, b in pairs for name in names) and all(
        np.array_equal(a, b) for a, b in zip(one.readout, other.readout, strict=True)
    )


def test_a_run_learns_and_says_what_made_it(whole: tuple[SoftHebbRun, Path]) -> None:
    run, out = whole
    report = json.loads((out / "run.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint.npz", "run.json"]
    assert report == run.report
    assert report["metrics"]["accuracy_test"] > 0.6  # chance is 0.1
    assert (report["preset"], report["seed"], report["device"]) == ("tiny", 0, "cpu")
    assert report["network"]["layers"][1]["units"] == 20
    assert report["readout"]["method"] == "adam"
    assert report["data"]["train"]["count"] == 400
    assert {"numpy", "python", "spikehebb"} <= set(report["versions"])
    assert [layer["units"] for layer in report["layers"]] == [12, 20]
    assert [point["epoch"] for point in report["learning_curve"]] == list(range(1, 9))
    assert report["learning_curve"][-1]["accuracy_test"] == report["metrics"]["accuracy_test"]


def test_evaluating_the_saved_model_gives_the_same_accuracy(whole: tuple[SoftHebbRun, Path]) -> None:
    run, out = whole
    model = load_model(out)
    assert same(model, run.model)
    assert (
        evaluate(RateNetwork(model=model), TEST)["metrics"]["accuracy_test"] == run.report["metrics"]["accuracy_test"]
    )


def test_the_same_seed_gives_the_same_run_on_any_number_of_cores(whole: tuple[SoftHebbRun, Path]) -> None:
    assert same(train_softhebb(TRAIN, TEST, TINY, cores=3).model, whole[0].model)


def test_another_seed_gives_another_run(whole: tuple[SoftHebbRun, Path]) -> None:
    assert not same(train_softhebb(TRAIN, TEST, TINY, seed=1).model, whole[0].model)


class StopError(Exception):
    """Somebody pulled the plug."""


@pytest.mark.parametrize("at", [2, 5, 11, 19, 22, 29])  # of the 36 reports: in each layer, the features, the readout
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    whole: tuple[SoftHebbRun, Path], tmp_path: Path, at: int
) -> None:
    stages: list[str] = []

    def tell(stage: str, fraction: float) -> None:
        stages.append(stage)
        if len(stages) == at:
            raise StopError

    with pytest.raises(StopError):
        train_softhebb(TRAIN, TEST, TINY, out=tmp_path, progress=tell)
    assert not (tmp_path / "run.json").exists()
    rest: list[str] = []
    run = train_softhebb(TRAIN, TEST, TINY, out=tmp_path, progress=lambda stage, fraction: rest.append(stage))
    assert same(run.model, whole[0].model)
    assert run.report["learning_curve"] == whole[0].report["learning_curve"]
    assert len(rest) < 36 or at == 2  # what was done is not done again
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "run.json"]


def interrupted(out: Path, stage: str) -> None:
    """Run until a stage is reported for the second time."""
    stages = []

    def tell(at: str, fraction: float) -> None:
        stages.append(at)
        if stages.count(stage) == 2:
            raise StopError

    with pytest.raises(StopError):
        train_softhebb(TRAIN, TEST, TINY, out=out, progress=tell)


@pytest.mark.parametrize("left", [None, 1000, -1])
def test_lost_features_are_made_again(whole: tuple[SoftHebbRun, Path], tmp_path: Path, left: int | None) -> None:
    interrupted(tmp_path, "readout")
    table = tmp_path / "features.npy"
    content = table.read_bytes()
    table.unlink()
    if left == -1:  # as many bytes as before, but zeros
        table.write_bytes(content[:128] + bytes(len(content) - 128))
    elif left:
        table.write_bytes(content[:left])
    run = train_softhebb(TRAIN, TEST, TINY, out=tmp_path)
    assert same(run.model, whole[0].model)
    assert run.report["learning_curve"] == whole[0].report["learning_curve"]


def test_a_damaged_state_is_told_and_can_be_replaced(whole: tuple[SoftHebbRun, Path], tmp_path: Path) -> None:
    interrupted(tmp_path, "layer 1")
    (tmp_path / "partial.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"is damaged or truncated: .*; begin anew with --overwrite"):
        train_softhebb(TRAIN, TEST, TINY, out=tmp_path)
    assert same(train_softhebb(TRAIN, TEST, TINY, out=tmp_path, overwrite=True).model, whole[0].model)


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_learned(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    for out, reason in [(tmp_path / "file", "it is a file"), (tmp_path / "file" / "below", "Not a directory")]:
        with pytest.raises(OSError, match=rf"cannot write into the folder {out} \({reason}\); give another one"):
            train_softhebb(TRAIN, TEST, TINY, out=out, progress=lambda stage, fraction: pytest.fail(stage))
    assert (tmp_path / "file").read_text() == "kept"


def test_a_run_with_other_settings_is_not_resumed(tmp_path: Path) -> None:
    def tell(stage: str, fraction: float) -> None:
        if stage == "layer 2":
            raise StopError

    with pytest.raises(StopError):
        train_softhebb(TRAIN, TEST, TINY, out=tmp_path, progress=tell)
    with pytest.raises(FileExistsError, match="holds another run"):
        train_softhebb(TRAIN, TEST, TINY, seed=1, out=tmp_path)
    other = dataclasses.replace(TINY, readout=Readout(epochs=1))
    assert train_softhebb(TRAIN, TEST, other, out=tmp_path, overwrite=True).report["readout"]["epochs"] == 1


@pytest.mark.parametrize("method", ["ridge", "logistic"])
def test_other_readouts(method: Any) -> None:
    report = train_softhebb(TRAIN, TEST, TINY, method=method).report
    assert report["metrics"]["accuracy_test"] > 0.75
    assert report["learning_curve"] == []


def test_units_of_a_dense_layer_vote() -> None:
    preset = dataclasses.replace(find("mnist-dense"), readout=Readout(epochs=2, dropout=0.0))
    metrics = train_softhebb(TRAIN, TEST, preset).report["metrics"]
    assert metrics["accuracy_vote"] > 0.5


def test_layers_may_learn_from_other_images_than_the_readout(whole: tuple[SoftHebbRun, Path]) -> None:
    images = dataclasses.replace(load("digits", "train")[400:800], labels=np.full(400, -1))
    run = train_softhebb(TRAIN, TEST, TINY, unlabelled=images)
    assert run.report["data"]["unlabelled"]["count"] == 400
    assert not np.array_equal(run.model.layers[0].weight, whole[0].model.layers[0].weight)


def coloured(images: Images) -> Images:
    return dataclasses.replace(images, pixels=np.repeat(images.pixels[:, None], 3, axis=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: {"method": "magic"}, "method must be one of adam, ridge, logistic, got 'magic'"),
        (lambda: {"seed": -1}, "seed must lie between 0 and 4294967295, got -1"),
        (lambda: {"test": dataclasses.replace(TEST, pixels=TEST.pixels[:, :6])}, "but digits/test"),
        (lambda: {"train": coloured(TRAIN), "test": coloured(TEST)}, "preset tiny is for images with 1 channel"),
        (lambda: {"train": dataclasses.replace(TRAIN, labels=np.full(400, -1))}, "has images without a label"),
        (
            lambda: {"train": TRAIN[np.flatnonzero(TRAIN.labels < 5)]},
            "has labels up to 9, but digits/train only up to 4",
        ),
        (lambda: {"preset": find("imagenet-5")}, "preset imagenet-5 is for images with 3 channels"),
        (lambda: {"device": "tpu"}, "runs on cpu or gpu, not on 'tpu'"),
        (lambda: {"cores": 0}, "cores must be at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(change: Any, message: str, tmp_path: Path) -> None:
    arguments = {"train": TRAIN, "test": TEST, "preset": TINY, "out": tmp_path / "run", **change()}
    with pytest.raises(ValueError, match=message):
        train_softhebb(**arguments)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 1000))
    with pytest.raises(OSError, match=r"need 0 MiB .* but only 0 MiB are free"):
        train_softhebb(TRAIN, TEST, TINY, out=tmp_path)


def test_evaluating_refuses_other_images_and_models_without_a_readout(whole: tuple[SoftHebbRun, Path]) -> None:
    model = whole[0].model
    with pytest.raises(ValueError, match="has no readout"):
        evaluate(RateNetwork(model=dataclasses.replace(model, readout=None)), TEST)
    assert model.readout is not None
    few = dataclasses.replace(model, readout=(model.readout[0][:4], model.readout[1][:4]))
    with pytest.raises(ValueError, match="labels from 0 to 9, but the model knows the classes 0 to 3 only"):
        evaluate(RateNetwork(model=few), TEST)
    with pytest.raises(ValueError, match="labels from -1 to -1"):
        evaluate(RateNetwork(model=model), dataclasses.replace(TEST, labels=np.full(100, -1)))
    with pytest.raises(
        ValueError, match=r"digits/test has images of \(3, 8, 8\) .*, but the network takes \(1, 8, 8\)"
    ):
        evaluate(RateNetwork(model=model), coloured(TEST))


def test_a_readout_learns_from_views_in_turn(tmp_path: Path) -> None:
    """Two epochs with two views are one epoch on each."""
    digits, test = load("digits", "train")[:60], load("digits", "test")[:30]
    layers = (Layer(units=6, kernel=3, padding=1, eta=0.05),)
    tiny = Preset(
        name="tiny", summary="", layers=layers, channels=1, data=("digits",), readout=Readout(epochs=2, views=2)
    )
    run = train_softhebb(digits, test, tiny, out=tmp_path / "run")
    assert run.report["readout"]["views"] == 2
    with working(cores=1) as (xp, each):
        model = run.model
        fit = readout.begin(model.network.features, 10, 0)
        for view in range(2):
            shown = moved_and_mirrored(digits, (0, 60 * view))
            (x,) = training.outputs(model.network, model.layers, shown, xp, each)
            fit, _ = readout.fit_epoch(fit, x, np.asarray(digits.labels), tiny.readout, 0, each)
    assert model.readout is not None
    np.testing.assert_allclose(model.readout[0], fit.weight, rtol=1e-5, atol=1e-6)
    plain = dataclasses.replace(tiny, readout=Readout(epochs=2))
    assert "views" not in train_softhebb(digits, test, plain).report["readout"]
