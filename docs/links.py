"""Check the links of built pages: ``python -m docs.links FOLDER`` names every one that leads nowhere, and ends with 1.

Links to other sites are not followed.
"""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Where a page leads, and the anchors that it has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and the anchors of a tag."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken(folder: Path) -> list[str]:
    """Return every link between the pages of a folder that leads nowhere."""
    read = cache(Page)
    found = []
    for file in sorted(folder.rglob("*.html")):
        if "_modules" in file.parts:  # sources, with links back that Sphinx guesses
            continue
        for link in sorted(read(file).links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file.resolve()
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                found.append(f"{file.relative_to(folder)}: {link}")
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in read(target).anchors:
                found.append(f"{file.relative_to(folder)}: {link} (no such anchor)")
    return found


if __name__ == "__main__":
    lost = broken(Path(sys.argv[1]))
    print(*lost, sep="\n")
    sys.exit(bool(lost))
