"""Pairs of patterns to associate: random, correlated, biased or sparse bits, and images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spikehebb.core import Float, Images
from spikehebb.core.memory import check_memory
from spikehebb.core.seeds import check_seed
from spikehebb.core.values import check_setting, frozen_array
from spikehebb.equations import did_you_mean

TARGETS = ("bits", "one", "self", "labels")
_PROTOTYPES, _FLIPPED, _ONES, _FEW = 5, 0.2, 0.8, 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Patterns:
    """Inputs, and for each the target that it is to be associated with.

    Parameters
    ----------
    name : str
    inputs : array_like, shape (patterns, inputs)
    targets : array_like, shape (patterns, outputs)

    Raises
    ------
    ValueError
        If patterns differ in length, hold anything but finite numbers, or there are not as many inputs as targets.

    Examples
    --------
    >>> from spikehebb.datasets import Patterns
    >>> len(Patterns(name="xor", inputs=[[0, 0], [0, 1], [1, 0], [1, 1]], targets=[[0], [1], [1], [0]]))
    4
    """

    name: str
    inputs: Float
    targets: Float

    def __post_init__(self) -> None:
        for what in ("inputs", "targets"):
            given = getattr(self, what)
            lengths = sorted({np.size(row) for row in given})
            if len(lengths) > 1:
                raise ValueError(
                    f"patterns {self.name}: {what} must all be equally long, got from {lengths[0]} to {lengths[-1]} "
                    "numbers."
                )
            array = frozen_array(given, np.float64)
            if array.ndim != 2 or not array.size or not np.all(np.isfinite(array)):
                raise ValueError(
                    f"patterns {self.name}: {what} must be finite numbers (patterns, {what}), got shape {array.shape}."
                )
            object.__setattr__(self, what, array)
        if len(self.inputs) != len(self.targets):
            raise ValueError(
                f"patterns {self.name}: {len(self.inputs)} inputs but {len(self.targets)} targets; give one for each."
            )

    def __len__(self) -> int:
        return len(self.inputs)


def _random(shape: tuple[int, int], rng: np.random.Generator) -> Float:
    return rng.integers(0, 2, shape).astype(float)


def _correlated(shape: tuple[int, int], rng: np.random.Generator) -> Float:
    prototypes = rng.integers(0, 2, (_PROTOTYPES, shape[1]))
    own = prototypes[rng.integers(0, _PROTOTYPES, shape[0])]
    return np.where(rng.random(shape) < _FLIPPED, 1 - own, own).astype(float)


def _biased(shape: tuple[int, int], rng: np.random.Generator) -> Float:
    return (rng.random(shape) < _ONES).astype(float)


def _sparse(shape: tuple[int, int], rng: np.random.Generator) -> Float:
    return (rng.random(shape) < _FEW).astype(float)


KINDS: Mapping[str, Callable[[tuple[int, int], np.random.Generator], Float]] = {
    "random": _random,
    "correlated": _correlated,
    "biased": _biased,
    "sparse": _sparse,
}


def patterns(
    kind: str, count: int = 100, inputs: int = 200, outputs: int = 200, *, targets: str = "bits", seed: int = 0
) -> Patterns:
    """Return random pairs of patterns.

    Parameters
    ----------
    kind : str
        Of the inputs: ``random`` bits; ``correlated``, each one of five random prototypes with 20 % of its bits
        flipped; ``biased``, 80 % ones; ``sparse``, 10 % ones.
    count, inputs, outputs : int
        How many pairs, and how long they are.
    targets : str
        ``bits``: random, of sparse patterns sparse; ``one``: one of all is 1; ``self``: the input.
    seed : int

    Raises
    ------
    ValueError
        If there is no such kind, or a number is below 1.

    Examples
    --------
    >>> from spikehebb.datasets import patterns
    >>> patterns("sparse", 50, 200, 20).inputs.mean().round(2)
    np.float64(0.1)
    """
    if kind not in KINDS:
        raise ValueError(f"there are no {kind!r} patterns.{did_you_mean(kind, KINDS)}")
    check_seed(seed)
    for name, value in (("count", count), ("inputs", inputs), ("outputs", outputs)):
        check_setting(name, "int", value)
    check_memory(f"{count:,} patterns", 24.0 * count * (inputs + outputs), "take fewer or shorter ones")
    rng = np.random.default_rng(seed)
    x = KINDS[kind]((count, inputs), rng)
    return Patterns(name=kind, inputs=x, targets=_targets(targets, x, outputs, rng, few=kind == "sparse"))


def image_patterns(
    images: Images, outputs: int = 200, *, targets: str = "bits", seed: int = 0, classes: int | None = None
) -> Patterns:
    """Return images as inputs, with targets of a kind that ``patterns`` takes, or ``labels``: one output a class.

    Parameters
    ----------
    images : Images
    outputs : int
        How long targets are that are drawn.
    targets : str
    seed : int
        Of targets that are drawn.
    classes : int, optional
        How many classes there are; as many as the images have when left out.

    Raises
    ------
    ValueError
        If there are no such targets, or an image has no label.

    Examples
    --------
    >>> from spikehebb.datasets import image_patterns, load
    >>> image_patterns(load("digits", "test"), targets="labels").targets.sum(axis=1).max()
    np.float64(1.0)
    """
    x = images.intensities().reshape(len(images), -1).astype(float)
    if targets == "labels":
        if images.labels.min() < 0:
            raise ValueError(f"{images.name}: some images have no label; take other targets.")
        return Patterns(name=images.name, inputs=x, targets=np.eye(classes or len(images.classes))[images.labels])
    check_seed(seed)
    check_setting("outputs", "int", outputs)
    return Patterns(
        name=images.name, inputs=x, targets=_targets(targets, x, outputs, np.random.default_rng(seed), few=False)
    )


def _targets(kind: str, inputs: Float, outputs: int, rng: np.random.Generator, *, few: bool) -> Float:
    if kind not in TARGETS:
        raise ValueError(f"there are no targets {kind!r}.{did_you_mean(kind, TARGETS)}")
    if kind == "labels":
        raise ValueError("only images have labels; take targets bits, one or self.")
    if kind == "self":
        return inputs
    if kind == "one":
        return np.eye(outputs)[rng.integers(0, outputs, len(inputs))]
    return (_sparse if few else _random)((len(inputs), outputs), rng)
