"""What could take SoftHebb beyond its published accuracy on CIFAR-10: ideas beside their baselines, on few images.

python benchmarks/works_beyond.py --folder DIR --out FILE [--images 8000] [--held-out 2000] [--seed 0] [--only NAME ...]

Layers and readout learn from the first --images training images; the accuracies are those on the last --held-out
training images. Test images are not looked at. Every layer is read out on a grid of 4 x 4 cells by ridge regression on
features of variance 1, at the best of seven penalties. Networks and results are kept in DIR.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import solve

from spikehebb import jobs
from spikehebb.checkpoint import write_json
from spikehebb.cli.common import progress
from spikehebb.core import Images
from spikehebb.core.progress import Progress
from spikehebb.datasets import load
from spikehebb.softhebb import Model, Pool, Preset, find, load_model, save_model, training
from spikehebb.softhebb.backend import working
from spikehebb.softhebb.joined import joined_features
from spikehebb.softhebb.model import Array

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
ONE, TWO = find("cifar-1"), find("cifar-2")


def of_kernel(kernel: int) -> Preset:
    """The one layer with another kernel."""
    return ONE.with_layers(kernel=kernel, padding=kernel // 2)


# For each idea: networks side by side, and whether only the last layer of each is read out.
IDEAS: dict[str, tuple[tuple[Preset, ...], bool]] = {
    "one layer": ((ONE,), True),
    "one layer, whitened images": ((ONE.with_layers(whitening=1e-3),), True),
    "one layer, maximum instead of average, exponent 1": (
        (ONE.with_layers(pool=Pool(kind="max", size=4, stride=2, padding=1), exponent=1.0),),
        True,
    ),
    "one layer, 288 units": ((ONE.with_layers(units=288),), True),
    "one layer, kernels 3, 5 and 7 of 96 units": ((of_kernel(3), ONE, of_kernel(7)), True),
    "two layers": ((TWO,), True),
    "two layers, both read out": ((TWO,), False),
}


def trained(preset: Preset, images: Images, seed: int, path: Path, tell: Progress) -> Model:
    """Return the network after one epoch, from a file, if that is there."""
    if path.exists():
        return load_model(path)
    network = preset.network(images.image_shape)
    layers = training.whitened(network, training.start(network, seed), images)
    chunks = training.plan(network, preset.training, len(images))
    with working() as (xp, each):
        for number, chunk in enumerate(chunks):
            tell(path.stem, number / len(chunks))
            layers = training.learn_chunk(network, layers, preset.training, chunk, images, seed, xp, each)
    tell(path.stem, 1)
    model = Model(network=network, layers=layers)
    save_model(model, path)
    return model


def file_of(preset: Preset, images: int, seed: int) -> str:
    """Name a network's file by its layers."""
    layers = json.dumps([dataclasses.asdict(layer) for layer in preset.layers])
    return f"{hashlib.sha256(layers.encode()).hexdigest()[:12]}-{images}-s{seed}.npz"


def features(models: Sequence[Model], last: bool, parts: Sequence[Images]) -> list[Array]:
    """Return the features of training images and of those held out."""
    with working() as (xp, each):
        return [np.concatenate(list(joined_features(models, part, last=last, xp=xp, each=each))) for part in parts]


def scores(rows: Array, held: Array, parts: Sequence[Images]) -> dict[str, Any]:
    """Return how many features there are and the accuracy in % at each penalty."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    rows, held = (rows - mean) / spread, (held - mean) / spread
    train, labels = (np.asarray(part.labels) for part in parts)
    wanted = np.eye(10, dtype=np.float32)[train]
    gram, cross = rows.T @ rows / len(rows), rows.T @ (wanted - wanted.mean(axis=0)) / len(rows)
    found = {}
    for penalty in PENALTIES:
        weight = solve(gram + penalty * np.eye(len(gram), dtype=np.float32), cross, assume_a="pos")
        found[f"{penalty:g}"] = 100 * float(np.mean((held @ weight + wanted.mean(axis=0)).argmax(axis=1) == labels))
    return {"features": rows.shape[1], "by_penalty": found, "accuracy": max(found.values())}


def main() -> None:
    """Measure what is missing, write the table and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--held-out", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=IDEAS, default=list(IDEAS))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    every = load("cifar10", "train")
    parts = every[: given.images], every[-given.held_out :]
    sizes = {"images": given.images, "held_out": given.held_out, "seed": given.seed}
    table: dict[str, Any] = {}
    for name in given.only:
        presets, last = IDEAS[name]
        path = given.folder / f"{list(IDEAS).index(name)}-{given.images}-{given.held_out}-s{given.seed}.json"
        if not path.exists():
            with progress() as tell:
                models = [
                    trained(each, parts[0], given.seed, given.folder / file_of(each, given.images, given.seed), tell)
                    for each in presets
                ]
            rows, held = features(models, last, parts)
            write_json(path, scores(rows, held, parts))
        table[name] = json.loads(path.read_text())
        print(name, json.dumps(table[name]), flush=True)
        write_json(given.out, {**sizes, "versions": jobs.versions(), "table": table})


if __name__ == "__main__":
    main()
