"""A rule of your own
==================

One literal, and it has a window, a replay and a fit::

    python examples/02_your_own_rule.py [FOLDER]
    spikehebb window examples/02_your_own_rule.py:mexican_hat --out runs/own
"""

import sys
from pathlib import Path

import numpy as np
from brian2 import ms

from spikehebb import plot
from spikehebb.core import PlasticityRule
from spikehebb.datasets.measurements import Measurements
from spikehebb.jobs import fit, replay, stdp_window

# Potentiation within tau_near, depression within the longer tau_far, whichever spike comes first.
mexican_hat = PlasticityRule(
    name="mexican_hat",
    summary="Close spikes potentiate, distant ones depress",
    pre="""
        dx1/dt = -x1/tau_near : 1
        dx2/dt = -x2/tau_far : 1
    """,
    pre_spike="x1 += 1; x2 += 1",
    post="""
        dy1/dt = -y1/tau_near : 1
        dy2/dt = -y2/tau_far : 1
    """,
    post_spike="y1 += 1; y2 += 1",
    on_pre="w = clip(w + A_near*y1_post - A_far*y2_post, 0, 1)",
    on_post="w = clip(w + A_near*x1_pre - A_far*x2_pre, 0, 1)",
    parameters={"A_near": 0.01, "A_far": 0.004, "tau_near": 10 * ms, "tau_far": 40 * ms},
    ties="Coincident spikes do not pair with each other.",
    reference="this example",
)

if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/own_rule")
    out.mkdir(parents=True, exist_ok=True)

    window = stdp_window(mexican_hat)
    print(plot.save(plot.stdp_window(window, mexican_hat), out / "window.png"))

    pre, post = [10, 42, 80] * ms, [15, 40, 95] * ms
    trace = replay(mexican_hat, pre, post)
    print(plot.save(plot.replay(trace, pre, post, mexican_hat), out / "replay.png"))

    # Measured changes, relative to the weight at the start, as in a CSV file of your own.
    lags = np.array([-60, -40, -25, -15, -8, -4, 4, 8, 15, 25, 40, 60])
    change = [-0.014, -0.022, -0.025, -0.014, 0.016, 0.046, 0.048, 0.013, -0.010, -0.026, -0.021, -0.015]
    measured = Measurements(name="my_cells", x=lags, change=np.array(change), error=np.full(12, 0.003))
    fitted = fit(mexican_hat, measured, repeats=1)
    for name, estimate in fitted.parameters.items():
        print(f"{name:9} {estimate.value!s:12} ({estimate.low} to {estimate.high})")
    print(plot.save(plot.fitted_window(fitted), out / "fit.png"))
