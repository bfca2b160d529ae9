"""The LIF form of a converted network, as its file keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from brian2 import Hz, ms

from spikehebb.circuits.lif import Inhibition, lif_wta, with_votes
from spikehebb.conversion.network import SpikingNetwork
from spikehebb.conversion.to_spiking import folded
from spikehebb.core import Circuit
from spikehebb.encoders import regular
from spikehebb.reading import check, printable
from spikehebb.softhebb import Model

_NUMBERS = ("gain", "strength", "drive", "tau_m_ms")
MOST_CLASSES = 10_000


def lif_settings(calibration: Mapping[str, Any], labels: Sequence[int]) -> dict[str, Any]:
    """Return what a file keeps of the LIF form: its calibrated numbers, and the class of every neuron."""
    settings = {name: calibration[name] for name in ("inhibition", *_NUMBERS)}
    return {**settings, "labels": [int(label) for label in labels]}


def check_lif(settings: Any, units: int) -> None:
    """Raise ``ValueError`` unless a file's settings of the LIF form are valid."""
    if not isinstance(settings, Mapping) or set(settings) != {"inhibition", "labels", *_NUMBERS}:
        raise ValueError("its LIF form has other settings than this version writes; convert the network again.")
    check(settings, {"inhibition": str, "labels": [int], **dict.fromkeys(_NUMBERS, float)}, "its LIF form")
    if settings["inhibition"] not in get_args(Inhibition):
        raise ValueError(f"its LIF form has an inhibition {printable(repr(settings['inhibition']))}.")
    for name in _NUMBERS:
        if not abs(settings[name]) < 1e18 or (name in ("gain", "tau_m_ms") and not settings[name] > 0):
            raise ValueError(f"its LIF form has {name} {settings[name]!r}, which no calibration gives.")
    labels = settings["labels"]
    whole = all(0 <= each < MOST_CLASSES for each in labels)
    if not whole or len(labels) != units:
        raise ValueError(f"its LIF form needs {units} labels from 0, one for each unit.")


def lif_network(model: Model, network: SpikingNetwork) -> Circuit:
    """Return the LIF form of a network that was converted with ``lif``: ``lif_wta`` and a readout that counts votes.

    Raises
    ------
    ValueError
        If it was converted to other neurons.
    """
    settings = network.header.get("lif")
    if settings is None:
        raise ValueError("the network was not converted to LIF neurons; convert it with --neurons lif.")
    weights, bias = folded(model, 0)
    circuit = lif_wta(
        weights,
        bias=bias,
        inhibition=settings["inhibition"],
        encoder=regular.with_parameters(max_rate=network.timing.input_rate_hz * Hz),
        gain=settings["gain"],
        strength=settings["strength"],
        drive=settings["drive"],
        tau_m=settings["tau_m_ms"] * ms,
    )
    labels = np.asarray(settings["labels"])
    return with_votes(circuit, labels, int(labels.max()) + 1)
