"""Arrays in NumPy's format that may come from anywhere: compared with what there is before memory is taken."""

from __future__ import annotations

import ast
import math
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.reading import check, printable

_MOST_HEADER = 10_000  # characters
_LARGEST = 1e18  # larger numbers are no weights, and their squares would not fit single precision


def npy_layout(file: IO[bytes], owner: str) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """Read the header of an array in NumPy's format.

    Returns
    -------
    (dtype, shape, fortran_order, size)
        The last is how many bytes the header has.

    Raises
    ------
    ValueError
        If it is damaged, or of anything but plain numbers.
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
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise ValueError(f"{owner} has the wrong type, {dtype}.")
    if any(side < 0 for side in header["shape"]):
        raise ValueError(f"{owner} has the shape {header['shape']}.")
    return dtype, tuple(header["shape"]), header["fortran_order"], 8 + width + length


def read_npy(file: IO[bytes], size: int, owner: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
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

    Raises
    ------
    ValueError
    """
    dtype, got, fortran, header = npy_layout(file, owner)
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
    array = np.frombuffer(content, dtype).reshape(got, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def unbelievable(array: NDArray[Any]) -> str:
    """Return why numbers from a file cannot be what anything learned, or nothing."""
    if array.dtype.kind != "f" or not array.size:
        return ""
    if not np.isfinite(array).all():
        return "holds numbers that are not finite"
    largest = max(float(array.max()), -float(array.min()))
    return f"holds {largest:.3g}, which nothing learns" if largest > _LARGEST else ""
