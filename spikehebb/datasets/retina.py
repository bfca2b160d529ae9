"""Images as on and off cells see them: whitened, each image at the same contrast."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb.core import Float, Images
from spikehebb.core.values import check_setting, frozen_array

PATCHES = 100_000  # that the filters are taken from
_STRONGEST = 4.0  # standard deviations of an image that are the highest rate
_PIECE = 500  # images that are filtered at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Retina:
    """Fixed cells with centre and surround, which whiten: ``Retina.of(images)`` takes them from images, without labels.

    Each filter is the middle row of a ZCA of patches, ``(C + strength*max)**(-1/2)``: what of a pixel its neighbours
    and the other colours do not tell already. An on cell answers with what is above 0, an off cell with what is below.

    Parameters
    ----------
    filters : array, shape (channels, channels, size, size)
        For every channel that comes out, weights of the channels that go in.

    Raises
    ------
    ValueError
        If the shape is another one.

    References
    ----------
    Bell and Sejnowski 1997, https://doi.org/10.1016/S0042-6989(97)00121-1 (the filters of a ZCA are local, with a
    centre and a surround). Coates, Ng and Lee 2011, AISTATS (whitening before features are learned).

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> digits = load("digits", "train")
    >>> seen = Retina.of(digits, size=3)(digits[:5])
    >>> seen.pixels.shape, seen.name
    ((5, 2, 8, 8), 'digits/train, on and off')
    """

    filters: Float

    def __post_init__(self) -> None:
        filters = frozen_array(self.filters, np.float64)
        if filters.ndim != 4 or filters.shape[0] != filters.shape[1] or filters.shape[2] != filters.shape[3]:
            raise ValueError(f"retina: filters must be (channels, channels, size, size), got {filters.shape}.")
        if not filters.shape[2] % 2 or not np.isfinite(filters).all():
            raise ValueError(f"retina: filters must be finite and of an odd size, got size {filters.shape[2]}.")
        object.__setattr__(self, "filters", filters)

    @classmethod
    def of(cls, images: Images, *, size: int = 5, strength: float = 0.01, seed: int = 0) -> Retina:
        """Return the cells that whiten patches of images.

        Parameters
        ----------
        images : Images
            Training images; their labels are not looked at.
        size : int
            Of the filters, in pixels: an odd number.
        strength : float
            What is added to the variances, in shares of the largest: the higher, the less fine details count.
        seed : int
            Of the places of the patches.

        Raises
        ------
        ValueError
            If images are smaller than a filter, or all the same.
        """
        check_setting("retina: size", "int", size)
        check_setting("retina: strength", "float", strength)
        channels, height, width = _three(images)
        if not size % 2 or size > min(height, width):
            raise ValueError(f"retina: size must be odd and at most {min(height, width)}, as the images, got {size}.")
        rng = np.random.default_rng(seed)
        number = np.sort(rng.integers(0, len(images), PATCHES))
        top, left = (rng.integers(0, side - size + 1, PATCHES) for side in (height, width))
        inputs, reach = channels * size**2, np.arange(size)
        total, square = np.zeros(inputs), np.zeros((inputs, inputs))
        for part in range(0, PATCHES, 10_000):
            at = slice(part, part + 10_000)
            shown, which = np.unique(number[at], return_inverse=True)
            pixels = images.intensities(shown).reshape(-1, channels, height, width)
            rows, columns = top[at, None] + reach, left[at, None] + reach
            patch = pixels[which[:, None, None], :, rows[:, :, None], columns[:, None, :]]
            patch = patch.transpose(0, 3, 1, 2).reshape(len(which), -1).astype(np.float64)
            total, square = total + patch.sum(axis=0), square + patch.T @ patch
        mean = total / PATCHES
        values, vectors = np.linalg.eigh(square / PATCHES - np.outer(mean, mean))
        if values.max() <= 0:
            raise ValueError(f"retina: all patches of {images.name} are the same; give other images.")
        zca = (vectors / np.sqrt(values.clip(0) + strength * values.max())) @ vectors.T
        middle = np.arange(channels) * size**2 + size**2 // 2
        return cls(filters=zca[middle].reshape(channels, channels, size, size))

    def __call__(self, images: Images) -> Images:
        """Return what the cells say: images of twice the channels, first all on cells, then all off cells.

        Every image is brought to the same contrast; 1 is four of its standard deviations.

        Raises
        ------
        ValueError
            If images have another number of channels, or are smaller than a filter.
        """
        channels, height, width = _three(images)
        if channels != len(self.filters) or min(height, width) < self.filters.shape[2]:
            raise ValueError(
                f"retina: the cells see {len(self.filters)} channels of at least {self.filters.shape[2]} pixels, but "
                f"{images.name} has images of {(channels, height, width)}."
            )
        seen = np.empty((len(images), 2 * channels, height, width), np.uint8)
        for start in range(0, len(images), _PIECE):
            part = slice(start, start + _PIECE)
            pixels = images.intensities(part).reshape(-1, channels, height, width)
            answers = self._filtered(pixels)
            contrast = answers.std(axis=(1, 2, 3), keepdims=True)
            scaled = answers / (_STRONGEST * np.maximum(contrast, 1e-12))
            both = np.concatenate([scaled, -scaled], axis=1).clip(0, 1)
            seen[part] = np.rint(255 * both)
        return dataclasses.replace(images, name=f"{images.name}, on and off", pixels=seen)

    def _filtered(self, pixels: Any) -> Any:
        half = self.filters.shape[2] // 2
        edges = ((0, 0), (0, 0), (half, half), (half, half))
        centred = np.pad(pixels - pixels.mean(axis=(2, 3), keepdims=True), edges, mode="edge")
        patches = np.lib.stride_tricks.sliding_window_view(centred, self.filters.shape[2:], axis=(2, 3))
        return np.einsum("nchwij,fcij->nfhw", patches, self.filters.astype(np.float32), optimize=True)


def _three(images: Images) -> tuple[int, int, int]:
    shape = images.pixel_shape
    return (1, *shape) if len(shape) == 2 else shape  # type: ignore[return-value]
