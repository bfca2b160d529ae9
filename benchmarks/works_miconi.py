"""Train Miconi's networks, read them out at every depth, and say what each intervention is worth.

python benchmarks/works_miconi.py --folder DIR --out FILE [--images N] [--seeds 0 1] [--few 8000] [--only both neither]

Layers learn one after the other, so the first layers of a network are those of a shallower one: each network is
trained once. Every network has a subfolder of DIR: what is finished is not trained again, what was interrupted goes on.
The published depth curve is compared with all images and several seeds, the interventions with --few images and fewer
updates; --few 0 leaves these out, --skip-curve the other.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import jobs
from spikehebb.checkpoint import write_json
from spikehebb.cli.common import progress
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.softhebb import Model, Network, Preset, find
from spikehebb.softhebb.backend import working
from spikehebb.softhebb.readout import predict, ridge
from spikehebb.softhebb.training import CHUNK, outputs

FAMILIES = {
    "both": "miconi-3",
    "dense only": "miconi-dense-3",
    "pruned only": "miconi-pruned-3",
    "neither": "miconi-neither-3",
    "random": "miconi-random-3",
}
DEPTHS = (1, 2, 3)


def network(family: str, images: int, updates: int) -> Preset:
    """All three layers, each with so many updates of 100 images, in whole epochs."""
    whole = find(FAMILIES[family])
    epochs = max(1, round(updates * whole.training.batch / images))
    return dataclasses.replace(whole, training=dataclasses.replace(whole.training, epochs=epochs))


def shallow(model: Model, depth: int) -> Model:
    """The first layers, the last averaged over quadrants as the preset of this depth has it."""
    pool = find(f"miconi-{depth}").layers[-1].pool
    *below, last = model.network.layers[:depth]
    layers = (*below, dataclasses.replace(last, pool=pool))
    shallower = Network(image_shape=model.network.image_shape, layers=layers)
    return Model(network=shallower, layers=model.layers[:depth])


def read_out(model: Model, train: Images, test: Images) -> float:
    """Return the accuracy on test images in %, of ridge regression on the features of training images."""
    with working() as (xp, each):
        features = outputs(model.network, model.layers, train, xp, each)
        parts = ((part, train.labels[n * CHUNK : n * CHUNK + len(part)]) for n, part in enumerate(features))
        weight, bias = ridge(parts, model.network.features, 10)
        found = predict(weight, bias, outputs(model.network, model.layers, test, xp, each))
    return 100 * float(np.mean(found == test.labels))


def accuracies(
    train: Images, test: Images, family: str, seed: int, folder: Path, updates: int = 1000
) -> dict[str, float]:
    """Return the accuracy on test images by depth, after training if need be."""
    preset = network(family, len(train), updates)
    out = folder / f"{family.replace(' ', '-')}-{len(train)}-{preset.training.epochs}-s{seed}"
    with progress() as tell:
        run = jobs.train_softhebb(train, test, preset, seed=seed, out=out, progress=tell)
    path = out / "by_depth.json"
    if not path.exists():
        found = {str(depth): read_out(shallow(run.model, depth), train, test) for depth in DEPTHS[:-1]}
        write_json(path, {**found, str(DEPTHS[-1]): 100 * float(run.report["metrics"]["accuracy_test"])})
    done: dict[str, float] = json.loads(path.read_text())
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, help="training images of the depth curve; all when left out")
    parser.add_argument("--few", type=int, default=8000, help="training images of the interventions; 0: none")
    parser.add_argument("--updates", type=int, default=400, help="of each layer, for the interventions")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES), help="of the interventions")
    parser.add_argument("--skip-curve", action="store_true", help="only the interventions")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    train, test = load("cifar10", "train"), load("cifar10", "test")
    report: dict[str, Any] = {"versions": jobs.versions(), "interventions": [], "depth curve": []}

    def keep(part: str, entry: dict[str, Any]) -> None:
        report[part].append(entry)
        print(part, json.dumps(entry), flush=True)
        write_json(options.out, report)

    for family in options.only if options.few else ():
        few, few_tests = train[: options.few], test[: max(options.few // 4, 1)]
        found = accuracies(few, few_tests, family, 0, options.folder, options.updates)
        sizes = {"images": len(few), "test_images": len(few_tests), "updates": options.updates, "seed": 0}
        keep("interventions", {"family": family, **sizes, "accuracy_by_depth": found})
    if options.skip_curve:
        return
    curve = train[: options.images] if options.images else train
    scores = {}
    for seed in options.seeds:
        scores[seed] = accuracies(curve, test, "both", seed, options.folder)
        keep("depth curve", {"images": len(curve), "seed": seed, "accuracy_by_depth": scores[seed]})
    report["means"] = {
        depth: {
            "mean": statistics.mean(each[depth] for each in scores.values()),
            "published": find(f"miconi-{depth}").published,
        }
        for depth in map(str, DEPTHS)
    }
    write_json(options.out, report)


if __name__ == "__main__":
    main()
