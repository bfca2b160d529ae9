"""What learns to associate patterns with targets: settings, the network before it learns, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from brian2 import Hz, ms

from spikehebb import devices, neurons
from spikehebb.circuits import deep_rates, supervised_rates
from spikehebb.core import Circuit, Float, PlasticityRule, Protocol, replicas
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import check_setting
from spikehebb.datasets import Patterns
from spikehebb.devices import Device
from spikehebb.equations import did_you_mean
from spikehebb.jobs.seeds import generator
from spikehebb.rules import (
    batched,
    hebbian_descent,
    hebbian_descent_covariance,
    hebbian_descent_deep,
    hebbian_descent_gradient,
    hebbian_descent_gradient_deep,
    hebbian_descent_hebb,
)
from spikehebb.simulation import simulate

DT = 1 * ms  # a pattern is presented for one step
RULES = MappingProxyType(
    {
        "hebbian": hebbian_descent,
        "gradient": hebbian_descent_gradient,
        "covariance": hebbian_descent_covariance,
        "hebb": hebbian_descent_hebb,
    }
)
_DEEP = MappingProxyType({"hebbian": hebbian_descent_deep, "gradient": hebbian_descent_gradient_deep})
# What a unit can give, in words, and whether targets are that.
UNITS: Mapping[str, tuple[str, Callable[[Float], bool]]] = MappingProxyType(
    {
        "identity": ("any numbers", lambda t: True),
        "step": ("0 or 1", lambda t: bool(np.isin(t, (0, 1)).all())),
        "rectifier": ("at least 0", lambda t: bool(t.min() >= 0)),
        "tanh": ("from -1 to 1", lambda t: bool(np.abs(t).max() <= 1)),
        "sigmoid": ("from 0 to 1", lambda t: bool(t.min() >= 0 and t.max() <= 1)),
        "softmax": ("at least 0 and add up to 1", lambda t: bool(t.min() >= 0 and np.allclose(t.sum(axis=1), 1))),
        "exponential": ("at least 0", lambda t: bool(t.min() >= 0)),
    }
)
HIDDEN = ("tanh", "sigmoid", "rectifier")
CENTRING = ("mean", "running", "none")


@dataclass(frozen=True, kw_only=True)
class Association:
    """What learns the patterns, and how.

    Parameters
    ----------
    unit : str
        Of the output, one of ``UNITS``.
    rules : tuple of str
        Of ``RULES``.
    etas : tuple of float
        Learning rates, for the mean over a batch; each rule is reported at the one with its lowest mean error.
    centring : str
        ``mean``: inputs are centred by their mean over all patterns; ``running``: by a running mean; or ``none``.
    tau : float
        Of the running mean, in patterns.
    passes : int
        How often all patterns are presented, always in the same order.
    batch : int
        How many patterns are in a batch.
    decay : float
        Of the weights, in each batch.
    hidden : tuple of int
        Units of hidden layers, from the input on; ``hebbian`` and ``gradient`` have a form for these.
    hidden_unit : str
        ``tanh``, ``sigmoid`` or ``rectifier``.
    seed : int
        Of the weights at the start, which differ between sets of patterns.

    Raises
    ------
    ValueError
        If a name is unknown or a number out of range.
    """

    unit: str = "sigmoid"
    rules: tuple[str, ...] = tuple(RULES)
    etas: tuple[float, ...] = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    centring: str = "mean"
    tau: float = 100.0
    passes: int = 1
    batch: int = 1
    decay: float = 0.0
    hidden: tuple[int, ...] = ()
    hidden_unit: str = "tanh"
    seed: int = 0

    def __post_init__(self) -> None:
        for what, given, known in (
            *(("rule", rule, RULES) for rule in self.rules),
            ("unit", self.unit, UNITS),
            ("centring", self.centring, CENTRING),
            ("hidden unit", self.hidden_unit, HIDDEN),
        ):
            if given not in known:
                raise ValueError(f"there is no {what} {given!r}.{did_you_mean(given, known)}")
        if not self.rules or not self.etas:
            raise ValueError("an association needs at least one rule and one learning rate.")
        for name, values, from_0 in (
            ("eta", self.etas, False),
            ("tau", (self.tau,), False),
            ("decay", (self.decay,), True),
        ):
            for value in values:
                check_setting(name, "float", value, from_0=from_0)
        for name, counts in (("passes", (self.passes,)), ("batch", (self.batch,)), ("hidden", self.hidden)):
            for count in counts:
                check_setting(name, "int", count)
        if self.tau < 1:
            raise ValueError(f"tau counts patterns and must be at least 1, got {self.tau:g}.")
        check_seed(self.seed)
        if self.hidden and (without := [rule for rule in self.rules if rule not in _DEEP]):
            raise ValueError(
                f"{' and '.join(without)} have no form for hidden layers; take the rules {' and '.join(_DEEP)}, or "
                "leave out the hidden layers."
            )
        if self.hidden and self.centring == "running":
            raise ValueError("networks with hidden layers are centred by the mean of their inputs, or not at all.")


def check_sets(sets: Sequence[Patterns], tests: Sequence[Patterns], settings: Association) -> None:
    """Raise ``ValueError`` unless sets are equally large, and units can give and batches hold what is in them."""
    allowed, fits = UNITS[settings.unit]
    if not sets or len(tests) not in (0, len(sets)):
        raise ValueError(
            f"{len(sets)} sets of patterns and {len(tests)} to test; give a set, and as many tests or none."
        )
    for each in (*sets, *tests):
        if each.inputs.shape[1:] + each.targets.shape[1:] != sets[0].inputs.shape[1:] + sets[0].targets.shape[1:]:
            raise ValueError(
                f"patterns {each.name} have another length than {sets[0].name}; sets must be equally long."
            )
        if not fits(each.targets):
            raise ValueError(
                f"patterns {each.name}: targets of {settings.unit} units must be {allowed}, got numbers from "
                f"{each.targets.min():g} to {each.targets.max():g}."
            )
    if len({len(each) for each in sets}) > 1:
        raise ValueError("sets of patterns must be equally many, so that errors can be averaged.")
    if len(sets[0]) % settings.batch:
        raise ValueError(
            f"{len(sets[0])} patterns are no whole number of batches of {settings.batch}; the last would not be learnt."
        )


def start(settings: Association, shown: Patterns, rule: str, eta: float, number: int = 0) -> Circuit:
    """Return the network before it learns: weights uniform within sqrt(6/(inputs + outputs)), biases 0.

    Parameters
    ----------
    settings : Association
    shown : Patterns
    rule : str
        Of ``RULES``.
    eta : float
    number : int
        Of the set, which decides the weights.
    """
    rng = generator(settings.seed, "associating", number)
    sizes = [shown.inputs.shape[1], *settings.hidden, shown.targets.shape[1]]
    weights = []
    for layer, (pre, post) in enumerate(pairwise(sizes), 1):
        limit = np.sqrt(6 / (pre + post))
        below_bias = 0 if layer == len(sizes) - 1 else 1  # a hidden layer has its own bias unit
        weights.append(np.vstack([rng.uniform(-limit, limit, (pre, post + below_bias)), np.zeros(post + below_bias)]))
    mu = np.append(shown.inputs.mean(axis=0), 0.0) if settings.centring == "mean" else 0.0
    unit = neurons.NEURONS[f"{settings.unit}_unit"]
    value = _rule(settings, rule, eta)
    if settings.hidden:
        hidden = neurons.NEURONS[f"{settings.hidden_unit}_hidden"]
        return deep_rates(weights, rule=value, mu=mu, hidden=hidden, unit=unit, batch=_batch(settings))
    tau = settings.tau * DT if settings.centring == "running" else None
    circuit = supervised_rates(weights[0], rule=value, mu=mu, unit=unit, tau_mu=tau)
    return circuit.with_state("output", target_mean=shown.targets.mean(axis=0)) if rule == "covariance" else circuit


def _batch(settings: Association) -> Any:
    return settings.batch * DT if settings.batch > 1 else None


def _rule(settings: Association, name: str, eta: float) -> PlasticityRule:
    per_step = 1 / (settings.batch * float(DT)) * Hz
    rule = (_DEEP if settings.hidden else RULES)[name].with_parameters(
        eta=eta * per_step, decay=settings.decay * per_step
    )
    batch = _batch(settings)
    return rule if batch is None or settings.hidden else batched(rule, batch)


class Measured(NamedTuple):
    """What units answer: errors by pattern, mean loss, and in which share the largest output is the right one."""

    errors: Float
    loss: float
    right: float


def measured(networks: Sequence[Circuit], shown: Patterns, device: Device = devices.NUMPY) -> list[Measured]:
    """Return what frozen networks, alike but for their weights and means, answer to patterns.

    Parameters
    ----------
    networks : sequence of Circuit
        Of ``supervised_rates`` or ``deep_rates``, with a bias as their last input.
    shown : Patterns
    device : Device
    """
    first, many = networks[0].frozen(), len(networks)
    learning = [name for name, projection in first.projections.items() if projection.weights is not None]
    together = replicas(
        first,
        many,
        weights={name: np.array([each.projections[name].weights for each in networks]) for name in learning},
        state={
            f"input.{name}": np.array([each.populations["input"].state[name] for each in networks])
            for name in first.populations["input"].state
        },
    )
    plan = presenting(shown)
    traces = simulate(together, plan, dt=DT, device=device, record=["output.h", "output.loss"]).traces
    h, loss = (traces[f"output.{what}"].reshape(len(shown), many, -1) for what in ("h", "loss"))
    wanted = shown.targets.argmax(axis=1)
    return [
        Measured(
            np.abs(h[:, n] - shown.targets).mean(axis=1),
            float(loss[:, n].sum(axis=1).mean()),
            float(np.mean(h[:, n].argmax(axis=1) == wanted)),
        )
        for n in range(many)
    ]


def presenting(shown: Patterns, passes: int = 1) -> Protocol:
    """Return a plan that presents patterns, with a bias that is always 1, and their targets, each for one step."""
    rows = {"input": np.hstack([shown.inputs, np.ones((len(shown), 1))]), "output": shown.targets}
    return Protocol(
        stimuli={name: np.tile(array, (passes, 1)) for name, array in rows.items()},
        duration=passes * len(shown) * DT,
        presentation=DT,
    )
