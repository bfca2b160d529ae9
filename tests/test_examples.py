"""Every example runs as a script, in a folder of its own, and prints what it promises."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from spikehebb.circuits import has_pair_form
from spikehebb.rules import RULES

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
PROMISED = {
    "01_stdp_window": "window.png",
    "02_your_own_rule": "fit.png",
    "03_rule_in_your_network": "mean weight 0.8 ->",
    "04_window_gallery": f"{sum(map(has_pair_form, RULES.values()))} windows",
    "05_learn_digits": "accuracy_vote",
    "06_circuit_of_your_own": "mean weight",
    "07_softhebb": "the winner has",
    "08_convert": "as one circuit:",
    "09_learning_goes_on": "of the moved digits are right",
    "10_nir": "identical: True",
    "11_learning_on_a_chip": "window_on_loihi1.png",
    "12_replicas": "20 replicas:",
    "13_moving_bar": "direction selectivity index",
    "14_own_network": "% of the digits are right, then",
    "15_loggers": "% of the test images are right",
    "16_hopfield": "0.10 patterns a unit: overlap 1.000",
    "17_distal_reward": "rewarded synapse",
}


MARKS = {name: [pytest.mark.long] for name in PROMISED}
MARKS |= {"04_window_gallery": [pytest.mark.slow], "01_stdp_window": []}


@pytest.mark.parametrize("path", [pytest.param(p, id=p.stem, marks=MARKS[p.stem]) for p in EXAMPLES])
def test_example(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(path.read_text().splitlines()) <= 60
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert PROMISED[path.stem] in capsys.readouterr().out


def test_examples_are_there() -> None:
    assert set(PROMISED) == {path.stem for path in EXAMPLES}
