"""Chips: what they can hold, whether a circuit fits, and what becomes of it there."""

from spikehebb.hardware.check import Problem, check
from spikehebb.hardware.chips import TARGETS, find
from spikehebb.hardware.constrain import Constrained, constrain
from spikehebb.hardware.memristive import is_memristive, memristive
from spikehebb.hardware.mismatch import imperfect, log_normal
from spikehebb.hardware.placement import Share, Split, split
from spikehebb.hardware.quantize import Quantized, Rounded, quantize
from spikehebb.hardware.rounding import Rounding, levels, saturate, whole
from spikehebb.hardware.sum_of_products import SumOfProducts, problems, sum_of_products
from spikehebb.hardware.target import SIGNS, VOCABULARY, Limit, Target, read_limit

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
    "imperfect",
    "is_memristive",
    "levels",
    "log_normal",
    "memristive",
    "problems",
    "quantize",
    "read_limit",
    "saturate",
    "split",
    "sum_of_products",
    "whole",
]
