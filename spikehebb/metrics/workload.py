"""What a network did in a run: spikes, synaptic operations, neuron updates, and what learning cost.

Everything is counted from how often each neuron spiked, so that nothing has to be recorded for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb import equations as text
from spikehebb.core import Circuit, Frozen, Int, PlasticityRule, Projection, Recording
from spikehebb.metrics.static import inputs, synapses


@dataclass(frozen=True, kw_only=True)
class Plasticity:
    """Operations of learning. An operation is one update of one synapse, or of one trace.

    Parameters
    ----------
    on_pre, on_post : float
        Synapses updated by ``on_pre`` of an arriving spike and by ``on_post`` of a spike that was fired.
    every_step : float
        Synapses updated by a differential equation or by ``update``, at every step.
    epoch : float
        Synapses updated by ``update`` at the end of a learning epoch.
    onset : float
        Synapses updated at the onset of a presentation.
    traces : float
        Traces updated: by a spike, by ``pre_epoch`` or ``post_epoch``, and by their decay at every step.
    """

    on_pre: float = 0.0
    on_post: float = 0.0
    every_step: float = 0.0
    epoch: float = 0.0
    onset: float = 0.0
    traces: float = 0.0

    @property
    def synapses(self) -> float:
        """Updates of synapses, all reasons together."""
        return self.on_pre + self.on_post + self.every_step + self.epoch + self.onset


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What a run made a network do.

    Parameters
    ----------
    steps, presentations : float
    spikes, input_spikes : float
        Of the network's own neurons, and of its inputs.
    activation_sparsity : float
        Share of neurons and steps without a spike, inputs left out.
    dense : float
        Synaptic operations if every weight were there and every neuron fired at every step: NeuroBench's ``Dense``.
    effective_ac : float
        Accumulations, one per spike and synapse: NeuroBench's ``Effective_ACs``.
    effective_mac : float
        Multiply-accumulations: of continuous projections, one per synapse and step; ``Effective_MACs``.
    neuron_updates : float
        Neurons times steps, inputs left out.
    plasticity : Plasticity
    per_projection : mapping of str to float
        Effective operations of each.
    """

    steps: float
    presentations: float
    spikes: float
    input_spikes: float
    activation_sparsity: float
    dense: float
    effective_ac: float
    effective_mac: float
    neuron_updates: float
    plasticity: Plasticity
    per_projection: Mapping[str, float]

    def per_presentation(self) -> Workload:
        """Return the same for one presentation, on average."""
        n = self.presentations
        counted = ("steps", "spikes", "input_spikes", "dense", "effective_ac", "effective_mac", "neuron_updates")
        return Workload(
            presentations=1,
            activation_sparsity=self.activation_sparsity,
            plasticity=Plasticity(**{name: value / n for name, value in vars(self.plasticity).items()}),
            per_projection=Frozen({name: value / n for name, value in self.per_projection.items()}),
            **{name: getattr(self, name) / n for name in counted},
        )

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain numbers."""
        learning = {**vars(self.plasticity), "synapses": self.plasticity.synapses}
        return {**vars(self), "plasticity": learning, "per_projection": dict(self.per_projection)}


def count_work(
    circuit: Circuit,
    recording: Recording | None = None,
    *,
    counts: Mapping[str, Any] | None = None,
    steps: int | None = None,
    dt: float | None = None,
    presentations: int = 1,
) -> Workload:
    """Count what a run made a network do.

    Parameters
    ----------
    circuit : Circuit
        As it ran. Where it learns, synapses are counted by its structure, whatever their weights became.
    recording : Recording, optional
        Of the run; or, instead of it:
    counts, steps, dt : mapping of str to array of shape (size,), int, float, optional
        How often each neuron of each spiking population spiked, how many steps that took, and how long a step is, in
        seconds; it is needed by rules with epochs alone.
    presentations : int

    Raises
    ------
    ValueError
        If counts are missing or of the wrong shape.

    Notes
    -----
    A spike counts when it is fired, even if it would arrive after the end of the run.

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> counts = {"input": [5], "output": [2, 1]}
    >>> work = count_work(lif_wta([[1.0, 3.0]]), counts=counts, steps=10)
    >>> work.effective_ac, work.dense  # 5*2 through the input's weights, 3*1 through the lateral ones
    (13.0, 60.0)
    """
    if recording is not None:
        counts, dt = recording.counts, float(recording.dt)
        steps = round(float(recording.duration) / dt)
    if counts is None or steps is None or steps < 1 or presentations < 1:
        raise ValueError("count_work: give a recording, or counts and at least 1 step; and at least 1 presentation.")
    fired = _checked(circuit, counts)
    outside = inputs(circuit)
    dense = mac = 0.0
    per_projection: dict[str, float] = {}
    learning = dict.fromkeys(vars(Plasticity()), 0.0)
    for name, projection in circuit.projections.items():
        there = synapses(circuit, name)
        dense += there.size * steps
        if projection.summed:
            per_projection[name] = float(there.sum()) * steps
            mac += per_projection[name]
        else:
            per_projection[name] = float(fired[projection.pre] @ there.sum(axis=1))
        if projection.rule is not None:
            for reason, number in _learning(
                projection, projection.rule, there, fired, steps, presentations, dt
            ).items():
                learning[reason] += number
    learning["traces"] = sum(_traces(circuit, name, fired, steps, dt) for name in circuit.populations)
    own = [name for name in circuit.populations if name not in outside]
    return Workload(
        steps=float(steps),
        presentations=float(presentations),
        spikes=float(sum(fired[name].sum() for name in own if name in fired)),
        input_spikes=float(sum(fired[name].sum() for name in outside if name in fired)),
        activation_sparsity=activation_sparsity(circuit, fired, steps),
        dense=dense,
        effective_ac=sum(per_projection.values()) - mac,
        effective_mac=mac,
        neuron_updates=float(sum(circuit.populations[name].size for name in own)) * steps,
        plasticity=Plasticity(**learning),
        per_projection=Frozen(per_projection),
    )


def activation_sparsity(circuit: Circuit, counts: Mapping[str, Any], steps: int) -> float:
    """Return the share of neurons and steps without a spike, over spiking neurons that are no inputs.

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> activation_sparsity(lif_wta([[1.0, 3.0]]), {"input": [5], "output": [2, 1]}, 10)
    0.85
    """
    outside = inputs(circuit)
    spiking = [n for n, p in circuit.populations.items() if p.model.threshold and n not in outside]
    places = sum(circuit.populations[name].size for name in spiking) * steps
    return 1 - float(sum(np.sum(counts[name]) for name in spiking)) / places if places else 1.0


def _learning(
    projection: Projection,
    rule: PlasticityRule,
    there: Any,
    fired: Mapping[str, Int],
    steps: int,
    presentations: int,
    dt: float | None,
) -> dict[str, float]:
    number = float(there.sum())
    epochs = _epochs(rule, steps, dt)
    continuous = bool(text.differential(rule.synapse)) or (bool(rule.update) and not epochs)
    return {
        "on_pre": float(fired[projection.pre] @ there.sum(axis=1)) if rule.on_pre else 0.0,
        "on_post": float(there.sum(axis=0) @ fired[projection.post]) if rule.on_post else 0.0,
        "every_step": number * steps if continuous else 0.0,
        "epoch": number * epochs if rule.update else 0.0,
        "onset": number * presentations if rule.onset else 0.0,
    }


def _traces(circuit: Circuit, name: str, fired: Mapping[str, Int], steps: int, dt: float | None) -> float:
    """Return how often the traces of a population change: by spikes, by epochs, and by decay at every step."""
    total, size = 0.0, circuit.populations[name].size
    for each in circuit.traces(name):
        declared, rule = text.variables(each.equations).keys(), each.rule
        raised, ended = (
            len(declared & {s.variable for s in text.statements(part)}) for part in (each.spike, each.epoch)
        )
        total += raised * float(fired[name].sum()) if name in fired else 0.0
        total += ended * size * _epochs(rule, steps, dt)
        total += len(text.differential(each.equations)) * size * steps
    return total


def _epochs(rule: PlasticityRule, steps: int, dt: float | None) -> float:
    """Return how many learning epochs a run has; 0 for a rule that has none."""
    if not rule.epoch:
        return 0.0
    if dt is None:
        raise ValueError(f"count_work: rule {rule.name} learns in epochs, so dt is needed.")
    return float(steps // round(float(rule.parameters[rule.epoch]) / dt))


def _checked(circuit: Circuit, counts: Mapping[str, Any]) -> dict[str, Int]:
    fired = {}
    for name, population in circuit.populations.items():
        if not population.model.threshold:
            continue
        if name not in counts:
            raise ValueError(f"count_work: there are no counts of population {name}.")
        fired[name] = np.asarray(counts[name], np.int64)
        if fired[name].shape != (population.size,):
            raise ValueError(
                f"count_work: {name} needs one count per neuron, shape {(population.size,)}, got {fired[name].shape}."
            )
    return fired
