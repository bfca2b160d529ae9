"""Networks that see a window of the cells of a front each, and vote together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spikehebb import devices
from spikehebb.core import Samples, digest
from spikehebb.core.progress import Progress, reporter
from spikehebb.datasets import Given, as_samples
from spikehebb.devices import Device
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.fronts import CORNERS, Windowed
from spikehebb.jobs.learned import LearnedNetwork
from spikehebb.jobs.run import provenance
from spikehebb.jobs.scores import votes_of
from spikehebb.jobs.trained import Trained, read

SUMMARY = "summary.json"


def networks_of(settings: Settings) -> tuple[Settings, ...]:
    """Return the settings of every network that learns: one for each corner where the front has windows, else one.

    Examples
    --------
    >>> from spikehebb.jobs import Settings
    >>> [one.front.corner for one in networks_of(Settings(front={"kind": "columns", "window": 10}))]
    [1, 2, 3, 4]
    """
    front = settings.front
    if not isinstance(front, Windowed) or not front.window or front.corner:
        return (settings,)
    return tuple(dataclasses.replace(settings, front=dataclasses.replace(front, corner=corner)) for corner in CORNERS)


def vote_together(
    networks: Sequence[Trained | str | Path],
    test: Given,
    *,
    device: Device | str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score several networks that learned in spikes as one: the neurons of all of them vote on the same images.

    Parameters
    ----------
    networks : sequence of Trained, str or path
        With the same classes; files and folders are read. A folder of several networks stands for all of them.
    test : Images, Events, (pixels, labels), str or path
    device : Device or str, optional
        The one that each learned on when left out, where it gives the same answer each time.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    dict
        ``metrics``: the votes of all neurons together, each labelled as by its own network.

    Raises
    ------
    ValueError
        If one of them did not learn in spikes, or images do not fit.
    """
    tell, images = reporter(progress), as_samples(test, "test")
    each: list[LearnedNetwork] = []
    for given in networks:
        for trained in map(read, folders(given)) if isinstance(given, str | Path) else [given]:
            try:
                network = trained.learned()
            except ValueError:  # it is converted
                network = None
            if network is None:
                raise ValueError("only the neurons of networks that learned in spikes vote together; give no others.")
            network.check(images)
            each.append(network)
    if not each:
        raise ValueError("no networks: give those that vote together.")
    seen: dict[str, Samples] = {}  # what a first layer says, once for all that stand behind it
    counts = []
    for network in each:
        front = getattr(network.settings.front, "whole", "")
        first = digest([network.arrays.get("front", np.zeros(0)), network.settings.seed, repr(front)])
        if first not in seen:
            seen = {first: network.seen(images, device=device, progress=tell)}
        counts.append(network.counts(seen[first], device=device, progress=tell)[0])
    return {
        "kind": "evaluation",
        **provenance(devices.find(device or each[0].device).name, each[0].settings.seed, test=images),
        "networks": len(each),
        "neurons": sum(len(network.arrays["profile"]) for network in each),
        "metrics": together([network.arrays for network in each], counts, images),
    }


def folders(path: str | Path) -> list[Path]:
    """Return the folders of the networks that learned side by side in a folder, or the path itself."""
    place = Path(path)
    found = place.glob("*-[0-9]*/checkpoint.npz") if (place / SUMMARY).is_file() else ()
    return sorted(each.parent for each in found) or [place]


def together(
    networks: Sequence[Mapping[str, NDArray[Any]]], counts: Sequence[Any], images: Samples
) -> dict[str, float]:
    """Return the votes of the neurons of all networks.

    Parameters
    ----------
    networks : sequence of mapping
        The arrays of each, with its ``profile``.
    counts : sequence of sparse array, each of shape (images, neurons)
        Their spikes for the same images.
    images : Images or Events
        With labels.
    """
    profile = np.concatenate([np.asarray(arrays["profile"]) for arrays in networks])
    return votes_of(profile, sparse.hstack(list(counts)).tocsr(), np.asarray(images.labels))[0]
