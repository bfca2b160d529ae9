"""Stimuli that move: several frames in a presentation, without a reset between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb.core import Circuit, NeuronModel, Population, Projection, Protocol, replicas
from spikehebb.devices import NUMPY, Device
from spikehebb.encoders import poisson, rate_source, regular, word_source
from spikehebb.protocols import movies
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate
from spikehebb.simulation.plan import assemble
from spikehebb.simulation.present import distribute, present, show, simulate_distributed

FILMS = np.array([[[1, 0], [0, 1], [1, 1]], [[0, 0], [1, 0], [0, 1]], [[0, 1], [0, 1], [1, 0]]], float)  # 3 of 3 frames
FILM = 6 * ms
# Fires in every step while it is presented 1, and never while it is presented 0.
certain = poisson.with_parameters(max_rate=1000 * Hz)
relay = NeuronModel(
    name="relay",
    summary="Fires when a spike has arrived, and counts since the onset",
    equations="v : 1\nheard : 1",
    threshold="v > 0.5",
    reset="v = 0",
    receive="v_post += w; heard_post += 1",
    onset="v = 0; heard = 0",
)


def circuit_of(encoder: NeuronModel = certain, *, learns: bool = True) -> Circuit:
    return Circuit(
        name="watching",
        populations={"input": Population(model=encoder, size=2), "output": Population(model=relay, size=2)},
        projections={
            "p": Projection(
                pre="input", post="output", weights=np.eye(2), rule=stdp_pair if learns else None, connected=np.eye(2)
            )
        },
    )


def expected_trace(films: Any, steps: int) -> Any:
    """What a presynaptic trace is at the end of every step: 1 more with each spike, back to 0 at each onset."""
    tau = float(stdp_pair.parameters["tau_plus"] / ms)
    samples = []
    for film in films:
        x = np.zeros(2)
        for frame in film:
            for _ in range(steps):
                x = x * np.exp(-1 / tau) + frame
                samples.append(x)
    return np.array(samples)


def test_a_film_is_presented_without_a_reset_between_its_frames(device: Device) -> None:
    """Each frame lasts two steps; neurons and traces begin anew with each film, and with nothing else."""
    recorded = ["input.x1", "output.heard"]
    recording = simulate(circuit_of(), movies(FILMS, duration=FILM), device=device, dt=1 * ms, record=recorded)
    np.testing.assert_allclose(recording.traces["input.x1"], expected_trace(FILMS, 2), rtol=1e-12)
    heard = np.concatenate([np.cumsum(np.repeat(film, 2, axis=0), axis=0) for film in FILMS])
    np.testing.assert_array_equal(recording.traces["output.heard"], heard)


def test_one_frame_is_what_a_presentation_was() -> None:
    """So that programs stay the same: all is in one text at the onset."""
    rows = FILMS.reshape(-1, 2)
    one = assemble(circuit_of(regular), Protocol(stimuli={"input": rows}, duration=18 * ms, presentation=2 * ms), dt=ms)
    assert one.populations["input"].frame == ""
    assert one.populations["input"].onset.splitlines() == [
        "rate = max_rate * stimulus(t, i)",
        "next_spike = t + (0.5 + jitter * (rand() - 0.5)) / rate",
        "x1 = 0",
    ]
    film = assemble(circuit_of(regular), movies(FILMS, duration=FILM), dt=ms)
    assert film.populations["input"].onset == "x1 = 0"
    assert film.populations["input"].frame.startswith("rate = max_rate * stimulus(t, i)")
    assert (film.presentation, film.frame) == (0.006, 0.002)


@pytest.mark.first_is_quick
@pytest.mark.parametrize("encoder", [poisson, regular, rate_source, word_source], ids=lambda model: model.name)
def test_encoders_read_every_frame_as_if_it_were_a_presentation(encoder: NeuronModel) -> None:
    """With the same random numbers; whoever keeps nothing else over a frame cannot tell the two apart."""
    rows = np.repeat(FILMS, 2, axis=0).reshape(-1, 2)
    alone = Circuit(name="alone", populations={"input": Population(model=encoder, size=2)}, projections={})
    record = ["input"] if encoder.threshold else ["input.x"]
    apart = Protocol(stimuli={"input": rows}, duration=len(rows) * 10 * ms, presentation=10 * ms)
    joint = Protocol(stimuli={"input": rows}, duration=len(rows) * 10 * ms, presentation=30 * ms, frames=3)
    one, other = (simulate(alone, plan, dt=1 * ms, seed=3, record=record) for plan in (apart, joint))
    if encoder.threshold:
        assert one.counts["input"].sum() > 10
        assert one.spikes["input"].i.tolist() == other.spikes["input"].i.tolist()
        assert np.array_equal(one.spikes["input"].t, other.spikes["input"].t)
    else:
        np.testing.assert_array_equal(other.traces["input.x"], np.repeat(rows, 10, axis=0))


def test_whole_films_are_distributed_over_replicas() -> None:
    plan = movies(FILMS, duration=FILM)
    parts = distribute(plan, 2)
    assert [part.frames for part in parts] == [3, 3]
    np.testing.assert_array_equal(parts[0].stimuli["input"], FILMS[[0, 2]].reshape(-1, 2))
    np.testing.assert_array_equal(parts[1].stimuli["input"], np.vstack([FILMS[1], np.zeros((3, 2))]))
    one = simulate(circuit_of(learns=False), plan, dt=1 * ms, record=("input", "output"))
    several = simulate_distributed(circuit_of(learns=False), plan, replicas=2, dt=1 * ms, record=("input", "output"))
    for name in ("input", "output"):
        assert one.spikes[name].i.tolist() == several.spikes[name].i.tolist()
        np.testing.assert_allclose(one.spikes[name].t, several.spikes[name].t, rtol=1e-12)


def test_replicas_see_films_of_their_own() -> None:
    plans = [movies(FILMS, duration=FILM), movies(1 - FILMS, duration=FILM)]
    together = simulate(replicas(circuit_of(), 2), plans, dt=1 * ms, record=["input.x1"])
    for copy, films in enumerate((FILMS, 1 - FILMS)):
        trace = together.replica(copy).traces["input.x1"]
        np.testing.assert_allclose(trace, expected_trace(films, 2), rtol=1e-12)
    other = Protocol(stimuli=plans[1].stimuli, duration=18 * ms, presentation=6 * ms)
    with pytest.raises(ValueError, match="the frames of protocol 1 is 1, but 3 of protocol 0; side by side they must"):
        simulate(replicas(circuit_of(), 2), [plans[0], other], dt=1 * ms)


@pytest.mark.long
def test_spikes_are_counted_in_each_film() -> None:
    expected = [[4, 4], [2, 2], [2, 4]]
    common: dict[str, Any] = {"presentation": FILM, "dt": 1 * ms, "device": NUMPY, "frames": 3}
    rows = FILMS.reshape(-1, 2)
    for copies in (None, 2):
        counts, _ = present(
            circuit_of(learns=False),
            FILMS,
            seed=lambda number: number,
            encode=lambda films: films.reshape(-1, 2),
            output="input",
            replicas=copies,
            **common,
        )
        assert counts.toarray().tolist() == expected
    shown = show(circuit_of(learns=False), rows, record=("input",), room=10, **common)
    assert shown.counts["input"].tolist() == [8, 10]
    with pytest.raises(ValueError, match="8 rows are no whole number of presentations of 3 frames"):
        show(circuit_of(learns=False), rows[:8], **common)


def test_what_does_not_fit_is_refused() -> None:
    rows = {"input": FILMS.reshape(-1, 2)}
    for frames in (0, 1.5, True):
        with pytest.raises(ValueError, match="frames must be a whole number of at least 1"):
            Protocol(stimuli=rows, duration=18 * ms, presentation=6 * ms, frames=frames)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="3 frames need a presentation, the time that they last together"):
        Protocol(stimuli=rows, duration=18 * ms, frames=3)
    with pytest.raises(ValueError, match=r"a frame, of which a presentation of 5\. ms has 3, is no whole number of"):
        simulate(circuit_of(), movies(FILMS, duration=5 * ms), dt=1 * ms)
    with pytest.raises(ValueError, match="stimulus of input: 9 rows are no whole number of presentations of 2 frames"):
        simulate(circuit_of(), Protocol(stimuli=rows, duration=18 * ms, presentation=6 * ms, frames=2), dt=1 * ms)
    late = NeuronModel(name="late", summary="", equations="x : 1", onset="x = stimulus(t, i)")
    alone = Circuit(name="c", populations={"input": Population(model=late, size=2)}, projections={})
    with pytest.raises(ValueError, match="late neurons read their stimulus in 'onset', at the first one only; read it"):
        simulate(alone, movies(FILMS, duration=FILM), dt=1 * ms)
    with pytest.raises(ValueError, match=r"films must be an array \(films, frames, ...\), got shape \(9, 2\)"):
        movies(FILMS.reshape(-1, 2), duration=FILM)
