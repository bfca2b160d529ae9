"""Labelled images, from files whose hashes are checked."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path

import numpy as np
import pooch
from numpy.typing import NDArray

from spikehebb import devices
from spikehebb.core import Images
from spikehebb.equations import did_you_mean

# SHA-256 of the official files.
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
SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}
DATASETS = ("digits", *IDX_FILES)
_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
_DIGITS_TEST = 500


def load(name: str, part: str, *, data_dir: str | Path | None = None) -> Images:
    """Return the training or the test images of a data set.

    Parameters
    ----------
    name : str
        ``digits`` (8 x 8, bundled with scikit-learn; the last 500 are the test images), ``mnist`` or
        ``fashion-mnist``.
    part : str
        ``train`` or ``test``.
    data_dir : path, optional
        A folder that holds the official files, in a subfolder of the data set's name or directly; ``SPIKEHEBB_DATA``
        where it is left out. Without either they are downloaded into the user's cache.

    Returns
    -------
    Images

    Raises
    ------
    ValueError
        If there is no such data set or part, or a file is not the official one.
    FileNotFoundError
        If the folder lacks a file.
    ConnectionError
        If a download fails.
    """
    if name not in DATASETS:
        raise ValueError(f"there is no data set {name!r}.{did_you_mean(name, DATASETS)}")
    if part not in _FILES:
        raise ValueError(f"a data set has the parts train and test, not {part!r}.")
    if name == "digits":
        return _digits(part)
    folder = data_dir if data_dir is not None else os.environ.get("SPIKEHEBB_DATA") or None
    arrays, hashes = [], {}
    for file in _FILES[part]:
        wanted = IDX_FILES[name][file]
        path = _download(name, file, wanted) if folder is None else find(Path(folder), name, file)
        content = path.read_bytes()
        got = hashlib.sha256(content).hexdigest()
        if got != wanted:
            raise ValueError(
                f"{name}: {path} ({len(content)} bytes) is not the official file, so it is truncated, changed or of "
                f"another data set: its SHA-256 is {got}, not {wanted}. Fetch it again."
            )
        hashes[file] = got
        arrays.append(read_idx(content, str(path)))
    pixels, labels = arrays
    return Images(name=f"{name}/{part}", pixels=pixels.astype(np.float32) / 255, labels=labels, hashes=hashes)


def find(folder: Path, name: str, file: str) -> Path:
    """Return where a file of a data set lies below a folder, or raise ``FileNotFoundError``."""
    places = [folder / name / file, folder / file]
    for path in places:
        if path.is_file():
            return path
    there = "the folder does not exist" if not folder.is_dir() else f"looked in {folder / name} and in {folder}"
    raise FileNotFoundError(
        f"{name}: {file} is missing ({there}). Give the folder of the official files with --data-dir or "
        "SPIKEHEBB_DATA, or neither to download them."
    )


def read_idx(content: bytes, name: str = "file") -> NDArray[np.uint8]:
    """Return the array of a gzipped IDX file of unsigned bytes.

    Raises
    ------
    ValueError
        If it is truncated or something else.
    """
    try:
        raw = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name}: not a whole gzip file ({error}).") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"{name}: not an IDX file of unsigned bytes.")
    rank = raw[3]
    sizes, data = raw[4 : 4 + 4 * rank], raw[4 + 4 * rank :]
    if len(sizes) != 4 * rank:
        raise ValueError(f"{name}: it ends within its header.")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if len(data) != math.prod(shape):
        raise ValueError(f"{name}: its header promises {shape}, but {len(data)} bytes follow.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _digits(part: str) -> Images:
    from sklearn.datasets import load_digits  # a second of import that only this data set needs

    bundle = load_digits()
    chosen = slice(-_DIGITS_TEST, None) if part == "test" else slice(None, -_DIGITS_TEST)
    pixels, labels = bundle.images[chosen].astype(np.float32) / 16, bundle.target[chosen]
    content = np.ascontiguousarray(pixels).tobytes() + np.ascontiguousarray(labels, np.int64).tobytes()
    hashes = {"pixels-and-labels": hashlib.sha256(content).hexdigest()}
    return Images(name=f"digits/{part}", pixels=pixels, labels=labels, hashes=hashes)


def _download(name: str, file: str, sha256: str) -> Path:
    folder = devices.cache_folder() / "data" / name
    try:
        path = pooch.retrieve(SOURCES[name] + file, known_hash=f"sha256:{sha256}", fname=file, path=folder)
    except OSError as error:  # requests' errors are OSErrors
        raise ConnectionError(
            f"{name}: cannot download {file} ({type(error).__name__}). Give a folder that holds the official files "
            "with --data-dir or SPIKEHEBB_DATA."
        ) from error
    return Path(path)
