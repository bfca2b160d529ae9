"""What NIR graphs do, in plain NumPy and independent of the package: forward Euler, and as two simulators read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from spikehebb.export import Graph, Node

_LINE = (("stride", 1), ("padding", 0), ("dilation", 1))


def run(graph: Graph, spikes: Any, dt: float, steps: int) -> dict[str, Any]:
    """Return what every node sends in each step: nodes act in topological order, edges that lead back a step later.

    A Delay sends what arrived so many steps before, and is no part of a loop.

    Parameters
    ----------
    spikes : mapping of str to array, shape (steps, *shape)
    """
    nodes: Any = graph.nodes
    hears: dict[str, list[str]] = {name: [a for a, b in graph.edges if b == name] for name in nodes}
    order, back = ordered(graph)
    delayed = {
        name: round(float(np.ravel(node.values["delay"])[0]) / dt)
        for name, node in nodes.items()
        if node.kind == "Delay"
    }
    state: dict[str, Any] = {}
    last: dict[str, Any] = dict.fromkeys(nodes, 0.0)
    kept: dict[str, list[Any]] = {name: [] for name in nodes}
    for step in range(steps):
        now: dict[str, Any] = {}
        for name in order:
            node = nodes[name]
            if node.kind == "Input":
                now[name] = spikes[name][step]
                continue
            if node.kind == "Delay":
                past = kept[hears[name][0]]
                now[name] = (
                    past[step - delayed[name]] if step >= delayed[name] else np.zeros(node.values["delay"].shape)
                )
                continue
            arriving = sum(last[pre] if (pre, name) in back else now[pre] for pre in hears[name])
            if node.kind == "Output":
                now[name] = arriving
            elif node.kind == "Threshold":
                now[name] = (arriving > node.values["threshold"]).astype(float)
            elif node.kind in ("LIF", "IF", "CubaLIF", "CubaLI", "LI", "I"):
                before = state.get(name, (0.0, 0.0))
                v, current = euler(node, before, arriving, dt)
                now[name] = v
                if "v_threshold" in node.values:
                    now[name] = (v > node.values["v_threshold"]).astype(float)
                    v = np.where(now[name] > 0, node.values.get("v_reset", 0.0), v)
                state[name] = (v, current)
            else:
                now[name] = apply(node, arriving + _silence(graph, name))
        last = now
        for name, value in now.items():
            kept[name].append(value)
    return {name: np.array(rows) for name, rows in kept.items() if np.ndim(rows[-1])}


def _silence(graph: Graph, name: str) -> Any:
    """Return zeros of the shape that weights take: in the first step, an edge that leads back has sent no array yet."""
    node: Any = graph.nodes[name]
    return np.zeros(node.values["weight"].shape[1]) if node.kind in ("Linear", "Affine") else 0.0


def ordered(graph: Graph) -> tuple[list[str], set[tuple[str, str]]]:
    """Return nodes in topological order, and the edges that lead back, depth first from the inputs."""
    nodes: Any = graph.nodes
    order: list[str] = []
    back: set[tuple[str, str]] = set()
    open_: set[str] = set()

    def visit(name: str) -> None:
        open_.add(name)
        for post in sorted(b for a, b in graph.edges if a == name and nodes[b].kind != "Delay"):
            if post in open_:
                back.add((name, post))
            elif post not in order:
                visit(post)
        open_.discard(name)
        order.insert(0, name)

    for kind in ("Input", "Delay"):
        for name in sorted(name for name, node in nodes.items() if node.kind == kind):
            if name not in order:
                visit(name)
    return order, back


def euler(node: Node, state: Any, arriving: Any, dt: float) -> tuple[Any, Any]:
    """Return potential and current after a step."""
    p, (v, current) = node.values, state
    if node.kind in ("LIF", "LI"):
        return v + dt / p["tau"] * (p["v_leak"] - v + p["r"] * arriving), current
    if node.kind in ("CubaLIF", "CubaLI"):
        current = current + dt / p["tau_syn"] * (p.get("w_in", 1.0) * arriving - current)
        return v + dt / p["tau_mem"] * (p["v_leak"] - v + p["r"] * current), current
    return v + dt * p["r"] * arriving, current


def apply(node: Node, x: Any) -> Any:
    """Return what a linear node makes of its input."""
    p = node.values
    if node.kind in ("Linear", "Affine"):
        return p["weight"] @ x + p.get("bias", 0.0)
    if node.kind == "Scale":
        return p["scale"] * x
    if node.kind == "Flatten":
        return np.ravel(x)
    if node.kind == "Conv2d":
        return convolved(x, p) + p["bias"][:, None, None]
    if node.kind == "Conv1d":
        line = {
            name: p[name] if isinstance(p[name], str) else [other, int(np.ravel(p[name])[0])] for name, other in _LINE
        }
        flat = convolved(x[:, None, :], {**p, **line, "weight": p["weight"][:, :, None, :]})
        return flat[:, 0] + p["bias"][:, None]
    side, stride, padding = (np.ravel(p[name]) for name in ("kernel_size", "stride", "padding"))
    padded = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[-1],) * 2))
    summed = np.stack([signal.correlate(plane, np.ones((side[0], side[-1])), "valid") for plane in padded])
    summed = summed[:, :: stride[0], :: stride[-1]]
    return summed if node.kind == "SumPool2d" else summed / (side[0] * side[-1])


def convolved(x: Any, p: Any) -> Any:
    """Return a convolution without its bias."""
    weight, groups = p["weight"], int(p["groups"])
    dilation, stride = np.ravel(p["dilation"]), np.ravel(p["stride"])
    wide = np.zeros(
        (
            *weight.shape[:2],
            *(d * (k - 1) + 1 for d, k in zip((dilation[0], dilation[-1]), weight.shape[2:], strict=True)),
        )
    )
    wide[:, :, :: dilation[0], :: dilation[-1]] = weight
    if isinstance(p["padding"], str):
        total = [k - 1 if p["padding"] == "same" else 0 for k in wide.shape[2:]]
        around = [(each // 2, each - each // 2) for each in total]
    else:
        padding = np.ravel(p["padding"])
        around = [(padding[0],) * 2, (padding[-1],) * 2]
    x = np.pad(x, ((0, 0), *around))
    outs, ins = len(weight) // groups, weight.shape[1]
    channels = []
    for number, kernel in enumerate(wide):
        first = (number // outs) * ins
        planes = [signal.correlate(x[first + at], kernel[at], "valid") for at in range(ins)]
        channels.append(np.sum(planes, axis=0)[:: stride[0], :: stride[-1]])
    return np.array(channels)


def simulator(graph: Graph, spikes: Any, kind: str) -> Any:
    """Return the output of the graph in each step, as Norse and snnTorch execute it: all layers within the step.

    Norse ignores ``r`` and takes the time step of the metadata; snnTorch has 0.1 ms and a threshold for all neurons,
    and does not scale by ``r*dt/tau`` but takes it for 1. Both reset to 0 and hear recurrent edges a step late.

    Parameters
    ----------
    spikes : array, shape (steps, inputs)
    """
    dt = float(graph.metadata["dt"]) if kind == "norse" else 1e-4
    state: dict[str, Any] = {}
    rows = []
    for x in spikes:
        for name in sorted(set(graph.nodes) - {"input", "output"}):
            node: Any = graph.nodes[name]
            recurrent: Any = None
            if isinstance(node, Graph):
                recurrent, node = node.nodes["recurrent"], node.nodes["neurons"]
            if node.kind != "LIF":
                x = apply(node, x)
                continue
            v, z = state.get(name, (np.zeros(node.values["tau"].size), np.zeros(node.values["tau"].size)))
            x = x if recurrent is None else x + apply(recurrent, z)
            leak = dt / node.values["tau"]
            if kind == "norse":
                v = v + leak * (x + node.values["v_leak"] - v)
            else:
                assert np.allclose(node.values["r"] * leak, 1)
                assert np.unique(node.values["v_threshold"]).size == 1
                assert not node.values["v_leak"].any()
                v = (1 - leak) * v + x
            x = (v > node.values["v_threshold"]).astype(float)
            state[name] = (np.where(x > 0, 0.0, v), x)
        rows.append(x)
    return np.array(rows)
