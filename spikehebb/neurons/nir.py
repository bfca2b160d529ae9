"""NIR's neurons. What arrives in one time step is consumed in the next, so that a reset erases none of it."""

from __future__ import annotations

from typing import Any

from brian2 import Hz, ms

from spikehebb.core import NeuronModel

_REFERENCE = "Pedersen et al., Nature Communications 15:8122, 2024 (NIR)"

_COMMON: dict[str, Any] = {
    "receive": "S_post += w",
    "update": "S = 0",
    "onset": "v = 0; S = 0",
    "method": "euler",
    "reference": _REFERENCE,
}

_FIRES: dict[str, Any] = {"threshold": "v > v_threshold", "reset": "v = v_reset"}

nir_lif = NeuronModel(
    name="nir_lif",
    summary="NIR's LIF in forward Euler",
    equations="dv/dt = (v_leak - v + r*(S + bias))/tau : 1\nS : 1",
    parameters={"tau": 20 * ms, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, "bias": 0.0},
    **_COMMON,
    **_FIRES,
)

nir_if = NeuronModel(
    name="nir_if",
    summary="NIR's IF in forward Euler",
    equations="dv/dt = r*(S + bias) : 1\nS : 1",
    parameters={"r": 1000 * Hz, "v_threshold": 1.0, "v_reset": 0.0, "bias": 0.0},
    **_COMMON,
    **_FIRES,
)

nir_threshold = NeuronModel(
    name="nir_threshold",
    summary="NIR's I, an integrator, with a Threshold behind it: it fires in every step above the threshold",
    equations=nir_if.equations,
    parameters={"r": 1000 * Hz, "v_threshold": 1.0, "bias": 0.0},
    threshold="v > v_threshold",
    **_COMMON,
)

nir_i = NeuronModel(
    name="nir_i",
    summary="NIR's I, an integrator",
    equations=nir_if.equations,
    parameters={"r": 1000 * Hz, "bias": 0.0},
    **_COMMON,
)

nir_li = NeuronModel(
    name="nir_li",
    summary="NIR's LI, a leaky integrator, in forward Euler",
    equations=nir_lif.equations,
    parameters={"tau": 20 * ms, "r": 1.0, "v_leak": 0.0, "bias": 0.0},
    **_COMMON,
)

# The current of a step moves the potential in that same step, as in the simulators that read CubaLIF.
_CUBA: dict[str, Any] = {
    **_COMMON,
    "equations": "v : 1\nA : 1\nS : 1",
    "update": "A += dt*(w_in*(S + bias) - A)/tau_syn; v += dt*(v_leak - v + r*A)/tau_mem; S = 0",
    "onset": "v = 0; A = 0; S = 0",
}

nir_cuba_li = NeuronModel(
    name="nir_cuba_li",
    summary="NIR's CubaLI, a leaky integrator of a filtered current, in forward Euler",
    parameters={"tau_mem": 20 * ms, "tau_syn": 5 * ms, "r": 1.0, "v_leak": 0.0, "w_in": 1.0, "bias": 0.0},
    **_CUBA,
)

nir_cuba_lif = NeuronModel(
    name="nir_cuba_lif",
    summary="NIR's CubaLIF in forward Euler",
    parameters={**nir_cuba_li.parameters, "v_threshold": 1.0, "v_reset": 0.0},
    **_CUBA,
    **_FIRES,
)

nir_output = NeuronModel(
    name="nir_output",
    summary="What arrives at an output of a NIR graph, added up since the onset",
    equations="u : 1",
    receive="u_post += w",
    update="u += bias",
    onset="u = 0",
    parameters={"bias": 0.0},
    reference=_REFERENCE,
)
