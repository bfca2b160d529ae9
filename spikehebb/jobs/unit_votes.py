"""The units of a dense SoftHebb layer vote, in rates and in spikes: one label each, from training images only."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Hz, ms

from spikehebb import conversion, metrics
from spikehebb.circuits import lif_wta
from spikehebb.conversion import SpikingNetwork, Timing, lif_calibration
from spikehebb.conversion.lif_calibration import calibrate_lif
from spikehebb.core import Images, Int
from spikehebb.core.progress import Progress, of_stage
from spikehebb.devices import Device
from spikehebb.encoders import regular
from spikehebb.jobs.lif_wta import seed_of
from spikehebb.jobs.seeds import CONVERSION
from spikehebb.softhebb import Model
from spikehebb.softhebb.readout import vote_labels

LABELLED = 20_000  # training images, at most, that give units their labels
FITTED, EVALUATIONS = 100, 120  # calibration images of LIF neurons, at most, and settings that are tried


def exact(
    model: Model,
    network: SpikingNetwork,
    train: Images,
    test: Images,
    *,
    device: Device,
    seed: int,
    tell: Progress,
) -> dict[str, Any]:
    """Return how well units vote by potentials and by the spikes of the exact competition."""
    tell("voting", 0)
    names, best = _labels(model, train, seed), _potentials(model, test).argmax(axis=1)
    tell("voting", 0.5)
    circuit, shown = conversion.competition(model, 0, network), conversion.seed_of(seed, CONVERSION["votes"])
    counts, seconds = conversion.vote_counts(circuit, test, network.timing, device=device, seed=shown)
    winner = np.asarray(counts.argmax(axis=1)).ravel()
    tell("voting", 1)
    answers = np.asarray(test.labels)
    return {
        "accuracy_vote": metrics.accuracy(names[winner], answers),
        "accuracy_vote_rate": metrics.accuracy(names[best], answers),
        "agreement_vote": metrics.accuracy(winner, best),
        "vote_spikes_per_image": float(counts.sum()) / len(test),
        "vote_ms_per_image": 1000 * seconds / len(test),
    }


def lif(
    model: Model,
    timing: Timing,
    train: Images,
    test: Images,
    calibration: Images,
    *,
    device: Device,
    seed: int,
    tell: Progress,
) -> dict[str, Any]:
    """Return how well LIF neurons vote, and how their winners go with the softmax on the calibration images."""
    tell("LIF", 0)
    encoder = regular.with_parameters(max_rate=timing.input_rate_hz * Hz)
    fit = calibrate_lif(
        model,
        calibration[:FITTED],
        encoder=encoder,
        presentation=timing.present_ms * ms,
        dt=timing.dt_ms * ms,
        evaluations=EVALUATIONS,
        seed=seed,
        device=device,
    )
    tell("LIF", 0.5)
    weights, bias = conversion.folded(model, 0)
    circuit = lif_wta(weights, bias=bias, **fit.parameters)
    counts, _ = lif_calibration.present(
        circuit,
        test,
        presentation=timing.present_ms * ms,
        dt=timing.dt_ms * ms,
        seed=seed_of(seed),
        device=device,
        progress=of_stage(tell, "testing"),
    )
    tell("LIF", 1)
    winner, names = np.asarray(counts.argmax(axis=1)).ravel(), _labels(model, train, seed)
    return {
        "labels": names.tolist(),
        "accuracy_vote": metrics.accuracy(names[winner], np.asarray(test.labels)),
        "agreement_vote": metrics.accuracy(winner, _potentials(model, test).argmax(axis=1)),
        "spikes_per_image": float(counts.sum()) / len(test),
        "silent": float(np.mean(counts.sum(axis=1) == 0)),
        "inhibition": fit.parameters["inhibition"],
        **{name: float(fit.parameters[name]) for name in ("gain", "strength", "drive")},
        "tau_m_ms": float(fit.parameters["tau_m"] / ms),
        "inverse_temperature": fit.inverse_temperature,
        "calibration": {name: getattr(fit, name) for name in ("images", "divergence", "spikes", "silent", "agreement")},
    }


def _labels(model: Model, train: Images, seed: int) -> Int:
    """Return the class of every unit: the one that it wins most often for, on training images."""
    labelled = train[np.random.default_rng((seed, CONVERSION["labels"])).permutation(len(train))[:LABELLED]]
    classes = int(np.max(train.labels)) + 1
    parts = [(_potentials(model, labelled), np.asarray(labelled.labels))]
    return vote_labels(parts, model.network.layers[0].units, classes)


def _potentials(model: Model, images: Images) -> Any:
    weights, bias = conversion.folded(model, 0)
    rows = images.intensities().reshape(len(images), -1)
    return rows @ weights.astype(np.float32) + bias.astype(np.float32)
