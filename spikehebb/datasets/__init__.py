"""Labelled images and events: official ones, whose hashes are checked, and the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from spikehebb.catalogue import collected
from spikehebb.core import Events, Images, Samples, images_only
from spikehebb.datasets.arrays import images as images
from spikehebb.datasets.cifar import cifar10 as cifar10
from spikehebb.datasets.cifar import cifar100 as cifar100
from spikehebb.datasets.data_set import DataSet as DataSet
from spikehebb.datasets.digits import digits as digits
from spikehebb.datasets.event_files import from_tonic as from_tonic
from spikehebb.datasets.folder import load_folder as load_folder
from spikehebb.datasets.idx import IDX_FILES as IDX_FILES
from spikehebb.datasets.idx import fashion_mnist as fashion_mnist
from spikehebb.datasets.idx import mnist as mnist
from spikehebb.datasets.layouts import LAYOUTS, load_path
from spikehebb.datasets.layouts import holds_events as holds_events
from spikehebb.datasets.layouts import load_events as load_events
from spikehebb.datasets.moved import moved_and_mirrored as moved_and_mirrored
from spikehebb.datasets.official import find as find
from spikehebb.datasets.patterns import Patterns as Patterns
from spikehebb.datasets.patterns import image_patterns as image_patterns
from spikehebb.datasets.patterns import patterns as patterns
from spikehebb.datasets.retina import Retina as Retina
from spikehebb.datasets.sample import sample as sample
from spikehebb.datasets.scaling import scaled as scaled
from spikehebb.datasets.stl import stl10 as stl10
from spikehebb.datasets.tables import population_code as population_code
from spikehebb.equations import did_you_mean
from spikehebb.reading import printable

DATASETS = collected(DataSet, globals())


def load(
    name: str | Path,
    part: str,
    *,
    data_dir: str | Path | None = None,
    size: int | None = None,
    grey: bool = False,
    cells: int | None = None,
) -> Images:
    """Return one part of a data set.

    Parameters
    ----------
    name : str or path
        Of ``DATASETS``, such as ``digits`` or ``mnist``; ``folder`` for images of your own in ``data_dir`` (see
        ``load_folder``); or the path of a file or folder of your own, which is recognised by what it holds: a folder
        of a folder for each class, IDX files by any of the usual names, an npz file, CSV files of pixels or features.
    part : str
        ``train`` or ``test``; of ``stl10`` also ``unlabelled``, whose labels are -1.
    data_dir : path, optional
        A folder that holds the official files, plain or compressed with gzip or xz, in a subfolder of the data set's
        name or directly; ``SPIKEHEBB_DATA`` where it is left out. Without either they are downloaded into the user's
        cache, except ``stl10`` and ``cifar100``. For ``folder`` the folder of ``train`` and ``test``.
    size : int, optional
        Cut the largest square from the middle of all images and scale it to so many pixels a side, see ``scaled``.
    grey : bool
        Whether images in colour become grey, see ``scaled``.
    cells : int, optional
        Of tables of features: how many units code each feature, see ``population_code``; 10 when left out. Given,
        rows of numbers are features even where they look like pixels.

    Returns
    -------
    Images

    Raises
    ------
    ValueError
        If there is no such data set or part, or a file is not the official one or holds something else.
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
    if (path := own_path(name)) is not None:
        if data_dir is not None:
            raise ValueError(f"{path} is a path already; leave out --data-dir (in Python, data_dir=).")
        return load_path(path, part, size=size, grey=grey, cells=cells)
    name = str(name)
    if name not in (*DATASETS, "folder"):
        raise ValueError(
            f"there is no data set {name!r}.{did_you_mean(name, [*DATASETS, 'folder'])} Nor is there a file or folder "
            f"of this name; its path may be given that holds {LAYOUTS}."
        )
    parts = DATASETS[name].parts if name in DATASETS else ("train", "test")
    if part not in parts:
        raise ValueError(f"{name} has the parts {', '.join(parts[:-1])} and {parts[-1]}, not {part!r}.")
    if cells is not None:
        raise ValueError(f"{name}: cells are for tables of features, and these are images.")
    if name == "folder":
        if data_dir is None:
            raise ValueError(
                "folder: no folder was given; give the one that holds train/<class>/<image> and test/<class>/<image> "
                "with --data-dir."
            )
        return load_folder(data_dir, part, size, grey=grey)
    given = data_dir if data_dir is not None else os.environ.get("SPIKEHEBB_DATA") or None
    return scaled(DATASETS[name].read(part, None if given is None else Path(given)), size, grey=grey)


def load_some(
    name: str | Path,
    part: str,
    *,
    limit: int | None = None,
    data_dir: str | Path | None = None,
    size: int | None = None,
    grey: bool = False,
    cells: int | None = None,
    events: bool = False,
) -> Samples:
    """Return one part of a data set, or a sample of it: what jobs that are described in words learn from.

    Parameters
    ----------
    name, part, data_dir, size, grey, cells
        As of ``load``.
    limit : int, optional
        Take only so many, see ``sample``.
    events : bool
        Whether a path may hold recordings of an event camera.

    Raises
    ------
    ValueError, FileNotFoundError, ConnectionError
        As ``load``; if a size or cells are given for recordings.

    Examples
    --------
    >>> len(load_some("digits", "train", limit=20))
    20
    """
    path = own_path(name)
    if events and path is not None and data_dir is None and holds_events(path):
        if size is not None or cells is not None:
            raise ValueError(f"{path} holds events of a camera; --size and --cells are for images and tables.")
        shown: Samples = load_events(path, part)
    else:
        shown = load(name, part, data_dir=data_dir, size=size, grey=grey, cells=cells)
    return shown if limit is None else sample(shown, limit)


def learning_part(name: str | Path) -> str:
    """Return the part of a data set that learning without labels takes: ``unlabelled`` where there is one.

    Examples
    --------
    >>> learning_part("stl10"), learning_part("mnist"), learning_part("./mnist")
    ('unlabelled', 'train', 'train')
    """
    found = DATASETS.get(str(name)) if own_path(name) is None else None
    return "unlabelled" if found is not None and "unlabelled" in found.parts else "train"


def own_path(name: str | Path) -> Path | None:
    """Return the path that stands in place of a data set's name, or None if it is a name.

    Examples
    --------
    >>> own_path("mnist"), str(own_path("./mnist"))
    (None, 'mnist')
    """
    if isinstance(name, Path):
        return name
    if name in (*DATASETS, "folder"):
        return None
    separators = [mark for mark in (os.sep, os.altsep) if mark]
    return Path(name) if any(mark in name for mark in separators) or os.path.exists(name) else None


type Given = Samples | tuple[Any, Any] | str | Path  # what stands for labelled images: see ``as_samples``


def as_samples(given: Given | object, part: str) -> Samples:
    """Return images or events as they are, or what stands for them.

    Parameters
    ----------
    given : Images, Events, (pixels, labels), str or path
        Arrays as ``images`` takes them, or a data set's name or path as ``load`` takes it.
    part : str
        ``train`` or ``test``: which part of a data set, and what arrays are called.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> import numpy as np
    >>> as_samples((np.zeros((2, 4, 5)), [1, 0]), "train").pixel_shape
    (4, 5)
    """
    if isinstance(given, (Images, Events)):
        return given
    if isinstance(given, tuple | list) and len(given) == 2:
        return images(*given, name=part)
    if isinstance(given, str | Path):
        return load_some(given, part, events=True)
    raise ValueError(
        f"{part} images must be Images, a pair (pixels, labels), or a data set's name or path; got "
        f"{printable(type(given).__name__)}."
    )


def as_images(given: Given, part: str) -> Images:
    """Return what ``as_samples`` returns where it is images; events are none."""
    return images_only(as_samples(given, part))
