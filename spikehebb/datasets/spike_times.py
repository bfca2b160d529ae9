"""Recorded spike times in files: text, tables with ids, arrays, and, through Neo, NWB."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, ms, second

from spikehebb.core import Float, Frozen
from spikehebb.core.times import seconds
from spikehebb.datasets.csv_lines import SEPARATORS, decoded, is_number, number, separator_of, split
from spikehebb.datasets.neo_trains import NWB, read_nwb
from spikehebb.equations import did_you_mean
from spikehebb.npy import read_npy
from spikehebb.reading import printable, read_bytes, regular

UNITS = {"ms": 1e-3, "s": 1.0, "us": 1e-6}  # of a time, in seconds
_WORDS = {"ms": "milliseconds", "s": "seconds", "us": "microseconds"}
_TABLES = (".csv", ".tsv")
_IDS = ("id", "neuron", "unit", "cell", "i")
_TIMES = ("time", "t", "spike_time")
_MOST = 32 << 20  # bytes: some four million spikes
_SHOWN = 40  # characters of a bad line in a message


def read_times(path: str | Path, *, unit: str = "ms", neuron: str | int | None = None) -> Quantity:
    r"""Read the spike times of one neuron.

    Parameters
    ----------
    path : path
        As in ``read_trains``.
    unit : str
        ``ms``, ``s`` or ``us``, where the file does not say.
    neuron : str or int, optional
        Which one, of a file of several.

    Returns
    -------
    Quantity, shape (spikes,)
        In increasing order; an empty file is a silent neuron.

    Raises
    ------
    OSError
        If the file is missing or cannot be read.
    ValueError
        If a line is no number, negative, not finite, or not later than the one before, or there is no such neuron.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "pre.txt"
    ...     _ = file.write_text("10\n30.5\n")
    ...     read_times(file)
    array([10. , 30.5]) * msecond
    """
    trains = read_trains(path, unit=unit)
    if neuron is None and len(trains) > 1:
        raise ValueError(f"{path} holds {len(trains)} neurons; name one of them.{did_you_mean('', trains)}")
    if neuron is None:
        return next(iter(trains.values()), np.zeros(0) * second)
    if str(neuron) not in trains:
        raise ValueError(f"{path} has no neuron {str(neuron)!r}.{did_you_mean(str(neuron), trains)}")
    return trains[str(neuron)]


def read_trains(path: str | Path, *, unit: str = "ms") -> Mapping[str, Quantity]:
    r"""Read the spike times of all neurons of a file, by their ids.

    Text has one time per line, in increasing order; ``#`` begins a comment. Tables (``.csv``, ``.tsv``) name a column
    of times (``time_ms``, ``time_s``, ``time_us``, or ``time``) and, for several neurons, one of ids (``id``,
    ``neuron``, ``unit`` or ``cell``). Arrays (``.npy``) are times, or rows of id and time. ``.nwb`` needs the extra
    ``neo``. Rows of tables and arrays may come in any order.

    Parameters
    ----------
    path : path
    unit : str
        ``ms``, ``s`` or ``us``, where the file does not say.

    Returns
    -------
    mapping of str to Quantity
        A file without ids has one neuron, ``0``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "cells.csv"
    ...     _ = file.write_text("id,time_s\n7,0.02\n3,0.01\n7,0.005\n")
    ...     read_trains(file)["7"]
    array([ 5., 20.]) * msecond
    """
    if unit not in UNITS:
        raise ValueError(f"there is no unit {unit!r} of spike times.{did_you_mean(unit, UNITS)}")
    path = Path(path)
    if path.suffix.lower() in NWB:
        return read_nwb(path)
    if path.suffix.lower() == ".npy":
        return _of_array(path, unit)
    return _of_table(path, unit) if path.suffix.lower() in _TABLES else {"0": _of_lines(path, unit)}


def _of_lines(path: Path, unit: str) -> Quantity:
    how = f"{_WORDS[unit]}, one per line"
    content = read_bytes(path, "file of spike times", most=_MOST, hint=f"give a file of spike times in {how}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file; give spike times in {how}.") from error
    times: list[float] = []
    for place, line in enumerate(io.StringIO(text), start=1):
        field = line.split("#", 1)[0].strip()
        if not field:
            continue
        where = f"{path}, line {place}"
        try:
            time = float(field)
        except ValueError as error:
            raise ValueError(f"{where}: {field[:_SHOWN]!r} is not a time; give {how}.") from error
        if not math.isfinite(time) or time < 0:
            raise ValueError(f"{where}: a spike time must be finite and not negative, got {field[:_SHOWN]}.")
        if times and time <= times[-1]:
            what = "is there twice" if time == times[-1] else f"comes after {times[-1]:g} {unit}"
            raise ValueError(f"{where}: {time:g} {unit} {what}; sort the times and give each once.")
        times.append(time)
    return _quantity(times, unit)


def _of_table(path: Path, unit: str) -> Mapping[str, Quantity]:
    content = read_bytes(path, "file of spike times", most=_MOST, hint="give a table with columns id and time_ms")
    lines = [
        (place, line)
        for place, line in enumerate(decoded(content, path).splitlines(), 1)
        if line.strip(SEPARATORS + ' "') and not line.lstrip().startswith("#")
    ]
    if not lines:
        return {}
    (first, header), *rest = lines
    separator = separator_of(header)
    names = [name.lower() for name in split(path, first, header, separator)]
    known = {**dict.fromkeys(_TIMES, unit), **{f"{name}_{each}": each for name in _TIMES for each in UNITS}}
    columns = [place for place, name in enumerate(names) if name in known]
    ids = [place for place, name in enumerate(names) if name in _IDS]
    if len(columns) != 1 or len(ids) > 1:
        shown = printable(", ".join(names))
        if all(map(is_number, names)):
            raise ValueError(f"{path}, line {first} holds numbers ({shown}), but must name the columns: id, time_ms.")
        raise ValueError(
            f"{path}, line {first}: a table of spikes has one column time_ms or time_s and at most one id, got {shown}."
        )
    rows: dict[str, list[float]] = {}
    for place, line in rest:
        fields = split(path, place, line, separator)
        if len(fields) != len(names):
            raise ValueError(f"{path}, line {place} has {len(fields)} columns, but the header {len(names)}.")
        time = number(f"{path}, line {place}", names[columns[0]], fields[columns[0]])
        rows.setdefault(fields[ids[0]] if ids else "0", []).append(time)
    return _sorted(path, {name: np.array(times) for name, times in rows.items()}, known[names[columns[0]]])


def _of_array(path: Path, unit: str) -> Mapping[str, Quantity]:
    path = regular(path, "file of spike times", "give an array of times")
    with path.open("rb") as file:
        array = read_npy(file, path.stat().st_size, str(path))
    if array.ndim == 1:
        return _sorted(path, {"0": array}, unit)
    if array.ndim != 2 or array.shape[1] != 2 or (array[:, 0] != np.round(array[:, 0])).any():
        raise ValueError(f"{path}: spikes are an array of times, or of rows of id and time, got shape {array.shape}.")
    return _sorted(path, {f"{neuron:.0f}": array[array[:, 0] == neuron, 1] for neuron in np.unique(array[:, 0])}, unit)


def _sorted(path: Path, trains: Mapping[str, Any], unit: str) -> Mapping[str, Quantity]:
    """Return times in order, after checking them."""
    found = {}
    for name, values in trains.items():
        times = np.sort(np.asarray(values, float))
        if not np.isfinite(times).all() or (times < 0).any():
            wrong = times[~(np.isfinite(times) & (times >= 0))][0]
            raise ValueError(f"{path}, neuron {name}: a spike time must be finite and not negative, got {wrong:g}.")
        if (again := times[1:][np.diff(times) == 0]).size:
            raise ValueError(f"{path}, neuron {name}: {again[0]:g} {unit} is there twice; give each time once.")
        found[printable(name)] = _quantity(times, unit)
    return Frozen(found)


def _quantity(times: Any, unit: str) -> Quantity:
    """Return times with their unit; milliseconds stay the numbers that they are."""
    values: Float = np.asarray(times, float)
    return values * ms if unit == "ms" else seconds("a spike time", values * UNITS[unit] * second) * second
