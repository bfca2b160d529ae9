"""CIFAR-10 and CIFAR-100: pickles that are read only if their hash is right, without running what they name."""

from __future__ import annotations

import hashlib
import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pooch
from numpy.typing import NDArray

from spikehebb.core import Images
from spikehebb.datasets.data_set import DataSet
from spikehebb.datasets.official import download, find, read_official
from spikehebb.datasets.unpacking import unpack
from spikehebb.reading import read_bytes

# Bytes and SHA-256 of the batches of the official "python version", unpacked; their MD5 are the published ones.
BATCHES = {
    "data_batch_1": (31035704, "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd"),
    "data_batch_2": (31035320, "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8"),
    "data_batch_3": (31035999, "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9"),
    "data_batch_4": (31035696, "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b"),
    "data_batch_5": (31035623, "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154"),
    "test_batch": (31035526, "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831"),
}
SOURCE = "https://www.cs.toronto.edu/~kriz/"
ARCHIVE = ("cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce")
PER_BATCH = 10000
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# MD5 of the official files of CIFAR-100, unpacked, as torchvision (datasets/cifar.py) lists them, and how many
# images each holds.
MD5_100 = {"train": "16019d7e3df5f24257cddd939b257f8d", "test": "f0ef6b0ae62326f3e7ffdfab6717acfc"}
COUNTS_100 = {"train": 50000, "test": 10000}
CLASSES_100 = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
    "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
    "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
    "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
    "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip
_UNPACKED = "cifar-10-batches-py"
_UNPACKED_100 = "cifar-100-python"
_FILES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
# What the pickle of an array names, in NumPy's old spelling and the present one.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): "numpy._core.multiarray",
    ("numpy._core.multiarray", "_reconstruct"): "numpy._core.multiarray",
    ("numpy", "ndarray"): "numpy",
    ("numpy", "dtype"): "numpy",
}


def load_cifar10(part: str, folder: Path | None) -> Images:
    """Return the images of CIFAR-10, shape (n, 3, 32, 32), from a folder or downloaded."""
    folder = _download() if folder is None else folder
    paths = {file: _find(folder, file) for file in _FILES[part]}
    pixels = np.empty((len(paths) * PER_BATCH, 3, 32, 32), np.uint8)
    labels = np.empty(len(pixels), np.int64)
    with ThreadPoolExecutor() as pool:  # unpacking xz takes nearly all the time, and lets threads run
        for number, (batch, classes) in enumerate(pool.map(_read, paths, paths.values())):
            rows = slice(number * PER_BATCH, (number + 1) * PER_BATCH)
            pixels[rows], labels[rows] = batch.reshape(-1, 3, 32, 32), classes
    pixels.flags.writeable = False  # so that Images need not copy it
    hashes = {file: BATCHES[file][1] for file in paths}
    return Images(name=f"cifar10/{part}", pixels=pixels, labels=labels, hashes=hashes, classes=CLASSES)


def load_cifar100(part: str, folder: Path | None) -> Images:
    """Return the images of CIFAR-100, shape (n, 3, 32, 32), with the fine labels, from a folder."""
    if folder is None:
        raise FileNotFoundError(
            "cifar100: it is not downloaded; unpack the official cifar-100-python.tar.gz and give its folder with "
            "--data-dir or SPIKEHEBB_DATA."
        )
    path = find(folder, "cifar100", part, archive=_UNPACKED_100, also=(f"{_UNPACKED_100}/{part}",))
    most = 4000 * COUNTS_100[part]  # bytes: 3072 of pixels, and a name
    content = unpack(read_bytes(path, "file of cifar100", most=2 * most), path, most, "cifar100")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != MD5_100[part]:
        raise ValueError(
            f"cifar100: {path} is not the official file, so it is truncated, changed or of another data set: "
            f"its MD5 is {md5}, not {MD5_100[part]}. Fetch it again."
        )
    pixels, labels = read_batch(content, f"cifar100: {path}", images=COUNTS_100[part], fine=True)
    return Images(
        name=f"cifar100/{part}",
        pixels=pixels.reshape(-1, 3, 32, 32),
        labels=np.asarray(labels),
        hashes={part: hashlib.sha256(content).hexdigest()},
        classes=CLASSES_100,
    )


def _read(file: str, path: Path) -> tuple[NDArray[np.uint8], list[int]]:
    size, sha256 = BATCHES[file]
    content, _ = read_official("cifar10", path, size=size, sha256=sha256)
    return read_batch(content, f"cifar10: {path}")


def read_batch(
    content: bytes, name: str = "file", *, images: int | None = None, fine: bool = False
) -> tuple[NDArray[np.uint8], list[int]]:
    """Return the pixels, shape (images, 3072), and labels of an unpacked batch; nothing in it is ever run.

    Parameters
    ----------
    content : bytes
    name : str
        For messages.
    images : int, optional
        As many as it must hold; left out, those of a batch of CIFAR-10.
    fine : bool
        Whether it is of CIFAR-100, which has fine and coarse labels.

    Raises
    ------
    ValueError
        If it names anything but arrays, is damaged, or holds something else.
    """
    whose, images = "CIFAR-100" if fine else "CIFAR-10", PER_BATCH if images is None else images
    labelled = {b"fine_labels": 100, b"coarse_labels": 20} if fine else {b"labels": 10}  # kinds of each
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle fails in every way there is
        raise ValueError(f"{name}: not a batch of {whose} ({type(error).__name__}: {error}); refused.") from error
    if not (type(batch) is dict and set(batch) == {b"batch_label", b"data", b"filenames", *labelled}):
        raise ValueError(f"{name}: not a batch of {whose}, which is a dictionary of data and labels.")
    pixels = batch[b"data"]
    if not (type(pixels) is np.ndarray and pixels.dtype == np.uint8 and pixels.shape == (images, 3072)):
        raise ValueError(f"{name}: its data must be bytes of the shape ({images}, 3072).")
    for key, count in labelled.items():
        if not (_is_list(batch[key], int, images) and min(batch[key]) >= 0 and max(batch[key]) < count):
            raise ValueError(f"{name}: its labels must be {images} whole numbers from 0 to {count - 1}.")
    if not (_is_list(batch[b"filenames"], bytes, images) and type(batch[b"batch_label"]) is bytes):
        raise ValueError(f"{name}: its file names and its own name must be texts.")
    return pixels, batch[next(iter(labelled))]


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which could run code")
        return super().find_class(_ALLOWED[module, name], name)


def _is_list(value: object, kind: type, length: int) -> bool:
    return type(value) is list and len(value) == length and all(type(item) is kind for item in value)


def _find(folder: Path, file: str) -> Path:
    try:
        return find(folder, "cifar10", file, archive=_UNPACKED)
    except FileNotFoundError:
        for place in (folder / "cifar10", folder):
            if all((place / other).is_file() for other in ("train", "test", "meta")):
                raise FileNotFoundError(
                    f"cifar10: {place} holds CIFAR-100, which is another data set; give the folder of data_batch_1 to "
                    "data_batch_5 and test_batch."
                ) from None
        raise


def _download() -> Path:
    file, sha256 = ARCHIVE
    members = [f"{_UNPACKED}/{batch}" for batch in BATCHES]
    return download("cifar10", file, SOURCE + file, sha256, pooch.Untar(members=members, extract_dir=".")) / _UNPACKED


cifar10 = DataSet(name="cifar10", summary="CIFAR-10: ten kinds of objects in colour, 32 x 32 pixels", read=load_cifar10)
cifar100 = DataSet(
    name="cifar100", summary="CIFAR-100: a hundred kinds of objects in colour, 32 x 32 pixels", read=load_cifar100
)
