"""A circuit from its parts
========================

Poisson input drives LIF neurons through synapses that learn by pair STDP::

    python examples/06_circuit_of_your_own.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import Hz, ms, mV, second

from spikehebb import devices, plot
from spikehebb.core import Circuit, Population, Projection, Protocol
from spikehebb.encoders import poisson
from spikehebb.neurons import lif
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate

before = np.random.default_rng(1).uniform(0.3, 0.7, (200, 4))
circuit = Circuit(
    name="song_2000_in_small",
    populations={
        "input": Population(model=poisson.with_parameters(max_rate=20 * Hz), size=200),
        "output": Population(model=lif.with_parameters(jump=0.8 * mV), size=4),
    },
    projections={"synapses": Projection(pre="input", post="output", weights=before, rule=stdp_pair, delay=1 * ms)},
)
# One presentation: every input fires at max_rate for 10 s.
protocol = Protocol(stimuli={"input": np.ones((1, 200))}, duration=10 * second)
recording = simulate(circuit, protocol, device=devices.find("auto"), dt=0.5 * ms, seed=2, record=("output",))

print(f"{len(recording.spikes['output'])} output spikes")
after = recording.weights["synapses"]
print(f"mean weight {before.mean():.3f} -> {after.mean():.3f}, spread {before.std():.3f} -> {after.std():.3f}")
out = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
print(plot.save(plot.circuit(circuit), out / "circuit.png"))
