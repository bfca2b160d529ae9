"""One update: against the published equations position by position, worked examples, and what the theory says of it."""

from __future__ import annotations

import copy
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from spikehebb.softhebb import Layer, Network, numerics, plasticity, training
from tests.oracles import softhebb as oracle

# SH-1: worked by hand, eta0 0.08, q 0.5, t 1
X, W = np.array([[1.0, 0, -1]]), np.array([[2.0, 0, 0], [0, 3, 0]])
AFTER = [[1.92, 0, -0.0266666667], [-0.00510381315, 3, 0.00510381315]]
SMALL = Layer(units=2, eta=0.08)

COMPETITIONS: list[dict[str, Any]] = [
    {"plasticity": "soft-anti-hebbian", "inverse_temperature": 0.65},
    {"plasticity": "soft", "inverse_temperature": 2.0},
    {"plasticity": "soft", "bias": True, "inverse_temperature": 3.0, "eta_bias": 0.3},
    {"plasticity": "soft-anti-hebbian", "bias": True},
    {"plasticity": "soft-anti-hebbian", "pre_triangle": True},
    {"plasticity": "soft-anti-hebbian", "power": 0.75, "eta": 0.3},
    {"plasticity": "soft-anti-hebbian", "rate": "constant"},
    {"plasticity": "hard"},
    {"plasticity": "krotov-hopfield", "rank": 2},
    {"plasticity": "krotov-hopfield", "rank": 4, "anti": 0.2, "rate": "linear"},
    {"plasticity": "instar", "rate": "constant", "eta": 3.0},
    {"plasticity": "instar", "rate": "constant", "winners": 3, "unit_norm": True, "bias": True, "eta_bias": 3.0},
    {"plasticity": "soft", "rate": "linear", "unit_norm": True},
]
STRIDED = {"kernel": 3, "padding": 1, "stride": 2}
KERNELS: list[dict[str, Any]] = [{"kernel": 3, "padding": 1}, {"kernel": 5, "padding": 2}, STRIDED, {"kernel": 1}, {}]


def rows(layer: Layer, weight: Any) -> Any:
    """Return the authors' weights (units, channels, kernel, kernel) as the package works with them."""
    return np.ascontiguousarray(np.transpose(weight, (0, 2, 3, 1))).reshape(layer.units, -1)


def case(changes: dict[str, Any], kernel: dict[str, Any], rng: np.random.Generator) -> tuple[Layer, oracle.State, Any]:
    layer = Layer(units=6, **{"eta": 0.2, **changes, **kernel})
    shape = (2, 5, 6)
    x = oracle.single(rng.standard_normal((4, *shape)))
    return layer, oracle.state(layer, shape, rng), x


def stepped(layer: Layer, state: oracle.State, x: Any, dtype: Any, xp: Any = np, each: Any = None) -> tuple[Any, ...]:
    patches, shape = numerics.inputs(layer, xp.asarray(oracle.last(x).astype(dtype)))
    weight, bias = (xp.asarray(array.astype(dtype)) for array in (rows(layer, state.weight), state.bias))
    updated = plasticity.update(layer, weight, bias, patches, layer.eta, *([each] if each else []))
    weight, bias, u = (np.asarray(array) for array in updated)
    return weight, bias, oracle.first(u.reshape(*shape, layer.units))


def expected_update(layer: Layer, state: oracle.State, x: Any) -> tuple[Any, ...]:
    after, entering = copy.deepcopy(state), oracle.entering(layer, x)
    u = oracle.potentials(layer, state, entering)
    oracle.update(layer, after, entering, u, layer.eta)
    return rows(layer, after.weight), after.bias, u


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kernel", [0, 1])
def test_worked_example(kernel: int, dtype: Any) -> None:
    layer = dataclasses.replace(SMALL, kernel=kernel)
    seen, _ = numerics.inputs(layer, X.reshape(1, 1, 1, 3).astype(dtype))
    weight, bias, u = plasticity.update(layer, W.astype(dtype), np.zeros(2, dtype), seen, 0.08)
    assert u.tolist() == [[2, 0]]
    np.testing.assert_allclose(weight, AFTER, atol=1e-7 if dtype == np.float64 else 1e-6)
    assert bias.tolist() == [0, 0]


def test_the_oracle_gives_the_worked_example() -> None:
    state = oracle.State(W[:, :, None, None].copy(), np.zeros(3), np.ones(3), np.zeros(2))
    x = X[:, :, None, None]
    u = oracle.potentials(SMALL, state, x)
    assert oracle.competition(SMALL, u[0, :, 0, 0])[1].tolist() == pytest.approx([0.880797078, -0.119202922], abs=1e-9)
    oracle.update(SMALL, state, x, u, 0.08)
    np.testing.assert_allclose(state.weight[:, :, 0, 0], AFTER, atol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("changes", COMPETITIONS, ids=str)
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-9), (np.float32, 1e-4)])
def test_one_step_as_published(
    changes: dict[str, Any],
    kernel: dict[str, Any],
    dtype: Any,
    error: float,
    rng: np.random.Generator,
) -> None:
    layer, state, x = case(changes, kernel, rng)
    for got, expected in zip(stepped(layer, state, x, dtype), expected_update(layer, state, x), strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=error, atol=error)
    moved = np.abs(stepped(layer, state, x, dtype)[0] - rows(layer, state.weight)).max()
    assert moved > 500 * error  # else this could not fail


@pytest.mark.parametrize("changes", COMPETITIONS, ids=str)
def test_work_in_blocks_changes_nothing(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    layer, state, x = case(changes, KERNELS[0], rng)
    monkeypatch.setattr(plasticity, "AT_ONCE", 100)
    alone = stepped(layer, state, x, np.float64)
    for got, expected in zip(alone, expected_update(layer, state, x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
    with ThreadPoolExecutor(3) as pool:
        together = stepped(layer, state, x, np.float64, each=lambda function, items: list(pool.map(function, items)))
    assert all(one.tobytes() == other.tobytes() for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize("kernel", [KERNELS[0], KERNELS[-1]], ids=str)
@pytest.mark.parametrize("changes", COMPETITIONS, ids=str)
def test_an_update_needs_only_the_array_api(
    changes: dict[str, Any], kernel: dict[str, Any], rng: np.random.Generator
) -> None:
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    layer, state, x = case(changes, kernel, rng)
    strict_update, numpy_update = stepped(layer, state, x, np.float64, strict), stepped(layer, state, x, np.float64)
    for one, other in zip(strict_update, numpy_update, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_a_frozen_layer_computes_and_keeps_its_weights(rng: np.random.Generator) -> None:
    layer, state, x = case({"plasticity": "none"}, KERNELS[0], rng)
    weight, _, u = stepped(layer, state, x, np.float64)
    assert weight.tolist() == rows(layer, state.weight).tolist()
    np.testing.assert_allclose(u, oracle.potentials(layer, state, oracle.entering(layer, x)), rtol=1e-12, atol=1e-12)


def test_weights_change_in_place_and_inputs_do_not(rng: np.random.Generator) -> None:
    weight, x = rng.standard_normal((3, 4)), rng.standard_normal((7, 4))
    before = weight.copy(), x.copy()
    returned, _, _ = plasticity.update(Layer(units=3), weight, np.zeros(3), x, 0.1)
    assert returned is weight
    assert (weight != before[0]).any()
    assert (x == before[1]).all()


def test_of_equals_the_first_wins() -> None:
    u = np.array([[1.0, 2, 2], [3, 3, 3], [0, -1, 0]])
    first = [1, 0, 0]
    shares, signed = plasticity.competition(Layer(units=3), u)
    assert [[k for k in range(3) if row[k] > 0] for row in signed] == [[k] for k in first]
    assert (np.abs(signed) == shares).all()
    hard = plasticity.competition(Layer(units=3, plasticity="hard"), u)[1]
    assert hard.argmax(axis=1).tolist() == first
    assert hard.sum() == 3


def test_of_equals_the_next_is_second() -> None:
    u = np.array([[1.0, 2, 2], [3, 3, 3], [0, -1, 0], [3, 1, 1]])
    _, signed = plasticity.competition(Layer(units=3, plasticity="krotov-hopfield"), u)
    np.testing.assert_allclose(signed, [[0, 1, -0.4], [1, -0.4, 0], [1, 0, -0.4], [1, -0.4, 0]])


def test_the_largest_change_is_the_learning_rate_and_is_not_clamped(rng: np.random.Generator) -> None:
    weight = rng.standard_normal((96, 75))
    weight *= 25 / np.linalg.norm(weight, axis=1, keepdims=True)
    before = weight.copy()
    plasticity.update(Layer(units=96, eta=0.08), weight, np.zeros(96), rng.standard_normal((50, 75)), 0.08)
    assert np.abs(weight - before).max() == pytest.approx(0.08 * 24**0.5, rel=1e-9)


def test_learning_rates() -> None:
    weight = np.diag([26.0, 1.0, 0.5])
    near = 1e-10**0.75
    for layer, expected in (
        (Layer(units=3, power=0.75), [25**0.75, near, 0.5**0.75]),
        (Layer(units=3, rate="linear"), [1, 1, 1]),
        (Layer(units=3, rate="constant"), [1, 1, 1]),
    ):
        assert plasticity.learning_rate(layer, weight, 0.1).tolist() == pytest.approx([0.1 * r for r in expected])


@pytest.mark.parametrize("norm", [0.5, 2.0])
@pytest.mark.parametrize(
    ("plastic", "cosine", "wins", "attracted"),
    [
        ("soft-anti-hebbian", 0.5, True, True),
        ("soft-anti-hebbian", 0.5, False, False),
        ("soft-anti-hebbian", -0.5, True, False),
        ("soft-anti-hebbian", -0.5, False, True),
        ("soft", 0.5, False, True),
    ],
)
def test_norms_are_attracted_or_repelled(plastic: Any, cosine: float, wins: bool, attracted: bool, norm: float) -> None:
    """A norm moves towards 1 where y u > 0: d|w|^2/dt = 2 y u (1 - |w|^2)."""
    layer = Layer(units=2, plasticity=plastic, rate="constant")
    rival = -3.0 if wins else 3.0
    weight = np.array([[norm * cosine, norm * (1 - cosine**2) ** 0.5], [rival, 0.0]])
    plasticity.update(layer, weight, np.zeros(2), np.array([[1.0, 0.0]]), 1e-6)
    closer = abs(np.linalg.norm(weight[0]) - 1) < abs(norm - 1)
    assert closer == attracted


def test_one_unit_per_cluster_learns_its_direction_and_its_prior(rng: np.random.Generator) -> None:
    """SH-3: w = E[y x]/|E[y x]| and exp(t b) = P(k).

    The decay has u = w x + b, as in the authors' code, so that the norm n is 1 only up to the bias:
    n^2 + n b P(k)/|E[y x]| = 1.
    """
    priors, t = np.array([0.5, 0.3, 0.2]), 20.0
    layer = Layer(units=3, plasticity="soft", bias=True, eta_bias=1.0, inverse_temperature=t, rate="linear", eta=0.02)
    centres = 3 * np.eye(3, 8)
    weight, bias = centres / 5 + 0.1 * rng.standard_normal((3, 8)), np.full(3, np.log(1 / 3) / t)
    labels = np.repeat(range(3), (300 * priors).astype(int))
    x = centres[labels] + 0.3 * rng.standard_normal((300, 8))
    for step in range(600):
        weight, bias, u = plasticity.update(layer, weight, bias, x, layer.eta * (1 - step / 600))
    evoked = numerics.softmax(u, t).T @ x / 300
    strength, norms = np.linalg.norm(evoked, axis=1), np.linalg.norm(weight, axis=1)
    np.testing.assert_allclose(weight / norms[:, None], evoked / strength[:, None], atol=0.002)
    np.testing.assert_allclose(norms, 1, atol=0.02)
    np.testing.assert_allclose(norms**2 + norms * bias * priors / strength, 1, atol=0.002)
    np.testing.assert_allclose(np.exp(t * bias), priors, rtol=0.01)


@pytest.mark.parametrize(("norm", "share"), [(25.0, 0.929), (4.63, 0.606), (1.0, 0.079)])
def test_share_of_the_winner_among_random_units(norm: float, share: float, rng: np.random.Generator) -> None:
    """SH-6: white input of 75 numbers, 96 random units."""
    layer = Layer(units=96, kernel=5, norm=norm)
    weight = rows(layer, training.start(Network(image_shape=(3, 32, 32), layers=(layer,)), 1)[0].weight)
    u = plasticity.potentials(layer, weight, np.zeros(96), rng.standard_normal((4000, 75)))
    shares, _ = plasticity.competition(layer, u)
    assert shares.max(axis=1).mean() == pytest.approx(share, abs=0.02)
