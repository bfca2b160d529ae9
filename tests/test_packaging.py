"""What is installed: a wheel outside of the clone, and recipes that say what pyproject.toml says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGING = ROOT / "packaging"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this very tree, unpacked as an installation is."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("no hatchling here, which makes wheels")
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def outside(installed: Path, folder: Path, *words: str) -> str:
    """Run a command of the wheel in a folder that holds nothing of the clone; return what it prints."""
    code = (
        "import sys, spikehebb; from spikehebb.cli import app; "
        f"assert spikehebb.__file__.startswith({str(installed)!r}), spikehebb.__file__; app()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_a_wheel_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """Models, examples and their data come along, and the README's commands find them."""
    names = [entry["name"] for entry in json.loads(outside(installed, tmp_path, "models", "--json"))]
    assert names == sorted(names, key=names.index)
    assert {path.parent.name for path in installed.glob("spikehebb/models/*/checkpoint.npz")} == set(names)
    outside(installed, tmp_path, "examples", "--out", "examples")
    spikes = ["--pre", "examples/data/pre.txt", "--post", "examples/data/post.txt", "--json"]
    assert json.loads(outside(installed, tmp_path, "replay", "stdp_pair", *spikes))["w_final"] > 0
    few = ["--data", "digits", "--limit-test", "5", "--device", "numpy", "--json"]
    scores = json.loads(outside(installed, tmp_path, "evaluate", "digits-soft-wta", *few))["metrics"]
    assert scores["accuracy_vote"] >= 0.6


def requirements(extra: str | None = None) -> dict[str, str]:
    """Return the packages that this one needs, with their bounds."""
    listed = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    found = (re.match(r"([\w.-]+)(?:\[\w+\])?([^;]*)", line) for line in listed)
    return {match[1]: match[2].strip() for match in found if match}


def test_the_conda_recipe_needs_what_the_package_needs() -> None:
    text = (PACKAGING / "conda" / "meta.yaml").read_text()
    run = text.split("  run:\n")[1].split("\ntest:")[0]
    listed = dict(line.strip("- ").split(maxsplit=1) for line in run.strip().splitlines())
    assert listed.pop("python") == PROJECT["requires-python"]
    listed["matplotlib"] = listed.pop("matplotlib-base")
    assert listed == requirements()
    version = re.search(r'__version__ = "(.*)"', (ROOT / "spikehebb" / "__init__.py").read_text())
    assert version is not None
    assert f'version: "{version[1]}"' in text


def test_the_docker_image_has_the_extras_and_the_cuda_that_they_need() -> None:
    text = (PACKAGING / "docker" / "Dockerfile").read_text()
    extras = re.search(r"/src\[(.*?)\]", text)
    assert extras is not None
    assert set(extras[1].split(",")) <= PROJECT["optional-dependencies"].keys()
    assert "cuda" in extras[1].split(",")
    assert re.search(r"^FROM nvidia/cuda:13\..*-devel-", text, re.MULTILINE)  # cuRAND's wheel is CUDA 13's
    assert {"brian2cuda", "nvidia-curand"} == requirements("cuda").keys()


@pytest.mark.long
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Every cell in its order, but for the one that installs."""
    cells = json.loads((PACKAGING / "colab.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code[0].startswith("%pip install")
    assert all(not cell.get("outputs") for cell in cells)
    (tmp_path / "cells.py").write_text("\n".join(code[1:]))
    done = subprocess.run(
        [sys.executable, "cells.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "digits-soft-wta" in done.stdout
    assert (tmp_path / "runs" / "windows" / "report.html").exists()
