"""Two layers that learn in spikes, beside the same layers trained with rates and converted, and random ones.

python benchmarks/deep_spikes.py --folder DIR --out FILE [--seeds 0] [--train 1000] [--test 2000]

All read the spike counts of the same training images with ridge regression, and are tested on the same test images
(the first ones of MNIST's files). Interrupt it at will: finished and unfinished runs in DIR are gone on with.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import devices, metrics
from spikehebb.cli.common import progress
from spikehebb.conversion import present, to_spiking
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.jobs import LayerSettings, learn_layers, train_softhebb, versions
from spikehebb.jobs.run import describe
from spikehebb.softhebb import Layer, Model, Preset, load_model, readout, training
from spikehebb.softhebb.backend import working

ARMS = ("spikes", "random", "rates")


def rate_layers(settings: LayerSettings) -> tuple[Layer, ...]:
    """The same shapes, with what SoftHebb of rates learns well with: cifar-3's values, batch normalization."""
    values: tuple[dict[str, Any], ...] = (
        {"eta": 0.08, "inverse_temperature": 1.0},
        {"eta": 0.005, "inverse_temperature": 0.65},
    )
    return tuple(
        Layer(units=layer.units, kernel=layer.kernel, padding=layer.padding, pool=layer.pool, **value)
        for layer, value in zip(settings.layers, values, strict=True)
    )


def in_rates(model: Model, train: Images, test: Images, strength: float) -> dict[str, float]:
    """Accuracy of every depth, computed with rates."""
    scores = {}
    with working() as (xp, each):
        for depth in range(1, len(model.layers) + 1):
            train_features, test_features = (
                np.concatenate(list(training.outputs(model.network, model.layers, images, xp, each, depth)))
                for images in (train, test)
            )
            scores[str(depth)] = accuracy(train_features, test_features, train, test, strength)
    return scores


def in_spikes(model: Model, train: Images, test: Images, settings: LayerSettings) -> dict[str, Any]:
    """Accuracy of every depth of a model that has learned elsewhere, read from its spikes."""
    spiking = to_spiking(model, train[: settings.calibration], settings.timing)
    train_run, test_run = (
        present(spiking, images, device=devices.find("auto"), seed=settings.seed, rates=True)
        for images in (train, test)
    )
    scores = {
        str(depth + 1): accuracy(train_run.rates[depth], test_run.rates[depth], train, test, settings.strength)
        for depth in range(len(model.layers))
    }
    return {
        "accuracy_by_layer": scores,
        "ms_per_image": 1000 * (train_run.seconds + test_run.seconds) / (len(train) + len(test)),
    }


def accuracy(train_features: Any, test_features: Any, train: Images, test: Images, strength: float) -> float:
    labels = np.asarray(train.labels)
    fitted = readout.ridge([(train_features, labels)], train_features.shape[1], 10, strength)
    return metrics.accuracy(readout.predict(*fitted, [test_features]), np.asarray(test.labels))


def run(arm: str, seed: int, train: Images, test: Images, options: argparse.Namespace) -> dict[str, Any]:
    """Return what is kept of one run, after doing it if need be."""
    settings = LayerSettings(seed=seed)
    out = options.folder / f"{arm}-s{seed}-n{len(train)}"
    result = out / "result.json"
    if result.exists():
        scores: dict[str, Any] = json.loads(result.read_text())
        return scores
    with progress() as tell:
        if arm == "rates":
            layers = rate_layers(settings)
            preset = Preset(name="rates", summary="", layers=layers, channels=1, data=("mnist",))
            if not (out / "run.json").exists():
                train_softhebb(train, test, preset, method="ridge", seed=seed, out=out, progress=tell)
            model = load_model(out)
            scores = in_spikes(model, train, test, settings)
        else:
            if arm == "random":
                layers = tuple(dataclasses.replace(layer, plasticity="none") for layer in settings.layers)
                settings = dataclasses.replace(settings, layers=layers)
            if not (out / "run.json").exists():
                learn_layers(train, test, settings, out=out, progress=tell)
            model = load_model(out)
            report = json.loads((out / "run.json").read_text())
            scores = {key: report[key] for key in ("layers", "seconds", "config")} | report["metrics"]
    scores |= {"arm": arm, "seed": seed, "rate_forward": in_rates(model, train, test, settings.strength)}
    result.write_text(json.dumps(scores, indent=1) + "\n")
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--only", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    train, test = (load("mnist", part, data_dir=options.data_dir) for part in ("train", "test"))
    train, test = train[: options.train], test[: options.test]
    about: dict[str, Any] = {
        "data": {"train": describe(train), "test": describe(test)},
        "versions": versions(),
        "runs": [],
    }
    for seed in options.seeds:
        for arm in options.only:
            scores = run(arm, seed, train, test, options)
            about["runs"].append(scores)
            options.out.write_text(json.dumps(about, indent=1) + "\n")
            print(f"{arm:8} seed {seed}  in spikes {scores['accuracy_by_layer']}  in rates {scores['rate_forward']}")


if __name__ == "__main__":
    main()
