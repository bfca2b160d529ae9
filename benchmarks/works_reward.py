"""Delayed reward under five conditions, with one cue and with three, and Izhikevich's network: docs/reward.md.

python benchmarks/works_reward.py --folder runs/works --out benchmarks/results/works-reward.json [--seconds 3600]

Izhikevich's network runs for an hour of its own time with three seeds, and with one of them without rewards: about
three minutes each. It goes on where it stopped.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms, second

from spikehebb import circuits, devices, jobs, plot
from spikehebb.checkpoint import write_json
from spikehebb.core import Protocol
from spikehebb.simulation import simulate

DISTAL = {"seed 0": (0, 0.5), "seed 0, no reward": (0, 0.0), "seed 1": (1, 0.5), "seed 2": (2, 0.5)}


def distal(seed: int, burst: float, length: float, path: Path) -> dict[str, Any]:
    """Return what became of the rewarded synapse and of all others; from a file, if that is there."""
    if path.exists():
        done: dict[str, Any] = json.loads(path.read_text())
        return done
    circuit = circuits.distal_reward(rng=np.random.default_rng(seed), burst=burst)
    run = simulate(
        circuit,
        Protocol(stimuli={}, duration=length * second),
        dt=1 * ms,
        device=devices.find("auto"),
        seed=seed,
        record=["judge", "recurrent.w"],
        every=round(10 * length),
    )
    connected = np.argwhere(np.asarray(circuit.projections["recurrent"].connected))
    rewarded = int(np.flatnonzero((connected == [0, 1]).all(axis=1))[0])
    last = run.weights["recurrent"][tuple(connected.T)]
    found = {
        "seconds": length,
        "pairs": len(run.spikes["judge"]),
        "rates_hz": {name: float(run.counts[name].mean() / length) for name in ("excitatory", "inhibitory")},
        "rewarded": float(last[rewarded]),
        "mean": float(last.mean()),
        "stronger": float(np.mean(last > last[rewarded])),
        "curve": run.traces["recurrent.w"][:, rewarded].round(3).tolist(),
        "versions": jobs.versions(),
    }
    write_json(path, found)
    return found


def main() -> None:
    """Run what is missing, write the table and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/works"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/works-reward.json"))
    parser.add_argument("--seconds", type=float, default=3600.0, help="of the time of Izhikevich's network")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    table: dict[str, Any] = {}
    for cues in (1, 3):
        folder = given.folder / f"reward-{cues}"
        report = jobs.learn_reward(jobs.RewardTask(cues=cues), device=devices.find("auto"), out=folder)
        plot.save(plot.rewards(report), folder / "reward.png")
        table[f"{cues} cues"] = {name: report[name] for name in ("config", "bound", "last", "versions")}
    for name, (seed, burst) in DISTAL.items():
        path = given.folder / f"distal-{seed}-{burst:g}-{given.seconds:g}.json"
        table[f"distal reward, {name}"] = distal(seed, burst, given.seconds, path)
        write_json(given.out, table)
    print(json.dumps({name: each.get("last", each.get("rewarded")) for name, each in table.items()}, indent=1))


if __name__ == "__main__":
    main()
