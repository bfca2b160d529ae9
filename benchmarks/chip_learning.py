"""Learning digits under the limits of Loihi 1 beside learning without them: MNIST, 400 neurons, full test set.

python benchmarks/chip_learning.py --out FILE [--seeds 0 1 2] [--neurons 400]

Three networks a seed, one pass over all training images each: SoftHebb in spikes without limits, SoftHebb with the rule
that chips have, and that rule on Loihi 1: 8-bit weights, 7-bit traces, 4-bit factors, random rounding, learning epochs
of 10 ms. Labels come from training images.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from spikehebb import checkpoint, devices, jobs
from spikehebb.cli.common import progress
from spikehebb.datasets import load
from spikehebb.jobs import CHIP_RULE, Settings

NETWORKS: dict[str, dict[str, Any]] = {
    "without limits": {},
    "chip's rule, without limits": {**CHIP_RULE, "eta": Settings().eta},
    "Loihi 1": {**CHIP_RULE, "target": "loihi1"},
}


def main() -> None:
    """Measure, print a table, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--neurons", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    train, test = load("mnist", "train"), load("mnist", "test")
    rows = []
    for seed in options.seeds:
        for name, changes in NETWORKS.items():
            settings = Settings(neurons=options.neurons, seed=seed, **changes)
            with progress() as tell:
                run = jobs.learn_digits(train, test, settings, device=devices.find("auto"), progress=tell)
            rows.append({"network": name, "seed": seed, **run.report["metrics"], "config": run.report["config"]})
            print(f"{name:32} seed {seed}: {100 * rows[-1]['accuracy_vote']:.2f} %", flush=True)
            content = {"data": run.report["data"], "versions": jobs.versions(), "rows": rows}
            checkpoint.write_json(options.out, content)


if __name__ == "__main__":
    main()
