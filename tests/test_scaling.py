"""Images in another size and in grey, and images from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikehebb.core import Images
from spikehebb.datasets import images, load, scaled

COLOUR = np.random.default_rng(1).integers(0, 256, (3, 3, 6, 10), np.uint8)


def coloured(pixels: Any = COLOUR) -> Images:
    return Images(name="x", pixels=pixels, labels=np.array([0, 1, 1]), classes=("a", "b"))


def test_grey_is_that_of_rec_601() -> None:
    grey = scaled(coloured(), grey=True)
    red, green, blue = COLOUR.astype(float).transpose(1, 0, 2, 3)
    assert np.abs(grey.pixels - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 0.51
    assert grey.pixels.dtype == np.uint8
    assert (grey.channels, grey.classes, grey.labels.tolist()) == (1, ("a", "b"), [0, 1, 1])
    for number in range(3):
        pillow = Image.fromarray(np.ascontiguousarray(COLOUR[number].transpose(1, 2, 0))).convert("L")
        assert grey.pixels[number].tolist() == np.asarray(pillow).tolist()
    real = scaled(coloured(COLOUR / 255), grey=True)
    assert real.pixels * 255 == pytest.approx(grey.pixels, abs=0.51)
    assert scaled(coloured(np.ones((3, 3, 2, 2))), grey=True).pixels == pytest.approx(1)


def test_a_square_is_cut_from_the_middle_and_scaled() -> None:
    small = scaled(coloured(), 3)
    assert small.pixels.shape == (3, 3, 3, 3)
    middle = COLOUR[:, :, :, 2:8]
    for plane, expected in zip(small.pixels[1], middle[1], strict=True):
        pillow = Image.fromarray(np.ascontiguousarray(expected)).resize((3, 3), Image.Resampling.BILINEAR)
        assert plane.tolist() == np.asarray(pillow).tolist()
    # halving weighs the four nearest columns 1, 3, 3, 1, at the border the three that there are
    row = np.repeat([[0, 0, 80, 80, 0, 0]], 6, axis=0).astype(np.uint8)
    halved = scaled(Images(name="x", pixels=row[None], labels=np.zeros(1)), 3)
    assert halved.pixels[0, 1].tolist() == [round(80 / 7), round((3 * 80 + 3 * 80) / 8), round(80 / 7)]
    assert scaled(coloured(), 6).pixels.tolist() == middle.tolist()
    first = scaled(coloured(), 3, grey=True)
    assert first.pixels.tolist() == scaled(scaled(coloured(), grey=True), 3).pixels.tolist()


def test_real_numbers_are_scaled_too_and_what_fits_is_left_as_it_is() -> None:
    digits = load("digits", "test", size=4)
    whole = load("digits", "test")
    assert digits.pixels.shape == (500, 4, 4)
    assert digits.pixels.mean() == pytest.approx(whole.pixels.mean(), rel=0.05)
    assert digits.classes == tuple("0123456789")
    assert scaled(whole, 8) is whole
    assert scaled(whole, grey=True) is whole


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scaled(coloured(), 4, grey=True)
    monkeypatch.setattr("spikehebb.datasets.scaling._BLOCK", 2)
    assert scaled(coloured(), 4, grey=True).pixels.tolist() == whole.pixels.tolist()


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "4"])
def test_a_size_is_checked(size: Any) -> None:
    with pytest.raises(ValueError, match="size must be a whole number of pixels, at least 1, got"):
        scaled(coloured(), size)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 4, 5), (2, 4, 5)),
        ((2, 4, 5, 1), (2, 4, 5)),
        ((2, 1, 4, 5), (2, 4, 5)),
        ((2, 4, 5, 3), (2, 3, 4, 5)),
        ((2, 3, 4, 5), (2, 3, 4, 5)),
    ],
)
def test_arrays_in_any_usual_order(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape)).reshape(shape) % 256
    for given in (pixels, pixels.astype(np.uint8), pixels / 255):
        some = images(given, [1, 0], name="own")
        assert some.pixels.shape == expected
        assert some.intensities().reshape(2, -1).sum(axis=1) == pytest.approx(pixels.reshape(2, -1).sum(axis=1) / 255)
    if shape[-1] == 3:
        assert some.pixels[1, 2].tolist() == (pixels / 255).astype(np.float32)[1, :, :, 2].tolist()


def test_labels_are_numbers_or_names() -> None:
    pixels = np.zeros((3, 2, 2))
    assert images(pixels, [2, -1, 0]).classes == ("0", "1", "2")
    named = images(pixels, ["b", "a", "b"])
    assert (named.labels.tolist(), named.classes) == ([1, 0, 1], ("a", "b"))
    ordered = images(pixels, ["b", "a", "b"], classes=["b", "c", "a"])
    assert (ordered.labels.tolist(), ordered.classes) == ([0, 2, 0], ("b", "c", "a"))
    assert images(pixels, np.array([[1], [0], [1]]), classes=("x", "y")).labels.tolist() == [1, 0, 1]
    for labels, message in (
        (["b", "z", "b"], "there is a label 'z', which is none of the classes"),
        ([0.5, 1, 2], "labels must be whole numbers or names, one for each, got float64"),
        ([0, 1, 7], "there is a label 7, but there are names for 3 classes only"),
    ):
        with pytest.raises(ValueError, match=f"images own: {message}"):
            images(pixels, labels, name="own", classes=("b", "c", "a"))
    with pytest.raises(ValueError, match="pixels must be numbers, got <U1"):
        images([[["a"]]], [0])


def test_classes_of_images_are_checked() -> None:
    pixels = np.zeros((3, 2, 2))
    assert Images(name="x", pixels=pixels, labels=np.array([0, -1, 3])).classes == ("0", "1", "2", "3")
    assert Images(name="x", pixels=pixels, labels=np.full(3, -1)).classes == ()
    named = Images(name="x", pixels=pixels, labels=[0, 1, 0], classes=["cat", "dog", "owl"])  # type: ignore[arg-type]
    assert named[1:].classes == named[np.array([0])].classes == ("cat", "dog", "owl")
    for classes, message in (
        (("a",), "there is a label 1, but there are names for 1 classes only"),
        (("a", "a"), "two classes are called 'a'; give each a name of its own"),
        (("a", ""), "classes must be names, one for each class"),
        (("a", 1), "classes must be names, one for each class"),
        ("ab", "classes must be names, one for each class"),
    ):
        with pytest.raises(ValueError, match=f"images x: {message}"):
            Images(name="x", pixels=pixels, labels=[0, 1, 0], classes=classes)  # type: ignore[arg-type]
