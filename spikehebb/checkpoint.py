"""Files: a trained network as one npz file without pickle, and writing that is whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Frozen

FORMAT = 1
LARGEST = 8 << 30  # bytes, unpacked: more is no checkpoint of this toolkit
_MEMBER_LIMIT = 200  # files in the archive

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]  # of every array its kind, f or i, and its shape


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
    write = np.savez_compressed if compress else np.savez
    write_whole(path, lambda file: write(file, **arrays))  # type: ignore[arg-type]


def load(path: Path, shapes: Callable[[Mapping[str, Any]], Shapes]) -> Checkpoint:
    """Read a checkpoint, also from an untrusted source: nothing in it is ever executed.

    Parameters
    ----------
    path : path
        The file, or a folder that holds ``checkpoint.npz``.
    shapes : callable
        Takes the header, returns for every array its kind (``f`` or ``i``) and shape; raises ``ValueError`` or
        ``KeyError`` if the header is not what it should be.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    with _archive(path) as (archive, names, path):
        header = _header(path, _read(archive, "header", path))
        expected = _described(path, header, shapes)
        if names - {"header"} != set(expected):
            raise ValueError(f"checkpoint {path} holds {sorted(names - {'header'})}, but needs {sorted(expected)}.")
        arrays = {}
        for name, (kind, shape) in expected.items():
            array = _read(archive, name, path, shape)
            if array.dtype.kind != kind or array.dtype.itemsize > 8:
                raise ValueError(f"checkpoint {path}: {name} has the wrong type, {array.dtype}.")
            if kind == "f" and not np.all(np.isfinite(array)):
                raise ValueError(f"checkpoint {path}: {name} holds numbers that are not finite.")
            arrays[name] = array
    return Checkpoint(header=Frozen(header), arrays=Frozen(arrays))


def load_header(path: Path) -> Mapping[str, Any]:
    """Read what made a checkpoint, and nothing else of it.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    with _archive(path) as (archive, _, path):
        return Frozen(_header(path, _read(archive, "header", path)))


@contextmanager
def _archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, set[str], Path]]:
    """Open a checkpoint: its archive, the names in it and the file; what is damaged raises ``ValueError``."""
    path = Path(path)
    if path.is_dir():
        path = path / "checkpoint.npz"
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MEMBER_LIMIT or sum(member.file_size for member in members) > LARGEST:
                raise ValueError(f"checkpoint {path} would unpack to more than {LARGEST >> 30} GiB; refused.")
            names = {member.filename.removesuffix(".npy") for member in members}
            if "header" not in names:
                raise ValueError(f"{path} is no checkpoint of this toolkit: it has no header.")
            yield archive, names, path
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"checkpoint {path} is damaged or truncated: {error}.") from error


def _read(archive: zipfile.ZipFile, name: str, path: Path, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Return one array; its shape is checked before any memory is taken for it."""
    with archive.open(f"{name}.npy") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in read:
                raise ValueError("of an unknown version")
            got, _, dtype = read[version](file)
        except ValueError as error:
            raise ValueError(f"checkpoint {path}: {name} is no array ({error}).") from error
        if dtype.hasobject:
            raise ValueError(f"checkpoint {path}: {name} holds pickled objects, which could run code; refused.")
        if shape is not None and got != shape:
            raise ValueError(f"checkpoint {path}: {name} has shape {got}, but {shape} is needed.")
    with archive.open(f"{name}.npy") as file:
        try:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        except ValueError as error:
            raise ValueError(f"checkpoint {path} is damaged or truncated: {name}: {error}.") from error


def _header(path: Path, raw: NDArray[Any]) -> dict[str, Any]:
    try:
        header = json.loads(raw.tobytes().decode())
        version = int(header.pop("format"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"checkpoint {path}: its header cannot be read ({type(error).__name__}).") from error
    if version > FORMAT:
        raise ValueError(
            f"checkpoint {path} has format {version}, and this version reads up to {FORMAT}; upgrade spikehebb."
        )
    return dict(header)


def _described(path: Path, header: Mapping[str, Any], shapes: Callable[..., Any]) -> Any:
    try:
        return shapes(header)
    except KeyError as error:
        raise ValueError(f"checkpoint {path}: its header lacks {error}.") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"checkpoint {path}: {error}") from error


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
            raise OSError(f"cannot write {path}: {error.strerror or error}. Nothing there was changed.") from error
        raise


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all; NaN and infinity are refused."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
