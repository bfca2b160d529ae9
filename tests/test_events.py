"""Recordings of event cameras: read from N-MNIST's files, packed ones and tonic's data sets, as frames and words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import ms, us

from spikehebb.cli.common import images_of
from spikehebb.conversion import spike_words
from spikehebb.core import Circuit, Events, Population, Protocol
from spikehebb.datasets import from_tonic, holds_events, load, load_events, sample
from spikehebb.datasets.event_files import load_packed
from spikehebb.devices import NUMPY
from spikehebb.encoders import word_source
from spikehebb.simulation import simulate


def made(**changes: Any) -> Events:
    """Three recordings of a sensor of 2 x 3 pixels, of which the second is empty."""
    arrays: dict[str, Any] = {
        "x": [0, 2, 2, 1],
        "y": [0, 1, 1, 0],
        "p": [0, 1, 1, 1],
        "t": [5, 1000, 1999, 0],
        "offsets": [0, 3, 3, 4],
        "labels": [2, 0, 1],
        "sensor": (2, 2, 3),
    }
    return Events(name="made", **(arrays | changes))


def test_frames_say_in_which_step_a_pixel_fired() -> None:
    events = made()
    frames = events.frames(3 * ms, 3)
    assert frames.shape == (3, 3, 12)
    assert frames.dtype == np.uint8
    # unit: (channel*height + row)*width + column
    assert np.argwhere(frames).tolist() == [[0, 0, 0], [0, 1, 11], [2, 0, 7]]
    assert np.argwhere(events.frames(2 * ms, 4)).tolist() == [[0, 0, 0], [0, 2, 11], [0, 3, 11], [2, 0, 7]]
    assert events.frames(1 * ms, 1).sum() == 2, "what comes later is left out, also at the end itself"
    assert np.array_equal(events.frames(3 * ms, 3, np.array([2, 0])), frames[[2, 0]])
    assert float(events.longest / us) == pytest.approx(1999)
    assert events.image_shape == (2, 2, 3)


def test_slices_are_recordings_in_the_order_asked_for() -> None:
    events = made(classes=("a", "b", "c"))
    turned = events[::-1]
    assert (turned.labels.tolist(), turned.classes) == ([1, 0, 2], ("a", "b", "c"))
    assert turned.t.tolist() == [0, 5, 1000, 1999]
    assert turned.offsets.tolist() == [0, 1, 1, 4]
    assert len(events[np.array([0, 0])]) == 2
    assert events[np.array([1])].t.tolist() == []
    assert made().classes == ("0", "1", "2")


@pytest.mark.parametrize("steps_per_word", [1, 7, 52])
def test_words_are_frames_packed(steps_per_word: int) -> None:
    rng = np.random.default_rng(0)
    count = 400
    offsets = np.array([0, 150, 400])
    t = np.concatenate([np.sort(rng.integers(0, 90_000, size)) for size in np.diff(offsets)])
    events = Events(
        name="noise",
        x=rng.integers(0, 3, count),
        y=rng.integers(0, 2, count),
        p=rng.integers(0, 2, count),
        t=t,
        offsets=offsets,
        labels=np.array([0, 1]),
        sensor=(2, 2, 3),
    )
    steps = 90
    frames = events.frames(90 * ms, steps)
    words = events.words(90 * ms, steps, steps_per_word=steps_per_word)
    assert words.shape == (2, -(-steps // steps_per_word), 12)
    for number in range(words.shape[1]):
        part = frames[:, number * steps_per_word : (number + 1) * steps_per_word]
        assert np.array_equal(words[:, number], spike_words.pack(part.swapaxes(0, 1)).astype(float))
    assert np.array_equal(events.words(90 * ms, steps, steps_per_word=steps_per_word, chosen=slice(1, 2)), words[1:])


def test_the_encoder_replays_words_step_by_step() -> None:
    """Four words of 4 steps, of which the last two are one recording's, as the network sees them."""
    events = made(t=[0, 1000, 7000, 3000])
    words = events.words(8 * ms, 8, steps_per_word=4)
    rows = words.reshape(-1, 12)
    circuit = Circuit(name="replay", populations={"input": Population(model=word_source, size=12)}, projections={})
    protocol = Protocol(stimuli={"input": rows}, duration=len(rows) * 4 * ms, presentation=4 * ms)
    recording = simulate(circuit, protocol, dt=1 * ms, record=["input"], device=NUMPY)
    spikes = recording.spikes["input"]
    seen = np.zeros((24, 12), int)
    seen[np.round(spikes.t / ms).astype(int), spikes.i] += 1
    assert seen.tolist() == events.frames(8 * ms, 8).reshape(24, 12).tolist()
    assert seen.sum() == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": [0, 3, 2, 1]}, "x must be whole numbers from 0 to 2, got numbers from 0 to 3"),
        ({"y": [0, -1, 1, 0]}, "y must be whole numbers from 0 to 1, got numbers from -1 to 1"),
        ({"p": [0, 2, 1, 1]}, "p must be whole numbers from 0 to 1"),
        ({"t": [5, 1.5, 3, 0]}, "t must be whole numbers from 0 to 4294967295"),
        ({"t": [5, 1000, 999, 0]}, "the times of recording 0 decrease at its event 2"),
        ({"x": [0, 2, 2]}, "x, y, p and t must be lists of the same length"),
        ({"offsets": [0, 3, 2, 4]}, "offsets must go up from 0 to the number of events, 4"),
        ({"offsets": [0, 3, 3, 5]}, "offsets must go up"),
        ({"offsets": [0, 4]}, "3 labels need 4 offsets"),
        ({"labels": [], "offsets": [0]}, "0 labels need 1 offsets"),
        ({"labels": [-2, 0, 1]}, "labels go up from 0, or are -1 for unlabelled; got -2"),
        ({"classes": ("a", "b")}, "there is a label 2, but there are names for 2 classes only"),
        ({"sensor": (2, 3)}, r"sensor must be \(channels, height, width\)"),
    ],
)
def test_bad_events_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"events made: {message}"):
        made(**changes)


def test_steps_and_durations_are_checked() -> None:
    for steps in (0, 2.5, True):
        with pytest.raises(ValueError, match="steps must be a whole number of at least 1"):
            made().frames(1 * ms, steps)  # type: ignore[arg-type]
    for size in (0, 53, 2.5):
        with pytest.raises(ValueError, match="a word has from 1 to 52 time steps, got"):
            made().words(1 * ms, 5, steps_per_word=size)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="duration must be one whole number of microseconds"):
        made().frames(1.5 * us, 2)
    with pytest.raises(ValueError, match="duration must be a time, got 3"):
        made().frames(3, 2)
    with pytest.raises(MemoryError, match="events made: frames needs about"):
        made().frames(1 * ms, 10**15)


def write_nmnist(root: Path) -> None:
    """Two classes, with the bytes of two events each: column, row, polarity and 23 bits of time."""
    for part in ("Train", "Test"):
        for digit in ("0", "1"):
            (root / part / digit).mkdir(parents=True)
            first = bytes([3, 4 + int(digit), 0x80, 0x00, 0x07])  # ON at 7 us
            second = bytes([33, 0, 0x01, 0x02, 0x03])  # OFF at 66051 us
            (root / part / digit / "00001.bin").write_bytes(first + second)


def test_files_of_n_mnist(tmp_path: Path) -> None:
    write_nmnist(tmp_path)
    (tmp_path / "Train" / "1" / "00002.bin").write_bytes(b"")
    assert holds_events(tmp_path)
    train, test = load_events(tmp_path, "train"), load_events(tmp_path, "test")
    assert train.labels.tolist() == [0, 1, 1]
    assert train.sensor == (2, 34, 34)
    assert train.x.tolist() == [3, 33, 3, 33]
    assert train.y.tolist() == [4, 0, 5, 0]
    assert train.p.tolist() == [1, 0, 1, 0]
    assert train.t.tolist() == [7, 0x010203, 7, 0x010203]
    assert train.offsets.tolist() == [0, 2, 4, 4]
    assert len(test) == 2
    assert train.classes == ("0", "1")
    assert train.name == f"{tmp_path.name}/train"
    assert set(train.hashes) == {"names-and-contents"}
    with pytest.raises(ValueError, match="holds events of a camera, not images; give images, or read it with load_ev"):
        load(tmp_path, "train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(7), r"00001.bin has 7 bytes, but an event has 5, so it is cut off"),
        (bytes([34, 0, 0, 0, 0]), "has an event in column 34, but the sensor of N-MNIST has 34 x 34"),
        (bytes([0, 240, 0, 0, 0]), "has an event in row 240"),
        (bytes([0, 0, 0, 0, 9, 0, 0, 0, 0, 8]), "has times that decrease"),
    ],
)
def test_a_damaged_recording_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    write_nmnist(tmp_path)
    (tmp_path / "Train" / "0" / "00001.bin").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_events(tmp_path, "train")


def test_a_class_without_recordings_is_named(tmp_path: Path) -> None:
    write_nmnist(tmp_path)
    (tmp_path / "Train" / "1" / "00001.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"Train.1 has no recording \(.bin\); add some or remove it"):
        load_events(tmp_path, "train")
    (tmp_path / "Train" / "1").rmdir()
    with pytest.raises(ValueError, match=r"must have the same classes, but only .*Test has '1'"):
        load_events(tmp_path, "train")


def packed(**changes: Any) -> dict[str, Any]:
    arrays = {each: np.array(getattr(made(), each)) for each in ("x", "y", "p", "t", "offsets", "labels")}
    return arrays | {"is_test": np.array([0, 0, 1]), "sensor": np.array([2, 2, 3])} | changes


def test_packed_recordings(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", **packed())
    train, test = load_events(tmp_path / "own.npz", "train"), load_events(tmp_path, "test")
    assert (train.name, train.sensor, train.labels.tolist()) == ("own/train", (2, 2, 3), [2, 0])
    assert train.classes == test.classes == ("0", "1", "2")
    assert (test.x.tolist(), test.t.tolist(), test.labels.tolist()) == ([1], [0], [1])
    assert len(test.hashes["own.npz"]) == 64
    assert images_of(str(tmp_path), "train", None, 1, events=True).labels.size == 1
    with pytest.raises(ValueError, match="--size and --cells are for images and tables"):
        images_of(str(tmp_path), "test", None, None, 5, events=True)
    with pytest.raises(ValueError, match="holds events of a camera, not images"):
        images_of(str(tmp_path), "test", None, None)
    for changes, message in (
        ({"is_test": np.zeros(3)}, "has no recording of the test part"),
        ({"is_test": np.zeros(2)}, r"is_test has the shape \(2,\), but there are 3 recordings"),
        ({"sensor": np.array([2, 3])}, "sensor has shape"),
    ):
        np.savez(tmp_path / "own.npz", **packed(**changes))
        with pytest.raises(ValueError, match=message):
            load_events(tmp_path / "own.npz", "test")
    np.savez(tmp_path / "own.npz", x=np.zeros(1))
    with pytest.raises(ValueError, match="lacks y, p, t, offsets, labels, is_test"):
        load_packed(tmp_path / "own.npz", "train")


@pytest.mark.data
def test_the_sample_of_n_mnist(data_dir: Path) -> None:
    train, test = (load_events(data_dir / "n-mnist-sample", part) for part in ("train", "test"))
    # as its page says
    assert np.bincount(train.labels).tolist() == [50, 66, 52, 50, 52, 39, 45, 52, 39, 55]
    assert np.bincount(test.labels).tolist() == [8, 14, 8, 11, 14, 7, 10, 15, 2, 11]
    assert train.t.size + test.t.size == 2425623
    assert max(train.t.max(), test.t.max()) == 336040
    few = sample(test, 20)
    assert np.bincount(few.labels, minlength=10).tolist() == [2] * 10
    frames = few[:2].frames(300 * ms, 300)
    assert frames.shape == (2, 300, 2312)
    which = int(np.flatnonzero((test.labels == few.labels[0]) & (np.diff(test.offsets) == np.diff(few.offsets)[0]))[0])
    own = slice(test.offsets[which], test.offsets[which + 1])
    early = test.t[own] < 300_000
    expected = {
        (int(t) // 1000, (int(p) * 34 + int(y)) * 34 + int(x))
        for t, p, y, x in zip(*(getattr(test, each)[own][early] for each in "tpyx"), strict=True)
    }
    assert set(map(tuple, np.argwhere(frames[0]).tolist())) == expected


class Stand(list[Any]):
    """A stand-in for a data set of tonic: N-MNIST's sensor, and names of classes."""

    sensor_size = (3, 2, 2)
    classes: tuple[str, ...] = ("0 - zero", "1 - one")


FIELDS = [("x", int), ("y", int), ("t", int), ("p", bool)]


def test_data_sets_of_tonic() -> None:
    first = np.array([(2, 1, 100, True), (0, 0, 130, False)], FIELDS)
    events = from_tonic(Stand([(first, 1), (first[:0], 0)]), name="own/train")
    assert events.sensor == (2, 2, 3)
    assert (events.x.tolist(), events.y.tolist(), events.p.tolist()) == ([2, 0], [1, 0], [1, 0])
    assert (events.t.tolist(), events.labels.tolist()) == ([100, 130], [1, 0])
    assert events.classes == ("0 - zero", "1 - one")
    later = from_tonic(Stand([(first, 1)]), name="own/train", from_first=True, classes=("a", "b"))
    assert (later.t.tolist(), later.classes) == ([0, 30], ("a", "b"))


def test_data_sets_of_tonic_that_are_no_camera() -> None:
    """As its spoken digits: one row, one polarity, which is 1."""
    stand = Stand([(np.array([(7, 10, 1)], [("x", int), ("t", int), ("p", int)]), "one")])
    stand.sensor_size = (700, 1, 1)
    stand.classes = ()
    events = from_tonic(stand, name="spoken")
    assert (events.sensor, events.p.tolist(), events.y.tolist()) == ((1, 1, 700), [0], [0])
    assert events.classes == ("one",)


def test_what_is_no_data_set_of_tonic_is_named() -> None:
    with pytest.raises(ValueError, match=r"has no sensor_size of \(width, height, polarities\), but None"):
        from_tonic([], name="own")
    with pytest.raises(ValueError, match="the data set has no recordings"):
        from_tonic(Stand(), name="own")
    with pytest.raises(
        ValueError, match=r"recording 0 must be a structured array .*, got ndarray; leave transforms out"
    ):
        from_tonic(Stand([(np.zeros((3, 2, 2, 3)), 0)]), name="own")
