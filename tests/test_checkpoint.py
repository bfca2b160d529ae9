"""Checkpoints: what is written comes back; what is damaged, foreign or hostile is refused and never run."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spikehebb import checkpoint, reading
from spikehebb.checkpoint import Checkpoint

ARRAYS = {"w": np.arange(6.0).reshape(2, 3), "labels": np.array([1, 2, 3])}


def shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    n = header["neurons"]
    return {"w": ("f", (2, n)), "labels": ("i", (n,))}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(Checkpoint(header={"neurons": 3}, arrays=ARRAYS), path)
    return path


def write(path: Path, **members: Any) -> None:
    with open(path, "wb") as file:
        np.savez(file, **members)


def header(**content: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps({"format": 1, "neurons": 3} | content).encode(), np.uint8)


def test_what_is_saved_comes_back(saved: Path) -> None:
    for path in (saved, saved.parent):
        loaded = checkpoint.load(path, shapes)
        assert loaded.header["neurons"] == 3
        assert {name: array.tolist() for name, array in loaded.arrays.items()} == {
            name: array.tolist() for name, array in ARRAYS.items()
        }


def test_truncated_anywhere(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is damaged or truncated"):
            checkpoint.load(saved, shapes)


def test_flipped_bytes_never_pass_unnoticed(saved: Path, rng: np.random.Generator) -> None:
    whole = saved.read_bytes()
    for place in rng.choice(len(whole), 60, replace=False):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            loaded = checkpoint.load(saved, shapes)
        except ValueError:
            continue
        assert all(np.array_equal(loaded.arrays[name], ARRAYS[name]) for name in ARRAYS)  # a field that nothing reads


def test_a_newer_format(saved: Path) -> None:
    write(saved, header=header(format=2), **ARRAYS)
    with pytest.raises(ValueError, match="has format 2, and this version reads up to 1; upgrade"):
        checkpoint.load(saved, shapes)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"w": np.zeros((3, 2))}, r"w has shape \(3, 2\), but \(2, 3\) is needed"),
        ({"labels": np.zeros(3)}, "labels has the wrong type, float64"),
        ({"w": np.full((2, 3), np.nan)}, "w holds numbers that are not finite"),
        ({"extra": np.zeros(1)}, r"holds \['extra', 'labels', 'w'\], but needs \['labels', 'w'\]"),
        ({"header": header(neurons=None)}, "checkpoint"),
        ({"header": np.zeros(3, np.uint8)}, "its header cannot be read"),
    ],
)
def test_wrong_content(saved: Path, members: dict[str, Any], message: str) -> None:
    write(saved, **({"header": header(), **ARRAYS} | members))
    with pytest.raises(ValueError, match=message):
        checkpoint.load(saved, shapes)


def test_a_header_that_lacks_something(saved: Path) -> None:
    write(saved, header=np.frombuffer(b'{"format": 1}', np.uint8), **ARRAYS)
    with pytest.raises(ValueError, match="its header lacks 'neurons'"):
        checkpoint.load(saved, shapes)


def test_pickled_objects_are_refused_and_never_run(saved: Path, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(trace), "w"))

    for name in ("w", "header"):
        members = {"header": header(), **ARRAYS, name: np.array([Hostile()], dtype=object)}
        write(saved, **members)
        trace.unlink(missing_ok=True)
        with pytest.raises(ValueError, match=f"{name} holds pickled objects, which could run code; refused"):
            checkpoint.load(saved, shapes)
        assert not trace.exists()


def test_an_absurd_size_is_refused_before_memory_is_taken(saved: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 10**6)})
    with zipfile.ZipFile(saved, "w") as archive:
        for name, array in {"header": header(), "labels": ARRAYS["labels"]}.items():
            member = io.BytesIO()
            np.save(member, array)
            archive.writestr(f"{name}.npy", member.getvalue())
        archive.writestr("w.npy", buffer.getvalue())
    with pytest.raises(ValueError, match=r"w has shape \(1000000000000, 1000000\), but \(2, 3\) is needed"):
        checkpoint.load(saved, shapes)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "nothing.npz", shapes)
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match="damaged or truncated"):
        checkpoint.load(tmp_path / "text.npz", shapes)
    write(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="is no checkpoint of this toolkit: it has no header"):
        checkpoint.load(tmp_path / "other.npz", shapes)


def test_a_failed_write_damages_nothing(saved: Path) -> None:
    before = saved.read_bytes()

    def fail(file: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, os.strerror(28))

    with pytest.raises(OSError, match=r"cannot write .*: No space left on device. Nothing there was changed"):
        checkpoint.write_whole(saved, fail)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_json_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoint.write_json(tmp_path / "x.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def npy(array: NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def bad_header(text: str, version: bytes = b"\x01\x00", length: int | None = None) -> bytes:
    size = (len(text) if length is None else length).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + size + text.encode("latin1")


SOUND = {"header.npy": npy(header()), "w.npy": npy(ARRAYS["w"]), "labels.npy": npy(ARRAYS["labels"])}
HOSTILE: dict[str, tuple[dict[str, bytes], str]] = {
    "no npy": ({"odd": b"1"}, "odd is no array of a checkpoint; refused"),
    "escape": ({"\x1b[2J": b"1"}, r"\\x1b\[2J is no array of a checkpoint"),
    "brackets": ({"w.npy": bad_header("(" * 3000 + ")" * 3000)}, r"w is no array of numbers \((Syntax|Memory)Error"),
    "long header": (
        {"w.npy": bad_header(" " * 20_000, b"\x02\x00")},
        "w is no array: its header has 20,000 char",
    ),
    "claimed header": ({"w.npy": bad_header("{}", b"\x02\x00", 2**32 - 1)}, "its header has 4,294,967,295 characters"),
    "no header": ({"w.npy": bad_header("3")}, "w is no array of numbers .*its header must be a table"),
    "version": ({"w.npy": bad_header("{}", b"\x03\x00")}, "w is no array"),
    "type": (
        {"w.npy": bad_header("{'descr': 'V9', 'fortran_order': False, 'shape': (2, 3)}")},
        "w has the wrong type",
    ),
    "fields": (
        {"w.npy": bad_header("{'descr': [('a', 'f8', (10**9,))], 'fortran_order': False, 'shape': (2, 3)}")},
        "w is no array of numbers",
    ),
    "flags": (
        {"w.npy": bad_header("{'descr': 'f8', 'fortran_order': 1, 'shape': (2, 3)}")},
        "fortran_order must be true or false, got 1",
    ),
    "short": (
        {"w.npy": bad_header("{'descr': 'f8', 'fortran_order': False, 'shape': (2, 3)}") + bytes(40)},
        r"w promises numbers of the shape \(2, 3\), 48 bytes, but holds 40",
    ),
    "long": (
        {"w.npy": bad_header("{'descr': 'f8', 'fortran_order': False, 'shape': (2, 3)}") + bytes(56)},
        "48 bytes, but holds 56",
    ),
    "giant": ({"w.npy": npy(np.full((2, 3), 1e300))}, r"w holds 1e\+300, which nothing learns"),
    "infinity": ({"header.npy": npy(np.frombuffer(b'{"format": Infinity}', np.uint8))}, "Infinity is no finite number"),
    "1e999": ({"header.npy": npy(np.frombuffer(b'{"format": 1e999}', np.uint8))}, "1e999 is no finite number"),
    "format": ({"header.npy": npy(np.frombuffer(b'{"format": "1"}', np.uint8))}, "format must be a whole number"),
    "list": ({"header.npy": npy(np.frombuffer(b"[]", np.uint8))}, "its header must be a table of names and values"),
}


@pytest.mark.parametrize(("members", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_members(members: dict[str, bytes], message: str, saved: Path) -> None:
    with zipfile.ZipFile(saved, "w") as archive:
        for name, content in (SOUND | members).items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=f"checkpoint .*{message}") as error:
        checkpoint.load(saved, shapes)
    assert str(error.value).isprintable()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice(saved: Path) -> None:
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("w.npy", SOUND["w.npy"])
    with pytest.raises(ValueError, match=r"w.npy is there twice; refused"):
        checkpoint.load(saved, shapes)


@pytest.mark.parametrize("name", ["w.npy", "header.npy", "extra.npy"])
def test_a_small_file_takes_little_memory(name: str, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 MB of zeros pack into 20 kB; the limit is smaller here than that of 256 MiB."""
    monkeypatch.setattr(reading, "_ROOM", 4 << 20)
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, content in SOUND.items():
            if other != name:
                archive.writestr(other, content)
        with archive.open(name, "w", force_zip64=True) as member:
            for _ in range(20):
                member.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(ValueError, match="would take 20 MiB of memory, and a file of its size may take 4"):
        checkpoint.load(saved, shapes)
    assert tracemalloc.get_traced_memory()[1] < 2 << 20
    tracemalloc.stop()


def test_what_packs_too_well_is_written_plain(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody's own network is taken for a bomb; the limits are smaller here."""
    monkeypatch.setattr(reading, "_ROOM", 10_000)
    network = Checkpoint(header={"neurons": 3}, arrays={"w": np.zeros((2, 30_000)), "labels": np.zeros(3, int)})
    for packed in (True, False):
        checkpoint.save(network, saved, compress=packed)
        wide = lambda header: {"w": ("f", (2, 30_000)), "labels": ("i", (3,))}  # noqa: E731
        assert checkpoint.load(saved, wide).arrays["w"].shape == (2, 30_000)


@pytest.mark.parametrize(("kind", "message"), [("f+", "w must not be negative, but holds -1"), ("f", None)])
def test_what_cannot_be_negative(kind: str, message: str | None, saved: Path) -> None:
    checkpoint.save(Checkpoint(header={}, arrays={"w": np.array([0.0, -1.0])}), saved)
    if message is None:
        checkpoint.load(saved, lambda header: {"w": (kind, (2,))})
        return
    with pytest.raises(ValueError, match=message):
        checkpoint.load(saved, lambda header: {"w": (kind, (2,))})


def test_a_pipe_is_no_checkpoint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checkpoint.npz")
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint .*: it is a pipe"):
        checkpoint.load(tmp_path, shapes)


def test_a_full_disk_that_numpy_reports_is_a_sentence(saved: Path) -> None:
    def fail(file: Any) -> None:
        raise OSError("802816 requested and 300032 written")

    with pytest.raises(OSError, match=r"cannot write .*: is the disk full.*Nothing there was changed"):
        checkpoint.write_whole(saved, fail)
