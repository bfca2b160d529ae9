"""Features of many images on disk, piece by piece, each with a checksum."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spikehebb.core import Images

FILE = "features.npy"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Images whose features are written together, and the row of the first of them."""

    images: Images
    first: int


def pieces(train: Images, test: Images, size: int) -> list[Piece]:
    """Return training images, then test images, in pieces of at most so many."""
    cut = [images[at : at + size] for images in (train, test) for at in range(0, len(images), size)]
    first = np.cumsum([0, *map(len, cut)])
    return [Piece(images=images, first=int(at)) for images, at in zip(cut, first[:-1], strict=True)]


@dataclass(frozen=True, kw_only=True)
class Features:
    """A table of float32, shape (images, width), in a folder."""

    folder: Path
    images: int
    width: int

    def put(self, piece: Piece, features: Any) -> int:
        """Write the features of a piece and return their checksum; the first piece begins the table anew.

        Raises
        ------
        OSError
            If the disk is too small.
        """
        table = self._open("r+" if piece.first else "w+")
        rows = np.ascontiguousarray(features, np.float32)
        table[piece.first : piece.first + len(rows)] = rows
        table.flush()
        return zlib.crc32(rows.tobytes())

    def rows(self) -> Any:
        """Return all features, mapped from disk."""
        return self._open("r")

    def intact(self, parts: Sequence[Piece], sums: Sequence[int]) -> bool:
        """Return whether the table still holds the first pieces with these checksums."""
        try:
            table = self.rows()
        except (OSError, ValueError):
            return not sums
        if table.shape != (self.images, self.width) or table.dtype != np.float32 or len(sums) > len(parts):
            return not sums
        rows = (table[piece.first : piece.first + len(piece.images)] for piece in parts)
        return all(zlib.crc32(part.tobytes()) == value for part, value in zip(rows, sums, strict=False))

    def _open(self, mode: Literal["r", "r+", "w+"]) -> Any:
        shape = (self.images, self.width)
        if mode == "w+":
            size, free = 4 * shape[0] * shape[1], shutil.disk_usage(self.folder).free
            if size > free:
                raise OSError(
                    f"the features of {shape[0]} images need {size >> 20} MiB in {self.folder}, but only "
                    f"{free >> 20} MiB are free; give a folder on a larger disk with --out."
                )
        return np.lib.format.open_memmap(self.folder / FILE, mode, np.float32, shape if mode == "w+" else None)
