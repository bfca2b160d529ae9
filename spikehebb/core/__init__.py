"""The values of the toolkit: neurons, rules, circuits, stimulation plans and what comes back from a run.

Every value is frozen and holds text, numbers with units and read-only arrays, nothing else. What the toolkit does
with them (simulate, export, measure, plot) is written as functions elsewhere.
"""

from spikehebb.core.circuit import Circuit, Population, Projection
from spikehebb.core.data import Images, Protocol, Recording, Spikes
from spikehebb.core.events import Events, Samples, images_only
from spikehebb.core.models import NeuronModel, PlasticityRule
from spikehebb.core.replicas import Replicas, replicas, replicas_of
from spikehebb.core.typeset import typeset
from spikehebb.core.values import Float, Frozen, Int, Parameters, Reference, check_finite, digest

__all__ = [
    "Circuit",
    "Events",
    "Float",
    "Frozen",
    "Images",
    "Int",
    "NeuronModel",
    "Parameters",
    "PlasticityRule",
    "Population",
    "Projection",
    "Protocol",
    "Recording",
    "Reference",
    "Replicas",
    "Samples",
    "Spikes",
    "check_finite",
    "digest",
    "images_only",
    "replicas",
    "replicas_of",
    "typeset",
]
