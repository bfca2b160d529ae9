"""A rule in the form that Brian2's own classes take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Brian2Text:
    """A rule in the form that Brian2's own classes take.

    To have coincident spikes treated as in this toolkit, write ``synapses.post.order = -2`` as well. ``update`` and
    ``onset`` of a rule, where it has them, go into ``synapses.run_regularly``.

    Parameters
    ----------
    pre_model, post_model : str
        Equations to add to the model of the presynaptic and of the postsynaptic ``NeuronGroup``.
    pre_reset, post_reset : str
        Statements to add to their ``reset``.
    namespace : dict
        The parameters, for both groups.
    synapses : dict
        The keyword arguments of ``Synapses`` besides the two groups.
    """

    pre_model: str
    pre_reset: str
    post_model: str
    post_reset: str
    namespace: Mapping[str, Any]
    synapses: Mapping[str, Any]
