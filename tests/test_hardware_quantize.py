"""Fixed point by hand at the edges (saturation, halves, signs, zero), and circuits with a chip's numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from brian2 import Quantity, inf, ms, mV, second, volt

from spikehebb.circuits import lif_wta, soft_wta, synapse_pair
from spikehebb.core import Circuit, Population, Projection
from spikehebb.encoders import poisson
from spikehebb.hardware import TARGETS, Limit, levels, quantize, saturate, whole
from spikehebb.hardware.rounding import step_of
from spikehebb.neurons import lif
from spikehebb.protocols import pairing
from spikehebb.rules import RULES
from spikehebb.simulation import simulate

GENERIC, LOIHI = TARGETS["generic"], TARGETS["loihi1"]


def two(weights: Any, *, model: Any = lif, second_weights: Any = None) -> Circuit:
    """Return inputs and neurons, and a second projection between them where asked for."""
    array = np.asarray(weights, float)
    projections = {"forward": Projection(pre="input", post="output", weights=array)}
    if second_weights is not None:
        projections["again"] = Projection(pre="input", post="output", weights=second_weights)
    return Circuit(
        name="two",
        populations={
            "input": Population(model=poisson, size=array.shape[0]),
            "output": Population(model=model, size=array.shape[1]),
        },
        projections=projections,
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (0.4999, 0), (0.5001, 1), (-0.5001, -1), (0, 0), (-0.0, 0)],
)
def test_nearest_sends_halves_to_the_even_neighbour(number: float, expected: int) -> None:
    result = whole(number)
    assert result == expected
    assert not np.signbit(result) or expected < 0


def test_stochastic_rounding_keeps_the_mean_and_whole_numbers() -> None:
    rng = np.random.default_rng(1)
    up = whole(np.full(40_000, 2.3), "stochastic", rng) - 2
    assert set(np.unique(up)) == {0.0, 1.0}
    assert abs(up.mean() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 40_000)
    down = whole(np.full(40_000, -2.3), "stochastic", rng)
    assert set(np.unique(down)) == {-3.0, -2.0}
    assert abs(down.mean() + 2.3) < 4 * math.sqrt(0.3 * 0.7 / 40_000)
    exact = [-3.0, 0.0, 7.0, 3 * 0.1 / 0.1]  # the last is a little more than 3
    assert {tuple(whole(exact, "stochastic", rng).tolist()) for _ in range(50)} == {(-3.0, 0.0, 7.0, 3.0)}


def test_rounding_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="rounding must be nearest or stochastic, got 'up'"):
        whole(1.0, "up")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stochastic rounding needs a generator"):
        whole(1.0, "stochastic")


def test_saturation_by_hand() -> None:
    kept, lost = saturate([-1000, -129, -128, 0, 127, 128, 1e12], -128, 127)
    assert kept.tolist() == [-128, -128, -128, 0, 127, 127, 127]
    assert lost == 4


@pytest.mark.parametrize(
    ("bits", "negative", "positive", "inside", "expected"),
    [
        (8, True, True, True, (-128, 127)),
        (8, False, True, True, (0, 255)),
        (8, True, False, True, (-255, 0)),
        (8, False, False, True, (0, 255)),
        (6, True, True, False, (-63, 63)),
        (6, False, True, False, (0, 63)),
        (1, True, True, True, (-1, 0)),
        (1, False, True, True, (0, 1)),
        (1, True, True, False, (-1, 1)),
    ],
)
def test_levels_by_hand(bits: int, negative: bool, positive: bool, inside: bool, expected: tuple[int, int]) -> None:
    assert levels(bits, negative=negative, positive=positive, sign_in_bits=inside) == expected


def test_the_step_of_numbers() -> None:
    rng = np.random.default_rng(3)
    integers = rng.integers(-127, 128, (40, 30))
    step = step_of(0.0371 * integers, 127)
    assert step is not None
    assert step == pytest.approx(0.0371 * np.gcd.reduce(np.abs(integers).ravel()))
    assert step_of(rng.random((40, 30)), 255) is None
    assert step_of(0.1 * np.array([1, 2, 300]), 255) is None
    assert step_of(np.zeros(4), 1) == 1.0
    assert step_of([0.3], 1) == pytest.approx(0.3)


def test_positive_weights_use_all_bits() -> None:
    found = quantize(two([[0.0, 0.15], [1.5, 0.5]]), GENERIC.with_limits(weight_bits=2))
    assert found.integers["forward"].tolist() == [[0, 0], [3, 1]]  # 0.15/0.5 = 0.3 is nearer to 0
    line = found.report[0]
    assert (line.scale, line.low, line.high, line.saturated, line.count) == (0.5, 0, 3, 0, 3)  # 0 is no synapse
    assert line.largest_error == pytest.approx(0.15)
    assert line.rms_error == pytest.approx(math.sqrt(0.15**2 / 3))
    weights = found.circuit.projections["forward"].weights
    assert weights is not None
    assert weights.tolist() == (0.5 * found.integers["forward"]).tolist()


def test_mixed_weights_give_a_bit_to_the_sign() -> None:
    found = quantize(two([[-1.4, 0.7], [0.1, -0.35]]), GENERIC.with_limits(weight_bits=4))
    # 7 levels up, so that the largest |w| is 7 times 0.2; -1.75 and 3.5 round to -2 and 4, 0.5 to the even 0
    assert found.report[0].scale == pytest.approx(0.2)
    assert found.integers["forward"].tolist() == [[-7, 4], [0, -2]]


def test_a_stated_scale_saturates_and_says_how_often() -> None:
    found = quantize(two([[1.0, -1.0], [0.26, -0.13]]), GENERIC.with_limits(weight_bits=3), scales={"forward": 0.25})
    # 4 and -4 against levels from -4 to 3: one of them is lost
    assert found.integers["forward"].tolist() == [[3, -4], [1, -1]]
    assert found.report[0].saturated == 1
    assert found.report[0].largest_error == pytest.approx(0.25)


def test_zero_weights_stay_zero() -> None:
    found = quantize(two(np.zeros((2, 2))), LOIHI)
    assert found.integers["forward"].tolist() == [[0, 0], [0, 0]]
    assert found.report[0].scale == 1.0


def test_one_bit() -> None:
    assert quantize(two([[0.4, 1.0]]), GENERIC.with_limits(weight_bits=1)).integers["forward"].tolist() == [[0, 1]]
    with pytest.raises(ValueError, match="projection forward: weights of both signs need 2 bits or more"):
        quantize(two([[0.4, -1.0]]), GENERIC.with_limits(weight_bits=1))  # of two levels one is 0
    apart = GENERIC.with_limits(weight_bits=1, sign_in_weight_bits=False)
    assert quantize(two([[0.6, -1.0]]), apart).integers["forward"].tolist() == [[1, -1]]


def test_weights_are_scale_times_integer_exactly_and_quantizing_twice_changes_nothing(
    rng: np.random.Generator,
) -> None:
    once = quantize(two(rng.normal(size=(30, 20))), LOIHI)
    weights = once.circuit.projections["forward"].weights
    assert weights is not None
    assert np.array_equal(weights, once.report[0].scale * once.integers["forward"])
    assert once.report[0].largest_error <= once.report[0].scale / 2 * (1 + 1e-9)
    twice = quantize(once.circuit, LOIHI, scales={"forward": once.report[0].scale})
    assert np.array_equal(twice.integers["forward"], once.integers["forward"])


def test_stochastic_rounding_is_seeded(rng: np.random.Generator) -> None:
    circuit, four = two(rng.random((40, 30))), GENERIC.with_limits(weight_bits=4)
    first, again, other = (quantize(circuit, four, rounding="stochastic", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.integers["forward"], again.integers["forward"])
    assert not np.array_equal(first.integers["forward"], other.integers["forward"])
    assert first.report[0].largest_error < first.report[0].scale
    assert first.as_json()["rounding"] == "stochastic"


def test_only_connected_pairs_count() -> None:
    circuit = Circuit(
        name="sparse",
        populations={"input": Population(model=poisson, size=2), "output": Population(model=lif, size=2)},
        projections={
            "forward": Projection(
                pre="input", post="output", weights=np.array([[9.0, 1.0], [0.5, 2.0]]), connected=1 - np.eye(2)
            )
        },
    )
    found = quantize(circuit, GENERIC.with_limits(weight_bits=2))
    assert found.integers["forward"].tolist() == [[0, 3], [2, 0]]  # 0.5 is 1.5 times 1/3: a half goes to the even 2
    assert found.report[0].count == 2


def test_projections_onto_one_population_differ_by_powers_of_two_on_loihi() -> None:
    circuit = two([[2.55, 0.5]], second_weights=[[0.3, 0.1]])
    found = quantize(circuit, LOIHI)
    first, second_ = found.report[:2]
    assert first.scale == pytest.approx(0.01)
    assert first.scale / second_.scale == 8.0  # 2.55/0.3 = 8.5
    assert found.integers["again"].tolist() == [[240, 80]]
    with pytest.raises(ValueError, match=r"differ by powers of 2 on loihi1.* but that of again is 0\.2 of the largest"):
        quantize(circuit, LOIHI, scales={"forward": 0.01, "again": 0.002})
    free = quantize(circuit, GENERIC.with_limits(weight_bits=8), scales={"forward": 0.01, "again": 0.002})
    assert free.integers["again"].tolist() == [[150, 50]]


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ({"forwards": 1.0}, "there are no weights of 'forwards'. Did you mean 'forward'"),
        ({"forward": 0.0}, "the scale of forward must be a number above 0, got 0.0"),
        ({"forward": math.nan}, "must be a number above 0, got nan"),
    ],
)
def test_impossible_scales_are_refused(scales: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match="quantize: ") as error:
        quantize(two([[1.0]]), GENERIC.with_limits(weight_bits=8), scales=scales)
    assert message in str(error.value)


def test_signs_that_the_chip_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="projection forward: 1 weights are negative, but generic has unsigned ones"):
        quantize(two([[1.0, -1.0]]), GENERIC.with_limits(weight_bits=8, weight_signs="unsigned"))
    with pytest.raises(ValueError, match="1 of 2 presynaptic neurons have weights of both signs, but brainscales2"):
        quantize(two([[1.0, -1.0], [-1.0, -2.0]]), TARGETS["brainscales2"])
    dale = quantize(two([[1.0, 0.5], [-1.0, -2.0]]), TARGETS["brainscales2"])
    assert dale.integers["forward"].tolist() == [[32, 16], [-32, -63]]  # 31.5 and -31.5 go to the even 32


def test_decays_by_hand() -> None:
    # tau = 10 steps loses 1 - exp(-0.1) = 0.0951626 of itself: 389.786 of 4096ths
    found = quantize(two([[1.0]], model=lif.with_parameters(tau_m=10 * ms)), LOIHI)
    line = next(item for item in found.report if item.what == "output.tau_m")
    tau = float(found.circuit.populations["output"].model.parameters["tau_m"])
    assert tau == pytest.approx(-1e-3 / math.log(1 - 390 / 4096), rel=1e-12)
    assert line.largest_error == pytest.approx(abs(tau - 0.01))
    assert (line.bits, line.scale) == (12, 1e-3)
    assert tau == pytest.approx(1e-3 * 4096 / 390, rel=0.06)  # what is usually quoted


def test_decays_saturate_and_infinity_stays() -> None:
    model = lif.with_parameters(tau_m=np.array([1e-6, 20e-3, 1e6]) * second)
    found = quantize(two([[1.0, 1.0, 1.0]], model=model), LOIHI)
    taus = np.asarray(found.circuit.populations["output"].model.parameters["tau_m"])
    assert taus[0] == pytest.approx(-1e-3 / math.log(1 / 4096))  # all but 1/4096 lost in a step
    assert taus[2] == pytest.approx(-1e-3 / math.log(1 - 1 / 4096))  # the slowest decay: 4.1 s
    line = next(item for item in found.report if item.what == "output.tau_m")
    assert line.saturated == 2
    forever = quantize(two([[1.0]], model=lif.with_parameters(tau_m=inf * second)), LOIHI)
    assert np.isinf(float(forever.circuit.populations["output"].model.parameters["tau_m"]))
    assert next(item for item in forever.report if item.what == "output.tau_m").saturated == 0


def test_thresholds_are_whole_numbers_of_the_weights_unit() -> None:
    # 15 mV above the reset; weights of 1 mV each are 255 units of 1/255 mV, and the exponent 5 is the finest that fits
    found = quantize(two([[1.0, 0.5]]), LOIHI)
    parameters = found.circuit.populations["output"].model.parameters
    line = next(item for item in found.report if item.what == "output.v_threshold")
    unit = 1e-3 / 255 / 2**5
    assert line.scale == pytest.approx(unit)
    assert 15e-3 / unit < 2**17 < 2 * 15e-3 / unit
    distance = float(parameters["v_threshold"] - parameters["v_reset"])
    assert distance / unit == pytest.approx(round(15e-3 / unit), abs=1e-6)
    assert line.largest_error <= unit / 2


def test_a_threshold_beyond_its_bits_saturates() -> None:
    narrow = GENERIC.with_limits(weight_bits=4, threshold_bits=3)
    found = quantize(two([[1.0]]), narrow)  # 15 mV are 225 units of 1/15 mV, and there are 7
    line = next(item for item in found.report if item.what == "output.v_threshold")
    assert line.saturated == 1
    parameters = found.circuit.populations["output"].model.parameters
    assert float(parameters["v_threshold"] - parameters["v_reset"]) == pytest.approx(7e-3 / 15)


def test_refractory_times_are_whole_steps() -> None:
    found = quantize(two([[1.0]], model=lif.with_parameters(t_ref=2.4 * ms)), LOIHI)
    assert float(found.circuit.populations["output"].model.parameters["t_ref"]) == pytest.approx(2e-3)
    long = quantize(two([[1.0]], model=lif.with_parameters(t_ref=90 * ms)), LOIHI)
    assert float(long.circuit.populations["output"].model.parameters["t_ref"]) == pytest.approx(64e-3)
    assert next(item for item in long.report if item.what == "output.t_ref").saturated == 1


def test_what_the_chip_does_not_limit_or_run_is_kept_and_named() -> None:
    free = quantize(two([[1.0, 0.3]]), GENERIC)
    assert free.report == ()
    assert free.integers == {} or len(free.integers) == 0
    assert {"forward.w", "output.tau_m"} <= set(free.kept)
    soft = quantize(soft_wta(np.ones((3, 2)), rule=None), LOIHI)
    assert [item.what for item in soft.report] == ["feedforward.w"]
    assert "output.tau_m" in soft.kept  # an escape-rate neuron is none of Loihi's
    rumour = GENERIC.with_limits(weight_bits=Limit(value=4, source="a rumour", verified=False))
    assert "forward.w" in quantize(two([[1.0]]), rumour).kept


@pytest.mark.parametrize("dt", [0 * ms, -1 * ms, 3 * mV, math.inf * second])
def test_impossible_time_steps_are_refused(dt: Quantity) -> None:
    with pytest.raises(ValueError, match="the time step dt must be a time above 0"):
        quantize(two([[1.0]]), LOIHI, dt=dt)


def test_a_quantized_circuit_runs() -> None:
    circuit = lif_wta(np.random.default_rng(0).random((6, 4)))
    found = quantize(circuit, LOIHI)
    assert [item.what for item in found.report] == [
        "feedforward.w",
        "lateral.w",
        "output.tau_m",
        "output.t_ref",
        "output.v_threshold",
    ]
    assert found.circuit.populations["output"].model.parameters["v_threshold"] / volt == pytest.approx(1e-3, rel=1e-3)
    pair = quantize(synapse_pair(RULES["stdp_pair"]), LOIHI)
    recording = simulate(pair.circuit, pairing([10] * ms))
    assert recording.seconds >= 0
