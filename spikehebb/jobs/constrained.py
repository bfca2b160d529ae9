"""A circuit that learns images, as it learns under the limits of a chip."""

from __future__ import annotations

from typing import cast

import numpy as np
from brian2 import ms

from spikehebb import equations, hardware
from spikehebb.core import Circuit
from spikehebb.hardware import Constrained, Rounding, constrain
from spikehebb.jobs.digit_settings import Settings

BRIGHTEST = 0.25  # of an image's length, that an input has at most


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
    inward, own = (circuit.populations[name].model.parameters for name in ("input", "output"))
    ranges = {}
    if "u" in equations.variables(rule.needs_post):
        # As large as the potential becomes; then up to twice as large, so that a power of 2 lies between the units
        # of x1 and u*w and both products have the same mantissa: their ratio sets the length of the weights.
        if "max_rate" not in inward or "tau_m" not in own:
            raise ValueError(
                f"rule {rule.name} reads the potential u, and on a chip its largest value must be known, which follows "
                f"from max_rate of the input and tau_m of the output; circuit {circuit.name} lacks one."
            )
        rate, tau = (
            (settings.max_rate_hz, settings.tau_m_ms / 1000)
            if settings.circuit == "soft_wta"
            else (float(inward["max_rate"]), float(own["tau_m"]))
        )
        largest = 1.6 * rate * tau
        bits = chip.value("weight_bits")
        top = hardware.levels(bits, negative=False, positive=True)[1] if bits else settings.w_max
        per_step = spikes / (settings.w_max / top)
        ranges["u"] = per_step * 2.0 ** np.ceil(np.log2(largest / per_step))
    elif "level" in rule.parameters and "max_rate" in inward:
        # The trace counts the spikes of a presentation; the brightest inputs are a quarter of the image's length.
        ranges["x1"] = max(spikes, BRIGHTEST * float(inward["max_rate"]) * settings.presentation_ms / 1000)
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
