"""Features of many units in a plane, for a picture."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from spikehebb.core import Float, Images
from spikehebb.softhebb import training
from spikehebb.softhebb.backend import one_by_one
from spikehebb.softhebb.model import Model

_DIRECTIONS = 50  # principal components that t-SNE sees
_PERPLEXITY = 30.0


def embedded(model: Model, images: Images, *, depth: int | None = None, seed: int = 0) -> Float:
    """Return a point in a plane for each image, near those of images with like features: t-SNE (scikit-learn's).

    Parameters
    ----------
    model : Model
    images : Images
        A few thousand take minutes.
    depth : int, optional
        Of how many layers the features are; of all when left out, with 0 the pixels.
    seed : int

    Returns
    -------
    array, shape (images, 2)

    Raises
    ------
    ValueError
        If there are fewer than 10 images, or they have another shape than the network takes.

    References
    ----------
    van der Maaten and Hinton, Visualizing data using t-SNE, Journal of Machine Learning Research 9:2579-2605, 2008.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(images) < 10:
        raise ValueError(f"an embedding needs at least 10 images, and {images.name} has {len(images)}.")
    if depth is not None and not 0 <= depth <= len(model.layers):
        raise ValueError(f"depth must be 0 to the number of layers {len(model.layers)}, got {depth}.")
    parts = training.outputs(model.network, model.layers, images, np, one_by_one, depth=depth)
    features = np.concatenate(list(parts))
    directions = min(_DIRECTIONS, *features.shape)
    perplexity = min(_PERPLEXITY, (len(images) - 1) / 3)
    with threadpool_limits(1):  # threads that wait for each other on a busy machine take minutes for a second of work
        reduced = PCA(directions, random_state=seed).fit_transform(features)
        points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)
    return np.asarray(points, float)
