"""What pyproject.toml allows is what is tested."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_oldest_versions_that_are_allowed_are_those_of_the_tests() -> None:
    """``make test OLDEST=1`` installs what ``oldest.txt`` pins."""
    pinned = dict(line.split("==") for line in (ROOT / "tests" / "oldest.txt").read_text().splitlines() if "==" in line)
    for requirement in PROJECT["dependencies"]:
        name, lowest = re.match(r"([\w-]+)>=([\d.]+)", requirement).groups()  # type: ignore[union-attr]
        if name in pinned:
            assert pinned[name].removesuffix(".0") == lowest.removesuffix(".0"), name


def test_every_python_that_is_claimed_is_one_that_make_finds() -> None:
    claimed = [c.split()[-1] for c in PROJECT["classifiers"] if re.fullmatch(r".* :: 3\.\d+", c)]
    makefile = (ROOT / "Makefile").read_text()
    assert claimed[0] == PROJECT["requires-python"].removeprefix(">=")
    assert all(f"python{version}" in makefile for version in claimed)
