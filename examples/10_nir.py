"""Export as NIR
=============

A winner-take-all of LIF neurons is exported, read again, and fires the same spikes::

    python examples/10_nir.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import ms

from spikehebb import plot
from spikehebb.circuits import lif_wta
from spikehebb.core import Protocol
from spikehebb.datasets import load
from spikehebb.encoders import regular
from spikehebb.export import circuit_graph, read_nir, sizes, write_nir
from spikehebb.simulation import simulate

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
images = load("digits", "train")
prototypes = images.intensities()[:20].reshape(20, -1)  # the weights of each neuron are one image
weights = (prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)).T
circuit = lif_wta(weights, gain=6, strength=0.1, drive=1)

# In NIR's own equations, and in the dialects of two simulators
for dialect in ("nir", "norse", "snntorch"):
    graph = circuit_graph(circuit, dt=1 * ms, dialect=dialect)
    write_nir(graph, folder / f"digits-{dialect}.nir")
    print(f"{dialect:9} tau for time steps of {1000 * float(graph.metadata['dt']):g} ms:", sizes(graph))

rows = images.intensities()[20:24].reshape(4, -1)
protocol = Protocol(stimuli={"input": rows}, duration=200 * ms, presentation=50 * ms)
imported = read_nir(folder / "digits-nir.nir", encoder=regular)
before, after = (simulate(each, protocol, record=("output",)).spikes["output"] for each in (circuit, imported.circuit))
same = np.array_equal(before.i, after.i) and np.array_equal(before.t, after.t)
print(f"{len(before)} spikes before, {len(after)} after; identical: {same}")
print(plot.save(plot.circuit(circuit), folder / "circuit.png"))
