"""What the rules for rates are known for: fixed points, gradients, components, and errors after learning."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from spikehebb import circuits, neurons, protocols
from spikehebb.core import Circuit, NeuronModel, PlasticityRule, Population, Projection, Protocol, Recording
from spikehebb.encoders import rate_source, spike_rows, spike_source
from spikehebb.rules import (
    bcm,
    covariance,
    hebb,
    hebb_forgetting,
    hebbian_descent,
    hebbian_descent_gradient,
    instar,
    node_perturbation,
    oja,
    oja_subspace,
    on_spikes,
    softhebb_anti,
    softhebb_rate,
)
from spikehebb.simulation import simulate
from tests.oracles.rates import RATE_ORACLES, Array, base, competing
from tests.test_rate_rules import DT, ON_SPIKES, STEP, fast, joined


def per_step(rule: PlasticityRule, eta: float) -> PlasticityRule:
    """Return a rule whose eta is that of a textbook's discrete update, one for each step."""
    return rule.with_parameters(eta=eta / STEP * Hz)


def present(circuit: Circuit, every: int = 20, **rows: Array) -> Recording:
    """Run a circuit through one row after the other, each for one step."""
    steps = max(map(len, rows.values()))
    protocol = Protocol(stimuli=rows, duration=steps * DT, presentation=DT)
    return simulate(circuit, protocol, dt=DT, seed=1, record=["feedforward.w"], every=every)


def late_mean(recording: Recording) -> Array:
    """Return the mean weights over the second half of a run."""
    trace = recording.traces["feedforward.w"]
    mean = trace[len(trace) // 2 :].mean(axis=0)
    return np.asarray(mean.reshape(recording.weights["feedforward"].shape), float)


def taught(rule: PlasticityRule, size: int) -> Circuit:
    """Return units whose activity is given rather than computed."""
    neuron = NeuronModel(name="taught", summary="", equations="y : 1\nz : 1", onset="y = stimulus(t, i)")
    return Circuit(
        name="taught",
        populations={
            "input": Population(model=rate_source, size=size),
            "output": Population(model=neuron, size=size),
        },
        projections={
            "feedforward": Projection(
                pre="input", post="output", weights=np.zeros((size, size)), rule=rule, summed={"z": "w*x_pre"}
            )
        },
    )


def cosine(a: Array, b: Array) -> float:
    return float(abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b))


# Mean |h - t| of the first ten patterns, patterns 45-54, the last ten and all: means over 20 seeds, obtained
# independently with the setting of figure 8a of Melchior, Schiewer and Wiskott (arXiv 1905.10585).
DESCENT = {
    ("hebbian_descent", True): (0.243, 0.134, 0.0235, 0.133),
    ("hebbian_descent", False): (0.330, 0.314, 0.237, 0.307),
    ("hebbian_descent_gradient", True): (0.296, 0.281, 0.266, 0.281),
    ("hebbian_descent_gradient", False): (0.378, 0.385, 0.309, 0.375),
}


def descent_errors(rule: PlasticityRule, centred: bool, seed: int) -> list[float]:
    """100 random binary pairs of 200 bits, one pass, epsilon 0.2; the bias is an input that is always 1."""
    rng = np.random.default_rng(seed)
    x, target = (rng.integers(0, 2, (100, 200)).astype(float) for _ in "xt")
    limit = np.sqrt(6 / (200 + 200))
    w = np.vstack([rng.uniform(-limit, limit, (200, 200)), np.zeros(200)])
    mu = np.append(x.mean(axis=0) if centred else np.zeros(200), 0.0)
    rows = np.hstack([x, np.ones((100, 1))])
    circuit = circuits.supervised_rates(w, rule=per_step(rule, 0.2), mu=mu)
    learnt = present(circuit, every=100, input=rows, output=target).weights["feedforward"]
    error = np.abs(1 / (1 + np.exp(-(rows - mu) @ learnt)) - target).mean(axis=1)
    return [float(part.mean()) for part in (error[:10], error[44:54], error[-10:], error)]


def check_descent(seeds: int, tolerance: float) -> None:
    for rule, centred in itertools.product((hebbian_descent, hebbian_descent_gradient), (True, False)):
        errors = np.mean([descent_errors(rule, centred, seed) for seed in range(seeds)], axis=0)
        np.testing.assert_allclose(errors, DESCENT[rule.name, centred], rtol=0, atol=tolerance, err_msg=rule.name)


@pytest.mark.long
def test_hebbian_descent_forgets_gracefully() -> None:
    """Two seeds: a standard deviation over seeds is at most 0.013, so that 0.03 is more than three errors."""
    check_descent(2, 0.03)


@pytest.mark.slow
def test_hebbian_descent_equals_the_table_over_twenty_seeds() -> None:
    check_descent(20, 0.01)


def test_forgetting_settles_where_learning_balances_it() -> None:
    """w = eta*E[xy]/(1 - gamma) with gamma = 0.99 a step: 0.25."""
    rule = per_step(hebb_forgetting, 0.01).with_parameters(tau_forget=100 * DT)
    rng = np.random.default_rng(0)
    x, y = (rng.integers(0, 2, (4000, 100)).astype(float) for _ in "xy")
    weights = late_mean(present(taught(rule, 100), input=x, output=y))
    assert weights.mean() == pytest.approx(0.25, rel=0.01)


def test_covariance_rule_ignores_what_is_independent() -> None:
    """Neuron 0 copies input 0, all else is independent; plain Hebb grows everywhere."""
    rng, steps, eta, p = np.random.default_rng(1), 2000, 0.01, 0.7
    x, y = ((rng.random((steps, 100)) < p).astype(float) for _ in "xy")
    y[:, 0] = x[:, 0]
    rule = per_step(covariance, eta).with_parameters(tau_mean=1000 * DT)
    circuit = taught(rule, 100).with_state("input", x_mean=p).with_state("output", y_mean=p)
    weights = present(circuit, input=x, output=y).weights["feedforward"]
    variance = p * (1 - p)
    assert weights[0, 0] == pytest.approx(eta * steps * variance, rel=0.05)
    apart = weights[1:, 1:]
    assert abs(apart.mean()) < 4 * eta * np.sqrt(steps) * variance / 99  # four standard errors
    assert np.abs(apart).max() < 6 * eta * np.sqrt(steps) * variance
    plain = present(taught(per_step(hebb, eta), 100), input=x, output=y).weights["feedforward"]
    assert plain[1:, 1:].mean() == pytest.approx(eta * steps * p**2, rel=0.02)


def test_node_perturbation_follows_the_gradient() -> None:
    """E[change]/(eta*sigma**2) is the gradient of the expected reward: 1000 networks, 400 steps each."""
    networks, steps, eta, sigma = 1000, 400, 1e-6, 0.05
    w, x, target = np.array([[0.5, -0.3], [0.2, 0.8], [-0.6, 0.4]]), np.array([1.0, 0.5, -0.7]), np.array([0.2, 1.0])
    own = np.kron(np.eye(networks, dtype=bool), np.ones((2, 1), bool))
    rule = per_step(node_perturbation, eta).with_parameters(tau_mean=20 * DT)
    unit = neurons.rewarded_unit.with_parameters(sigma=sigma)
    circuit = Circuit(
        name="networks",
        populations={
            "input": Population(model=rate_source, size=3),
            "output": Population(model=unit, size=2 * networks),
            "critic": Population(model=neurons.critic, size=networks),
        },
        projections={
            "feedforward": Projection(
                pre="input", post="output", weights=np.tile(w, networks), rule=rule, summed={"z": "w*x_pre"}
            ),
            "judge": Projection(pre="output", post="critic", summed={"R": "-(y_pre - target_pre)**2"}, connected=own),
            "reward": Projection(pre="critic", post="output", summed={"R": "R_pre"}, connected=own.T),
        },
    )
    rows = np.tile(x, (steps, 1))
    weights = present(circuit, every=steps, input=rows, output=np.tile(target, (steps, networks))).weights[
        "feedforward"
    ]
    change = (weights - np.tile(w, networks)).reshape(3, networks, 2).mean(axis=1) / (steps * eta * sigma**2)
    gradient = -2 * np.outer(x, x @ w - target)
    assert np.linalg.norm(change - gradient) < 0.02 * np.linalg.norm(gradient)


def test_oja_finds_the_first_principal_component() -> None:
    rng = np.random.default_rng(2)
    rows = rng.multivariate_normal([0, 0], [[3, 1], [1, 2]], 4000)
    weights = late_mean(
        present(circuits.linear_rates(rng.normal(0, 0.5, (2, 3)), rule=per_step(oja, 0.005)), input=rows)
    )
    first = np.linalg.eigh(np.array([[3.0, 1.0], [1.0, 2.0]]))[1][:, -1]
    for w in weights.T:
        assert cosine(w, first) > 0.99
        assert np.linalg.norm(w) == pytest.approx(1, abs=0.02)


def test_oja_subspace_spans_the_first_two_components() -> None:
    rng = np.random.default_rng(3)
    axes = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    rows = rng.normal(size=(4000, 4)) * np.sqrt([4, 2, 0.5, 0.25]) @ axes.T
    rule = per_step(oja_subspace, 0.005)
    weights = late_mean(present(circuits.linear_rates(rng.normal(0, 0.5, (4, 2)), rule=rule), input=rows))
    inside = axes[:, :2].T @ weights
    assert np.linalg.svd(inside)[1].min() > 0.98
    assert np.linalg.norm(weights - axes[:, :2] @ inside) < 0.1
    np.testing.assert_allclose(weights.T @ weights, np.eye(2), atol=0.03)


def test_bcm_selects_one_of_two_patterns() -> None:
    """Each with probability 1/2, so that the winner drives 2, the loser 0, and theta = E[y**2] = 2."""
    rule = per_step(bcm, 0.003).with_parameters(tau_theta=100 * DT)
    circuit = circuits.linear_rates([[0.6, 0.4], [0.4, 0.6]], rule=rule)
    recording = present(circuit, input=np.tile(np.eye(2), (3000, 1)))
    np.testing.assert_allclose(recording.weights["feedforward"], 2 * np.eye(2), rtol=0.03, atol=0.01)
    np.testing.assert_allclose(recording.state["output"]["theta"], 2, rtol=0.03)


def test_softhebb_settles_at_the_direction_of_its_inputs() -> None:
    """w = E[y*x]/|E[y*x]|, of length 1, one unit for each of three clusters."""
    rng, temperature = np.random.default_rng(4), 0.2
    centres = np.array([[1.0, 0.2, 0, 0], [0, 1.0, 0.3, 0.1], [0.2, 0, 0.4, 1.0]])
    rows = centres[rng.integers(0, 3, 6000)] + rng.normal(0, 0.1, (6000, 4))
    start = 0.5 * centres.T + rng.normal(0, 0.05, (4, 3))
    circuit = circuits.competing_rates(start, rule=per_step(softhebb_rate, 0.01), temperature=temperature)
    weights = late_mean(present(circuit, input=rows))
    y = np.array([competing(weights, x, temperature)["y"] for x in rows])
    expected = (rows.T @ y) / np.linalg.norm(rows.T @ y, axis=0)
    np.testing.assert_allclose(np.linalg.norm(weights, axis=0), 1, atol=0.02)
    np.testing.assert_allclose(weights, expected, atol=0.02)
    assert np.abs(weights - start).max() > 0.2


@pytest.mark.parametrize("u", [5.0, -5.0])
def test_softmax_of_large_drives(u: float) -> None:
    """At SoftHebb's temperature of 0.005 a drive of 5 is exp(1000)."""
    rule = per_step(softhebb_rate, 0.1)
    w = np.array([[u, u - 0.01]])
    circuit = circuits.competing_rates(w, rule=rule, temperature=0.005)
    weights = present(circuit, every=1, input=np.ones((1, 1))).weights["feedforward"]
    activity = competing(w, np.ones(1), 0.005)
    np.testing.assert_allclose(weights, w + STEP * RATE_ORACLES["softhebb_rate"](w, activity, base(rule.parameters)))


def test_anti_hebbian_sign_of_one_step() -> None:
    """The worked example: the update divided by its maximum; unit 0 wins, unit 1 learns with the other sign."""
    w = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]]).T
    circuit = circuits.competing_rates(w, rule=per_step(softhebb_anti, 0.1), temperature=1.0)
    recording = present(circuit, every=1, input=np.array([[1.0, 0.0, -1.0]]))
    assert recording.state["output"]["u"].tolist() == [2.0, 0.0]
    assert recording.state["output"]["rank"].tolist() == [0.0, 1.0]
    change = (recording.weights["feedforward"] - w).T / 0.1
    np.testing.assert_allclose(change[0], 0.880797078 * np.array([-3.0, 0.0, -1.0]), atol=1e-7)
    np.testing.assert_allclose(change[1], -0.119202922 * np.array([1.0, 0.0, -1.0]), atol=1e-7)
    direction = [[-1, 0, -0.3333333], [-0.0451118, 0, 0.0451118]]
    np.testing.assert_allclose(change / np.abs(change).max(), direction, atol=1e-7)


@pytest.mark.parametrize("rule", [hebb, instar, oja], ids=lambda rule: rule.name)
def test_one_step_descends_the_loss_of_the_rule(rule: PlasticityRule) -> None:
    """L = -surrogate**2/2, its value overwritten by y: -dL/dw is y times the slope of the surrogate (Miconi 2021)."""
    rng = np.random.default_rng(6)
    w, x = rng.normal(size=(4, 3)), rng.normal(size=4)
    y = x @ w  # realized, so no part of the slope
    weight = {"hebb": np.zeros(3), "instar": np.ones(3), "oja": y}[rule.name]

    def surrogate(v: Array) -> Array:
        return np.asarray(x @ v - 0.5 * (v**2).sum(axis=0) * weight, float)

    slope, h = np.empty_like(w), 1e-4
    for i in range(4):
        nudge = np.zeros_like(w)
        nudge[i] = h
        slope[i] = (surrogate(w + nudge) - surrogate(w - nudge)) / (2 * h)
    weights = present(circuits.linear_rates(w, rule=per_step(rule, 0.1)), every=1, input=x[None]).weights["feedforward"]
    np.testing.assert_allclose((weights - w) / 0.1, y * slope, rtol=1e-6, atol=1e-9)


@pytest.mark.long
def test_dense_regular_spikes_equal_rates_within_the_ripple() -> None:
    """Trains of period T leave traces whose variance is (T/2tau)*coth(T/2tau) - 1 of their squared mean.

    Each rule is a sum of products of at most three traces, so that means of products differ from products of means
    by at most six times the larger of the two, in units of the terms (of order 1).
    """
    steps, warm, tau, eta = 1200, 400, 0.05, 1.0
    periods, shift = (4, 8), 3
    ticks = [np.arange(3 + shift * n, steps, period) for n, period in enumerate(periods)]
    unit_rate = 200.0
    rules = {rule.name: fast(rule.name).with_parameters(eta=eta * Hz) for rule in ON_SPIKES}
    rules["hebb_forgetting"] = rules["hebb_forgetting"].with_parameters(tau_forget=2 * second)
    parts = {
        name: circuits.synapse_pair(on_spikes(rule, tau_x=tau * second, tau_y=tau * second, unit_rate=unit_rate * Hz))
        for name, rule in rules.items()
    }
    plan = protocols.spike_trains([ticks[0] * DT], [ticks[1] * DT], duration=steps * DT)
    stimuli = {f"{name}_{side}": rows for name in parts for side, rows in plan.stimuli.items()}
    record = [f"{name}_synapse.w" for name in parts]
    recording = simulate(joined(parts), Protocol(stimuli=stimuli, duration=plan.duration), dt=DT, record=record)
    # in steps of dt the mean of a trace is dt/tau/(exp(dt/tau) - 1) of what it is in continuous time
    x, y = (STEP / tau / np.expm1(STEP / tau) / (period * STEP * unit_rate) for period in periods)
    half = max(periods) * STEP / (2 * tau)
    ripple = half / np.tanh(half) - 1
    for name, rule in rules.items():
        weights = recording.traces[f"{name}_synapse.w"][:, 0]
        settled = {"covariance": {"x_mean": x, "y_mean": y}, "bcm": {"theta": y**2}}.get(name, {})
        activity = {"x": np.array([x]), "y": np.array([y]), **{k: np.array([v]) for k, v in settled.items()}}
        w = np.full((1, 1), weights[warm])
        for _ in range(warm + 1, steps):
            w = w + STEP * RATE_ORACLES[name](w, activity, base(rule.parameters))
        change, predicted = weights[-1] - weights[warm], w[0, 0] - weights[warm]
        assert abs(change - predicted) <= 6 * ripple * eta * (steps - warm) * STEP, name
        if name != "covariance":
            assert abs(predicted) > 20 * ripple * eta * (steps - warm) * STEP, name


@pytest.mark.long
def test_adaptive_threshold_rises_with_spikes_and_decays() -> None:
    """Every input moves v by 16 mV: 15.9 mV one step later, so it fires where theta has fallen below 0.9 mV."""
    dt, step, tau = 0.1 * ms, 4.0, 0.1
    arrivals = np.array([10.0, 110.0, 210.0, 310.0, 410.0, 510.0])
    model = neurons.lif_adaptive.with_parameters(theta_step=step * mV, tau_theta=tau * second)
    circuit = Circuit(
        name="one_neuron",
        populations={
            "input": Population(model=spike_source, size=1),
            "output": Population(model=model, size=1),
        },
        projections={"feedforward": Projection(pre="input", post="output", weights=np.full((1, 1), 16.0))},
    )
    protocol = Protocol(stimuli={"input": spike_rows([arrivals * ms])}, duration=600 * ms, presentation=100 * ms)
    recording = simulate(circuit, protocol, dt=dt, record=["output", "output.theta", "output.v"])
    fired: list[float] = []

    def theta(now: float) -> float:
        past = [now - spike for spike in fired if spike < now + 0.01]
        return float(np.sum(step * np.exp(-np.array(past) / (1000 * tau))))

    for arrival in arrivals:
        if 16 * np.exp(-0.1 / 20) > 15 + theta(arrival + 0.1):
            fired.append(arrival + 0.1)
    assert len(fired) == 3
    np.testing.assert_allclose(recording.spikes["output"].t / ms, fired, rtol=1e-9)
    expected = [theta(now) for now in recording.times / ms]
    np.testing.assert_allclose(1000 * recording.traces["output.theta"][:, 0], expected, rtol=1e-9, atol=1e-12)
    onsets = 1000 * recording.traces["output.v"][::1000, 0]
    np.testing.assert_allclose(onsets, -65, rtol=1e-12)  # v starts anew at each onset, theta does not
