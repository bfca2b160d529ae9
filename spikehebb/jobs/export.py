"""A trained network of any kind leaves the toolkit: as NIR, as arrays, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb.checkpoint import Checkpoint
from spikehebb.convert import SpikingNetwork, lif_network, network_file
from spikehebb.core import Circuit
from spikehebb.equations import did_you_mean
from spikehebb.export import Graph, Plain, circuit_graph, network_graph, plain, sizes, write_csv, write_nir, write_npz
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.saved import load_network
from spikehebb.softhebb import model_file

FORMATS = ("nir", "npz", "csv")
_MEANINGS = {
    "age": "spikes from which each neuron has learned, divided by its lifetime",
    "profile": "(neurons, classes): mean spikes of each neuron for training images of each class",
    "linear": "(classes, neurons + 1): logistic regression on spike counts, its constant last",
}


def export_network(
    path: Path,
    out: Path,
    *,
    format: str = "nir",
    dialect: str = "nir",
    lateral: bool = True,
    keep_rules: bool = False,
) -> dict[str, Any]:
    """Export a trained network.

    Parameters
    ----------
    path : path
        A checkpoint of any kind, or the folder that holds it.
    out : path
        The file; of ``csv`` a new folder or a file that ends in ``.zip``.
    format : str
        ``nir``, ``npz`` or ``csv``.
    dialect : str
        Of NIR; see ``export.circuit_graph``.
    lateral : bool
        Without, NIR without lateral inhibition, which says so.
    keep_rules : bool
        Write how weights learned beside them.

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    ValueError
        If the format cannot say the network; it is named what.
    FileNotFoundError, FileExistsError, OSError
    """
    if format not in FORMATS:
        raise ValueError(f"there is no format {format!r}.{did_you_mean(format, FORMATS)}")
    if format != "nir" and (dialect != "nir" or not lateral):
        raise ValueError(f"a dialect, or leaving lateral inhibition out, is for format nir, not {format}.")
    trained = load_network(path)
    report: dict[str, Any] = {"file": str(out), "format": format, "kind": trained.header["kind"]}
    if format == "nir":
        graph = _graph(trained, dialect, lateral=lateral, keep_rules=keep_rules)
        write_nir(graph, out)
        return {**report, "dialect": dialect, "graph": sizes(graph), "metadata": dict(graph.metadata)}
    found = plain_network(trained, rules=keep_rules)
    (write_npz if format == "npz" else write_csv)(found, out)
    return {**report, "arrays": {key: list(value.shape) for key, value in found.arrays.items()}}


def plain_network(trained: Checkpoint, *, rules: bool = False) -> Plain:
    """Return a trained network of any kind as plain numbers.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_network``.
    rules : bool
        Describe how weights learned, too.
    """
    header = trained.header
    source = {name: value for name, value in header.items() if name != "format"}
    if header["kind"] == model_file.KIND:
        return plain("softhebb", model=model_file.from_checkpoint(trained), source=source)
    if header["kind"] == network_file.KIND:
        model, network = network_file.from_checkpoint(trained)
        circuits = {f"layer{number}": stage.circuit for number, stage in enumerate(network.stages)}
        if network.header.get("lif") is not None:
            circuits["lif"] = lif_network(model, network)
        dt = network.timing.dt_ms / 1000
        return plain(
            "converted", circuits=circuits, model=model, dt=dt, geometry=_geometry(network), source=source, rules=rules
        )
    others = {name: (np.asarray(trained.arrays[name]), meaning) for name, meaning in _MEANINGS.items()}
    circuit, settings = _learned(trained, rules=rules)
    return plain(
        "digits", circuits={"digits": circuit}, dt=settings.dt_ms / 1000, others=others, source=source, rules=rules
    )


def _graph(trained: Checkpoint, dialect: str, *, lateral: bool, keep_rules: bool) -> Graph:
    kind = trained.header["kind"]
    if kind == model_file.KIND:
        raise ValueError(
            "a SoftHebb network has rates, and NIR says spiking networks; convert it first (spikehebb convert, with "
            "--neurons lif for a network that other simulators read), or export it as npz or csv."
        )
    if kind == network_file.KIND:
        model, network = network_file.from_checkpoint(trained)
        if network.header.get("lif") is not None:
            dt = network.timing.dt_ms * ms
            said: Mapping[str, str | float] = {"steps": float(network.timing.steps)}
            return circuit_graph(lif_network(model, network), dt=dt, dialect=dialect, lateral=lateral, metadata=said)
        if not lateral:
            raise ValueError("a converted network has no lateral inhibition to leave out: it is in its weights.")
        return network_graph(network, dialect=dialect)
    circuit, settings = _learned(trained, rules=keep_rules)
    return circuit_graph(circuit, dt=settings.dt_ms * ms, dialect=dialect, lateral=lateral, keep_rules=keep_rules)


def _learned(trained: Checkpoint, *, rules: bool) -> tuple[Circuit, Settings]:
    """Return what learned digits in spikes, with its rule or without."""
    settings, arrays = Settings(**trained.header["config"]), trained.arrays
    bias = np.asarray(arrays["bias"]) if "bias" in arrays else None
    circuit = settings.circuit(np.asarray(arrays["weights"]), bias)
    return circuit if rules else circuit.frozen(), settings


def _geometry(network: SpikingNetwork) -> dict[str, dict[str, Any]]:
    return {
        f"layer{number}": {
            "kernel": stage.layer.kernel,
            "padding": stage.layer.padding,
            "padded_by": "reflection",
            "pool": None if stage.layer.pool is None else asdict(stage.layer.pool),
            "input_shape": list(stage.input_shape),
            "positions": list(stage.positions),
            "output_shape": list(stage.output_shape),
            "gain_hz": stage.gain,
            "latency_steps": stage.latency,
        }
        for number, stage in enumerate(network.stages)
    }
