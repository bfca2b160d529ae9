"""How values and results show themselves: a line in a shell, a page in a notebook, a picture, a table, a file.

These are functions that a class takes as its methods: ``__repr__ = one_line``. Pictures and pages are made by
``spikehebb.plot``, which lies above all values and is imported when somebody asks for them.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity

from spikehebb.equations import quantity_text
from spikehebb.reading import printable

LINE = 160  # letters of a value in one line
_WORD = 40  # letters of a part of it
_FEW = 4  # entries of a mapping that are named
_DIGITS = 4


def one_line(value: Any) -> str:
    """Return a value in one line: its name and the numbers that differ from defaults; of a run, its scores.

    Examples
    --------
    >>> from spikehebb.rules import oja
    >>> oja
    PlasticityRule('oja', parameters={eta: 100 mHz})
    """
    shown, room = [], LINE - len(type(value).__name__)
    for part in _scores(value) or _fields(value):
        room -= len(part) + 2
        if room < len(", ..."):
            shown.append("...")
            break
        shown.append(part)
    return f"{type(value).__name__}({', '.join(shown)})"


def html(value: Any) -> str:
    """Return a value as a notebook shows it."""
    return str(_plot().html(value))


def plot(value: Any, ax: Any = None) -> Any:
    """Draw it, and return the axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure of pyplot when left out.
    """
    return _plot().draw(value, ax)


def to_frame(value: Any) -> Any:
    """Return it as a pandas DataFrame (extra ``frames``); names of columns say the unit.

    Raises
    ------
    RuntimeError
        If pandas is not installed.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError as error:
        raise RuntimeError("to_frame needs pandas; install it with pip install 'spikehebb[frames]'.") from error
    return pandas.DataFrame(value.rows())


def save(value: Any, path: str | Path) -> Path:
    """Write it: the picture as .png, .svg or .pdf, the numbers as .csv or .json; a trained network as .npz.

    Parameters
    ----------
    path : path
        A run without a suffix is written into a folder, which ``read`` reads.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If it cannot be written so.
    """
    return Path(_plot().write(value, Path(path)))


def short(value: Any, most: int = _WORD) -> str:
    """Return a part of a value in a few letters.

    Examples
    --------
    >>> from brian2 import ms
    >>> short(np.zeros((784, 100))), short([-10, 0, 10] * ms), short("a" * 50, 12)
    ('array (784, 100)', '3 from -10 ms to 10 ms', "'aaaaa...aa'")
    """
    if isinstance(value, str):
        return repr(printable(value, most - 2))
    if isinstance(value, Mapping):
        items = [f"{name}: {short(each, most // 2)}" for name, each in list(value.items())[:_FEW]]
        more = [f"{len(value) - _FEW} more"] if len(value) > _FEW else []
        whole = f"{{{', '.join([*items, *more])}}}"
        return (
            whole if len(whole) <= 2 * most else f"{{{', '.join(map(str, list(value)[:_FEW]))}{', ...' * bool(more)}}}"
        )
    if isinstance(value, (np.ndarray, Quantity)) and np.ndim(value):
        if np.ndim(value) > 1 or not np.size(value) or np.asarray(value).dtype.kind not in "fiu":
            return f"array {np.shape(value)}"
        first, last = (quantity_text(end, _DIGITS) for end in (np.min(value), np.max(value)))
        return f"{np.size(value)} from {first} to {last}"
    if isinstance(value, (float, np.number, Quantity)):
        return quantity_text(value, _DIGITS)
    if isinstance(value, tuple | list):
        whole = f"({', '.join(short(each, most // 2) for each in value[:_FEW])}{', ...' * (len(value) > _FEW)})"
        return whole if len(whole) <= 2 * most else f"{len(value)} entries"
    if dataclasses.is_dataclass(value):
        return str(getattr(value, "name", "")) or type(value).__name__
    return printable(repr(value), most)


def _fields(value: Any) -> list[str]:
    parts = [repr(printable(value.name, _WORD))] if hasattr(value, "name") else []
    for item in dataclasses.fields(value):
        own = getattr(value, item.name)
        long = isinstance(own, str) and item.name not in ("rule", "kind", "variable")  # equations, and what is prose
        if item.name in ("name", "cites") or long or _same(own, item.default) or (isinstance(own, Mapping) and not own):
            continue
        parts.append(f"{item.name}={short(own)}")
    return parts


def _same(own: Any, default: Any) -> bool:
    return own is default or (isinstance(own, str | int | float | tuple | None) and bool(own == default))


def _scores(value: Any) -> list[str]:
    """Return what a run was, and its scores, if it has a report of them."""
    report = getattr(value, "report", None)
    if not isinstance(report, Mapping) or "metrics" not in report:
        return []
    trained = report.get("data", {}).get("train", {}).get("name")
    config, scores = report.get("config", {}), report["metrics"]
    neurons = [f"{config['neurons']} neurons"] if isinstance(config.get("neurons"), int) else []
    percents = [
        f"{name} {100 * score:.1f} %" for name, score in scores.items() if name.startswith(("accuracy", "agreement"))
    ]
    return [*([repr(trained)] if trained else []), *neurons, *percents]


def _plot() -> Any:
    return importlib.import_module("spikehebb.plot")
