"""A catalogue lists what its files define, each value under its variable's name, and the documentation shows it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import spikehebb
from docs import catalogue
from spikehebb.catalogue import collected
from spikehebb.core import NeuronModel, PlasticityRule, typeset
from spikehebb.encoders import ENCODERS
from spikehebb.equations import quantity_text
from spikehebb.hardware import TARGETS, Target
from spikehebb.metrics import TABLES
from spikehebb.neurons import NEURONS
from spikehebb.rules import FAMILIES, RULES, stdp_pair
from tests.module_graph import PACKAGE, each_file, syntax


def file(name: str, **values: object) -> dict[str, object]:
    module = ModuleType(name)
    vars(module).update(values)
    return vars(module)


def named(name: str) -> PlasticityRule:
    return dataclasses.replace(stdp_pair, name=name)


def test_values_of_a_kind_are_listed_in_the_order_of_their_definition() -> None:
    b, a = named("b"), named("a")
    values = collected(PlasticityRule, file("one", number=3, b=b, _private=named("p")), file("two", a=a))
    assert list(values.items()) == [("b", b), ("a", a)]


def test_a_value_is_called_as_its_variable() -> None:
    with pytest.raises(ValueError, match=r"one\.own has the name 'yours'; give the value and its variable the same"):
        collected(PlasticityRule, file("one", own=named("yours")))


def test_two_files_cannot_have_a_value_of_the_same_name() -> None:
    with pytest.raises(ValueError, match=r"two\.own: another file has a PlasticityRule of this name; choose another"):
        collected(PlasticityRule, file("one", own=named("own")), file("two", own=named("own")))


def test_every_rule_is_in_one_family_and_importable_by_name() -> None:
    assert [rule for family in FAMILIES.values() for rule in family] == list(RULES.values())
    assert all(getattr(spikehebb.rules, name) is rule for name, rule in RULES.items())


def test_every_value_that_a_file_defines_is_in_a_catalogue() -> None:
    """Neurons are in neurons or encoders.py, whoever uses them."""
    listed = {id(value) for catalogue in (RULES, NEURONS, ENCODERS, TARGETS) for value in catalogue.values()}
    for info in pkgutil.walk_packages(spikehebb.__path__, "spikehebb."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, (PlasticityRule, NeuronModel, Target)) and not name.startswith("_"):
                assert id(value) in listed, f"{info.name}.{name} is in no catalogue"


@each_file
def test_every_name_of_a_file_is_given_once(path: Path) -> None:
    """A second value of a name would replace the first in silence."""
    statements = syntax(path).body
    targets = [target for node in statements if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in statements if isinstance(node, ast.AnnAssign)]
    given = Counter(target.id for target in targets if isinstance(target, ast.Name))
    definitions = [node for node in statements if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    overloads = ("overload", "typing.overload")
    given.update(n.name for n in definitions if not {ast.unparse(d) for d in n.decorator_list} & set(overloads))
    assert [name for name, times in given.items() if times > 1] == []


def test_every_value_is_in_the_documentation() -> None:
    """``make docs`` writes these pages."""
    pages = catalogue.pages()
    assert [name[6:] for name in pages if name.startswith("rules/")] == list(RULES)
    for name, rule in RULES.items():
        assert f"| [`{name}`](rules/{name}.md) | {rule.summary} |" in pages["rules"]
        page = pages[f"rules/{name}"]
        assert page.startswith(f"# {name}\n")
        for line in (line for lines in typeset(rule).values() for line in lines):
            assert line.partition(r"\leftarrow")[2] in page, "each equation is typeset"
            assert line.partition(" = ")[2] in page, "each equation is typeset"
        for parameter, value in rule.parameters.items():
            assert f"| `{parameter}` | {quantity_text(value)} |" in page, name
        assert all(f"https://doi.org/{work.doi}" in page for work in rule.cites if work.doi), name
    shown = [line[4:] for line in pages["neurons"].splitlines() if line.startswith("### ")]
    assert shown == [*NEURONS, *ENCODERS]
    for target in TARGETS.values():
        assert f"- `{target.name}`: {target.summary}" in pages["chips"]
        assert all(limit.source in pages["chips"] for limit in target.limits.values())
    assert "| `decay_bits` | 12 | *12, unverified* |  |  |  |  |" in pages["chips"]
    assert "*2,048, unverified*" in pages["chips"], "what nobody has checked is marked"
    for table in TABLES.values():
        for name, cost in table.costs.items():
            assert f"| `{table.name}` | {name} | {cost.pj:,g} | {cost.source}" in pages["chips"]


def test_no_page_counts_the_rules() -> None:
    """A number would have to be changed with every rule."""
    root = PACKAGE.parent
    for page in (root / "README.md", root / "CHANGELOG.md", *(root / "docs").glob("*.md")):
        assert not re.search(r"\b\d+ (learning )?rules\b", page.read_text()), (
            f"{page.name} counts the rules; say it without."
        )
