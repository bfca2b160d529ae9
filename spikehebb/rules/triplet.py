"""The triplet rule of Pfister and Gerstner, with its published parameter sets. A set is a package: never mix two."""

from __future__ import annotations

import dataclasses

from brian2 import Quantity, ms

from spikehebb.core import PlasticityRule
from spikehebb.rules.references import cite

_TIES = (
    "Coincident spikes do not pair with each other; the slow traces x2 and y2 are read before their own spike. "
    "So a lone pair meets y2 = 0."
)
_SOURCE = "Pfister and Gerstner 2006, tables 3 and 4"

triplet_vc_full = PlasticityRule(
    name="triplet_vc_full",
    summary="Triplet STDP, visual cortex, all-to-all, full",
    pre="""
        dx1/dt = -x1/tau_plus : 1
        dx2/dt = -x2/tau_x : 1
    """,
    pre_spike="x1 += 1; x2 += 1",
    post="""
        dy1/dt = -y1/tau_minus : 1
        dy2/dt = -y2/tau_y : 1
    """,
    post_spike="y1 += 1; y2 += 1",
    on_pre="w = clip(w - y1_post*(A2_minus + A3_minus*x2_pre), w_min, w_max)",
    on_post="w = clip(w + x1_pre*(A2_plus + A3_plus*y2_post), w_min, w_max)",
    parameters={
        "A2_plus": 5e-10,
        "A3_plus": 6.2e-3,
        "A2_minus": 7e-3,
        "A3_minus": 2.3e-4,
        "tau_plus": 16.8 * ms,
        "tau_minus": 33.7 * ms,
        "tau_x": 101 * ms,
        "tau_y": 125 * ms,
        "w_min": 0.0,
        "w_max": float("inf"),
    },
    ties=_TIES,
    reference=f"{_SOURCE}; w in units of its value at the start",
    cites=cite("pfister2006"),
)

# In the minimal sets A3_minus is 0, so that tau_x has no effect.
_UNUSED = 100 * ms


def _published(
    name: str,
    summary: str,
    A2_plus: float,
    A3_plus: float,
    A2_minus: float,
    A3_minus: float,
    tau_x: Quantity,
    tau_y: Quantity,
    *,
    nearest: bool = False,
    verified: bool = True,
) -> PlasticityRule:
    """Return the rule with another set; with nearest spikes traces are set to 1 and not raised by 1."""
    changed = triplet_vc_full.with_parameters(
        A2_plus=A2_plus, A3_plus=A3_plus, A2_minus=A2_minus, A3_minus=A3_minus, tau_x=tau_x, tau_y=tau_y
    )
    source = _SOURCE if verified else f"{_SOURCE}; these numbers have not been checked against the paper"
    return dataclasses.replace(
        changed,
        name=name,
        summary=f"Triplet STDP, {summary}",
        reference=f"{source}; w in units of its value at the start",
        pre_spike="x1 = 1; x2 = 1" if nearest else changed.pre_spike,
        post_spike="y1 = 1; y2 = 1" if nearest else changed.post_spike,
    )


triplet_vc_minimal = _published(
    "triplet_vc_minimal", "visual cortex, all-to-all, minimal", 0.0, 6.5e-3, 7.1e-3, 0.0, _UNUSED, 114 * ms
)
triplet_vc_nearest_full = _published(
    "triplet_vc_nearest_full",
    "visual cortex, nearest spike, full",
    *(8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3),
    tau_x=714 * ms,
    tau_y=40 * ms,
    nearest=True,
)
triplet_vc_nearest_minimal = _published(
    "triplet_vc_nearest_minimal",
    "visual cortex, nearest spike, minimal",
    *(0.0, 5e-2, 8e-3, 0.0),
    tau_x=_UNUSED,
    tau_y=40 * ms,
    nearest=True,
    verified=False,
)
triplet_hc_full = _published(
    "triplet_hc_full", "hippocampus, all-to-all, full", 6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946 * ms, 27 * ms
)
triplet_hc_minimal = _published(
    "triplet_hc_minimal", "hippocampus, all-to-all, minimal", 5.3e-3, 8e-3, 3.5e-3, 0.0, _UNUSED, 40 * ms
)
triplet_hc_nearest_full = _published(
    "triplet_hc_nearest_full",
    "hippocampus, nearest spike, full",
    *(4.6e-3, 9.1e-3, 3e-3, 7.5e-9),
    tau_x=575 * ms,
    tau_y=47 * ms,
    nearest=True,
)
triplet_hc_nearest_minimal = _published(
    "triplet_hc_nearest_minimal",
    "hippocampus, nearest spike, minimal",
    *(4.6e-3, 9.1e-3, 3e-3, 0.0),
    tau_x=_UNUSED,
    tau_y=48 * ms,
    nearest=True,
    verified=False,
)
