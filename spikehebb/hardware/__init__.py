"""Chips: what they can hold, whether a circuit fits, and what becomes of it there."""

from spikehebb.hardware.targets import TARGETS, find
from spikehebb.hardware.values import SIGNS, VOCABULARY, Limit, Target

__all__ = ["SIGNS", "TARGETS", "VOCABULARY", "Limit", "Target", "find"]
