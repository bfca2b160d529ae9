"""A Hopfield network (1982)
=========================

Hebb's rule stores patterns, recalled from damaged ones until there are too many.  ``python examples/16_hopfield.py``
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from matplotlib.figure import Figure

from spikehebb import plot
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection, Protocol, Recording
from spikehebb.rules import hebb
from spikehebb.simulation import simulate

SIZE, STEPS, DT = 200, 10, 1 * ms
OTHERS = ~np.eye(SIZE, dtype=bool)  # no unit is connected with itself
told = "s : 1\nx = s : 1\ny = s : 1\nfield : 1"
shown = NeuronModel(name="shown", summary="A pattern", equations=told, onset="s = stimulus(t, i)")
recalling = NeuronModel(
    name="recalling",
    summary="A unit that follows the sign of its input, 1 or -1",
    equations=told,
    onset="s = stimulus(t, i)",
    update="s = 2*int(field > 0) - 1",
)


def network(unit: NeuronModel, weights: Any, rule: PlasticityRule | None = None) -> Circuit:
    """Return units that are all connected with one another."""
    w = Projection(pre="units", post="units", weights=weights, rule=rule, connected=OTHERS, summed={"field": "w*s_pre"})
    return Circuit(name="hopfield", populations={"units": Population(model=unit, size=SIZE)}, projections={"w": w})


def present(circuit: Circuit, patterns: Any, steps: int, **options: Any) -> Recording:
    """Present patterns, each for so many steps."""
    plan = Protocol(stimuli={"units": patterns}, duration=len(patterns) * steps * DT, presentation=steps * DT)
    return simulate(circuit, plan, dt=DT, **options)


out, rng = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/hopfield"), np.random.default_rng(0)
out.mkdir(parents=True, exist_ok=True)
rule = hebb.with_parameters(eta=1 / SIZE / DT)  # one step stores a pattern: w += x*y/SIZE
loads, overlaps = np.array([0.05, 0.08, 0.1, 0.12, 0.14, 0.16, 0.2, 0.25]), []
for load in loads:
    patterns = rng.choice([-1.0, 1.0], (round(load * SIZE), SIZE))
    w = present(network(shown, np.zeros((SIZE, SIZE)), rule), patterns, 1).weights["w"]
    damaged = np.where(rng.random(patterns.shape) < 0.1, -patterns, patterns)
    trace = present(network(recalling, w), damaged, STEPS, record=["units.s"])
    overlaps.append(float(np.mean(trace.traces["units.s"][STEPS - 1 :: STEPS] * patterns)))
    print(f"{load:.2f} patterns a unit: overlap {overlaps[-1]:.3f} after recall")
axis = (figure := Figure(figsize=(5, 3.4), layout="constrained")).subplots()
axis.plot(loads, overlaps, ".-", color="#1f5fa8")
axis.axvline(0.138, color="#777777", ls=":")  # Amit, Gutfreund and Sompolinsky, Physical Review Letters 55, 1985
axis.set(xlabel="patterns per unit (dotted: capacity in theory)", ylabel="overlap of recalled patterns", ylim=(0, 1.03))
print(plot.save(figure, out / "capacity.png"))
