"""NIR graphs as files. The package ``nir`` builds what is written, so that its own checks are passed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb.checkpoint import write_whole
from spikehebb.export.graph import Graph, Node
from spikehebb.export.read_nir import check_sum, packages


def write_nir(graph: Graph, path: Path) -> None:
    """Write a NIR graph as HDF5, whole or not at all.

    The file carries a checksum of its content, which ``load_graph`` compares; other readers pass it over.
    ``v_reset`` is written only where it is not 0: older versions of ``nir`` do not know it.

    Parameters
    ----------
    graph : Graph
        From ``circuit_graph`` or ``network_graph``.
    path : path

    Raises
    ------
    RuntimeError
        If the package ``nir`` is missing.
    OSError
        If the file cannot be written; what was there before is still there.
    """
    nir, h5py = packages()
    buffer = io.BytesIO()
    nir.write(buffer, _built(graph, nir))
    with h5py.File(buffer, "r+") as file:
        _drop_resets(file["node"])
    content = buffer.getvalue()
    write_whole(Path(path), lambda file: file.write(content + check_sum(content)))


def _built(graph: Graph, nir: Any) -> Any:
    nodes = {
        name: _built(node, nir) if isinstance(node, Graph) else _node(node, nir) for name, node in graph.nodes.items()
    }
    built = nir.NIRGraph(nodes=nodes, edges=list(graph.edges))
    built.metadata = dict(graph.metadata)
    return built


def _node(node: Node, nir: Any) -> Any:
    values = dict(node.values)
    if node.kind in ("Input", "Output"):
        key = "input" if node.kind == "Input" else "output"
        return getattr(nir, node.kind)({key: np.asarray(values["shape"])})
    if node.kind == "Flatten":
        return nir.Flatten(input_type={"input": np.asarray(values["input_type"])}, start_dim=0, end_dim=-1)
    return getattr(nir, node.kind)(**values)


def _drop_resets(group: Any) -> None:
    """Delete every ``v_reset`` that is 0."""
    for name in list(group):
        item = group[name]
        if hasattr(item, "keys"):
            _drop_resets(item)
        elif name == "v_reset" and not np.any(item[()]):
            del group[name]
