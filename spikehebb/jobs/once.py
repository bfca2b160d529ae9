"""A run of one step: what is measured in one go and kept with all that decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikehebb.checkpoint import Shapes
from spikehebb.core.progress import Progress, quiet
from spikehebb.jobs.run import Arrays, Counts, report_of, run

_PATTERN = {"metrics": {str: float}}


def once(
    identity: Mapping[str, Any],
    measure: Callable[[Progress], Mapping[str, Any]],
    *,
    out: Path,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Mapping[str, Any]:
    """Measure something and write it to ``run.json``, or read what was measured before.

    Parameters
    ----------
    identity : mapping
        Everything that decides the result, as plain data; ``kind`` among it.
    measure : callable
        Takes a reporter of progress, returns the rest of the report, with ``metrics``.
    out : path
        The folder of the run.
    overwrite : bool
        Replace another run in it, or this one.
    progress : callable, optional

    Returns
    -------
    mapping
        What ``run.json`` holds.

    Raises
    ------
    FileExistsError, BlockingIOError, OSError
        As ``run``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     once({"kind": "sum", "of": [1, 2]}, lambda tell: {"metrics": {"sum": 3.0}}, out=Path(folder))["metrics"]
    {'sum': 3.0}
    """
    return run(_Once(identity=identity, measure=measure), out=out, overwrite=overwrite, tell=progress or quiet)


@dataclass(frozen=True, kw_only=True)
class _Once:
    identity: Mapping[str, Any]
    measure: Callable[[Progress], Mapping[str, Any]]
    scratch: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return str(self.identity["kind"])

    def begin(self, folder: Path) -> tuple[()]:
        return ()

    def pack(self, state: tuple[()]) -> tuple[Counts, Arrays]:
        return {}, {}

    def shapes(self, counts: Counts) -> Shapes:
        return {}

    def unpack(self, counts: Counts, arrays: Arrays) -> tuple[()]:
        return ()

    def prepare(self, state: tuple[()], folder: Path, tell: Progress) -> tuple[()]:
        return state

    def step(self, state: tuple[()], folder: Path, tell: Progress) -> tuple[()] | None:
        return None

    def finish(self, state: tuple[()], folder: Path, tell: Progress) -> Mapping[str, Any]:
        return {**self.identity, **self.measure(tell)}

    def files(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"run.json": result}

    def finished(self, folder: Path) -> Mapping[str, Any] | None:
        return report_of(folder / "run.json", self.identity, _PATTERN)
