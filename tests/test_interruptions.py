"""Ctrl-C during a simulation, and what Brian2's import does to commands: real signals to real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import brian2
import pytest
from brian2 import ms

from spikehebb.circuits import synapse_pair
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.signals import ended_by_signals
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
WINDOW = ["window", "stdp_pair", "--lags", "-40:40:10", "--repeats", "3", "--frequency", "5", "--device", "numpy"]


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


@pytest.mark.long
@pytest.mark.parametrize("command", ["window", "replay"])
def test_ctrl_c_during_a_command_leaves_no_result(tmp_path: Path, command: str) -> None:
    spikes = tmp_path / "spikes.txt"
    spikes.write_text("\n".join(str(10 * number) for number in range(1, 500)))
    words = WINDOW if command == "window" else ["replay", "stdp_pair", "--pre", spikes, "--post", spikes]
    done = process(SIGNALLED + APP, *words, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("interrupted") == 1
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


def test_ctrl_c_during_a_simulation_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a script imported Brian2 first, and after an error in the middle of a run, which stays "running"."""

    def interrupt(fraction: float) -> None:
        if 0 < fraction < 1:
            os.kill(os.getpid(), signal.SIGINT)

    def fail(fraction: float) -> None:
        if 0 < fraction < 1:
            raise OSError("no room")

    before = signal.signal(signal.SIGINT, brian2._int_handler)
    monkeypatch.setattr(brian2._int_handler, "previous_handler", signal.default_int_handler)
    try:
        for progress, error in ((interrupt, KeyboardInterrupt), (fail, OSError)):
            with pytest.raises(error):
                simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.002 * ms, progress=progress)
            assert signal.getsignal(signal.SIGINT) is brian2._int_handler
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_that_is_ignored_stays_so_where_brian2_was_imported_first() -> None:
    """Its handler would call the one before it, which is none."""
    circuit, protocol = synapse_pair(stdp_pair), pairing([10] * ms)
    before = signal.signal(signal.SIGINT, brian2._InterruptHandler(signal.SIG_IGN))
    try:
        recording = simulate(
            circuit, protocol, dt=0.1 * ms, progress=lambda fraction: os.kill(os.getpid(), signal.SIGINT)
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert recording.weights["synapse"] == simulate(circuit, protocol, dt=0.1 * ms).weights["synapse"]


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_a_destructor_swallowed_comes_again(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    class Dying:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)

    def work() -> None:
        with ended_by_signals():
            Dying()
            time.sleep(10)

    before, start = sys.unraisablehook, time.monotonic()
    handler = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:  # also where nohup has the suite ignore it, as the package then does
        with pytest.raises(KeyboardInterrupt, match=number.name):
            work()
    finally:
        signal.signal(number, handler)
    assert time.monotonic() - start < 10
    assert sys.unraisablehook is before
    assert capsys.readouterr().err == ""


def test_a_run_that_was_stopped_is_no_result() -> None:
    with pytest.raises(RuntimeError, match=r"the simulation stopped at 0(\.\d+)? s of [\d.]+ s, so it has no result"):
        simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms, progress=lambda fraction: brian2.stop())


STRANGER = "core.default_float_dtype = __import__('pathlib').Path('run').touch() or float32\n"


@pytest.mark.long
@pytest.mark.parametrize(
    "code",
    [
        APP,
        "import spikehebb.rules",
        "import importlib.util, spikehebb; importlib.util.find_spec('brian2'); import spikehebb.core.values",
        "import os, spikehebb; os.chdir('stranger'); from spikehebb.jobs import learn_digits",
    ],
)
def test_importing_brian2_takes_nothing_over(tmp_path: Path, code: str) -> None:
    """C1: preferences of a stranger's folder, which are Python; nor Ctrl-C, exceptions, or files in TMPDIR (B3)."""
    (tmp_path / "stranger").mkdir()
    for folder in (tmp_path, tmp_path / "stranger"):
        (folder / "brian_preferences").write_text(STRANGER)
    (tmp_path / "tmp").mkdir()
    killed = f"""
import atexit, os, signal, sys, tempfile
tempfile.tempdir = os.path.join({str(tmp_path)!r}, "tmp")
def kill():
    import brian2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert "brian2" not in sys.excepthook.__module__
    assert "float64" in repr(brian2.prefs.core.default_float_dtype)
    assert brian2.prefs.logging.file_log is brian2.prefs.logging.save_script is False
    os.kill(os.getpid(), signal.SIGKILL)
try:
    {code}
finally:
    kill()
"""
    (tmp_path / "script.py").write_text(killed)
    script = "import runpy, sys; sys.argv[0] = 'script.py'; runpy.run_path('script.py')"
    done = process(script, "rules", "stdp_pair", cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    files = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == ["brian_preferences", "script.py", "stranger/brian_preferences"]


def test_the_toolkit_is_light_until_it_is_used(tmp_path: Path) -> None:
    code = "import sys; import spikehebb.cli; sys.exit('brian2' in sys.modules)"
    assert process(code, cwd=tmp_path).returncode == 0
