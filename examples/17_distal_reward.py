"""A reward that comes seconds later (Izhikevich 2007)
===================================================

Of 80,000 synapses that of a rewarded pair of spikes grows. The published run is an hour, 3600, and takes minutes::

    python examples/17_distal_reward.py [FOLDER] [SECONDS]
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import ms, second
from matplotlib.figure import Figure

from spikehebb import devices, plot
from spikehebb.circuits import distal_reward
from spikehebb.core import Protocol
from spikehebb.simulation import simulate

out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/distal_reward")
length = float(sys.argv[2] if len(sys.argv) > 2 else 600)
out.mkdir(parents=True, exist_ok=True)
circuit = distal_reward(rng=np.random.default_rng(0))
done = simulate(
    circuit,
    Protocol(stimuli={}, duration=length * second),
    dt=1 * ms,
    device=devices.find("auto"),
    record=["judge", "recurrent.w"],
    every=round(10 * length),  # a hundred samples
)
weights = done.traces["recurrent.w"]  # (samples, synapses), in the order of the connected pairs
connected = np.argwhere(np.asarray(circuit.projections["recurrent"].connected))
rewarded = int(np.flatnonzero((connected == [0, 1]).all(axis=1))[0])
last = done.weights["recurrent"][tuple(connected.T)]
rates = ", ".join(f"{done.counts[each].mean() / length:.1f} Hz {each}" for each in ("excitatory", "inhibitory"))
print(f"{length:g} s, {rates}, {len(done.spikes['judge'])} rewards")
stronger = np.mean(last > last[rewarded])
print(f"rewarded synapse {last[rewarded]:.2f} mV, mean {last.mean():.2f} mV, {stronger:.2%} of all are stronger")
figure = Figure(figsize=(8, 3.2), layout="constrained")
traces, spread = figure.subplots(1, 2)
at = np.linspace(0, length, len(weights), endpoint=False)
traces.plot(at, weights[:, rewarded], color="#c8553d", label="rewarded synapse")
traces.plot(at, weights.mean(axis=1), color="#1f5fa8", label="mean of all")
traces.plot(done.spikes["judge"].t / second, np.full(len(done.spikes["judge"]), 4.15), "|", color="#777777", ms=4)
traces.set(xlabel="time (s); rewards are marked", ylabel="weight (mV)", ylim=(-0.05, 4.3))
traces.legend(frameon=False, fontsize=8)
spread.hist(last, bins=40, log=True, color="#1f5fa8")
spread.axvline(last[rewarded], color="#c8553d")
spread.set(xlabel="weight at the end (mV)", ylabel="synapses")
print(plot.save(figure, out / "distal_reward.png"))
