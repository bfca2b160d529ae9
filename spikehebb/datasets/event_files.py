"""Recordings of event cameras from files: N-MNIST's own, packed ones, and the data sets of tonic."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Events
from spikehebb.core.memory import check_memory
from spikehebb.datasets.arrays import places
from spikehebb.datasets.folder import class_folders, digest_of_files, part_folder
from spikehebb.npy import open_npz, read_member
from spikehebb.reading import printable, read_bytes

SENSOR = (2, 34, 34)  # of N-MNIST
ARRAYS = ("x", "y", "p", "t", "offsets", "labels", "is_test")
_WHAT = "file of events"
_BYTES = 5  # of an event
_MOST = 64 << 20  # bytes of a recording: 13 million events


def load_packed(path: Path, part: str) -> Events:
    """Return the recordings of a part of a packed file: an npz of ``ARRAYS``, and ``sensor`` where it is another.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    with open_npz(path, _WHAT) as (archive, members):
        if missing := [each for each in ARRAYS if each not in members]:
            raise ValueError(f"{_WHAT} {path} lacks {', '.join(missing)}.")
        sensor = (
            tuple(read_member(archive, members["sensor"], f"{_WHAT} {path}: sensor", (3,)).tolist())
            if "sensor" in members
            else SENSOR
        )
        arrays = {each: read_member(archive, members[each], f"{_WHAT} {path}: {each}") for each in ARRAYS}
    is_test = arrays.pop("is_test").astype(bool)
    with path.open("rb") as file:
        hashes = {path.name: hashlib.file_digest(file, "sha256").hexdigest()}
    given: dict[str, Any] = {"sensor": sensor, "hashes": hashes, **arrays}
    every = Events(name=f"{path.stem}/{part}", **given)
    if is_test.shape != every.labels.shape:
        raise ValueError(
            f"{_WHAT} {path}: is_test has the shape {is_test.shape}, but there are {len(every)} recordings."
        )
    chosen = np.flatnonzero(is_test == (part == "test"))
    if not chosen.size:
        raise ValueError(f"{_WHAT} {path} has no recording of the {part} part.")
    return every[chosen]


def load_recordings(path: Path, part: str) -> Events:
    """Return the recordings below ``path/Train/class/`` or ``path/Test/class/``, in N-MNIST's own files.

    An event has 5 bytes: column, row, and 24 bits, of which the first is the polarity and 23 are microseconds.

    Raises
    ------
    FileNotFoundError, ValueError
        If a folder is empty, the parts have different classes, or a file is cut off or holds an event outside of
        34 x 34 pixels or before the one that it follows.
    """
    root = part_folder(path, part)
    classes = class_folders(root, part_folder(path, "test" if part == "train" else "train", required=False))
    files = [(label, file) for label, name in enumerate(classes) for file in _recordings(root / name)]
    check_memory(
        f"{root}: its events", 4.0 * sum(file.stat().st_size for _, file in files), "take them into several folders"
    )
    events = [_events(file) for _, file in files]
    arrays: dict[str, Any] = {each: np.concatenate([event[each] for event in events]) for each in ("x", "y", "p", "t")}
    return Events(
        name=f"{path.resolve().name}/{part}",
        sensor=SENSOR,
        **arrays,
        offsets=np.concatenate([[0], np.cumsum([event["x"].size for event in events])]),
        labels=np.array([label for label, _ in files]),
        hashes={"names-and-contents": digest_of_files(root, [file for _, file in files])},
        classes=tuple(map(printable, classes)),
    )


def from_tonic(data_set: Any, *, name: str, classes: Sequence[str] = (), from_first: bool = False) -> Events:
    """Return the recordings of a data set of tonic, or of anything like one.

    Parameters
    ----------
    data_set : sequence of (events, label)
        Events are structured arrays of ``x``, ``t`` and, where there are, ``y`` and ``p``; times are microseconds.
        ``data_set.sensor_size`` is (width, height, polarities). Transforms are left out.
    name : str
        Data set and part, as in ``dvs-gesture/train``.
    classes : sequence of str, optional
        Names of the classes; those of ``data_set.classes`` when left out, and numbers where it has none.
    from_first : bool
        Count times from the first event of each recording: some data sets give the time of day.

    Returns
    -------
    Events

    Raises
    ------
    ValueError
        If it has no sensor or no recordings, or events are others.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from spikehebb.datasets.event_files import from_tonic
    >>> flash = np.array([(3, 1, 20, 1)], [("x", int), ("y", int), ("t", int), ("p", int)])
    >>> class Flashes(list):
    ...     sensor_size = (4, 2, 2)
    >>> recordings = from_tonic(Flashes([(flash, 0)]), name="flashes/train")
    >>> recordings.image_shape, recordings.x.tolist()
    ((2, 2, 4), [3])
    """
    size = getattr(data_set, "sensor_size", None)
    if not isinstance(size, Sequence) or len(size) != 3 or any(not isinstance(side, int) for side in size):
        raise ValueError(
            f"events {name}: the data set has no sensor_size of (width, height, polarities), but {size!r}."
        )
    width, height, channels = size
    recordings, labels = [], []
    for number in range(len(data_set)):
        events, label = data_set[number]
        fields = getattr(getattr(events, "dtype", None), "names", None) or ()
        if not {"x", "t"} <= set(fields):
            raise ValueError(
                f"events {name}: recording {number} must be a structured array of x, y, t and p, got "
                f"{printable(fields or type(events).__name__)}; leave transforms out."
            )
        zeros = np.zeros(len(events), np.int64)
        p = events["p"].astype(np.int64) if "p" in fields and channels > 1 else zeros
        t = events["t"] - (events["t"][0] if from_first and len(events) else 0)
        y = events["y"] if "y" in fields else zeros
        recordings.append({"x": events["x"], "y": y, "p": p, "t": np.asarray(t, np.int64)})
        labels.append(label)
    if not recordings:
        raise ValueError(f"events {name}: the data set has no recordings.")
    found, names = places(f"events {name}", labels, classes or tuple(map(str, getattr(data_set, "classes", ()))))
    arrays: dict[str, Any] = {each: _joined(event[each] for event in recordings) for each in ("x", "y", "p", "t")}
    return Events(
        name=name,
        sensor=(channels, height, width),
        **arrays,
        offsets=np.concatenate([[0], np.cumsum([len(event["x"]) for event in recordings])]),
        labels=found,
        classes=names,
    )


def _joined(arrays: Iterable[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([array.astype(np.int64) for array in arrays])


def _recordings(place: Path) -> list[Path]:
    files = sorted(file for file in place.iterdir() if file.suffix.lower() == ".bin" and not file.name.startswith("."))
    if not files:
        raise FileNotFoundError(f"{place} has no recording (.bin); add some or remove it.")
    return files


def _events(file: Path) -> dict[str, NDArray[Any]]:
    """Return the events of a file of N-MNIST."""
    content = read_bytes(file, "recording", most=_MOST)
    if len(content) % _BYTES:
        raise ValueError(
            f"{file} has {len(content)} bytes, but an event has {_BYTES}, so it is cut off or another file."
        )
    x, y, first, second, third = np.frombuffer(content, np.uint8).reshape(-1, _BYTES).T
    t = ((first & 127).astype(np.uint32) << 16) | (second.astype(np.uint32) << 8) | third
    for array, side, what in ((x, SENSOR[2], "column"), (y, SENSOR[1], "row")):
        if array.size and array.max() >= side:
            raise ValueError(
                f"{file} has an event in {what} {array.max()}, but the sensor of N-MNIST has 34 x 34 pixels."
            )
    if (np.diff(t.astype(np.int64)) < 0).any():
        raise ValueError(f"{file} has times that decrease, so it is no recording of N-MNIST.")
    return {"x": x, "y": y, "p": first >> 7, "t": t}
