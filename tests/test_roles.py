"""What parameters mean: values that make no sense are refused wherever they are given, and weights start in bounds."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, Quantity, ms, mV, second

from spikehebb.circuits import synapse_pair
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection, replicas
from spikehebb.core.bounds import weight_bounds
from spikehebb.core.roles import ROLES
from spikehebb.encoders import spike_source
from spikehebb.jobs import replay, stdp_window
from spikehebb.neurons import NEURONS, escape_rate, lif, power_integrator
from spikehebb.rules import RULES, combine, normalization, on_spikes, stdp_pair


def own(**parameters: Any) -> PlasticityRule:
    """A rule of the user's own, of whose parameters the toolkit knows no more than their names."""
    return PlasticityRule(
        name="own",
        summary="",
        reference="",
        parameters={"tau_x": 20 * ms, **parameters},
        pre="dx1/dt = -x1/tau_x : 1",
        pre_spike="x1 += 1",
        on_post="w += 0.1*x1_pre",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tau_plus": -20 * ms}, "tau_plus is a time constant and must be a finite time above 0, got -20 ms"),
        ({"tau_plus": 0 * ms}, "tau_plus is a time constant and must be a finite time above 0"),
        ({"tau_plus": np.inf * ms}, "tau_plus is a time constant"),
        ({"tau_plus": [20, -20] * ms}, "tau_plus is a time constant"),
        ({"A_plus": -0.01}, "A_plus is an amplitude and .* The sign is in the equations: .*stdp_anti_hebbian"),
        ({"A_plus": np.inf}, "A_plus is an amplitude and must be a finite number of at least 0, got inf"),
        ({"A_plus": np.nan}, "A_plus must be a number, got nan"),
        ({"A_plus": "0.01"}, "A_plus must be a number, with or without unit, got '0.01'"),
        ({"A_plus": 10**400}, "A_plus must be a number, with or without unit, got 10000"),
        ({"A_plus": 1j}, "A_plus must be a number"),
        ({"A_plus": None}, "A_plus must be a number, with or without unit, got None"),
        ({"w_min": 1.0}, "w_min must be below w_max, got w_min = 1 and w_max = 1"),
        ({"w_min": 2.0}, "w_min must be below w_max"),
        ({"w_max": -np.inf}, "w_min must be below w_max"),
        ({"w_max": [1.0, 0.0]}, "w_min must be below w_max"),
        ({"self": 1}, "rule stdp_pair has no parameter 'self'"),
    ],
)
def test_values_without_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stdp_pair.with_parameters(**changes)


def test_bounds_may_be_infinite_and_amplitudes_0() -> None:
    rule = stdp_pair.with_parameters(w_min=-np.inf, w_max=np.inf, A_plus=0.0)
    assert weight_bounds(rule) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("rule", "changes", "message"),
    [
        ("calcium_dp", {"gamma_p": -1.0}, "gamma_p is a factor and must be a finite number of at least 0"),
        ("calcium_dp", {"D": -1 * ms}, "D is a duration and must be a finite time of at least 0"),
        ("calcium_dp", {"w_star": np.inf}, "w_star is a number and must be finite"),
        ("triplet_vc_full", {"A3_minus": -1.0}, "A3_minus is an amplitude"),
        ("hebb", {"eta": -1 * Hz}, "eta is a learning rate and must be finite and at least 0"),
        ("vogels", {"rho": -1 * Hz}, "rho is a rate and must be a finite frequency of at least 0"),
        ("softhebb", {"lifetime": 0.0}, "lifetime is a scale and must be finite and above 0"),
        ("nessler", {"duration": np.inf * ms}, "duration is a duration"),
    ],
)
def test_rules_say_what_names_do_not(rule: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RULES[rule].with_parameters(**changes)


def test_a_rule_of_ones_own_is_checked_by_its_names_and_its_roles() -> None:
    with pytest.raises(ValueError, match=r"rule own: tau_x is a time constant"):
        own(tau_x=0 * ms)
    with pytest.raises(ValueError, match=r"A_plus is an amplitude"):
        own(A_plus=-1.0)
    assert dataclasses.replace(own(A_plus=1.0), roles={"A_plus": "number"}).with_parameters(A_plus=-1.0)
    with pytest.raises(ValueError, match=r"its roles name 'A_plsu', which is no parameter. Did you mean 'A_plus'"):
        dataclasses.replace(own(A_plus=1.0), roles={"A_plsu": "number"})
    with pytest.raises(ValueError, match=r"A_plus cannot be 'amplitud'. Did you mean 'amplitude'"):
        dataclasses.replace(own(A_plus=1.0), roles={"A_plus": "amplitud"})


def test_infinity_is_a_value_only_where_it_is_the_default() -> None:
    with pytest.raises(ValueError, match=r"cap is a number and must be finite, got inf"):
        own(cap=1.0).with_parameters(cap=np.inf)
    assert own(cap=np.inf).with_parameters(cap=1.0).parameters["cap"] == 1.0
    assert power_integrator.with_parameters(listen=5 * ms).with_parameters(listen=np.inf * second)


@pytest.mark.parametrize(
    ("neuron", "changes", "message"),
    [
        (lif, {"tau_m": 0 * ms}, "neuron lif: tau_m is a membrane time constant"),
        (lif, {"t_ref": -1 * ms}, "neuron lif: t_ref is a duration"),
        (lif, {"v_rest": np.inf * mV}, "neuron lif: v_rest is a number and must be finite"),
        (escape_rate, {"temperature": 0.0}, "temperature is a scale and must be finite and above 0"),
    ],
)
def test_neurons_are_checked_too(neuron: NeuronModel, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        neuron.with_parameters(**changes)


def test_every_parameter_of_the_catalogue_has_a_role() -> None:
    values: list[PlasticityRule | NeuronModel] = [*RULES.values(), *NEURONS.values()]
    for value in values:
        assert list(value.meaning) == list(value.parameters)
        assert set(value.meaning.values()) <= ROLES.keys()
    times = {role for rule in RULES.values() for name, role in rule.meaning.items() if name.startswith("tau")}
    assert times == {"time constant"}


def test_a_combined_rule_keeps_the_roles_of_both() -> None:
    both = combine(RULES["diehl_cook"], normalization)
    with pytest.raises(ValueError, match=r"total is a scale"):
        both.with_parameters(total=-1.0)
    with pytest.raises(ValueError, match=r"unit_rate is a scale"):
        on_spikes(RULES["oja"], unit_rate=0 * Hz)


@pytest.mark.parametrize(
    ("rule", "bounds"),
    [
        ("stdp_pair", (0, 1)),
        ("stdp_multiplicative", (0, 1)),  # whose lower bound is a number in its text
        ("stdp_power_law", (0, np.inf)),
        ("stdp_reward", (0, 4)),  # driven by an equation and clipped in its update
        ("triplet_vc_full", (0, np.inf)),
        ("softhebb", (-np.inf, np.inf)),
        ("normalization", (-np.inf, np.inf)),
    ],
)
def test_the_bounds_of_a_rule(rule: str, bounds: tuple[float, float]) -> None:
    assert weight_bounds(RULES[rule]) == bounds


def test_a_rule_that_rescales_weights_keeps_to_no_bound() -> None:
    """Its weights meet the bound again at their next change, so what a run has left may lie outside."""
    assert weight_bounds(combine(RULES["diehl_cook"], normalization)) == (-np.inf, np.inf)
    assert weight_bounds(combine(stdp_pair, RULES["synaptic_scaling"])) == (-np.inf, np.inf)


@pytest.mark.parametrize("w", [-0.2, 1.5, [0.5, 1.1]])
def test_weights_start_within_the_bounds(w: Any) -> None:
    message = r"rule stdp_pair keeps weights between 0 and 1, but 1 of [12] start outside, the first at (-0.2|1.5|1.1);"
    with pytest.raises(ValueError, match=message):
        synapse_pair(stdp_pair, pairs=np.size(w), w=w)


def test_weights_are_refused_at_every_entry() -> None:
    with pytest.raises(ValueError, match=r"every weight must be a finite number"):
        synapse_pair(stdp_pair, w=np.nan)
    with pytest.raises(ValueError, match=r"start outside, the first at 1.5"):
        stdp_window(stdp_pair, [10] * ms, w0=1.5)
    with pytest.raises(ValueError, match=r"start outside, the first at -0.2"):
        replay(stdp_pair, [10] * ms, [15] * ms, w0=-0.2)
    with pytest.raises(ValueError, match=r"start outside, the first at 2"):
        synapse_pair(stdp_pair).with_weights(synapse=[[2.0]])
    with pytest.raises(ValueError, match=r"replica 1, projection synapse: rule stdp_pair keeps .* the first at 1.5"):
        replicas(synapse_pair(stdp_pair), 2, weights={"synapse": [[[0.5]], [[1.5]]]})
    with pytest.raises(ValueError, match=r"keeps weights between 0 and 0.4"):
        replicas(synapse_pair(stdp_pair), 2, parameters={"synapse.w_max": [1.0, 0.4]})


def test_replicas_may_have_bounds_and_weights_of_their_own() -> None:
    weights = [[[0.3]], [[1.5]]]
    both = replicas(synapse_pair(stdp_pair), 2, parameters={"synapse.w_max": [0.4, 2]}, weights={"synapse": weights})
    assert both.replica(1).projections["synapse"].weights == [[1.5]]


def test_only_connected_neurons_have_weights_and_rounding_is_no_fault() -> None:
    away_from_0 = stdp_pair.with_parameters(w_min=0.1)
    assert synapse_pair(away_from_0, pairs=2, w=0.5), "elsewhere the matrix holds 0"
    assert synapse_pair(stdp_pair.with_parameters(w_max=0.3), w=float(np.float32(0.3)))
    source = Population(model=spike_source, size=2)
    wiring = Projection(pre="a", post="b", weights=[[0.5, 0.5], [0.5, 0.5]], rule=away_from_0)  # type: ignore[arg-type]
    assert Circuit(name="all", populations={"a": source, "b": source}, projections={"ab": wiring})


def test_bounds_of_single_synapses() -> None:
    rule = stdp_pair.with_parameters(w_max=np.array([0.5, 1.0]))
    assert synapse_pair(rule, pairs=2, w=[0.4, 0.9])
    with pytest.raises(ValueError, match=r"1 of 2 start outside, the first at 0.9"):
        synapse_pair(rule, pairs=2, w=[0.9, 0.9])


def test_a_parameter_may_be_one_for_each_neuron_or_synapse() -> None:
    lags = [10, 20] * ms
    both = stdp_window(stdp_pair.with_parameters(A_plus=[0.001, 0.002], tau_plus=[10, 30] * ms), lags).dw
    for place, (size, tau) in enumerate([(0.001, 10 * ms), (0.002, 30 * ms)]):
        assert both[place] == stdp_window(stdp_pair.with_parameters(A_plus=size, tau_plus=tau), lags).dw[place]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"A_plus": [0.1, 0.2]},
            "A_plus of rule stdp_pair must be one number, or one for each of 3 synapses, got",
        ),
        ({"A_plus": [[0.1, 0.2, 0.3]]}, "for each of 3 synapses, got an array of the shape (1, 3)"),
        ({"A_plus": []}, "for each of 3 synapses, got an array of the shape (0,)"),
        ({"tau_plus": [10, 20] * ms}, "one for each of 3 presynaptic neurons, got an array of the shape (2,)"),
        ({"tau_minus": [10, 20] * ms}, "one for each of 3 postsynaptic neurons"),
    ],
)
def test_a_parameter_for_another_number_of_neurons_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        synapse_pair(stdp_pair.with_parameters(**changes), pairs=3)


@pytest.mark.parametrize(("w", "said"), [("a", "w must be a number"), ([0.1, 0.2], "for each of 3 pairs, got (2,)")])
def test_a_weight_at_the_start_is_one_or_one_for_each_pair(w: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        synapse_pair(stdp_pair, pairs=3, w=w)


def test_a_quantity_with_another_unit_is_no_parameter() -> None:
    with pytest.raises(ValueError, match=r"tau_plus must be a time, got 20 mV"):
        stdp_pair.with_parameters(tau_plus=Quantity(0.02, dim=mV.dim))
