"""Every example in a docstring runs, and every public function has a docstring."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import spikehebb

MODULES = [importlib.import_module(info.name) for info in pkgutil.walk_packages(spikehebb.__path__, "spikehebb.")]


@pytest.mark.long
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_in_docstrings(module: ModuleType) -> None:
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_functions_are_described(module: ModuleType) -> None:
    for name, item in vars(module).items():
        if inspect.isfunction(item) and item.__module__ == module.__name__ and not name.startswith("_"):
            assert item.__doc__, f"{module.__name__}.{name} has no docstring"
