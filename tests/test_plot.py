"""Pictures hold what they should: the numbers drawn are the numbers given."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import ms
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from spikehebb import metrics, plot
from spikehebb.core import Images
from spikehebb.devices import NUMPY
from spikehebb.jobs import Settings, learn_digits, some_presentations, stdp_window
from spikehebb.plot.softhebb import as_published
from spikehebb.rules import stdp_pair
from spikehebb.softhebb import Layer, Model, Network, Pool, presets, statistics, training


def test_receptive_fields_show_every_neuron_in_order_of_labels() -> None:
    weights = np.arange(64.0 * 5).reshape(64, 5)
    axis = plot.receptive_fields(weights, (8, 8), np.array([3, metrics.NONE, 0, 3, 1])).axes[0]
    assert [text.get_text() for text in axis.texts] == ["0", "1", "3", "3", "–"]
    assert not axis.axison
    sheet = np.asarray(axis.images[0].get_array())
    assert sheet[:8, :8].tolist() == weights[:, 2].reshape(8, 8).tolist()
    assert sheet[9:17, 9:17].tolist() == weights[:, 1].reshape(8, 8).tolist(), "the neuron without a label comes last"


def test_large_networks_are_thinned_out() -> None:
    axis = plot.receptive_fields(np.ones((4, 250)), (2, 2), np.arange(250) % 10).axes[0]
    assert len(axis.texts) == 100
    assert "100 of 250 neurons" in axis.get_title()


def test_confusion_shows_percent_and_only_where_needed_a_column_for_none() -> None:
    table = np.diag([10] * 3 + [0])[:3]
    axis = plot.confusion(table).axes[0]
    assert [text.get_text() for text in axis.texts] == ["100"] * 3
    assert axis.get_title().startswith("100.0 % of 30 test images right")
    table[0] = [5, 0, 0, 5]
    axis = plot.confusion(table).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "1", "2", "none"]


def test_confusion_follows_the_classes() -> None:
    table = np.zeros((10, 11), int)
    table[0, 0], table[1, 0], table[1, 10] = 4, 1, 3
    axis = plot.confusion(table, ("cat", "$dog$ of a very long breed")).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["cat", "$dog$ of...eed"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["cat", "$dog$ of...eed", "none"]
    assert not any(label.get_parse_math() for label in axis.get_yticklabels()), "a name is no formula"
    assert [text.get_text() for text in axis.texts] == ["100", "25", "75"]
    assert axis.get_title().startswith("50.0 % of 8 test images right")
    table[0, 5] = 1
    axis = plot.confusion(table, ("cat", "dog")).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()][:3] == ["cat", "dog", "2"], "no image is left out"
    large = plot.confusion(np.eye(150, 151, dtype=int), tuple(f"c{n}" for n in range(150))).axes[0]
    assert [label.get_text() for label in large.get_xticklabels()][:2] == ["c0", "c2"]
    assert not large.texts


def test_neurons_have_the_names_of_classes_and_colours_are_averaged() -> None:
    weights = np.stack([np.arange(18.0), np.zeros(18)], axis=1)
    axis = plot.receptive_fields(weights, (3, 2, 3), np.array([1, 0]), ("cat", "dog")).axes[0]
    assert [text.get_text() for text in axis.texts] == ["cat", "dog"]
    assert np.asarray(axis.images[0].get_array())[:, 4:].tolist() == [[6, 7, 8], [9, 10, 11]]


def test_the_window_is_drawn_as_it_was_measured() -> None:
    window = stdp_window(stdp_pair, [-10, 0, 10] * ms)
    axis = plot.stdp_window(window, stdp_pair).axes[0]
    points = sorted(point for line in axis.lines[2:] for point in np.asarray(line.get_xydata()).tolist())
    assert points == np.column_stack([window.lags / ms, window.dw]).tolist()
    assert "t_{post} - t_{pre}" in axis.get_xlabel()
    assert "(ms)" in axis.get_xlabel()


@pytest.mark.long
def test_the_raster_shows_every_spike(few: tuple[Images, Images], tmp_path: Path) -> None:
    train, test = few
    trained = learn_digits(train, test, Settings(neurons=6), device=NUMPY).network
    recording = some_presentations(trained, test[:3])
    figure = plot.raster(recording, test[:3], 50 * ms, np.array([0, 1, 2, 3, 4, metrics.NONE]))
    assert len([inset for inset in figure.axes[0].child_axes if inset.images]) == 3
    assert np.size(figure.axes[1].lines[0].get_xdata()) == len(recording.spikes["input"])
    assert len(np.asarray(figure.axes[2].collections[0].get_offsets())) == len(recording.spikes["output"])
    assert plot.save(figure, tmp_path / "x.png").stat().st_size > 1000


def softhebb_model(channels: int = 3, units: int = 4, side: int = 8) -> Model:
    """Two layers, of which the units of the first have the norms units, ..., 2, 1 (times root 75 with 3 channels)."""
    layers = (Layer(units=units, kernel=5, padding=2, norm=30, pool=Pool()), Layer(units=3, kernel=3))
    network = Network(image_shape=(channels, side, side), layers=layers)
    weights = list(training.start(network, 0))
    ramp = np.linspace(-1, 1, channels * 25, dtype=np.float32).reshape(channels, 5, 5)
    first = np.arange(units, 0, -1, dtype=np.float32)[:, None, None, None] * ramp
    weights[0] = dataclasses.replace(weights[0], weight=first)
    return Model(network=network, layers=tuple(weights))


def sheet_of(figure: Figure) -> NDArray[Any]:
    return np.asarray(figure.axes[0].images[0].get_array())


def test_weights_are_drawn_around_grey_in_order_of_their_norms() -> None:
    model = softhebb_model()
    weights = np.array(model.layers[0].weight)
    weights[3] *= -1  # the shortest
    layers = (dataclasses.replace(model.layers[0], weight=weights), model.layers[1])
    figure = plot.weight_images(dataclasses.replace(model, layers=layers))
    sheet, ramp = sheet_of(figure), np.linspace(-1, 1, 75).reshape(3, 5, 5).transpose(1, 2, 0)
    assert sheet.shape == (11, 17, 3), "two rows of three, with a margin of one pixel"
    assert sheet[:5, :5] == pytest.approx(0.5 - 0.5 * ramp)
    assert sheet[:5, 6:11] == pytest.approx(0.5 + 0.5 * ramp)
    assert np.all(sheet[5] == 1), "the margin is white"
    assert figure.axes[0].get_title().startswith("Weights of all 4 units in layer 1")


def test_of_many_units_a_choice_is_drawn_in_grey_where_images_are() -> None:
    figure = plot.weight_images(softhebb_model(channels=1, units=200))
    assert "96 of 200 units" in figure.axes[0].get_title()
    assert sheet_of(figure).shape == (8 * 6 - 1, 12 * 6 - 1)


def test_mean_patches_keep_their_mean_and_what_is_unknown_grey() -> None:
    fields = np.full((3, 1, 4, 4), 0.7, np.float32)
    fields[:, 0, 0, 0], fields[:, 0, 0, 1], fields[:, 0, 3, 3] = 0.8, 0.6, np.nan
    figure = plot.mean_patches(fields, softhebb_model(channels=1), 1)
    assert sheet_of(figure)[0, :3] == pytest.approx([1, 0, 0.5], abs=1e-6)
    assert sheet_of(figure)[3, 3] == 0.5
    assert "all 3 units in layer 2" in figure.axes[0].get_title()


def test_every_norm_is_in_the_histogram_with_marks_at_1_and_at_the_start() -> None:
    model = softhebb_model()
    figure = plot.norm_histograms(model)
    for axis, units, start in zip(figure.axes, (4, 3), (30, 25), strict=True):
        bars = [bar for bar in axis.patches if isinstance(bar, Rectangle)]
        assert sum(bar.get_height() for bar in bars) == units
        assert [np.asarray(line.get_xdata())[0] for line in axis.lines] == [1, start]
        (around_one,) = (bar for bar in bars if bar.get_x() < 1 < bar.get_x() + bar.get_width())
        assert around_one.get_x() + around_one.get_width() / 2 == pytest.approx(1)
    norms = statistics.norms(model)[0]
    assert f"{norms.mean():.2f} ± {norms.std():.2f} (mean ± sd), 0 of norm 1" in figure.axes[0].get_title(loc="left")


def test_the_competition_is_drawn_as_it_was_measured() -> None:
    layers = [
        {"units": 4, "winner_probability": 0.6, "largest_shares": [0.5, 0.3, 0.1]},
        {"units": 2, "winner_probability": 0.9, "largest_shares": [0.8, 0.2]},
    ]
    winner, largest, alike = plot.winner_probability(layers).axes[0].lines
    assert np.asarray(winner.get_xydata()).tolist() == [[1, 0.6], [2, 0.9]]
    assert np.asarray(largest.get_xydata()).tolist() == [[1, 0.5], [1, 0.3], [1, 0.1], [2, 0.8], [2, 0.2]]
    assert np.asarray(alike.get_ydata()).tolist() == [0.25, 0.5]


def test_the_readout_curve_shows_what_there_is() -> None:
    curve = [{"epoch": 1, "accuracy_train": 0.25}, {"epoch": 2, "accuracy_train": 0.5, "accuracy_test": 0.75}]
    train, test, published = plot.readout_curve(curve, presets()["cifar-3"]).axes[0].lines
    assert np.asarray(train.get_xydata()).tolist() == [[1, 25], [2, 50]]
    assert np.asarray(test.get_xydata()).tolist() == [[2, 75]]
    assert np.asarray(published.get_ydata()).tolist() == [80.31, 80.31]
    assert len(plot.readout_curve(curve[:1]).axes[0].lines) == 1


def test_accuracy_by_layer_stands_beside_the_published_depths() -> None:
    scores = {1: 0.5, 2: 0.75, 3: 0.8125}
    own, published, random = plot.accuracy_by_layer(scores, presets()["cifar-3"]).axes[0].lines
    assert np.asarray(own.get_xydata()).tolist() == [[1, 50], [2, 75], [3, 81.25]]
    assert np.asarray(published.get_xydata()).tolist() == [[1, 71.1], [2, 77.7], [3, 80.31]]
    assert np.asarray(random.get_xydata()).tolist() == [[1, 63.99], [2, 68.64], [3, 64.62]]
    for preset in (None, presets()["mnist-dense"]):
        assert len(plot.accuracy_by_layer({1: 0.9}, preset).axes[0].lines) == 1


def test_a_softhebb_run_is_drawn_as_far_as_its_numbers_go(tmp_path: Path) -> None:
    model = softhebb_model(side=12)
    pixels = np.random.default_rng(0).uniform(size=(5, 3, 12, 12))
    images = Images(name="noise", pixels=pixels, labels=np.zeros(5))
    assert [path.name for path in plot.softhebb_pictures(model, statistics.summary(model), tmp_path)] == [
        "norms.png",
        "receptive_fields.png",
    ]
    report = {
        **statistics.summary(model, images),
        "learning_curve": [{"epoch": 1, "accuracy_train": 0.5}],
        "accuracy_by_layer": {"1": 0.5, "2": 0.6},
    }
    paths = plot.softhebb_pictures(model, report, tmp_path, images)
    assert [path.name for path in paths] == [
        "norms.png",
        "receptive_fields.png",
        "receptive_fields_layer2.png",
        "winner_probability.png",
        "learning_curve.png",
        "accuracy_by_layer.png",
    ]
    assert all(path.stat().st_size > 1000 for path in paths)


def test_only_a_network_like_the_published_one_is_compared_with_it() -> None:
    preset = presets()["cifar-1"]
    network = preset.network((3, 32, 32))
    model = Model(network=network, layers=training.start(network, 0))
    report: dict[str, Any] = {
        "preset": "cifar-1",
        "training": asdict(preset.training),
        "readout": {"method": "adam", **asdict(preset.readout)},
        "data": {"train": {"name": "cifar10/train", "count": 50_000}},
    }
    assert as_published(model, report) == preset
    assert as_published(model, {**report, "data": {"train": {"name": "cifar10/train", "count": 400}}}) is None
    assert as_published(model, {**report, "data": {"train": {"name": "stl10/train", "count": 5000}}}) is None
    assert as_published(model, {**report, "readout": {**report["readout"], "method": "ridge"}}) is None
    assert as_published(model, {**report, "readout": {**report["readout"], "epochs": 5}}) is None
    assert as_published(model, {**report, "training": {**report["training"], "order": "together"}}) is None
    assert as_published(model, {**report, "preset": "cifar-hard-1"}) is None
    assert as_published(model, {**report, "preset": "my own"}) is None
    assert as_published(model, {}) is None


def test_a_learning_curve_is_in_percent() -> None:
    curve = [{"images_seen": 10, "accuracy": 0.5}, {"images_seen": 20, "accuracy": 0.75}]
    (axis,) = plot.learning_curve(curve, 0.8, "digits").axes
    assert axis.lines[0].get_xydata().tolist() == [[10, 50], [20, 75]]  # type: ignore[union-attr]
