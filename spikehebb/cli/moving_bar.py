"""The command that lets neurons learn a moving bar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikehebb.cli.common import (
    IMAGES,
    DeviceName,
    Json,
    Overwrite,
    command,
    into,
    known,
    page,
    print_json,
    progress,
    say,
)


@command(IMAGES, "moving-bar --out runs/bar", name="moving-bar")
def moving_bar(
    out: Annotated[Path, into("Folder for run.json.")],
    neurons: Annotated[int, typer.Option(help="Output neurons.")] = 24,
    pixels: Annotated[int, typer.Option(help="Pixels of a side, and frames until the bar has crossed them.")] = 8,
    delays: Annotated[int, typer.Option(help="Synapses from each pixel to each neuron, each a frame later.")] = 8,
    films: Annotated[int, typer.Option(help="Films to learn from.")] = 1200,
    frame: Annotated[float, typer.Option(help="Duration of a frame in ms.")] = 5.0,
    rule: Annotated[str, typer.Option(callback=known("rule"), help="What the synapses learn by.")] = "softhebb",
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Let neurons learn a bar that moves in four directions, through delays, and print how selective they become."""
    from spikehebb import jobs

    task = jobs.MovingBar(
        neurons=neurons, pixels=pixels, delays=delays, films=films, frame_ms=frame, rule=rule, seed=seed
    )
    with progress() as tell, jobs.held(out):
        report = jobs.learn_direction(task, device=device, out=out, overwrite=overwrite, progress=tell)
        written = [out / "run.json", page(out)]
    if as_json:
        print_json(report)
        return
    say(f"{neurons} neurons after {films} films of a bar that moves {', '.join(jobs.DIRECTIONS)}")
    for name, value in report["metrics"].items():
        say(f"  {name:30} {100 * value:.2f} %" if name.startswith("accuracy") else f"  {name:30} {value:.3f}")
    for path in written:
        say(f"  {path}")
