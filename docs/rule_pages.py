"""A page for each rule: equations, window and frequency curve, code to paste, parameters, names elsewhere, works."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from docs.windows import CURVES
from spikehebb import plot
from spikehebb.circuits import has_pair_form
from spikehebb.core import PlasticityRule, Reference, typeset
from spikehebb.datasets.measurements import PUBLISHED
from spikehebb.equations import quantity_text
from spikehebb.rules import FAMILIES, RULES

HERE = Path(__file__).parent
ELSEWHERE: dict[str, dict[str, Any]] = tomllib.loads((HERE / "elsewhere.toml").read_text(encoding="utf-8"))
NEST = HERE.parent / "benchmarks" / "results" / "nest-agreement.json"
TEXTS = {
    "needs_pre": "needed in the presynaptic neuron",
    "pre": "in the presynaptic neuron",
    "pre_spike": "in the presynaptic neuron, when its spike arrives",
    "needs_post": "needed in the postsynaptic neuron",
    "post": "in the postsynaptic neuron",
    "post_spike": "in the postsynaptic neuron, at its spike",
    "synapse": "in the synapse",
    "on_pre": "in the synapse, when a presynaptic spike arrives",
    "on_post": "in the synapse, when the postsynaptic neuron spikes",
    "update": "in the synapse, at every time step",
    "pre_epoch": "in the presynaptic neuron, after every learning epoch",
    "post_epoch": "in the postsynaptic neuron, after every learning epoch",
    "onset": "in all synapses, at each onset, one line after the other",
}


def rule_pages() -> dict[str, str]:
    """Return the index of the rules and a page for each, by the name of its file."""
    nest = _nest()
    pages = {f"rules/{rule.name}": "\n".join(_page(rule, nest.get(rule.name, ()))) for rule in RULES.values()}
    return {"rules": "\n".join(_index()), **pages}


def _index() -> list[str]:
    lines = ["# Learning rules", ""]
    lines += ["Each rule has a page: equations, window, dependence on the frequency, parameters, code to paste, names"]
    lines += [
        "in other simulators, and the works to cite. All of it is made from the values that the package runs.",
        "",
    ]
    for family, members in FAMILIES.items():
        lines += [f"## {_title(family)}", "", "| rule | what |", "|---|---|"]
        lines += [f"| [`{rule.name}`](rules/{rule.name}.md) | {rule.summary} |" for rule in members]
        lines += ["", "```{toctree}", ":hidden:", "", *(f"rules/{rule.name}" for rule in members), "```", ""]
    return lines


def _title(text: str) -> str:
    return text[0].upper() + text[1:]


def _page(rule: PlasticityRule, nest: Iterable[Mapping[str, Any]]) -> list[str]:
    family = next(name for name, members in FAMILIES.items() if rule in members)
    lines = [f"# {rule.name}", "", f"*{_title(family)}.* {rule.summary}.", ""]
    lines += [f"Source: {rule.reference}.", ""]
    if has_pair_form(rule):
        shown = {"window": "STDP window"} | ({"frequency": "change against frequency"} if family in CURVES else {})
        lines += ["::::{grid} 1 1 2 2", ":gutter: 2", ""]
        for kind, alt in shown.items():
            picture = f"{rule.name}_{kind}.png"
            lines += [":::{grid-item}", f"![{rule.name}: {alt}](../pictures/{picture})", ":::", ""]
        lines += ["::::", ""]
    lines += ["## Equations", "", *equations(rule), rule.ties, ""]
    lines += ["## Use it", "", *_code(rule)]
    if rule.parameters:
        lines += ["## Parameters", "", *parameters(rule)]
    lines += ["## As Brian2 text", "", *listing(rule, TEXTS)]
    lines += [
        "`rule.brian2()` returns this text as the arguments of Brian2's own classes",
        "(see [values](../../values.md)).",
        "",
    ]
    if elsewhere := _elsewhere(rule, nest):
        lines += ["## Elsewhere", "", "| simulator | name | |", "|---|---|---|", *elsewhere, ""]
    if rule.cites:
        lines += ["## Cite", "", *map(work, rule.cites), "", f"`spikehebb cite {rule.name}` prints BibTeX.", ""]
    return lines


def equations(value: Any) -> list[str]:
    """Return the lines that typeset the equations of a rule or a neuron."""
    lines = []
    for when, group in typeset(value).items():
        body = " \\\\\n".join(
            line.replace(r" \leftarrow ", r" &\leftarrow ", 1)
            if r" \leftarrow " in line
            else line.replace(" = ", " &= ", 1)
            for line in group
        )
        lines += [f"{_title(when)}:", "", "$$", f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}", "$$", ""]
    return lines


def parameters(value: Any) -> list[str]:
    """Return the lines of a table of what is set, with its unit and what it means."""
    if not value.parameters:
        return []
    rows = [(key, quantity_text(number), value.meaning[key]) for key, number in value.parameters.items()]
    return ["| parameter | default | is a |", "|---|---|---|", *(f"| `{key}` | {n} | {m} |" for key, n, m in rows), ""]


def listing(value: Any, texts: Mapping[str, str]) -> list[str]:
    """Return the lines that show the Brian2 text of a value."""
    blocks = {title: plain(getattr(value, text)) for text, title in texts.items()}
    return ["```text", "\n\n".join(f"# {title}\n{block}" for title, block in blocks.items() if block), "```", ""]


def plain(text: str | tuple[str, ...]) -> str:
    """Return Brian2 text with one statement on a line."""
    return dedent("\n".join(text) if isinstance(text, tuple) else text).strip().replace("; ", "\n")


def work(reference: Reference) -> str:
    """Return a work as an item of a list, its DOI as a link."""
    return f"- {reference}{f', [doi:{reference.doi}](https://doi.org/{reference.doi})' if reference.doi else ''}"


def _code(rule: PlasticityRule) -> list[str]:
    if has_pair_form(rule):
        python = f'import spikehebb as sh\n\nwindow = sh.window("{rule.name}")'
        shell = "\n".join(f"spikehebb {kind} {rule.name} --out runs/{kind}" for kind in ("window", "frequency"))
    else:
        python = f"from spikehebb.rules import {rule.name}\n\nprint({rule.name}.parameters)"
        shell = f"spikehebb rules {rule.name}"
    lines = ["::::{tab-set}", ":sync-group: way", ""]
    for title, language, text in (("Python", "python", python), ("Shell", "shell", shell)):
        lines += [f":::{{tab-item}} {title}", f":sync: {language}", "", f"```{language}", text, "```", ":::", ""]
    return [*lines, "::::", ""]


def _nest() -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(NEST.read_text())["rows"] if NEST.exists() else ():
        rows.setdefault(row["rule"], []).append(row)
    return rows


def _elsewhere(rule: PlasticityRule, nest: Iterable[Mapping[str, Any]]) -> list[str]:
    lines = []
    for row in nest:
        agreement = f"equal to {row['difference']:.0e} of the change on random trains; {row['remark']}".rstrip("; ")
        lines.append(f"| NEST 3.10 | `{row['nest']}` | {agreement} |")
    known = ELSEWHERE.get(rule.name, {})
    for key, name in (("annarchy", "ANNarchy"), ("bindsnet", "BindsNET")):
        if key in known:
            lines.append(f"| {name} | {known[key]} | read, not run |")
    return lines


def draw(measured: Mapping[str, Any], folder: Path) -> None:
    """Draw the window and the frequency curve of every rule that has them, beside data where there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (window, response) in measured.items():
        data = [PUBLISHED[each] for each in ELSEWHERE.get(name, {}).get("data", ())]
        plot.save(plot.stdp_window(window, RULES[name]), folder / f"{name}_window.png")
        if response is not None:
            plot.save(plot.frequency_response(response, RULES[name], data), folder / f"{name}_frequency.png")
