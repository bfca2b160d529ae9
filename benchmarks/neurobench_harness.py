"""A trained network in NeuroBench's own harness, beside the counts of this toolkit.

python benchmarks/neurobench_harness.py --out benchmarks/results/neurobench.json

A network of LIF neurons leaves as a NIR file, snnTorch loads it, and NeuroBench's ``Benchmark`` runs it: its loop, its
data loader, its processors, its metrics, on the input spikes that Brian2 gave the same network. The exit code is 1 if
an answer or a number differs. NeuroBench counts an input spike when it acts, this toolkit when it is fired: what those
of the last time step of an image would do after its end is counted apart, as ``late``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from nir_interop import rasters
from nir_simulators import snntorch

from spikehebb import checkpoint, devices, metrics
from spikehebb.core import Circuit
from spikehebb.datasets import load, sample
from spikehebb.export import write_nir
from spikehebb.jobs import read
from spikehebb.jobs.lif import LifNetwork
from spikehebb.jobs.run import describe, versions
from spikehebb.jobs.trained import trained_on

BATCH = 50
SUMMED = ("Effective_ACs", "Effective_MACs", "Dense")
PACKAGES = ("neurobench", "snntorch", "nirtorch", "nir", "torch")


def main() -> int:
    """Show the same spikes to both, print a table, return the exit code."""
    options = _options()
    network = read(options.checkpoint)
    if not isinstance(network, LifNetwork):
        raise SystemExit(f"{options.checkpoint} has no LIF form: spikehebb convert makes one from it.")
    settings, circuit = network.own.settings, network.circuit()
    test = load(options.data or trained_on(network) or "digits", "test", data_dir=options.data_dir)
    test = sample(test, options.images)
    spikes = rasters(circuit, settings.rows(test), settings, devices.find(options.device), options.seed)
    additions = len(circuit.projections) * settings.steps * math.ceil(len(test) / BATCH)
    own, votes = counts(circuit, spikes, test.labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.nir")
        write_nir(network.graph(dialect="snntorch"), path)
        theirs, answers = neurobench(path, spikes["input"], np.asarray(test.labels))
    same = int(np.sum(answers == votes))
    faults = differences(own, theirs, additions) + ([] if same == len(test) else [f"{len(test) - same} answers"])
    for name, here, there in table(own, theirs):
        print(f"{name:<24}{here:>16}{there:>16}")
    print(f"the same answer on {same} of {len(test)} images" + "".join(f"; DIFFERS: {each}" for each in faults))
    if options.out:
        report = {
            "command": " ".join(Path(word).name if word.startswith("/") else word for word in sys.argv),
            "network": options.checkpoint.name,
            "data": describe(test),
            "steps": settings.steps,
            "same_answers": same,
            "spikehebb": own,
            "neurobench": theirs,
            "differences": faults,
            "versions": versions() | {name: importlib.metadata.version(name) for name in PACKAGES},
        }
        checkpoint.write_json(options.out, report)
    return 1 if faults else 0


def counts(circuit: Circuit, spikes: Mapping[str, Any], labels: Any) -> tuple[dict[str, float], Any]:
    """Return this toolkit's numbers for rasters (images, steps, neurons), under NeuroBench's names, and the answers."""
    images, steps = spikes["input"].shape[:2]
    fired = {name: raster.sum(axis=(0, 1), dtype=np.int64) for name, raster in spikes.items()}
    work = metrics.count_work(circuit, counts=fired, steps=images * steps, presentations=images).per_presentation()
    last = {name: raster[:, -1].sum(axis=0, dtype=np.int64) for name, raster in spikes.items()}
    after = metrics.count_work(circuit, counts=last, steps=images, presentations=images).per_presentation()
    outside = [name for name, p in circuit.projections.items() if p.pre in metrics.inputs(circuit)]
    size = metrics.footprint(circuit, weight_bits=32, state_bits=32)
    votes = spikes["output"].sum(axis=1, dtype=np.int64) @ np.asarray(circuit.projections["to_readout"].weights)
    answers = votes.argmax(axis=1)
    return {
        "ClassificationAccuracy": metrics.accuracy(answers, np.asarray(labels)),
        "Footprint": size.total,
        "weights_bytes": size.weights,
        "ConnectionSparsity": metrics.connection_sparsity(circuit),
        "ActivationSparsity": work.activation_sparsity,
        "Effective_ACs": work.effective_ac,
        "Effective_ACs_late": sum(after.per_projection[name] for name in outside),
        "Effective_MACs": work.effective_mac,
        "Dense": work.dense,
    }, answers


def neurobench(path: Path, spikes: Any, labels: Any) -> tuple[dict[str, float], Any]:
    """Return the numbers of NeuroBench for a NIR file and input spikes (images, steps, inputs), and the answers."""
    import nir
    import torch
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics import static, workload
    from neurobench.models import SNNTorchModel
    from neurobench.processors.postprocessors import ChooseMaxCount
    from snntorch import SpikingNeuron
    from torch.utils.data import DataLoader, TensorDataset

    net = snntorch(nir.read(path))

    class Steps(torch.nn.Module):  # type: ignore[misc]
        """All time steps of images, as NeuroBench asks for them: (images, steps, inputs) to (steps, images, ...)."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, shown: Any) -> Any:
            answers, state = [], None
            for neurons in (module for module in self.modules() if isinstance(module, SpikingNeuron)):
                neurons.reset_mem()  # their potentials outlive an image otherwise
            for step in range(shown.shape[1]):
                answer, state = self.net(shown[:, step], state)
                answers.append(answer)
            return torch.stack(answers)

    def one_step_later(batch: tuple[Any, Any]) -> tuple[Any, Any]:
        """Here a spike acts a step after it was fired, so an empty step comes first, and the last one never acts."""
        shown, targets = batch
        return torch.nn.functional.pad(shown.float(), (0, 0, 1, 0))[:, :-1], targets

    answers: list[Any] = []

    def kept(answer: Any) -> Any:
        answers.append(answer.numpy())
        return answer

    model = SNNTorchModel(Steps(), custom_forward=True)
    loader = DataLoader(TensorDataset(torch.from_numpy(spikes), torch.tensor(labels)), batch_size=BATCH)
    wanted = [
        [static.Footprint, static.ConnectionSparsity],
        [workload.ClassificationAccuracy, workload.ActivationSparsity, workload.SynapticOperations],
    ]
    benchmark = Benchmark(model, loader, [one_step_later], [ChooseMaxCount(), kept], wanted)
    told = io.StringIO()
    with torch.no_grad(), contextlib.redirect_stdout(told):
        results = benchmark.run()
    if "Error" in told.getvalue():  # it goes on after a metric that failed, with 0 in its place
        raise RuntimeError(f"NeuroBench: {told.getvalue()}")
    operations = {name: float(value) for name, value in results.pop("SynapticOperations").items()}
    bytes_of_weights = sum(p.numel() * p.element_size() for name, p in net.named_parameters() if "weight" in name)
    numbers = {name: float(value) for name, value in results.items()} | operations
    return numbers | {"weights_bytes": float(bytes_of_weights)}, np.concatenate(answers)


def differences(own: Mapping[str, float], theirs: Mapping[str, float], additions: int) -> list[str]:
    """Return what ought to be equal, and is not.

    The footprint need not be, as each side holds other variables. NeuroBench adds up operations in single precision:
    each of its additions loses at most half of the last bit.
    """
    ours = {**own, "Effective_ACs": own["Effective_ACs"] - own["Effective_ACs_late"]}
    ours["ConnectionSparsity"] = round(ours["ConnectionSparsity"], 4)  # as theirs is
    names = [name for name in theirs if name != "Footprint"]
    slack = {name: additions * 2.0**-24 if name in SUMMED else 1e-6 for name in names}
    close = {name: abs(ours[name] - theirs[name]) <= slack[name] * max(1.0, theirs[name]) for name in names}
    return [f"{name} {ours[name]:.10g} {theirs[name]:.10g}" for name in names if not close[name]]


def table(own: Mapping[str, float], theirs: Mapping[str, float]) -> list[list[str]]:
    """Return both sides, a row for each number."""
    rows = [[name, f"{value:.8g}", f"{theirs[name]:.8g}" if name in theirs else "-"] for name, value in own.items()]
    return [["", "spikehebb", "NeuroBench"], *rows]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path("mnist-loihi1-lif"), help="a network with a LIF form")
    parser.add_argument("--data", help="the one it was trained on, if left out")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--device", default="numpy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
