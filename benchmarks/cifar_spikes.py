"""CIFAR-10 in spikes: features of one layer that learned in spikes, their spikes for all images, a linear readout.

python benchmarks/cifar_spikes.py --folder DIR --out FILE [--units 100] [--seeds 0] [--train 50000] [--test 10000]
                                  [--validation]

On and off cells (``datasets.Retina``) show the images; the layer learns from patches with SoftHebb in spikes and rests;
its spikes for every image are pooled over 8 x 8 positions and counted. Ridge regression reads the counts of the
training images. --validation tunes: it scores the last 10,000 training images, which nothing else sees then. Interrupt
it at will: finished and unfinished runs in DIR are gone on with.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from spikehebb import checkpoint
from spikehebb.cli.common import progress
from spikehebb.datasets import Retina, load
from spikehebb.jobs import LayerSettings, learn_layers
from spikehebb.softhebb import Layer, Pool

VALIDATION = 10_000


def settings(units: int, temperature: float, strength: float, seed: int, show_ms: float = 20.0) -> LayerSettings:
    """Return one layer of so many units with 5 x 5 fields at every position."""
    layer = Layer(
        units=units,
        kernel=5,
        padding=2,
        batch_norm=False,
        plasticity="soft",
        inverse_temperature=1 / temperature,
        eta=0.1,
        rate="constant",
        norm=3.0,
        start="uniform",
        pool=Pool(kind="average", size=8, stride=8),
    )
    return LayerSettings(layers=(layer,), seed=seed, patches=20_000, images=5000, strength=strength, show_ms=show_ms)


def main() -> None:
    """Measure, print a line for each run, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--temperature", type=float, default=0.03)
    parser.add_argument("--strength", type=float, default=0.001, help="of the readout's penalty")
    parser.add_argument("--show-ms", type=float, default=20.0, help="how long the layer looks at an image")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--train", type=int, default=50_000)
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--validation", action="store_true")
    options = parser.parse_args()
    every, test = load("cifar10", "train"), load("cifar10", "test")
    cut = len(every) - VALIDATION
    train, test = (every[:cut], every[cut:]) if options.validation else (every, test)
    train, test = train[: options.train], test[: options.test]
    retina = Retina.of(train)
    rows: list[dict[str, Any]] = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    for seed in options.seeds:
        about = {
            "units": options.units,
            "temperature": options.temperature,
            "strength": options.strength,
            "show_ms": options.show_ms,
            "seed": seed,
            "train": len(train),
            "test": len(test),
            "validation": options.validation,
        }
        folder = options.folder / "-".join(str(value) for value in about.values())
        with progress() as tell:
            run = learn_layers(
                retina(train),
                retina(test),
                settings(options.units, options.temperature, options.strength, seed, options.show_ms),
                out=folder,
                progress=tell,
            )
        report = run.report
        rows = [row for row in rows if any(row[name] != value for name, value in about.items())]
        rows.append({**about, **report["metrics"], "seconds": report["seconds"], "versions": report["versions"]})
        checkpoint.write_json(options.out, {"rows": rows})
        print(f"{about}: {100 * report['metrics']['accuracy_test']:.2f} %", flush=True)


if __name__ == "__main__":
    main()
