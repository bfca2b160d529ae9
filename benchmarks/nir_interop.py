"""A trained digit network is exported as NIR, and other simulators classify the same input spikes.

python benchmarks/nir_interop.py --python .venv-interop/bin/python --out benchmarks/results/nir-interop.json

Brian2 shows the test images to the LIF form of a SoftHebb network and keeps its input spikes. Norse and snnTorch, in an
environment of their own, load the NIR file in their dialect, hear those spikes and answer. So does a network that
learned in spikes, by commands alone: learn, convert, quantize, check, export. The exit code is 1 if an answer differs
from Brian2's for more than 2 % of the images, any answer of the network by commands, or any spike of a small network of
two layers (integrate-and-fire; LIF with recurrent weights).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms, mV

from spikehebb import checkpoint, conversion, devices, metrics
from spikehebb.core import Circuit, Images, Population, Projection, Protocol
from spikehebb.datasets import load
from spikehebb.encoders import regular
from spikehebb.export import circuit_graph, graph_circuit, sizes, write_nir
from spikehebb.jobs import read, train_softhebb, unit_votes
from spikehebb.jobs.lif_wta import LifSettings
from spikehebb.jobs.run import describe, versions
from spikehebb.neurons import lif_unit, nir_if
from spikehebb.simulation import simulate
from spikehebb.softhebb import Model
from spikehebb.softhebb.network import Training
from spikehebb.softhebb.presets import find

SIMULATORS, LEAST = ("norse", "snntorch"), 0.98
COMMAND = "import sys; sys.argv[0] = 'spikehebb'; from spikehebb.cli import app; app()"
SIDE = Path(__file__).with_name("nir_simulators.py")


def main() -> int:
    """Train or load, export, compare; return the exit code."""
    options = _options()
    seconds = {}
    began = time.perf_counter()
    train, test = (load(options.data, part, data_dir=options.data_dir) for part in ("train", "test"))
    test = test[: options.images]
    model = _trained(options.checkpoint, train, options.seed)
    device = devices.find(options.device)
    circuit, timing, accuracy = _network(model, train, test, device, options)
    seconds["training and calibration"] = round(time.perf_counter() - began, 1)
    result: dict[str, Any] = {
        "command": " ".join(Path(word).name if word.startswith("/") else word for word in sys.argv),
        "versions": versions(),
        "data": {"train": describe(train), "test": describe(test)},
        "network": {name: part.size for name, part in circuit.populations.items()},
        "inhibition": options.inhibition,
        "accuracy_lif_vote": accuracy,
        "least_agreement": LEAST,
        "simulators": {},
    }
    began = time.perf_counter()
    raster, fired = _spikes(circuit, test, timing, device, options.seed)
    answer = fired @ np.asarray(circuit.projections["to_readout"].weights)
    labels = np.asarray(test.labels)
    result["brian2"] = {
        "accuracy": metrics.accuracy(answer.argmax(axis=1), labels),
        "output_spikes_per_image": float(fired.sum() / len(test)),
        "images": len(test),
    }
    seconds["brian2"] = round(time.perf_counter() - began, 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layers = _layers(options.seed)
        shown = rasters(
            layers, np.random.default_rng(options.seed).random((5, 20)), timing, devices.NUMPY, options.seed
        )
        for dialect in SIMULATORS:
            graph = circuit_graph(circuit, dt=timing.dt_ms * ms, dialect=dialect)
            write_nir(graph, folder / f"digits-{dialect}.nir")
            write_nir(circuit_graph(layers, dt=timing.dt_ms * ms, dialect=dialect), folder / f"layers-{dialect}.nir")
            result["simulators"][dialect] = {"graph": sizes(graph)}
        chip = _by_commands(folder, options)
        for case, spikes in (("digits", raster), ("layers", shown["input"]), ("chip", chip.raster)):
            np.savez_compressed(folder / f"{case}.npz", bits=np.packbits(spikes), shape=np.array(spikes.shape))
        began = time.perf_counter()
        subprocess.run([options.python, str(SIDE), str(folder)], check=True)
        seconds["simulators"] = round(time.perf_counter() - began, 1)
        result["versions_simulators"] = json.loads((folder / "versions.json").read_text())
        with np.load(folder / "answers.npz") as answers:
            for dialect in SIMULATORS:
                theirs = answers[f"digits-{dialect}"].sum(axis=1)
                second = answers[f"layers-{dialect}"][:, :-1]  # the second layer answers a step earlier than here
                result["simulators"][dialect] |= {
                    "agreement": float(np.mean(theirs.argmax(axis=1) == answer.argmax(axis=1))),
                    "same_spike_counts_of_every_class": float(np.mean((theirs == answer).all(axis=1))),
                    "accuracy": metrics.accuracy(theirs.argmax(axis=1), labels),
                    "two_layers_identical_spikes": bool((second == shown["output"][:, 1:]).all()),
                    "two_layers_spikes": int(shown["output"].sum()),
                }
                told = answers[f"chip-{dialect}"].sum(axis=1)
                result["simulators"][dialect]["by_commands"] = {
                    "same_answers": int(np.sum(told.argmax(axis=1) == chip.votes.argmax(axis=1))),
                    "same_spike_counts_of_every_class": float(np.mean((told == chip.votes).all(axis=1))),
                    "images": len(told),
                    "accuracy": metrics.accuracy(told.argmax(axis=1), np.asarray(test.labels)[: len(told)]),
                    "distinct_weights": chip.levels,
                }
    began = time.perf_counter()
    again = graph_circuit(circuit_graph(circuit, dt=timing.dt_ms * ms), encoder=circuit.populations["input"].model)
    _, back = _spikes(again.circuit, test, timing, device, options.seed)
    result["round_trip_same_spike_counts"] = bool((back == fired).all())
    seconds["round trip"] = round(time.perf_counter() - began, 1)
    result["seconds"] = seconds
    reached = [each["agreement"] for each in result["simulators"].values()]
    layered = [each["two_layers_identical_spikes"] for each in result["simulators"].values()]
    walked = [each["by_commands"] for each in result["simulators"].values()]
    result["passed"] = bool(
        min(reached) >= LEAST
        and all(layered)
        and all(each["same_answers"] == each["images"] for each in walked)
        and result["round_trip_same_spike_counts"]
    )
    if options.out:
        checkpoint.write_json(options.out, result)
    print(json.dumps({name: result[name] for name in ("brian2", "simulators", "seconds", "passed")}, indent=2))
    return 0 if result["passed"] else 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chip:
    """A network that left by commands: its input spikes, the votes of Brian2, how many weights are distinct."""

    raster: Any
    votes: Any
    levels: int


def _by_commands(folder: Path, options: argparse.Namespace) -> Chip:
    """Learn in spikes, convert, quantize, check and export, all by commands; then show the test images in Brian2."""
    runs = folder / "runs"
    data = ["--data", options.data, *(["--data-dir", str(options.data_dir)] if options.data_dir else [])]
    where, seed = ["--device", options.device], ["--seed", str(options.seed)]
    for words in (
        ["learn", *data, "--neurons", "100", "--epochs", "3", *where, *seed, "--out", f"{runs}/learned"],
        ["convert", f"{runs}/learned", *data, *where, *seed, "--out", f"{runs}/lif"],
        ["quantize", f"{runs}/lif", "--target", "loihi1", "--bits", "4", "--out", f"{runs}/chip"],
        ["check", f"{runs}/chip", "--target", "loihi1"],
        *(["export", f"{runs}/chip", "--dialect", d, "--out", f"{folder}/chip-{d}.nir"] for d in SIMULATORS),
    ):
        done = subprocess.run([sys.executable, "-c", COMMAND, *words], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"spikehebb {' '.join(words)}: {done.stdout}{done.stderr}")
    network = read(runs / "chip")
    circuit, config = network.circuits()[0][""], network.header["config"]
    test = load(options.data, "test", data_dir=options.data_dir)[: options.images]
    settings = LifSettings(**config)
    spikes = rasters(circuit, settings.rows(test), settings, devices.find(options.device), options.seed)
    votes = spikes["output"].sum(axis=1, dtype=np.int64) @ np.asarray(circuit.projections["to_readout"].weights)
    weights = np.asarray(circuit.projections["feedforward"].weights)
    return Chip(raster=spikes["input"], votes=votes, levels=len(np.unique(weights)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="of the environment with norse and snntorch")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument(
        "--checkpoint", type=Path, help="a SoftHebb network of one dense layer; left out, one is trained"
    )
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--inhibition", default="lateral", choices=("lateral", "spiking"))
    parser.add_argument("--device", default="numpy")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _trained(path: Path | None, train: Images, seed: int) -> Model:
    """Return a network of one dense layer."""
    if path is not None:
        return read(path).rates()
    preset = find("mnist-dense")
    layers = (dataclasses.replace(preset.layers[0], units=100),)
    small = dataclasses.replace(preset, layers=layers, training=Training(epochs=20, batch=10))
    return train_softhebb(train, train[:100], small, method="ridge", seed=seed).model


def _network(
    model: Model, train: Images, test: Images, device: devices.Device, options: argparse.Namespace
) -> tuple[Circuit, conversion.Timing, float]:
    """Return the LIF form with its readout."""
    timing = conversion.timing_for(model.network)
    chosen = train[np.random.default_rng((options.seed, 0)).permutation(len(train))[:300]]
    report = unit_votes.lif(
        model, timing, train, test, chosen, device=device, seed=options.seed, tell=lambda stage, part: None
    )
    network = conversion.to_spiking(model, chosen, timing)
    labels = report.pop("labels")
    header = {"lif": conversion.lif_settings(report | {"inhibition": options.inhibition}, labels)}
    circuit = conversion.lif_network(model, dataclasses.replace(network, header=header))
    return circuit, timing, float(report["accuracy_vote"])


def _spikes(
    circuit: Circuit, images: Images, timing: conversion.Timing, device: devices.Device, seed: int
) -> tuple[Any, Any]:
    """Return the input spikes (images, steps, inputs) and how often each output neuron fired (images, neurons)."""
    spikes = rasters(circuit, images.intensities().reshape(len(images), -1), timing, device, seed)
    return spikes["input"], spikes["output"].sum(axis=1, dtype=np.int64)


def rasters(
    circuit: Circuit, rows: Any, timing: conversion.Timing | LifSettings, device: devices.Device, seed: int
) -> dict[str, Any]:
    """Return the spikes (presentations, steps, neurons) of input and output."""
    dt = timing.dt_ms * ms
    length = timing.steps * dt
    protocol = Protocol(stimuli={"input": rows}, duration=len(rows) * length, presentation=length)
    spikes = simulate(circuit, protocol, device=device, dt=dt, seed=seed, record=("input", "output")).spikes
    shown = {}
    for name in ("input", "output"):
        raster = np.zeros((len(rows) * timing.steps, circuit.populations[name].size), np.uint8)
        raster[np.round(np.asarray(spikes[name].t / dt)).astype(np.int64), spikes[name].i] = 1
        shown[name] = raster.reshape(len(rows), timing.steps, -1)
    return shown


def _layers(seed: int) -> Circuit:
    """Return two layers: integrate-and-fire, then LIF of several thresholds and time constants that hear each other."""
    rng = np.random.default_rng(seed)
    leaky = lif_unit.with_parameters(tau_m=np.linspace(5, 50, 6) * ms, v_threshold=np.linspace(0.5, 1, 6) * mV)
    return Circuit(
        name="layers",
        populations={
            "input": Population(model=regular, size=20),
            "middle": Population(model=nir_if, size=8),
            "output": Population(model=leaky, size=6),
        },
        projections={
            "up": Projection(pre="input", post="middle", weights=0.3 * rng.random((20, 8))),
            "on": Projection(pre="middle", post="output", weights=0.8 * rng.random((8, 6))),
            "back": Projection(pre="output", post="output", weights=-0.4 * (1 - np.eye(6))),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
