"""Every rule that NEST has, too, against NEST: the weight after the same random trains.

``benchmarks/nest_agreement.py`` prints what is measured here as a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from spikehebb import protocols
from spikehebb.circuits import synapse_pair
from spikehebb.core import Float, PlasticityRule
from spikehebb.encoders import clamped_source, reward_source
from spikehebb.rules import RULES, clopath, stdp_reward_all_to_all
from spikehebb.simulation import simulate
from tests.nest_side import final_weight, fresh_nest
from tests.oracles.spikes import SPIKE_ORACLES, triplet

PAIRS, SPIKES, STEPS = 4, 50, 5000
DT = 0.1 * ms
W0 = 0.5
END = 0.6  # s: when weights are read
Sides = tuple[Float, Float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A rule, the NEST model of the same name or meaning, and NEST's parameters for it."""

    rule: str
    model: str
    parameters: Callable[[Mapping[str, Any]], dict[str, float]]
    changed: Mapping[str, float] = field(default_factory=dict)
    ties: bool = True  # whether both treat coincident spikes alike
    remark: str = ""

    @property
    def name(self) -> str:
        return f"{self.rule}, strong" if self.changed else self.rule


def _taus(p: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(p[name] / ms) for name in ("tau_plus", "tau_minus")}


def _additive(p: Mapping[str, Any]) -> dict[str, float]:
    shape = {"mu_plus": 0.0, "mu_minus": 0.0, "Wmax": p["w_max"]}
    return {"lambda": p["A_plus"] / p["w_max"], "alpha": p["A_minus"] / p["A_plus"], **shape, **_taus(p)}


def _multiplicative(p: Mapping[str, Any]) -> dict[str, float]:
    shape = {"mu_plus": 1.0, "mu_minus": 1.0, "Wmax": p["w_max"]}
    return {"lambda": p["A_plus"], "alpha": p["A_minus"] / p["A_plus"], **shape, **_taus(p)}


def _mixed(p: Mapping[str, Any]) -> dict[str, float]:
    shape = {"mu_plus": 0.0, "mu_minus": 1.0, "Wmax": p["w_max"]}
    amplitude = p["A_plus"] / p["w_max"]
    return {"lambda": amplitude, "alpha": p["A_minus"] / amplitude, **shape, **_taus(p)}


def _guetig(p: Mapping[str, Any]) -> dict[str, float]:
    shape = {"mu_plus": p["mu_plus"], "mu_minus": p["mu_minus"], "Wmax": p["w_max"]}
    return {"lambda": p["eta"], "alpha": p["alpha"], **shape, **_taus(p)}


def _power_law(p: Mapping[str, Any]) -> dict[str, float]:
    return {"lambda": p["eta"], "alpha": p["alpha"], "mu": p["mu"], **_taus(p)}


def _triplet(p: Mapping[str, Any]) -> dict[str, float]:
    return {
        "Aplus": p["A2_plus"],
        "Aminus": p["A2_minus"],
        "Aplus_triplet": p["A3_plus"],
        "Aminus_triplet": p["A3_minus"],
        "Wmax": 1e9,
        "tau_plus_triplet": float(p["tau_x"] / ms),
        "tau_minus_triplet": float(p["tau_y"] / ms),
        **_taus(p),
    }


def _vogels(p: Mapping[str, Any]) -> dict[str, float]:
    return {
        "eta": p["eta"],
        "alpha": float(2 * p["rho"] * p["tau"]),
        "Wmax": p["w_max"],
        "tau": float(p["tau"] / ms),
    }


_TRIPLETS = [name for name, oracle in SPIKE_ORACLES.items() if oracle is triplet]
CASES = (
    Case(rule="stdp_pair", model="stdp_synapse", parameters=_additive, remark="mu_plus = mu_minus = 0"),
    Case(
        rule="stdp_pair",
        model="stdp_synapse",
        parameters=_additive,
        changed={"A_plus": 0.1, "A_minus": 0.105},
        remark="mu_plus = mu_minus = 0; both bounds are met",
    ),
    Case(rule="stdp_multiplicative", model="stdp_synapse", parameters=_multiplicative, remark="mu_plus = mu_minus = 1"),
    Case(rule="stdp_mixed", model="stdp_synapse", parameters=_mixed, remark="mu_plus = 0, mu_minus = 1"),
    Case(rule="stdp_guetig", model="stdp_synapse", parameters=_guetig),
    Case(rule="stdp_power_law", model="stdp_pl_synapse_hom", parameters=_power_law),
    *(
        case
        for prefix, parameters in (("stdp", _additive), ("stdp_guetig", _guetig))
        for case in (
            Case(rule=f"{prefix}_nearest_symmetric", model="stdp_nn_symm_synapse", parameters=parameters),
            Case(rule=f"{prefix}_nearest_pre_centred", model="stdp_nn_pre_centered_synapse", parameters=parameters),
            Case(
                rule=f"{prefix}_nearest_reduced",
                model="stdp_nn_restr_synapse",
                parameters=parameters,
                ties=False,
                remark="NEST lets the presynaptic spike of a coincidence depress by an older postsynaptic one",
            ),
        )
    ),
    *(Case(rule=name, model="stdp_triplet_synapse", parameters=_triplet) for name in _TRIPLETS),
    Case(rule="vogels", model="vogels_sprekeler_synapse", parameters=_vogels, remark="alpha = 2*rho*tau"),
)


def random_trains(seed: int, *, ties: bool = False) -> list[Sides]:
    """Return trains of both sides within half a second, without a coincidence or with half of the spikes in one."""
    rng = np.random.default_rng(seed)
    trains = []
    for _ in range(PAIRS):
        steps = rng.permutation(np.arange(1.0, STEPS))[: 2 * SPIKES]
        pre, post = steps[:SPIKES], steps[SPIKES:]
        if ties:
            post[: SPIKES // 2] = pre[: SPIKES // 2]
        trains.append((np.sort(pre) * 1e-4, np.sort(post) * 1e-4))
    return trains


def rng_train(seed: int, spikes: int) -> Float:
    rng = np.random.default_rng(seed)
    return np.asarray(np.sort(rng.choice(np.arange(1.0, STEPS), spikes, replace=False)) * 1e-4, float)


def changes(rule: PlasticityRule, trains: Sequence[Sides], rewards: Sequence[Float] | None = None) -> Float:
    """Return how much our weights change under the trains, all in one simulation."""
    sides = [[train * second for train in side] for side in zip(*trains, strict=True)]
    reward = None if rewards is None else [train * second for train in rewards]
    plan = protocols.spike_trains(sides[0], sides[1], reward=reward, duration=END * second + DT)
    recording = simulate(synapse_pair(rule, pairs=len(trains), w=W0), plan, dt=DT)
    return np.asarray(np.diag(recording.weights["synapse"]) - W0, float)


def largest(ours: Float, theirs: Float) -> float:
    """Return the largest difference in units of the change of the weight."""
    assert np.all(np.abs(theirs) > 1e-5), "weights must change, or agreement means nothing"
    return float(np.max(np.abs(ours / theirs - 1)))


def differences(case: Case, *, seed: int = 7) -> tuple[float, float]:
    """Return how far we are from NEST after random trains, without and with coincident spikes."""
    rule = RULES[case.rule].with_parameters(**case.changed)
    trains = [*random_trains(seed), *random_trains(seed + 1, ties=True)]
    given = case.parameters(rule.parameters)
    theirs = np.array([final_weight(case.model, pre, post, W0, given) for pre, post in trains]) - W0
    ours = changes(rule, trains)
    return largest(ours[:PAIRS], theirs[:PAIRS]), largest(ours[PAIRS:], theirs[PAIRS:])


def dopamine_difference(*, corrected: bool = True, seed: int = 7) -> float:
    """Return how far ``stdp_reward_all_to_all`` is from NEST's ``stdp_dopamine_synapse``.

    Ours is one Euler step of w per time step, with the dopamine of its end and the eligibility of its start. Both decay
    exponentially between spikes, so each of these sums is the integral times a factor known beforehand.
    """
    rule = stdp_reward_all_to_all.with_parameters(gain=0.1 * Hz, dopamine_0=0.002)
    p, trains = rule.parameters, random_trains(seed)
    rewards = [rng_train(seed + 1 + pair, 10) for pair in range(PAIRS)]
    tau_d, tau_e = (float(x / ms) for x in (reward_source.parameters["tau_dopamine"], p["tau_elig"]))
    amplitude = float(p["gain"] * ms) * reward_source.parameters["burst"] * tau_d
    given = {
        "A_plus": amplitude * p["A_plus"],
        "A_minus": amplitude * p["A_minus"],
        "tau_c": tau_e,
        "tau_n": tau_d,
        "Wmin": p["w_min"],
        "Wmax": p["w_max"],
        "end": END,
        **_taus(p),
    }
    baseline = -p["dopamine_0"] / (reward_source.parameters["burst"] * tau_d)
    dt = float(DT / ms)
    rate = 1 / tau_d + 1 / tau_e
    factors = dt * rate * np.exp(-dt / tau_d) / -np.expm1(-dt * rate), dt / tau_e / -np.expm1(-dt / tau_e)
    if not corrected:
        factors = (1.0, 1.0)
    theirs = np.zeros(PAIRS)
    for b, times, factor in ((0.0, rewards, factors[0]), (baseline, [np.zeros(0)] * PAIRS, factors[1])):
        for pair, ((pre, post), dopamine) in enumerate(zip(trains, times, strict=True)):
            model = {**given, "b": b, "dopamine": dopamine}
            theirs[pair] += factor * (final_weight("stdp_dopamine_synapse", pre, post, W0, model) - W0)
    return largest(changes(rule, trains, rewards), theirs)


def clopath_difference(*, delay: float = 5.0, seed: int = 7) -> float:
    """Return how far ``clopath`` is from NEST's ``clopath_synapse`` when both see the same potential.

    A neuron of NEST without a life of its own is given, at every step, the potential of ``clamped_source`` in closed
    form. Its synapse reads a spike against the potential of one step before.
    """
    rng = np.random.default_rng(seed)
    steps = 2000
    post = np.sort(rng.choice(np.arange(150, steps - 200, 50), 20, replace=False))  # clamps do not overlap
    pre = np.sort(rng.choice(np.setdiff1d(np.arange(150, steps - 100), post), 25, replace=False))
    pre = np.append(pre, steps - 20)  # NEST takes in what the potential did only when a presynaptic spike comes
    source = clamped_source.parameters
    rest, reset, peak = (float(source[name] / mV) for name in ("v_rest", "v_reset", "v_peak"))
    clamp, tau_m = round(float(source["t_clamp"] / DT)), float(source["tau_m"] / DT)
    potential = np.full(steps, rest)
    for spike in post:
        potential[spike + 1 : spike + 1 + clamp] = peak
        after = np.arange(spike + 1 + clamp, steps)
        potential[after] = rest + (reset - rest) * np.exp(-(after - after[0]) / tau_m) if after.size else rest
    theirs = nest_clopath(clopath.parameters, potential[2:], np.asarray(pre * 0.1, float), delay)
    changed = clamped_source.with_parameters(filter_delay=delay * ms)
    circuit = synapse_pair(clopath, w=W0)
    clamped = dataclasses.replace(circuit.populations["post"], model=changed)
    circuit = dataclasses.replace(circuit, populations={**circuit.populations, "post": clamped})
    plan = protocols.spike_trains([pre * DT], [post * DT], duration=steps * DT)
    ours = simulate(circuit, plan, dt=DT).weights["synapse"][0, 0] - W0
    return largest(np.array([ours]), np.array([theirs - W0]))


def nest_clopath(p: Mapping[str, Any], potential: Float, pre: Float, delay: float) -> float:
    """Return the weight of NEST's ``clopath_synapse`` after presynaptic spikes (ms) under a given potential (mV)."""
    nest, step, tiny = fresh_nest(), 0.1, 1e-9  # a tiny weight does not move the potential
    still = {"g_L": 0.0, "C_m": 1e20, "a": 0.0, "b": 0.0, "I_sp": 0.0, "Delta_T": 10.0, "t_clamp": 0.0, "t_ref": 0.0}
    read = {
        "tau_u_bar_plus": float(p["tau_plus"] / ms),
        "tau_u_bar_minus": float(p["tau_minus"] / ms),
        "A_LTD": float(p["A_LTD"] * mV) * tiny,
        "A_LTP": float(p["A_LTP"] * mV**2) * tiny,
        "theta_plus": float(p["theta_plus"] / mV),
        "theta_minus": float(p["theta_minus"] / mV),
        "A_LTD_const": True,
        "delay_u_bars": delay,
    }
    limits = {"V_peak": 1000.0, "V_th_max": 500.0, "gsl_error_tol": 1e-14}
    neuron = nest.Create("aeif_psc_delta_clopath", params={**still, **limits, **read})
    spikes = nest.Create("spike_generator", params={"spike_times": np.round(pre - step, 1)})
    source = nest.Create("parrot_neuron")
    nest.Connect(spikes, source, syn_spec={"delay": step})
    bounds = {"Wmin": p["w_min"] * tiny, "Wmax": p["w_max"] * tiny, "tau_x": float(p["tau_x"] / ms)}
    synapse = {"synapse_model": "clopath_synapse", "weight": W0 * tiny, "delay": step, **bounds}
    nest.Connect(source, neuron, syn_spec=synapse)
    neuron.set(u_bar_plus=potential[0], u_bar_minus=potential[0], u_bar_bar=potential[0])
    nest.Prepare()
    for value in potential:
        neuron.V_m = value
        nest.Run(step)
    nest.Cleanup()
    return float(nest.GetConnections(source, neuron).weight) / tiny


@pytest.fixture(autouse=True, scope="module")
def _nest() -> None:
    pytest.importorskip("nest", reason="NEST is not installed here")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_random_trains_agree(case: Case) -> None:
    without, tied = differences(case)
    assert without < 1e-9
    if case.ties:
        assert tied < 1e-9
    else:
        assert tied > 1e-3, "NEST treats coincidences as we do; say so"


@pytest.mark.parametrize("several", [False, True], ids=["one delay", "one for each synapse"])
def test_a_dendritic_delay_agrees(several: bool) -> None:
    """NEST's whole delay is one."""
    late_by = 1.0 + np.arange(PAIRS) % 5 if several else np.full(PAIRS, 3.0)
    trains, rule = random_trains(9), RULES["stdp_pair"]
    given = _additive(rule.parameters)
    each = zip(trains, late_by, strict=True)
    theirs = [final_weight("stdp_synapse", *train, W0, given, dendritic=float(by)) - W0 for train, by in each]
    delay = np.broadcast_to(late_by, (PAIRS, PAIRS)) * ms if several else 3 * ms
    circuit = synapse_pair(rule, pairs=PAIRS, w=W0)
    late = dataclasses.replace(circuit.projections["synapse"], dendritic_delay=delay)
    circuit = dataclasses.replace(circuit, projections={"synapse": late})
    sides = [[train * second for train in side] for side in zip(*trains, strict=True)]
    plan = protocols.spike_trains(sides[0], sides[1], duration=END * second + DT)
    ours = np.diag(simulate(circuit, plan, dt=DT).weights["synapse"]) - W0
    assert largest(ours, np.array(theirs)) < 1e-9


def test_dopamine_agrees_but_for_the_known_error_of_euler_steps() -> None:
    assert dopamine_difference() < 1e-9
    assert 1e-4 < dopamine_difference(corrected=False) < 3e-4


@pytest.mark.parametrize("delay", [0.0, 5.0])
def test_clopath_agrees_under_the_same_potential(delay: float) -> None:
    assert clopath_difference(delay=delay) < 1e-9


def test_another_model_of_nest_does_not_agree() -> None:
    case = next(case for case in CASES if case.rule == "stdp_nearest_symmetric")
    assert differences(dataclasses.replace(case, model="stdp_nn_pre_centered_synapse"))[0] > 1e-3
