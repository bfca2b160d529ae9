"""A page about a run or a sweep: one HTML file that holds all it shows, and can be sent as it is."""

from __future__ import annotations

import base64
import datetime
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from spikehebb.checkpoint import write_whole
from spikehebb.jobs.run import REPORTS
from spikehebb.jobs.runs import CONFIDENCE, FILE, find_runs
from spikehebb.reading import MOST_TEXT, check, printable, read_bytes, read_json

NAME = "report.html"
_MOST = 64 << 20  # bytes of a picture
_LONG, _WRAPPED = 400, 40  # letters of one value
_METRICS = 3  # in the table of a sweep
_ROWS = 1000
_BESIDE = "report-command.txt"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; } td, th { text-align: left; padding: 2px 18px 2px 0; vertical-align: top; }
td.long { overflow-wrap: anywhere; min-width: 14rem; }
th { border-bottom: 1px solid #999; font-weight: 600; } td { border-bottom: 1px solid #eee; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f5f5f5; padding: 0.7rem; overflow-x: auto; white-space: pre-wrap; }
figure { margin: 1rem 0; } img { max-width: 100%; } figcaption, .small { color: #666; font-size: 0.85rem; }
.warning { background: #fff4e0; padding: 0.5rem 0.7rem; }
"""


def write(folder: str | Path, *, command: str = "") -> Path:
    """Write ``report.html`` into the folder of a run, of replicas, of a study or of a sweep.

    The page holds the command, scores, settings, versions, hashes of the data and every picture of the folder; nothing
    in it is loaded from elsewhere, and it has no script.

    Parameters
    ----------
    folder : path
    command : str
        What was typed; the page of an earlier call keeps it.

    Returns
    -------
    path
        Of the page.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run and no sweep.
    ValueError, OSError
        If a report or a picture is damaged, or the page cannot be written.
    """
    folder = Path(folder)
    name = next((name for name in (FILE, *REPORTS) if (folder / name).is_file()), None)
    if name is None:
        raise FileNotFoundError(f"{folder} holds no finished run and no sweep, so there is nothing to report.")
    content = check(read_json(folder / name, "report"), {}, f"the report {folder / name}")
    body = [*(_of_sweep(folder, content) if name == FILE else _of_run(content)), *_pictures(folder)]
    body += _repeat(folder, content, command or _earlier(folder))
    title = f"{content.get('kind', 'run')} in {folder.absolute().name}"
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    note = f"Written by spikehebb on {when}. This file holds all that it shows."
    page = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{_text(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{_text(title)}</h1>\n"
        + "\n".join(body)
        + f'\n<p class="small">{_text(note)}</p>\n</body>\n</html>\n'
    )
    path = folder / NAME
    write_whole(path, lambda file: file.write(page.encode()))
    if command:
        write_whole(folder / _BESIDE, lambda file: file.write(command.encode()))
    return path


def _earlier(folder: Path) -> str:
    path = folder / _BESIDE
    return read_bytes(path, most=MOST_TEXT).decode(errors="replace") if path.is_file() else ""


def _of_run(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a report says: scores first, then what they came from."""
    health = content.get("health")
    for warning in health.get("warnings", ()) if isinstance(health, Mapping) else ():
        yield f'<p class="warning">{_text(warning)}</p>'
    for name in ("metrics", "mean", "baseline"):
        if isinstance(content.get(name), Mapping):
            yield _heading("Scores" if name == "metrics" else name.capitalize())
            yield _table(["", "value"], [[key, _number(key, value)] for key, value in content[name].items()])
    networks = content.get("networks")
    if isinstance(networks, Sequence):
        rows = [[one.get("folder", ""), _scores(one)] for one in networks if isinstance(one, Mapping)]
        yield _heading("Networks") + _table(["folder", "scores"], rows)
    for name in ("config", "network", "training", "readout"):
        if isinstance(content.get(name), Mapping):
            yield _heading("Settings" if name == "config" else name.capitalize())
            yield _table(["", "value"], [[key, _short(value)] for key, value in content[name].items()])
    data = content.get("data")
    if isinstance(data, Mapping):
        yield _heading("Data")
        rows = [
            [part, one.get("name", ""), one.get("count", ""), one.get("digest", ""), _short(one.get("hashes", ""))]
            for part, one in data.items()
            if isinstance(one, Mapping)
        ]
        yield _table(["part", "name", "count", "digest of these very samples", "hashes of the files"], rows)
    if isinstance(content.get("versions"), Mapping):
        yield _heading("Versions")
        more = {name: content[name] for name in ("device", "seed") if name in content}
        yield _table(["", ""], [[key, _short(value)] for key, value in {**more, **content["versions"]}.items()])


def _of_sweep(folder: Path, content: Mapping[str, Any]) -> Iterator[str]:
    runs = find_runs(folder)
    cells = content["cells"]
    yield f"<p>{len(runs.runs)} of {len(cells)} runs of the job {_text(content['job'])} are finished.</p>"
    if runs.skipped:
        yield f'<p class="warning">Missing: {_text(_short(list(runs.skipped)))}</p>'
    if runs.runs:
        metrics = runs.metrics[:_METRICS]
        head, *rows = runs.words(metrics)
        yield _heading("Scores")
        yield (
            "<p>Mean over seeds ± standard deviation, and in brackets the "
            f"{100 * CONFIDENCE:g} % interval of the mean (Student's t).</p>"
        )
        yield _table(head, rows[:_ROWS])
        if len(rows) > _ROWS:
            yield f"<p>{len(rows) - _ROWS} more rows are in runs.csv.</p>"
        first = read_json(folder / runs.runs[0].folder / "run.json", "report")
        yield from _of_run({name: first[name] for name in ("data", "versions", "device") if name in first})
    shared = {
        name: value
        for name, value in (cells[0]["settings"] if cells else {}).items()
        if all(cell["settings"].get(name) == value for cell in cells)
    }
    yield _heading("Settings of all runs")
    yield _table(["", "value"], [[name, _short(value)] for name, value in shared.items()])


def _pictures(folder: Path) -> Iterator[str]:
    pictures = sorted(folder.glob("*.png"))
    if pictures:
        yield _heading("Pictures")
    for picture in pictures:
        code = base64.b64encode(read_bytes(picture, "picture", most=_MOST)).decode()
        name = _text(picture.stem.replace("_", " "))
        yield f'<figure><img src="data:image/png;base64,{code}" alt="{name}"><figcaption>{name}</figcaption></figure>'


def _repeat(folder: Path, content: Mapping[str, Any], command: str) -> Iterator[str]:
    """Yield how to do it again."""
    yield _heading("How to repeat it")
    if command:
        yield f"<pre>{_text(command, len(command))}</pre>"
    cell = _as_cell(folder)
    if "cells" in content:
        grid = [cell["settings"] for cell in content["cells"]]
        call = f"import spikehebb\n\nspikehebb.sweep({content['job']!r}, variants={grid!r}, out=FOLDER)"
        yield f"<p>From Python, all cells:</p><pre>{_text(call, 100_000)}</pre>"
    elif cell is not None:
        job, settings = cell
        call = f"import spikehebb\n\nspikehebb.sweep({job!r}, settings={settings!r}, out=FOLDER)"
        yield f"<p>This run is a cell of a sweep. From Python, alone:</p><pre>{_text(call, 100_000)}</pre>"
    elif not command:
        yield "<p>Give the settings, the seed and the data above to the same job, in the same versions.</p>"
    yield (
        "<p>The same device, versions and data give the same numbers, bit for bit; other processors or versions draw "
        "other random numbers. All that decided the result is here:</p>"
    )
    about = {name: value for name, value in content.items() if name not in ("confusion", "learning_curve", "points")}
    yield f"<details><summary>as JSON</summary><pre>{_text(json.dumps(about, indent=1), MOST_TEXT)}</pre></details>"


def _as_cell(folder: Path) -> tuple[str, Mapping[str, Any]] | None:
    """Return the job and the settings of a folder that is a cell of a sweep."""
    try:
        plan = read_json(folder.absolute().parent / FILE, "sweep")
        check(plan, {"job": str, "cells": [{"folder": str, "settings": {}}]}, "the sweep")
    except (OSError, ValueError):
        return None
    name = folder.absolute().name
    return next(((plan["job"], cell["settings"]) for cell in plan["cells"] if cell["folder"] == name), None)


def typed(words: Sequence[str]) -> str:
    """Return the words of a command as they may be typed again."""
    return shlex.join(["spikehebb", *words])


def _heading(text: str) -> str:
    return f"<h2>{_text(text)}</h2>"


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    top = "".join(f"<th>{_text(cell)}</th>" for cell in head)
    lines = ["".join(_entry(cell) for cell in row) for row in rows]
    return f"<table><tr>{top}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _entry(cell: Any) -> str:
    text = str(cell)
    number = text[:1].isdigit() and text.count(".") < 2 and text.removesuffix(" %").replace(".", "").isdigit()
    kind = ' class="number"' if number else ' class="long"' if len(text) > _WRAPPED else ""
    return f"<td{kind}>{_text(text)}</td>"


def _number(name: Any, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _short(value)
    return f"{100 * value:.2f} %" if str(name).startswith("accuracy") else f"{value:.5g}"


def _scores(network: Mapping[str, Any]) -> str:
    scores = network.get("metrics")
    return _short({k: _number(k, v) for k, v in scores.items()} if isinstance(scores, Mapping) else "")


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _text(value: Any, most: int = _LONG) -> str:
    """Return text for a page: what could be taken for tags or control characters is written out."""
    lines = str(value).split("\n")
    return "\n".join(escape(printable(line, most)) for line in lines)
