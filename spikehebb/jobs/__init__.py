"""The jobs, as functions: windows and replays of a rule, learning digits, scoring what was learned."""

from spikehebb.jobs.advice import Advice, advise
from spikehebb.jobs.chips import check_network, circuits_of, evaluate_on
from spikehebb.jobs.convert_softhebb import (
    ConversionRun,
    convert_softhebb,
    evaluate_converted,
    load_softhebb,
    trained_on,
)
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.evaluate import evaluate, some_presentations
from spikehebb.jobs.export import export_network, plain_network
from spikehebb.jobs.fit import Estimate, Fit, FitError, fit
from spikehebb.jobs.import_softhebb import import_softhebb
from spikehebb.jobs.layer_settings import DeepSettings
from spikehebb.jobs.learn_digits import DigitRun, DigitRuns, learn_digits
from spikehebb.jobs.learn_layers import DeepRun, learn_layers
from spikehebb.jobs.learned import LearnedNetwork
from spikehebb.jobs.quantizing import limits_of, quantize_network
from spikehebb.jobs.replays import Replay, replay
from spikehebb.jobs.run import versions
from spikehebb.jobs.saved import load_digits, load_network
from spikehebb.jobs.start import Start, load_start, start_from
from spikehebb.jobs.study import CHIP_RULE, study_bits, study_table
from spikehebb.jobs.train_softhebb import SoftHebbRun, evaluate_softhebb, train_softhebb
from spikehebb.jobs.windows import FrequencyResponse, Window, frequency_response, stdp_window, weight_changes

__all__ = [
    "CHIP_RULE",
    "Advice",
    "ConversionRun",
    "DeepRun",
    "DeepSettings",
    "DigitRun",
    "DigitRuns",
    "Estimate",
    "Fit",
    "FitError",
    "FrequencyResponse",
    "LearnedNetwork",
    "Replay",
    "Settings",
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
