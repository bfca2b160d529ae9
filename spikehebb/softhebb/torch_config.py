"""The ``config`` in PyTorch files of the authors' code: read as settings of ``Layer``, and written from ours."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from spikehebb.softhebb.network import Layer, Network, Pool

PLASTICITY = {"softkrotov": "soft-anti-hebbian", "soft": "soft", "hard": "hard", "hardkrotov": "krotov-hopfield"}
SAME = {  # their names and ours
    "out_channels": "units",
    "kernel_size": "kernel",
    "padding": "padding",
    "t_invert": "inverse_temperature",
    "lr": "eta",
    "power_lr": "power",
    "radius": "norm",
    "pre_triangle": "pre_triangle",
    "add_bias": "bias",
    "steps": "steps",
}
ONLY = {"stride": 1, "dilation": 1, "groups": 1, "lebesgue_p": 2, "hebbian": True, "soft_activation_fn": "exp"}
ACTIVATIONS = ("triangle", "repu", "relu", "tanh", "softmax")
STARTS = {"normal": "normal", "positive": "uniform"}
MOST_ENTRIES = 100  # of a table in a config; tables in tables would multiply more
POOLS = {"max": "max", "avg": "average"}


def plain(value: Any, depth: int = 4) -> Any:
    """Return a value as Python's own; of what is neither number nor text, or too deep, only the name of its type."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return "(a giant number)"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping) and len(value) > MOST_ENTRIES:
        return f"({len(value)} entries)"
    if isinstance(value, Mapping) and depth:
        return {key: plain(item, depth - 1) for key, item in value.items()}
    return f"({type(value).__name__})"


def layer_settings(block: Any) -> tuple[dict[str, Any], list[str]]:
    """Return a block's settings as those of a ``Layer``, and the ones that no ``Layer`` can have.

    ``steps`` comes with it where ``block_config`` wrote it.
    """
    block = plain(block)
    settings = block.get("layer") if isinstance(block, dict) else None
    if not isinstance(settings, dict):
        return {}, ["no settings of a layer"]
    dense = block.get("arch") == "MLP"
    wrong = [f"{key} {settings[key]!r}" for key, only in ONLY.items() if settings.get(key, only) != only]
    if block.get("batch_norm"):
        wrong.append("a second batch normalization")
    if settings.get("padding") and settings.get("padding_mode", "reflect") != "reflect":
        wrong.append(f"padding_mode {settings['padding_mode']!r}")
    keywords = {ours: settings[theirs] for theirs, ours in SAME.items() if theirs in settings}
    keywords |= {"kernel": 0} if dense else {}
    for read in (_plasticity, _rate, _normalization, _activation, _pool):
        try:
            keywords |= read(block, settings, dense)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            wrong.append(str(error) if type(error) is ValueError else f"unreadable {read.__name__[1:]}")
    wrong += _check(keywords)
    return keywords, wrong


def _check(keywords: Mapping[str, Any]) -> list[str]:
    steps = keywords.get("steps", 0)
    wrong = [] if type(steps) is int and steps >= 0 else [f"steps {steps!r}"]
    try:
        Layer(**{"units": 2, **{key: value for key, value in keywords.items() if key != "steps"}})
    except (TypeError, ValueError) as error:
        wrong.append(str(error).rstrip("."))
    return wrong


def _plasticity(block: Any, settings: Any, dense: bool) -> dict[str, Any]:
    keywords: dict[str, Any] = {}
    if "softness" in settings:
        if settings["softness"] not in PLASTICITY:
            raise ValueError(f"softness {settings['softness']!r}")
        keywords["plasticity"] = PLASTICITY[settings["softness"]]
        if keywords["plasticity"] == "krotov-hopfield":
            keywords |= {"rank": settings["ranking_param"], "anti": settings["delta"]}
    if settings.get("add_bias"):
        if settings.get("softness") in ("hard", "hardkrotov"):  # their layers never have one
            keywords["bias"] = False
        elif dense:
            keywords["eta_bias"] = 1.0  # 0.1 of convolutions is the default
    trained = settings.get("nb_train")
    if trained == 0:
        keywords["plasticity"] = "none"
    elif trained not in (None, settings.get("out_channels")):
        raise ValueError(f"nb_train {trained!r}")
    if "weight_init" in settings:
        if settings["weight_init"] not in STARTS:
            raise ValueError(f"weight_init {settings['weight_init']!r}")
        keywords["start"] = STARTS[settings["weight_init"]]
    return keywords


def _rate(block: Any, settings: Any, dense: bool) -> dict[str, Any]:
    if "adaptive" not in settings:
        return {}
    if settings["adaptive"]:
        return {"rate": "norm"}
    decay = settings["lr_decay"]
    if decay not in ("linear", "constant"):
        raise ValueError(f"lr_decay {decay!r}")
    return {"rate": decay}


def _normalization(block: Any, settings: Any, dense: bool) -> dict[str, Any]:
    operation = block.get("operation") or ""
    steps = set(re.findall(r"[a-z0-9]+", operation))
    allowed = ({"batchnorm1d"}, {"batchnorm2d", "flatten"}) if dense else ({"batchnorm2d"},)
    if not any(steps <= each for each in allowed):
        raise ValueError(f"operation {operation!r}")
    return {"batch_norm": "batchnorm" in operation}


def _activation(block: Any, settings: Any, dense: bool) -> dict[str, Any]:
    if "activation" not in block:
        return {}
    activation = block["activation"] or {"function": None, "param": 1}
    name, exponent = activation["function"], activation["param"]
    if name not in ACTIVATIONS or (name == "tanh" and exponent != 1):
        raise ValueError(f"activation {name!r} with {exponent!r}")
    return {"activation": name, "exponent": exponent}


def _pool(block: Any, settings: Any, dense: bool) -> dict[str, Any]:
    if dense or "pool" not in block:
        return {}
    pool = block["pool"]
    if pool is None:
        return {"pool": None}
    if pool["type"] not in POOLS:
        raise ValueError(f"pool {pool['type']!r}")
    kind = POOLS[pool["type"]]
    return {
        "pool": Pool(kind=kind, size=pool["kernel_size"], stride=pool["stride"], padding=pool["padding"])  # type: ignore[arg-type]
    }


def foreign(network: Network) -> list[str]:
    """Return the plasticity and activation of layers for which the authors' code has no name."""
    names = (("plasticity", {*PLASTICITY.values(), "none"}), ("activation", ACTIVATIONS))
    return [
        f"{what} {getattr(layer, what)} of layer {number}"
        for number, layer in enumerate(network.layers)
        for what, known in names
        if getattr(layer, what) not in known
    ]


def block_config(network: Network, number: int, steps: int) -> dict[str, Any]:
    """Return the config of a layer's block, with all that the authors' code reads when it makes the block."""
    layer, channels = network.layers[number], network.shapes[number][0]
    inputs = math.prod(network.weight_shape(number)[1:])
    softness = {ours: theirs for theirs, ours in PLASTICITY.items()}.get(layer.plasticity, "softkrotov")
    spread = layer.norm * math.sqrt((1 if layer.start == "normal" else 3) / inputs)
    rate = {"lr": layer.eta, "adaptive": layer.rate == "norm", "power_lr": layer.power}
    decay = "constant" if layer.rate == "constant" else "linear"
    settings: dict[str, Any] = {
        "arch": "CNN" if layer.kernel else "MLP",
        "hebbian": True,
        "softness": softness,
        "nb_train": 0 if layer.plasticity == "none" else None,
        "in_channels": channels if layer.kernel else inputs,
        "old_channels": channels,
        "out_channels": layer.units,
        "t_invert": layer.inverse_temperature,
        **rate,
        "lr_decay": decay,
        # The schedule of the published runs on CIFAR-10: 5000 updates. It is used with neither adaptive nor constant.
        "lr_scheduler": {**rate, "nb_epochs": 1, "ratio": 2e-4, "speed": 7, "div": 96, "decay": decay},
        "radius": layer.norm,
        "weight_init": {ours: theirs for theirs, ours in STARTS.items()}[layer.start],
        "weight_init_range": spread,
        "weight_init_offset": 0,
        "add_bias": layer.bias,
        "lr_bias": 600,
        "ranking_param": layer.rank,
        "delta": layer.anti,
        "soft_activation_fn": "exp",
        "lebesgue_p": 2,
    }
    if layer.kernel:
        operation = "batchnorm2d" if layer.batch_norm else ""
        convolution = {"stride": 1, "dilation": 1, "groups": 1, "padding_mode": "reflect", "mask_thsd": 0}
        settings |= {"kernel_size": layer.kernel, "padding": layer.padding, "pre_triangle": layer.pre_triangle}
        settings |= convolution
    elif number and not network.layers[number - 1].kernel:
        operation = "batchnorm1d" if layer.batch_norm else ""
    else:
        operation = "batchnorm2d_flatten" if layer.batch_norm else "flatten"
    pool = layer.pool
    kinds = {ours: theirs for theirs, ours in POOLS.items()}
    return {
        "arch": settings["arch"],
        "preset": f"{softness}-c{layer.units}-t{layer.inverse_temperature:g}-lr{layer.eta:g}",
        "operation": operation,
        "num": number,
        "batch_norm": False,
        "pool": None
        if pool is None
        else {"type": kinds[pool.kind], "kernel_size": pool.size, "stride": pool.stride, "padding": pool.padding},
        "activation": {"function": layer.activation, "param": layer.exponent},
        "resume": None,
        "layer": settings | ({} if layer.batch_norm else {"steps": steps}),
    }


def readout_config(network: Network, classes: int) -> dict[str, Any]:
    """Return the config of the linear block."""
    return {
        "arch": "MLP",
        "preset": f"BP-c{classes}",
        "operation": "flatten",
        "num": len(network.layers),
        "att_dropout": None,
        "dropout": 0.5,
        "pool": None,
        "activation": None,
        "layer": {
            "arch": "MLP",
            "hebbian": False,
            "in_channels": network.features,
            "old_channels": network.shapes[-1][0],
            "out_channels": classes,
            "lr_sup": 0.001,
            "lebesgue_p": 2,
            "lr_scheduler": {"decay": "cste", "lr": 0.1},
        },
    }
