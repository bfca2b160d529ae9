"""A network in which one synapse is rewarded, seconds after its two neurons have fired."""

from __future__ import annotations

import numpy as np
from brian2 import Quantity, second

from spikehebb.core import Circuit, PlasticityRule, Population, Projection
from spikehebb.core.values import check_setting
from spikehebb.neurons import dopamine_pool, izhikevich_noisy, pair_judge
from spikehebb.rules import stdp_reward_epochs

_SLOTS = 20  # rewards that can be due at once


def distal_reward(
    *,
    rng: np.random.Generator,
    excitatory: int = 800,
    inhibitory: int = 200,
    synapses: int = 100,
    rule: PlasticityRule = stdp_reward_epochs,
    burst: float = 0.5,
    least: Quantity = 1 * second,
    most: Quantity = 3 * second,
) -> Circuit:
    """Return Izhikevich's network (2007), where pairs of spikes of excitatory neuron 0, then 1, are rewarded later.

    When neuron 1 fires less than 20 ms after neuron 0, dopamine rises by ``burst`` between ``least`` and ``most``
    later, for all synapses. That from 0 to 1, ``weights[0, 1]`` of projection ``recurrent``, starts from 0, all other
    excitatory ones from 1 mV; inhibitory ones stay at -1 mV. Run it with ``dt=1*ms``.

    Parameters
    ----------
    rng : Generator
        Draws who is connected with whom.
    excitatory, inhibitory : int
        Neurons; inhibitory ones reach excitatory ones only.
    synapses : int
        Of each neuron, to as many others.
    rule : PlasticityRule
        Of the excitatory synapses. It reads ``dopamine``.
    burst : float
        0: nothing is rewarded.
    least, most : Quantity
        From the pair to its reward, drawn uniformly.

    Raises
    ------
    ValueError
        If a number is not a whole one above 0, or neurons have more synapses than there are targets.

    References
    ----------
    Izhikevich, Cerebral Cortex 17:2443-2452, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import distal_reward
    >>> circuit = distal_reward(rng=np.random.default_rng(0), excitatory=80, inhibitory=20, synapses=10)
    >>> float(circuit.projections["recurrent"].weights[0, 1])
    0.0
    """
    for name, number in (("excitatory", excitatory), ("inhibitory", inhibitory), ("synapses", synapses)):
        check_setting(name, "int", number)
    if synapses >= excitatory:
        raise ValueError(
            f"distal_reward: {synapses} synapses of each neuron need more than {synapses} excitatory neurons, got "
            f"{excitatory}; take fewer synapses."
        )
    everybody = excitatory + inhibitory
    connected = np.zeros((everybody, everybody), bool)
    for neuron in range(everybody):
        others = np.setdiff1d(np.arange(everybody if neuron < excitatory else excitatory), [neuron])
        connected[neuron, rng.choice(others, synapses, replace=False)] = True
    if not connected[0, 1]:
        connected[0, rng.choice(np.flatnonzero(connected[0]))] = False
        connected[0, 1] = True
    weights = connected.astype(float)
    weights[0, 1] = 0
    from_e, from_i = slice(excitatory), slice(excitatory, None)
    watched = np.zeros((excitatory, _SLOTS))
    watched[0], watched[1] = 1, 2
    begin = {"v": -65.0, "u": -13.0}
    fast = izhikevich_noisy.with_parameters(a=0.1, d=2.0)
    judge = pair_judge.with_parameters(least=least, most=most, slots=float(_SLOTS))
    dopamine = {"dopamine": "dopamine_pre"}
    return Circuit(
        name="distal_reward",
        populations={
            "excitatory": Population(model=izhikevich_noisy, size=excitatory, state=begin),
            "inhibitory": Population(model=fast, size=inhibitory, state=begin),
            "judge": Population(model=judge, size=_SLOTS),
            "pool": Population(model=dopamine_pool, size=1),
        },
        projections={
            "modulate": Projection(pre="pool", post="excitatory", summed=dopamine),
            "modulate_inhibitory": Projection(pre="pool", post="inhibitory", summed=dopamine),
            "recurrent": Projection(
                pre="excitatory",
                post="excitatory",
                weights=weights[from_e, from_e],
                connected=connected[from_e, from_e],
                rule=rule,
            ),
            "excite": Projection(
                pre="excitatory",
                post="inhibitory",
                weights=weights[from_e, from_i],
                connected=connected[from_e, from_i],
                rule=rule,
            ),
            "inhibit": Projection(
                pre="inhibitory",
                post="excitatory",
                weights=-weights[from_i, from_e],
                connected=connected[from_i, from_e],
            ),
            "watch": Projection(pre="excitatory", post="judge", weights=watched, connected=watched > 0),
            "reward": Projection(pre="judge", post="pool", weights=np.full((_SLOTS, 1), float(burst))),
        },
        reference="Izhikevich, Cerebral Cortex 17:2443-2452, 2007",
    )
