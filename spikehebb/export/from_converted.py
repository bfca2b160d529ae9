"""From a converted network to a NIR graph, with convolutions and pooling as such.

Converted units are reset by subtraction. NIR writes that as an integrator (``I``), a ``Threshold`` behind it, and a
recurrent edge that takes away 1 for each spike. Units start at a phase and have a constant current from their first
input on; NIR starts from 0 and has the current from the first step on: both are in the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from spikehebb.circuits.column import phases
from spikehebb.conversion import SpikingNetwork, Stage
from spikehebb.core import Float
from spikehebb.export.dialects import check_dialect
from spikehebb.export.graph import Graph, Node, array

_TIE = 1e-9  # NIR fires above the threshold, converted units at it


def network_graph(
    network: SpikingNetwork, *, dialect: str = "nir", metadata: Mapping[str, str | float] | None = None
) -> Graph:
    """Return a converted network as a NIR graph.

    Input and neurons of convolutions have the shape (channels, height, width); the output, of a network with a readout,
    adds up to its scores when the image has been shown.

    Parameters
    ----------
    network : SpikingNetwork
        Deterministic, its layers firing together, exponents 1, convolutions without padding, averages pooled.
    dialect : str
        ``nir`` only: the simulators of the other dialects do not read ``I`` and ``Threshold``.
    metadata : mapping, optional
        To add to the graph's own.

    Raises
    ------
    ValueError
        If NIR cannot say something; all of it is named.

    Examples
    --------
    >>> from spikehebb.conversion import assemble, timing_for
    >>> from spikehebb.softhebb import Layer, Model, Network, training
    >>> layers = Network(image_shape=(1, 8, 8), layers=(Layer(units=12, batch_norm=False),))
    >>> model = Model(network=layers, layers=training.start(layers, 0))
    >>> sorted(network_graph(assemble(model, (100.0,), timing_for(layers))).nodes)
    ['exit', 'input', 'layer0', 'layer0_reset', 'layer0_sum', 'to_layer0']
    """
    check_dialect(dialect)
    if dialect != "nir":
        raise ValueError(
            f"dialect {dialect} cannot say a converted network: its units are reset by subtraction, which takes NIR's "
            "I and Threshold, and the simulator reads neither; write it as nir, or convert with --neurons lif."
        )
    if problems := _problems(network):
        raise ValueError(f"NIR cannot say this network: {' '.join(problems)}")
    dt = network.timing.dt_ms / 1000
    nodes: dict[str, Node | Graph] = {}
    edges: list[tuple[str, str]] = []
    shape: tuple[int, ...] = network.image_shape
    if not network.stages[0].layer.kernel:
        shape = (math.prod(shape),)
    nodes["input"] = Node(kind="Input", values={"shape": np.array(shape)})
    before = "input"
    for number, stage in enumerate(network.stages):
        name, last = f"layer{number}", number == len(network.stages) - 1
        if not stage.layer.kernel and len(shape) > 1:
            before, shape = _flat(nodes, edges, before, f"flat{number}", shape)
        if number:
            before = _a_step_later(nodes, edges, before, f"before_{name}", shape, dt)
        before, shape = _add_layer(nodes, edges, stage, before, name, shape, dt)
        pool = stage.layer.pool
        if pool is not None:
            if not last:
                before = _a_step_later(nodes, edges, before, f"before_pool{number}", shape, dt)
            sides = {"kernel_size": pool.size, "stride": pool.stride, "padding": pool.padding}
            values = {key: np.array([value, value]) for key, value in sides.items()}
            nodes[f"to_pool{number}"] = Node(kind="AvgPool2d", values=values)
            edges.append((before, f"to_pool{number}"))
            before, shape = f"to_pool{number}", stage.output_shape
            if not last:  # the readout takes the last averages as they are
                start = phases(shape[0], shape[0] + 1)[:, None, None]
                _add_neurons(nodes, edges, before, f"pool{number}", np.broadcast_to(1 - start, shape), dt)
                before = f"pool{number}"
    if network.readout is not None:
        if len(shape) > 1:
            before, shape = _flat(nodes, edges, before, "flat", shape)
        weight, bias = network.readout
        spikes = network.stages[-1].gain * network.last_step * dt
        values = {"weight": array(weight) / spikes, "bias": array(bias) / network.timing.steps}
        nodes["to_readout"] = Node(kind="Affine", values=values)
        edges.append((before, "to_readout"))
        before, shape = "to_readout", (len(weight),)
    nodes["exit"] = Node(kind="Output", values={"shape": np.array(shape)})
    edges.append((before, "exit"))
    about: dict[str, str | float] = {
        "made_by": "spikehebb",
        "circuit": "converted network",
        "dialect": dialect,
        "dt": dt,
        "step": dt,
        "unit_of_time": "second",
        "steps": float(network.timing.steps),
        "empty_steps_first": 1.0,
    }
    return Graph(nodes=nodes, edges=tuple(edges), metadata={**about, **(metadata or {})})


def _problems(network: SpikingNetwork) -> list[str]:
    problems = []
    if network.timing.neurons == "stochastic":
        problems.append("its units fire by chance; convert it with integrate neurons.")
    if network.timing.order == "in turn":
        problems.append("its layers listen first and fire later, in turn; convert it with order together.")
    for number, stage in enumerate(network.stages):
        layer = stage.layer
        if layer.activation == "softmax":
            problems.append(f"layer {number} hands on samples of a softmax, which are drawn by chance.")
        elif layer.activation != "relu" and layer.exponent != 1:
            problems.append(
                f"layer {number} fires by a power law, exponent {layer.exponent:g}, and NIR has exponent 1 only."
            )
        if layer.pre_triangle:
            problems.append(f"layer {number} rectifies before it competes, and NIR's neurons do not.")
        if layer.padding:
            problems.append(f"layer {number} pads by reflection, and NIR's Conv2d with zeros; train it with padding 0.")
        if layer.pool is not None and layer.pool.kind == "max":
            problems.append(f"layer {number} pools maxima, and NIR has no maximum; train it with average pooling.")
    return problems


def _add_layer(
    nodes: dict[str, Node | Graph],
    edges: list[tuple[str, str]],
    stage: Stage,
    before: str,
    name: str,
    shape: tuple[int, ...],
    dt: float,
) -> tuple[str, tuple[int, ...]]:
    """Add weights and neurons of a stage; return the last node and its shape."""
    layer, values = stage.layer, stage.circuit.populations["units"].model.parameters
    weights = np.asarray(stage.weights, np.float64)
    bias = np.broadcast_to(np.asarray(values["bias"], np.float64), layer.units)
    if layer.activation == "triangle":
        weights, bias = weights - weights.mean(axis=1, keepdims=True), bias - bias.mean()
    gain = float(values["gain"])
    scaled, current = weights.T * (gain / float(values["input_rate"])), bias * gain * dt
    phase = np.asarray(values["phase"], np.float64)
    if np.any(-current * stage.latency >= 1 - phase):
        raise ValueError(
            f"NIR cannot say {name}: its constant current, below 0 and large, would fire before the first input, "
            f"{stage.latency} steps after the onset, arrives."
        )
    threshold = 1 - phase + (stage.latency + 1) * current
    link = f"to_{name}"
    if layer.kernel:
        side = layer.kernel  # inputs come in the order (row, column, channel)
        kernels = scaled.reshape(layer.units, side, side, shape[0]).transpose(0, 3, 1, 2)
        convolution = {"weight": array(kernels), "bias": array(current), "input_shape": shape[1:], "groups": 1}
        nodes[link] = Node(kind="Conv2d", values={**convolution, "stride": layer.stride, "padding": 0, "dilation": 1})
        shape = (layer.units, *stage.positions)
        threshold = np.broadcast_to(threshold[:, None, None], shape)
    elif current.any():
        nodes[link], shape = (
            Node(kind="Affine", values={"weight": array(scaled), "bias": array(current)}),
            (layer.units,),
        )
    else:
        nodes[link], shape = Node(kind="Linear", values={"weight": array(scaled)}), (layer.units,)
    edges.append((before, link))
    _add_neurons(nodes, edges, link, name, threshold, dt)
    return name, shape


def _add_neurons(
    nodes: dict[str, Node | Graph], edges: list[tuple[str, str]], before: str, name: str, threshold: Float, dt: float
) -> None:
    """Add integrate-and-fire neurons that are reset by subtraction of 1."""
    ones = np.ones(threshold.shape)
    nodes[f"{name}_sum"] = Node(kind="I", values={"r": ones / dt})
    nodes[name] = Node(kind="Threshold", values={"threshold": array(threshold - _TIE)})
    nodes[f"{name}_reset"] = Node(kind="Scale", values={"scale": -ones})
    edges += [(before, f"{name}_sum"), (f"{name}_sum", name), (name, f"{name}_reset"), (f"{name}_reset", f"{name}_sum")]


def _a_step_later(
    nodes: dict[str, Node | Graph],
    edges: list[tuple[str, str]],
    before: str,
    name: str,
    shape: tuple[int, ...],
    dt: float,
) -> str:
    """Let spikes reach the next layer in the next time step, as they do here."""
    nodes[name] = Node(kind="Delay", values={"delay": np.full(shape, dt)})
    edges.append((before, name))
    return name


def _flat(
    nodes: dict[str, Node | Graph], edges: list[tuple[str, str]], before: str, name: str, shape: tuple[int, ...]
) -> tuple[str, tuple[int, ...]]:
    nodes[name] = Node(kind="Flatten", values={"start_dim": 0, "end_dim": -1, "input_type": np.array(shape)})
    edges.append((before, name))
    return name, (math.prod(shape),)
