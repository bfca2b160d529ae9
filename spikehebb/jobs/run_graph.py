"""Running a NIR graph of others on input spikes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import second
from numpy.typing import NDArray

from spikehebb.checkpoint import write_whole
from spikehebb.core import Float, Population, Protocol, Recording
from spikehebb.core.memory import check_memory
from spikehebb.devices import NUMPY, Device
from spikehebb.encoders import spike_rows
from spikehebb.equations import did_you_mean
from spikehebb.export import Imported
from spikehebb.neurons import nir_output
from spikehebb.npy import open_npz, read_member
from spikehebb.reading import printable
from spikehebb.simulation import simulate


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphRun:
    """What a graph answered.

    Parameters
    ----------
    outputs : mapping of str to array, shape (presentations, steps, *shape)
        By output node: spikes, 0 or 1; of sums, what they add up to since the onset; of integrators their potential.
    totals : mapping of str to array, shape (presentations, values)
        Spikes of a presentation; or the last value.
    spikes : mapping of str to float
        Of each population, in a presentation on average.
    """

    outputs: Mapping[str, NDArray[Any]]
    totals: Mapping[str, Float]
    spikes: Mapping[str, float]


def run_graph(imported: Imported, spikes: Mapping[str, Any], *, device: Device | str = NUMPY) -> GraphRun:
    """Run a NIR graph that was read on input spikes.

    Every presentation starts from silent neurons at rest; in step ``t`` the inputs that fire in it act within it.

    Parameters
    ----------
    imported : Imported
        From ``export.read_nir``.
    spikes : mapping of str to array of 0 and 1, shape (steps, *shape) or (presentations, steps, *shape)
        For each input of the graph.
    device : Device or str

    Raises
    ------
    ValueError
        If an input is missing or unknown, of another shape, or holds anything but 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> from spikehebb.export import circuit_graph, graph_circuit
    >>> imported = graph_circuit(circuit_graph(lif_wta(np.eye(2), gain=8.0, strength=0.1)))
    >>> run_graph(imported, {"input": np.tile([1, 0], (40, 1))}).totals["exit"].argmax(axis=1).tolist()
    [0]
    """
    circuit, step = imported.circuit, float(imported.dt)
    rasters = {name: _raster(name, imported, spikes) for name in imported.inputs}
    if unknown := [name for name in spikes if name not in rasters]:
        raise ValueError(
            f"the graph has no input {unknown[0]!r}.{did_you_mean(str(unknown[0]), list(imported.inputs))}"
        )
    lengths = {raster.shape[:2] for raster in rasters.values()}
    if len(lengths) > 1:
        raise ValueError(f"inputs must have the same presentations and steps, got {sorted(lengths)}.")
    presentations, steps = lengths.pop()
    heard = {node: circuit.populations[name] for node, name in imported.outputs.items()}
    total = presentations * steps * sum(population.size for population in heard.values())
    check_memory("the answers of the graph", 9.0 * total, "give fewer presentations")
    late = any(np.any(projection.delay) for projection in circuit.projections.values())
    together = 1 if late else presentations  # what is still on its way must not reach the next presentation
    tables: dict[str, list[Any]] = {node: [] for node in heard}
    fired = dict.fromkeys(circuit.populations, 0.0)
    for first in range(0, presentations, together):
        part = {name: raster[first : first + together].reshape(-1, raster.shape[2]) for name, raster in rasters.items()}
        recording = _run(imported, part, steps, device)
        for node, name in imported.outputs.items():
            tables[node].append(_table(recording, name, heard[node], len(next(iter(part.values()))), step))
        for name, count in recording.counts.items():
            fired[name] += float(np.sum(count)) / presentations
    outputs: dict[str, NDArray[Any]] = {}
    totals: dict[str, Float] = {}
    for node, name in imported.outputs.items():
        table = np.concatenate(tables[node]).reshape(presentations, steps, -1)
        totals[node] = table.sum(axis=1, dtype=float) if heard[node].model.threshold else table[:, -1]
        outputs[node] = table.reshape(presentations, steps, *imported.shapes.get(name, (table.shape[2],)))
    return GraphRun(outputs=outputs, totals=totals, spikes=fired)


def _run(imported: Imported, rasters: Mapping[str, Any], steps: int, device: Device | str) -> Recording:
    """Run presentations of so many steps, one after the other."""
    populations, dt = imported.circuit.populations, imported.dt
    stimuli = {
        name: spike_rows([np.flatnonzero(column) * dt for column in raster.T]) for name, raster in rasters.items()
    }
    names = dict.fromkeys(imported.outputs.values())
    record = [name if populations[name].model.threshold else f"{name}.{_value(populations[name])}" for name in names]
    duration = len(next(iter(rasters.values()))) * dt
    protocol = Protocol(stimuli=stimuli, duration=duration, presentation=steps * dt)
    return simulate(imported.circuit, protocol, device=device, dt=dt, record=record)


def _table(recording: Recording, name: str, population: Population, steps: int, step: float) -> Any:
    """Return what a population says in every step: (steps, neurons)."""
    if not population.model.threshold:
        return np.asarray(recording.traces[f"{name}.{_value(population)}"], float)
    table, spikes = np.zeros((steps, population.size), np.uint8), recording.spikes[name]
    table[np.round(np.asarray(spikes.t / second) / step).astype(int), spikes.i] = 1
    return table


def _value(population: Population) -> str:
    """Return the variable that neurons without spikes are heard by: what arrived, or their potential."""
    return "u" if population.model.name == nir_output.name else "v"


def read_spikes(path: Path, imported: Imported) -> dict[str, NDArray[Any]]:
    """Read the input spikes of a graph: an ``.npz`` with an array for each input, or with one for the only input.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
    """
    with open_npz(path, "file of spikes") as (archive, members):
        arrays = {
            name: read_member(archive, member, f"{path}: {printable(name, 60)}") for name, member in members.items()
        }
    if len(arrays) == len(imported.inputs) == 1:
        return {imported.inputs[0]: next(iter(arrays.values()))}
    return arrays


def save_run(run: GraphRun, path: Path) -> None:
    """Write what a graph answered: an array for each output, whole or not at all."""
    write_whole(path, lambda file: np.savez_compressed(file, allow_pickle=False, **run.outputs))


def _raster(name: str, imported: Imported, spikes: Mapping[str, Any]) -> Any:
    """Return the spikes of an input as booleans (presentations, steps, neurons)."""
    shape = tuple(imported.shapes[name])
    if name not in spikes:
        raise ValueError(f"no spikes are given for input {name!r} of the graph ({', '.join(imported.inputs)}).")
    array = np.asarray(spikes[name])
    form = f"(steps, {', '.join(map(str, shape))}), or presentations of that"
    if array.shape == (*array.shape[:1], *shape):
        array = array[None]
    size = math.prod(shape)
    if (array.ndim == len(shape) + 2 and array.shape[2:] == shape) or (array.ndim == 3 and array.shape[2] == size):
        flat = array.reshape(*array.shape[:2], size)
    else:
        raise ValueError(f"spikes of input {name!r} must have shape {form}, got {array.shape}.")
    if not flat.size or not np.isin(flat, (0, 1)).all():
        raise ValueError(f"spikes of input {name!r} must be 0 or 1 in each step, at least one step.")
    return flat.astype(bool)
