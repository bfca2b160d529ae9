"""Convert trained SoftHebb networks to spikes and compare the two: accuracy, winners, spikes, operations, time, memory.

python benchmarks/conversion.py --folder DIR --out FILE [--only cifar-3 mnist-dense] [--seeds 0 1 2] [--cores 1]

Networks are trained first where DIR (that of softhebb_accuracy.py) does not hold them. Every run has a subfolder of DIR
and can be interrupted at any time. The exit status is 1 if a run misses what is promised.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikehebb.cli.common import progress
from spikehebb.conversion import Timing
from spikehebb.datasets import load
from spikehebb.jobs import convert_softhebb, train_softhebb
from spikehebb.plot import conversion_pictures
from spikehebb.softhebb import Preset, find, load_model


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, its test images (all when left out), and how much accuracy, in points, spikes may cost."""

    data: str
    preset: str
    loss: float
    test: int | None = None
    units: int | None = None
    timing: Timing = field(default_factory=Timing)
    images_per_second: float | None = None

    @property
    def name(self) -> str:
        return self.preset if self.units is None else f"{self.preset}-{self.units}"

    def network(self) -> Preset:
        """Return the preset, with another number of units if asked."""
        preset = find(self.preset)
        if self.units is None:
            return preset
        return dataclasses.replace(preset, layers=(dataclasses.replace(preset.layers[0], units=self.units),))


IN_TURN = Timing(order="in turn", jitter=0.0, present_ms=30.0)
CASES = [
    Case(data="mnist", preset="mnist-dense", loss=0.2),
    Case(
        data="mnist",
        preset="mnist-dense",
        units=400,
        loss=0.2,
        timing=Timing(input_rate_hz=200.0),
        images_per_second=600,
    ),
    Case(data="mnist", preset="mnist-3-small", loss=0.3, test=1000, timing=IN_TURN),
    Case(data="mnist", preset="mnist-3", loss=0.3, test=1000, timing=IN_TURN),
    Case(data="cifar10", preset="cifar-3", loss=1.0, test=500, timing=IN_TURN),
]


def run(case: Case, seed: int, folder: Path, cores: int | None) -> dict[str, Any]:
    """Return the report of a conversion, after training and converting if need be."""
    trained = folder / f"{case.data}-{case.name}-s{seed}"
    out = folder / f"{trained.name}-spiking"
    train, test = (load(case.data, part) for part in ("train", "test"))
    print(f"{case.data} {case.name}, seed {seed}", file=sys.stderr)
    with progress() as tell:
        if not (trained / "run.json").exists():
            train_softhebb(train, test, case.network(), seed=seed, cores=cores, out=trained, progress=tell)
        began = time.perf_counter()
        if not (out / "report.json").exists():
            conversion = convert_softhebb(
                load_model(trained),
                train,
                test if case.test is None else test[: case.test],
                case.timing,
                source=trained.name,
                seed=seed,
                cores=cores,
                out=out,
                overwrite=True,
                progress=tell,
            )
            used = {
                "seconds": time.perf_counter() - began,
                "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,  # of Python
            }
            conversion_pictures(conversion.report, out)
            (out / "report.json").write_text(json.dumps({**conversion.report, "used": used}, indent=1) + "\n")
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def kept(case: Case, report: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a run."""
    scores = report["metrics"]
    loss = 100 * (scores["accuracy_rate"] - scores["accuracy_spiking"])
    speed = 1000 / scores["ms_per_image"]
    within = loss <= case.loss + 1e-9 and (case.images_per_second is None or speed >= case.images_per_second)
    names = ("config", "seed", "device", "versions", "size", "remarks", "metrics", "stages", "used")
    return {
        "data": case.data,
        "network": case.name,
        "images": report["data"]["test"]["count"],
        "loss_points": loss,
        "loss_allowed": case.loss,
        "images_per_second": speed,
        "images_per_second_wanted": case.images_per_second,
        "within": within,
        **{name: report[name] for name in names},
        "curve": report["curve"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", help="networks, such as cifar-3 or mnist-dense-400")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cores", type=int)
    options = parser.parse_args()
    before = json.loads(options.out.read_text()) if options.out.exists() else []
    rows = {(row["data"], row["network"], row["seed"]): row for row in before}
    passed = True
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        for seed in options.seeds:
            row = kept(case, run(case, seed, options.folder, options.cores))
            rows[case.data, case.name, seed] = row
            passed &= row["within"]
            scores = row["metrics"]
            print(
                f"{case.data:8} {case.name:16} seed {seed}: {100 * scores['accuracy_rate']:.2f} % in rates, "
                f"{100 * scores['accuracy_spiking']:.2f} % in spikes ({row['images']} images), "
                f"{row['images_per_second']:.1f} images/s"
            )
            options.out.write_text(json.dumps(list(rows.values()), indent=1) + "\n")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
