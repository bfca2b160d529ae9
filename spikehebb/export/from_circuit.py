"""From a circuit to a NIR graph: what NIR can say of it, in NIR's own convention or in that of a simulator."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, ms

from spikehebb.core import Circuit, PlasticityRule
from spikehebb.equations import quantity_text
from spikehebb.export.dialects import check_dialect, simulator_graph
from spikehebb.export.graph import Graph, Node, array
from spikehebb.export.neuron_nodes import Unit
from spikehebb.export.parts import Parts, parts_of, reaches
from spikehebb.export.shapes import recurrent


def circuit_graph(
    circuit: Circuit,
    *,
    dt: Quantity = 1 * ms,
    dialect: str = "nir",
    output: str | None = None,
    lateral: bool = True,
    keep_rules: bool = False,
    metadata: Mapping[str, str | float] | None = None,
) -> Graph:
    """Return a circuit as a NIR graph.

    A step of this toolkit is NIR's forward Euler with ``tau = dt/(1 - exp(-dt/tau_m))``, so that both forget the same
    share; weights are in units of ``jump`` above the reset, so that every neuron starts from 0.

    Parameters
    ----------
    circuit : Circuit
        Of LIF neurons (``neurons.lif_unit``), neurons that came from NIR, encoders and linear readouts.
    dt : Quantity
        The time step that the circuit is meant for.
    dialect : str
        ``nir``: NIR's equations, one node for each population and projection. ``norse``, ``snntorch``: the same
        network written as these simulators read it (see the documentation's table).
    output : str, optional
        The population that leaves the graph; left out, ``readout``, ``output`` or the only one that none hears.
    lateral : bool
        Without, a feed-forward graph, marked as such in its metadata: it fires more and competes less.
    keep_rules : bool
        Write the texts of rules as metadata and the weights as they are; without, a circuit that learns is refused.
    metadata : mapping, optional
        To add to the graph's own.

    Raises
    ------
    ValueError
        If NIR or the dialect cannot say something; it is named.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> sorted(circuit_graph(lif_wta(np.eye(4))).nodes)
    ['exit', 'feedforward', 'input', 'lateral', 'output']
    """
    check_dialect(dialect)
    parts = parts_of(circuit, dt=dt, output=output, lateral=lateral, rules=keep_rules)
    about: dict[str, str | float] = {
        "made_by": "spikehebb",
        "circuit": circuit.name,
        "dialect": dialect,
        "dt": parts.dt,
        "step": parts.dt,
        "unit_of_time": "second",
        **(metadata or {}),
    }
    if not lateral:
        about["feed_forward"] = "lateral inhibition was left out: spikes are not those of the circuit"
    rules = {name: rule_text(p.rule) for name, p in circuit.projections.items() if p.rule is not None}
    if rules:
        about["rules"] = json.dumps(rules)
    if dialect == "nir":
        empty, delays = _delays(parts)
        return Graph(**_plain(parts, delays), metadata=about | ({"empty_steps_first": float(empty)} if empty else {}))
    graph = simulator_graph(parts, dialect)
    return dataclasses.replace(graph, metadata={**about, **graph.metadata})


def rule_text(rule: PlasticityRule) -> dict[str, Any]:
    """Return a rule in JSON types: its texts, and its parameters with their units."""
    texts = {name: value for name, value in rule.texts().items() if value}
    return {
        **texts,
        "onset": list(rule.onset),
        "keeps": list(rule.keeps),
        "parameters": {key: quantity_text(value) for key, value in rule.parameters.items()},
    }


def _delays(parts: Parts) -> tuple[int, dict[str, int]]:
    """Return how many empty steps come before the input, and of each wire the steps that a Delay node adds.

    Read as ``graph_circuit`` reads, the graph then has the circuit's timing: an edge acts within the step, one that
    leads back a step later, and a delay is what it says. Sums of spikes wait for nothing.
    """
    inputs = [name for name, unit in parts.units.items() if unit.role == "input"]
    empty = int(all(wire.late for wire in parts.wires if wire.pre in inputs))
    late = {wire.name: wire.late - (empty if wire.pre in inputs else 0) for wire in parts.wires}
    late |= {wire.name: 0 for wire in parts.wires if parts.units[wire.post].role == "readout" and wire.late <= 1}
    at_once = [wire for wire in parts.wires if late[wire.name] == 0]
    back = [wire for wire in parts.wires if late[wire.name] == 1 and reaches(at_once, wire.post, wire.pre)]
    while back:
        edges = [(wire.pre, wire.post) for wire in (*at_once, *back)]
        found = recurrent(parts.units, edges, inputs)
        kept = [wire for wire in back if (wire.pre, wire.post) in found]
        if len(kept) == len(back) and not any((wire.pre, wire.post) in found for wire in at_once):
            break
        back = kept if len(kept) < len(back) else []
    return empty, late | {wire.name: 0 for wire in back}


def _plain(parts: Parts, delays: Mapping[str, int]) -> dict[str, Any]:
    """Return nodes and edges: one node for each population, one or two for each projection."""
    nodes: dict[str, Node | Graph] = {}
    edges: list[tuple[str, str]] = []
    has_bias = dict.fromkeys(parts.units, False)  # whether a population's constant current is in some weights already
    for name, unit in parts.units.items():
        if unit.role == "input":
            nodes[name] = Node(kind="Input", values={"shape": np.array([unit.size])})
        elif unit.role == "readout":
            nodes[name] = Node(kind="Output", values={"shape": np.array([unit.size])})
        elif unit.node == "Threshold":
            nodes[f"{name}_sum"] = Node(kind="I", values={"r": array(unit.values["r"])})
            nodes[name] = Node(kind="Threshold", values={"threshold": array(unit.values["v_threshold"])})
            edges.append((f"{name}_sum", name))
        elif unit.values:
            nodes[name] = Node(kind=unit.node, values={key: array(value) for key, value in unit.values.items()})
        else:
            nodes[name] = _neurons(unit, parts.dt)
    for wire in parts.wires:
        unit = parts.units[wire.post]
        constant, weight = _constant(unit), wire.weight if unit.node else unit.scale[:, None] * wire.weight
        bias, has_bias[wire.post] = (np.zeros(0) if has_bias[wire.post] else constant), True
        nodes[wire.name] = (
            Node(kind="Affine", values={"weight": array(weight), "bias": array(bias)})
            if bias.any()
            else Node(kind="Linear", values={"weight": array(weight)})
        )
        before = wire.pre
        if delays[wire.name]:
            before = f"{wire.name}_delay"
            late = np.full(parts.units[wire.pre].size, delays[wire.name] * parts.dt)
            nodes[before] = Node(kind="Delay", values={"delay": array(late)})
            edges.append((wire.pre, before))
        edges += [(before, wire.name), (wire.name, f"{wire.post}_sum" if unit.node == "Threshold" else wire.post)]
    for name, unit in parts.units.items():
        if _constant(unit).any() and not has_bias[name]:
            raise ValueError(
                f"NIR cannot say population {name}: an IF has a constant current by its weights' bias only."
            )
    if parts.units[parts.output].role == "neurons":
        exit_ = "exit" if "exit" not in nodes else "exit_of_graph"
        nodes[exit_] = Node(kind="Output", values={"shape": np.array([parts.units[parts.output].size])})
        edges.append((parts.output, exit_))
    return {"nodes": nodes, "edges": tuple(edges)}


def _constant(unit: Unit) -> Any:
    """Return the constant current of a population that its weights carry: where the node itself cannot."""
    if unit.node:
        return unit.bias
    return unit.drive if unit.role == "neurons" and not unit.leak.all() else np.zeros(0)


def _neurons(unit: Unit, dt: float) -> Node:
    common = {"v_threshold": array(unit.threshold), "v_reset": array(unit.reset)}
    if not unit.leak.any():
        return Node(kind="IF", values={"r": np.full(unit.size, 1 / dt), **common})
    if not unit.leak.all():
        raise ValueError(f"NIR cannot say population {unit.name}: some of its neurons leak and some do not; split it.")
    leak = array(unit.leak)
    return Node(kind="LIF", values={"tau": dt / leak, "r": 1 / leak, "v_leak": array(unit.drive) / leak, **common})
