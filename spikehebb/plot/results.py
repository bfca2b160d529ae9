"""What values and results show of themselves: a picture, a page of a notebook, a file."""

from __future__ import annotations

import base64
import csv
import html as markup
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikehebb import checkpoint, metrics
from spikehebb.circuits import Learner, has_pair_form
from spikehebb.core import Circuit, Images, NeuronModel, PlasticityRule
from spikehebb.core.display import one_line, short
from spikehebb.core.typeset import typeset
from spikehebb.equations import quantity_text
from spikehebb.jobs import (
    ConversionRun,
    DigitRun,
    DigitRuns,
    FrequencyResponse,
    LearnedNetwork,
    Replay,
    SoftHebbRun,
    Window,
    stdp_window,
)
from spikehebb.jobs.fitted import Fit
from spikehebb.jobs.rates import RateNetwork
from spikehebb.jobs.run import held
from spikehebb.jobs.run import write as write_run
from spikehebb.jobs.trained import save as save_network
from spikehebb.plot.circuit import circuit
from spikehebb.plot.conversion import conversion_layers, fidelity
from spikehebb.plot.digits import from_input, receptive_fields
from spikehebb.plot.fit import fitted_window
from spikehebb.plot.rules import frequency_response, replay
from spikehebb.plot.rules import stdp_window as window_picture
from spikehebb.plot.save import FORMATS, canvas, named, save, styled
from spikehebb.plot.softhebb import weight_images

_LAGS = np.arange(-80, 81, 4) * ms  # of the window of a rule in a notebook
_SHOWN = 20  # images on a sheet


def draw(value: Any, ax: Axes | None = None) -> Axes:
    """Draw a value or a result, and return the axes.

    Parameters
    ----------
    value : Window, FrequencyResponse, Replay, Fit, a run, a trained network, PlasticityRule, Circuit, Learner or Images
    ax : Axes, optional
        Where to draw; a new figure of pyplot when left out.

    Raises
    ------
    ValueError
        If there is no picture of it, or ``ax`` are no axes.
    """
    if ax is not None and not isinstance(ax, Axes):
        raise ValueError(f"ax must be axes of matplotlib, as plt.subplots returns them; got a {type(ax).__name__}.")
    picture = _picture(value)
    if ax is None:
        import matplotlib.pyplot as plt

        size = _figure(value).get_size_inches()
        ax = plt.figure(figsize=size, layout="constrained").subplots()
    picture(ax)
    return ax


def html(value: Any) -> str:
    """Return a value as HTML for a notebook: what it is, its equations and numbers, and a picture."""
    match value:
        case PlasticityRule() | NeuronModel():
            return _model(value)
        case Circuit():
            return _head(value.name, value.reference) + _image(_figure(value)) + _circuit_table(value)
        case _:
            return _head(type(value).__name__, one_line(value)) + _scores(value) + _picture_of(value)


def write(value: Any, path: Path) -> Path:
    """Write a value or a result as the name ends: a picture, a table, numbers, a trained network, or a run's folder.

    Raises
    ------
    ValueError
        If it cannot be written so.
    """
    kind = path.suffix.lower()
    if kind in FORMATS:
        return save(_figure(value), path)
    network = getattr(value, "network", value)
    if kind == ".npz" and hasattr(network, "arrays") and hasattr(network, "header"):
        save_network(network, path)
    elif kind == ".csv" and hasattr(value, "rows"):
        table, text = value.rows(), io.StringIO()
        names = list(dict.fromkeys(name for row in table for name in row))
        written = csv.DictWriter(text, names, lineterminator="\n")
        written.writeheader()
        written.writerows(table)
        checkpoint.write_whole(path, lambda file: file.write(text.getvalue().encode()))
    elif kind == ".json" and hasattr(value, "report"):
        report = value.report() if callable(value.report) else value.report
        checkpoint.write_json(path, json.loads(json.dumps(dict(report))))
    elif not kind and isinstance(getattr(value, "report", None), Mapping) and hasattr(network, "arrays"):
        saved = checkpoint.Checkpoint(header=network.header, arrays=network.arrays)
        with held(path) as folder:
            write_run(folder, {"checkpoint.npz": saved, "run.json": dict(value.report)})
    else:
        raise ValueError(
            f"a {type(value).__name__} is not written as {path.name!r}; a name ends in .png, .svg or .pdf (a picture), "
            ".csv or .json (numbers), .npz (a trained network), or in nothing (the folder of a run)."
        )
    return path


def _picture(value: Any) -> Callable[[Axes | None], Figure]:
    """Return what draws a value."""
    match value:
        case Window():
            return lambda ax: window_picture(value, ax=ax)
        case FrequencyResponse():
            return lambda ax: frequency_response(value, ax=ax)
        case Replay():
            return lambda ax: replay(value, ax=ax)
        case Fit():
            return lambda ax: fitted_window(value, ax=ax)
        case PlasticityRule():
            window = stdp_window(value, _LAGS, dt=0.5 * ms)
            return lambda ax: window_picture(window, value, ax=ax)
        case Circuit():
            return lambda ax: circuit(value, ax=ax)
        case Learner():
            example = value.circuit(64, 10, rng=np.random.default_rng(0), rule=value.rule)
            return lambda ax: circuit(example, ax=ax)
        case DigitRun():
            return lambda ax: _fields(value.network, ax)
        case DigitRuns():
            return lambda ax: _fields(value.runs[0].network, ax)
        case LearnedNetwork():
            return lambda ax: _fields(value, ax)
        case SoftHebbRun() | RateNetwork():
            return lambda ax: weight_images(value.model, ax=ax)
        case ConversionRun():
            curve = value.report.get("curve")
            drawing = fidelity if curve else conversion_layers
            return lambda ax: drawing(value.report, ax=ax)
        case Images():
            return lambda ax: _sheet(value, ax)
    raise ValueError(f"there is no picture of a {type(value).__name__}.")


def _figure(value: Any) -> Figure:
    return _picture(value)(None)


def _fields(network: LearnedNetwork, ax: Axes | None) -> Figure:
    labels = metrics.neuron_labels(np.asarray(network.arrays["profile"]))
    fields, shape = from_input(network)
    return receptive_fields(fields, shape, labels, network.classes, ax=ax)


@styled
def _sheet(images: Images, ax: Axes | None) -> Figure:
    """Draw the first images, each with its class."""
    some = images[: min(_SHOWN, len(images))]
    columns = min(10, len(some))
    rows = -(-len(some) // columns)
    figure, axis = canvas(ax, 0.62 * columns, 0.75 * rows + 0.3)
    axis.set_axis_off()
    for number, pixels in enumerate(some.intensities()):
        row, column = divmod(number, columns)
        place = axis.inset_axes((column / columns, 1 - (row + 1) / rows, 0.92 / columns, 0.82 / rows))
        place.set_axis_off()
        colour = pixels.transpose(1, 2, 0) if pixels.ndim == 3 and len(pixels) == 3 else pixels
        place.imshow(colour if colour.ndim == 2 or len(pixels) == 3 else pixels.mean(axis=0), cmap="gray")
        label = int(some.labels[number])
        place.set_title("" if label < 0 else images.classes[label], fontsize=7, pad=2)
    return named(figure)


def _model(value: PlasticityRule | NeuronModel) -> str:
    parts = [_head(value.name, value.summary)]
    for when, lines in typeset(value).items():
        parts += [f"<div><em>{markup.escape(when)}</em></div>", *(f"<div>$${line}$$</div>" for line in lines)]
    meaning = value.meaning
    rows = [[name, quantity_text(number), meaning[name]] for name, number in value.parameters.items()]
    parts.append(_table(["parameter", "value", "role"], rows))
    if isinstance(value, PlasticityRule) and has_pair_form(value):
        parts.append(_picture_of(value))
    cites = getattr(value, "cites", ())
    works = "; ".join(f'{work} <a href="https://doi.org/{work.doi}">{work.doi}</a>' for work in cites if work.doi)
    return "".join([*parts, f"<div>{works or markup.escape(value.reference)}</div>"])


def _circuit_table(value: Circuit) -> str:
    rows = [
        [name, each.pre, each.post, each.rule.name if each.rule else "fixed", short(each.weights)]
        for name, each in value.projections.items()
    ]
    return _table(["projection", "from", "to", "rule", "weights"], rows)


def _scores(value: Any) -> str:
    report = getattr(value, "report", None)
    if not isinstance(report, Mapping) or "metrics" not in report:
        return ""
    percent = ("accuracy", "agreement")
    rows = [
        [name, f"{100 * score:.2f} %" if name.startswith(percent) else f"{score:.4g}"]
        for name, score in report["metrics"].items()
        if isinstance(score, int | float)
    ]
    return _table(["score", ""], rows)


def _picture_of(value: Any) -> str:
    try:
        return _image(_figure(value))
    except ValueError:  # there is none
        return ""


def _image(figure: Figure) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}">'


def _head(name: str, summary: str) -> str:
    return f"<div><strong>{markup.escape(name)}</strong> {markup.escape(summary)}</div>"


def _table(names: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{markup.escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{markup.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
