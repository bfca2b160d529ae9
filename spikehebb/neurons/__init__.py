"""The catalogue of neurons, by name: all that the files of the folder define."""

# ruff: noqa: F403 (the names of a family are written in its own file alone)
from __future__ import annotations

from spikehebb.catalogue import collected
from spikehebb.core import NeuronModel
from spikehebb.neurons import distal_reward, integrate_and_fire, nir, outputs, stochastic, units
from spikehebb.neurons.distal_reward import *
from spikehebb.neurons.integrate_and_fire import *
from spikehebb.neurons.nir import *
from spikehebb.neurons.outputs import *
from spikehebb.neurons.stochastic import *
from spikehebb.neurons.units import *

NEURONS = collected(NeuronModel, *map(vars, (integrate_and_fire, stochastic, distal_reward, units, outputs, nir)))
