"""Hebbian rules for spikes: the postsynaptic spike stands for the activity."""

from __future__ import annotations

from brian2 import ms

from spikehebb.core import PlasticityRule

softhebb = PlasticityRule(
    name="softhebb",
    summary="SoftHebb in spikes: a neuron that fires moves its weights towards its input",
    # In a soft-WTA circuit a spike of neuron k is a sample of softmax(u), so that the expected change is SoftHebb's
    # y_k*(x - u_k*w_k). u is the neuron's own potential; with tau_x = tau_m and fixed weights it equals sum(w*x1).
    pre="dx1/dt = -x1/tau_x : 1",
    pre_spike="x1 += 1",
    post="age : 1",
    post_spike="age += 1/lifetime",
    needs="u : 1",
    on_post="w += eta/(1 + age_post)*(x1_pre - u_post*w)",
    parameters={"eta": 0.005, "tau_x": 20 * ms, "lifetime": 100.0},
    ties="A presynaptic spike in the same time step counts neither in x1 nor in u.",
    reference="Journe, Garcia Rodriguez, Guo and Moraitis, ICLR 2023 (arXiv 2209.11883); Moraitis, Toichkin, "
    "Journe, Chua and Guo, Neuromorph. Comput. Eng. 2:044017, 2022",
)
