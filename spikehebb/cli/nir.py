"""The command that reads NIR graphs of others and runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikehebb.cli.common import CHIPS, DeviceName, Json, command, print_json, say

_SHOWN = 20  # presentations whose answers are printed


@command(CHIPS, "nir network.nir --input spikes.npz --out answers.npz", name="nir")
def nir_(
    file: Annotated[Path, typer.Argument(help="A NIR file, from any tool.")],
    input: Annotated[
        Path | None,
        typer.Option(help="Spikes, .npz: 0 or 1, (steps, *shape) or (presentations, steps, *shape), for each input."),
    ] = None,
    dt: Annotated[float | None, typer.Option(help="Time step in ms; the one in the file when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="File .npz for what every output says in every step.")] = None,
    device: DeviceName = "numpy",
    as_json: Json = False,
) -> None:
    """Show a NIR graph; with input spikes, run it and show its answer."""
    import numpy as np
    from brian2 import ms

    from spikehebb import devices, jobs
    from spikehebb.export import graph_circuit, load_graph, sizes

    graph = load_graph(file)
    imported = graph_circuit(graph, dt=None if dt is None else dt * ms, name=file.stem)
    circuit, levels = imported.circuit, imported.circuit.levels()
    report: dict[str, Any] = {
        "kind": "nir",
        "dt_ms": float(imported.dt / ms),
        "nodes": sizes(graph),
        "populations": {
            name: {"neuron": part.model.name, "size": part.size, "level": levels[name]}
            for name, part in circuit.populations.items()
        },
        "projections": {
            name: {
                "pre": p.pre,
                "post": p.post,
                "steps_later": 0 if p.within_step else 1 + round(float(p.delay / imported.dt)),
            }
            for name, p in circuit.projections.items()
        },
        "inputs": {name: list(imported.shapes[name]) for name in imported.inputs},
        "outputs": dict(imported.outputs),
    }
    run = None
    if input is not None:
        run = jobs.run_graph(imported, jobs.read_spikes(input, imported), device=devices.find(device))
        report["spikes_per_presentation"] = dict(run.spikes)
        report["answers"] = {name: np.argmax(total, axis=1).tolist() for name, total in run.totals.items()}
        report["totals"] = {name: total.tolist() for name, total in run.totals.items()}
        if out is not None:
            jobs.save_run(run, out)
    elif out is not None:
        raise ValueError("--out keeps what the graph answers; give it spikes with --input.")
    if as_json:
        print_json(report)
        return
    say(f"{file}, dt {report['dt_ms']:g} ms: {', '.join(f'{n:,} {kind}' for kind, n in report['nodes'].items())}")
    for name, part in report["populations"].items():
        say(f"  {name:24} {part['size']:>7} {part['neuron']}, acts {_place(part['level'])}")
    for name, wire in report["projections"].items():
        late = wire["steps_later"]
        say(f"  {name:24} {wire['pre']} -> {wire['post']}, {f'{late} steps later' if late else 'within the step'}")
    if run is None:
        say("  give it spikes with --input to run it")
        return
    for name, total in run.totals.items():
        say(f"output {name}, {len(total)} presentations (largest value first)")
        for number, row in enumerate(total[:_SHOWN]):
            best = np.argsort(-row, kind="stable")[:5]
            say(f"  {number:5}  " + ", ".join(f"{at}: {row[at]:g}" for at in best))
        if len(total) > _SHOWN:
            say(f"  ... and {len(total) - _SHOWN} more (--json)")
    if out is not None:
        say(f"  {out}")


def _place(level: int) -> str:
    return "first in a step" if level == 0 else f"after level {level - 1}"
