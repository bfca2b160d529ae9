"""Several networks side by side on one chip: the numbers are those of each alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from spikehebb import jobs, metrics, plot
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.devices import NUMPY
from spikehebb.hardware import TARGETS
from tests.test_cli import refused, run
from tests.test_trained import forms  # noqa: F401  a fixture

LOIHI = TARGETS["loihi1"]


@pytest.fixture(scope="module")
def images() -> Images:
    return load("digits", "test")[:6]


@pytest.mark.long
def test_a_row_is_what_the_network_says_alone(forms: dict[str, jobs.Trained], images: Images) -> None:  # noqa: F811
    networks = {name: forms[name] for name in ("learned", "lif")}
    report = jobs.compare(networks, images, LOIHI, device=NUMPY)
    json.dumps(report, allow_nan=False)
    assert [row["network"] for row in report["rows"]] == ["learned", "lif"]
    assert report["rows"][0]["agreement"] == 1
    for row, network in zip(report["rows"], networks.values(), strict=True):
        alone = jobs.evaluate(network, images, device=NUMPY, target=LOIHI)
        assert "answers" not in alone
        costs = alone["hardware"]
        work = costs["per_image"]
        assert row["accuracy"] == alone["metrics"]["accuracy_vote"]
        assert row["effective_operations"] == work["effective_ac"] + work["effective_mac"]
        assert row["joule"] == costs["energy_per_image"]["loihi1"]["joule"]
        assert row["problems"] == costs["enforced_problems"]
    same = jobs.compare({"one": forms["lif"], "other": forms["lif"]}, images, LOIHI, device=NUMPY)["rows"]
    assert {row["agreement"] for row in same} == {1.0}
    assert {**same[0], "network": ""} == {**same[1], "network": ""}
    assert report["rows"][0]["plasticity_operations"] > 0
    assert report["rows"][1]["plasticity_operations"] is None
    table = jobs.comparison_table(report)
    assert [len(line) for line in table] == [3] * len(table)
    unpriced = report["rows"][0]["energy_without"]
    assert unpriced == ["synaptic_mac"]  # of the exact softmax
    assert table[-1] == ["energy_without", "synaptic_mac", "none"]
    assert report["energy_tables"] == {"loihi1": metrics.find_costs("loihi1").summary}
    texts = [text.get_text() for text in plot.comparison(report).axes[3].texts]
    assert [text.endswith(", at least") for text in texts] == [True, False]
    axes = plot.comparison(report).axes
    widths = [bar.get_width() for bar in axes[0].containers[0]]
    assert widths == [100 * row["accuracy"] for row in report["rows"]]


def test_by_a_command(
    forms: dict[str, jobs.Trained],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = []
    for name in ("learned", "lif", "rates"):
        paths.append(tmp_path / f"{name}.npz")
        jobs.save(forms[name], paths[-1])
    few = ["--data", "digits", "--limit-test", "10"]
    out = tmp_path / "table"
    done = run("evaluate", *paths[:2], *few, "--target", "loihi1", "--out", out)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {"comparison.json", "comparison.csv", "comparison.png"}
    written = json.loads((out / "comparison.json").read_text())
    assert np.isfinite([row["joule"] for row in written["rows"]]).all()
    assert "effective_operations" in done.stdout
    assert "energy of loihi1: Intel Loihi, 14 nm" in done.stdout
    names = next(csv.reader((out / "comparison.csv").open()))
    assert names == ["", *map(str, paths[:2])]
    assert written["limits"] == {}
    with monkeypatch.context() as patch:
        patch.setattr("spikehebb.jobs.compare", lambda *_, **__: written)
        assert json.loads(run("evaluate", *paths[:2], *few, "--target", "loihi1", "--json").stdout) == written
    assert "only the neurons of networks that learned in spikes vote together" in refused(
        run("evaluate", *paths[:2], *few)
    )
    assert "--out is for the table of several networks" in refused(run("evaluate", paths[0], *few, "--out", out))
    (tmp_path / "file").touch()
    assert "file: File exists" in refused(
        run("evaluate", *paths[:2], *few, "--target", "loihi1", "--out", tmp_path / "file")
    )
    refusal = refused(run("evaluate", paths[0], paths[2], *few, "--target", "loihi1"))
    assert "rates.npz: a SoftHebb network of rates has no spikes; convert it first" in refusal


def test_what_was_changed_of_a_chip_is_reported(forms: dict[str, jobs.Trained], images: Images) -> None:  # noqa: F811
    report = jobs.compare({"lif": forms["lif"]}, images, LOIHI.with_limits(weight_bits=4), device=NUMPY)
    assert report["limits"] == {"weight_bits": 4}


def test_rates_are_refused_before_anything_is_evaluated(forms: dict[str, jobs.Trained], images: Images) -> None:  # noqa: F811
    stages: list[str] = []
    networks = {"lif": forms["lif"], "rates": forms["rates"]}
    with pytest.raises(ValueError, match=r"^rates: a SoftHebb network of rates has no spikes; convert it first"):
        jobs.compare(networks, images, LOIHI, device=NUMPY, progress=lambda stage, part: stages.append(stage))
    assert stages == []


def test_nothing_to_compare(images: Images) -> None:
    with pytest.raises(ValueError, match="there is nothing to compare; give at least one network"):
        jobs.compare({}, images, LOIHI)
