"""Delayed reward under five conditions, with one cue and with three: the table of docs/reward.md.

python benchmarks/works_reward.py --folder runs/works --out benchmarks/results/works-reward.json
"""

import argparse
import json
from pathlib import Path

from spikehebb import devices, jobs, plot
from spikehebb.checkpoint import write_json


def main() -> None:
    """Run what is missing, write the table and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/works"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/works-reward.json"))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    table = {}
    for cues in (1, 3):
        folder = given.folder / f"reward-{cues}"
        report = jobs.learn_reward(jobs.RewardTask(cues=cues), device=devices.find("auto"), out=folder)
        plot.save(plot.rewards(report), folder / "reward.png")
        table[f"{cues} cues"] = {name: report[name] for name in ("config", "bound", "last", "versions")}
    write_json(given.out, table)
    print(json.dumps({cues: each["last"] for cues, each in table.items()}, indent=1))


if __name__ == "__main__":
    main()
