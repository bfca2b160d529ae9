"""What takes hours or more memory than there is: told first, in one sentence, before anything is allocated."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikehebb import protocols
from spikehebb.circuits import synapse_pair
from spikehebb.core import Images, memory
from spikehebb.core.progress import announce_hours
from spikehebb.datasets import load
from spikehebb.datasets.measurements import Measurements
from spikehebb.devices import CPP, NUMPY
from spikehebb.jobs import Settings, advise, fit, frequency_response, learn_digits, replay, stdp_window
from spikehebb.jobs.advice import expected_seconds
from spikehebb.rules import stdp_pair
from spikehebb.simulation import costs, simulate
from spikehebb.simulation.replicated_plan import plan_of

MANY = np.arange(1, 50_001) * ms
DIGITS = load("digits", "train")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: stdp_window(stdp_pair, [10] * ms, repeats=10**11),
            "pairing with 200,000,000,000 spikes needs about 16",
        ),
        (lambda: stdp_window(stdp_pair, MANY, dt=1 * ms), "synapse_pair with 50,000 pairs needs about 100 GB"),
        (
            lambda: frequency_response(stdp_pair, np.linspace(1, 2, 25_000) * Hz, repeats=1),
            "synapse_pair with 50,000 pairs needs about 100 GB",
        ),
        (lambda: synapse_pair(stdp_pair, pairs=10**9), "synapse_pair with 1,000,000,000 pairs needs about 4e.04 PB"),
        (lambda: protocols.triplets([[5, 5]] * ms, repeats=10**11), "triplets with 300,000,000,000 spikes"),
        (lambda: protocols.quadruplets([20] * ms, repeats=10**11), "quadruplets with 400,000,000,000 spikes"),
        (lambda: protocols.theta_bursts([5] * ms, bursts=10**11), "theta_bursts with 800,000,000,000 spikes"),
        (lambda: protocols.theta_bursts([5] * ms, spikes=10**11), "theta_bursts with 2,000,000,000,000 spikes"),
        (
            lambda: protocols.poisson_trains(1 * Hz, 1 * Hz, duration=1e8 * second),
            "poisson_trains with 200,100,000,000 spikes",
        ),
        (lambda: advise(Settings(neurons=10**9)), "learning 784 pixels with 1,000,000,000 neurons needs about 31.4 TB"),
        (
            lambda: learn_digits(DIGITS[:20], DIGITS[:10], Settings(neurons=10**9), device=NUMPY),
            "learning 64 pixels with 1,000,000,000 neurons needs about 2.56 TB",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_made(
    ask: Callable[[], Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 32e9)
    began = time.process_time()
    with pytest.raises(MemoryError, match=rf"^{message}.* of memory, and 32 GB are free; take fewer"):
        ask()
    assert time.process_time() - began < 5


def test_recorded_variables_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 1e8)
    plan = protocols.spike_trains([[10] * ms], [[15] * ms], duration=10_000 * second)
    message = r"recording synapse.w 100,000,000 times needs about 2.4 GB of memory, and 100 MB are free; record fewer"
    with pytest.raises(MemoryError, match=message):
        simulate(synapse_pair(stdp_pair), plan, dt=0.1 * ms, record=["synapse.w"])


def test_free_memory_is_some_of_this_machine() -> None:
    assert 1e6 < memory.free_memory() < 1e15
    memory.check_memory("nothing to speak of", 1e6, "take less")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (NUMPY, "130,000,000,000 time steps on numpy, takes about 3"),
        (CPP, "130,000,000,000 time steps on cpp, takes about 18"),
    ],
)
def test_hours_are_told_first(device: Any, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was measured on one core: 0.26 ms and 0.5 us for a step of a pair of neurons."""
    plan = protocols.pairing([10] * ms, dt=1e-9 * ms)
    costs.foresee("synapse_pair", plan_of(synapse_pair(stdp_pair), plan, dt=1e-9 * ms), plan, device)
    said = capsys.readouterr().err
    assert f"spikehebb: circuit synapse_pair, {words}" in said
    assert "a larger dt, a shorter protocol" in said
    assert len(said.splitlines()) == 1


def test_what_takes_minutes_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    announce_hours("a run", 3599, "less")
    plan = protocols.pairing([10] * ms)
    costs.foresee("synapse_pair", plan_of(synapse_pair(stdp_pair), plan, dt=0.1 * ms), plan, NUMPY)
    assert capsys.readouterr().err == ""
    announce_hours("a run", 7300, "a shorter one")
    assert capsys.readouterr().err == (
        "spikehebb: a run takes about 2 hours, as far as can be told before; a shorter one takes less.\n"
    )


def test_the_estimate_of_numpy_is_right_within_an_order() -> None:
    """Its order is what decides between seconds and hours; machines differ by a factor, and so does their load."""
    plan = protocols.pairing([10] * ms, repeats=3, frequency=10 * Hz)
    circuit = synapse_pair(stdp_pair)
    planned = plan_of(circuit, plan, dt=0.1 * ms)
    load_ = costs.load_of(planned, {"pre": 3 / 3300, "post": 3 / 3300})
    expected = costs.NUMPY_COST.seconds(load_) * float(plan.duration / (0.1 * ms))
    began = time.process_time()
    simulate(circuit, plan, dt=0.1 * ms)
    assert expected / 10 < time.process_time() - began < expected * 10


def test_learning_for_years_is_told_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spikehebb.simulation.present.prepare_show", stop)
    with pytest.raises(KeyboardInterrupt):
        learn_digits(DIGITS[:100], DIGITS[:10], Settings(neurons=10, epochs=10**12), device=NUMPY)
    said = capsys.readouterr().err
    assert "spikehebb: learning 100,000,000,000,000 images with 10 neurons on numpy takes about " in said
    assert "years" in said
    few, many = (expected_seconds(Settings(neurons=neurons), DIGITS, CPP) for neurons in (100, 10_000))
    assert 0 < few < many


@pytest.mark.long
def test_a_fit_is_measured_by_its_first_evaluation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("spikehebb.core.progress.HOURS", 1e-6)
    monkeypatch.setattr(costs, "announce_hours", lambda *_: None)
    data = Measurements(name="cells", x=np.array([-10.0, 10, 20]), change=np.array([-0.006, 0.009, 0.005]))
    done: list[float] = []
    fit(stdp_pair, data, free=["A_plus"], repeats=1, device=NUMPY, dt=1 * ms, progress=done.append)
    assert "a fit of stdp_pair with 10 evaluations (at most 100) takes about" in capsys.readouterr().err
    assert done == sorted(done)
    assert done[-1] == 1


def test_progress_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for run in (
        lambda tell: stdp_window(stdp_pair, [10] * ms, progress=tell),
        lambda tell: frequency_response(stdp_pair, [10] * Hz, repeats=1, progress=tell),
        lambda tell: replay(stdp_pair, [10] * ms, [15] * ms, progress=tell),
    ):
        done: list[float] = []
        run(done.append)
        assert done[-1] == 1
        assert done == sorted(done)


def test_the_spikes_of_a_step_are_counted_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3 replicas: 64 pixels of an eighth of 1000 Hz and 400 Hz of all outputs; or of 63.75 Hz, and 20 an image."""
    counted: list[Any] = []
    load_of = costs.load_of

    def seen(plan: Any, spikes: Any) -> Any:
        counted.append(spikes)
        return load_of(plan, spikes)

    monkeypatch.setattr(costs, "load_of", seen)
    grey = Images(name="grey", pixels=np.ones((10, 8, 8)), labels=np.arange(10))
    for settings in (Settings(neurons=10), Settings(neurons=10, circuit="diehl_cook")):
        advise(settings, grey, replicas=3)
    assert counted[0] == pytest.approx({"input": 3 * 64 / 8, "output": 3 * 0.4})
    assert counted[1] == pytest.approx({"input": 3 * 64 * 0.06375 / 2, "output": 3 * 20 / 700})
