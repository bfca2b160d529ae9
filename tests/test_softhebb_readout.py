"""Readouts: against Adam in float64 and scikit-learn; dropout, learning rates, voting units."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from spikehebb.softhebb import Readout, readout
from spikehebb.softhebb.backend import one_by_one, working
from tests.oracles import softhebb as oracle

FEATURES, CLASSES = 11, 4


class Watched:
    """Features that note which rows were read."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape = array, array.shape
        self.batches: list[Any] = []

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key
        if columns.start == 0:
            self.batches.append(np.array(rows))
        return self.array[key]


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    labels = rng.integers(0, CLASSES, 50)
    features = rng.standard_normal((50, FEATURES)) + 2 * np.eye(CLASSES, FEATURES)[labels]
    return features.astype(np.float32), labels


def fitted(features: Any, labels: Any, settings: Readout, epochs: int, each: Any = one_by_one) -> Any:
    fit, accuracy = readout.begin(features.shape[1], CLASSES, 0), 0.0
    for _ in range(epochs):
        fit, accuracy = readout.fit_epoch(fit, features, labels, settings, 7, each)
    return fit, accuracy


def test_start_as_in_pytorch() -> None:
    fit = readout.begin(400, 10, 1)
    assert fit.weight.shape == (10, 400)
    assert fit.bias.shape == (10,)
    both = np.concatenate([fit.weight.ravel(), fit.bias])
    assert np.abs(both).max() <= 1 / 20
    assert np.abs(fit.weight).max() > 0.999 / 20
    assert both.std() == pytest.approx(0.05 / 3**0.5, rel=0.05)
    assert np.abs(fit.bias).max() > 0.02
    assert (readout.begin(400, 10, 2).weight != fit.weight).all()


@pytest.mark.parametrize("batch", [16, 50, 64])
def test_two_epochs_of_adam(batch: int, data: tuple[Any, Any]) -> None:
    features, labels = data
    settings = Readout(epochs=2, batch=batch, dropout=0.0, eta=0.01, halvings=(0.5,))
    watched = Watched(features)
    fit, _ = fitted(watched, labels, settings, 2)
    start = readout.begin(FEATURES, CLASSES, 0)
    steps = len(watched.batches) // 2
    assert [len(rows) for rows in watched.batches] == {16: [16, 16, 16, 2], 50: [50], 64: [50]}[batch] * 2
    for epoch in (0, 1):
        shown = np.concatenate(watched.batches[epoch * steps : (epoch + 1) * steps])
        assert sorted(shown) == list(range(50))
    assert np.concatenate(watched.batches[:steps]).tolist() != np.concatenate(watched.batches[steps:]).tolist()
    rates = [0.01] * steps + [0.005] * steps
    weight, bias, x = (np.asarray(array, np.float64) for array in (start.weight, start.bias, features))
    weight, bias = oracle.adam(weight, bias, x, labels, watched.batches, rates)
    np.testing.assert_allclose(fit.weight, weight, atol=1e-5)
    np.testing.assert_allclose(fit.bias, bias, atol=1e-5)
    assert fit.epoch == 2
    assert np.abs(fit.weight - start.weight).max() > 0.01


def test_accuracy_is_that_before_each_step(data: tuple[Any, Any]) -> None:
    features, labels = data
    start = readout.begin(FEATURES, CLASSES, 0)
    before = (readout.predict(start.weight, start.bias, [features]) == labels).mean()
    settings = Readout(epochs=1, batch=50, dropout=0.0)
    assert fitted(features, labels, settings, 1)[1] == pytest.approx(before)
    assert fitted(features, labels, Readout(epochs=80, batch=10, dropout=0.0, eta=0.02), 80)[1] > before + 0.3


def test_an_epoch_leaves_its_start_as_it_is(data: tuple[Any, Any]) -> None:
    fit, _ = fitted(*data, Readout(epochs=2), 1)
    arrays = (fit.weight, fit.bias, *fit.moments)
    before = [array.copy() for array in arrays]
    readout.fit_epoch(fit, *data, Readout(epochs=2), 7, one_by_one)
    assert all((one == other).all() for one, other in zip(arrays, before, strict=True))


@pytest.mark.parametrize(("dropout", "share"), [(0.5, 0.5), (0.25, 0.25), (0.9, 230 / 256)])
def test_dropout_leaves_out_its_share_and_keeps_the_expectation(dropout: float, share: float) -> None:
    """Seen through a first step of Adam's moments: with p = 1/2 each, the slope of a class is x/2 of what was shown."""
    features = np.ones((1, 40000), np.float32)
    start = readout.begin(40000, 2, 0)
    zero = dataclasses.replace(start, weight=np.zeros_like(start.weight), bias=np.zeros_like(start.bias))
    settings = Readout(epochs=1, batch=1, dropout=dropout)
    fit, _ = readout.fit_epoch(zero, features, np.array([1]), settings, 0, one_by_one)
    shown = fit.moments[0][0] / 0.1 / 0.5  # of class 0
    assert (shown == 0).mean() == pytest.approx(share, abs=0.01)
    assert shown[shown != 0].tolist() == pytest.approx([1 / (1 - share)] * int((shown != 0).sum()), rel=1e-5)
    assert shown.mean() == pytest.approx(1, abs=0.06)
    parts = (shown == 0).reshape(4, -1)  # as large as those that the cores work on, which must not repeat each other
    same = share**2 + (1 - share) ** 2
    assert [(parts[0] == part).mean() for part in parts[1:]] == pytest.approx([same] * 3, abs=0.03)


def test_dropout_is_another_at_every_step(data: tuple[Any, Any]) -> None:
    features = np.ones((6, 400), np.float32)
    fit, _ = fitted(features, np.zeros(6, int), Readout(epochs=1, batch=1, dropout=0.5), 1)
    untouched = (fit.moments[1][1] == 0).mean()
    assert untouched == pytest.approx(0.5**6, abs=0.02)


def test_dropout_of_almost_all(data: tuple[Any, Any]) -> None:
    fit, _ = fitted(*data, Readout(epochs=1, dropout=0.999), 1)
    assert np.isfinite(fit.weight).all()


SEVEN = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9)


@pytest.mark.parametrize(
    ("epochs", "at"),
    [
        (200, (40, 70, 100, 120, 140, 160, 180)),
        (100, (20, 35, 50, 60, 70, 80, 90)),
        (50, (10, 17, 25, 30, 35, 40, 45)),
        (49, (24, 36)),
        (20, (10, 15)),
        (19, ()),
        (10, ()),
    ],
)
def test_learning_rates(epochs: int, at: tuple[int, ...]) -> None:
    rates = Readout(epochs=epochs).rates()
    assert rates == tuple(1e-3 / 2 ** len([start for start in at if start <= epoch]) for epoch in range(epochs))
    if epochs >= 50:
        assert rates == Readout(epochs=epochs, halvings=SEVEN).rates()
    assert Readout(epochs=epochs, eta=0.5, halvings=()).rates() == (0.5,) * epochs


def test_the_number_of_cores_changes_nothing(data: tuple[Any, Any]) -> None:
    readouts = []
    for cores in (1, 2, 3):
        with working(cores=cores) as (_, each):
            readouts.append(fitted(*data, Readout(epochs=3, batch=16), 3, each)[0])
    for other in readouts[1:]:
        assert other.weight.tobytes() == readouts[0].weight.tobytes()
        assert other.bias.tobytes() == readouts[0].bias.tobytes()


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_few_features(width: int, data: tuple[Any, Any]) -> None:
    features, labels = data[0][:, :width], data[1]
    watched = Watched(features)
    fit, _ = fitted(watched, labels, Readout(epochs=1, dropout=0.0), 1)
    start = readout.begin(width, CLASSES, 0)
    weight, bias, x = (np.asarray(array, np.float64) for array in (start.weight, start.bias, features))
    np.testing.assert_allclose(fit.weight, oracle.adam(weight, bias, x, labels, watched.batches, [1e-3])[0], atol=1e-5)


def test_features_mapped_from_disk(tmp_path: Any, data: tuple[Any, Any]) -> None:
    features, labels = data
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    from_disk, from_memory = (fitted(x, labels, Readout(epochs=1), 1)[0] for x in (mapped, features))
    assert from_disk.weight.tolist() == from_memory.weight.tolist()
    assert mapped.tolist() == features.tolist()


@pytest.mark.parametrize("strength", [1e-3, 0.5])
@pytest.mark.parametrize("absent", [0, 1])
def test_ridge_is_that_of_scikit_learn(strength: float, absent: int, data: tuple[Any, Any]) -> None:
    from sklearn.linear_model import Ridge

    features, labels = data
    features = features + np.arange(FEATURES, dtype=np.float32)  # means that are not 0
    parts = [(features[at : at + 15], labels[at : at + 15]) for at in range(0, 50, 15)]
    weight, bias = readout.ridge(parts, FEATURES, CLASSES + absent, strength)
    wide = np.float64(features)
    alpha = strength * 50 * wide.var(axis=0).mean()
    reference = Ridge(alpha=alpha).fit(wide, np.eye(CLASSES + absent)[labels])
    np.testing.assert_allclose(weight, reference.coef_, atol=1e-4)
    np.testing.assert_allclose(bias, reference.intercept_, atol=1e-3)
    assert weight.dtype == bias.dtype == np.float32


def test_ridge_of_many_features_and_a_constant_one(rng: np.random.Generator) -> None:
    from sklearn.linear_model import Ridge

    labels = rng.integers(0, 2, 60)
    features = rng.standard_normal((60, 1030)).astype(np.float32) + labels[:, None] / 4
    features = np.asarray(features, np.float32)
    features[:, 1027] = 3
    weight, bias = readout.ridge([(features, labels)], 1030, 2, 0.01)
    wide = np.float64(features)
    reference = Ridge(alpha=0.01 * 60 * wide.var(axis=0).mean()).fit(wide, np.eye(2)[labels])
    np.testing.assert_allclose(weight, reference.coef_, atol=1e-4)
    np.testing.assert_allclose(bias, reference.intercept_, atol=1e-3)


@pytest.mark.parametrize("strength", [0.1, 1.0])
@pytest.mark.parametrize("present", [[0, 1, 2, 3], [0, 2, 3], [1, 3], [3]])
def test_logistic_is_that_of_scikit_learn(present: list[int], strength: float, data: tuple[Any, Any]) -> None:
    from sklearn.linear_model import LogisticRegression

    features, labels = data
    chosen = np.isin(labels, present)
    features, labels = features[chosen], labels[chosen]
    weight, bias = readout.logistic(features, labels, CLASSES, strength)
    got = readout.predict(weight, bias, [features])
    assert set(got) <= set(present)
    if present == [3]:
        return
    reference = LogisticRegression(C=1 / strength, max_iter=2000, tol=1e-9).fit(np.float64(features), labels)
    z = np.asarray(features @ weight.T + bias, np.float64)[:, present]
    y = np.exp(z - z.max(axis=1, keepdims=True))
    np.testing.assert_allclose(y / y.sum(axis=1, keepdims=True), reference.predict_proba(features), atol=0.03)
    clear = reference.predict_proba(features).max(axis=1) > 0.6
    assert got[clear].tolist() == reference.predict(features)[clear].tolist()


def test_units_vote_for_the_class_they_win_for() -> None:
    y = np.array([[0.9, 0.1, 0.0], [0.9, 0.1, 0.0], [0.9, 0.1, 0.0], [0.0, 0.6, 0.4], [0.4, 0.4, 0.2]])
    labels = np.array([1, 1, 0, 2, 0])
    expected = [0, 2, 2]  # unit 0 wins as often for 0 as for 1: the first; unit 2 never wins, and gives 2 the most
    assert readout.vote_labels([(y, labels)], 3, 4).tolist() == expected
    parts = [(y[at : at + 2], labels[at : at + 2]) for at in (0, 2, 4)]
    assert readout.vote_labels(parts, 3, 4).tolist() == expected


def test_predictions_come_in_chunks(data: tuple[Any, Any], rng: np.random.Generator) -> None:
    weight, bias = rng.standard_normal((CLASSES, FEATURES), np.float32), rng.standard_normal(CLASSES, np.float32)
    got = readout.predict(weight, bias, [data[0][:20], data[0][20:]])
    assert got.tolist() == [max(range(CLASSES), key=lambda c: weight[c] @ x + bias[c]) for x in data[0]]
    assert got.dtype == np.int64
