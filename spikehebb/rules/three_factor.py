"""Rules with a third factor: a reward that all synapses of a neuron receive."""

from __future__ import annotations

import dataclasses

from brian2 import Hz, ms, second

from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite
from spikehebb.rules.stdp import TIES

stdp_reward = PlasticityRule(
    name="stdp_reward",
    summary="Reward-modulated STDP: nearest pairs leave an eligibility that dopamine turns into a change of the weight",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 = 1",
    post="dy1/dt = -y1/tau_minus : 1",
    post_spike="y1 = 1",
    needs_post="dopamine : 1",
    synapse="""
        delig/dt = -elig/tau_elig : 1 (clock-driven)
        dw/dt = gain*(dopamine_0 + dopamine_post)*elig : 1 (clock-driven)
    """,
    on_pre="elig -= A_minus*y1_post",
    on_post="elig += A_plus*x1_pre",
    update="w = clip(w, w_min, w_max)",
    method="exponential_euler",
    parameters={
        "A_plus": 0.1,
        "A_minus": 0.15,
        "tau_plus": 20 * ms,
        "tau_minus": 20 * ms,
        "tau_elig": 1 * second,
        "gain": 100 * Hz,
        "dopamine_0": 0.002,
        "w_min": 0.0,
        "w_max": 4.0,
    },
    ties=TIES,
    reference="Izhikevich 2007, in continuous time: its program applies (0.002 + DA)*elig every 10 ms and multiplies "
    "traces by 0.95 per ms",
    cites=cite("izhikevich2007"),
)

stdp_reward_epochs = dataclasses.replace(
    stdp_reward,
    name="stdp_reward_epochs",
    summary="Reward-modulated STDP whose eligibility meets dopamine at the end of every 10 ms: fast in large networks",
    synapse="""
        elig : 1
        w : 1
    """,
    update="""
        w = clip(w + gain*t_epoch*(dopamine_0 + dopamine_post)*elig, w_min, w_max)
        elig *= exp(-t_epoch/tau_elig)
    """,
    epoch="t_epoch",
    method="euler",
    parameters={**stdp_reward.parameters, "t_epoch": 10 * ms},
    ties=f"{TIES} An epoch ends after the spikes of its last step.",
    reference="Izhikevich 2007; his program multiplies traces by 0.95 per ms and elig by 0.99 per 10 ms",
)

# One burst of 0.5 that decays with 200 ms makes gain*A_plus the A_plus = 1 of NEST.
stdp_reward_all_to_all = dataclasses.replace(
    stdp_reward.with_parameters(dopamine_0=0.0),
    name="stdp_reward_all_to_all",
    summary="Reward-modulated STDP, every spike paired with every other",
    pre_spike="x1 += 1",
    post_spike="y1 += 1",
    reference="Potjans, Morrison and Diesmann 2010; numbers as in NEST's stdp_dopamine_synapse, where elig is called c "
    "and tau_elig tau_c; its b is -dopamine_0 over the area of a burst",
    cites=cite("izhikevich2007", "potjans2010"),
)

stdp_reward_centred = PlasticityRule(
    name="stdp_reward_centred",
    summary="Reward-modulated STDP with a baseline: only reward above its running mean potentiates",
    pre="dx1/dt = -x1/tau_plus : 1",
    pre_spike="x1 += 1",
    post="""
        dy1/dt = -y1/tau_minus : 1
        dreward_mean/dt = (dopamine - reward_mean)/tau_mean : 1
    """,
    post_spike="y1 += 1",
    needs_post="dopamine : 1",
    keeps=("reward_mean",),
    synapse="""
        delig/dt = -elig/tau_elig : 1 (clock-driven)
        dw/dt = gain*(dopamine_post - reward_mean_post)*elig : 1 (clock-driven)
    """,
    on_pre="elig -= A_minus*y1_post",
    on_post="elig += A_plus*x1_pre",
    update="w = clip(w, w_min, w_max)",
    method="exponential_euler",
    trace_method="exponential_euler",
    parameters={
        "A_plus": 0.1,
        "A_minus": 0.105,
        "tau_plus": 20 * ms,
        "tau_minus": 20 * ms,
        "tau_elig": 1 * second,
        "tau_mean": 10 * second,
        "gain": 1 * Hz,
        "w_min": 0.0,
        "w_max": 1.0,
    },
    ties=TIES,
    reference="Fremaux and Gerstner 2016 (reward minus expected reward, times eligibility); Florian 2007",
    cites=cite("fremaux2016", "florian2007"),
)

hebb_reward = PlasticityRule(
    name="hebb_reward",
    summary="Reward-modulated Hebb: dw/dt = eta*(R - mean R)*x*y; with baseline 0 the plain product, which drifts",
    post="dR_mean/dt = (R - R_mean)/tau_mean : 1",
    needs_pre="x : 1",
    needs_post="""
        y : 1
        R : 1
    """,
    keeps=("R_mean",),
    synapse="dw/dt = eta*(R_post - baseline*R_mean_post)*x_pre*y_post : 1 (clock-driven)",
    trace_method="exponential_euler",
    parameters={"eta": 0.1 * Hz, "tau_mean": 10 * second, "baseline": 1.0},
    roles={"baseline": "factor"},
    ties="x, y and R are those of the step; the mean is that from before it.",
    reference="Fremaux and Gerstner 2016; without the mean the weight drifts with E[R]*E[x*y]",
    cites=cite("fremaux2016"),
)

node_perturbation = PlasticityRule(
    name="node_perturbation",
    summary="Node perturbation: dw/dt = eta*(R - mean R)*noise*x follows the gradient of the expected reward",
    post="dR_mean/dt = (R - R_mean)/tau_mean : 1",
    needs_pre="x : 1",
    needs_post="""
        noise : 1
        R : 1
    """,
    keeps=("R_mean",),
    synapse="dw/dt = eta*(R_post - R_mean_post)*noise_post*x_pre : 1 (clock-driven)",
    trace_method="exponential_euler",
    parameters={"eta": 0.1 * Hz, "tau_mean": 1 * second},
    ties="noise and R are those of the step; the mean is that from before it.",
    reference="Williams 1992; Fiete and Seung 2006",
    cites=cite("williams1992", "fiete2006"),
)

_LATER = (
    "success is the reward less the expected reward, in the step in which it comes, and 0 otherwise. It meets the "
    "eligibility from before the step."
)

hebb_reward_delayed = PlasticityRule(
    name="hebb_reward_delayed",
    summary="Reward-modulated Hebb for a reward that comes later: x*y leaves an eligibility that it meets",
    needs_pre="x : 1",
    needs_post="""
        y : 1
        success : 1
    """,
    synapse="""
        delig/dt = (x_pre*y_post - elig)/tau_elig : 1 (clock-driven)
        dw/dt = eta*success_post*elig : 1 (clock-driven)
    """,
    method="exponential_euler",
    parameters={"eta": 0.1 * Hz, "tau_elig": 1 * second},
    ties=_LATER,
    reference="Fremaux and Gerstner 2016",
    cites=cite("fremaux2016"),
)

node_perturbation_delayed = dataclasses.replace(
    hebb_reward_delayed,
    name="node_perturbation_delayed",
    summary="Node perturbation for a reward that comes later: x*noise leaves an eligibility that it meets",
    needs_post="""
        noise : 1
        success : 1
    """,
    synapse="""
        delig/dt = (x_pre*noise_post - elig)/tau_elig : 1 (clock-driven)
        dw/dt = eta*success_post*elig : 1 (clock-driven)
    """,
    reference="Williams 1992; Fiete and Seung 2006; Fremaux and Gerstner 2016",
    cites=cite("williams1992", "fiete2006", "fremaux2016"),
)
