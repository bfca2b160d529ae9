"""Scoring networks that learned digits: again, on other images, or with their neurons labelled anew."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import devices, metrics
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Circuit, Images, Int, Recording
from spikehebb.devices import Device
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.presenting import Progress, Watch, present, protocol, quiet
from spikehebb.jobs.saved import describe, versions
from spikehebb.simulation import simulate


def evaluate(
    trained: Checkpoint,
    test: Images,
    *,
    device: Device | None = None,
    replicas: int | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Score a trained network on images; on the device that it was trained on, the same answer each time.

    Parameters
    ----------
    trained : Checkpoint
        From ``load_digits``.
    test : Images
    device : Device, optional
        The one it was trained on when left out.
    replicas : int, optional
        How many copies of the network look at images side by side. They draw other random numbers than one alone, and
        a GPU is only worth it with many.
    watch : callable, optional
        Called with the recording of every chunk of images.

    Returns
    -------
    dict
        As ``metrics`` in ``run.json``, without what only training tells.
    """
    device = device or devices.find(str(trained.header["device"]))
    tell = progress or quiet
    scores, _ = score(trained, test, device, tell, watch, replicas)
    return {
        "kind": "evaluation",
        "config": dict(trained.header["config"]),
        "versions": versions(),
        "seed": trained.header["seed"],
        "device": device.name,
        "data": {"test": describe(test)},
        "metrics": scores,
    }


def relabelled(
    trained: Checkpoint,
    labelled: Images,
    test: Images,
    *,
    device: Device | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Score a network whose weights have changed since its neurons got their labels: they get them anew.

    Parameters
    ----------
    trained : Checkpoint
    labelled, test : Images
        Labels come from ``labelled``, training images; the score from ``test``.
    device : Device, optional
        The one it was trained on when left out.

    Returns
    -------
    dict
        ``accuracy_vote`` and ``accuracy_soft_vote``.
    """
    device, tell = device or devices.find(str(trained.header["device"])), progress or quiet
    settings, circuit = trained_circuit(trained)
    counts, _ = present(circuit, labelled, settings, device, "labelling", tell)
    profile = metrics.class_profile(counts, np.asarray(labelled.labels))
    changed = dataclasses.replace(trained, arrays=dict(trained.arrays) | {"profile": profile})
    scores, _ = score(changed, test, device, tell)
    return {name: scores[name] for name in ("accuracy_vote", "accuracy_soft_vote")}


def some_presentations(trained: Checkpoint, images: Images, *, seed: int = 0) -> Recording:
    """Return the spikes of input and output while a trained network looks at a few images, on NumPy."""
    settings, circuit = trained_circuit(trained)
    return simulate(circuit, protocol(images, settings), dt=settings.dt_ms * ms, seed=seed, record=("input", "output"))


def trained_circuit(trained: Checkpoint) -> tuple[Settings, Circuit]:
    """Return the settings of a trained network, and the circuit that only looks."""
    settings, arrays = Settings(**trained.header["config"]), trained.arrays
    bias = np.asarray(arrays["bias"]) if "bias" in arrays else None
    return settings, settings.circuit(np.asarray(arrays["weights"]), bias).frozen()


def check_images(images: Images) -> None:
    """Raise ``ValueError`` unless images are grey and labelled."""
    if images.pixels.ndim != 3:
        raise ValueError(
            f"{images.name} has images of {images.pixels.shape[1:]}, but the spiking network takes grey ones, of "
            "(height, width); choose another data set, such as mnist."
        )
    low, high = int(images.labels.min()), int(images.labels.max())
    if low < 0 or high >= metrics.CLASSES:
        raise ValueError(
            f"{images.name}: labels must lie between 0 and {metrics.CLASSES - 1}, got {low} to {high}"
            f"{' (-1 is unlabelled)' if low < 0 else ''}."
        )


def score(
    trained: Checkpoint,
    test: Images,
    device: Device,
    tell: Progress,
    watch: Watch | None = None,
    replicas: int | None = None,
) -> tuple[dict[str, Any], Int]:
    """Return the metrics of a trained network on images, and what it predicts."""
    check_images(test)
    settings, frozen = trained_circuit(trained)
    shape = tuple(trained.header["image_shape"])
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(
            f"the network was trained on images of {shape}, but {test.name} has {np.shape(test.pixels)[1:]}."
        )
    if replicas is None and trained.header.get("side_by_side", False):
        replicas = 1  # which draws its random numbers as it did among others
    counts, seconds = present(frozen, test, settings, device, "testing", tell, watch, replicas=replicas)
    return score_counts(trained, counts, test, seconds)


def score_counts(trained: Checkpoint, counts: Any, test: Images, seconds: float) -> tuple[dict[str, Any], Int]:
    """Return the metrics that spike counts (images, neurons) give, and what they predict."""
    labels, profile = np.asarray(test.labels), np.asarray(trained.arrays["profile"])
    linear = np.asarray(trained.arrays["linear"])
    predicted = metrics.vote(counts, metrics.neuron_labels(profile))
    return {
        "accuracy_vote": metrics.accuracy(predicted, labels),
        "accuracy_soft_vote": metrics.accuracy(metrics.soft_vote(counts, profile), labels),
        "accuracy_linear": metrics.accuracy(metrics.predict_linear(counts, linear), labels),
        "ms_per_image_test": 1000 * seconds / len(test),
    }, predicted
