"""The trained networks that come along: what each is, what it scored, and its file, whose hash is checked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from spikehebb.core import Frozen
from spikehebb.equations import did_you_mean
from spikehebb.reading import check, exactly, regular

_PACKAGE = Path(__file__).parents[1]
SAMPLE = 500  # test images of a sample that a card counts, too


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained network that comes along.

    Parameters
    ----------
    name, summary : str
    data : str
        The data set that it learned.
    command : str
        What made it.
    metric : str
        What it was scored by.
    accuracy : float
        Share of all test images that are right.
    sample : float
        The same of ``datasets.sample(test, 500)``, which takes less time to measure again.
    sha256 : str
        Of its file.
    """

    name: str
    summary: str
    data: str
    command: str
    metric: str
    accuracy: float
    sample: float
    sha256: str

    @property
    def folder(self) -> Path:
        """Where its file, its card and its picture are."""
        return _home("models") / self.name

    def file(self) -> Path:
        """Return its checkpoint.

        Raises
        ------
        FileNotFoundError
            If it is missing.
        ValueError
            If it is not the one that the list of models names.
        """
        path = regular(self.folder / "checkpoint.npz", "model", "install spikehebb again")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise ValueError(
                f"the model {self.name} has the hash {found[:12]}..., not {self.sha256[:12]}... as models.toml says: "
                f"{path} was changed; install spikehebb again, or read your own file by its path."
            )
        return path


@cache
def models() -> Mapping[str, Model]:
    """Return the trained networks that come along, by name.

    Examples
    --------
    >>> models()["digits-soft-wta"].data
    'digits'
    """
    table = tomllib.loads((_home("models") / "models.toml").read_text("utf-8"))
    found = {}
    for name, entry in table.items():
        check(entry, {"accuracy": float, "sample": float}, f"models.toml: {name}")
        found[name] = Model(**exactly({"name": name, **entry}, Model, f"models.toml: {name}"))
    return Frozen(found)


def find_model(name: str) -> Model:
    """Return a trained network that comes along.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in models():
        raise ValueError(f"there is no model {name!r}.{did_you_mean(name, models())}")
    return models()[name]


def examples() -> Path:
    """Return the folder of the examples and of their data."""
    return _home("examples")


def _home(name: str) -> Path:
    """Return a folder that comes along: within the installed package, or beside it in a clone."""
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this installation lacks the folder {name}; install spikehebb again.")
