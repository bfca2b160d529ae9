"""MNIST and Fashion-MNIST, which come as IDX files."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Images
from spikehebb.datasets.data_set import DataSet
from spikehebb.datasets.official import download, find, read_official

# SHA-256 of the official files, and below of what they hold unpacked.
IDX_FILES = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
}
IDX_CONTENTS = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}
_SIZES = {  # bytes, unpacked
    "train-images-idx3-ubyte.gz": 16 + 60000 * 28 * 28,
    "train-labels-idx1-ubyte.gz": 8 + 60000,
    "t10k-images-idx3-ubyte.gz": 16 + 10000 * 28 * 28,
    "t10k-labels-idx1-ubyte.gz": 8 + 10000,
}
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
}
_TORCHVISION = {"mnist": "MNIST/raw", "fashion-mnist": "FashionMNIST/raw"}  # where it puts the files
_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def load_idx(name: str, part: str, folder: Path | None) -> Images:
    """Return the images of ``mnist`` or ``fashion-mnist``, shape (n, 28, 28), from a folder or downloaded."""
    arrays, hashes = [], {}
    for file in _FILES[part]:
        published = IDX_FILES[name][file]
        path = (
            download(name, file, SOURCES[name] + file, published) / file
            if folder is None
            else _find(folder, name, file)
        )
        content, hashes[path.name] = read_official(
            name,
            path,
            size=_SIZES[file],
            sha256=IDX_CONTENTS[name][file],
            gz_sha256=published,
            otherwise=f", or take it as it is with --data {path.parent}",
        )
        arrays.append(read_idx(content, str(path)))
    pixels, labels = arrays
    return Images(name=f"{name}/{part}", pixels=pixels, labels=labels, hashes=hashes, classes=CLASSES[name])


def _find(folder: Path, name: str, file: str) -> Path:
    """Return where a file lies, also as torchvision and Kaggle put it: there a file may lie in a folder of its name."""
    stem = file.removesuffix(".gz")
    dotted = f"{stem[: -len('-idxN-ubyte')]}.{stem[-len('idxN-ubyte') :]}"
    also = (dotted, f"raw/{stem}", f"{stem}/{stem}", f"{dotted}/{dotted}")
    return find(folder, name, file, archive=_TORCHVISION[name], also=also)


def read_idx(content: bytes, name: str = "file") -> NDArray[np.uint8]:
    """Return the array of an unpacked IDX file of unsigned bytes.

    Raises
    ------
    ValueError
        If it is truncated or something else.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{name}: not an IDX file of unsigned bytes.")
    rank = content[3]
    sizes, data = content[4 : 4 + 4 * rank], content[4 + 4 * rank :]
    if len(sizes) != 4 * rank:
        raise ValueError(f"{name}: it ends within its header.")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if rank not in (1, 2, 3, 4):
        raise ValueError(f"{name}: its header promises an array of {rank} dimensions, and images have no more than 4.")
    if len(data) != math.prod(shape):
        raise ValueError(f"{name}: its header promises {shape}, but {len(data)} bytes follow.")
    return np.frombuffer(data, np.uint8).reshape(shape)


mnist = DataSet(name="mnist", summary="MNIST: handwritten digits of 28 x 28 pixels", read=partial(load_idx, "mnist"))
fashion_mnist = DataSet(
    name="fashion-mnist",
    summary="Fashion-MNIST: ten kinds of clothing, 28 x 28 pixels",
    read=partial(load_idx, "fashion-mnist"),
)
