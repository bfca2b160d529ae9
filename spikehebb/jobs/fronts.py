"""What stands between images and the network that learns them: nothing, fixed edges, or columns that learned before."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from brian2 import Hz, ms

from spikehebb.circuits import feature_columns, soft_wta
from spikehebb.core import Circuit, Events, Float, Images, Int
from spikehebb.core.progress import Fraction
from spikehebb.core.values import check_setting
from spikehebb.devices import Device
from spikehebb.encoders import oriented_edges
from spikehebb.simulation.present import as_they_are, chunks, show

PIECE = 1000  # images that columns look at in one run of their program
CORNERS = (1, 2, 3, 4)  # top left, top right, bottom left, bottom right
_WINDOW = ("window", "corner")
_FROM_0 = ("floor", "spread", *_WINDOW)


@dataclass(frozen=True, kw_only=True)
class Windowed:
    """What a network sees of the cells of a front: all of them, or those in a corner of the image.

    Parameters
    ----------
    window : int
        The side of a square of cells: one network learns in every corner of the image, and the neurons of all of them
        vote together. 0: one network sees all cells.
    corner : int
        1 to 4: of these networks only the one at the top left, top right, bottom left or bottom right.
    """

    window: int = 0
    corner: int = 0

    @property
    def whole(self) -> Self:
        """The same without a window."""
        return dataclasses.replace(self, window=0, corner=0)

    def _rectangle(self, cells: tuple[int, int, int]) -> tuple[int, int, int, int]:
        """Return top, left, height and width of the window."""
        _, height, width = cells
        if self.window > min(height, width):
            raise ValueError(
                f"a window of {self.window} x {self.window} cells does not fit into the {height} x {width} that there "
                "are; take a smaller one."
            )
        down, right = divmod(max(self.corner - 1, 0), 2)
        side = (self.window or height, self.window or width)
        return down * (height - side[0]), right * (width - side[1]), *side

    def _within(self, cells: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the shape of what is seen of cells of a shape."""
        return cells[0], *self._rectangle(cells)[2:]

    def _part(self, cells: Any) -> Any:
        """Return what is seen of an array whose last axes are features, height and width."""
        top, left, height, width = self._rectangle(cells.shape[-3:])
        return cells[..., top : top + height, left : left + width]


@dataclass(frozen=True, kw_only=True)
class Edges(Windowed):
    """Fixed cells for oriented edges: ``encoders.oriented_edges`` of the image, whose answers are the rates of inputs.

    Parameters
    ----------
    directions, scale, spread, pool, power
        As of ``oriented_edges``.
    window, corner : int
        As of ``Windowed``.
    """

    directions: int = 8
    scale: float = 0.7
    spread: float = 1.0
    pool: int = 2
    power: float = 1.0

    def __post_init__(self) -> None:
        _check("edges", self)

    def shape(self, image_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Return what a network sees of images of a shape: (directions, height, width)."""
        _, height, width = _grey("edges", image_shape)
        return self._within((self.directions, height // self.pool, width // self.pool))

    def rates(self, images: Images) -> Float:
        """Return what images become, shape (images, directions*height*width)."""
        pixels = images.intensities().reshape(len(images), *_grey("edges", images.pixel_shape)[1:])
        own = {n: v for n, v in dataclasses.asdict(self).items() if n not in _WINDOW}
        return np.ascontiguousarray(self._part(oriented_edges(pixels, **own))).reshape(len(images), -1)


@dataclass(frozen=True, kw_only=True)
class Columns(Windowed):
    """A first layer that learns without labels by the same circuit and rule, then rests while the next one learns.

    Its neurons learn from patches of training images in one soft winner-take-all circuit; then they stand as a column
    at every position (``circuits.feature_columns``), and the spikes of its pooling cells are the input of the network.

    Parameters
    ----------
    features, kernel : int
        Neurons of a column, and the side of their fields, in pixels: an odd number.
    patches : int
        From which they learn: images and positions are drawn uniformly.
    blank : float
        A patch shorter than this share of the longest possible is not presented.
    sharpness : float
        The temperature while they learn, for patches of length 1.
    temperature, floor, rate_hz, max_rate_hz, spread, pool, quantum
        Of the columns and cells, as of ``feature_columns``.
    present_ms : float
        How long an image is looked at, in steps of 1 ms: at most 52.
    window, corner : int
        As of ``Windowed``.
    """

    features: int = 16
    kernel: int = 5
    patches: int = 42_000
    blank: float = 0.3
    sharpness: float = 0.01
    temperature: float = 0.1
    floor: float = 0.7
    rate_hz: float = 400.0
    max_rate_hz: float = 200.0
    spread: float = 1.5
    pool: int = 2
    quantum: float = 0.3
    present_ms: float = 50.0

    def __post_init__(self) -> None:
        _check("columns", self)
        if not self.kernel % 2:
            raise ValueError(f"columns: kernel must be odd, got {self.kernel}.")
        if self.blank >= 1 or self.present_ms > 52 or self.present_ms != round(self.present_ms):
            raise ValueError(
                f"columns: blank must be below 1 and present_ms a whole number up to 52, got {self.blank} and "
                f"{self.present_ms}."
            )

    def shape(self, image_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Return what a network hears of images of a shape: (features, height, width)."""
        return self._within(self._cells(image_shape))

    def _cells(self, image_shape: tuple[int, ...]) -> tuple[int, int, int]:
        _, height, width = _three(image_shape)
        if min(height, width) < max(self.kernel, self.pool):
            raise ValueError(f"columns: images of {tuple(image_shape)} are smaller than a field of {self.kernel}.")
        return self.features, height // self.pool, width // self.pool

    def heard(self, cells: Events) -> Events:
        """Return what a network hears of the spikes of all cells."""
        return cells.cropped(*self._rectangle(cells.sensor)) if self.window else cells

    def cells(self, image_shape: tuple[int, ...]) -> Int:
        """Return which of all cells a network hears, in the order of its inputs."""
        whole = self._cells(image_shape)
        return np.ravel(self._part(np.arange(int(np.prod(whole))).reshape(whole)))

    def inputs(self, image_shape: tuple[int, ...]) -> int:
        """Return how many inputs a neuron of a column has."""
        return _three(image_shape)[0] * self.kernel**2

    def neurons(self, image_shape: tuple[int, ...]) -> int:
        """Return how many neurons columns, their inhibitory units and the pooling cells are."""
        _, height, width = _three(image_shape)
        return height * width * (self.features + 1) + int(np.prod(self._cells(image_shape)))

    def learning(self, weights: Float) -> Circuit:
        """Return the circuit in which the neurons of a column learn; weights are (inputs of a patch, features)."""
        return soft_wta(weights, temperature=self.sharpness, tau_m=10 * ms, eta=0.1, lifetime=100.0)

    def circuit(self, weights: Float, image_shape: tuple[int, ...]) -> Circuit:
        """Return columns at every position of an image, and the cells that pool them."""
        three = _three(image_shape)
        table = weights.T.reshape(self.features, three[0], self.kernel, self.kernel)
        return feature_columns(
            table,
            three,
            temperature=self.temperature,
            floor=self.floor,
            rate=self.rate_hz * Hz,
            max_rate=self.max_rate_hz * Hz,
            spread=self.spread,
            pool=self.pool,
            quantum=self.quantum,
        )

    def patches_of(self, images: Images, rng: np.random.Generator) -> Float:
        """Return patches of length 1, (patches, inputs); images and positions are drawn uniformly."""
        channels, height, width = _three(images.pixel_shape)
        side, found, missing = self.kernel, [], self.patches
        least = self.blank * np.sqrt(channels) * side
        for _ in range(100):
            number = rng.integers(0, len(images), 4 * self.patches)
            top, left = (rng.integers(0, size - side + 1, len(number)) for size in (height, width))
            reach = np.arange(side)
            for part in range(0, len(number), 50_000):
                at = slice(part, part + 50_000)
                pixels = images.intensities(number[at]).reshape(-1, channels, height, width)
                rows, columns = top[at, None] + reach, left[at, None] + reach
                patch = pixels[np.arange(len(pixels))[:, None, None], :, rows[:, :, None], columns[:, None, :]]
                patch = patch.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
                length = np.linalg.norm(patch, axis=1)
                found.append((patch[length > least] / length[length > least, None])[:missing])
                missing -= len(found[-1])
                if not missing:
                    return np.concatenate(found)
        raise ValueError(
            f"columns: hardly any patch of {images.name} is brighter than blank = {self.blank:g}; lower it "
            "(front.blank), or give brighter images."
        )

    def look(
        self,
        weights: Float,
        images: Images,
        *,
        device: Device,
        seed: Callable[[int], int],
        progress: Fraction | None = None,
    ) -> Events:
        """Return the spikes of the pooling cells for images, as recordings.

        Parameters
        ----------
        weights : array, shape (inputs of a patch, features)
        images : Images
        device : Device
        seed : callable
            Returns the seed of a piece of images from its number.
        progress : callable, optional
            Called with the completed fraction.
        """
        circuit = self.circuit(weights, images.pixel_shape)
        shape = self._cells(images.pixel_shape)
        present, steps = self.present_ms * ms, round(self.present_ms)
        number, cell, step = [], [], []
        for piece, part, bar in chunks(len(images), PIECE, progress):
            rows = as_they_are(images[part])
            recording = show(
                circuit,
                rows,
                presentation=present,
                dt=1 * ms,
                device=device,
                seed=seed(piece),
                record=("pooled",),
                progress=bar,
            )
            spikes = recording.spikes["pooled"]
            at = np.round(np.asarray(spikes.t / ms)).astype(np.int64)
            number.append(part.start + at // steps)
            step.append(at % steps)
            cell.append(np.asarray(spikes.i))
        of, when, what = (np.concatenate(each) for each in (number, step, cell))
        channel, row, column = np.unravel_index(what, shape)
        return Events(
            name=images.name,
            x=column,
            y=row,
            p=channel,
            t=1000 * when,
            offsets=np.concatenate([[0], np.cumsum(np.bincount(of, minlength=len(images)))]),
            labels=images.labels,
            sensor=shape,
            hashes=images.hashes,
            classes=images.classes,
        )


Front = Edges | Columns
FRONTS: Mapping[str, type[Front]] = {"edges": Edges, "columns": Columns}


def front_of(config: Mapping[str, Any]) -> Front:
    """Return the front that plain data describes: its ``kind`` and parameters.

    Raises
    ------
    ValueError
        If there is no such front, or a parameter is unknown or out of range.
    """
    given = {str(name): value for name, value in config.items() if name != "kind"}
    kind = FRONTS.get(str(config.get("kind")))
    if kind is None:
        raise ValueError(f"there is no front {str(config.get('kind'))!r}; there are {' and '.join(FRONTS)}.")
    known = {item.name for item in fields(kind)}
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"front {config['kind']} has no parameter {', '.join(unknown)}; it has {', '.join(known)}.")
    whole = {item.name for item in fields(kind) if item.type == "int"}  # which a text gives as a float
    return kind(
        **{n: int(v) if n in whole and isinstance(v, float) and v.is_integer() else v for n, v in given.items()}
    )


def described(front: Front) -> dict[str, Any]:
    """Return a front as plain data, which ``front_of`` takes."""
    kind = next(name for name, kind in FRONTS.items() if isinstance(front, kind))
    values = dataclasses.asdict(front)
    return {"kind": kind, **{n: v for n, v in values.items() if v or n not in _WINDOW}}


def _check(owner: str, front: Any) -> None:
    for item in fields(front):
        name, value = f"{owner}: {item.name}", getattr(front, item.name)
        check_setting(name, str(item.type), value, from_0=item.name in _FROM_0)
    if front.corner > len(CORNERS) or (front.corner and not front.window):
        raise ValueError(f"{owner}: corner is 1 to 4, of a window, got {front.corner}; give window, too.")


def _three(shape: tuple[int, ...]) -> tuple[int, int, int]:
    channels, height, width = (1, *shape) if len(shape) == 2 else shape
    return channels, height, width


def _grey(owner: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    three = _three(shape)
    if three[0] != 1:
        raise ValueError(f"{owner} are those of grey images, got {tuple(shape)}; leave --colour out.")
    return three
