"""Circuits leave as NIR graphs: the same spikes in NIR's own terms, in the simulators' terms, and back again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Quantity, ms, mV

from spikehebb import conversion
from spikehebb.circuits import lif_wta, soft_wta
from spikehebb.circuits.lif import with_votes
from spikehebb.conversion.to_spiking import encoder_of
from spikehebb.core import Circuit, Population, Projection, Protocol
from spikehebb.datasets import load
from spikehebb.encoders import poisson, regular
from spikehebb.export import Node, circuit_graph, graph_circuit, network_graph, read_nir, sizes, write_nir
from spikehebb.neurons import lif, lif_adaptive, lif_unit, nir_if, nir_lif
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate
from spikehebb.softhebb import Layer, Model, Network, Pool, training
from tests import nir_reference
from tests.test_export_plain import NETWORK, spiking

STEPS, IMAGES, INPUTS = 40, 3, 20
KINDS = ["lateral", "spiking"]


def wta(kind: Any = "lateral", votes: bool = False) -> Circuit:
    rng = np.random.default_rng(3)
    circuit = lif_wta(
        rng.random((INPUTS, 9)),
        bias=rng.random(9),
        inhibition=kind,
        gain=3,
        drive=1.2,
        strength=0.1,
        inhibitory=3,
    )
    return with_votes(circuit, np.arange(9) % 4, 4) if votes else circuit


def chain() -> Circuit:
    """Two layers, of different time constants and thresholds."""
    rng = np.random.default_rng(4)
    one = lif_unit.with_parameters(v_threshold=np.linspace(0.5, 1, 8) * mV)
    two = lif_unit.with_parameters(tau_m=np.linspace(5, 50, 6) * ms)
    return Circuit(
        name="chain",
        populations={
            "eyes": Population(model=regular, size=INPUTS),
            "first": Population(model=one, size=8),
            "second": Population(model=two, size=6),
        },
        projections={
            "up": Projection(pre="eyes", post="first", weights=0.3 * rng.random((INPUTS, 8))),
            "on": Projection(pre="first", post="second", weights=0.8 * rng.random((8, 6))),
            "back": Projection(pre="second", post="second", weights=-0.4 * (1 - np.eye(6))),
        },
    )


def spikes_of(circuit: Circuit, *names: str, source: str = "input", dt: Quantity = 1 * ms) -> dict[str, Any]:
    """Return rasters (images, steps, neurons)."""
    rows = np.random.default_rng(5).random((IMAGES, circuit.populations[source].size))
    protocol = Protocol(stimuli={source: rows}, duration=IMAGES * STEPS * dt, presentation=STEPS * dt)
    recording = simulate(circuit, protocol, dt=dt, record=(source, *names))
    rasters = {}
    for name in (source, *names):
        raster = np.zeros((IMAGES * STEPS, circuit.populations[name].size))
        raster[np.round(recording.spikes[name].t / dt).astype(int), recording.spikes[name].i] = 1
        rasters[name] = raster.reshape(IMAGES, STEPS, -1)
    return rasters


def late(raster: Any, steps: int = 1) -> Any:
    """Return a raster that begins with empty steps."""
    return np.concatenate([np.zeros_like(raster[:steps]), raster[: len(raster) - steps]])


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_fires_identical_spikes(kind: str, tmp_path: Path) -> None:
    circuit = wta(kind)
    write_nir(circuit_graph(circuit), tmp_path / "net.nir")
    imported = read_nir(tmp_path / "net.nir", encoder=regular)
    assert (imported.outputs, imported.inputs) == ({"exit": "output"}, ("input",))
    names = [name for name in circuit.populations if name != "input"]
    spikes, read_back = spikes_of(circuit, *names), spikes_of(imported.circuit, *names)
    assert spikes["output"].sum() > 30
    for name in ("input", *names):
        np.testing.assert_array_equal(spikes[name], read_back[name])
    twice = graph_circuit(circuit_graph(imported.circuit), encoder=regular).circuit
    np.testing.assert_array_equal(spikes_of(twice, "output")["output"], spikes["output"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_means_the_same_in_plain_forward_euler(kind: str) -> None:
    circuit = wta(kind)
    spikes = spikes_of(circuit, "output")
    graph = circuit_graph(circuit)
    assert graph.metadata["empty_steps_first"] == 1
    for image in range(IMAGES):
        theirs = nir_reference.run(graph, {"input": late(spikes["input"][image])}, 1e-3, STEPS)
        np.testing.assert_array_equal(theirs["output"], spikes["output"][image])


@pytest.mark.parametrize("dialect", ["norse", "snntorch"])
@pytest.mark.parametrize("kind", KINDS)
def test_simulators_fire_identical_spikes_in_their_dialect(kind: str, dialect: str) -> None:
    circuit = wta(kind, votes=True)
    spikes = spikes_of(circuit, "output")
    graph = circuit_graph(circuit, dialect=dialect)
    votes = np.asarray(circuit.projections["to_readout"].weights)
    assert graph.metadata["empty_steps_first"] == 1
    for image in range(IMAGES):
        theirs = nir_reference.simulator(graph, late(spikes["input"][image]), dialect)
        np.testing.assert_array_equal(theirs, spikes["output"][image] @ votes)


@pytest.mark.parametrize("dialect", ["norse", "snntorch"])
def test_layers_answer_a_step_later_each(dialect: str) -> None:
    circuit = chain()
    spikes = spikes_of(circuit, "second", source="eyes")
    assert spikes["second"].sum() > 30
    graph = circuit_graph(circuit, dialect=dialect)
    for image in range(IMAGES):
        theirs = nir_reference.simulator(graph, late(spikes["eyes"][image]), dialect)
        np.testing.assert_array_equal(late(theirs), spikes["second"][image])


def test_potentials_in_millivolts_of_any_size() -> None:
    model = lif_unit.with_parameters(
        v_reset=-65 * mV, v_rest=-62 * mV, v_threshold=np.linspace(-58, -50, 8) * mV, jump=np.linspace(5, 20, 8) * mV
    )
    circuit = dataclasses.replace(
        chain(), populations={**chain().populations, "first": Population(model=model, size=8)}
    )
    spikes = spikes_of(circuit, "first", "second", source="eyes")
    assert spikes["first"].sum() > 30
    back = graph_circuit(circuit_graph(circuit), encoder=regular).circuit
    np.testing.assert_array_equal(spikes_of(back, "second", source="eyes")["second"], spikes["second"])
    for dialect in ("norse", "snntorch"):
        theirs = nir_reference.simulator(circuit_graph(circuit, dialect=dialect), late(spikes["eyes"][0]), dialect)
        np.testing.assert_array_equal(late(theirs), spikes["second"][0])


def test_integrate_and_fire_neurons(tmp_path: Path) -> None:
    circuit = chain()
    perfect = Population(model=nir_if, size=8)
    circuit = dataclasses.replace(circuit, populations={**circuit.populations, "first": perfect})
    spikes = spikes_of(circuit, "first", "second", source="eyes")
    assert spikes["first"].sum() > 30
    write_nir(circuit_graph(circuit), tmp_path / "if.nir")
    back = spikes_of(read_nir(tmp_path / "if.nir", encoder=regular).circuit, "first", "second", source="eyes")
    np.testing.assert_array_equal(back["second"], spikes["second"])
    for dialect in ("norse", "snntorch"):
        theirs = nir_reference.simulator(circuit_graph(circuit, dialect=dialect), late(spikes["eyes"][0]), dialect)
        np.testing.assert_array_equal(late(theirs), spikes["second"][0])


def test_time_constants_are_rewritten_for_euler_and_the_unit_is_stated(tmp_path: Path) -> None:
    graph = circuit_graph(wta(), dt=0.5 * ms)
    node: Any = graph.nodes["output"]
    np.testing.assert_allclose(1 - 0.5e-3 / node.values["tau"], np.exp(-0.5 / 20))
    np.testing.assert_allclose(node.values["r"], node.values["tau"] / 0.5e-3)  # a spike moves v by its weight
    assert (graph.metadata["dt"], graph.metadata["unit_of_time"], graph.metadata["dialect"]) == (5e-4, "second", "nir")
    torch = circuit_graph(wta(), dialect="snntorch")
    assert (torch.metadata["dt"], torch.metadata["step"]) == (1e-4, 1e-3)
    layer: Any = torch.nodes["layer01_neurons"]
    np.testing.assert_allclose(1 - 1e-4 / layer.nodes["neurons"].values["tau"], np.exp(-1 / 20))


def test_the_official_package_reads_what_is_written(tmp_path: Path) -> None:
    import h5py
    import nir

    for dialect in ("nir", "norse", "snntorch"):
        write_nir(circuit_graph(wta("spiking", votes=True), dialect=dialect), tmp_path / "net.nir")
        graph = nir.read(tmp_path / "net.nir")
        assert graph.metadata["dialect"] == dialect
        assert float(graph.metadata["dt"]) in (1e-3, 1e-4)
    with h5py.File(tmp_path / "net.nir") as file:
        names: list[str] = []
        file.visit(names.append)
    assert not any(name.endswith("v_reset") for name in names)  # older versions of nir do not know it


def test_a_potential_other_than_0_after_a_spike_is_written() -> None:
    model = nir_lif.with_parameters(v_reset=-0.5)
    circuit = dataclasses.replace(
        chain(), populations={**chain().populations, "second": Population(model=model, size=6)}
    )
    node: Any = circuit_graph(circuit).nodes["second"]
    assert (node.values["v_reset"] == -0.5).all()
    with pytest.raises(ValueError, match="norse resets to 0, but population second resets to another potential"):
        circuit_graph(circuit, dialect="norse")


def test_feed_forward_is_labelled_and_has_no_recurrent_edges() -> None:
    for kind in KINDS:
        graph = circuit_graph(wta(kind), lateral=False)
        assert sizes(graph) == {"Input": 1, "LIF": 1, "Linear": 1, "Output": 1, "weights": 9 * INPUTS}
        assert "lateral inhibition was left out" in str(graph.metadata["feed_forward"])


def test_delays_are_nodes_of_their_own() -> None:
    circuit = chain()
    slow = dataclasses.replace(circuit.projections["on"], delay=3 * ms)
    circuit = dataclasses.replace(circuit, projections={**circuit.projections, "on": slow})
    spikes = spikes_of(circuit, "second", source="eyes")["second"]
    back = graph_circuit(circuit_graph(circuit), encoder=regular).circuit
    np.testing.assert_array_equal(spikes_of(back, "second", source="eyes")["second"], spikes)
    with pytest.raises(ValueError, match="norse has no delays, but projection on has one"):
        circuit_graph(circuit, dialect="norse")
    with pytest.raises(ValueError, match=r"projection on: its delay of 3 ms is no whole number of steps of 2 ms"):
        circuit_graph(circuit, dt=2 * ms)


def test_rules_are_refused_or_kept_as_text() -> None:
    circuit = chain()
    learning = dataclasses.replace(circuit.projections["up"], rule=stdp_pair)
    circuit = dataclasses.replace(circuit, projections={**circuit.projections, "up": learning})
    with pytest.raises(
        ValueError, match="projection up still learns by stdp_pair, and NIR has no plasticity; give circ"
    ):
        circuit_graph(circuit)
    rules = json.loads(str(circuit_graph(circuit, keep_rules=True).metadata["rules"]))
    assert rules["up"]["name"] == "stdp_pair"
    assert rules["up"]["on_post"] == stdp_pair.on_post
    assert rules["up"]["parameters"]["tau_plus"] == "20 ms"


def test_stochastic_and_continuous_circuits_are_refused_by_name_all_at_once() -> None:
    with pytest.raises(ValueError, match="NIR cannot say circuit soft_wta") as raised:
        circuit_graph(soft_wta(np.ones((4, 3))))
    for part in (
        "population output: a neuron escape_rate fires by chance",
        "population inhibition: a neuron log_sum_exp is none that NIR has",
        "projection feedforward still learns by softhebb",
        "projection excite is continuous",
    ):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lif, "a neuron lif loses at its reset what arrives in that step"),
        (lif_adaptive, "a neuron lif_adaptive has a threshold that moves"),
        (lif_unit.with_parameters(t_ref=2 * ms), "its refractory period is not 0, and NIR has none"),
        (poisson, "a neuron poisson is an encoder and has input"),
    ],
)
def test_neurons_that_nir_lacks(model: Any, message: str) -> None:
    receiving = dataclasses.replace(model, receive=model.receive or "rate_post += w*Hz")
    populations = {**chain().populations, "second": Population(model=receiving, size=6)}
    with pytest.raises(ValueError, match=f"population second.*{message}"):
        circuit_graph(dataclasses.replace(chain(), populations=populations))


def test_a_start_of_ones_own_is_refused() -> None:
    circuit = chain().with_state("first", v=0.5 * mV)
    with pytest.raises(ValueError, match="population first starts from v of its own, and NIR has no start but 0"):
        circuit_graph(circuit)


@pytest.mark.parametrize("name", ["spyx", "sinabs", "rockpool"])
def test_dialects_that_would_not_be_the_same_network(name: str) -> None:
    with pytest.raises(ValueError, match=f"dialect {name} is not offered: .* not be the same network"):
        circuit_graph(wta(), dialect=name)


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"there is no dialect 'nors'\. Did you mean 'norse'"):
        circuit_graph(wta(), dialect="nors")
    with pytest.raises(ValueError, match=r"no output 'outputs'\. Did you mean 'output'"):
        circuit_graph(wta(), output="outputs")
    with pytest.raises(ValueError, match="NIR: dt must be a time above 0, got 3"):
        circuit_graph(wta(), dt=3)


def test_what_a_simulator_cannot_say() -> None:
    def changed(**projections: Projection) -> Circuit:
        return dataclasses.replace(chain(), projections={**chain().projections, **projections})

    skip = Projection(pre="eyes", post="second", weights=np.ones((INPUTS, 6)))
    with pytest.raises(ValueError, match="only chains of layers are written, but first, second hear one population"):
        circuit_graph(changed(skip=skip), dialect="norse")
    driven = lif_unit.with_parameters(v_rest=0.5 * mV)
    circuit = dataclasses.replace(
        chain(), populations={**chain().populations, "second": Population(model=driven, size=6)}
    )
    with pytest.raises(ValueError, match="the constant current of population second, in layer 2, would begin at anoth"):
        circuit_graph(circuit, dialect="norse")
    circuit_graph(circuit)
    zero = Population(model=lif_unit.with_parameters(v_threshold=0 * mV), size=8)
    low = dataclasses.replace(chain(), populations={**chain().populations, "first": zero})
    with pytest.raises(ValueError, match="snntorch: population first has thresholds of 0 or below"):
        circuit_graph(low, dialect="snntorch")
    with pytest.raises(ValueError, match="norse reads what the last layer sends, and the output first is not in it"):
        circuit_graph(chain(), dialect="norse", output="first")
    alone = dataclasses.replace(
        chain(), projections={name: part for name, part in chain().projections.items() if name != "on"}
    )
    with pytest.raises(ValueError, match="norse: nothing reaches population second from the input eyes"):
        circuit_graph(alone, dialect="norse", output="first")
    two = dataclasses.replace(chain(), populations={**chain().populations, "ears": Population(model=regular, size=2)})
    with pytest.raises(ValueError, match="norse reads graphs with one input, and there are eyes, ears; join them"):
        circuit_graph(two, dialect="norse")
    with pytest.raises(ValueError, match="it has no input population"):
        circuit_graph(Circuit(name="none", populations={"a": Population(model=lif_unit, size=1)}, projections={}))


def test_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "net.nir").write_text("before")
    with pytest.raises(OSError, match="cannot write"):
        write_nir(circuit_graph(wta()), tmp_path / "missing" / "net.nir")
    assert [path.name for path in tmp_path.iterdir()] == ["net.nir"]


def test_the_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    with pytest.raises(RuntimeError, match=r"NIR files need the package nir .* pip install 'spikehebb\[nir\]'"):
        write_nir(circuit_graph(wta()), tmp_path / "net.nir")


def converted(*layers: Layer, **timing: Any) -> conversion.SpikingNetwork:
    rng = np.random.default_rng(1)
    network = Network(image_shape=(1, 8, 8), layers=layers)
    readout = rng.normal(size=(10, network.features)), rng.normal(size=10)
    model = Model(network=network, layers=training.start(network, 0), readout=readout)  # type: ignore[arg-type]
    return conversion.to_spiking(model, load("digits", "train")[:60], conversion.Timing(present_ms=30, **timing))


CONVERTED = {
    "dense": (Layer(units=12, batch_norm=False),),
    "strides": (Layer(units=5, kernel=3, stride=2), Layer(units=8)),
    "conv, average, dense": (Layer(units=5, kernel=3, pool=Pool(kind="average")), Layer(units=8)),
    "relu, conv, average": (
        Layer(units=4, kernel=3, activation="relu"),
        Layer(units=6, kernel=3, pool=Pool(kind="average", size=2, stride=1)),
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("layers", CONVERTED.values(), ids=CONVERTED)
def test_converted_networks_fire_identical_spikes_after_a_round_trip(layers: Any, tmp_path: Path) -> None:
    network = converted(*layers)
    write_nir(network_graph(network), tmp_path / "net.nir")
    imported = read_nir(tmp_path / "net.nir", encoder=encoder_of(network.timing))
    unrolled = conversion.unrolled(network)
    images = load("digits", "train")[60:63]
    stimuli = {"input": images.intensities().reshape(len(images), -1)}
    protocol = Protocol(stimuli=stimuli, duration=90 * ms, presentation=30 * ms)
    names = tuple(name for name, part in unrolled.populations.items() if part.model.threshold)
    ours, theirs = (simulate(circuit, protocol, record=names) for circuit in (unrolled, imported.circuit))
    for name in names:
        order = np.arange(np.prod(imported.shapes[name])).reshape(imported.shapes[name])
        order = order.transpose(1, 2, 0) if order.ndim == 3 else order  # here: row, column, channel
        original, read_back = ours.spikes[name], theirs.spikes[name]
        assert len(original) > 20
        assert sorted(zip(original.t / ms, order.ravel()[original.i], strict=True)) == list(
            zip(read_back.t / ms, read_back.i, strict=True)
        )
    assert network.readout is not None
    scale = network.stages[-1].gain * network.last_step * network.timing.dt_ms / 1000
    expected = ours.state["readout"]["u"] / scale + network.readout[1]
    np.testing.assert_allclose(theirs.state[imported.outputs["exit"]]["u"], expected, rtol=1e-6, atol=1e-9)


def test_the_convolution_means_the_same_in_plain_forward_euler() -> None:
    network = converted(*CONVERTED["conv, average, dense"])
    graph = network_graph(network)
    imported = graph_circuit(graph, encoder=encoder_of(network.timing))
    image = load("digits", "train")[60:61].intensities().reshape(1, -1)
    protocol = Protocol(stimuli={"input": image}, duration=30 * ms, presentation=30 * ms)
    names = ("input", "layer0", "pool0", "layer1")
    recording = simulate(imported.circuit, protocol, record=names)
    rasters = {}
    for name in names:
        rasters[name] = np.zeros((30, imported.circuit.populations[name].size))
        rasters[name][np.round(recording.spikes[name].t / ms).astype(int), recording.spikes[name].i] = 1
    theirs = nir_reference.run(graph, {"input": late(rasters["input"]).reshape(30, 1, 8, 8)}, 1e-3, 30)
    for name in names[1:]:
        np.testing.assert_array_equal(theirs[name].reshape(30, -1), rasters[name])


@pytest.mark.parametrize(
    ("layers", "timing", "message"),
    [
        ((Layer(units=6, exponent=2.0),), {}, "layer 0 fires by a power law, exponent 2, and NIR has exponent 1 only"),
        ((Layer(units=6, kernel=3, pool=Pool()),), {}, "layer 0 pools maxima, and NIR has no maximum"),
        ((Layer(units=6, kernel=3, padding=1),), {}, "layer 0 pads by reflection, and NIR's Conv2d with zeros"),
        ((Layer(units=6, pre_triangle=True),), {}, "layer 0 rectifies before it competes"),
        (
            (Layer(units=6, activation="softmax"),),
            {},
            "layer 0 hands on samples of a softmax, which are drawn by chance",
        ),
        ((Layer(units=6),), {"neurons": "stochastic"}, "its units fire by chance; convert it with integrate neurons"),
        ((Layer(units=6),), {"order": "in turn"}, "its layers listen first and fire later, in turn; convert it with"),
    ],
)
def test_converted_networks_that_nir_cannot_say(layers: Any, timing: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"NIR cannot say this network: .*{message}"):
        network_graph(converted(*layers, **timing))


def test_simulators_do_not_read_subtraction() -> None:
    with pytest.raises(ValueError, match="dialect norse cannot say a converted network: its units are reset by subtr"):
        network_graph(converted(Layer(units=6)), dialect="norse")


def test_the_readout_of_a_converted_network_adds_up_to_its_scores() -> None:
    """A neuron of the last layer that fires at its highest rate all the time adds one weight, and no other layer's."""
    network = spiking(NETWORK)[1]
    gains = [stage.gain for stage in network.stages]
    assert gains[0] != gains[-1]
    assert network.readout is not None
    weight, bias = network.readout
    node = network_graph(network).nodes["to_readout"]
    assert isinstance(node, Node)
    values = node.values
    seconds = network.last_step * network.timing.dt_ms / 1000
    np.testing.assert_allclose(values["weight"] * gains[-1] * seconds, weight)
    np.testing.assert_allclose(values["bias"] * network.timing.steps, bias)
