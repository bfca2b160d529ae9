"""A winner-take-all of LIF neurons that vote, as its own numbers: what networks become for chips and simulators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
from brian2 import Hz, Quantity, ms
from brian2.units import get_dimensions
from numpy.typing import ArrayLike, NDArray

from spikehebb import conversion, devices
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.circuits.learner import Encoding
from spikehebb.circuits.lif import Inhibition, lif_wta, with_numbers, with_votes
from spikehebb.conversion import lif_calibration
from spikehebb.conversion.lif_form import MOST_CLASSES
from spikehebb.core import Circuit, Frozen, Images, Int, Samples, images_only
from spikehebb.core.progress import Progress, of_stage, quiet
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import is_finite
from spikehebb.devices import Device
from spikehebb.encoders import regular
from spikehebb.jobs import shown
from spikehebb.jobs.fronts import Edges, front_of
from spikehebb.jobs.seeds import CONVERSION
from spikehebb.neurons import lif_unit
from spikehebb.reading import check, exactly, printable
from spikehebb.simulation.present import Watch

KIND = "lif_wta"
REMARK = "in its LIF form"
_OWN = ("tau_m", "v_rest", "v_threshold")  # the parameters of its neurons that a file holds
_HEADER = {
    "config": {},
    "image_shape": [int],
    "classes": [str],
    "device": str,
    "seed": int,
}


@dataclass(frozen=True, kw_only=True)
class LifSettings:
    """How a winner-take-all of LIF neurons is built, and how images are presented to it.

    Parameters
    ----------
    neurons, inhibitory : int
        Output neurons; inhibitory neurons of ``spiking`` inhibition, or 0.
    inhibition : str
        ``lateral`` or ``spiking``.
    encoding : str
        What input neurons are presented: ``intensity``, ``unit length``, or ``on and off``.
    front : mapping or str
        Of ``fronts.Edges``; empty for none.
    max_rate_hz, jitter : float
        Of the input neurons.
    presentation_ms, dt_ms : float

    Raises
    ------
    ValueError
        If a number is out of range or a word unknown.
    """

    neurons: int
    inhibitory: int
    inhibition: Inhibition
    encoding: Encoding
    front: Mapping[str, Any] | str
    max_rate_hz: float
    jitter: float
    presentation_ms: float
    dt_ms: float

    def __post_init__(self) -> None:
        for name, words in (("inhibition", get_args(Inhibition)), ("encoding", get_args(Encoding))):
            if getattr(self, name) not in words:
                raise ValueError(f"{name} must be {' or '.join(words)}, got {printable(repr(getattr(self, name)))}.")
        for name, least in (("neurons", 1), ("inhibitory", 1 if self.inhibition == "spiking" else 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 10_000_000:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {printable(repr(value))}.")
        for name in ("max_rate_hz", "presentation_ms", "dt_ms", "jitter"):
            value = getattr(self, name)
            if not is_finite(value) or value < 0 or (value == 0 and name != "jitter"):
                raise ValueError(f"{name} must be a number above 0, got {printable(repr(value))}.")
        steps = self.presentation_ms / self.dt_ms
        if not 1 <= round(steps) <= 1_000_000 or abs(steps - round(steps)) > 1e-6:
            raise ValueError(
                f"a presentation must be a whole number of time steps, but {self.presentation_ms:g} ms are {steps:g} "
                f"steps of {self.dt_ms:g} ms."
            )
        if self.front and not isinstance(self.edges, Edges):
            raise ValueError(f"a front of LIF neurons is edges, got {printable(repr(self.front))}.")

    @property
    def edges(self) -> Edges | None:
        """What stands between images and input neurons."""
        front = front_of(self.front) if isinstance(self.front, Mapping) and self.front else None
        return front if isinstance(front, Edges) else None

    @property
    def steps(self) -> int:
        """Time steps of a presentation."""
        return round(self.presentation_ms / self.dt_ms)

    def rows(self, images: Any) -> Any:
        """Return images as they are presented to the input, shape (images, inputs)."""
        return shown.encoded(images, self.encoding, self.edges)

    def inputs(self, shape: tuple[int, ...]) -> int:
        """Return how many input neurons images of a shape have."""
        pixels = int(np.prod(shape if self.edges is None else self.edges.shape(shape)))
        return 2 * pixels if self.encoding == "on and off" else pixels

    def circuit(self, inputs: int) -> Circuit:
        """Return a circuit of these sizes, its weights still 0."""
        encoder = regular.with_parameters(max_rate=self.max_rate_hz * Hz, jitter=self.jitter)
        spiking = {"inhibitory": self.inhibitory} if self.inhibitory else {}
        return lif_wta(
            np.zeros((inputs, self.neurons)),
            inhibition=self.inhibition,
            encoder=encoder,
            **spiking,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LifWta:
    """A winner-take-all of LIF neurons, each of which votes for a class.

    Parameters
    ----------
    header : mapping
        What made it: ``config`` (of ``LifSettings``), ``image_shape``, ``classes`` (their names, or none), ``seed``,
        ``device``, ``data``, ...
    arrays : mapping of str to array
        ``labels`` (neurons,), the weights of every projection (``weights.feedforward``) and the parameters of every
        population in base units (``output.v_rest``).
    settings : LifSettings
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    settings: LifSettings

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", Frozen(self.header))
        object.__setattr__(self, "arrays", Frozen(self.arrays))

    @property
    def device(self) -> Device:
        """The device on which it was made."""
        return devices.find(str(self.header["device"]))

    @property
    def dt(self) -> Quantity:
        """The time step."""
        return self.settings.dt_ms * ms

    @property
    def labels(self) -> Int:
        """The class of every neuron."""
        return np.asarray(self.arrays["labels"], np.int64)

    @cached_property
    def _circuit(self) -> Circuit:
        plain = self.settings.circuit(self.settings.inputs(tuple(self.header["image_shape"])))
        weights = {name: self.arrays[f"weights.{name}"] for name in plain.projections}
        neurons = {
            name: {
                own: Quantity(_value(own, self.arrays[f"{name}.{own}"]), dim=get_dimensions(lif_unit.parameters[own]))
                for own in _OWN
            }
            for name in plain.populations
            if name != "input"
        }
        classes = len(self.header["classes"]) or int(self.labels.max()) + 1
        return with_votes(with_numbers(plain, weights, neurons), self.labels, classes)

    def circuit(self) -> Circuit:
        """Return its circuit, with a readout that counts votes."""
        return self._circuit

    def spike_counts(
        self,
        images: Samples,
        *,
        device: Device,
        replicas: int | None = None,
        watch: Watch | None = None,
        progress: Progress = quiet,
    ) -> tuple[Any, float]:
        """Return the spike counts (images, neurons), and the seconds they took."""
        self.check_images(images_only(images))
        return lif_calibration.present(
            self.circuit(),
            images_only(images),
            presentation=self.settings.presentation_ms * ms,
            dt=self.dt,
            seed=seed_of(int(self.header["seed"])),
            device=device,
            replicas=replicas,
            encode=self.settings.rows,
            watch=watch,
            progress=of_stage(progress, "testing"),
        )

    def check_images(self, images: Images) -> None:
        """Raise ``ValueError`` unless images are of its shape and classes."""
        shown.check_images(images)
        shape, classes = tuple(self.header["image_shape"]), tuple(self.header["classes"])
        if images.image_shape != shape:
            raise ValueError(f"the network takes images of {shape}, but {images.name} has {images.image_shape}.")
        if not shown.same_classes(images.classes, classes):
            raise ValueError(
                f"the network knows {shown.listed(classes)}, but {images.name} has {shown.listed(images.classes)}."
            )


def numbers(circuit: Circuit, labels: ArrayLike) -> dict[str, NDArray[Any]]:
    """Return the arrays of a circuit of LIF neurons and of its labels, as a file holds them."""
    arrays: dict[str, NDArray[Any]] = {"labels": np.asarray(labels, np.int64)}
    for name, projection in circuit.projections.items():
        if projection.post != "readout":
            arrays[f"weights.{name}"] = np.asarray(projection.weights, np.float64)
    for name, population in circuit.populations.items():
        if population.model.name == lif_unit.name:
            values = {own: np.asarray(population.model.parameters[own], np.float64) for own in _OWN}
            arrays |= {f"{name}.{own}": np.broadcast_to(value, population.size) for own, value in values.items()}
    return arrays


def seed_of(seed: int) -> int:
    """Return the seed of the input spikes of the LIF form."""
    return int(conversion.seed_of(seed, CONVERSION["lif"]) % 2**31)


def shapes(header: Mapping[str, Any]) -> Shapes:
    """Return what a file of LIF neurons holds; raise ``ValueError`` if its header is of something else."""
    check(header, _HEADER, "its header")
    devices.find(header["device"])
    check_seed(header["seed"])
    settings, shape = _settings(header), header["image_shape"]
    if len(shape) != 3 or not all(0 < side < 10_000 for side in shape):
        raise ValueError(f"its images have the shape {printable(shape)}.")
    if len(header["classes"]) > MOST_CLASSES:
        raise ValueError(f"it has {len(header['classes'])} classes.")
    inputs, size, few = settings.inputs(tuple(shape)), settings.neurons, settings.inhibitory
    arrays: dict[str, tuple[str, tuple[int, ...]]] = {
        "labels": ("i+", (size,)),
        "weights.feedforward": ("f", (inputs, size)),
    }
    if settings.inhibition == "lateral":
        arrays["weights.lateral"] = ("f", (size, size))
    else:
        arrays |= {"weights.excite": ("f", (size, few)), "weights.inhibit": ("f", (few, size))}
    members = {"output": size} | ({"inhibition": few} if few else {})
    for name, count in members.items():
        arrays |= {f"{name}.tau_m": ("f+", (count,)), f"{name}.v_rest": ("f", (count,))}
        arrays[f"{name}.v_threshold"] = ("f", (count,))
    return arrays


def from_checkpoint(saved: Checkpoint) -> LifWta:
    """Return the network that header and arrays describe."""
    labels, classes = np.asarray(saved.arrays["labels"]), len(saved.header["classes"]) or MOST_CLASSES
    if labels.max() >= classes:
        raise ValueError(f"a label must be below its {classes} classes, but one is {labels.max()}.")
    for name, values in saved.arrays.items():
        if name.endswith("tau_m") and not np.all(values > 0):
            raise ValueError(f"{name} must be above 0, but one is {np.min(values):g}.")
    return LifWta(header=saved.header, arrays=saved.arrays, settings=_settings(saved.header))


def _settings(header: Mapping[str, Any]) -> LifSettings:
    return LifSettings(**exactly(dict(header["config"]), LifSettings, "its config"))


def _value(own: str, values: NDArray[Any]) -> Any:
    """Return one number where all are the same, but for constant currents, as ``lif_wta`` has them."""
    flat = np.asarray(values, float)
    return float(flat[0]) if own != "v_rest" and np.all(flat == flat[0]) else flat
