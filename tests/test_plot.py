"""Pictures hold what they should: the numbers drawn are the numbers given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from brian2 import ms

from spikehebb import metrics, plot
from spikehebb.core import Images
from spikehebb.devices import NUMPY
from spikehebb.experiments import Settings, learn_digits, some_presentations, stdp_window
from spikehebb.rules import stdp_pair


def test_receptive_fields_show_every_neuron_in_order_of_labels() -> None:
    weights = np.arange(64.0 * 5).reshape(64, 5)
    axis = plot.receptive_fields(weights, (8, 8), np.array([3, metrics.NONE, 0, 3, 1])).axes[0]
    assert [text.get_text() for text in axis.texts] == ["0", "1", "3", "3", "–"]
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


def test_the_window_is_drawn_as_it_was_measured() -> None:
    window = stdp_window(stdp_pair, [-10, 0, 10] * ms)
    axis = plot.stdp_window(window, stdp_pair).axes[0]
    points = sorted(point for line in axis.lines[2:] for point in np.asarray(line.get_xydata()).tolist())
    assert points == np.column_stack([window.lags / ms, window.dw]).tolist()
    assert "t_{post} - t_{pre}" in axis.get_xlabel()
    assert "(ms)" in axis.get_xlabel()


def test_the_raster_shows_every_spike(few: tuple[Images, Images], tmp_path: Path) -> None:
    train, test = few
    trained = learn_digits(train, test, Settings(neurons=6), device=NUMPY).checkpoint
    recording = some_presentations(trained, test[:3])
    figure = plot.raster(recording, test[:3], 50 * ms, np.array([0, 1, 2, 3, 4, metrics.NONE]))
    assert len(figure.axes[0].images) == 3
    assert np.size(figure.axes[1].lines[0].get_xdata()) == len(recording.spikes["input"])
    assert len(np.asarray(figure.axes[2].collections[0].get_offsets())) == len(recording.spikes["output"])
    assert plot.save(figure, tmp_path / "x.png").stat().st_size > 1000
