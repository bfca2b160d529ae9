"""Several learning rules at a population, and delays on either side: each synapse equals the oracle of its rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikehebb import devices
from spikehebb.core import Circuit, Float, NeuronModel, PlasticityRule, Population, Projection, Protocol, replicas
from spikehebb.devices import NUMPY, Device
from spikehebb.encoders import modulated_source, regular, spike_rows, spike_source
from spikehebb.export import plain, schema
from spikehebb.export.parts import parts_of
from spikehebb.hardware import TARGETS, check, constrain
from spikehebb.metrics import footprint
from spikehebb.neurons import lif_unit
from spikehebb.rules import RULES, stdp_pair
from spikehebb.simulation import simulate
from spikehebb.simulation.plan import assemble
from tests.oracles import SPIKE_ORACLES, Times

SIZE, DT, DURATION = 2, 0.5 * ms, 150 * ms
ON_GPU = ("first", "each", "centred", "dendrite", "dendrites")  # which takes long to compile
LATE = np.array([[0.0, 1.0], [3.0, 2.5]]) * ms
# One projection for each way of sharing a neuron: the same rule and others onto b, from a to b and to c, twice with two
# delays, within a population, with a name on both sides (vogels has tau there), delays of either side and each synapse.
WIRING: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "first": ("a", "b", "stdp_pair", {}),
    "later": ("a", "b", "stdp_pair", {"delay": 2 * ms}),
    "other": ("a", "b", "triplet_hc_full", {"delay": 2 * ms}),
    "branch": ("a", "c", "stdp_pair", {}),
    "joining": ("c", "b", "stdp_multiplicative", {}),
    "recurrent": ("a", "a", "vogels", {"delay": 1 * ms}),
    "each": ("a", "b", "stdp_pair", {"delay": LATE}),
    "centred": ("a", "b", "stdp_nearest_pre_centred", {"delay": LATE}),
    "dendrite": ("a", "b", "stdp_nearest_symmetric", {"delay": 1 * ms, "dendritic_delay": 3 * ms}),
    "dendrites": ("c", "b", "vogels", {"delay": LATE, "dendritic_delay": LATE[::-1]}),
}


def projections(w: float = 0.5) -> dict[str, Projection]:
    weights = np.full((SIZE, SIZE), w)
    return {
        name: Projection(pre=pre, post=post, weights=weights, rule=RULES[rule], **delays)
        for name, (pre, post, rule, delays) in WIRING.items()
    }


def circuit_of(wiring: dict[str, Projection]) -> Circuit:
    sources = {name: Population(model=spike_source, size=SIZE) for name in "abc"}
    return Circuit(name="shared", populations=sources, projections=wiring)


def trains(seed: int = 5) -> dict[str, list[Times]]:
    """Spikes on the time grid, so that some coincide, also after delays, and the last of them arrive in time."""
    rng = np.random.default_rng(seed)
    slots = np.arange(1, 280)
    drawn = {name: [np.sort(rng.choice(slots, 30, replace=False)) for _ in range(SIZE)] for name in "abc"}
    return {name: [np.asarray(5e-4 * train, np.float64) for train in each] for name, each in drawn.items()}


def protocol_of(spikes: dict[str, list[Times]]) -> Protocol:
    rows = {name: spike_rows([train * second for train in each]) for name, each in spikes.items()}
    return Protocol(stimuli=rows, duration=DURATION)


def expected(projection: Projection, spikes: dict[str, list[Times]], w: float = 0.5) -> Float:
    """The oracle of each synapse, given the spikes as they come there."""
    rule = projection.rule
    assert rule is not None
    shape = (SIZE, SIZE)
    before, after = (np.broadcast_to(np.asarray(d), shape) for d in (projection.delay, projection.dendritic_delay))
    found = np.zeros(shape)
    for i, j in np.ndindex(shape):
        pre, post = spikes[projection.pre][i] + before[i, j], spikes[projection.post][j] + after[i, j]
        found[i, j] = SPIKE_ORACLES[rule.name](pre, post, w, rule.parameters)
    return found


@pytest.mark.long
def test_each_projection_equals_the_oracle_of_its_rule(device: Device) -> None:
    spikes, wiring = trains(), projections()
    wiring = {name: wiring[name] for name in (ON_GPU if devices.on_gpu(device) else WIRING)}
    recording = simulate(circuit_of(wiring), protocol_of(spikes), device=device, dt=DT)
    for name, projection in wiring.items():
        reference = expected(projection, spikes)
        assert np.all(np.abs(reference - 0.5) > 1e-4), f"{name} must learn"
        np.testing.assert_allclose(recording.weights[name], reference, rtol=1e-12, atol=1e-14, err_msg=name)


def test_names_are_plain_until_two_projections_claim_one() -> None:
    wiring = projections()
    alone = circuit_of({"first": wiring["first"], "branch": wiring["branch"]})
    assert alone.names("first", "post") == {"tau_minus": "tau_minus", "y1": "y1"}
    assert alone.names("first", "pre") == {"tau_plus": "tau_plus_of_first", "x1": "x1_of_first"}
    within = circuit_of({"recurrent": wiring["recurrent"]})
    assert within.names("recurrent", "pre") == {"tau": "tau_pre_of_recurrent", "x1": "x1"}
    assert within.names("recurrent", "post") == {"tau": "tau_post_of_recurrent", "y1": "y1"}
    assert circuit_of({"each": wiring["each"]}).names("each", "pre") == {}
    reads = PlasticityRule(name="reads", summary="", reference="", parameters={"x1": 0.1}, on_pre="w += x1")
    both = circuit_of(
        {"first": wiring["first"], "r": Projection(pre="a", post="c", weights=np.ones((2, 2)), rule=reads)}
    )
    assert both.names("first", "pre")["x1"] == "x1_of_first", "a synapse of r reads an x1 of its own"


def test_state_and_recorded_variables_have_the_names_of_the_circuit() -> None:
    wiring = {name: projections()[name] for name in ("first", "branch", "each")}
    scaling = RULES["synaptic_scaling"]  # whose trace outlives presentations
    wiring |= {
        n: Projection(pre=n[0], post="b", weights=np.ones((2, 2)), rule=scaling) for n in ("a_scaled", "c_scaled")
    }
    start = circuit_of(wiring).with_state("b", rate_mean_of_a_scaled=[5, 10] * Hz)
    silent = protocol_of({name: [np.zeros(0)] * SIZE for name in "abc"})
    recording = simulate(start, silent, dt=DT, record=["b.rate_mean_of_a_scaled", "each.x1_arrived"], every=100)
    decay = np.exp(-DT / scaling.parameters["tau_rate"])
    np.testing.assert_allclose(recording.traces["b.rate_mean_of_a_scaled"][0], np.array([5, 10]) * decay, rtol=1e-12)
    assert recording.traces["each.x1_arrived"].shape == (3, SIZE * SIZE)
    assert set(recording.state["a"]) == {"k", "x1_of_first", "x1_of_branch"}
    assert not recording.state["b"]["rate_mean_of_c_scaled"].any()
    with pytest.raises(ValueError, match=r"no variable 'x1' to start from. \(k, tau_plus_of_first, x1_of_first,"):
        circuit_of(wiring).with_state("a", x1=1.0)


def test_traces_in_synapses_count_there() -> None:
    each, whole = (footprint(circuit_of({name: projections()[name]})) for name in ("each", "first"))
    assert each.synapse_state - whole.synapse_state == SIZE * SIZE * 4
    assert whole.neuron_state - each.neuron_state == SIZE * 4


@pytest.mark.long
def test_replicas_differ_in_the_parameters_of_one_projection() -> None:
    """Of a rule that another projection has, too; delays of each synapse are those of all."""
    spikes = trains()
    wiring = {name: projections()[name] for name in ("first", "branch", "each", "recurrent", "dendrite")}
    circuit, taus = circuit_of(wiring), [10, 30] * ms
    values = {"first.tau_plus": taus, "each.tau_plus": taus, "each.tau_minus": taus, "recurrent.tau": taus}
    copies = replicas(circuit, 2, parameters=values)
    together = simulate(copies, protocol_of(spikes), dt=DT)
    for copy in range(2):
        for name, projection in copies.replica(copy).projections.items():
            np.testing.assert_allclose(
                together.replica(copy).weights[name], expected(projection, spikes), rtol=1e-12, err_msg=name
            )


def test_other_delays_need_no_new_program() -> None:
    spikes, wiring = protocol_of(trains()), projections()
    other = wiring | {"each": Projection(pre="a", post="b", weights=np.ones((2, 2)), rule=stdp_pair, delay=2 * LATE)}
    one, two = (assemble(circuit_of(each), spikes, dt=DT) for each in (wiring, other))
    assert one == two


def test_a_delay_for_each_synapse_of_a_static_projection(device: Device) -> None:
    """Weights arrive one by one, in a sparse projection, too."""
    summing = NeuronModel(name="summing", summary="", equations="u : 1", receive="u_post += w")
    late = np.array([[1.0, 2.0, 5.0], [0.0, 3.0, 4.0]]) * ms
    connected, weights = np.array([[True, True, False], [True, True, True]]), np.array([[1, 1, 1], [10, 10, 10]])
    circuit = Circuit(
        name="late",
        populations={"a": Population(model=spike_source, size=2), "b": Population(model=summing, size=3)},
        projections={"p": Projection(pre="a", post="b", weights=weights, delay=late, connected=connected)},
    )
    plan = Protocol(stimuli={"a": spike_rows([[2] * ms, [2] * ms])}, duration=9 * ms)
    u = simulate(circuit, plan, device=device, dt=1 * ms, record=["b.u"]).traces["b.u"]
    np.testing.assert_array_equal(u[:, 0], [0, 0, 10, 11, 11, 11, 11, 11, 11])
    np.testing.assert_array_equal(u[:, 1], [0, 0, 0, 0, 1, 11, 11, 11, 11])
    np.testing.assert_array_equal(u[:, 2], [0, 0, 0, 0, 0, 0, 10, 10, 10])


def _rule(**changes: Any) -> PlasticityRule:
    given: dict[str, Any] = {
        "name": "mine",
        "summary": "",
        "reference": "",
        "parameters": {"tau": 10 * ms},
        "pre": "dx/dt = -x/tau : 1",
        "pre_spike": "x += 1",
        "on_post": "w += x_pre",
    }
    return PlasticityRule(**(given | changes))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (_rule(synapse="dw/dt = x_pre/tau : 1 (clock-driven)"), "reads 'x_pre' between spikes"),
        (_rule(update="w += x_pre"), "reads 'x_pre' between spikes"),
        (_rule(pre="dx/dt = -x*x/tau : 1", trace_method="euler"), r"presynaptic traces that do not just decay .*\(x\)"),
        (_rule(pre="dx/dt = (k - x)/tau : 1", needs_pre="k : integer", trace_method="euler"), "do not just decay"),
        (_rule(pre="dx/dt = -x/tau : 1 (unless refractory)"), "depend on the state of the neuron"),
        (_rule(epoch="tau", pre_epoch="x = 0"), "computes with presynaptic traces at other times than at spikes"),
    ],
)
def test_a_rule_that_no_synapse_can_follow_is_refused(rule: PlasticityRule, reason: str) -> None:
    wiring = {"p": Projection(pre="a", post="b", weights=np.ones((2, 2)), rule=rule, delay=LATE)}
    with pytest.raises(ValueError, match=f"projection p: rule mine .*{reason}.*give one delay for all, or split"):
        circuit_of(wiring)
    circuit_of({"p": Projection(pre="a", post="b", weights=np.ones((2, 2)), rule=rule, delay=2 * ms)})


def test_a_rule_that_reads_postsynaptic_traces_between_spikes_has_one_dendritic_delay() -> None:
    rule = RULES["synaptic_scaling"]
    with pytest.raises(ValueError, match="give one dendritic_delay for all"):
        circuit_of({"p": Projection(pre="a", post="b", weights=np.ones((2, 2)), rule=rule, dendritic_delay=LATE)})


def test_delays_lie_on_the_grid() -> None:
    for what, said in (("delay", "a delay"), ("dendritic_delay", "a dendritic delay")):
        late = {what: LATE + 0.03 * ms}
        circuit = circuit_of({"p": Projection(pre="a", post="b", weights=np.ones((2, 2)), rule=stdp_pair, **late)})
        with pytest.raises(ValueError, match=f"projection p: {said} of 0.03 ms is shorter than dt = 0.5 ms"):
            simulate(circuit, protocol_of(trains()), dt=DT)


@pytest.mark.long
def test_two_projections_learn_on_a_chip_as_each_would_alone() -> None:
    spikes = protocol_of(trains())
    wiring = {name: projections()[name] for name in ("first", "branch")}

    def on_chip(**some: Projection) -> tuple[Circuit, dict[str, Float]]:
        circuit = circuit_of(some)
        if len(some) == 2:
            circuit = circuit.with_state("a", x1_of_first=2.0)
        chip = constrain(circuit, TARGETS["loihi1"], epoch=2 * ms, rounding="nearest").circuit
        return chip, dict(simulate(chip, spikes, dt=DT).weights)

    both, weights = on_chip(**wiring)
    for name, projection in wiring.items():
        assert np.array_equal(weights[name], on_chip(**{name: projection})[1][name])
        assert np.ptp(weights[name]) > 0
    assert set(both.populations["a"].state) == {"x1_of_first"}
    assert float(both.populations["a"].state["x1_of_first"]) > 2, "in units of the chip"


def test_traces_of_two_rules_are_integrated_by_one_method() -> None:
    one, two = _rule(trace_method="euler"), _rule(trace_method="rk4", name="yours")
    weights = np.ones((2, 2))
    circuit = circuit_of(
        {n: Projection(pre="a", post="b", weights=weights, rule=r) for n, r in (("p", one), ("q", two))}
    )
    said = "traces of mine by 'euler' and yours by 'rk4' are integrated together in population a; give these rules one"
    with pytest.raises(ValueError, match=said):
        simulate(circuit, protocol_of(trains()), dt=DT)


@pytest.mark.long
def test_a_third_factor_at_two_projections() -> None:
    """Each has an eligibility and traces of its own, and learns as if it were alone."""
    rule = RULES["stdp_reward"].with_parameters(w_min=-100.0, w_max=100.0)
    wiring = {
        name: Projection(pre="a", post="b", weights=np.full((2, 2), 0.5), rule=rule, delay=late)
        for name, late in (("p", 0 * ms), ("q", 2 * ms))
    }
    populations = {"a": Population(model=spike_source, size=2), "b": Population(model=modulated_source, size=2)}
    populations["b"] = replace(populations["b"], state={"dopamine": 1.0})
    stimuli = {name: rows for name, rows in protocol_of(trains()).stimuli.items() if name != "c"}
    plan = Protocol(stimuli=stimuli, duration=DURATION)

    def weights(**projections: Projection) -> dict[str, Float]:
        circuit = Circuit(name="rewarded", populations=populations, projections=projections)
        return dict(simulate(circuit, plan, device=NUMPY, dt=DT).weights)

    both = weights(**wiring)
    for name, projection in wiring.items():
        np.testing.assert_allclose(both[name], weights(**{name: projection})[name], rtol=1e-12)
    assert np.abs(both["p"] - both["q"]).max() > 1e-4


def test_delays_leave_the_toolkit_whole_or_with_a_reason() -> None:
    lif = Population(model=lif_unit, size=SIZE)
    wiring = {name: replace(projections()[name], pre="a", post="b") for name in ("each", "dendrite")}
    source = Population(model=regular, size=SIZE)
    circuit = Circuit(name="late", populations={"a": source, "b": lif}, projections=wiring)
    with pytest.raises(
        ValueError, match=r"each has a delay for each synapse.*dendrite has a dendritic_delay, which no"
    ):
        parts_of(circuit, dt=DT, rules=True)
    content = plain("circuit", circuits={"late": circuit}, rules=True)
    each, dendrite = content.description["circuits"][0]["projections"]
    np.testing.assert_allclose(content.arrays[each["delay_s"]], np.asarray(LATE))
    assert (dendrite["delay_s"], dendrite["dendritic_delay_s"]) == (0.001, 0.003)
    jsonschema.validate(content.description, schema())
    problems = map(str, check(circuit, TARGETS["generic"].with_limits(delay_steps=2), dt=1 * ms))
    assert any("projection each: its delay is 3 time steps" in problem for problem in problems)
