"""Reading a NIR file, also from an untrusted source: it is checked before anything large is read; nothing is run."""

from __future__ import annotations

import hashlib
import mmap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import equations as text
from spikehebb.export.graph import DYNAMIC, KINDS, SINGLE, Graph, Node
from spikehebb.npy import unbelievable
from spikehebb.reading import printable, regular, room

LARGEST = 1 << 31  # bytes, of all arrays together, as numbers of double precision
MOST_NODES, MOST_EDGES, DEEPEST, LONGEST = 10_000, 100_000, 8, 1 << 20
_FIELDS = {
    "Input": ("shape",),
    "Output": ("shape",),
    "Linear": ("weight",),
    "Affine": ("weight", "bias"),
    "Scale": ("scale",),
    "Flatten": ("start_dim", "end_dim"),
    "Conv1d": ("weight", "bias", "stride", "padding", "dilation", "groups"),
    "Conv2d": ("weight", "bias", "stride", "padding", "dilation", "groups"),
    "SumPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "Delay": ("delay",),
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "IF": ("r", "v_threshold"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak"),
    "LI": ("tau", "r", "v_leak"),
    "I": ("r",),
    "Threshold": ("threshold",),
}
_OPTIONAL = {
    "LIF": ("v_reset",),
    "IF": ("v_reset",),
    "CubaLIF": ("v_reset", "w_in"),
    "CubaLI": ("w_in",),
    "Conv1d": ("input_shape",),
    "Conv2d": ("input_shape",),
    "Flatten": ("input_type",),
}
_HEAP = b"GCOL\x01"  # where HDF5 keeps texts
_NAMES, _LONGEST_NAME = 1 << 28, 1000  # bytes of names that are read at once, letters of one
_WHOLE = ("shape", "stride", "padding", "dilation", "groups", "kernel_size", "start_dim", "end_dim", "input_shape")
_POSITIVE = ("tau", "tau_mem", "tau_syn")
_DIMENSIONS = {
    ("Linear", "weight"): 2,
    ("Affine", "weight"): 2,
    ("Affine", "bias"): 1,
    ("Conv1d", "weight"): 3,
    ("Conv2d", "weight"): 4,
}


def load_graph(path: Path) -> Graph:
    """Read a NIR file and check it.

    Parameters
    ----------
    path : path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no NIR file, too large, or its graph is not in order; the sentence names the node.
    RuntimeError
        If the package ``nir`` is missing.
    """
    path = regular(path, "NIR file")
    _, h5py = packages()
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is no NIR file: it is not HDF5. Give a file that nir.write has written.")
    _check_sum(path)
    _check_texts(path)
    try:
        with h5py.File(path, "r") as file:
            if "node" not in file or not isinstance(file.get("node"), h5py.Group):
                raise ValueError(f"{path} is HDF5, but no NIR file: it has no group 'node'.")
            _check_contents(path, file["node"], h5py)
            return _graph(file["node"], f"NIR file {path}", h5py)
    except PermissionError as error:
        raise OSError(f"cannot read the NIR file {path} ({error.strerror}).") from error
    except (OSError, RuntimeError, LookupError, TypeError, AttributeError, ArithmeticError, UnicodeError) as error:
        raise ValueError(f"NIR file {path} is damaged: {printable(error, 200)}.") from error


def packages() -> tuple[Any, Any]:
    """Return the packages ``nir`` and ``h5py``; raise ``RuntimeError`` if they are missing."""
    try:
        import h5py
        import nir
    except ImportError as error:
        raise RuntimeError(
            f"NIR files need the package nir ({error}); install it with: pip install 'spikehebb[nir]'"
        ) from error
    return nir, h5py


def check_sum(content: bytes | memoryview | mmap.mmap) -> bytes:
    """Return the line with which our own files end, behind all that HDF5 reads: a checksum of what stands before it."""
    return b"\nspikehebb sha256 " + hashlib.sha256(content).hexdigest().encode() + b"\n"


def _check_sum(path: Path) -> None:
    """Refuse a damaged file of our own before the HDF5 library reads it, which may not survive that."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = len(content) - len(check_sum(b""))
        with memoryview(content) as whole, whole[: max(end, 0)] as before:
            line = bytes(whole[max(end, 0) :])
            if line.startswith(check_sum(b"")[:-65]) and line != check_sum(before):
                raise ValueError(
                    f"NIR file {path} is damaged: its content is not what its checksum says. Write it again."
                )


def _check_texts(path: Path) -> None:
    """Refuse a damaged heap of texts, in which the HDF5 library looks for the next text without end."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(_HEAP)
        while at >= 0:
            place, end = at + 16, at + _number(content, at + 8)
            while place + 16 <= end:
                size = _number(content, place + 8)
                step = 16 + -(-size // 8) * 8 if content[place : place + 2] != b"\0\0" else size  # or else it is free
                if not 16 <= step <= end - place or end > len(content):
                    raise ValueError(f"NIR file {path} is damaged: a text in it has no end.")
                place += step
            at = content.find(_HEAP, at + 1)


def _number(content: mmap.mmap, at: int) -> int:
    return int.from_bytes(content[at : at + 8], "little")


def _check_contents(path: Path, root: Any, h5py: Any) -> None:
    """Refuse links to elsewhere, data in other files, and more than fits, before anything is read."""
    total, seen = 0.0, {h5py.h5o.get_info(root.id).addr}
    most = min(LARGEST, room(path.stat().st_size))
    for name, item in _walk(path, root, "node", h5py, seen):
        if not isinstance(item, h5py.Dataset):
            continue
        if item.is_virtual or item.external:
            raise ValueError(f"NIR file {path}: {name} keeps its data in another file; refused. Write it whole.")
        parts = (item.shape or (), item.chunks or ())
        total += max(item.dtype.itemsize, 8) * max(float(np.prod(part, dtype=np.float64)) for part in parts)
        if total > most:
            raise ValueError(
                f"NIR file {path}: with {name}, of shape {item.shape}, its arrays would take more than "
                f"{most >> 20} MiB, which is the most for a file of its size; refused."
            )


def _walk(path: Path, group: Any, name: str, h5py: Any, seen: set[int], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Return all members; a group that holds itself would never end."""
    if depth > 4 * DEEPEST:
        raise ValueError(f"NIR file {path}: {name[:80]} lies deeper than any graph; refused.")
    if len(group) > MOST_NODES:
        raise ValueError(f"NIR file {path}: {name} has {len(group):,} members, and at most {MOST_NODES:,} are read.")
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(
                f"NIR file {path}: {name}/{printable(key, 40)} is a link to elsewhere; refused. Write the file whole."
            )
        item = group[key]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            raise ValueError(
                f"NIR file {path}: {name}/{printable(key, 40)} is there under another name, too; refused. Write it "
                "whole."
            )
        seen.add(address)
        yield f"{name}/{printable(key, 40)}", item
        if isinstance(item, h5py.Group):
            yield from _walk(path, item, f"{name}/{printable(key, 40)}", h5py, seen, depth + 1)


def _graph(group: Any, file: str, h5py: Any, where: str = "", depth: int = 0) -> Graph:
    owner = f"{file}{f', graph {printable(where)}' if where else ''}"
    if depth > DEEPEST:
        raise ValueError(f"{owner}: graphs lie in graphs more than {DEEPEST} deep; refused.")
    kind = _word(owner, group, "type", h5py)
    if kind != "NIRGraph":
        raise ValueError(f"{owner}: it must be a NIRGraph, but is {printable(repr(kind), 40)}.")
    if not isinstance(group.get("nodes"), h5py.Group) or not isinstance(group.get("edges"), h5py.Dataset):
        raise ValueError(f"{owner}: a graph has 'nodes' and 'edges', and one is missing.")
    nodes: dict[str, Node | Graph] = {}
    for name, item in group["nodes"].items():
        inner = f"{where}.{name}" if where else name
        if not isinstance(item, h5py.Group):
            raise ValueError(f"{owner}: node {printable(repr(name), 40)} is no group.")
        if _word(f"{file}, node {printable(inner)}", item, "type", h5py) == "NIRGraph":
            nodes[name] = _graph(item, file, h5py, inner, depth + 1)
        else:
            nodes[name] = _node(f"{file}, node {printable(inner)}", item, h5py)
    edges = _edges(owner, group["edges"])
    for pair in edges:
        arrow = " -> ".join(printable(end, 40) for end in pair)
        for end in pair:
            if end not in nodes:
                raise ValueError(
                    f"{owner}: edge {arrow} dangles, there is no node {printable(repr(end), 40)}."
                    f"{text.did_you_mean(end[:40], nodes)}"
                )
    if len(set(edges)) != len(edges):
        double = next(pair for pair, count in Counter(edges).items() if count > 1)
        raise ValueError(f"{owner}: edge {' -> '.join(printable(end, 40) for end in double)} is there twice.")
    for end in ("Input", "Output"):
        if not any(isinstance(node, Node) and node.kind == end for node in nodes.values()):
            raise ValueError(f"{owner}: it has no {end} node, and a graph needs one.")
    return Graph(nodes=nodes, edges=edges, metadata=_metadata(owner, group, h5py))


def _edges(owner: str, data: Any) -> tuple[tuple[str, str], ...]:
    if data.size == 0:
        return ()
    if data.ndim != 2 or data.shape[1] != 2 or data.shape[0] > MOST_EDGES or data.dtype.kind not in "OS":
        raise ValueError(f"{owner}: edges must be pairs of names, at most {MOST_EDGES:,}, got shape {data.shape}.")
    at_once = max(
        1, _NAMES // (2 * int(data.file.id.get_filesize()))
    )  # each of them may point to the same text, as long as the file
    rows = (row for first in range(0, len(data), at_once) for row in data[first : first + at_once])
    return tuple((_end(owner, a), _end(owner, b)) for a, b in rows)


def _end(owner: str, value: Any) -> str:
    name = _name(owner, value)
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"{owner}: an edge names a node with {len(name):,} letters; refused.")
    return name


def _name(owner: str, value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf8", "replace")
    if isinstance(value, str):
        return value
    raise ValueError(f"{owner}: an edge must be two names, got {type(value).__name__}.")


def _word(owner: str, group: Any, key: str, h5py: Any) -> str:
    item = group.get(key)
    if not isinstance(item, h5py.Dataset) or item.shape != () or item.dtype.kind not in "OS":
        raise ValueError(f"{owner}: it has no {key!r}, which must be a word.")
    return _name(owner, item[()])


def _node(owner: str, group: Any, h5py: Any) -> Node:
    kind = _word(owner, group, "type", h5py)
    if kind not in KINDS:
        raise ValueError(
            f"{owner}: type {printable(repr(kind), 42)} is not read.{text.did_you_mean(kind[:40], KINDS)} Written with "
            "another tool? Replace the node by one that is."
        )
    required, optional = _FIELDS[kind], _OPTIONAL.get(kind, ())
    values = {}
    for name in (*required, *optional):
        item = group.get(name)
        if item is None and name in optional:
            continue
        if not isinstance(item, h5py.Dataset):
            raise ValueError(f"{owner}: a {kind} needs {name}, and there is none.")
        values[name] = _value(owner, kind, name, item)
    if kind in DYNAMIC:
        shapes = {name: np.shape(value) for name, value in values.items()}
        if len(set(shapes.values()) - set(SINGLE)) > 1:
            raise ValueError(
                f"{owner}: all values of a {kind} need one shape, got {_listed(shapes)}; one number counts for all."
            )
    if kind in ("Affine", "Conv1d", "Conv2d") and values["bias"].shape != values["weight"].shape[:1]:
        raise ValueError(
            f"{owner}: bias must have shape {values['weight'].shape[:1]} for weights {values['weight'].shape}, got "
            f"{values['bias'].shape}."
        )
    return Node(kind=kind, values=values)


def _value(owner: str, kind: str, name: str, item: Any) -> Any:
    if name == "padding" and item.dtype.kind in "OS" and item.shape == ():
        word = _name(owner, item[()])
        if word not in ("same", "valid"):
            raise ValueError(f"{owner}: padding must be numbers, same or valid, got {printable(repr(word), 40)}.")
        return word
    if item.dtype.kind not in "fiub" or item.dtype.itemsize > 8:
        raise ValueError(f"{owner}: {name} must hold numbers, got {item.dtype}.")
    dimensions = _DIMENSIONS.get((kind, name))
    if dimensions is not None and item.ndim != dimensions:
        raise ValueError(f"{owner}: {name} must have {dimensions} dimensions, got shape {item.shape}.")
    if item.ndim > 4 or (item.ndim and 0 in item.shape):
        raise ValueError(f"{owner}: {name} has shape {item.shape}.")
    value = np.asarray(item[()])
    if problem := unbelievable(value):
        raise ValueError(f"{owner}: {name} {problem}.")
    if name in _WHOLE or name == "input_type":
        least = -100 if name in ("start_dim", "end_dim") else 0 if name == "padding" else 1
        if value.size > 4 or value.ndim > 1 or np.any(value != np.round(value)) or np.any(value < least):
            raise ValueError(f"{owner}: {name} must be whole numbers of at least {least}, got {value.tolist()}.")
        return value.astype(np.int64)
    if name in _POSITIVE and not (value > 0).all():
        raise ValueError(f"{owner}: {name} must be a time above 0, got {float(value.min()):g}.")
    if name == "delay" and not (value >= 0).all():
        raise ValueError(f"{owner}: delay must be at least 0, got {float(value.min()):g}.")
    return value.astype(np.float64)


def _metadata(owner: str, group: Any, h5py: Any) -> dict[str, str | float]:
    """Return texts and numbers; anything else in there is left alone."""
    metadata: dict[str, str | float] = {}
    entries = group.get("metadata")
    if not isinstance(entries, h5py.Group):
        return metadata
    for name, item in entries.items():
        if not isinstance(item, h5py.Dataset) or item.shape != ():
            continue
        if item.dtype.kind in "OS":
            metadata[name] = _name(owner, item[()])[:LONGEST]
        elif item.dtype.kind in "fiu" and np.isfinite(item[()]):
            metadata[name] = float(item[()])
    return metadata


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())
