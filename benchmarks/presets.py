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

from spikehebb import checkpoint, jobs
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
                run = jobs.learn(train, test, preset=name, seed=seed, out=folder, progress=tell)
            row = {"preset": name, "seed": seed, **row_of(run)}
            rows = [row for row in rows if (row["preset"], row["seed"]) != (name, seed)] + [row]
            checkpoint.write_json(options.out, {"rows": sorted(rows, key=lambda each: (each["preset"], each["seed"]))})
            print(f"{name:18} seed {seed}: {100 * row['accuracy_vote']:.2f} %", flush=True)


def row_of(run: jobs.DigitRun | jobs.DigitRuns) -> dict[str, Any]:
    """Return what is kept of a run: its scores, of windows those of all together, and what made it."""
    several = run.runs if isinstance(run, jobs.DigitRuns) else (run,)
    first = several[0].report
    scores = {name: sum(one.report["metrics"][name] for one in several) for name in first["metrics"]}
    if len(several) > 1:  # of which costs and spikes add up, and accuracies do not
        scores = {name: value for name, value in scores.items() if not name.startswith("accuracy")}
        scores |= run.report["together"]
    warnings = [warning for one in several for warning in one.report["health"]["warnings"]]
    kept = {name: first[name] for name in ("config", "device", "versions")}
    return {**scores, "warnings": warnings, **kept, "networks": len(several)}


if __name__ == "__main__":
    main()
