"""SoftHebb's controls, its settings one by one, and how robust a single layer is: about an hour on two cores.

python benchmarks/works_softhebb.py --folder DIR --out FILE [--images 10000] [--seeds 0] [--only hard robustness]

Everything is a run or a sweep in a subfolder of DIR: what is finished is not done again. `make softhebb` has the
published accuracies on all images; here the readout is ridge regression on --images training images, a fifth for tests.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from spikehebb import plot
from spikehebb.cli.common import progress
from spikehebb.core import Images
from spikehebb.datasets import load, load_some
from spikehebb.jobs import robustness, train_softhebb
from spikehebb.softhebb import Layer, Model, Network, Weights, find, load_model, save_model
from spikehebb.sweeps import sweep

# For each: preset, setting, values. The curve of hard rises as the learning rate falls; the others are those of
# Figs. B.1 to B.3 of Journe et al.
SWEEPS: dict[str, tuple[str, str, list[Any]]] = {
    "hard": ("cifar-hard-1", "eta", [0.05, 0.004, 0.002, 0.001]),
    "temperature": ("cifar-1", "temperature", [0.25, 0.5, 1, 2, 4, 8]),
    "radius": ("cifar-1", "radius", [0.5, 1, 2.5, 5, 25, 50]),
    "rate": ("cifar-1", "rate", ["norm", "linear", "constant"]),
    "examples": ("cifar-1", "examples", [500, 1000, 2000, 5000, 10000]),
    "activation": ("cifar-2", "activation", ["triangle", "repu", "relu", "tanh", "softmax"]),
}
CONTROLS = ("cifar-1", "cifar-random-1", "cifar-hard-1", "cifar-hard-1-average", "cifar-random-2")


def backpropagated(train: Images, units: int, seed: int, path: Path) -> Model:
    """Return a dense layer of rectifiers and its readout, trained by back-propagation (scikit-learn's)."""
    if path.exists():
        return load_model(path)
    rows = train.intensities().reshape(len(train), -1)
    fitted = MLPClassifier((units,), max_iter=20, random_state=seed, early_stopping=False).fit(rows, train.labels)
    layer = Layer(units=units, batch_norm=False, plasticity="none", bias=True, activation="relu")
    (first, last), (bias, last_bias) = fitted.coefs_, fitted.intercepts_
    weights = Weights(weight=first.T, mean=np.zeros(1, np.float32), variance=np.ones(1, np.float32), bias=bias)
    network = Network(image_shape=train.image_shape, layers=(layer,))
    model = Model(network=network, layers=(weights,), readout=(last.T, last_bias))
    save_model(model, path)
    return model


def compared(folder: Path, images: int, units: int, seed: int) -> dict[str, Any]:
    """Return how robust one dense layer of SoftHebb is beside one of back-propagation, on MNIST."""
    train, test = load("mnist", "train")[:images], load("mnist", "test")[: images // 10]
    dense = find("mnist-dense").with_layers(units=units)
    with progress() as tell:
        own = train_softhebb(train, test, dense, seed=seed, out=folder / f"dense-{images}-{units}", progress=tell)
        other = backpropagated(train, units, seed, folder / f"backpropagation-{images}-{units}.npz")
        models = {"SoftHebb": own.model, "back-propagation": other}
        report = robustness(models, test, seed=seed, progress=tell)
    plot.save(plot.robustness(report), folder / "robustness.png")
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--units", type=int, default=1000, help="of the layers whose robustness is compared")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", choices=["controls", *SWEEPS, "robustness"])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    parts = options.only or ["controls", *SWEEPS, "robustness"]
    report: dict[str, Any] = {"images": options.images, "seeds": options.seeds}

    def keep(part: str, entry: Any) -> None:
        report[part] = entry
        print(part, json.dumps(entry), flush=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n")

    if set(parts) - {"robustness"}:
        limits = {"limit_train": options.images, "limit_test": options.images // 5}
        train, test = (load_some("cifar10", part, limit=limits[f"limit_{part}"]) for part in ("train", "test"))
        for name in parts:
            if name == "controls":
                scores = {}
                for preset in CONTROLS:
                    out = options.folder / f"{preset}-{options.images}"
                    with progress() as tell:
                        run = train_softhebb(train, test, find(preset), method="ridge", out=out, progress=tell)
                    scores[preset] = 100 * run.report["metrics"]["accuracy_test"]
                keep(name, scores)
            elif name in SWEEPS:
                preset, over, values = SWEEPS[name]
                values = [value for value in values if over != "examples" or value <= len(train)]
                settings = {"preset": preset, "data": "cifar10", "readout": "ridge", **limits}
                with progress() as tell:
                    runs = sweep(
                        "train",
                        {over: values, "seeds": options.seeds},
                        settings=settings,
                        out=options.folder / f"{name}-{options.images}",
                        progress=tell,
                    )
                head, *rows = runs.table(["accuracy_test", "share_of_norm_1"])
                keep(name, [dict(zip(head, row, strict=True)) for row in rows])
    if "robustness" in parts:
        keep("robustness", compared(options.folder, options.images, options.units, options.seeds[0])["networks"])


if __name__ == "__main__":
    main()
