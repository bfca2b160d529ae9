"""What a SoftHebb network is, as values: layers, how they learn, the readout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_type_hints

from spikehebb.core.values import LATER, is_finite, told

Plasticity = Literal["soft-anti-hebbian", "soft", "hard", "krotov-hopfield", "instar", "none"]
Activation = Literal["triangle", "repu", "relu", "tanh", "softmax", "winners"]
Rate = Literal["norm", "linear", "constant"]
Order = Literal["successive", "together"]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Pooling of ``size`` x ``size`` positions. Average pooling counts the zeros of the padding, as PyTorch does."""

    kind: Literal["max", "average"] = "max"
    size: int = 2
    stride: int = 2
    padding: int = 0

    def __post_init__(self) -> None:
        _check(self, "pool", at_least={"size": 1, "stride": 1, "padding": 0})
        if 2 * self.padding > self.size:
            raise ValueError(f"pool: padding must be at most half of size {self.size}, got {self.padding}.")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer: whitening, normalization, weighted sums, forward activation, pooling, in this order.

    Parameters
    ----------
    units : int
    kernel : int
        Side of a convolution's square kernel; 0 for a dense layer.
    padding : int
        Rows and columns added on each side by reflection.
    stride : int
        Of a convolution: pixels from one position to the next.
    batch_norm : bool
        Standardize each input channel, without learned scale and shift.
    sample_norm : bool
        Standardize each image, over channels, rows and columns.
    whitening : float
        Of the first layer: ZCA of whole, standardized images, with this number added to the diagonal of their
        covariance. 0: none.
    plasticity : str
        ``soft-anti-hebbian`` is SoftHebb (``softkrotov`` in the authors' code): losers of the soft competition learn
        with the opposite sign. ``soft`` is without that sign, ``hard`` lets only the winner learn,
        ``krotov-hopfield`` the winner and, negatively, the unit of rank ``rank``; ``instar`` moves the ``winners``
        largest u, where they are above 0, towards their input, each by the same share; ``none`` keeps random weights.
    inverse_temperature : float
        t of the softmax: ``y = softmax(t*u)``.
    eta, rate, power : float, str, float
        Learning rate: ``norm`` is ``eta*abs(norm - 1)**power`` for each unit, with its present norm; ``linear`` falls
        from eta to 0 during the training of the layer; ``constant`` is eta. ``instar`` multiplies it with the mean
        over images and positions, all others with the sum divided by its largest element.
    norm : float
        Root mean square norm of a unit's weights at the start.
    unit_norm : bool
        Weights of a unit have the norm 1, at the start and after every update.
    pruned : float
        Share of the weights, drawn uniformly, that do not exist: they are 0 and stay 0.
    start : str
        ``normal`` or ``uniform`` (all positive).
    bias : bool
        Learn the logarithm of each unit's prior, divided by t. Of ``instar`` minus a threshold, which rises when a
        unit wins more often than ``winners/units``.
    eta_bias : float
        Learning rate of the bias, relative to eta/t. The authors' code has 0.1 for convolutions, 1 for dense layers.
        Of ``instar`` that of the thresholds, for each update.
    winners : int
        Units that win at a position, of ``instar`` and of activation ``winners``.
    positions : int
        Random positions of each image, on average, that a layer learns from; 0: all.
    warm_up : int
        Updates of ``instar`` at the start in which only thresholds change.
    pre_triangle : bool
        Rectify u - mean over units before the competition, and hand that on.
    activation : str
        Of the forward pass. ``triangle`` is ``max(u - mean over units, 0)**exponent``, ``repu`` is
        ``max(u, 0)**exponent``, ``softmax`` has the inverse temperature ``exponent``, and ``winners`` is 1 for the
        units that win.
    exponent : float
    pool : Pool, optional
    rank, anti : int, float
        Of ``krotov-hopfield``.
    """

    units: int
    kernel: int = 0
    padding: int = 0
    stride: int = field(default=1, metadata=LATER)
    batch_norm: bool = True
    sample_norm: bool = field(default=False, metadata=LATER)
    whitening: float = field(default=0.0, metadata=LATER)
    plasticity: Plasticity = "soft-anti-hebbian"
    inverse_temperature: float = 1.0
    eta: float = 0.01
    rate: Rate = "norm"
    power: float = 0.5
    norm: float = 25.0
    unit_norm: bool = field(default=False, metadata=LATER)
    pruned: float = field(default=0.0, metadata=LATER)
    start: Literal["normal", "uniform"] = "normal"
    bias: bool = False
    eta_bias: float = 0.1
    winners: int = field(default=1, metadata=LATER)
    positions: int = field(default=0, metadata=LATER)
    warm_up: int = field(default=0, metadata=LATER)
    pre_triangle: bool = False
    activation: Activation = "triangle"
    exponent: float = 1.0
    pool: Pool | None = None
    rank: int = 2
    anti: float = 0.4

    def __post_init__(self) -> None:
        counts = {
            "units": 1,
            "kernel": 0,
            "padding": 0,
            "stride": 1,
            "rank": 2,
            "winners": 1,
            "positions": 0,
            "warm_up": 0,
        }
        at_least = {**counts, "eta": 0, "eta_bias": 0, "power": 0, "anti": 0, "whitening": 0, "pruned": 0}
        _check(self, "layer", at_least=at_least, above={"inverse_temperature": 0, "norm": 0, "exponent": 0})
        if not isinstance(self.pool, Pool | None):
            raise ValueError(f"layer: pool must be a Pool or None, got {self.pool!r}.")
        if self.plasticity == "krotov-hopfield" and self.rank > self.units:
            raise ValueError(f"layer: rank must be at most the number of units {self.units}, got {self.rank}.")
        if self.winners > self.units:
            raise ValueError(f"layer: winners must be at most the number of units {self.units}, got {self.winners}.")
        if self.pruned >= 1:
            raise ValueError(f"layer: pruned must be below 1, a share of the weights, got {self.pruned}.")
        if self.rate == "norm" and (self.unit_norm or self.plasticity == "instar"):
            what = "plasticity instar" if self.plasticity == "instar" else "unit_norm"
            raise ValueError(
                f"layer: rate norm, which is 0 at norm 1, does not go with {what}; take constant or linear."
            )
        if not self.kernel and (self.padding or self.pool):
            raise ValueError("layer: a dense layer (kernel 0) has neither padding nor pooling.")
        if not self.kernel and self.stride > 1:
            raise ValueError(f"layer: a dense layer (kernel 0) has one position and no stride, got {self.stride}.")
        if self.kernel and self.padding >= self.kernel:
            raise ValueError(f"layer: padding must be below kernel {self.kernel}, got {self.padding}.")

    @property
    def learns(self) -> bool:
        """Whether training changes the weights."""
        return self.plasticity != "none"

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of positions in an image, before pooling; a dense layer has one.

        Examples
        --------
        >>> Layer(units=8, kernel=5, padding=2, stride=2).grid(32, 32)
        (16, 16)
        """
        if not self.kernel:
            return 1, 1
        grown = 2 * self.padding - self.kernel
        return (height + grown) // self.stride + 1, (width + grown) // self.stride + 1


@dataclass(frozen=True, kw_only=True)
class Network:
    """Layers on images of one shape.

    Parameters
    ----------
    image_shape : (int, int, int)
        Channels, height, width.
    layers : tuple of Layer

    Raises
    ------
    ValueError
        If the images are too small for a layer.

    Examples
    --------
    >>> layers = (Layer(units=8, kernel=5, padding=2, pool=Pool()), Layer(units=20))
    >>> Network(image_shape=(3, 32, 32), layers=layers).shapes
    ((3, 32, 32), (8, 16, 16), (20, 1, 1))
    """

    image_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_shape", tuple(self.image_shape))
        object.__setattr__(self, "layers", tuple(self.layers))
        if len(self.image_shape) != 3 or not all(isinstance(side, int) and side > 0 for side in self.image_shape):
            raise ValueError(f"network: image_shape must be (channels, height, width), got {self.image_shape}.")
        if not self.layers:
            raise ValueError("network: at least one layer is needed.")
        if not all(isinstance(layer, Layer) for layer in self.layers):
            raise ValueError(f"network: layers must be Layer values, got {self.layers}.")
        _ = self.shapes

    @property
    def shapes(self) -> tuple[tuple[int, int, int], ...]:
        """(channels, height, width) of the images and of every layer's output."""
        shapes = [self.image_shape]
        for number, layer in enumerate(self.layers):
            if number and layer.whitening:
                raise ValueError(f"network: layer {number} whitens, which only the first layer (0) can.")
            channels, *sides = shapes[-1]
            if not layer.kernel:
                shapes.append((layer.units, 1, 1))
                continue
            if min(sides) <= layer.padding or min(sides) + 2 * layer.padding < layer.kernel:
                raise ValueError(
                    f"network: layer {number} has kernel {layer.kernel} and padding {layer.padding}, too large for an "
                    f"input of {channels} x {sides[0]} x {sides[1]}; use larger images or fewer layers."
                )
            sides = list(layer.grid(*sides))
            if layer.pool is not None:
                pool = layer.pool
                if min(sides) + 2 * pool.padding < pool.size:
                    raise ValueError(
                        f"network: layer {number} pools {pool.size} x {pool.size} positions, but has only "
                        f"{sides[0]} x {sides[1]}; use larger images or fewer layers."
                    )
                sides = [(side + 2 * pool.padding - pool.size) // pool.stride + 1 for side in sides]
            shapes.append((layer.units, sides[0], sides[1]))
        return tuple(shapes)

    @property
    def features(self) -> int:
        """Numbers per image that the last layer hands to the readout."""
        return math.prod(self.shapes[-1])

    def weight_shape(self, number: int) -> tuple[int, ...]:
        """Shape of a layer's weights: (units, channels, kernel, kernel), or (units, inputs) of a dense layer."""
        layer, shape = self.layers[number], self.shapes[number]
        if layer.kernel:
            return (layer.units, shape[0], layer.kernel, layer.kernel)
        return (layer.units, math.prod(shape))


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the layers learn, ``epochs`` times over the images: each after the last (``successive``) or ``together``."""

    epochs: int = 1
    batch: int = 10
    order: Order = "successive"

    def __post_init__(self) -> None:
        _check(self, "training", at_least={"epochs": 1, "batch": 1})


@dataclass(frozen=True, kw_only=True)
class Readout:
    """A linear readout on the features of the last layer: dropout, cross-entropy, Adam.

    Parameters
    ----------
    epochs, batch : int
    eta : float
        Learning rate of Adam, halved at ``halvings``.
    dropout : float
        Share of features that are left out at each step.
    halvings : tuple of float, optional
        Fractions of the epochs. Left out, those of the authors' code.
    views : int
        From 2 on the readout learns in turn, epoch by epoch, from so many versions of the training images, each moved
        by up to 4 pixels, half of them mirrored. With 1 it learns from the images themselves.
    """

    epochs: int = 50
    batch: int = 64
    eta: float = 1e-3
    dropout: float = 0.5
    halvings: tuple[float, ...] | None = None
    views: int = field(default=1, metadata=LATER)

    def __post_init__(self) -> None:
        _check(self, "readout", at_least={"epochs": 1, "batch": 1, "dropout": 0, "views": 1}, above={"eta": 0})
        if self.dropout >= 1:
            raise ValueError(f"readout: dropout must be below 1, got {self.dropout}.")
        if self.halvings is not None:
            object.__setattr__(self, "halvings", tuple(float(at) for at in self.halvings))
            if not all(0 <= at <= 1 for at in self.halvings):
                raise ValueError(f"readout: halvings must be fractions of the epochs, 0 to 1, got {self.halvings}.")

    def rates(self) -> tuple[float, ...]:
        """Return the learning rate of every epoch.

        Examples
        --------
        >>> Readout(epochs=20).rates()[9:16:5]
        (0.001, 0.0005)
        """
        halvings = self.halvings
        if halvings is None:
            long, middle = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9), (0.5, 0.75)
            halvings = long if self.epochs >= 50 else middle if self.epochs >= 20 else ()
        at = [int(self.epochs * fraction) for fraction in halvings]
        return tuple(self.eta * 0.5 ** sum(epoch >= start for start in at) for epoch in range(self.epochs))


def described(network: Network) -> dict[str, Any]:
    """Return a network as plain data; settings that older versions lack are left out where they change nothing."""
    return {"image_shape": network.image_shape, "layers": [told(layer) for layer in network.layers]}


def since(kind: type) -> dict[str, Any]:
    """Return the settings that earlier versions lack, and their defaults.

    Examples
    --------
    >>> since(Readout)
    {'views': 1}
    """
    return {item.name: item.default for item in fields(kind) if "later" in item.metadata}


def _check(
    value: Any, what: str, *, at_least: Mapping[str, float] | None = None, above: Mapping[str, float] | None = None
) -> None:
    hints = get_type_hints(type(value))
    for item in fields(value):
        given, hint = getattr(value, item.name), hints[item.name]
        choices = get_args(hint) if getattr(hint, "__origin__", None) is Literal else ()
        if choices and given not in choices:
            raise ValueError(f"{what}: {item.name} must be one of {', '.join(choices)}, got {given!r}.")
        if hint is bool and not isinstance(given, bool):
            raise ValueError(f"{what}: {item.name} must be true or false, got {given!r}.")
        if hint is int and (isinstance(given, bool) or not isinstance(given, int)):
            raise ValueError(f"{what}: {item.name} must be a whole number, got {given!r}.")
        if hint is float and not is_finite(given):
            raise ValueError(f"{what}: {item.name} must be a number, got {given!r}.")
        low, limit = (at_least or {}).get(item.name), (above or {}).get(item.name)
        if low is not None and given < low:
            raise ValueError(f"{what}: {item.name} must be at least {low}, got {given}.")
        if limit is not None and not given > limit:
            raise ValueError(f"{what}: {item.name} must be above {limit}, got {given}.")
