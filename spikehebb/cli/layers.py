"""The command that lets convolutional layers learn in spikes, one after the other."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import (
    IMAGES,
    Colour,
    Data,
    DataDir,
    DeviceName,
    Json,
    Limit,
    Overwrite,
    Size,
    command,
    images_of,
    into,
    page,
    print_json,
    print_warnings,
    progress,
    say,
)


@command(
    IMAGES,
    "learn-layers --data digits --units 16 --kernel 3 --pool 2 --out runs/layer",
    "learn-layers --data mnist --limit-train 1000 --limit-test 2000 --out runs/deep",
    name="learn-layers",
)
def learn_layers(
    out: Annotated[Path, into("Folder for run.json, checkpoint.npz and the pictures.")],
    data: Data = "mnist",
    units: Annotated[str, typer.Option(metavar="N,N,...", help="Of every layer.")] = "32,128",
    kernel: Annotated[str, typer.Option(metavar="N,N,...", help="Side of the fields of every layer.")] = "5,3",
    pool: Annotated[str, typer.Option(metavar="N,N,...", help="Side of the squares it pools; 1: nothing.")] = "4,2",
    stride: Annotated[str, typer.Option(metavar="N,N,...", help="From field to field; 1 when left out.")] = "",
    temperature: Annotated[float, typer.Option(help="Of the competition, for patches of length 1.")] = 0.02,
    eta: Annotated[float, typer.Option(help="Learning rate at the start.")] = 0.1,
    patches: Annotated[int | None, typer.Option(help="From which each layer learns.")] = None,
    show: Annotated[float | None, typer.Option(help="How long layers look at an image, in ms.")] = None,
    strength: Annotated[float | None, typer.Option(help="Of the readout's ridge penalty.")] = None,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    data_dir: DataDir = None,
    size: Size = None,
    colour: Colour = False,
    limit_train: Limit = None,
    limit_test: Limit = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Let convolutional layers learn in spikes without labels, each from the spikes below it; then a linear readout."""
    from spikehebb import jobs, plot

    lists = {"units": units, "kernel": kernel, "pool": pool, "stride": stride}
    settings = settings_of(lists, temperature=temperature, eta=eta)
    given = {"patches": patches, "show_ms": show, "strength": strength}
    settings = dataclasses.replace(settings, seed=seed, **{k: v for k, v in given.items() if v is not None})
    train, test = (
        images_of(data, part, data_dir, limit, size, grey=not colour)
        for part, limit in (("train", limit_train), ("test", limit_test))
    )
    with progress() as tell, jobs.held(out):
        run = jobs.learn_layers(train, test, settings, device=device, out=out, overwrite=overwrite, progress=tell)
        tell("drawing", 0)
        pictures = [*plot.softhebb_pictures(run.model, run.report, out, train), page(out)]
        tell("drawing", 1)
    print_warnings(run.report)
    if as_json:
        print_json(run.report)
        return
    say(f"{units} units, {len(train)} images of {data}, seed {seed}")
    for depth, accuracy in run.report["metrics"]["accuracy_by_layer"].items():
        say(f"  readout of layer {depth:12} {100 * accuracy:.2f} %")
    spikes = ", ".join(f"{count:,.0f}" for count in run.report["metrics"]["spikes_per_image"])
    say(f"  spikes an image (input, layers) {spikes}")
    for path in pictures:
        say(f"  {path}")


def settings_of(lists: dict[str, str], *, temperature: float, eta: float) -> Any:
    """Return the settings of layers whose numbers are given as texts, one for each layer."""
    from spikehebb.jobs import LayerSettings
    from spikehebb.jobs.layer_settings import LAYERS
    from spikehebb.softhebb import Pool

    if not temperature > 0:
        raise ValueError(f"--temperature must be above 0, got {temperature:g}.")
    numbers = {name: _numbers(name, text) for name, text in lists.items() if text or name != "stride"}
    depth = len(numbers["units"])
    for name, each in numbers.items():
        if len(each) != depth:
            raise ValueError(
                f"--{name} {lists[name]} and --units {lists['units']} are not as many numbers; give one for each "
                "layer, with commas between."
            )
    strides = numbers.get("stride", [1] * depth)
    sizes = zip(numbers["units"], numbers["kernel"], numbers["pool"], strides, strict=True)
    layers = tuple(
        dataclasses.replace(
            LAYERS[0],
            units=units,
            kernel=kernel,
            stride=stride,
            padding=kernel // 2 if number else 0,
            pool=Pool(size=pool, stride=pool) if pool != 1 else None,
            inverse_temperature=1 / temperature,
            eta=eta,
        )
        for number, (units, kernel, pool, stride) in enumerate(sizes)
    )
    return LayerSettings(layers=layers)


def _numbers(name: str, text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(f"--{name} takes whole numbers with commas between, such as 32,128, got {text!r}.") from None
