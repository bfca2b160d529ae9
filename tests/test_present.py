"""Presentations distributed over replicas of a frozen circuit: what one would have done with all of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from spikehebb import conversion, metrics
from spikehebb.circuits import soft_wta
from spikehebb.conversion import Timing, to_spiking
from spikehebb.core import Images, Protocol
from spikehebb.core.progress import quiet
from spikehebb.datasets import load
from spikehebb.devices import NUMPY
from spikehebb.encoders import word_source
from spikehebb.jobs import Settings, evaluate, read
from spikehebb.jobs.learned import spike_counts
from spikehebb.simulation import present, simulate
from spikehebb.simulation.present import chunk_of, distribute, simulate_distributed
from tests.test_convert import layer, model
from tests.test_replicas import deterministic

MODEL = Path(__file__).parents[1] / "models" / "digits-soft-wta"


@pytest.mark.long
@pytest.mark.parametrize("replicas", [2, 5, 9])
def test_deterministic_circuits_do_the_same(replicas: int, rng: np.random.Generator) -> None:
    """Seven presentations: the last replicas are presented with blanks, which leave no trace."""
    circuit = deterministic(rng).frozen()
    protocol = Protocol(stimuli={"input": rng.random((7, 12))}, duration=280 * ms, presentation=40 * ms)
    # what the delayed spikes of one presentation do in the next differs with replicas
    prompt = {name: dataclasses.replace(p, delay=0 * ms) for name, p in circuit.projections.items()}
    circuit = dataclasses.replace(circuit, projections=prompt)
    record = ("input", "plastic", "sum")
    alone = simulate(circuit, protocol, record=record)
    distributed = simulate_distributed(circuit, protocol, replicas=replicas, record=record)
    for name in record:
        assert len(alone.spikes[name]) > 10
        assert distributed.spikes[name].i.tolist() == alone.spikes[name].i.tolist()
        np.testing.assert_allclose(distributed.spikes[name].t / ms, alone.spikes[name].t / ms, rtol=0, atol=1e-9)
        assert distributed.counts[name].tolist() == alone.counts[name].tolist()
    assert distributed.state["sum"]["u"].tolist() == alone.state["sum"]["u"].tolist()
    assert distributed.weights["resting"].tolist() == alone.weights["resting"].tolist()
    assert (distributed.replicas, distributed.duration) == (1, 280 * ms)


def test_what_cannot_be_distributed_is_refused(rng: np.random.Generator) -> None:
    circuit = soft_wta(rng.random((4, 3)))
    protocol = Protocol(stimuli={"input": rng.random((2, 4))}, duration=40 * ms, presentation=20 * ms)
    with pytest.raises(
        ValueError, match="circuit soft_wta learns in feedforward, and replicas that are each presented a part"
    ):
        simulate_distributed(circuit, protocol, replicas=2)
    with pytest.raises(ValueError, match=r"output\.u cannot be recorded of distributed presentations; record spikes"):
        simulate_distributed(circuit.frozen(), protocol, replicas=2, record=("output.u",))
    with pytest.raises(ValueError, match="only presentations can be distributed over replicas"):
        distribute(Protocol(stimuli={"input": np.ones((1, 1))}, duration=10 * ms), 2)
    for replicas in (0, 1.5, True):
        with pytest.raises(ValueError, match=f"replicas must be a whole number of at least 1, got {replicas}"):
            chunk_of(replicas)  # type: ignore[arg-type]


def test_chunks_of_many_copies_take_no_more_room() -> None:
    assert [chunk_of(replicas) for replicas in (None, 1, 2, 4, 100, 10_000)] == [1000, 1000, 2000, 4000, 8100, 10_000]


@pytest.mark.long
def test_many_copies_look_at_images_like_one(
    few: tuple[Images, Images], monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """Two sets of Poisson-like counts of the same means: 5 standard errors for each of 6 neurons and for all spikes."""
    monkeypatch.setattr(present, "CHUNK", 15)
    settings, images, device = Settings(neurons=6, temperature=0.05), few[0], NUMPY
    weights = rng.random((64, 6)) / 4
    circuit = settings.build(weights).frozen()
    one, _ = spike_counts(circuit, images, settings, device, "testing", quiet)
    many, seconds = spike_counts(circuit, images, settings, device, "testing", quiet, replicas=4)
    again, _ = spike_counts(circuit, images, settings, device, "testing", quiet, replicas=4)
    assert many.shape == one.shape == (60, 6)
    assert (many != again).nnz == 0
    assert seconds > 0
    difference, total = (many - one).sum(axis=0), (many + one).sum(axis=0)
    assert np.all(np.abs(difference) < 5 * np.sqrt(total))
    assert abs(many.sum() - 60 * 20) < 5 * np.sqrt(60 * 20)
    # image by image, the winner is mostly the same: the order is kept
    drive = images.intensities().reshape(60, -1) @ weights
    agree = np.mean(np.asarray(many.argmax(axis=1)).ravel() == drive.argmax(axis=1))
    assert agree > 0.5


@pytest.mark.long
@pytest.mark.parametrize("order", ["together", pytest.param("in turn", marks=pytest.mark.long)])
def test_converted_columns_say_the_same(order: conversion.network.Order, few: tuple[Images, Images]) -> None:
    """Steps and intervals are powers of 2, so that the time since an onset is the same number at every onset."""
    dt = 1000 / 1024
    rate = 1000 / dt
    timing = Timing(present_ms=12 * dt, dt_ms=dt, jitter=0.0, order=order, input_rate_hz=rate, top_rate_hz=rate)
    network = to_spiking(model(layer(), layer(6)), few[0], timing)
    images = dataclasses.replace(few[1][:2], pixels=2 ** -np.ceil(5 * (1 - few[1].pixels[:2])))
    assert network.stages[1].circuit.populations["input"].model.name == word_source.name
    one = conversion.present(network, images, device=NUMPY, rates=True)
    many = conversion.present(network, images, device=NUMPY, rates=True, replicas=30)
    assert one.counts.any()
    for what in ("counts", "predicted", "spikes", "operations"):
        assert np.array_equal(getattr(one, what), getattr(many, what)), what
    for single, replicated in zip(one.rates, many.rates, strict=True):
        assert np.array_equal(single, replicated)


def test_accuracy_by_vote_is_that_of_the_counts(few: tuple[Images, Images], rng: np.random.Generator) -> None:
    """Each image's counts stand in its row: a neuron that copies one pixel pattern fires for these images only."""
    images = few[0]
    rows = images.intensities().reshape(len(images), -1)
    chosen = rows[[7, 31]] / np.linalg.norm(rows[[7, 31]], axis=1, keepdims=True)
    settings = Settings(neurons=2, temperature=0.01)
    circuit = settings.build(np.asarray(3 * chosen.T, np.float64)).frozen()
    counts, _ = spike_counts(circuit, images, settings, NUMPY, "testing", quiet, replicas=8)
    assert counts[[7], :].toarray().argmax() == 0
    assert counts[[31], :].toarray().argmax() == 1
    assert metrics.class_profile(counts, np.asarray(images.labels), 10).shape == (2, 10)


def test_fifty_copies_reach_the_accuracy_of_one() -> None:
    """Of the network in models/ on all test images; within 4 standard errors of the difference of two such numbers."""
    trained = read(MODEL)
    published = json.loads((MODEL / "run.json").read_text())["metrics"]
    test = load("digits", "test")
    scores = evaluate(trained, test, device=NUMPY, replicas=50)["metrics"]
    for name in ("accuracy_vote", "accuracy_soft_vote", "accuracy_linear"):
        right = published[name]
        assert abs(scores[name] - right) < 4 * np.sqrt(2 * right * (1 - right) / len(test))
