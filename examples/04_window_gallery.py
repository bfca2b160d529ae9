"""The windows of all rules
========================

::

    python examples/04_window_gallery.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import ms

from spikehebb import plot
from spikehebb.circuits import has_pair_form
from spikehebb.jobs import stdp_window
from spikehebb.rules import RULES

out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/gallery")
out.mkdir(parents=True, exist_ok=True)

windows = []
for rule in RULES.values():
    if not has_pair_form(rule):
        continue  # it reads variables that two spiking neurons lack
    quiet = {"sigma": 0.0} if "sigma" in rule.parameters else {}  # the mean of a rule with noise
    # A coarse time step is enough for an overview.
    windows.append(stdp_window(rule.with_parameters(**quiet), np.arange(-100, 101, 5) * ms, dt=0.5 * ms))
print(f"{len(windows)} windows: {plot.save(plot.gallery(windows), out / 'gallery.png')}")
