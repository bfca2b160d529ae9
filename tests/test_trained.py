"""A trained network is a value, whatever made it: every function takes every form, or refuses it in one sentence."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikehebb
from spikehebb import checkpoint, devices, jobs
from spikehebb.checkpoint import Checkpoint
from spikehebb.core import Images
from spikehebb.datasets import images, load
from spikehebb.export import Node
from spikehebb.hardware import TARGETS, Quantized
from spikehebb.jobs import ConvertedNetwork, LearnedNetwork, LifNetwork, RateNetwork, Settings, Trained
from spikehebb.jobs.learned_file import EARLIER
from spikehebb.jobs.lif_wta import LifWta
from spikehebb.jobs.run import STATE
from spikehebb.softhebb import Model
from tests.test_export_plain import DENSE, LIF, NETWORK, model, spiking

DATA = Path(__file__).parent / "data" / "v0_1"
MODELS = Path(__file__).parents[1] / "models"
PACKAGE = Path(spikehebb.__file__).parent
LOIHI = TARGETS["loihi1"]
FORMS = ("learned", "biased", "rates", "dense rates", "converted", "lif", "lif_wta")


@pytest.fixture(scope="module")
def forms() -> dict[str, Trained]:
    """A network of every form; nobody trained them."""
    rng = np.random.default_rng(2)
    settings = Settings(neurons=6)
    header = {
        "kind": "digits",
        "config": settings.config(),
        "seed": 0,
        "device": "numpy",
        "image_shape": [8, 8],
        "data": {"train": {"name": "digits/train"}},
    }
    shapes = {"weights": (64, 6), "age": (6,), "profile": (6, 10), "linear": (10, 7)}
    arrays = {name: rng.random(shape) for name, shape in shapes.items()}
    arrays["weights"] /= np.linalg.norm(arrays["weights"], axis=0)
    about: dict[str, Any] = {"seed": 3, "device": "numpy"}
    columns = {
        name: ConvertedNetwork(model=made, network=network)
        for name, (made, network) in {
            "converted": spiking(NETWORK, **about),
            "lif": spiking(DENSE, **about, lif={**LIF, "gain": 4.0}),
        }.items()
    }
    return {
        "learned": LearnedNetwork(header=header, arrays=arrays, settings=settings),
        "biased": LearnedNetwork(
            header={**header, "biased": True}, arrays={**arrays, "bias": rng.normal(size=6)}, settings=settings
        ),
        "rates": RateNetwork(model=model(NETWORK)),
        "dense rates": RateNetwork(model=model(DENSE)),
        "converted": columns["converted"],
        "lif": LifNetwork(columns=columns["lif"]),
        "lif_wta": LifNetwork(own=LifNetwork(columns=columns["lif"]).own),
    }


@pytest.fixture(scope="module")
def test_images() -> Images:
    return load("digits", "test")[:6]


def assert_same(one: Trained, other: Trained) -> None:
    assert type(one) is type(other)
    assert json.dumps(dict(one.header)) == json.dumps(dict(other.header))
    assert set(one.arrays) == set(other.arrays)
    for name, array in one.arrays.items():
        assert np.asarray(array).dtype == np.asarray(other.arrays[name]).dtype, name
        assert np.asarray(array).tobytes() == np.asarray(other.arrays[name]).tobytes(), name


@pytest.mark.parametrize("form", FORMS)
def test_what_is_saved_is_read(form: str, forms: dict[str, Trained], tmp_path: Path) -> None:
    jobs.save(forms[form], tmp_path / "checkpoint.npz")
    for path in (tmp_path, tmp_path / "checkpoint.npz"):
        assert_same(jobs.read(path), forms[form])
    jobs.save(jobs.read(tmp_path), tmp_path / "again.npz")
    assert_same(jobs.read(tmp_path / "again.npz"), forms[form])


# ---- every function and every form: True, or the reason why not

NO_SPIKES = "a SoftHebb network of rates has no spikes; convert it first"
NOT_LEARNING = "a converted network does not learn; check it without --learning"
CONVERTED = "a converted network spikes already; convert the SoftHebb network that it came from"
NO_START = "it holds 'converted', but learning goes on from a network that learned digits, or from a SoftHebb model"
CHANCE = "population output: a neuron escape_rate fires by chance"
ANSWERS: dict[str, dict[str, bool | str]] = {
    "evaluate": dict.fromkeys(FORMS, True),
    "evaluate by replicas": {
        **dict.fromkeys(FORMS, True),
        **dict.fromkeys(("rates", "dense rates"), "replicas are for networks that spike, and this one has rates"),
    },
    "evaluate on a chip": {**dict.fromkeys(FORMS, True), **dict.fromkeys(("rates", "dense rates"), NO_SPIKES)},
    "check": {**dict.fromkeys(FORMS, True), **dict.fromkeys(("rates", "dense rates"), NO_SPIKES)},
    "check learning": {
        **dict.fromkeys(("learned", "biased"), True),
        **dict.fromkeys(("rates", "dense rates"), NO_SPIKES),
        **dict.fromkeys(("converted", "lif", "lif_wta"), NOT_LEARNING),
    },
    "quantize": dict.fromkeys(FORMS, True),
    "export npz": dict.fromkeys(FORMS, True),
    "export csv": dict.fromkeys(FORMS, True),
    "export nir": {
        "learned": CHANCE,
        "biased": "NIR cannot say circuit soft_wta: population output starts from bias of its own",
        "rates": "a SoftHebb network has rates, and NIR describes spiking networks; convert it first",
        "dense rates": "a SoftHebb network has rates, and NIR describes spiking networks; convert it first",
        "converted": True,
        "lif": True,
        "lif_wta": True,
    },
    "learn from": {
        "learned": True,
        "biased": True,
        "rates": "this model has 2 layers, a convolution, batch normalization",
        "dense rates": True,
        "converted": NO_START,
        "lif": NO_START,
        "lif_wta": NO_START.replace("'converted'", "'lif_wta'"),
    },
    "convert": {
        "learned": True,
        "biased": True,
        "rates": True,
        "dense rates": True,
        "converted": CONVERTED,
        "lif": CONVERTED,
        "lif_wta": CONVERTED,
    },
}


def evaluated(trained: Trained, images: Images, folder: Path, **options: Any) -> None:
    report = jobs.evaluate(trained, images, **options)
    assert report["kind"] == "evaluation"
    assert report["data"]["test"]["count"] == len(images)
    scores = [value for name, value in report["metrics"].items() if name.startswith("accuracy")]
    assert scores
    assert [score * len(images) for score in scores] == pytest.approx([round(score * len(images)) for score in scores])
    assert ("hardware" in report) == ("target" in options)
    assert json.loads(json.dumps(report, allow_nan=False))["metrics"] == report["metrics"]


def checked(trained: Trained, images: Images, folder: Path, **options: Any) -> None:
    report = jobs.check_network(trained, LOIHI, **options)
    assert report["enforced"] == len([problem for problem in report["problems"] if problem["enforced"]])
    assert report["cores"] == 1
    json.dumps(report, allow_nan=False)


def quantized(trained: Trained, images: Images, folder: Path) -> None:
    report = jobs.quantize_network(trained, TARGETS["generic"].with_limits(weight_bits=4), folder / "four")
    again = jobs.read(folder / "four")
    assert type(again) is type(trained)
    if isinstance(trained, LifNetwork):
        trained = LifNetwork(own=trained.own)  # a LIF form is quantized as its own numbers
    assert again.header["quantized"]["limits"]["weight_bits"]["value"] == 4
    changed = [name for name in trained.arrays if not np.array_equal(again.arrays[name], trained.arrays[name])]
    assert changed
    assert all("weight" in name and "readout" not in name for name in changed), "labels and readouts stay"
    assert {line["bits"] for line in report["report"]} == {4}
    assert again.quantized(TARGETS["generic"].with_limits(weight_bits=4))[1][0].report[0].largest_error < 1e-6


def exported(trained: Trained, images: Images, folder: Path, *, format: str) -> None:
    name = {"nir": "net.nir", "npz": "net.npz", "csv": "tables"}[format]
    report = jobs.export_network(trained, folder / name, format=format)
    assert (folder / name).exists()
    assert report["kind"] == trained.header["kind"]


def learned_from(trained: Trained, images: Images, folder: Path) -> None:
    jobs.save(trained, folder / "checkpoint.npz")
    start = jobs.load_start(folder)
    run = jobs.learn_digits(images, images, start=start.with_age(0), device=devices.NUMPY)
    assert run.report["start"]["file"] == f"{folder.name}/checkpoint.npz"
    assert run.network.arrays["weights"].shape == start.weights.shape == (64, 6)
    assert not np.allclose(run.network.arrays["weights"], start.weights)


def converted(trained: Trained, images: Images, folder: Path) -> None:
    """Rates become spikes, and what learned in spikes becomes LIF neurons."""
    if (learned := trained.learned()) is None:
        assert isinstance(trained.rates(), Model)
        return
    assert learned is trained
    with pytest.raises(ValueError, match="it has no rates"):
        trained.rates()
    shades = load("digits", "train")[:20]
    with pytest.raises(ValueError, match="becomes neurons 'lif', got 'stochastic'"):
        jobs.convert(learned, shades, images, neurons="stochastic")
    with pytest.raises(ValueError, match="convert to lif has no setting 'order'"):
        jobs.convert(learned, shades, images, order="in turn")
    run = jobs.convert(learned, shades, images, calibration=20, device="numpy", out=folder / "lif")
    assert isinstance(run, jobs.LifRun)
    again = jobs.read(folder / "lif")
    assert_same(again, run.network)
    scores = jobs.evaluate(again, images)["metrics"]
    assert scores["accuracy_vote"] == run.report["metrics"]["accuracy_vote"]
    assert not jobs.check_network(again, TARGETS["generic"].with_limits(neuron_models=("lif_unit",)))["problems"]


FUNCTIONS: dict[str, Callable[[Trained, Images, Path], None]] = {
    "evaluate": evaluated,
    "evaluate by replicas": lambda *given: evaluated(*given, replicas=3),
    "evaluate on a chip": lambda *given: evaluated(*given, target=LOIHI),
    "check": checked,
    "check learning": lambda *given: checked(*given, learning=True),
    "quantize": quantized,
    "export npz": lambda *given: exported(*given, format="npz"),
    "export csv": lambda *given: exported(*given, format="csv"),
    "export nir": lambda *given: exported(*given, format="nir"),
    "learn from": learned_from,
    "convert": converted,
}


@pytest.mark.long
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("form", FORMS)
def test_every_function_takes_every_form_or_says_why_not(
    function: str, form: str, forms: dict[str, Trained], test_images: Images, tmp_path: Path
) -> None:
    answer = ANSWERS[function][form]
    if answer is True:
        FUNCTIONS[function](forms[form], test_images, tmp_path)
        return
    with pytest.raises(ValueError, match=str(answer)) as refusal:
        FUNCTIONS[function](forms[form], test_images, tmp_path)
    assert "\n" not in str(refusal.value) or function == "export nir"  # NIR names all obstacles at once
    assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint.npz"}


def test_images_unlike_those_that_a_network_learned_are_refused_before_its_conversion(
    forms: dict[str, Trained],
) -> None:
    larger = images(np.zeros((4, 9, 9)), [0, 1, 2, 3], name="larger")
    with pytest.raises(ValueError, match=r"was trained on images of \(8, 8\), but larger has \(9, 9\)"):
        jobs.convert(forms["learned"], larger, larger, device="numpy")
    pets = images(np.zeros((4, 8, 8)), ["cat", "dog", "cat", "dog"], name="pets")
    with pytest.raises(ValueError, match=r"the network learned the classes 0, 1, .* but pets has the classes cat, dog"):
        jobs.convert(forms["learned"], pets, pets, device="numpy")


@pytest.mark.long
def test_a_conversion_to_lif_goes_on_where_it_stopped(
    forms: dict[str, Trained], test_images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"data": load("digits", "train")[:20], "test": test_images, "calibration": 20}
    given |= {"device": "numpy", "input_rate_hz": 500.0}  # a rate that would follow from the calibration, too
    whole = jobs.convert(forms["learned"], **given, out=tmp_path / "whole")

    def stopped(stage: str, fraction: float) -> None:
        if stage == "LIF":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.convert(forms["learned"], **given, out=tmp_path / "part", progress=stopped)
    assert (tmp_path / "part" / STATE).exists()
    monkeypatch.setattr(sys.modules["spikehebb.jobs.convert_learned"], "calibrate_lif", None)  # is not asked again
    monkeypatch.setattr(LearnedNetwork, "predict", None)
    again = jobs.convert(forms["learned"], **given, out=tmp_path / "part")
    monkeypatch.setattr(LifWta, "spike_counts", None)
    finished = jobs.convert(forms["learned"], **given, out=tmp_path / "part")
    timed = {"metrics": {**whole.report["metrics"], "ms_per_image": again.report["metrics"]["ms_per_image"]}}
    assert again.report == {**whole.report, **timed} == finished.report
    for run in (again, finished):
        assert isinstance(run, jobs.LifRun)
        assert isinstance(whole, jobs.LifRun)
        assert_same(run.network, whole.network)
    monkeypatch.undo()
    swapped = jobs.convert(forms["learned"], **given | {"calibration": 10}, out=tmp_path / "other")
    shutil.copy(tmp_path / "other" / "checkpoint.npz", tmp_path / "part" / "checkpoint.npz")
    with pytest.raises(ValueError, match="holds the network of another run, so it is damaged"):
        jobs.convert(forms["learned"], **given, out=tmp_path / "part")
    assert swapped.report["calibration"] != whole.report["calibration"]
    for other in ({"seed": 1}, {"calibration": 10}):
        with pytest.raises(FileExistsError, match="another run"):
            jobs.convert(forms["learned"], **{**given, **other}, out=tmp_path / "part")


@pytest.mark.long
def test_a_chip_adds_costs_and_changes_no_score(forms: dict[str, Trained], test_images: Images) -> None:
    for form in ("learned", "converted", "lif"):
        bare, priced = (jobs.evaluate(forms[form], test_images[:3], target=target) for target in (None, LOIHI))
        hardware = priced.pop("hardware")
        assert hardware["target"] == "loihi1"
        assert hardware["per_image"]["spikes"] > 0
        for report in (bare, priced):
            report["metrics"] = {name: value for name, value in report["metrics"].items() if "ms_per" not in name}
        assert bare == priced


def test_devices_are_named_by_words_or_values(forms: dict[str, Trained], test_images: Images) -> None:
    one, other = (jobs.evaluate(forms["lif"], test_images[:3], device=device) for device in ("numpy", devices.NUMPY))
    assert one["device"] == other["device"] == "numpy"
    assert jobs.evaluate(forms["rates"], test_images)["device"] == "cpu"
    for device in ("numpy", devices.NUMPY):
        with pytest.raises(ValueError, match="a SoftHebb network runs on cpu or gpu, not on 'numpy'"):
            jobs.evaluate(forms["rates"], test_images, device=device)
    for form in ("learned", "converted", "lif"):
        with pytest.raises(ValueError, match="there is no device 'cpu'"):
            jobs.evaluate(forms[form], test_images, device="cpu")


def test_where_it_learned_is_said_by_every_form(forms: dict[str, Trained]) -> None:
    assert jobs.trained_on(forms["learned"]) == "digits"
    assert jobs.trained_on(forms["rates"]) is None
    named = dataclasses.replace(model(NETWORK), header={"data": {"train": {"name": "mnist/train"}}})
    assert jobs.trained_on(RateNetwork(model=named)) == "mnist"
    network = convert_again(forms["converted"], named)
    assert jobs.trained_on(network) == "mnist"


def convert_again(trained: Trained, made: Model) -> ConvertedNetwork:
    assert isinstance(trained, ConvertedNetwork)
    return ConvertedNetwork(model=made, network=trained.network)


def test_a_lif_form_is_quantized_as_its_own_numbers(forms: dict[str, Trained], tmp_path: Path) -> None:
    """What is quantized is what is checked, evaluated and exported: not the layer that it came from."""
    assert jobs.check_network(forms["lif"], LOIHI)["enforced"]
    few = LOIHI.with_limits(weight_bits=3)
    network, layers, remarks = forms["lif"].quantized(few)
    assert isinstance(network, LifNetwork)
    assert [type(layer) for layer in layers] == [Quantized]
    assert remarks == forms["converted"].quantized(LOIHI)[2] == ()
    jobs.quantize_network(forms["lif"], few, tmp_path / "few")
    again = jobs.read(tmp_path / "few")
    assert jobs.check_network(again, LOIHI)["enforced"] == jobs.check_network(again, few)["enforced"] == 0
    node = again.graph().nodes["feedforward"]
    assert isinstance(node, Node)
    written, whole = node.values["weight"], layers[0].integers["feedforward"].T
    assert len(np.unique(written)) <= 2**3
    assert written / np.abs(written).max() == pytest.approx(whole / np.abs(whole).max())


# ---- what is refused when a file is read


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2, and this version reads up to 1; upgrade spikehebb"),
        (
            {"kind": "reservoir"},
            r"it holds 'reservoir', not a trained network \(digits, softhebb, converted, lif_wta\)",
        ),
        ({"kind": ["digits"]}, r"it holds \['digits'\], not a trained network"),
        ({"kind": "digits, unfinished"}, "it holds 'digits, unfinished', not a trained network"),
        ({"kind": None}, "it holds None, not a trained network"),
    ],
)
@pytest.mark.parametrize("form", ["learned", "rates", "lif"])
def test_strange_files_are_one_sentence(
    form: str, changes: dict[str, Any], message: str, forms: dict[str, Trained], tmp_path: Path
) -> None:
    trained = forms[form]
    path = tmp_path / "strange.npz"
    checkpoint.save(Checkpoint(header={**trained.header, **changes}, arrays=trained.arrays), path)
    with pytest.raises(ValueError, match=rf"^checkpoint {path}.*{message}") as refusal:
        jobs.read(path)
    assert "\n" not in str(refusal.value)


def test_all_of_a_file_is_checked(forms: dict[str, Trained], tmp_path: Path) -> None:
    rates = forms["rates"]
    variance = -np.asarray(rates.arrays["layer0.variance"])
    damaged = {"layer0.variance": variance}, {"layer0.weight": np.full((5, 1, 3, 3), np.nan, np.float32)}
    for arrays, message in zip(damaged, ("layer0.variance must not be negative", "not finite"), strict=True):
        saved = Checkpoint(header=rates.header, arrays={**rates.arrays, **arrays})
        checkpoint.save(saved, tmp_path / "checkpoint.npz")
        with pytest.raises(ValueError, match=rf"^checkpoint {tmp_path / 'checkpoint.npz'}: .*{message}"):
            jobs.read(tmp_path)
    (tmp_path / "checkpoint.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint .*checkpoint\.npz"):
        jobs.read(tmp_path)


# ---- what was saved before


def test_the_network_of_the_demo_comes_along(test_images: Images, tmp_path: Path) -> None:
    """The others, of larger images, are read in test_models.py."""
    trained = jobs.read(MODELS / "digits-soft-wta")
    evaluated(trained, test_images, tmp_path, device="numpy", target=LOIHI)
    exported(trained, test_images, tmp_path, format="npz")
    assert trained.start().weights.shape == trained.arrays["weights"].shape


SAVED: dict[str, dict[str, Any]] = json.loads((DATA / "expected.json").read_text())  # by commit cd2f60c: NOTES.md


def counted(report: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of an evaluation that ``expected.json`` holds."""
    numbers = {name: value for name, value in report["metrics"].items() if "ms_per" not in name}
    if "hardware" not in report:
        return numbers
    hardware = report["hardware"]
    work = {name: hardware["per_image"][name] for name in ("spikes", "effective_ac", "effective_mac")}
    learning = {"learning": hardware["learning"]["plasticity"]["synapses"]} if "learning" in hardware else {}
    joule = hardware["energy_per_image"]["loihi1"]["joule"]
    return numbers | work | {"footprint": hardware["footprint"]["weights"], "joule": joule} | learning


def test_every_form_was_saved() -> None:
    assert set(SAVED) == {path.parent.name for path in DATA.glob("*/checkpoint.npz")}
    forms = {type(jobs.read(DATA / name)) for name in SAVED}
    assert forms == {LearnedNetwork, RateNetwork, ConvertedNetwork, LifNetwork}


@pytest.mark.long
@pytest.mark.parametrize("name", SAVED)
def test_networks_of_version_0_1_say_what_they_said(name: str, tmp_path: Path) -> None:
    """Elsewhere a spike may fall otherwise: one image of 20, and a few percent of the output spikes, may differ.

    Input spikes, which most operations are, depend on pixels and random phases alone: other seeds are told apart.
    """
    trained, test, expected = jobs.read(DATA / name), load("digits", "test")[:20], SAVED[name]
    spiking = not isinstance(expected["check"], str)
    numbers = counted(jobs.evaluate(trained, test, target=LOIHI if spiking else None))
    later = {"accuracy_class_vote", "accuracy_likelihood_vote"}  # which it did not know
    assert set(numbers) - later == set(expected["evaluate"])
    for what, number in expected["evaluate"].items():
        near: dict[str, Any] = {"rel": 3.5e-4 if what in ("effective_ac", "operations_per_image") else 0.03}
        assert numbers[what] == pytest.approx(number, **({"abs": 0.0501} if what.startswith("accuracy") else near)), (
            what
        )
    if spiking:
        report = jobs.check_network(trained, LOIHI)
        limits = sorted({problem["limit"] for problem in report["problems"]})
        assert expected["check"] == {"limits": limits, "enforced": report["enforced"], "cores": report["cores"]}
    else:
        with pytest.raises(ValueError, match=re.escape(expected["check"])):
            jobs.check_network(trained, LOIHI)
    exported(trained, test, tmp_path, format="npz")
    jobs.quantize_network(trained, LOIHI, tmp_path / "quantized")
    assert type(jobs.read(tmp_path / "quantized")) is type(trained)
    jobs.save(trained, tmp_path / "again.npz")
    assert_same(jobs.read(tmp_path / "again.npz"), trained)


# ---- nobody asks


def asks(text: str) -> list[int]:
    """Return the lines on which a kind is compared, or a value is asked for its form."""
    tree = ast.parse(text)
    own = {id(node) for check in ast.walk(tree) if _is_shapes(check) for node in ast.walk(check)}
    nodes = [node for node in ast.walk(tree) if id(node) not in own]
    names = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and _is_kind(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    lines = set()
    for node in nodes:
        if isinstance(node, ast.Compare):
            compared: list[ast.AST] = [node.left, *node.comparators]
        else:
            compared = [node.subject] if isinstance(node, ast.Match) else []
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            lines |= {node.lineno for name in FORM_NAMES if name in ast.unparse(node.args[1])}
        for part in compared:
            if _is_kind(part) or (isinstance(part, ast.Name) and part.id in names):
                lines.add(part.lineno)  # type: ignore[attr-defined]
    return sorted(lines)


def _is_kind(node: ast.AST) -> bool:
    """Return whether an expression is ``...["kind"]`` or ``....get("kind", ...)``."""
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.slice) == "'kind'"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        return ast.unparse(node.args[0]) == "'kind'"
    return False


def _is_shapes(node: ast.AST) -> bool:
    """Return whether this is a reader's check of its own header."""
    return isinstance(node, ast.FunctionDef) and node.name == "shapes"


FORM_NAMES = ("LearnedNetwork", "RateNetwork", "ConvertedNetwork", "LifNetwork")
READERS = {"jobs/trained.py", "jobs/run.py"}  # one reads trained networks, the other unfinished runs


def test_the_search_sees_what_asks() -> None:
    for text in (
        "if header['kind'] == KIND: pass",
        "x = 1 if KIND != trained.header['kind'] else 2",
        "if trained.header.get('kind') in ('a', 'b'): pass",
        "match trained.header['kind']:\n    case 'digits': pass",
        "kind = header['kind']; other = kind != 'digits'",
        "isinstance(trained, LifNetwork)",
        "isinstance(trained, (jobs.RateNetwork, Model))",
    ):
        assert asks(text) == [1], text
    for text in ("def shapes(header):\n    if header['kind'] != KIND: pass", "x = {'kind': header['kind']}"):
        assert asks(text) == [], text


def test_nobody_else_asks_for_the_kind_of_a_trained_network() -> None:
    lines = {str(path.relative_to(PACKAGE)): asks(path.read_text()) for path in PACKAGE.rglob("*.py")}
    assert {path for path, asked in lines.items() if asked} == READERS


V0_1 = Path(__file__).parent / "data" / "v0_1"


def tampered(kind: str, folder: Path, change: Callable[[Any], None], **arrays: Any) -> Path:
    """Return an old checkpoint with another header or other arrays."""
    with np.load(V0_1 / kind / "checkpoint.npz") as members:
        kept = {name: members[name] for name in members.files}
    header = json.loads(kept.pop("header").tobytes())
    change(header)
    raw = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(folder / "checkpoint.npz", **({"header": raw, **kept} | arrays))
    return folder / "checkpoint.npz"


def put(place: str, value: Any = ...) -> Callable[[Any], None]:
    """Return what sets an entry of a header, or takes it away."""

    def change(header: Any) -> None:
        *above, last = place.split(".")
        for name in above:
            header = header[name]
        if value is ...:
            del header[last]
        else:
            header[last] = value

    return change


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("digits", put("config.temperature"), "its config lacks 'temperature'"),
        ("digits", put("config.rule"), "its config lacks 'rule'"),
        ("digits", put("config.colour\x1b", 1), r"its config has entries that are not known: 'colour\\x1b'; upgrade"),
        ("digits", put("config", {}), "its config lacks 'neurons', 'epochs'"),
        ("digits", put("config", []), "its header, config must be a table of names and values, got a list"),
        ("digits", put("config.neurons", True), "neurons must be a whole number, got True"),
        ("digits", put("config.seed", 1.0), "seed must be a whole number, got 1.0"),
        ("digits", put("config.target", 3), "target must be a text, got 3"),
        ("digits", put("config.rule", ["softhebb"]), "rule must be a text, got"),
        ("digits", put("image_shape", [True, 8, 8]), r"image_shape\[0\] must be a whole number, got True"),
        ("digits", put("image_shape", [8, 8, 8, 8]), "its images have the shape"),
        ("digits", put("image_shape"), "its header lacks 'image_shape'"),
        ("digits", put("device", None), "its header, device must be a text, got None"),
        ("digits", put("device", "\x1b[2J"), r"there is no device '\\x1b"),
        ("digits", put("biased", "yes"), "its header, biased must be true or false, got 'yes'"),
        ("digits", put("seed", "x"), "its header, seed must be a whole number, got 'x'"),
        ("digits", put("kind", "\x1b" * 1000), r"it holds '\\x1b"),
        ("converted-lif", put("conversion.timing.dt_ms"), "the timing of its conversion lacks 'dt_ms'"),
        (
            "converted-lif",
            put("conversion.timing.dt", 1),
            "the timing of its conversion has entries that are",
        ),
        ("converted-lif", put("conversion.gains", [True]), r"its conversion, gains\[0\] must be a number, got True"),
        ("converted-lif", put("conversion.gains", [1e300]), "its gains must be rates above 0"),
        ("converted-lif", put("conversion.seed", -1), "its seed must be at least 0, got -1"),
        ("converted-lif", put("conversion.device", 3), "its conversion, device must be a text, got 3"),
        ("converted-lif", put("conversion.lif.gain", -1), "its LIF form has gain -1"),
        ("converted-lif", put("conversion.lif.drive", 1e300), "its LIF form has drive 1e.300"),
        ("converted-lif", put("conversion.lif.labels", [True] * 6), r"labels\[0\] must be a whole number, got True"),
        ("converted-lif", put("conversion.lif.labels", [0, 1, 2, 3, 4, 10**6]), "its LIF form needs 6 labels from 0"),
        ("digits", put("config.rule", "x" * 10**5), "there is no rule 'xxx"),
        ("converted-lif", put("network.layers", []), "at least one layer is needed"),
    ],
)
def test_nothing_in_a_header_is_guessed(kind: str, change: Callable[[Any], None], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^checkpoint .*{message}") as error:
        jobs.read(tampered(kind, tmp_path, change))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 800


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": np.full((64, 6), 1e300)}, r"weights holds 1e\+300, which nothing learns"),
        ({"weights": np.full((64, 6), -1e300)}, r"weights holds 1e\+300, which nothing learns"),
        ({"age": np.full(6, -1.0)}, "age must not be negative, but holds -1"),
        ({"profile": np.full((6, 10), -2.0)}, "profile must not be negative, but holds -2"),
        ({"linear": np.full((10, 7), np.inf)}, "linear holds numbers that are not finite"),
    ],
)
def test_impossible_numbers(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        jobs.read(tampered("digits", tmp_path, lambda header: None, **arrays))


def test_a_seed_in_the_header_is_not_needed(tmp_path: Path) -> None:
    test = load("digits", "test")[:2]
    without = jobs.read(tampered("digits", tmp_path, put("seed")))
    scores = jobs.evaluate(without, test, device="numpy")
    assert scores["seed"] == 1
    assert scores["metrics"].keys() == jobs.evaluate(jobs.read(V0_1 / "digits"), test, device="numpy")["metrics"].keys()


def test_the_first_files_had_fewer_settings_and_mean_the_same(tmp_path: Path) -> None:
    """All that came later is missing together; what it was then is written down, whatever today's defaults are."""

    def earlier(header: Any) -> None:
        for name in EARLIER:
            del header["config"][name]

    read = jobs.read(tampered("digits", tmp_path, earlier))
    assert read.header["config"] == jobs.read(V0_1 / "digits").header["config"]
    assert (EARLIER["rule"], EARLIER["target"], EARLIER["dropped"]) == ("softhebb", "", 0.0)
