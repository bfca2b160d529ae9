"""Columns: the neurons at one position of an image, each with its own weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms
from numpy.typing import ArrayLike

from spikehebb.core import Circuit, NeuronModel, Population, Projection
from spikehebb.encoders import word_source
from spikehebb.neurons import escape_mean, log_sum_exp, mean_inhibition, power_integrator, power_rate

_BOUND = 700.0  # exp() of more overflows; the inhibitory unit then needs a step more to follow
GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, are as evenly spread as any


def phases(units: int, first: int = 1) -> Any:
    """Return numbers between 0 and 1, as evenly spread as possible: how far each unit is on its way to a spike.

    Units that are pooled share a phase, because the largest of numbers rounded alike is the largest number, rounded.

    Examples
    --------
    >>> phases(3).round(3).tolist()
    [0.618, 0.236, 0.854]
    """
    return (np.arange(first, units + first) * GOLDEN) % 1


def triangle_column(
    weights: ArrayLike,
    *,
    bias: ArrayLike = 0.0,
    exponent: float = 1.0,
    centred: bool = True,
    pre_triangle: bool = False,
    gain: Quantity = 1000 * Hz,
    input_rate: Quantity = 1000 * Hz,
    latency: Quantity = 0 * ms,
    listen: Quantity | None = None,
    stochastic: bool = False,
    encoder: NeuronModel = word_source,
) -> Circuit:
    """Return a column whose units fire at ``gain*max(u - mean(u), 0)**exponent``, as SoftHebb's layers hand on.

    ``u = w.x + bias``, with ``x`` the input spikes per ``1/input_rate`` since the onset. One inhibitory unit hears all
    units and takes their mean from each of them.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    bias : array_like, shape () or (units,)
    exponent : float
        Of the power law (Triangle, RePU).
    centred : bool
        Take the mean over units away. Without it there is no inhibition (RePU, ReLU).
    pre_triangle : bool
        Take the mean away and rectify, and then do it once more, through a second inhibitory unit.
    gain : Quantity
        Spikes per second for a drive of 1; a neuron fires once in a time step at most.
    input_rate : Quantity
        Spikes per second that stand for an input of 1.
    latency : Quantity
        How much later than the onset the input begins.
    listen : Quantity, optional
        Listen for so long, then fire for as long by what was heard. Left out, units fire while they listen: sooner, but
        the first few spikes of their inputs make them fire too often.
    stochastic : bool
        Poisson spikes instead of evenly spaced ones.
    encoder : NeuronModel
        Of the inputs.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import triangle_column
    >>> sorted(triangle_column(np.ones((75, 96))).populations)
    ['inhibition', 'input', 'units']
    """
    array = _checked("triangle_column", weights)
    units = array.shape[1]
    common = {
        "input_rate": input_rate,
        "gain": gain,
        "exponent": float(exponent),
        "bias": np.broadcast_to(np.asarray(bias, float), units),
        "latency": latency,
        **({} if listen is None else {"listen": listen, "wait": listen}),
    }
    neuron = (
        power_rate.with_parameters(**common)
        if stochastic
        else power_integrator.with_parameters(**common, phase=phases(units))
    )
    populations = {
        "input": Population(model=encoder, size=array.shape[0]),
        "units": Population(model=neuron, size=units),
    }
    projections = {"feedforward": Projection(pre="input", post="units", weights=array)}
    if centred or pre_triangle:
        add_inhibition(populations, projections, "units", pre_triangle=pre_triangle, centred=centred)
    return Circuit(
        name="triangle_column",
        populations=populations,
        projections=projections,
        reference="Journe et al., ICLR 2023 (Triangle)",
    )


def add_inhibition(
    populations: dict[str, Population],
    projections: dict[str, Projection],
    units: str,
    *,
    pre_triangle: bool = False,
    centred: bool = True,
    connected: Any = None,
    prefix: str = "",
) -> None:
    """Add the inhibitory units that take the mean over a position's units from each of them.

    Parameters
    ----------
    populations, projections : dict
        Of the circuit in the making; they are added to.
    units : str
        The population to inhibit.
    pre_triangle, centred : bool
        See ``triangle_column``.
    connected : array of bool, shape (units, positions), optional
        Which inhibitory unit belongs to which neuron; one for all when left out.
    prefix : str
        Of the new names.
    """
    size = populations[units].size
    positions = 1 if connected is None else connected.shape[1]
    share = mean_inhibition.with_parameters(share=positions / size)
    back = None if connected is None else connected.T
    stages = [("inhibition", "m", "raw_pre")]
    if pre_triangle and centred:
        stages.append(("inhibition_rectified", "m_rectified", "clip(raw_pre - m_pre, 0, inf)"))
    for name, variable, heard in stages:
        unit = f"{prefix}{name}"
        populations[unit] = Population(model=share, size=positions)
        projections[f"{unit}_excite"] = Projection(
            pre=units, post=unit, summed={"m": f"{heard}*share_post"}, connected=connected
        )
        projections[f"{unit}_inhibit"] = Projection(pre=unit, post=units, summed={variable: "m_pre"}, connected=back)


def softmax_column(
    weights: ArrayLike,
    *,
    bias: ArrayLike = 0.0,
    inverse_temperature: float = 1.0,
    rate: Quantity = 400 * Hz,
    input_rate: Quantity = 1000 * Hz,
    latency: Quantity = 0 * ms,
    settle: Quantity = 0 * ms,
    encoder: NeuronModel = word_source,
) -> Circuit:
    """Return a column whose spikes are samples of ``softmax(inverse_temperature*(w.x + bias))``: its competition.

    As ``soft_wta``, but the membrane is the mean of the input since the onset, so that shares are right from the first
    spikes on, and inputs keep their scale.

    Parameters
    ----------
    weights : array_like, shape (inputs, units)
    bias : array_like, shape () or (units,)
    inverse_temperature : float
        SoftHebb's t.
    rate : Quantity
        Of all units together; ``rate*dt`` must stay below 1.
    settle : Quantity
        For how long the units listen before they compete: the mean of few spikes is noisy, and a sharp softmax makes
        much of that.
    input_rate, latency, encoder
        See ``triangle_column``.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import softmax_column
    >>> sorted(softmax_column(np.ones((784, 100))).populations)
    ['inhibition', 'input', 'units']
    """
    array = _checked("softmax_column", weights)
    if not inverse_temperature > 0:
        raise ValueError(f"softmax_column: inverse_temperature must be above 0, got {inverse_temperature}.")
    units = array.shape[1]
    neuron = escape_mean.with_parameters(
        input_rate=input_rate,
        rate=rate,
        sharpness=float(inverse_temperature),
        bias=np.broadcast_to(np.asarray(bias, float), units),
        latency=latency,
        settle=settle,
    )
    drive = f"exp(clip(drive_pre*sharpness_pre - I_post, -{_BOUND}, {_BOUND}))"
    return Circuit(
        name="softmax_column",
        populations={
            "input": Population(model=encoder, size=array.shape[0]),
            "units": Population(model=neuron, size=units),
            "inhibition": Population(model=log_sum_exp, size=1),
        },
        projections={
            "feedforward": Projection(pre="input", post="units", weights=array),
            "excite": Projection(pre="units", post="inhibition", summed={"Z": drive}),
            "inhibit": Projection(pre="inhibition", post="units", summed={"I": "I_pre"}),
        },
        reference="Journe et al., ICLR 2023; Nessler et al., PLoS Comput. Biol. 9(4):e1003037, 2013",
    )


def _checked(name: str, weights: ArrayLike) -> Any:
    array = np.asarray(weights, float)
    if array.ndim != 2:
        raise ValueError(f"{name}: weights must be (inputs, units), got shape {array.shape}.")
    return array
