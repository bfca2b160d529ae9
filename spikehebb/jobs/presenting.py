"""Showing images to a circuit of spiking neurons, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import ms
from scipy import sparse

from spikehebb import metrics, protocols
from spikehebb.core import Circuit, Images, Protocol, Recording
from spikehebb.devices import Device
from spikehebb.jobs.digit_settings import Settings
from spikehebb.simulation.present import TOGETHER, copies_on, simulate_dealt

CHUNK = 1000  # presentations per run of the program: what an interruption can cost
STAGES = {"learning": 0, "labelling": 1, "testing": 2}  # each stage has random numbers of its own

Progress = Callable[[str, float], None]
Watch = Callable[[Recording], None]


def present(
    circuit: Circuit,
    images: Images,
    settings: Settings,
    device: Device,
    stage: str,
    tell: Progress,
    watch: Watch | None = None,
    *,
    replicas: int | None = None,
) -> tuple[Any, float]:
    """Return the spike counts (images, neurons) of a circuit that only looks, and the seconds that it took.

    ``watch`` is called with the recording of every chunk. Several ``replicas`` of the circuit look at images side by
    side and share their weights; left out, it is one on a CPU and many on a GPU.
    """
    replicas = copies_on(device, replicas)
    tables, seconds, chunk = [], 0.0, chunk_of(replicas)
    for number, start in enumerate(range(0, len(images), chunk)):
        part = images[start : start + chunk]
        bar = within(tell, stage, start / len(images), len(part) / len(images))
        seed = seed_of(settings.seed, STAGES[stage], number)
        recording = run(circuit, part, settings, device, seed, bar, replicas=replicas)
        tables.append(counts_of(recording, part, settings))
        seconds += recording.seconds
        if watch is not None:
            watch(recording)
    return sparse.vstack(tables, format="csr"), seconds


def run(
    circuit: Circuit,
    images: Images,
    settings: Settings,
    device: Device,
    seed: int,
    tell: Callable[[float], None],
    *,
    replicas: int | None = None,
) -> Recording:
    """Show images to a circuit, or to copies of one that only looks; spikes of its output are kept."""
    return simulate_dealt(
        circuit,
        protocol(images, settings),
        replicas=replicas,
        device=device,
        dt=settings.dt_ms * ms,
        seed=seed,
        record=("output",),
        progress=tell,
    )


def chunk_of(replicas: int | None) -> int:
    """Return how many images are shown in one run of the program."""
    if replicas is None:
        return CHUNK
    if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 1:
        raise ValueError(f"replicas must be a whole number of at least 1, got {replicas!r}.")
    return min(CHUNK, max(TOGETHER // replicas, 1)) * replicas


def protocol(images: Images, settings: Settings) -> Protocol:
    """Return the images one after the other, each for as long as the settings say."""
    return protocols.presentations(images, duration=settings.presentation_ms * ms)


def counts_of(recording: Recording, images: Images, settings: Settings) -> Any:
    """Return the spike counts (images, neurons) of a recording."""
    return metrics.presentation_counts(
        recording.spikes["output"],
        neurons=settings.neurons,
        presentations=len(images),
        presentation=settings.presentation_ms * ms,
    )


def within(tell: Progress, stage: str, start: float, width: float) -> Callable[[float], None]:
    """Return a reporter for a part of a stage."""
    return lambda fraction: tell(stage, start + width * fraction)


def quiet(stage: str, fraction: float) -> None:
    """Report nothing."""


def seed_of(seed: int, stage: int, number: int) -> int:
    """Return the seed of a chunk of images in a stage."""
    return int(np.random.SeedSequence((seed, stage, number)).generate_state(1)[0])
