"""Associating patterns: the published order of errors, runs that go on, images, hidden layers, and wrong input."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import jobs, plot
from spikehebb.cli import associate
from spikehebb.datasets import Patterns, image_patterns, load, patterns
from spikehebb.jobs.association import Association, measured, start
from spikehebb.jobs.run import STATE
from tests.test_cli import run as command  # the command line in this process

SMALL = [patterns("random", 30, 40, 12, seed=seed) for seed in range(2)]
FEW = Association(rules=("hebbian",), etas=(0.1, 0.4))


def test_patterns_are_what_they_are_called() -> None:
    count, inputs = 400, 300
    many = {kind: patterns(kind, count, inputs, 50, seed=3) for kind in ("random", "correlated", "biased", "sparse")}
    means = {kind: each.inputs.mean() for kind, each in many.items()}
    assert means == pytest.approx({"random": 0.5, "correlated": 0.5, "biased": 0.8, "sparse": 0.1}, abs=0.02)
    assert many["sparse"].targets.mean() == pytest.approx(0.1, abs=0.02)
    signs = 2 * many["correlated"].inputs - 1
    overlap = np.sort((signs @ signs.T / inputs)[~np.eye(count, dtype=bool)])
    same = overlap[-count * count // 5 :]  # a fifth of the pairs have one prototype: (1 - 2*0.2)**2
    assert same.mean() == pytest.approx(0.36, abs=0.03)
    assert patterns("random", 5, 7, 3, targets="self").targets.shape == (5, 7)
    assert patterns("random").inputs.shape == patterns("random").targets.shape == (100, 200)
    assert image_patterns(load("digits", "test")[:3]).targets.shape == (3, 200)
    assert np.all(patterns("random", 50, 7, 3, targets="one").targets.sum(axis=1) == 1)


@pytest.mark.long
def test_hebbian_descent_keeps_what_it_learnt_last_three_times_better_than_gradient_descent() -> None:
    """Melchior, Schiewer and Wiskott 2024: on random patterns, each at its best rate, two sets."""
    sets = [patterns("random", seed=seed) for seed in range(2)]
    settings = Association(rules=("hebbian", "gradient"), etas=(0.2, 1.0))
    rules = jobs.associate(sets, settings)["rules"]
    assert rules["hebbian"]["eta"] == 0.2
    assert rules["gradient"]["summary"]["last"] > 3 * rules["hebbian"]["summary"]["last"]
    assert rules["hebbian"]["loss"] < rules["gradient"]["loss"], "it descends this loss"
    (first, *_, last) = rules["hebbian"]["forgetting"]
    assert first[1] < 0.05 < 0.2 < last[1], "errors grow with what has been learnt since"


@pytest.mark.long
def test_errors_are_those_of_the_weights_that_were_learnt() -> None:
    """By the rule's own recursion: one pass, centred, a bias."""
    report = jobs.associate(SMALL, FEW)["rules"]["hebbian"]
    errors = []
    for number, each in enumerate(SMALL):
        circuit = start(FEW, each, "hebbian", report["eta"], number)
        w = np.array(circuit.projections["feedforward"].weights)
        x = np.hstack([each.inputs - each.inputs.mean(axis=0), np.ones((30, 1))])
        for row, target in zip(x, each.targets, strict=True):
            w -= report["eta"] * np.outer(row, 1 / (1 + np.exp(-row @ w)) - target)
        h = 1 / (1 + np.exp(-x @ w))
        errors.append(np.abs(h - each.targets).mean(axis=1))
    np.testing.assert_allclose(report["errors"], np.mean(errors, axis=0), rtol=1e-10)
    assert report["summary"]["last"] == pytest.approx(np.mean(errors, axis=0)[-10:].mean(), rel=1e-10)


@pytest.mark.long
@pytest.mark.parametrize("centring", ["mean", "running"])
def test_the_forgetting_curve_ends_with_what_is_left(centring: str) -> None:
    """The curve is of weights after patterns 1, 4, 7, ... of 30: its first bin are the ages 0 to 2."""
    settings = dataclasses.replace(FEW, centring=centring, tau=10.0)
    curve = np.array(jobs.associate(SMALL[:1], settings)["rules"]["hebbian"]["forgetting"])
    assert curve.shape == (10, 2)
    assert np.all(np.diff(curve[:, 0]) > 0)
    assert curve[0, 0] == pytest.approx(0.96, abs=0.05)
    assert curve[0, 1] < curve[-1, 1]


@pytest.mark.long
def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    one = SMALL[:1]
    whole = jobs.associate(one, FEW)

    class StopError(Exception):
        pass

    def stop(stage: str, fraction: float) -> None:
        if fraction >= 0.5:
            raise StopError

    with pytest.raises(StopError):
        jobs.associate(one, FEW, out=tmp_path / "run", progress=stop)
    assert (tmp_path / "run" / STATE).exists()
    assert jobs.associate(one, FEW, out=tmp_path / "run")["rules"] == whole["rules"]
    assert jobs.associate(one, FEW, out=tmp_path / "run")["rules"] == whole["rules"], "it was finished before"
    with pytest.raises(FileExistsError, match="holds another run"):
        jobs.associate(one, dataclasses.replace(FEW, passes=2), out=tmp_path / "run")


@pytest.mark.long
def test_hidden_layers_and_batches_answer_images_that_were_not_learnt() -> None:
    """Ten classes of digits: chance is 10 %."""
    train, test = (image_patterns(load("digits", part)[:200], targets="labels") for part in ("train", "test"))
    settings = Association(
        rules=("hebbian",), etas=(0.5,), hidden=(20,), hidden_unit="tanh", batch=5, passes=4, decay=1e-5
    )
    report = jobs.associate([train], settings, tests=[test])["rules"]["hebbian"]
    assert report["right"] > 0.8
    assert report["test_right"] > 0.6
    assert report["forgetting"] == []


@pytest.mark.long
def test_networks_are_measured_together_as_alone() -> None:
    each = SMALL[0]
    networks = [start(FEW, each, "hebbian", 0.1, number) for number in range(3)]
    for network, found in zip(networks, measured(networks, each), strict=True):
        (alone,) = measured([network], each)
        np.testing.assert_array_equal(found.errors, alone.errors)
        assert found.loss == pytest.approx(alone.loss, rel=1e-12)


@pytest.mark.long
def test_a_rate_that_diverges_is_left_out_and_if_all_do_said() -> None:
    wild = Association(unit="exponential", rules=("gradient",), etas=(0.001, 1000.0))
    found = jobs.associate(SMALL[:1], wild)["rules"]["gradient"]
    assert found["eta"] == 0.001
    assert found["by_eta"][1] is None
    with pytest.raises(ValueError, match="rule gradient diverges at every learning rate; give lower ones"):
        jobs.associate(SMALL[:1], dataclasses.replace(wild, etas=(1000.0,)))


def test_the_picture_has_a_curve_for_every_rule() -> None:
    figure = plot.association(jobs.associate(SMALL[:1], Association(rules=("hebb", "covariance"), etas=(0.1,))))
    assert [len(axis.lines) for axis in figure.axes] == [2, 2, 2]


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ([[0, 1], [1]], [[0], [1]], "patterns own: inputs must all be equally long, got from 1 to 2 numbers"),
        ([[0, 1], [1, 0]], [[0], [1, 1]], "patterns own: targets must all be equally long"),
        ([[0, 1], [1, 0]], [[0]], "patterns own: 2 inputs but 1 targets; give one for each"),
        ([[0, np.nan]], [[0]], "patterns own: inputs must be finite numbers"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(inputs: Any, targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Patterns(name="own", inputs=inputs, targets=targets)


@pytest.mark.parametrize(
    ("settings", "target", "message"),
    [
        (Association(unit="sigmoid"), 1.5, "targets of sigmoid units must be from 0 to 1, got numbers from 0 to 1.5"),
        (Association(unit="tanh"), -2, "targets of tanh units must be from -1 to 1, got numbers from -2 to 0"),
        (Association(unit="step"), 0.5, "targets of step units must be 0 or 1"),
        (Association(unit="rectifier"), -1, "targets of rectifier units must be at least 0"),
        (Association(unit="exponential"), -1, "targets of exponential units must be at least 0"),
        (Association(unit="softmax"), 0.5, "targets of softmax units must be at least 0 and add up to 1"),
        (Association(batch=2), 1, "3 patterns are no whole number of batches of 2"),
    ],
)
def test_targets_that_a_unit_cannot_give_are_refused(settings: Association, target: float, message: str) -> None:
    own = Patterns(name="own", inputs=np.zeros((3, 2)), targets=np.array([[0, target], [0, 0], [0, 0]]))
    with pytest.raises(ValueError, match=message):
        jobs.associate([own], settings)


def test_sets_must_be_alike() -> None:
    with pytest.raises(ValueError, match="sets must be equally long"):
        jobs.associate([SMALL[0], patterns("random", 30, 41, 12)])
    with pytest.raises(ValueError, match="sets of patterns must be equally many"):
        jobs.associate([SMALL[0], patterns("random", 31, 40, 12)])
    with pytest.raises(ValueError, match="give a set, and as many tests or none"):
        jobs.associate(SMALL, tests=SMALL[:1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unit": "sigmod"}, "there is no unit 'sigmod'. Did you mean 'sigmoid'"),
        ({"rules": ("hebian",)}, "there is no rule 'hebian'. Did you mean 'hebbian'"),
        ({"centring": "mena"}, "there is no centring 'mena'"),
        ({"hidden_unit": "relu"}, "there is no hidden unit 'relu'"),
        ({"rules": ()}, "needs at least one rule and one learning rate"),
        ({"etas": (0.0,)}, "eta must be a number above 0"),
        ({"decay": -1.0}, "decay must be a number of at least 0"),
        ({"tau": 0.5}, "tau counts patterns and must be at least 1"),
        ({"passes": 0}, "passes must be a whole number"),
        ({"hidden": (5,)}, "covariance and hebb have no form for hidden layers"),
        ({"hidden": (5,), "rules": ("hebbian",), "centring": "running"}, "networks with hidden layers are centred by"),
    ],
)
def test_settings_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Association(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--patterns", "rand"], "there are no 'rand' patterns. Did you mean 'random'?"),
        (["--targets", "slf"], "there are no targets 'slf'. Did you mean 'self'?"),
        (["--targets", "labels"], "only images have labels"),
        (["--etas", "0.1,x"], "--etas must be numbers with commas between them, got '0.1,x'."),
        (["--sets", "0"], "--sets must be at least 1"),
        (["--count-test", "5"], "--count-test is for images that are not learnt"),
        (["--data", "digits", "--count", "5000"], "digits/train has 1,297 images, but 5,000 were asked for"),
    ],
)
def test_the_command_refuses_in_a_sentence(given: list[str], message: str, tmp_path: Path) -> None:
    done = command("associate", *given, "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_command_writes_numbers_and_a_picture(tmp_path: Path) -> None:
    given = [
        "--patterns",
        "sparse",
        "--count",
        "20",
        "--inputs",
        "30",
        "--outputs",
        "8",
        "--etas",
        "0.1",
        "--unit",
        "step",
    ]
    done = command("associate", *given, "--rules", "hebbian,hebb", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:3]] == ["hebbian", "hebb"]
    assert (tmp_path / "association.png").stat().st_size > 10_000
    assert "How to repeat it" in (tmp_path / "report.html").read_text()


def test_the_command_sees_colour_as_grey(tmp_path: Path) -> None:
    colour = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(6, 2, 2, 3)
    np.savez(tmp_path / "own.npz", x_train=colour, y_train=np.arange(6) % 2, x_test=colour, y_test=np.arange(6) % 2)
    first, second = associate._images(str(tmp_path / "own.npz"), "train", None, 3, 2, 5, "bits", 0)
    assert first.inputs.shape == second.inputs.shape == (3, 4)
