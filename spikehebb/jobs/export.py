"""Export of trained networks: as NIR, as arrays, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikehebb.equations import did_you_mean
from spikehebb.export import sizes, write_csv, write_nir, write_npz
from spikehebb.jobs.trained import Trained, opened

FORMATS = ("nir", "npz", "csv")


def export_network(
    trained: Trained | str | Path,
    out: Path | str,
    *,
    format: str = "nir",
    dialect: str = "nir",
    lateral: bool = True,
    keep_rules: bool = False,
) -> dict[str, Any]:
    """Export a trained network.

    Parameters
    ----------
    trained : Trained
    out : path
        The file; of ``csv`` a new folder or a file that ends in ``.zip``.
    format : str
        ``nir``, ``npz`` or ``csv``.
    dialect : str
        Of NIR; see ``export.circuit_graph``.
    lateral : bool
        Where false, NIR without lateral inhibition, and labelled so.
    keep_rules : bool
        Write how weights learned beside them.

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    ValueError
        If the format cannot represent the network; the message names why.
    FileExistsError, OSError
    """
    trained, out = opened(trained), Path(out)
    if format not in FORMATS:
        raise ValueError(f"there is no format {format!r}.{did_you_mean(format, FORMATS)}")
    if format != "nir" and (dialect != "nir" or not lateral):
        raise ValueError(f"a dialect, or leaving lateral inhibition out, is for format nir, not {format}.")
    report: dict[str, Any] = {"file": str(out), "format": format, "kind": trained.header["kind"]}
    if format == "nir":
        graph = trained.graph(dialect=dialect, lateral=lateral, keep_rules=keep_rules)
        write_nir(graph, out)
        return {**report, "dialect": dialect, "graph": sizes(graph), "metadata": dict(graph.metadata)}
    network = trained.plain(rules=keep_rules)
    (write_npz if format == "npz" else write_csv)(network, out)
    return {**report, "arrays": {name: list(array.shape) for name, array in network.arrays.items()}}
