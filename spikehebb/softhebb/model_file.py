"""A SoftHebb model as a file: one npz without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.reading import check, exactly, printable
from spikehebb.softhebb.model import Array, Model, Weights, array_shapes
from spikehebb.softhebb.network import Layer, Network, Pool, Readout, Training, described, since
from spikehebb.softhebb.presets import layer_from

KIND = "softhebb"
_HEADER = {
    "network": {},
    "classes": int,
    "steps": [int],
    # how it came about, where that is known
    "preset?": (str, None),
    "seed?": int,
    "device?": str,
    "versions?": {str: str},
    "training?": {},
    "readout?": {},
}


def save_model(model: Model, path: Path) -> None:
    """Write a model; ``load_model`` reads it.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is still there.
    """
    checkpoint.save(to_checkpoint(model), path)


def load_model(path: Path) -> Model:
    """Read a model, also from an untrusted source: nothing in the file is ever executed.

    Parameters
    ----------
    path : path
        The file, or a folder that holds ``checkpoint.npz``.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    content = checkpoint.load(path, shapes)
    try:
        return from_checkpoint(content)
    except ValueError as error:
        raise ValueError(f"checkpoint {path}: {printable(error, 600)}") from error


def to_checkpoint(model: Model) -> Checkpoint:
    """Return a model as header and arrays."""
    network = model.network
    arrays: dict[str, Array] = {}
    for number, weights in enumerate(model.layers):
        arrays |= {f"layer{number}.{name}": getattr(weights, name) for name in array_shapes(network, number)}
    classes = 0
    if model.readout is not None:
        arrays |= {"readout.weight": model.readout[0], "readout.bias": model.readout[1]}
        classes = len(model.readout[1])
    header = {
        **model.header,
        "kind": KIND,
        "network": described(network),
        "steps": [weights.steps for weights in model.layers],
        "classes": classes,
    }
    return Checkpoint(header=header, arrays=arrays)


def from_checkpoint(content: Checkpoint) -> Model:
    """Return the model that header and arrays describe."""
    network, arrays = network_from(content.header["network"]), content.arrays
    layers = tuple(
        Weights(steps=int(steps), **{name: arrays[f"layer{number}.{name}"] for name in array_shapes(network, number)})
        for number, steps in enumerate(content.header["steps"])
    )
    readout = (arrays["readout.weight"], arrays["readout.bias"]) if content.header["classes"] else None
    own = ("kind", "network", "steps", "classes")
    header = {name: value for name, value in content.header.items() if name not in own}
    return Model(network=network, layers=layers, readout=readout, header=header)


def network_from(description: Mapping[str, Any]) -> Network:
    """Return the network that a file describes; raise ``ValueError`` if it leaves something open."""
    network = exactly(description, Network, "its network")
    check(network, {"image_shape": [int], "layers": [{"pool": (None, {})}]}, "its network")
    for number, layer in enumerate(network["layers"]):
        exactly({**since(Layer), **layer}, Layer, f"layer {number} of its network")
        if layer["pool"] is not None:
            exactly(layer["pool"], Pool, f"the pool of layer {number} of its network")
    return Network(image_shape=tuple(network["image_shape"]), layers=tuple(map(layer_from, network["layers"])))


def shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return what a model's file holds; raise ``ValueError`` if its header is of something else."""
    if header["kind"] != KIND:
        raise ValueError(f"it holds {printable(repr(header['kind']))}, not a SoftHebb model.")
    check(header, _HEADER, "its header")
    for name, kind in (("training", Training), ("readout", Readout)):
        if name in header:
            given = {entry: value for entry, value in header[name].items() if entry != "method"}
            kind(**exactly({**since(kind), **given}, kind, f"its {name}"))
    network, classes, steps = network_from(header["network"]), header["classes"], header["steps"]
    if len(steps) != len(network.layers) or min(steps) < 0:
        raise ValueError(f"its header must count the steps of {len(network.layers)} layers, got {printable(steps)}.")
    expected: dict[str, tuple[str, tuple[int, ...]]] = {}
    for number in range(len(network.layers)):
        kinds = {"variance": "f+"}
        for name, shape in array_shapes(network, number).items():
            expected[f"layer{number}.{name}"] = (kinds.get(name, "f"), shape)
    if not 0 <= classes < 1_000_000:
        raise ValueError(f"its header must have a whole number of classes below 1,000,000, got {classes!r}.")
    if classes:
        expected |= {"readout.weight": ("f", (classes, network.features)), "readout.bias": ("f", (classes,))}
    return expected
