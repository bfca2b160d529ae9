"""Features of many images on disk, piece by piece, each with a checksum."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spikehebb import metrics
from spikehebb.core import Images, Int
from spikehebb.npy import npy_layout
from spikehebb.reading import regular
from spikehebb.softhebb import readout, training

FILE = "features.npy"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Images whose features are written together, and the row of the first of them.

    Parameters
    ----------
    images : Images
    first : int
    varied : bool
        Whether they are moved and mirrored before.
    """

    images: Images
    first: int
    varied: bool = False


def pieces(train: Images, test: Images, size: int, views: int = 1) -> list[Piece]:
    """Return training images, as often as there are views of them, then test images, in pieces of at most so many."""
    parts = [(train, views > 1)] * views + [(test, False)]
    cut = [(images[at : at + size], varied) for images, varied in parts for at in range(0, len(images), size)]
    first = np.cumsum([0, *(len(images) for images, _ in cut)])
    return [
        Piece(images=images, first=int(at), varied=varied) for (images, varied), at in zip(cut, first[:-1], strict=True)
    ]


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
        table = self.rows("r+") if piece.first else self._new()
        rows = np.ascontiguousarray(features, np.float32)
        table[piece.first : piece.first + len(rows)] = rows
        table.flush()
        return zlib.crc32(rows.tobytes())

    def rows(self, mode: Literal["r", "r+"] = "r") -> Any:
        """Return all features, mapped from disk.

        Raises
        ------
        FileNotFoundError, OSError, ValueError
            If they are not there, or another table is.
        """
        path = regular(self.folder / FILE, "table of features")
        with path.open("rb") as file:
            dtype, shape, fortran, start = npy_layout(file, str(path))
        if dtype != np.dtype(np.float32) or shape != (self.images, self.width) or fortran:
            raise ValueError(f"{path} is the table of another run: {dtype} of the shape {shape}.")
        return np.memmap(path, dtype, mode, start, shape)

    def intact(self, parts: Sequence[Piece], sums: Sequence[int]) -> bool:
        """Return whether the table still holds the first pieces with these checksums."""
        try:
            table = self.rows()
        except (OSError, ValueError):
            return not sums
        if len(sums) > len(parts):
            return False
        rows = (table[piece.first : piece.first + len(piece.images)] for piece in parts)
        return all(zlib.crc32(part.tobytes()) == value for part, value in zip(rows, sums, strict=False))

    def _new(self) -> Any:
        size, free = 4 * self.images * self.width, shutil.disk_usage(self.folder).free
        if size > free:
            raise OSError(
                f"the features of {self.images} images need {size >> 20} MiB in {self.folder}, but only "
                f"{free >> 20} MiB are free; give a folder on a larger disk with --out."
            )
        return np.lib.format.open_memmap(self.folder / FILE, "w+", np.float32, (self.images, self.width))


def classes(train: Images, test: Images) -> int:
    """Return how many classes there are; raise ``ValueError`` for a label that is missing or in the test part alone."""
    for images in (train, test):
        if np.min(images.labels) < 0:
            raise ValueError(f"{images.name} has images without a label; the readout needs labelled ones.")
    count = int(np.max(train.labels)) + 1
    if np.max(test.labels) >= count:
        raise ValueError(
            f"{test.name} has labels up to {np.max(test.labels)}, but {train.name} only up to {count - 1}."
        )
    return count


def vote(train: Any, labels: Int, test: Any, test_labels: Int, classes: int) -> float:
    """Return the accuracy when every unit of a dense layer votes for the class that it wins most often."""
    parts = ((train[at], labels[at]) for at in slices(len(train)))
    votes = readout.vote_labels(parts, train.shape[1], classes)
    return metrics.accuracy(votes[test.argmax(axis=1)], test_labels)


def slices(size: int) -> list[slice]:
    """Return slices of as many rows as are worked on together."""
    return [slice(first, min(first + training.CHUNK, size)) for first in range(0, size, training.CHUNK)]
