"""From trained SoftHebb networks to spiking ones."""

from spikehebb.conversion.lif_form import lif_network, lif_settings
from spikehebb.conversion.network import SpikingNetwork, Stage, Timing
from spikehebb.conversion.network_file import load_converted, save_converted
from spikehebb.conversion.present import Presented, present, seed_of, vote_counts
from spikehebb.conversion.to_spiking import assemble, competition, folded, gains, timing_for, to_spiking
from spikehebb.conversion.unroll import Size, size, unrolled
from spikehebb.conversion.winners import Winners, winners

__all__ = [
    "Presented",
    "Size",
    "SpikingNetwork",
    "Stage",
    "Timing",
    "Winners",
    "assemble",
    "competition",
    "folded",
    "gains",
    "lif_network",
    "lif_settings",
    "load_converted",
    "present",
    "save_converted",
    "seed_of",
    "size",
    "timing_for",
    "to_spiking",
    "unrolled",
    "vote_counts",
    "winners",
]
