"""Where the traces of a rule live in a circuit, and what they are called there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb import equations as text
from spikehebb.core.models import PlasticityRule

_IN_SYNAPSES = {"pre": "arrived", "post": "backpropagated"}  # what traces of the neurons' spikes are called there
_TIMES = ("t", "xi", "rand", "randn", "poisson", "binomial")  # what an equation between two spikes cannot read


@dataclass(frozen=True, kw_only=True, eq=False)
class Traces:
    """What the rule of a projection keeps in the neurons of one side.

    Parameters
    ----------
    projection, side : str
        ``pre`` or ``post``.
    rule : PlasticityRule
    names : mapping of str to str
        What each trace of the rule, and each parameter that these neurons hold for it, is called in them.
    """

    projection: str
    side: str
    rule: PlasticityRule
    names: Mapping[str, str]

    def own(self, code: str) -> str:
        """Return a text of the rule with the names of these neurons."""
        return text.renamed(code, self.names)

    @property
    def equations(self) -> str:
        """The equations of the traces."""
        return self.own(getattr(self.rule, self.side))

    @property
    def spike(self) -> str:
        """What a spike does to the traces."""
        return self.own(self.rule.statements(self.side)[0])

    @property
    def epoch(self) -> str:
        """What the end of a learning epoch does to the traces."""
        return self.own(self.rule.statements(self.side)[1])

    @property
    def keeps(self) -> tuple[str, ...]:
        """The traces that outlive a presentation."""
        return tuple(self.names[name] for name in self.rule.keeps if name in self.names)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that the neurons hold, by their names there."""
        return {self.names[name]: value for name, value in self.rule.held(self.side).items()}


def held(rule: PlasticityRule, side: str) -> set[str]:
    """Return the traces and parameters of a rule that live in the neurons of one side."""
    return {*text.variables(getattr(rule, side)), *rule.held(side)}


def synapse_texts(rule: PlasticityRule, names: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return what a rule says of its synapses, with the names of the neurons' variables in a circuit.

    Parameters
    ----------
    rule : PlasticityRule
    names : mapping of str to mapping
        By side: what the traces and parameters are called that its neurons hold. A side that is left out holds none:
        its traces live in the synapses, where they are integrated from one spike to the next.
    """
    fields = ("synapse", "on_pre", "on_post", "update")
    texts = {name: getattr(rule, name) for name in fields} | {f"onset{n}": code for n, code in enumerate(rule.onset)}
    reading: dict[str, str] = {}
    for side in ("post", "pre"):  # a parameter that both hold is read in the presynaptic neuron
        for name, own in names.get(side, {}).items():
            reading |= {name if name in rule.parameters else f"{name}_{side}": f"{own}_{side}"}
    inside = [side for side in ("pre", "post") if side not in names]
    for side in inside:
        reading |= {f"{trace}_{side}": in_synapses(trace, side) for trace in text.variables(getattr(rule, side))}
    texts = {name: text.renamed(code, reading) for name, code in texts.items()}
    for side in inside:
        there = {trace: in_synapses(trace, side) for trace in text.variables(getattr(rule, side))}
        there |= {name: f"{name}_{side}" for name in text.variables(getattr(rule, f"needs_{side}"))}
        there |= {name: own for name, own in reading.items() if name in rule.parameters}
        equations = text.renamed(_event_driven(getattr(rule, side)), there)
        texts["synapse"] = text.joined(texts["synapse"], equations)
        spike = text.renamed(rule.statements(side)[0], there)
        if side == "pre":
            texts["on_pre"] = text.joined(texts["on_pre"], spike)
        else:  # apart, because of coincident spikes the presynaptic one reads these traces from before
            texts["on_post_late"] = spike
        zeros = [text.zero(equations, there[n]) for n in text.differential(getattr(rule, side)) if n not in rule.keeps]
        if zeros:
            texts[f"onset_{side}"] = "\n".join(zeros)
    return texts


def in_synapses(trace: str, side: str) -> str:
    """Return what a trace of one side is called where it lives in the synapses.

    Examples
    --------
    >>> in_synapses("x1", "pre"), in_synapses("y1", "post")
    ('x1_arrived', 'y1_backpropagated')
    """
    return f"{trace}_{_IN_SYNAPSES[side]}"


def _event_driven(equations: str) -> str:
    lines = text.statements(equations)
    return "\n".join(str(dataclasses.replace(e, flags=("event-driven",)) if e.derivative else e) for e in lines)


def check_places(owner: str, rule: PlasticityRule, neurons: Mapping[str, int], synapses: int) -> None:
    """Raise ``ValueError`` unless what a rule keeps can live where it shall.

    Parameters
    ----------
    owner : str
        Of the projection; every message begins with it.
    rule : PlasticityRule
    neurons : mapping of str to int
        By side, ``pre`` and ``post``: how many neurons hold its traces there. Those of other sides live in synapses.
    synapses : int
    """
    for side in (each for each in ("pre", "post") if each not in neurons):
        _check_in_synapses(owner, rule, side)
    for name, value in rule.parameters.items():
        holders = {f"{side}synaptic neuron": size for side, size in neurons.items() if name in rule.held(side)}
        for holder, size in (holders or {"synapse": synapses}).items():
            if np.shape(value) not in ((), (size,)):
                raise ValueError(
                    f"{owner}: {name} of rule {rule.name} must be one number, or one for each of {size} {holder}s, got "
                    f"an array of the shape {np.shape(value)}."
                )


def _check_in_synapses(owner: str, rule: PlasticityRule, side: str) -> None:
    """Raise ``ValueError`` unless the traces of one side can live in the synapses.

    There they are computed when a spike comes, so that nothing may read them, or drive them, at any other time.
    """
    equations, needs = getattr(rule, side), text.variables(getattr(rule, f"needs_{side}"))
    moving = {each.variable for each in text.statements(equations) if each.operator}
    sums = set(text.summed(rule.synapse, side))
    read = text.used(rule.synapse, rule.update, *rule.onset) & {f"{name}_{side}" for name in moving}
    driven = text.used(equations) & {*needs, *_TIMES}
    reason = ""
    if read:
        reason = f"reads {_listed(read)} between spikes"
    elif driven or not text.is_linear(equations):
        reason = f"has {side}synaptic traces that do not just decay between spikes ({', '.join(sorted(moving))})"
    elif sums or rule.statements(side)[1] or (side == "post" and text.used(rule.update_if) & {*moving}):
        reason = f"computes with {side}synaptic traces at other times than at spikes"
    elif any(each.flags for each in text.statements(equations) if each.derivative):
        reason = f"has {side}synaptic traces that depend on the state of the neuron"
    if reason:
        what = "delay" if side == "pre" else "dendritic_delay"
        raise ValueError(
            f"{owner}: rule {rule.name} {reason}, and with a {what} for each synapse they are known at spikes only; "
            f"give one {what} for all, or split the projection by delay."
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
