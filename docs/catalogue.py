"""Write the catalogue pages from the values themselves; `make docs` runs this before Sphinx."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from brian2 import ms

from spikehebb import plot
from spikehebb.circuits import has_pair_form
from spikehebb.encoders import ENCODERS
from spikehebb.hardware import TARGETS, Limit
from spikehebb.jobs import learn_presets, stdp_window
from spikehebb.metrics import TABLES
from spikehebb.neurons import NEURONS
from spikehebb.rules import FAMILIES, RULES

OUT = Path(__file__).parent / "catalogue"
CAMPAIGN = Path(__file__).parent.parent / "benchmarks" / "results" / "campaign.json"

RULE = {
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
    "onset": "in all synapses, at each onset, one line after the other",
}
NEURON = {
    "equations": "equations",
    "threshold": "spikes when",
    "reset": "at its spike",
    "receive": "at an arriving spike",
    "onset": "at the onset of a presentation",
    "frame": "when a row of the stimulus begins",
    "update": "at every time step, after continuous input",
}


def entries(values: Iterable[Any], texts: Mapping[str, str]) -> list[str]:
    """Return the lines of every entry: what it is, its window if it has one, its Brian2 text, its parameters."""
    lines = []
    for value in values:
        lines += [f"### {value.name}", "", f"{value.summary}.", ""]
        if (OUT / f"window_{value.name}.png").exists():
            lines += [f"![Window of {value.name}](window_{value.name}.png)", ""]
        blocks = {title: plain(getattr(value, text)) for text, title in texts.items()}
        lines += ["```", "\n\n".join(f"# {title}\n{block}" for title, block in blocks.items() if block), "```", ""]
        if value.parameters:
            lines += ["| parameter | default | is a |", "|---|---|---|"]
            lines += [f"| `{key}` | {number} | {value.meaning[key]} |" for key, number in value.parameters.items()] + [
                ""
            ]
        lines += [
            line for line in (getattr(value, "ties", ""), value.reference and f"Source: {value.reference}.") if line
        ]
        lines += [
            "",
            *(f"- {work}, doi:{work.doi}" if work.doi else f"- {work}" for work in getattr(value, "cites", ())),
        ]
        lines += [""]
    return lines


def plain(text: str | tuple[str, ...]) -> str:
    """Return Brian2 text with one statement on a line."""
    return dedent("\n".join(text) if isinstance(text, tuple) else text).strip().replace("; ", "\n")


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


def pages() -> dict[str, str]:
    """Return the text of every page by the name of its file."""
    made = "Made from the values that the package runs"
    rules = ["# Rules", "", f"*{made}; windows are drawn with noise (`sigma`) off.*", ""]
    rules += ["![Windows of all rules](gallery.png)", ""]
    for family, members in FAMILIES.items():
        rules += [f"## {family[0].upper()}{family[1:]}", "", *entries(members, RULE)]
    neurons = ["# Neurons and encoders", "", f"*{made}.*", ""]
    for title, models in (("Neurons", NEURONS), ("Encoders and sources", ENCODERS)):
        neurons += [f"## {title}", "", *entries(models.values(), NEURON)]
    chips = [
        "# Chips",
        "",
        f"*{made}.*",
        "",
        "## Limits",
        "",
        *limits(),
        "",
        "## Costs of operations",
        "",
        *costs(),
        "",
    ]
    texts = {"rules": rules, "neurons": neurons, "chips": chips, "campaign": campaign(), "presets": presets()}
    return {name: "\n".join(lines) for name, lines in texts.items()}


def main() -> None:
    """Write the pages, the pictures of the windows, and a sheet of them all."""
    OUT.mkdir(exist_ok=True)
    windows = []
    for rule in RULES.values():
        if has_pair_form(rule):
            quiet = {"sigma": 0.0} if "sigma" in rule.parameters else {}
            windows.append(stdp_window(rule.with_parameters(**quiet), [5.0 * step for step in range(-20, 21)] * ms))
            plot.save(plot.stdp_window(windows[-1], rule), OUT / f"window_{rule.name}.png")
    plot.save(plot.gallery(windows), OUT / "gallery.png")
    for name, text in pages().items():
        (OUT / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
