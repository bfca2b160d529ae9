"""The commands for rules, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb.jobs import frequency_response
from spikehebb.rules import RULES
from tests.test_cli import refused, run

RULE_KEYS = {"name", "summary", "synapse", "on_pre", "on_post", "parameters", "ties", "reference", "cites"}
OWN = """
from spikehebb.rules import stdp_pair
own = stdp_pair.with_parameters(A_plus=0.02)
"""


@pytest.fixture
def spikes(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "pre.txt").write_text("10\n30\n")
    (tmp_path / "post.txt").write_text("15\n")
    return ["--pre", tmp_path / "pre.txt", "--post", tmp_path / "post.txt"]


def test_window(tmp_path: Path) -> None:
    words = ["--lags", "-20:20:5", "--set", "A_plus=0.01", "--set", "tau_plus=10ms", "--w0", "0.4"]
    done = run("window", "stdp_pair", *words, "--out", tmp_path, "--json")
    content = json.loads(done.stdout)
    lags, dw = np.array(content["lags_ms"]), np.array(content["dw"])
    assert lags.tolist() == [-20, -15, -10, -5, 0, 5, 10, 15, 20]
    np.testing.assert_allclose(dw[lags > 0], 0.01 * np.exp(-lags[lags > 0] / 10), rtol=1e-6)
    np.testing.assert_allclose(dw[lags < 0], -0.00525 * np.exp(lags[lags < 0] / 20), rtol=1e-6)
    assert content["parameters"]["tau_plus"] == "10 ms"
    assert content["versions"]["brian2"]
    assert json.loads((tmp_path / "window.json").read_text()) == content
    assert (tmp_path / "window_stdp_pair.png").read_bytes().startswith(b"\x89PNG")


def test_window_of_a_rule_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    done = run("window", f"{tmp_path / 'own.py'}:own", "--lags", "10,20", "--out", tmp_path, "--json")
    np.testing.assert_allclose(json.loads(done.stdout)["dw"], 0.02 * np.exp([-0.5, -1]), rtol=1e-6)


def test_rules_and_cite() -> None:
    listed = json.loads(run("rules", "--json").stdout)
    assert [rule["name"] for rule in listed] == list(RULES)
    assert all(set(rule) >= RULE_KEYS for rule in listed)
    assert "tau_plus = 20 ms" in run("rules", "stdp_pair").stdout
    entries = run("cite", "stdp_pair", "triplet_vc_full", "triplet_hc_full").stdout
    assert entries.count("@article{") == 2
    assert "doi = {10.1523/JNEUROSCI.1425-06.2006}" in entries


def test_frequency_beside_published_data(tmp_path: Path) -> None:
    words = ["--frequencies", "20,50", "--w0", "1", "--repeats", "5", "--device", "numpy", "--dt", "1"]
    data = ["--data", "sjostrom2001_plus10", "--data", "sjostrom2001_minus10"]
    done = run("frequency", "triplet_vc_minimal", *words, *data, "--out", tmp_path, "--json")
    content = json.loads(done.stdout)
    assert (content["frequencies_hz"], content["lags_ms"]) == ([20, 50], [10, -10])
    response = frequency_response(RULES["triplet_vc_minimal"], [20, 50] * Hz, repeats=5, w0=1.0, dt=1 * ms)
    np.testing.assert_allclose(content["dw"], response.dw)
    assert (tmp_path / "frequency_triplet_vc_minimal.png").read_bytes().startswith(b"\x89PNG")
    assert "sjostrom2001_plus10" in run("data").stdout


def test_replay(tmp_path: Path, spikes: list[str | Path]) -> None:
    content = json.loads(run("replay", "stdp_pair", *spikes, "--w0", "0.4", "--json").stdout)
    up, down = 0.005 * np.exp(-5 / 20), 0.00525 * np.exp(-15 / 20)
    assert content["t_ms"] == [0, 10, 15, 30, 129.9]
    np.testing.assert_allclose(content["w"], 0.4 + np.array([0, 0, up, up - down, up - down]), rtol=1e-12)
    assert content["w_final"] == content["w"][-1]
    done = run("replay", "stdp_pair", *spikes, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "replay.json").exists()
    assert (tmp_path / "out" / "replay_stdp_pair.png").exists()
    assert (tmp_path / "out" / "replay.csv").read_text().startswith("t_ms,w\n0.0,0.5\n")
    assert "replay.json" in done.stdout


@pytest.mark.long
def test_fit(tmp_path: Path) -> None:
    lags = np.array([-30, -20, -10, -5, 5, 10, 20, 30])
    change = np.where(lags > 0, 0.04 * np.exp(-lags / 15), -0.03 * np.exp(lags / 25))
    rows = [f"{lag},{value:.9f}" for lag, value in zip(lags, change, strict=True)]
    (tmp_path / "cells.csv").write_text("\n".join(["lag_ms,change", *rows]))
    words: list[str | Path] = ["--data", tmp_path / "cells.csv", "--repeats", "1", "--dt", "1", "--device", "numpy"]
    content = json.loads(run("fit", "stdp_pair", *words, "--out", tmp_path / "fit", "--json").stdout)
    values = {name: estimate["value"] for name, estimate in content["free"].items()}
    assert values == pytest.approx({"A_plus": 0.02, "A_minus": 0.015, "tau_plus": 0.015, "tau_minus": 0.025}, rel=1e-3)
    assert (tmp_path / "fit" / "fit_stdp_pair.png").read_bytes().startswith(b"\x89PNG")
    table = (tmp_path / "fit" / "fit.csv").read_text().splitlines()
    assert table[0] == "data,variable,x,change,error,prediction"
    assert len(table) == 9
    assert (tmp_path / "fit" / "fit_parameters.csv").read_text().splitlines()[1].startswith("A_plus,0.0")
    message = refused(run("fit", "stdp_guetig", *words, "--out", tmp_path / "vague"))
    assert "cannot tell" in message
    assert (tmp_path / "vague" / "fit_stdp_guetig.png").exists(), "the data are shown even so"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["window", "stdp_pari"], "there is no rule 'stdp_pari'. Did you mean 'stdp_pair'?"),
        (["window", "stdp_pair", "--frequency", "-1"], "--frequency must be above 0, got -1.0"),
        (["window", "stdp_pair", "--set", "tau_plus=20"], "tau_plus must be a time, got 20 (dimensionless)"),
        (["window", "stdp_pair", "--set", "tau_pls=20ms"], "has no parameter 'tau_pls'. Did you mean 'tau_plus'?"),
        (["window", "stdp_pair", "--lags", "0.05,10"], "a lag of 0.05 ms is shorter than dt = 0.1 ms"),
        (
            ["window", "stdp_pair", "--set", "tau_plus=-20ms"],
            "tau_plus is a time constant and must be a finite time above 0",
        ),
        (["window", "stdp_pair", "--set", "self=1"], "rule stdp_pair has no parameter 'self'"),
        (["window", "stdp_pair", "--w0", "1.5"], "rule stdp_pair keeps weights between 0 and 1"),
        (["window", "stdp_pair", "--w0", "nan"], "every weight must be a finite number"),
        (["window", "stdp_pair", "--seed", "18446744073709551616"], "seed must lie between 0 and 4294967295"),
        (["window", "stdp_pair", "--dt", "0"], "--dt must be a time above 0 in ms, got 0.0"),
        (["window", "krotov_hopfield"], "rule krotov_hopfield reads rank, u, x of its neurons"),
        (["window", "stdp_pair", "--data", "sjostrom2001_plus10"], "has frequency_hz, but this picture needs lag_ms"),
        (["fit", "stdp_pair", "--data", "nothing.csv"], "nothing.csv"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], message: str, tmp_path: Path) -> None:
    assert message in refused(run(*words, "--out", tmp_path / "out", cwd=tmp_path))
    assert not (tmp_path / "out" / "window.json").exists()


def test_bad_spike_files_are_one_sentence(tmp_path: Path, spikes: list[str | Path]) -> None:
    (tmp_path / "post.txt").write_text("15\n12\n")
    assert "line 2: 12 ms comes after 15 ms; sort the times" in refused(run("replay", "stdp_pair", *spikes))
    (tmp_path / "post.txt").write_text("15.03\n")
    assert "post 0: a spike time of 15.03 ms is no whole number of steps of dt = 0.1 ms" in refused(
        run("replay", "stdp_pair", *spikes)
    )
    assert "there is no file" in refused(run("replay", "own_rules.py:rule", *spikes, cwd=tmp_path))
