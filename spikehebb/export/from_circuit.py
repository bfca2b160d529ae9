"""From a circuit to a NIR graph: what NIR can say of it, in NIR's own convention or in that of a simulator."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from brian2.units import get_dimensions

from spikehebb import equations as text
from spikehebb.core import Circuit, Float, Frozen, PlasticityRule
from spikehebb.export.graph import Graph, Node, array
from spikehebb.export.neuron_nodes import Unit, unit_of

DIALECTS = ("nir", "norse", "snntorch")
_REFUSED = {
    "spyx": "Spyx resets by subtraction and ignores the input's scale",
    "sinabs": "Sinabs reads time constants as numbers of steps, resets by subtraction and drops recurrent edges",
    "rockpool": "Rockpool reads CubaLIF only and resets by subtraction",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Wire:
    """A projection: weights (n_post, n_pre), as NIR writes them, and its delay in steps."""

    name: str
    pre: str
    post: str
    weight: Float
    delay: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A circuit in NIR's terms."""

    units: Mapping[str, Unit]
    wires: tuple[Wire, ...]
    output: str
    dt: float


def parts_of(
    circuit: Circuit, *, dt: Quantity = 1 * ms, output: str | None = None, lateral: bool = True, rules: bool = False
) -> Parts:
    """Return what NIR can say of a circuit.

    Parameters
    ----------
    circuit : Circuit
    dt : Quantity
        The time step that the circuit is meant for.
    output : str, optional
        The population whose spikes leave the graph; left out, ``readout``, ``output`` or the only one that none hears.
    lateral : bool
        Without, projections within a population, and loops through others, are left out.
    rules : bool
        Leave plasticity out, instead of refusing it.

    Raises
    ------
    ValueError
        If NIR cannot say something of it; all of it is named.
    """
    if get_dimensions(dt) != text.TIME or not float(dt) > 0:
        raise ValueError(f"NIR: dt must be a time above 0, got {dt}.")
    step, problems, units, wires = float(dt), [], {}, []
    driven = {projection.post for projection in circuit.projections.values()}
    for name, population in circuit.populations.items():
        try:
            units[name] = unit_of(name, population, step, driven=name in driven)
        except ValueError as error:
            problems.append(str(error))
    for name, projection in circuit.projections.items():
        if projection.rule is not None and not rules:
            problems.append(
                f"projection {name} still learns by {projection.rule.name}, and NIR has no plasticity; give "
                "circuit.frozen(), or keep the rule's text as metadata (keep_rules, --rules)."
            )
        if projection.summed:
            problems.append(f"projection {name} is continuous, and NIR's neurons hear spikes only.")
            continue
        steps = float(projection.delay) / step
        if abs(steps - round(steps)) > 1e-6:
            problems.append(
                f"projection {name}: its delay of {projection.delay} is no whole number of steps of {dt}; round it."
            )
        weights = np.asarray(projection.weights, np.float64)
        if projection.connected is not None:
            weights = np.where(projection.connected, weights, 0.0)
        wires.append(Wire(name=name, pre=projection.pre, post=projection.post, weight=weights.T, delay=round(steps)))
    if problems:
        raise ValueError(f"NIR cannot say circuit {circuit.name}: {' '.join(problems)}")
    if not any(unit.role == "input" for unit in units.values()):
        raise ValueError(f"NIR cannot say circuit {circuit.name}: it has no input population (an encoder).")
    for wire in wires:
        if units[wire.pre].role == "readout":
            raise ValueError(f"NIR cannot say projection {wire.name}: readout {wire.pre} never spikes.")
    chosen = _output(circuit, units, wires, output)
    if not lateral:
        wires = [wire for wire in wires if units[wire.pre].role == "input" or not _reaches(wires, wire.post, wire.pre)]
        units = {name: unit for name, unit in units.items() if name == chosen or _reaches(wires, name, chosen)}
        wires = [wire for wire in wires if wire.pre in units and wire.post in units]
    return Parts(units=Frozen(units), wires=tuple(wires), output=chosen, dt=step)


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
        Without, a feed-forward graph that says so in its metadata: it fires more and competes less.
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
    from spikehebb.export.dialects import simulator_graph

    check_dialect(dialect)
    parts = parts_of(circuit, dt=dt, output=output, lateral=lateral, rules=keep_rules)
    said: dict[str, str | float] = {
        "made_by": "spikehebb",
        "circuit": circuit.name,
        "dialect": dialect,
        "dt": parts.dt,
        "step": parts.dt,
        "unit_of_time": "second",
        **(metadata or {}),
    }
    if not lateral:
        said["feed_forward"] = "lateral inhibition was left out: spikes are not those of the circuit"
    rules = {name: rule_text(p.rule) for name, p in circuit.projections.items() if p.rule is not None}
    if rules:
        said["rules"] = json.dumps(rules)
    if dialect == "nir":
        return Graph(**_plain(parts), metadata=said)
    graph = simulator_graph(parts, dialect)
    return dataclasses.replace(graph, metadata={**said, **graph.metadata})


def check_dialect(dialect: str) -> None:
    """Raise ``ValueError`` unless graphs can be written in a dialect."""
    if dialect in _REFUSED:
        raise ValueError(
            f"dialect {dialect} is not offered: {_REFUSED[dialect]}, so that it would not be the same network "
            f"({', '.join(DIALECTS)})."
        )
    if dialect not in DIALECTS:
        raise ValueError(f"there is no dialect {dialect!r}.{text.did_you_mean(dialect, DIALECTS)}")


def rule_text(rule: PlasticityRule) -> dict[str, Any]:
    """Return a rule as JSON can say it: its texts, and its parameters with their units."""
    texts = {name: value for name, value in rule.texts().items() if value}
    return {
        **texts,
        "onset": list(rule.onset),
        "keeps": list(rule.keeps),
        "parameters": {key: str(value) for key, value in rule.parameters.items()},
    }


def _plain(parts: Parts) -> dict[str, Any]:
    """Return nodes and edges: one node for each population, one or two for each projection."""
    nodes: dict[str, Node | Graph] = {}
    edges: list[tuple[str, str]] = []
    held = dict.fromkeys(parts.units, False)  # whether a population's constant current is in some weights already
    for name, unit in parts.units.items():
        if unit.role == "input":
            nodes[name] = Node(kind="Input", values={"shape": np.array([unit.size])})
        elif unit.role == "readout":
            nodes[name] = Node(kind="Output", values={"shape": np.array([unit.size])})
        else:
            nodes[name] = _neurons(unit, parts.dt)
    for wire in parts.wires:
        unit = parts.units[wire.post]
        weight, bias = unit.scale[:, None] * wire.weight, np.zeros(0)
        if unit.role == "neurons" and not unit.leak.all():
            bias, held[wire.post] = (np.zeros(0) if held[wire.post] else unit.drive), True
        nodes[wire.name] = (
            Node(kind="Affine", values={"weight": array(weight), "bias": array(bias)})
            if bias.any()
            else Node(kind="Linear", values={"weight": array(weight)})
        )
        before = wire.pre
        if wire.delay:
            before = f"{wire.name}_delay"
            late = np.full(parts.units[wire.pre].size, wire.delay * parts.dt)
            nodes[before] = Node(kind="Delay", values={"delay": array(late)})
            edges.append((wire.pre, before))
        edges += [(before, wire.name), (wire.name, wire.post)]
    for name, unit in parts.units.items():
        if unit.role == "neurons" and not unit.leak.all() and unit.drive.any() and not held[name]:
            raise ValueError(
                f"NIR cannot say population {name}: an IF has a constant current by its weights' bias only."
            )
    if parts.units[parts.output].role == "neurons":
        exit_ = "exit" if "exit" not in nodes else "exit_of_graph"
        nodes[exit_] = Node(kind="Output", values={"shape": np.array([parts.units[parts.output].size])})
        edges.append((parts.output, exit_))
    return {"nodes": nodes, "edges": tuple(edges)}


def _neurons(unit: Unit, dt: float) -> Node:
    common = {"v_threshold": array(unit.threshold), "v_reset": array(unit.reset)}
    if not unit.leak.any():
        return Node(kind="IF", values={"r": np.full(unit.size, 1 / dt), **common})
    if not unit.leak.all():
        raise ValueError(f"NIR cannot say population {unit.name}: some of its neurons leak and some do not; split it.")
    leak = array(unit.leak)
    return Node(kind="LIF", values={"tau": dt / leak, "r": 1 / leak, "v_leak": array(unit.drive) / leak, **common})


def _output(circuit: Circuit, units: Mapping[str, Unit], wires: list[Wire], name: str | None) -> str:
    named = [unit for unit in units if units[unit].role != "input"]
    if name is not None:
        if name not in named:
            raise ValueError(f"circuit {circuit.name}: no output {name!r}.{text.did_you_mean(name, named)}")
        return name
    readouts = [unit for unit in named if units[unit].role == "readout"]
    if len(readouts) > 1:
        raise ValueError(f"circuit {circuit.name} has several readouts, {', '.join(readouts)}; name one as output.")
    last = [unit for unit in named if all(wire.post == unit for wire in wires if wire.pre == unit)]
    for candidates in (readouts, [unit for unit in named if unit == "output"], last):
        if len(candidates) == 1:
            return candidates[0]
    raise ValueError(f"circuit {circuit.name}: name the population that is its output ({', '.join(named)}).")


def _reaches(wires: list[Wire], start: str, end: str) -> bool:
    """Return whether spikes of one population reach another."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        at = waiting.pop()
        if at == end:
            return True
        if at not in seen:
            seen.add(at)
            waiting += [wire.post for wire in wires if wire.pre == at]
    return False
