"""Rules that read calcium or the potential of the postsynaptic neuron at every moment."""

from __future__ import annotations

import dataclasses
from typing import Any

from brian2 import Quantity, ms, mV, second

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite

calcium_dp = PlasticityRule(
    name="calcium_dp",
    summary="Calcium-based plasticity, generic set DP: depression before potentiation",
    # The efficacy rho of the paper is w, between 0 (down) and 1 (up); w_star is the unstable point between them.
    synapse="""
        dc/dt = -c/tau_Ca : 1 (clock-driven)
        up = gamma_p*(1 - w)*int(c > theta_p) : 1
        down = gamma_d*w*int(c > theta_d) : 1
        dw/dt = (-w*(1 - w)*(w_star - w) + up - down)/tau : 1 (clock-driven)
    """,
    update="w += sigma*sqrt((int(c > theta_p) + int(c > theta_d))*dt/tau)*randn()",
    on_pre="c += C_x",
    on_post="c += C_y",
    lag="D",
    parameters={
        "tau_Ca": 20 * ms,
        "C_x": 1.0,
        "C_y": 2.0,
        "theta_d": 1.0,
        "theta_p": 1.3,
        "gamma_d": 200.0,
        "gamma_p": 321.808,
        "sigma": 2.8284,
        "tau": 150 * second,
        "D": 13.7 * ms,
        "w_star": 0.5,
    },
    roles={"C_x": "amplitude", "C_y": "amplitude", "gamma_d": "factor", "gamma_p": "factor", "sigma": "factor"},
    ties="Spikes whose calcium rises in the same step add up; the lag D of the presynaptic rise comes first.",
    reference="Graupner and Brunel 2012; numbers of the authors' program",
    cites=cite("graupner2012"),
)


def _published(name: str, summary: str, **parameters: Any) -> PlasticityRule:
    """Return the rule with another of the published sets."""
    changed = calcium_dp.with_parameters(**parameters)
    return dataclasses.replace(changed, name=name, summary=f"Calcium-based plasticity, {summary}")


def _fitted(
    name: str,
    summary: str,
    tau_Ca: Quantity,
    C_x: float,
    C_y: float,
    gamma_d: float,
    gamma_p: float,
    sigma: float,
    tau: Quantity,
    D: Quantity,
) -> PlasticityRule:
    values = {"tau_Ca": tau_Ca, "C_x": C_x, "C_y": C_y, "gamma_d": gamma_d, "gamma_p": gamma_p}
    return _published(name, summary, **values, sigma=sigma, tau=tau, D=D)


calcium_dpd = _published(
    "calcium_dpd",
    "generic set DPD: depression on both sides of potentiation",
    C_x=0.9,
    C_y=0.9,
    gamma_d=250.0,
    gamma_p=550.0,
    D=4.6 * ms,
)
calcium_dpd_prime = _published(
    "calcium_dpd_prime",
    "generic set DPD': depression on both sides of potentiation, high threshold",
    theta_p=2.5,
    gamma_d=50.0,
    gamma_p=600.0,
    D=2.2 * ms,
)
calcium_p = _published(
    "calcium_p",
    "generic set P: potentiation only",
    C_x=2.0,
    C_y=2.0,
    gamma_d=160.0,
    gamma_p=257.447,
    D=0 * ms,
)
calcium_d = _published(
    "calcium_d",
    "generic set D: depression only",
    C_x=0.6,
    C_y=0.6,
    gamma_d=500.0,
    gamma_p=550.0,
    sigma=5.6568,
    D=0 * ms,
)
calcium_d_prime = _published(
    "calcium_d_prime",
    "generic set D': depression only, high threshold",
    theta_p=3.5,
    gamma_d=60.0,
    gamma_p=600.0,
    D=0 * ms,
)
calcium_hippocampal_slices = _fitted(
    "calcium_hippocampal_slices",
    "fitted to hippocampal slices",
    *(48.8373 * ms, 1.0, 0.275865, 313.0965, 1645.59, 9.1844, 688.355 * second, 18.8008 * ms),
)
calcium_hippocampal_cultures = _fitted(
    "calcium_hippocampal_cultures",
    "fitted to hippocampal cultures",
    *(11.9536 * ms, 0.58156, 1.76444, 61.141, 113.6545, 2.5654, 33.7596 * second, 10 * ms),
)
calcium_cortical_slices = _fitted(
    "calcium_cortical_slices",
    "fitted to cortical slices",
    *(22.6936 * ms, 0.5617539, 1.23964, 331.909, 725.085, 3.3501, 346.3615 * second, 4.6098 * ms),
)

clopath = PlasticityRule(
    name="clopath",
    summary="Voltage-based STDP: depression at presynaptic spikes, potentiation while the neuron is depolarized",
    # The filtered potentials lag behind, so that a spike does not meet its own trace in them.
    pre="dx1/dt = -x1/tau_x : Hz",
    pre_spike="x1 += 1/tau_x",
    post="""
        du_minus/dt = (potential_late - theta_minus - u_minus)/tau_minus : volt
        du_plus/dt = (potential_late - theta_minus - u_plus)/tau_plus : volt
    """,
    needs_post="""
        potential : volt
        potential_late : volt
    """,
    synapse="""
        above_threshold = clip(potential_post - theta_plus, 0*volt, inf*volt) : volt
        dw/dt = A_LTP*x1_pre*above_threshold*clip(u_plus_post, 0*volt, inf*volt) : 1 (clock-driven)
    """,
    on_pre="w = clip(w - A_LTD*clip(u_minus_post, 0*volt, inf*volt), w_min, w_max)",
    update="w = clip(w, w_min, w_max)",
    trace_method="exponential_euler",
    parameters={
        "A_LTD": 14e-5 / mV,
        "A_LTP": 8e-5 / mV**2,
        "theta_minus": -70.6 * mV,
        "theta_plus": -45.3 * mV,
        "tau_minus": 10 * ms,
        "tau_plus": 7 * ms,
        "tau_x": 15 * ms,
        "w_min": 0.0,
        "w_max": 1.0,
    },
    ties="A presynaptic spike reads the filtered potential of the same step; its own trace counts from the next step.",
    reference="Clopath, Buesing, Vasilaki and Gerstner 2010, visual cortex, A_LTD constant; u_minus and u_plus count "
    "from theta_minus and start there; numbers as in NEST's clopath_synapse",
    cites=cite("clopath2010"),
)

clopath_homeostatic = dataclasses.replace(
    clopath,
    name="clopath_homeostatic",
    summary="Voltage-based STDP with homeostasis: depression grows with the mean square of the depolarization",
    post=text.joined(
        clopath.post, "du_square/dt = (clip(potential - u_rest, 0*volt, inf*volt)**2 - u_square)/tau_square : volt**2"
    ),
    keeps=("u_square",),
    on_pre=text.renamed(clopath.on_pre, {"A_LTD": "A_LTD*u_square_post/u_ref_square"}),
    parameters={**clopath.parameters, "u_rest": -70.6 * mV, "u_ref_square": 60 * mV**2, "tau_square": 1.2 * second},
    roles={"u_ref_square": "scale"},
    ties=f"{clopath.ties} u_square is 0 before the first depolarization of a run, so that nothing depresses then.",
    reference="Clopath, Buesing, Vasilaki and Gerstner 2010, visual cortex; u_square, u_ref_square and tau_square as "
    "in Larisch's reimplementation of the authors' program (ReScience); the rest as in clopath",
)
