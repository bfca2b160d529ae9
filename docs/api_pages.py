"""The pages of the API reference, a topic each, from ``api.toml``: a table of what there is, then each in full."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from spikehebb.cli import commands

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
    index += ["| [Command line](cli.md) | every command with its arguments and options |", ""]
    index += ["```{toctree}", ":hidden:", "", *TOPICS, "cli", "```", ""]
    return {"api/index": "\n".join(index), "api/cli": _command_line(), **pages}


def _command_line() -> str:
    """Return the page of the command line, as Typer writes it."""
    command = typer.main.get_command(commands)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="spikehebb"), name="spikehebb")
    text = re.sub(r"\A.*?\n# `spikehebb`", "# Command line", f"\n{text.lstrip()}", count=1, flags=re.DOTALL)
    return text.replace("```console", "```shell").replace("\n$ ", "\n")


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
