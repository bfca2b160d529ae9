"""PyTorch files of the authors' code and of its ``demo.py``: read, and written so that users can go back.

The format comes from Journe et al.'s repository (names of keys and settings only; no code of it is used) and from the
listing of a real file. ``official`` is ``{"state_dict", "config", "epoch"}``, with the architecture in ``config``;
``demo`` is a plain state dictionary without it. A file of one block is ``{"state_dict", "epoch"}``.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from spikehebb.checkpoint import write_whole
from spikehebb.reading import checked, printable, regular
from spikehebb.softhebb.model import Model, Weights, array_shapes
from spikehebb.softhebb.network import Layer, Network, since
from spikehebb.softhebb.presets import Preset, find, presets
from spikehebb.softhebb.torch_config import block_config, foreign, layer_settings, plain, readout_config
from spikehebb.softhebb.torch_pickle import ForeignNameError, check_torch

Layout = Literal["official", "demo"]
Shape = tuple[int, ...]

_LARGEST, _LISTED = 100, 12  # blocks; problems in a message
_SIZES = {"cifar10": (32, 32), "cifar100": (32, 32), "stl10": (96, 96), "mnist": (28, 28), "fashion-mnist": (28, 28)}
_STATISTICS = {"mean": "operations.0.running_mean", "variance": "operations.0.running_var"}
_WRAPPERS = ("module.", "_orig_mod.", "model.")
_STEPS = "operations.0.num_batches_tracked"


def read_torch(path: Path, image_shape: tuple[int, int, int] = (3, 32, 32), preset: str | None = None) -> Model:
    """Read a network that the authors' code, its ``demo.py`` or ``write_torch`` saved.

    The file may come from an untrusted source: nothing in it is ever executed. PyTorch's restricted unpickler is always
    used, and of the classes outside PyTorch it may make only NumPy's scalars of plain numbers, which the authors' files
    contain.

    Parameters
    ----------
    path : path
        A whole network, one of its Hebbian blocks, or a plain state dictionary with the names of ``demo.py``.
    image_shape : (int, int, int)
        Channels, height, width of the first layer's input; files do not state them.
    preset : str, optional
        Name of the preset (in this toolkit or in the authors' code) for everything that the file does not state:
        ``demo`` files have the architecture of cifar-3, others that of their ``config``. Without both, it is taken
        from the only preset whose shapes fit, if there is one.

    Returns
    -------
    Model
        Without a readout if the file has none.

    Raises
    ------
    FileNotFoundError
    RuntimeError
        If there is no PyTorch.
    ValueError
        If the file is damaged, foreign or hostile, its arrays do not fit, or the architecture is unknown or one that
        ``Layer`` cannot describe; all problems are named.
    """
    torch, path = _torch(), regular(path, "PyTorch file")
    chosen, content = None if preset is None else find(preset), _load(torch, path)
    with checked(f"PyTorch file {path}"):
        try:
            return _model(torch, content, image_shape, chosen, path.name)
        except ValueError as error:
            raise ValueError(f"PyTorch file {path}: {error}") from error


def write_torch(model: Model, path: Path, layout: Layout = "official") -> None:
    """Write a network as the authors' code (``official``) or ``demo.py`` names it; ``read_torch`` reads it unchanged.

    Parameters
    ----------
    model : Model
        Without a readout the file has no linear block.
    path : path
    layout : str
        ``official`` holds the architecture too. ``demo`` does not: it is for the three convolutions of cifar-3, with
        any number of units.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is still there.
    RuntimeError
        If there is no PyTorch.
    ValueError
        If the layout cannot hold all of the network.
    """
    torch, network = _torch(), model.network
    if layout not in get_args(Layout):
        raise ValueError(f"a PyTorch file has the layout official or demo, not {layout!r}.")
    convolutions = sum(layer.kernel > 0 for layer in network.layers)
    if layout == "demo" and (convolutions, len(network.layers)) != (3, 3):
        raise ValueError(
            f"layout demo is for three convolutions, and this network has {convolutions} in "
            f"{len(network.layers)} layer{'s' * (len(network.layers) > 1)}; use layout official."
        )
    state: dict[str, Any] = {}
    for number, (layer, weights) in enumerate(zip(network.layers, model.layers, strict=True)):
        arrays = {"layer.weight": weights.weight} | ({"layer.bias": weights.bias} if layer.bias else {})
        if layer.batch_norm:
            arrays |= {key: getattr(weights, name) for name, key in _STATISTICS.items()}
            arrays[_STEPS] = np.asarray(weights.steps, np.int64)
        state |= {_key(layout, number, part): torch.tensor(array) for part, array in arrays.items()}
    config = {f"b{n}": block_config(network, n, weights.steps) for n, weights in enumerate(model.layers)}
    if model.readout is not None:
        number = len(network.layers)
        for part, array in zip(("layer.weight", "layer.bias"), model.readout, strict=True):
            state[_key(layout, number, part)] = torch.tensor(array)
        config[f"b{number}"] = readout_config(network, len(model.readout[1]))
    content = state if layout == "demo" else {"state_dict": state, "config": config, "epoch": 0}
    lost = foreign(network) or _differences(model, _model(torch, content, network.image_shape, None, ""))
    if lost:
        why = "which is always that of preset cifar-3" if layout == "demo" else "which the authors' code does not know"
        raise ValueError(f"layout {layout} cannot hold {_listed(lost)}, {why}; save the model as a checkpoint instead.")
    packed = io.BytesIO()
    torch.save(content, packed)
    write_whole(path, lambda file: file.write(packed.getbuffer()))


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise RuntimeError("PyTorch files need PyTorch, which is not installed; install spikehebb[torch].") from error
    return torch


def _load(torch: Any, path: Path) -> Any:
    """Return what a file holds, made by PyTorch's restricted unpickler."""
    scalar = np.float64(0).__reduce__()[0]  # NumPy's constructor of scalars, under its names of old and of today
    allowed = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    kinds = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    harmless = torch.serialization.safe_globals([*allowed, np.dtype, *(type(np.dtype(kind)) for kind in kinds)])
    try:
        check_torch(path)
        with harmless, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, of files that are refused, too
            return torch.load(path, map_location="cpu", weights_only=True)
    except ForeignNameError as error:
        raise ValueError(f"PyTorch file {path} holds {printable(error)}, which could run code; refused.") from error
    except Exception as error:  # which errors a damaged pickle leads to is not limited
        reason = printable(str(error).split("\n")[0]) if isinstance(error, ValueError) else type(error).__name__
        raise ValueError(
            f"{path} is no PyTorch file of tensors and plain numbers, or it is damaged or truncated ({reason})."
        ) from error


def _model(torch: Any, content: Any, image_shape: tuple[int, int, int], preset: Preset | None, name: str) -> Model:
    layout, state, config, epoch = _content(content)
    count = _count(layout, state, config)
    tensors = [state.get(_key(layout, number, "layer.weight")) for number in range(count)]
    shapes = [tuple(tensor.shape) if isinstance(tensor, torch.Tensor) else () for tensor in tensors]
    readout = _has_readout(layout, state, config, shapes, preset)
    settings, steps = _settings(config, count - readout)
    inner = shapes[: count - readout]
    layers = _layers(layout, settings, inner, preset, image_shape, shapes[-1] if readout else ())
    network = Network(image_shape=image_shape, layers=layers)

    expected: dict[tuple[int, str], Shape] = {}
    for number, layer in enumerate(layers):
        needed = array_shapes(network, number)
        parts = {"layer.weight": needed["weight"]} | ({"layer.bias": needed["bias"]} if layer.bias else {})
        if layer.batch_norm:
            parts |= {key: needed[part] for part, key in _STATISTICS.items()} | {_STEPS: ()}
        expected |= {(number, part): shape for part, shape in parts.items()}
    if readout:
        bias = state.get(_key(layout, count - 1, "layer.bias"))
        sizes = [shapes[-1], tuple(bias.shape) if isinstance(bias, torch.Tensor) else ()]
        classes = max(next((shape[0] for shape in sizes if shape), 1), 1)
        expected |= {(count - 1, "layer.weight"): (classes, network.features), (count - 1, "layer.bias"): (classes,)}
    arrays = _arrays(torch, layout, state, expected, image_shape)
    made = tuple(
        Weights(
            weight=arrays[number, "layer.weight"],
            bias=arrays.get((number, "layer.bias"), np.zeros(layer.units, np.float32)),
            mean=arrays.get((number, _STATISTICS["mean"]), np.zeros(channels, np.float32)),
            variance=arrays.get((number, _STATISTICS["variance"]), np.ones(channels, np.float32)),
            steps=int(arrays.get((number, _STEPS), steps[number])),
        )
        for number, (layer, (channels, *_)) in enumerate(zip(layers, network.shapes, strict=False))
    )
    linear = (arrays[count - 1, "layer.weight"], arrays[count - 1, "layer.bias"]) if readout else None
    header = {"torch_file": name, "layout": layout} | ({} if epoch is None else {"epoch": epoch})
    return Model(network=network, layers=made, readout=linear, header=header)


def _content(content: Any) -> tuple[str, Mapping[str, Any], Mapping[str, Any] | None, int | None]:
    """Return the layout, the state dictionary, the config and the epoch of what a file holds."""
    if not isinstance(content, Mapping):
        raise ValueError(f"it holds a {type(content).__name__}, but a state dictionary is needed.")
    whole = "state_dict" in content
    state = content["state_dict"] if whole else content
    config, epoch = (content.get(key) if whole else None for key in ("config", "epoch"))
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise ValueError("its state_dict is no state dictionary: names with tensors are needed.")
    state = _unwrapped(state)
    starts = {"official": r"blocks\.", "demo": r"conv\d+\.", "block": r"layer\."}
    layout = next((name for name, start in starts.items() if any(re.match(start, key) for key in state)), None)
    if layout is None:
        raise ValueError(
            f"its names ({_listed(sorted(state)) or 'none'}) are neither those of the authors' code "
            "(blocks.0.layer.weight, ...) nor of its demo (conv1.weight, ...)."
        )
    names = {f"b{number}" for number in range(len(config))} if isinstance(config, Mapping) else set()
    if config is not None and (not isinstance(config, Mapping) or set(config) != names or layout != "official"):
        raise ValueError("its config must have one entry b0, b1, ... for each block of a whole network.")
    return layout, state, config or None, plain(epoch) if isinstance(plain(epoch), int) else None


def _unwrapped(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state dictionary without the prefixes of wrappers, as DataParallel and torch.compile add them."""
    while prefix := next((each for each in _WRAPPERS if state and all(key.startswith(each) for key in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _count(layout: str, state: Mapping[str, Any], config: Mapping[str, Any] | None) -> int:
    if layout == "block":
        return 1
    if layout == "demo":
        return 4 if any(key.startswith("classifier.") for key in state) else 3
    numbers = [int(match[1]) for key in state if (match := re.match(r"blocks\.(\d{1,9})\.", key))]
    count = len(config) if config else max(numbers, default=0) + 1
    if count > _LARGEST:
        raise ValueError(f"it has {count} blocks, but at most {_LARGEST} are allowed.")
    return count


def _key(layout: str, number: int, part: str) -> str:
    """Return the name of a block's array: ``part`` is its name within an official block."""
    if layout == "official":
        return f"blocks.{number}.{part}"
    if layout == "block":
        return part
    layer = f"conv{number + 1}" if number < 3 else "classifier"
    return part.replace("layer", layer).replace("operations.0", f"bn{number + 1}")


def _has_readout(
    layout: str, state: Mapping[str, Any], config: Mapping[str, Any] | None, shapes: list[Any], preset: Preset | None
) -> bool:
    """Whether the last block is a linear readout, not a Hebbian one."""
    last = len(shapes) - 1
    if layout != "official":
        return last == 3
    if config:
        block = config[f"b{last}"]
        settings = block.get("layer") if isinstance(block, Mapping) else None
        return isinstance(settings, Mapping) and block.get("arch") == "MLP" and plain(settings.get("hebbian")) is False
    named = preset is not None and last == len(preset.layers)
    return named or (last > 0 and len(shapes[-1]) == 2 and _key(layout, last, "layer.bias") in state)


def _settings(config: Mapping[str, Any] | None, count: int) -> tuple[list[dict[str, Any]], list[int]]:
    """Return a config's settings of each layer, and the updates of layers without batch normalization."""
    if config is None:
        return [{} for _ in range(count)], [0] * count
    layers, problems = [], []
    for number in range(count):
        settings, wrong = layer_settings(config[f"b{number}"])
        layers.append(settings)
        problems += [f"{problem} (block {number})" for problem in wrong]
    if problems:
        raise ValueError(f"its config has {_listed(problems)}, which no SoftHebb layer of this toolkit can have.")
    return layers, [settings.pop("steps", 0) for settings in layers]


def _layers(
    layout: str,
    settings: list[dict[str, Any]],
    shapes: list[Shape],
    preset: Preset | None,
    image_shape: tuple[int, int, int],
    readout: Shape,
) -> tuple[Layer, ...]:
    """Return the layers: settings from the config, and those that it lacks from a preset."""
    needed = {item.name for item in fields(Layer)} - {"eta_bias", "rank", "anti"} - since(Layer).keys()
    dense = needed - {"padding", "pool", "pre_triangle"}
    silent = {key for item in settings for key in (needed if item.get("kernel", 1) else dense) - set(item)}
    if not silent:
        return tuple(Layer(**item) for item in settings)
    if preset is None and layout == "demo":
        preset = find("mnist-3" if image_shape[0] == 1 else "cifar-3")
    if preset is not None and layout != "block":
        base = preset.layers
        if len(base) != len(settings):
            raise ValueError(f"it has {len(settings)} layers, but preset {preset.name} has {len(base)}.")
    else:
        silence = _listed(sorted(silent)) if any(settings) else "its architecture"
        base = _by_shapes(layout, shapes, preset, image_shape, readout, silence)
    sizes: list[dict[str, Any]] = [{"units": shape[0]} if shape and shape[0] else {} for shape in shapes]
    return tuple(replace(layer, **(size | item)) for layer, size, item in zip(base, sizes, settings, strict=True))


def _by_shapes(
    layout: str,
    shapes: list[Shape],
    preset: Preset | None,
    image_shape: tuple[int, int, int],
    readout: Shape,
    silence: str,
) -> tuple[Layer, ...]:
    """Return the layers of the only preset whose weights have these shapes; random controls are left out."""
    candidates: dict[tuple[Layer, ...], str] = {}
    for candidate in presets().values() if preset is None else [preset]:
        inputs = (candidate.channels, *(layer.units for layer in candidate.layers))
        every = [
            (layer.units, channels, layer.kernel, layer.kernel) if layer.kernel else (layer.units,)
            for channels, layer in zip(inputs, candidate.layers, strict=False)
        ]
        weights = [shape if len(shape) != 2 else shape[:1] for shape in shapes]
        starts = range(len(every)) if layout == "block" else range(1)
        sizes = [_SIZES.get(name) for name in candidate.data]
        if preset is None and not any(layer.learns for layer in candidate.layers):
            continue
        if layout != "block" and (len(every) != len(weights) or not {None, image_shape[1:]} & set(sizes)):
            continue
        for start in starts:
            layers = candidate.layers[start : start + len(weights)]
            if every[start : start + len(weights)] != weights:
                continue
            if len(readout) != 2 or Network(image_shape=image_shape, layers=layers).features == readout[1]:
                candidates.setdefault(layers, candidate.name)
    if len(candidates) == 1:
        return next(iter(candidates))
    whose = f"fit the presets {', '.join(candidates.values())} alike" if candidates else "fit no known preset"
    if preset is not None:
        whose = f"fit no layer of preset {preset.name}"
    raise ValueError(f"it does not state {silence}, and its shapes {whose}; name the right one with preset.")


def _arrays(
    torch: Any, layout: str, state: Mapping[str, Any], expected: dict[tuple[int, str], Shape], image_shape: Shape
) -> dict[tuple[int, str], Any]:
    """Return the arrays of a state dictionary, once all of them are there, fit and are sound."""
    keys = {_key(layout, number, part): (number, part) for number, part in expected}
    problems = [f"{key} is missing" for key in keys if key not in state]
    problems += [f"{key} is unknown" for key in state if key not in keys]
    present = {key: place for key, place in keys.items() if key in state}
    for key, place in present.items():
        problem = _problem(torch, state[key], expected[place], place[1])
        problems += [f"{key} {problem}"] if problem else []
    if problems:
        raise ValueError(f"{_listed(problems)}; needed are the arrays of its network on images of {image_shape}.")
    return {
        place: state[key].detach().to(torch.int64 if place[1] == _STEPS else torch.float32).numpy()
        for key, place in present.items()
    }


def _problem(torch: Any, tensor: Any, shape: Shape, part: str) -> str:
    if not isinstance(tensor, torch.Tensor):
        return f"is a {type(tensor).__name__}, not a tensor"
    if tensor.device.type != "cpu" or tensor.layout != torch.strided or tensor.is_quantized:
        return "is no plain tensor"
    if tuple(tensor.shape) != shape:
        return f"has the shape {tuple(tensor.shape)}, not {shape}"
    whole = part == _STEPS
    if tensor.dtype.is_floating_point == whole or tensor.dtype.is_complex or tensor.dtype == torch.bool:
        return f"holds {tensor.dtype}, not {'whole' if whole else 'floating-point'} numbers"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return "claims more numbers than it holds"
    if not whole and not torch.isfinite(tensor.to(torch.float32)).all():
        return "holds numbers that are not finite"
    if part in (_STATISTICS["variance"], _STEPS) and (tensor < 0).any():
        return "is negative"
    return ""


def _differences(one: Model, other: Model) -> list[str]:
    """Return what differs between two models of the same number of layers."""
    differences = []
    for number, (a, b) in enumerate(zip(one.network.layers, other.network.layers, strict=True)):
        old, new = one.layers[number], other.layers[number]
        differences += [
            f"{f.name} of layer {number}" for f in fields(Layer) if getattr(a, f.name) != getattr(b, f.name)
        ]
        differences += [
            f"{f.name} of layer {number}"
            for f in fields(Weights)
            if not np.array_equal(getattr(old, f.name), getattr(new, f.name))
        ]
    return differences


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
    return f"{', '.join(printable(item, 200) for item in items[:_LISTED])}{more}"
