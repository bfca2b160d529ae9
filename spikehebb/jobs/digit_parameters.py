"""The parameters of learning images by name: which of them are fields of the settings, and the limits of a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brian2 import Hz, ms

from spikehebb import equations, hardware
from spikehebb.hardware import Target

# Parameters that are fields of the settings, and their unit: of any circuit, and of the soft winner-take-all.
ANY: Mapping[str, tuple[str, Any]] = {
    "presentation": ("presentation_ms", ms),
    "dt": ("dt_ms", ms),
    "epoch": ("epoch_ms", ms),
    "w_max": ("w_max", 1),
}
FIELDS: Mapping[str, tuple[str, Any]] = {
    "circuit.temperature": ("temperature", 1),
    "circuit.rate": ("rate_hz", Hz),
    "circuit.tau_m": ("tau_m_ms", ms),
    "circuit.start_norm": ("start_norm", 1),
    "circuit.eta": ("eta", 1),
    "circuit.lifetime": ("lifetime", 1),
    "circuit.max_rate": ("max_rate_hz", Hz),
    "input.max_rate": ("max_rate_hz", Hz),
    "input.jitter": ("jitter", 1),
}
_OF_TARGETS = ("epoch", "w_max")
_LIMIT = "target."
_BITS = ("weight_bits", "trace_bits")  # limits that are fields of the settings
# The limits that learning reads; of memristive devices, and of chips.
_OF_DEVICES = ("conductance_states", "curve_up", "curve_down", "cycle_noise")
_OF_CHIPS = (
    *("weight_signs", "sign_in_weight_bits", "learns", "traces_pre", "traces_post", "impulse_fraction_bits"),
    *("tag_bits", "constant_bits", "scale_bits", "accumulator_bits", "stochastic_rounding", *_BITS),
)


def of(owner: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of one owner, by their own names.

    Examples
    --------
    >>> of("rule", {"rule.eta": 0.1, "circuit.eta": 0.2})
    {'eta': 0.1}
    """
    return {name.partition(".")[2]: value for name, value in parameters.items() if name.partition(".")[0] == owner}


def check_any(name: str, value: Any, target: str) -> None:
    """Raise ``ValueError`` unless a parameter of ``ANY`` has its unit and, where it is of learning on a target, one."""
    equations.check_parameters("images", {name: value}, {name: ANY[name][1]})
    if name in _OF_TARGETS and not target:
        raise ValueError(f"{name} is of learning on a target; name one, such as memristive or loihi1.")


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a file holds them: numbers in base units, and limits as they are."""
    kept = limits(parameters)
    return {name: v if name in kept or isinstance(v, str) else float(v) for name, v in parameters.items()}


def limits(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters that are limits of a target."""
    return {name: value for name, value in parameters.items() if name.startswith(_LIMIT)}


def own_limits(target: Any) -> tuple[Any, dict[str, Any]]:
    """Return the name of a target, and as parameters the limits in which it differs from the catalogue's for learning.

    Raises
    ------
    ValueError
        If it is a target of a name that the catalogue does not have.
    """
    if not isinstance(target, Target):
        return target, {}
    if target.name not in hardware.TARGETS:
        raise ValueError(
            f"a network learns under the limits of a target of the catalogue, or of one with other limits, got "
            f"{target.name!r}; take TARGETS['generic'].with_limits(...)."
        )
    usual = hardware.find(target.name).limits
    read = _OF_DEVICES if hardware.is_memristive(target) else _OF_CHIPS
    changed = [name for name in dict.fromkeys((*read, *_BITS)) if usual.get(name) != target.limits.get(name)]
    return target.name, {f"{_LIMIT}{name}": target.value(name) for name in changed}


def limited(target: str, parameters: Mapping[str, Any], *, weight_bits: int = 0, trace_bits: int = 0) -> Target:
    """Return a target with the limits among parameters, and with bits where they are not 0.

    Raises
    ------
    ValueError
        If there is no target, a limit is unknown or out of range, or learning does not read it.
    """
    own = of("target", parameters)
    if not target:
        raise ValueError(
            f"{', '.join(limits(parameters))}: there is no target; name one, such as memristive or loihi1."
        )
    bits = {name: value for name, value in zip(_BITS, (weight_bits, trace_bits), strict=True) if value}
    chip = hardware.find(target).with_limits(**own)
    read = _OF_DEVICES if hardware.is_memristive(chip) else _OF_CHIPS
    if unread := [name for name in own if name not in read]:
        raise ValueError(
            f"target.{unread[0]}: learning on {target} does not read that limit; it reads {', '.join(sorted(read))}."
        )
    if weight_bits:  # any number can be tried out
        chip = chip.with_limits(weight_bit_choices=None)
    return chip.with_limits(**bits)


def with_bits(parameters: dict[str, Any]) -> dict[str, Any]:
    """Take those bits out of parameters that are fields of the settings, and return them."""
    given = {name: parameters.get(f"{_LIMIT}{name}") for name in _BITS}
    bits = {name: value for name, value in given.items() if isinstance(value, int) and value > 0}
    for name in bits:
        del parameters[f"{_LIMIT}{name}"]
    return bits
