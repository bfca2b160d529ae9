"""What keeps the code in shape: layers, file lengths, Brian2's globals in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import spikehebb

PACKAGE = Path(spikehebb.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LAYERS = [
    {"core", "equations"},
    {"rules", "neurons", "circuits", "encoders", "protocols"},
    {
        "simulation",
        "devices",
        "metrics",
        "checkpoint",
        "datasets",
        "softhebb",
        "convert",
        "export",
        "hardware",
    },
    {"jobs"},
    {"cli", "plot", "doctor"},
]
# Brian2's device, preferences and random state
GLOBALS = {"set_device", "reset_device", "all_devices", "get_device", "prefs", "seed", "defaultclock", "device"}


def module(path: Path) -> str:
    """Return the top-level module that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the top-level modules of this package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "spikehebb":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("spikehebb.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_from_its_own_layer_or_below(path: Path) -> None:
    if module(path) == "__init__":
        assert not imported(path)
        return
    layer = next((n for n, names in enumerate(LAYERS) if module(path) in names), None)
    assert layer is not None, f"{module(path)} has no layer; name it in LAYERS"
    allowed = set().union(*LAYERS[: layer + 1])
    assert imported(path) <= allowed, f"{module(path)} must not import {imported(path) - allowed}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_stays_below_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_brian2_globals_are_touched_in_devices_only() -> None:
    seen = set()
    for path in FILES:
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("brian2"):
                names |= {alias.name for alias in node.names}
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "brian2":
                names.add(node.attr)
        if module(path) == "devices":
            seen |= names & GLOBALS
        else:
            assert not names & GLOBALS, f"{path.name} touches {names & GLOBALS}"
    assert {"set_device", "prefs", "seed"} <= seen, "the check no longer sees what the devices do"


# Who may take text apart besides equations/: none of it is Brian2 text.
TAKEN_APART = {
    "cli/parse.py": "numbers, units and names of files on the command line",
    "cli/hardware.py": "settings on the command line",
    "cli/__init__.py": "an error's message",
    "datasets/measurements.py": "tables in files",
    "datasets/spike_times.py": "spike times in files",
    "devices/cpp.py": "C++ that Brian2 has written",
    "devices/cuda.py": "CUDA that brian2cuda has written",
    "devices/translation_units.py": "C++ that Brian2 has written",
    "devices/nvcc.py": "what compilers print",
    "devices/host.py": "what compilers print",
    "export/read_nir.py": "an error's message",
    "plot/fit.py": "lines of a legend",
    "simulation/programs.py": "what a program prints",
    "softhebb/torch_config.py": "names in checkpoints",
    "softhebb/torch_files.py": "names in checkpoints",
}
PARSERS = ("re", "ast", "tokenize", "shlex")
OF_BRIAN2 = ("brian2.equations", "brian2.parsing", "brian2.codegen", "brian2.utils", "brian2.stateupdaters")
SPLITTING = {"split", "rsplit", "splitlines", "partition", "rpartition", "replace", "translate", "count", "strip"}
HARMLESS = {".", ",", "/", "-", " ", ""}  # separators that no Brian2 text is split at
TEXTS = {
    *("equations", "threshold", "reset", "refractory", "receive", "onset", "update", "update_if", "transmit", "arrive"),
    *("synapse", "on_pre", "on_post", "pre_spike", "post_spike", "pre_epoch", "post_epoch", "needs_pre", "needs_post"),
}
ASKING = {"startswith", "endswith", "removeprefix", "removesuffix", "find", "index", "lower", "format", *SPLITTING}


def text_surgery(tree: ast.AST) -> set[str]:
    """Return what takes text apart, as code: parsers, splitting at what separates Brian2 text, asking its letters."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(name.name.startswith((*PARSERS, *OF_BRIAN2)) for name in names):
                found.add(ast.unparse(node))
            case ast.ImportFrom(module=str(module), names=names) if (
                module in PARSERS
                or module.startswith(OF_BRIAN2)
                or (module == "brian2" and any(name.name in ("Equations", "get_identifiers") for name in names))
            ):
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=field), attr=method)) if (
                field in TEXTS and method in ASKING
            ):
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join")):
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(id="dataclasses"), attr="replace")):
                pass
            case ast.Call(func=ast.Attribute(attr=method), args=[]) if method in SPLITTING - {"strip", "count"}:
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(attr=method), args=[ast.Constant(value=str(at)), *_]) if (
                method in SPLITTING and at not in HARMLESS
            ):
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(attr="split" | "rsplit" | "partition" | "rpartition"), args=[at, *_]) if (
                not isinstance(at, ast.Constant)
            ):
                found.add(ast.unparse(node))
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Attribute(attr=field)]) if field in TEXTS:
                found.add(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_brian2_text_is_taken_apart_in_equations_only(path: Path) -> None:
    if module(path) != "equations" and str(path.relative_to(PACKAGE)) not in TAKEN_APART:
        assert not text_surgery(ast.parse(path.read_text()))


def test_nobody_may_take_text_apart_without_need() -> None:
    for name in TAKEN_APART:
        assert text_surgery(ast.parse((PACKAGE / name).read_text())), f"{name} needs no permission"


@pytest.mark.parametrize(
    "code",
    [
        'parts = statements.replace(";", "\\n").splitlines()',
        'left, expression = line.split("=", 1)',
        'lines = [line for line in dropped.synapse.splitlines() if line.split() != ["w", ":", "1"]]',
        "import re",
        "from re import sub",
        "import ast",
        "from brian2.utils.stringtools import word_substitute",
        "from brian2.utils.stringtools import get_identifiers as names",
        "from brian2.equations.equations import Equations",
        "from brian2 import Equations, ms",
        "import brian2.parsing.statements",
        "from brian2.parsing.sympytools import str_to_sympy",
        'code.count("rand")',
        'head = line.partition(" : ")[0]',
        'model.receive.startswith("v_post")',
        'model.receive.replace("w", weight)',
        "code.replace(';', \"\\n\")",
        '"rand" in model.threshold',
        'bare = line.split("#")[0]',
        "parts = code.split(separator)",
    ],
)
def test_taking_text_apart_is_seen(code: str) -> None:
    assert text_surgery(ast.parse(code))
