"""Tables of features as images: the code of populations, and how a table is cut in two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from spikehebb.datasets import load, population_code
from spikehebb.datasets.tables import cut
from tests.test_layouts import write_csv


def test_the_code_is_that_of_bohte() -> None:
    """Bohte et al. 2002, section V.A: centre of unit i of m, and width, written out for one number."""
    low, high, m, beta = -1.0, 5.0, 8, 1.5
    x = 2.3
    centres = [low + (2 * i - 3) / 2 * (high - low) / (m - 2) for i in range(1, m + 1)]
    sigma = 1 / beta * (high - low) / (m - 2)
    expected = [np.exp(-((x - centre) ** 2) / (2 * sigma**2)) for centre in centres]
    coded = population_code([[x]], m, low=[low], high=[high])
    assert coded.shape == (1, 1, m)
    assert coded[0, 0] == pytest.approx(expected, rel=1e-6)
    assert coded.dtype == np.float32


def test_values_beyond_the_range_are_taken_for_its_ends() -> None:
    inside = population_code([[0.0, 3.0], [1.0, 3.0]])
    outside = population_code([[-9.0, 3.0], [9.0, 3.0]], low=[0, 3], high=[1, 3])
    assert inside.tolist() == outside.tolist()
    assert inside[0, 1] == pytest.approx(inside[0, 1][::-1]), "a constant lies in the middle"
    assert inside[0, 0] == pytest.approx(inside[1, 0][::-1], abs=1e-6)


@pytest.mark.parametrize("cells", [2, 0, 2.5, True, "9"])
def test_cells_are_checked(cells: Any) -> None:
    with pytest.raises(ValueError, match="cells must be a whole number of at least 3, got"):
        population_code([[1.0]], cells)


@pytest.mark.parametrize("table", [[1.0], [[np.nan]], np.zeros((0, 3))])
def test_a_table_is_checked(table: Any) -> None:
    with pytest.raises(ValueError, match=r"a table must be \(n, features\) of finite numbers"):
        population_code(table)


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_iris_is_a_table(kind: str, tmp_path: Path) -> None:
    bundle = load_iris()
    train, test = cut(bundle.target)
    if kind == "csv":
        path = write_csv(tmp_path / "iris.data", bundle.data, bundle.target_names[bundle.target])
    else:
        path = tmp_path / "iris.npz"
        np.savez(
            path,
            x_train=bundle.data[train],
            y_train=bundle.target[train],
            x_test=bundle.data[test],
            y_test=bundle.target[test],
        )
    images = {part: load(path, part, cells=5) for part in ("train", "test")}
    low, high = bundle.data[train].min(axis=0), bundle.data[train].max(axis=0)
    for part, rows in (("train", train), ("test", test)):
        expected = population_code(bundle.data[rows], 5, low=low, high=high)
        assert images[part].pixels == pytest.approx(expected, abs=1e-6)
        assert images[part].labels.tolist() == bundle.target[rows].tolist()
    assert load(path, "train").pixels.shape == (120, 4, 10)
    assert images["test"].classes == (("setosa", "versicolor", "virginica") if kind == "csv" else ("0", "1", "2"))
    assert images["train"].name == "iris/train"


def test_whole_numbers_are_a_table_where_they_are_few_or_cells_are_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = rng.permutation(["a", "b"] * 10)
    few = write_csv(tmp_path / "few.csv", names, rng.integers(0, 16, (20, 16)))  # as UCI's letters
    assert load(few, "train").pixels.shape == (16, 16, 10)
    many = write_csv(tmp_path / "many.csv", names, rng.integers(0, 16, (20, 64)))
    assert load(many, "train").pixels.shape == (16, 8, 8)
    assert load(many, "train", cells=4).pixels.shape == (16, 64, 4)
    reals = write_csv(tmp_path / "reals.csv", names, rng.random((20, 64)))
    assert load(reals, "train").pixels.shape == (16, 64, 10)


def test_a_table_is_cut_the_same_way_always_and_every_class_is_trained() -> None:
    labels = np.repeat([0, 1, 2, 3], [50, 10, 2, 1])
    train, test = cut(labels)
    assert sorted([*train, *test]) == list(range(63))
    assert np.bincount(labels[test], minlength=4).tolist() == [10, 2, 1, 0]
    assert all(np.array_equal(one, other) for one, other in zip(cut(labels), (train, test), strict=True))
    assert np.ptp(test[:10]) > 20, "not the last ones of a class"
