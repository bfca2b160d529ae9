"""NIR files become circuits that mean NIR's equations; a stranger's file is checked before anything large is read."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from brian2 import ms

from spikehebb.circuits import lif_wta
from spikehebb.core import Projection, Protocol, digest
from spikehebb.encoders import spike_rows
from spikehebb.export import Graph, Node, circuit_graph, graph_circuit, load_graph, read_nir, write_nir
from spikehebb.rules import stdp_pair
from spikehebb.simulation import simulate
from tests import nir_reference

STEPS, DT = 60, 1e-3


def graph(nodes: dict[str, Any], *edges: tuple[str, str], **metadata: Any) -> Graph:
    return Graph(nodes=nodes, edges=edges, metadata={"dt": DT, **metadata})


def node(kind: str, **values: Any) -> Node:
    return Node(kind=kind, values={name: np.asarray(value) for name, value in values.items()})


def port(kind: str, *shape: int) -> Node:
    return node(kind, shape=shape)


def same_as_reference(made: Graph, *names: str, density: float = 0.2) -> Any:
    """Assert that the circuit's neurons do what plain forward Euler says, and return the recording."""
    rng = np.random.default_rng(8)
    imported = graph_circuit(made)
    shape = tuple(made.nodes["input"].values["shape"])  # type: ignore[union-attr]
    raster = (rng.random((STEPS, *shape)) < density).astype(float)
    trains = [np.flatnonzero(column) * ms for column in raster.reshape(STEPS, -1).T]
    protocol = Protocol(stimuli={"input": spike_rows(trains)}, duration=STEPS * ms)
    spiking = tuple(name for name in names if imported.circuit.populations[name].model.threshold)
    traces = tuple(f"{name}.v" for name in names if name not in spiking)
    recording = simulate(imported.circuit, protocol, record=("input", *spiking, *traces), dt=1 * ms)
    theirs = nir_reference.run(made, {"input": raster}, DT, STEPS)
    for name in spiking:
        ours = np.zeros((STEPS, imported.circuit.populations[name].size))
        ours[np.round(recording.spikes[name].t / ms).astype(int), recording.spikes[name].i] = 1
        assert ours.sum() > 10
        np.testing.assert_array_equal(ours, theirs[name].reshape(STEPS, -1))
    for name in names:
        if name not in spiking:
            np.testing.assert_allclose(recording.traces[f"{name}.v"], theirs[name].reshape(STEPS, -1), atol=1e-9)
    return recording, theirs, imported


def spread(low: float, high: float, *shape: int) -> Any:
    return np.random.default_rng(2).uniform(low, high, shape)


NEURONS = {
    "LIF": {"tau": spread(3e-3, 3e-2, 5), "r": spread(1, 20, 5), "v_leak": spread(-0.2, 0.5, 5)},
    "IF": {"r": spread(300, 900, 5)},
    "CubaLIF": {
        "tau_mem": spread(3e-3, 3e-2, 5),
        "tau_syn": spread(2e-3, 1e-2, 5),
        "r": spread(5, 20, 5),
        "v_leak": spread(-0.2, 0.5, 5),
        "w_in": spread(1, 3, 5),
    },
}


@pytest.mark.parametrize("kind", NEURONS)
def test_neurons_mean_forward_euler(kind: str) -> None:
    neurons = node(kind, **NEURONS[kind], v_threshold=spread(0.8, 1.5, 5), v_reset=spread(-0.5, 0.3, 5))
    made = graph(
        {
            "input": port("Input", 7),
            "in": node("Affine", weight=spread(0, 1, 5, 7), bias=spread(0, 0.2, 5)),
            "neurons": neurons,
            "back": node("Linear", weight=spread(-0.5, 0.2, 5, 5)),
            "output": port("Output", 5),
        },
        ("input", "in"),
        ("in", "neurons"),
        ("neurons", "back"),
        ("back", "neurons"),
        ("neurons", "output"),
    )
    same_as_reference(made, "neurons")


@pytest.mark.parametrize("kind", ["LI", "I"])
def test_integrators_are_readouts(kind: str) -> None:
    values = {"LI": {name: NEURONS["LIF"][name] for name in ("tau", "r", "v_leak")}, "I": NEURONS["IF"]}[kind]
    made = graph(
        {
            "input": port("Input", 7),
            "in": node("Linear", weight=spread(-1, 1, 5, 7)),
            "sums": node(kind, **values),
            "output": port("Output", 5),
        },
        ("input", "in"),
        ("in", "sums"),
        ("sums", "output"),
    )
    same_as_reference(made, "sums")


def convolution(**changes: Any) -> Node:
    values = {"weight": spread(-0.3, 1, 4, 1, 3, 2), "bias": spread(0, 0.1, 4), "groups": 2, "stride": [1, 2]}
    return node("Conv2d", **{**values, "padding": [1, 0], "dilation": [1, 2], **changes})


LINEAR: dict[str, tuple[dict[str, Node], tuple[int, ...]]] = {
    "convolution": ({"a": convolution()}, (4, 7, 3)),
    "padding same": ({"a": convolution(padding=np.array("same"), stride=[1, 1])}, (4, 7, 8)),
    "sums": ({"a": node("SumPool2d", kernel_size=[2, 3], stride=[2, 1], padding=[1, 0])}, (2, 4, 6)),
    "averages": ({"a": node("AvgPool2d", kernel_size=[3, 3], stride=[2, 2], padding=[1, 1])}, (2, 4, 4)),
    "flat": (
        {"a": node("Flatten", start_dim=0, end_dim=-1), "b": node("Linear", weight=spread(0, 0.1, 6, 112))},
        (6,),
    ),
    "scaled": ({"a": node("Scale", scale=spread(0.5, 1, 2, 7, 8))}, (2, 7, 8)),
}


@pytest.mark.first_is_quick
@pytest.mark.parametrize(("links", "shape"), LINEAR.values(), ids=LINEAR)
def test_linear_nodes(links: dict[str, Node], shape: tuple[int, ...]) -> None:
    links = {
        name: Node(kind=link.kind, values={**link.values, "padding": "same"})
        if str(link.values.get("padding")) == "same"
        else link
        for name, link in links.items()
    }
    names = list(links)
    neurons = node("IF", r=np.full(shape, 500.0), v_threshold=np.full(shape, 1.0))
    chain = ["input", *names, "neurons", "output"]
    made = graph(
        {"input": port("Input", 2, 7, 8), **links, "neurons": neurons, "output": port("Output", *shape)},
        *itertools.pairwise(chain),
    )
    _, _, imported = same_as_reference(made, "neurons")
    assert imported.shapes["neurons"] == shape


def test_several_inputs_add_up_and_weighted_outputs_are_counted() -> None:
    made = graph(
        {
            "input": port("Input", 4),
            "one": node("Linear", weight=spread(0, 1, 4, 4)),
            "two": node("Scale", scale=np.ones(4)),
            "neurons": node("IF", r=np.full(4, 700.0), v_threshold=np.ones(4)),
            "votes": node("Affine", weight=spread(-1, 1, 3, 4), bias=[0.1, 0.2, 0.3]),
            "output": port("Output", 3),
        },
        ("input", "one"),
        ("input", "two"),
        ("one", "neurons"),
        ("two", "neurons"),
        ("neurons", "votes"),
        ("votes", "output"),
    )
    recording, theirs, imported = same_as_reference(made, "neurons")
    assert imported.outputs == {"output": "output"}
    np.testing.assert_allclose(recording.state["output"]["u"], theirs["output"].sum(axis=0))


def lif(size: int, **changes: Any) -> Node:
    values = {"tau": 5e-3, "r": 8.0, "v_leak": 0.0, "v_threshold": 1.0, **changes}
    return node("LIF", **{name: np.full(size, value) for name, value in values.items()})


def weights(post: int, pre: int, low: float = 0.0, high: float = 1.0) -> Node:
    return node("Linear", weight=spread(low, high, post, pre))


def ended(*edges: tuple[str, str], **nodes: Node) -> Graph:
    """Return a graph whose output is b."""
    ports = {"input": port("Input", 6), "output": port("Output", 4)}
    return graph({**ports, **nodes}, *edges, ("b", "output"))


CHAIN = (("input", "to_a"), ("to_a", "a"), ("a", "to_b"), ("to_b", "b"))
TIMING: dict[str, Graph] = {
    "a loop of two layers": ended(
        *CHAIN,
        ("b", "back"),
        ("back", "a"),
        a=lif(5),
        b=lif(4),
        to_a=weights(5, 6),
        to_b=weights(4, 5),
        back=weights(5, 4, -0.6, 0),
    ),
    "a connection that skips a layer": ended(
        *CHAIN,
        ("input", "skip"),
        ("skip", "b"),
        a=lif(5),
        b=lif(4),
        to_a=weights(5, 6),
        to_b=weights(4, 5),
        skip=weights(4, 6, -0.2, 0.5),
    ),
    "constant input": ended(
        *CHAIN,
        a=lif(5, v_leak=0.7),
        b=lif(4, v_leak=0.4),
        to_a=node("Affine", weight=spread(0, 0.3, 5, 6), bias=spread(0, 0.1, 5)),
        to_b=weights(4, 5),
    ),
    "delays": ended(
        *CHAIN[:-2],
        ("a", "later"),
        ("later", "to_b"),
        ("to_b", "b"),
        ("b", "back"),
        ("back", "slow"),
        ("slow", "a"),
        a=lif(5),
        b=lif(4, v_leak=0.3),
        to_a=weights(5, 6),
        to_b=weights(4, 5),
        back=weights(5, 4, -0.6, 0),
        later=node("Delay", delay=np.full(5, 2e-3)),
        slow=node("Delay", delay=np.full(5, 3e-3)),
    ),
    "integrators with a threshold": ended(
        *CHAIN[:1],
        ("to_a", "sums"),
        ("sums", "a"),
        ("a", "taken"),
        ("taken", "sums"),
        *CHAIN[2:],
        sums=node("I", r=np.full(5, 900.0)),
        a=node("Threshold", threshold=np.ones(5)),
        taken=node("Scale", scale=np.full(5, -0.9)),
        b=node(
            "CubaLIF",
            **{name: np.ravel(value)[:4] for name, value in NEURONS["CubaLIF"].items()},
            v_threshold=np.ones(4),
        ),
        to_a=weights(5, 6),
        to_b=weights(4, 5),
    ),
}


@pytest.mark.first_is_quick
@pytest.mark.parametrize("made", TIMING.values(), ids=TIMING)
def test_time_is_as_in_simulators_of_the_format(made: Graph, tmp_path: Path) -> None:
    """Within a step layers act one after the other; loops close a step later; what is read leaves as the same graph."""
    _, theirs, imported = same_as_reference(made, "a", "b")
    write_nir(circuit_graph(imported.circuit, dt=imported.dt), tmp_path / "again.nir")
    again = load_graph(tmp_path / "again.nir")
    raster = theirs["input"]
    np.testing.assert_array_equal(nir_reference.run(again, {"input": raster}, DT, STEPS)["b"], theirs["b"])
    read = graph_circuit(again).circuit
    assert {name: p.within_step for name, p in read.projections.items()} == {
        name: p.within_step for name, p in imported.circuit.projections.items()
    }


def test_what_closes_a_loop_without_a_first_is_refused() -> None:
    circuit = graph_circuit(TIMING["a loop of two layers"]).circuit
    projections = {
        name: dataclasses.replace(projection, within_step=True) for name, projection in circuit.projections.items()
    }
    with pytest.raises(
        ValueError, match=r"projections within a step \(.*b_to_a.*\) form a cycle, in which nobody fires"
    ):
        dataclasses.replace(circuit, projections=projections)


def test_within_a_step_spikes_go_through_fixed_weights() -> None:
    with pytest.raises(ValueError, match="within_step is for spikes through fixed weights; leave out its rule"):
        Projection(pre="a", post="b", weights=np.ones((1, 1)), rule=stdp_pair, within_step=True)


INTEGRATING: dict[str, dict[str, Any]] = {
    "LI": {name: NEURONS["LIF"][name] for name in ("tau", "r", "v_leak")},
    "I": NEURONS["IF"],
    "CubaLI": NEURONS["CubaLIF"],
}


@pytest.mark.parametrize("kind", [*NEURONS, *INTEGRATING])
def test_every_kind_that_is_read_is_written(kind: str) -> None:
    spiking = kind in NEURONS
    own = {"v_threshold": spread(0.8, 1.5, 5), "v_reset": spread(-0.5, 0.3, 5)} if spiking else {}
    made = graph(
        {
            "input": port("Input", 7),
            "in": node("Affine", weight=spread(0, 1, 5, 7), bias=spread(0, 0.2, 5)),
            "neurons": node(kind, **(NEURONS | INTEGRATING)[kind], **own),
            "output": port("Output", 5),
        },
        ("input", "in"),
        ("in", "neurons"),
        ("neurons", "output"),
    )
    again = circuit_graph(graph_circuit(made).circuit)
    neurons = again.nodes["neurons"]
    assert isinstance(neurons, Node)
    assert neurons.kind == kind
    raster = (np.random.default_rng(1).random((STEPS, 7)) < 0.3).astype(float)
    one, other = (nir_reference.run(each, {"input": raster}, DT, STEPS)["neurons"] for each in (made, again))
    np.testing.assert_allclose(one, other, atol=1e-12)
    assert np.any(one)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_single_numbers_count_for_the_whole_layer(shape: tuple[int, ...]) -> None:
    single = {"tau": 5e-3, "r": 8.0, "v_leak": 0.1, "v_threshold": 1.0}
    made = ended(
        *CHAIN,
        a=node("LIF", **{name: np.full(shape, value) for name, value in single.items()}),
        b=lif(4),
        to_a=weights(5, 6),
        to_b=weights(4, 5),
    )
    _, _, imported = same_as_reference(made, "b")
    assert imported.circuit.populations["a"].size == 5


def test_single_numbers_without_a_size_are_refused() -> None:
    made = graph(
        {"input": port("Input", 2), "a": lif(1), "s": node("Scale", scale=1.0), "output": port("Output", 2)},
        ("a", "s"),
        ("s", "a"),
        ("input", "output"),
    )
    with pytest.raises(
        ValueError, match="NIR node a: its values are single numbers, and nothing before it says for how"
    ):
        graph_circuit(made)


def test_convolutions_along_a_line() -> None:
    made = graph(
        {
            "input": port("Input", 2, 9),
            "link": node(
                "Conv1d",
                weight=spread(-0.3, 1, 4, 1, 3),
                bias=spread(0, 0.1, 4),
                groups=2,
                stride=2,
                padding=1,
                dilation=2,
            ),
            "neurons": node("IF", r=np.full((4, 4), 500.0), v_threshold=np.ones((4, 4))),
            "output": port("Output", 4, 4),
        },
        *itertools.pairwise(["input", "link", "neurons", "output"]),
    )
    _, _, imported = same_as_reference(made, "neurons")
    assert imported.shapes["neurons"] == (4, 4)
    with pytest.raises(ValueError, match=r"a Conv1d takes \(channels, length\), but \(6,\) arrives"):
        graph_circuit(graph({**made.nodes, "input": port("Input", 6)}, *made.edges))


def test_times_in_single_precision_are_what_they_were() -> None:
    """With beta = 0 tau is one step, of which single precision makes a little less."""
    exact = ended(*CHAIN, a=lif(5, tau=DT), b=lif(4), to_a=weights(5, 6), to_b=weights(4, 5))
    tau = np.full(5, np.float32(DT), np.float64)
    assert tau[0] != DT
    a = exact.nodes["a"]
    assert isinstance(a, Node)
    rounded = graph({**exact.nodes, "a": Node(kind="LIF", values={**a.values, "tau": tau})}, *exact.edges)
    parameters = [graph_circuit(each).circuit.populations["a"].model.parameters for each in (exact, rounded)]
    assert parameters[0]["tau"] == parameters[1]["tau"] == 1 * ms


def test_files_of_the_official_package_are_read(tmp_path: Path) -> None:
    ones = np.ones(3)
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([3])}),
            "lif": nir.LIF(tau=0.02 * ones, r=ones, v_leak=0 * ones, v_threshold=ones),
            "w": nir.Linear(weight=np.eye(3)),
            "output": nir.Output({"output": np.array([3])}),
        },
        edges=[("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")],
    )
    outer = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([2])}),
            "3 weights": nir.Affine(weight=np.ones((3, 2)), bias=np.zeros(3)),
            "net": inner,
            "output": nir.Output({"output": np.array([3])}),
        },
        edges=[("input", "3 weights"), ("3 weights", "net"), ("net", "output")],
    )
    nir.write(tmp_path / "net.nir", outer)
    with pytest.raises(ValueError, match=r"the NIR graph does not say its time step; give it, as in dt=1\*ms"):
        read_nir(tmp_path / "net.nir")
    imported = read_nir(tmp_path / "net.nir", dt=0.5 * ms)
    assert list(imported.circuit.populations) == ["input", "net_lif"]
    assert sorted(imported.circuit.projections) == ["input_to_net_lif", "net_lif_to_net_lif"]
    assert imported.outputs == {"output": "net_lif"}
    assert float(imported.dt) == 5e-4


# ---- bad graphs

LIF = {"tau": [0.02] * 3, "r": [1.0] * 3, "v_leak": [0.0] * 3, "v_threshold": [1.0] * 3}
GOOD = {
    "input": port("Input", 2),
    "w": node("Linear", weight=np.ones((3, 2))),
    "n": node("LIF", **LIF),
    "output": port("Output", 3),
}
EDGES = (("input", "w"), ("w", "n"), ("n", "output"))


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ({"input": port("Input", 5)}, EDGES, r"NIR node w: its weights take \(2,\), but \(5,\) arrives"),
        ({"output": port("Output", 4)}, EDGES, r"NIR node output: Output has shape \(4,\), but \(3,\) arrives"),
        ({}, (("input", "w"), ("n", "output")), "NIR node n: nothing leads to this LIF; connect or remove it"),
        ({}, (("w", "n"), ("n", "output")), "NIR node w: nothing leads to it; connect or remove it"),
        ({}, (*EDGES, ("n", "input")), "NIR node input: an Input hears nothing, but n leads to it"),
        (
            {"a": node("Scale", scale=[1.0]), "b": node("Scale", scale=[1.0])},
            (*EDGES, ("a", "b"), ("b", "a"), ("a", "n")),
            "NIR node [ab]: weights lead back to themselves without a neuron in between",
        ),
        (
            {"d": node("Delay", delay=[1e-3, 2e-3])},
            (("input", "d"), ("d", "w"), *EDGES[1:]),
            "delays must be one whole",
        ),
        ({"d": node("Delay", delay=[4e-4])}, (("input", "d"), ("d", "w"), *EDGES[1:]), "delays must be one whole"),
        (
            {"n": node("LIF", **{**LIF, "tau": [1e-4] * 3})},
            EDGES,
            "tau of 0.1 ms is shorter than the time step of 1 ms",
        ),
        (
            {"n": node("Threshold", threshold=[1.0] * 3)},
            EDGES,
            r"a Threshold is read behind an I .* hears w \(Linear\)",
        ),
        ({"input": port("Input", 20_000_000)}, EDGES, "are more than 10,000,000 neurons; refused"),
        ({"c": convolution()}, (*EDGES, ("input", "c"), ("c", "n")), r"takes \(channels, height, width\), but \(2,\)"),
        ({"s": node("Scale", scale=[1.0] * 5)}, (*EDGES, ("n", "s"), ("s", "n")), r"its values have shape \(5,\), but"),
        ({"v": node("Linear", weight=np.ones((4, 2)))}, (*EDGES, ("input", "v"), ("v", "n")), "has several shapes: w"),
    ],
)
def test_graphs_that_do_not_fit(nodes: Any, edges: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph_circuit(graph({**GOOD, **nodes}, *edges))


IMAGE = {"input": port("Input", 2, 7, 8), "output": port("Output", 4, 7, 3)}


@pytest.mark.parametrize(
    ("link", "message"),
    [
        (convolution(groups=1), r"weights \(4, 1, 3, 2\) with 1 groups do not fit 2 channels"),
        (convolution(input_shape=[9, 9]), r"its input_shape is \(9, 9\), but \(7, 8\) arrives"),
        (convolution(dilation=[9, 9]), "its kernel reaches over 19, but the padded input has 9"),
        (Node(kind="Conv2d", values={**convolution().values, "padding": "same"}), "padding same needs stride 1, got 2"),
        (node("Flatten", start_dim=0, end_dim=5), "start_dim 0 and end_dim 5 do not fit"),
        (node("Flatten", start_dim=0, end_dim=-1, input_type=[3, 3]), r"its input_type is \(3, 3\), but \(2, 7, 8\)"),
    ],
)
def test_images_that_do_not_fit(link: Node, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph_circuit(graph({**IMAGE, "link": link}, ("input", "link"), ("link", "output")))


def test_too_many_connections_are_refused_before_they_are_built() -> None:
    wide = convolution(weight=np.ones((4, 1, 500, 500)), stride=[1, 1], padding=[250, 250], dilation=[1, 1])
    made = graph(
        {"input": port("Input", 2, 600, 600), "link": wide, "output": port("Output", 4, 601, 601)},
        ("input", "link"),
        ("link", "output"),
    )
    with pytest.raises(ValueError, match="it would have 361,201,000,000 connections, and at most 50,000,000 are built"):
        graph_circuit(made)


# ---- bad files


def file(path: Path, change: Callable[[Any], None]) -> Path:
    """Write a good file and change it."""
    ones = np.ones(3)
    made = nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([2])}),
            "w": nir.Linear(weight=np.ones((3, 2))),
            "n": nir.LIF(tau=0.02 * ones, r=ones, v_leak=0 * ones, v_threshold=ones),
            "output": nir.Output({"output": np.array([3])}),
        },
        edges=[("input", "w"), ("w", "n"), ("n", "output")],
    )
    nir.write(path, made)
    with h5py.File(path, "r+") as content:
        change(content["node"])
    return path


def put(name: str, value: Any, **options: Any) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        if name in root:
            del root[name]
        root.create_dataset(name, data=value, **options)

    return change


def drop(name: str) -> Callable[[Any], None]:
    return lambda root: root.__delitem__(name)


def link(name: str, value: Any) -> Callable[[Any], None]:
    return lambda root: root.__setitem__(name, value)


def huge(root: Any) -> None:
    del root["nodes/w/weight"]
    root.create_dataset("nodes/w/weight", shape=(1 << 20, 1 << 12), dtype="f8", chunks=(64, 64))


def crowd(root: Any) -> None:
    for number in range(10_001):
        root["nodes"].create_group(f"x{number}")


def deep(root: Any) -> None:
    for _ in range(40):
        root = root.create_group("nodes/deeper") if "nodes" not in root else root["nodes"].create_group("deeper")


def doubled(root: Any) -> None:
    put("edges", [("input", "w"), ("input", "w")])(root)


WORD = {"dtype": h5py.string_dtype()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("nodes"), "a graph has 'nodes' and 'edges', and one is missing"),
        (drop("edges"), "a graph has 'nodes' and 'edges', and one is missing"),
        (drop("nodes/n"), "edge w -> n dangles, there is no node 'n'"),
        (put("edges", [("input", "ww")]), "edge input -> ww dangles, there is no node 'ww'. Did you mean 'w'"),
        (doubled, "edge input -> w is there twice"),
        (put("edges", np.ones((3, 3))), r"edges must be pairs of names, at most 100,000, got shape \(3, 3\)"),
        (drop("nodes/output"), "edge n -> output dangles"),
        (put("nodes/output/type", "Input", **WORD), "it has no Output node, and a graph needs one"),
        (put("nodes/n/type", "Izhikevich", **WORD), "node n: type 'Izhikevich' is not read"),
        (put("nodes/n/type", "LIFF", **WORD), "node n: type 'LIFF' is not read. Did you mean 'LIF'"),
        (put("nodes/n/type", 3), "node n: it has no 'type', which must be a word"),
        (put("type", "LIF", **WORD), "it must be a NIRGraph, but is 'LIF'"),
        (drop("nodes/n/tau"), "node n: a LIF needs tau, and there is none"),
        (put("nodes/n/tau", [0.02, np.nan, 0.02]), "node n: tau holds numbers that are not finite"),
        (put("nodes/n/r", [1, np.inf, 1]), "node n: r holds numbers that are not finite"),
        (put("nodes/n/tau", [0.02, -1, 0.02]), "node n: tau must be a time above 0, got -1"),
        (put("nodes/n/tau", [0.02] * 4), r"node n: all values of a LIF need one shape, got tau \(4,\), r \(3,\)"),
        (put("nodes/n/tau", "long", **WORD), "node n: tau must hold numbers, got object"),
        (put("nodes/w/weight", np.ones(6)), r"node w: weight must have 2 dimensions, got shape \(6,\)"),
        (put("nodes/w/weight", np.ones((0, 2))), r"node w: weight has shape \(0, 2\)"),
        (put("nodes/w/weight", np.ones((3, 2), complex)), "node w: weight must hold numbers, got complex128"),
        (put("nodes/input/shape", [-2]), r"node input: shape must be whole numbers of at least 1, got \[-2\]"),
        (put("nodes/input/shape", [2.5]), r"node input: shape must be whole numbers of at least 1, got \[2.5\]"),
        (put("nodes/x", 3), "node 'x' is no group"),
        (huge, r"with node/nodes/w/weight, of shape \(1048576, 4096\), its arrays would take more than 256 MiB"),
        (crowd, "node/nodes has 10,005 members, and at most 10,000 are read"),
        (deep, "lies deeper than any graph; refused"),
        (link("nodes/x", h5py.ExternalLink("/etc/passwd", "/")), "node/nodes/x is a link to elsewhere; refused"),
        (lambda root: root["nodes"].__setitem__("x", root), "node/nodes/x is there under another name, too; refused"),
        (link("nodes/x", h5py.SoftLink("/node")), "node/nodes/x is a link to elsewhere; refused"),
        (put("nodes/w/bias", [1.0], external=[("other.bin", 0, 8)]), "keeps its data in another file; refused"),
    ],
)
def test_a_strangers_file_is_refused_in_one_sentence(
    change: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message) as raised:
        load_graph(file(tmp_path / "net.nir", change))
    assert "net.nir" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_files_that_are_no_nir(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no NIR file"):
        load_graph(tmp_path / "none.nir")
    (tmp_path / "text.nir").write_text("nir")
    with pytest.raises(ValueError, match=r"it is not HDF5\. Give a file that nir.write has written"):
        load_graph(tmp_path / "text.nir")
    with h5py.File(tmp_path / "other.h5", "w") as content:
        content["x"] = 1
    with pytest.raises(ValueError, match="is HDF5, but no NIR file: it has no group 'node'"):
        load_graph(tmp_path / "other.h5")
    whole = file(tmp_path / "net.nir", lambda root: None).read_bytes()
    for length in (len(whole) // 3, len(whole) - 8, 600):
        (tmp_path / "cut.nir").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"is damaged|no NIR file"):
            load_graph(tmp_path / "cut.nir")


def test_metadata_that_is_no_text_or_number_is_left_alone(tmp_path: Path) -> None:
    def change(root: Any) -> None:
        root.create_group("metadata/inner")
        put("metadata/table", np.ones(3))(root)
        put("metadata/dt", 1e-3)(root)
        put("metadata/bad", np.nan)(root)

    assert load_graph(file(tmp_path / "net.nir", change)).metadata == {"dt": 1e-3}


@pytest.mark.parametrize("padding", ["reflect", "same"])
def test_padding_is_numbers_or_two_words(padding: str, tmp_path: Path) -> None:
    def change(root: Any) -> None:
        del root["nodes/w"]
        group = root.create_group("nodes/w")
        group.create_dataset("type", data="Conv2d", **WORD)
        group.create_dataset("padding", data=padding, **WORD)
        for name, value in {"weight": np.ones((3, 2, 1, 1)), "bias": np.ones(3), "groups": 1}.items():
            group[name] = value
        group["stride"] = group["dilation"] = [1, 1]

    if padding == "same":
        node: Any = load_graph(file(tmp_path / "net.nir", change)).nodes["w"]
        assert node.values["padding"] == "same"
        return
    with pytest.raises(ValueError, match="node w: padding must be numbers, same or valid, got 'reflect'"):
        load_graph(file(tmp_path / "net.nir", change))


def test_our_own_files_carry_a_checksum(tmp_path: Path, rng: np.random.Generator) -> None:
    """Whatever bit flips, the file is refused or says the same; files of others are read without one."""
    path = tmp_path / "net.nir"
    write_nir(circuit_graph(lif_wta(np.eye(3)), dt=1 * ms), path)
    graph, whole = load_graph(path), path.read_bytes()
    refused = 0
    for place in rng.choice(len(whole), 150, replace=False):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(rng.integers(8))]) + whole[place + 1 :])
        try:
            assert digest(load_graph(path)) == digest(graph)
        except ValueError:
            refused += 1
    assert refused > 10
    half = len(whole) // 2
    path.write_bytes(whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :])
    with pytest.raises(ValueError, match=r"net.nir is damaged: its content is not what its checksum says"):
        load_graph(path)
    path.write_bytes(whole[: whole.rindex(b"\nspikehebb")])
    assert digest(load_graph(path)) == digest(graph)
    nir.read(path)


def test_what_is_not_stored_takes_no_memory(tmp_path: Path) -> None:
    """Unwritten chunks of bytes would be 640 MB as bytes, and 5 GB as numbers."""

    def change(root: Any) -> None:
        del root["nodes/w/weight"]
        root["nodes/w"].create_dataset("weight", shape=(20_000, 32_000), dtype="i1", chunks=(1000, 1000))

    path = file(tmp_path / "net.nir", change)
    assert path.stat().st_size < 50_000
    with pytest.raises(ValueError, match=r"its arrays would take more than 25. MiB, which is the most for a file"):
        load_graph(path)


def test_names_that_would_move_the_cursor(tmp_path: Path) -> None:
    def change(root: Any) -> None:
        root["nodes"].move("n", "n\x1b[31m" + "x" * 5000)

    with pytest.raises(ValueError, match="there is no node 'n'") as error:
        load_graph(file(tmp_path / "net.nir", change))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 600
    with pytest.raises(ValueError, match="an edge names a node with 2,000 letters; refused"):
        load_graph(file(tmp_path / "other.nir", put("edges", [("input", "w" * 2000)])))


def test_nodes_whose_names_differ_in_signs_only_have_populations_of_their_own() -> None:
    fire = node("IF", r=np.full(2, 500.0), v_threshold=np.ones(2), v_reset=np.zeros(2))
    nodes = {"input": port("Input", 2), "n-1": fire, "n.1": fire, "n_1": fire, "output": port("Output", 2)}
    nodes |= {f"w{number}": node("Linear", weight=np.eye(2)) for number in range(3)}
    chain = ("input", "w0", "n-1", "w1", "n.1", "w2", "n_1", "output")
    names = list(graph_circuit(graph(nodes, *itertools.pairwise(chain))).circuit.populations)
    assert names == ["input", "n_1", "n_1_2", "n_1_3"]
