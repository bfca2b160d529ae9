"""The tables of the page about chips are those of the values. Run this file as a program to write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikehebb.hardware import TARGETS, Limit
from spikehebb.metrics import TABLES

PAGE = Path(__file__).parent.parent / "docs" / "hardware.md"


def shown(limit: Limit | None) -> str:
    if limit is None:
        return ""
    value = limit.value
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, tuple):
        text = ", ".join(map(str, value))
    else:
        text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if limit.verified else f"*{text}, unverified*"


def targets() -> str:
    """Return the limits of all targets as a table."""
    columns = [target for target in TARGETS.values() if target.limits]
    names = list(dict.fromkeys(name for target in columns for name in target.limits))
    lines = [f"| | {' | '.join(target.name for target in columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        lines.append(f"| `{name}` | {' | '.join(shown(target.limits.get(name)) for target in columns)} |")
    lines += ["", *(f"- `{t.name}`: {t.summary}. Sources: {sources(t.limits.values())}." for t in columns)]
    return "\n".join(lines)


def sources(limits: object) -> str:
    assert not isinstance(limits, str)
    return "; ".join(dict.fromkeys(limit.source for limit in limits))  # type: ignore[attr-defined]


def costs() -> str:
    """Return the costs of all tables, in picojoules."""
    lines = ["| table | operation | pJ | source |", "|---|---|---|---|"]
    for table in TABLES.values():
        for name, cost in table.costs.items():
            mark = "" if cost.verified else " *(unverified)*"
            lines.append(f"| `{table.name}` | {name} | {cost.pj:,g} | {cost.source}{mark} |")
    return "\n".join(lines)


def filled(page: str) -> str:
    """Return the page with both tables as they should be."""
    for what, table in (("targets", targets()), ("costs", costs())):
        start = page.index("-->", page.index(f"<!-- {what}:")) + 4
        page = f"{page[:start]}\n{table}\n\n{page[page.index(f'<!-- end of {what}') :]}"
    return page


def test_the_tables_are_those_of_the_values() -> None:
    page = PAGE.read_text()
    assert filled(page) == page, "run python -m tests.test_hardware_docs"


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_target_with_limits_is_described(name: str) -> None:
    assert not TARGETS[name].limits or f"- `{name}`: {TARGETS[name].summary}" in PAGE.read_text()


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
