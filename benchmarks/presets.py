"""The presets of ``spikehebb learn`` on all images, over seeds: accuracy, and what an image takes.

python benchmarks/presets.py --out FILE [--folder FOLDER] [--seeds 0 1 2] [--only NAME ...]

Every run has a folder of its own below --folder, so that an interrupted benchmark goes on; results of other presets and
seeds in FILE stay. Labels come from training images.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from spikehebb import checkpoint, devices, jobs
from spikehebb.cli.common import progress
from spikehebb.datasets import load


def main() -> None:
    """Measure, print a line for each run, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path("runs/presets"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=jobs.learn_presets(), default=list(jobs.learn_presets()))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    for seed in options.seeds:
        for name in options.only:
            preset = jobs.find_preset(name)
            train, test = load(preset.data, "train"), load(preset.data, "test")
            folder = options.folder / f"{name}-{seed}"
            with progress() as tell:
                run = jobs.learn_digits(
                    train, test, preset.made(seed=seed), device=devices.find("auto"), out=folder, progress=tell
                )
            report = run.report
            rows = [row for row in rows if (row["preset"], row["seed"]) != (name, seed)]
            row = {"preset": name, "seed": seed, **report["metrics"], "warnings": report["health"]["warnings"]}
            rows.append(row | {"config": report["config"], "device": report["device"], "versions": report["versions"]})
            checkpoint.write_json(options.out, {"rows": sorted(rows, key=lambda each: (each["preset"], each["seed"]))})
            print(f"{name:18} seed {seed}: {100 * report['metrics']['accuracy_vote']:.2f} %", flush=True)


if __name__ == "__main__":
    main()
