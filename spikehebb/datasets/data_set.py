"""What a data set is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spikehebb.core import Images


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Labelled images under a name.

    Parameters
    ----------
    name, summary : str
    read : callable
        Returns the images of a part, given its name and the folder that the user's files are in, or None.
    parts : tuple of str
    """

    name: str
    summary: str
    read: Callable[[str, Path | None], Images]
    parts: tuple[str, ...] = ("train", "test")
