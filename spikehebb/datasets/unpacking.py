"""Files of any origin, plain or compressed, unpacked within bounds."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from pathlib import Path

from spikehebb.reading import read_bytes, room

PACKED = (".gz", "", ".xz")
_MOST = 4 << 30  # bytes of any file
_DICTIONARY = 1 << 28  # bytes that unpacking xz may take


def unpacked(path: Path, what: str = "file") -> bytes:
    """Return what a plain, ``.gz`` or ``.xz`` file holds; a small file never takes a lot of memory.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    content = read_bytes(path, what, most=_MOST)
    most = room(len(content))
    content = unpack(content, path, most, what)
    if len(content) > most:
        raise ValueError(
            f"{what} {path} unpacks to more than {most >> 20} MiB, which is too much for a file of its size."
        )
    return content


def unpack(content: bytes, path: Path, most: int, owner: str) -> bytes:
    """Return what the content of a file unpacks to, by the file's suffix; never more than one byte above ``most``.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    kind = {".gz": "gzip", ".xz": "xz"}.get(path.suffix)
    try:
        if kind == "gzip":
            with gzip.open(io.BytesIO(content)) as packed:
                return packed.read(most + 1)
        if kind == "xz":
            return _unpack_xz(content, most + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{owner}: {path} is not a whole {kind} file ({error}). Fetch it again.") from error
    return content


def _unpack_xz(content: bytes, most: int) -> bytes:
    """Return at most so many unpacked bytes; a file may ask for a dictionary of gigabytes, which is refused."""
    parts: list[bytes] = []
    while content and most > 0:
        unpacking = lzma.LZMADecompressor(memlimit=_DICTIONARY)
        parts.append(unpacking.decompress(content, most))
        most -= len(parts[-1])
        if not unpacking.eof and most > 0:
            raise EOFError("it ends too early")
        content = unpacking.unused_data
    return b"".join(parts)
