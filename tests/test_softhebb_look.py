"""Looking into trained networks: best patches, images made for units, embeddings, noise and attacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import plot
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.jobs import robustness, train_softhebb
from spikehebb.jobs.robustness import attacked
from spikehebb.softhebb import Layer, Model, Pool, Preset, gradient, save_model, statistics, training
from spikehebb.softhebb.embedding import embedded
from tests.test_cli import refused, run

TRAIN, TEST = load("digits", "train")[:300], load("digits", "test")[:100]
LAYERS = (Layer(units=12, kernel=3, padding=1, eta=0.05), Layer(units=16, kernel=3, eta=0.05, pool=Pool()))


@pytest.fixture(scope="module")
def model() -> Model:
    tiny = Preset(name="tiny", summary="", layers=LAYERS, channels=1, data=("digits",), method="ridge")
    return train_softhebb(TRAIN, TEST, tiny).model


def test_best_patches_are_those_of_the_mean(model: Model) -> None:
    """And one of them lies where the unit's sum is largest, above the mean of all units."""
    patches = statistics.best_patches(model, 1, TEST, 5, units=np.array([3, 7]))
    assert patches.shape == (2, 5, 1, 5, 5)
    mean = statistics.receptive_fields(model, 1, TEST, best=5)
    known = ~np.isnan(mean[3])
    np.testing.assert_allclose(np.nanmean(patches[0], axis=0)[known], mean[3][known], rtol=1e-6)
    layers = [training.place(*pair, np) for pair in zip(model.network.layers, model.layers, strict=True)]
    x = TEST.intensities()[..., None].astype(np.float32)
    u = gradient.pullback(layers, x, sums=True)[0]
    above = (u - u.mean(axis=-1, keepdims=True))[..., 3]
    image, row, column = np.unravel_index(above.argmax(), above.shape)
    padded = np.pad(x[image, ..., 0], 1, constant_values=np.nan)
    np.testing.assert_array_equal(patches[0, 0, 0], padded[row : row + 5, column : column + 5])


def test_patches_of_units_that_are_not_there(model: Model) -> None:
    with pytest.raises(ValueError, match=r"layer 1 has the units 0 to 15, not \[16\]"):
        statistics.best_patches(model, 1, TEST, units=np.array([16]))
    with pytest.raises(ValueError, match="best must be at least 1, got 0"):
        statistics.best_patches(model, 1, TEST, 0)


def test_images_of_a_class_lie_near_each_other(model: Model) -> None:
    points = embedded(model, TEST)
    assert points.shape == (100, 2)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    alike = TEST.labels[distances.argmin(axis=1)] == TEST.labels
    assert alike.mean() > 0.6  # by chance 0.1
    assert np.array_equal(points, embedded(model, TEST))


def test_embeddings_that_are_refused(model: Model) -> None:
    with pytest.raises(ValueError, match=r"an embedding needs at least 10 images, and digits/test.* has 9"):
        embedded(model, TEST[:9])
    with pytest.raises(ValueError, match="depth must be 0 to the number of layers 2, got 3"):
        embedded(model, TEST, depth=3)


def test_noise_and_attacks_cost_accuracy(model: Model) -> None:
    report = robustness({"tiny": model}, TEST, noise=(0, 0.1, 2.0), attack=(0, 0.02, 0.3), steps=5)
    found = report["networks"]["tiny"]
    noise, attack = ([point["accuracy"] for point in found[what]] for what in ("noise", "attack"))
    assert noise[0] == attack[0] > 0.7
    assert noise[2] < 0.6
    assert attack[0] > attack[1] > attack[2]
    assert attack[2] < 0.2


def test_an_attack_stays_within_its_bounds_and_beats_chance_changes(model: Model) -> None:
    layers = [training.place(*pair, np) for pair in zip(model.network.layers, model.layers, strict=True)]
    x = TEST.intensities()[..., None].astype(np.float32)[:40]
    changed = attacked(layers, model, x, np.asarray(TEST.labels[:40]), 0.05, 10)
    assert np.abs(changed - x).max() <= 0.05 + 1e-6
    assert changed.min() >= 0
    assert changed.max() <= 1
    signs = np.sign(np.random.default_rng(0).standard_normal(x.shape))
    chance = Images(
        name="chance", pixels=np.clip(x + 0.05 * signs, 0, 1)[..., 0].astype(np.float32), labels=TEST.labels[:40]
    )
    bad = Images(name="attacked", pixels=changed[..., 0].astype(np.float32), labels=TEST.labels[:40])
    one, other = (robustness({"a": model}, shown, noise=(0,), attack=()) for shown in (chance, bad))
    accuracies = [report["networks"]["a"]["noise"][0]["accuracy"] for report in (one, other)]
    assert accuracies[0] > accuracies[1] + 0.2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": (-0.1,)}, "^noise must be numbers of at least 0, got -0.1"),
        ({"attack": ("strong",)}, "^attack must be numbers of at least 0, got strong"),
        ({"steps": 0}, "^steps of an attack must be at least 1, got 0"),
    ],
)
def test_robustness_that_is_refused(model: Model, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        robustness({"tiny": model}, TEST, **changes)


def test_a_model_without_readout_is_refused(model: Model) -> None:
    bare = Model(network=model.network, layers=model.layers)
    with pytest.raises(ValueError, match=r"^bare has no readout; train one with spikehebb softhebb train"):
        robustness({"bare": bare}, TEST)


def test_pictures_show_what_they_are_given(model: Model) -> None:
    patches = np.random.default_rng(0).random((3, 4, 3, 5, 5), dtype=np.float32)
    patches[0, 0] = np.nan
    figure = plot.unit_patches(patches, [2, 5, 9], 1)
    assert [axis.get_ylabel() for axis in figure.axes][::4] == ["unit 2", "unit 5", "unit 9"]
    assert (np.asarray(figure.axes[0].get_images()[0].get_array()) == 0.5).all()
    titles = [axis.get_title() for axis in plot.unit_patches(patches[:, :1], [2, 5, 9], 0).axes]
    assert titles[:3] == ["2", "5", "9"]
    cloud = plot.embedding(np.arange(8).reshape(4, 2), [0, 1, 1, 0], ("cat", "dog"))
    assert [len(np.asarray(part.get_offsets())) for part in cloud.axes[0].collections] == [2, 2]
    points = [{"size": 0.0, "accuracy": 0.5}, {"size": 0.1, "accuracy": 0.25}]
    curves = plot.robustness({"images": 9, "networks": {"a": {"noise": points, "attack": points[:1]}}}).axes
    assert np.asarray(curves[0].get_lines()[0].get_ydata()).tolist() == [50, 25]
    assert np.asarray(curves[1].get_lines()[0].get_ydata()).tolist() == [50]


@pytest.mark.long
def test_the_commands(model: Model, tmp_path: Path) -> None:
    run_folder = tmp_path / "tiny"
    run_folder.mkdir()
    save_model(model, run_folder / "checkpoint.npz")
    done = run("softhebb", "look", run_folder, "--data", "digits", "--out", tmp_path / "look", "--shown", "60")
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "look").glob("*.png")}
    assert written == {"best_patches_layer2.png", "ascent_layer2.png", "embedding_layer2.png"}
    words: list[Any] = ["softhebb", "robustness", run_folder, "--data", "digits", "--limit-test", "50"]
    done = run(*words, "--out", tmp_path / "robust", "--noise", "0,0.2", "--attack", "0.05", "--steps", "3")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "robust" / "robustness.json").read_text())
    assert [point["size"] for point in report["networks"]["tiny"]["noise"]] == [0, 0.2]
    assert (tmp_path / "robust" / "robustness.png").exists()
    assert "the model has the layers 0 to 1, not 4" in refused(
        run("softhebb", "look", run_folder, "--data", "digits", "--layer", "5", "--out", tmp_path / "other")
    )
