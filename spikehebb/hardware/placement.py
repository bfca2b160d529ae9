"""How many cores a circuit takes, and what fills them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikehebb.core import Circuit, Frozen, Int, Projection
from spikehebb.hardware.target import Target
from spikehebb.metrics import inputs, synapses


@dataclass(frozen=True, kw_only=True)
class Share:
    """The cores of one population.

    Parameters
    ----------
    population : str
    neurons, cores : int
        The first and the last core may hold neurons of its neighbours, too.
    reason : str
        The limit that filled most of its cores; empty where none was filled.
    """

    population: str
    neurons: int
    cores: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Split:
    """Where a circuit's neurons go.

    Parameters
    ----------
    cores : int
        All of them; 0 where everything is input.
    shares : tuple of Share
    core_of : mapping of str to array of int, shape (size,)
        The core of every neuron, from 0.
    too_large : mapping of str to str
        Limits that a single neuron exceeds on a core of its own, each with a sentence.
    """

    cores: int
    shares: tuple[Share, ...]
    core_of: Mapping[str, Int]
    too_large: Mapping[str, str]


@dataclass
class _Core:
    """What a core holds so far."""

    sources: dict[str, Any]  # presynaptic neurons, by population
    neurons: int = 0
    bits: int = 0
    axons: int = 0


@dataclass
class _Plan:
    number: int = -1
    core: _Core = field(default_factory=lambda: _Core(sources={}))


def on_chip(circuit: Circuit) -> Circuit:
    """Return a circuit without readouts that only add up spikes (``linear_readout``): the host does that.

    Examples
    --------
    >>> from spikehebb.circuits.lif import lif_wta, with_votes
    >>> sorted(on_chip(with_votes(lif_wta([[1.0, 2.0]]), [0, 1], 2)).populations)
    ['input', 'output']
    """
    outside = {name for name, population in circuit.populations.items() if population.model.name == "linear_readout"}
    if not outside or outside & {projection.pre for projection in circuit.projections.values()}:
        return circuit
    return dataclasses.replace(
        circuit,
        populations={name: p for name, p in circuit.populations.items() if name not in outside},
        projections={name: p for name, p in circuit.projections.items() if p.post not in outside},
    )


def split(circuit: Circuit, target: Target) -> Split:
    """Fill cores with neurons, one after the other, until a limit makes the next one necessary.

    Neurons keep their order, and a core may hold several populations. A synapse takes the weight's bits, those of a
    variable of its own where its rule has one, and ``synapse_overhead_bits``; indices and headers, which depend on how
    a chip compresses them, are left out, so that the number of cores is a lower bound. A neuron with more synapses
    than ``fan_in`` counts as several. Limits that were not verified are left out, and so are readouts that only add
    up spikes.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> from spikehebb.hardware import TARGETS
    >>> placement = split(lif_wta(np.random.default_rng(0).random((784, 400))), TARGETS["loihi1"])
    >>> placement.cores, placement.shares[0].reason
    (4, 'synapse_bits_per_core')
    """
    circuit = on_chip(circuit)
    afferents = _afferents(circuit, target)
    most = {name: target.value(name) for name in ("neurons_per_core", "synapse_bits_per_core", "input_axons", "fan_in")}
    plan, shares = _Plan(), []
    too_large: dict[str, str] = {}
    core_of: dict[str, Int] = {}
    for name, population in circuit.populations.items():
        if name in inputs(circuit):
            continue
        places = np.zeros(population.size, np.int64)
        filled: Counter[str] = Counter()
        for neuron in range(population.size):
            sources, bits, fan_in = _needs(afferents[name], neuron)
            parts = 1 if most["fan_in"] is None else max(1, -(-fan_in // most["fan_in"]))
            reason = _blocked(plan, sources, bits, parts, most)
            if plan.number < 0 or reason:
                if reason and plan.core.neurons:
                    filled[reason] += 1
                plan.number, plan.core = plan.number + 1, _Core(sources={})
                alone = _blocked(plan, sources, bits, parts, most)
                if alone:
                    too_large.setdefault(alone, _alone(alone, name, neuron, sources, bits, parts, most))
            _place(plan.core, sources, bits, parts)
            places[neuron] = plan.number
        core_of[name] = places
        reason = filled.most_common(1)[0][0] if filled else ""
        shares.append(Share(population=name, neurons=population.size, cores=len(np.unique(places)), reason=reason))
    return Split(cores=plan.number + 1, shares=tuple(shares), core_of=Frozen(core_of), too_large=Frozen(too_large))


def output_axons(circuit: Circuit, placement: Split) -> tuple[int, int]:
    """Return the most pairs of a neuron and a core it sends to that one core has, and the most cores of one neuron."""
    per_core, per_neuron = np.zeros(max(placement.cores, 1), np.int64), 0
    for name, places in placement.core_of.items():
        reached = np.zeros((len(places), max(placement.cores, 1)), bool)
        for key, projection in circuit.projections.items():
            if projection.pre == name and not projection.summed:
                connected = synapses(circuit, key)
                for core in np.unique(placement.core_of.get(projection.post, np.zeros(0, np.int64))):
                    reached[:, core] |= connected[:, placement.core_of[projection.post] == core].any(axis=1)
        destinations = reached.sum(axis=1)
        per_neuron = max(per_neuron, int(destinations.max(initial=0)))
        np.add.at(per_core, places, destinations)
    return int(per_core.max()), per_neuron


def synapse_bits(projection: Projection, target: Target) -> int:
    """Return the bits that one synapse of a projection takes in a core's memory; 0 without a limit of weight bits."""
    bits = target.value("weight_bits")
    if bits is None:
        return 0
    own = 0
    if projection.rule is not None:
        own = len(projection.rule.kept()) * (target.value("tag_bits") or 0)
    return int(bits + own + (target.value("synapse_overhead_bits") or 0))


def _afferents(circuit: Circuit, target: Target) -> dict[str, list[tuple[str, Any, int]]]:
    """Return for every population what projects to it: from where, which pairs, and the bits of a synapse."""
    afferents: dict[str, list[tuple[str, Any, int]]] = {name: [] for name in circuit.populations}
    for name, projection in circuit.projections.items():
        if not projection.summed:
            # neurons first: their columns are read one by one
            connected = np.ascontiguousarray(synapses(circuit, name).T)
            afferents[projection.post].append((projection.pre, connected, synapse_bits(projection, target)))
    return afferents


def _needs(afferents: list[tuple[str, Any, int]], neuron: int) -> tuple[dict[str, Any], int, int]:
    """Return a neuron's presynaptic neurons, the bits of its synapses, and their number."""
    sources: dict[str, Any] = {}
    bits = fan_in = 0
    for pre, connected, each in afferents:
        row = connected[neuron]
        number = int(row.sum())
        sources[pre] = sources[pre] | row if pre in sources else row
        bits, fan_in = bits + number * each, fan_in + number
    return sources, bits, fan_in


def _blocked(plan: _Plan, sources: Mapping[str, Any], bits: int, parts: int, most: Mapping[str, Any]) -> str:
    """Return the limit that keeps a neuron from the core that is being filled; empty where it fits."""
    core = plan.core
    neurons, memory, axons = most["neurons_per_core"], most["synapse_bits_per_core"], most["input_axons"]
    if neurons is not None and core.neurons + parts > neurons:
        return "fan_in" if parts > 1 else "neurons_per_core"
    if memory is not None and core.bits + bits > memory:
        return "synapse_bits_per_core"
    if axons is not None and core.axons + _new(core, sources) > axons:
        return "input_axons"
    return ""


def _new(core: _Core, sources: Mapping[str, Any]) -> int:
    """Return how many presynaptic neurons a core has no input from yet."""
    return sum(
        int(np.count_nonzero(row & ~core.sources[pre] if pre in core.sources else row)) for pre, row in sources.items()
    )


def _place(core: _Core, sources: Mapping[str, Any], bits: int, parts: int) -> None:
    core.axons += _new(core, sources)
    core.neurons, core.bits = core.neurons + parts, core.bits + bits
    for pre, row in sources.items():
        core.sources[pre] = core.sources[pre] | row if pre in core.sources else row


def _alone(
    limit: str, name: str, neuron: int, sources: Mapping[str, Any], bits: int, parts: int, most: Mapping[str, Any]
) -> str:
    """Return a sentence about a neuron that does not fit on a core of its own."""
    who = f"population {name}: neuron {neuron} alone"
    if limit == "synapse_bits_per_core":
        return f"{who} needs {bits} bits of synapse memory, and a core has {most[limit]}"
    if limit == "input_axons":
        return f"{who} has {_new(_Core(sources={}), sources)} presynaptic neurons, and a core at most {most[limit]}"
    return f"{who} would have to be {parts} neurons, and a core has {most['neurons_per_core']}"
