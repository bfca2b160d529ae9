"""A circuit with the numbers that a chip can hold, and how far they are from what they were."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, ms
from brian2.units import get_dimensions, second

from spikehebb import equations as text
from spikehebb.core import Circuit, Frozen, Int, NeuronModel, Projection
from spikehebb.core.values import is_finite
from spikehebb.equations import did_you_mean
from spikehebb.hardware.placement import on_chip
from spikehebb.hardware.rounding import Rounding, saturate, steps, whole
from spikehebb.hardware.target import Target
from spikehebb.hardware.weights import present, sign_problem, weight_levels
from spikehebb.metrics import inputs, synapses


@dataclass(frozen=True, kw_only=True)
class Rounded:
    """What became of the weights of a projection, or of a parameter of a population.

    Parameters
    ----------
    what : str
        ``feedforward.w``, ``output.tau_m``.
    scale : float
        A whole number's worth, in base units: of weights and thresholds ``value = scale*integer``. Of time constants
        it is the time step, and ``value = -scale/log(1 - integer/2**bits)``.
    bits : int or None
        None where the target limits no bits.
    low, high : int
        Of the whole numbers.
    largest_error, rms_error : float
        In base units.
    saturated, count : int
        Of so many numbers so many lay beyond the levels.
    """

    what: str
    scale: float
    bits: int | None
    low: int
    high: int
    largest_error: float
    rms_error: float
    saturated: int
    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantized:
    """What ``quantize`` returns.

    Parameters
    ----------
    circuit : Circuit
    target : str
    rounding : str
    seed : int
    integers : mapping of str to array of int, shape (n_pre, n_post)
        The weights of each projection as the chip holds them.
    report : tuple of Rounded
    kept : tuple of str
        Parameters of the neurons that stay as they are: the target does not limit them, or it does not run that neuron.
    """

    circuit: Circuit
    target: str
    rounding: str
    seed: int
    integers: Mapping[str, Int]
    report: tuple[Rounded, ...]
    kept: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return everything but the circuit and the integers as plain numbers."""
        return {
            "target": self.target,
            "rounding": self.rounding,
            "seed": self.seed,
            "report": [vars(item) for item in self.report],
            "kept": list(self.kept),
        }


def quantize(
    circuit: Circuit,
    target: Target,
    *,
    dt: Quantity = 1 * ms,
    scales: Mapping[str, float] | None = None,
    rounding: Rounding = "nearest",
    seed: int = 0,
) -> Quantized:
    """Return a circuit with the weights, thresholds and time constants that a chip can hold.

    Parameters
    ----------
    circuit : Circuit
    target : Target
        ``target.with_limits(weight_bits=4)`` for other bits.
    dt : Quantity
        The time step: decays, delays and refractory times are in steps.
    scales : mapping of str to float, optional
        What a whole number is worth, for the projections named. Left out, the largest weight of the projection is the
        largest whole number; where the target has ``weight_exponents``, the projections onto one population differ by
        powers of 2, because their weights add up in the same neuron.
    rounding : str
        Of weights, ``nearest`` or ``stochastic``; thresholds and time constants are always rounded to nearest.
    seed : int
        Of stochastic rounding.

    Returns
    -------
    Quantized
        Its weights are ``scale*integer`` exactly. A rule stays as it is, and moves weights off the levels again.

    Raises
    ------
    ValueError
        If the target's weights cannot have these signs, or a scale is impossible.

    Examples
    --------
    >>> from spikehebb.circuits import lif_wta
    >>> from spikehebb.hardware import TARGETS
    >>> coarse = quantize(lif_wta([[1.0, 3.0], [4.0, 1.0]]), TARGETS["generic"].with_limits(weight_bits=3))
    >>> coarse.integers["feedforward"].tolist(), round(coarse.report[0].scale, 6)
    ([[-2, 2], [3, -3]], 0.0125)
    """
    step = checked_step(dt)
    chip_projections = on_chip(circuit).projections
    names = [name for name, projection in circuit.projections.items() if projection.weights is not None]
    host = [name for name in names if name not in chip_projections]
    names = [name for name in names if name in chip_projections]
    stated = dict(scales or {})
    for name, scale in stated.items():
        if name not in names:
            raise ValueError(f"quantize: there are no weights of {name!r}.{did_you_mean(name, names)}")
        if not (is_finite(scale) and scale > 0):
            raise ValueError(f"quantize: the scale of {name} must be a number above 0, got {scale}.")
    integers: dict[str, Int] = {}
    report: list[Rounded] = []
    used: dict[str, float] = {}
    kept = [f"{name}.w" for name in host]
    if target.value("weight_bits") is None:
        kept += [f"{name}.w" for name in names]
    else:
        used = _scales(circuit, target, names, stated)
        for number, name in enumerate(names):
            rng = np.random.default_rng((seed, number))
            integers[name], line = _weights(circuit, target, name, used[name], rounding, rng)
            report.append(line)
    changed = circuit.with_weights(**{name: used[name] * array for name, array in integers.items()})
    populations = dict(changed.populations)
    for name, population in populations.items():
        if name in inputs(circuit) or name not in on_chip(circuit).populations:
            continue
        model, lines, unchanged = _neuron(circuit, target, name, step, used)
        populations[name] = dataclasses.replace(population, model=model)
        report += lines
        kept += unchanged
    return Quantized(
        circuit=dataclasses.replace(changed, populations=populations),
        target=target.name,
        rounding=rounding,
        seed=seed,
        integers=Frozen(integers),
        report=tuple(report),
        kept=tuple(kept),
    )


def _levels(circuit: Circuit, target: Target, name: str) -> tuple[int, int]:
    """Return the smallest and the largest whole number of a projection's weights, or refuse their signs."""
    if problem := sign_problem(circuit, target, name):
        raise ValueError(f"{problem}.")
    found = weight_levels(circuit, target, name)
    assert found is not None
    return found


def _scales(circuit: Circuit, target: Target, names: list[str], stated: dict[str, float]) -> dict[str, float]:
    """Return what a whole number of each projection is worth."""
    needed = {}
    for name in names:
        low, high = _levels(circuit, target, name)
        largest = float(np.abs(present(circuit, name)).max(initial=0.0))
        needed[name] = largest / (high or -low) if largest > 0 else 0.0
    exponents = target.value("weight_exponents")
    scales = {}
    for post in dict.fromkeys(circuit.projections[name].post for name in names):
        group = [name for name in names if circuit.projections[name].post == post]
        base = max((stated.get(name, needed[name]) for name in group), default=0.0) or 1.0
        for name in group:
            if name in stated or exponents is None:
                scales[name] = stated.get(name, needed[name] or 1.0)
            else:
                finer = math.floor(math.log2(base / needed[name]) + 1e-12) if needed[name] else 0
                scales[name] = base * 2.0 ** -min(max(finer, 0), exponents[1] - exponents[0])
            _check_exponent(name, scales[name] / base, exponents, target.name)
    return scales


def _check_exponent(name: str, ratio: float, exponents: tuple[int, int] | None, target: str) -> None:
    power = math.log2(ratio)
    if exponents is not None and (abs(power - round(power)) > 1e-9 or abs(power) > exponents[1] - exponents[0]):
        raise ValueError(
            f"quantize: the scales of projections onto one population differ by powers of 2 on {target}, at most "
            f"2**{exponents[1] - exponents[0]}, but that of {name} is {ratio:.6g} of the largest; leave the scales out."
        )


def _weights(
    circuit: Circuit, target: Target, name: str, scale: float, rounding: Rounding, rng: np.random.Generator
) -> tuple[Int, Rounded]:
    low, high = _levels(circuit, target, name)
    weights = present(circuit, name)
    integers, _ = saturate(whole(weights / scale, rounding, rng), low, high)
    beyond = int(((weights / scale < low - 0.5) | (weights / scale > high + 0.5)).sum())
    connected = synapses(circuit, name)
    line = _line(
        f"{name}.w", weights[connected], (scale * integers)[connected], scale, target.value("weight_bits"), low, high
    )
    return integers, dataclasses.replace(line, saturated=beyond)


def _neuron(
    circuit: Circuit, target: Target, name: str, step: float, scales: Mapping[str, float]
) -> tuple[NeuronModel, list[Rounded], list[str]]:
    """Return a neuron with the time constants and the threshold that a chip can hold."""
    model = circuit.populations[name].model
    lines, changes = [], {}
    bits = target.value("decay_bits")
    runs = target.value("neuron_models")
    constants = text.used(model.equations) if bits and (runs is None or model.name in runs) else set()
    for key, value in model.parameters.items():
        if key in constants and get_dimensions(value) == second.dim and key.startswith("tau"):
            changes[key], line = _decay(f"{name}.{key}", value, step, bits)
            lines.append(line)
    longest = target.value("refractory_steps")
    if longest is not None and model.refractory in model.parameters:
        value = model.parameters[model.refractory]
        changes[model.refractory], line = _steps(f"{name}.{model.refractory}", value, step, longest)
        lines.append(line)
    own = {"v_threshold", "v_reset", "jump"} <= set(model.parameters)
    afferent = [p for p in circuit.projections.items() if p[1].post == name and not p[1].summed and p[0] in scales]
    if target.value("threshold_bits") and own and afferent and np.ndim(model.parameters["jump"]) == 0:
        value, line = _threshold(f"{name}.v_threshold", model, target, afferent, scales)
        changes["v_threshold"] = value
        lines.append(line)
    unchanged = [f"{name}.{key}" for key in model.parameters if key not in changes]
    return model.with_parameters(**changes), lines, unchanged


def _decay(what: str, value: Any, step: float, bits: int) -> tuple[Any, Rounded]:
    """Return a time constant that loses a whole number of 2**bits-ths per step, and its line of the report."""
    most = 2**bits
    tau = np.asarray(value, float)
    exact = most * -np.expm1(-step / tau)
    decay, beyond = saturate(whole(exact), 1, most - 1)
    kept = np.isinf(tau)  # nothing is lost: a decay of 0
    rounded = np.where(kept, np.inf, -step / np.log1p(-decay / most))
    finite = ~kept
    line = _line(what, tau[finite], rounded[finite], step, bits, 1, most - 1)
    return Quantity(rounded, dim=second.dim), dataclasses.replace(line, saturated=beyond - int(kept.sum()))


def _steps(what: str, value: Any, step: float, longest: int) -> tuple[Any, Rounded]:
    numbers, beyond = saturate(steps(value, step), 0, longest)
    line = _line(what, value, numbers * step, step, None, 0, longest)
    return Quantity(numbers * step, dim=second.dim), dataclasses.replace(line, saturated=beyond)


def _threshold(
    what: str,
    model: NeuronModel,
    target: Target,
    afferent: list[tuple[str, Projection]],
    scales: Mapping[str, float],
) -> tuple[Any, Rounded]:
    """Return a threshold above the reset in whole numbers, as fine as the weights' exponents allow."""
    bits = target.value("threshold_bits")
    high = 2**bits - 1
    used = [scales[name] for name, _ in afferent]
    base = max(used) * float(model.parameters["jump"])
    low_e, high_e = target.value("weight_exponents") or (0, 0)
    spread = round(math.log2(max(used) / min(used))) if target.value("weight_exponents") else 0
    reset = np.asarray(model.parameters["v_reset"], float)
    distance = np.asarray(model.parameters["v_threshold"], float) - reset
    room = math.floor(math.log2(high * base / float(distance.max()))) if float(distance.max()) > 0 else high_e
    exponent = min(max(room, low_e + spread), high_e)
    unit = base * 2.0**-exponent
    integers, beyond = saturate(whole(distance / unit), 1, high)
    line = _line(what, distance, unit * integers, unit, bits, 1, high)
    threshold = Quantity(reset + unit * integers, dim=get_dimensions(model.parameters["v_threshold"]))
    return threshold, dataclasses.replace(line, saturated=beyond)


def _line(what: str, before: Any, after: Any, scale: float, bits: int | None, low: int, high: int) -> Rounded:
    error = np.atleast_1d(np.asarray(after, float) - np.asarray(before, float))
    return Rounded(
        what=what,
        scale=float(scale),
        bits=bits,
        low=low,
        high=high,
        largest_error=float(np.abs(error).max(initial=0.0)),
        rms_error=float(np.sqrt(np.mean(error**2))) if error.size else 0.0,
        saturated=0,
        count=int(error.size),
    )


def checked_step(dt: Quantity) -> float:
    """Return a time step in seconds, or refuse it."""
    if get_dimensions(dt) != second.dim or not 0 < float(dt) < math.inf:
        raise ValueError(f"the time step dt must be a time above 0, got {text.said(dt)}. Write 1*ms.")
    return float(dt)
