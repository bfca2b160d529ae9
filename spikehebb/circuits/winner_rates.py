"""A layer of k winners with adaptive thresholds, in rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spikehebb.core import Circuit, PlasticityRule, Population, Projection
from spikehebb.encoders import rate_source
from spikehebb.neurons import threshold_winners_unit


def winner_rates(
    weights: ArrayLike,
    *,
    rule: PlasticityRule | None,
    winners: int = 1,
    rise: float = 0.0,
    connected: ArrayLike | None = None,
) -> Circuit:
    """Return a layer of Miconi's: units with ``v = w.x - thr``, of which the largest learn and others are heard, too.

    ``y`` is 1 for the ``winners`` units with the largest v, where it is above 0; ``out = max(v - mean over units, 0)``
    is handed on. At every step ``thr`` grows by ``rise*(y - winners/units)``, so that all units win equally often.
    With the rule ``combine(unit_norm, instar)`` and a presentation of one step this is a layer with plasticity
    ``instar`` of ``softhebb.Layer``.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    rule : PlasticityRule or None
        One that reads ``x`` and ``y``.
    winners : int
    rise : float
        How far a threshold rises at a step in which its unit wins.
    connected : array_like of bool, shape (inputs, units), optional
        Which connections there are.

    Raises
    ------
    ValueError
        If there are fewer units than winners.

    References
    ----------
    Miconi, Hebbian learning with gradients: Hebbian convolutional neural networks with modern deep learning frameworks,
    arXiv 2107.01729, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import winner_rates
    >>> from spikehebb.rules import combine, instar, unit_norm
    >>> list(winner_rates(np.ones((3, 2)), rule=combine(unit_norm, instar)).projections)
    ['feedforward', 'compare', 'average']
    """
    array = np.asarray(weights, float)
    if array.ndim != 2:
        raise ValueError(f"winner_rates: weights must be (inputs, units), got shape {array.shape}.")
    inputs, units = array.shape
    if not 1 <= winners <= units:
        raise ValueError(f"winner_rates: winners must be 1 to the number of units {units}, got {winners}.")
    unit = threshold_winners_unit.with_parameters(k=float(winners), goal=winners / units, rise=rise)
    larger = "int(v_pre > v_post) + int(v_pre == v_post)*int(i < j)"
    return Circuit(
        name="winner_rates",
        populations={
            "input": Population(model=rate_source, size=inputs),
            "output": Population(model=unit, size=units),
        },
        projections={
            "feedforward": Projection(
                pre="input",
                post="output",
                weights=array,
                connected=None if connected is None else np.asarray(connected, bool),
                rule=rule,
                summed={"u": "w*x_pre"},
            ),
            "compare": Projection(pre="output", post="output", summed={"rank": larger}),
            "average": Projection(pre="output", post="output", summed={"v_mean": f"v_pre/{float(units)}"}),
        },
    )
