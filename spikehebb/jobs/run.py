"""One resumable run: a locked folder, a state that is saved after each step, a result that is whole or not there.

A job defines its ``identity``, how its state begins, what one step does to it, and which files its result is.
This module does the rest: the folder is made, checked and locked; the state of the same run is read and goes on; a
finished run is recognized; any other run is refused or replaced; files are written whole or not at all; temporary files
of an interrupted run are removed; a signal ends the run at the state that was saved last.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import platform
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from spikehebb import checkpoint, devices
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.core import Samples, digest
from spikehebb.core.progress import Progress
from spikehebb.devices.scratch import scratch
from spikehebb.reading import check, checked, read_json
from spikehebb.signals import ended_by_signals

FINISHED = "finished before"  # the stage that a finished run reports
STATE = "partial.npz"  # of a run that is not finished
LOCK = ".lock"
REPORTS = ("run.json", "summary.json", "study.json")
RESULTS = (*REPORTS, "checkpoint.npz")  # any of them is the result of a run
_ASIDE = "source"  # where a network came from, which decides nothing
_LEFT_OVER = re.compile(r"^\.[\w-]+\.(npz|npy|json|png|svg|pdf|csv)-[a-z0-9_]{8}$")  # of ``checkpoint.write_whole``

_HELD: set[tuple[Path, int]] = set()  # folders, each with the thread that holds it
Counts = Mapping[str, Any]  # what a state counts: whole numbers, and lists of them
Arrays = Mapping[str, NDArray[Any]]


class Job[S, R](Protocol):
    """What is to be done, step by step; a step is what an interruption can cost."""

    @property
    def kind(self) -> str:
        """What the run is called, as in ``digits``."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that decides the result, as plain data for JSON: settings, data, device, versions."""

    def begin(self, folder: Path) -> S:
        """Return the state before the first step."""

    def pack(self, state: S) -> tuple[Counts, Arrays]:
        """Return a state as counts and arrays."""

    def shapes(self, counts: Counts) -> Shapes:
        """Return the kinds and shapes of the arrays of a state with these counts."""

    def unpack(self, counts: Counts, arrays: Arrays) -> S:
        """Return the state that ``pack`` was given."""

    def prepare(self, state: S, folder: Path, tell: Progress) -> S:
        """Build what the steps need, and return the state to go on from: an earlier one where a file was lost."""

    def step(self, state: S, folder: Path, tell: Progress) -> S | None:
        """Return the state after the next step, or None where nothing is left to do."""

    def finish(self, state: S, folder: Path, tell: Progress) -> R:
        """Return the result of the last state."""

    def files(self, result: R) -> Mapping[str, Any]:
        """Return the files of a result by name: checkpoints, and JSON; the last one marks the run as finished."""

    def finished(self, folder: Path) -> R | None:
        """Return the result of a run of this identity that is finished, if the folder holds one."""

    @property
    def scratch(self) -> tuple[str, ...]:
        """The files besides the state that go when the run is finished."""


def run[S, R](job: Job[S, R], *, out: Path | str | None, overwrite: bool, tell: Progress) -> R:
    """Do a job, from where it stopped.

    Parameters
    ----------
    job : Job
    out : path, optional
        Its folder; without one nothing is kept.
    overwrite : bool
        Replace another run in the folder, or this one where it is finished.
    tell : callable
        Called with the name of the stage and its completed fraction.

    Raises
    ------
    FileExistsError
        If the folder holds another run.
    BlockingIOError
        If another process is at work in it.
    OSError
        If it cannot be written.
    ValueError
        If the state of a run in it is damaged.
    """
    with _folder(out) as folder, ended_by_signals():
        if out is not None and not overwrite and (result := job.finished(folder)) is not None:
            tell(FINISHED, 1)
            _clean(job, folder)
            return result
        state = None if out is None else _resumed(job, folder, overwrite)
        if state is None:
            state = job.begin(folder)
        state = job.prepare(state, folder, tell)
        while (after := job.step(state, folder, tell)) is not None:
            state = after
            if out is not None:
                _save(job, state, folder)
        result = job.finish(state, folder, tell)
        if out is not None:
            write(folder, job.files(result))
            _clean(job, folder)
        return result


def write(folder: Path, files: Mapping[str, Any]) -> None:
    """Write the files of a result, each whole or not at all, in their order.

    The reports of a run that they replace go first: whenever this is interrupted, none stands beside another's network.
    """
    for name in files:
        if (folder / name).name in REPORTS:
            _remove(folder / name)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, Checkpoint):
            checkpoint.save(content, path)
        else:
            checkpoint.write_json(path, content)


def check_counts(counts: Counts, **most: int) -> None:
    """Raise ``ValueError`` unless a state counts as many as the run can have, at most."""
    check(counts, dict.fromkeys(most, int), "its header")
    for name, limit in most.items():
        if not 0 <= counts[name] <= limit:
            raise ValueError(f"its header counts {counts[name]} {name}, which must lie between 0 and {limit}.")


def report_of(
    path: Path, identity: Mapping[str, Any], pattern: Any = object, *, network: bool = False
) -> dict[str, Any] | None:
    """Return the report of a finished run of this identity, or None if the file holds none.

    With ``network`` the header of the checkpoint beside it, if there is one, must have this identity, too.

    Raises
    ------
    ValueError
        If it is of this run, but not what the pattern says (see ``reading.check``), or the checkpoint is of another
        run.
    """
    try:
        report = read_json(path, "report")
    except (OSError, ValueError):
        return None
    if not isinstance(report, dict) or not _same(report, identity):
        return None
    try:
        beside = path.with_name("checkpoint.npz")
        if network and beside.exists() and not _same(checkpoint.load_header(beside), identity):
            raise ValueError(f"{beside} is of another run than the report beside it")
        return dict(check(report, pattern, f"the report {path}"))
    except ValueError as error:
        raise ValueError(f"{str(error).rstrip('.')}, so it is damaged; begin anew with --overwrite.") from error


def check_new(out: Path, overwrite: bool) -> None:
    """Raise ``FileExistsError`` if a folder holds a run that may not be replaced."""
    if not overwrite and any((out / name).exists() for name in (*RESULTS, STATE)):
        raise FileExistsError(
            f"{out} holds another run; give another folder with --out, or replace it with --overwrite."
        )


@contextmanager
def held(out: Path | str) -> Iterator[Path]:
    """Make a folder if need be, and lock it: only one process at a time works in it.

    Who holds it may hold it again: a command holds it from its run to its last picture.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    OSError
        If it is a file, or nothing can be written there.
    """
    out = Path(out)
    key = (out.absolute(), threading.get_ident())
    if key in _HELD:
        yield out
        return
    new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = _locked(out / LOCK)
    except BlockingIOError:
        raise
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror or error
        raise OSError(f"cannot write into the folder {out} ({reason}); give another one with --out.") from error
    try:
        _remove_left_overs(out)
        for folder in out.iterdir():  # of replicas, unless another process works there
            if folder.is_dir() and not (folder / LOCK).exists():
                _remove_left_overs(folder)
        _HELD.add(key)
        yield out
    finally:
        _HELD.discard(key)
        with suppress(OSError):  # a disk that is read-only by now: the lock ends with the process
            _remove(out / LOCK)
            if new and not any(out.iterdir()):  # nothing was done
                out.rmdir()
        os.close(file)


def _remove_left_overs(folder: Path) -> None:
    with suppress(OSError):  # what cannot be read or removed is in nobody's way
        for left_over in folder.iterdir():
            if _LEFT_OVER.match(left_over.name):
                _remove(left_over)


def _locked(path: Path) -> int:
    """Return an open lock file that this process holds, with its own number in it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(file, 100, 0).decode(errors="replace").strip()
            os.close(file)
            raise BlockingIOError(
                f"{path.parent} is in use by another process ({owner or 'which has just begun'}); wait for it, or give "
                "another folder with --out."
            ) from error
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):  # not one that was just removed
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} on {platform.node()}".encode(), 0)
            return file
        os.close(file)


def versions() -> dict[str, str]:
    """Return the versions that decide a result."""
    packages = ("spikehebb", "brian2", "numpy", "scipy", "scikit-learn")
    tools = {"python": platform.python_version(), "compiler": devices.compiler() or "none"}
    return tools | {name: importlib.metadata.version(name) for name in packages}


def describe(images: Samples) -> dict[str, Any]:
    """Return what identifies images: where they came from, and a digest of these very pixels and labels."""
    content = digest(images.content)
    return {"name": images.name, "count": len(images), "hashes": dict(images.hashes), "digest": content}


def provenance(device: str, seed: int, **data: Samples) -> dict[str, Any]:
    """Return the provenance of a run: seed, device, versions and data."""
    parts = {part: describe(images) for part, images in data.items()}
    return {"seed": seed, "device": device, "versions": versions(), "data": parts}


@contextmanager
def _folder(out: Path | str | None) -> Iterator[Path]:
    """Give the folder to work in: the one that was asked for, or one that is gone afterwards."""
    if out is not None:
        with held(out) as folder:
            yield folder
        return
    with scratch() as folder:
        yield folder


def _unfinished(job: Job[Any, Any]) -> str:
    return f"{job.kind}, unfinished"


def _save[S](job: Job[S, Any], state: S, folder: Path) -> None:
    counts, arrays = job.pack(state)
    header = {**job.identity, **counts, "kind": _unfinished(job)}
    checkpoint.save(Checkpoint(header=header, arrays=arrays), folder / STATE, compress=False)


def _resumed[S](job: Job[S, Any], folder: Path, overwrite: bool) -> S | None:
    """Return the state of this very run, or None to begin; any other run is refused or replaced."""
    path = folder / STATE
    if path.exists():
        try:
            header = checkpoint.load_header(path)
            if header.get("kind") == _unfinished(job) and _same(header, job.identity):
                arrays = checkpoint.load(path, job.shapes).arrays
                with checked(f"checkpoint {path}: its header"):
                    return job.unpack(header, arrays)
        except (ValueError, FileNotFoundError) as error:  # what is no ordinary file is none
            if not overwrite:
                raise ValueError(f"{str(error).rstrip('.')}; begin anew with --overwrite.") from error
    if overwrite or all(report_of(folder / name, job.identity) is None for name in REPORTS):
        check_new(folder, overwrite)
    return None


def _clean(job: Job[Any, Any], folder: Path) -> None:
    for name in (STATE, *job.scratch):
        _remove(folder / name)


def _same(header: Mapping[str, Any], identity: Mapping[str, Any]) -> bool:
    """Return whether a file is of a run with this identity."""
    plain = _decisive(json.loads(json.dumps(dict(identity))))
    return all(_decisive(header.get(name)) == value for name, value in plain.items() if name != "kind")


def _decisive(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _decisive(item) for name, item in value.items() if name != _ASIDE}
    return value


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
