"""Data sets of one's own: what a path holds is recognised, read to the pixel, and refused by name where it is not."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spikehebb.cli.common import images_of
from spikehebb.core import Images
from spikehebb.datasets import idx, idx_files, load, sample
from spikehebb.datasets.labels import of_both
from tests.test_cli import run
from tests.test_datasets import PACK, idx_bytes

RNG = np.random.default_rng(3)
TRAIN, TEST = RNG.integers(0, 256, (6, 8, 8), np.uint8), RNG.integers(0, 256, (3, 8, 8), np.uint8)
LABELS, UNSEEN = np.array([1, 0, 2, 1, 0, 2]), np.array([2, 0, 1])
SUFFIXES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def write_idx(folder: Path, names: tuple[str, ...] = SUFFIXES, pack: str = "", arrays: Any = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = (TRAIN, LABELS, TEST, UNSEEN) if arrays is None else arrays
    for name, array in zip(names, arrays, strict=True):
        path = folder / f"{name}{pack}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PACK[pack](idx_bytes(np.asarray(array))))


def write_csv(path: Path, *columns: Any, header: str = "") -> Path:
    rows = np.column_stack([np.asarray(column).reshape(len(column), -1).astype(str) for column in columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in ([header] if header else []) + [",".join(row) for row in rows]))
    return path


def check(path: Path | str, name: str, classes: tuple[str, ...] = ("0", "1", "2")) -> None:
    """Compare both parts of a path with what was written."""
    for part, pixels, labels in (("train", TRAIN, LABELS), ("test", TEST, UNSEEN)):
        images = load(path, part)
        assert images.name == f"{name}/{part}"
        assert images.pixels.dtype == np.uint8
        assert images.pixels.tolist() == pixels.tolist()
        assert images.labels.tolist() == labels.tolist()
        assert images.classes == classes
        assert all(len(sha256) == 64 for sha256 in images.hashes.values())
        assert images.hashes


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("place", [".", "KMNIST/raw", "raw"])
def test_idx_files_are_found_as_torchvision_puts_them(place: str, pack: str, tmp_path: Path) -> None:
    write_idx(tmp_path / "own" / place, pack=pack)
    check(tmp_path / "own", "KMNIST" if "KMNIST" in place else "own")
    check(str(tmp_path / "own" / place / f"{SUFFIXES[0]}{pack}"), "KMNIST" if "KMNIST" in place else "own")


def test_idx_files_are_found_as_kaggle_puts_them(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", tuple(name.replace("-idx", ".idx") for name in SUFFIXES))
    check(tmp_path / "a", "a")
    write_idx(tmp_path / "b", tuple(f"{name}/{name}" for name in SUFFIXES))
    check(tmp_path / "b", "b")
    write_idx(tmp_path / "b", tuple(name.replace("-idx", ".idx") for name in SUFFIXES))
    check(tmp_path / "b", "b")


def test_several_data_sets_below_a_folder_are_told_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_idx(tmp_path / name)
    with pytest.raises(ValueError, match=r"holds several data sets \(.*one.train-images.*two.*give the file of train"):
        load(tmp_path, "train")
    check(tmp_path / "one" / SUFFIXES[0], "one")


@pytest.mark.parametrize("split", ["letters", "balanced", "byclass", "bymerge", "digits", "mnist"])
def test_emnist_is_turned_and_its_classes_have_names(split: str, tmp_path: Path) -> None:
    counts = {"letters": 26, "balanced": 47, "bymerge": 47, "byclass": 62, "digits": 10, "mnist": 10}
    count, first = counts[split], int(split == "letters")
    labels = np.arange(count) + first
    pixels = RNG.integers(0, 256, (count, 8, 8), np.uint8)
    names = [f"emnist-{split}-{name}".replace("t10k", "test") for name in SUFFIXES]
    turned = (pixels.transpose(0, 2, 1), labels, TEST.transpose(0, 2, 1), UNSEEN + first)
    write_idx(tmp_path / "EMNIST" / "raw", tuple(names), ".gz", turned)
    train, test = (load(tmp_path, part) for part in ("train", "test"))
    assert train.name == f"emnist-{split}/train"
    assert train.pixels.tolist() == pixels.tolist()
    assert test.pixels.tolist() == TEST.tolist()
    assert train.labels.tolist() == list(range(count))
    assert len(train.classes) == len(set(train.classes)) == count
    assert test.classes == train.classes
    # https://arxiv.org/abs/1702.05373: digits, then capitals, then small letters; merged: those that look like capitals
    expected = {"letters": ("A", "Z"), "balanced": ("0", "t"), "bymerge": ("0", "t"), "byclass": ("0", "z")}
    assert (train.classes[0], train.classes[-1]) == expected.get(split, ("0", "9"))
    if count > 26:
        assert (train.classes[10], train.classes[36], train.classes[35]) == ("A", "a", "Z")
        assert ("c" in train.classes) == (split == "byclass")
    write_csv(tmp_path / "csv" / f"emnist-{split}-train.csv", labels, pixels.transpose(0, 2, 1))
    write_csv(tmp_path / "csv" / f"emnist-{split}-test.csv", UNSEEN + first, TEST.transpose(0, 2, 1))
    if split in ("digits", "mnist"):  # fewer lines cannot tell which column is the label
        return
    with pytest.raises(ValueError, match="it is not certain which column is the label"):
        load(tmp_path / "csv", "train")
    names_of = ",".join(["label", *(f"pixel{n}" for n in range(64))])
    write_csv(tmp_path / "csv" / f"emnist-{split}-train.csv", labels, pixels.transpose(0, 2, 1), header=names_of)
    write_csv(tmp_path / "csv" / f"emnist-{split}-test.csv", UNSEEN + first, TEST.transpose(0, 2, 1), header=names_of)
    again = load(tmp_path / "csv", "train")
    assert (again.pixels.tolist(), again.classes) == (pixels.tolist(), train.classes)


def test_letters_begin_with_1(tmp_path: Path) -> None:
    names = tuple(f"emnist-letters-{name}" for name in SUFFIXES)
    write_idx(tmp_path, names)
    with pytest.raises(ValueError, match="the labels of EMNIST's letters are 1 to 26, got 0, 1, 2"):
        load(tmp_path, "train")
    assert idx_files.emnist_split("mnist") == ""


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((TRAIN, LABELS[:5], TEST, UNSEEN), "6 images but 5 labels"),
        ((TRAIN, LABELS, TEST, [3, 0, 1]), "class '3' has no training image; add some"),
        ((TRAIN, TRAIN, TEST, UNSEEN), r"every image needs one label, but the labels have the shape \(6, 8, 8\)"),
        ((LABELS, LABELS, TEST, UNSEEN), r"images-idx3-ubyte holds an array of the shape \(6,\), and images need"),
        ((TRAIN[:, None].repeat(5, 1), LABELS, TEST, UNSEEN), "neither is 1 or 3 channels"),
    ],
)
def test_idx_files_that_do_not_fit_are_named(arrays: Any, message: str, tmp_path: Path) -> None:
    write_idx(tmp_path, arrays=arrays)
    with pytest.raises(ValueError, match=message):
        load(tmp_path, "train")


def test_a_missing_idx_file_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / SUFFIXES[3]).unlink()
    with pytest.raises(
        FileNotFoundError, match="has no t10k-labels-idx1-ubyte, which holds the labels of the test part"
    ):
        load(tmp_path, "train")


def test_a_small_file_does_not_unpack_to_a_large_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikehebb.reading._ROOM", 1000)
    write_idx(tmp_path, pack=".gz", arrays=(np.zeros((6, 99, 99)), LABELS, TEST, UNSEEN))
    with pytest.raises(ValueError, match=r"file of images .*\.gz unpacks to more than 0 MiB, which is too much for"):
        load(tmp_path, "train")
    (tmp_path / f"{SUFFIXES[0]}.gz").write_bytes(gzip.compress(bytes(100))[:-10])
    with pytest.raises(ValueError, match="is not a whole gzip file"):
        load(tmp_path, "train")


@pytest.mark.parametrize("place", ["MNIST/raw", "mnist/MNIST/raw", "raw", "FashionMNIST/raw"])
def test_the_named_data_sets_are_found_where_torchvision_puts_them(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "fashion-mnist" if "Fashion" in place else "mnist"
    pixels, labels = idx_bytes(np.zeros((2, 28, 28))), idx_bytes(np.array([3, 4]))
    for file, content in zip(SUFFIXES[2:], (pixels, labels), strict=True):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / file).write_bytes(content)
        monkeypatch.setitem(idx.IDX_CONTENTS[name], f"{file}.gz", hashlib.sha256(content).hexdigest())
    images = load(name, "test", data_dir=tmp_path)
    assert (images.labels.tolist(), len(images.classes)) == ([3, 4], 10)
    assert images.classes[3] == ("Dress" if name == "fashion-mnist" else "3")
    for file in SUFFIXES[2:]:
        nested = tmp_path / "kaggle" / file / file.replace("-idx", ".idx")
        nested.parent.mkdir(parents=True)
        (tmp_path / place / file).rename(tmp_path / "kaggle" / file / file)
    assert len(load(name, "test", data_dir=tmp_path / "kaggle")) == 2
    for file in SUFFIXES[2:]:
        (tmp_path / "kaggle" / file / file).rename(tmp_path / "kaggle" / file.replace("-idx", ".idx"))
    assert len(load(name, "test", data_dir=tmp_path / "kaggle")) == 2


def test_another_data_set_under_an_official_name_may_be_given_as_a_path(tmp_path: Path) -> None:
    write_idx(tmp_path)
    with pytest.raises(
        ValueError, match=rf"is not the official file.*Fetch it again, or take it as it is with --data {tmp_path}"
    ):
        load("mnist", "train", data_dir=tmp_path)
    check(tmp_path, tmp_path.name)


HEADER = ",".join(["label", *(f"{row}x{column}" for row in range(1, 9) for column in range(1, 9))])


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("names", ["train.csv test.csv", "own_train.csv own_test.csv", "own-train.csv own-test.csv"])
def test_csv_files_of_pixels(names: str, pack: str, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    for name, labels, pixels in zip(names.split(" "), (LABELS, UNSEEN), (TRAIN, TEST), strict=True):
        path = write_csv(folder / name, labels, pixels, header=HEADER)
        (folder / f"{name}{pack}").write_bytes(PACK[pack](path.read_bytes()))
        if pack:
            path.unlink()
    check(folder, "own")
    check(folder / f"{names.split(' ')[0]}{pack}", "own")


def many(seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Enough rows of pixels for their label to be seen."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (60, 8, 8)), rng.permutation(np.repeat(np.arange(3), 20))


@pytest.mark.parametrize("place", ["first", "last", "named last", "pandas"])
def test_the_label_of_a_csv_file_is_found(place: str, tmp_path: Path) -> None:
    pixels, labels = many()
    columns = (labels, pixels) if place in ("first", "pandas") else (pixels, labels)
    header = {"named last": ",".join([*(str(n) for n in range(64)), "Class"]), "pandas": ",".join(map(str, range(65)))}
    path = write_csv(tmp_path / "own.csv", *columns, header=header.get(place, ""))
    train, test = load(path, "train"), load(path, "test")
    assert (len(train), len(test)) == (48, 12)
    assert np.bincount(train.labels).tolist() == [16] * 3
    of = {tuple(image.ravel()): label for image, label in zip(pixels, labels, strict=True)}
    both = np.concatenate([train.pixels, test.pixels])
    assert [of[tuple(image.ravel())] for image in both] == [*train.labels, *test.labels]
    assert len({image.tobytes() for image in both}) == 60, "no image is in both parts, and none is lost"
    assert load(path, "train").pixels.tolist() == train.pixels.tolist()


def test_text_labels_are_class_names_and_numbers_of_rows_are_passed_over(tmp_path: Path) -> None:
    pixels, labels = many()
    names = np.array(["a dog", "Cat", "owl"])[labels]
    header = ",".join(["", "id", *(f"pixel{n}" for n in range(64)), "what"])
    path = write_csv(tmp_path / "own.csv", np.arange(60), np.arange(60), pixels, names, header=header)
    images = load(path, "train")
    assert images.classes == ("Cat", "a dog", "owl")
    assert images.pixels.shape == (48, 8, 8)
    assert sorted(np.bincount(images.labels)) == [16, 16, 16]
    (tmp_path / "own.csv").write_text(path.read_text().replace("a dog", '"a dog"'))
    assert load(path, "train").labels.tolist() == images.labels.tolist()


def test_pixels_have_the_range_of_the_training_part(tmp_path: Path) -> None:
    pixels, labels = many()
    small = write_csv(tmp_path / "small.csv", labels, pixels // 16, header=HEADER)
    bits = write_csv(tmp_path / "bits.csv", labels, pixels // 128, header=HEADER)
    reals = write_csv(
        tmp_path / "reals.csv", labels, pixels / 255, header=",".join(["label", *(f"Pixel_{n}" for n in range(64))])
    )
    whole = load(write_csv(tmp_path / "whole.csv", labels, pixels, header=HEADER), "train")
    assert load(small, "train").intensities().tolist() == ((whole.pixels // 16) / 16).astype(np.float32).tolist()
    assert load(bits, "train").intensities().tolist() == (whole.pixels // 128).astype(np.float32).tolist()
    assert load(reals, "train").intensities() == pytest.approx(whole.pixels / 255, abs=1e-7)
    write_csv(tmp_path / "p" / "train.csv", labels, pixels // 16, header=HEADER)
    write_csv(tmp_path / "p" / "test.csv", labels, pixels, header=HEADER)
    with pytest.raises(ValueError, match="its training pixels go from 0 to 16, but its test pixels from 0 to 255"):
        load(tmp_path / "p", "test")


def test_a_test_file_without_labels_is_told_and_left_out(tmp_path: Path) -> None:
    pixels, labels = many()
    write_csv(tmp_path / "train.csv", labels, pixels, header=HEADER)
    write_csv(tmp_path / "test.csv", TEST, header=HEADER.removeprefix("label,"))
    with pytest.warns(
        UserWarning, match=r"test\.csv has no labels, so the test images are a fifth of each class of tr"
    ):
        assert len(load(tmp_path, "test")) == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load(tmp_path, "train")) == 48


def test_the_command_line_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels, labels = many()
    write_csv(tmp_path / "train.csv", labels, pixels, header=HEADER)
    write_csv(tmp_path / "test.csv", TEST, header=HEADER.removeprefix("label,"))
    assert len(images_of(str(tmp_path), "test", None, 6, 4)) == 6
    assert "spikehebb: " in (told := capsys.readouterr().err)
    assert "has no labels" in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "own.csv is empty; it needs a label and numbers"),
        ("\n \n", "own.csv is empty"),
        ("1\n2\n", "has one column only; separate"),
        ("label,a\n", "has a header but no rows"),
        ("label,a,b\n0,1,2\n1,2\n", "own.csv, line 3 has 2 columns, but the first line 3"),
        ("label,a,b\n\n0,1,2\n1,2,3,4\n", "line 4 has 4 columns"),
        ("label,a,b\n0,1,2\n1,x,3\n", "line 3: column 'a' must be a number, got 'x'"),
        ("label,a,b\n0,1,2\n1,,3\n", "line 3: column 'a' is empty; write a number there"),
        ("label,a,b\n0,1,2\n1,nan,3\n", "line 3: column 'a' must be a finite number, got nan"),
        ("label,a,b\n0,1,2\n1,1e999,3\n", "line 3: column 'a' must be a finite number, got inf"),
        ("label,a,b\n0,1,2\n-1,3,3\n", "labels must be whole numbers that are not negative, or names; got -1"),
        ("label,a,b\n0,1,2\n1.5,3,3\n", "labels must be whole numbers that are not negative, or names; got 1.5"),
        ("label,a,b\n0,1,2\n,3,3\n", "line 3 has no label; write one"),
        ("label,class,b\n0,1,2\n", "the columns 'label', 'class' are called label, class or target; keep one"),
        ("x,y,z\na,b,2\n", "the columns 'x', 'y' hold no numbers; keep one"),
        ("x,y,z\n1,3,2\n", "no column is called label, class or target, only 'x', 'y', 'z'; rename the label"),
        ("1,2,3\n2,1,4\n1,1,3\n1,1,4\n", "it is not certain which column is the label"),
        ("1.5,2,3.5\n2.5,1,4.5\n1.5,1,3.5\n", "it is not certain which column is the label"),
        ('label,a\n0,"1\n1,2\n', "cannot be split into columns"),
        ("label,a\n0,1\n1,2\n", "no class has two rows, so none can be cut off for the test"),
        ("label,id\n0,1\n1,2\n", "has labels but no numbers beside them"),
        ("label,pixel0,pixel1\n0,1,2\n0,2,2\n", "2 pixels are no square"),
        ("label,pixel0\n0,1.5\n0,2\n", "pixels must be whole numbers from 0 to 255, or go from 0 to 1; got numbers"),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "own.csv", "train")


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(b"label,a\n0,\xff\n")
    with pytest.raises(ValueError, match="line 2: byte 0xff is not UTF-8 text"):
        load(tmp_path / "own.csv", "train")


def test_colour_in_a_csv_file_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "own.csv", ["a", "b"] * 3, np.full((6, 192), 7))
    with pytest.raises(ValueError, match="192 pixels are no square, and which of them are which colour cannot be seen"):
        load(path, "train")
    assert load(path, "train", cells=3).pixels.shape == (4, 192, 3)


def test_the_parts_must_have_the_same_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", LABELS, TRAIN, header=HEADER)
    write_csv(tmp_path / "test.csv", UNSEEN, TEST[:, :, :7], header=",".join(HEADER.split(",")[:57]))
    with pytest.raises(ValueError, match=r"test.csv has 56 columns of numbers .*train.csv has 64 .*must have the same"):
        load(tmp_path, "train")
    write_csv(tmp_path / "other.csv", UNSEEN, TEST)
    (tmp_path / "train.csv").unlink()
    with pytest.raises(ValueError, match=r"holds several CSV files \(other.csv, test.csv\); give the one of the train"):
        load(tmp_path, "train")


@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels")],
)
def test_npz_files_of_keras_and_medmnist(names: tuple[str, ...], tmp_path: Path) -> None:
    labels = (LABELS[:, None], UNSEEN[:, None]) if "images" in names[0] else (LABELS.astype(np.uint8), UNSEEN)
    arrays = dict(zip(names, (TRAIN, labels[0], TEST, labels[1]), strict=True))
    np.savez_compressed(tmp_path / "own.npz", val_images=TEST, **arrays)  # type: ignore[arg-type]
    check(tmp_path / "own.npz", "own")
    check(tmp_path, "own")


def test_npz_files_in_colour_and_of_real_numbers(tmp_path: Path) -> None:
    colour = RNG.integers(0, 256, (6, 5, 4, 3), np.uint8)
    np.savez(tmp_path / "own.npz", x_train=colour, y_train=LABELS, x_test=colour[:3], y_test=UNSEEN)
    images = load(tmp_path / "own.npz", "train")
    assert images.pixels.tolist() == colour.transpose(0, 3, 1, 2).tolist()
    np.savez(tmp_path / "own.npz", x_train=colour / 255, y_train=LABELS, x_test=colour[:3] / 255, y_test=UNSEEN)
    assert load(tmp_path / "own.npz", "train").intensities() == pytest.approx(images.intensities(), abs=1e-6)
    flat = TRAIN.reshape(6, 64)
    np.savez(tmp_path / "own.npz", x_train=flat, y_train=LABELS, x_test=TEST.reshape(3, 64), y_test=UNSEEN)
    check(tmp_path / "own.npz", "own")


def test_npz_files_with_classes_by_name(tmp_path: Path) -> None:
    names = np.array(["owl", "cat", "ant"])
    given = {"x_train": TRAIN, "x_test": TEST, "y_train": names[LABELS], "y_test": names[UNSEEN]}
    np.savez(tmp_path / "own.npz", **given)
    images = load(tmp_path / "own.npz", "train")
    assert images.classes == ("ant", "cat", "owl")
    assert [images.classes[label] for label in images.labels] == list(names[LABELS])
    np.savez(tmp_path / "own.npz", **given | {"y_train": names[LABELS].astype(">U3")})  # of another machine
    np.testing.assert_array_equal(load(tmp_path / "own.npz", "train").labels, images.labels)
    wrong = np.full(len(LABELS), 0x110000, np.uint32).view("<U1")
    np.savez(tmp_path / "own.npz", **given | {"y_train": wrong})
    with pytest.raises(ValueError, match="y_train holds letters that there are not"):
        load(tmp_path / "own.npz", "train")
    np.savez(tmp_path / "own.npz", **given | {"x_train": names[LABELS]})
    with pytest.raises(ValueError, match="x_train has the wrong type, <U3"):
        load(tmp_path / "own.npz", "train")


def test_npz_files_of_kuzushiji(tmp_path: Path) -> None:
    for part, images, labels in (("train", TRAIN, LABELS), ("test", TEST, UNSEEN)):
        np.savez_compressed(tmp_path / f"kmnist-{part}-imgs.npz", images)
        np.savez_compressed(tmp_path / f"kmnist-{part}-labels.npz", labels)
    check(tmp_path, tmp_path.name)
    np.savez(tmp_path / "kmnist-train-labels.npz", other=LABELS)
    with pytest.raises(ValueError, match=r"train-labels.npz holds other, but needs arr_0 alone"):
        load(tmp_path, "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x_train": None},
            "holds x_test, y_test, y_train, but needs x_train, y_train, x_test, y_test or train_images",
        ),
        ({"x_train": np.array([{}] * 6)}, "x_train holds pickled objects, which could run code; refused"),
        ({"x_train": np.zeros((6, 2, 2), "U3")}, "x_train has the wrong type, <U3"),
        ({"x_train": np.full((6, 2, 2), 2.0)}, "pixels must lie between 0 and 1, or be bytes"),
        ({"x_train": np.full((6, 2, 2), 256)}, "whole-numbered pixels go from 0 to 255, got numbers from 256 to 256"),
        ({"x_train": np.full((6, 2, 2), np.nan)}, "holds numbers that are not finite"),
        ({"x_train": np.zeros((6, 3, 4, 3))}, r"pixels have the shape \(6, 3, 4, 3\).* either may be the channels"),
        ({"x_train": np.zeros((6, 2, 2, 2, 2))}, r"or \(n, channels, height, width\), got \(6, 2, 2, 2, 2\)"),
        ({"y_train": np.zeros((6, 14))}, r"every image needs one label, but the labels have the shape \(6, 14\)"),
        ({"y_train": LABELS - 1}, "labels must be whole numbers that are not negative, or names; got -1"),
        ({"y_test": np.array([1.5, 0, 1])}, "names; got 1.5"),
        ({"y_test": np.array([7, 0, 1])}, "class '7' has no training image"),
    ],
)
def test_what_is_wrong_with_an_npz_file_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    arrays = {"x_train": TRAIN, "y_train": LABELS, "x_test": TEST, "y_test": UNSEEN} | changes
    given: dict[str, Any] = {name: array for name, array in arrays.items() if array is not None}
    np.savez(tmp_path / "own.npz", **given)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "own.npz", "train")


def test_an_npz_file_that_promises_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikehebb.reading._ROOM", 1000)
    np.savez_compressed(
        tmp_path / "own.npz", x_train=np.zeros((6, 999, 999)), y_train=LABELS, x_test=TEST, y_test=UNSEEN
    )
    with pytest.raises(ValueError, match="would take 45 MiB of memory, and a file of its size may take"):
        load(tmp_path / "own.npz", "train")


def test_a_folder_of_classes_is_a_path_too(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for number, name in enumerate(("owl", "cat", "\x1b[2J")):
            (tmp_path / part / name).mkdir(parents=True)
            Image.fromarray(np.full((4, 4, 3), (number, 9, 200), np.uint8)).save(tmp_path / part / name / "x.png")
    images = load(tmp_path, "train", size=2, grey=True)
    assert images.classes == (r"\x1b[2J", "cat", "owl")
    # 0.299 red + 0.587 green + 0.114 blue
    assert images.pixels[:, 0, 0].tolist() == [29, 28, 28]
    assert images.pixels.shape == (3, 2, 2)
    assert load("folder", "train", data_dir=tmp_path, grey=True, size=2).pixels.tolist() == images.pixels.tolist()
    with pytest.raises(ValueError, match="cells are for tables of features, and this is a folder of images"):
        load(tmp_path, "train", cells=4)
    (tmp_path / "test").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"has no folder test/ or val/; put the images into <folder>/test/"):
        load(tmp_path, "test")


def test_what_is_no_data_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"holds nothing, which is no data set that can be read; give train/<cl"
    ):
        load(tmp_path, "train")
    for number in range(8):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"holds 0.txt, 1.txt, .* and 2 more, which is no data set"):
        load(str(tmp_path), "train")
    with pytest.raises(ValueError, match=r"0.txt is no data set that can be read; give train/<class>"):
        load("0.txt", "train")
    (tmp_path / "data.zip").touch()
    with pytest.raises(ValueError, match=r"data.zip is an archive; unpack it and give the folder"):
        load("data.zip", "train")
    with pytest.raises(FileNotFoundError, match="there is no file or folder no/where; give one that holds train/"):
        load("no/where", "train")
    with pytest.raises(
        ValueError, match=r"there is no data set 'nowhere'.* Nor is there a file or folder of this name"
    ):
        load("nowhere", "train")
    with pytest.raises(ValueError, match="is a path already; leave out --data-dir"):
        load(tmp_path, "train", data_dir=tmp_path)
    with pytest.raises(ValueError, match="has the parts train and test, not 'val'"):
        load(tmp_path, "val")
    for number in range(2):
        np.savez(tmp_path / f"{number}.npz", x=np.zeros(1))
    with pytest.raises(ValueError, match=r"holds several npz files .*; give one of them"):
        load(tmp_path, "train")
    for name in ("mnist", "digits"):
        with pytest.raises(ValueError, match=f"{name}: cells are for tables of features, and these are images"):
            load(name, "train", cells=3)


def test_a_limit_takes_as_many_of_each_class(tmp_path: Path) -> None:
    pixels, labels = many()
    path = write_csv(tmp_path / "own.csv", labels, pixels)
    few: Images = images_of(str(path), "train", None, 6)
    assert np.bincount(few.labels).tolist() == [2, 2, 2]
    assert few.pixels.tolist() == sample(load(path, "train"), 6).pixels.tolist()
    assert few.classes == ("0", "1", "2")


def test_labels_of_both_parts() -> None:
    train, test, classes = of_both("x", np.array([7, 5, 7]), np.array([5], np.uint8))
    assert (train.tolist(), test.tolist(), classes) == ([1, 0, 1], [0], ("5", "7"))
    with pytest.raises(ValueError, match="there are 1,001 different labels, and 1000 classes are the most"):
        of_both("x", np.arange(1001), [0])
    with pytest.raises(ValueError, match="labels must go from 0 to 1, got 2"):
        of_both("x", [0, 1, 2], [0], ("a", "b"))
    with pytest.raises(ValueError, match="class 'b' has no training image"):
        of_both("x", [0, 0], [0], ("a", "b"))
    with pytest.raises(ValueError, match="labels must be whole numbers or names, got object"):
        of_both("x", np.array([{}, {}]), [0])


@pytest.mark.long
def test_a_command_takes_a_path(tmp_path: Path) -> None:
    pixels, labels = many()
    path = write_csv(tmp_path / "own.csv", labels, pixels)
    words = ("softhebb", "train", "--preset", "mnist-krotov-hopfield", "--data", path, "--epochs", "1", "--json")
    done = run(*words, "--readout-epochs", "1", "--size", "6", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert '"name": "own/train"' in done.stdout


def test_xz_is_read_as_well_as_gz(tmp_path: Path) -> None:
    (tmp_path / "own.csv.xz").write_bytes(lzma.compress(write_csv(tmp_path / "o.txt", *many()[::-1]).read_bytes()))
    assert load(tmp_path / "own.csv.xz", "train").name == "own/train"
