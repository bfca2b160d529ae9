"""Trained networks on chips: checked, quantized and counted, from Python and from the command line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from spikehebb import conversion, devices, hardware, jobs, metrics
from spikehebb.cli import commands
from spikehebb.datasets import load
from spikehebb.hardware import TARGETS
from spikehebb.jobs import Trained
from spikehebb.softhebb import Model
from tests.test_cli import refused, run

GENERIC, LOIHI = TARGETS["generic"], TARGETS["loihi1"]
EIGHT, FOUR = GENERIC.with_limits(weight_bits=8), GENERIC.with_limits(weight_bits=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny network that learned digits."""
    out = tmp_path_factory.mktemp("digits") / "run"
    images = load("digits", "train")[:40], load("digits", "test")[:20]
    settings = jobs.Settings(neurons=6)
    jobs.learn_digits(*images, settings, device=devices.NUMPY, out=out)
    return out


@pytest.fixture(scope="module")
def network(trained: Path) -> Trained:
    return jobs.read(trained)


def words(*arguments: str | Path) -> Any:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


@pytest.mark.long
def test_a_digit_network_and_loihi(network: Trained) -> None:
    report = jobs.check_network(network, LOIHI)
    limits = {problem["limit"] for problem in report["problems"]}
    assert limits == {"neuron_models", "continuous_projections", "weight_bits"}
    assert report["enforced"] == len(report["problems"]) == 5
    assert report["cores"] == 1
    learning = jobs.check_network(network, GENERIC.with_limits(learns=False), learning=True)
    assert [problem["limit"] for problem in learning["problems"]] == ["learns"]
    assert jobs.check_network(network, GENERIC)["problems"] == []


@pytest.mark.long
def test_quantized_digits_are_read_and_scored_as_before(network: Trained, tmp_path: Path) -> None:
    test = load("digits", "test")[:20]
    report = jobs.quantize_network(network, EIGHT, tmp_path)
    assert json.loads((tmp_path / "quantize.json").read_text()) == report
    again = jobs.read(tmp_path)
    line = report["report"][0]
    integers = again.arrays["weights"] / line["scale"]
    assert np.array_equal(again.arrays["weights"], line["scale"] * np.rint(integers))
    assert (np.rint(integers).min() >= 0, np.rint(integers).max()) == (True, 255)
    assert np.abs(again.arrays["weights"] - network.arrays["weights"]).max() <= line["scale"] / 2 * (1 + 1e-9)
    assert again.header["config"] == network.header["config"]
    assert again.header["quantized"]["limits"]["weight_bits"]["value"] == 8
    before, after = (jobs.evaluate(one, test)["metrics"]["accuracy_vote"] for one in (network, again))
    assert abs(before - after) <= 0.2
    assert jobs.check_network(again, EIGHT)["problems"] == []


@pytest.mark.long
def test_a_quantized_time_constant_leaves_the_neurons_temperature(network: Trained, tmp_path: Path) -> None:
    target = EIGHT.with_limits(decay_bits=6)
    jobs.quantize_network(network, target, tmp_path)
    old, new = network.header["config"], jobs.read(tmp_path).header["config"]
    # 10 steps lose 0.0952 of themselves, 6.09 of 64ths
    assert new["tau_m_ms"] == pytest.approx(-1 / np.log(1 - 6 / 64))
    assert new["tau_m_ms"] * new["temperature"] == pytest.approx(old["tau_m_ms"] * old["temperature"])


def test_a_folder_with_another_run_is_left_alone(network: Trained, trained: Path, tmp_path: Path) -> None:
    before = (trained / "checkpoint.npz").read_bytes()
    with pytest.raises(FileExistsError, match="holds another run"):
        jobs.quantize_network(network, FOUR, trained)
    assert (trained / "checkpoint.npz").read_bytes() == before
    jobs.quantize_network(network, FOUR, tmp_path)
    jobs.quantize_network(network, EIGHT, tmp_path, overwrite=True)


def test_evaluation_on_a_target_scores_as_without_and_counts(network: Trained) -> None:
    test = load("digits", "test")[:20]
    plain = jobs.evaluate(network, test)
    evaluation = jobs.evaluate(network, test, target=LOIHI)
    for name in ("accuracy_vote", "accuracy_soft_vote", "accuracy_linear"):
        assert evaluation["metrics"][name] == plain["metrics"][name]
    assert {k: v for k, v in evaluation.items() if k not in ("metrics", "hardware")} == {
        k: v for k, v in plain.items() if k != "metrics"
    }
    report = evaluation["hardware"]
    work = report["per_image"]
    assert work["effective_ac"] == pytest.approx(work["input_spikes"] * 6)  # every input spike reaches 6 neurons
    assert work["effective_mac"] == 50 * 12  # the exact inhibition: 6 there and 6 back, at every step
    assert work["neuron_updates"] == 50 * 7
    assert report["footprint"]["weights"] == 64 * 6
    assert report["fan_in"]["output"] == 64
    assert report["connection_sparsity"] == pytest.approx(float(np.mean(network.arrays["weights"] == 0)))
    assert report["enforced_problems"] == 5
    assert set(report["energy_per_image"]) == {"loihi1", "int8_45nm", "int32_45nm", "float32_45nm"}
    assert report["energy_per_image"]["loihi1"]["joule"] == pytest.approx(
        1e-12 * (work["effective_ac"] * 23.6 + work["neuron_updates"] * 81 + work["spikes"] * 1.7)
    )
    assert work["plasticity"]["synapses"] == 0
    learning = report["learning"]["plasticity"]
    assert learning["on_post"] == pytest.approx(work["spikes"] * 64)  # SoftHebb learns at output spikes
    assert learning["synapses"] == learning["on_post"] + learning["on_pre"]
    json.dumps(evaluation, allow_nan=False)


def test_evaluation_refuses_images_of_another_size(network: Trained) -> None:
    larger = np.zeros((2, 9, 9), np.float32)
    images = type(load("digits", "test"))(name="larger", pixels=larger, labels=np.array([0, 1]))
    with pytest.raises(ValueError, match=r"was trained on images of \(8, 8\), but larger has \(9, 9\)"):
        jobs.evaluate(network, images, target=LOIHI)


def test_rates_have_no_spikes_but_can_be_quantized(tmp_path: Path, rng: np.random.Generator) -> None:
    model = _convolutional(rng)
    saved = jobs.RateNetwork(model=model)
    with pytest.raises(ValueError, match="a SoftHebb network of rates has no spikes; convert it first"):
        jobs.check_network(saved, LOIHI)
    with pytest.raises(ValueError, match="a SoftHebb network of rates has no spikes; convert it first"):
        jobs.evaluate(saved, load("digits", "test")[:2], target=LOIHI)
    report = jobs.quantize_network(saved, FOUR, tmp_path)
    again = jobs.read(tmp_path).rates()
    for number, line in enumerate(report["report"]):
        folded, _ = conversion.folded(again, number)
        integers = folded / line["scale"]
        assert np.abs(integers - np.rint(integers)).max() < 1e-5  # float32 in the file
        assert len(np.unique(np.rint(integers))) > 5
        assert np.abs(integers).max() == pytest.approx(7, abs=1e-5)
        original, _ = conversion.folded(model, number)
        assert np.abs(folded - original).max() <= line["scale"] / 2 * (1 + 1e-4)
    assert [line["what"] for line in report["report"]] == ["layer0.w", "layer1.w"]


@pytest.mark.long
def test_a_converted_network_is_checked_quantized_and_counted(tmp_path: Path, rng: np.random.Generator) -> None:
    model = _convolutional(rng)
    timing = conversion.timing_for(model.network, order="together", present_ms=20.0, settle_ms=4.0)
    network = conversion.to_spiking(model, load("digits", "train")[:10], timing)
    conversion.save_converted(model, network, tmp_path / "checkpoint.npz")
    saved = jobs.read(tmp_path)
    check = jobs.check_network(saved, TARGETS["dynapse2"])
    assert check["cores"] is not None
    assert {"neuron_models", "continuous_projections", "weight_bits"} <= {p["limit"] for p in check["problems"]}
    with pytest.raises(ValueError, match="a converted network does not learn"):
        jobs.check_network(saved, LOIHI, learning=True)
    test = load("digits", "test")[:3]
    result = jobs.evaluate(saved, test, target=LOIHI, device=devices.NUMPY)
    work, size = result["hardware"]["per_image"], conversion.size(network)
    assert work["effective_ac"] == result["metrics"]["operations_per_image"]
    assert work["neuron_updates"] == (size.unrolled_neurons - 64) * 20
    assert result["hardware"]["footprint"]["weights"] == size.unrolled_synapses
    report = jobs.quantize_network(saved, FOUR, tmp_path / "four")
    again, quantized = conversion.load_converted(tmp_path / "four")
    assert again.network == model.network
    weights = quantized.stages[0].weights / report["report"][0]["scale"]
    assert np.abs(weights - np.rint(weights)).max() < 1e-5


def test_the_lif_form_fits_on_loihi_but_for_its_numbers(tmp_path: Path, rng: np.random.Generator) -> None:
    model = _dense(rng)
    timing = conversion.timing_for(model.network, present_ms=20.0, settle_ms=4.0)
    network = conversion.to_spiking(model, load("digits", "train")[:10], timing)
    numbers = {"inhibition": "lateral", "gain": 8.0, "strength": 0.5, "drive": 1.05, "tau_m_ms": 10.0}
    settings = conversion.lif_settings(numbers, [0, 1, 2, 3, 4, 5])
    network = dataclasses.replace(network, header={"seed": 3, "device": "numpy", "lif": settings})
    conversion.save_converted(model, network, tmp_path / "checkpoint.npz")
    saved = jobs.read(tmp_path)
    assert {p["limit"] for p in jobs.check_network(saved, LOIHI)["problems"]} == {"weight_bits"}
    circuit = conversion.lif_network(model, network)
    chip = hardware.quantize(circuit, LOIHI)
    assert hardware.check(chip.circuit, LOIHI) == ()
    assert "to_readout.w" in chip.kept
    test = load("digits", "test")[:6]
    evaluation = jobs.evaluate(saved, test, target=LOIHI)
    work = evaluation["hardware"]["per_image"]
    assert work["spikes"] > 0
    # every input spike reaches the neurons with a weight that is not 0, every output spike 5 others and one vote
    assert work["per_projection"]["lateral"] == pytest.approx(work["spikes"] * 5)
    assert work["per_projection"]["to_readout"] == pytest.approx(work["spikes"])
    assert work["effective_mac"] == 0
    assert evaluation["hardware"]["energy_per_image"]["loihi1"]["unpriced"] == []
    assert evaluation == json.loads(json.dumps(evaluation))
    assert jobs.quantize_network(saved, FOUR, tmp_path / "four")["remarks"] == []
    assert jobs.check_network(jobs.read(tmp_path / "four"), FOUR)["problems"] == []
    wide = dataclasses.replace(test, pixels=np.zeros((6, 9, 9), np.float32))
    with pytest.raises(ValueError, match=r"takes images of \(1, 8, 8\), but digits/test has \(1, 9, 9\)"):
        jobs.evaluate(saved, wide, target=LOIHI)


def _dense(rng: np.random.Generator) -> Model:
    """Return one dense layer of six units that nobody trained."""
    from spikehebb.softhebb import Layer, Network
    from spikehebb.softhebb.model import Weights, array_shapes

    layer = Layer(units=6, kernel=0, activation="softmax", exponent=1.0, batch_norm=False)
    network = Network(image_shape=(1, 8, 8), layers=(layer,))
    arrays = {name: np.abs(rng.normal(size=shape)) for name, shape in array_shapes(network, 0).items()}
    weights = Weights(steps=1, **{name: array.astype(np.float32) for name, array in arrays.items()})
    return Model(network=network, layers=(weights,))


def _convolutional(rng: np.random.Generator) -> Model:
    """Return a network of two layers, one of them convolutional with batch normalization, that nobody trained."""
    from spikehebb.softhebb import Layer, Network
    from spikehebb.softhebb.model import Weights, array_shapes

    network = Network(
        image_shape=(1, 8, 8),
        layers=(
            Layer(units=5, kernel=3, padding=1, activation="triangle", exponent=1.0, batch_norm=True),
            Layer(units=4, kernel=0, activation="relu", batch_norm=False),
        ),
    )
    layers = []
    for number in range(2):
        arrays = {name: rng.normal(size=shape) for name, shape in array_shapes(network, number).items()}
        arrays |= {name: np.abs(arrays[name]) + 0.5 for name in ("variance",) if name in arrays}
        layers.append(Weights(steps=1, **{k: v.astype(np.float32) for k, v in arrays.items()}))
    readout = (rng.normal(size=(10, network.features)).astype(np.float32), np.zeros(10, np.float32))
    return Model(network=network, layers=tuple(layers), readout=readout)


def test_hardware_list_and_show() -> None:
    listed = words("hardware", "list")
    assert listed.exit_code == 0
    assert all(name in listed.stdout for name in TARGETS)
    assert set(json.loads(words("hardware", "list", "--json").stdout)) == set(TARGETS)
    shown = words("hardware", "show", "dynapse2")
    assert "fan_in                   64" in shown.stdout
    assert "unverified, never enforced" in shown.stdout
    limits = json.loads(words("hardware", "show", "loihi1", "--json").stdout)["limits"]
    assert limits["trace_bits"]["value"] == 7
    assert limits["weight_bit_choices"]["value"] == [1, 2, 3, 4, 5, 6, 8]


def test_check_exits_with_1_when_a_verified_limit_is_broken(trained: Path) -> None:
    done = words("check", trained, "--target", "loihi1")
    assert done.exit_code == 1
    assert "does not fit on loihi1, 1 core" in done.stdout
    assert "output: 6 neurons on 1 cores" in done.stdout
    assert words("check", trained, "--target", "generic").exit_code == 0
    unverified = words("check", trained, "--target", "spinnaker", "--set", "weight_bits=none", "--json")
    assert unverified.exit_code == 0
    problems = json.loads(unverified.stdout)["problems"]
    assert problems
    assert not any(problem["enforced"] for problem in problems)
    narrow = words("check", trained, "--target", "generic", "--set", "fan_in=63")
    assert narrow.exit_code == 1
    assert "a neuron has 64 synapses, but generic allows 63 (fan_in)." in narrow.stdout


def test_limits_are_set_by_words(trained: Path) -> None:
    sets = [
        "weight_bits=none",
        "learns=no",
        "neuron_models=lif, escape_rate,log_sum_exp",
        "continuous_projections=yes",
        "weight_exponents=-3,4",
        "weight_signs=per row",
    ]
    options = [word for setting in sets for word in ("--set", setting)]
    done = words("check", trained, "--target", "loihi1", *options, "--json")
    assert done.exit_code == 0
    limits = json.loads(done.stdout)["limits"]
    assert "weight_bits" not in limits
    assert limits["weight_exponents"]["value"] == [-3, 4]
    assert limits["neuron_models"]["value"] == ["lif", "escape_rate", "log_sum_exp"]


def test_quantize_and_evaluate(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "four"
    done = words("quantize", trained, "--target", "loihi1", "--bits", "4", "--rounding", "stochastic", "--out", out)
    assert done.exit_code == 0, done.output
    assert "feedforward.w" in done.stdout
    assert "4 bits" in done.stdout
    options = ("--data", "digits", "--limit-test", "10", "--target", "loihi1")
    evaluated = words("evaluate", out, *options, "--json")
    assert evaluated.exit_code == 0, evaluated.output
    assert json.loads(evaluated.stdout)["hardware"]["per_image"]["dense"] > 0
    text = words("evaluate", out, *options).stdout
    for line in ("footprint", "synaptic operations", "plasticity operations", "energy, loihi1"):
        assert line in text
    nothing = words("quantize", trained, "--target", "generic", "--out", tmp_path / "same", "--json")
    assert json.loads(nothing.stdout)["report"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "{}", "--target", "loihi"), "there is no target 'loihi'. Did you mean 'loihi1'?"),
        (("check", "{}", "--target", "loihi1", "--set", "bits"), "--set takes limit=value, as in --set weight_bits=4"),
        (
            ("check", "{}", "--target", "loihi1", "--set", "weight_bits=4", "--set", "weight_bits=2"),
            "--set gives weight_bits twice, 4 and 2",
        ),
        (("check", "{}", "--target", "loihi1", "--set", "weight_bit=4"), "there is no limit 'weight_bit'"),
        (("check", "{}", "--target", "loihi1", "--set", "weight_bits=4.5"), "from 1 to 64, got 4.5"),
        (("check", "{}", "--target", "loihi1", "--set", "fan_in=many"), "of at least 1, got 'many'"),
        (("quantize", "{}", "--target", "loihi1", "--bits", "7", "--out", "{}x"), "must be one of 1, 2, 3, 4, 5, 6, 8"),
        (("quantize", "{}", "--target", "loihi1", "--rounding", "up", "--out", "{}x"), "must be nearest or stochastic"),
        (("quantize", "{}", "--target", "loihi1", "--out", "{}"), "holds another run"),
        (("hardware", "show", "loihi"), "there is no target 'loihi'"),
    ],
)
def test_refusals_are_one_sentence(trained: Path, arguments: tuple[str, ...], message: str) -> None:
    done = words(*(argument.format(trained) for argument in arguments))
    assert isinstance(done.exception, (ValueError, OSError))
    assert message in str(done.exception)
    assert done.stdout == ""
    assert not Path(f"{trained}x").exists()


def test_a_refusal_as_a_user_meets_it(trained: Path) -> None:
    assert "there is no target 'loihi'" in refused(run("check", trained, "--target", "loihi"))
    assert metrics.TABLES
    assert hardware.find("generic").limits == {}
