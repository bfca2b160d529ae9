"""The command that examines this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spikehebb.cli.common import MACHINE, Json, command, print_json, say
from spikehebb.reading import printable

_NEURONS, _REPLICAS = (100, 400, 1600, 6400), (1, 16, 64)


@command(MACHINE, "doctor", "doctor --advise")
def doctor(
    as_json: Json = False,
    clear_cache: Annotated[bool, typer.Option("--clear-cache", help="Delete compiled programs.")] = False,
    advise: Annotated[
        bool, typer.Option("--advise", help="Show where networks of several sizes learn fastest: CPU or GPU.")
    ] = False,
) -> None:
    """Show what works on this machine, what does not, and what to do about it."""
    from spikehebb.doctor import examine
    from spikehebb.simulation import programs

    if clear_cache:
        say(f"deleted {programs.clear() / 1e6:.0f} MB of compiled programs", err=True)
    if advise:
        _advise(as_json)
        return
    findings = examine()
    if as_json:
        print_json([vars(finding) for finding in findings])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "what", "found", "what to do"):
        table.add_column(title)
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[yellow]--[/]"
        table.add_row(mark, *map(Text, (finding.what, finding.found, finding.remedy)))
    Console().print(table)


def _advise(as_json: bool) -> None:
    """Show what an image takes on CPU and GPU, for networks that learn digits."""
    from spikehebb import jobs
    from spikehebb.simulation import costs

    rows = []
    for neurons in _NEURONS:
        for replicas in _REPLICAS:
            advice = jobs.advise(jobs.Settings(neurons=neurons), replicas=replicas)
            times = {"cpu_ms": 1000 * advice.cpu, "gpu_ms": 1000 * advice.gpu}
            rows.append({"neurons": neurons, "replicas": replicas, **times, "device": advice.device.name})
    cpu, gpu = costs.known()
    if as_json:
        print_json({"networks": rows, "cpu": vars(cpu), "gpu": vars(gpu), "reason": advice.reason})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("neurons", "replicas", "ms per image, CPU", "ms per image, GPU", "device"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    console = Console()
    console.print(table)
    source = f"CPU: {cpu.measured or 'assumed'}. GPU: {gpu.measured or 'assumed, not yet measured on a GPU'}."
    console.print(printable(source, 1000), soft_wrap=True, markup=False)
    console.print(f"The last one: {advice.reason.removesuffix('.')}.", soft_wrap=True, markup=False)
