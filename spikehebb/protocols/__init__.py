"""Stimulation plans."""

from spikehebb.protocols.images import movies as movies
from spikehebb.protocols.images import presentations as presentations
from spikehebb.protocols.spikes import TAIL as TAIL
from spikehebb.protocols.spikes import ending as ending
from spikehebb.protocols.spikes import pairing as pairing
from spikehebb.protocols.spikes import poisson_trains as poisson_trains
from spikehebb.protocols.spikes import quadruplets as quadruplets
from spikehebb.protocols.spikes import spike_trains as spike_trains
from spikehebb.protocols.spikes import theta_bursts as theta_bursts
from spikehebb.protocols.spikes import triplets as triplets
