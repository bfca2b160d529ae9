"""Write the catalogue pages from the values themselves; `make docs` runs this before Sphinx."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from brian2 import ms

from spikehebb import plot
from spikehebb.encoders import ENCODERS
from spikehebb.experiments import stdp_window
from spikehebb.neurons import NEURONS
from spikehebb.rules import RULES

OUT = Path(__file__).parent / "catalogue"

RULE = {
    "pre": "in the presynaptic neuron",
    "pre_spike": "at its spike",
    "post": "in the postsynaptic neuron",
    "needs": "needed in the postsynaptic neuron",
    "post_spike": "at its spike, in the neuron",
    "synapse": "in the synapse",
    "on_pre": "in the synapse, when a presynaptic spike arrives",
    "on_post": "in the synapse, when the postsynaptic neuron spikes",
}
NEURON = {
    "equations": "equations",
    "threshold": "spikes when",
    "reset": "at its spike",
    "receive": "at an arriving spike",
    "onset": "at the onset of a presentation",
    "update": "at each step, after continuous input",
}


def page(title: str, entries: Mapping[str, Any], texts: Mapping[str, str], pictures: bool) -> str:
    """Return a page with every entry: what it is, its Brian2 text, its parameters."""
    lines = [f"# {title}", "", "*Made from the values that the package runs.*", ""]
    for name, value in entries.items():
        lines += [f"## {name}", "", f"{value.summary}.", ""]
        if pictures:
            lines += [f"![Window of {name}](window_{name}.png)", ""]
        blocks = {title: dedent(getattr(value, text)).strip().replace("; ", "\n") for text, title in texts.items()}
        lines += ["```", "\n\n".join(f"# {title}\n{block}" for title, block in blocks.items() if block), "```", ""]
        if value.parameters:
            lines += ["| parameter | default |", "|---|---|"]
            lines += [f"| `{key}` | {number} |" for key, number in value.parameters.items()] + [""]
        lines += [
            line for line in (getattr(value, "ties", ""), value.reference and f"Source: {value.reference}.") if line
        ]
        lines += [""]
    return "\n".join(lines)


def main() -> None:
    """Write the pages and the pictures of the windows."""
    OUT.mkdir(exist_ok=True)
    for rule in RULES.values():
        window = stdp_window(rule, [5.0 * step for step in range(-16, 17)] * ms)
        plot.save(plot.stdp_window(window, rule), OUT / f"window_{rule.name}.png")
    (OUT / "rules.md").write_text(page("Rules", RULES, RULE, pictures=True))
    (OUT / "neurons.md").write_text(page("Neurons and encoders", {**NEURONS, **ENCODERS}, NEURON, pictures=False))


if __name__ == "__main__":
    main()
