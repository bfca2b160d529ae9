"""Data sets: the right files give the right images, and anything else is refused by name."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import lzma
import pickle
import shutil
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray

from spikehebb.datasets import DATASETS, cifar, find, idx, images, load, moved_and_mirrored, stl
from spikehebb.datasets.cifar import read_batch
from spikehebb.datasets.idx import read_idx
from spikehebb.datasets.official import read_official

PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


def idx_bytes(array: NDArray[Any]) -> bytes:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def batch(number: int, **changes: Any) -> bytes:
    """Return a batch of two images, pickled as Python 3 does it."""
    pixels = np.random.default_rng(number).integers(0, 256, (2, 3072), np.uint8)
    content = {"batch_label": b"a batch", "labels": [number, 9], "data": pixels, "filenames": [b"a.png", b"b.png"]}
    return pickle.dumps({key.encode(): value for key, value in (content | changes).items()}, protocol=4)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Six batches of two images each that pass for the official ones."""
    contents = {file: batch(number) for number, file in enumerate(cifar.BATCHES)}
    monkeypatch.setattr(cifar, "PER_BATCH", 2)
    monkeypatch.setattr(
        cifar, "BATCHES", {file: (len(raw), hashlib.sha256(raw).hexdigest()) for file, raw in contents.items()}
    )
    return contents


class Trap:
    """Unpickled without care, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return exec, (f"open({str(self.path)!r}, 'w')",)


def test_digits_are_split_once_and_for_all() -> None:
    train, test = load("digits", "train"), load("digits", "test")
    assert (len(train), len(test)) == (1297, 500)
    assert train.pixels.shape == (1297, 8, 8)
    assert test.labels[:5].tolist() == [0, 1, 2, 3, 4]  # images 1297 to 1301 of the bundle
    assert (train.pixels.max(), train.pixels.min()) == (1.0, 0.0)
    assert train.pixels.dtype == np.float32
    # of the files that the network in models/ was trained from
    assert train.hashes["pixels-and-labels"].startswith("84563e02378c248f")
    assert test.hashes["pixels-and-labels"].startswith("e38557854d212c66")


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
    assert train.pixels.dtype == np.uint8
    assert train.pixels.mean(dtype=float) / 255 == pytest.approx(mean, abs=5e-5)
    assert np.bincount(train.labels).tolist() == counts
    assert set(train.hashes) == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}
    assert len(load(name, "test", data_dir=data_dir / name)) == 10000, "the folder of the data set itself will do"


@pytest.mark.data
@pytest.mark.parametrize(("name", "suffix"), [("mnist", ".xz"), ("fashion-mnist", "")])
def test_official_files_may_be_plain_or_xz(name: str, suffix: str, data_dir: Path, tmp_path: Path) -> None:
    for path in (data_dir / name).glob("t10k-*.gz"):
        raw = gzip.decompress(path.read_bytes())
        packed = lzma.compress(raw, preset=0) if suffix else raw
        (tmp_path / f"{path.stem}{suffix}").write_bytes(packed)
    loaded = load(name, "test", data_dir=tmp_path)
    assert np.array_equal(loaded.pixels, load(name, "test", data_dir=data_dir).pixels)
    assert set(loaded.hashes) == {f"t10k-images-idx3-ubyte{suffix}", f"t10k-labels-idx1-ubyte{suffix}"}


@pytest.mark.data
def test_official_training_files_have_the_listed_contents(data_dir: Path) -> None:
    for name, files in idx.IDX_CONTENTS.items():
        for file, sha256 in files.items():
            raw = gzip.decompress((data_dir / name / file).read_bytes())
            assert hashlib.sha256(raw).hexdigest() == sha256


def test_a_folder_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"mnist: train-images.* is missing \(looked in .*--data-dir"):
        load("mnist", "train", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="the folder does not exist"):
        load("mnist", "train", data_dir=tmp_path / "nowhere")
    (tmp_path / "cifar-10-python.tar.gz").touch()
    with pytest.raises(FileNotFoundError, match=r"tar.gz is a file; unpack it and give the folder"):
        load("cifar10", "train", data_dir=tmp_path / "cifar-10-python.tar.gz")
    with pytest.raises(FileNotFoundError, match=r"data_batch_1 is missing .* which holds cifar-10-python.tar.gz\)"):
        load("cifar10", "train", data_dir=tmp_path)
    for number in range(9):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"holds 0.txt, 1.txt, 2.txt, 3.txt, 4.txt, 5.txt and 4 more"):
        find(tmp_path, "mnist", "train-images-idx3-ubyte.gz")


@pytest.mark.data
def test_a_truncated_or_foreign_file_is_refused(tmp_path: Path, data_dir: Path) -> None:
    for file in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        shutil.copyfile(data_dir / "mnist" / file, tmp_path / file)
    whole = (tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes()
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"t10k-labels.* is not a whole gzip file"):
        load("mnist", "test", data_dir=tmp_path)
    with pytest.raises(ValueError, match=r"fashion-mnist: .* is not the official file"):
        load("fashion-mnist", "test", data_dir=tmp_path)


def test_labels_and_images_of_different_length_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {
        "t10k-images-idx3-ubyte.gz": gzip.compress(idx_bytes(np.zeros((3, 28, 28)))),
        "t10k-labels-idx1-ubyte.gz": gzip.compress(idx_bytes(np.zeros(2))),
    }
    for file, content in contents.items():
        (tmp_path / file).write_bytes(content)
        monkeypatch.setitem(idx.IDX_FILES["mnist"], file, hashlib.sha256(content).hexdigest())
    with pytest.raises(ValueError, match="images mnist/test: 3 images but 2 labels"):
        load("mnist", "test", data_dir=tmp_path)


def test_idx_files_are_read_to_the_byte() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    raw = idx_bytes(array)
    assert read_idx(raw).tolist() == array.tolist()
    for content, message in (
        (b"PNG.", "not an IDX file"),
        (b"", "not an IDX file"),
        (raw[:-1], r"promises \(2, 3, 4\), but 23 bytes follow"),
        (raw[:10], "it ends within its header"),
    ):
        with pytest.raises(ValueError, match=message):
            read_idx(content)


@pytest.mark.parametrize("suffix", PACK)
def test_official_content_is_unpacked_within_bounds_and_checked(suffix: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    sha256 = hashlib.sha256(content).hexdigest()
    read = partial(read_official, "mnist", tmp_path / f"file{suffix}", size=len(content), sha256=sha256)
    (tmp_path / f"file{suffix}").write_bytes(PACK[suffix](content))
    assert read() == (content, sha256)
    (tmp_path / f"file{suffix}").write_bytes(PACK[suffix](b"\0" * len(content)))
    with pytest.raises(ValueError, match=r"\(10240 bytes\) is not the official file, so it is .* another data set"):
        read()
    (tmp_path / f"file{suffix}").write_bytes(PACK[suffix](content + b"!"))
    with pytest.raises(ValueError, match=r"mnist: .*file.* holds more than the 10240 bytes of that one"):
        read()
    if suffix:
        for damaged in (b"neither of the two", PACK[suffix](content)[:-20]):
            (tmp_path / f"file{suffix}").write_bytes(damaged)
            with pytest.raises(ValueError, match=r"file.* is not a whole (gzip|xz) file \(.*Fetch it again"):
                read()


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = gzip.GzipFile.read

    def read(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        asked.append(-1 if size is None else size)
        return real(self, size)

    monkeypatch.setattr(gzip.GzipFile, "read", read)
    (tmp_path / "file.gz").write_bytes(gzip.compress(bytes(1 << 22)))
    with pytest.raises(ValueError, match="holds more than the 10000 bytes"):
        read_official("mnist", tmp_path / "file.gz", size=10000, sha256="")
    assert asked == [10001]


@pytest.mark.long
@pytest.mark.data
def test_official_cifar10(data_dir: Path) -> None:
    test = load("cifar10", "test", data_dir=data_dir)
    assert test.pixels.shape == (10000, 3, 32, 32)
    assert test.pixels.dtype == np.uint8
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert test.labels[:5].tolist() == [3, 8, 8, 0, 6]  # cat, ship, ship, airplane, frog
    assert test.hashes == {"test_batch": cifar.BATCHES["test_batch"][1]}
    # A ship on the sea under a bright sky: a wrong order of the axes would mix the two.
    top, bottom = test.pixels[1, :, :8].mean(), test.pixels[1, :, -8:].mean()
    assert top > 200 > 100 > bottom


@pytest.mark.data
@pytest.mark.slow
def test_official_cifar10_training_images(data_dir: Path) -> None:
    train = load("cifar10", "train", data_dir=data_dir)
    assert np.bincount(train.labels).tolist() == [5000] * 10
    means = train.pixels.mean(axis=(0, 2, 3), dtype=float) / 255
    assert means == pytest.approx([0.49140, 0.48216, 0.44653], abs=1e-5)  # as published with the files


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("place", ["cifar10/cifar-10-batches-py", "cifar-10-batches-py", "cifar10", "."])
def test_cifar10_is_found_and_put_in_order(
    suffix: str, place: str, tmp_path: Path, batches: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for file, raw in batches.items():
        (tmp_path / place / f"{file}{suffix}").write_bytes(PACK[suffix](raw))
    train = load("cifar10", "train", data_dir=tmp_path)
    assert train.name == "cifar10/train"
    assert train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    first = np.random.default_rng(1).integers(0, 256, (2, 3072), np.uint8)[0]
    assert train.pixels[2, 1, 0].tolist() == first[1024 : 1024 + 32].tolist(), "row 0 of the green values"
    assert list(train.hashes) == [f"data_batch_{number}" for number in range(1, 6)]
    monkeypatch.setenv("SPIKEHEBB_DATA", str(tmp_path))
    assert load("cifar10", "test").labels.tolist() == [5, 9]


def test_a_pickle_that_would_run_code_is_refused_by_its_hash(tmp_path: Path, batches: dict[str, bytes]) -> None:
    trace = tmp_path / "trace"
    (tmp_path / "test_batch").write_bytes(pickle.dumps(Trap(trace)))
    with pytest.raises(ValueError, match=r"cifar10: .*test_batch \(\d+ bytes\) is not the official file"):
        load("cifar10", "test", data_dir=tmp_path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Trap(trace)))  # noqa: S301
    assert trace.exists(), "the trap works, so not to have sprung means something"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_code_is_refused_even_with_the_right_hash(protocol: int, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for content in (Trap(trace), {"data": Trap(trace)}):
        with pytest.raises(ValueError, match=r"asks for (builtins|__builtin__)\.exec, which could run code\); refused"):
            read_batch(pickle.dumps(content, protocol), "stranger")
    assert not trace.exists()


@pytest.mark.parametrize(
    "name",
    ["os system", "posix system", "numpy load", "numpy.core.multiarray scalar", "builtins getattr", "numpy _core"],
)
def test_a_batch_names_arrays_only(name: str) -> None:
    module, attribute = name.split()
    with pytest.raises(ValueError, match=rf"it asks for {module}\.{attribute}, which could run code"):
        read_batch(f"c{module}\n{attribute}\n.".encode())


def test_a_batch_of_either_spelling_is_read(batches: dict[str, bytes]) -> None:
    new = pickle.dumps(pickle.loads(batches["test_batch"]), protocol=3)  # noqa: S301
    old = new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert new != old
    for raw in (new, old):
        pixels, labels = read_batch(raw)
        assert (pixels.shape, labels) == ((2, 3072), [5, 9])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.zeros((2, 3072))}, r"its data must be bytes of the shape \(2, 3072\)"),
        ({"data": np.zeros((2, 3071), np.uint8)}, "its data must be bytes"),
        ({"data": [0]}, "its data must be bytes"),
        ({"labels": [1]}, "its labels must be 2 whole numbers from 0 to 9"),
        ({"labels": [1, 10]}, "its labels must be"),
        ({"labels": [-1, 1]}, "its labels must be"),
        ({"labels": [1, 1.0]}, "its labels must be"),
        ({"filenames": [b"a", 1]}, "must be texts"),
        ({"batch_label": 3}, "must be texts"),
        ({"fine_labels": [1, 2]}, "which is a dictionary of data and labels"),
    ],
)
def test_a_batch_holds_what_it_should(batches: dict[str, bytes], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"file: .*{message}"):
        read_batch(batch(1, **changes))


def test_a_damaged_batch_is_refused(batches: dict[str, bytes]) -> None:
    for content in (b"", b"no pickle", batches["test_batch"][:-50], pickle.dumps([1])):
        with pytest.raises(ValueError, match="file: not a batch of CIFAR-10"):
            read_batch(content)


def test_cifar100_is_another_data_set(tmp_path: Path) -> None:
    for file in ("train", "test", "meta"):
        (tmp_path / file).touch()
    with pytest.raises(FileNotFoundError, match="holds CIFAR-100, which is another data set; give the folder of data_"):
        load("cifar10", "train", data_dir=tmp_path)


def hundred(**changes: Any) -> bytes:
    """A file of three images of CIFAR-100."""
    pixels = np.random.default_rng(5).integers(0, 256, (3, 3072), np.uint8)
    labels = {"fine_labels": [99, 0, 7], "coarse_labels": [19, 0, 3]}
    content = {"batch_label": b"test", **labels, "data": pixels, "filenames": [b"a.png", b"b.png", b"c.png"]}
    return pickle.dumps({key.encode(): value for key, value in (content | changes).items()}, protocol=4)


@pytest.mark.parametrize(
    ("suffix", "place"), [("", "cifar100/cifar-100-python"), (".xz", "cifar-100-python"), (".gz", ".")]
)
def test_cifar100_is_found_and_has_its_fine_labels(
    suffix: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a file that passes for the official one, which cannot be had everywhere."""
    raw, folder = hundred(), tmp_path / place
    monkeypatch.setattr(cifar, "COUNTS_100", {"train": 5, "test": 3})
    monkeypatch.setattr(cifar, "MD5_100", {"test": hashlib.md5(raw, usedforsecurity=False).hexdigest()})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"test{suffix}").write_bytes(PACK[suffix](raw))
    test = load("cifar100", "test", data_dir=tmp_path)
    assert (test.name, test.image_shape) == ("cifar100/test", (3, 32, 32))
    assert [test.classes[label] for label in test.labels] == ["worm", "apple", "beetle"]
    first = np.random.default_rng(5).integers(0, 256, (3, 3072), np.uint8)[0]
    assert test.pixels[0, 2, 1].tolist() == first[2048 + 32 : 2048 + 64].tolist(), "row 1 of the blue values"
    assert test.hashes == {"test": hashlib.sha256(raw).hexdigest()}
    assert len(set(test.classes)) == 100
    assert list(test.classes) == sorted(test.classes)


def test_cifar100_that_is_missing_or_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPIKEHEBB_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"cifar100: it is not downloaded; unpack the official cifar-100"):
        load("cifar100", "test")
    with pytest.raises(FileNotFoundError, match="cifar100: train is missing"):
        load("cifar100", "train", data_dir=tmp_path)
    (tmp_path / "train").write_bytes(pickle.dumps(Trap(tmp_path / "trace")))
    with pytest.raises(ValueError, match=r"cifar100: .*train is not the official file.*its MD5 is [0-9a-f]{32}, not 1"):
        load("cifar100", "train", data_dir=tmp_path)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fine_labels": [100, 0, 7]}, "its labels must be 3 whole numbers from 0 to 99"),
        ({"coarse_labels": [20, 0, 7]}, "its labels must be 3 whole numbers from 0 to 19"),
        ({"data": np.zeros((2, 3072), np.uint8)}, r"its data must be bytes of the shape \(3, 3072\)"),
        ({"labels": [0, 0, 0]}, "not a batch of CIFAR-100, which is a dictionary"),
    ],
)
def test_a_file_of_cifar100_holds_what_it_should(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_batch(hundred(**changes), images=3, fine=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address that serves it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def test_cifar10_is_downloaded_once_and_checked(
    tmp_path: Path, batches: dict[str, bytes], server: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = server
    archive = folder / cifar.ARCHIVE[0]
    with tarfile.open(archive, "w:gz") as tar:
        for file, raw in (batches | {"../escape": b"out"}).items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{file}")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    monkeypatch.delenv("SPIKEHEBB_DATA", raising=False)
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(cifar, "SOURCE", address)
    with pytest.raises(ValueError, match="hash"):
        load("cifar10", "test")
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "ARCHIVE", (archive.name, sha256))
    assert load("cifar10", "test").labels.tolist() == [5, 9]
    archive.unlink()
    assert len(load("cifar10", "train")) == 10
    assert not list((tmp_path / "cache").rglob("escape"))
    kept = next((tmp_path / "cache").rglob("test_batch"))
    kept.write_bytes(pickle.dumps(Trap(tmp_path / "trace")))
    with pytest.raises(ValueError, match="is not the official file"):
        load("cifar10", "test")


@pytest.fixture
def stl10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, NDArray[np.uint8]]]:
    """Three images of each part that pass for the official files, and what they show."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    images = {}
    for stem in ("train", "test", "unlabeled"):
        images[stem] = rng.integers(0, 256, (3, 3, 96, 96), np.uint8)
        (folder / f"{stem}_X.bin").write_bytes(images[stem].transpose(0, 1, 3, 2).tobytes())
    for stem in ("train", "test"):
        (folder / f"{stem}_y.bin").write_bytes(bytes([1, 10, 4]))
    monkeypatch.setattr(stl, "PARTS", {part: (stem, 3) for part, (stem, _) in stl.PARTS.items()})
    monkeypatch.setattr(stl, "_BLOCK", 2)
    for path in folder.iterdir():
        monkeypatch.setitem(stl.MD5, path.name, hashlib.md5(path.read_bytes()).hexdigest())
    return tmp_path, images


@pytest.mark.parametrize(
    ("part", "stem", "labels"),
    [("train", "train", [0, 9, 3]), ("test", "test", [0, 9, 3]), ("unlabelled", "unlabeled", [-1, -1, -1])],
)
def test_stl10_is_turned_and_labelled_from_0(
    part: str, stem: str, labels: list[int], stl10: tuple[Path, dict[str, NDArray[np.uint8]]]
) -> None:
    folder, images = stl10
    loaded = load("stl10", part, data_dir=folder)
    assert loaded.name == f"stl10/{part}"
    assert np.array_equal(loaded.pixels, images[stem])
    assert loaded.pixels.dtype == np.uint8
    assert loaded.labels.tolist() == labels
    content = (folder / "stl10_binary" / f"{stem}_X.bin").read_bytes()
    assert loaded.hashes[f"{stem}_X.bin"] == hashlib.sha256(content).hexdigest()
    (folder / "stl10").mkdir()
    (folder / "stl10_binary").rename(folder / "stl10" / "stl10_binary")
    assert len(load("stl10", part, data_dir=folder)) == 3


def test_other_bytes_are_not_stl10(
    stl10: tuple[Path, dict[str, NDArray[np.uint8]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stl10[0] / "stl10_binary"
    (folder / "train_y.bin").write_bytes(bytes([1, 11, 4]))
    with pytest.raises(ValueError, match=r"stl10: .*train_y.bin is not the official file, so it is changed: its MD5"):
        load("stl10", "train", data_dir=folder)
    monkeypatch.setitem(stl.MD5, "train_y.bin", hashlib.md5(bytes([1, 11, 4])).hexdigest())
    with pytest.raises(ValueError, match=r"train_y.bin has labels from 1 to 11, but the official ones are 1 to 10"):
        load("stl10", "train", data_dir=folder)
    (folder / "test_X.bin").write_bytes((folder / "test_X.bin").read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=r"test_X.bin has 82943 bytes, but the official file has 82944, so it is trunc"
    ):
        load("stl10", "test", data_dir=folder)
    (folder / "unlabeled_X.bin").rename(folder / "unlabeled_X.bin.gz")
    with pytest.raises(FileNotFoundError, match=r"unlabeled_X.bin is missing .* SPIKEHEBB_DATA\.$"):
        load("stl10", "unlabelled", data_dir=folder)


def test_stl10_is_not_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPIKEHEBB_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"stl10: it is not downloaded; unpack .* --data-dir"):
        load("stl10", "train")


def test_the_official_sizes_of_stl10() -> None:
    # https://cs.stanford.edu/~acoates/stl10/
    assert {part: count for part, (_, count) in stl.PARTS.items()} == {
        "train": 5000,
        "test": 8000,
        "unlabelled": 100000,
    }


def test_unknown_names() -> None:
    assert {"digits", "mnist", "fashion-mnist", "cifar10", "stl10"} <= set(DATASETS)
    with pytest.raises(ValueError, match=r"there is no data set 'mnits'. Did you mean 'mnist'\?"):
        load("mnits", "train")
    with pytest.raises(ValueError, match=r"Did you mean 'cifar10'\?"):
        load("cifar-10", "train")
    with pytest.raises(ValueError, match="digits has the parts train and test, not 'validation'"):
        load("digits", "validation")
    with pytest.raises(ValueError, match="cifar10 has the parts train and test, not 'unlabelled'"):
        load("cifar10", "unlabelled")
    with pytest.raises(ValueError, match="stl10 has the parts train, test and unlabelled, not 'unlabeled'"):
        load("stl10", "unlabeled")


@pytest.mark.parametrize(("name", "file"), [("mnist", "train-images"), ("cifar10", "cifar-10-python")])
def test_a_failed_download_says_what_to_do(
    name: str, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise requests.exceptions.ConnectionError("no network")

    monkeypatch.delenv("SPIKEHEBB_DATA", raising=False)
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))
    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(ConnectionError, match=rf"{name}: cannot download {file}.* --data-dir"):
        load(name, "train")


def test_a_file_that_others_have_compressed_is_the_official_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it holds decides; the hash of the content is then the one that is reported."""
    contents = {
        "t10k-images-idx3-ubyte.gz": idx_bytes(np.zeros((2, 28, 28))),
        "t10k-labels-idx1-ubyte.gz": idx_bytes(np.zeros(2)),
    }
    for file, content in contents.items():
        (tmp_path / file).write_bytes(gzip.compress(content, 1))
        monkeypatch.setitem(idx.IDX_CONTENTS["mnist"], file, hashlib.sha256(content).hexdigest())
    images = load("mnist", "test", data_dir=tmp_path)
    assert images.hashes == {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(np.ones(2))))
    with pytest.raises(ValueError, match=r"t10k-labels.* is not the official file, so it is truncated, changed or"):
        load("mnist", "test", data_dir=tmp_path)


def test_a_dictionary_of_gigabytes_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikehebb.datasets.unpacking._DICTIONARY", 1 << 20)
    (tmp_path / "t10k-images-idx3-ubyte.xz").write_bytes(lzma.compress(b"x", preset=6))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(ValueError, match=r"is not a whole xz file .*[Mm]emory usage limit"):
        load("mnist", "test", data_dir=tmp_path)


@pytest.mark.parametrize("rank", [0, 5, 255])
def test_idx_files_of_odd_dimensions(rank: int) -> None:
    with pytest.raises(ValueError, match=f"file: its header promises an array of {rank} dimensions"):
        read_idx(b"\x00\x00\x08" + bytes([rank]) + bytes(4 * rank))


@pytest.mark.parametrize("shape", [(6, 7), (3, 6, 7)])
def test_images_are_moved_with_their_edges_reflected_and_half_of_them_mirrored(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, *shape), np.uint8)
    given = images(pixels, np.zeros(40, int))
    seen = moved_and_mirrored(given, 3, pixels=2)
    padded = np.pad(pixels, [(0, 0)] * (len(shape) - 1) + [(2, 2)] * 2, "reflect")
    mirrored = moves = 0
    for one, wide in zip(np.asarray(seen.pixels), padded, strict=True):
        views = [
            (row, column, flip)
            for row in range(5)
            for column in range(5)
            for flip in (False, True)
            if np.array_equal(one[..., ::-1] if flip else one, wide[..., row : row + 6, column : column + 7])
        ]
        assert len(views) == 1
        mirrored += views[0][2]
        moves += views[0][:2] != (2, 2)
    assert 10 <= mirrored <= 30
    assert moves > 30
    assert np.array_equal(seen.pixels, moved_and_mirrored(given, 3, pixels=2).pixels)
    with pytest.raises(ValueError, match="images of 6 x 7 pixels can be moved by 0 to 5, not 6"):
        moved_and_mirrored(given, 0, pixels=6)
