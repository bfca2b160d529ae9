"""What all pictures share."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from spikehebb.checkpoint import write_whole

BLUE, ORANGE, GREY = "#1f5fa8", "#d1691f", "#777777"


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all."""
    write_whole(path, lambda file: figure.savefig(file, dpi=150, format="png"))
    return path
