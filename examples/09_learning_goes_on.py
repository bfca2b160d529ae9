"""Learning continues in spikes
============================

A dense SoftHebb network goes on learning from digits that are shifted by a pixel::

    python examples/09_learning_goes_on.py [FOLDER]
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np

from spikehebb import metrics, plot
from spikehebb.datasets import load
from spikehebb.jobs import RateNetwork, learn_digits, train_softhebb
from spikehebb.softhebb import Layer, Preset, Readout, Training

# 60 rate units learn the digits without a shift.
layer = Layer(
    units=60,
    batch_norm=False,
    plasticity="soft",
    inverse_temperature=40,
    eta=0.045,
    power=0.2,
    norm=2.5,
    start="uniform",
)
dense = Preset(
    name="dense",
    summary="60 dense units",
    layers=(layer,),
    channels=1,
    data=("digits",),
    training=Training(epochs=5, batch=8),
    readout=Readout(epochs=1),
)
train, test = load("digits", "train"), load("digits", "test")
model = train_softhebb(train, test, dense, method="ridge").model

# Weights and temperature carry over to the spiking circuit. A neuron of great age hardly learns; one of age 3 does.
moved, moved_test = (
    dataclasses.replace(images, name=f"moved {images.name}", pixels=np.roll(images.pixels, 1, axis=2))
    for images in (train, test)
)
start = RateNetwork(model=model).start()
settings = start.settings(moved)
print(f"{settings.neurons} neurons, temperature {settings.temperature:.3f} for images of length 1")
for name, age in (("frozen", 1e9), ("learning", 3)):
    run = learn_digits(moved, moved_test, settings, start=start.with_age(age))
    change = np.abs(run.network.arrays["weights"] - start.weights).max()
    accuracy = 100 * run.report["metrics"]["accuracy_soft_vote"]
    print(f"{name:8} {accuracy:.1f} % of the moved digits are right, weights changed by up to {change:.2f}")
out = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
labels = metrics.neuron_labels(run.network.arrays["profile"])
fields = plot.receptive_fields(run.network.arrays["weights"], (8, 8), labels)
print(plot.save(fields, out / "receptive_fields.png"))
