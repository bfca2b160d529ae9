"""Images of the user's own: a folder of pictures for each class."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikehebb.core import Images
from spikehebb.datasets.scaling import check_size, squared
from spikehebb.reading import printable, regular

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # whatever the suffix: ImageNet has PNGs called JPEG
FOLDERS = {"train": ("train", "Train"), "test": ("test", "val", "Test")}
_GREY = ("1", "L", "LA", "La")
_PIXELS = 1 << 24  # that any image may have
_ROOM, _RATIO = 1 << 28, 100  # bytes in memory that any images may take, and more for each byte of their files
_DEEP = ("I", "F")  # a conversion would clip them to 8 bits in silence


def load_folder(path: str | Path, part: str, size: int | None = None, *, grey: bool = False) -> Images:
    """Return the images below ``path/part/class/``, in order of class and file name.

    Parameters
    ----------
    path : path
    part : str
        ``train`` or ``test``, where a folder ``val`` is taken for a missing ``test``.
    size : int, optional
        Cut the largest square from the middle of every image and scale it to so many pixels a side, as ``scaled``
        does. Without it all images must have the same size.
    grey : bool
        Whether images in colour become grey.

    Returns
    -------
    Images
        Bytes, (n, height, width) if all are grey, else (n, 3, height, width). The label is the place of the class
        among the sorted names of the class folders. What is transparent becomes black, which is background.

    Raises
    ------
    ValueError
        If an image cannot be read or has another size, or the parts have different classes.
    FileNotFoundError
        If a folder is missing or empty. Files are recognized by their suffix: bmp, jpeg, jpg, pbm, pgm, png, ppm, tif,
        tiff or webp; others are passed over.
    """
    path = Path(path)
    if part not in FOLDERS:
        raise ValueError(f"folder: the parts are train and test, not {part!r}.")
    check_size("folder", size)
    root = part_folder(path, part)
    classes = class_folders(root, part_folder(path, "test" if part == "train" else "train", required=False))
    files = [(label, file) for label, name in enumerate(classes) for file in _files(root / name)]
    pixels = _pixels([file for _, file in files], size, grey)
    hashes = {"names-and-contents": digest_of_files(root, [file for _, file in files])}
    labels = np.array([label for label, _ in files])
    name = f"{path.resolve().name}/{part}"
    return Images(name=name, pixels=pixels, labels=labels, hashes=hashes, classes=tuple(map(printable, classes)))


def part_folder(path: Path, part: str, *, required: bool = True) -> Any:
    """Return the folder of a part below a folder, or None if there is none and none is required.

    Raises
    ------
    FileNotFoundError
        If it is required.
    """
    found = next((path / name for name in FOLDERS[part] if (path / name).is_dir()), None)
    if found is None and required:
        names = " or ".join(f"{name}/" for name in FOLDERS[part] if name.islower())
        raise FileNotFoundError(
            f"folder: {path} has no folder {names}; put the images into <folder>/{part}/<class>/<image>."
        )
    return found


def class_folders(root: Path, other: Path | None) -> list[str]:
    """Return the names of the folders in the folder of a part, which must be those of the other part.

    Raises
    ------
    FileNotFoundError
        If there are none.
    ValueError
        If the parts have different classes.
    """
    classes = _classes(root)
    if other is not None and (odd := sorted(set(classes) ^ set(_classes(other)))):
        raise ValueError(
            f"folder: {root} and {other} must have the same classes, but only {root if odd[0] in classes else other} "
            f"has {printable(repr(odd[0]))}; add files to the other, or take it out."
        )
    return classes


def _classes(root: Path) -> list[str]:
    names = sorted(place.name for place in root.iterdir() if place.is_dir() and not place.name.startswith("."))
    if not names:
        raise FileNotFoundError(f"folder: {root} has no folder for a class; put the images into {root}/<class>/.")
    return names


def _files(place: Path) -> list[Path]:
    files = sorted(
        file for file in place.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise FileNotFoundError(f"folder: {place} has no image ({', '.join(SUFFIXES)}); add some or remove it.")
    return files


def _pixels(files: list[Path], size: int | None, grey: bool) -> NDArray[np.uint8]:
    """Return all images as bytes: grey if all of them are or shall be, in colour otherwise."""
    headers = [_header(file) for file in files]  # so that a misfit is reported before anything is decoded
    shape = headers[0][0]
    for file, (dimensions, _) in zip(files, headers, strict=True):
        if size is None and dimensions != shape:
            raise ValueError(
                f"folder: all images must have the same size, but {files[0]} has {_times(shape)} and {file} "
                f"{_times(dimensions)} pixels; cut and scale them all with --size (in Python, size=)."
            )
    width, height = shape if size is None else (size, size)
    mode = "L" if grey or all(mode in _GREY for _, mode in headers) else "RGB"
    needed = len(files) * width * height * len(mode)
    if size is None and needed > _ROOM + _RATIO * sum(file.stat().st_size for file in files):
        raise ValueError(
            f"folder: the {len(files)} images beside {files[0]} would take {needed >> 20} MiB of memory, far more than "
            "their files; cut and scale them all with --size (in Python, size=)."
        )
    pixels = np.empty((len(files), height, width) if mode == "L" else (len(files), 3, height, width), np.uint8)
    for number, file in enumerate(files):
        with _reading(file) as image:
            decoded = np.asarray(squared(_plain(image, mode), size))
        pixels[number] = decoded if mode == "L" else decoded.transpose(2, 0, 1)
    pixels.flags.writeable = False  # so that Images need not copy it
    return pixels


def _header(file: Path) -> tuple[tuple[int, int], str]:
    """Return (width, height) and the mode of an image, which is not decoded."""
    with _reading(file) as image:
        shape, mode = image.size, image.mode
        most = _PIXELS + _RATIO * file.stat().st_size
        if shape[0] * shape[1] > most:
            raise ValueError(f"{_times(shape)} pixels, and a file of its size may have {most:,} in all")
    if mode.startswith(_DEEP):
        raise ValueError(f"folder: {file} has pixels of more than 8 bits (mode {mode}); save it with 8 bits.")
    return shape, mode


@contextmanager
def _reading(file: Path) -> Iterator[Image.Image]:
    regular(file, "image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own about many pixels, which are counted here
            with Image.open(file, formats=_FORMATS) as image:
                yield image
    except MemoryError:
        raise
    except Exception as error:  # a damaged image fails in every way there is
        raise ValueError(
            f"folder: {file} cannot be read as an image ({type(error).__name__}: {printable(error)}); replace or "
            "remove it."
        ) from error


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Return an image as ``L`` or ``RGB``, over black where it is transparent."""
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image.convert("RGBA"))
    return image.convert(mode)


def _times(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"


def digest_of_files(root: Path, files: list[Path]) -> str:
    """Return a SHA-256 of the names and contents of files below a folder."""
    state = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        state.update(f"{file.relative_to(root).as_posix()}\0{content}\n".encode())
    return state.hexdigest()
