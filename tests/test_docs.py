"""Links lead somewhere, in Markdown files outside ``docs/`` and in built pages; pictures show what rules do."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms

from docs.api_pages import api_pages
from docs.links import broken
from docs.windows import FREQUENCIES, LAGS, measured
from spikehebb.jobs import frequency_response, stdp_window
from spikehebb.rules import RULES

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


@pytest.mark.first_is_quick
@pytest.mark.parametrize("name", ["stdp_pair", "triplet_vc_full", "triplet_hc_full"])
def test_kept_windows_are_those_of_the_rules(name: str) -> None:
    """A build draws what ``docs/windows.json`` holds; two lags and one frequency are measured again.

    Not of calcium rules: at 50 Hz their traces graze a threshold, and a rounding of another device decides.
    """
    window, response = measured([RULES[name]])[name]
    assert response is not None
    quiet = RULES[name].with_parameters(**({"sigma": 0.0} if "sigma" in RULES[name].parameters else {}))
    two = np.isin(LAGS, [-10, 10])
    again = stdp_window(quiet, LAGS[two] * ms, repeats=window.repeats, w0=window.w0)
    assert window.dw[two] == pytest.approx(again.dw, rel=1e-3, abs=1e-9)  # a threshold crossed a step earlier or later
    fast = frequency_response(quiet, [50] * Hz, w0=response.w0)
    assert response.dw[:, FREQUENCIES == 50] == pytest.approx(fast.dw, rel=1e-3)


def test_the_reference_names_what_there_is() -> None:
    assert "train_softhebb" in "".join(api_pages().values())


def test_every_example_begins_with_a_title() -> None:
    """The gallery of the documentation shows it."""
    for path in sorted((ROOT / "examples").glob("*.py")):
        title, line, *_ = path.read_text(encoding="utf-8").removeprefix('"""').splitlines()
        assert line == "=" * len(title), f"{path.name} begins with a title and a line of = below it"
