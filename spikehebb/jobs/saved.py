"""Reading trained networks of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.convert import network_file
from spikehebb.jobs import learned
from spikehebb.jobs.learned import LearnedNetwork
from spikehebb.softhebb import model_file


def load_digits(path: Path) -> LearnedNetwork:
    """Read what ``learn_digits`` saved, a checkpoint or the folder that holds it, and check all of it."""
    found = checkpoint.load(path, learned.shapes)
    return LearnedNetwork(header=found.header, arrays=found.arrays)


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


_KINDS = {"digits": learned.shapes, model_file.KIND: model_file.shapes, network_file.KIND: network_file.shapes}


def _any_shapes(header: Mapping[str, Any]) -> Shapes:
    kind = header["kind"]
    if kind not in list(_KINDS):  # a list, because a stranger's kind may be anything
        raise ValueError(f"it holds {kind!r}, not a trained network ({', '.join(_KINDS)}).")
    return _KINDS[kind](header)
