"""Several networks on the same images and the same chip, as one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikehebb import metrics
from spikehebb.core import Samples
from spikehebb.core.progress import Progress, quiet
from spikehebb.devices import Device
from spikehebb.hardware import Target
from spikehebb.hardware.target import BY_USER
from spikehebb.jobs.run import describe, versions
from spikehebb.jobs.trained import Trained

KIND = "comparison"
_BARE = "int8_45nm"  # the arithmetic that stands for a chip without published costs
COLUMNS = {
    "accuracy": "share of the test images that are recognized: by the vote of single neurons, or by the readout",
    "agreement": "share of the test images with the answer of the first network",
    "footprint_bytes": "of weights, neurons and parameters, at the chip's bits",
    "activation_sparsity": "share of neurons and time steps without a spike",
    "connection_sparsity": "share of pairs without a synapse",
    "effective_operations": "synaptic operations that an image really causes (AC and MAC)",
    "dense_operations": "every pair at every time step of an image",
    "plasticity_operations": "synapses that learning would update for an image; none where it does not learn",
    "latency_ms": "for how long an image is shown, after which the answer is read",
    "joule": "for an image, by the table named in energy_table: an order of magnitude",
    "problems": "reasons why it does not fit on the chip, as far as they are verified",
}


def compare(
    networks: Mapping[str, Trained],
    test: Samples,
    target: Target,
    *,
    device: Device | str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score several networks on the same images, and count what each costs on a chip.

    Parameters
    ----------
    networks : mapping of str to Trained
        The first is the one that the others are compared with: that without a chip's limits.
    test : Images or Events
    target : Target
    device : Device or str, optional
        The one that each was trained on when left out.
    progress : callable, optional
        Called with the name of the network and its completed fraction.

    Returns
    -------
    dict
        ``rows``, one for each network over ``COLUMNS`` (None where something is not counted), with the table that the
        energy comes from, and the operations that this has no price for; ``limits``, those of the target that were
        changed.

    Raises
    ------
    ValueError
        If a network does not spike, or images do not fit; the network is named.
    """
    tell, rows, first = progress or quiet, list[dict[str, Any]](), np.zeros(0, np.int64)
    if not networks:
        raise ValueError("there is nothing to compare; give at least one network.")
    for name, network in networks.items():  # before any is evaluated, which may take long
        _check_spikes(name, network)
    for name, network in networks.items():
        try:
            report = network.evaluate(test, device=device, target=target, progress=_named(tell, name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        answers = np.asarray(report["answers"], np.int64)
        first = answers if not rows else first
        rows.append({"network": name, **_row(report, target), "agreement": metrics.accuracy(answers, first)})
    tables = dict.fromkeys(row["energy_table"] for row in rows)
    return {
        "kind": KIND,
        "target": target.name,
        "limits": {name: limit.value for name, limit in target.limits.items() if limit.source == BY_USER},
        "data": {"test": describe(test)},
        "versions": versions(),
        "columns": COLUMNS,
        "energy_tables": {name: metrics.find_costs(name).summary for name in tables},
        "rows": rows,
    }


def _check_spikes(name: str, network: Trained) -> None:
    """Raise ``ValueError`` for a network of rates, with its name and what would help."""
    try:
        network.rates()
    except ValueError:
        return  # it spikes already
    try:
        network.circuits()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _named(tell: Progress, name: str) -> Progress:
    """Return a reporter of a network's stages under its name."""
    return lambda stage, part: tell(name, part)


def _row(report: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Return the numbers of one network."""
    scores, costs, config = report["metrics"], report["hardware"], report["config"]
    work, size = costs["per_image"], costs["footprint"]
    tables = costs["energy_per_image"]
    table = target.name if target.name in tables else _BARE
    learning = costs.get("learning")
    return {
        "accuracy": scores.get("accuracy_vote", scores.get("accuracy_test")),
        "footprint_bytes": size.get("total_bytes", size["weights"]),
        "activation_sparsity": work["activation_sparsity"],
        "connection_sparsity": costs.get("connection_sparsity"),
        "effective_operations": work["effective_ac"] + work["effective_mac"],
        "dense_operations": work["dense"],
        "plasticity_operations": None if learning is None else learning["plasticity"]["synapses"],
        "latency_ms": config.get("presentation_ms", config.get("present_ms")),
        "joule": tables[table]["joule"],
        "energy_table": table,
        "energy_without": list(tables[table]["unpriced"]),
        "problems": costs.get("enforced_problems"),
    }


def comparison_table(report: Mapping[str, Any]) -> list[list[Any]]:
    """Return a comparison as a table, its head first: a row for each quantity, a column for each network."""
    rows = report["rows"]
    table: list[list[Any]] = [["", *(row["network"] for row in rows)]]
    names = [*COLUMNS, "energy_table", "energy_without"]
    return table + [[name, *(_cell(row[name]) for row in rows)] for name in names]


def _cell(value: Any) -> Any:
    """Return a value as a table has it: "-" for what is not counted, and lists as words."""
    if isinstance(value, list):
        return " ".join(value) or "none"
    return "-" if value is None else value
