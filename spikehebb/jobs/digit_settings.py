"""What decides the result of learning digits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
from brian2 import Hz, Quantity, ms

from spikehebb import equations, hardware, rules
from spikehebb.circuits import soft_wta
from spikehebb.core import Circuit, Float, PlasticityRule, Projection
from spikehebb.core.memory import check_memory
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import is_finite
from spikehebb.encoders import regular
from spikehebb.hardware import Constrained, Rounding, Target, constrain
from spikehebb.jobs.seeds import generator
from spikehebb.neurons import biased_escape_rate, escape_rate

_BYTES = 40  # of a weight and of its copies, while a network learns
_EQUAL = ("neurons", "epochs", "presentation_ms", "dt_ms", "rule", "target", "rounding", "epoch_ms", "dropped")
_FROM_0 = ("seed", "jitter", "weight_bits", "trace_bits", "neuron_spread", "dropped")


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
    rule : str
        Of the catalogue. SoftHebb in its spiking forms learns with ``eta`` and ``lifetime``, any other rule with its
        own parameters.
    target : str
        A chip of ``hardware.TARGETS`` under whose limits the network learns; empty for none.
    weight_bits, trace_bits : int
        Instead of the target's; 0 keeps the target's.
    rounding : str
        ``nearest`` or ``stochastic``; empty keeps the target's.
    epoch_ms, w_max : float
        Of learning under a target's limits: how long a learning epoch is, and the weight that the largest whole number
        stands for.
    neuron_spread : float
        Of a chip's neurons: standard deviation of the factor by which each takes its input, log-normal with mean 1.
    dropped : float
        Share of the chip's synapses that are broken.
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
    rule: str = "softhebb"
    target: str = ""
    weight_bits: int = 0
    trace_bits: int = 0
    rounding: str = ""
    epoch_ms: float = 10.0
    w_max: float = 0.3
    neuron_spread: float = 0.0
    dropped: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type == "str":
                if not isinstance(value, str):
                    raise ValueError(f"{item.name} must be a text, got {value!r}.")
                continue
            if item.type == "int" and (isinstance(value, bool) or not isinstance(value, int)):
                raise ValueError(f"{item.name} must be a whole number, got {value!r}.")
            if not is_finite(value):
                raise ValueError(f"{item.name} must be a finite number, got {value!r}.")
            if item.name == "seed":
                check_seed(value)
            least = 0 if item.name in _FROM_0 else 1 if item.name in ("neurons", "epochs") else None
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
        if self.dropped >= 1:
            raise ValueError(f"dropped must be below 1, got {self.dropped}.")
        _check_fits(rules.find(self.rule))
        if self.target:
            self.chip()
            hardware.sum_of_products(rules.find(self.rule))  # which refuses what no chip has
        elif self.weight_bits or self.trace_bits or self.rounding:
            raise ValueError(
                "weight_bits, trace_bits and rounding limit learning on a target; name one, such as generic."
            )

    @property
    def presentation(self) -> Quantity:
        """How long an image is shown."""
        return self.presentation_ms * ms

    @property
    def dt(self) -> Quantity:
        """The time step."""
        return self.dt_ms * ms

    def circuit(self, weights: Float, bias: Float | None = None) -> Circuit:
        """Return the soft winner-take-all circuit of these settings.

        Parameters
        ----------
        weights : array, shape (inputs, neurons)
        bias : array, shape (neurons,), optional
            Added to ``u/T`` in the competition, as the logarithm of each neuron's prior.
        """
        encoder = regular.with_parameters(max_rate=self.max_rate_hz * Hz, jitter=self.jitter)
        rule = rules.find(self.rule)
        own: dict[str, Any] = {"eta": self.eta, "lifetime": self.lifetime} if ages(rule) else {}
        circuit = soft_wta(
            weights,
            rule=rule,
            encoder=encoder,
            temperature=self.temperature,
            rate=self.rate_hz * Hz,
            tau_m=self.tau_m_ms * ms,
            **own,
        )
        if bias is not None and np.any(bias):
            circuit = _biased(circuit, bias)
        return self._as_made(circuit)

    def _as_made(self, circuit: Circuit) -> Circuit:
        """Return a circuit with the neurons and synapses that a chip really has; the seed decides which."""
        if not (self.dropped or self.neuron_spread):
            return circuit
        rng, projections = generator(self.seed, "chip"), dict(circuit.projections)
        output, feedforward = circuit.populations["output"], projections["feedforward"]
        intact = rng.random((circuit.populations["input"].size, output.size)) >= self.dropped
        if self.dropped:
            projections["feedforward"] = dataclasses.replace(feedforward, connected=intact)
        if self.neuron_spread:
            model, gains = output.model, log_normal(rng, self.neuron_spread, (output.size,))
            changed = dataclasses.replace(
                model,
                receive=equations.renamed(model.receive, {"w": "w*gain_post"}),
                parameters={**model.parameters, "gain": gains},
            )
            output = dataclasses.replace(output, model=changed)
        populations = {**circuit.populations, "output": output}
        return dataclasses.replace(circuit, populations=populations, projections=projections)

    def chip(self) -> Target:
        """Return the target under whose limits the network learns."""
        target = hardware.find(self.target)
        if self.weight_bits:  # any number can be tried out
            target = target.with_limits(weight_bit_choices=None).with_limits(weight_bits=self.weight_bits)
        return target.with_limits(trace_bits=self.trace_bits) if self.trace_bits else target

    @property
    def bounds(self) -> tuple[float, float]:
        """The bounds of a weight, infinite where the rule has none."""
        if self.target:
            return -self.w_max, self.w_max
        own = rules.find(self.rule).parameters
        return (float(own.get("w_min", 0.0)), float(own["w_max"])) if "w_max" in own else (-np.inf, np.inf)

    def constrained(self, circuit: Circuit, seed: int) -> Constrained:
        """Return a circuit of these settings as it learns under the limits of the target.

        Parameters
        ----------
        circuit : Circuit
            From ``circuit``.
        seed : int
            Of the rounding of its weights.
        """
        chip, spikes = self.chip(), 4.0
        rule = rules.find(self.rule)
        ranges = {}
        if "u" in equations.variables(rule.needs_post):
            # As large as the potential becomes; then up to twice as large, so that a power of 2 lies between the units
            # of x1 and u*w and both products have the same mantissa: their ratio sets the length of the weights.
            largest = 1.6 * self.max_rate_hz * self.tau_m_ms / 1000
            bits = chip.value("weight_bits")
            top = hardware.levels(bits, negative=False, positive=True)[1] if bits else self.w_max
            per_step = spikes / (self.w_max / top)
            ranges["u"] = per_step * 2.0 ** np.ceil(np.log2(largest / per_step))
        return constrain(
            circuit,
            chip,
            epoch=self.epoch_ms * ms,
            rounding=cast(Rounding, self.rounding) if self.rounding else None,
            w_max=self.w_max,
            ranges=ranges,
            spikes=spikes,
            seed=seed,
        )


def check_replicas(settings: Sequence[Settings]) -> None:
    """Raise ``ValueError`` unless networks of these settings can learn as replicas."""
    if not settings:
        raise ValueError("no settings: give one for each network that learns.")
    for name in _EQUAL:
        values = list(dict.fromkeys(getattr(each, name) for each in settings))
        if len(values) > 1:
            raise ValueError(
                f"replicas must have the same {name}, got {', '.join(map(str, values))}; run these settings one after "
                "another."
            )
    if settings[0].dropped and len({each.seed for each in settings}) > 1:
        raise ValueError(
            f"dropped is {settings[0].dropped:g}, and every seed breaks other synapses, but replicas have the same; "
            "run these seeds one after another."
        )


def check_room(settings: Sequence[Settings], pixels: int) -> None:
    """Raise ``MemoryError`` unless the weights of networks for images of so many pixels fit into this machine."""
    neurons = sum(each.neurons for each in settings)
    check_memory(f"learning {pixels} pixels with {neurons:,} neurons", _BYTES * float(pixels) * neurons, "take fewer")


def folders_of(settings: Sequence[Settings]) -> tuple[str, ...]:
    """Return the folder of each replica: ``seed-K`` where only seeds differ, else ``network-K``."""
    seeds = [each.seed for each in settings]
    alike = len({dataclasses.replace(each, seed=0) for each in settings}) == 1
    if alike and len(set(seeds)) == len(seeds):
        return tuple(f"seed-{seed}" for seed in seeds)
    return tuple(f"network-{number}" for number in range(len(settings)))


def log_normal(rng: np.random.Generator, spread: float, shape: tuple[int, ...]) -> Float:
    """Return log-normal factors of mean 1 and this standard deviation."""
    sigma = np.sqrt(np.log1p(spread**2))
    return np.asarray(np.exp(rng.normal(-(sigma**2) / 2, sigma, shape)), float)


def ages(rule: PlasticityRule) -> bool:
    """Return whether neurons learn less the more often they have fired, as in SoftHebb."""
    return "age" in equations.variables(rule.post)


def _check_fits(rule: PlasticityRule) -> None:
    """Raise ``ValueError`` for a rule that cannot learn in the circuit."""
    lacking = [
        name
        for needs, neuron in ((rule.needs_pre, regular), (rule.needs_post, escape_rate))
        for name in equations.variables(needs)
        if name not in equations.variables(neuron.equations)
    ]
    if lacking:
        why = f"reads {', '.join(map(repr, lacking))}, which its neurons do not have"
    elif rule.keeps:
        why = f"keeps {', '.join(map(repr, rule.keeps))} beyond an image, which a run that can be interrupted does not"
    elif not (rule.on_pre or rule.on_post):
        why = "learns nothing from spikes"
    else:
        return
    raise ValueError(
        f"rule {rule.name} does not fit the spiking soft winner-take-all circuit: it {why}; take "
        "softhebb, nessler or a rule of spike timing."
    )


def _biased(circuit: Circuit, bias: Float) -> Circuit:
    output, excite = circuit.populations["output"], circuit.projections["excite"]
    model = biased_escape_rate.with_parameters(**output.model.parameters)
    drive = Projection(pre=excite.pre, post=excite.post, summed={"Z": "exp(u_pre/temperature_pre + bias_pre - I_post)"})
    populations = {**circuit.populations, "output": dataclasses.replace(output, model=model)}
    changed = dataclasses.replace(
        circuit, populations=populations, projections={**circuit.projections, "excite": drive}
    )
    return changed.with_state("output", bias=bias)
