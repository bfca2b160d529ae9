"""Labelled images, from files whose hashes are checked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from spikehebb.core import Images
from spikehebb.datasets.cifar import load_cifar10
from spikehebb.datasets.folder import load_folder
from spikehebb.datasets.idx import IDX_FILES, load_idx
from spikehebb.datasets.official import find
from spikehebb.datasets.stl import load_stl10
from spikehebb.equations import did_you_mean

__all__ = ["DATASETS", "IDX_FILES", "find", "load", "load_folder"]

DATASETS = ("digits", *IDX_FILES, "cifar10", "stl10", "folder")
_DIGITS_TEST = 500


def load(name: str, part: str, *, data_dir: str | Path | None = None, size: int | None = None) -> Images:
    """Return one part of a data set.

    Parameters
    ----------
    name : str
        ``digits`` (8 x 8, bundled with scikit-learn; the last 500 are the test images), ``mnist``,
        ``fashion-mnist``, ``cifar10``, ``stl10``, or ``folder`` for images of your own (see ``load_folder``).
    part : str
        ``train`` or ``test``; of ``stl10`` also ``unlabelled``, whose labels are -1.
    data_dir : path, optional
        A folder that holds the official files, plain or compressed with gzip or xz, in a subfolder of the data set's
        name or directly; ``SPIKEHEBB_DATA`` where it is left out. Without either they are downloaded into the user's
        cache, except ``stl10``. For ``folder`` the folder of ``train`` and ``test``.
    size : int, optional
        Of ``folder`` only: cut and scale all images to so many pixels a side, see ``load_folder``.

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

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> load("digits", "test").pixels.shape
    (500, 8, 8)
    """
    if name not in DATASETS:
        raise ValueError(f"there is no data set {name!r}.{did_you_mean(name, DATASETS)}")
    parts = ("train", "test", "unlabelled") if name == "stl10" else ("train", "test")
    if part not in parts:
        raise ValueError(f"{name} has the parts {', '.join(parts[:-1])} and {parts[-1]}, not {part!r}.")
    if size is not None and name != "folder":
        raise ValueError(f"{name}: a size is for the images of a folder only; leave it out.")
    if name == "digits":
        return _digits(part)
    if name == "folder":
        if data_dir is None:
            raise ValueError(
                "folder: no folder was given; give the one that holds train/<class>/<image> and test/<class>/<image> "
                "with --data-dir."
            )
        return load_folder(data_dir, part, size)
    given = data_dir if data_dir is not None else os.environ.get("SPIKEHEBB_DATA") or None
    folder = None if given is None else Path(given)
    if name == "cifar10":
        return load_cifar10(part, folder)
    return load_stl10(part, folder) if name == "stl10" else load_idx(name, part, folder)


def _digits(part: str) -> Images:
    from sklearn.datasets import load_digits  # a second of import that only this data set needs

    bundle = load_digits()
    chosen = slice(-_DIGITS_TEST, None) if part == "test" else slice(None, -_DIGITS_TEST)
    pixels, labels = bundle.images[chosen].astype(np.float32) / 16, bundle.target[chosen]
    content = np.ascontiguousarray(pixels).tobytes() + np.ascontiguousarray(labels, np.int64).tobytes()
    hashes = {"pixels-and-labels": hashlib.sha256(content).hexdigest()}
    return Images(name=f"digits/{part}", pixels=pixels, labels=labels, hashes=hashes)
