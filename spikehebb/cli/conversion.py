"""The command that converts networks: from rates to spikes, from spikes to LIF neurons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import (
    IMAGES,
    DataDir,
    DeviceName,
    Json,
    Limit,
    Overwrite,
    command,
    images_of,
    into,
    page,
    print_json,
    progress,
    say,
)

_FILES = ("run.json", "fidelity.json", "checkpoint.npz")


@command(IMAGES, "convert runs/dense --out runs/spiking")
def convert(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="A SoftHebb network, or one that learned in spikes: folder of a run, .npz, .pth or .pth.tar."
        ),
    ],
    out: Annotated[Path, into("Folder for checkpoint.npz, run.json, fidelity.json and the pictures.")],
    data: Annotated[str | None, typer.Option(help="Images; those that it was trained on when left out.")] = None,
    neurons: Annotated[
        str | None,
        typer.Option(help="integrate (of rates, when left out), stochastic, or lif (a dense layer votes)."),
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="Layers fire together or in-turn; left out: one layer together, several in turn.")
    ] = None,
    present: Annotated[
        float | None, typer.Option(help="For how many ms an image is shown; 50, of what learned in spikes 100.")
    ] = None,
    dt: Annotated[float, typer.Option(help="Time step in ms.")] = 1.0,
    input_rate: Annotated[
        float | None, typer.Option(help="Rate of an input of 1, in Hz; 1000, or measured where it learned in spikes.")
    ] = None,
    inhibition: Annotated[
        str, typer.Option(help="Of LIF neurons from what learned in spikes: lateral or spiking.")
    ] = "lateral",
    calibration: Annotated[
        int | None, typer.Option(help="Training images that set the rates; 300, of what learned in spikes 100.")
    ] = None,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    cores: Annotated[int | None, typer.Option(help="For the rate network.")] = None,
    data_dir: DataDir = None,
    limit_train: Limit = None,
    limit_test: Limit = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Convert a SoftHebb network to spikes, or one that learned in spikes to LIF neurons; compare on test images."""
    from spikehebb import jobs, plot

    trained = jobs.read(checkpoint)
    name = data or jobs.trained_on(trained)
    if name is None:
        raise ValueError(f"{checkpoint} does not say what it was trained on; name the images with --data.")
    if trained.learned() is not None and (neurons not in (None, "lif") or order is not None):
        raise ValueError(
            f"{checkpoint} learned in spikes and becomes LIF neurons; leave --neurons and --order out, or give "
            "--neurons lif."
        )
    given = {"present_ms": present, "input_rate_hz": input_rate, "order": order and order.replace("-", " ")}
    parts = (("train", limit_train), ("test", limit_test))
    train, test = (images_of(name, part, data_dir, limit) for part, limit in parts)
    with progress() as tell, jobs.held(out):
        run = jobs.convert(
            trained,
            train,
            test,
            neurons=neurons,
            inhibition=inhibition,  # type: ignore[arg-type]
            calibration=calibration,
            source=checkpoint.name,
            device=device,
            seed=seed,
            cores=cores,
            out=out,
            overwrite=overwrite,
            progress=tell,
            dt_ms=dt,
            **{key: value for key, value in given.items() if value is not None},
        )
        tell("drawing", 0)
        pictures = [] if isinstance(run, jobs.LifRun) else plot.conversion_pictures(run.report, out)
        pages = [*pictures, page(out)]
        tell("drawing", 1)
    if as_json:
        print_json(run.report)
        return
    form = "LIF neurons" if isinstance(run, jobs.LifRun) else "spikes"
    say(f"{checkpoint} in {form}, {len(test)} test images of {name}")
    _print_metrics(run.report["metrics"])
    if isinstance(run, jobs.LifRun):
        fit = run.report["calibration"]
        say(f"  divergence of shares from the softmax, on training images: {fit['divergence']:.3f} nats")
    else:
        _print_fidelity(run.report)
    for path in [*(path for file in _FILES if (path := out / file).exists()), *pages]:
        say(f"  {path}")


def _print_fidelity(report: Mapping[str, Any]) -> None:
    _print_stages(report["stages"])
    if "lif" in report:
        scores = report["lif"]
        say(
            f"  LIF: vote {100 * scores['accuracy_vote']:.2f} %, same winner {100 * scores['agreement_vote']:.2f} %, "
            f"{scores['spikes_per_image']:.3g} spikes/image, divergence {scores['calibration']['divergence']:.3f} nats"
        )
    for remark in report["remarks"]:
        say(f"  not exact: {remark}")


def _print_metrics(scores: dict[str, Any]) -> None:
    for name, value in scores.items():
        percent = name.startswith(("accuracy", "agreement"))
        say(f"  {name:24} {f'{100 * value:.2f} %' if percent else f'{value:,.4g}'}")


def _print_stages(stages: list[dict[str, Any]]) -> None:
    say("  layer  units  positions  correlation  spikes/image  operations/image  divergence (of samples)")
    for number, stage in enumerate(stages, start=1):
        winners, likeness = stage["winners"], stage["correlation"]
        say(
            f"  {number:5}  {stage['units']:5}  {stage['positions']:9}  "
            f"{'-' if likeness is None else format(likeness, '11.4f'):>11}  {stage['spikes_per_image']:12,.0f}  "
            f"{stage['operations_per_image']:16,.0f}  "
            + ("-" if winners is None else f"{winners['divergence']:.3f} ({winners['sampling']:.3f}) nats")
        )
