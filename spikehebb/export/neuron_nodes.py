"""What this toolkit's neurons are in NIR's terms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikehebb import equations as text
from spikehebb import neurons
from spikehebb.core import Float, Frozen, NeuronModel, Population
from spikehebb.encoders import ENCODERS

MODELS: Mapping[str, NeuronModel] = Frozen(
    {
        "LIF": neurons.nir_lif,
        "IF": neurons.nir_if,
        "I": neurons.nir_i,
        "LI": neurons.nir_li,
        "CubaLIF": neurons.nir_cuba_lif,
        "CubaLI": neurons.nir_cuba_li,
        "Threshold": neurons.nir_threshold,
        "Output": neurons.nir_output,
    }
)
_TEXTS = ("equations", "threshold", "reset", "refractory", "receive", "update", "onset", "frame", "method")
_WHY = {
    "lif": "loses at its reset what arrives in that step, which NIR's neurons keep; use neurons.lif_unit",
    "lif_adaptive": "has a threshold that moves, which no NIR neuron has",
    "power_integrator": "fires by a power law of its mean input; NIR has integrate-and-fire neurons (exponent 1) only, "
    "and they are written from the converted network, not from its circuit",
    "largest_count": "takes a maximum, and NIR has no maximum (average pooling it has)",
    "mean_count": "is reset by subtraction from a start of its own; write the converted network, not its circuit",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Unit:
    """A population in terms of one step: ``v = (1 - leak)*v + drive + arriving``, from 0, fires above the threshold.

    Parameters
    ----------
    name, role : str
        ``input``, ``neurons`` or ``readout``.
    size : int
    leak, drive, threshold, reset, scale : array, shape (size,)
        Of neurons. ``leak`` 0 is a perfect integrator. ``scale`` multiplies the weights of what arrives.
    node : str
        NIR's type, where the population came from a NIR graph.
    values : mapping of str to array
        Of such a population: the values of its node. Then its weights are written as they are.
    bias : array, shape (size,)
        Of such a population: the constant that arrives with its weights.
    model : NeuronModel
    """

    name: str
    role: str
    size: int
    model: NeuronModel
    leak: Float
    drive: Float
    threshold: Float
    reset: Float
    scale: Float
    node: str = ""
    values: Mapping[str, Float] = field(default_factory=dict)
    bias: Float = field(default_factory=lambda: np.zeros(0))


def same(model: NeuronModel, other: NeuronModel) -> bool:
    """Return whether two neurons have the same texts, whatever they are called."""
    return all(text.joined(getattr(model, name)) == text.joined(getattr(other, name)) for name in _TEXTS)


def unit_of(name: str, population: Population, dt: float, *, driven: bool) -> Unit:
    """Return what a population is in NIR's terms.

    Parameters
    ----------
    name : str
    population : Population
    dt : float
        Seconds.
    driven : bool
        Whether a projection ends there.

    Raises
    ------
    ValueError
        If NIR cannot say it: the sentence names the population, its neuron and the reason.
    """
    model, size = population.model, population.size
    if population.state:
        raise ValueError(
            f"population {name} starts from {', '.join(sorted(population.state))} of its own, and NIR has no start "
            "but 0; leave the state out."
        )
    kind = next((kind for kind, known in MODELS.items() if same(model, known)), "")
    if kind:
        return _from_nir(name, kind, model, size, dt)
    if same(model, neurons.lif_unit):
        return _from_lif(name, model, size, dt)
    if same(model, neurons.linear_readout):
        return _plain(name, "readout", model, size)
    if model.name in ENCODERS and not driven:
        return _plain(name, "input", model, size)
    reason = _WHY.get(model.name, "is none that NIR has")
    if "rand" in text.used(model.threshold, model.reset, model.update):
        reason = "fires by chance, and NIR's neurons do not; convert the network with --neurons lif"
    if model.name in ENCODERS:
        reason = "is an encoder and has input, which no input of a NIR graph has"
    raise ValueError(f"population {name}: a neuron {model.name} {reason}.")


def _plain(name: str, role: str, model: NeuronModel, size: int) -> Unit:
    zero, one = np.zeros(size), np.ones(size)
    return Unit(
        name=name,
        role=role,
        size=size,
        model=model,
        leak=zero,
        drive=zero,
        threshold=zero,
        reset=zero,
        scale=one,
    )


def _from_lif(name: str, model: NeuronModel, size: int, dt: float) -> Unit:
    values = {key: _filled(value, size) for key, value in model.parameters.items()}
    if np.any(values["t_ref"] > 0):
        raise ValueError(f"population {name}: its refractory period is not 0, and NIR has none; set t_ref=0*ms.")
    jump, start = values["jump"], values["v_reset"]  # an image starts at the reset
    leak = -np.expm1(-dt / values["tau_m"])  # the share of a step that Brian2's exact decay forgets
    return Unit(
        name=name,
        role="neurons",
        size=size,
        model=model,
        leak=leak,
        drive=leak * (values["v_rest"] - start) / jump,
        threshold=(values["v_threshold"] - start) / jump,
        reset=np.zeros(size),
        scale=np.ones(size),
    )


def _from_nir(name: str, kind: str, model: NeuronModel, size: int, dt: float) -> Unit:
    values = {key: _filled(value, size) for key, value in model.parameters.items()}
    bias = values.pop("bias")
    own: dict[str, Any] = {"values": Frozen(values), "bias": bias, "node": kind}
    if kind == "Output":
        return dataclasses.replace(_plain(name, "readout", model, size), **own)
    if kind not in ("LIF", "IF"):
        return dataclasses.replace(_plain(name, "neurons", model, size), **own)
    leak = dt / values["tau"] if kind == "LIF" else np.zeros(size)
    scale = leak * values["r"] if kind == "LIF" else dt * values["r"]
    rest = values["v_leak"] if kind == "LIF" else np.zeros(size)
    return Unit(
        name=name,
        role="neurons",
        size=size,
        model=model,
        leak=leak,
        drive=leak * rest + scale * bias,
        threshold=values["v_threshold"],
        reset=values["v_reset"],
        scale=scale,
        **own,
    )


def _filled(value: Any, size: int) -> Float:
    """Return a parameter in base units, one number per neuron."""
    return np.broadcast_to(np.asarray(value, np.float64), size)
