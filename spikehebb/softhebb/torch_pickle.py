"""What a PyTorch file asks for, read from its pickles without running anything: names, and sizes of its storages."""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from spikehebb.reading import printable

_MAGIC = b"PK\x03\x04"  # by which PyTorch itself tells its two formats apart
_FOLDER = 0x10  # of MS-DOS
_BYTES = {  # of a number in a storage
    **dict.fromkeys(("ByteStorage", "CharStorage", "BoolStorage", "UntypedStorage"), 1),
    **dict.fromkeys(("ShortStorage", "HalfStorage", "BFloat16Storage"), 2),
    **dict.fromkeys(("IntStorage", "FloatStorage"), 4),
    **dict.fromkeys(("LongStorage", "DoubleStorage", "ComplexFloatStorage"), 8),
    "ComplexDoubleStorage": 16,
}
# What tensors and plain numbers are made of; nothing here does more than make one.
_KNOWN = {
    *(f"torch {storage}" for storage in _BYTES),
    *("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor", "torch._utils _rebuild_parameter"),
    *("torch._utils _rebuild_sparse_tensor", "torch._utils _rebuild_meta_tensor_no_storage"),
    *("torch.serialization _get_layout", "torch Size", "collections OrderedDict", "_codecs encode"),
    *("numpy dtype", "numpy.core.multiarray scalar", "numpy._core.multiarray scalar"),
    *(f"torch {kind}" for kind in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "sparse_coo")),
}
_PUT = ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE")
_GET = ("BINGET", "LONG_BINGET", "GET")
_WHOLE = ("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1")
_UNUSUAL = ("INST", "OBJ", "EXT1", "EXT2", "EXT4", "PERSID", "NEWOBJ_EX", "BYTEARRAY8")


def check_torch(path: Path) -> None:
    """Raise ``ValueError`` if a file names anything but tensors and plain numbers, or promises more than it holds.

    Both formats are read: zip files, and those from before PyTorch 1.6.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) == _MAGIC:
            with zipfile.ZipFile(file) as archive:
                _check_zip(archive, size)
            return
        file.seek(0)
        for _ in range(5):  # a magic number, the protocol, the system, the content, the names of the storages
            for _, count, width in _storages(file):
                if count * width > size:
                    raise ValueError(f"it promises {count:,} numbers in {size:,} bytes")


def _check_zip(archive: zipfile.ZipFile, size: int) -> None:
    members = archive.infolist()
    held = {member.filename: member.file_size for member in members}
    if len(held) < len(members):
        raise ValueError("a part of it is there twice")
    if sum(held.values()) > size:
        raise ValueError("it is compressed, which PyTorch never does")
    if archive.testzip():  # PyTorch ignores the checksums
        raise ValueError("a checksum is wrong")
    if any(member.external_attr & _FOLDER for member in members):  # of which PyTorch would read nothing
        raise ValueError("a part of it is marked as a folder")
    pickles = [name for name in held if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError("it has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    for key, count, width in _storages(io.BytesIO(archive.read(pickles[0]))):
        if held.get(f"{folder}data/{key}", -1) != count * width:
            raise ValueError(f"storage {printable(key, 40)} has not the {count:,} numbers that it promises")


def _storages(file: Any) -> Iterator[tuple[str, int, int]]:
    """Read a pickle; return key, numbers and bytes of a number of every storage, after checking all that it names."""
    memo: dict[int, Any] = {}
    done: list[tuple[str, Any]] = []  # what was read last, without what only remembers it
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        name, value = opcode.name, cast(Any, argument)
        if name in _UNUSUAL:
            raise ValueError(f"its pickle has {name}, which PyTorch never writes")
        if name in _PUT:
            value = len(memo) if name == "MEMOIZE" else value
            if value in memo or value > count:
                raise ValueError("its pickle remembers what PyTorch would not")
            memo[value] = done[-1][1] if done else None
            continue
        if name == "STACK_GLOBAL":
            value = " ".join(str(word) for _, word in done[-2:])
        if name in ("GLOBAL", "STACK_GLOBAL") and value not in _KNOWN:
            raise ForeignNameError(value.replace(" ", "."))
        done = [*done[-7:], (name, memo.get(value) if name in _GET else value)]
        if name == "BINPERSID":
            yield _storage(done)


def _storage(done: list[tuple[str, Any]]) -> tuple[str, int, int]:
    """Return key, numbers and bytes of a number from what stands before a storage: MARK, a tuple of five or six."""
    if done[-2][0] != "TUPLE":
        raise ValueError("its pickle names a storage as PyTorch would not")
    parts = done[-8:-2] if done[-3][0] == "NONE" else done[-7:-2]
    if len(parts) < 5:
        raise ValueError("its pickle names a storage as PyTorch would not")
    word, kind, key, _, count = (value for _, value in parts[:5])
    known = re.fullmatch(r"torch (\w+)", kind) if isinstance(kind, str) else None
    if word != "storage" or known is None or known[1] not in _BYTES or not isinstance(key, str):
        raise ValueError("its pickle names a storage as PyTorch would not")
    if parts[4][0] not in _WHOLE or not isinstance(count, int) or count < 0:
        raise ValueError("its pickle gives a storage no size")
    return key, count, _BYTES[known[1]]


class ForeignNameError(ValueError):
    """A file names something that is neither a tensor nor a plain number."""
