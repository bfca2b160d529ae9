"""Arrays in NumPy's format that may come from anywhere: compared with what there is before memory is taken."""

from __future__ import annotations

import ast
import errno
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.reading import check, printable, regular, room

LARGEST = 8 << 30  # bytes, unpacked, that the arrays of a file may take
_MEMBER_LIMIT = 200  # arrays in a file
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes
_MOST_HEADER = 10_000  # characters
_LARGEST = 1e18  # larger numbers are no weights, and their squares would not fit single precision


def npy_layout(file: IO[bytes], owner: str, *, texts: bool = False) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """Read the header of an array of numbers in NumPy's format, or of texts where these may be there.

    Returns
    -------
    (dtype, shape, fortran_order, size)
        The last is how many bytes the header has.

    Raises
    ------
    ValueError
        If it is damaged, or of anything else.
    """
    head = file.read(8)
    width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(head)
    if width is None:
        raise ValueError(f"{owner} is no array.")
    length = int.from_bytes(file.read(width), "little")
    if length > _MOST_HEADER:
        raise ValueError(f"{owner} is no array: its header has {length:,} characters.")
    try:
        header = ast.literal_eval(file.read(length).decode("latin1").strip())
        check(header, {"descr": str, "fortran_order": bool, "shape": [int]}, "its header")
        dtype = np.dtype(header["descr"])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{owner} is no array of numbers ({type(error).__name__}: {printable(error)}).") from error
    if dtype.hasobject:
        raise ValueError(f"{owner} holds pickled objects, which could run code; refused.")
    if not (texts and dtype.kind == "U" and dtype.itemsize) and (dtype.kind not in "fiub" or dtype.itemsize > 8):
        raise ValueError(f"{owner} has the wrong type, {dtype}.")
    if any(side < 0 for side in header["shape"]):
        raise ValueError(f"{owner} has the shape {header['shape']}.")
    return dtype, tuple(header["shape"]), header["fortran_order"], 8 + width + length


def read_npy(
    file: IO[bytes], size: int, owner: str, shape: tuple[int, ...] | None = None, *, texts: bool = False
) -> NDArray[Any]:
    """Read an array in NumPy's format, after comparing what it promises with what there is.

    Parameters
    ----------
    file : file
    size : int
        Bytes that it has.
    owner : str
        What a message calls the array.
    shape : tuple of int, optional
        What it must have.
    texts : bool, optional
        Texts are taken, too.

    Raises
    ------
    ValueError
    """
    dtype, got, fortran, header = npy_layout(file, owner, texts=texts)
    if shape is not None and got != shape:
        raise ValueError(f"{owner} has shape {got}, but {shape} is needed.")
    needed = math.prod(got) * dtype.itemsize
    if size != header + needed:
        raise ValueError(f"{owner} promises numbers of the shape {got}, {needed:,} bytes, but holds {size - header:,}.")
    content = bytearray(needed)
    view, done = memoryview(content), 0
    while part := file.read(1 << 20):
        view[done : done + len(part)] = part
        done += len(part)
    native = dtype.newbyteorder("=")
    array = np.frombuffer(content, dtype).reshape(got, order="F" if fortran else "C").astype(native, copy=False)
    if dtype.kind == "U" and array.size and array.ravel().view(np.uint32).max() > sys.maxunicode:
        raise ValueError(f"{owner} holds letters that there are not.")
    return array


@contextmanager
def open_npz(path: Path, what: str) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open a file of arrays that may come from anywhere: its archive, and the members by the names of their arrays.

    Parameters
    ----------
    path : path
    what : str
        What a message calls the file.

    Raises
    ------
    FileNotFoundError, OSError
        If there is none, or it cannot be read.
    ValueError
        If it is damaged, holds anything but arrays, or would take far more memory than its size.
    """
    path = regular(path, what)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members: dict[str, zipfile.ZipInfo] = {}
            for member in archive.infolist()[: _MEMBER_LIMIT + 1]:
                name = member.filename.removesuffix(".npy")
                if name == member.filename or member.compress_type not in _PACKED or name in members:
                    why = "is there twice" if name in members else f"is no array of a {what}"
                    raise ValueError(f"{what} {path}: {printable(member.filename)} {why}; refused.")
                members[name] = member
            if len(members) > _MEMBER_LIMIT:
                raise ValueError(f"{what} {path} holds more than {_MEMBER_LIMIT} arrays; refused.")
            check_room(path, what, sum(member.file_size for member in members.values()))
            yield archive, members
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        raise ValueError(f"{what} {path} is damaged or truncated: {printable(error)}.") from error
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # a place in the file that is none
            raise ValueError(f"{what} {path} is damaged or truncated: {printable(error)}.") from error
        raise OSError(f"cannot read the {what} {path} ({error.strerror}).") from error


def check_room(path: Path, what: str, needed: int) -> None:
    """Raise ``ValueError`` if so many bytes are more than the content of a file of its size may take."""
    allowed = min(LARGEST, room(path.stat().st_size))
    if needed > allowed:
        raise ValueError(
            f"{what} {path} would take {needed >> 20} MiB of memory, and a file of its size may take "
            f"{allowed >> 20} MiB; refused."
        )


def read_member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    owner: str,
    shape: tuple[int, ...] | None = None,
    *,
    texts: bool = False,
) -> NDArray[Any]:
    """Read an array of an open file; see ``read_npy``."""
    with archive.open(member) as file:
        return read_npy(file, member.file_size, owner, shape, texts=texts)  # to its end, where its checksum is


def unbelievable(array: NDArray[Any]) -> str:
    """Return why numbers from a file cannot be what anything learned, or nothing."""
    if array.dtype.kind != "f" or not array.size:
        return ""
    if not np.isfinite(array).all():
        return "holds numbers that are not finite"
    largest = max(float(array.max()), -float(array.min()))
    return f"holds {largest:.3g}, which nothing learns" if largest > _LARGEST else ""
