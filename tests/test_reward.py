"""Reward: with and without a baseline, with and without an eligibility; and short-term plasticity."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second

from spikehebb import circuits, jobs, plot
from spikehebb.core import Circuit, NeuronModel, Population, Projection, Protocol
from spikehebb.encoders import spike_rows, spike_source
from spikehebb.jobs.reward import CONDITIONS, RewardTask
from spikehebb.rules import hebb, hebb_reward, tsodyks_markram
from spikehebb.simulation import simulate
from tests.oracles.rates import Array
from tests.test_cli import run as command
from tests.test_rate_properties import per_step, taught
from tests.test_rate_rules import DT

SHORT = RewardTask(trials=300, networks=2, eta=3.0)


def test_a_target_is_learnt_from_a_reward_that_comes_later_but_not_without_eligibility_or_baseline() -> None:
    """Perfect weights still have the noise: -outputs*sigma**2. Without a baseline reward x Hebb drives outputs to 0."""
    report = jobs.learn_reward(SHORT)
    last = {name: each["mean"] for name, each in report["last"].items()}
    start = report["curves"]["node perturbation"][0]
    assert report["bound"] == pytest.approx(-0.12)
    assert last["node perturbation"] > 1.2 * report["bound"]
    assert last["reward x Hebb"] > 3 * report["bound"] > 0.5 * start
    assert last["node perturbation, no eligibility"] == pytest.approx(start, rel=0.4)
    assert last["reward x Hebb, no baseline"] < 3 * last["reward x Hebb"]


@pytest.mark.long
@pytest.mark.parametrize("baseline", [0.0, 1.0])
def test_the_plain_product_of_reward_and_hebb_drifts_by_the_means(baseline: float) -> None:
    """All are independent: plainly w grows by eta*E[R]*E[x*y] in a step, with a baseline it does not grow."""
    rng, steps, size, eta = np.random.default_rng(0), 1500, 10, 0.01
    unit = NeuronModel(
        name="judged", summary="", equations="y : 1\nR : 1\nz : 1", onset="y = stimulus(t, i); R = 1 + 0.5*randn()"
    )
    rule = per_step(hebb_reward, eta).with_parameters(baseline=baseline, tau_mean=50 * DT)
    circuit = taught(hebb, size)
    circuit = dataclasses.replace(
        circuit,
        populations={**circuit.populations, "output": Population(model=unit, size=size)},
        projections={"feedforward": dataclasses.replace(circuit.projections["feedforward"], rule=rule)},
    ).with_state("output", R_mean=1.0)
    x, y = (rng.integers(0, 2, (steps, size)).astype(float) for _ in "xy")
    plan = Protocol(stimuli={"input": x, "output": y}, duration=steps * DT, presentation=DT)
    drift = simulate(circuit, plan, dt=DT, seed=1).weights["feedforward"].mean()
    plain = eta * steps * 0.25
    assert drift == pytest.approx((1 - baseline) * plain, abs=0.05 * plain)


def test_hebb_grows_up_to_the_bounds_that_it_is_given() -> None:
    rows = np.ones((50, 3))
    rule = per_step(hebb, 0.1).with_parameters(w_max=0.7, w_min=-0.1)
    plan = Protocol(stimuli={"input": rows, "output": rows * [1, -1, 0]}, duration=50 * DT, presentation=DT)
    weights = simulate(taught(rule, 3), plan, dt=DT).weights["feedforward"]
    assert weights.tolist() == [[0.7, -0.1, 0.0]] * 3


@pytest.mark.long
def test_a_reward_task_goes_on_where_it_stopped(tmp_path: Path) -> None:
    task = RewardTask(trials=20, networks=1)
    whole = jobs.learn_reward(task)

    def stop(stage: str, fraction: float) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.learn_reward(task, out=tmp_path / "run", progress=stop)
    assert jobs.learn_reward(task, out=tmp_path / "run")["last"] == whole["last"]
    assert len(plot.rewards(whole).axes[0].lines) == 1 + len(CONDITIONS)


def test_reward_refuses_in_a_sentence(tmp_path: Path) -> None:
    for given, message in (
        (["--delay", "12"], "a reward after 12 steps comes after the trial of 10 steps"),
        (["--eta", "0"], "eta must be a number above 0"),
        (["--networks", "0"], "networks must be a whole number"),
    ):
        done = command("reward", *given, "--out", str(tmp_path / "run"))
        assert done.returncode == 2
        assert message in done.stderr


def test_the_reward_command_prints_every_condition(tmp_path: Path) -> None:
    done = command("reward", "--trials", "10", "--networks", "1", "--device", "numpy", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert all(f"\n{name} " in done.stdout for name in CONDITIONS)
    assert (tmp_path / "reward.png").stat().st_size > 10_000
    assert "How to repeat it" in (tmp_path / "report.html").read_text()


def transmitted(rates: Array, spikes: int, **parameters: object) -> Array:
    """What each spike of regular trains adds to the neuron, shape (spikes, rates), from weights of 2."""
    pairs, step = len(rates), 1 * ms
    trains = [np.round(1000 * (0.1 + np.arange(spikes) / rate)) * ms for rate in rates]
    target = NeuronModel(name="target", summary="", equations="u : 1", receive="u_post += w")
    circuit = Circuit(
        name="transmission",
        populations={
            "pre": Population(model=spike_source, size=pairs),
            "post": Population(model=target, size=pairs),
        },
        projections={
            "synapse": Projection(
                pre="pre",
                post="post",
                weights=2 * np.eye(pairs),
                connected=np.eye(pairs, dtype=bool),
                rule=tsodyks_markram.with_parameters(**parameters),
            )
        },
    )
    last = max(float(train[-1]) for train in trains)
    plan = Protocol(stimuli={"pre": spike_rows(trains)}, duration=round(1000 * last + 10) * ms)
    u = simulate(circuit, plan, dt=step, record=["post.u"]).traces["post.u"]
    at = [np.round(1000 * np.asarray(train)).astype(int) for train in trains]
    return np.array([u[each + 2, n] - u[each - 1, n] for n, each in enumerate(at)]).T


def test_a_depressing_synapse_has_the_textbook_steady_state() -> None:
    """Without facilitation (Tsodyks and Markram 1997): U*(1 - e)/(1 - (1 - U)*e), e = exp(-1/(rate*tau_rec))."""
    rates, share, tau = np.array([10.0, 20.0, 50.0]), 0.5, 0.8
    sent = transmitted(rates, 25, U=share, tau_rec=tau * second, tau_facil=0.01 * ms)
    np.testing.assert_allclose(sent[0], 2 * share, rtol=1e-9)
    kept = np.exp(-1 / (rates * tau))
    np.testing.assert_allclose(sent[-1], 2 * share * (1 - kept) / (1 - (1 - share) * kept), rtol=1e-5)
    assert sent[-1, 2] / sent[-1, 1] == pytest.approx(20 / 50, rel=0.06), "nearly as 1/rate, the limit of high rates"


def test_a_facilitating_synapse_has_the_textbook_steady_state() -> None:
    """u = U/(1 - (1 - U)*f), f = exp(-1/(rate*tau_facil)), and resources that recover within tau_rec."""
    rates, share, facil, rec = np.array([10.0, 20.0, 50.0]), 0.15, 0.75, 0.05
    sent = transmitted(rates, 40, U=share, tau_rec=rec * second, tau_facil=facil * second)
    kept, back = np.exp(-1 / (rates * facil)), np.exp(-1 / (rates * rec))
    u = share / (1 - (1 - share) * kept)
    np.testing.assert_allclose(sent[-1], 2 * u * (1 - back) / (1 - (1 - u) * back), rtol=2e-3)
    assert np.all(sent[1] > sent[0]), "the second spike is stronger"


def test_delayed_rates_show_a_cue_once_and_tell_success_once() -> None:
    circuit = circuits.delayed_rates(np.ones((2, 1)), rule=None, t_reward=3 * DT, baseline=1.0, sigma=0.0)
    plan = Protocol(
        stimuli={"input": np.ones((2, 2)), "output": np.ones((2, 1))}, duration=10 * DT, presentation=5 * DT
    )
    traces = simulate(circuit, plan, dt=DT, record=["input.x", "output.success", "critic.held"]).traces
    assert traces["input.x"][:, 0].tolist() == [1, 0, 0, 0, 0] * 2
    assert traces["critic.held"][:, 0].tolist() == [-1.0] * 10
    np.testing.assert_allclose(traces["output.success"][:, 0], [0, 0, 0, -1, 0, 0, 0, 0, -0.95, 0], atol=1e-12)
