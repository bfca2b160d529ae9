"""Scoring trained networks: again, on other images, or with their neurons labelled anew."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from spikehebb import metrics
from spikehebb.core import Images, Recording
from spikehebb.core.progress import Progress, quiet
from spikehebb.devices import NUMPY, Device
from spikehebb.jobs.learned import LearnedNetwork, spike_counts
from spikehebb.jobs.run import provenance
from spikehebb.simulation import present


def evaluate(
    trained: LearnedNetwork,
    test: Images,
    *,
    device: Device | None = None,
    replicas: int | None = None,
    progress: Progress | None = None,
    watch: present.Watch | None = None,
) -> dict[str, Any]:
    """Score a trained network on images; on the device that it was trained on, the same answer each time.

    Parameters
    ----------
    trained : LearnedNetwork
    test : Images
    device : Device, optional
        The one it was trained on when left out.
    replicas : int, optional
        How many copies of the network the images are distributed over. They draw other random numbers than one alone,
        and a GPU is only worth it with many.
    watch : callable, optional
        Called with the recording of every chunk of images.

    Returns
    -------
    dict
        As ``metrics`` in ``run.json``, without what only training tells.
    """
    device = device or trained.device
    scores, _ = trained.predict(test, device=device, replicas=replicas, progress=progress or quiet, watch=watch)
    return {
        "kind": "evaluation",
        "config": dict(trained.header["config"]),
        **provenance(device.name, trained.header["seed"], test=test),
        "metrics": scores,
    }


def relabelled(
    trained: LearnedNetwork,
    labelled: Images,
    test: Images,
    *,
    device: Device | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Score a network whose weights have changed since its neurons got their labels: they get them anew.

    Parameters
    ----------
    trained : LearnedNetwork
    labelled, test : Images
        Labels come from ``labelled``, training images; the score from ``test``.
    device : Device, optional
        The one it was trained on when left out.

    Returns
    -------
    dict
        ``accuracy_vote`` and ``accuracy_soft_vote``.
    """
    device, tell = device or trained.device, progress or quiet
    counts, _ = spike_counts(trained.circuit(), labelled, trained.settings, device, "labelling", tell)
    arrays = dict(trained.arrays) | {"profile": metrics.class_profile(counts, np.asarray(labelled.labels))}
    scores, _ = dataclasses.replace(trained, arrays=arrays).predict(test, device=device, progress=tell)
    return {name: scores[name] for name in ("accuracy_vote", "accuracy_soft_vote")}


def some_presentations(trained: LearnedNetwork, images: Images, *, seed: int = 0) -> Recording:
    """Return the spikes of input and output while a trained network is shown a few images, on NumPy."""
    settings = trained.settings
    return present.show(
        trained.circuit(),
        present.of_unit_length(images),
        presentation=settings.presentation,
        dt=settings.dt,
        device=NUMPY,
        seed=seed,
        record=("input", "output"),
    )
