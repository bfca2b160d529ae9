"""What a path of the user's own holds, and the images or events in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from spikehebb.core import Events, Images
from spikehebb.datasets.csv_images import find_csv, load_csv
from spikehebb.datasets.event_files import ARRAYS, load_packed, load_recordings
from spikehebb.datasets.folder import load_folder, part_folder
from spikehebb.datasets.idx_files import find_idx, load_idx_files
from spikehebb.datasets.npz import arrays_in, load_npz, load_pair
from spikehebb.datasets.scaling import scaled
from spikehebb.reading import printable

LAYOUTS = (
    "train/<class>/<image> and test/<class>/<image>, IDX files, an npz file of x_train, y_train, x_test and y_test, "
    "CSV files, or recordings of N-MNIST"
)
_PARTS = ("train", "test")
_PAIR = re.compile(r"(?P<stem>.*?)[-_]?(?P<part>train|test)[-_](?P<what>imgs|labels)\.npz")
_ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2")
_LISTED = 6  # names in a message


def load_path(path: Path, part: str, *, size: int | None, grey: bool, cells: int | None) -> Images:
    """Return the images of a part of what a path holds; see ``load``.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    kind, read = _reader(path, part)
    if kind == "events":
        raise ValueError(f"{path} holds events of a camera, not images; give images, or read it with load_events.")
    if kind == "folder":
        if cells is not None:
            raise ValueError(f"{path}: cells are for tables of features, and this is a folder of images.")
        return load_folder(path, part, size, grey=grey)
    if cells is not None and kind == "idx":
        raise ValueError(f"{path}: cells are for tables of features, and these are IDX files of images.")
    return scaled(read(cells) if kind == "rows" else read(), size, grey=grey)


def load_events(path: str | Path, part: str) -> Events:
    """Return the recordings of an event camera of a part.

    Parameters
    ----------
    path : path
        A folder of N-MNIST's own files (``Train/<digit>/<recording>.bin`` and ``Test``), or an npz file of packed
        recordings: ``x``, ``y``, ``p``, ``t``, ``offsets``, ``labels``, ``is_test``, and ``sensor`` where it is not
        (2, 34, 34); or a folder that holds it.
    part : str
        ``train`` or ``test``.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If it holds something else.
    """
    kind, read = _reader(Path(path), part)
    if kind != "events":
        raise ValueError(f"{path} holds images, not events of a camera; read it with load.")
    events: Events = read()
    return events


def holds_events(path: str | Path) -> bool:
    """Return whether a path holds recordings of an event camera, as ``load_events`` takes them.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If it holds nothing that can be read.
    """
    return _reader(Path(path), "train")[0] == "events"


def _reader(path: Path, part: str) -> tuple[str, Callable[..., Any]]:
    """Return what a path holds (folder, events, idx, pair or rows), and what reads it."""
    if part not in _PARTS:
        raise ValueError(f"{path} has the parts train and test, not {part!r}.")
    if path.is_file():
        return _of_file(path, part)
    if not path.is_dir():
        raise FileNotFoundError(f"there is no file or folder {path}; give one that holds {LAYOUTS}.")
    roots = [root for each in _PARTS if (root := part_folder(path, each, required=False)) is not None]
    if any(item.is_dir() for root in roots for item in root.iterdir()):
        if any(file.suffix.lower() == ".bin" for root in roots for file in root.glob("*/*")):
            return "events", partial(load_recordings, path, part)
        return "folder", partial(load_folder, path, part)
    if found := find_idx(path):
        if len(found) > 1:
            names = [str(each.place / f"{each.stem}train-images...") for each in found]
            raise ValueError(
                f"{path} holds several data sets ({printable(', '.join(names[:_LISTED]), 400)}); give the file of "
                "training images of one."
            )
        return "idx", partial(load_idx_files, found[0], part)
    files = sorted(file for file in path.iterdir() if file.is_file() and file.suffix == ".npz")
    pairs = {(match["part"], match["what"]): file for file in files if (match := _PAIR.fullmatch(file.name))}
    if len(files) == len(pairs) == 4:
        return "pair", partial(load_pair, pairs, path.resolve().name, part)
    if len(files) > 1:
        names = [file.name for file in files]
        raise ValueError(f"{path} holds several npz files ({printable(', '.join(names[:_LISTED]))}); give one of them.")
    if files:
        return _of_file(files[0], part)
    if table := find_csv(path):
        return "rows", partial(load_csv, table, part)
    names = sorted(item.name for item in path.iterdir() if not item.name.startswith("."))
    shown = printable(", ".join(names[:_LISTED])) if names else "nothing"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    raise FileNotFoundError(f"{path} holds {shown}{more}, which is no data set that can be read; give {LAYOUTS}.")


def _of_file(path: Path, part: str) -> tuple[str, Callable[..., Any]]:
    if path.suffix == ".npz":
        if set(ARRAYS) <= arrays_in(path):
            return "events", partial(load_packed, path, part)
        return "rows", partial(load_npz, path, part)
    if found := find_idx(path):
        return "idx", partial(load_idx_files, found[0], part)
    if table := find_csv(path):
        return "rows", partial(load_csv, table, part)
    if path.name.lower().endswith((*_ARCHIVES, ".tar.gz", ".tar.xz")):
        raise ValueError(f"{path} is an archive; unpack it and give the folder.")
    raise ValueError(f"{path} is no data set that can be read; give {LAYOUTS}.")
