"""Write the catalogue pages from the values themselves; `make docs` runs this before Sphinx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from brian2 import ms

from spikehebb import plot
from spikehebb.circuits import has_pair_form
from spikehebb.encoders import ENCODERS
from spikehebb.jobs import stdp_window
from spikehebb.neurons import NEURONS
from spikehebb.rules import FAMILIES, RULES

OUT = Path(__file__).parent / "catalogue"

RULE = {
    "needs_pre": "needed in the presynaptic neuron",
    "pre": "in the presynaptic neuron",
    "pre_spike": "there, when its spike arrives",
    "needs_post": "needed in the postsynaptic neuron",
    "post": "in the postsynaptic neuron",
    "post_spike": "there, at its spike",
    "synapse": "in the synapse",
    "on_pre": "in the synapse, when a presynaptic spike arrives",
    "on_post": "in the synapse, when the postsynaptic neuron spikes",
    "update": "in the synapse, at every step",
    "onset": "in all synapses, at each onset, one line after the other",
}
NEURON = {
    "equations": "equations",
    "threshold": "spikes when",
    "reset": "at its spike",
    "receive": "at an arriving spike",
    "onset": "at the onset of a presentation",
    "update": "at each step, after continuous input",
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
            lines += ["| parameter | default |", "|---|---|"]
            lines += [f"| `{key}` | {number} |" for key, number in value.parameters.items()] + [""]
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
    note = "*Made from the values that the package runs; windows are drawn with noise (`sigma`) off.*"
    lines = ["# Rules", "", note, "", "![Windows of all rules](gallery.png)", ""]
    for family, rules in FAMILIES.items():
        lines += [f"## {family[0].upper()}{family[1:]}", "", *entries(rules, RULE)]
    (OUT / "rules.md").write_text("\n".join(lines))
    lines = ["# Neurons and encoders", "", "*Made from the values that the package runs.*", ""]
    for title, models in (("Neurons", NEURONS), ("Encoders and sources", ENCODERS)):
        lines += [f"## {title}", "", *entries(models.values(), NEURON)]
    (OUT / "neurons.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
