"""What networks are shown: images or recordings, whether they fit, and how the input sees them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import Hz, ms

from spikehebb.circuits.learner import Encoding
from spikehebb.core import Events, Images, Samples
from spikehebb.core.events import MOST_STEPS
from spikehebb.core.memory import check_memory
from spikehebb.devices import Device
from spikehebb.encoders import unit_length
from spikehebb.jobs import learned_file
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.fronts import Columns, Edges
from spikehebb.jobs.run import provenance
from spikehebb.reading import printable
from spikehebb.simulation.present import as_they_are, of_unit_length

_SHOWN = 12  # classes in a message
_BYTES = 40  # of a weight and of its copies, while a network learns


def rows(settings: Settings, images: Samples, gain: float = 1.0) -> Any:
    """Return images as they are presented to the input, shape (images * frames, inputs), times a gain."""
    if isinstance(images, Events):  # whose spikes are what they are
        images = settings.front.heard(images) if isinstance(settings.front, Columns) else images
        steps = settings.time_steps
        words = images.words(settings.recording_ms * ms, steps, steps_per_word=steps // frames(settings))
        return words.reshape(-1, words.shape[2])
    front = settings.front if isinstance(settings.front, Edges) else None
    return encoded(images, settings.learner.encoding, front, gain)


def frames(settings: Settings) -> int:
    """Return how many rows of the input a presentation has: of recordings as many words of equal length as it takes.

    Examples
    --------
    >>> frames(Settings()), frames(Settings(recording_ms=20.0, presentation_ms=120.0))
    (1, 3)
    """
    steps = settings.time_steps
    if not settings.recording_ms or steps <= MOST_STEPS:
        return 1
    return next(count for count in range(-(-steps // MOST_STEPS), steps + 1) if steps % count == 0)


def encoded(images: Images, encoding: Encoding, front: Edges | None = None, gain: float = 1.0) -> Any:
    """Return images as input neurons are presented them in an encoding, shape (images, inputs), times a gain."""
    rows = as_they_are(images) if front is None else front.rates(images)
    if encoding == "unit length":
        return gain * (of_unit_length(images) if front is None else unit_length(rows))
    return gain * (np.hstack([rows, 1 - rows]) if encoding == "on and off" else rows)


def inputs(settings: Settings, shape: tuple[int, ...]) -> int:
    """Return how many input neurons images of a shape have."""
    front = settings.front
    pixels = int(np.prod(front.shape(shape) if isinstance(front, (Edges, Columns)) else shape))
    return 2 * pixels if settings.learner.encoding == "on and off" else pixels


def check_both(train: Samples, test: Samples) -> tuple[int, ...]:
    """Return the shape of the images, after checking that both parts fit the network and each other."""
    check_images(train)
    check_images(test)
    shape = train.pixel_shape
    if test.pixel_shape != shape or type(test) is not type(train):
        raise ValueError(f"{train.name} has images of {shape}, but {test.name} of {test.pixel_shape} pixels.")
    if not same_classes(train.classes, test.classes):
        raise ValueError(f"{train.name} has {listed(train.classes)}, but {test.name} {listed(test.classes)}.")
    if missing := sorted({*test.labels.tolist()} - {*train.labels.tolist()}):
        raise ValueError(
            f"{train.name} has no image of {listed([test.classes[label] for label in missing])}, but {test.name} has; "
            "give training images of every class."
        )
    return shape


def check_images(images: Samples) -> None:
    """Raise ``ValueError`` unless images are labelled."""
    low = int(images.labels.min())
    if low < 0:
        raise ValueError(f"{images.name}: labels must be at least 0, got {low} (-1 is unlabelled).")


def same_classes(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether classes have the same names, as far as both have names."""
    return all(one == other for one, other in zip(first, second, strict=False))


def listed(classes: Sequence[str]) -> str:
    """Return classes as a message shows them."""
    more = f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    return f"the classes {printable(', '.join(classes[:_SHOWN]), 200)}{more}"


def settings_for(shown: Samples, settings: Settings) -> Settings:
    """Return settings that say how much of recordings is shown, and how strong their input is; of images, the same.

    The rate of an input neuron that alone is the whole input, which is set for images, is measured: the mean length of
    the vector of all rates.
    """
    if not isinstance(shown, Events) or settings.front:
        return settings
    if settings.recording_ms == 0:
        longest = max(1.0, math.ceil(float(shown.longest / ms)))
        settings = dataclasses.replace(settings, recording_ms=longest)
    if settings.learner.encoding != "unit length":
        return settings
    length = shown.mean_length(settings.recording_ms * ms, settings.time_steps)
    rate = length / (settings.presentation_ms / 1000)
    if settings.circuit == "soft_wta":
        return dataclasses.replace(settings, max_rate_hz=rate)
    return dataclasses.replace(settings, parameters={**settings.parameters, "circuit.max_rate": rate * Hz})


def check_room(settings: Sequence[Settings], pixels: int) -> None:
    """Raise ``MemoryError`` unless the weights of networks for images of so many pixels fit into this machine."""
    neurons = sum(each.neurons for each in settings)
    check_memory(f"learning {pixels} pixels with {neurons:,} neurons", _BYTES * float(pixels) * neurons, "take fewer")


def header_of(
    train: Samples, test: Samples, settings: Settings, device: Device, shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return what a run of learning is: its settings, images, device and versions."""
    return {
        "kind": learned_file.KIND,
        "config": settings.config(),
        **provenance(device.name, settings.seed, train=train, test=test),
        "image_shape": list(shape),
        **({"own": own} if (own := settings.own(inputs(settings, shape))) else {}),
        **({"classes": list(train.classes)} if train.classes != learned_file.DIGITS else {}),
    }
