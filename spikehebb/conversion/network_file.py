"""A converted network as a file: the rate network that it came from, and how it was converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.conversion.lif_form import check_lif
from spikehebb.conversion.network import SpikingNetwork, Timing
from spikehebb.conversion.to_spiking import assemble
from spikehebb.reading import check, exactly, printable
from spikehebb.softhebb import Model, model_file

KIND = "converted"
_CONVERSION = {"timing": {}, "gains": [float], "seed?": int, "device?": str}


def save_converted(model: Model, network: SpikingNetwork, path: Path) -> None:
    """Write a converted network; ``load_converted`` reads it.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is still there.
    """
    checkpoint.save(to_checkpoint(model, network), path)


def to_checkpoint(model: Model, network: SpikingNetwork) -> Checkpoint:
    """Return a converted network as header and arrays."""
    rates = model_file.to_checkpoint(model)
    gains = [stage.gain for stage in network.stages]
    own = {"kind": KIND, "conversion": {**network.header, "timing": asdict(network.timing), "gains": gains}}
    return Checkpoint(header={**rates.header, **own}, arrays=rates.arrays)


def load_converted(path: Path) -> tuple[Model, SpikingNetwork]:
    """Read a converted network, also from an untrusted source: nothing in the file is ever executed.

    Parameters
    ----------
    path : path
        The file, or a folder that holds ``checkpoint.npz``.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    return from_checkpoint(checkpoint.load(path, shapes))


def from_checkpoint(content: Checkpoint) -> tuple[Model, SpikingNetwork]:
    """Return the rate network and the spiking one that header and arrays describe."""
    conversion = content.header["conversion"]
    rates = {name: value for name, value in content.header.items() if name != "conversion"}
    model = model_file.from_checkpoint(Checkpoint(header=rates, arrays=content.arrays))
    timing, gains = _conversion(content.header)
    header = {name: value for name, value in conversion.items() if name not in ("timing", "gains")}
    return model, assemble(model, gains, timing, header)


def shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return what a converted network's file holds; raise ``ValueError`` if its header is of something else."""
    if header["kind"] != KIND:
        raise ValueError(f"it holds {printable(repr(header['kind']))}, not a converted network; convert it first.")
    expected = model_file.shapes({**header, "kind": model_file.KIND})
    _, gains = _conversion(header)
    layers = len(header["network"]["layers"])
    if len(gains) != layers:
        raise ValueError(f"it was converted with {len(gains)} gains, but has {layers} layers: from another conversion.")
    if header["conversion"].get("lif") is not None:
        check_lif(header["conversion"]["lif"], header["network"]["layers"][0]["units"])
    return expected


def _conversion(header: Mapping[str, Any]) -> tuple[Timing, tuple[float, ...]]:
    conversion = check(header["conversion"], _CONVERSION, "its conversion")
    gains = tuple(float(gain) for gain in conversion["gains"])
    if not all(0 < gain < 1e18 for gain in gains):
        raise ValueError(f"its gains must be rates above 0, but are {printable(list(gains))}.")
    if conversion.get("seed", 0) < 0:
        raise ValueError(f"its seed must be at least 0, got {conversion['seed']}.")
    return Timing(**exactly(conversion["timing"], Timing, "the timing of its conversion")), gains
