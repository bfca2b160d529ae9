"""A process that reads file after file: a line of JSON names reader and file, another says what it gave.

A new process for each file would take most of a campaign to import Brian2.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import datasets, jobs
from spikehebb.cli import app, parse
from spikehebb.datasets import cifar, idx, measurements, spike_times
from spikehebb.export import read_nir
from spikehebb.simulation import programs
from tests.campaign.case import GIB, peak
from tests.campaign.commands import contents


def network(path: Path) -> Any:
    trained = jobs.read(path)
    plain = trained.plain()
    description = {key: value for key, value in plain.description.items() if key != "source"}  # how it came about
    return dict(trained.arrays), description, dict(plain.arrays)


def circuit(path: Path) -> Any:
    imported = read_nir(path)
    return repr(imported.circuit), {key: dict(vars(value)) for key, value in imported.circuit.projections.items()}


def images(data: str, path: Path) -> Any:
    loaded = datasets.load(data, "test", data_dir=path.parent if data != "folder" else path.parent.parent.parent)
    return loaded.pixels, loaded.labels


def measured(path: Path) -> Any:
    points = measurements.read(path)
    return points.x, points.change, points.error, points.variable


def program(path: Path) -> Any:
    """Obtain the program of a manifest, which is compiled again where it is damaged."""

    def again(folder: Path) -> Any:
        raise ValueError("built again.")

    os.environ["SPIKEHEBB_CACHE"] = str(path.parent.parent.parent)
    return programs.obtain((path.parent / "key").read_text(), again).files


def words(path: Path) -> Any:
    """The value of an option of the command line."""
    return parse.rule("stdp_pair", [path.read_bytes().decode(errors="surrogateescape")]).parameters


def command(path: Path) -> Any:
    """The command of a folder, which goes on with the state in it or finds its result."""
    out, err = io.StringIO(), io.StringIO()
    given = json.loads((path.parent / "words").read_text())
    (path.parent / "words").unlink()
    sys.argv = ["spikehebb", *given, "--out", str(path.parent)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app()
        except SystemExit as done:
            if done.code == 2:
                said = [line for line in err.getvalue().splitlines() if line.startswith("spikehebb: ")]
                raise ValueError(" ".join(said)) from None
            if done.code:
                raise
    return {name: value for name, value in contents(path.parent).items() if name != path.name or path.suffix == ".npz"}


READERS: dict[str, Callable[[Path], Any]] = {
    "network": network,
    "circuit": circuit,
    "folder": lambda path: images("folder", path),
    "fashion-mnist": lambda path: images("fashion-mnist", path),
    "stl10": lambda path: images("stl10", path),
    "idx": lambda path: idx.read_idx(path.read_bytes()),
    "cifar": lambda path: cifar.read_batch(path.read_bytes()),
    "times": lambda path: np.asarray(spike_times.read_times(path)),
    "measurements": measured,
    "program": program,
    "rule": lambda path: {key: str(text) for key, text in parse.rule(f"{path}:mine").texts().items()},
    "words": words,
    "command": command,
}


def digest(value: Any) -> str:
    """Return a digest of arrays and plain data."""
    state = hashlib.sha256()

    def add(value: Any) -> None:
        if hasattr(value, "tobytes"):
            array = np.asarray(value)
            state.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
        elif hasattr(value, "items"):
            for key, item in sorted(value.items()):
                state.update(repr(key).encode())
                add(item)
        elif isinstance(value, (list, tuple)):
            state.update(f"{len(value)}".encode())
            for item in value:
                add(item)
        else:
            state.update(repr(value).encode(errors="surrogateescape"))

    add(value)
    return state.hexdigest()


def answer(reader: str, path: Path) -> dict[str, Any]:
    """Return what a reader gives: the digest of a value, a refusal, or what it should not."""
    try:
        return {"value": digest(READERS[reader](path))}
    except MemoryError as error:
        return {"memory": str(error) or "MemoryError"}
    except RecursionError:
        return {"traceback": traceback.format_exc()[-600:]}
    except (ValueError, OSError, RuntimeError) as error:
        return {"refused": str(error)}
    except BaseException:
        return {"traceback": traceback.format_exc()[-600:]}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * GIB, used + 4 * GIB))  # a bomb is no danger to the machine
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = peak("self")
        request = json.loads(line)
        given = answer(request["reader"], Path(request["path"]))
        print(json.dumps(given | {"bytes": peak("self") - before}), file=answers, flush=True)


if __name__ == "__main__":
    main()
