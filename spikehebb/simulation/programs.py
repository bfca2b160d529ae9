"""Compiled programs: built once into the user's cache, then run as often as wanted with new values.

A program is a folder with a binary and a manifest. Nothing of Brian2 is needed to run one again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb import devices

Files = Mapping[str, tuple[str, str]]
Progress = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A compiled simulation: where it lies and in which file each variable comes back."""

    folder: Path
    files: Files


@dataclass(frozen=True, kw_only=True)
class Results:
    """What one run of a program left behind, until its temporary folder goes."""

    folder: Path
    files: Files

    def __getitem__(self, variable: str) -> NDArray[Any]:
        name, dtype = self.files[variable]
        return np.fromfile(self.folder / name, dtype=np.dtype(dtype))


def obtain(key: str, write: Callable[[Path], Files], *, compiler: str = "the C++ compiler") -> Program:
    """Return the program with this key, building it first where the cache lacks it.

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
        If the cache cannot be written to.
    """
    home = devices.cache_folder() / "programs"
    folder = home / key[:32]
    manifest = folder / "manifest.json"
    if not manifest.exists():
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"cannot write to the cache {home} ({error.strerror}); set SPIKEHEBB_CACHE.") from error
        with tempfile.TemporaryDirectory(prefix=".building-", dir=home) as building:
            work = Path(building) / "program"
            work.mkdir()
            files = write(work)
            _make(work, compiler)
            (work / "manifest.json").write_text(json.dumps({"key": key, "files": files}, indent=1))
            try:
                work.rename(folder)  # whole or not at all
            except OSError:
                if not manifest.exists():  # another process was faster, unless something else is wrong
                    raise
    files = {name: (file, dtype) for name, (file, dtype) in json.loads(manifest.read_text())["files"].items()}
    return Program(folder=folder, files=files)


def _make(folder: Path, compiler: str) -> None:
    command = ["make", "-f", "all.mk", f"-j{os.cpu_count() or 1}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
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
    with tempfile.TemporaryDirectory(prefix="spikehebb-") as folder:
        arguments = []
        for number, (name, value) in enumerate(values.items()):
            file = Path(folder) / f"in{number}"
            # neurons on a GPU may be of single precision
            kind = program.files[name][1] if name in program.files else value.dtype
            np.ascontiguousarray(value, dtype=kind).tofile(file)
            arguments.append(f"{name}={file}")
        command = ["./main", "--results_dir", f"{folder}/", repr(duration), str(seed), *arguments]
        environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} | os.environ  # GPUs in the order of nvidia-smi
        # Brian2's program reports a wrong input only on standard error, and goes on.
        with (
            open(Path(folder) / "errors", "w+") as errors,
            subprocess.Popen(
                command,
                cwd=program.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C reaches Python alone, which then ends the program
            ) as process,
        ):
            try:
                _follow(process, progress)
                code = process.wait()
            except BaseException:
                process.kill()
                raise
            errors.seek(0)
            message = errors.read().strip()
        if code or message:
            raise RuntimeError(f"the compiled program failed ({_reason(code)}): {message or 'no message'}")
        yield Results(folder=Path(folder), files=program.files)


def _follow(process: subprocess.Popen[str], progress: Progress | None) -> None:
    """Read what a running program prints: how far it is, or that it could not write."""
    for line in process.stdout or ():
        match line.split():
            case ["progress", fraction]:
                if progress:
                    progress(float(fraction))
            case ["Error", "writing", *_]:
                raise OSError(f"{line.strip()} Is the disk of {tempfile.gettempdir()} full?")


def _reason(code: int) -> str:
    return f"ended by signal {-code}; out of memory?" if code < 0 else f"exit code {code}"


def clear() -> int:
    """Delete every compiled program; return how many bytes that frees."""
    home = devices.cache_folder() / "programs"
    size = cached_bytes()
    shutil.rmtree(home, ignore_errors=True)
    return size


def cached_bytes() -> int:
    """Return how much room the compiled programs take."""
    home = devices.cache_folder() / "programs"
    return sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
