"""One job over many settings, each a resumable run in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spikehebb import report
from spikehebb.checkpoint import write_json, write_whole
from spikehebb.core.progress import Progress, quiet
from spikehebb.jobs.run import check_new, held
from spikehebb.jobs.runs import FILE, Runs, find_runs
from spikehebb.plot import runs_along, save
from spikehebb.reading import check, read_json
from spikehebb.sweeps.cell import Order, maker
from spikehebb.sweeps.kinds import portable
from spikehebb.sweeps.plan import Plan, plain
from spikehebb.sweeps.workers import crew

_SHOWN = 5  # cells that failed, of which a message says why


def sweep(
    job: str | Plan,
    grid: Mapping[str, Any] | None = None,
    *,
    variants: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    out: str | Path,
    workers: int = 1,
    dask: str | None = None,
    overwrite: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Runs:
    """Do a job for every combination of the values of a grid; the same call again does only what is missing.

    Parameters
    ----------
    job : str or Plan
        ``learn``, ``train``, ``convert``, ``evaluate``, ``window`` or ``fit``; or the whole sweep.
    grid : mapping of str to sequence
        Values by the name of a setting; ``seeds`` may be a number of seeds, from 0.
    variants : sequence of mapping
        Settings that go together: each of these is combined with the grid.
    settings : mapping
        Of all cells, under the names of the function's arguments and of its settings.
    out : path
        The folder: of ``sweep.json``, a folder for each cell, the table, pictures and ``report.html``.
    workers : int
        Processes of this machine; one is this process. More need the extra ``sweep``, and in a script the usual
        ``if __name__ == "__main__"``. With ``dask="slurm"``: jobs of the batch system.
    dask : str, optional
        The address of a running Dask scheduler, whose workers do the cells; or ``slurm``.
    overwrite : bool
        Replace another sweep in the folder, or this one.
    command : str
        What was typed, for the report.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    Runs
        The table of all cells.

    Raises
    ------
    ValueError, FileNotFoundError, FileExistsError, ConnectionError
        If a cell, the folder or the scheduler is not what it should be; before anything starts.
    RuntimeError
        If cells failed; the others are done.

    Examples
    --------
    >>> import tempfile
    >>> from spikehebb.sweeps import sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = sweep("window", {"rule": ["stdp_pair", "oja"]}, settings={"lags_ms": [10]}, out=folder)
    >>> [(run.at["rule"], round(run.metrics["dw_max"], 4)) for run in runs.runs]
    [('oja', 0.0001), ('stdp_pair', 0.003)]
    """
    plan = job if isinstance(job, Plan) else Plan(job=job, grid=grid or {}, variants=variants, settings=settings or {})
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers must be a whole number of at least 1, got {workers!r}.")
    for data in plan.check():  # each is read once
        for part in ("test",) if plan.job == "evaluate" else ("train", "test"):
            data.part(part)
    folder, tell = Path(out), progress or quiet
    with held(folder):
        content = _content(plan)
        if not overwrite:
            _check_same(content, folder)
        with crew(folder.absolute(), workers, dask) as do_all:  # which was asked whether it can
            write_json(folder / FILE, content)
            failed = _done(plan, folder.absolute(), overwrite, do_all, tell)
        tell("drawing", 0)
        runs = find_runs(folder)
        write_whole(folder / "runs.csv", lambda file: file.write(runs.csv().encode()))
        for axis in [axis for axis in runs.axes if runs.varies(axis)]:
            save(runs_along(runs, axis), folder / f"along_{axis}.png")
        report.write(folder, command=command)
        tell("drawing", 1)
    if failed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:_SHOWN])
        raise RuntimeError(
            f"{len(failed)} of {len(plan.cells)} cells failed, the others are done; the same sweep again does only "
            f"what is missing. {reasons}{' ...' if len(failed) > _SHOWN else ''}"
        )
    return runs


def _content(plan: Plan) -> dict[str, Any]:
    """Return what ``sweep.json`` holds."""
    cells = [
        {
            "folder": cell.folder,
            "at": dict(cell.at),
            "settings": {n: plain(value) for n, value in cell.settings.items()},
        }
        for cell in plan.cells
    ]
    return {"kind": "sweep", "job": plan.job, "axes": list(plan.axes), "cells": cells}


def _check_same(content: Mapping[str, Any], folder: Path) -> None:
    """Raise ``FileExistsError`` if a folder holds another sweep, whose cells would not be those of this one."""
    path = folder / FILE
    if not path.exists():
        check_new(folder, overwrite=False)
        return
    before = check(
        read_json(path, "sweep"), {"job": str, "cells": [{"folder": str, "settings": {}}]}, f"the sweep {path}"
    )
    own = {cell["folder"]: cell["settings"] for cell in content["cells"]}
    others = [cell for cell in before["cells"] if own.get(cell["folder"], cell["settings"]) != cell["settings"]]
    if before["job"] != content["job"] or others:
        raise FileExistsError(
            f"{folder} holds another sweep; give another folder with --out, or replace it with --overwrite."
        )


def _done(plan: Plan, folder: Path, overwrite: bool, do_all: Callable[..., None], tell: Progress) -> Mapping[str, str]:
    """Do all cells; return those that failed, with the reasons."""
    cells, failed = plan.cells, {}
    orders = [
        Order(
            job=cell.job,
            settings=portable(cell.job, cell.settings),
            folder=str(folder / cell.folder),
            overwrite=overwrite,
            maker=maker(),
        )
        for cell in cells
    ]
    parts = [0.0] * len(cells)

    def moved(number: int, fraction: float) -> None:
        if parts[number] < 1:
            parts[number] = min(fraction, 0.95)
            tell("cells", sum(parts) / len(parts))

    def done(number: int, reason: str) -> None:
        parts[number] = 1.0
        tell("cells", sum(parts) / len(parts))
        if reason:
            failed[cells[number].folder] = reason

    tell("cells", 0)
    do_all(orders, done, moved)
    return dict(sorted(failed.items()))
