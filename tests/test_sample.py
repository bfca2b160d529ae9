"""A limited run sees every class, however the files are sorted (A12), and every command the same images."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikehebb.cli.common import images_of
from spikehebb.core import Images, Samples
from spikehebb.datasets import load, sample
from spikehebb.jobs import Settings
from spikehebb.jobs.digit_state import begin, next_images
from tests.test_cli import run

FEW = ("--limit-train", "9", "--limit-test", "6")


def numbered(*counts: int) -> Images:
    """So many images of each class, sorted by class; an image's pixel is its number."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return Images(name="sorted/train", pixels=np.arange(len(labels), dtype=np.uint8)[:, None, None], labels=labels)


def numbers(images: Samples) -> list[int]:
    return [int(number) for number in images.content[0].ravel()]


@pytest.fixture(scope="module")
def sorted_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of digits as a folder of images: those of "0" come first."""
    root = tmp_path_factory.mktemp("pictures")
    for part, count in (("train", 12), ("test", 4)):
        images = load("digits", part)
        for label in range(3):
            folder = root / part / str(label)
            folder.mkdir(parents=True)
            for number, pixels in enumerate(images.pixels[images.labels == label][:count]):
                Image.fromarray((pixels * 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    return root


@pytest.mark.parametrize(
    ("counts", "n", "expected"),
    [
        ((50, 50, 50), 9, [3, 3, 3]),
        ((50, 2, 50), 12, [5, 2, 5]),  # a class that has too few gives what it has
        ((3, 1, 1), 4, [2, 1, 1]),
    ],
)
def test_classes_are_balanced(counts: tuple[int, ...], n: int, expected: list[int]) -> None:
    for seed in range(5):
        assert np.bincount(sample(numbered(*counts), n, seed).labels).tolist() == expected


def test_where_classes_do_not_come_out_even_chance_decides_which_has_more() -> None:
    extra = Counter(int(np.bincount(sample(numbered(20, 20, 20), 4, seed).labels).argmax()) for seed in range(60))
    assert sorted(extra) == [0, 1, 2]


def test_the_same_seed_is_the_same_sample_in_random_order() -> None:
    images = numbered(50, 50, 50)
    chosen = sample(images, 30)
    assert numbers(chosen) == numbers(sample(images, 30)) != numbers(sample(images, 30, seed=1))
    assert len(set(numbers(chosen))) == 30
    assert set(numbers(sample(images, 20))) < set(numbers(chosen)), "a larger sample holds the smaller one"
    changes = np.count_nonzero(np.diff(chosen.labels))
    assert changes > 12, "sorted by class it would be 2, in random order 19 on average"
    assert [images.labels[number] for number in numbers(chosen)] == chosen.labels.tolist()


def test_all_images_are_left_as_they_are() -> None:
    images = numbered(2, 2)
    assert sample(images, 4) is images
    assert sample(images, 100) is images


def test_unlabelled_images_are_sampled_too() -> None:
    images = Images(name="none", pixels=np.arange(50, dtype=np.uint8)[:, None, None], labels=np.full(50, -1))
    assert len(set(numbers(sample(images, 10)))) == 10
    assert max(numbers(sample(images, 10))) > 10, "not the first ones"


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "3"])
def test_a_number_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises(ValueError, match="sample of sorted/train must have a whole number of images, at least 1; got"):
        sample(numbered(2, 2), n)


@pytest.mark.parametrize("data", ["digits", "folder"])
def test_limits_are_samples_whatever_the_data_set(data: str, sorted_digits: Path) -> None:
    folder = sorted_digits if data == "folder" else None
    chosen = images_of(data, "train", folder, 20)
    assert np.ptp(np.bincount(chosen.labels)) <= 1
    assert numbers(chosen) == numbers(sample(load(data, "train", data_dir=folder), 20))


@pytest.mark.long
def test_every_command_takes_the_same_sample(sorted_digits: Path, tmp_path: Path) -> None:
    data = ("--data", "folder", "--data-dir", sorted_digits)
    reports: list[dict[str, Any]] = []
    learn = ("learn", *data, *FEW, "--neurons", "4", "--device", "numpy", "--json")
    rates = ("softhebb", "train", *data, *FEW, "--preset", "mnist-krotov-hopfield", "--epochs", "1", "--json")
    for out, words in (
        ("spikes", (*learn, "--seed", "0")),
        ("other", (*learn, "--seed", "5")),
        ("rates", (*rates, "--readout-epochs", "1")),
    ):
        done = run(*words, "--out", tmp_path / out)
        assert done.returncode == 0, done.stderr
        reports.append(json.loads(done.stdout))
    assert reports[0]["data"] == reports[1]["data"] == reports[2]["data"]
    assert [sum(row) for row in reports[0]["confusion"]][:3] == [2, 2, 2], "two test images of each class"
    again = run("evaluate", tmp_path / "spikes", *data, "--limit-test", "6", "--device", "numpy", "--json")
    assert json.loads(again.stdout)["metrics"]["accuracy_vote"] == reports[0]["metrics"]["accuracy_vote"]


def test_learning_shuffles_a_data_set_that_is_sorted_by_class() -> None:
    images, settings = numbered(30, 30, 30), Settings(neurons=2, epochs=2)
    first = begin(settings, 1, 10, None)
    orders = [numbers(next_images(state, images, settings)) for state in (first, dataclasses.replace(first, chunks=1))]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(90))
    assert orders[0] != orders[1] != sorted(orders[1])
