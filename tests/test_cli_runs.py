"""What a user may rely on when a command ends early, whatever it does: its folder, its state, its result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from spikehebb import checkpoint, plot
from spikehebb.checkpoint import Checkpoint
from spikehebb.jobs.run import LOCK, STATE, held
from tests.conftest import FAST
from tests.test_cli import SPIKEHEBB, refused, run

FEW = ["--limit-train", "40", "--limit-test", "20"]
DIGITS = ["--data", "digits", "--device", FAST.name, *FEW]
BITS = ["--weight-bits", "4", "--trace-bits", "3", "--spreads", "0.1", "--dropped", "0.1", "--no-learning"]
JOBS = {
    "learn": ["learn", *DIGITS, "--neurons", "6"],
    "replicas": ["learn", *DIGITS, "--neurons", "6", "--replicas", "2"],
    "train": [
        *("softhebb", "train", "--preset", "mnist-krotov-hopfield", "--data", "digits", *FEW),
        *("--epochs", "1", "--readout-epochs", "2"),
    ],
    "convert": ["convert", "MODEL", *DIGITS, "--calibration", "20", "--present", "20"],
    "study": ["study", "bits", *DIGITS, "--neurons", "6", *BITS],
}
DRAWS = {
    "learn": "digit_pictures",
    "replicas": "digit_pictures",
    "train": "softhebb_pictures",
    "convert": "conversion_pictures",
    "study": "study",
}
REPORTS = {"replicas": "summary.json", "study": "study.json"}


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SoftHebb network to convert."""
    out = tmp_path_factory.mktemp("dense")
    words = ["--preset", "mnist-dense", "--data", "digits", *FEW, "--epochs", "1", "--readout-epochs", "1"]
    done = run("softhebb", "train", *words, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


QUICK = ("learn", "train")


@pytest.fixture(params=[pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in JOBS])
def job(request: pytest.FixtureRequest, dense: Path) -> tuple[str, list[str]]:
    """Each command that makes a folder, and its words."""
    name: str = request.param
    return name, [str(dense) if word == "MODEL" else word for word in JOBS[name]]


def draw_nothing(patch: pytest.MonkeyPatch) -> None:
    """Pictures take longer than all the rest."""
    for name in DRAWS.values():
        nothing: Any = Figure() if name == "study" else []
        patch.setattr(plot, name, lambda *arguments, nothing=nothing, **options: nothing)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_nothing(monkeypatch)


def contents(out: Path) -> dict[str, Any]:
    """Return all arrays and numbers below a folder but for times and pictures."""
    files: dict[str, Any] = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.suffix == ".json":
            files[name] = untimed(json.loads(path.read_text()))
        elif path.suffix == ".npz":
            with np.load(path) as archive:
                files[name] = {key: archive[key].tobytes() for key in archive if key != "header"}
        elif path.suffix != ".png":
            files[name] = path.suffix
    return files


def untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if "ms_per_image" not in k and k not in ("seconds", "source")}
    return [untimed(item) for item in value] if isinstance(value, list) else value


@pytest.mark.long
def test_a_run_interrupted_while_drawing_is_finished_by_the_same_command(
    job: tuple[str, list[str]], tmp_path: Path
) -> None:
    """B1: the result is there, the pictures are not; then a finished run is read, and its result printed again."""
    name, words = job
    whole, out = tmp_path / "whole", tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        done = run(*words, "--out", whole)
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:

        def interrupted(*arguments: Any, **options: Any) -> Any:
            raise KeyboardInterrupt

        patch.setattr(plot, DRAWS[name], interrupted)
        stopped = run(*words, "--out", out)
    assert stopped.returncode == 130
    assert "interrupted; the same command goes on where it stopped" in stopped.stderr
    assert not list(out.rglob("*.png"))
    again = run(*words, "--out", out)
    assert again.returncode == 0, again.stderr
    assert "this run was finished before" in again.stderr
    assert contents(out) == contents(whole)
    assert list(out.rglob("*.png"))
    printed = run(*words, "--out", out, "--json")
    assert printed.returncode == 0, printed.stderr
    assert (
        untimed(json.loads(printed.stdout)).items()
        >= untimed(json.loads((out / REPORTS.get(name, "run.json")).read_text())).items()
    )


@pytest.mark.long
@pytest.mark.parametrize("damage", ["damaged", "foreign"])
def test_overwrite_gets_past_any_state(job: tuple[str, list[str]], tmp_path: Path, damage: str, undrawn: None) -> None:
    """B2: without it, one sentence and nothing is lost."""
    _, words = job
    out = tmp_path / "out"
    out.mkdir()
    if damage == "damaged":
        (out / STATE).write_bytes(b"PK\3\4 and no more")
    else:
        checkpoint.save(Checkpoint(header={"kind": "something else"}, arrays={"weights": np.ones(3)}), out / STATE)
    before = (out / STATE).read_bytes()
    message = refused(run(*words, "--out", out))
    assert ("begin anew with --overwrite" if damage == "damaged" else "holds another run") in message
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {STATE: before}
    done = run(*words, "--out", out, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert not (out / STATE).exists()


def test_a_folder_that_cannot_be_is_refused_before_any_work(
    job: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B4: a file, and no name at all; nothing is compiled, learned or written."""
    _, words = job
    (tmp_path / "file").write_text("kept")
    monkeypatch.chdir(tmp_path)
    message = refused(run(*words, "--out", "file"))
    assert "cannot write into the folder file (it is a file); give another one with --out" in message
    done = run(*words, "--out", "")
    assert done.returncode == 2
    assert "the name of the folder is empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_is_held_by_one_process(job: tuple[str, list[str]], tmp_path: Path) -> None:
    """A4: the second says who holds it, and changes nothing."""
    _, words = job
    holding = held(tmp_path)
    with ThreadPoolExecutor(1) as other:  # another thread holds it, as another process would
        other.submit(holding.__enter__).result()
        try:
            message = refused(run(*words, "--out", tmp_path))
            assert f"is in use by another process (process {os.getpid()} on " in message
            assert [path.name for path in tmp_path.iterdir()] == [LOCK]
        finally:
            other.submit(holding.__exit__, None, None, None).result()


def test_what_a_kill_left_behind_goes_at_the_next_start(
    job: tuple[str, list[str]], tmp_path: Path, undrawn: None
) -> None:
    """B3: half-written files of an earlier process."""
    _, words = job
    left = [".checkpoint.npz-0a1b2c3d", ".run.json-abcdefgh", f".{STATE}-________"]
    for name in left:
        (tmp_path / name).write_bytes(b"half")
    done = run(*words, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert not [path.name for path in tmp_path.rglob(".*")]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_batch_systems_and_closed_terminals_end_a_command_like_ctrl_c(
    tmp_path: Path, number: signal.Signals, wait: Callable[[subprocess.Popen[str], Path], None]
) -> None:
    """B3: exit code 130, the state kept, nothing else in the folder; the same command gives the whole result."""
    words = ["learn", "--data", "digits", "--neurons", "40", "--epochs", "4", "--device", FAST.name]
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*SPIKEHEBB, *words, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait(process, out / STATE)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted; the same command goes on where it stopped" in errors
    assert [path.name for path in out.iterdir()] == [STATE]


@pytest.fixture
def wait() -> Callable[[subprocess.Popen[str], Path], None]:
    """Wait for a file of a process that runs."""

    def until(process: subprocess.Popen[str], file: Path) -> None:
        deadline = time.monotonic() + 240
        while not file.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return until
