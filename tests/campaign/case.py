"""What all kinds of attack share: a case, the processes that it starts, and the verdict on it.

A kind of attack is a module with ``WHAT`` (one line), ``AT_LEAST`` (cases), ``SHARE`` (of the time of a campaign) and a
function ``attack(case)``. It draws everything random from ``case.random``, so that a case is repeated by the seed, the
kind and its number; writes into ``case.what`` what it does; and raises ``Fault`` where the toolkit breaks a promise.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np

VERDICTS = {
    "ok": "as it should be",
    "wrong": "another result than the undisturbed one, or a file left behind, with nothing said",
    "lost": "work that was done is gone, or cannot be gone on with",
    "traceback": "an error of Python, a death by signal, or an exit code without a sentence",
    "hang": "no end within the time limit",
    "memory": "more than 1 GiB above the start",
    "code": "something in a stranger's file was run",
}
APP = "from spikehebb.cli import app; app()"
GIB = 1 << 30
_START = 400 << 20  # bytes of a command that does next to nothing, rounded up
_LONGEST = 2000  # characters of a message, with long paths in it


class Fault(Exception):  # noqa: N818 (an error of the toolkit, not of the campaign)
    """A broken promise."""

    def __init__(self, verdict: str, why: str) -> None:
        super().__init__(why)
        self.verdict = verdict


@dataclass(kw_only=True)
class Case:
    """One case: its number and random numbers, a folder of its own, and what is shared by all cases."""

    kind: str
    number: int
    seed: int
    folder: Path
    shared: Path
    what: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng([self.seed, zlib.crc32(self.kind.encode()), self.number])
        (self.folder / "tmp").mkdir(parents=True)

    def one_of[T](self, options: Sequence[T]) -> T:
        return options[int(self.random.integers(len(options)))]


@dataclass(frozen=True, kw_only=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str
    seconds: float


def judged(
    attack: ModuleType, number: int, seed: int, shared: Path, folder: Path
) -> tuple[str, str, str, Mapping[str, int]]:
    """Run one case in a folder, which is gone afterwards; return verdict, what was done, why, and counts."""
    case = Case(
        kind=attack.__name__.rpartition(".")[2], number=number, seed=seed, folder=folder.absolute(), shared=shared
    )
    try:
        attack.attack(case)
        return "ok", case.what, "", case.counts
    except Fault as fault:
        return fault.verdict, case.what, str(fault), case.counts
    except Exception as error:  # an hour must not be lost to a fault of its own
        return "wrong", case.what, f"the campaign itself failed: {type(error).__name__}: {error}", case.counts
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path, cache: Path, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process: temporary files in a folder, programs in a cache, compiled quickly."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TMPDIR": str(folder / "tmp"),
        "SPIKEHEBB_CACHE": str(cache),
        "SPIKEHEBB_CXXFLAGS": "-O1",
        **(changes or {}),
    }


def process(
    words: Sequence[str | Path],
    folder: Path,
    environ: Mapping[str, str],
    *,
    limit: float = 300,
    during: Callable[[subprocess.Popen[bytes]], None] = lambda running: None,
    before: Callable[[], None] | None = None,
) -> Done:
    """Run a process in a folder within a time limit, and measure its memory.

    ``during`` is called once it has started, and may do to it what it likes; ``before`` in the child.
    """
    out, err = (folder / f"{name}-{time.monotonic_ns()}" for name in ("stdout", "stderr"))
    start, most = time.monotonic(), 0
    with out.open("wb") as stdout, err.open("wb") as stderr:
        running = subprocess.Popen(
            list(map(str, words)),
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=before,
        )
    try:
        during(running)
        while True:
            most = max(most, peak(running.pid))
            pid, status = os.waitpid(running.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > start + limit:
                raise Fault("hang", f"no end after {limit:g} s")
            time.sleep(0.01)
    except BaseException:
        kill(running)
        raise
    running.returncode = os.waitstatus_to_exitcode(status)
    texts = [path.read_text(errors="replace") for path in (out, err)]
    out.unlink()
    err.unlink()
    if most > GIB + _START:
        raise Fault("memory", f"{most >> 20} MiB")
    return Done(code=running.returncode, out=texts[0], err=texts[1], seconds=time.monotonic() - start)


def peak(pid: int | str) -> int:
    """Return the most bytes in memory that a process has had (``ru_maxrss`` counts what its parent had)."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):  # it has ended
        return 0


def alive(running: subprocess.Popen[bytes]) -> bool:
    """Return whether a process runs; its end is left for ``process`` to note."""
    return os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def kill(running: subprocess.Popen[bytes], *, group: bool = True) -> None:
    """Kill a process, and with ``group`` what it has started."""
    if group:
        os.killpg(running.pid, signal.SIGKILL)
    else:
        os.kill(running.pid, signal.SIGKILL)


def command(words: Sequence[str | Path], *, before: str = "") -> list[str | Path]:
    """Return the words of a process that runs the command line, after some Python."""
    return [sys.executable, "-c", f"{before}\n{APP}", *words]


def check_end(done: Done, *codes: int) -> Done:
    """Raise ``Fault`` unless a command ended with one of some exit codes and a sentence for each but 0."""
    if "Traceback (most recent call last)" in done.err or done.code not in codes:
        raise Fault("traceback", f"exit code {done.code}, and not {' or '.join(map(str, codes))}: {done.err[-1500:]}")
    if done.code == 2:
        check_sentence("\n".join(line for line in done.err.splitlines() if line.startswith("spikehebb: ")))
    return done


def check_sentence(text: str) -> None:
    """Raise ``Fault`` unless a message is one: not empty, not endless, without control characters."""
    if not text.removeprefix("spikehebb:").strip(" .:"):
        raise Fault("traceback", "an error without a sentence")
    if len(text) > _LONGEST:
        raise Fault("wrong", f"a message of {len(text)} characters: {text[:300]}")
    if odd := [character for character in text if not (character.isprintable() or character == "\n")]:
        raise Fault("wrong", f"a message with the control character {odd[0]!r}: {text[:300]!r}")


def check_no_code(canary: Path) -> None:
    """Raise ``Fault`` if hostile code was run, which makes a file."""
    if canary.exists():
        canary.unlink()
        raise Fault("code", "code in a stranger's file was run")
