"""Pictures: functions that return a matplotlib figure, and ``save``."""

from spikehebb.plot.digits import confusion, digit_pictures, learning_curve, raster, receptive_fields
from spikehebb.plot.files import save
from spikehebb.plot.fit import data_under_window, failed_fit, fitted_window
from spikehebb.plot.rules import frequency_response, gallery, replay, stdp_window

__all__ = [
    "confusion",
    "data_under_window",
    "digit_pictures",
    "failed_fit",
    "fitted_window",
    "frequency_response",
    "gallery",
    "learning_curve",
    "raster",
    "receptive_fields",
    "replay",
    "save",
    "stdp_window",
]
