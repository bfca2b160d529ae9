"""A SoftHebb network of rates: what it answers, and what becomes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from spikehebb import export, metrics
from spikehebb.checkpoint import Checkpoint
from spikehebb.conversion import folded
from spikehebb.core import Circuit, Population, Projection, Samples, digest, display, images_only
from spikehebb.core.progress import Progress, quiet
from spikehebb.devices import Device
from spikehebb.encoders import word_source
from spikehebb.export import Plain
from spikehebb.hardware import Quantized, Rounding, Target, quantize
from spikehebb.jobs.run import describe, versions
from spikehebb.jobs.start import Start
from spikehebb.neurons import mean_count
from spikehebb.softhebb import Model, Weights, model_file, readout, training
from spikehebb.softhebb.backend import working

KIND = model_file.KIND
AGE = 3.0  # of a neuron that goes on learning in spikes, measured: docs/continued_learning.md
_SOFT = ("soft", "soft-anti-hebbian")


@dataclass(frozen=True, kw_only=True, eq=False)
class RateNetwork:
    """A SoftHebb network of rates.

    Parameters
    ----------
    model : Model
    """

    model: Model

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot
    save = display.save

    @property
    def header(self) -> Mapping[str, Any]:
        """What made it, as in its file."""
        return self._saved.header

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What it learned: ``layer0.weight``, ``layer0.bias``, ..., ``readout.weight``, ``readout.bias``."""
        return self._saved.arrays

    @property
    def _saved(self) -> Checkpoint:
        return model_file.to_checkpoint(self.model)

    def evaluate(
        self,
        test: Samples,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        target: Target | None = None,
        cores: int | None = None,
        progress: Progress = quiet,
    ) -> dict[str, Any]:
        """Return its scores; it runs on ``cpu`` or ``gpu``, and on all cores that this process may use if left out."""
        test = images_only(test)
        model = self.model
        if replicas is not None:
            raise ValueError("replicas are for networks that spike, and this one has rates; leave them out.")
        if target is not None:
            _refuse_spikes()
        if model.readout is None:
            raise ValueError(
                "the model has no readout, so it has no accuracy; train one with spikehebb softhebb train."
            )
        low, high, classes = int(np.min(test.labels)), int(np.max(test.labels)), len(model.readout[1])
        if low < 0 or high >= classes:
            raise ValueError(
                f"{test.name} has labels from {low} to {high}, but the model knows the classes 0 to {classes - 1} "
                "only; give images of the classes that it was made for."
            )
        name = device.name if isinstance(device, Device) else device or "cpu"
        predicted: list[Any] = []
        with working(name, cores) as (xp, each):
            for part in training.outputs(model.network, model.layers, test, xp, each):
                predicted.append(readout.predict(*model.readout, [part]))
                progress("testing", sum(map(len, predicted)) / len(test))
        return {
            "kind": "evaluation",
            "network": asdict(model.network),
            "versions": versions(),
            "device": name,
            "data": {"test": describe(test)},
            "metrics": {"accuracy_test": metrics.accuracy(np.concatenate(predicted), np.asarray(test.labels))},
        }

    def circuits(self, *, learning: bool = False) -> NoReturn:
        """Raise ``ValueError``: it has no spikes."""
        _refuse_spikes()

    def plain(self, *, rules: bool = False) -> Plain:
        """Return it as plain numbers."""
        return export.plain(KIND, model=self.model, source=self.header)

    def graph(self, *, dialect: str = "nir", lateral: bool = True, keep_rules: bool = False) -> NoReturn:
        """Raise ``ValueError``: NIR cannot represent it."""
        raise ValueError(
            "a SoftHebb network has rates, and NIR describes spiking networks; convert it first (spikehebb convert, "
            "with --neurons lif for a network that other simulators read), or export it as npz or csv."
        )

    def quantized(
        self, target: Target, *, rounding: Rounding = "nearest", seed: int = 0
    ) -> tuple[RateNetwork, list[Quantized], tuple[str, ...]]:
        """Return it in a chip's numbers, how far these are from its own, layer by layer, and no remarks."""
        model, layers = quantized_model(self.model, target, rounding, seed)
        return RateNetwork(model=model), layers, ()

    def start(self) -> Start:
        """Return it as a network that learning goes on from, in spikes; one dense layer of soft competition can."""
        network = self.model.network
        layer, (channels, height, width) = network.layers[0], network.image_shape
        obstacles = {
            f"{len(network.layers)} layers": len(network.layers) > 1,
            "a convolution": layer.kernel > 0,
            "batch normalization": layer.batch_norm,
            f"{channels} channels": channels > 1,
            "sums that are rectified before they compete": layer.pre_triangle,
            f"plasticity {layer.plasticity}": layer.plasticity not in _SOFT,
        }
        if problems := [obstacle for obstacle, is_present in obstacles.items() if is_present]:
            raise ValueError(
                "learning goes on in spikes from one dense layer of soft competition (plasticity soft or "
                "soft-anti-hebbian) on grey images, without batch normalization, but this model has "
                f"{', '.join(problems)}; train one that fits with spikehebb softhebb train --preset mnist-dense."
            )
        weights = np.asarray(self.model.layers[0].weight, float).T
        bias = layer.inverse_temperature * np.asarray(self.model.layers[0].bias, float)
        return Start(
            kind=KIND,
            image_shape=(height, width),
            weights=weights,
            age=np.full(layer.units, AGE),
            bias=bias,
            inverse_temperature=layer.inverse_temperature,
            origin={"file": None, "sha256": digest([weights, bias, layer.inverse_temperature])},
        )

    def rates(self) -> Model:
        """Return the model."""
        return self.model

    def learned(self) -> None:
        """Return None: it learned in rates."""
        return


def quantized_model(model: Model, target: Target, rounding: Rounding, seed: int) -> tuple[Model, list[Quantized]]:
    """Return a model whose layers, with their batch normalization in them, have the weights that a chip has."""
    layers, quantized = [], []
    for number in range(len(model.layers)):
        weights, _ = folded(model, number)
        changed = quantize(_layer(weights, f"layer{number}"), target, rounding=rounding, seed=seed + number)
        quantized.append(changed)
        layers.append(_scaled(model, number, weights, changed))
    return dataclasses.replace(model, layers=tuple(layers)), quantized


def _layer(weights: Any, name: str) -> Circuit:
    """Return a layer's weights, shape (inputs, units), as the one projection of a circuit."""
    pre, post = weights.shape
    return Circuit(
        name=name,
        populations={
            "input": Population(model=word_source, size=pre),
            "units": Population(model=mean_count, size=post),
        },
        projections={name: Projection(pre="input", post="units", weights=weights)},
    )


def _scaled(model: Model, number: int, folded: Any, quantized: Quantized) -> Weights:
    """Return the weights of a layer that are quantized once its normalization is in them."""
    layer, weights = model.network.layers[number], model.layers[number]
    new = np.asarray(quantized.circuit.projections[f"layer{number}"].weights)
    ratio = np.divide(new, folded, out=np.ones_like(folded), where=folded != 0).T
    old = np.asarray(weights.weight)
    if layer.kernel:  # (units, row, column, channel) as (units, channel, row, column)
        units, channels, height, width = old.shape
        ratio = ratio.reshape(units, height, width, channels).transpose(0, 3, 1, 2)
    return dataclasses.replace(weights, weight=(old * ratio.reshape(old.shape)).astype(old.dtype))


def _refuse_spikes() -> NoReturn:
    raise ValueError("a SoftHebb network of rates has no spikes; convert it first (spikehebb convert).")
