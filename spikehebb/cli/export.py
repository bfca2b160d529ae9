"""The command that exports a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikehebb.cli.common import CHIPS, Json, command, print_json, say


@command(CHIPS, "export runs/lif --format nir --dialect norse --out runs/lif.nir")
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of any kind, or the folder of a run.")],
    out: Annotated[Path, typer.Option(help="The file; of csv a new folder, or a file that ends in .zip.")],
    format: Annotated[str, typer.Option(help="nir, npz (arrays with JSON) or csv (tables).")] = "nir",
    dialect: Annotated[str, typer.Option(help="Of NIR: nir, or norse, snntorch as these simulators read it.")] = "nir",
    rules: Annotated[bool, typer.Option("--rules", help="Keep the texts of learning rules as metadata.")] = False,
    feed_forward: Annotated[
        bool, typer.Option("--feed-forward", help="NIR without lateral inhibition: other spikes, and labelled so.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a trained network for other tools: NIR, arrays or tables."""
    from spikehebb import jobs

    trained = jobs.read(checkpoint)
    report = jobs.export_network(
        trained, out, format=format, dialect=dialect, lateral=not feed_forward, keep_rules=rules
    )
    if as_json:
        print_json(report)
        return
    if format == "nir":
        parts = ", ".join(f"{number:,} {kind}" for kind, number in report["graph"].items())
        say(f"NIR graph, dialect {dialect}, dt {1000 * report['metadata']['dt']:g} ms: {parts}")
    else:
        say(f"{len(report['arrays'])} arrays of a network of kind {report['kind']}")
    say(f"  {out}")
