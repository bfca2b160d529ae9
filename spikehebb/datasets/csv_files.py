"""Labelled rows of numbers in CSV files: pixels of images, or features."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Float
from spikehebb.datasets.csv_lines import decoded, is_number, number, separator_of, split
from spikehebb.datasets.tables import are_pixels
from spikehebb.datasets.unpacking import unpacked
from spikehebb.reading import printable

SUFFIXES = (".csv", ".tsv", ".data")
LABELS = ("label", "labels", "class", "target")
_PASSED_OVER = ("", "id", "index", "unnamed: 0")  # numbers of the rows, which would tell the order of the file
_BLOCK = 4096  # lines that are read at a time
_SHOWN = 6  # names in a message


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """The rows of a CSV file.

    Parameters
    ----------
    path : path
    sha256 : str
        Of its content, unpacked.
    columns : tuple of str
        Names of the columns of ``values``; empty without a header.
    values : array, shape (rows, columns)
    labels : array of str, shape (rows,), or None
        None where it has no label.
    label : int or None
        Which column of the file that is.
    """

    path: Path
    sha256: str
    columns: tuple[str, ...]
    values: Float
    labels: NDArray[np.str_] | None
    label: int | None


def read_sheet(path: Path, like: Sheet | None = None) -> Sheet:
    r"""Return the rows of a CSV file.

    Columns are separated by commas, semicolons or tabs. The first line may name them. The label is the column called
    label, labels, class or target, else the only one that holds no numbers, else, without a header, the first or the
    last, if only one of them can be: one that holds few different whole numbers. Beside pixels, which may, too, it is
    the one that holds fewer. Columns called id or index, or without a name, are passed over.

    Parameters
    ----------
    path : path
        Plain, ``.gz`` or ``.xz``.
    like : Sheet, optional
        Of the training part, whose columns it must have; its label may be missing.

    Raises
    ------
    OSError
        If there is none, or it cannot be read.
    ValueError
        If it is something else; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "flowers.csv"
    ...     _ = file.write_text("width,length,target\n1.5,2,setosa\n0.5,1,virginica\n")
    ...     sheet = read_sheet(file)
    >>> sheet.values.tolist(), sheet.labels.tolist()
    ([[1.5, 2.0], [0.5, 1.0]], ['setosa', 'virginica'])
    """
    content = unpacked(path, "CSV file")
    text = decoded(content, path)
    lines = [(place, line) for place, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError(f"{path} is empty; it needs a label and numbers in each line.")
    separator = separator_of(lines[0][1])
    first = split(path, *lines[0], separator)
    if len(first) < 2:
        raise ValueError(f"{path} has one column only; separate the label and the numbers with commas.")
    named = _is_header(first)
    names = tuple(first) if named and not all(map(is_number, first)) else ()
    lines = lines[1:] if named else lines
    if not lines:
        raise ValueError(f"{path} has a header but no rows.")
    _check_width(path, lines, separator, len(first))
    row = split(path, *lines[0], separator)
    kept = [at for at in range(len(first)) if not names or names[at].casefold() not in _PASSED_OVER]
    found = (path, names, row, kept, lines, separator)
    label = _label(*found) if like is None else _label_like(*found, like)
    kept = [at for at in kept if at != label]
    if not kept:
        raise ValueError(f"{path} has labels but no numbers beside them.")
    columns = tuple(names[at] for at in kept) if names else ()
    if like is not None and (len(kept) != like.values.shape[1] or (columns and like.columns not in ((), columns))):
        raise ValueError(
            f"{path} has {len(kept)} columns of numbers ({_shown(columns)}), but {like.path} has "
            f"{like.values.shape[1]} ({_shown(like.columns)}); the two parts must have the same."
        )
    return Sheet(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        columns=columns,
        values=_numbers(path, lines, separator, kept, names),
        labels=None if label is None else _texts(path, lines, separator, label),
        label=label,
    )


def as_labels(texts: NDArray[np.str_]) -> NDArray[np.generic]:
    """Return labels as numbers if all of them are, else as they are.

    Examples
    --------
    >>> as_labels(np.array(["3", "05"])).tolist(), as_labels(np.array(["3", "b"])).tolist()
    ([3.0, 5.0], ['3', 'b'])
    """
    different = np.unique(texts)
    return texts.astype(np.float64) if all(is_number(text) for text in different.tolist()) else texts


def _is_header(fields: Sequence[str]) -> bool:
    numbers = list(map(is_number, fields))
    if any(field.casefold() in LABELS for field in fields) or not any(numbers):
        return True
    return len(fields) > 3 and list(fields) == list(map(str, range(len(fields))))  # as pandas names columns


def _check_width(path: Path, lines: Sequence[tuple[int, str]], separator: str, width: int) -> None:
    """Raise ``ValueError`` if a line has more or fewer columns than the first."""
    for place, line in lines:
        got = len(split(path, place, line, separator)) if '"' in line else line.count(separator) + 1
        if got != width:
            raise ValueError(f"{path}, line {place} has {got} columns, but the first line {width}.")


def _label(
    path: Path,
    names: tuple[str, ...],
    row: Sequence[str],
    kept: Sequence[int],
    lines: Sequence[tuple[int, str]],
    separator: str,
) -> int:
    """Return which column is the label."""
    called = [at for at in kept if names and names[at].casefold() in LABELS]
    texts = [at for at in kept if not is_number(row[at])]
    for found, what in ((called, "are called label, class or target"), (texts, "hold no numbers")):
        if len(found) == 1:
            return found[0]
        if found:
            shown = _shown([names[at] if names else str(at + 1) for at in found])
            raise ValueError(f"{path}: the columns {shown} {what}; keep one of them as the label.")
    if names:
        raise ValueError(f"{path}: no column is called label, class or target, only {_shown(names)}; rename the label.")
    different = {}
    for at in (kept[0], kept[-1]):
        column = _numbers(path, lines, separator, [at], ())[:, 0]
        count = len(np.unique(column))
        if np.array_equal(column, np.floor(column)) and 1 < count <= max(2, len(column) // 2):
            different[at] = count
    ranked = sorted(different, key=lambda at: different[at])
    some = lines[:_BLOCK]
    sure = len(ranked) == 1 or (
        len(ranked) == 2
        and different[ranked[1]] >= 1.5 * different[ranked[0]]
        and are_pixels(_numbers(path, some, separator, [at for at in kept if at != ranked[0]], ()))
    )
    if not sure:
        raise ValueError(
            f"{path}: it is not certain which column is the label; write a first line that names the columns, and "
            "call it label."
        )
    return ranked[0]


def _label_like(
    path: Path,
    names: tuple[str, ...],
    row: Sequence[str],
    kept: Sequence[int],
    lines: Sequence[tuple[int, str]],
    separator: str,
    like: Sheet,
) -> int | None:
    """Return which column is the label of a test part, or None if there is none."""
    if len(kept) == like.values.shape[1] and not any(names[at].casefold() in LABELS for at in kept if names):
        return None
    if not names and not like.columns and len(kept) == like.values.shape[1] + 1:
        return like.label
    return _label(path, names, row, kept, lines, separator)


def _numbers(
    path: Path, lines: Sequence[tuple[int, str]], separator: str, columns: Sequence[int], names: tuple[str, ...]
) -> Float:
    """Return some columns, shape (rows, columns)."""
    values = np.empty((len(lines), len(columns)))
    for start in range(0, len(lines), _BLOCK):
        block = lines[start : start + _BLOCK]
        try:
            part = np.loadtxt(
                [line for _, line in block],
                delimiter=separator,
                usecols=columns,
                comments=None,
                quotechar='"',
                ndmin=2,
            )
        except ValueError as error:
            _find_fault(path, block, separator, columns, names)
            raise ValueError(f"{path}, from line {block[0][0]} on: {printable(error)}.") from error
        if not np.isfinite(part).all():
            _find_fault(path, block, separator, columns, names)
        values[start : start + len(block)] = part
    values.flags.writeable = False
    return values


def _find_fault(
    path: Path, block: Sequence[tuple[int, str]], separator: str, columns: Sequence[int], names: tuple[str, ...]
) -> None:
    """Raise ``ValueError`` for the first field that is no finite number."""
    for place, line in block:
        fields = split(path, place, line, separator)
        for at in columns:
            column = f"column {printable(repr(names[at]), 40) if names else at + 1}"
            value = number(f"{path}, line {place}", column, fields[at])
            if not np.isfinite(value):
                raise ValueError(f"{path}, line {place}: {column} must be a finite number, got {value}.")


def _texts(path: Path, lines: Sequence[tuple[int, str]], separator: str, column: int) -> NDArray[np.str_]:
    """Return a column as texts."""
    fields = np.loadtxt(
        [line for _, line in lines], str, delimiter=separator, usecols=column, comments=None, quotechar='"', ndmin=1
    )
    texts: NDArray[np.str_] = np.char.strip(fields)
    if (empty := np.flatnonzero(texts == "")).size:
        raise ValueError(f"{path}, line {lines[empty[0]][0]} has no label; write one, or take the line out.")
    return texts


def _shown(names: Sequence[str]) -> str:
    if not names:
        return "without names"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{printable(', '.join(map(repr, names[:_SHOWN])))}{more}"
