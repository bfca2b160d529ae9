"""Replicas
========

Six networks learn digits in one simulation: three learning rates, two seeds each::

    python examples/12_replicas.py [FOLDER]
"""

import sys
from pathlib import Path

from spikehebb import plot
from spikehebb.datasets import load
from spikehebb.jobs import Settings, evaluate, find_runs, learn_digits, read

out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/replicas")
train, test = load("digits", "train")[:300], load("digits", "test")[:100]

# Any number of the circuit may differ; every network has its own order of the images.
settings = [Settings(neurons=30, eta=eta, seed=seed) for eta in (0.003, 0.03, 0.3) for seed in (0, 1)]
learned = learn_digits(train, test, settings, out=out, overwrite=True)
for each, run in zip(settings, learned.runs, strict=True):
    print(f"eta {each.eta:5.3f}, seed {each.seed}: {100 * run.report['metrics']['accuracy_vote']:.1f} %")

print(plot.save(plot.runs_along(find_runs(out), "eta"), out / "along_eta.png"))

# Alone, a network fires the same spikes as among others: its random numbers depend on its seed only.
trained = read(out / learned.folders[3])
alone = evaluate(trained, test)["metrics"]["accuracy_vote"]
print(f"the fourth alone: {100 * alone:.1f} %, the same: {alone == learned.runs[3].report['metrics']['accuracy_vote']}")

# The test images are distributed over 20 replicas of the frozen network.
many = evaluate(trained, test, replicas=20)["metrics"]["accuracy_vote"]
print(f"20 replicas: {100 * many:.1f} %")
