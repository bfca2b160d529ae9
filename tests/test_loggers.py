"""What a logger is told, and the examples for W&B, MLflow and TensorBoard with stand-ins for the three."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spikehebb.datasets import load
from spikehebb.devices import NUMPY
from spikehebb.jobs import Settings, learn_digits

EXAMPLE = Path(__file__).parent.parent / "examples" / "15_loggers.py"
VALUES = {"accuracy": 0.5, "silent": 0.25}


@pytest.mark.long
def test_a_log_is_told_while_it_learns_and_at_the_end() -> None:
    told: list[tuple[int, Mapping[str, float]]] = []
    train, test = load("digits", "train"), load("digits", "test")
    run = learn_digits(
        train[:20], test[:10], Settings(neurons=5), device=NUMPY, log=lambda seen, values: told.append((seen, values))
    )
    assert [seen for seen, _ in told] == [20, 20]
    learning, end = told[0][1], told[1][1]
    assert learning["input_spikes_per_image"] == pytest.approx(run.report["metrics"]["input_spikes_per_image"])
    assert 0 <= learning["silent"] <= 1
    assert 0.2 <= learning["busiest"] <= 1
    assert end["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    assert all(isinstance(value, float) for values in (learning, end) for value in values.values())


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:depth]), ModuleType(".".join(parts[:depth])))
    for member, value in members.items():
        monkeypatch.setattr(sys.modules[name], member, value, raising=False)


def logger(name: str) -> Callable[[int, Mapping[str, float]], None]:
    return runpy.run_path(str(EXAMPLE))["LOGGERS"][name]()  # type: ignore[no-any-return]


def test_wandb_is_given_every_number_at_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []

    class Run:
        def log(self, values: dict[str, float], step: int) -> None:
            logged.append((values, step))

    stand_in(monkeypatch, "wandb", init=lambda project: Run())
    logger("wandb")(250, VALUES)
    assert logged == [(VALUES, 250)]


def test_mlflow_is_given_every_number_at_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []
    stand_in(monkeypatch, "mlflow", log_metrics=lambda values, step: logged.append((values, step)))
    logger("mlflow")(250, VALUES)
    assert logged == [(VALUES, 250)]


def test_tensorboard_is_given_every_number_at_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            logged.append(folder)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            logged.append((name, value, step))

        def flush(self) -> None:
            logged.append("flushed")

    stand_in(monkeypatch, "torch.utils.tensorboard", SummaryWriter=Writer)
    logger("tensorboard")(250, VALUES)
    assert logged == ["runs/tensorboard", ("accuracy", 0.5, 250), ("silent", 0.25, 250), "flushed"]
