"""Learning in memristive devices: a weight is a conductance, and a change of it is a number of pulses.

``memristive`` rewrites a rule; what comes out are Brian2 equations again and runs on every device. The model is that of
Chen, Peng and Yu (IEEE Transactions on Computer-Aided Design 37:3067-3080, 2018): after ``P`` pulses upwards from the
bottom the conductance is ``G_min + B*(1 - exp(-P/A))``, with ``B = (G_max - G_min)/(1 - exp(-P_max/A))``, so the same
pulse changes it less the higher it is; downwards the mirror image, with a constant of its own. A pulse never does
exactly the same twice.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from spikehebb import equations as text
from spikehebb.core import PlasticityRule
from spikehebb.core.bounds import weight_bounds
from spikehebb.hardware.target import Target

_IDEAL, _PULSES = "w_ideal", "g_pulses"


def is_memristive(target: Target) -> bool:
    """Return whether weights are conductances there."""
    return target.value("conductance_states") is not None


def memristive(
    rule: PlasticityRule, target: Target, *, w_max: float | None = None, whole_pulses: bool = True
) -> PlasticityRule:
    """Return a rule whose changes are pulses on memristive devices.

    What the rule asks for is rounded stochastically to whole pulses; their effect follows the device's curve, with
    noise. Weights lie between the bounds of the rule, or between 0 and ``w_max``.

    Parameters
    ----------
    rule : PlasticityRule
        Which changes weights at spikes.
    target : Target
        With ``conductance_states``: how many pulses of an even device go from one end of its range to the other;
        ``curve_up`` and ``curve_down``: A in parts of these, a straight line where one is left out; and
        ``cycle_noise``: the standard deviation of the change by one pulse, in parts of the range.
    w_max : float, optional
        The largest weight of a rule without an upper bound.
    whole_pulses : bool
        Whether a change is a whole number of pulses.

    Raises
    ------
    ValueError
        If the target has no conductances, or bits, or the rule changes weights between spikes or has no bound.

    Examples
    --------
    >>> from spikehebb.hardware import TARGETS
    >>> from spikehebb.rules import stdp_pair
    >>> memristive(stdp_pair, TARGETS["memristive"]).name
    'stdp_pair_on_memristive'
    """
    states = target.value("conductance_states")
    if states is None:
        raise ValueError(f"target {target.name} has no conductance_states; its weights are no conductances.")
    if bits := [name for name in ("weight_bits", "trace_bits") if target.value(name)]:
        raise ValueError(f"{', '.join(bits)}: target {target.name} has conductances, and no bits; leave that out.")
    if "w" in text.differential(rule.synapse) or any(map(_changes, (rule.update, *rule.onset))):
        raise ValueError(
            f"rule {rule.name} changes weights between spikes or at onsets, and a conductance changes by pulses at "
            "spikes; take a rule that acts at spikes."
        )
    low, high = (np.asarray(bound, float) for bound in weight_bounds(rule))
    low = np.where(np.isfinite(low), low, 0.0)
    high = np.where(np.isfinite(high), high, np.nan if w_max is None else w_max)
    if not np.all(high > low):  # not a number, too
        raise ValueError(f"rule {rule.name} has no upper bound; give w_max above {np.max(low):g}, the largest weight.")
    span = high - low
    noise = target.value("cycle_noise") or 0.0
    parameters: dict[str, Any] = {"g_low": low, "g_high": high, "g_states": float(states)}
    rise = _move(parameters, "up", "g_top - w", _PULSES, low, span, target.value("curve_up"), states)
    fall = _move(parameters, "down", "w - g_bottom", f"-{_PULSES}", high, -span, target.value("curve_down"), states)
    change = f"w + {rise} - {fall}"
    if noise:
        parameters["g_noise"] = noise * span
        change += f" + g_noise*sqrt(abs({_PULSES}))*randn()"
    after = [f"{_PULSES} = ({_IDEAL} - w)*g_states/(g_high - g_low)"]
    after += [f"{_PULSES} = floor({_PULSES} + rand())"] if whole_pulses else []
    after += [f"w = clip({change}, g_low, g_high)"]

    def in_pulses(code: str) -> str:
        if not _changes(code):
            return code
        return "\n".join([f"{_IDEAL} = w", text.renamed(code, {"w": _IDEAL}), *after])

    return dataclasses.replace(
        rule,
        name=f"{rule.name}_on_{target.name}",
        synapse=f"{rule.synapse}\n{_IDEAL} : 1\n{_PULSES} : 1",
        on_pre=in_pulses(rule.on_pre),
        on_post=in_pulses(rule.on_post),
        parameters={**rule.parameters, **{name: _plain(value) for name, value in parameters.items()}},
        roles={**rule.roles, **{name: _role(name) for name in parameters}},
    )


def _changes(code: str) -> bool:
    return any(statement.variable == "w" for statement in text.statements(code))


def _move(
    given: dict[str, Any], way: str, room: str, pulses: str, start: Any, span: Any, curve: float | None, states: int
) -> str:
    """Return what pulses of one direction change, as an expression, and put its numbers among the parameters."""
    count = f"clip({pulses}, 0, inf)"
    if curve is None:
        return f"(g_high - g_low)/g_states*{count}"
    given["g_top" if way == "up" else "g_bottom"] = start + span / -np.expm1(-1 / curve)
    given[f"g_{way}"] = curve * states
    return f"({room})*(1 - exp(-{count}/g_{way}))"


def _plain(value: Any) -> Any:
    return float(value) if np.ndim(value) == 0 else value


def _role(name: str) -> str:
    return {"g_low": "lower bound", "g_high": "upper bound", "g_top": "number", "g_bottom": "number"}.get(
        name, "factor" if name == "g_noise" else "scale"
    )
