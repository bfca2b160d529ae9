"""CPU seconds per image of learning and inference on C++, of this version beside another checkout's, in one run.

    python benchmarks/speed.py --other ../older --out benchmarks/results/speed.json

Both take the same images of MNIST (``SPIKEHEBB_DATA``), alternating; the least of several repeats counts. Ratios count:
machines are shared. Programs are compiled before anything is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
_ONE = """
import json, resource, sys
import numpy as np
from spikehebb import devices
from spikehebb.circuits import LEARNERS
from spikehebb.datasets import load
from spikehebb.encoders import unit_length
from spikehebb.simulation.present import show

name, neurons, images, learning = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "learn"
learner = LEARNERS[name]
circuit = learner.circuit(784, neurons, rng=np.random.default_rng(0))
circuit = circuit if learning else circuit.frozen()
rows = unit_length(load("mnist", "train")[:images].intensities())

def used():
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]

for line in sys.stdin:
    before = used()
    shown = show(circuit, rows, presentation=learner.presentation, dt=learner.dt, device=devices.CPP, seed=int(line))
    after = used()
    print(json.dumps({
        "seconds": [b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after)],
        "memory_mib": [each.ru_maxrss / 1024 for each in after],
        "input_spikes": int(shown.counts["input"].sum()) / images,
        "output_spikes": int(shown.counts["output"].sum()) / images,
        "length": float(np.linalg.norm(shown.weights["feedforward"], axis=0).mean()),
    }), flush=True)
"""


def worker(source: Path, *case: str) -> subprocess.Popen[str]:
    """Return a process that shows images once for each line that it is sent: a circuit of so many neurons."""
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", _ONE, *case],
        cwd=source,  # which Python looks into first
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def measured(process: subprocess.Popen[str], seed: int) -> dict[str, Any]:
    """Return what a process measured: ``seconds`` and ``memory_mib`` of Python and of the program, and the result."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{seed}\n")
    process.stdin.flush()
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def main() -> None:
    """Measure, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", type=Path, required=True, help="a checkout of another version")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--neurons", type=int, nargs="+", default=[100, 400, 1600, 6400])
    asked = parser.parse_args()
    sources = {"here": HERE, "other": asked.other.resolve()}
    rows = []
    for neurons in asked.neurons:
        for what in ("learn", "look"):
            workers = {
                name: worker(source, "soft_wta", str(neurons), str(asked.images), what)
                for name, source in sources.items()
            }
            times: dict[str, list[list[float]]] = {name: [] for name in sources}
            for repeat in range(asked.repeats + 1):
                for name, process in workers.items():
                    found = measured(process, repeat)["seconds"]
                    times[name] += [found] if repeat else []  # the first one may have compiled
            for process in workers.values():
                process.communicate()
            row = {"neurons": neurons, "what": what}
            for name, each in times.items():
                row |= {f"{name}_ms": 1000 * min(map(sum, each)) / asked.images, f"{name}_all": each}
            row["ratio"] = row["other_ms"] / row["here_ms"]
            rows.append(row)
            print(
                f"{neurons:5} {what:5} here {row['here_ms']:.3f} ms, other {row['other_ms']:.3f} ms per image: "
                f"{row['ratio']:.2f} times",
                flush=True,
            )
    versions = {
        name: subprocess.run(["git", "-C", source, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
        for name, source in sources.items()
    }
    about = {"command": sys.argv, "versions": versions, "machine": platform.processor() or platform.machine()}
    about |= {"images": asked.images, "repeats": asked.repeats}
    asked.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
