"""What the jobs of a sweep share: images as settings describe them, and the work that settings are made into."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from spikehebb import devices
from spikehebb.core import Images, Samples, images_only
from spikehebb.core.progress import Progress
from spikehebb.datasets import load_some, own_path
from spikehebb.devices import Device

Work = Callable[[Path, bool, Progress], object]  # into a folder, whether another run there is replaced
Settings = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images as settings describe them: equal ones are read once."""

    data: str
    data_dir: str | None = None
    size: int | None = None
    colour: bool = False
    cells: int | None = None
    limit_train: int | None = None
    limit_test: int | None = None

    def __post_init__(self) -> None:
        for name in ("size", "cells", "limit_train", "limit_test"):
            check_count(name, getattr(self, name))
        if not isinstance(self.data, str) or not isinstance(self.data_dir, (str, type(None))):
            raise ValueError(f"data and data_dir must be texts, got {self.data!r} and {self.data_dir!r}.")
        if (path := own_path(self.data)) is not None:  # a worker may have another working folder
            object.__setattr__(self, "data", str(path.absolute()))

    def part(self, part: str) -> Samples:
        """Return the images of a part."""
        return _part(self, part)


@lru_cache(maxsize=2)  # of one data set, training and test images
def _part(data: Data, part: str) -> Samples:
    limit = data.limit_test if part == "test" else data.limit_train
    where = Path(data.data) if own_path(data.data) is not None else data.data
    return load_some(
        where,
        part,
        limit=limit,
        data_dir=data.data_dir,
        size=data.size,
        grey=not data.colour,
        cells=data.cells,
        events=True,
    )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The work that settings describe, and the images that it needs."""

    do: Work
    data: Data | None = None


IMAGES = tuple(item.name for item in dataclasses.fields(Data))


def data_of(given: Settings) -> Data:
    """Take what describes images from settings."""
    own = {name: given.pop(name) for name in IMAGES if name in given}
    if own.get("data") is None:
        raise ValueError("no data: name a data set (digits, mnist, ...) or a path with data.")
    return Data(**own)


def check_count(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless a setting is a whole number from 1 on, or left out."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")


def both(data: Data) -> tuple[Images, Images]:
    """Return the training and the test images."""
    return images_only(data.part("train")), images_only(data.part("test"))


def device_of(given: Settings) -> Device:
    """Take the device from settings."""
    return devices.find(given.pop("device", "auto"))


def needed(given: Settings, name: str, job: str) -> str:
    """Take a text that a job cannot do without from settings."""
    if not isinstance(given.get(name), (str, Path)):
        raise ValueError(f"{job} needs {name}; give it in the settings, or in the grid.")
    return str(given.pop(name))
