"""What stands before a network: edges, and columns that learned before, each against what it stands for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms

from spikehebb import checkpoint, datasets
from spikehebb.checkpoint import Checkpoint
from spikehebb.circuits import feature_columns
from spikehebb.core import Circuit, Events, Images, Population, Projection, Protocol
from spikehebb.core.progress import quiet
from spikehebb.encoders import oriented_edges, word_source
from spikehebb.jobs import Settings, evaluate, learn_digits, networks_of, read, vote_together
from spikehebb.jobs.fronts import Columns, Edges, described, front_of
from spikehebb.jobs.learn_front import FrontRun
from spikehebb.jobs.learned import spike_counts
from spikehebb.neurons import escape_rate
from spikehebb.simulation import simulate
from tests.conftest import FAST

SMALL: dict[str, Any] = {
    "neurons": 20,
    "front": {"kind": "columns", "features": 8, "kernel": 3, "patches": 3000, "blank": 0.2, "spread": 0.7},
}
SHORT: dict[str, Any] = {**SMALL, "front": {**SMALL["front"], "patches": 600}}  # learned in two parts
PART = ("spikehebb.jobs.learn_front.CHUNK", 400)


class Interrupt(Exception):  # noqa: N818
    """Stands for Ctrl-C."""


def interrupted(stage: str, after: int) -> Any:
    """Return a progress bar that interrupts a run in one of its stages."""
    told = 0

    def tell(name: str, fraction: float) -> None:
        nonlocal told
        told += name == stage
        if told >= after:
            raise Interrupt

    return tell


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images]:
    images = datasets.load("digits", "train")
    return images[:300], images[300:400]


@pytest.fixture(scope="module")
def learned(digits: tuple[Images, Images]) -> Any:
    return learn_digits(*digits, Settings(**SMALL), device=FAST)


@pytest.fixture(scope="module")
def few(digits: tuple[Images, Images]) -> tuple[Images, Images]:
    """Enough where it does not matter how well they are learned."""
    return digits[0][:60], digits[1][:20]


@pytest.fixture(scope="module")
def short(few: tuple[Images, Images]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*PART)
        return learn_digits(*few, Settings(**SHORT), device=FAST)


def looking(weights: Any, shape: tuple[int, int, int], image: Any, presentations: int = 20, **options: Any) -> Any:
    circuit = feature_columns(weights, shape, **options)
    rows = np.tile(np.reshape(image, (1, -1)), (presentations, 1))
    protocol = Protocol(stimuli={"input": rows}, duration=presentations * 400 * ms, presentation=400 * ms)
    return circuit, simulate(circuit, protocol, device=FAST, record=("columns", "pooled"))


def test_a_column_fires_as_the_softmax_with_a_constant_competitor(rng: np.random.Generator) -> None:
    weights = np.zeros((3, 1, 1, 1))
    weights[:, 0, 0, 0] = 1, 1, 1  # of length 1: all alike, so that shares show the floor alone
    _, recording = looking(weights, (1, 4, 4), np.full((4, 4), 0.8), max_rate=1000 * Hz, pool=1)
    # u settles at 0.8 of what a white pixel adds up to; a step of decay lies between a spike and the competition
    u = 0.8 * 0.1 / np.expm1(0.1)
    expected = 400 * 3 * np.exp(u / 0.1) / (3 * np.exp(u / 0.1) + np.exp(7))
    seen = recording.spikes["columns"]
    settled = np.mod(np.asarray(seen.t / ms), 400) > 60
    rate = settled.sum() / (16 * 20 * 0.34)  # of each column
    assert rate == pytest.approx(expected, rel=0.06)


def test_columns_without_input_are_as_good_as_silent() -> None:
    _, recording = looking(np.ones((4, 1, 3, 3)), (1, 8, 8), np.zeros((8, 8)))
    # exp(-7) for each neuron, of 400 Hz
    assert recording.counts["columns"].sum() < 3 * 256 * 8 * 400 * np.exp(-7)


def test_a_field_sees_what_lies_around_its_position() -> None:
    weights = np.zeros((2, 1, 3, 3))
    weights[0, 0, 0, 1], weights[1, 0, 1, 2] = 1, 1  # the pixel above; the pixel to the right
    image = np.zeros((6, 6))
    image[3, 3] = 1
    _, recording = looking(weights, (1, 6, 6), image, pool=2)
    counts = recording.counts["columns"].reshape(6, 6, 2)
    assert np.unravel_index(counts.argmax(), counts.shape) in [(4, 3, 0), (3, 2, 1)]
    strong = counts > counts.max() / 3
    assert sorted(zip(*map(list, np.nonzero(strong)), strict=True)) == [(3, 2, 1), (4, 3, 0)]


def test_pooling_cells_count_the_spikes_of_their_surroundings(rng: np.random.Generator) -> None:
    circuit, recording = looking(
        rng.random((3, 1, 3, 3)), (1, 8, 8), rng.random((8, 8)), presentations=1, spread=1.0, quantum=0.7, rate=100 * Hz
    )
    heard = recording.counts["columns"] @ np.asarray(circuit.projections["pool"].weights)
    phase = np.asarray(circuit.populations["pooled"].model.parameters["phase"])
    assert recording.counts["pooled"].sum() > 100
    # what arrives in the last step is too late for a spike
    assert np.isin(np.floor(heard + phase) - recording.counts["pooled"], (0, 1)).all()
    assert (np.floor(heard + phase) == recording.counts["pooled"]).mean() > 0.9
    table = np.asarray(circuit.projections["pool"].weights).reshape(8, 8, 3, 3, 4, 4)
    assert not table[:, :, 0, 1].any()
    assert table[:, :, 1, 1].sum(axis=(0, 1)).max() <= 1 / 0.7 + 1e-9


@pytest.mark.long
def test_kept_spikes_do_to_the_next_layer_what_they_did_in_one_program(rng: np.random.Generator) -> None:
    shape, steps = (1, 8, 8), 50
    columns = feature_columns(rng.random((4, 1, 3, 3)), shape)
    weights = rng.random((64, 5))
    output = Population(model=escape_rate.with_parameters(tau_m=10 * ms), size=5)
    joint = dataclasses.replace(
        columns,
        populations={**columns.populations, "output": output},
        projections={**columns.projections, "up": Projection(pre="pooled", post="output", weights=weights)},
    )
    protocol = Protocol(stimuli={"input": rng.random((3, 64))}, duration=150 * ms, presentation=50 * ms)
    together = simulate(joint, protocol, device=FAST, record=("pooled", "output.u"))
    spikes = together.spikes["pooled"]
    step = np.round(np.asarray(spikes.t / ms)).astype(int)
    kept = Events(
        name="kept",
        p=spikes.i // 16,
        y=spikes.i // 4 % 4,
        x=spikes.i % 4,
        t=1000 * (step % steps),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(step // steps, minlength=3))]),
        labels=np.zeros(3, int),
        sensor=(4, 4, 4),
    )
    alone = Circuit(
        name="alone",
        populations={"input": Population(model=word_source, size=64), "output": output},
        projections={"up": Projection(pre="input", post="output", weights=weights)},
    )
    words = kept.words(50 * ms, steps, steps_per_word=steps)[:, 0]
    shown = Protocol(stimuli={"input": words}, duration=150 * ms, presentation=50 * ms)
    later = simulate(alone, shown, device=FAST, record=("output.u",))
    assert len(spikes) > 100
    np.testing.assert_allclose(later.traces["output.u"], together.traces["output.u"], rtol=1e-12, atol=1e-12)


def test_patches_are_windows_of_the_images(rng: np.random.Generator) -> None:
    images = Images(name="two", pixels=rng.random((2, 2, 7, 9)), labels=np.zeros(2, int))
    patches = Columns(kernel=3, patches=400, blank=0.1).patches_of(images, rng)
    windows = np.lib.stride_tricks.sliding_window_view(images.intensities(), (3, 3), axis=(2, 3))
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 18)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    distance = np.linalg.norm(patches[:, None] - rows, axis=2)
    assert patches.shape == (400, 18)
    assert distance.min(axis=1).max() < 1e-6
    assert len(np.unique(distance.argmin(axis=1))) == len(rows)  # every place of every image


def test_edges_are_those_of_a_ramp() -> None:
    """A ramp brightens by 0.1 to the right in every pixel, so that direction 0 has 0.1 and direction 1 has 0.1*cos."""
    ramp = np.tile(0.1 * np.arange(20), (20, 1))[None]
    found = oriented_edges(ramp, directions=8, pool=2)[0, :, 4:6, 4:6]
    expected = np.maximum(0.1 * np.cos(2 * np.pi * np.arange(8) / 8), 0)
    np.testing.assert_allclose(found, np.broadcast_to(expected[:, None, None], found.shape), atol=1e-9)
    down = oriented_edges(ramp.transpose(0, 2, 1), directions=8, pool=2)[0, :, 4, 4]
    np.testing.assert_allclose(down, np.roll(expected, 2), atol=1e-9)
    np.testing.assert_allclose(oriented_edges(ramp, power=0.5), oriented_edges(ramp) ** 0.5)


@pytest.mark.long
def test_a_network_learns_from_columns(learned: Any, digits: tuple[Images, Images]) -> None:
    scores = learned.report["metrics"]
    assert scores["accuracy_vote"] > 0.4
    assert learned.network.arrays["front"].shape == (9, 8)
    assert learned.network.arrays["weights"].shape == (8 * 4 * 4, 20)
    assert learned.report["config"]["front"]["features"] == 8
    assert np.linalg.norm(learned.network.arrays["front"], axis=0) == pytest.approx(np.ones(8), abs=0.25)
    again = evaluate(learned.network, digits[1])["metrics"]
    assert again["accuracy_vote"] == scores["accuracy_vote"]
    assert again["accuracy_linear"] == scores["accuracy_linear"]


@pytest.mark.first_is_quick
@pytest.mark.parametrize("stage", ["first layer", "looking", "learning"])
def test_an_interrupted_run_goes_on_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, short: Any, few: tuple[Images, Images], tmp_path: Path, stage: str
) -> None:
    monkeypatch.setattr(*PART)
    with pytest.raises(Interrupt):
        learn_digits(*few, Settings(**SHORT), device=FAST, out=tmp_path, progress=interrupted(stage, after=2))
    run = learn_digits(*few, Settings(**SHORT), device=FAST, out=tmp_path)
    for name, array in short.network.arrays.items():
        assert np.array_equal(run.network.arrays[name], array), name
    assert sorted(path.name for path in (tmp_path / "front").iterdir()) == ["checkpoint.npz", "run.json"]
    saved = read(tmp_path)
    assert evaluate(saved, few[1])["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]


def test_a_damaged_piece_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, short: Any, few: tuple[Images, Images], tmp_path: Path
) -> None:
    monkeypatch.setattr(*PART)
    with pytest.raises(Interrupt):
        learn_digits(*few, Settings(**SHORT), device=FAST, out=tmp_path, progress=interrupted("learning", after=1))
    (tmp_path / "front" / "spikes-0000.npz").write_bytes(b"no file of spikes")
    run = learn_digits(*few, Settings(**SHORT), device=FAST, out=tmp_path)
    assert np.array_equal(run.network.arrays["weights"], short.network.arrays["weights"])


def test_a_window_is_a_corner_of_what_the_columns_say() -> None:
    """One spike in every cell of 4 x 4 at its own time: what each of four windows of 3 x 3 hears is known."""
    row, column = np.divmod(np.arange(16), 4)
    channel = np.zeros(16, int)
    cells = Events(
        name="cells",
        x=np.tile(column, 2),
        y=np.tile(row, 2),
        p=np.tile(channel, 2),
        t=np.tile(np.arange(16), 2),
        offsets=np.array([0, 16, 32]),
        labels=np.array([3, 4]),
        sensor=(1, 4, 4),
    )
    begins = {1: (0, 0), 2: (0, 1), 3: (1, 0), 4: (1, 1)}
    for corner, (top, left) in begins.items():
        columns = Columns(window=3, corner=corner)
        expected = np.arange(16).reshape(4, 4)[top : top + 3, left : left + 3].ravel()
        heard = columns.heard(cells)
        assert heard.sensor == (1, 3, 3)
        assert heard.offsets.tolist() == [0, 9, 18]
        assert heard.t[:9].tolist() == expected.tolist()
        assert (3 * heard.y + heard.x).tolist() == [*range(9), *range(9)]
        of_one_feature = columns.cells((8, 8))[:9]
        assert of_one_feature.tolist() == expected.tolist()
        assert columns.shape((8, 8)) == (16, 3, 3)
    front = FrontRun(weights=np.ones((9, 1)), train=cells, test=cells, report={})
    # nine cells, or all sixteen, each with a spike in 50 ms
    assert front.rate(Columns(window=3, corner=1, present_ms=50.0)) == pytest.approx(3 * 20)
    assert front.rate(Columns(present_ms=50.0)) == pytest.approx(4 * 20)
    with pytest.raises(ValueError, match="3 x 4 pixels from row 2 and column 0 on do not lie on a sensor of 4 x 4"):
        cells.cropped(2, 0, 3, 4)


@pytest.mark.long
def test_networks_with_windows_vote_together(digits: tuple[Images, Images], tmp_path: Path) -> None:
    """Each is a network by itself; together they are scored with the spikes and profiles of all, side by side."""
    each = networks_of(Settings(**{**SMALL, "neurons": 12}, parameters={"front.window": 3}))
    learned = learn_digits(*digits, each, device=FAST, out=tmp_path)
    assert learned.folders == ("window-1", "window-2", "window-3", "window-4")
    networks: list[Any] = [read(tmp_path / folder) for folder in learned.folders]
    counts = []
    for network, run in zip(networks, learned.runs, strict=True):
        assert network.arrays["weights"].shape == (8 * 3 * 3, 12)
        assert evaluate(network, digits[1])["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
        seen = network.seen(digits[1])
        assert seen.sensor == (8, 4, 4)
        counts.append(spike_counts(network.circuit(), seen, network.settings, FAST, "testing", quiet, replicas=1)[0])
    assert len({network.arrays["weights"].tobytes() for network in networks}) == 4
    spikes = np.hstack([np.asarray(each.todense()) for each in counts])
    profile = np.vstack([network.arrays["profile"] for network in networks])
    chance = profile / np.maximum(profile.sum(axis=1, keepdims=True), 1e-12)
    soft = np.mean((spikes @ chance).argmax(axis=1) == digits[1].labels)
    together = learned.summary["together"]
    assert together["accuracy_soft_vote"] == soft
    assert together["accuracy_soft_vote"] > max(run.report["metrics"]["accuracy_soft_vote"] for run in learned.runs)
    again = vote_together([tmp_path], digits[1])
    assert again["metrics"] == together
    assert (again["networks"], again["neurons"], again["device"]) == (4, 48, FAST.name)
    assert vote_together(networks[:2], digits[1][:5], device="numpy")["device"] == "numpy"
    assert vote_together(networks[::-1], digits[1])["metrics"]["accuracy_soft_vote"] == soft
    first = networks[0]  # the same weights behind columns that stay silent: what these say is not what those say
    silent = dataclasses.replace(first.settings, front=dataclasses.replace(first.settings.front, floor=50.0))
    mute = dataclasses.replace(first, settings=silent)
    assert not len(mute.seen(digits[1]).t)
    alone = vote_together([first], digits[1])["metrics"]["accuracy_soft_vote"]
    assert vote_together([mute, first], digits[1])["metrics"]["accuracy_soft_vote"] == pytest.approx(alone, abs=0.05)
    assert vote_together([first, first], digits[1])["metrics"]["accuracy_soft_vote"] == alone
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "summary.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        vote_together([tmp_path / "empty"], digits[1])
    with pytest.raises(ValueError, match="no networks: give those that vote together"):
        vote_together([], digits[1])
    assert learn_digits(*digits, each, device=FAST, out=tmp_path).report == learned.summary  # read, not learned again


def test_edges_have_windows_too(digits: tuple[Images, Images]) -> None:
    images = digits[0][:5]
    whole = Edges(directions=4).rates(images).reshape(5, 4, 4, 4)
    corners = [Edges(directions=4, window=3, corner=corner) for corner in (1, 2, 3, 4)]
    expected = [whole[:, :, :3, :3], whole[:, :, :3, 1:], whole[:, :, 1:, :3], whole[:, :, 1:, 1:]]
    for edges, part in zip(corners, expected, strict=True):
        assert edges.shape((8, 8)) == (4, 3, 3)
        assert np.array_equal(edges.rates(images), part.reshape(5, -1))
    settings = Settings(front={"kind": "edges", "window": 3})
    assert [one.front for one in networks_of(settings)] == [Edges(window=3, corner=corner) for corner in (1, 2, 3, 4)]
    assert networks_of(Settings(front="edges")) == (Settings(front="edges"),)


def test_a_network_learns_from_edges(digits: tuple[Images, Images], tmp_path: Path) -> None:
    settings = Settings(neurons=10, front="edges", parameters={"front.directions": 4, "front.power": 0.5})
    run = learn_digits(*digits, settings, device=FAST, out=tmp_path)
    assert run.network.arrays["weights"].shape == (4 * 4 * 4, 10)
    assert run.report["metrics"]["accuracy_vote"] > 0.5
    saved: Any = read(tmp_path)
    assert saved.settings.front == Edges(directions=4, power=0.5)
    assert evaluate(saved, digits[1])["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]


def test_fronts_are_plain_data() -> None:
    for front in (Edges(power=0.5), Columns(features=8)):
        assert front_of(described(front)) == front
    assert Settings(front="columns", parameters={"front.kernel": "7"}).front == Columns(kernel=7)
    settings = Settings(front="columns", parameters={"front.floor": 0.5})
    assert settings.front == Columns(floor=0.5)
    assert settings.recording_ms == 50.0
    assert settings.measures
    assert not Settings(front="columns", max_rate_hz=500.0).measures
    assert Settings(**settings.config()) == settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"front": "edge"}, "there is no front 'edge'; there are edges and columns"),
        ({"front": {"kind": "edges", "colour": 1}}, "front edges has no parameter colour"),
        ({"front": {"kind": "columns", "kernel": 4}}, "kernel must be odd"),
        ({"front": {"kind": "columns", "features": 2.5}}, "features must be a whole number from 1 on, got 2.5"),
        ({"parameters": {"front.pool": 4}}, "front.pool: there is no front; give one"),
        ({"front": "columns", "circuit": "nessler"}, "columns are the front of the circuit soft_wta"),
        ({"front": "columns", "presentation_ms": 100.0}, "leave circuit, presentation and dt out"),
        ({"front": {"kind": "columns", "corner": 2}}, "corner is 1 to 4, of a window, got 2"),
        ({"front": {"kind": "columns", "window": 2, "corner": 5}}, "corner is 1 to 4"),
        ({"front": {"kind": "columns", "window": -1}}, "window must be a whole number from 0 on, got -1"),
        ({"front": {"kind": "columns", "present_ms": 80.0}}, "present_ms a whole number up to 52"),
    ],
)
def test_a_front_that_does_not_fit_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(**options)


def test_images_that_do_not_fit_are_refused(digits: tuple[Images, Images], short: Any) -> None:
    train, test = digits
    colour = Images(name="colour", pixels=np.repeat(np.asarray(train.pixels)[:, None], 3, axis=1), labels=train.labels)
    with pytest.raises(ValueError, match="edges are those of grey images"):
        learn_digits(colour, colour, Settings(front="edges"), device=FAST)
    with pytest.raises(ValueError, match=r"smaller than a field of 9"):
        learn_digits(train, test, Settings(front={"kind": "columns", "kernel": 9}), device=FAST)
    dark = Images(name="dark", pixels=np.zeros((20, 8, 8)), labels=np.arange(20) % 10)
    with pytest.raises(ValueError, match="hardly any patch of dark is brighter"):
        learn_digits(dark, dark, Settings(**SMALL), device=FAST)
    with pytest.raises(ValueError, match="every seed would have columns of its own; run these seeds one after another"):
        learn_digits(train, test, [Settings(**SMALL, seed=seed) for seed in (0, 1)], device=FAST)
    wide = Settings(**SMALL, parameters={"front.window": 5})
    with pytest.raises(ValueError, match="a window of 5 x 5 cells does not fit into the 4 x 4"):
        learn_digits(train, test, networks_of(wide), device=FAST)
    with pytest.raises(ValueError, match="is for one network in each corner: give the settings of all"):
        learn_digits(train, test, wide, device=FAST)
    one = np.zeros(1, int)
    events = Events(name="events", x=one, y=one, p=one, t=one, offsets=np.array([0, 1]), labels=one, sensor=(1, 8, 8))
    with pytest.raises(ValueError, match="events holds recordings, but this network takes images"):
        learn_digits(events, events, Settings(front="edges"), device=FAST)
    with pytest.raises(ValueError, match="the network was trained on images of"):
        evaluate(short.network, Images(name="large", pixels=np.zeros((5, 9, 9)), labels=np.zeros(5, int)))


def test_a_checkpoint_without_its_first_layer_is_refused(short: Any, tmp_path: Path) -> None:
    header, arrays = dict(short.network.header), dict(short.network.arrays)
    checkpoint.save(Checkpoint(header=header, arrays=arrays), tmp_path / "checkpoint.npz")
    whole: Any = read(tmp_path)
    assert whole.settings.front == short.network.settings.front
    without = {name: array for name, array in arrays.items() if name != "front"}
    checkpoint.save(Checkpoint(header=header, arrays=without), tmp_path / "checkpoint.npz")
    with pytest.raises(ValueError, match="but needs"):
        read(tmp_path)
    config = {**header["config"], "front": {**header["config"]["front"], "features": 10**9}}
    checkpoint.save(Checkpoint(header={**header, "config": config}, arrays=arrays), tmp_path / "checkpoint.npz")
    with pytest.raises(ValueError, match="checkpoint"):
        read(tmp_path)
