"""A NIR graph as a value: nodes, edges, metadata. Neither Brian2 nor the package ``nir`` is needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb.core import Frozen

LINEAR = ("Linear", "Affine", "Scale", "Flatten", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Delay")
DYNAMIC = ("LIF", "IF", "CubaLIF", "CubaLI", "LI", "I", "Threshold")
SINGLE = ((), (1,))  # shapes of one number that counts for all neurons
KINDS = ("Input", "Output", *LINEAR, *DYNAMIC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """A node of a NIR graph.

    Parameters
    ----------
    kind : str
        NIR's name of the type, one of ``KINDS``.
    values : mapping of str to array or int
        What the type asks for, by NIR's names; of ``Input`` and ``Output`` the ``shape``.
    """

    kind: str
    values: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", Frozen(self.values))


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A NIR graph.

    Parameters
    ----------
    nodes : mapping of str to Node or Graph
    edges : tuple of (str, str)
    metadata : mapping of str to str or float
        ``dt`` is the time step, in seconds, for which the time constants are written.
    """

    nodes: Mapping[str, Node | Graph]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", Frozen(self.nodes))
        object.__setattr__(self, "metadata", Frozen(self.metadata))
        object.__setattr__(self, "edges", tuple((str(a), str(b)) for a, b in self.edges))


def sizes(graph: Graph) -> dict[str, int]:
    """Return how many nodes of each kind a graph has, sub-graphs included, and how many weights.

    Examples
    --------
    >>> sizes(Graph(nodes={"a": Node(kind="Input", values={"shape": np.array([2])})}, edges=()))
    {'Input': 1, 'weights': 0}
    """
    counts: dict[str, int] = {}
    weights = 0
    for node in graph.nodes.values():
        if isinstance(node, Graph):
            inner = sizes(node)
            weights += inner.pop("weights")
            for kind, number in inner.items():
                counts[kind] = counts.get(kind, 0) + number
        else:
            counts[node.kind] = counts.get(node.kind, 0) + 1
            weights += int(np.size(node.values.get("weight", ())))
    return {**counts, "weights": weights}


def shape_of(node: Node) -> tuple[int, ...] | None:
    """Return the shape of what a node sends, where the node itself states it: single numbers count for all neurons."""
    values = node.values
    if node.kind in ("Input", "Output"):
        return tuple(int(side) for side in values["shape"])
    if node.kind in ("Linear", "Affine"):
        return (int(values["weight"].shape[0]),)
    if node.kind in ("Scale", "Delay"):
        return tuple(np.shape(values[node.kind.lower()]))
    if node.kind in DYNAMIC:
        return next((np.shape(value) for value in values.values() if np.shape(value) not in SINGLE), None)
    return None


def array(value: Any, kind: Any = np.float64) -> NDArray[Any]:
    """Return an array as NIR keeps it."""
    return np.ascontiguousarray(value, dtype=kind)
