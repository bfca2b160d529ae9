"""Data sets: the right files give the right images, and anything else is refused by name."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray

from spikehebb import datasets
from spikehebb.datasets import load, read_idx


def idx(array: NDArray[Any]) -> bytes:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes())


def test_digits_are_split_once_and_for_all() -> None:
    train, test = load("digits", "train"), load("digits", "test")
    assert (len(train), len(test)) == (1297, 500)
    assert train.pixels.shape == (1297, 8, 8)
    assert test.labels[:5].tolist() == [0, 1, 2, 3, 4]  # images 1297 to 1301 of the bundle
    assert (train.pixels.max(), train.pixels.min()) == (1.0, 0.0)
    assert train.hashes["pixels-and-labels"] != test.hashes["pixels-and-labels"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "mean", "counts"),
    # pixel means and label counts as published with the files
    [
        ("mnist", 0.1307, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("fashion-mnist", 0.2860, [6000] * 10),
    ],
)
def test_official_files(name: str, mean: float, counts: list[int], data_dir: Path) -> None:
    train = load(name, "train", data_dir=data_dir)
    assert train.pixels.shape == (60000, 28, 28)
    assert float(train.pixels.mean(dtype=float)) == pytest.approx(mean, abs=5e-5)
    assert np.bincount(train.labels).tolist() == counts
    assert set(train.hashes) == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}
    assert len(load(name, "test", data_dir=data_dir / name)) == 10000, "the folder of the data set itself will do"


def test_a_folder_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"mnist: train-images.* is missing \(looked in .*--data-dir"):
        load("mnist", "train", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="the folder does not exist"):
        load("mnist", "train", data_dir=tmp_path / "nowhere")


@pytest.mark.data
def test_a_truncated_or_foreign_file_is_refused(tmp_path: Path, data_dir: Path) -> None:
    for file in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        shutil.copyfile(data_dir / "mnist" / file, tmp_path / file)
    whole = (tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes()
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"t10k-labels.* \(4442 bytes\) is not the official file, so it is truncated"):
        load("mnist", "test", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"fashion-mnist: .* is not the official file"):
        load("fashion-mnist", "test", data_dir=tmp_path)


def test_labels_and_images_of_different_length_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    contents = {
        "t10k-images-idx3-ubyte.gz": idx(np.zeros((3, 28, 28))),
        "t10k-labels-idx1-ubyte.gz": idx(np.zeros(2)),
    }
    for file, content in contents.items():
        (tmp_path / file).write_bytes(content)
        monkeypatch.setitem(datasets.IDX_FILES["mnist"], file, hashlib.sha256(content).hexdigest())
    with pytest.raises(ValueError, match="images mnist/test: 3 images but 2 labels"):
        load("mnist", "test", data_dir=tmp_path)


def test_idx_files_are_read_to_the_byte() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    assert read_idx(idx(array)).tolist() == array.tolist()
    raw = gzip.decompress(idx(array))
    for content, message in (
        (idx(array)[:-9], "not a whole gzip file"),
        (b"no gzip at all", "not a whole gzip file"),
        (gzip.compress(b"PNG."), "not an IDX file"),
        (gzip.compress(raw[:-1]), r"promises \(2, 3, 4\), but 23 bytes follow"),
        (gzip.compress(raw[:10]), "it ends within its header"),
    ):
        with pytest.raises(ValueError, match=message):
            read_idx(content)


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"there is no data set 'mnits'. Did you mean 'mnist'\?"):
        load("mnits", "train")
    with pytest.raises(ValueError, match="the parts train and test, not 'validation'"):
        load("digits", "validation")


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise requests.exceptions.ConnectionError("no network")

    monkeypatch.delenv("SPIKEHEBB_DATA", raising=False)
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))
    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(ConnectionError, match=r"mnist: cannot download train-images.* --data-dir"):
        load("mnist", "train")
