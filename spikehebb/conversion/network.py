"""What a converted network is, as values: how it is simulated, its stages, its readout."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from spikehebb.core import Circuit, Frozen
from spikehebb.core.events import MOST_STEPS
from spikehebb.core.values import is_finite
from spikehebb.softhebb import Layer
from spikehebb.softhebb.model import Array

Neurons = Literal["integrate", "stochastic"]
Order = Literal["together", "in turn"]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How a converted network runs.

    Parameters
    ----------
    neurons : str
        ``integrate``: deterministic units that are reset by subtraction; ``stochastic``: Poisson units.
    order : str
        ``together``: all layers fire while the image is shown, and the answer comes soon. ``in turn``: each layer
        listens for ``present_ms``, then fires as long while the next one listens; later and more exact. A new image
        can come every ``present_ms`` in both.
    present_ms, dt_ms : float
        How long an image is shown, and the time step.
    jitter : float
        Of the input: 1, every train starts at a random phase; 0, all at the same: like pixels are rounded alike.
    input_rate_hz : float
        Of an input neuron that sees a pixel of 1.
    percentile : float
        Of a layer's activations on calibration images; a unit at it spikes ``top_rate_hz`` times per second.
    top_rate_hz : float
        At most one spike per step.
    rate_hz : float
        Of all units of a softmax together.
    settle_ms : float
        For how long the units of a competition listen before they fire.
    """

    neurons: Neurons = "integrate"
    order: Order = "together"
    present_ms: float = 50.0
    dt_ms: float = 1.0
    input_rate_hz: float = 1000.0
    percentile: float = 99.9
    top_rate_hz: float = 1000.0
    rate_hz: float = 900.0
    settle_ms: float = 10.0
    jitter: float = 1.0

    def __post_init__(self) -> None:
        if self.neurons not in ("integrate", "stochastic"):
            raise ValueError(f"neurons must be integrate or stochastic, got {self.neurons!r}.")
        if self.order not in ("together", "in turn"):
            raise ValueError(f"order must be together or in turn, got {self.order!r}.")
        for item in dataclasses.fields(self):
            value, least = getattr(self, item.name), item.name in ("settle_ms", "jitter")
            number = is_finite(value)
            if item.type == "float" and not (number and (value > 0 or (least and value == 0))):
                raise ValueError(
                    f"{item.name} must be a number {'of at least' if least else 'above'} 0, got {value!r}."
                )
        if not self.percentile <= 100:
            raise ValueError(f"percentile must be at most 100, got {self.percentile}.")
        steps = self.present_ms / self.dt_ms
        if abs(steps - round(steps)) > 1e-6 or not 5 <= steps <= MOST_STEPS:
            raise ValueError(
                f"an image must be shown for 5 to {MOST_STEPS} whole time steps, but {self.present_ms:g} ms are "
                f"{steps:g} steps of {self.dt_ms:g} ms; change the presentation or the time step."
            )
        if not self.settle_ms < self.present_ms:
            raise ValueError(
                f"settle_ms must be below the presentation of {self.present_ms:g} ms, got {self.settle_ms:g}."
            )
        for name in ("input_rate_hz", "top_rate_hz", "rate_hz"):
            if getattr(self, name) * self.dt_ms > 1000 * (1 + 1e-9):
                raise ValueError(
                    f"{name} must be at most one spike per time step, {1000 / self.dt_ms:g} Hz, got "
                    f"{getattr(self, name):g}."
                )

    @property
    def steps(self) -> int:
        """Time steps for which an image is shown."""
        return round(self.present_ms / self.dt_ms)

    @property
    def window(self) -> int:
        """Time steps for which a column is simulated: it listens, and fires meanwhile or thereafter."""
        return self.steps if self.order == "together" else 2 * self.steps + 1

    @property
    def first(self) -> int:
        """The first step of the window whose spikes are handed on."""
        return self.window - self.steps


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A layer in spikes: one column, which stands at every position of the image with the same weights.

    Parameters
    ----------
    layer : Layer
        The rate layer; kernel, padding and pooling are those of the stage.
    circuit : Circuit
        The column: ``input`` (the inputs of a position, in the order row, column, channel), ``units``, and what
        inhibits them.
    input_shape, output_shape : (int, int, int)
        Channels, height, width; the latter after pooling.
    positions : (int, int)
        Height and width before pooling.
    gain : float
        Spikes per second of a unit whose activation is 1.
    latency : int
        Steps after the onset at which the first input can arrive.
    """

    layer: Layer
    circuit: Circuit
    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    positions: tuple[int, int]
    gain: float
    latency: int

    @property
    def weights(self) -> Any:
        """Of the column, shape (inputs, units)."""
        return self.circuit.projections["feedforward"].weights


@dataclass(frozen=True, kw_only=True, eq=False)
class SpikingNetwork:
    """A converted SoftHebb network.

    Parameters
    ----------
    timing : Timing
    stages : tuple of Stage
    readout : (array, array), optional
        Weights (classes, features) and biases (classes,) of the rate network; they read rates as they read activations.
    remarks : tuple of str
        What is not exactly as in the rate network.
    header : mapping
        What made it, in JSON types.
    """

    timing: Timing
    stages: tuple[Stage, ...]
    readout: tuple[Array, Array] | None = None
    remarks: tuple[str, ...] = ()
    header: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", Frozen(self.header))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of the images."""
        return self.stages[0].input_shape

    @property
    def last_step(self) -> int:
        """Steps for which the last stage has fired at the end."""
        return self.fired_steps(len(self.stages) - 1)

    def fired_steps(self, number: int) -> int:
        """Return for how many steps a stage fires."""
        steps = self.timing.steps
        return steps if self.timing.order == "in turn" else steps - 1 - self.stages[number].latency

    def seen_steps(self, elapsed: int) -> int:
        """Return in how many steps of its spike trains the last stage has fired after so many steps."""
        return elapsed if self.timing.order == "in turn" else self.stages[-1].latency + elapsed + 1

    def milliseconds(self, elapsed: int) -> float:
        """Return when that is, after the onset of the image."""
        before = len(self.stages) * (self.timing.steps + 1) if self.timing.order == "in turn" else 0
        return (before + self.seen_steps(elapsed)) * self.timing.dt_ms

    def features(self, counts: Any, elapsed: int | None = None) -> Any:
        """Return the activations that spike counts of the last stage stand for.

        Parameters
        ----------
        counts : array, shape (images, features)
            Features in the order (channel, row, column).
        elapsed : int, optional
            Steps for which the last stage has had input; the whole presentation when left out.
        """
        steps = self.last_step if elapsed is None else elapsed
        return np.asarray(counts, np.float32) / np.float32(self.stages[-1].gain * steps * self.timing.dt_ms / 1000)
