"""Commands for SoftHebb networks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli import index
from spikehebb.cli.common import (
    IMAGES,
    Data,
    DataDir,
    Json,
    Limit,
    Overwrite,
    Size,
    command,
    commands,
    images_of,
    into,
    known,
    page,
    print_json,
    print_warnings,
    progress,
    say,
)

softhebb = typer.Typer(no_args_is_help=True, help="SoftHebb networks: train, evaluate, import checkpoints.")
commands.add_typer(softhebb, name="softhebb", rich_help_panel=IMAGES)

PresetName = Annotated[
    str, typer.Option("--preset", callback=known("softhebb preset"), help="A name that 'softhebb presets' lists.")
]
Method = Annotated[str | None, typer.Option("--readout", help="adam, ridge or logistic; the preset's when left out.")]
Cores = Annotated[int | None, typer.Option(help="All that this process may use when left out.")]
Where = Annotated[str, typer.Option("--device", help="cpu, or gpu with CuPy.")]


@command(None, "softhebb train --preset cifar-1 --data cifar10 --out runs/cifar1", group=softhebb)
def train(
    preset: PresetName,
    data: Data,
    out: Annotated[Path, into("Folder for run.json, checkpoint.npz and the pictures.")],
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    data_dir: DataDir = None,
    plasticity: Annotated[
        str | None, typer.Option(help="Instead of the preset's: soft-anti-hebbian, soft, hard, krotov-hopfield, none.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the soft competition in all layers, 1/t.")] = None,
    radius: Annotated[float | None, typer.Option(help="Norm of the weights at the start, in all layers.")] = None,
    activation: Annotated[
        str | None, typer.Option(help="Of all layers: triangle, repu, relu, tanh, softmax, winners.")
    ] = None,
    eta: Annotated[float | None, typer.Option(help="Learning rate of all layers.")] = None,
    rate: Annotated[str | None, typer.Option(help="Schedule of it in all layers: norm, linear, constant.")] = None,
    width: Annotated[float | None, typer.Option(help="A factor of the units of all layers.")] = None,
    order: Annotated[str | None, typer.Option(help="Layers learn successive or together.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Of the layers.")] = None,
    readout: Method = None,
    readout_epochs: Annotated[int | None, typer.Option(help="Of the readout (adam).")] = None,
    views: Annotated[
        int | None, typer.Option(help="Moved and mirrored versions of each image for the readout; 1: the images.")
    ] = None,
    device: Where = "cpu",
    cores: Cores = None,
    size: Size = None,
    limit_train: Limit = None,
    limit_test: Limit = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Train a SoftHebb network without labels, then a linear readout, and score it."""
    from spikehebb import jobs, plot
    from spikehebb.datasets import learning_part
    from spikehebb.softhebb import find

    layers = {"temperature": temperature, "radius": radius, "activation": activation, "eta": eta, "rate": rate}
    layers |= {"width": width}
    chosen = _changed(find(preset), plasticity, order, epochs, readout_epochs, layers, views)
    limits = (("train", limit_train), ("test", limit_test))
    train_images, test_images = (images_of(data, part, data_dir, limit, size) for part, limit in limits)
    part = learning_part(data)
    unlabelled = None if part == "train" else images_of(data, part, data_dir, limit_train, size)
    with progress() as tell, jobs.held(out):
        run = jobs.train_softhebb(
            train_images,
            test_images,
            chosen,
            unlabelled=unlabelled,
            method=readout,  # type: ignore[arg-type]
            seed=seed,
            device=device,
            cores=cores,
            out=out,
            overwrite=overwrite,
            progress=tell,
        )
        tell("drawing", 0)
        pictures = [*plot.softhebb_pictures(run.model, run.report, out, train_images), page(out)]
        tell("drawing", 1)
    print_warnings(run.report)
    if as_json:
        print_json(run.report)
        return
    say(f"{chosen.name}, {len(train_images)} images of {data}, seed {seed}")
    alike = plot.as_published(run.model, run.report)
    _print_scores(run.report["metrics"], None if alike is None else alike.published)
    _print_layers(run.report["layers"])
    for path in [out / "run.json", out / "checkpoint.npz", *pictures]:
        say(f"  {path}")


@command(None, "softhebb evaluate runs/cifar1 --data cifar10", group=softhebb)
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")],
    data: Data,
    data_dir: DataDir = None,
    device: Where = "cpu",
    cores: Cores = None,
    size: Size = None,
    limit_test: Limit = None,
    as_json: Json = False,
) -> None:
    """Score a saved SoftHebb network on test images."""
    from spikehebb import jobs
    from spikehebb.softhebb import load_model

    trained = jobs.RateNetwork(model=load_model(checkpoint))
    test = images_of(data, "test", data_dir, limit_test, size)
    with progress("nothing was written") as tell:
        result = trained.evaluate(test, device=device, cores=cores, progress=tell)
    if as_json:
        print_json(result)
        return
    say(f"{checkpoint} on {len(test)} test images of {data}")
    _print_scores(result["metrics"], None)


@command(None, "softhebb import weights.pth --preset cifar-3 --out runs/theirs", name="import", group=softhebb)
def import_(
    file: Annotated[Path, typer.Argument(help="A .pth or .pth.tar file of the authors' code, or of its demo.py.")],
    out: Annotated[Path, into("Folder for checkpoint.npz.")],
    preset: Annotated[
        str | None, typer.Option(help="The architecture, where the file and its shapes do not determine it.")
    ] = None,
    image_shape: Annotated[str, typer.Option(help="Channels, height and width of the images.")] = "3,32,32",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Read a published PyTorch checkpoint; nothing in it is run. Needs the torch extra."""
    from spikehebb import jobs

    report = jobs.import_softhebb(file, out, image_shape=_shape(image_shape), preset=preset, overwrite=overwrite)
    if as_json:
        print_json(report)
        return
    _print_layers(report["layers"])
    say(f"  {out / 'checkpoint.npz'}")


@command(None, "softhebb export runs/cifar1 --out weights.pth", group=softhebb)
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")],
    out: Annotated[Path, typer.Option(help="The .pth file to write.")],
    layout: Annotated[str, typer.Option(help="official, or demo for the three convolutions of demo.py.")] = "official",
) -> None:
    """Write a model as the authors' code or its demo.py names it. Needs the torch extra."""
    from spikehebb.softhebb import load_model
    from spikehebb.softhebb.torch_files import write_torch

    write_torch(load_model(checkpoint), out, layout)  # type: ignore[arg-type]
    say(f"  {out}")


@command(None, "softhebb presets", group=softhebb)
def presets(as_json: Json = False) -> None:
    """List the published networks and their controls."""
    listed = index.catalogue()["softhebb preset"]
    if as_json:
        print_json(listed)
        return
    for preset in listed.values():
        units = " ".join(str(layer["units"]) for layer in preset["layers"])
        accuracy = "" if preset["published"] is None else f"{preset['published']:g} %"
        say(f"{preset['name']:22} {accuracy:7} {units:24} {preset['summary']}")


def _changed(
    preset: Any,
    plasticity: str | None,
    order: str | None,
    epochs: int | None,
    readout_epochs: int | None,
    layers: dict[str, Any] | None = None,
    views: int | None = None,
) -> Any:
    if plasticity is not None:
        preset = preset.with_plasticity(plasticity)
    if others := {name: value for name, value in (layers or {}).items() if value is not None}:
        preset = preset.with_layers(**others)
    given = {"order": order, "epochs": epochs}
    changes = {name: value for name, value in given.items() if value is not None}
    training = dataclasses.replace(preset.training, **changes)
    read = {"epochs": readout_epochs, "views": views}
    readout = dataclasses.replace(preset.readout, **{name: value for name, value in read.items() if value is not None})
    return dataclasses.replace(preset, training=training, readout=readout)


def _shape(text: str) -> tuple[int, int, int]:
    try:
        channels, height, width = (int(side) for side in text.split(","))
    except ValueError as error:
        raise ValueError(f"--image-shape must be channels,height,width, as in 3,32,32; got {text!r}.") from error
    return channels, height, width


def _print_scores(scores: dict[str, Any], published: float | None) -> None:
    for name, value in scores.items():
        remark = f"   (published: {published:.2f} %)" if published is not None and name == "accuracy_test" else ""
        say(f"  {name:24} {100 * value:.2f} %{remark}")


def _print_layers(layers: list[dict[str, Any]]) -> None:
    for number, layer in enumerate(layers):
        winner = layer.get("winner_probability")
        share = "" if winner is None else f", winner's probability {winner:.3f}"
        say(f"  layer {number + 1}: norms {layer['norm_mean']:.2f} ± {layer['norm_sd']:.2f}{share}")
