"""Replicas: copies side by side do what they do alone, and draw their random numbers by counting."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from spikehebb.circuits import soft_wta, synapse_pair
from spikehebb.core import Circuit, NeuronModel, Population, Projection, Protocol, Recording, replicas
from spikehebb.devices import CPP, NUMPY, Device
from spikehebb.encoders import poisson, regular
from spikehebb.hardware import TARGETS, constrain
from spikehebb.neurons import lif
from spikehebb.protocols import pairing
from spikehebb.rules import RULES, stdp_pair
from spikehebb.simulation import counted_random, simulate
from spikehebb.simulation.plan import assemble
from spikehebb.simulation.replicated_plan import plan_of
from spikehebb.simulation.simulate import program
from tests.conftest import NO_COMPILER

COUNT, SIZES = 3, (12, 5)
summing = NeuronModel(
    name="summing",
    summary="Leaky sum of what arrives",
    equations="du/dt = -u/tau_m : 1",
    threshold="u > 1.5",
    reset="u = 0",
    receive="u_post += w",
    onset="u = 0",
    parameters={"tau_m": 20 * ms},
)
mean = NeuronModel(name="mean", summary="Hears of all", equations="m : 1\nnumber : 1", update="number = i + N*0.1")


def shown(rng: np.random.Generator, rows: int = 3, size: int = 12) -> Protocol:
    return Protocol(stimuli={"input": rng.random((rows, size))}, duration=rows * 40 * ms, presentation=40 * ms)


def assert_equal(one: Recording, other: Recording) -> None:
    """Every bit that two runs left behind."""
    assert one.spikes.keys() == other.spikes.keys()
    for name, spikes in one.spikes.items():
        assert spikes.i.tolist() == other.spikes[name].i.tolist()
        assert np.asarray(spikes.t).tobytes() == np.asarray(other.spikes[name].t).tobytes()
    for what in ("weights", "counts", "traces"):
        mine, its = getattr(one, what), getattr(other, what)
        assert mine.keys() == its.keys()
        for name, array in mine.items():
            assert array.shape == its[name].shape
            assert np.array_equal(array, its[name]), f"{what} of {name}"
    for name, held in one.state.items():
        assert held.keys() <= other.state[name].keys()
        for variable, array in held.items():
            assert np.array_equal(array, other.state[name][variable]), f"{name}.{variable}"


@pytest.mark.long
@pytest.mark.slow_on_cuda
def test_a_copy_among_others_learns_as_alone(device: Device, rng: np.random.Generator) -> None:
    """Random numbers, weights, state, rule and neuron parameters of its own; the same bits, on every device."""
    circuit = soft_wta(rng.random(SIZES), eta=0.1, temperature=0.1)
    protocols = [shown(rng) for _ in range(COUNT)]
    parameters = {"feedforward.eta": [0.001, 0.002, 0.004], "output.tau_m": [10, 20, 30] * ms}
    parameters |= {"feedforward.tau_x": [10, 20, 30] * ms, "input.jitter": [1.0, 0.5, 0.1]}
    weights, age = rng.random((COUNT, *SIZES)), rng.random((COUNT, SIZES[1]))
    everything: dict[str, Any] = {"parameters": parameters, "weights": {"feedforward": weights}}
    everything |= {"state": {"output.age": age}}
    copies = replicas(circuit, COUNT, **everything)
    traces = () if device is CPP else ("output.u", "feedforward.w")  # they are long in compiling
    options: dict[str, Any] = {"device": device, "record": ("input", "output", *traces)}
    together = simulate(copies, protocols, seed=7, **options)
    assert together.weights["feedforward"].shape == (COUNT, *SIZES)
    assert len(together.spikes["output"]) > 60
    changes = []
    for copy in range(COUNT):
        own = {what: {name: value[copy : copy + 1] for name, value in of.items()} for what, of in everything.items()}
        alone = simulate(replicas(circuit, 1, **own), [protocols[copy]], seed=7 + copy, **options)
        assert_equal(together.replica(copy), alone)
        assert together.replica(copy).seed == 7 + copy
        changes.append(alone.weights["feedforward"] - weights[copy])
    assert min(np.abs(change).max() for change in changes) > 1e-3
    seeded = replicas(circuit, COUNT, seeds=[5, 5, 9], **everything)
    same = simulate(seeded, protocols, seed=1, **options)
    assert not np.array_equal(same.spikes["output"].i, together.spikes["output"].i)
    if device is CPP:
        plans = [plan_of(each, protocols, dt=1 * ms, record=options["record"]) for each in (copies, seeded)]
        assert program(plans[0], CPP).folder == program(plans[1], CPP).folder


@pytest.mark.long
@pytest.mark.parametrize("encoder", [poisson, regular])
def test_copies_that_see_the_same_differ_by_their_seeds_only(encoder: NeuronModel, rng: np.random.Generator) -> None:
    circuit, protocol = soft_wta(rng.random(SIZES), eta=0.1, temperature=0.1, encoder=encoder), shown(rng)
    record = ("input", "output")
    together = simulate(replicas(circuit, 4), protocol, seed=2**32 - 2, record=record)
    assert together.seeds == (2**32 - 2, 2**32 - 1, 0, 1)
    for copy, seed in enumerate(together.seeds):
        assert_equal(together.replica(copy), simulate(replicas(circuit, 1), protocol, seed=seed, record=record))
    assert len({together.replica(copy).weights["feedforward"].tobytes() for copy in range(4)}) == 4


def deterministic(rng: np.random.Generator) -> Circuit:
    """Return a circuit with every kind of projection: plastic, sparse and late; resting; continuous."""
    encoder = regular.with_parameters(max_rate=200 * Hz, jitter=0.0)
    return Circuit(
        name="deterministic",
        populations={
            "input": Population(model=encoder, size=12),
            "plastic": Population(model=lif.with_parameters(jump=6 * mV), size=5),
            "sum": Population(model=summing, size=3),
            "mean": Population(model=mean, size=2),
        },
        projections={
            "learning": Projection(
                pre="input",
                post="plastic",
                weights=rng.uniform(0.2, 0.8, (12, 5)),
                rule=stdp_pair,
                delay=2 * ms,
                connected=rng.random((12, 5)) < 0.8,
            ),
            "resting": Projection(pre="input", post="sum", weights=rng.uniform(0, 0.3, (12, 3))),
            "hears": Projection(pre="sum", post="mean", summed={"m": "u_pre*(i + 1) + 0.1*j"}),
        },
    )


@pytest.mark.long
@pytest.mark.slow_on_cuda
def test_a_deterministic_copy_is_the_plain_circuit(device: Device, rng: np.random.Generator) -> None:
    circuit, protocols = deterministic(rng), [shown(rng) for _ in range(COUNT)]
    record = ("input", "plastic", "sum")
    copies = replicas(circuit, COUNT)
    plan = plan_of(copies, protocols, dt=1 * ms, record=record)
    assert plan.projections["resting"].shared, "the resting weights are not one table"
    together = simulate(copies, protocols, device=device, record=record)
    for copy, protocol in enumerate(protocols):
        alone = simulate(circuit, protocol, device=device, record=record)
        assert min(alone.counts[name].sum() for name in record) > 10
        assert alone.state["mean"]["number"].tolist() == [0.2, 1.2]
        assert_equal(together.replica(copy), alone)


@pytest.mark.long
def test_weights_of_their_own_that_rest(rng: np.random.Generator) -> None:
    circuit, protocol = deterministic(rng), shown(rng)
    weights = rng.uniform(0, 0.3, (2, 12, 3))
    copies = replicas(circuit, 2, weights={"resting": weights})
    assert not plan_of(copies, protocol, dt=1 * ms).projections["resting"].shared
    together = simulate(copies, protocol, record=("sum",))
    for copy in range(2):
        alone = simulate(circuit.with_weights(resting=weights[copy]), protocol, record=("sum",))
        assert_equal(together.replica(copy), alone)
        assert_equal(together.replica(copy), simulate(copies.replica(copy), protocol, record=("sum",)))


def test_courses_and_replayed_spikes(rng: np.random.Generator) -> None:
    """Sources replay each copy's own spikes; parameters that differ give what the circuit with them gives."""
    circuit, plans = synapse_pair(stdp_pair, delay=0.5 * ms), [pairing([lag] * ms) for lag in (-10, 10)]
    protocols = [dataclasses.replace(plan, duration=150 * ms) for plan in plans]
    tau = [5, 10] * ms
    copies = replicas(circuit, 2, parameters={"synapse.tau_plus": tau, "synapse.A_minus": [0.1, 0.2]})
    together = simulate(copies, protocols, dt=0.1 * ms, record=("synapse.w", "pre"), every=10)
    assert together.traces["synapse.w"].shape == (150, 2)
    for copy in range(2):
        alone = simulate(copies.replica(copy), protocols[copy], dt=0.1 * ms, record=("synapse.w", "pre"), every=10)
        assert_equal(together.replica(copy), alone)
        assert alone.weights["synapse"][0, 0] != 0.5


@pytest.mark.long
def test_each_population_has_room_for_its_longest_train() -> None:
    """One copy has the most presynaptic spikes, another the most postsynaptic ones."""
    circuit, sizes = synapse_pair(stdp_pair), ((20, 3), (5, 10))
    protocols = []
    for pre, post in sizes:
        trains = {"pre": 10 * np.arange(1, pre + 1)[:, None], "post": 10 * np.arange(1, post + 1)[:, None] + 3}
        stimuli = {name: times / 1000 for name, times in trains.items()}
        protocols.append(Protocol(stimuli=stimuli, duration=250 * ms))
    together = simulate(replicas(circuit, 2), protocols, dt=0.1 * ms, record=("pre", "post"))
    assert [together.replica(copy).counts[name].tolist() for copy in range(2) for name in ("pre", "post")] == [
        [size] for both in sizes for size in both
    ]
    for copy, protocol in enumerate(protocols):
        assert_equal(together.replica(copy), simulate(circuit, protocol, dt=0.1 * ms, record=("pre", "post")))


@pytest.mark.long
def test_learning_under_the_limits_of_a_chip(rng: np.random.Generator) -> None:
    """Epochs, updates of some synapses only, and random rounding in neurons and synapses."""
    circuit = soft_wta(rng.uniform(0, 0.3, SIZES), temperature=0.1, rule=RULES["softhebb_annealed"], eta=0.1)
    chip = constrain(circuit, TARGETS["loihi1"], epoch=10 * ms, rounding="stochastic", w_max=0.3, ranges={"u": 30.0})
    protocol = shown(rng)
    together = simulate(replicas(chip.circuit, 2), protocol, seed=3)
    before = np.asarray(chip.circuit.projections["feedforward"].weights)
    assert np.abs(together.weights["feedforward"] - before).max() > 0
    for copy in range(2):
        alone = simulate(replicas(chip.circuit, 1), protocol, seed=3 + copy)
        assert_equal(together.replica(copy), alone)
    with pytest.raises(
        ValueError, match=r"feedforward.epoch decides when rule .* acts, .* run these circuits one after"
    ):
        replicas(chip.circuit, 2, parameters={"feedforward.epoch": [10, 20] * ms})


@pytest.mark.long
@pytest.mark.compiler
@NO_COMPILER
def test_numpy_and_cpp_draw_the_same_numbers(rng: np.random.Generator) -> None:
    """In neurons and, normally distributed, in synapses; spikes are equal, weights to rounding."""
    rule = RULES["calcium_dp"].with_parameters(tau=0.2 * RULES["calcium_dp"].parameters["tau"])
    populations = {
        "input": Population(model=poisson.with_parameters(max_rate=100 * Hz), size=4),
        "other": Population(model=regular.with_parameters(max_rate=50 * Hz), size=3),
    }
    weights = rng.random((4, 3))
    projections = {"synapse": Projection(pre="input", post="other", weights=weights, rule=rule)}
    circuit = Circuit(name="noisy", populations=populations, projections=projections)
    stimuli = {"input": rng.random((2, 4)), "other": rng.random((2, 3))}
    protocol = Protocol(stimuli=stimuli, duration=200 * ms, presentation=100 * ms)
    one, two = (
        simulate(replicas(circuit, 2), protocol, device=device, seed=2**32 - 1, record=("input", "other"))
        for device in (NUMPY, CPP)
    )
    assert len(one.spikes["input"]) > 50
    for name in ("input", "other"):
        assert one.spikes[name].i.tolist() == two.spikes[name].i.tolist()
        np.testing.assert_allclose(one.spikes[name].t / ms, two.spikes[name].t / ms, rtol=0, atol=1e-9)
    np.testing.assert_allclose(one.weights["synapse"], two.weights["synapse"], rtol=1e-10)
    assert np.abs(one.weights["synapse"] - weights).min() > 1e-6
    assert not np.allclose(one.weights["synapse"][0], one.weights["synapse"][1])


def test_numbers_are_uniform_and_independent() -> None:
    """Each bound is 4.5 standard errors: a good generator fails one of the ten tests once in 10,000 changes of it."""
    steps, neurons = np.arange(1000), np.arange(500)
    grid = counted_random.uniform(3, 1, neurons[:, None], steps) - 0.5
    other = counted_random.uniform(4, 1, neurons[:, None], steps) - 0.5
    later = counted_random.uniform(3, 1 + counted_random.SITES, neurons[:, None], steps) - 0.5
    n = grid.size
    bound = 4.5 / np.sqrt(n)
    assert grid.min() >= -0.5
    assert grid.max() < 0.5
    assert abs(grid.mean()) < bound * np.sqrt(1 / 12)
    assert abs(12 * grid.var() - 1) < bound * np.sqrt(0.8)  # 144*(E[x^4] - 1/144) with E[x^4] = 1/80
    for a, b in (
        (grid[:, 1:], grid[:, :-1]),  # in time
        (grid[1:], grid[:-1]),  # between neighbours
        (grid, other),  # between copies with neighbouring seeds
        (grid[1:, 1:], other[:-1, :-1]),
        (grid, later),  # between places in the text
    ):
        assert abs(12 * (a * b).mean()) < 4.5 / np.sqrt(a.size)
    counts = np.bincount((256 * (grid + 0.5)).astype(int).ravel(), minlength=256)
    chi = ((counts - n / 256) ** 2 / (n / 256)).sum()
    assert abs(chi - 255) < 4.5 * np.sqrt(2 * 255)
    normal = counted_random.normal(3, 1, neurons[:, None], steps)
    assert abs(normal.mean()) < bound
    assert abs(normal.var() - 1) < bound * np.sqrt(2)


def test_numbers_do_not_depend_on_how_they_are_asked_for() -> None:
    whole = counted_random.uniform(2**32 - 1, 7, np.arange(5), 12)
    assert whole[3] == counted_random.uniform(np.int32(-1), np.int64(7), [3], np.int64(12))[0]
    assert counted_random.uniform(0, 1, 2**31 - 1, 2**40).size == 1


def test_what_is_no_replica_is_refused(rng: np.random.Generator) -> None:
    circuit = soft_wta(rng.random(SIZES))

    def refused(message: str, n: Any = 2, **options: Any) -> None:
        with pytest.raises(ValueError, match=message):
            replicas(circuit, n, **options)

    for n in (0, -1, 1.5, True):
        refused(f"replicas of circuit soft_wta: their number must be a whole number of at least 1, got {n}", n=n)
    refused(r"2 replicas; give one for each", seeds=[1, 2, 3])
    refused(r"a seed must lie between 0 and 4294967295, got -1", seeds=[1, -1])
    refused(
        r"no neuron or rule has a parameter 'feedforward.eat'; .* Did you mean 'feedforward.eta'\?",
        parameters={"feedforward.eat": [1, 2]},
    )
    refused(
        r"feedforward.eta takes one value for each replica, shape \(2,\), got \(3,\)",
        parameters={"feedforward.eta": [0.1, 0.2, 0.3]},
    )
    refused(
        r"output.tau_m takes one value for each replica, shape \(2,\), or \(2, 5\), got \(\)",
        parameters={"output.tau_m": 20 * ms},
    )
    refused(r"output.tau_m must be a time, got .* \(dimensionless\)", parameters={"output.tau_m": [10, 20]})
    refused(r"no projection 'feedforwrad' has weights. Did you mean 'feedforward'\?", weights={"feedforwrad": [1]})
    refused(
        r"weights of feedforward must be \(2, 12, 5\) \(replicas, pre, post\), got \(12, 5\)",
        weights={"feedforward": rng.random(SIZES)},
    )
    refused(
        "every weight of feedforward must be a finite number", weights={"feedforward": np.full((2, *SIZES), np.nan)}
    )
    refused(r"state 'outptu.u' must be named population.variable. Did you mean 'output'\?", state={"outptu.u": [0, 1]})
    refused(
        r"state output.u takes one value for each replica, shape \(2,\), or \(2, 5\), got \(3,\)",
        state={"output.u": [1, 2, 3]},
    )
    refused(r"population output has no variable 'v'", state={"output.v": [1, 2]})
    lagging = synapse_pair(RULES["calcium_dp"])
    with pytest.raises(ValueError, match=r"synapse.D decides when rule calcium_dp acts"):
        replicas(lagging, 2, parameters={"synapse.D": [1, 2] * ms})
    with pytest.raises(ValueError, match=r"there is no replica 2; they are numbered from 0 to 1"):
        replicas(circuit, 2).replica(2)


def test_what_cannot_run_side_by_side_is_refused(rng: np.random.Generator) -> None:
    circuit, protocol = soft_wta(rng.random(SIZES)), shown(rng)
    copies = replicas(circuit, 2)
    with pytest.raises(ValueError, match="1 protocols for 2 copies; give one for all or one for each"):
        simulate(copies, [protocol])
    with pytest.raises(ValueError, match="circuit soft_wta takes one protocol, got 2; only replicas take one for each"):
        simulate(circuit, [protocol, protocol])
    with pytest.raises(ValueError, match=r"the duration of protocol 1 is 80. ms, but 120. ms of protocol 0"):
        simulate(copies, [protocol, dataclasses.replace(protocol, duration=80 * ms)])
    with pytest.raises(ValueError, match=r"the presentation of protocol 1 is None, but 40. ms of protocol 0"):
        simulate(copies, [protocol, dataclasses.replace(protocol, presentation=None)])
    with pytest.raises(ValueError, match=r"protocol 1 stimulates \[\], but protocol 0 \['input'\]"):
        simulate(copies, [protocol, dataclasses.replace(protocol, stimuli={})])
    with pytest.raises(ValueError, match="stimulus of input: 3 columns for 12 neurons"):
        simulate(copies, [protocol, dataclasses.replace(protocol, stimuli={"input": np.ones((3, 3))})])
    recording = simulate(copies, protocol)
    with pytest.raises(ValueError, match="there is no replica -1; they are numbered from 0 to 1"):
        recording.replica(-1)
    noisy = NeuronModel(
        name="noisy",
        summary="",
        equations="dv/dt = -v/tau + xi*tau**-0.5 : 1",
        method="euler",
        parameters={"tau": 10 * ms},
    )
    walk = Circuit(name="walk", populations={"a": Population(model=noisy, size=2)}, projections={})
    with pytest.raises(
        ValueError, match=r"a uses xi, and replicas draw random numbers with rand\(\) and randn\(\) only"
    ):
        simulate(replicas(walk, 2), Protocol(stimuli={}, duration=10 * ms))
    common = NeuronModel(name="common", summary="", equations="v : 1 (shared)")
    one = Circuit(name="one", populations={"a": Population(model=common, size=2)}, projections={})
    with pytest.raises(ValueError, match="all neurons of a share one 'v', and would share it with those of the other"):
        simulate(replicas(one, 2), Protocol(stimuli={}, duration=10 * ms))


def test_stimuli_have_room_for_what_copies_see(rng: np.random.Generator) -> None:
    """As much for many copies as for few, and the same program for chunks of other sizes."""
    circuit = soft_wta(rng.random(SIZES))

    def room(count: int, rows: int) -> tuple[int, int]:
        protocols = [shown(rng, rows=rows) for _ in range(count)]
        part = plan_of(replicas(circuit, count), protocols, dt=1 * ms).populations["input"]
        return part.rows, part.columns

    assert room(1, 3) == (1024, 12)
    assert room(100, 3) == room(100, 100) == (163, 1200)
    shared = plan_of(replicas(circuit, 100), shown(rng), dt=1 * ms).populations["input"]
    assert (shared.rows, shared.columns) == (1024, 12)
    assert assemble(circuit, shown(rng), dt=1 * ms).streams == ""
