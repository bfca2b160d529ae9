from .association import association
from .circuit import circuit
from .compare import comparison
from .conversion import conversion_layers, conversion_pictures, fidelity
from .digits import confusion, digit_pictures, learning_curve, raster, receptive_fields
from .explore import explore
from .features import embedding, robustness, unit_patches
from .fit import data_under_window, failed_fit, fitted_window
from .results import draw, html, write
from .reward import rewards
from .rules import frequency_response, gallery, replay, stdp_window
from .runs import runs_along
from .save import COLUMNS, PALETTE, STYLE, save, styled
from .softhebb import (
    accuracy_by_layer,
    as_published,
    mean_patches,
    norm_histograms,
    readout_curve,
    softhebb_pictures,
    weight_images,
    winner_probability,
)
from .study import study

__all__ = [
    "COLUMNS",
    "PALETTE",
    "STYLE",
    "accuracy_by_layer",
    "as_published",
    "association",
    "circuit",
    "comparison",
    "confusion",
    "conversion_layers",
    "conversion_pictures",
    "data_under_window",
    "digit_pictures",
    "draw",
    "embedding",
    "explore",
    "failed_fit",
    "fidelity",
    "fitted_window",
    "frequency_response",
    "gallery",
    "html",
    "learning_curve",
    "mean_patches",
    "norm_histograms",
    "raster",
    "readout_curve",
    "receptive_fields",
    "replay",
    "rewards",
    "robustness",
    "runs_along",
    "save",
    "softhebb_pictures",
    "stdp_window",
    "study",
    "styled",
    "unit_patches",
    "weight_images",
    "winner_probability",
    "write",
]
