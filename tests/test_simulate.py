"""Simulations: the devices agree, a seed decides, values go in without a new program."""

from __future__ import annotations

import dataclasses
import subprocess
from functools import cache
from typing import Any

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from brian2.codegen import translation
from brian2.codegen.generators import base as generators

from spikehebb import devices
from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.core import Circuit, PlasticityRule, Population, Projection, Protocol, Recording
from spikehebb.devices import CPP, CUDA, NUMPY, Device
from spikehebb.encoders import poisson, regular, spike_rows, spike_source
from spikehebb.jobs import stdp_window
from spikehebb.neurons import conductance_adaptive, conductance_inhibitory, escape_rate, lif, log_sum_exp
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import network, programs, simulate
from spikehebb.simulation.plan import assemble, resting
from spikehebb.simulation.recording import COUNT, counting
from tests.conftest import DEVICES, NO_COMPILER
from tests.test_rate_rules import joined


def lif_network(rng: np.random.Generator) -> tuple[Circuit, Protocol]:
    """Return a deterministic plastic network of LIF neurons that fires on evenly spaced input."""
    encoder = regular.with_parameters(max_rate=200 * Hz, jitter=0.0)
    circuit = Circuit(
        name="lif_network",
        populations={
            "input": Population(model=encoder, size=20),
            "output": Population(model=lif.with_parameters(jump=4 * mV), size=6),
        },
        projections={
            "synapse": Projection(
                pre="input", post="output", weights=rng.uniform(0.2, 0.8, (20, 6)), rule=stdp_pair, delay=1.5 * ms
            )
        },
    )
    return circuit, Protocol(stimuli={"input": rng.uniform(0.05, 1, (4, 20))}, duration=400 * ms, presentation=100 * ms)


@pytest.mark.compiler
@NO_COMPILER
def test_numpy_and_cpp_agree_spike_for_spike(rng: np.random.Generator) -> None:
    circuit, protocol = lif_network(rng)
    numpy, cpp = (
        simulate(circuit, protocol, device=device, dt=0.1 * ms, record=("input", "output")) for device in (NUMPY, CPP)
    )
    assert len(numpy.spikes["output"]) > 50
    for name in ("input", "output"):
        assert numpy.spikes[name].i.tolist() == cpp.spikes[name].i.tolist()
        np.testing.assert_allclose(numpy.spikes[name].t / ms, cpp.spikes[name].t / ms, rtol=0, atol=1e-9)
    assert np.ptp(numpy.weights["synapse"] - np.asarray(circuit.projections["synapse"].weights)) > 0.01
    # -ffast-math lets the compiler reorder sums
    np.testing.assert_allclose(numpy.weights["synapse"], cpp.weights["synapse"], rtol=1e-12)


def test_the_same_seed_gives_the_same_bits(device: Device, rng: np.random.Generator) -> None:
    circuit = soft_wta(rng.random((12, 3)), eta=0.1, temperature=0.1)
    protocol = Protocol(stimuli={"input": rng.random((3, 12))}, duration=150 * ms, presentation=50 * ms)
    first, second_, other = (
        simulate(circuit, protocol, device=device, seed=seed, record=("output",)) for seed in (7, 7, 8)
    )
    assert first.weights["feedforward"].tobytes() == second_.weights["feedforward"].tobytes()
    assert first.spikes["output"].i.tolist() == second_.spikes["output"].i.tolist()
    assert first.weights["feedforward"].tobytes() != other.weights["feedforward"].tobytes()


def fixed_potentials(u: Any, device: Device, seed: int) -> Recording:
    """Run the output half of soft_wta with potentials that stay as they are, for 20 s.

    Inhibition starts near the potentials, as it does where they have grown step by step.
    """
    neuron = dataclasses.replace(escape_rate.with_parameters(tau_m=1e9 * second), onset="")
    unit = dataclasses.replace(log_sum_exp, onset="")
    start = np.round(np.max(u), -2)
    wta = soft_wta(np.ones((1, len(u))))
    circuit = Circuit(
        name="fixed",
        populations={
            "output": Population(model=neuron, size=len(u), state={"u": u, "I": start}),
            "inhibition": Population(model=unit, size=1, state={"I": start}),
        },
        projections={name: wta.projections[name] for name in ("excite", "inhibit")},
    )
    return simulate(circuit, Protocol(stimuli={}, duration=20 * second), device=device, seed=seed)


@pytest.mark.first_is_quick
@pytest.mark.parametrize("u", [[0.0, 0.5, 1.0, 2.0], [1000.0, 1000.5, 1001.0, 1002.0], [-900, -900, -901, -902]])
def test_spike_shares_are_the_softmax(u: list[float], device: Device) -> None:
    """SH-8 of the reference: within three standard errors of the multinomial, also where exp(u) overflows."""
    counts = fixed_potentials(np.array(u), device, seed=3).counts["output"]
    total, share = counts.sum(), np.exp(np.array(u) - max(u)) / np.exp(np.array(u) - max(u)).sum()
    assert np.all(np.abs(counts / total - share) < 3 * np.sqrt(share * (1 - share) / total))
    expected = 400 * 20  # all neurons together fire at 400 Hz
    assert abs(total - expected) < 4 * np.sqrt(expected)


@cache
def jumping(device: Device) -> tuple[Any, Recording]:
    """Return weights that rest, and what neurons do whose potentials jump with every image."""
    rng = np.random.default_rng(20260101)
    weights = 3 * rng.random((30, 20))
    protocol = Protocol(stimuli={"input": rng.uniform(0.2, 1, (40, 30))}, duration=2 * second, presentation=50 * ms)
    return weights, simulate(soft_wta(weights, eta=0.0, temperature=0.005), protocol, device=device)


def test_inhibition_acts_within_the_same_step(device: Device) -> None:
    """All neurons together fire at 400 Hz also while potentials jump; inhibition of the step before lets them burst."""
    assert abs(jumping(device)[1].counts["output"].sum() - 800) < 4 * np.sqrt(800)


def test_the_potential_is_the_weighted_trace(device: Device) -> None:
    """SoftHebb's u = w.x, the premise of the rule: exact while the weights rest."""
    weights, recording = jumping(device)
    assert recording.state["input"]["x1"].min() > 0
    np.testing.assert_allclose(recording.state["output"]["u"], recording.state["input"]["x1"] @ weights, rtol=1e-12)


@pytest.mark.long
def test_softhebb_weights_reach_length_one(device: Device, rng: np.random.Generator) -> None:
    """SH-3 of the reference: one unit per cluster, w = E[yx]/|E[yx]|, which has length 1."""
    patterns = np.kron(np.eye(3), np.ones(4)) / 2
    which = rng.integers(3, size=400)
    start = rng.uniform(0.6, 1.0, (12, 3)) + 0.5 * patterns.T
    circuit = soft_wta(start, temperature=0.02, eta=0.2)
    protocol = Protocol(stimuli={"input": patterns[which]}, duration=20 * second, presentation=50 * ms)
    recorded = ("output",)  # as above, so that the program is the same
    weights = simulate(circuit, protocol, device=device, record=recorded).weights["feedforward"]
    np.testing.assert_allclose(np.linalg.norm(weights, axis=0), 1, rtol=0.02)
    overlap = patterns @ weights
    assert sorted(overlap.argmax(axis=0).tolist()) == [0, 1, 2]
    np.testing.assert_allclose(overlap.max(axis=0), 1, rtol=0.02)


@pytest.mark.slow_on_cuda
def test_input_rates(device: Device) -> None:
    """A value of 1 is max_rate; regular trains keep their count to one spike, Poisson trains to its square root."""
    values = np.array([[0.0, 0.1, 0.5, 1.0]])
    for model, spread in ((regular, 1.0), (poisson, 4 * np.sqrt(10 * 200))):
        encoder = model.with_parameters(max_rate=200 * Hz)
        circuit = Circuit(name="c", populations={"a": Population(model=encoder, size=4)}, projections={})
        recording = simulate(circuit, Protocol(stimuli={"a": values}, duration=10 * second), device=device)
        assert recording.counts["a"][0] == 0
        assert np.all(np.abs(recording.counts["a"] - 2000 * values[0]) <= spread)


def test_a_delay_shifts_the_arrival(device: Device) -> None:
    """With a delay of 5 ms a lag of 10 ms is one of 5 ms for depression's side only: pre arrives later."""
    plan = pairing([-10] * ms)
    late = simulate(synapse_pair(stdp_pair, delay=5 * ms), plan, device=device, dt=0.1 * ms)
    expected = 0.5 - 0.00525 * np.exp(-15 / 20)
    assert late.weights["synapse"][0, 0] == pytest.approx(expected, rel=1e-9)
    assert len(late.times) == 0, "no variable was recorded"


@pytest.mark.long
def test_an_epoch_ends_when_it_has_passed(device: Device) -> None:
    """Weights that are halved every 10 ms, also with a condition, and traces that count epochs, of both sides."""
    rule = PlasticityRule(
        name="halved",
        summary="",
        reference="",
        ties="",
        update="w = w/2",
        epoch="T",
        parameters={"T": 10 * ms},
        pre="a1 : 1",
        post="b1 : 1",
        pre_epoch="a1 += 1",
        post_epoch="b1 += 1",
    )
    rules = {"always": rule, "if": dataclasses.replace(rule, update_if="b1 >= 0")}
    circuit = joined({name: synapse_pair(each, w=1.0) for name, each in rules.items()})
    silent = {f"{name}_{end}": np.array([[np.inf]]) for name in rules for end in ("pre", "post")}
    never = Protocol(stimuli=silent, duration=1 * ms)
    for duration, dt, epochs in ((1, 1, 0), (9, 1, 0), (10, 1, 1), (11, 1, 1), (35, 1, 3), (30, 10, 3)):
        protocol = dataclasses.replace(never, duration=duration * ms)
        found = simulate(circuit, protocol, device=device, dt=dt * ms)
        for name in rules:
            assert found.weights[f"{name}_synapse"][0, 0] == 0.5**epochs
            assert [found.state[f"{name}_pre"]["a1"][0], found.state[f"{name}_post"]["b1"][0]] == [epochs, epochs]


@pytest.mark.slow_on_cuda
def test_lif_starts_at_rest_and_is_refractory(device: Device) -> None:
    circuit = Circuit(
        name="c",
        populations={"a": Population(model=spike_source, size=1), "b": Population(model=lif, size=1)},
        projections={"p": Projection(pre="a", post="b", weights=np.array([[20.0]]))},
    )
    times = np.array([[0.010], [0.011], [0.020], [np.inf]])
    recording = simulate(
        circuit, Protocol(stimuli={"a": times}, duration=30 * ms), device=device, dt=0.1 * ms, record=("b",)
    )
    np.testing.assert_allclose(recording.spikes["b"].t / ms, [10.1, 20.1], atol=1e-9)


@pytest.mark.compiler
@NO_COMPILER
def test_new_values_need_no_new_program(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit, protocol = lif_network(rng)
    simulate(circuit, protocol, device=CPP, dt=0.1 * ms)

    def refuse(folder: Any, compiler: str) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(programs, "_make", refuse)
    changed = circuit.with_weights(synapse=rng.uniform(0.2, 0.8, (20, 6)))
    other = Protocol(stimuli={"input": rng.random((7, 20))}, duration=350 * ms, presentation=100 * ms)
    simulate(changed, other, device=CPP, dt=0.1 * ms, seed=9)
    synapse = dataclasses.replace(circuit.projections["synapse"], rule=stdp_pair.with_parameters(A_plus=0.0))
    simulate(dataclasses.replace(circuit, projections={"synapse": synapse}), protocol, device=CPP, dt=0.1 * ms)
    with pytest.raises(AssertionError, match="compiled again"):
        simulate(circuit.frozen(), protocol, device=CPP, dt=0.1 * ms)


@pytest.mark.slow_on_cuda
def test_a_population_starts_from_its_state(device: Device) -> None:
    """Whole numbers, too: a source that starts from its second spike."""
    source = Population(model=spike_source, size=2, state={"k": [0, 1]})
    circuit = Circuit(name="c", populations={"a": source}, projections={})
    times = np.array([[0.01, 0.01], [0.02, 0.02], [np.inf, np.inf]])
    recording = simulate(circuit, Protocol(stimuli={"a": times}, duration=30 * ms), device=device, record=("a",))
    assert recording.counts["a"].tolist() == [2, 1]


def test_brian2_is_given_back_as_it_was(device: Device) -> None:
    before = brian2.get_device(), brian2.prefs.codegen.target, np.random.get_state()[1].tolist()
    simulate(synapse_pair(stdp_pair, delay=5 * ms), pairing([-10] * ms), device=device, dt=0.1 * ms)
    assert brian2.get_device() is before[0]
    assert brian2.prefs.codegen.target == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


@pytest.mark.slow_on_cuda
def test_progress_reaches_the_end(device: Device, rng: np.random.Generator) -> None:
    circuit, protocol = lif_network(rng)
    seen: list[float] = []
    simulate(circuit, protocol, device=device, dt=0.1 * ms, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.compiler
@NO_COMPILER
def test_an_interruption_leaves_no_process_and_no_file(
    rng: np.random.Generator, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit, protocol = lif_network(rng)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    started = []
    popen = subprocess.Popen

    def remember(*args: Any, **options: Any) -> Any:
        process = popen(*args, **options)
        if "./main" in args[0]:
            started.append(process)
        return process

    def interrupt(fraction: float) -> None:
        raise KeyboardInterrupt

    simulate(circuit, protocol, device=CPP, dt=0.1 * ms)
    monkeypatch.setattr(subprocess, "Popen", remember)
    with pytest.raises(KeyboardInterrupt):
        simulate(circuit, protocol, device=CPP, dt=0.1 * ms, progress=interrupt)
    assert [process.poll() is not None for process in started] == [True]
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_refused(rng: np.random.Generator) -> None:
    circuit, protocol = lif_network(rng)
    with pytest.raises(ValueError, match=r"cannot record spikes of 'outptu'. Did you mean 'output'\?"):
        simulate(circuit, protocol, record=("outptu",))
    with pytest.raises(ValueError, match="a duration of 400 ms is no whole number of steps of dt = 3 ms"):
        simulate(circuit, protocol, dt=3 * ms)
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=f"seed must lie between 0 and 4294967295, got {seed}"):
            simulate(circuit, protocol, seed=seed)
    with pytest.raises(ValueError, match=r"dt must be a time, got 0\.1"):
        simulate(circuit, protocol, dt=0.1)
    with pytest.raises(ValueError, match=r"stimulates 'inptu', but circuit lif_network has no such population"):
        simulate(circuit, dataclasses.replace(protocol, stimuli={"inptu": np.ones((1, 20))}), dt=0.1 * ms)
    with pytest.raises(ValueError, match="stimulus of input: 3 columns for 20 neurons"):
        simulate(circuit, dataclasses.replace(protocol, stimuli={"input": np.ones((1, 3))}), dt=0.1 * ms)
    with pytest.raises(ValueError, match="stimulates 'output', but lif neurons take no stimulus; an encoder does"):
        simulate(circuit, dataclasses.replace(protocol, stimuli={"output": np.ones((1, 6))}), dt=0.1 * ms)
    with pytest.raises(ValueError, match="the protocol has no stimulus for population 'input'"):
        simulate(circuit, dataclasses.replace(protocol, stimuli={}), dt=0.1 * ms)


def test_weights_that_diverge_are_an_error(rng: np.random.Generator) -> None:
    circuit = soft_wta(rng.random((12, 5)), eta=1e6)
    protocol = Protocol(stimuli={"input": rng.random((20, 12))}, duration=1 * second, presentation=50 * ms)
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ValueError, match="the weights of feedforward left the range of numbers"),
    ):
        simulate(circuit, protocol)


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"there is no device 'cppp'. Did you mean 'cpp'\?"):
        devices.find("cppp")
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert devices.find("auto") is NUMPY
    with pytest.raises(RuntimeError, match="device cpp needs a C\\+\\+ compiler and make, and found none"):
        simulate(synapse_pair(stdp_pair, pairs=3), pairing([5, 6, 7] * ms), device=CPP)


def test_the_parametrization_covers_the_devices() -> None:
    assert [param.values[0] for param in DEVICES] == [NUMPY, CPP, CUDA]


@pytest.mark.long
@pytest.mark.compiler
@NO_COMPILER
def test_rows_of_resting_weights_give_the_bits_of_synapses(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a rule, spikes skip Brian2's synapses in compiled programs; a sum in another order would show."""
    circuit = soft_wta(rng.random((40, 12)), rule=None)
    stimuli = {"input": rng.random((3, 40)) / 4}
    protocol = Protocol(stimuli=stimuli, duration=150 * ms, presentation=50 * ms)

    def run() -> Recording:
        return simulate(circuit, protocol, device=CPP, seed=2, record=("output", "input"))

    assert resting(assemble(circuit, protocol, dt=1 * ms).projections["feedforward"]) == "u"
    rows = run()
    monkeypatch.setattr(network, "resting", lambda wiring: "")
    other = {**devices.machine(), "another": "program"}
    monkeypatch.setattr(devices, "machine", lambda: other)
    synapses = run()
    assert len(rows.spikes["output"]) > 20
    assert rows.spikes["output"].i.tolist() == synapses.spikes["output"].i.tolist()
    assert rows.state["output"]["u"].tobytes() == synapses.state["output"]["u"].tobytes()
    assert rows.weights["feedforward"].tobytes() == synapses.weights["feedforward"].tobytes()


def test_only_resting_weights_of_all_to_all_projections_skip_the_synapses(rng: np.random.Generator) -> None:
    stimuli = {"input": rng.random((1, 4))}
    protocol = Protocol(stimuli=stimuli, duration=50 * ms, presentation=50 * ms)

    def variable(**changes: Any) -> str:
        circuit = soft_wta(rng.random((4, 3)), rule=None)
        projection = dataclasses.replace(circuit.projections["feedforward"], **changes)
        changed = dataclasses.replace(circuit, projections={**circuit.projections, "feedforward": projection})
        plan = assemble(changed, protocol, dt=1 * ms)
        return resting(plan.projections["feedforward"])

    assert variable() == "u"
    assert variable(delay=2 * ms) == ""
    assert variable(connected=np.eye(4, 3, dtype=bool)) == ""
    plan = assemble(soft_wta(rng.random((4, 3))), protocol, dt=1 * ms)
    assert resting(plan.projections["feedforward"]) == ""
    assert resting(plan.projections["excite"]) == ""


def test_inhibition_of_any_strength_ends_at_its_reversal_potential(device: Device) -> None:
    """As when hundreds of neurons inhibit one at once: a step of Euler's method would overshoot, and fire it."""
    outputs = {
        "adaptive": Population(model=conductance_adaptive, size=1, state={"theta": 0.02}),  # it fires at rest without
        "inhibitory": Population(model=conductance_inhibitory, size=1),
    }
    strong = {f"inhibit_{name}": Projection(pre="input", post=name, weights=np.array([[-7000.0]])) for name in outputs}
    sources = {"input": Population(model=spike_source, size=1)}
    circuit = Circuit(name="inhibited", populations={**sources, **outputs}, projections=strong)
    protocol = Protocol(stimuli={"input": spike_rows([[5] * ms])}, duration=60 * ms)
    recorded = [*outputs, *(f"{name}.v" for name in outputs)]
    seen = simulate(circuit, protocol, dt=0.5 * ms, device=device, record=recorded)
    for name, output in outputs.items():
        v, reversal = np.asarray(seen.traces[f"{name}.v"]), float(output.model.parameters["E_i"])
        assert not len(seen.spikes[name])
        assert v.min() == pytest.approx(reversal, abs=1e-5)
        assert v.min() >= reversal - 1e-12
        assert v[-1] > v.min()


def test_only_spikes_that_are_not_recorded_are_counted_by_their_neurons() -> None:
    protocol = Protocol(stimuli={"input": np.ones((1, 2))}, duration=1 * ms)
    plan = counting(assemble(soft_wta(np.ones((2, 3))), protocol, dt=1 * ms, record=["output"]))
    assert {name for name, part in plan.populations.items() if part.threshold} == {"input", "output"}
    assert [name for name, part in plan.populations.items() if COUNT in part.model] == ["input"]


def test_brian2_keeps_no_translations_of_ours_and_has_its_own_ways_back() -> None:
    kept, before = translation.make_statements, len(translation.make_statements._cache)
    stdp_window("stdp_pair", [-10, 10] * ms)
    assert len(translation.make_statements._cache) == before
    assert translation.make_statements is generators.make_statements is kept
