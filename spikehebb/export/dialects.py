"""The same network as a simulator reads it.

Both simulators execute a graph layer by layer in one step, with recurrent edges a step late; both reset to 0 and start
from 0; neither has delays. Populations that hear each other therefore become one layer with one recurrent matrix:
within it every spike arrives a step later, as in this toolkit. A constant current becomes the bias of the weights.

- ``norse``: LIF with ``r = 1``, which it assumes; tau in seconds at the circuit's time step.
- ``snntorch``: LIF with ``r = tau/dt``, threshold 1 for all, tau as if a step lasted 0.1 ms, which it assumes.

An IF is a LIF that forgets 2**-60 of its potential in a step, which is nothing in floating-point numbers: one simulator
ignores the time step of an IF, the other reads it as leaky.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csgraph

from spikehebb.core import Float
from spikehebb.equations import did_you_mean
from spikehebb.export.graph import Graph, Node, array
from spikehebb.export.neuron_nodes import Unit
from spikehebb.export.parts import Parts

DIALECTS = ("nir", "norse", "snntorch")
_REFUSED = {
    "spyx": "Spyx resets by subtraction and ignores the input's scale",
    "sinabs": "Sinabs reads time constants as numbers of steps, resets by subtraction and drops recurrent edges",
    "rockpool": "Rockpool reads CubaLIF only and resets by subtraction",
}
_NO_LEAK = 2.0**-60
SNNTORCH_STEP = 1e-4  # second; fixed in snnTorch's importer


def check_dialect(dialect: str) -> None:
    """Raise ``ValueError`` unless graphs can be written in a dialect."""
    if dialect in _REFUSED:
        raise ValueError(
            f"dialect {dialect} is not offered: {_REFUSED[dialect]}, so that it would not be the same network "
            f"({', '.join(DIALECTS)})."
        )
    if dialect not in DIALECTS:
        raise ValueError(f"there is no dialect {dialect!r}.{did_you_mean(dialect, DIALECTS)}")


def simulator_graph(parts: Parts, dialect: str) -> Graph:
    """Return a graph in a simulator's convention.

    Parameters
    ----------
    parts : Parts
    dialect : str
        ``norse`` or ``snntorch``.

    Raises
    ------
    ValueError
        If it would not be the same network; the population or projection is named.
    """
    inputs = [name for name, unit in parts.units.items() if unit.role == "input"]
    if len(inputs) != 1:
        raise ValueError(f"{dialect} reads graphs with one input, and there are {', '.join(inputs)}; join them.")
    readouts = [name for name, unit in parts.units.items() if unit.role == "readout"]
    if any(name != parts.output for name in readouts):
        raise ValueError(f"{dialect} reads graphs with one output, and there are {', '.join(readouts)}.")
    layers = _layers(parts, inputs[0], dialect)
    if layers and parts.units[parts.output].role == "neurons" and parts.output not in layers[-1]:
        raise ValueError(
            f"{dialect} reads what the last layer sends, and the output {parts.output} is not in it; leave "
            f"{', '.join(layers[-1])} out, or name another output."
        )
    nodes: dict[str, Node | Graph] = {"input": _port("Input", parts.units[inputs[0]].size)}
    edges, before, heard, empty = [], "input", [inputs[0]], 0
    for number, members in enumerate(layers, start=1):
        late = _lateness(parts, heard, members, dialect)
        empty = late if number == 1 else empty
        units = [_checked(parts.units[name], number, number > 1 and late > 0, dialect) for name in members]
        name, step = f"layer{number:02}", SNNTORCH_STEP if dialect == "snntorch" else parts.dt
        neurons, scale, drive = _joined(units, dialect, step)
        forward = scale[:, None] * _matrix(parts, heard, members)
        nodes[f"{name}_in"] = _weights(forward, drive)
        recurrent = scale[:, None] * _matrix(parts, members, members)
        nodes[f"{name}_neurons"] = _recurrent(neurons, recurrent) if recurrent.any() else neurons
        edges += [(before, f"{name}_in"), (f"{name}_in", f"{name}_neurons")]
        before, heard = f"{name}_neurons", list(members)
    if parts.units[parts.output].role == "readout" or heard != [parts.output]:
        # names sort in the order of execution, which one of the importers relies on
        last = f"layer{len(layers) + 1:02}_out"
        nodes[last] = _weights(_last(parts, heard), np.zeros(0))
        edges.append((before, last))
        before = last
    nodes["output"] = _port("Output", parts.units[parts.output].size)
    edges.append((before, "output"))
    metadata: dict[str, str | float] = {"dt": SNNTORCH_STEP if dialect == "snntorch" else parts.dt}
    metadata |= {"empty_steps_first": 1.0} if empty else {}  # the first layer's step t is then the circuit's step t
    return Graph(nodes=nodes, edges=tuple(edges), metadata=metadata)


def _layers(parts: Parts, entry: str, dialect: str) -> list[tuple[str, ...]]:
    """Return the populations that hear each other, layer by layer; raise ``ValueError`` unless they form a chain."""
    names = [name for name, unit in parts.units.items() if unit.role == "neurons"]
    place = {name: at for at, name in enumerate(names)}
    links = np.zeros((len(names), len(names)))
    for wire in parts.wires:
        if wire.late > 1:
            raise ValueError(f"{dialect} has no delays, but projection {wire.name} has one; write it as dialect nir.")
        if wire.pre in place and wire.post in place:
            links[place[wire.pre], place[wire.post]] = 1
    _, group = csgraph.connected_components(links, directed=True, connection="strong")
    group_of = {name: int(group[place[name]]) for name in names}
    chain: list[tuple[str, ...]] = []
    at: set[int | str] = {entry}
    while True:
        reached = [wire.post for wire in parts.wires if _group(wire.pre, group_of) in at]
        heard = {group_of[name] for name in reached if name in group_of} - at
        if not heard:
            break
        if len(heard) > 1:
            raise ValueError(_forks(parts, dialect, heard, group_of))
        at = {*heard}
        chain.append(tuple(name for name in names if group_of[name] in heard))
    connected = [name for members in chain for name in members]
    for name in names:
        if name not in connected:
            raise ValueError(f"{dialect}: nothing reaches population {name} from the input {entry}; leave it out.")
    order = {entry: 0} | {name: level for level, members in enumerate(chain, start=1) for name in members}
    for wire in parts.wires:
        levels = order[wire.pre], order.get(wire.post, len(chain) + 1)
        if levels[1] - levels[0] not in (0, 1):
            raise ValueError(
                f"{dialect} executes layers within one step, so that projection {wire.name}, which skips or goes back "
                f"past a layer, would arrive at another time; write it as dialect nir."
            )
    return chain


def _lateness(parts: Parts, pre: list[str], post: tuple[str, ...], dialect: str) -> int:
    """Return whether spikes reach a layer a step later here: that is a shift, as long as it is the same for all."""
    forward = [wire for wire in parts.wires if wire.pre in pre and wire.post in post]
    if len({wire.late for wire in forward}) > 1:
        raise ValueError(
            f"{dialect} executes layers within one step, but the projections onto {', '.join(post)} act at different "
            "times; write it as dialect nir."
        )
    for wire in parts.wires:
        if wire.pre in post and wire.post in post and wire.late != 1:
            raise ValueError(
                f"{dialect} lets recurrent edges act a step later, but projection {wire.name} acts within the step; "
                "write it as dialect nir."
            )
    return forward[0].late


def _group(name: str, group_of: Mapping[str, int]) -> int | str:
    return group_of.get(name, name)


def _forks(parts: Parts, dialect: str, heard: set[int], group_of: Mapping[str, int]) -> str:
    names = [name for name in parts.units if _group(name, group_of) in heard]
    return f"{dialect}: only chains of layers are written, but {', '.join(names)} hear one population in parallel."


def _checked(unit: Unit, level: int, shifted: bool, dialect: str) -> Unit:
    if unit.node not in ("", "LIF", "IF"):
        raise ValueError(f"{dialect}: population {unit.name} is a {unit.node}; write it as dialect nir.")
    if unit.reset.any():
        raise ValueError(f"{dialect} resets to 0, but population {unit.name} resets to another potential.")
    if shifted and unit.drive.any():
        raise ValueError(
            f"{dialect} executes layers within one step, so that the constant current of population {unit.name}, in "
            f"layer {level}, would begin at another time than its input; write it as dialect nir."
        )
    if dialect == "snntorch" and not (unit.threshold > 0).all():
        raise ValueError(f"snntorch: population {unit.name} has thresholds of 0 or below, which cannot be scaled to 1.")
    return unit


def _joined(units: list[Unit], dialect: str, step: float) -> tuple[Node, Float, Float]:
    """Return the neurons of a layer, by what to multiply what arrives at each, and the bias that drives each."""
    leak, drive, threshold, scale = (
        np.concatenate([getattr(unit, name) for unit in units]) for name in ("leak", "drive", "threshold", "scale")
    )
    leak = np.where(leak > 0, leak, _NO_LEAK)
    tau = step / leak
    if dialect == "snntorch":
        scale, drive, threshold, r = scale / threshold, drive / threshold, np.ones_like(threshold), tau / step
    else:
        scale, drive, r = scale / leak, drive / leak, np.ones_like(tau)
    values = {"tau": tau, "r": r, "v_leak": np.zeros_like(tau), "v_threshold": threshold}
    return Node(kind="LIF", values={name: array(value) for name, value in values.items()}), scale, drive


def _recurrent(neurons: Node, weight: Float) -> Graph:
    size = len(weight)
    return Graph(
        nodes={
            "input": _port("Input", size),
            "neurons": neurons,
            "output": _port("Output", size),
            "recurrent": _weights(weight, np.zeros(0)),
        },
        edges=(("input", "neurons"), ("neurons", "recurrent"), ("recurrent", "neurons"), ("neurons", "output")),
    )


def _matrix(parts: Parts, pre: list[str] | tuple[str, ...], post: list[str] | tuple[str, ...]) -> Float:
    """Return the weights (n_post, n_pre) between two lists of populations, each concatenated."""
    rows = [[_between(parts, one, two) for one in pre] for two in post]
    return np.block(rows)


def _between(parts: Parts, pre: str, post: str) -> Float:
    weights = np.zeros((parts.units[post].size, parts.units[pre].size))
    for wire in parts.wires:
        if (wire.pre, wire.post) == (pre, post):
            weights += wire.weight
    return weights


def _last(parts: Parts, heard: list[str]) -> Float:
    """Return the weights onto the output: of a readout, or those that pick the output out of the last layer."""
    if parts.units[parts.output].role == "readout":
        return _matrix(parts, heard, [parts.output])
    at = sum(parts.units[name].size for name in heard[: heard.index(parts.output)])
    picked = np.zeros((parts.units[parts.output].size, sum(parts.units[name].size for name in heard)))
    picked[:, at : at + len(picked)] = np.eye(len(picked))
    return picked


def _weights(weight: Float, bias: Float) -> Node:
    """Return weights, in the single precision of these simulators."""
    single = array(weight, np.float32)
    if bias.any():
        return Node(kind="Affine", values={"weight": single, "bias": array(bias, np.float32)})
    return Node(kind="Linear", values={"weight": single})


def _port(kind: str, size: int) -> Node:
    return Node(kind=kind, values={"shape": np.array([size])})
