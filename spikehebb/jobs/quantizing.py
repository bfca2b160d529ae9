"""Trained networks in the numbers that a chip can hold, as files that are read like the originals."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import checkpoint, convert
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Circuit, Population, Projection
from spikehebb.encoders import word_source
from spikehebb.hardware import Quantized, Rounding, Target, quantize
from spikehebb.jobs import evaluate
from spikehebb.jobs.run import check_new, versions
from spikehebb.neurons import mean_count
from spikehebb.softhebb import Model, model_file
from spikehebb.softhebb.network import Weights


def quantize_network(
    trained: Checkpoint,
    target: Target,
    out: Path,
    *,
    rounding: Rounding = "nearest",
    seed: int = 0,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a trained network with the numbers that a chip can hold, and how far they are from what they were.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_network``, of any kind.
    target : Target
    out : path
        A folder for ``checkpoint.npz``, which is read as the original was, and ``quantize.json``. Labels of neurons
        and readouts stay as they were; so does what the target does not limit.
    rounding, seed
        See ``hardware.quantize``.
    overwrite : bool
        Replace another run in ``out``.

    Returns
    -------
    dict
        What ``quantize.json`` holds.

    Raises
    ------
    ValueError, FileExistsError
    """
    check_new(out, overwrite)
    if trained.header["kind"] == "digits":
        changed, found = _quantized_digits(trained, target, rounding, seed)
    else:
        changed, found = _quantized_layers(trained, target, rounding, seed)
    report = {
        "kind": "quantization",
        "target": target.name,
        "limits": limits_of(target),
        "rounding": rounding,
        "seed": seed,
        "report": [vars(line) for quantized in found for line in quantized.report],
        "kept": [name for quantized in found for name in quantized.kept],
        "remarks": list(_remarks(trained)),
        "versions": versions(),
    }
    own = {name: report[name] for name in ("target", "limits", "rounding", "seed")}
    changed = Checkpoint(header={**changed.header, "quantized": own}, arrays=changed.arrays)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint.save(changed, out / "checkpoint.npz")
    checkpoint.write_json(out / "quantize.json", report)
    return report


def limits_of(target: Target) -> dict[str, Any]:
    """Return a target's limits as plain data, each with its source."""
    return {
        name: {**vars(limit), "value": list(limit.value) if isinstance(limit.value, tuple) else limit.value}
        for name, limit in target.limits.items()
    }


def _quantized_digits(
    trained: Checkpoint, target: Target, rounding: Rounding, seed: int
) -> tuple[Checkpoint, list[Quantized]]:
    settings, frozen = evaluate.trained_circuit(trained)
    found = quantize(frozen, target, dt=settings.dt_ms * ms, rounding=rounding, seed=seed)
    tau = float(found.circuit.populations["output"].model.parameters["tau_m"] / ms)
    config = {
        **trained.header["config"],
        "tau_m_ms": tau,
        "temperature": settings.temperature * settings.tau_m_ms / tau,  # of the neurons, it is the product of the two
    }
    arrays = {**trained.arrays, "weights": np.array(found.circuit.projections["feedforward"].weights)}
    return Checkpoint(header={**trained.header, "config": config}, arrays=arrays), [found]


def _quantized_layers(
    trained: Checkpoint, target: Target, rounding: Rounding, seed: int
) -> tuple[Checkpoint, list[Quantized]]:
    """Quantize the weights of each layer with its batch normalization in them, as a chip has them."""
    model, found = model_file.from_checkpoint(trained), []
    layers = []
    for number in range(len(model.layers)):
        folded, _ = convert.folded(model, number)
        quantized = quantize(_column(folded, f"layer{number}"), target, rounding=rounding, seed=seed + number)
        found.append(quantized)
        layers.append(_scaled(model, number, folded, quantized))
    changed = dataclasses.replace(model, layers=tuple(layers))
    return Checkpoint(header=trained.header, arrays=model_file.to_checkpoint(changed).arrays), found


def _remarks(trained: Checkpoint) -> tuple[str, ...]:
    if trained.header.get("conversion", {}).get("lif") is None:
        return ()
    return (
        "these are the weights of the layer; its LIF form takes the mean of each row away and so leaves the levels: "
        "hardware.quantize(convert.lif_network(model, network), target) gives that form in the chip's numbers",
    )


def _column(weights: Any, name: str) -> Circuit:
    """Return a layer's weights, shape (inputs, units), as the one projection of a circuit."""
    pre, post = weights.shape
    return Circuit(
        name=name,
        populations={
            "input": Population(model=word_source, size=pre),
            "units": Population(model=mean_count, size=post),
        },
        projections={name: Projection(pre="input", post="units", weights=weights)},
    )


def _scaled(model: Model, number: int, folded: Any, quantized: Quantized) -> Weights:
    """Return the weights of a layer that are quantized once its normalization is in them."""
    layer, weights = model.network.layers[number], model.layers[number]
    new = np.asarray(quantized.circuit.projections[f"layer{number}"].weights)
    ratio = np.divide(new, folded, out=np.ones_like(folded), where=folded != 0).T
    old = np.asarray(weights.weight)
    if layer.kernel:  # (units, row, column, channel) as (units, channel, row, column)
        units, channels, height, width = old.shape
        ratio = ratio.reshape(units, height, width, channels).transpose(0, 3, 1, 2)
    return dataclasses.replace(weights, weight=(old * ratio.reshape(old.shape)).astype(old.dtype))
