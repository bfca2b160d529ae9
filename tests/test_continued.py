"""Learning goes on from a trained network: what carries over, what is refused, what a run says of its origin."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb import checkpoint, jobs
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.devices import Device
from spikehebb.jobs import LearnedNetwork, RateNetwork, Settings, Start, learn_digits, load_start
from spikehebb.protocols import presentations
from spikehebb.simulation import present, simulate
from spikehebb.softhebb import Layer, Model, Network, Weights, load_model, save_model, training
from tests.conftest import FAST
from tests.test_cli import refused, run

LAYER = Layer(
    units=6,
    batch_norm=False,
    plasticity="soft",
    inverse_temperature=12,
    eta=0.045,
    power=0.2,
    norm=2.5,
    start="uniform",
)
TINY = ["--data", "digits", "--limit-train", "40", "--limit-test", "20", "--device", FAST.name]


def rates(layer: Layer = LAYER, image_shape: tuple[int, int, int] = (1, 8, 8), bias: Any = None) -> Model:
    network = Network(image_shape=image_shape, layers=(layer,))
    (weights,) = training.start(network, 0)
    if bias is not None:
        weights = dataclasses.replace(weights, bias=np.asarray(bias, np.float32))
    return Model(network=network, layers=(weights,))


def start_of(model: Model) -> Start:
    return RateNetwork(model=model).start()


@pytest.fixture
def softhebb(tmp_path: Path) -> Path:
    """A dense rate-based model in a folder."""
    folder = tmp_path / "dense"
    folder.mkdir()
    save_model(rates(), folder / "checkpoint.npz")
    return folder


@pytest.fixture(scope="module")
def spiked(few: tuple[Images, Images], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned in spikes."""
    out = tmp_path_factory.mktemp("spiked")
    learn_digits(*few, Settings(neurons=6, seed=3), device=FAST, out=out)
    return out


def test_weights_and_temperature_of_rates_carry_over(softhebb: Path, few: tuple[Images, Images]) -> None:
    """The rate layer competes with t*w.x; with pixels of mean length L the circuit's T = 1/(t*L) gives the same."""
    start, model = load_start(softhebb), load_model(softhebb)
    np.testing.assert_array_equal(start.weights, model.layers[0].weight.T)
    settings = start.settings(few[0], epochs=2)
    pixels = few[0].intensities().reshape(60, 64)
    lengths = np.linalg.norm(pixels, axis=1)
    assert settings.temperature == pytest.approx(1 / (12 * lengths.mean()), rel=1e-6)
    assert (settings.neurons, settings.epochs) == (6, 2)
    x = pixels[:1] / lengths[:1, None] * lengths.mean()
    u = x @ model.layers[0].weight.T
    np.testing.assert_allclose(x / lengths.mean() @ start.weights / settings.temperature, 12 * u, rtol=1e-4)


def test_a_converted_network_is_not_new_and_takes_an_age(softhebb: Path) -> None:
    start = load_start(softhebb)
    assert set(start.age) == {jobs.rates.AGE}
    assert set(start.with_age(2.5).age) == {2.5}
    for age in (-1, float("nan")):
        with pytest.raises(ValueError, match=f"age must be a number of at least 0, got {age}"):
            start.with_age(age)


@pytest.mark.long
def test_spikes_are_samples_of_the_biased_softmax(few: tuple[Images, Images]) -> None:
    """Shares of the output spikes over 40 s equal softmax(bias) for blank input, within four standard errors."""
    model = rates(bias=[0.1, 0, -0.1, 0.05, 0, -0.02])
    start = start_of(model)
    np.testing.assert_allclose(start.bias, 12 * model.layers[0].bias, rtol=1e-6)
    settings = start.settings(few[0])
    circuit = settings.build(np.zeros((64, 6)), start.bias).frozen()
    blank = Images(name="blank", pixels=np.zeros((20, 8, 8)), labels=np.zeros(20))
    recording = simulate(circuit, presentations(blank, duration=2000 * ms), dt=1 * ms, seed=1)
    counts = recording.counts["output"]
    expected = np.exp(start.bias) / np.exp(start.bias).sum()
    error = np.sqrt(expected * (1 - expected) / counts.sum())
    assert np.all(np.abs(counts / counts.sum() - expected) < 4 * error)
    assert counts.sum() == pytest.approx(400 * 40, rel=0.05)


def test_learning_goes_on_from_where_it_was(softhebb: Path, few: tuple[Images, Images], tmp_path: Path) -> None:
    """An infinite age would keep the weights; a large one moves them little, none restarts them."""
    start = load_start(softhebb)
    kept = learn_digits(*few, start=start.with_age(1e9), device=FAST).network.arrays["weights"]
    np.testing.assert_allclose(kept, start.weights, atol=1e-6)
    moved = learn_digits(*few, start=start.with_age(0), device=FAST).network.arrays
    assert np.abs(moved["weights"] - start.weights).max() > 0.05
    spikes = 100 * moved["age"].sum()  # a spike ages its neuron by 1/lifetime
    assert spikes == pytest.approx(60 * 20, rel=0.2)


def test_a_spiking_network_keeps_its_ages_and_settings(spiked: Path, few: tuple[Images, Images]) -> None:
    start, trained = load_start(spiked), jobs.read(spiked)
    np.testing.assert_array_equal(start.age, trained.arrays["age"])
    settings = start.settings(few[0], seed=9)
    assert settings == Settings(neurons=6, seed=9)
    again = learn_digits(*few, settings, start=start, device=FAST)
    assert (np.asarray(again.network.arrays["age"]) >= trained.arrays["age"]).all()
    assert again.network.start().age.sum() > start.age.sum()


def test_a_run_says_what_it_came_from(softhebb: Path, few: tuple[Images, Images], tmp_path: Path) -> None:
    start = load_start(softhebb)
    learn_digits(*few, start=start, device=FAST, out=tmp_path / "on")
    entry = json.loads((tmp_path / "on" / "run.json").read_text())["start"]
    content = (softhebb / "checkpoint.npz").read_bytes()
    assert entry["kind"] == "softhebb"
    assert entry["file"] == "dense/checkpoint.npz"
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert entry["inverse_temperature"] == 12
    assert entry["mean_image_norm"] == pytest.approx(jobs.start.mean_norm(few[0]))
    assert learn_digits(*few, Settings(neurons=6), device=FAST).report["start"] is None


@pytest.mark.long
def test_a_bias_outlives_the_file(few: tuple[Images, Images], tmp_path: Path) -> None:
    start = start_of(rates(bias=np.linspace(-0.1, 0.1, 6)))
    done = learn_digits(*few, start=start, device=FAST, out=tmp_path)
    read = jobs.read(tmp_path)
    assert isinstance(read, LearnedNetwork)
    np.testing.assert_array_equal(read.arrays["bias"], start.bias)
    np.testing.assert_array_equal(load_start(tmp_path).bias, start.bias)
    again = jobs.evaluate(read, few[1])["metrics"]
    assert again["accuracy_vote"] == done.report["metrics"]["accuracy_vote"]
    assert jobs.some_presentations(read, few[1][:2]).counts["output"].sum() > 0


@pytest.mark.long
@pytest.mark.learning
@pytest.mark.slow_on_cuda
def test_an_interrupted_run_goes_on_bit_for_bit(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(present, "CHUNK", 16)
    train, test = load("digits", "train")[:40], load("digits", "test")[:10]
    start = start_of(rates(bias=np.linspace(-0.1, 0.1, 6)))
    whole = learn_digits(train, test, start=start, device=device)

    def stop(stage: str, part: float) -> None:
        if stage == "learning" and part > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_digits(train, test, start=start, device=device, out=tmp_path, progress=stop)
    for other in (None, start.with_age(start.age[0] + 1), start_of(rates())):
        settings = start.settings(train)
        with pytest.raises(FileExistsError, match="holds another run"):
            learn_digits(train, test, settings, start=other, device=device, out=tmp_path)
    resumed = learn_digits(train, test, start=start, device=device, out=tmp_path)
    for name, array in whole.network.arrays.items():
        assert resumed.network.arrays[name].tobytes() == array.tobytes(), name


@pytest.mark.slow
def test_other_rules_learn_too(softhebb: Path, few: tuple[Images, Images]) -> None:
    start = load_start(softhebb)
    runs = {
        rule: learn_digits(*few, start.settings(few[0], rule=rule), start=start, device=FAST)
        for rule in ("nessler", "stdp_pair", "softhebb")
    }
    weights = [run.network.arrays["weights"] for run in runs.values()]
    for array in weights:
        assert np.abs(array - start.weights).max() > 1e-3
    assert np.abs(weights[0] - weights[1]).max() > 1e-3
    assert runs["nessler"].report["config"]["rule"] == "nessler"
    aged = runs["nessler"].network.arrays["age"] - start.age
    assert 100 * aged.sum() == pytest.approx(60 * 20, rel=0.2)  # spikes are counted whatever the rule


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("hebb", "projection feedforward: rule hebb needs a variable 'x'"),
        ("clopath", "projection feedforward: rule clopath needs a variable 'potential'"),
        ("synaptic_scaling", "it changes no weight when neurons spike"),
        ("normalization", "it changes no weight when neurons spike"),
    ],
)
def test_rules_that_do_not_fit_are_refused(rule: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"rule {rule} does not fit: circuit soft_wta.*{why}"):
        Settings(rule=rule)
    with pytest.raises(ValueError, match=r"there is no rule 'softheb'\. Did you mean 'softhebb'"):
        Settings(rule="softheb")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (rates(dataclasses.replace(LAYER, kernel=3), (3, 8, 8)), "this model has a convolution, 3 channels;"),
        (rates(dataclasses.replace(LAYER, batch_norm=True)), "this model has batch normalization;"),
        (rates(dataclasses.replace(LAYER, plasticity="hard")), "this model has plasticity hard;"),
        (rates(dataclasses.replace(LAYER, pre_triangle=True)), "has sums that are rectified before they compete;"),
    ],
)
def test_models_that_do_not_fit_are_refused(model: Model, message: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="learning goes on in spikes from one dense layer of soft competition"
    ) as caught:
        start_of(model)
    assert message in str(caught.value)
    assert "train one that fits with spikehebb softhebb train --preset mnist-dense" in str(caught.value)
    save_model(model, tmp_path / "c.npz")
    with pytest.raises(ValueError, match=r"c\.npz: learning goes on in spikes from one dense layer"):
        load_start(tmp_path / "c.npz")


def test_several_layers_are_refused() -> None:
    network = Network(image_shape=(1, 8, 8), layers=(LAYER, LAYER))
    with pytest.raises(ValueError, match="but this model has 2 layers; train one that fits"):
        start_of(Model(network=network, layers=training.start(network, 0)))


def test_images_and_settings_must_fit_the_start(softhebb: Path, few: tuple[Images, Images], tmp_path: Path) -> None:
    start, out = load_start(softhebb), tmp_path / "out"
    small = Images(name="small", pixels=np.ones((3, 4, 4)), labels=np.zeros(3))
    with pytest.raises(ValueError, match=r"goes on from takes images of \(8, 8\), but small has \(4, 4\); give images"):
        learn_digits(small, small, start=start, device=FAST, out=out)
    with pytest.raises(ValueError, match="goes on from has 6 neurons, but the settings say 7; leave the number out"):
        learn_digits(*few, Settings(neurons=7), start=start, device=FAST, out=out)
    blank = Images(name="blank", pixels=np.zeros((3, 8, 8)), labels=np.zeros(3))
    with pytest.raises(ValueError, match="blank: all images are blank, so they give no temperature"):
        learn_digits(blank, blank, start=start, device=FAST, out=out)
    assert not out.exists()


def test_damaged_starts_are_refused(spiked: Path, tmp_path: Path) -> None:
    trained = jobs.read(spiked)

    def saved(header: dict[str, Any], **arrays: Any) -> Path:
        path = tmp_path / "c.npz"
        damaged = Checkpoint(header={**trained.header, **header}, arrays={**trained.arrays, **arrays})
        checkpoint.save(damaged, path)
        return path

    weights = np.array(trained.arrays["weights"])
    weights[3, 2] = np.nan
    faults: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({}, {"weights": weights}, "weights holds numbers that are not finite"),
        ({}, {"age": -trained.arrays["age"] - 1}, "age must not be negative"),
        ({"kind": "digits, unfinished"}, {}, r"it holds 'digits, unfinished', not a trained network"),
        ({"kind": ["digits"]}, {}, r"it holds \['digits'\], not a trained network"),
        ({"biased": True}, {}, r"needs \['age', 'bias', 'linear', 'profile', 'weights'\]"),
    ]
    for header, arrays, message in faults:
        with pytest.raises(ValueError, match=message):
            load_start(saved(header, **arrays))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--neurons", "7"], "has 6 neurons, but --neurons says 7; leave --neurons out with --from"),
        (["--age", "-2"], "age must be a number of at least 0, got -2"),
        (["--rule", "hebb"], "rule hebb does not fit: circuit soft_wta"),
        (["--data", "mnist", "--data-dir", "."], "mnist: train-images-idx3-ubyte.gz is missing"),
    ],
)
def test_bad_words_are_one_sentence(words: list[str], message: str, softhebb: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert message in refused(run("learn", *TINY, "--from", softhebb, *words, "--out", out, cwd=tmp_path))
    assert not out.exists()


def test_what_is_no_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("nothing")
    for place, message in (("none", "there is no checkpoint"), ("text.npz", "text.npz is damaged or truncated")):
        assert message in refused(run("learn", *TINY, "--from", tmp_path / place, "--out", tmp_path / "out"))
    assert "--age is for networks that learning goes on from; give one with --from" in refused(
        run("learn", *TINY, "--age", "3", "--out", tmp_path / "out")
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_the_command_goes_on_and_again(softhebb: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for source, out in ((softhebb, first), (first, second)):
        done = run("learn", *TINY, "--from", source, "--out", out, "--json")
        assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["start"]["kind"] == "digits"
    assert report["start"]["sha256"] == hashlib.sha256((first / "checkpoint.npz").read_bytes()).hexdigest()
    assert report["config"]["temperature"] == json.loads((first / "run.json").read_text())["config"]["temperature"]
    scores = json.loads(run("evaluate", second, "--data", "digits", "--limit-test", "20", "--json").stdout)["metrics"]
    assert scores["accuracy_vote"] == report["metrics"]["accuracy_vote"]


def test_evaluate_takes_rates_by_the_kind_of_the_checkpoint(tmp_path: Path) -> None:
    """A readout that always says 3 is right for every 3."""
    model = rates()
    bias = np.eye(10, dtype=np.float32)[3]
    save_model(dataclasses.replace(model, readout=(np.zeros((10, 6), np.float32), bias)), tmp_path / "c.npz")
    done = run("evaluate", tmp_path / "c.npz", "--data", "digits", "--json")
    share = float(np.mean(load("digits", "test").labels == 3))
    assert json.loads(done.stdout)["metrics"] == {"accuracy_test": pytest.approx(share)}


def test_a_start_is_a_value() -> None:
    start = start_of(rates())
    assert isinstance(start, Start)
    with pytest.raises(dataclasses.FrozenInstanceError):
        start.kind = "digits"  # type: ignore[misc]
    assert start.origin["file"] is None
    assert start.origin["sha256"] == start_of(rates()).origin["sha256"]
    assert start.origin["sha256"] != start_of(rates(dataclasses.replace(LAYER, inverse_temperature=3))).origin["sha256"]
    assert isinstance(rates().layers[0], Weights)
