"""Independent references: each rule written again as plain NumPy from its equations, never from its Brian2 text.

An oracle takes the spike times of one synapse (seconds, on the grid), the weight at the start and the parameters, and
returns the weight at the end. ``spikes`` has the rules that act at spikes, ``continuous`` those that act at every
step, ``exact`` the latter in continuous time, ``rates`` the rules for rates.
"""

from __future__ import annotations

from tests.oracles.continuous import CONTINUOUS_ORACLES
from tests.oracles.spikes import SPIKE_ORACLES, Oracle, Times, seconds

ORACLES: dict[str, Oracle] = {**SPIKE_ORACLES, **CONTINUOUS_ORACLES}

__all__ = ["CONTINUOUS_ORACLES", "ORACLES", "SPIKE_ORACLES", "Oracle", "Times", "seconds"]
