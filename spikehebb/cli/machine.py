"""The command that examines this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from spikehebb.cli.common import Json, commands, print_json


@commands.command()
def doctor(
    as_json: Json = False,
    clear_cache: Annotated[bool, typer.Option("--clear-cache", help="Delete compiled programs.")] = False,
) -> None:
    """Say what works on this machine, what does not, and what to do about it."""
    from spikehebb import programs
    from spikehebb.doctor import examine

    if clear_cache:
        typer.echo(f"deleted {programs.clear() / 1e6:.0f} MB of compiled programs", err=True)
    findings = examine()
    if as_json:
        print_json([vars(finding) for finding in findings])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "what", "found", "what to do"):
        table.add_column(title)
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[yellow]--[/]"
        table.add_row(mark, finding.what, finding.found, finding.remedy)
    Console().print(table)
