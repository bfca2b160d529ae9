"""The diagram of a circuit: populations as boxes, projections as arrows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from brian2 import ms
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from spikehebb.core import Circuit, Projection
from spikehebb.plot.save import BLUE, GREY, ORANGE, canvas, named, styled
from spikehebb.reading import printable

_WIDE, _HIGH = 2.2, 0.9  # of a box
_ACROSS, _DOWN = 4.4, 1.7  # between the middles of boxes
_LETTERS = 24


@styled
def circuit(value: Circuit, *, ax: Axes | None = None) -> Figure:
    r"""Draw a circuit: populations from those that hear no other on the left to those that hear them on the right.

    Projections that learn are orange and have the name of their rule, fixed ones are blue; those that carry a sum at
    every step instead of spikes are dashed.

    Parameters
    ----------
    value : Circuit
    ax : Axes, optional
        Where to draw; a figure of its own when left out.

    Examples
    --------
    >>> from spikehebb.circuits import synapse_pair
    >>> from spikehebb.rules import stdp_pair
    >>> [text.get_text() for text in circuit(synapse_pair(stdp_pair)).axes[0].texts][-1]
    'synapse:\nstdp_pair'
    """
    places = _places(value)
    across = 1 + max(x for x, _ in places.values())
    down = 2 * max(abs(y) for _, y in places.values()) + 1
    figure, axis = canvas(ax, min(0.3 + 2.3 * across, 9), 0.7 + 0.85 * down)
    for name, (x, y) in places.items():
        population = value.populations[name]
        corner = _ACROSS * x - _WIDE / 2, _DOWN * y - _HIGH / 2
        axis.add_patch(FancyBboxPatch(corner, _WIDE, _HIGH, boxstyle="round,pad=0.05", fc="0.96", ec=GREY))
        size = f"{population.size:,} neurons\n{printable(population.model.name, _LETTERS)}"
        middle = (_ACROSS * x, _DOWN * y)
        axis.text(middle[0], middle[1] + 0.24, printable(name, 20), ha="center", va="center", fontweight="bold")
        axis.text(middle[0], middle[1] - 0.16, size, ha="center", va="center", fontsize=7)
    between = Counter[frozenset[str]]()
    for name, projection in value.projections.items():
        pair = frozenset((projection.pre, projection.post))
        _arrow(axis, name, projection, places, between[pair])
        between[pair] += 1
    axis.set_axis_off()
    axis.set_xlim(-_WIDE, _ACROSS * (across - 1) + _WIDE)
    axis.set_ylim(-_DOWN * down / 2 - 0.1, _DOWN * down / 2 + 0.3)
    axis.set_title(printable(value.name, 60))
    return named(figure)


def _places(value: Circuit) -> dict[str, tuple[float, float]]:
    """Return the column and the row of each population."""
    hears: dict[str, set[str]] = {name: set() for name in value.populations}
    for projection in value.projections.values():
        if projection.pre != projection.post:
            hears[projection.post].add(projection.pre)
    first = [name for name, others in hears.items() if not others] or [next(iter(hears))]
    column = dict.fromkeys(first, 0)
    waiting = list(first)
    while waiting:
        name = waiting.pop(0)
        for other in hears:
            if name in hears[other] and other not in column:
                column[other] = column[name] + 1
                waiting.append(other)
    for name in hears:
        column.setdefault(name, 0)
    rows = {
        level: [name for name in hears if column[name] == level] for level in range(1 + max(column.values(), default=0))
    }
    return {
        name: (float(level), (len(names) - 1) / 2 - number)
        for level, names in rows.items()
        for number, name in enumerate(names)
    }


def _arrow(axis: Axes, name: str, projection: Projection, places: dict[str, tuple[float, float]], before: int) -> None:
    """Draw one projection, bent so that it lies beside those between the same populations."""
    colour = BLUE if projection.rule is None else ORANGE
    style = "--" if projection.summed else "-"
    (x0, y0), (x1, y1) = (places[end] for end in (projection.pre, projection.post))
    start, end = np.array([_ACROSS * x0, _DOWN * y0]), np.array([_ACROSS * x1, _DOWN * y1])
    look: Any = {"arrowstyle": "-|>", "mutation_scale": 10, "color": colour, "ls": style, "shrinkA": 2, "shrinkB": 2}
    if projection.pre == projection.post:
        top, aside = start + np.array([0, _HIGH / 2 + 0.05]), np.array([0.3, 0])
        arc = f"arc3,rad={-1.6 - 0.5 * before}"
        patch = FancyArrowPatch(top - aside, top + aside, connectionstyle=arc, **look)
        at = top + np.array([0, 0.42 + 0.25 * before])
    else:
        step = end - start
        reach = np.array([np.sign(step[0]) * (_WIDE / 2 + 0.06), 0.0])
        if not step[0]:
            reach = np.array([0.0, np.sign(step[1]) * (_HIGH / 2 + 0.06)])
        bend = 0.0 if not before and step[0] > 0 else 0.25 * (1 + before)
        patch = FancyArrowPatch(start + reach, end - reach, connectionstyle=f"arc3,rad={-bend}", **look)
        normal = np.array([-step[1], step[0]]) / max(float(np.hypot(*step)), 1e-9)
        away = 0.16 + 0.08 * (projection.rule is not None) + 0.55 * bend * float(np.hypot(*(step - 2 * reach)))
        at = (start + end) / 2 + normal * away
    axis.add_patch(patch)
    axis.text(at[0], at[1], _label(name, projection), color=colour, ha="center", va="center", fontsize=7)


def _label(name: str, projection: Projection) -> str:
    rule = "" if projection.rule is None else f":\n{printable(projection.rule.name, 28)}"
    times = np.atleast_1d(np.asarray(projection.delay / ms))
    delay = "" if not times.any() else f"\n{times.min():g} ms" if np.ptp(times) == 0 else "\nown delays"
    return printable(name, 28) + rule + delay
