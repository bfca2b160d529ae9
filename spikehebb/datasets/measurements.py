"""Measured changes of synapses: published points, and a reader for files of your own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from brian2 import Quantity, ms

from spikehebb.core import Float, Frozen, Reference
from spikehebb.core.values import frozen_array
from spikehebb.datasets.csv_lines import SEPARATORS, decoded, is_number, number, separator_of, split
from spikehebb.equations import did_you_mean
from spikehebb.reading import printable, read_bytes
from spikehebb.rules.references import cite

VARIABLES = ("lag_ms", "frequency_hz")
_COLUMNS = (*VARIABLES, "change", "error")
_MOST = 4 << 20  # bytes: some hundred thousand points
_HEADER = f"columns {' or '.join(VARIABLES)}, change and, where known, error"


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """Measured changes of a weight.

    Parameters
    ----------
    name : str
    x : array_like, shape (points,)
        What was varied, in the unit that ``variable`` names.
    change : array_like, shape (points,)
        ``(w_after - w_before)/w_before``: 0.3 is 30 % more, -1 is all gone.
    error : array_like, shape (points,), optional
        The standard error of each change.
    variable : str
        ``lag_ms`` (``t_post - t_pre``; positive is causal) or ``frequency_hz`` (of the pairings).
    lag : Quantity, optional
        Of the pairings, where the frequency was varied.
    summary : str
    reference : Reference, optional

    Raises
    ------
    ValueError
        If shapes do not agree or a number cannot be what it should be.

    Examples
    --------
    >>> data = Measurements(name="example", x=[-10, 10], change=[-0.2, 0.4])
    >>> len(data), data.variable
    (2, 'lag_ms')
    """

    name: str
    x: Float
    change: Float
    error: Float | None = None
    variable: str = "lag_ms"
    lag: Quantity | None = None
    summary: str = ""
    reference: Reference | None = None

    def __post_init__(self) -> None:
        owner = f"measurements {self.name}"
        if self.variable not in VARIABLES:
            raise ValueError(
                f"{owner}: there is no variable {self.variable!r}.{did_you_mean(self.variable, VARIABLES)}"
            )
        object.__setattr__(self, "x", frozen_array(self.x, np.float64))
        if self.x.ndim != 1 or not self.x.size:
            raise ValueError(f"{owner}: {self.variable} must be a list of numbers, got shape {self.x.shape}.")
        for column in ("change", "error"):
            if (values := getattr(self, column)) is not None:
                values = frozen_array(values, np.float64)
                object.__setattr__(self, column, values)
                if values.shape != self.x.shape:
                    raise ValueError(
                        f"{owner}: {self.x.size} values of {self.variable}, but {values.size} of {column}."
                    )
        for column, values in ((self.variable, self.x), ("change", self.change), ("error", self.error)):
            for point, value in enumerate([] if values is None else values):
                if problem := _problem(column, float(value)):
                    raise ValueError(f"{owner}, point {point}: {problem}.")

    def __len__(self) -> int:
        return len(self.x)


def read(path: str | Path) -> Measurements:
    r"""Read measurements from a CSV file.

    The first line names the columns, in any order: ``lag_ms`` or ``frequency_hz``, ``change`` (relative: 0.3 is
    30 % more) and, where known, ``error`` (the standard error of the change). Other columns, blank lines and lines
    that begin with ``#`` are skipped. Columns are separated by commas, semicolons or tabs; numbers have a decimal
    point.

    Parameters
    ----------
    path : path

    Returns
    -------
    Measurements

    Raises
    ------
    OSError
        If the file is missing or cannot be read.
    ValueError
        If something in it is not what it should be; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "window.csv"
    ...     _ = file.write_text("lag_ms,change\n-10,-0.2\n10,0.4\n")
    ...     data = read(file)
    >>> data.x.tolist(), data.change.tolist()
    ([-10.0, 10.0], [-0.2, 0.4])
    """
    path = Path(path)
    content = read_bytes(path, "file", most=_MOST, hint=f"give a CSV file with the {_HEADER}")
    lines = [
        (place, line)
        for place, line in enumerate(decoded(content, path).splitlines(), 1)
        if line.strip(SEPARATORS + ' "') and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise ValueError(f"{path} is empty; its first line must name the {_HEADER}.")
    (first, header), *rest = lines
    separator = separator_of(header)
    names = split(path, first, header, separator)
    variable = _check_names(path, first, names)
    if not rest:
        raise ValueError(f"{path} has a header but no measurements; write one per line below it.")
    columns: dict[str, list[float]] = {name: [] for name in names if name in _COLUMNS}
    for place, line in rest:
        fields = split(path, place, line, separator)
        if len(fields) != len(names):
            raise ValueError(
                f"{path}, line {place} has {len(fields)} columns, but the header {len(names)}: "
                f"{printable(', '.join(names))}."
            )
        for name, field in zip(names, fields, strict=True):
            if name in columns:
                columns[name].append(_number(path, place, name, field))
    x, change, error = columns[variable], columns["change"], columns.get("error")
    return Measurements(
        name=path.stem,
        summary=f"read from {path.name}",
        variable=variable,
        x=np.array(x),
        change=np.array(change),
        error=None if error is None else np.array(error),
    )


def _check_names(path: Path, number: int, names: list[str]) -> str:
    """Return what was varied, after checking the columns of the header."""
    variables = [name for name in names if name in VARIABLES]
    where, columns = f"{path}, line {number}", printable(", ".join(name or "''" for name in names))
    twice = next((name for name in _COLUMNS if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{where} names the column {twice} twice; keep one.")
    if len(variables) > 1:
        raise ValueError(
            f"{where} has both {' and '.join(variables)}; keep the one that was varied and rename the other."
        )
    missing = [] if variables else [" or ".join(VARIABLES)]
    missing += [] if "change" in names else ["change"]
    if not missing:
        return variables[0]
    if all(is_number(name) for name in names):
        raise ValueError(f"{where} holds numbers ({columns}), but the first line must name the {_HEADER}.")
    candidates = [*([] if variables else VARIABLES), *([] if "change" in names else ["change"])]
    close = [(name, did_you_mean(name, candidates)) for name in names if name not in _COLUMNS]
    guess = next((f" You wrote {printable(repr(name))}:{hint}" for name, hint in close if "Did you mean" in hint), "")
    raise ValueError(
        f"{where} has no column {' and no column '.join(missing)}, only {columns}; name the {_HEADER}.{guess}"
    )


def _number(path: Path, line: int, column: str, field: str) -> float:
    where = f"{path}, line {line}"
    value = number(where, column, field)
    if problem := _problem(column, value):
        raise ValueError(f"{where}: {problem}.")
    return value


# What must hold of each column besides being finite, in words, and what may be wrong otherwise.
_RULES: dict[str, tuple[Callable[[float], bool], str]] = {
    "lag_ms": (lambda value: True, ""),
    "frequency_hz": (lambda value: value > 0, "above 0"),
    "change": (lambda value: value >= -1, "at least -1 (all of the weight gone); of percent take a hundredth"),
    "error": (lambda value: value > 0, "above 0; leave the column out where errors are unknown"),
}


def _problem(column: str, value: float) -> str:
    """Return what is wrong with a number, or nothing."""
    holds, words = _RULES[column]
    if not np.isfinite(value):
        return f"{column} must be a finite number, got {value}"
    return "" if holds(value) else f"{column} must be {words}, got {value:g}"


_RATES = np.array([0.1, 10, 20, 40, 50])

PUBLISHED: Frozen[Measurements] = Frozen(
    {
        data.name: data
        for data in (
            Measurements(
                name="sjostrom2001_plus10",
                summary="Visual cortex: 60 pairings, pre 10 ms before post, against the rate",
                x=_RATES,
                change=np.array([-0.04, 0.14, 0.29, 0.53, 0.56]),
                error=np.array([0.05, 0.10, 0.14, 0.11, 0.26]),
                variable="frequency_hz",
                lag=10 * ms,
                reference=cite("sjostrom2001")[0],
            ),
            Measurements(
                name="sjostrom2001_minus10",
                summary="Visual cortex: 60 pairings, post 10 ms before pre, against the rate",
                x=_RATES,
                change=np.array([-0.29, -0.41, -0.34, 0.56, 0.75]),
                error=np.array([0.08, 0.11, 0.10, 0.32, 0.19]),
                variable="frequency_hz",
                lag=-10 * ms,
                reference=cite("sjostrom2001")[0],
            ),
        )
    }
)
