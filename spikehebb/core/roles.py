"""What parameters mean, and so which values they can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2.units import get_dimensions

from spikehebb import equations as text


@dataclass(frozen=True, kw_only=True)
class Role:
    """The values that parameters of one meaning can have.

    Parameters
    ----------
    allowed : str
        In words, after "must be".
    least : float
        No value is below it.
    above : bool
        Nor equal to it.
    infinite : bool
        Infinity is a value, too.
    hint : str
        What to do instead.
    """

    allowed: str
    least: float = -np.inf
    above: bool = False
    infinite: bool = False
    hint: str = ""

    def allows(self, value: Any) -> bool:
        """Return whether a number, or every number of an array, is allowed."""
        numbers = np.asarray(value, float)
        finite = ~np.isnan(numbers) if self.infinite else np.isfinite(numbers)
        return bool(np.all(finite & ((numbers > self.least) if self.above else (numbers >= self.least))))


ROLES: Mapping[str, Role] = {
    "time constant": Role(allowed="a finite time above 0", least=0.0, above=True),
    "membrane time constant": Role(
        allowed="a time above 0, infinite without a leak", least=0.0, above=True, infinite=True
    ),
    "duration": Role(allowed="a finite time of at least 0", least=0.0),
    "amplitude": Role(
        allowed="a finite number of at least 0",
        least=0.0,
        hint=" The sign is in the equations: for the opposite one take another rule (stdp_pair has stdp_anti_hebbian).",
    ),
    "learning rate": Role(allowed="finite and at least 0", least=0.0),
    "rate": Role(allowed="a finite frequency of at least 0", least=0.0),
    "factor": Role(allowed="a finite number of at least 0", least=0.0),
    "scale": Role(allowed="finite and above 0", least=0.0, above=True),
    "lower bound": Role(allowed="a number or infinity", infinite=True),
    "upper bound": Role(allowed="a number or infinity", infinite=True),
    "number": Role(allowed="finite"),
    "limit": Role(allowed="a number or infinity", infinite=True),
}
_BOUNDS = {"w_min": "lower bound", "w_max": "upper bound"}
_AMPLITUDES = ("A_", *(f"A{number}_" for number in range(1, 10)))


def roles_of(parameters: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, str]:
    """Return the role of every parameter: as given, or as its name and its unit say.

    ``tau`` and names that begin with it, if they are times, are time constants (``tau_m`` that of a membrane, which may
    have no leak), and other times durations; ``w_min``
    and ``w_max`` are bounds, ``A_plus``, ``A2_minus`` and the like amplitudes, ``eta`` is a learning rate. What is left
    is a finite number, or a limit where its value is infinite.

    Examples
    --------
    >>> from brian2 import ms
    >>> roles_of({"tau_x": 20 * ms, "A_plus": 0.1, "cap": float("inf"), "gamma": 2.0}, {"gamma": "scale"})
    {'tau_x': 'time constant', 'A_plus': 'amplitude', 'cap': 'limit', 'gamma': 'scale'}
    """
    return {name: roles.get(name) or _usual(name, value) for name, value in parameters.items()}


def _usual(name: str, value: Any) -> str:
    if get_dimensions(value) == text.TIME:
        if name == "tau_m":
            return "membrane time constant"
        return "time constant" if name.startswith("tau") else "limit" if np.any(np.isinf(value)) else "duration"
    if name in _BOUNDS:
        return _BOUNDS[name]
    if name == "A" or name.startswith(_AMPLITUDES):
        return "amplitude"
    if name == "eta":
        return "learning rate"
    return "limit" if np.any(np.isinf(value)) else "number"


def check_roles(owner: str, parameters: Mapping[str, Any], roles: Mapping[str, str]) -> None:
    """Raise ``ValueError`` if roles are given that do not exist, or to parameters that do not."""
    for name, role in roles.items():
        if name not in parameters:
            raise ValueError(
                f"{owner}: its roles name {name!r}, which is no parameter.{text.did_you_mean(name, parameters)}"
            )
        if role not in ROLES:
            raise ValueError(f"{owner}: {name} cannot be {role!r}.{text.did_you_mean(str(role), ROLES)}")


def check_values(owner: str, parameters: Mapping[str, Any], roles: Mapping[str, str]) -> None:
    """Raise ``ValueError`` unless every parameter has a value that its role allows, and bounds are in order.

    Parameters
    ----------
    owner : str
        Whose parameters they are; every message begins with it.
    parameters : mapping of str to number or Quantity
    roles : mapping of str to str
        Of all parameters.
    """
    for name, value in parameters.items():
        role = ROLES[roles[name]]
        if not role.allows(value):
            meaning = f"{'an' if roles[name].startswith(('a', 'u')) else 'a'} {roles[name]}"
            raise ValueError(
                f"{owner}: {name} is {meaning} and must be {role.allowed}, got {text.said(value)}.{role.hint}"
            )
    lower, upper = ([name for name in parameters if roles[name] == f"{side} bound"] for side in ("lower", "upper"))
    for low in lower:
        for high in upper:
            if not _below(parameters[low], parameters[high]):
                raise ValueError(
                    f"{owner}: {low} must be below {high}, got {low} = {text.said(parameters[low])} and {high} = "
                    f"{text.said(parameters[high])}."
                )


def _below(low: Any, high: Any) -> bool:
    try:
        return bool(np.all(np.asarray(low, float) < np.asarray(high, float)))
    except ValueError:  # arrays of different lengths, which a population refuses
        return True
