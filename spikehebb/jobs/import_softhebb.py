"""A published PyTorch checkpoint becomes a run folder."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikehebb.jobs.run import check_new, held, versions, write
from spikehebb.softhebb import model_file, statistics
from spikehebb.softhebb.torch_files import read_torch


def import_softhebb(
    file: Path | str,
    out: Path | str,
    *,
    image_shape: tuple[int, int, int] = (3, 32, 32),
    preset: str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Read a PyTorch checkpoint of a SoftHebb network and write it as ``checkpoint.npz`` and ``run.json``.

    Parameters
    ----------
    file : path
        See ``softhebb.torch_files.read_torch``: nothing in it is run.
    out : path
        A folder.
    image_shape : (int, int, int)
        Channels, height, width.
    preset : str, optional
        The architecture, where the file does not determine it.
    overwrite : bool
        Replace another run in ``out``.

    Returns
    -------
    dict
        What ``run.json`` holds.

    Raises
    ------
    FileNotFoundError, FileExistsError, ValueError
    OSError
        If nothing can be written into ``out``.
    RuntimeError
        If PyTorch is not installed.
    """
    file, out = Path(file), Path(out)
    with held(out) as folder:
        check_new(folder, overwrite)
        model = read_torch(file, image_shape, preset)
        header = {
            "kind": model_file.KIND,
            "source": {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
            "versions": versions(),
        }
        model = dataclasses.replace(model, header=header)
        report = {**header, "network": asdict(model.network), **statistics.summary(model)}
        write(folder, {"checkpoint.npz": model_file.to_checkpoint(model), "run.json": report})
    return report
