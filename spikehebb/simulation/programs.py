"""Compiled programs: built once into the user's cache, then run any number of times with new values.

A program is a folder with a binary and a manifest. Nothing of Brian2 is needed to run one again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb import devices
from spikehebb.reading import check, read_json, regular
from spikehebb.simulation import headers

Files = Mapping[str, tuple[str, str]]
Progress = Callable[[float], None]

_HOME, _MANIFEST, _BINARY, _LOCK = "programs", "manifest.json", "main", ".lock"
_LIMIT, _DEFAULT_LIMIT = "SPIKEHEBB_CACHE_LIMIT", 1000  # MB
_CONTENT = {"key": str, "sha256": str, "checksum": str, "files": {str: [str]}}  # of a manifest
_ROOMY = 500_000_000  # bytes that programs may take, where there is room for compiled headers beside them
_RECENT = 60  # seconds after its last use in which no program is deleted: somebody may be about to run it


@dataclass(frozen=True, kw_only=True)
class Program:
    """A compiled simulation: its folder, and the file that each variable is written to."""

    folder: Path
    files: Files


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of one run of a program, until its temporary folder is deleted, and its end in seconds."""

    folder: Path
    files: Files
    end: float

    def __getitem__(self, variable: str) -> NDArray[Any]:
        name, dtype = self.files[variable]
        try:
            return np.fromfile(self.folder / name, dtype=np.dtype(dtype))
        except OSError as error:
            raise disk_full(f"the run left no file of {variable} ({error.strerror})") from error


def home() -> Path:
    """Return the folder of the programs, where nobody else can write."""
    return devices.own_cache(_HOME)


def obtain(key: str, write: Callable[[Path], Files], *, compiler: str = "the C++ compiler") -> Program:
    """Return the program with this key, building it first where the cache lacks it or holds a damaged one.

    Parameters
    ----------
    key : str
        A digest of everything that the program depends on.
    write : callable
        Writes the source into a folder, with a makefile ``all.mk``, and returns in which file each variable comes back.
    compiler : str
        What an error calls it.

    Raises
    ------
    RuntimeError
        If the compiler fails.
    OSError
        If the cache cannot be written to, or others can write to it.
    """
    folder = home() / key[:32]
    program = _whole(folder, key)
    if program is None:
        with _alone(folder):
            program = _whole(folder, key) or _built(folder, key, write, compiler)
    _touch(folder)
    return program


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait while another process builds the same program: it will be whole then.

    Where nothing can be locked, or a lock is deleted a moment too early, both build it, and the first one's is kept.
    """
    path = folder.with_name(f".{folder.name}{_LOCK}")
    with ExitStack() as opened:
        with suppress(OSError):
            lock = opened.enter_context(open(path, "w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                for left_over in folder.parent.glob(f".*{_LOCK}"):  # of processes that were killed
                    with open(left_over, "r+") as other:
                        if devices.unused(other):
                            left_over.unlink(missing_ok=True)


def _built(folder: Path, key: str, write: Callable[[Path], Files], compiler: str) -> Program:
    """Return a program that was built into its folder, or the one that another process was faster with."""
    room = limit()
    with devices.scratch(".building-", folder.parent) as building:
        work = building / "program"
        work.mkdir()
        try:
            files = write(work)
        except OSError as error:
            raise OSError(
                f"cannot write a program to the cache {folder.parent} ({error}); is its disk full? Free some of "
                "it, or set SPIKEHEBB_CACHE to a folder with more room."
            ) from error
        headers.take(work, sum(1 for _ in folder.parent.glob(f"*/{_MANIFEST}")) if room > _ROOMY else 0)
        try:
            _make(work, compiler)
        except RuntimeError:
            if not headers.leave(work, damaged=True):
                raise
            _make(work, compiler)
        headers.leave(work)
        content = {"key": key, "sha256": _sha256(work / _BINARY), "files": files}
        content["checksum"] = _checksum(content)
        (work / _MANIFEST).write_text(json.dumps(content, indent=1))
        try:
            work.rename(folder)  # whole or not at all
        except OSError:
            if _whole(folder, key) is None:  # no other process was faster: what is there is damaged
                folder.rename(building / "damaged")
                work.rename(folder)
    program = Program(folder=folder, files=files)
    _make_room(folder.parent, room)
    return program


def _whole(folder: Path, key: str) -> Program | None:
    """Return the program in a folder, or None if there is none that is whole."""
    try:
        manifest = check(read_json(folder / _MANIFEST), _CONTENT, "the manifest")
        files = {name: (file, np.dtype(dtype).str) for name, (file, dtype) in manifest["files"].items()}
        info = regular(folder / _BINARY).stat()
        if manifest["checksum"] != _checksum(manifest):
            return None
        expected = [key, _checked_once(folder / _BINARY, info.st_mtime_ns, info.st_size, info.st_ino), os.getuid()]
        whole = [manifest["key"], manifest["sha256"], info.st_uid] == expected
    except (OSError, ValueError, TypeError):
        return None
    return Program(folder=folder, files=files) if whole else None


def _checksum(manifest: Mapping[str, Any]) -> str:
    """Return the checksum of all that a manifest says."""
    said = {name: value for name, value in manifest.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@cache
def _checked_once(binary: Path, *_version: int) -> str:
    return _sha256(binary)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(folder: Path, compiler: str) -> None:
    command = ["make", "-f", "all.mk", f"-j{os.cpu_count() or 1}"]
    done = subprocess.run(
        command, cwd=folder, env=devices.build_environment(), capture_output=True, errors="replace", check=False
    )
    if done.returncode:
        raise RuntimeError(f"{compiler} failed: {done.stderr.strip()[-2000:]}")
    for left_over in folder.rglob("*.o"):
        left_over.unlink()


@contextmanager
def run(
    program: Program,
    *,
    duration: float,
    seed: int,
    values: Mapping[str, NDArray[Any]],
    progress: Progress | None = None,
) -> Iterator[Results]:
    """Run a program and give access to its results; whatever happens, no process and no file is left behind.

    Parameters
    ----------
    program : Program
    duration : float
        In seconds of simulated time.
    seed : int
    values : mapping of str to array
        What variables start from, in base units.
    progress : callable, optional
        Called with the completed fraction while the program runs.
    """
    with devices.scratch() as folder:
        arguments = _inputs(program, values, folder)
        command = [f"./{_BINARY}", "--results_dir", f"{folder}/", repr(duration), str(seed), *arguments]
        environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} | os.environ  # GPUs in the order of nvidia-smi
        # Brian2's program reports a wrong input only on standard error, and goes on.
        with (
            _in_use(program),
            open(folder / "errors", "w+", errors="replace") as errors,
            subprocess.Popen(
                command,
                cwd=program.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                errors="replace",
                start_new_session=True,  # Ctrl-C reaches Python alone, which then ends the program
            ) as process,
        ):
            try:
                end = _follow(process, progress)
                code = process.wait()
            except BaseException:
                process.kill()
                raise
            errors.seek(0)
            message = errors.read().strip()
        if code or message:
            raise RuntimeError(f"the compiled program failed ({_reason(code)}): {message or 'no message'}")
        yield Results(folder=folder, files=program.files, end=end)


def _inputs(program: Program, values: Mapping[str, NDArray[Any]], folder: Path) -> list[str]:
    """Write what variables start from into files; return the program's arguments for them."""
    arguments = []
    for number, (name, value) in enumerate(values.items()):
        file = folder / f"in{number}"
        # neurons on a GPU may be of single precision
        kind = program.files[name][1] if name in program.files else value.dtype
        try:
            file.write_bytes(np.ascontiguousarray(value, dtype=kind))
        except OSError as error:
            raise disk_full(f"cannot write to {file} ({error.strerror})") from error
        arguments.append(f"{name}={file}")
    return arguments


def disk_full(what: str | None) -> OSError:
    """Return the error that the disk of temporary files is full."""
    return OSError(
        f"{what}; is the disk of {tempfile.gettempdir()} full? Free some of it, or set TMPDIR to a folder with more "
        "room."
    )


def _follow(process: subprocess.Popen[str], progress: Progress | None) -> float:
    """Read what a running program prints: how far it is, when it ended, or that it could not write."""
    end = 0.0
    for line in process.stdout or ():
        match line.split():
            case ["progress", fraction]:
                if progress:
                    progress(float(fraction))
            case ["end", time]:
                end = float(time)
            case ["Error", "writing", *_]:
                raise disk_full(line.strip().removesuffix("."))
    return end


def _reason(code: int) -> str:
    return f"ended by signal {-code}; out of memory?" if code < 0 else f"exit code {code}"


@contextmanager
def _in_use(program: Program) -> Iterator[None]:
    """Keep a program from being deleted while it runs, and remember when it was last used."""
    with open(program.folder / _MANIFEST) as manifest:
        with suppress(OSError):  # a disk without locks: programs there are never deleted
            fcntl.flock(manifest, fcntl.LOCK_SH)
        _touch(program.folder)
        try:
            yield
        finally:
            _touch(program.folder)


def _touch(folder: Path) -> None:
    with suppress(OSError):
        os.utime(folder / _MANIFEST)


def limit() -> int:
    """Return how many bytes all programs may take: those of ``SPIKEHEBB_CACHE_LIMIT``, in MB.

    Raises
    ------
    ValueError
        If that is no number of at least 0.
    """
    given = os.environ.get(_LIMIT) or str(_DEFAULT_LIMIT)
    if not given.isdecimal():
        raise ValueError(f"{_LIMIT} must be a whole number of MB of at least 0, got {given!r}.")
    return int(given) * 1_000_000


def _make_room(parent: Path, room: int) -> None:
    """Delete the programs that have not been used for longest until the others take no more than the limit."""
    sizes = {folder: _bytes(folder) for folder in parent.iterdir() if not folder.name.startswith(".")}
    excess, now = sum(sizes.values()) - room, time.time()
    for used, folder in sorted((_last_used(folder), folder) for folder in sizes):
        if excess <= 0 or now - used < _RECENT:
            return
        if _idle(folder):
            shutil.rmtree(folder, ignore_errors=True)
            excess -= sizes[folder]


def _idle(folder: Path) -> bool:
    """Return whether nobody runs the program in a folder; nobody can where it has no manifest."""
    try:
        with open(folder / _MANIFEST) as manifest:
            return devices.unused(manifest)
    except OSError:
        return True


def _last_used(folder: Path) -> float:
    with suppress(OSError):
        return (folder / _MANIFEST).stat().st_mtime
    return 0.0


def _bytes(folder: Path) -> int:
    """Return how much room a folder takes; files may come and go meanwhile."""
    size = 0
    for file in folder.rglob("*"):
        with suppress(OSError):
            size += file.stat().st_size if file.is_file() else 0
    return size


def clear() -> int:
    """Delete every compiled program; return how many bytes that frees."""
    size = cached_bytes()
    for name in (_HOME, headers.HOME):
        shutil.rmtree(devices.cache_folder() / name, ignore_errors=True)
    return size


def cached_bytes() -> int:
    """Return how much room the compiled programs take, and the headers compiled for them."""
    return sum(_bytes(devices.cache_folder() / name) for name in (_HOME, headers.HOME))
