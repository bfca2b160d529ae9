"""Neurons and learning rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spikehebb import equations as text
from spikehebb.core.values import Parameters, dimensions, frozen_parameters, with_parameters


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
    threshold, reset, refractory : str
        As Brian2 takes them; no threshold means that it does not spike.
    receive : str
        What a spike that arrives through a weight ``w`` does, for example ``v_post += w*mV``.
    onset : str
        What happens at the onset of each presentation. ``stimulus(t, i)`` is the value presented to neuron ``i``.
    update : str
        Statements executed at every step after the continuous projections onto this population.
    method : str
        Brian2's integration method.

    Raises
    ------
    ValueError
        If the text does not parse, uses an unknown name or mixes units.
    """

    name: str
    summary: str
    equations: str = ""
    parameters: Parameters = field(default_factory=dict)
    threshold: str = ""
    reset: str = ""
    refractory: str = ""
    receive: str = ""
    onset: str = ""
    update: str = ""
    method: str = "exact"
    reference: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozen_parameters(self.parameters))
        known = dimensions(self.parameters)
        flags = {"not_refractory": text.DIMENSIONLESS, "lastspike": text.TIME} if self.refractory else {}
        text.check_text(
            f"neuron {self.name}",
            equations=self.equations,
            expressions=[(self.threshold, text.DIMENSIONLESS)] if self.threshold else [],
            statements=[self.reset, self.onset, self.update],
            known=known | flags,
        )
        own = {f"{n}_post": d for n, d in (known | text.variables(self.equations)).items()}
        text.check_text(f"neuron {self.name}", statements=[self.receive], known=own | {"w": text.DIMENSIONLESS})

    def with_parameters(self, **changes: Any) -> NeuronModel:
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
        spiking = {"threshold": self.threshold, "reset": self.reset} if self.threshold else {}
        resting = {"refractory": self.refractory} if self.refractory else {}
        return {
            "model": self.equations,
            "method": self.method,
            "namespace": dict(self.parameters),
            **spiking,
            **resting,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class PlasticityRule:
    """A learning rule as Brian2 text that says where each variable lives.

    Within one time step the order is: ``on_post`` in the synapses of the neurons that spiked, then arriving spikes
    with ``on_pre``, then ``pre_spike`` and ``post_spike`` in the neurons. So a postsynaptic spike reads the potential
    that caused it, and at coincident spikes each side reads the other's traces from before the coincidence.

    Parameters
    ----------
    name, summary, reference, ties : str
        What it is called, what it is, where it comes from, and what coincident spikes do.
    pre, post : str
        Equations of the traces that live in the presynaptic and in the postsynaptic neuron.
    pre_spike, post_spike : str
        What a neuron's own spike does to them.
    synapse : str
        Equations of what lives in the synapse; ``w`` is among them.
    on_pre, on_post : str
        How ``w`` changes when a presynaptic spike arrives and when the postsynaptic neuron spikes.
    needs : str
        Variables that the postsynaptic neuron must have, as Brian2 declarations (``u : 1``).
    parameters : mapping of str to number or Quantity
        Defaults with their units.

    Raises
    ------
    ValueError
        If the text does not parse, has no ``w``, uses an unknown name or mixes units.
    """

    name: str
    summary: str
    reference: str
    parameters: Parameters
    ties: str = ""
    pre: str = ""
    pre_spike: str = ""
    post: str = ""
    post_spike: str = ""
    synapse: str = "w : 1"
    on_pre: str = ""
    on_post: str = ""
    needs: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozen_parameters(self.parameters))
        owner, known = f"rule {self.name}", dimensions(self.parameters)
        text.check_text(owner, equations=self.pre, statements=[self.pre_spike], known=known)
        needs = text.variables(self.needs)
        text.check_text(owner, equations=self.post, statements=[self.post_spike], known=known | needs)
        if "w" not in text.variables(self.synapse):
            raise ValueError(f"{owner} has no weight: its synapse equations must declare 'w', as in 'w : 1'.")
        sides = {f"{n}_pre": d for n, d in text.variables(self.pre).items()}
        sides |= {f"{n}_post": d for n, d in (text.variables(self.post) | needs).items()}
        text.check_text(owner, equations=self.synapse, statements=[self.on_pre, self.on_post], known=known | sides)

    def with_parameters(self, **changes: Any) -> PlasticityRule:
        """Return the same rule with other parameter values.

        Examples
        --------
        >>> from spikehebb.rules import RULES
        >>> RULES["stdp_pair"].with_parameters(A_plus=0.02).parameters["A_plus"]
        0.02
        """
        changed: PlasticityRule = with_parameters(self, f"rule {self.name}", changes)
        return changed

    def brian2(self, receive: str = "") -> dict[str, Any]:
        """Return the keyword arguments that ``brian2.Synapses`` takes besides the groups, for a script of your own.

        The equations ``pre`` and ``post`` and the statements ``pre_spike`` and ``post_spike`` go into the neurons.

        Parameters
        ----------
        receive : str
            What an arriving spike does, for example ``v_post += w*mV``; it runs before ``w`` changes.
        """
        on_pre = "\n".join(filter(None, [receive, self.on_pre]))
        pathways = {k: v for k, v in {"on_pre": on_pre, "on_post": self.on_post}.items() if v}
        return {"model": self.synapse, "namespace": dict(self.parameters), **pathways}
