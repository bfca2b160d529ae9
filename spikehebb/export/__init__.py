"""Export: NIR graphs for other simulators, plain arrays, tables; and reading NIR graphs."""

from spikehebb.export.dialects import DIALECTS
from spikehebb.export.from_circuit import circuit_graph
from spikehebb.export.from_converted import network_graph
from spikehebb.export.graph import Graph, Node, sizes
from spikehebb.export.plain import Plain, plain, schema, write_csv, write_npz
from spikehebb.export.read_nir import load_graph
from spikehebb.export.to_circuit import Imported, graph_circuit, read_nir
from spikehebb.export.write_nir import write_nir

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
