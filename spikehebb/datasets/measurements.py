"""Measured changes of synapses: published points, and a reader for files of your own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms

from spikehebb.core import Float, Frozen, Reference, display
from spikehebb.core.times import hertz, seconds
from spikehebb.core.values import frozen_array
from spikehebb.datasets.csv_lines import SEPARATORS, decoded, is_number, number, separator_of, split
from spikehebb.equations import did_you_mean
from spikehebb.reading import printable, read_bytes
from spikehebb.rules.references import cite

TRIPLETS = ("pre_post_pre_ms", "post_pre_post_ms")
VARIABLES = ("lag_ms", "frequency_hz", *TRIPLETS, "quadruplet_ms", "spikes")
_QUADRUPLET_LAG = 5 * ms

_PATTERN = ("pre_ms", "post_ms")  # the columns of "spikes"
_SETTINGS = ("at_lag_ms", "at_frequency_hz", "repeats")
_VARIED = (*VARIABLES[:-1], *_PATTERN)
_COLUMNS = (*_VARIED, *_SETTINGS, "change", "error")
_MOST = 4 << 20  # bytes: some hundred thousand points
_OTHER_UNITS = ("s", "sec", "us", "min", "khz", "percent", "pct", "%", "mv", "pa", "na", "ns", "ps")
_HEADER = (
    f"columns {' or '.join(VARIABLES[:2])}, change and, where known, error; other protocols have "
    f"{', '.join(TRIPLETS)}, quadruplet_ms, or {' and '.join(_PATTERN)}"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """Measured changes of a weight, each after one protocol: a pattern of spikes that was repeated.

    Parameters
    ----------
    name : str
    x : array_like, shape (points,), or (points, 2) for triplets
        What was varied, in the unit that ``variable`` names. With ``spikes`` it may be left out.
    change : array_like, shape (points,)
        ``(w_after - w_before)/w_before``: 0.3 is 30 % more, -1 is all gone.
    error : array_like, shape (points,), optional
        The standard error of each change.
    variable : str
        ``lag_ms``: pairings at this ``t_post - t_pre`` (positive is causal). ``frequency_hz``: pairings at ``lag``,
        so often. ``pre_post_pre_ms`` and ``post_pre_post_ms``: triplets with these two intervals. ``quadruplet_ms``:
        a pairing with ``-lag`` and one with ``lag``, the second's centre so long after the first's; negative where the
        causal one comes first. ``spikes``: any pattern, with ``pre`` and ``post``.
    lag : Quantity, scalar or shape (points,), optional
        Of the pairings, where the frequency was varied; within each pairing of a quadruplet, 5 ms when left out.
    frequency : Quantity, scalar or shape (points,), optional
        Of the repetitions.
    repeats : int or array_like of int, shape (points,), optional
        How often the pattern was repeated.
    pre, post : sequence of sequences of float, optional
        With ``spikes``: for each point the spike times of a pattern, in ms.
    summary : str
    source : str
        Where the numbers were read, if not in the work itself.
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
    >>> bursts = Measurements(name="bursts", variable="spikes", pre=[[0, 10, 20]], post=[[5, 15, 25]], change=[0.3])
    >>> bursts.patterns()
    [(array([ 0., 10., 20.]), array([ 5., 15., 25.]))]
    """

    name: str
    change: Float
    x: Float = field(default_factory=lambda: np.zeros(0))
    error: Float | None = None
    variable: str = "lag_ms"
    lag: Quantity | None = None
    frequency: Quantity | None = None
    repeats: Any = None
    pre: tuple[tuple[float, ...], ...] = ()
    post: tuple[tuple[float, ...], ...] = ()
    summary: str = ""
    source: str = ""
    reference: Reference | None = None

    def __post_init__(self) -> None:
        owner = f"measurements {self.name}"
        if self.variable not in VARIABLES:
            raise ValueError(
                f"{owner}: there is no variable {self.variable!r}.{did_you_mean(self.variable, VARIABLES)}"
            )
        for side in ("pre", "post"):
            rows = tuple(tuple(float(time) for time in row) for row in getattr(self, side))
            object.__setattr__(self, side, rows)
        if self.variable == "spikes" and not np.size(self.x):
            object.__setattr__(self, "x", np.arange(1.0, len(self.pre) + 1))
        object.__setattr__(self, "x", frozen_array(_plain(owner, self.variable, self.x), np.float64))
        shape = "a list of numbers" if self.variable not in TRIPLETS else "a list of pairs of intervals"
        if (
            self.x.ndim != (2 if self.variable in TRIPLETS else 1)
            or not self.x.size
            or self.x.shape[1:] not in ((), (2,))
        ):
            raise ValueError(f"{owner}: {self.variable} must be {shape}, got shape {self.x.shape}.")
        for column in ("change", "error"):
            if (values := getattr(self, column)) is not None:
                values = frozen_array(_plain(owner, column, values), np.float64)
                object.__setattr__(self, column, values)
                if values.shape != self.x.shape[:1]:
                    raise ValueError(
                        f"{owner}: {len(self.x)} values of {self.variable}, but {values.size} of {column}."
                    )
        self._check_settings(owner)
        for column, values in ((self.variable, self.x), ("change", self.change), ("error", self.error)):
            for point, value in enumerate([] if values is None else values):
                if problem := _problem(column, value):
                    raise ValueError(f"{owner}, point {point}: {problem}.")

    def _check_settings(self, owner: str) -> None:
        count = len(self.x)
        for setting, check in (("lag", seconds), ("frequency", hertz)):
            if (given := getattr(self, setting)) is not None and check(f"{owner}: {setting}", given).size not in (
                1,
                count,
            ):
                raise ValueError(
                    f"{owner}: {count} points, but {np.size(given)} values of {setting}; give one for all, or one each."
                )
        if self.repeats is not None:
            often = np.asarray(self.repeats)
            if often.size not in (1, count) or not np.issubdtype(often.dtype, np.integer) or often.min() < 1:
                raise ValueError(
                    f"{owner}: repeats must be a whole number from 1 on, or one for each point, got {self.repeats}."
                )
        if (self.variable == "spikes") != bool(self.pre or self.post) or len(self.pre) != len(self.post):
            raise ValueError(
                f"{owner}: pre and post are the patterns of 'spikes', as many on either side; got variable "
                f"{self.variable!r} with {len(self.pre)} of pre and {len(self.post)} of post."
            )
        if self.variable == "spikes" and len(self.pre) != count:
            raise ValueError(f"{owner}: {count} values of x, but {len(self.pre)} patterns.")
        for side in ("pre", "post"):
            for point, row in enumerate(getattr(self, side)):
                if problem := _problem(f"{side}_ms", np.array(row)):
                    raise ValueError(f"{owner}, point {point}: {problem}.")

    def __len__(self) -> int:
        return len(self.change)

    def patterns(self) -> list[tuple[Float, Float]]:
        """Return what is repeated at each point: the presynaptic and the postsynaptic spike times, in ms."""
        if self.variable == "spikes":
            return [(np.array(pre), np.array(post)) for pre, post in zip(self.pre, self.post, strict=True)]
        if self.variable in TRIPLETS:
            outer = [np.array([0.0, one + two]) for one, two in self.x]
            inner = [np.array([one]) for one, _ in self.x]
            return list(
                zip(outer, inner, strict=True) if self.variable == TRIPLETS[0] else zip(inner, outer, strict=True)
            )
        if self.variable == "lag_ms":
            return [(np.zeros(1), np.array([lag])) for lag in self.x]
        lags = np.broadcast_to(self._lag() / ms, (len(self),))
        if self.variable == "frequency_hz":
            return [(np.zeros(1), np.array([lag])) for lag in lags]
        return [_quadruplet(interval, lag) for interval, lag in zip(self.x, lags, strict=True)]

    def _lag(self) -> Quantity:
        if self.lag is None and self.variable == "frequency_hz":
            raise ValueError(
                f"{self.name} varies frequency_hz at a lag that is not given; name it, as in lag=10*ms or in a column "
                "at_lag_ms."
            )
        return _QUADRUPLET_LAG if self.lag is None else self.lag

    __repr__ = display.one_line
    _repr_html_ = display.html
    to_frame = display.to_frame

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each point: what was varied, the change and its error."""
        return [
            {
                self.variable: point.tolist(),
                "change": float(self.change[place]),
                "error": None if self.error is None else float(self.error[place]),
            }
            for place, point in enumerate(self.x)
        ]


def _quadruplet(interval: float, lag: float) -> tuple[Float, Float]:
    if abs(interval) <= abs(lag):
        raise ValueError(f"a quadruplet's interval of {interval:g} ms must be longer than the lag of {lag:g} ms.")
    outer = np.array([0.0, abs(interval) + lag])
    inner = np.array([lag, abs(interval)])
    return (inner, outer) if interval > 0 else (outer, inner)


def _plain(owner: str, column: str, values: Any) -> Any:
    """Return numbers in the unit that the column names; a change has none."""
    if not isinstance(values, Quantity) or values.is_dimensionless:
        return values
    if column.endswith("_ms"):
        return seconds(f"{owner}: {column}", values) * 1e3
    if column.endswith("_hz"):
        return hertz(f"{owner}: {column}", values)
    raise ValueError(
        f"{owner}: {column} is relative to the weight at the start and has no unit, got {values[:1]}; divide by that "
        "weight."
    )


def read(path: str | Path) -> Measurements:
    r"""Read measurements from a CSV file.

    The first line names the columns, in any order: what was varied (``lag_ms``, ``frequency_hz``, ``pre_post_pre_ms``,
    ``post_pre_post_ms``, ``quadruplet_ms``, or ``pre_ms`` and ``post_ms`` with the spike times of a pattern),
    ``change`` (relative: 0.3 is 30 % more) and, where known, ``error`` (the standard error of the change); where they
    matter ``at_lag_ms``, ``at_frequency_hz`` (of the repetitions) and ``repeats``. Several numbers in a field are
    separated by blanks. Other columns, blank lines and lines that begin with ``#`` are skipped. Columns are separated
    by commas, semicolons or tabs; numbers have a decimal point.

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
    ...     file = Path(folder) / "triplets.csv"
    ...     _ = file.write_text("post_pre_post_ms,repeats,change\n5 5,60,0.33\n10 10,60,0.34\n")
    ...     data = read(file)
    >>> data.x.tolist(), data.change.tolist()
    ([[5.0, 5.0], [10.0, 10.0]], [0.33, 0.34])
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
    columns: dict[str, list[list[float]]] = {name: [] for name in names if name in _COLUMNS}
    for place, line in rest:
        fields = split(path, place, line, separator)
        if len(fields) != len(names):
            raise ValueError(
                f"{path}, line {place} has {len(fields)} columns, but the header {len(names)}: "
                f"{printable(', '.join(names))}."
            )
        for name, text in zip(names, fields, strict=True):
            if name in columns:
                columns[name].append(_numbers(path, place, name, text))
    single = {name: np.array(rows)[:, 0] for name, rows in columns.items() if name not in (*TRIPLETS, *_PATTERN)}
    given: dict[str, Any] = {}
    if variable == "spikes":
        given |= {side: columns[f"{side}_ms"] for side in ("pre", "post")}
    else:
        given["x"] = np.array(columns[variable]) if variable in TRIPLETS else single[variable]
    for column, setting, unit in (("at_lag_ms", "lag", ms), ("at_frequency_hz", "frequency", Hz), ("repeats", "", 1)):
        if column in single:
            values = single[column] * unit if setting else single[column].astype(int)
            given[setting or column] = values[0] if len(np.unique(single[column])) == 1 else values
    return Measurements(
        name=path.stem,
        summary=f"read from {path.name}",
        variable=variable,
        change=single["change"],
        error=single.get("error"),
        **given,
    )


def _check_names(path: Path, number: int, names: list[str]) -> str:
    """Return what was varied, after checking the columns of the header."""
    varied = [name for name in names if name in _VARIED]
    where, columns = f"{path}, line {number}", printable(", ".join(name or "''" for name in names))
    twice = next((name for name in _COLUMNS if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{where} names the column {twice} twice; keep one.")
    pattern = sorted(varied) == sorted(_PATTERN)
    if len(varied) > 1 and not pattern:
        raise ValueError(
            f"{where} has both {' and '.join(varied[:2])}; keep the one that was varied and rename the other "
            "(at_lag_ms and at_frequency_hz say at which lag and how often)."
        )
    if len(varied) == 1 and varied[0] in _PATTERN:
        other = next(name for name in _PATTERN if name != varied[0])
        raise ValueError(f"{where} has {varied[0]}, but no column {other}; a pattern has both sides.")
    for name in names:
        quantity, _, unit = name.rpartition("_")
        known = next((each for each in _COLUMNS if each in (f"{quantity}_ms", f"{quantity}_hz", quantity)), "")
        if known and known not in names and unit.lower() in _OTHER_UNITS:
            wanted = "Hz" if known.endswith("_hz") else "ms" if known.endswith("_ms") else "the weight at the start"
            raise ValueError(f"{where}: {printable(name)} has another unit; give {known}, in units of {wanted}.")
    missing = [] if varied else [" or ".join(VARIABLES[:2])]
    missing += [] if "change" in names else ["change"]
    if not missing:
        return "spikes" if pattern else varied[0]
    if all(is_number(name) for name in names):
        raise ValueError(f"{where} holds numbers ({columns}), but the first line must name the {_HEADER}.")
    candidates = [*([] if varied else _VARIED), *([] if "change" in names else ["change"])]
    close = [(name, did_you_mean(name, candidates)) for name in names if name not in _COLUMNS]
    guess = next((f" You wrote {printable(repr(name))}:{hint}" for name, hint in close if "Did you mean" in hint), "")
    raise ValueError(
        f"{where} has no column {' and no column '.join(missing)}, only {columns}; name the {_HEADER}.{guess}"
    )


def _numbers(path: Path, line: int, column: str, field: str) -> list[float]:
    where = f"{path}, line {line}"
    several = column in (*TRIPLETS, *_PATTERN)
    values = [number(where, column, each) for each in (field.split() if several else [field])]
    if problem := _problem(column, np.array(values)):
        raise ValueError(f"{where}: {problem}.")
    return values


# What must hold of the numbers of each column besides being finite, in words, and what may be wrong otherwise.
_RULES: dict[str, tuple[Callable[[Float], Any], str]] = {
    **dict.fromkeys(("lag_ms", "at_lag_ms", "quadruplet_ms", "spikes"), (lambda values: True, "")),
    **dict.fromkeys(("frequency_hz", "at_frequency_hz"), (lambda values: values > 0, "above 0")),
    **dict.fromkeys(
        TRIPLETS, (lambda values: len(values) == 2 and np.all(values > 0), "two intervals above 0, as in 5 10")
    ),
    **dict.fromkeys(_PATTERN, (lambda values: np.diff(values) > 0, "increasing, one spike after the other")),
    "repeats": (lambda values: (values >= 1) & (values == np.round(values)), "a whole number from 1 on"),
    "change": (lambda values: values >= -1, "at least -1 (all of the weight gone); of percent take a hundredth"),
    "error": (lambda values: values > 0, "above 0; leave the column out where errors are unknown"),
}


def _problem(column: str, value: Any) -> str:
    """Return what is wrong with the numbers of a field, or nothing."""
    holds, words = _RULES[column]
    values = np.atleast_1d(value)
    if not np.all(np.isfinite(values)):
        return f"{column} must be a finite number, got {values[~np.isfinite(values)][0]}"
    return "" if np.all(holds(values)) else f"{column} must be {words}, got {' '.join(f'{each:g}' for each in values)}"


def _published() -> Iterable[Measurements]:
    entries = tomllib.loads((Path(__file__).parent / "published_changes.toml").read_text(encoding="utf-8"))
    for name, entry in entries.items():
        lag, frequency, work = (entry.pop(key, None) for key in ("lag_ms", "frequency_hz", "cites"))
        yield Measurements(
            name=name,
            lag=None if lag is None else lag * ms,
            frequency=None if frequency is None else frequency * Hz,
            reference=cite(work)[0],
            **entry,
        )


PUBLISHED: Frozen[Measurements] = Frozen({data.name: data for data in _published()})


def find(data: Measurements | str | Path) -> Measurements:
    """Return a value as it is, published measurements by their name, or those of a CSV file."""
    if isinstance(data, Measurements):
        return data
    if not isinstance(data, str | Path):
        raise ValueError(f"data must be Measurements, a name of published ones or a CSV file; got {data!r:.80}.")
    if str(data) in PUBLISHED and not Path(data).exists():
        return PUBLISHED[str(data)]
    if not Path(data).suffix and not Path(data).exists():
        raise ValueError(f"there are no measurements {str(data)!r}.{did_you_mean(str(data), PUBLISHED)}")
    return read(data)
