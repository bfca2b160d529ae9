"""What learning digits leaves on disk: the trained network, and the state of a run that was interrupted."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import checkpoint, devices, metrics
from spikehebb.checkpoint import Checkpoint
from spikehebb.convert import network_file
from spikehebb.core import Float, Images, digest
from spikehebb.jobs.digit_settings import Settings
from spikehebb.softhebb import model_file


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Learning so far: what the next chunk of images needs."""

    chunks: int
    weights: Float
    age: Float  # spikes of its own that a neuron has learned from, divided by the lifetime
    bias: Float | None  # that a network came with; it does not learn
    spikes: Float  # (input, output)
    seconds: float
    tally: Float  # (neurons, classes): spikes for images of each class, recent ones counting most
    shown: Float  # (classes,): images behind them, weighted likewise
    curve: Float  # (points, 2): images seen, accuracy


def load_digits(path: Path) -> Checkpoint:
    """Read what ``learn_digits`` saved, a checkpoint or the folder that holds it, and check all of it."""
    return checkpoint.load(path, shapes)


def load_network(path: Path) -> Checkpoint:
    """Read a trained network of any kind; ``header["kind"]`` says which, and all of it is checked.

    Parameters
    ----------
    path : path
        A checkpoint, or the folder that holds it.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    return checkpoint.load(path, _any_shapes)


def versions() -> dict[str, str]:
    """Return the versions that decide a result."""
    packages = ("spikehebb", "brian2", "numpy", "scipy", "scikit-learn")
    found = {"python": platform.python_version(), "compiler": devices.compiler() or "none"}
    return found | {name: importlib.metadata.version(name) for name in packages}


def describe(images: Images) -> dict[str, Any]:
    """Return what identifies images: where they came from, and a digest of these very pixels and labels."""
    content = digest([images.pixels, images.labels])
    return {"name": images.name, "count": len(images), "hashes": dict(images.hashes), "digest": content}


def shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return what a checkpoint of digits holds; raise ``ValueError`` if its header is of something else."""
    if header["kind"] not in ("digits", "digits, unfinished"):
        raise ValueError(f"it holds {header['kind']!r}, not a network that learned digits.")
    settings = Settings(**header["config"])
    devices.find(header["device"])
    shape = header["image_shape"]
    if len(shape) != 2 or not all(isinstance(side, int) and 0 < side < 10_000 for side in shape):
        raise ValueError(f"its images have the shape {shape}.")
    pixels, neurons, classes = int(np.prod(shape)), settings.neurons, metrics.CLASSES
    arrays = {"weights": ("f", (pixels, neurons)), "age": ("f", (neurons,))}
    if header.get("biased", False):
        arrays["bias"] = ("f", (neurons,))
    if header["kind"] == "digits":
        return arrays | {"profile": ("f", (neurons, classes)), "linear": ("f", (classes, neurons + 1))}
    return arrays | {
        "spikes": ("f", (2,)),
        "seconds": ("f", ()),
        "tally": ("f", (neurons, classes)),
        "shown": ("f", (classes,)),
        "curve": ("f", (int(header["points"]), 2)),
    }


_KINDS = {"digits": shapes, model_file.KIND: model_file.shapes, network_file.KIND: network_file.shapes}


def _any_shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    kind = header["kind"]
    if kind not in list(_KINDS):  # a list, because a stranger's kind may be anything
        raise ValueError(f"it holds {kind!r}, not a trained network ({', '.join(_KINDS)}).")
    return _KINDS[kind](header)


def partial(header: Mapping[str, Any], state: State) -> Checkpoint:
    """Return the state of a run as something that can be saved."""
    kept = {name: value for name, value in vars(state).items() if name != "chunks" and value is not None}
    arrays = {name: np.asarray(value) for name, value in kept.items()}
    kind = {"kind": "digits, unfinished", "chunks": state.chunks, "points": len(state.curve)}
    return Checkpoint(header={**header, **kind}, arrays=arrays)


def resume(out: Path | None, header: Mapping[str, Any], overwrite: bool) -> State | None:
    """Return the state of an interrupted run with the same header, or None to start from the beginning."""
    if out is None:
        return None
    out.mkdir(parents=True, exist_ok=True)
    if (out / "partial.npz").exists():
        found = load_digits(out / "partial.npz")
        known = {*header, "side_by_side"} - {"kind"}  # side by side, a network draws other random numbers
        if all(found.header.get(key) == header.get(key) for key in known):
            arrays = dict(found.arrays)
            bias = arrays.pop("bias", None)
            seconds = float(arrays.pop("seconds"))
            return State(chunks=int(found.header["chunks"]), seconds=seconds, bias=bias, **arrays)
    may_begin(out, overwrite)
    return None


def may_begin(out: Path, overwrite: bool) -> None:
    """Raise ``FileExistsError`` if a folder holds another run that may not be replaced."""
    if not overwrite and any((out / name).exists() for name in ("run.json", "checkpoint.npz", "partial.npz")):
        raise FileExistsError(
            f"{out} holds another run; give another folder with --out, or replace it with --overwrite."
        )
