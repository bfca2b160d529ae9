"""SIGINT, SIGTERM and SIGHUP in every stage and on every device: exit code 130, and the same command goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from spikehebb import devices
from tests import cuda_on_cpu
from tests.campaign import commands
from tests.campaign.case import Case, Fault, check_end, command, environment, process

WHAT = "SIGINT, SIGTERM and SIGHUP in every stage, then the same command"
AT_LEAST = 60
SHARE = 0.15

# By which functions on its stack a process is known to be in a stage.
STAGES = {
    "import": ("import_brian2",),
    "compile": ("_make",),
    "simulate": ("_follow", "before_run", "update_abstract_code", "run_function"),
    "learn": ("step",),
    "save": ("write_whole",),
    "draw": ("savefig",),
}
# A thread looks at the stack of the main thread, and sends the signal a moment after the stage has begun.
WATCHED = """
import os, sys, threading, time
def watch(main=threading.main_thread().ident):
    while True:
        frame = sys._current_frames().get(main)
        while frame is not None:
            if frame.f_code.co_name in {functions!r}:
                time.sleep({wait})
                return os.kill(os.getpid(), {number})
            frame = frame.f_back
        time.sleep(0.0005)
threading.Thread(target=watch, daemon=True).start()
"""
SPIKES = "\n".join(str(10 * number) for number in range(1, 300))
# Commands without a state: they begin anew.
BRIEF = {
    "window": ("window", "stdp_pair", "--lags", "-40:40:4", "--repeats", "3"),
    "frequency": ("frequency", "stdp_pair", "--frequencies", "10,20", "--repeats", "5", "--device", "numpy"),
    "replay": ("replay", "stdp_pair", "--pre", "SPIKES", "--post", "SPIKES"),
    "fit": ("fit", "stdp_pair", "--data", "POINTS", "--free", "A_plus,A_minus"),
}


def attack(case: Case) -> None:
    names = [*commands.JOBS, *BRIEF, *(["cuda"] if devices.cuda.brian2cuda_version() and devices.compiler() else [])]
    name = names[case.number % len(names)]
    number = case.one_of([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    compiled = name.endswith(("-cpp", "cuda"))
    stage = case.one_of([stage for stage in STAGES if compiled or stage != "compile"])
    wait = float(case.random.choice([0, 0.01, 0.2]))
    ignored = number == signal.SIGINT and case.random.random() < 0.2
    case.what = f"{name}: {number.name}{', which is ignored,' if ignored else ''} {wait} s into {stage}"
    cached = commands.cache(case, empty=stage == "compile")
    changes = emulated(case) if name == "cuda" else {}
    environ = environment(case.folder, cached, changes)
    watched = WATCHED.format(functions=STAGES[stage], wait=wait, number=int(number))
    out = case.folder / "out"

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def words(before: str = "") -> list[str | Path]:
        if name in commands.JOBS:
            return commands.job(name, out, case.shared, before=before)
        return command([*brief(name, case.shared), "--out", out], before=before)

    done = process(words(watched), case.folder, environ, before=ignore if ignored else None)
    # A signal before the toolkit is there ends a process as any; and one that comes too late ends nothing.
    early = (-number,) if stage == "import" and number != signal.SIGINT else ()
    check_end(done, 0, *(() if ignored else (130, *early)))
    case.counts["interrupted"] += done.code != 0
    if done.code == 130 and name not in commands.JOBS and list(out.glob("*.json")) and stage not in ("save", "draw"):
        raise Fault("wrong", f"a result of an interrupted command: {sorted(path.name for path in out.iterdir())}")
    if done.code != 0:
        check_end(process(words(), case.folder, environ), 0)
    if name in commands.JOBS:
        commands.check_same(out, name, case.shared)
    elif contents_of(out) != whole(name, case.shared, changes):
        raise Fault("wrong", "another result than without the signal")
    commands.check_left_over(case, cached)


def brief(name: str, shared: Path) -> list[str]:
    """Return the words of a command that is not resumed; the files that it reads are written."""
    if name == "cuda":
        return ["window", "stdp_pair", "--lags", "-20,20", "--device", "cuda"]
    spikes, points = shared / "spikes.txt", shared / "points.csv"
    spikes.write_text(SPIKES)
    points.write_text("lag_ms,change\n-40,-0.1\n-20,-0.2\n-10,-0.3\n10,0.4\n20,0.3\n40,0.1\n")
    return [{"SPIKES": str(spikes), "POINTS": str(points)}.get(word, word) for word in BRIEF[name]]


def contents_of(out: Path) -> object:
    return {path.name: commands.untimed(json.loads(path.read_text())) for path in out.glob("*.json")}


def whole(name: str, shared: Path, changes: dict[str, str]) -> object:
    """Return what the undisturbed command gives."""
    out = shared / f"brief-{name}"
    words = command([*brief(name, shared), "--out", out])
    return contents_of(commands.made(out.name, words, shared, changes))


def emulated(case: Case) -> dict[str, str]:
    """Return what changes in the environment where the CPU emulates a GPU."""
    with commands.LOCKS["emulated"]:
        folder = case.shared / "cuda"
        if not folder.exists():
            cuda_on_cpu.toolkit(folder)
    import os

    return {"CUDA_PATH": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
