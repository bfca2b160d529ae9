"""What a network achieves and what it costs, in NeuroBench's terms: the task, the network at rest, and its work.

Yik et al., The NeuroBench framework for benchmarking neuromorphic computing algorithms and systems, Nature
Communications 16:1545, 2025. Beyond it, the operations of learning are counted.
"""

from spikehebb.metrics.energy import TABLES, Cost, Costs, Energy, Item, estimate_energy, find_costs
from spikehebb.metrics.health import Learned, health
from spikehebb.metrics.static import Footprint, connection_sparsity, degrees, footprint, inputs, synapses
from spikehebb.metrics.vote import (
    NONE,
    accuracy,
    class_profile,
    class_vote,
    confusion,
    fit_linear,
    likelihood_vote,
    neuron_labels,
    predict_linear,
    soft_vote,
    vote,
)
from spikehebb.metrics.workload import Plasticity, Workload, activation_sparsity, count_work

__all__ = [
    "NONE",
    "TABLES",
    "Cost",
    "Costs",
    "Energy",
    "Footprint",
    "Item",
    "Learned",
    "Plasticity",
    "Workload",
    "accuracy",
    "activation_sparsity",
    "class_profile",
    "class_vote",
    "confusion",
    "connection_sparsity",
    "count_work",
    "degrees",
    "estimate_energy",
    "find_costs",
    "fit_linear",
    "footprint",
    "health",
    "inputs",
    "likelihood_vote",
    "neuron_labels",
    "predict_linear",
    "soft_vote",
    "synapses",
    "vote",
]
