"""Rules that depend on the timing of spikes. The lag is t_post - t_pre; positive is causal."""

from __future__ import annotations

from brian2 import ms

from spikehebb.core import PlasticityRule

stdp_pair = PlasticityRule(
    name="stdp_pair",
    summary="Additive pair-based STDP, every spike paired with every other",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 += 1",
    post="dy1/dt = -y1/tau_minus : 1",
    post_spike="y1 += 1",
    on_pre="w = clip(w - A_minus*y1_post, w_min, w_max)",
    on_post="w = clip(w + A_plus*x1_pre, w_min, w_max)",
    parameters={
        "A_plus": 0.005,
        "A_minus": 0.00525,
        "tau_plus": 20 * ms,
        "tau_minus": 20 * ms,
        "w_min": 0.0,
        "w_max": 1.0,
    },
    ties="Coincident spikes do not pair with each other: each side reads the other's trace from before.",
    reference="Song, Miller and Abbott, Nature Neuroscience 3:919-926, 2000 (w in units of g_max)",
)
