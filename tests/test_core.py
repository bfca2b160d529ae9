"""The values: checked when made, frozen, comparable."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, NeuronGroup, Synapses, ms, mV

from spikehebb.circuits import lif_wta, soft_wta, synapse_pair
from spikehebb.core import (
    Circuit,
    Images,
    NeuronModel,
    PlasticityRule,
    Population,
    Projection,
    Protocol,
    Spikes,
    digest,
)
from spikehebb.encoders import poisson, spike_source
from spikehebb.neurons import NEURONS, escape_rate, lif
from spikehebb.rules import RULES, stdp_pair


def a_rule(**changes: Any) -> PlasticityRule:
    fields: dict[str, Any] = {
        "name": "mine",
        "summary": "test",
        "reference": "test",
        "parameters": {"tau": 10 * ms, "eta": 0.1},
        "pre": "dx1/dt = -x1/tau : 1",
        "pre_spike": "x1 += 1",
        "on_post": "w += eta*x1_pre",
    }
    return PlasticityRule(**(fields | changes))


def test_a_rule_literal_that_is_right_is_accepted() -> None:
    assert a_rule().parameters["eta"] == 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"synapse": "v : 1"}, "rule mine has no weight"),
        ({"on_post": "w += eta*x2_pre"}, r"rule mine uses 'x2_pre', which nothing defines. Did you mean 'x1_pre'\?"),
        ({"on_post": "w += tau"}, "rule mine: units clash"),
        ({"pre": "dx1/dt = -x1 : 1"}, r"units clash: 'dx1/dt' must be a frequency"),
        ({"pre": "dx1/dt = -x1/tau"}, "Brian2 cannot read its equations"),
        ({"pre": "dt/dt = 1 : second"}, "Brian2 cannot read its equations"),
        ({"on_post": "w +="}, r"rule mine: Brian2 cannot read 'w \+='"),
        ({"on_post": "w += eta*nope"}, "uses 'nope', which nothing defines"),
    ],
)
def test_a_rule_literal_that_is_wrong_is_refused_when_made(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        a_rule(**changes)


def test_a_neuron_that_mixes_units_is_refused() -> None:
    with pytest.raises(ValueError, match="neuron bad: units clash"):
        NeuronModel(name="bad", summary="", equations="dv/dt = -v/tau : volt", parameters={"tau": 1 * mV})
    with pytest.raises(ValueError, match="neuron bad uses 'v_post', which nothing defines"):
        NeuronModel(name="bad", summary="", equations="u : 1", receive="v_post += w")


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        stdp_pair.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        stdp_pair.parameters["A_plus"] = 1  # type: ignore[index]
    weights = np.ones((2, 3))
    projection = Projection(pre="a", post="b", weights=weights)
    weights[0, 0] = 7
    assert projection.weights is not None
    assert projection.weights[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        projection.weights[0, 0] = 2


def test_digest_is_equal_for_equal_values_and_only_for_those() -> None:
    circuit = synapse_pair(stdp_pair, pairs=2)
    assert digest(circuit) == digest(synapse_pair(stdp_pair, pairs=2))
    others = [
        synapse_pair(stdp_pair, pairs=2, w=0.4),
        synapse_pair(stdp_pair.with_parameters(tau_plus=21 * ms), pairs=2),
        synapse_pair(stdp_pair, pairs=2, delay=1 * ms),
        circuit.frozen(),
    ]
    assert len({digest(value) for value in [circuit, *others]}) == 5
    with pytest.raises(TypeError, match="cannot be part of a value"):
        digest({"a": object()})


@pytest.mark.parametrize("value", [*RULES.values(), *NEURONS.values(), synapse_pair(stdp_pair)], ids=lambda v: v.name)
def test_values_can_be_pickled(value: Any) -> None:
    assert digest(pickle.loads(pickle.dumps(value))) == digest(value)  # noqa: S301


def test_frozen_drops_rules_and_what_only_they_had() -> None:
    circuit = soft_wta(np.ones((4, 3))).with_state("output", age=np.arange(3.0))
    frozen = circuit.frozen()
    assert all(projection.rule is None for projection in frozen.projections.values())
    assert dict(frozen.populations["output"].state) == {}
    assert circuit.projections["feedforward"].rule is not None


def test_a_circuit_refuses_what_does_not_fit() -> None:
    cell, source = Population(model=lif, size=2), Population(model=spike_source, size=3)

    def make(**projections: Projection) -> Circuit:
        return Circuit(name="c", populations={"a": source, "b": cell}, projections=projections)

    weights = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"there is no population 'bb'. Did you mean 'b'\?"):
        make(p=Projection(pre="a", post="bb", weights=weights))
    with pytest.raises(ValueError, match=r"weights must be \(3, 2\) \(pre, post\), got \(2, 3\)"):
        make(p=Projection(pre="a", post="b", weights=weights.T))
    with pytest.raises(ValueError, match="rule softhebb needs a variable 'u'"):
        make(p=Projection(pre="a", post="b", weights=weights, rule=RULES["softhebb"]))
    rule = a_rule(post="dv/dt = -v/tau : 1", post_spike="v += 1", on_pre="w += v_post")
    with pytest.raises(ValueError, match="population b gets 'v' twice, from neuron lif and from rule mine; rename one"):
        make(p=Projection(pre="a", post="b", weights=weights, rule=rule))
    with pytest.raises(ValueError, match=r"projection p: delay must be one time or \(3, 2\) \(pre, post\), got \(2,\)"):
        make(p=Projection(pre="a", post="b", weights=weights, delay=[1, 2] * ms))
    with pytest.raises(ValueError, match="dendritic_delay must be at least 0, got -1 ms"):
        Projection(pre="a", post="b", weights=weights, dendritic_delay=-1 * ms)
    with pytest.raises(ValueError, match="has no variable 'Z' to sum into"):
        make(p=Projection(pre="b", post="a", summed={"Z": "v_pre"}))
    with pytest.raises(ValueError, match="needs weights"):
        Projection(pre="a", post="b")
    with pytest.raises(ValueError, match="name a population and a projection"):
        make(a=Projection(pre="a", post="b", weights=weights))
    with pytest.raises(ValueError, match=r"has no variable 'vv' to start from. Did you mean 'v'"):
        make().with_state("b", vv=1)
    with pytest.raises(ValueError, match="has no projection 'q'"):
        make().with_weights(q=weights)


@pytest.mark.parametrize("size", [0, -5, 2.5])
def test_a_population_needs_a_size(size: Any) -> None:
    with pytest.raises(ValueError, match="size must be a whole number of at least 1"):
        Population(model=lif, size=size)


def test_images_are_checked() -> None:
    pixels, labels = np.zeros((3, 4, 4)), np.arange(3)
    assert len(Images(name="x", pixels=pixels, labels=labels)[:2]) == 2
    with pytest.raises(ValueError, match="3 images but 2 labels"):
        Images(name="x", pixels=pixels, labels=labels[:2])
    with pytest.raises(
        ValueError, match=r"between 0 and 1, or be bytes \(uint8\) from 0 to 255; got numbers from 2 to 2"
    ):
        Images(name="x", pixels=pixels + 2, labels=labels)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Images(name="x", pixels=pixels * np.nan, labels=labels)
    for shape in ((4, 4), (1, 1, 1, 4, 4), (0, 4, 4), (3, 0, 4, 4)):
        with pytest.raises(ValueError, match=r"pixels must be \(n, height, width\) or \(n, channels, height, width\)"):
            Images(name="x", pixels=np.zeros(shape), labels=np.zeros(shape[0]))
    with pytest.raises(ValueError, match="labels go up from 0, or are -1 for unlabelled; got -2"):
        Images(name="x", pixels=pixels, labels=labels - 2)
    assert Images(name="x", pixels=pixels, labels=labels - 1).labels.tolist() == [-1, 0, 1]


def test_images_keep_bytes_and_give_intensities() -> None:
    every = np.arange(256, dtype=np.uint8)
    images = Images(name="x", pixels=every.reshape(4, 1, 8, 8), labels=np.arange(4))
    assert images.pixels.dtype == np.uint8
    assert np.array_equal(images.intensities().ravel(), every.astype(np.float32) / 255)
    assert images.intensities().dtype == np.float32
    assert images.intensities(slice(1, 3)).shape == (2, 1, 8, 8)
    chosen = images.intensities(np.array([3, 0]))
    assert chosen[0, 0, -1, -1] == 1
    assert chosen[1, 0, 0, 0] == 0
    assert images[np.array([3, 0])].pixels[0].tolist() == images.pixels[3].tolist()
    with pytest.raises(ValueError, match="read-only"):
        images.pixels[0] = 1
    real = Images(name="x", pixels=np.full((2, 3, 3), 0.1), labels=np.zeros(2))
    assert real.pixels.dtype == np.float32
    assert np.array_equal(real.intensities(slice(1)), real.pixels[:1])


def test_images_tell_their_channels_and_are_not_copied_without_need() -> None:
    assert Images(name="x", pixels=np.zeros((2, 5, 5)), labels=np.zeros(2)).channels == 1
    pixels = np.zeros((2, 3, 5, 4), np.uint8)
    images = Images(name="x", pixels=pixels, labels=np.zeros(2))
    assert images.channels == 3
    assert not np.shares_memory(images.pixels, pixels), "what others can still write must be copied"
    pixels.flags.writeable = False
    assert Images(name="x", pixels=pixels, labels=np.zeros(2)).pixels is pixels


def test_spikes_are_sorted_and_checked() -> None:
    spikes = Spikes(i=np.array([3, 1, 2]), t=[2, 2, 1] * ms)
    assert spikes.i.tolist() == [2, 1, 3]
    with pytest.raises(ValueError, match="times must be a time"):
        Spikes(i=np.array([1]), t=np.array([1.0]))
    with pytest.raises(ValueError, match="finite and not negative"):
        Spikes(i=np.array([1]), t=[-1] * ms)


def test_a_protocol_is_checked() -> None:
    with pytest.raises(ValueError, match=r"duration must be a time, got 5 \(dimensionless\). Write 5\*ms."):
        Protocol(stimuli={}, duration=5)
    with pytest.raises(ValueError, match="without NaN"):
        Protocol(stimuli={"a": np.array([[np.nan]])}, duration=5 * ms)


def test_a_neuron_and_a_rule_drop_into_an_ordinary_brian2_script() -> None:
    cells = NeuronGroup(2, **lif.brian2())
    rule = a_rule(pre="", pre_spike="", parameters={"eta": 0.1}, on_post="w += eta")
    synapses = Synapses(cells, cells, **rule.brian2(receive="v_post += w*mV").synapses)
    synapses.connect()
    assert {path.prepost for path in synapses._pathways} == {"pre", "post"}
    one_sided = PlasticityRule(name="n", summary="s", reference="r", parameters={}, on_pre="w += 1")
    assert "on_post" not in one_sided.brian2().synapses


def test_parameters_of_neurons_are_checked_too() -> None:
    with pytest.raises(ValueError, match=r"neuron poisson has no parameter 'rate'. Did you mean 'max_rate'\?"):
        poisson.with_parameters(rate=3 * Hz)
    with pytest.raises(ValueError, match="temperature must be a number, got nan"):
        escape_rate.with_parameters(temperature=float("nan"))


def test_values_that_hold_arrays_are_themselves_alone() -> None:
    """They go into sets and dicts, and comparing two asks no array for its truth."""
    one, other = (Population(model=lif, size=2, state={"v": [0, 1] * mV}) for _ in range(2))
    assert len({one, other, one}) == 2
    assert one != other


def test_neurons_start_from_quantities_of_their_unit_or_numbers_of_it() -> None:
    circuit = lif_wta(np.eye(2))
    for start in (-60 * mV, [-0.06, -0.06]):
        state = circuit.with_state("output", v=start).populations["output"].state["v"]
        np.testing.assert_allclose(np.asarray(state), -0.06)
    with pytest.raises(ValueError, match=r"output starts from v = 20\. ms, which must be in volt, or a number"):
        circuit.with_state("output", v=20 * ms)
