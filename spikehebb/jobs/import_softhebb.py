"""A published PyTorch checkpoint becomes a run folder."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikehebb import checkpoint
from spikehebb.jobs.run import check_new, versions
from spikehebb.jobs.softhebb_state import make_folder
from spikehebb.softhebb import save_model, statistics
from spikehebb.softhebb.torch_files import read_torch


def import_softhebb(
    file: Path,
    out: Path,
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
        The architecture, where the file does not tell.
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
    model = read_torch(file, image_shape, preset)
    header = {
        "kind": "softhebb",
        "source": {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
        "versions": versions(),
    }
    model = dataclasses.replace(model, header=header)
    report = {**header, "network": asdict(model.network), **statistics.summary(model)}
    make_folder(out)
    check_new(out, overwrite)
    save_model(model, out / "checkpoint.npz")
    checkpoint.write_json(out / "run.json", report)
    return report
