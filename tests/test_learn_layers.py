"""Learning layer by layer in spikes: that every layer learns, what is resumed, what is refused."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.cli.layers import settings_of
from spikehebb.core import Images
from spikehebb.devices import NUMPY
from spikehebb.jobs import LayerSettings, LayersRun, learn_layers
from spikehebb.jobs.layer_settings import LAYERS
from spikehebb.jobs.run import STATE
from spikehebb.softhebb import Layer, Model, load_model, training
from tests.test_cli import run

COMMON: dict[str, Any] = {"batch_norm": False, "plasticity": "soft", "eta": 0.2, "rate": "constant", "start": "uniform"}
FIRST = Layer(units=4, kernel=3, inverse_temperature=30.0, norm=3.0, **COMMON)
SECOND = Layer(units=3, inverse_temperature=30.0, norm=3.0, **COMMON)
TINY = LayerSettings(
    layers=(FIRST, SECOND), patches=80, images=20, patch_ms=15.0, lifetime=20.0, show_ms=8.0, calibration=20
)


def stripes(count: int, seed: int) -> Images:
    """Images of 4 x 4 pixels with horizontal (0) or vertical stripes (1): a kernel of 3 sees four patterns."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    bars = np.zeros((count, 4, 4))
    bars[labels == 0, ::2] = 1
    bars[labels == 1, :, ::2] = 1
    pixels = bars * rng.uniform(0.7, 1, bars.shape) + (1 - bars) * rng.uniform(0, 0.1, bars.shape)
    return Images(name=f"stripes{seed}", pixels=pixels, labels=labels)


TRAIN, TEST = stripes(20, 0), stripes(10, 1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("spikehebb.jobs.learn_layers"), "CHUNK", 40)
    monkeypatch.setattr(import_module("spikehebb.jobs.learn_layers"), "LOOK", 20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[LayersRun, Path]:
    """An uninterrupted run and its folder."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("spikehebb.jobs.learn_layers"), "CHUNK", 40)
        patch.setattr(import_module("spikehebb.jobs.learn_layers"), "LOOK", 20)
        return learn_layers(TRAIN, TEST, TINY, device=NUMPY, out=out), out


def same(one: Model, other: Model) -> bool:
    assert one.readout is not None
    assert other.readout is not None
    return all(np.array_equal(a.weight, b.weight) for a, b in zip(one.layers, other.layers, strict=True)) and all(
        np.array_equal(a, b) for a, b in zip(one.readout, other.readout, strict=True)
    )


@pytest.mark.long
def test_with_strides_a_layer_learns_what_its_positions_see() -> None:
    """Every second place of stripes shows the same two patterns: all else would be shifted by a pixel."""
    layer = Layer(units=2, kernel=2, stride=2, inverse_temperature=30.0, norm=3.0, **COMMON)
    run = learn_layers(TRAIN, TEST, dataclasses.replace(TINY, layers=(layer,)), device=NUMPY)
    patterns = np.array([[1, 1, 0, 0], [1, 0, 1, 0]]) / np.sqrt(2)
    learned = run.model.layers[0].weight.reshape(2, 4)
    learned = learned / np.linalg.norm(learned, axis=1, keepdims=True)
    assert sorted((learned @ patterns.T).argmax(axis=1)) == [0, 1]
    assert (learned @ patterns.T).max(axis=1).min() > 0.97
    assert run.model.network.shapes[1] == (2, 2, 2)
    assert run.report["metrics"]["accuracy_test"] == 1


@pytest.mark.long
def test_both_layers_learn_what_they_see(whole: tuple[LayersRun, Path]) -> None:
    run, _ = whole
    patterns = np.zeros((4, 3, 3))
    patterns[0, ::2], patterns[1, 1], patterns[2, :, ::2], patterns[3, :, 1] = 1, 1, 1, 1
    flat = patterns.reshape(4, 9) / np.linalg.norm(patterns.reshape(4, 9), axis=1, keepdims=True)
    begun = training.start(run.model.network, TINY.seed)
    for number in range(2):
        assert not np.array_equal(run.model.layers[number].weight, begun[number].weight)
    weight = np.asarray(run.model.layers[0].weight).reshape(4, 9)
    fit = flat @ (weight / np.linalg.norm(weight, axis=1, keepdims=True)).T
    before = np.asarray(begun[0].weight).reshape(4, 9)
    fit_before = flat @ (before / np.linalg.norm(before, axis=1, keepdims=True)).T
    assert fit.max(axis=0).min() > 0.97  # every unit has become one of the patterns
    assert fit_before.max(axis=0).min() < 0.95
    for layer in run.report["layers"]:
        assert layer["norm_mean"] == pytest.approx(1, abs=0.1)  # it was 3; SoftHebb's fixed point is 1
        assert layer["patches"] == 80
        # 400 Hz for 15 ms, within four standard deviations of the mean over 80 patches
        assert layer["output_spikes_per_patch"] == pytest.approx(6, abs=4 * np.sqrt(6 / 80))
    assert run.report["metrics"]["accuracy_by_layer"] == {"1": 1.0, "2": 1.0}


@pytest.mark.long
def test_a_run_says_what_made_it(whole: tuple[LayersRun, Path]) -> None:
    run, out = whole
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint.npz", "run.json"]
    report = json.loads((out / "run.json").read_text())
    assert report == run.report
    assert (report["kind"], report["seed"], report["device"]) == ("layers", 0, "numpy")
    assert report["config"]["layers"][1]["units"] == 3
    assert report["data"]["train"]["digest"] != report["data"]["test"]["digest"]
    assert {"brian2", "numpy", "spikehebb"} <= set(report["versions"])
    assert len(report["metrics"]["spikes_per_image"]) == 3
    assert same(load_model(out), run.model)


class Stopped(Exception):  # noqa: N818
    pass


@pytest.mark.long
def test_an_interrupted_run_goes_on_bit_for_bit(
    whole: tuple[LayersRun, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the first layer, in the second, and during inference."""
    run, _ = whole
    save, saved = checkpoint.save, []

    def stop(state: Checkpoint, path: Path, **options: Any) -> None:
        save(state, path, **options)
        if path.name == STATE:
            saved.append(state.header)
            if len(saved) in (1, 4, 7):
                raise Stopped

    monkeypatch.setattr(checkpoint, "save", stop)
    for _ in range(3):
        with pytest.raises(Stopped):
            learn_layers(TRAIN, TEST, TINY, device=NUMPY, out=tmp_path)
    again = learn_layers(TRAIN, TEST, TINY, device=NUMPY, out=tmp_path)
    assert [(state["number"], state["chunks"], len(state["sums"])) for state in saved] == [
        *((0, 1, 0), (0, 2, 0), (1, 0, 0)),  # the first layer
        *((1, 1, 0), (1, 2, 0), (2, 0, 0)),  # the second
        *((2, 0, 1), (2, 0, 2)),  # training and test images
    ]
    assert same(again.model, run.model)
    assert again.report["layers"] == run.report["layers"]
    for name in ("accuracy_by_layer", "accuracy_train", "spikes_per_image"):
        assert again.report["metrics"][name] == run.report["metrics"][name]


@pytest.mark.long
def test_another_run_is_not_replaced_unasked(whole: tuple[LayersRun, Path], tmp_path: Path) -> None:
    shutil.copytree(whole[1], tmp_path / "run")
    other = dataclasses.replace(TINY, seed=1)
    with pytest.raises(FileExistsError, match="holds another run; give another folder with --out"):
        learn_layers(TRAIN, TEST, other, device=NUMPY, out=tmp_path / "run")
    read = learn_layers(TRAIN, TEST, TINY, device=NUMPY, out=tmp_path / "run")  # this one is finished
    assert read.report == whole[0].report
    assert same(read.model, whole[0].model)


@pytest.mark.long
def test_random_layers_stay_as_they_are() -> None:
    frozen = tuple(dataclasses.replace(layer, plasticity="none") for layer in TINY.layers)
    settings = dataclasses.replace(TINY, layers=frozen[:1])
    run = learn_layers(TRAIN, TEST, settings, device=NUMPY)
    begun = training.start(run.model.network, 0)
    assert np.array_equal(run.model.layers[0].weight, begun[0].weight)
    assert run.report["layers"][0]["patches"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": ()}, r"layers must be one or more Layer values, got \(\)"),
        (
            {"layers": (dataclasses.replace(FIRST, plasticity="hard"),)},
            "layer 0 has plasticity hard, but layers learn in spikes with soft, or not at all with none",
        ),
        (
            {"layers": (FIRST, dataclasses.replace(SECOND, batch_norm=True))},
            "layer 1 has batch_norm, bias or pre_triangle, which nothing in the spiking circuit learns; set",
        ),
        ({"seed": -1}, "seed must lie between 0 and 4294967295, got -1"),
        ({"patches": 0}, "patches must be a whole number from 1 on, got 0"),
        ({"images": 2.5}, "images must be a whole number from 1 on, got 2.5"),
        ({"patch_ms": 0.0}, "patch_ms must be a number above 0, got 0.0"),
        ({"lifetime": "long"}, "lifetime must be a number above 0, got 'long'"),
        ({"blank": 1.0}, "blank must be below 1, got 1.0"),
        ({"rate_hz": 1000.0}, "rate_hz must stay below one spike per time step, got 1000 Hz"),
        ({"max_rate_hz": 1001.0}, "max_rate_hz must be at most one spike per time step, got 1001 Hz"),
        ({"show_ms": 2.0}, "an image must be shown for 5 to 52 whole time steps"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **change)


def test_the_settings_are_those_that_were_measured() -> None:
    """What the guide says of learning layer by layer holds for what is learned when nothing is given."""
    measured = json.loads((Path(__file__).parents[1] / "benchmarks" / "results" / "deep-spikes.json").read_text())
    config, settings = measured["runs"][0]["config"], LayerSettings()
    assert {name: getattr(settings, name) for name in config if name != "layers"} == {
        name: value for name, value in config.items() if name != "layers"
    }


def test_spikes_count_after_half_of_a_presentation_or_10_ms() -> None:
    assert [LayerSettings(show_ms=shown).timing.settle_ms for shown in (8.0, 50.0)] == [4, 10]
    timing = LayerSettings(show_ms=10.0, dt_ms=0.5).timing
    assert (timing.input_rate_hz, timing.top_rate_hz, timing.rate_hz) == (2000, 2000, 1800)


def test_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    larger = Images(name="larger", pixels=np.ones((2, 5, 5)), labels=np.array([0, 1]))
    with pytest.raises(ValueError, match=r"stripes0 has images of \(1, 4, 4\), but larger of \(1, 5, 5\)"):
        learn_layers(TRAIN, larger, TINY, device=NUMPY)
    unlabelled = dataclasses.replace(TEST, labels=-np.ones(10, int))
    with pytest.raises(ValueError, match="stripes1 has images without a label; the readouts need labelled ones"):
        learn_layers(TRAIN, unlabelled, TINY, device=NUMPY)
    with pytest.raises(ValueError, match="layer 0 has kernel 5 and padding 0, too large"):
        learn_layers(TRAIN, TEST, dataclasses.replace(TINY, layers=LAYERS), device=NUMPY)
    black = dataclasses.replace(TRAIN, pixels=np.zeros_like(TRAIN.pixels))
    with pytest.raises(ValueError, match="layer 0 has no input: the 20 images of stripes0 that it learns from"):
        learn_layers(black, TEST, TINY, device=NUMPY)


def test_what_is_not_an_unfinished_run_is_refused(whole: tuple[LayersRun, Path], tmp_path: Path) -> None:
    shutil.copy(whole[1] / "checkpoint.npz", tmp_path / STATE)
    with pytest.raises(FileExistsError, match="holds another run"):
        learn_layers(TRAIN, TEST, TINY, device=NUMPY, out=tmp_path)
    header = {**whole[0].report, "kind": "layers, unfinished", "number": 0, "chunks": -1, "steps": [0, 0], "sums": []}
    checkpoint.save(Checkpoint(header=header, arrays={}), tmp_path / STATE)
    with pytest.raises(ValueError, match=r"its header counts -1 chunks, which must lie between 0 and \d+; begin anew"):
        learn_layers(TRAIN, TEST, TINY, device=NUMPY, out=tmp_path)


def test_a_layer_counts_the_patches_that_it_has_seen(whole: tuple[LayersRun, Path]) -> None:
    assert [layer.steps for layer in whole[0].model.layers] == [TINY.patches] * 2


@pytest.mark.long
def test_the_command(tmp_path: Path) -> None:
    words = ["learn-layers", "--data", "digits", "--units", "3", "--kernel", "3", "--pool", "2", "--stride", "2"]
    words += ["--temperature", "0.05", "--patches", "60", "--show", "6", "--limit-train", "20", "--limit-test", "10"]
    done = run(*words, "--device", "numpy", "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((tmp_path / "run" / "run.json").read_text())
    (layer,) = report["config"]["layers"]
    assert (layer["units"], layer["stride"], layer["inverse_temperature"]) == (3, 2, 20)
    assert load_model(tmp_path / "run").network.shapes[1] == (3, 1, 1)
    assert (tmp_path / "run" / "receptive_fields.png").stat().st_size > 1000
    assert "accuracy" in (tmp_path / "run" / "report.html").read_text()
    again = run(*words, "--device", "numpy", "--out", tmp_path / "run", "--overwrite")
    assert "readout of layer 1" in again.stdout


def test_the_command_stands_for_the_settings_that_were_measured() -> None:
    lists = {"units": "32,128", "kernel": "5,3", "pool": "4,2", "stride": ""}
    assert settings_of(lists, temperature=0.02, eta=0.1) == LayerSettings()
    for change, message in (
        ({"kernel": "5"}, "--kernel 5 and --units 32,128 are not as many numbers"),
        ({"units": "32x128"}, "--units takes whole numbers with commas between, such as 32,128, got '32x128'"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            settings_of({**lists, **change}, temperature=0.02, eta=0.1)
    with pytest.raises(ValueError, match="--temperature must be above 0, got 0"):
        settings_of(lists, temperature=0, eta=0.1)
