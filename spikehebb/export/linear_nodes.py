"""What the linear nodes of a NIR graph do, as sparse matrices on flattened inputs, built only if they are small."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spikehebb.core import Float
from spikehebb.export.graph import Node

LARGEST = 50_000_000  # entries of a matrix


def output_shape(owner: str, node: Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what a linear node makes of its input; raise ``ValueError`` if that does not fit."""
    values = node.values
    if node.kind in ("Linear", "Affine"):
        if shape != (values["weight"].shape[1],):
            raise ValueError(f"{owner}: its weights take ({values['weight'].shape[1]},), but {shape} arrives.")
        return (values["weight"].shape[0],)
    if node.kind in ("Scale", "Delay"):
        own = values["scale" if node.kind == "Scale" else "delay"].shape
        if own not in ((), (1,), shape):
            raise ValueError(f"{owner}: its values have shape {own}, but {shape} arrives.")
        return shape
    if node.kind == "Flatten":
        return _flattened(owner, node, shape)
    if node.kind == "Conv1d":
        if len(shape) != 2:
            raise ValueError(f"{owner}: a Conv1d takes (channels, length), but {shape} arrives.")
        channels, _, length = output_shape(owner, _flat_image(node), (shape[0], 1, shape[1]))
        return (channels, length)
    if len(shape) != 3:
        raise ValueError(f"{owner}: a {node.kind} takes (channels, height, width), but {shape} arrives.")
    if node.kind == "Conv2d":
        groups = int(values["groups"])
        if values["weight"].shape[1] * groups != shape[0] or values["weight"].shape[0] % groups:
            raise ValueError(
                f"{owner}: weights {values['weight'].shape} with {groups} groups do not fit {shape[0]} channels."
            )
        given = values.get("input_shape")
        if given is not None and tuple(given) != shape[1:]:
            raise ValueError(f"{owner}: its input_shape is {tuple(given.tolist())}, but {shape[1:]} arrives.")
        channels = int(values["weight"].shape[0])
    else:
        channels = shape[0]
    sides = [low for low, _ in _windows(owner, node, shape)]
    return (channels, *sides)


def operator(owner: str, node: Node, shape: tuple[int, ...]) -> tuple[Any, Float]:
    """Return a linear node as (matrix (outputs, inputs), bias (outputs,)), on flattened arrays.

    Raises
    ------
    ValueError
        If the matrix would be too large.
    """
    out, values = output_shape(owner, node, shape), node.values
    size, before = math.prod(out), math.prod(shape)
    if node.kind in ("Linear", "Affine"):
        bias = values["bias"] if node.kind == "Affine" else np.zeros(size)
        return sparse.csr_array(values["weight"]), bias
    if node.kind == "Scale":
        return sparse.diags_array(np.broadcast_to(values["scale"], shape).ravel()).tocsr(), np.zeros(size)
    if node.kind in ("Flatten", "Delay"):
        return sparse.eye_array(size).tocsr(), np.zeros(size)
    if node.kind == "Conv1d":
        return operator(owner, _flat_image(node), (shape[0], 1, shape[1]))
    kernel = values["weight"].shape if node.kind == "Conv2d" else (1, 1, *_pair(values["kernel_size"]))
    if size * math.prod(kernel[1:]) > LARGEST:
        raise ValueError(
            f"{owner}: written out, it would have {size * math.prod(kernel[1:]):,} connections, and at most "
            f"{LARGEST:,} are built; read a smaller graph."
        )
    rows, columns, entries = _connections(owner, node, shape, out)
    matrix = sparse.coo_array((entries, (rows, columns)), shape=(size, before)).tocsr()
    bias = np.repeat(values["bias"], math.prod(out[1:])) if node.kind == "Conv2d" else np.zeros(size)
    return matrix, bias


def _flat_image(node: Node) -> Node:
    """Return a convolution along a line as one of images of height 1."""
    values = dict(node.values)
    values["weight"] = values["weight"][:, :, None, :]
    for name, other in (("stride", 1), ("padding", 0), ("dilation", 1), ("input_shape", 1)):
        if name in values and not isinstance(values[name], str):
            values[name] = np.array([other, int(np.ravel(values[name])[0])])
    return Node(kind="Conv2d", values=values)


def _connections(
    owner: str, node: Node, shape: tuple[int, ...], out: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[Any], Float]:
    """Return output, input and weight of every connection of a convolution or pooling."""
    values = node.values
    (height, tops), (width, lefts) = _windows(owner, node, shape)
    inputs = np.arange(math.prod(shape)).reshape(shape)
    outputs = np.arange(math.prod(out)).reshape(out)
    if node.kind == "Conv2d":
        weight, groups = values["weight"], int(values["groups"])
    else:
        side = _pair(values["kernel_size"])
        share = 1.0 if node.kind == "SumPool2d" else 1 / math.prod(side)
        weight, groups = np.full((shape[0], 1, *side), share), shape[0]
    rows: list[Any] = []
    columns: list[Any] = []
    entries: list[Any] = []
    per_out, per_in = out[0] // groups, shape[0] // groups
    for dy in range(weight.shape[2]):
        for dx in range(weight.shape[3]):
            y, x = tops[dy], lefts[dx]
            ok_y, ok_x = np.flatnonzero((y >= 0) & (y < shape[1])), np.flatnonzero((x >= 0) & (x < shape[2]))
            for group in range(groups):
                to = outputs[group * per_out : (group + 1) * per_out][:, ok_y][:, :, ok_x]
                seen = inputs[group * per_in : (group + 1) * per_in][:, y[ok_y]][:, :, x[ok_x]]
                parts = np.broadcast_arrays(
                    to[:, None], seen[None], weight[group * per_out : (group + 1) * per_out, :, dy, dx][..., None, None]
                )
                for pieces, part in zip((rows, columns, entries), parts, strict=True):
                    pieces.append(part.ravel())
    assert (height, width) == out[1:]
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(entries).astype(np.float64)


def _windows(owner: str, node: Node, shape: tuple[int, ...]) -> list[tuple[int, NDArray[Any]]]:
    """Return for both sides how many outputs there are and which row each tap of the kernel sees: (taps, outputs)."""
    values = node.values
    kernel = values["weight"].shape[2:] if node.kind == "Conv2d" else _pair(values["kernel_size"])
    stride = _pair(values["stride"])
    dilation = _pair(values["dilation"]) if node.kind == "Conv2d" else (1, 1)
    windows = []
    for axis in (0, 1):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        if isinstance(values["padding"], str):
            if values["padding"] == "same" and stride[axis] != 1:
                raise ValueError(f"{owner}: padding same needs stride 1, got {stride[axis]}.")
            before, after = ((reach - 1) // 2, reach // 2) if values["padding"] == "same" else (0, 0)
        else:
            before = after = _pair(values["padding"])[axis]
        room = shape[1 + axis] + before + after - reach
        if room < 0:
            raise ValueError(f"{owner}: its kernel reaches over {reach}, but the padded input has {room + reach}.")
        outputs = room // stride[axis] + 1
        taps = np.arange(kernel[axis])[:, None] * dilation[axis] + np.arange(outputs) * stride[axis] - before
        windows.append((outputs, taps))
    return windows


def _flattened(owner: str, node: Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    first, last = (int(node.values[name]) for name in ("start_dim", "end_dim"))
    given = node.values.get("input_type")
    if given is not None and tuple(given) != shape:
        raise ValueError(f"{owner}: its input_type is {tuple(given.tolist())}, but {shape} arrives.")
    first, last = (at + len(shape) if at < 0 else at for at in (first, last))
    if not 0 <= first <= last < len(shape):
        raise ValueError(
            f"{owner}: start_dim {first} and end_dim {last} do not fit an input of {len(shape)} dimensions."
        )
    return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


def _pair(value: Any) -> tuple[int, int]:
    flat = np.ravel(value)
    return (int(flat[0]), int(flat[-1]))
