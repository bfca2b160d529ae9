"""Shapes and order of the nodes of a NIR graph: what each sends, and which edges act a time step later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from spikehebb.export.graph import DYNAMIC, LINEAR, Node, shape_of
from spikehebb.export.linear_nodes import output_shape

MOST_NEURONS = 10_000_000


def recurrent(names: Iterable[str], edges: Iterable[tuple[str, str]], inputs: Iterable[str]) -> set[tuple[str, str]]:
    """Return the edges that lead back to a population that has acted before: those act in the next time step.

    Populations act in a topological order, in which they are reached from the inputs, depth first; of several ways the
    one by names in alphabetical order counts, because a file keeps no other order.

    Examples
    --------
    >>> edges = [("input", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
    >>> sorted(recurrent(["input", "a", "b"], edges, ["input"]))
    [('b', 'a'), ('b', 'b')]
    """
    after: dict[str, list[str]] = {name: [] for name in names}
    for pre, post in edges:
        after[pre].append(post)
    back: set[tuple[str, str]] = set()
    done: set[str] = set()
    path: set[str] = set()
    for start in (*sorted(inputs), *sorted(after)):
        if start in done:
            continue
        path.add(start)
        waiting = [(start, iter(sorted(after[start])))]
        while waiting:
            at, following = waiting[-1]
            for post in following:
                if post in path:
                    back.add((at, post))
                elif post not in done:
                    path.add(post)
                    waiting.append((post, iter(sorted(after[post]))))
                    break
            else:
                waiting.pop()
                path.discard(at)
                done.add(at)
    return back


def sized(
    nodes: Mapping[str, Node], before: Mapping[str, list[str]]
) -> tuple[dict[str, Node], dict[str, tuple[int, ...]]]:
    """Return the nodes, with single numbers broadcast over the neurons, and the shape of what each sends.

    A node whose values are single numbers takes the shape of what arrives.

    Raises
    ------
    ValueError
        If something does not fit, or nothing says how many neurons there are.
    """
    found: dict[str, Node] = dict(nodes)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, node in nodes.items():
        if node.kind not in LINEAR and (shape := shape_of(node)):
            shapes[name] = _counted(name, shape)
        elif node.kind in ("Linear", "Affine"):
            shapes[name] = _counted(name, shape_of(node) or ())
    waiting = [name for name in nodes if name not in shapes]
    while waiting:
        for name in waiting:
            known = [pre for pre in before[name] if pre in shapes]
            if not known:
                continue
            arriving, node = shapes[known[0]], nodes[name]
            if node.kind in LINEAR:
                shapes[name] = _counted(name, output_shape(f"NIR node {name}", node, arriving))
            else:
                shapes[name] = arriving
        left = [name for name in waiting if name not in shapes]
        if left == waiting:
            _unsized(left, nodes, before)
        waiting = left
    for name, node in nodes.items():
        if node.kind in DYNAMIC:
            values = {key: np.broadcast_to(value, shapes[name]) for key, value in node.values.items()}
            found[name] = Node(kind=node.kind, values=values)
    _check(found, before, shapes)
    return found, shapes


def _unsized(left: list[str], nodes: Mapping[str, Node], before: Mapping[str, list[str]]) -> None:
    """Raise ``ValueError``: nothing says the shape of these nodes."""
    for name in left:
        if not before[name]:
            raise ValueError(f"NIR node {name}: nothing leads to it; connect or remove it.")
    for name in left:
        if nodes[name].kind in LINEAR:
            order(name, nodes, before)  # which refuses weights that lead back to themselves
    raise ValueError(
        f"NIR node {left[0]}: its values are single numbers, and nothing before it says for how many neurons; write "
        "one for each."
    )


def _check(nodes: Mapping[str, Node], before: Mapping[str, list[str]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name, node in nodes.items():
        order(name, nodes, before)
        if node.kind == "Input":
            if before[name]:
                raise ValueError(f"NIR node {name}: an Input hears nothing, but {before[name][0]} leads to it.")
        elif node.kind not in LINEAR:
            if not before[name]:
                raise ValueError(f"NIR node {name}: nothing leads to this {node.kind}; connect or remove it.")
            if (arriving := _arriving(name, shapes, before)) != shapes[name]:
                raise ValueError(f"NIR node {name}: {node.kind} has shape {shapes[name]}, but {arriving} arrives.")
        else:
            output_shape(f"NIR node {name}", node, _arriving(name, shapes, before))


def _counted(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if math.prod(shape) > MOST_NEURONS:
        raise ValueError(f"NIR node {name}: {shape} are more than {MOST_NEURONS:,} neurons; refused.")
    return shape


def _arriving(name: str, shapes: Mapping[str, tuple[int, ...]], before: Mapping[str, list[str]]) -> tuple[int, ...]:
    if not before[name]:
        raise ValueError(f"NIR node {name}: nothing leads to it; connect or remove it.")
    arriving = {shapes[pre] for pre in before[name]}
    if len(arriving) > 1:
        listed = ", ".join(f"{pre} {shapes[pre]}" for pre in before[name])
        raise ValueError(f"NIR node {name}: what arrives has several shapes: {listed}.")
    return arriving.pop()


def order(name: str, nodes: Mapping[str, Node], before: Mapping[str, list[str]]) -> list[str]:
    """Return the linear nodes that lead to a node, and itself if it is one, each after those before it."""
    order: list[str] = []
    done: set[str] = set()
    path: set[str] = set()
    waiting = [(name, False)] if nodes[name].kind in LINEAR else []
    while waiting:
        at, left = waiting.pop()
        if left:
            path.discard(at)
            done.add(at)
            order.append(at)
            continue
        if at in done:
            continue
        if at in path:
            raise ValueError(f"NIR node {at}: weights lead back to themselves without a neuron in between.")
        path.add(at)
        waiting.append((at, True))
        for pre in before[at]:
            if nodes[pre].kind in LINEAR and pre not in done:
                if pre in path:
                    raise ValueError(f"NIR node {pre}: weights lead back to themselves without a neuron in between.")
                waiting.append((pre, False))
    return order
