"""Reading files that may come from anywhere: what they are, how much memory they may take, what they must hold."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOST_TEXT = 16 << 20  # bytes of a JSON file; in memory it takes up to 30 times as much
_ROOM, _RATIO = 1 << 28, 16  # bytes in memory that any file may take, and more for each byte that it has
_LISTED, _NAME = 12, 60  # names in a message, and letters of one
_DEEPEST = 50  # brackets of JSON in each other
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_WINDOWS = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
# What damaged or hostile content leads to in code that takes it for sound; nothing of it is a fault of the code.
_DAMAGE = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, UnicodeError, NotImplementedError)


def printable(text: object, most: int = 120) -> str:
    r"""Return a text as a message may show it: one line without control characters, cut in the middle if it is long.

    Examples
    --------
    >>> printable("a\x1b[31m\nb"), printable("x" * 1000, 12)
    ('a\\x1b[31m\\nb', 'xxxxxx...xxx')
    """
    word = str(text)
    if len(word) > most:
        head = (2 * (most - 3) + 2) // 3
        word = f"{word[:head]}...{word[len(word) - (most - 3 - head) :]}"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in word)


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Return `` Did you mean 'x'? (x, y, z)``, or just the list when nothing is close; of many names the nearest."""
    name, allowed = printable(name, _NAME), [printable(each, _NAME) for each in allowed]  # also of strangers' files
    near = difflib.get_close_matches(name, allowed, n=2)
    tied = [each for each in allowed if each in near and _likeness(each, name) == _likeness(near[0], name)]
    close = tied[:1]  # of equally near ones the first
    guess = f" Did you mean {close[0]!r}?" if close else ""
    if len(allowed) <= _LISTED:
        return f"{guess} ({', '.join(allowed)})"
    near = difflib.get_close_matches(name, allowed, n=_LISTED, cutoff=0)
    return f"{guess} ({', '.join(near)} and {len(allowed) - len(near)} more)"


def _likeness(one: str, other: str) -> float:
    """Return how like two names are, as ``difflib`` compares them."""
    return difflib.SequenceMatcher(None, one, other).ratio()


def file_name(name: str) -> str:
    """Return a name as part of the name of a file: letters, digits, ``._+-``, at most 80 of them.

    Examples
    --------
    >>> file_name("stdp_pair"), file_name("a/b"), file_name(".."), file_name("con")
    ('stdp_pair', 'a_b', '_', 'con_')
    """
    plain = re.sub(r"[^A-Za-z0-9._+-]", "_", name)[:80].strip(".") or "_"
    return f"{plain}_" if plain.split(".")[0].lower() in _WINDOWS else plain


def regular(path: str | Path, what: str = "file", hint: str = "") -> Path:
    """Return the path of an ordinary file; a pipe or a device could be waited for without end.

    Parameters
    ----------
    path : path
    what, hint : str
        What a message calls the file, and what it says besides.

    Raises
    ------
    FileNotFoundError
        If there is none.
    OSError
        If it cannot be looked at.
    """
    path = Path(path)
    more = f"; {hint}" if hint else ""
    try:
        mode = stat.S_IFMT(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"there is no {what} {path}{more}.") from error
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        raise OSError(f"cannot read the {what} {path} ({getattr(error, 'strerror', None) or error}){more}.") from error
    if mode != stat.S_IFREG:
        raise FileNotFoundError(f"there is no {what} {path}: it is {_KINDS.get(mode, 'a device')}{more}.")
    return path


def read_bytes(path: str | Path, what: str = "file", *, most: int, hint: str = "") -> bytes:
    """Return what an ordinary file holds.

    Raises
    ------
    FileNotFoundError
        If there is none.
    OSError
        If it cannot be read.
    ValueError
        If it is larger than ``most`` bytes.
    """
    path = regular(path, what, hint)
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        more = f"; {hint}" if hint else ""
        raise OSError(f"cannot read the {what} {path} ({error.strerror}){more}.") from error
    if len(content) > most:
        raise ValueError(f"{path} has more than {most >> 20} MiB, which is too much for a {what}; is it another file?")
    return content


def read_json(path: str | Path, what: str = "JSON file") -> Any:
    """Return what a JSON file holds; see ``from_json``.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    return from_json(read_bytes(path, what, most=MOST_TEXT), f"{what} {path}")


def from_json(content: bytes, owner: str) -> Any:
    """Return what JSON says, strictly: finite numbers, each name once, no more than 50 brackets in each other.

    Raises
    ------
    ValueError
    """
    try:
        value = json.loads(
            content.decode(), parse_constant=_no_number, parse_float=_float, parse_int=_whole, object_pairs_hook=_once
        )
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        reason = "brackets lie too deep in each other" if isinstance(error, RecursionError) else printable(error)
        raise ValueError(f"{owner} cannot be read: {reason.rstrip('.')}.") from error
    return value


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no finite number")


def _float(word: str) -> float:
    return float(word) if math.isfinite(float(word)) else _no_number(word)


def _whole(word: str) -> int:
    if len(word) > 20 or not abs(int(word)) < 1 << 64:
        raise ValueError(f"{printable(word, 20)} is larger than any number that is needed")
    return int(word)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in content if names.count(name) > 1)!r} is there twice")
    return content


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise RecursionError


def check(value: Any, pattern: Any, what: str) -> Any:
    """Return a value from a file if it looks like a pattern.

    Parameters
    ----------
    value
    pattern
        ``str``, ``bool``, ``int`` or ``float`` (no truth values), ``None``, any of several in a tuple; a list of one
        pattern for lists of any length; a mapping of names to patterns, where names that end in ``?`` may be missing
        and others may be there, too; a mapping of ``str`` to a pattern for any names; ``object`` for anything.
    what : str
        What a message calls the value.

    Raises
    ------
    ValueError
        The message names the entry.

    Examples
    --------
    >>> check({"points": [1, 2.5]}, {"points": [float], "name?": str}, "the report")
    {'points': [1, 2.5]}
    """
    problem = _problem(value, pattern, what)
    if problem:
        raise ValueError(f"{problem}.")
    return value


def exactly(settings: Any, kind: type, what: str) -> dict[str, Any]:
    """Return settings from a file if they name every field of a dataclass and no other: nothing is a default.

    Raises
    ------
    ValueError
        The message names the entries.
    """
    names = [item.name for item in dataclasses.fields(kind)]
    check(settings, dict.fromkeys(names, object), what)
    if unknown := [printable(repr(name), 40) for name in settings if name not in names]:
        raise ValueError(f"{what} has entries that are not known: {', '.join(unknown[:6])}; upgrade spikehebb.")
    return dict(settings)


def _problem(value: Any, pattern: Any, what: str) -> str:
    """Return what is wrong with a value, or nothing."""
    if isinstance(pattern, tuple):
        problems = [_problem(value, each, what) for each in pattern]
        return "" if "" in problems else problems[0]
    if isinstance(pattern, list):
        if not isinstance(value, list | tuple):
            return f"{what} must be a list, got {_given(value)}"
        return next(filter(None, (_problem(item, pattern[0], f"{what}[{at}]") for at, item in enumerate(value))), "")
    if isinstance(pattern, Mapping):
        if not isinstance(value, Mapping):
            return f"{what} must be a table of names and values, got {_given(value)}"
        if str in pattern:
            named = dict.fromkeys(value, pattern[str])
        else:
            needed = [name for name in pattern if not name.endswith("?")]
            if missing := [name for name in needed if name not in value]:
                return f"{what} lacks {', '.join(map(repr, missing))}"
            names = {name.removesuffix("?"): inner for name, inner in pattern.items()}
            named = {name: inner for name, inner in names.items() if name in value}
        inner = (_problem(value[name], each, f"{what}, {printable(name, 40)}") for name, each in named.items())
        return next(filter(None, inner), "")
    if pattern is object:
        return ""
    if pattern is None:
        return "" if value is None else f"{what} must be empty, got {_given(value)}"
    if pattern is float:
        right = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
        return "" if right else f"{what} must be a number, got {_given(value)}"
    words = {int: "a whole number", str: "a text", bool: "true or false"}
    right = isinstance(value, pattern) and (pattern is not int or not isinstance(value, bool))
    return "" if right else f"{what} must be {words[pattern]}, got {_given(value)}"


def _given(value: Any) -> str:
    return f"a {type(value).__name__}" if isinstance(value, Mapping | list | tuple) else printable(repr(value), 40)


@contextmanager
def checked(owner: str) -> Iterator[None]:
    """Raise ``ValueError`` in the name of a file where its content leads to any error that is none of the code's.

    Parameters
    ----------
    owner : str
        What the message calls the file.
    """
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{owner} lacks {printable(error)}.") from error
    except _DAMAGE as error:
        raise ValueError(f"{owner} is damaged ({type(error).__name__}: {printable(error)}).") from error


def room(size: int) -> int:
    """Return how many bytes in memory the content of a file of this size may take: a small file never takes a lot."""
    return _ROOM + _RATIO * size
