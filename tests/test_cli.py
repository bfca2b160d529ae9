"""The command line as a user meets it: its output, its exit code, and where it matters a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from spikehebb import devices
from spikehebb.cli import app
from tests.conftest import FAST, NO_BRIAN2CUDA, NO_COMPILER

SPIKEHEBB = [sys.executable, "-c", "from spikehebb.cli import app; app()"]
SIX = ["--data", "digits", "--neurons", "6", "--limit-train", "40", "--limit-test", "20"]
TINY = [*SIX, "--device", FAST.name]


def run(
    *words: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command: here, which saves importing Brian2 again, or with an environment of its own as a process."""
    arguments = list(map(str, words))
    if environment is not None:
        return subprocess.run(
            [*SPIKEHEBB, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | environment,
            cwd=cwd,
            check=False,
        )
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(cwd or Path.cwd()),
    ):
        patch.setattr(sys, "argv", ["spikehebb", *arguments])
        try:
            app()
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else int(done.code is not None)
        except Exception:
            traceback.print_exc()
            code = 1
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.mark.long
def test_a_process_of_its_own_says_the_same() -> None:
    for words in (["rules", "stdp_pair"], ["rules", "stdp_pear"]):
        in_process, as_process = run(*words), run(*words, environment={})
        assert (in_process.returncode, in_process.stdout, in_process.stderr) == (
            as_process.returncode,
            as_process.stdout,
            as_process.stderr,
        )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a refusal."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("spikehebb: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A tiny finished run, and what ``--json`` printed."""
    out = tmp_path_factory.mktemp("tiny") / "run"
    done = run("learn", *TINY, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return out, report


def test_learn_writes_all_that_it_promises(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, report = tiny
    pictures = {"receptive_fields.png", "confusion.png", "raster.png", "learning_curve.png"}
    page = {"report.html", "report-command.txt"}
    assert {path.name for path in out.iterdir()} == {"run.json", "checkpoint.npz", *page, *pictures}
    assert json.loads((out / "run.json").read_text()) == report
    assert report["config"]["neurons"] == 6
    assert report["data"]["test"]["count"] == 20
    for picture in pictures:
        assert (out / picture).read_bytes().startswith(b"\x89PNG")


def test_evaluate_says_the_same(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, report = tiny
    for place in (out, out / "checkpoint.npz"):
        done = run("evaluate", place, "--data", "digits", "--limit-test", "20", "--json")
        scores = json.loads(done.stdout)["metrics"]
        for name in ("accuracy_vote", "accuracy_soft_vote", "accuracy_linear"):
            assert scores[name] == report["metrics"][name]


@pytest.mark.long
def test_networks_learn_as_replicas(tmp_path: Path) -> None:
    words = ["learn", *TINY, "--seed", "4", "--replicas", "2", "--out", str(tmp_path)]
    done = run(*words)
    assert done.returncode == 0, done.stderr
    page = {"report.html", "report-command.txt"}
    assert {path.name for path in tmp_path.iterdir()} == {"seed-4", "seed-5", "summary.json", *page}
    assert {"run.json", "checkpoint.npz", "raster.png"} < {path.name for path in (tmp_path / "seed-5").iterdir()}
    summary = json.loads((tmp_path / "summary.json").read_text())
    for network in summary["networks"]:
        assert f"{network['folder']:24} accuracy_vote {100 * network['metrics']['accuracy_vote']:.2f} %" in done.stdout
    mean, spread = (100 * summary[what]["accuracy_vote"] for what in ("mean", "standard_deviation"))
    assert f"{mean:.2f} ± {spread:.2f} %" in done.stdout
    read = run(*words)
    assert read.returncode == 0
    assert "this run was finished before" in read.stderr
    assert f"{mean:.2f} ± {spread:.2f} %" in read.stdout
    assert "holds another run" in refused(run(*words[:-4], "--replicas", "3", *words[-2:]))
    again = run("evaluate", tmp_path / "seed-5", "--data", "digits", "--limit-test", "20", "--json")
    assert json.loads(again.stdout)["metrics"]["accuracy_vote"] == summary["networks"][1]["metrics"]["accuracy_vote"]
    many = run("evaluate", tmp_path / "seed-5", "--data", "digits", "--limit-test", "20", "--replicas", "8", "--json")
    assert 0 <= json.loads(many.stdout)["metrics"]["accuracy_vote"] <= 1
    both = ["--replicas", "2", "--from", str(tmp_path / "seed-4")]
    assert "leave out --from" in refused(run("learn", *TINY[:2], *both, "--out", tmp_path / "other"))
    for number in ("0", "-1"):
        message = refused(run("learn", *TINY, "--replicas", number, "--out", tmp_path / "other"))
        assert f"--replicas must be at least 1, got {number}" in message
        message = refused(run("evaluate", tmp_path / "seed-4", "--data", "digits", "--replicas", number))
        assert f"replicas must be a whole number of at least 1, got {number}" in message


def test_a_folder_with_another_run_is_refused(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, _ = tiny
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    message = refused(run("learn", *TINY, "--seed", "5", "--out", out))
    assert "holds another run; give another folder with --out, or replace it with --overwrite" in message
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_doctor_checks_everything(tmp_path: Path) -> None:
    done = run("doctor", "--json", environment={"SPIKEHEBB_DATA": str(tmp_path), "CXX": "no-such-compiler"})
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    cuda = ["brian2cuda", "nvcc", "cuRAND", "g++ for nvcc", "NVIDIA GPU"]
    assert list(findings) == ["Python", "Brian2", "C++ compiler", *cuda, "data folder", "cache"]
    assert findings["Python"]["ok"]
    assert not findings["C++ compiler"]["ok"]
    assert "apt install g++ make" in findings["C++ compiler"]["remedy"]
    assert "mnist/train-images-idx3-ubyte.gz" in findings["data folder"]["remedy"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["learn", *TINY, "--neurons", "-3"], "neurons must be at least 1, got -3"),
        (["learn", *TINY, "--data", "mnits"], "there is no data set 'mnits'. Did you mean 'mnist'?"),
        (["learn", *TINY, "--device", "gpu"], "there is no device 'gpu'. (auto, numpy, cpp, cuda, cuda-single)"),
        (["learn", *TINY, "--limit-test", "0"], "--limit-test must be at least 1, got 0"),
        (["learn", *TINY, "--data", "mnist", "--data-dir", "."], "mnist: train-images-idx3-ubyte.gz is missing"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], message: str, tmp_path: Path) -> None:
    assert message in refused(run(*words, "--out", tmp_path / "out", cwd=tmp_path))
    assert not (tmp_path / "out" / "run.json").exists()


@NO_COMPILER
@NO_BRIAN2CUDA
def test_without_a_gpu_cuda_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulated: Path) -> None:
    monkeypatch.setattr(devices.nvcc, "gpus", list)
    monkeypatch.delenv("SPIKEHEBB_CUDA_ARCH", raising=False)
    message = refused(run("learn", *TINY, "--device", "cuda", "--out", tmp_path / "out"))
    assert "device cuda found no NVIDIA GPU (nvidia-smi names none); use --device cpp" in message
    monkeypatch.setattr(devices.nvcc, "nvcc_path", lambda: None)
    message = refused(run("learn", *TINY, "--device", "cuda", "--out", tmp_path / "out"))
    assert "device cuda needs nvcc, and found none; install CUDA 12 or 13" in message
    findings = {finding["what"]: finding for finding in json.loads(run("doctor", "--json").stdout)}
    assert all("only for --device cuda: " in findings[what]["remedy"] for what in ("nvcc", "cuRAND", "NVIDIA GPU"))


@NO_COMPILER
@NO_BRIAN2CUDA
def test_doctor_reports_what_cuda_needs_and_where_learning_is_fastest(emulated: Path) -> None:
    findings = {finding["what"]: finding for finding in json.loads(run("doctor", "--json").stdout)}
    assert findings["nvcc"]["found"].startswith("CUDA 13.0, c++17, ")
    assert findings["NVIDIA GPU"]["found"] == "An emulated GPU, sm_90, 8000 of 8000 MiB free"
    advice = json.loads(run("doctor", "--advise", "--json").stdout)
    chosen = {(row["neurons"], row["replicas"]): row["device"] for row in advice["networks"]}
    assert (chosen[100, 1], chosen[400, 64]) == ("cpp", "cuda")
    assert "not yet measured on a GPU" in run("doctor", "--advise").stdout.replace("\n", " ")


@NO_COMPILER
@NO_BRIAN2CUDA
def test_auto_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.nvcc, "gpus", list)
    words = [*SIX, "--device", "auto"]
    done = run("learn", *words, "--out", tmp_path, "--json")
    assert "as there is no NVIDIA GPU here" in done.stderr


@pytest.mark.long
def test_without_a_compiler_it_says_so_and_runs_on_numpy(tmp_path: Path) -> None:
    words = [*SIX, "--device", "auto"]
    done = run("learn", *words, "--out", tmp_path, "--json", environment={"CXX": "no-such-compiler"})
    assert done.returncode == 0
    assert json.loads(done.stdout)["device"] == "numpy"
    assert "spikehebb: found no C++ compiler and make, so this runs on NumPy, far slower; install them" in done.stderr


def test_evaluating_nothing_is_one_sentence(tmp_path: Path) -> None:
    assert "there is no checkpoint" in refused(run("evaluate", tmp_path / "none.npz", "--data", "digits"))


@pytest.mark.long
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A limit on the size of files is the nearest thing to a full disk that any user may set."""
    out = tmp_path / "out"
    command = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); " + SPIKEHEBB[-1]
    words = ["learn", *SIX, "--device", "numpy", "--neurons", "40", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", command, *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "cannot write" in done.stderr
    assert "Nothing there was changed." in done.stderr
    assert not out.exists()


@pytest.mark.long
@pytest.mark.compiler
@NO_COMPILER
def test_ctrl_c_keeps_what_was_learned_and_the_same_command_goes_on(tmp_path: Path) -> None:
    words = [*SPIKEHEBB, "learn", "--data", "digits", "--neurons", "40", "--epochs", "4", "--out", str(tmp_path)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while not (tmp_path / "partial.npz").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted; the same command goes on where it stopped" in errors
    assert {path.name for path in tmp_path.iterdir()} == {"partial.npz"}
    done = subprocess.run([*words, "--json"], capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(done.stdout)["metrics"]["accuracy_vote"] > 0.9


def broken(error: Exception) -> Any:
    def fail(*words: Any, **options: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "error", [KeyError("w"), TypeError("no\n\x1b[31m"), RecursionError("deep"), UnicodeError("x"), ZeroDivisionError()]
)
def test_an_unforeseen_error_leaves_a_file_to_send(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("spikehebb.checkpoint.load", broken(error))
    done = run("check", tmp_path / "checkpoint.npz", "--target", "loihi1")
    assert done.returncode == 70
    (report,) = tmp_path.glob("spikehebb-error-*.txt")
    assert done.stderr.startswith("spikehebb: this is an error of spikehebb, not of yours (")
    assert done.stderr.endswith(f"please send the file {report}, which says where.\n")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    assert "Traceback (most recent call last)" in report.read_text()
    assert "--target" in report.read_text()
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", broken(OSError(28, "No space left on device")))
    done = run("check", tmp_path / "checkpoint.npz", "--target", "loihi1")
    assert done.returncode == 70
    assert "please send the lines above" in done.stderr


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            PermissionError(13, "Permission denied", "/a/b"),
            "/a/b: Permission denied; take a file or folder",
        ),
        (OSError(28, "No space left on device"), "No space left on device; make room on the disk"),
        (OSError(122, "Disk quota exceeded", "x"), "x: Disk quota exceeded; make room on the disk"),
        (OSError(99, "Cannot assign"), "Cannot assign."),
        (MemoryError(), "there is not enough memory; take less at a time"),
        (MemoryError("Unable to allocate 477. GiB"), "there is not enough memory (Unable to allocate 477. GiB); take"),
        (ValueError(), "ValueError"),
        (ValueError("a\x1b[2J" + "b" * 10_000), "a\\x1b[2Jbbb"),
        (ValueError("c " * 10_000), "c c c"),
    ],
)
def test_every_failure_is_one_sentence(
    error: Exception, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spikehebb.checkpoint.load", broken(error))
    done = run("check", tmp_path / "checkpoint.npz", "--target", "loihi1")
    assert done.returncode == 2
    assert done.stderr.startswith(f"spikehebb: {sentence}")
    assert done.stderr.strip().isprintable()
    assert len(done.stderr) < 2100
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--pre", "--post", "--reward"])
def test_a_pipe_is_not_waited_for(option: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "times").write_text("1\n")
    files = {"--pre": tmp_path / "times", "--post": tmp_path / "times", option: tmp_path / "pipe"}
    done = run("replay", "stdp_pair", *(word for item in files.items() for word in item))
    assert (done.returncode, "it is a pipe" in done.stderr) == (2, True)
    os.mkfifo(tmp_path / "rule.py")
    done = run("rules", f"{tmp_path / 'rule.py'}:mine")
    assert (done.returncode, "it is a pipe" in done.stderr) == (2, True)


def test_odd_names_are_drawn_and_make_files_in_the_folder(tmp_path: Path) -> None:
    """A rule's name is no path and no formula, nor is that of a table."""
    (tmp_path / "mine.py").write_text(
        "import dataclasses\nfrom spikehebb.rules import stdp_pair\n"
        "odd = dataclasses.replace(stdp_pair, name='../a/$b_$', summary=r'$\\frac{1}$ \x1b[31m' * 9)\n"
    )
    table = tmp_path / "$x_{$.csv"
    table.write_text("lag_ms,change\n-10,-0.2\n10,0.4\n")
    words: list[str | Path] = ["--lags=-10,10", "--data", table, "--dt", "1", "--out", tmp_path / "out"]
    done = run("window", f"{tmp_path / 'mine.py'}:odd", *words)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "window.csv",
        "window.json",
        "window__a__b__.png",
    ]
    assert "\x1b" not in done.stdout
