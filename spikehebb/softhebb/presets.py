"""Published SoftHebb networks, their training and their readout, as data."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from spikehebb.core import Frozen
from spikehebb.core.values import check_name, is_finite
from spikehebb.equations import did_you_mean
from spikehebb.softhebb.network import Layer, Network, Plasticity, Pool, Readout, Training

Method = Literal["adam", "ridge", "logistic"]

ALIASES: Mapping[str, Callable[[float, tuple[Layer, ...]], dict[str, Any]]] = {  # names of the literature
    "width": lambda factor, layers: {"units": [max(1, round(factor * layer.units)) for layer in layers]},
    "temperature": lambda value, _: {"inverse_temperature": 1 / value},
    "radius": lambda value, _: {"norm": value},
}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Layers with their training and readout.

    Parameters
    ----------
    name, summary : str
    layers : tuple of Layer
    channels : int
        Of the images.
    data : tuple of str
        Data sets that it was made for.
    training : Training
    readout : Readout
    official : str
        Name in the authors' code; empty where that has none.
    published : float, optional
        Accuracy in %, on the first data set.
    method : str
        How the readout is fitted: ``adam``, as ``readout`` says, ``ridge`` or ``logistic``.
    """

    name: str
    summary: str
    layers: tuple[Layer, ...]
    channels: int
    data: tuple[str, ...]
    training: Training = field(default_factory=Training)
    readout: Readout = field(default_factory=Readout)
    official: str = ""
    published: float | None = None
    method: Method = "adam"

    def network(self, image_shape: tuple[int, int, int], name: str = "these images") -> Network:
        """Return the network for images of (channels, height, width).

        Raises
        ------
        ValueError
            If they have another number of channels or are too small.
        """
        if image_shape[0] != self.channels:
            fitting = ", ".join(preset.name for preset in presets().values() if preset.channels == image_shape[0])
            raise ValueError(
                f"preset {self.name} is for images with {self.channels} channel{'s' * (self.channels > 1)}, but "
                f"{name} has {image_shape[0]}; choose {f'one of {fitting}' if fitting else 'other images'}."
            )
        return Network(image_shape=image_shape, layers=self.layers)

    def with_plasticity(self, plasticity: Plasticity) -> Preset:
        """Return the same layers with another plasticity: a control, of which no accuracy is published."""
        layers = tuple(dataclasses.replace(layer, plasticity=plasticity) for layer in self.layers)
        return dataclasses.replace(self, name=f"{self.name} ({plasticity})", layers=layers, official="", published=None)

    def with_layers(self, **changes: Any) -> Preset:
        """Return other layers, of which no accuracy is published: one value for all of them, or a list of one for each.

        Parameters
        ----------
        **changes
            Fields of ``Layer``; and as one value for all: ``width``, a factor of their units, ``temperature``, 1/t of
            the softmax, and ``radius``, the norm at the start.

        Raises
        ------
        ValueError
            If there is no such setting, or a list has another length than there are layers.

        Examples
        --------
        >>> [layer.units for layer in find("cifar-3").with_layers(width=0.5, exponent=[1.0, 1.0, 0.7]).layers]
        [48, 192, 768]
        """
        told = ", ".join(f"{name} {value}" for name, value in changes.items())
        settings = dict(changes)
        for name in ALIASES:
            if name in settings:
                value = settings.pop(name)
                if not (is_finite(value) and value > 0):
                    raise ValueError(f"{name} must be a number above 0, got {value!r}.")
                settings |= ALIASES[name](value, self.layers)
        layers = _changed(self.layers, settings)
        return dataclasses.replace(self, name=f"{self.name} ({told})", layers=layers, official="", published=None)


@cache
def presets() -> Mapping[str, Preset]:
    """Return all presets by name."""
    table = tomllib.loads(resources.files("spikehebb.softhebb").joinpath("presets.toml").read_text("utf-8"))
    return Frozen({name: _preset(name, table) for name in table})


def find(name: str | Preset) -> Preset:
    """Return a preset by its name in this toolkit or in the authors' code; a preset as it is.

    Examples
    --------
    >>> [layer.units for layer in find("4SoftHebbCnnCIFAR").layers]
    [96, 384, 1536]
    """
    if isinstance(name, Preset):
        return name
    name = check_name("preset", name, "a name that 'spikehebb softhebb presets' lists, or a Preset")
    all_presets = presets()
    for preset in all_presets.values():
        if name and name in (preset.name, preset.official):
            return preset
    raise ValueError(f"there is no preset {name!r}.{did_you_mean(name, tuple(all_presets))}")


def layer_from(description: Mapping[str, Any]) -> Layer:
    """Return the layer that plain data describe; raise ``ValueError`` if they do not describe one."""
    pool = _settings(description, Layer, "layer").get("pool")
    return Layer(**{**description, "pool": Pool(**_settings(pool, Pool, "pool")) if pool else None})


def _settings(description: Any, kind: type, what: str) -> Mapping[str, Any]:
    """Return settings, all of which a kind of value has."""
    if not isinstance(description, Mapping):
        raise ValueError(f"{what}: its settings must be a table of names and values, got {description!r}.")
    names = [item.name for item in dataclasses.fields(kind)]
    for name in description:
        if name not in names:
            raise ValueError(f"{what}: there is no setting {name!r}.{did_you_mean(name, names)}")
    return description


def _preset(name: str, table: Mapping[str, Any]) -> Preset:
    entry = dict(table[name])
    like, changes, depth = entry.pop("like", None), entry.pop("change", {}), entry.pop("depth", None)
    layers = _preset(like, table).layers if like else tuple(layer_from(layer) for layer in entry["layers"])
    entry |= {
        "layers": _changed(layers[:depth], changes),
        "data": tuple(entry["data"]),
        "training": Training(**entry.get("training", {})),
        "readout": Readout(**entry.get("readout", {})),
    }
    return Preset(name=name, **entry)


def _changed(layers: tuple[Layer, ...], changes: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return layers with other settings, each a value for all of them or a list with one for each."""
    _settings(changes, Layer, "layer")
    each: list[dict[str, Any]] = [{} for _ in layers]
    for name, given in changes.items():
        values = given if isinstance(given, list | tuple) else [given] * len(layers)
        if len(values) != len(layers):
            raise ValueError(
                f"{name} has {len(values)} values, but there are {len(layers)} layers; give one, or one for each."
            )
        for settings, value in zip(each, values, strict=True):
            settings[name] = Pool(**value) if name == "pool" and isinstance(value, Mapping) else value
    return tuple(dataclasses.replace(layer, **settings) for layer, settings in zip(layers, each, strict=True))
