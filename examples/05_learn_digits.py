"""Digits without labels
=====================

A spiking soft winner-take-all circuit learns handwritten digits::

    python examples/05_learn_digits.py [FOLDER]
"""

import sys
from pathlib import Path

from spikehebb import plot
from spikehebb.datasets import load
from spikehebb.jobs import Settings, evaluate, learn_digits, read

out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/digits")
train, test = load("digits", "train"), load("digits", "test")

# Learning uses no labels; the neurons are labelled afterwards, from training images only.
run = learn_digits(train, test, Settings(neurons=60, epochs=2), out=out, overwrite=True)
for name, value in run.report["metrics"].items():
    print(f"{name:24} {value:.4g}")
for path in plot.digit_pictures(run, test, out):
    print(path)

# The saved network gives the same scores again.
again = evaluate(read(out), test)
assert again["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
