"""CPU milliseconds per image of a converted dense network of 400 units, of Python and of the compiled program.

    python benchmarks/converted_speed.py --folder runs/dense-400 --out benchmarks/results/converted-speed.json

Trained on 10,000 images of MNIST (``SPIKEHEBB_DATA``), where the folder does not hold the network, and shown test
images; the least of several repeats counts. With another checkout in PYTHONPATH it measures that one.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import sys
from pathlib import Path

import numpy as np

from spikehebb import devices
from spikehebb.conversion import Timing, to_spiking
from spikehebb.conversion.present import present
from spikehebb.datasets import load
from spikehebb.jobs import train_softhebb, versions
from spikehebb.softhebb import find, load_model


def used() -> np.ndarray:
    """Return the CPU seconds of this process, and of programs that have ended."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return np.array([one.ru_utime + one.ru_stime for one in each])


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=4)
    asked = parser.parse_args()
    train, test = load("mnist", "train"), load("mnist", "test")[: asked.images]
    if not (asked.folder / "run.json").exists():
        preset = find("mnist-dense")
        preset = dataclasses.replace(preset, layers=(dataclasses.replace(preset.layers[0], units=400),))
        train_softhebb(train[:10_000], test, preset, seed=0, cores=1, out=asked.folder)
    network = to_spiking(load_model(asked.folder), train[:300], Timing(input_rate_hz=200.0))
    times = []
    for _ in range(asked.repeats + 1):
        before = used()
        seen = present(network, test, device=devices.CPP, seed=0)
        times.append((1000 * (used() - before) / len(test)).tolist())
    python, program = np.min(times[1:], axis=0)  # the first one may have compiled
    found = {
        "command": sys.argv,
        "versions": versions(),
        "python_ms": float(python),
        "program_ms": float(program),
        "images_per_second": float(1000 / program),
        "all_ms": times,
        "accuracy": float((seen.predicted[:, -1] == test.labels).mean()),
        "output_spikes": float(seen.counts.sum()),
    }
    print(f"python {python:.3f} ms, program {program:.3f} ms per image, accuracy {found['accuracy']:.4f}")
    asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
