"""Recordings of event cameras: what happened at which pixel, and when."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity, second
from numpy.typing import NDArray

from spikehebb.core import display
from spikehebb.core.data import Images, class_names
from spikehebb.core.memory import check_memory
from spikehebb.core.times import seconds
from spikehebb.core.values import Float, Frozen, Int, frozen_array
from spikehebb.equations import said

MOST_STEPS = 52  # of a word: twice as many bits would not fit a float64
_NEAR = 1e-6  # of a microsecond
_MEASURED = 200  # recordings
_KINDS = {"x": np.uint16, "y": np.uint16, "p": np.uint8, "t": np.uint32}


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    """Labelled recordings of an event camera, packed end to end.

    Parameters
    ----------
    name : str
        Data set and part, as in ``n-mnist/train``.
    x, y : array_like of int, shape (events,)
        Column and row of the pixel.
    p : array_like of int, shape (events,)
        Polarity: which channel, 0 (darker) or 1 (brighter).
    t : array_like of int, shape (events,)
        Microseconds since the recording began, not decreasing within it.
    offsets : array_like of int, shape (recordings + 1,)
        Recording ``i`` is events ``offsets[i]:offsets[i + 1]``.
    labels : array_like of int, shape (recordings,)
        From 0; -1 is unlabelled.
    sensor : (channels, height, width)
    hashes, classes
        As those of ``Images``.

    Raises
    ------
    ValueError
        If shapes do not agree, an event lies outside of the sensor, or times decrease.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikehebb.core import Events
    >>> two = Events(name="two", x=[0, 1, 1], y=[0, 0, 0], p=[0, 0, 0], t=[0, 1500, 700], offsets=[0, 2, 3],
    ...              labels=[1, 0], sensor=(1, 1, 2))
    >>> two.frames(2 * ms, 2).tolist()
    [[[1, 0], [0, 1]], [[0, 1], [0, 0]]]
    """

    name: str
    x: NDArray[Any]
    y: NDArray[Any]
    p: NDArray[Any]
    t: NDArray[Any]
    offsets: Int
    labels: Int
    sensor: tuple[int, int, int]
    hashes: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        owner = f"events {self.name}"
        sensor = tuple(int(side) for side in self.sensor)
        if len(sensor) != 3 or min(sensor) < 1:
            raise ValueError(f"{owner}: sensor must be (channels, height, width), got {self.sensor}.")
        labels, offsets = (frozen_array(each, np.int64) for each in (self.labels, self.offsets))
        if labels.ndim != 1 or offsets.shape != (labels.size + 1,) or not labels.size:
            raise ValueError(f"{owner}: {labels.size} labels need {labels.size + 1} offsets, got {offsets.shape}.")
        given = {each: np.asarray(getattr(self, each)) for each in _KINDS}
        sizes = {each: array.shape for each, array in given.items()}
        if len(set(sizes.values())) > 1 or given["x"].ndim != 1:
            raise ValueError(f"{owner}: x, y, p and t must be lists of the same length, got {sizes}.")
        if offsets[0] != 0 or offsets[-1] != given["x"].size or (np.diff(offsets) < 0).any():
            raise ValueError(f"{owner}: offsets must go up from 0 to the number of events, {given['x'].size}.")
        beyond = {"x": sensor[2], "y": sensor[1], "p": sensor[0], "t": 1 << 32}
        for each, array in given.items():
            if array.size and (array.dtype.kind not in "iub" or array.min() < 0 or array.max() >= beyond[each]):
                raise ValueError(
                    f"{owner}: {each} must be whole numbers from 0 to {beyond[each] - 1}, got numbers from "
                    f"{array.min()} to {array.max()}."
                )
        earlier = np.diff(given["t"].astype(np.int64)) < 0
        begins = offsets[1:-1]
        earlier[begins[(begins > 0) & (begins < given["t"].size)] - 1] = False  # a new recording begins anew
        if earlier.any():
            event = int(np.flatnonzero(earlier)[0]) + 1
            recording = int(np.searchsorted(offsets, event, side="right")) - 1
            raise ValueError(
                f"{owner}: the times of recording {recording} decrease at its event {event - offsets[recording]}."
            )
        for each, kind in _KINDS.items():
            object.__setattr__(self, each, frozen_array(given[each], kind))
        object.__setattr__(self, "sensor", sensor)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "hashes", Frozen(self.hashes))
        object.__setattr__(self, "classes", class_names(owner, self.classes, labels))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: slice | Int) -> Events:
        """Return some of the recordings, in the order asked for."""
        places = np.atleast_1d(np.arange(len(self))[chosen])
        starts, counts = self.offsets[places], np.diff(self.offsets)[places]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        which = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
        events = {each: getattr(self, each)[which] for each in _KINDS}
        return dataclasses.replace(self, **events, offsets=offsets, labels=self.labels[places])

    def cropped(self, top: int, left: int, height: int, width: int) -> Events:
        """Return what happened within a rectangle of the sensor, counted from its corner.

        Raises
        ------
        ValueError
            If it does not lie on the sensor.

        Examples
        --------
        >>> from spikehebb.core import Events
        >>> one = Events(name="one", x=[0, 2], y=[0, 1], p=[0, 0], t=[0, 5], offsets=[0, 2], labels=[1],
        ...              sensor=(1, 2, 3))
        >>> one.cropped(1, 1, 1, 2).x.tolist()
        [1]
        """
        channels, rows, columns = self.sensor
        if min(top, left) < 0 or min(height, width) < 1 or top + height > rows or left + width > columns:
            raise ValueError(
                f"events {self.name}: {height} x {width} pixels from row {top} and column {left} on do not lie on a "
                f"sensor of {rows} x {columns}."
            )
        within = (self.x >= left) & (self.x < left + width) & (self.y >= top) & (self.y < top + height)
        return dataclasses.replace(
            self,
            x=self.x[within] - left,
            y=self.y[within] - top,
            p=self.p[within],
            t=self.t[within],
            offsets=np.concatenate([[0], np.cumsum(within)])[self.offsets],
            sensor=(channels, height, width),
        )

    @property
    def pixel_shape(self) -> tuple[int, ...]:
        """Channels, height and width of the sensor."""
        return self.sensor

    @property
    def content(self) -> list[NDArray[Any]]:
        """The arrays that they are made of."""
        return [*(getattr(self, each) for each in _KINDS), self.offsets, self.labels]

    def intensities(self, chosen: slice | Int = slice(None)) -> Float:
        """Return how often each pixel fired, as a share of the pixel that fired most.

        Parameters
        ----------
        chosen : slice or array of int
            Which recordings, in which order.

        Returns
        -------
        array, shape (chosen, channels, height, width)
        """
        some = self[chosen]
        recording = np.repeat(np.arange(len(some)), np.diff(some.offsets))
        counts = np.zeros((len(some), *self.sensor))
        np.add.at(counts, (recording, some.p.astype(int), some.y.astype(int), some.x.astype(int)), 1)
        return counts / np.maximum(counts.max(axis=(1, 2, 3), keepdims=True), 1)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.sensor

    @property
    def longest(self) -> Quantity:
        """When the last event of all comes, counted from the beginning of its recording."""
        return (float(self.t.max()) if self.t.size else 0.0) * 1e-6 * second

    def frames(self, duration: Quantity, steps: int, chosen: slice | Int = slice(None)) -> NDArray[np.uint8]:
        """Return in which time steps each pixel fired.

        Parameters
        ----------
        duration : Quantity
            A whole number of microseconds; later events are left out.
        steps : int
            Equal parts of the duration; an event at the border of two belongs to the later one.
        chosen : slice or array of int
            Which recordings, in which order.

        Returns
        -------
        array of uint8, shape (chosen, steps, channels*height*width)
            0 or 1.
        """
        some = self[chosen]
        inputs = int(np.prod(self.sensor))
        check_memory(
            f"events {self.name}: frames", float(len(some)) * steps * inputs, "take fewer recordings at a time"
        )
        recording, step, unit = some._steps(duration, steps)
        trains = np.zeros((len(some), steps, inputs), np.uint8)
        trains[recording, step, unit] = 1
        return trains

    def mean_length(self, duration: Quantity, steps: int) -> float:
        """Return the mean length of the vector of spike counts of all pixels, over the first recordings.

        Parameters
        ----------
        duration, steps
            As of ``frames``: a pixel fires once in a step at most.
        """
        counts = self.frames(duration, steps, slice(0, _MEASURED)).sum(axis=1, dtype=np.float64)
        return float(np.linalg.norm(counts, axis=1).mean())

    def words(
        self, duration: Quantity, steps: int, *, steps_per_word: int = 50, chosen: slice | Int = slice(None)
    ) -> Float:
        """Return in which time steps each pixel fired, as the numbers that the encoder ``word_source`` takes.

        Parameters
        ----------
        duration, steps, chosen
            As of ``frames``.
        steps_per_word : int
            Time steps of a presentation, at most 52. The last word of a recording has fewer if they do not come out
            even.

        Returns
        -------
        array, shape (chosen, words, channels*height*width)
            Bit ``k`` of a number, the lowest first, says whether the pixel fires in step ``k`` of the presentation.
        """
        if (
            isinstance(steps_per_word, bool)
            or not isinstance(steps_per_word, int)
            or not 1 <= steps_per_word <= MOST_STEPS
        ):
            raise ValueError(f"events {self.name}: a word has from 1 to {MOST_STEPS} time steps, got {steps_per_word}.")
        some = self[chosen]
        recording, step, unit = some._steps(duration, steps)
        shape = (len(some), -(-steps // steps_per_word), int(np.prod(self.sensor)))
        check_memory(f"events {self.name}: words", 8.0 * float(np.prod(shape)), "take fewer recordings at a time")
        word, bit = np.divmod(step, steps_per_word)
        place = np.ravel_multi_index((recording, word, unit), shape)
        values = np.zeros(int(np.prod(shape)), np.uint64)
        # a pixel fires once in a step, whatever happens there
        np.bitwise_or.at(values, place, np.uint64(1) << bit.astype(np.uint64))
        return values.astype(np.float64).reshape(shape)

    def _steps(self, duration: Quantity, steps: int) -> tuple[Int, Int, Int]:
        """Return recording, time step and input unit of every event within a duration."""
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ValueError(f"events {self.name}: steps must be a whole number of at least 1, got {steps}.")
        length = seconds(f"events {self.name}: duration", duration, above=0.0)
        micro = np.round(length * 1e6)
        if length.ndim or abs(length * 1e6 - micro) > _NEAR * max(1.0, float(micro)) or micro < 1:
            raise ValueError(
                f"events {self.name}: duration must be one whole number of microseconds, got {said(duration)}."
            )
        within = self.t < micro
        recording = np.repeat(np.arange(len(self)), np.diff(self.offsets))[within]
        step = self.t[within].astype(np.int64) * steps // int(micro)
        channels, rows, columns = (getattr(self, each)[within].astype(np.int64) for each in ("p", "y", "x"))
        return recording, step, (channels * self.sensor[1] + rows) * self.sensor[2] + columns

    __repr__ = display.one_line
    _repr_html_ = display.html


Samples = Images | Events  # what a network is shown, one after the other


def images_only(shown: Samples) -> Images:
    """Return images, or raise ``ValueError`` for recordings, where only images can be taken."""
    if isinstance(shown, Events):
        raise ValueError(f"{shown.name} holds recordings, but this network takes images; only learn takes recordings.")
    return shown
