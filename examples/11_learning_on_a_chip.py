"""Learning rules under Loihi's limits
===================================

Sums of products, integers, and the window with stochastic rounding::

    python examples/11_learning_on_a_chip.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import ms
from matplotlib.figure import Figure

from spikehebb import plot
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.hardware import TARGETS, constrain, problems
from spikehebb.protocols import pairing
from spikehebb.rules import nessler, softhebb_annealed, stdp_pair, stdp_reward
from spikehebb.simulation import simulate

LAGS, REPEATS = np.array([-60, -40, -25, -15, -8, -4, -1, 1, 4, 8, 15, 25, 40, 60]), 60

if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/chip")
    out.mkdir(parents=True, exist_ok=True)
    loihi = TARGETS["loihi1"]

    print(constrain(synapse_pair(stdp_pair), loihi))
    print(constrain(synapse_pair(stdp_reward), loihi, ranges={"dopamine": 0.5}))
    print(constrain(soft_wta(np.ones((64, 10)), rule=softhebb_annealed), loihi, ranges={"u": 16}, w_max=0.5))
    print(*problems(nessler), sep="\n")

    # The same pairing on many equal synapses: the mean is the rule's window, the scatter is the stochastic rounding.
    lags = np.tile(LAGS, REPEATS)
    strong = stdp_pair.with_parameters(A_plus=0.02, A_minus=0.021)
    circuit = synapse_pair(strong, pairs=len(lags), w=0.5)
    plan = pairing(lags * ms, dt=1 * ms)
    exact = np.diag(simulate(circuit, plan).weights["synapse"])[: len(LAGS)] - 0.5
    chip = constrain(circuit, loihi)
    changes = np.diag(chip.weights(simulate(chip.circuit, plan, seed=1), "synapse")).reshape(REPEATS, -1) - 0.5

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(LAGS, exact, ".-", color="0.6", label="the rule itself")
    axes.errorbar(
        LAGS, changes.mean(0), changes.std(0), fmt="o", color="tab:orange", label=f"Loihi 1, {REPEATS} synapses"
    )
    axes.set_xlabel("lag t_post - t_pre (ms)")
    axes.set_ylabel("change of the weight after one pair")
    axes.legend(frameon=False)
    print(plot.save(figure, out / "window_on_loihi1.png"))
