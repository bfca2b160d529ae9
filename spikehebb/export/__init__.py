"""Leaving the toolkit: NIR graphs for other simulators, plain arrays, tables; and reading NIR graphs."""

from spikehebb.export.circuit_graph import DIALECTS, circuit_graph
from spikehebb.export.graph import Graph, Node, sizes
from spikehebb.export.nir_check import load_graph
from spikehebb.export.nir_files import write_nir
from spikehebb.export.nir_read import Imported, graph_circuit, read_nir

__all__ = [
    "DIALECTS",
    "Graph",
    "Imported",
    "Node",
    "circuit_graph",
    "graph_circuit",
    "load_graph",
    "read_nir",
    "sizes",
    "write_nir",
]
