"""Checkpoints: what is written comes back; what is damaged, foreign or hostile is refused and never run."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spikehebb import checkpoint
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
