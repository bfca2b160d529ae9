"""A circuit in NIR's terms: units, the wires between them, and the one that is heard outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, ms
from brian2.units import get_dimensions

from spikehebb import equations as text
from spikehebb.core import Circuit, Float, Frozen
from spikehebb.export.neuron_nodes import Unit, unit_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Wire:
    """A projection: weights (n_post, n_pre), as NIR writes them, and how many steps later its spikes act."""

    name: str
    pre: str
    post: str
    weight: Float
    late: int


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
        The population whose spikes leave the graph; left out, ``readout``, ``output``, the only one that none hears, or
        the one that acts last in a time step.
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
        raise ValueError(f"NIR: dt must be a time above 0, got {text.said(dt)}.")
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
        if projection.rule is not None and np.any(projection.dendritic_delay):
            problems.append(f"projection {name} has a dendritic_delay, which no node says; make it 0.")
        if projection.delay.ndim:
            problems.append(f"projection {name} has a delay for each synapse, and a Delay node one for each neuron.")
            continue
        steps = float(projection.delay) / step
        if abs(steps - round(steps)) > 1e-6:
            problems.append(
                f"projection {name}: its delay of {text.said(projection.delay)} is no whole number of steps of "
                f"{text.said(dt)}; round it."
            )
        late = round(steps) + (0 if projection.within_step else 1)
        weights = np.asarray(projection.weights, np.float64)
        if projection.connected is not None:
            weights = np.where(projection.connected, weights, 0.0)
        wires.append(Wire(name=name, pre=projection.pre, post=projection.post, weight=weights.T, late=late))
    if problems:
        raise ValueError(f"NIR cannot say circuit {circuit.name}: {' '.join(problems)}")
    if not any(unit.role == "input" for unit in units.values()):
        raise ValueError(f"NIR cannot say circuit {circuit.name}: it has no input population (an encoder).")
    for wire in wires:
        if units[wire.pre].role == "readout":
            raise ValueError(f"NIR cannot say projection {wire.name}: readout {wire.pre} never spikes.")
    chosen = _output(circuit, units, wires, output)
    if not lateral:
        wires = [wire for wire in wires if units[wire.pre].role == "input" or not reaches(wires, wire.post, wire.pre)]
        units = {name: unit for name, unit in units.items() if name == chosen or reaches(wires, name, chosen)}
        wires = [wire for wire in wires if wire.pre in units and wire.post in units]
    return Parts(units=Frozen(units), wires=tuple(wires), output=chosen, dt=step)


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
    levels = circuit.levels()
    top = [unit for unit in named if 0 < levels[unit] == max(levels.values())]  # acts last in a time step
    for candidates in (readouts, [unit for unit in named if unit == "output"], last, top):
        if len(candidates) == 1:
            return candidates[0]
    raise ValueError(f"circuit {circuit.name}: name the population that is its output ({', '.join(named)}).")


def reaches(wires: list[Wire], start: str, end: str) -> bool:
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
