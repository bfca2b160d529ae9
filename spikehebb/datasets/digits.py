"""The digits that are bundled with scikit-learn."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from spikehebb.core import Images
from spikehebb.datasets.data_set import DataSet

_TEST = 500


def load_digits(part: str, folder: Path | None = None) -> Images:
    """Return the images of a part, shape (n, 8, 8), from 0 to 1; no folder is read."""
    from sklearn import datasets  # a second of import that only this data set needs

    bundle = datasets.load_digits()
    chosen = slice(-_TEST, None) if part == "test" else slice(None, -_TEST)
    pixels, labels = bundle.images[chosen].astype(np.float32) / 16, bundle.target[chosen]
    content = np.ascontiguousarray(pixels).tobytes() + np.ascontiguousarray(labels, np.int64).tobytes()
    hashes = {"pixels-and-labels": hashlib.sha256(content).hexdigest()}
    return Images(
        name=f"digits/{part}", pixels=pixels, labels=labels, hashes=hashes, classes=tuple(map(str, bundle.target_names))
    )


digits = DataSet(
    name="digits",
    summary="Handwritten digits of 8 x 8 pixels, bundled with scikit-learn; the last 500 are the test images",
    read=load_digits,
)
