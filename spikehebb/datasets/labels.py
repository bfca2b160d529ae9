"""Labels of any kind become numbers from 0, and the names of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikehebb.core import Int
from spikehebb.reading import printable

MOST_CLASSES = 1000


def of_both(
    owner: str, train: ArrayLike, test: ArrayLike, classes: Sequence[str] = ()
) -> tuple[Int, Int, tuple[str, ...]]:
    """Return the labels of both parts as places among the classes, and the names of the classes.

    Parameters
    ----------
    owner : str
        What a message calls the data set.
    train, test : array_like, shape (n,) or (n, 1)
        Whole numbers that are not negative, or texts.
    classes : sequence of str, optional
        Their names, where labels are places among them already. Left out, the classes are the different labels of
        the training part in order, and are called as these.

    Raises
    ------
    ValueError
        If a label is something else, or a class has no training image.

    Examples
    --------
    >>> of_both("pets", ["dog", "cat", "dog"], ["cat"])
    (array([1, 0, 1]), array([0]), ('cat', 'dog'))
    >>> of_both("numbers", [1, 3], [3])[2]
    ('1', '3')
    """
    seen, unseen = _plain(owner, train), _plain(owner, test)
    if not classes:
        values = np.unique(seen)
        if len(values) > MOST_CLASSES:
            raise ValueError(
                f"{owner}: there are {len(values):,} different labels, and {MOST_CLASSES} classes are the most; is "
                "another column the label?"
            )
        odd = np.setdiff1d(unseen, values)
        if odd.size:
            raise _unseen(owner, str(odd[0]))
        names = tuple(map(str, values))
        return np.searchsorted(values, seen), np.searchsorted(values, unseen), names
    for labels in (seen, unseen):
        if labels.dtype.kind == "U" or (labels.size and labels.max() >= len(classes)):
            raise ValueError(
                f"{owner}: labels must go from 0 to {len(classes) - 1}, got {printable(labels.max(), 40)}."
            )
    missing = np.setdiff1d(np.arange(len(classes)), seen)
    if missing.size:
        raise _unseen(owner, classes[missing[0]])
    return seen, unseen, tuple(classes)


def _unseen(owner: str, name: str) -> ValueError:
    return ValueError(
        f"{owner}: class {printable(repr(name), 60)} has no training image; add some, or take the class out of both "
        "parts."
    )


def _plain(owner: str, labels: ArrayLike) -> NDArray[Any]:
    """Return labels as whole numbers or as texts, shape (n,)."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{owner}: every image needs one label, but the labels have the shape {array.shape}.")
    if array.dtype.kind in "US":
        return array.astype(str)
    if array.dtype.kind not in "iufb":
        raise ValueError(f"{owner}: labels must be whole numbers or names, got {array.dtype}.")
    odd = ~np.isfinite(array) | (array != np.floor(array)) | (array < 0) if array.dtype.kind == "f" else array < 0
    if odd.any():
        value = array[odd][0]
        raise ValueError(f"{owner}: labels must be whole numbers that are not negative, or names; got {value:g}.")
    return array.astype(np.int64)
