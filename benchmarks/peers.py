"""CPU milliseconds per image and memory of learning and inference: here, and what else one could take, in one run.

    python benchmarks/peers.py --python ENVIRONMENT/bin/python --out benchmarks/results/peers.json

Beside this toolkit: the same equations as plain loops in PyTorch and JAX (``peer_loops.py``), and BindsNET's
DiehlAndCook2015 (``bindsnet_digits.py``), which is not the same work, and is marked. Peers have an environment of
their own. All take the first images of MNIST (``SPIKEHEBB_DATA``) on one thread, alternating; the least of several
repeats counts. Ratios count: machines are shared. Nothing that is compiled, and no import, is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from speed import HERE, measured, worker

from spikehebb.circuits import LEARNERS
from spikehebb.datasets import load
from spikehebb.encoders import unit_length

BENCHMARKS = Path(__file__).parent
NAME = "soft_wta"
LOOPS = ("torch", "jax")
FEW = {100: 200, 400: 100, 1600: 40, 6400: 10}  # images for peers
CHECKED = 100  # neurons with which all are shown the same images, and must do the same
WARM_UP = 4  # images of BindsNET, whose time does not count
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}


def problem(neurons: int, images: int, file: Path) -> None:
    """Write what the loops compute with: start weights, rows of images and numbers, in steps."""
    learner = LEARNERS[NAME]
    circuit = learner.circuit(784, neurons, rng=np.random.default_rng(0))
    feedforward, output = circuit.projections["feedforward"], circuit.populations["output"].model.parameters
    assert feedforward.rule is not None
    assert feedforward.weights is not None
    source = {**circuit.populations["input"].model.parameters, **feedforward.rule.parameters}
    dt = float(learner.dt)
    numbers = [
        np.exp(-dt / float(source["tau_x"])),
        np.exp(-dt / float(output["tau_m"])),
        float(source["max_rate"]) * dt,
        float(output["temperature"]),
        float(output["rate"]) * dt,
        float(source["eta"]),
        float(source["lifetime"]),
        round(float(learner.presentation) / dt),
    ]
    rows = unit_length(load("mnist", "train")[:images].intensities())
    np.savez(file, w=feedforward.weights, rows=rows, numbers=numbers)


def loop(python: Path, name: str, what: str, file: Path, images: int) -> subprocess.Popen[str]:
    """Return a process of a plain loop."""
    return subprocess.Popen(
        [str(python), str(BENCHMARKS / "peer_loops.py"), name, what, str(file), str(images)],
        env=os.environ | ONE_THREAD,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def bindsnet(python: Path, neurons: int, milliseconds: int, images: int) -> list[dict[str, Any]]:
    """Return what BindsNET takes to learn and to look: what more images take."""
    data = os.environ["SPIKEHEBB_DATA"]
    options = ["--data-dir", data, "--neurons", str(neurons), "--time", str(milliseconds)]

    def run(train: int, test: int) -> tuple[float, dict[str, Any]]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        script = str(BENCHMARKS / "bindsnet_digits.py")
        command = [str(python), script, *options, "--train", str(train), "--test", str(test)]
        done = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return used, json.loads(done.stdout)

    (start, _), (learned, report), (looked, _) = run(WARM_UP, 1), run(WARM_UP + images, 1), run(WARM_UP, images + 1)
    return [
        {
            "neurons": neurons,
            "what": what,
            "peer": f"BindsNET, {milliseconds} ms",
            "same_work": False,
            "images": images,
            "ms": 1000 * (seconds - start) / images,
            "memory_mib": report["peak_memory_mb"],
            "output_spikes": report["spikes_per_image_train"],
            "version": report["versions"]["bindsnet"],
        }
        for what, seconds in (("learn", learned), ("look", looked))
    ]


def case(python: Path, neurons: int, what: str, images: int, repeats: int, file: Path) -> list[dict[str, Any]]:
    """Return what this toolkit and the loops take: the least of several repeats, alternating."""
    few = FEW[neurons]
    number = {"here": images} | dict.fromkeys(LOOPS, few)
    first = worker(HERE, NAME, str(neurons), str(images), what)  # which compiles, so that no other one does
    measured(first, 0)
    first.communicate()
    processes = {"here": worker(HERE, NAME, str(neurons), str(images), what)}
    processes |= {name: loop(python, name, what, file, few) for name in LOOPS}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in processes}
    for repeat in range(repeats + 1):
        for name, process in processes.items():
            one = measured(process, repeat)
            found[name] += [one] if repeat else []  # the first one compiles
    for process in processes.values():
        process.communicate()
    return [
        {
            "neurons": neurons,
            "what": what,
            "peer": name,
            "same_work": True,
            "images": number[name],
            "ms": 1000 * min(sum(one["seconds"]) for one in each) / number[name],
            "all": [one["seconds"] for one in each],
            "memory_mib": sum(each[-1]["memory_mib"]),
            **{key: float(np.mean([one[key] for one in each])) for key in ("input_spikes", "output_spikes", "length")},
            "version": each[-1].get("version", ""),
        }
        for name, each in found.items()
    ]


def check(rows: list[dict[str, Any]]) -> None:
    """Compare what the loops did with what was done here with the same images: spikes, and the length of weights."""
    for here in (row for row in rows if row["peer"] == "here"):
        for row in (row for row in rows if row["what"] == here["what"]):
            for key, most in (("input_spikes", 0.01), ("output_spikes", 0.03), ("length", 0.03)):
                if abs(row[key] / here[key] - 1) > most:
                    raise SystemExit(f"{row['what']}, {row['peer']}: {key} is {row[key]}, and {here[key]} here.")


def main() -> None:
    """Measure, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of an environment with torch, jax and bindsnet")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--neurons", type=int, nargs="+", default=list(FEW))
    parser.add_argument("--bindsnet", type=int, nargs="*", default=[100, 400, 1600], help="sizes that it runs at")
    asked = parser.parse_args()
    about = {
        "command": sys.argv,
        "version": subprocess.run(
            ["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True
        ).stdout.strip(),
        "processor": _processor(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "repeats": asked.repeats,
    }
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        file, few = Path(folder) / "check.npz", FEW[CHECKED]
        problem(CHECKED, few, file)
        same = [row for what in ("learn", "look") for row in case(asked.python, CHECKED, what, few, 2, file)]
        check(same)
        for neurons in asked.neurons:
            file = Path(folder) / f"{neurons}.npz"
            problem(neurons, asked.images, file)
            for what in ("learn", "look"):
                rows += shown(case(asked.python, neurons, what, asked.images, asked.repeats, file))
            if neurons in asked.bindsnet:
                for milliseconds in (250, 50):
                    rows += shown(bindsnet(asked.python, neurons, milliseconds, max(FEW[neurons] // 5, 8)))
            asked.out.write_text(json.dumps({**about, "checked": same, "rows": rows}, indent=1) + "\n")


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Print rows and return them."""
    for row in rows:
        print(
            f"{row['neurons']:5} {row['what']:5} {row['peer']:16} {row['ms']:9.3f} ms {row['memory_mib']:6.0f} MiB"
            f" {row['output_spikes']:6.1f} spikes",
            flush=True,
        )
    return rows


def _processor() -> str:
    """Return the processor's name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return ", ".join(sorted(names)) or platform.machine()


if __name__ == "__main__":
    main()
