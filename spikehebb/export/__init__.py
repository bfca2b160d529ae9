"""Leaving the toolkit: NIR graphs for other simulators, plain arrays, tables; and reading NIR graphs."""

from spikehebb.export.circuit_graph import DIALECTS, circuit_graph
from spikehebb.export.graph import Graph, Node, sizes
from spikehebb.export.network_graph import network_graph
from spikehebb.export.nir_check import load_graph
from spikehebb.export.nir_files import write_nir
from spikehebb.export.nir_read import Imported, graph_circuit, read_nir
from spikehebb.export.plain_files import Plain, plain, schema, write_csv, write_npz

__all__ = [
    "DIALECTS",
    "Graph",
    "Imported",
    "Node",
    "Plain",
    "circuit_graph",
    "graph_circuit",
    "load_graph",
    "network_graph",
    "plain",
    "read_nir",
    "schema",
    "sizes",
    "write_csv",
    "write_nir",
    "write_npz",
]
