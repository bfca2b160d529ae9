"""A network that learned images in spikes: its file, its inference and its scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from brian2 import ms
from numpy.typing import NDArray
from scipy import sparse

from spikehebb import checkpoint, devices, export
from spikehebb.checkpoint import Checkpoint
from spikehebb.circuits import AnyLearner
from spikehebb.core import Circuit, Events, Int, PlasticityRule, Samples, digest, display, images_only
from spikehebb.core.progress import Progress, of_stage, quiet
from spikehebb.devices import Device
from spikehebb.export import Graph, Plain
from spikehebb.hardware import Quantized, Rounding, Target, quantize
from spikehebb.jobs import shown
from spikehebb.jobs.constrained import constrained
from spikehebb.jobs.costs import Circuits, circuit_costs, energy, work_of
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.fronts import Columns
from spikehebb.jobs.learn_front import looking
from spikehebb.jobs.learned_file import (
    KIND,
    classes_of,
    config_from,
    settings_from,
    shapes,
    state_of,
    weights_of,
)
from spikehebb.jobs.run import provenance
from spikehebb.jobs.scores import scores_of
from spikehebb.jobs.seeds import seed_of
from spikehebb.jobs.start import Start
from spikehebb.reading import printable
from spikehebb.simulation.present import Watch, present

AGAIN = 10  # times, at most, that an image is shown again
RAISED = 0.5  # how much stronger the input is each time, in inputs of the first
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
        neurons + 1) and, where it came from another network, ``bias`` (neurons,); of other circuits than ``soft_wta``
        also ``weights.PROJECTION`` and ``state.POPULATION.VARIABLE``, what outlives an image.
    settings : Settings
        With which it learned.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    settings: Settings

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    save = display.save

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return classes_of(self.header)

    @property
    def device(self) -> Device:
        """The device on which it learned."""
        return devices.find(str(self.header["device"]))

    def circuit(self, *, learning: bool = False) -> Circuit:
        """Return its circuit, frozen or as it learns without a chip's limits."""
        bias = np.asarray(self.arrays["bias"]) if "bias" in self.arrays else None
        inputs = shown.inputs(self.settings, tuple(self.header["image_shape"]))
        circuit = self.settings.build(weights_of(self.arrays), bias, inputs=inputs, state=state_of(self.arrays))
        return circuit if learning else circuit.frozen()

    def size(self) -> dict[str, int]:
        """Return how many neurons it has beyond its input, and how many weights that learned, in all its layers."""
        front, shape = self.settings.front, tuple(self.header["image_shape"])
        populations = self.circuit().populations
        before = front.neurons(shape) if isinstance(front, Columns) else 0
        neurons = sum(population.size for name, population in populations.items() if name != "input")
        learned = [*weights_of(self.arrays).values(), self.arrays.get("front", np.zeros(0))]
        return {"neurons": before + neurons, "learned_weights": sum(np.size(array) for array in learned)}

    def check(self, images: Samples) -> None:
        """Raise ``ValueError`` unless the network can be shown these images, and scored on them."""
        shown.check_images(images)
        shape = tuple(self.header["image_shape"])
        if images.pixel_shape != shape:
            raise ValueError(
                f"the network was trained on images of {shape}, but {images.name} has {images.pixel_shape}."
            )
        if not shown.same_classes(images.classes, self.classes) or images.labels.max() >= len(self.classes):
            raise ValueError(
                f"the network learned {shown.listed(self.classes)}, but {images.name} has "
                f"{shown.listed(images.classes)}."
            )
        if isinstance(images, Events) != (self.settings.recording_ms > 0 and not self.settings.front):
            learned, held = ("images", "recordings") if isinstance(images, Events) else ("recordings", "images")
            raise ValueError(f"the network learned {learned}, but {images.name} holds {held}.")

    def predict(
        self,
        images: Samples,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        progress: Progress = quiet,
        watch: Watch | None = None,
    ) -> tuple[dict[str, Any], Int]:
        """Return the scores on labelled images, and the class of each by single-neuron vote.

        Parameters
        ----------
        images : Images or Events
        device : Device or str, optional
            The one it learned on when left out.
        replicas : int, optional
            How many replicas the images are distributed over.
        progress, watch : callable, optional
        """
        self.check(images)
        images = self.seen(images, device=device, progress=progress)
        counts, seconds = self.counts(images, device=device, replicas=replicas, progress=progress, watch=watch)
        return scores_of(self.arrays, counts, images, seconds)

    def counts(
        self,
        seen: Samples,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        progress: Progress = quiet,
        watch: Watch | None = None,
    ) -> tuple[Any, float]:
        """Return how often each neuron fires for images, as ``seen`` returns them, and the seconds they took."""
        if replicas is None and self.header.get("side_by_side", False):
            replicas = 1  # which draws its random numbers as it did among others
        on = devices.find(device or self.device)
        return spike_counts(
            self.circuit(), seen, self.settings, on, "testing", progress, replicas=replicas, watch=watch
        )

    def seen(self, images: Samples, *, device: Device | str | None = None, progress: Progress = quiet) -> Samples:
        """Return images as the network sees them: what its first layer says of them, in spikes, where it has one."""
        front = self.settings.front
        if not isinstance(front, Columns):
            return images
        return front.look(
            np.asarray(self.arrays["front"]),
            images_only(images),
            device=devices.find(device or self.device),
            seed=partial(looking, self.settings.seed, "test", 0),
            progress=of_stage(progress, "looking"),
        )

    def evaluate(
        self,
        test: Samples,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        target: Target | None = None,
        progress: Progress = quiet,
    ) -> dict[str, Any]:
        """Return its scores, and what it costs on a target; on the device it learned on, the same each time."""
        device = devices.find(device or self.device)
        counts: list[Mapping[str, Any]] = []
        scores, answers = self.predict(
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
            "answers": answers.tolist(),
        }
        return report if target is None else report | {"hardware": self._costs(target, counts, len(test))}

    def _costs(self, target: Target, counts: list[Mapping[str, Any]], images: int) -> dict[str, Any]:
        settings, frozen, learning = self.settings, self.circuit(), self.circuit(learning=True)
        if settings.on_chip:
            learning = constrained(settings, learning, settings.seed).circuit
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
        if settings.circuit != "soft_wta":
            raise ValueError(
                f"only networks of the circuit soft_wta are quantized as they are, and this is {settings.learner.name}."
            )
        changed = quantize(self.circuit(), target, dt=settings.dt, rounding=rounding, seed=seed)
        tau = float(changed.circuit.populations["output"].model.parameters["tau_m"] / ms)
        temperature = settings.temperature * settings.tau_m_ms / tau  # the product of both is the neurons'
        settings = dataclasses.replace(settings, tau_m_ms=tau, temperature=temperature)
        weights = np.array(changed.circuit.projections["feedforward"].weights)
        network = LearnedNetwork(
            header={**self.header, "config": settings.config()},
            arrays={**self.arrays, "weights": weights},
            settings=settings,
        )
        return network, [changed], ()

    def start(self) -> Start:
        """Return it as a network that learning goes on from."""
        if self.settings.circuit != "soft_wta":
            raise ValueError(f"learning goes on from the circuit soft_wta, and this is {self.settings.learner.name}.")
        weights, age = (np.asarray(self.arrays[name], float) for name in ("weights", "age"))
        bias = np.asarray(self.arrays.get("bias", np.zeros(len(age))), float)
        if (age < 0).any():
            raise ValueError(f"the age of a neuron must be at least 0, but one is {age.min():g}; the file is damaged.")
        return Start(
            kind=KIND,
            image_shape=tuple(self.header["image_shape"]),
            weights=weights,
            age=age,
            bias=bias,
            config=self.header["config"],
            origin={"file": None, "sha256": digest([weights, age, bias])},
        )

    def rates(self) -> NoReturn:
        """Raise ``ValueError``: it has none."""
        raise ValueError("a network that learned digits spikes already; it has no rates.")

    def learned(self) -> LearnedNetwork:
        """Return itself: it learned in spikes."""
        return self


def spike_counts(
    circuit: Circuit,
    images: Samples,
    settings: Settings,
    device: Device,
    stage: str,
    tell: Progress,
    *,
    replicas: int | None = None,
    watch: Watch | None = None,
) -> tuple[Any, float]:
    """Return the spike counts (images, neurons) of a frozen circuit of these settings, and the seconds they took."""
    counts: Any = None
    seconds = 0.0
    rows = np.arange(len(images))
    for time in range(1 + AGAIN if settings.least_spikes else 1):
        again = (time,) if time else ()
        part, took = present(
            circuit,
            images if counts is None else images[rows],
            presentation=settings.presentation,
            dt=settings.dt,
            device=device,
            seed=partial(_seed, settings.seed, stage, (*settings.place, *again)),
            encode=partial(shown.rows, settings, gain=stronger(time)),
            frames=shown.frames(settings),
            replicas=replicas,
            watch=watch,
            progress=None if time else of_stage(tell, stage),
        )
        seconds += took
        counts = part if counts is None else replaced(counts, rows, part)
        rows = few(counts, settings)
        if not len(rows):
            break
    return counts, seconds


def _seed(seed: int, stage: str, again: tuple[int, ...], number: int) -> int:
    return seed_of(seed, stage, number, *again)


def replaced(counts: Any, rows: Int, others: Any) -> Any:
    """Return spike counts (images, neurons) with those of some images replaced."""
    kept = np.ones(counts.shape[0])
    kept[rows] = 0
    place = sparse.coo_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(len(kept), len(rows)))
    return (sparse.diags_array(kept) @ counts + place @ others).tocsr().astype(counts.dtype)


def few(counts: Any, settings: Settings) -> Int:
    """Return the images whose spike counts (images, neurons) are too few, so that they are shown again."""
    return np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel() < settings.least_spikes)


def stronger(time: int) -> float:
    """Return by how much the input of an image is stronger when it is shown again for the so many-th time.

    References
    ----------
    Diehl and Cook 2015: the input rate is 2, then 3, 4, ... eighths of a pixel, until five spikes answer.
    """
    return 1 + RAISED * time


def load(path: Path, settings: Settings) -> LearnedNetwork:
    """Read a network that learned images in spikes with these settings, and no other: ``read`` reads any."""
    return from_checkpoint(checkpoint.load(path, shapes), circuit=settings.circuit, rule=settings.rule)


def from_checkpoint(
    saved: Checkpoint, *, circuit: AnyLearner | None = None, rule: str | PlasticityRule | None = None
) -> LearnedNetwork:
    """Return the network that header and arrays describe.

    Parameters
    ----------
    saved : Checkpoint
    circuit, rule : Learner, PlasticityRule, optional
        Those of one's own with which it learned; a network of the catalogue needs none.

    Raises
    ------
    ValueError
        If the network learned with a circuit or a rule that is not given, or with another one.
    """
    own = saved.header.get("own", {})
    settings = settings_from(config_from(saved.header), own, circuit=circuit, rule=rule)
    if settings.measures:
        settings = dataclasses.replace(settings, max_rate_hz=float(saved.arrays["front_rate"]))
    network = LearnedNetwork(
        header={**saved.header, "config": settings.config()}, arrays=saved.arrays, settings=settings
    )
    given = settings.own(shown.inputs(settings, tuple(saved.header["image_shape"]))) if own else {}
    for what, sha256 in own.items():
        if given.get(what) != sha256:
            raise ValueError(
                f"it learned with another {what} than the one that was given, whose SHA-256 is {given.get(what)} and "
                f"not {printable(sha256)}; give the {what} as it was."
            )
    if saved.header.get("more"):
        network.circuit()  # which refuses arrays that do not fit
    return network
