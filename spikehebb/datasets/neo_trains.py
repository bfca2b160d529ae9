"""Spike trains of Neo, and thereby NWB: in and out. The extra ``neo``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, second

from spikehebb.core import Frozen, Recording
from spikehebb.reading import printable, regular

NWB = (".nwb",)


def from_neo(data: Any) -> Mapping[str, Quantity]:
    """Return the spike trains of a Neo object, by their names.

    Parameters
    ----------
    data : neo.SpikeTrain, neo.Segment, neo.Block, or sequence of neo.SpikeTrain
        Times count from ``t_start`` of the segment or of the train, whichever is earlier.

    Returns
    -------
    mapping of str to Quantity
        Names are those of the trains, or their numbers where they have none.

    Raises
    ------
    ValueError
        If it holds no spike trains, or two spikes of a train at one time.
    """
    trains = _trains(data)
    if not trains:
        raise ValueError(f"there are no spike trains in this {type(data).__name__}; give a Neo SpikeTrain or Block.")
    origin = min(float(train.t_start.rescale("s")) for train in trains)
    found: dict[str, Quantity] = {}
    for place, train in enumerate(trains):
        times = np.sort(np.asarray(train.rescale("s").magnitude, float)) - origin
        name = str(train.name or train.annotations.get("id", place))
        if (np.diff(times) == 0).any():
            raise ValueError(f"spike train {printable(name)} has two spikes at one time; give each once.")
        found[name if name not in found else f"{name}-{place}"] = times * second
    return Frozen(found)


def to_neo(recording: Recording) -> Any:
    """Return a recording as a ``neo.Block`` of one segment: a spike train for each neuron, and recorded variables.

    Parameters
    ----------
    recording : Recording
        Spikes of the populations that were recorded; an analog signal for each recorded variable, in base units.

    Returns
    -------
    neo.Block

    Raises
    ------
    ImportError
        Without the extra ``neo``.
    """
    neo, end = _neo(), float(recording.duration / second)
    segment = neo.Segment(name="run", seed=recording.seed, device=recording.device)
    for population, spikes in recording.spikes.items():
        times = np.asarray(spikes.t / second, float)
        for neuron in range(len(recording.counts[population])):
            train = neo.SpikeTrain(
                times[np.asarray(spikes.i) == neuron],
                units="s",
                t_start=0.0,
                t_stop=max(end, *times, 0.0),
                name=f"{population}-{neuron}",
                population=population,
                neuron=neuron,
            )
            segment.spiketrains.append(train)
    for name, trace in recording.traces.items():
        times = np.asarray(recording.times / second, float)
        period = float(np.diff(times[:2])[0]) if len(times) > 1 else float(recording.dt / second)
        segment.analogsignals.append(
            neo.AnalogSignal(
                np.asarray(trace),
                units="dimensionless",
                sampling_period=period * _second(),
                t_start=times[0] * _second(),
                name=name,
            )
        )
    block = neo.Block(name="spikehebb", dt=float(recording.dt / second))
    block.segments.append(segment)
    return block


def read_nwb(path: Path) -> Mapping[str, Quantity]:
    """Return the spike trains of an NWB file, by their names."""
    path = regular(path, "file of spike times")
    neo = _neo()
    try:
        block = neo.io.NWBIO(str(path), mode="r").read_block()
    except Exception as error:  # whatever HDF5 and its readers raise for a damaged file
        raise ValueError(f"{path} cannot be read as NWB ({type(error).__name__}: {printable(error)}).") from error
    return from_neo(block)


def _trains(data: Any) -> list[Any]:
    if hasattr(data, "segments"):
        return [train for segment in data.segments for train in segment.spiketrains]
    if hasattr(data, "spiketrains"):
        return list(data.spiketrains)
    if hasattr(data, "t_start") and hasattr(data, "rescale"):
        return [data]
    return [train for each in data for train in _trains(each)] if isinstance(data, (list, tuple)) else []


def _second() -> Any:
    return _neo().SpikeTrain([], units="s", t_stop=0.0).t_stop.units


def _neo() -> Any:
    try:
        import neo
        import neo.io
    except ImportError as error:
        raise ImportError("Neo is missing; install it with pip install 'spikehebb[neo]'.") from error
    return neo
