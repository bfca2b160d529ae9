"""Circuits that learn images: values with roles and a start, from the catalogue or one's own."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

import spikehebb as sh
from spikehebb.circuits import LEARNERS, Learner, lasting, lif_wta, plastic, soft_wta
from spikehebb.core import Circuit, Events, Images, NeuronModel, PlasticityRule, Population, Projection
from spikehebb.encoders import regular, spike_source
from spikehebb.jobs import Settings, evaluate, learn_digits, learn_presets, read
from spikehebb.jobs.evaluate import some_presentations
from spikehebb.jobs.learned import few as too_few
from spikehebb.jobs.learned import stronger
from spikehebb.neurons import NEURONS, escape_rate, lif_adaptive, linear_unit
from spikehebb.rules import RULES, find, softhebb
from spikehebb.simulation import present
from tests.conftest import FAST
from tests.test_cli import refused, run

RNG = np.random.default_rng(0)
PULL = PlasticityRule(
    name="pull",
    summary="A neuron that fires moves its weights to its input, as long as they are short",
    reference="Nobody",
    pre="dx1/dt = -x1/tau : 1",
    pre_spike="x1 += 1",
    needs_post="u : 1",
    on_post="w += eta*(x1_pre - u_post*w)",
    parameters={"eta": 0.02, "tau": 10 * ms},
)


def column(inputs: int, neurons: int, *, rng: np.random.Generator, temperature: float = 0.01) -> Circuit:
    """A circuit of one's own: it takes no rule."""
    weights = 3 * np.abs(rng.standard_normal((inputs, neurons))) / np.sqrt(inputs)
    return soft_wta(weights, rule=PULL, temperature=temperature, tau_m=10 * ms)


COLUMN = Learner(name="column", summary="One's own", start=column)


def made(name: str, **parameters: Any) -> Circuit:
    return LEARNERS[name].circuit(6, 4, rng=np.random.default_rng(1), parameters=parameters)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_circuit_of_the_catalogue_starts_as_its_seed_says(name: str) -> None:
    learner = LEARNERS[name]
    first, again, other = (learner.circuit(6, 4, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert plastic(first) == ("feedforward",)
    weights = [np.asarray(circuit.projections["feedforward"].weights) for circuit in (first, again, other)]
    assert weights[0].shape == (6, 4)
    assert (weights[0] == weights[1]).all()
    assert not np.isclose(weights[0], weights[2]).any()


def test_what_outlives_an_image_is_what_no_onset_sets() -> None:
    assert lasting(made("soft_wta")) == {"output": ("age",)}
    assert lasting(made("diehl_cook")) == {"output": ("theta",)}
    assert lasting(made("nessler")) == {"output": ("b",)}  # no times: those of its inputs count from a run's begin
    stdp = LEARNERS["lif_wta"].circuit(6, 4, rng=RNG, rule=find("stdp_pair+synaptic_scaling"))
    assert lasting(stdp) == {"output": ("theta", "rate_mean")}  # and not w_sum, which an onset sets
    assert lasting(lif_wta(np.eye(3))) == {}


def test_a_frozen_network_adapts_no_more() -> None:
    for name in ("diehl_cook", "nessler", "lif_wta"):
        frozen = made(name).frozen().populations["output"].model
        assert {key: frozen.parameters[key] for key in frozen.frozen} == dict(frozen.frozen)
    assert NEURONS["lif_adaptive"].frozen["theta_step"] == 0 * mV
    with pytest.raises(ValueError, match=r"neuron lif_adaptive has no parameter 'theta'\. Did you mean 'tau_theta'"):
        dataclasses.replace(lif_adaptive, frozen={"theta": 0 * mV})


def without(circuit: Circuit, population: str, **changes: Any) -> Circuit:
    populations = {**circuit.populations, population: Population(**changes)}
    return dataclasses.replace(circuit, populations=populations)


def silent(inputs: int, neurons: int) -> Circuit:
    return Circuit(name="x", populations={"input": Population(model=regular, size=inputs)}, projections={})


def deaf(inputs: int, neurons: int, rng: np.random.Generator) -> Circuit:
    circuit = soft_wta(np.ones((inputs, neurons)))
    return without(circuit, "input", model=spike_source, size=inputs)


def mute(inputs: int, neurons: int) -> Circuit:
    return Circuit(
        name="x",
        populations={
            "input": Population(model=regular, size=inputs),
            "output": Population(model=linear_unit, size=neurons),
        },
        projections={},
    )


def fixed(inputs: int, neurons: int) -> Circuit:
    return soft_wta(np.ones((inputs, neurons)), rule=None)


def larger(inputs: int, neurons: int) -> Circuit:
    return soft_wta(np.ones((inputs + 1, neurons)))


def text(inputs: int, neurons: int) -> Any:
    return "circuit"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (silent, "circuit own has no population 'output' (input); a circuit that learns images has 'input', which"),
        (deaf, "neurons spike_source of its population 'input' take no images; an encoder such as regular"),
        (mute, "its population 'output' must have 3 neurons that spike, got 3 of linear_unit"),
        (fixed, "none of its projections has a rule, so it cannot learn"),
        (larger, "its population 'input' must have 5 neurons that spike, got 6 of regular"),
        (text, "its function must return a Circuit, got a str"),
    ],
)
def test_what_cannot_learn_images_says_what_is_missing(start: Callable[..., Circuit], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Learner(name="own", summary="", start=start).circuit(5, 3, rng=RNG)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": lambda inputs: None}, r"its function must take inputs and neurons, .* got \(inputs\)"),
        ({"start": lambda inputs, neurons, size: None}, r"what else it takes must have a default; got"),
        ({"start": None}, "start must be a function of inputs and neurons, got None"),
        ({"dt": 1.0}, r"dt must be a time, got 1\.0"),
        ({"encoding": "bright"}, "encoding must be unit length or intensity or on and off, got 'bright'"),
    ],
)
def test_learners_that_are_none(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(COLUMN, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"circuit.temprature": 1}}, r"circuit soft_wta has no parameter 'temprature'\. Did you mean"),
        ({"parameters": {"rule.tau_x": 3}}, r"rule softhebb: tau_x must be a time, got 3 \(dimensionless\)"),
        ({"parameters": {"input.rate": 3 * Hz}}, "neuron regular has no parameter 'rate'"),
        ({"parameters": {"temperature": 3}}, r"there is no parameter 'temperature'; write circuit\.NAME, rule\.NAME"),
        ({"parameters": {"presentation": 3}}, r"presentation must be a time, got 3 \(dimensionless\)"),
        ({"parameters": {"circuit.rate": "soon"}}, "'soon' is not a number with or without a unit"),
        ({"parameters": 3}, "parameters must be a mapping, such as"),
        ({"circuit": "lif_wta", "temperature": 0.1}, "temperature is of the circuit soft_wta; circuit lif_wta takes"),
        ({"circuit": "lif_wta", "target": "loihi1"}, r"divides by age_post \+ 1, and a chip does not divide"),
        ({"circuit": "lif_wta", "parameters": {"circuit.inhibition": "none"}}, "inhibition must be lateral or spiking"),
        ({"circuit": "lif_wta", "parameters": {"circuit.inhibition": 3}}, "inhibition must be a word, such as 'spik"),
        ({"circuit": "soft_wat"}, r"there is no circuit 'soft_wat' that learns images\. Did you mean 'soft_wta'"),
        ({"rule": "calcium"}, "there is no rule 'calcium'"),
        ({"rule": "stdp_reward"}, "rule stdp_reward does not fit: circuit soft_wta, projection feedforward: rule std"),
        ({"circuit": COLUMN, "parameters": {"rule.eta": 1}}, "circuit column has rules of its own, and takes no other"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**changes)


def test_parameters_reach_the_circuit_the_rule_and_the_input() -> None:
    settings = Settings(
        circuit="lif_wta",
        rule="stdp_pair+normalization",
        parameters={
            "circuit.tau_m": "30 ms",
            "circuit.inhibition": "lateral",
            "rule.A_plus": 0.02,
            "input.max_rate": 500 * Hz,
            "presentation": 80 * ms,
        },
    )
    circuit = settings.started(9)
    assert circuit.populations["output"].model.parameters["tau_m"] == 30 * ms
    assert "lateral" in circuit.projections
    rule = circuit.projections["feedforward"].rule
    assert rule is not None
    assert rule.parameters["A_plus"] == 0.02
    assert circuit.populations["input"].model.parameters["max_rate"] == 500 * Hz
    assert settings.presentation_ms == 80
    fields = Settings(parameters={"circuit.rate": "300 Hz", "rule.eta": 0.2, "input.jitter": 0.5, "dt": "0.5 ms"})
    assert (fields.rate_hz, fields.eta, fields.jitter, fields.dt_ms, dict(fields.parameters)) == (
        300,
        0.2,
        0.5,
        0.5,
        {},
    )
    assert fields == Settings(rate_hz=300.0, eta=0.2, jitter=0.5, dt_ms=0.5)
    # A rate of learning that the circuit scales is the same whether it is called the rule's or the circuit's.
    scaled = [
        Settings(circuit="lif_wta", parameters={f"{owner}.eta": 0.03}).started(4) for owner in ("rule", "circuit")
    ]
    etas = [circuit.projections["feedforward"].rule.parameters["eta"] for circuit in scaled]  # type: ignore[union-attr]
    assert etas[0] == etas[1] == pytest.approx(0.03 / 20)  # of an input of 1000 Hz in 20 ms


def test_rules_act_together_by_name() -> None:
    both = find("stdp_pair+normalization")
    assert both.pre_spike == RULES["stdp_pair"].pre_spike
    assert both.onset == RULES["normalization"].onset
    with pytest.raises(ValueError, match=r"there is no rule 'normalisation'\. Did you mean 'normalization'"):
        find("stdp_pair+normalisation")


def test_every_preset_makes_settings_and_says_how_it_is_learned() -> None:
    for name, preset in learn_presets().items():
        settings = preset.made(seed=3)
        assert settings.seed == 3
        assert preset.command == f"spikehebb learn --preset {name} --out runs/{name}"
        assert preset.source
        assert (preset.accuracy is None) == (preset.seeds == 0)


def test_figures_of_presets_are_those_that_were_measured() -> None:
    rows = json.loads((Path(__file__).parents[1] / "benchmarks/results/presets.json").read_text())["rows"]
    for name, preset in learn_presets().items():
        measured = [row for row in rows if row["preset"] == name]
        assert len(measured) == preset.seeds, name
        votes, soft = (100 * np.array([row[f"accuracy_{kind}"] for row in measured]) for kind in ("vote", "soft_vote"))
        if preset.seeds:
            assert preset.accuracy == pytest.approx(votes.mean(), abs=0.0051), name
            assert preset.soft == pytest.approx(soft.mean(), abs=0.0051), name
        if preset.seeds > 1:
            assert preset.deviation == pytest.approx(votes.std(ddof=1), abs=0.0051), name


def bars(count: int, seed: int = 0) -> Images:
    """Two classes: a bright row or a bright column."""
    rng = np.random.default_rng(seed)
    pixels, labels = np.zeros((count, 4, 4)), np.arange(count) % 2
    for image, label in zip(pixels, labels, strict=True):
        line = rng.integers(4)
        image[(line, slice(None)) if label else (slice(None), line)] = 1
    return Images(name="bars", pixels=pixels, labels=labels, classes=("column", "row"))


@pytest.fixture(scope="module")
def own() -> Any:
    return learn_digits(bars(200), bars(20, 1), Settings(circuit=COLUMN, neurons=8), device=FAST)


@pytest.mark.long
def test_a_circuit_of_ones_own_learns_two_classes_by_name(own: Any) -> None:
    assert own.report["config"]["circuit"] == "column"
    assert own.report["classes"] == ["column", "row"]
    assert np.shape(own.report["confusion"]) == (2, 3)
    assert own.report["metrics"]["accuracy_vote"] > 0.9
    assert own.network.arrays["profile"].shape == (8, 2)


def test_what_is_ones_own_is_given_again(own: Any, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    run = learn_digits(bars(200), bars(20, 1), Settings(circuit=COLUMN, neurons=8), device=FAST, out=folder)
    assert run.report["metrics"]["accuracy_vote"] == own.report["metrics"]["accuracy_vote"]
    with pytest.raises(ValueError, match="it learned with the circuit column of a file of its own, which is not"):
        read(folder)
    scores = evaluate(read(folder, circuit=COLUMN), bars(20, 1))["metrics"]
    assert scores["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    assert scores["accuracy_linear"] == run.report["metrics"]["accuracy_linear"]

    def other(inputs: int, neurons: int, *, rng: np.random.Generator) -> Circuit:
        return column(inputs, neurons, rng=rng, temperature=0.02)

    with pytest.raises(ValueError, match="it learned with another circuit than the one that was given, whose SHA-256"):
        read(folder, circuit=dataclasses.replace(COLUMN, start=other))
    changed = Settings(circuit=dataclasses.replace(COLUMN, start=other), neurons=8)
    with pytest.raises(FileExistsError, match="holds another run"):
        learn_digits(bars(200), bars(20, 1), changed, device=FAST, out=folder)


def test_a_rule_of_ones_own_fits_any_circuit_that_takes_one(tmp_path: Path) -> None:
    settings = Settings(rule=PULL, neurons=8, parameters={"rule.eta": 0.01})
    run = learn_digits(bars(200), bars(20, 1), settings, device=FAST, out=tmp_path)
    assert run.report["metrics"]["accuracy_vote"] > 0.9
    assert (run.report["config"]["rule"], run.report["config"]["parameters"]) == ("pull", {"rule.eta": 0.01})
    again = read(tmp_path, rule=PULL)
    assert evaluate(again, bars(20, 1))["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    with pytest.raises(ValueError, match="another rule than the one that was given"):
        read(tmp_path, rule=PULL.with_parameters(tau=11 * ms))


SLOW: dict[str, Any] = {
    "circuit": "diehl_cook",
    "rule": "diehl_cook+normalization",
    "neurons": 5,
    "parameters": {"input.max_rate": 100 * Hz, "presentation": 100 * ms},
}


class StoppedError(Exception):
    pass


@pytest.mark.long
def test_thresholds_outlive_images_and_interruptions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(present, "CHUNK", 10)
    train, test, settings = bars(40), bars(10, 1), Settings(**SLOW)

    def stop(stage: str, fraction: float) -> None:
        if stage == "learning" and fraction >= 0.5:
            raise StoppedError

    whole = learn_digits(train, test, settings, device=FAST)
    with pytest.raises(StoppedError):
        learn_digits(train, test, settings, device=FAST, out=tmp_path, progress=stop)
    assert (tmp_path / "partial.npz").exists()
    resumed = learn_digits(train, test, settings, device=FAST, out=tmp_path)
    for name, array in whole.network.arrays.items():
        assert np.array_equal(array, resumed.network.arrays[name]), name
    theta = whole.network.arrays["state.output.theta"]
    fired = whole.report["metrics"]["output_spikes_per_image"] * len(train)
    # Every spike of every chunk raised a threshold, none of which has decayed: 20 mV + 0.05 mV for each.
    assert theta.sum() == pytest.approx(5 * 0.020 + fired * 0.00005, rel=1e-3)
    saved = read(tmp_path)
    assert np.array_equal(saved.circuits()[0][""].populations["output"].state["theta"], theta)
    assert evaluate(saved, test)["metrics"]["accuracy_vote"] == whole.report["metrics"]["accuracy_vote"]


def test_images_with_too_few_spikes_are_shown_again_with_stronger_input(monkeypatch: pytest.MonkeyPatch) -> None:
    gains: list[tuple[float, int]] = []
    shown = present.show

    def counted(circuit: Any, rows: Any, **options: Any) -> Any:
        gains.append((float(np.max(rows)), len(rows)))
        return shown(circuit, rows, **options)

    monkeypatch.setattr(present, "show", counted)
    learn_digits(bars(20), bars(10, 1), Settings(**SLOW), device=FAST)
    assert gains[:1] == [(1.0, 20)]
    assert gains[1][0] == 1.5  # from 2 eighths of a pixel to 3
    assert gains[1][1] <= 20
    assert [stronger(time) for time in range(3)] == [1, 1.5, 2]
    settings = Settings(**SLOW)
    assert too_few(np.array([[3, 1], [4, 1], [0, 9]]), settings).tolist() == [0]
    gains.clear()
    learn_digits(bars(20), bars(10, 1), Settings(**SLOW, least_spikes=0), device=FAST)
    assert [gain for gain, _ in gains] == [1, 1, 1]
    with pytest.raises(ValueError, match="is shown images again when it fires too little, which replicas cannot be"):
        learn_digits(bars(20), bars(10, 1), [settings, dataclasses.replace(settings, seed=1)], device=FAST)


def moving(count: int, seed: int = 0) -> Events:
    """Recordings of 20 ms: the left or the right half of a sensor of 2 x 4 pixels is active."""
    rng = np.random.default_rng(seed)
    labels, each = np.arange(count) % 2, 40
    t = np.sort(rng.integers(0, 20_000, (count, each)), axis=1)
    x = rng.integers(0, 2, (count, each)) + 2 * labels[:, None]
    y, offsets = rng.integers(0, 2, (count, each)), np.arange(count + 1) * each
    return Events(
        name="halves", x=x.ravel(), y=y.ravel(), p=np.zeros(count * each, int), t=t.ravel(), offsets=offsets,
        labels=labels, sensor=(1, 2, 4), classes=("left", "right"),
    )  # fmt: skip


@pytest.mark.long
def test_recordings_are_learned_spike_by_spike(tmp_path: Path) -> None:
    train, test = moving(40), moving(20, 1)
    run = learn_digits(train, test, Settings(neurons=6, epochs=2), device=FAST, out=tmp_path)
    assert run.report["metrics"]["accuracy_vote"] > 0.9
    pixels = train.frames(20 * ms, 50).sum()  # each pixel fires once in a step at most
    assert run.report["metrics"]["input_spikes_per_image"] == pytest.approx(pixels / 40)
    assert run.report["config"]["recording_ms"] == 20
    rates = train.frames(20 * ms, 50).sum(axis=1) / 0.05
    assert run.report["config"]["max_rate_hz"] == pytest.approx(np.linalg.norm(rates, axis=1).mean())
    again = read(tmp_path)
    assert evaluate(again, test)["metrics"]["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    dark = Images(name="dark", pixels=np.zeros((2, 1, 2, 4)), labels=np.array([0, 1]), classes=("left", "right"))
    with pytest.raises(ValueError, match="the network learned recordings, but dark holds images"):
        evaluate(again, dark)


@pytest.mark.long
@pytest.mark.parametrize("steps", [53, 120])
def test_recordings_are_shown_for_any_number_of_time_steps(steps: int) -> None:
    """A number holds 52 time steps; a longer presentation is several of them, one after the other."""
    train, test = moving(12), moving(4, 1)
    run = learn_digits(train, test, Settings(neurons=3, presentation_ms=float(steps)), device="numpy")
    fired = train.frames(20 * ms, steps).sum()
    assert run.report["metrics"]["input_spikes_per_image"] == pytest.approx(fired / 12)
    seen = some_presentations(run.network, test).spikes["input"]
    raster = np.zeros((4, steps, 8), int)
    raster.reshape(-1, 8)[np.rint(np.asarray(seen.t / ms)).astype(int), seen.i] = 1
    np.testing.assert_array_equal(raster, test.frames(20 * ms, steps))


@pytest.mark.long
def test_replicas_are_shown_long_recordings_too() -> None:
    train, test = moving(12), moving(4, 1)
    one = Settings(neurons=3, presentation_ms=120.0)
    both = learn_digits(train, test, [one, dataclasses.replace(one, seed=1)], device="numpy")
    fired = train.frames(20 * ms, 120).sum() / 12
    assert [run.report["metrics"]["input_spikes_per_image"] for run in both.runs] == pytest.approx([fired, fired])
    replicas = evaluate(both.runs[0].network, test, replicas=3)["metrics"]["accuracy_vote"]
    assert replicas == both.runs[0].report["metrics"]["accuracy_vote"] == 1.0


@pytest.mark.long
def test_two_projections_of_a_circuit_learn_together() -> None:
    """The second layer learns from the first; its weights are kept beside the first ones, under their own name."""

    def layers(inputs: int, neurons: int, *, rng: np.random.Generator) -> Circuit:
        below = soft_wta(3 * np.abs(rng.standard_normal((inputs, 6))) / np.sqrt(inputs), rule=PULL)
        hidden = {"hidden" if name == "output" else name: part for name, part in below.populations.items()}
        wiring = {
            name: dataclasses.replace(
                p, pre="hidden" if p.pre == "output" else p.pre, post="hidden" if p.post == "output" else p.post
            )
            for name, p in below.projections.items()
        }
        top = Population(model=escape_rate.with_parameters(temperature=50.0, rate=20 * Hz), size=neurons)
        up = Projection(pre="hidden", post="output", weights=np.ones((6, neurons)), rule=softhebb)
        return Circuit(
            name="layers", populations={**hidden, "output": top}, projections={**wiring, "feedforward_2": up}
        )

    learner = Learner(name="layers", summary="Two layers", start=layers)
    run = learn_digits(bars(20), bars(10, 1), Settings(circuit=learner, neurons=3), device=FAST)
    assert {"weights", "weights.feedforward_2"} <= run.network.arrays.keys()
    assert run.network.arrays["weights.feedforward_2"].shape == (6, 3)
    assert not np.isclose(run.network.arrays["weights.feedforward_2"], 1).all()
    assert [layer["name"] for layer in run.report["health"]["layers"]] == ["feedforward", "feedforward_2"]


def test_of_one_class_alone_it_is_told_that_accuracy_means_nothing() -> None:
    alone = (np.random.default_rng(0).random((4, 8, 8)), ["cat"] * 4)
    run = sh.learn(alone, alone, neurons=2, device="numpy")
    (*_, last) = run.report["health"]["warnings"]
    assert last == "all 4 images that it is scored on are of one class, so the accuracy means nothing."


def test_a_preset_on_other_data_has_no_figure(tmp_path: Path) -> None:
    few = ["--data", "digits", "--limit-train", "20", "--limit-test", "10", "--neurons", "2", "--device", "numpy"]
    done = run("learn", "--preset", "soft-wta-100", *few, "--out", tmp_path)
    assert done.returncode == 0
    assert "the figure of preset soft-wta-100 is of mnist; on digits it has none." in done.stderr


def test_a_trace_that_is_a_time_begins_anew_in_every_run() -> None:
    late = NeuronModel(name="late", summary="", equations="last : second\nn : 1", threshold="n > 1")
    circuit = Circuit(
        name="x", populations={"input": Population(model=late, size=1, state={"last": 3 * second})}, projections={}
    )
    assert lasting(circuit) == {"input": ("n",)}


EXAMPLE = Path(__file__).parents[1] / "examples" / "14_own_network.py"


@pytest.mark.long
def test_the_command_takes_circuits_rules_and_parameters(tmp_path: Path) -> None:
    few = ["--data", "digits", "--limit-train", "60", "--limit-test", "20", "--neurons", "8", "--device", FAST.name]
    own = ["--circuit", f"{EXAMPLE}:column"]
    out = tmp_path / "own"
    done = run("learn", *few, *own, "--set", "circuit.temperature=0.2", "--out", out, "--json")
    report = json.loads(done.stdout)
    assert report["config"]["parameters"] == {"circuit.temperature": 0.2}
    scores: list[str | Path] = ["evaluate", out, *few[:2], *few[4:6], "--json"]
    assert "learned with the circuit column of a file of its own" in refused(run(*scores))
    again = json.loads(run(*scores, *own).stdout)
    assert again["metrics"]["accuracy_vote"] == report["metrics"]["accuracy_vote"]
    for words, message in (
        (["--circuit", f"{EXAMPLE}:colum"], "has no circuit 'colum'. Did you mean 'column'?"),
        (["--rule", f"{EXAMPLE}:pul"], "has no rule 'pul'. Did you mean 'pull'?"),
        (["--circuit", "nothing.py:column"], "nothing.py"),
        (["--set", "circuit.temperature"], "--set takes name=value"),
        (["--circuit", "lif_wta", "--set", "circuit.inhibition=none"], "inhibition must be lateral or spiking"),
        (["--preset", "soft-wta"], "there is no preset 'soft-wta'. Did you mean 'soft-wta-100'?"),
    ):
        assert message in refused(run("learn", *few, *words, "--out", tmp_path / "other", cwd=tmp_path))
    assert "learn needs --data" in refused(run("learn", "--neurons", "8", "--out", tmp_path / "other"))
    assert "learn needs --data" in refused(run("learn", *few))
    assert not (tmp_path / "other").exists()


def test_presets_are_listed_with_figures_and_commands() -> None:
    listed = run("learn", "--presets").stdout
    as_json = json.loads(run("learn", "--presets", "--json").stdout)
    assert [preset["name"] for preset in as_json] == list(learn_presets())
    for preset in learn_presets().values():
        assert preset.command in listed
        assert preset.figure in listed
    assert "89.19 ± 0.04 %, soft vote 89.90 % (3 seeds)" in listed
