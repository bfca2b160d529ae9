"""Hebbian rules for rates, and SoftHebb in spikes.

A rate rule reads ``x`` in the presynaptic and ``y`` in the postsynaptic neuron and changes the weight at every step:
one step of ``dt`` changes it by ``eta*dt`` times what a textbook's discrete update says. ``on_spikes`` gives the
same rule on filtered spikes.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from brian2 import Hz, Quantity, ms, second

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite

_SAME_STEP = "x and y are those of the step; weights follow after them."

_BOUND = "w = clip(w, w_min, w_max)"
_BOUNDS = {"w_min": -np.inf, "w_max": np.inf}  # as published; finite ones keep what grows in range

hebb = PlasticityRule(
    name="hebb",
    summary="Plain Hebb: dw/dt = eta*x*y, which grows up to the bounds that it is given",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="dw/dt = eta*x_pre*y_post : 1 (clock-driven)",
    update=_BOUND,
    parameters={"eta": 0.1 * Hz, **_BOUNDS},
    ties=_SAME_STEP,
    reference="Hebb 1949; in this form Gerstner et al. 2014, ch. 19.2",
    cites=cite("hebb1949", "gerstner2014"),
)

hebb_forgetting = PlasticityRule(
    name="hebb_forgetting",
    summary="Hebb with forgetting: the weight also decays, to eta*tau_forget*E[x*y] where x and y are given",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="dw/dt = eta*x_pre*y_post - w/tau_forget : 1 (clock-driven)",
    update=_BOUND,
    parameters={"eta": 0.1 * Hz, "tau_forget": 10 * second, **_BOUNDS},
    ties=_SAME_STEP,
    reference="Gerstner et al. 2014, ch. 19.2",
    cites=cite("gerstner2014"),
)

covariance = PlasticityRule(
    name="covariance",
    summary="Covariance rule: dw/dt = eta*(x - mean of x)*(y - mean of y), with running means",
    pre="dx_mean/dt = (x - x_mean)/tau_mean : 1",
    post="dy_mean/dt = (y - y_mean)/tau_mean : 1",
    needs_pre="x : 1",
    needs_post="y : 1",
    keeps=("x_mean", "y_mean"),
    synapse="dw/dt = eta*(x_pre - x_mean_pre)*(y_post - y_mean_post) : 1 (clock-driven)",
    update=_BOUND,
    trace_method="exponential_euler",
    parameters={"eta": 0.1 * Hz, "tau_mean": 10 * second, **_BOUNDS},
    ties=_SAME_STEP
    + " Where x is presented at an onset, its mean knows it already; the mean of y knows only the y before.",
    reference="Sejnowski 1977; with running means Gerstner et al. 2014, ch. 19.2",
    cites=cite("sejnowski1977", "gerstner2014"),
)

hebb_pre_gated = PlasticityRule(
    name="hebb_pre_gated",
    summary="Presynaptically gated Hebb: dw/dt = eta*x*(y - y_0)",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="dw/dt = eta*x_pre*(y_post - y_0) : 1 (clock-driven)",
    update=_BOUND,
    parameters={"eta": 0.1 * Hz, "y_0": 0.5, **_BOUNDS},
    ties=_SAME_STEP,
    reference="Gerstner et al. 2014, ch. 19.2",
    cites=cite("gerstner2014"),
)

hebb_post_gated = PlasticityRule(
    name="hebb_post_gated",
    summary="Postsynaptically gated Hebb: dw/dt = eta*y*(x - x_0)",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="dw/dt = eta*y_post*(x_pre - x_0) : 1 (clock-driven)",
    update=_BOUND,
    parameters={"eta": 0.1 * Hz, "x_0": 0.5, **_BOUNDS},
    ties=_SAME_STEP,
    reference="Gerstner et al. 2014, ch. 19.2",
    cites=cite("gerstner2014"),
)

oja = PlasticityRule(
    name="oja",
    summary="Oja's rule: w becomes the first principal component, of length 1",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="dw/dt = eta*y_post*(x_pre - y_post*w) : 1 (clock-driven)",
    parameters={"eta": 0.1 * Hz},
    ties=_SAME_STEP,
    reference="Oja 1982",
    cites=cite("oja1982"),
)

oja_subspace = PlasticityRule(
    name="oja_subspace",
    summary="Oja's subspace rule: the neurons together span the first principal components",
    # Each input unit learns how well the neurons reconstruct it.
    pre="reconstruction : 1",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="""
        reconstruction_pre = w*y_post : 1 (summed)
        dw/dt = eta*y_post*(x_pre - reconstruction_pre) : 1 (clock-driven)
    """,
    parameters={"eta": 0.1 * Hz},
    ties=_SAME_STEP,
    reference="Oja 1989",
    cites=cite("oja1989"),
)

instar = PlasticityRule(
    name="instar",
    summary="Instar: w moves towards the input whenever the neuron is active",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="dw/dt = eta*y_post*(x_pre - w) : 1 (clock-driven)",
    parameters={"eta": 0.1 * Hz},
    ties=_SAME_STEP,
    reference="Grossberg 1976",
    cites=cite("grossberg1976"),
)

outstar = PlasticityRule(
    name="outstar",
    summary="Outstar: w moves towards the output whenever the input is active",
    needs_pre="x : 1",
    needs_post="y : 1",
    synapse="dw/dt = eta*x_pre*(y_post - w) : 1 (clock-driven)",
    parameters={"eta": 0.1 * Hz},
    ties=_SAME_STEP,
    reference="Grossberg 1976",
    cites=cite("grossberg1976"),
)

bcm = PlasticityRule(
    name="bcm",
    summary="BCM: dw/dt = eta*x*y*(y - theta), where theta follows the mean of y squared",
    post="dtheta/dt = (y**2 - theta)/tau_theta : 1",
    needs_pre="x : 1",
    needs_post="y : 1",
    keeps=("theta",),
    synapse="dw/dt = eta*x_pre*y_post*(y_post - theta_post) : 1 (clock-driven)",
    trace_method="exponential_euler",
    parameters={"eta": 0.1 * Hz, "tau_theta": 1 * second},
    ties=_SAME_STEP + " theta follows the y of the step before.",
    reference="Bienenstock, Cooper and Munro 1982; threshold as in Intrator and Cooper 1992",
    cites=cite("bienenstock1982", "intrator1992"),
)

softhebb = PlasticityRule(
    name="softhebb",
    summary="SoftHebb in spikes: a neuron that fires moves its weights towards its input",
    # In a soft-WTA circuit a spike of neuron k is a sample of softmax(u), so that the expected change is SoftHebb's
    # y_k*(x - u_k*w_k). u is the neuron's own potential; with tau_x = tau_m and fixed weights it equals sum(w*x1).
    pre="dx1/dt = -x1/tau_x : 1",
    pre_spike="x1 += 1",
    post="age : 1",
    post_spike="age += 1/lifetime",
    needs_post="u : 1",
    on_post="w += eta/(1 + age_post)*(x1_pre - u_post*w)",
    parameters={"eta": 0.005, "tau_x": 20 * ms, "lifetime": 100.0},
    roles={"lifetime": "scale"},
    ties="A presynaptic spike in the same time step counts neither in x1 nor in u.",
    reference="Journe, Garcia Rodriguez, Guo and Moraitis 2023; Moraitis, Toichkin, Journe, Chua and Guo 2022",
    cites=cite("journe2023", "moraitis2022"),
)

softhebb_annealed = PlasticityRule(
    name="softhebb_annealed",
    summary="SoftHebb in spikes as a sum of products: a neuron's learning rate falls in proportion to its spikes",
    # 1/(1 + age) of softhebb needs a division; here age is a trace that counts spikes and saturates, as a chip has it.
    pre=softhebb.pre,
    pre_spike=softhebb.pre_spike,
    post="age : 1",
    post_spike="age = clip(age + 1/lifetime, 0, 1)",
    needs_post="u : 1",
    on_post="w += eta*(1 + rest - age_post)*(x1_pre - u_post*w)",
    parameters={"eta": 0.005, "tau_x": 20 * ms, "lifetime": 1000.0, "rest": 1 / 127},
    roles={"lifetime": "scale", "rest": "factor"},
    ties=softhebb.ties,
    reference="As softhebb; annealing in a trace is this toolkit's, for chips that only add and multiply",
    cites=softhebb.cites,
)

softhebb_threshold = PlasticityRule(
    name="softhebb_threshold",
    summary="SoftHebb of neurons that fire at a threshold: there the potential is a constant that no rule has to read",
    # An integrator that starts from 0 fires when u = sum(w*x1) reaches its threshold: SoftHebb's u*w is level*w there,
    # and the length of the weights still goes to 1.
    pre=softhebb.pre,
    pre_spike=softhebb.pre_spike,
    post=softhebb_annealed.post,
    post_spike=softhebb_annealed.post_spike,
    on_post="w += eta*(1 + rest - age_post)*(x1_pre - level*w)",
    parameters={"eta": 0.005, "tau_x": 20 * ms, "lifetime": 1000.0, "rest": 1 / 127, "level": 1.0},
    roles={"lifetime": "scale", "rest": "factor", "level": "factor"},
    ties=softhebb.ties,
    reference="As softhebb; the threshold for the potential is this toolkit's, for chips whose rules read no potential",
    cites=softhebb.cites,
)

softhebb_rate = PlasticityRule(
    name="softhebb_rate",
    summary="SoftHebb: the softmax activity y moves w towards the input, to length 1",
    needs_pre="x : 1",
    needs_post="""
        u : 1
        y : 1
    """,
    synapse="dw/dt = eta*y_post*(x_pre - u_post*w) : 1 (clock-driven)",
    parameters={"eta": 0.1 * Hz},
    ties=_SAME_STEP,
    reference="Moraitis, Toichkin, Journe, Chua and Guo 2022",
    cites=cite("moraitis2022"),
)

softhebb_anti = PlasticityRule(
    name="softhebb_anti",
    summary="SoftHebb with the soft anti-Hebbian sign: all but the winner learn with the opposite sign",
    needs_pre="x : 1",
    needs_post="""
        u : 1
        y : 1
        rank : 1
    """,
    synapse="dw/dt = eta*y_post*(1 - 2*int(rank_post > 0))*(x_pre - u_post*w) : 1 (clock-driven)",
    parameters={"eta": 0.1 * Hz},
    ties=_SAME_STEP + " Of neurons with the same u the first wins.",
    reference="Journe, Garcia Rodriguez, Guo and Moraitis 2023, without its normalization of the update",
    cites=cite("journe2023"),
)

krotov_hopfield = PlasticityRule(
    name="krotov_hopfield",
    summary="Competing hidden units: the winner learns, the unit of rank k unlearns",
    needs_pre="x : 1",
    needs_post="""
        u : 1
        rank : 1
    """,
    synapse="dw/dt = eta*(int(rank_post == 0) - delta*int(rank_post == k - 1))*(x_pre - u_post*w) : 1 (clock-driven)",
    parameters={"eta": 0.02 * Hz, "delta": 0.4, "k": 2.0},
    roles={"delta": "factor", "k": "scale"},
    ties=_SAME_STEP + " Of neurons with the same u the first wins.",
    reference="Krotov and Hopfield 2019 with p = 2, without its normalization of the update",
    cites=cite("krotov2019"),
)


def on_spikes(
    rule: PlasticityRule, *, tau_x: Quantity = 20 * ms, tau_y: Quantity = 20 * ms, unit_rate: Quantity = 50 * Hz
) -> PlasticityRule:
    """Return a rate rule that reads filtered spikes instead of rates.

    Parameters
    ----------
    rule : PlasticityRule
        It reads ``x`` and ``y`` and nothing else of its neurons.
    tau_x, tau_y : Quantity
        Time constants of the filters.
    unit_rate : Quantity
        The firing rate that ``x = 1`` and ``y = 1`` stand for.

    Raises
    ------
    ValueError
        If the rule reads anything else.

    Examples
    --------
    >>> from spikehebb.rules import oja, on_spikes
    >>> on_spikes(oja).pre_spike
    'x += 1/(tau_x*unit_rate)'
    """
    if not reads_rates(rule):
        raise ValueError(f"rule {rule.name} does not read the rates x and y alone, so it has no form on spikes.")
    return dataclasses.replace(
        rule,
        name=f"{rule.name}_on_spikes",
        summary=f"{rule.summary} (x and y are filtered spikes)",
        pre=f"{rule.pre}\ndx/dt = -x/tau_x : 1",
        pre_spike="x += 1/(tau_x*unit_rate)",
        post=f"{rule.post}\ndy/dt = -y/tau_y : 1",
        post_spike="y += 1/(tau_y*unit_rate)",
        needs_pre="",
        needs_post="",
        trace_method="exponential_euler",
        ties="A spike counts from the next step on.",
        parameters={**rule.parameters, "tau_x": tau_x, "tau_y": tau_y, "unit_rate": unit_rate},
        roles={**rule.roles, "unit_rate": "scale"},
    )


def reads_rates(rule: PlasticityRule) -> bool:
    """Return whether a rule reads a presynaptic rate ``x`` and a postsynaptic rate ``y``, and nothing else."""
    return text.variables(rule.needs_pre) == {"x": text.DIMENSIONLESS} and text.variables(rule.needs_post) == {
        "y": text.DIMENSIONLESS
    }
