"""Commands that measure what a network loses in a chip's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import (
    CHIPS,
    Data,
    DataDir,
    DeviceName,
    Json,
    Limit,
    Overwrite,
    command,
    commands,
    images_of,
    into,
    page,
    print_json,
    progress,
    say,
)
from spikehebb.cli.hardware import Set, target_of

study = typer.Typer(no_args_is_help=True, help="Measure what a network loses in a chip's numbers.")
commands.add_typer(study, name="study", rich_help_panel=CHIPS)


@command(None, "study bits --data digits --neurons 100 --out runs/bits", group=study)
def bits(
    data: Data,
    out: Annotated[Path, into("Folder for study.json, study.csv and the picture.")],
    neurons: Annotated[int, typer.Option(help="Output neurons.")] = 400,
    circuit: Annotated[str, typer.Option(help="What learns: a circuit of learn, such as lif_first.")] = "soft_wta",
    target: Annotated[str, typer.Option(help="A chip that learns, of hardware list.")] = "loihi1",
    set_: Set = None,
    weight_bits: Annotated[str, typer.Option(help="Bits of a weight, as a list.")] = "8,7,6,5,4,3,2,1",
    trace_bits: Annotated[str, typer.Option(help="Bits of a trace, as a list.")] = "7,6,5,4,3,2",
    spreads: Annotated[
        str, typer.Option(help="Spreads of neurons and of synapses, as a list.")
    ] = "0.05,0.1,0.2,0.4,0.8",
    dropped: Annotated[str, typer.Option(help="Shares of synapses that are broken.")] = "0.05,0.1,0.2,0.4,0.6,0.8",
    learning: Annotated[
        bool, typer.Option("--learning/--no-learning", help="Learn under the limits, too, which takes longest.")
    ] = True,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    data_dir: DataDir = None,
    limit_train: Limit = None,
    limit_test: Limit = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Draw accuracy against bits, rounding, mismatch and broken synapses, after training and learning under limits."""
    from spikehebb import devices, jobs, plot
    from spikehebb.checkpoint import write_whole
    from spikehebb.cli import parse

    asked: dict[str, Any] = {
        "bits": parse.list_of("--weight-bits", weight_bits, int),
        "trace_bits": parse.list_of("--trace-bits", trace_bits, int),
        "spreads": parse.list_of("--spreads", spreads, float),
        "dropped": parse.list_of("--dropped", dropped, float),
    }
    settings = jobs.Settings(neurons=neurons, circuit=circuit, seed=seed)
    train, test = (
        images_of(data, part, data_dir, limit) for part, limit in (("train", limit_train), ("test", limit_test))
    )
    with progress() as tell, jobs.held(out):
        report = jobs.study_bits(
            train,
            test,
            settings,
            target=target_of(target, set_ or ()),
            learning=learning,
            device=devices.find(device),
            out=out,
            overwrite=overwrite,
            progress=tell,
            **asked,
        )
        table = jobs.study_table(report)
        text = "\n".join([",".join(table[0]), *(",".join(map(_cell, row)) for row in table[1:])]) + "\n"
        write_whole(out / "study.csv", lambda file: file.write(text.encode()))
        picture = plot.save(plot.study(report), out / "study.png")
        page(out)
    if as_json:
        print_json(report)
        return
    for row in table:
        say("  ".join(f"{_cell(cell):>17}" for cell in row))
    for path in (out / "study.json", out / "study.csv", picture, out / "report.html"):
        say(f"  {path}")


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
