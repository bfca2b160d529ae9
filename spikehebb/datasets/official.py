"""Official files: where they lie, unpacked within bounds, and checked against their published hashes."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pooch

from spikehebb import devices
from spikehebb.datasets.unpacking import PACKED, unpack
from spikehebb.reading import printable, read_bytes

_LISTED = 6  # names in a message


def find(
    folder: Path, name: str, file: str, *, archive: str = "", downloads: bool = True, also: Sequence[str] = ()
) -> Path:
    """Return where a file of a data set lies below a folder; one that could be downloaded also plain or compressed.

    Parameters
    ----------
    folder : path
    name : str
        Of the data set, which may be a subfolder.
    file : str
        Its official name.
    archive : str, optional
        The folder that the official archive unpacks to.
    downloads : bool
        Whether ``load`` could download it.
    also : sequence of str
        Names that others give to it, with the folder that it may lie in.

    Raises
    ------
    FileNotFoundError
    """
    stem = file.removesuffix(".gz")
    places = list(dict.fromkeys([folder / name / archive, folder / archive, folder / name, folder]))
    for place, each in itertools.product(places, (stem, *also)):
        for suffix in PACKED if downloads else ("",):
            path = place / f"{each}{suffix}"
            if path.is_file():
                return path
    otherwise = ", or neither to download them" if downloads else ""
    raise FileNotFoundError(
        f"{name}: {file} is missing ({_looked(folder, places)}). Give the folder of the official files with "
        f"--data-dir or SPIKEHEBB_DATA{otherwise}."
    )


def _looked(folder: Path, places: list[Path]) -> str:
    if folder.is_file():
        return f"{folder} is a file; unpack it and give the folder"
    if not folder.is_dir():
        return "the folder does not exist"
    looked = f"looked in {', '.join(map(str, places[:-1]))} and in {folder}"
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (
        f"{looked}, which holds {printable(', '.join(names[:_LISTED]))}{more}" if names else f"{looked}, which is empty"
    )


def read_official(
    name: str, path: Path, *, size: int, sha256: str, gz_sha256: str = "", otherwise: str = ""
) -> tuple[bytes, str]:
    """Return what an official file holds, unpacked, and the hash by which it was recognised.

    Parameters
    ----------
    name : str
        Of the data set.
    path : path
        Plain, ``.gz`` or ``.xz``.
    size : int
        Bytes, unpacked; never more than that are unpacked.
    sha256, gz_sha256 : str
        Of the unpacked content; of a ``.gz`` file as it was published, where there is one.
    otherwise : str
        What a message says besides of a file that is another.

    Raises
    ------
    ValueError
        If it is truncated or something else.
    """
    content = read_bytes(path, f"file of {name}", most=2 * size + 1000)  # no compression makes more of it
    unpacked = unpack(content, path, size, name)
    if len(unpacked) > size:
        raise ValueError(
            f"{name}: {path} is not the official file: it holds more than the {size} bytes of that one. Fetch it "
            f"again{otherwise}."
        )
    if gz_sha256 and hashlib.sha256(content).hexdigest() == gz_sha256:
        return unpacked, gz_sha256
    _check(name, path, unpacked, sha256, otherwise)  # compressed by others
    return unpacked, sha256


def download(name: str, file: str, url: str, sha256: str, processor: Callable[..., object] | None = None) -> Path:
    """Return the folder of the user's cache that a file was downloaded into, unless it was there already."""
    folder = devices.cache_folder() / "data" / name
    try:
        devices.cache_folder().mkdir(mode=0o700, parents=True, exist_ok=True)  # programs will lie there, too
        pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=file, path=folder, processor=processor)
    except OSError as error:  # requests' errors are OSErrors
        raise ConnectionError(
            f"{name}: cannot download {file} ({type(error).__name__}). Give a folder that holds the official files "
            "with --data-dir or SPIKEHEBB_DATA."
        ) from error
    return Path(folder)


def _check(name: str, path: Path, content: bytes, expected: str, otherwise: str) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ValueError(
            f"{name}: {path} ({len(content)} bytes) is not the official file, so it is truncated, changed or of "
            f"another data set: its SHA-256 is {actual}, not {expected}. Fetch it again{otherwise}."
        )
