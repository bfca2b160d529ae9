"""Pages about runs: all they show is in them, nothing in them is taken for tags, and a browser shows them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from spikehebb import plot, report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
RUN = {
    "kind": "digits",
    "config": {"neurons": 5, "rule": "<script>alert(1)</script>"},
    "seed": 0,
    "device": "numpy",
    "versions": {"python": "3.12"},
    "data": {"train": {"name": "mine", "count": 3, "digest": "abc123", "hashes": {"file": "f00"}}},
    "metrics": {"accuracy_vote": 0.9125, "ms_per_image_train": 0.5},
    "health": {"warnings": ["half of the neurons are silent & more"]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1])
    plot.save(figure, tmp_path / "a_curve.png")
    return tmp_path


class Tags(HTMLParser):
    """What a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_holds_all_that_it_shows(folder: Path) -> None:
    path = report.write(folder, command=report.typed(["learn", "--out", "a folder"]))
    page = path.read_text()
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in tags.seen}
    assert not re.search(r"https?:|url\(|@import", page)
    (picture,) = [given for tag, given in tags.seen if tag == "img"]
    assert str(picture["src"]).startswith("data:image/png;base64,")
    for text in ("91.25 %", "spikehebb learn --out &#x27;a folder&#x27;", "abc123", "f00", "3.12", "silent &amp; more"):
        assert text in page
    assert "&lt;script&gt;" in page
    assert "a folder" in report.write(folder).read_text()  # a later call keeps the command


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        (
            "summary.json",
            {"kind": "replicas", "mean": {"accuracy_vote": 0.5}, "networks": [{"folder": "seed-0"}]},
            "seed-0",
        ),
        ("study.json", {"kind": "study of bits", "baseline": {"accuracy_vote": 0.25}, "points": []}, "25.00 %"),
    ],
)
def test_other_runs_have_pages(name: str, content: dict[str, object], shown: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps(content))
    assert shown in report.write(tmp_path).read_text()


def test_a_folder_without_a_run_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no finished run and no sweep, so there is nothing to report"):
        report.write(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(ValueError, match=r"the report .* must be a table of names and values"):
        report.write(tmp_path)


@pytest.mark.parametrize("name", ["config", "data", "versions", "metrics", "health", "networks"])
def test_a_report_of_any_form_is_shown_or_left_out(name: str, tmp_path: Path) -> None:
    values: list[object] = [3, "x", [1], {"a": [1, {"b": None}]}, {"a": {"b": {}}}]
    for value in values:
        (tmp_path / "run.json").write_text(json.dumps({**RUN, name: value}))
        tags = Tags()
        tags.feed(report.write(tmp_path).read_text())
        assert tags.open == []


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_a_page(folder: Path, tmp_path: Path) -> None:
    """Its picture is decoded, its text is there, and what looked like a script has not run."""
    page = report.write(folder).read_text()
    asks = "<script>document.title = document.images[0].naturalWidth + ' in ' + document.title</script>"
    (tmp_path / "asked.html").write_text(page.replace("</body>", f"{asks}</body>"))
    words = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom"]
    done = subprocess.run(
        [str(BROWSER), *words, (tmp_path / "asked.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"<title>400 in digits in {folder.name}</title>" in done.stdout
    assert "91.25 %" in done.stdout
