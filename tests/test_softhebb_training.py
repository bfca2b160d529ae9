"""Training without labels: starts, batch normalization, plans, the order of work, and that its parts change nothing."""

from __future__ import annotations

import copy
import dataclasses
import math
import sys
from typing import Any

import numpy as np
import pytest

from spikehebb.core import Images
from spikehebb.softhebb import Layer, Network, Pool, Training, Weights, numerics, presets, training
from spikehebb.softhebb.backend import available, one_by_one, working
from tests.oracles import softhebb as oracle

POOL = Pool(kind="average", size=4, stride=2, padding=1)
LAYERS = (
    Layer(units=8, kernel=5, padding=2, eta=0.08, exponent=0.7, norm=5.0, pool=Pool(size=4, padding=1)),
    Layer(units=10, kernel=3, padding=1, eta=0.05, exponent=1.4, norm=5.0, pre_triangle=True, pool=POOL),
    Layer(units=12, plasticity="soft", bias=True, rate="linear", activation="softmax", norm=2.0),
)
INSTAR = Layer(
    units=12,
    kernel=3,
    batch_norm=False,
    sample_norm=True,
    plasticity="instar",
    rate="constant",
    unit_norm=True,
    bias=True,
    eta=8.0,
    eta_bias=3.0,
    winners=2,
)
NETWORK = Network(image_shape=(3, 8, 8), layers=LAYERS)


def images(count: int, shape: tuple[int, ...] = (3, 8, 8), seed: int = 5) -> Images:
    pixels = np.random.default_rng(seed).random((count, *shape), dtype=np.float32)
    return Images(name="noise", pixels=pixels, labels=np.zeros(count))


def whole(
    network: Network, settings: Training, shown: Images, *, seed: int = 3, cores: int = 1, chunks: Any = None
) -> tuple[Weights, ...]:
    layers = training.start(network, seed)
    with working(cores=cores) as (xp, each):
        for chunk in chunks or training.plan(network, settings, len(shown)):
            layers = training.learn_chunk(network, layers, settings, chunk, shown, seed, xp, each)
    return layers


def same(some: tuple[Weights, ...], others: tuple[Weights, ...]) -> bool:
    names = ("weight", "mean", "variance", "bias")
    pairs = [(getattr(a, n), getattr(b, n)) for a, b in zip(some, others, strict=True) for n in names]
    steps = [a.steps for a in some] == [b.steps for b in others]
    return steps and all(one.tobytes() == other.tobytes() for one, other in pairs)


def states(network: Network, layers: tuple[Weights, ...]) -> list[oracle.State]:
    result = []
    for layer, weights in zip(network.layers, layers, strict=True):
        weight = np.array(weights.weight, np.float64).reshape(
            layer.units, -1, max(layer.kernel, 1), max(layer.kernel, 1)
        )
        mean, variance, bias = (np.array(array, np.float64) for array in (weights.mean, weights.variance, weights.bias))
        result.append(oracle.State(weight, mean, variance, bias, weights.steps))
    return result


@pytest.mark.parametrize(("channels", "kernel", "sigma"), [(3, 5, 2.886751), (96, 3, 0.850517), (384, 3, 0.425259)])
def test_normal_weights_at_the_start(channels: int, kernel: int, sigma: float) -> None:
    """SH-2; the standard deviation exactly by way of a norm that gives 1."""
    layer = Layer(units=40, kernel=kernel, norm=25.0)
    unit = dataclasses.replace(layer, norm=math.sqrt(channels * kernel**2))
    weight, one = (
        np.float64(training.start(Network(image_shape=(channels, 9, 9), layers=(item,)), 0)[0].weight)
        for item in (layer, unit)
    )
    np.testing.assert_allclose(weight / one, sigma, rtol=1e-6)
    assert one.std() == pytest.approx(1, abs=4 / math.sqrt(2 * one.size))
    assert one.mean() == pytest.approx(0, abs=4 / math.sqrt(one.size))
    assert np.linalg.norm(weight.reshape(40, -1), axis=1).mean() == pytest.approx(25, rel=0.03)


def test_starts_of_the_presets() -> None:
    weight = np.float64(training.start(presets()["mnist-dense-35"].network((1, 28, 28)), 0)[0].weight)
    assert weight.min() >= 0
    assert weight.max() == pytest.approx(2.165064, rel=1e-5)
    assert weight.mean() == pytest.approx(2.165064 / 2, rel=0.002)
    assert np.sqrt((weight**2).sum(axis=1).mean()) == pytest.approx(35, rel=0.002)
    layers = training.start(presets()["cifar-2"].network((3, 32, 32)), 0)
    for weights, sigma in zip(layers, (2.886751, 0.850517), strict=True):
        assert weights.weight.std() == pytest.approx(sigma, abs=4 * sigma / math.sqrt(2 * weights.weight.size))
        assert (weights.mean == 0).all()
        assert (weights.variance == 1).all()
        assert (weights.bias == 0).all()
        assert weights.steps == 0


def test_a_bias_starts_at_equal_priors() -> None:
    layer = Layer(units=20, bias=True, inverse_temperature=4.0)
    bias = training.start(Network(image_shape=(1, 2, 2), layers=(layer,)), 0)[0].bias
    assert bias.tolist() == pytest.approx([math.log(1 / 20) / 4] * 20)


def test_starts_differ_by_seed_and_layer() -> None:
    layers = (Layer(units=3, kernel=1), Layer(units=3, kernel=1))
    network = Network(image_shape=(3, 4, 4), layers=layers)
    (one, two), (other, _) = training.start(network, 0), training.start(network, 1)
    assert (one.weight != two.weight).all()
    assert (one.weight != other.weight).all()
    assert same(training.start(network, 0), training.start(network, 0))


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-9), (np.float32, 1e-4)])
def test_a_batch_as_published(number: int, strict: bool, dtype: Any, error: float, rng: np.random.Generator) -> None:
    xp = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed") if strict else np
    layer, shape = (*LAYERS, dataclasses.replace(INSTAR, activation="winners"))[number], NETWORK.shapes[number % 3]
    if strict and layer.activation == "triangle":
        layer = dataclasses.replace(layer, activation="relu")  # powers: see test_softhebb_numerics
    state, x = oracle.state(layer, shape, rng), oracle.single(rng.random((4, *shape)))
    state.steps = 3
    weight = state.weight[:, :, 0, 0] if not layer.kernel else oracle.last(state.weight).reshape(layer.units, -1)
    given = (weight, state.mean, state.variance, state.bias)
    w, mean, variance, bias = (xp.asarray(array.astype(dtype)) for array in given)
    placed = training.Placed(layer, w, mean, variance, bias, steps=3)
    got = np.asarray(training.learn_batch(placed, xp.asarray(oracle.last(x).astype(dtype)), 10, one_by_one))
    before = copy.deepcopy(state)
    expected = oracle.learn(layer, state, x, 10)
    weight = state.weight[:, :, 0, 0] if not layer.kernel else oracle.last(state.weight).reshape(layer.units, -1)
    np.testing.assert_allclose(oracle.first(got), expected, rtol=error, atol=error)
    after = (placed.weight, placed.mean, placed.variance, placed.bias)
    for one, other in zip(after, (weight, state.mean, state.variance, state.bias), strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=error, atol=error)
    assert placed.steps == 4
    assert np.abs(state.weight - before.weight).max() > 10 * error
    later = np.asarray(training.forward([placed], xp.asarray(oracle.last(x).astype(dtype)), one_by_one))
    np.testing.assert_allclose(oracle.first(later), oracle.infer(layer, state, x), rtol=5 * error, atol=5 * error)
    assert np.abs(oracle.infer(layer, state, x) - expected).max() > 20 * error


def test_running_variances_are_of_the_population() -> None:
    """As PyTorch's: 0.9*1 + 0.1*variance*n/(n - 1), while the batch itself is standardized with the variance."""
    shown = Images(name="two", pixels=np.array([[[0.0]], [[1.0]]]), labels=np.zeros(2))
    network = Network(image_shape=(1, 1, 1), layers=(Layer(units=2),))
    (weights,) = whole(network, Training(batch=2), shown)
    assert weights.mean.tolist() == pytest.approx([0.05])
    assert weights.variance.tolist() == pytest.approx([0.9 + 0.1 * 0.25 * 2])


@pytest.mark.parametrize("order", ["successive", "together"])
@pytest.mark.parametrize("still", [None, 0, 1])
def test_whole_trainings_as_published(order: Any, still: int | None) -> None:
    """Batches of all images, whose order then does not matter; 3 epochs; all layers learn, or one is frozen."""
    layers = tuple(
        dataclasses.replace(item, plasticity="none") if n == still else item for n, item in enumerate(LAYERS)
    )
    network = dataclasses.replace(NETWORK, layers=layers)
    shown, settings = images(6), Training(epochs=3, batch=6, order=order)
    reference = states(network, training.start(network, 3))
    x = np.asarray(shown.pixels, np.float64)
    learning = [number for number in range(3) if number != still]
    for group in [[number] for number in learning] if order == "successive" else [learning]:
        for _ in range(3):
            y = x
            for number, layer in enumerate(network.layers[: group[-1] + 1]):
                item = reference[number]
                y = oracle.learn(layer, item, y, 3) if number in group else oracle.infer(layer, item, y)
    trained = states(network, whole(network, settings, shown))
    for number, (got, expected) in enumerate(zip(trained, reference, strict=True)):
        assert got.steps == expected.steps == (0 if number == still else 3)
        for name in ("weight", "mean", "variance", "bias"):
            np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=2e-3, atol=2e-4, err_msg=name)


def test_the_two_orders_differ() -> None:
    shown = images(12)
    some = whole(NETWORK, Training(batch=4), shown)
    others = whole(NETWORK, Training(batch=4, order="together"), shown)
    assert np.abs(some[1].weight - others[1].weight).max() > 0.01
    assert some[0].weight.tobytes() != others[0].weight.tobytes() or same(some[:1], others[:1])


def test_plans() -> None:
    layers = (Layer(units=2, kernel=1), Layer(units=2, kernel=1, plasticity="none"), Layer(units=2))
    network = Network(image_shape=(1, 3, 3), layers=layers)
    chunks = training.plan(network, Training(epochs=2, batch=300), 2000)
    pieces = [(0, 900), (900, 1800), (1800, 2000)]
    assert [(c.layers, c.epoch, c.start, c.stop) for c in chunks] == [
        ((layer,), epoch, *piece) for layer in (0, 2) for epoch in (0, 1) for piece in pieces
    ]
    chunks = training.plan(network, Training(batch=2500, order="together"), 2600)
    assert [(c.layers, c.epoch, c.start, c.stop) for c in chunks] == [((0, 2), 0, 0, 2500), ((0, 2), 0, 2500, 2600)]
    control = Network(image_shape=(1, 3, 3), layers=(layers[1],))
    assert training.plan(control, Training(), 10) == training.plan(control, Training(order="together"), 10) == []


def test_every_image_is_shown_once_an_epoch_in_a_new_order(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = (Layer(units=2, batch_norm=False), Layer(units=2, batch_norm=False))
    network = Network(image_shape=(1, 1, 1), layers=layers)
    shown = Images(name="counted", pixels=np.arange(10).reshape(10, 1, 1) / 16, labels=np.zeros(10))
    seen: list[tuple[int, list[int]]] = []
    learn_batch = training.learn_batch

    def spy(placed: Any, x: Any, *args: Any, **options: Any) -> Any:
        seen.append((placed.weight.shape[1], (x.reshape(len(x), -1)[:, 0] * 16).round().astype(int).tolist()))
        return learn_batch(placed, x, *args, **options)

    monkeypatch.setattr(training, "learn_batch", spy)
    (first, _) = whole(network, Training(epochs=2, batch=4), shown)
    epochs = [[number for _, numbers in seen[at : at + 3] for number in numbers] for at in (0, 3)]
    assert [len(numbers) for _, numbers in seen] == [4, 4, 2] * 4
    assert all(sorted(numbers) == list(range(10)) for numbers in epochs)
    assert epochs[0] != epochs[1]
    assert epochs[0] != list(range(10))
    assert first.steps == 6


@pytest.mark.parametrize("order", ["successive", "together"])
@pytest.mark.parametrize(("batch", "cuts", "exact"), [(8, (16, 32), True), (4, (16,), True), (5, (5, 30), False)])
def test_chunks_change_nothing(order: Any, batch: int, cuts: tuple[int, ...], exact: bool) -> None:
    """Bit for bit where they keep the blocks of 16 images; else layers below may round differently."""
    shown, settings = images(44), Training(epochs=2, batch=batch, order=order)
    pieces = [
        dataclasses.replace(chunk, start=first, stop=last)
        for chunk in training.plan(NETWORK, settings, len(shown))
        for first, last in zip((0, *cuts), (*cuts, 44), strict=True)
    ]
    one, parts = (whole(NETWORK, settings, shown, chunks=chunks) for chunks in (None, pieces))
    assert same(one, parts) or (not exact and order == "successive")
    for some, others in zip(one, parts, strict=True):
        np.testing.assert_allclose(some.weight, others.weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("order", ["successive", "together"])
def test_the_number_of_cores_changes_nothing(order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikehebb.softhebb.plasticity.AT_ONCE", 500)
    shown, settings = images(38), Training(batch=5, order=order)
    alone = whole(NETWORK, settings, shown)
    for cores in (2, 3):
        assert same(alone, whole(NETWORK, settings, shown, cores=cores))


def test_features_come_by_channel_row_and_column() -> None:
    network = dataclasses.replace(NETWORK, layers=LAYERS[:2])
    shown, layers = images(21), training.start(NETWORK, 3)
    layer_states, y = states(NETWORK, layers), np.asarray(shown.pixels, np.float64)
    for depth in (1, 2, 3):
        y = oracle.infer(LAYERS[depth - 1], layer_states[depth - 1], y)
        (got,) = training.outputs(NETWORK, layers, shown, np, one_by_one, depth)
        np.testing.assert_allclose(got, y.reshape(21, -1), rtol=1e-3, atol=1e-3)
        assert got.dtype == np.float32
    assert np.concatenate(list(training.outputs(network, layers[:2], shown, np, one_by_one))).shape == (21, 40)


def test_outputs_come_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, layers = images(37), training.start(NETWORK, 3)
    (alone,) = training.outputs(NETWORK, layers, shown, np, one_by_one, 2)
    monkeypatch.setattr(training, "CHUNK", 18)
    parts = list(training.outputs(NETWORK, layers, shown, np, one_by_one, 2))
    assert [len(part) for part in parts] == [18, 18, 1]
    np.testing.assert_allclose(np.concatenate(parts), alone, rtol=1e-4, atol=1e-5)


def test_an_image_gives_the_same_alone() -> None:
    layers = (dataclasses.replace(LAYERS[1], units=70),)
    network = dataclasses.replace(NETWORK, layers=layers)
    shown, weights = images(3), training.start(network, 3)
    (alone,) = training.outputs(network, weights, shown[:1], np, one_by_one)
    (among,) = training.outputs(network, weights, shown, np, one_by_one)
    np.testing.assert_allclose(alone[0], among[0], rtol=1e-4, atol=1e-5)


def test_bytes_and_grey_images() -> None:
    network = Network(image_shape=(1, 6, 6), layers=(Layer(units=4, kernel=3, padding=1),))
    pixels = np.random.default_rng(0).integers(0, 256, (9, 6, 6), dtype=np.uint8)
    layers = training.start(network, 0)
    outputs = [
        next(training.outputs(network, layers, Images(name="x", pixels=p, labels=np.zeros(9)), np, one_by_one))
        for p in (pixels, pixels[:, None], pixels / np.float32(255))
    ]
    assert outputs[0].tolist() == outputs[1].tolist() == outputs[2].tolist()


def test_where_the_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"runs on cpu or gpu, not on 'tpu'\."), working("tpu"):
        pass
    with pytest.raises(ValueError, match=r"cores must be at least 1, got 0\."), working(cores=0):
        pass
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r"device gpu needs CuPy and a CUDA GPU .* cupy"):
        working("gpu").__enter__()
    assert available() >= 1
    for cores in (1, 3):
        with working(cores=cores) as (xp, each):
            assert xp is np
            assert each(lambda number: number**2, [3, 1, 2]) == [9, 1, 4]


def miconi(**changes: Any) -> Network:
    """Two layers of Miconi's, as small as they can be."""
    first = dataclasses.replace(INSTAR, whitening=1e-3, **changes)
    second = dataclasses.replace(INSTAR, units=20, kernel=2, pruned=0.9, activation="winners")
    return Network(image_shape=(3, 6, 6), layers=(dataclasses.replace(first, pool=Pool(size=2)), second))


def test_a_pruned_layer_starts_and_stays_pruned_with_norm_1() -> None:
    network, settings, shown = miconi(), Training(batch=5), images(40, (3, 6, 6))
    start = training.start(network, 0)[1].weight.reshape(20, -1)
    learned = whole(network, settings, shown, seed=0)[1].weight.reshape(20, -1)
    present = start != 0
    assert present.any(axis=1).all()
    assert present.mean() == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / start.size))
    assert ((learned != 0) == present).all()
    assert np.abs(learned - start).max() > 0.05
    for weight in (start, learned):
        np.testing.assert_allclose(np.linalg.norm(weight, axis=1), 1, rtol=1e-6)


def test_thresholds_make_units_win_equally_often_before_weights_change() -> None:
    """During the warm-up; the thresholds are minus the bias."""
    layer = dataclasses.replace(INSTAR, warm_up=1000, eta_bias=0.5)
    network, pixels = Network(image_shape=(3, 6, 6), layers=(layer,)), images(200, (3, 6, 6)).pixels
    pattern = np.random.default_rng(1).random((3, 6, 6), dtype=np.float32)
    shown = Images(name="alike", pixels=0.5 * (pixels + pattern), labels=np.zeros(200))

    def wins(weights: Weights) -> Any:
        placed = training.place(layer, weights, np)
        u = training.sums(placed, np.ascontiguousarray(np.asarray(shown.pixels).transpose(0, 2, 3, 1)))
        return (np.argsort(np.argsort(-u.reshape(-1, 12), axis=1), axis=1) < 2).mean(axis=0)

    (start,) = training.start(network, 0)
    (after,) = whole(network, Training(epochs=10, batch=20), shown, seed=0)
    np.testing.assert_allclose(after.weight, start.weight, rtol=1e-6)
    assert np.abs(wins(start) - 2 / 12).max() > 0.06
    assert np.abs(wins(after) - 2 / 12).max() < 0.03


def test_whitened_images_are_white() -> None:
    """More images than pixels, and next to nothing on the diagonal: the covariance of what enters is the identity."""
    network, shown = miconi(), images(500, (3, 6, 6))
    first = dataclasses.replace(network.layers[0], whitening=1e-6)
    network = dataclasses.replace(network, layers=(first, *network.layers[1:]))
    layers = training.start(network, 0)
    assert np.array_equal(np.asarray(layers[0].whitening), np.eye(108))
    matrix = np.asarray(training.whitened(network, layers, shown)[0].whitening)
    x = np.asarray(shown.pixels).transpose(0, 2, 3, 1)
    white = numerics.whiten(x, matrix).reshape(500, -1)
    outer = white.T @ white / 500
    keep = np.linalg.eigvalsh(outer)[1:]  # one direction, the mean of each image, is 0
    np.testing.assert_allclose(keep, 1, atol=0.01)
    assert np.abs(matrix - matrix.T).max() < 1e-4


def test_positions_are_drawn_anew_and_all_of_them_are_all() -> None:
    network, settings, shown = miconi(), Training(batch=8), images(24, (3, 6, 6))
    every = whole(network, settings, shown)
    assert same(every, whole(miconi(positions=16), settings, shown))  # as many as there are
    some = whole(miconi(positions=4), settings, shown)
    assert not same(every, some)
    assert same(some, whole(miconi(positions=4), settings, shown))
    assert not same(some, whole(miconi(positions=4), settings, shown, seed=4))


def test_layers_that_draw_positions_hand_on_all_of_them_when_they_learn_together() -> None:
    settings, shown = Training(batch=8, order="together"), images(24, (3, 6, 6))
    first, second = whole(miconi(positions=4), settings, shown)
    assert first.steps == second.steps == 3
    layer, rng = miconi(positions=4).layers[0], np.random.default_rng(0)
    x = np.ascontiguousarray(np.asarray(shown.pixels[:8]).transpose(0, 2, 3, 1))
    placed = training.place(layer, first, np)
    expected = training.forward([placed], x, one_by_one)
    output = training.learn_batch(placed, x, 3, one_by_one, rng)
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)


def test_pruning_leaves_an_input_to_every_unit() -> None:
    network = Network(image_shape=(1, 2, 2), layers=(Layer(units=200, pruned=0.95),))
    weight = np.asarray(training.start(network, 0)[0].weight).reshape(200, 4)
    kept = (weight != 0).sum(axis=1)
    assert kept.min() == 1
    # One input of each unit is kept in any case, and a twentieth of the others: four standard deviations
    assert kept.mean() == pytest.approx(1 + 3 * 0.05, abs=4 * np.sqrt(3 * 0.05 * 0.95 / 200))
