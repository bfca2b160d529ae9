"""Files: a trained network as one npz file without pickle, and writing that is whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Frozen
from spikehebb.npy import check_room, open_npz, read_member, unbelievable
from spikehebb.reading import MOST_TEXT, check, checked, from_json, printable, room

FORMAT = 1

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]  # of every array its kind, as ``load`` takes it, and its shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A trained network.

    Parameters
    ----------
    header : mapping
        What made it, in JSON types: ``kind``, ``config``, ``versions``, ``data``, ...
    arrays : mapping of str to array
        What it learned.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def save(checkpoint: Checkpoint, path: Path, *, compress: bool = True) -> None:
    """Write a checkpoint; a file that is already there is replaced only by a whole new one."""
    header = json.dumps({"format": FORMAT, **checkpoint.header}, allow_nan=False)
    arrays = {"header": np.frombuffer(header.encode(), np.uint8), **checkpoint.arrays}

    def write(file: IO[bytes]) -> None:
        if compress:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
            if 8 * sum(np.size(array) for array in arrays.values()) <= room(file.tell()):
                return
            file.seek(0)  # it packs so well that ``load`` would take it for a bomb
            file.truncate()
        np.savez(file, **arrays)  # type: ignore[arg-type]

    write_whole(path, write)


def load(path: Path, shapes: Callable[[Mapping[str, Any]], Shapes]) -> Checkpoint:
    """Read a checkpoint, also from an untrusted source: nothing in it is ever executed.

    Parameters
    ----------
    path : path
        The file, or a folder that holds ``checkpoint.npz``.
    shapes : callable
        Takes the header, returns for every array its kind (``f`` or ``i``, with ``+`` where no number may be negative)
        and shape; raises ``ValueError`` or ``KeyError`` if the header is not what it should be.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    with _archive(path) as (archive, members, path):
        header = _header(archive, members, path)
        with checked(f"checkpoint {path}: its header"):
            try:
                expected = shapes(header)
            except ValueError as error:
                raise ValueError(f"checkpoint {path}: {printable(error, 600)}") from error
            numbers = sum(math.prod(shape) for _, shape in expected.values())
        found = sorted(members.keys() - {"header"})
        if found != sorted(expected):
            raise ValueError(f"checkpoint {path} holds {printable(found)}, but needs {sorted(expected)}.")
        check_room(path, "checkpoint", 8 * numbers)
        arrays = {}
        for name, (kind, shape) in expected.items():
            array = read_member(archive, members[name], f"checkpoint {path}: {name}", shape)
            if array.dtype.kind != kind[0]:
                raise ValueError(f"checkpoint {path}: {name} has the wrong type, {array.dtype}.")
            if problem := unbelievable(array):
                raise ValueError(f"checkpoint {path}: {name} {problem}.")
            if kind.endswith("+") and array.size and array.min() < 0:
                raise ValueError(f"checkpoint {path}: {name} must not be negative, but holds {array.min():g}.")
            arrays[name] = array
    return Checkpoint(header=Frozen(header), arrays=Frozen(arrays))


def load_header(path: Path) -> Mapping[str, Any]:
    """Read what made a checkpoint, and nothing else of it.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    with _archive(path) as (archive, members, path):
        return Frozen(_header(archive, members, path))


@contextmanager
def _archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo], Path]]:
    """Open a checkpoint: its archive, the members by the names of their arrays, and the file."""
    path = Path(path)
    path = path / "checkpoint.npz" if path.is_dir() else path
    with open_npz(path, "checkpoint") as (archive, members):
        if "header" not in members:
            raise ValueError(f"{path} is no checkpoint of this toolkit: it has no header.")
        yield archive, members, path


def _header(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], path: Path) -> dict[str, Any]:
    owner = f"checkpoint {path}: its header"
    if members["header"].file_size > MOST_TEXT:
        raise ValueError(f"{owner} cannot be read: it has {members['header'].file_size >> 20} MiB.")
    raw = read_member(archive, members["header"], f"checkpoint {path}: header")
    header = from_json(raw.tobytes(), owner)
    check(header, {"format": int}, owner)
    version = header.pop("format")
    if version > FORMAT:
        raise ValueError(
            f"checkpoint {path} has format {version}, and this version reads up to {FORMAT}; upgrade spikehebb."
        )
    return dict(header)


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is whole or unchanged: into a neighbour first, which then takes its place.

    Raises
    ------
    OSError
        If it cannot be written (a full disk); what was there before is still there.
    """
    path = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            temporary = Path(file.name)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or f"is the disk full? {error}"  # NumPy counts its numbers instead
            raise OSError(f"cannot write {path}: {reason}. Nothing there was changed.") from error
        raise


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all; NaN and infinity are refused."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a table with a line of names, whole or not at all; what is missing is empty, lists have blanks.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(Path(folder) / "table.csv", [{"lag_ms": 5.0, "error": None}, {"lag_ms": [5, 10], "error": 0.1}])
    ...     (Path(folder) / "table.csv").read_text().split()
    ['lag_ms,error', '5.0,', '5', '10,0.1']
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: " ".join(map(str, v)) if isinstance(v, (list, tuple)) else v for k, v in row.items()})
    write_whole(path, lambda file: file.write(text.getvalue().encode()))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
