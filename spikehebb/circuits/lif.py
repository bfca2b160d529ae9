"""A winner-take-all of leaky integrate-and-fire neurons: nothing but LIF neurons and linear synapses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from brian2 import Quantity, ms, mV
from numpy.typing import ArrayLike

from spikehebb.core import Circuit, Float, NeuronModel, Population, Projection
from spikehebb.core.values import is_finite
from spikehebb.encoders import regular
from spikehebb.neurons import lif_unit, linear_readout

Inhibition = Literal["lateral", "spiking"]


def lif_wta(
    weights: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    inhibition: Inhibition = "lateral",
    encoder: NeuronModel = regular,
    gain: float = 0.5,
    strength: float = 0.5,
    drive: float = 0.0,
    tau_m: Quantity = 20 * ms,
    inhibitory: int = 8,
    tau_inhibition: Quantity = 2 * ms,
) -> Circuit:
    """Return a winner-take-all circuit of LIF neurons, which are deterministic: all chance is in the input spikes.

    A steady input drives neuron ``k`` towards ``gain*(u_k - mean of u) + drive``, in units of the threshold above the
    reset, with ``u = x W + b``. What all neurons share, the mean of ``u``, is left out of the weights: a softmax does
    not see it. Each output spike lowers all others by ``strength``, so that the neurons compete for how many spikes
    they fire. ``conversion.lif_calibration.calibrate_lif`` fits gain, strength and drive to a softmax.

    Parameters
    ----------
    weights : array_like, shape (inputs, neurons)
    bias : array_like, shape (neurons,), optional
        Becomes a constant current of each neuron, as ``drive`` does.
    inhibition : str
        ``lateral``: every output neuron inhibits all others. ``spiking``: every output neuron excites ``inhibitory``
        LIF neurons, which inhibit all output neurons, one time step later.
    encoder : NeuronModel
        The input neurons; it has a parameter ``max_rate``.
    gain, drive : float
        In thresholds, for ``u`` of 1, and for a constant current.
    strength : float
        Of the inhibition after one output spike, in thresholds. With ``spiking`` inhibition the neuron that fired is
        lowered, too.
    tau_m : Quantity
        Time constant of the output neurons.
    inhibitory, tau_inhibition : int, Quantity
        How many inhibitory neurons there are, and their time constant; of ``spiking`` inhibition only. Number ``m``
        (from 1) fires when at least ``m`` output neurons fire together, so that together they count them.

    Raises
    ------
    ValueError
        If the inhibition is unknown, shapes do not fit or a number is out of range.

    References
    ----------
    Neuron: see ``neurons.lif_unit``.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> list(lif_wta(np.eye(4)).projections), list(lif_wta(np.eye(4), inhibition="spiking").projections)
    (['feedforward', 'lateral'], ['feedforward', 'excite', 'inhibit'])
    """
    array, offset = _checked(weights, bias)
    if inhibition not in get_args(Inhibition):
        raise ValueError(f"lif_wta: inhibition must be {' or '.join(get_args(Inhibition))}, got {inhibition!r}.")
    if not (is_finite(gain) and gain > 0):
        raise ValueError(f"lif_wta: gain must be above 0, got {gain}.")
    if not (is_finite(strength) and strength >= 0):
        raise ValueError(f"lif_wta: strength must be at least 0, got {strength}.")
    if inhibitory < 1:
        raise ValueError(f"lif_wta: inhibitory must be at least 1, got {inhibitory}.")
    spikes = float(encoder.parameters["max_rate"] * tau_m)  # what an input of 1 adds up to in the potential
    size = array.shape[1]
    rest = drive + gain * (offset - offset.mean())
    centred = gain / spikes * (array - array.mean(axis=1, keepdims=True))
    neuron = lif_unit.with_parameters(tau_m=tau_m, v_rest=rest * mV)
    populations = {
        "input": Population(model=encoder, size=array.shape[0]),
        "output": Population(model=neuron, size=size),
        **inhibitory_neurons(inhibition, inhibitory, tau_inhibition),
    }
    projections = {"feedforward": Projection(pre="input", post="output", weights=centred)}
    projections |= inhibiting(inhibition, size, inhibitory, strength)
    return Circuit(name="lif_wta", populations=populations, projections=projections)


def with_numbers(
    circuit: Circuit, weights: Mapping[str, ArrayLike], neurons: Mapping[str, Mapping[str, Quantity]]
) -> Circuit:
    """Return a circuit with these weights, by projection, and parameters, by population.

    Parameters
    ----------
    circuit : Circuit
    weights : mapping of str to array_like, shape (n_pre, n_post)
    neurons : mapping of str to mapping of str to Quantity

    Raises
    ------
    ValueError
        If there is no such projection or parameter, or something does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> changed = with_numbers(lif_wta(np.eye(2)), {"lateral": -2 * np.eye(2)}, {"output": {"tau_m": 5 * ms}})
    >>> changed.projections["lateral"].weights.tolist()
    [[-2.0, -0.0], [-0.0, -2.0]]
    """
    populations = dict(circuit.populations)
    for name, values in neurons.items():
        population = populations[name]
        populations[name] = dataclasses.replace(population, model=population.model.with_parameters(**values))
    return dataclasses.replace(circuit.with_weights(**weights), populations=populations)


def inhibitory_neurons(inhibition: str, inhibitory: int, tau: Quantity) -> dict[str, Population]:
    """Return the population of inhibitory neurons of a winner-take-all of LIF neurons, if it has any."""
    if inhibition == "lateral":
        return {}
    return {"inhibition": Population(model=lif_unit.with_parameters(tau_m=tau), size=inhibitory)}


def inhibiting(inhibition: str, size: int, inhibitory: int, strength: float) -> dict[str, Projection]:
    """Return the projections by which output neurons inhibit each other, directly or through inhibitory neurons."""
    if inhibition == "lateral":
        return {"lateral": Projection(pre="output", post="output", weights=-strength * (1 - np.eye(size)))}
    counting = np.broadcast_to(excitation(inhibitory), (size, inhibitory))
    return {
        "excite": Projection(pre="output", post="inhibition", weights=counting),
        "inhibit": Projection(pre="inhibition", post="output", weights=np.full((inhibitory, size), -strength)),
    }


def with_votes(circuit: Circuit, labels: ArrayLike, classes: int) -> Circuit:
    """Return the circuit with a population ``readout`` that counts the spikes of each class: the largest is the answer.

    Parameters
    ----------
    circuit : Circuit
        With a population ``output``.
    labels : array_like of int, shape (neurons,)
        The class of each output neuron, from 0.
    classes : int

    Raises
    ------
    ValueError
        If there is not one label per neuron.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits.lif import lif_wta, with_votes
    >>> with_votes(lif_wta(np.eye(3)), [0, 1, 1], 2).projections["to_readout"].weights.tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    names, size = np.asarray(labels), circuit.populations["output"].size
    if names.shape != (size,) or names.dtype.kind not in "iu" or names.min() < 0 or names.max() >= classes:
        raise ValueError(f"with_votes: {size} neurons need as many labels from 0 to {classes - 1}.")
    readout = Population(model=linear_readout, size=classes)
    votes = Projection(pre="output", post="readout", weights=np.eye(classes)[names])
    return dataclasses.replace(
        circuit,
        populations={**circuit.populations, "readout": readout},
        projections={**circuit.projections, "to_readout": votes},
    )


def excitation(inhibitory: int) -> Float:
    """Return the weights onto inhibitory neurons of which number ``m`` fires after ``m`` spikes at once.

    Examples
    --------
    >>> from spikehebb.circuits.lif import excitation
    >>> (excitation(3) * [1, 2, 3] > 1).all(), (excitation(3) * [0, 1, 2] < 1).all()
    (np.True_, np.True_)
    """
    return 1 / (np.arange(1, inhibitory + 1) - 0.5)


def _checked(weights: ArrayLike, bias: ArrayLike | None) -> tuple[Float, Float]:
    array = np.asarray(weights, float)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"lif_wta: weights must be (inputs, neurons), got shape {array.shape}.")
    offset = np.zeros(array.shape[1]) if bias is None else np.asarray(bias, float)
    if offset.shape != array.shape[1:]:
        raise ValueError(
            f"lif_wta: bias must have one number per neuron, shape {array.shape[1:]}, got shape {offset.shape}."
        )
    return array, offset
