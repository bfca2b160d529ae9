"""The whole network as one circuit, in which every position has neurons of its own; and how large it would be."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb.circuits.column import add_inhibition, phases
from spikehebb.conversion.network import SpikingNetwork, Stage
from spikehebb.conversion.to_spiking import encoder_of
from spikehebb.core import Circuit, NeuronModel, Population, Projection
from spikehebb.neurons import largest_count, linear_readout, mean_count
from spikehebb.softhebb import Pool, numerics

# Bytes of a synapse in a compiled program: two neuron numbers, its weight, its place in the lists of both neurons and
# in the spike queue. Of a pair of neurons in a circuit: the weight and whether there is one.
_SYNAPSE, _PAIR = 32, 9


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a converted network is.

    Parameters
    ----------
    neurons, synapses, bytes : int
        Of its columns, as they are simulated.
    unrolled_neurons, unrolled_synapses, unrolled_bytes : int
        If every position had neurons and synapses of its own.
    """

    neurons: int
    synapses: int
    bytes: int
    unrolled_neurons: int
    unrolled_synapses: int
    unrolled_bytes: int


def size(network: SpikingNetwork) -> Size:
    """Return how large a network is, before anything of it is built."""
    neurons = synapses = 0
    alone = links = pairs = 0
    largest = 0
    before = math.prod(network.image_shape)
    alone += before
    for stage in network.stages:
        inputs, units = stage.weights.shape
        places = math.prod(stage.positions)
        neurons += inputs + units
        synapses += inputs * units
        largest = max(largest, inputs * units)
        alone += places * units
        links += places * inputs * units
        pairs += before * places * units
        before = places * units
        if stage.layer.pool is not None:
            pooled = math.prod(stage.output_shape)
            alone += pooled
            links += pooled * stage.layer.pool.size**2
            pairs += before * pooled
            before = pooled
    return Size(
        neurons=neurons,
        synapses=synapses,
        bytes=largest * (_SYNAPSE + 8),
        unrolled_neurons=alone,
        unrolled_synapses=links,
        unrolled_bytes=links * _SYNAPSE + pairs * _PAIR,
    )


def unrolled(network: SpikingNetwork, memory: float | None = None) -> Circuit:
    """Return the whole network as one circuit: the same spikes as from ``present``, for small images.

    Populations are ``input``, ``layer0``, ``pool0`` and so on; neurons are in the order (row, column, channel). A
    readout, if there is one, is the population ``readout``, whose potential ``u`` is the sum of weighted spikes.

    Parameters
    ----------
    network : SpikingNetwork
    memory : float, optional
        Bytes that it may take; half of this machine's when left out.

    Raises
    ------
    MemoryError
        If it would not fit. The message has the numbers.
    """
    if network.timing.order == "in turn":
        raise ValueError("one circuit has no windows for its layers; convert with order together to unroll it.")
    needed, room = size(network).unrolled_bytes, _memory() / 2 if memory is None else memory
    if needed > room:
        sizes = size(network)
        raise MemoryError(
            f"a circuit with neurons at every position would have {sizes.unrolled_neurons:,} neurons and "
            f"{sizes.unrolled_synapses:,} synapses and take about {needed / 2**30:,.1f} of {room / 2**30:,.1f} GiB; "
            f"present() simulates the same spikes with one column per layer ({sizes.synapses:,} synapses)."
        )
    channels, height, width = network.image_shape
    populations = {"input": Population(model=encoder_of(network.timing), size=channels * height * width)}
    projections: dict[str, Projection] = {}
    before, numbers = "input", np.arange(channels * height * width).reshape(1, height, width, channels)
    for number, stage in enumerate(network.stages):
        name, last = f"layer{number}", number == len(network.stages) - 1
        _add_layer(populations, projections, stage, numbers, before, name)
        places, units = math.prod(stage.positions), stage.weights.shape[1]
        before, numbers = name, np.arange(places * units).reshape(1, *stage.positions, units)
        pool = stage.layer.pool
        if pool is not None and not (last and pool.kind == "average"):
            numbers = _add_pool(populations, projections, numbers, pool, before, f"pool{number}")
            before = f"pool{number}"
    if network.readout is not None:
        _add_readout(populations, projections, network, numbers, before)
    return Circuit(name="unrolled", populations=populations, projections=projections)


def _memory() -> float:
    """Return the bytes of memory of this machine."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _add_layer(
    populations: dict[str, Population],
    projections: dict[str, Projection],
    stage: Stage,
    numbers: Any,
    before: str,
    name: str,
) -> None:
    column = stage.circuit.populations["units"].model
    inputs, units = stage.weights.shape
    places = math.prod(stage.positions)
    seen = numerics.inputs(stage.layer, numbers)[0].reshape(places, inputs)
    table = np.zeros((populations[before].size, places * units))
    for place, row in enumerate(seen):  # with reflection, a position can see a neuron several times
        np.add.at(table, (row[:, None], place * units + np.arange(units)), stage.weights)
    populations[name] = Population(model=_repeated(column, units, places), size=places * units)
    connected = np.zeros(table.shape, bool)
    for place, row in enumerate(seen):
        connected[row[:, None], place * units + np.arange(units)] = True
    projections[f"to_{name}"] = Projection(pre=before, post=name, weights=table, connected=connected)
    if stage.layer.activation == "softmax":
        raise ValueError("a softmax layer has no unrolled form yet; use present().")
    if stage.layer.activation == "triangle" or stage.layer.pre_triangle:
        owner = np.repeat(np.arange(places), units)[:, None] == np.arange(places)
        add_inhibition(
            populations,
            projections,
            name,
            pre_triangle=stage.layer.pre_triangle,
            centred=stage.layer.activation == "triangle",
            connected=owner,
            prefix=f"{name}_",
        )


def _repeated(model: NeuronModel, units: int, places: int) -> NeuronModel:
    """Return a column's neurons for all positions."""
    arrays = {name: np.tile(value, places) for name, value in model.parameters.items() if np.shape(value) == (units,)}
    return model.with_parameters(**arrays)


def _add_pool(
    populations: dict[str, Population],
    projections: dict[str, Projection],
    numbers: Any,
    pool: Pool,
    before: str,
    name: str,
) -> Any:
    _, height, width, units = numbers.shape
    rows = (height + 2 * pool.padding - pool.size) // pool.stride + 1
    columns = (width + 2 * pool.padding - pool.size) // pool.stride + 1
    size = rows * columns * units
    pooled = np.arange(size).reshape(1, rows, columns, units)
    connected = np.zeros((numbers.size, size), bool)
    for row in range(rows):
        for column in range(columns):
            top, left = row * pool.stride - pool.padding, column * pool.stride - pool.padding
            window = numbers[0, max(top, 0) : top + pool.size, max(left, 0) : left + pool.size].reshape(-1, units)
            connected[window, pooled[0, row, column]] = True
    maximum = pool.kind == "max"
    phase = {} if maximum else {"phase": np.tile(phases(units, units + 1), rows * columns)}
    model = largest_count if maximum else mean_count.with_parameters(**phase)
    populations[name] = Population(model=model, size=size)
    weight = 1.0 if maximum else 1 / pool.size**2
    projections[f"to_{name}"] = Projection(pre=before, post=name, weights=connected * weight, connected=connected)
    return pooled


def _add_readout(
    populations: dict[str, Population],
    projections: dict[str, Projection],
    network: SpikingNetwork,
    numbers: Any,
    before: str,
) -> None:
    """Add a readout; averages of the last layer are taken by its weights."""
    assert network.readout is not None
    weight, _ = network.readout
    classes, last = len(weight), network.stages[-1]
    channels, height, width = last.output_shape
    per_feature = weight.reshape(classes, channels, height, width).transpose(2, 3, 1, 0)
    table = np.zeros((populations[before].size, classes))
    pool = last.layer.pool
    if before.startswith("layer") and pool is not None:
        for row in range(height):
            for column in range(width):
                top, left = row * pool.stride - pool.padding, column * pool.stride - pool.padding
                window = numbers[0, max(top, 0) : top + pool.size, max(left, 0) : left + pool.size]
                for neurons in window.reshape(-1, channels):
                    table[neurons] += per_feature[row, column] / pool.size**2
    else:
        table[numbers[0].reshape(-1)] = per_feature.reshape(-1, classes)
    populations["readout"] = Population(model=linear_readout, size=classes)
    projections["to_readout"] = Projection(pre=before, post="readout", weights=table)
