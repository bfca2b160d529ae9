"""The arithmetic of a layer: against loops over positions, and within the array API standard."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spikehebb.softhebb import Layer, Pool, numerics
from tests.oracles import softhebb as oracle

RECTIFIED = [Layer(units=5, kernel=1, activation=name, exponent=p) for name in ("triangle", "repu") for p in (0.7, 1.4)]
ACTIVATIONS = [
    *RECTIFIED,
    Layer(units=5, kernel=1, activation="relu", exponent=3.0),
    Layer(units=5, kernel=1, activation="tanh"),
    Layer(units=5, kernel=1, activation="softmax", exponent=5.0),
    Layer(units=5, kernel=1, activation="winners"),
    Layer(units=5, kernel=1, activation="winners", winners=2),
]
POOLS = [
    Pool(kind="max", size=4, stride=2, padding=1),
    Pool(kind="average", size=4, stride=2, padding=1),
    Pool(kind="average", size=2, stride=2),
    Pool(kind="max", size=3, stride=1, padding=1),
    Pool(kind="max", size=2, stride=3),
]


@pytest.fixture
def strict() -> Any:
    return pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")


def sums(rng: np.random.Generator, rows: int = 6, columns: int = 7) -> Any:
    return rng.standard_normal((2, 5, rows, columns))


def test_statistics_are_of_each_channel_and_biased(rng: np.random.Generator) -> None:
    x = rng.random((3, 4, 5, 2)) * [1, 10]
    mean, variance = numerics.statistics(x)
    for c in range(2):
        values = x[..., c].ravel()
        assert mean[c] == pytest.approx(sum(values) / 60, rel=1e-12)
        assert variance[c] == pytest.approx(sum((values - mean[c]) ** 2) / 60, rel=1e-12)


def test_standardize_has_the_epsilon_of_the_published_networks() -> None:
    x = np.full((1, 1, 1, 1), 3.0)
    assert numerics.standardize(x, np.array([1.0]), np.array([0.0])).item() == pytest.approx(2 / np.sqrt(1e-5))
    assert numerics.standardize(x, np.array([1.0]), np.array([4.0])).item() == pytest.approx(2 / np.sqrt(4 + 1e-5))


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1), (3, 2), (5, 2), (4, 0)])
def test_patches_are_padded_by_reflection(kernel: int, padding: int, rng: np.random.Generator) -> None:
    x = rng.random((2, 5, 6, 3))
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), "reflect")
    rows, columns = 5 + 2 * padding - kernel + 1, 6 + 2 * padding - kernel + 1
    expected = [
        padded[b, i : i + kernel, j : j + kernel].ravel() for b in range(2) for i in range(rows) for j in range(columns)
    ]
    assert numerics.patches(x, kernel, padding).tolist() == np.array(expected).tolist()
    seen, shape = numerics.inputs(Layer(units=1, kernel=kernel, padding=padding), x)
    assert shape == (2, rows, columns)
    assert len(seen) == np.prod(shape)


def test_reflection_leaves_out_the_edge_itself() -> None:
    x = np.arange(4.0).reshape(1, 1, 4, 1).repeat(3, axis=1)
    assert numerics.patches(x, 5, 2)[0].reshape(5, 5)[0].tolist() == [2, 1, 0, 1, 2]


def test_features_come_by_channel_row_and_column(rng: np.random.Generator) -> None:
    x = rng.random((2, 3, 4, 5))
    flat = numerics.flatten(x)
    assert flat.shape == (2, 60)
    assert all(flat[b, (c * 3 + i) * 4 + j] == x[b, i, j, c] for b, i, j, c in np.ndindex(2, 3, 4, 5))
    seen, shape = numerics.inputs(Layer(units=1), x)
    assert shape == (2, 1, 1)
    assert seen.tolist() == flat.tolist()


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=lambda layer: f"{layer.activation}-{layer.exponent}")
@pytest.mark.parametrize("pool", [None, *POOLS], ids=str)
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_activation_then_pooling(
    layer: Layer, pool: Pool | None, dtype: Any, error: float, rng: np.random.Generator
) -> None:
    layer = dataclasses.replace(layer, pool=pool)
    u = sums(rng)
    got = numerics.activate(layer, oracle.last(u).astype(dtype))
    assert got.dtype == dtype
    np.testing.assert_allclose(oracle.first(got), oracle.output(layer, u), rtol=error, atol=error)


def test_the_mean_over_units_is_taken_before_pooling() -> None:
    """Pooling first would leave 3 and 5, with a mean of 4, and so 0 and 1 (the paper's appendix says so; wrongly)."""
    u = np.array([[3.0, 1.0], [0.0, 5.0]])[None, :, None, :].repeat(2, axis=2)  # one image, two units, 2 x 2 positions
    layer = Layer(units=2, kernel=1, pool=Pool())
    assert numerics.activate(layer, oracle.last(u)).ravel().tolist() == [1.5, 2.0]


def test_the_power_is_taken_after_rectification() -> None:
    u = np.array([4.0, -4.0, 0.0]).reshape(1, 1, 1, 3)
    layer = Layer(units=3, kernel=1, activation="repu", exponent=0.5)
    assert numerics.activate(layer, u).ravel().tolist() == pytest.approx([2, 0, 0])
    layer = Layer(units=3, kernel=1, activation="triangle", exponent=2.0)
    assert numerics.activate(layer, u).ravel().tolist() == pytest.approx([16, 0, 0])


@pytest.mark.parametrize("pool", [pool for pool in POOLS if pool.kind == "max"], ids=str)
def test_the_power_of_the_largest_is_the_largest_power(pool: Pool, rng: np.random.Generator) -> None:
    for layer in RECTIFIED:
        u = oracle.last(sums(rng))
        late = numerics.activate(dataclasses.replace(layer, pool=pool), u)
        np.testing.assert_allclose(late, numerics.pool(numerics.activate(layer, u), pool), rtol=1e-12)


def test_padding_of_pools() -> None:
    x = np.full((1, 2, 2, 1), -4.0)
    assert numerics.pool(x, Pool(kind="max", size=2, stride=2, padding=1)).ravel().tolist() == [-4.0] * 4
    assert numerics.pool(x, Pool(kind="average", size=2, stride=2, padding=1)).ravel().tolist() == [-1.0] * 4


def test_powers_at_zero_and_of_tiny_numbers() -> None:
    v = np.array([0.0, 1e-38, 1e-20, 1.0], np.float32)
    assert numerics.raised(v, 1.0) is v
    got = numerics.raised(v, 0.7)
    assert got[0] == 0
    assert got[2:].tolist() == pytest.approx([1e-14, 1.0], rel=1e-5)
    assert 0 <= got[1] < 1e-20


def test_softmax_of_large_sums() -> None:
    y = numerics.softmax(np.array([[1e4, 1e4, -1e4], [0.0, 1.0, 2.0]], np.float32), 3.0)
    assert y[0].tolist() == [0.5, 0.5, 0.0]
    e = np.exp([0.0, 3.0, 6.0])
    assert y[1].tolist() == pytest.approx((e / e.sum()).tolist(), rel=1e-6)


def test_inputs_are_left_as_they_are(rng: np.random.Generator) -> None:
    for layer in ACTIVATIONS:
        u = oracle.last(sums(rng))
        before = u.copy()
        numerics.activate(dataclasses.replace(layer, pool=POOLS[0]), u)
        assert u.tolist() == before.tolist()


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=lambda layer: f"{layer.activation}-{layer.exponent}")
@pytest.mark.parametrize("pool", [None, POOLS[0], POOLS[1]], ids=str)
def test_activations_need_only_the_array_api(
    layer: Layer, pool: Pool | None, strict: Any, rng: np.random.Generator
) -> None:
    layer = dataclasses.replace(layer, pool=pool)
    u = oracle.last(sums(rng))
    got = numerics.activate(layer, strict.asarray(u))
    np.testing.assert_allclose(np.asarray(got), numerics.activate(layer, u), rtol=1e-14)


def test_inputs_need_only_the_array_api(strict: Any, rng: np.random.Generator) -> None:
    x = rng.random((2, 5, 6, 3))
    there = strict.asarray(x)
    functions: tuple[Callable[[Any], Any], ...] = (
        lambda x: numerics.patches(x, 3, 1),
        numerics.flatten,
        lambda x: numerics.standardize(x, *numerics.statistics(x)),
        lambda x: numerics.softmax(x, 2.0),
    )
    for function in functions:
        np.testing.assert_allclose(np.asarray(function(there)), function(x), rtol=1e-14)
