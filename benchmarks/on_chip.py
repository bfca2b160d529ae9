"""A winner-take-all of LIF neurons in Loihi's numbers: accuracy, cores, operations and energy against weight bits.

python benchmarks/on_chip.py --out FILE [--data mnist] [--units 100] [--train 10000] [--test 1000] [--seeds 0 1 2]

A dense SoftHebb network is trained, converted to LIF neurons, and quantized after training: weights, threshold and time
constant. Every network sees the same input spikes. Labels of the neurons come from training images.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import checkpoint, conversion, devices, hardware, jobs, metrics
from spikehebb.cli.common import progress
from spikehebb.core import Circuit, Images, Protocol
from spikehebb.datasets import load
from spikehebb.simulation import presentation_counts, simulate
from spikehebb.softhebb import find

BITS = (8, 6, 5, 4, 3, 2)


def main() -> None:
    """Measure, print a table, write the numbers."""
    options = _options()
    train, test = load(options.data, "train")[: options.train], load(options.data, "test")[: options.test]
    rows = [row for seed in options.seeds for row in _measured(train, test, options.units, seed)]
    for row in rows:
        print(
            f"seed {row['seed']} {row['weights']:>8} {100 * row['accuracy']:6.2f} %  {row['cores']} cores  "
            f"{row['problems']} problems  {row['operations']:9.0f} AC  {1e6 * row['joule']:.3f} uJ"
        )
    content = {"options": {**vars(options), "out": options.out.name}, "versions": jobs.versions(), "rows": rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_json(options.out, content)


def _measured(train: Images, test: Images, units: int, seed: int) -> list[dict[str, Any]]:
    preset = find("mnist-dense")
    small = dataclasses.replace(preset, layers=(dataclasses.replace(preset.layers[0], units=units),))
    with progress() as tell:
        model = jobs.train_softhebb(train, train[:100], small, method="ridge", seed=seed, progress=tell).model
        timing = conversion.timing_for(model.network)
        run = jobs.convert_softhebb(model, train, test, timing, lif=True, seed=seed, progress=tell)
    labels = np.asarray(run.network.header["lif"]["labels"])
    circuit = conversion.lif_network(model, run.network)
    loihi, rows = hardware.TARGETS["loihi1"], []
    forms: list[tuple[str, Circuit]] = [("float", circuit)]
    for bits in BITS:
        target = loihi.with_limits(weight_bits=bits)
        forms.append((f"{bits} bits", hardware.quantize(circuit, target).circuit))
    for name, form in forms:
        target = loihi if name == "float" else loihi.with_limits(weight_bits=int(name.split()[0]))
        accuracy, work = _seen(form, test, labels, seed)
        rows.append(
            {
                "seed": seed,
                "weights": name,
                "accuracy": accuracy,
                "cores": hardware.split(form, target).cores,
                "problems": len(hardware.check(form, target)),
                "operations": work.effective_ac,
                "spikes": work.spikes,
                "joule": metrics.estimate_energy(work, metrics.find_costs("loihi1")).joule,
                "accuracy_softmax": run.report["metrics"].get("accuracy_vote_rate"),
            }
        )
    return rows


def _seen(circuit: Circuit, test: Images, labels: Any, seed: int) -> tuple[float, metrics.Workload]:
    """Return the accuracy of the neuron that fires most, and the work per image."""
    rows = test.intensities().reshape(len(test), -1).astype(float)
    protocol = Protocol(stimuli={"input": rows}, duration=len(test) * 50 * ms, presentation=50 * ms)
    recording = simulate(circuit, protocol, device=devices.find("auto"), seed=seed, record=("output",))
    counts = presentation_counts(
        recording.spikes["output"], neurons=len(labels), presentations=len(test), presentation=50 * ms
    )
    winners = np.asarray(counts.argmax(axis=1)).ravel()
    work = metrics.count_work(circuit, recording, presentations=len(test)).per_presentation()
    return metrics.accuracy(labels[winners], np.asarray(test.labels)), work


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="mnist")
    for name, value in (("units", 100), ("train", 10_000), ("test", 1000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    return parser.parse_args()


if __name__ == "__main__":
    main()
