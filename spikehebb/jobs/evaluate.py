"""Scoring trained networks: again, on other images, or with their neurons labelled anew."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from spikehebb import devices, metrics
from spikehebb.core import Recording, Samples
from spikehebb.core.progress import Progress, reporter
from spikehebb.datasets import Given, as_samples
from spikehebb.devices import NUMPY, Device
from spikehebb.hardware import Target, find
from spikehebb.jobs import shown
from spikehebb.jobs.learned import LearnedNetwork, spike_counts
from spikehebb.jobs.trained import Trained, opened
from spikehebb.simulation import present


def evaluate(
    trained: Trained | str | Path,
    test: Given,
    *,
    device: Device | str | None = None,
    replicas: int | None = None,
    target: Target | str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a trained network on images and, with a target, count what it costs there and in bare arithmetic.

    Parameters
    ----------
    trained : Trained, str or path
        Of any form: a file or folder that ``read`` reads, or a value; what learns, trains or converts returns one.
    test : Images, Events, (pixels, labels), str or path
    device : Device or str, optional
        Of spikes: the one that it was trained on when left out, where it gives the same answer each time. Of rates:
        ``cpu`` (when left out) or ``gpu``.
    replicas : int, optional
        How many replicas of a network that spikes the images are distributed over. They draw other random numbers
        than one alone, and a GPU is only worth it with many.
    target : Target or str, optional
        The network runs as it is; quantize it first to see what the chip's numbers do to its accuracy.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    dict
        ``metrics``, as in ``run.json`` without what only training measures. With a target, ``hardware``: footprint,
        sparsities, the workload per image, energy by table, and for a network that learned in spikes ``learning``,
        what it would cost to learn from the same spikes.

    Raises
    ------
    ValueError
        If images do not fit, the network has no readout or, with a target, does not spike.
    """
    report = opened(trained).evaluate(
        as_samples(test, "test"),
        device=device,
        replicas=replicas,
        target=None if target is None else find(target),
        progress=reporter(progress),
    )
    report.pop("answers", None)  # of every image, which ``compare`` asks for
    return report


def relabelled(
    trained: LearnedNetwork,
    labelled: Samples,
    test: Samples,
    *,
    device: Device | str | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Score a network whose weights have changed since its neurons got their labels: they get them anew.

    Parameters
    ----------
    trained : LearnedNetwork
    labelled, test : Samples
        Labels come from ``labelled``, training images; the score from ``test``.
    device : Device or str, optional
        The one it was trained on when left out.

    Returns
    -------
    dict
        ``accuracy_vote`` and ``accuracy_soft_vote``.
    """
    device, tell = devices.find(device or trained.device), reporter(progress)
    seen = trained.seen(labelled, device=device, progress=tell)
    counts, _ = spike_counts(trained.circuit(), seen, trained.settings, device, "labelling", tell)
    arrays = dict(trained.arrays) | {
        "profile": metrics.class_profile(counts, np.asarray(labelled.labels), len(trained.classes))
    }
    scores, _ = dataclasses.replace(trained, arrays=arrays).predict(test, device=device, progress=tell)
    return {name: scores[name] for name in ("accuracy_vote", "accuracy_soft_vote")}


def some_presentations(trained: LearnedNetwork, images: Samples, *, seed: int = 0) -> Recording:
    """Return the spikes of input and output while a trained network is shown a few images, on NumPy."""
    settings = trained.settings
    return present.show(
        trained.circuit(),
        shown.rows(settings, trained.seen(images, device=NUMPY)),
        presentation=settings.presentation,
        dt=settings.dt,
        device=NUMPY,
        seed=seed,
        frames=shown.frames(settings),
        record=("input", "output"),
    )
