"""Spike times in files of every kind, and Neo: the same trains whatever the form, and one sentence for what is none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import ms, second

from spikehebb.circuits import synapse_pair
from spikehebb.datasets.neo_trains import from_neo, to_neo
from spikehebb.datasets.spike_times import read_times, read_trains
from spikehebb.devices import NUMPY
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, content, allow_pickle=True)
    else:
        path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "unit"),
    [
        ("a.txt", "5\n20\n", "ms"),
        ("a.txt", "0.005\n0.02 # a burst\n", "s"),
        ("a.txt", "5000\n20000\n", "us"),
        ("a.csv", "time_ms\n20\n5\n", "ms"),
        ("a.csv", "t_s,quality\n0.02,good\n0.005,bad\n", "ms"),
        ("a.tsv", "Time\n5\n20\n", "ms"),
        ("a.npy", [0.02, 0.005], "s"),
        ("a.npy", np.array([5, 20], np.uint16), "ms"),
    ],
)
def test_one_train_in_every_form(tmp_path: Path, name: str, content: Any, unit: str) -> None:
    times = read_times(written(tmp_path, name, content), unit=unit)
    np.testing.assert_allclose(np.asarray(times / ms), [5, 20])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cells.csv", "id,time_s\n7,0.02\n3,0.01\n7,0.005\n"),
        ("cells.csv", "# sorted\nspike_time_ms;unit\n5;7\n10;3\n\n20;7\n"),
        ("cells.npy", [[7, 20], [3, 10], [7, 5]]),
    ],
)
def test_several_trains_have_ids(tmp_path: Path, name: str, content: Any) -> None:
    path = written(tmp_path, name, content)
    trains = read_trains(path)
    assert sorted(trains) == ["3", "7"]
    np.testing.assert_allclose(np.asarray(trains["7"] / ms), [5, 20])
    np.testing.assert_allclose(np.asarray(read_times(path, neuron=3) / ms), [10])
    with pytest.raises(
        ValueError, match=re.escape(f"{path} holds 2 neurons; name one of them. (7, 3)") + "|" + re.escape("(3, 7)")
    ):
        read_times(path)
    with pytest.raises(ValueError, match=r"cells\.\w+ has no neuron '8'"):
        read_times(path, neuron="8")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "1,5\n2,6\n", "line 1 holds numbers (1, 5), but must name the columns: id, time_ms."),
        ("a.csv", "id,when\n1,5\n", "line 1: a table of spikes has one column time_ms or time_s and at most one id"),
        ("a.csv", "time_ms,time_s\n1,5\n", "a table of spikes has one column time_ms or time_s"),
        ("a.csv", "id,time_ms\n1\n", "line 2 has 1 columns, but the header 2."),
        ("a.csv", "id,time_ms\n1,five\n", "line 2: time_ms must be a number, got 'five'"),
        ("a.csv", "id,time_ms\n1,-5\n", "neuron 1: a spike time must be finite and not negative, got -5."),
        ("a.csv", "id,time_ms\n1,5\n1,5\n", "neuron 1: 5 ms is there twice; give each time once."),
        ("a.npy", np.zeros((2, 3)), "spikes are an array of times, or of rows of id and time, got shape (2, 3)."),
        ("a.npy", np.array([{}], object), "holds pickled objects, which could run code; refused."),
        ("a.npy", [np.nan], "neuron 0: a spike time must be finite and not negative, got nan."),
    ],
)
def test_what_is_no_spikes_is_one_sentence(tmp_path: Path, name: str, content: Any, message: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_trains(path)
    assert str(path) in str(caught.value)


def test_a_unit_that_is_none_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no unit 'sec' of spike times\. \(ms, s, us\)"):
        read_times(tmp_path / "a.txt", unit="sec")
    for name in ("a.npy", "a.csv", "a.txt"):
        with pytest.raises(OSError, match="there is no file of spike times"):
            read_times(tmp_path / name)


def test_a_recording_goes_to_neo_and_comes_back() -> None:
    neo = pytest.importorskip("neo")
    recording = simulate(
        synapse_pair(stdp_pair, pairs=2),
        pairing([10, -5] * ms),
        device=NUMPY,
        dt=0.5 * ms,
        record=["post", "synapse.w"],
    )
    block = to_neo(recording)
    (segment,) = block.segments
    assert isinstance(block, neo.Block)
    assert [train.name for train in segment.spiketrains] == ["post-0", "post-1"]
    (signal,) = segment.analogsignals
    assert (signal.name, signal.shape) == ("synapse.w", recording.traces["synapse.w"].shape)
    np.testing.assert_allclose(np.asarray(signal), recording.traces["synapse.w"])
    np.testing.assert_allclose(float(signal.sampling_period.rescale("ms")), 0.5)
    trains = from_neo(block)
    for neuron in range(2):
        expected = np.asarray(recording.spikes["post"].t / second)[recording.spikes["post"].i == neuron]
        for given in (trains, from_neo(segment), from_neo([segment.spiketrains[1], segment.spiketrains[0]])):
            np.testing.assert_allclose(np.asarray(given[f"post-{neuron}"] / second), expected)


def test_trains_of_neo_count_from_the_earliest_start() -> None:
    neo = pytest.importorskip("neo")
    trains = [
        neo.SpikeTrain([5020.0, 5005.0], units="ms", t_start=5000.0, t_stop=6000.0, name="a"),
        neo.SpikeTrain([5.1], units="s", t_start=5.0, t_stop=6.0),
    ]
    found = from_neo(trains)
    assert list(found) == ["a", "1"]
    np.testing.assert_allclose(np.asarray(found["a"] / ms), [5, 20])
    np.testing.assert_allclose(np.asarray(found["1"] / ms), [100])
    with pytest.raises(ValueError, match="there are no spike trains in this list; give a Neo SpikeTrain or Block"):
        from_neo([])
    twice = neo.SpikeTrain([1.0, 1.0], units="s", t_stop=2.0, name="b")
    with pytest.raises(ValueError, match="spike train b has two spikes at one time"):
        from_neo(twice)


@pytest.mark.long
def test_nwb_is_read_through_neo(tmp_path: Path) -> None:
    neo = pytest.importorskip("neo")
    pytest.importorskip("pynwb")
    from datetime import UTC, datetime

    segment = neo.Segment(name="s")
    segment.spiketrains.append(neo.SpikeTrain([0.01, 0.5], units="s", t_stop=1.0, name="cell"))
    about = {"session_start_time": datetime(2020, 1, 1, tzinfo=UTC), "identifier": "x", "session_description": "d"}
    block = neo.Block(name="b", **about)
    block.segments.append(segment)
    writer = neo.io.NWBIO(str(tmp_path / "cells.nwb"), mode="w")
    writer.write_all_blocks([block])
    np.testing.assert_allclose(np.asarray(read_times(tmp_path / "cells.nwb") / ms), [10, 500])
    (tmp_path / "damaged.nwb").write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match=r"damaged\.nwb cannot be read as NWB"):
        read_times(tmp_path / "damaged.nwb")


def test_a_file_larger_than_any_of_spike_times_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "film.txt").open("wb") as file:
        file.truncate((32 << 20) + 1)
    with pytest.raises(
        ValueError, match=r"film\.txt has more than 32 MiB, which is too much for a file of spike times"
    ):
        read_times(tmp_path / "film.txt")
