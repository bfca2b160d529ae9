"""Files that may come from anywhere: what is no file, too large, too deep or named like a trap ends in one sentence."""

from __future__ import annotations

import dataclasses
import locale
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from spikehebb import reading
from spikehebb.devices.alphabet import utf8


def test_no_text_moves_the_cursor_or_fills_the_screen() -> None:
    assert reading.printable("a\x1b[31m\tb\r\nc\u202ed\udcff\u2028") == r"a\x1b[31m\tb\r\nc\u202ed\udcff\u2028"
    assert reading.printable("größer ± 3") == "größer ± 3"
    assert reading.printable("x" * 121) == "x" * 78 + "..." + "x" * 39
    for most in range(4, 30):
        assert len(reading.printable("y" * 1000, most)) == most
    assert reading.printable("short", 5) == "short"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("stdp_pair", "stdp_pair"),
        ("v1.2-x", "v1.2-x"),
        ("a/b", "a_b"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("", "_"),
        ("CON", "CON_"),
        ("nul.png", "nul.png_"),
        ("$x_1$ \n\0", "_x_1____"),
        ("ü" * 300, "_" * 80),
    ],
)
def test_a_name_becomes_a_file_in_the_folder(name: str, file: str) -> None:
    assert reading.file_name(name) == file


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in {
        tmp_path / "none": r"there is no table .*none; give one\.",
        tmp_path / "none" / "deeper": r"there is no table .*deeper; give one\.",
        tmp_path / "pipe": r"there is no table .*pipe: it is a pipe; give one\.",
        tmp_path: r"there is no table .*: it is a folder; give one\.",
        Path("/dev/zero"): r"there is no table /dev/zero: it is a device; give one\.",
    }.items():
        with pytest.raises(FileNotFoundError, match=words):
            reading.read_bytes(path, "table", most=10, hint="give one")
    with pytest.raises(OSError, match=r"cannot read the table x*.* .File name too long"):
        reading.regular(tmp_path / ("x" * 5000), "table")
    with pytest.raises(OSError, match=r"cannot read the table .*null"):
        reading.regular("a\0b", "table")
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(FileNotFoundError, match="it is a socket"):
            reading.regular("s")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="large has more than 4 MiB, which is too much for a table"):
        reading.read_bytes(path, "table", most=4 << 20)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": Infinity}', "Infinity is no finite number"),
        ('{"a": NaN}', "NaN is no finite number"),
        ("1e999", "1e999 is no finite number"),
        ("1" + "0" * 100_000, "is larger than any number that is needed"),
        (str(2**64), "is larger than any number that is needed"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ("[" * 3000 + "]" * 3000, "brackets lie too deep in each other"),
        ("[" * 10**6, "brackets lie too deep in each other|Expecting value"),
        ("[" * 60 + "]" * 60, "brackets lie too deep in each other"),
        ('"\\ud800', "escape|Unterminated string"),
        ("", "Expecting value"),
        ("\ufeff{}", "BOM|Expecting value"),
    ],
)
def test_json_that_is_none(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^the report cannot be read: .*({reason}).*\.$"):
        reading.from_json(text.encode(), "the report")


def test_json_that_is_no_text() -> None:
    with pytest.raises(ValueError, match="the report cannot be read: 'utf-8' codec"):
        reading.from_json(b'{"a": "\xff"}', "the report")
    assert reading.from_json(b'{"a": [1, 2.5, "\xc3\xa4", null, true]}', "x") == {"a": [1, 2.5, "ä", None, True]}
    assert reading.from_json(b"18446744073709551615", "x") == 2**64 - 1


PATTERN = {"points": [{"value": float}], "names?": {str: str}, "seed": int, "more": (None, [int])}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"points": 3}, "it, points must be a list, got 3"),
        ({"points": [{}]}, r"it, points\[0\] lacks 'value'"),
        ({"points": [{"value": True}]}, r"it, points\[0\], value must be a number, got True"),
        ({"points": [{"value": "\x1b"}]}, r"it, points\[0\], value must be a number, got '\\x1b'"),
        ({"points": [{"value": 10**400}]}, r"it, points\[0\], value must be a number"),
        ({"names": {"a\n": 1}}, r"it, names, a\\n must be a text, got 1"),
        ({"seed": False}, "it, seed must be a whole number, got False"),
        ({"seed": 1.0}, "it, seed must be a whole number, got 1.0"),
        ({"more": "x"}, "it, more must be empty, got 'x'"),
        ({"more": [1, 2.5]}, "it, more must be empty, got a list"),
    ],
)
def test_what_a_file_lacks_is_named(change: dict[str, Any], problem: str) -> None:
    right = {"points": [{"value": 1, "unit": "ms"}], "seed": 2, "more": None, "other": object}
    assert reading.check(right, PATTERN, "it") is right
    with pytest.raises(ValueError, match=problem):
        reading.check(right | change, PATTERN, "it")
    with pytest.raises(ValueError, match="it must be a table of names and values, got a list"):
        reading.check([], PATTERN, "it")


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), RecursionError("x"), OverflowError("x")])
def test_content_is_to_blame_for_what_it_leads_to(error: Exception) -> None:
    with pytest.raises(ValueError, match=r"^the file (lacks 'x'|is damaged \(\w+: x\))\."), reading.checked("the file"):
        raise error
    with pytest.raises(OSError, match="disk"), reading.checked("the file"):
        raise OSError("disk")


def test_brian2_reads_its_files_as_utf8_whatever_the_locale(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("µ".encode())
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C")
        with utf8():
            assert locale.getencoding() == "UTF-8"
            assert (tmp_path / "a.txt").read_text() == "µ"
        assert locale.getencoding() != "UTF-8"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def test_without_any_utf8_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(category: int, name: str | None = None) -> str:
        if name not in (None, "C"):
            raise locale.Error
        return "C"

    monkeypatch.setattr(locale, "getencoding", lambda: "ascii")
    monkeypatch.setattr(locale, "setlocale", none)
    with pytest.raises(OSError, match="this environment reads ascii; set LC_ALL to a locale of UTF-8"), utf8():
        pass


def test_six_unknown_entries_are_named_at_most() -> None:
    @dataclasses.dataclass
    class Known:
        a: int = 0

    entries = {"a": 1} | {f"odd_{number}": 0 for number in range(8)}
    with pytest.raises(ValueError, match=r"'odd_5'; upgrade spikehebb") as caught:
        reading.exactly(entries, Known, "it")
    assert "odd_6" not in str(caught.value)
