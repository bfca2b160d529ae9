"""IDX files by any of the usual names: of MNIST, EMNIST, KMNIST and of whatever takes their place."""

from __future__ import annotations

import hashlib
import re
import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Images, Int
from spikehebb.datasets.arrays import ordered
from spikehebb.datasets.idx import read_idx
from spikehebb.datasets.labels import of_both
from spikehebb.datasets.unpacking import PACKED, unpacked
from spikehebb.reading import printable

_NAME = re.compile(
    r"(?P<stem>.*?)(?P<part>train|t10k|test)[-_](?P<what>images|labels)[-_.]idx(?P<rank>\d)[-_.]ubyte(\.gz|\.xz)?"
)
_DEPTH = 2  # folders below the given one
_DIGITS, _UPPER = string.digits, string.ascii_uppercase
_MERGED = _DIGITS + _UPPER + "abdefghnqrt"  # small letters that do not look like the capital
EMNIST = {
    "balanced": _MERGED,
    "bymerge": _MERGED,
    "byclass": _DIGITS + _UPPER + string.ascii_lowercase,
    "letters": _UPPER,
    "digits": _DIGITS,
    "mnist": _DIGITS,
}


@dataclass(frozen=True, kw_only=True)
class IdxFiles:
    """The files of a data set.

    Parameters
    ----------
    place : path
        The folder that they lie in, or in which each lies in a folder of its own name.
    stem : str
        What their names begin with, as in ``emnist-letters-``.
    files : dict of (str, str) to path
        By part and what they hold, ``images`` or ``labels``.
    """

    place: Path
    stem: str
    files: dict[tuple[str, str], Path]

    @property
    def name(self) -> str:
        """What the data set is called: as its files, or as the folder."""
        place = self.place.resolve()
        return self.stem.rstrip("-_.") or (place.parent if place.name == "raw" else place).name


def find_idx(path: Path) -> list[IdxFiles]:
    """Return the data sets that lie in a folder or up to two folders below it; of a file the one that it is part of."""
    only = _NAME.fullmatch(path.name) if path.is_file() else None
    if path.is_file() and not only:
        return []
    folder = path if path.is_dir() else _place(path)
    found: dict[tuple[Path, str], dict[tuple[str, str], Path]] = {}
    for file in _below(folder):
        if not (match := _NAME.fullmatch(file.name)) or (only and match["stem"] != only["stem"]):
            continue
        key = (_place(file), match["stem"])
        part = "train" if match["part"] == "train" else "test"
        if not only or key[0] == folder:
            found.setdefault(key, {}).setdefault((part, match["what"]), file)
    return [IdxFiles(place=place, stem=stem, files=files) for (place, stem), files in sorted(found.items())]


def load_idx_files(found: IdxFiles, part: str) -> Images:
    """Return the images of a part.

    What is called ``emnist-<split>-...`` is turned, as EMNIST stores its images column by column, and has the names
    of its split's classes; the labels of its letters begin with 1. In all other files the classes are the different
    training labels.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If one is something else, or images and labels do not fit.
    """
    for each, what in (("train", "labels"), ("test", "labels"), (part, "images")):
        if (each, what) not in found.files:
            shown = (
                f"{found.stem}{'train' if each == 'train' else 't10k'}-{what}-idx{3 if what == 'images' else 1}-ubyte"
            )
            raise FileNotFoundError(
                f"{found.place} has no {printable(shown)}, which holds the {what} of the {each} part."
            )
    owner = f"images {printable(found.name)}"
    contents = {each: unpacked(found.files[each, "labels"], "file of labels") for each in ("train", "test")}
    labels = {each: read_idx(content, str(found.files[each, "labels"])) for each, content in contents.items()}
    pixels_file = found.files[part, "images"]
    content = unpacked(pixels_file, "file of images")
    pixels = read_idx(content, str(pixels_file))
    if pixels.ndim < 3:
        raise ValueError(
            f"{pixels_file} holds an array of the shape {pixels.shape}, and images need (n, height, width)."
        )
    split = emnist_split(found.stem)
    train, test, classes = labelled(owner, labels["train"], labels["test"], split)
    hashes = {
        pixels_file.name: hashlib.sha256(content).hexdigest(),
        found.files[part, "labels"].name: hashlib.sha256(contents[part]).hexdigest(),
    }
    return Images(
        name=f"{found.name}/{part}",
        pixels=ordered(owner, pixels.swapaxes(-1, -2) if split else pixels),
        labels=train if part == "train" else test,
        hashes=hashes,
        classes=classes,
    )


def emnist_split(stem: str) -> str:
    """Return which split of EMNIST files are of that begin so, or nothing.

    Examples
    --------
    >>> emnist_split("emnist-letters-"), emnist_split("")
    ('letters', '')
    """
    return next((split for split in EMNIST if stem.lower().startswith(f"emnist-{split}")), "")


def labelled(
    owner: str, train: NDArray[np.generic], test: NDArray[np.generic], split: str = ""
) -> tuple[Int, Int, tuple[str, ...]]:
    """Return labels and classes as ``of_both``, with the names of a split of EMNIST where there is one."""
    if split != "letters":
        return of_both(owner, train, test, tuple(EMNIST.get(split, "")))
    first, second, numbers = of_both(owner, train, test)
    if numbers != tuple(map(str, range(1, 27))):
        raise ValueError(f"{owner}: the labels of EMNIST's letters are 1 to 26, got {', '.join(numbers[:30])}.")
    return first, second, tuple(EMNIST["letters"])


def _below(folder: Path) -> list[Path]:
    """Return the files in a folder and a little below, those higher up first, and of one name as they are preferred."""
    found: list[Path] = []
    level = [folder]
    for _ in range(_DEPTH + 1):
        inside = sorted(item for each in level for item in each.iterdir() if not item.name.startswith("."))
        files = [item for item in inside if item.is_file()]
        found += sorted(files, key=lambda file: PACKED.index(file.suffix if file.suffix in PACKED else ""))
        level = [item for item in inside if item.is_dir()]
    return found


def _place(file: Path) -> Path:
    """Return the folder of a file; not the one that has its name, in which archives put each file."""
    bare = file.name.removesuffix(".gz").removesuffix(".xz")
    return file.parent.parent if file.parent.name in (bare, file.name) else file.parent
