"""The jobs, as functions: windows and replays of a rule, learning digits, scoring what was learned."""

from spikehebb.experiments.digits import DigitRun, evaluate, learn_digits, some_presentations
from spikehebb.experiments.fitting import Estimate, Fit, FitError, fit
from spikehebb.experiments.replays import Replay, replay
from spikehebb.experiments.saved import load_digits, versions
from spikehebb.experiments.settings import Settings
from spikehebb.experiments.softhebb import SoftHebbRun, evaluate_softhebb, train_softhebb
from spikehebb.experiments.softhebb_import import import_softhebb
from spikehebb.experiments.windows import FrequencyResponse, Window, frequency_response, stdp_window, weight_changes

__all__ = [
    "DigitRun",
    "Estimate",
    "Fit",
    "FitError",
    "FrequencyResponse",
    "Replay",
    "Settings",
    "SoftHebbRun",
    "Window",
    "evaluate",
    "evaluate_softhebb",
    "fit",
    "frequency_response",
    "import_softhebb",
    "learn_digits",
    "load_digits",
    "replay",
    "some_presentations",
    "stdp_window",
    "train_softhebb",
    "versions",
    "weight_changes",
]
