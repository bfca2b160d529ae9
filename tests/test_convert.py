"""The converter: columns against an independent reference, one circuit against columns, files, sizes, bad input."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb import checkpoint, conversion
from spikehebb.checkpoint import Checkpoint
from spikehebb.circuits import softmax_column, triangle_column
from spikehebb.circuits.column import phases
from spikehebb.conversion import SpikingNetwork, Timing, spike_words, to_spiking
from spikehebb.conversion.present import encode, patches, pool, run, seed_of, visits
from spikehebb.conversion.winners import divergences
from spikehebb.core import Images, Population, Protocol, Spikes
from spikehebb.datasets import load
from spikehebb.devices import CPP, NUMPY, Device
from spikehebb.encoders import word_source
from spikehebb.simulation import simulate
from spikehebb.softhebb import Layer, Model, Network, Pool, training
from spikehebb.softhebb.backend import one_by_one
from tests.conftest import NO_COMPILER
from tests.oracles import conversion as oracle

SHORT = Timing(present_ms=30)
TIMING = dataclasses.asdict(SHORT)


def layer(units: int = 5, **changes: Any) -> Layer:
    return Layer(**{"units": units, "kernel": 3, "padding": 1, "norm": 3.0, "exponent": 0.7, **changes})


def model(*layers: Layer, readout: bool = True) -> Model:
    """Return a network for the bundled digits with random weights and uneven statistics."""
    network = Network(image_shape=(1, 8, 8), layers=layers)
    rng = np.random.default_rng(5)
    weights = tuple(
        dataclasses.replace(
            start,
            mean=rng.uniform(0, 0.4, start.mean.shape).astype(np.float32),
            variance=rng.uniform(0.05, 0.5, start.variance.shape).astype(np.float32),
        )
        for start in training.start(network, 3)
    )
    shapes = ((10, network.features), (10,))
    weight, bias = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    return Model(network=network, layers=weights, readout=(weight, bias) if readout else None)


@pytest.fixture(scope="module")
def digits() -> Images:
    return load("digits", "train")


def rasters(network: SpikingNetwork, images: Images, device: Device = NUMPY) -> tuple[Any, list[Any]]:
    """Return the input's spikes and those of every stage, pooled but for the last: (steps, images, ...)."""
    steps = network.timing.steps
    x, _ = encode(network, images, device, seed_of(0))
    stages = [spike_words.unpack(visit.left, steps) for visit in visits(network, images, device, seed_of(0))]
    return spike_words.unpack(x, steps), stages


def test_words_hold_spike_trains(rng: np.random.Generator) -> None:
    raster = rng.random((52, 3, 4)) < 0.3
    packed = spike_words.pack(raster)
    assert np.array_equal(spike_words.unpack(packed, 52), raster)
    assert np.array_equal(spike_words.counts(packed), raster.sum(axis=0))
    assert np.array_equal(spike_words.counts(packed, 20), raster[:20].sum(axis=0))
    step, neuron = np.nonzero(raster.reshape(52, 12))
    spikes = Spikes(i=neuron, t=step * ms)
    again = spike_words.from_spikes(spikes, neurons=12, presentations=1, steps=52, dt=1 * ms)
    assert np.array_equal(again.reshape(3, 4), packed)


def test_a_word_source_replays_all_52_steps(device: Device, rng: np.random.Generator) -> None:
    shown = rng.integers(0, 2**52, (3, 4)).astype(np.float64)
    timing = Timing(present_ms=52)
    circuit = triangle_column(np.zeros((4, 2)))
    recording = run(circuit, shown, timing, device, 0, record=("input",))
    words = spike_words.from_spikes(recording.spikes["input"], neurons=4, presentations=3, steps=52, dt=1 * ms)
    assert np.array_equal(words, shown.astype(np.uint64))


CASES = {
    "triangle, max": (layer(pool=Pool(size=2)), layer(6, exponent=1.4)),
    "repu": (layer(activation="repu", exponent=1.4, pool=Pool(size=2)), layer(6, activation="relu", exponent=1.0)),
    "pre-triangle": (layer(pre_triangle=True, exponent=1.0, pool=Pool(size=2)), layer(4)),
    "no batch norm": (layer(batch_norm=False, pool=Pool(size=2)), layer(4, batch_norm=False)),
    "stride": (layer(pool=Pool(size=2)), layer(4, stride=2)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_columns_equal_an_independent_reference(name: str, digits: Images) -> None:
    network = to_spiking(model(*CASES[name]), digits[:40], SHORT)
    seen, stages = rasters(network, digits[40:42])
    rate_in = 1.0
    x: Any = seen
    for number, stage in enumerate(network.stages):
        gain = stage.gain * network.timing.dt_ms / 1000
        weights = model(*CASES[name]).layers[number]
        out = [
            oracle.fired(stage.layer, weights, x[:, n], gain=gain, gain_in=rate_in, latency=stage.latency)
            for n in range(2)
        ]
        fired = np.stack(out, axis=1)
        if number == 0:
            fired = np.stack([oracle.largest(fired[:, n], 2, 2) for n in range(2)], axis=1)
        assert fired.sum() > 100
        assert np.array_equal(stages[number], fired), f"stage {number}"
        x, rate_in = fired, gain


@pytest.mark.long
@pytest.mark.catalogue
@pytest.mark.slow_on_cuda
@pytest.mark.parametrize("name", ["triangle, max", "repu", "pre-triangle"])
def test_in_turn_a_count_is_the_activation_rounded(name: str, device: Device, digits: Images) -> None:
    """Each layer hears all spikes of the one below before it fires: no transients, one rounding for each layer."""
    source, images = model(*CASES[name]), digits[40:42]
    timing = Timing(order="in turn", jitter=0.0, present_ms=30)
    network = to_spiking(source, digits[:40], timing)
    shown = conversion.present(network, images, device=device, rates=True)
    seen = spike_words.counts(encode(network, images, device, 0)[0]).astype(float)
    assert np.abs(seen - 30 * images.intensities()[..., None]).max() <= 0.5 + 1e-6
    heard: Any = seen / 30
    for number, stage in enumerate(network.stages):
        gain = stage.gain * 0.03
        drives = np.array([oracle.drives(stage.layer, source.layers[number], image) for image in heard])
        phase = (np.arange(1, stage.layer.units + 1) * oracle.GOLDEN) % 1
        counts = np.minimum(np.floor(gain * drives**stage.layer.exponent + phase) * (drives > 0), 30)
        if number == 0:
            counts = counts.reshape(2, 4, 2, 4, 2, -1).max(axis=(2, 4))
        heard = counts / gain
        expected = counts.transpose(0, 3, 1, 2).reshape(2, -1)
        np.testing.assert_allclose(shown.rates[number] * gain, expected, atol=1e-3)
        assert expected.any()
    assert shown.predicted.shape == (2, 30)
    assert network.milliseconds(30) == 2 * 31 + 30


@pytest.mark.slow
def test_in_turn_is_more_exact_than_together(digits: Images) -> None:
    source, images = model(*CASES["triangle, max"]), digits[40:44]
    exact = np.concatenate(list(training.outputs(source.network, source.layers, images, np, one_by_one))).ravel()
    likeness = []
    for timing in (Timing(present_ms=30), Timing(order="in turn", jitter=0.0, present_ms=30)):
        shown = conversion.present(to_spiking(source, digits[:40], timing), images, device=NUMPY, rates=True)
        likeness.append(np.corrcoef(exact, shown.rates[-1].ravel())[0, 1])
    assert likeness[1] > likeness[0]
    assert likeness[1] > 0.99


POOLED = {
    "max, average": (layer(pool=Pool(size=2)), layer(6, pool=Pool(kind="average", size=2))),
    "average, max": (layer(pool=Pool(kind="average", size=4, stride=2, padding=1)), layer(4, pool=Pool(size=2))),
    "overlapping maxima, pre-triangle": (layer(pool=Pool(size=4, stride=2, padding=1), pre_triangle=True), layer(4)),
    "stride": (layer(stride=2, pool=Pool(kind="average", size=2)), layer(4, stride=2)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", POOLED)
def test_the_whole_circuit_fires_the_same_spikes_as_its_columns(name: str, digits: Images) -> None:
    network = to_spiking(model(*POOLED[name]), digits[:40], SHORT)
    images, steps = digits[40:42], network.timing.steps
    seen, stages = rasters(network, images)
    circuit = conversion.unrolled(network)
    replay = {"input": Population(model=word_source, size=64)}
    circuit = dataclasses.replace(circuit, populations={**circuit.populations, **replay})
    names = [name for name in circuit.populations if name in ("layer0", "pool0", "layer1", "pool1")]
    shown = spike_words.pack(seen).reshape(2, -1).astype(np.float64)
    length = network.timing.present_ms * ms
    protocol = Protocol(stimuli={"input": shown}, duration=2 * length, presentation=length)
    recording = simulate(circuit, protocol, record=names)

    def of(population: str, like: Any) -> Any:
        size = circuit.populations[population].size
        words = spike_words.from_spikes(
            recording.spikes[population], neurons=size, presentations=2, steps=steps, dt=1 * ms
        )
        return spike_words.unpack(words.reshape(like.shape[1:]), steps)

    assert stages[0].sum() > 50
    assert np.array_equal(of("pool0", stages[0]), stages[0])
    assert np.array_equal(of("layer1", stages[1]), stages[1])
    if "pool1" in names:
        pooled = spike_words.unpack(pool(spike_words.pack(stages[1]), network.stages[1].layer.pool, steps), steps)  # type: ignore[arg-type]
        assert np.array_equal(of("pool1", pooled), pooled)


def test_the_readout_of_the_whole_circuit_holds_the_scores(digits: Images) -> None:
    source = model(layer(pool=Pool(size=2)), layer(6, exponent=1.0, pool=Pool(kind="average", size=2)))
    network = to_spiking(source, digits[:40], SHORT)
    image = digits[40:41]
    circuit = conversion.unrolled(network)
    length = network.timing.present_ms * ms
    pixels = image.intensities().reshape(1, -1)
    recording = simulate(circuit, Protocol(stimuli={"input": pixels}, duration=length, presentation=length), seed=4)
    counts = recording.counts["layer1"].reshape(4, 4, 6)
    pooled = counts.reshape(2, 2, 2, 2, 6).mean(axis=(1, 3)).transpose(2, 0, 1).ravel()
    assert source.readout is not None
    np.testing.assert_allclose(recording.state["readout"]["u"], source.readout[0] @ pooled, rtol=1e-5)
    assert pooled.any()


@pytest.mark.compiler
@NO_COMPILER
def test_numpy_and_cpp_fire_the_same_spikes(digits: Images) -> None:
    network = to_spiking(model(*CASES["triangle, max"]), digits[:40], SHORT)
    rows = np.random.default_rng(0).integers(0, 2**30, (5, 9)).astype(np.float64)
    recordings = [run(network.stages[0].circuit, rows, SHORT, device, 0) for device in (NUMPY, CPP)]
    assert len(recordings[0].spikes["units"]) > 100
    assert recordings[0].spikes["units"].i.tolist() == recordings[1].spikes["units"].i.tolist()
    one, two = (recording.spikes["units"].t / ms for recording in recordings)
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-6)


@pytest.mark.long
def test_rates_are_the_activations(digits: Images) -> None:
    """The error of a count is below a spike, so rates go with activations ever better the longer an image is shown."""
    source, images = model(*CASES["triangle, max"]), digits[40:44]
    network = to_spiking(source, digits[:40], Timing())
    shown = conversion.present(network, images, device=NUMPY, rates=True)
    for depth in (1, 2):
        exact = np.concatenate(list(training.outputs(source.network, source.layers, images, np, one_by_one, depth)))
        rates = shown.rates[depth - 1]
        assert np.corrcoef(exact.ravel(), rates.ravel())[0, 1] > 0.98
        assert abs(np.mean(rates - exact)) < 0.05 * np.mean(exact)
    exact = np.concatenate(list(training.outputs(source.network, source.layers, images, np, one_by_one)))
    assert source.readout is not None
    answers = (exact @ source.readout[0].T + source.readout[1]).argmax(axis=1)
    assert shown.predicted[:, -1].tolist() == answers.tolist()
    assert shown.predicted.shape == (4, network.last_step)


@pytest.mark.long
def test_operations_are_spikes_times_synapses(digits: Images) -> None:
    network = to_spiking(model(*CASES["triangle, max"]), digits[:40], SHORT)
    images = digits[40:42]
    shown = conversion.present(network, images, device=NUMPY)
    x, _ = encode(network, images, NUMPY, seed_of(seed_of(0, 0)))
    first, second = visits(network, images, NUMPY, seed_of(0, 0))
    for number, visit in enumerate((first, second)):
        synapses = network.stages[number].weights.shape[1]
        assert shown.operations[number].sum() == spike_words.counts(visit.shown.astype(np.uint64)).sum() * synapses
        assert shown.spikes[number + 1].sum() == spike_words.counts(visit.fired).sum()
    assert shown.spikes[0].sum() == pytest.approx(spike_words.counts(x).sum(), rel=0.05)  # other phases


@pytest.mark.slow_on_cuda
@pytest.mark.parametrize("neurons", ["integrate", "stochastic"])
def test_a_column_fires_at_the_power_law(neurons: str, device: Device) -> None:
    """Constant input: the count is gain*time*drive**exponent, exactly rounded or in expectation."""
    weights = np.array([[1.0, 2.0, 4.0, 0.5]])
    circuit = triangle_column(
        weights, exponent=0.7, centred=False, gain=100 * Hz, bias=-0.25, stochastic=neurons == "stochastic"
    )
    shown = 400 if neurons == "stochastic" else 4
    always = np.full((shown, 1), 2.0**50 - 1)
    recording = run(circuit, always, Timing(), device, 2)
    expected = 100 * 0.049 * (weights[0] - 0.25) ** 0.7
    counts = recording.counts["units"] / shown
    if neurons == "integrate":
        assert counts.tolist() == np.floor(expected + phases(4)).tolist()
    else:  # a Bernoulli sum of 49 steps, 400 times: 5 standard errors
        np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(expected.max() / shown))


@pytest.mark.long
@pytest.mark.slow_on_cuda
def test_shares_of_a_competition_are_the_softmax(device: Device) -> None:
    """SH-8: the largest error of a share is within three standard errors of the multinomial; ten temperatures."""
    rng = np.random.default_rng(1)
    weights, bias = rng.standard_normal((6, 8)), rng.standard_normal(8)
    seen = np.array([1.0, 0, 1, 1, 0, 1])
    rows = 30 if device is NUMPY else 400
    shown = np.tile(seen * (2.0**50 - 1), (rows, 1))  # inputs that are 1 spike at every step, those that are 0 never
    worst = []
    for sharpness in np.geomspace(0.1, 10, 4 if device is NUMPY else 10):
        circuit = softmax_column(weights, bias=bias, inverse_temperature=sharpness, rate=900 * Hz)
        recording = run(circuit, shown, Timing(), device, 3)
        counts = recording.counts["units"]
        y = np.exp(sharpness * (seen @ weights + bias))
        y /= y.sum()
        n = counts.sum()
        assert n == pytest.approx(0.9 * 49 * rows, rel=0.05)
        error = np.sqrt(np.maximum(y * (1 - y), 1e-9) / n)
        worst.append(np.max(np.abs(counts / n - y) / error))
    # 80 shares: the largest of them exceeds 3 standard errors in a fifth of all seeds, 4 in one of 200
    assert np.mean(np.array(worst) < 3) >= 0.8
    assert max(worst) < 4


@pytest.mark.long
def test_a_soft_layer_is_handed_on_as_shares(digits: Images) -> None:
    soft = Layer(units=6, batch_norm=False, plasticity="soft", activation="softmax", exponent=2.0, norm=2.0)
    source = model(soft)
    network = to_spiking(source, digits[:10], Timing(rate_hz=900))
    shown = conversion.present(network, digits[:60], device=NUMPY)
    exact = np.concatenate(list(training.outputs(source.network, source.layers, digits[:60], np, one_by_one)))
    assert np.corrcoef(network.features(shown.counts).ravel(), exact.ravel())[0, 1] > 0.95


@pytest.mark.long
def test_winners_are_compared_with_what_sampling_alone_would_give(digits: Images) -> None:
    source = model(layer(8, inverse_temperature=0.5))
    network = to_spiking(source, digits[:40])
    comparison = conversion.winners(source, network, digits[:3], 0, device=NUMPY, positions=60)
    assert comparison is not None
    assert comparison.positions == 60
    assert 0.7 < comparison.divergence / comparison.sampling < 1.5
    assert comparison.agreement > 0.5
    hard = model(layer(8, plasticity="hard"))
    assert conversion.winners(hard, to_spiking(hard, digits[:40]), digits[:3], 0, device=NUMPY) is None


@pytest.mark.long
def test_a_wrong_temperature_shows_in_the_divergence(digits: Images) -> None:
    source = model(layer(8, inverse_temperature=0.5, batch_norm=False))
    network, few = to_spiking(source, digits[:40]), digits[:1]
    comparison = conversion.winners(source, network, few, 0, device=NUMPY, positions=60)
    assert comparison is not None
    shown = next(visits(network, few, NUMPY, 0)).shown
    weights, bias = conversion.folded(source, 0)
    x = np.concatenate([patches(network.stages[0], image.reshape(1, 8, 8, 1)) for image in few.intensities()])
    y = np.exp(0.5 * (x @ weights + bias))
    for inverse_temperature, right in ((0.5, True), (0.125, False), (1.0, False)):
        other = model(layer(8, inverse_temperature=inverse_temperature, batch_norm=False))
        recording = run(conversion.competition(other, 0, network), shown, network.timing, NUMPY, 1)
        fired = spike_words.from_spikes(
            recording.spikes["units"], neurons=8, presentations=len(shown), steps=50, dt=1 * ms
        )
        divergence = divergences(spike_words.counts(fired).astype(np.int64), y / y.sum(axis=1, keepdims=True)).mean()
        assert (divergence < 1.5 * comparison.sampling) == right


def test_sizes_are_known_before_anything_is_built(digits: Images) -> None:
    network = to_spiking(model(layer(pool=Pool(size=2)), layer(6)), digits[:40], SHORT)
    size = conversion.size(network)
    assert (size.neurons, size.synapses) == (9 + 5 + 45 + 6, 45 + 270)
    circuit = conversion.unrolled(network)
    assert size.unrolled_neurons == sum(
        p.size for name, p in circuit.populations.items() if "inhibition" not in name and name != "readout"
    )
    with pytest.raises(MemoryError, match=r"560 neurons and 7,520 synapses .* of 0.0 GiB; present\(\) simulates"):
        conversion.unrolled(network, memory=1000)


def test_a_converted_network_survives_its_file(digits: Images, tmp_path: Path) -> None:
    source = model(layer(pool=Pool(size=2)), layer(6))
    network = to_spiking(source, digits[:40], SHORT)
    conversion.save_converted(source, network, tmp_path / "checkpoint.npz")
    again, other = conversion.load_converted(tmp_path)
    assert other.timing == network.timing
    assert [stage.gain for stage in other.stages] == [stage.gain for stage in network.stages]
    for one, two in zip(network.stages, other.stages, strict=True):
        assert np.array_equal(one.weights, two.weights)
    assert again.readout is not None


def changed(path: Path, **changes: Any) -> None:
    """Write a converted network with another header."""
    content = checkpoint.load(path, lambda header: conversion.network_file.shapes(header))
    header = json.loads(json.dumps(dict(content.header)))
    header["conversion"] = {**header["conversion"], **changes}
    checkpoint.save(Checkpoint(header=header, arrays=content.arrays), path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gains": [1.0]}, "converted with 1 gains, but has 2 layers: from another conversion"),
        ({"gains": [1.0, -2.0]}, r"its gains must be rates above 0, but are \[1.0, -2.0\]"),
        ({"timing": TIMING | {"present_ms": 2000}}, "shown for 5 to 52 whole time steps, but 2000 ms are 2000 steps"),
        ({"timing": TIMING | {"speed": 2}}, "the timing of its conversion has entries that are not known: 'speed'"),
        ({"timing": {"present_ms": 30}}, "the timing of its conversion lacks 'neurons', 'order'"),
    ],
)
def test_files_from_another_conversion_are_refused(
    changes: dict[str, Any], message: str, digits: Images, tmp_path: Path
) -> None:
    source = model(layer(pool=Pool(size=2)), layer(6))
    path = tmp_path / "checkpoint.npz"
    conversion.save_converted(source, to_spiking(source, digits[:40], SHORT), path)
    changed(path, **changes)
    with pytest.raises(ValueError, match=message):
        conversion.load_converted(path)


def test_a_file_that_holds_something_else_is_refused(digits: Images, tmp_path: Path) -> None:
    from spikehebb.softhebb import save_model

    save_model(model(layer()), tmp_path / "checkpoint.npz")
    with pytest.raises(ValueError, match="it holds 'softhebb', not a converted network; convert it first"):
        conversion.load_converted(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"present_ms": 3}, "5 to 52 whole time steps, but 3 ms are 3 steps of 1 ms; change the presentation"),
        ({"present_ms": 50.5}, "are 50.5 steps"),
        ({"present_ms": 60}, "are 60 steps"),
        ({"neurons": "spiky"}, "neurons must be integrate or stochastic, got 'spiky'"),
        ({"input_rate_hz": 2000}, "input_rate_hz must be at most one spike per time step, 1000 Hz, got 2000"),
        ({"percentile": 101}, "percentile must be at most 100"),
        ({"rate_hz": -1}, "rate_hz must be a number above 0, got -1"),
        ({"rate_hz": float("nan")}, "rate_hz must be a number above 0, got nan"),
        ({"order": "backwards"}, "order must be together or in turn, got 'backwards'"),
        ({"jitter": -0.5}, "jitter must be a number of at least 0, got -0.5"),
        ({"settle_ms": -1}, "settle_ms must be a number of at least 0, got -1"),
        ({"settle_ms": 50}, "settle_ms must be below the presentation of 50 ms, got 50"),
    ],
)
def test_timings_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Timing(**changes)


def test_what_has_no_form_is_refused_by_name(digits: Images) -> None:
    with pytest.raises(ValueError, match="layer 0 has activation tanh, whose negative values no rate can stand for"):
        to_spiking(model(layer(activation="tanh")), digits[:10])
    network = Network(image_shape=(3, 8, 8), layers=(layer(),))
    coloured = Model(network=network, layers=training.start(network, 0))
    with pytest.raises(ValueError, match=r"images of \(1, 8, 8\) .* the network takes \(3, 8, 8\)"):
        to_spiking(coloured, digits[:10])
    deep = model(layer(pool=Pool(size=2)), layer(pool=Pool(size=2)), layer(padding=1, kernel=2))
    with pytest.raises(ValueError, match="the last of 3 layers has input only from step 4 on; show it longer"):
        to_spiking(deep, digits[:10], Timing(present_ms=6, settle_ms=0))
    several = model(*CASES["triangle, max"])
    with pytest.raises(ValueError, match="one circuit has no windows for its layers; convert with order together"):
        conversion.unrolled(to_spiking(several, digits[:10]))
    soft = model(Layer(units=6, batch_norm=False, plasticity="soft", activation="softmax", norm=2.0))
    with pytest.raises(ValueError, match="hands on a softmax fires while it listens; convert it with order together"):
        to_spiking(soft, digits[:10], Timing(order="in turn"))
    source = model(layer(plasticity="hard"))
    with pytest.raises(ValueError, match="layer 0 has plasticity hard, so that it has no plain softmax"):
        conversion.competition(source, 0, to_spiking(source, digits[:10]))
    with pytest.raises(ValueError, match="layers 0 to 0, got 1"):
        conversion.competition(source, 1, to_spiking(source, digits[:10]))
    network_of = to_spiking(source, digits[:10], SHORT)
    wide = Images(name="wide", pixels=np.zeros((2, 8, 9)), labels=np.zeros(2))
    with pytest.raises(ValueError, match=r"wide has images of \(1, 8, 9\)"):
        conversion.present(network_of, wide, device=NUMPY)


def test_dead_and_saturated_layers_are_named(digits: Images) -> None:
    silent = model(layer(activation="relu", exponent=1.0, batch_norm=False))
    negative = dataclasses.replace(silent.layers[0], weight=-np.abs(silent.layers[0].weight))
    with pytest.raises(ValueError, match=r"layer 0 is silent: 99.9 % of its activations on digits/train \(10 images\)"):
        to_spiking(dataclasses.replace(silent, layers=(negative,)), digits[:10])
    with pytest.raises(ValueError, match=r"layer 0 is saturated: .* % of its activations .* more than one spike"):
        to_spiking(model(layer()), digits[:10], Timing(percentile=80))


def test_averages_that_are_rounded_are_told(digits: Images) -> None:
    network = to_spiking(model(*POOLED["average, max"]), digits[:40], SHORT)
    assert network.remarks == ("layer 0: averages are pooled by integrate-and-fire units, which round to whole spikes",)
    assert to_spiking(model(*POOLED["max, average"]), digits[:40], SHORT).remarks == ()


def test_circuits_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"triangle_column: weights must be \(inputs, units\), got shape \(3,\)"):
        triangle_column([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="softmax_column: inverse_temperature must be above 0, got 0"):
        softmax_column(np.ones((2, 2)), inverse_temperature=0)


def test_a_column_is_simulated_while_it_listens_and_while_it_fires() -> None:
    assert Timing(present_ms=30).window == 30
    assert Timing(present_ms=30, order="in turn").window == 61  # and the step in between
    assert Timing(present_ms=20, dt_ms=0.5).window == 40
