"""From SoftHebb to spikes
=======================

A small convolutional network is converted to spiking neurons; agreement against latency::

    python examples/08_convert.py [FOLDER]
"""

import sys
from pathlib import Path

from spikehebb import plot
from spikehebb.conversion import Timing, size, unrolled
from spikehebb.datasets import load
from spikehebb.jobs import convert_softhebb, train_softhebb
from spikehebb.softhebb import Layer, Pool, Preset

layers = (
    Layer(units=12, kernel=3, padding=1, eta=0.05, exponent=0.7, pool=Pool()),
    Layer(units=24, kernel=3, padding=1, inverse_temperature=0.65, eta=0.01),
)
small = Preset(name="small", summary="", layers=layers, channels=1, data=("digits",))
train, test = load("digits", "train"), load("digits", "test")[:100]
model = train_softhebb(train, test, small, method="ridge").model

run = convert_softhebb(model, train, test, Timing(present_ms=25), calibration=100)
for point in run.report["curve"][::4]:
    print(
        f"{point['ms']:3.0f} ms: {100 * point['accuracy']:5.1f} % right, {100 * point['agreement']:5.1f} % as the rate "
        f"network, {point['operations'] / 1000:6.0f} thousand synaptic operations"
    )
scores = run.report["metrics"]
print(f"spikes {100 * scores['accuracy_spiking']:.1f} %, rates {100 * scores['accuracy_rate']:.1f} %")

# One column per layer is applied to all positions; as one circuit every position has neurons of its own.
network_size = size(run.network)
print(f"columns: {network_size.synapses:,} synapses; as one circuit: {network_size.unrolled_synapses:,}")
print("its populations:", ", ".join(unrolled(run.network).populations))
out = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
print(plot.save(plot.fidelity(run.report), out / "fidelity.png"))
