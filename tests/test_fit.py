"""Fits: parameters come back within their intervals, intervals cover as often as they say, and failures say why."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb import plot
from spikehebb.core import Float, PlasticityRule, Protocol
from spikehebb.datasets.measurements import Measurements
from spikehebb.devices import CPP, NUMPY
from spikehebb.jobs import fit_problem
from spikehebb.jobs.fit import fit
from spikehebb.jobs.fit_problem import FitError
from spikehebb.jobs.fitted import Fit
from spikehebb.rules import calcium_dp, stdp_pair
from tests.conftest import NO_COMPILER

LAGS = np.array([5.0, -40, 25, -15, 10, -5, -60, 60, 15, -25, 40, -10])
TRUE = stdp_pair.with_parameters(A_plus=0.006, A_minus=0.004, tau_plus=16.8 * ms, tau_minus=33.7 * ms)
FREE = ("A_plus", "A_minus", "tau_plus", "tau_minus")


def exponentials(rule: PlasticityRule, lags: Any, *, repeats: int = 60, w0: float = 0.5, **protocol: Any) -> Float:
    """The changes of pair STDP at low frequency, in closed form, with its clipping at the end; lags in seconds."""
    value = {name: np.asarray(quantity, float) for name, quantity in rule.parameters.items()}
    lag = np.asarray(lags, float)
    with np.errstate(over="ignore"):
        plus, minus = np.exp(-lag / value["tau_plus"]), np.exp(lag / value["tau_minus"])
    dw = repeats * np.where(lag > 0, value["A_plus"] * plus, -value["A_minus"] * minus)
    return np.asarray(np.clip(w0 + dw, value["w_min"], value["w_max"]) - w0, float)


Changes = Callable[..., Float]


def with_window(monkeypatch: pytest.MonkeyPatch, changes: Changes) -> Callable[..., Fit]:
    """A fit that does not simulate; every point is a pairing, at the lag of its first spikes."""

    def weight_changes(rule: PlasticityRule, protocol: Protocol, **options: Any) -> Float:
        pre, post = (protocol.stimuli[side] for side in ("pre", "post"))
        return changes(rule, post[0] - pre[0], repeats=int(np.isfinite(pre[:, 0]).sum()), **options)

    monkeypatch.setattr(fit_problem, "weight_changes", weight_changes)
    return lambda rule, data, **options: fit(rule, data, device=NUMPY, **options)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fit]:
    """A fit that does not simulate."""
    return with_window(monkeypatch, exponentials)


def measured(
    x: Any = LAGS,
    *,
    rule: PlasticityRule = TRUE,
    noise: float = 0.0,
    seed: int = 0,
    weighted: bool = True,
    repeats: int = 60,
    w0: float = 0.5,
) -> Measurements:
    x = np.asarray(x, float)
    change: Float = exponentials(rule, x / 1000, repeats=repeats, w0=w0) / w0
    change = change + np.random.default_rng(seed).normal(0, noise, len(x))
    return Measurements(name="cells", x=x, change=change, error=np.full(len(x), noise) if weighted and noise else None)


def inside(result: Fit, rule: PlasticityRule = TRUE) -> list[bool]:
    return [bool(e.low <= rule.parameters[name] <= e.high) for name, e in result.parameters.items()]


@pytest.mark.long
@pytest.mark.compiler
@NO_COMPILER
def test_known_parameters_come_back_from_the_simulation() -> None:
    """Lags off the grid of 1 ms, some measured twice, 60 pairings at 1 Hz, standard errors of 1 % of the start."""
    x = np.concatenate([LAGS + 0.3, LAGS[::2]])
    data = dataclasses.replace(measured(np.round(x), noise=0.01, seed=1), x=x)
    result = fit(stdp_pair, data, device=CPP, dt=1 * ms, round_times=True)
    assert tuple(result.parameters) == FREE
    assert inside(result) == [True] * 4
    assert (result.rule, result.points, result.degrees) == ("stdp_pair", 18, 14)
    assert 4 < result.chi2 < 32  # 0.5 % to 99.5 % of chi2 at 14 degrees of freedom
    assert result.evaluations < 15
    assert (result.unused, result.warnings) == ((), ())
    assert result.data[0].x.tolist() == x.tolist(), "the lags that were measured, not those on the grid"
    (curve,) = result.curves
    np.testing.assert_allclose(curve.fitted * 0.5, exponentials(result.fitted, curve.x / 1000), atol=1e-6)
    np.testing.assert_allclose(curve.start * 0.5, exponentials(stdp_pair, curve.x / 1000), atol=1e-6)


def test_numpy_finds_the_values_that_the_data_were_made_of() -> None:
    """Exact data: what is left is the tolerance of the search."""
    lags = [-20, -10, 10, 20]
    data = measured(lags, repeats=1)
    result = fit(stdp_pair, data, free=["A_plus", "tau_plus"], repeats=1, device=NUMPY, dt=1 * ms)
    for name in ("A_plus", "tau_plus"):
        assert float(result.fitted.parameters[name]) == pytest.approx(float(TRUE.parameters[name]), rel=1e-5)
    assert result.fitted.parameters["A_minus"] == stdp_pair.parameters["A_minus"], "what is not free stays"
    np.testing.assert_allclose(result.predictions[0][2:], data.change[2:], rtol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("weighted", [True, False], ids=["given errors", "no errors"])
def test_intervals_cover_as_often_as_they_say(quick: Callable[..., Fit], weighted: bool) -> None:
    """80 fits with 4 parameters and 90 % intervals: 320 answers, of which 90 % +- 1.7 % should be right.

    With given errors Student's t is cautious (1.86 instead of 1.64 at 8 degrees of freedom: 93.7 %). The answers of
    one fit are correlated, so the tolerance is 4.5 %.
    """
    answers = []
    for seed in range(80):
        data = measured(noise=0.02, seed=seed, weighted=weighted)
        answers += inside(quick(stdp_pair, data, confidence=0.9))
    assert np.mean(answers) == pytest.approx(0.937 if weighted else 0.9, abs=0.045)


def test_errors_weigh_the_points_and_set_the_width(quick: Callable[..., Fit]) -> None:
    """A point with a huge error has no say, and intervals are as wide as the errors, whatever the scatter."""
    exact = measured(noise=0.01)
    change, error = np.array(exact.change), np.full(len(exact), 0.01)
    change[7] += 5
    error[7] = 1e6
    result = quick(stdp_pair, dataclasses.replace(exact, change=change, error=error))
    without = np.arange(len(exact)) != 7
    fewer = dataclasses.replace(exact, x=exact.x[without], change=exact.change[without], error=error[without])
    for name, estimate in quick(stdp_pair, fewer).parameters.items():
        assert float(result.parameters[name].value) == pytest.approx(float(estimate.value), rel=1e-5)
    clean, doubled = measured(), {}
    for size in (0.01, 0.02):
        weighted = dataclasses.replace(clean, error=np.full(len(clean), size))
        estimate = quick(stdp_pair, weighted, free=["A_plus"]).parameters["A_plus"]
        doubled[size] = estimate.high - estimate.low
    assert doubled[0.02] == pytest.approx(2 * doubled[0.01])


def test_parameters_that_make_no_difference_are_kept_and_named(quick: Callable[..., Fit]) -> None:
    causal = measured(LAGS[LAGS > 0])
    result = quick(stdp_pair, causal)
    assert tuple(result.parameters) == ("A_plus", "tau_plus")
    assert result.unused == ("A_minus", "tau_minus")
    assert result.fitted.parameters["A_minus"] == stdp_pair.parameters["A_minus"]
    assert np.all(result.curves[0].x > 0), "nothing is drawn where nothing was measured"
    with pytest.raises(ValueError, match="at these lags the weight does not depend on A_minus; name others as free"):
        quick(stdp_pair, causal, free=["A_plus", "A_minus"])


def test_bounds_and_delays_are_kept(quick: Callable[..., Fit]) -> None:
    assert not {"w_min", "w_max"} & set(quick(stdp_pair, measured()).parameters)
    with pytest.raises(ValueError, match="calcium_dp: D cannot be fitted: it is a delay, which moves in whole time st"):
        quick(calcium_dp, measured(), free=["D"])


def test_noise_is_refused_and_never_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule with noise of 0 can be fitted, but the size of its noise cannot."""
    noisy = dataclasses.replace(
        stdp_pair, update="w += sigma*randn()", parameters={**stdp_pair.parameters, "sigma": 0.0}
    )

    def window(rule: PlasticityRule, lags: Float, *, seed: int = 0, **protocol: Any) -> Float:
        noise = np.asarray(rule.parameters["sigma"]) * np.random.default_rng(seed).normal(size=len(lags))
        return exponentials(rule, lags, **protocol) + noise

    quick = with_window(monkeypatch, window)
    result = quick(noisy, measured())
    assert (tuple(result.parameters), result.unused) == (FREE, ("sigma",))
    with pytest.raises(ValueError, match="stdp_pair: sigma cannot be fitted: it makes the rule random"):
        quick(noisy, measured(), free=["A_plus", "sigma"])


def test_a_random_rule_is_fitted_by_the_mean_of_its_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each point is simulated 400 times with the same random numbers in every evaluation."""
    noisy = dataclasses.replace(
        stdp_pair, update="w += sigma*randn()", parameters={**stdp_pair.parameters, "sigma": 0.02}
    )
    sizes = set()

    def window(rule: PlasticityRule, lags: Float, *, seed: int = 0, **protocol: Any) -> Float:
        sizes.add(len(lags))
        noise = np.asarray(rule.parameters["sigma"]) * np.random.default_rng(seed).normal(size=len(lags))
        return exponentials(rule, lags, **protocol) + noise

    quick = with_window(monkeypatch, window)
    data = measured(noise=0.01, seed=4)
    result = quick(noisy, data, trials=400)
    assert max(sizes) >= 400 * len(LAGS)
    assert (result.trials, tuple(result.parameters), result.unused) == (400, FREE, ("sigma",))
    assert inside(result) == [True] * 4
    assert result.report()["trials"] == 400
    few = quick(noisy, data, trials=2, free=FREE)
    assert "The means over 2 trials are uncertain by up to" in " ".join(few.warnings)
    with pytest.raises(ValueError, match="sigma cannot be fitted: it is the size of the noise"):
        quick(noisy, data, free=["A_plus", "sigma"])
    with pytest.raises(ValueError, match="trials must be a whole number from 2 on, got 1"):
        quick(noisy, data, trials=1)


def test_clipped_predictions_are_told(quick: Callable[..., Fit]) -> None:
    strong = TRUE.with_parameters(A_plus=0.012)
    result = quick(stdp_pair, measured(rule=strong, w0=0.5))
    assert any("At 1 of 12 points the fitted weight runs into w_max = 1" in text for text in result.warnings)
    beyond = dataclasses.replace(measured(), change=measured().change + 0.6)
    texts = " ".join(quick(stdp_pair, beyond, free=["A_plus", "tau_plus"]).warnings)
    assert re.search(r"\d of 12 measured changes are above \+100 %, the most that w_max allows from w0 = 0.5", texts)
    with pytest.raises(ValueError, match="the weight runs into w_max = 1 and does not depend on A_plus and tau_plus"):
        quick(stdp_pair.with_parameters(A_plus=9), measured())


def test_a_rule_that_does_not_describe_the_data_is_told(quick: Callable[..., Fit]) -> None:
    data = measured(noise=0.02)
    warning = "The rule does not describe the data within their errors, so the intervals mean little."
    assert warning not in quick(stdp_pair, data).warnings
    assert warning in quick(stdp_pair, dataclasses.replace(data, change=np.abs(data.change)), free=["A_plus"]).warnings


def test_a_vague_time_is_told(quick: Callable[..., Fit]) -> None:
    data = measured(LAGS[LAGS > 0], noise=0.3, seed=3)
    assert (
        "The data hardly determine tau_plus: the confidence interval reaches below 0."
        in quick(stdp_pair, data).warnings
    )


def test_a_step_into_nowhere_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 5 ms the first step makes the amplitude negative, where this rule has no numbers."""
    refused = []

    def fragile(rule: PlasticityRule, lags: Float, **protocol: Any) -> Float:
        least = np.min(np.asarray(rule.parameters["A_plus"]))
        if least < 0:
            refused.append(least)
            raise ValueError("weights left the range of numbers")
        return exponentials(rule, lags, **protocol)

    quick = with_window(monkeypatch, fragile)
    free_of_sign = dataclasses.replace(stdp_pair, roles={"A_plus": "number"})  # else no step would try it
    result = quick(free_of_sign.with_parameters(tau_plus=5 * ms), measured())
    assert refused
    assert float(result.fitted.parameters["tau_plus"] / ms) == pytest.approx(16.8, rel=1e-4)


def doubled() -> PlasticityRule:
    """Pair STDP whose potentiation has two amplitudes that only their product matters of."""
    code = "w = clip(w + gain*A_plus*x1_pre, w_min, w_max)"
    return dataclasses.replace(stdp_pair, on_post=code, parameters={**stdp_pair.parameters, "gain": 1.0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"free": ["A_pls"]}, "stdp_pair has no parameter 'A_pls'. Did you mean 'A_plus'? (A_plus, A_minus,"),
        ({"data": 3}, "data must be Measurements, a name of published ones or a CSV file; got 3."),
        ({"data": None}, "data must be Measurements, a name of published ones or a CSV file; got None."),
        ({"free": []}, "stdp_pair: nothing is free; name at least one parameter. (A_plus, A_minus,"),
        ({"confidence": 95}, "confidence must lie between 0 and 1, got 95."),
        ({"w0": 0.0}, "w0 must be a finite number above 0, because changes are relative to it, got 0.0."),
        ({"data": measured(LAGS[4:8])}, "cells has 4 points, too few for 4 free parameters; measure at least 5,"),
        ({"data": measured([1, 2]), "free": ["A_plus", "A_minus"]}, "cells has 2 points, too few for 2 free"),
        ({"data": measured([-5, 0.04, 5])}, "cells: at a lag of 0.04 ms both spikes fall into one time step of 100"),
        ({"rule": stdp_pair.with_parameters(w_max=np.inf), "free": ["w_max"]}, "w_max cannot be fitted: it starts fro"),
        ({"rule": stdp_pair.with_parameters(tau_plus=0.05 * ms), "free": ["tau_plus"]}, "must be longer than dt = 100"),
        (
            {"rule": stdp_pair.with_parameters(A_plus=[0.1, 0.2])},
            "stdp_pair: A_plus is an array; a fit needs one value",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(quick: Callable[..., Fit], options: dict[str, Any], message: str) -> None:
    given = {"rule": stdp_pair, "data": measured(), **options}
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        quick(given.pop("rule"), given.pop("data"), **given)
    assert "\n" not in str(caught.value)


def test_one_name_may_stand_alone(quick: Callable[..., Fit]) -> None:
    assert tuple(quick(stdp_pair, measured(), free="A_plus").parameters) == ("A_plus",)


def test_parameters_that_cannot_be_told_apart_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def window(rule: PlasticityRule, lags: Float, **protocol: Any) -> Float:
        product = np.asarray(rule.parameters["A_plus"]) * np.asarray(rule.parameters["gain"])
        return exponentials(rule.with_parameters(A_plus=product), lags, **protocol)

    quick = with_window(monkeypatch, window)
    with pytest.raises(
        FitError, match="the data cannot tell A_plus and gain apart; name fewer of them as free"
    ) as caught:
        quick(doubled(), measured())
    assert caught.value.data[0].name == "cells"
    assert caught.value.start.parameters["A_plus"] == stdp_pair.parameters["A_plus"]
    assert inside(quick(doubled(), measured(noise=0.01), free=FREE)) == [True] * 4


def test_a_fit_that_does_not_converge_shows_where_it_stands(
    quick: Callable[..., Fit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("spikehebb.jobs.fit"), "_MOST", 2)
    with pytest.raises(FitError, match=r"did not converge in 2 evaluations and stands at A_plus = 0\.00") as caught:
        quick(stdp_pair, measured())
    error = caught.value
    assert error.data[0].name == "cells"
    assert error.start.parameters["tau_minus"] == 20 * ms
    assert error.last.parameters["tau_minus"] != 20 * ms
    monkeypatch.setattr(import_module("spikehebb.jobs.fit"), "_VAGUE", 0.5)
    with pytest.raises(FitError, match=r"of which the data hardly determine .*A_plus.*; start nearer to the data"):
        quick(stdp_pair, measured())


def test_a_time_that_shrinks_to_nothing_is_named(quick: Callable[..., Fit]) -> None:
    """All of the potentiation is within one step, so its time course is shorter than any that can be simulated."""
    x, change = np.array([0.1, 0.2, 0.3, 5, 10, 20]), np.array([0.5, 0.0005, 0, 0, 0, 0])
    data = Measurements(name="cells", x=x, change=change)
    with pytest.raises(FitError, match=r"tau_plus ended at the least value, dt = 100 us: the data show no such time"):
        quick(stdp_pair, data)


def test_data_without_potentiation_say_nothing_of_its_time_course(quick: Callable[..., Fit]) -> None:
    data = measured(rule=TRUE.with_parameters(A_plus=0.0))
    with pytest.raises(FitError, match=r"the data say nothing of tau_plus"):
        quick(stdp_pair, data)


def test_a_fit_keeps_within_the_roles_and_tells_where_it_ended(quick: Callable[..., Fit]) -> None:
    """Anti-causal pairs depress, as the rule says, and causal pairs, too, which no amplitude above 0 can do."""
    data = measured()
    data = dataclasses.replace(data, change=-np.abs(data.change))
    result = quick(stdp_pair, data, free=["A_plus", "A_minus"])
    assert result.fitted.parameters["A_plus"] == 0
    assert result.fitted.parameters["A_minus"] == pytest.approx(0.004, rel=0.5)
    assert "A_plus ended at 0, the least value" in result.warnings[0]


def test_the_report_is_json_and_the_picture_shows_the_points(quick: Callable[..., Fit]) -> None:
    data = measured(noise=0.03)
    result = quick(stdp_pair, data)
    report = json.loads(json.dumps(result.report(), allow_nan=False))
    assert report["free"]["tau_plus"]["unit"] == "second"
    assert report["free"]["tau_plus"]["low"] < report["free"]["tau_plus"]["value"] < report["free"]["tau_plus"]["high"]
    assert report["free"]["tau_plus"]["start"] == 0.02
    axis, side = plot.fitted_window(result).axes
    points = next(line for line in axis.lines if line.get_marker() == "o")
    assert any(np.array_equal(np.asarray(line.get_xdata()), [0, 0]) for line in axis.lines), "a line at lag 0"
    np.testing.assert_allclose(np.asarray(points.get_xydata()), np.column_stack([data.x, 100 * data.change]))
    dashed = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 2, "one piece on each side of 0"
    assert "ms" in axis.get_xlabel()
    assert "% of start" in axis.get_ylabel()
    texts = [text.get_text() for text in side.texts]
    assert {"A_plus", "tau_minus", "95 % interval"} <= set(texts)
    assert any(text.startswith("χ² = ") for text in texts)
    assert any("60 pairings at 1 Hz" in text for text in texts)
