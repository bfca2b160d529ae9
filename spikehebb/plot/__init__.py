"""Pictures: functions that return a matplotlib figure, and ``save``."""

from spikehebb.plot.digits import confusion, digit_pictures, learning_curve, raster, receptive_fields
from spikehebb.plot.files import save
from spikehebb.plot.rules import frequency_response, gallery, replay, stdp_window

__all__ = [
    "confusion",
    "digit_pictures",
    "frequency_response",
    "gallery",
    "learning_curve",
    "raster",
    "receptive_fields",
    "replay",
    "save",
    "stdp_window",
]
