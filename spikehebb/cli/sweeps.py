"""Commands for many runs: sweeps, their tables and pictures, pages about runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import RUNS, Json, Overwrite, command, into, print_json, progress, say

Metrics = Annotated[list[str] | None, typer.Option("--metric", help="A metric to show; may be given several times.")]
_SHOWN = 2  # metrics, where none is named


@command(RUNS, "sweep sweep.toml --out runs/sweep --workers 4")
def sweep(
    file: Annotated[Path, typer.Argument(help="A TOML file: job, [settings], [grid], [[variants]].")],
    out: Annotated[Path, into("Folder for a folder of each cell, the table, the pictures and report.html.")],
    workers: Annotated[int, typer.Option(help="Processes of this machine, or with --dask slurm its jobs.")] = 1,
    dask: Annotated[
        str | None, typer.Option(help="Address of a running Dask scheduler, whose workers do the cells; or slurm.")
    ] = None,
    metric: Metrics = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Do one job over a grid of settings, lists and seeds; the same file again does only what is missing."""
    from spikehebb import report, sweeps

    plan = _own_values(sweeps.read_plan(file))
    with progress("the same command does only what is missing") as tell:
        runs = sweeps.sweep(
            plan,
            out=out,
            workers=workers,
            dask=dask,
            overwrite=overwrite,
            command=report.typed(sys.argv[1:]),
            progress=tell,
        )
    _show(runs, metric, as_json)
    if not as_json:
        for path in (out / "runs.csv", *sorted(out.glob("along_*.png")), out / report.NAME):
            say(f"  {path}")


@command(RUNS, "runs runs/sweep --csv table.csv")
def runs(
    folder: Annotated[Path, typer.Argument(help="Any folder with runs in it or in its folders.")],
    metric: Metrics = None,
    confidence: Annotated[float, typer.Option(help="Of the interval of the mean.")] = 0.95,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the table of all metrics into this file.")] = None,
    along: Annotated[str | None, typer.Option(help="Draw the first metric along this axis; needs --plot.")] = None,
    plot_: Annotated[Path | None, typer.Option("--plot", help="The picture's file; with --along.")] = None,
    as_json: Json = False,
) -> None:
    """Show the runs in a folder as one table: mean, standard deviation, number and confidence over seeds."""
    from spikehebb import jobs, plot
    from spikehebb.checkpoint import write_whole

    if (along is None) != (plot_ is None):
        raise ValueError("--along AXIS and --plot FILE go together.")
    found = jobs.find_runs(folder)
    if csv is not None:
        text = found.csv(confidence=confidence)
        write_whole(csv, lambda file: file.write(text.encode()))
    if along is not None and plot_ is not None:
        plot.save(plot.runs_along(found, along, metric[0] if metric else None, confidence=confidence), plot_)
    _show(found, metric, as_json, confidence)
    for path in () if as_json else filter(None, (csv, plot_)):
        say(f"  {path}")


@command(RUNS, "report runs/digits", name="report")
def report_(folder: Annotated[Path, typer.Argument(help="The folder of a run or of a sweep.")]) -> None:
    """Write report.html, one file about a run or a sweep that can be sent as it is."""
    from spikehebb import report

    say(f"  {report.write(folder)}")


def _own_values(plan: Any) -> Any:
    """Return a plan with the rules and circuits of the user's own files, FILE.py:NAME, as values."""
    import dataclasses

    from spikehebb.cli import parse

    def value(name: str, word: Any) -> Any:
        if not isinstance(word, str) or ".py:" not in word:
            return word
        return parse.circuit(word) if name == "circuit" else parse.own_or_name(word) if name == "rule" else word

    def named(settings: Any) -> dict[str, Any]:
        return {name: value(name, word) for name, word in settings.items()}

    grid = {name: [value(name, word) for word in words] for name, words in plan.grid.items()}
    variants = [named(variant) for variant in plan.variants]
    return dataclasses.replace(plan, grid=grid, variants=variants, settings=named(plan.settings))


def _show(runs: Any, metrics: list[str] | None, as_json: bool, confidence: float = 0.95) -> None:
    """Print the table of runs."""
    for name in runs.skipped:
        say(f"spikehebb: {name} holds no finished run, and is left out.", err=True)
    names = [runs.metric(name) for name in metrics or runs.metrics[:_SHOWN] or ("",)]
    if as_json:
        head, *rows = runs.table(metrics, confidence=confidence)
        print_json([dict(zip(head, row, strict=True)) for row in rows])
        return
    table = runs.words(names, confidence=confidence)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        say("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    if any("±" in cell for row in table for cell in row):
        say(f"mean ± standard deviation over n seeds ({100 * confidence:g} % interval of the mean)")
