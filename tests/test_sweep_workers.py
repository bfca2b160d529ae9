"""Sweeps on real schedulers: processes of this machine, workers killed by their id, a fake Slurm; equal bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import checkpoint
from spikehebb.devices.program_key import PACKAGE
from spikehebb.jobs.runs import find_runs
from spikehebb.sweeps import sweep, workers
from tests.conftest import FAST

try:
    import distributed
except ImportError:
    distributed = None

needs_dask = pytest.mark.skipif(distributed is None, reason="no dask here (extra sweep)")
# Two steps each, as a step is 1000 images.
LEARN: dict[str, Any] = {"data": "digits", "limit_train": 1010, "limit_test": 20, "device": FAST.name, "neurons": 4}
GRID: dict[str, Any] = {"rule": ["softhebb", "softhebb_annealed"], "seeds": 3}
WINDOW: dict[str, Any] = {"lags_ms": [10], "rule": "oja", "device": "numpy"}
TIMES = ("ms_per_image_train", "ms_per_image_test")


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import the package as this process does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry))


def results(out: Path) -> dict[str, Any]:
    """Return everything that cells have written, but how long it took."""
    found: dict[str, Any] = {}
    for path in sorted(out.glob("*/run.json")):
        report = json.loads(path.read_text())
        report["metrics"] = {name: value for name, value in report["metrics"].items() if name not in TIMES}
        found[path.parent.name] = report
        network = path.parent / "checkpoint.npz"
        if network.exists():
            header = checkpoint.load_header(network)
            with np.load(network) as arrays:
                found[f"{path.parent.name}/arrays"] = {
                    name: arrays[name].tobytes() for name in arrays if name != "header"
                }
            assert header["config"]
    return found


def children(pid: int) -> list[int]:
    """Return the processes that a process has begun, and theirs."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    own = [int(word) for word in found.stdout.split()]
    return own + [inner for child in own for inner in children(child)]


def workers_of(pid: int) -> list[int]:
    """Return the worker processes among the children of a sweep."""
    return [child for child in children(pid) if b"spawn_main" in _command(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.long
@needs_dask
@pytest.mark.skipif(sys.platform != "linux", reason="looks for workers in /proc")
def test_workers_killed_twice_change_no_bit(tmp_path: Path) -> None:
    """Each time one of two dies in the middle; the others go on, and no cell is lost or begun anew."""
    sweep("learn", GRID, settings=LEARN, out=tmp_path / "serial")
    killed: list[int] = []

    def kill(stage: str, part: float) -> None:
        if stage == "cells" and part > 0.2 + 0.3 * len(killed) and len(killed) < 2:
            alive = [pid for pid in workers_of(os.getpid()) if pid not in killed]
            os.kill(alive[0], signal.SIGKILL)
            killed.append(alive[0])

    runs = sweep("learn", GRID, settings=LEARN, out=tmp_path / "two", workers=2, progress=kill)
    assert len(killed) == 2
    assert len(runs.runs) == 6
    assert results(tmp_path / "two") == results(tmp_path / "serial")
    assert (tmp_path / "two" / "report.html").exists()
    assert workers_of(os.getpid()) == []


@contextmanager
def process(*words: str, folder: Path, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Begin a process in a folder where no package lies that it would import first."""
    with subprocess.Popen(
        [sys.executable, *words], stderr=subprocess.DEVNULL, text=True, env=os.environ | (environment or {}), cwd=folder
    ) as begun:
        try:
            yield begun
        finally:
            begun.terminate()
            try:
                begun.wait(20)
            except subprocess.TimeoutExpired:
                begun.kill()


@contextmanager
def running(tmp_path: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """Start a scheduler and a worker, as a user does; give the address."""
    file = tmp_path / "scheduler.json"
    scheduler = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
    with process("-m", "distributed.cli.dask_scheduler", *scheduler, folder=tmp_path):
        deadline = time.monotonic() + 120
        while not file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        worker = [address, "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path), *options]
        with process("-m", "distributed.cli.dask_worker", *worker, folder=tmp_path, environment=environment):
            yield address


@pytest.mark.long
@needs_dask
def test_a_scheduler_that_runs_already_does_the_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with running(tmp_path, "--nthreads", "1") as address:
        runs = sweep("window", {"w0": [0.3, 0.6]}, settings=WINDOW, out=out, dask=address)
        assert [run.at["w0"] for run in runs.runs] == [0.3, 0.6]
        monkeypatch.setattr(Path, "touch", lambda *arguments, **options: None)
        with pytest.raises(ValueError, match=r"does not see .*; give a folder that all machines share with --out"):
            sweep("window", {"w0": [0.3]}, settings=WINDOW, out=tmp_path / "local", dask=address)
    assert not (tmp_path / "local").exists()
    sweep("window", {"w0": [0.3, 0.6]}, settings=WINDOW, out=tmp_path / "serial")
    assert results(out) == results(tmp_path / "serial")


@pytest.mark.long
@needs_dask
def test_workers_that_cannot_do_it_are_refused_before_anything_starts(tmp_path: Path) -> None:
    """One with several threads, one with another version."""
    with (
        running(tmp_path, "--nthreads", "2") as address,
        pytest.raises(ValueError, match=r"has 2 threads, .* start workers with --nthreads 1"),
    ):
        sweep("window", {"w0": [0.3]}, settings=WINDOW, out=tmp_path / "out", dask=address)
    other = tmp_path / "other"
    shutil.copytree(PACKAGE, other / "spikehebb", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "spikehebb" / "reading.py").open("a") as file:
        file.write("# another version\n")
    (tmp_path / "scheduler.json").unlink(missing_ok=True)
    environment = {"PYTHONPATH": f"{other}{os.pathsep}{os.environ['PYTHONPATH']}"}
    with (
        running(tmp_path, "--nthreads", "1", environment=environment) as address,
        pytest.raises(ValueError, match=r"has code .* instead of .*; give all workers the same versions"),
    ):
        sweep("window", {"w0": [0.3]}, settings=WINDOW, out=tmp_path / "out", dask=address)
    assert not (tmp_path / "out").exists()


SBATCH = """#!/bin/sh
# What Slurm's sbatch does, on this machine: the script runs in the background, and its number is printed.
for script; do :; done
cp "$script" "{folder}/job.sh"
sh "{folder}/job.sh" > "{folder}/job.log" 2>&1 &
echo $! >> "{folder}/jobs"
echo "Submitted batch job $!"
"""


@pytest.mark.long
@needs_dask
def test_slurm_starts_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a batch system that is a shell script: what it is asked to run is what does the cells."""
    pytest.importorskip("dask_jobqueue")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in {"sbatch": SBATCH.format(folder=tmp_path), "scancel": '#!/bin/sh\nkill "$1"\n'}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    try:
        runs = sweep("window", {"w0": [0.3, 0.6]}, settings=WINDOW, out=tmp_path / "out", dask="slurm")
        assert len(runs.runs) == 2
        script = (tmp_path / "job.sh").read_text()
        assert "#SBATCH --cpus-per-task=1" in script
        assert "--nthreads 1" in script
    finally:
        for pid in (tmp_path / "jobs").read_text().split():
            for one in (*children(int(pid)), int(pid)):
                try:
                    os.kill(one, signal.SIGTERM)
                except ProcessLookupError:
                    continue


@needs_dask
def test_a_scheduler_that_does_not_answer_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_ANSWER", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(ConnectionError, match=r"no Dask scheduler answers at .*; start one with 'dask scheduler'"):
            sweep("window", {"w0": [0.3]}, settings=WINDOW, out=tmp_path / "out", dask=address)
    assert not (tmp_path / "out").exists()


def test_several_workers_without_dask_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RuntimeError, match=r"pip install 'spikehebb\[sweep\]'"):
        sweep("window", {"w0": [0.3]}, settings=WINDOW, out=tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.long
@needs_dask
@pytest.mark.skipif(sys.platform != "linux", reason="looks for workers in /proc")
def test_ctrl_c_ends_a_sweep_and_its_workers(tmp_path: Path) -> None:
    """As a terminal sends it, to all processes; the same command then does what is missing."""
    file = tmp_path / "sweep.toml"
    file.write_text(
        f'job = "learn"\n[settings]\ndata = "digits"\nlimit_train = 1010\nlimit_test = 20\ndevice = "{FAST.name}"\n'
        "neurons = 4\n[grid]\nseeds = 30\n"
    )
    out = tmp_path / "out"
    words = ["-c", "from spikehebb.cli import app; app()", "sweep", str(file), "--out", str(out), "--workers", "2"]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as begun:
        deadline = time.monotonic() + 240
        while not list(out.glob("*/run.json")):
            assert begun.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        below = workers_of(begun.pid)
        os.killpg(begun.pid, signal.SIGINT)
        _, errors = begun.communicate(timeout=120)
    assert begun.returncode == 130, errors
    assert "interrupted; the same command does only what is missing" in errors
    assert "Traceback" not in errors
    assert len(below) == 2
    assert not any(_command(pid) for pid in below)
    finished = find_runs(out)
    assert 0 < len(finished.runs) < 30
