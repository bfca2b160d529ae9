"""Direction selectivity
=====================

Neurons become selective for the direction of a moving bar, through synapses of eight delays that all learn::

    python examples/13_moving_bar.py [FOLDER]
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from brian2 import Hz, ms

from spikehebb import devices, plot
from spikehebb.circuits import soft_wta
from spikehebb.core import Circuit
from spikehebb.encoders import regular
from spikehebb.protocols import movies
from spikehebb.simulation import presentation_counts, simulate

size, neurons, delays = 8, 24, np.arange(8) * 5 * ms
# Four films of 16 frames of 5 ms: a bar moves right, left, down and up over 8 x 8 pixels, then nothing.
films = np.zeros((4, 16, size, size))
for step in range(size):
    films[0, step, :, step] = films[1, step, :, -1 - step] = films[2, step, step] = films[3, step, -1 - step] = 1
last = 80 * ms


def circuit(weights: dict[str, np.ndarray], *, frozen: bool = False) -> Circuit:
    """A soft winner-take-all circuit whose feed-forward projection is there once for each delay."""
    one = soft_wta(
        weights["after_0"], temperature=0.02, eta=0.05, tau_m=5 * ms, encoder=regular.with_parameters(max_rate=200 * Hz)
    )
    parts = dict(one.projections)
    feedforward = parts.pop("feedforward")
    late = {f"after_{k}": replace(feedforward, weights=weights[f"after_{k}"], delay=d) for k, d in enumerate(delays)}
    several = replace(one, name="moving_bar", projections=late | parts)
    return several.frozen() if frozen else several


def selectivity(weights: dict[str, np.ndarray]) -> np.ndarray:
    """(preferred - opposite)/(preferred + opposite) of each neuron's spikes, from 25 films of each direction."""
    shown = np.repeat(np.arange(4), 25)
    seen = simulate(circuit(weights, frozen=True), movies(films[shown], duration=last), **run, record=("output",))
    counts = presentation_counts(seen.spikes["output"], neurons=neurons, presentations=len(shown), presentation=last)
    each = counts.toarray().reshape(4, 25, neurons).sum(axis=1)
    neuron, preferred = np.arange(neurons), each.argmax(axis=0)
    best, opposite = each[preferred, neuron], each[preferred ^ 1, neuron]
    return np.asarray((best - opposite) / np.maximum(best + opposite, 1))


rng = np.random.default_rng(0)
run = {"device": devices.find("auto"), "dt": 1 * ms, "seed": 1}
before = {f"after_{k}": rng.uniform(0.08, 0.12, (size**2, neurons)) for k in range(len(delays))}
order = rng.permutation(np.tile(np.arange(4), 300))
after = dict(simulate(circuit(before), movies(films[order], duration=last), **run).weights)
print(f"direction selectivity index {selectivity(before).mean():.2f} -> {selectivity(after).mean():.2f}")
plot.save(plot.circuit(circuit(after)), Path(*sys.argv[1:2]) / "circuit.png")
