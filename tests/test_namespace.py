"""``import spikehebb as sh``: a small flat namespace, names or values everywhere, sentences for what is wrong."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

import spikehebb as sh
from spikehebb.circuits import LEARNERS
from spikehebb.hardware import TARGETS

PAIR = sh.rules.RULES["stdp_pair"]
DIGITS = sh.load("digits", "train")[:10]
ANY: Any = sh  # for calls with wrong arguments


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=folder, env=environment, check=False
    )


def test_importing_takes_no_time(tmp_path: Path) -> None:
    """0.1 s of CPU beyond what Python itself takes, and nothing of Brian2 or NumPy."""
    code = (
        "import time; before = time.process_time(); import spikehebb as sh; took = time.process_time() - before\n"
        "import sys; print(took, *[name for name in ('brian2', 'numpy', 'matplotlib') if name in sys.modules])"
    )
    took, *imported = min(
        (python("-c", code, folder=tmp_path).stdout.split() for _ in range(3)), key=lambda w: float(w[0])
    )
    assert imported == []
    assert float(took) < 0.1


def test_what_is_listed_is_there() -> None:
    for name in dir(sh):
        assert getattr(sh, name) is not None
    stub = ast.parse(Path(sh.__file__).with_suffix(".pyi").read_text())
    listed = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(listed) == sorted(dir(sh))
    assert {"rules", "circuits", "window", "frequency", "replay", "fit", "learn", "convert", "evaluate", "load"} <= {
        *listed
    }
    with pytest.raises(AttributeError, match="windov"):
        sh.windov  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_everywhere_the_same(tmp_path: Path) -> None:
    assert python("-m", "spikehebb", "--version", folder=tmp_path).stdout == f"spikehebb {sh.__version__}\n"
    assert f"version: {sh.__version__}\n" in (Path(__file__).parents[1] / "CITATION.cff").read_text()


@pytest.mark.long
def test_names_and_values_give_the_same(tmp_path: Path) -> None:
    lags = [-10, 10] * ms
    named, given = sh.window("stdp_pair", lags, device="numpy"), sh.window(PAIR, lags, device=sh.devices.NUMPY)
    np.testing.assert_array_equal(named.dw, given.dw)
    assert sh.replay("stdp_pair", [10] * ms, [15] * ms).w_final == sh.replay(PAIR, [10] * ms, [15] * ms).w_final
    assert sh.frequency("stdp_pair", [10] * Hz, repeats=2).dw.shape == (2, 1)
    values = sh.Settings(circuit=LEARNERS["lif_wta"], rule=PAIR, target="")
    assert values == sh.Settings(circuit="lif_wta", rule="stdp_pair")
    assert sh.Settings(target=TARGETS["loihi1"], rule="softhebb_annealed").target == "loihi1"


def own(inputs: int, neurons: int, *, rng: Any) -> sh.Circuit:
    """A circuit of one's own."""
    return sh.circuits.soft_wta(rng.random((inputs, neurons)))


@pytest.mark.long
def test_learning_takes_arrays_and_names(tmp_path: Path) -> None:
    arrays = (np.asarray(DIGITS.pixels), np.asarray(DIGITS.labels))
    out, short = str(tmp_path / "run"), {"presentation": "20 ms"}
    run = sh.learn(arrays, DIGITS, neurons=3, parameters=short, device="numpy", out=out)
    assert run.report["data"]["train"]["name"] == "train"
    assert sh.evaluate(out, arrays)["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    assert sh.jobs.check_network(out, "loihi1")["target"] == "loihi1"
    assert sh.Settings(circuit=own).learner.name == "own"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ANY.window(5),
            "rule must be a name that 'spikehebb rules' lists, or a PlasticityRule; got 5, of type",
        ),
        (lambda: ANY.window("stdp_pear"), "Did you mean 'stdp_pair'"),
        (lambda: ANY.window("stdp_pair", device=3), "device must be a Device or one of auto, numpy, cpp"),
        (lambda: ANY.learn(), "learn needs images: a data set's name or path"),
        (lambda: ANY.learn(DIGITS), "learn needs test images beside training images"),
        (lambda: ANY.learn("digits", neuron=5), "learn has no setting 'neuron'. Did you mean 'neurons'"),
        (
            lambda: ANY.learn("digits", circuit=7),
            "circuit must be a name of circuits.LEARNERS, a Learner or a function",
        ),
        (lambda: ANY.learn(3, 4), "train images must be Images, a pair"),
        (lambda: ANY.evaluate(4, DIGITS), "a trained network is one that learn, train_softhebb or convert made"),
        (lambda: ANY.jobs.train_softhebb(DIGITS, DIGITS, 3), "preset must be a name that 'spikehebb softhebb presets'"),
        (lambda: ANY.hardware.find(3), "target must be a name that 'spikehebb hardware list' lists, or a Target"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        call()


def test_an_own_rule_needs_neither_summary_nor_reference() -> None:
    rule = sh.PlasticityRule(name="own", on_pre="w += 0.01")
    np.testing.assert_allclose(sh.window(rule, [5] * ms, device="numpy").dw, 0.01)
