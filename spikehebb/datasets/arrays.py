"""Images from arrays, in any of the usual orders of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikehebb.core import Images, Int
from spikehebb.datasets.labels import of_both
from spikehebb.reading import printable

_CHANNELS = (1, 3)


def images(pixels: ArrayLike, labels: ArrayLike, *, name: str = "images", classes: Sequence[str] = ()) -> Images:
    """Return images from arrays.

    Parameters
    ----------
    pixels : array_like, shape (n, height, width), (n, height, width, 1 or 3) or (n, 1 or 3, height, width)
        From 0 to 1, or whole numbers from 0 to 255.
    labels : array_like of int or str, shape (n,) or (n, 1)
        Numbers from 0 (-1 is unlabelled), or names of classes.
    name : str
    classes : sequence of str, optional
        Names of the classes, in the order of the labels. Left out: of numbers, "0" up to the largest; of names, all
        different ones in alphabetical order.

    Returns
    -------
    Images

    Raises
    ------
    ValueError
        If shapes or values are others, or a name is none of the classes.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.datasets import images
    >>> some = images(np.zeros((2, 4, 5, 3)), ["dog", "cat"], name="pets")
    >>> some.pixels.shape, some.labels.tolist(), some.classes
    ((2, 3, 4, 5), [1, 0], ('cat', 'dog'))
    """
    found, names = places(f"images {name}", labels, classes)
    return Images(name=name, pixels=ordered(f"images {name}", pixels), labels=found, classes=names)


def ordered(owner: str, pixels: ArrayLike) -> NDArray[Any]:
    """Return pixels in the order of ``Images``: grey (n, height, width), in colour (n, 3, height, width).

    Raises
    ------
    ValueError
        If the order of the axes is not certain, or values do not lie between 0 and 1 or 0 and 255.
    """
    array = np.asarray(pixels)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{owner}: pixels must be numbers, got {array.dtype}.")
    if array.ndim == 4:
        first, last = array.shape[1] in _CHANNELS, array.shape[3] in _CHANNELS
        if first == last:
            why = "either may be the channels" if first else "neither is 1 or 3 channels"
            raise ValueError(f"{owner}: pixels have the shape {array.shape}, where of the second and the last {why}.")
        array = np.moveaxis(array, 3, 1) if last else array
        array = array[:, 0] if array.shape[1] == 1 else array
    if array.dtype.kind in "iu" and array.dtype != np.uint8:
        if array.size and (array.min() < 0 or array.max() > 255):
            raise ValueError(
                f"{owner}: whole-numbered pixels go from 0 to 255, got numbers from {array.min()} to {array.max()}."
            )
        array = array.astype(np.uint8)
    if array.ndim != 3 and array.ndim != 4:
        raise ValueError(
            f"{owner}: pixels must be (n, height, width), (n, height, width, channels) or (n, channels, height, "
            f"width), got {array.shape}."
        )
    return array


def places(owner: str, labels: ArrayLike, classes: Sequence[str]) -> tuple[Int, tuple[str, ...]]:
    """Return labels as places among classes, and the names of these, which may be left out.

    Raises
    ------
    ValueError
        If labels are neither whole numbers nor names, or a name is none of the classes.
    """
    given = np.asarray(labels)
    given = given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given
    if given.dtype.kind in "iu":
        return given.astype(np.int64), tuple(classes)
    if given.dtype.kind not in "US" or given.ndim != 1:
        raise ValueError(
            f"{owner}: labels must be whole numbers or names, one for each, got {given.dtype}, {given.shape}."
        )
    names = given.astype(str)
    if not len(classes):
        found, _, known = of_both(owner, names, names)
        return found, known
    place = {name: number for number, name in enumerate(classes)}
    if odd := [name for name in names.tolist() if name not in place]:
        raise ValueError(f"{owner}: there is a label {printable(repr(odd[0]), 60)}, which is none of the classes.")
    return np.array([place[name] for name in names.tolist()], np.int64), tuple(classes)
