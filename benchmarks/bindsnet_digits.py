"""Time and score BindsNET's DiehlAndCook2015 network on MNIST, with learning on, on one core.

It runs in BindsNET's own environment (AGPL, kept apart from this package) and prints one JSON object:

    python bindsnet_digits.py --data-dir FOLDER --neurons 100 --train 500 --test 200 --seed 0 --time 250
"""

import argparse
import gzip
import importlib.metadata
import importlib.util
import json
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch


def define_missing_vision_operators() -> torch.library.Library | None:
    """Declare the torchvision operators whose absence stops `import torchvision`, hence bindsnet."""
    # The package index's torchvision is a CUDA build: next to a CPU build of torch its compiled part does
    # not load, and torchvision then fails on `nms` and `qnms`. This network calls neither: names are enough.
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return None
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name("_C.so")))
        return None
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library


VISION_OPERATORS = define_missing_vision_operators()  # the operators live as long as this object

from bindsnet.encoding import PoissonEncoder  # noqa: E402
from bindsnet.evaluation import all_activity, assign_labels  # noqa: E402
from bindsnet.models import DiehlAndCook2015  # noqa: E402
from bindsnet.network.monitors import Monitor  # noqa: E402

CLASSES = 10
WARM_UP = 3  # images presented (and learned) before the clock counts
DT = 1.0  # ms
INTENSITY = 128.0  # Hz of a white pixel
# The defaults of BindsNET 0.3.4's examples/mnist/eth_mnist.py; what is not named here is the class's default.
# The example also records voltages and every layer's spikes; here only the spikes that give the labels.
NETWORK: dict[str, Any] = {
    "n_inpt": 784,
    "exc": 22.5,
    "inh": 120.0,
    "dt": DT,
    "norm": 78.4,
    "theta_plus": 0.05,
    "inpt_shape": (1, 28, 28),
}


def read_idx(path: Path, count: int) -> np.ndarray:
    """The first `count` items of a gzipped IDX file of bytes, as uint8."""
    with gzip.open(path, "rb") as file:
        magic = file.read(4)
        if magic[:3] != b"\x00\x00\x08":
            raise ValueError(f"{path} is not an IDX file of bytes: it starts with {magic!r}.")
        shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(magic[3]))
        if count > shape[0]:
            raise ValueError(f"{path} holds {shape[0]} items, {count} were asked for.")
        size = int(np.prod(shape[1:], dtype=int))
        return np.frombuffer(file.read(count * size), np.uint8).reshape(count, *shape[1:])


def read_mnist(folder: Path, part: str, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first `count` images, as input rates in Hz (count, 1, 28, 28), and their labels (count,)."""
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz", count)
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz", count)
    rates = torch.from_numpy(images.astype(np.float32)).unsqueeze(1) * (INTENSITY / 255)
    return rates, torch.from_numpy(labels.astype(np.int64))


def present(network: DiehlAndCook2015, images: torch.Tensor, duration: int) -> tuple[torch.Tensor, np.ndarray]:
    """Show images one by one: spike counts (images, neurons) and milliseconds for each image.

    An image's time covers its Poisson encoding, the simulation and the reset, as in a training loop.
    """
    encode = PoissonEncoder(time=duration, dt=DT)
    monitor = network.monitors["Ae"]
    counts = torch.zeros(len(images), network.n_neurons)
    milliseconds = np.zeros(len(images))
    for i, image in enumerate(images):
        start = time.perf_counter()
        spikes = encode(image).unsqueeze(1)  # (steps, batch of 1, 1, 28, 28)
        network.run(inputs={"X": spikes}, time=duration)
        counts[i] = monitor.get("s").sum((0, 1))
        network.reset_state_variables()
        milliseconds[i] = 1e3 * (time.perf_counter() - start)
    return counts, milliseconds


def accuracy(predicted: torch.Tensor, labels: torch.Tensor) -> float:
    """The fraction of right predictions."""
    return float((predicted == labels).double().mean())


def score(counts: torch.Tensor, assigned: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Accuracy by the classes' mean rates, and by the one neuron that fired most."""
    # The label of a neuron that never fired, and of an image that no labelled neuron answered, is -1: wrong.
    single = torch.where(counts.sum(1) > 0, assigned[counts.argmax(1)], -1)
    return {
        "accuracy_all_activity": accuracy(all_activity(counts.unsqueeze(1), assigned, CLASSES), labels),
        "accuracy_single_neuron": accuracy(single, labels),
    }


def benchmark(options: argparse.Namespace) -> dict[str, object]:
    """Train, time and, if asked, test one network."""
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    folder = options.data_dir / "mnist"
    images, labels = read_mnist(folder, "train", options.train)
    network = DiehlAndCook2015(n_neurons=options.neurons, **NETWORK)
    network.add_monitor(Monitor(network.layers["Ae"], ["s"], time=int(options.time / DT)), name="Ae")

    counts, train_ms = present(network, images, options.time)
    train_ms = train_ms[WARM_UP:]

    scores: dict[str, float | None] = {"accuracy_all_activity": None, "accuracy_single_neuron": None}
    test_ms = None
    if options.test > 0:
        assigned, _, _ = assign_labels(counts.unsqueeze(1), labels, CLASSES)
        test_images, test_labels = read_mnist(folder, "t10k", options.test)
        network.train(False)  # no weight or threshold changes from here on
        test_counts, times = present(network, test_images, options.time)
        test_ms = times.mean().item()
        scores.update(score(test_counts, assigned, test_labels))

    return {
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "bindsnet": importlib.metadata.version("bindsnet"),
            "numpy": np.__version__,
        },
        "settings": {
            **NETWORK,
            "neurons": options.neurons,
            "time_ms": options.time,
            "intensity_hz": INTENSITY,
            "batch_size": 1,
            "seed": options.seed,
            "warm_up_images": WARM_UP,
        },
        "n_train": options.train,
        "n_test": options.test,
        "threads": torch.get_num_threads(),
        "ms_per_image_train": train_ms.mean().item(),
        "ms_per_image_train_median": float(np.median(train_ms)),
        "ms_per_image_test": test_ms,
        # Linux counts in KiB, macOS in bytes.
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        / (2**20 if sys.platform == "darwin" else 2**10),
        "spikes_per_image_train": counts.sum(1).mean().item(),
        **scores,
    }


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds mnist/*.gz")
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--train", type=int, default=30, help="training images, from the first")
    parser.add_argument("--test", type=int, default=0, help="test images, from the first; 0: no scores")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time", type=int, default=250, help="milliseconds of simulated time per image")
    options = parser.parse_args()
    if options.train <= WARM_UP:
        parser.error(f"--train must be more than the {WARM_UP} warm-up images")
    return options


if __name__ == "__main__":
    print(json.dumps(benchmark(parse_options()), indent=2))
