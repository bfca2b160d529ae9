"""What an image costs every preset: CPU seconds while it learns, synaptic operations, neurons and learned weights.

python benchmarks/preset_costs.py --out FILE [--only NAME ...] [--images 1000]

Each learns from 200 images and from 200 + --images: the difference of the CPU seconds of both runs, their programs'
included, is free of what starting takes. Operations are counted on 100 test images, all layers together.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from brian2 import ms

from spikehebb import checkpoint, jobs
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.devices import CPP
from spikehebb.hardware import TARGETS
from spikehebb.jobs.costs import work_of
from spikehebb.jobs.fronts import Columns
from spikehebb.simulation.present import as_they_are, show

FIRST, COUNTED = 200, 100


def main() -> None:
    """Measure, print a line for each preset, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=jobs.learn_presets(), default=list(jobs.learn_presets()))
    parser.add_argument("--images", type=int, default=1000)
    options = parser.parse_args()
    rows = []
    for name in options.only:
        data = jobs.find_preset(name).data
        train, test = load(data, "train"), load(data, "test")[:COUNTED]
        jobs.learn(train[:FIRST], test, preset=name, device=CPP, progress=_quiet)  # compiles
        before = _cpu()
        jobs.learn(train[:FIRST], test, preset=name, device=CPP, progress=_quiet)
        between = _cpu()
        run = jobs.learn(train[: FIRST + options.images], test, preset=name, device=CPP, progress=_quiet)
        taken = _cpu() - between - (between - before)
        several = run.runs if isinstance(run, jobs.DigitRuns) else (run,)
        sizes = [one.report["size"] for one in several]
        shared = _shared(several[0])
        row = {
            "preset": name,
            "cpu_ms_per_image": 1000 * taken / options.images,  # learning and, once more, labelling
            "operations_per_image": sum(_operations(one, test) for one in several)
            + _front_operations(several[0], test),
            "neurons": sum(size["neurons"] for size in sizes) - (len(sizes) - 1) * shared["neurons"],
            "learned_weights": sum(size["learned_weights"] for size in sizes) - (len(sizes) - 1) * shared["weights"],
        }
        rows.append(row)
        checkpoint.write_json(options.out, {"rows": rows, "versions": several[0].report["versions"]})
        print(row, flush=True)


def _quiet(stage: str, fraction: float) -> None:
    """Show nothing."""


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _operations(run: jobs.DigitRun, test: Images) -> float:
    """Return the synaptic operations of the network that learned, on an image."""
    report = run.network.evaluate(test, target=TARGETS["generic"])
    return float(report["hardware"]["per_image"]["effective_ac"])


def _front_operations(run: jobs.DigitRun, test: Images) -> float:
    """Return those of the columns before it, which networks with windows share."""
    front = run.network.settings.front
    if not isinstance(front, Columns):
        return 0.0
    circuit = front.circuit(run.network.arrays["front"], test.pixel_shape)
    seen = show(circuit, as_they_are(test), presentation=front.present_ms * ms, dt=1 * ms, device=CPP, record=())
    work = work_of(circuit, [seen.counts], images=len(test), steps=round(front.present_ms), dt=0.001)
    return float(work.effective_ac)


def _shared(run: jobs.DigitRun) -> dict[str, int]:
    front, shape = run.network.settings.front, tuple(run.report["image_shape"])
    if not isinstance(front, Columns):
        return {"neurons": 0, "weights": 0}
    return {"neurons": front.neurons(shape), "weights": run.network.arrays["front"].size}


if __name__ == "__main__":
    main()
