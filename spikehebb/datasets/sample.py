"""Some images of a data set, for a run that need not see all of them."""

from __future__ import annotations

import numpy as np

from spikehebb.core import Events, Images, Samples

_STREAM = 30  # apart from the random numbers of jobs that have the same seed


def sample[Shown: (Images, Events, Samples)](images: Shown, n: int, seed: int = 0) -> Shown:
    """Return ``n`` images, balanced over classes and in random order: files are often sorted by class.

    Classes differ by one image at most; one that has fewer images than its share gives all that it has. The same seed
    chooses the same images, and those of a smaller sample are among those of a larger one.

    Parameters
    ----------
    images : Images or Events
        Those without a label count as one class.
    n : int
        Where there are no more images than that, they are returned as they are.
    seed : int

    Raises
    ------
    ValueError
        If ``n`` is not a whole number of at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spikehebb.core import Images
    >>> sorted_by_class = Images(name="sorted", pixels=np.zeros((9, 2, 2)), labels=[0, 0, 0, 0, 0, 0, 1, 1, 2])
    >>> sorted(sample(sorted_by_class, 6).labels.tolist())
    [0, 0, 0, 1, 1, 2]
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"a sample of {images.name} must have a whole number of images, at least 1; got {n!r}.")
    if n >= len(images):
        return images
    order = np.random.default_rng((seed, _STREAM)).permutation(len(images))
    labels, place = images.labels[order], np.empty(len(images), np.int64)  # of an image within its class
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        place[own] = np.arange(len(own))
    chosen = np.sort(np.argsort(place, kind="stable")[:n])
    return images[order[chosen]]
