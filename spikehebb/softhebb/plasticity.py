"""One update of a layer, in the array API."""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace

from spikehebb.softhebb import numerics
from spikehebb.softhebb.backend import Each, one_by_one
from spikehebb.softhebb.network import Layer

BLOCKS = 4  # parts that large arrays are worked on in; not the number of cores, on which no result may depend
AT_ONCE = 1 << 17  # numbers of a block of rows: they stay in a core's cache


def update(
    layer: Layer, weight: Any, bias: Any, x: Any, eta: float, each: Each = one_by_one, exists: Any = None
) -> tuple[Any, Any, Any]:
    """Let a layer learn from its inputs once; ``weight`` is changed in place.

    The change of all positions and images is summed and divided by its largest element, of the whole layer; of
    ``instar`` it is their mean. The learning rate depends on norms from before the change and is not clamped.

    Parameters
    ----------
    layer : Layer
    weight : array, shape (units, inputs)
    bias : array, shape (units,)
    x : array, shape (positions, inputs)
        Inputs at every position of every image of the batch.
    eta : float
        The learning rate of this step, before its dependence on norms.
    each : callable
        Maps a function over the parts of the work.
    exists : array of 0 and 1, shape (units, inputs), optional
        Which weights a pruned layer has.

    Returns
    -------
    weight, bias : array
    u : array, shape (positions, units)
        Weighted sums, before the change.
    """
    xp = array_namespace(weight, x)
    u = potentials(layer, weight, bias, x, each)
    if not layer.learns:
        return weight, bias, u
    y, instar = xp.empty_like(u), layer.plasticity == "instar"
    rows = _split(u.shape[0], -(-u.size // AT_ONCE))

    def compete(part: slice) -> tuple[Any, Any]:
        shares, signed = competition(layer, u[part, :])
        y[part, :] = signed
        pulled = signed if instar else signed * u[part, :]
        return xp.sum(shares, axis=0) if layer.bias else None, xp.sum(pulled, axis=0)

    sums = each(compete, rows)
    decay = _total([decay for _, decay in sums])

    def propose(part: slice) -> tuple[Any, Any]:
        old = weight[part, :]
        change = y[:, part].T @ x
        change -= decay[part, None] * old
        return change, xp.maximum(xp.max(change), -xp.min(change))

    units = _split(weight.shape[0], BLOCKS)
    proposals = each(propose, units)
    scale = u.shape[0] if instar else xp.max(xp.stack([largest for _, largest in proposals])) + numerics.TINY

    def apply(proposal: tuple[slice, Any]) -> None:
        part, change = proposal
        old = weight[part, :]
        change *= learning_rate(layer, old, eta)[:, None] / scale
        old += change
        if exists is not None:
            old *= exists[part, :]
        if layer.unit_norm:
            old /= xp.sqrt(xp.vecdot(old, old, axis=-1))[:, None] + numerics.TINY

    each(apply, [(part, change) for part, (change, _) in zip(units, proposals, strict=True)])
    if layer.bias:
        shares = _total([shares for shares, _ in sums])
        if instar:
            bias = bias - layer.eta_bias * (shares / u.shape[0] - layer.winners / layer.units)
        else:
            bias = _updated_bias(layer, bias, shares, u.shape[0], eta)
    return weight, bias, u


def potentials(layer: Layer, weight: Any, bias: Any, x: Any, each: Each = one_by_one) -> Any:
    """Return the weighted sums u, shape (positions, units)."""
    xp = array_namespace(weight, x)
    u = xp.empty((x.shape[0], weight.shape[0]), dtype=x.dtype)
    if layer.pre_triangle or x.shape[0] > weight.shape[0]:  # a mean over units needs all of them
        parts = [(part, slice(None)) for part in _split(x.shape[0], BLOCKS)]
    else:
        parts = [(slice(None), part) for part in _split(weight.shape[0], BLOCKS)]

    def multiply(part: tuple[slice, slice]) -> None:
        rows, units = part
        block = x[rows, :] @ weight[units, :].T
        if layer.bias:
            block += bias[units]
        u[rows, units] = numerics.centred(block) if layer.pre_triangle else block

    each(multiply, parts)
    return u


def learning_rate(layer: Layer, weight: Any, eta: float) -> Any:
    """Return the learning rate of each unit, shape (units,)."""
    xp = array_namespace(weight)
    squares = xp.vecdot(weight, weight, axis=-1)
    if layer.rate != "norm":
        return xp.full_like(squares, eta)
    return eta * (xp.abs(xp.sqrt(squares) - 1) + 1e-10) ** layer.power


def competition(layer: Layer, u: Any) -> tuple[Any, Any]:
    """Return the shares of the units, and the same with the sign with which each learns."""
    xp = array_namespace(u)
    if layer.plasticity == "instar":
        y = numerics.winners(u, layer.winners)
        return y, y
    if layer.plasticity == "soft":
        y = numerics.softmax(u, layer.inverse_temperature)
        return y, y
    unit = xp.arange(layer.units)
    winner = xp.astype(unit == xp.argmax(u, axis=1, keepdims=True), u.dtype)
    if layer.plasticity == "soft-anti-hebbian":
        y = numerics.softmax(u, layer.inverse_temperature)
        winner *= 2
        winner -= 1
        return y, winner * y
    y = winner
    if layer.plasticity == "hard":
        return y, y
    ranked = unit == xp.argsort(u, axis=1, descending=True)[:, layer.rank - 1, None]
    return y, y - layer.anti * xp.astype(ranked, u.dtype)


def _updated_bias(layer: Layer, bias: Any, shares: Any, positions: int, eta: float) -> Any:
    xp = array_namespace(bias)
    prior = xp.exp(layer.inverse_temperature * bias)
    change = (shares - positions * prior) / prior
    change = change / (xp.max(xp.abs(change)) + numerics.TINY)
    return bias + eta * layer.eta_bias / layer.inverse_temperature * change


def _total(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _split(size: int, blocks: int) -> list[slice]:
    """Return at most so many slices that cover a size."""
    step = -(-size // min(blocks, size))
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]
