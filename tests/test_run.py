"""One resumable run: what every job may rely on, shown with a job that only adds."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint, write_json
from spikehebb.core.progress import quiet
from spikehebb.jobs.run import (
    FINISHED,
    LOCK,
    STATE,
    Arrays,
    Counts,
    check_counts,
    check_new,
    held,
    report_of,
    run,
)
from spikehebb.signals import ended_by_signals


@dataclass(frozen=True, kw_only=True)
class Adding:
    """Adds 1, 2, ... up to ``last``; ``visited`` sees every step."""

    last: int = 5
    visited: list[int] = field(default_factory=list)
    at: Callable[[int], None] = lambda step: None
    kind: str = "adding"
    scratch: tuple[str, ...] = ("table.npy",)

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"kind": self.kind, "last": self.last, "source": f"seen in process {os.getpid()}"}

    def begin(self, folder: Path) -> tuple[int, Any]:
        return 0, np.zeros(2)

    def pack(self, state: tuple[int, Any]) -> tuple[Counts, Arrays]:
        return {"steps": state[0]}, {"total": state[1]}

    def shapes(self, counts: Counts) -> Any:
        return {"total": ("f", (2,))}

    def unpack(self, counts: Counts, arrays: Arrays) -> tuple[int, Any]:
        return counts["steps"], arrays["total"]

    def prepare(self, state: tuple[int, Any], folder: Path, tell: Any) -> tuple[int, Any]:
        return state

    def step(self, state: tuple[int, Any], folder: Path, tell: Any) -> tuple[int, Any] | None:
        steps, total = state
        if steps == self.last:
            return None
        self.at(steps + 1)
        self.visited.append(steps + 1)
        (folder / "table.npy").write_bytes(b"scratch")
        return steps + 1, total + np.array([steps + 1, 1 / (steps + 1)])

    def finish(self, state: tuple[int, Any], folder: Path, tell: Any) -> dict[str, Any]:
        self.at(0)
        return {**self.identity, "total": state[1].tolist()}

    def files(self, result: dict[str, Any]) -> Mapping[str, Any]:
        arrays = {"total": np.array(result["total"])}
        network = Checkpoint(header={**self.identity, "kind": "added"}, arrays=arrays)
        return {"checkpoint.npz": network, "run.json": result}

    def finished(self, folder: Path) -> dict[str, Any] | None:
        return report_of(folder / "run.json", self.identity, network=True)


def do(job: Adding, out: Path | None, **options: Any) -> dict[str, Any]:
    return run(job, out=out, overwrite=options.get("overwrite", False), tell=options.get("tell", quiet))


def stop_at(step: int, error: type[BaseException] = KeyboardInterrupt) -> Callable[[int], None]:
    def at(now: int) -> None:
        if now == step:
            raise error

    return at


WHOLE = [15.0, 1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5]


def test_a_run_leaves_its_result_and_nothing_else(tmp_path: Path) -> None:
    assert do(Adding(), tmp_path / "out")["total"] == WHOLE
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["checkpoint.npz", "run.json"]
    assert do(Adding(), None)["total"] == WHOLE


@pytest.mark.parametrize("step", [2, 5, 0])  # in the middle, in the last step, while the result is made
def test_an_interrupted_run_goes_on_with_the_same_bits(tmp_path: Path, step: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        do(Adding(at=stop_at(step)), tmp_path)
    again = Adding()
    assert do(again, tmp_path)["total"] == WHOLE
    assert again.visited == list(range(step, 6)) if step else again.visited == []
    assert not (tmp_path / STATE).exists()


def test_a_finished_run_is_read_and_says_so(tmp_path: Path) -> None:
    do(Adding(), tmp_path)
    (tmp_path / STATE).write_bytes(b"left behind by a kill after run.json was written")
    (tmp_path / "table.npy").write_bytes(b"likewise")
    stages, again = [], Adding()
    assert do(again, tmp_path, tell=lambda stage, fraction: stages.append(stage))["total"] == WHOLE
    assert (again.visited, stages) == ([], [FINISHED])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint.npz", "run.json"]
    anew = Adding()
    do(anew, tmp_path, overwrite=True)
    assert anew.visited == [1, 2, 3, 4, 5]


def test_a_report_never_stands_beside_the_network_of_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that replaces another is killed between its two files: the other is not finished any more."""
    do(Adding(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_json", lambda path, content: stop_at(0)(0))
        with pytest.raises(KeyboardInterrupt):
            do(Adding(last=2), tmp_path, overwrite=True)
    assert checkpoint.load(tmp_path / "checkpoint.npz", lambda header: {"total": ("f", (2,))}).arrays["total"][0] == 3
    with pytest.raises(FileExistsError, match="holds another run"):
        do(Adding(), tmp_path)
    assert do(Adding(last=2), tmp_path)["total"] == [3.0, 1.5]


def test_a_network_of_another_run_is_no_result(tmp_path: Path) -> None:
    """Somebody copied it over the one that the report is about."""
    do(Adding(), tmp_path / "out")
    do(Adding(last=2), tmp_path / "other")
    (tmp_path / "other" / "checkpoint.npz").replace(tmp_path / "out" / "checkpoint.npz")
    with pytest.raises(ValueError, match=r"checkpoint.npz is of another run than the report beside it, so it is damag"):
        do(Adding(), tmp_path / "out")
    assert do(Adding(), tmp_path / "out", overwrite=True)["total"] == WHOLE


def test_another_run_is_refused_or_replaced(tmp_path: Path) -> None:
    do(Adding(), tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    other = Adding(last=2)
    with pytest.raises(FileExistsError, match=r"holds another run; give another folder with --out, or replace it with"):
        do(other, tmp_path)
    assert (tmp_path / "run.json").read_bytes() == before
    assert other.visited == []
    assert do(other, tmp_path, overwrite=True)["total"] == [3.0, 1.5]
    with pytest.raises(KeyboardInterrupt):
        do(Adding(at=stop_at(3)), tmp_path, overwrite=True)
    with pytest.raises(FileExistsError):
        do(Adding(last=7), tmp_path)
    assert do(Adding(), tmp_path)["total"] == WHOLE  # the interrupted one goes on beside an older result


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", r"damaged or truncated"),
        (lambda content: content[: len(content) // 2], r"damaged or truncated"),
        (lambda content: b"no archive", r"damaged or truncated"),
    ],
)
def test_a_damaged_state_is_one_sentence_and_overwrite_replaces_it(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        do(Adding(at=stop_at(3)), tmp_path)
    (tmp_path / STATE).write_bytes(damage((tmp_path / STATE).read_bytes()))
    with pytest.raises(ValueError, match=message + r".*begin anew with --overwrite\.$") as caught:
        do(Adding(), tmp_path)
    assert "\n" not in str(caught.value)
    anew = Adding()
    assert do(anew, tmp_path, overwrite=True)["total"] == WHOLE
    assert anew.visited == [1, 2, 3, 4, 5]


def test_a_state_of_another_kind_or_version_is_another_run(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        do(Adding(at=stop_at(3)), tmp_path)
    with pytest.raises(FileExistsError, match="holds another run"):
        do(Adding(kind="multiplying"), tmp_path)
    state = checkpoint.load(tmp_path / STATE, Adding().shapes)
    checkpoint.save(Checkpoint(header={**state.header, "format": 2}, arrays=state.arrays), tmp_path / STATE)
    with pytest.raises(ValueError, match=r"has format 2, and this version reads up to 1; upgrade spikehebb"):
        do(Adding(), tmp_path)


def test_counts_that_cannot_be_are_one_sentence(tmp_path: Path) -> None:
    header = {**Adding().identity, "kind": "adding, unfinished"}
    checkpoint.save(Checkpoint(header=header, arrays={"total": np.zeros(3)}), tmp_path / STATE)
    with pytest.raises(ValueError, match=r"total has shape \(3,\), but \(2,\) is needed; begin anew with --overwrite"):
        do(Adding(), tmp_path)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as other, held(tmp_path):  # another thread is refused as another process is
        with pytest.raises(BlockingIOError, match=rf"is in use by another process \(process {os.getpid()} on "):
            other.submit(do, Adding(), tmp_path).result()
        with pytest.raises(BlockingIOError):
            other.submit(do, Adding(), tmp_path, overwrite=True).result()
    assert do(Adding(), tmp_path)["total"] == WHOLE
    (tmp_path / LOCK).write_text("process 1 on a machine that is gone")  # a kill leaves the file, not the lock
    do(Adding(), tmp_path)
    assert not (tmp_path / LOCK).exists()


def test_a_lock_that_is_removed_while_another_waits_is_not_shared(tmp_path: Path) -> None:
    """Between opening the file and locking it, its holder may have removed it: then the lock holds nothing."""
    opened = os.open(tmp_path / LOCK, os.O_RDWR | os.O_CREAT)
    original, calls = fcntl.flock, []

    def flock(file: int, how: int) -> None:
        original(file, how)
        calls.append(file)
        if len(calls) == 1:
            os.unlink(tmp_path / LOCK)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        with held(tmp_path):
            assert len(calls) == 2
            assert os.path.samestat(os.stat(tmp_path / LOCK), os.fstat(calls[1]))
    os.close(opened)


def test_what_an_earlier_end_left_behind_is_removed(tmp_path: Path) -> None:
    for name in (".checkpoint.npz-ab12_xyz", ".run.json-abcdefgh", ".receptive_fields.png-01234567"):
        (tmp_path / name).write_bytes(b"half")
    kept = [".checkpoint.npz-copy", "notes-abcdefgh", ".git-abcdefgh"]
    for name in kept:
        (tmp_path / name).write_text("of the user")
    do(Adding(), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*kept, "checkpoint.npz", "run.json"])


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    job = Adding()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=r"cannot write into the folder .*; give another one with --out\.$"):
            do(job, out)
    with pytest.raises(OSError, match=r"\(it is a file\)"):
        do(job, tmp_path / "file")
    assert job.visited == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OSError, match="Permission denied"):
        do(Adding(), tmp_path / "closed")


def test_check_new_sees_every_kind_of_result(tmp_path: Path) -> None:
    check_new(tmp_path, overwrite=False)
    for name in ("run.json", "summary.json", "study.json", "checkpoint.npz", STATE):
        (tmp_path / name).write_text("")
        with pytest.raises(FileExistsError):
            check_new(tmp_path, overwrite=False)
        check_new(tmp_path, overwrite=True)
        (tmp_path / name).unlink()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_a_run_at_its_last_state(tmp_path: Path, number: signal.Signals) -> None:
    def at(step: int) -> None:
        if step == 3:
            os.kill(os.getpid(), number)
            time.sleep(1)

    given = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, given)  # under nohup, SIGHUP is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            do(Adding(at=at), tmp_path)
        assert signal.getsignal(number) is given
    finally:
        signal.signal(number, before)
    again = Adding()
    assert do(again, tmp_path)["total"] == WHOLE
    assert again.visited == [3, 4, 5]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_error_that_a_signal_caused_is_that_signal(tmp_path: Path, number: signal.Signals) -> None:
    """A compiled module whose import is interrupted says that its initialization failed."""

    def at(step: int) -> None:
        if step == 3:
            try:
                os.kill(os.getpid(), number)
                time.sleep(1)
            except KeyboardInterrupt as interruption:
                raise ImportError("initialization failed") from interruption

    before = signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt, match=number.name):
            do(Adding(at=at), tmp_path)
    finally:
        signal.signal(number, before)
    assert do(Adding(), tmp_path)["total"] == WHOLE


def test_signals_that_the_user_handles_or_ignores_stay_as_they_are() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_in_a_thread_changes_no_signals(tmp_path: Path) -> None:
    results: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: results.append(do(Adding(), tmp_path)))
    thread.start()
    thread.join()
    assert results[0]["total"] == WHOLE


def test_a_killed_process_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from spikehebb.signals import ended_by_signals
from tests.test_run import Adding, do
def at(step):
    if step == 4:
        os.kill(os.getpid(), signal.SIGKILL)
do(Adding(at=at), Path({str(tmp_path)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False)
    assert done.returncode == -signal.SIGKILL
    again = Adding()
    assert do(again, tmp_path)["total"] == WHOLE
    assert again.visited == [4, 5]
    assert json.loads((tmp_path / "run.json").read_text())["last"] == 5


def test_a_lock_that_cannot_be_removed_hides_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder that has become read-only."""

    def read_only(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    def gone_wrong() -> None:
        with held(tmp_path):
            monkeypatch.setattr(Path, "unlink", read_only)
            raise ValueError("what went wrong")

    with pytest.raises(ValueError, match="what went wrong"):
        gone_wrong()
    with held(tmp_path):  # it was released all the same
        pass


def test_what_was_left_in_the_folders_of_replicas_goes_unless_somebody_works_there(tmp_path: Path) -> None:
    for name in ("seed-0", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".run.json-0a1b2c3d").write_text("half")
        (tmp_path / name / ".kept").write_text("the user's own")
    (tmp_path / "other" / LOCK).touch()
    with held(tmp_path):
        left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(".*") if path.name != LOCK)
    assert left == ["other/.kept", "other/.run.json-0a1b2c3d", "seed-0/.kept"]


NO_REPORTS = ["{}", "[]", "{", "[" * 3000, '{"a": Infinity}', '"\\ud800"', "", "1e999"]


@pytest.mark.parametrize("content", NO_REPORTS, ids=range(len(NO_REPORTS)))
def test_a_report_that_is_none_is_another_run(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    assert report_of(tmp_path / "run.json", Adding().identity) is None
    with pytest.raises(FileExistsError, match="holds another run"):
        do(Adding(), tmp_path)
    assert do(Adding(), tmp_path, overwrite=True)["total"] == WHOLE


def test_a_report_of_this_run_must_hold_what_it_should(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {**Adding().identity, "points": 3})
    assert report_of(tmp_path / "run.json", Adding().identity, {"points": int}) is not None
    with pytest.raises(ValueError, match=r"run.json, points must be a list, got 3, so it is damaged; begin"):
        report_of(tmp_path / "run.json", Adding().identity, {"points": [int]})


@pytest.mark.parametrize("name", ["partial.npz", "run.json"])
def test_a_pipe_in_the_folder_is_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises((ValueError, FileExistsError), match=r"it is a pipe; begin anew|holds another run"):
        do(Adding(), tmp_path)
    assert do(Adding(), tmp_path, overwrite=True)["total"] == WHOLE


@pytest.mark.parametrize("count", [True, -1, 4, 1.0, "1", None, [1]])
def test_a_state_counts_what_a_run_can_have(count: Any) -> None:
    check_counts({"steps": 3}, steps=3)
    with pytest.raises(ValueError, match="its header"):
        check_counts({"steps": count}, steps=3)
    with pytest.raises(ValueError, match="its header lacks 'steps'"):
        check_counts({}, steps=3)


def test_who_holds_a_folder_may_hold_it_again(tmp_path: Path) -> None:
    """A command holds its folder from its run to its last picture, and the run holds it, too."""
    with held(tmp_path):
        assert do(Adding(), tmp_path)["total"] == WHOLE
        assert (tmp_path / LOCK).exists()
    assert not (tmp_path / LOCK).exists()
    with held(tmp_path):
        assert (tmp_path / LOCK).exists()
