"""Neurons of a spiking network that is rewarded later for a pair of spikes, and what rewards it."""

from __future__ import annotations

from brian2 import ms, second

from spikehebb.core import NeuronModel

_REFERENCE = "Izhikevich, Cerebral Cortex 17:2443-2452, 2007"

izhikevich_noisy = NeuronModel(
    name="izhikevich_noisy",
    summary="Izhikevich's spiking neuron with uniform noise, in mV and steps of 1 ms, that receives dopamine",
    # In two halves of a step, as in the author's programs, because v rises steeply before a spike.
    equations="""
        v : 1
        u : 1
        I : 1
        dopamine : 1
    """,
    threshold="v >= 30",
    reset="v = c; u += d",
    receive="I_post += w",
    update="""
        I += noise*(rand() - 0.5)
        v += 0.5*((0.04*v + 5)*v + 140 - u + I)
        v += 0.5*((0.04*v + 5)*v + 140 - u + I)
        u += a*(0.2*v - u)
        I = 0
    """,
    parameters={"a": 0.02, "c": -65.0, "d": 8.0, "noise": 13.0},
    roles={"noise": "factor"},
    reference=f"Izhikevich, IEEE Transactions on Neural Networks 14:1569-1572, 2003; {_REFERENCE}",
)

pair_judge = NeuronModel(
    name="pair_judge",
    summary="Rewards later, by a spike, each pair of spikes less than interval apart: one of weight 1, then one of 2",
    # Several rewards can be due at once, so `slots` neurons take turns; all of them see all pairs.
    equations="""
        first : 1
        then : 1
        left : second
        due : second
        waiting : 1
        pairs : 1
    """,
    threshold="waiting > 0 and t >= due - dt/2",
    reset="waiting = 0",
    receive="first_post += int(w < 1.5); then_post += int(w > 1.5)",
    update="""
        pair = int(then > 0)*int(first < 1)*int(left > dt/2)
        turn = pair*int(pairs % slots == i)
        due += turn*(t + least + (most - least)*rand() - due)
        waiting = clip(waiting + turn, 0, 1)
        pairs += pair
        left = clip(left - dt, 0*second, interval)
        left += int(first > 0)*(interval - dt - left)
        first = 0
        then = 0
    """,
    parameters={"interval": 20 * ms, "least": 1 * second, "most": 3 * second, "slots": 20.0},
    roles={"slots": "scale"},
    reference=_REFERENCE,
)

dopamine_pool = NeuronModel(
    name="dopamine_pool",
    summary="Dopamine, which a spike through weight w raises by w, and which then decays",
    equations="ddopamine/dt = -dopamine/tau_dopamine : 1",
    receive="dopamine_post += w",
    parameters={"tau_dopamine": 200 * ms},
    reference=_REFERENCE,
)
