"""Images in another size, or in grey."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikehebb.core import Images

_BLOCK = 1000  # images that are changed at a time
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601, as Pillow weighs bytes


def check_size(owner: str, size: int | None) -> None:
    """Raise ``ValueError`` unless a size is a whole number of pixels, or none."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise ValueError(f"{owner}: size must be a whole number of pixels, at least 1, got {size}.")


def squared(image: Image.Image, size: int | None) -> Image.Image:
    """Return the largest square in the middle of an image, scaled to so many pixels a side."""
    if size is None:
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Cut first: scaling a box would mix in what lies around it.
    return image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BILINEAR)


def scaled(images: Images, size: int | None = None, *, grey: bool = False) -> Images:
    """Return images in another size, in grey, or both: first grey, then the square from the middle, then the size.

    Pillow does it: grey is ``0.299 red + 0.587 green + 0.114 blue`` (Rec. 601, its mode ``L``), the new pixels are
    those of ``Image.resize`` with ``BILINEAR``, which averages over all old pixels that a new one covers.

    Parameters
    ----------
    images : Images
    size : int, optional
        Pixels a side.
    grey : bool
        Whether the channels become one.

    Raises
    ------
    ValueError
        If the size is no whole number of at least 1.

    Examples
    --------
    >>> from spikehebb.datasets import load, scaled
    >>> scaled(load("digits", "test"), 4).pixels.shape
    (500, 4, 4)
    """
    check_size(images.name, size)
    grey = grey and images.channels == 3
    if not grey and (size is None or images.image_shape[1:] == (size, size)):
        return images
    channels, height, width = images.image_shape
    shape = (height, width) if size is None else (size, size)
    kept = channels > 1 and not grey
    pixels = np.empty((len(images), channels, *shape) if kept else (len(images), *shape), images.pixels.dtype)
    for start in range(0, len(images), _BLOCK):
        block = images.pixels[start : start + _BLOCK]
        block = _grey(block) if grey else block
        pixels[start : start + _BLOCK] = block if size is None else _resized(block, size)
    pixels.flags.writeable = False  # so that Images need not copy it
    return dataclasses.replace(images, pixels=pixels)


def _grey(block: NDArray[Any]) -> NDArray[Any]:
    if block.dtype != np.uint8:
        weighted = np.einsum("nchw,c->nhw", block, _GREY)
        return np.asarray(np.clip(weighted, 0, 1))  # the sum of the weights is rounded
    tall = np.ascontiguousarray(block.transpose(0, 2, 3, 1)).reshape(-1, block.shape[3], 3)
    return np.asarray(Image.fromarray(tall).convert("L")).reshape(len(block), *block.shape[2:])


def _resized(block: NDArray[Any], size: int) -> NDArray[Any]:
    planes = block.reshape(-1, *block.shape[-2:])  # each channel by itself
    done = np.stack([np.asarray(squared(Image.fromarray(plane), size)) for plane in planes])
    return np.asarray(done).reshape(*block.shape[:-2], size, size)
