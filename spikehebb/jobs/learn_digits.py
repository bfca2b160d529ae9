"""Learning digits with a spiking soft winner-take-all circuit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikehebb import checkpoint, devices, metrics, rules
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Circuit, Float, Images, Int, Recording
from spikehebb.devices import Device
from spikehebb.hardware import Constrained
from spikehebb.jobs import presenting
from spikehebb.jobs.digit_settings import Settings, ages
from spikehebb.jobs.evaluate import check_images, score
from spikehebb.jobs.presenting import (
    STAGES,
    Progress,
    counts_of,
    present,
    protocol,
    quiet,
    run,
    seed_of,
    within,
)
from spikehebb.jobs.saved import State, describe, partial, resume, versions
from spikehebb.jobs.start import Start
from spikehebb.simulation.present import copies_on, prepare_dealt

LABELLED = 20_000  # training images, at most, that give the neurons their labels
BLOCK, FORGET = 250, 0.975  # the learning curve has a point per block, and remembers about 10,000 images
_ORDER, _WEIGHTS = 3, 4


@dataclass(frozen=True, kw_only=True)
class DigitRun:
    """What ``learn_digits`` returns.

    Parameters
    ----------
    report : mapping
        What ``run.json`` holds.
    checkpoint : Checkpoint
        The trained network.
    predicted, labels : array of int, shape (test images,)
        By single-neuron vote, and as they are.
    """

    report: Mapping[str, Any]
    checkpoint: Checkpoint
    predicted: Int
    labels: Int


def learn_digits(
    train: Images,
    test: Images,
    settings: Settings | None = None,
    *,
    start: Start | None = None,
    device: Device | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> DigitRun:
    """Let a spiking soft winner-take-all circuit teach itself images, then label its neurons and score it.

    Parameters
    ----------
    train, test : Images
        Neurons are labelled from training images only.
    settings : Settings, optional
        Left out with a start, ``start.settings(train)``.
    start : Start, optional
        A trained network that learning goes on from (``load_start``); without one it starts from random weights.
    device : Device, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for ``checkpoint.npz`` and ``run.json``. An interrupted run with the same settings and data goes on
        where it stopped.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction.

    Returns
    -------
    DigitRun

    Raises
    ------
    ValueError
        If training and test images differ in size, are in colour, or lack labels from 0 to 9; if the start takes
        images of another size or has another number of neurons than the settings say.
    FileExistsError
        If ``out`` holds another run.

    Examples
    --------
    >>> from spikehebb.datasets import load
    >>> from spikehebb.devices import NUMPY
    >>> digits = load("digits", "train")
    >>> run = learn_digits(digits[:20], digits[20:30], Settings(neurons=5), device=NUMPY)
    >>> sorted(run.report["metrics"])[:3]
    ['accuracy_linear', 'accuracy_soft_vote', 'accuracy_vote']
    """
    device = device or devices.find("auto")
    shape = check_both(train, test)
    settings = settings or (start.settings(train) if start else Settings())
    if start is not None:
        _check_start(start, settings, train)
    header = header_of(train, test, settings, device)
    header |= {
        "start": None if start is None else start.describe(train),
        "biased": start is not None and bool(start.bias.any()),
    }
    tell = progress or quiet
    first = begin(settings, shape, start)
    state = resume(out, header, overwrite) or first
    total = settings.epochs * len(train)
    tell("building", 0)
    plastic = settings.circuit(state.weights, state.bias)
    learning = settings.constrained(plastic, settings.seed).circuit if settings.target else plastic
    for circuit, replicas in ((learning, None), (plastic.frozen(), copies_on(device, None))):
        prepare_dealt(
            circuit,
            protocol(train[:1], settings),
            replicas=replicas,
            device=device,
            dt=settings.dt_ms * ms,
            record=("output",),
        )
    tell("building", 1)
    while (done := seen_after(state.chunks, len(train))) < total:
        images, (circuit, chip, seed) = next_images(state, train, settings), next_circuit(state, settings)
        bar = within(tell, "learning", done / total, len(images) / total)
        recording = run(circuit, images, settings, device, seed, bar)
        state = learned(state, recording, chip, images, settings, done)
        if out is not None:
            checkpoint.save(partial(header, state), out / "partial.npz")
    tell("learning", 1)
    frozen = settings.circuit(state.weights, state.bias).frozen()
    labelled = labelled_images(train, settings)
    counts, _ = present(frozen, labelled, settings, device, "labelling", tell)
    trained = label(header, state, counts, labelled)
    return finish(trained, state, first, labelled, test, *score(trained, test, device, tell), out=out)


def check_both(train: Images, test: Images) -> tuple[int, ...]:
    """Return the shape of the images, after checking that both parts fit the network and each other."""
    check_images(train)
    check_images(test)
    shape = np.shape(train.pixels)[1:]
    if np.shape(test.pixels)[1:] != shape:
        raise ValueError(f"{train.name} has images of {shape}, but {test.name} of {np.shape(test.pixels)[1:]} pixels.")
    return shape


def header_of(train: Images, test: Images, settings: Settings, device: Device) -> dict[str, Any]:
    """Return what a run of ``learn_digits`` is, for its files."""
    return {
        "kind": "digits",
        "config": asdict(settings),
        "seed": settings.seed,
        "device": device.name,
        "versions": versions(),
        "image_shape": list(np.shape(train.pixels)[1:]),
        "data": {part: describe(images) for part, images in (("train", train), ("test", test))},
        "start": None,
        "biased": False,
    }


def labelled_images(train: Images, settings: Settings) -> Images:
    """Return the training images that give the neurons their labels."""
    chosen = np.random.default_rng((settings.seed, STAGES["labelling"])).permutation(len(train))[:LABELLED]
    return train[chosen]


def label(header: Mapping[str, Any], state: State, counts: Any, labelled: Images) -> Checkpoint:
    """Return a network that has learned, with the labels that spike counts (images, neurons) give its neurons."""
    profile = metrics.class_profile(counts, np.asarray(labelled.labels))
    arrays = {
        "weights": state.weights,
        "age": state.age,
        "profile": profile,
        "linear": metrics.fit_linear(counts, np.asarray(labelled.labels)),
    }
    if state.bias is not None:
        arrays["bias"] = state.bias
    return Checkpoint(header=header, arrays=arrays)


def finish(
    trained: Checkpoint,
    state: State,
    first: State,
    labelled: Images,
    test: Images,
    scores: dict[str, Any],
    predicted: Int,
    *,
    out: Path | None,
) -> DigitRun:
    """Return the run, and leave its files where they are wanted."""
    header = trained.header
    total = int(header["config"]["epochs"]) * int(header["data"]["train"]["count"])
    scores = scores | {
        "ms_per_image_train": 1000 * state.seconds / total,
        "input_spikes_per_image": float(state.spikes[0]) / total,
        "output_spikes_per_image": float(state.spikes[1]) / total,
        "dead_neurons": int(np.sum(state.age == first.age)),
    }
    curve = [{"images_seen": int(seen), "accuracy": float(right)} for seen, right in state.curve]
    report = {**header, "labelled_from": len(labelled), "metrics": scores, "learning_curve": curve}
    if out is not None:
        checkpoint.save(trained, out / "checkpoint.npz")
        checkpoint.write_json(out / "run.json", report)
        (out / "partial.npz").unlink(missing_ok=True)
    return DigitRun(report=report, checkpoint=trained, predicted=predicted, labels=np.asarray(test.labels))


def _check_start(start: Start, settings: Settings, train: Images) -> None:
    shape, neurons = np.shape(train.pixels)[1:], start.weights.shape[1]
    if shape != start.image_shape:
        raise ValueError(
            f"the network that learning goes on from takes images of {start.image_shape}, but {train.name} has "
            f"{shape}; give images of that size."
        )
    if settings.neurons != neurons:
        raise ValueError(
            f"the network that learning goes on from has {neurons} neurons, but the settings say {settings.neurons}; "
            "leave the number out."
        )


def begin(settings: Settings, shape: tuple[int, ...], start: Start | None) -> State:
    """Return the state that learning begins with: random weights, or those of another network."""
    if start is not None:
        bias = start.bias if start.bias.any() else None
        return dataclasses.replace(begin(settings, shape, None), weights=start.weights, age=start.age, bias=bias)
    rng = np.random.default_rng((settings.seed, _WEIGHTS))
    weights = np.abs(rng.standard_normal((int(np.prod(shape)), settings.neurons)))
    return State(
        chunks=0,
        weights=weights * settings.start_norm / np.linalg.norm(weights, axis=0),
        age=np.zeros(settings.neurons),
        bias=None,
        spikes=np.zeros(2),
        seconds=0.0,
        tally=np.zeros((settings.neurons, metrics.CLASSES)),
        shown=np.zeros(metrics.CLASSES),
        curve=np.zeros((0, 2)),
    )


def seen_after(chunks: int, images: int) -> int:
    """Return how many presentations so many chunks are; every epoch begins a new chunk."""
    per_epoch = -(-images // presenting.CHUNK)
    return chunks // per_epoch * images + min(chunks % per_epoch * presenting.CHUNK, images)


def next_images(state: State, train: Images, settings: Settings) -> Images:
    """Return the images of the next chunk; every epoch has an order of its own."""
    epoch, number = divmod(state.chunks, -(-len(train) // presenting.CHUNK))
    order = np.random.default_rng((settings.seed, _ORDER, epoch)).permutation(len(train))
    return train[order[number * presenting.CHUNK : (number + 1) * presenting.CHUNK]]


def next_circuit(state: State, settings: Settings) -> tuple[Circuit, Constrained | None, int]:
    """Return the circuit that learns the next chunk, its limits where it has a target, and the seed."""
    circuit = settings.circuit(state.weights, state.bias)
    if ages(rules.find(settings.rule)):
        circuit = circuit.with_state("output", age=state.age)
    seed = seed_of(settings.seed, STAGES["learning"], state.chunks)
    chip = settings.constrained(circuit, seed) if settings.target else None
    return chip.circuit if chip else circuit, chip, seed


def learned(
    state: State, recording: Recording, chip: Constrained | None, images: Images, settings: Settings, seen: int
) -> State:
    """Return the state after a chunk of images; ``seen`` is how many there were before it."""
    aging = ages(rules.find(settings.rule))
    weights, age = recording.weights["feedforward"], recording.state["output"].get("age", state.age)
    if chip:
        weights = chip.weights(recording, "feedforward")
        age = chip.trace(recording, "feedforward", "age") if aging else age
    tally, shown, curve = _follow(state, counts_of(recording, images, settings), np.asarray(images.labels), seen)
    return State(
        chunks=state.chunks + 1,
        weights=weights,
        age=age if aging else state.age + recording.counts["output"] / settings.lifetime,
        bias=state.bias,
        spikes=state.spikes + np.array([recording.counts[name].sum() for name in ("input", "output")]),
        seconds=state.seconds + recording.seconds,
        tally=tally,
        shown=shown,
        curve=curve,
    )


def _follow(state: State, counts: Any, labels: Int, seen: int) -> tuple[Float, Float, Float]:
    """Go on with the learning curve: score every block of images with labels from the images before it."""
    tally, shown, points = state.tally, state.shown, list(state.curve)
    for start in range(0, len(labels), BLOCK):
        block = slice(start, start + BLOCK)
        if shown.any() and len(labels[block]) == BLOCK:  # a shorter rest would only be noise
            known = metrics.neuron_labels(tally / np.maximum(shown, 1e-9))
            score = metrics.accuracy(metrics.vote(counts[block], known), labels[block])
            points.append(np.array([seen + start + len(labels[block]), score]))
        now = np.bincount(labels[block], minlength=metrics.CLASSES)
        tally = FORGET * tally + metrics.class_profile(counts[block], labels[block]) * now
        shown = FORGET * shown + now
    return tally, shown, np.array(points).reshape(-1, 2)
