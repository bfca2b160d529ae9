"""What decides the result of learning layer by layer in spikes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from brian2 import Hz, ms

from spikehebb.circuits import soft_wta
from spikehebb.conversion import SpikingNetwork, Timing, to_spiking
from spikehebb.core import Circuit, Images
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import check_setting
from spikehebb.datasets import sample
from spikehebb.encoders import regular
from spikehebb.softhebb import Layer, Model, Network, Pool
from spikehebb.softhebb.network import since

LEARNING = ("soft", "none")
LAYERS = tuple(
    Layer(
        units=units,
        kernel=kernel,
        padding=padding,
        batch_norm=False,
        plasticity="soft",
        inverse_temperature=50.0,
        eta=0.1,
        rate="constant",
        norm=3.0,
        start="uniform",
        pool=Pool(size=pool, stride=pool),
    )
    for units, kernel, padding, pool in ((32, 5, 0, 4), (128, 3, 1, 2))
)


@dataclass(frozen=True, kw_only=True)
class LayerSettings:
    """Everything that decides what ``learn_layers`` learns.

    Parameters
    ----------
    layers : tuple of Layer
        With ``batch_norm=False`` and plasticity ``soft``, or ``none`` for a control with random weights.
        ``inverse_temperature`` and ``eta`` are for patches of length 1; ``norm`` should be above 2.5, so that neurons
        that have not learned win first.
    seed : int
    patches : int
        Presentations from which each layer learns: patches of its input at random places of random images.
    images : int
        Training images, at most, that the patches are taken from.
    blank : float
        A patch shorter than this share of the longest is not presented.
    lifetime : float
        Number of its own spikes after which a neuron learns half as fast: ``eta/(1 + spikes/lifetime)``.
    patch_ms, rate_hz, max_rate_hz, tau_m_ms : float
        Of learning: duration of a presentation, rate of all output neurons together, of an input that alone is the
        whole patch, time constant of membrane and trace.
    show_ms : float
        How long a whole image is shown to layers that have learned.
    calibration : int
        Training images that decide which activation is a layer's highest rate.
    strength : float
        Of the readout's ridge penalty.
    dt_ms : float
    """

    layers: tuple[Layer, ...] = LAYERS
    seed: int = 0
    patches: int = 20_000
    images: int = 500
    blank: float = 0.1
    lifetime: float = 100.0
    patch_ms: float = 30.0
    rate_hz: float = 400.0
    max_rate_hz: float = 1000.0
    tau_m_ms: float = 10.0
    show_ms: float = 20.0
    calibration: int = 100
    strength: float = 0.03
    dt_ms: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers or not all(isinstance(layer, Layer) for layer in self.layers):
            raise ValueError(f"layers must be one or more Layer values, got {self.layers}.")
        for number, layer in enumerate(self.layers):
            if layer.plasticity not in LEARNING:
                raise ValueError(
                    f"layer {number} has plasticity {layer.plasticity}, but layers learn in spikes with soft, "
                    "or not at all with none."
                )
            if layer.batch_norm or layer.bias or layer.pre_triangle:
                raise ValueError(
                    f"layer {number} has batch_norm, bias or pre_triangle, which nothing in the spiking circuit "
                    "learns; set them to false."
                )
            if new := [n for n, value in since(Layer).items() if n != "stride" and getattr(layer, n) != value]:
                raise ValueError(
                    f"layer {number} has {', '.join(new)}, which the spiking circuit does not have; leave that out."
                )
        for item in fields(self):
            if item.name != "layers":
                _check(item.name, str(item.type), getattr(self, item.name))
        if self.rate_hz * self.dt_ms >= 1000:
            raise ValueError(f"rate_hz must stay below one spike per time step, got {self.rate_hz:g} Hz.")
        if self.max_rate_hz * self.dt_ms > 1000:
            raise ValueError(f"max_rate_hz must be at most one spike per time step, got {self.max_rate_hz:g} Hz.")
        _ = self.timing

    @property
    def timing(self) -> Timing:
        """How images are shown to layers that have learned."""
        top = 1000 / self.dt_ms
        return Timing(
            present_ms=self.show_ms,
            dt_ms=self.dt_ms,
            input_rate_hz=top,
            top_rate_hz=top,
            rate_hz=0.9 * top,
            settle_ms=min(10.0, self.show_ms / 2),
        )

    def network(self, image_shape: tuple[int, int, int], depth: int | None = None) -> Network:
        """Return the network, or its first layers, for images of (channels, height, width)."""
        return Network(image_shape=image_shape, layers=self.layers[:depth])

    def column(self, number: int, weights: Any) -> Circuit:
        """Return the circuit in which a layer learns; weights are (inputs of a patch, units)."""
        layer = self.layers[number]
        return soft_wta(
            weights,
            encoder=regular.with_parameters(max_rate=self.max_rate_hz * Hz),
            temperature=1 / layer.inverse_temperature,
            rate=self.rate_hz * Hz,
            tau_m=self.tau_m_ms * ms,
            eta=layer.eta,
            lifetime=self.lifetime,
        )

    def spiking(self, model: Model, train: Images) -> SpikingNetwork:
        """Return a model as the spiking network that ``learn_layers`` uses for inference."""
        return to_spiking(model, sample(train, self.calibration, self.seed), self.timing)


def _check(name: str, kind: str, value: Any) -> None:
    if name == "seed":
        check_seed(value)
        return
    check_setting(name, kind, value)
    if name == "blank" and value >= 1:
        raise ValueError(f"blank must be below 1, got {value}.")
