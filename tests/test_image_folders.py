"""Folders of the user's own images: read in a fixed order, and whatever does not fit is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikehebb.datasets import load, load_folder

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


def paint(path: Path, colour: Any, mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes, two training images and one test image of each, in colour."""
    root = tmp_path / "pets"
    for part, files in (("train", ("b.png", "a.PNG")), ("test", ("c.ppm",))):
        for file in files:
            paint(root / part / "dog" / file, RED)
            paint(root / part / "cat" / file, GREEN)
    return root


def test_classes_and_files_are_taken_in_order(pets: Path) -> None:
    paint(pets / "train" / "cat" / "0.bmp", (7, 8, 9))
    (pets / "train" / "cat" / "notes.txt").write_text("no image")
    (pets / "train" / ".cache").mkdir()
    train = load("folder", "train", data_dir=pets)
    assert train.name == "pets/train"
    assert train.labels.tolist() == [0, 0, 0, 1, 1], "cat before dog"
    assert train.pixels.shape == (5, 3, 4, 6)
    assert train.pixels.dtype == np.uint8
    assert train.pixels[0, :, 0, 0].tolist() == [7, 8, 9]
    assert train.pixels[3, :, 3, 5].tolist() == list(RED)
    assert len(load("folder", "test", data_dir=pets)) == 2


def test_rows_stay_rows(tmp_path: Path) -> None:
    pixels = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)
    (tmp_path / "train" / "a").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "train" / "a" / "x.png")
    assert load_folder(tmp_path, "train").pixels[0].tolist() == pixels.transpose(2, 0, 1).tolist()
    Image.fromarray(pixels[..., 0]).save(tmp_path / "train" / "a" / "x.png")
    assert load_folder(tmp_path, "train").pixels[0].tolist() == pixels[..., 0].tolist()


def test_val_is_taken_for_test_and_a_part_may_be_alone(pets: Path, tmp_path: Path) -> None:
    (pets / "test").rename(pets / "val")
    assert load_folder(pets, "test").name == "pets/test"
    (pets / "val").rename(tmp_path / "elsewhere")
    assert len(load_folder(pets, "train")) == 4
    with pytest.raises(
        FileNotFoundError, match=r"pets has no folder test/ or val/; put the images into <folder>/test/"
    ):
        load_folder(pets, "test")
    with pytest.raises(FileNotFoundError, match="has no folder train/"):
        load_folder(tmp_path / "nowhere", "train")


def test_hashes_follow_names_and_contents(pets: Path) -> None:
    def of_training_images() -> str:
        return load_folder(pets, "train").hashes["names-and-contents"]

    hashes = [of_training_images(), of_training_images()]
    assert hashes[0] == hashes[1]
    (pets / "train" / "cat" / "b.png").rename(pets / "train" / "cat" / "c.png")
    hashes.append(of_training_images())
    paint(pets / "train" / "cat" / "c.png", (0, 254, 0))
    hashes.append(of_training_images())
    assert len(set(hashes)) == 3


@pytest.mark.parametrize(
    ("mode", "colour", "grey"),
    [("L", 200, 200), ("1", 1, 255), ("LA", (200, 255), 200), ("LA", (200, 0), 0)],
)
def test_grey_images_stay_grey(mode: str, colour: Any, grey: int, tmp_path: Path) -> None:
    paint(tmp_path / "train" / "a" / "x.png", colour, mode)
    images = load_folder(tmp_path, "train")
    assert (images.pixels.shape, images.channels) == ((1, 4, 6), 1)
    assert np.unique(images.pixels).tolist() == [grey]


@pytest.mark.parametrize(
    ("mode", "colour", "rgb"),
    [
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), BLACK),  # what is transparent shows nothing, whatever colour it hides
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_beside_an_image_in_colour_all_are(mode: str, colour: Any, rgb: tuple[int, ...], pets: Path) -> None:
    paint(pets / "train" / "cat" / "0.png", colour, mode)
    assert load_folder(pets, "train").pixels[0, :, 0, 0].tolist() == list(rgb)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    path = paint(tmp_path / "train" / "a" / "x.png", RED)
    Image.open(path).convert("P").save(path)
    with Image.open(path) as saved:
        assert saved.mode == "P"
    assert load_folder(tmp_path, "train").pixels[0, :, 0, 0].tolist() == list(RED)


def test_a_jpeg_is_known_by_its_content(pets: Path) -> None:
    file = pets / "train" / "cat" / "0.JPEG"
    paint(file, GREEN)
    close = load_folder(pets, "train").pixels[0, :, 0, 0].astype(int)
    assert np.abs(close - GREEN).max() <= 3, "JPEG loses a little"
    (pets / "train" / "cat" / "a.PNG").replace(file)
    assert load_folder(pets, "train").pixels[0, :, 0, 0].tolist() == list(GREEN), "a PNG in spite of its name"


def test_images_of_different_size_need_a_size(pets: Path) -> None:
    paint(pets / "train" / "dog" / "z.png", RED, size=(8, 4))
    with pytest.raises(
        ValueError,
        match=r"same size, but .*a.PNG has 6 x 4 and .*z.png 8 x 4 pixels; .* with --size",
    ):
        load_folder(pets, "train")
    for read in (load_folder(pets, "train", size=2), load("folder", "train", data_dir=pets, size=2)):
        assert read.pixels.shape == (5, 3, 2, 2)


@pytest.mark.parametrize(("width", "height"), [(12, 4), (4, 12)])
def test_a_square_is_cut_from_the_middle(width: int, height: int, tmp_path: Path) -> None:
    pixels = np.zeros((height, width), np.uint8)
    pixels[height // 2 - 2 : height // 2 + 2, width // 2 - 2 : width // 2 + 2] = [[10, 20, 30, 40]] * 4
    (tmp_path / "train" / "a").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "train" / "a" / "x.png")
    assert load_folder(tmp_path, "train", 4).pixels[0].tolist() == [[10, 20, 30, 40]] * 4
    half, double = (load_folder(tmp_path, "train", size).pixels for size in (2, 8))
    assert half.shape == (1, 2, 2)
    assert 10 < half[0, 0, 0] < 25 < half[0, 0, 1] < 40
    assert double.shape == (1, 8, 8)
    assert double.min() == 10, "nothing from outside the square"


@pytest.mark.parametrize("size", [0, -3, 2.5])
def test_a_size_is_a_whole_number(size: int, pets: Path) -> None:
    with pytest.raises(ValueError, match=f"size must be a whole number of pixels, at least 1, got {size}"):
        load_folder(pets, "train", size)


def test_parts_must_have_the_same_classes(pets: Path) -> None:
    paint(pets / "test" / "bird" / "x.png", RED)
    for part in ("train", "test"):
        with pytest.raises(ValueError, match=r"must have the same classes, but only .*test has 'bird'"):
            load_folder(pets, part)


def test_what_cannot_be_read_is_named(pets: Path) -> None:
    file = pets / "train" / "cat" / "0.png"
    file.write_bytes(b"no image")
    with pytest.raises(
        ValueError, match=r"0.png cannot be read as an image \(UnidentifiedImageError.*replace or remove"
    ):
        load_folder(pets, "train")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"0.png cannot be read as an image \("):
        load_folder(pets, "train")
    Image.new("I;16", (6, 4), 40000).save(file)
    with pytest.raises(ValueError, match=r"0.png has pixels of more than 8 bits \(mode I;16\); save it with 8 bits"):
        load_folder(pets, "train")
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 4\n")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        load_folder(pets, "train")


def test_folders_without_classes_or_images_are_named(pets: Path, tmp_path: Path) -> None:
    (pets / "train" / "bird").mkdir()
    (pets / "test" / "bird").mkdir()
    with pytest.raises(FileNotFoundError, match=r"bird has no image \(\.bmp, .*add some or remove it"):
        load_folder(pets, "train")
    paint(tmp_path / "flat" / "train" / "x.png", RED)
    with pytest.raises(FileNotFoundError, match=r"train has no folder for a class; put the images into .*<class>/"):
        load_folder(tmp_path / "flat", "train")


def test_a_folder_must_be_given_and_have_the_part(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKEHEBB_DATA", str(pets))
    with pytest.raises(ValueError, match=r"folder: no folder was given; give the one that holds .*--data-dir"):
        load("folder", "train")
    for part in ("val", "unlabelled"):
        with pytest.raises(ValueError, match=f"folder has the parts train and test, not '{part}'"):
            load("folder", part, data_dir=pets)
        with pytest.raises(ValueError, match=f"folder: the parts are train and test, not '{part}'"):
            load_folder(pets, part)


def test_a_pipe_among_the_images_is_named(pets: Path) -> None:
    os.mkfifo(pets / "train" / "dog" / "c.png")
    with pytest.raises(FileNotFoundError, match=r"there is no image .*c\.png: it is a pipe"):
        load_folder(pets, "train")


def test_an_image_of_too_many_pixels_is_not_decoded(pets: Path) -> None:
    """100 million grey pixels pack into 100 kB."""
    Image.new("1", (10_000, 10_000)).save(pets / "train" / "dog" / "bomb.png")
    for size in (None, 8):
        with pytest.raises(ValueError, match=r"bomb\.png cannot be read .*10000 x 10000 pixels, and a file of its"):
            load_folder(pets, "train", size)


def test_many_small_files_do_not_fill_the_memory(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikehebb.datasets.folder._ROOM", 1000)
    for number in range(30):
        paint(pets / "train" / "dog" / f"{number}.png", 0, "1", (400, 400))
    with pytest.raises(ValueError, match="all images must have the same size"):
        load_folder(pets, "train")
    for file in [*(pets / "train").glob("*/[ab].*")]:
        paint(file, RED, size=(400, 400))
    with pytest.raises(ValueError, match=r"the 34 images beside .* would take 15 MiB of memory, far more than"):
        load_folder(pets, "train")
    assert load_folder(pets, "train", size=4).pixels.shape == (34, 3, 4, 4)
