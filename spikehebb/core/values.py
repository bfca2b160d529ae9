"""What every value is made of: read-only mappings, arrays and parameters, and a digest of it all."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from brian2 import Quantity
from brian2.units import get_dimensions
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import display
from spikehebb.core.roles import check_values
from spikehebb.reading import printable

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Parameters = Mapping[str, Any]
T = TypeVar("T")


class Frozen(Mapping[str, T]):
    """A read-only mapping that, unlike ``MappingProxyType``, can be pickled."""

    def __init__(self, items: Mapping[str, T] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return display.short(self, display.LINE // 2)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A work to cite.

    Parameters
    ----------
    key : str
        Of the BibTeX entry.
    authors : tuple of str
        Each as ``Family, Given``.
    title, journal, volume, pages, doi : str
        What is missing stays empty.
    year : int
    kind : str
        Of the BibTeX entry; ``journal`` is what it appeared in.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    journal: str
    year: int
    volume: str = ""
    pages: str = ""
    doi: str = ""
    kind: str = "article"

    def __str__(self) -> str:
        families = [author.split(",")[0] for author in self.authors]
        names = families[0] if len(families) == 1 else f"{', '.join(families[:-1])} and {families[-1]}"
        place = (
            f" {self.volume}:{self.pages}" if self.volume and self.pages else f" {self.volume or self.pages}".rstrip()
        )
        return f"{names}, {self.journal}{place}, {self.year}"

    def bibtex(self) -> str:
        """Return the BibTeX entry."""
        place = {
            "article": "journal",
            "book": "publisher",
            "inproceedings": "booktitle",
            "incollection": "booktitle",
        }.get(self.kind)
        fields = {
            "author": " and ".join(self.authors),
            "title": f"{{{self.title}}}",
            place or "howpublished": self.journal,
            "year": str(self.year),
            "volume": self.volume,
            "pages": self.pages.replace("-", "--"),
            "doi": self.doi,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])


def frozen_array(value: Any, kind: Any) -> NDArray[Any]:
    """Return a read-only copy (or the array itself when it is read-only already)."""
    array = np.asarray(value, dtype=kind)
    if array.flags.writeable or array.base is not None:
        array = array.copy()
        array.flags.writeable = False
    return array


class DivergedError(ValueError):
    """What was learned left the range of numbers."""


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Raise ``DivergedError`` if what was learned is not finite: it is no result."""
    if not np.all(np.isfinite(array)):
        raise DivergedError(
            f"{name} left the range of numbers; the rule diverges with these parameters. Lower its learning rate."
        )


LATER = {"later": True}  # of a field that earlier versions lack: at its default neither digests nor files tell of it


def at_defaults(value: Any) -> frozenset[str]:
    """Return the names of the fields that earlier versions lack and that have their defaults.

    Examples
    --------
    >>> from dataclasses import dataclass, field
    >>> @dataclass
    ... class Filter:
    ...     size: int
    ...     stride: int = field(default=1, metadata=LATER)
    >>> sorted(at_defaults(Filter(size=3))), sorted(at_defaults(Filter(size=3, stride=2)))
    (['stride'], [])
    """
    added = (item for item in dataclasses.fields(value) if "later" in item.metadata)
    return frozenset(
        item.name
        for item in added
        if type(given := getattr(value, item.name)) is type(item.default) and given == item.default
    )


def told(value: Any) -> dict[str, Any]:
    """Return a dataclass as plain data, without the fields of ``at_defaults``."""
    return {name: item for name, item in dataclasses.asdict(value).items() if name not in at_defaults(value)}


def digest(value: Any) -> str:
    """Return a SHA-256 that is equal for equal values: texts, numbers, units and arrays included."""
    state = hashlib.sha256()
    _feed(state, value)
    return state.hexdigest()


def check_setting(name: str, kind: str, value: Any, *, from_0: bool = False) -> None:
    """Raise ``ValueError`` unless a setting, ``int`` or ``float``, is above 0, or at least 0 where that is allowed."""
    if kind == "int":
        least = 0 if from_0 else 1
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number from {least} on, got {value!r}.")
    elif not is_finite(value) or value < 0 or (value == 0 and not from_0):
        raise ValueError(f"{name} must be a number {'of at least' if from_0 else 'above'} 0, got {value!r}.")


def check_name(what: str, value: Any, allowed: str) -> str:
    """Return the name that stands for a value of a catalogue; raise ``ValueError`` if it is none."""
    if not isinstance(value, str):
        kind = type(value).__name__
        raise ValueError(f"{what} must be {allowed}; got {printable(repr(value), 100)}, of type {kind}.")
    return value


def check_settings(owner: str, given: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Raise ``ValueError`` if something is given by a name that nothing has, with the nearest one."""
    names = tuple(allowed)
    for name in given:
        if name not in names:
            raise ValueError(f"{owner} has no setting {name!r}.{text.did_you_mean(name, names)}")


def is_finite(value: Any) -> bool:
    """Return whether a value is a finite number that a float can hold; a truth value is none.

    Examples
    --------
    >>> is_finite(0.5), is_finite(2**64), is_finite(10**400), is_finite(True)
    (True, True, False, False)
    """
    try:
        return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def describe_value(value: Any) -> str:
    """Return a value as a message shows it: a number without unit is called dimensionless."""
    return f"{value} (dimensionless)" if get_dimensions(value) == text.DIMENSIONLESS else f"{value}"


def frozen_parameters(owner: str, parameters: Parameters) -> Frozen[Any]:
    """Return parameters with read-only copies of their arrays; raise ``ValueError`` if one is no number."""
    frozen = {}
    for name, value in parameters.items():
        text.check_number(owner, name, value)
        if np.ndim(value):
            array = np.array(value, copy=True)
            array.flags.writeable = False
            value = Quantity(array, dim=get_dimensions(value), copy=False)
        frozen[name] = value
    return Frozen(frozen)


def dimensions(parameters: Parameters) -> dict[str, Any]:
    """Return the unit of every parameter."""
    return {name: get_dimensions(value) for name, value in parameters.items()}


def with_parameters(value: Any, owner: str, changes: Parameters) -> Any:
    """Return a value with other parameters, after checking that it has them."""
    text.check_parameters(owner, changes, value.parameters)
    parameters = {**value.parameters, **changes}
    check_values(owner, parameters, value.meaning)  # as it was: what is finite stays finite
    return dataclasses.replace(value, parameters=parameters)


def _feed(state: Any, value: Any) -> None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        state.update(type(value).__name__.encode())
        left_out = at_defaults(value)
        for item in dataclasses.fields(value):
            if item.name not in left_out:
                state.update(item.name.encode())
                _feed(state, getattr(value, item.name))
    elif isinstance(value, Mapping):
        state.update(b"{")
        for name, item in value.items():
            state.update(str(name).encode() + b":")
            _feed(state, item)
        state.update(b"}")
    elif isinstance(value, (np.ndarray, Quantity)):
        state.update(repr(get_dimensions(value)).encode())
        array = np.ascontiguousarray(np.asarray(value))
        state.update(f"{array.dtype.str}{array.shape}".encode())
        state.update(array.data if array.size else b"")
    elif isinstance(value, (tuple, list)):
        state.update(b"[")
        for item in value:
            _feed(state, item)
        state.update(b"]")
    elif value is None or isinstance(value, (str, bool, int, float, np.generic)):
        state.update(f"{type(value).__name__}{value!r};".encode())
    else:
        raise TypeError(f"a {type(value).__name__} cannot be part of a value: {value!r}")
