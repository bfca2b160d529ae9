"""What all pictures share."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

from spikehebb.checkpoint import write_whole

BLUE, ORANGE, GREY = "#1f5fa8", "#d1691f", "#777777"


def named(figure: Figure) -> Figure:
    """Return a figure whose texts may hold any name: nothing in them is taken for a formula, but labels of axes."""
    kept = {id(text) for axis in figure.findobj(Axis) for text in axis.findobj(Text)}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in kept:
            text.set_parse_math(False)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all."""
    write_whole(path, lambda file: figure.savefig(file, dpi=150, format="png"))
    return path
