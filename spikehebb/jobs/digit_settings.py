"""What decides the result of learning images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms

from spikehebb import circuits, equations, hardware, rules
from spikehebb.catalogue import named
from spikehebb.circuits import AnyLearner, Learner, ages, biased
from spikehebb.core import Circuit, Float, Frozen, PlasticityRule, digest
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import is_finite
from spikehebb.encoders import word_source
from spikehebb.hardware import Target
from spikehebb.jobs.digit_parameters import ANY, FIELDS, check_any, limited, of, own_limits, plain, with_bits
from spikehebb.jobs.fronts import Columns, Edges, Windowed, described, front_of
from spikehebb.jobs.seeds import generator
from spikehebb.reading import printable

_FROM_0 = ("seed", "jitter", "recording_ms", "weight_bits", "trace_bits", "neuron_spread", "dropped", "least_spikes")
_OTHERS: Mapping[str, tuple[type, ...]] = {  # fields that are no numbers
    "circuit": (str, Learner),
    "rule": (str, PlasticityRule),
    "parameters": (Mapping,),
    "target": (str,),
    "rounding": (str,),
    "front": (str, Edges, Columns),
}


LATER: Mapping[str, Any] = {"circuit": "soft_wta", "parameters": {}, "recording_ms": 0.0, "least_spikes": 0}
LATEST: Mapping[str, Any] = {"front": ""}  # what files of before a front have not


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides what ``learn_digits`` learns.

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
        Of an input neuron whose pixel alone is the whole image. Behind columns, left out, it is measured.
    tau_m_ms : float
    jitter : float
        1: every input train starts at a random phase; 0: all at the same. This and the seven before are parameters of
        the soft winner-take-all circuit; other circuits take theirs from ``parameters``.
    presentation_ms, dt_ms : float
        How long an image is shown, and the time step; 0 takes the circuit's.
    circuit : str, Learner or function
        What learns: a name of ``circuits.LEARNERS``, a value, or a function of ``inputs`` and ``neurons``.
    rule : str or PlasticityRule
        A name of the catalogue, or a value; empty for the circuit's own. SoftHebb in its spiking forms learns with
        ``eta`` and ``lifetime``, any other rule with its own parameters.
    parameters : mapping of str to number, Quantity or str
        Other values of parameters: ``circuit.NAME``, ``rule.NAME``, ``input.NAME`` (of the input neurons),
        ``target.NAME`` (a limit of the target), ``presentation``, ``dt``, ``epoch`` and ``w_max``; a text is read, as
        in ``"20 ms"``.
    front : str, mapping, Edges or Columns
        What stands between images and the network: ``edges``, ``columns``, or a value, which a mapping describes; empty
        for nothing. A parameter ``front.NAME`` changes it.
    recording_ms : float
        Of events: how much of each recording is shown, in the time of a presentation; 0 for images.
    least_spikes : int, optional
        An image to which the output answers with fewer spikes is shown again, with stronger input; the circuit's where
        it is left out.
    target : str or Target
        A chip of ``hardware.TARGETS`` under whose limits the network learns, or one with other limits, which become
        parameters; empty for none.
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

    Raises
    ------
    ValueError
        If a number is out of range, a parameter unknown or of another unit, or the rule does not fit the circuit.

    Examples
    --------
    >>> from spikehebb.jobs import Settings
    >>> Settings(parameters={"circuit.temperature": 0.01}).temperature
    0.01
    >>> Settings(circuit="diehl_cook").presentation_ms
    350.0
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
    presentation_ms: float = 0.0
    dt_ms: float = 0.0
    jitter: float = 1.0
    circuit: AnyLearner = "soft_wta"
    rule: str | PlasticityRule = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    front: str | Mapping[str, Any] | Edges | Columns = ""
    recording_ms: float = 0.0
    least_spikes: int | None = None
    target: str | Target = ""
    weight_bits: int = 0
    trace_bits: int = 0
    rounding: str = ""
    epoch_ms: float = 10.0
    w_max: float = 0.3
    neuron_spread: float = 0.0
    dropped: float = 0.0

    def __post_init__(self) -> None:
        self._complete()
        for item in fields(self):
            value = getattr(self, item.name)
            if allowed := _OTHERS.get(item.name):
                if not isinstance(value, allowed):
                    raise ValueError(f"{item.name} must be a text, got {printable(repr(value))}.")
                continue
            if item.type in ("int", "int | None") and (isinstance(value, bool) or not isinstance(value, int)):
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
        if self.circuit == "soft_wta" and self.rate_hz * self.dt_ms >= 1000:
            raise ValueError(
                f"rate_hz*dt_ms must stay below 1000 (one spike per time step), got {self.rate_hz * self.dt_ms:g}."
            )
        if self.circuit == "soft_wta" and not self.recording_ms and self.max_rate_hz * self.dt_ms > 1000:
            raise ValueError(
                f"max_rate_hz*dt_ms must be at most 1000 (one spike per time step), got "
                f"{self.max_rate_hz * self.dt_ms:g}."
            )
        if self.dropped >= 1:
            raise ValueError(f"dropped must be below 1, got {self.dropped}.")
        if isinstance(self.circuit, str):
            self.learner.circuit(  # which refuses a rule that does not fit
                1, 1, rng=generator(0, "weights"), rule=self.plasticity(), parameters=of("circuit", self.parameters)
            )
        if self.target or self.dropped or self.neuron_spread:
            self._check_chip()
        elif self.weight_bits or self.trace_bits or self.rounding:
            raise ValueError(
                "weight_bits, trace_bits and rounding limit learning on a target; name one, such as generic."
            )

    def _complete(self) -> None:
        """Take from the circuit what was left out, and make fields of parameters that are fields."""
        learner = self.learner
        rule = named(self.rule or learner.rule, rules.RULES)
        object.__setattr__(self, "circuit", named(learner, circuits.LEARNERS))
        object.__setattr__(self, "rule", rule if self.rule or isinstance(rule, str) else "")
        target, own_target = own_limits(self.target)
        object.__setattr__(self, "target", target)
        own = {"presentation_ms": float(learner.presentation / ms), "dt_ms": float(learner.dt / ms)}
        for name, value in {**own, "least_spikes": learner.least_spikes}.items():
            if getattr(self, name) == (None if name == "least_spikes" else 0):
                object.__setattr__(self, name, value)
        if not isinstance(self.parameters, Mapping):
            raise ValueError(f"parameters must be a mapping, such as {{'rule.eta': 0.1}}, got {self.parameters!r}.")
        given = {name: v for name, v in own_target.items() if not getattr(self, name.partition(".")[2], 0)}
        given |= self.parameters
        kept = {str(name): self._value(str(name), value) for name, value in given.items()}
        self._complete_front({name: kept.pop(name) for name in [*kept] if name.startswith("front.")})
        for name, (where, unit) in [(name, ANY[name]) for name in kept if name in ANY]:
            check_any(name, kept[name], target)
            object.__setattr__(self, where, float(kept.pop(name) / unit))
        for name, value in with_bits(kept).items():
            if getattr(self, name) not in (0, value):
                raise ValueError(f"{name} is given twice, {getattr(self, name)} and {value}; leave one out.")
            object.__setattr__(self, name, value)
        for name in ("eta", "lifetime"):  # of a circuit that scales them for images of length 1
            if f"rule.{name}" in kept and name in learner.parameters and ages(self.plasticity(plain=True)):
                kept[f"circuit.{name}"] = kept.pop(f"rule.{name}")
        if self.circuit == "soft_wta":
            for name in [name for name in kept if name in FIELDS]:
                where, unit = FIELDS[name]
                self._check({name: kept[name]})
                object.__setattr__(self, where, float(kept.pop(name) / unit))
        else:
            for where, _ in FIELDS.values():
                default = next(item.default for item in fields(self) if item.name == where)
                if getattr(self, where) != default:
                    raise ValueError(
                        f"{where} is of the circuit soft_wta; circuit {learner.name} takes its parameters by name."
                    )
        self._check(kept)
        object.__setattr__(self, "parameters", Frozen(kept))

    def _complete_front(self, changes: Mapping[str, Any]) -> None:
        """Make a value of the front, with its parameters, and let the network hear the cells of columns."""
        front = self.front
        if isinstance(front, str) and front:
            front = front_of({"kind": front})
        elif isinstance(front, Mapping):
            front = front_of(front)
        if changes and not isinstance(front, (Edges, Columns)):
            raise ValueError(f"{', '.join(changes)}: there is no front; give one, edges or columns.")
        if isinstance(front, (Edges, Columns)):
            front = front_of(described(front) | {n.partition(".")[2]: v for n, v in changes.items()})
        object.__setattr__(self, "front", front)
        if isinstance(front, Columns):
            if self.circuit != "soft_wta" or self.presentation_ms != front.present_ms or self.dt_ms != 1:
                raise ValueError(
                    "columns are the front of the circuit soft_wta, which is shown their spikes in steps of 1 ms for "
                    f"as long as they look, {front.present_ms:g} ms; leave circuit, presentation and dt out."
                )
            object.__setattr__(self, "recording_ms", front.present_ms)

    @property
    def measures(self) -> bool:
        """Whether ``max_rate_hz`` is to be measured on what columns say of training images, as it was left out."""
        return isinstance(self.front, Columns) and self.max_rate_hz == Settings.max_rate_hz

    @property
    def place(self) -> tuple[int, ...]:
        """What else than the seed decides what is drawn at random: the corner of its window, where it has one."""
        return (self.front.corner,) if isinstance(self.front, Windowed) and self.front.corner else ()

    def _value(self, name: str, value: Any) -> Any:
        """Return a value, read from text where it is to be a number."""
        owner, _, own = name.partition(".")
        if owner == "target":
            return hardware.read_limit(own, value) if isinstance(value, str) else value
        is_word = owner == "circuit" and isinstance(self.learner.parameters.get(own), str)
        return equations.quantity(value) if isinstance(value, str) and not is_word else value

    def _check(self, parameters: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` unless these are parameters of the circuit, the rule or the input neurons."""
        for name in parameters:
            owner, dot, _ = str(name).partition(".")
            if not dot or owner not in ("circuit", "rule", "input", "target"):
                raise ValueError(
                    f"there is no parameter {name!r}; write circuit.NAME, rule.NAME, input.NAME, front.NAME or "
                    f"target.NAME, as in circuit.temperature, or {', '.join(ANY)}."
                )
        self.learner.check(of("circuit", parameters))
        self.learner.encoder.with_parameters(**of("input", parameters))
        if changes := of("rule", parameters):
            self.plasticity(plain=True).with_parameters(**changes)
        if of("target", parameters):
            limited(str(self.target), parameters)

    def _check_chip(self) -> None:
        rule = self.plasticity() if self.target else None  # which refuses what no device has
        if rule and self.on_chip:
            hardware.sum_of_products(rule)
        elif rule and self.rounding:
            raise ValueError("rounding is a chip's, and memristive devices round stochastically; leave it out.")

    @property
    def learner(self) -> Learner:
        """The family of circuits that learns."""
        return circuits.find(self.circuit)

    def plasticity(self, *, plain: bool = False) -> PlasticityRule:
        """Return the rule, with its parameters or, ``plain``, without those that were changed."""
        rule = rules.find(self.rule) if self.rule else self.learner.rule
        if not isinstance(rule, PlasticityRule):
            raise ValueError(
                f"circuit {self.learner.name} has rules of its own, and takes no other; leave the rule out."
            )
        rule = rule if plain else rule.with_parameters(**of("rule", self.parameters))
        as_it_is = plain or not self.target or self.on_chip
        return rule if as_it_is else hardware.memristive(rule, self.chip(), w_max=self.w_max)

    @property
    def time_steps(self) -> int:
        """How many time steps a presentation has."""
        return round(self.presentation_ms / self.dt_ms)

    @property
    def presentation(self) -> Quantity:
        """How long an image is shown."""
        return self.presentation_ms * ms

    @property
    def dt(self) -> Quantity:
        """The time step."""
        return self.dt_ms * ms

    def started(self, inputs: int) -> Circuit:
        """Return the circuit before it has learned; the seed decides its random weights."""
        learner, own = self.learner, of("circuit", self.parameters)
        inward = of("input", self.parameters)
        if self.circuit == "soft_wta":
            of_circuit = ("temperature", "start_norm", "eta", "lifetime")
            own["max_rate"] = self.max_rate_hz * Hz
            own |= {name: getattr(self, name) for name in of_circuit}
            own |= {"rate": self.rate_hz * Hz, "tau_m": self.tau_m_ms * ms}
            inward |= {"max_rate": self.max_rate_hz * Hz, "jitter": self.jitter}
        encoder = word_source if self.recording_ms else learner.encoder.with_parameters(**inward)
        made = learner.circuit(
            inputs,
            self.neurons,
            rng=generator(self.seed, "weights", *self.place),
            rule=self.plasticity() if self.rule or learner.rule else None,
            encoder=encoder,
            parameters=own,
        )
        if self.dropped or self.neuron_spread:
            rng = generator(self.seed, "chip")
            made = hardware.imperfect(made, rng, dropped=self.dropped, spread=self.neuron_spread)
        return made

    def build(
        self,
        weights: Float | Mapping[str, Float],
        bias: Float | None = None,
        *,
        inputs: int = 0,
        state: Mapping[str, Float] | None = None,
    ) -> Circuit:
        """Return the circuit with these weights.

        Parameters
        ----------
        weights : array, shape (inputs, neurons), or mapping of str to array
            Of the projection ``feedforward``, or by projection.
        bias : array, shape (neurons,), optional
            Added to ``u/T`` in the competition of ``soft_wta``, as the logarithm of each neuron's prior.
        inputs : int
            Of the circuit; those of the weights when left out.
        state : mapping of str to array, optional
            What outlives an image, by ``population.variable``, in base units.
        """
        given = weights if isinstance(weights, Mapping) else {"feedforward": np.asarray(weights)}
        return learned(self.started(inputs or len(given["feedforward"])), given, bias, state or {})

    def config(self) -> dict[str, Any]:
        """Return the settings as plain data: names of circuit and rule, parameters in base units."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        found["circuit"] = self.learner.name
        found["rule"] = self.rule.name if isinstance(self.rule, PlasticityRule) else self.rule
        found["parameters"] = plain(self.parameters)
        front = {"front": described(self.front)} if isinstance(self.front, (Edges, Columns)) else {}
        later = front or any(found[name] != value for name, value in LATER.items())
        return {n: v for n, v in found.items() if n not in LATEST and (later or n not in LATER)} | front

    def own(self, inputs: int) -> dict[str, str]:
        """Return a hash of a rule and of a circuit that are not the catalogue's, by what it is."""
        rule = {"rule": digest(self.rule)} if isinstance(self.rule, PlasticityRule) else {}
        return rule | ({"circuit": digest(self.started(inputs))} if isinstance(self.circuit, Learner) else {})

    @property
    def on_chip(self) -> bool:
        """Whether it learns under the limits of a chip; for memristive devices the rule is another one."""
        return bool(self.target) and not hardware.is_memristive(self.chip())

    def chip(self) -> Target:
        """Return the target under whose limits the network learns."""
        return limited(str(self.target), self.parameters, weight_bits=self.weight_bits, trace_bits=self.trace_bits)


def learned(circuit: Circuit, weights: Mapping[str, Float], bias: Float | None, state: Mapping[str, Float]) -> Circuit:
    """Return a circuit with weights, a bias and what outlives an image, as ``Settings.build`` takes them."""
    circuit = circuit.with_weights(**weights)
    if bias is not None and np.any(bias):
        circuit = biased(circuit, bias)
    for name, values in state.items():
        population, _, variable = name.partition(".")
        circuit = circuit.with_state(population, **{variable: values})
    return circuit
