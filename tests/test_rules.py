"""Every spike-timing rule of the catalogue against its oracle, and what holds for all rules.

All cases of a rule are in one run, and on compiled devices rules run side by side: one program for many of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from brian2 import ms, second
from numpy.typing import NDArray
from scipy.stats import chi2

from spikehebb import equations as text
from spikehebb import protocols, rules
from spikehebb.circuits import has_pair_form, synapse_pair
from spikehebb.core import PlasticityRule
from spikehebb.devices import CPP, NUMPY, Device
from spikehebb.rules import RULES, calcium_dp, reads_rates, stdp_pair
from spikehebb.simulation import simulate
from tests.conftest import DEVICES, NO_COMPILER
from tests.oracles import (
    CONTINUOUS_ORACLES,
    ONSET_ORACLES,
    RATE_ORACLES,
    SPIKE_ORACLES,
    Times,
    check_oracles,
    continuous,
    exact,
    seconds,
)
from tests.test_rate_rules import joined

DT, DURATION, DELAY = 1e-4, 0.35, 2e-3  # seconds
LONGER = 0.6
NONE: Times = np.zeros(0)


@dataclass(frozen=True)
class Case:
    pre: Times
    post: Times
    reward: Times
    w: float


def train(rng: np.random.Generator, spikes: int, width: float = DT, slots: int = 2500) -> Times:
    """Random spike times on a grid of so many slots of this width."""
    return np.sort(rng.choice(np.arange(1.0, slots), spikes, replace=False)) * width


def disjoint(rng: np.random.Generator, spikes: int) -> tuple[Times, Times]:
    both = rng.permutation(train(rng, 2 * spikes))
    return np.sort(both[:spikes]), np.sort(both[spikes:])


def cases() -> list[Case]:
    rng = np.random.default_rng(20260101)
    one = np.array([0.0305])
    trains = [
        *((disjoint(rng, 50), w) for w in (0.3, 0.8, 0.5, 0.3)),
        *((disjoint(rng, 10), w) for w in (0.3, 0.8)),
        *(((train(rng, 50, 2e-3, 101), train(rng, 50, 2e-3, 101)), w) for w in (0.3, 0.8)),  # coincide also if delayed
        ((train(rng, 50, 2.5e-3, 100), train(rng, 50, 2.5e-3, 100)), 0.8),
        *(((one, one), w) for w in (0.3, 0.8)),
        ((train(rng, 50), NONE), 0.8),
        ((NONE, train(rng, 50)), 0.8),
        *(((NONE, NONE), w) for w in (0.3, 0.8, 0.5)),
    ]
    return [Case(pre, post, train(rng, 5), w) for (pre, post), w in trains]


CASES = cases()
START = np.array([case.w for case in CASES])
BOTH, LONE, PRE_ONLY, POST_ONLY, SILENT = slice(0, 9), slice(9, 11), 11, 12, slice(13, 16)


def told_apart(rule: PlasticityRule) -> PlasticityRule:
    """The rule without noise, and with parameters apart whose defaults are equal, or 1: else a mix-up stays unseen."""
    p, changes = rule.parameters, dict[str, Any]()
    if "tau_minus" in p and p["tau_minus"] in (p.get("tau_plus"), p.get("tau_x")):
        changes["tau_minus"] = 1.5 * p["tau_minus"]
    if "u" in text.variables(rule.needs_post):  # which has 20 ms, too
        changes["tau_x"] = 15 * ms
    others = {"sigma": 0.0, "mu_minus": 0.3, "alpha": 0.8, "lifetime": 30.0}  # some trains outlive this lifetime
    others |= {"w_max": 2.0} if p.get("w_max") == 1 else {}
    return rule.with_parameters(**changes, **{name: value for name, value in others.items() if name in p})


TESTED = {n: told_apart(rule) for n, rule in RULES.items() if has_pair_form(rule) and not reads_rates(rule)}
CALCIUM = [name for name in TESTED if CONTINUOUS_ORACLES.get(name) is continuous.calcium]
LAGS = {name: seconds(rule.parameters[rule.lag]) for name, rule in TESTED.items() if rule.lag}


# Side by side are rules of many kinds; a program for all would take its compiler more memory than a small machine has.
BESIDE = [list(TESTED)[n::8] for n in range(5)]


def on_every_device(names: Iterable[str], later: Iterable[str] = ()) -> pytest.MarkDecorator:
    """On NumPy each rule is a test, some of them left to ``make test-all``; elsewhere those side by side are one."""
    names, later, params = list(names), set(later), list[Any]()
    for each in DEVICES:
        (device,) = each.values
        for n, group in enumerate([[name] for name in names] if device is NUMPY else BESIDE):
            if set(group) & set(names):
                marks = [*each.marks, *([pytest.mark.long] if set(group) <= later else [])]
                what = group[0] if device is NUMPY else f"{n} of {len(BESIDE)}"
                params.append(pytest.param(device, group, id=f"{each.id}-{what}", marks=marks))
    return pytest.mark.parametrize(("device", "names"), params, indirect=["device"])


def run(
    rule: PlasticityRule,
    trials: list[Case],
    device: Device,
    delay: float = 0.0,
    dt: float = DT,
    duration: float = DURATION,
) -> NDArray[np.float64]:
    return run_beside([rule], trials, device, delay, dt, duration)[0]


def run_beside(
    beside: Sequence[PlasticityRule],
    trials: list[Case],
    device: Device,
    delay: float = 0.0,
    dt: float = DT,
    duration: float = DURATION,
) -> list[NDArray[np.float64]]:
    """The weights at the end of each of several rules, whose pairs share a simulation and nothing else."""
    plan = protocols.spike_trains(
        [trial.pre * second for trial in trials],
        [trial.post * second for trial in trials],
        reward=[trial.reward * second for trial in trials],
        duration=duration * second,
    )
    parts = {
        rule.name: synapse_pair(rule, pairs=len(trials), w=[trial.w for trial in trials], delay=delay * second)
        for rule in beside
    }
    stimuli = {f"{part}_{name}": plan.stimuli[name] for part, own in parts.items() for name in own.populations}
    recording = simulate(joined(parts), replace(plan, stimuli=stimuli), device=device, dt=dt * second)
    return [np.asarray(np.diag(recording.weights[f"{part}_synapse"]), float) for part in parts]


def expected(
    rule: PlasticityRule,
    trials: list[Case],
    delay: float = 0.0,
    dt: float = DT,
    *,
    duration: float = DURATION,
    limit: bool = False,
) -> NDArray[np.float64]:
    """The weights at the end by the oracle, or by what it approaches as dt goes to 0."""
    weights = []
    for trial in trials:
        pre, post, w, p = trial.pre + delay, trial.post, trial.w, rule.parameters
        if rule.name in SPIKE_ORACLES:
            weights.append(SPIKE_ORACLES[rule.name](pre, post, w, p))
        else:
            oracle = CONTINUOUS_ORACLES[rule.name]
            oracle = exact.LIMITS[oracle].oracle if limit else oracle
            weights.append(oracle(pre, post, w, p, duration=duration, dt=dt, reward=trial.reward))
    return np.array(weights)


def same(
    weights: NDArray[np.float64], reference: NDArray[np.float64], rel: float = 1e-9, *, of: PlasticityRule
) -> None:
    np.testing.assert_allclose(weights, reference, rtol=rel, atol=1e-13, err_msg=of.name)


def test_every_rule_has_an_oracle() -> None:
    check_oracles(RULES)
    assert {*SPIKE_ORACLES, *CONTINUOUS_ORACLES} == set(TESTED), "oracles of spikes belong to rules that read spikes"
    on_layers = {name for name, rule in RULES.items() if "x" in text.variables(rule.needs_pre)}
    assert set(RATE_ORACLES) == on_layers, "oracles of rates belong to rules that read a presynaptic rate x"
    assert all(RULES[name].onset for name in ONSET_ORACLES)


def test_a_rule_without_an_oracle_fails_with_a_sentence() -> None:
    with pytest.raises(
        AssertionError, match="rule other has no oracle; write one from the paper, as plain NumPy, into"
    ):
        check_oracles([*RULES, "other"])
    with pytest.raises(AssertionError, match="has an oracle of oja, and there is no such rule"):
        check_oracles(RULES.keys() - {"oja"})
    with pytest.raises(ValueError, match="rule oja has two oracles, oja and bcm"):
        RATE_ORACLES.of("oja")(RATE_ORACLES["bcm"])


@pytest.mark.catalogue
@pytest.mark.learning
@on_every_device(TESTED)
def test_weights_equal_the_oracle(names: list[str], device: Device) -> None:
    """So closely that no two devices differ by more than 1e-12."""
    beside = [TESTED[name] for name in names]
    for rule, weights in zip(beside, run_beside(beside, CASES, device), strict=True):
        reference = expected(rule, CASES)
        assert np.all(np.abs(reference - START)[BOTH] > 1e-6), f"{rule.name}: every train must change the weight"
        same(weights, reference, rel=5e-13, of=rule)
        if rule.name in SPIKE_ORACLES:
            assert np.all((weights - START)[SILENT] == 0), rule.name
        if rule.ties.startswith("Coincident spikes do not pair"):
            check_unpaired(rule, weights - START)


def check_unpaired(rule: PlasticityRule, change: NDArray[np.float64]) -> None:
    """A lone coincidence does what a spike of each side does alone, and where that is nothing, many do nothing."""
    for number, case in enumerate(CASES[LONE], start=LONE.start):
        lone = [Case(case.pre, NONE, NONE, case.w), Case(NONE, case.post, NONE, case.w)]
        alone = expected(rule, lone) - case.w
        assert change[number] == pytest.approx(alone.sum(), abs=1e-12)
        for many, one in zip((PRE_ONLY, POST_ONLY), alone, strict=True):
            assert one != 0 or change[many] == 0


@pytest.mark.long
def test_calcium_drifts_in_silence() -> None:
    """The efficacy drifts by -w*(1 - w)*(w_star - w)/tau towards 0 or 1, and stays at w_star = 0.5."""
    for name in CALCIUM[:2]:
        change = run(TESTED[name], CASES[SILENT], NUMPY) - START[SILENT]
        tau = seconds(TESTED[name].parameters["tau"])
        drift = [-DURATION / tau * w * (1 - w) * (0.5 - w) for w in START[SILENT]]
        assert change == pytest.approx(drift, rel=0.01)


def test_scaling_waits_for_spikes_at_its_goal() -> None:
    """In silence w grows by exp(beta*goal*duration)."""
    change = run(TESTED["synaptic_scaling"], CASES[SILENT], NUMPY) - START[SILENT]
    assert change == pytest.approx(START[SILENT] * np.expm1(0.01 * 5 * DURATION), rel=1e-9)


def test_vogels_depresses_at_each_presynaptic_spike() -> None:
    """By eta*2*rho*tau = 0.001*0.12; the other pair rules do nothing at a lone spike."""
    assert expected(TESTED["vogels"], [CASES[PRE_ONLY]])[0] - 0.8 == pytest.approx(50 * -0.00012, abs=1e-12)
    assert expected(TESTED["stdp_pair"], [CASES[PRE_ONLY]])[0] == 0.8


# Of rules with equal equations and other numbers one says all.
SAID = ("pre", "pre_spike", "post", "post_spike", "synapse", "on_pre", "on_post", "update", "lag")
KINDS = {tuple(getattr(rule, each) for each in SAID): name for name, rule in reversed(TESTED.items())}
DELAYED = [pytest.param([name], NUMPY, id=f"{name}-numpy", marks=pytest.mark.long) for name in KINDS.values()] + [
    pytest.param(
        ["stdp_nearest_reduced", "softhebb", "calcium_dp", "stdp_reward"],
        CPP,
        id="cpp",
        marks=[NO_COMPILER, pytest.mark.compiler],
    )
]


@pytest.mark.parametrize(("names", "device"), DELAYED)
def test_a_delay_is_as_if_the_presynaptic_spikes_came_later(names: list[str], device: Device) -> None:
    beside = [TESTED[name] for name in names]
    for rule, weights in zip(beside, run_beside(beside, CASES, device, DELAY), strict=True):
        reference = expected(rule, CASES, DELAY)
        same(weights, reference, of=rule)
        if rule.pre_spike or rule.on_pre:  # so presynaptic spikes mean something to it
            assert np.any(np.abs(reference - expected(rule, CASES)) > 1e-6), "the delay must make a difference"


BOUNDED = [name for name in TESTED if "w_max" in TESTED[name].parameters]


def strengthened(rule: PlasticityRule) -> PlasticityRule:
    """The rule so strong that weights meet their bounds, if it has any."""
    if rule.name not in BOUNDED:
        return rule
    changes = {p: 1000 * value for p, value in rule.parameters.items() if p[0] == "A" or p in ("eta", "gain")}
    return rule.with_parameters(**changes, w_max=0.9, **({"w_min": 0.1} if "w_min" in rule.parameters else {}))


@pytest.mark.first_is_quick
@pytest.mark.catalogue
@on_every_device(BOUNDED, later=BOUNDED[3:])
def test_weights_stay_within_their_bounds(names: list[str], device: Device) -> None:
    beside = [strengthened(TESTED[name]) for name in names]
    for rule, weights in zip(beside, run_beside(beside, CASES, device), strict=True):
        if rule.name in BOUNDED:
            low = rule.parameters.get("w_min", 0.0)
            assert np.all((weights >= low) & (weights <= 0.9)), rule.name
            assert np.any(np.isin(weights, [low, 0.9])), f"{rule.name}: no weight has met a bound"
            same(weights, expected(rule, CASES), of=rule)


@pytest.mark.long
@pytest.mark.slow_on_cuda
def test_the_power_law_has_no_upper_but_a_lower_bound(device: Device) -> None:
    rule = TESTED["stdp_power_law"]
    assert np.all(run(rule.with_parameters(eta=3.0, alpha=30.0), CASES, device) >= 0)
    assert run(rule.with_parameters(eta=1.0, alpha=0.0), CASES, device).max() > 10


@pytest.mark.catalogue
@on_every_device(CALCIUM, later=CALCIUM)
def test_the_efficacy_of_the_calcium_rule_stays_between_0_and_1(names: list[str], device: Device) -> None:
    beside = [TESTED[name] for name in names]
    for n, rule in enumerate(beside):
        if rule.name in CALCIUM:  # nearly as fast as Euler allows
            strong = {p: 1000 * float(rule.parameters[p]) for p in ("gamma_p", "gamma_d")}
            beside[n] = rule.with_parameters(**strong)
    for rule, weights in zip(beside, run_beside(beside, CASES, device), strict=True):
        if rule.name in CALCIUM:
            assert np.all((weights >= 0) & (weights <= 1)), rule.name
            assert np.max(np.abs(weights - START)) > 0.2, rule.name


@pytest.mark.long
@pytest.mark.parametrize(
    ("lag", "late"), [(13.7, 137), (18.8008, 188), (4.6098, 46), (0.0, 0), (13.75, 138), (4.65, 47)]
)
def test_the_lag_of_calcium_is_rounded_to_steps(lag: float, late: int) -> None:
    plan = protocols.spike_trains([np.array([0.003]) * second], [NONE * second], duration=30 * ms)
    rule = calcium_dp.with_parameters(D=lag * ms, sigma=0.0)
    trace = simulate(synapse_pair(rule), plan, dt=0.1 * ms, record=["synapse.c"]).traces["synapse.c"][:, 0]
    assert np.flatnonzero(trace)[0] == 30 + late
    assert trace[30 + late] == 1.0


@pytest.mark.long
@pytest.mark.slow_on_cuda
@pytest.mark.parametrize(("theta_p", "level"), [(-1.0, "both"), (1.0, "theta_d alone")])
def test_the_noise_of_calcium_has_the_variance_of_its_diffusion(theta_p: float, level: str, device: Device) -> None:
    """With Gamma = sum of the active gammas and n active thresholds, w is an Ornstein-Uhlenbeck process.

    Its rate is Gamma/tau and its noise sigma*sqrt(n/tau)*dW, so that the variance tends to sigma**2*n/(2*Gamma). (The
    sigma_rho**2 of Graupner and Brunel is twice that.) The bistable term is smaller by a factor of 1000.
    """
    rule, pairs, duration = calcium_dp.with_parameters(theta_d=-1.0, theta_p=theta_p), 2000, 0.2
    plan = protocols.spike_trains([NONE * second] * pairs, [NONE * second] * pairs, duration=duration * second)
    w = np.diag(simulate(synapse_pair(rule, pairs=pairs), plan, device=device, dt=0.1 * ms, seed=3).weights["synapse"])
    gamma, active = (200 + 321.808, 2) if level == "both" else (200.0, 1)
    rest = 321.808 / gamma if level == "both" else 0.0
    decay = np.exp(-gamma / 150 * duration)
    variance = 2.8284**2 * active / (2 * gamma) * (1 - decay**2)
    low, high = chi2.ppf([1e-5, 1 - 1e-5], pairs - 1) / (pairs - 1)
    assert low < w.var(ddof=1) / variance < high
    assert abs(w.mean() - (rest + (0.5 - rest) * decay)) < 4.3 * np.sqrt(variance / pairs) + 1e-4


def trials(pairs: int, spikes: int, seed: int) -> list[Case]:
    """Trains on the grid of 0.2 ms."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(pairs):
        pre, post, reward = (train(rng, n, 2 * DT, 2500) for n in (spikes, spikes, 5))
        cases.append(Case(pre, post, reward, w=0.3 + 0.5 * (number % 2)))
    return cases


def on_coarse_grid(rule: PlasticityRule) -> PlasticityRule:
    """The rule with its lag on the grid of 0.2 ms, and without bounds, which no closed form has."""
    changes = {rule.lag: round(LAGS[rule.name] / (2 * DT)) * 2 * DT * second} if rule.lag else {}
    bounds = {"w_min": -1e3, "w_max": 1e3} if "w_max" in rule.parameters else {}
    return rule.with_parameters(**changes, **bounds)


def errors(rule: PlasticityRule, weights: dict[float, NDArray[np.float64]], given: list[Case]) -> tuple[float, float]:
    """The root mean square at 0.2 and at 0.1 ms, after a check of the largest."""
    limit = expected(rule, given, duration=LONGER, limit=True)
    change = limit - np.array([trial.w for trial in given])
    bound = exact.LIMITS[CONTINUOUS_ORACLES[rule.name]].error(rule.parameters, len(given[0].pre), change)
    assert np.max(np.abs(weights[DT] - limit)) < DT * bound
    coarse, fine = (float(np.sqrt(np.mean((weights[dt] - limit) ** 2))) for dt in (2 * DT, DT))
    return coarse, fine


LIMITED = [name for name, oracle in CONTINUOUS_ORACLES.items() if oracle in exact.LIMITS]
FIRST = {(TESTED[n].synapse, TESTED[n].post, TESTED[n].post_spike): n for n in reversed(LIMITED)}  # of equal equations


@pytest.mark.long
@pytest.mark.parametrize("name", FIRST.values())
def test_the_simulation_approaches_continuous_time(name: str) -> None:
    rule = on_coarse_grid(TESTED[name])
    given = trials(96, 20, seed=11) if name in CALCIUM else trials(8, 30, seed=12)
    coarse, fine = errors(rule, {dt: run(rule, given, NUMPY, dt=dt, duration=LONGER) for dt in (2 * DT, DT)}, given)
    assert 1.6 < coarse / fine < 2.6


def test_all_sets_of_calcium_approach_continuous_time() -> None:
    ratios = []
    for name in CALCIUM:
        rule, given = on_coarse_grid(TESTED[name]), trials(16, 30, seed=13)
        coarse, fine = errors(rule, {dt: expected(rule, given, dt=dt, duration=LONGER) for dt in (2 * DT, DT)}, given)
        ratios.append(coarse / fine)
    assert 1.6 < np.exp(np.mean(np.log(ratios))) < 2.6, "crossings fall anywhere in a step: one set alone says little"


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_rule_says_what_it_is(rule: PlasticityRule) -> None:
    for word in ("summary", "reference", "ties"):
        assert getattr(rule, word), f"rule {rule.name} has no {word}; say it in its literal."
    assert rule.cites, f'rule {rule.name} cites no work; add it to references.toml and give the rule cites=cite("key").'


def test_unknother_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"there is no rule 'stdp_pari'. Did you mean 'stdp_pair'\?"):
        rules.find("stdp_pari")


def test_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"rule stdp_pair has no parameter 'tau_pls'. Did you mean 'tau_plus'\?"):
        stdp_pair.with_parameters(tau_pls=20 * ms)


def test_wrong_unit_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"tau_plus must be a time, got 20 \(dimensionless\). Write 20\*ms."):
        stdp_pair.with_parameters(tau_plus=20)
    with pytest.raises(ValueError, match=r"A_plus must be a number without unit, got 1 ms"):
        stdp_pair.with_parameters(A_plus=1 * ms)
