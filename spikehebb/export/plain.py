"""Plain export: every number of a network as arrays with a description in JSON, or as tables.

``plain.schema.json`` beside this file specifies the description.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikehebb import equations as text
from spikehebb.checkpoint import write_json, write_whole
from spikehebb.core import Circuit, Frozen, Parameters, Population, Projection
from spikehebb.export.from_circuit import rule_text
from spikehebb.softhebb import Model

FORMAT, VERSION = "spikehebb-plain", 1
_TEXTS = (
    "summary",
    "equations",
    "threshold",
    "reset",
    "refractory",
    "receive",
    "onset",
    "frame",
    "update",
    "method",
    "reference",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plain:
    """A network as plain numbers.

    Parameters
    ----------
    description : mapping
        As ``plain.schema.json`` specifies; it names the arrays.
    arrays : mapping of str to array
    """

    description: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arrays", Frozen(self.arrays))


def plain(
    kind: str,
    *,
    circuits: Mapping[str, Circuit] | None = None,
    model: Model | None = None,
    dt: float | None = None,
    rules: bool = False,
    geometry: Mapping[str, Mapping[str, Any]] | None = None,
    others: Mapping[str, tuple[NDArray[Any], str]] | None = None,
    source: Mapping[str, Any] | None = None,
) -> Plain:
    """Return circuits and rate layers as plain numbers.

    Parameters
    ----------
    kind : str
        What the network is.
    circuits : mapping of str to Circuit, optional
        With neurons of any kind, stochastic ones too.
    model : Model, optional
        A rate network: its layers and its readout.
    dt : float, optional
        The time step in seconds.
    rules : bool
        Describe how weights would learn; without it, only what they are.
    geometry : mapping of str to mapping, optional
        For a circuit that stands at every position of an image: kernel, pooling and so on.
    others : mapping of str to (array, str), optional
        More arrays, each with its meaning.
    source : mapping, optional
        Where it came from, in JSON types.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.circuits import lif_wta
    >>> sorted(plain("circuit", circuits={"wta": lif_wta(np.eye(2))}).arrays)
    ['wta.feedforward.weights', 'wta.lateral.weights', 'wta.output.v_rest']
    """
    arrays: dict[str, NDArray[Any]] = {}
    meanings: dict[str, dict[str, str]] = {}

    def keep(key: str, value: Any, meaning: str, unit: str = "1") -> str:
        arrays[key], meanings[key] = np.asarray(value), {"meaning": meaning, "unit": unit}
        return key

    described = [
        _circuit(name, circuit, keep, rules=rules, geometry=(geometry or {}).get(name))
        for name, circuit in (circuits or {}).items()
    ]
    layers = [] if model is None else _layers(model, keep)
    for key, (value, meaning) in (others or {}).items():
        keep(key, value, meaning)
    return Plain(
        description={
            "format": FORMAT,
            "version": VERSION,
            "kind": kind,
            "dt_s": dt,
            "circuits": described,
            "layers": layers,
            "arrays": {
                key: {"shape": list(value.shape), "dtype": value.dtype.name, **meanings[key]}
                for key, value in arrays.items()
            },
            "source": dict(source or {}),
        },
        arrays=arrays,
    )


def write_npz(network: Plain, path: Path) -> None:
    """Write one ``.npz`` with all arrays and, as ``description``, the JSON as bytes; and the JSON beside it.

    Raises
    ------
    OSError
        If a file cannot be written; what was there before is still there.
    """
    path = Path(path)
    description = json.dumps(network.description, allow_nan=False).encode()
    arrays = {**network.arrays, "description": np.frombuffer(description, np.uint8)}
    write_whole(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
    write_json(path.with_name(f"{path.name}.json"), network.description)


def write_csv(network: Plain, path: Path) -> None:
    """Write a folder, or a ``.zip``, with one table per array, ``parameters.csv`` and ``description.json``.

    Tables are bare numbers, separated by commas. Weights have a row for each presynaptic neuron; arrays of more than
    two dimensions have a row for each entry of the first, and their shape is in the description.

    Raises
    ------
    FileExistsError
        If the folder is there already.
    OSError
        If it cannot be written; nothing half-written is left.
    """
    path = Path(path)
    tables = {f"{key}.csv": _table(value) for key, value in network.arrays.items()}
    tables["parameters.csv"] = _parameters(network.description)
    tables["description.json"] = json.dumps(network.description, indent=2, allow_nan=False) + "\n"
    if path.suffix == ".zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in tables.items():
                archive.writestr(name, content)
        write_whole(path, lambda file: file.write(buffer.getvalue()))
        return
    if path.exists():
        raise FileExistsError(f"{path} is there already; give another folder, or a file that ends in .zip.")
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}.") from error
    try:
        for name, content in tables.items():
            (temporary / name).write_text(content, encoding="utf-8")
        temporary.chmod(0o755)
        temporary.rename(path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise OSError(f"cannot write {path}: {error.strerror or error}. Nothing was left there.") from error
        raise


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a description.

    Examples
    --------
    >>> schema()["title"]
    'Plain export of spikehebb'
    """
    content: dict[str, Any] = json.loads(
        resources.files("spikehebb.export").joinpath("plain.schema.json").read_text("utf-8")
    )
    return content


def _circuit(name: str, circuit: Circuit, keep: Any, *, rules: bool, geometry: Any) -> dict[str, Any]:
    return {
        "name": name,
        "reference": circuit.reference,
        "geometry": None if geometry is None else dict(geometry),
        "populations": [_population(f"{name}.{key}", key, part, keep) for key, part in circuit.populations.items()],
        "projections": [
            _projection(f"{name}.{key}", key, part, keep, rules=rules) for key, part in circuit.projections.items()
        ],
    }


def _population(owner: str, name: str, population: Population, keep: Any) -> dict[str, Any]:
    model = population.model
    return {
        "name": name,
        "size": int(population.size),
        "neuron": model.name,
        **{key: getattr(model, key) for key in _TEXTS},
        "parameters": _quantities(owner, model.parameters, "parameter", keep),
        "state": _quantities(owner, population.state, "start", keep),
    }


def _quantities(owner: str, values: Parameters, meaning: str, keep: Any) -> dict[str, Any]:
    """Return numbers in base units, arrays by name; what is infinite, which JSON cannot say, as a word."""
    quantities = {}
    for key, value in values.items():
        unit, bare = text.unit_text(value), np.asarray(value, np.float64)
        if bare.ndim:
            quantities[key] = {"unit": unit, "array": keep(f"{owner}.{key}", bare, f"{meaning} of each neuron", unit)}
        else:
            quantities[key] = {"unit": unit, "value": float(bare) if np.isfinite(bare) else str(float(bare))}
    return quantities


def _projection(owner: str, name: str, projection: Projection, keep: Any, *, rules: bool) -> dict[str, Any]:
    weights, connected = projection.weights, projection.connected
    pairs = "from row (presynaptic) to column (postsynaptic)"
    delays = {"delay": projection.delay}
    if rules and np.any(projection.dendritic_delay):
        delays["dendritic_delay"] = projection.dendritic_delay
    return {
        "name": name,
        "pre": projection.pre,
        "post": projection.post,
        "weights": None if weights is None else keep(f"{owner}.weights", weights, f"weights {pairs}"),
        "connected": None
        if connected is None
        else keep(f"{owner}.connected", np.asarray(connected, np.uint8), f"1 where there is a connection {pairs}"),
        **{
            f"{what}_s": keep(f"{owner}.{what}", np.asarray(times, np.float64), f"in seconds, {pairs}")
            if times.ndim
            else float(times)
            for what, times in delays.items()
        },
        "summed": dict(projection.summed),
        "rule": rule_text(projection.rule) if rules and projection.rule is not None else None,
    }


def _layers(model: Model, keep: Any) -> list[dict[str, Any]]:
    layers = []
    for number, (layer, weights) in enumerate(zip(model.network.layers, model.layers, strict=True)):
        name = f"rate.layer{number}"
        shapes = model.network.shapes
        layers.append(
            {
                "name": name,
                "input_shape": list(shapes[number]),
                "output_shape": list(shapes[number + 1]),
                "settings": dataclasses.asdict(layer),
                "weight": keep(f"{name}.weight", weights.weight, "(units, channels, rows, columns) or (units, inputs)"),
                "mean": keep(f"{name}.mean", weights.mean, "of batch normalization, for each input channel"),
                "variance": keep(
                    f"{name}.variance", weights.variance, "of batch normalization, for each input channel"
                ),
                "bias": keep(f"{name}.bias", weights.bias, "of each unit"),
            }
        )
    if model.readout is not None:
        weight, bias = model.readout
        keep("rate.readout.weight", weight, "(classes, features), features in the order (channel, row, column)")
        keep("rate.readout.bias", bias, "of each class")
    return layers


def _table(value: NDArray[Any]) -> str:
    rows = np.atleast_1d(value)
    rows = rows.reshape(-1, 1) if rows.ndim == 1 else rows.reshape(len(rows), -1)
    buffer = io.StringIO()
    style = "%d" if rows.dtype.kind in "iub" else "%.9g" if rows.dtype.itemsize <= 4 else "%.17g"
    np.savetxt(buffer, rows, delimiter=",", fmt=style)
    return buffer.getvalue()


def _parameters(description: Mapping[str, Any]) -> str:
    lines = ["circuit,population,neuron,parameter,value,unit"]
    for circuit in description["circuits"]:
        for part in circuit["populations"]:
            for key, quantity in part["parameters"].items():
                value = quantity.get("value", f"{quantity.get('array')}.csv")
                lines.append(f"{circuit['name']},{part['name']},{part['neuron']},{key},{value},{quantity['unit']}")
    return "\n".join(lines) + "\n"
