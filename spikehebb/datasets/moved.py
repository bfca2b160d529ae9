"""Other views of the same images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from spikehebb.core import Images

PIXELS = 4  # that an image may move by


def moved_and_mirrored(images: Images, seed: int | Sequence[int], pixels: int = PIXELS) -> Images:
    """Return images moved by random distances, their edges reflected, half of them mirrored.

    Parameters
    ----------
    images : Images
    seed : int or sequence of int
    pixels : int
        How far, up or down and left or right, at most.

    Raises
    ------
    ValueError
        If that is not less than the sides of the images.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> digits = load("digits", "test")[:5]
    >>> moved_and_mirrored(digits, 0).pixels.shape == digits.pixels.shape
    True
    """
    shown = np.asarray(images.pixels)
    height, width = shown.shape[-2:]
    if not 0 <= pixels < min(height, width):
        most = min(height, width) - 1
        raise ValueError(f"images of {height} x {width} pixels can be moved by 0 to {most}, not {pixels}.")
    rng, count = np.random.default_rng(seed), len(images)
    down, right = rng.integers(0, 2 * pixels + 1, (2, count))
    mirrored = rng.random(count) < 0.5
    edges = [(0, 0)] * (shown.ndim - 2) + [(pixels, pixels)] * 2
    padded = np.pad(shown, edges, "reflect")
    rows, columns = down[:, None] + np.arange(height), right[:, None] + np.arange(width)
    columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
    view = padded[np.arange(count)[:, None, None], ..., rows[:, :, None], columns[:, None, :]]
    pixels_of = np.moveaxis(view, (1, 2), (-2, -1)) if shown.ndim == 4 else view
    return dataclasses.replace(images, pixels=np.ascontiguousarray(pixels_of))
