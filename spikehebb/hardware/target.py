"""What a chip can hold: limits, each with its source, and targets made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikehebb.core import Frozen, display
from spikehebb.core.values import is_finite
from spikehebb.equations import did_you_mean

SIGNS = ("unsigned", "per synapse", "per row", "per presynaptic neuron")

# What each limit means, and of which kind its value is. There are no other limits.
VOCABULARY: Mapping[str, tuple[str, str]] = Frozen(
    {
        "weight_bits": ("bits", "bits of a weight"),
        "weight_bit_choices": ("choices", "the only numbers of weight bits there are"),
        "weight_signs": ("sign", "what has a sign of its own: " + ", ".join(SIGNS)),
        "sign_in_weight_bits": ("yes or no", "whether the sign of mixed weights takes one of the weight bits"),
        "weight_exponents": ("range", "smallest and largest exponent of the factor 2**exponent that weights share"),
        "fan_in": ("count", "synapses onto one neuron"),
        "fan_out": ("count", "synapses from one neuron"),
        "destinations": ("count", "cores that one neuron can send its spikes to"),
        "neurons_per_core": ("count", "neurons on one core"),
        "cores": ("count", "cores of the chip"),
        "synapse_bits_per_core": ("count", "bits of synapse memory of one core"),
        "synapse_overhead_bits": ("from 0", "bits of synapse memory that a synapse takes besides its weight"),
        "input_axons": ("count", "presynaptic neurons that one core can have"),
        "output_axons": ("count", "pairs of a neuron of a core and a core that it sends to"),
        "delay_steps": ("from 0", "longest delay, in time steps"),
        "refractory_steps": ("from 0", "longest refractory time, in time steps"),
        "threshold_bits": ("bits", "bits of a threshold"),
        "decay_bits": ("bits", "bits of a decay: in a time step, a variable loses decay/2**decay_bits of itself"),
        "neuron_models": ("names", "the catalogue's neurons that it can run"),
        "continuous_projections": ("yes or no", "whether neurons can send each other numbers at every time step"),
        "learns": ("yes or no", "whether weights can change on the chip"),
        "sum_of_products": (
            "yes or no",
            "whether a learning rule must be a sum of products of traces, w and constants",
        ),
        "traces_pre": ("from 0", "traces of the presynaptic side that a rule can read"),
        "traces_post": ("from 0", "traces of the postsynaptic side that a rule can read"),
        "trace_bits": ("bits", "bits of a trace"),
        "impulse_fraction_bits": ("from 0", "bits after the point of what a spike adds to a trace"),
        "tag_bits": ("bits", "bits of a second variable of the synapse, its sign included"),
        "constant_bits": ("bits", "bits of a constant in a rule, its sign included"),
        "scale_bits": ("bits", "bits of a product's factor, its sign included, which a power of 2 multiplies"),
        "accumulator_bits": ("bits", "bits of the sum of a rule's products, its sign included"),
        "epoch_bits": ("bits", "bits of the time steps between two updates of the weights"),
        "stochastic_rounding": ("yes or no", "whether traces and weights are rounded stochastically"),
        "conductance_states": ("count", "even pulses that take a conductance from one end of its range to the other"),
        "curve_up": ("number", "how straight conductances rise: A of 1 - exp(-P/A), in parts of the states"),
        "curve_down": ("number", "the same of how they fall"),
        "cycle_noise": ("number", "standard deviation of the change by one pulse, in parts of the range"),
    }
)
MOST_BITS = 64
BY_USER = "set by the user"  # the source of a limit that somebody changed
_WORDS = {"true": True, "yes": True, "false": False, "no": False, "none": None}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit of a chip.

    Parameters
    ----------
    value : int, bool, str, tuple of int or tuple of str
        What the vocabulary asks for.
    source : str
        Repository and file, or work, that the number was read in.
    verified : bool
        Whether it was read in the source itself. What is not verified is never enforced.
    """

    value: Any
    source: str
    verified: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A chip, as its limits; what is not named is not limited.

    Parameters
    ----------
    name, summary : str
    limits : mapping of str to Limit
        Over the names of ``VOCABULARY``.

    Raises
    ------
    ValueError
        If a limit is unknown, has no source, or is a number that no chip can have.

    Examples
    --------
    >>> from spikehebb.hardware import TARGETS
    >>> TARGETS["loihi1"].value("trace_bits"), TARGETS["generic"].value("trace_bits")
    (7, None)
    >>> TARGETS["generic"].with_limits(weight_bits=4).value("weight_bits")
    4
    """

    name: str
    summary: str
    limits: Mapping[str, Limit]

    def __post_init__(self) -> None:
        checked = {}
        for name, limit in self.limits.items():
            _check_name(self.name, name)
            if not isinstance(limit, Limit):
                raise ValueError(f"target {self.name}: {name} must be a Limit with a source, got {limit!r}.")
            if not limit.source.strip():
                raise ValueError(f"target {self.name}: {name} needs a source; say where {limit.value!r} comes from.")
            value = _checked(f"target {self.name}: {name}", VOCABULARY[name][0], limit.value)
            checked[name] = dataclasses.replace(limit, value=value)
        object.__setattr__(self, "limits", Frozen(checked))
        bits, choices = self.value("weight_bits"), self.value("weight_bit_choices")
        if bits is not None and choices is not None and bits not in choices:
            raise ValueError(
                f"target {self.name}: weight_bits must be one of {', '.join(map(str, choices))} "
                f"(weight_bit_choices), got {bits}."
            )

    def value(self, name: str, *, unverified: bool = False) -> Any:
        """Return a limit's value; ``None`` where there is no limit, or none that was verified.

        Parameters
        ----------
        unverified : bool
            Return an unverified value, too.
        """
        _check_name(self.name, name)
        limit = self.limits.get(name)
        return None if limit is None or not (limit.verified or unverified) else limit.value

    def with_limits(self, **values: Any) -> Target:
        """Return the target with other limits, which count as verified; ``None`` takes a limit away."""
        limits = dict(self.limits)
        for name, value in values.items():
            _check_name(self.name, name)
            if value is None:
                limits.pop(name, None)
            else:
                limits[name] = value if isinstance(value, Limit) else Limit(value=value, source=BY_USER)
        return dataclasses.replace(self, limits=limits)

    __repr__ = display.one_line
    _repr_html_ = display.html


def read_limit(name: str, word: str) -> Any:
    """Return the value of a limit from a text: a number, yes or no, ``none``, or several of them with commas.

    Examples
    --------
    >>> from spikehebb.hardware import read_limit
    >>> read_limit("weight_exponents", "-8,7"), read_limit("learns", "no"), read_limit("curve_up", "0.3")
    ((-8, 7), False, 0.3)
    """
    if word.strip().lower() in _WORDS:
        return _WORDS[word.strip().lower()]
    kind = VOCABULARY.get(name, ("", ""))[0]
    if kind == "names":
        return tuple(part.strip() for part in word.split(","))
    if kind in ("choices", "range"):
        return tuple(_number(part) for part in word.split(","))
    return word if kind == "sign" else _number(word)


def _check_name(target: str, name: str) -> None:
    if name not in VOCABULARY:
        raise ValueError(f"target {target}: there is no limit {name!r}.{did_you_mean(name, VOCABULARY)}")


def _checked(owner: str, kind: str, value: Any) -> Any:
    """Return a limit's value in its plain type, or refuse it."""
    match kind:
        case "count":
            return _whole(owner, value, 1)
        case "from 0":
            return _whole(owner, value, 0)
        case "bits":
            return _whole(owner, value, 1, MOST_BITS)
        case "number":
            if not is_finite(value) or value <= 0:
                raise ValueError(f"{owner} must be a number above 0, got {value!r}.")
            return float(value)
        case "yes or no":
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(f"{owner} must be True or False, got {value!r}.")
            return bool(value)
        case "sign":
            if value not in SIGNS:
                raise ValueError(f"{owner} must be one of {', '.join(SIGNS)}; got {value!r}.")
            return value
    if isinstance(value, str) or not isinstance(value, (tuple, list)) or not value:
        raise ValueError(f"{owner} must be a tuple of {'names' if kind == 'names' else 'numbers'}, got {value!r}.")
    if kind == "names":
        for name in value:
            if not isinstance(name, str) or not name:
                raise ValueError(f"{owner} must be a tuple of names, got {value!r}.")
        return tuple(value)
    if kind == "choices":
        return tuple(sorted(_whole(owner, number, 1, MOST_BITS) for number in value))
    low_high = tuple(_whole(owner, number, -MOST_BITS, MOST_BITS) for number in value)
    if len(low_high) != 2 or low_high[0] > low_high[1]:
        raise ValueError(f"{owner} must be a smallest and a largest number, got {value!r}.")
    return low_high


def _whole(owner: str, value: Any, least: int, most: int | None = None) -> int:
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
    if (
        isinstance(value, (bool, np.bool_))
        or not isinstance(value, (int, np.integer))
        or value < least
        or (most is not None and value > most)
    ):
        raise ValueError(f"{owner} must be a whole number {allowed}, got {value!r}.")
    return int(value)


def _number(word: str) -> Any:
    """Return a number from a text; the text where it is none."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(word)
    return word
