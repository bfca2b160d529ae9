"""Accuracy, milliseconds per image and peak memory of spiking digit learning, beside BindsNET's DiehlAndCook2015.

    python benchmarks/digits.py --data mnist --neurons 100 400 1600 --seeds 0 1 2 --core 0 --out FILE
    python benchmarks/digits.py ... --bindsnet PATH_TO_ITS_PYTHON

Every run is a process of its own, all on the same core, one after the other; the JSON is written after each. With
``--bindsnet`` each run is followed by BindsNET with learning on, at its own 250 ms per image and at this toolkit's
presentation time, and the last column of the table compares images per second. benchmarks/README.md says how to make
BindsNET's environment and which settings both sides run with.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikehebb import checkpoint, jobs
from spikehebb.datasets import load, sample
from spikehebb.devices import CPP

HERE = Path(__file__).parent
BINDSNET_IMAGES = {100: 60, 400: 60, 1600: 20}


def one(data: str, neurons: int, seed: int, limit: int | None) -> dict[str, Any]:
    """Run one training in this very process; the memory is that of Python and of the compiled program together."""
    train, test = load(data, "train"), load(data, "test")
    if limit:
        train, test = sample(train, limit), sample(test, limit)
    start = time.perf_counter()
    settings = jobs.Settings(neurons=neurons, seed=seed)
    run = jobs.learn_digits(train, test, settings, device=CPP)
    memory = {
        who: resource.getrusage(kind).ru_maxrss / 1024
        for who, kind in (("python", resource.RUSAGE_SELF), ("program", resource.RUSAGE_CHILDREN))
    }
    return {
        "neurons": neurons,
        "seed": seed,
        "config": asdict(settings),
        "images": {"train": len(train), "test": len(test), "labelled_from": run.report["labelled_from"]},
        "metrics": dict(run.report["metrics"]),
        "test_images_without_spikes": sum(row[-1] for row in run.report["confusion"]),
        "peak_memory_mib": {**memory, "sum": sum(memory.values())},
        "seconds": time.perf_counter() - start,
    }


def pinned(core: int | None, command: list[str]) -> dict[str, Any]:
    """Run a command on one core and return the JSON that it prints."""
    before = ["taskset", "-c", str(core)] if core is not None else []
    done = subprocess.run([*before, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def bindsnet(python: str, core: int | None, neurons: int, milliseconds: int) -> dict[str, Any]:
    """Time BindsNET with learning on."""
    count = str(BINDSNET_IMAGES.get(neurons, 20))
    script = [str(HERE / "bindsnet_digits.py"), "--data-dir", os.environ["SPIKEHEBB_DATA"]]
    numbers = ["--neurons", str(neurons), "--train", count, "--test", "0", "--seed", "0", "--time", str(milliseconds)]
    return pinned(core, [python, *script, *numbers])


def main() -> None:
    """Run what the command line asks for, write the JSON and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--neurons", type=int, nargs="+", default=[100, 400, 1600])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--core", type=int)
    parser.add_argument("--bindsnet", metavar="PYTHON")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "digits.json")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.data, given.neurons[0], given.seeds[0], given.limit)))
        return
    result: dict[str, Any] = {
        "command": "python benchmarks/digits.py " + " ".join("PATH" if "/" in word else word for word in sys.argv[1:]),
        "machine": {"cores": os.cpu_count(), "processor": processor(), "system": platform.platform()},
        "versions": jobs.versions(),
        "data": given.data,
        "runs": [],
        "bindsnet": [],
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    for neurons in given.neurons:
        for seed in given.seeds:
            words = ["--one", "--data", given.data, "--neurons", str(neurons), "--seeds", str(seed)]
            words += ["--limit", str(given.limit)] if given.limit else []
            result["runs"].append(pinned(given.core, [sys.executable, __file__, *words]))
            checkpoint.write_json(given.out, result)
            print(row(result["runs"][-1]), flush=True)
            if given.bindsnet:
                for milliseconds in (250, int(jobs.Settings().presentation_ms)):
                    other = bindsnet(given.bindsnet, given.core, neurons, milliseconds)
                    result["bindsnet"].append({**other, "presentation_ms": milliseconds, "neurons": neurons})
                    ratio = other["ms_per_image_train"] / result["runs"][-1]["metrics"]["ms_per_image_train"]
                    print(f"    BindsNET, {milliseconds} ms: {other['ms_per_image_train']:.1f} ms/image, {ratio:.0f} x")
                checkpoint.write_json(given.out, result)


def row(run: dict[str, Any]) -> str:
    """Return one line of the table."""
    scores = run["metrics"]
    accuracy = "  ".join(f"{100 * scores[f'accuracy_{kind}']:6.2f} %" for kind in ("vote", "soft_vote", "linear"))
    return (
        f"{run['neurons']:5} neurons, seed {run['seed']}: {accuracy}   {scores['ms_per_image_train']:.2f} ms/image "
        f"learning, {scores['ms_per_image_test']:.2f} testing, {run['peak_memory_mib']['sum']:.0f} MiB"
    )


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
