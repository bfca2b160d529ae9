"""The LIF form of a converted network: LIF neurons that compete, each of which votes for a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from brian2 import ms
from numpy.typing import NDArray

from spikehebb import convert, devices, export, metrics
from spikehebb.convert import Timing, lif_calibration
from spikehebb.core import Circuit, Images, Samples, images_only
from spikehebb.core.progress import Progress, of_stage, quiet
from spikehebb.devices import Device
from spikehebb.export import Graph, Plain
from spikehebb.hardware import Quantized, Rounding, Target
from spikehebb.jobs.converted import ConvertedNetwork, refuse_learning
from spikehebb.jobs.costs import Circuits, circuit_costs, work_of
from spikehebb.jobs.run import provenance
from spikehebb.jobs.seeds import CONVERSION
from spikehebb.simulation.present import Watch

_REMARK = "in its LIF form"


@dataclass(frozen=True, kw_only=True, eq=False)
class LifNetwork:
    """A converted network in its LIF form.

    Parameters
    ----------
    columns : ConvertedNetwork
        What was converted with it. ``columns.network.header["lif"]`` holds the calibrated numbers, and the class of
        every neuron.
    """

    columns: ConvertedNetwork

    @property
    def header(self) -> Mapping[str, Any]:
        """What made it, as in its file."""
        return self.columns.header

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Those of the rate network; the weights of the LIF form follow from them."""
        return self.columns.arrays

    def circuit(self) -> Circuit:
        """Return its circuit."""
        return convert.lif_network(self.columns.model, self.columns.network)

    def evaluate(
        self,
        test: Samples,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        target: Target | None = None,
        progress: Progress = quiet,
    ) -> dict[str, Any]:
        """Return the scores of the neuron that fires most, as the conversion did, and what it costs on a target."""
        test = images_only(test)
        network, circuit, seed = self.columns.network, self.circuit(), self.columns.seed
        if test.image_shape != network.image_shape:
            raise ValueError(
                f"the network takes images of {network.image_shape}, but {test.name} has {test.image_shape}."
            )
        device = devices.find(device or self.columns.device)
        spikes: list[Mapping[str, Any]] = []
        counts, seconds = spike_counts(
            circuit,
            test,
            network.timing,
            device=device,
            seed=seed,
            replicas=replicas,
            watch=lambda recording: spikes.append(recording.counts),
            progress=progress,
        )
        timing, settings = network.timing, network.header["lif"]
        work = work_of(circuit, spikes, images=len(test), steps=timing.steps, dt=timing.dt_ms / 1000)
        predicted = np.asarray(settings["labels"])[np.asarray(counts.argmax(axis=1)).ravel()]
        report = {
            "kind": "evaluation",
            "config": dict(settings),
            **provenance(device.name, seed, test=test),
            "metrics": {
                "accuracy_vote": metrics.accuracy(predicted, np.asarray(test.labels)),
                "spikes_per_image": work.spikes,
                "ms_per_image": 1000 * seconds / len(test),
            },
        }
        if target is None:
            return report
        return report | {"hardware": circuit_costs(circuit, work, target, dt=self.columns.dt) | {"remarks": [_REMARK]}}

    def circuits(self, *, learning: bool = False) -> Circuits:
        """Return its circuit, its time step, and which of its forms that is."""
        if learning:
            refuse_learning()
        return {"": self.circuit()}, self.columns.dt, (_REMARK,)

    def plain(self, *, rules: bool = False) -> Plain:
        """Return it as plain numbers, beside the columns and the rate network."""
        return self.columns.plain(rules=rules, more={"lif": self.circuit()})

    def graph(self, *, dialect: str = "nir", lateral: bool = True, keep_rules: bool = False) -> Graph:
        """Return it as a NIR graph; raise ``ValueError`` where NIR cannot represent it."""
        steps = {"steps": float(self.columns.network.timing.steps)}
        return export.circuit_graph(
            self.circuit(), dt=self.columns.dt, dialect=dialect, lateral=lateral, metadata=steps
        )

    def quantized(
        self, target: Target, *, rounding: Rounding = "nearest", seed: int = 0
    ) -> tuple[LifNetwork, list[Quantized], tuple[str, ...]]:
        """Return it from layers in a chip's numbers, how far these are from its own, and a remark."""
        columns, layers, _ = self.columns.quantized(target, rounding=rounding, seed=seed)
        remark = (
            "these are the weights of the layer; its LIF form takes the mean of each row away and so leaves the "
            "levels: hardware.quantize(convert.lif_network(model, network), target) gives that form in the chip's "
            "numbers"
        )
        return LifNetwork(columns=columns), layers, (remark,)

    def start(self) -> NoReturn:
        """Raise ``ValueError``: learning does not go on from it."""
        self.columns.start()

    def rates(self) -> NoReturn:
        """Raise ``ValueError``: it is converted already."""
        self.columns.rates()


def spike_counts(
    circuit: Circuit,
    images: Images,
    timing: Timing,
    *,
    device: Device,
    seed: int,
    replicas: int | None = None,
    watch: Watch | None = None,
    progress: Progress = quiet,
) -> tuple[Any, float]:
    """Return the spike counts (images, neurons) of LIF neurons, and the seconds they took, from a conversion's seed."""
    return lif_calibration.present(
        circuit,
        images,
        presentation=timing.present_ms * ms,
        dt=timing.dt_ms * ms,
        seed=convert.seed_of(seed, CONVERSION["lif"]) % 2**31,
        device=device,
        replicas=replicas,
        watch=watch,
        progress=of_stage(progress, "testing"),
    )
