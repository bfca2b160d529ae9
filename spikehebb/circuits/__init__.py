"""Functions that return a circuit."""

from spikehebb.circuits.column import softmax_column, triangle_column
from spikehebb.circuits.lif import lif_wta
from spikehebb.circuits.pair import has_pair_form, synapse_pair
from spikehebb.circuits.rates import competing_rates, linear_rates, rewarded_rates, supervised_rates
from spikehebb.circuits.spiking import soft_wta

__all__ = [
    "competing_rates",
    "has_pair_form",
    "lif_wta",
    "linear_rates",
    "rewarded_rates",
    "soft_wta",
    "softmax_column",
    "supervised_rates",
    "synapse_pair",
    "triangle_column",
]
