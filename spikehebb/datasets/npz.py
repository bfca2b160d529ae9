"""Images and tables in NumPy's npz files, by the names that keras, medmnist and Kuzushiji give to their arrays."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Images
from spikehebb.datasets.arrays import ordered
from spikehebb.datasets.labels import of_both
from spikehebb.datasets.tables import as_pixels
from spikehebb.npy import open_npz, read_member
from spikehebb.reading import printable

NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("X_train", "y_train", "X_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
_WHAT = "file of images"
_ALONE = "arr_0"  # what NumPy calls the only array of a file


def arrays_in(path: Path) -> set[str]:
    """Return the names of the arrays of a file.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    with open_npz(path, _WHAT) as (_, members):
        return set(members)


def load_npz(path: Path, part: str, cells: int | None = None) -> Images:
    """Return the images of a part of a file of four arrays: pixels and labels of both parts.

    Parameters
    ----------
    path : path
        Its arrays are called as in ``NAMES``; others are passed over. Pixels are (n, height, width), with 1 or 3
        channels at the end or in the second place, bytes or from 0 to 1, or rows (see ``tables.as_pixels``). Labels
        are whole numbers or names.
    part : str
    cells : int, optional
        For each feature of rows.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    with open_npz(path, _WHAT) as (archive, members):
        names = next((each for each in NAMES if members.keys() >= set(each)), None)
        if names is None:
            raise ValueError(
                f"{_WHAT} {path} holds {printable(', '.join(sorted(members)))}, but needs {', '.join(NAMES[0])} or "
                f"{', '.join(NAMES[2])}."
            )
        read = {
            each: read_member(archive, members[each], f"{_WHAT} {path}: {each}", texts=True)
            for each in (names[1], names[3])
        }
        shown = names[0] if part == "train" else names[2]
        rows = read_member(archive, members[shown], f"{_WHAT} {path}: {shown}")
        fitted = rows
        if rows.ndim == 2 and part == "test":
            fitted = read_member(archive, members[names[0]], f"{_WHAT} {path}: {names[0]}")
    return _images(path.stem, part, (rows, fitted), (read[names[1]], read[names[3]]), cells)


def load_pair(files: dict[tuple[str, str], Path], name: str, part: str) -> Images:
    """Return the images of a part that lies in files of one array each, as Kuzushiji's do.

    Parameters
    ----------
    files : dict of (str, str) to path
        By part and what they hold, ``imgs`` or ``labels``.
    name, part : str

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    train, test = (_alone(files[each, "labels"]) for each in ("train", "test"))
    rows = _alone(files[part, "imgs"])
    return _images(name, part, (rows, rows), (train, test), None)


def _alone(path: Path) -> NDArray[Any]:
    with open_npz(path, _WHAT) as (archive, members):
        if set(members) != {_ALONE}:
            raise ValueError(f"{_WHAT} {path} holds {printable(', '.join(sorted(members)))}, but needs {_ALONE} alone.")
        return read_member(archive, members[_ALONE], f"{_WHAT} {path}")


def _images(
    name: str,
    part: str,
    rows: tuple[NDArray[Any], NDArray[Any]],
    labels: tuple[NDArray[Any], NDArray[Any]],
    cells: int | None,
) -> Images:
    """Return images, given the pixels of the part and of the training part, and the labels of both parts."""
    owner = f"images {printable(name)}"
    train, test, classes = of_both(owner, *labels)
    pixels, fitted = rows
    if pixels.ndim != 2 and cells is not None:
        raise ValueError(f"{owner}: cells are for tables of features, and these are images of {pixels.shape[1:]}.")
    if pixels.ndim == 2 and pixels.shape[1:] != fitted.shape[1:]:
        raise ValueError(
            f"{owner}: a row of the test part has {pixels.shape[1]} numbers, of the other {fitted.shape[1:]}."
        )
    for each in rows:
        if each.dtype.kind == "f" and not np.isfinite(each).all():
            raise ValueError(f"{owner}: it holds numbers that are not finite.")
    content = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    shown = as_pixels(owner, pixels, fitted, (), cells) if pixels.ndim == 2 else ordered(owner, pixels)
    chosen = train if part == "train" else test
    return Images(name=f"{name}/{part}", pixels=shown, labels=chosen, hashes={"pixels": content}, classes=classes)
