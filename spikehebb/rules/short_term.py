"""Short-term plasticity: efficacies that presynaptic spikes change for a while."""

from __future__ import annotations

from brian2 import ms

from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite

tsodyks_markram = PlasticityRule(
    name="tsodyks_markram",
    summary="Short-term plasticity: spikes use up resources and raise the share that the next one uses",
    # depleted is 1 - x of the publication, so that every state is 0 at rest. absolute is the weight at the start.
    synapse="""
        dutilization/dt = -utilization/tau_facil : 1 (clock-driven)
        ddepleted/dt = -depleted/tau_rec : 1 (clock-driven)
        absolute : 1
        w : 1
    """,
    update="""
        absolute += w*int(absolute == 0)
        w = absolute*(utilization + U*(1 - utilization))*(1 - depleted)
    """,
    on_pre="""
        utilization += U*(1 - utilization)
        depleted += utilization*(1 - depleted)
    """,
    method="exact",
    parameters={"U": 0.5, "tau_rec": 800 * ms, "tau_facil": 1 * ms},
    roles={"U": "factor"},
    ties="Only presynaptic spikes count. The weight at the start is the absolute efficacy; from the first step on w is "
    "what a spike that arrives transmits, U times it at rest.",
    reference="Tsodyks, Pawelzik and Markram 1998; depressing synapses, without facilitation but for 1 ms",
    cites=cite("tsodyks1998"),
)
