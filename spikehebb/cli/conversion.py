"""The command that converts networks: from rates to spikes, from spikes to LIF neurons."""

from __future__ import annotations

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
    from spikehebb import devices, jobs, plot
    from spikehebb.conversion import timing_for

    trained = jobs.read(checkpoint)
    learned, name = trained.learned(), data or jobs.trained_on(trained)
    if name is None:
        raise ValueError(f"{checkpoint} does not say what it was trained on; name the images with --data.")
    parts = ((part, limit_train if part == "train" else limit_test) for part in ("train", "test"))
    if learned is not None:
        if neurons not in (None, "lif") or order is not None:
            raise ValueError(
                f"{checkpoint} learned in spikes and becomes LIF neurons; leave --neurons and --order out, or give "
                "--neurons lif."
            )
        train, test = (images_of(name, part, data_dir, limit) for part, limit in parts)
        given: dict[str, Any] = {"present_ms": present, "calibration": calibration}
        with progress() as tell, jobs.held(out):
            made = jobs.convert_learned(
                learned,
                train,
                test,
                inhibition=inhibition,  # type: ignore[arg-type]
                dt_ms=dt,
                input_rate_hz=input_rate,
                source=checkpoint.name,
                device=devices.find(device),
                seed=seed,
                out=out,
                overwrite=overwrite,
                progress=tell,
                **{key: value for key, value in given.items() if value is not None},
            )
        if as_json:
            print_json(made.report)
            return
        say(f"{checkpoint} in LIF neurons, {len(test)} test images of {name}")
        _print_metrics(made.report["metrics"])
        fit = made.report["calibration"]
        say(f"  divergence of shares from the softmax, on training images: {fit['divergence']:.3f} nats")
        for file in ("run.json", "checkpoint.npz"):
            say(f"  {out / file}")
        return
    model, lif = trained.rates(), neurons == "lif"
    present, input_rate = 50.0 if present is None else present, 1000.0 if input_rate is None else input_rate
    options: dict[str, Any] = {} if order is None else {"order": order.replace("-", " ")}
    timing = timing_for(
        model.network,
        neurons="integrate" if lif else neurons or "integrate",
        present_ms=present,
        dt_ms=dt,
        input_rate_hz=input_rate,
        settle_ms=min(10.0, present / 5),
        **options,
    )
    train, test = (images_of(name, part, data_dir, limit) for part, limit in parts)
    with progress() as tell, jobs.held(out):
        run = jobs.convert_softhebb(
            model,
            train,
            test,
            timing,
            calibration=300 if calibration is None else calibration,
            lif=lif,
            source=checkpoint.name,
            device=devices.find(device),
            seed=seed,
            cores=cores,
            out=out,
            overwrite=overwrite,
            progress=tell,
        )
        tell("drawing", 0)
        pictures = [*plot.conversion_pictures(run.report, out), page(out)]
        tell("drawing", 1)
    if as_json:
        print_json(run.report)
        return
    say(f"{checkpoint} in spikes, {len(test)} test images of {name}, {present:g} ms each")
    _print_metrics(run.report["metrics"])
    _print_stages(run.report["stages"])
    if lif:
        scores = run.report["lif"]
        say(
            f"  LIF: vote {100 * scores['accuracy_vote']:.2f} %, same winner {100 * scores['agreement_vote']:.2f} %, "
            f"{scores['spikes_per_image']:.3g} spikes/image, divergence {scores['calibration']['divergence']:.3f} nats"
        )
    for remark in run.report["remarks"]:
        say(f"  not exact: {remark}")
    for path in [*(out / file for file in ("run.json", "fidelity.json", "checkpoint.npz")), *pictures]:
        say(f"  {path}")


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
