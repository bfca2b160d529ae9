"""Commands for digit networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import DataDir, DeviceName, Json, Limit, commands, images_of, print_json, progress


@commands.command()
def learn(
    data: Annotated[str, typer.Option(help="digits, mnist or fashion-mnist.")],
    out: Annotated[Path, typer.Option(help="Folder for run.json, checkpoint.npz and the pictures.")],
    neurons: Annotated[int, typer.Option(help="Output neurons.")] = 100,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 1,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    data_dir: DataDir = None,
    limit_train: Limit = None,
    limit_test: Limit = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another run in the folder.")] = False,
    as_json: Json = False,
) -> None:
    """Let a spiking soft winner-take-all network teach itself images, and score it."""
    from spikehebb import devices, experiments, plot

    settings = experiments.Settings(neurons=neurons, epochs=epochs, seed=seed)
    where = devices.find(device)
    if device == "auto" and where is devices.NUMPY:
        typer.echo(f"spikehebb: {devices.SLOW}", err=True)
    train, test = (
        images_of(data, part, data_dir, limit) for part, limit in (("train", limit_train), ("test", limit_test))
    )
    with progress() as tell:
        run = experiments.learn_digits(train, test, settings, device=where, out=out, overwrite=overwrite, progress=tell)
        tell("drawing", 0)
        pictures = plot.digit_pictures(run, test, out)
        tell("drawing", 1)
    if as_json:
        print_json(run.report)
        return
    _print_scores(f"{neurons} neurons after {epochs} x {len(train)} images of {data}", run.report["metrics"])
    for path in [out / "run.json", out / "checkpoint.npz", *pictures]:
        typer.echo(f"  {path}")


@commands.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")],
    data: Annotated[str, typer.Option(help="digits, mnist or fashion-mnist.")],
    device: Annotated[str | None, typer.Option(help="The one it was trained on when left out.")] = None,
    data_dir: DataDir = None,
    limit_test: Limit = None,
    as_json: Json = False,
) -> None:
    """Score a saved network again."""
    from spikehebb import devices, experiments

    trained = experiments.load_digits(checkpoint)
    where = None if device is None else devices.find(device)
    test = images_of(data, "test", data_dir, limit_test)
    with progress() as tell:
        result = experiments.evaluate(trained, test, device=where, progress=tell)
    if as_json:
        print_json(result)
    else:
        _print_scores(f"{checkpoint} on {len(test)} test images of {data}", result["metrics"])


def _print_scores(title: str, scores: dict[str, Any]) -> None:
    typer.echo(title)
    for name, value in scores.items():
        text = f"{100 * value:.2f} %" if name.startswith("accuracy") else f"{value:.4g}"
        typer.echo(f"  {name:24} {text}")
