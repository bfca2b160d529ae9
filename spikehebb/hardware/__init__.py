"""Chips: what they can hold, whether a circuit fits, and what becomes of it there."""

from spikehebb.hardware.cores import Share, Split, split
from spikehebb.hardware.fits import Problem, check
from spikehebb.hardware.fixed import Rounding, levels, saturate, whole
from spikehebb.hardware.learning import Constrained, constrain
from spikehebb.hardware.rounding import Quantized, Rounded, quantize
from spikehebb.hardware.sums import SumOfProducts, problems, sum_of_products
from spikehebb.hardware.targets import TARGETS, find
from spikehebb.hardware.values import SIGNS, VOCABULARY, Limit, Target

__all__ = [
    "SIGNS",
    "TARGETS",
    "VOCABULARY",
    "Constrained",
    "Limit",
    "Problem",
    "Quantized",
    "Rounded",
    "Rounding",
    "Share",
    "Split",
    "SumOfProducts",
    "Target",
    "check",
    "constrain",
    "find",
    "levels",
    "problems",
    "quantize",
    "saturate",
    "split",
    "sum_of_products",
    "whole",
]
