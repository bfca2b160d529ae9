"""How near LIF winner-take-all circuits come to a softmax, over inverse temperatures, beside the exact circuit.

python benchmarks/lif_softmax.py --out benchmarks/results/lif-softmax.json --plot docs/lif-softmax.png

SPIKEHEBB_DATA names the folder of MNIST. Circuits are calibrated on training images and measured on test images.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np
from brian2 import Hz
from scipy import sparse

from spikehebb import devices, metrics
from spikehebb.circuits import lif_wta, soft_wta
from spikehebb.circuits.lif import Inhibition
from spikehebb.conversion.lif_calibration import calibrate_lif, divergence, present, softmax
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.jobs import train_softhebb
from spikehebb.jobs.run import versions
from spikehebb.softhebb import Model, presets

TEMPERATURES = (0.1, 0.3, 1.0, 3.0, 6.0, 12.0, 25.0, 50.0)
KINDS = get_args(Inhibition)


def trained(units: int, train: Images, test: Images, seed: int) -> Model:
    """Train the dense preset with fewer units; the readout is not used here."""
    preset = presets()["mnist-dense"]
    layers = (dataclasses.replace(preset.layers[0], units=units),)
    readout = dataclasses.replace(preset.readout, epochs=1)
    preset = dataclasses.replace(preset, layers=layers, readout=readout)
    return train_softhebb(train, test, preset, seed=seed, cores=1).model


def pixels(images: Images) -> Any:
    return images.intensities().reshape(len(images), -1).astype(float)


def sampled(target: Any, totals: Any, seed: int) -> Any:
    """Draw as many spikes per image from the softmax itself: the exact circuit, once it has settled."""
    rng = np.random.default_rng(seed)
    return np.array([rng.multinomial(n, p) for n, p in zip(totals, target, strict=True)])


def measure(model: Model, t: float, kind: Any, train: Images, test: Images, args: argparse.Namespace) -> dict[str, Any]:
    """Calibrate at one inverse temperature and measure on test images."""
    started = time.perf_counter()
    calibration = calibrate_lif(
        model,
        train,
        inverse_temperature=t,
        inhibition=kind,
        evaluations=args.evaluations,
        seed=args.seed,
        device=devices.CPP,
    )
    seconds = time.perf_counter() - started
    weights, bias = np.asarray(model.layers[0].weight, float).T, model.layers[0].bias
    x = pixels(test)
    target = softmax(x @ weights + bias, t)
    counts = present(lif_wta(weights, bias=bias, **calibration.parameters), x, seed=args.seed + 1, device=devices.CPP)[
        0
    ].toarray()
    totals = counts.sum(axis=1)
    # As many spikes as the LIF circuit fires on average; the membrane rises with 20 ms from 0, as it does there.
    rate = min(totals.mean() / 0.05, 999) * Hz
    exact = soft_wta(weights, rule=None, temperature=1 / t, rate=rate)
    simulated = present(exact, x, seed=args.seed + 2, device=devices.CPP)[0].toarray()
    winner = np.eye(weights.shape[1], dtype=int)[target.argmax(axis=1)]
    entry = {
        "inhibition": kind,
        "inverse_temperature": t,
        "kl_train": calibration.divergence,
        "kl": float(divergence(target, counts).mean()),
        "kl_sd": float(divergence(target, counts).std()),
        "kl_sampling": float(divergence(target, sampled(target, totals, args.seed)).mean()),
        "kl_exact_circuit": float(divergence(target, simulated).mean()),
        "kl_uniform": float(divergence(target, 0 * counts).mean()),
        "kl_argmax": float(divergence(target, totals[:, None] * winner).mean()),
        "spikes": float(totals.mean()),
        "spikes_1_99": np.percentile(totals, [1, 99]).tolist(),
        "spikes_exact_circuit": float(simulated.sum(axis=1).mean()),
        "silent": float(np.mean(totals == 0)),
        "agreement": float(np.mean(counts.argmax(axis=1) == target.argmax(axis=1))),
        "agreement_exact_circuit": float(np.mean(simulated.argmax(axis=1) == target.argmax(axis=1))),
        "winner_probability": float(target.max(axis=1).mean()),
        "parameters": {name: calibration.parameters[name] for name in ("gain", "strength", "drive")},
        "calibration_s": seconds,
    }
    print(
        f"{weights.shape[1]:5} {kind:8} t {t:5g}  KL {entry['kl']:.3f}  sampling {entry['kl_sampling']:.3f}  exact "
        f"circuit {entry['kl_exact_circuit']:.3f}  uniform {entry['kl_uniform']:.3f}  argmax {entry['kl_argmax']:.3f}  "
        f"spikes {entry['spikes']:.1f}  winner {entry['agreement']:.3f} ({seconds:.0f} s)",
        flush=True,
    )
    return entry


def vote(model: Model, entry: dict[str, Any], train: Images, test: Images, seed: int) -> dict[str, Any]:
    """Return how well the label of the most active neuron predicts, with labels from training images."""
    weights, bias = np.asarray(model.layers[0].weight, float).T, model.layers[0].bias
    circuit = lif_wta(weights, bias=bias, inhibition=entry["inhibition"], **entry["parameters"])
    u = {part: pixels(images) @ weights + bias for part, images in (("train", train), ("test", test))}
    winners = {part: np.eye(weights.shape[1])[rows.argmax(axis=1)] for part, rows in u.items()}
    fired = {
        part: present(circuit, pixels(images), seed=seed + 3, device=devices.CPP)[0].toarray()
        for part, images in (("train", train), ("test", test))
    }
    scores: dict[str, Any] = {}
    predicted = {}
    for name, tables in (("rate", winners), ("lif", fired)):
        counts = {part: sparse.csr_array(table) for part, table in tables.items()}
        labels = metrics.neuron_labels(metrics.class_profile(counts["train"], train.labels, len(train.classes)))
        predicted[name] = metrics.vote(counts["test"], labels)
        scores[f"accuracy_{name}"] = metrics.accuracy(predicted[name], test.labels)
    return {
        "inhibition": entry["inhibition"],
        "inverse_temperature": entry["inverse_temperature"],
        "labelled_from": len(train),
        "test_images": len(test),
        **scores,
        "same_winner": float(np.mean(fired["test"].argmax(axis=1) == u["test"].argmax(axis=1))),
        "same_prediction": float(np.mean(predicted["lif"] == predicted["rate"])),
        "silent": float(np.mean(fired["test"].sum(axis=1) == 0)),
    }


def draw(networks: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(networks), figsize=(5.2 * len(networks), 4.2), squeeze=False, sharey=True)
    for axis, network in zip(axes[0], networks, strict=True):
        for kind, colour in zip(KINDS, ("tab:blue", "tab:orange"), strict=True):
            rows = [row for row in network["sweep"] if row["inhibition"] == kind]
            t = [row["inverse_temperature"] for row in rows]
            axis.plot(t, [row["kl"] for row in rows], "o-", color=colour, label=f"LIF, {kind}")
            sampling = [row["kl_sampling"] for row in rows]
            axis.plot(t, sampling, ":", color=colour, label=f"samples of the softmax, as many spikes ({kind})")
        rows = [row for row in network["sweep"] if row["inhibition"] == KINDS[0]]
        t = [row["inverse_temperature"] for row in rows]
        axis.plot(t, [row["kl_exact_circuit"] for row in rows], "s--", color="tab:green", ms=4, label="soft_wta")
        axis.plot(t, [row["kl_uniform"] for row in rows], color="0.6", label="uniform")
        axis.plot(t, [row["kl_argmax"] for row in rows], "--", color="0.6", label="the winner only")
        axis.set(xscale="log", yscale="log", xlabel="inverse temperature t", title=f"{network['units']} neurons")
    axes[0, 0].set_ylabel("KL(softmax(t u) || shares of spikes), nats")
    axes[0, 0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--units", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--large", type=int, help="one more network, measured at t = 12 only")
    parser.add_argument("--trained", type=int, default=10_000, help="training images that the layers learn from")
    parser.add_argument("--fitted", type=int, default=100, help="training images of each calibration")
    parser.add_argument("--tested", type=int, default=200, help="test images of each divergence")
    parser.add_argument("--voted", type=int, default=2000, help="test images of the vote; twice as many give labels")
    parser.add_argument("--evaluations", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    train, test = load("mnist", "train"), load("mnist", "test")
    learned = train[: args.trained]
    fitted = train[args.trained : args.trained + args.fitted]
    labelled = train[: 2 * args.voted]
    networks: list[dict[str, Any]] = []
    header = {
        "command": " ".join(["python", *sys.argv]),
        "versions": versions(),
        "processor": platform.processor() or platform.machine(),
        "settings": {name: str(value) if isinstance(value, Path) else value for name, value in vars(args).items()},
    }
    for units in [*args.units, *([args.large] if args.large else [])]:
        model = trained(units, learned, test[:500], args.seed)
        network: dict[str, Any] = {"units": units, "sweep": [], "vote": []}
        networks.append(network)
        for kind in KINDS:
            for t in (12.0,) if units == args.large else TEMPERATURES:
                row = measure(model, t, kind, fitted, test[: args.tested], args)
                network["sweep"].append(row)
                if t == 12 and units != args.large:
                    network["vote"].append(vote(model, row, labelled, test[: args.voted], args.seed))
                    print(network["vote"][-1], flush=True)
                args.out.write_text(json.dumps({**header, "networks": networks}, indent=1) + "\n")
    if args.plot:
        draw([network for network in networks if network["units"] != args.large], args.plot)


if __name__ == "__main__":
    main()
