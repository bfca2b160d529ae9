"""From a NIR graph to a circuit that means NIR's equations in forward Euler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, second
from brian2.units import get_dimensions
from scipy import sparse

from spikehebb import equations as text
from spikehebb.core import Circuit, Float, Frozen, NeuronModel, Population, Projection
from spikehebb.encoders import spike_source
from spikehebb.export.graph import LINEAR, SINGLE, Graph, Node
from spikehebb.export.linear_nodes import LARGEST, operator
from spikehebb.export.neuron_nodes import MODELS
from spikehebb.export.read_nir import load_graph
from spikehebb.export.shapes import order, recurrent, sized
from spikehebb.reading import printable

_TIMES, _RATES = ("tau", "tau_mem", "tau_syn"), ("IF", "I", "Threshold")
_SAME = 1e-6  # relative: times are often written in single precision
_DENSE = 0.5  # share of connections from which on all pairs are connected
# Of what a node hears: by source and delay in steps, the matrix; and the constant
Terms = tuple[dict[tuple[str, int], Any], Float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported:
    """A circuit from a NIR graph.

    Parameters
    ----------
    circuit : Circuit
        Neurons in the order of NIR's flattened arrays (channel, row, column).
    dt : Quantity
        The time step that it is meant for.
    shapes : mapping of str to tuple of int
        Of each population, in NIR.
    inputs : tuple of str
        Populations that stand for the graph's inputs.
    outputs : mapping of str to str
        For every output of the graph, the population whose spikes leave there; or, of weighted sums, the population
        that adds them up in ``u``.
    metadata : mapping of str to str or float
        Of the file; at most its time step was used.
    """

    circuit: Circuit
    dt: Quantity
    shapes: Mapping[str, tuple[int, ...]]
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    metadata: Mapping[str, str | float]


def read_nir(path: Path, *, dt: Quantity | None = None, encoder: NeuronModel = spike_source) -> Imported:
    """Read a NIR file as a circuit; see ``load_graph`` and ``graph_circuit``."""
    return graph_circuit(load_graph(path), dt=dt, encoder=encoder, name=Path(path).stem)


def graph_circuit(
    graph: Graph, *, dt: Quantity | None = None, encoder: NeuronModel = spike_source, name: str = "nir"
) -> Imported:
    """Return a NIR graph as a circuit.

    Time is as simulators of the format have it: in a time step the populations act one after the other, spikes reach
    the next one within it, and only edges that lead back act a step later (``shapes.recurrent``). Constant input begins
    with the first step of the input; where the graph states ``empty_steps_first``, inputs act so many steps later. A
    delay is what it says, also in a loop.

    Parameters
    ----------
    graph : Graph
    dt : Quantity, optional
        The time step; left out, the one that the graph states.
    encoder : NeuronModel
        Of the inputs; it replays recorded spikes when left out.
    name : str

    Raises
    ------
    ValueError
        If shapes do not fit, time constants are shorter than a step, or it would become too large.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> from spikehebb.export import circuit_graph
    >>> sorted(graph_circuit(circuit_graph(lif_wta(np.eye(4)))).circuit.populations)
    ['input', 'output']
    """
    step = _step(graph, dt)
    nodes, edges = _flat(graph)
    nodes, edges, integrators = _with_thresholds(nodes, edges)
    before: dict[str, list[str]] = {node: [] for node in nodes}
    for pre, post in edges:
        before[post].append(pre)
    nodes, shapes = sized(nodes, before)
    names = _identifiers(nodes)
    inputs = [node for node, value in nodes.items() if value.kind == "Input"]
    empty = _empty(graph)
    wires: dict[str, tuple[str, str, int, Any]] = {}
    populations: dict[str, Population] = {}
    terms: dict[str, Terms] = {}
    outputs: dict[str, str] = {}
    for node, value in nodes.items():
        if value.kind == "Input":
            populations[names[node]] = Population(model=encoder, size=math.prod(shapes[node]))
        elif value.kind not in LINEAR:
            heard = _heard(node, nodes, before, shapes, terms, step)
            if value.kind == "Output":
                source = _unchanged(heard)
                outputs[node] = names[source or node]
                if source:
                    continue
            model = _model(node, value, integrators.get(node), heard[1], step)
            populations[names[node]] = Population(model=model, size=math.prod(shapes[node]))
            for (source, late), matrix in heard[0].items():
                key = f"{names[source]}_to_{names[node]}" + (f"_after_{late}" if late else "")
                wires[key] = source, node, late + (empty if source in inputs else 0), matrix
    at_once = [(pre, post) for pre, post, late, _ in wires.values() if not late]
    back = recurrent([node for node in nodes if names[node] in populations], at_once, inputs)
    projections = {
        key: _projection(names[pre], names[post], matrix, late, late == 0 and (pre, post) not in back, step)
        for key, (pre, post, late, matrix) in wires.items()
    }
    listed = sorted(populations, key=lambda key: populations[key].model is not encoder)
    return Imported(
        circuit=Circuit(
            name=name if name.isidentifier() else "nir",
            populations={key: populations[key] for key in listed},
            projections=projections,
        ),
        dt=step * second,
        shapes=Frozen({names[node]: shapes[node] for node in nodes if names[node] in populations}),
        inputs=tuple(names[node] for node, value in nodes.items() if value.kind == "Input"),
        outputs=Frozen(outputs),
        metadata=graph.metadata,
    )


def _step(graph: Graph, dt: Quantity | None) -> float:
    if dt is None:
        stated = graph.metadata.get("dt")
        if not isinstance(stated, (int, float)) or not stated > 0:
            raise ValueError("the NIR graph does not say its time step; give it, as in dt=1*ms.")
        return float(stated)
    if get_dimensions(dt) != text.TIME or not float(dt) > 0:
        raise ValueError(f"NIR: dt must be a time above 0, got {text.said(dt)}.")
    return float(dt)


def _flat(graph: Graph, prefix: str = "") -> tuple[dict[str, Node], list[tuple[str, str]]]:
    """Return nodes and edges with sub-graphs written out; their inputs and outputs become scales by 1."""
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    entries: dict[str, str] = {}
    exits: dict[str, str] = {}
    for name, node in graph.nodes.items():
        full = f"{prefix}{name}"
        if isinstance(node, Node):
            passing = prefix and node.kind in ("Input", "Output")
            nodes[full] = Node(kind="Scale", values={"scale": np.ones(1)}) if passing else node
            continue
        inner, links = _flat(node, f"{full}.")
        for end, ports in (("Input", entries), ("Output", exits)):
            names = [key for key, value in node.nodes.items() if isinstance(value, Node) and value.kind == end]
            if len(names) != 1:
                raise ValueError(f"NIR graph {full}: a graph in a graph needs one {end} node, got {len(names)}.")
            ports[name] = f"{full}.{names[0]}"
        nodes |= inner
        edges += links
    for pre, post in graph.edges:
        edges.append((exits.get(pre, f"{prefix}{pre}"), entries.get(post, f"{prefix}{post}")))
    return nodes, edges


def _with_thresholds(
    nodes: dict[str, Node], edges: list[tuple[str, str]]
) -> tuple[dict[str, Node], list[tuple[str, str]], dict[str, Node]]:
    """Join every Threshold with the integrator before it: they are one neuron, of the Threshold's name."""
    joined: dict[str, str] = {}
    for name, node in nodes.items():
        if node.kind != "Threshold":
            continue
        sources = [pre for pre, post in edges if post == name]
        alone = len(sources) == 1 and nodes[sources[0]].kind == "I"
        if not alone or sum(pre == sources[0] for pre, _ in edges) != 1:
            raise ValueError(
                f"NIR node {name}: a Threshold is read behind an I that nothing else hears, as one neuron; here it "
                f"hears {', '.join(f'{at} ({nodes[at].kind})' for at in sources) or 'nothing'}."
            )
        joined[sources[0]] = name
    links = [(pre, joined.get(post, post)) for pre, post in edges if pre not in joined]
    kept = {name: node for name, node in nodes.items() if name not in joined}
    return kept, links, {threshold: nodes[integrator] for integrator, threshold in joined.items()}


def _heard(
    name: str,
    nodes: dict[str, Node],
    before: dict[str, list[str]],
    shapes: dict[str, tuple[int, ...]],
    terms: dict[str, Terms],
    step: float,
) -> Terms:
    """Return what a neuron or output hears: a matrix for every source, and a constant."""
    for pre in before[name]:
        for at in order(pre, nodes, before):
            if at not in terms:
                whole = _sum(at, before[at], nodes, shapes, terms)
                terms[at] = _through(at, nodes[at], whole, shapes[before[at][0]], step)
    return _sum(name, before[name], nodes, shapes, terms)


def _sum(
    name: str,
    sources: list[str],
    nodes: dict[str, Node],
    shapes: dict[str, tuple[int, ...]],
    terms: dict[str, Terms],
) -> Terms:
    matrices: dict[tuple[str, int], Any] = {}
    constant = np.zeros(math.prod(shapes[sources[0]]))
    for pre in sources:
        one = sparse.eye_array(len(constant)).tocsr()
        parts, bias = terms[pre] if nodes[pre].kind in LINEAR else ({(pre, 0): one}, np.zeros(len(constant)))
        constant = constant + bias
        for key, matrix in parts.items():
            matrices[key] = matrices[key] + matrix if key in matrices else matrix
    return matrices, constant


def _unchanged(heard: Terms) -> str:
    """Return the node that is heard as it is, without weights; empty if there is no such one."""
    parts, constant = heard
    if len(parts) != 1 or constant.any():
        return ""
    (source, late), matrix = next(iter(parts.items()))
    square = matrix.shape[0] == matrix.shape[1] == matrix.nnz and not late
    return source if square and bool((matrix.diagonal() == 1).all()) else ""


def _through(name: str, node: Node, heard: Terms, shape: tuple[int, ...], step: float) -> Terms:
    owner = f"NIR node {name}"
    late = 0
    if node.kind == "Delay":
        delays = np.unique(node.values["delay"])
        late = round(float(delays[0]) / step)
        if np.ptp(delays) > _SAME * delays[-1] or abs(delays[0] / step - late) > _SAME * max(late, 1):
            raise ValueError(
                f"{owner}: delays must be one whole number of time steps of {1000 * step:g} ms for all, got "
                f"{', '.join(f'{1000 * delay:g}' for delay in delays[:4])} ms."
            )
    matrix, bias = operator(owner, node, shape)
    return {(key, steps + late): matrix @ part for (key, steps), part in heard[0].items()}, matrix @ heard[1] + bias


def _model(name: str, node: Node, integrator: Node | None, constant: Float, step: float) -> NeuronModel:
    """Return the neuron of a node; where all neurons have one value, it is written once."""
    model, values = MODELS[node.kind], dict(node.values)
    values.pop("shape", None)
    if integrator is not None:
        r = integrator.values["r"]
        if r.shape not in (*SINGLE, values["threshold"].shape):
            raise ValueError(f"NIR node {name}: the I before it has another shape, {r.shape}.")
        values = {"r": np.broadcast_to(r, values["threshold"].shape), "v_threshold": values["threshold"]}
    for key in set(values) & set(_TIMES):
        values[key] = np.where(np.abs(values[key] / step - 1) <= _SAME, step, values[key])
        if values[key].min() < step:
            raise ValueError(
                f"NIR node {name}: {key} of {1000 * values[key].min():g} ms is shorter than the time step of "
                f"{1000 * step:g} ms, which forward Euler cannot follow; read it with a smaller dt."
            )
    values["bias"] = constant
    if "v_reset" in model.parameters:
        values.setdefault("v_reset", np.zeros(1))
    if "w_in" in values:
        values["w_in"] = np.broadcast_to(values["w_in"], node.values["r"].shape)
    changed = {}
    for key, value in values.items():
        flat = np.unique(value)
        single = flat[0] if len(flat) == 1 else np.ravel(value)
        unit = second if key in _TIMES else Hz if key == "r" and node.kind in _RATES else 1
        changed[key] = single * unit
    return model.with_parameters(**changed)


def _projection(pre: str, post: str, matrix: Any, late: int, at_once: bool, step: float) -> Projection:
    """Return the connections whose spikes act so many steps later; of none, at once or in the next step."""
    if math.prod(matrix.shape) > LARGEST:
        raise ValueError(
            f"NIR node {post}: {matrix.shape[1]:,} x {matrix.shape[0]:,} weights from {pre} are more than "
            f"{LARGEST:,}; read a smaller graph."
        )
    delay = max(late - 1, 0) * step * second
    matrix = matrix.tocoo()
    weights, connected = np.zeros(matrix.shape[::-1]), np.zeros(matrix.shape[::-1], bool)
    weights[matrix.col, matrix.row] = matrix.data
    connected[matrix.col, matrix.row] = matrix.data != 0
    some = connected.mean() < _DENSE
    links = connected if some else None
    return Projection(pre=pre, post=post, weights=weights, connected=links, delay=delay, within_step=at_once)


def _empty(graph: Graph) -> int:
    """Return how many empty steps come before the input, where a graph says so."""
    steps = graph.metadata.get("empty_steps_first", 0)
    if not isinstance(steps, (int, float)) or steps not in range(1001):
        raise ValueError(f"NIR: empty_steps_first must be a whole number of steps up to 1000, got {printable(steps)}.")
    return int(steps)


def _identifiers(nodes: dict[str, Node]) -> dict[str, str]:
    """Return names that Brian2 takes, all different."""
    identifiers: dict[str, str] = {}
    for name in nodes:
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
        own = plain = plain if plain[:1].isalpha() else f"node_{plain}"
        taken, number = set(identifiers.values()), 2
        while plain in taken:
            plain, number = f"{own}_{number}", number + 1
        identifiers[name] = plain
    return identifiers
