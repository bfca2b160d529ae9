"""Write the pages of the catalogue from the values themselves; ``make docs`` runs this before Sphinx."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docs.api_pages import api_pages
from docs.rule_pages import draw, equations, listing, parameters, rule_pages
from docs.windows import measured
from spikehebb.encoders import ENCODERS
from spikehebb.hardware import TARGETS, Limit
from spikehebb.jobs import learn_presets
from spikehebb.jobs import models as trained
from spikehebb.metrics import TABLES
from spikehebb.neurons import NEURONS
from spikehebb.rules import RULES

HERE = Path(__file__).parent
CAMPAIGN = HERE.parent / "benchmarks" / "results" / "campaign.json"

NEURON = {
    "equations": "equations",
    "threshold": "spikes when",
    "reset": "at its spike",
    "receive": "at an arriving spike",
    "onset": "at the onset of a presentation",
    "frame": "when a row of the stimulus begins",
    "update": "at every time step, after continuous input",
}


def entries(values: Iterable[Any]) -> list[str]:
    """Return the lines of every neuron or encoder: what it is, its equations and Brian2 text, its parameters."""
    lines = []
    for value in values:
        lines += [f"### {value.name}", "", f"{value.summary}.", "", *equations(value), *listing(value, NEURON)]
        lines += parameters(value)
        lines += [f"Source: {value.reference}.", ""] if value.reference else []
    return lines


def limits() -> list[str]:
    """Return the lines of a table with the limits of every chip, and of their sources."""
    chips = [target for target in TARGETS.values() if target.limits]
    names = dict.fromkeys(name for target in chips for name in target.limits)
    lines = [f"| | {' | '.join(target.name for target in chips)} |", "|---" * (len(chips) + 1) + "|"]
    lines += [f"| `{name}` | {' | '.join(shown(target.limits.get(name)) for target in chips)} |" for name in names]
    for target in TARGETS.values():
        sources = "; ".join(dict.fromkeys(limit.source for limit in target.limits.values()))
        lines += ["", f"- `{target.name}`: {target.summary}.{f' Sources: {sources}.' if sources else ''}"]
    return lines


def shown(limit: Limit | None) -> str:
    """Return a limit as it stands in the table."""
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


def costs() -> list[str]:
    """Return the lines of a table with the costs of every operation, in picojoules."""
    lines = ["| table | operation | pJ | source |", "|---|---|---|---|"]
    for table in TABLES.values():
        for name, cost in table.costs.items():
            mark = "" if cost.verified else " *(unverified)*"
            lines.append(f"| `{table.name}` | {name} | {cost.pj:,g} | {cost.source}{mark} |")
    return lines


def campaign() -> list[str]:
    """Return the lines of the table of the last campaign against the toolkit."""
    if not CAMPAIGN.exists():
        return ["*No campaign has been run with this version.*"]
    report = json.loads(CAMPAIGN.read_text())
    verdicts = ("ok", "wrong", "lost", "traceback", "hang", "memory", "code")
    lines = [f"| | cases | {' | '.join(verdicts)} |", "|---" * (len(verdicts) + 2) + "|"]
    for row in report["kinds"].values():
        more = {name: n for name, n in row.items() if name not in (*verdicts, "what", "cases", "seconds")}
        what = f"{row['what']}{''.join(f' ({n} {name})' for name, n in more.items())}"
        lines.append(f"| {what} | {row['cases']:,} | {' | '.join(f'{row[name]:,}' for name in verdicts)} |")
    tools = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    lines += ["", f"Seed {report['seed']}, {report['minutes']:g} minutes; {tools}."]
    reasons = dict.fromkeys(fault["then"] for fault in report.get("mended", ()))
    return [*lines, *(f"Found and mended in it ({reason})." for reason in reasons)]


def presets() -> list[str]:
    """Return the lines of the table of what `learn --preset` learns."""
    lines = ["| preset | what | data | accuracy | published, % |", "|---" * 5 + "|"]
    for preset in learn_presets().values():
        published = "" if preset.published is None else f"{preset.published:g}"
        what = f"{preset.summary}; {preset.source}"
        lines.append(f"| `{preset.name}` | {what} | {preset.data} | {preset.figure} | {published} |")
    return lines


def zoo() -> list[str]:
    """Return the lines of the table of the trained networks that come along, and their pictures."""
    lines = ["| model | what | data | accuracy | by | size |", "|---" * 6 + "|"]
    pictures = []
    for model in trained().values():
        size = model.file().stat().st_size / 1e6
        figure = f"{100 * model.accuracy:.1f} % | `{model.metric}`"
        lines.append(f"| `{model.name}` | {model.summary} | {model.data} | {figure} | {size:.2f} MB |")
        for path in sorted(model.folder.glob("*.png")):
            what = f"{path.stem.replace('_', ' ')} of {model.name}"
            pictures += [f"{what[0].upper()}{what[1:]}:", "", f"![{what}](../models/{model.name}/{path.name})", ""]
    return [*lines, "", *pictures]


def pages() -> dict[str, str]:
    """Return the text of every page of the catalogue by the name of its file."""
    made = "Made from the values that the package runs"
    neurons = ["# Neurons and encoders", "", f"*{made}.*", ""]
    for title, models in (("Neurons", NEURONS), ("Encoders and sources", ENCODERS)):
        neurons += [f"## {title}", "", *entries(models.values())]
    chips = ["# Chips", "", f"*{made}.*", "", "## Limits", "", *limits(), ""]
    chips += ["## Costs of operations", "", *costs(), ""]
    texts = {"neurons": neurons, "chips": chips, "campaign": campaign(), "presets": presets()}
    texts |= {"models": zoo()}
    return {"index": catalogue_index()} | rule_pages() | {name: "\n".join(lines) for name, lines in texts.items()}


def catalogue_index() -> str:
    """Return the page above the catalogue's pages."""
    parts = {
        "rules": "equations, window, dependence on the frequency, names elsewhere, works",
        "neurons": "neurons and encoders: equations and parameters",
        "chips": "limits of chips and costs of operations, each with its source",
    }
    lines = ["# Catalogue", "", "All of it is made from the values that the package runs.", "", "| | |", "|---|---|"]
    lines += [f"| [{name[0].upper()}{name[1:]}]({name}.md) | {what} |" for name, what in parts.items()]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *parts, "```", ""])


def main() -> None:
    """Write the pages, and the pictures of the rules."""
    written = {f"catalogue/{name}": text for name, text in pages().items()} | api_pages()
    for name, text in written.items():
        file = HERE / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:  # Sphinx reads again what is new
            file.write_text(text, encoding="utf-8")
    draw(measured(RULES.values()), HERE / "catalogue" / "pictures")


if __name__ == "__main__":
    main()
