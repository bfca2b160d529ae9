"""Ctrl-C during a simulation, and what Brian2's import does to commands: real signals to real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import brian2
import pytest
from brian2 import ms

from spikehebb.circuits import synapse_pair
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate

# The process sends itself a signal as soon as Brian2 runs a network.
SIGNALLED = """
import os, signal, sys, threading, time
def watch():
    while not getattr(getattr(sys.modules.get("brian2"), "Network", None), "_globally_running", False):
        time.sleep(0.01)
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=watch, daemon=True).start()
"""
APP = "from spikehebb.cli import app; app()"
WINDOW = ["window", "stdp_pair", "--lags", "-40:40:1", "--repeats", "3", "--device", "numpy"]


def process(code: str, *words: str | Path, cwd: Path, ignored: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if ignored else None,
    )


@pytest.mark.parametrize("command", ["window", "replay"])
def test_ctrl_c_during_a_command_leaves_no_result(tmp_path: Path, command: str) -> None:
    spikes = tmp_path / "spikes.txt"
    spikes.write_text("\n".join(str(10 * number) for number in range(1, 500)))
    words = WINDOW if command == "window" else ["replay", "stdp_pair", "--pre", spikes, "--post", spikes]
    done = process(SIGNALLED + APP, *words, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [spikes]


@pytest.mark.long
def test_a_command_in_the_background_ignores_ctrl_c(tmp_path: Path) -> None:
    """As shells start them in scripts, with the signal ignored; the result is the one without."""
    results = []
    for number, code in enumerate((SIGNALLED, "")):
        done = process(code + APP, *WINDOW, "--out", tmp_path / str(number), cwd=tmp_path, ignored=True)
        assert done.returncode == 0, done.stderr
        results.append(json.loads(next((tmp_path / str(number)).glob("*.json")).read_text()))
    assert results[0] == results[1]


def test_ctrl_c_during_a_simulation_is_raised() -> None:
    """And after an error in the middle of a run the next Ctrl-C is, too: Brian2 would take it for one during a run."""

    def interrupt(fraction: float) -> None:
        if 0 < fraction < 1:
            os.kill(os.getpid(), signal.SIGINT)

    def fail(fraction: float) -> None:
        if 0 < fraction < 1:
            raise OSError("no room")

    for progress, error in ((interrupt, KeyboardInterrupt), (fail, OSError)):
        with pytest.raises(error):
            simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.002 * ms, progress=progress)
        assert isinstance(signal.getsignal(signal.SIGINT), brian2._InterruptHandler)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_simulation_in_another_thread_runs_to_its_end() -> None:
    """No thread but the main one hears of Ctrl-C, and none takes it for the end of a run."""
    circuit, protocol, weights = synapse_pair(stdp_pair), pairing([10] * ms), []

    def run() -> None:
        recording = simulate(circuit, protocol, dt=0.1 * ms, progress=lambda fraction: running.set())
        weights.append(recording.weights["synapse"][0, 0])

    running, thread = threading.Event(), threading.Thread(target=run)
    thread.start()
    running.wait()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    thread.join()
    assert weights == [simulate(circuit, protocol, dt=0.1 * ms).weights["synapse"][0, 0]]


def test_a_run_that_was_stopped_is_no_result() -> None:
    with pytest.raises(RuntimeError, match=r"the simulation stopped at 0(\.\d+)? s of [\d.]+ s, so it has no result"):
        simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms, progress=lambda fraction: brian2.stop())


def test_preferences_of_the_working_folder_are_not_run(tmp_path: Path) -> None:
    (tmp_path / "brian_preferences").write_text(
        "core.default_float_dtype = __import__('pathlib').Path('run').touch() or float32\n"
    )
    done = process(APP, "rules", "stdp_pair", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["brian_preferences"]


def test_a_command_imports_nothing_of_brian2_before_it_runs(tmp_path: Path) -> None:
    code = "import sys; import spikehebb.cli; sys.exit('brian2' in sys.modules)"
    assert process(code, cwd=tmp_path).returncode == 0
