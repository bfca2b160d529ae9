"""The circuit of every window and replay: pairs of neurons with one plastic synapse each."""

from __future__ import annotations

import numpy as np
from brian2 import Quantity, ms
from numpy.typing import ArrayLike

from spikehebb import equations as text
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.core.memory import check_memory
from spikehebb.encoders import clamped_source, driven_source, modulated_source, reward_source, spike_source
from spikehebb.rules import on_spikes, reads_rates

_BYTES = 40  # of the matrices of weights and connections, and of their copies, for each pair of neurons
_POST = (spike_source, driven_source, modulated_source, clamped_source)


def synapse_pair(rule: PlasticityRule, *, pairs: int = 1, w: ArrayLike = 0.5, delay: Quantity = 0 * ms) -> Circuit:
    """Return ``pairs`` independent pairs of neurons with one plastic synapse each; both sides replay given spikes.

    A rule that reads the postsynaptic potential gets a neuron that has one; a rule that reads dopamine gets a third
    population, ``reward``; a rule for rates reads filtered spikes.

    Parameters
    ----------
    rule : PlasticityRule
    pairs : int
        The number of pairs in the circuit.
    w : array_like, scalar or shape (pairs,)
        The weights at the start.
    delay : Quantity
        From a presynaptic spike to its arrival.

    Raises
    ------
    ValueError
        If the rule reads what a lone pair of neurons does not have.

    Examples
    --------
    >>> from spikehebb.circuits import synapse_pair
    >>> from spikehebb.rules import stdp_pair
    >>> synapse_pair(stdp_pair, pairs=3).populations["post"].size
    3
    """
    check_pairs(pairs)
    if reads_rates(rule):
        rule = on_spikes(rule)
    post = _postsynaptic(rule)
    text.check_number("synapse_pair", "w", w)
    if np.shape(w) not in ((), (pairs,)):
        raise ValueError(f"synapse_pair: w must be one weight, or one for each of {pairs} pairs, got {np.shape(w)}.")
    weights = np.diag(np.broadcast_to(np.asarray(w, float), (pairs,)))
    own = np.eye(pairs, dtype=bool)
    populations = {"pre": Population(model=spike_source, size=pairs), "post": Population(model=post, size=pairs)}
    projections = {
        "synapse": Projection(pre="pre", post="post", weights=weights, rule=rule, connected=own, delay=delay)
    }
    if post is modulated_source:
        populations["reward"] = Population(model=reward_source, size=pairs)
        modulation = Projection(pre="reward", post="post", summed={"dopamine": "dopamine_pre"}, connected=own)
        projections = {"modulation": modulation, **projections}
    return Circuit(name="synapse_pair", populations=populations, projections=projections)


def check_pairs(pairs: int) -> None:
    """Raise an error unless a circuit can have so many pairs: ``ValueError``, or ``MemoryError`` if it does not fit."""
    if isinstance(pairs, bool) or not isinstance(pairs, (int, np.integer)) or pairs < 1:
        raise ValueError(f"synapse_pair: pairs must be a whole number of at least 1, got {pairs!r}.")
    check_memory(f"synapse_pair with {pairs:,} pairs", _BYTES * float(pairs) ** 2, "take fewer pairs at once")


def has_pair_form(rule: PlasticityRule) -> bool:
    """Return whether spikes of a lone pair of neurons are all that a rule reads."""
    try:
        _postsynaptic(on_spikes(rule) if reads_rates(rule) else rule)
    except ValueError:
        return False
    return bool(rule.on_pre or rule.on_post or rule.post_spike or reads_rates(rule))


def _postsynaptic(rule: PlasticityRule) -> NeuronModel:
    """Return the simplest neuron that replays spikes and has what the rule reads."""
    variables = set(text.variables(rule.needs_post))
    for model in _POST:
        if variables <= set(text.variables(model.equations)) and not rule.needs_pre:
            return model
    reads = sorted({*text.variables(rule.needs_pre), *variables})
    raise ValueError(
        f"rule {rule.name} reads {', '.join(reads)} of its neurons, which a lone pair of neurons that replay spikes "
        "does not have; run it in a circuit of spikehebb.circuits."
    )
