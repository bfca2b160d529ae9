"""Recorded spike times in text files: milliseconds, one per line."""

from __future__ import annotations

import io
import math
from pathlib import Path

from brian2 import Quantity, ms

from spikehebb.reading import read_bytes

_MOST = 32 << 20  # bytes: some four million spikes
_SHOWN = 40  # characters of a bad line in a message


def read_times(path: str | Path) -> Quantity:
    r"""Read spike times from a text file: milliseconds, one per line; ``#`` begins a comment.

    Parameters
    ----------
    path : path

    Returns
    -------
    Quantity, shape (spikes,)
        In increasing order; an empty file is a silent neuron.

    Raises
    ------
    OSError
        If the file is missing or cannot be read.
    ValueError
        If a line is no number, negative, not finite, or not later than the one before.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "pre.txt"
    ...     _ = file.write_text("10\n30.5\n")
    ...     read_times(file)
    array([10. , 30.5]) * msecond
    """
    hint = "give a file of spike times in milliseconds, one per line"
    try:
        content = read_bytes(path, "file of spike times", most=_MOST, hint=hint).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file; give spike times in milliseconds, one per line.") from error
    times: list[float] = []
    for number, line in enumerate(io.StringIO(content), start=1):
        field = line.split("#", 1)[0].strip()
        if not field:
            continue
        where = f"{path}, line {number}"
        try:
            time = float(field)
        except ValueError as error:
            raise ValueError(f"{where}: {field[:_SHOWN]!r} is not a time; give milliseconds, one per line.") from error
        if not math.isfinite(time) or time < 0:
            raise ValueError(f"{where}: a spike time must be finite and not negative, got {field[:_SHOWN]}.")
        if times and time <= times[-1]:
            what = "is there twice" if time == times[-1] else f"comes after {times[-1]:g} ms"
            raise ValueError(f"{where}: {time:g} ms {what}; sort the times and give each once.")
        times.append(time)
    return times * ms
