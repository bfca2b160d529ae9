"""Direction selectivity
=====================

Neurons become selective for the direction of a moving bar, through synapses of eight delays that all learn::

    python examples/13_moving_bar.py [FOLDER]
"""

import sys
from pathlib import Path

from spikehebb import plot
from spikehebb.jobs import MovingBar, learn_direction

task = MovingBar(neurons=24, delays=8)  # its film, duration and circuit are attributes
report = learn_direction(task)
before, after = (report["metrics"][name] for name in ("direction_selectivity_before", "direction_selectivity"))
print(f"direction selectivity index {before:.2f} -> {after:.2f}")
for name in sorted(set(report["preferred"])):
    print(f"  {report['preferred'].count(name)} neurons prefer {name}")
plot.save(plot.circuit(task.circuit()), Path(*sys.argv[1:2]) / "circuit.png")
