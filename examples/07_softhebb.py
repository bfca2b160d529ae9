"""SoftHebb, rate-based
====================

Two layers learn the bundled digits without labels, beside two controls of the same shape::

    python examples/07_softhebb.py [FOLDER]
"""

import dataclasses
import sys
from pathlib import Path

from spikehebb import plot
from spikehebb.datasets import load
from spikehebb.jobs import train_softhebb
from spikehebb.softhebb import Layer, Pool, Preset, Readout, statistics

layers = (
    Layer(units=24, kernel=3, padding=1, eta=0.05, exponent=0.7, pool=Pool()),
    Layer(units=96, kernel=3, padding=1, inverse_temperature=0.65, eta=0.01),
)
small = Preset(
    name="small",
    summary="two convolutions for 8 x 8 digits",
    layers=layers,
    channels=1,
    data=("digits",),
    readout=Readout(epochs=20),
)
train, test = load("digits", "train"), load("digits", "test")

for preset in (small, small.with_plasticity("hard"), small.with_plasticity("none")):
    run = train_softhebb(train, test, preset)
    norms = " ".join(f"{values.mean():.1f}" for values in statistics.norms(run.model))
    print(f"{preset.name:14} accuracy {100 * run.report['metrics']['accuracy_test']:.1f} %, mean norms {norms}")

# Every layer is a value: the same network with softer competition.
softer = tuple(dataclasses.replace(layer, inverse_temperature=0.1) for layer in layers)
run = train_softhebb(train, test, dataclasses.replace(small, layers=softer))
shares = [layer["winner_probability"] for layer in run.report["layers"]]
print("at a tenth of the inverse temperature the winner has", " and ".join(f"{share:.2f}" for share in shares))
out = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
print(plot.save(plot.weight_images(run.model), out / "weights.png"))
