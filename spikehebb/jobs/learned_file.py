"""The file of a network that learned images in spikes: its header, its arrays, and the settings in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from brian2 import Quantity
from brian2.units import get_dimensions
from numpy.typing import NDArray

from spikehebb import devices
from spikehebb.checkpoint import Shapes
from spikehebb.circuits import AnyLearner
from spikehebb.core import Float, PlasticityRule
from spikehebb.core.values import is_finite
from spikehebb.jobs.digit_parameters import limits
from spikehebb.jobs.digit_settings import LATER, LATEST, Settings
from spikehebb.jobs.fronts import Columns, front_of
from spikehebb.reading import check, exactly, printable

KIND = "digits"
MAIN = "feedforward"  # the projection whose weights a file calls just that
_HEADER = {
    "config": {},
    "device": str,
    "image_shape": [int],
    "seed?": int,
    "biased?": bool,
    "classes?": [str],
    "own?": {},
    "more?": {},
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
DIGITS = tuple("0123456789")  # the classes of files that name none


def packed(weights: Mapping[str, Float], state: Mapping[str, Float]) -> dict[str, Float]:
    """Return weights by projection, and what outlives an image, under the names of a file."""
    named = {"weights" if name == MAIN else f"weights.{name}": np.asarray(array) for name, array in weights.items()}
    return named | {f"state.{name}": np.asarray(array) for name, array in state.items()}


def weights_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Float]:
    """Return the weights in a file, by projection."""
    main = {MAIN: np.asarray(arrays["weights"])} if "weights" in arrays else {}
    return main | _under("weights.", arrays)


def state_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Float]:
    """Return what outlives an image, by population.variable."""
    return _under("state.", arrays)


def kind_of(name: str) -> str:
    """Return what the numbers of an array of a file are, as ``checkpoint.load`` takes it."""
    return "f" if name.startswith(("weights", "state.", "bias", "linear", "front")) else "f+"


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Float]:
    return {name.removeprefix(prefix): np.asarray(a) for name, a in arrays.items() if name.startswith(prefix)}


def classes_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the classes of a network."""
    return tuple(header.get("classes", DIGITS))


def settings_from(
    config: Mapping[str, Any],
    own: Mapping[str, str] = MappingProxyType({}),
    *,
    circuit: AnyLearner | None = None,
    rule: str | PlasticityRule | None = None,
) -> Settings:
    """Return the settings that a header describes.

    Parameters
    ----------
    config : mapping
    own : mapping of str to str
        What of circuit and rule was not the catalogue's.
    circuit, rule : Learner, PlasticityRule, optional
        These, given again; names are those of the catalogue, and left alone.

    Raises
    ------
    ValueError
        If one of them is missing.
    """
    given = {"circuit": circuit, "rule": rule}
    for what in own:
        if isinstance(given.get(what), str | None):
            raise ValueError(
                f"it learned with the {what} {printable(config[what])} of a file of its own, which is not in the "
                f"checkpoint; give it again with --{what} FILE.py:NAME."
            )
    config = {**LATER, **config}
    values = {what: value for what, value in given.items() if what in own}
    plain = Settings(**{**config, **values, "parameters": limits(config["parameters"])})
    return dataclasses.replace(plain, parameters=_with_units(plain, config["parameters"]))


def shapes(header: Mapping[str, Any]) -> Shapes:
    """Return what a checkpoint of a learned network holds; raise ``ValueError`` if its header is of something else."""
    if header["kind"] != KIND:
        raise ValueError(f"it holds {printable(repr(header['kind']))}, not a network that learned digits.")
    check(header, _HEADER, "its header")
    devices.find(header["device"])
    pixels, classes = pixels_of(header["image_shape"]), len(classes_of(header))
    config = config_from(header)
    check(config, {"neurons": int, "circuit": str, "rule": str, "parameters": {}}, "its config")
    neurons = config["neurons"]
    arrays: dict[str, tuple[int, ...]] = {"age": (neurons,)}
    more = {name: tuple(check(shape, [int], "its header")) for name, shape in header.get("more", {}).items()}
    if isinstance(config["front"], Mapping):
        front = front_of(config["front"])
        pixels = int(np.prod(front.shape(tuple(header["image_shape"]))))
        if isinstance(front, Columns):
            arrays |= {"front": (front.inputs(tuple(header["image_shape"])), front.features), "front_rate": ()}
    if config["circuit"] == "soft_wta" or not any(name.startswith("weights.") for name in more):
        arrays["weights"] = (pixels, neurons)
    arrays |= more
    if header.get("biased", False):
        arrays["bias"] = (neurons,)
    arrays |= {"profile": (neurons, classes), "linear": (classes, neurons + 1)}
    return {name: (kind_of(name), shape) for name, shape in arrays.items()}


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
    if not config.keys() & LATER.keys():
        config |= LATER
    config = {**LATEST, **config}
    return exactly(config, Settings, "its config")


def pixels_of(shape: Any) -> int:
    """Return how many pixels an image of a file's shape has; raise ``ValueError`` if that is no shape."""
    whole = all(isinstance(side, int) and not isinstance(side, bool) for side in shape)
    if len(shape) not in (2, 3) or not whole or not all(0 < side < 10_000 for side in shape):
        raise ValueError(f"its images have the shape {printable(shape)}.")
    return int(np.prod(shape))


def _with_units(settings: Settings, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters in base units, as ``config`` has them, with their units."""
    owners: dict[str, Any] = {"circuit": settings.learner, "input": settings.learner.encoder}
    if any(name.startswith("rule.") for name in parameters):
        owners["rule"] = settings.plasticity(plain=True)
    found = {}
    for name, value in parameters.items():
        owner, _, own = name.partition(".")
        default = owners[owner].parameters.get(own) if owner in owners else None
        number = is_finite(value) or value in (np.inf, -np.inf)
        found[name] = Quantity(value, dim=get_dimensions(default)) if number and default is not None else value
    return found
