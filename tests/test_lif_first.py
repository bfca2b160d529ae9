"""A network that learns whole within a chip's limits: integrate-and-fire neurons, lateral inhibition, one sum."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikehebb import jobs
from spikehebb.circuits import LEARNERS
from spikehebb.core import Images
from spikehebb.datasets import load
from spikehebb.devices import NUMPY
from spikehebb.hardware import TARGETS, check
from spikehebb.jobs import Settings
from spikehebb.jobs.constrained import constrained
from spikehebb.rules import RULES

LOIHI, NEURONS = TARGETS["loihi1"], 8
SETTINGS = Settings(circuit="lif_first", neurons=NEURONS, target="loihi1", parameters={"circuit.lifetime": 40.0})


@pytest.fixture(scope="module")
def images() -> Images:
    return load("digits", "train")[:120]


@pytest.fixture(scope="module")
def learned(images: Images) -> jobs.LearnedNetwork:
    return jobs.learn_digits(images, images[:30], SETTINGS, device=NUMPY).network


@pytest.mark.long
def test_it_learns_and_infers_with_nothing_that_the_chip_lacks(learned: jobs.LearnedNetwork) -> None:
    for learning in (False, True):
        assert jobs.check_network(learned, LOIHI, learning=learning)["problems"] == []
    chip = constrained(SETTINGS, learned.circuit(learning=True), 0)
    assert not check(chip.circuit.frozen(), LOIHI)
    threshold = 1 / float(chip.circuit.populations["output"].model.parameters["jump"] * 1e3)
    assert threshold / chip.steps["feedforward"] == pytest.approx(51000), "a whole number of weight steps"
    assert threshold / chip.steps["feedforward"] < 2 ** LOIHI.value("threshold_bits")


def test_weights_are_whole_steps_of_about_length_1(learned: jobs.LearnedNetwork) -> None:
    weights = np.asarray(learned.arrays["weights"])
    steps = weights / (SETTINGS.w_max / 255)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    fired = np.asarray(learned.arrays["age"]) > 0.1
    lengths = np.linalg.norm(weights, axis=0)
    assert fired.sum() > NEURONS / 2
    # bits of the factors set the length: w.x1 against level*w, each with a mantissa of 4 bits
    assert np.all(lengths[fired] < 1.6)
    assert np.all(lengths[fired] > 0.7)


def test_few_win_and_the_winner_inhibits_the_others(learned: jobs.LearnedNetwork, images: Images) -> None:
    report = jobs.evaluate(learned, images[:20], target=LOIHI)
    per_image = report["hardware"]["per_image"]
    assert report["hardware"]["enforced_problems"] == 0
    assert 0.5 < per_image["effective_ac"] / (per_image["input_spikes"] * NEURONS) < 1.2
    recording = jobs.some_presentations(learned, images[:20])
    assert 10 < len(recording.spikes["output"].t) < 100


def test_the_rule_is_softhebb_where_the_potential_is_the_threshold() -> None:
    """With u = level both rules are the same change."""
    one, other = RULES["softhebb_annealed"], RULES["softhebb_threshold"]
    assert other.on_post == one.on_post.replace("u_post", "level")
    assert not other.needs_post
    assert LEARNERS["lif_first"].rule is other


def test_other_rules_are_refused_where_a_chip_lacks_them() -> None:
    with pytest.raises(ValueError, match="take an exponent of 0 or 1"):
        Settings(circuit="lif_first", rule="stdp_guetig", target="loihi1")


def test_faults_of_a_chip_are_for_every_circuit(images: Images, tmp_path: Path) -> None:
    whole, faulty = (
        Settings(circuit="lif_first", neurons=4, dropped=share, neuron_spread=spread).started(64)
        for share, spread in ((0.0, 0.0), (0.3, 0.2))
    )
    connected = faulty.projections["feedforward"].connected
    assert connected is not None
    assert 0.55 < connected.mean() < 0.85
    assert "gain" in faulty.populations["output"].model.parameters
    assert "gain" not in whole.populations["output"].model.parameters
    own = Settings(circuit="lif_wta", neurons=4, neuron_spread=0.2).started(64).populations["output"].model
    before = LEARNERS["lif_wta"].circuit(64, 4, rng=np.random.default_rng(0)).populations["output"].model
    assert own.receive == before.receive, "a neuron with a gain keeps its text"
    assert np.std(own.parameters["gain"] / before.parameters["gain"]) > 0.01


def test_the_range_of_the_potential_has_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of one pixel drives w = 1.6 to 1.6*1000 Hz*10 ms = 16; twice as much is room, in powers of 2 of x1."""
    asked: list[float] = []
    module = sys.modules["spikehebb.jobs.constrained"]
    constrain = module.constrain

    def seen(*given: Any, **options: Any) -> Any:
        asked.append(options["ranges"]["u"])
        return constrain(*given, **options)

    monkeypatch.setattr(module, "constrain", seen)
    settings = Settings(neurons=4, target="loihi1", rule="softhebb_annealed")
    constrained(settings, settings.started(9), 0)
    assert 16 <= asked[0] < 32
    power = np.log2(asked[0] * settings.w_max / 255 / 4)
    assert power == round(power)
