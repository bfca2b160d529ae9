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
    {"catalogue", "rules", "neurons", "circuits", "encoders", "protocols"},
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
