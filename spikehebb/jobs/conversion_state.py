"""How far a conversion has come, kept on disk so that an interrupted one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Float, Int

KIND = "conversion, unfinished"


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """The test images shown so far."""

    predicted: Int
    spikes: Float
    operations: Float
    seconds: float


def joined(one: Seen, other: Seen) -> Seen:
    """Return both, one after the other."""
    return Seen(
        predicted=np.concatenate([one.predicted, other.predicted]),
        spikes=one.spikes + other.spikes,
        operations=one.operations + other.operations,
        seconds=one.seconds + other.seconds,
    )


def partial(header: Mapping[str, Any], seen: Seen) -> Checkpoint:
    """Return how far a run has come as something that can be saved."""
    arrays = {
        "predicted": seen.predicted,
        "spikes": seen.spikes,
        "operations": seen.operations,
        "seconds": np.asarray(seen.seconds),
    }
    said = {"kind": KIND, "run": dict(header), "sizes": {name: list(array.shape) for name, array in arrays.items()}}
    return Checkpoint(header=said, arrays=arrays)


def resume(out: Path | None, header: Mapping[str, Any], overwrite: bool) -> Seen | None:
    """Return how far an interrupted run with this header came; refuse a folder that holds another."""
    if out is None:
        return None
    out.mkdir(parents=True, exist_ok=True)
    mine = {name: value for name, value in header.items() if name != "source"}
    partial = out / "partial.npz"
    if partial.exists():
        found = checkpoint.load(partial, _shapes)
        if {name: value for name, value in found.header["run"].items() if name != "source"} == mine:
            arrays = found.arrays
            return Seen(
                predicted=arrays["predicted"],
                spikes=arrays["spikes"],
                operations=arrays["operations"],
                seconds=float(arrays["seconds"]),
            )
    if not overwrite and any((out / name).exists() for name in ("run.json", "checkpoint.npz", "partial.npz")):
        raise FileExistsError(f"{out} holds another run; choose another folder, or overwrite it (--overwrite).")
    return None


def _shapes(header: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    if header["kind"] != KIND:
        raise ValueError(f"it holds {header['kind']!r}, not a conversion that was interrupted.")
    kinds = {"predicted": "i", "spikes": "f", "operations": "f", "seconds": "f"}
    return {name: (kind, tuple(int(side) for side in header["sizes"][name])) for name, kind in kinds.items()}
