"""From the plan of one circuit to the plan of copies side by side.

Populations become ``count`` times as large, projections connect each copy with itself, and what differs between copies
becomes a value of its neurons: new seeds, parameters, weights and stimuli need no new program. Random numbers are those
of ``streams``, so that what a copy draws does not depend on the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from brian2 import Quantity
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.core import Circuit, Frozen, Protocol, Replicas
from spikehebb.simulation import counted_random
from spikehebb.simulation.plan import (
    Plan,
    PopulationPlan,
    ProjectionPlan,
    assemble,
    resting,
)
from spikehebb.simulation.plan_values import stimuli, timed, values

_SEED = "replica_seed"  # of the copy that a neuron belongs to; the bits of an unsigned number
_UNKNOWN = ("xi", "poisson", "binomial")  # random numbers that replicas cannot draw by counting
_DRAWS = {"rand": counted_random.UNIFORM, "randn": counted_random.NORMAL}


def plan_of(
    circuit: Circuit | Replicas,
    protocol: Protocol | Sequence[Protocol],
    *,
    dt: Quantity,
    record: Iterable[str] = (),
    every: int = 1,
) -> Plan:
    """Return the plan of a circuit, or of replicas; the arguments are those of ``simulate``."""
    if isinstance(circuit, Circuit):
        return assemble(circuit, one_protocol(circuit, protocol), dt=dt, record=record, every=every)
    protocols = protocols_of(circuit, protocol)
    own = not isinstance(protocol, Protocol)
    plan = assemble(
        circuit.circuit, _longest(protocols), dt=dt, record=record, every=every, copies=circuit.count if own else 1
    )
    return _Writer(replicas=circuit, plan=plan, own=own).write()


def _longest(protocols: Sequence[Protocol]) -> Protocol:
    """Return a protocol with the most rows that any of them has, for each population: all of them fit into its room."""
    stimuli = {name: max((each.stimuli[name] for each in protocols), key=len) for name in protocols[0].stimuli}
    return dataclasses.replace(protocols[0], stimuli=stimuli)


def values_of(
    circuit: Circuit | Replicas, protocol: Protocol | Sequence[Protocol], plan: Plan, *, seed: int
) -> dict[str, NDArray[Any]]:
    """Return the value of everything that the program of a plan declares, in base units, by Brian2's names."""
    if isinstance(circuit, Circuit):
        found = values(circuit, plan)
        shown = stimuli(one_protocol(circuit, protocol), plan)
    else:
        found = _side_by_side(circuit, plan, seed)
        if isinstance(protocol, Protocol):
            shown = stimuli(protocol, plan)
        else:
            each = [stimuli(one, plan) for one in protocol]
            shown = {name: np.hstack([rows[name] for rows in each]) for name in each[0]}
    return found | {f"{timed(name)}.values": rows.ravel() for name, rows in shown.items()}


def one_protocol(circuit: Circuit | Replicas, protocol: Protocol | Sequence[Protocol]) -> Protocol:
    """Return the protocol of a circuit, or the first one of replicas, which last equally long."""
    if isinstance(protocol, Protocol):
        return protocol
    if isinstance(circuit, Circuit):
        raise ValueError(
            f"circuit {circuit.name} takes one protocol, got {len(protocol)}; only replicas take one for each copy."
        )
    return protocols_of(circuit, protocol)[0]


def protocols_of(replicas: Replicas, protocol: Protocol | Sequence[Protocol]) -> tuple[Protocol, ...]:
    """Return a protocol for every copy, after checking that they run side by side."""
    owner = f"replicas of circuit {replicas.circuit.name}"
    if isinstance(protocol, Protocol):
        return (protocol,) * replicas.count
    protocols = tuple(protocol)
    if len(protocols) != replicas.count:
        raise ValueError(
            f"{owner}: {len(protocols)} protocols for {replicas.count} copies; give one for all or one for each."
        )
    first = protocols[0]
    for number, other in enumerate(protocols):
        for what in ("duration", "presentation", "frames"):
            given, wanted = getattr(other, what), getattr(first, what)
            if (given is None) != (wanted is None) or (given is not None and float(given) != float(wanted)):
                raise ValueError(
                    f"{owner}: the {what} of protocol {number} is {given}, but {wanted} of protocol 0; side by side "
                    "they must be equal."
                )
        if set(other.stimuli) != set(first.stimuli):
            raise ValueError(
                f"{owner}: protocol {number} stimulates {sorted(other.stimuli)}, but protocol 0 "
                f"{sorted(first.stimuli)}; every copy needs a stimulus for the same populations."
            )
        for name, population in replicas.circuit.populations.items():
            columns = np.shape(other.stimuli.get(name, np.zeros((1, population.size))))[1]
            if columns != population.size:
                raise ValueError(f"stimulus of {name}: {columns} columns for {population.size} neurons.")
    return protocols


def _side_by_side(replicas: Replicas, plan: Plan, seed: int) -> dict[str, NDArray[Any]]:
    """Return the values of all copies: one where all share it, or those of their neurons and synapses in turn."""
    count, found = replicas.count, dict[str, NDArray[Any]]()
    differ = bool(replicas.parameters or replicas.weights or replicas.state)
    each = [values(replicas.replica(copy), plan) for copy in range(count if differ else 1)]
    for name, value in each[0].items():
        owner, variable = name.split(".")
        if owner in plan.populations:
            part = plan.populations[owner]
            if text.is_shared(part.model, variable):
                found[name] = value
                continue
            shape = (part.size // count,)
        elif variable == "w":
            if plan.projections[owner].shared:
                found[name] = value
                continue
            shape = value.shape
        elif variable == "delay":
            found[name] = np.tile(value, count)
            continue
        else:  # a parameter of a rule that is equal for all
            found[name] = value
            continue
        rows = [np.broadcast_to(one[name], shape) for one in each]
        found[name] = np.concatenate(rows * (count if len(rows) == 1 else 1))
    for projection, wiring in plan.projections.items():
        size = plan.populations[wiring.post].size // count
        for parameter, variable in wiring.lifted:
            given = np.asarray(replicas.parameters[f"{projection}.{parameter}"], float)
            found[f"{wiring.post}.{variable}"] = np.repeat(given, size)
    for name, part in plan.populations.items():
        if _SEED in text.variables(part.model):
            seeds = np.array(replicas.seeds_of(seed), np.uint32).view(np.int32)
            found[f"{name}.{_SEED}"] = np.repeat(seeds, part.size // count)
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class _Writer:
    """Writes the plan of replicas."""

    replicas: Replicas
    plan: Plan  # of one circuit
    own: bool  # whether every copy is presented something else
    declared: dict[str, list[str]] = field(default_factory=dict)  # by population: what its neurons hold besides
    sites: list[str] = field(default_factory=list)  # who draws random numbers

    def write(self) -> Plan:
        plan, count = self.plan, self.replicas.count
        projections = {name: self._projection(name, part) for name, part in plan.projections.items()}
        populations = {name: self._population(name, part) for name, part in plan.populations.items()}
        for name, part in populations.items():  # last, because projections and neurons both declare
            lines = dict.fromkeys([part.model, *self.declared.get(name, [])])
            populations[name] = dataclasses.replace(part, model="\n".join(filter(None, lines)), size=part.size * count)
        return dataclasses.replace(
            plan,
            populations=Frozen(populations),
            projections=Frozen(projections),
            streams=counted_random.CODE if self.sites else "",
        )

    def _population(self, name: str, part: PopulationPlan) -> PopulationPlan:
        for variable in text.variables(part.model):
            if text.is_shared(part.model, variable) and variable not in self._parameters(name):
                raise ValueError(
                    f"replicas of circuit {self.replicas.circuit.name}: all neurons of {name} share one {variable!r}, "
                    "and would share it with those of the other copies; let every neuron have its own."
                )

        size = part.size
        shown = {function: self._shown(function, size) for function in ("stimulus", "spike_time") if self.own}

        def local(code: str) -> str:
            return self._drawing(code, name, name, {"i": f"i % {size}", "N": str(size)}, shown, "", f"i % {size}")

        model = []
        for each in text.statements(part.model):
            own = each.variable in self._differing(name) and "shared" in each.flags
            model.append(str(dataclasses.replace(each, flags=("constant",)) if own else each))
        return dataclasses.replace(
            part,
            model=local("\n".join(model)),
            threshold=local(part.threshold),
            reset=local(part.reset),
            refractory=local(part.refractory),
            onset=local(part.onset),
            frame=local(part.frame),
            update=local(part.update),
            epochs=tuple((period, local(code)) for period, code in part.epochs),
            events=tuple((projection, local(condition)) for projection, condition in part.events),
            columns=part.columns * (self.replicas.count if self.own else 1),
        )

    def _projection(self, name: str, part: ProjectionPlan) -> ProjectionPlan:
        count = self.replicas.count
        pre, post = self.plan.populations[part.pre].size, self.plan.populations[part.post].size
        synapses = pre * post if part.connected is None else len(part.connected[0])
        lifted = self._lift(name, part)
        here = {parameter: f"{variable}_post" for parameter, variable in lifted}
        here |= {"i": f"i % {pre}", "j": f"j % {post}", "N": str(synapses)}

        def local(code: str) -> str:
            return self._drawing(code, name, part.post, here, {}, "_post", f"(i % {pre})*{post} + j % {post}")

        def alone(code: str, owner: str, size: int) -> str:  # in synapses of neurons with themselves
            return self._drawing(code, name, owner, {"i": f"i % {size}", "N": str(size)}, {}, "_post", f"i % {size}")

        connected = part.connected
        if connected is not None:
            copies = np.repeat(np.arange(count), synapses)
            connected = tuple(
                np.tile(numbers, count) + copies * size for numbers, size in zip(connected, (pre, post), strict=True)
            )
        model = text.without(part.model, dict(lifted))
        return dataclasses.replace(
            part,
            model=local(model),
            transmit=local(part.transmit),
            on_pre=local(part.on_pre),
            on_post=local(part.on_post),
            arrive=alone(part.arrive, part.pre, pre),
            back=alone(part.back, part.post, post),
            update=local(part.update),
            onset=tuple(local(code) for code in part.onset),
            connected=connected,
            copies=count,
            shared=self._shares(name, part),
            lifted=lifted,
        )

    def _shares(self, name: str, part: ProjectionPlan) -> bool:
        """Return whether one table of weights does for all copies."""
        return bool(resting(part)) and name not in self.replicas.weights and f"{name}.w" not in self.plan.traces

    def _lift(self, name: str, part: ProjectionPlan) -> tuple[tuple[str, str], ...]:
        """Let postsynaptic neurons hold the rule's parameters that differ and that only synapses read."""
        lifted, differing = [], self._differing(name)
        for each in text.statements(part.model):
            if each.variable in differing:
                variable, taken = f"{name}_{each.variable}", self._variables(part.post)
                while variable in taken:
                    variable += "x"
                declared = dataclasses.replace(each, variable=variable, flags=("constant",))
                self.declared.setdefault(part.post, []).append(str(declared))
                lifted.append((each.variable, variable))
        return tuple(lifted)

    def _variables(self, population: str) -> set[str]:
        lines = [self.plan.populations[population].model, *self.declared.get(population, [])]
        return set(text.variables("\n".join(lines)))

    def _parameters(self, population: str) -> set[str]:
        """Return the parameters that the neurons of a population hold, those of rules with traces there included."""
        circuit = self.replicas.circuit
        return set(circuit.populations[population].model.parameters).union(
            *(traces.parameters for traces in circuit.traces(population))
        )

    def _differing(self, owner: str) -> list[str]:
        """Return the parameters that differ between copies: of a projection, or in the neurons of a population."""
        named = [name.split(".") for name in self.replicas.parameters]
        found = [parameter for each, parameter in named if each == owner]
        for traces in self.replicas.circuit.traces(owner):
            found += [traces.names[name] for each, name in named if each == traces.projection and name in traces.names]
        return found

    def _shown(self, function: str, size: int) -> Callable[[str, str], str]:
        """Let every copy look at columns of its own."""

        def look(when: str, column: str) -> str:
            own = "i" if column == f"i % {size}" else f"({column}) + i - i % {size}"
            return f"{function}({when}, {own})"

        return look

    def _drawing(
        self,
        code: str,
        owner: str,
        holder: str,
        names: Mapping[str, str],
        calls: Mapping[str, Callable[..., str]],
        suffix: str,
        index: str,
    ) -> str:
        """Return text for all copies: it draws its random numbers by counting, with the seeds that ``holder`` holds."""
        for name in _UNKNOWN:
            if name in text.used(code):
                raise ValueError(
                    f"replicas of circuit {self.replicas.circuit.name}: {owner} uses {name}, and replicas draw random "
                    "numbers with rand() and randn() only; run these circuits one after another."
                )

        def draw(function: str) -> str:
            site = 1 + counted_random.SITES * len(self.sites)
            self.sites.append(owner)
            return f"{function}({_SEED}{suffix}, {site}, {index}, t_in_timesteps)"

        if text.calls(code, *_DRAWS):
            self.declared.setdefault(holder, []).append(f"{_SEED} : integer (constant)")
        drawing = {function: partial(draw, counted) for function, counted in _DRAWS.items()}
        return text.renamed(code, names, {**calls, **drawing})
