"""Images and tables of features from CSV files: which files are the parts of a data set, and what they show."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

from spikehebb.core import Images
from spikehebb.datasets.csv_files import SUFFIXES, Sheet, as_labels, read_sheet
from spikehebb.datasets.idx_files import emnist_split, labelled
from spikehebb.datasets.tables import as_pixels, cut
from spikehebb.datasets.unpacking import PACKED
from spikehebb.reading import printable

_LISTED = 6  # names in a message


def bare(path: Path) -> str:
    """Return the name of a CSV file without its endings, or nothing if it is none.

    Examples
    --------
    >>> bare(Path("a/mnist_train.csv.gz")), bare(Path("mnist.npz"))
    ('mnist_train', '')
    """
    inner = path.with_suffix("") if path.suffix in PACKED else path
    return inner.stem if inner.suffix.lower() in SUFFIXES else ""


def find_csv(path: Path) -> tuple[Path, Path | None] | None:
    """Return the file of the training part and that of the test part, if there is one; None where no CSV file is.

    Raises
    ------
    ValueError
        If a folder holds several data sets.
    """
    if path.is_file():
        return (path, _test_of(path)) if bare(path) else None
    files = sorted(file for file in path.iterdir() if file.is_file() and bare(file) and not file.name.startswith("."))
    training = [file for file in files if _is_train(bare(file))]
    chosen = training or files
    if len({bare(file) for file in chosen}) > 1:
        names = [file.name for file in chosen]
        raise ValueError(
            f"{path} holds several CSV files ({printable(', '.join(names[:_LISTED]))}); give the one of the training "
            "images, or call it train.csv."
        )
    return (chosen[0], _test_of(chosen[0])) if chosen else None


def load_csv(files: tuple[Path, Path | None], part: str, cells: int | None = None) -> Images:
    """Return the images of a part, or its features as a population code.

    Without a test file, or where it has no labels, the test part is a fifth of each class of the training file.

    Parameters
    ----------
    files : (path, path or None)
    part : str
    cells : int, optional
        For each feature, see ``tables.as_pixels``.

    Raises
    ------
    FileNotFoundError, OSError, ValueError

    Warns
    -----
    UserWarning
        If the test file has no labels.
    """
    stem = bare(files[0])
    for word in ("train", "_", "-"):
        stem = stem.removesuffix(word)
    name = stem or files[0].resolve().parent.name
    owner, split = f"images {printable(name)}", emnist_split(f"{stem}-")
    train, test = _parts(files, part)
    if train.labels is None or test.labels is None:
        raise ValueError(f"{files[0]} has no labels.")
    seen, unseen, classes = labelled(owner, as_labels(train.labels), as_labels(test.labels), split)
    if train is test:
        first, second = cut(seen)
        if not len(second):
            raise ValueError(f"{files[0]}: no class has two rows, so none can be cut off for the test.")
        train = dataclasses.replace(train, values=train.values[first])
        test = dataclasses.replace(test, values=test.values[second])
        seen, unseen = seen[first], unseen[second]
    chosen, labels = (train, seen) if part == "train" else (test, unseen)
    pixels = as_pixels(owner, chosen.values, train.values, train.columns, cells)
    pixels = pixels.swapaxes(-1, -2) if split else pixels
    hashes = {chosen.path.name: chosen.sha256}
    return Images(name=f"{name}/{part}", pixels=pixels, labels=labels, hashes=hashes, classes=classes)


def _parts(files: tuple[Path, Path | None], part: str) -> tuple[Sheet, Sheet]:
    """Return the rows of both parts; the same ones twice where one is cut in two."""
    train = read_sheet(files[0])
    if files[1] is None:
        return train, train
    test = read_sheet(files[1], like=train)
    if test.labels is not None:
        return train, test
    if part == "test":
        warnings.warn(
            f"{files[1]} has no labels, so the test images are a fifth of each class of {files[0].name}, which are "
            "not trained on.",
            stacklevel=2,
        )
    return train, train


def _is_train(stem: str) -> bool:
    return stem == "train" or stem.endswith(("_train", "-train"))


def _test_of(train: Path) -> Path | None:
    """Return the file of the test part beside that of the training part, if there is one."""
    stem = bare(train)
    if not _is_train(stem):
        return None
    wanted = f"{stem.removesuffix('train')}test"
    return next((file for file in sorted(train.parent.iterdir()) if file.is_file() and bare(file) == wanted), None)
