"""Links of pages lead somewhere: those of Markdown files outside ``docs/``, and those of built pages (``docs.links``)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.links import broken

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *(page for folder in ("benchmarks", "examples", "models") for page in (ROOT / folder).rglob("*.md")),
]


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert lost == []


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="rules/a%20b.html#here">1</a><a href="https://example.org/x">2</a><img src="lost.png">'
        '<a href="#top">3</a><a href="rules/a%20b.html#away">4</a><p id="top">'
    )
    (tmp_path / "rules" / "a b.html").write_text(
        '<p id="here"><a href="../index.html">up</a><a href="../gone.html">x</a>'
    )
    assert broken(tmp_path) == [
        "index.html: lost.png",
        "index.html: rules/a%20b.html#away (no such anchor)",
        "rules/a b.html: ../gone.html",
    ]
