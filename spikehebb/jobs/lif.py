"""A network in its LIF form: LIF neurons that compete, each of which votes for a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import numpy as np
from brian2 import Hz
from numpy.typing import NDArray

from spikehebb import conversion, devices, export, metrics
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Circuit, Samples, display, images_only
from spikehebb.core.progress import Progress, quiet
from spikehebb.devices import Device
from spikehebb.export import Graph, Plain
from spikehebb.hardware import Quantized, Rounding, Target, quantize
from spikehebb.jobs import lif_wta
from spikehebb.jobs.converted import ConvertedNetwork, converted_already, no_start, refuse_learning
from spikehebb.jobs.costs import Circuits, circuit_costs, work_of
from spikehebb.jobs.lif_wta import LifSettings, LifWta
from spikehebb.jobs.run import provenance

_REMARK = "in its LIF form"


@dataclass(frozen=True, kw_only=True, eq=False)
class LifNetwork:
    """A network in its LIF form: a winner-take-all of LIF neurons, each of which votes for a class.

    Parameters
    ----------
    columns : ConvertedNetwork, optional
        What was converted with it, of a SoftHebb network. ``columns.network.header["lif"]`` holds the calibrated
        numbers, and the class of every neuron; the file is that of the columns.
    own : LifWta, optional
        Its own numbers; those that follow from the columns when left out.
    """

    columns: ConvertedNetwork | None = None
    own: LifWta = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if (self.columns is None) == (self.own is None):
            raise ValueError("LifNetwork takes columns, or numbers of its own.")
        if self.columns is not None:
            object.__setattr__(self, "own", _own(self.columns))

    @property
    def header(self) -> Mapping[str, Any]:
        """What made it, as in its file."""
        return self.own.header if self.columns is None else self.columns.header

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Its numbers, or those of the rate network, from which they follow."""
        return self.own.arrays if self.columns is None else self.columns.arrays

    def circuit(self) -> Circuit:
        """Return its circuit, with a readout that counts votes."""
        return self.own.circuit()

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
        test, device = images_only(test), devices.find(device or self.own.device)
        settings, circuit = self.own.settings, self.circuit()
        spikes: list[Mapping[str, Any]] = []
        counts, seconds = self.own.spike_counts(
            test,
            device=device,
            replicas=replicas,
            watch=lambda recording: spikes.append(recording.counts),
            progress=progress,
        )
        work = work_of(circuit, spikes, images=len(test), steps=settings.steps, dt=settings.dt_ms / 1000)
        predicted = self.own.labels[np.asarray(counts.argmax(axis=1)).ravel()]
        report = {
            "kind": "evaluation",
            "config": dict(self.own.header["config"]),
            **provenance(device.name, int(self.own.header["seed"]), test=test),
            "metrics": {
                "accuracy_vote": metrics.accuracy(predicted, np.asarray(test.labels)),
                "spikes_per_image": work.spikes,
                "ms_per_image": 1000 * seconds / len(test),
            },
            "answers": predicted.tolist(),
        }
        if target is None:
            return report
        return report | {"hardware": circuit_costs(circuit, work, target, dt=self.own.dt) | {"remarks": [_REMARK]}}

    def circuits(self, *, learning: bool = False) -> Circuits:
        """Return its circuit, its time step, and which of its forms that is."""
        if learning:
            refuse_learning()
        return {"": self.circuit()}, self.own.dt, (_REMARK,)

    def plain(self, *, rules: bool = False) -> Plain:
        """Return it as plain numbers, beside columns and rate network where it came from them."""
        if self.columns is not None:
            return self.columns.plain(rules=rules, more={"lif": self.circuit()})
        return export.plain(
            lif_wta.KIND,
            circuits={"lif": self.circuit()},
            dt=self.own.settings.dt_ms / 1000,
            others={"labels": (self.own.labels, "(neurons,): the class that each output neuron votes for")},
            source=self.header,
            rules=rules,
        )

    def graph(self, *, dialect: str = "nir", lateral: bool = True, keep_rules: bool = False) -> Graph:
        """Return it as a NIR graph; raise ``ValueError`` where NIR cannot represent it."""
        steps = {"steps": float(self.own.settings.steps)}
        return export.circuit_graph(self.circuit(), dt=self.own.dt, dialect=dialect, lateral=lateral, metadata=steps)

    def quantized(
        self, target: Target, *, rounding: Rounding = "nearest", seed: int = 0
    ) -> tuple[LifNetwork, list[Quantized], tuple[str, ...]]:
        """Return it in a chip's numbers, without columns, how far these are from its own, and no remarks."""
        changed = quantize(self.circuit(), target, dt=self.own.dt, rounding=rounding, seed=seed)
        arrays = lif_wta.numbers(changed.circuit, self.own.labels)
        own = LifWta(header=self.own.header, arrays=arrays, settings=self.own.settings)
        return LifNetwork(own=own), [changed], ()

    def start(self) -> NoReturn:
        """Raise ``ValueError``: learning does not go on from it."""
        no_start(str(self.header["kind"]))

    def rates(self) -> NoReturn:
        """Raise ``ValueError``: it is converted already."""
        converted_already()

    def learned(self) -> NoReturn:
        """Raise ``ValueError``: it is converted already."""
        converted_already()

    __repr__ = display.one_line
    _repr_html_ = display.html
    save = display.save


def _own(columns: ConvertedNetwork) -> LifWta:
    """Return the numbers that follow from columns."""
    settings, timing = columns.network.header["lif"], columns.network.timing
    circuit = conversion.lif_network(columns.model, columns.network)
    encoder = circuit.populations["input"].model.parameters
    config = LifSettings(
        neurons=circuit.populations["output"].size,
        inhibitory=circuit.populations["inhibition"].size if "inhibition" in circuit.populations else 0,
        inhibition=settings["inhibition"],
        encoding="intensity",
        front="",
        max_rate_hz=float(encoder["max_rate"] / Hz),
        jitter=float(encoder["jitter"]),
        presentation_ms=float(timing.present_ms),
        dt_ms=float(timing.dt_ms),
    )
    header = {
        "kind": lif_wta.KIND,
        "config": asdict(config),
        "image_shape": list(columns.network.image_shape),
        "classes": [],
        "seed": columns.seed,
        "device": columns.device.name,
        "calibration": {name: value for name, value in settings.items() if name != "labels"},
        **{name: columns.header[name] for name in ("data",) if name in columns.header},
    }
    return LifWta(header=header, arrays=lif_wta.numbers(circuit, settings["labels"]), settings=config)


def from_checkpoint(saved: Checkpoint) -> LifNetwork:
    """Return the network that header and arrays describe."""
    return LifNetwork(own=lif_wta.from_checkpoint(saved))
