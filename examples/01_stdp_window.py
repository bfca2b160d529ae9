"""STDP window of a rule
=====================

The change of a weight for each lag, as numbers and as a picture::

    python examples/01_stdp_window.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import ms

from spikehebb import plot
from spikehebb.jobs import stdp_window
from spikehebb.rules import stdp_pair

out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/window")
out.mkdir(parents=True, exist_ok=True)

# A parameter is changed by name; a wrong name or unit is refused at once.
rule = stdp_pair.with_parameters(tau_plus=16.8 * ms, tau_minus=33.7 * ms)

# Every lag is a pair of neurons of its own, all in one network. A lag is t_post - t_pre.
window = stdp_window(rule, np.arange(-80, 81, 2) * ms)

for lag, change in zip(window.lags[::10], window.dw[::10], strict=True):
    print(f"{lag / ms:6.0f} ms  {change:+.6f}")
print(plot.save(plot.stdp_window(window, rule), out / "window.png"))
