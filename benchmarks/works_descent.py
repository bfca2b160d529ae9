"""Hebbian descent beside gradient descent, the covariance rule and Hebb's: the tables of docs/descent.md.

python benchmarks/works_descent.py --folder runs/works --out benchmarks/results/works-descent.json

It goes on where it stopped. Five kinds of patterns and two data sets of images, one pass over 100 pairs, three sets
each; random patterns without centring and with five passes; every unit; deep networks on 10,000 images of MNIST.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikehebb import datasets, devices, jobs, plot
from spikehebb.checkpoint import write_json

Patterns = Sequence[datasets.Patterns]
SETS, COUNT = 3, 100
KINDS = ("random", "correlated", "biased", "sparse", "mnist", "fashion-mnist")
UNITS = ("step", "tanh", "softmax", "rectifier", "exponential", "identity")
DEEP = {"sigmoid": (0.1, 0.3, 1.0), "rectifier": (0.03, 0.1, 0.3), "tanh": (0.03, 0.1, 0.3)}


def sets(kind: str, targets: str = "bits") -> list[datasets.Patterns]:
    """Return three sets of 100 pairs."""
    if kind not in ("mnist", "fashion-mnist"):
        return [datasets.patterns(kind, COUNT, targets=targets, seed=seed) for seed in range(SETS)]
    images = datasets.sample(datasets.load(kind, "train"), SETS * COUNT)
    parts = (images[seed * COUNT : (seed + 1) * COUNT] for seed in range(SETS))
    return [datasets.image_patterns(part, targets=targets, seed=seed) for seed, part in enumerate(parts)]


def row(report: dict[str, Any]) -> dict[str, Any]:
    """Return of each rule its best rate, the four errors, loss, and what tests say."""
    kept = ("eta", "summary", "loss", "right", "test_right")
    return {rule: {name: each[name] for name in kept if name in each} for rule, each in report["rules"].items()}


def main() -> None:
    """Run what is missing, write the table and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/works"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/works-descent.json"))
    parser.add_argument("--deep", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    table, versions = dict[str, Any](), dict[str, str]()

    def learn(name: str, patterns: Patterns, settings: jobs.Association, device: str, tests: Patterns = ()) -> None:
        print(name, file=sys.stderr, flush=True)
        folder = given.folder / f"descent-{name}"
        report = jobs.associate(patterns, settings, tests=tests, device=devices.find(device), out=folder)
        plot.save(plot.association(report), folder / "association.png")
        table[name] = row(report)
        versions.update(report["versions"])
        write_json(given.out, {"sets": SETS, "patterns": COUNT, "versions": versions, "table": table})

    for kind in KINDS:
        learn(kind, sets(kind), jobs.Association(), "numpy")
    for kind in KINDS:
        learn(
            f"{kind}-uncentred", sets(kind), jobs.Association(centring="none", rules=("hebbian", "gradient")), "numpy"
        )
    learn("random-5-passes", sets("random"), jobs.Association(passes=5), "numpy")
    learn("random-running", sets("random"), jobs.Association(centring="running"), "numpy")
    for unit in UNITS:
        learn(
            f"random-{unit}",
            sets("random", "one" if unit == "softmax" else "bits"),
            jobs.Association(unit=unit),
            "numpy",
        )
    for hidden, etas in DEEP.items() if given.deep else ():
        images = [datasets.sample(datasets.load("mnist", part), n) for part, n in (("train", 10_000), ("test", 2_000))]
        train, test = (datasets.image_patterns(part, targets="labels") for part in images)
        settings = jobs.Association(
            rules=("hebbian", "gradient"), etas=etas, hidden=(200, 200), hidden_unit=hidden, batch=20, passes=2
        )
        learn(f"deep-{hidden}", [train], settings, "auto", [test])
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
