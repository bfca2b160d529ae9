"""A circuit that learns what its input is shown: its roles, and how it starts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from brian2 import Quantity, ms

from spikehebb import equations as text
from spikehebb.core import Circuit, Frozen, NeuronModel, PlasticityRule, display
from spikehebb.core.times import seconds
from spikehebb.encoders import regular

INPUT, OUTPUT = "input", "output"  # the populations that images are shown to and whose spikes answer
_TAKE = "Take softhebb, nessler or a rule of spike timing."
Encoding = Literal["unit length", "intensity", "on and off"]
_GIVEN = ("inputs", "neurons", "rng", "rule", "encoder")


@dataclass(frozen=True, kw_only=True, eq=False)
class Learner:
    """A family of circuits that learn what their input is shown.

    Parameters
    ----------
    name, summary, reference : str
    start : callable
        ``start(inputs, neurons, *, rng, rule, encoder, ...)`` returns a circuit before it has learned, with the
        populations ``input``, of the encoder, and ``output``, which spikes. ``rng`` is a NumPy generator for random
        weights; of ``rng``, ``rule`` and ``encoder`` the function may leave out what it does not need. What else it
        takes by name, each with a default, are the parameters of the circuit.
    rule : PlasticityRule, optional
        The rule that it learns with where no other is asked for; the default of the function's ``rule``, where it has
        one, when left out.
    encoder : NeuronModel
        Its input neurons.
    encoding : str
        What input neurons are presented: ``unit length``, images scaled to length 1; ``intensity``, pixels from 0 to 1;
        or ``on and off``, pixels from 0 to 1 and, to as many more neurons, 1 minus that.
    presentation, dt : Quantity
        How long an image is shown, and the time step, where nothing else is asked for.
    least_spikes : int
        An image to which the output answers with fewer spikes is shown again, with stronger input.

    Examples
    --------
    >>> from spikehebb.circuits import LEARNERS
    >>> list(LEARNERS["lif_wta"].parameters)[:3]
    ['inhibition', 'gain', 'centring']
    """

    name: str
    summary: str
    start: Callable[..., Circuit]
    rule: PlasticityRule | None = None
    encoder: NeuronModel = regular
    encoding: Encoding = "unit length"
    presentation: Quantity = field(default_factory=lambda: 50 * ms)
    dt: Quantity = field(default_factory=lambda: 1 * ms)
    least_spikes: int = 0
    reference: str = ""

    def __post_init__(self) -> None:
        owner = f"circuit {self.name}"
        if not callable(self.start):
            raise ValueError(f"{owner}: start must be a function of inputs and neurons, got {self.start!r}.")
        default = self._signature["rule"].default if self.takes_rules else None
        if self.rule is None and isinstance(default, PlasticityRule):
            object.__setattr__(self, "rule", default)
        for what in ("presentation", "dt"):
            seconds(f"{owner}: {what}", getattr(self, what), above=0.0)
        if self.encoding not in get_args(Encoding):
            raise ValueError(f"{owner}: encoding must be {' or '.join(get_args(Encoding))}, got {self.encoding!r}.")
        without = [name for name, item in self._signature.items() if item.default is item.empty and name not in _GIVEN]
        if without or not {"inputs", "neurons"} <= self._signature.keys():
            raise ValueError(
                f"{owner}: its function must take inputs and neurons, and what else it takes must have a default; got "
                f"({', '.join(self._signature)})."
            )

    @property
    def _signature(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.start).parameters

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Its parameters, each with its default."""
        return Frozen({name: item.default for name, item in self._signature.items() if name not in _GIVEN})

    @property
    def takes_rules(self) -> bool:
        """Whether another rule than its own can be asked for."""
        return "rule" in self._signature

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` unless these are parameters of the circuit, each of the kind and unit of its default."""
        owner, own = f"circuit {self.name}", self.parameters
        texts = {name: value for name, value in parameters.items() if isinstance(own.get(name), str)}
        text.check_parameters(owner, {n: v for n, v in parameters.items() if n not in texts}, own)
        for name, value in texts.items():
            if not isinstance(value, str):
                raise ValueError(f"{owner}: {name} must be a word, such as {own[name]!r}, got {value!r}.")

    def circuit(
        self,
        inputs: int,
        neurons: int,
        *,
        rng: np.random.Generator,
        rule: PlasticityRule | None = None,
        encoder: NeuronModel | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Circuit:
        """Return a circuit before it has learned.

        Parameters
        ----------
        inputs, neurons : int
            Sizes of its input and of its output.
        rng : numpy.random.Generator
            Of its random weights.
        rule, encoder : PlasticityRule, NeuronModel, optional
            Instead of its own.
        parameters : mapping, optional
            Of its parameters, those that differ from their defaults.

        Raises
        ------
        ValueError
            If what its function returns is no circuit, or none that can learn images.
        """
        owner = f"circuit {self.name}"
        rule = rule or self.rule
        given: dict[str, Any] = {"rng": rng, "rule": rule, "encoder": encoder or self.encoder}
        given = {name: value for name, value in given.items() if name in self._signature and value is not None}
        changes = dict(parameters or {})
        self.check(changes)
        try:
            made = self.start(inputs=inputs, neurons=neurons, **given, **changes)
        except ValueError as error:
            if rule is not None and f"rule {rule.name} needs" in str(error):
                raise ValueError(f"rule {rule.name} does not fit: {error} {_TAKE}") from error
            raise
        if not isinstance(made, Circuit):
            raise ValueError(f"{owner}: its function must return a Circuit, got a {type(made).__name__}.")
        for role, size in ((INPUT, inputs), (OUTPUT, neurons)):
            population = made.populations.get(role)
            if population is None:
                raise ValueError(
                    f"{owner} has no population {role!r} ({', '.join(made.populations)}); a circuit that learns images "
                    f"has {INPUT!r}, which they are shown to, and {OUTPUT!r}, whose spikes answer."
                )
            if population.size != size or not population.model.threshold:
                raise ValueError(
                    f"{owner}: its population {role!r} must have {size} neurons that spike, got {population.size} of "
                    f"{population.model.name}."
                )
        encoder = made.populations[INPUT].model
        if "stimulus" not in text.used(encoder.frame, encoder.onset, encoder.equations, encoder.threshold):
            raise ValueError(
                f"{owner}: neurons {encoder.name} of its population {INPUT!r} take no "
                "images; an encoder such as regular or poisson does."
            )
        if not plastic(made):
            raise ValueError(f"{owner}: none of its projections has a rule, so it cannot learn.")
        for name in plastic(made):
            _check_rule(owner, made.projections[name].rule)
        return made

    __repr__ = display.one_line
    _repr_html_ = display.html
    plot = display.plot


def plastic(circuit: Circuit) -> tuple[str, ...]:
    """Return the projections of a circuit that learn."""
    return tuple(name for name, projection in circuit.projections.items() if projection.rule)


def lasting(circuit: Circuit) -> dict[str, tuple[str, ...]]:
    """Return, for each population, the variables that outlive a presentation: no times, and set by no onset.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import soft_wta
    >>> from spikehebb.circuits.learner import lasting
    >>> lasting(soft_wta(np.ones((4, 2))))
    {'output': ('age',)}
    """
    found = {}
    for name, population in circuit.populations.items():
        model = population.model
        sums = {variable for p in circuit.projections.values() if p.post == name for variable in p.summed}
        kept = [v for v in text.settable(model.equations) if v not in sums]
        started = text.assigned(model.onset, model.frame)
        for traces in circuit.traces(name):
            rule, side = traces.rule, traces.side
            started |= set(text.differential(traces.equations)) - set(traces.keeps)
            restarts = text.assigned(*rule.onset) | {f"{v}_{side}" for v in text.summed(rule.synapse, side)}
            started |= {own for variable, own in traces.names.items() if f"{variable}_{side}" in restarts}
            kept += text.settable(traces.equations)
        dims = text.variables(text.joined(model.equations, *(each.equations for each in circuit.traces(name))))
        if names := tuple(v for v in kept if v not in started and dims[v] != text.TIME):
            found[name] = names
    return found


def _check_rule(owner: str, rule: PlasticityRule | None) -> None:
    """Raise ``ValueError`` for a rule that cannot learn images one after the other."""
    if rule is None:
        return
    restarted = text.assigned(*rule.onset)
    why = ""
    if kept := [name for name in rule.kept() if name not in restarted]:
        why = f"keeps {', '.join(map(repr, kept))} in its synapses beyond an image, which no file of a run holds"
    elif not (rule.on_pre or rule.on_post or rule.update):
        why = "changes no weight when neurons spike"
    if why:
        raise ValueError(f"rule {rule.name} does not fit: {owner}: it {why}. {_TAKE}")


type AnyLearner = str | Learner | Callable[..., Circuit]  # what stands for a circuit that learns: see ``find``
