"""Lines, fields and numbers of CSV files, with messages that name the line."""

from __future__ import annotations

import csv
from pathlib import Path

from spikehebb.reading import printable

SEPARATORS = ",;\t"


def decoded(content: bytes, path: Path) -> str:
    """Return the text of a CSV file.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text; save the table as 'CSV UTF-8'."
        ) from error
    if "\0" in text:
        raise ValueError(f"{path} is not a text file; save the table as 'CSV UTF-8'.")
    return text


def separator_of(line: str) -> str:
    """Return what separates the columns of a line: what is there most often."""
    return max(SEPARATORS, key=line.count)


def split(path: Path, number: int, line: str, separator: str) -> list[str]:
    """Return the fields of a line.

    Raises
    ------
    ValueError
        If its quotes are not closed.
    """
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator, strict=True))]
    except csv.Error as error:
        raise ValueError(f"{path}, line {number} cannot be split into columns ({error}); check its quotes.") from error


def number(where: str, column: str, field: str) -> float:
    """Return the number that a field holds.

    Raises
    ------
    ValueError
        If it is empty or no number.
    """
    if not field:
        raise ValueError(f"{where}: {column} is empty; write a number there, or take the line out.")
    if not is_number(field):
        given = printable(repr(field), 40)
        hint = " with a decimal point, not a comma" if is_number(field.replace(",", ".")) else ""
        raise ValueError(f"{where}: {column} must be a number, got {given}; write it as in 0.25{hint}.")
    return float(field)


def is_number(field: str) -> bool:
    """Return whether a field holds a number, as people write them."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field
