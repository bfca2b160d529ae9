"""What goes into a run and what comes out: images, spikes, protocols, recordings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity, second
from brian2.units import get_dimensions
from numpy.typing import NDArray

from spikehebb.core import display
from spikehebb.core.times import seconds
from spikehebb.core.values import Float, Frozen, Int, describe_value, frozen_array
from spikehebb.equations import said
from spikehebb.reading import printable


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Labelled images.

    Parameters
    ----------
    name : str
        Data set and part, as in ``mnist/train``.
    pixels : array_like, shape (n, height, width) or (n, channels, height, width)
        From 0 (background) to 1, kept as ``float32``; or bytes (``uint8``) from 0 to 255, kept as they are because
        some data sets would not fit into memory as anything else.
    labels : array_like of int, shape (n,)
        From 0; -1 is unlabelled.
    hashes : mapping of str to str
        SHA-256 of the files that they came from.
    classes : tuple of str
        Names of the classes, in the order of the labels; left out: "0" up to the largest label.

    Raises
    ------
    ValueError
        If shapes do not agree, a pixel or a label is out of range, or two classes have the same name.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.core import Images
    >>> Images(name="one", pixels=np.array([[[0, 51]]], np.uint8), labels=[3]).intensities().tolist()
    [[[0.0, 0.20000000298023224]]]
    >>> Images(name="two", pixels=np.zeros((2, 4, 4)), labels=[1, 0], classes=("cat", "dog"))[:1].classes
    ('cat', 'dog')
    """

    name: str
    pixels: NDArray[Any]
    labels: NDArray[Any]
    hashes: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels, labels = np.asarray(self.pixels), frozen_array(self.labels, np.int64)
        pixels = frozen_array(pixels, np.uint8 if pixels.dtype == np.uint8 else np.float32)
        if pixels.ndim not in (3, 4) or not pixels.size:
            raise ValueError(
                f"images {self.name}: pixels must be (n, height, width) or (n, channels, height, width), got "
                f"{pixels.shape}."
            )
        if labels.shape != pixels.shape[:1]:
            raise ValueError(f"images {self.name}: {len(pixels)} images but {labels.size} labels.")
        classes = class_names(f"images {self.name}", self.classes, labels)
        if pixels.dtype != np.uint8 and not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
            raise ValueError(
                f"images {self.name}: pixels must lie between 0 and 1, or be bytes (uint8) from 0 to 255; got numbers "
                f"from {pixels.min():g} to {pixels.max():g}."
            )
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "hashes", Frozen(self.hashes))
        object.__setattr__(self, "classes", classes)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: slice | Int) -> Images:
        """Return some of the images, in the order asked for."""
        pixels, labels = self.pixels[chosen], self.labels[chosen]
        return dataclasses.replace(self, pixels=pixels, labels=labels)

    @property
    def channels(self) -> int:
        """How many channels an image has: 1 is grey."""
        return 1 if self.pixels.ndim == 3 else int(self.pixels.shape[1])

    @property
    def pixel_shape(self) -> tuple[int, ...]:
        """Height and width of an image, after its channels where it has several."""
        return tuple(map(int, self.pixels.shape[1:]))

    @property
    def content(self) -> list[NDArray[Any]]:
        """The arrays that they are made of."""
        return [self.pixels, self.labels]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        height, width = self.pixels.shape[-2:]
        return (self.channels, int(height), int(width))

    def intensities(self, chosen: slice | Int = slice(None)) -> NDArray[np.float32]:
        """Return the pixels of some images, or of all, from 0 to 1.

        Parameters
        ----------
        chosen : slice or array of int
            Which images, in which order.

        Returns
        -------
        array of float32, shape (chosen, height, width) or (chosen, channels, height, width)
        """
        pixels: NDArray[Any] = self.pixels[chosen]
        return np.divide(pixels, 255, dtype=np.float32) if pixels.dtype == np.uint8 else pixels

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot


def class_names(owner: str, classes: Sequence[str], labels: Int) -> tuple[str, ...]:
    """Return the names of classes, or numbers where none are given, after comparing them with the labels.

    Raises
    ------
    ValueError
        If a label has no class, or a name is no text, empty or there twice.
    """
    if labels.size and labels.min() < -1:
        raise ValueError(f"{owner}: labels go up from 0, or are -1 for unlabelled; got {labels.min()}.")
    largest = int(labels.max()) if labels.size else -1
    if not len(classes):
        return tuple(map(str, range(largest + 1)))
    if isinstance(classes, str) or not all(isinstance(name, str) and name for name in classes):
        raise ValueError(f"{owner}: classes must be names, one for each class; got {printable(repr(classes))}.")
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if list(classes).count(name) > 1)
        raise ValueError(f"{owner}: two classes are called {printable(repr(twice))}; give each a name of its own.")
    if largest >= len(classes):
        raise ValueError(f"{owner}: there is a label {largest}, but there are names for {len(classes)} classes only.")
    return tuple(classes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Spikes:
    """Spikes of a population: neuron ``i`` at time ``t`` (a Quantity), in order of time.

    Two spikes of one time step are ordered by neuron. (brian2cuda leaves them unordered; ``Spikes`` sorts them.)
    """

    i: NDArray[Any]
    t: Quantity

    def __post_init__(self) -> None:
        if get_dimensions(self.t) != second.dim:
            raise ValueError(f"spikes: times must be a time, got {describe_value(self.t)}. Write times*ms.")
        i, t = np.asarray(self.i, np.int64), np.asarray(self.t, np.float64)  # in seconds
        if i.shape != t.shape or i.ndim != 1:
            raise ValueError(f"spikes: as many neurons as times are needed, got {i.shape} and {t.shape}.")
        if not np.all(np.isfinite(t)) or np.any(t < 0):
            raise ValueError("spikes: every time must be finite and not negative.")
        later = np.diff(t)
        if np.any(later < 0) or np.any((later == 0) & (np.diff(i) < 0)):  # compiled programs leave them in order
            order = np.lexsort((i, t))
            i, t = i[order], t[order]
        object.__setattr__(self, "i", frozen_array(i, np.int64))
        object.__setattr__(self, "t", frozen_array(t, np.float64) * second)

    def __len__(self) -> int:
        return len(self.i)

    __repr__ = display.one_line
    _repr_html_ = display.html


@dataclass(frozen=True, kw_only=True, eq=False)
class Protocol:
    """A stimulation plan.

    Parameters
    ----------
    stimuli : mapping of str to array_like, shape (rows, size)
        For each stimulated population what ``stimulus(t, i)`` is: one row per presentation, or one per frame, or, for
        a population that replays spikes, one row per spike of each neuron, in seconds, padded with infinity.
    duration : Quantity
        How long it all lasts.
    presentation : Quantity, optional
        How long one presentation lasts; left out where there is just one.
    labels : array_like of int, shape (presentations,), optional
        What each presentation shows.
    frames : int
        How many rows a presentation shows one after the other, each for the same time: a stimulus that moves. Neurons
        and traces are reset at the onset of a presentation, not at its further frames.

    Examples
    --------
    >>> from brian2 import ms
    >>> moving = Protocol(stimuli={"input": [[1, 0], [0, 1]]}, duration=40 * ms, presentation=40 * ms, frames=2)
    >>> moving.frame
    20. * msecond
    """

    stimuli: Mapping[str, NDArray[Any]]
    duration: Quantity
    presentation: Quantity | None = None
    labels: NDArray[Any] | None = None
    frames: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.frames, bool) or not isinstance(self.frames, (int, np.integer)) or self.frames < 1:
            raise ValueError(f"protocol: frames must be a whole number of at least 1, got {self.frames!r}.")
        object.__setattr__(self, "frames", int(self.frames))
        if self.frames > 1 and self.presentation is None:
            raise ValueError(f"protocol: {self.frames} frames need a presentation, the time that they last together.")
        arrays = {name: frozen_array(value, np.float64) for name, value in self.stimuli.items()}
        for name, array in arrays.items():
            if array.ndim != 2 or np.isnan(array).any():
                raise ValueError(f"stimulus of {name}: must be an array (rows, size) without NaN, got {array.shape}.")
        object.__setattr__(self, "stimuli", Frozen(arrays))
        for what in ("duration", "presentation"):
            value = getattr(self, what)
            if value is not None and seconds(f"protocol: {what}", value, above=0.0).ndim:
                raise ValueError(f"protocol: {what} must be one time, got {said(value)}.")

    @property
    def frame(self) -> Quantity | None:
        """How long one row of a stimulus is presented, or None where there is just one."""
        return None if self.presentation is None else self.presentation / self.frames

    __repr__ = display.one_line
    _repr_html_ = display.html


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The results of a run.

    Of several replicas, neuron ``i`` of replica ``k`` is neuron ``k*size + i``; ``replica(k)`` returns the recording of
    one.

    Parameters
    ----------
    spikes : mapping of str to Spikes
        Of the populations that were recorded.
    counts : mapping of str to array, shape (size,)
        How often each neuron of each spiking population spiked.
    weights : mapping of str to array, shape (n_pre, n_post)
        At the end; 0 where there is no connection. Of several replicas (replicas, n_pre, n_post).
    state : mapping of str to mapping of str to array
        Every variable of every population at the end, in base units.
    traces : mapping of str to array, shape (samples, neurons or synapses)
        Of the recorded variables, in base units, at the end of the step that begins at ``times``.
        Synapses come in the order of ``connected``, row by row.
    times : Quantity, shape (samples,)
    seed, device, dt, duration : int, str, Quantity, Quantity
        What the run was.
    seconds : float
        How long the run took: of a compiled program from its start to its results, compilation left out; on NumPy
        the simulation alone.
    replicas : int
        How many replicas the simulation had.
    seeds : tuple of int
        Of the replicas; empty for a circuit that is no replica.
    """

    spikes: Mapping[str, Spikes]
    counts: Mapping[str, Int]
    weights: Mapping[str, Float]
    state: Mapping[str, Mapping[str, Float]]
    traces: Mapping[str, Float]
    times: Quantity
    seed: int
    device: str
    dt: Quantity
    duration: Quantity
    seconds: float
    replicas: int = 1
    seeds: tuple[int, ...] = ()

    __repr__ = display.one_line
    _repr_html_ = display.html
    to_frame = display.to_frame

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each spike: its population, neuron and time."""
        return [
            {"population": name, "neuron": neuron, "time_ms": time}
            for name, spikes in self.spikes.items()
            for neuron, time in zip(spikes.i.tolist(), (1000 * np.asarray(spikes.t / second)).tolist(), strict=True)
        ]

    def replica(self, copy: int) -> Recording:
        """Return the results of replica ``copy``, from 0, as if it had run alone; ``seconds`` are those of all.

        Raises
        ------
        ValueError
            If there is no such replica.
        """
        if not 0 <= copy < self.replicas:
            raise ValueError(f"there is no replica {copy}; they are numbered from 0 to {self.replicas - 1}.")
        if self.replicas == 1:
            return self

        def own_part(array: NDArray[Any]) -> NDArray[Any]:
            share = array.shape[-1] // self.replicas
            return array[..., copy * share : (copy + 1) * share]

        spikes = {}
        for name, all_spikes in self.spikes.items():
            size = len(self.counts[name]) // self.replicas
            chosen = all_spikes.i // size == copy
            spikes[name] = Spikes(i=all_spikes.i[chosen] - copy * size, t=all_spikes.t[chosen])
        return dataclasses.replace(
            self,
            spikes=Frozen(spikes),
            counts=Frozen({name: own_part(counts) for name, counts in self.counts.items()}),
            weights=Frozen({name: weights[copy] for name, weights in self.weights.items()}),
            state=Frozen(
                {
                    name: Frozen({variable: own_part(array) for variable, array in variables.items()})
                    for name, variables in self.state.items()
                }
            ),
            traces=Frozen({name: own_part(trace) for name, trace in self.traces.items()}),
            seed=self.seeds[copy],
            seeds=(self.seeds[copy],),
            replicas=1,
        )
