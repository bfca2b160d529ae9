"""The trained networks that come along: they load, their cards tell the truth, and they still score as they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb.datasets import load
from spikehebb.devices import CPP
from spikehebb.jobs import evaluate, read
from spikehebb.jobs.learned_file import EARLIER
from tests.conftest import NO_COMPILER

MODELS = sorted(path.parent for path in (Path(__file__).parents[1] / "models").glob("*/checkpoint.npz"))
EACH = pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)


def report(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def test_the_network_of_the_demo_is_there() -> None:
    assert "digits-soft-wta" in [folder.name for folder in MODELS]


@EACH
def test_the_card_tells_what_the_run_measured(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    for word in ("task", "command", "made with", "licence", "seed"):
        assert word in card
    for name, value in report(folder)["metrics"].items():
        if name.startswith("accuracy"):
            assert f"| `{name}` | {100 * value:.1f} % |" in card


@EACH
def test_the_network_is_what_softhebb_should_reach(folder: Path) -> None:
    """Weights of length about 1, a label for every neuron."""
    trained = read(folder)
    norms = np.linalg.norm(trained.arrays["weights"], axis=0)
    assert np.all(np.abs(norms - 1) < 0.1)
    assert (trained.arrays["profile"].sum(axis=1) > 0).all()
    assert trained.header["config"] == EARLIER | report(folder)["config"]


@pytest.mark.compiler
@NO_COMPILER
@EACH
def test_it_scores_as_its_card_says(folder: Path) -> None:
    """The same bits where versions and processor are the same; elsewhere random numbers fall differently."""
    card = report(folder)
    scores = evaluate(read(folder), load(card["data"]["test"]["name"].split("/")[0], "test"), device=CPP)["metrics"]
    for name in ("accuracy_vote", "accuracy_soft_vote", "accuracy_linear"):
        assert scores[name] == pytest.approx(card["metrics"][name], abs=0.015)
