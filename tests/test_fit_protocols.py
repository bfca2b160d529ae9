"""Fits of any protocol: published data, several data sets with weights, files, and what does not go together."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, Quantity, ms

from spikehebb import plot, protocols
from spikehebb.core import Float, PlasticityRule, Protocol
from spikehebb.datasets.measurements import PUBLISHED, Measurements, find, read
from spikehebb.devices import CPP, NUMPY
from spikehebb.jobs import fit_problem, weight_changes
from spikehebb.jobs.experiments import protocol_of, trains_of
from spikehebb.jobs.fit import fit
from spikehebb.rules import RULES, calcium_dp, stdp_pair, triplet_hc_minimal
from tests.conftest import NO_COMPILER
from tests.oracles import SPIKE_ORACLES

WANG = ["wang2005_pairs", "wang2005_pre_post_pre", "wang2005_post_pre_post", "wang2005_quadruplets"]
SJOSTROM = ["sjostrom2001_plus10", "sjostrom2001_minus10"]


def cells(**fields: Any) -> Measurements:
    """Measurements of lists, as people give them."""
    return Measurements(**fields)


def trains(name: str, dt: Quantity = 0.1 * ms) -> list[tuple[Float, Float]]:
    return trains_of(PUBLISHED[name], repeats=60, frequency=1 * Hz, dt=dt)


@pytest.mark.parametrize(
    ("rule", "names", "error"),
    [
        ("triplet_vc_full", SJOSTROM, 0.342),
        ("triplet_vc_minimal", SJOSTROM, 0.356),
        ("triplet_hc_full", WANG, 2.83),
        ("triplet_hc_minimal", WANG, 3.27),
    ],
)
def test_published_sets_meet_published_data_as_well_as_published(rule: str, names: list[str], error: float) -> None:
    """The mean of ((data - model)/error)^2: visual cortex as in section 6.2 of the reference, hippocampus computed."""
    value, squares = RULES[rule], []
    for name in names:
        data = PUBLISHED[name]
        assert data.error is not None
        oracle = SPIKE_ORACLES[rule]
        after = np.array([oracle(pre, post, 1.0, value.parameters) for pre, post in trains(name)])
        squares.append(((after - 1 - data.change) / data.error) ** 2)
    assert np.mean(np.concatenate(squares)) == pytest.approx(error, abs=5e-3)


@pytest.mark.parametrize(
    ("data", "plan"),
    [
        ("wang2005_pre_post_pre", protocols.triplets([[5, 5], [10, 10], [15, 5], [5, 15]] * ms, order="pre-post-pre")),
        ("wang2005_post_pre_post", protocols.triplets([[5, 5], [10, 10], [5, 15], [15, 5]] * ms)),
        ("wang2005_quadruplets", protocols.quadruplets([-88.5, 20, 83.7] * ms)),
        ("sjostrom2001_minus10", protocols.pairing(-10 * ms, repeats=60, frequency=[0.1, 10, 20, 40, 50] * Hz)),
        ("wang2005_pairs", protocols.pairing([10, -10] * ms, repeats=60)),
    ],
)
def test_a_point_is_the_protocol_of_its_name(data: str, plan: Protocol) -> None:
    """Up to when it begins: time differences of all spikes, in steps of 0.1 ms."""
    made = protocol_of(trains(data), 0.1 * ms)
    for pair in range(len(PUBLISHED[data])):
        first = [min(p.stimuli[side][0, pair] for side in ("pre", "post")) for p in (made, plan)]
        for side in ("pre", "post"):
            ours, theirs = (
                np.round((p.stimuli[side][:, pair] - start)[np.isfinite(p.stimuli[side][:, pair])] * 1e4)
                for p, start in zip((made, plan), first, strict=True)
            )
            assert ours.tolist() == theirs.tolist()


def test_published_changes_say_where_they_were_read() -> None:
    for name, data in PUBLISHED.items():
        assert data.name == name
        assert data.reference is not None
        assert data.source, name
        assert len(trains(name)) == len(data)
    assert "figure" in PUBLISHED["bi1998"].source
    assert len(PUBLISHED["bi1998"]) == 42
    bursts = trains("markram1997")
    assert [len(pre) for pre, _ in bursts] == [50] * 7
    assert np.round(np.diff(bursts[0][0])[:5], 3).tolist() == [0.5, 0.5, 0.5, 0.5, 2.0]


@pytest.fixture
def by_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triplet rules, spike by spike, without a simulation."""

    def changes_of(rule: PlasticityRule, protocol: Protocol, *, w0: Any, **options: Any) -> Float:
        start = np.broadcast_to(w0, protocol.stimuli["pre"].shape[1:])
        changes = []
        for pair, w in enumerate(start):
            own = {name: value[pair] if np.ndim(value) else value for name, value in rule.parameters.items()}
            pre, post = (rows[:, pair][np.isfinite(rows[:, pair])] for rows in protocol.stimuli.values())
            changes.append(SPIKE_ORACLES["triplet_hc_minimal"](pre, post, w, own) - w)
        return np.array(changes)

    monkeypatch.setattr(fit_problem, "weight_changes", changes_of)


@pytest.mark.usefixtures("by_oracle")
def test_pairs_triplets_and_quadruplets_are_fitted_together() -> None:
    """Data of a known rule, five patterns of each kind at once: its parameters come back; so does what was measured."""
    truth = triplet_hc_minimal.with_parameters(A2_plus=0.004, A3_plus=0.01, A2_minus=0.005, tau_y=60 * ms)
    sets = [dataclasses.replace(PUBLISHED[name], repeats=3, error=None) for name in WANG]
    exact = []
    for data in sets:
        after = [
            SPIKE_ORACLES["triplet_hc_minimal"](pre, post, 1.0, truth.parameters) - 1
            for pre, post in trains_of(data, repeats=60, frequency=1 * Hz, dt=0.1 * ms)
        ]
        exact.append(dataclasses.replace(data, change=np.array(after)))
    free = ["A2_plus", "A3_plus", "A2_minus", "tau_y"]
    result = fit(triplet_hc_minimal, exact, free=free, w0=1.0, device=NUMPY)
    for name in free:
        assert float(result.fitted.parameters[name]) == pytest.approx(float(truth.parameters[name]), rel=1e-4)
    for data, prediction in zip(exact, result.predictions, strict=True):
        np.testing.assert_allclose(prediction, data.change, atol=1e-7)
    assert result.correlation.shape == (4, 4)
    np.testing.assert_allclose(np.diag(result.correlation), 1)
    assert [row["name"] for row in result.report()["data"]] == WANG
    rows = result.rows()
    assert len(rows) == result.points == 13
    assert (rows[2]["variable"], rows[2]["x"]) == ("pre_post_pre_ms", [5.0, 5.0])
    axes = plot.fitted_window(result).axes
    assert [axis.get_title() for axis in axes[:4]] == WANG
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["5, 5", "10, 10", "15, 5", "5, 15"]


def test_a_weight_moves_the_estimate_and_leaves_the_interval_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sets that contradict each other about one amplitude: the weighted mean, with the errors that it has."""

    def changes_of(rule: PlasticityRule, protocol: Protocol, **options: Any) -> Float:
        return np.array(np.broadcast_to(rule.parameters["A_plus"], protocol.stimuli["pre"].shape[1:]), float)

    monkeypatch.setattr(fit_problem, "weight_changes", changes_of)
    low = cells(name="low", x=[10, 20], change=[0.1, 0.1], error=[0.01, 0.01])
    high = cells(name="high", x=[10, 20], change=[0.3, 0.3], error=[0.01, 0.01])
    found, half = {}, {}
    for weight in (1.0, 3.0):
        estimate = fit(stdp_pair, [low, high], weights=[1, weight], free=["A_plus"], w0=1.0, device=NUMPY).parameters[
            "A_plus"
        ]
        found[weight], half[weight] = estimate.value, estimate.high - estimate.low
    assert found == pytest.approx({1.0: 0.2, 3.0: 0.25})
    # the variance of (a + 3 b)/4 is 10/16 of that of one set, that of (a + b)/2 is 8/16
    assert half[3.0] / half[1.0] == pytest.approx(np.sqrt(10 / 8))


def test_synapses_may_start_in_two_states_and_be_measured_by_their_strength(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def changes_of(rule: PlasticityRule, protocol: Protocol, *, w0: Any, **options: Any) -> Float:
        starts.append(np.array(w0))
        return np.asarray(np.where(np.asarray(w0) > 0.5, 0.0, rule.parameters["A_plus"]), float)

    monkeypatch.setattr(fit_problem, "weight_changes", changes_of)
    data = cells(name="cells", x=[10, 20], change=[0.2, 0.2])
    both = fit(stdp_pair, data, free=["A_plus"], w0=(0.0, 1.0), strength=lambda w: 1 + 4 * w, device=NUMPY)
    assert sorted(set(starts[0])) == [0.0, 1.0]
    assert both.parameters["A_plus"].value == pytest.approx(0.3), "4*0.3/2 is a fifth of (1 + 5)/2"
    assert both.w0 == 3.0


@pytest.mark.compiler
@NO_COMPILER
@pytest.mark.long
def test_a_random_rule_is_fitted_in_simulations() -> None:
    """The calcium rule with its noise: 60 synapses at each of four lags, made with gamma_p a fifth higher."""
    lags = np.array([-20.0, -10, 10, 20])
    truth = calcium_dp.with_parameters(gamma_p=1.2 * calcium_dp.parameters["gamma_p"], D=14 * ms)
    data = cells(name="cells", x=lags, change=np.zeros(4), repeats=20)
    plan = protocol_of(trains_of(data, repeats=20, frequency=1 * Hz, dt=1 * ms), 1 * ms)
    many = dataclasses.replace(plan, stimuli={k: np.repeat(v, 60, axis=1) for k, v in plan.stimuli.items()})
    made = weight_changes(truth, many, device=CPP, dt=1 * ms, seed=5).reshape(4, 60).mean(axis=1) / 0.5
    data = dataclasses.replace(data, change=made, error=np.full(4, 0.02))
    start = calcium_dp.with_parameters(D=14 * ms)
    result = fit(start, data, free=["gamma_p"], device=CPP, dt=1 * ms, trials=60)
    estimate = result.parameters["gamma_p"]
    assert result.trials == 60
    assert estimate.low < truth.parameters["gamma_p"] < estimate.high
    assert estimate.value > 1.05 * calcium_dp.parameters["gamma_p"]


@pytest.mark.parametrize(
    ("content", "patterns"),
    [
        ("post_pre_post_ms,change\n5 10,0.1\n", [([5.0], [0.0, 15.0])]),
        ("pre_post_pre_ms,change\n5 10,0.1\n", [([0.0, 15.0], [5.0])]),
        ("quadruplet_ms,at_lag_ms,change\n20,4,0.1\n", [([4.0, 20.0], [0.0, 24.0])]),
        ("quadruplet_ms,change\n-20,0.1\n", [([0.0, 25.0], [5.0, 20.0])]),
        ("frequency_hz,at_lag_ms,change\n20,-10,0.1\n", [([0.0], [-10.0])]),
        ("pre_ms;post_ms;change\n0 10 20;5;0.1\n;5 7;0.2\n", [([0.0, 10.0, 20.0], [5.0]), ([], [5.0, 7.0])]),
    ],
)
def test_every_protocol_is_read_from_a_table(
    tmp_path: Path, content: str, patterns: list[tuple[list[float], list[float]]]
) -> None:
    (tmp_path / "cells.csv").write_text(content)
    data = read(tmp_path / "cells.csv")
    assert [(pre.tolist(), post.tolist()) for pre, post in data.patterns()] == patterns


def test_settings_may_differ_from_line_to_line(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("lag_ms,at_frequency_hz,repeats,change\n10,1,2,0.1\n10,5,3,0.2\n")
    one, other = trains_of(read(tmp_path / "cells.csv"), repeats=60, frequency=1 * Hz, dt=1 * ms)
    assert np.round(np.diff(one[0]), 6).tolist() == [1.0]
    assert np.round(np.diff(other[0]), 6).tolist() == [0.2, 0.2]


CELLS = cells(name="cells", x=[-10, 10], change=[-0.2, 0.4])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"data": [CELLS, PUBLISHED["wang2005_pairs"]]},
            "cells has no errors, and other data sets do, so that their differences have different units; give errors",
        ),
        (
            {"data": [CELLS, cells(name="percent", x=[5, 20], change=[30, 40])]},
            "percent has changes of up to 40 and cells of up to 0.4, as if one were in percent; changes are relative",
        ),
        ({"data": []}, "there are no data to fit; give at least one data set."),
        ({"data": "wang2005_pair"}, "there are no measurements 'wang2005_pair'. Did you mean 'wang2005_pairs'?"),
        ({"data": [CELLS, CELLS], "weights": [1]}, "weights must be a number above 0 for each of 2 data sets, got [1]"),
        ({"data": CELLS, "weights": [0]}, "weights must be a number above 0 for each of 1 data sets, got [0]; a data"),
        (
            {"data": cells(name="rates", variable="frequency_hz", x=[1, 5], change=[0.1, 0.2])},
            "rates varies frequency_hz at a lag that is not given; name it, as in lag=10*ms or in a column at_lag_ms.",
        ),
        (
            {"data": cells(name="near", variable="quadruplet_ms", x=[4, 20], change=[0.1, 0.2])},
            "a quadruplet's interval of 4 ms must be longer than the lag of 5 ms.",
        ),
        (
            {"data": cells(name="fast", x=[30, 20], change=[0.1, 0.2], frequency=50 * Hz)},
            "fast, point 0: at 50 Hz a period is 20 ms, too short for 30 ms of spikes.",
        ),
        (
            {"data": cells(name="b", variable="spikes", pre=[[0, 0.01]], post=[[5]], change=[0.1])},
            "b, point 0: two presynaptic spikes fall into one time step of 100 us; take a smaller dt.",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence(options: dict[str, Any], message: str) -> None:
    given = {"round_times": True, **options}
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        fit(stdp_pair, given.pop("data"), device=NUMPY, **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("lag_s,change", "lag_s has another unit; give lag_ms, in units of ms."),
        ("lag_ms,change_percent", "change_percent has another unit; give change, in units of the weight at the start."),
        ("lag_ms,change,error_pct", "error_pct has another unit; give error, in units of the weight at the start."),
        ("frequency_khz,change", "frequency_khz has another unit; give frequency_hz, in units of Hz."),
        ("pre_ms,change", "has pre_ms, but no column post_ms; a pattern has both sides."),
    ],
)
def test_columns_of_other_units_are_one_sentence(tmp_path: Path, header: str, message: str) -> None:
    (tmp_path / "cells.csv").write_text(header + "\n1,0.1,0.2\n")
    with pytest.raises(ValueError, match=re.escape(message)):
        read(tmp_path / "cells.csv")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"change": [1, 2] * ms}, "change is relative to the weight at the start and has no unit, got [1.] ms; divide"),
        ({"x": [1, 2] * Hz}, "lag_ms must be a time"),
        ({"repeats": 0}, "repeats must be a whole number from 1 on, or one for each point, got 0."),
        ({"lag": [1, 2, 3] * ms}, "2 points, but 3 values of lag; give one for all, or one each."),
        ({"frequency": 0 * Hz}, "frequency must be above 0"),
        (
            {"pre": [[1]], "post": [[2]]},
            "pre and post are the patterns of 'spikes', as many on either side",
        ),
        ({"variable": "spikes", "x": [1, 2]}, "pre and post are the patterns of 'spikes'"),
        (
            {"variable": "spikes", "x": [], "pre": [[2, 1]] * 2, "post": [[1]] * 2},
            "pre_ms must be increasing",
        ),
        (
            {"variable": "spikes", "x": [1], "pre": [[1]] * 2, "post": [[1]] * 2, "change": [1]},
            "1 values of x, but 2",
        ),
        ({"variable": "post_pre_post_ms"}, "post_pre_post_ms must be a list of pairs of intervals, got shape (2,)."),
        (
            {"variable": "post_pre_post_ms", "x": [[1, 2], [1, -2]]},
            "must be two intervals above 0, as in 5 10, got",
        ),
    ],
)
def test_values_are_checked(changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"name": "cells", "x": [1, 2], "change": [0.1, 0.2], **changes}
    with pytest.raises(ValueError, match="measurements cells.*" + re.escape(message)):
        cells(**fields)


def test_quantities_and_names_are_taken() -> None:
    assert cells(name="cells", x=[0.01, 0.02] * ms * 1000, change=[0.1, 0.2]).x.tolist() == [10, 20]
    assert find("wang2005_pairs") is PUBLISHED["wang2005_pairs"]
