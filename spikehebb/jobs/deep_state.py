"""How far learning layer by layer has come, on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Float
from spikehebb.jobs.run import check_new as may_begin
from spikehebb.softhebb import Network, Weights, model_file, training
from spikehebb.softhebb.network import array_shapes

UNFINISHED = "layers, unfinished"


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Learning so far.

    Parameters
    ----------
    number, chunks : int
        The layer that learns, and the chunks of patches that it has seen.
    looked : int
        Images, training images first, whose features are on disk.
    layers : tuple of Weights
    ages : tuple of array
        Spikes divided by the lifetime, for each layer (units,).
    totals : array, shape (layers, 3)
        Patches, input spikes, output spikes of the learning.
    spikes : array, shape (layers + 1,)
        Of the inputs and of every layer, for all images looked at.
    seconds : array, shape (2,)
        Learning, looking.
    """

    number: int
    chunks: int
    looked: int
    layers: tuple[Weights, ...]
    ages: tuple[Float, ...]
    totals: Float
    spikes: Float
    seconds: Float


def start(network: Network, seed: int) -> State:
    """Return the state before any learning."""
    depth = len(network.layers)
    return State(
        number=0,
        chunks=0,
        looked=0,
        layers=training.start(network, seed),
        ages=tuple(np.zeros(layer.units) for layer in network.layers),
        totals=np.zeros((depth, 3)),
        spikes=np.zeros(depth + 1),
        seconds=np.zeros(2),
    )


def save(state: State, header: Mapping[str, Any], place: Path) -> None:
    """Write a state."""
    arrays: dict[str, Any] = {"totals": state.totals, "spikes": state.spikes, "seconds": state.seconds}
    for number, (weights, age) in enumerate(zip(state.layers, state.ages, strict=True)):
        arrays |= {f"weight{number}": weights.weight, f"age{number}": age}
    about = {"kind": UNFINISHED, "number": state.number, "chunks": state.chunks, "looked": state.looked}
    about["steps"] = [weights.steps for weights in state.layers]
    checkpoint.save(Checkpoint(header={**header, **about}, arrays=arrays), place / "partial.npz", compress=False)


def resume(place: Path, header: Mapping[str, Any], overwrite: bool) -> State | None:
    """Return the state of an interrupted run with the same header, or None to start from the beginning."""
    place.mkdir(parents=True, exist_ok=True)
    path = place / "partial.npz"
    if path.exists():
        found = checkpoint.load(path, shapes)
        about, arrays = found.header, found.arrays
        if all(about.get(key) == header[key] for key in header if key != "kind"):
            network = model_file.network_from(about["network"])
            fresh = training.start(network, 0)
            layers = tuple(
                dataclasses.replace(weights, weight=arrays[f"weight{number}"], steps=about["steps"][number])
                for number, weights in enumerate(fresh)
            )
            return State(
                number=about["number"],
                chunks=about["chunks"],
                looked=about["looked"],
                layers=layers,
                ages=tuple(np.array(arrays[f"age{number}"]) for number in range(len(layers))),
                totals=np.array(arrays["totals"]),
                spikes=np.array(arrays["spikes"]),
                seconds=np.array(arrays["seconds"]),
            )
    may_begin(place, overwrite)
    return None


def shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return what a state holds on disk; raise ``ValueError`` if its header is of something else."""
    if header["kind"] != UNFINISHED:
        raise ValueError(f"it holds {header['kind']!r}, not layers that are learning.")
    network = model_file.network_from(header["network"])
    depth = len(network.layers)
    counts = [header["number"], header["chunks"], header["looked"], *header["steps"]]
    if len(header["steps"]) != depth or not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError(f"its header counts {counts}.")
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        "totals": ("f", (depth, 3)),
        "spikes": ("f", (depth + 1,)),
        "seconds": ("f", (2,)),
    }
    for number, layer in enumerate(network.layers):
        wanted |= {
            f"weight{number}": ("f", array_shapes(network, number)["weight"]),
            f"age{number}": ("f", (layer.units,)),
        }
    return wanted
