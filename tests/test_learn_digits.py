"""The jobs: windows and digits. What learning reaches is in tests/validation."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Images, digest
from spikehebb.datasets import load
from spikehebb.devices import CPP, Device
from spikehebb.jobs import LearnedNetwork, Settings, digit_state, evaluate, learn_digits, read, stdp_window
from spikehebb.jobs.run import FINISHED
from spikehebb.rules import softhebb, stdp_pair
from spikehebb.simulation import present
from tests.conftest import FAST, NO_COMPILER

SMALL = Settings(neurons=6, seed=3)
CONFIG = SMALL.config()


@pytest.fixture(scope="module")
def trained(few: tuple[Images, Images]) -> LearnedNetwork:
    return learn_digits(*few, SMALL, device=FAST).network


@pytest.mark.slow_on_cuda
def test_the_window_of_pair_stdp_is_two_exponentials(device: Device) -> None:
    """ST-1 of the reference: exp(-|lag|/tau) times the amplitude, with the time constants of Bi and Poo 2001."""
    rule = stdp_pair.with_parameters(tau_plus=16.8 * ms, tau_minus=33.7 * ms, A_plus=0.01, A_minus=0.02)
    window = stdp_window(rule, [-40, -20, -10, -5, 0, 5, 10, 20, 40] * ms, device=device)
    depression = -0.02 * np.array([0.305153, 0.552406, 0.743240, 0.862114])
    potentiation = 0.01 * np.array([0.742584, 0.551431, 0.304076, 0.092462])
    np.testing.assert_allclose(window.dw, [*depression, 0, *potentiation], atol=1e-8)


@pytest.mark.long
@pytest.mark.slow_on_cuda
def test_repeated_pairings_add_up(device: Device) -> None:
    """At 1 Hz the pairings do not see each other; at 20 Hz the second depresses, too (lag -40 ms)."""
    once = 0.005 * np.exp(-10 / 20)
    slow = stdp_window(stdp_pair, [10] * ms, repeats=3, frequency=1 * Hz, device=device, dt=1 * ms)
    assert slow.dw[0] == pytest.approx(3 * once, rel=1e-6)
    fast = stdp_window(stdp_pair, [10] * ms, repeats=2, frequency=20 * Hz, device=device, dt=1 * ms)
    later = 0.005 * np.exp(-60 / 20) - 0.00525 * np.exp(-40 / 20)
    assert fast.dw[0] == pytest.approx(2 * once + later, rel=1e-9)


@pytest.mark.slow_on_cuda
def test_the_window_of_softhebb_is_causal(device: Device) -> None:
    """One pair: x = exp(-lag/tau) and u = w*x, so dw = eta*x*(1 - w^2), and nothing for a negative lag."""
    window = stdp_window(softhebb, [-10, 10, 20] * ms, device=device)
    np.testing.assert_allclose(window.dw, [0, *(0.005 * 0.75 * np.exp([-0.5, -1]))], rtol=1e-9)


def test_windows_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match=r"at 50 Hz a period is 20 ms, too short for a lag of -100 ms"):
        stdp_window(stdp_pair, repeats=3, frequency=50 * Hz)
    with pytest.raises(ValueError, match="repeats must be a whole number of at least 1, got 0"):
        stdp_window(stdp_pair, repeats=0)


@pytest.mark.learning
@pytest.mark.slow_on_cuda
def test_a_run_reports_what_was_promised(few: tuple[Images, Images], device: Device, tmp_path: Path) -> None:
    stages: dict[str, float] = {}
    run = learn_digits(
        *few, SMALL, device=device, out=tmp_path, progress=lambda stage, part: stages.update({stage: part})
    )
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "checkpoint.npz"}
    report = run.report
    assert {"config", "versions", "seed", "device", "data", "metrics", "learning_curve"} <= set(report)
    assert report["device"] == device.name
    content = digest([few[0].pixels, few[0].labels])
    data = {"name": "digits/train", "count": 60, "hashes": dict(few[0].hashes), "digest": content}
    assert report["data"]["train"] == data
    assert set(report["metrics"]) == {
        "accuracy_vote",
        "accuracy_class_vote",
        "accuracy_soft_vote",
        "accuracy_likelihood_vote",
        "accuracy_linear",
        "ms_per_image_train",
        "ms_per_image_test",
        "input_spikes_per_image",
        "output_spikes_per_image",
        "dead_neurons",
    }
    assert 15 < report["metrics"]["output_spikes_per_image"] < 25  # 400 Hz for 50 ms
    assert stages == {"building": 1, "learning": 1, "labelling": 1, "testing": 1}


@pytest.mark.learning
@pytest.mark.slow_on_cuda
def test_evaluation_gives_the_same_answer(few: tuple[Images, Images], device: Device, tmp_path: Path) -> None:
    run = learn_digits(*few, SMALL, device=device, out=tmp_path)
    again = evaluate(read(tmp_path), few[1])["metrics"]
    scores = [name for name in again if name.startswith("accuracy")]
    assert len(scores) == 5
    assert {name: again[name] for name in scores} == {name: run.report["metrics"][name] for name in scores}


@pytest.mark.learning
@pytest.mark.slow_on_cuda
def test_the_same_seed_learns_the_same_bits(few: tuple[Images, Images], device: Device) -> None:
    fewer = few[0][:20], few[1][:10]
    weights = [
        learn_digits(*fewer, dataclasses.replace(SMALL, seed=seed), device=device).network.arrays["weights"].tobytes()
        for seed in (3, 3, 4)
    ]
    assert weights[0] == weights[1] != weights[2]


def test_labels_of_test_images_have_no_say(few: tuple[Images, Images]) -> None:
    """With test labels permuted, the network, its labels and its predictions are the same."""
    train, test = few
    other = dataclasses.replace(test, labels=(test.labels + 1) % 10)
    runs = [learn_digits(train, images, SMALL, device=FAST) for images in (test, other)]
    predicted = [run.network.predict(images)[1] for run, images in zip(runs, (test, other), strict=True)]
    assert predicted[0].tolist() == predicted[1].tolist()
    for name in ("weights", "profile", "linear"):
        assert runs[0].network.arrays[name].tobytes() == runs[1].network.arrays[name].tobytes()


@pytest.mark.compiler
@NO_COMPILER
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "CHUNK", 100)
    monkeypatch.setattr(digit_state, "BLOCK", 50)
    train, test = load("digits", "train")[:250], load("digits", "test")[:20]
    settings = dataclasses.replace(SMALL, epochs=2)
    whole = learn_digits(train, test, settings, device=CPP)
    asked = 0

    def stop(stage: str, part: float) -> None:
        nonlocal asked
        if stage == "learning" and part > 0.55:
            asked += 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_digits(train, test, settings, device=CPP, out=tmp_path, progress=stop)
    assert asked == 1
    assert {path.name for path in tmp_path.iterdir()} == {"partial.npz"}
    begun = []
    resumed = learn_digits(
        train, test, settings, device=CPP, out=tmp_path, progress=lambda stage, part: begun.append((stage, part))
    )
    assert min(part for stage, part in begun if stage == "learning") >= 0.5, "it started from the beginning"
    assert resumed.network.arrays["weights"].tobytes() == whole.network.arrays["weights"].tobytes()
    timing = {"ms_per_image_train", "ms_per_image_test"}
    for name in set(whole.report["metrics"]) - timing:
        assert resumed.report["metrics"][name] == whole.report["metrics"][name]
    assert resumed.report["learning_curve"] == whole.report["learning_curve"]
    assert [point["images_seen"] for point in whole.report["learning_curve"]] == list(range(100, 501, 50))
    assert not (tmp_path / "partial.npz").exists()
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    begun.clear()
    read = learn_digits(
        train, test, settings, device=CPP, out=tmp_path, progress=lambda stage, part: begun.append((stage, part))
    )
    assert begun == [(FINISHED, 1)]
    assert read.report == resumed.report
    assert read.network.arrays["weights"].tobytes() == whole.network.arrays["weights"].tobytes()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_folder_with_another_run_is_left_alone(few: tuple[Images, Images], tmp_path: Path) -> None:
    learn_digits(*few, SMALL, device=FAST, out=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = dataclasses.replace(SMALL, seed=9)
    with pytest.raises(FileExistsError, match=r"holds another run; give another folder with --out, or replace it"):
        learn_digits(*few, other, device=FAST, out=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    learn_digits(*few, other, device=FAST, out=tmp_path, overwrite=True)
    assert read(tmp_path).header["seed"] == 9


def test_nothing_is_counted_before_learning() -> None:
    state = digit_state.begin(Settings(neurons=3), 4, 2, None)
    assert (state.chunks, state.seconds, state.curve.shape) == (0, 0, (0, 2))
    assert not any(counts.any() for counts in (state.spikes, state.tally, state.shown, state.age))
    assert (state.tally.shape, state.shown.shape) == ((3, 2), (2,))


def test_learning_starts_within_the_bounds_of_its_rule() -> None:
    settings = Settings(neurons=40, rule="stdp_pair", start_norm=6.0)
    weights = digit_state.begin(settings, 64, 10, None).weights["feedforward"]
    assert weights.max() == 1.0, "some start at the bound"
    free = digit_state.begin(dataclasses.replace(settings, rule="softhebb"), 64, 10, None).weights["feedforward"]
    assert free.max() > 1
    assert weights.tolist() == np.minimum(free, 1).tolist()


def stop_at_labelling(few: tuple[Images, Images], out: Path) -> None:
    """Leave a run in a folder that is learned and no more."""

    def stop(stage: str, part: float) -> None:
        if stage == "labelling":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_digits(*few, SMALL, device=FAST, out=out, progress=stop)


def test_a_partial_run_of_other_settings_is_left_alone(few: tuple[Images, Images], tmp_path: Path) -> None:
    stop_at_labelling(few, tmp_path)
    with pytest.raises(FileExistsError, match="holds another run"):
        learn_digits(*few, dataclasses.replace(SMALL, seed=9), device=FAST, out=tmp_path)
    other = dataclasses.replace(few[0], pixels=few[0].pixels[::-1])  # of the same name, number and files
    with pytest.raises(FileExistsError, match="holds another run"):
        learn_digits(other, few[1], SMALL, device=FAST, out=tmp_path)


def test_a_state_that_counts_what_cannot_be_is_refused(few: tuple[Images, Images], tmp_path: Path) -> None:
    stop_at_labelling(few, tmp_path)
    for chunks in (-1, 2):
        with np.load(tmp_path / "partial.npz") as archive:
            arrays = dict(archive)
        header = json.loads(arrays["header"].tobytes()) | {"chunks": chunks}
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        with (tmp_path / "partial.npz").open("wb") as file:
            np.savez(file, **arrays)
        with pytest.raises(ValueError, match=f"its header counts {chunks} chunks, which must lie between 0 and 1"):
            learn_digits(*few, SMALL, device=FAST, out=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"neurons": -5}, "neurons must be at least 1, got -5"),
        ({"neurons": 2.5}, r"neurons must be a whole number, got 2.5"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"seed": -1}, "seed must lie between 0 and 4294967295, got -1"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0"),
        ({"eta": float("inf")}, "eta must be a finite number, got inf"),
        ({"rate_hz": 1000.0}, r"rate_hz\*dt_ms must stay below 1000"),
        ({"max_rate_hz": 2000.0}, r"max_rate_hz\*dt_ms must be at most 1000"),
    ],
)
def test_settings_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**changes)


def test_images_that_do_not_fit_are_refused(few: tuple[Images, Images], trained: LearnedNetwork) -> None:
    train, test = few
    small = Images(name="small", pixels=np.zeros((2, 4, 4)), labels=np.zeros(2))
    with pytest.raises(ValueError, match=r"digits/train has images of \(8, 8\), but small of \(4, 4\) pixels"):
        learn_digits(train, small, SMALL, device=FAST)
    with pytest.raises(ValueError, match=r"trained on images of \(8, 8\), but small has \(4, 4\)"):
        evaluate(trained, small)
    odd = dataclasses.replace(test, classes=tuple("abcdefghij"))
    with pytest.raises(ValueError, match=r"digits/train has the classes 0, 1, .*, but digits/test the classes a, b, "):
        learn_digits(train, odd, SMALL, device=FAST)
    most = train[np.flatnonzero(train.labels != 3)]
    with pytest.raises(ValueError, match="digits/train has no image of the classes 3, but digits/test has; give"):
        learn_digits(most, test, SMALL, device=FAST)
    unlabelled = dataclasses.replace(test, labels=np.full(len(test), -1))
    coloured = Images(name="coloured", pixels=np.zeros((2, 3, 8, 8), np.uint8), labels=np.zeros(2))
    for refused, message in (
        (unlabelled, r"digits/test: labels must be at least 0, got -1 \(-1 is unlabelled\)"),
        (coloured, r"(digits/test of|digits/train has images of|on images of) \(8, 8\)"),
    ):
        with pytest.raises(ValueError, match=message):
            learn_digits(refused, test, SMALL, device=FAST)
        with pytest.raises(ValueError, match=message):
            learn_digits(train, refused, SMALL, device=FAST)
        with pytest.raises(ValueError, match=message):
            evaluate(trained, refused)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"kind": "something"},
            r"it holds 'something', not a trained network \(digits, softhebb, converted, lif_wta\)",
        ),
        ({"config": CONFIG | {"surprise": 1}}, "its config has entries that are not known: 'surprise'"),
        ({"config": CONFIG | {"neurons": 10**9}}, "MiB of memory, and a file of its size may take"),
        ({"device": "toaster"}, "there is no device 'toaster'"),
        ({"image_shape": [8]}, r"its images have the shape \[8\]"),
        ({"image_shape": [8, -8]}, "its images have the shape"),
    ],
)
def test_headers_that_make_no_sense_are_refused(
    trained: LearnedNetwork, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    checkpoint.save(Checkpoint(header={**trained.header, **changes}, arrays=trained.arrays), tmp_path / "c.npz")
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "c.npz")
