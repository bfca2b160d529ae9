"""Labelled images, from files whose hashes are checked."""

from __future__ import annotations

import os
from pathlib import Path

from spikehebb.catalogue import collected
from spikehebb.core import Images
from spikehebb.datasets.cifar import cifar10 as cifar10
from spikehebb.datasets.data_set import DataSet as DataSet
from spikehebb.datasets.digits import digits as digits
from spikehebb.datasets.folder import load_folder as load_folder
from spikehebb.datasets.idx import IDX_FILES as IDX_FILES
from spikehebb.datasets.idx import fashion_mnist as fashion_mnist
from spikehebb.datasets.idx import mnist as mnist
from spikehebb.datasets.official import find as find
from spikehebb.datasets.sample import sample as sample
from spikehebb.datasets.stl import stl10 as stl10
from spikehebb.equations import did_you_mean

DATASETS = collected(DataSet, globals())


def load(name: str, part: str, *, data_dir: str | Path | None = None, size: int | None = None) -> Images:
    """Return one part of a data set.

    Parameters
    ----------
    name : str
        Of ``DATASETS``, such as ``digits`` or ``mnist``, or ``folder`` for images of your own (see ``load_folder``).
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
    if name not in (*DATASETS, "folder"):
        raise ValueError(f"there is no data set {name!r}.{did_you_mean(name, [*DATASETS, 'folder'])}")
    parts = DATASETS[name].parts if name in DATASETS else ("train", "test")
    if part not in parts:
        raise ValueError(f"{name} has the parts {', '.join(parts[:-1])} and {parts[-1]}, not {part!r}.")
    if name == "folder":
        if data_dir is None:
            raise ValueError(
                "folder: no folder was given; give the one that holds train/<class>/<image> and test/<class>/<image> "
                "with --data-dir."
            )
        return load_folder(data_dir, part, size)
    if size is not None:
        raise ValueError(f"{name}: a size is for the images of a folder only; leave it out.")
    given = data_dir if data_dir is not None else os.environ.get("SPIKEHEBB_DATA") or None
    return DATASETS[name].read(part, None if given is None else Path(given))
