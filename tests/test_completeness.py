"""Whatever simulates, its results pass one check: a run that is not complete is no result (point 3 of issue 14)."""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb import conversion
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.conversion.lif_calibration import calibrate_lif
from spikehebb.core import Protocol
from spikehebb.datasets import load
from spikehebb.devices import NUMPY
from spikehebb.jobs import (
    LayerSettings,
    Settings,
    convert_softhebb,
    evaluate,
    frequency_response,
    learn_digits,
    learn_layers,
    read,
    replay,
    some_presentations,
    stdp_window,
)
from spikehebb.jobs.layer_settings import LAYERS
from spikehebb.jobs.learned import load as load_learned
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import programs, simulate
from spikehebb.simulation.present import simulate_distributed
from spikehebb.softhebb import find, training
from spikehebb.softhebb.model import Model
from tests.module_graph import FILES, PACKAGE, syntax

SIMULATE = sys.modules["spikehebb.simulation.simulate"]
MODEL = Path(__file__).parents[1] / "models" / "digits-soft-wta"
TRAIN, TEST = load("digits", "train")[:20], load("digits", "test")[:10]
FEW = Settings(neurons=3)


def dense() -> Model:
    """A dense network as it begins."""
    preset = find("mnist-dense")
    small = dataclasses.replace(preset, layers=tuple(dataclasses.replace(each, units=5) for each in preset.layers))
    network = small.network((1, 8, 8), "digits/train")
    return Model(network=network, layers=training.start(network, 0))


def distributed(out: Path) -> Any:
    plan = Protocol(stimuli={"input": np.eye(3)}, duration=60 * ms, presentation=20 * ms)
    return simulate_distributed(soft_wta(np.ones((3, 2)), rule=None), plan, replicas=2, record=("input",))


def layers(out: Path) -> Any:
    layer = dataclasses.replace(LAYERS[0], units=4, kernel=7, pool=None)
    return learn_layers(TRAIN, TEST, LayerSettings(layers=(layer,), patches=20, show_ms=8), device=NUMPY, out=out)


def spiking(out: Path) -> Any:
    return conversion.present(conversion.to_spiking(dense(), TRAIN), TEST, device=NUMPY)


PATHS: dict[str, Callable[[Path], Any]] = {
    "simulate": lambda out: simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms),
    "distributed": distributed,
    "window": lambda out: stdp_window(stdp_pair, lags=[-10, 10] * ms, device=NUMPY),
    "frequency": lambda out: frequency_response(stdp_pair, device=NUMPY),
    "replay": lambda out: replay(stdp_pair, [10, 30] * ms, [12, 33] * ms, device=NUMPY),
    "learn": lambda out: learn_digits(TRAIN, TEST, FEW, device=NUMPY, out=out),
    "replicas": lambda out: learn_digits(TRAIN, TEST, [FEW, FEW], device=NUMPY, out=out),
    "layers": layers,
    "evaluate": lambda out: evaluate(read(MODEL), TEST, device=NUMPY),
    "pictures": lambda out: some_presentations(load_learned(MODEL, Settings()), TEST),
    "convert": lambda out: convert_softhebb(dense(), TRAIN, TEST, calibration=20, device=NUMPY, out=out),
    "spiking": spiking,
    "calibration": lambda out: calibrate_lif(np.ones((64, 3)), TRAIN, inverse_temperature=2, device=NUMPY),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("short", ["stopped", "cut"])
def test_an_incomplete_run_is_no_result(path: str, short: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(plan: Any, values: Any, duration: Any, *others: Any) -> Any:
        end = float(duration) / (2 if short == "stopped" else 1)
        return SIMULATE._Run(arrays=defaultdict(lambda: np.zeros(0)), end=end, seconds=1.0)

    monkeypatch.setattr(SIMULATE, "_on_numpy", run)
    monkeypatch.setattr(SIMULATE, "_compiled", lambda plan, values, duration, seed, *rest: run(plan, values, duration))
    monkeypatch.setattr(SIMULATE, "program", lambda *given, **options: None)
    error, message = (
        (RuntimeError, "the simulation stopped at .* so it has no result")
        if short == "stopped"
        else (OSError, "the run left 0 of .* numbers of")
    )
    with pytest.raises(error, match=message):
        PATHS[path](tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    results = programs.Results(folder=tmp_path, files={"post.y1": ("gone", "<f8")}, end=1.0)
    with pytest.raises(OSError, match=r"the run left no file of post.y1 \(No such file .*\); is the disk of .* full"):
        results["post.y1"]


def test_every_simulation_passes_the_check() -> None:
    """Only ``simulate`` runs networks and programs, and only ``recording_of``, which checks, makes a recording."""
    found: dict[str, set[str]] = {"Recording": set(), "programs.run": set(), "network.run": set()}
    for file in FILES:
        for call in ast.walk(syntax(file)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in found:
                if ast.unparse(call.args[0] if call.args else call).startswith("0 * brian2.second"):
                    continue  # written into a program, not run
                found[ast.unparse(call.func)].add(str(file.relative_to(PACKAGE)))
    one = {"simulation/simulate.py"}
    assert found == {"Recording": {"simulation/recording.py"}, "programs.run": one, "network.run": one}
