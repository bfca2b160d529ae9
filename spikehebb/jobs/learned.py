"""A network that learned images in spikes: its file, its inference and its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from brian2 import ms
from numpy.typing import NDArray

from spikehebb import checkpoint, devices, export, metrics
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.core import Circuit, Images, Int, digest
from spikehebb.core.progress import Progress, of_stage, quiet
from spikehebb.devices import Device
from spikehebb.export import Graph, Plain
from spikehebb.hardware import Quantized, Rounding, Target, quantize
from spikehebb.jobs.costs import Circuits, circuit_costs, energy, work_of
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.run import provenance
from spikehebb.jobs.seeds import seed_of
from spikehebb.jobs.start import Start
from spikehebb.reading import check, exactly, printable
from spikehebb.simulation.present import Watch, present

KIND = "digits"
_HEADER = {
    "config": {},
    "device": str,
    "image_shape": [int],
    "seed?": int,
    "biased?": bool,
    "side_by_side?": bool,
}
# What the first files of this toolkit lack, all of it: such a network learned with the only rule, and on no chip.
EARLIER: Mapping[str, Any] = {
    "rule": "softhebb",
    "target": "",
    "weight_bits": 0,
    "trace_bits": 0,
    "rounding": "",
    "epoch_ms": 10.0,
    "w_max": 0.3,
    "neuron_spread": 0.0,
    "dropped": 0.0,
}
_MEANINGS = {
    "age": "spikes from which each neuron has learned, divided by its lifetime",
    "profile": "(neurons, classes): mean spikes of each neuron for training images of each class",
    "linear": "(classes, neurons + 1): logistic regression on spike counts, its constant last",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnedNetwork:
    """A network that learned images in spikes.

    Parameters
    ----------
    header : mapping
        What made it: ``config``, ``seed``, ``device``, ``versions``, ``image_shape``, ``data``, ...
    arrays : mapping of str to array
        ``weights`` (pixels, neurons), ``age`` (neurons,), ``profile`` (neurons, classes), ``linear`` (classes,
        neurons + 1) and, where it came from another network, ``bias`` (neurons,).
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def settings(self) -> Settings:
        """The settings with which it learned."""
        return Settings(**self.header["config"])

    @property
    def device(self) -> Device:
        """The device on which it learned."""
        return devices.find(str(self.header["device"]))

    def circuit(self, *, learning: bool = False) -> Circuit:
        """Return its circuit, frozen or as it learns without a chip's limits."""
        bias = np.asarray(self.arrays["bias"]) if "bias" in self.arrays else None
        circuit = self.settings.circuit(np.asarray(self.arrays["weights"]), bias)
        return circuit if learning else circuit.frozen()

    def predict(
        self,
        images: Images,
        *,
        device: Device | None = None,
        replicas: int | None = None,
        progress: Progress = quiet,
        watch: Watch | None = None,
    ) -> tuple[dict[str, Any], Int]:
        """Return the scores on labelled images, and the class of each by single-neuron vote.

        Parameters
        ----------
        images : Images
        device : Device, optional
            The one it learned on when left out.
        replicas : int, optional
            How many replicas the images are distributed over.
        progress, watch : callable, optional
        """
        check_images(images)
        shape = tuple(self.header["image_shape"])
        if np.shape(images.pixels)[1:] != shape:
            raise ValueError(
                f"the network was trained on images of {shape}, but {images.name} has {np.shape(images.pixels)[1:]}."
            )
        if replicas is None and self.header.get("side_by_side", False):
            replicas = 1  # which draws its random numbers as it did among others
        counts, seconds = spike_counts(
            self.circuit(),
            images,
            self.settings,
            device or self.device,
            "testing",
            progress,
            replicas=replicas,
            watch=watch,
        )
        return scores_of(self.arrays, counts, images, seconds)

    def evaluate(
        self,
        test: Images,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        target: Target | None = None,
        progress: Progress = quiet,
    ) -> dict[str, Any]:
        """Return its scores, and what it costs on a target; on the device it learned on, the same each time."""
        device = devices.find(device or self.device)
        counts: list[Mapping[str, Any]] = []
        scores, _ = self.predict(
            test,
            device=device,
            replicas=replicas,
            progress=progress,
            watch=lambda recording: counts.append(recording.counts),
        )
        report = {
            "kind": "evaluation",
            "config": dict(self.header["config"]),
            **provenance(device.name, self.settings.seed, test=test),
            "metrics": scores,
        }
        return report if target is None else report | {"hardware": self._costs(target, counts, len(test))}

    def _costs(self, target: Target, counts: list[Mapping[str, Any]], images: int) -> dict[str, Any]:
        settings, frozen, learning = self.settings, self.circuit(), self.circuit(learning=True)
        if settings.target:
            learning = settings.constrained(learning, settings.seed).circuit
        steps, dt = round(settings.presentation_ms / settings.dt_ms), settings.dt_ms / 1000
        work, plastic = (work_of(each, counts, images=images, steps=steps, dt=dt) for each in (frozen, learning))
        return {
            **circuit_costs(frozen, work, target, dt=settings.dt),
            "learning": {
                "plasticity": plastic.as_json()["plasticity"],
                "energy_per_image": energy(plastic, target),
            },
        }

    def circuits(self, *, learning: bool = False) -> Circuits:
        """Return its circuit, its time step, and no remarks."""
        return {"": self.circuit(learning=learning)}, self.settings.dt, ()

    def plain(self, *, rules: bool = False) -> Plain:
        """Return it as plain numbers, with its rule or without."""
        return export.plain(
            KIND,
            circuits={KIND: self.circuit(learning=rules)},
            dt=self.settings.dt_ms / 1000,
            others={name: (np.asarray(self.arrays[name]), meaning) for name, meaning in _MEANINGS.items()},
            source=self.header,
            rules=rules,
        )

    def graph(self, *, dialect: str = "nir", lateral: bool = True, keep_rules: bool = False) -> Graph:
        """Return it as a NIR graph; raise ``ValueError`` where NIR cannot represent it."""
        circuit = self.circuit(learning=keep_rules)
        return export.circuit_graph(
            circuit, dt=self.settings.dt, dialect=dialect, lateral=lateral, keep_rules=keep_rules
        )

    def quantized(
        self, target: Target, *, rounding: Rounding = "nearest", seed: int = 0
    ) -> tuple[LearnedNetwork, list[Quantized], tuple[str, ...]]:
        """Return it in a chip's numbers, how far these are from its own, and no remarks."""
        settings = self.settings
        changed = quantize(self.circuit(), target, dt=settings.dt, rounding=rounding, seed=seed)
        tau = float(changed.circuit.populations["output"].model.parameters["tau_m"] / ms)
        config = {
            **self.header["config"],
            "tau_m_ms": tau,
            "temperature": settings.temperature * settings.tau_m_ms / tau,  # the product of both is the neurons'
        }
        weights = np.array(changed.circuit.projections["feedforward"].weights)
        network = LearnedNetwork(header={**self.header, "config": config}, arrays={**self.arrays, "weights": weights})
        return network, [changed], ()

    def start(self) -> Start:
        """Return it as a network that learning goes on from."""
        weights, age = (np.asarray(self.arrays[name], float) for name in ("weights", "age"))
        bias = np.asarray(self.arrays.get("bias", np.zeros(len(age))), float)
        if (age < 0).any():
            raise ValueError(f"the age of a neuron must be at least 0, but one is {age.min():g}; the file is damaged.")
        height, width = self.header["image_shape"]
        return Start(
            kind=KIND,
            image_shape=(height, width),
            weights=weights,
            age=age,
            bias=bias,
            config=self.header["config"],
            origin={"file": None, "sha256": digest([weights, age, bias])},
        )

    def rates(self) -> NoReturn:
        """Raise ``ValueError``: it has none."""
        raise ValueError("a network that learned digits spikes already; only SoftHebb networks of rates are converted.")


def spike_counts(
    circuit: Circuit,
    images: Images,
    settings: Settings,
    device: Device,
    stage: str,
    tell: Progress,
    *,
    replicas: int | None = None,
    watch: Watch | None = None,
) -> tuple[Any, float]:
    """Return the spike counts (images, neurons) of a frozen circuit of these settings, and the seconds they took."""
    return present(
        circuit,
        images,
        presentation=settings.presentation,
        dt=settings.dt,
        device=device,
        seed=lambda number: seed_of(settings.seed, stage, number),
        replicas=replicas,
        watch=watch,
        progress=of_stage(tell, stage),
    )


def scores_of(
    arrays: Mapping[str, NDArray[Any]], counts: Any, images: Images, seconds: float
) -> tuple[dict[str, Any], Int]:
    """Return the scores that spike counts (images, neurons) give, and the class of each image by single-neuron vote."""
    labels, profile = np.asarray(images.labels), np.asarray(arrays["profile"])
    predicted = metrics.vote(counts, metrics.neuron_labels(profile))
    return {
        "accuracy_vote": metrics.accuracy(predicted, labels),
        "accuracy_soft_vote": metrics.accuracy(metrics.soft_vote(counts, profile), labels),
        "accuracy_linear": metrics.accuracy(metrics.predict_linear(counts, np.asarray(arrays["linear"])), labels),
        "ms_per_image_test": 1000 * seconds / len(images),
    }, predicted


def readouts(counts: Any, labels: Int) -> dict[str, NDArray[Any]]:
    """Return the readouts that spike counts for labelled training images give: class profile and linear readout."""
    return {"profile": metrics.class_profile(counts, labels), "linear": metrics.fit_linear(counts, labels)}


def check_images(images: Images) -> None:
    """Raise ``ValueError`` unless images are grey and labelled."""
    if images.pixels.ndim != 3:
        raise ValueError(
            f"{images.name} has images of {images.pixels.shape[1:]}, but the spiking network takes grey ones, of "
            "(height, width); choose another data set, such as mnist."
        )
    low, high = int(images.labels.min()), int(images.labels.max())
    if low < 0 or high >= metrics.CLASSES:
        raise ValueError(
            f"{images.name}: labels must lie between 0 and {metrics.CLASSES - 1}, got {low} to {high}"
            f"{' (-1 is unlabelled)' if low < 0 else ''}."
        )


def load(path: Path) -> LearnedNetwork:
    """Read a network that learned images in spikes, and no other: ``read`` reads any."""
    return from_checkpoint(checkpoint.load(path, shapes))


def from_checkpoint(saved: Checkpoint) -> LearnedNetwork:
    """Return the network that header and arrays describe."""
    return LearnedNetwork(header={**saved.header, "config": config_from(saved.header)}, arrays=saved.arrays)


def shapes(header: Mapping[str, Any]) -> Shapes:
    """Return what a checkpoint of a learned network holds; raise ``ValueError`` if its header is of something else."""
    if header["kind"] != KIND:
        raise ValueError(f"it holds {printable(repr(header['kind']))}, not a network that learned digits.")
    check(header, _HEADER, "its header")
    devices.find(header["device"])
    pixels = pixels_of(header["image_shape"])
    neurons, classes = Settings(**config_from(header)).neurons, metrics.CLASSES
    arrays: dict[str, tuple[str, tuple[int, ...]]] = {"weights": ("f", (pixels, neurons)), "age": ("f+", (neurons,))}
    if header.get("biased", False):
        arrays["bias"] = ("f", (neurons,))
    return arrays | {"profile": ("f+", (neurons, classes)), "linear": ("f", (classes, neurons + 1))}


def config_from(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in a header: all of them, for one that is left out must not become today's default.

    Raises
    ------
    ValueError
        If an entry is missing or unknown.
    """
    config = dict(header["config"])
    if not config.keys() & EARLIER.keys():
        config |= EARLIER
    return exactly(config, Settings, "its config")


def pixels_of(shape: Any) -> int:
    """Return how many pixels an image of a file's shape has; raise ``ValueError`` if that is no shape."""
    whole = all(isinstance(side, int) and not isinstance(side, bool) for side in shape)
    if len(shape) != 2 or not whole or not all(0 < side < 10_000 for side in shape):
        raise ValueError(f"its images have the shape {printable(shape)}.")
    return int(np.prod(shape))
