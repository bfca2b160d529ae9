"""A sweep as data: a job, the settings of all its cells, and what differs between them."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikehebb.core import Frozen
from spikehebb.core.seeds import check_seed
from spikehebb.equations import did_you_mean
from spikehebb.reading import MOST_TEXT, check, file_name, printable, read_bytes
from spikehebb.sweeps.kinds import known, prepare
from spikehebb.sweeps.prepared import Data

_FILE = {"job": str, "settings?": {str: object}, "grid?": {str: [object]}, "variants?": [{str: object}]}
_MOST = 100_000  # cells
_LONGEST = 80  # letters of a folder's name


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of a sweep.

    Parameters
    ----------
    job : str
    settings : mapping
        All of them, as ``sweeps.kinds`` takes them.
    folder : str
        Its folder within that of the sweep, named by what differs.
    at : mapping
        Its place on each axis.
    """

    job: str
    settings: Mapping[str, Any]
    folder: str
    at: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep: every combination of the values of a grid, for each of its variants.

    Parameters
    ----------
    job : str
        ``learn``, ``train``, ``convert``, ``evaluate``, ``window`` or ``fit``.
    grid : mapping of str to sequence
        Values by the name of a setting; ``seeds`` may be a number of seeds, from 0.
    variants : sequence of mapping
        Settings that go together: each of these is combined with the grid.
    settings : mapping
        Of all cells.

    Raises
    ------
    ValueError
        If the job or a setting is unknown, a setting is given twice, or two cells would be of the same folder.

    Examples
    --------
    >>> plan = Plan(job="learn", grid={"neurons": [5, 10], "seeds": 2}, settings={"data": "digits"})
    >>> [cell.folder for cell in plan.cells]
    ['neurons-5_seed-0', 'neurons-5_seed-1', 'neurons-10_seed-0', 'neurons-10_seed-1']
    """

    job: str
    grid: Mapping[str, Any] = field(default_factory=dict)
    variants: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", Frozen(dict(map(_values, self.grid.items()))))
        object.__setattr__(self, "variants", tuple(map(Frozen, self.variants)) or (Frozen({}),))
        object.__setattr__(self, "settings", Frozen(dict(self.settings)))
        names, dotted = known(self.job)
        for where in (self.grid, *self.variants, self.settings):
            for name in where:
                if name not in names and not (isinstance(name, str) and name.startswith(dotted)):
                    more = f" Parameters are {', '.join(f'{prefix}NAME' for prefix in dotted)}." if dotted else ""
                    raise ValueError(
                        f"{self.job} has no setting {printable(repr(name), 60)}.{did_you_mean(str(name), names)}{more}"
                    )
        for one, other, what in (
            (self.settings, self.grid, "settings and grid"),
            *((variant, self.grid, "a variant and the grid") for variant in self.variants),
        ):
            if twice := sorted(one.keys() & other.keys()):
                raise ValueError(f"{', '.join(twice)}: given twice, by {what}; leave one out.")
        count = len(self.variants)
        for values in self.grid.values():
            count *= len(values)
        if count > _MOST:
            raise ValueError(
                f"a sweep has at most {_MOST:,} cells, and this one would have {count:,}; take a part of it."
            )
        folders: dict[str, int] = {}
        for number, cell in enumerate(self.cells, start=1):
            if (first := folders.setdefault(cell.folder, number)) != number:
                raise ValueError(
                    f"cells {first} and {number} of the sweep are of the same folder, {cell.folder}; leave one of "
                    "two equal values out."
                )

    @property
    def axes(self) -> tuple[str, ...]:
        """What differs between cells: what variants set, then the grid."""
        own = dict.fromkeys(name for variant in self.variants for name in variant)
        return tuple(dict.fromkeys([*own, *self.grid]))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The runs, in the order in which they begin."""
        found = []
        for variant in self.variants:
            for values in itertools.product(*self.grid.values()):
                at = {**variant, **dict(zip(self.grid, values, strict=True))}
                place = Frozen({axis: plain(at.get(axis, self.settings.get(axis, ""))) for axis in self.axes})
                settings = Frozen({**self.settings, **at})
                found.append(Cell(job=self.job, settings=settings, folder=_folder(at), at=place))
        return tuple(found)

    def check(self) -> tuple[Data, ...]:
        """Return the images that cells need; raise ``ValueError``, naming the cell, if its job does not take them."""
        needed: dict[Data, None] = {}
        for cell in self.cells:
            try:
                prepared = prepare(cell.job, cell.settings)
            except (ValueError, FileNotFoundError) as error:
                where = "" if cell.folder == "cell" else f"cell {cell.folder}: "
                raise ValueError(f"{where}{error}") from error
            if prepared.data is not None:
                needed[prepared.data] = None
        return tuple(needed)


def read_plan(path: Path) -> Plan:
    """Read a sweep from a TOML file.

    Parameters
    ----------
    path : path
        With ``job``, and the tables ``[settings]`` of all cells, ``[grid]`` with lists of values, and any number of
        ``[[variants]]`` of settings that go together.

    Raises
    ------
    FileNotFoundError, OSError
    ValueError
        If it is no such file.
    """
    content = read_bytes(path, "file of a sweep", most=MOST_TEXT)
    try:
        table = tomllib.loads(content.decode())
    except ValueError as error:  # of the text, or of its letters
        raise ValueError(f"the sweep {path} cannot be read: {printable(error).rstrip('.')}.") from error
    grid = dict(table["grid"]) if isinstance(table.get("grid"), Mapping) else {}
    if isinstance(grid.get("seeds"), int):
        table["grid"] = {**grid, "seeds": [0]}  # a number of seeds, which the plan checks
    check(table, _FILE, f"the sweep {path}")
    if unknown := [name for name in table if name not in {entry.removesuffix("?") for entry in _FILE}]:
        raise ValueError(
            f"the sweep {path} has no {printable(repr(unknown[0]), 40)}; it has job, and the tables settings, grid and "
            "variants."
        )
    return Plan(**{**table, **({"grid": grid} if grid else {})})


def plain(value: Any) -> Any:
    """Return a value of a setting as plain data: a rule or a circuit by its name, a path as text."""
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(getattr(value, "name", value))


def _values(item: tuple[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Return the name and the values of an axis."""
    name, values = item
    if name == "seeds":
        name = "seed"
        if isinstance(values, int) and not isinstance(values, bool):
            if not 1 <= values <= _MOST:
                raise ValueError(f"seeds must be a number of seeds, at least 1, or a list of them, got {values}.")
            values = range(values)
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__") or not len(values):
        raise ValueError(f"grid: {name} must be a list of at least one value, got {printable(repr(values), 60)}.")
    if name == "seed":
        for seed in values:
            check_seed(seed)
    return name, tuple(values)


def _folder(at: Mapping[str, Any]) -> str:
    """Return the name of a cell's folder: what differs, and a digest where that is long."""
    words = "_".join(f"{name}-{_word(value)}" for name, value in at.items()) or "cell"
    name = file_name(words)
    if len(words) <= _LONGEST and name == words.strip("."):
        return name
    return f"{name[: _LONGEST - 9]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def _word(value: Any) -> str:
    value = plain(value)
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
