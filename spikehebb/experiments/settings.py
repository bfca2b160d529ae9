"""What decides the result of learning digits."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from brian2 import Hz, ms

from spikehebb.circuits import soft_wta
from spikehebb.core import Circuit, Float
from spikehebb.encoders import regular


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides what ``learn_digits`` learns, as plain numbers.

    Parameters
    ----------
    neurons, epochs, seed : int
    temperature : float
        Of the softmax over neurons, for images and weights of length 1.
    eta : float
        Learning rate of a neuron that has not fired yet, for images of length 1.
    lifetime : float
        Number of its own spikes after which a neuron learns half as fast: ``eta/(1 + spikes/lifetime)``.
    start_norm : float
        Length of the random weights at the start. Above 2.5, so that neurons that have not learned win first.
    rate_hz : float
        Of all output neurons together.
    max_rate_hz : float
        Of an input neuron whose pixel alone is the whole image.
    tau_m_ms, presentation_ms, dt_ms : float
    jitter : float
        1: every input train starts at a random phase; 0: all at the same.
    """

    neurons: int = 100
    epochs: int = 1
    seed: int = 0
    temperature: float = 0.005
    eta: float = 0.1
    lifetime: float = 100.0
    start_norm: float = 3.0
    rate_hz: float = 400.0
    max_rate_hz: float = 1000.0
    tau_m_ms: float = 10.0
    presentation_ms: float = 50.0
    dt_ms: float = 1.0
    jitter: float = 1.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type == "int" and (isinstance(value, bool) or not isinstance(value, int)):
                raise ValueError(f"{item.name} must be a whole number, got {value!r}.")
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not np.isfinite(value):
                raise ValueError(f"{item.name} must be a finite number, got {value!r}.")
            least = 0 if item.name in ("seed", "jitter") else 1 if item.name in ("neurons", "epochs") else None
            if value < least if least is not None else value <= 0:
                raise ValueError(
                    f"{item.name} must be {'above 0' if least is None else f'at least {least}'}, got {value}."
                )
        if self.rate_hz * self.dt_ms >= 1000:
            raise ValueError(
                f"rate_hz*dt_ms must stay below 1000 (one spike per time step), got {self.rate_hz * self.dt_ms:g}."
            )
        if self.max_rate_hz * self.dt_ms > 1000:
            raise ValueError(
                f"max_rate_hz*dt_ms must be at most 1000 (one spike per time step), got "
                f"{self.max_rate_hz * self.dt_ms:g}."
            )

    def circuit(self, weights: Float) -> Circuit:
        """Return the soft winner-take-all circuit of these settings."""
        encoder = regular.with_parameters(max_rate=self.max_rate_hz * Hz, jitter=self.jitter)
        return soft_wta(
            weights,
            encoder=encoder,
            temperature=self.temperature,
            rate=self.rate_hz * Hz,
            tau_m=self.tau_m_ms * ms,
            eta=self.eta,
            lifetime=self.lifetime,
        )
