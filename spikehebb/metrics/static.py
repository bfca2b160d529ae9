"""What a network is before it runs: its size in memory, how sparsely it is connected, and how widely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import Circuit, Int, Projection
from spikehebb.encoders import ENCODERS

BYTE = 8


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Memory of a network, in bytes, and what was assumed.

    Parameters
    ----------
    weights, synapse_state, neuron_state, parameters : float
        Weights of all pairs that a projection connects, zeros included; what else lives in synapses; variables of
        neurons, traces of rules included; parameters, one each or one per neuron. Inputs are left out.
    weight_bits, state_bits : int
    """

    weights: float
    synapse_state: float
    neuron_state: float
    parameters: float
    weight_bits: int
    state_bits: int

    @property
    def total(self) -> float:
        """Bytes of everything."""
        return self.weights + self.synapse_state + self.neuron_state + self.parameters


def inputs(circuit: Circuit) -> tuple[str, ...]:
    """Return the populations that are input: their neurons are encoders, which no chip has to run.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import soft_wta
    >>> inputs(soft_wta(np.ones((4, 2))))
    ('input',)
    """
    return tuple(name for name, population in circuit.populations.items() if population.model.name in ENCODERS)


def connected(projection: Projection, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pairs a projection connects, as an array (n_pre, n_post) of bool."""
    return np.ones(shape, bool) if projection.connected is None else np.asarray(projection.connected)


def synapses(circuit: Circuit, name: str) -> NDArray[np.bool_]:
    """Return where a projection has a synapse.

    A weight of 0 that no rule changes is none. A projection without weights has one per connected pair.

    Returns
    -------
    array of bool, shape (n_pre, n_post)

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> synapses(lif_wta([[1.0, 3.0]]), "lateral").tolist()
    [[False, True], [True, False]]
    """
    projection = circuit.projections[name]
    pairs = connected(projection, _shape(circuit, projection))
    if projection.weights is None or projection.rule is not None:
        return pairs
    mask: NDArray[np.bool_] = pairs & (projection.weights != 0)
    return mask


def connection_sparsity(circuit: Circuit) -> float:
    """Return the share of pairs without a synapse, over all projections that have weights.

    As NeuroBench's connection sparsity: the share of zeros among the weights. 0 where nothing has weights.

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> connection_sparsity(lif_wta([[1.0, 3.0], [1.0, 2.0]]))  # the lateral projection leaves out two of four
    0.25
    """
    weighted = [name for name, projection in circuit.projections.items() if projection.weights is not None]
    pairs = sum(int(np.prod(_shape(circuit, circuit.projections[name]))) for name in weighted)
    return 1 - sum(int(synapses(circuit, name).sum()) for name in weighted) / pairs if pairs else 0.0


def degrees(circuit: Circuit) -> dict[str, dict[str, Int]]:
    """Return how many synapses that carry spikes every neuron receives and sends.

    Returns
    -------
    dict of str to dict
        For each population ``in`` and ``out``, arrays of shape (size,).

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> degrees(lif_wta([[1.0, 3.0]]))["output"]["in"].tolist()
    [2, 2]
    """
    counts = {
        name: {side: np.zeros(population.size, np.int64) for side in ("in", "out")}
        for name, population in circuit.populations.items()
    }
    for name, projection in circuit.projections.items():
        if not projection.summed:
            there = synapses(circuit, name)
            counts[projection.post]["in"] += there.sum(axis=0)
            counts[projection.pre]["out"] += there.sum(axis=1)
    return counts


def footprint(circuit: Circuit, *, weight_bits: int = 32, state_bits: int = 32) -> Footprint:
    """Return the memory that a network takes at stated bit widths.

    Parameters
    ----------
    weight_bits, state_bits : int
        Of a weight, and of everything else: variables of neurons and synapses, and parameters.

    Raises
    ------
    ValueError
        If a number of bits is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> footprint(lif_wta(np.eye(4)), weight_bits=8).weights
    32.0
    """
    for what, bits in (("weight_bits", weight_bits), ("state_bits", state_bits)):
        if not isinstance(bits, (int, np.integer)) or isinstance(bits, bool) or bits < 1:
            raise ValueError(f"footprint: {what} must be a whole number of at least 1, got {bits!r}.")
    weights = synapse_state = neuron_state = parameters = 0
    for projection in circuit.projections.values():
        pairs = int(connected(projection, _shape(circuit, projection)).sum())
        weights += pairs if projection.weights is not None else 0
        if projection.rule is not None:
            inside = [getattr(projection.rule, side) for side in ("pre", "post") if projection.in_synapses(side)]
            kept = [*projection.rule.kept(), *(trace for equations in inside for trace in text.settable(equations))]
            synapse_state += pairs * len(kept)
            parameters += sum(map(np.size, projection.rule.parameters.values()))
    outside = inputs(circuit)
    for name, population in circuit.populations.items():
        traces = [trace for each in circuit.traces(name) for trace in text.settable(each.equations)]
        variables = [] if name in outside else list(text.settable(population.model.equations))
        neuron_state += population.size * len(variables + traces)
        parameters += 0 if name in outside else sum(map(np.size, population.model.parameters.values()))
    return Footprint(
        weights=weights * weight_bits / BYTE,
        synapse_state=synapse_state * state_bits / BYTE,
        neuron_state=neuron_state * state_bits / BYTE,
        parameters=parameters * state_bits / BYTE,
        weight_bits=int(weight_bits),
        state_bits=int(state_bits),
    )


def _shape(circuit: Circuit, projection: Projection) -> tuple[int, int]:
    pre, post = (circuit.populations[name].size for name in (projection.pre, projection.post))
    return pre, post


def as_json(memory: Footprint) -> dict[str, Any]:
    """Return a footprint as plain numbers, with its total."""
    return {"total_bytes": memory.total, **vars(memory)}
