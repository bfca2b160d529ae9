"""Whether trained networks fit on a chip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikehebb.hardware import Target, check, find, split
from spikehebb.jobs.trained import Trained, opened


def check_network(trained: Trained | str | Path, target: Target | str, *, learning: bool = False) -> dict[str, Any]:
    """Return what keeps a trained network from a chip, and the cores that it takes.

    Parameters
    ----------
    trained : Trained
        One that spikes. A converted network that is too large to have neurons at every position is checked layer by
        layer, and its cores are not counted.
    target : Target
    learning : bool
        Whether the network is to go on learning there.

    Returns
    -------
    dict
        ``problems``, each with its place, limit, sentence and whether it is enforced; ``enforced``, their number;
        ``cores`` (None where they were not counted), ``shares`` and ``remarks``.

    Raises
    ------
    ValueError
        If the network does not spike or, with ``learning``, does not learn in spikes.
    """
    trained, target = opened(trained), find(target)
    circuits, dt, remarks = trained.circuits(learning=learning)
    problems = [
        {"where": where, **vars(problem)}
        for where, circuit in circuits.items()
        for problem in check(circuit, target, dt=dt)
    ]
    cores = split(circuits[""], target) if "" in circuits else None
    return {
        "kind": "check",
        "target": target.name,
        "limits": limits_of(target),
        "problems": problems,
        "enforced": sum(problem["enforced"] for problem in problems),
        "cores": None if cores is None else cores.cores,
        "shares": [] if cores is None else [vars(share) for share in cores.shares],
        "remarks": list(remarks),
    }


def limits_of(target: Target) -> dict[str, Any]:
    """Return a target's limits as plain data, each with its source."""
    return {
        name: {**vars(limit), "value": list(limit.value) if isinstance(limit.value, tuple) else limit.value}
        for name, limit in target.limits.items()
    }
