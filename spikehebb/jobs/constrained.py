"""A circuit that learns images, as it learns under the limits of a chip."""

from __future__ import annotations

from typing import cast

import numpy as np
from brian2 import ms

from spikehebb import equations, hardware
from spikehebb.core import Circuit
from spikehebb.hardware import Constrained, Rounding, constrain
from spikehebb.jobs.digit_settings import Settings


def constrained(settings: Settings, circuit: Circuit, seed: int) -> Constrained:
    """Return a circuit of these settings as it learns under the limits of their target.

    Parameters
    ----------
    settings : Settings
    circuit : Circuit
        From ``build``.
    seed : int
        Of the rounding of its weights.
    """
    chip, spikes = settings.chip(), 4.0
    rule = settings.plasticity()
    ranges = {}
    if "u" in equations.variables(rule.needs_post):
        # As large as the potential becomes; then up to twice as large, so that a power of 2 lies between the units
        # of x1 and u*w and both products have the same mantissa: their ratio sets the length of the weights.
        largest = 1.6 * settings.max_rate_hz * settings.tau_m_ms / 1000
        bits = chip.value("weight_bits")
        top = hardware.levels(bits, negative=False, positive=True)[1] if bits else settings.w_max
        per_step = spikes / (settings.w_max / top)
        ranges["u"] = per_step * 2.0 ** np.ceil(np.log2(largest / per_step))
    return constrain(
        circuit,
        chip,
        epoch=settings.epoch_ms * ms,
        rounding=cast(Rounding, settings.rounding) if settings.rounding else None,
        w_max=settings.w_max,
        ranges=ranges,
        spikes=spikes,
        seed=seed,
    )
