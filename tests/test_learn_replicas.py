"""Networks that learn digits as replicas: each learns what it would learn alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import devices, jobs
from spikehebb.circuits import soft_wta
from spikehebb.core import Images, Replicas, replicas, replicas_of
from spikehebb.devices import CPP, NUMPY
from spikehebb.jobs import DigitRuns, Settings, digit_state, evaluate, learn_digits, read
from spikehebb.rules import stdp_pair
from spikehebb.simulation import present
from tests.conftest import NO_COMPILER

SMALL = Settings(neurons=8, seed=3, presentation_ms=20.0)
SEEDS = [dataclasses.replace(SMALL, seed=seed) for seed in (3, 4, 5)]


@pytest.fixture
def fewer(few: tuple[Images, Images]) -> tuple[Images, Images]:
    return few[0][:24], few[1][:12]


def assert_same(one: Any, other: Any) -> None:
    """Two runs learned the same, bit for bit, and were scored alike."""
    for name in ("weights", "age", "profile", "linear"):
        assert one.network.arrays[name].tobytes() == other.network.arrays[name].tobytes(), name
    assert one.report["confusion"] == other.report["confusion"]
    timing = {"ms_per_image_train", "ms_per_image_test"}
    for name in set(one.report["metrics"]) - timing:
        assert one.report["metrics"][name] == other.report["metrics"][name]
    assert one.report["learning_curve"] == other.report["learning_curve"]


@pytest.mark.long
def test_each_learns_what_it_learns_alone(fewer: tuple[Images, Images], tmp_path: Path) -> None:
    stages: dict[str, float] = {}
    fewer = fewer[0][:16], fewer[1][:8]
    together = learn_digits(
        *fewer, SEEDS, device=NUMPY, out=tmp_path, progress=lambda stage, part: stages.update({stage: part})
    )
    assert together.folders == ("seed-3", "seed-4", "seed-5")
    assert stages == {"building": 1, "learning": 1, "labelling": 1, "testing": 1}
    assert {path.name for path in tmp_path.iterdir()} == {*together.folders, "summary.json"}
    alone = learn_digits(*fewer, SEEDS[1:2], device=NUMPY)
    assert_same(together.runs[1], alone.runs[0])
    assert len({run.network.arrays["weights"].tobytes() for run in together.runs}) == 3
    for run, folder, each in zip(together.runs, together.folders, SEEDS, strict=True):
        assert {path.name for path in (tmp_path / folder).iterdir()} == {"run.json", "checkpoint.npz"}
        saved = read(tmp_path / folder)
        assert saved.header["config"] == each.config()
        scores = evaluate(saved, fewer[1])["metrics"]
        for name in ("accuracy_vote", "accuracy_soft_vote", "accuracy_linear"):
            assert scores[name] == run.report["metrics"][name], "scored again it is another network"
        assert run.report["metrics"]["output_spikes_per_image"] == pytest.approx(8, rel=0.3)  # 400 Hz for 20 ms
    summary = json.loads((tmp_path / "summary.json").read_text())
    votes = [run.report["metrics"]["accuracy_vote"] for run in together.runs]
    assert summary["mean"]["accuracy_vote"] == pytest.approx(np.mean(votes))
    assert summary["standard_deviation"]["accuracy_vote"] == pytest.approx(np.std(votes, ddof=1))
    assert [network["folder"] for network in summary["networks"]] == list(together.folders)
    # the reports are those of learn_digits, and learning is as good; the random numbers are others
    single = learn_digits(*fewer, SEEDS[0], device=NUMPY)
    assert set(single.report) | {"side_by_side"} == set(together.runs[0].report)
    assert set(single.report["metrics"]) == set(together.runs[0].report["metrics"])


@pytest.mark.long
def test_settings_that_are_numbers_may_differ(fewer: tuple[Images, Images]) -> None:
    """Parameters of neurons and of the rule, weights to start from; equal to rounding with one alone."""
    fewer = fewer[0][:12], fewer[1][:6]
    changes: list[dict[str, Any]] = [{"eta": 0.2, "lifetime": 50.0}, {"temperature": 0.02, "rate_hz": 300.0}]
    changes += [{"start_norm": 2.0, "jitter": 0.5}, {"tau_m_ms": 15.0, "max_rate_hz": 800.0}]
    settings = [dataclasses.replace(SMALL, **change) for change in changes]
    together = learn_digits(*fewer, settings, device=NUMPY)
    assert together.folders == tuple(f"network-{number}" for number in range(4))
    for run, each in list(zip(together.runs, settings, strict=True))[::2]:
        alone = learn_digits(*fewer, [each], device=NUMPY).runs[0]
        weights = run.network.arrays["weights"], alone.network.arrays["weights"]
        np.testing.assert_allclose(*weights, rtol=1e-9)
        assert run.report["config"] == each.config()


@pytest.mark.long
def test_replicas_learn_on_a_chip(fewer: tuple[Images, Images]) -> None:
    rule: dict[str, Any] = jobs.CHIP_RULE
    chip = dataclasses.replace(SMALL, target="loihi1", **rule)
    settings = [dataclasses.replace(chip, seed=seed) for seed in (0, 1)]
    together = learn_digits(*fewer, settings, device=NUMPY)
    assert_same(together.runs[1], learn_digits(*fewer, settings[1:], device=NUMPY).runs[0])


@pytest.mark.long
@pytest.mark.compiler
@NO_COMPILER
def test_an_interrupted_run_goes_on(
    fewer: tuple[Images, Images], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of 16 images, the last of an epoch shorter, and all with the same two programs."""
    device = CPP
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    monkeypatch.setattr(present, "CHUNK", 16)
    monkeypatch.setattr(digit_state, "BLOCK", 5)
    settings = [dataclasses.replace(each, epochs=2) for each in SEEDS[:2]]
    whole = learn_digits(*fewer, settings, device=device)

    def stop(stage: str, part: float) -> None:
        if stage == "learning" and part > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_digits(*fewer, settings, device=device, out=out, progress=stop)
    assert {path.name for path in out.iterdir()} == {"partial.npz"}
    with pytest.raises(FileExistsError, match="holds another run; give another folder with --out"):
        learn_digits(*fewer, SEEDS[:2], device=device, out=out)
    begun: list[float] = []

    def remember(stage: str, part: float) -> None:
        if stage == "learning":
            begun.append(part)

    assert len(list((devices.cache_folder() / "programs").iterdir())) == 2
    resumed = learn_digits(*fewer, settings, device=device, out=out, progress=remember)
    assert min(begun) >= 0.4, "it started from the beginning"
    for one, other in zip(whole.runs, resumed.runs, strict=True):
        assert_same(one, other)
    assert not (out / "partial.npz").exists()
    begun.clear()
    again = learn_digits(*fewer, settings, device=device, out=out, progress=remember)
    assert not begun, "a finished run was learned again"
    for one, other in zip(whole.runs, again.runs, strict=True):
        assert_same(one, other)
    assert again.summary["mean"] == whole.summary["mean"]


def test_what_networks_cannot_differ_in_is_refused(fewer: tuple[Images, Images]) -> None:
    def learn(*settings: Settings) -> DigitRuns:
        return learn_digits(*fewer, settings, device=NUMPY)

    with pytest.raises(ValueError, match="no settings: give one for each network that learns"):
        learn()
    for change, quantity in (
        ({"neurons": 9}, "neurons, got 8, 9"),
        ({"epochs": 2}, "epochs, got 1, 2"),
        ({"presentation_ms": 50.0}, r"presentation_ms, got 20\.0, 50\.0"),
        ({"rule": "nessler"}, "rule, got softhebb, nessler"),
    ):
        with pytest.raises(ValueError, match=f"replicas must have the same {quantity}; run these"):
            learn(SMALL, dataclasses.replace(SMALL, **change))
    broken = [dataclasses.replace(each, dropped=0.1) for each in SEEDS]
    with pytest.raises(ValueError, match=r"dropped is 0\.1, and every seed breaks other synapses"):
        learn(*broken)
    with pytest.raises(ValueError, match="they differ in receive of output"):
        learn(SMALL, dataclasses.replace(SMALL, neuron_spread=0.1))


def test_circuits_that_differ_in_numbers_are_replicas(rng: np.random.Generator) -> None:
    """There and back: parameters, arrays of them, weights, state."""
    weights = rng.random((3, 4, 2))
    plain = replicas(
        soft_wta(weights[0]),
        3,
        parameters={"output.tau_m": soft_wta(weights[0]).populations["output"].model.parameters["tau_m"] * [1, 2, 3]},
        weights={"feedforward": weights},
        state={"output.age": rng.random((3, 2))},
    )
    circuits = [plain.replica(number) for number in range(3)]
    again = replicas_of(circuits, seeds=(1, 2, 3))
    assert isinstance(again, Replicas)
    assert (again.count, again.seeds) == (3, (1, 2, 3))
    assert set(again.parameters) == {"output.tau_m"}
    assert again.weights["feedforward"].tobytes() == weights.tobytes()
    assert again.state["output.age"].tolist() == plain.state["output.age"].tolist()
    assert not replicas_of(circuits[:1]).weights
    with pytest.raises(ValueError, match="replicas are made of at least one circuit, got none"):
        replicas_of([])
    for other, message in (
        (soft_wta(rng.random((4, 3))), "the size of output: 2 and 3; only parameters, weights and state may differ"),
        (soft_wta(rng.random((4, 2)), rule=stdp_pair), "the rule of feedforward; only"),
        (soft_wta(rng.random((4, 2)), rule=None), "the rule of feedforward; only"),
    ):
        with pytest.raises(ValueError, match=message):
            replicas_of([soft_wta(rng.random((4, 2))), other])
