"""Commands that look into trained SoftHebb networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikehebb.cli.common import Data, DataDir, Json, Limit, Size, command, images_of, into, print_json, progress, say
from spikehebb.cli.softhebb import softhebb


@command(None, "softhebb look runs/cifar1 --data cifar10 --out runs/look", group=softhebb)
def look(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or the folder of a run.")],
    data: Data,
    out: Annotated[Path, into("Folder for the pictures.")],
    layer: Annotated[int, typer.Option(help="From 1; the last when left out.")] = 0,
    units: Annotated[str, typer.Option(help="Numbers of units, as a list; the first 8 when left out.")] = "",
    best: Annotated[int, typer.Option(help="Patches of each unit.")] = 9,
    shown: Annotated[int, typer.Option(help="Test images that patches are taken from and that are embedded.")] = 1000,
    radius: Annotated[float, typer.Option(help="How far from grey the images of gradient ascent may lie.")] = 4.0,
    seed: Annotated[int, typer.Option(help="Of which images, noise and embedding.")] = 0,
    data_dir: DataDir = None,
    size: Size = None,
) -> None:
    """Draw the best patches of units, images that drive them most, and test images by their features (t-SNE)."""
    from spikehebb import jobs, plot
    from spikehebb.cli import parse
    from spikehebb.datasets import sample
    from spikehebb.softhebb import load_model, statistics
    from spikehebb.softhebb.ascent import ascended
    from spikehebb.softhebb.embedding import embedded

    model = load_model(checkpoint)
    number = layer - 1 if layer else len(model.layers) - 1
    statistics.check_layer(model.network, number)
    count = model.network.layers[number].units
    chosen = list(parse.list_of("--units", units, int)) if units else list(range(min(8, count)))
    wanted = statistics.check_units(model.network, number, chosen)
    images = sample(images_of(data, "test", data_dir, None, size), shown, seed)
    with progress("nothing was written") as tell, jobs.held(out):
        tell("patches", 0)
        patches = statistics.best_patches(model, number, images, best, units=wanted)
        tell("gradient ascent", 0.2)
        made = ascended(model, number, wanted, radius=radius, seed=seed)[:, None]
        tell("embedding", 0.5)
        points = embedded(model, images, depth=number + 1, seed=seed)
        title = f"{len(images)} test images by the features of layer {number + 1} (t-SNE)"
        figures = {
            f"best_patches_layer{number + 1}": plot.unit_patches(patches, wanted.tolist(), number),
            f"ascent_layer{number + 1}": plot.unit_patches(made, wanted.tolist(), number),
            f"embedding_layer{number + 1}": plot.embedding(points, images.labels, images.classes, title),
        }
        paths = [plot.save(figure, out / f"{name}.png") for name, figure in figures.items()]
    for path in paths:
        say(f"  {path}")


@command(None, "softhebb robustness runs/dense --data mnist --out runs/robust", group=softhebb)
def robustness(
    checkpoints: Annotated[list[Path], typer.Argument(help="Checkpoints, or folders of runs, to compare.")],
    data: Data,
    out: Annotated[Path, into("Folder for robustness.json and the picture.")],
    noise: Annotated[str, typer.Option(help="Standard deviations of Gaussian noise, as a list.")] = "0,0.1,0.2,0.3,0.5",
    attack: Annotated[str, typer.Option(help="Largest changes of a pixel, as a list.")] = "0,0.01,0.02,0.05,0.1",
    steps: Annotated[int, typer.Option(help="Of the gradient attack.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    data_dir: DataDir = None,
    size: Size = None,
    limit_test: Limit = None,
    as_json: Json = False,
) -> None:
    """Draw how accurate networks stay on noisy images and under a gradient attack."""
    from spikehebb import jobs, plot
    from spikehebb.cli import parse
    from spikehebb.jobs.run import write
    from spikehebb.softhebb import load_model

    test = images_of(data, "test", data_dir, limit_test, size)
    names = [path.name or str(path) for path in checkpoints]
    if len(set(names)) < len(names):
        names = list(map(str, checkpoints))
    models = {name: load_model(path) for name, path in zip(names, checkpoints, strict=True)}
    with progress("nothing was written") as tell, jobs.held(out):
        report = jobs.robustness(
            models,
            test,
            noise=parse.list_of("--noise", noise, float),
            attack=parse.list_of("--attack", attack, float),
            steps=steps,
            seed=seed,
            progress=tell,
        )
        write(out, {"robustness.json": report})
        picture = plot.save(plot.robustness(report), out / "robustness.png")
    if as_json:
        print_json(report)
        return
    for name, found in report["networks"].items():
        for what, points in found.items():
            say(f"  {name}, {what}: " + ", ".join(f"{p['size']:g}: {100 * p['accuracy']:.1f} %" for p in points))
    for path in (out / "robustness.json", picture):
        say(f"  {path}")
