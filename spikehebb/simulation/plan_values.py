"""The numbers of a plan: what a program takes anew in every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import Circuit, Projection, Protocol
from spikehebb.core.times import check_rows
from spikehebb.simulation.plan import AT_POST, Plan, pairs, pathways


def stimuli(protocol: Protocol, plan: Plan) -> dict[str, NDArray[Any]]:
    """Return what is presented to each population that an encoder makes, shape (rows, size), padded."""
    found = {}
    for name, part in plan.populations.items():
        if part.rows:
            given = np.asarray(protocol.stimuli[name])
            padded = np.full((part.rows, given.shape[1]), 0.0 if part.stimulus == "stimulus" else np.inf)
            padded[: len(given)] = given
            if part.stimulus == "spike_time":
                check_rows(f"stimulus of {name}", given, plan.dt)
            found[name] = padded
    return found


def values(circuit: Circuit, plan: Plan) -> dict[str, NDArray[Any]]:
    """Return the value of everything else that the program declares, in base units, by Brian2's names."""
    found: dict[str, NDArray[Any]] = {}

    def put(owner: str, parameters: Mapping[str, Any], declared: str) -> None:
        for name, value in parameters.items():
            if name in text.variables(declared):
                found[f"{owner}.{name}"] = np.atleast_1d(np.asarray(value, dtype=np.float64))

    for name, population in circuit.populations.items():
        put(name, population.model.parameters, plan.populations[name].model)
        for traces in circuit.traces(name):
            put(name, traces.parameters, plan.populations[name].model)
        for variable, value in population.state.items():
            kind = text.number_type(plan.populations[name].model, variable)
            found[f"{name}.{variable}"] = np.broadcast_to(np.asarray(value, kind), (population.size,))
    for name, projection in circuit.projections.items():
        if projection.weights is not None:
            if projection.rule:
                put(name, projection.rule.parameters, plan.projections[name].model)
            found[f"{name}.w"] = _by_synapse(projection, projection.weights)
        for pathway in pathways(plan.projections[name]):
            side = "post" if pathway in AT_POST else "pre"
            if side in plan.projections[name].own_delays:
                late = projection.delay if pathway == "pre" else projection.lateness(side)
                found[f"{name}_{pathway}.delay"] = _by_synapse(projection, late)
    return found


def _by_synapse(projection: Projection, array: Any) -> NDArray[Any]:
    connected, numbers = pairs(projection), np.asarray(array, float)
    return numbers.ravel() if connected is None else numbers[connected]


def timed(population: str) -> str:
    """Return the name of what is presented to a population, as Brian2 knows it."""
    return f"presented_{population}"
