"""Values and results show themselves: one line, HTML, a picture, a table, a file; commands list from the index."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from brian2 import Hz, ms, mV
from matplotlib.figure import Figure
from typer.main import get_command
from typer.testing import CliRunner

import spikehebb as sh
from spikehebb import conversion, jobs, plot, simulation
from spikehebb.circuits import LEARNERS, synapse_pair
from spikehebb.cli import index
from spikehebb.cli.common import ALSO, commands
from spikehebb.core import display
from spikehebb.datasets.measurements import PUBLISHED
from spikehebb.jobs import DigitRun, DigitRuns, LearnedNetwork
from spikehebb.plot.save import FORMATS
from spikehebb.protocols import pairing
from spikehebb.rules import RULES

DIGITS = sh.load("digits", "train")[:10]
WINDOW = sh.window("stdp_pair", [-10, 10] * ms)
CIRCUIT = LEARNERS["diehl_cook"].circuit(16, 3, rng=np.random.default_rng(0))
REPLAY = sh.replay("stdp_pair", [10, 30] * ms, [15] * ms)
VALUES: list[Any] = [
    WINDOW,
    REPLAY,
    CIRCUIT,
    CIRCUIT.populations["output"],
    CIRCUIT.projections["feedforward"],
    DIGITS,
    RULES["stdp_pair"],
    sh.neurons.lif,
    LEARNERS["soft_wta"],
    sh.hardware.TARGETS["loihi1"],
    PUBLISHED["sjostrom2001_plus10"],
]


@pytest.fixture(scope="module")
def run() -> DigitRun | DigitRuns:
    return sh.learn(DIGITS, DIGITS, neurons=3, parameters={"presentation": "20 ms"}, device="numpy")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_one_line_and_a_page(value: Any) -> None:
    line = repr(value)
    assert line.startswith(type(value).__name__)
    assert len(line) <= display.LINE + 10
    assert "\n" not in line
    assert value._repr_html_().startswith("<div><strong>")


def test_catalogues_are_short_and_a_rule_shows_its_equations() -> None:
    assert len(repr(RULES)) < 200
    assert repr(sh.PlasticityRule(name="own", on_pre="w += 0.01")) == "PlasticityRule('own')"
    page = RULES["stdp_pair"]._repr_html_()
    assert "$$" in page
    assert r"\tau_{+}" in page
    assert "time constant" in page
    assert "data:image/png" in page
    assert "https://doi.org/" in page
    assert "<script" not in sh.PlasticityRule(name="<script>", on_pre="w += 0.01")._repr_html_()


def test_a_run_shows_its_scores_and_is_written_and_read(run: DigitRun, tmp_path: Path) -> None:
    assert "3 neurons" in repr(run)
    assert "accuracy_vote" in repr(run)
    assert "accuracy_vote" in run._repr_html_()
    again = sh.read(run.save(tmp_path / "run"))
    assert isinstance(again, LearnedNetwork)
    np.testing.assert_array_equal(again.arrays["weights"], run.network.arrays["weights"])
    assert json.loads((tmp_path / "run" / "run.json").read_text())["metrics"] == run.report["metrics"]
    run.network.save(tmp_path / "net.npz")
    assert sh.read(tmp_path / "net.npz").header == run.network.header


def test_numbers_become_tables_with_units(run: DigitRun, tmp_path: Path) -> None:
    WINDOW.save(tmp_path / "window.csv")
    assert (tmp_path / "window.csv").read_text().splitlines()[0] == "lag_ms,dw"
    assert json.loads(WINDOW.save(tmp_path / "window.json").read_text())["dw"] == WINDOW.dw.tolist()
    assert REPLAY.rows()[-1]["w"] == REPLAY.w_final
    pytest.importorskip("pandas")
    frame = WINDOW.to_frame()
    assert list(frame.columns) == ["lag_ms", "dw"]
    assert frame["dw"].tolist() == WINDOW.dw.tolist()


def test_without_pandas_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(RuntimeError, match=r"pip install 'spikehebb\[frames\]'"):
        WINDOW.to_frame()


@pytest.mark.parametrize("value", [WINDOW, REPLAY, CIRCUIT, DIGITS], ids=lambda value: type(value).__name__)
def test_everything_is_drawn_into_given_axes(value: Any) -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert value.plot(ax=right) is right
    assert not left.lines
    assert not left.texts
    assert not left.child_axes
    assert right.lines or right.texts or right.child_axes
    assert value.plot() in plt.gcf().axes
    plt.close()


def test_a_command_saves_its_pictures_in_other_formats_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKEHEBB_PICTURES", "")  # whatever the command sets is undone
    words = ["--pictures", "svg,pdf", "window", "stdp_pair", "--lags=-10,10", "--device", "numpy"]
    done = CliRunner().invoke(commands, [*words, "--out", str(tmp_path / "w")])
    assert done.exit_code == 0
    starts = {path.suffix: path.read_bytes()[:5] for path in (tmp_path / "w").glob("window_stdp_pair.*")}
    assert starts == {".png": b"\x89PNG\r", ".svg": b"<?xml", ".pdf": b"%PDF-"}
    assert {f".{kind}" for kind in ALSO} == FORMATS.keys() - {".png"}
    refused = CliRunner().invoke(commands, ["--pictures", "gif", "rules"])
    assert refused.exit_code == 2
    assert "'gif' is none of svg, pdf" in " ".join(refused.output.replace("│", " ").split())


def test_every_command_has_a_heading_and_an_example() -> None:
    def check(group: Any, above: str) -> None:
        for name, each in group.commands.items():
            whole = f"{above}{name}"
            assert isinstance(each.rich_help_panel, str) or above, whole
            if hasattr(each, "commands"):
                check(each, f"{whole} ")
            else:
                assert f"spikehebb {whole}" in each.epilog, whole

    check(get_command(commands), "")


@pytest.mark.long
def test_pictures_are_what_their_names_say(tmp_path: Path) -> None:
    begins = {"x.png": b"\x89PNG", "x.pdf": b"%PDF", "x.svg": b"<?xml"}
    for name, begin in begins.items():
        assert WINDOW.save(tmp_path / name).read_bytes().startswith(begin)
    figure = plot.stdp_window(WINDOW)
    plot.save(figure, tmp_path / "one.pdf", columns=1)
    assert figure.get_size_inches()[0] == 3.5
    with pytest.raises(ValueError, match=r"a picture is saved as .png, .svg or .pdf, not '.tiff'"):
        plot.save(figure, tmp_path / "x.tiff")
    with pytest.raises(ValueError, match="columns must be 1 or 2, got 3"):
        plot.save(figure, tmp_path / "x.png", columns=3)
    with pytest.raises(ValueError, match="ax must be axes of matplotlib"):
        WINDOW.plot(ax=3)
    with pytest.raises(ValueError, match=r"a Window is not written as 'x\.npz'"):
        WINDOW.save("x.npz")


def test_a_device_may_be_given_by_its_name_everywhere() -> None:
    unnamed = []
    for module in (jobs, simulation, conversion):
        for name in module.__all__ if hasattr(module, "__all__") else dir(module):
            value = getattr(module, name)
            functions = vars(value).values() if inspect.isclass(value) else [value]
            for function in filter(inspect.isfunction, functions):
                if function.__name__.startswith("_"):
                    continue
                device = inspect.signature(function).parameters.get("device")
                if device is not None and "str" not in str(device.annotation):
                    unnamed.append(function.__qualname__)
    assert unnamed == []
    given = synapse_pair(RULES["stdp_pair"]), pairing([10] * ms)
    assert simulation.simulate(*given, dt=0.1 * ms, device="numpy").device == "numpy"
    with pytest.raises(ValueError, match="there is no device 'cp'"):
        simulation.simulate(*given, dt=0.1 * ms, device="cp")


def test_the_index_is_that_of_the_catalogue() -> None:
    """Which commands list without importing Brian2; ``make index`` makes it anew."""
    1 / (mV * mV)  # from now on Brian2 writes units as products of mV
    content = json.loads(json.dumps(index.content()))
    kept = json.loads(Path(index.__file__).with_name("index.json").read_text())
    assert [name for name in content if content[name] != kept.get(name)] == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("rules", "stdp_pair"),
        ("rules oja", "learning rate"),
        ("data", "sjostrom2001_plus10"),
        ("cite oja", "@article{oja1982"),
        ("hardware list", "loihi1"),
        ("softhebb presets", "cifar-3"),
        ("learn --presets", "diehl-cook-100"),
        ("window stdp_pear --out x", "there is no rule 'stdp_pear'. Did you mean 'stdp_pair'?"),
        ("learn --data nodata --out x", "there is no data set 'nodata'."),
        ("learn --data digits --device gpu --out x", "there is no device 'gpu'."),
        ("check x --target spinaker2", "there is no target 'spinaker2'. Did you mean 'spinnaker2'?"),
    ],
)
def test_lists_and_mistakes_need_no_brian2(words: str, says: str, tmp_path: Path) -> None:
    code = f"import sys; sys.argv = ['spikehebb', *{words.split()!r}]\nfrom spikehebb.cli import app\ntry:\n    app()\n"
    code += "finally:\n    print(any(name in sys.modules for name in ('brian2', 'numpy', 'pydantic')))\n"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert says in done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.long
def test_sliders_move_the_window_and_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipywidgets")
    few: Any = {"lags": [-10, 10] * ms, "frequencies": [10, 20] * Hz, "repeats": 2, "device": "numpy"}
    box = sh.explore("stdp_pair", data=["bi1998"], **few)
    sliders = {child.description: child for child in box.children[:-2]}
    message, picture = box.children[-2:]
    assert {"A_plus", "tau_plus (ms)", "w_max"} <= sliders.keys()
    before = bytes(picture.value)
    sliders["A_plus"].value *= 2
    assert bytes(picture.value) != before
    assert bytes(picture.value).startswith(b"\x89PNG")
    sliders["w_max"].value = 0.0  # below the weight at the start
    assert "w_max" in message.value or "weight" in message.value
    with pytest.raises(ValueError, match="Did you mean 'stdp_pair'"):
        sh.explore("stdp_pear")
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(RuntimeError, match=r"pip install 'spikehebb\[notebook\]'"):
        sh.explore("stdp_pair")
