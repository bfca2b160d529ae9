"""docs/extending.md shows all that it takes: its edits are made in a copy of the repository, and the copy is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
EDIT = re.compile(
    r"^`(?P<path>[^`\n]+)`, (?:(?P<new>a new file)|at the end|above `(?P<line>[^`\n]+)`):\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PLACES = {  # of each section
    "A rule": ["spikehebb/rules/stdp.py", "spikehebb/rules/references.toml", "tests/oracles/spikes.py"],
    "A rule for rates": ["spikehebb/rules/hebbian.py", "spikehebb/rules/references.toml", "tests/oracles/rates.py"],
    "A neuron": ["spikehebb/neurons/integrate_and_fire.py"],
    "A circuit": ["spikehebb/circuits/chain.py", "spikehebb/circuits/__init__.py"],
    "A chip": ["spikehebb/hardware/chips.py"],
    "A data set": ["spikehebb/datasets/bars.py", "spikehebb/datasets/__init__.py"],
    "A job": ["spikehebb/jobs/drift.py", "spikehebb/jobs/__init__.pyi"],
}
NEW = ("stdp_kempter", "foldiak", "izhikevich", "chain", "truenorth", "bars", "drift")


@dataclass(frozen=True)
class Edit:
    """A block of the page, and where it belongs."""

    path: str
    text: str
    new: bool
    line: str | None

    def make(self, root: Path) -> None:
        """Write the block where it belongs, with the blank lines that go without saying."""
        file = root / self.path
        assert file.exists() != self.new, f"{self.path} is {'there already' if self.new else 'missing'}"
        content = "" if self.new else file.read_text(encoding="utf-8")
        if self.new:
            content = self.text
        elif self.line is None:
            content += ("\n\n" if file.suffix == ".py" else "\n") + self.text
        else:
            before, line, after = content.partition(f"\n{self.line}")
            assert line, f"{self.path} has no line that begins with {self.line}"
            blank = "" if self.line.startswith("from ") else "\n"
            content = f"{before}\n{self.text}{blank}{self.line}{after}"
        file.write_text(content, encoding="utf-8")


def edits() -> dict[str, list[Edit]]:
    """Return the edits of every section of the page."""
    results: dict[str, list[Edit]] = {}
    for section in PAGE.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        for match in EDIT.finditer(section):
            edit = Edit(path=match["path"], text=match["text"], new=bool(match["new"]), line=match["line"])
            results.setdefault(title, []).append(edit)
    return results


def test_the_page_names_all_places() -> None:
    """Each section edits the files that are written down here, and the table at the top has them."""
    assert {title: [edit.path for edit in section] for title, section in edits().items()} == PLACES
    rows = [
        (what, re.findall(r"`([^`]+)`", where)) for what, where in re.findall(r"^\| (an? .*?) \| (.*) \|$", PAGE, re.M)
    ]
    for title, paths in PLACES.items():
        promised = next(places for what, places in rows if what.startswith(" ".join(title.lower().split()[:2])))
        assert all(any(path.startswith(place) for place in promised) for path in paths), title


# What runs in the copy: the new values, then the tests of them and those that go over a whole catalogue.
SCRIPT = """
import json, re, sys
from pathlib import Path
import pytest
from brian2 import ms
from typer.testing import CliRunner
import spikehebb
from docs import catalogue
from spikehebb import hardware, jobs, neurons
from spikehebb.circuits import chain
from spikehebb.cli import commands
from spikehebb.core import Protocol
from spikehebb.datasets import load
from spikehebb.encoders import spike_rows
from spikehebb.rules import RULES
from spikehebb.simulation import simulate

network, new, *files = sys.argv[1:]

def command(*words):
    return CliRunner().invoke(commands, words).stdout

def spikes(circuit):
    protocol = Protocol(stimuli={"input": spike_rows([[5] * ms] * 10)}, duration=30 * ms)
    recording = simulate(circuit, protocol, dt=0.1 * ms, record=list(circuit.populations))
    return {name: (recording.spikes[name].t / ms).round(6).tolist() for name in circuit.populations}

def drifts():
    # Interrupt the new job after one trial; then let it go on, and ask for it once more.
    rule, out, seen = RULES["stdp_kempter"], Path("drift"), []

    def stop(stage, fraction):
        seen.append(fraction)
        if len(seen) == 2:
            raise KeyboardInterrupt

    try:
        jobs.drift(rule, trials=2, out=out, progress=stop)
    except KeyboardInterrupt:
        left = sorted(file.name for file in out.iterdir())
    after = []
    resumed = jobs.drift(rule, trials=2, out=out, progress=lambda stage, fraction: after.append(fraction))
    again = jobs.drift(rule, trials=2, out=out)
    return {"left": left, "after": after, "same": resumed == again == jobs.drift(rule, trials=2), "mean": again["mean"]}

class Chosen:
    def pytest_collection_modifyitems(self, items):
        whole = lambda item: item.name.startswith("test_every") and "[" not in item.name
        named = re.compile(rf"(?<![a-z])({new.replace(',', '|')})(?![a-z])")  # drift, but no test of what drifts
        items[:] = [item for item in items if whole(item) or named.search(item.nodeid)]
        self.names = [item.nodeid for item in items]

chosen = Chosen()
results = {
    "file": spikehebb.__file__,
    "rules": [rule["name"] for rule in json.loads(command("rules", "--json"))],
    "cite": command("cite", "stdp_kempter", "foldiak"),
    "window": json.loads(command(*"window stdp_kempter --lags -10,10 --dt 1 --out out --json".split()))["dw"],
    "chips": json.loads(command("hardware", "list", "--json")),
    "check": command("check", network, "--target", "truenorth"),
    "fits": list(map(str, hardware.check(chain(3), hardware.find("truenorth")))),
    "lif": spikes(chain(3)),
    "izhikevich": spikes(chain(3, neuron=neurons.NEURONS["izhikevich"], w=10.0)),
    "drift": drifts(),
    "bars": [load("bars", part).pixels.shape for part in ("train", "test")],
    "pages": catalogue.pages(),
    "code": pytest.main(["-q", "-p", "no:cacheprovider", "-m", "not slow and not compiler", *files], [chosen]),
    "tests": chosen.names,
}
with open("results.json", "w") as file:
    json.dump(results, file)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with all that the page adds."""
    root = tmp_path_factory.mktemp("copy")
    for folder in ("spikehebb", "tests", "docs", "models"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "_build", "*.png"))
    for file in ("pyproject.toml", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / file, root / file)
    for section in edits().values():
        for edit in section:
            edit.make(root)
    return root


@pytest.fixture(scope="module")
def ran(copy: Path) -> dict[str, Any]:
    """What the script finds in the copy."""
    catalogues = re.compile(r"\b(RULES|NEURONS|ENCODERS|TARGETS|DATASETS|FILES|MODULES)\b")
    tests = sorted(path for path in (copy / "tests").glob("test_*.py") if catalogues.search(path.read_text("utf-8")))
    words = [str(ROOT / "models" / "digits-soft-wta"), ",".join(NEW), *map(str, tests)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = {**json.loads((copy / "results.json").read_text()), "output": done.stdout}
    assert Path(results["file"]).is_relative_to(copy), "the copy must be what runs"
    return results


@pytest.mark.long
def test_all_that_the_page_adds_arrives(ran: dict[str, Any]) -> None:
    assert {"stdp_kempter", "foldiak"} <= set(ran["rules"])
    assert "@article{kempter1999," in ran["cite"]
    assert "@article{foldiak1990," in ran["cite"]
    # the window of stdp_pair, for a_in + a_out = 0
    assert ran["window"] == pytest.approx([-0.00525 * np.exp(-0.5), 0.005 * np.exp(-0.5)], rel=1e-6)
    assert "truenorth" in ran["chips"]
    assert "truenorth runs lif, lif_unit, but not escape_rate" in ran["check"]
    assert ran["fits"] == []
    for neuron in ("lif", "izhikevich"):
        times = [ran[neuron][f"group{n}"] for n in (1, 2, 3)]
        assert [len(group) for group in times] == [10, 10, 10], "each neuron fires once"
        assert [len(set(group)) for group in times] == [1, 1, 1], "a group fires together"
        assert 5 < times[0][0] < times[1][0] < times[2][0]
    assert ran["drift"]["left"] == ["partial.npz"]
    assert ran["drift"]["after"] == [0.5, 1.0]
    assert ran["drift"]["same"]
    # 20 spikes on each side: (a_in + a_out)*20 = 0, and the wider window of depression prevails
    assert -0.01 < ran["drift"]["mean"] < 0
    assert ran["bars"] == [[1000, 8, 8]] * 2
    assert ran["pages"]["rules/stdp_kempter"].startswith("# stdp_kempter\n")
    assert ran["pages"]["rules/foldiak"].startswith("# foldiak\n")
    assert "### izhikevich" in ran["pages"]["neurons"]
    assert " truenorth |" in ran["pages"]["chips"]


@pytest.mark.long
def test_the_suite_needs_no_further_place(ran: dict[str, Any]) -> None:
    """What it tests of the new values passes, and what goes over a whole catalogue: ``test_every_...``."""
    assert ran["code"] == 0, ran["output"]
    for name in (
        "test_catalogue.py::test_every_value_is_in_the_documentation",
        "test_rules.py::test_every_rule_has_an_oracle",
        "test_rules.py::test_weights_equal_the_oracle[numpy-stdp_kempter]",
        "test_rate_rules.py::test_each_step_of_a_layer_equals_the_oracle[numpy-foldiak]",
        "test_core.py::test_values_can_be_pickled[izhikevich]",
        "test_docstrings.py::test_examples_in_docstrings[spikehebb.circuits.chain]",
        "test_docstrings.py::test_examples_in_docstrings[spikehebb.jobs.drift]",
        "test_hardware_target.py::test_every_number_of_a_target_has_a_source[truenorth]",
        "test_architecture.py::test_every_file_imports_from_floors_below",
    ):
        assert f"tests/{name}" in ran["tests"], f"the copy's suite has no {name}"


def test_what_the_page_shows_is_written_as_all_the_rest(copy: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed here; make lint")
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run([ruff, *check, "."], cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
