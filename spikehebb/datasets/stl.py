"""STL-10, which comes as bare bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Images
from spikehebb.datasets.data_set import DataSet
from spikehebb.datasets.official import find
from spikehebb.reading import regular

PARTS = {"train": ("train", 5000), "test": ("test", 8000), "unlabelled": ("unlabeled", 100000)}
# MD5 of the official binaries, as torchvision lists them (torchvision/datasets/stl10.py).
MD5 = {
    "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
    "train_y.bin": "5a34089d4802c674881badbb80307741",
    "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
    "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
    "unlabeled_X.bin": "5242ba1fed5e4be9e1e742405eb56ca4",
}
CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
_SHAPE = (3, 96, 96)
_BLOCK = 500  # images that are turned at a time, so that the unlabelled 2.8 GB are in memory once


def load_stl10(part: str, folder: Path | None) -> Images:
    """Return the images of STL-10, shape (n, 3, 96, 96), from a folder; unlabelled ones have the label -1."""
    if folder is None:
        raise FileNotFoundError(
            "stl10: it is not downloaded; unpack the official stl10_binary.tar.gz and give its folder with --data-dir "
            "or SPIKEHEBB_DATA."
        )
    stem, count = PARTS[part]
    file = f"{stem}_X.bin"
    pixels, sha256 = _read(_find(folder, file), count, _SHAPE)
    hashes, labels = {file: sha256}, np.full(count, -1)
    if part != "unlabelled":
        file = f"{stem}_y.bin"
        path = _find(folder, file)
        classes, hashes[file] = _read(path, count, ())
        if classes.min() < 1 or classes.max() > 10:
            raise ValueError(
                f"stl10: {path} has labels from {classes.min()} to {classes.max()}, but the official ones are 1 to 10. "
                "Fetch it again."
            )
        labels = classes.astype(np.int64) - 1
    return Images(name=f"stl10/{part}", pixels=pixels, labels=labels, hashes=hashes, classes=CLASSES)


def _find(folder: Path, file: str) -> Path:
    return find(folder, "stl10", file, archive="stl10_binary", downloads=False)


def _read(path: Path, count: int, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], str]:
    """Return the bytes of an official file as one array of a shape per image, and their SHA-256."""
    each = int(np.prod(shape))
    size = regular(path).stat().st_size
    if size != count * each:
        raise ValueError(
            f"stl10: {path} has {size} bytes, but the official file has {count * each}, so it is truncated or of "
            "another data set. Fetch it again."
        )
    values = np.empty((count, *shape), np.uint8)
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        for start in range(0, count, _BLOCK):
            block = np.frombuffer(file.read(_BLOCK * each), np.uint8)
            md5.update(block)
            sha256.update(block)
            block = block.reshape(-1, *shape)
            # Within a channel the file goes column by column.
            values[start : start + _BLOCK] = block.swapaxes(-1, -2) if shape else block
    if md5.hexdigest() != MD5[path.name]:
        raise ValueError(
            f"stl10: {path} is not the official file, so it is changed: its MD5 is {md5.hexdigest()}, not "
            f"{MD5[path.name]}. Fetch it again."
        )
    values.flags.writeable = False  # so that Images need not copy it
    return values, sha256.hexdigest()


stl10 = DataSet(
    name="stl10",
    summary="STL-10: ten kinds of objects in colour, 96 x 96 pixels, and many images without a label",
    read=load_stl10,
    parts=tuple(PARTS),
)
