"""How sphinx-gallery runs the examples: each in a folder of its own, whose pictures are shown."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

RUNS = Path(__file__).parent / "_build" / "examples"


def arguments(conf: dict[str, Any], variables: dict[str, Any]) -> list[str]:
    """Return the command line of an example: the folder that it may write to, which is also where it runs."""
    folder = RUNS / Path(variables["src_file"]).stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return [str(folder)]


def pictures(block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """Return the pictures that an example has written, for its page."""
    folder = RUNS / Path(variables["src_file"]).stem
    shown = []
    for file in sorted(folder.rglob("*.png"), key=os.path.getmtime):
        shown.append(next(variables["image_path_iterator"]))
        shutil.move(file, shown[-1])
    return figure_rst(shown, conf["src_dir"]) if shown else ""
