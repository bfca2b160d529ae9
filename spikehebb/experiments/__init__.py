"""The jobs, as functions: an STDP window, learning digits, scoring what was learned."""

from spikehebb.experiments.digits import DigitRun, evaluate, learn_digits, some_presentations
from spikehebb.experiments.saved import load_digits, versions
from spikehebb.experiments.settings import Settings
from spikehebb.experiments.windows import Window, stdp_window

__all__ = [
    "DigitRun",
    "Settings",
    "Window",
    "evaluate",
    "learn_digits",
    "load_digits",
    "some_presentations",
    "stdp_window",
    "versions",
]
