"""A converted network: columns of spiking neurons that stand at every position of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import numpy as np
from brian2 import ms
from numpy.typing import NDArray

from spikehebb import conversion, devices, export, metrics
from spikehebb.checkpoint import Checkpoint
from spikehebb.conversion import SpikingNetwork, network_file
from spikehebb.conversion.present import build_programs, together_of
from spikehebb.core import Circuit, Float, Images, Int, Samples, display, images_only
from spikehebb.core.progress import Progress, of_stage, quiet
from spikehebb.devices import Device
from spikehebb.export import Graph, Plain
from spikehebb.hardware import Quantized, Rounding, Target
from spikehebb.jobs.costs import Circuits, weight_bits, work_costs
from spikehebb.jobs.rates import quantized_model
from spikehebb.jobs.run import provenance
from spikehebb.metrics import Plasticity, Workload
from spikehebb.simulation.present import chunks
from spikehebb.softhebb import Model

KIND = network_file.KIND


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvertedNetwork:
    """A converted network.

    Parameters
    ----------
    model : Model
        The rate network that it came from.
    network : SpikingNetwork
        Its columns. ``network.header`` holds how it was converted: ``seed``, ``device``, ``source``.
    """

    model: Model
    network: SpikingNetwork

    __repr__ = display.one_line
    _repr_html_ = display.html
    save = display.save

    @property
    def header(self) -> Mapping[str, Any]:
        """What made it, as in its file."""
        return self._saved.header

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Those of the rate network; the columns follow from them."""
        return self._saved.arrays

    @property
    def _saved(self) -> Checkpoint:
        return network_file.to_checkpoint(self.model, self.network)

    @property
    def seed(self) -> int:
        """The seed of its conversion."""
        return int(self.network.header.get("seed", 0))

    @property
    def device(self) -> Device:
        """The device on which it was converted."""
        return devices.find(str(self.network.header.get("device", "auto")))

    @property
    def dt(self) -> Any:
        """The time step."""
        return self.network.timing.dt_ms * ms

    def evaluate(
        self,
        test: Samples,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        target: Target | None = None,
        progress: Progress = quiet,
    ) -> dict[str, Any]:
        """Return its scores and its spikes, and what they cost on a target; on its own device, the same each time."""
        test = images_only(test)
        network, device = self.network, devices.find(device or self.device)
        if network.readout is None:
            raise ValueError(
                "the converted network has no readout to score; convert one that was trained with a readout."
            )
        build_programs(network, device, replicas)
        seen = None
        for _, part, bar in chunks(len(test), together_of(network), of_stage(progress, "showing")):
            seed = conversion.seed_of(self.seed, part.start)
            seen = joined(seen, show_part(network, test[part], device, seed, replicas))
            bar(1)
        assert seen is not None
        report = {
            "kind": "evaluation",
            "config": asdict(network.timing),
            **provenance(device.name, self.seed, test=test),
            "metrics": {
                **per_image(seen, len(test)),
                "accuracy_test": metrics.accuracy(seen.predicted[:, -1], np.asarray(test.labels)),
            },
            "answers": seen.predicted[:, -1].tolist(),
        }
        return report if target is None else report | {"hardware": self._costs(target, report["metrics"])}

    def _costs(self, target: Target, scores: Mapping[str, float]) -> dict[str, Any]:
        size, inputs = conversion.size(self.network), int(np.prod(self.network.image_shape))
        neurons, steps = size.unrolled_neurons - inputs, self.network.timing.window
        work = Workload(
            steps=steps,
            presentations=1,
            spikes=scores["spikes_per_image"],
            input_spikes=0.0,
            activation_sparsity=1 - scores["spikes_per_image"] / ((neurons + inputs) * steps),
            dense=float(size.unrolled_synapses) * steps,
            effective_ac=scores["operations_per_image"],
            effective_mac=0.0,
            neuron_updates=float(neurons) * steps,
            plasticity=Plasticity(),
            per_projection={},
        )
        bits = weight_bits(target)
        return {
            "target": target.name,
            "footprint": {"weights": size.unrolled_synapses * bits / metrics.static.BYTE, "weight_bits": bits},
            **work_costs(work, target),
            "remarks": [
                "every position has neurons and synapses of its own",
                "spikes are those of inputs and layers together; inhibition, pooling and readout are not counted",
            ],
        }

    def circuits(self, *, learning: bool = False) -> Circuits:
        """Return one circuit, or that of every layer where it is too large; its time step; what is not exact."""
        if learning:
            refuse_learning()
        try:
            return {"": conversion.unrolled(self.network)}, self.dt, self.network.remarks
        except (MemoryError, ValueError) as error:
            remark = f"checked layer by layer, cores not counted: {error}"
            return self._columns, self.dt, (*self.network.remarks, remark)

    @property
    def _columns(self) -> dict[str, Circuit]:
        return {f"layer{number}": stage.circuit for number, stage in enumerate(self.network.stages)}

    def plain(self, *, rules: bool = False, more: Mapping[str, Circuit] | None = None) -> Plain:
        """Return it as plain numbers: the column of every layer, more circuits, and the rate network."""
        return export.plain(
            KIND,
            circuits={**self._columns, **(more or {})},
            model=self.model,
            dt=self.network.timing.dt_ms / 1000,
            geometry=_geometry(self.network),
            source=self.header,
            rules=rules,
        )

    def graph(self, *, dialect: str = "nir", lateral: bool = True, keep_rules: bool = False) -> Graph:
        """Return it as a NIR graph; raise ``ValueError`` where NIR cannot represent it."""
        if not lateral:
            raise ValueError("a converted network has no lateral inhibition to leave out: it is in its weights.")
        return export.network_graph(self.network, dialect=dialect)

    def quantized(
        self, target: Target, *, rounding: Rounding = "nearest", seed: int = 0
    ) -> tuple[ConvertedNetwork, list[Quantized], tuple[str, ...]]:
        """Return it in a chip's numbers, how far these are from its own, layer by layer, and no remarks."""
        model, layers = quantized_model(self.model, target, rounding, seed)
        gains = tuple(stage.gain for stage in self.network.stages)
        network = conversion.assemble(model, gains, self.network.timing, self.network.header)
        return ConvertedNetwork(model=model, network=network), layers, ()

    def start(self) -> NoReturn:
        """Raise ``ValueError``: learning does not go on from it."""
        no_start(KIND)

    def rates(self) -> NoReturn:
        """Raise ``ValueError``: it is converted already."""
        converted_already()

    def learned(self) -> NoReturn:
        """Raise ``ValueError``: it is converted already."""
        converted_already()


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """The test images shown so far."""

    predicted: Int
    spikes: Float
    operations: Float
    seconds: float


def show_part(network: SpikingNetwork, part: Images, device: Device, seed: int, replicas: int | None = None) -> Seen:
    """Show some images to a converted network."""
    shown = conversion.present(network, part, device=device, seed=seed, replicas=replicas)
    return Seen(
        predicted=shown.predicted.reshape(len(part), -1),
        spikes=shown.spikes.astype(np.float64),
        operations=shown.operations.astype(np.float64),
        seconds=shown.seconds,
    )


def joined(one: Seen | None, other: Seen) -> Seen:
    """Return both, one after the other."""
    if one is None:
        return other
    return Seen(
        predicted=np.concatenate([one.predicted, other.predicted]),
        spikes=one.spikes + other.spikes,
        operations=one.operations + other.operations,
        seconds=one.seconds + other.seconds,
    )


def per_image(seen: Seen, images: int) -> dict[str, float]:
    """Return the spikes, the synaptic operations and the milliseconds for an image."""
    return {
        "spikes_per_image": float(seen.spikes.sum()) / images,
        "operations_per_image": float(seen.operations.sum()) / images,
        "ms_per_image": 1000 * seen.seconds / images,
    }


def no_start(kind: str) -> NoReturn:
    """Raise ``ValueError``: learning does not go on from a converted network."""
    raise ValueError(
        f"it holds {kind!r}, but learning goes on from a network that learned digits, or from a SoftHebb model."
    )


def converted_already() -> NoReturn:
    """Raise ``ValueError``: what is converted is not converted again."""
    raise ValueError("a converted network spikes already; convert the SoftHebb network that it came from.")


def refuse_learning() -> NoReturn:
    """Raise ``ValueError``: no converted network learns."""
    raise ValueError("a converted network does not learn; check it without --learning.")


def _geometry(network: SpikingNetwork) -> dict[str, dict[str, Any]]:
    return {
        f"layer{number}": {
            "kernel": stage.layer.kernel,
            "padding": stage.layer.padding,
            "padded_by": "reflection",
            "pool": None if stage.layer.pool is None else asdict(stage.layer.pool),
            "input_shape": list(stage.input_shape),
            "positions": list(stage.positions),
            "output_shape": list(stage.output_shape),
            "gain_hz": stage.gain,
            "latency_steps": stage.latency,
        }
        for number, stage in enumerate(network.stages)
    }
