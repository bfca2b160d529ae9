"""What all pictures share: one style, sizes for one and two columns, and how they are saved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.text import Text

from spikehebb.checkpoint import write_whole
from spikehebb.equations import did_you_mean

# Okabe and Ito 2008: told apart with any colour vision. Yellow, which is none on white, is left out.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
BLUE, ORANGE, GREY = PALETTE[0], PALETTE[1], "#777777"
COLUMNS = {1: 3.5, 2: 7.2}  # inches: 89 and 183 mm, one and two columns of most journals
FORMATS = {".png": 200, ".svg": 72, ".pdf": 72}  # and the dots per inch
STYLE: Any = {
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.titlesize": 10,
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "pdf.fonttype": 42,  # letters stay letters
    "svg.fonttype": "none",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
styled = matplotlib.rc_context(STYLE)  # the decorator of every function that draws


def canvas(ax: Axes | None, width: float = 5.2, height: float = 3.5) -> tuple[Figure, Axes]:
    """Return the axes that were given, or new ones of a size in inches, and their figure."""
    if ax is not None:
        return _figure(ax), ax
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def panels(
    ax: Axes | None,
    widths: Sequence[float],
    heights: Sequence[float] = (1,),
    *,
    size: tuple[float, float],
    **share: Any,
) -> tuple[Figure, list[Axes]]:
    """Return panels in rows of these relative widths and heights: of a new figure, or inside of given axes.

    Parameters
    ----------
    ax : Axes, optional
    widths, heights : sequence of float
    size : (float, float)
        Of a new figure, in inches.
    **share
        ``sharex``, ``sharey``, as matplotlib takes them.
    """
    if ax is None:
        figure = Figure(figsize=size, layout="constrained")
        drawn = figure.subplots(
            len(heights), len(widths), width_ratios=widths, height_ratios=heights, squeeze=False, **share
        )
        return figure, [*drawn.ravel()]
    ax.set_axis_off()
    gap = 0.22 if len(widths) > 1 else 0.12
    rows = _places(heights[::-1], gap)[::-1]
    inside = [ax.inset_axes((left, low, width, high)) for low, high in rows for left, width in _places(widths, gap)]
    for number, axis in enumerate(inside):
        if share.get("sharex") and number:
            axis.sharex(inside[0])
        if share.get("sharey") and number:
            axis.sharey(inside[0])
    return _figure(ax), inside


def lettered(axes: Sequence[Axes]) -> None:
    """Write a, b, c, ... at the upper left of panels, where there are several."""
    for letter, axis in zip("abcdefghijklmnopqrstuvwxyz", axes, strict=False):
        if len(axes) > 1:
            axis.annotate(
                letter,
                (0, 1),
                xytext=(-26, 5),
                xycoords="axes fraction",
                textcoords="offset points",
                fontweight="bold",
                fontsize=10,
                annotation_clip=False,
            )


def named(figure: Figure) -> Figure:
    """Return a figure whose texts may hold any name: nothing in them is taken for a formula, but labels of axes."""
    kept = {id(text) for axis in figure.findobj(Axis) for text in axis.findobj(Text)}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in kept:
            text.set_parse_math(False)
    return figure


@styled
def save(figure: Figure, path: Path | str, *, columns: int | None = None) -> Path:
    """Write a figure whole or not at all: as PNG, SVG or PDF, as the name ends.

    Beside a PNG the formats in the variable ``SPIKEHEBB_PICTURES``, such as ``svg,pdf``, are written, too.

    Parameters
    ----------
    figure : Figure
    path : path
        A name that ends in ``.png``, ``.svg`` or ``.pdf``.
    columns : int, optional
        1 or 2: make it as wide as that many columns of a journal, 89 or 183 mm, in the same proportions.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the name ends otherwise, or columns are neither 1 nor 2.

    Examples
    --------
    >>> save(Figure(), "window.tiff")
    Traceback (most recent call last):
    ValueError: window.tiff: a picture is saved as .png, .svg or .pdf, not '.tiff'. (.png, .svg, .pdf)
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise ValueError(
            f"{path}: a picture is saved as .png, .svg or .pdf, not {path.suffix!r}.{did_you_mean(kind, FORMATS)}"
        )
    if columns is not None:
        if columns not in COLUMNS:
            raise ValueError(f"columns must be 1 or 2, got {columns!r}.")
        width, height = figure.get_size_inches()
        figure.set_size_inches(COLUMNS[columns], height * COLUMNS[columns] / width)
    metadata = {"Date": None} if kind == ".svg" else {"CreationDate": None} if kind == ".pdf" else {}
    write_whole(
        path,
        lambda file: figure.savefig(file, dpi=FORMATS[kind], format=kind[1:], metadata=metadata),
    )
    if kind == ".png":
        for word in filter(None, os.environ.get("SPIKEHEBB_PICTURES", "").split(",")):
            save(figure, path.with_suffix(f".{word}"))
    return path


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure()
    while isinstance(figure, SubFigure):
        figure = figure.figure
    if not isinstance(figure, Figure):
        raise ValueError("ax belongs to no figure; take axes of a figure, as plt.subplots returns them.")
    return figure


def _places(shares: Sequence[float], gap: float) -> list[tuple[float, float]]:
    """Return where panels of these shares begin, and how large they are, from 0 to 1."""
    room = 1 - gap * (len(shares) - 1)
    sizes = [room * share / sum(shares) for share in shares]
    return [(sum(sizes[:number]) + gap * number, size) for number, size in enumerate(sizes)]
