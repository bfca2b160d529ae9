"""The pages of the API reference, a topic each, from ``api.toml``: a table of what there is, then each in full."""

from __future__ import annotations

import importlib
import inspect
import tomllib
from pathlib import Path

TOPICS = tomllib.loads((Path(__file__).parent / "api.toml").read_text(encoding="utf-8"))


def api_pages() -> dict[str, str]:
    """Return the text of every page by the name of its file."""
    index = [
        "# Reference",
        "",
        "By topic; what is most used comes first. Every function takes and returns frozen values.",
        "",
    ]
    index += ["| topic | |", "|---|---|"]
    pages = {}
    for topic, entry in TOPICS.items():
        modules = {module: _names(module, names) for module, names in entry.items() if module.startswith("spikehebb")}
        named = [name for names in modules.values() for name in names]
        index.append(f"| [{entry['title']}]({topic}.md) | {', '.join(f'`{name}`' for name in named[:8])} |")
        lines = [
            f"# {entry['title']}",
            "",
            entry["intro"],
            "",
            "```{eval-rst}",
            ".. autosummary::",
            "   :nosignatures:",
            "",
        ]
        lines += [f"   ~{module}.{name}" for module, names in modules.items() for name in names] + [""]
        for module, names in modules.items():
            lines += [f".. currentmodule:: {module}", ""]
            for name in names:
                kind = "class" if inspect.isclass(_found(module, name)) else "function"
                lines += [f".. auto{kind}:: {name}", *(["   :members:"] if kind == "class" else []), ""]
        pages[f"api/{topic}"] = "\n".join([*lines, "```", ""])
    index += ["", "```{toctree}", ":hidden:", "", *TOPICS, "```", ""]
    return {"api/index": "\n".join(index), **pages}


def _names(module: str, names: list[str]) -> list[str]:
    """Return names as listed, or all public functions and classes of a module where ``*`` stands."""
    if names != ["*"]:
        return names
    found = importlib.import_module(module)
    public = getattr(found, "__all__", None) or [name for name in vars(found) if not name.startswith("_")]
    wanted = (
        name for name in public if inspect.isfunction(_found(module, name)) or inspect.isclass(_found(module, name))
    )
    return [name for name in wanted if _found(module, name).__module__.startswith(module)]


def _found(module: str, name: str) -> object:
    return getattr(importlib.import_module(module), name)
