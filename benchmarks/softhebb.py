"""How long SoftHebb's training takes here and in plain PyTorch, in turns on the same cores.

python benchmarks/softhebb.py --torch PYTHON --out FILE [--cores 1 2] [--rounds 5] [--batches 33]

PYTHON is the interpreter of an environment with torch. Where CuPy and a GPU are at hand, the same is timed there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.jobs import versions
from spikehebb.softhebb import Training, find, training
from spikehebb.softhebb.backend import working
from spikehebb.softhebb.training import Chunk

EPOCH = 5000  # batches of 10 images: CIFAR-10 once
WARM_UP = 3  # batches of each layer that are learned, but not timed
PRODUCTS = ("convolution", "gradient")  # how PyTorch's side sums y x


def time_spikehebb(images: Images, batches: int, cores: int, device: str = "cpu") -> dict[str, Any]:
    """Return milliseconds per batch of 10: of each layer while it learns (with the earlier ones), and in inference."""
    network = find("cifar-3").network((3, 32, 32))
    layers, how = training.start(network, 0), Training()
    with working(device, cores) as (xp, each):

        def learn(number: int, start: int, stop: int) -> float:
            nonlocal layers
            chunk = Chunk(layers=(number,), epoch=0, start=10 * start, stop=10 * stop)
            began = time.perf_counter()
            layers = training.learn_chunk(network, layers, how, chunk, images, 0, xp, each)
            return 1000 * (time.perf_counter() - began) / (stop - start)

        learning = []
        for number in range(len(network.layers)):
            learn(number, 0, WARM_UP)
            learning.append(learn(number, WARM_UP, batches))
        began = time.perf_counter()
        count = sum(len(part) for part in training.outputs(network, layers, images, xp, each))
        inference = 10_000 * (time.perf_counter() - began) / count
    return {"learn_ms": learning, "forward_ms": inference}


def time_torch(python: str, images: Path, batches: int, cores: int, product: str) -> dict[str, Any]:
    """Return the same of plain PyTorch, as a process of its own."""
    script = Path(__file__).with_name("softhebb_torch.py")
    words = ["--images", images, "--batches", batches, "--threads", cores, "--product", product]
    environment = {**os.environ, "OMP_NUM_THREADS": str(cores)}
    done = subprocess.run(
        [python, script, *map(str, words)], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{script.name} failed: {done.stderr.strip().splitlines()[-1:]}")
    report = json.loads(done.stdout)
    return {
        "learn_ms": [layer["mean_ms"] for layer in report["learn"]],
        "forward_ms": report["forward"]["mean_ms"],
        "versions": report["versions"],
    }


def table(rounds: list[dict[str, Any]], sides: list[str]) -> None:
    """Print seconds per epoch and ratios, medians over the rounds."""
    rows = [("layer 1", 0), ("layer 2", 1), ("layer 3", 2), ("all layers", None), ("inference", "forward")]
    for name, row in rows:
        cells = []
        for side in sides:
            values = [seconds(timings[side], row) for timings in rounds]
            ratios = [seconds(timings[side], row) / seconds(timings["numpy"], row) for timings in rounds]
            cells.append(f"{side} {statistics.median(values):7.1f} s ({statistics.median(ratios):.2f})")
        print(f"{name:12}", "   ".join(cells))


def seconds(timings: dict[str, Any], row: Any) -> float:
    """Return seconds for 50,000 images."""
    per_batch = (
        timings["forward_ms"]
        if row == "forward"
        else sum(timings["learn_ms"])
        if row is None
        else timings["learn_ms"][row]
    )
    return float(EPOCH * per_batch / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="a Python with torch; left out, only this side is timed")
    parser.add_argument("--cores", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=33)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--gpu", action="store_true", help="time CuPy, too")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    images = load("cifar10", "train", data_dir=options.data_dir)[: 10 * options.batches]
    results: dict[str, Any] = {
        "command": " ".join(["python", *sys.argv]),
        "versions": versions(),
        "processor": platform.processor() or platform.machine(),
        "load_at_start": os.getloadavg(),
        "batches": options.batches,
        "warm_up_batches": WARM_UP,
        "rounds": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.npy"
        np.save(file, images.pixels)
        for cores in options.cores:
            rounds = []
            for _ in range(options.rounds):
                timings = {"numpy": time_spikehebb(images, options.batches, cores)}
                if options.torch:
                    for product in PRODUCTS:
                        timings[f"torch, {product}"] = time_torch(options.torch, file, options.batches, cores, product)
                if options.gpu:
                    timings["cupy"] = time_spikehebb(images, options.batches, cores, "gpu")
                rounds.append(timings)
            results["rounds"][str(cores)] = rounds
            print(f"{cores} core{'s' * (cores > 1)}: seconds per epoch of 50,000 images (times this side's)")
            table(rounds, list(rounds[0]))
    options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
