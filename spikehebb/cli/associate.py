"""The command that associates patterns with targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import (
    RULES,
    DataDir,
    DeviceName,
    Json,
    OptionalData,
    Overwrite,
    command,
    images_of,
    into,
    page,
    print_json,
    progress,
    say,
)


@command(RULES, "associate --patterns correlated --out runs/associate")
def associate(
    out: Annotated[Path, into("Folder for run.json and the picture.")],
    patterns: Annotated[str, typer.Option(help="random, correlated, biased or sparse bits.")] = "random",
    data: OptionalData = None,
    targets: Annotated[
        str | None,
        typer.Option(help="bits, one (of all), self or, of images, labels; bits, of softmax one, if left out."),
    ] = None,
    count: Annotated[int, typer.Option(help="Patterns.")] = 100,
    count_test: Annotated[int, typer.Option(help="Of --data: images that are not learnt, to be answered.")] = 0,
    inputs: Annotated[int, typer.Option(help="Length of patterns that are drawn.")] = 200,
    outputs: Annotated[int, typer.Option(help="Length of targets that are drawn.")] = 200,
    unit: Annotated[
        str, typer.Option(help="identity, step, rectifier, tanh, sigmoid, softmax or exponential.")
    ] = "sigmoid",
    rules: Annotated[str, typer.Option(help="As a list.")] = "hebbian,gradient,covariance,hebb",
    etas: Annotated[str, typer.Option(help="Learning rates; each rule takes its best.")] = (
        "0.002,0.005,0.01,0.02,0.05,0.1,0.2,0.5,1"
    ),
    centring: Annotated[str, typer.Option(help="mean, running or none.")] = "mean",
    tau: Annotated[float, typer.Option(help="Of the running mean, in patterns.")] = 100.0,
    passes: Annotated[int, typer.Option(help="How often all patterns are presented.")] = 1,
    batch: Annotated[int, typer.Option(help="Patterns in a batch.")] = 1,
    decay: Annotated[float, typer.Option(help="Of the weights, in each batch.")] = 0.0,
    hidden: Annotated[str, typer.Option(help="Units of hidden layers, as a list: 200,200.")] = "",
    hidden_unit: Annotated[str, typer.Option(help="tanh, sigmoid or rectifier.")] = "tanh",
    sets: Annotated[int, typer.Option(help="Sets of patterns, to average over.")] = 1,
    device: DeviceName = "numpy",
    seed: Annotated[int, typer.Option(help="Of patterns and weights.")] = 0,
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Associate patterns by Hebbian descent, beside gradient descent, covariance and Hebb: errors, and forgetting."""
    from spikehebb import datasets, devices, jobs, plot
    from spikehebb.cli import parse

    settings = jobs.Association(
        unit=unit,
        rules=parse.words(rules),
        etas=parse.list_of("--etas", etas, float),
        centring=centring,
        tau=tau,
        passes=passes,
        batch=batch,
        decay=decay,
        hidden=parse.list_of("--hidden", hidden, int),
        hidden_unit=hidden_unit,
        seed=seed,
    )
    kind = targets or ("one" if unit == "softmax" else "bits")
    if sets < 1:
        raise ValueError(f"--sets must be at least 1, got {sets}.")
    if data is None:
        if count_test:
            raise ValueError("--count-test is for images that are not learnt; give --data, or leave it out.")
        learnt: list[Any] = [
            datasets.patterns(patterns, count, inputs, outputs, targets=kind, seed=seed + each) for each in range(sets)
        ]
        tests: list[Any] = []
    else:
        learnt = _images(data, "train", data_dir, count, sets, outputs, kind, seed)
        tests = _images(data, "test", data_dir, count_test, sets, outputs, kind, seed) if count_test else []
    with progress() as tell, jobs.held(out):
        report = jobs.associate(
            learnt, settings, tests=tests, device=devices.find(device), out=out, overwrite=overwrite, progress=tell
        )
        shown = [plot.save(plot.association(report), out / "association.png"), page(out)]
    if as_json:
        print_json(report)
        return
    say(f"{'mean |h - target|':18}{'eta':>8}{'first 10':>10}{'middle':>10}{'last 10':>10}{'all':>10}{'loss':>12}")
    for rule, each in report["rules"].items():
        errors = "".join(f"{each['summary'][part]:10.4f}" for part in ("first", "middle", "last", "all"))
        say(f"{rule:18}{each['eta']:8g}{errors}{each['loss']:12.4f}")
    if tests:
        for rule, each in report["rules"].items():
            say(f"{rule:18}of images that were not learnt {100 * each['test_right']:.2f} % are answered right")
    for path in (out / "run.json", *shown):
        say(f"  {path}")


def _images(
    data: str, part: str, data_dir: Path | None, count: int, sets: int, outputs: int, targets: str, seed: int
) -> list[Any]:
    """Return sets of different images, each balanced over classes."""
    from spikehebb import datasets

    images = images_of(data, part, data_dir, count * sets, grey=True)
    if len(images) < count * sets:
        raise ValueError(f"{images.name} has {len(images):,} images, but {count * sets:,} were asked for; take fewer.")
    return [
        datasets.image_patterns(
            images[each * count : (each + 1) * count],
            outputs,
            targets=targets,
            seed=seed + each,
            classes=len(images.classes),
        )
        for each in range(sets)
    ]
