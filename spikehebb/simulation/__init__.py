"""From a circuit and a protocol to a recording: plans, Brian2 networks, compiled programs, presentations."""

from spikehebb.simulation.present import presentation_counts
from spikehebb.simulation.simulate import prepare, simulate

__all__ = ["prepare", "presentation_counts", "simulate"]
