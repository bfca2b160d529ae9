"""The jobs, as functions: windows and replays of a rule, learning digits, scoring what was learned."""

from spikehebb.jobs.advice import Advice, advise
from spikehebb.jobs.check import check_network, limits_of
from spikehebb.jobs.convert_softhebb import ConversionRun, convert_softhebb
from spikehebb.jobs.converted import ConvertedNetwork
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.evaluate import evaluate, some_presentations
from spikehebb.jobs.export import export_network
from spikehebb.jobs.fit import Estimate, Fit, FitError, fit
from spikehebb.jobs.import_softhebb import import_softhebb
from spikehebb.jobs.layer_settings import DeepSettings
from spikehebb.jobs.learn_digits import DigitRun, DigitRuns, learn_digits
from spikehebb.jobs.learn_layers import DeepRun, learn_layers
from spikehebb.jobs.learned import LearnedNetwork
from spikehebb.jobs.lif import LifNetwork
from spikehebb.jobs.quantize import quantize_network
from spikehebb.jobs.rates import RateNetwork
from spikehebb.jobs.replays import Replay, replay
from spikehebb.jobs.run import versions
from spikehebb.jobs.start import Start
from spikehebb.jobs.study import CHIP_RULE, study_bits, study_table
from spikehebb.jobs.train_softhebb import SoftHebbRun, train_softhebb
from spikehebb.jobs.trained import Trained, load_start, read, save, trained_on
from spikehebb.jobs.windows import FrequencyResponse, Window, frequency_response, stdp_window, weight_changes

__all__ = [
    "CHIP_RULE",
    "Advice",
    "ConversionRun",
    "ConvertedNetwork",
    "DeepRun",
    "DeepSettings",
    "DigitRun",
    "DigitRuns",
    "Estimate",
    "Fit",
    "FitError",
    "FrequencyResponse",
    "LearnedNetwork",
    "LifNetwork",
    "RateNetwork",
    "Replay",
    "Settings",
    "SoftHebbRun",
    "Start",
    "Trained",
    "Window",
    "advise",
    "check_network",
    "convert_softhebb",
    "evaluate",
    "export_network",
    "fit",
    "frequency_response",
    "import_softhebb",
    "learn_digits",
    "learn_layers",
    "limits_of",
    "load_start",
    "quantize_network",
    "read",
    "replay",
    "save",
    "some_presentations",
    "stdp_window",
    "study_bits",
    "study_table",
    "train_softhebb",
    "trained_on",
    "versions",
    "weight_changes",
]
