"""Train Miconi's networks by depth, and what each intervention is worth: about two hours on two cores.

python benchmarks/works_miconi.py --folder DIR --out FILE [--images N] [--seeds 0 1] [--few 8000] [--only both neither]

Every network has a subfolder of DIR: what is finished is not trained again, what was interrupted goes on. The published
depth curve is compared with all images and several seeds, the interventions with --few images and as many updates.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
from pathlib import Path
from typing import Any

from spikehebb.cli.common import progress
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.jobs import train_softhebb
from spikehebb.softhebb import Preset, find

UPDATES = 1000  # of each layer, 100 images each
FAMILIES = {
    "both": "miconi-3",
    "dense only": "miconi-dense-3",
    "pruned only": "miconi-pruned-3",
    "neither": "miconi-neither-3",
    "random": "miconi-random-3",
}


def network(family: str, depth: int, images: int) -> Preset:
    """The first layers of a network, the last averaged over quadrants, with as many updates as on all images."""
    whole, pool = find(FAMILIES[family]), find(f"miconi-{depth}").layers[-1].pool
    *below, last = whole.layers[:depth]
    batch = whole.training.batch
    training = dataclasses.replace(whole.training, epochs=max(1, round(UPDATES * batch / images)))
    layers = (*below, dataclasses.replace(last, pool=pool))
    return dataclasses.replace(whole, layers=layers, training=training)


def accuracy(train: Images, test: Images, family: str, depth: int, seed: int, folder: Path) -> float:
    """Return the accuracy on test images in %, after training if need be."""
    out = folder / f"{family.replace(' ', '-')}-{depth}-{len(train)}-s{seed}"
    with progress() as tell:
        run = train_softhebb(train, test, network(family, depth, len(train)), seed=seed, out=out, progress=tell)
    return 100 * float(run.report["metrics"]["accuracy_test"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, help="training images of the depth curve; all when left out")
    parser.add_argument("--few", type=int, default=8000, help="training images of the interventions")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--skip-curve", action="store_true", help="only the interventions")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    train, test = load("cifar10", "train"), load("cifar10", "test")
    report: dict[str, Any] = {"depth curve": [], "interventions": []}

    def keep(part: str, entry: dict[str, Any]) -> None:
        report[part].append(entry)
        print(json.dumps(entry), flush=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n")

    few, few_tests = train[: options.few], test[: options.few // 4]
    for family in options.only:
        for depth in options.depths:
            found = accuracy(few, few_tests, family, depth, 0, options.folder)
            keep("interventions", {"family": family, "depth": depth, "images": len(few), "accuracy": found})
    if options.skip_curve:
        return
    curve = train[: options.images] if options.images else train
    for depth in options.depths:
        scores = [accuracy(curve, test, "both", depth, seed, options.folder) for seed in options.seeds]
        sd = statistics.stdev(scores) if len(scores) > 1 else None
        published = find(f"miconi-{depth}").published
        entry = {"depth": depth, "images": len(curve), "accuracies": scores, "mean": statistics.mean(scores), "sd": sd}
        keep("depth curve", {**entry, "published": published})


if __name__ == "__main__":
    main()
