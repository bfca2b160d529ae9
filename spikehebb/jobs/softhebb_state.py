"""How far the training of a SoftHebb network has come, on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Float
from spikehebb.jobs.run import check_new as may_begin
from spikehebb.softhebb import Model, Network, Weights, model_file
from spikehebb.softhebb.readout import Fit

UNFINISHED = "softhebb, unfinished"


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Training so far.

    Parameters
    ----------
    chunks : int
        Of the plan, done.
    layers : tuple of Weights
    looked : int
        Chunks of images, training images first, whose features are on disk.
    fit : Fit, optional
        The readout so far.
    curve : array, shape (epochs, 2)
        Accuracy on training images (while learning, with dropout if there is any) and on test images.
    seconds : array, shape (3,)
        Spent learning, looking at images, fitting the readout.
    """

    chunks: int
    layers: tuple[Weights, ...]
    looked: int
    fit: Fit | None
    curve: Float
    seconds: Float


def save(state: State, network: Network, header: Mapping[str, Any], path: Path) -> None:
    """Write a state."""
    whole = model_file.to_checkpoint(Model(network=network, layers=state.layers, header=header))
    arrays = {**whole.arrays, "curve": state.curve, "seconds": state.seconds}
    if state.fit is not None:
        arrays |= _fit_arrays(state.fit)
    about = {
        "kind": UNFINISHED,
        "chunks": state.chunks,
        "looked": state.looked,
        "epoch": None if state.fit is None else state.fit.epoch,
        "points": len(state.curve),
        "readout_classes": 0 if state.fit is None else len(state.fit.bias),
    }
    checkpoint.save(Checkpoint(header={**whole.header, **about}, arrays=arrays), path, compress=False)


def resume(out: Path, header: Mapping[str, Any], overwrite: bool) -> State | None:
    """Return the state of an interrupted run with the same header, or None to start from the beginning."""
    make_folder(out)
    path = out / "partial.npz"
    if path.exists():
        try:
            found = checkpoint.load(path, _shapes)
        except ValueError as error:
            if not overwrite:
                raise ValueError(f"{str(error).rstrip('.')}; train anew with --overwrite.") from error
        else:
            if all(found.header.get(key) == header[key] for key in header if key != "kind"):
                return _state(found)
    may_begin(out, overwrite)
    return None


def make_folder(out: Path) -> None:
    """Make the folder of a run, if need be.

    Raises
    ------
    OSError
        If there is a file of that name, or nothing can be written there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror or error
        raise OSError(f"cannot write into the folder {out} ({reason}); give another one with --out.") from error


def _state(found: Checkpoint) -> State:
    arrays, about = found.arrays, found.header
    layers = {name: value for name, value in arrays.items() if name.startswith("layer")}
    model = model_file.from_checkpoint(Checkpoint(header={**about, "classes": 0}, arrays=layers))
    fit = None
    if about["epoch"] is not None:
        weight, bias, one, two, three, four = (np.array(arrays[f"fit.{name}"]) for name in _FIT)
        fit = Fit(epoch=about["epoch"], weight=weight, bias=bias, moments=(one, two, three, four))
    return State(
        chunks=about["chunks"],
        layers=model.layers,
        looked=about["looked"],
        fit=fit,
        curve=np.array(arrays["curve"]),
        seconds=np.array(arrays["seconds"]),
    )


_FIT = ("weight", "bias", "moment1", "moment2", "bias_moment1", "bias_moment2")


def _fit_arrays(fit: Fit) -> dict[str, Any]:
    return dict(zip((f"fit.{name}" for name in _FIT), (fit.weight, fit.bias, *fit.moments), strict=True))


def _shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    if header["kind"] != UNFINISHED:
        raise ValueError(f"it holds {header['kind']!r}, not an unfinished SoftHebb run.")
    for name in ("chunks", "looked", "points", "readout_classes"):
        if not isinstance(header[name], int) or header[name] < 0:
            raise ValueError(f"its header says {header[name]!r} {name}.")
    wanted = model_file.shapes({**header, "kind": model_file.KIND, "classes": 0})
    wanted |= {"curve": ("f", (header["points"], 2)), "seconds": ("f", (3,))}
    if header["epoch"] is None:
        return wanted
    classes, features = header["readout_classes"], model_file.network_from(header["network"]).features
    shapes = ((classes, features), (classes,), (classes, features), (classes, features), (classes,), (classes,))
    return wanted | {f"fit.{name}": ("f", shape) for name, shape in zip(_FIT, shapes, strict=True)}
