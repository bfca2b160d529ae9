"""Trained networks in the numbers that a chip can hold, as files that are read like the originals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikehebb.checkpoint import Checkpoint
from spikehebb.core.seeds import check_seed
from spikehebb.hardware import Rounding, Target, find
from spikehebb.jobs.check import limits_of
from spikehebb.jobs.run import check_new, held, versions, write
from spikehebb.jobs.trained import Trained, opened


def quantize_network(
    trained: Trained | str | Path,
    target: Target | str,
    out: Path | str,
    *,
    rounding: Rounding = "nearest",
    seed: int = 0,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a trained network with the numbers that a chip can hold, and how far they are from what they were.

    Parameters
    ----------
    trained : Trained
    target : Target
    out : path
        A folder for ``checkpoint.npz``, which is read as the original was, and ``quantize.json``. Labels of neurons
        and readouts stay as they were; so does what the target does not limit.
    rounding, seed
        See ``hardware.quantize``.
    overwrite : bool
        Replace another run in ``out``.

    Returns
    -------
    dict
        What ``quantize.json`` holds.

    Raises
    ------
    ValueError
    FileExistsError
        If ``out`` holds another run.
    BlockingIOError, OSError
        If another process is at work in ``out``, or nothing can be written there.
    """
    trained, target = opened(trained), find(target)
    check_seed(seed)
    network, quantized, remarks = trained.quantized(target, rounding=rounding, seed=seed)
    limits = {"target": target.name, "limits": limits_of(target), "rounding": rounding, "seed": seed}
    report = {
        "kind": "quantization",
        **limits,
        "report": [vars(line) for part in quantized for line in part.report],
        "kept": [name for part in quantized for name in part.kept],
        "remarks": list(remarks),
        "versions": versions(),
    }
    saved = Checkpoint(header={**network.header, "quantized": limits}, arrays=network.arrays)
    with held(out) as folder:
        check_new(folder, overwrite)
        write(folder, {"checkpoint.npz": saved, "quantize.json": report})
    return report
