"""Neurons and learning rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikehebb import equations as text
from spikehebb.core import display
from spikehebb.core.brian2_text import Brian2Text
from spikehebb.core.roles import check_roles, check_values, roles_of
from spikehebb.core.values import Frozen, Parameters, Reference, dimensions, frozen_parameters, with_parameters


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronModel:
    """A neuron as Brian2 text.

    Parameters
    ----------
    name, summary, reference : str
        What it is called, in one line what it is, and where it comes from.
    equations : str
        Brian2 model equations, parameters left out.
    parameters : mapping of str to number or Quantity
        Each with its default; the unit of the default is the unit of the parameter. An array gives every neuron
        a value of its own.
    roles : mapping of str to str
        What parameters mean, where name and unit do not say it, as in a ``PlasticityRule``.
    threshold, reset, refractory : str
        As Brian2 takes them; no threshold means that it does not spike.
    receive : str
        What a spike that arrives through a weight ``w`` does, for example ``v_post += w*mV``.
    needs_pre : str
        Variables of the presynaptic neuron that ``receive`` reads (with the suffix ``_pre``), as declarations.
    onset : str
        What happens at the onset of each presentation: a reset.
    frame : str
        What happens when a row of the stimulus begins to be presented, after ``onset``: at the onset of each
        presentation, and at each further frame of a presentation that has several. ``stimulus(t, i)`` is the value
        presented to neuron ``i``.
    update : str
        Statements executed at every step after the continuous projections onto this population.
    method : str
        Brian2's integration method.
    frozen : mapping of str to number or Quantity
        Parameters of a frozen network, where neurons adapt beyond a presentation: with these they stay as they are.

    Raises
    ------
    ValueError
        If the text does not parse, uses an unknown name or mixes units.
    """

    name: str
    summary: str = ""
    equations: str = ""
    parameters: Parameters = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    threshold: str = ""
    reset: str = ""
    refractory: str = ""
    receive: str = ""
    needs_pre: str = ""
    onset: str = ""
    frame: str = ""
    update: str = ""
    method: str = "exact"
    frozen: Parameters = field(default_factory=dict)
    reference: str = ""

    def __post_init__(self) -> None:
        owner = f"neuron {self.name}"
        object.__setattr__(self, "frozen", frozen_parameters(owner, self.frozen))
        object.__setattr__(self, "parameters", frozen_parameters(owner, self.parameters))
        object.__setattr__(self, "roles", Frozen(self.roles))
        check_roles(owner, self.parameters, self.roles)
        check_values(owner, self.parameters, self.meaning)
        text.check_parameters(owner, self.frozen, self.parameters)
        check_values(owner, self.frozen, self.meaning)
        known = dimensions(self.parameters)
        text.check_equations(owner, self.equations, self.needs_pre)
        resting = {"not_refractory": text.DIMENSIONLESS, "lastspike": text.TIME} if self.refractory else {}
        text.check_text(
            owner,
            equations=self.equations,
            conditions=[self.threshold] if self.threshold else [],
            blocks=[self.reset, self.onset, self.frame, self.update],
            known=known | resting,
            stimuli=True,
        )
        own = text.variables(self.equations)
        text.check_names(owner, [*self.parameters, *own])
        text.check_apart(owner, parameters=self.parameters, variables=own)
        text.check_method(owner, self.method, self.equations)
        if self.refractory:
            rests = text.DIMENSIONLESS if text.is_condition(self.refractory, self.equations) else text.TIME
            text.check_text(owner, expressions=[(self.refractory, rests)], known=known | own | resting, stimuli=True)
        text.check_text(owner, equations=self.needs_pre, known=known)
        read = {f"{n}_post": d for n, d in known.items()}
        read |= {f"{n}_pre": d for n, d in text.variables(self.needs_pre).items()}
        text.check_text(
            owner,
            blocks=[self.receive],
            known=read | {"w": text.DIMENSIONLESS},
            settable={f"{n}_post": d for n, d in own.items()},
            synapse=True,
        )

    @property
    def meaning(self) -> dict[str, str]:
        """The role of every parameter."""
        return roles_of(self.parameters, self.roles)

    def with_parameters(self, /, **changes: Any) -> NeuronModel:
        """Return the same neuron with other parameter values."""
        changed: NeuronModel = with_parameters(self, f"neuron {self.name}", changes)
        return changed

    def brian2(self) -> dict[str, Any]:
        """Return the keyword arguments that ``brian2.NeuronGroup`` takes besides ``N``, for a script of your own.

        Examples
        --------
        >>> from spikehebb.neurons import lif
        >>> sorted(lif.brian2())
        ['method', 'model', 'namespace', 'refractory', 'reset', 'threshold']
        """
        said = {name: text.joined(getattr(self, name)) for name in ("threshold", "reset", "refractory")}
        spiking = {name: said[name] for name in ("threshold", "reset") if self.threshold}
        resting = {"refractory": said["refractory"]} if self.refractory else {}
        return {
            "model": text.joined(self.equations),
            "method": self.method,
            "namespace": dict(self.parameters),
            **spiking,
            **resting,
        }

    __repr__ = display.one_line
    _repr_html_ = display.html


@dataclass(frozen=True, kw_only=True, eq=False)
class PlasticityRule:
    """A learning rule as Brian2 text that says where each variable lives.

    Within one time step the order is: neurons are integrated and sums are formed; then the rule's continuous
    equations and ``update``; then ``on_post`` in the synapses of the neurons that spiked, then arriving spikes with
    ``on_pre``, then ``pre_spike`` and ``post_spike``. So a postsynaptic spike reads the potential that caused it,
    and at coincident spikes each side reads the other's traces from before the coincidence.

    Parameters
    ----------
    name, summary, ties : str
        What it is called, what it is, and what coincident spikes do.
    pre, post : str
        Equations of the traces that live in the presynaptic and in the postsynaptic neuron. Those with a
        differential equation start every presentation from 0, unless ``keeps`` names them.
    pre_spike, post_spike : str
        What a spike does to them: a presynaptic one when it arrives, a postsynaptic one when it is fired.
    synapse : str
        Equations of what lives in the synapse; ``w`` is among them. A differential equation is integrated at every
        step by ``method``; a ``(summed)`` variable of one side is the sum over that neuron's synapses.
    on_pre, on_post : str
        How ``w`` changes when a presynaptic spike arrives and when the postsynaptic neuron spikes.
    update : str
        Statements executed in every synapse at every step, after its equations; with ``epoch``, at the end of every
        epoch instead.
    update_if : str
        With ``epoch``: a condition on the postsynaptic neuron, for example ``spiked > 0``. Only the synapses of neurons
        for which it holds are updated, so that all others cost nothing.
    epoch : str
        The parameter, a time, that says how long a learning epoch is. It ends with its last step; what happened in an
        epoch that a run does not finish is not applied.
    pre_epoch, post_epoch : str
        Statements executed in the presynaptic and in the postsynaptic neuron at the end of every epoch, after
        ``update``.
    onset : tuple of str
        Statements executed in every synapse at the onset of each presentation, each for all synapses before the next.
    needs_pre, needs_post : str
        Variables that the presynaptic and the postsynaptic neuron must have, as Brian2 declarations (``u : 1``).
    keeps : tuple of str
        Traces that outlive a presentation.
    lag : str
        The parameter, a time, by which the rule sees a presynaptic spike later than the neuron does.
    parameters : mapping of str to number or Quantity
        Defaults with their units.
    roles : mapping of str to str
        What parameters mean, and so which values they can have, where name and unit do not say it: ``time constant``,
        ``duration``, ``amplitude``, ``learning rate``, ``rate``, ``factor`` (at least 0), ``scale`` (above 0), ``lower
        bound`` and ``upper bound`` of the weight, ``number`` (finite) or ``limit`` (a number or infinity). ``tau...``,
        ``A_...``, ``eta``, ``w_min``, ``w_max`` and times need none.
    method, trace_method : str
        Brian2's integration methods for the equations of the synapse and for those of neurons that carry the traces.
    reference : str
        Where equations and numbers come from.
    cites : tuple of Reference
        The works to cite.

    Raises
    ------
    ValueError
        If the text does not parse, has no ``w``, uses an unknown name or mixes units; if a parameter has a value that
        its role does not allow.
    """

    name: str
    summary: str = ""
    reference: str = ""
    parameters: Parameters = field(default_factory=dict)
    ties: str = ""
    pre: str = ""
    pre_spike: str = ""
    post: str = ""
    post_spike: str = ""
    synapse: str = "w : 1"
    on_pre: str = ""
    on_post: str = ""
    update: str = ""
    update_if: str = ""
    epoch: str = ""
    pre_epoch: str = ""
    post_epoch: str = ""
    onset: tuple[str, ...] = ()
    needs_pre: str = ""
    needs_post: str = ""
    keeps: tuple[str, ...] = ()
    lag: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    method: str = "euler"
    trace_method: str = "exact"
    cites: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        owner = f"rule {self.name}"
        object.__setattr__(self, "parameters", frozen_parameters(owner, self.parameters))
        object.__setattr__(self, "roles", Frozen(self.roles))
        for name in ("onset", "keeps", "cites"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_roles(owner, self.parameters, self.roles)
        check_values(owner, self.parameters, self.meaning)
        known = dimensions(self.parameters)
        text.check_equations(owner, self.pre, self.post, self.synapse, self.needs_pre, self.needs_post)
        text.check_names(owner, self.parameters)
        sides: dict[str, Any] = {}
        for side, needs in (("pre", self.needs_pre), ("post", self.needs_post)):
            text.check_text(owner, equations=needs, known=known)
            equations, wanted = getattr(self, side), text.variables(needs)
            text.check_text(owner, equations=equations, blocks=self.statements(side), known=known, settable=wanted)
            own = text.variables(equations)
            text.check_names(owner, own)
            text.check_apart(owner, parameters=self.parameters, traces=own, needs=wanted)
            text.check_method(owner, self.trace_method, equations)
            for name in text.summed(self.synapse, side):
                if name not in text.plain(equations) and name not in wanted:
                    raise ValueError(
                        f"{owner} sums into {name}_{side}, but its {side} equations declare no {name!r} for the sum."
                    )
            sides |= {f"{name}_{side}": dim for name, dim in (own | wanted).items()}
        if "w" not in text.variables(self.synapse):
            raise ValueError(f"{owner} has no weight: its synapse equations must declare 'w', as in 'w : 1'.")
        if (
            text.variables(self.synapse)["w"] != text.DIMENSIONLESS
            or text.number_type(self.synapse, "w") is not np.float64
        ):
            raise ValueError(f"{owner}: w must be a number without unit; the neuron gives it one (v_post += w*mV).")
        sums = {f"{name}_{side}" for side in ("pre", "post") for name in text.summed(self.synapse, side)}
        kept = text.variables(self.synapse).keys() - sums
        text.check_names(owner, kept)
        text.check_apart(owner, parameters=self.parameters, variables=kept)
        for side in ("pre", "post"):  # Brian2 would take one for the other
            text.check_apart(owner, variables=kept, traces=text.variables(getattr(self, side)))
        if text.is_shared(self.synapse, "w"):
            raise ValueError(f"{owner}: every synapse must have a weight of its own, and 'w' is shared.")
        text.check_method(owner, self.method, self.synapse)
        blocks = [self.on_pre, self.on_post, self.update, *self.onset]
        text.check_text(owner, equations=self.synapse, blocks=blocks, known=known, settable=sides, synapse=True)
        for name in self.keeps:
            if f"{name}_pre" not in sides and f"{name}_post" not in sides:
                raise ValueError(f"{owner} keeps {name!r}, which neither side declares.")
        for what, name, allowed in (("lag", self.lag, "at least 0"), ("epoch", self.epoch, "above 0")):
            if not name:
                continue
            if known.get(name) != text.TIME:
                raise ValueError(f"{owner}: its {what} {name!r} must be a parameter that is a time.")
            value = self.parameters[name]
            if np.ndim(value):
                raise ValueError(f"{owner}: its {what} {name} must be one time for all, got {text.said(value)}.")
            if not 0 <= float(value) < np.inf or (what == "epoch" and value == 0):
                raise ValueError(f"{owner}: {name} must be finite and {allowed}, got {text.said(value)}.")
        if (self.pre_epoch or self.post_epoch or self.update_if) and not self.epoch:
            raise ValueError(f"{owner} says what happens at the end of an epoch, but has no epoch; name the parameter.")
        if self.update_if:
            wanted = text.variables(self.needs_post)
            text.check_text(owner, equations=self.post, conditions=[self.update_if], known=known | wanted)

    @property
    def meaning(self) -> dict[str, str]:
        """The role of every parameter."""
        return roles_of(self.parameters, self.roles)

    def with_parameters(self, /, **changes: Any) -> PlasticityRule:
        """Return the same rule with other parameter values.

        Examples
        --------
        >>> from spikehebb.rules import RULES
        >>> RULES["stdp_pair"].with_parameters(A_plus=0.02).parameters["A_plus"]
        0.02
        """
        changed: PlasticityRule = with_parameters(self, f"rule {self.name}", changes)
        return changed

    def texts(self) -> dict[str, str]:
        """Return all that the rule says in words and equations, by field; what is empty, too."""
        return {name: value for name, value in vars(self).items() if isinstance(value, str)}

    def statements(self, side: str) -> tuple[str, str]:
        """Return what happens to the traces of one side, ``pre`` or ``post``: at a spike, and at an epoch's end."""
        return getattr(self, f"{side}_spike"), getattr(self, f"{side}_epoch")

    def held(self, side: str) -> dict[str, Any]:
        """Return the parameters that neurons of one side, ``pre`` or ``post``, hold because texts there read them."""
        condition = self.update_if if side == "post" else ""
        read = text.used(getattr(self, side), *self.statements(side), condition)
        return {name: value for name, value in self.parameters.items() if name in read}

    def reads(self, side: str) -> tuple[str, ...]:
        """Return the variables of one side, ``pre`` or ``post``, that the rule reads when it changes a weight."""
        read = text.used(self.synapse, self.on_pre, self.on_post, self.update)
        known = {**text.variables(getattr(self, side)), **text.variables(getattr(self, f"needs_{side}"))}
        return tuple(name for name in known if f"{name}_{side}" in read)

    def kept(self) -> tuple[str, ...]:
        """Return what every synapse keeps besides its weight: not what every block sets before it reads it."""
        blocks = (self.on_pre, self.on_post, self.update, *self.onset)
        read = text.used(*(each.expression for each in text.statements(self.synapse) if each.expression))
        passing = {name for name in text.assigned(*blocks) - read if all(_sets_first(block, name) for block in blocks)}
        return tuple(name for name in text.settable(self.synapse) if name not in {"w", *passing})

    def brian2(self, receive: str = "") -> Brian2Text:
        """Return the rule as text for a Brian2 script of your own.

        Parameters
        ----------
        receive : str
            What an arriving spike does, for example ``v_post += w*mV``; it runs before ``w`` changes.

        Examples
        --------
        >>> from spikehebb.rules import stdp_pair
        >>> parts = stdp_pair.brian2(receive="v_post += w*mV")
        >>> parts.pre_reset
        'x1 += 1'
        >>> sorted(parts.synapses)
        ['method', 'model', 'namespace', 'on_post', 'on_pre']
        """
        on_pre = {"pre": text.joined(receive), "plastic": text.joined(self.on_pre)}
        extra: dict[str, Any] = {}
        if self.lag:
            extra["delay"] = {"plastic": self.parameters[self.lag]}
        elif receive and self.on_pre:
            on_pre = {"pre": text.joined(receive, self.on_pre)}
        pathways = {"on_pre": {k: v for k, v in on_pre.items() if v}, "on_post": text.joined(self.on_post)}
        return Brian2Text(
            pre_model=text.joined(self.pre),
            pre_reset=text.joined(self.pre_spike),
            post_model=text.joined(self.post),
            post_reset=text.joined(self.post_spike),
            namespace=dict(self.parameters),
            synapses={
                "model": text.joined(self.synapse),
                "namespace": dict(self.parameters),
                "method": self.method,
                **{k: v for k, v in pathways.items() if v},
                **extra,
            },
        )

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot


def _sets_first(block: str, name: str) -> bool:
    """Return whether a block sets a variable before it reads it, or does neither."""
    for each in text.statements(block):
        if name in text.used(each.expression):
            return False
        if each.variable == name:
            return each.operator == "="
    return True
