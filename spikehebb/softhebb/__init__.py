"""SoftHebb, the rate-based original: networks, training without labels, readouts, files.

Journe, Garcia Rodriguez, Guo and Moraitis, Hebbian Deep Learning Without Feedback, ICLR 2023 (arXiv 2209.11883). Where
the paper and the authors' code differ, this follows the code, which gave the published accuracies.
"""

from spikehebb.softhebb.model import Model, Weights
from spikehebb.softhebb.model_file import load_model, save_model
from spikehebb.softhebb.network import Layer, Network, Pool, Readout, Training
from spikehebb.softhebb.presets import Preset, find, presets

__all__ = [
    "Layer",
    "Model",
    "Network",
    "Pool",
    "Preset",
    "Readout",
    "Training",
    "Weights",
    "find",
    "load_model",
    "presets",
    "save_model",
]
