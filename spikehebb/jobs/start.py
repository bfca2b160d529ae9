"""Trained networks that learning goes on from, in spikes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Float, Frozen, Images, digest
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.saved import load_network
from spikehebb.softhebb import Model
from spikehebb.softhebb.model_file import KIND, from_checkpoint

CONVERTED_AGE = 3.0  # of a converted neuron, measured: docs/continued_learning.md
_SOFT = ("soft", "soft-anti-hebbian")
_ROWS = 4096  # images whose norms are taken together


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A trained network that learning goes on from.

    Parameters
    ----------
    kind : str
        ``softhebb``, the rate-based original, or ``digits``, which has learned in spikes before.
    image_shape : (int, int)
        Height and width.
    weights : array, shape (pixels, neurons)
    age : array, shape (neurons,)
        A neuron learns with ``eta/(1 + age)``, and its age grows by ``1/lifetime`` with each of its spikes.
    bias : array, shape (neurons,)
        Added to ``u/T`` in the competition; 0 where the network has none. It does not learn.
    inverse_temperature : float, optional
        Of a rate-based network, for pixels between 0 and 1.
    config : mapping
        Settings of a network that has learned in spikes.
    origin : mapping
        Where it came from: name and SHA-256 of the file, or of the arrays where there is no file.
    """

    kind: str
    image_shape: tuple[int, int]
    weights: Float
    age: Float
    bias: Float
    inverse_temperature: float | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("config", "origin"):
            object.__setattr__(self, name, Frozen(getattr(self, name)))

    def with_age(self, age: float) -> Start:
        """Return the same network with neurons that are all of one age."""
        if not (np.isfinite(age) and age >= 0):
            raise ValueError(f"age must be a number of at least 0, got {age}.")
        return dataclasses.replace(self, age=np.full(len(self.age), float(age)))

    def settings(self, train: Images, **changes: Any) -> Settings:
        """Return settings that carry over the competition.

        A rate-based layer competes with ``softmax(t*w.x)`` for pixels between 0 and 1, the spiking circuit with
        ``softmax(w.x/T)`` for images of length 1: ``T = 1/(t*mean length of the training images)``.

        Parameters
        ----------
        train : Images
            What will be learned.
        **changes
            Other fields of ``Settings``. One pass over the images where ``epochs`` is left out.
        """
        if self.kind == "digits":
            return Settings(**{**self.config, "epochs": 1, **changes})
        assert self.inverse_temperature is not None
        carried = {"temperature": 1 / (self.inverse_temperature * mean_norm(train))}
        return Settings(**{"neurons": self.weights.shape[1], **carried, **changes})

    def describe(self, train: Images) -> dict[str, Any]:
        """Return what a run says of where it began."""
        rates = {}
        if self.inverse_temperature is not None:
            rates = {"inverse_temperature": self.inverse_temperature, "mean_image_norm": mean_norm(train)}
        return {"kind": self.kind, **self.origin, "mean_age": float(self.age.mean()), **rates}


def load_start(path: Path) -> Start:
    """Read a network that learning can go on from.

    Parameters
    ----------
    path : path
        A checkpoint of ``learn_digits``, or of a SoftHebb model with one dense layer; or the folder that holds it.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is no checkpoint, damaged, or of a network that the spiking circuit cannot go on from.
    """
    path = Path(path)
    path = path / "checkpoint.npz" if path.is_dir() else path
    trained = load_network(path)
    with path.open("rb") as file:
        told = {"file": "/".join(path.absolute().parts[-2:]), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    try:
        start = start_from(from_checkpoint(trained) if trained.header["kind"] == KIND else trained)
    except ValueError as error:
        raise ValueError(f"checkpoint {path}: {error}") from error
    return dataclasses.replace(start, origin=told)


def start_from(trained: Model | Checkpoint) -> Start:
    """Return a trained network as one that learning goes on from.

    Parameters
    ----------
    trained : Model or Checkpoint
        A SoftHebb model with one dense layer, or what ``learn_digits`` returned.

    Raises
    ------
    ValueError
        If the spiking circuit cannot go on from it.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.softhebb import Layer, Network, Model, training
    >>> network = Network(image_shape=(1, 8, 8), layers=(Layer(units=5, batch_norm=False, plasticity="soft"),))
    >>> start = start_from(Model(network=network, layers=training.start(network, seed=0)))
    >>> start.weights.shape, start.image_shape
    ((64, 5), (8, 8))
    >>> round(start.settings(load("digits", "train")).temperature, 3)
    0.259
    """
    if isinstance(trained, Model):
        return _from_rates(trained)
    kind = trained.header["kind"]
    if kind != "digits":
        raise ValueError(
            f"it holds {kind!r}, but learning goes on from a network that learned digits, or from a SoftHebb model."
        )
    weights, age = (np.asarray(trained.arrays[name], float) for name in ("weights", "age"))
    bias = np.asarray(trained.arrays.get("bias", np.zeros(len(age))), float)
    if (age < 0).any():
        raise ValueError(f"the age of a neuron must be at least 0, but one is {age.min():g}; the file is damaged.")
    height, width = trained.header["image_shape"]
    return Start(
        kind=kind,
        image_shape=(height, width),
        weights=weights,
        age=age,
        bias=bias,
        config=trained.header["config"],
        origin={"file": None, "sha256": digest([weights, age, bias])},
    )


def mean_norm(images: Images) -> float:
    """Return the mean Euclidean length of images, for pixels between 0 and 1.

    Raises
    ------
    ValueError
        If all of them are blank.
    """
    total = 0.0
    for first in range(0, len(images), _ROWS):
        pixels = images.intensities(slice(first, first + _ROWS)).astype(np.float64)
        total += float(np.linalg.norm(pixels.reshape(len(pixels), -1), axis=1).sum())
    if not total:
        raise ValueError(f"{images.name}: all images are blank, so they give no temperature; take other images.")
    return total / len(images)


def _from_rates(model: Model) -> Start:
    layer, (channels, height, width) = model.network.layers[0], model.network.image_shape
    found = {
        f"{len(model.layers)} layers": len(model.layers) > 1,
        "a convolution": layer.kernel > 0,
        "batch normalization": layer.batch_norm,
        f"{channels} channels": channels > 1,
        "sums that are rectified before they compete": layer.pre_triangle,
        f"plasticity {layer.plasticity}": layer.plasticity not in _SOFT,
    }
    if wrong := [what for what, is_so in found.items() if is_so]:
        raise ValueError(
            "learning goes on in spikes from one dense layer of soft competition (plasticity soft or "
            "soft-anti-hebbian) on grey images, without batch normalization, but this model has "
            f"{', '.join(wrong)}; train one that fits with spikehebb softhebb train --preset mnist-dense."
        )
    weights = np.asarray(model.layers[0].weight, float).T
    bias = layer.inverse_temperature * np.asarray(model.layers[0].bias, float)
    return Start(
        kind=KIND,
        image_shape=(height, width),
        weights=weights,
        age=np.full(layer.units, CONVERTED_AGE),
        bias=bias,
        inverse_temperature=layer.inverse_temperature,
        origin={"file": None, "sha256": digest([weights, bias, layer.inverse_temperature])},
    )
