"""The jobs, as functions: windows and replays of a rule, learning digits, scoring what was learned."""

from spikehebb.experiments.advice import Advice, advise
from spikehebb.experiments.conversion import (
    ConversionRun,
    convert_softhebb,
    evaluate_converted,
    load_softhebb,
    trained_on,
)
from spikehebb.experiments.deep import DeepRun, learn_layers
from spikehebb.experiments.deep_settings import DeepSettings
from spikehebb.experiments.digits import DigitRun, learn_digits
from spikehebb.experiments.exporting import export_network, plain_network
from spikehebb.experiments.fitting import Estimate, Fit, FitError, fit
from spikehebb.experiments.on_chip import check_network, circuits_of, evaluate_on
from spikehebb.experiments.quantizing import limits_of, quantize_network
from spikehebb.experiments.replays import Replay, replay
from spikehebb.experiments.saved import load_digits, load_network, versions
from spikehebb.experiments.scoring import evaluate, some_presentations
from spikehebb.experiments.settings import Settings
from spikehebb.experiments.side_by_side import SideBySide, learn_side_by_side
from spikehebb.experiments.softhebb import SoftHebbRun, evaluate_softhebb, train_softhebb
from spikehebb.experiments.softhebb_import import import_softhebb
from spikehebb.experiments.starts import Start, load_start, start_from
from spikehebb.experiments.study import CHIP_RULE, study_bits, study_table
from spikehebb.experiments.windows import FrequencyResponse, Window, frequency_response, stdp_window, weight_changes

__all__ = [
    "CHIP_RULE",
    "Advice",
    "ConversionRun",
    "DeepRun",
    "DeepSettings",
    "DigitRun",
    "Estimate",
    "Fit",
    "FitError",
    "FrequencyResponse",
    "Replay",
    "Settings",
    "SideBySide",
    "SoftHebbRun",
    "Start",
    "Window",
    "advise",
    "check_network",
    "circuits_of",
    "convert_softhebb",
    "evaluate",
    "evaluate_converted",
    "evaluate_on",
    "evaluate_softhebb",
    "export_network",
    "fit",
    "frequency_response",
    "import_softhebb",
    "learn_digits",
    "learn_layers",
    "learn_side_by_side",
    "limits_of",
    "load_digits",
    "load_network",
    "load_softhebb",
    "load_start",
    "plain_network",
    "quantize_network",
    "replay",
    "some_presentations",
    "start_from",
    "stdp_window",
    "study_bits",
    "study_table",
    "train_softhebb",
    "trained_on",
    "versions",
    "weight_changes",
]
