"""On and off cells: against loops over pixels, and against what whitening means."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spikehebb.core import Images
from spikehebb.datasets import Retina, load


def smooth(rng: np.random.Generator, count: int) -> Images:
    """Return images whose neighbouring pixels and whose three colours go together."""
    light = rng.standard_normal((count, 1, 16, 16)) + 0.3 * rng.standard_normal((count, 3, 16, 16))
    for axis in (2, 3):
        light = (np.roll(light, 1, axis) + 2 * light + np.roll(light, -1, axis)) / 4
    return Images(name="smooth", pixels=(light / 8 + 0.5).clip(0, 1), labels=np.zeros(count, int))


def signed(images: Images) -> np.ndarray:
    on, off = np.split(images.intensities().astype(float), 2, axis=1)
    assert not (on * off).any()
    return np.asarray(on - off)


def test_cells_answer_as_their_filters_say(rng: np.random.Generator) -> None:
    images = smooth(rng, 3)
    retina = Retina(filters=rng.standard_normal((3, 3, 3, 3)))
    pixels = images.intensities().astype(float)
    pixels -= pixels.mean(axis=(2, 3), keepdims=True)
    expected = np.zeros((3, 3, 16, 16))
    for row in range(16):
        for column in range(16):
            for i in range(3):
                for j in range(3):
                    at = np.clip(row + i - 1, 0, 15), np.clip(column + j - 1, 0, 15)
                    expected[:, :, row, column] += pixels[:, :, at[0], at[1]] @ retina.filters[:, :, i, j].T
    expected /= 4 * expected.std(axis=(1, 2, 3), keepdims=True)
    seen = retina(images)
    np.testing.assert_allclose(signed(seen), expected.clip(-1, 1), atol=0.5 / 255 + 1e-5)
    assert seen.labels.tolist() == images.labels.tolist()


def test_what_cells_say_is_white(rng: np.random.Generator) -> None:
    images = smooth(rng, 400)
    before = images.intensities().astype(float)
    before -= before.mean(axis=(0, 2, 3), keepdims=True)
    after = signed(Retina.of(images, strength=1e-4)(images))

    def together(x: np.ndarray) -> list[float]:
        """Return the correlations of neighbours and of two colours."""
        pairs = (x[..., 1:], x[..., :-1]), (x[:, :, 1:], x[:, :, :-1]), (x[:, 0], x[:, 1])
        return [float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) for one, other in pairs]

    assert min(together(before)) > 0.6
    assert np.abs(together(after)).max() < 0.6 / 3
    again = Retina.of(images, strength=1e-4)
    assert np.array_equal(again.filters, Retina.of(images, strength=1e-4).filters)


def test_grey_images_have_one_on_and_one_off_cell() -> None:
    digits = load("digits", "train")[:20]
    seen = Retina.of(digits, size=3)(digits)
    assert seen.pixels.shape == (20, 2, 8, 8)
    flat = dataclasses.replace(digits[:1], pixels=np.full((1, 8, 8), 0.5))
    assert not np.asarray(Retina.of(digits, size=3)(flat).pixels).any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda images: Retina.of(images, size=4), "size must be odd and at most 8"),
        (lambda images: Retina.of(images, size=9), "size must be odd and at most 8"),
        (lambda images: Retina.of(images, strength=0.0), "strength must be a number above 0"),
        (lambda images: Retina(filters=np.zeros((1, 2, 3, 3))), r"must be \(channels, channels, size, size\)"),
        (lambda images: Retina(filters=np.zeros((1, 1, 4, 4))), "of an odd size"),
        (lambda images: Retina(filters=np.zeros((3, 3, 3, 3)))(images), "the cells see 3 channels"),
        (
            lambda images: Retina.of(dataclasses.replace(images, pixels=np.ones((10, 8, 8)))),
            "all patches of .* are the",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(load("digits", "train")[:10])  # type: ignore[operator]
